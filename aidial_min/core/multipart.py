"""Files as multipart/form-data (RFC 7578), read in bounded pieces while they are sent.

body = MultipartBody([file_part(file, "a.txt")], progress)
"""

from __future__ import annotations

import io
import os
import re
from typing import IO, Any, Callable, Iterator, List, Mapping, Optional, Tuple, Union, cast
from urllib.parse import quote

from .._typing import NamedTuple
from ..errors import InvalidRequestError, loading
from .body import PIECE, Body, in_pieces
from .http11 import header_line
from .settings import dict_of_call

Progress = Callable[[int, Optional[int]], None]
"""Called with (bytes done, bytes in all or None) while a file is sent."""

Content = Union[bytes, IO[bytes], "os.PathLike[str]"]

_NO_TYPE = (bytes, bytearray, memoryview, os.PathLike)
"""What in the third place of a tuple is a file, not its content type: the guide's order."""


class FilePart(NamedTuple):
    """One file of a multipart body: its name, its type, its content and further header fields."""

    filename: str
    content_type: str
    content: Content
    headers: Tuple[Tuple[str, str], ...] = ()


def file_part(file: Any, default_name: str) -> FilePart:
    """Read one of the forms in which `upload` takes a file.

    Args:
        file: bytes, a binary file object, a path (no str), or a tuple: (name, content), (name, content, type),
            (name, content, type, headers) or the guide's (name, type, content), where a str as content is a text.
        default_name: the name where neither the tuple nor the file has one; the type is guessed from the name.
    Raises:
        InvalidRequestError: closed, text-mode or write-only files, and anything else that can't be sent.
    """
    name: Optional[str] = None
    content_type: Optional[str] = None
    headers: Mapping[str, str] = {}
    content = file
    if isinstance(file, str):
        raise InvalidRequestError(
            "a str may be the name of a file or a text: pass pathlib.Path(...) for a file, or .encode() for a text"
        )
    if isinstance(file, (tuple, list)):
        if not 2 <= len(file) <= 4:
            raise InvalidRequestError("a file tuple is (name, content[, type[, headers]]) or (name, type, content)")
        parts = list(file) + [None] * (4 - len(file))
        if len(file) == 3 and (isinstance(parts[2], _NO_TYPE) or hasattr(parts[2], "read")):
            parts[1], parts[2] = parts[2], parts[1]
        name, content, content_type = parts[:3]
        headers = dict_of_call("the headers of a file", parts[3] or None)
    for what, text in (("name", name), ("content type", content_type)):
        if text is not None and not isinstance(text, str):
            raise InvalidRequestError("the %s of a file must be a str, not %s" % (what, type(text).__name__))
    content = _check_content(content)
    name = name or _own_name(content) or default_name or "file"
    return FilePart(name, content_type or _guess_type(name, default_name), content, tuple(headers.items()))


def _check_content(content: Any) -> Content:
    if isinstance(content, str):  # in a tuple, beside its name: no doubt that it is the content
        return content.encode("utf-8", "surrogatepass")
    if isinstance(content, (bytearray, memoryview)):
        return bytes(content)
    if isinstance(content, (bytes, os.PathLike)):
        if isinstance(content, os.PathLike) and not os.path.isfile(content):
            raise InvalidRequestError("there is no file to upload at %s" % os.fspath(content))
        return content
    if not callable(getattr(content, "read", None)):
        message = "a file must be bytes, str, a path or a file object opened with 'rb', not %s" % type(content).__name__
        raise InvalidRequestError(message)
    if getattr(content, "closed", False):
        raise InvalidRequestError("the file to upload is closed")
    if isinstance(content, io.TextIOBase) or hasattr(content, "encoding"):
        raise InvalidRequestError("the file to upload is open in text mode; open it with 'rb'")
    readable = getattr(content, "readable", None)
    if callable(readable) and not _is_asynchronous(content) and not readable():
        raise InvalidRequestError("the file to upload is not open for reading; open it with 'rb'")
    return cast("IO[bytes]", content)


def _own_name(content: Content) -> str:
    name = os.fspath(content) if isinstance(content, os.PathLike) else getattr(content, "name", None)
    return os.path.basename(name) if isinstance(name, str) and not name.startswith("<") else ""


def _guess_type(*names: str) -> str:
    with loading():
        import mimetypes

        for name in names:
            guessed = mimetypes.guess_type(name)[0]
            if guessed:
                return guessed
    return "application/octet-stream"


class MultipartBody(Body):
    """Files as multipart/form-data. Every part has a filename: Core never answers a request whose part has none."""

    def __init__(self, parts: List[FilePart], progress: Optional[Progress] = None) -> None:
        self._boundary = os.urandom(16).hex()
        self.content_type = "multipart/form-data; boundary=" + self._boundary
        self._parts = [(self._part_head(part), part.content, _size_of(part.content)) for part in parts]
        self._tail = ("--%s--\r\n" % self._boundary).encode("ascii")
        sizes = [size for _, _, size in self._parts]
        frame = sum(len(head) + 2 for head, _, _ in self._parts) + len(self._tail)
        self._content_length = None if None in sizes else sum(cast(List[int], sizes))
        self.length = None if self._content_length is None else frame + self._content_length
        self.replayable = all(_can_rewind(content) for _, content, _ in self._parts)
        in_memory = all(isinstance(content, (bytes, io.BytesIO)) for _, content, _ in self._parts)
        self.blocking = not in_memory and (self.length is None or self.length > 65536)
        self._progress = progress
        self._content_read = 0

    def _part_head(self, part: FilePart) -> bytes:
        filename = part.filename.encode("utf-8", "replace").decode("utf-8")
        plain_name = re.sub(r"[^\x20-\x7e]", "_", filename).replace("\\", "_").replace('"', "%22")
        disposition = 'form-data; name="file"; filename="%s"' % plain_name
        if plain_name != filename:
            disposition += "; filename*=UTF-8''" + quote(filename, safe="")
        fields = [("Content-Disposition", disposition), ("Content-Type", part.content_type)]
        taken = {name.lower() for name, _ in fields}
        fields += [(name, value) for name, value in part.headers if str(name).lower() not in taken]
        lines = "".join(header_line(name, value) for name, value in fields)
        return ("--%s\r\n%s\r\n" % (self._boundary, lines)).encode("ascii")

    def pieces(self) -> Iterator[bytes]:
        """Head, content and line break of every part, then the closing boundary.

        Raises:
            InvalidRequestError: a file can't be read, or is shorter than it was.
        """
        self._content_read = 0
        self.taken = True
        for head, content, size in self._parts:
            yield head
            for piece in in_pieces(content) if isinstance(content, bytes) else _read_file(content, size, self.wait):
                self._content_read += len(piece)
                yield piece
            yield b"\r\n"
        yield self._tail

    def report(self, sent: int) -> None:
        """Tell the user's callback how much of the files' content has been sent (framing left out)."""
        if self._progress is None:
            return
        done = max(0, sent - sum(len(head) for head, _, _ in self._parts[:1]))
        self._progress(min(done, self._content_read), self._content_length)


def _size_of(content: Content) -> Optional[int]:
    if isinstance(content, bytes):
        return len(content)
    if isinstance(content, os.PathLike):
        return os.path.getsize(content)
    if not _can_rewind(content):
        return None
    try:
        content.seek(0, io.SEEK_END)
        return content.tell()  # what `seek` gives back is None in some wrappers
    except (OSError, ValueError) as error:
        raise InvalidRequestError("the size of the file to upload can't be found: %s" % error) from error


def _can_rewind(content: Content) -> bool:
    if isinstance(content, (bytes, os.PathLike)):
        return True
    if _is_asynchronous(content):
        return False  # it is read once, as it comes
    seekable = getattr(content, "seekable", None)
    if callable(seekable):
        return bool(seekable())
    return callable(getattr(content, "seek", None)) and callable(getattr(content, "tell", None))


def _is_asynchronous(content: Any) -> bool:
    """Whether it is read by coroutines: an upload of a web framework, a file of aiofiles."""
    if isinstance(content, io.IOBase):
        return False
    import inspect  # costs milliseconds to load, and most files are of `io`

    return inspect.iscoroutinefunction(content.read)


def _read_file(
    content: Union["IO[bytes]", "os.PathLike[str]"], size: Optional[int], wait: Optional[Callable[[Any], Any]]
) -> Iterator[bytes]:
    try:
        if isinstance(content, os.PathLike):
            with open(content, "rb") as file:
                yield from _read_sized(file, size, wait)
        else:
            if size is not None:
                content.seek(0)
            yield from _read_sized(content, size, wait)
    except (OSError, ValueError) as error:
        raise InvalidRequestError("the file to upload can't be read: %s" % error, request_sent="maybe") from error


def _read_sized(file: "IO[bytes]", size: Optional[int], wait: Optional[Callable[[Any], Any]]) -> Iterator[bytes]:
    left = size
    while left is None or left > 0:
        given: Any = file.read(PIECE if left is None else min(PIECE, left))
        if hasattr(given, "__await__"):
            given = _awaited(given, wait)
        piece = _checked_piece(given)
        if not piece:
            break
        if left is not None:
            piece = piece[:left]  # more than was asked for would break the framing
            left -= len(piece)
        yield piece
    if left:
        message = "the file to upload became shorter while it was sent (%d bytes are missing)" % left
        raise InvalidRequestError(message, request_sent="maybe")


def _awaited(given: Any, wait: Optional[Callable[[Any], Any]]) -> Any:
    if wait is not None:
        return wait(given)
    if hasattr(given, "close"):
        given.close()  # a coroutine that nobody awaits would complain
    raise InvalidRequestError("read() of the file to upload is a coroutine: use AsyncDial, or pass its bytes")


def _checked_piece(piece: Any) -> bytes:
    if isinstance(piece, (bytes, bytearray, memoryview)):
        return bytes(piece)  # bytes stay the same object
    if piece is None:
        raise InvalidRequestError("the file to upload is non-blocking and has no bytes yet", request_sent="maybe")
    what = "text" if isinstance(piece, str) else type(piece).__name__
    raise InvalidRequestError("the file to upload gives %s, not bytes; open it with 'rb'" % what, request_sent="maybe")
