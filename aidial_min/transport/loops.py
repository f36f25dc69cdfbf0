"""The async client's connections, per event loop: a connection lives and dies with the loop it was opened in.

It guards the cache (core/cache.py) for one loop, wakes those who wait for a place, and hears of the loop's end.
It knows event loops; it must not know how a connection is opened, sent to or read.
"""

import asyncio
import time
from typing import TYPE_CHECKING, AsyncGenerator, Optional, Set

from ..core.cache import ConnectionCache, Grant, Waiter
from ..core.connection import ConnectionKey
from ..core.limits import Budget

if TYPE_CHECKING:
    from .aio import AsyncConnection, AsyncTransport


class LoopConnections:
    """The connections of one event loop; they are closed when it ends, at the latest."""

    def __init__(self, transport: "AsyncTransport") -> None:
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

    def close_sockets(self) -> None:
        """The loop was closed without ending properly: close the sockets under its transports."""
        for connection in list(self.open):
            connection.sock.close()


async def _let_transports_close() -> None:
    # asyncio closes the socket of an aborted transport in its next turn, under TLS in the one after that.
    for _ in range(3):
        await asyncio.sleep(0)
