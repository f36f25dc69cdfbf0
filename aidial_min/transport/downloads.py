"""Downloads: what users hold of a file that is still coming; for both clients, side by side.

Only the verbs that wait differ; the async one writes to disk in a thread, so that its loop goes on.
They know an exchange by its verbs (read, close) and files on disk by disk.py; they must not know sockets.
"""

from types import TracebackType
from typing import TYPE_CHECKING, Any, AsyncIterator, Callable, Iterator, List, Optional, Type

from ..core.download import DownloadInfo
from ..core.http11 import Head
from ..errors import InvalidRequestError
from .disk import Path, TargetFile

if TYPE_CHECKING:
    from .aio import AsyncExchange
    from .sync import Exchange

THREAD_PIECE = 262144
"""Bytes gathered before a thread is asked to write them to disk."""


class DownloadBase(DownloadInfo):
    """What both kinds of download have in common: a content that can be read once, and is kept if asked for whole."""

    def __init__(self, head: Head, filename: str) -> None:
        super().__init__(head, filename)
        self._content: Optional[bytes] = None
        self._started = False

    def _start(self) -> None:
        if self._started:
            raise InvalidRequestError("the content has been read already; keep it, or download again")
        self._started = True


class FileDownloadResponse(DownloadBase):
    """A file as it comes: iterate over its bytes, or `get_content()`, or `write_to(path)`.

    It is closed by reading to the end, by `close()`, or by a `with` block.
    """

    def __init__(self, head: Head, exchange: "Exchange", filename: str) -> None:
        super().__init__(head, filename)
        self._exchange = exchange

    def __iter__(self) -> Iterator[bytes]:
        """The content in pieces of up to 256 KiB.

        Raises:
            ResponseInterruptedError: the content broke off; `.received` and `.expected` are bytes.
        """
        if self._content is not None:
            yield self._content
            return
        self._start()
        try:
            piece = self._exchange.read()
            while piece:
                yield piece
                piece = self._exchange.read()
        finally:
            self._exchange.close()

    def get_content(self) -> bytes:
        """The whole content; it may be asked for again."""
        if self._content is None:
            self._content = b"".join(self)
        return self._content

    def write_to(self, file: Path) -> None:
        """Write the content to a file, which appears when all of it has come: a broken download leaves no trace.

        Args:
            file: a path; an existing file is replaced.
        Raises:
            InvalidRequestError: the target is a folder, or its folder does not exist.
        """
        try:
            with TargetFile(file) as target:
                for piece in self:
                    target.write(piece)
        finally:
            self._exchange.close()

    def close(self) -> None:
        """Stop reading; the connection is closed unless the content had ended."""
        self._exchange.close()

    def __enter__(self) -> "FileDownloadResponse":
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()


class AsyncFileDownloadResponse(DownloadBase):
    """A file as it comes: iterate over it with `async for`, or `await aget_content()`, or `await awrite_to(path)`.

    It is closed by reading to the end, by `await aclose()`, or by an `async with` block.
    """

    def __init__(self, head: Head, exchange: "AsyncExchange", filename: str) -> None:
        super().__init__(head, filename)
        self._exchange = exchange

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The content in pieces of up to 256 KiB.

        Raises:
            ResponseInterruptedError: the content broke off; `.received` and `.expected` are bytes.
        """
        if self._content is not None:
            yield self._content
            return
        self._start()
        try:
            piece = await self._exchange.read()
            while piece:
                yield piece
                piece = await self._exchange.read()
        finally:
            self._exchange.close()

    async def aget_content(self) -> bytes:
        """The whole content; it may be asked for again."""
        if self._content is None:
            self._content = b"".join([piece async for piece in self])
        return self._content

    async def awrite_to(self, file: Path) -> None:
        """Write the content to a file, which appears when all of it has come: a broken download leaves no trace.

        Args:
            file: a path; an existing file is replaced.
        Raises:
            InvalidRequestError: the target is a folder, or its folder does not exist.
        """
        target = None
        try:
            target = TargetFile(file)
            await _in_thread(target.open)
            gathered: List[bytes] = []
            size = 0
            async for piece in self:
                gathered.append(piece)
                size += len(piece)
                if size >= THREAD_PIECE:
                    await _in_thread(target.write, b"".join(gathered))
                    gathered, size = [], 0
            await _in_thread(target.write, b"".join(gathered))
            await _in_thread(target.commit)
        finally:
            self._exchange.close()
            if target is not None:
                target.discard()

    async def aclose(self) -> None:
        """Stop reading; the connection is closed unless the content had ended."""
        self._exchange.close()

    async def __aenter__(self) -> "AsyncFileDownloadResponse":
        return self

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        await self.aclose()


async def _in_thread(step: Callable[..., object], *arguments: Any) -> None:
    """Carry out a step in a thread, to its end even when cancelled meanwhile: else it would go on behind our back and
    leave a file that nobody removes."""
    import asyncio  # loaded already; the sync client shall not load it

    working = asyncio.get_running_loop().run_in_executor(None, step, *arguments)
    cancelled = None
    while not working.done():
        try:
            await asyncio.wait({working})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        working.exception()  # retrieved: it is of no interest any more
        raise cancelled
    working.result()
