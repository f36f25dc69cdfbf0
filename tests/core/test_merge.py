"""core/merge.py: chunks, as applications and models send them, become the one answer they stand for."""

import copy
import json
import random
from typing import Any, Callable, Dict, List, Tuple

import pytest

from aidial_min.core.merge import CompletionMerge

from ..support.growth import assert_linear

Json = Dict[str, Any]


def merged(chunks: List[Json]) -> Json:
    merge = CompletionMerge()
    for chunk in chunks:
        merge.add(copy.deepcopy(chunk))
    result = merge.result()
    assert result is not None
    json.dumps(result)  # plain JSON types, nothing of the merge's own
    return result


def chunk(delta: Any, index: int = 0, finish_reason: Any = None, **top: Any) -> Json:
    choice = {"index": index, "finish_reason": finish_reason, "delta": delta}
    return {
        "id": "rid",
        "created": 1,
        "object": "chat.completion.chunk",
        "model": "m",
        "usage": None,
        "choices": [choice],
        **top,
    }


def message_of(*deltas: Any) -> Json:
    message: Json = merged([chunk(delta) for delta in deltas])["choices"][0]["message"]
    return message


def custom(**content: Any) -> Json:
    return {"custom_content": content}


def call(index: Any, **function: str) -> Json:
    return {"index": index, "function": function}


def made(**function: str) -> Json:
    """What a call becomes that never said its type."""
    return {"type": "function", "function": function}


def stages(*elements: Json) -> Json:
    return custom(stages=list(elements))


def attachments(*elements: Json) -> Json:
    return custom(attachments=list(elements))


# ---------------------------------------------------------------- the message

TEXT = [
    ("text", [{"role": "assistant"}, {"content": "Hel"}, {"content": "lo"}], {"role": "assistant", "content": "Hello"}),
    ("no text at all", [{"role": "assistant"}, {}], {"role": "assistant"}),
    ("empty pieces", [{"content": ""}, {"content": "a"}, {"content": ""}], {"content": "a"}),
    ("null changes nothing", [{"content": "a"}, {"content": None}, {"content": "b"}], {"content": "ab"}),
    ("null stays null", [{"content": None}, {"content": None}], {"content": None}),
    (
        "a role that is repeated",
        [{"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}],
        {"role": "assistant", "content": "ab"},
    ),
    (
        "reasoning and refusal",
        [{"reasoning_content": "a", "refusal": "x"}, {"reasoning_content": "b", "refusal": "y"}],
        {"reasoning_content": "ab", "refusal": "xy"},
    ),
    ("equal pieces of text", [{"content": "ha"}, {"content": "ha"}], {"content": "haha"}),
    ("a delta that is null", [{"content": "a"}, None, {"content": "b"}], {"content": "ab"}),
]

TOOLS = [
    (
        "a tool call in pieces",
        [
            {
                "content": None,
                "tool_calls": [
                    {"index": 0, "id": "id1", "type": "function", "function": {"name": "fn", "arguments": '{"a"'}}
                ],
            },
            {"content": None, "tool_calls": [call(0, arguments=":1}")]},
        ],
        {
            "content": None,
            "tool_calls": [{"id": "id1", "type": "function", "function": {"name": "fn", "arguments": '{"a":1}'}}],
        },
    ),
    (
        "type and id are repeated, not concatenated",
        [
            {
                "tool_calls": [
                    {"index": 0, "id": "id1", "type": "function", "function": {"name": "fn", "arguments": ""}}
                ]
            },
            {"tool_calls": [{"index": 0, "id": "id1", "type": "function", "function": {"arguments": "{}"}}]},
        ],
        {"tool_calls": [{"id": "id1", "type": "function", "function": {"name": "fn", "arguments": "{}"}}]},
    ),
    (
        "two tool calls interleaved",
        [
            {"tool_calls": [call(0, name="a"), call(1, name="b")]},
            {"tool_calls": [call(1, arguments="2")]},
            {"tool_calls": [call(0, arguments="1")]},
        ],
        {"tool_calls": [made(name="a", arguments="1"), made(name="b", arguments="2")]},
    ),
    (
        "a name in pieces",
        [{"tool_calls": [call(0, name="get_")]}, {"tool_calls": [call(0, name="weather")]}],
        {"tool_calls": [made(name="get_weather", arguments="")]},
    ),
    (
        "an equal name, repeated with every piece",
        [
            {"tool_calls": [call(0, name="fn", arguments="1")]},
            {"tool_calls": [call(0, name="fn", arguments="2")]},
            {"tool_calls": [call(0, name="fn", arguments="3")]},
        ],
        {"tool_calls": [made(name="fn", arguments="123")]},
    ),
    (
        "equal arguments are pieces all the same",
        [{"tool_calls": [call(0, arguments="1")]}, {"tool_calls": [call(0, arguments="1")]}],
        {"tool_calls": [made(arguments="11")]},
    ),
    (
        "a function call",
        [
            {"content": None, "function_call": {"name": "fn", "arguments": "{"}},
            {"content": None, "function_call": {"arguments": "}"}},
        ],
        {"content": None, "function_call": {"name": "fn", "arguments": "{}"}},
    ),
]


def numbered(index: Any, identity: Any, **function: str) -> Json:
    return {"index": index, "id": identity, "type": "function", "function": function}


def calls(*pieces: Json) -> Json:
    return {"tool_calls": list(pieces)}


def whole(identity: Any, name: str, arguments: str) -> Json:
    return {"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}}


GATEWAYS = [
    (
        "empty strings for what came before",
        [
            {"role": "assistant", **calls(numbered(0, "id1", name="fn", arguments="{"))},
            {"role": "", **calls({"index": 0, "id": "", "type": "", "function": {"name": "", "arguments": "}"}})},
        ],
        {"role": "assistant", **calls(whole("id1", "fn", "{}"))},
    ),
    (
        "a status, an address and a type that are emptied",
        [
            stages({"index": 0, "name": "a", "status": "completed"}),
            stages({"index": 0, "status": ""}),
            attachments({"index": 0, "type": "text/plain", "url": "files/b/x"}),
            attachments({"index": 0, "type": "", "url": ""}),
        ],
        custom(stages=[{"name": "a", "status": "completed"}], attachments=[{"type": "text/plain", "url": "files/b/x"}]),
    ),
    (
        "every call is number 0, whole",
        [calls(numbered(0, "a", name="f", arguments="{}")), calls(numbered(0, "b", name="g", arguments="[]"))],
        calls(whole("a", "f", "{}"), whole("b", "g", "[]")),
    ),
    (
        "every call is number 0, in pieces",
        [
            calls(numbered(0, "a", name="f", arguments="")),
            calls(call(0, arguments="{")),
            calls(call(0, arguments="}")),
            calls(numbered(0, "b", name="f", arguments="")),
            calls(call(0, arguments="[")),
            calls(numbered(0, "b", arguments="]")),
        ],
        calls(whole("a", "f", "{}"), whole("b", "f", "[]")),
    ),
    (
        "every call is number 0 and has no id",
        [calls(call(0, name="f", arguments="{}")), calls(call(0, name="g", arguments="[]"))],
        calls(made(name="f", arguments="{}"), made(name="g", arguments="[]")),
    ),
    (
        "no index: told apart by id",
        [
            calls(whole("a", "f", "{"), whole("b", "g", "[")),
            calls({"id": "a", "function": {"arguments": "}"}}),
            calls({"id": "b", "function": {"arguments": "]"}}),
        ],
        calls(whole("a", "f", "{}"), whole("b", "g", "[]")),
    ),
    (
        "no index and no id: pieces continue the last call",
        [
            calls(whole("a", "f", "")),
            calls({"function": {"arguments": "{"}}),
            calls({"function": {"name": "", "arguments": "}"}}),
            calls(whole("b", "g", "")),
            calls({"function": {"arguments": "[]"}}),
        ],
        calls(whole("a", "f", "{}"), whole("b", "g", "[]")),
    ),
    (
        "no index and no id: a name begins a call",
        [calls({"function": {"name": "f", "arguments": "1"}}, {"function": {"name": "f", "arguments": "2"}})],
        calls(*(made(name="f", arguments=text) for text in "12")),
    ),
    (
        "no index, and only the second call has an id",
        [
            calls({"function": {"name": "f", "arguments": "1"}}),
            calls({"id": "b", "function": {"name": "g", "arguments": "2"}}),
            calls({"function": {"arguments": "3"}}),
        ],
        calls(made(name="f", arguments="1"), whole("b", "g", "23")),
    ),
    (
        "only the first piece has an index",
        [calls(numbered(0, "a", name="f", arguments="{")), calls({"function": {"arguments": "}"}})],
        calls(whole("a", "f", "{}")),
    ),
    (
        "the first index is 1",
        [calls(numbered(1, "a", name="f", arguments="{")), calls(call(1, arguments="}"))],
        calls(whole("a", "f", "{}")),
    ),
    (
        "the id comes late",
        [calls(call(0, name="f")), calls(numbered(0, "a", arguments="{}"))],
        calls({"function": {"name": "f", "arguments": "{}"}, "id": "a", "type": "function"}),
    ),
    (
        "two calls with one id",
        [calls(numbered(0, "x", name="f", arguments="1")), calls(numbered(1, "x", name="f", arguments="2"))],
        calls(whole("x", "f", "1"), whole("x", "f", "2")),
    ),
    (
        "calls out of order",
        [calls(numbered(1, "b", name="g", arguments="")), calls(numbered(0, "a", name="f", arguments=""))],
        calls(whole("a", "f", ""), whole("b", "g", "")),
    ),
    (
        "indexes that are text",
        [calls(call(place, name="f", arguments="1")) for place in ("0", "1")]
        + [calls(call(place, arguments=place)) for place in ("0", "1")],
        calls(made(name="f", arguments="10"), made(name="f", arguments="11")),
    ),
    (
        "indexes that are fractions",
        [calls(call(place, name="f", arguments=str(place))) for place in (0.0, 1.0, 0.0)],
        calls(made(name="f", arguments="0.00.0"), made(name="f", arguments="1.0")),
    ),
    (
        "a function without arguments",
        [{"function_call": {"name": "f", "arguments": None}}, {"content": None}],
        {"function_call": {"name": "f", "arguments": ""}, "content": None},
    ),
    (
        "reasoning whose format is told in every piece",
        [{"reasoning_details": [{"index": 0, "format": "f", "text": text}]} for text in "ab"],
        {"reasoning_details": [{"format": "f", "text": "ab"}]},
    ),
    (
        "null for lists and objects",
        [
            {"content": "a", **calls(whole("a", "f", "{}")), **custom(stages=None)},
            {"tool_calls": None, "custom_content": None},
        ],
        {"content": "a", **calls(whole("a", "f", "{}")), **custom(stages=None)},
    ),
]

STAGES = [
    (
        "a stage: opened, named further, filled, closed",
        [
            stages({"index": 0, "name": "Search", "status": None}),
            stages({"index": 0, "content": "x", "status": None}),
            stages({"index": 0, "name": "!", "status": None}),
            stages({"index": 0, "content": "y", "status": None}),
            stages({"index": 0, "status": "completed"}),
        ],
        stages({"name": "Search!", "status": "completed", "content": "xy"}),
    ),
    (
        "equal pieces of a stage's name",
        [stages({"index": 0, "name": "ha"}), stages({"index": 0, "name": "ha"})],
        stages({"name": "haha"}),
    ),
    (
        "the status is replaced",
        [
            stages({"index": 0, "status": "completed"}),
            stages({"index": 0, "status": "failed"}),
            stages({"index": 0, "status": None}),
        ],
        stages({"status": "failed"}),
    ),
    (
        "a child stage",
        [
            stages({"index": 0, "name": "a"}),
            stages({"index": 1, "name": "b", "parent_stage_index": 0}),
            stages({"index": 1, "parent_stage_index": 0, "content": "c"}),
        ],
        stages({"name": "a"}, {"name": "b", "parent_stage_index": 0, "content": "c"}),
    ),
    (
        "attachments of a stage",
        [
            stages({"index": 0, "attachments": [{"index": 0, "title": "t", "data": "d"}], "status": None}),
            stages(
                {"index": 0, "attachments": [{"index": 0, "data": "e"}, {"index": 1, "title": "u"}], "status": None}
            ),
        ],
        stages({"status": None, "attachments": [{"title": "t", "data": "de"}, {"title": "u"}]}),
    ),
    (
        "stages out of order",
        [stages({"index": 1, "name": "b"}), stages({"index": 0, "name": "a"})],
        stages({"name": "a"}, {"name": "b"}),
    ),
]

ATTACHMENTS = [
    (
        "by index: data grows, the rest is replaced",
        [
            attachments(
                {
                    "index": 0,
                    "type": "text/plain",
                    "url": "files/b/x",
                    "reference_url": "r",
                    "reference_type": "t",
                    "data": "a",
                }
            ),
            attachments(
                {
                    "index": 0,
                    "type": "text/plain",
                    "url": "files/b/x",
                    "reference_url": "r",
                    "reference_type": "t",
                    "data": "b",
                }
            ),
        ],
        attachments(
            {"type": "text/plain", "url": "files/b/x", "reference_url": "r", "reference_type": "t", "data": "ab"}
        ),
    ),
    (
        "without index: appended",
        [attachments({"title": "a"}), attachments({"title": "b"}, {"title": "c"})],
        attachments({"title": "a"}, {"title": "b"}, {"title": "c"}),
    ),
    (
        "without index behind ones with",
        [attachments({"index": 0, "title": "a"}), attachments({"title": "b"})],
        attachments({"title": "a"}, {"title": "b"}),
    ),
    (
        "with index behind ones without",
        [attachments({"title": "a"}), attachments({"index": 0, "title": "b"}), attachments({"index": 0, "title": "c"})],
        attachments({"title": "bc"}, {"title": "a"}),
    ),
    (
        "both kinds in one chunk",
        [attachments({"index": 0, "data": "a"}), attachments({"index": 0, "data": "b"}, {"title": "c"})],
        attachments({"data": "ab"}, {"title": "c"}),
    ),
    (
        "a gap",
        [attachments({"index": 0, "title": "a"}, {"index": 2, "title": "c"})],
        attachments({"title": "a"}, {"title": "c"}),
    ),
    ("a gap at the start", [attachments({"index": 2, "title": "c"})], attachments({"title": "c"})),
    (
        "a gap that is filled later",
        [
            attachments({"index": 2, "title": "c"}),
            attachments({"index": 0, "title": "a"}),
            attachments({"index": 1, "title": "b"}),
        ],
        attachments({"title": "a"}, {"title": "b"}, {"title": "c"}),
    ),
    (
        "an empty list changes nothing",
        [attachments({"index": 0, "title": "a"}), attachments()],
        attachments({"title": "a"}),
    ),
    (
        "an empty list first",
        [attachments(), attachments({"index": 0, "data": "a"}), attachments({"index": 0, "data": "b"})],
        attachments({"data": "ab"}),
    ),
    (
        "an index that is no index",
        [
            attachments({"index": "x", "title": "a"}),
            attachments({"index": -1, "title": "b"}),
            attachments({"index": True, "title": "c"}),
        ],
        attachments({"index": "x", "title": "a"}, {"index": -1, "title": "b"}, {"index": True, "title": "c"}),
    ),
    (
        "an index that ran far ahead",
        [attachments({"index": 10**9, "data": "a"}), attachments({"index": 10**9, "data": "b"})],
        attachments({"data": "ab"}),
    ),
]

OTHERS = [
    (
        "annotations are appended",
        [{"annotations": [{"type": "url_citation", "url_citation": {"url": u}}]} for u in ("a", "b")],
        {"annotations": [{"type": "url_citation", "url_citation": {"url": u}} for u in ("a", "b")]},
    ),
    (
        "sound",
        [{"audio": {"id": "a", "data": "x", "transcript": "T"}}, {"audio": {"id": "a", "data": "y", "expires_at": 5}}],
        {"audio": {"id": "a", "data": "xy", "transcript": "T", "expires_at": 5}},
    ),
    (
        "state is replaced, never merged",
        [custom(state={"a": "x", "l": [1]}), custom(state={"a": "y", "l": [2]})],
        custom(state={"a": "y", "l": [2]}),
    ),
    (
        "state keeps its own indexes",
        [custom(state={"l": [{"index": 0, "v": 1}]})],
        custom(state={"l": [{"index": 0, "v": 1}]}),
    ),
    (
        "a form",
        [
            custom(form_schema={"type": "object", "title": "a"}),
            custom(form_schema={"type": "object"}, form_value={"a": 1}),
        ],
        custom(form_schema={"type": "object"}, form_value={"a": 1}),
    ),
    (
        "parts of custom_content that come apart",
        [stages({"index": 0, "name": "a"}), attachments({"index": 0, "title": "b"}), custom(state={})],
        custom(stages=[{"name": "a"}], attachments=[{"title": "b"}], state={}),
    ),
    (
        "unknown fields: text grows, numbers are replaced, objects merge",
        [{"x": "a", "n": 1, "o": {"p": "b", "q": 1.5}}, {"x": "b", "n": 2, "o": {"p": "c", "r": True}}],
        {"x": "ab", "n": 2, "o": {"p": "bc", "q": 1.5, "r": True}},
    ),
    (
        "unknown lists by index",
        [{"l": [{"index": 0, "v": 0}, {"index": 2, "v": 2}]}, {"l": [{"index": 1, "v": 1}]}],
        {"l": [{"v": 0}, {"v": 1}, {"v": 2}]},
    ),
    ("unknown plain lists are joined", [{"l": [1]}, {"l": [2, 3]}], {"l": [1, 2, 3]}),
]

CONFLICTS: List[Tuple[str, List[Any], Any]] = [
    ("text, then a number", ["a", 1], 1),
    ("a number, then text", [1, "a", "b"], "ab"),
    ("text, then an object", ["a", {"b": "c"}, {"b": "d"}], {"b": "cd"}),
    ("an object, then text", [{"b": "c"}, "a"], "a"),
    ("text, then a list", ["a", [1], [2]], [1, 2]),
    ("a list, then text", [[1], "a"], "a"),
    ("text, then a list by index", ["a", [{"index": 0, "v": "b"}], [{"index": 0, "v": "c"}]], [{"v": "bc"}]),
    ("a list by index, then text", [[{"index": 0}], "a"], "a"),
    ("a list by index, then an object", [[{"index": 0}], {"b": 1}], {"b": 1}),
    ("an object, then a list by index", [{"b": 1}, [{"index": 0, "v": "b"}], [{"index": 0, "v": "c"}]], [{"v": "bc"}]),
    ("an object, then a list", [{"b": 1}, [1]], [1]),
    ("a number, then an object", [1, {"b": 1}], {"b": 1}),
    ("a whole number, then a fraction", [1, 2.5], 2.5),
    ("true, then a number", [True, 0], 0),
]

MESSAGES = TEXT + TOOLS + GATEWAYS + STAGES + ATTACHMENTS + OTHERS


@pytest.mark.parametrize(
    ("deltas", "message"), [row[1:] for row in MESSAGES], ids=[row[0].replace(" ", "-") for row in MESSAGES]
)
def test_the_deltas_of_one_choice(deltas: Any, message: Any) -> None:
    assert message_of(*deltas) == message


@pytest.mark.parametrize(
    ("values", "wanted"), [row[1:] for row in CONFLICTS], ids=[row[0].replace(" ", "-") for row in CONFLICTS]
)
def test_where_types_conflict_the_newer_value_stands(values: Any, wanted: Any) -> None:
    assert message_of(*[{"x": value} for value in values]) == {"x": wanted}


# ---------------------------------------------------------------- the answer around it


class TestTheAnswer:
    def test_a_stream_as_dial_applications_send_it(self) -> None:
        usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
        per_model = {"model": "m1", "prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
        statistics = {"usage_per_model": [{"index": 0, **per_model}], "discarded_messages": [0]}
        found = merged(
            [
                chunk({"role": "assistant"}),
                chunk({"content": "Hel"}),
                chunk({"content": "lo"}),
                chunk({}, finish_reason="stop", usage=usage, statistics=statistics),
            ]
        )
        assert found == {
            "id": "rid",
            "created": 1,
            "object": "chat.completion",
            "model": "m",
            "usage": usage,
            "statistics": statistics,
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello"}}],
        }

    def test_nothing_yet(self) -> None:
        assert CompletionMerge().result() is None

    def test_it_may_be_asked_at_any_time_and_again(self) -> None:
        merge = CompletionMerge()
        for piece, sofar in (("a", "a"), ("b", "ab"), ("c", "abc")):
            merge.add(chunk({"content": piece}))
            for _ in range(2):
                result = merge.result()
                assert result is not None and result["choices"][0]["message"]["content"] == sofar

    def test_a_result_is_independent_of_what_comes_later(self) -> None:
        merge = CompletionMerge()
        delta = {
            "custom_content": {"state": {"l": [1]}, "stages": [{"index": 0, "name": "a"}]},
            "plain": [1],
            "deep": {"l": [[1]]},
        }
        merge.add(chunk(copy.deepcopy(delta)))
        first = merge.result()
        before = copy.deepcopy(first)
        merge.add(chunk(copy.deepcopy(delta)))
        assert first == before

    def test_a_chunk_that_its_owner_changes_later_changes_nothing(self) -> None:
        merge = CompletionMerge()
        one = chunk(
            {"custom_content": {"state": {"l": [1]}}, "plain": [{"a": 1}], "tool_calls": [call(0, name="a")]},
            statistics={"discarded_messages": [0]},
        )
        merge.add(one)
        before = merge.result()
        one["choices"][0]["delta"]["custom_content"]["state"]["l"].append(2)
        one["choices"][0]["delta"]["plain"][0]["a"] = 2
        one["choices"][0]["delta"]["tool_calls"][0]["function"]["name"] = "b"
        one["statistics"]["discarded_messages"].append(1)
        assert merge.result() == before

    def test_several_choices_interleaved(self) -> None:
        found = merged(
            [
                chunk({"content": "a"}, 1),
                chunk({"content": "x"}, 0),
                chunk({"content": "b"}, 1),
                chunk({}, 0, "stop"),
                chunk({"content": "c"}, 1, "length"),
            ]
        )
        assert found["choices"] == [
            {"index": 0, "finish_reason": "stop", "message": {"content": "x"}},
            {"index": 1, "finish_reason": "length", "message": {"content": "abc"}},
        ]

    def test_several_choices_in_one_chunk(self) -> None:
        one = chunk({"content": "a"})
        one["choices"].append({"index": 1, "delta": {"content": "b"}})
        assert [choice["message"]["content"] for choice in merged([one, one])["choices"]] == ["aa", "bb"]

    def test_a_choice_without_index_is_the_first(self) -> None:
        assert merged([{"choices": [{"delta": {"content": "a"}}]}])["choices"][0]["index"] == 0

    def test_the_last_finish_reason_stands(self) -> None:
        found = merged(
            [
                chunk({}, finish_reason="stop"),
                chunk({}, finish_reason=None),
                chunk({}, finish_reason="length"),
                chunk({}),
            ]
        )
        assert found["choices"][0]["finish_reason"] == "length"

    def test_the_first_id_and_the_last_of_the_other_names_stand(self) -> None:
        found = merged(
            [
                {"id": None, "model": None, "choices": []},
                {"id": "a", "model": "m1", "created": 1, "system_fingerprint": "f1", "choices": []},
                {"id": "b", "model": "m2", "created": 2, "system_fingerprint": "f2", "choices": []},
                {"id": None, "model": None, "created": None, "system_fingerprint": None, "choices": []},
            ]
        )
        assert {name: found[name] for name in ("id", "model", "created", "system_fingerprint")} == {
            "id": "a",
            "model": "m2",
            "created": 2,
            "system_fingerprint": "f2",
        }

    def test_the_extra_chunks_of_azure_and_openai(self) -> None:
        filters = [{"prompt_index": 0, "content_filter_results": {"hate": {"filtered": False, "severity": "safe"}}}]
        found = merged(
            [
                {"id": "", "object": "", "created": 0, "model": "", "choices": [], "prompt_filter_results": filters},
                chunk({"role": "assistant", "content": ""}),
                chunk({"content": "a"}),
                {
                    **chunk({"content": "b"}),
                    "choices": [
                        {
                            "index": 0,
                            "delta": {"content": "b"},
                            "content_filter_results": filters[0]["content_filter_results"],
                        }
                    ],
                },
                {
                    **chunk({"content": ""}),
                    "choices": [
                        {"index": 0, "delta": {}, "content_filter_results": filters[0]["content_filter_results"]}
                    ],
                },
                chunk({}, finish_reason="stop"),
                {"id": "rid", "choices": [], "usage": {"total_tokens": 3}},
            ]
        )
        assert found["choices"][0]["message"] == {"role": "assistant", "content": "ab"}
        assert found["choices"][0]["content_filter_results"] == filters[0]["content_filter_results"]
        assert (
            found["usage"] == {"total_tokens": 3}
            and found["prompt_filter_results"] == filters
            and found["model"] == "m"
        )

    def test_the_usage_chunk_that_core_adds_has_no_id(self) -> None:
        statistics = {
            "usage_per_model": [
                {"index": 0, "model": "gpt-4", "prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
            ]
        }
        found = merged(
            [
                chunk({"content": "a"}, finish_reason="stop"),
                {"object": "chat.completion.chunk", "choices": [], "statistics": statistics},
            ]
        )
        assert (found["id"], found["object"], found["statistics"]) == ("rid", "chat.completion", statistics)

    def test_usage_is_replaced_field_by_field(self) -> None:
        found = merged(
            [
                chunk(
                    {},
                    usage={
                        "prompt_tokens": 1,
                        "completion_tokens": 1,
                        "unit": "token",
                        "details": {"cached": 1, "tier": "a"},
                    },
                ),
                chunk(
                    {},
                    usage={
                        "completion_tokens": 2,
                        "total_tokens": 3,
                        "prompt_tokens": None,
                        "unit": "token",
                        "details": {"tier": "a"},
                    },
                ),
                chunk({}),
            ]
        )
        assert found["usage"] == {
            "prompt_tokens": 1,
            "completion_tokens": 2,
            "total_tokens": 3,
            "unit": "token",
            "details": {"cached": 1, "tier": "a"},
        }

    def test_statistics_by_model_and_discarded_messages(self) -> None:
        def one(index: int, model: str, tokens: int) -> Json:
            return {"index": index, "model": model, "total_tokens": tokens}

        found = merged(
            [
                chunk({}, statistics={"usage_per_model": [one(0, "a", 1)], "discarded_messages": [0]}),
                chunk(
                    {}, statistics={"usage_per_model": [one(0, "a", 5), one(1, "b", 2)], "discarded_messages": [0, 1]}
                ),
            ]
        )
        assert found["statistics"] == {
            "usage_per_model": [one(0, "a", 5), one(1, "b", 2)],
            "discarded_messages": [0, 1],
        }

    def test_the_index_goes_inside_the_message_and_stays_outside(self) -> None:
        found = merged(
            [chunk({"tool_calls": [call(0, name="a")]}, statistics={"usage_per_model": [{"index": 0, "model": "a"}]})]
        )
        assert "index" not in found["choices"][0]["message"]["tool_calls"][0]
        assert found["choices"][0]["index"] == 0 and found["statistics"]["usage_per_model"][0]["index"] == 0

    def test_unknown_fields_at_the_top_and_of_a_choice(self) -> None:
        one = chunk({"content": "a"}, service_tier="x", extra={"a": 1})
        one["choices"][0]["logprobs"] = {"content": [{"token": "a"}]}
        found = merged([one, one])
        assert (found["service_tier"], found["extra"]) == ("x", {"a": 1})
        assert found["choices"][0]["logprobs"] == {"content": [{"token": "a"}, {"token": "a"}]}

    def test_legacy_completions_have_text_instead_of_a_delta(self) -> None:
        found = merged(
            [
                {"choices": [{"index": 0, "text": "a"}]},
                {"choices": [{"index": 0, "text": "b", "finish_reason": "stop"}]},
            ]
        )
        assert (found["choices"][0]["text"], found["choices"][0]["finish_reason"]) == ("ab", "stop")

    @pytest.mark.parametrize(
        "odd",
        [
            {"choices": None},
            {"choices": "x"},
            {"choices": [None, "x", 5]},
            {"choices": [{"index": "x", "delta": "y"}]},
            {},
        ],
    )
    def test_odd_chunks_break_nothing(self, odd: Any) -> None:
        found = merged([chunk({"content": "a"}), odd, chunk({"content": "b"})])
        assert found["choices"][0]["message"] == {"content": "ab"}

    def test_whole_messages_in_place_of_deltas(self) -> None:
        found = merged(
            [
                {"choices": [{"index": 0, "message": {"role": "assistant", "content": "a"}}]},
                {"choices": [{"index": 0, "message": "x"}]},
                chunk({"content": "b"}),
            ]
        )
        assert found["choices"][0]["message"] == {"role": "assistant", "content": "ab"}

    def test_no_sequence_of_json_objects_breaks_it(self) -> None:
        chance = random.Random(5)
        keys = "choices delta message index role content name function tool_calls usage state status id x".split()

        def value(depth: int) -> Any:
            kind = chance.randrange(10 if depth else 6)
            if kind < 6:
                return (None, True, chance.randrange(-1, 4), 1.5, "text", "")[kind]
            if kind < 8:
                return {chance.choice(keys): value(depth - 1) for _ in range(chance.randrange(4))}
            return [value(depth - 1) for _ in range(chance.randrange(4))]

        for _ in range(500):
            merge = CompletionMerge()
            for _ in range(5):
                choices = [
                    {"index": value(0), "delta": {key: value(3) for key in keys[3:]}, chance.choice(keys): value(3)}
                ]
                merge.add({chance.choice(keys): value(4), "choices": choices})
                merge.add({chance.choice(keys): value(4) for _ in range(3)})
                json.dumps(merge.result())


def feed(chunks: List[Json]) -> Callable[[], Any]:
    def run() -> None:
        merge = CompletionMerge()
        for one in chunks:
            merge.add(one)
        merge.result()

    return run


@pytest.mark.parametrize(
    "delta",
    [
        {"content": "0123456789" * 20},
        calls(call(0, arguments="0123456789" * 20)),
        calls(call(0, name="a")),
        calls(call(0, name="n" * 1000, arguments="a")),
        calls({"function": {"name": "f", "arguments": "1"}}),
        calls({"function": {"arguments": "1"}}),
        calls(numbered(0, "a", arguments="1")),
        stages({"index": 0, "content": "0123456789" * 20}),
        attachments({"title": "b"}),
        attachments({"index": 5, "title": "b"}, {"title": "c"}),
        {"content": "a", "role": "", "custom_content": {"state": {"a": [1]}}},
    ],
    ids=lambda delta: json.dumps(delta)[:70],
)
def test_ten_times_the_pieces_are_ten_times_the_work(delta: Json) -> None:
    assert_linear(lambda size: feed([chunk(delta)] * size), 500)


def test_ten_times_the_elements_are_ten_times_the_work() -> None:
    assert_linear(
        lambda size: feed([chunk(calls(numbered(index, str(index), name="f")), index) for index in range(size)]), 300
    )
    assert_linear(lambda size: feed([chunk(attachments({"index": 1000 * index})) for index in range(size)]), 300)


def test_a_result_is_no_larger_than_what_came() -> None:
    found = message_of(*[attachments({"index": 1000 * number, "title": "a"}) for number in range(1000)])
    assert found == attachments(*[{"title": "a"}] * 1000)
