"""The async shell: asyncio streams, sent to and read by the same reader as the sync one.

It tells the same story as sync.py in the same order: AsyncTransport (what clients call, steps, connections),
LoopConnections (those of one event loop), AsyncConnection (open), AsyncExchange (one request on one connection: send,
receive, end). Only the verbs that wait differ.
It knows event loops and clocks; it decides nothing about retries, errors or DIAL: core/ does.
"""

import asyncio
import inspect
import socket
import ssl
import threading
import time
from typing import (
    Any,
    AsyncIterator,
    Awaitable,
    Callable,
    Dict,
    Iterator,
    List,
    Optional,
    Tuple,
    Type,
    TypeVar,
    cast,
)

from ..core.answer import AnswerReader
from ..core.body import Body, blocks
from ..core.call import Answer, Ask, Config, Download, Failure, Flow, Pages, Request, Send, Steps
from ..core.call import exchange as steps_of
from ..core.connection import ConnectionKey, ConnectionSettings
from ..core.download import check_etag
from ..core.events import Events
from ..core.http11 import Head
from ..core.limits import Budget
from ..core.route import Route, check_tunnel, tunnel_request
from ..core.urls import Origin
from ..errors import (
    ConnectError,
    DialConnectionError,
    DialException,
    DialTimeoutError,
    InvalidRequestError,
    ProxyError,
)
from .downloads import AsyncFileDownloadResponse
from .exchange import ExchangeBase, too_large
from .loops import LoopConnections
from .shared import MAX_ERROR, MAX_WHOLE, RECEIVE, prepare, reason, remaining, survive_fork, wait_for
from .streams import AsyncStream
from .tls import handshake_error, make_context

T = TypeVar("T")

READ = 262144
"""Bytes asked of a stream at a time: as many as asyncio itself takes from a socket."""
NO_LIMIT = 86400.0
"""Seconds: asyncio takes no None for the time that a TLS handshake may take."""


class AsyncTransport:
    """Carries out requests for an async client, or all clients of a pool; each event loop has its own connections."""

    def __init__(self, settings: ConnectionSettings) -> None:
        self.settings = settings
        self.closed = False
        self._lock = threading.Lock()
        self._loops: Dict[asyncio.AbstractEventLoop, LoopConnections] = {}
        self._routes: Dict[Origin, Route] = {}
        self._context: Optional[ssl.SSLContext] = None
        survive_fork(self)

    # -- what clients call

    async def run(self, request: Request[T], config: Config, total_at: Optional[float] = None) -> T:
        """Carry out one request and return its decoded result; `total_at`: when the limit `total` ends, if it runs."""
        budget = Budget(request.timeout or config.timeout, time.monotonic(), total_at)
        return await self._drive(steps_of(request, config, self.route(config.origin)), budget)

    async def follow(self, flow: Flow[T], config: Config) -> T:
        """Carry out an operation of several requests; the limit `total` is for all of them together."""
        total_at = Budget(config.timeout, time.monotonic()).total_at
        try:
            request = next(flow)
            while True:
                try:
                    result = await self.run(request, config, total_at)
                except DialException as error:
                    request = flow.throw(error)
                else:
                    request = flow.send(result)
        except StopIteration as stop:
            return cast(T, stop.value)

    async def iterate(self, pages: Pages[T], config: Config) -> AsyncIterator[T]:
        """Iterate over all pages of a listing."""
        request: Optional[Request[Any]] = pages.first
        while request is not None:
            try:
                page = await self.run(request, config)
            except DialException as error:
                if request is pages.first and pages.is_empty(error):
                    return
                raise
            for item in pages.items(page):
                yield item
            request = pages.follow(page)

    async def open(self, request: Request[Answer], config: Config) -> Tuple[Head, "AsyncExchange"]:
        """Carry out one request and leave the body of its answer open."""
        budget = Budget(request.timeout or config.timeout, time.monotonic())
        answer = await self._drive(steps_of(request, config, self.route(config.origin), stream=True), budget)
        return answer.head, cast(AsyncExchange, answer.stream)

    async def stream(self, request: Request[Answer], config: Config, events: Events) -> "AsyncStream[Any]":
        """Carry out one request and give out the events of its answer."""
        return AsyncStream(*await self.open(request, config), events)

    async def download(self, download: Download, config: Config) -> "AsyncFileDownloadResponse":
        """Carry out a download as far as its head."""
        head, exchange = await self.open(download.request, config)
        try:
            if download.etag_if_match is not None:
                check_etag(head.headers, download.etag_if_match, exchange.step.request, exchange.step.secrets)
        except DialException:
            exchange.close()
            raise
        return AsyncFileDownloadResponse(head, exchange, download.filename)

    async def aclose(self) -> None:
        """Close idle connections now, and those in use as soon as their calls end."""
        self.closed = True
        here = asyncio.get_running_loop()
        with self._lock:
            loops = list(self._loops.items())
        for loop, connections in loops:
            if loop is here:
                await connections.close_idle()
            else:
                _tell(loop, connections.drop_idle)

    # -- steps

    async def _drive(self, steps: "Steps[T]", budget: Budget) -> T:
        outcome: Any = None
        try:
            while True:
                step = steps.send(outcome)
                if isinstance(step, Send):
                    outcome = await self._send(step, budget)
                elif isinstance(step, Ask):
                    outcome = step.callable()
                    if inspect.isawaitable(outcome):
                        outcome = await _credential(outcome, budget)
                else:
                    outcome = None
                    await _sleep(step.seconds, step.error, budget)
        except StopIteration as stop:
            return cast(T, stop.value)

    async def _send(self, step: Send, budget: Budget) -> Any:
        """Send a request and read its answer: an Answer, or a Failure where none came."""
        try:
            connection = await self._connection(step, budget)
        except DialConnectionError as error:
            return Failure(error)
        exchange = AsyncExchange(connection, step, budget)
        try:
            await exchange.send()
            head = await exchange.read_head()
            if step.stream and head.status < 300:
                return Answer(head, b"", exchange)
            good = head.status < 300
            return Answer(head, await exchange.read_whole(MAX_WHOLE if good else MAX_ERROR, good))
        except DialConnectionError as error:
            exchange.close()
            return exchange.failure(error)
        except DialException as error:  # of the body: a file that can't be read
            exchange.close()
            exchange.explain(error)
            raise
        except BaseException:
            exchange.close()
            raise

    # -- connections

    def route(self, origin: Origin) -> Route:
        """The way to a server (found once)."""
        route = self._routes.get(origin)
        if route is None:
            route = self._routes[origin] = self.settings.route(origin)
        return route

    async def _connection(self, step: Send, budget: Budget) -> "AsyncConnection":
        self._check_open()
        origin, route = step.origin, self.route(step.origin)
        context = await self._tls() if origin.scheme == "https" else None
        key = ConnectionKey(origin.scheme, origin.host, origin.port, route, id(context))
        connections = await self._of_this_loop()
        connection = (await connections.place(key, budget)).conn
        try:
            self._check_open()  # it may have been closed while we waited
            while connection is not None:
                if not step.fresh and connection.is_reusable():
                    connection.used = True
                    return connection
                connection.abort()
                connection = connections.cache.take_idle(key, time.monotonic())
            return await AsyncConnection.open(connections, key, origin, context, budget)
        except BaseException:
            connections.give_back(key, None)
            raise

    def _check_open(self) -> None:
        if self.closed:
            raise InvalidRequestError("the client is closed")

    async def _of_this_loop(self) -> "LoopConnections":
        loop = asyncio.get_running_loop()
        connections = self._loops.get(loop)
        if connections is None:
            connections = LoopConnections(self)
            with self._lock:
                gone = [other for other in self._loops if other.is_closed()]
                for other in gone:
                    self._loops.pop(other).close_sockets()
                self._loops[loop] = connections
            await connections.watch_loop()
        return connections

    async def _tls(self) -> ssl.SSLContext:
        context = self._context
        if context is None:
            context = await asyncio.get_running_loop().run_in_executor(None, self._make_context)
            self._context = context
        return context

    def after_fork(self) -> None:
        """In a forked child: the parent's loops and their connections are its own; the child has loops of its own."""
        self._lock = threading.Lock()
        inherited, self._loops = self._loops, {}
        for connections in inherited.values():
            connections.close_sockets()

    def _make_context(self) -> ssl.SSLContext:
        with self._lock:  # reads certificates from disk: in a thread, once
            return self._context or make_context(self.settings)


async def _credential(asked: Awaitable[Any], budget: Budget) -> Any:
    """What the user's coroutine gives; a Failure where `total` ends before."""
    try:
        return await _within(asked, remaining(budget.total_at, budget, "total"))
    except _OutOfTime:
        return Failure(budget.error("total", "no"))


async def _sleep(seconds: float, error: DialException, budget: Budget) -> None:
    if budget.total_at is not None and time.monotonic() + seconds >= budget.total_at:
        raise error
    await asyncio.sleep(seconds)


class _OutOfTime(Exception):
    """What was waited for did not come in time."""


async def _within(awaitable: "Awaitable[T]", seconds: Optional[float]) -> T:
    """Wait for something so long, else cancel it and raise _OutOfTime; a cancellation is never swallowed
    (asyncio.wait_for does so before 3.12)."""
    task = asyncio.ensure_future(awaitable)
    try:
        await asyncio.wait({task}, timeout=seconds)
        if not task.done():
            raise _OutOfTime
    except BaseException:
        task.cancel()
        if not task.done():
            await asyncio.wait({task})  # it lets go of its socket before that is closed, and the number used anew
        raise
    return task.result()


class AsyncConnection:
    """A socket that we connected, through a proxy and TLS where the key says so, as a pair of asyncio streams."""

    def __init__(
        self,
        owner: LoopConnections,
        key: ConnectionKey,
        sock: socket.socket,
        reader: "AnswerStream",
        writer: asyncio.StreamWriter,
    ) -> None:
        self.owner = owner
        self.key = key
        self.sock = sock
        self.reader = reader
        self.writer = writer
        self.used = False
        """It has carried a request before."""
        owner.open.add(self)

    @classmethod
    async def open(
        cls,
        owner: LoopConnections,
        key: ConnectionKey,
        origin: Origin,
        context: Optional[ssl.SSLContext],
        budget: Budget,
    ) -> "AsyncConnection":
        """Connect: TCP, the proxy's tunnel, TLS; all within the limit `connect`.

        Raises:
            ConnectError, ProxyError, TLSError, DialTimeoutError: nothing of the request was sent.
        """
        at, limit = budget.ends("connect", time.monotonic())
        sock = await _connect(key.route, at, budget, limit)
        try:
            if key.route.kind == "tunnel":
                await _open_tunnel(sock, key.route, origin, at, budget, limit)
        except BaseException:
            sock.close()
            raise
        reader, writer = await _start_streams(sock, context, origin.host, at, budget, limit)
        return cls(owner, key, sock, reader, writer)

    def is_reusable(self) -> bool:
        """Whether an idle connection is still good: nothing to read, neither bytes nor its end.

        The socket is asked too: a loop that was busy has not yet read what came meanwhile.
        """
        return not (self.writer.transport.is_closing() or self.peek() is not None or self.is_readable())

    def is_readable(self) -> bool:
        """Whether the socket has something that the loop has not read yet, or is closed."""
        try:
            return wait_for(self.sock, read=True, write=False, seconds=0.0)
        except (OSError, ValueError):
            return True

    def peek(self) -> Optional[bytes]:
        """What has come already, without waiting: b"" for the end of the connection, None for nothing."""
        waiting = self.reader.read(READ)
        try:
            waiting.send(None)
        except StopIteration as stop:
            return cast(bytes, stop.value)
        waiting.close()
        return None

    def abort(self) -> None:
        """Close the connection now, without waiting for the peer."""
        self.owner.open.discard(self)
        if not self.owner.loop.is_closed():
            self.writer.transport.abort()


async def _connect(route: Route, at: Optional[float], budget: Budget, limit: str) -> socket.socket:
    """TCP to the server or its proxy: the addresses of the name share the time that is left."""
    error_class: Type[ConnectError] = ConnectError if route.kind == "direct" else ProxyError
    try:
        addresses = await _resolve(route.host, route.port, remaining(at, budget, limit))
    except _OutOfTime:
        raise budget.error(limit, "no") from None
    except (OSError, UnicodeError) as error:
        raise error_class("the name %s can't be resolved: %s" % (route.host, reason(error))) from None
    loop = asyncio.get_running_loop()
    problem: BaseException = OSError("no address")
    for index, (family, kind, protocol, _, address) in enumerate(addresses):
        seconds = remaining(at, budget, limit)
        share = None if seconds is None else seconds / (len(addresses) - index)
        sock = None
        try:
            sock = socket.socket(family, kind, protocol)
            sock.setblocking(False)
            await _within(loop.sock_connect(sock, address), share)
            prepare(sock)
            return sock
        except (OSError, _OutOfTime) as error:
            problem = error
            if sock is not None:
                sock.close()
        except BaseException:
            if sock is not None:
                sock.close()
            raise
    if isinstance(problem, _OutOfTime):
        raise budget.error(limit, "no")
    raise error_class("can't connect to %s:%d: %s" % (route.host, route.port, reason(problem))) from None


async def _resolve(host: str, port: int, seconds: Optional[float]) -> List[Any]:
    try:  # an address needs no thread
        return socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)
    except socket.gaierror:
        found = asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return await _within(found, seconds)


async def _open_tunnel(
    sock: socket.socket, route: Route, origin: Origin, at: Optional[float], budget: Budget, limit: str
) -> None:
    """CONNECT (RFC 9110, 9.3.6); proxy credentials go here and nowhere else."""
    try:
        head = await _within(_ask_for_tunnel(sock, route, origin), remaining(at, budget, limit))
    except _OutOfTime:
        raise budget.error(limit, "no") from None
    except DialTimeoutError:
        raise
    except (OSError, DialConnectionError) as error:
        raise ProxyError("the proxy %s:%d broke off: %s" % (route.host, route.port, reason(error))) from None
    check_tunnel(head, route)


async def _ask_for_tunnel(sock: socket.socket, route: Route, origin: Origin) -> Head:
    loop = asyncio.get_running_loop()
    reader = AnswerReader("CONNECT")
    await loop.sock_sendall(sock, tunnel_request(route, origin))
    head = reader.read_head()
    while head is None:
        data = await loop.sock_recv(sock, 1)  # not a byte beyond the head: what follows is TLS
        if data:
            reader.wire.receive(data)
        else:
            reader.wire.receive_eof()
        head = reader.read_head()
    return head


async def _start_streams(
    sock: socket.socket, context: Optional[ssl.SSLContext], host: str, at: Optional[float], budget: Budget, limit: str
) -> "Tuple[AnswerStream, asyncio.StreamWriter]":
    """A pair of asyncio streams over a connected socket, as asyncio.open_connection makes them; with TLS if asked."""
    loop = asyncio.get_running_loop()
    reader = AnswerStream(limit=READ)
    reader.plain_socket = sock if context is None else None
    protocol = asyncio.StreamReaderProtocol(reader)
    secured: Dict[str, Any] = {}
    try:
        if context is not None:
            seconds = remaining(at, budget, limit)
            secured = {"ssl": context, "server_hostname": host, "ssl_handshake_timeout": seconds or NO_LIMIT}
        transport, _ = await loop.create_connection(lambda: protocol, sock=sock, **secured)
    except DialTimeoutError:
        sock.close()
        raise
    except (OSError, ValueError, asyncio.TimeoutError) as error:
        sock.close()  # it may be that no transport owns it yet
        if at is not None and time.monotonic() >= at - 0.02:  # asyncio's timer may ring a little early
            raise budget.error(limit, "no") from None
        raise handshake_error(error if isinstance(error, OSError) else ssl.SSLError(str(error)), host) from None
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


class AnswerStream(asyncio.StreamReader):
    """A StreamReader that gives out what came before the connection broke, and then its end.

    The one of asyncio forgets what it holds when it hears of the break, and asyncio itself what the socket still holds
    when a write fails: an early 413 before a reset would be lost.
    """

    broken: Optional[Exception] = None
    """Why the connection broke."""
    plain_socket: Optional[socket.socket] = None
    """The socket under the transport, where no TLS lies between."""

    def set_exception(self, exc: Exception) -> None:
        """The connection broke; its socket is about to be closed."""
        self.broken = exc
        rescued = 0
        while self.plain_socket is not None and rescued < MAX_ERROR:
            try:
                data = self.plain_socket.recv(RECEIVE)
            except OSError:
                break
            if not data:
                break
            self.feed_data(data)
            rescued += len(data)
        self.feed_eof()


class AsyncExchange(ExchangeBase):
    """One request on one connection, and its answer as it comes."""

    def __init__(self, connection: AsyncConnection, step: Send, budget: Budget) -> None:
        super().__init__(step, budget, connection.used)
        self._connection: Optional[AsyncConnection] = connection
        self._from = connection.reader
        self._to = connection.writer
        self._early_read: "Optional[asyncio.Task[bytes]]" = None  # reads what comes while sending
        self._timer: Optional[asyncio.Handle] = None
        self._expired: Optional[str] = None

    # -- request

    async def send(self) -> None:
        """Send head and body; stop where the server answers or hangs up meanwhile."""
        body = self.step.body
        left = blocks(self.step.head, body)
        while True:
            block, sent = await _next_block(left, body)
            if block is None:
                return
            if not await self._push(block):
                self._sent_in_part = True  # an answer may be waiting all the same: 413, 401
                return
            if body is not None:
                body.report(sent)

    async def _push(self, data: bytes) -> bool:
        """Send these bytes, reading meanwhile what the server may already say; False: it wants no more."""
        view = memoryview(data)
        large = len(data) >= RECEIVE
        for start in range(0, len(data), RECEIVE):
            if (large and await self._answered_early()) or self._is_lost():
                return False
            remaining(self.budget.total_at, self.budget, "total", "maybe")
            self._to.write(view[start : start + RECEIVE])
            self._sending_began = True
            full = not self._is_lost() and self._to.transport.get_write_buffer_size() > RECEIVE
            if full and await self._answered_while_full():
                return False
        return True

    def _is_lost(self) -> bool:
        # TLS transports before 3.11 do not say that they are closing when the connection broke.
        return self._to.transport.is_closing() or self._connection is None or self._connection.sock.fileno() < 0

    async def _answered_early(self) -> bool:
        """Whether an answer, or the end of the connection, has come while sending; other tasks get their turn.

        It is asked before every write: under TLS, one that fails makes asyncio drop what the socket still holds.
        """
        connection = self._connection
        if connection is None:
            return True
        await asyncio.sleep(0)
        if connection.is_readable():
            for _ in range(3):  # the loop reads, the stream takes it over, and whoever waits for it wakes
                await asyncio.sleep(0)
        if self._early_read is not None:
            return self._early_read.done() and self.take_early(await self._finish_early_read())
        data = connection.peek()
        return data is not None and self.take_early(data)

    async def _answered_while_full(self) -> bool:
        """Whether an answer, or the end of the connection, came while we waited for room to send more."""
        draining = asyncio.ensure_future(self._to.drain())
        try:
            while True:
                if self._early_read is None:
                    self._early_read = asyncio.ensure_future(self._from.read(READ))
                at, limit = self.budget.ends("write", time.monotonic())
                seconds = remaining(at, self.budget, limit, "maybe")
                done, _ = await asyncio.wait(
                    {draining, self._early_read}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
                )
                if not done:
                    raise self.budget.error(limit, "maybe")
                if self._early_read in done and self.take_early(await self._finish_early_read()):
                    return True
                if draining in done:
                    return draining.exception() is not None
        finally:
            _forget(draining)

    async def _finish_early_read(self) -> bytes:
        listening, self._early_read = self._early_read, None
        assert listening is not None
        return await listening

    # -- answer

    async def read_head(self) -> Head:
        """The answer's head."""
        try:
            head = self.reader.read_head() if self.reader.wire.began else None
            while head is None:
                await self._receive()
                head = self.reader.read_head()
            return head
        except DialConnectionError as error:
            self.explain(error)
            raise

    async def read(self) -> bytes:
        """The next piece of the body; b"" at its end, and the connection goes back to the cache.

        Raises:
            DialConnectionError: the body broke off, is malformed, or a limit was reached; the connection is closed.
        """
        try:
            piece = self.reader.read_body()
            while piece is None:
                await self._receive()
                piece = self.reader.read_body()
        except DialConnectionError as error:
            self.close()
            self.explain(error)
            raise
        except BaseException:
            self.close()
            raise
        if not piece:
            self._release()
        return piece

    async def read_whole(self, most: int, strict: bool) -> bytes:
        """The whole body; beyond `most` bytes an error (strict), or what came until then."""
        pieces: List[bytes] = []
        size = 0
        try:
            piece = await self.read()
            while piece:
                pieces.append(piece)
                size += len(piece)
                if size > most:
                    self.close()
                    if strict:
                        raise too_large(most)
                    break
                piece = await self.read()
        except DialConnectionError:
            if strict or not self._sent_in_part:
                raise  # else it is an early refusal: a server that then hangs up may lose the rest of its words
        return b"".join(pieces)[:most]

    async def drain(self) -> None:
        """Read to the end under a short limit, so that the connection can be used again; else close it."""
        self.hurry()
        try:
            while await self.read():
                pass
        except DialConnectionError:
            pass  # the answer is complete; only the connection is lost, and closed already

    async def _receive(self) -> None:
        if self._connection is None:
            raise self.interrupted()
        at, limit = self.budget.ends("read", time.monotonic())
        seconds = remaining(at, self.budget, limit, self.request_sent)
        loop = self._connection.owner.loop
        self._timer = None if seconds is None else loop.call_later(seconds, self._time_is_up, loop, limit)
        try:
            data = await (self._finish_early_read() if self._early_read is not None else self._from.read(READ))
        finally:
            if self._timer is not None:
                self._timer.cancel()
        if self._expired is not None:
            raise self.budget.error(self._expired, self.request_sent)
        if not data and isinstance(self._from.broken, OSError):
            data = self.end_of(self._from.broken)
        self.take(data)

    def _time_is_up(self, loop: asyncio.AbstractEventLoop, limit: str) -> None:
        # A loop that was busy may have received the answer just now: whoever waits for it has the next turn.
        self._timer = loop.call_soon(self._expire, limit)

    def _expire(self, limit: str) -> None:
        # Aborting wakes the reader with the end of its input: no task is cancelled, so no cancellation can be lost.
        self._expired = limit
        self._to.transport.abort()

    # -- end

    def _release(self) -> None:
        if self._connection is not None and self.keeps_connection and self._early_read is None:
            connection, self._connection = self._connection, None
            connection.owner.give_back(connection.key, connection)
        else:
            self.close()

    def close(self) -> None:
        """Close the connection, unless the answer has been read to its end."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._stop_early_read()
            connection.abort()
            connection.owner.give_back(connection.key, None)

    def _stop_early_read(self) -> None:
        if self._early_read is not None:
            _forget(self._early_read)
            self._early_read = None

    def __del__(self) -> None:
        connection = self.__dict__.get("_connection")
        if connection is not None:  # a stream or download that nobody closed
            _tell(connection.owner.loop, _abandon, connection)


def _tell(loop: asyncio.AbstractEventLoop, function: Callable[..., object], *arguments: Any) -> None:
    """Have a loop, perhaps of another thread, call a function; one that is closed has nothing left to do."""
    try:
        loop.call_soon_threadsafe(function, *arguments)
    except RuntimeError:
        if not loop.is_closed():
            raise


def _abandon(connection: AsyncConnection) -> None:
    connection.abort()
    connection.owner.give_back(connection.key, None)


def _forget(task: "asyncio.Future[Any]") -> None:
    """Cancel a task of which nobody will ask what came of it."""
    task.cancel()
    task.add_done_callback(lambda done: done.cancelled() or done.exception())


async def _next_block(left: "Iterator[Tuple[bytes, int]]", body: Optional[Body]) -> Tuple[Optional[bytes], int]:
    """The next block to send, or None; where reading it may block, a thread does it."""
    end = (None, 0)
    if body is not None and body.blocking:
        return await asyncio.get_running_loop().run_in_executor(None, next, left, end)
    return next(left, end)
