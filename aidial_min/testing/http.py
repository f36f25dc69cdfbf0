"""HTTP of the embedded server: requests as they come, answers as handlers give them, and the connection between.

A handler reads `request.path`, `request.headers` and `request.body()`; it returns a `Response` or raises `HttpError`.
`Connection` reads requests one after the other from a socket, has each handled, and writes the answers: kept alive,
pipelined, chunked and compressed as DIAL Core's HTTP layer does, with its answers below DIAL (400, 414, 431, 505).
"""

import json
import re
import socket
import threading
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Callable, NoReturn, Optional, TypeVar, Union

MAX_REQUEST_LINE = 4096
MAX_HEADERS = 8192
PIECE = 1 << 18
SMALL = 1 << 16

# The words of the HTTP library under DIAL Core are older than today's RFC.
REASONS = {status.value: status.phrase for status in HTTPStatus}
REASONS.update({413: "Request Entity Too Large", 414: "Request-URI Too Long", 422: "Unprocessable Entity"})

_REQUEST_LINE = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+) +(\S+) +HTTP/(\d\.\d)")
_CORS = (
    ("access-control-request-method", "access-control-allow-methods"),
    ("access-control-request-headers", "access-control-allow-headers"),
)

# json.dumps would make an encoder for every value.
_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_COMPACT_ASCII = json.JSONEncoder(separators=(",", ":"))

T = TypeVar("T")
Content = Union[bytes, bytearray, memoryview]
#: A streamed answer: pieces of bytes (an empty one sends the head at once) and pauses in seconds between them.
Pieces = Iterator[Union[bytes, float]]
Fields = Iterable[tuple[str, str]]
#: The status and the words of an HttpError.
Refusal = tuple[int, str]


class HttpError(Exception):
    """Answer `status` with `words` as plain text, without a Content-Type, as Core does."""

    def __init__(self, status: int, words: str = "") -> None:
        super().__init__(status, words)
        self.status = status
        self.words = words


def refuse_if(wrong: object, status: int, words: str = "") -> None:
    """HttpError when something is wrong."""
    if wrong:
        raise HttpError(status, words)


def present(value: Optional[T], status: int, words: str = "") -> T:
    """What was looked for; HttpError when it is not there."""
    if value is None:
        raise HttpError(status, words)
    return value


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

    def __init__(self, status: int = 200, body: Union[Content, Pieces] = b"", headers: Fields = ()) -> None:
        self.status = status
        self.body = body
        self.headers: list[tuple[str, str]] = list(headers)


def dumps(value: Any) -> bytes:
    """JSON as Core writes it: compact, not escaped to ASCII."""
    return _COMPACT.encode(value).encode("utf-8", "replace")


def as_json(value: Any, status: int = 200, headers: Fields = ()) -> Response:
    return Response(status, dumps(value), [*headers, ("content-type", "application/json")])


def event(value: Any, name: Optional[str] = None) -> bytes:
    """One server-sent event with JSON in it."""
    data = b"data: " + _COMPACT_ASCII.encode(value).encode() + b"\n\n"
    return f"event: {name}\n".encode() + data if name else data


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
        if not length.isascii() or not length.isdigit() or len(length) > 18:
            raise BadHead(400)  # no number, or none that fits into 64 bits
        self.content_length = int(length)
        self._is_read = False
        self._body: Optional[bytearray] = None
        #: Is told every piece of the body as it is read, and at its end an empty one.
        self.on_body: Optional[Callable[[Content], None]] = None

    def body(self) -> bytearray:
        """The whole body, read once."""
        if self._body is None:
            self._body = bytearray()
            for piece in self._incoming():
                self._body += piece
        return self._body

    def discard(self) -> None:
        """Read what the handler left unread, so that the connection stays well framed."""
        for _ in self._incoming():
            pass

    def _incoming(self) -> Iterator[Content]:
        """The body in pieces, unless it has been read."""
        is_last, self._is_read = self._is_read, True
        while not is_last:
            left = self._chunk_size() if self.chunked else self.content_length
            is_last = not self.chunked or not left
            while left:
                piece = self.connection.read_some(left)
                left -= len(piece)
                if self.on_body:
                    self.on_body(piece)
                yield piece
            while self.chunked and self.connection.read_line().strip():
                pass  # the line end after a chunk, or the trailers after the last one
            if is_last and self.on_body:
                self.on_body(b"")

    def _chunk_size(self) -> int:
        size = self.connection.read_line().split(b";", 1)[0].strip()
        if not re.fullmatch(rb"[0-9A-Fa-f]{1,15}", size):
            raise Disconnected
        return int(size, 16)


class Connection(threading.Thread):
    """One client's connection, and the thread that reads requests one after the other and writes their answers."""

    def __init__(
        self,
        sock: socket.socket,
        answer_to: Callable[[Request], Response],
        stopping: threading.Event,
        log: Optional[Callable[[str], None]] = None,
    ) -> None:
        super().__init__(name="dial-connection", daemon=True)
        sock.setblocking(True)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = sock
        #: How many bytes of this answer may still be sent before the connection is cut; None: all of them.
        self.budget: Optional[int] = None
        self._answer_to = answer_to
        self._log = log
        self._sent = 0
        self._stopping = stopping
        self._input = sock.makefile("rb")

    def run(self) -> None:
        with suppress(Disconnected, OSError), self.socket, self._input:
            while self._exchange():
                pass

    def abort(self) -> None:
        """Wake the thread wherever it waits; it closes the socket itself."""
        with suppress(OSError):  # already gone
            self.socket.shutdown(socket.SHUT_RDWR)

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

    def leave_waiting(self) -> NoReturn:
        """Give no answer: the client holds the connection until it gives up."""
        while True:
            self.read_some(SMALL)

    def pause(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise Disconnected

    # Reading

    def read_some(self, limit: int) -> bytes:
        """At least one byte, at most `limit`."""
        return self._read(self._input.read1, min(limit, PIECE))

    def read_line(self, limit: int = MAX_HEADERS, status: int = 0, version: str = "1.0") -> bytes:
        """One line with its end; BadHead with `status` when more than `limit` bytes come before that."""
        line = self._read(self._input.readline, max(0, limit) + 2)
        if not line.endswith(b"\n"):
            raise BadHead(status, version) if status and len(line) > limit else Disconnected
        return line

    def _read(self, read: Callable[[int], bytes], limit: int) -> bytes:
        try:
            found = read(limit)
        except OSError:
            raise Disconnected from None
        if not found:
            raise Disconnected
        return found

    def _read_head(self) -> Request:
        """The next request; BadHead for what Core would not look at."""
        line = b"\n"
        while not line.strip(b"\r\n"):
            line = self.read_line(MAX_REQUEST_LINE, 414)
        fields: list[bytes] = []
        left, field = MAX_HEADERS, self.read_line(MAX_HEADERS, 431, "1.1")
        while field not in (b"\r\n", b"\n"):
            fields.append(field)
            left -= len(field)
            field = self.read_line(left, 431, "1.1")
        match = _REQUEST_LINE.fullmatch(line.decode("latin-1").strip("\r\n"))
        if match is None:
            raise BadHead(400)
        headers = _fields(fields)
        if match[3] != "1.1":
            raise BadHead(505, match[3])
        return Request(self, match[1], match[2], headers)

    # Answering

    def _exchange(self) -> bool:
        try:
            request = self._read_head()
        except BadHead as error:
            headers = [("access-control-allow-origin", "*")] if error.status == 505 else []
            self._send(_head(error.status, [*headers, ("content-length", "0")], error.version))
            return self._end()
        begin, self._sent, status = time.perf_counter(), 0, 0
        close = "close" in request.headers.get("connection", "").lower()
        try:
            response = self._answer_to(request)
            status = response.status
            self._answer(request, response, close)
        finally:
            self.budget = None
            if self._log is not None:
                took = (time.perf_counter() - begin) * 1000
                self._log(f"{request.method} {request.target} {status or 'no answer'} {self._sent} bytes {took:.1f} ms")
        if close:
            return self._end(request)
        request.discard()
        return True

    def _answer(self, request: Request, response: Response, close: bool) -> None:
        status, body = response.status, response.body
        headers = [("access-control-allow-origin", "*")]
        headers += [(allowed, request.headers[asked]) for asked, allowed in _CORS if asked in request.headers]
        headers += response.headers
        if close:
            headers.append(("connection", "close"))
        packed = not body or any(name.lower() == "content-encoding" for name, _ in headers)
        coding = "" if packed else _coding(request.headers.get("accept-encoding", ""))
        packer = zlib.compressobj(6, zlib.DEFLATED, 31 if coding == "gzip" else 15) if coding else None
        if packer:
            headers.append(("content-encoding", coding))
        if isinstance(body, Iterator):
            headers.insert(len(headers) if packer else 1, ("transfer-encoding", "chunked"))
            self._send_pieces(_head(status, headers), body, packer)
            return
        if packer:
            body = packer.compress(body) + packer.flush()
            headers = [field for field in headers if field[0].lower() != "content-length"]
        has_no_body = request.method == "HEAD" or status in (204, 304)
        if not has_no_body and not any(field[0].lower() == "content-length" for field in headers):
            headers.append(("content-length", str(len(body))))
        head = _head(status, headers)
        if has_no_body or len(body) <= SMALL:
            self._send(head if has_no_body else b"".join((head, body)))
        else:
            self._send(head)
            self._send(body)

    def _send_pieces(self, head: bytes, body: Pieces, packer: "Optional[zlib._Compress]") -> None:
        try:
            for piece in body:
                if not isinstance(piece, bytes):
                    self.pause(piece)
                    continue
                if packer and piece:
                    piece = packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH)
                self._send(head + _chunk(piece))
                head = b""
        finally:
            close = getattr(body, "close", None)
            if close:
                close()
        self._send(head + (_chunk(packer.flush()) if packer else b"") + b"0\r\n\r\n")

    def _send(self, data: Content) -> None:
        if self.budget is not None:
            data = memoryview(data)[: self.budget]
            self.budget -= len(data)
        self.socket.sendall(data)
        self._sent += len(data)
        if self.budget == 0:
            raise Disconnected

    def _end(self, request: Optional[Request] = None) -> bool:
        """Let the last answer arrive before the close: unread bytes would turn the close into a reset."""
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)
            self.socket.settimeout(1.0)
            if request is not None:
                request.discard()
            while self.socket.recv(PIECE):
                pass
        return False


def _fields(lines: list[bytes]) -> dict[str, str]:
    headers: dict[str, str] = {}
    name = ""
    for line in lines:
        field = line.decode("latin-1")
        if field[0] in " \t" and name:
            headers[name] += " " + field.strip()
            continue
        name, colon, value = field.partition(":")
        name = name.strip().lower()
        if not colon or not name:
            raise BadHead(400)
        headers[name] = headers[name] + "," + value.strip() if name in headers else value.strip()
    return headers


def _head(status: int, headers: Fields, version: str = "1.1") -> bytes:
    lines = [f"HTTP/{version} {status} {REASONS.get(status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def _chunk(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece) if piece else b""


def _coding(accepted: str) -> str:
    """What Core compresses with: gzip before deflate, by quality."""
    quality: dict[str, float] = {}
    for item in accepted.lower().split(",") if accepted else ():
        name, _, parameter = item.partition(";")
        try:
            quality[name.strip()] = float(parameter.split("=", 1)[1]) if "=" in parameter else 1.0
        except ValueError:
            quality[name.strip()] = 0.0
    other = quality.get("*", 0.0)
    gzip, deflate = quality.get("gzip", other), quality.get("deflate", other)
    return "" if max(gzip, deflate) <= 0.0 else "gzip" if gzip >= deflate else "deflate"
