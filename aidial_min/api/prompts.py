"""Stored prompts: saving, getting, metadata, listings, deletion, moving, copying.

It knows the paths and models of /v1/prompts; it must not know sockets, retries or loops.
"""

from typing import Any, Mapping, Optional, Union

from ..core.call import Config, Flow, Pages, Request
from ..core.tables import (
    AsyncResource,
    SyncResource,
    async_flow,
    async_method,
    async_pages,
    sync_flow,
    sync_method,
    sync_pages,
)
from ..core.urls import StorageUrl
from ..types.metadata import PromptItem, PromptMetadata
from ..types.prompt import Prompt, PromptParam
from . import storage


def save(
    config: Config,
    url: StorageUrl,
    prompt: Union[Prompt, PromptParam, Mapping[str, Any]],
    etag_if_match: Optional[str] = None,
    etag_if_none_match: Optional[str] = None,
) -> Request[PromptItem]:
    """Create or replace a prompt.

    Args:
        url: where to store it, e.g. ``client.my_prompts_home() / "folder/greeting"``.
        prompt: a Prompt, or a dict as it is stored (id, name, folderId, content, and whatever else shall be kept).
        etag_if_match: replace only this version; Core ignores it where there is none yet.
        etag_if_none_match: "*" creates only.
    Returns:
        The metadata of the stored prompt.
    Raises:
        EtagMismatchError: a precondition does not hold. InvalidRequestError: the server does not take it (a
            field is missing, say).

    PUT /v1/prompts/{bucket}/{path}
    """
    if isinstance(prompt, Prompt) and "content" not in prompt:
        prompt = {**prompt.to_dict(), "content": None}  # Core wants the key to be there
    return storage.save(config, "prompts", PromptItem.from_json, url, prompt, etag_if_match, etag_if_none_match)


def get(config: Config, url: StorageUrl) -> Request[Prompt]:
    """Get a prompt.

    Args:
        url: its address, as `save` takes it.
    Raises:
        ResourceNotFoundError: there is none.

    GET /v1/prompts/{bucket}/{path}
    """
    return storage.read(config, "prompts", Prompt.from_json, url)


def delete(config: Config, url: StorageUrl, etag_if_match: Optional[str] = None) -> Request[None]:
    """Delete a prompt.

    Args:
        url: its address, as `save` takes it.
        etag_if_match: delete only this version.
    Raises:
        ResourceNotFoundError: there is none. EtagMismatchError: it is another version.

    DELETE /v1/prompts/{bucket}/{path}
    """
    return storage.delete(config, "prompts", url, etag_if_match)


def get_metadata(
    config: Config,
    url: StorageUrl,
    *,
    limit: Optional[int] = None,
    token: Optional[str] = None,
    recursive: Optional[bool] = None,
    permissions: Optional[bool] = None,
) -> Flow[PromptMetadata]:
    """Describe a prompt, or a folder (its URL ends in a slash) with one page of its entries.

    Args:
        url: its address; that of a folder ends in a slash.
        limit: entries per page, 1 to 1000 (server's default: 100).
        token: `next_token` of the page before.
        recursive: all prompts below, without folders.
        permissions: tell what the caller may do with each entry.
    Raises:
        ResourceNotFoundError: there is nothing; so it is for an empty folder, unless it is a bucket's root.

    GET /v1/metadata/prompts/{bucket}/{path}
    """
    query = {"limit": limit, "token": token, "recursive": recursive, "permissions": permissions}
    return storage.metadata(config, "prompts", PromptMetadata.from_json, url, query)


def list_prompts(config: Config, url: StorageUrl, recursive: bool = False) -> Pages[PromptItem]:
    """Iterate over the entries of a folder, over all pages; an empty folder gives none.

    Args:
        url: the address of the folder.
        recursive: all prompts below, without folders.

    GET /v1/metadata/prompts/{bucket}/{path}/
    """
    return storage.listing(config, "prompts", PromptMetadata.from_json, url, recursive)


def move_to(
    config: Config, source: StorageUrl, destination: StorageUrl, overwrite: bool = False
) -> Request[None]:
    """Move a prompt.

    Args:
        source, destination: addresses, as `save` takes them.
        overwrite: replace what is at the destination.
    Raises:
        InvalidRequestError: the source is missing, or the destination exists and `overwrite` is off (Core: 400).

    POST /v1/ops/resource/move
    """
    return storage.transfer(config, "prompts", "move", source, destination, overwrite)


def copy_to(
    config: Config, source: StorageUrl, destination: StorageUrl, overwrite: bool = False
) -> Request[None]:
    """Copy a prompt. Core of 2024 does not have this endpoint.

    Args:
        source, destination: addresses, as `save` takes them.
        overwrite: replace what is at the destination.
    Raises:
        InvalidRequestError: the source is missing, or the destination exists and `overwrite` is off (Core: 400).

    POST /v1/ops/resource/copy
    """
    return storage.transfer(config, "prompts", "copy", source, destination, overwrite)


class Prompts(SyncResource):
    """Stored prompts."""

    save = sync_method(save)
    get = sync_method(get)
    delete = sync_method(delete)
    get_metadata = sync_flow(get_metadata)
    list = sync_pages(list_prompts)
    move_to = sync_method(move_to)
    copy_to = sync_method(copy_to)


class AsyncPrompts(AsyncResource):
    """Stored prompts."""

    save = async_method(save)
    get = async_method(get)
    delete = async_method(delete)
    get_metadata = async_flow(get_metadata)
    list = async_pages(list_prompts)
    move_to = async_method(move_to)
    copy_to = async_method(copy_to)
