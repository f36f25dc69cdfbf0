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
    AsyncGenerator,
    AsyncIterator,
    Coroutine,
    Dict,
    Iterator,
    List,
    Optional,
    Set,
    Tuple,
    Type,
    TypeVar,
    cast,
)

from ..core.answer import AnswerReader
from ..core.body import Body, blocks
from ..core.cache import ConnectionCache, Grant, Waiter
from ..core.call import Answer, Ask, Config, Download, Failure, Flow, Pages, Request, Send, Steps, exchange
from ..core.connection import ConnectionKey, ConnectionSettings
from ..core.download import check_etag
from ..core.events import EventReader, Events
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
from .shared import MAX_ERROR, MAX_WHOLE, RECEIVE, prepare, reason, remaining, survive_fork, wait_for
from .streams import AsyncStream
from .tls import handshake_error, make_context

T = TypeVar("T")


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
        return await self._drive(exchange(request, config, self.route(config.origin)), budget)

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
        answer = await self._drive(exchange(request, config, self.route(config.origin), stream=True), budget)
        return answer.head, cast(AsyncExchange, answer.stream)

    async def stream(self, request: Request[Answer], config: Config, events: Events) -> "AsyncStream[Any]":
        """Carry out one request and give out the events of its answer."""
        head, once = await self.open(request, config)
        return AsyncStream(head, once, EventReader(events, request=once.step.request, secrets=once.step.secrets))

    async def download(self, download: Download, config: Config) -> "AsyncFileDownloadResponse":
        """Carry out a download as far as its head."""
        head, once = await self.open(download.request, config)
        try:
            if download.etag_if_match is not None:
                check_etag(head.headers, download.etag_if_match, once.step.request, once.step.secrets)
        except DialException:
            once.close()
            raise
        return AsyncFileDownloadResponse(head, once, download.filename)

    async def aclose(self) -> None:
        """Close idle connections now, and those in use as soon as their calls end."""
        self.closed = True
        here = asyncio.get_running_loop()
        with self._lock:
            loops = list(self._loops.items())
        for loop, connections in loops:
            if loop is here:
                await connections.close_idle()
            elif not loop.is_closed():
                loop.call_soon_threadsafe(connections.drop_idle)

    # -- steps

    async def _drive(self, steps: "Steps[T]", budget: Budget) -> T:
        outcome: Any = None
        try:
            while True:
                step = steps.send(outcome)
                if isinstance(step, Send):
                    outcome = await self._carry(step, budget)
                elif isinstance(step, Ask):
                    outcome = step.callable()
                    if inspect.isawaitable(outcome):
                        outcome = await outcome
                else:
                    outcome = None
                    await _sleep(step.seconds, step.error, budget)
        except StopIteration as stop:
            return cast(T, stop.value)

    async def _carry(self, step: Send, budget: Budget) -> Any:
        """Send a request and read its answer: an Answer, or a Failure where none came."""
        try:
            connection = await self._connection(step, budget)
        except DialConnectionError as error:
            return Failure(error)
        once = AsyncExchange(connection, step, budget)
        try:
            await once.send()
            head = await once.read_head()
            if step.stream and head.status < 300:
                return Answer(head, b"", once)
            good = head.status < 300
            return Answer(head, await once.read_whole(MAX_WHOLE if good else MAX_ERROR, good))
        except DialConnectionError as error:
            once.close()
            once.explain(error)
            silent = connection.used and not once.reader.wire.began and not isinstance(error, DialTimeoutError)
            return Failure(error, stale=silent)
        except DialException as error:  # of the body: a file that can't be read
            once.close()
            once.explain(error)
            raise
        except BaseException:
            once.close()
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
                if not step.fresh and connection.is_quiet():
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
                    self._loops.pop(other).forsake()
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
            connections.forsake()

    def _make_context(self) -> ssl.SSLContext:
        with self._lock:  # reads certificates from disk: in a thread, once
            return self._context or make_context(self.settings)


class LoopConnections:
    """The connections of one event loop; they end with it at the latest."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport
        self.loop = asyncio.get_running_loop()
        self.cache: ConnectionCache[AsyncConnection] = ConnectionCache(transport.settings.limits)
        self.open: Set[AsyncConnection] = set()
        self._guard: Optional[AsyncGenerator[None, None]] = None

    async def watch_loop(self) -> None:
        """Be told when the loop ends: it closes asynchronous generators before itself (`shutdown_asyncgens`)."""
        self._guard = self._until_loop_ends()
        await self._guard.__anext__()

    async def _until_loop_ends(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            for connection in list(self.open):
                connection.abort()
            await _let_transports_close()

    async def place(self, key: ConnectionKey, budget: Budget) -> "Grant[AsyncConnection]":
        """A place in the cache, waited for in turn."""
        now = time.monotonic()
        grant = self.cache.take(key, now)
        self._close_dropped()
        if grant is not None:
            return grant
        woken: "asyncio.Future[None]" = self.loop.create_future()
        waiter: Waiter[AsyncConnection] = Waiter(key, lambda: None if woken.done() else woken.set_result(None))
        self.cache.join(waiter)
        at, limit = budget.ends("pool", now)
        timer = None if at is None else self.loop.call_later(max(0.0, at - now), waiter.wake)
        try:
            await woken
        except BaseException:
            self.cache.leave(waiter, time.monotonic())
            self._close_dropped()
            raise
        finally:
            if timer is not None:
                timer.cancel()
        if waiter.grant is None:
            self.cache.leave(waiter, time.monotonic())
            raise budget.error(limit, "no")
        return waiter.grant

    def give_back(self, key: ConnectionKey, connection: Optional["AsyncConnection"]) -> None:
        """Free a place, with its connection where that can be used again."""
        if self._transport.closed and connection is not None:
            connection.abort()
            connection = None
        self.cache.give_back(key, connection, time.monotonic())
        self._close_dropped()

    def _close_dropped(self) -> None:
        while self.cache.dropped:
            self.cache.dropped.pop().abort()

    def drop_idle(self) -> None:
        """Close idle connections."""
        self.cache.clear()
        self._close_dropped()

    async def close_idle(self) -> None:
        """Close idle connections, and wait until their sockets are closed."""
        self.drop_idle()
        await _let_transports_close()

    def forsake(self) -> None:
        """The loop was closed without ending properly: close the sockets under its transports."""
        for connection in list(self.open):
            connection.sock.close()


async def _let_transports_close() -> None:
    # asyncio closes the socket of an aborted transport in its next turn, under TLS in the one after that.
    for _ in range(3):
        await asyncio.sleep(0)


async def _sleep(seconds: float, error: DialException, budget: Budget) -> None:
    if budget.total_at is not None and time.monotonic() + seconds >= budget.total_at:
        raise error
    await asyncio.sleep(seconds)


async def _within(coroutine: Coroutine[Any, Any, T], seconds: Optional[float]) -> T:
    """Wait for a coroutine so long, else cancel it and raise asyncio.TimeoutError; a cancellation is never swallowed
    (asyncio.wait_for does so before 3.12)."""
    task = asyncio.ensure_future(coroutine)
    try:
        await asyncio.wait({task}, timeout=seconds)
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
            raise asyncio.TimeoutError
    except BaseException:
        task.cancel()
        raise
    return task.result()


class AsyncConnection:
    """A socket that we connected, through a proxy and TLS where the key says so, as a pair of asyncio streams."""

    def __init__(
        self,
        owner: LoopConnections,
        key: ConnectionKey,
        sock: socket.socket,
        reader: asyncio.StreamReader,
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

    def is_quiet(self) -> bool:
        """Whether an idle connection is still good: nothing to read, neither bytes nor its end.

        The socket is asked too: a loop that was busy has not yet read what came meanwhile.
        """
        try:
            return not (
                self.writer.transport.is_closing()
                or self.peek() is not None
                or wait_for(self.sock, read=True, write=False, seconds=0.0)
            )
        except (OSError, ValueError):
            return False

    def peek(self) -> Optional[bytes]:
        """What has come already, without waiting: b"" for the end of the connection, None for nothing."""
        waiting = self.reader.read(RECEIVE)
        try:
            waiting.send(None)
        except StopIteration as stop:
            return cast(bytes, stop.value)
        except OSError:
            return b""
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
    except asyncio.TimeoutError:
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
        except (OSError, asyncio.TimeoutError) as error:
            problem = error
            if sock is not None:
                sock.close()
        except BaseException:
            if sock is not None:
                sock.close()
            raise
    if isinstance(problem, (asyncio.TimeoutError, socket.timeout)):
        raise budget.error(limit, "no")
    raise error_class("can't connect to %s:%d: %s" % (route.host, route.port, reason(problem))) from None


async def _resolve(host: str, port: int, seconds: Optional[float]) -> List[Any]:
    try:  # an address needs no thread
        return socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)
    except socket.gaierror:
        found = asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return await _within(cast("Coroutine[Any, Any, List[Any]]", found), seconds)


async def _open_tunnel(
    sock: socket.socket, route: Route, origin: Origin, at: Optional[float], budget: Budget, limit: str
) -> None:
    """CONNECT (RFC 9110, 9.3.6); proxy credentials go here and nowhere else."""
    try:
        head = await _within(_ask_for_tunnel(sock, route, origin), remaining(at, budget, limit))
    except asyncio.TimeoutError:
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
) -> Tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if context is None:
        return await asyncio.open_connection(sock=sock, limit=RECEIVE)
    try:
        seconds = remaining(at, budget, limit)
        return await asyncio.open_connection(
            sock=sock, ssl=context, server_hostname=host, ssl_handshake_timeout=seconds or 86400.0, limit=RECEIVE
        )
    except DialTimeoutError:
        sock.close()
        raise
    except (OSError, ValueError, asyncio.TimeoutError) as error:
        if at is not None and time.monotonic() >= at - 0.02:
            raise budget.error(limit, "no") from None
        raise handshake_error(error if isinstance(error, OSError) else ssl.SSLError(str(error)), host) from None


class AsyncExchange(ExchangeBase):
    """One request on one connection, and its answer as it comes."""

    def __init__(self, connection: AsyncConnection, step: Send, budget: Budget) -> None:
        super().__init__(step, budget)
        self._connection: Optional[AsyncConnection] = connection
        self._from = connection.reader
        self._to = connection.writer
        self._listening: "Optional[asyncio.Task[bytes]]" = None  # reads what comes while sending
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
                self._cut_short = True  # an answer may be waiting all the same: 413, 401
                return
            if body is not None:
                body.report(sent)

    async def _push(self, data: bytes) -> bool:
        """Send these bytes, reading meanwhile what the server may already say; False: it wants no more."""
        view = memoryview(data)
        transport = self._to.transport
        checked = len(data) < RECEIVE
        for start in range(0, len(data), RECEIVE):
            if transport.is_closing():
                return False
            self._to.write(view[start : start + RECEIVE])
            self._began = True
            full = transport.get_write_buffer_size() > RECEIVE
            if (full or not checked) and await self._heard(wait=full):
                return False
            checked = True
        return True

    async def _heard(self, wait: bool) -> bool:
        """Whether an answer, or the end of the connection, came while sending; waits until there is room to send."""
        if not wait:
            await asyncio.sleep(0)  # other tasks, and the reader of this connection, shall have their turn
            data = self._connection.peek() if self._connection and self._listening is None else None
            return data is not None and self.take_early(data)
        draining = asyncio.ensure_future(self._to.drain())
        try:
            while True:
                if self._listening is None:
                    self._listening = asyncio.ensure_future(self._from.read(RECEIVE))
                at, limit = self.budget.ends("write", time.monotonic())
                seconds = remaining(at, self.budget, limit, "maybe")
                done, _ = await asyncio.wait(
                    {draining, self._listening}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
                )
                if not done:
                    raise self.budget.error(limit, "maybe")
                if self._listening in done and self.take_early(await self._listened()):
                    return True
                if draining in done:
                    return draining.exception() is not None
        finally:
            _forget(draining)

    async def _listened(self) -> bytes:
        listening, self._listening = self._listening, None
        assert listening is not None
        try:
            return await listening
        except OSError as error:
            return self.end_of(error)

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
            if strict or not self._cut_short:
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
            data = await (self._listened() if self._listening is not None else self._from.read(RECEIVE))
        except OSError as error:
            data = self.end_of(error)
        finally:
            if self._timer is not None:
                self._timer.cancel()
        if self._expired is not None:
            raise self.budget.error(self._expired, self.request_sent)
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
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self.keeps_connection and self._listening is None:
            connection.owner.give_back(connection.key, connection)
        else:
            self._stop_listening()
            connection.abort()
            connection.owner.give_back(connection.key, None)

    def close(self) -> None:
        """Close the connection, unless the answer has been read to its end."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._stop_listening()
            connection.abort()
            connection.owner.give_back(connection.key, None)

    def _stop_listening(self) -> None:
        if self._listening is not None:
            _forget(self._listening)
            self._listening = None

    def __del__(self) -> None:
        connection = self.__dict__.get("_connection")
        if connection is not None and not connection.owner.loop.is_closed():
            connection.owner.loop.call_soon_threadsafe(_abandon, connection)  # a stream that nobody closed


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
