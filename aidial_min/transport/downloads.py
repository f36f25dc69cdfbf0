"""Downloads: what users hold of a file that is still coming, or has come; one class for both clients.

    for piece in client.files.download(url): ...                 # read as it comes
    (await async_client.files.download(url)).get_content()       # has come: every method works, as often as one likes

What goes to disk appears there when all of it has come (atomic_file.py).
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any, AsyncIterator, Iterator, Mapping, Optional

from ..core.etag import bare_etag
from ..core.operation import each, finish
from ..errors import InvalidRequestError
from .atomic_file import Path, TargetFile
from .verbs import Here, OutOfTime, remaining

if TYPE_CHECKING:
    from ..core.http11 import Head
    from ..core.sse import ServerSentEvent
    from .exchange import Exchange
    from .verbs import Worker

KEPT = 16 * 1024 * 1024
"""Bytes of a content that are kept in memory, so that it can be read again."""
PIECE = 262144
"""Bytes of one piece for the user."""
GATHERED = 1024 * 1024
"""Bytes gathered before a thread is asked to write them to disk: to ask it takes its time, too."""


class Content:
    """What has come of a file: in memory up to KEPT bytes; beyond, in an anonymous temporary file or, where none can be
    made, in memory all the same."""

    def __init__(self) -> None:
        self.size = 0
        self._pieces: list[bytes] = []
        self._file: IO[bytes] | None = None

    def add(self, piece: bytes) -> None:
        """Keep one piece more."""
        self.size += len(piece)
        if self._file is None:
            self._pieces.append(piece)
        else:
            self._file.write(piece)

    def move_to_disk(self) -> None:
        """Make the temporary file, and free the memory."""
        try:
            from tempfile import TemporaryFile

            self._file = TemporaryFile()
        except (OSError, ImportError):
            return  # read-only, perhaps, or no free descriptor; memory must do
        self._file.writelines(self._pieces)
        self._pieces = []

    def __del__(self) -> None:
        if self._file is not None:
            self._file.close()

    def __iter__(self) -> Iterator[bytes]:
        if self._file is None:
            yield from list(self._pieces)
            return
        at = 0
        while at < self.size:
            self._file.seek(at)  # others may be reading, too
            piece = self._file.read(PIECE)
            at += len(piece)
            yield piece


class FileDownloadResponse:
    """A file: iterate over its bytes, or `get_content()`, or `write_to(path)`; in asyncio with `async for`,
    `await aget_content()`, `await awrite_to(path)`.

    What `await client.files.download(...)` of AsyncDial gives has been read to its end: all of these work, as often as
    one likes. That of Dial reads as the file comes, and can be read again if it has at most 16 MiB. `stream_download`
    (of both) gives each byte once. It is closed by reading to the end, by `close()`, or by a `with` block.
    """

    def __init__(self, head: Head, exchange: Exchange, filename: str) -> None:
        self._head = head
        self._filename = filename
        self._exchange = exchange
        self._content: Content | None = None  # all of it
        self._started = False
        self._kept = KEPT

    def _once(self) -> FileDownloadResponse:
        """Keep nothing of what is read."""
        self._kept = 0
        return self

    # -- what its head says

    @property
    def filename(self) -> str:
        """The name of the file in the storage (its last segment, decoded)."""
        return self._filename

    @property
    def headers(self) -> Mapping[str, str]:
        """Header fields of the answer; names are case-insensitive."""
        return self._head.headers

    @property
    def status_code(self) -> int:
        """The HTTP status."""
        return self._head.status

    @property
    def content_type(self) -> Optional[str]:
        """The stored media type, or None."""
        return self._head.headers.get("content-type")

    @property
    def content_length(self) -> Optional[int]:
        """Bytes in all, or None where the answer does not say (or was compressed on the way)."""
        headers = self._head.headers
        text = headers.get("content-length", "")
        return int(text) if text.isdigit() and "content-encoding" not in headers else None

    @property
    def etag(self) -> Optional[str]:
        """The ETag without quotes, or None."""
        value = self._head.headers.get("etag")
        return bare_etag(value) if value else None

    def __repr__(self) -> str:
        return "%s(%r, content_type=%r, etag=%r)" % (type(self).__name__, self.filename, self.content_type, self.etag)

    # -- reading, written once

    async def _pieces(self) -> AsyncIterator[bytes]:
        self._check_unread()
        if self._content is not None:
            for piece in self._content:
                yield piece
            return
        self._started = True
        content: Content | None = Content()
        try:
            piece = await self._exchange.read()
            while piece:
                if content is not None:
                    content.add(piece)
                    content = content if content.size <= self._kept else None
                yield piece
                piece = await self._exchange.read()
            self._content = content
        finally:
            self._exchange.close()

    async def _read_all(self) -> FileDownloadResponse:
        content, worker = Content(), None
        try:
            piece = await self._exchange.read()
            while piece:
                if worker is None:
                    content.add(piece)
                    if content.size > KEPT:
                        worker = self._exchange.verbs.worker()
                        await self._do(worker, content.move_to_disk)
                else:
                    await self._do(worker, content.add, piece)
                piece = await self._exchange.read()
            self._content = content
            return self
        finally:
            self._exchange.close()
            if worker is not None:
                worker.end()

    async def _do(self, worker: Worker, step: Any, *arguments: Any) -> None:
        """Have a worker do a step, in the time that the whole call may take."""
        budget = self._exchange.budget
        at = budget.total_at if self._content is None else None
        try:
            await worker.do(remaining(at, budget, "total", "yes"), step, *arguments)
        except OutOfTime:
            raise budget.error("total", "yes") from None

    async def _whole(self) -> bytes:
        return b"".join([piece async for piece in self._pieces()])

    def _check_unread(self) -> None:
        if self._started and self._content is None:
            raise InvalidRequestError("the content has been read already; keep it, or download again")

    async def _write(self, file: Path, worker: Worker | None = None) -> None:
        self._check_unread()  # before anything is closed: somebody may be reading just now
        target = None
        worker = worker or self._exchange.verbs.worker()
        try:
            target = TargetFile(file)
            await self._do(worker, target.open)
            enough = 1 if self._exchange.verbs.blocks else GATHERED
            gathered: list[bytes] = []
            size = 0
            async for piece in self._pieces():
                gathered.append(piece)
                size += len(piece)
                if size >= enough:
                    await self._do(worker, target.write, *gathered)
                    gathered, size = [], 0
            await self._do(worker, target.write, *gathered)
            await self._do(worker, target.commit)
        finally:
            self._exchange.close()
            worker.end(*([target.discard] if target is not None else []))

    def _check_blocking(self) -> None:
        if self._content is None and not self._exchange.verbs.blocks:
            raise InvalidRequestError(
                "this download comes from AsyncDial and is still coming: use `async for`, `await aget_content()` or "
                "`await awrite_to(path)`"
            )

    def _close(self) -> None:
        self._exchange.close()

    # -- for both clients

    def __iter__(self) -> Iterator[bytes]:
        """The content in pieces of up to 256 KiB.

        Raises:
            ResponseInterruptedError: the content broke off; `.received` and `.expected` are bytes.
        """
        self._check_blocking()
        return each(self._pieces())

    def get_content(self) -> bytes:
        """The whole content; up to 16 MiB it may be asked for again."""
        self._check_blocking()
        return finish(self._whole())

    def write_to(self, file: Path) -> None:
        """Write the content to a file, which appears when all of it has come: a broken download leaves no trace.

        Args:
            file: a path; an existing file is replaced.
        Raises:
            InvalidRequestError: the target is a folder, or its folder does not exist.
        """
        self._check_blocking()
        finish(self._write(file, Here()))

    def close(self) -> None:
        """Stop reading; the connection is closed unless the content had ended."""
        self._close()

    def __enter__(self) -> FileDownloadResponse:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The content in pieces of up to 256 KiB.

        Raises:
            ResponseInterruptedError: the content broke off; `.received` and `.expected` are bytes.
        """
        return self._pieces()

    async def aget_content(self) -> bytes:
        """The same as `get_content`."""
        return await self._whole()

    async def awrite_to(self, file: Path) -> None:
        """The same as `write_to`, in a thread: a disk that is slow stops nobody.

        Args:
            file: a path; an existing file is replaced.
        Raises:
            InvalidRequestError: the target is a folder, or its folder does not exist.
        """
        await self._write(file)

    async def aclose(self) -> None:
        """The same as `close`."""
        self._close()

    async def __aenter__(self) -> FileDownloadResponse:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._close()


AsyncFileDownloadResponse = FileDownloadResponse
"""The name that AsyncDial's had in 0.18.0."""


class StreamedResponse(FileDownloadResponse):
    """An answer of any kind, as it comes: iterate over its bytes, or over its server-sent events, once.

    `client.request(..., stream=True)` gives it; in asyncio with `async for`. It has `status_code` and `headers`, and
    all that a download has. Close it, or use it in a `with` block.
    """

    async def _events(self) -> AsyncIterator[ServerSentEvent]:
        from ..core.sse import EventParser  # nothing else here needs it

        parser = EventParser()
        async for piece in self._pieces():
            for event in parser.feed(piece):
                yield event

    def events(self) -> Iterator[ServerSentEvent]:
        """The events of an event stream: `data`, `event`, `id`.

        Raises:
            ResponseInterruptedError: the answer broke off.
        """
        self._check_blocking()
        return each(self._events())

    def aevents(self) -> AsyncIterator[ServerSentEvent]:
        """The same, for `async for`."""
        return self._events()
