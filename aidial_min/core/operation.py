"""Operations: written once as coroutine methods, they are methods of the sync client and of the async client.

    class _Prompts(Resource):
        @operation
        async def get(self, url: StorageUrl) -> Prompt: ...

    class Prompts(_Prompts, Sync): ...           # .get(url) -> Prompt
    class AsyncPrompts(_Prompts, Async): ...     # .get(url) -> Coroutine[Any, Any, Prompt]

It knows how a coroutine is run without an event loop (finish.py); it must not know any operation.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Generic, TypeVar, overload

from .finish import each, finish

if TYPE_CHECKING:
    from typing import Any, AsyncIterator, Callable, Coroutine, Iterator

    from typing_extensions import Concatenate, ParamSpec

    from .call import Config, Request

    P = ParamSpec("P")
else:
    P = TypeVar("P")

T = TypeVar("T")
S = TypeVar("S", bound="Resource")


class Resource:
    """A group of operations, bound to a client."""

    def __init__(self, client: Any) -> None:
        self._client = client

    @property
    def _config(self) -> Config:
        return self._client._config  # type: ignore[no-any-return]

    async def _call(self, request: Request[T]) -> T:
        return await self._client._transport.run(request, self._config)  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return "%s(%r)" % (type(self).__name__, self._client)


class Sync(Resource):
    """Operations return their results."""


class Async(Resource):
    """Operations are coroutines."""


class _Bound:
    """A method with two faces: which of them shows depends on the class that it is asked of."""

    def __init__(self, function: Any, blocking: Any) -> None:
        self._asynchronous: Any = function
        self._blocking: Any = wraps(function)(blocking)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        chosen = self._asynchronous if issubclass(owner, Async) else self._blocking
        return chosen if instance is None else chosen.__get__(instance)


class operation(_Bound, Generic[S, P, T]):
    """A coroutine method; sync resources run it to its end."""

    def __init__(self, function: Callable[Concatenate[S, P], Coroutine[Any, Any, T]]) -> None:
        super().__init__(function, lambda *args, **kwargs: finish(function(*args, **kwargs)))

    if TYPE_CHECKING:

        @overload
        def __get__(self, instance: Sync, owner: Any = None) -> Callable[P, T]: ...
        @overload
        def __get__(self, instance: Async, owner: Any = None) -> Callable[P, Coroutine[Any, Any, T]]: ...
        def __get__(self, instance: Any, owner: Any = None) -> Any: ...


class listing(_Bound, Generic[S, P, T]):
    """An asynchronous generator method; over that of sync resources one iterates as usual."""

    def __init__(self, function: Callable[Concatenate[S, P], AsyncIterator[T]]) -> None:
        super().__init__(function, lambda *args, **kwargs: each(function(*args, **kwargs)))

    if TYPE_CHECKING:

        @overload
        def __get__(self, instance: Sync, owner: Any = None) -> Callable[P, Iterator[T]]: ...
        @overload
        def __get__(self, instance: Async, owner: Any = None) -> Callable[P, AsyncIterator[T]]: ...
        def __get__(self, instance: Any, owner: Any = None) -> Any: ...
