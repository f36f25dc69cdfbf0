"""Method tables: operations bound to clients, with the signatures, docstrings and exact types that users see.

Each binder has a sync and an async version; operations exist once.
It knows Request, Flow, Pages and Download; it must not know any operation.
"""

import inspect
from contextlib import asynccontextmanager, contextmanager
from typing import (
    TYPE_CHECKING,
    Any,
    AsyncContextManager,
    AsyncIterator,
    Callable,
    ContextManager,
    Coroutine,
    Iterator,
    TypeVar,
    cast,
)

from .call import Config, Download, Flow, Pages, Request

if TYPE_CHECKING:
    from typing_extensions import Concatenate, ParamSpec

    from ..types.file import AsyncFileDownloadResponse, FileDownloadResponse

    P = ParamSpec("P")

T = TypeVar("T")
M = TypeVar("M", bound=Callable[..., Any])



class SyncResource:
    """A group of operations, bound to a sync client."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __repr__(self) -> str:
        return "%s(%r)" % (type(self).__name__, self._client)


class AsyncResource(SyncResource):
    """A group of operations, bound to an async client."""


def sync_method(operation: "Callable[Concatenate[Config, P], Request[T]]") -> "Callable[Concatenate[Any, P], T]":
    """A method of a SyncResource that carries out an operation of one request."""

    def method(self: Any, /, *args: "P.args", **kwargs: "P.kwargs") -> T:
        client = self._client
        return cast(T, client._run(operation(client._config, *args, **kwargs)))

    return describe(method, operation)


def async_method(
    operation: "Callable[Concatenate[Config, P], Request[T]]",
) -> "Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]":
    """A coroutine method of an AsyncResource that carries out an operation of one request."""

    async def method(self: Any, /, *args: "P.args", **kwargs: "P.kwargs") -> T:
        client = self._client
        return cast(T, await client._run(operation(client._config, *args, **kwargs)))

    return describe(method, operation)


def sync_flow(operation: "Callable[Concatenate[Config, P], Flow[T]]") -> "Callable[Concatenate[Any, P], T]":
    """A method of a SyncResource that carries out an operation of several requests."""

    def method(self: Any, /, *args: "P.args", **kwargs: "P.kwargs") -> T:
        client = self._client
        return cast(T, client._follow(operation(client._config, *args, **kwargs)))

    return describe(method, operation)


def async_flow(
    operation: "Callable[Concatenate[Config, P], Flow[T]]",
) -> "Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]":
    """A coroutine method of an AsyncResource that carries out an operation of several requests."""

    async def method(self: Any, /, *args: "P.args", **kwargs: "P.kwargs") -> T:
        client = self._client
        return cast(T, await client._follow(operation(client._config, *args, **kwargs)))

    return describe(method, operation)


def sync_pages(operation: "Callable[Concatenate[Config, P], Pages[T]]") -> "Callable[Concatenate[Any, P], Iterator[T]]":
    """A method of a SyncResource that iterates lazily over all pages of a listing."""

    def method(self: Any, /, *args: "P.args", **kwargs: "P.kwargs") -> "Iterator[T]":
        client = self._client
        return cast("Iterator[T]", client._iterate(operation(client._config, *args, **kwargs)))

    return describe(method, operation, each=Iterator)


def async_pages(
    operation: "Callable[Concatenate[Config, P], Pages[T]]",
) -> "Callable[Concatenate[Any, P], AsyncIterator[T]]":
    """A method of an AsyncResource that iterates lazily over all pages of a listing."""

    def method(self: Any, /, *args: "P.args", **kwargs: "P.kwargs") -> "AsyncIterator[T]":
        client = self._client
        return cast("AsyncIterator[T]", client._iterate(operation(client._config, *args, **kwargs)))

    return describe(method, operation, each=AsyncIterator)


def sync_download(
    operation: "Callable[Concatenate[Config, P], Download]",
) -> "Callable[Concatenate[Any, P], FileDownloadResponse]":
    """A method of a SyncResource that opens a download."""

    def method(self: Any, /, *args: "P.args", **kwargs: "P.kwargs") -> "FileDownloadResponse":
        client = self._client
        return cast("FileDownloadResponse", client._download(operation(client._config, *args, **kwargs)))

    return describe(method, operation, "FileDownloadResponse")


def async_download(
    operation: "Callable[Concatenate[Config, P], Download]",
) -> "Callable[Concatenate[Any, P], Coroutine[Any, Any, AsyncFileDownloadResponse]]":
    """A coroutine method of an AsyncResource that opens a download."""

    async def method(self: Any, /, *args: "P.args", **kwargs: "P.kwargs") -> "AsyncFileDownloadResponse":
        client = self._client
        return cast("AsyncFileDownloadResponse", await client._download(operation(client._config, *args, **kwargs)))

    return describe(method, operation, "AsyncFileDownloadResponse")


def sync_stream_download(
    operation: "Callable[Concatenate[Config, P], Download]",
) -> "Callable[Concatenate[Any, P], ContextManager[FileDownloadResponse]]":
    """The same as a context manager: ``with files.stream_download(url) as response: ...``."""

    @contextmanager
    def method(self: Any, /, *args: "P.args", **kwargs: "P.kwargs") -> "Iterator[FileDownloadResponse]":
        client = self._client
        with client._download(operation(client._config, *args, **kwargs)) as response:
            yield response

    return describe(method, operation, "ContextManager[FileDownloadResponse]")


def async_stream_download(
    operation: "Callable[Concatenate[Config, P], Download]",
) -> "Callable[Concatenate[Any, P], AsyncContextManager[AsyncFileDownloadResponse]]":
    """The same as a context manager: ``async with files.stream_download(url) as response: ...``."""

    @asynccontextmanager
    async def method(self: Any, /, *args: "P.args", **kwargs: "P.kwargs") -> "AsyncIterator[AsyncFileDownloadResponse]":
        client = self._client
        async with await client._download(operation(client._config, *args, **kwargs)) as response:
            yield response

    return describe(method, operation, "AsyncContextManager[AsyncFileDownloadResponse]")


def describe(method: M, operation: Callable[..., Any], returns: Any = None, each: Any = None) -> M:
    """Give a bound operation the name, docstring and signature that help() shall show.

    Args:
        returns: what comes back, where the operation's own annotation does not say it.
        each: Iterator or AsyncIterator, where the operation's pages are iterated over.
    """
    method.__name__ = operation.__name__
    method.__qualname__ = operation.__qualname__
    method.__module__ = operation.__module__
    method.__doc__ = operation.__doc__
    signature = inspect.signature(operation)
    parameters = list(signature.parameters.values())
    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    found = returns or _result_of(signature.return_annotation)
    signature = signature.replace(
        parameters=[own] + parameters[1:], return_annotation=found if each is None else each[found]
    )
    method.__signature__ = signature  # type: ignore[attr-defined]
    return method


def _result_of(annotation: Any) -> Any:
    """What comes back of a Request[...], Flow[...] or Pages[...]: the last of its type arguments."""
    if isinstance(annotation, str):
        return annotation[annotation.index("[") + 1 : -1] if annotation.endswith("]") else annotation
    arguments = getattr(annotation, "__args__", None)
    return arguments[-1] if arguments else annotation
