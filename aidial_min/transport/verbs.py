"""The seam between what is written once and the two clients: everything that waits, as verbs.

    connections.py, exchange.py, transport.py, streams.py and downloads.py await these verbs and nothing else.
    sync.py has them block, so that a coroutine which awaits them runs to its end at one `send` (core/operation.finish).
    aio.py has them wait on asyncio.

The two files give the same names in the same order; what they have in common stands here.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import time
from _weakrefset import WeakSet  # what weakref gives, which takes longer to load
from typing import TYPE_CHECKING, Any, Callable, Protocol, TypeVar

from ..errors import DialException

if TYPE_CHECKING:
    import ssl
    import threading

    from ..core.limits import Budget

T = TypeVar("T")

RECEIVE = 65536
"""Bytes asked of a socket at a time."""
MAX_ERROR = 768 * 1024
"""Bytes kept of the body of an HTTP error; with the piece that goes beyond it, less than 1 MiB is read."""
LOOK_AGAIN = 1.0
"""Seconds after which one who waits looks again: a signal that came just before the wait, or that another thread took,
ends none; and who had a place may have been interrupted before it rang."""
STALL = 5.0
"""Seconds after which a server that has accepted a request reads no more of it."""


class OutOfTime(Exception):
    """What was waited for did not come in time."""


if TYPE_CHECKING:

    class Sending(Protocol):
        """What a wire must know of the exchange whose request it sends."""

        budget: Budget
        sending_began: bool

        @property
        def is_answered(self) -> bool: ...
        def take_early(self, data: bytes) -> bool:
            """What came meanwhile; True: the rest of the request is of no more use."""
            ...

        def take_break(self, error: OSError) -> None: ...
        def check_alert(self, error: OSError) -> None: ...

    class Wire(Protocol):
        """An open connection."""

        def is_reusable(self) -> bool:
            """Whether it is still good while idle: nothing to read, neither bytes nor its end."""
            ...

        def close(self) -> None: ...
        async def receive(self, at: float | None) -> bytes:
            """What comes next until then, b"" at the end that the peer announced. Raises: OutOfTime, OSError."""
            ...

        async def push(self, data: memoryview, sending: Sending) -> bool:
            """Send these bytes, reading meanwhile what the server may already say; False: it wants no more."""
            ...

    class Bell(Protocol):
        """Wakes the one who waits for it."""

        async def wait(self, seconds: float | None) -> None:
            """Return when it rings, when so many seconds have passed, or now and then, to look again."""
            ...

        def ring(self) -> None: ...
        def end(self) -> None:
            """Nobody will wait for it any more."""
            ...

    class Worker(Protocol):
        """Does one step after the other where blocking does no harm."""

        @property
        def wait(self) -> Callable[[Any], Any] | None:
            """What gives the result of a coroutine to a step, where there is a loop."""
            ...

        async def do(self, seconds: float | None, function: Callable[..., T], *arguments: Any) -> T:
            """Raises: OutOfTime; the step goes on then, unheard."""
            ...

        def end(self, *last: Callable[[], object]) -> None:
            """Nothing more is to be done but these steps, whether or not the one before has ended."""
            ...

    class Verbs(Protocol):
        """Everything that waits."""

        blocks: bool
        """Whether they block."""

        async def sleep(self, seconds: float) -> None: ...
        async def ask(self, function: Callable[[], Any], seconds: float | None) -> Any:
            """Call a function of the user's, and await what is to be awaited."""
            ...

        async def in_thread(self, function: Callable[..., T], *arguments: Any) -> T:
            """Do one step as a Worker does it, without a limit."""
            ...

        def worker(self) -> Worker: ...
        def bell(self) -> Bell: ...
        def soon(self, function: Callable[..., None], *arguments: Any) -> None:
            """Call it where connections may be closed; from a finalizer."""
            ...

        async def resolve(self, host: str, port: int, seconds: float | None) -> list[Any]: ...
        async def connect(self, address: Any, seconds: float | None) -> Any:
            """A link: what has a socket, and `close`."""
            ...

        async def send_all(self, link: Any, data: memoryview, seconds: float | None) -> None: ...
        async def receive_one(self, link: Any, seconds: float | None) -> bytes: ...
        async def wire(self, link: Any, context: ssl.SSLContext | None, host: str, seconds: float | None) -> Wire:
            """Take over a link, with TLS where there is a context."""
            ...


class Here:
    """A Worker that does its steps at once, where it is asked."""

    wait: Callable[[Any], Any] | None = None

    async def do(self, seconds: float | None, function: Callable[..., T], *arguments: Any) -> T:
        return function(*arguments)

    def end(self, *last: Callable[[], object]) -> None:
        for step in last:
            step()


_transports: WeakSet[Any] = WeakSet()
_watching: list[bool] = []  # forks: begun with the first transport, and once for all of them


def survive_fork(transport: Any) -> None:
    """Call `transport.after_fork()` in every child that is forked from now on, before anything else runs there."""
    if not _watching and hasattr(os, "register_at_fork"):
        _watching.append(True)
        os.register_at_fork(after_in_child=lambda: [one.after_fork() for one in list(_transports)])
    _transports.add(transport)


def begin(thread_of: Callable[[], threading.Thread]) -> bool:
    """Make and start a thread; False: none is to be had (the process is ending, or may have no more)."""
    try:
        thread_of().start()
        return True
    except RuntimeError as error:
        if "new thread" in str(error):
            return False
        raise error.__context__ or error from None  # a Ctrl-C that came meanwhile: Python's lock fails over it


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
    try:  # as bytes: for a str, Python loads its tables of international names
        return socket.getaddrinfo(host.encode(), port, 0, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)
    except socket.gaierror:
        return None


def look_up(host: str, port: int) -> list[Any]:
    """What a name resolves to; it may take its time."""
    return socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)


class Watch:
    """Waits for a socket, which it keeps: to make what asks the system takes longer than to ask it."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._poll = select.poll() if hasattr(select, "poll") else None  # Windows and eventlet have none
        self._mask = 0

    def wait(self, read: bool, write: bool, at: float | None) -> bool:
        """Whether it became readable or writable (or broke) until then (None: however long that takes).

        Raises:
            OSError: it is closed.
        """
        while at is None or time.monotonic() + LOOK_AGAIN < at:
            if self.is_ready(read, write, LOOK_AGAIN):
                return True
        return self.is_ready(read, write, max(0.0, at - time.monotonic()))

    def is_ready(self, read: bool, write: bool, seconds: float) -> bool:
        """The same within so many seconds, in one look."""
        sock, poll = self._sock, self._poll
        try:
            if poll is None:
                return any(select.select([sock] if read else [], [sock] if write else [], [sock], seconds))
            mask = (select.POLLIN if read else 0) | (select.POLLOUT if write else 0)
            if mask != self._mask or sock.fileno() < 0:
                poll.register(sock, mask)
                self._mask = mask
            return bool(poll.poll(seconds * 1000))
        except ValueError:
            raise OSError(errno.EBADF, "the connection was closed") from None
