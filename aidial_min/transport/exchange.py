"""One request on one connection, as far as it does not wait: what has been sent, what came, what an end means.

The two exchanges (sync.py, aio.py) add the verbs that send and receive.
It knows the reader of the answer, and TLS alerts; it must not know sockets, loops or retries.
"""

import ssl
import time

from ..core.answer import AnswerReader
from ..core.call import Failure, Send
from ..core.limits import Budget
from ..errors import (
    DialConnectionError,
    DialException,
    DialTimeoutError,
    RemoteProtocolError,
    ResponseInterruptedError,
)
from .tls import handshake_error

DRAIN = 0.2
"""Seconds to wait for the end of a body after `[DONE]`, so that its connection can be used again."""


class ExchangeBase:
    """State and judgement of one exchange.

    Attributes:
        reader: of the answer. step: the request. budget: the limits of the call.
    """

    def __init__(self, step: Send, budget: Budget, reused: bool) -> None:
        self.reader = AnswerReader(step.method)
        self.step = step
        self.budget = budget
        self._on_reused = reused  # the connection has carried a request before
        self._sending_began = False  # bytes of the request may have left
        self._sent_in_part = False  # the request was not sent to its end, so the connection is of no more use

    @property
    def request_sent(self) -> str:
        """Whether the request reached the server: "yes" (an answer began), "maybe" or "no"."""
        return "yes" if self.reader.wire.began else "maybe" if self._sending_began else "no"

    @property
    def keeps_connection(self) -> bool:
        """Whether the connection can carry another request."""
        return self.reader.wire.reusable and not self._sent_in_part

    def explain(self, error: DialException) -> None:
        """Say in an error whether the request reached the server, and which one it was."""
        error.request_sent = self.request_sent
        error.request = self.step.request

    def failure(self, error: DialConnectionError) -> Failure:
        """What to answer the policy (core/call.py) where no complete answer came."""
        self.explain(error)
        silent = self._on_reused and not self.reader.wire.began and not isinstance(error, DialTimeoutError)
        return Failure(error, stale=silent)

    def take(self, data: bytes) -> None:
        """Hand over what came; b"" is the end of the connection."""
        if data:
            self.reader.wire.receive(data)
        else:
            self.reader.wire.receive_eof()

    def take_early(self, data: bytes) -> bool:
        """The same while the request is still being sent: whether that is of no more use."""
        self.take(data)
        return not data or self.reader.read_head() is not None

    def end_of(self, error: OSError) -> bytes:
        """What a connection that broke gives: its end, b"". The reader knows whether that is too early.

        Raises:
            TLSError: the server refused us by an alert. Under TLS 1.3 that is how a missing client certificate shows.
        """
        alert = isinstance(error, ssl.SSLError) and not isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError))
        if alert and not self.reader.wire.began:
            raise handshake_error(error, self.step.origin.host) from None
        return b""

    def hurry(self) -> None:
        """The answer is complete: from here on, wait for no more than the end of its body."""
        self.budget.timeout = self.budget.timeout._replace(read=DRAIN)
        self.budget.progress_at = time.monotonic() + DRAIN

    def interrupted(self) -> ResponseInterruptedError:
        """The error for reading on after `close()`."""
        wire = self.reader.wire
        message = "the answer was closed before it had been read to its end"
        return ResponseInterruptedError(
            message, received=wire.received, expected=wire.expected, request_sent="yes"
        )


def too_large(most: int) -> RemoteProtocolError:
    """The error for an answer that is read whole and is larger than `most` bytes."""
    return RemoteProtocolError("the answer is larger than %d bytes" % most, request_sent="yes")
