"""core/tables.py: what users see of a bound operation: name, docstring, signature, help()."""

import asyncio
import contextlib
import inspect
import pydoc
from typing import Any, AsyncIterator, Iterator, List, Optional

import pytest

from aidial_min import AsyncDial, Dial
from aidial_min.core.call import Config, Download, Flow, Pages, Request, as_it_came
from aidial_min.core.tables import (
    AsyncResource,
    SyncResource,
    async_download,
    async_flow,
    async_method,
    async_pages,
    async_stream_download,
    sync_download,
    sync_flow,
    sync_method,
    sync_pages,
    sync_stream_download,
)


def one(config: Config, url: str, *, limit: Optional[int] = None, token: Optional[str] = None) -> Request[List[int]]:
    """Do one thing.

    GET /v1/one
    """
    return Request("GET", url, decode=as_it_came)  # type: ignore[arg-type]


def several(config: Config, url: str) -> Flow[int]:
    """Do several things."""
    return (yield one(config, url))  # type: ignore[return-value]


def listed(config: Config, url: str, recursive: bool = False) -> Pages[int]:
    """List things."""
    raise NotImplementedError


def opened(config: Config, url: str) -> Download:
    """Open a thing."""
    return Download(Request("GET", url, decode=as_it_came), "name")


class Sync(SyncResource):
    one = sync_method(one)
    several = sync_flow(several)
    listed = sync_pages(listed)
    download = sync_download(opened)
    stream_download = sync_stream_download(opened)


class Async(AsyncResource):
    one = async_method(one)
    several = async_flow(several)
    listed = async_pages(listed)
    download = async_download(opened)
    stream_download = async_stream_download(opened)


NAMES = ["one", "several", "listed", "download", "stream_download"]
OPERATIONS: Any = {"one": one, "several": several, "listed": listed, "download": opened, "stream_download": opened}


class Recorder:
    """A client that only writes down what it is asked for."""

    def __init__(self) -> None:
        self._config = "the config"
        self.asked: List[Any] = []

    def _run(self, request: Any) -> str:
        self.asked.append(request)
        return "result"

    def _download(self, download: Any) -> Any:
        self.asked.append(download)
        return contextlib.nullcontext("response")


@pytest.mark.parametrize("table", [Sync, Async])
class TestWhatUsersSee:
    @pytest.mark.parametrize("name", NAMES)
    def test_name_and_docstring_are_the_operations(self, table: Any, name: str) -> None:
        method, operation = getattr(table, name), OPERATIONS[name]
        assert (method.__name__, method.__qualname__, method.__module__) == (
            operation.__name__,
            operation.__qualname__,
            operation.__module__,
        )
        assert inspect.getdoc(method) == inspect.getdoc(operation)

    @pytest.mark.parametrize("name", NAMES)
    def test_the_parameters_are_the_operations_without_the_config(self, table: Any, name: str) -> None:
        wanted = list(inspect.signature(OPERATIONS[name]).parameters.values())[1:]
        assert list(inspect.signature(getattr(table(None), name)).parameters.values()) == wanted
        unbound = list(inspect.signature(getattr(table, name)).parameters.values())
        assert (unbound[0].name, unbound[0].kind) == ("self", inspect.Parameter.POSITIONAL_ONLY) and unbound[
            1:
        ] == wanted

    def test_help_is_useful(self, table: Any) -> None:
        text = pydoc.plain(pydoc.render_doc(table(None).one))
        assert "url: str" in text and "limit:" in text and "Do one thing." in text and "GET /v1/one" in text
        assert "config" not in text.lower() and "Request[" not in text

    def test_the_name_of_a_group_says_whose_it_is(self, table: Any) -> None:
        assert repr(table("client")) == "%s('client')" % table.__name__


def returned(method: Any) -> Any:
    return inspect.signature(method).return_annotation


class TestWhatComesBack:
    def test_is_what_the_operation_decodes_to(self) -> None:
        assert returned(Sync.one) == returned(Async.one) == List[int]
        assert returned(Sync.several) is returned(Async.several) is int

    def test_listings_are_iterated_over(self) -> None:
        assert returned(Sync.listed) == Iterator[int] and returned(Async.listed) == AsyncIterator[int]

    def test_downloads_are_responses(self) -> None:
        assert "FileDownloadResponse" in returned(Sync.download) and "AsyncFileDownloadResponse" in returned(
            Async.download
        )
        assert "ContextManager[FileDownloadResponse]" in returned(Sync.stream_download)
        assert "AsyncContextManager[AsyncFileDownloadResponse]" in returned(Async.stream_download)

    def test_coroutine_functions_look_like_them(self) -> None:
        for name in ("one", "several", "download"):
            assert inspect.iscoroutinefunction(getattr(Async, name)) and not inspect.iscoroutinefunction(
                getattr(Sync, name)
            )


class TestCalls:
    def test_arguments_reach_the_operation(self) -> None:
        client = Recorder()
        assert Sync(client).one("/x", limit=5) == "result"
        assert client.asked[0].path == "/x"

    def test_wrong_ones_are_a_type_error_that_names_the_operation(self) -> None:
        for arguments, named in [((), {}), (("/x", 5), {}), (("/x",), {"nope": 1})]:  # type: ignore[var-annotated]
            with pytest.raises(TypeError, match=r"one\(\)"):
                Sync(Recorder()).one(*arguments, **named)

    def test_nothing_happens_before_a_coroutine_is_awaited(self) -> None:
        client = Recorder()

        async def run(request: Any) -> str:
            client.asked.append(request)
            return "result"

        client._run = run  # type: ignore[method-assign,assignment]
        waiting = Async(client).one("/x")
        assert client.asked == []
        assert asyncio.run(waiting) == "result" and len(client.asked) == 1

    def test_stream_download_is_a_context_manager(self) -> None:
        with Sync(Recorder()).stream_download("/x") as response:
            assert response == "response"


def resources_of(owner: Any, prefix: str = "") -> Iterator[Any]:
    for name, value in vars(type(owner)).items():
        if type(value).__name__ == "cached_property" and not name.startswith("_"):
            yield prefix + name, getattr(owner, name)
            yield from resources_of(getattr(owner, name), prefix + name + ".")


def public_operations(client: Any) -> Iterator[Any]:
    for name, resource in resources_of(client):
        for method in dir(type(resource)):
            if not method.startswith("_") and inspect.isfunction(getattr(type(resource), method, None)):
                yield "%s.%s" % (name, method), getattr(resource, method)


@pytest.mark.parametrize("cls", [Dial, AsyncDial])
def test_every_operation_of_a_client_can_be_looked_up(cls: Any) -> None:
    client = cls(base_url="http://127.0.0.1:9", api_key="key-of-nobody")
    found = dict(public_operations(client))
    assert {"files.upload", "files.list", "bucket.get_raw", "chat.completions.create"} <= set(found)
    for name, method in found.items():
        assert inspect.getdoc(method), name
        signature = inspect.signature(method)
        assert "config" not in signature.parameters, name
        assert signature.return_annotation is not inspect.Signature.empty, name
        shown = str(signature.return_annotation)
        assert not any(inner in shown for inner in ("Request[", "Pages[", "core.call")), name
        assert pydoc.plain(pydoc.render_doc(method)), name
