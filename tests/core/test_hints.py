"""core/hints.py: what is said to those who come from other libraries, wherever they trip."""

import asyncio
import gc
import inspect
import os
from typing import Any, Iterator

import pytest

from aidial_min import AsyncDial, AsyncDialClientPool, ConfigurationError, Dial, DialClientPool, ParsingDataError
from aidial_min.core.call import json_value
from aidial_min.types import CompletionParams
from aidial_min.types.chat import ChatParams

from ..support.names import CALL_OPTIONS
from .test_call import answer

SETTINGS = {"base_url": "https://dial.example", "api_key": "key-of-a-test"}
HELLO: Any = {"deployment_name": "gpt", "messages": []}
CALLS = {
    "chat": (lambda client: client.chat.completions.create, {"messages": []}),
    "completions": (lambda client: client.completions.create, {"prompt": "x"}),
    "embeddings": (lambda client: client.embeddings.create, {"input": "x"}),
}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: Any) -> Iterator[None]:
    for name in list(os.environ):
        if name.startswith("DIAL_"):
            monkeypatch.delenv(name)
    yield


class TestClients:
    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("http_client", "do not travel through httpx; see proxy="),
            ("verify", "ca_bundle="),
            ("cert", "client_cert="),
            ("headers", "default_headers="),
            ("proxies", "proxy="),
            ("follow_redirects", "redirects are not followed"),
            ("azure_endpoint", "base_url="),
            ("token", "bearer_token="),
            ("base_ulr", "Did you mean 'base_url'"),
        ],
    )
    @pytest.mark.parametrize("cls", [Dial, AsyncDial])
    def test_arguments_of_other_libraries(self, cls: Any, name: str, said: str) -> None:
        with pytest.raises(TypeError, match=r"^%s\(\) has no argument %s=: .*%s" % (cls.__name__, name, said)):
            cls(**{**SETTINGS, name: "x"})

    @pytest.mark.parametrize("cls", [DialClientPool, AsyncDialClientPool])
    def test_pools_say_the_same(self, cls: Any) -> None:
        with pytest.raises(TypeError, match=r"^%s\(\) has no argument verify=: .*ca_bundle=" % cls.__name__):
            cls(verify=False)
        with pytest.raises(TypeError, match=r"^create_client\(\) has no argument headers=: use default_headers="):
            cls().create_client(**SETTINGS, headers={})

    @pytest.mark.parametrize("cls", [Dial, AsyncDial])
    def test_everything_is_named(self, cls: Any) -> None:
        with pytest.raises(TypeError, match=r"^%s\(\) takes arguments by name only, such as base_url=" % cls.__name__):
            cls("https://dial.example", "key-of-a-test")

    @pytest.mark.parametrize("cls", [Dial, AsyncDial, DialClientPool().create_client])
    @pytest.mark.parametrize("end", ["/v1", "/v1/", "/openai", "/prefix/V2", "/openai/"])
    def test_a_base_url_that_says_too_much(self, cls: Any, end: str) -> None:
        with pytest.raises(ConfigurationError, match="base_url must not end in /.*address of the DIAL server"):
            cls(**{**SETTINGS, "base_url": "https://dial.example" + end})
        assert cls(**{**SETTINGS, "base_url": "https://dial.example/openai-prefix"}).base_url.endswith("-prefix/")

    def test_the_signature_is_that_of_the_client(self) -> None:
        for cls in (Dial, AsyncDial):
            assert list(inspect.signature(cls).parameters)[:3] == ["base_url", "api_key", "bearer_token"]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("cls", [Dial, AsyncDial])
class TestCalls:
    def create(self, cls: Any, call: str, **arguments: Any) -> Any:
        find, required = CALLS[call]
        made = find(cls(**SETTINGS))(**{**required, **arguments})
        return asyncio.run(made) if inspect.isawaitable(made) else made

    @pytest.mark.parametrize("name", ["model", "deployment"])
    def test_the_deployment_has_another_name_elsewhere(self, cls: Any, call: str, name: str) -> None:
        with pytest.raises(TypeError, match=r"^create\(\) needs deployment_name=, .*, not %s=$" % name):
            self.create(cls, call, **{name: "gpt"})
        with pytest.raises(TypeError, match=r"^create\(\) needs deployment_name=, the id of a model or application$"):
            self.create(cls, call)

    def test_an_argument_that_is_not_known(self, cls: Any, call: str) -> None:
        with pytest.raises(TypeError, match=r"^create\(\) has no argument uesr=: Did you mean 'user'\? .*extra_body="):
            self.create(cls, call, deployment_name="gpt", uesr="me")

    def test_everything_is_named(self, cls: Any, call: str) -> None:
        find, required = CALLS[call]
        made = find(cls(**SETTINGS))
        with pytest.raises(TypeError, match=r"^create\(\) takes arguments by name only"):
            asyncio.run(made("gpt")) if inspect.iscoroutinefunction(made) else made("gpt")

    def test_what_is_required(self, cls: Any, call: str) -> None:
        find, required = CALLS[call]
        (name,) = required
        made = find(cls(**SETTINGS))
        with pytest.raises(TypeError, match=r"^create\(\) needs %s=$" % name):
            asyncio.run(made(deployment_name="g")) if inspect.iscoroutinefunction(made) else made(deployment_name="g")


@pytest.mark.parametrize("cls", [Dial, AsyncDial])
@pytest.mark.parametrize(("call", "params"), [("chat", ChatParams), ("completions", CompletionParams)])
def test_create_shows_every_parameter(cls: Any, call: str, params: Any) -> None:
    shown = inspect.signature(CALLS[call][0](cls(**SETTINGS))).parameters
    assert set(params.__annotations__) < set(shown)
    assert {parameter.kind for parameter in shown.values()} == {inspect.Parameter.KEYWORD_ONLY}
    apart = {"deployment_name", "messages", "prompt", "stream"} | CALL_OPTIONS
    assert set(shown) - apart == set(params.__annotations__)


@pytest.mark.parametrize(
    ("name", "trip"),
    [
        ("download", lambda client: client.files.download("files/b/a").get_content()),
        ("create", lambda client: list(client.chat.completions.create(**HELLO, stream=True))),
        ("create", lambda client: client.chat.completions.create(**HELLO).choices),
        ("list", lambda client: client.deployments.list()[0]),
        ("my_bucket", lambda client: client.my_bucket().upper()),
    ],
)
def test_where_await_is_forgotten_python_names_the_method(name: str, trip: Any) -> None:
    """It can't be said in a better place: what is no coroutine of Python's own is refused by anyio 4.0 to 4.11, not
    tried again by tenacity, and not awaited by those who ask inspect.iscoroutine."""
    with pytest.warns(RuntimeWarning, match="^coroutine '%s' was never awaited$" % name):
        with pytest.raises((AttributeError, TypeError), match="'coroutine' object"):
            trip(AsyncDial(**SETTINGS))
        gc.collect()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the answer is empty, though JSON was expected"),
        (b" \n", "the answer is empty, though JSON was expected"),
        (b"nope", "the answer is not JSON, though JSON was expected"),
        (b"<!DOCTYPE html><title>Log in</title>", "a web page, not JSON: does base_url lead to DIAL's API"),
        (b"\n <HTML>", "a web page, not JSON"),
    ],
)
def test_a_200_that_is_no_json(content: bytes, said: str) -> None:
    with pytest.raises(ParsingDataError, match=said):
        json_value(answer(200, content))
