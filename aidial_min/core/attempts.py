"""What can be seen of a call: a value for every attempt, for `on_attempt=` and for the logger `aidial_min`.

    Dial(..., on_attempt=print)
    logging.getLogger("aidial_min").setLevel(logging.DEBUG)         # or DIAL_LOG=info|debug in the environment

Where neither is used, a call pays for two look-ups.
"""

from __future__ import annotations

import sys
from typing import Any, Callable, Mapping, Optional

from .._typing import NamedTuple
from ..errors import ConfigurationError, DialException, mask, one_line
from .http11 import Headers

LOGGER = "aidial_min"
DEBUG = 10
"""logging.DEBUG, which is not loaded for it."""
_SECRET_FIELDS = ("set-cookie", "authorization", "api-key", "proxy-authorization")


class Attempt(NamedTuple):
    """One attempt of a call: what was asked, and what came. str() of it is a line to print; it holds no credential."""

    method: str
    url: str
    number: int
    """1 for the first attempt of a call."""
    status: Optional[int]
    """Of the answer; None where none came."""
    error: Optional[DialException]
    """What the attempt failed with, also where it is tried again."""
    headers: Mapping[str, str]
    """Of the answer."""
    seconds: float
    """From choosing a connection to the end of the answer; to the end of its head, for streams and downloads."""
    sent: int
    """Bytes of the request's body."""
    received: int
    """Bytes of the answer's body, as they travelled; those so far, for streams and downloads."""
    retry_in: Optional[float]
    """Seconds until the next attempt; None for the last one."""

    @property
    def trace_id(self) -> Optional[str]:
        """The server's name for the request in its traces, where it sends one."""
        found = self.headers.get("x-dial-trace-id")
        parent = self.headers.get("traceparent", "").split("-")
        return found or (parent[1] if len(parent) == 4 else None)

    def __str__(self) -> str:
        text = "%s %s" % (self.method, self.url)
        if self.number > 1:
            text = "attempt %d: %s" % (self.number, text)
        if self.error is None or self.status is not None:
            text += ": %s" % self.status
        if self.error is not None:
            text += ": %s" % one_line(str(self.error.message), 300)
        text += " after %.3f s, %d bytes sent, %d received" % (self.seconds, self.sent, self.received)
        return text if self.retry_in is None else text + "; again in %.2f s" % self.retry_in


Watch = Callable[[Attempt], Any]


def watch_of(on_attempt: Optional[Watch]) -> Optional[Watch]:
    """What to call after every attempt; None where nobody looks."""
    logger = _logger or _find_logger()
    if logger is None or not logger.isEnabledFor(DEBUG):
        return on_attempt

    def both(attempt: Attempt) -> Any:
        shown = "" if logger.__dict__.get("without_headers") else " %s" % dict(attempt.headers)
        logger.debug("%s%s", attempt, shown)
        return None if on_attempt is None else on_attempt(attempt)

    return both


_logger: Any = None


def _find_logger() -> Any:
    """The logger, where logging is loaded; kept, because to ask for it takes a lock."""
    global _logger
    logging: Any = sys.modules.get("logging")
    if logging is not None:
        _logger = logging.getLogger(LOGGER)
    return _logger


def headers_without_secrets(headers: Mapping[str, str], secrets: Any) -> Headers:
    """Header fields of an answer, fit to be shown."""
    return Headers(
        (name, "***" if name.lower() in _SECRET_FIELDS else mask(value, secrets)) for name, value in headers.items()
    )


def set_up_log(wanted: Optional[str]) -> None:
    """Print attempts to stderr, as DIAL_LOG asks for: "info" a line for each, "debug" with the answer's headers.

    Raises:
        ConfigurationError: it asks for something else.
    """
    if not wanted:
        return
    if wanted.lower() not in ("info", "debug"):
        raise ConfigurationError("DIAL_LOG must be info or debug, not %r" % wanted[:40])
    import logging

    logger = logging.getLogger(LOGGER)
    if not logger.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s: %(message)s"))
        logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False  # else a root logger prints every line again
    logger.__dict__["without_headers"] = wanted.lower() == "info"
