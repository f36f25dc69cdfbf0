"""What clients call: requests, streams and downloads carried out, written once for both clients.

It carries out the steps of core/call.py and decides nothing about retries, errors or DIAL.
It waits by verbs; it must not know threads, asyncio or how a connection is opened.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ..core.call import Answer, Ask, Failure, Send
from ..core.call import exchange as steps_of
from ..core.etag import check_content, check_etag
from ..core.limits import Budget
from ..core.settings import ConnectionKey
from ..errors import DialConnectionError, DialException, InvalidRequestError
from .connections import Connection, Connections
from .exchange import Exchange
from .verbs import MAX_ERROR, MAX_WHOLE, Verbs, survive_fork

if TYPE_CHECKING:
    import ssl

    from ..core.call import Config, Download, Request, Steps
    from ..core.http11 import Head
    from ..core.proxy import Route
    from ..core.settings import ConnectionSettings
    from ..core.urls import Origin

T = TypeVar("T")


class Transport:
    """Carries out requests for a client, or for all clients of a pool."""

    def __init__(self, settings: ConnectionSettings, verbs: Verbs) -> None:
        self.settings = settings
        self.verbs = verbs
        self.closed = False
        self._lock = threading.Lock()
        self._routes: dict[Origin, Route] = {}
        self._context: ssl.SSLContext | None = None
        survive_fork(self)

    # -- what clients call

    async def run(self, request: Request[T], config: Config, total_at: float | None = None) -> T:
        """Carry out one request and return its decoded result; `total_at`: when the limit `total` ends, if it runs."""
        budget = Budget(request.timeout or config.timeout, time.monotonic(), total_at)
        return await self._drive(steps_of(request, config, self.route(config.origin)), budget)

    def total_at(self, config: Config) -> float | None:
        """When the limit `total` ends for what begins now."""
        return Budget(config.timeout, time.monotonic()).total_at

    async def open(self, request: Request[Answer], config: Config) -> tuple[Head, Exchange]:
        """Carry out one request and leave the body of its answer open."""
        budget = Budget(request.timeout or config.timeout, time.monotonic())
        answer = await self._drive(steps_of(request, config, self.route(config.origin), stream=True), budget)
        return answer.head, cast(Exchange, answer.exchange)

    async def download(self, download: Download, config: Config) -> tuple[Head, Exchange, str]:
        """Carry out a download as far as its head."""
        head, exchange = await self.open(download.request, config)
        try:
            check_content(head, exchange.step.request)
            if download.etag_if_match is not None:
                check_etag(head.headers, download.etag_if_match, exchange.step.request, exchange.step.secrets)
        except DialException:
            exchange.close()
            raise
        return head, exchange, download.filename

    # -- steps

    async def _drive(self, steps: Steps[T], budget: Budget) -> T:
        outcome: Any = None
        try:
            while True:
                step = steps.send(outcome)
                if isinstance(step, Send):
                    outcome = await self._send(step, budget)
                elif isinstance(step, Ask):
                    outcome = await self.verbs.ask(step.callable, budget)
                else:
                    if budget.total_at is not None and time.monotonic() + step.seconds >= budget.total_at:
                        raise step.error
                    outcome = None
                    await self.verbs.sleep(step.seconds)
        except StopIteration as stop:
            return cast(T, stop.value)

    async def _send(self, step: Send, budget: Budget) -> Any:
        """Send a request and read its answer: an Answer, or a Failure where none came."""
        try:
            connection = await self._connection(step, budget)
        except DialConnectionError as error:
            return Failure(error)
        exchange = Exchange(connection, step, budget)
        try:
            await exchange.send()
            head = await exchange.read_head()
            good = head.status < 300
            if step.stream and good:
                return Answer(head, b"", exchange)
            return Answer(head, await exchange.read_whole(MAX_WHOLE if good else MAX_ERROR, good), exchange)
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

    async def _connection(self, step: Send, budget: Budget) -> Connection:
        if self.closed:
            raise InvalidRequestError("the client is closed")
        origin, route = step.origin, self.route(step.origin)
        context = await self._tls() if origin.scheme == "https" else None
        key = ConnectionKey(origin.scheme, origin.host, origin.port, route, id(context))
        return await (await self._home()).take(key, origin, context, step.fresh, budget)

    async def _tls(self) -> ssl.SSLContext:
        if self._context is None:
            self._context = await self.verbs.in_thread(self._make_context)
        return self._context

    def _make_context(self) -> ssl.SSLContext:
        from .tls import make_context

        with self._lock:  # one for all threads: connections are kept by its identity; it reads certificates from disk
            if self._context is None:
                self._context = make_context(self.settings)
            return self._context

    async def _home(self) -> Connections:
        """The connections that may be used here."""
        raise NotImplementedError
