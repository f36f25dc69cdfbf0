"""HTTP messages of the embedded server: what a request is, what an answer is, and their bytes.

Knows heads, bodies (Content-Length and chunked), limits, reason phrases and compression. Must not know sockets
(connection.py), nor paths, credentials or anything else of DIAL.
"""

import json
import re
import zlib
from collections.abc import Iterable
from typing import Any, Callable, Optional, Protocol, Union

MAX_REQUEST_LINE = 4096
MAX_HEADERS = 8192

# The words of the HTTP library under DIAL Core, which are older than today's RFC.
REASONS = {
    200: "OK", 204: "No Content", 304: "Not Modified", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden",
    404: "Not Found", 405: "Method Not Allowed", 409: "Conflict", 412: "Precondition Failed",
    413: "Request Entity Too Large", 414: "Request-URI Too Long", 415: "Unsupported Media Type",
    422: "Unprocessable Entity", 424: "Failed Dependency", 429: "Too Many Requests",
    431: "Request Header Fields Too Large", 500: "Internal Server Error", 501: "Not Implemented",
    502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout", 505: "HTTP Version Not Supported",
}  # fmt: skip

_REQUEST_LINE = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+) +(\S+) +HTTP/(\d)\.(\d)")

Content = Union[bytes, bytearray, memoryview]
Pause = float
#: A streamed answer: pieces of bytes (an empty one sends the head at once) and pauses in seconds between them.
Pieces = Iterable[Union[bytes, Pause]]


class Disconnected(Exception):
    """The peer went away, or the server is stopping: there is nobody left to answer."""


class BadHead(Exception):
    """What came is no request that Core would look at; the connection ends after this answer."""

    def __init__(self, status: int, version: str = "1.0") -> None:
        super().__init__(status)
        self.status = status
        self.version = version


class Response:
    """One answer: `body` whole, or in pieces, which are then sent as chunks in the order they come."""

    __slots__ = ("status", "headers", "body")

    def __init__(
        self, status: int = 200, body: Union[bytes, bytearray, Pieces] = b"", headers: Iterable[tuple[str, str]] = ()
    ) -> None:
        self.status = status
        self.body = body
        self.headers: list[tuple[str, str]] = list(headers)


def text(status: int, words: str = "") -> Response:
    """Core's own errors: plain text without a Content-Type, often empty."""
    return Response(status, words.encode())


def dumps(value: Any) -> bytes:
    """JSON as Core writes it: compact, not escaped to ASCII."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def as_json(value: Any, status: int = 200, headers: Iterable[tuple[str, str]] = ()) -> Response:
    return Response(status, dumps(value), [*headers, ("content-type", "application/json")])


class Incoming(Protocol):
    """Where the bytes of a request's body come from."""

    budget: Optional[int]

    def read_some(self, limit: int) -> Content: ...

    def read_line(self) -> bytes: ...

    def pause(self, seconds: float) -> None: ...

    def is_open(self) -> bool: ...


class Request:
    """One request as it came: the path still percent-encoded, header names in lower case."""

    def __init__(self, connection: Incoming, method: str, target: str, headers: dict[str, str]) -> None:
        self.connection = connection
        self.method = method
        self.target = target
        self.headers = headers
        if not target.startswith("/"):
            target = re.sub(r"^[A-Za-z][A-Za-z0-9+.-]*://[^/?]*", "", target) or "/"
        self.path, _, self.query = target.partition("?")
        self.chunked = "chunked" in headers.get("transfer-encoding", "").lower()
        length = headers.get("content-length", "0").strip()
        if not length.isascii() or not length.isdigit() or len(length) > 18:
            raise BadHead(400)  # no number, or none that fits into 64 bits
        self.content_length = int(length)
        self._left = -1 if self.chunked else self.content_length
        self._body: Optional[bytearray] = None
        #: Is told every piece of the body as it is read.
        self.on_body: Optional[Callable[[Content], None]] = None

    def body(self) -> bytearray:
        """The whole body, read once. The caller may take it apart; it is not copied."""
        if self._body is None:
            self._body = bytearray()
            for piece in self._incoming():
                self._body += piece
        return self._body

    def is_within(self, received: bytearray) -> bool:
        """Whether what is left of the body has all been `received`, as far as can be seen without taking it apart."""
        if self.chunked:
            return not self._left or received.endswith(b"0\r\n\r\n")
        return len(received) >= self._left

    def discard(self) -> None:
        """Read what the handler left unread, so that the connection stays well framed."""
        for _ in self._incoming():
            pass

    def _incoming(self) -> Iterable[Content]:
        if self.chunked:
            while self._left:
                size = self.connection.read_line().split(b";", 1)[0].strip()
                if not re.fullmatch(rb"[0-9A-Fa-f]{1,15}", size):
                    raise Disconnected
                left = int(size, 16)
                self._left = -1 if left else 0
                while left:
                    piece = self.connection.read_some(left)
                    left -= len(piece)
                    if self.on_body:
                        self.on_body(piece)
                    yield piece
                while self.connection.read_line():
                    pass  # the line end after a chunk, or the trailers after the last one
        else:
            while self._left:
                piece = self.connection.read_some(self._left)
                self._left -= len(piece)
                if self.on_body:
                    self.on_body(piece)
                yield piece


def parse_head(connection: Incoming, head: str) -> Request:
    """The request whose head this is; BadHead for what Core would not look at."""
    line, _, rest = head.partition("\n")
    if len(line) > MAX_REQUEST_LINE:
        raise BadHead(414)
    if len(rest) > MAX_HEADERS:
        raise BadHead(431, "1.1")
    match = _REQUEST_LINE.fullmatch(line.rstrip("\r"))
    if match is None:
        raise BadHead(400)
    headers: dict[str, str] = {}
    name = ""
    for field in rest.split("\n") if rest else ():
        field = field.rstrip("\r")
        if field[:1] in (" ", "\t") and name:
            headers[name] += " " + field.strip()
            continue
        name, colon, value = field.partition(":")
        name = name.strip().lower()
        if not colon or not name:
            raise BadHead(400)
        value = value.strip()
        headers[name] = headers[name] + "," + value if name in headers else value
    if match[3] != "1" or match[4] != "1":
        raise BadHead(505, f"{match[3]}.{match[4]}")
    return Request(connection, match[1], match[2], headers)


def head_bytes(status: int, headers: list[tuple[str, str]]) -> bytes:
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def chunk_bytes(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece) if piece else b""


def coding_of(accepted: str) -> str:
    """What Core compresses with: gzip before deflate, by quality."""
    if not accepted:
        return ""
    quality: dict[str, float] = {}
    for item in accepted.lower().split(","):
        name, _, parameter = item.partition(";")
        try:
            quality[name.strip()] = float(parameter.split("=", 1)[1]) if "=" in parameter else 1.0
        except ValueError:
            quality[name.strip()] = 0.0
    other = quality.get("*", 0.0)
    gzip, deflate = quality.get("gzip", other), quality.get("deflate", other)
    if gzip <= 0.0 and deflate <= 0.0:
        return ""
    return "gzip" if gzip >= deflate else "deflate"


def packer_of(coding: str) -> "zlib._Compress":
    return zlib.compressobj(6, zlib.DEFLATED, 31 if coding == "gzip" else 15)
