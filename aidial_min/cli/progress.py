"""What is drawn on the last line of a terminal, for the person who waits: a bar, or the seconds until the next attempt.

It stands on stderr, and is taken away whenever something else is written (terminal.py sees to that).
"""

import shutil
import sys
import threading
import time
from typing import Any, Callable, Iterable, Iterator, Optional, TypeVar

from . import terminal
from .table import size_text
from .terminal import is_terminal, visible, width_of

Self = TypeVar("Self", bound="Progress")

_BAR = 20
_REDRAW = 0.1


class Line:
    """The last line of the terminal, drawn over again and again."""

    def __init__(self) -> None:
        self._width = 0

    def draw(self, text: str) -> None:
        """Show this there, cut to the width of the terminal."""
        terminal.below = self
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
        terminal.below = None


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
        self._shown: Callable[[int], str] = str if counted else size_text
        self._speed = _count_speed if counted else _size_speed
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

    def sent(self, done: int, total: Optional[int]) -> None:
        """The same, as `files.upload` tells it."""
        self.update(done)

    def line(self, seconds: float) -> str:
        """The bar as it stands after so many seconds."""
        rate = (self.done - self._before) / seconds if seconds > 0 else 0.0
        speed = self._speed(rate)
        if not self.total:
            return "%s  %s  %s" % (self._shown(self.done), speed, self.label)
        part = min(1.0, self.done / self.total)
        bar = ("#" * int(part * _BAR)).ljust(_BAR, ".")
        left = time_text((self.total - self.done) / rate) if rate else "--:--"
        amounts = "%s of %s" % (self._shown(self.done), self._shown(self.total))
        return "[%s] %3d%%  %s  %s  %s left  %s" % (bar, int(part * 100), amounts, speed, left, self.label)

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        self.clear()


class Countdown(Line):
    """The seconds that a wait still lasts, drawn by a thread until they are over or something else is written."""

    def __init__(self, text: str, seconds: float) -> None:
        super().__init__()
        self._text = text
        self._until = time.monotonic() + seconds
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="countdown", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # no thread is to be had: the wait is the same, unseen
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


def _size_speed(rate: float) -> str:
    return "%s/s" % size_text(int(rate))


def _count_speed(rate: float) -> str:
    return "%.1f/s" % rate if rate >= 1 or not rate else "%.1f/min" % (rate * 60)


def time_text(seconds: float) -> str:
    """A duration as 0:07, 12:34 or 1:02:03."""
    minutes, rest = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return "%d:%02d:%02d" % (hours, minutes, rest) if hours else "%d:%02d" % (minutes, rest)
