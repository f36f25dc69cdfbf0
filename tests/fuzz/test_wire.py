"""The readers of bytes that a server sent: HTTP/1.1 answers, their codings, event streams; however they are split."""

import gzip
import http.client
import io
import zlib

from aidial_min.core.codings import AnswerReader
from aidial_min.core.http11 import ResponseReader
from aidial_min.core.sse import EventParser
from aidial_min.errors import DialException, RemoteProtocolError, ResponseInterruptedError

from .cases import damaged, fuzzed, split

# ---------------------------------------------------------------- HTTP/1.1

NAMES = ["Server", "date", "X-UPSTREAM-ATTEMPTS", "etag", "x-a", "X-A", "!#$%&'*+-.^_`|~9"]
VALUES = ["uvicorn", "Mon, 23 Nov 2026 23:30:50 GMT", "1", '"a,b"', "", "a b\tc", "\xe9\xff", ":", "chunked"]


def body_of(random):
    return bytes(random.randrange(256) for _ in range(random.choice([0, 1, 5, 80, 700])))


def chunks_of(random, body):
    wire, at = b"", 0
    while at < len(body):
        size = random.randint(1, len(body) - at)
        extension = random.choice([b"", b"", b";a=b", b' ; a="b"', b" \t"])
        number = random.choice([b"%x", b"%X", b"%08x"]) % size
        wire += number + extension + b"\r\n" + body[at : at + size] + b"\r\n"
        at += size
    trailers = random.choice([b"", b"", b"x-checksum: 1\r\n", b"a: b\r\nc:d\r\n"])
    return wire + random.choice([b"0", b"000", b"0;end"]) + b"\r\n" + trailers + b"\r\n"


def an_answer(random):
    """(bytes of an answer, method that it answers, body, whether the connection can be used again)."""
    method = random.choice(["GET", "POST", "POST", "HEAD", "DELETE"])
    status = random.choice([200, 200, 201, 204, 304, 400, 404, 500, 503])
    minor = random.choice([1, 1, 1, 0])
    fields = [(random.choice(NAMES), random.choice(VALUES)) for _ in range(random.randrange(6))]
    body, reusable = body_of(random), minor == 1
    if random.random() < 0.3:
        option = random.choice(["close", "Keep-Alive", "keep-alive, close", "Upgrade"])
        fields.append((random.choice(["Connection", "connection"]), option))
        reusable = "close" not in option and (minor == 1 or "alive" in option.lower())
    framing = random.choice(["length", "chunked" if minor == 1 else "length", "close"])
    if framing == "length":
        fields.append((random.choice(["Content-Length", "content-length"]), str(len(body))))
    elif framing == "chunked":
        fields.append(
            (random.choice(["Transfer-Encoding", "transfer-encoding"]), random.choice(["chunked", "Chunked"]))
        )
    random.shuffle(fields)
    wire = b"".join(
        b"HTTP/1.1 10%d Wait\r\n\r\n" % random.choice([0, 2, 3]) for _ in range(random.choice([0, 0, 1, 3]))
    )
    wire += b"HTTP/1.%d %d%s\r\n" % (minor, status, random.choice([b" OK", b" ", b"", b" Not \xe4 Word"]))
    for name, content in fields:
        before, after = random.choice(["", " ", "\t "]), random.choice(["", " "])
        after = "" if content.lower() == "chunked" else after  # which http.client does not see then
        wire += ("%s:%s%s%s\r\n" % (name, before, content, after)).encode("latin-1")
    wire += b"\r\n"
    if method == "HEAD" or status in (204, 304):
        return wire, method, b"", reusable
    return (
        wire + (chunks_of(random, body) if framing == "chunked" else body),
        method,
        body,
        reusable and framing != "close",
    )


def read(reader, pieces, eof=True):
    """(head, body, error): what a reader makes of pieces."""
    head, body = None, b""
    try:
        for piece in [*filter(None, pieces), *([b""] if eof else [])]:
            reader.receive(piece)
            head = head or reader.read_head()
            while head:
                got = reader.read_body()
                if not got:
                    break
                body += got
    except DialException as error:
        return head, body, error
    return head, body, None


class OneSocket:
    def __init__(self, data):
        self.data = data

    def makefile(self, mode):
        return io.BytesIO(self.data)


@fuzzed(250)
def test_answers_read_as_http_client_reads_them(random):
    wire, method, body, reusable = an_answer(random)
    theirs = http.client.HTTPResponse(OneSocket(wire), method=method)
    theirs.begin()
    while 100 < theirs.status < 200:  # http.client itself skips only 100
        theirs = http.client.HTTPResponse(OneSocket(wire[wire.index(b"\r\n\r\n") + 4 :]), method=method)
        wire = wire[wire.index(b"\r\n\r\n") + 4 :]
        theirs.begin()
    reader = ResponseReader(method)
    closes = theirs.length is None and not theirs.chunked
    head, found, error = read(reader, split(random, wire), eof=closes)
    assert error is None and reader.done
    assert (head.status, found) == (theirs.status, body)
    if theirs.status not in (204, 304):  # there http.client looks for chunks that can't be
        assert found == theirs.read()
    assert reader.reusable == (reusable and not closes)
    for name in set(NAMES):
        told = theirs.headers.get_all(name)
        if told is not None:
            assert head.headers[name].split(", ") == ", ".join(value.strip(" \t") for value in told).split(", ")
        else:
            assert head.headers.get(name) is None


@fuzzed(600)
def test_damaged_answers_mean_the_same_however_they_are_split(random):
    wire, method, _, _ = an_answer(random)
    wire = damaged(random, wire)
    whole, pieces = ResponseReader(method), ResponseReader(method)
    head, body, error = read(whole, [wire])
    other_head, other_body, other_error = read(pieces, split(random, wire))
    assert type(error) is type(other_error), (wire, error, other_error)
    assert (head is None) == (other_head is None) or error is not None
    if error is None:
        assert (head.status, dict(head.headers), body) == (other_head.status, dict(other_head.headers), other_body)
        assert whole.reusable is pieces.reusable is False  # the connection has ended


@fuzzed(150)
def test_an_answer_cut_short_is_no_answer(random):
    wire, method, body, _ = an_answer(random)
    reader = ResponseReader(method)
    read(reader, [wire], eof=False)
    if reader.done:  # not ended by the connection
        cut = wire[: random.randrange(len(wire))]
        reader = ResponseReader(method)
        head, found, error = read(reader, split(random, cut))
        if error is None:
            assert found == body  # only what means nothing is missing
        else:
            assert body.startswith(found)


# ---------------------------------------------------------------- codings


def coded(random, data):
    """(name of a coding, the data in it)."""
    way = random.choice(["gzip", "x-gzip", "gzip in parts", "deflate", "raw deflate"])
    if way == "gzip in parts":
        cut = random.randrange(len(data) + 1)
        return "gzip", gzip.compress(data[:cut]) + gzip.compress(data[cut:])
    if "gzip" in way:
        return way, gzip.compress(data, random.randrange(10))
    if way == "deflate":
        return way, zlib.compress(data, random.randrange(10))
    maker = zlib.compressobj(wbits=-15)
    return "deflate", maker.compress(data) + maker.flush()


def coded_answer(coding, data):
    head = "HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (coding, len(data))
    return head.encode() + data


@fuzzed(150)
def test_coded_bodies_unfold(random):
    body = random.choice([b"", b"a", body_of(random), bytes(3 * 2**18), body_of(random) * 500])
    coding, data = coded(random, body)
    head, found, error = read(AnswerReader("GET"), split(random, coded_answer(coding, data)))
    assert error is None and found == body


@fuzzed(200)
def test_damaged_codings_are_faults_or_harmless(random):
    body = random.choice([b"a", body_of(random), body_of(random) * 50])
    coding, data = coded(random, body)
    data = damaged(random, data)
    _, found, error = read(AnswerReader("GET"), split(random, coded_answer(coding, data)))
    if error is not None:
        assert isinstance(error, (RemoteProtocolError, ResponseInterruptedError))
    elif "gzip" in coding and data:  # which has a checksum of every member; whole members may be missing or doubled
        whole = b""
        while data[:2] == b"\x1f\x8b":
            reader = zlib.decompressobj(31)
            whole += reader.decompress(data)
            data = reader.unused_data
        assert found == whole


# ---------------------------------------------------------------- event streams

LINES = [
    b"data: a",
    b"data:b",
    b"data",
    b"data:",
    b"data:  c",
    b"event: note",
    b"event",
    b"id: 7",
    b"id: a\x00b",
    b"id",
    b": comment",
    b":",
    b"retry: 10",
    b"unknown: x",
    b"data: \xc3\xa9",
    b"data: \xff",
    b"DATA: x",
    b" data: x",
    b"data : x",
    b"data: a: b",
    b"\xef\xbb\xbfdata: bom",
]


def events_of(stream):
    """An event stream, read as WHATWG HTML 9.2.6 says, on the whole text at once."""
    text = stream.decode("utf-8", "replace")
    if text.startswith("\ufeff"):
        text = text[1:]
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")[:-1]
    data, kind, last_id, found = "", "", "", []
    for line in lines:
        if not line:
            if data:
                found.append((data[:-1], kind or "message", last_id))
            data, kind = "", ""
            continue
        if line.startswith(":"):
            continue
        field, _, content = line.partition(":")
        content = content[1:] if content.startswith(" ") else content
        if field == "data":
            data += content + "\n"
        elif field == "event":
            kind = content
        elif field == "id" and "\0" not in content:
            last_id = content
    return found


def an_event_stream(random):
    stream = random.choice([b"", b"", b"\xef\xbb\xbf"])
    for _ in range(random.randrange(30)):
        line = random.choice(LINES) if random.random() < 0.7 else b""
        stream += line + random.choice([b"\n", b"\n", b"\r\n", b"\r"])
    return stream + random.choice([b"", b"", b"data: unfinished"])


@fuzzed(500)
def test_event_streams_read_as_the_standard_says(random):
    stream = an_event_stream(random)
    parser = EventParser()
    found = [tuple(event) for piece in split(random, stream) for event in parser.feed(piece)]
    # A stream that ends in CR has, for the standard, ended a line; what is still to come can't change that.
    assert found == events_of(stream)


@fuzzed(300)
def test_event_streams_of_any_bytes(random):
    stream = damaged(random, an_event_stream(random))
    parser = EventParser()
    assert [tuple(event) for piece in split(random, stream) for event in parser.feed(piece)] == events_of(stream)
