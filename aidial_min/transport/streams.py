"""Streams of events: what users hold of an answer that is still coming; for both clients.

They pull pieces of the body, hand them to core/completion_stream.py, and give out what that makes of them.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, AsyncIterator, Generic, Iterator, NoReturn, TypeVar, overload

from ..core.completion_stream import EventReader, Events, text_of
from ..core.operation import finish
from ..errors import DialException, InvalidRequestError, StreamInterruptedError

if TYPE_CHECKING:
    from ..core.http11 import Head, Headers
    from ..types.chat.response import ChatCompletionChunk, ChatCompletionResponse
    from ..types.completion import CompletionChunk, CompletionResponse
    from ..types.responses import ResponseEvent, ResponseObject
    from .exchange import Exchange

E = TypeVar("E")


class StreamBase(Generic[E]):
    """What a Stream and an AsyncStream have in common: all but the verbs of their users."""

    def __init__(self, head: Head, exchange: Exchange, events: Events) -> None:
        self._head = head
        self._exchange = exchange
        self._reader: EventReader[E] = EventReader(
            events, headers=head.headers, request=exchange.outgoing.request, secrets=exchange.outgoing.secrets
        )
        self._completes = events.finish is not None
        self._reading = False
        self._ended = False
        self._error: DialException | None = None

    @property
    def headers(self) -> Headers:
        """Header fields of the answer; names are case-insensitive."""
        return self._head.headers

    @property
    def _over(self) -> bool:
        """Whether nothing more will come, and nothing went wrong."""
        return self._ended and self._error is None

    def _begin(self) -> None:
        """Check that there is something to iterate over: nothing at all would look like an empty answer."""
        if self._over:
            state = "has been read to its end" if self._reader.done else "is closed"
            raise InvalidRequestError("the stream %s: it gives its events once; result() gives the whole" % state)

    def __repr__(self) -> str:
        state = "failed" if self._error else "open" if not self._ended else "read" if self._reader.done else "closed"
        request = self._exchange.outgoing.request
        return "%s(%s %s, %s)" % (type(self).__name__, request.method, request.path, state)

    def _ready(self) -> E | None:
        """The next event, if it has come already; None: ask `_next`."""
        if self._ended or self._reading or not self._reader.events:
            return None
        try:
            return self._reader.next()
        except DialException as error:
            self._fail(error)
        except BaseException:
            self._close()
            raise

    async def _next(self) -> E | None:
        """The next event; None: the end."""
        if self._ended:
            if self._error is not None:
                raise self._error
            return None
        if self._reading:
            raise InvalidRequestError("another thread or task is reading this stream; one at a time can")
        self._reading = True
        try:
            if self._exchange.budget.timeout.progress is not None:
                self._exchange.budget.progressed(time.monotonic())  # from now on: a slow reader is no silent server
            event = None
            while event is None and not self._ended:
                if self._reader.done:
                    self._ended = True
                    await self._exchange.drain()
                    break
                piece = await self._exchange.read()
                if piece:
                    self._reader.receive(piece)
                else:
                    self._reader.end()
                    self._ended = True
                event = self._reader.next()
            return event
        except DialException as found:
            error: DialException = found
            piece = b""  # error trackers show the variables of frames, and it may echo a key
            if self._ended:  # another thread or task closed it: that ends a subscription, and breaks off a completion
                if not self._completes:
                    return None
                error = StreamInterruptedError("the stream was closed", request_sent="yes")
            self._fail(error)
        except BaseException:
            self._close()
            raise
        finally:
            self._reading = False

    def _fail(self, error: DialException) -> NoReturn:
        self._close()
        self._error = self._reader.explain(error)  # raised whenever the stream is asked again
        raise self._error

    def _close(self) -> None:
        self._ended = True
        self._exchange.close()

    def _merged(self) -> Any:
        if not self._reader.done:
            error = StreamInterruptedError("the stream was closed before its end", request_sent="yes")
            raise self._reader.explain(error)
        return self._reader.result()


class Stream(StreamBase[E]):
    """The events of a streamed answer, as they come.

    Iterate over it, or ask `result()` for the merged answer. It is closed by its end, by `close()`, or by a `with`
    block.

    Raises (while iterating):
        InvalidRequestError: it has been read or closed already.
        StreamInterruptedError: the stream ended without `[DONE]`; every error has what came before in `.partial`.
        DialException: of the class that an error inside the stream asks for.
    """

    def __iter__(self) -> Iterator[E]:
        self._begin()
        return self

    def __next__(self) -> E:
        event = self._ready()
        if event is None:
            event = finish(self._next())
        if event is None:
            raise StopIteration
        return event

    if TYPE_CHECKING:

        @overload
        def result(self: Stream[ChatCompletionChunk]) -> ChatCompletionResponse: ...
        @overload
        def result(self: Stream[CompletionChunk]) -> CompletionResponse: ...
        @overload
        def result(self: Stream[ResponseEvent]) -> ResponseObject: ...

    def result(self) -> Any:
        """Read what is left and return the answer merged from all chunks: what the call without `stream` returns.

        Raises:
            StreamInterruptedError: the stream was closed before its end; `.partial` has what came until then.
        """
        if not self._over:
            for _ in self:
                pass
        return self._merged()

    def text(self) -> Iterator[str]:
        """Iterate over the pieces of text of the first choice only."""
        for chunk in self:
            piece = text_of(chunk)
            if piece:
                yield piece

    def close(self) -> None:
        """Stop reading; the connection is closed unless the answer had ended."""
        self._close()

    def __enter__(self) -> Stream[E]:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()


class AsyncStream(StreamBase[E]):
    """The events of a streamed answer, as they come.

    Iterate over it with `async for`, or ask `await result()` for the merged answer. It is closed by its end, by
    `await close()`, or by an `async with` block.

    Raises (while iterating):
        InvalidRequestError: it has been read or closed already.
        StreamInterruptedError: the stream ended without `[DONE]`; every error has what came before in `.partial`.
        DialException: of the class that an error inside the stream asks for.
    """

    def __aiter__(self) -> AsyncIterator[E]:
        self._begin()
        return self

    async def __anext__(self) -> E:
        event = self._ready()
        if event is None:
            event = await self._next()
        if event is None:
            raise StopAsyncIteration
        return event

    if TYPE_CHECKING:

        @overload
        async def result(self: AsyncStream[ChatCompletionChunk]) -> ChatCompletionResponse: ...
        @overload
        async def result(self: AsyncStream[CompletionChunk]) -> CompletionResponse: ...
        @overload
        async def result(self: AsyncStream[ResponseEvent]) -> ResponseObject: ...

    async def result(self) -> Any:
        """Read what is left and return the answer merged from all chunks: what the call without `stream` returns.

        Raises:
            StreamInterruptedError: the stream was closed before its end; `.partial` has what came until then.
        """
        if not self._over:
            async for _ in self:
                pass
        return self._merged()

    async def text(self) -> AsyncIterator[str]:
        """Iterate over the pieces of text of the first choice only."""
        async for chunk in self:
            piece = text_of(chunk)
            if piece:
                yield piece

    async def close(self) -> None:
        """Stop reading; the connection is closed unless the answer had ended."""
        self._close()

    async def aclose(self) -> None:
        """The same as `close()`."""
        self._close()

    async def __aenter__(self) -> AsyncStream[E]:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._close()
