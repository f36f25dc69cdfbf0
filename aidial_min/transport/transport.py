"""What clients call: requests, streams and downloads carried out, written once for both clients.

    result = await transport.run(request, config)
    head, exchange = await transport.open(request, config)       # the body is still to be read

It carries out what core/call.py decides; sync.py and aio.py have its two classes.
"""

from __future__ import annotations

import time
from _thread import allocate_lock
from typing import TYPE_CHECKING, Any, Callable, TypeVar, cast

from .._typing import NamedTuple
from ..core.call import Answer, Config, Outgoing, Request, carry_out
from ..core.limits import Budget
from ..core.settings import ConnectionKey, ConnectionSettings
from ..errors import ConfigurationError, DialException, InvalidRequestError, check_moment, is_bad_moment
from .exchange import Exchange
from .verbs import MAX_ERROR, OutOfTime, remaining, survive_fork

if TYPE_CHECKING:
    import ssl

    from ..core.http11 import Head
    from ..core.proxy import Route
    from ..core.urls import Origin
    from .connections import Connection, Connections
    from .verbs import Verbs

T = TypeVar("T")

LAST_SAY = 0.1
"""Seconds that `on_attempt` of a call whose time is over may still take, where it is a coroutine function."""


class Statistics(NamedTuple):
    """How it stands with the connections of a transport, of all its event loops together; for tests.

    Attributes:
        open: connections, idle or in use.
        idle: those that wait for their next request.
        taken: places that calls hold.
        waiting: calls that wait for a place.
    """

    open: int
    idle: int
    taken: int
    waiting: int


class BaseTransport:
    """Carries out requests for a client, or for all clients of a pool."""

    def __init__(self, settings: ConnectionSettings, verbs: Verbs) -> None:
        self.settings = settings
        self.verbs = verbs
        self.closed = False
        self._lock = allocate_lock()
        self._routes: dict[Origin, Route] = {}
        self._keys: dict[Origin, ConnectionKey] = {}
        self._context: ssl.SSLContext | None = None
        survive_fork(self)

    # -- what clients call

    async def run(self, request: Request[T], config: Config, total_at: float | None = None, stream: bool = False) -> T:
        """Carry out one request and return its decoded result.

        Args:
            total_at: when the limit `total` ends, if it runs.
            stream: leave the body of a good answer open.
        """
        budget = Budget(request.timeout or config.timeout, time.monotonic(), total_at)
        try:
            return await carry_out(request, config, self.route(config.origin), _Call(self, budget), stream=stream)
        except (OSError, ImportError) as error:
            check_moment(error)
            raise

    def total_at(self, config: Config) -> float | None:
        """When the limit `total` ends for what begins now."""
        return Budget(config.timeout, time.monotonic()).total_at

    async def open(self, request: Request[Answer], config: Config) -> tuple[Head, Exchange]:
        """Carry out one request and leave the body of its answer open."""
        answer = await self.run(request, config, stream=True)
        return answer.head, cast(Exchange, answer.exchange)

    async def download(self, request: Request[Answer], config: Config, etag: str | None) -> tuple[Head, Exchange]:
        """Carry out a download as far as its head, which must have this ETag."""
        from ..core.etag import check_content, check_etag

        head, exchange = await self.open(request, config)
        try:
            check_content(head, exchange.outgoing.request)
            if etag is not None:
                check_etag(head.headers, etag, exchange.outgoing.request, exchange.outgoing.secrets)
        except DialException:
            exchange.close()
            raise
        return head, exchange

    def statistics(self) -> Statistics:
        """What is open, idle, taken, and waited for."""
        homes = self._homes()
        idle = sum(len(home.idle) for home in homes)
        taken = sum(home.places.taken for home in homes)
        return Statistics(
            sum(len(home.open) for home in homes), idle, taken, sum(home.places.waiting for home in homes)
        )

    # -- carrying out

    def route(self, origin: Origin) -> Route:
        """The way to a server (found once)."""
        route = self._routes.get(origin)
        if route is None:
            route = self._routes[origin] = self.settings.route(origin)
        return route

    async def context(self, budget: Budget) -> ssl.SSLContext:
        """What TLS is spoken with; made for the first https connection, in the time that connecting may take."""
        at, limit = budget.ends("connect", time.monotonic())
        worker = self.verbs.worker()
        try:
            return await worker.do(remaining(at, budget, limit), self._make_context)
        except OutOfTime:
            raise budget.error(limit, "no") from None
        finally:
            worker.end()

    def _make_context(self) -> ssl.SSLContext:
        try:
            from .tls import make_context
        except ImportError as error:
            if is_bad_moment(error):
                raise
            raise ConfigurationError("this Python is built without ssl: it can reach http:// servers only") from None
        with self._lock:  # one for all threads: connections are kept by its identity; it reads certificates from disk
            if self._context is None:
                self._context = make_context(self.settings)
            return self._context

    async def connect(self, exchange: Exchange) -> None:
        """Give an exchange its connection: one that idles, or a new one."""
        if self.closed:
            raise InvalidRequestError("the client is closed")
        origin, budget, owner = exchange.outgoing.origin, exchange.budget, exchange.owner
        key = self._keys.get(origin)
        if key is None:
            context = await self.context(budget) if origin.scheme == "https" else None
            key = ConnectionKey(origin.scheme, origin.host, origin.port, self.route(origin), id(context))
            self._keys[origin] = key
        if not owner.places.enter(exchange.place):
            await owner.wait(exchange.place, budget)
        connection = owner.take(key, exchange.outgoing.fresh)
        if connection is None:
            context = self._context if origin.scheme == "https" else None
            connection = await owner.open_new(key, origin, context, budget)
        exchange.hold(connection)
        self._taken(connection)

    def home(self) -> Connections:
        """The connections that may be used here."""
        raise NotImplementedError

    def _homes(self) -> list[Connections]:
        raise NotImplementedError

    def _taken(self, connection: Connection) -> None:
        """A call has this connection from now on."""
        raise NotImplementedError


class _Call:
    """One call: what core/call.py has carried out."""

    __slots__ = ("_transport", "_verbs", "_budget")

    def __init__(self, transport: BaseTransport, budget: Budget) -> None:
        self._transport = transport
        self._verbs = transport.verbs
        self._budget = budget

    async def ask(self, function: Callable[[], Any]) -> Any:
        try:
            return await self._verbs.ask(function, remaining(self._budget.total_at, self._budget, "total"))
        except OutOfTime:
            raise self._budget.error("total", "no") from None

    async def tell(self, function: Callable[[], Any]) -> None:
        total_at = self._budget.total_at
        seconds = None if total_at is None else max(LAST_SAY, total_at - time.monotonic())
        try:
            await self._verbs.ask(function, seconds)
        except OutOfTime:
            pass  # what the attempt came to is settled, and says more

    async def send(self, outgoing: Outgoing) -> Answer:
        exchange = Exchange(self._transport.home(), outgoing, self._budget)
        opened = False
        try:
            await self._transport.connect(exchange)
            await exchange.send()
            head = await exchange.read_head()
            good = head.status < 300
            if good and outgoing.stream:
                opened = True
                return Answer(head, b"", exchange)
            return Answer(head, await exchange.read_whole(outgoing.most if good else MAX_ERROR, good))
        except DialException as error:
            opened = False
            exchange.close()
            exchange.explain(error)
            raise
        finally:
            if not opened:
                exchange.close()
            outgoing.sent, outgoing.received = exchange.sent, exchange.reader.received

    async def pause(self, seconds: float, error: DialException) -> None:
        total_at = self._budget.total_at
        if total_at is not None and time.monotonic() + seconds >= total_at:
            raise error
        await self._verbs.sleep(seconds)
