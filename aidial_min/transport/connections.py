"""The keyed cache of connections: the places that calls hold in it, those that idle, and how one is opened.

The sync client has one cache for all its threads, the async client one for each event loop.

    exchange = Exchange(connections, ...)         # owns a place and a connection, and gives both back in one `finally`
    if not connections.places.enter(exchange.place):
        await connections.wait(exchange.place, budget)
    connection = connections.take(key, fresh) or await connections.open_new(key, origin, context, budget)
    connections.free(connection, keep=True)
    connections.places.give_back(exchange.place)
"""

from __future__ import annotations

import time
from _weakref import ref  # what weakref gives, which takes longer to load
from _weakrefset import WeakSet
from collections import OrderedDict
from itertools import islice
from typing import TYPE_CHECKING, Any, Callable, TypeVar

from ..core.codings import AnswerReader
from ..core.proxy import Route, check_tunnel, tunnel_request
from ..errors import ConnectError, DialConnectionError, DialTimeoutError, InvalidRequestError, ProxyError
from .verbs import OutOfTime, reason, remaining

if TYPE_CHECKING:
    import ssl

    from ..core.limits import Budget, Limits
    from ..core.settings import ConnectionKey
    from ..core.urls import Origin
    from .verbs import Bell, Verbs, Wire

K = TypeVar("K")


def _first_of(kept: dict[K, Any], number: int | None, order: Callable[[Any], Any] = iter) -> list[K]:
    """So many of the first keys of what others may change meanwhile (None: all of them)."""
    while True:
        try:
            return list(islice(order(kept), number))
        except RuntimeError:  # it was changed between two steps of ours, by a thread or a signal handler
            continue


class Place:
    """The right to one connection, or one's turn for it.

    It counts as long as somebody holds it who has not given it back. So none is ever lost, whatever interrupts: what
    was interrupted lets go of it in its `finally`, and at the latest when it is gone itself.
    """

    __slots__ = ("__weakref__", "over", "bell", "entry")

    def __init__(self, places: Places) -> None:
        self.over = False
        self.bell: Bell | None = None
        self.entry: ref[Place] | None = ref(self, places.forget)
        """What stands in the line; None when it has been given back."""


class Places:
    """So many at a time (None: no limit); whoever came first is first.

    It takes no lock: signal handlers, finalizers and forks may come at any moment.
    """

    def __init__(self, number: int | None, verbs: Verbs) -> None:
        self.closed = False
        self._number = number
        self._verbs = verbs
        # All who came, in their order: adding, copying and removing are atomic. A dict would go through all the places
        # that have left it to find the first one.
        self._line: OrderedDict[ref[Place], None] = OrderedDict()

    @property
    def taken(self) -> int:
        return len(self._first())

    @property
    def waiting(self) -> int:
        found = [entry() for entry in list(self._line)]
        return len([place for place in found if place is not None and not place.over]) - self.taken

    def enter(self, place: Place) -> bool:
        """Stand in the line; whether nobody need wait."""
        assert place.entry is not None
        self._line[place.entry] = None
        return self._number is None or len(self._line) <= self._number

    async def wait(self, place: Place, at: float | None) -> None:
        """Wait for one's turn.

        Raises:
            OutOfTime: it did not come until `at`.
        """
        bell = place.bell = self._verbs.bell()
        try:
            while not self.closed and not self._is_turn_of(place):
                seconds = None if at is None else at - time.monotonic()
                if seconds is not None and seconds <= 0:
                    raise OutOfTime
                await bell.wait(seconds)
        finally:
            bell.end()

    def give_back(self, place: Place) -> None:
        """It may be called more than once."""
        place.over = True
        entry = place.entry
        if entry is not None:
            self._line.pop(entry, None)
            if self._is_wanted():
                self._ring_next()
            place.entry = None

    def forget(self, entry: Any) -> None:
        """A place is gone that nobody gave back. No finalizer does this: one that is interrupted may be kept, and its
        place with it."""
        self._line.pop(entry, None)
        if self._is_wanted():
            self._verbs.soon(self._ring_next)

    def _is_wanted(self) -> bool:
        return self._number is not None and len(self._line) >= self._number

    def _ring_next(self) -> None:
        self._ring(self._first())

    def close(self) -> None:
        """Nobody need wait any more."""
        self.closed = True
        self._ring([entry() for entry in list(self._line)])

    def _is_turn_of(self, place: Place) -> bool:
        return self._number is None or len(self._line) <= self._number or place in self._first()

    def _first(self) -> list[Place]:
        """Those who have a place."""
        while True:
            entries = _first_of(self._line, self._number)  # however many wait
            found = [place for place in [entry() for entry in entries] if place is not None and not place.over]
            if len(found) == len(entries):
                return found
            for entry in entries:
                place = entry()
                if place is None or place.over:
                    self._line.pop(entry, None)

    @staticmethod
    def _ring(places: list[Any]) -> None:
        for place in places:
            bell = place and place.bell
            if bell is not None:
                bell.ring()
                place.bell = None  # once is enough: whoever has a place keeps it


class Connection:
    """An open connection; one that nobody holds any more is closed. `used`: it has carried a request before."""

    def __init__(self, owner: Connections, key: ConnectionKey, wire: Wire) -> None:
        self.key = key
        self.wire = wire
        self.used = False
        self._owner = owner
        owner.open.add(wire)

    def close(self) -> None:
        """Close it now."""
        self._owner.close_wire(self.wire)

    def __del__(self) -> None:
        if self.wire in self._owner.open:  # of a stream, a download or a client that nobody closed
            self._owner.verbs.soon(self._owner.close_wire, self.wire)


class Connections:
    """A place for each call, and the connections that idle, which make way where all of them together were too many."""

    def __init__(self, limits: Limits, verbs: Verbs) -> None:
        self.verbs = verbs
        self.places = Places(limits.max_connections, verbs)
        self.open: Any = WeakSet()
        """The wires of all connections."""
        self.idle: dict[Connection, float] = {}
        """Those that idle, and since when; the one used last at the end; adding, copying and removing are atomic."""
        self._most, self._most_idle, expiry = limits
        self._expiry = float("inf") if expiry is None else expiry
        self._look_at = 0.0  # before then, none has idled too long

    async def wait(self, place: Place, budget: Budget) -> None:
        """Wait for one's turn in the line.

        Raises:
            DialTimeoutError: it did not come in time.
        """
        at, limit = budget.ends("pool", time.monotonic())
        try:
            await self.places.wait(place, at)
        except OutOfTime:
            raise budget.error(limit, "no") from None

    def take(self, key: ConnectionKey, fresh: bool) -> Connection | None:
        """An idle connection for one whose turn it is; None: one must be opened.

        Raises:
            InvalidRequestError: the client was closed meanwhile.
        """
        connection = None if self.places.closed else self._idle_for(key)
        while connection is not None:
            if not fresh and connection.wire.is_reusable():
                connection.used = True
                return connection
            connection.close()
            connection = self._idle_for(key)
        if self.places.closed:
            raise InvalidRequestError("the client is closed")
        return None

    async def open_new(
        self, key: ConnectionKey, origin: Origin, context: ssl.SSLContext | None, budget: Budget
    ) -> Connection:
        """Open a connection.

        Raises:
            DialTimeoutError, ConnectError: nothing was sent.
        """
        wire = await open_wire(self.verbs, key.route, origin, context, budget)
        return Connection(self, key, wire)

    def _idle_for(self, key: ConnectionKey) -> Connection | None:
        """The idle connection with this key that was used last; None: there is room for a new one."""
        now = time.monotonic()
        if now >= self._look_at:
            oldest = _first_of(self.idle, 1)
            while oldest and self.idle.get(oldest[0], 0.0) + self._expiry <= now:
                self._drop(oldest[0])
                oldest = _first_of(self.idle, 1)
            self._look_at = (self.idle.get(oldest[0], now) if oldest else now) + self._expiry
        for count in (1, None):  # where all have one key, the newest will do, however many there are
            for connection in _first_of(self.idle, count, reversed):
                if connection.key == key and self.idle.pop(connection, None) is not None:
                    return connection  # of several who want it, one gets it
        idle = list(self.idle)
        if self._most is not None and idle and self.places.taken + len(idle) > self._most:
            self._drop(idle[0])
        return None

    def free(self, connection: Connection, keep: bool) -> None:
        """What becomes of a connection that was in use: it is kept, or closed."""
        if not keep or self.places.closed:
            connection.close()
            return
        self.idle[connection] = time.monotonic()
        if self._most_idle is not None and len(self.idle) > self._most_idle:
            idle = list(self.idle)
            for other in idle[: len(idle) - self._most_idle]:
                self._drop(other)
        if self.places.closed:
            self.drop_idle()

    def _drop(self, connection: Connection) -> None:
        if self.idle.pop(connection, None) is not None:
            connection.close()

    def drop_idle(self) -> None:
        """Close idle connections."""
        for connection in list(self.idle):
            self._drop(connection)

    def close(self) -> None:
        """Close idle connections now, those in use as soon as their calls end; nobody gets another one."""
        self.places.close()
        self.drop_idle()

    def close_wire(self, wire: Wire) -> None:
        """Close a connection that is in use, or was."""
        self.open.discard(wire)
        wire.close()

    def disown(self) -> None:
        """In a forked child: close the copies of the parent's descriptors, whatever its other threads were doing."""
        self.places.closed = True
        for wire in list(self.open):
            self.close_wire(wire)


async def open_wire(verbs: Verbs, route: Route, origin: Origin, context: ssl.SSLContext | None, budget: Budget) -> Wire:
    """Connect: TCP, the proxy's tunnel, TLS; all within the limit `connect`.

    Raises:
        ConnectError, ProxyError, TLSError, DialTimeoutError: nothing of the request was sent.
    """
    at, limit = budget.ends("connect", time.monotonic())
    link = None
    try:
        link = await _connect(verbs, route, at, budget, limit)
        if route.kind == "tunnel":
            await _open_tunnel(verbs, link, route, origin, at, budget, limit)
        return await verbs.wire(link, context, origin.host, remaining(at, budget, limit))
    except OutOfTime:
        if link is not None:
            link.close()
        raise budget.error(limit, "no") from None
    except BaseException:
        if link is not None:
            link.close()
        raise


async def _connect(verbs: Verbs, route: Route, at: float | None, budget: Budget, limit: str) -> Any:
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
            return await verbs.connect(address, None if seconds is None else seconds / (len(addresses) - index))
        except DialConnectionError:
            raise
        except (OSError, OutOfTime) as error:
            problem = error
    if isinstance(problem, OutOfTime):
        raise problem
    raise error_class("can't connect to %s: %s" % (route.address, reason(problem))) from None


async def _open_tunnel(
    verbs: Verbs, link: Any, route: Route, origin: Origin, at: float | None, budget: Budget, limit: str
) -> None:
    """CONNECT (RFC 9110, 9.3.6); proxy credentials go here and nowhere else."""
    reader = AnswerReader("CONNECT")
    try:
        asked = memoryview(tunnel_request(route, origin))  # error trackers show the variables of frames
        await verbs.send_all(link, asked, remaining(at, budget, limit))
        head = reader.read_head()
        while head is None:
            reader.receive(await verbs.receive_one(link, remaining(at, budget, limit)))  # what follows the head is TLS
            head = reader.read_head()
    except DialTimeoutError:
        raise
    except (OSError, DialConnectionError) as error:
        raise ProxyError("the proxy %s broke off: %s" % (route.address, reason(error))) from None
    check_tunnel(head, route)
