"""Operations that open something: a download as a context manager, a stream of events. (Others: core/operation.py.)"""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Generic, TypeVar, overload

from ..core.operation import Async, Bound, Sync, face, finish

if TYPE_CHECKING:
    from typing import Any, AsyncContextManager, AsyncIterator, Callable, ContextManager, Coroutine, Iterator

    from typing_extensions import Concatenate, ParamSpec

    from ..transport.downloads import FileDownloadResponse
    from ..transport.streams import AsyncStream, Stream

    P = ParamSpec("P")
else:
    P = TypeVar("P")

E = TypeVar("E")
S = TypeVar("S")


class stream_download(Bound, Generic[S, P]):
    """A download as a context manager: ``with files.stream_download(url) as response: ...``, or ``async with``."""

    def __init__(self, function: Callable[Concatenate[S, P], Coroutine[Any, Any, FileDownloadResponse]]) -> None:
        @contextmanager
        def run(*args: Any, **kwargs: Any) -> Iterator[FileDownloadResponse]:
            with finish(function(*args, **kwargs))._once() as response:
                yield response

        @asynccontextmanager
        async def wait(*args: Any, **kwargs: Any) -> AsyncIterator[FileDownloadResponse]:
            async with (await function(*args, **kwargs))._once() as response:
                yield response

        super().__init__(
            face(function, wait, "AsyncContextManager[FileDownloadResponse]"),
            face(function, run, "ContextManager[FileDownloadResponse]"),
        )

    if TYPE_CHECKING:

        @overload
        def __get__(self, instance: Sync, owner: Any = None) -> Callable[P, ContextManager[FileDownloadResponse]]: ...
        @overload
        def __get__(
            self, instance: Async, owner: Any = None
        ) -> Callable[P, AsyncContextManager[FileDownloadResponse]]: ...
        @overload
        def __get__(self, instance: None, owner: Any = None) -> Callable[..., Any]: ...
        def __get__(self, instance: Any, owner: Any = None) -> Any: ...


class streaming(Bound, Generic[S, P, E]):
    """A coroutine method that gives a stream of events."""

    def __init__(self, function: Callable[Concatenate[S, P], Coroutine[Any, Any, Stream[E]]]) -> None:
        def run(*args: Any, **kwargs: Any) -> Stream[E]:
            return finish(function(*args, **kwargs))

        super().__init__(function, face(function, run))

    if TYPE_CHECKING:

        @overload
        def __get__(self, instance: Sync, owner: Any = None) -> Callable[P, Stream[E]]: ...
        @overload
        def __get__(self, instance: Async, owner: Any = None) -> Callable[P, Coroutine[Any, Any, AsyncStream[E]]]: ...
        @overload
        def __get__(self, instance: None, owner: Any = None) -> Callable[..., Any]: ...
        def __get__(self, instance: Any, owner: Any = None) -> Any: ...
