"""The async client's verbs: they wait on asyncio's streams. sync.py has the same names in the same order.

Each event loop has its own connections. What may block, asyncio's threads are not asked for: they may all be busy with
the user's own work, and no limit would end the wait for one.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import socket
import threading
import time
from collections import deque
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Sequence, TypeVar

from ..core.operation import finish
from .connections import Connection, Connections
from .transport import BaseTransport
from .verbs import (
    MAX_ERROR,
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

    from ..core.limits import Limits
    from .verbs import Sending

T = TypeVar("T")
R = TypeVar("R")

LAST_WORDS = 0.2
"""Seconds: how long a thread may keep the loop until it has removed what a cancelled step leaves behind."""
READ = 262144
"""Bytes that a reader holds before its connection stops reading."""
NO_LIMIT = 86400.0
"""Seconds: asyncio takes no None for the time that a TLS handshake may take."""


class Transport(BaseTransport):
    """Carries out requests on the event loop that asks."""

    def __init__(self, settings: Any) -> None:
        super().__init__(settings, Verbs())
        self._loops: dict[asyncio.AbstractEventLoop, LoopConnections] = {}

    def home(self) -> Connections:
        loop = asyncio.get_running_loop()
        connections = self._loops.get(loop)
        if connections is None:
            connections = LoopConnections(self.settings.limits, Verbs(loop))
            with self._lock:
                gone = [other for other in self._loops if other.is_closed()]
                for other in gone:
                    self._loops.pop(other).close_sockets()
                self._loops[loop] = connections
            connections.watch_loop()
        return connections

    def _homes(self) -> list[Connections]:
        return list(self._loops.values())

    def _taken(self, connection: Connection) -> None:
        pass  # a task that shall end is cancelled

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
        """Close idle connections now, and those in use as soon as their calls end; calls that wait for one end now."""
        self.closed = True
        here = asyncio.get_running_loop()
        with self._lock:
            loops = list(self._loops.items())
        for loop, connections in loops:
            if loop is here:
                connections.close()
                await _let_transports_close()
            else:
                connections.places.closed = True
                connections.verbs.soon(connections.close)

    def after_fork(self) -> None:
        """In a forked child: the parent's loops and their connections are its own; the child has loops of its own."""
        self._lock = threading.Lock()
        inherited, self._loops = self._loops, {}
        for connections in inherited.values():
            connections.close_sockets()


class LoopConnections(Connections):
    """The connections of one event loop; they are closed when it ends, at the latest."""

    _guard: AsyncGenerator[None, None]

    def __init__(self, limits: Limits, verbs: Verbs) -> None:
        super().__init__(limits, verbs)
        self.open = set()  # the loop holds them in any case

    def watch_loop(self) -> None:
        """Be told when the loop ends: it closes asynchronous generators before itself (`shutdown_asyncgens`)."""
        self._guard = self._until_loop_ends()
        finish(self._guard.__anext__())

    async def _until_loop_ends(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            self.drop_idle()
            for wire in list(self.open):
                self.close_wire(wire)
            await _let_transports_close()

    def close_sockets(self) -> None:
        """The loop was closed without ending properly, or is a parent's: close the sockets under its transports."""
        for wire in self.open:
            wire.sock.close()


async def _let_transports_close() -> None:
    # asyncio closes the socket of an aborted transport in its next turn, under TLS in the one after that.
    for _ in range(3):
        await asyncio.sleep(0)


class Verbs:
    """Everything that waits, on the running loop."""

    blocks = False

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._loop = loop

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def ask(self, function: Callable[[], Any], seconds: float | None) -> Any:
        asked = function()
        if not inspect.isawaitable(asked):
            return asked
        found: list[Any] = []
        await _within(_into(found, asked), seconds)
        return found.pop()

    async def in_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        return await self._once(None, function, *arguments)

    async def _once(self, seconds: float | None, function: Callable[..., T], *arguments: Any) -> T:
        worker = self.worker()
        try:
            return await worker.do(seconds, function, *arguments)
        finally:
            worker.end()

    def worker(self) -> Worker | Here:
        worker = Worker(asyncio.get_running_loop())
        return worker if begin(worker.thread) else Here()

    def bell(self) -> Bell:
        return Bell(asyncio.get_running_loop())

    def soon(self, function: Callable[..., None], *arguments: Any) -> None:
        """Have the loop, perhaps of another thread, call a function; one that is closed has nothing left to do."""
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:
            if not self._loop.is_closed():
                raise

    async def resolve(self, host: str, port: int, seconds: float | None) -> list[Any]:
        """A resolver that is silent is left to its thread when time runs out."""
        found = numeric_addresses(host, port)
        return found if found is not None else await self._once(seconds, look_up, host, port)

    async def connect(self, address: Any, seconds: float | None) -> socket.socket:
        family, kind, protocol, _, place = address
        link = socket.socket(family, kind, protocol)
        try:
            link.setblocking(False)
            await _within(asyncio.get_running_loop().sock_connect(link, place), seconds)
            prepare(link)
            return link
        except BaseException as error:
            link.close()
            if isinstance(error, OSError) and str(error.strerror).startswith("Connect call failed"):
                raise OSError(error.errno, os.strerror(error.errno or 0)) from None  # asyncio says where, but not why
            raise

    async def send_all(self, link: socket.socket, data: memoryview, seconds: float | None) -> None:
        await _within(asyncio.get_running_loop().sock_sendall(link, data), seconds)

    async def receive_one(self, link: socket.socket, seconds: float | None) -> bytes:
        return await _within(asyncio.get_running_loop().sock_recv(link, 1), seconds)

    async def wire(self, link: socket.socket, context: ssl.SSLContext | None, host: str, seconds: float | None) -> Wire:
        loop = asyncio.get_running_loop()
        until = (
            None if seconds is None else time.monotonic() + seconds - 0.02
        )  # asyncio's timer may ring a little early
        secured: dict[str, Any] = {}
        if context is not None:
            secured = {"ssl": context, "server_hostname": host, "ssl_handshake_timeout": seconds or NO_LIMIT}
        wire = Wire(loop, link, plain=context is None)
        try:
            await loop.create_connection(lambda: wire, sock=link, **secured)
            return wire
        except (OSError, ValueError, asyncio.TimeoutError) as error:
            link.close()  # it may be that no transport owns it yet
            if until is not None and time.monotonic() >= until:
                raise OutOfTime from None
            if context is None:
                raise
            from .tls import handshake_error

            raise handshake_error(error, host) from None


async def _within(awaitable: Awaitable[T], seconds: float | None) -> T:
    """Wait for something so long, else cancel it and raise OutOfTime; a cancellation is never swallowed
    (asyncio.wait_for does so before 3.12)."""
    task = asyncio.ensure_future(awaitable)
    task.add_done_callback(_hear)
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


def _hear(task: asyncio.Future[Any]) -> None:
    """What was given up may still fail: asyncio would write it into the log, as an error that nobody has heard of."""
    if not task.cancelled():
        task.exception()


class Worker:
    """A thread of our own, which does one step after the other."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._steps: SimpleQueue[Any] = SimpleQueue()
        self._busy = False
        self._ended = False
        self._awaited: Any = None

    def thread(self) -> threading.Thread:
        self._thread = threading.Thread(target=self._work, daemon=True)
        return self._thread

    async def do(self, seconds: float | None, function: Callable[..., T], *arguments: Any) -> T:
        outcome: asyncio.Future[T] = self._loop.create_future()
        self._busy = True
        self._steps.put((outcome, function, arguments))
        result = await _within(outcome, seconds)
        self._busy = False
        return result

    def wait(self, coroutine: Any) -> Any:
        """For a step: have the loop await something, and wait for it here."""
        self._awaited = asyncio.run_coroutine_threadsafe(self._awaiting(coroutine), self._loop)
        if self._ended:
            self._awaited.cancel()
        return self._awaited.result()

    async def _awaiting(self, awaitable: Awaitable[T]) -> T | None:
        try:
            return await awaitable
        except Exception:
            if self._ended:
                return None  # nobody hears of it
            raise

    def end(self, *last: Callable[[], object]) -> None:
        self._ended = True
        if self._awaited is not None:
            self._awaited.cancel()
        if not self._busy:
            for step in last:
                step()
        else:  # cancelled, or out of time: the thread does them when it has done what it is at
            for step in last:
                self._steps.put((None, step, ()))
        self._steps.put(None)
        if self._busy and last:
            self._thread.join(LAST_WORDS)

    def _work(self) -> None:
        for outcome, function, arguments in iter(self._steps.get, None):
            result, error = None, None
            try:
                result = function(*arguments)
            except BaseException as found:  # goes on where it is waited for
                error = found
            try:
                self._loop.call_soon_threadsafe(_settle, outcome, result, error)
            except RuntimeError:
                pass  # the loop is closed: nobody waits


async def _into(found: list[Any], awaitable: Awaitable[Any]) -> None:
    """Keep a result out of its task: asyncio's debug mode writes tasks into the log, with their results."""
    found.append(await awaitable)


def _settle(outcome: asyncio.Future[Any] | None, result: Any, error: BaseException | None) -> None:
    if outcome is None or outcome.done():
        return
    if error is None:
        outcome.set_result(result)
    else:
        outcome.set_exception(error)


class Bell:
    """A future that is made when somebody waits; ringing is for the loop's own thread.

    Its timer is not made anew for every wait: it rings when the newest wait is over, and looks again when it is not.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiter: asyncio.Future[None] | None = None
        self._until: float | None = None
        self._timer: tuple[asyncio.TimerHandle, float] | None = None

    async def wait(self, seconds: float | None) -> None:
        self._until = None if seconds is None else self._loop.time() + seconds
        if self._until is not None and (self._timer is None or self._timer[1] > self._until):
            self._set_timer(self._until)
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = self._until = None

    def _set_timer(self, until: float) -> None:
        self.end()
        self._timer = (self._loop.call_at(until, self._look), until)

    def _look(self) -> None:
        self._timer = None
        if self._until is not None and self._until > self._loop.time():
            self._set_timer(self._until)
        else:
            self.ring()

    def ring(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def end(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer[0].cancel()


class Reader(asyncio.StreamReader):
    """Keeps what comes in the pieces in which it came, so that large bodies are not copied."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self.held = 0
        """Bytes that nobody has taken yet."""
        self._pieces: list[bytes] = []

    def feed_data(self, data: Any) -> None:
        self._pieces.append(data)
        self.held += len(data)

    def take(self) -> bytes:
        """All that is held."""
        pieces, self._pieces, self.held = self._pieces, [], 0
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


class Wire(asyncio.StreamReaderProtocol):
    """A connected socket under asyncio's streams: a StreamReader holds what comes, a StreamWriter what goes.

    Their own waits know no limits and one event each. One bell rings for all events: bytes, the end, room to write.
    """

    writer: asyncio.StreamWriter
    channel: Any

    def __init__(self, loop: asyncio.AbstractEventLoop, sock: socket.socket, plain: bool) -> None:
        self.reader = Reader(loop)
        super().__init__(self.reader, loop=loop)
        self.sock = sock
        self._watch = Watch(sock)
        self._bell = Bell(loop)
        self.loop = loop
        self._plain = plain  # no TLS lies between
        self._tls: Any = None
        self._ended = False
        self._finished = False  # the peer said that this is the end
        self._broken: Exception | None = None
        self._full = False  # the writer holds so much that it wants no more

    # -- what asyncio tells

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.channel = transport
        self.writer = asyncio.StreamWriter(transport, self, self.reader, self.loop)
        self._tls = transport.get_extra_info("ssl_object")
        self._is_sized = hasattr(transport, "max_size")

    def data_received(self, data: bytes) -> None:
        self.reader.feed_data(data)
        if self._is_sized:  # asyncio asks for 256 KiB at a time: so much memory the system maps anew for each answer
            self.channel.max_size = READ if len(data) >= RECEIVE else RECEIVE
        if self.reader.held > READ and not self._ended:
            self.channel.pause_reading()
        self._bell.ring()

    def eof_received(self) -> bool:
        super().eof_received()
        self._ended, self._finished = True, self._plain
        self._bell.ring()
        return self._plain  # stay open: what we have to say may still be read

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection broke; its socket is about to be closed, and asyncio forgets what it still holds: a 413, say.

        The reader is told of an end, no error: with that it would forget what came before.
        """
        rescued = self._plain and exc is not None and self.reader.held <= MAX_ERROR
        while rescued:
            try:
                data = self.sock.recv(RECEIVE)
            except OSError:
                break
            rescued = bool(data) and self.reader.held <= MAX_ERROR
            if data:
                self.data_received(data)
        self._ended, self._broken, self._full = True, exc, False
        super().connection_lost(None)
        self._bell.ring()
        self._bell.end()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._full = True

    def resume_writing(self) -> None:
        super().resume_writing()
        self._full = False
        self._bell.ring()

    # -- what an exchange asks

    def is_reusable(self) -> bool:
        """The socket is asked too: a loop that was busy has not yet read what came meanwhile."""
        return not (self.reader.held or self._is_lost() or self._ended or self._is_readable())

    def _is_readable(self) -> bool:
        try:
            return self._watch.is_ready(True, False, 0.0)
        except OSError:
            return True

    def _is_lost(self) -> bool:
        # TLS transports before 3.11 do not say that they are closing when the connection broke.
        return self.channel.is_closing() or self.sock.fileno() < 0

    def close(self) -> None:
        """Close the connection now, without waiting for the peer."""
        if not self.loop.is_closed():
            self.channel.abort()

    async def receive(self, at: float | None) -> bytes:
        while not self.reader.held and not self._ended:
            left = None if at is None else at - time.monotonic()
            if left is None or left > 0:
                await self._bell.wait(left)
                continue
            await asyncio.sleep(0)  # a loop that was busy may just be receiving the answer
            if not self.reader.held and not self._ended:
                raise OutOfTime
        return self._take()

    def _take(self) -> bytes:
        if self.reader.held:
            if self.reader.held > READ and not self._ended:
                self.channel.resume_reading()
            return self.reader.take()
        if isinstance(self._broken, OSError):
            raise self._broken
        if not (self._finished or (self._tls and _is_closed_by_peer(self._tls))):
            raise ConnectionResetError("the connection broke")
        return b""

    async def push(self, data: memoryview, sending: Sending) -> bool:
        budget = sending.budget
        large = len(data) >= RECEIVE
        for start in range(0, len(data), RECEIVE):
            if large:  # under TLS, a write that fails makes asyncio drop what the socket still holds
                for _ in range(4 if self._is_readable() else 1):  # other tasks get their turn; the loop reads
                    await asyncio.sleep(0)
                if self._refused_early(sending):
                    return False
            if self._is_lost():
                return False
            remaining(budget.total_at, budget, "total", "maybe" if sending.sending_began else "no")
            self.writer.write(data[start : start + RECEIVE])
            sending.sending_began = True
            while self._full:
                at, limit = budget.ends("write", time.monotonic())
                seconds = remaining(at, budget, limit, "maybe")
                until = time.monotonic() + shorter(seconds, STALL if sending.is_answered else NO_LIMIT)
                await self._bell.wait(until - time.monotonic())
                if self._full and time.monotonic() >= until:
                    if sending.is_answered:
                        return False
                    raise budget.error(limit, "maybe")
                if self._refused_early(sending):
                    return False
        return True

    def _refused_early(self, sending: Sending) -> bool:
        """Whether a refusal, or the end of the connection, came while sending."""
        if sending.is_answered or not (self.reader.held or self._ended):
            return False
        try:
            return sending.take_early(self._take())
        except OSError as error:
            sending.take_break(error)
            return True


def _is_closed_by_peer(tls: ssl.SSLObject) -> bool:
    """Whether TLS ended with its close_notify. What asyncio says of an end differs between its versions."""
    import ssl

    try:
        return tls.read(1) == b""
    except ssl.SSLZeroReturnError:
        return True
    except (ssl.SSLError, ValueError):
        return False
