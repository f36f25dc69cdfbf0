"""How long and how much: Timeout, Limits, and the time budget of one call.

    budget = Budget(Timeout(total=30), now)
    at, limit = budget.ends("read", now)     # when waiting must end, and which limit ends it

The time is always passed in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional, Protocol, Tuple, Union

from .._typing import NamedTuple
from ..errors import ConfigurationError, DialTimeoutError

if TYPE_CHECKING:
    from typing_extensions import TypeAlias


class Timeout(NamedTuple):
    """How long things may take, in seconds; None means no limit.

    connect: TCP, proxy and TLS. read: the longest silence between two pieces of an answer. write: the longest stall
    while sending. pool: the longest wait for a free connection. progress: the longest time between two data events of
    a stream (heartbeats reset `read`, not `progress`). total: the whole call, with retries, waits and the body.
    """

    connect: Optional[float] = 5.0
    read: Optional[float] = 600.0
    write: Optional[float] = 600.0
    pool: Optional[float] = 600.0
    progress: Optional[float] = None
    total: Optional[float] = None


class Limits(NamedTuple):
    """How many connections a client or a pool may hold.

    max_connections: open at once (None: no limit). max_keepalive_connections: kept while idle (None: as many as may be
    open, so that a burst finds them all again). keepalive_expiry: seconds an idle connection is kept (None: for ever).
    """

    max_connections: Optional[int] = 100
    max_keepalive_connections: Optional[int] = None
    keepalive_expiry: Optional[float] = 30.0


if TYPE_CHECKING:

    class TimeoutLike(Protocol):
        """A timeout of another library that has these limits, such as httpx.Timeout."""

        @property
        def connect(self) -> Optional[float]: ...
        @property
        def read(self) -> Optional[float]: ...
        @property
        def write(self) -> Optional[float]: ...
        @property
        def pool(self) -> Optional[float]: ...


TimeoutValue: TypeAlias = "Union[float, Timeout, TimeoutLike, None]"
"""What `timeout=` takes: seconds, a Timeout (also of httpx), or None for no limit at all."""

DEFAULT_TIMEOUT = Timeout()


def read_timeout(value: Any) -> Timeout:
    """A Timeout from what the user gave: seconds set the first four limits to at most that, None lifts all.

    Objects with the attributes connect, read, write and pool (httpx.Timeout) are read too.

    Raises:
        ConfigurationError: not a number, not positive, or of another type.
    """
    if value is None:
        return Timeout(None, None, None, None)
    if isinstance(value, (int, float)):
        _check_seconds("timeout", value)
        return Timeout(min(5.0, value), value, value, value)
    if not all(hasattr(value, name) for name in ("connect", "read", "write", "pool")):
        raise ConfigurationError("timeout must be seconds, a Timeout or None, not %s" % type(value).__name__)
    found = value if isinstance(value, Timeout) else Timeout(value.connect, value.read, value.write, value.pool)
    for name, limit in zip(found._fields, found):
        if limit is not None:
            _check_seconds("timeout." + name, limit)
    return found


def _check_seconds(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        raise ConfigurationError("%s must be a positive number of seconds or None, not %r" % (name, value))


def check_limits(limits: Any) -> Limits:
    """Limits as given (httpx.Limits is read too), or an error that says what is wrong.

    Raises:
        ConfigurationError: a limit that is negative or no number, or max_connections below 1.
    """
    if limits is None:
        return Limits()
    names = Limits._fields
    if not all(hasattr(limits, name) for name in names):
        raise ConfigurationError("limits must be a Limits(...), not %s" % type(limits).__name__)
    for name in names:
        value = getattr(limits, name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0):
            raise ConfigurationError("limits.%s must be a number of at least 0, or None" % name)
    if limits.max_connections is not None and limits.max_connections < 1:
        raise ConfigurationError("limits.max_connections must be at least 1, or None")
    return Limits(limits.max_connections, limits.max_keepalive_connections, limits.keepalive_expiry)


_WHAT = {
    "connect": "no connection within {0:g} s",
    "read": "the server was silent for {0:g} s",
    "write": "the server accepted nothing of the request for {0:g} s",
    "pool": "no connection of the pool became free within {0:g} s",
    "progress": "no data event came for {0:g} s",
    "total": "the call was not done within {0:g} s",
}


_LONGEST = 1_000_000.0
"""Seconds (11 days): a longer limit is none, for poll() and sockets can't count beyond that."""


class Budget:
    """The limits of one call on a running clock: which limit ends next, and when.

    Times are what the caller's monotonic clock says, in seconds.
    """

    __slots__ = ("timeout", "total_at", "progress_at")

    def __init__(self, timeout: Timeout, now: float, total_at: Optional[float] = None) -> None:
        self.timeout = timeout
        self.total_at = _after(now, timeout.total) if total_at is None else total_at
        self.progress_at: Optional[float] = None

    def progressed(self, now: float) -> None:
        """A data event came (or the stream began): `progress` is measured anew."""
        self.progress_at = _after(now, self.timeout.progress)

    def ends(self, limit: str, began: float) -> Tuple[Optional[float], str]:
        """When waiting must end (None: never) and the name of the limit that ends it.

        Args:
            limit: "connect", "read", "write" or "pool": what is being waited for.
            began: when this wait began.
        """
        at = _after(began, getattr(self.timeout, limit))
        if limit == "read" and self.progress_at is not None and (at is None or self.progress_at < at):
            at, limit = self.progress_at, "progress"
        if self.total_at is not None and (at is None or self.total_at < at):
            at, limit = self.total_at, "total"
        return at, limit

    def error(self, limit: str, request_sent: str) -> DialTimeoutError:
        """The error for a limit that was reached."""
        text = _WHAT[limit].format(getattr(self.timeout, limit) or 0)
        return DialTimeoutError("%s (limit: %s)" % (text, limit), limit=limit, request_sent=request_sent)


def _after(began: float, seconds: Optional[float]) -> Optional[float]:
    return None if seconds is None or seconds > _LONGEST else began + seconds
