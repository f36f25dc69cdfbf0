"""A proxy on 127.0.0.1 that notes every request whole and passes all bytes on as they are.

The embedded server may answer before it has read a body; whoever compares bodies needs them to the end.
It knows how an HTTP/1.1 request ends; it must not look at answers.
"""

import socket
import threading
from typing import Any, List, NamedTuple, Optional, Tuple

PIECE = 1 << 16


class WireRequest(NamedTuple):
    """One request as it travelled; names of headers in lower case."""

    method: str
    target: str
    headers: List[Tuple[str, str]]
    body: bytes


class RecordingProxy:
    """Passes connections on to `port`; `requests` holds what came, the oldest first."""

    def __init__(self, port: int) -> None:
        self.requests: List[WireRequest] = []
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self.url = "http://127.0.0.1:%d" % self.port
        self._sockets: List[socket.socket] = []
        self._threads: List[threading.Thread] = []
        self._start(self._accept)

    def __enter__(self) -> "RecordingProxy":
        return self

    def __exit__(self, *_: Any) -> None:
        for sock in [self._listener, *self._sockets]:
            _shut(sock)
        for thread in list(self._threads):
            thread.join(5)
        for sock in [self._listener, *self._sockets]:
            sock.close()

    def _start(self, function: Any, *arguments: Any) -> None:
        thread = threading.Thread(target=function, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            self._sockets += [client, server]
            self._start(self._take_requests, client, server)
            self._start(_pump, server, client)

    def _take_requests(self, client: socket.socket, server: socket.socket) -> None:
        reader = client.makefile("rb")
        try:
            while True:
                taken = _read_request(reader)
                if taken is None:
                    break
                request, raw = taken
                self.requests.append(request)
                server.sendall(raw)
        except OSError:
            pass  # one of the two has gone
        _shut(server)


def _read_request(reader: Any) -> Optional[Tuple[WireRequest, bytes]]:
    """The next request and its bytes; None where the client has closed, or what it sends is no HTTP."""
    line = reader.readline()
    raw = line
    words = line.decode("latin-1").split()
    if len(words) != 3:
        return None
    headers: List[Tuple[str, str]] = []
    while line not in (b"\r\n", b""):
        line = reader.readline()
        raw += line
        name, colon, value = line.decode("latin-1").partition(":")
        if colon:
            headers.append((name.strip().lower(), value.strip()))
    fields = dict(headers)
    body = b""
    if fields.get("transfer-encoding", "").lower() == "chunked":
        size = -1
        while size:
            head = reader.readline()
            size = int(head or b"0", 16)
            piece = reader.read(size)
            raw += head + piece + reader.readline()
            body += piece
    else:
        body = reader.read(int(fields.get("content-length", "0")))
        raw += body
    return WireRequest(words[0], words[1], headers, body), raw


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while True:
            piece = source.recv(PIECE)
            if not piece:
                break
            target.sendall(piece)
    except OSError:
        pass  # one of the two has gone
    _shut(target)


def _shut(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # not connected, or already closed
