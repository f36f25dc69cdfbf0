"""Whether to try again, and after how long: one immutable value decides, nobody else.

what happened                                              GET, PUT, DELETE   POST
nothing was sent (DNS, connect, TLS, proxy, pool)          again              again
the proxy refused us (403, 407)                            raise              raise
a reused connection broke before any byte of an answer     at once, once      raise
read timeout, broken or malformed answer                   again              raise
408, 429, 503                                              again              again
502, 504                                                   again              raise
502 `No route`                                             raise              again on chat, completions, embeddings
other statuses                                             raise              raise
"""

from __future__ import annotations

import re
from typing import Callable, Mapping, Optional

from .._typing import NamedTuple
from ..errors import DialConnectionError, ProxyError

FIRST_DELAY = 0.5
LONGEST_DELAY = 8.0
LONGEST_RETRY_AFTER = 60.0
"""Seconds: a server that asks to wait longer gets no retry, the caller gets the error with `.retry_after`."""

_SECONDS = r"[0-9]{1,9}(\.[0-9]{1,9})?"


class RetryPolicy(NamedTuple):
    """How often a call is tried again, at most."""

    max_retries: int = 2

    def after_status(
        self, retries: int, status: int, *, method: str, upstream: bool, no_route: bool, retry_after: Optional[float]
    ) -> Optional[float]:
        """Seconds to wait before trying again after an HTTP answer; None: raise.

        Args:
            retries: how many retries there have been.
            upstream: a deployment answers this endpoint (chat, completions, embeddings).
            no_route: the answer is Core's 502 `No route`.
            retry_after: seconds the server asked to wait, or None.
        """
        if no_route:
            again = upstream and status == 502
        elif status in (502, 504):
            again = is_idempotent(method)
        else:
            again = status in (408, 429, 503)
        return self._delay(retries, retry_after) if again else None

    def after_error(self, retries: int, error: DialConnectionError, *, method: str) -> Optional[float]:
        """Seconds to wait before trying again after no (complete) answer; None: raise."""
        again = error.request_sent == "no" or is_idempotent(method)
        if isinstance(error, ProxyError) and error.refused:
            again = False  # it would refuse again, and may lock the account
        return self._delay(retries, None) if again else None

    def _delay(self, retries: int, retry_after: Optional[float]) -> Optional[float]:
        if retries >= self.max_retries:
            return None
        if retry_after is not None:
            return retry_after if retry_after <= LONGEST_RETRY_AFTER else None
        import random  # costs milliseconds to load, and most calls never need it

        return random.uniform(0.0, min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(retries, 10)))


def is_idempotent(method: str) -> bool:
    """Whether sending a request twice does no more than sending it once (RFC 9110, 9.2.2)."""
    return method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS")


def retry_after_of(headers: Mapping[str, str], clock: Callable[[], float]) -> Optional[float]:
    """Seconds the server asked to wait: `retry-after-ms`, else `Retry-After`, seconds or a date (RFC 9110, 10.2.3).

    Args:
        clock: gives the epoch time in seconds; asked only for dates.
    """
    milliseconds = headers.get("retry-after-ms", "").strip()
    if re.fullmatch(_SECONDS, milliseconds):
        return float(milliseconds) / 1000
    text = headers.get("retry-after", "").strip()
    if re.fullmatch(_SECONDS, text):
        return float(text)
    if not text:
        return None
    from email.utils import mktime_tz, parsedate_tz

    try:
        date = parsedate_tz(text)
        return None if date is None else max(0.0, mktime_tz(date) - clock())
    except (ValueError, OverflowError, IndexError, TypeError):  # parsedate_tz stumbles over some garbage
        return None
