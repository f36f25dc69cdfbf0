"""Operations: written once as coroutine methods, they are methods of the sync client and of the async client.

    class _Prompts(Resource):
        @operation
        async def get(self, url: StorageUrl) -> Prompt: ...

    class Prompts(_Prompts, Sync): ...           # .get(url) -> Prompt
    class AsyncPrompts(_Prompts, Async): ...     # .get(url) -> Coroutine[Any, Any, Prompt]

What the sync client awaits blocks and never suspends (transport/sync.py), so a coroutine runs to its end at one `send`.
"""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager
from functools import wraps
from types import FunctionType
from typing import TYPE_CHECKING, TypeVar, overload

from .._typing import Generic
from .body import json_body
from .call import Answer, Config, Request

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager, AbstractContextManager
    from typing import Any, AsyncIterator, Callable, Coroutine, Iterator, Mapping, Optional

    from typing_extensions import Concatenate, ParamSpec

    from .completion_stream import Events

    P = ParamSpec("P")

T = TypeVar("T")
A = TypeVar("A", covariant=True)
B = TypeVar("B", covariant=True)

if TYPE_CHECKING:  # for operations whose results are declared by overloads
    Later = Coroutine[Any, Any, T]
    Whole = TypeVar("Whole", covariant=True)
    Streamed = TypeVar("Streamed", covariant=True)
    Either = TypeVar("Either", covariant=True)


def finish(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine whose verbs block."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    raise RuntimeError("a call of the sync client waited for an event loop")


def each(items: AsyncIterator[T]) -> Iterator[T]:
    """Iterate over what an asynchronous generator gives whose verbs block."""
    generator: Any = items
    try:
        while True:
            try:
                item = finish(generator.__anext__())
            except StopAsyncIteration:
                return
            yield item
    finally:
        finish(generator.aclose())


async def settled(value: Any) -> Any:
    """What an operation, or a function of the user, gave; for an operation that asks another as users call it, so that
    what they patched or replaced there is asked."""
    return await value if hasattr(value, "__await__") else value


class Sync:
    """Its operations return their results."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        show_faces(cls, "_blocking")


class Async:
    """Its operations are coroutines."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        show_faces(cls, "_waiting")


def show_faces(cls: type, face: str) -> None:
    """Put the functions that its operations are into the class itself, for what looks at classes without asking their
    descriptors: unittest.mock takes it from there which methods are coroutine functions."""
    members = {name: value for base in reversed(cls.__mro__) for name, value in vars(base).items()}
    for name, value in members.items():
        if isinstance(value, Bound):
            setattr(cls, name, getattr(value, face))


class Resource:
    """A group of operations, bound to a client."""

    def __init__(self, client: Any) -> None:
        self._client = client

    @property
    def _config(self) -> Config:
        return self._client._config  # type: ignore[no-any-return]

    def _call(self, request: Request[T], total_at: Optional[float] = None) -> Coroutine[Any, Any, T]:
        """Carry out one request; of several, `total_at` ends the limit `total` for all of them together."""
        return self._client._transport.run(request, self._config, total_at)  # type: ignore[no-any-return]

    async def _get_at(self, path: str, decode: Callable[[Answer], T], query: Optional[Mapping[str, Any]] = None) -> T:
        """Carry out an operation that is a GET request."""
        return await self._call(Request("GET", path, decode, query))

    async def _post(self, path: str, value: Mapping[str, Any], decode: Callable[[Answer], T]) -> T:
        """Carry out an operation that is a POST request with a JSON object; members that are None are left out."""
        body = json_body({name: item for name, item in value.items() if item is not None})
        return await self._call(Request("POST", path, body=body, decode=decode))

    async def _open(self, request: Request[Answer], events: Events) -> Any:
        """Open a stream of events: a Stream or an AsyncStream."""
        head, exchange = await self._client._transport.open(request, self._config)
        return self._client._stream_of(head, exchange, events)

    def __repr__(self) -> str:
        return "%s(%r)" % (type(self).__name__, self._client)


def face(function: Any, wrapper: Any, returns: Optional[str] = None) -> Any:
    """`wrapper` with the name, docstring and signature of `function`.

    Args:
        returns: the annotation of what comes back, where it is not that of the function.
    """
    # Where arguments are missing, Python says the qualified name; users know no _Prompts.get or Stored.get.
    function.__name__ = function.__qualname__ = function.__name__.lstrip("_")
    if returns is not None:  # inspect.signature reads what stands behind the wrapper
        shown = FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__)
        shown.__kwdefaults__ = function.__kwdefaults__
        shown.__annotations__ = {**function.__annotations__, "return": returns}
        shown.__qualname__, shown.__module__ = function.__qualname__, function.__module__
        shown.__doc__ = function.__doc__
        function = shown
    return wraps(function)(wrapper)


class Bound(Generic[A, B]):
    """A method with two faces: which of them shows depends on the class that it is asked of.

    Args:
        waiting, blocking: what async and what sync resources show of it.
    """

    def __init__(self, waiting: Any, blocking: Any) -> None:
        self._waiting = waiting
        self._blocking = blocking
        self.__doc__ = blocking.__doc__

    if TYPE_CHECKING:

        @overload
        def __get__(self, instance: Sync, owner: Any = None) -> A: ...
        @overload
        def __get__(self, instance: Async, owner: Any = None) -> B: ...
        @overload
        def __get__(self, instance: object, owner: Any = None) -> Any: ...

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        method = self._blocking if issubclass(owner, Sync) else self._waiting
        return method if instance is None else method.__get__(instance)


def operation(
    function: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]],
) -> Bound[Callable[P, T], Callable[P, Coroutine[Any, Any, T]]]:
    """A coroutine method; sync resources run it to its end."""

    def run(*args: Any, **kwargs: Any) -> T:
        try:
            return finish(function(*args, **kwargs))
        except BaseException:
            kwargs.clear()  # error trackers send the variables of frames
            raise

    return Bound(function, face(function, run))


def overloaded(function: Callable[..., Coroutine[Any, Any, Any]]) -> Any:
    """The same, where arguments decide what comes back: ``get: Bound[...] = _get`` declares it by overloads."""
    return operation(function)


def listing(
    function: Callable[Concatenate[Any, P], AsyncIterator[T]],
) -> Bound[Callable[P, Iterator[T]], Callable[P, AsyncIterator[T]]]:
    """A method that gives an asynchronous generator; over that of sync resources one iterates as usual."""

    def iterate(*args: Any, **kwargs: Any) -> Iterator[T]:
        return each(function(*args, **kwargs))

    returns = function.__annotations__["return"].replace("AsyncIterator", "Iterator")
    return Bound(function, face(function, iterate, returns))


def opened(
    function: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]],
) -> Bound[Callable[P, AbstractContextManager[T]], Callable[P, AbstractAsyncContextManager[T]]]:
    """A download as a context manager: ``with files.stream_download(url) as response: ...``, or ``async with``."""

    @contextmanager
    def run(*args: Any, **kwargs: Any) -> Iterator[Any]:
        download: Any = finish(function(*args, **kwargs))
        with download._once() as response:
            yield response

    @asynccontextmanager
    async def wait(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        download: Any = await function(*args, **kwargs)
        async with download._once() as response:
            yield response

    returns = "ContextManager[%s]" % function.__annotations__["return"]
    return Bound(face(function, wait, "Async" + returns), face(function, run, returns))
