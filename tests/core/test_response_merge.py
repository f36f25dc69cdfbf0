"""core/response_merge.py: what a stream of the Responses API tells so far, and when it is whole."""

import json

import pytest

from aidial_min import StreamInterruptedError
from aidial_min.core.completion_stream import EventReader, Events
from aidial_min.core.response_merge import ResponseMerge
from aidial_min.types import ResponseEvent, ResponseObject

from ..support.growth import assert_linear

EVENTS = Events(ResponseEvent.from_json, ResponseObject.from_json, merge=ResponseMerge)
CREATED = {"type": "response.created", "response": {"id": "r", "status": "in_progress", "output": []}}
DONE = {"type": "response.completed", "response": {"id": "r", "status": "completed", "output": [{"type": "message"}]}}


def delta(kind, text, item=0, **place):
    return {"type": "response.%s.delta" % kind, "output_index": item, "delta": text, **place}


def merged(*events):
    merge = ResponseMerge()
    for event in events:
        merge.add(event)
    return merge


def output(*events):
    return merged(CREATED, *events).result()["output"]


def test_nothing_came():
    assert merged().result() is None and not merged().ended


def test_the_terminal_event_holds_the_whole_response():
    for kind in ("completed", "incomplete", "failed"):
        last = {"type": "response." + kind, "response": {"id": "r", "output": [{"type": "message"}]}}
        merge = merged(CREATED, delta("output_text", "hel", content_index=0), last)
        assert merge.ended and merge.result() == last["response"]


def test_snapshots_do_not_end_it():
    assert not merged(CREATED, {**CREATED, "type": "response.queued"}).ended


def test_text_grows_by_item_and_part():
    found = output(
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": {"id": "m", "type": "message", "content": []},
        },
        delta("output_text", "a", content_index=1),
        delta("output_text", "one", content_index=0),
        delta("output_text", "b", content_index=1),
        delta("refusal", "no", 1, content_index=0),
    )
    assert found == [
        {"id": "m", "type": "message", "content": [{"type": "output_text", "text": "one"},
                                                    {"type": "output_text", "text": "ab"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
    ]  # fmt: skip


@pytest.mark.parametrize(("kind", "place", "found"), [
    ("reasoning_text", {"content_index": 0}, {"content": [{"type": "reasoning_text", "text": "xy"}]}),
    ("reasoning_summary_text", {"summary_index": 0}, {"summary": [{"type": "summary_text", "text": "xy"}]}),
    ("function_call_arguments", {}, {"arguments": "xy"}),
    ("custom_tool_call_input", {}, {"input": "xy"}),
    ("code_interpreter_call_code", {}, {"code": "xy"}),
    ("mcp_call_arguments", {}, {"arguments": "xy"}),
])  # fmt: skip
def test_what_grows(kind, place, found):
    added = {"type": "response.output_item.added", "output_index": 3, "item": {"type": "t"}}
    assert output(added, delta(kind, "x", 3, **place), delta(kind, "y", 3, **place)) == [{"type": "t", **found}]


def test_a_finished_item_stands():
    done = {"type": "response.output_item.done", "output_index": 0, "item": {"type": "message", "content": []}}
    assert output(delta("output_text", "x", content_index=0), done) == [done["item"]]


@pytest.mark.parametrize("odd", [
    {}, {"type": 5}, {"type": "response.output_text.delta"}, {"type": "response.output_text.delta", "delta": "x"},
    delta("output_text", None), delta("nobody.knows", "x"), {"type": "response.output_item.added", "output_index": 0},
    {"type": "response.created", "response": None},
])  # fmt: skip
def test_what_makes_no_sense_changes_nothing(odd):
    assert output(odd) == []


def test_an_index_of_a_hostile_server_costs_nothing():
    assert len(output(delta("output_text", "x", 10**9, content_index=10**9))) == 1


@pytest.mark.parametrize("content", ["text", 5, {"a": 1}, ["x", None]])
def test_nor_does_a_content_that_is_no_list_of_parts_spoil_what_came(content):
    added = {"type": "response.output_item.added", "output_index": 0, "item": {"type": "message", "content": content}}
    text = {"type": "output_text", "text": "x"}
    assert output(added, delta("output_text", "x", content_index=0)) == [{"type": "message", "content": [text]}]


def test_ten_times_the_items_are_ten_times_the_work():
    def prepare(size):
        texts = [delta("output_text", "x", item, content_index=0) for item in range(size)]
        done = [{"type": "response.output_item.done", "output_index": size + item, "item": {}} for item in range(size)]
        return lambda: output(*texts, *done)

    assert_linear(prepare, 500)


def lines(*events):
    return "".join("event: %s\ndata: %s\n\n" % (event.get("type"), json.dumps(event)) for event in events).encode()


def test_a_stream_reads_the_same_at_every_split():
    body = lines(CREATED, delta("output_text", "h\xfc", content_index=0), DONE)
    for at in range(len(body) + 1):
        reader, events = EventReader(EVENTS), []
        for piece in (body[:at], body[at:]):
            reader.receive(piece)
            event = reader.next()
            while event is not None:
                events.append(event)
                event = reader.next()
        assert [event.type for event in events] == [CREATED["type"], "response.output_text.delta", DONE["type"]]
        assert reader.done and reader.result().status == "completed"


def test_an_end_before_the_terminal_event_is_an_interruption():
    reader = EventReader(EVENTS)
    reader.receive(lines(CREATED, delta("output_text", "hel", content_index=0)))
    while reader.next() is not None:
        pass
    with pytest.raises(StreamInterruptedError, match="response.completed") as raised:
        reader.end()
    assert reader.explain(raised.value).partial.output_text == "hel"


@pytest.mark.parametrize(("status", "kind"), [("completed", "completed"), ("failed", "failed"), (None, "completed")])
def test_a_whole_response_where_a_stream_was_asked_is_one_event(status, kind):
    reader = EventReader(EVENTS)
    reader.receive(json.dumps({"id": "r", "object": "response", "status": status, "error": None}).encode())
    reader.end()
    assert reader.next().type == "response." + kind and reader.done
