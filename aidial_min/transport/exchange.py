"""One request on one connection, and its answer as it comes: what is sent, what came, what an end means.

exchange = Exchange(connections, outgoing, budget)
try:
    exchange.hold(connection)              # in its place
    await exchange.send()
    head = await exchange.read_head()
    piece = await exchange.read()          # b"" at the end, and the connection goes back to the cache
finally:
    exchange.close()                       # whatever happened, place and connection are given back
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from ..core.body import blocks
from ..core.codings import AnswerReader
from ..errors import (
    DialConnectionError,
    DialException,
    DialTimeoutError,
    RemoteProtocolError,
    ResponseInterruptedError,
)
from .connections import Connection, Connections, Place
from .verbs import OutOfTime, remaining

if TYPE_CHECKING:
    from ..core.call import Outgoing
    from ..core.http11 import Head
    from ..core.limits import Budget
    from .verbs import Wire

DRAIN = 0.2
"""Seconds to wait for the end of a body after `[DONE]`, so that its connection can be used again."""
UNFOLDED = 1024 * 1024
MOST_UNFOLDED = 100
"""A compressed answer that is read whole may unfold to so many bytes, or to so many times its size."""


class Exchange:
    """State and judgement of one exchange; it owns its place and its connection.

    Attributes:
        reader: of the answer.
        outgoing: the request.
        budget: the limits of the call.
        owner, place: the connections that it takes one of, and its place among those who use them.
        sending_began: bytes of the request may have left.
        sent: bytes of its body that have left.
    """

    # fmt: off
    __slots__ = (
        "reader", "outgoing", "budget", "verbs", "owner", "place", "sending_began", "sent",
        "_connection", "_on_reused", "_sent_in_part", "_answered_early",
    )
    # fmt: on

    def __init__(self, owner: Connections, outgoing: Outgoing, budget: Budget) -> None:
        self.reader = AnswerReader(outgoing.method)
        self.outgoing = outgoing
        self.budget = budget
        self.verbs = owner.verbs
        self.owner = owner
        self.place = Place(owner.places)
        self.sending_began = False
        self.sent = 0
        self._connection: Connection | None = None
        self._on_reused = False
        self._sent_in_part = False  # the request was not sent to its end, so the connection is of no more use
        self._answered_early = False  # before the request was sent to its end: the server may not read it to its end

    @property
    def request_sent(self) -> str:
        """Whether the request reached the server: "yes" (an answer began), "maybe" or "no"."""
        return "yes" if self.reader.began else "maybe" if self.sending_began else "no"

    def explain(self, error: DialException) -> None:
        """Say in an error whether the request reached the server, and which one it was; and the policy (core/call.py)
        whether it was a reused connection that broke in silence."""
        error.request_sent = self.request_sent
        error.request = self.outgoing.request
        silent = self._on_reused and not self.reader.began
        self.outgoing.stale = silent and not isinstance(error, DialTimeoutError)

    def hold(self, connection: Connection) -> None:
        """Own a connection, until the answer has been read or the exchange is closed."""
        self._connection, self._on_reused = connection, connection.used

    @property
    def _wire(self) -> Wire:
        if self._connection is None:
            raise self._closed_here()
        return self._connection.wire

    # -- request

    async def send(self) -> None:
        """Send head and body; stop where the server refuses them or hangs up meanwhile."""
        body = self.outgoing.body
        left = blocks(self.outgoing.head, body)
        if body is None or not body.blocking:
            for block, sent in left:
                if not self._noted(sent, await self._wire.push(block, self)):
                    return
            return
        worker, end = self.verbs.worker(), (None, 0)
        body.wait = worker.wait
        try:
            while True:
                found: Any = await worker.do(self._left("total"), next, left, end)
                if found is end or not self._noted(found[1], await self._wire.push(found[0], self)):
                    return
        except OutOfTime:
            raise self.budget.error("total", self.request_sent) from None
        finally:
            worker.end()

    def _left(self, limit: str) -> float | None:
        return remaining(self.budget.total_at, self.budget, limit, self.request_sent)

    def _noted(self, sent: int, accepted: bool) -> bool:
        if not accepted:
            self._sent_in_part = True  # an answer may be waiting all the same: 413, 401
            return False
        self.sent = sent
        if self.outgoing.body is not None:
            self.outgoing.body.report(sent)
        return True

    @property
    def is_answered(self) -> bool:
        """Whether the head of an answer has come."""
        return self.reader.head is not None

    def take_early(self, data: bytes) -> bool:
        """Take what comes while the request is still being sent: whether that is of no more use.

        A server that accepts the request before it has come (2xx) may well read the rest of it.
        """
        self.reader.receive(data)
        head = self.reader.read_head()
        self._answered_early = head is not None
        return not data or (head is not None and head.status >= 300)

    def take_break(self, error: OSError) -> None:
        """The connection broke while reading. The reader knows whether that is too early."""
        self.check_alert(error)
        self.reader.receive_break()

    def check_alert(self, error: OSError) -> None:
        """Whether the server refused us by an alert. Under TLS 1.3 that is how a missing client certificate shows.

        Raises:
            TLSError: it did.
        """
        ssl: Any = sys.modules.get("ssl")  # not loaded: no TLS, no alert
        if not ssl or not isinstance(error, ssl.SSLError) or self.reader.began:
            return
        if not isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
            from .tls import handshake_error

            raise handshake_error(error, self.outgoing.origin.host) from None

    # -- answer

    async def read_head(self) -> Head:
        """The answer's head."""
        head = self.reader.read_head() if self.reader.began else None
        while head is None:
            await self._receive()
            head = self.reader.read_head()
        if self._sent_in_part and head.status < 300:
            raise ResponseInterruptedError(
                "the server accepted the request (%d) and read no more when %d bytes of its body had been sent"
                % (head.status, self.sent)
            )
        return head

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
            if not piece:
                self._let_go(keep=True)
            return piece
        except BaseException as error:
            self.close()
            if isinstance(error, DialConnectionError):
                self.explain(error)
            raise

    async def read_whole(self, most: int, strict: bool) -> bytes:
        """The whole body; beyond `most` bytes an error (strict), or what came until then."""
        pieces: list[bytes] = []
        size, reader = 0, self.reader
        try:
            while True:
                piece = reader.read_body()
                if piece is None:
                    await self._receive()
                    continue
                if not piece:
                    self._let_go(keep=True)
                    break
                pieces.append(piece)
                size += len(piece)
                bomb = size > UNFOLDED and reader.coded and size > MOST_UNFOLDED * reader.received
                if size > most or bomb:
                    if strict:
                        what = "unfolds to many times its size" if bomb else "is larger than %d bytes" % most
                        raise RemoteProtocolError("the answer %s" % what, request_sent="yes")
                    break
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
        wire, now = self._wire, time.monotonic()
        at, limit = self.budget.ends("read", now)
        if at is not None and at <= now:
            raise self.budget.error(limit, self.request_sent)
        try:
            data = await wire.receive(at)
        except OutOfTime:
            raise self.budget.error(limit, self.request_sent) from None
        except OSError as error:
            if self._connection is not None:
                self.take_break(error)
        else:
            if self._connection is not None:
                self.reader.receive(data)
        if self._connection is None:  # another thread or task closed it meanwhile
            raise self._closed_here()

    def _closed_here(self) -> ResponseInterruptedError:
        reader = self.reader
        return ResponseInterruptedError(
            "the answer was closed before it had been read to its end",
            received=reader.received,
            expected=reader.expected,
        )

    # -- end

    def _let_go(self, keep: bool) -> None:
        try:
            connection, self._connection = self._connection, None
            if connection is not None:
                in_step = not self._sent_in_part and not self._answered_early
                keep = keep and self.reader.reusable and in_step
                self.owner.free(connection, keep)
        finally:
            self.owner.places.give_back(self.place)

    def close(self) -> None:
        """Give back the place, and close the connection unless the answer has been read to its end."""
        if self.place.entry is not None:
            self._let_go(keep=False)
