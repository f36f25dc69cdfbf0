"""One request on one connection, and its answer as it comes: what is sent, what came, what an end means.

It knows the reader of the answer, and TLS alerts; it waits by the verbs of its connection's wire.
It must not know threads, loops or retries.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from ..core.body import blocks
from ..core.call import Failure, Send
from ..core.codings import AnswerReader
from ..errors import (
    DialConnectionError,
    DialException,
    DialTimeoutError,
    RemoteProtocolError,
    ResponseInterruptedError,
)
from .verbs import OutOfTime, remaining

if TYPE_CHECKING:
    from ..core.http11 import Head
    from ..core.limits import Budget
    from .connections import Connection

DRAIN = 0.2
"""Seconds to wait for the end of a body after `[DONE]`, so that its connection can be used again."""


STALL = 5.0
"""Seconds after which a server that has accepted a request reads no more of it."""


class Exchange:
    """State and judgement of one exchange.

    Attributes:
        reader: of the answer. step: the request. budget: the limits of the call.
    """

    def __init__(self, connection: Connection, step: Send, budget: Budget) -> None:
        self.reader = AnswerReader(step.method)
        self.step = step
        self.budget = budget
        self.sending_began = False
        """Bytes of the request may have left."""
        self.sent = 0
        """Bytes of the request's body that have left."""
        self._connection: Connection | None = connection
        self._on_reused = connection.used
        self._sent_in_part = False  # the request was not sent to its end, so the connection is of no more use
        self._sent = 0  # bytes of the body

    @property
    def received(self) -> int:
        """Bytes of the answer's body that have come."""
        return self.reader.wire.received

    @property
    def request_sent(self) -> str:
        """Whether the request reached the server: "yes" (an answer began), "maybe" or "no"."""
        return "yes" if self.reader.wire.began else "maybe" if self.sending_began else "no"

    def explain(self, error: DialException) -> None:
        """Say in an error whether the request reached the server, and which one it was."""
        error.request_sent = self.request_sent
        error.request = self.step.request

    def failure(self, error: DialConnectionError) -> Failure:
        """What to answer the policy (core/call.py) where no complete answer came."""
        self.explain(error)
        silent = self._on_reused and not self.reader.wire.began and not isinstance(error, DialTimeoutError)
        return Failure(error, stale=silent, exchange=self)

    # -- request

    async def send(self) -> None:
        """Send head and body; stop where the server refuses them or hangs up meanwhile."""
        connection, body = self._connection, self.step.body
        assert connection is not None
        left = blocks(self.step.head, body)
        in_thread = connection.owner.verbs.in_thread if body is not None and body.blocking else None
        end: tuple[bytes | None, int] = (None, 0)
        while True:
            found: Any = next(left, end) if in_thread is None else await in_thread(next, left, end)
            block, sent = found
            if block is None:
                return
            if not await connection.wire.push(block, self):
                self._sent_in_part = True  # an answer may be waiting all the same: 413, 401
                return
            self._sent = sent
            self.sent = sent
            if body is not None:
                body.report(sent)

    @property
    def is_answered(self) -> bool:
        """Whether the head of an answer has come."""
        return self.reader.wire.head is not None

    def take(self, data: bytes) -> None:
        """Hand over what came; b"" is the end of the connection."""
        if data:
            self.reader.wire.receive(data)
        else:
            self.reader.wire.receive_eof()

    def take_early(self, data: bytes) -> bool:
        """The same while the request is still being sent: whether that is of no more use.

        A server that accepts the request before it has come (2xx) may well read the rest of it.
        """
        self.take(data)
        head = self.reader.read_head()
        return not data or (head is not None and head.status >= 300)

    def take_break(self, error: OSError) -> None:
        """The connection broke while reading. The reader knows whether that is too early."""
        self.check_alert(error)
        self.reader.wire.receive_eof(broken=True)

    def check_alert(self, error: OSError) -> None:
        """
        Raises:
            TLSError: the server refused us by an alert. Under TLS 1.3 that is how a missing client certificate shows.
        """
        ssl: Any = sys.modules.get("ssl")  # not loaded: no TLS, no alert
        alert = ssl and isinstance(error, ssl.SSLError) and not isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError))
        if alert and not self.reader.wire.began:
            from .tls import handshake_error

            raise handshake_error(error, self.step.origin.host) from None

    # -- answer

    async def read_head(self) -> Head:
        """The answer's head."""
        try:
            head = self.reader.read_head() if self.reader.wire.began else None
            while head is None:
                await self._receive()
                head = self.reader.read_head()
            if self._sent_in_part and head.status < 300:
                raise ResponseInterruptedError(
                    "the server accepted the request (%d) and read no more when %d bytes of its body had been sent"
                    % (head.status, self._sent)
                )
            return head
        except DialConnectionError as error:
            self.explain(error)
            raise

    async def read(self) -> bytes:
        """The next piece of the body; b"" at its end, and the connection goes back to the cache.

        Raises:
            DialConnectionError: the body broke off, is malformed, or a limit was reached; the connection is closed.
        """
        try:
            piece = self.reader.read_body()
            while piece is None:
                await self._receive()
                piece = self.reader.read_body()
        except DialConnectionError as error:
            self.close()
            self.explain(error)
            raise
        except BaseException:
            self.close()
            raise
        if not piece:
            self._let_go(keep=True)
        return piece

    async def read_whole(self, most: int, strict: bool) -> bytes:
        """The whole body; beyond `most` bytes an error (strict), or what came until then."""
        pieces: list[bytes] = []
        size = 0
        try:
            piece = await self.read()
            while piece:
                pieces.append(piece)
                size += len(piece)
                if size > most:
                    self.close()
                    if strict:
                        raise RemoteProtocolError("the answer is larger than %d bytes" % most, request_sent="yes")
                    break
                piece = await self.read()
        except DialConnectionError:
            if strict or not self._sent_in_part:
                raise  # else it is an early refusal: a server that then hangs up may lose the rest of its words
        return b"".join(pieces)[:most]

    async def drain(self) -> None:
        """The answer is complete: read to the end of its body under a short limit, so that the connection can be used
        again; else close it."""
        self.budget.timeout = self.budget.timeout._replace(read=DRAIN)
        self.budget.progress_at = time.monotonic() + DRAIN
        try:
            while await self.read():
                pass
        except DialConnectionError:
            pass  # only the connection is lost, and closed already

    async def _receive(self) -> None:
        if self._connection is None:
            raise self._closed_here()
        at, limit = self.budget.ends("read", time.monotonic())
        seconds = remaining(at, self.budget, limit, self.request_sent)
        try:
            data = await self._connection.wire.receive(seconds)
        except OutOfTime:
            raise self.budget.error(limit, self.request_sent) from None
        except OSError as error:
            if self._connection is not None:
                self.take_break(error)
        else:
            if self._connection is not None:
                self.take(data)
        if self._connection is None:  # another thread or task closed it meanwhile
            raise self._closed_here()

    def _closed_here(self) -> ResponseInterruptedError:
        wire = self.reader.wire
        return ResponseInterruptedError(
            "the answer was closed before it had been read to its end", received=wire.received, expected=wire.expected
        )

    # -- end

    def _let_go(self, keep: bool) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            reusable = keep and self.reader.wire.reusable and not self._sent_in_part and connection.wire.is_quiet
            connection.owner.free(connection, keep=reusable)

    def close(self) -> None:
        """Close the connection, unless the answer has been read to its end."""
        self._let_go(keep=False)

    def __del__(self) -> None:
        connection = self.__dict__.get("_connection")
        if connection is not None:  # a stream or download that nobody closed
            connection.owner.abandon(connection)
