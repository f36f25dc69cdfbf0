"""core/codings.py: content codings undone, incrementally and in bounded pieces."""

import gzip
import tracemalloc
import zlib
from typing import Any, Iterable, List

import pytest

from aidial_min.core.codings import PIECE, AnswerReader
from aidial_min.core.http11 import Head
from aidial_min.errors import RemoteProtocolError, ResponseInterruptedError

from ..support.growth import assert_linear

TEXT = b"".join(b"line %d of a text that can be made shorter\n" % number for number in range(600))


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def head_of(length: int, coding: str, more: str = "") -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\nContent-Length: %d\r\n%b\r\n" % (
        coding.encode(),
        length,
        more.encode(),
    )


def pieces_of(data: bytes, size: int) -> List[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def read(coding: str, body: bytes, size: int = 1 << 20, eof: bool = False) -> List[bytes]:
    """Feed an answer in pieces of `size` bytes; the pieces of the decoded body."""
    reader = AnswerReader("GET")
    found: List[bytes] = []
    for data in [*pieces_of(head_of(len(body), coding) + body, size), *([b""] if eof else [])]:
        reader.receive(data)
        if reader.read_head() is None:
            continue
        piece = reader.read_body()
        while piece:
            found.append(piece)
            piece = reader.read_body()
    assert reader.read_body() == b"" and reader.done
    return found


FORMS = [
    ("gzip", gzip.compress(TEXT)),
    ("x-gzip", gzip.compress(TEXT)),
    ("GZip", gzip.compress(TEXT)),
    ("deflate", zlib.compress(TEXT)),
    ("deflate", raw_deflate(TEXT)),
    ("identity", TEXT),
    ("", TEXT),
    ("identity, gzip", gzip.compress(TEXT)),
    ("gzip", gzip.compress(TEXT[:1000]) + gzip.compress(b"") + gzip.compress(TEXT[1000:])),
    ("gzip", gzip.compress(TEXT) + b"\x00" * 512),
]


@pytest.mark.parametrize(("coding", "body"), FORMS, ids=["%d-%s" % (at, form[0]) for at, form in enumerate(FORMS)])
class TestEveryCoding:
    def test_whole(self, coding: str, body: bytes) -> None:
        assert b"".join(read(coding, body)) == TEXT

    @pytest.mark.parametrize("size", [1, 7, 1000])
    def test_in_pieces(self, coding: str, body: bytes, size: int) -> None:
        assert b"".join(read(coding, body, size)) == TEXT


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_split_at_every_place(coding: str) -> None:
    short = b"hello, hello, hello!"
    for body in (
        [gzip.compress(short), gzip.compress(b"") + gzip.compress(short)]
        if coding == "gzip"
        else [zlib.compress(short), raw_deflate(short)]
    ):
        for at in range(1, len(body)):
            assert b"".join(read_split(coding, body[:at], body[at:])) == short


def read_split(coding: str, *pieces: bytes) -> Iterable[bytes]:
    reader = AnswerReader("GET")
    reader.receive(head_of(sum(map(len, pieces)), coding))
    assert reader.read_head() is not None
    for data in pieces:
        reader.receive(data)
        piece = reader.read_body()
        while piece:
            yield piece
            piece = reader.read_body()
    assert piece == b""


class TestWhereThereIsNoBody:
    @pytest.mark.parametrize("coding", ["gzip", "deflate", "br"])
    def test_a_length_of_zero(self, coding: str) -> None:
        assert read(coding, b"") == []

    @pytest.mark.parametrize("status", [b"HTTP/1.1 204 No Content", b"HTTP/1.1 304 Not Modified"])
    def test_a_status_without_body(self, status: bytes) -> None:
        reader = AnswerReader("GET")
        reader.receive(status + b"\r\nContent-Encoding: gzip\r\n\r\n")
        assert isinstance(reader.read_head(), Head) and reader.read_body() == b""

    def test_head(self) -> None:
        reader = AnswerReader("HEAD")
        reader.receive(head_of(100, "br"))
        assert reader.read_head() is not None and reader.read_body() == b""

    @pytest.mark.parametrize("coding", ["gzip", "deflate"])
    def test_chunked_and_empty(self, coding: str) -> None:
        reader = AnswerReader("GET")
        reader.receive(
            b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" % coding.encode()
        )
        assert reader.read_head() is not None and reader.read_body() == b""


class TestBrokenBodies:
    @pytest.mark.parametrize(
        ("coding", "whole"),
        [
            ("gzip", gzip.compress(b"hello" * 9)),
            ("deflate", zlib.compress(b"hello" * 9)),
            ("deflate", raw_deflate(b"hello" * 9)),
        ],
    )
    def test_cut_at_every_place_though_its_length_is_right(self, coding: str, whole: bytes) -> None:
        for size in range(1, len(whole)):
            with pytest.raises(ResponseInterruptedError, match="compressed") as caught:
                read(coding, whole[:size])
            assert caught.value.received == size and caught.value.request_sent == "yes"

    def test_cut_inside_a_second_member(self) -> None:
        first, second = gzip.compress(b"hello"), gzip.compress(b"world")
        for size in range(2, len(second)):
            with pytest.raises(ResponseInterruptedError):
                read("gzip", first + second[:size])

    def test_cut_by_the_connection(self) -> None:
        reader = AnswerReader("GET")
        packed = gzip.compress(TEXT)
        reader.receive(head_of(len(packed), "gzip") + packed[:-1])
        reader.receive(b"")
        reader.read_head()
        with pytest.raises(ResponseInterruptedError) as caught:
            while reader.read_body():
                pass
        assert (caught.value.received, caught.value.expected) == (len(packed) - 1, len(packed))

    @pytest.mark.parametrize("coding", ["gzip", "deflate"])
    @pytest.mark.parametrize(
        "garbage", [b"hello, this is no compressed data", b"\xff" * 50, gzip.compress(b"x")[:10] + b"\xff" * 50]
    )
    def test_garbage(self, coding: str, garbage: bytes) -> None:
        for size in (1, 1000):
            with pytest.raises(RemoteProtocolError, match="malformed"):
                read(coding, garbage, size)

    def test_a_wrong_checksum(self) -> None:
        packed = bytearray(gzip.compress(TEXT))
        packed[-8] ^= 1
        with pytest.raises(RemoteProtocolError, match="malformed"):
            read("gzip", bytes(packed))

    @pytest.mark.parametrize("coding", ["br", "zstd", "compress", "gzip, br", "aes128gcm", "chunked", "gzip;q=1"])
    def test_codings_that_nobody_asked_for(self, coding: str) -> None:
        with pytest.raises(RemoteProtocolError, match="content coding") as caught:
            read(coding, b"hello")
        assert caught.value.request_sent == "yes" and len(str(caught.value)) < 200

    @pytest.mark.parametrize("coding", ["gzip, gzip", "deflate, gzip", "gzip, deflate", "gzip," * 5000])
    def test_one_coding_over_another(self, coding: str) -> None:
        """No server does that, but bombs do: a head has room for thousands."""
        with pytest.raises(RemoteProtocolError, match="more than one content coding"):
            read(coding, gzip.compress(gzip.compress(TEXT)))


class TestBombs:
    """A few bytes that unfold to very many are given out in bounded pieces, and never held at once."""

    @pytest.mark.parametrize("coding", ["gzip", "deflate"])
    def test_pieces_are_bounded(self, coding: str) -> None:
        size = 10 * 1024 * 1024
        body = zlib.compress(bytes(size)) if coding == "deflate" else gzip.compress(bytes(size))
        reader = AnswerReader("GET")
        reader.receive(head_of(len(body), coding) + body)
        reader.read_head()
        tracemalloc.start()
        try:
            found, piece = 0, reader.read_body()
            while piece:
                assert len(piece) <= PIECE
                found += len(piece)
                piece = reader.read_body()
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert found == size
        assert peak < 2 * 1024 * 1024

    def test_nobody_need_read_on(self) -> None:
        body = gzip.compress(bytes(10 * 1024 * 1024))
        reader = AnswerReader("GET")
        reader.receive(head_of(len(body), "gzip") + body)
        reader.read_head()
        first: Any = reader.read_body()
        assert 0 < len(first) <= PIECE and not reader.reusable or reader.done


def test_very_many_members() -> None:
    assert b"".join(read("gzip", gzip.compress(b"x") * 20_000)) == b"x" * 20_000


@pytest.mark.parametrize(
    "coded",
    [
        lambda n: gzip.compress(b"x" * n),
        lambda n: gzip.compress(b"x") * (n // 20),
        lambda n: gzip.compress(b"") * (n // 20),
        lambda n: gzip.compress(TEXT) + b"\x00" * n,
    ],
    ids=["one member", "many members", "empty members", "padding"],
)
@pytest.mark.parametrize("size", [7, 1 << 30], ids=["in bits", "at once"])
def test_the_work_of_decoding_grows_as_the_bytes_do(coded: Any, size: int) -> None:
    def prepare(count: int) -> Any:
        body = coded(count)
        return lambda: read("gzip", body, size)

    assert_linear(prepare, 5_000)
