"""Every wire script, through the sync and the async client: the same value or error class, the same connection."""

import sys

import pytest

from aidial_min import DialException, DialTimeoutError, Timeout
from tests.support.clients import KINDS, client_of
from tests.support.patience import PATIENCE, at_some_pace
from tests.support.rawserver import CUT, GOOD, HOLD, RESET, RawServer
from tests.transport.scripts import SCRIPTS, WHOLE

SETTINGS = {"max_retries": 0, "timeout": Timeout(*[PATIENCE] * 4)}


def perform(call, kind, what):
    """One call of the script's kind; for a stream (of a chat or a response), its text."""
    if what == "whole":
        return call(lambda client: client.bucket.get_bucket())
    if what == "download":
        if kind == "sync":
            return call(lambda client: client.files.download("files/b/x").get_content())

        async def content(client):
            return await (await client.files.download("files/b/x")).aget_content()

        return call(content)
    arguments = {"deployment_name": "m", "messages": [{"role": "user", "content": "x"}], "stream": True}

    def create(client):
        if what == "response":
            return client.responses.create(model="m", input="x", stream=True)
        return client.chat.completions.create(**arguments)

    if kind == "sync":
        return "".join(call(lambda client: list(create(client).text())))

    async def text(client):
        return "".join([piece async for piece in (await create(client)).text()])

    return call(text)


def text_of(partial):
    if partial is None or "output" in partial:
        return None if partial is None else partial.output_text
    return partial.choices[0].message.content if partial.choices else None


def check(script, kind, settings=SETTINGS):
    settings = {"debug": sys.flags.dev_mode, **settings}
    with RawServer([script.sends, GOOD]) as server, client_of(kind, base_url=server.url, **settings) as call:
        if isinstance(script.expect, type):
            with pytest.raises(DialException) as caught:
                perform(call, kind, script.call)
            error = caught.value
            assert type(error) is script.expect, repr(error)
            assert error.request_sent == script.sent
            assert error.request.url.startswith(server.url) and "\n" not in str(error)
            assert text_of(error.partial) == script.partial
        else:
            assert perform(call, kind, script.call) == script.expect
        server.wait_until_played()  # what the script still sends shall have come
        answered = call(lambda client: client.with_options(timeout=PATIENCE).bucket.get_bucket())
        assert answered == "b"  # whatever happened, the next call is sound
        first, second = server.requests[0][0], server.requests[-1][0]
        assert (first == second) is script.again
        assert len(server.requests) == 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: "%s: %s" % (script.call, script.name))
def test_script(script, kind, monkeypatch):
    if script.sends[-1] is not HOLD:  # nobody gives up waiting for the end of a stream that comes
        monkeypatch.setattr("aidial_min.transport.exchange.DRAIN", PATIENCE)
    if script.expect is not DialTimeoutError:
        return check(script, kind)
    at_some_pace(lambda pace: check(script, kind, {**SETTINGS, "timeout": Timeout(read=0.3 * pace)}))


def pausing(script):
    return any(step in (HOLD, RESET) or isinstance(step, float) for step in script.sends) or script.call == "download"


SHORT = [
    script for script in SCRIPTS if not pausing(script) and sum(len(s) for s in script.sends if s is not CUT) < 700
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "script", SHORT[:: len(SHORT) // 10], ids=lambda script: "%s: %s" % (script.call, script.name)
)  # all of them, at every split, are tried without sockets in core/test_http11.py
def test_script_sent_byte_by_byte(script, kind, monkeypatch):
    monkeypatch.setattr("aidial_min.transport.exchange.DRAIN", PATIENCE)
    data = b"".join(step for step in script.sends if step is not CUT)
    ends = [step for step in script.sends if step is CUT]
    check(script._replace(sends=[data[at : at + 1] for at in range(len(data))] + ends), kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_reused_connection_that_broke_is_replaced_at_once(kind):
    with RawServer([GOOD, [CUT], GOOD]) as server, client_of(kind, base_url=server.url, **SETTINGS) as call:
        assert [perform(call, kind, "whole") for _ in range(2)] == ["b", "b"]
        assert [request[0] for request in server.requests] == [1, 1, 2]


def test_the_table_is_as_large_as_it_should_be():
    assert len(SCRIPTS) >= 100 and len({(script.call, script.name) for script in SCRIPTS}) == len(SCRIPTS)
    assert len(WHOLE) >= 60
