"""The sync shell: http.client's connections, sent to and read by our own reader.

It tells the same story as aio.py in the same order: Transport (what clients call, steps, connections), Connection
(open), Exchange (one request on one connection: send, receive, end). Only the verbs that wait differ.
It knows sockets, threads and clocks; it decides nothing about retries, errors or DIAL: core/ does.
"""

import http.client
import os
import queue
import socket
import ssl
import threading
import time
from collections import deque
from typing import Any, Deque, Dict, Iterator, List, Optional, Tuple, Type, TypeVar, cast

from ..core.answer import AnswerReader
from ..core.body import blocks
from ..core.cache import ConnectionCache, Grant, Waiter
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
from .downloads import FileDownloadResponse
from .exchange import ExchangeBase, too_large
from .shared import MAX_ERROR, MAX_WHOLE, RECEIVE, prepare, reason, remaining, survive_fork, wait_for
from .streams import Stream
from .tls import handshake_error, make_context

T = TypeVar("T")


class Transport:
    """Carries out requests for a client, or for all clients of a pool."""

    def __init__(self, settings: ConnectionSettings) -> None:
        self.settings = settings
        self.closed = False
        self._lock = threading.Lock()
        self._cache: ConnectionCache[Connection] = ConnectionCache(settings.limits)
        self._pid = os.getpid()
        self._routes: Dict[Origin, Route] = {}
        self._context: Optional[ssl.SSLContext] = None
        self._abandoned: Deque[Tuple[ConnectionKey, int]] = deque()
        survive_fork(self)

    # -- what clients call

    def run(self, request: Request[T], config: Config, total_at: Optional[float] = None) -> T:
        """Carry out one request and return its decoded result; `total_at`: when the limit `total` ends, if it runs."""
        budget = Budget(request.timeout or config.timeout, time.monotonic(), total_at)
        return self._drive(steps_of(request, config, self.route(config.origin)), budget)

    def follow(self, flow: Flow[T], config: Config) -> T:
        """Carry out an operation of several requests; the limit `total` is for all of them together."""
        total_at = Budget(config.timeout, time.monotonic()).total_at
        try:
            request = next(flow)
            while True:
                try:
                    result = self.run(request, config, total_at)
                except DialException as error:
                    request = flow.throw(error)
                else:
                    request = flow.send(result)
        except StopIteration as stop:
            return cast(T, stop.value)

    def iterate(self, pages: Pages[T], config: Config) -> Iterator[T]:
        """Iterate over all pages of a listing."""
        request: Optional[Request[Any]] = pages.first
        while request is not None:
            try:
                page = self.run(request, config)
            except DialException as error:
                if request is pages.first and pages.is_empty(error):
                    return
                raise
            yield from pages.items(page)
            request = pages.follow(page)

    def open(self, request: Request[Answer], config: Config) -> Tuple[Head, "Exchange"]:
        """Carry out one request and leave the body of its answer open."""
        budget = Budget(request.timeout or config.timeout, time.monotonic())
        answer = self._drive(steps_of(request, config, self.route(config.origin), stream=True), budget)
        return answer.head, cast(Exchange, answer.stream)

    def stream(self, request: Request[Answer], config: Config, events: Events) -> "Stream[Any]":
        """Carry out one request and give out the events of its answer."""
        return Stream(*self.open(request, config), events)

    def download(self, download: Download, config: Config) -> "FileDownloadResponse":
        """Carry out a download as far as its head."""
        head, exchange = self.open(download.request, config)
        try:
            if download.etag_if_match is not None:
                check_etag(head.headers, download.etag_if_match, exchange.step.request, exchange.step.secrets)
        except DialException:
            exchange.close()
            raise
        return FileDownloadResponse(head, exchange, download.filename)

    def close(self) -> None:
        """Close idle connections now, and those in use as soon as their calls end."""
        with self._lock:
            self.closed = True
            self._cache.clear()
        self._close_dropped()

    def __del__(self) -> None:
        cache = self.__dict__.get("_cache")
        if cache is not None:  # a client that nobody closed: its idle connections end with it
            cache.clear()
            for connection in cache.dropped:
                connection.close()

    # -- steps

    def _drive(self, steps: "Steps[T]", budget: Budget) -> T:
        outcome: Any = None
        try:
            while True:
                step = steps.send(outcome)
                if isinstance(step, Send):
                    outcome = self._send(step, budget)
                elif isinstance(step, Ask):
                    outcome = step.callable()
                else:
                    outcome = None
                    _sleep(step.seconds, step.error, budget)
        except StopIteration as stop:
            return cast(T, stop.value)

    def _send(self, step: Send, budget: Budget) -> Any:
        """Send a request and read its answer: an Answer, or a Failure where none came."""
        try:
            connection = self._connection(step, budget)
        except DialConnectionError as error:
            return Failure(error)
        exchange = Exchange(self, connection, step, budget)
        try:
            exchange.send()
            head = exchange.read_head()
            if step.stream and head.status < 300:
                return Answer(head, b"", exchange)
            return Answer(head, exchange.read_whole(MAX_WHOLE if head.status < 300 else MAX_ERROR, head.status < 300))
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

    def _connection(self, step: Send, budget: Budget) -> "Connection":
        self._check_open()
        origin, route = step.origin, self.route(step.origin)
        context = self._tls() if origin.scheme == "https" else None
        key = ConnectionKey(origin.scheme, origin.host, origin.port, route, id(context))
        connection = self._place(key, budget).conn
        try:
            self._check_open()  # it may have been closed while we waited
            while connection is not None:
                if not step.fresh and connection.is_reusable():
                    connection.used = True
                    return connection
                connection.close()
                with self._lock:
                    connection = self._cache.take_idle(key, time.monotonic())
            return Connection.open(key, origin, context, budget)
        except BaseException:
            self.give_back(key, None)
            raise

    def _check_open(self) -> None:
        if self.closed:
            raise InvalidRequestError("the client is closed")

    def _place(self, key: ConnectionKey, budget: Budget) -> "Grant[Connection]":
        """A place in the cache, waited for in turn."""
        now = time.monotonic()
        woken = threading.Lock()
        woken.acquire()
        waiter: Waiter[Connection] = Waiter(key, woken.release)
        with self._lock:
            self._take_back_abandoned()
            grant = self._cache.take(key, now)
            if grant is None:
                self._cache.join(waiter)
        self._close_dropped()
        if grant is not None:
            return grant
        at, limit = budget.ends("pool", now)
        try:
            woken.acquire(timeout=-1 if at is None else max(0.0, min(at - now, threading.TIMEOUT_MAX)))
        except BaseException:
            with self._lock:
                self._cache.leave(waiter, time.monotonic())
            self._close_dropped()
            raise
        with self._lock:
            grant = waiter.grant  # looked at under the lock: it may come at the last moment
            if grant is None:
                self._cache.leave(waiter, time.monotonic())
        self._close_dropped()
        if grant is None:
            raise budget.error(limit, "no")
        return grant

    def give_back(self, key: ConnectionKey, connection: Optional["Connection"]) -> None:
        """Free a place, with its connection where that can be used again."""
        with self._lock:
            if self.closed and connection is not None:
                self._cache.dropped.append(connection)
                connection = None
            self._cache.give_back(key, connection, time.monotonic())
        self._close_dropped()

    def free(self, connection: "Connection", keep: bool) -> None:
        """Free the place of a connection in use, which is kept or closed.

        One that was inherited by a fork holds no place here.
        """
        keep = keep and connection.pid == self._pid
        if not keep:
            connection.close()
        if connection.pid == self._pid:
            self.give_back(connection.key, connection if keep else None)

    def abandon(self, connection: "Connection") -> None:
        """Free a place from a finalizer, which may run anywhere, even while this thread holds the lock."""
        self._abandoned.append((connection.key, connection.pid))
        self._collect_abandoned()

    def _collect_abandoned(self) -> None:
        # Whoever holds the lock now looks here again after releasing it, so no place is left lying.
        while self._abandoned and self._lock.acquire(blocking=False):
            try:
                self._take_back_abandoned()
            finally:
                self._lock.release()

    def _take_back_abandoned(self) -> None:
        while self._abandoned:
            key, pid = self._abandoned.popleft()
            if pid == self._pid:
                self._cache.give_back(key, None, time.monotonic())

    def _close_dropped(self) -> None:
        self._collect_abandoned()
        while self._cache.dropped:
            with self._lock:
                dropped, self._cache.dropped = self._cache.dropped, []
            self._collect_abandoned()
            for connection in dropped:
                connection.close()

    def _tls(self) -> ssl.SSLContext:
        if self._context is None:
            with self._lock:  # one for all threads: connections are kept by its identity
                if self._context is None:
                    self._context = make_context(self.settings)
            self._close_dropped()
        return self._context

    def after_fork(self) -> None:
        """In a forked child: the parent's connections are its own, so close the copies of their descriptors here.

        Other threads of the parent may have held the lock, or have been at work in the cache: both begin anew.
        """
        self._lock = threading.Lock()
        inherited, self._cache = self._cache, ConnectionCache(self.settings.limits)
        self._pid = os.getpid()
        inherited.clear()
        for connection in inherited.dropped:
            connection.close()


def _sleep(seconds: float, error: DialException, budget: Budget) -> None:
    if budget.total_at is not None and time.monotonic() + seconds >= budget.total_at:
        raise error
    time.sleep(seconds)


class Connection:
    """A socket that http.client opened, through a proxy and TLS where the key says so."""

    def __init__(self, key: ConnectionKey, sock: socket.socket) -> None:
        self.key = key
        self.sock = sock
        self.pid = os.getpid()
        self.used = False
        """It has carried a request before."""

    @classmethod
    def open(
        cls, key: ConnectionKey, origin: Origin, context: Optional[ssl.SSLContext], budget: Budget
    ) -> "Connection":
        """Connect: TCP, the proxy's tunnel, TLS; all within the limit `connect`.

        Raises:
            ConnectError, ProxyError, TLSError, DialTimeoutError: nothing of the request was sent.
        """
        at, limit = budget.ends("connect", time.monotonic())
        sock = _connect(key.route, at, budget, limit)
        try:
            if key.route.kind == "tunnel":
                _open_tunnel(sock, key.route, origin, at, budget, limit)
            if context is not None:
                sock = _start_tls(sock, context, origin.host, at, budget, limit)
            return cls(key, sock)
        except BaseException:
            sock.close()
            raise

    def is_reusable(self) -> bool:
        """Whether an idle connection is still good: nothing to read, neither bytes nor its end."""
        try:
            return not wait_for(self.sock, True, False, 0.0)
        except (OSError, ValueError):
            return False

    def close(self) -> None:
        """Close the socket, and wake a thread that waits for it."""
        if self.pid == os.getpid():  # else it is a parent's, who goes on using it
            try:
                self.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it broke, or is closed already
        self.sock.close()


def _connect(route: Route, at: Optional[float], budget: Budget, limit: str) -> socket.socket:
    """TCP to the server or its proxy: the addresses of the name share the time that is left."""
    error_class: Type[ConnectError] = ConnectError if route.kind == "direct" else ProxyError
    where = "%s:%d" % (route.host, route.port)
    try:
        addresses = _resolve(route.host, route.port, at, budget, limit)
    except DialTimeoutError:  # an OSError too
        raise
    except (OSError, UnicodeError) as error:
        raise error_class("the name %s can't be resolved: %s" % (route.host, reason(error))) from None
    problem: OSError = OSError("no address")
    for index, (_, _, _, _, address) in enumerate(addresses):
        seconds = remaining(at, budget, limit)
        share = None if seconds is None else seconds / (len(addresses) - index)
        opened = http.client.HTTPConnection(cast(str, address[0]), route.port, timeout=share)
        try:
            opened.connect()
            sock = cast(socket.socket, opened.sock)
            prepare(sock)
            return sock
        except OSError as error:
            opened.close()
            problem = error
    if isinstance(problem, socket.timeout):
        raise budget.error(limit, "no")
    raise error_class("can't connect to %s: %s" % (where, reason(problem))) from None


def _resolve(host: str, port: int, at: Optional[float], budget: Budget, limit: str) -> List[Any]:
    """The addresses of a name; a resolver that is silent is left to its thread when time runs out."""
    try:  # an address needs no thread
        return socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)
    except socket.gaierror:
        found: "queue.Queue[Any]" = queue.Queue()
        threading.Thread(target=_look_up, args=(host, port, found), daemon=True).start()
    try:
        outcome = found.get(timeout=remaining(at, budget, limit))
    except queue.Empty:
        raise budget.error(limit, "no") from None
    if isinstance(outcome, Exception):
        raise outcome
    return cast(List[Any], outcome)


def _look_up(host: str, port: int, found: "queue.Queue[Any]") -> None:
    try:
        found.put(socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM))
    except Exception as error:  # goes on in the thread that asked
        found.put(error)


def _open_tunnel(
    sock: socket.socket, route: Route, origin: Origin, at: Optional[float], budget: Budget, limit: str
) -> None:
    """CONNECT (RFC 9110, 9.3.6); proxy credentials go here and nowhere else."""
    reader = AnswerReader("CONNECT")
    try:
        sock.settimeout(remaining(at, budget, limit))
        sock.sendall(tunnel_request(route, origin))
        head = reader.read_head()
        while head is None:
            sock.settimeout(remaining(at, budget, limit))
            data = sock.recv(1)  # not a byte beyond the head: what follows is TLS
            if data:
                reader.wire.receive(data)
            else:
                reader.wire.receive_eof()
            head = reader.read_head()
    except socket.timeout:  # DialTimeoutError is one too since 3.10
        raise budget.error(limit, "no") from None
    except (OSError, DialConnectionError) as error:
        if isinstance(error, DialTimeoutError):
            raise
        raise ProxyError("the proxy %s:%d broke off: %s" % (route.host, route.port, reason(error))) from None
    check_tunnel(head, route)


def _start_tls(
    sock: socket.socket, context: ssl.SSLContext, host: str, at: Optional[float], budget: Budget, limit: str
) -> socket.socket:
    sock.settimeout(remaining(at, budget, limit))
    try:
        secured = context.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
    except (OSError, ValueError) as error:
        raise handshake_error(error if isinstance(error, OSError) else ssl.SSLError(str(error)), host) from None
    try:  # from here on `sock` is empty
        while True:
            secured.settimeout(0)
            try:
                secured.do_handshake()
                return secured
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError) as wanted:
                write = isinstance(wanted, ssl.SSLWantWriteError)
                if not wait_for(secured, not write, write, remaining(at, budget, limit)):
                    raise budget.error(limit, "no") from None
    except BaseException as error:
        secured.close()
        if isinstance(error, OSError) and not isinstance(error, DialTimeoutError):
            raise handshake_error(error, host) from None
        raise


class Exchange(ExchangeBase):
    """One request on one connection, and its answer as it comes."""

    def __init__(self, transport: Transport, connection: Connection, step: Send, budget: Budget) -> None:
        super().__init__(step, budget, connection.used)
        self._transport = transport
        self._connection: Optional[Connection] = connection
        self._sock = connection.sock

    # -- request

    def send(self) -> None:
        """Send head and body; stop where the server answers or hangs up meanwhile."""
        body = self.step.body
        for block, sent in blocks(self.step.head, body):
            if not self._push(block):
                self._sent_in_part = True  # an answer may be waiting all the same: 413, 401
                return
            if body is not None:
                body.report(sent)

    def _push(self, data: bytes) -> bool:
        """Send these bytes, reading meanwhile what the server may already say; False: it wants no more."""
        view = memoryview(data)
        sock = self._sock
        sock.settimeout(0)
        large = len(data) >= RECEIVE
        full = False
        while view:
            remaining(self.budget.total_at, self.budget, "total", "maybe")
            if (large or full) and self._answered_early(wait=full):
                return False
            full = False
            try:
                view = view[sock.send(view) :]
                self._sending_began = True
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError) as wanted:
                full = True
                self._sending_began = self._sending_began or isinstance(wanted, ssl.SSLError)  # records may have left
            except OSError as error:
                self.end_of(error)
                return False
        return True

    def _answered_early(self, wait: bool) -> bool:
        """Whether an answer, or the end of the connection, came while sending."""
        at, limit = self.budget.ends("write", time.monotonic())
        seconds = remaining(at, self.budget, limit, "maybe") if wait else 0.0
        if not wait_for(self._sock, True, wait, seconds):
            if wait:
                raise self.budget.error(limit, "maybe")
            return False
        try:
            return self.take_early(self._sock.recv(RECEIVE))
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        except OSError as error:
            return self.take_early(self.end_of(error))

    # -- answer

    def read_head(self) -> Head:
        """The answer's head."""
        try:
            head = self.reader.read_head() if self.reader.wire.began else None
            while head is None:
                self._receive()
                head = self.reader.read_head()
            return head
        except DialConnectionError as error:
            self.explain(error)
            raise

    def read(self) -> bytes:
        """The next piece of the body; b"" at its end, and the connection goes back to the cache.

        Raises:
            DialConnectionError: the body broke off, is malformed, or a limit was reached; the connection is closed.
        """
        try:
            piece = self.reader.read_body()
            while piece is None:
                self._receive()
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

    def read_whole(self, most: int, strict: bool) -> bytes:
        """The whole body; beyond `most` bytes an error (strict), or what came until then."""
        pieces: List[bytes] = []
        size = 0
        try:
            piece = self.read()
            while piece:
                pieces.append(piece)
                size += len(piece)
                if size > most:
                    self.close()
                    if strict:
                        raise too_large(most)
                    break
                piece = self.read()
        except DialConnectionError:
            if strict or not self._sent_in_part:
                raise  # else it is an early refusal: a server that then hangs up may lose the rest of its words
        return b"".join(pieces)[:most]

    def drain(self) -> None:
        """Read to the end under a short limit, so that the connection can be used again; else close it."""
        self.hurry()
        try:
            while self.read():
                pass
        except DialConnectionError:
            pass  # the answer is complete; only the connection is lost, and closed already

    def _receive(self) -> None:
        if self._connection is None:
            raise self.interrupted()
        at, limit = self.budget.ends("read", time.monotonic())
        seconds = remaining(at, self.budget, limit, self.request_sent)
        try:
            self._sock.settimeout(seconds)
            data = self._sock.recv(RECEIVE)
        except socket.timeout:
            raise self.budget.error(limit, self.request_sent) from None
        except OSError as error:
            data = self.end_of(error)
        self.take(data)

    # -- end

    def _release(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        self._transport.free(connection, keep=self.keeps_connection)

    def close(self) -> None:
        """Close the connection, unless the answer has been read to its end."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._transport.free(connection, keep=False)

    def __del__(self) -> None:
        connection = self.__dict__.get("_connection")
        if connection is not None:  # a stream or download that nobody closed
            connection.close()
            self._transport.abandon(connection)
