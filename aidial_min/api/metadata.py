"""Metadata of anything stored, by the name of its area.

The areas' own `get_metadata` does the same; this one is for code that learns only at run time what it looks at.
It knows /v1/metadata; it must not know sockets, retries or loops.
"""

from typing import TYPE_CHECKING, Any, Optional, overload

from ..core.call import Config, Flow
from ..core.tables import AsyncResource, SyncResource, async_flow, describe, sync_flow
from ..core.urls import StorageUrl
from ..errors import InvalidRequestError
from ..types.metadata import (
    ApplicationMetadata,
    ConversationMetadata,
    FileMetadata,
    NodeMetadata,
    PromptMetadata,
    StorageResourceType,
    ToolsetMetadata,
)
from . import storage

if TYPE_CHECKING:
    from typing import Literal

_MODELS = {
    "files": FileMetadata,
    "conversations": ConversationMetadata,
    "prompts": PromptMetadata,
    "applications": ApplicationMetadata,
    "toolsets": ToolsetMetadata,
}


def get(
    config: Config,
    resource: StorageResourceType,
    relative_url: StorageUrl,
    *,
    limit: Optional[int] = None,
    token: Optional[str] = None,
    recursive: Optional[bool] = None,
    permissions: Optional[bool] = None,
) -> Flow[NodeMetadata]:
    """Describe an item, or a folder (its URL ends in a slash) with one page of its entries.

    Args:
        resource: "files", "conversations", "prompts", "applications" or "toolsets".
        relative_url: its address, which begins with the same word: "files/{bucket}/folder/".
        limit: entries per page, 1 to 1000 (server's default: 100).
        token: `next_token` of the page before.
        recursive: all items below, without folders.
        permissions: tell what the caller may do with each entry.
    Raises:
        ResourceNotFoundError: there is nothing; so it is for an empty folder, unless it is a bucket's root.

    GET /v1/metadata/{resource}/{bucket}/{path}
    """
    model: Any = _MODELS.get(resource)
    if model is None:
        raise InvalidRequestError("resource must be one of %s, not %r" % (", ".join(_MODELS), resource))
    query = {"limit": limit, "token": token, "recursive": recursive, "permissions": permissions}
    return storage.metadata(config, resource, model.from_json, relative_url, query)


_get = sync_flow(get)
_async_get = async_flow(get)


class Metadata(SyncResource):
    """Metadata of anything stored."""

    @overload
    def get(
        self,
        resource: "Literal['files']",
        relative_url: StorageUrl,
        *,
        limit: Optional[int] = None,
        token: Optional[str] = None,
        recursive: Optional[bool] = None,
        permissions: Optional[bool] = None,
    ) -> FileMetadata: ...

    @overload
    def get(
        self,
        resource: "Literal['conversations']",
        relative_url: StorageUrl,
        *,
        limit: Optional[int] = None,
        token: Optional[str] = None,
        recursive: Optional[bool] = None,
        permissions: Optional[bool] = None,
    ) -> ConversationMetadata: ...

    @overload
    def get(
        self,
        resource: "Literal['prompts']",
        relative_url: StorageUrl,
        *,
        limit: Optional[int] = None,
        token: Optional[str] = None,
        recursive: Optional[bool] = None,
        permissions: Optional[bool] = None,
    ) -> PromptMetadata: ...

    @overload
    def get(
        self,
        resource: "Literal['applications']",
        relative_url: StorageUrl,
        *,
        limit: Optional[int] = None,
        token: Optional[str] = None,
        recursive: Optional[bool] = None,
        permissions: Optional[bool] = None,
    ) -> ApplicationMetadata: ...

    @overload
    def get(
        self,
        resource: "Literal['toolsets']",
        relative_url: StorageUrl,
        *,
        limit: Optional[int] = None,
        token: Optional[str] = None,
        recursive: Optional[bool] = None,
        permissions: Optional[bool] = None,
    ) -> ToolsetMetadata: ...

    @overload
    def get(
        self,
        resource: StorageResourceType,
        relative_url: StorageUrl,
        *,
        limit: Optional[int] = None,
        token: Optional[str] = None,
        recursive: Optional[bool] = None,
        permissions: Optional[bool] = None,
    ) -> NodeMetadata: ...

    def get(self, resource: Any, relative_url: StorageUrl, **arguments: Any) -> Any:
        return _get(self, resource, relative_url, **arguments)


class AsyncMetadata(AsyncResource):
    """Metadata of anything stored."""

    @overload
    async def get(
        self,
        resource: "Literal['files']",
        relative_url: StorageUrl,
        *,
        limit: Optional[int] = None,
        token: Optional[str] = None,
        recursive: Optional[bool] = None,
        permissions: Optional[bool] = None,
    ) -> FileMetadata: ...

    @overload
    async def get(
        self,
        resource: "Literal['conversations']",
        relative_url: StorageUrl,
        *,
        limit: Optional[int] = None,
        token: Optional[str] = None,
        recursive: Optional[bool] = None,
        permissions: Optional[bool] = None,
    ) -> ConversationMetadata: ...

    @overload
    async def get(
        self,
        resource: "Literal['prompts']",
        relative_url: StorageUrl,
        *,
        limit: Optional[int] = None,
        token: Optional[str] = None,
        recursive: Optional[bool] = None,
        permissions: Optional[bool] = None,
    ) -> PromptMetadata: ...

    @overload
    async def get(
        self,
        resource: "Literal['applications']",
        relative_url: StorageUrl,
        *,
        limit: Optional[int] = None,
        token: Optional[str] = None,
        recursive: Optional[bool] = None,
        permissions: Optional[bool] = None,
    ) -> ApplicationMetadata: ...

    @overload
    async def get(
        self,
        resource: "Literal['toolsets']",
        relative_url: StorageUrl,
        *,
        limit: Optional[int] = None,
        token: Optional[str] = None,
        recursive: Optional[bool] = None,
        permissions: Optional[bool] = None,
    ) -> ToolsetMetadata: ...

    @overload
    async def get(
        self,
        resource: StorageResourceType,
        relative_url: StorageUrl,
        *,
        limit: Optional[int] = None,
        token: Optional[str] = None,
        recursive: Optional[bool] = None,
        permissions: Optional[bool] = None,
    ) -> NodeMetadata: ...

    async def get(self, resource: Any, relative_url: StorageUrl, **arguments: Any) -> Any:
        return await _async_get(self, resource, relative_url, **arguments)


describe(Metadata.get, get)
describe(AsyncMetadata.get, get)
