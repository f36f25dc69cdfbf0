"""Operations that open something: a download as a context manager, a stream of events. (Others: core/operation.py.)"""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

from ..core.operation import Bound, face, finish, operation

if TYPE_CHECKING:
    from typing import Any, AsyncContextManager, AsyncIterator, Callable, ContextManager, Coroutine, Iterator, TypeVar

    from typing_extensions import Concatenate, ParamSpec

    from ..transport.downloads import FileDownloadResponse
    from ..transport.streams import AsyncStream, Stream

    P = ParamSpec("P")
    E = TypeVar("E")


def stream_download(
    function: Callable[Concatenate[Any, P], Coroutine[Any, Any, FileDownloadResponse]],
) -> Bound[Callable[P, ContextManager[FileDownloadResponse]], Callable[P, AsyncContextManager[FileDownloadResponse]]]:
    """A download as a context manager: ``with files.stream_download(url) as response: ...``, or ``async with``."""

    @contextmanager
    def run(*args: Any, **kwargs: Any) -> Iterator[FileDownloadResponse]:
        with finish(function(*args, **kwargs))._once() as response:
            yield response

    @asynccontextmanager
    async def wait(*args: Any, **kwargs: Any) -> AsyncIterator[FileDownloadResponse]:
        async with (await function(*args, **kwargs))._once() as response:
            yield response

    return Bound(
        face(function, wait, "AsyncContextManager[FileDownloadResponse]"),
        face(function, run, "ContextManager[FileDownloadResponse]"),
    )


def streaming(
    function: Callable[Concatenate[Any, P], Coroutine[Any, Any, Stream[E]]],
) -> Bound[Callable[P, Stream[E]], Callable[P, Coroutine[Any, Any, AsyncStream[E]]]]:
    """A coroutine method that gives a stream of events: an operation, but for the class of the stream."""
    bound: Any = operation(function)
    return bound  # type: ignore[no-any-return]
