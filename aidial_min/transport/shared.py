"""The few things that both shells need: sizes, socket options, what a socket is ready for, what an OSError says.

It must not know http.client or asyncio.
"""

import os
import select
import socket
import time
from typing import Any, List, Optional
from weakref import WeakSet

from ..core.limits import Budget
from ..errors import DialException

RECEIVE = 65536
"""Bytes asked of a socket at a time."""
MAX_WHOLE = 128 * 1024 * 1024
"""Bytes of an answer that is read whole, at most."""
MAX_ERROR = 768 * 1024
"""Bytes kept of the body of an HTTP error; with the piece that goes beyond it, less than 1 MiB is read."""


_shells: "WeakSet[Any]" = WeakSet()
_watching: List[bool] = []  # forks: begun with the first shell, and once for all of them


def survive_fork(shell: Any) -> None:
    """Call `shell.after_fork()` in every child that is forked from now on, before anything else runs there."""
    if not _watching and hasattr(os, "register_at_fork"):
        _watching.append(True)
        os.register_at_fork(after_in_child=_after_fork)
    _shells.add(shell)


def _after_fork() -> None:
    for shell in list(_shells):
        shell.after_fork()


def prepare(sock: socket.socket) -> None:
    """Small requests leave at once, and a peer that vanished is noticed in the end."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def remaining(at: Optional[float], budget: Budget, limit: str, request_sent: str = "no") -> Optional[float]:
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


def reason(error: BaseException) -> str:
    """Why, in words, for a message."""
    if isinstance(error, DialException):
        return error.message
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def wait_for(sock: socket.socket, read: bool, write: bool, seconds: Optional[float]) -> bool:
    """Whether the socket became readable or writable (or broke) within so many seconds; None waits for ever."""
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(sock, (select.POLLIN if read else 0) | (select.POLLOUT if write else 0))
        return bool(poll.poll(None if seconds is None else max(0, int(seconds * 1000 + 0.999))))
    ready = select.select([sock] if read else [], [sock] if write else [], [sock], seconds)  # Windows
    return any(ready)
