"""The keyed connection cache behind clients and pools: who may use which connection, who waits for one.

Every connection in use or being opened holds one of `max_connections` places, idle ones too. A free place goes to
whoever waited longest; within a key the connection used last is used next. Connections are opaque here.
It knows keys, places, ages and waiters; it must not know sockets, threads, loops or clocks (the time is passed in).
"""

from collections import deque
from typing import Any, Deque, Dict, Generic, Hashable, List, NamedTuple, Optional, TypeVar

from .limits import Limits

Conn = TypeVar("Conn")


class Grant(Generic[Conn]):
    """A place in the cache: with an idle connection to try, or with None: open a new one."""

    __slots__ = ("conn",)

    def __init__(self, conn: Optional[Conn]) -> None:
        self.conn = conn


class Waiter(Generic[Conn]):
    """One who waits for a place. `wake` is called once, after `grant` has been set."""

    __slots__ = ("key", "grant", "wake")

    def __init__(self, key: Hashable, wake: Any) -> None:
        self.key = key
        self.grant: Optional[Grant[Conn]] = None
        self.wake = wake


class _Idle(NamedTuple):
    conn: Any
    since: float


class ConnectionCache(Generic[Conn]):
    """The bookkeeping; its owner opens and closes connections, and guards it with a lock where threads share it.

    Connections that fall out (too old, too many, no longer wanted) gather in `dropped`; the owner closes them.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._idle: Dict[Hashable, List[_Idle]] = {}
        self._idle_count = 0
        self._busy = 0
        self._waiters: Deque[Waiter[Conn]] = deque()
        self.dropped: List[Conn] = []

    @property
    def idle_count(self) -> int:
        """Connections kept for reuse."""
        return self._idle_count

    @property
    def busy_count(self) -> int:
        """Places held by calls."""
        return self._busy

    def take(self, key: Hashable, now: float) -> Optional[Grant[Conn]]:
        """A place for `key`, or None: every place is taken, or others wait already (then `join` the queue)."""
        return None if self._waiters else self._take(key, now)

    def _take(self, key: Hashable, now: float) -> Optional[Grant[Conn]]:
        self._expire(now)
        stack = self._idle.get(key)
        if stack:
            self._idle_count -= 1
            self._busy += 1
            conn = stack.pop().conn
            if not stack:
                del self._idle[key]
            return Grant(conn)
        most = self._limits.max_connections
        if most is not None and self._busy + self._idle_count >= most:
            if not self._idle_count:
                return None
            self._drop_oldest()
        self._busy += 1
        return Grant(None)

    def take_idle(self, key: Hashable, now: float) -> Optional[Conn]:
        """Another idle connection for a place already held (the one granted had gone stale), or None."""
        self._expire(now)
        stack = self._idle.get(key)
        if not stack:
            return None
        self._idle_count -= 1
        conn: Conn = stack.pop().conn
        if not stack:
            del self._idle[key]
        return conn

    def join(self, waiter: Waiter[Conn]) -> None:
        """Join the end of the queue."""
        self._waiters.append(waiter)

    def leave(self, waiter: Waiter[Conn], now: float) -> None:
        """Stop waiting (time ran out, cancelled); a place that was granted meanwhile goes to the next."""
        if waiter.grant is None:
            self._waiters.remove(waiter)
        else:
            self.give_back(waiter.key, waiter.grant.conn, now)

    def give_back(self, key: Hashable, conn: Optional[Conn], now: float) -> None:
        """Free a place. `conn` is kept for reuse; None: it was closed, or never opened."""
        self._busy -= 1
        if conn is not None:
            self._idle.setdefault(key, []).append(_Idle(conn, now))
            self._idle_count += 1
            most = self._limits.max_keepalive_connections
            while most is not None and self._idle_count > most and not self._waiters:
                self._drop_oldest()
        while self._waiters:
            grant = self._take(self._waiters[0].key, now)
            if grant is None:
                break
            waiter = self._waiters.popleft()
            waiter.grant = grant
            waiter.wake()

    def clear(self) -> None:
        """Drop every idle connection."""
        for stack in self._idle.values():
            self.dropped.extend(idle.conn for idle in stack)
        self._idle.clear()
        self._idle_count = 0

    def _expire(self, now: float) -> None:
        expiry = self._limits.keepalive_expiry
        if expiry is None or not self._idle_count:
            return
        for key, stack in list(self._idle.items()):
            while stack and now - stack[0].since >= expiry:
                self.dropped.append(stack.pop(0).conn)
                self._idle_count -= 1
            if not stack:
                del self._idle[key]

    def _drop_oldest(self) -> None:
        key = min(self._idle, key=lambda candidate: self._idle[candidate][0].since)
        self.dropped.append(self._idle[key].pop(0).conn)
        self._idle_count -= 1
        if not self._idle[key]:
            del self._idle[key]
