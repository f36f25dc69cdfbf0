"""Chat completions: what is sent, what comes back whole, and what comes in pieces."""

import dataclasses
import enum
import json
from types import MappingProxyType
from typing import Optional

import pytest

from aidial_min import (
    ConfigurationError,
    InvalidRequestError,
    ParsingDataError,
    RateLimitError,
    ResourceNotFoundError,
    ServerError,
    StreamInterruptedError,
)
from aidial_min.types import ChatCompletionMessage, ChatCompletionResponse

MESSAGES = [{"role": "user", "content": "2+3="}]


def create(do, **arguments):
    given = {"deployment_name": "calculator", "messages": MESSAGES, **arguments}
    return do(lambda c: c.chat.completions.create(**given))


def events_of(do, stream):
    async def read(client):
        return [event async for event in stream]

    return list(stream) if do.kind == "sync" else do(read)


def test_a_whole_answer(core, dial, last):
    do = dial(core)
    answer = create(do, temperature=0, seed=None, stop=["x"])
    assert isinstance(answer, ChatCompletionResponse) and answer.choices[0].message.content == "5"
    assert last(core) == (
        "POST",
        "/openai/deployments/calculator/chat/completions",
        {"temperature": 0, "stop": ["x"], "messages": MESSAGES, "model": "calculator", "stream": False},
    )


def test_a_streamed_answer_merges_into_the_whole_one(core, dial, last):
    do = dial(core)
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    stages = [{"name": "Search", "content": "x", "status": "completed"}]
    core.reply(chunks=["one ", "two"], stages=stages, state={"k": [1]}, usage=usage, times=3)
    whole = create(do)
    chunks = events_of(do, create(do, stream=True))
    assert last(core)[2]["stream"] is True and len(chunks) > 3
    stream = create(do, stream=True)
    merged = do(lambda c: stream.result())
    assert merged.choices[0].message.to_dict() == whole.choices[0].message.to_dict()
    assert merged.usage == whole.usage and merged.choices[0].message.custom_content.state == {"k": [1]}


def test_an_answer_is_sent_back_without_nulls(core, dial, last):
    do = dial(core)
    message = ChatCompletionMessage.from_json(
        {
            "role": "assistant",
            "content": None,
            "custom_content": {
                "attachments": [{"type": None, "url": "https://example.com/a", "title": "t"}],
                "stages": None,
                "state": {"kept": None},
            },
        }
    )
    create(do, messages=[*MESSAGES, message, *MESSAGES])
    assert last(core)[2]["messages"][1] == {
        "role": "assistant",
        "content": None,
        "custom_content": {
            "attachments": [{"url": "https://example.com/a", "title": "t"}],
            "state": {"kept": None},
        },
    }


def test_addresses_of_attachments_are_written_so_that_core_can_read_them(core, dial, last):
    """It writes colons as they are, and answers 400 to many that come so."""
    do = dial(core)
    base = "files/%s/" % do(lambda c: c.my_bucket())
    content = {"attachments": [{"url": base + "12:30.txt"}], "state": {"url": "files/:"}}
    create(do, messages=[{"role": "user", "content": "x", "custom_content": content}])
    sent = last(core)[2]["messages"][0]["custom_content"]
    assert sent == {"attachments": [{"url": base + "12%3A30.txt"}], "state": {"url": "files/:"}}


def test_nulls_of_a_dumped_answer_are_not_sent(core, dial, last):
    do = dial(core)
    message = create(do).choices[0].message
    create(do, messages=[*MESSAGES, message.model_dump(), {"role": "user", "content": "6*7=", "name": None}])
    assert last(core)[2]["messages"][1:] == [
        {"role": "assistant", "content": "5"},
        {"role": "user", "content": "6*7="},
    ]


def test_an_empty_list_of_tool_calls_is_not_sent(core, dial, last):
    """vLLM sends one with every answer, and OpenAI refuses it."""
    do = dial(core)
    create(do, messages=[{"role": "assistant", "content": "5", "tool_calls": []}, *MESSAGES])
    assert last(core)[2]["messages"] == [{"role": "assistant", "content": "5"}, *MESSAGES]


@pytest.mark.parametrize("kind", [tuple, iter, lambda of: (one for one in of), lambda of: {1: of[0]}.values()])
def test_messages_may_be_any_iterable(older, dial, last, kind):
    do = dial(older)
    assert create(do, messages=kind(MESSAGES)).choices[0].message.content == "5"
    assert last(older)[2]["messages"] == MESSAGES


def test_a_message_may_be_any_mapping(older, dial, last):
    create(dial(older), messages=[MappingProxyType(MESSAGES[0])])
    assert last(older)[2]["messages"] == MESSAGES


def test_what_is_sent_besides(older, dial, last):
    do = dial(older, api_version="2023")
    extra = {"extra_params": {"a": 1, "b": 1}, "extra_query": {"b": 2}, "extra_body": {"user": "me"}}
    create(do, api_version="2024", n=1, user="you", **extra)
    _, target, body = last(older)
    assert target == "/openai/deployments/calculator/chat/completions?api-version=2024&a=1&b=2"
    assert (body["user"], body["n"]) == ("me", 1)
    create(do, model="other", extra_headers={"X-Conversation-Id": "c"})
    assert last(older)[1].endswith("?api-version=2023") and last(older)[2]["model"] == "other"
    assert older.requests[-1].headers["x-conversation-id"] == "c"


def test_misspelt_parameters_are_not_sent(older, dial):
    do = dial(older)
    with pytest.raises(TypeError, match="Did you mean 'temperature'.*extra_body"):
        create(do, temprature=1)
    for messages in ("text", {"role": "user"}, ChatCompletionMessage(content="x"), None, 5):
        with pytest.raises(InvalidRequestError):
            create(do, messages=messages)
    for name in ("", "a//b", None):
        with pytest.raises(InvalidRequestError):
            create(do, deployment_name=name)
    assert not older.requests


def test_messages_that_contain_themselves_are_refused(older, dial):
    content = []
    content.append(content)
    with pytest.raises(InvalidRequestError, match="can't be written as JSON") as caught:
        create(dial(older), messages=[{"role": "user", "content": content}])
    assert caught.value.request_sent == "no" and not older.requests


@pytest.mark.parametrize("name", ["extra_headers", "extra_query", "extra_params", "extra_body"])
@pytest.mark.parametrize("value", ["x", [("a", "b")], 5])
def test_further_fields_are_given_as_a_mapping(older, dial, name, value):
    with pytest.raises(InvalidRequestError, match="%s must be a dict" % name):
        create(dial(older), **{name: value})
    assert not older.requests


@pytest.mark.parametrize("argument", [{"max_retries": "x"}, {"max_retries": -1}, {"timeout": 0}, {"timeout": "x"}])
def test_settings_of_one_call_are_checked_before_it_is_sent(older, dial, argument):
    with pytest.raises(ConfigurationError, match=next(iter(argument))):
        create(dial(older), **argument)
    assert not older.requests


def test_errors_of_core_and_of_the_deployment(core, dial):
    do = dial(core, max_retries=0)
    with pytest.raises(ResourceNotFoundError):
        create(do, deployment_name="none")
    error = {"error": {"message": "Hit token rate limit", "code": "429", "display_message": "Wait"}}
    core.fail(429, body=error, retry_after=7)
    with pytest.raises(RateLimitError) as caught:
        create(do)
    assert (caught.value.retry_after, caught.value.display_message) == (7, "Wait")
    core.fail(502, body="No route")
    with pytest.raises(ServerError, match="No route"):
        create(do)


def test_an_error_inside_the_answer(core, dial):
    core.fail(200, body={"error": {"message": "no", "code": "429"}})
    with pytest.raises(RateLimitError):
        create(dial(core))


def test_an_error_inside_a_stream_keeps_what_came(core, dial):
    core.reply(chunks=["one "], error="failed")
    do = dial(core)
    stream = create(do, stream=True)
    with pytest.raises(Exception, match="failed") as caught:
        events_of(do, stream)
    assert caught.value.partial.choices[0].message.content == "one "


# ---------------------------------------------------------------- what people pass, and what comes instead


class Kind(str, enum.Enum):
    USER = "user"
    CALCULATOR = "calculator"


@dataclasses.dataclass
class Question:
    content: str
    role: Kind = Kind.USER
    name: Optional[str] = None


def test_messages_may_be_objects_of_one_s_own(core, dial, last):
    do = dial(core)
    answer = create(do, deployment_name=Kind.CALCULATOR, messages=(Question("2+3="),), user=Kind.USER)
    assert answer.choices[0].message.content == "5"
    method, path, body = last(core)
    assert path == "/openai/deployments/calculator/chat/completions"
    assert body["messages"] == [{"content": "2+3=", "role": "user"}] and body["user"] == "user"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            {"messages": [{"role": "user", "content": [b"x"]}]},
            r"messages\[0\].content\[0\] can't be sent as JSON: it is",
        ),
        ({"tools": [{"type": Kind}]}, r"tools\[0\].type can't be sent: it is the class .*Kind"),
        ({"temperature": float("nan")}, "temperature can't be sent: JSON has no number nan"),
        ({"extra_body": {"a": {1}}}, "a can't be sent as JSON: it is a set"),
    ],
)
def test_what_can_not_be_sent_is_named_with_its_place(core, dial, arguments, words):
    do = dial(core)
    before = len(core.requests)
    with pytest.raises(InvalidRequestError, match=words):
        create(do, **arguments)
    assert len(core.requests) == before


def test_a_streamed_answer_can_be_sent_back_whatever_the_gateway_left_out(core, dial, last):
    do = dial(core)
    calls = [
        [{"function": {"name": "f"}}],
        [{"function": {"arguments": "{}"}}],
        [{"id": "b", "function": {"name": "g"}}],
    ]
    chunks = [{"choices": [{"delta": {"tool_calls": call}}]} for call in calls]
    body = "".join("data: %s\n\n" % json.dumps(chunk) for chunk in chunks) + "data: [DONE]\n\n"
    core.fail(200, body=body, headers={"content-type": "text/event-stream"})
    stream = create(do, stream=True)
    message = do(lambda c: stream.result()).choices[0].message
    core.fail(200, body=json.dumps(WHOLE))
    create(do, messages=[message])
    assert last(core)[2]["messages"] == [
        {
            "role": "assistant",
            "tool_calls": [
                {"type": "function", "function": {"name": "f", "arguments": "{}"}},
                {"id": "b", "type": "function", "function": {"name": "g", "arguments": ""}},
            ],
        }
    ]


def test_enums_in_paths_queries_and_headers(core, dial):
    do = dial(core)
    do(lambda c: c.request("GET", "/v1/bucket", query={"a": Kind.USER}, headers={"x-kind": Kind.USER}))
    assert core.requests[-1].target == "/v1/bucket?a=user" and core.requests[-1].headers["x-kind"] == "user"


def test_a_whole_answer_knows_its_headers(core, dial):
    do = dial(core)
    answer = create(do)
    assert "content-type" in answer.response_headers and "response_headers" not in answer
    stream = create(do, stream=True)
    events_of(do, stream)
    merged = do(lambda c: stream.result())
    assert merged.response_headers["content-type"].startswith("text/event-stream")
    assert merged.choices[0].message.response_headers == {}


WHOLE = {"object": "chat.completion", "choices": [{"index": 0, "finish_reason": "stop", "message": {"content": "5"}}]}


def test_a_whole_completion_where_a_stream_was_asked_for(core, dial):
    do = dial(core)
    core.fail(200, body=json.dumps(WHOLE), headers={"content-type": "application/json"}, times=2)
    (chunk,) = events_of(do, create(do, stream=True))
    assert chunk.choices[0].delta.content == "5"
    stream = create(do, stream=True)
    assert do(lambda c: stream.result()).choices[0].message.content == "5"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/html", "<html><body>Please sign in</body></html>"),
        ("text/plain", "Please sign in"),
        ("application/json", '[{"error": {"message": "Please sign in"}}]'),
    ],
)
def test_a_200_that_is_no_event_stream(core, dial, kind, body):
    do = dial(core)
    core.fail(200, body=body, headers={"content-type": kind})
    stream = create(do, stream=True)
    with pytest.raises(ParsingDataError, match="expected an event stream, found %s" % kind) as caught:
        events_of(do, stream)
    error = caught.value
    assert error.body == body and error.headers["content-type"] == kind and "Please sign in" in str(error)


def test_a_stream_without_done_is_whole_when_every_choice_is(core, dial):
    do = dial(core)
    part = {"index": 0, "delta": {"content": "5"}, "finish_reason": None}
    last = {"index": 0, "delta": {}, "finish_reason": "stop"}
    events = ["data: %s\n\n" % json.dumps({"choices": [choice]}) for choice in (part, last)]
    for body, whole in (("".join(events), True), (events[0], False), (events[0] + "data: [DONE]", True)):
        core.fail(200, body=body, headers={"content-type": "text/event-stream"})
        stream = create(do, stream=True)
        if whole:
            assert [chunk.choices[0].delta.content for chunk in events_of(do, stream)][0] == "5"
        else:
            with pytest.raises(StreamInterruptedError):
                events_of(do, stream)


def test_newer_parameters_have_names(core, dial, last):
    do = dial(core)
    core.fail(200, body=json.dumps(WHOLE))  # an upstream that knows them: applications of the SDK refuse them
    given = {"verbosity": "low", "service_tier": "flex", "store": False, "metadata": {"a": "b"}}
    given.update(
        safety_identifier="u",
        modalities=["text"],
        audio={"voice": "v"},
        prediction={"type": "content"},
        web_search_options={},
    )
    create(do, **given, prompt_cache_retention="24h")
    assert last(core)[2].items() >= given.items()
