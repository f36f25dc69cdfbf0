"""URLs of DIAL: the base URL of a server, addresses in its storage, deployment ids, query strings.

Every segment is decoded, checked and encoded again (dial-protocol: a client escapes all but unreserved characters),
so a path means the same written raw (`my file.txt`) or encoded (`my%20file.txt`).
"""

from __future__ import annotations

import re
import sys
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, List, Mapping, Optional, Tuple, Union
from urllib.parse import quote, unquote, urlsplit

from .._typing import NamedTuple
from ..errors import ConfigurationError, InvalidDialURLError, InvalidRequestError, NotDialURLError

if TYPE_CHECKING:
    from pathlib import PurePosixPath

    from typing_extensions import TypeAlias

StorageUrl: TypeAlias = "Union[str, PurePosixPath]"
"""An address in DIAL's storage: "files/{bucket}/a/b.txt", the same as PurePosixPath, or an absolute URL."""

STORAGE_KINDS = ("files", "conversations", "prompts", "applications", "toolsets", "skills")

SCHEME = r"[A-Za-z][A-Za-z0-9+.\-]*://"
"""How an absolute URL begins (RFC 3986, 3.1)."""
_BUCKET = r"[A-Za-z0-9_\-]+"  # Core makes letters and digits only; the guide writes "test-bucket"
_FORBIDDEN = frozenset("/{}").union(map(chr, range(32)))
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """Where a DIAL server is: scheme, host (lower case, without brackets), port, and a path prefix ("" or "/dial")."""

    scheme: str
    host: str
    port: int
    prefix: str

    @property
    def netloc(self) -> str:
        """Host and port as the Host header wants them (RFC 9110, 7.2): the port only where it is not the default."""
        return _netloc(self.scheme, self.host, self.port)

    @property
    def url(self) -> str:
        """The base URL, without a trailing slash."""
        return "%s://%s%s" % (self.scheme, self.netloc, self.prefix)


@lru_cache(maxsize=128)
def _netloc(scheme: str, host: str, port: int) -> str:
    both = with_port(host, port)
    return both if port != _DEFAULT_PORTS[scheme] else both.rpartition(":")[0]


def with_port(host: str, port: int) -> str:
    """Host and port: an address of IPv6 needs brackets."""
    return ("[%s]:%d" if ":" in host else "%s:%d") % (host, port)


def parse_base_url(text: str) -> Origin:
    """Read the `base_url` of a client.

    Raises:
        ConfigurationError: it says what a base URL looks like; credentials in the URL are not echoed.
    """
    if not isinstance(text, str):
        raise ConfigurationError("base_url must be a str like https://dial.example.com, not %s" % type(text).__name__)
    text = text.strip()
    try:
        parts = urlsplit(text)
        port = parts.port
        host = (parts.hostname or "").rstrip(".")
        host = host if host.isascii() else host.encode("idna").decode("ascii")
        prefix = quote(parts.path.rstrip("/"), safe="/%:@!$&'()*+,;=~")
    except ValueError:  # UnicodeError is one; not chained, because its text can repeat credentials of the URL
        raise ConfigurationError("base_url has a host, port or path that can't be read") from None
    if parts.scheme.lower() not in _DEFAULT_PORTS:
        raise ConfigurationError("base_url must begin with http:// or https://, e.g. https://dial.example.com")
    if "@" in parts.netloc:
        raise ConfigurationError("base_url must not hold credentials; pass api_key= or bearer_token= instead")
    if not host or not host.isprintable() or any(sign in host for sign in " %\\"):
        raise ConfigurationError("base_url has no valid host name; it should look like https://dial.example.com")
    if parts.query or parts.fragment:
        raise ConfigurationError("base_url must not have a query or a fragment")
    scheme = parts.scheme.lower()
    return Origin(scheme, host.lower(), _DEFAULT_PORTS[scheme] if port is None else port, prefix)


class StoragePath(NamedTuple):
    """A parsed storage address: kind ("files"), bucket, decoded segments below it, and whether it names a folder."""

    kind: str
    bucket: str
    segments: Tuple[str, ...]
    folder: bool

    @property
    def path(self) -> str:
        """The percent-encoded resource url, e.g. "files/b/my%20folder/": without leading slash and without v1/."""
        encoded = "/".join([self.kind, self.bucket] + [encode_segment(segment) for segment in self.segments])
        return encoded + "/" if self.folder else encoded

    @property
    def name(self) -> str:
        """The decoded last segment; "" for the root of a bucket."""
        return self.segments[-1] if self.segments else ""

    def as_folder(self) -> "StoragePath":
        """The same address with its trailing slash."""
        return self._replace(folder=True)


def parse_storage_url(origin: Origin, url: StorageUrl, kind: Optional[str] = None) -> StoragePath:
    """Read an address in DIAL's storage.

    Args:
        url: relative ("files/{bucket}/..."), PurePosixPath, or absolute ("https://host/v1/files/{bucket}/...").
        kind: the kind of resource that is wanted; None takes any.
    Raises:
        NotDialURLError: an absolute URL of another server.
        InvalidDialURLError: anything else that names nothing in the storage.

    Messages begin with the words that the official client uses, because programs look for them.
    """
    if not isinstance(url, str) and not is_posix_path(url):
        raise InvalidDialURLError("a storage URL must be a str or PurePosixPath, not %s" % type(url).__name__)
    text = as_text(url)
    if re.match(SCHEME, text):
        text = _relative_to(origin, text)
    elif text.startswith("/"):
        message = "Root-relative URL is forbidden: write files/{bucket}/..., without a slash in front (%r)" % text
        raise InvalidDialURLError(message)
    elif text.startswith(("v1/", "v2/")):
        message = "API prefix as relative part is not allowed: write files/{bucket}/..., without v1/ (%r)" % text
        raise InvalidDialURLError(message)
    parts = text.split("/")
    folder = parts[-1] == ""
    if folder:
        parts.pop()
    found = parts[0] if parts else ""
    if found not in ((kind,) if kind is not None else STORAGE_KINDS):
        wanted = kind or " or ".join(STORAGE_KINDS)
        message = "Invalid resource type for URL: it should begin with %s/{bucket}/, not %r" % (wanted, text)
        raise InvalidDialURLError(message)
    if len(parts) < 2 or re.fullmatch(_BUCKET, parts[1]) is None:
        raise InvalidDialURLError("Missing bucket in URL: write %s/{bucket}/... (%r)" % (found, text))
    segments = tuple(decode_segment(part, text) for part in parts[2:])
    return StoragePath(found, parts[1], segments, folder or not segments)


def item_path(origin: Origin, url: StorageUrl, kind: Optional[str] = None) -> StoragePath:
    """The address of one item, of that kind or of any.

    Raises:
        InvalidDialURLError: it names a folder or the root of a bucket.
    """
    path = parse_storage_url(origin, url, kind)
    if not path.segments:
        raise InvalidDialURLError("Missing bucket path in URL: write %s/{bucket}/... (%r)" % (path.kind, str(url)))
    if path.folder:
        raise InvalidDialURLError("URL points to a directory, not a file: %r" % str(url))
    return path


def is_posix_path(value: Any) -> bool:
    """Whether this is a PurePosixPath; pathlib, which costs milliseconds, is not loaded to find out."""
    pathlib: Any = sys.modules.get("pathlib")
    return pathlib is not None and isinstance(value, pathlib.PurePosixPath)


def _relative_to(origin: Origin, text: str) -> str:
    if not is_url_of(origin, text):
        raise NotDialURLError("Provided URL is not DIAL URL: it does not belong to this server (%s)" % origin.url)
    if "?" in text or "#" in text:
        raise InvalidDialURLError("an absolute storage URL has no query; write ? and # in names as %3F and %23")
    segments = text.split("://", 1)[1].split("/")[1:]
    rest = "/".join(segments[origin.prefix.count("/") :])  # the prefix itself may be written encoded or not
    version = "v2/" if rest[3:].startswith("skills/") else "v1/"
    if not rest.startswith(version):
        raise InvalidDialURLError(
            "Provided URL path does not match with DIAL API URL: /%s should follow the server in %r" % (version, text)
        )
    return rest[3:]


def is_url_of(origin: Origin, text: str) -> bool:
    """Whether an absolute URL lies on this server, below its path prefix."""
    try:
        other = parse_base_url(as_text(text).split("?", 1)[0].split("#", 1)[0])
    except ConfigurationError:
        return False
    same = (other.scheme, other.host, other.port) == (origin.scheme, origin.host, origin.port)
    return same and (other.prefix + "/").startswith(origin.prefix + "/")


def decode_segment(part: str, whole: str) -> str:
    """One path segment, percent-decoded and checked.

    Raises:
        InvalidDialURLError: empty, "." or "..", or with a slash, a brace or a control character in it (Core: 400).
    """
    segment = unquote(part)
    if segment in ("", ".", ".."):
        raise InvalidDialURLError("the segment %r is not allowed in %r" % (part, whole))
    if not _FORBIDDEN.isdisjoint(segment):
        raise InvalidDialURLError("DIAL does not store names with /, {, } or control characters: %r" % whole)
    encode_segment(segment)  # refuses what can't be written
    return segment


def encode_segment(segment: str) -> str:
    """A decoded segment with everything but unreserved characters escaped.

    Raises:
        InvalidDialURLError: UTF-8 can't hold it (a lone surrogate).
    """
    try:
        return quote(segment, safe="")
    except UnicodeEncodeError:
        raise InvalidDialURLError("the name %r can't be written as UTF-8" % segment) from None


def encode_id(deployment_id: str) -> str:
    """A deployment id for a path; ids of custom applications (`applications/{bucket}/my%20app`) keep their slashes.

    Raises:
        InvalidRequestError: empty, or with empty, "." or ".." segments.
    """
    if not isinstance(deployment_id, str) or not deployment_id.strip():
        raise InvalidRequestError("a deployment id must be a non-empty str")
    return _encoded_id(deployment_id)


@lru_cache(maxsize=128)
def _encoded_id(deployment_id: str) -> str:
    try:
        parts = [decode_segment(part, deployment_id) for part in deployment_id.split("/")]
    except InvalidDialURLError:
        raise InvalidRequestError("this can't be a deployment id: %r" % deployment_id) from None
    return "/".join(encode_segment(part) for part in parts)


def as_text(value: Any) -> str:
    """A value as it is written into a path or a query: an Enum stands for its value.

    Raises:
        InvalidRequestError: it has no text of its own (a dict, a class, an object), or is bytes.
    """
    value = value.value if isinstance(value, Enum) else value
    kind: Any = type(value)
    has_text = isinstance(value, (str, int, float)) or kind.__str__ is not object.__str__
    if not has_text or isinstance(value, (type, bytes, bytearray)):
        found = value if isinstance(value, type) else type(value)
        raise InvalidRequestError("a %s can't be written into a URL" % found.__name__)
    try:
        return str(value)
    except ValueError as error:  # more digits than Python writes
        raise InvalidRequestError("a %s can't be written into a URL: %s" % (kind.__name__, error)) from None


def encode_query(query: Mapping[str, Any]) -> str:
    """Query parameters as they travel: None is left out, booleans are true/false, a list repeats its name.

    Raises:
        InvalidRequestError: a name or value that UTF-8 can't hold (a lone surrogate).
    """
    pairs: List[str] = []
    for name, value in query.items():
        for item in value if isinstance(value, (list, tuple)) else (value,):
            if item is not None:
                text = ("false", "true")[item] if isinstance(item, bool) else as_text(item)
                try:
                    pairs.append("%s=%s" % (quote(as_text(name), safe=""), quote(text, safe="")))
                except UnicodeEncodeError:
                    raise InvalidRequestError("the query parameter %r can't be written as UTF-8" % name) from None
    return "&".join(pairs)
