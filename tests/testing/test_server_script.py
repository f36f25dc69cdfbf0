"""The server as a tool for one's own tests: scripted answers, failures, cuts, the record; and the package elsewhere."""

import json
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import aidial_min.testing
from aidial_min.testing import AppError, Deployment, DialServer

from ..support.patience import PATIENCE, until
from .raw_client import UPLOAD, Raw, User, request_bytes, upload_body

PACKAGE = Path(aidial_min.testing.__file__).parent


@pytest.fixture
def server() -> Iterator[DialServer]:
    with DialServer() as running:
        yield running


@pytest.fixture
def user(server: DialServer) -> Iterator[User]:
    with User(server.port, server.api_key) as user:
        yield user


def text_of(events: list[Any]) -> str:
    deltas = [event["choices"][0]["delta"] for event in events if event != "[DONE]" and event.get("choices")]
    return "".join(delta.get("content") or "" for delta in deltas)


def test_replies_are_used_once_and_in_order(server: DialServer, user: User) -> None:
    server.reply("first")
    server.reply("second", times=2)
    server.reply("for the calculator", deployment="calculator")
    answers = [user.chat("echo", "hi").json()["choices"][0]["message"]["content"] for _ in range(4)]
    assert answers == ["first", "second", "second", "hi"]
    assert text_of(user.chat("calculator", "1+1=", stream=True).events()) == "for the calculator"
    assert text_of(user.chat("calculator", "1+1=", stream=True).events()) == "2"
    server.reply("always", times=None)
    assert {user.chat("echo", "hi").json()["choices"][0]["message"]["content"] for _ in range(5)} == {"always"}
    server.reset()
    assert user.chat("echo", "hi").json()["choices"][0]["message"]["content"] == "hi"


def test_a_reply_with_everything(server: DialServer, user: User) -> None:
    script: dict[str, Any] = {
        "text": "Hello",
        "heartbeats": 2,
        "stages": [
            {"name": "Think", "content": "hard", "attachments": [{"title": "t", "data": "d"}]},
            {"name": "Fail", "status": "failed"},
        ],
        "attachments": [{"type": "image/png", "url": "files/b/x.png"}],
        "tool_calls": [{"name": "f", "arguments": {"a": 1}}, {"id": "x", "function": {"name": "g", "arguments": "[]"}}],
        "state": {"k": [1]},
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
        "statistics": {"discarded_messages": [0]},
    }
    server.reply(**script, times=2)
    answer = user.chat("echo", "hi").json()
    choice = answer["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] == "Hello"
    assert choice["message"]["custom_content"] == {
        "stages": [
            {"name": "Think", "status": "completed", "content": "hard", "attachments": [{"title": "t", "data": "d"}]},
            {"name": "Fail", "status": "failed"},
        ],
        "attachments": script["attachments"],
        "state": {"k": [1]},
    }
    calls = choice["message"]["tool_calls"]
    assert [(call["id"], call["function"]) for call in calls] == [
        ("call_1", {"name": "f", "arguments": '{"a": 1}'}),
        ("x", {"name": "g", "arguments": "[]"}),
    ]
    assert (answer["usage"], answer["statistics"]) == (script["usage"], script["statistics"])
    streamed = user.chat("echo", "hi", stream=True)
    assert streamed.text.startswith(": heartbeat\n\n: heartbeat\n\ndata: ")
    assert streamed.events()[-2]["usage"] == script["usage"]


def test_chunks_and_pauses(server: DialServer, user: User) -> None:
    raw_bytes = b": anything\n\n"
    server.reply(chunks=["a", 0.05, "b", {"reasoning_content": "hm"}, raw_bytes], finish_reason="length")
    begin = time.perf_counter()
    answer = user.chat("echo", "hi", stream=True)
    assert time.perf_counter() - begin > 0.05
    assert answer.chunks is not None
    assert raw_bytes in answer.chunks
    events = answer.events()
    assert [event["choices"][0]["delta"] for event in events[:-1]] == [
        {"role": "assistant"}, {"content": "a"}, {"content": "b"}, {"reasoning_content": "hm"}, {},
    ]  # fmt: skip
    assert events[-2]["choices"][0]["finish_reason"] == "length"
    server.reply("x", delay=0.03)
    begin = time.perf_counter()
    assert user.chat("echo", "hi").status == 200
    assert time.perf_counter() - begin > 0.03


@pytest.mark.parametrize("generation", ["2024", "2026"])
@pytest.mark.parametrize("stream", [False, True])
def test_usage_may_be_incomplete(generation: str, stream: bool) -> None:
    with DialServer(generation=generation) as server, User(server.port, server.api_key) as user:
        server.reply("x", usage={"prompt_tokens": 1})
        answer = user.chat("gpt-35-turbo", "hi", stream=stream)
        assert '"usage":{"prompt_tokens":1}' in answer.text
        assert user.get("/v1/bucket").status == 200


@pytest.mark.parametrize(
    "script",
    [{"text": 5}, {"text": {"a": 1}}, {"chunks": ["a", None]}, {"chunks": [["a"]]}, {"text": "a", "chunks": ["b"]}],
)
def test_what_is_no_answer_is_refused_where_it_is_written(server: DialServer, script: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        server.reply(**script)


@pytest.mark.parametrize("stream", [False, True])
def test_a_behaviour_that_fails_is_in_the_log(caplog: pytest.LogCaptureFixture, stream: bool) -> None:
    def broken(request: Any) -> Iterator[Any]:
        yield "a"
        yield None

    with DialServer(deployments=[Deployment("mine", behaviour=broken)]) as server:
        with User(server.port, server.api_key) as user:
            answer = user.chat("mine", "hi", stream=stream)
    assert "Error during processing the request" in answer.text
    assert answer.status == (200 if stream else 500)
    assert "The behaviour of mine failed" in caplog.text
    assert "is wanted in an answer, not None" in caplog.text


def test_errors_of_the_application(server: DialServer, user: User) -> None:
    server.reply(error="boom")
    answer = user.chat("echo", "hi", stream=True)
    assert (answer.status, answer.json()["error"]["message"]) == (500, "boom")
    error = AppError("later", 429, display_message="Please wait", code="429")
    server.reply("partial", error=error)
    events = user.chat("echo", "hi", stream=True).events()
    assert events[-2:] == [
        {"error": {"message": "later", "type": "runtime_error", "code": "429", "display_message": "Please wait"}},
        "[DONE]",
    ]
    server.reply(heartbeats=1, error="after a heartbeat")
    late = user.chat("echo", "hi", stream=True)
    assert late.status == 200
    assert late.events()[0]["error"]["message"] == "after a heartbeat"


def test_a_stream_without_done(server: DialServer, user: User) -> None:
    server.reply("partial", done=False)
    events = user.chat("echo", "hi", stream=True).events()
    assert text_of(events) == "partial"
    assert "[DONE]" not in events
    server.reply(done=False)
    assert user.chat("echo", "hi", stream=True).body == b""


def test_failures(server: DialServer, user: User) -> None:
    server.fail(429, times=2, retry_after=7)
    for _ in range(2):
        answer = user.chat("echo", "hi")
        assert (answer.status, answer.header("Retry-After")) == (429, "7")
        assert answer.json() == {"error": {"message": "Scripted failure", "code": "429"}}
    assert user.chat("echo", "hi").status == 200
    server.fail(503, path="/v1/files/", message="gone fishing")
    assert user.get("/v1/bucket").status == 200
    answer = user.get(f"/v1/files/{user.bucket}/x")
    assert (answer.status, answer.text, answer.header("content-type")) == (503, "gone fishing", None)
    assert user.get(f"/v1/files/{user.bucket}/x").status == 404
    server.fail(418, body={"odd": True}, headers={"X-Odd": "yes"}, times=None)
    assert user.get("/v1/bucket").json() == {"odd": True}
    assert user.get("/v1/bucket").header("X-Odd") == "yes"
    server.reset()
    assert user.get("/v1/bucket").status == 200


def test_failures_are_framed_well(server: DialServer, user: User) -> None:
    server.fail(204)
    answer = user.get("/v1/bucket")
    assert (answer.status, answer.body, answer.header("content-length")) == (204, b"", None)
    server.fail(500, body={"a": 1}, headers={"Content-Type": "application/problem+json", "Content-Length": "7"})
    answer = user.get("/v1/bucket")
    assert answer.headers[1:] == [("Content-Type", "application/problem+json"), ("Content-Length", "7")]
    assert user.get("/v1/bucket").status == 200


@pytest.mark.parametrize("method", ["fail", "reply", "drop"])
def test_no_times_is_never(server: DialServer, user: User, method: str) -> None:
    script = getattr(server, method)
    script(*([503] if method == "fail" else []), times=0)
    assert [user.chat("echo", "hi").json()["choices"][0]["message"]["content"] for _ in range(3)] == ["hi"] * 3
    with pytest.raises(ValueError, match="times"):
        script(*([503] if method == "fail" else []), times=-1)


@pytest.mark.parametrize(
    ("method", "argument"), [("fail", "503"), ("fail", 99), ("fail", 1000), ("fail", None), ("drop", -1)]
)
def test_what_is_no_status_or_number_of_bytes_is_refused(server: DialServer, method: str, argument: Any) -> None:
    """A client would meet it as a malformed answer, or wait for one until its time limit."""
    with pytest.raises(ValueError, match="number"):
        getattr(server, method)(argument)


def test_failures_keep_the_connection(server: DialServer, user: User) -> None:
    server.fail(503, path="/v1/files")
    bucket = user.bucket
    assert user.upload(f"/v1/files/{bucket}/x", b"x" * 300_000).status == 503
    assert user.get("/v1/bucket").status == 200
    assert server.requests[-2].body_size > 300_000


@pytest.mark.parametrize("after", [0, 1, 20, 100])
def test_cut_connections(server: DialServer, after: int) -> None:
    server.drop(after_bytes=after, path="/v1/bucket")
    headers = {"Api-Key": server.api_key}
    with Raw(server.port) as raw:
        raw.send(request_bytes("GET", "/v1/user/info", headers))
        assert raw.answer().status == 200
        raw.send(request_bytes("GET", "/v1/bucket", headers))
        while raw.more():
            pass
        assert len(raw.buffer) == after
    with Raw(server.port) as raw:
        assert raw.request("GET", "/v1/bucket", headers).status == 200


def test_a_cut_stream(server: DialServer) -> None:
    server.drop(after_bytes=700)
    body = {"messages": [{"role": "user", "content": "a b c d e f"}], "stream": True}
    headers = {"Api-Key": server.api_key, "Content-Type": "application/json"}
    with Raw(server.port) as raw:
        path = "/openai/deployments/echo/chat/completions"
        raw.send(request_bytes("POST", path, headers, json.dumps(body).encode()))
        while raw.more():
            pass
        assert len(raw.buffer) == 700
        assert raw.buffer.startswith(b"HTTP/1.1 200 OK")
        assert b"[DONE]" not in raw.buffer


def test_an_upload_whose_answer_is_cut_was_done(server: DialServer, user: User) -> None:
    path = f"/v1/files/{user.bucket}/x"
    server.drop(path=path)
    with Raw(server.port) as raw:
        raw.send(request_bytes("PUT", path, {"Api-Key": server.api_key, **UPLOAD}, upload_body(b"stored")))
        assert raw.ended()
    assert user.get(path).body == b"stored"


def test_the_record(server: DialServer, user: User) -> None:
    path = "/openai/deployments/echo/chat/completions"
    user.post(path, {"messages": [{"role": "user", "content": "hi"}]}, X_Conversation_ID="7")
    request = server.requests[-1]
    assert (request.method, request.path) == ("POST", path)
    assert request.json() == {"messages": [{"role": "user", "content": "hi"}]}
    assert request.headers["X-CONVERSATION-ID"] == "7"
    assert "x-conversation-id" in request.headers
    assert "absent" not in request.headers
    user.get("/v1/metadata/files/public/?limit=5&token=a%2Fb")
    assert server.requests[-1].query == {"limit": "5", "token": "a/b"}
    assert "/v1/metadata" in repr(server.requests[-1])
    user.upload(f"/v1/files/{user.bucket}/x", b"x" * 3_000_000)
    assert len(server.requests[-1].body) == 1 << 20
    assert server.requests[-1].body_size > 3_000_000
    assert [request.method for request in server.requests] == ["POST", "GET", "GET", "PUT"]
    server.reset()
    assert server.requests == []


REFUSED = [
    ("/openai/deployments/nobody/chat/completions", {"Content-Type": "application/json"}, 404),
    ("/v1/stable-diffusion-xl/rate", {}, 200),  # not refused, but nobody needs the body
    ("/v1/nowhere", {"Content-Type": "text/plain"}, 502),
    ("/v1/ops/resource/move", {"Api-Key": "wrong"}, 401),
]


@pytest.mark.parametrize("path, headers, status", REFUSED)
def test_the_record_has_the_body_of_what_was_refused(
    server: DialServer, path: str, headers: dict[str, str], status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As soon as there is an answer; http.client and others send head and body in two pieces."""
    monkeypatch.setattr("aidial_min.testing.script.ARRIVES", PATIENCE)
    given = {"Api-Key": server.api_key, **headers, "Content-Length": "8"}
    with Raw(server.port) as raw:
        for _ in range(50):
            raw.send(request_bytes("POST", path, given))
            raw.send(b'{"x": 1}')
            assert raw.answer().status == status
            assert server.requests[-1].json() == {"x": 1}
        chunked = {name: value for name, value in given.items() if name != "Content-Length"}
        body = b'8\r\n{"x": 1}\r\n0\r\n\r\n'
        assert raw.request("POST", path, {**chunked, "Transfer-Encoding": "chunked"}, body).status == status
        assert server.requests[-1].json() == {"x": 1}


def test_a_refusal_does_not_wait_for_a_body_that_does_not_come(server: DialServer) -> None:
    with Raw(server.port) as raw:
        for length in (10, 1 << 20):
            assert raw.request("POST", "/v1/bucket", {"Content-Length": str(length)}, b"x" * 9).status == 401
            raw.send(b"x" * (length - 9))
        assert raw.request("GET", "/v1/bucket", {"Api-Key": server.api_key}).status == 200
        headers = {"Content-Length": "10", "Connection": "close"}
        assert raw.request("POST", "/v1/bucket", headers, b"x" * 9).status == 401
        assert raw.ended()


def test_the_record_has_an_end(server: DialServer, user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aidial_min.testing.script.KEPT_REQUESTS", 3)
    monkeypatch.setattr("aidial_min.testing.script.KEPT_BYTES", 5000)
    for number in range(5):
        user.get(f"/v1/bucket?{number}")
    assert [request.target for request in server.requests] == ["/v1/bucket?2", "/v1/bucket?3", "/v1/bucket?4"]
    path = f"/v1/files/{user.bucket}/x"
    for _ in range(3):
        user.upload(path, b"x" * 2000)
    assert [request.method for request in server.requests] == ["PUT", "PUT"]


def test_reset_forgets_resources(server: DialServer, user: User) -> None:
    path = f"/v1/files/{user.bucket}/x"
    user.upload(path, b"x")
    server.reset(resources=False)
    assert user.get(path).status == 200
    server.reset()
    assert user.get(path).status == 404


def test_the_log() -> None:
    lines: list[str] = []
    with DialServer(log=lines.append) as server, User(server.port, server.api_key) as user:
        user.get("/v1/bucket?x=1")
        user.chat("echo", "hi")
        until(lambda: len(lines) == 2)
    assert lines[0].startswith("GET /v1/bucket?x=1 200 ")
    assert lines[1].startswith("POST /openai/deployments/echo/chat/completions 200 ")
    assert not any(server.api_key in line for line in lines)


# The package elsewhere

USE = """
import json, sys, urllib.request
from {name} import DialServer
with DialServer() as server:
    request = urllib.request.Request(server.url + "/v1/bucket", headers={{"Api-Key": server.api_key}})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({{}}))
    print(json.load(opener.open(request))["bucket"])
assert "pytest" not in sys.modules
"""


@pytest.mark.parametrize("flags", [["-I", "-S"], ["-I", "-OO"]])
def test_a_copied_folder(tmp_path: Path, flags: list[str]) -> None:
    target = tmp_path / "app" / "_vendor" / "renamed"
    target.mkdir(parents=True)
    for path in PACKAGE.glob("*.py"):
        (target / path.name).write_bytes(path.read_bytes())
    run(tmp_path / "app", flags, "_vendor.renamed")


def test_a_zip(tmp_path: Path) -> None:
    archive = tmp_path / "all.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for path in PACKAGE.glob("*.py"):
            packed.write(path, f"vendored/{path.name}")
    run(archive, ["-I", "-S"], "vendored")


def run(place: Path, flags: list[str], name: str) -> None:
    program = f"import sys; sys.path.insert(0, {str(place)!r})\n" + USE.format(name=name)
    done = subprocess.run(
        [sys.executable, *flags, "-W", "error", "-c", program], capture_output=True, text=True, timeout=PATIENCE
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip().isalnum()


def test_nothing_but_the_standard_library_and_relative_imports() -> None:
    import ast

    for path in PACKAGE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                # `server.client()` hands out the package's own client, where there is one.
                own = (path.name, node.level, node.module) == ("server.py", 2, None)
                assert own or node.level <= 1, f"{path.name} reaches out of its folder"
                names = [node.module or ""] if node.level == 0 else []
            for name in names:
                top = name.split(".")[0]
                assert top != "aidial_min", path.name
                if path.name != "pytest_plugin.py" and hasattr(sys, "stdlib_module_names"):
                    assert top in sys.stdlib_module_names, f"{path.name} imports {name}"


def test_the_pytest_fixture(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")  # otherwise one of a folder above would count
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["aidial_min.testing.pytest_plugin"]\n')
    (tmp_path / "test_it.py").write_text(
        "import pytest\n"
        "def test_one(dial_server):\n"
        "    assert dial_server.url.startswith('http://127.0.0.1:')\n"
        "class TestOptions:\n"
        "    @pytest.fixture\n"
        "    def dial_server_options(self):\n"
        "        return {'api_key': 'mine'}\n"
        "    def test_two(self, dial_server):\n"
        "        assert dial_server.api_key == 'mine'\n"
    )
    root = str(PACKAGE.parent.parent)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        str(tmp_path),
        "--rootdir",
        str(tmp_path),
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, env={"PYTHONPATH": root, "PATH": ""}, cwd=tmp_path
    )
    assert "2 passed" in done.stdout, done.stdout + done.stderr
