"""The three standard streams as people and programs use them: text, notes, colours, questions, tables, bars.

Answers go to stdout, everything else to stderr. Text of a server never moves a terminal's cursor, and no character
is ever a reason to fail.
"""

import os
import re
import shutil
import sys
import threading
import time
import unicodedata
from typing import IO, Any, Callable, Iterable, Iterator, List, Mapping, Optional, Sequence, TypeVar

_DIM, _BOLD, _RED, _PLAIN = "\x1b[2m", "\x1b[1m", "\x1b[31m", "\x1b[0m"
_CONTROLS_IN_JSON = {code: "\\u%04x" % code for code in range(0x7F, 0xA0)}  # those that json.dumps leaves
_CONTROLS = {code: "\\x%02x" % code for code in [*range(0x20), *range(0x7F, 0xA0)] if chr(code) not in "\t\n"}
_GAP = "  "
_BAR = 20
_REDRAW = 0.1
Self = TypeVar("Self", bound="Progress")


def make_room() -> None:
    """Take away what is drawn on the last line; whatever else is written does it first."""
    line = Line.below  # another thread may take it away meanwhile
    if line is not None:
        line.clear()


def is_terminal(stream: IO[Any]) -> bool:
    """Whether a person sits at this stream (a closed one is none)."""
    try:
        return stream.isatty()
    except ValueError:
        return False


def is_shared() -> bool:
    """Whether stdout and stderr go to the same place: one terminal, or 2>&1."""
    try:
        return os.path.sameopenfile(sys.stdout.fileno(), sys.stderr.fileno())
    except (OSError, ValueError):
        return False


def has_colours(stream: IO[Any]) -> bool:
    """Whether colours are wanted there: a terminal that has them, and no NO_COLOR (https://no-color.org)."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def visible(text: str, *, lines: bool = True) -> str:
    """Text of others, safe for a terminal: control characters are spelt out.

    Args:
        lines: whether line ends and tabs may stay; else each becomes a blank. Other blanks stay as they are: two of
            them, or the narrow ones of macOS, belong to a file's name.
    """
    text = text.replace("\r\n", "\n").translate(_CONTROLS)
    return text if lines else re.sub(r"(?<! ) *[\t\n][ \t\n]*", " ", text.strip("\t\n"))


def width_of(text: str) -> int:
    """Columns that a text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(_width(character) for character in text)


def _width(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):  # marks (many have no combining class), joiners
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def dim(text: str) -> str:
    """What stands beside the answer, on stderr."""
    return _DIM + text + _PLAIN if has_colours(sys.stderr) else text


def red(text: str, stream: Any = None) -> str:
    """What went wrong, on stderr if no other stream is named."""
    return _RED + text + _PLAIN if has_colours(stream or sys.stderr) else text


def bold(text: str) -> str:
    """A heading, on stdout."""
    return _BOLD + text + _PLAIN if has_colours(sys.stdout) else text


def write(text: str, *, own: bool = False) -> None:
    """A piece of the answer, at once; as it is, except that it can't command a terminal.

    Args:
        own: it is made here, colours and all.
    """
    make_room()
    sys.stdout.write(text if own or not is_terminal(sys.stdout) else visible(text))
    sys.stdout.flush()


def note(text: str, *, end: str = "\n") -> None:
    """A line beside the answer."""
    make_room()
    sys.stdout.flush()
    sys.stderr.write(text + end)
    sys.stderr.flush()


def write_bytes(pieces: Iterable[bytes]) -> None:
    """Bytes to stdout, untouched."""
    sys.stdout.flush()
    sys.stdout.buffer.writelines(pieces)
    sys.stdout.buffer.flush()


def write_json(value: Any) -> None:
    """A JSON value, readable; what stdout can't write, or what commands a terminal, is escaped as JSON does it."""
    import json

    text = json.dumps(value, ensure_ascii=False, indent=2).translate(_CONTROLS_IN_JSON) + "\n"
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        text = json.dumps(value, indent=2) + "\n"
    sys.stdout.write(text)
    sys.stdout.flush()


def read_bytes() -> bytes:
    """Everything on stdin."""
    return sys.stdin.buffer.read()


def word(text: str) -> str:
    """A word of the command line, or a local file's name, as the text it was meant to be.

    Where the locale is no UTF-8 one, Python keeps its bytes as lone surrogates.
    """
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    except UnicodeEncodeError:  # a broken name of Windows
        return text.encode("utf-8", "replace").decode("utf-8")


def local(text: str) -> str:
    """A local file's name for text that came from a server: the opposite of `word`."""
    try:
        os.fsencode(text)
        return text
    except UnicodeEncodeError:
        return os.fsdecode(text.encode("utf-8"))


def can_ask() -> bool:
    """Whether there is somebody to ask: stdin and stderr are terminals."""
    return is_terminal(sys.stdin) and is_terminal(sys.stderr)


def ask_person(question: str) -> str:
    """A line of stdin, asked for on stderr; "" at its end."""
    note(question, end="")
    line = sys.stdin.readline()
    if not line:
        note("")
    return line.strip()


def confirm(question: str) -> bool:
    """A yes-or-no question; anything but yes is no."""
    return ask_person(question + " [y/N] ").lower() in ("y", "yes")


# ---------------------------------------------------------------- tables


def print_table(rows: Sequence[Mapping[str, Any]], *, whole: int = 0, wide: bool = False) -> None:
    """Print rows, cells by their heads; an empty cell is a dash, so that every line has the same number of columns.

    Args:
        whole: the column that is never cut, such as ids, which people copy.
        wide: cut nothing.
    """
    if not rows:
        note("(nothing is there)")
        return
    lines = [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
    widths = [max(map(width_of, column)) for column in zip(*lines)]
    least = sum(widths[: whole + 1]) + whole * len(_GAP)
    room = max(shutil.get_terminal_size().columns, least) if is_terminal(sys.stdout) and not wide else 0
    write(bold(_line(lines[0], widths, room)) + "\n", own=True)
    for line in lines[1:]:
        write(_line(line, widths, room) + "\n")


def print_pairs(pairs: Mapping[str, Any]) -> None:
    """Print names and values, one pair a line, in the order given; pairs without a value are left out."""
    shown = {name: _cell(value) for name, value in pairs.items() if value not in (None, "", [], {})}
    width = max(map(len, shown), default=0)
    for name, value in shown.items():
        write("%s%s%s\n" % (name.ljust(width), _GAP, value))


def _cell(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        value = ", ".join(map(str, value))
    return visible(str(value), lines=False) if value not in (None, "") else "-"


def _line(cells: List[str], widths: List[int], room: int) -> str:
    padded = [cell + " " * (width - width_of(cell)) for cell, width in zip(cells, widths)]
    return _cut(_GAP.join(padded).rstrip(), room)


def _cut(line: str, room: int) -> str:
    if not room or width_of(line) <= room:
        return line
    width = 0
    for index, character in enumerate(line):
        width += width_of(character)
        if width > room - 3:
            return line[:index] + "..."
    return line


def size_text(size: int) -> str:
    """A number of bytes for people: 950, 1.2K, 34M (powers of 1024)."""
    value, unit = float(size), ""
    for unit in ("", "K", "M", "G", "T"):
        if value < 999.5 or unit == "T":
            break
        value /= 1024
    return ("%.1f%s" if unit and value < 9.95 else "%.0f%s") % (value, unit)


def files_text(count: int) -> str:
    """A number of files for people."""
    return "%d file%s" % (count, "" if count == 1 else "s")


def bytes_text(size: int) -> str:
    """The same with its unit."""
    return "%d byte%s" % (size, "" if size == 1 else "s") if size < 1000 else size_text(size) + "B"


# ---------------------------------------------------------------- the last line, for the person who waits


class Line:
    """The last line of the terminal, drawn over again and again."""

    below: "Optional[Line]" = None
    """What is drawn there just now."""

    def __init__(self) -> None:
        self._width = 0

    def draw(self, text: str) -> None:
        """Show this there, cut to the width of the terminal."""
        Line.below = self
        room = shutil.get_terminal_size().columns - 1
        while width_of(text) > room:
            text = text[:-1]
        width = width_of(text)
        sys.stderr.write("\r" + text + " " * (self._width - width))
        sys.stderr.flush()
        self._width = width

    def clear(self) -> None:
        """Take it away, so that something else can be written; it may be drawn again."""
        if self._width:
            self.draw("")
            sys.stderr.write("\r")
            sys.stderr.flush()
            self._width = 0
        Line.below = None


class Progress(Line):
    """A bar that is redrawn at most ten times a second, and gone when the `with` block ends.

    Args:
        total: bytes, or things; None if unknown.
        label: what it is about, e.g. a file's name.
        before: how many of them were done before this bar began, which says nothing of its speed.
        counted: it is about things, not bytes.
    """

    def __init__(self, total: Optional[int], label: str = "", *, before: int = 0, counted: bool = False) -> None:
        super().__init__()
        self.total = total
        self.done = before
        self.label = visible(label, lines=False)
        self._before = before
        self._counted = counted
        self._on = is_terminal(sys.stderr)
        self._began = time.monotonic()
        self._drawn = 0.0

    def update(self, done: int, label: Optional[str] = None) -> None:
        """So much is done by now."""
        self.done = done
        self.label = self.label if label is None else visible(label, lines=False)
        now = time.monotonic()
        if self._on and now - self._drawn >= _REDRAW:
            self._drawn = now
            self.draw(self.line(now - self._began))

    def over(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """The pieces, counted as they pass."""
        for piece in pieces:
            yield piece
            self.update(self.done + len(piece))

    def line(self, seconds: float) -> str:
        """The bar as it stands after so many seconds."""
        rate = (self.done - self._before) / seconds if seconds > 0 else 0.0
        shown: Callable[[int], str] = str if self._counted else size_text
        speed = _count_speed(rate) if self._counted else "%s/s" % size_text(int(rate))
        if not self.total:
            return "%s  %s  %s" % (shown(self.done), speed, self.label)
        part = min(1.0, self.done / self.total)
        bar = ("#" * int(part * _BAR)).ljust(_BAR, ".")
        left = time_text((self.total - self.done) / rate) if rate else "--:--"
        amounts = "%s of %s" % (shown(self.done), shown(self.total))
        return "[%s] %3d%%  %s  %s  %s left  %s" % (bar, int(part * 100), amounts, speed, left, self.label)

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        self.clear()


class Countdown(Line):
    """The seconds that a wait still lasts, drawn by a thread until they are over or something else is written."""

    def __init__(self, text: str, seconds: float) -> None:
        from ..transport.verbs import begin  # loaded already where there is something to wait for

        super().__init__()
        self._text = text
        self._until = time.monotonic() + seconds
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="countdown", daemon=True)
        if not begin(lambda: self._thread):  # the wait is the same, unseen
            self._over.set()

    def _run(self) -> None:
        left = self._until - time.monotonic()
        while left > 0 and not self._over.is_set():
            self.draw("%s: again in %s" % (self._text, time_text(left)))
            self._over.wait(min(1.0, left))
            left = self._until - time.monotonic()
        super().clear()

    def clear(self) -> None:
        """End it."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()


def _count_speed(rate: float) -> str:
    return "%.1f/s" % rate if rate >= 1 or not rate else "%.1f/min" % (rate * 60)


def time_text(seconds: float) -> str:
    """A duration as 0:07, 12:34 or 1:02:03."""
    minutes, rest = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return "%d:%02d:%02d" % (hours, minutes, rest) if hours else "%d:%02d" % (minutes, rest)
