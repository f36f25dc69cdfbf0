"""Resource urls: files/{bucket}/folder/name, percent-encoded, as they stand in paths and in JSON.

`from_path` and `from_url` read one, `at` makes one, `url` and `key` write it. Core asks java.net.URI about every
segment, and what that class throws comes out as an empty 500: recorded answers have both.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple, Optional
from urllib.parse import quote, unquote_to_bytes

from .auth import PUBLIC_LOCATION, bucket_of, location_of
from .http import HttpError, present, refuse_if

MAX_PATH = 900
TYPES = {
    "files": "FILE",
    "conversations": "CONVERSATION",
    "prompts": "PROMPT",
    "applications": "APPLICATION",
    "publications": "PUBLICATION",
    "toolsets": "TOOL_SET",
    "skills": "SKILL",
}
UNESCAPED = "-._~!$&'()*+,;=:@"

_OTHER = r"[^\x00-\x7f\x80-\x9f\s]"  # java.net.URI lets non-ASCII letters stand unescaped
_ESCAPE = r"%[0-9A-Fa-f]{2}"
_PATH = re.compile(rf"(?:[A-Za-z0-9_.!~*'():@&=+$,;-]|{_ESCAPE}|{_OTHER})*")
_OPAQUE = re.compile(rf"(?:[A-Za-z0-9_.!~*'():@&=+$,;?/\[\]-]|{_ESCAPE}|{_OTHER})+")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_BAD_NAME = re.compile(r"[\x00-\x1f/{}]")


class ResourceUrl(NamedTuple):
    """One resource or folder, decoded. `location` is where its bucket lies, `Keys/one/` for example."""

    type: str
    bucket: str
    location: str
    segments: tuple[str, ...]
    folder: bool

    @property
    def url(self) -> str:
        return encode("/".join((self.type, self.bucket, *self.segments))) + ("/" if self.folder else "")

    @property
    def kind(self) -> str:
        """What metadata calls the type: FILE, CONVERSATION, ..."""
        return TYPES[self.type]

    @property
    def path(self) -> str:
        """The url without its type: {bucket}/folder/name."""
        return self.url[len(self.type) + 1 :]

    @property
    def key(self) -> str:
        """The name in the storage; a folder's key ends with a slash, and is the prefix of what is in it."""
        return self.location + "/".join((self.type, *self.segments)) + ("/" if self.folder else "")

    @property
    def name(self) -> Optional[str]:
        return self.segments[-1] if self.segments else None

    @property
    def public(self) -> bool:
        return self.location == PUBLIC_LOCATION

    @property
    def node(self) -> dict[str, Any]:
        """How listings and shares begin an entry."""
        return {
            "name": self.name,
            "parentPath": "/".join(self.segments[:-1]) or None,
            "bucket": self.bucket,
            "url": self.url,
            "nodeType": "FOLDER" if self.folder else "ITEM",
            "resourceType": self.kind,
        }

    def around(self) -> Iterator["ResourceUrl"]:
        """This, and the folders that it lies in: the nearest first, the bucket last."""
        yield self
        for depth in range(len(self.segments) - 1, -1, -1):
            yield self._replace(segments=self.segments[:depth], folder=True)

    def below(self, path: str) -> "ResourceUrl":
        """What lies at a decoded path below this folder; a trailing slash means a folder."""
        return self._replace(segments=(*self.segments, *path.rstrip("/").split("/")), folder=path.endswith("/"))

    def check_name(self) -> None:
        """Names that blob storages can't keep are refused on PUT only."""
        if any(segment.endswith(".") for segment in self.segments):
            raise HttpError(400, "Resource name and/or parent folders must not end with .(dot)")


def encode(path: str) -> str:
    return quote(path, safe="/" + UNESCAPED)


def decode(segment: str) -> str:
    """Percent-decode one segment; `HttpError` 500 where java.net.URI would throw."""
    colon = re.match(r"[^/?#:]*:", segment)
    if colon is not None:
        scheme, opaque = segment[: colon.end() - 1], segment[colon.end() :].partition("#")[0]
        refuse_if(not _SCHEME.fullmatch(scheme) or not _OPAQUE.fullmatch(opaque), 500)
        wrong = "#" in segment
    else:
        path = re.split("[?#]", segment, maxsplit=1)[0]
        refuse_if(not _PATH.fullmatch(path), 500)
        wrong = path != segment
    refuse_if(wrong, 400, f"Wrong path provided {segment}")
    return unquote_to_bytes(segment).decode("utf-8", "replace")


def decode_path(path: str) -> str:
    """An id or a name as it stands in a path, decoded once; its slashes may be encoded or not."""
    return "/".join(map(decode, path.split("/")))


def from_path(type: str, bucket: str, path: str) -> ResourceUrl:
    """The resource that the raw path of a request names."""
    location = present(location_of(bucket), 400, f"Url has invalid bucket: {type}/{bucket}/{path}")
    return _from_encoded(type, bucket, location, path)


def from_url(url: str, refusal: Optional[str] = None) -> ResourceUrl:
    """The resource that a `url` field in JSON names; with `refusal` that is the answer, 400, to any other url."""
    try:
        return _from_url(url)
    except HttpError as error:
        raise error if refusal is None else HttpError(400, refusal) from None


def _from_url(url: str) -> ResourceUrl:
    parts = url.rstrip("/").split("/")
    refuse_if(len(parts) < 2, 400, f"Url has less than two segments: {url}")
    refuse_if(url.startswith("/"), 400, f"Url must not start with /, but: {url}")
    refuse_if(len(parts) == 2 and not url.endswith("/"), 400, f"Url must start with resource/bucket/, but: {url}")
    type, bucket = decode(parts[0]), decode(parts[1])
    refuse_if(type not in TYPES, 400, f"Unsupported resource type: {type}")
    location = present(location_of(bucket), 400, f"Url has invalid bucket: {url}")
    return _from_encoded(type, bucket, location, url[len(parts[0]) + len(parts[1]) + 2 :])


def at(type: str, location: str, path: str) -> ResourceUrl:
    """A resource from its decoded path; a trailing slash, or no path, means a folder."""
    segments = tuple(segment for segment in path.split("/") if segment)
    return ResourceUrl(type, bucket_of(location), location, segments, not path or path.endswith("/"))


def _from_encoded(type: str, bucket: str, location: str, path: str) -> ResourceUrl:
    if not path.strip():
        return ResourceUrl(type, bucket, location, (), True)
    stripped = path.rstrip("/")  # Java's split drops the empty strings at the end
    segments = tuple(decode(segment) for segment in stripped.split("/")) if stripped else ()
    if any(not segment or _BAD_NAME.search(segment) for segment in segments):
        raise HttpError(400, f"Invalid path provided {path}")
    resource = ResourceUrl(type, bucket, location, segments, path.endswith("/"))
    if len(resource.key.encode("utf-8", "replace")) > MAX_PATH:
        raise HttpError(400, f"Resource path exceeds max allowed size: {MAX_PATH}")
    return resource
