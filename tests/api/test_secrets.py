"""What error trackers send of an error: the variables of every frame, looked into. None of ours holds a credential."""

import asyncio
import base64
import inspect
import socket
import traceback

import pytest

from aidial_min import AsyncDial, AsyncDialClientPool, Dial, DialClientPool, DialException, ProxyError, Timeout
from aidial_min.testing import DialServer
from tests.support.growth import assert_linear
from tests.support.rawserver import CUT, RawServer
from tests.transport.scripts import length

KEY = "sesame-open"
PASSWORD = "pass-of-a-proxy"
PAIR = base64.b64encode(b"user:" + PASSWORD.encode()).decode()
NOWHERE = "http://127.0.0.1:1"
PROXY = "http://user:%s@127.0.0.1:1" % PASSWORD
HELLO = {"deployment_name": "echo", "messages": [{"role": "user", "content": "Hello"}]}


def settings(**others):
    return {"base_url": NOWHERE, "api_key": KEY, "max_retries": 0, **others}


def bucket(client):
    return client.bucket.get_raw()


def broken():
    raise ValueError("the vault is closed")


MAKING = {
    "a key with a line break": {"api_key": KEY + "\n\0"},
    "a token with its word": {"bearer_token": "Bearer " + KEY},
    "a timeout below zero": {"timeout": -1},
    "an argument that it has not": {"verify": False},
    "a header with a line break": {"default_headers": {"Authorization": KEY + "\n\0"}},
    "a header of another type": {"default_headers": {"Authorization": KEY, "X-Number": 5}},
}
CALLS = {
    "a server that is not there": ({}, bucket),
    "a token": ({"api_key": None, "bearer_token": KEY}, bucket),
    "a time that is over": ({"timeout": Timeout(total=1e-9)}, bucket),
    "a function that gives a bad key": ({"api_key": lambda: KEY + "\n\0"}, bucket),
    "a function that fails after another gave a key": (
        {"default_headers": broken, "bearer_token": lambda: KEY},
        bucket,
    ),
    "a function that fails beside a header": ({"default_headers": {"Api-Key": KEY}, "bearer_token": broken}, bucket),
    "the headers of the credentials": ({"api_key": lambda: KEY, "bearer_token": lambda: 5}, lambda c: c.auth_headers()),
    "headers of the client": ({"default_headers": {"Authorization": "Bearer " + KEY}}, bucket),
    "a proxy": ({"proxy": PROXY}, bucket),
    "a tunnel": ({"base_url": "https://127.0.0.1:1", "proxy": PROXY}, bucket),
    "headers of a call": ({}, lambda c: c.chat.completions.create(**HELLO, extra_headers={"Api-Key": KEY})),
    "a bad header of a call": ({}, lambda c: c.chat.completions.create(**HELLO, extra_headers={"Api-Key": KEY + "\0"})),
    "an argument that create has not": ({}, lambda c: c.chat.completions.create(extra_headers={"Api-Key": KEY})),
    "a stream": ({}, lambda c: c.chat.completions.create(**HELLO, stream=True)),
    "an upload": ({}, lambda c: c.files.upload("files/b/a", b"abc")),
    "a download": ({}, lambda c: c.files.download("files/b/a")),
    "a request": ({}, lambda c: c.request("GET", "/v1/bucket", headers={"Authorization": KEY})),
    "a bad request": ({}, lambda c: c.request("GET", "/v1/bucket", headers={"Authorization": KEY + "\n"})),
    "a parameter of a request": ({}, lambda c: c.request("GET", "/v1/bucket", query={"subscription-key": KEY})),
    "headers of a route": (
        {"bearer_token": broken},
        lambda c: c.deployments.route("applications/b/a", "x", headers={"Api-Key": KEY}),
    ),
    "headers of a bad route": ({}, lambda c: c.deployments.route("a", "/", headers={"Api-Key": KEY})),
    "headers of a request whose credential fails": (
        {"bearer_token": broken},
        lambda c: c.request("GET", "/v1/bucket", headers={"Authorization": KEY}),
    ),
    "headers of a chat whose credential fails": (
        {"bearer_token": broken},
        lambda c: c.chat.completions.create(**HELLO, extra_headers={"Authorization": KEY}),
    ),
    "the headers of credentials of which one fails": (
        {"api_key": lambda: KEY, "bearer_token": broken},
        lambda c: c.auth_headers(),
    ),
    "a copy of the client": ({}, lambda c: c.with_options(api_key=KEY + "\n\0")),
    "a copy with a bad timeout": ({}, lambda c: c.with_options(timeout=-1, api_key=KEY)),
}


@pytest.fixture(params=["sync", "async"])
def kind(request):
    return request.param


def error_of(kind, function, **given):
    """The error that a call of a client ends in."""

    async def main():
        client = (Dial if kind == "sync" else AsyncDial)(**settings(**given))
        try:
            outcome = function(client)
            if inspect.isawaitable(outcome):
                await outcome
        finally:
            await client.aclose() if kind == "async" else client.close()

    with pytest.raises((DialException, TypeError, ValueError)) as caught:
        asyncio.run(main())
    return caught.value


def texts(value, depth=0):
    """All that is found in a variable: what containers hold, and the repr of anything else."""
    if depth < 9 and isinstance(value, dict):
        return [text for pair in value.items() for item in pair for text in texts(item, depth + 1)]
    if depth < 9 and isinstance(value, (list, tuple, set, frozenset)):
        return [text for item in value for text in texts(item, depth + 1)]
    return [repr(value), str(value)]


def shown(error):
    """(function, variable) of our frames in which a secret is found, also in those of the errors behind it."""
    while error is not None:
        for frame, _ in traceback.walk_tb(error.__traceback__):
            if frame.f_globals["__name__"].startswith("aidial_min"):
                for name, value in frame.f_locals.items():
                    if any(secret in text for text in texts(value) for secret in (KEY, PASSWORD, PAIR)):
                        yield frame.f_code.co_name, name
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize("given", MAKING.values(), ids=MAKING)
@pytest.mark.parametrize(
    "make",
    [Dial, AsyncDial, DialClientPool().create_client, AsyncDialClientPool().create_client],
    ids=["sync", "async", "pool", "async pool"],
)
def test_a_client_that_is_not_made_shows_no_credential(make, given):
    with pytest.raises((DialException, TypeError)) as caught:
        make(**settings(**given))
    assert list(shown(caught.value)) == []


@pytest.mark.parametrize("proxy", ["http://user:%s@host:x" % PASSWORD, "socks5://user:%s@host" % PASSWORD])
@pytest.mark.parametrize("cls", [Dial, AsyncDial, DialClientPool, AsyncDialClientPool])
def test_nor_does_one_whose_proxy_can_not_be_used(cls, proxy):
    given = settings() if cls in (Dial, AsyncDial) else {}
    with pytest.raises(DialException) as caught:
        cls(**given, proxy=proxy)
    assert list(shown(caught.value)) == []


@pytest.mark.parametrize("proxy", ["http://user:%s@host:x" % PASSWORD, "socks5://user:%s@host" % PASSWORD])
def test_nor_does_one_that_the_environment_names(kind, proxy, monkeypatch):
    monkeypatch.setenv("http_proxy", proxy)
    assert list(shown(error_of(kind, bucket))) == []


def test_nor_does_a_proxy_that_hangs_up(kind, monkeypatch):
    def hung_up(*arguments):
        raise ConnectionResetError("hung up")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = "http://user:%s@127.0.0.1:%d" % (PASSWORD, listener.getsockname()[1])
        monkeypatch.setattr(socket.socket, "sendall", hung_up)
        monkeypatch.setattr(asyncio.SelectorEventLoop, "sock_sendall", hung_up)
        error = error_of(kind, bucket, base_url="https://127.0.0.1:1", proxy=proxy)
    assert isinstance(error, ProxyError) and list(shown(error)) == []


@pytest.mark.parametrize(("given", "call"), CALLS.values(), ids=CALLS)
def test_a_call_that_fails_shows_no_credential(kind, given, call):
    assert list(shown(error_of(kind, call, **given))) == []


@pytest.mark.parametrize("status", [401, 503])
@pytest.mark.parametrize("stream", [False, True])
def test_nor_does_one_that_the_server_refuses(kind, status, stream):
    with DialServer() as server:
        server.fail(status, body={"error": {"message": "no: " + KEY}})
        error = error_of(kind, lambda c: c.chat.completions.create(**HELLO, stream=stream), base_url=server.url)
    assert error.status_code == status and list(shown(error)) == []


def test_the_debug_mode_of_asyncio_logs_no_credential(caplog):
    """It tells of every step that takes long, with the result of its task."""

    async def key():
        return KEY

    async def headers():
        return {"X-Token": KEY}

    async def main(server):
        asyncio.get_running_loop().slow_callback_duration = 0.0
        async with AsyncDial(base_url=server.url, api_key=key, default_headers=headers, trust_env=False) as client:
            await client.bucket.get_raw()

    with DialServer(api_key=KEY) as server, caplog.at_level("DEBUG"):
        asyncio.run(main(server), debug=True)
    assert "Executing" in caplog.text and KEY not in caplog.text


@pytest.mark.parametrize("name", ["subscription-key", "api_key", "access_token", "client-secret"])
def test_urls_are_shown_without_the_credentials_in_their_queries(kind, name):
    attempts = []
    for path, query in (("/v1/x?a=1&%s=%s&b=2" % (name, KEY), None), ("/v1/x", {"a": 1, name: KEY + "/&", "b": 2})):
        error = error_of(kind, lambda c: c.request("GET", path, query=query), on_attempt=attempts.append)  # noqa: B023
        assert error.request.url == NOWHERE + "/v1/x?a=1&%s=***&b=2" % name
    assert [attempt.url for attempt in attempts] == [error.request.url] * 2


def test_ten_times_the_query_is_ten_times_the_work():
    def prepare(size):
        def ask():
            with pytest.raises(ProxyError):
                client.request("GET", "/v1/x?" + "token" * size)

        return ask

    with Dial(**settings(proxy=PROXY)) as client:
        assert_linear(prepare, 1000)


ECHOES = {
    "where an object was asked for": [length(b'"%b"' % KEY.encode())],
    "in a body that breaks off": [length(b"%b" % KEY.encode())[:-1], CUT],
    "in a head": [b"HTTP/1.1 200 OK\r\nx-echo: %b\r\nno name: x\r\n\r\n" % KEY.encode()],
    "in an event": [b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\ndata: {%b\n\n" % KEY.encode()],
    "in an event that is none": [b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\ndata: [%b]\n\n" % KEY.encode()],
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES)
def test_nor_does_an_answer_that_echoes_the_key_and_can_not_be_read(kind, stream, echo):
    async def ask(client):
        if kind == "sync":
            answer = client.chat.completions.create(**HELLO, stream=stream)
            return list(answer) if stream else answer
        answer = await client.chat.completions.create(**HELLO, stream=stream)
        return [event async for event in answer] if stream else answer

    with RawServer([[*echo, CUT]]) as server:
        error = error_of(kind, ask, base_url=server.url)
    assert list(shown(error)) == []


def test_errors_that_are_tied_into_a_ring_hang_nothing(kind):
    def ringed():
        error = ValueError("the vault is closed")
        error.__context__ = KeyError("a key")
        error.__context__.__context__ = error
        raise error

    error = error_of(kind, bucket, api_key=ringed)
    assert error.__context__.__context__ is error


def test_tracebacks_still_show_every_line(kind):
    frames = [frame.f_code.co_name for frame, _ in traceback.walk_tb(error_of(kind, bucket).__traceback__)]
    assert frames.index("get_raw") < frames.index("carry_out") < frames.index("send")
    with pytest.raises(DialException) as caught:
        Dial(**settings(api_key=KEY + "\n\0"))
    assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "header"
