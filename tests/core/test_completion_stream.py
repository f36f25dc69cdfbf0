"""core/completion_stream.py: from the bytes of a stream to typed events; [DONE], errors inside it, and its end."""

import json
import pickle
from typing import Any, Iterable, List, Optional, Type

import pytest

from aidial_min import errors
from aidial_min.core.completion_stream import EventReader, Events, text_of
from aidial_min.errors import DialException, ParsingDataError, RequestInfo, StreamInterruptedError
from aidial_min.types.chat.response import ChatCompletionChunk, ChatCompletionResponse
from aidial_min.types.completion import CompletionChunk

from ..support.growth import assert_linear

CHAT = Events(ChatCompletionChunk.from_json, ChatCompletionResponse.from_json)
PLAIN = Events(lambda value: value)
REQUEST = RequestInfo("POST", "http://dial.example/openai/deployments/m/chat/completions")
SECRET = "sesame-open"


def event(value: Any) -> bytes:
    return b"data: %b\n\n" % json.dumps(value).encode()


def piece(content: str) -> bytes:
    return event({"id": "r", "choices": [{"index": 0, "delta": {"content": content}}]})


def error_event(**error: Any) -> bytes:
    return event({"error": error})


DONE = b"data: [DONE]\n\n"


def reader_of(*pieces: bytes, events: Events = CHAT) -> "EventReader[Any]":
    reader: EventReader[Any] = EventReader(events, request=REQUEST, secrets=[SECRET])
    for data in pieces:
        reader.receive(data)
    return reader


def all_of(reader: "EventReader[Any]") -> List[Any]:
    return list(iter(reader.next, None))


def fault_of(*pieces: bytes, end: bool = False, events: Events = CHAT) -> DialException:
    """The error that reading these pieces ends in, as the shells give it to users."""
    reader = reader_of(*pieces, events=events)
    with pytest.raises(DialException) as caught:
        all_of(reader)
        if end:
            reader.end()
    error = reader.explain(caught.value)
    assert error.request == REQUEST and error.request_sent == "yes"
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.partial) == (type(error), str(error), error.partial)
    return error


def contents(chunks: Iterable[Any]) -> List[Optional[str]]:
    return [text_of(chunk) for chunk in chunks]


class TestEvents:
    def test_chunks_come_one_by_one_and_done_ends_them(self) -> None:
        reader = reader_of(piece("a") + piece("b") + DONE)
        first = reader.next()
        assert isinstance(first, ChatCompletionChunk) and text_of(first) == "a"
        assert contents(all_of(reader)) == ["b"]
        assert reader.done
        reader.end()

    def test_none_means_that_more_is_needed(self) -> None:
        reader = reader_of(piece("a")[:-1])
        assert reader.next() is None and not reader.done
        reader.receive(b"\n")
        assert reader.next() is not None

    def test_what_follows_done_is_ignored(self) -> None:
        reader = reader_of(DONE + piece("a") + error_event(message="late"))
        assert all_of(reader) == [] and reader.done
        reader.end()

    @pytest.mark.parametrize("done", [b"data:[DONE]\n\n", b"data: [DONE] \r\n\r\n", b"event: x\ndata: [DONE]\n\n"])
    def test_forms_of_done(self, done: bytes) -> None:
        reader = reader_of(done)
        assert reader.next() is None and reader.done

    def test_heartbeats_and_empty_events_are_no_events(self) -> None:
        reader = reader_of(b": heartbeat\n\n" + b"data:\n\ndata:  \n\n" + piece("a") + b": heartbeat\n\n" + DONE)
        assert contents(all_of(reader)) == ["a"]

    def test_blanks_around_the_json_of_an_event(self) -> None:
        assert contents(all_of(reader_of(piece("a").replace(b"data: ", b"data:  \t").replace(b"\n\n", b" \n\n")))) == [
            "a"
        ]

    def test_unknown_fields_and_missing_ones_break_nothing(self) -> None:
        reader = reader_of(
            event({}),
            event({"choices": []}),
            event({"choices": [], "new": 1}),
            event({"error": None, "choices": []}),
            DONE,
        )
        assert [type(chunk) for chunk in all_of(reader)] == [ChatCompletionChunk] * 4

    def test_the_events_before_a_fault_come_before_it(self) -> None:
        reader = reader_of(piece("a") + piece("b") + b"data: {\n\n")
        assert [text_of(reader.next()), text_of(reader.next())] == ["a", "b"]
        with pytest.raises(ParsingDataError):
            reader.next()


class TestTheAnswer:
    def test_the_result_is_merged_from_what_has_been_read(self) -> None:
        reader = reader_of(piece("a") + piece("b") + DONE)
        assert reader.result() is None
        reader.next()
        assert reader.result().choices[0].message.content == "a"
        all_of(reader)
        assert isinstance(reader.result(), ChatCompletionResponse)
        assert reader.result().choices[0].message.content == "ab"

    def test_streams_that_are_no_completion_have_none(self) -> None:
        reader = reader_of(event({"url": "files/b/a"}), events=PLAIN)
        assert all_of(reader) == [{"url": "files/b/a"}] and reader.result() is None
        reader.end()  # and need no [DONE]


class TestEnds:
    def test_an_end_without_done(self) -> None:
        error = fault_of(piece("a"), piece("b"), end=True)
        assert type(error) is StreamInterruptedError and error.status_code == 500
        assert error.partial is not None and error.partial.choices[0].message.content == "ab"

    def test_an_end_before_anything(self) -> None:
        error = fault_of(end=True)
        assert type(error) is StreamInterruptedError and error.partial is None

    @pytest.mark.parametrize("last", [b"data: [DONE]\n", b"data: [DONE]", b"event: x\r\ndata:[DONE] "])
    def test_done_needs_no_blank_line(self, last: bytes) -> None:
        reader = reader_of(piece("a") + last)
        assert contents(all_of(reader)) == ["a"]
        reader.end()
        assert reader.done and reader.next() is None

    def test_done_is_not_waited_for_once_its_line_is_there(self) -> None:
        reader = reader_of(piece("a") + b"data: [DONE]\n")
        assert len(all_of(reader)) == 1 and reader.done

    @pytest.mark.parametrize("finish_reasons", [["stop"], ["stop", "length"], ["tool_calls"]])
    def test_it_is_complete_when_every_choice_is(self, finish_reasons: List[str]) -> None:
        ends = [
            event({"choices": [{"index": n, "delta": {}, "finish_reason": r}]}) for n, r in enumerate(finish_reasons)
        ]
        reader = reader_of(piece("a"), *ends, event({"choices": [], "usage": {"total_tokens": 3}}))
        all_of(reader)
        assert not reader.done
        reader.end()
        assert reader.done and reader.next() is None and reader.result().usage.total_tokens == 3

    @pytest.mark.parametrize("reason", [None, ""])
    def test_it_is_not_while_a_choice_lacks_its_finish_reason(self, reason: Optional[str]) -> None:
        begun = event({"choices": [{"index": 1, "delta": {"content": "x"}, "finish_reason": reason}]})
        stopped = event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        assert type(fault_of(piece("a"), begun, stopped, end=True)) is StreamInterruptedError
        assert type(fault_of(event({"choices": []}), end=True)) is StreamInterruptedError

    def test_a_body_that_broke_off_is_not_complete_whatever_came(self) -> None:
        reader = reader_of(event({"choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": "stop"}]}))
        all_of(reader)
        error = reader.explain(errors.ResponseInterruptedError("broke off", request_sent="yes"))
        assert type(error) is StreamInterruptedError and error.partial.choices[0].finish_reason == "stop"

    @pytest.mark.parametrize("last", [b"data: [DONE]x", b"data: [DON", piece("b")[:-1]])
    def test_an_event_without_its_blank_line_is_not_read(self, last: bytes) -> None:
        error = fault_of(piece("a") + last, end=True)
        assert type(error) is StreamInterruptedError
        assert error.partial is not None and error.partial.choices[0].message.content == "a"

    def test_a_body_that_broke_off_is_a_stream_that_broke_off(self) -> None:
        reader = reader_of(piece("a"))
        all_of(reader)
        error = reader.explain(
            errors.ResponseInterruptedError("the answer broke off after 5 bytes of its body", request_sent="yes")
        )
        assert type(error) is StreamInterruptedError and "after 5 bytes" in str(error)
        assert error.partial is not None and error.partial.choices[0].message.content == "a"

    def test_where_there_is_no_completion_it_stays_what_it_is(self) -> None:
        error = reader_of(events=PLAIN).explain(
            errors.ResponseInterruptedError("broke off", received=5, request_sent="yes")
        )
        assert type(error) is errors.ResponseInterruptedError and error.partial is None

    def test_a_part_that_makes_no_answer_does_not_hide_the_error(self) -> None:
        odd = event({"choices": [{"index": 0, "delta": {}, "message": {"tool_calls": 5}}]})
        error = fault_of(odd, end=True)
        assert type(error) is StreamInterruptedError and error.partial is None

    def test_a_timeout_has_the_part_before_it(self) -> None:
        reader = reader_of(piece("a"))
        all_of(reader)
        error = reader.explain(errors.DialTimeoutError("silent", limit="progress", request_sent="yes"))
        assert isinstance(error, errors.DialTimeoutError) and error.limit == "progress"
        assert error.partial is not None and error.partial.choices[0].message.content == "a"

    def test_a_json_error_in_place_of_a_stream(self) -> None:
        error = fault_of(b'{"error": {"message": "boom", "code": "429"}}', end=True)
        assert type(error) is errors.RateLimitError and error.message == "boom"


WHOLE = {
    "id": "r",
    "object": "chat.completion",
    "created": 1,
    "choices": [
        {
            "index": 0,
            "finish_reason": "tool_calls",
            "message": {
                "role": "assistant",
                "content": "a",
                "tool_calls": [
                    {"id": "x", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                    {"id": "y", "type": "function", "function": {"name": "g", "arguments": "[]"}},
                ],
            },
        }
    ],
    "usage": {"total_tokens": 3},
}


def splits(body: bytes) -> Iterable[List[bytes]]:
    yield [body]
    yield [body[place : place + 1] for place in range(len(body))]
    for place in range(1, len(body), 7):
        yield [body[:place], body[place:]]


class TestABodyThatIsNoEventStream:
    @pytest.mark.parametrize(
        ("body", "kind"),
        [
            (b"<!DOCTYPE html><html><body>Please <b>sign in</b></body></html>", "text/html; charset=utf-8"),
            (b"\n \n<html>Sign in</html>", "text/html"),
            (b"Service unavailable", "text/plain"),
            (b"Service unavailable\n\ncome again\n", "text/plain"),
            (b'[{"error": {"message": "boom", "code": "429"}}]', "application/json"),
            (b'{"message": "no error and no choices"}', "application/json"),
            (b'{"choices": ', "application/json"),
            (b'"text"', "application/json"),
            (b"5", ""),
        ],
    )
    @pytest.mark.parametrize("events", [CHAT, PLAIN], ids=["chat", "plain"])
    def test_is_named_by_its_content_type(self, body: bytes, kind: str, events: Any) -> None:
        for pieces in splits(body):
            reader: EventReader[Any] = EventReader(events, headers={"content-type": kind} if kind else {})
            with pytest.raises(ParsingDataError) as caught:
                for data in pieces:
                    reader.receive(data)
                    assert reader.next() is None
                reader.end()
            error = reader.explain(caught.value)
            assert error.body == body.decode().strip() and (kind or "without Content-Type") in error.message
            assert error.request_sent == "yes" and "<" not in str(error)

    def test_does_not_fill_the_memory(self) -> None:
        for unit in (b"<p>", b"text\n", b"[", b" "):
            reader: EventReader[Any] = EventReader(CHAT)
            with pytest.raises(ParsingDataError):
                for _ in range(1000):
                    reader.receive(unit * 1000)

    def test_a_whole_completion_is_one_chunk(self) -> None:
        for pieces in splits(json.dumps(WHOLE).encode()):
            reader = reader_of(*pieces)
            assert reader.next() is None
            reader.end()
            (chunk,) = all_of(reader)
            assert type(chunk) is ChatCompletionChunk and chunk.object == "chat.completion.chunk" and reader.done
            assert text_of(chunk) == "a" and [call.index for call in chunk.choices[0].delta.tool_calls] == [0, 1]
            assert reader.result() == ChatCompletionResponse.from_json(WHOLE)

    def test_a_whole_legacy_completion_is_one_chunk(self) -> None:
        whole = {"object": "text_completion", "choices": [{"index": 0, "text": "a", "finish_reason": "stop"}]}
        reader = reader_of(json.dumps(whole).encode(), events=Events(CompletionChunk.from_json, lambda value: value))
        reader.end()
        assert [text_of(chunk) for chunk in all_of(reader)] == ["a"]

    def test_ten_times_the_body_is_ten_times_the_work(self) -> None:
        def feed(unit: bytes, size: int) -> None:
            reader = reader_of()
            try:
                for _ in range(size):
                    reader.receive(unit)
                reader.end()
            except DialException:
                pass

        for unit in (b"{ ", b"[ ", b"< ", b"x ", b"\n", b"data: \n", b":\n\n"):
            assert_linear(lambda size, unit=unit: lambda: feed(unit, size), 300)  # type: ignore[misc]

    def test_a_long_event_without_its_end_is_not_looked_at_whenever_something_comes(self) -> None:
        def prepare(size: int) -> Any:
            reader = reader_of(b"data:  " + b"x" * (20_000 * size) + b"\n")

            def work() -> None:
                for _ in range(size):
                    reader.receive(b":\n")
                    assert reader.next() is None

            return work

        assert_linear(prepare, 100)


def test_errors_know_the_headers_of_the_answer() -> None:
    for body in (error_event(message="boom"), b"data: {\n\n", b"<html>"):
        reader: EventReader[Any] = EventReader(CHAT, headers={"x-request-id": "7"}, secrets=[SECRET])
        with pytest.raises(DialException) as caught:
            reader.receive(body)
            reader.next()
            reader.end()
        assert reader.explain(caught.value).headers == {"x-request-id": "7"}


IN_BAND = [
    ("429", errors.RateLimitError, 429),
    (429, errors.RateLimitError, 429),
    ("400", errors.InvalidRequestError, 400),
    ("401", errors.AuthenticationError, 401),
    ("403", errors.PermissionDeniedError, 403),
    ("404", errors.ResourceNotFoundError, 404),
    ("409", errors.ConflictError, 409),
    ("413", errors.RequestTooLargeError, 413),
    ("418", errors.InvalidRequestError, 418),
    ("422", errors.InvalidRequestError, 422),
    ("500", errors.ServerError, 500),
    ("503", errors.ServerError, 503),
    ("599", errors.ServerError, 599),
    ("content_filter", DialException, 500),
    ("c", DialException, 500),
    ("", DialException, 500),
    (None, DialException, 500),
    ("200", DialException, 500),
    ("399", DialException, 500),
    ("600", DialException, 500),
    ("4 29", DialException, 500),
    ("4290", DialException, 500),
    ("\u0664\u0662\u0669", DialException, 500),
    (True, DialException, 500),
    (429.0, DialException, 500),
]


class TestErrorsInsideAStream:
    @pytest.mark.parametrize(("code", "cls", "status"), IN_BAND)
    def test_the_code_says_which_class(self, code: Any, cls: Type[DialException], status: int) -> None:
        error = fault_of(
            piece("a"), error_event(message="boom", type="runtime_error", code=code, display_message="dm"), DONE
        )
        assert type(error) is cls and error.status_code == status
        assert (error.message, error.type, error.display_message) == ("boom", "runtime_error", "dm")
        assert (
            error.code is None
            if code is None
            else str(error.code) == (code if isinstance(code, str) else json.dumps(code))
        )
        assert error.partial is not None and error.partial.choices[0].message.content == "a"

    def test_the_error_object_is_kept(self) -> None:
        error = fault_of(error_event(message="boom", innererror={"code": "x", "echo": SECRET}))
        assert error.error == {"message": "boom", "innererror": {"code": "x", "echo": "***"}}
        assert json.loads(error.body) == {"error": error.error}

    def test_before_the_first_chunk_there_is_no_part(self) -> None:
        assert fault_of(b": heartbeat\n\n", error_event(message="boom")).partial is None

    def test_without_done_behind_it(self) -> None:
        assert fault_of(error_event(message="boom"), end=True).message == "boom"

    @pytest.mark.parametrize(
        ("error", "words"),
        [
            ("boom", "boom"),
            ({"code": "content_filter"}, "content_filter"),
            ({"message": None, "code": "429"}, "Too Many Requests"),
            ({"message": "  ", "type": "t"}, "t"),
            (["boom"], "boom"),
        ],
    )
    def test_odd_error_objects_have_a_message_all_the_same(self, error: Any, words: str) -> None:
        assert words in fault_of(event({"error": error})).message

    def test_a_stop_before_the_error_does_not_hide_it(self) -> None:
        stop = event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        assert fault_of(piece("a"), stop, error_event(message="boom")).message == "boom"

    def test_in_streams_whose_answers_may_be_errors_it_is_an_event(self) -> None:
        reader = reader_of(error_event(message="no"), events=Events(lambda value: value, fails=False))
        assert reader.next() == {"error": {"message": "no"}}


class TestEventsThatAreNotWhatTheyShouldBe:
    @pytest.mark.parametrize("data", [b"{", b"hello", b"{'a': 1}", b"\xff", b"[" * 100_000, b"9" * 5000 + b"x"])
    def test_no_json(self, data: bytes) -> None:
        error = fault_of(piece("a"), b"data: " + data + b"\n\n")
        assert type(error) is ParsingDataError and "not JSON" in error.message
        assert error.body == data.decode("utf-8", "replace")[:65536]
        assert error.partial is not None

    @pytest.mark.parametrize(
        "value", [[], "text", 5, None, {"choices": 5}, {"choices": [5]}, {"choices": [{"delta": 5}]}]
    )
    def test_json_of_another_shape(self, value: Any) -> None:
        error = fault_of(piece("a"), event(value))
        assert type(error) is ParsingDataError and error.body == json.dumps(value)
        assert error.partial is not None and error.partial.choices[0].message.content == "a"

    def test_json_that_is_nested_too_deeply_to_be_read(self) -> None:
        start, end = b'{"choices": [{"index": 0, "delta": {"custom_content": {"state": ', b"}}}]}"
        for depth in range(50, 1000, 50):  # where it breaks is up to the interpreter
            reader = reader_of(b"data: " + start + b'{"a": ' * depth + b"1" + b"}" * depth + end + b"\n\n")
            try:
                all_of(reader)
            except ParsingDataError as error:
                message = reader.explain(error).message
                assert "nested too deeply" in message or "not JSON" in message

    @pytest.mark.parametrize("unit", [b"[],", b"{},", b'"a",', b"[" * 3])
    def test_more_values_than_memory_holds(self, unit: bytes) -> None:
        many = b'{"choices": [], "x": [' + unit * 2_500_000
        for body in (b"data: " + many + b"\n\n", many):
            error = fault_of(body, end=True)
            assert type(error) is ParsingDataError and len(error.body) <= 65536


class TestSecrets:
    def test_are_masked_in_errors_inside_the_stream(self) -> None:
        error = fault_of(
            error_event(
                message="key %s is bad" % SECRET, code=SECRET, type=SECRET, param=SECRET, display_message=SECRET
            )
        )
        assert error.message == "key *** is bad"
        assert SECRET not in str(error) + repr(error) + repr(error.__dict__) + repr(error.args)

    @pytest.mark.parametrize("before", [0, 490, 495, 499, 510])
    def test_are_masked_in_the_body_of_what_can_not_be_read_wherever_it_is_cut(self, before: int) -> None:
        error = fault_of(b"data: " + b"x" * before + SECRET.encode() + b"\n\n")
        assert isinstance(error, ParsingDataError)
        assert not any(SECRET[:size] in error.body for size in range(3, len(SECRET)))
        assert SECRET not in repr(error.__dict__)


class TestText:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            ({"choices": [{"index": 0, "delta": {"content": "a"}}]}, "a"),
            ({"choices": [{"index": 1, "delta": {"content": "b"}}, {"index": 0, "delta": {"content": "a"}}]}, "a"),
            ({"choices": [{"index": 1, "delta": {"content": "b"}}]}, ""),
            ({"choices": [{"delta": {"content": "a"}}]}, "a"),
            ({"choices": [{"index": "1", "delta": {"content": "b"}}, {"index": "0", "delta": {"content": "a"}}]}, "a"),
            ({"choices": [{"index": -1, "delta": {"content": "a"}}]}, "a"),
            ({"choices": [{"index": 0.0, "delta": {"content": "a"}}]}, "a"),
            ({"choices": [{"index": 0, "delta": {"content": None}}]}, ""),
            ({"choices": [{"index": 0, "delta": {}}]}, ""),
            ({"choices": [{"index": 0, "delta": None}]}, ""),
            ({"choices": [{"index": 0}]}, ""),
            ({"choices": []}, ""),
            ({}, ""),
        ],
    )
    def test_of_the_first_choice_only(self, value: Any, text: str) -> None:
        assert text_of(ChatCompletionChunk.from_json(value)) == text

    @pytest.mark.parametrize(
        ("choice", "text"), [({"text": "a"}, "a"), ({"text": None}, ""), ({}, ""), ({"delta": {"content": "chat"}}, "")]
    )
    def test_of_a_legacy_completion(self, choice: Any, text: str) -> None:
        assert text_of(CompletionChunk.from_json({"choices": [{"index": 0, **choice}]})) == text
