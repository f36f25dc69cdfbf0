"""multipart/form-data: finds the one part that is a file in a body that has been read whole.

It works in place, so that a large upload lies in memory once.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple, Optional, Union

_BOUNDARY = re.compile(r'boundary=(?:"([^"]+)"|([^\s;,]+))', re.IGNORECASE)
_FILENAME = re.compile(rb'[;\s]filename\*?=(?:"((?:[^"\\]|\\.)*)"|([^\s;]*))', re.IGNORECASE)
_FIELD = re.compile(rb"([!-9;-~]+):[ \t]*(.*)", re.DOTALL)
SMALL = 1 << 16


class FilePart(NamedTuple):
    content: Union[bytes, bytearray]
    content_type: str
    filename: str


class Malformed(Exception):
    """The body is no multipart body, or has no end."""


def boundary_of(content_type: str) -> bytes:
    """The delimiter that `content_type` announces; `Malformed` when it is another type or names none."""
    match = _BOUNDARY.search(content_type)
    if match is None or not content_type.lower().lstrip().startswith("multipart/form-data"):
        raise Malformed
    return b"--" + (match[1] or match[2]).encode("latin-1")


def parts(body: bytearray, delimiter: bytes) -> "list[FilePart]":
    """Every part with a filename, copied out: for requests of several files."""
    found = _files(body, delimiter)
    return [part._replace(content=bytes(memoryview(body)[start:end])) for start, end, part in found]


def take_file(body: bytearray, delimiter: bytes) -> Optional[FilePart]:
    """The first part with a filename, cut out of `body` in place; None when there is none."""
    for start, end, part in _files(body, delimiter):
        if end - start <= SMALL:
            return part._replace(content=bytes(body[start:end]))
        del body[end:]
        del body[:start]
        return part._replace(content=body)
    return None


def _files(body: bytearray, delimiter: bytes) -> "Iterator[tuple[int, int, FilePart]]":
    """Where the content of each file begins and ends, and what its head says."""
    place = _first(body, delimiter)
    while place is not None:
        start, end, head = place
        part = _described(head)
        if part is not None:
            yield start, end, part
        place = _next(body, end + 2 + len(delimiter), delimiter)


_Place = Optional["tuple[int, int, bytes]"]


def _first(body: bytearray, delimiter: bytes) -> _Place:
    start = 0 if body.startswith(delimiter) else body.find(b"\r\n" + delimiter) + 2
    if start == 1:
        raise Malformed
    return _next(body, start + len(delimiter), delimiter)


def _next(body: bytearray, after: int, delimiter: bytes) -> _Place:
    """The part whose delimiter ends at `after`: its content's bounds and its head."""
    if body[after : after + 2] == b"--":
        return None
    line_end = body.find(b"\r\n", after)
    if line_end < 0:
        raise Malformed
    if body[line_end + 2 : line_end + 4] == b"\r\n":
        head, start = b"", line_end + 4
    else:
        head_end = body.find(b"\r\n\r\n", line_end)
        if head_end < 0:
            raise Malformed
        head, start = bytes(body[line_end + 2 : head_end]), head_end + 4
    # Some clients let an empty content share its line end with the head: `end` then lies before `start`.
    end = body.find(b"\r\n" + delimiter, start - 2)
    if end < 0:
        raise Malformed
    return start, end, head


def _described(head: bytes) -> Optional[FilePart]:
    content_type, filename = "application/octet-stream", None
    for line in head.split(b"\r\n"):
        field = _FIELD.fullmatch(line)
        if field is None:
            continue
        name = field[1].lower()
        if name == b"content-type":
            # It comes back as a header of the download, and must not bring another one with it.
            content_type = re.sub(rb"[\x00-\x1f]", b"", field[2]).strip().decode("utf-8", "replace")
        elif name == b"content-disposition":
            match = _FILENAME.search(b";" + field[2])
            if match is not None:
                quoted = match[1] if match[1] is not None else match[2]
                filename = re.sub(rb"\\(.)", rb"\1", quoted).decode("utf-8", "replace")
    return None if filename is None else FilePart(b"", content_type, filename)
