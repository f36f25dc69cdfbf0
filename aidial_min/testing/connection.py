"""One client's connection: requests are read one after the other, and each is answered.

Knows sockets, keep-alive, pipelining, chunked and compressed answers as they are sent, and the answers that DIAL Core's
HTTP layer gives below DIAL itself (400, 414, 431, 505). Must not know what messages mean: whoever handles a request is
passed in.
"""

import re
import socket
import threading
import time
import zlib
from typing import Callable, Optional, Union

from .messages import (
    MAX_HEADERS,
    MAX_REQUEST_LINE,
    REASONS,
    BadHead,
    Content,
    Disconnected,
    Pieces,
    Request,
    Response,
    chunk_bytes,
    coding_of,
    head_bytes,
    packer_of,
    parse_head,
)  # fmt: skip

_HEAD_END = re.compile(rb"\r?\n\r?\n")
PIECE = 1 << 18
SMALL = 1 << 16
#: How long the body of a refused request may take to arrive before the answer goes out without it, in seconds.
GRACE = 0.05
_CORS = (
    ("access-control-request-method", "access-control-allow-methods"),
    ("access-control-request-headers", "access-control-allow-headers"),
)

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
        return parse_head(self, head)

    def _take_body(self, request: Request) -> None:
        """Read a body that the handler left alone before the answer goes out, if it is small and on its way.

        A test that looks at the record as soon as it has the answer finds the body there. Larger ones, and those of a
        client that waits for the answer before it sends, are read after it, as Core does.
        """
        if request.content_length > SMALL:
            return
        deadline = time.monotonic() + GRACE
        try:
            while not request.is_within(self._buffer) and len(self._buffer) <= SMALL:
                self.socket.settimeout(max(0.001, deadline - time.monotonic()))
                self._buffer += self._receive(SMALL)
        except Disconnected:
            return  # nothing came in time, or nothing will: whoever reads next sees which
        finally:
            self.socket.settimeout(None)
        if request.is_within(self._buffer):
            request.discard()

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
            self._take_body(request)
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
        coding = coding_of(request.headers.get("accept-encoding", ""))
        body = response.body
        if isinstance(body, (bytes, bytearray)):
            self._answer_whole(request, response.status, headers, body, coding)
        else:
            self._answer_in_pieces(response.status, headers, body, coding)

    def _answer_whole(
        self, request: Request, status: int, headers: list[tuple[str, str]], body: Union[bytes, bytearray], coding: str
    ) -> None:
        if coding and body:
            packer = packer_of(coding)
            body = packer.compress(body) + packer.flush()
            headers = [field for field in headers if field[0].lower() != "content-length"]
            headers.append(("content-encoding", coding))
        has_no_body = request.method == "HEAD" or status in (204, 304)
        if not has_no_body and not any(field[0].lower() == "content-length" for field in headers):
            headers.append(("content-length", str(len(body))))
        head = head_bytes(status, headers)
        if has_no_body:
            body = b""
        if len(body) <= SMALL:
            self._send(head + body)
        else:
            self._send(head)
            self._send(body)

    def _answer_in_pieces(self, status: int, headers: list[tuple[str, str]], body: Pieces, coding: str) -> None:
        packer = packer_of(coding) if coding else None
        if packer:
            headers = headers + [("content-encoding", coding), ("transfer-encoding", "chunked")]
        else:
            headers = headers[:1] + [("transfer-encoding", "chunked")] + headers[1:]
        waiting = head_bytes(status, headers)
        try:
            for piece in body:
                if not isinstance(piece, bytes):
                    self.pause(piece)
                    continue
                if packer and piece:
                    piece = packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH)
                self._send(waiting + chunk_bytes(piece))
                waiting = b""
        finally:
            close = getattr(body, "close", None)
            if close:
                close()
        self._send(waiting + (chunk_bytes(packer.flush()) if packer else b"") + b"0\r\n\r\n")

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
