"""From the bytes of an event stream to typed events: chat chunks, legacy completions, resource events.

    reader = EventReader(events, headers=head.headers)
    reader.receive(piece)       # as pieces of the body come
    event = reader.next()       # until it gives None
    reader.end()                # the body ended: was that the end of the answer? Then once more: reader.next()

Events are given out one by one, so that those before a fault reach the caller before the fault does.
"""

from collections import deque
from typing import Any, Callable, Deque, Generic, Iterable, Mapping, NamedTuple, Optional, TypeVar

from ..errors import (
    LONGEST_BODY,
    DialException,
    ParsingDataError,
    RequestInfo,
    ResponseInterruptedError,
    StreamInterruptedError,
    conceal,
    error_from_object,
    in_band_status,
    message_from_text,
    text_of_body,
)
from ..types._model import Model
from .codings import read_json
from .merge import CompletionMerge
from .sse import EventParser, ServerSentEvent

E = TypeVar("E")

_LONGEST_OPENING = 65536
"""Bytes after which a body that has shown no line of an event stream is none."""
_LONGEST_WHOLE = 64 * 1024 * 1024
"""Bytes of a completion that comes whole."""
_MOST_VALUES = 2_000_000
"""Values of one event: a few KB of gzip can unfold to so many lists that no memory holds them."""
_BLANK = b" \t\r\n\xef\xbb\xbf"


class Events(NamedTuple):
    """What a stream consists of: how one event reads, and, for an answer in pieces, how the merged answer does.

    `fails`: whether an event with an `error` is the stream's own failure (in JSON-RPC it is an answer like any other).
    `merge`: what merges the pieces: CompletionMerge, or ResponseMerge for the Responses API.
    """

    decode: Callable[[Any], Any]
    finish: Optional[Callable[[Any], Any]] = None
    fails: bool = True
    merge: Callable[[], Any] = CompletionMerge


class EventReader(Generic[E]):
    """Feed pieces with `receive`, ask `next` until it gives None (more bytes are needed); `end` when the body ended.

    Args:
        events: what comes; with `finish`, it is a completion in pieces.
        headers: of the answer, for errors.
        request, secrets: for errors.
    """

    def __init__(
        self,
        events: Events,
        *,
        headers: Optional[Mapping[str, str]] = None,
        request: Optional[RequestInfo] = None,
        secrets: Iterable[str] = (),
    ) -> None:
        self._decode: Callable[[Any], E] = events.decode
        self._finish = events.finish
        self._fails = events.fails
        self._merge = events.merge() if events.finish is not None else None
        self._headers: Mapping[str, str] = headers if headers is not None else {}
        self._request = request
        self._secrets = tuple(secrets)
        self._parser = EventParser()
        self.events: Deque[ServerSentEvent] = deque()
        """Those that have come and wait to be given out."""
        self._body: Optional[bytearray] = bytearray()  # as long as it may turn out to be no event stream
        self._first = b""  # the first byte of the body that is not blank
        self._whole: Optional[E] = None
        self.done = False
        """The answer is complete: `[DONE]` has come, or an end that stands for it."""

    def receive(self, piece: bytes) -> None:
        """Take a piece of the body.

        Raises:
            ParsingDataError: it is no event stream.
            RemoteProtocolError: one event is larger than MAX_EVENT.
        """
        if self._body is None:
            self.events.extend(self._parser.feed(piece))
            return
        self._first = self._first or piece.strip(_BLANK)[:1]
        self._body += piece
        if self._first not in (b"{", b"[", b"<"):
            self.events.extend(self._parser.feed(piece))
            if self._parser.recognized:
                self._body = None
                return
        if len(self._body) > (_LONGEST_WHOLE if self._first == b"{" else _LONGEST_OPENING):
            raise self._no_event_stream(self._body)

    def next(self) -> Optional[E]:
        """The next event, or None: more bytes are needed, or the stream is done.

        Raises:
            DialException: the class that an error object inside the stream asks for.
            ParsingDataError: an event is not the JSON it should be.
        """
        while self.events and not self.done:
            data = self.events.popleft().data
            text = data.strip()
            if text == "[DONE]":
                self.done = True
            elif text:
                return self._read(data)
        if self._parser.data and self._parser.unfinished.strip() == b"[DONE]":
            self.done = True  # nothing can follow, so its blank line is not waited for
        whole, self._whole = self._whole, None
        return whole

    def _read(self, data: str) -> E:
        if len(data) > _MOST_VALUES and sum(map(data.count, ",[{")) > _MOST_VALUES:
            raise self._not_as_promised("an event of the stream holds more than %d values" % _MOST_VALUES, data)
        try:
            value = read_json(data)
        except (ValueError, RecursionError):
            raise self._not_as_promised("an event of the stream is not JSON", data) from None
        return self._take(value, data)

    def _take(self, value: Any, data: str) -> E:
        """One event, decoded and merged, or the error that it is."""
        error = None
        if self._fails and isinstance(value, dict):  # the second is the Responses API's own form
            error = value.get("error") or (value if value.get("type") == "error" else None)
        if error:
            raise error_from_object(in_band_status(error), error, body=self._text(data), request_sent="yes")
        try:
            event = self._decode(value)
            if self._merge is not None:
                self._merge.add(value)
                self.done = self._merge.ended
            return event
        except ParsingDataError as fault:
            raise self._not_as_promised(fault.message, data, path=fault.path) from None
        except RecursionError:
            raise self._not_as_promised("an event of the stream is nested too deeply", data) from None

    def _text(self, data: str) -> str:
        return text_of_body(data.encode("utf-8", "replace"), self._secrets)

    def _not_as_promised(self, message: str, data: str, path: str = "") -> ParsingDataError:
        return ParsingDataError(message, body=self._text(data), path=path, request_sent="yes")

    def _no_event_stream(self, body: bytearray) -> ParsingDataError:
        kind = self._headers.get("content-type") or "an answer without Content-Type"
        text = text_of_body(bytes(body[:LONGEST_BODY]), self._secrets)
        message = "expected an event stream, found %s: %s" % (kind, message_from_text(text))
        return ParsingDataError(message, body=text, request_sent="yes")

    def end(self) -> None:
        """The body ended cleanly; ask `next` once more after it.

        A completion is complete with `[DONE]`, also without the blank line behind it, or when every choice has its
        `finish_reason`; or it came whole, as JSON.

        Raises:
            DialException: the body was no stream but a JSON error object.
            ParsingDataError: it was no event stream.
            StreamInterruptedError: the completion is not complete.
        """
        if self.done:
            return
        if self._body and self._first in (b"{", b"[", b"<"):
            self._take_whole(self._body)
        elif any(event.data.strip() == "[DONE]" for event in self._parser.feed(b"\n\n")):
            self.done = True
        elif self._body and not self._parser.recognized and not b"data:".startswith(self._body.strip(_BLANK)):
            raise self._no_event_stream(self._body)
        elif self._merge is not None:
            self.done = self._merge.finished
            if not self.done:
                raise StreamInterruptedError("the stream ended without %s" % self._merge.wanted, request_sent="yes")

    def _take_whole(self, body: bytearray) -> None:
        """A body of JSON where a stream was asked for: an error, or a completion that is given out as one chunk."""
        text = body.decode("utf-8-sig", "replace")
        try:
            value = read_json(text) if sum(map(text.count, ",[{")) <= _MOST_VALUES else None
        except (ValueError, RecursionError):
            value = None
        whole = self._merge.as_event(value) if self._merge is not None and isinstance(value, dict) else None
        if whole is None and not (isinstance(value, dict) and value.get("error")):
            raise self._no_event_stream(body)
        self._whole = self._take(whole or value, text)
        self.done = True

    def explain(self, error: DialException) -> DialException:
        """The error to raise for one that happened while the stream was read: named, with request and `.partial`."""
        if self._merge is not None and isinstance(error, ResponseInterruptedError):
            error = StreamInterruptedError("the stream broke off: %s" % error.message, request_sent="yes")
        error.request = error.request or self._request
        error.headers = error.headers or self._headers
        conceal(error, self._secrets)
        try:
            error.partial = self.result()
        except (RecursionError, ParsingDataError):
            pass  # what came makes no answer; the error that ended it is the one to raise
        return error

    def result(self) -> Any:
        """What has been merged so far, as the final answer's model; None while there is nothing."""
        merged = self._merge.result() if self._merge is not None else None
        answer = self._finish(merged) if merged is not None and self._finish is not None else None
        if isinstance(answer, Model):
            answer.came_with(self._headers)
        return answer


def text_of(event: Any) -> str:
    """The text that a chunk of a chat or of a legacy completion adds to the first choice, or an event to a response."""
    if "choices" not in event:
        return (event.get("delta") or "") if event.get("type") == "response.output_text.delta" else ""
    for choice in event.choices or ():
        if choice.index in (0, None, "0", -1):  # as the merged answer has it
            delta = getattr(choice, "delta", None)
            text = getattr(choice, "text", None) if delta is None else getattr(delta, "content", None)
            return text if isinstance(text, str) else ""
    return ""
