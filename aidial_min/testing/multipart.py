"""multipart/form-data: finds the files in a body that has been read whole.

Contents are views into the body, so that a large upload lies in memory once.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple, Optional

from .http import HttpError, Refusal, Request, refuse_if

_BOUNDARY = re.compile(r'boundary=(?:"([^"]+)"|([^\s;,]+))', re.IGNORECASE)
_FILENAME = re.compile(rb'[;\s]filename\*?=(?:"((?:[^"\\]|\\.)*)"|([^\s;]*))', re.IGNORECASE)
_FIELD = re.compile(rb"([!-9;-~]+):[ \t]*(.*)", re.DOTALL)
NO_MULTIPART = (400, "Request must have a valid multipart/form-data content-type")


class FilePart(NamedTuple):
    content: memoryview
    content_type: str
    filename: str


def files_of(
    request: Request, no_multipart: Refusal = NO_MULTIPART, malformed: Refusal = NO_MULTIPART
) -> Iterator[FilePart]:
    """Every part with a filename; the refusals, as HttpError, of another content type and of a body without its end."""
    content_type = request.headers.get("content-type", "")
    match = _BOUNDARY.search(content_type)
    if match is None or not content_type.lower().lstrip().startswith("multipart/form-data"):
        raise HttpError(*no_multipart)
    delimiter = b"--" + (match[1] or match[2]).encode("latin-1")
    body = request.body()
    end = -2 if body.startswith(delimiter) else body.find(b"\r\n" + delimiter)
    refuse_if(end == -1, *malformed)
    while True:
        after = end + 2 + len(delimiter)
        if body[after : after + 2] == b"--":
            return
        line_end = body.find(b"\r\n", after)
        head_end = body.find(b"\r\n\r\n", line_end)
        refuse_if(line_end < 0 or head_end < 0, *malformed)
        start = head_end + 4
        # Some clients let an empty content share its line end with the head: `end` then lies before `start`.
        end = body.find(b"\r\n" + delimiter, start - 2)
        refuse_if(end < 0, *malformed)
        part = _described(bytes(body[line_end + 2 : head_end]), memoryview(body)[start:end])
        if part is not None:
            yield part


def _described(head: bytes, content: memoryview) -> Optional[FilePart]:
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
    return None if filename is None else FilePart(content, content_type, filename)
