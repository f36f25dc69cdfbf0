"""The Responses API of the embedded server, byte for byte; and through the programs that others wrote for it."""

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Optional
from urllib.parse import quote

import pytest

from aidial_min.testing import AppError, Deployment, DialServer

from ..support.patience import PATIENCE, until
from .raw_client import Answer, Raw, User, request_bytes

PATH = "/openai/v1/responses"
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def server() -> Iterator[DialServer]:
    with DialServer(generation="2026", keys={"one": "first", "two": "second"}) as server:
        yield server


@pytest.fixture
def user(server: DialServer) -> Iterator[User]:
    with User(server.port, "one") as user:
        yield user


def create(user: User, said: Any = "Hello there", model: str = "echo", path: str = PATH, **more: Any) -> Answer:
    return user.post(path, {"model": model, "input": said, **more})


def events(answer: Answer) -> list[Any]:
    """The events of a stream; the line `event:` says the same as the JSON."""
    found = []
    for frame in answer.text.split("\n\n")[:-1]:
        if not frame.startswith(":"):
            name, data = frame.split("\n")
            found.append(json.loads(data[len("data: ") :]))
            assert name == "event: " + found[-1]["type"]
    return found


def at(id: str) -> str:
    return f"{PATH}/{quote(id, safe='')}"


def test_a_whole_answer(user: User) -> None:
    answer = create(user)
    assert (answer.status, answer.header("X-UPSTREAM-ATTEMPTS")) == (200, "1")
    response = answer.json()
    assert response["id"].startswith("dial_echo_")
    assert (response["object"], response["status"], response["error"]) == ("response", "completed", None)
    assert response["output"] == [
        {
            "id": "msg_1", "status": "completed", "type": "message", "role": "assistant",
            "content": [{"type": "output_text", "text": "Hello there", "annotations": []}],
        }
    ]  # fmt: skip
    usage = response["usage"]
    assert (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]) == (2, 2, 4)


def test_a_stream(user: User) -> None:
    answer = create(user, stream=True)
    assert answer.header("content-type") == "text/event-stream; charset=utf-8"
    found = events(answer)
    assert [event["type"][len("response.") :] for event in found] == [
        "created", "in_progress", "output_item.added", "content_part.added", "output_text.delta", "output_text.delta",
        "output_text.done", "content_part.done", "output_item.done", "completed",
    ]  # fmt: skip
    assert [event["sequence_number"] for event in found] == list(range(10))
    assert found[0]["response"]["output"] == found[1]["response"]["output"] == []
    assert [event["delta"] for event in found[4:6]] == ["Hello ", "there"]
    assert found[-1]["response"]["output"] == [found[-2]["item"]]
    assert found[-1]["response"]["usage"]["total_tokens"] == 4


def test_azure_style_base_urls_create(user: User) -> None:
    assert create(user, path="/openai/responses").json()["status"] == "completed"


def test_input_becomes_messages(server: DialServer, user: User) -> None:
    seen: list[Any] = []

    def behaviour(request: Any) -> Iterator[Any]:
        seen.append((request.messages, request.asked["temperature"]))
        yield "ok"

    items = [
        {"role": "user", "content": [{"type": "input_text", "text": "What "}, {"type": "input_text", "text": "now?"}]},
        {"type": "reasoning", "summary": []},
        {"type": "function_call", "call_id": "c1", "name": "clock", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "noon"},
    ]
    with DialServer(generation="2026", deployments=[Deployment("app", behaviour=behaviour)]) as own:
        with User(own.port, own.api_key) as caller:
            assert create(caller, items, "app", instructions="Be short", temperature=0.5).status == 200
    called = {"id": "c1", "type": "function", "function": {"name": "clock", "arguments": "{}"}}
    assert seen == [
        (
            [
                {"role": "system", "content": "Be short"},
                {"role": "user", "content": "What now?"},
                {"role": "assistant", "content": None, "tool_calls": [called]},
                {"role": "tool", "tool_call_id": "c1", "content": "noon"},
            ],
            0.5,
        )
    ]  # fmt: skip


@pytest.mark.parametrize("stream", [False, True])
def test_tools_are_called(server: DialServer, user: User, stream: bool) -> None:
    server.reply("Let me see", tool_calls=[{"name": "add", "arguments": {"a": 1}}, {"name": "now"}])
    answer = create(user, stream=stream)
    response = events(answer)[-1]["response"] if stream else answer.json()
    assert [item["type"] for item in response["output"]] == ["message", "function_call", "function_call"]
    called = response["output"][1]
    assert (called["call_id"], called["name"], json.loads(called["arguments"])) == ("call_1", "add", {"a": 1})
    if stream:
        pieces = [
            e["delta"] for e in events(answer) if e["type"].endswith("arguments.delta") and e["output_index"] == 1
        ]
        assert json.loads("".join(pieces)) == {"a": 1}


def test_an_answer_that_was_cut(server: DialServer, user: User) -> None:
    server.reply("cut", finish_reason="length")
    last = events(create(user, stream=True))[-1]
    assert last["type"] == "response.incomplete"
    assert last["response"]["incomplete_details"] == {"reason": "max_output_tokens"}


def test_an_error_before_the_first_piece_is_a_status(server: DialServer, user: User) -> None:
    for stream in (False, True):
        server.reply(error=AppError("no", 418, code="teapot"))
        answer = create(user, stream=stream)
        assert (answer.status, answer.json()["error"]["code"]) == (418, "teapot")


def test_an_error_in_a_stream_is_its_last_event(server: DialServer, user: User) -> None:
    server.reply("partial ", error="late")
    found = events(create(user, stream=True))
    assert found[-1]["type"] == "response.failed"
    assert found[-1]["response"]["error"]["message"] == "late"
    assert found[-1]["response"]["output"][0]["content"][0]["text"] == "partial "


def test_a_stream_without_an_end(server: DialServer, user: User) -> None:
    server.reply("partial", done=False)
    assert events(create(user, stream=True))[-1]["type"] == "response.output_text.delta"


@pytest.mark.parametrize(
    "body, status, words",
    [
        (b"{", 400, None),
        (b"[]", 400, None),
        (b'{"model":"echo","input":"x","previous_response_id":null}', 400, "previous_response_id is not supported"),
        (b'{"model":"echo","input":"x","conversation":"c"}', 400, "conversation is not supported"),
        (b'{"model":"nobody","input":"x"}', 404, "Unknown application: nobody"),
        (b'{"input":"x"}', 404, None),
        (b'{"model":"embedding","input":"x"}', 503, "OpenAI responses not supported for this deployment type"),
        (
            b'{"model":"echo","input":[{"role":"user","content":[{"type":"input_file","file_url":"files/public/x"}]}]}',
            200,
            None,
        ),
        (
            b'{"model":"echo","input":[{"role":"user","content":[{"type":"input_image","image_url":"files/%s/x"}]}]}',
            403,
            None,
        ),
    ],
)
def test_what_is_refused(server: DialServer, user: User, body: bytes, status: int, words: Optional[str]) -> None:
    if b"%s" in body:
        with User(server.port, "two") as other:
            body = body % other.bucket.encode()
    with Raw(server.port) as raw:
        answer = raw.request("POST", PATH, {"Api-Key": "one", **JSON}, body)
        assert answer.status == status
        assert words is None or answer.text == words


def test_only_json_is_supported(server: DialServer) -> None:
    with Raw(server.port) as raw:
        answer = raw.request("POST", PATH, {"Api-Key": "one", "Content-Type": "text/plain"}, b"{}")
        assert (answer.status, answer.text) == (415, "Only application/json is supported")


# What is stored


def test_a_response_is_retrieved_and_deleted(user: User) -> None:
    made = create(user).json()
    found = user.get(at(made["id"]))
    assert (found.status, found.json()) == (200, made)
    assert found.header("X-UPSTREAM-ATTEMPTS") is None
    assert user.delete(at(made["id"])).json() == {"id": made["id"], "object": "response", "deleted": True}
    gone = user.get(at(made["id"]))
    assert (gone.status, gone.header("content-type")) == (404, None)
    assert gone.json()["error"]["message"] == f"Response with id '{made['id']}' not found."


def test_what_is_not_stored_is_not_found(user: User) -> None:
    assert user.get(at(create(user, store=False).json()["id"])).status == 404


def test_responses_belong_to_who_made_them(server: DialServer, user: User) -> None:
    made = create(user).json()["id"]
    with User(server.port, "two") as other:
        for answer in (other.get(at(made)), other.delete(at(made)), other.post(at(made) + "/cancel", {})):
            assert (answer.status, answer.text) == (403, "Access denied")


def test_strange_ids(user: User) -> None:
    assert user.get(at("resp_1")).text == "Failed to process response operation"
    assert user.get(at("dial_nobody_1")).status == 404
    assert user.get(at("dial_echo_1") + "/input_items").text == "Route is not found"


def test_ids_with_slashes_are_one_segment(server: DialServer, user: User) -> None:
    app = f"applications/{user.bucket}/my app"
    endpoint = {"endpoint": "http://app/openai/deployments/echo/chat/completions"}
    assert user.put(f"/v1/applications/{user.bucket}/my%20app", endpoint).status == 200
    made = create(user, model=app).json()
    assert made["id"].startswith(f"dial_applications/{user.bucket}/my")
    assert user.get(at(made["id"])).json() == made


# In the background


def test_a_background_answer_is_polled(server: DialServer, user: User) -> None:
    server.reply(chunks=["Hello ", 0.05, "there"])
    made = create(user, background=True).json()
    assert (made["status"], made["output"]) == ("queued", [])
    until(lambda: user.get(at(made["id"])).json()["status"] == "completed")
    assert user.get(at(made["id"])).json()["output"][0]["content"][0]["text"] == "Hello there"


def test_a_running_answer_shows_no_text_and_is_cancelled(server: DialServer, user: User) -> None:
    server.reply(chunks=["Hello ", 10 * PATIENCE, "there"])
    made = create(user, background=True).json()["id"]
    until(lambda: user.get(at(made)).json()["status"] == "in_progress")
    assert user.get(at(made)).json()["output"] == []
    refused = user.delete(at(made))
    assert (refused.status, refused.text) == (409, "Cannot delete response while background job is in progress")
    assert user.post(at(made) + "/cancel", {}).json()["status"] == "cancelled"
    assert user.get(at(made)).json()["status"] == "cancelled"
    assert user.delete(at(made)).status == 200


def test_only_background_answers_are_cancelled(user: User) -> None:
    assert user.post(at(create(user).json()["id"]) + "/cancel", {}).status == 400


def test_a_broken_stream_is_taken_up_again(server: DialServer, user: User) -> None:
    server.reply(chunks=["one ", "two ", 0.2, "three"])
    with Raw(server.port) as raw:
        body = json.dumps({"model": "echo", "input": "x", "stream": True, "background": True}).encode()
        raw.send(request_bytes("POST", PATH, {"Api-Key": "one", **JSON}, body))
        raw.head()
        made = json.loads(raw.chunk().split(b"data: ")[1])["response"]["id"]
    whole = events(user.get(at(made) + "?stream=true"))
    assert [event["sequence_number"] for event in whole] == list(range(len(whole)))
    assert whole[-1]["type"] == "response.completed"
    rest = events(user.get(at(made) + "?stream=true&starting_after=5"))
    assert rest == whole[6:]
    for no_number in ("x", "--5", "5-", "%C2%B2"):
        assert user.get(at(made) + "?stream=true&starting_after=" + no_number).text == "starting_after is a number"


def test_a_background_answer_that_fails(server: DialServer, user: User) -> None:
    server.reply(error=AppError("sorry", 429))
    made = create(user, background=True).json()["id"]
    until(lambda: user.get(at(made)).json()["status"] == "failed")
    assert user.get(at(made)).json()["error"]["message"] == "sorry"


def test_stop_ends_background_work() -> None:
    before = set(threading.enumerate())
    with DialServer(generation="2026") as server:
        server.reply(chunks=["x", 10 * PATIENCE, "y"])
        with User(server.port, server.api_key) as user:
            create(user, background=True)
    until(lambda: set(threading.enumerate()) <= before)


def test_usage_is_counted(server: DialServer, user: User) -> None:
    create(user, model="gpt-35-turbo", said="1+1=")
    stats = user.get("/v1/deployments/gpt-35-turbo/limits").json()
    assert stats["hourRequestStats"]["used"] == 1


def test_a_core_of_2024_knows_nothing_of_it() -> None:
    with DialServer() as server, User(server.port, server.api_key) as user:
        assert (create(user).status, create(user).text) == (502, "No route")


@pytest.mark.parametrize("package", ["openai", "langchain"])
def test_programs_that_others_wrote(server: DialServer, package: str) -> None:
    """AIDIAL_OPENAI_PYTHON and AIDIAL_LANGCHAIN_PYTHON name a Python that has openai, or langchain-openai."""
    python = os.environ.get(f"AIDIAL_{package.upper()}_PYTHON")
    if python is None:
        pytest.skip(f"AIDIAL_{package.upper()}_PYTHON is not set")
    program = Path(__file__).parent / "programs" / f"responses_{package}.py"
    inherited = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    command = [python, str(program), server.url, "one"]
    ran = subprocess.run(command, env=inherited, capture_output=True, text=True, timeout=10 * PATIENCE)
    assert ran.stdout == "ok\n", ran.stdout + ran.stderr
