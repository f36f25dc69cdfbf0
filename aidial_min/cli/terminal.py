"""The three standard streams as people and programs use them: text in and out, notes, colours, questions.

Answers go to stdout, everything else to stderr. Text of a server never moves a terminal's cursor, and no character
is ever a reason to fail.
"""

import os
import re
import sys
import unicodedata
from typing import IO, Any, Iterable

_DIM, _BOLD, _RED, _PLAIN = "\x1b[2m", "\x1b[1m", "\x1b[31m", "\x1b[0m"
_CONTROLS_IN_JSON = {code: "\\u%04x" % code for code in range(0x7F, 0xA0)}  # those that json.dumps leaves
_CONTROLS = {code: "\\x%02x" % code for code in [*range(0x20), *range(0x7F, 0xA0)] if chr(code) not in "\t\n"}


below: Any = None
"""What is drawn on the terminal's last line (progress.py): it is cleared before anything else is written."""


def make_room() -> None:
    """Take away what is drawn on the last line."""
    line = below  # another thread may take it away meanwhile
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
    return text if lines else re.sub(r" *[\t\n][ \t\n]*", " ", text.strip("\t\n"))


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
    for piece in pieces:
        sys.stdout.buffer.write(piece)
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
