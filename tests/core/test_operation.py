"""core/operation.py: coroutine methods with two faces, and what users see of them: name, docstring, signature."""

import asyncio
import inspect
import pydoc
import traceback
from typing import AsyncIterator, List, Optional

import pytest

from aidial_min.core.operation import Async, Resource, Sync, each, finish, listing, operation


class _Things(Resource):
    @operation
    async def one(self, url: str, *, limit: Optional[int] = None) -> "List[int]":
        """Do one thing.

        GET /v1/one
        """
        return await self._twice(url, limit)

    async def _twice(self, url, limit):
        if url == "wrong":
            raise LookupError("no such thing")
        return [limit, limit]

    @listing
    def all(self, url: str) -> "AsyncIterator[int]":
        """List things."""
        assert url, "looked at when it is called"
        return self._all()

    async def _all(self):
        for number in (1, 2, 3):
            yield number


class Things(_Things, Sync):
    """Things."""


class AsyncThings(_Things, Async):
    """Things."""


def test_a_coroutine_method_returns_its_result_or_a_coroutine():
    assert Things(None).one("/x", limit=5) == [5, 5]
    waiting = AsyncThings(None).one("/x", limit=5)
    assert inspect.iscoroutine(waiting) and asyncio.run(waiting) == [5, 5]


def test_a_listing_is_iterated_over():
    assert list(Things(None).all("/x")) == [1, 2, 3]

    async def collect():
        return [item async for item in AsyncThings(None).all("/x")]

    assert asyncio.run(collect()) == [1, 2, 3]


@pytest.mark.parametrize("cls", [Things, AsyncThings])
def test_arguments_of_a_listing_are_looked_at_when_it_is_called(cls):
    with pytest.raises(AssertionError):
        cls(None).all("")


def test_a_listing_that_is_left_ends():
    ended = []

    async def items():
        try:
            yield 1
            yield 2
        finally:
            ended.append(True)

    iterator = each(items())
    assert next(iterator) == 1 and not ended
    iterator.close()
    assert ended


def test_what_waits_for_a_loop_is_refused():
    async def wait():
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="event loop"):
        finish(wait())


@pytest.mark.parametrize("cls", [Things, AsyncThings])
class TestWhatUsersSee:
    def test_name_docstring_and_parameters(self, cls):
        for owner in (cls, cls(None)):
            assert owner.one.__name__ == "one" and owner.one.__module__ == __name__
            assert inspect.getdoc(owner.one).startswith("Do one thing.")
        assert list(inspect.signature(cls(None).one).parameters) == ["url", "limit"]
        assert list(inspect.signature(cls.one).parameters) == ["self", "url", "limit"]

    def test_help(self, cls):
        text = pydoc.plain(pydoc.render_doc(cls(None).one))
        assert "url: str" in text and "limit:" in text and "Do one thing." in text and "GET /v1/one" in text

    def test_the_name_of_a_group_says_whose_it_is(self, cls):
        assert repr(cls("client")) == "%s('client')" % cls.__name__

    def test_wrong_arguments_are_a_type_error_that_names_the_method(self, cls):
        for arguments, named in [((), {}), (("/x", 5), {}), (("/x",), {"nope": 1})]:
            with pytest.raises(TypeError, match=r"^one\(\)"):
                cls(None).one(*arguments, **named)


def test_what_comes_back():
    assert inspect.signature(Things.one).return_annotation == "List[int]"
    assert inspect.signature(Things.all).return_annotation == "Iterator[int]"
    assert inspect.signature(AsyncThings.all).return_annotation == "AsyncIterator[int]"


def test_coroutine_functions_look_like_them():
    assert inspect.iscoroutinefunction(AsyncThings.one) and inspect.iscoroutinefunction(AsyncThings(None).one)
    assert not inspect.iscoroutinefunction(Things.one) and not inspect.iscoroutinefunction(Things(None).one)


def test_a_sync_traceback_reads_from_the_call_to_the_cause():
    try:
        Things(None).one("wrong")
    except LookupError as error:
        names = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
    assert names == ["test_a_sync_traceback_reads_from_the_call_to_the_cause", "run", "finish", "one", "_twice"]
