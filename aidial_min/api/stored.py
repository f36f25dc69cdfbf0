"""What is stored in buckets: conversations, prompts, custom applications, custom toolsets; files see files.py.

All kinds share their addresses, metadata, listings, preconditions, moving and copying, written once in `Stored`;
a kind says what it is called and which models it has, and adds what it alone can do.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar, Union, overload

from ..core.body import json_body
from ..core.call import Answer, Request, json_value, list_of, model_of, nothing
from ..core.operation import Async, Bound, Resource, Sync, listing, operation, overloaded
from ..core.urls import SCHEME, StoragePath, StorageUrl, is_posix_path, item_path, parse_storage_url
from ..errors import (
    DialException,
    EndpointNotSupportedError,
    InvalidDialURLError,
    InvalidRequestError,
    ParsingDataError,
    ResourceNotFoundError,
)
from ..types._model import Model, unexpected
from ..types.application import ApplicationLog, CustomApplication
from ..types.conversation import Conversation
from ..types.metadata import (
    ConversationItem,
    ConversationMetadata,
    FileMetadata,
    NodeMetadata,
    PromptItem,
    PromptMetadata,
    ResourceItem,
    ResourceItemMetadata,
    ResourceMetadata,
)
from ..types.prompt import Prompt
from ..types.toolset import CustomToolset

if TYPE_CHECKING:
    from typing import AsyncIterator, Callable, Dict, List, Literal, Mapping, Optional, Protocol, Type, TypedDict

    from typing_extensions import Unpack

    from ..core.operation import Later
    from ..types.metadata import StorageResourceType

    class Page(TypedDict, total=False):
        """Which page of a folder, and what it tells."""

        limit: Optional[int]
        token: Optional[str]
        recursive: Optional[bool]
        permissions: Optional[bool]

    F = TypeVar("F", covariant=True)
    C = TypeVar("C", covariant=True)
    P = TypeVar("P", covariant=True)
    R = TypeVar("R", covariant=True)
    N = TypeVar("N", covariant=True)

    DefinitionType = Literal["applications", "toolsets"]

    class GetMetadata(Protocol[F, C, P, R, N]):
        @overload
        def __call__(self, resource: Literal["files"], relative_url: StorageUrl, **page: Unpack[Page]) -> F: ...
        @overload
        def __call__(self, resource: Literal["conversations"], relative_url: StorageUrl, **page: Unpack[Page]) -> C: ...
        @overload
        def __call__(self, resource: Literal["prompts"], relative_url: StorageUrl, **page: Unpack[Page]) -> P: ...
        @overload
        def __call__(self, resource: DefinitionType, relative_url: StorageUrl, **page: Unpack[Page]) -> R: ...
        @overload
        def __call__(self, resource: StorageResourceType, relative_url: StorageUrl, **page: Unpack[Page]) -> N: ...

    Refused = Callable[[Any, ParsingDataError], None]
    """Is told of an entry of a listing that is not what it should be, and why."""


T = TypeVar("T")
Document = TypeVar("Document", bound=Model)
Item = TypeVar("Item", bound=ResourceItemMetadata)
Node = TypeVar("Node", bound=NodeMetadata)

PAGE = 1000
"""Entries asked for per page of a listing: the most that Core gives."""


def preconditions(match: str | None, none_match: str | None = None) -> dict[str, str | None]:
    """The ETag headers; Core of 2024 does not trim spaces in lists of tags."""
    if isinstance(match, str):  # anything else is refused, with the other headers
        match = ",".join(tag.strip() for tag in match.split(","))
    return {"If-Match": match, "If-None-Match": none_match}


def is_missing(error: DialException) -> bool:
    """Whether an error says that the resource is not there (and not that the endpoint is not)."""
    return isinstance(error, ResourceNotFoundError) and not isinstance(error, EndpointNotSupportedError)


async def describe(resource: Resource, kind: str, node: Type[Node], url: StorageUrl, query: dict[str, Any]) -> Node:
    """Metadata of an item or a folder; a PurePosixPath can't end in a slash, so it is tried as both, item first."""
    path = parse_storage_url(resource._config.origin, url, kind)
    total_at = resource._client._transport.total_at(resource._config)  # for both requests together

    def request(path: StoragePath) -> Request[Node]:
        return Request("GET", "/v1/metadata/" + path.path, query=query, decode=model_of(node.from_json))

    try:
        return await resource._call(request(path), total_at)
    except ResourceNotFoundError as missing:
        if path.folder or not is_posix_path(url) or not is_missing(missing):
            raise
        try:
            return await resource._call(request(path.as_folder()), total_at)
        except ResourceNotFoundError:
            raise missing from None


class DialStorageResource(NamedTuple):
    """A parsed address; paths are percent-encoded, and have no slash at their end.

    Attributes:
        resource_type: "files", "prompts", "skills", ...
        bucket: its bucket.
        absolute_url: "https://dial.example.com/v1/files/{bucket}/a%20b/c.txt"; ends in a slash if the address did.
        relative_url: the same from the server's root: "/v1/files/{bucket}/a%20b/c.txt".
        api_path: "files/{bucket}/a%20b/c.txt".
        bucket_path: "a%20b/c.txt"; None for the root of a bucket.
        filename: "c.txt"; None for a folder.
    """

    resource_type: str
    bucket: str
    absolute_url: str
    relative_url: str
    api_path: str
    bucket_path: Optional[str]
    filename: Optional[str]


class Addressed(Resource):
    """Resources that have addresses in the storage."""

    _kind: str

    def get_api_prefix(self) -> str:
        """The part of the API that serves these resources: "v1/", "v2/" for skills. Nothing is sent."""
        return "v2/" if self._kind == "skills" else "v1/"

    def get_storage_resource(self, url: StorageUrl, *, allow_empty_bucket_path: bool = False) -> DialStorageResource:
        """What an address says. Nothing is sent.

        Args:
            url: an address of such a resource, relative or absolute, encoded or not.
            allow_empty_bucket_path: the root of a bucket ("files/{bucket}") is one, too.
        Raises:
            InvalidDialURLError: it is no such address.
            NotDialURLError: an absolute URL of another server.
        """
        origin = self._config.origin
        if isinstance(url, str) and re.match(SCHEME, url):
            url = url.split("#", 1)[0].split("?", 1)[0]  # of no meaning here, as for the official client
        path = parse_storage_url(origin, url, self._kind)
        if not path.segments and not allow_empty_bucket_path:
            raise InvalidDialURLError("Missing bucket path in URL: %s" % url)
        api_path = path.path.rstrip("/")
        names = api_path.split("/", 2)
        below = self.get_api_prefix() + api_path
        return DialStorageResource(
            resource_type=path.kind,
            bucket=path.bucket,
            absolute_url="%s/%s%s" % (origin.url, below, "/" if str(url).endswith("/") else ""),
            relative_url="%s/%s" % (origin.prefix, below),
            api_path=api_path,
            bucket_path=names[2] if path.segments else None,
            filename=None if path.folder else api_path.rpartition("/")[2],
        )

    def get_api_path(self, url: StorageUrl, *, allow_empty_bucket_path: bool = False) -> str:
        """An address, relative or absolute, as the API takes it: "files/{bucket}/a%20b.txt". Nothing is sent.

        Args and Raises: as `get_storage_resource`.
        """
        return self.get_storage_resource(url, allow_empty_bucket_path=allow_empty_bucket_path).api_path

    def get_display_name(self, url: StorageUrl) -> Optional[str]:
        """The path below the bucket, percent-encoded: "a%20b/c.txt". Nothing is sent.

        Args and Raises: as `get_storage_resource`.
        """
        return self.get_storage_resource(url).bucket_path


class Stored(Addressed, Generic[Item, Node]):
    """What can be done with every kind of stored resource."""

    _node: Type[Node]
    _item: Type[Item]

    def _path(self, url: StorageUrl) -> StoragePath:
        return item_path(self._config.origin, url, self._kind)

    @operation
    async def delete(self, url: StorageUrl, etag_if_match: Optional[str] = None) -> None:
        """Delete one.

        Args:
            url: its address.
            etag_if_match: delete only this version.
        Raises:
            ResourceNotFoundError: there is none (of files, Core of 2024 does not say so).
            EtagMismatchError: it is another version.
            ConflictError: it is an application that runs.

        DELETE /v1/{kind}/{bucket}/{path}
        """
        headers = preconditions(etag_if_match)
        await self._call(Request("DELETE", "/v1/" + self._path(url).path, headers=headers, decode=nothing))

    @operation
    async def get_metadata(
        self,
        url: StorageUrl,
        *,
        limit: Optional[int] = None,
        token: Optional[str] = None,
        recursive: Optional[bool] = None,
        permissions: Optional[bool] = None,
    ) -> Node:
        """Describe an item, or a folder (its URL ends in a slash) with one page of its entries.

        Args:
            url: its address; that of a folder ends in a slash.
            limit: entries per page, 1 to 1000 (server's default: 100).
            token: `next_token` of the page before.
            recursive: all items below, without folders.
            permissions: tell what the caller may do with each entry.
        Raises:
            ResourceNotFoundError: there is nothing; so it is for an empty folder, unless it is a bucket's root.

        GET /v1/metadata/{kind}/{bucket}/{path}
        """
        query = {"limit": limit, "token": token, "recursive": recursive, "permissions": permissions}
        return await describe(self, self._kind, self._node, url, query)

    @listing
    def list(self, url: StorageUrl, recursive: bool = False) -> AsyncIterator[Item]:
        """Iterate over the entries of a folder, over all pages; an empty folder gives none.

        Args:
            url: the address of the folder.
            recursive: all items below, without folders.

        GET /v1/metadata/{kind}/{bucket}/{path}/
        """
        return self._entries(self._folder(url), recursive)

    def _folder(self, url: StorageUrl) -> StoragePath:
        return parse_storage_url(self._config.origin, url, self._kind).as_folder()

    async def _entries(
        self, folder: StoragePath, recursive: bool, refused: Optional[Refused] = None
    ) -> AsyncIterator[Item]:
        """The entries of a folder, over all pages.

        Args:
            refused: is told of entries that are not what they should be; if None, the first of them ends the listing.
        """
        path = "/v1/metadata/" + folder.path
        query: dict[str, Any] = {"limit": PAGE, "token": None, "recursive": recursive or None}
        seen = {None}
        while True:
            try:
                items, token = await self._get_at(path, self._page_of(refused), query)
            except DialException as error:
                if query["token"] is None and is_missing(error):
                    return
                raise
            for item in items:
                yield item
            if not token:
                return
            if token in seen:
                message = "the server gives the same page of the listing again"
                raise ParsingDataError(message, path="nextToken", request_sent="yes")
            seen.add(token)
            query["token"] = token

    def _page_of(self, refused: Optional[Refused]) -> Callable[[Answer], Any]:
        def decode(answer: Answer) -> tuple[list[Item], Optional[str]]:
            value = json_value(answer)
            entries = value.pop("items", None) if isinstance(value, dict) else None
            node = self._node.from_json(value)
            items = []
            if not isinstance(entries, (list, type(None))):
                raise unexpected(entries, "items", "a list")
            for index, entry in enumerate(entries or ()):
                try:
                    items.append(self._item.from_json(entry, "items[%d]" % index))
                except ParsingDataError as error:
                    if refused is None:
                        raise
                    refused(entry, error)
            return items, node.next_token

        return decode

    @operation
    async def move_to(self, source: StorageUrl, destination: StorageUrl, overwrite: bool = False) -> None:
        """Move one.

        Args:
            source, destination: addresses.
            overwrite: replace what is at the destination.
        Raises:
            InvalidRequestError: the source is missing, or the destination exists and `overwrite` is off (Core: 400).
            EtagMismatchError: the same of applications.
            ConflictError: the application is running.

        POST /v1/ops/resource/move
        """
        await self._transfer("move", source, destination, overwrite)

    @operation
    async def copy_to(self, source: StorageUrl, destination: StorageUrl, overwrite: bool = False) -> None:
        """Copy one. Core of 2024 does not have this endpoint.

        Args and Raises: as `move_to`.

        POST /v1/ops/resource/copy
        """
        await self._transfer("copy", source, destination, overwrite)

    async def _transfer(self, verb: str, source: StorageUrl, destination: StorageUrl, overwrite: bool) -> None:
        urls = {"sourceUrl": self._path(source).path, "destinationUrl": self._path(destination).path}
        await self._post("/v1/ops/resource/" + verb, {**urls, "overwrite": overwrite}, nothing)


class StoredJson(Stored[Item, Node], Generic[Document, Item, Node]):
    """What can be done with stored resources that are JSON objects."""

    _document: Type[Document]

    @operation
    async def get(self, url: StorageUrl) -> Document:
        """Get one. Of applications and toolsets: what may be seen of it by those who may only read it.

        Change what you mean to change and save the same object: fields unknown here go back as they came.

        Args:
            url: its address, as `save` takes it.
        Raises:
            ResourceNotFoundError: there is none.
            EndpointNotSupportedError: Core of 2024 has no toolsets.

        GET /v1/{kind}/{bucket}/{path}
        """
        return await self._get_at("/v1/" + self._path(url).path, model_of(self._document.from_json))

    async def _save(self, url: StorageUrl, value: Any, match: Optional[str], none_match: Optional[str]) -> Item:
        path = "/v1/" + self._path(url).path
        if not isinstance(value, (Model, dict)) and not hasattr(value, "keys"):
            raise InvalidRequestError("what is saved under %s must be a dict or a model" % self._kind)
        body = json_body(value if isinstance(value, Model) else dict(value))
        headers = preconditions(match, none_match)
        return await self._call(Request("PUT", path, headers=headers, body=body, decode=model_of(self._item.from_json)))


class _Conversations(StoredJson[Conversation, ConversationItem, ConversationMetadata]):
    _kind, _document, _item, _node = "conversations", Conversation, ConversationItem, ConversationMetadata

    @operation
    async def save(
        self,
        url: StorageUrl,
        conversation: Union[Conversation, Mapping[str, Any]],
        etag_if_match: Optional[str] = None,
        etag_if_none_match: Optional[str] = None,
    ) -> ConversationItem:
        """Create or replace a conversation.

        Args:
            url: where to store it, e.g. ``client.my_conversations_home() / "folder/today"``.
            conversation: a Conversation, or a dict as it is stored; every field of either is stored as it is.
            etag_if_match: replace only this version; Core ignores it where there is none yet.
            etag_if_none_match: "*" creates only.
        Returns:
            The metadata of the stored conversation.
        Raises:
            EtagMismatchError: a precondition does not hold.
            InvalidRequestError: the server does not take it.

        PUT /v1/conversations/{bucket}/{path}
        """
        return await self._save(url, conversation, etag_if_match, etag_if_none_match)


class Conversations(_Conversations, Sync):
    """Stored conversations."""


class AsyncConversations(_Conversations, Async):
    """Stored conversations."""


class _Prompts(StoredJson[Prompt, PromptItem, PromptMetadata]):
    _kind, _document, _item, _node = "prompts", Prompt, PromptItem, PromptMetadata

    @operation
    async def save(
        self,
        url: StorageUrl,
        prompt: Union[Prompt, Mapping[str, Any]],
        etag_if_match: Optional[str] = None,
        etag_if_none_match: Optional[str] = None,
    ) -> PromptItem:
        """Create or replace a prompt.

        Args:
            url: where to store it, e.g. ``client.my_prompts_home() / "folder/greeting"``.
            prompt: a Prompt, or a dict as it is stored (id, name, folderId, content, and whatever else shall be kept).
            etag_if_match, etag_if_none_match: as of conversations.
        Returns:
            The metadata of the stored prompt.

        PUT /v1/prompts/{bucket}/{path}
        """
        if isinstance(prompt, Prompt) and "content" not in prompt:
            prompt = {**prompt.to_dict(), "content": None}  # Core wants the key to be there
        return await self._save(url, prompt, etag_if_match, etag_if_none_match)


class Prompts(_Prompts, Sync):
    """Stored prompts."""


class AsyncPrompts(_Prompts, Async):
    """Stored prompts."""


class Definitions(StoredJson[Document, Item, Node]):
    """What users keep of applications and toolsets of their own."""

    @operation
    async def save(
        self,
        url: StorageUrl,
        body: Union[Document, Mapping[str, Any]],
        etag_if_match: Optional[str] = None,
        etag_if_none_match: Optional[str] = None,
    ) -> Item:
        """Create or replace an application, or a toolset (an MCP server).

        Args:
            url: where to store it, e.g. "applications/{bucket}/my app" or "toolsets/{bucket}/my tools".
            body: its definition: a CustomApplication or a CustomToolset, or a dict as it is stored (endpoint,
                display_name, transport, allowed_tools, ...).
            etag_if_match, etag_if_none_match: as of conversations.
        Returns:
            The metadata of the stored definition.
        Raises:
            ConflictError: the application is running.
            InvalidRequestError: an application with neither `endpoint` nor `function`, or with an unknown field.
            EndpointNotSupportedError: Core of 2024 has no toolsets.

        PUT /v1/{kind}/{bucket}/{path}
        """
        return await self._save(url, body, etag_if_match, etag_if_none_match)


class _CustomToolsets(Definitions[CustomToolset, ResourceItem, ResourceMetadata]):
    _kind, _document, _item, _node = "toolsets", CustomToolset, ResourceItem, ResourceMetadata


class CustomToolsets(_CustomToolsets, Sync):
    """Toolsets that users keep in buckets."""


class AsyncCustomToolsets(_CustomToolsets, Async):
    """Toolsets that users keep in buckets."""


class _CustomApplications(Definitions[CustomApplication, ResourceItem, ResourceMetadata]):
    _kind, _document, _item, _node = "applications", CustomApplication, ResourceItem, ResourceMetadata

    @operation
    async def start(self, url: StorageUrl) -> CustomApplication:
        """Start an application that the server runs from its `function`. Newer servers say deploy.

        Args:
            url: its address, as `save` takes it.
        Returns:
            The application, whose `function.status` changes from now on.
        Raises:
            ConflictError: it is in another state.
            ServerError: this server runs no applications.
            EndpointNotSupportedError: a server of the other generation.

        POST /v1/ops/application/start
        """
        return await self._operate("start", url, model_of(CustomApplication.from_json))

    @operation
    async def stop(self, url: StorageUrl) -> CustomApplication:
        """Stop such an application: as `start`. Newer servers say undeploy.

        POST /v1/ops/application/stop
        """
        return await self._operate("stop", url, model_of(CustomApplication.from_json))

    @operation
    async def deploy(self, url: StorageUrl) -> CustomApplication:
        """Start such an application: as `start`. Core of 2024 says start.

        POST /v1/ops/application/deploy
        """
        return await self._operate("deploy", url, model_of(CustomApplication.from_json))

    @operation
    async def undeploy(self, url: StorageUrl) -> CustomApplication:
        """Stop such an application: as `start`. Core of 2024 says stop.

        POST /v1/ops/application/undeploy
        """
        return await self._operate("undeploy", url, model_of(CustomApplication.from_json))

    @operation
    async def redeploy(self, url: StorageUrl) -> CustomApplication:
        """Start such an application anew, from the files as they are now. Core of 2024 does not have this endpoint.

        POST /v1/ops/application/redeploy
        """
        return await self._operate("redeploy", url, model_of(CustomApplication.from_json))

    @operation
    async def logs(self, url: StorageUrl) -> List[ApplicationLog]:
        """What the running instances of an application wrote: one entry per instance.

        Raises:
            ConflictError: it is not running.
            ServerError: this server runs no applications.

        POST /v1/ops/application/logs
        """
        return await self._operate("logs", url, list_of(ApplicationLog.from_json, "logs"))

    async def _operate(self, verb: str, url: StorageUrl, decode: Callable[[Answer], T]) -> T:
        return await self._post("/v1/ops/application/" + verb, {"url": self._path(url).path}, decode)


class CustomApplications(_CustomApplications, Sync):
    """Applications that users keep in buckets: their definitions, and their life cycle."""


class AsyncCustomApplications(_CustomApplications, Async):
    """Applications that users keep in buckets: their definitions, and their life cycle."""


class _Metadata(Resource):
    _models: Dict[str, Any] = {
        "files": FileMetadata,
        **{one._kind: one._node for one in (_Conversations, _Prompts, _CustomApplications, _CustomToolsets)},
    }

    @overloaded
    async def _get(
        self,
        resource: str,
        relative_url: StorageUrl,
        *,
        limit: Optional[int] = None,
        token: Optional[str] = None,
        recursive: Optional[bool] = None,
        permissions: Optional[bool] = None,
    ) -> Any:
        """Describe an item, or a folder, of a kind that is known only at run time; as `files.get_metadata`.

        Args:
            resource: "files", "conversations", "prompts", "applications" or "toolsets".
            relative_url: its address, which begins with the same word: "files/{bucket}/folder/"; or the absolute one of
                the metadata itself, as older programs write that of a folder.
            limit, token, recursive, permissions: as there.

        GET /v1/metadata/{resource}/{bucket}/{path}
        """
        if not isinstance(resource, str) or resource not in self._models:
            raise InvalidRequestError("resource must be one of %s, not %r" % (", ".join(self._models), resource))
        page = {"limit": limit, "token": token, "recursive": recursive, "permissions": permissions}
        own = self._client.api_url + "metadata/"
        if isinstance(relative_url, str) and relative_url.startswith(own):
            relative_url = relative_url[len(own) :]
        return await describe(self, resource, self._models[resource], relative_url, page)

    # fmt: off
    get: Bound[
        GetMetadata[FileMetadata, ConversationMetadata, PromptMetadata, ResourceMetadata, NodeMetadata],
        GetMetadata[Later[FileMetadata], Later[ConversationMetadata], Later[PromptMetadata], Later[ResourceMetadata],
                    Later[NodeMetadata]],
    ] = _get
    # fmt: on


class Metadata(_Metadata, Sync):
    """Metadata of anything stored."""


class AsyncMetadata(_Metadata, Async):
    """Metadata of anything stored."""
