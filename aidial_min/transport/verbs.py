"""What the clients' transports are made of: everything here is written once, as coroutines.

The sync client runs them with `finish`: its verbs (blocking.py) block and never wait for a loop. The async client awaits
them: its verbs (aio.py) wait. The verbs are the only thing in which the two differ.
It must not know http.client, asyncio or DIAL.
"""

from __future__ import annotations

import os
import select
import socket
import time
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from weakref import WeakSet

from ..errors import DialException

if TYPE_CHECKING:
    import ssl
    from typing import Awaitable, Callable

    from ..core.limits import Budget
    from .exchange import Exchange

T = TypeVar("T")

RECEIVE = 65536
"""Bytes asked of a socket at a time."""
MAX_WHOLE = 128 * 1024 * 1024
"""Bytes of an answer that is read whole, at most."""
MAX_ERROR = 768 * 1024
"""Bytes kept of the body of an HTTP error; with the piece that goes beyond it, less than 1 MiB is read."""


class OutOfTime(Exception):
    """What was waited for did not come in time."""


class Wire(Protocol):
    """An open connection as its verbs see it."""

    def is_reusable(self) -> bool:
        """Whether it is still good while idle: nothing to read, neither bytes nor its end."""
        ...

    def close(self) -> None: ...
    async def push(self, data: bytes, exchange: "Exchange") -> bool:
        """Send these bytes, reading meanwhile what the server may already say; False: it wants no more."""
        ...

    async def receive(self, seconds: float | None) -> bytes:
        """What comes next, b"" at the end. Raises: OutOfTime, OSError."""
        ...

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is under way, so that it can carry another request."""
        ...


class Places(Protocol):
    """So many at a time; waiting for one may end without it."""

    @property
    def taken(self) -> int: ...
    async def take(self, seconds: float | None) -> bool: ...
    def give_back(self) -> None:
        """It may be called from a finalizer."""
        ...


class Verbs(Protocol):
    """Everything that waits."""

    async def sleep(self, seconds: float) -> None: ...
    async def ask(self, function: Callable[[], Any], budget: Budget) -> Any: ...
    async def in_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call what may block where that does no harm."""
        ...

    async def resolve(self, host: str, port: int, seconds: float | None) -> list[Any]: ...
    async def connect(self, address: Any, seconds: float | None) -> socket.socket: ...
    async def send_all(self, sock: socket.socket, data: bytes, seconds: float | None) -> None: ...
    async def receive_one(self, sock: socket.socket, seconds: float | None) -> bytes: ...
    async def wire(
        self, sock: socket.socket, context: ssl.SSLContext | None, host: str, seconds: float | None
    ) -> Wire:
        """Take over a connected socket, with TLS where there is a context."""
        ...

    def places(self, number: int | None) -> Places: ...
    def soon(self, function: Callable[..., None], *arguments: Any) -> None:
        """Call it where connections may be closed; from a finalizer."""
        ...


_transports: WeakSet[Any] = WeakSet()
_watching: list[bool] = []  # forks: begun with the first transport, and once for all of them


def survive_fork(transport: Any) -> None:
    """Call `transport.after_fork()` in every child that is forked from now on, before anything else runs there."""
    if not _watching and hasattr(os, "register_at_fork"):
        _watching.append(True)
        os.register_at_fork(after_in_child=lambda: [one.after_fork() for one in list(_transports)])
    _transports.add(transport)


def prepare(sock: socket.socket) -> None:
    """Small requests leave at once, and a peer that vanished is noticed in the end."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def remaining(at: float | None, budget: Budget, limit: str, request_sent: str = "no") -> float | None:
    """Seconds until `at` (None: no limit).

    Raises:
        DialTimeoutError: it has passed.
    """
    if at is None:
        return None
    seconds = at - time.monotonic()
    if seconds <= 0:
        raise budget.error(limit, request_sent)
    return seconds


def shorter(seconds: float | None, most: float) -> float:
    """So many seconds (None: no limit), but at most so many."""
    return most if seconds is None else min(seconds, most)


def reason(error: BaseException) -> str:
    """Why, in words, for a message."""
    if isinstance(error, DialException):
        return error.message
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def numeric_addresses(host: str, port: int) -> list[Any] | None:
    """What an address resolves to, which needs no look-up; None for a name."""
    try:
        return socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)
    except socket.gaierror:
        return None


def wait_for(sock: socket.socket, read: bool, write: bool, seconds: float | None) -> bool:
    """Whether the socket became readable or writable (or broke) within so many seconds; None waits for ever."""
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(sock, (select.POLLIN if read else 0) | (select.POLLOUT if write else 0))
        return bool(poll.poll(None if seconds is None else max(0, int(seconds * 1000 + 0.999))))
    ready = select.select([sock] if read else [], [sock] if write else [], [sock], seconds)  # Windows
    return any(ready)
