"""Streams of events: what users hold of an answer that is still coming; for both clients, side by side.

They pull pieces of the body, hand them to core/events.py, and give out what that makes of them; only the verbs that
wait differ. They know an exchange by its verbs (read, drain, close); they must not know sockets or event loops.
"""

import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, AsyncIterator, Generic, Iterator, NoReturn, Optional, Type, TypeVar

from ..core.call import Send
from ..core.events import EventReader, Events, text_of
from ..core.http11 import Head, Headers
from ..errors import DialException, StreamInterruptedError

if TYPE_CHECKING:
    from typing import overload

    from ..types.chat.response import ChatCompletionChunk, ChatCompletionResponse
    from ..types.completion import CompletionChunk, CompletionResponse
    from .aio import AsyncExchange
    from .sync import Exchange

E = TypeVar("E")


class StreamBase(Generic[E]):
    """What a Stream and an AsyncStream have in common: everything that does not wait."""

    def __init__(self, head: Head, step: Send, events: Events) -> None:
        self._head = head
        self._reader: EventReader[E] = EventReader(events, request=step.request, secrets=step.secrets)
        self._ended = False
        self._error: Optional[DialException] = None

    @property
    def headers(self) -> Headers:
        """Header fields of the answer; names are case-insensitive."""
        return self._head.headers

    def _fail(self, error: DialException) -> NoReturn:
        """Raise the error, now and whenever the stream is asked again."""
        self._ended = True
        self._error = self._reader.explain(error)
        raise self._error

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
        StreamInterruptedError: the stream ended without `[DONE]`; every error has what came before in `.partial`.
        DialException: of the class that an error inside the stream asks for.
    """

    def __init__(self, head: Head, exchange: "Exchange", events: Events) -> None:
        super().__init__(head, exchange.step, events)
        self._exchange = exchange

    def __iter__(self) -> Iterator[E]:
        return self

    def __next__(self) -> E:
        if self._ended:
            if self._error is not None:
                raise self._error
            raise StopIteration
        try:
            event = self._next()
        except DialException as error:
            self._exchange.close()
            self._fail(error)
        except BaseException:
            self.close()
            raise
        if event is None:
            self._ended = True
            raise StopIteration
        return event

    def _next(self) -> Optional[E]:
        self._exchange.budget.progressed(time.monotonic())  # from here on we wait: a slow reader is no silent server
        while True:
            event = self._reader.next()
            if event is not None:
                return event
            if self._reader.done:
                self._exchange.drain()
                return None
            piece = self._exchange.read()
            if not piece:
                self._reader.end()
                return None
            self._reader.receive(piece)

    if TYPE_CHECKING:

        @overload
        def result(self: "Stream[ChatCompletionChunk]") -> ChatCompletionResponse: ...
        @overload
        def result(self: "Stream[CompletionChunk]") -> CompletionResponse: ...

    def result(self) -> Any:
        """Read what is left and return the answer merged from all chunks: what the call without `stream` returns.

        Raises:
            StreamInterruptedError: the stream was closed before its end; `.partial` has what came until then.
        """
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
        self._ended = True
        self._exchange.close()

    def __enter__(self) -> "Stream[E]":
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()


class AsyncStream(StreamBase[E]):
    """The events of a streamed answer, as they come.

    Iterate over it with `async for`, or ask `await result()` for the merged answer. It is closed by its end, by
    `await close()`, or by an `async with` block.

    Raises (while iterating):
        StreamInterruptedError: the stream ended without `[DONE]`; every error has what came before in `.partial`.
        DialException: of the class that an error inside the stream asks for.
    """

    def __init__(self, head: Head, exchange: "AsyncExchange", events: Events) -> None:
        super().__init__(head, exchange.step, events)
        self._exchange = exchange

    def __aiter__(self) -> AsyncIterator[E]:
        return self

    async def __anext__(self) -> E:
        if self._ended:
            if self._error is not None:
                raise self._error
            raise StopAsyncIteration
        try:
            event = await self._next()
        except DialException as error:
            self._exchange.close()
            self._fail(error)
        except BaseException:
            await self.close()
            raise
        if event is None:
            self._ended = True
            raise StopAsyncIteration
        return event

    async def _next(self) -> Optional[E]:
        self._exchange.budget.progressed(time.monotonic())  # from here on we wait: a slow reader is no silent server
        while True:
            event = self._reader.next()
            if event is not None:
                return event
            if self._reader.done:
                await self._exchange.drain()
                return None
            piece = await self._exchange.read()
            if not piece:
                self._reader.end()
                return None
            self._reader.receive(piece)

    if TYPE_CHECKING:

        @overload
        async def result(self: "AsyncStream[ChatCompletionChunk]") -> ChatCompletionResponse: ...
        @overload
        async def result(self: "AsyncStream[CompletionChunk]") -> CompletionResponse: ...

    async def result(self) -> Any:
        """Read what is left and return the answer merged from all chunks: what the call without `stream` returns.

        Raises:
            StreamInterruptedError: the stream was closed before its end; `.partial` has what came until then.
        """
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
        self._ended = True
        self._exchange.close()

    async def aclose(self) -> None:
        """The same as `close()`."""
        await self.close()

    async def __aenter__(self) -> "AsyncStream[E]":
        return self

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        await self.close()
