"""Bodies of requests: JSON and bytes as one piece; multipart.py has those of files.

    body = json_body({"a": 1})
    for block, sent in blocks(head, body): ...              # a whole request, as it is sent

The length is known up front wherever it can be; a body says whether it can be sent again.
"""

from __future__ import annotations

import json
from typing import Any, Callable, Iterator, List, Optional, Tuple, cast

from ..errors import InvalidRequestError
from ..types._plain import plain

PIECE = 256 * 1024
"""Bytes read from a file at a time."""
BLOCK = 64 * 1024
"""Bytes gathered before they are sent, at least: small pieces would be small packets."""
ONE_BLOCK = 1024 * 1024
"""Bytes up to which a body in memory is joined to its head."""


class Body:
    """What a request carries.

    Attributes:
        content_type: the value of Content-Type, or None.
        whole: the bytes, where they are in memory at once; else None and `pieces` reads them.
        length: bytes in all, None where it can't be known (the body then travels chunked).
        replayable: whether `pieces` can be asked again.
        taken: whether `pieces` has been asked; a pipe is spent then, sent or not.
        blocking: whether `pieces` reads so much from files that a thread should do it.
        wait: for the async client, what gives the result of a coroutine to such a thread.
    """

    content_type: Optional[str] = None
    whole: Optional[bytes] = None
    length: Optional[int] = None
    replayable = True
    taken = False
    blocking = False
    wait: Optional[Callable[[Any], Any]] = None

    def pieces(self) -> Iterator[bytes]:
        """The bytes from the start, in pieces; reading may block."""
        raise NotImplementedError

    def report(self, sent: int) -> None:
        """So many bytes of the body have been sent."""


class BytesBody(Body):
    """Bytes in memory."""

    def __init__(self, data: bytes, content_type: Optional[str]) -> None:
        self.whole = data
        self.length = len(data)
        self.content_type = content_type

    def pieces(self) -> Iterator[bytes]:
        """The bytes in pieces."""
        return in_pieces(cast(bytes, self.whole))


def blocks(head: memoryview, body: Optional[Body]) -> Iterator[Tuple[memoryview, int]]:
    """A whole request as it is sent: blocks of bytes, each with how many bytes of the body are sent when it is.

    A small body travels with its head, in one block. A body of unknown length is chunked (RFC 9112, 7.1). Blocks are
    memoryviews: the head holds credentials, and what shows the variables of frames does not show theirs.
    """
    if body is None:
        return iter(((head, 0),))
    if body.whole is not None and len(body.whole) <= ONE_BLOCK:
        return iter(((memoryview(b"".join((head, body.whole))), len(body.whole)),))
    return _gathered(head, body)


def _gathered(head: memoryview, body: Body) -> Iterator[Tuple[memoryview, int]]:
    gathered: List[Any] = [head]
    size, sent = len(head), 0
    for piece in body.pieces():
        gathered.append(piece if body.length is not None else b"%x\r\n%b\r\n" % (len(piece), piece))
        size += len(piece)
        sent += len(piece)
        if size >= BLOCK:
            yield memoryview(b"".join(gathered)), sent
            gathered, size = [], 0
    if body.length is None:
        gathered.append(b"0\r\n\r\n")
    yield memoryview(b"".join(gathered)), sent


def json_body(value: Any) -> BytesBody:
    """A JSON body; models, dataclasses and Enums are sent as the JSON they stand for.

    Raises:
        InvalidRequestError: something in it is no JSON value; the message names its place.
    """
    try:
        text = _as_json(value)
    except (TypeError, ValueError, RecursionError):
        value = plain(value)
        try:
            text = _as_json(value)
        except (TypeError, ValueError) as error:  # a number of too many digits, a key that is NaN
            raise InvalidRequestError("the request can't be written as JSON: %s" % error) from None
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError:  # lone surrogates: JSON can escape them, UTF-8 can't hold them
        data = _writer(ensure_ascii=True).encode(value).encode("ascii")
    return BytesBody(data, "application/json")


def _writer(ensure_ascii: bool) -> json.JSONEncoder:
    # What contains itself is not looked for: it is nested too deeply.
    return json.JSONEncoder(ensure_ascii=ensure_ascii, allow_nan=False, check_circular=False, separators=(",", ":"))


try:  # JSONEncoder makes one for every value, which takes longer than to write a small value
    _pieces: Any = json.encoder.c_make_encoder(  # type: ignore[attr-defined]
        None, _writer(False).default, json.encoder.encode_basestring, None, ":", ",", False, False, False
    )
except (AttributeError, TypeError):  # another Python has it in another form, or not at all
    _pieces = _writer(ensure_ascii=False).iterencode


def _as_json(value: Any) -> str:
    return "".join(_pieces(value, 0))


def in_pieces(content: bytes) -> Iterator[bytes]:
    """Bytes in pieces, so that memory does not hold them twice."""
    view = memoryview(content)
    for start in range(0, len(content), PIECE):
        yield bytes(view[start : start + PIECE])
