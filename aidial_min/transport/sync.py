"""The sync client's transport: verbs that block.

It knows sockets, threads and clocks; it decides nothing about retries, errors or DIAL: core/ does.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Callable, TypeVar, cast
from weakref import WeakSet

from ..core.operation import finish
from ..errors import InvalidRequestError
from .connections import Connections
from .exchange import STALL
from .transport import Transport as AnyTransport
from .verbs import RECEIVE, OutOfTime, numeric_addresses, remaining, shorter, wait_for

if TYPE_CHECKING:
    import ssl
    from typing import AsyncIterator, Coroutine, Sequence

    from ..core.call import Send
    from ..core.limits import Budget
    from ..core.settings import ConnectionSettings
    from .connections import Connection
    from .exchange import Exchange

T = TypeVar("T")
R = TypeVar("R")

_LAST_WORDS = 1.0
"""Seconds: how long threads that are told to end are waited for; one that is silent longer ends later, unheard."""


class Transport(AnyTransport):
    """Carries out requests in the thread that asks."""

    def __init__(self, settings: ConnectionSettings) -> None:
        super().__init__(settings, Blocking())
        self.connections = Connections(settings.limits, self.verbs)
        self._ending: WeakSet[threading.Thread] = WeakSet()

    async def _home(self) -> Connections:
        return self.connections

    async def _connection(self, step: Send, budget: Budget) -> Connection:
        connection = await super()._connection(step, budget)
        connection.thread = threading.current_thread()
        if connection.thread in self._ending:
            connection.owner.free(connection, keep=False)
            raise InvalidRequestError("the work was interrupted")
        return connection

    async def at_once(
        self, work: Callable[[T], Coroutine[Any, Any, R]], items: Sequence[T], number: int
    ) -> AsyncIterator[tuple[int, R]]:
        """Work on so many items at a time, each in a thread; gives the index and the result of each as it comes.

        What interrupts it ends it at once: the connections of the threads are closed under them.
        """
        tasks: SimpleQueue[tuple[int, T]] = SimpleQueue()
        results: SimpleQueue[tuple[int, Any, BaseException | None]] = SimpleQueue()
        for task in enumerate(items):
            tasks.put(task)

        def run() -> None:
            while True:
                try:
                    index, item = tasks.get_nowait()
                except Empty:
                    return
                try:
                    results.put((index, finish(work(item)), None))
                except BaseException as error:  # goes on in the thread that asked
                    results.put((index, None, error))

        threads = [threading.Thread(target=run, daemon=True) for _ in range(min(number, len(items)))]
        try:
            for thread in threads:
                with suppress(RuntimeError):  # no thread to be had: the others do its share
                    thread.start()
            if not any(thread.ident for thread in threads):
                run()
            for _ in items:
                index, result, error = results.get()
                if error is not None:
                    raise error
                yield index, result
        except BaseException:
            while not tasks.empty():
                with suppress(Empty):
                    tasks.get_nowait()
            self._end(threads)
            raise

    def _end(self, threads: list[threading.Thread]) -> None:
        """Have threads end: the connections that they wait for are closed, and they get no other."""
        self._ending.update(threads)
        for connection in list(self.connections.open):
            if connection.thread in self._ending:
                connection.wire.close()
        until = time.monotonic() + _LAST_WORDS
        for thread in threads:
            if thread.ident is not None:
                thread.join(max(0.0, until - time.monotonic()))

    def close(self) -> None:
        """Close idle connections now, and those in use as soon as their calls end."""
        self.closed = self.connections.closed = True
        self.connections.drop_idle()

    def __del__(self) -> None:
        if "connections" in self.__dict__:  # a client that nobody closed: its idle connections end with it
            for connection, _ in self.connections.idle:
                connection.wire.close()

    def after_fork(self) -> None:
        """In a forked child: the parent's connections are its own."""
        self._lock = threading.Lock()
        inherited, self.connections = self.connections, Connections(self.settings.limits, self.verbs)
        inherited.disown()


class Blocking:
    """Everything that waits, in the thread that asks."""

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    async def ask(self, function: Callable[[], Any], budget: Budget) -> Any:
        return function()

    async def in_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        return function(*arguments)

    def soon(self, function: Callable[..., None], *arguments: Any) -> None:
        function(*arguments)

    def places(self, number: int | None) -> BlockingPlaces:
        return BlockingPlaces(number)

    async def resolve(self, host: str, port: int, seconds: float | None) -> list[Any]:
        """The addresses of a name; a resolver that is silent is left to its thread when time runs out."""
        found = numeric_addresses(host, port)
        if found is not None:
            return found
        outcome: list[Any] = []

        def look_up() -> None:
            try:
                outcome.append(socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM))
            except Exception as error:  # goes on in the thread that asked
                outcome.append(error)

        thread = threading.Thread(target=look_up, daemon=True)
        thread.start()
        thread.join(seconds)
        if not outcome:
            raise OutOfTime
        if isinstance(outcome[0], Exception):
            raise outcome[0]
        return cast("list[Any]", outcome[0])

    async def connect(self, address: Any, seconds: float | None) -> socket.socket:
        family, kind, protocol, _, place = address
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(seconds)
            sock.connect(place)
            return sock
        except socket.timeout:
            sock.close()
            raise OutOfTime from None
        except BaseException:
            sock.close()
            raise

    async def send_all(self, sock: socket.socket, data: bytes, seconds: float | None) -> None:
        try:
            sock.settimeout(seconds)
            sock.sendall(data)
        except socket.timeout:
            raise OutOfTime from None

    async def receive_one(self, sock: socket.socket, seconds: float | None) -> bytes:
        try:
            sock.settimeout(seconds)
            return sock.recv(1)
        except socket.timeout:
            raise OutOfTime from None

    async def wire(
        self, sock: socket.socket, context: ssl.SSLContext | None, host: str, seconds: float | None
    ) -> BlockingWire:
        return BlockingWire(sock if context is None else _start_tls(sock, context, host, seconds))


def _start_tls(sock: socket.socket, context: ssl.SSLContext, host: str, seconds: float | None) -> socket.socket:
    from ssl import SSLError, SSLWantReadError, SSLWantWriteError

    from .tls import handshake_error

    until = None if seconds is None else time.monotonic() + seconds
    try:
        secured = context.wrap_socket(
            sock, server_hostname=host, do_handshake_on_connect=False, suppress_ragged_eofs=False
        )
    except (OSError, ValueError) as error:
        raise handshake_error(error if isinstance(error, OSError) else SSLError(str(error)), host) from None
    try:  # from here on `sock` is empty
        while True:
            secured.settimeout(0)
            try:
                secured.do_handshake()
                return secured
            except (SSLWantReadError, SSLWantWriteError) as wanted:
                write = isinstance(wanted, SSLWantWriteError)
                if not wait_for(secured, not write, write, until and max(0.0, until - time.monotonic())):
                    raise OutOfTime from None
    except BaseException as error:
        secured.close()
        if isinstance(error, OSError):
            raise handshake_error(error, host) from None
        raise


class BlockingPlaces:
    """A queue of tokens: putting one back is safe wherever a finalizer may run."""

    def __init__(self, number: int | None) -> None:
        self._number = number
        self._free: SimpleQueue[None] = SimpleQueue()
        for _ in range(number or 0):
            self._free.put(None)

    @property
    def taken(self) -> int:
        return (self._number or 0) - self._free.qsize()

    async def take(self, seconds: float | None) -> bool:
        try:
            if self._number is not None:
                self._free.get(timeout=None if seconds is None else min(seconds, threading.TIMEOUT_MAX))
            return True
        except Empty:
            return False

    def give_back(self) -> None:
        if self._number is not None:
            self._free.put(None)


class BlockingWire:
    """A connected socket."""

    is_quiet = True

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._pid = os.getpid()

    def is_reusable(self) -> bool:
        try:
            return not wait_for(self.sock, True, False, 0.0)
        except (OSError, ValueError):
            return False

    def close(self) -> None:
        """Close the socket, and wake a thread that waits for it."""
        if self._pid == os.getpid():  # else it is a parent's, who goes on using it
            try:
                self.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it broke, or is closed already
        self.sock.close()

    async def receive(self, seconds: float | None) -> bytes:
        try:
            self.sock.settimeout(seconds)
            return self.sock.recv(RECEIVE)
        except socket.timeout:
            raise OutOfTime from None

    async def push(self, data: bytes, exchange: Exchange) -> bool:
        view = memoryview(data)
        sock, budget = self.sock, exchange.budget
        sock.settimeout(0)
        large, full = len(data) >= RECEIVE, False
        while view:
            remaining(budget.total_at, budget, "total", "maybe")
            if (large or full) and self._refused_early(exchange, wait=full):
                return False
            full = False
            try:
                view = view[sock.send(view) :]
                exchange.sending_began = True
            except BlockingIOError:
                full = True
            except OSError as error:
                if not _wants(error):
                    exchange.check_alert(error)  # what it said before may still be there to read
                    return False
                full = exchange.sending_began = True  # records may have left
        return True

    def _refused_early(self, exchange: Exchange, wait: bool) -> bool:
        """Whether a refusal, or the end of the connection, came while sending."""
        budget, listen = exchange.budget, not exchange.is_answered
        at, limit = budget.ends("write", time.monotonic())
        seconds = remaining(at, budget, limit, "maybe") if wait else 0.0
        if not listen:
            return wait and not wait_for(self.sock, False, True, shorter(seconds, STALL))
        if wait_for(self.sock, True, wait, seconds):
            return self._take_early(exchange)
        if wait:
            raise budget.error(limit, "maybe")
        return False

    def _take_early(self, exchange: Exchange) -> bool:
        try:
            return exchange.take_early(self.sock.recv(RECEIVE))
        except BlockingIOError:
            return False
        except OSError as error:
            if not _wants(error):
                exchange.take_break(error)
            return not _wants(error)


def _wants(error: OSError) -> bool:
    """Whether TLS only asks to be called again."""
    return type(error).__name__ in ("SSLWantReadError", "SSLWantWriteError")
