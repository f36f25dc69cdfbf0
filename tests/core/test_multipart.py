"""core/multipart.py: files as multipart/form-data."""

import email
import email.policy
import io
import os
import tempfile
import threading
from pathlib import Path
from typing import Any, List, Optional, Tuple

import pytest

from aidial_min.core import multipart as module
from aidial_min.core.body import PIECE
from aidial_min.core.multipart import MultipartBody, file_part
from aidial_min.errors import InvalidRequestError

DEFAULT = "stored.txt"


def multipart(file: Any, progress: Any = None, default: str = DEFAULT) -> MultipartBody:
    return MultipartBody([file_part(file, default)], progress)


def wire(body: MultipartBody) -> bytes:
    return b"".join(body.pieces())


def parse(body: MultipartBody) -> Any:
    """The one part of a body, as another implementation (email) reads it."""
    assert body.content_type is not None
    data = wire(body)
    assert body.length is None or body.length == len(data), "the length that was announced"
    text = b"Content-Type: " + body.content_type.encode() + b"\r\n\r\n" + data
    message = email.message_from_bytes(text, policy=email.policy.HTTP)
    assert not message.defects and message.is_multipart()
    (part,) = message.iter_parts()  # type: ignore[attr-defined]
    assert not part.defects
    return part


def sent(file: Any, default: str = DEFAULT) -> Tuple[Optional[str], str, bytes]:
    """Name, type and content that a server reads of an upload."""
    part = parse(multipart(file, default=default))
    assert part.get_param("name", header="content-disposition") == "file"
    return part.get_filename(), part.get_content_type(), part.get_payload(decode=True)


class Pipe(io.RawIOBase):
    """Readable, not seekable: what a pipe, a socket or a decompressor gives."""

    def __init__(self, data: bytes, most: int = 1 << 30) -> None:
        self._source = io.BytesIO(data)
        self._most = most

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> Any:
        return self._source.read(min(size, self._most) if size >= 0 else -1)


class Minimal:
    """The least that users pass: an object with `read` alone."""

    def __init__(self, data: bytes) -> None:
        self._source = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        return self._source.read(size)


class OldStyle(Minimal):
    """`read`, `seek` and `tell`, but no `seekable`: wrappers of older frameworks, SpooledTemporaryFile before 3.11."""

    def seek(self, offset: int, whence: int = 0) -> None:
        self._source.seek(offset, whence)

    def tell(self) -> int:
        return self._source.tell()


# ---------------------------------------------------------------- JSON


class TestForms:
    @pytest.mark.parametrize(
        "file",
        [
            b"hello",
            bytearray(b"hello"),
            memoryview(b"hello"),
            io.BytesIO(b"hello"),
            Pipe(b"hello"),
            Minimal(b"hello"),
            OldStyle(b"hello"),
        ],
    )
    def test_content_alone_is_stored_under_the_name_of_the_url(self, file: Any) -> None:
        assert sent(file) == (DEFAULT, "text/plain", b"hello")

    @pytest.mark.parametrize("file", ["report.pdf", "some text", ""])
    def test_a_str_alone_may_mean_two_things(self, file: str) -> None:
        with pytest.raises(InvalidRequestError, match=r"pathlib.Path\(...\) for a file, or .encode\(\) for a text"):
            sent(file)

    def test_text_is_sent_as_utf8(self) -> None:
        assert sent(("a.txt", "\u0444\ud800"))[2] == "\u0444".encode() + b"\xed\xa0\x80"

    def test_the_official_order(self) -> None:
        assert sent(("a.csv", b"hello")) == ("a.csv", "text/csv", b"hello")
        assert sent(("a.json", b"hello"), "x") == ("a.json", "application/json", b"hello")
        assert sent(("a.bin", b"hello", "image/png")) == ("a.bin", "image/png", b"hello")
        assert sent(("a.bin", "hello", "image/png")) == ("a.bin", "image/png", b"hello")
        assert sent(["a.bin", io.BytesIO(b"hello"), "image/png"]) == ("a.bin", "image/png", b"hello")

    @pytest.mark.parametrize("content", [b"hello", bytearray(b"hello"), io.BytesIO(b"hello"), Minimal(b"hello")])
    def test_the_order_of_the_guide(self, content: Any) -> None:
        assert sent(("filename.txt", "text/csv", content)) == ("filename.txt", "text/csv", b"hello")

    def test_a_path_is_no_content_type(self, tmp_path: Path) -> None:
        (tmp_path / "local").write_bytes(b"hello")
        assert sent(("filename.txt", "text/csv", tmp_path / "local")) == ("filename.txt", "text/csv", b"hello")

    def test_further_header_fields(self) -> None:
        part = parse(multipart(("a", b"hello", "text/plain", {"X-A": "b", "content-type": "ignored/too"})))
        assert (part["X-A"], part.get_content_type()) == ("b", "text/plain")

    def test_a_name_or_type_may_be_left_out(self) -> None:
        assert sent((None, b"hello", None)) == (DEFAULT, "text/plain", b"hello")
        assert sent(("", b"hello", "")) == (DEFAULT, "text/plain", b"hello")

    def test_a_path(self, tmp_path: Path) -> None:
        path = tmp_path / "local.json"
        path.write_bytes(b"hello")
        assert sent(path, "url-name.bin") == ("local.json", "application/json", b"hello")
        assert sent(("a.png", path), "x") == ("a.png", "image/png", b"hello")

    def test_an_open_file(self, tmp_path: Path) -> None:
        path = tmp_path / "local.json"
        path.write_bytes(b"hello")
        for buffering in (-1, 0):
            with open(path, "rb", buffering) as file:
                assert sent(file) == ("local.json", "application/json", b"hello")

    def test_a_file_without_a_name_of_its_own(self) -> None:
        with tempfile.TemporaryFile() as file:
            file.write(b"hello")
            assert sent(file) == (DEFAULT, "text/plain", b"hello")

    def test_a_temporary_file_that_is_still_in_memory(self) -> None:
        with tempfile.SpooledTemporaryFile() as file:
            file.write(b"hello")
            body = multipart(file)
            assert body.length is not None and body.replayable
            assert sent(file)[2] == b"hello"

    @pytest.mark.parametrize(
        ("own", "stored", "guessed"),
        [
            ("a.json", "b.png", "application/json"),
            ("plain", "b.PNG", "image/png"),
            ("plain", "plain", "application/octet-stream"),
            ("a.unknownkind", "b", "application/octet-stream"),
        ],
    )
    def test_the_type_is_guessed_from_the_names(self, own: str, stored: str, guessed: str) -> None:
        assert sent((own, b"x"), stored)[1] == guessed

    def test_there_is_always_a_name(self) -> None:
        assert sent(b"x", "")[0] == "file"

    def test_an_empty_file(self) -> None:
        assert sent(b"") == (DEFAULT, "text/plain", b"")
        assert sent(io.BytesIO()) == (DEFAULT, "text/plain", b"")
        assert sent(Pipe(b"")) == (DEFAULT, "text/plain", b"")


class TestRefusedBeforeAnythingIsSent:
    def refused(self, file: Any, words: str) -> None:
        with pytest.raises(InvalidRequestError, match=words) as caught:
            multipart(file)
        assert caught.value.request_sent == "no"

    def test_closed_files(self, tmp_path: Path) -> None:
        closed = io.BytesIO(b"x")
        closed.close()
        self.refused(closed, "closed")
        with open(__file__, "rb") as file:
            pass
        self.refused(file, "closed")
        self.refused(("a", file), "closed")

    def test_files_in_text_mode(self) -> None:
        with open(__file__) as file:
            self.refused(file, "text mode.*'rb'")
        self.refused(io.StringIO("x"), "text mode.*'rb'")

    def test_files_open_for_writing_alone(self, tmp_path: Path) -> None:
        with open(tmp_path / "x", "wb") as file:
            self.refused(file, "not open for reading")
        with open(tmp_path / "x", "ab", 0) as file:
            self.refused(file, "not open for reading")

    def test_paths_to_nothing_or_to_folders(self, tmp_path: Path) -> None:
        self.refused(tmp_path / "missing", "no file to upload")
        self.refused(tmp_path, "no file to upload")

    @pytest.mark.parametrize(
        "file",
        [
            None,
            5,
            object(),
            ["only-one"],
            (),
            ("a", b"b", "c", {}, 1),
            {"a": b"b"},
            ("a", None),
            ("a", 5),
            iter([b"x"]),
        ],
    )
    def test_what_is_no_file(self, file: Any) -> None:
        self.refused(file, "file")

    @pytest.mark.parametrize("file", [(b"a", b"x"), (5, b"x"), ("a", b"x", 5), ("a", 5, b"x"), (Path("a"), b"x")])
    def test_names_and_types_that_are_no_str(self, file: Any) -> None:
        self.refused(file, "must be a str")

    @pytest.mark.parametrize("headers", [["X-A: b"], "X-A: b", 5, [("X-A", "b", "c")]])
    def test_header_fields_that_are_no_mapping(self, headers: Any) -> None:
        self.refused(("a", b"x", "text/plain", headers), "headers")

    @pytest.mark.parametrize("value", ["text/plain\r\nX-Evil: sesame", "text/plain\n", "a\x00b", "t\xe9xt"])
    def test_a_type_that_would_inject_a_header(self, value: str) -> None:
        if value.strip() != value:
            assert sent(("a", b"x", value))[1] == "text/plain"
            return
        with pytest.raises(InvalidRequestError, match="Content-Type") as caught:
            multipart(("a", b"x", value))
        assert "sesame" not in str(caught.value) + repr(caught.value)

    @pytest.mark.parametrize(
        "headers",
        [{"X": "a\r\nY: sesame"}, {"X\r\nY": "sesame"}, {"X:": "sesame"}, {"": "sesame"}, {"X": 5}, {5: "sesame"}],
    )
    def test_fields_that_would_inject_a_header(self, headers: Any) -> None:
        with pytest.raises(InvalidRequestError) as caught:
            multipart(("a", b"x", "text/plain", headers))
        assert "sesame" not in str(caught.value) + repr(caught.value)


# ---------------------------------------------------------------- names on the wire


class TestFilenames:
    @pytest.mark.parametrize(
        "name", ["a.txt", "my file.txt", "a;b=c.txt", "it's.txt", "100%.txt", "~!@#$&()_+-={}[]|:<>?,.", "a%22b"]
    )
    def test_plain_names_travel_as_they_are(self, name: str) -> None:
        assert b'filename="%b"\r\n' % name.encode() in wire(multipart((name, b"x")))
        assert sent((name, b"x"))[0] == name

    @pytest.mark.parametrize(
        "name", ["\u0444.txt", "na\xefve.txt", "\u4e2d\u6587 \U0001f600.txt", 'quo"te.txt', "back\\slash.txt"]
    )
    def test_other_names_travel_in_both_forms(self, name: str) -> None:
        data = wire(multipart((name, b"x")))
        assert b'filename="' in data and b"filename*=UTF-8''" in data and data.isascii()
        assert parse(multipart((name, b"x"))).get_filename() is not None

    @pytest.mark.parametrize(
        "name",
        [
            "a\r\nX-Evil: b",
            "a\nb",
            "a\rb",
            'a"; name="b',
            "a\x00b",
            "\x1b[31m",
            "a\x85b",
            "a\u2028b",
            "a\ud800b",
            'a\\"b',
        ],
    )
    def test_no_name_can_inject_anything(self, name: str) -> None:
        data = wire(multipart((name, b"x")))
        head = data.split(b"\r\n\r\n")[0]
        fields = [line.partition(b":")[0] for line in head.split(b"\r\n")[1:]]
        assert fields == [b"Content-Disposition", b"Content-Type"]
        quoted = head.split(b'filename="')[1].split(b'"')[0]
        assert all(0x20 <= byte < 0x7F for byte in quoted) and b"\\" not in quoted
        assert parse(multipart((name, b"x"))).get_param("name", header="content-disposition") == "file"


# ---------------------------------------------------------------- length and reading


class TestLength:
    @pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 5])
    def test_is_exact_where_it_can_be_known(self, size: int, tmp_path: Path) -> None:
        data = os.urandom(size)
        path = tmp_path / "x"
        path.write_bytes(data)
        with open(path, "rb") as file:
            for form in (data, io.BytesIO(data), path, file, OldStyle(data)):
                body = multipart(form)
                assert body.length == len(wire(body)) and body.replayable
                assert parse(body).get_payload(decode=True) == data

    def test_is_unknown_where_it_can_not(self) -> None:
        for file in (Pipe(b"hello"), Minimal(b"hello")):
            body = multipart(file)
            assert body.length is None and not body.replayable
            assert sent(body._parts[0][1])[2] == b"hello"

    def test_what_has_been_read_is_said(self) -> None:
        body = multipart(Pipe(b"hello"))
        pieces = body.pieces()
        assert not body.taken
        next(pieces)
        assert body.taken

    def test_of_several_parts(self) -> None:
        body = MultipartBody([file_part(b"a", "a"), file_part(io.BytesIO(b"bc"), "b")])
        assert body.length == len(wire(body))
        assert MultipartBody([file_part(b"a", "a"), file_part(Pipe(b"b"), "b")]).length is None

    def test_pieces_are_bounded(self) -> None:
        data = bytes(3 * PIECE)
        for file in (data, io.BytesIO(data), Pipe(data)):
            assert max(len(piece) for piece in multipart(file).pieces()) <= PIECE


class TestReading:
    def test_a_seekable_file_is_sent_from_its_beginning(self) -> None:
        for file in (io.BytesIO(b"hello"), OldStyle(b"hello")):
            file.seek(3)
            assert sent(file)[2] == b"hello"

    def test_a_pipe_is_sent_from_where_it_is(self) -> None:
        pipe = Pipe(b"hello")
        pipe.read(2)
        assert sent(pipe)[2] == b"llo"

    def test_every_time_anew(self) -> None:
        body = multipart(io.BytesIO(b"hello"))
        assert wire(body) == wire(body) and b"hello" in wire(body)

    def test_short_reads_are_no_end(self) -> None:
        assert sent(Pipe(b"hello" * 100, most=7))[2] == b"hello" * 100

    def test_a_file_that_grew_is_sent_as_long_as_it_was(self, tmp_path: Path) -> None:
        path = tmp_path / "x"
        path.write_bytes(b"hello")
        for file in (path, open(path, "rb")):  # noqa: SIM115
            body = multipart(file)
            with open(path, "ab") as more:
                more.write(b"!" * 10)
            assert len(wire(body)) == body.length and b"hello\r\n" in wire(body)
            path.write_bytes(b"hello")
            if isinstance(file, io.IOBase):
                file.close()

    def test_a_file_that_shrank_is_an_error(self, tmp_path: Path) -> None:
        path = tmp_path / "x"
        path.write_bytes(b"hello")
        with open(path, "rb") as file:
            for form in (path, file):
                path.write_bytes(b"hello")
                body = multipart(form)
                path.write_bytes(b"hel")
                with pytest.raises(InvalidRequestError, match=r"shorter.*\(2 bytes") as caught:
                    wire(body)
                assert caught.value.request_sent == "maybe"

    def test_a_file_that_vanished_or_was_closed_is_an_error(self, tmp_path: Path) -> None:
        path = tmp_path / "x"
        path.write_bytes(b"hello")
        body, other = multipart(path), io.BytesIO(b"hello")
        path.unlink()
        closed = multipart(other)
        other.close()
        for gone in (body, closed):
            with pytest.raises(InvalidRequestError, match="can't be read"):
                wire(gone)

    def test_a_file_that_gives_more_than_was_asked_never_breaks_the_framing(self) -> None:
        class Generous(io.BytesIO):
            def read(self, size: Optional[int] = -1) -> bytes:
                return super().read() + b"surplus"

        body = multipart(Generous(b"hello"))
        assert len(wire(body)) == body.length and b"surplus" not in wire(body)

    @pytest.mark.parametrize(
        ("given", "words"), [("text", "text, not bytes"), (None, "blocking"), (5, "not bytes"), ([b"x"], "not bytes")]
    )
    def test_a_file_that_gives_no_bytes_is_an_error(self, given: Any, words: str) -> None:
        class Odd:
            def read(self, size: int = -1) -> Any:
                return given

        with pytest.raises(InvalidRequestError, match=words):
            wire(multipart(Odd()))

    @pytest.mark.parametrize("error", [OSError("disk"), ValueError("value")])
    def test_a_file_that_fails_is_an_error(self, error: Exception) -> None:
        class Failing:
            def read(self, size: int = -1) -> bytes:
                raise error

        with pytest.raises(InvalidRequestError, match="can't be read") as caught:
            wire(multipart(Failing()))
        assert caught.value.__cause__ is error

    def test_what_its_owner_raises_passes_through(self) -> None:
        class Stop(Exception):
            pass

        class Stopping:
            def read(self, size: int = -1) -> bytes:
                raise Stop

        with pytest.raises(Stop):
            wire(multipart(Stopping()))

    def test_bytes_views_are_taken_from_a_file(self) -> None:
        class Views(Minimal):
            def read(self, size: int = -1) -> Any:
                return memoryview(super().read(size))

        assert sent(Views(b"hello"))[2] == b"hello"

    def test_a_real_pipe(self) -> None:
        reading, writing = os.pipe()
        data = os.urandom(300_000)

        def write() -> None:
            with os.fdopen(writing, "wb") as end:
                end.write(data)

        writer = threading.Thread(target=write)
        writer.start()
        with os.fdopen(reading, "rb") as end:
            assert sent(end)[2] == data
        writer.join()

    def test_the_boundary_is_never_the_same(self) -> None:
        assert len({multipart(b"x").content_type for _ in range(100)}) == 100


def test_only_what_reads_enough_from_disk_is_said_to_block(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(bytes(100_000))
    assert multipart(path).blocking and multipart(Pipe(b"x")).blocking
    path.write_bytes(b"small")
    for file in (path, b"x" * 100_000, io.BytesIO(bytes(100_000))):
        assert not multipart(file).blocking


# ---------------------------------------------------------------- progress


class TestProgress:
    def calls(self, file: Any, step: int = 1000) -> List[Tuple[int, Optional[int]]]:
        """What the callback is told while the body is sent `step` bytes at a time."""
        found: List[Tuple[int, Optional[int]]] = []
        body = multipart(file, lambda done, total: found.append((done, total)))
        total = 0
        for piece in body.pieces():
            total += len(piece)
            body.report(total)
        return found

    @pytest.mark.parametrize("size", [0, 1, PIECE, 2 * PIECE + 3])
    def test_it_grows_up_to_the_size_of_the_file(self, size: int) -> None:
        for file in (bytes(size), io.BytesIO(bytes(size))):
            found = self.calls(file)
            assert found[0] == (0, size) and found[-1] == (size, size)
            assert found == sorted(found)

    @pytest.mark.parametrize("size", [0, 1, 2 * PIECE + 3])
    def test_without_a_known_size_the_framing_is_not_counted_either(self, size: int) -> None:
        found = self.calls(Pipe(bytes(size)))
        assert found[0] == (0, None) and found[-1] == (size, None) and max(found) == (size, None)

    def test_every_attempt_starts_anew(self) -> None:
        found: List[int] = []
        body = multipart(b"hello", lambda done, total: found.append(done))
        for _ in range(2):
            sent_bytes = 0
            for piece in body.pieces():
                sent_bytes += len(piece)
                body.report(sent_bytes)
        assert found[: len(found) // 2] == found[len(found) // 2 :]

    def test_nobody_need_listen(self) -> None:
        multipart(b"hello").report(5)

    def test_what_the_callback_raises_passes_through(self) -> None:
        def stop(done: int, total: Optional[int]) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            multipart(b"hello", stop).report(5)


def test_mimetypes_is_loaded_for_files_alone() -> None:
    assert "mimetypes" not in vars(module)
