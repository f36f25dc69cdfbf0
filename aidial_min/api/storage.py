"""What all kinds of stored resources share: saving and getting JSON, metadata, listings, deletion, moving and copying.

Its functions take the kind ("files", "prompts", ...) and are used by the areas' own files; no method table is here.
It knows /v1/metadata, /v1/ops/resource and ETag headers; it must not know what a resource holds.
"""

from typing import Any, Callable, Dict, List, Mapping, Optional, TypeVar

from ..core.body import json_body
from ..core.call import Config, Flow, Pages, Request, model_of, nothing
from ..core.urls import StoragePath, StorageUrl, is_posix_path, parse_storage_url
from ..errors import (
    DialException,
    EndpointNotSupportedError,
    InvalidDialURLError,
    InvalidRequestError,
    ParsingDataError,
    ResourceNotFoundError,
)
from ..types._model import Model

T = TypeVar("T")

PAGE = 1000
"""Entries asked for per page of a listing: the most that Core gives."""


def item_path(config: Config, url: StorageUrl, kind: Optional[str] = None) -> StoragePath:
    """The address of one item, of that kind or of any.

    Raises:
        InvalidDialURLError: it names a folder or the root of a bucket.
    """
    path = parse_storage_url(config.origin, url, kind)
    if path.folder:
        raise InvalidDialURLError("expected the URL of an item, not of a folder: %r" % str(url))
    return path


def preconditions(etag_if_match: Optional[str], etag_if_none_match: Optional[str] = None) -> Dict[str, Optional[str]]:
    """The ETag headers; Core of 2024 does not trim spaces in lists of tags."""
    tags = etag_if_match
    if isinstance(tags, str):  # anything else is refused, with the other headers
        tags = ",".join(tag.strip() for tag in tags.split(","))
    return {"If-Match": tags, "If-None-Match": etag_if_none_match}


def save(
    config: Config,
    kind: str,
    from_json: Callable[[Any], T],
    url: StorageUrl,
    value: Any,
    etag_if_match: Optional[str],
    etag_if_none_match: Optional[str],
) -> Request[T]:
    """Create or replace one item that is a JSON object.

    Raises:
        InvalidRequestError: `value` is neither a model nor a dict.
    """
    path = item_path(config, url, kind)
    if not isinstance(value, (Model, Mapping)):
        raise InvalidRequestError("what is saved under %s must be a dict or a model" % kind)
    body = json_body(value if isinstance(value, Model) else dict(value))
    headers = preconditions(etag_if_match, etag_if_none_match)
    return Request("PUT", "/v1/" + path.path, headers=headers, body=body, decode=model_of(from_json))


def read(config: Config, kind: str, from_json: Callable[[Any], T], url: StorageUrl) -> Request[T]:
    """Get one item that is a JSON object."""
    return Request("GET", "/v1/" + item_path(config, url, kind).path, decode=model_of(from_json))


def metadata(
    config: Config, kind: str, from_json: Callable[[Any], T], url: StorageUrl, query: Dict[str, Any]
) -> Flow[T]:
    """Describe an item or a folder; a PurePosixPath can't end in a slash, so it is tried as both, item first."""
    path = parse_storage_url(config.origin, url, kind)

    def describe(path: StoragePath) -> Request[T]:
        return Request("GET", "/v1/metadata/" + path.path, query=query, decode=model_of(from_json))

    try:
        result: T = yield describe(path)
    except EndpointNotSupportedError:
        raise
    except ResourceNotFoundError as missing:
        if path.folder or not is_posix_path(url):
            raise
        try:
            result = yield describe(path.as_folder())
        except ResourceNotFoundError:
            raise missing from None
    return result


def listing(
    config: Config, kind: str, from_json: Callable[[Any], Any], url: StorageUrl, recursive: bool
) -> Pages[Any]:
    """All entries of a folder, over all pages; a folder that does not exist (404) is an empty one."""
    path = parse_storage_url(config.origin, url, kind).as_folder()
    tokens: List[str] = []

    def page(token: Optional[str]) -> Request[Any]:
        query = {"limit": PAGE, "token": token, "recursive": True if recursive else None}
        return Request("GET", "/v1/metadata/" + path.path, query=query, decode=model_of(from_json))

    def follow(found: Any) -> Optional[Request[Any]]:
        token = found.next_token
        if not token:
            return None
        if token in tokens:
            message = "the server gives the same page of the listing again"
            raise ParsingDataError(message, path="nextToken", request_sent="yes")
        tokens.append(token)
        return page(token)

    return Pages(page(None), lambda found: found.items or [], follow, is_missing)


def is_missing(error: DialException) -> bool:
    """Whether an error says that the resource is not there (and not that the endpoint is not)."""
    return isinstance(error, ResourceNotFoundError) and not isinstance(error, EndpointNotSupportedError)


def delete(config: Config, kind: str, url: StorageUrl, etag_if_match: Optional[str]) -> Request[None]:
    """Delete one item."""
    path = item_path(config, url, kind)
    return Request("DELETE", "/v1/" + path.path, headers=preconditions(etag_if_match), decode=nothing)


def transfer(
    config: Config, kind: str, operation: str, source: StorageUrl, destination: StorageUrl, overwrite: bool
) -> Request[None]:
    """Move or copy one item."""
    value = {
        "sourceUrl": item_path(config, source, kind).path,
        "destinationUrl": item_path(config, destination, kind).path,
        "overwrite": overwrite,
    }
    return Request("POST", "/v1/ops/resource/" + operation, body=json_body(value), decode=nothing)
