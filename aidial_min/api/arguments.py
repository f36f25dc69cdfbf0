"""Arguments that several areas take: lists, storage addresses in JSON bodies, kinds of resources, permissions.

They are checked, and brought into the form that Core expects, before anything is sent.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Union
from urllib.parse import quote

from ..core.call import Config
from ..core.urls import STORAGE_KINDS, StorageUrl, as_text, decode_segment, is_posix_path, parse_storage_url
from ..errors import InvalidDialURLError, InvalidRequestError
from ..types._model import Model
from ..types.sharing import ResourcePermission

SharedUrl = Union[StorageUrl, Mapping[str, Any], Model]
"""A resource to share or to grant: its address, or a dict or model with `url` and, if need be, `permissions`."""

_TYPES = {**{kind: kind[:-1].upper() for kind in STORAGE_KINDS}, "toolsets": "TOOL_SET"}
"""Kinds of resources in bodies of requests, by what they are called in addresses."""


def text_given(name: str, value: Any, what: str) -> str:
    """An argument that must be a text with something in it, such as an id.

    Args:
        what: it should be, for errors.
    Raises:
        InvalidRequestError: it is something else.
    """
    if not isinstance(value, str) or not value.strip():
        raise InvalidRequestError("%s must be %s" % (name, what))
    return value


def texts_given(name: str, value: Any, what: str, *, empty: bool = False) -> List[str]:
    """The elements of an argument that must be a list of such texts."""
    return [text_given(name, text, what) for text in list_given(name, value, empty=empty)]


def list_given(name: str, value: Any, *, empty: bool = False) -> List[Any]:
    """The elements of an argument that must be a list.

    Raises:
        InvalidRequestError: a str, a dict or no iterable at all; an empty one unless `empty` allows it.
    """
    if isinstance(value, (str, bytes, Mapping, Model)) or is_posix_path(value) or not isinstance(value, Iterable):
        raise InvalidRequestError("%s must be a list, not %s" % (name, type(value).__name__))
    elements = list(value)
    if not elements and not empty:
        raise InvalidRequestError("%s must not be empty" % name)
    return elements


def comma_list(name: str, value: Any, *, empty: bool = False) -> Optional[str]:
    """The same as one query parameter; None where it is not given."""
    return None if value is None else ",".join(map(as_text, list_given(name, value, empty=empty)))


def resource_url(config: Config, url: StorageUrl, kind: Optional[str] = None) -> str:
    """An address as JSON bodies hold it: relative, percent-encoded; folders end in a slash."""
    return parse_storage_url(config.origin, url, kind).path


def type_names(types: Any) -> List[str]:
    """Kinds of resources as operations name them; "files" is understood as "FILE", and so on."""
    found = []
    for name in list_given("resource_types", types):
        if not isinstance(name, str) or not name.strip():
            raise InvalidRequestError("a resource type must be a str like FILE or CONVERSATION, not %r" % (name,))
        found.append(_TYPES.get(name.lower(), name.upper()))
    return found


def permission_names(permissions: Optional[Sequence[str]]) -> Optional[List[str]]:
    """Permissions as they travel (READ, WRITE, SHARE), or None."""
    if permissions is None:
        return None
    return [name.upper() for name in texts_given("permissions", permissions, "names like READ and WRITE")]


def resource_links(
    config: Config, name: str, resources: Any, permissions: Optional[Sequence[str]] = None
) -> List[Dict[str, Any]]:
    """Resources as sharing and permissions want them: [{"url": ..., "permissions": [...]}].

    Of a model that is no ResourcePermission (an entry of a listing, say) only the `url` is taken: its `permissions` are
    what the caller has, not what shall be given away.

    Args:
        name: of the argument, for errors.
        permissions: of those that do not bring their own; left out if None.
    """
    given = permission_names(permissions)
    links = []
    for resource in list_given(name, resources):
        link: Dict[str, Any] = {"url": resource}
        if isinstance(resource, (Mapping, Model)):
            link = Model.to_dict(resource) if isinstance(resource, Model) else dict(resource)
            if link.get("url") is None:
                raise InvalidRequestError("%s: a resource has no url" % name)
            if isinstance(resource, Model) and not isinstance(resource, ResourcePermission):
                link = {"url": link["url"]}
        link["url"] = resource_url(config, link["url"])
        wanted = permission_names(link.pop("permissions", None) or None) or given
        links.append({**link, "permissions": wanted} if wanted else link)
    return links


def public_folder(name: str, url: StorageUrl) -> str:
    """A public folder as publications and rules name it: "public/a/b/", without a type, encoded as `target_url` says.

    Raises:
        InvalidDialURLError: it does not lie in the public bucket.
    """
    text = str(url) if isinstance(url, str) or is_posix_path(url) else ""
    parts = text[:-1].split("/") if text.endswith("/") else text.split("/")
    if parts[0] != "public":
        raise InvalidDialURLError("%s must be a folder like public/team/, not %r" % (name, text or url))
    return "/".join(_as_core_writes(decode_segment(part, text)) for part in parts) + "/"


def target_url(config: Config, url: StorageUrl) -> str:
    """Where a publication puts a resource, or takes it from.

    Core compares this, as it came, with its own spelling of the target folder when a publication takes a resource back;
    so it is encoded as Core does it, with the colon escaped (Core answers 500 to many that are not).
    """
    path = parse_storage_url(config.origin, url)
    segments = [path.kind, path.bucket] + [_as_core_writes(segment) for segment in path.segments]
    return "/".join(segments) + ("/" if path.folder else "")


def _as_core_writes(segment: str) -> str:
    return quote(segment, safe="!$&'()*+,;=@")
