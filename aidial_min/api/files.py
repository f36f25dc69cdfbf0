"""Files in DIAL's storage: upload, download, metadata, listings, deletion, moving, copying; folders see folders.py.

Each operation is written once; the method tables at the end bind it for both clients.
It knows paths, headers and models of /v1/files; it must not know sockets, retries or loops.
"""

from typing import Optional

from ..core.body import MultipartBody, Progress, file_part
from ..core.call import Config, Download, Flow, Pages, Request, as_it_came, model_of
from ..core.tables import (
    AsyncResource,
    SyncResource,
    async_download,
    async_flow,
    async_method,
    async_pages,
    async_stream_download,
    sync_download,
    sync_flow,
    sync_method,
    sync_pages,
    sync_stream_download,
)
from ..core.urls import StorageUrl
from ..types.file import FileTypes
from ..types.metadata import FileItem, FileMetadata
from . import storage
from .folders import async_folder, download_folder, sync_folder, upload_folder


def upload(
    config: Config,
    url: StorageUrl,
    file: FileTypes,
    etag_if_match: Optional[str] = None,
    etag_if_none_match: Optional[str] = None,
    progress: Optional[Progress] = None,
) -> Request[FileItem]:
    """Create or replace a file.

    Args:
        url: where to store it, e.g. ``client.my_files_home() / "folder/a.txt"``.
        file: bytes, str (sent as UTF-8), a path, a binary file object (a seekable one is sent from its beginning), or a
            tuple: (name, content[, type[, headers]]) or (name, type, content).
        etag_if_match: replace only this version; on a file that does not exist Core does not look at it.
        etag_if_none_match: "*" creates only.
        progress: called with (bytes done, bytes in all or None) while the file is sent.
    Returns:
        The metadata of the stored file.
    Raises:
        EtagMismatchError: a precondition does not hold. RequestTooLargeError: beyond the server's limit.
        InvalidRequestError: a file that is closed, in text mode or not readable; nothing is sent.

    PUT /v1/files/{bucket}/{path}
    """
    path = storage.item_path(config, url, "files")
    body = MultipartBody([file_part(file, path.name)], progress)
    headers = storage.preconditions(etag_if_match, etag_if_none_match)
    return Request("PUT", "/v1/" + path.path, headers=headers, body=body, decode=model_of(FileItem.from_json))


def open_download(config: Config, url: StorageUrl, etag_if_match: Optional[str] = None) -> Download:
    """Read a file, as it comes.

    Args:
        url: its address, as `upload` takes it.
        etag_if_match: this version only; the answer's own ETag is compared too, because Core of 2024 does not.
    Returns:
        A response to iterate over, or `get_content()`, or `write_to(path)`; closed at its end or by a `with` block.
    Raises:
        ResourceNotFoundError: there is no such file. EtagMismatchError: it is another version.

    GET /v1/files/{bucket}/{path}
    """
    path = storage.item_path(config, url, "files")
    headers = storage.preconditions(etag_if_match)
    request = Request("GET", "/v1/" + path.path, headers=headers, decode=as_it_came)
    return Download(request, path.name, etag_if_match)


def delete(config: Config, url: StorageUrl, etag_if_match: Optional[str] = None) -> Request[None]:
    """Delete a file; one that does not exist is no error on Core of 2024.

    Args:
        url: its address, as `upload` takes it.
        etag_if_match: delete only this version.
    Raises:
        EtagMismatchError: it is another version.

    DELETE /v1/files/{bucket}/{path}
    """
    return storage.delete(config, "files", url, etag_if_match)


def get_metadata(
    config: Config,
    url: StorageUrl,
    *,
    limit: Optional[int] = None,
    token: Optional[str] = None,
    recursive: Optional[bool] = None,
    permissions: Optional[bool] = None,
) -> Flow[FileMetadata]:
    """Describe a file, or a folder (its URL ends in a slash) with one page of its entries.

    Args:
        url: its address; that of a folder ends in a slash.
        limit: entries per page, 1 to 1000 (server's default: 100).
        token: `next_token` of the page before.
        recursive: all files below, without folders.
        permissions: tell what the caller may do with each entry.
    Raises:
        ResourceNotFoundError: there is nothing; so it is for an empty folder, unless it is a bucket's root.

    GET /v1/metadata/files/{bucket}/{path}
    """
    query = {"limit": limit, "token": token, "recursive": recursive, "permissions": permissions}
    return storage.metadata(config, "files", FileMetadata.from_json, url, query)


def list_files(config: Config, url: StorageUrl, recursive: bool = False) -> Pages[FileItem]:
    """Iterate over the entries of a folder, over all pages; an empty folder gives none.

    Args:
        url: the address of the folder.
        recursive: all files below, without folders.

    GET /v1/metadata/files/{bucket}/{path}/
    """
    return storage.listing(config, "files", FileMetadata.from_json, url, recursive)


def move_to(
    config: Config, source: StorageUrl, destination: StorageUrl, overwrite: bool = False
) -> Request[None]:
    """Move a file.

    Args:
        source, destination: addresses, as `upload` takes them.
        overwrite: replace what is at the destination.
    Raises:
        InvalidRequestError: the source is missing, or the destination exists and `overwrite` is off (Core: 400).

    POST /v1/ops/resource/move
    """
    return storage.transfer(config, "files", "move", source, destination, overwrite)


def copy_to(
    config: Config, source: StorageUrl, destination: StorageUrl, overwrite: bool = False
) -> Request[None]:
    """Copy a file. Core of 2024 does not have this endpoint.

    Args:
        source, destination: addresses, as `upload` takes them.
        overwrite: replace what is at the destination.
    Raises:
        InvalidRequestError: the source is missing, or the destination exists and `overwrite` is off (Core: 400).

    POST /v1/ops/resource/copy
    """
    return storage.transfer(config, "files", "copy", source, destination, overwrite)


class Files(SyncResource):
    """Files in DIAL's storage."""

    upload = sync_method(upload)
    download = sync_download(open_download)
    stream_download = sync_stream_download(open_download)
    delete = sync_method(delete)
    get_metadata = sync_flow(get_metadata)
    metadata = get_metadata
    list = sync_pages(list_files)
    move_to = sync_method(move_to)
    copy_to = sync_method(copy_to)
    upload_folder = sync_folder(upload_folder)
    download_folder = sync_folder(download_folder)


class AsyncFiles(AsyncResource):
    """Files in DIAL's storage."""

    upload = async_method(upload)
    download = async_download(open_download)
    stream_download = async_stream_download(open_download)
    delete = async_method(delete)
    get_metadata = async_flow(get_metadata)
    metadata = get_metadata
    list = async_pages(list_files)
    move_to = async_method(move_to)
    copy_to = async_method(copy_to)
    upload_folder = async_folder(upload_folder)
    download_folder = async_folder(download_folder)
