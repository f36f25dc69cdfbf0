"""Downloads: what users hold of a file that is still coming; for both clients.

They know an exchange by its verbs (read, close) and files on disk by atomic_file.py; they must not know sockets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, AsyncIterator, Iterator

from ..core.etag import DownloadInfo
from ..core.operation import each, finish
from ..errors import InvalidRequestError
from .atomic_file import Path, TargetFile

if TYPE_CHECKING:
    from typing import Any, Callable

    from ..core.http11 import Head
    from .exchange import Exchange

THREAD_PIECE = 262144
"""Bytes gathered before a thread is asked to write them to disk."""


class DownloadBase(DownloadInfo):
    """What both kinds of download have in common: a content that can be read once, and is kept if asked for whole."""

    def __init__(self, head: Head, exchange: Exchange, filename: str) -> None:
        super().__init__(head, filename)
        self._exchange = exchange
        self._content: bytes | None = None
        self._started = False

    async def _pieces(self) -> AsyncIterator[bytes]:
        if self._content is not None:
            yield self._content
            return
        if self._started:
            raise InvalidRequestError("the content has been read already; keep it, or download again")
        self._started = True
        try:
            piece = await self._exchange.read()
            while piece:
                yield piece
                piece = await self._exchange.read()
        finally:
            self._exchange.close()

    async def _whole(self) -> bytes:
        if self._content is None:
            self._content = b"".join([piece async for piece in self._pieces()])
        return self._content

    @staticmethod
    async def _step(step: Callable[..., object], *arguments: Any) -> None:
        """Carry out a step that blocks."""
        raise NotImplementedError

    def _close(self) -> None:
        self._exchange.close()

    async def _write(self, file: Path) -> None:
        call = self._step
        target = None
        try:
            target = TargetFile(file)
            await call(target.open)
            gathered: list[bytes] = []
            size = 0
            async for piece in self._pieces():
                gathered.append(piece)
                size += len(piece)
                if size >= THREAD_PIECE:
                    await call(target.write, b"".join(gathered))
                    gathered, size = [], 0
            await call(target.write, b"".join(gathered))
            await call(target.commit)
        finally:
            self._exchange.close()
            if target is not None:
                target.discard()


async def _at_once(step: Callable[..., object], *arguments: Any) -> None:
    step(*arguments)


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


class FileDownloadResponse(DownloadBase):
    """A file as it comes: iterate over its bytes, or `get_content()`, or `write_to(path)`.

    It is closed by reading to the end, by `close()`, or by a `with` block.
    """

    _step = staticmethod(_at_once)

    def __iter__(self) -> Iterator[bytes]:
        """The content in pieces of up to 256 KiB.

        Raises:
            ResponseInterruptedError: the content broke off; `.received` and `.expected` are bytes.
        """
        return each(self._pieces())

    def get_content(self) -> bytes:
        """The whole content; it may be asked for again."""
        return finish(self._whole())

    def write_to(self, file: Path) -> None:
        """Write the content to a file, which appears when all of it has come: a broken download leaves no trace.

        Args:
            file: a path; an existing file is replaced.
        Raises:
            InvalidRequestError: the target is a folder, or its folder does not exist.
        """
        finish(self._write(file))

    def close(self) -> None:
        """Stop reading; the connection is closed unless the content had ended."""
        self._exchange.close()

    def __enter__(self) -> FileDownloadResponse:
        return self

    def __exit__(self, *_: object) -> None:
        self._exchange.close()


class AsyncFileDownloadResponse(DownloadBase):
    """A file as it comes: iterate over it with `async for`, or `await aget_content()`, or `await awrite_to(path)`.

    It is closed by reading to the end, by `await aclose()`, or by an `async with` block.
    """

    _step = staticmethod(_in_thread)

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The content in pieces of up to 256 KiB.

        Raises:
            ResponseInterruptedError: the content broke off; `.received` and `.expected` are bytes.
        """
        return self._pieces()

    async def aget_content(self) -> bytes:
        """The whole content; it may be asked for again."""
        return await self._whole()

    async def awrite_to(self, file: Path) -> None:
        """Write the content to a file, which appears when all of it has come: a broken download leaves no trace.

        Args:
            file: a path; an existing file is replaced.
        Raises:
            InvalidRequestError: the target is a folder, or its folder does not exist.
        """
        await self._write(file)

    async def aclose(self) -> None:
        """Stop reading; the connection is closed unless the content had ended."""
        self._exchange.close()

    async def __aenter__(self) -> AsyncFileDownloadResponse:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._exchange.close()
