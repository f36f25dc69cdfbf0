"""Applications that users keep in buckets: their definitions, and the life cycle of those that the server itself runs.

It knows the paths and models of /v1/applications and /v1/ops/application; it must not know sockets, retries or loops.
"""

from typing import Any, Callable, List, Mapping, Optional, TypeVar, Union

from ..core.body import json_body
from ..core.call import Answer, Config, Flow, Pages, Request, list_of, model_of
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
from ..types.application import ApplicationLog, CustomApplication, CustomApplicationParam
from ..types.metadata import ApplicationItem, ApplicationMetadata
from . import storage

T = TypeVar("T")


def save(
    config: Config,
    url: StorageUrl,
    body: Union[CustomApplication, CustomApplicationParam, Mapping[str, Any]],
    etag_if_match: Optional[str] = None,
    etag_if_none_match: Optional[str] = None,
) -> Request[ApplicationItem]:
    """Create or replace an application.

    Args:
        url: where to store it, e.g. "applications/{bucket}/my app".
        body: its definition: a CustomApplication, or a dict as it is stored (endpoint, display_name, features, ...).
        etag_if_match: replace only this version; Core ignores it where there is none yet.
        etag_if_none_match: "*" creates only.
    Returns:
        The metadata of the stored definition.
    Raises:
        EtagMismatchError: a precondition does not hold. ConflictError: it is running.
        InvalidRequestError: the server does not take it: neither `endpoint` nor `function`, or an unknown field (2024).

    PUT /v1/applications/{bucket}/{path}
    """
    return storage.save(config, "applications", ApplicationItem.from_json, url, body, etag_if_match, etag_if_none_match)


def get(config: Config, url: StorageUrl) -> Request[CustomApplication]:
    """Get an application: its definition, or what may be seen of it by those who may only read it.

    Args:
        url: its address, as `save` takes it.
    Raises:
        ResourceNotFoundError: there is none.

    GET /v1/applications/{bucket}/{path}
    """
    return storage.read(config, "applications", CustomApplication.from_json, url)


def delete(config: Config, url: StorageUrl, etag_if_match: Optional[str] = None) -> Request[None]:
    """Delete an application.

    Args:
        url: its address, as `save` takes it.
        etag_if_match: delete only this version.
    Raises:
        ResourceNotFoundError: there is none. EtagMismatchError: it is another version. ConflictError: it is running.

    DELETE /v1/applications/{bucket}/{path}
    """
    return storage.delete(config, "applications", url, etag_if_match)


def get_metadata(
    config: Config,
    url: StorageUrl,
    *,
    limit: Optional[int] = None,
    token: Optional[str] = None,
    recursive: Optional[bool] = None,
    permissions: Optional[bool] = None,
) -> Flow[ApplicationMetadata]:
    """Describe an application, or a folder (its URL ends in a slash) with one page of its entries.

    Args:
        url: its address; that of a folder ends in a slash.
        limit: entries per page, 1 to 1000 (server's default: 100).
        token: `next_token` of the page before.
        recursive: all applications below, without folders.
        permissions: tell what the caller may do with each entry.
    Raises:
        ResourceNotFoundError: there is nothing; so it is for an empty folder, unless it is a bucket's root.

    GET /v1/metadata/applications/{bucket}/{path}
    """
    query = {"limit": limit, "token": token, "recursive": recursive, "permissions": permissions}
    return storage.metadata(config, "applications", ApplicationMetadata.from_json, url, query)


def list_applications(config: Config, url: StorageUrl, recursive: bool = False) -> Pages[ApplicationItem]:
    """Iterate over the entries of a folder, over all pages; an empty folder gives none.

    Args:
        url: the address of the folder.
        recursive: all applications below, without folders.

    GET /v1/metadata/applications/{bucket}/{path}/
    """
    return storage.listing(config, "applications", ApplicationMetadata.from_json, url, recursive)


def move_to(
    config: Config, source: StorageUrl, destination: StorageUrl, overwrite: bool = False
) -> Request[None]:
    """Move an application.

    Args:
        source, destination: addresses, as `save` takes them.
        overwrite: replace what is at the destination.
    Raises:
        InvalidRequestError: the source is missing, or the destination exists and `overwrite` is off (Core: 400).
        EtagMismatchError: the destination exists and `overwrite` is off. ConflictError: the application is running.

    POST /v1/ops/resource/move
    """
    return storage.transfer(config, "applications", "move", source, destination, overwrite)


def copy_to(
    config: Config, source: StorageUrl, destination: StorageUrl, overwrite: bool = False
) -> Request[None]:
    """Copy an application. Core of 2024 does not have this endpoint.

    Args:
        source, destination: addresses, as `save` takes them.
        overwrite: replace what is at the destination.
    Raises:
        InvalidRequestError: the source is missing, or the destination exists and `overwrite` is off (Core: 400).
        EtagMismatchError: the destination exists and `overwrite` is off. ConflictError: the application is running.

    POST /v1/ops/resource/copy
    """
    return storage.transfer(config, "applications", "copy", source, destination, overwrite)


def start(config: Config, url: StorageUrl) -> Request[CustomApplication]:
    """Start an application that the server runs from its `function`. Newer servers say deploy.

    Args:
        url: its address, as `save` takes it.
    Returns:
        The application, whose `function.status` changes from now on.
    Raises:
        ConflictError: it is in another state. ServerError: this server runs no applications.
        EndpointNotSupportedError: a server of the other generation.

    POST /v1/ops/application/start
    """
    return _operate(config, "start", url, model_of(CustomApplication.from_json))


def stop(config: Config, url: StorageUrl) -> Request[CustomApplication]:
    """Stop an application that the server runs from its `function`. Newer servers say undeploy.

    Args:
        url: its address, as `save` takes it.
    Returns:
        The application, whose `function.status` changes from now on.
    Raises:
        ConflictError: it is in another state. ServerError: this server runs no applications.
        EndpointNotSupportedError: a server of the other generation.

    POST /v1/ops/application/stop
    """
    return _operate(config, "stop", url, model_of(CustomApplication.from_json))


def deploy(config: Config, url: StorageUrl) -> Request[CustomApplication]:
    """Start an application that the server runs from its `function`. Core of 2024 says start.

    Args:
        url: its address, as `save` takes it.
    Returns:
        The application, whose `function.status` changes from now on.
    Raises:
        ConflictError: it is in another state. ServerError: this server runs no applications.
        EndpointNotSupportedError: a server of the other generation.

    POST /v1/ops/application/deploy
    """
    return _operate(config, "deploy", url, model_of(CustomApplication.from_json))


def undeploy(config: Config, url: StorageUrl) -> Request[CustomApplication]:
    """Stop an application that the server runs from its `function`. Core of 2024 says stop.

    Args:
        url: its address, as `save` takes it.
    Returns:
        The application, whose `function.status` changes from now on.
    Raises:
        ConflictError: it is in another state. ServerError: this server runs no applications.
        EndpointNotSupportedError: a server of the other generation.

    POST /v1/ops/application/undeploy
    """
    return _operate(config, "undeploy", url, model_of(CustomApplication.from_json))


def redeploy(config: Config, url: StorageUrl) -> Request[CustomApplication]:
    """Start an application anew, from the files as they are now. Core of 2024 does not have this endpoint.

    Args:
        url: its address, as `save` takes it.
    Returns:
        The application, whose `function.status` changes from now on.
    Raises:
        ConflictError: it is in another state. ServerError: this server runs no applications.
        EndpointNotSupportedError: a server of the other generation.

    POST /v1/ops/application/redeploy
    """
    return _operate(config, "redeploy", url, model_of(CustomApplication.from_json))


def logs(config: Config, url: StorageUrl) -> "Request[List[ApplicationLog]]":
    """What the running instances of an application wrote: one entry per instance.

    Args:
        url: its address, as `save` takes it.
    Raises:
        ConflictError: it is not running. ServerError: this server runs no applications.

    POST /v1/ops/application/logs
    """
    return _operate(config, "logs", url, list_of(ApplicationLog.from_json, "logs"))


def _operate(config: Config, operation: str, url: StorageUrl, decode: Callable[[Answer], T]) -> Request[T]:
    body = json_body({"url": storage.item_path(config, url, "applications").path})
    return Request("POST", "/v1/ops/application/" + operation, body=body, decode=decode)


class CustomApplications(SyncResource):
    """Applications that users keep in buckets."""

    save = sync_method(save)
    get = sync_method(get)
    delete = sync_method(delete)
    get_metadata = sync_flow(get_metadata)
    list = sync_pages(list_applications)
    move_to = sync_method(move_to)
    copy_to = sync_method(copy_to)
    start = sync_method(start)
    stop = sync_method(stop)
    deploy = sync_method(deploy)
    undeploy = sync_method(undeploy)
    redeploy = sync_method(redeploy)
    logs = sync_method(logs)


class AsyncCustomApplications(AsyncResource):
    """Applications that users keep in buckets."""

    save = async_method(save)
    get = async_method(get)
    delete = async_method(delete)
    get_metadata = async_flow(get_metadata)
    list = async_pages(list_applications)
    move_to = async_method(move_to)
    copy_to = async_method(copy_to)
    start = async_method(start)
    stop = async_method(stop)
    deploy = async_method(deploy)
    undeploy = async_method(undeploy)
    redeploy = async_method(redeploy)
    logs = async_method(logs)
