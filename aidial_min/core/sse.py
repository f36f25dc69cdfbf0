"""Server-sent events: bytes in, events out (WHATWG HTML, 9.2 "Server-sent events").

Linear in its input however that is split; an event without its closing blank line is never given out.
"""

from typing import List, NamedTuple

from ..errors import RemoteProtocolError

MAX_EVENT = 64 * 1024 * 1024
"""Bytes that one event takes in memory: beyond it the sender is taken to be broken."""
OF_LINE = 50
"""Bytes that a line takes in memory besides its text, about."""
SHORT = 80
"""Bytes of a line that is looked at again whenever something comes."""


class ServerSentEvent(NamedTuple):
    """One event: its data (lines joined by LF), its type ("message" unless given) and the last event id."""

    data: str
    event: str = "message"
    id: str = ""


class EventParser:
    """Feed it pieces of an event stream; it gives back the events that each piece completed."""

    def __init__(self) -> None:
        self._line = bytearray()  # the unfinished line
        self._data_size = 0
        self._started = False
        self._after_cr = False
        self.data: List[bytes] = []
        """Lines of the event that has no blank line yet."""
        self._event = b""
        self._id = b""
        self.heartbeats = 0
        """Comment lines so far."""
        self.recognized = False
        """Whether a line has come that only an event stream has: a comment, or a field that is known."""

    def feed(self, piece: bytes) -> List[ServerSentEvent]:
        """The events completed by `piece`.

        Raises:
            RemoteProtocolError: one event is larger than MAX_EVENT.
        """
        if self._after_cr and piece:
            self._after_cr = False
            if piece[:1] == b"\n":  # the second half of a CRLF that a split tore apart
                piece = piece[1:]
        if 13 in piece:  # CR; with bytes, Python would first try to make a number of them
            self._after_cr = piece.endswith(b"\r")
            piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines = piece.split(b"\n")
        rest = lines.pop()
        if lines and self._line:
            lines[0] = bytes(self._line + lines[0])
            self._line.clear()
        self._line += rest
        events = self._take_lines(lines) if lines else []
        if len(self._line) + self._data_size > MAX_EVENT:
            raise RemoteProtocolError("an event of the stream is larger than %d bytes" % MAX_EVENT, request_sent="yes")
        return events

    def _take_lines(self, lines: List[bytes]) -> List[ServerSentEvent]:
        if not self._started:
            self._started = True
            if lines[0].startswith(b"\xef\xbb\xbf"):
                lines[0] = lines[0][3:]
        events: List[ServerSentEvent] = []
        for line in lines:
            if line[:6] == b"data: ":  # what nearly all lines are
                self.recognized = True
                self.data.append(line[6:])
                self._data_size += len(line) + OF_LINE
            elif line:
                self._take_field(line)
            else:
                if self.data:
                    events.append(self._event_of(self.data))
                    self.data = []
                    self._data_size = 0
                self._event = b""
        return events

    def _event_of(self, lines: List[bytes]) -> ServerSentEvent:
        data = (lines[0] if len(lines) == 1 else b"\n".join(lines)).decode("utf-8", "replace")
        if not self._event and not self._id:
            return ServerSentEvent(data)
        kind = self._event.decode("utf-8", "replace") or "message"
        return ServerSentEvent(data, kind, self._id.decode("utf-8", "replace"))

    def _take_field(self, line: bytes) -> None:
        name, colon, value = line.partition(b":")
        if not name and colon:
            self.heartbeats += 1
            self.recognized = True
            return
        if value[:1] == b" ":
            value = value[1:]
        if name in (b"data", b"event", b"id", b"retry"):
            self.recognized = True
        if name == b"data":
            self.data.append(value)
            self._data_size += len(value) + OF_LINE
        elif name == b"event":
            self._event = value
        elif name == b"id" and b"\x00" not in value:
            self._id = value
        # `retry` and unknown fields are ignored: nothing here reconnects by itself

    @property
    def unfinished(self) -> bytes:
        """The data of the event that has no blank line yet, if it is one short line so far."""
        return self.data[0] if len(self.data) == 1 and len(self.data[0]) < SHORT else b""
