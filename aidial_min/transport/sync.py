"""The sync client's verbs: they block in the thread that asks. aio.py has the same names in the same order.

http.client opens the connections, and is what idles in the cache; what comes of their sockets is read by core/http11.
`queue` and `threading` are loaded where somebody waits for a thread: a first answer from an address does not.
"""

from __future__ import annotations

import os
import socket
import time
from _thread import _local, allocate_lock  # what threading gives, which takes longer to load
from collections import deque
from typing import TYPE_CHECKING, Any, AsyncIterator, Callable, Coroutine, Sequence, TypeVar

from ..core.operation import finish
from ..errors import ConnectError, InvalidRequestError
from .connections import Connection, Connections
from .transport import BaseTransport
from .verbs import (
    LOOK_AGAIN,
    RECEIVE,
    STALL,
    Here,
    OutOfTime,
    Watch,
    begin,
    look_up,
    numeric_addresses,
    prepare,
    remaining,
    shorter,
)

if TYPE_CHECKING:
    import ssl
    import threading
    from http.client import HTTPConnection
    from queue import SimpleQueue

    from .verbs import Sending

T = TypeVar("T")
R = TypeVar("R")

LAST_WORDS = 1.0
"""Seconds: how long threads that are told to end are waited for; one that is silent longer ends later, unheard."""
LARGE = 262144
"""Bytes asked of a socket that gave as many as it was asked for."""


class Crew:
    """The threads that work on the items of one `at_once`."""

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []
        self.ended = False

    def end(self, connections: Connections) -> None:
        """Have them end: the connections that they wait for are closed, and they get no other."""
        self.ended = True
        for wire in list(connections.open):
            if wire.crew is self:
                wire.close()
        until = time.monotonic() + LAST_WORDS
        for thread in self.threads:
            if thread.ident is not None:
                thread.join(max(0.0, until - time.monotonic()))


class Transport(BaseTransport):
    """Carries out requests in the thread that asks."""

    def __init__(self, settings: Any) -> None:
        super().__init__(settings, Verbs())
        self.connections = Connections(settings.limits, self.verbs)
        self._here = _local()  # its `crew`: whose thread this is

    def home(self) -> Connections:
        return self.connections

    def _homes(self) -> list[Connections]:
        return [self.connections]

    def _taken(self, connection: Connection) -> None:
        crew = connection.wire.crew = self._here.__dict__.get("crew")  # type: ignore[attr-defined]
        if crew is not None and crew.ended:
            raise InvalidRequestError("the work was interrupted")

    async def at_once(
        self, work: Callable[[T], Coroutine[Any, Any, R]], items: Sequence[T], number: int
    ) -> AsyncIterator[tuple[int, R]]:
        """Work on so many items at a time, each in a thread; gives the index and the result of each as it comes.

        What interrupts it ends it at once: the connections of the threads are closed under them.
        """
        from queue import Empty, SimpleQueue
        from threading import Thread

        left = deque(enumerate(items))
        crew = Crew()
        results: SimpleQueue[tuple[int, Any, BaseException | None]] = SimpleQueue()

        def run() -> None:
            while True:
                try:
                    index, item = left.popleft()
                except IndexError:
                    return
                try:
                    results.put((index, finish(work(item)), None))
                except BaseException as error:  # goes on in the thread that asked
                    results.put((index, None, error))

        def run_apart() -> None:
            self._here.crew = crew
            run()

        def thread() -> threading.Thread:
            crew.threads.append(Thread(target=run_apart, daemon=True))
            return crew.threads[-1]

        try:
            if not any([begin(thread) for _ in range(min(number, len(items)))]):
                run()
            awaited = len(items)
            while awaited:
                try:
                    index, result, error = results.get(timeout=LOOK_AGAIN)
                except Empty:
                    continue
                awaited -= 1
                if error is not None:
                    raise error
                yield index, result
        except BaseException:
            left.clear()
            crew.end(self.connections)
            raise

    def close(self) -> None:
        """Close idle connections now, and those in use as soon as their calls end; calls that wait for one end now."""
        self.closed = True
        self.connections.close()

    def after_fork(self) -> None:
        """In a forked child: the parent's connections are its own."""
        self._lock = allocate_lock()
        inherited, self.connections = self.connections, Connections(self.settings.limits, self.verbs)
        inherited.disown()


class Verbs:
    """Everything that waits, in the thread that asks."""

    blocks = True

    async def sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while seconds > 0:
            time.sleep(min(seconds, LOOK_AGAIN))
            seconds = until - time.monotonic()

    async def ask(self, function: Callable[[], Any], seconds: float | None) -> Any:
        return function()

    async def in_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        return function(*arguments)

    def worker(self) -> Here:
        return Here()

    def bell(self) -> Bell:
        return Bell()

    def soon(self, function: Callable[..., None], *arguments: Any) -> None:
        function(*arguments)

    async def resolve(self, host: str, port: int, seconds: float | None) -> list[Any]:
        """A resolver that is silent is left to its thread when time runs out."""
        found = numeric_addresses(host, port)
        if found is not None:
            return found
        from queue import Empty, SimpleQueue
        from threading import Thread

        outcome: SimpleQueue[Any] = SimpleQueue()

        def ask() -> None:
            try:
                outcome.put(look_up(host, port))
            except Exception as error:  # goes on in the thread that asked
                outcome.put(error)

        if not begin(lambda: Thread(target=ask, daemon=True)):
            ask()
        try:
            answer = outcome.get(timeout=seconds)
        except Empty:
            raise OutOfTime from None
        if isinstance(answer, Exception):
            raise answer
        return list(answer)

    async def connect(self, address: Any, seconds: float | None) -> HTTPConnection:
        from http.client import HTTPConnection

        host, port = address[4][:2]
        link = HTTPConnection(host, port, timeout=seconds)
        link.host = host.encode()  # for a str, Python loads its tables of international names
        try:
            link.connect()
            link.auto_open = 0  # a dropped socket is never reopened behind our back
            if not hasattr(link.sock, "recv"):
                raise ConnectError("http.client is replaced by %s, which opens no sockets" % type(link).__module__)
            prepare(link.sock)
            return link
        except socket.timeout:
            link.close()
            raise OutOfTime from None
        except BaseException:
            link.close()
            raise

    async def send_all(self, link: HTTPConnection, data: memoryview, seconds: float | None) -> None:
        try:
            link.sock.settimeout(seconds)
            link.sock.sendall(data)
        except socket.timeout:
            raise OutOfTime from None

    async def receive_one(self, link: HTTPConnection, seconds: float | None) -> bytes:
        try:
            link.sock.settimeout(seconds)
            return link.sock.recv(1)
        except socket.timeout:
            raise OutOfTime from None

    async def wire(
        self, link: HTTPConnection, context: ssl.SSLContext | None, host: str, seconds: float | None
    ) -> Wire:
        if context is not None:
            link.sock = _secured(link.sock, context, host, seconds)
        return Wire(link, secured=context is not None)


def _secured(sock: socket.socket, context: ssl.SSLContext, host: str, seconds: float | None) -> socket.socket:
    from ssl import SSLWantReadError, SSLWantWriteError

    from .tls import handshake_error

    until = None if seconds is None else time.monotonic() + seconds
    try:
        secured = context.wrap_socket(
            sock, server_hostname=host, do_handshake_on_connect=False, suppress_ragged_eofs=False
        )
    except (OSError, ValueError) as error:
        trace: Any = error.__traceback__
        while trace.tb_next is not None:
            trace = trace.tb_next
        left = trace.tb_frame.f_locals.get("self")
        if isinstance(left, socket.socket):  # Python before 3.13 leaves it open where the connection was reset
            left.close()
        raise handshake_error(error, host) from None
    watch = Watch(secured)
    try:  # from here on `sock` is empty
        while True:
            secured.setblocking(False)  # eventlet takes a limit of 0 s for a limit
            try:
                secured.do_handshake()
                return secured
            except (SSLWantReadError, SSLWantWriteError) as wanted:
                write = isinstance(wanted, SSLWantWriteError)
                if not watch.wait(not write, write, until):
                    raise OutOfTime from None
    except BaseException as error:
        secured.close()
        if isinstance(error, OSError):
            raise handshake_error(error, host) from None
        raise


class Bell:
    """A queue of rings: ringing is safe wherever a finalizer may run."""

    def __init__(self) -> None:
        from queue import SimpleQueue

        self._rings: SimpleQueue[None] = SimpleQueue()

    async def wait(self, seconds: float | None) -> None:
        from queue import Empty

        try:
            self._rings.get(timeout=shorter(seconds, LOOK_AGAIN))
        except Empty:
            pass

    def ring(self) -> None:
        self._rings.put(None)

    def end(self) -> None:
        pass  # nothing is kept for it


class Wire:
    """A connection of http.client, connected; its socket never blocks, so that a wait is one system call."""

    def __init__(self, link: HTTPConnection, secured: bool) -> None:
        self.sock: Any = link.sock
        self.sock.setblocking(False)  # eventlet takes a limit of 0 s for a limit
        self._secured = secured
        self._size = RECEIVE
        self.crew: Crew | None = None
        """Whose thread used it last."""
        self._link = link
        self._watch = Watch(self.sock)
        self._pid = os.getpid()

    def is_reusable(self) -> bool:
        try:
            return not self._watch.is_ready(True, False, 0.0)
        except OSError:
            return False

    def close(self) -> None:
        """Close the socket, and wake a thread that waits for it."""
        if self._pid == os.getpid():  # else it is a parent's, who goes on using it
            try:
                self.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it broke, or is closed already
        self._link.close()

    def __del__(self) -> None:
        if "_pid" in self.__dict__ and self.sock.fileno() >= 0:  # what opened it was interrupted
            self.close()

    async def receive(self, at: float | None) -> bytes:
        # TLS may hold something that its socket does not show.
        wait, write = not (self._secured and self.sock.pending()), False
        while True:
            if wait and not self._watch.wait(not write, write, at):
                raise OutOfTime
            try:
                data: bytes = self.sock.recv(self._size)
                self._size = RECEIVE if len(data) < self._size else LARGE  # more may be waiting
                return data
            except OSError as error:
                if not _wants(error):
                    raise
                wait, write = True, type(error).__name__ == "SSLWantWriteError"

    async def push(self, data: memoryview, sending: Sending) -> bool:
        view, budget = data, sending.budget
        sock = self.sock
        large, full = len(data) >= RECEIVE, False
        while view:
            remaining(budget.total_at, budget, "total", "maybe" if sending.sending_began else "no")
            if (large or full) and self._refused_early(sending, wait=full):
                return False
            full = False
            try:
                view = view[sock.send(view) :]
                sending.sending_began = True
            except BlockingIOError:
                full = True
            except OSError as error:
                if not _wants(error):
                    sending.check_alert(error)  # what it said before may still be there to read
                    return False
                full = sending.sending_began = True  # records may have left
        return True

    def _refused_early(self, sending: Sending, wait: bool) -> bool:
        """Whether a refusal, or the end of the connection, came while sending."""
        budget, now = sending.budget, time.monotonic()
        at, limit = budget.ends("write", now) if wait else (now, "write")
        if sending.is_answered:
            return wait and not self._watch.wait(False, True, shorter(at, now + STALL))
        if self._watch.wait(True, wait, at):
            return self._take_early(sending)
        if wait:
            raise budget.error(limit, "maybe")
        return False

    def _take_early(self, sending: Sending) -> bool:
        try:
            return sending.take_early(self.sock.recv(RECEIVE))
        except OSError as error:
            if not _wants(error):
                sending.take_break(error)
            return not _wants(error)


def _wants(error: OSError) -> bool:
    """Whether a socket that does not block, or TLS on it, only asks to be called again."""
    return isinstance(error, BlockingIOError) or type(error).__name__ in ("SSLWantReadError", "SSLWantWriteError")
