"""An answer with its codings undone: the HTTP/1.1 reader, gzip or deflate where a server used it unasked, and JSON.

Decoding is incremental and in bounded pieces, so memory stays flat whatever a small body unfolds to.
See RFC 9110, 8.4.
"""

from __future__ import annotations

import json
from typing import Any, Optional

from ..errors import RemoteProtocolError, ResponseInterruptedError
from .http11 import Head, ResponseReader

_scan: Any = json.JSONDecoder().scan_once  # type: ignore[attr-defined]
SLICE = 8192
"""Compressed bytes decoded at a time: of many small gzip members, each is followed by a copy of the rest."""
PIECE = 256 * 1024
"""Bytes of one piece of a decoded body, at most."""


class AnswerReader(ResponseReader):
    """A ResponseReader that gives pieces of the decoded body; `received` counts bytes as they travel."""

    __slots__ = ("_inflater", "_raw", "_ended")

    def __init__(self, method: str) -> None:
        ResponseReader.__init__(self, method)
        self._inflater: Optional[Inflater] = None
        self._raw: Any = b""  # compressed bytes that came and wait for their turn
        self._ended = False

    @property
    def coded(self) -> bool:
        """Whether the body came compressed."""
        return self._inflater is not None

    def _frame_body(self, head: Head, framing: dict[str, str]) -> None:
        ResponseReader._frame_body(self, head, framing)
        found = framing.get("content-encoding")
        if found and not self.done:
            codings = [coding.strip() for coding in found.split(",")]
            codings = [coding for coding in codings if coding not in ("", "identity")]
            if len(codings) > 1:  # one over the other: no server does that, but bombs do
                raise RemoteProtocolError("the answer has more than one content coding", request_sent="yes")
            self._inflater = Inflater(codings[0]) if codings else None

    def read_body(self) -> Optional[bytes]:
        """The next piece of the decoded body, b"" at its end, or None while bytes are missing.

        Raises:
            ResponseInterruptedError: the body, or the compressed data in it, broke off.
            RemoteProtocolError: malformed framing or compressed data.
        """
        inflater = self._inflater
        if inflater is None:
            return ResponseReader.read_body(self)  # asked of super(), it takes an object for every piece
        while not self._ended:
            piece = inflater.read()
            if piece:
                return piece
            if self._raw:
                inflater.feed(bytes(self._raw[:SLICE]))
                self._raw = self._raw[SLICE:]
                continue
            raw = super().read_body()
            if raw is None:
                return None
            self._raw = memoryview(raw)
            if not raw:
                self._ended = True
                inflater.check_end(self.received)
        return b""


def read_json(text: str) -> Any:
    """A JSON value, with or without blanks around it; in half the steps of json.loads.

    Raises:
        ValueError: something else stands there.
    """
    text = text.strip(" \t\r\n")
    try:
        value, end = _scan(text, 0)
    except StopIteration:
        raise ValueError("there is no value") from None
    if end != len(text):
        raise ValueError("something follows the value")
    return value


class Inflater:
    """One content coding, undone incrementally: gzip (also several members in a row) or deflate (zlib or raw)."""

    def __init__(self, coding: str) -> None:
        if coding not in ("gzip", "x-gzip", "deflate"):
            raise RemoteProtocolError(
                "the answer came with the content coding %r, which was not asked for" % coding[:40], request_sent="yes"
            )
        import zlib

        self._zlib: Any = zlib
        self._gzip = coding != "deflate"
        self._object: Any = None  # zlib's decompressor of the present member
        self._input = b""
        self._finished = False

    def feed(self, data: bytes) -> None:
        """Take compressed bytes."""
        self._input = self._input + data if self._input else data

    def read(self) -> bytes:
        """The next piece of decoded bytes, at most PIECE of them; b"" while there is nothing more to decode."""
        while self._input:
            if self._object is None and not self._begin():
                return b""
            inflating: Any = self._object
            try:
                piece: bytes = inflating.decompress(self._input, PIECE)
            except self._zlib.error:
                raise RemoteProtocolError("the compressed body is malformed", request_sent="yes") from None
            if inflating.eof:
                self._input = inflating.unused_data
                self._object, self._finished = None, True
            else:
                self._input = inflating.unconsumed_tail
            if piece:
                return piece
        return self._flushed()

    def _flushed(self) -> bytes:
        # zlib may hold back output that did not fit the last piece although all input is consumed.
        piece: bytes = self._object.decompress(b"", PIECE) if self._object is not None else b""
        return piece

    def _begin(self) -> bool:
        zlib = self._zlib
        if self._gzip:
            if self._finished and not b"\x1f\x8b".startswith(self._input[:2]):
                self._input = b""  # padding after the last member: tolerated, as gzip does
                return False
            self._object = zlib.decompressobj(16 + zlib.MAX_WBITS)
        elif self._finished:
            self._input = b""
            return False
        else:
            if len(self._input) < 2:
                return False
            zlib_head = self._input[0] & 0x0F == 8 and (self._input[0] * 256 + self._input[1]) % 31 == 0
            self._object = zlib.decompressobj(zlib.MAX_WBITS if zlib_head else -zlib.MAX_WBITS)
        return True

    def check_end(self, received: int) -> None:
        """The body is over: was the compressed data complete? (An empty body is.)"""
        if self._object is not None or (self._input and not self._finished) or not (self._finished or received == 0):
            raise ResponseInterruptedError(
                "the compressed body of the answer broke off", received=received, request_sent="yes"
            )
