"""HTTP/1.1 as bytes (RFC 9112): the head of a request going out, and a reader for the answer coming in.

Both clients feed the same reader, so there is one meaning of the wire. Where leniency would let two readers
disagree about where an answer ends, the reader refuses (RemoteProtocolError).

    reader = ResponseReader("GET")
    reader.receive(data)                     # what came; b"" at its end
    head = reader.read_head()                # None: more bytes are needed
    piece = reader.read_body()               # None: more bytes are needed; b"": the end
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Iterable, Iterator, Mapping, NoReturn, Optional

from ..errors import DialConnectionError, InvalidRequestError, RemoteProtocolError, ResponseInterruptedError

MAX_HEAD = 65536
"""Bytes of one answer's head (and of its trailers)."""
MAX_HEADERS = 128
"""Header fields of one answer."""
MAX_INTERIM = 16
"""1xx answers before the real one."""
MAX_CHUNK_LINE = 4096
"""Bytes of a chunk's size line with its extensions."""

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_TEXT = r"[^\x00-\x08\x0a-\x1f\x7f]*"
_TOKEN_CHARACTERS = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_STATUS_LINE = r"HTTP/1\.([0-9]) ([1-9][0-9]{2})(?: (%s))?\r?\n" % _TEXT
_HEAD = re.compile(r"%s((?:%s:%s\r?\n){0,%d})" % (_STATUS_LINE, _TOKEN, _TEXT, MAX_HEADERS))
_FIELD = r"(?m)^(%s):[ \t]*(%s)" % (_TOKEN, _TEXT)
_FRAMING = ("\ncontent-length:", "\ncontent-encoding:", "\ntransfer-encoding:", "\nconnection:")
_END_OF_HEAD = re.compile(rb"\n\r?\n")
_CHUNK_LINE = rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\x00\r\n]*)?"
_PLAIN_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})\r\n")


class Headers(Mapping[str, str]):
    """The header fields of an answer, by their names in any case (in small letters, where they are gone through); a
    repeated field reads as one, joined by ", ".

    Args:
        pairs: names and values.
        text: the same as lines, which are taken apart when the first field is asked for.
    """

    __slots__ = ("_text", "_fields")

    def __init__(self, pairs: Iterable[tuple[str, str]] = (), text: str = "") -> None:
        self._text = text
        self._fields = None if text else _by_name(pairs)

    def _read(self) -> dict[str, str]:
        if self._fields is None:
            self._fields = _by_name(re.findall(_FIELD, self._text))
        return self._fields

    def __getitem__(self, name: str) -> str:
        return self._read()[name.lower()]

    if not TYPE_CHECKING:  # its types are those of the inherited one

        def get(self, name, default=None):
            """The value of a field, or `default`; faster than the inherited one, which raises and catches."""
            return self._read().get(name.lower(), default)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._read()

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def __repr__(self) -> str:
        return "Headers(%r)" % dict(self)


def _by_name(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for name, value in pairs:
        key = name.lower()
        value = value.strip(" \t\r")
        fields[key] = "%s, %s" % (fields[key], value) if key in fields else value
    return fields


class Head:
    """Status line and header fields of an answer."""

    __slots__ = ("status", "reason", "headers", "minor_version")

    def __init__(self, status: int, reason: str, headers: Headers, minor_version: int) -> None:
        self.status = status
        self.reason = reason
        self.headers = headers
        self.minor_version = minor_version


# ---------------------------------------------------------------- the request


def header_line(name: str, value: str) -> str:
    """One header field as it travels, checked so that neither name nor value can begin another line.

    Blanks around the value are stripped. An error names the field, never the value: it may be a credential.

    Raises:
        InvalidRequestError: the name is no token, or the value holds control characters or non-ASCII ones.
    """
    if not isinstance(name, str) or not _is_token(name):
        raise InvalidRequestError("a header name must consist of letters, digits and !#$%&'*+-.^_`|~")
    if not isinstance(value, str):
        raise InvalidRequestError("the value of header %s must be a str, not %s" % (name, type(value).__name__))
    value = value.strip(" \t\r\n")
    if not value.isascii() or not value.replace("\t", "").isprintable():
        raise InvalidRequestError(
            "the value of header %s holds line breaks, control or non-ASCII characters and can't be sent" % name
        )
    return "%s: %s\r\n" % (str.__str__(name), value)


def _is_token(text: str) -> bool:
    return text != "" and _TOKEN_CHARACTERS.issuperset(text)


def request_head(method: str, target: str, header_lines: Iterable[str]) -> bytes:
    """Request line and header fields as bytes (RFC 9112, 3 and 5).

    Args:
        target: origin form ("/v1/bucket"), absolute form or authority form; already percent-encoded.
        header_lines: from `header_line`, Host among them.
    """
    if not _is_token(method):
        raise InvalidRequestError("an HTTP method must be a word like GET")
    if not target or not target.isascii() or not target.isprintable() or " " in target:
        raise InvalidRequestError("the path of a request must be percent-encoded ASCII")
    return "".join([method, " ", target, " HTTP/1.1\r\n", *header_lines, "\r\n"]).encode("ascii")


# ---------------------------------------------------------------- the answer


class ResponseReader:
    """Reads one answer: bytes in (`receive`), head and pieces of the body out.

    Ask `read_head()` until it gives the head, then `read_body()` until it gives b"" (the end);
    None means "more bytes are needed". After a fault the connection is of no more use.
    """

    # fmt: off
    __slots__ = (
        "head", "done", "received", "expected", "began",
        "_method", "_buffer", "_piece", "_scanned", "_interim", "_eof", "_broken", "_mode", "_left", "_close",
    )
    # fmt: on

    def __init__(self, method: str) -> None:
        self.head: Optional[Head] = None
        self.done = False
        """The answer has been read to its end."""
        self.received = 0
        """Bytes of the body so far (without chunk framing)."""
        self.expected: Optional[int] = None
        """Bytes of the body by Content-Length, where it came."""
        self.began = False
        """Any byte of an answer has come."""
        self._method = method
        self._buffer = bytearray()
        self._piece = b""  # what came last of a body that is not chunked; the buffer is empty then
        self._scanned = self._interim = 0
        self._eof = self._broken = self._close = False
        self._mode = "head"  # head, length, close, and for chunked bodies: size, data, data-end, trailers
        self._left = 0  # bytes to come of the body, or of the chunk

    @property
    def reusable(self) -> bool:
        """Whether the connection can carry another request: read to the end, nothing after it, no `close`."""
        surplus = self._buffer or self._piece
        return self.done and not surplus and not self._eof and not self._close and self._mode != "close"

    def receive(self, data: bytes) -> None:
        """Take bytes that came from the peer; b"": it said that no more will come."""
        if not data:
            self._eof = True
            return
        self.began = True
        if self._mode in ("length", "close") and not self._buffer and not self._piece:
            self._piece = data  # as it is: large bodies are not copied
        else:
            self._buffer += self._piece + data if self._piece else data
            self._piece = b""

    def receive_break(self) -> None:
        """No more bytes will come, but the peer did not say so: a reset, TLS without its close_notify, an end of ours.

        A body that lasts until the connection closes is not complete then.
        """
        self._eof = self._broken = True

    # -- head

    def read_head(self) -> Optional[Head]:
        """The final answer's head (1xx answers are skipped), or None while bytes are missing.

        Raises:
            RemoteProtocolError: the bytes are no HTTP/1.x answer, are ambiguous, or exceed a limit.
            DialConnectionError: the connection ended before or inside the head.
        """
        while self.head is None:
            buffer = self._buffer
            begun = buffer.startswith(b"HTTP/1.") or b"HTTP/1.".startswith(buffer[:7])
            if not begun:  # garbage is refused at its first byte, not when 64 KiB have come
                self._malformed("the answer does not begin with an HTTP/1.x status line")
            found = _END_OF_HEAD.search(buffer, max(0, self._scanned - 2))
            if (found.end() if found else len(buffer)) > MAX_HEAD:
                self._malformed("the head of the answer is larger than %d bytes" % MAX_HEAD)
            if found is None:
                self._scanned = len(buffer)
                if self._eof:
                    place = "inside the head of" if self.began else "before"
                    raise DialConnectionError("the connection was closed %s the answer" % place)
                return None
            text = buffer[: found.start() + 1].decode("latin-1")
            del buffer[: found.end()]
            self._scanned = 0
            head, framing = _parse_head(text)
            self._take_head(head, framing)
        return self.head

    def _take_head(self, head: Head, framing: dict[str, str]) -> None:
        if 100 <= head.status < 200:
            self._interim += 1
            if head.status == 101:
                self._malformed("the server switched protocols (101) without being asked")
            if self._interim > MAX_INTERIM:
                self._malformed("more than %d interim (1xx) answers" % MAX_INTERIM)
            return
        self._frame_body(head, framing)
        self.head = head

    def _frame_body(self, head: Head, framing: dict[str, str]) -> None:
        """Decide how the body ends (RFC 9112, 6.3); `framing` is in small letters."""
        lengths, coding = framing.get("content-length"), framing.get("transfer-encoding")
        connection = framing.get("connection")
        options = [option.strip() for option in connection.split(",")] if connection else []
        self._close = "close" in options or (head.minor_version == 0 and "keep-alive" not in options)
        if lengths is not None and coding is not None:
            self._malformed("the answer has both Content-Length and Transfer-Encoding")
        length = self._parse_length(lengths) if lengths is not None else None
        if coding is not None and (coding != "chunked" or head.minor_version == 0):
            self._malformed("the answer has an unsupported Transfer-Encoding")
        tunnel = self._method == "CONNECT" and 200 <= head.status < 300
        if self._method == "HEAD" or head.status in (204, 304) or tunnel:
            self.done = True
        elif coding is not None:
            self._mode = "size"
        elif length is not None:
            self._mode, self._left, self.expected = "length", length, length
            self.done = length == 0
        else:
            self._mode = "close"

    def _parse_length(self, text: str) -> int:
        values = {part.strip(" \t") for part in text.split(",")}
        value = values.pop()
        if values or not (value.isascii() and value.isdigit() and len(value) <= 18):
            self._malformed("the answer has a Content-Length that is no number, or several that differ")
        return int(value)

    # -- body

    def read_body(self) -> Optional[bytes]:
        """The next piece of the body, b"" at its end, or None while bytes are missing.

        Raises:
            RemoteProtocolError: the chunked framing is malformed.
            ResponseInterruptedError: the connection ended inside the body.
        """
        if not (self._buffer or self._piece or self._eof or self.done):
            return None
        while not self.done:
            if self._mode == "size":
                piece = self._take_whole_chunks()
                if piece or self.done:
                    return piece
                moved = self._read_size()
            elif self._mode == "trailers":
                moved = self._read_trailers()
            elif self._mode == "data-end":
                moved = self._read_data_end()
            elif self._buffer or self._piece:
                return self._take_piece()
            else:
                moved = self.done = self._mode == "close" and self._eof and not self._broken
            if not moved:
                self._check_interrupted()
                return None
        return b""

    def _take_whole_chunks(self) -> bytes:
        """The data of the plain chunks that lie in the buffer as a whole, in one go: streams come in hundreds of them.

        The end of the body is seen, too, where it has no trailers. What is anything else (unfinished, extended,
        malformed) is left to those who read it in steps.
        """
        buffer, at, pieces = self._buffer, 0, []
        while at < len(buffer):
            size = _PLAIN_SIZE.match(buffer, at)
            if size is None:
                break
            begin = size.end()
            end = begin + int(size[1], 16)
            if not buffer.startswith(b"\r\n", end):
                break
            at = end + 2
            if end == begin:
                self.done = True
                break
            pieces.append(buffer[begin:end])
        if at:
            del buffer[:at]
            self._scanned = 0
        piece = b"".join(pieces)
        self.received += len(piece)
        return piece

    def _take_piece(self) -> bytes:
        held = self._piece or self._buffer
        size = len(held) if self._mode == "close" else min(len(held), self._left)
        piece = bytes(held) if size == len(held) else bytes(held[:size])
        if self._piece:
            self._piece = self._piece[size:]
        else:
            del self._buffer[:size]
        self.received += len(piece)
        if self._mode != "close":
            self._left -= len(piece)
            if self._left == 0:
                if self._mode == "length":
                    self.done = True
                else:
                    self._mode = "data-end"
        return piece

    def _check_interrupted(self) -> None:
        if self._eof:
            wanted = "" if self.expected is None else " of %d" % self.expected
            raise ResponseInterruptedError(
                "the answer broke off after %d%s bytes of its body" % (self.received, wanted),
                received=self.received,
                expected=self.expected,
                request_sent="yes",
            )

    def _read_line(self, limit: int) -> Optional[bytes]:
        """A line that ends in CRLF, without it; a bare CR or LF in chunked framing is refused."""
        end = self._buffer.find(b"\n", self._scanned)
        if (end if end >= 0 else len(self._buffer)) > limit:
            self._malformed("a line of the chunked framing is longer than %d bytes" % limit)
        if end < 0:
            if self._buffer.find(b"\r", max(0, self._scanned - 1), len(self._buffer) - 1) >= 0:
                self._malformed("bare CR in the chunked framing")
            self._scanned = len(self._buffer)
            return None
        if end == 0 or self._buffer[end - 1] != 13:
            self._malformed("bare LF in the chunked framing")
        line = bytes(self._buffer[: end - 1])
        del self._buffer[: end + 1]
        self._scanned = 0
        return line

    def _read_size(self) -> bool:
        line = self._read_line(MAX_CHUNK_LINE)
        if line is None:
            return False
        match = re.fullmatch(_CHUNK_LINE, line)
        if match is None:
            self._malformed("a chunk has a malformed size")
        self._left = int(match[1], 16)
        self._mode = "data" if self._left else "trailers"
        self._interim = 0  # from here on it counts the bytes of trailers
        return True

    def _read_data_end(self) -> bool:
        if not b"\r\n".startswith(bytes(self._buffer[:2])):
            self._malformed("a chunk is longer than its size says")
        if len(self._buffer) < 2:
            return False
        del self._buffer[:2]
        self._mode = "size"
        return True

    def _read_trailers(self) -> bool:
        while True:
            line = self._read_line(MAX_HEAD)
            if line is None:
                return False
            if not line:
                self.done = True
                return True
            self._interim += len(line) + 2
            if self._interim > MAX_HEAD:
                self._malformed("the trailers are larger than %d bytes" % MAX_HEAD)
            if re.fullmatch(_FIELD, line.decode("latin-1")) is None:  # checked and dropped: nothing here uses trailers
                self._malformed(_fault_of(line.decode("latin-1")))

    def _malformed(self, message: str) -> NoReturn:
        self._close = True
        raise RemoteProtocolError(message, request_sent="yes")


def _parse_head(text: str) -> tuple[Head, dict[str, str]]:
    """The head, and those of its fields that decide where the body ends, in small letters.

    Lines end in CRLF or, tolerated here only, in LF (RFC 9112, 2.2).
    """
    match = _HEAD.fullmatch(text)
    if match is None:
        if text.count("\n") > MAX_HEADERS + 1:
            raise RemoteProtocolError("the answer has more than %d header fields" % MAX_HEADERS, request_sent="yes")
        status_line, end, fields = text.partition("\n")
        match = _HEAD.fullmatch(status_line + end + re.sub(r"\r?\n[ \t]+", " ", fields))  # folded lines (RFC 9112, 5.2)
        if match is None:
            well_begun = re.fullmatch(_STATUS_LINE, status_line + end)
            fault = _fault_of(fields) if well_begun else "the status line of the answer is malformed"
            raise RemoteProtocolError(fault, request_sent="yes")
    minor_version, status, reason, fields = match.groups("")
    head = Head(int(status), reason.strip(), Headers((), fields), int(minor_version))
    text, framing = match.string.lower(), {}
    for mark in _FRAMING:
        if mark in text:
            came = [after.partition("\n")[0].strip(" \t\r") for after in text.split(mark)[1:]]
            framing[mark[1:-1]] = ", ".join(came)
    return head, framing


def _fault_of(fields: str) -> str:
    """What is wrong with header fields."""
    if re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)", fields):
        return "control characters in a header field of the answer"
    if fields.startswith((" ", "\t")):
        return "the first header field of the answer is a continuation"
    return "a header field of the answer has no valid name"
