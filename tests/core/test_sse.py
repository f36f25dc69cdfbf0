"""core/sse.py: the WHATWG event stream, cut anywhere."""

import tracemalloc
from typing import Any, Iterable, List, Tuple

import pytest

from aidial_min.core import sse
from aidial_min.core.sse import EventParser, ServerSentEvent
from aidial_min.errors import RemoteProtocolError

from ..support.growth import assert_linear

Event = ServerSentEvent


def parse(pieces: Iterable[bytes]) -> List[ServerSentEvent]:
    parser = EventParser()
    return [event for piece in pieces for event in parser.feed(piece)]


BOM = b"\xef\xbb\xbf"

STREAMS: List[Tuple[str, bytes, List[ServerSentEvent]]] = [
    ("nothing", b"", []),
    ("one event", b"data: a\n\n", [Event("a")]),
    ("events in a row", b"data: a\n\ndata: b\n\n", [Event("a"), Event("b")]),
    ("CRLF", b"data: a\r\n\r\ndata: b\r\n\r\n", [Event("a"), Event("b")]),
    ("CR", b"data: a\r\rdata: b\r\r", [Event("a"), Event("b")]),
    ("a mixture of line ends", b"data: a\r\ndata: b\rdata: c\n\r\ndata: d\n\n", [Event("a\nb\nc"), Event("d")]),
    ("CRLF after LF", b"data: a\n\r\ndata: b\r\n\n", [Event("a"), Event("b")]),
    ("CR, then CRLF", b"data: a\r\r\ndata: b\n\n", [Event("a"), Event("b")]),
    ("several data lines", b"data: a\ndata: b\ndata: c\n\n", [Event("a\nb\nc")]),
    ("empty data lines", b"data\n\ndata\ndata\n\ndata:\n\n", [Event(""), Event("\n"), Event("")]),
    ("no blank behind the colon", b"data:a\n\n", [Event("a")]),
    ("only one blank is taken", b"data:  a \n\n", [Event(" a ")]),
    ("a tab is not taken", b"data:\ta\n\n", [Event("\ta")]),
    ("colons in the value", b'data: {"a": "b:c"}\n\n', [Event('{"a": "b:c"}')]),
    (
        "other line separators are data",
        "data: a\x0bb\x0cc\x1cd\x85e\u2028f\n\n".encode(),
        [Event("a\x0bb\x0cc\x1cd\x85e\u2028f")],
    ),
    ("a BOM is skipped", BOM + b"data: a\n\n", [Event("a")]),
    ("a BOM before a comment", BOM + b": x\ndata: a\n\n", [Event("a")]),
    ("a BOM before a blank line", BOM + b"\ndata: a\n\n", [Event("a")]),
    ("only one BOM is skipped", BOM + BOM + b"data: a\ndata: b\n\n", [Event("b")]),
    ("a BOM later is data", b"data: a\n\ndata: \xef\xbb\xbfb\n\n", [Event("a"), Event("\ufeffb")]),
    ("a comment", b": heartbeat\n\n: heartbeat\n\ndata: a\n\n", [Event("a")]),
    ("a comment inside an event", b"data: a\n: x\ndata: b\n\n", [Event("a\nb")]),
    ("an empty comment", b":\n:\ndata: a\n\n", [Event("a")]),
    ("unknown fields", b"foo: bar\nfoo\ndata: a\nDATA: b\n data: c\ndata : d\n\n", [Event("a")]),
    ("retry is ignored", b"retry: 10\ndata: a\n\n", [Event("a")]),
    ("blank lines without data give nothing", b"\n\n\r\n\rdata: a\n\n\n\n", [Event("a")]),
    ("the type of an event", b"event: x\ndata: a\n\ndata: b\n\n", [Event("a", "x"), Event("b")]),
    ("the last type stands", b"event: x\nevent: y\ndata: a\n\n", [Event("a", "y")]),
    ("an empty type is none", b"event:\ndata: a\n\n", [Event("a")]),
    ("a type without data is forgotten", b"event: x\n\ndata: a\n\n", [Event("a")]),
    (
        "the id of an event stays",
        b"id: 1\ndata: a\n\ndata: b\n\nid: 2\ndata: c\n\n",
        [Event("a", id="1"), Event("b", id="1"), Event("c", id="2")],
    ),
    ("an empty id resets it", b"id: 1\ndata: a\n\nid\ndata: b\n\n", [Event("a", id="1"), Event("b")]),
    ("an id without data stays too", b"id: 1\n\ndata: a\n\n", [Event("a", id="1")]),
    ("an id with NUL is ignored", b"id: 1\nid: 2\x00\ndata: a\n\n", [Event("a", id="1")]),
    (
        "UTF-8 of every length",
        "data: \xe9\u20ac\U0001f600\nevent: \u0444\nid: \u4e2d\n\n".encode(),
        [Event("\xe9\u20ac\U0001f600", "\u0444", "\u4e2d")],
    ),
    ("bytes that are no UTF-8", b"data: a\xffb\n\n", [Event("a\ufffdb")]),
    ("a cut character at the end of a line", b"data: \xe2\x82\ndata: \xac\n\n", [Event("\ufffd\n\ufffd")]),
    ("the last event without its blank line", b"data: a\n\ndata: b\n", [Event("a")]),
    ("the last line without its end", b"data: a\n\ndata: b", [Event("a")]),
    ("[DONE] without its blank line", b"data: [DONE]\n", []),
]


@pytest.mark.parametrize(
    ("stream", "events"), [row[1:] for row in STREAMS], ids=[row[0].replace(" ", "-") for row in STREAMS]
)
class TestEveryStream:
    def test_in_one_piece(self, stream: bytes, events: Any) -> None:
        assert parse([stream]) == events

    def test_split_at_every_place(self, stream: bytes, events: Any) -> None:
        for at in range(len(stream) + 1):
            assert parse([stream[:at], stream[at:]]) == events

    def test_byte_by_byte(self, stream: bytes, events: Any) -> None:
        assert parse([stream[at : at + 1] for at in range(len(stream))]) == events

    def test_with_every_line_end(self, stream: bytes, events: Any) -> None:
        if b"\r" not in stream:
            for end in (b"\r\n", b"\r"):
                other = stream.replace(b"\n", end)
                assert parse([other]) == parse([other[at : at + 1] for at in range(len(other))]) == events


def test_every_event_is_given_out_with_the_piece_that_completes_it() -> None:
    parser = EventParser()
    assert parser.feed(b"data: a\n") == []
    assert parser.feed(b"\nda") == [Event("a")]
    assert parser.feed(b"ta: b\r\r") == [Event("b")]
    assert parser.feed(b"\n") == [], "the LF of a CRLF that was torn apart is no blank line"
    assert parser.feed(b"data: c\n\n") == [Event("c")]


def test_heartbeats_are_counted() -> None:
    parser = EventParser()
    parser.feed(b": heartbeat\n\n:\ndata: a\nnocolon\n\n")
    assert parser.heartbeats == 2


class TestSize:
    def test_an_event_beyond_the_limit_is_refused(self, monkeypatch: Any) -> None:
        monkeypatch.setattr(sse, "MAX_EVENT", 1000)
        parser = EventParser()
        with pytest.raises(RemoteProtocolError, match="larger than 1000 bytes") as caught:
            for _ in range(11):
                assert parser.feed(b"x" * 100) == []
        assert caught.value.request_sent == "yes"

    def test_so_is_one_of_many_short_lines(self, monkeypatch: Any) -> None:
        monkeypatch.setattr(sse, "MAX_EVENT", 1000)
        parser = EventParser()
        with pytest.raises(RemoteProtocolError):
            for _ in range(501):
                assert parser.feed(b"data: x\n") == []

    def test_what_its_lines_take_in_memory_counts(self, monkeypatch: Any) -> None:
        monkeypatch.setattr(sse, "MAX_EVENT", sse.MAX_EVENT // 8)
        parser = EventParser()
        piece = b"data: ab\n" * 10_000
        tracemalloc.start()
        try:
            with pytest.raises(RemoteProtocolError):
                while tracemalloc.get_traced_memory()[1] < 25_000_000:
                    assert parser.feed(piece) == []
        finally:
            tracemalloc.stop()

    def test_many_small_events_never_reach_it(self, monkeypatch: Any) -> None:
        monkeypatch.setattr(sse, "MAX_EVENT", 100)
        parser = EventParser()
        for _ in range(1000):
            assert parser.feed(b"data: x\n\n") == [Event("x")]
            assert parser.feed(b": heartbeat\n\n") == []

    def test_neither_do_comments_without_a_blank_line(self, monkeypatch: Any) -> None:
        monkeypatch.setattr(sse, "MAX_EVENT", 100)
        parser = EventParser()
        for _ in range(1000):
            assert parser.feed(b": heartbeat\n") == []
        assert parser.feed(b"data: x\n\n") == [Event("x")]


@pytest.mark.parametrize(
    "pieces",
    [
        [b"x"],
        [b"x" * 100],
        [b"data: x\n"],
        [b"data: x\n\n"],
        [b":\n"],
        [b"\r\n", b"\r", b"\n"],
        [b"data\r"],
        [b"\xef\xbb\xbf"],
    ],
    ids=str,
)
def test_ten_times_the_input_is_ten_times_the_work(pieces: List[bytes]) -> None:
    assert_linear(lambda size: lambda: parse(pieces * size), 1000)
    assert_linear(lambda size: lambda: parse([b"".join(pieces * size) + b"\n\n"]), 1000)


def test_a_long_line_is_an_event_of_its_length() -> None:
    assert parse([b"data: "] + [b"x"] * 100_000 + [b"\n\n"]) == [Event("x" * 100_000)]
    assert parse([b"data: x\n"] * 50_000 + [b"\n"]) == [Event("\n".join(["x"] * 50_000))]
