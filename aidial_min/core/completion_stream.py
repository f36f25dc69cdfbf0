"""From the bytes of an event stream to typed events: chat chunks, legacy completions, resource events.

The one place that knows `[DONE]`, errors inside a 200 stream, and what an end means. Events are given out one by one,
so that those before a fault reach the caller before the fault does.
It knows server-sent events and JSON; it must not know sockets or timeouts.
"""

import json
from collections import deque
from typing import Any, Callable, Deque, Generic, Iterable, NamedTuple, Optional, TypeVar

from ..errors import (
    DialException,
    ParsingDataError,
    RequestInfo,
    ResponseInterruptedError,
    StreamInterruptedError,
    conceal,
    error_from_object,
    in_band_status,
    mask,
)
from .merge import CompletionMerge
from .sse import EventParser, ServerSentEvent

E = TypeVar("E")

_LONGEST_ERROR = 65536


class Events(NamedTuple):
    """What a stream consists of: how one event reads, and, for a completion, how its merged answer does.

    `fails`: whether an event with an `error` is the stream's own failure (in JSON-RPC it is an answer like any other).
    """

    decode: Callable[[Any], Any]
    finish: Optional[Callable[[Any], Any]] = None
    fails: bool = True


class EventReader(Generic[E]):
    """Feed pieces with `receive`, ask `next` until it gives None (more bytes are needed); `end` when the body ended.

    Args:
        events: what comes; with `finish`, it is an answer in pieces that must end with `[DONE]`.
        request, secrets: for errors.
    """

    def __init__(self, events: Events, *, request: Optional[RequestInfo] = None, secrets: Iterable[str] = ()) -> None:
        self._decode: Callable[[Any], E] = events.decode
        self._finish = events.finish
        self._fails = events.fails
        self._merge = CompletionMerge() if events.finish is not None else None
        self._request = request
        self._secrets = tuple(secrets)
        self._parser = EventParser()
        self._events: Deque[ServerSentEvent] = deque()
        self._opening: Optional[bytearray] = (
            bytearray()
        )  # what came before the first event: a JSON error in place of a stream?
        self.done = False
        """`[DONE]` has come."""

    def receive(self, piece: bytes) -> None:
        """Take a piece of the body."""
        events = self._parser.feed(piece)
        self._events.extend(events)
        if self._opening is not None:
            self._opening += piece
            if events or len(self._opening) > _LONGEST_ERROR:
                self._opening = None

    def next(self) -> Optional[E]:
        """The next event, or None: more bytes are needed, or the stream is done.

        Raises:
            DialException: the class that an error object inside the stream asks for.
            ParsingDataError: an event is not the JSON it should be.
        """
        while self._events and not self.done:
            data = self._events.popleft().data
            if data.strip() == "[DONE]":
                self.done = True
            elif data.strip():
                return self._read(data)
        return None

    def _read(self, data: str) -> E:
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            body = self._masked(data)
            raise ParsingDataError("an event of the stream is not JSON", body=body, request_sent="yes") from None
        error = value.get("error") if isinstance(value, dict) else None
        if error and self._fails:
            raise error_from_object(in_band_status(error), error, request_sent="yes")
        try:
            event = self._decode(value)
            if self._merge is not None:
                self._merge.add(value)
            return event
        except ParsingDataError as fault:
            fault.body = self._masked(data)[:500]
            fault.request_sent = "yes"
            raise
        except RecursionError:
            raise ParsingDataError("an event of the stream is nested too deeply", request_sent="yes") from None

    def _masked(self, data: str) -> str:
        return mask(data, self._secrets)  # before it is cut: half a secret is one, too

    def end(self) -> None:
        """The body ended cleanly.

        Raises:
            DialException: the body was no stream but a JSON error object.
            StreamInterruptedError: a completion stream without `[DONE]`.
        """
        if self._opening and self._opening.lstrip()[:1] == b"{":
            self._read(self._opening.decode("utf-8", "replace"))
        if self._merge is not None and not self.done:
            raise StreamInterruptedError("the stream ended without [DONE]", request_sent="yes")

    def explain(self, error: DialException) -> DialException:
        """The error to raise for one that happened while the stream was read: named, with request and `.partial`."""
        if self._merge is not None and isinstance(error, ResponseInterruptedError):
            error = StreamInterruptedError("the stream broke off: %s" % error.message, request_sent="yes")
        if error.request is None:
            error.request = self._request
        conceal(error, self._secrets)
        try:
            error.partial = self.result()
        except (RecursionError, ParsingDataError):
            pass  # what came makes no answer; the error that ended it is the one to raise
        return error

    def result(self) -> Any:
        """What has been merged so far, as the final answer's model; None while there is nothing."""
        merged = self._merge.result() if self._merge is not None else None
        return self._finish(merged) if merged is not None and self._finish is not None else None


def text_of(chunk: Any) -> str:
    """The text that a chunk, of a chat or of a legacy completion, adds to the first choice."""
    for choice in chunk.choices or ():
        if choice.index in (0, None):
            delta = getattr(choice, "delta", None)
            text = getattr(choice, "text", None) if delta is None else getattr(delta, "content", None)
            return text if isinstance(text, str) else ""
    return ""
