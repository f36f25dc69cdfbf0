"""Clients and pools pickle: their settings travel, sockets never do, and what can't travel is said.

What was pickled is put to work, in this process and in a fresh one.
"""

import asyncio
import copy
import functools
import os
import pickle
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from aidial_min import (
    AsyncDial,
    AsyncDialClientPool,
    ConfigurationError,
    Dial,
    DialClientPool,
    Limits,
    Timeout,
)
from aidial_min.testing import DialServer

ROOT = Path(__file__).resolve().parents[1]
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
QUESTION = {"deployment_name": "calculator", "messages": [{"role": "user", "content": "20+3="}]}


@pytest.fixture(scope="module")
def server():
    with DialServer() as running:
        yield running


def read_key():
    return "dial-key"


async def fetch_key():
    return "dial-key"


def again(value, protocol=pickle.HIGHEST_PROTOCOL):
    return pickle.loads(pickle.dumps(value, protocol))


def answer_of(client):
    with client:
        return client.chat.completions.create(**QUESTION).choices[0].message.content


def async_answer_of(client):
    async def ask():
        async with client:
            return (await client.chat.completions.create(**QUESTION)).choices[0].message.content

    return asyncio.run(ask())


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_copy_works_whatever_the_protocol(server, protocol):
    options = {"base_url": server.url, "api_key": server.api_key, "proxy": ""}
    assert answer_of(again(Dial(**options), protocol)) == "23"
    assert async_answer_of(again(AsyncDial(**options), protocol)) == "23"


def test_every_setting_travels():
    client = Dial(
        base_url="https://dial.example.com/prefix",
        bearer_token="token",
        api_version="2024-10-21",
        timeout=Timeout(connect=1, read=2, write=3, pool=4, progress=5, total=6),
        max_retries=7,
        default_headers={"X-Team": "red"},
        limits=Limits(8, 9, 10.0),
        proxy="http://user:word@127.0.0.1:3128",
        trust_env=False,
    )
    there = again(client)
    assert there._config == client._config
    assert there._transport.settings == client._transport.settings
    assert there.auth_headers() == {"Authorization": "Bearer token"}


def test_sockets_and_what_was_learned_stay_at_home(server):
    with Dial(base_url=server.url, api_key=server.api_key, proxy="") as client:
        client.my_bucket()
        assert client._transport.statistics().idle == 1
        there = again(client)
    assert there._transport is not client._transport
    assert there._transport.statistics().open == 0
    assert set(vars(there)) == {"_config", "_transport", "_owns_transport"}
    with there:
        assert there.my_bucket()


def test_the_copy_of_a_closed_client_is_open(server):
    client = Dial(base_url=server.url, api_key=server.api_key, proxy="")
    client.close()
    assert answer_of(again(client)) == "23"


def test_a_copy_made_with_options_travels_with_them_and_owns_its_connections(server):
    with Dial(base_url=server.url, api_key=server.api_key, proxy="") as client:
        there = again(client.with_options(max_retries=5, timeout=9))
    assert there._config.retry.max_retries == 5
    assert there._config.timeout.read == 9
    assert answer_of(there) == "23"
    assert there._transport.closed


def test_a_pool_travels_without_its_connections_and_so_do_its_clients(server):
    with DialClientPool(limits=Limits(3), proxy="") as pool:
        client = pool.create_client(base_url=server.url, api_key=server.api_key)
        client.my_bucket()
        there, lone = again(pool), again(client)
    with there:
        assert there._transport.settings.limits == Limits(3)
        assert answer_of(there.create_client(base_url=server.url, api_key=server.api_key)) == "23"
    assert answer_of(lone) == "23"


def test_an_async_pool_travels_too(server):
    pool = again(AsyncDialClientPool(limits=Limits(3), proxy=""))
    assert async_answer_of(pool.create_client(base_url=server.url, api_key=server.api_key)) == "23"
    client = AsyncDialClientPool(proxy="").create_client(base_url=server.url, api_key=server.api_key)
    assert async_answer_of(again(client)) == "23"


def test_a_function_at_the_top_of_a_module_travels(server):
    assert answer_of(again(Dial(base_url=server.url, api_key=read_key, proxy=""))) == "23"
    assert async_answer_of(again(AsyncDial(base_url=server.url, api_key=fetch_key, proxy=""))) == "23"


@pytest.mark.parametrize("client_class", [Dial, AsyncDial])
@pytest.mark.parametrize("name", ["api_key", "bearer_token"])
def test_a_credential_that_does_not_pickle_is_named_and_not_shown(client_class, name):
    secret = functools.partial(lambda key: key, "s3cret-value")
    client = client_class(base_url="http://127.0.0.1:9", **{name: secret})
    with pytest.raises(ConfigurationError, match=name) as raised:
        pickle.dumps(client)
    assert "s3cret" not in str(raised.value)
    assert raised.value.__context__ is None  # what pickle said may hold the credential


@pytest.mark.parametrize("made", [
    lambda context: Dial(base_url="https://127.0.0.1:9", api_key="k", ssl_context=context),
    lambda context: AsyncDial(base_url="https://127.0.0.1:9", api_key="k", ssl_context=context),
    lambda context: DialClientPool(ssl_context=context),
    lambda context: AsyncDialClientPool(ssl_context=context),
])  # fmt: skip
def test_an_ssl_context_can_not_travel_and_the_error_says_what_can(made):
    with pytest.raises(ConfigurationError, match="ssl_context.*ca_bundle"):
        pickle.dumps(made(ssl.create_default_context()))


class Named(Dial):
    """A client of somebody's own, with an attribute."""

    def __init__(self, name, **options):
        super().__init__(**options)
        self.name = name


def test_a_subclass_keeps_what_it_added(server):
    there = again(Named("mine", base_url=server.url, api_key=server.api_key, proxy=""))
    assert (type(there), there.name, answer_of(there)) == (Named, "mine", "23")


def test_copies_have_connections_of_their_own(server):
    with Dial(base_url=server.url, api_key=server.api_key, proxy="") as client:
        for other in (copy.copy(client), copy.deepcopy(client)):
            assert other._transport is not client._transport
            assert answer_of(other) == "23"
        client.my_bucket()  # closing the copies did not close this one


def test_it_works_in_another_process(server):
    with Dial(base_url=server.url, api_key=server.api_key, proxy="") as client:
        client.my_bucket()
        pickled = pickle.dumps(client)
    code = (
        "import pickle, sys; client = pickle.loads(sys.stdin.buffer.read());"
        "print(client.chat.completions.create(deployment_name='calculator',"
        " messages=[{'role': 'user', 'content': '20+3='}]).choices[0].message.content); client.close()"
    )
    command = [sys.executable, "-c", code]
    answer = subprocess.run(command, input=pickled, cwd=ROOT, env=os.environ, capture_output=True, timeout=60)
    assert (answer.stdout.decode().strip(), answer.stderr.decode()) == ("23", "")
