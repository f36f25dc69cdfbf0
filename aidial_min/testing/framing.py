"""HTTP/1.1 framing of the embedded server: bytes to requests, answers to bytes.

Knows request heads, bodies (Content-Length and chunked), keep-alive, pipelining, chunked and gzip answers, and the
three answers that DIAL Core's HTTP layer gives below DIAL itself (400, 414, 431).
Must not know paths, credentials or anything else of DIAL: whoever handles a request is passed in.
"""

import json
import re
import socket
import threading
import time
import zlib
from collections.abc import Iterable
from typing import Any, Callable, Optional, Union

MAX_REQUEST_LINE = 4096
MAX_HEADERS = 8192
PIECE = 1 << 18
SMALL = 1 << 16

# The words of the HTTP library under DIAL Core, which are older than today's RFC.
REASONS = {
    200: "OK", 204: "No Content", 304: "Not Modified", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden",
    404: "Not Found", 405: "Method Not Allowed", 409: "Conflict", 412: "Precondition Failed",
    413: "Request Entity Too Large", 414: "Request-URI Too Long", 415: "Unsupported Media Type",
    422: "Unprocessable Entity", 424: "Failed Dependency", 429: "Too Many Requests",
    431: "Request Header Fields Too Large", 500: "Internal Server Error", 501: "Not Implemented",
    502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout", 505: "HTTP Version Not Supported",
}  # fmt: skip

_HEAD_END = re.compile(rb"\r?\n\r?\n")
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
        self, status: int = 200, body: Union[Content, Pieces] = b"", headers: Iterable[tuple[str, str]] = ()
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


class Request:
    """One request as it came: the path still percent-encoded, header names in lower case."""

    def __init__(self, connection: "Connection", method: str, target: str, headers: dict[str, str]) -> None:
        self.connection = connection
        self.method = method
        self.target = target
        self.headers = headers
        if not target.startswith("/"):
            target = re.sub(r"^[A-Za-z][A-Za-z0-9+.-]*://[^/?]*", "", target) or "/"
        self.path, _, self.query = target.partition("?")
        self.chunked = "chunked" in headers.get("transfer-encoding", "").lower()
        length = headers.get("content-length", "0").strip()
        if not length.isascii() or not length.isdigit():
            raise BadHead(400)
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


Handler = Callable[[Request], Optional[Response]]
#: Is told of every answer: the request, the status (0: none was given), bytes sent, seconds.
Answered = Callable[[Request, int, int, float], None]


class Connection:
    """One client's connection: reads requests one after the other and writes their answers."""

    def __init__(
        self, sock: socket.socket, handle: Handler, stopping: threading.Event, answered: Optional[Answered] = None
    ) -> None:
        self.socket = sock
        #: How many bytes of this answer may still be sent before the connection is cut; None: all of them.
        self.budget: Optional[int] = None
        self._handle = handle
        self._answered = answered
        self._sent = 0
        self._stopping = stopping
        self._buffer = bytearray()

    def run(self) -> None:
        try:
            with self.socket:
                while self._exchange():
                    pass
        except (Disconnected, OSError):
            pass

    def abort(self) -> None:
        """Wake the thread wherever it waits; it closes the socket itself."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # already gone

    def is_open(self) -> bool:
        """Whether the peer is still there; bytes it has sent stay unread."""
        try:
            self.socket.setblocking(False)
            return self.socket.recv(1, socket.MSG_PEEK) != b""
        except (BlockingIOError, InterruptedError):
            return True
        except OSError:
            return False
        finally:
            self.socket.setblocking(True)

    def pause(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise Disconnected

    # Reading

    def read_some(self, limit: int) -> Content:
        """At least one byte, at most `limit`."""
        if self._buffer:
            piece = bytes(self._buffer[:limit])
            del self._buffer[:limit]
            return piece
        return self._receive(min(limit, PIECE))

    def read_line(self) -> bytes:
        while b"\n" not in self._buffer:
            if len(self._buffer) > MAX_HEADERS:
                raise Disconnected
            self._buffer += self._receive(SMALL)
        line, _, rest = bytes(self._buffer).partition(b"\n")
        self._buffer = bytearray(rest)
        return line[:-1] if line.endswith(b"\r") else line

    def _receive(self, limit: int) -> bytes:
        try:
            piece = self.socket.recv(limit)
        except OSError:
            raise Disconnected from None
        if not piece:
            raise Disconnected
        return piece

    def _read_head(self) -> Request:
        buffer = self._buffer
        searched = 0
        while True:
            while buffer.startswith((b"\r", b"\n")):
                del buffer[:1]
            end = _HEAD_END.search(buffer, searched)
            if end is not None and end.start() <= MAX_REQUEST_LINE + MAX_HEADERS:
                break
            line_end = buffer.find(b"\n")
            if (line_end if line_end >= 0 else len(buffer)) > MAX_REQUEST_LINE:
                raise BadHead(414)
            if line_end >= 0 and len(buffer) - line_end > MAX_HEADERS:
                raise BadHead(431, "1.1")
            searched = max(0, len(buffer) - 3)
            buffer += self._receive(SMALL)
        head = buffer[: end.start()].decode("latin-1")
        del buffer[: end.end()]
        return self._parse(head)

    def _parse(self, head: str) -> Request:
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
        request = Request(self, match[1], match[2], headers)
        request.headers = headers
        if match[3] != "1" or match[4] != "1":
            raise BadHead(505, f"{match[3]}.{match[4]}")
        return request

    # Answering

    def _exchange(self) -> bool:
        try:
            request = self._read_head()
        except BadHead as error:
            cors = "access-control-allow-origin: *\r\n" if error.status == 505 else ""
            line = f"HTTP/{error.version} {error.status} {REASONS[error.status]}"
            self._send(f"{line}\r\n{cors}content-length: 0\r\n\r\n".encode())
            return self._say_goodbye()
        begin, self._sent, status = time.perf_counter(), 0, 0
        try:
            response = self._handle(request)
            if response is None:
                self._stay_silent()
                return False
            status = response.status
            close = "close" in request.headers.get("connection", "").lower()
            self._answer(request, response, close)
        finally:
            self.budget = None
            if self._answered is not None:
                self._answered(request, status, self._sent, time.perf_counter() - begin)
        if close:
            return self._say_goodbye()
        request.discard()
        return True

    def _answer(self, request: Request, response: Response, close: bool) -> None:
        headers = [("access-control-allow-origin", "*")]
        for asked, allowed in _CORS:
            if asked in request.headers:
                headers.append((allowed, request.headers[asked]))
        headers += response.headers
        if close:
            headers.append(("connection", "close"))
        coding = _coding(request.headers.get("accept-encoding", ""))
        body = response.body
        if isinstance(body, (bytes, bytearray, memoryview)):
            self._answer_whole(request, response.status, headers, body, coding)
        else:
            self._answer_in_pieces(response.status, headers, body, coding)

    def _answer_whole(
        self, request: Request, status: int, headers: list[tuple[str, str]], body: Content, coding: str
    ) -> None:
        if coding and body:
            packer = _packer(coding)
            body = packer.compress(body) + packer.flush()
            headers = [field for field in headers if field[0] != "content-length"]
            headers.append(("content-encoding", coding))
        if request.method != "HEAD" and not any(field[0] == "content-length" for field in headers):
            headers.append(("content-length", str(len(body))))
        head = _head(status, headers)
        if request.method == "HEAD":
            body = b""
        if len(body) <= SMALL:
            self._send(head + body)
        else:
            self._send(head)
            self._send(body)

    def _answer_in_pieces(self, status: int, headers: list[tuple[str, str]], body: Pieces, coding: str) -> None:
        packer = _packer(coding) if coding else None
        if packer:
            headers = headers + [("content-encoding", coding), ("transfer-encoding", "chunked")]
        else:
            headers = headers[:1] + [("transfer-encoding", "chunked")] + headers[1:]
        waiting = _head(status, headers)
        try:
            for piece in body:
                if isinstance(piece, float):
                    self.pause(piece)
                    continue
                if packer and piece:
                    piece = packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH)
                self._send(waiting + _chunk(piece))
                waiting = b""
        finally:
            close = getattr(body, "close", None)
            if close:
                close()
        self._send(waiting + (_chunk(packer.flush()) if packer else b"") + b"0\r\n\r\n")

    def _send(self, data: Content) -> None:
        if self.budget is not None:
            data = memoryview(data)[: self.budget]
            self.budget -= len(data)
        self.socket.sendall(data)
        self._sent += len(data)
        if self.budget == 0:
            raise Disconnected

    def _stay_silent(self) -> None:
        """Core never answers some uploads: hold the connection until the client gives up."""
        try:
            while True:
                self._receive(SMALL)
        except Disconnected:
            pass

    def _say_goodbye(self) -> bool:
        """Let the last answer arrive before the close: unread bytes would turn the close into a reset."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
            self.socket.settimeout(1.0)
            while self.socket.recv(PIECE):
                pass
        except OSError:
            pass
        return False


_CORS = (
    ("access-control-request-method", "access-control-allow-methods"),
    ("access-control-request-headers", "access-control-allow-headers"),
)


def _head(status: int, headers: list[tuple[str, str]]) -> bytes:
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def _chunk(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece) if piece else b""


def _coding(accepted: str) -> str:
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


def _packer(coding: str) -> "zlib._Compress":
    return zlib.compressobj(6, zlib.DEFLATED, 31 if coding == "gzip" else 15)
