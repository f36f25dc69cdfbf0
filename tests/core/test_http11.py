"""core/http11.py: one meaning of the wire, however the bytes are cut into pieces."""

import dataclasses
import pickle
from typing import Any, Iterable, List, Tuple, Type, Union

import pytest

from aidial_min.core import http11
from aidial_min.core.http11 import Headers, ResponseReader, header_line, request_head
from aidial_min.errors import (
    DialConnectionError,
    InvalidRequestError,
    RemoteProtocolError,
    ResponseInterruptedError,
)

from ..support.growth import assert_linear

# ---------------------------------------------------------------- the table


@dataclasses.dataclass(frozen=True)
class Answered:
    """The answer was read to its end."""

    status: int
    body: bytes = b""
    reusable: bool = True
    reason: str = "OK"
    headers: Tuple[Tuple[str, str], ...] = ()


@dataclasses.dataclass(frozen=True)
class Broken:
    """An error of exactly this class, after so many bytes of the body."""

    error: Type[Exception]
    received: int = 0


@dataclasses.dataclass(frozen=True)
class Unfinished:
    """No fault, but more bytes are needed; so many of the body have come."""

    received: int = 0


Outcome = Union[Answered, Broken, Unfinished]
EOF = b""
"""Stands behind the bytes of a script where the peer closed the connection."""


@dataclasses.dataclass(frozen=True)
class Script:
    name: str
    wire: bytes
    outcome: Outcome
    eof: bool = False
    method: str = "GET"


def answered(name: str, wire: bytes, outcome: Outcome, method: str = "GET") -> Script:
    return Script(name, wire, outcome, False, method)


def closed(name: str, wire: bytes, outcome: Outcome, method: str = "GET") -> Script:
    return Script(name, wire, outcome, True, method)


def malformed(name: str, wire: bytes, received: int = 0, method: str = "GET") -> Script:
    return Script(name, wire, Broken(RemoteProtocolError, received), False, method)


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
FIVE = OK + b"Content-Length: 5\r\n\r\n"

BODIES = [
    answered("length", FIVE + b"hello", Answered(200, b"hello", headers=(("Content-Length", "5"),))),
    answered("length 0", OK + b"Content-Length: 0\r\n\r\n", Answered(200)),
    answered("length with blanks around it", OK + b"Content-Length: \t 5 \t\r\n\r\nhello", Answered(200, b"hello")),
    answered("length with leading zeros", OK + b"Content-Length: 005\r\n\r\nhello", Answered(200, b"hello")),
    answered("equal lengths in one field", OK + b"Content-Length: 5, 5\r\n\r\nhello", Answered(200, b"hello")),
    answered("equal lengths twice", FIVE[:-2] + b"content-length: 5\r\n\r\nhello", Answered(200, b"hello")),
    answered(
        "body with bytes that look like a head", FIVE[:-6] + b" 6\r\n\r\n\r\n\r\n\r\n", Answered(200, b"\r\n\r\n\r\n")
    ),
    answered("chunks", CHUNKED + b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", Answered(200, b"hello world")),
    answered("no chunk but the last", CHUNKED + b"0\r\n\r\n", Answered(200)),
    answered("last chunk of many zeros", CHUNKED + b"1\r\nx\r\n000\r\n\r\n", Answered(200, b"x")),
    answered(
        "chunk sizes are hexadecimal",
        CHUNKED + b"a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n",
        Answered(200, b"01234567890123456789a"),
    ),
    answered("chunk extensions", CHUNKED + b'5;a=1;b="x y"\r\nhello\r\n0;last\r\n\r\n', Answered(200, b"hello")),
    answered("blanks behind a chunk size", CHUNKED + b"5 \t\r\nhello\r\n0\r\n\r\n", Answered(200, b"hello")),
    answered(
        "trailers are read and dropped",
        CHUNKED + b"5\r\nhello\r\n0\r\nDigest: x\r\nA: b\r\n\r\n",
        Answered(200, b"hello", headers=(("Transfer-Encoding", "chunked"),)),
    ),
    answered(
        "data that looks like chunk framing",
        CHUNKED + b"7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n",
        Answered(200, b"\r\n0\r\n\r\n"),
    ),
    answered(
        "the coding's name in capitals",
        OK + b"Transfer-Encoding: CHUNKED\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        Answered(200, b"x"),
    ),
    closed("until the connection closes", OK + b"\r\nhello", Answered(200, b"hello", reusable=False)),
    closed("until the connection closes, nothing came", OK + b"\r\n", Answered(200, reusable=False)),
    answered("204 has no body", b"HTTP/1.1 204 No Content\r\n\r\n", Answered(204, reason="No Content")),
    answered(
        "304 has no body, whatever its length says",
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
        Answered(304, reason="Not Modified"),
    ),
    answered("HEAD has no body, whatever its length says", FIVE, Answered(200), "HEAD"),
    answered("HEAD has no body, though it would be chunked", CHUNKED, Answered(200), "HEAD"),
    answered("CONNECT: what follows a 2xx is not an answer", OK + b"\r\n", Answered(200), "CONNECT"),
    answered(
        "CONNECT: a refusal has a body",
        b"HTTP/1.1 407 No\r\nContent-Length: 2\r\n\r\nno",
        Answered(407, b"no", reason="No"),
        "CONNECT",
    ),
    answered("100 before the answer", b"HTTP/1.1 100 Continue\r\n\r\n" + FIVE + b"hello", Answered(200, b"hello")),
    answered(
        "103 with fields, twice",
        b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\nContent-Length: 9\r\n\r\n" * 2 + FIVE + b"hello",
        Answered(200, b"hello", headers=(("Content-Length", "5"),)),
    ),
    answered(
        "as many 1xx as are borne",
        b"HTTP/1.1 102 P\r\n\r\n" * http11.MAX_INTERIM + FIVE + b"hello",
        Answered(200, b"hello"),
    ),
]

HEADS = [
    answered("no reason phrase", b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", Answered(200, reason="")),
    answered("empty reason phrase", b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", Answered(200, reason="")),
    answered(
        "reason in Latin-1",
        b"HTTP/1.1 404 Nicht d\xe4\r\nContent-Length: 0\r\n\r\n",
        Answered(404, reason="Nicht d\xe4"),
    ),
    answered("lines that end in LF alone", b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", Answered(200, b"hello")),
    answered(
        "a mixture of line ends", b"HTTP/1.1 200 OK\nA: b\r\nContent-Length: 5\r\n\nhello", Answered(200, b"hello")
    ),
    answered(
        "names in any case, order and number",
        OK + b"x-a: 1\r\ncONTENT-lENGTH: 0\r\nX-A: 2\r\n\r\n",
        Answered(200, headers=(("x-a", "1, 2"), ("cONTENT-lENGTH", "0"))),
    ),
    answered(
        "values: empty, with colons, in Latin-1",
        OK + b"A:\r\nB: http://h:1/\r\nC: \xe9\r\nContent-Length: 0\r\n\r\n",
        Answered(200, headers=(("A", ""), ("B", "http://h:1/"), ("C", "\xe9"), ("Content-Length", "0"))),
    ),
    answered(
        "folded lines are unfolded",
        OK + b"A: one\r\n\t two\r\n three\r\nContent-Length: 0\r\n\r\n",
        Answered(200, headers=(("A", "one two three"), ("Content-Length", "0"))),
    ),
    answered(
        "HTTP/1.0 with keep-alive",
        b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nhi",
        Answered(200, b"hi"),
    ),
    answered(
        "HTTP/1.0 without it", b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", Answered(200, b"hi", reusable=False)
    ),
    closed("HTTP/1.0 until close", b"HTTP/1.0 200 OK\r\n\r\nhi", Answered(200, b"hi", reusable=False)),
    answered(
        "Connection: close",
        OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nhi",
        Answered(200, b"hi", reusable=False),
    ),
    answered(
        "close among other options",
        OK + b"Connection: x, Close\r\nContent-Length: 2\r\n\r\nhi",
        Answered(200, b"hi", reusable=False),
    ),
    answered(
        "close in a second field",
        OK + b"Connection: keep-alive\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        Answered(200, reusable=False),
    ),
    answered("HTTP/1.2 reads as 1.1", b"HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n", Answered(200)),
]

SURPLUS = [
    answered("a byte after a length", FIVE + b"helloX", Answered(200, b"hello", reusable=False)),
    answered(
        "a whole answer after a length", FIVE + b"hello" + FIVE + b"other", Answered(200, b"hello", reusable=False)
    ),
    answered("a byte after the last chunk", CHUNKED + b"0\r\n\r\n\r", Answered(200, reusable=False)),
    answered(
        "a body where none belongs",
        b"HTTP/1.1 204 No Content\r\n\r\nX",
        Answered(204, reusable=False, reason="No Content"),
    ),
    answered("a body after HEAD", FIVE + b"hello", Answered(200, reusable=False), "HEAD"),
    closed("the connection closed after the answer", FIVE + b"hello", Answered(200, b"hello", reusable=False)),
]

CUTS = [
    closed("before the answer", b"", Broken(DialConnectionError)),
    closed("inside the status line", b"HTTP/1.1 20", Broken(DialConnectionError)),
    closed("inside a field", OK + b"Content-Le", Broken(DialConnectionError)),
    closed("before the blank line", OK + b"Content-Length: 0\r\n", Broken(DialConnectionError)),
    closed("inside the blank line", OK + b"Content-Length: 0\r\n\r", Broken(DialConnectionError)),
    closed("after a 1xx", b"HTTP/1.1 100 Continue\r\n\r\n", Broken(DialConnectionError)),
    closed("before the body", FIVE, Broken(ResponseInterruptedError)),
    closed("inside the body", FIVE + b"hell", Broken(ResponseInterruptedError, 4)),
    closed("before the first chunk", CHUNKED, Broken(ResponseInterruptedError)),
    closed("inside a chunk size", CHUNKED + b"5", Broken(ResponseInterruptedError)),
    closed("inside the line end of a chunk size", CHUNKED + b"5\r", Broken(ResponseInterruptedError)),
    closed("inside a chunk", CHUNKED + b"5\r\nhel", Broken(ResponseInterruptedError, 3)),
    closed("after a chunk's data", CHUNKED + b"5\r\nhello", Broken(ResponseInterruptedError, 5)),
    closed("inside the line end of a chunk", CHUNKED + b"5\r\nhello\r", Broken(ResponseInterruptedError, 5)),
    closed("between chunks", CHUNKED + b"5\r\nhello\r\n", Broken(ResponseInterruptedError, 5)),
    closed("inside the last chunk", CHUNKED + b"5\r\nhello\r\n0\r\n", Broken(ResponseInterruptedError, 5)),
    closed("inside the last line end of all", CHUNKED + b"5\r\nhello\r\n0\r\n\r", Broken(ResponseInterruptedError, 5)),
    closed("inside the trailers", CHUNKED + b"0\r\nA: b\r\n", Broken(ResponseInterruptedError)),
]

WAITING = [
    answered("nothing came", b"", Unfinished()),
    answered("the head is not complete", OK + b"A: b\r\n", Unfinished()),
    answered("only a 1xx came", b"HTTP/1.1 100 Continue\r\n\r\n", Unfinished()),
    answered("a byte of the body is missing", FIVE + b"hell", Unfinished(4)),
    answered("the end of the last chunk is missing", CHUNKED + b"1\r\nx\r\n0\r\n\r", Unfinished(1)),
    answered("an answer until close never ends by itself", OK + b"\r\nhello", Unfinished(5)),
]

MALFORMED = [
    malformed("not HTTP", b"SSH-2.0-OpenSSH_9.6\r\n"),
    malformed("TLS where HTTP was expected", b"\x15\x03\x01\x00\x02\x02\x46"),
    malformed("HTTP/2", b"HTTP/2 200 OK\r\n\r\n"),
    malformed("HTTP/0.9: a bare body", b"<html>hello</html>"),
    malformed("a blank line before the answer", b"\r\n" + FIVE + b"hello"),
    malformed("lower case", b"http/1.1 200 OK\r\n\r\n"),
    malformed("a status of two digits", b"HTTP/1.1 20 OK\r\n\r\n"),
    malformed("a status of four digits", b"HTTP/1.1 2000 OK\r\n\r\n"),
    malformed("a status with a sign", b"HTTP/1.1 +20 OK\r\n\r\n"),
    malformed("a status below 100", b"HTTP/1.1 099 OK\r\n\r\n"),
    malformed("no status", b"HTTP/1.1 OK\r\n\r\n"),
    malformed("two blanks before the status", b"HTTP/1.1  200 OK\r\n\r\n"),
    malformed("a version of two digits", b"HTTP/1.10 200 OK\r\n\r\n"),
    malformed("bare CR in the status line", b"HTTP/1.1 200 O\rK\r\n\r\n"),
    malformed("NUL in the status line", b"HTTP/1.1 200 O\x00K\r\n\r\n"),
    malformed("ESC in the status line", b"HTTP/1.1 200 O\x1b[31mK\r\n\r\n"),
    malformed("ESC in a value", OK + b"A: b\x1b[31mc\r\nContent-Length: 0\r\n\r\n"),
    malformed("DEL in a value", OK + b"A: b\x7fc\r\nContent-Length: 0\r\n\r\n"),
    malformed("bare CR in a value", OK + b"A: b\rc\r\nContent-Length: 0\r\n\r\n"),
    malformed("a doubled CR", OK + b"A: b\r\r\nContent-Length: 0\r\n\r\n"),
    malformed("bare CR in a name", OK + b"A\rB: c\r\n\r\n"),
    malformed("NUL in a value", OK + b"A: b\x00c\r\n\r\n"),
    malformed("a field without a name", OK + b": b\r\n\r\n"),
    malformed("a field without a colon", OK + b"Content-Length\r\n\r\n"),
    malformed("a blank before the colon", OK + b"Content-Length : 5\r\n\r\nhello"),
    malformed("a blank inside a name", OK + b"Content Length: 5\r\n\r\nhello"),
    malformed("a name that is not ASCII", OK + b"Gr\xf6\xdfe: 5\r\n\r\n"),
    malformed("the first field is a continuation", OK + b" A: b\r\n\r\n"),
    malformed("lengths that differ in one field", OK + b"Content-Length: 5, 6\r\n\r\nhello"),
    malformed("lengths that differ in two fields", FIVE[:-2] + b"Content-Length: 6\r\n\r\nhello"),
    malformed("a length and nothing behind a comma", OK + b"Content-Length: 5,\r\n\r\nhello"),
    malformed("an empty length", OK + b"Content-Length:\r\n\r\nhello"),
    malformed("length with a plus", OK + b"Content-Length: +5\r\n\r\nhello"),
    malformed("length with a minus", OK + b"Content-Length: -5\r\n\r\nhello"),
    malformed("length with an underscore", OK + b"Content-Length: 1_5\r\n\r\nhello"),
    malformed("length in hexadecimal", OK + b"Content-Length: 0x5\r\n\r\nhello"),
    malformed("length in other digits", OK + "Content-Length: \u00b2\r\n\r\nhello".encode("latin-1")),
    malformed("length with a fraction", OK + b"Content-Length: 5.0\r\n\r\nhello"),
    malformed("length folded into two lines", OK + b"Content-Length: 1\r\n 5\r\n\r\nhello"),
    malformed("length beyond all reason", OK + b"Content-Length: " + b"9" * 40 + b"\r\n\r\nhello"),
    malformed("both length and chunked", FIVE[:-2] + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
    malformed("both, and HEAD", FIVE[:-2] + b"Transfer-Encoding: chunked\r\n\r\n", method="HEAD"),
    malformed("another transfer coding", OK + b"Transfer-Encoding: gzip\r\n\r\n"),
    malformed("another transfer coding before chunked", OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    malformed("chunked twice", OK + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    malformed("chunked and something after", OK + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
    malformed("almost chunked", OK + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    malformed("chunked with a vertical tab", OK + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n"),
    malformed("an empty transfer coding", OK + b"Transfer-Encoding:\r\n\r\nhello"),
    malformed("chunked in HTTP/1.0", b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    malformed("chunk size with a plus", CHUNKED + b"+5\r\nhello\r\n0\r\n\r\n"),
    malformed("chunk size with a minus", CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n"),
    malformed("chunk size with an underscore", CHUNKED + b"1_5\r\nhello\r\n0\r\n\r\n"),
    malformed("chunk size with 0x", CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n"),
    malformed("chunk size with 0x and a blank", CHUNKED + b"0x f\r\nhello\r\n0\r\n\r\n"),
    malformed("chunk size with a blank before it", CHUNKED + b" 5\r\nhello\r\n0\r\n\r\n"),
    malformed("chunk size of two words", CHUNKED + b"5 5\r\nhello\r\n0\r\n\r\n"),
    malformed("an empty chunk size", CHUNKED + b"\r\nhello\r\n0\r\n\r\n"),
    malformed("a chunk size of letters", CHUNKED + b"five\r\nhello\r\n0\r\n\r\n"),
    malformed("a chunk size beyond all reason", CHUNKED + b"1" + b"0" * 16 + b"\r\nhello\r\n"),
    malformed("bare LF behind a chunk size", CHUNKED + b"5\nhello\r\n0\r\n\r\n"),
    malformed("bare CR behind a chunk size", CHUNKED + b"5\rhello\r\n0\r\n\r\n"),
    malformed("bare CR in a chunk extension", CHUNKED + b"5;a\rb\r\nhello\r\n0\r\n\r\n"),
    malformed("NUL in a chunk extension", CHUNKED + b"5;a\x00b\r\nhello\r\n0\r\n\r\n"),
    malformed("a chunk longer than its size", CHUNKED + b"5\r\nhello!\r\n0\r\n\r\n", received=5),
    malformed("bare LF behind a chunk", CHUNKED + b"5\r\nhello\n0\r\n\r\n", received=5),
    malformed("a trailer without a name", CHUNKED + b"1\r\nx\r\n0\r\n: x\r\n\r\n", received=1),
    malformed("bare LF behind a trailer", CHUNKED + b"1\r\nx\r\n0\r\nA: x\n\r\n", received=1),
    malformed("bare CR in a trailer", CHUNKED + b"1\r\nx\r\n0\r\nA: x\ry\r\n\r\n", received=1),
    malformed("a protocol switched to unasked", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"),
    malformed("endless 1xx", b"HTTP/1.1 102 P\r\n\r\n" * (http11.MAX_INTERIM + 1)),
]

SCRIPTS = BODIES + HEADS + SURPLUS + CUTS + WAITING + MALFORMED


def ids(scripts: Iterable[Script]) -> List[str]:
    return [script.name.replace(" ", "-") for script in scripts]


def play(script: Script, pieces: Iterable[bytes]) -> Any:
    """Feed a reader piece by piece, as the clients do; what came of it."""
    reader = ResponseReader(script.method)
    body: List[bytes] = []
    feed = [*pieces, *([EOF] if script.eof else [])]
    try:
        for data in feed:
            reader.receive(data)
            advance(reader, body)
    except DialConnectionError as error:
        assert not reader.reusable
        assert error.request_sent == "yes" or not reader.head
        if isinstance(error, ResponseInterruptedError):
            assert (error.received, error.expected) == (reader.received, reader.expected)
        return Broken(type(error), reader.received)
    if not reader.done:
        assert not reader.reusable
        return Unfinished(reader.received)
    head = reader.head
    assert head is not None and reader.read_body() == b"", "the end is given again when asked for again"
    return Answered(head.status, b"".join(body), reader.reusable, head.reason, tuple(head.headers.items()))


def advance(reader: ResponseReader, body: List[bytes]) -> None:
    if reader.read_head() is None:
        return
    piece = reader.read_body()
    while piece:
        body.append(piece)
        piece = reader.read_body()
    assert (piece == b"") == reader.done


def check(script: Script, found: Any) -> None:
    wanted = script.outcome
    if isinstance(wanted, Answered) and isinstance(found, Answered):
        fields = tuple((name.lower(), value) for name, value in wanted.headers)
        wanted = dataclasses.replace(wanted, headers=fields or found.headers)
    assert found == wanted


@pytest.mark.parametrize("script", SCRIPTS, ids=ids(SCRIPTS))
class TestEveryScript:
    def test_in_one_piece(self, script: Script) -> None:
        check(script, play(script, [script.wire] if script.wire else []))

    def test_split_at_every_place(self, script: Script) -> None:
        for at in range(1, len(script.wire)):
            check(script, play(script, [script.wire[:at], script.wire[at:]]))

    def test_byte_by_byte(self, script: Script) -> None:
        check(script, play(script, [script.wire[at : at + 1] for at in range(len(script.wire))]))


def test_no_two_scripts_have_the_same_name() -> None:
    assert len({script.name for script in SCRIPTS}) == len(SCRIPTS)


# ---------------------------------------------------------------- the reader's own state


class TestWhatTheReaderTells:
    def test_whether_anything_has_come(self) -> None:
        reader = ResponseReader("GET")
        assert not reader.began
        reader.receive(b"H")
        assert reader.began

    def test_where_the_connection_ended(self) -> None:
        for wire, place in ((b"", "before"), (b"HTTP/1.1 2", "inside the head of")):
            reader = ResponseReader("GET")
            reader.receive(wire)
            reader.receive(b"")
            with pytest.raises(DialConnectionError, match="closed %s the answer" % place):
                reader.read_head()

    def test_how_much_has_come_and_is_expected(self) -> None:
        reader = ResponseReader("GET")
        reader.receive(FIVE + b"he")
        reader.read_head()
        assert (reader.read_body(), reader.received, reader.expected) == (b"he", 2, 5)
        reader.receive(b"")
        with pytest.raises(ResponseInterruptedError, match="2 of 5 bytes") as caught:
            reader.read_body()
        assert (caught.value.received, caught.value.expected) == (2, 5)

    def test_the_head_is_given_again_when_asked_for_again(self) -> None:
        reader = ResponseReader("GET")
        reader.receive(FIVE)
        assert reader.read_head() is reader.read_head() is not None

    def test_an_answer_that_was_not_read_is_not_reusable(self) -> None:
        reader = ResponseReader("GET")
        reader.receive(FIVE + b"hello")
        assert not reader.reusable
        reader.read_head()
        assert not reader.reusable
        reader.read_body()
        assert reader.reusable

    def test_no_error_repeats_what_the_peer_sent(self) -> None:
        for script in MALFORMED:
            reader = ResponseReader(script.method)
            reader.receive(script.wire.replace(b"\r\n\r\n", b"\r\nX-Key: sesame\r\n\r\n", 1))
            with pytest.raises(RemoteProtocolError) as caught:
                advance(reader, [])
            assert "sesame" not in str(caught.value) + repr(caught.value)


class TestPieces:
    def test_a_body_is_given_out_as_it_comes(self) -> None:
        reader = ResponseReader("GET")
        reader.receive(OK + b"Content-Length: 6\r\n\r\nab")
        reader.read_head()
        assert reader.read_body() == b"ab"
        assert reader.read_body() is None
        reader.receive(b"cd")
        assert reader.read_body() == b"cd"
        reader.receive(b"ef")
        assert reader.read_body() == b"ef"
        assert reader.read_body() == b""

    def test_a_chunk_need_not_be_complete_to_be_given_out(self) -> None:
        reader = ResponseReader("GET")
        reader.receive(CHUNKED + b"ff\r\nab")
        reader.read_head()
        assert reader.read_body() == b"ab"


# ---------------------------------------------------------------- limits


def head_of(size: int) -> bytes:
    """A head of exactly so many bytes."""
    start, end = OK + b"Content-Length: 0\r\nA: ", b"\r\n\r\n"
    return start + b"x" * (size - len(start) - len(end)) + end


def outcome_of(*pieces: bytes) -> Any:
    return play(Script("", b"", Unfinished()), pieces)


def in_pieces(data: bytes, size: int) -> List[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


@pytest.mark.parametrize("size", [10**6, 4096, 1], ids=["whole", "in-pages", "bytewise"])
class TestLimits:
    def refused(self, wire: bytes, size: int) -> bool:
        found = outcome_of(*in_pieces(wire, size))
        assert isinstance(found, Answered) or found == Broken(RemoteProtocolError, found.received)
        return isinstance(found, Broken)

    def test_the_size_of_the_head(self, size: int) -> None:
        assert not self.refused(head_of(http11.MAX_HEAD), size)
        assert self.refused(head_of(http11.MAX_HEAD + 1), size)

    def test_a_head_that_never_ends(self, size: int) -> None:
        assert self.refused(OK + b"A: b\r\n" * (http11.MAX_HEAD // 6), size)

    def test_the_number_of_fields(self, size: int) -> None:
        most = OK + b"A: b\r\n" * (http11.MAX_HEADERS - 1) + b"Content-Length: 0\r\n"
        assert not self.refused(most + b"\r\n", size)
        assert self.refused(most + b"A: b\r\n\r\n", size)

    def test_the_length_of_a_chunk_line(self, size: int) -> None:
        line = b"1;" + b"x" * (http11.MAX_CHUNK_LINE - 3) + b"\r\n"
        assert not self.refused(CHUNKED + line + b"a\r\n0\r\n\r\n", size)
        assert self.refused(CHUNKED + b"1;x" + line[2:] + b"a\r\n0\r\n\r\n", size)

    def test_the_size_of_the_trailers(self, size: int) -> None:
        fitting = b"A: b\r\n" * (http11.MAX_HEAD // 6)
        assert not self.refused(CHUNKED + b"0\r\n" + fitting + b"\r\n", size)
        assert self.refused(CHUNKED + b"0\r\n" + fitting + b"A: b\r\n\r\n", size)

    def test_a_trailer_that_never_ends(self, size: int) -> None:
        assert self.refused(CHUNKED + b"0\r\nA: " + b"x" * http11.MAX_HEAD, size)


class TestTinyPieces:
    """Long inputs of tiny pieces arrive whole; how their work grows is told by TestGrowth."""

    def test_very_many_tiny_chunks_at_once(self) -> None:
        found = outcome_of(CHUNKED + b"1\r\nx\r\n" * 30_000 + b"0\r\n\r\n")
        assert isinstance(found, Answered) and found.body == b"x" * 30_000

    def test_a_long_body_in_tiny_pieces(self) -> None:
        found = outcome_of(OK + b"Content-Length: 30000\r\n\r\n", *[b"x"] * 30_000)
        assert isinstance(found, Answered) and found.body == b"x" * 30_000

    def test_a_long_chunk_line_in_tiny_pieces(self) -> None:
        line = b"1;" + b"x" * 4000 + b"\r\na\r\n"
        found = outcome_of(CHUNKED, *in_pieces(line * 8, 1), b"0\r\n\r\n")
        assert isinstance(found, Answered) and found.body == b"a" * 8


# ---------------------------------------------------------------- the request


def texts_of(caught: Any) -> str:
    return str(caught.value) + repr(caught.value) + repr(caught.value.__dict__) + repr(caught.value.__cause__)


class TestHeaderLine:
    def test_as_it_travels(self) -> None:
        assert header_line("Api-Key", "abc") == "Api-Key: abc\r\n"

    @pytest.mark.parametrize("value", [" abc", "abc ", "\tabc\t", "abc\r\n", "\nabc"])
    def test_blanks_around_a_value_are_stripped(self, value: str) -> None:
        assert header_line("A", value) == "A: abc\r\n"

    @pytest.mark.parametrize("value", ["", "a b\tc", "!#$%&'()*+,-./:;<=>?@[]^_`{|}~\"\\"])
    def test_all_that_is_printable_may_stand_in_a_value(self, value: str) -> None:
        assert header_line("A", value) == "A: %s\r\n" % value

    @pytest.mark.parametrize(
        "inside",
        [
            "\r\nX: y",
            "\n",
            "\r",
            "\x00",
            "\x0b",
            "\x0c",
            "\x1f",
            "\x7f",
            "\x85",
            "\u2028",
            "\xe9",
            "\U0001f511",
            "\ud800",
        ],
    )
    def test_a_value_that_could_split_a_request_is_refused_and_not_repeated(self, inside: str) -> None:
        with pytest.raises(InvalidRequestError, match="the value of header Api-Key") as caught:
            header_line("Api-Key", "open" + inside + "sesame")
        assert "sesame" not in texts_of(caught) and "open" not in texts_of(caught)
        assert caught.value.request_sent == "no"

    @pytest.mark.parametrize(
        "name", ["", " ", "a b", "a:", "a\r\nb", "a\n", "\x00", "gr\xf6\xdfe", "a(b)", None, 5, b"a"]
    )
    def test_a_name_that_is_no_token_is_refused(self, name: Any) -> None:
        with pytest.raises(InvalidRequestError, match="a header name must") as caught:
            header_line(name, "sesame")
        assert "sesame" not in texts_of(caught)

    @pytest.mark.parametrize("value", [None, 5, b"sesame", ["sesame"]])
    def test_a_value_that_is_no_str_is_refused_by_its_type(self, value: Any) -> None:
        with pytest.raises(InvalidRequestError, match="must be a str, not %s" % type(value).__name__) as caught:
            header_line("A", value)
        assert "sesame" not in texts_of(caught)


class TestRequestHead:
    def test_the_bytes(self) -> None:
        lines = [header_line("Host", "dial.example"), header_line("Api-Key", "k")]
        assert request_head("GET", "/v1/bucket?a=b", lines) == (
            b"GET /v1/bucket?a=b HTTP/1.1\r\nHost: dial.example\r\nApi-Key: k\r\n\r\n"
        )

    @pytest.mark.parametrize("target", ["/a", "http://h:1/a?b=c#", "h:443", "/a%20b", "*"])
    def test_every_form_of_target(self, target: str) -> None:
        assert request_head("GET", target, []) == b"GET %b HTTP/1.1\r\n\r\n" % target.encode()

    @pytest.mark.parametrize("target", ["", "/a b", "/a\r\nX: y", "/a\n", "/a\t", "/\x00", "/\x7f", "/\xe9", "/\u2028"])
    def test_a_target_that_could_split_the_line_is_refused(self, target: str) -> None:
        with pytest.raises(InvalidRequestError, match="percent-encoded"):
            request_head("GET", target, [])

    @pytest.mark.parametrize("method", ["", "GE T", "GET\r\n", "G\x00T", "G\xcbT", "GET /x"])
    def test_a_method_that_is_no_word_is_refused(self, method: str) -> None:
        with pytest.raises(InvalidRequestError, match="an HTTP method"):
            request_head(method, "/", [])


class TestHeaders:
    def test_names_are_case_insensitive_and_shown_in_small_letters(self) -> None:
        headers = Headers([("ETag", "x"), ("content-type", "y")])
        assert headers["etag"] == headers["ETAG"] == "x" and "EtAg" in headers and headers.get("Content-Type") == "y"
        assert list(headers) == ["etag", "content-type"] and len(headers) == 2
        assert repr(headers) == "Headers({'etag': 'x', 'content-type': 'y'})"

    def test_repeated_fields_read_as_one(self) -> None:
        headers = Headers([("Via", "a"), ("B", "c"), ("via", "d")])
        assert dict(headers) == {"via": "a, d", "b": "c"}

    def test_what_is_not_there(self) -> None:
        headers = Headers()
        assert "a" not in headers and 5 not in headers and headers.get("a") is None
        with pytest.raises(KeyError):
            headers["a"]

    def test_they_pickle_and_compare(self) -> None:
        headers = Headers([("A", "b")])
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
            assert pickle.loads(pickle.dumps(headers, protocol)) == headers == {"a": "b"}


class TestGrowth:
    """The work of reading an answer grows as its bytes do, whatever a server makes of them."""

    @staticmethod
    def read(data: bytes, size: int) -> None:
        reader = ResponseReader("GET")
        for at in range(0, len(data), size):
            reader.receive(data[at : at + size])
            if reader.read_head() is not None:
                while reader.read_body():
                    pass

    CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    @pytest.mark.parametrize("size", [1, 1 << 30], ids=["byte by byte", "at once"])
    @pytest.mark.parametrize(
        "answer",
        [
            lambda n: b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % n + b"x" * n,
            lambda n: b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * n,
            lambda n: TestGrowth.CHUNKED + b"1\r\nx\r\n" * n,
            lambda n: TestGrowth.CHUNKED + b"%x\r\n" % n + b"x" * n,
            lambda n: TestGrowth.CHUNKED + (b"1;" + b"e" * 400 + b"\r\nx\r\n") * (n // 80),
            lambda n: b"HTTP/1.1 200 OK\r\nx: " + b"y" * n,
            lambda n: b"HTTP/1.1 200 OK\r\nx: y" + b"\r\n y" * (n // 80),
            lambda n: b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * (n // 80),
        ],
        ids=["length", "close", "chunks", "one chunk", "extensions", "long field", "folded field", "repeated field"],
    )
    def test_reading(self, answer: Any, size: int) -> None:
        def prepare(count: int) -> Any:
            data = answer(count)
            return lambda: self.read(data, size)

        assert_linear(prepare, 300)
