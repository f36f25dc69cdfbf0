"""Coroutines that never wait for an event loop, run to their end: how the sync client uses what is written once.

Its verbs (transport/sync.py) block, so that nothing it awaits ever suspends. It must not know asyncio.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from typing import Any, AsyncIterator, Coroutine, Iterator

T = TypeVar("T")


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
