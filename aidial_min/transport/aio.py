"""The async client's transport: verbs that wait, on transports of asyncio; each event loop has its own connections.

It knows event loops and clocks; it decides nothing about retries, errors or DIAL: core/ does.
"""

from __future__ import annotations

import asyncio
import inspect
import socket
import ssl
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, AsyncGenerator, Awaitable, Callable, Deque, TypeVar, cast

from ..core.call import Failure
from .connections import Connections
from .exchange import STALL
from .tls import handshake_error
from .transport import Transport
from .verbs import MAX_ERROR, RECEIVE, OutOfTime, numeric_addresses, remaining, shorter, wait_for

if TYPE_CHECKING:
    from typing import AsyncIterator, Coroutine, Sequence

    from ..core.limits import Budget
    from ..core.settings import ConnectionSettings
    from .exchange import Exchange

T = TypeVar("T")
R = TypeVar("R")

READ = 262144
"""Bytes asked of a stream at a time: as many as asyncio itself takes from a socket."""
NO_LIMIT = 86400.0
"""Seconds: asyncio takes no None for the time that a TLS handshake may take."""


class AsyncTransport(Transport):
    """Carries out requests on the event loop that asks."""

    def __init__(self, settings: ConnectionSettings) -> None:
        super().__init__(settings, Waiting())
        self._loops: dict[asyncio.AbstractEventLoop, LoopConnections] = {}

    async def _home(self) -> Connections:
        loop = asyncio.get_running_loop()
        connections = self._loops.get(loop)
        if connections is None:
            connections = LoopConnections(self.settings.limits, Waiting(loop))
            with self._lock:
                gone = [other for other in self._loops if other.is_closed()]
                for other in gone:
                    self._loops.pop(other).close_sockets()
                self._loops[loop] = connections
            await connections.watch_loop()
        return connections

    async def at_once(
        self, work: Callable[[T], Coroutine[Any, Any, R]], items: Sequence[T], number: int
    ) -> AsyncIterator[tuple[int, R]]:
        """Work on so many items at a time, each in a task; gives the index and the result of each as it comes.

        What interrupts it cancels the tasks.
        """
        left = deque(enumerate(items))
        running: dict[asyncio.Task[R], int] = {}
        try:
            while left or running:
                while left and len(running) < number:
                    index, item = left.popleft()
                    running[asyncio.ensure_future(work(item))] = index
                done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    yield running.pop(task), task.result()
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def aclose(self) -> None:
        """Close idle connections now, and those in use as soon as their calls end."""
        self.closed = True
        here = asyncio.get_running_loop()
        with self._lock:
            loops = list(self._loops.items())
        for loop, connections in loops:
            connections.closed = True
            if loop is here:
                connections.drop_idle()
                await _let_transports_close()
            else:
                connections.verbs.soon(connections.drop_idle)

    def after_fork(self) -> None:
        """In a forked child: the parent's loops and their connections are its own; the child has loops of its own."""
        self._lock = threading.Lock()
        inherited, self._loops = self._loops, {}
        for connections in inherited.values():
            connections.close_sockets()


class LoopConnections(Connections):
    """The connections of one event loop; they are closed when it ends, at the latest."""

    _guard: AsyncGenerator[None, None]

    async def watch_loop(self) -> None:
        """Be told when the loop ends: it closes asynchronous generators before itself (`shutdown_asyncgens`)."""
        self._guard = self._until_loop_ends()
        await self._guard.__anext__()

    async def _until_loop_ends(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            for connection in list(self.open):
                connection.wire.close()
            await _let_transports_close()

    def close_sockets(self) -> None:
        """The loop was closed without ending properly, or is a parent's: close the sockets under its transports."""
        for connection in list(self.open):
            cast(AsyncWire, connection.wire).sock.close()


async def _let_transports_close() -> None:
    # asyncio closes the socket of an aborted transport in its next turn, under TLS in the one after that.
    for _ in range(3):
        await asyncio.sleep(0)


class Waiting:
    """Everything that waits, on the running loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._loop = loop

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def ask(self, function: Callable[[], Any], budget: Budget) -> Any:
        asked = function()
        if not inspect.isawaitable(asked):
            return asked
        try:
            return await _within(asked, remaining(budget.total_at, budget, "total"))
        except OutOfTime:
            return Failure(budget.error("total", "no"))

    async def in_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(None, function, *arguments)

    def soon(self, function: Callable[..., None], *arguments: Any) -> None:
        """Have the loop, perhaps of another thread, call a function; one that is closed has nothing left to do."""
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:
            if not self._loop.is_closed():
                raise

    def places(self, number: int | None) -> LoopPlaces:
        return LoopPlaces(number)

    async def resolve(self, host: str, port: int, seconds: float | None) -> list[Any]:
        found = numeric_addresses(host, port)
        if found is not None:
            return found
        return await _within(asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM), seconds)

    async def connect(self, address: Any, seconds: float | None) -> socket.socket:
        family, kind, protocol, _, place = address
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setblocking(False)
            await _within(asyncio.get_running_loop().sock_connect(sock, place), seconds)
            return sock
        except BaseException:
            sock.close()
            raise

    async def send_all(self, sock: socket.socket, data: bytes, seconds: float | None) -> None:
        await _within(asyncio.get_running_loop().sock_sendall(sock, data), seconds)

    async def receive_one(self, sock: socket.socket, seconds: float | None) -> bytes:
        return await _within(asyncio.get_running_loop().sock_recv(sock, 1), seconds)

    async def wire(
        self, sock: socket.socket, context: ssl.SSLContext | None, host: str, seconds: float | None
    ) -> AsyncWire:
        loop = asyncio.get_running_loop()
        until = None if seconds is None else time.monotonic() + seconds - 0.02  # asyncio's timer may ring a little early
        secured: dict[str, Any] = {}
        if context is not None:
            secured = {"ssl": context, "server_hostname": host, "ssl_handshake_timeout": seconds or NO_LIMIT}
        wire = AsyncWire(loop, sock, plain=context is None)
        try:
            await loop.create_connection(lambda: wire, sock=sock, **secured)
            return wire
        except (OSError, ValueError, asyncio.TimeoutError) as error:
            sock.close()  # it may be that no transport owns it yet
            if until is not None and time.monotonic() >= until:
                raise OutOfTime from None
            raise handshake_error(error if isinstance(error, OSError) else ssl.SSLError(str(error)), host) from None


async def _within(awaitable: Awaitable[T], seconds: float | None) -> T:
    """Wait for something so long, else cancel it and raise OutOfTime; a cancellation is never swallowed
    (asyncio.wait_for does so before 3.12)."""
    task = asyncio.ensure_future(awaitable)
    try:
        await asyncio.wait({task}, timeout=seconds)
        if not task.done():
            raise OutOfTime
    except BaseException:
        task.cancel()
        if not task.done():
            await asyncio.wait({task})  # it lets go of its socket before that is closed, and the number used anew
        raise
    return task.result()


def _settle(waiting: asyncio.Future[bool]) -> None:
    if not waiting.done():
        waiting.set_result(False)


class LoopPlaces:
    """So many at a time; a place that is given back passes to whoever waited longest."""

    def __init__(self, number: int | None) -> None:
        self.taken = 0
        self._number = number
        self._waiting: Deque[asyncio.Future[bool]] = deque()

    async def take(self, seconds: float | None) -> bool:
        if self._number is None or self.taken < self._number:
            self.taken += 1
            return True
        loop = asyncio.get_running_loop()
        mine: asyncio.Future[bool] = loop.create_future()
        self._waiting.append(mine)
        timer = None if seconds is None else loop.call_later(seconds, _settle, mine)
        try:
            return await mine
        except BaseException:
            if mine.done() and not mine.cancelled() and mine.result():
                self.give_back()  # it came with the cancellation
            raise
        finally:
            if timer is not None:
                timer.cancel()

    def give_back(self) -> None:
        while self._waiting:
            next_one = self._waiting.popleft()
            if not next_one.done():
                next_one.set_result(True)
                return
        self.taken -= 1


class AsyncWire(asyncio.Protocol):
    """A connected socket under a transport of asyncio: what comes is kept here until it is asked for."""

    is_quiet = True
    _transport: Any = None
    _tls: Any = None

    def __init__(self, loop: asyncio.AbstractEventLoop, sock: socket.socket, plain: bool) -> None:
        self.sock = sock
        self._loop = loop
        self._plain = plain  # no TLS lies between
        self._came: Deque[bytes] = deque()
        self._size = 0
        self._ended = False
        self._finished = False  # the peer said that this is the end
        self._broken: Exception | None = None
        self._full = False  # asyncio holds so much to be sent that it wants no more
        self._waiter: asyncio.Future[bool] | None = None

    # -- what asyncio tells

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._tls = transport.get_extra_info("ssl_object")

    def data_received(self, data: bytes) -> None:
        self._came.append(data)
        self._size += len(data)
        if self._size > READ:
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        self._ended, self._finished = True, self._plain
        self._wake()
        return self._plain  # stay open: what we have to say may still be read

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection broke; its socket is about to be closed, and asyncio forgets what it still holds: a 413, say."""
        rescued = self._plain and exc is not None and self._size <= MAX_ERROR
        while rescued:
            try:
                data = self.sock.recv(RECEIVE)
            except OSError:
                break
            rescued = bool(data) and self._size <= MAX_ERROR
            if data:
                self._came.append(data)
                self._size += len(data)
        self._ended, self._broken, self._full = True, exc, False
        self._wake()

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._wake()

    def _wake(self, told: bool = True) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(told)

    async def _change(self, seconds: float | None) -> bool:
        """Wait until asyncio tells something; False: nothing in so many seconds."""
        self._waiter = self._loop.create_future()
        timer = None if seconds is None else self._loop.call_later(seconds, self._wake, False)
        try:
            return await self._waiter
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()

    # -- what an exchange asks

    def is_reusable(self) -> bool:
        """The socket is asked too: a loop that was busy has not yet read what came meanwhile."""
        return not (self._came or self._is_lost() or self._ended or self._is_readable())

    def _is_readable(self) -> bool:
        try:
            return wait_for(self.sock, read=True, write=False, seconds=0.0)
        except (OSError, ValueError):
            return True

    def _is_lost(self) -> bool:
        # TLS transports before 3.11 do not say that they are closing when the connection broke.
        return self._transport.is_closing() or self.sock.fileno() < 0

    def close(self) -> None:
        """Close the connection now, without waiting for the peer."""
        if not self._loop.is_closed():
            self._transport.abort()

    async def receive(self, seconds: float | None) -> bytes:
        if not self._came and not self._ended:
            await self._change(seconds)
            if not self._came and not self._ended:
                await asyncio.sleep(0)  # a loop that was busy may just be receiving the answer
                if not self._came and not self._ended:
                    raise OutOfTime
        return self._take()

    def _take(self) -> bytes:
        if not self._came:
            if isinstance(self._broken, OSError):
                raise self._broken
            if not (self._finished or (self._tls and _is_closed_by_peer(self._tls))):
                raise ConnectionResetError("the connection broke")
            return b""
        data = self._came.popleft() if len(self._came) == 1 else b"".join(self._came)
        self._came.clear()
        if self._size > READ and not self._ended:
            self._transport.resume_reading()
        self._size = 0
        return data

    async def push(self, data: bytes, exchange: Exchange) -> bool:
        view, budget = memoryview(data), exchange.budget
        large = len(data) >= RECEIVE
        for start in range(0, len(data), RECEIVE):
            if large:  # under TLS, a write that fails makes asyncio drop what the socket still holds
                for _ in range(4 if self._is_readable() else 1):  # other tasks get their turn; the loop reads
                    await asyncio.sleep(0)
                if self._is_refused(exchange):
                    return False
            if self._is_lost():
                return False
            remaining(budget.total_at, budget, "total", "maybe")
            self._transport.write(view[start : start + RECEIVE])
            exchange.sending_began = True
            while self._full:
                at, limit = budget.ends("write", time.monotonic())
                seconds = remaining(at, budget, limit, "maybe")
                if not await self._change(shorter(seconds, STALL) if exchange.is_answered else seconds):
                    if exchange.is_answered:
                        return False
                    raise budget.error(limit, "maybe")
                if self._is_refused(exchange):
                    return False
        return True

    def _is_refused(self, exchange: Exchange) -> bool:
        """Whether a refusal, or the end of the connection, has come while sending."""
        if exchange.is_answered or not (self._came or self._ended):
            return False
        try:
            return exchange.take_early(self._take())
        except OSError as error:
            exchange.take_break(error)
            return True


def _is_closed_by_peer(tls: ssl.SSLObject) -> bool:
    """Whether TLS ended with its close_notify. What asyncio says of an end differs between its versions."""
    try:
        return tls.read(1) == b""
    except ssl.SSLZeroReturnError:
        return True
    except (ssl.SSLError, ValueError):
        return False
