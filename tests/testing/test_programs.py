"""Testing one's own programs: the first unit test works, credentials, environments, what was asked and what was not."""

import asyncio
import base64
import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aidial_min import AuthenticationError, Dial, DialConnectionError, DialException, ResourceNotFoundError
from aidial_min.testing import Deployment, DialServer
from tests.support.rawserver import CUT, GOOD, RawServer
from tests.transport.scripts import CHUNKED, JSON, OK, chunks, length, raw_deflate

BROKEN_OFF = [GOOD[:-3], length(JSON, count=100), OK + CHUNKED + chunks(JSON, end=b""), OK + CHUNKED + b"zz\r\n"]
CODED = [
    length(gzip.compress(JSON), b"content-encoding: gzip"),
    length(raw_deflate(JSON), b"content-encoding: deflate"),
    OK + b"content-encoding: gzip\r\n" + CHUNKED + chunks(gzip.compress(JSON)),
    GOOD,
]
MESSAGES = [{"role": "user", "content": "Hello there"}]
#: As an adapter answered it, with fields that nobody here knows.
WHOLE: dict[str, Any] = {
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1790000000, "model": "gpt-4o-2024",
    "strange": {"a": [1]},
    "choices": [{
        "index": 0, "finish_reason": "tool_calls", "logprobs": None,
        "message": {
            "role": "assistant", "content": "Let me see", "refusal": None,
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a":1}'}}],
        },
    }],
    "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12},
}  # fmt: skip
EVENTS: list[dict[str, Any]] = [
    {"id": "c", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"role": "assistant"}}]},
    {"id": "c", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "Hello "}}]},
    {"id": "c", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "again"}}]},
    {"id": "c", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    {"id": "c", "object": "chat.completion.chunk", "choices": [], "usage": WHOLE["usage"]},
]


@pytest.fixture
def server() -> Iterator[DialServer]:
    with DialServer() as server:
        yield server


def ask(server: DialServer, deployment: str = "gpt-4o", **more: Any) -> Any:
    with server.client(max_retries=0) as client:
        create: Any = client.chat.completions.create
        answer = create(deployment_name=deployment, messages=MESSAGES, **more)
        return answer.result() if more.get("stream") else answer


def said(answer: Any) -> Any:
    return answer.choices[0].message.content


# Deployments


@pytest.mark.parametrize("stream", [False, True])
def test_a_reply_answers_whatever_the_program_asks_for(server: DialServer, stream: bool) -> None:
    server.reply("Hi", times=2)
    assert said(ask(server, "gpt-4o", stream=stream)) == "Hi"
    assert said(ask(server, "claude", stream=stream)) == "Hi"
    with pytest.raises(ResourceNotFoundError, match="claude"):
        ask(server, "claude", stream=stream)


def test_a_reply_declares_the_deployment_that_it_names(server: DialServer) -> None:
    server.reply("Hi", deployment="gpt-4o")
    with server.client() as client:
        assert "gpt-4o" in [model.id for model in client.deployments.list()]
    assert said(ask(server)) == "Hi"
    assert said(ask(server)) == "Hello there"


def test_deployments_are_declared_by_their_names() -> None:
    with DialServer(deployments=["gpt-4o", Deployment("app", behaviour="calculator")]) as server:
        assert said(ask(server)) == "Hello there"
        with pytest.raises(ResourceNotFoundError):
            ask(server, "echo")


ADAPTERS = {
    "verbosity": "low", "service_tier": "flex", "modalities": ["text"], "metadata": {"a": "b"}, "store": True,
    "prediction": {"type": "content", "content": "x"}, "web_search_options": {}, "reasoning_effort": "xhigh",
    "tools": [{"type": "custom", "custom": {"name": "grep"}}], "n": 1,
    "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}},
}  # fmt: skip


def test_models_take_what_adapters_take(server: DialServer) -> None:
    server.reply("Hi", deployment="gpt-4o", times=None)
    assert said(ask(server, extra_body=ADAPTERS)) == "Hi"
    with pytest.raises(DialException, match="extra fields not permitted"):
        ask(server, "echo", extra_body=ADAPTERS)


@pytest.mark.parametrize("strict", [True, False])
def test_strict_is_for_all_deployments(strict: bool) -> None:
    with DialServer(strict=strict) as server:
        for name in ("echo", "gemini-pro-vision"):
            if strict:
                with pytest.raises(DialException, match="extra fields not permitted"):
                    ask(server, name, extra_body={"verbosity": "low"})
            else:
                assert said(ask(server, name, extra_body={"verbosity": "low"})) == "Hello there"


# Clients and credentials


def test_clients_for_the_server(server: DialServer) -> None:
    async def main() -> Any:
        async with server.async_client() as client:
            return await client.chat.completions.create(deployment_name="echo", messages=MESSAGES)

    assert said(asyncio.run(main())) == "Hello there"
    assert server.requests[-1].headers["api-key"] == server.api_key
    with server.client(bearer_token=server.bearer_token) as client:
        client.bucket.get_raw()
    assert "api-key" not in server.requests[-1].headers


def test_a_server_in_a_coroutine() -> None:
    async def main() -> None:
        async with DialServer() as server:
            async with server.async_client() as client:
                assert await client.deployments.list()

    asyncio.run(main())


def test_bearer_tokens() -> None:
    with DialServer(tokens={"token-of-ann": "ann", "token-of-bob": "bob"}) as server:
        assert server.bearer_token == "token-of-ann"
        buckets = set()
        for token in ("token-of-ann", "token-of-bob"):
            with Dial(base_url=server.url, bearer_token=token, trust_env=False) as client:
                assert client.user.info().user_claims is not None
                buckets.add(client.bucket.get_bucket())
        assert len(buckets) == 2
        with Dial(base_url=server.url, bearer_token="another", trust_env=False) as client:
            with pytest.raises(AuthenticationError):
                client.user.info()


def test_the_environment_names_the_server(server: DialServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIAL_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("DIAL_BEARER_TOKEN", "mine")
    monkeypatch.delenv("DIAL_API_KEY", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    before = dict(os.environ)
    with server.environment(MY_MODEL="echo"):
        assert os.environ["MY_MODEL"] == "echo"
        with Dial() as client:
            assert client.deployments.list()
    assert dict(os.environ) == before


# What was asked, and what was not


def test_requests_are_picked(server: DialServer) -> None:
    ask(server, "echo")
    ask(server, "calculator")
    with server.client() as client:
        client.deployments.list()
    assert len(server.requests.where(path="/chat/completions")) == 2
    (one,) = server.requests.where(method="POST", deployment="calculator")
    assert one.json()["messages"] == MESSAGES
    assert not server.requests.where(deployment="calculator").where(method="GET")
    assert server.requests.where(path="/openai/deployments")[-1].deployment is None


def test_replies_that_were_not_used(server: DialServer) -> None:
    server.reply("one", times=2)
    server.reply("always", times=None)
    server.fail(503, path="/v1/files")
    with pytest.raises(AssertionError, match="2 x for any deployment; 1 x for /v1/files"):
        server.assert_all_replies_used()
    ask(server, "echo")
    ask(server, "echo")
    with server.client(max_retries=0) as client, pytest.raises(DialException):
        client.files.delete(f"files/{client.bucket.get_bucket()}/x")
    server.assert_all_replies_used()


def test_only_what_was_scripted() -> None:
    with DialServer(only_scripted=True) as server:
        server.reply("Hi")
        assert said(ask(server, "echo")) == "Hi"
        server.assert_nothing_unexpected()
        with pytest.raises(DialException, match="Nothing was scripted for this call of 'echo'"):
            ask(server, "echo")
        with pytest.raises(AssertionError, match="echo"):
            server.assert_nothing_unexpected()


# Recorded answers


def test_a_whole_answer_comes_as_it_was_recorded(server: DialServer) -> None:
    server.reply(WHOLE)
    answer = ask(server)
    assert (answer.id, answer["strange"]) == ("chatcmpl-1", {"a": [1]})
    assert answer.choices[0].message.tool_calls[0].function.arguments == '{"a":1}'
    server.reply(WHOLE)
    streamed = ask(server, stream=True)
    assert (said(streamed), streamed.choices[0].finish_reason) == ("Let me see", "tool_calls")
    assert streamed.choices[0].message.tool_calls[0].function.name == "add"
    assert streamed.usage.total_tokens == 12


def sse(events: list[dict[str, Any]], end: str = "\n\n") -> str:
    return "".join(f"data: {json.dumps(event)}{end}" for event in events) + f"data: [DONE]{end}"


@pytest.mark.parametrize("form", ["list", "path", "text", "crlf"])
def test_a_stream_comes_as_it_was_recorded(server: DialServer, tmp_path: Path, form: str) -> None:
    path = tmp_path / "stream.txt"
    path.write_bytes(sse(EVENTS, "\r\n\r\n" if form == "crlf" else "\n\n").encode())
    recorded: Any = {"list": EVENTS, "path": path}.get(form, str(path))
    server.reply(stream=recorded, times=2)
    streamed = ask(server, stream=True)
    assert (said(streamed), streamed.usage.total_tokens) == ("Hello again", 12)
    assert said(ask(server)) == "Hello again"


def test_a_recorded_answer_of_the_responses_api() -> None:
    response = {"id": "resp_1", "object": "response", "status": "completed", "output": [], "kept": 1}
    events = [
        {"type": "response.created", "sequence_number": 0, "response": dict(response, status="in_progress")},
        {"type": "response.new_kind", "sequence_number": 1},
        {"type": "response.completed", "sequence_number": 2, "response": response},
    ]
    with DialServer(generation="2026") as server, server.client() as client:
        for recorded in ({"text": response}, {"stream": events}):
            server.reply(**recorded, times=2)  # type: ignore[arg-type]
            body = {"model": "gpt-5", "input": "x"}
            assert client.request("POST", "/openai/v1/responses", json=body).json() == response
            streamed = client.request("POST", "/openai/v1/responses", json={**body, "stream": True})
            assert "event: response.completed" in streamed.text
    assert server.requests[-1].deployment == "gpt-5"


def test_what_is_no_recorded_answer(server: DialServer, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="chunks"):
        server.reply({"content": "x"})
    with pytest.raises(FileNotFoundError):
        server.reply(stream=tmp_path / "nothing")


# Cassettes


def run_program(server: DialServer, key: str) -> list[Any]:
    """A program under test; what it found."""
    with server.client(api_key=key, max_retries=0) as client:
        bucket = client.bucket.get_bucket()
        stored = client.files.upload(f"files/{bucket}/note.bin", b"\xff\x00 note")
        found = [said(client.chat.completions.create(deployment_name="echo", messages=MESSAGES)), stored.url]
        found.append(client.files.download(stored.url).get_content())
        streamed = client.chat.completions.create(deployment_name="echo", messages=MESSAGES, stream=True)
        found.append(list(streamed.text()))
        with pytest.raises(ResourceNotFoundError) as refused:
            client.chat.completions.create(deployment_name="nobody", messages=MESSAGES)
        return found + [str(refused.value)]


@pytest.mark.parametrize("matching", ["strict", "loose"])
def test_a_program_meets_yesterdays_answers(tmp_path: Path, matching: str) -> None:
    cassette = tmp_path / "cassette.jsonl"
    with DialServer(api_key="key-of-the-team") as upstream:
        upstream.reply(chunks=["key-of-the-team ", 0.01, "is secret"], times=1)
        with DialServer(record=cassette, upstream=upstream.url) as recorder:
            recorded = run_program(recorder, "key-of-the-team")
            with DialServer(record=cassette, upstream="http://127.0.0.1:9") as nowhere:
                with nowhere.client(max_retries=0) as client, pytest.raises(DialException, match="can't be reached"):
                    client.bucket.get_bucket()
    kept = cassette.read_text(encoding="utf-8")
    assert "key-of-the-team" not in kept and "api-key" not in kept.lower() and "*** is secret" in kept
    with DialServer(replay=cassette, matching=matching) as player:
        replayed = run_program(player, "another")
        assert replayed[1:] == recorded[1:]
        assert len(player.requests) == 6
        if matching == "strict":
            with pytest.raises(DialException, match="was given already"):
                run_program(player, "another")
        else:
            run_program(player, "another")


@pytest.mark.parametrize("sent", [*BROKEN_OFF, *CODED], ids=range(len(BROKEN_OFF + CODED)))
def test_what_comes_through_a_recorder_is_what_came(sent: bytes, tmp_path: Path) -> None:
    """A part of an answer is no answer, and is not kept as one; what was compressed unasked can be read."""
    cassette, found = tmp_path / "cassette.jsonl", []
    headers = {"accept-encoding": "gzip"}  # as other clients send it: nothing is compressed twice
    with RawServer([[sent, CUT]]) as upstream, DialServer(record=cassette, upstream=upstream.url) as recorder:
        with recorder.client(max_retries=0) as client:
            try:
                found = [client.bucket.get_bucket(), client.request("GET", "/v1/bucket", headers=headers).json()]
            except DialConnectionError:
                pass
    assert found == ([] if sent in BROKEN_OFF else ["b", {"bucket": "b"}])
    assert cassette.exists() is bool(found)
    if found:
        with DialServer(replay=cassette) as player, player.client() as client:
            assert client.bucket.get_bucket() == "b"


def test_a_credential_is_masked_in_what_is_no_text_and_across_pieces(tmp_path: Path) -> None:
    cassette, key = tmp_path / "cassette.jsonl", "key-of-the-team"
    begun, rest = OK + CHUNKED + chunks(b"\xff key-of-", end=b""), chunks(b"the-team \xfe")
    with RawServer([[begun, 0.3, rest]]) as upstream, DialServer(record=cassette, upstream=upstream.url) as recorder:
        with recorder.client(api_key=key) as client:
            client.request("POST", "/v1/x", content=b"\xff " + key.encode())
    (line,) = [json.loads(line) for line in cassette.read_text(encoding="utf-8").splitlines()]
    kept = [line["request"]["body"], *line["response"]["pieces"]]
    assert b"".join(base64.b64decode(one["base64"]) for one in kept) == b"\xff ***\xff *** \xfe"


def test_an_interim_answer_is_not_recorded_as_the_answer(tmp_path: Path) -> None:
    cassette = tmp_path / "cassette.jsonl"
    with RawServer([b"HTTP/1.1 103 Hints\r\n\r\n" + GOOD]) as upstream:
        with DialServer(record=cassette, upstream=upstream.url) as recorder, recorder.client(max_retries=0) as client:
            with pytest.raises(DialException, match="interim"):
                client.bucket.get_bucket()
    assert not cassette.exists()


def test_credentials_in_queries_are_not_recorded(tmp_path: Path) -> None:
    cassette, found = tmp_path / "cassette.jsonl", []
    with DialServer() as upstream:
        for key, given in (
            ("of-the-team", {"record": cassette, "upstream": upstream.url}),
            ("x", {"replay": cassette}),
        ):
            with DialServer(**given) as server, server.client(api_key=upstream.api_key) as client:
                found.append(client.request("GET", "/v1/bucket", query={"a": 1, "subscription-key": key}).json())
    assert "of-the-team" not in cassette.read_text(encoding="utf-8") and found[0] == found[1]


def test_failures_come_before_the_cassette(tmp_path: Path) -> None:
    cassette = tmp_path / "cassette.jsonl"
    cassette.touch()
    with DialServer(replay=str(cassette)) as player, player.client(max_retries=0) as client:
        player.fail(418)
        with pytest.raises(DialException) as failed:
            client.deployments.list()
        assert failed.value.status_code == 418


@pytest.mark.parametrize(
    "options",
    [{"record": "x"}, {"upstream": "http://x"}, {"record": "x", "upstream": "ftp://x"}, {"matching": "exact"}],
)
def test_cassettes_refuse(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        DialServer(**options)


# The fixture


PROGRAM = """
import pytest

def ask(server, deployment="gpt-4o"):
    with server.client(max_retries=0) as client:
        answer = client.chat.completions.create(
            deployment_name=deployment, messages=[{"role": "user", "content": "Hello"}]
        )
    return answer.choices[0].message.content

def test_a_reply(dial_server):
    dial_server.reply("Hi")
    assert ask(dial_server) == "Hi"

def test_a_missing_deployment(dial_server):
    ask(dial_server)

@pytest.mark.dial_server(deployments=["gpt-4o"], generation="2026")
def test_options(dial_server):
    assert ask(dial_server) == "Hello"

@pytest.mark.dial_server(all_replies_used=True)
def test_left_over(dial_server):
    dial_server.reply("Hi")

@pytest.mark.dial_server(only_scripted=True)
class TestScripted:
    def test_unexpected(self, dial_server):
        with pytest.raises(Exception):
            ask(dial_server, "echo")
"""


def test_the_pytest_fixture_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")  # else a folder above may have one
    (tmp_path / "test_program.py").write_text(PROGRAM, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "aidial_min.testing.pytest_plugin", "-p", "no:cacheprovider"]
    command += ["--strict-markers", "--rootdir", str(tmp_path), str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, cwd=tmp_path)
    for words in (
        "1 failed, 4 passed, 2 errors",
        "There is no deployment 'gpt-4o' for this caller: DialServer(deployments=['gpt-4o']) or server.reply(",
        "scripted and not used: 1 x for any deployment",
        "Nothing was scripted for this call of 'echo'",
    ):
        assert words in ran.stdout, ran.stdout + ran.stderr
