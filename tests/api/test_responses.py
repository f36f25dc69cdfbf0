"""The Responses API: whole, streamed, in the background; what Core refuses; which Core has it."""

import inspect
import json
import operator

import pytest

from aidial_min import (
    ConflictError,
    DialTimeoutError,
    EndpointNotSupportedError,
    InvalidRequestError,
    ResourceNotFoundError,
    StreamInterruptedError,
)
from aidial_min.api.responses import AsyncResponses, Responses
from aidial_min.types import ResponseItem, ResponseObject, ResponseParams

from ..support.names import CALL_OPTIONS
from ..support.patience import PATIENCE
from ..support.rawserver import CUT, RawServer

QUESTION = [{"role": "user", "content": "20+3="}]


def create(model="calculator", input=QUESTION, **options):
    return lambda client: client.responses.create(model=model, input=input, **options)


def events_of(do, call):
    """Events and merged response of a stream that a client opens."""
    if do.kind == "sync":
        stream = do(call)
        return list(stream), stream.result()

    async def read(client):
        stream = await call(client)
        return [event async for event in stream], await stream.result()

    return do(read)


@pytest.mark.parametrize("cls", [Responses, AsyncResponses])
def test_the_named_parameters_are_those_of_the_types(cls):
    options = {"model", "input", "stream", "previous_response_id", "conversation"} | CALL_OPTIONS
    assert set(inspect.signature(cls(None).create).parameters) == options | set(ResponseParams.__annotations__)


def test_an_input_is_answered(newer, dial, last):
    answer = dial(newer)(create(instructions="be short", temperature=None, custom_fields={"configuration": {"a": 1}}))
    assert answer.output_text == "23" and answer.status == "completed" and answer.id.startswith("dial_calculator_")
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens
    assert answer.output[0].content[0].text == "23"
    method, target, body = last(newer)
    assert (method, target) == ("POST", "/openai/v1/responses")
    assert body == {
        "model": "calculator",
        "input": QUESTION,
        "stream": False,
        "instructions": "be short",
        "custom_fields": {"configuration": {"a": 1}},
    }


def test_a_deployment_is_named_encoded_or_not(newer, dial, last):
    for model in ("applications/b/my app", "applications/b/my%20app"):
        with pytest.raises(ResourceNotFoundError):
            dial(newer)(create(model=model, prompt={"id": "p"}))
        body = last(newer)[2]
        assert body["model"] == "applications/b/my app" and body["prompt"] == {"id": "p"}


def test_a_text_is_an_input_and_an_item_of_an_answer_goes_back_as_it_came(newer, dial, last):
    do = dial(newer)
    answer = do(create(input="20+3="))
    again = do(create(input=[*QUESTION, *answer.output, {"role": "user", "content": "1+1="}]))
    assert again.output_text == "2"
    assert last(newer)[2]["input"][1] == answer.output[0].to_dict()


def test_a_stream_of_events(newer, dial):
    events, result = events_of(dial(newer), create(stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[0].type == "response.created" and events[-1].type == "response.completed"
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == "23"
    assert result.output_text == "23" and result == events[-1].response


def test_a_background_response_is_waited_for(newer, dial):
    do = dial(newer)
    queued = do(create(background=True))
    assert queued.status in ("queued", "in_progress")
    assert do(lambda c: c.responses.wait(queued.id, timeout=60)).output_text == "23"
    assert do(lambda c: c.responses.retrieve(queued.id)).status == "completed"


def test_waiting_ends_with_its_time(newer, dial):
    newer.reply(chunks=["late"], delay=PATIENCE)
    do = dial(newer)
    queued = do(create(background=True))
    with pytest.raises(DialTimeoutError, match="still") as raised:
        do(lambda c: c.responses.wait(queued.id, timeout=0.1))
    assert raised.value.limit == "total"
    for wrong in ("5", [5], {}):
        with pytest.raises(InvalidRequestError, match="timeout must be a number of seconds or None"):
            do(lambda c, wrong=wrong: c.responses.wait(queued.id, timeout=wrong))
    with pytest.raises(ConflictError):
        do(lambda c: c.responses.delete(queued.id))
    assert do(lambda c: c.responses.cancel(queued.id)).status == "cancelled"


def test_a_broken_stream_of_a_background_response_is_taken_up_again(newer, dial):
    do = dial(newer)
    events, whole = events_of(do, create(background=True, stream=True))
    rest, again = events_of(do, lambda c: c.responses.retrieve(whole.id, stream=True, starting_after=3))
    assert [event.sequence_number for event in rest] == [event.sequence_number for event in events][4:]
    assert again == whole


def test_a_stored_response_is_deleted(newer, dial):
    do = dial(newer)
    answer = do(create())
    assert do(lambda c: c.responses.delete(answer.id)).deleted
    with pytest.raises(ResourceNotFoundError):
        do(lambda c: c.responses.retrieve(answer.id))
    unstored = do(create(store=False))
    with pytest.raises(ResourceNotFoundError):
        do(lambda c: c.responses.retrieve(unstored.id))


def test_an_id_is_one_segment(newer, dial):
    for call in (lambda c: c.responses.retrieve("dial_a/b c_1"), lambda c: c.responses.cancel("dial_a/b c_1")):
        with pytest.raises(ResourceNotFoundError):
            dial(newer)(call)
        assert newer.requests[-1].target.startswith("/openai/v1/responses/dial_a%2Fb%20c_1")


@pytest.mark.parametrize("name", ["previous_response_id", "conversation"])
def test_what_core_does_not_keep_is_refused_with_the_reason(newer, dial, name):
    with pytest.raises(InvalidRequestError, match=name + ".*history"):
        dial(newer)(create(**{name: "r"}))
    assert not newer.requests
    assert dial(newer)(create(**{name: None})).output_text == "23"
    with pytest.raises(InvalidRequestError, match=name + " is not supported"):
        dial(newer)(create(extra_body={name: "r"}))


@pytest.mark.parametrize("bad", [{"input": {"role": "user"}}, {"input": b"x"}, {"input": 5}])
def test_bad_inputs(newer, dial, bad):
    with pytest.raises(InvalidRequestError, match="input"):
        dial(newer)(create(**bad))
    with pytest.raises(TypeError, match="temperature"):
        dial(newer)(create(temprature=1))
    for name in ("", None):
        with pytest.raises(InvalidRequestError, match="response_id"):
            dial(newer)(lambda c, name=name: c.responses.retrieve(name))
    assert not newer.requests


def test_headers_of_a_call(newer, dial):
    options = {"conversation_id": " a b/\xfc\n1 ", "cache_policy": "cache-priority"}
    for call in (
        create(**options),
        lambda c: c.chat.completions.create(deployment_name="echo", messages=QUESTION, **options),
    ):
        dial(newer)(call)
        headers = newer.requests[-1].headers
        assert headers["x-conversation-id"] == "a b/%C3%BC%0A1" and headers["x-dial-cache-policy"] == "cache-priority"


CALLS = {
    "responses": lambda client, **options: client.responses.create(model="calculator", input="1+1=", **options),
    "chat.completions": lambda client, **options: client.chat.completions.create(
        deployment_name="calculator", messages=QUESTION, **options
    ),
    "completions": lambda client, **options: client.completions.create(
        deployment_name="calculator", prompt="1+1=", **options
    ),
    "embeddings": lambda client, **options: client.embeddings.create(deployment_name="embedding", input="a", **options),
}


@pytest.mark.parametrize("area", sorted(CALLS))
def test_how_a_deployment_is_called_does_not_stand_in_the_body(newer, dial, last, area):
    client = dial(newer)
    shown = inspect.signature(client(lambda c: operator.attrgetter(area)(c).create)).parameters
    values = {"timeout": 5, "max_retries": 1, "api_version": "1", "conversation_id": "1"}
    values["cache_policy"] = "cache-priority"
    client(lambda c: CALLS[area](c, **{name: values.get(name, {"user": "1"}) for name in CALL_OPTIONS & set(shown)}))
    assert {"model", "user"} <= set(last(newer)[2]) and not {*CALL_OPTIONS, "deployment_name"} & set(last(newer)[2])


def test_headers_of_a_call_that_can_not_be(newer, dial):
    with pytest.raises(InvalidRequestError, match="cache_policy"):
        dial(newer)(create(cache_policy="fast"))
    with pytest.raises(InvalidRequestError, match="conversation_id"):
        dial(newer)(create(conversation_id=5))


def test_core_of_2024_has_none(older, dial):
    for call in (
        create(),
        create(stream=True),
        lambda c: c.responses.retrieve("dial_x"),
        lambda c: c.responses.wait("dial_x"),
        lambda c: c.responses.cancel("dial_x"),
        lambda c: c.responses.delete("dial_x"),
    ):
        with pytest.raises(EndpointNotSupportedError):
            dial(older)(call)


def test_a_failed_response_is_an_answer(dial):
    failed = {"id": "r", "object": "response", "status": "failed", "error": {"code": "server_error", "message": "no"}}
    body = json.dumps(failed).encode()
    with RawServer([b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body]) as server:
        answer = dial(server)(create())
    assert answer.error.code == "server_error" and answer.output == [] and answer.output_text == ""


def test_what_came_before_a_break_is_in_the_error(dial):
    event = {"type": "response.created", "response": {"id": "r", "output": []}}
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 999\r\n\r\n"
    with RawServer([[head + b"data: " + json.dumps(event).encode() + b"\n\n", CUT]]) as server:
        with pytest.raises(StreamInterruptedError) as raised:
            events_of(dial(server), create(stream=True))
    assert raised.value.partial.id == "r"


def test_unknown_items_parts_and_fields_are_kept():
    item = {"type": "new_call", "content": "text", "summary": [1], "secret": {"a": 1}}
    found = ResponseItem.from_json(item)
    assert found.content == "text" and found.summary == [1] and found.to_dict() == item
    answer = {"id": "r", "output": [item, {"type": "message", "content": [{"type": "new", "x": 1}]}], "new": 1}
    assert ResponseObject.from_json(answer).to_dict() == answer
