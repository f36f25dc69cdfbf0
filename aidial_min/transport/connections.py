"""Connections: how one is opened, and the places that calls hold in the cache (core/cache.py).

The sync client has one set of them for all its threads, the async client one for each event loop.
It knows locks, names, proxies and TLS by their verbs; it must not know requests or answers.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from ..core.codings import AnswerReader
from ..core.proxy import Route, check_tunnel, tunnel_request
from ..errors import ConnectError, DialConnectionError, DialTimeoutError, InvalidRequestError, ProxyError
from .verbs import OutOfTime, Verbs, Wire, prepare, reason, remaining

if TYPE_CHECKING:
    import socket
    import ssl

    from ..core.limits import Budget, Limits
    from ..core.settings import ConnectionKey
    from ..core.urls import Origin


class Connection:
    """An open connection, and where it belongs."""

    def __init__(self, owner: Connections, key: ConnectionKey, wire: Wire) -> None:
        self.owner = owner
        self.key = key
        self.wire = wire
        self.used = False
        """It has carried a request before."""
        self.thread: threading.Thread | None = None
        """Who has it, of the sync client."""


class Connections:
    """The connections of one thread pool or one event loop: a place for each call, and those that idle.

    A call holds one of `max_connections` places; idle connections make way where all of them together were more.
    """

    def __init__(self, limits: Limits, verbs: Verbs) -> None:
        self.verbs = verbs
        self.lock = threading.Lock()
        self.open: set[Connection] = set()
        self.closed = False
        self.idle: list[tuple[Connection, float]] = []
        """Those that idle, and since when; the one used last at the end."""
        self.places = verbs.places(limits.max_connections)
        self._limits = limits

    async def take(
        self, key: ConnectionKey, origin: Origin, context: ssl.SSLContext | None, fresh: bool, budget: Budget
    ) -> Connection:
        """An idle connection, or one that is opened."""
        now = time.monotonic()
        at, limit = budget.ends("pool", now)
        if not await self.places.take(None if at is None else max(0.0, at - now)):
            raise budget.error(limit, "no")
        try:
            if self.closed:  # while we waited
                raise InvalidRequestError("the client is closed")
            connection = self._idle_for(key)
            while connection is not None:
                if not fresh and connection.wire.is_reusable():
                    connection.used = True
                    return connection
                self._close(connection)
                connection = self._idle_for(key)
            connection = Connection(self, key, await open_wire(self.verbs, key.route, origin, context, budget))
        except BaseException:
            self.places.give_back()
            raise
        self.open.add(connection)
        return connection

    def _idle_for(self, key: ConnectionKey) -> Connection | None:
        """The idle connection with this key that was used last; None: there is room for a new one."""
        expiry, most = self._limits.keepalive_expiry, self._limits.max_connections
        dropped = []
        with self.lock:
            if expiry is not None:
                oldest = time.monotonic() - expiry
                while self.idle and self.idle[0][1] <= oldest:
                    dropped.append(self.idle.pop(0)[0])
            found = next((entry for entry in reversed(self.idle) if entry[0].key == key), None)
            if found is not None:
                self.idle.remove(found)
            elif most is not None and self.idle and self.places.taken + len(self.idle) > most:
                dropped.append(self.idle.pop(0)[0])
        for connection in dropped:
            self._close(connection)
        return None if found is None else found[0]

    def free(self, connection: Connection, keep: bool) -> None:
        """Free the place of a connection in use, which is kept or closed."""
        most, dropped = self._limits.max_keepalive_connections, []
        if keep and not self.closed:
            with self.lock:
                self.idle.append((connection, time.monotonic()))
                while most is not None and len(self.idle) > most:
                    dropped.append(self.idle.pop(0)[0])
        else:
            dropped.append(connection)
        for connection in dropped:
            self._close(connection)
        self.places.give_back()

    def abandon(self, connection: Connection) -> None:
        """The same from a finalizer, which may run anywhere, even while this thread holds the lock: it takes none."""
        self.verbs.soon(self._let_go, connection)

    def _let_go(self, connection: Connection) -> None:
        self._close(connection)
        self.places.give_back()

    def _close(self, connection: Connection) -> None:
        self.open.discard(connection)
        connection.wire.close()

    def drop_idle(self) -> None:
        """Close idle connections."""
        with self.lock:
            idle, self.idle = self.idle, []
        for connection, _ in idle:
            self._close(connection)

    def disown(self) -> None:
        """In a forked child: close the copies of the parent's descriptors, whatever its other threads were doing."""
        self.lock = threading.Lock()
        self.closed = True
        for connection in list(self.open):
            connection.wire.close()


async def open_wire(
    verbs: Verbs, route: Route, origin: Origin, context: ssl.SSLContext | None, budget: Budget
) -> Wire:
    """Connect: TCP, the proxy's tunnel, TLS; all within the limit `connect`.

    Raises:
        ConnectError, ProxyError, TLSError, DialTimeoutError: nothing of the request was sent.
    """
    at, limit = budget.ends("connect", time.monotonic())
    sock = None
    try:
        sock = await _connect(verbs, route, at, budget, limit)
        if route.kind == "tunnel":
            await _open_tunnel(verbs, sock, route, origin, at, budget, limit)
        return await verbs.wire(sock, context, origin.host, remaining(at, budget, limit))
    except OutOfTime:
        if sock is not None:
            sock.close()
        raise budget.error(limit, "no") from None
    except BaseException:
        if sock is not None:
            sock.close()
        raise


async def _connect(verbs: Verbs, route: Route, at: float | None, budget: Budget, limit: str) -> socket.socket:
    """TCP to the server or its proxy: the addresses of the name share the time that is left."""
    error_class = ConnectError if route.kind == "direct" else ProxyError
    try:
        addresses = await verbs.resolve(route.host, route.port, remaining(at, budget, limit))
    except DialTimeoutError:  # an OSError too
        raise
    except (OSError, UnicodeError) as error:
        raise error_class("the name %s can't be resolved: %s" % (route.host, reason(error))) from None
    problem: BaseException = OSError("no address")
    for index, address in enumerate(addresses):
        seconds = remaining(at, budget, limit)
        try:
            sock = await verbs.connect(address, None if seconds is None else seconds / (len(addresses) - index))
            prepare(sock)
            return sock
        except (OSError, OutOfTime) as error:
            problem = error
    if isinstance(problem, OutOfTime):
        raise problem
    raise error_class("can't connect to %s:%d: %s" % (route.host, route.port, reason(problem))) from None


async def _open_tunnel(
    verbs: Verbs, sock: socket.socket, route: Route, origin: Origin, at: float | None, budget: Budget, limit: str
) -> None:
    """CONNECT (RFC 9110, 9.3.6); proxy credentials go here and nowhere else."""
    reader = AnswerReader("CONNECT")
    try:
        await verbs.send_all(sock, tunnel_request(route, origin), remaining(at, budget, limit))
        head = reader.read_head()
        while head is None:
            data = await verbs.receive_one(sock, remaining(at, budget, limit))  # what follows the head is TLS
            if data:
                reader.wire.receive(data)
            else:
                reader.wire.receive_eof()
            head = reader.read_head()
    except DialTimeoutError:
        raise
    except (OSError, DialConnectionError) as error:
        raise ProxyError("the proxy %s:%d broke off: %s" % (route.host, route.port, reason(error))) from None
    check_tunnel(head, route)
