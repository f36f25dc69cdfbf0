"""The table of wire scripts: what a server sends, and what every client must make of it.

Each script goes through the sync and the async client (test_scripts.py) with the same outcome. Bytes only; it must not
know any client.
"""

import gzip
import json
import zlib
from typing import Any, List, NamedTuple, Optional

from aidial_min import (
    AuthenticationError,
    ConflictError,
    DialConnectionError,
    DialException,
    DialTimeoutError,
    EndpointNotSupportedError,
    EtagMismatchError,
    InvalidRequestError,
    ParsingDataError,
    PermissionDeniedError,
    RateLimitError,
    RemoteProtocolError,
    RequestTooLargeError,
    ResourceNotFoundError,
    ResponseInterruptedError,
    ServerError,
    StreamInterruptedError,
)
from tests.support.rawserver import CUT, GOOD, HOLD, RESET

JSON = b'{"bucket":"b"}'
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n\r\n"


class Script(NamedTuple):
    """`call`: whole, stream, response or download. `expect`: the value, or the exact error class. `again`: does the
    next call use the same connection? `sent`: the error's request_sent. `partial`: a stream's text before its error."""

    name: str
    call: str
    sends: List[Any]
    expect: Any
    again: bool = False
    sent: str = "yes"
    partial: Optional[str] = None


def whole(name, sends, expect, **rest):
    return Script(name, "whole", sends if isinstance(sends, list) else [sends], expect, **rest)


def length(body, *headers, count=None):
    lines = b"".join(header + b"\r\n" for header in headers)
    return OK + lines + b"content-length: %d\r\n\r\n" % (len(body) if count is None else count) + body


def chunks(*pieces, end=b"0\r\n\r\n"):
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + end


def refused(status, body=b"", headers=b""):
    return b"HTTP/1.1 %d Reason\r\n%bcontent-length: %d\r\n\r\n" % (status, headers, len(body)) + body


def raw_deflate(data):
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    return squeeze.compress(data) + squeeze.flush()


WHOLE = [
    # how a body ends
    whole("Content-Length", GOOD, "b", again=True),
    whole("Content-Length, header names in any case", OK + b"CoNtEnT-LeNgTh:14\r\n\r\n" + JSON, "b", again=True),
    whole("Content-Length with blanks around", OK + b"content-length: \t 14 \t\r\n\r\n" + JSON, "b", again=True),
    whole("chunked", OK + CHUNKED + chunks(JSON), "b", again=True),
    whole("chunked in many chunks", OK + CHUNKED + chunks(*[JSON[i : i + 1] for i in range(14)]), "b", again=True),
    whole(
        "chunked, sizes with zeros and capitals",
        OK + CHUNKED + b"00000E\r\n" + JSON + b"\r\n0\r\n\r\n",
        "b",
        again=True,
    ),
    whole("chunk extensions", OK + CHUNKED + b'e;a=b;c="d"\r\n' + JSON + b"\r\n0;x\r\n\r\n", "b", again=True),
    whole("trailers", OK + CHUNKED + chunks(JSON, end=b"0\r\nx-sum: 1\r\ny: 2\r\n\r\n"), "b", again=True),
    whole("until close", [OK + b"\r\n" + JSON, CUT], "b"),
    whole("until close, HTTP/1.0", [b"HTTP/1.0 200 OK\r\n\r\n" + JSON, CUT], "b"),
    whole("HTTP/1.0 with a length closes", b"HTTP/1.0 200 OK\r\ncontent-length: 14\r\n\r\n" + JSON, "b"),
    whole(
        "HTTP/1.0 that keeps alive",
        b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 14\r\n\r\n" + JSON,
        "b",
        again=True,
    ),
    whole("Connection: close", length(JSON, b"Connection: close"), "b"),
    whole("Connection: a list with close", length(JSON, b"Connection: foo, Close"), "b"),
    whole("a pause inside the head", [GOOD[:20], 0.02, GOOD[20:]], "b", again=True),
    whole("a pause inside the body", [GOOD[:-5], 0.02, GOOD[-5:]], "b", again=True),
    whole("byte by byte", [GOOD[i : i + 1] for i in range(len(GOOD))], "b", again=True),
    # 1xx, reasons, versions
    whole("100 before the answer", b"HTTP/1.1 100 Continue\r\n\r\n" + GOOD, "b", again=True),
    whole(
        "103 with headers, then 102",
        b"HTTP/1.1 103 Hints\r\nlink: x\r\n\r\nHTTP/1.1 102 P\r\n\r\n" + GOOD,
        "b",
        again=True,
    ),
    whole("no reason", GOOD.replace(b" OK", b""), "b", again=True),
    whole("an empty reason", GOOD.replace(b" OK", b" "), "b", again=True),
    whole("an obsolete folded header", length(JSON, b"x: a\r\n  b"), "b", again=True),
    whole("non-ASCII in a header", length(JSON, b"x: \xe4\xff"), "b", again=True),
    whole("a header without value", length(JSON, b"x:"), "b", again=True),
    whole("endless 1xx", [b"HTTP/1.1 102 P\r\n\r\n" * 50, HOLD], RemoteProtocolError),
    whole("101", b"HTTP/1.1 101 Switching\r\nupgrade: h2c\r\n\r\n", RemoteProtocolError),
    # codings nobody asked for
    whole("gzip", length(gzip.compress(JSON), b"content-encoding: gzip"), "b", again=True),
    whole("gzip, chunked", OK + b"content-encoding: GZIP\r\n" + CHUNKED + chunks(gzip.compress(JSON)), "b", again=True),
    whole(
        "gzip of two members",
        length(gzip.compress(JSON[:5]) + gzip.compress(JSON[5:]), b"content-encoding: gzip"),
        "b",
        again=True,
    ),
    whole("deflate", length(zlib.compress(JSON), b"content-encoding: deflate"), "b", again=True),
    whole("deflate without its zlib head", length(raw_deflate(JSON), b"content-encoding: deflate"), "b", again=True),
    whole("identity", length(JSON, b"content-encoding: identity"), "b", again=True),
    whole("gzip cut", length(gzip.compress(JSON)[:-6], b"content-encoding: gzip"), ResponseInterruptedError),
    whole("gzip that is none", length(JSON, b"content-encoding: gzip"), RemoteProtocolError),
    whole("a coding nobody knows", length(JSON, b"content-encoding: br"), RemoteProtocolError),
    # breaks
    whole("closed before the answer", [CUT], DialConnectionError, sent="maybe"),
    whole("reset before the answer", [RESET], DialConnectionError, sent="maybe"),
    whole("closed inside the status line", [b"HTTP/1.1 20", CUT], DialConnectionError),
    whole("closed inside the head", [GOOD[:30], CUT], DialConnectionError),
    whole("closed after 100", [b"HTTP/1.1 100 Continue\r\n\r\n", CUT], DialConnectionError),
    whole("closed inside a body of known length", [GOOD[:-3], CUT], ResponseInterruptedError),
    whole("closed right after the head", [length(b"", count=14), CUT], ResponseInterruptedError),
    whole("closed inside a chunk size", [OK + CHUNKED + b"e", CUT], ResponseInterruptedError),
    whole("closed inside a chunk", [OK + CHUNKED + b"e\r\n{", CUT], ResponseInterruptedError),
    whole("closed after a chunk", [OK + CHUNKED + b"e\r\n" + JSON + b"\r\n", CUT], ResponseInterruptedError),
    whole(
        "closed before the last chunk's blank line",
        [OK + CHUNKED + chunks(JSON, end=b"0\r\n"), CUT],
        ResponseInterruptedError,
    ),
    whole(
        "closed inside the trailers", [OK + CHUNKED + chunks(JSON, end=b"0\r\nx: 1\r\n"), CUT], ResponseInterruptedError
    ),
    whole("silence before the answer", [HOLD], DialTimeoutError, sent="maybe"),
    whole("silence inside the head", [b"HTTP/1.1 200 OK\r\n", HOLD], DialTimeoutError),
    whole("silence inside the body", [GOOD[:-1], HOLD], DialTimeoutError),
    # malformed heads
    whole("garbage", [b"hello, world\r\n\r\n", HOLD], RemoteProtocolError),
    whole("binary garbage", [b"\x16\x03\x01\x02\x00", HOLD], RemoteProtocolError),
    whole("an answer of SSH", [b"SSH-2.0-OpenSSH_9.0\r\n", HOLD], RemoteProtocolError),
    whole("HTTP/2", b"HTTP/2.0 200 OK\r\n\r\n", RemoteProtocolError),
    whole("a status of two digits", b"HTTP/1.1 20 OK\r\n\r\n", RemoteProtocolError),
    whole("a status that is no number", b"HTTP/1.1 abc OK\r\n\r\n", RemoteProtocolError),
    whole("a status with a sign", b"HTTP/1.1 +20 OK\r\n\r\n", RemoteProtocolError),
    whole("a header without colon", length(JSON, b"nonsense"), RemoteProtocolError),
    whole("a header without name", length(JSON, b": x"), RemoteProtocolError),
    whole("a blank before the colon", length(JSON, b"x : y"), RemoteProtocolError),
    whole("NUL in a header", length(JSON, b"x: a\x00b"), RemoteProtocolError),
    whole("bare CR in a header", length(JSON, b"x: a\rb: c"), RemoteProtocolError),
    whole("a head that never ends", [OK + b"x: " + b"y" * 70000, HOLD], RemoteProtocolError),
    whole("ten thousand headers", [OK + b"x: y\r\n" * 10000 + b"\r\n", HOLD], RemoteProtocolError),
    # lengths that could be read in two ways
    whole("lengths that differ", OK + b"content-length: 14\r\ncontent-length: 2\r\n\r\n" + JSON, RemoteProtocolError),
    whole("lengths that differ in one line", OK + b"content-length: 14, 2\r\n\r\n" + JSON, RemoteProtocolError),
    whole("length and chunked", OK + b"content-length: 14\r\n" + CHUNKED + chunks(JSON), RemoteProtocolError),
    whole("a length with a sign", OK + b"content-length: +14\r\n\r\n" + JSON, RemoteProtocolError),
    whole("a negative length", OK + b"content-length: -1\r\n\r\n" + JSON, RemoteProtocolError),
    whole("a length with an underscore", OK + b"content-length: 1_4\r\n\r\n" + JSON, RemoteProtocolError),
    whole("a length in hex", OK + b"content-length: 0xe\r\n\r\n" + JSON, RemoteProtocolError),
    whole("an empty length", OK + b"content-length:\r\n\r\n" + JSON, RemoteProtocolError),
    whole("a length beyond everything", OK + b"content-length: " + b"9" * 30 + b"\r\n\r\n", RemoteProtocolError),
    whole("gzip as a transfer coding", OK + b"transfer-encoding: gzip, chunked\r\n\r\n", RemoteProtocolError),
    whole("chunked twice", OK + b"transfer-encoding: chunked, chunked\r\n\r\n" + chunks(JSON), RemoteProtocolError),
    whole("a chunk size that is no number", OK + CHUNKED + b"xyz\r\n", RemoteProtocolError),
    whole("a chunk size with a sign", OK + CHUNKED + b"+e\r\n" + JSON + b"\r\n0\r\n\r\n", RemoteProtocolError),
    whole("a chunk size with 0x", OK + CHUNKED + b"0xe\r\n" + JSON + b"\r\n0\r\n\r\n", RemoteProtocolError),
    whole("a chunk size in two words", OK + CHUNKED + b"0x f\r\n" + JSON + b"\r\n0\r\n\r\n", RemoteProtocolError),
    whole("an empty chunk size", OK + CHUNKED + b"\r\n" + JSON + b"\r\n0\r\n\r\n", RemoteProtocolError),
    whole("a chunk longer than its size", OK + CHUNKED + b"5\r\n" + JSON + b"\r\n0\r\n\r\n", RemoteProtocolError),
    whole("a chunk extension without end", [OK + CHUNKED + b"e;" + b"x" * 70000, HOLD], RemoteProtocolError),
    # what follows an answer
    whole("surplus bytes after an answer", GOOD + b"more", "b"),
    whole("a second answer nobody asked for", GOOD + GOOD, "b"),
    whole("surplus that comes later", [GOOD, 0.05, b"HTTP/1.1 500 Late\r\ncontent-length: 0\r\n\r\n"], "b"),
    whole("closed after the answer", [GOOD, CUT], "b"),
    # statuses
    whole("201", GOOD.replace(b"200 OK", b"201 Made"), "b", again=True),
    whole("204", b"HTTP/1.1 204 None\r\n\r\n", ParsingDataError, again=True),
    whole("an empty 200", length(b""), ParsingDataError, again=True),
    whole("HTML with 200", length(b"<html>hi</html>", b"content-type: text/html"), ParsingDataError, again=True),
    whole("JSON of another shape", length(b'{"bocket":1}'), ParsingDataError, again=True),
    whole("a JSON list", length(b"[]"), ParsingDataError, again=True),
    whole("301", refused(301, headers=b"location: http://127.0.0.1:1/\r\n"), DialException, again=True),
    whole("304", b"HTTP/1.1 304 Same\r\netag: x\r\n\r\n", DialException, again=True),
    whole("400 without body", refused(400), InvalidRequestError, again=True),
    whole("401 in plain text", refused(401, b"Unknown api key"), AuthenticationError, again=True),
    whole("403", refused(403, b"no"), PermissionDeniedError, again=True),
    whole("404", refused(404), ResourceNotFoundError, again=True),
    whole("404 of an unknown route", refused(404, b"Route is not found"), EndpointNotSupportedError, again=True),
    whole("409", refused(409, b"running"), ConflictError, again=True),
    whole("412", refused(412), EtagMismatchError, again=True),
    whole("413", refused(413), RequestTooLargeError, again=True),
    whole("418", refused(418), InvalidRequestError, again=True),
    whole("422", refused(422, b'{"error":{"message":"m"}}'), InvalidRequestError, again=True),
    whole("429", refused(429, b'{"error":{"message":"slow","code":"429"}}'), RateLimitError, again=True),
    whole("500 with HTML", refused(500, b"<html><title>oops</title></html>"), ServerError, again=True),
    whole("502 No route", refused(502, b"No route"), EndpointNotSupportedError, again=True),
    whole("502 of another kind", refused(502, b"Failed to connect to origin"), ServerError, again=True),
    whole("503 cut", [b"HTTP/1.1 503 x\r\ncontent-length: 9\r\n\r\nab", CUT], ResponseInterruptedError),
    whole("999", refused(999), ServerError, again=True),
]


def event(value):
    return b"data: " + (value if isinstance(value, bytes) else json.dumps(value).encode()) + b"\n\n"


def delta(text, **rest):
    return event({"choices": [{"index": 0, "delta": {"content": text}, **rest}]})


DONE = b"data: [DONE]\n\n"
SSE = OK + b"content-type: text/event-stream\r\n"


def stream(name, sends, expect, **rest):
    """`sends` after the head: a list of events, each of which travels as a chunk, and cuts."""
    steps = [SSE + CHUNKED]
    for step in sends:
        steps.append(chunks(step, end=b"") if isinstance(step, bytes) else step)
    if sends[-1] not in (CUT, RESET, HOLD):
        steps.append(b"0\r\n\r\n")
    return Script(name, "stream", steps, expect, **rest)


def late(error):
    return event({"error": error})


STREAMS = [
    stream("two pieces", [delta("hel"), delta("lo"), DONE], "hello", again=True),
    stream("all in one chunk", [delta("hel") + delta("lo") + DONE], "hello", again=True),
    stream("an event torn apart", [delta("hello")[:9], delta("hello")[9:], DONE], "hello", again=True),
    stream(
        "heartbeats everywhere", [b": heartbeat\n\n", delta("hello"), b": heartbeat\n\n", DONE], "hello", again=True
    ),
    stream(
        "CRLF line ends", [delta("hello").replace(b"\n", b"\r\n"), DONE.replace(b"\n", b"\r\n")], "hello", again=True
    ),
    stream("CR line ends", [delta("hello").replace(b"\n", b"\r"), DONE.replace(b"\n", b"\r")], "hello", again=True),
    stream("a byte order mark", [b"\xef\xbb\xbf" + delta("hello"), DONE], "hello", again=True),
    stream("data without blank", [delta("hello").replace(b"data: ", b"data:"), DONE], "hello", again=True),
    stream(
        "an event in several data lines",
        [b'data: {"choices":\ndata: []}\n\n', delta("hello"), DONE],
        "hello",
        again=True,
    ),
    stream("other fields", [b"event: m\nid: 7\nretry: 1\nfoo\n" + delta("hello"), DONE], "hello", again=True),
    stream(
        "chunks without choices, id or sense",
        [event({"choices": []}), event({"new": 1}), delta("hello"), DONE],
        "hello",
        again=True,
    ),
    stream(
        "a finish_reason is not the end", [delta("hel", finish_reason="stop"), delta("lo"), DONE], "hello", again=True
    ),
    stream("after [DONE], a cut", [delta("hello"), DONE, CUT], "hello"),
    stream("after [DONE], a reset", [delta("hello"), DONE, RESET], "hello"),
    stream("after [DONE], silence", [delta("hello"), DONE, HOLD], "hello"),
    stream("after [DONE], more", [delta("hello"), DONE, delta("nobody reads this")], "hello", again=True),
    stream("an empty stream", [DONE], "", again=True),
    stream("no [DONE]", [delta("hello"), b": bye\n\n"], StreamInterruptedError, partial="hello", again=True),
    stream("cut between events", [delta("hello"), CUT], StreamInterruptedError, partial="hello"),
    stream("reset between events", [delta("hello"), 0.05, RESET], StreamInterruptedError, partial="hello"),
    stream("cut inside an event", [delta("hello"), delta("lost")[:20], CUT], StreamInterruptedError, partial="hello"),
    stream(
        "the last event without its blank line",
        [delta("hello"), delta("lost")[:-1]],
        StreamInterruptedError,
        partial="hello",
        again=True,
    ),
    stream("silence between events", [delta("hello"), HOLD], DialTimeoutError, partial="hello"),
    stream("an event that is not JSON", [delta("hello"), b"data: {nope\n\n", DONE], ParsingDataError, partial="hello"),
    stream(
        "an error with a word",
        [delta("hello"), late({"message": "m", "code": "late"}), DONE],
        DialException,
        partial="hello",
    ),
    stream(
        "an error with a status",
        [delta("hello"), late({"message": "m", "code": "429"}), DONE],
        RateLimitError,
        partial="hello",
    ),
    stream("an error with a number", [late({"message": "m", "code": 503})], ServerError),
    stream("an error that is a text", [delta("hello"), late("boom"), DONE], DialException, partial="hello"),
    stream(
        "an error after finish_reason",
        [delta("hello", finish_reason="stop"), late({"message": "m", "code": "500"}), DONE],
        ServerError,
        partial="hello",
    ),
    Script(
        "malformed framing",
        "stream",
        [SSE + CHUNKED + chunks(delta("hello"), end=b"zz\r\n")],
        RemoteProtocolError,
        partial="hello",
    ),
    Script("until close", "stream", [SSE + b"\r\n" + delta("hello") + DONE, CUT], "hello"),
    Script(
        "of known length",
        "stream",
        [length(delta("hello") + DONE, b"content-type: text/event-stream")],
        "hello",
        again=True,
    ),
    Script(
        "gzip", "stream", [length(gzip.compress(delta("hello") + DONE), b"content-encoding: gzip")], "hello", again=True
    ),
    Script(
        "an error object in place of a stream",
        "stream",
        [length(b'{"error":{"message":"m","code":"404"}}')],
        ResourceNotFoundError,
        again=True,
    ),
    Script("an HTTP error", "stream", [refused(404, b"Unknown application: m")], ResourceNotFoundError, again=True),
    Script("502 No route", "stream", [refused(502, b"No route")], ServerError, again=True),
    Script("closed before the answer", "stream", [CUT], DialConnectionError, sent="maybe"),
    Script("closed inside the head", "stream", [SSE[:30], CUT], DialConnectionError),
    Script("closed after the head", "stream", [SSE + CHUNKED, CUT], StreamInterruptedError),
]

BLOB = bytes(range(256)) * 700
DOWNLOADS = [
    Script("of known length", "download", [length(BLOB)], BLOB, again=True),
    Script("empty", "download", [length(b"")], b"", again=True),
    Script("chunked", "download", [OK + CHUNKED + chunks(BLOB[:1000], BLOB[1000:])], BLOB, again=True),
    Script("until close", "download", [OK + b"\r\n" + BLOB, CUT], BLOB),
    Script("gzip", "download", [length(gzip.compress(BLOB), b"content-encoding: gzip")], BLOB, again=True),
    Script("cut", "download", [length(BLOB, count=len(BLOB) + 1), CUT], ResponseInterruptedError),
    Script("reset", "download", [length(BLOB, count=len(BLOB) + 1), 0.05, RESET], ResponseInterruptedError),
    Script("chunked and cut", "download", [OK + CHUNKED + chunks(BLOB, end=b""), CUT], ResponseInterruptedError),
    Script(
        "a missing last CRLF", "download", [OK + CHUNKED + chunks(BLOB, end=b"0\r\n"), CUT], ResponseInterruptedError
    ),
    Script("silence", "download", [length(BLOB, count=len(BLOB) + 1), HOLD], DialTimeoutError),
    Script("404 without body", "download", [refused(404)], ResourceNotFoundError, again=True),
]


def response(name, sends, expect, **rest):
    return stream(name, sends, expect, **rest)._replace(call="response")


def told(kind, **fields):
    """An event of the Responses API, with the line that repeats its type."""
    return b"event: " + kind.encode() + b"\n" + event({"type": kind, **fields})


def written(text):
    return told("response.output_text.delta", output_index=0, content_index=0, delta=text)


def state(kind, text=None):
    output = [] if text is None else [{"type": "message", "content": [{"type": "output_text", "text": text}]}]
    status = kind if kind in ("completed", "incomplete", "failed") else "in_progress"
    return told(
        "response." + kind, response={"id": "dial_m_1", "object": "response", "status": status, "output": output}
    )


BEGUN = state("created") + state("in_progress")

RESPONSES = [
    response("completed", [BEGUN, written("hel"), written("lo"), state("completed", "hello")], "hello", again=True),
    response("incomplete", [BEGUN, written("hel"), state("incomplete", "hel")], "hel", again=True),
    response("failed", [BEGUN, written("hel"), state("failed")], "hel", again=True),
    response(
        "without lines that name the event",
        [
            event({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "hello"}),
            state("completed", "hello"),
        ],
        "hello",
        again=True,
    ),
    response(
        "events nobody knows",
        [told("response.new.thing", x=[1]), written("hello"), state("completed")],
        "hello",
        again=True,
    ),
    response("[DONE] after the end", [BEGUN, written("hello"), state("completed", "hello"), DONE], "hello", again=True),
    response("a cut after the end", [BEGUN, written("hello"), state("completed", "hello"), CUT], "hello"),
    response("silence after the end", [BEGUN, written("hello"), state("completed", "hello"), HOLD], "hello"),
    response("no terminal event", [BEGUN, written("hello")], StreamInterruptedError, partial="hello", again=True),
    response("a cut", [BEGUN, written("hel"), written("lo"), CUT], StreamInterruptedError, partial="hello"),
    response("a reset", [BEGUN, written("hello"), RESET], StreamInterruptedError, partial="hello"),
    response(
        "an error event",
        [BEGUN, written("hello"), told("error", code="429", message="no", param=None)],
        RateLimitError,
        partial="hello",
    ),
    response(
        "an error event without a number",
        [BEGUN, told("error", code="server_error", message="no")],
        DialException,
        partial="",
    ),
    response(
        "an error as of chat",
        [BEGUN, written("hello"), late({"code": "503", "message": "no"})],
        ServerError,
        partial="hello",
    ),
    response("no JSON", [BEGUN, b"data: {\n\n"], ParsingDataError, partial=""),
]


SCRIPTS = WHOLE + STREAMS + RESPONSES + DOWNLOADS
