"""A progress bar on stderr, for a person at a terminal only: how much, how fast, how long still."""

import shutil
import sys
import time
from types import TracebackType
from typing import Callable, Optional, Type

from .table import size_text
from .terminal import is_terminal, visible, width_of

_BAR = 20
_REDRAW = 0.1


class Progress:
    """A bar that is redrawn at most ten times a second, and gone when the `with` block ends.

    Args:
        total: bytes, or things; None if unknown.
        before: how many of them were done before this bar began, which says nothing of its speed.
        counted: it is about things, not bytes.
    """

    def __init__(self, total: Optional[int], *, before: int = 0, counted: bool = False) -> None:
        self.total = total
        self.done = 0
        self.label = ""
        self._before = before
        self._shown: Callable[[int], str] = str if counted else size_text
        self._speed = _count_speed if counted else _size_speed
        self._on = is_terminal(sys.stderr)
        self._began = time.monotonic()
        self._drawn = 0.0
        self._width = 0

    def update(self, done: int, label: Optional[str] = None) -> None:
        """So much is done by now, since the bar began."""
        self.done = done
        self.label = self.label if label is None else visible(label, lines=False)
        now = time.monotonic()
        if self._on and now - self._drawn >= _REDRAW:
            self._drawn = now
            self._draw(self.line(now - self._began))

    def sent(self, done: int, total: Optional[int]) -> None:
        """The same, as `files.upload` tells it."""
        self.update(done)

    def line(self, seconds: float) -> str:
        """The bar as it stands after so many seconds."""
        rate = self.done / seconds if seconds > 0 else 0.0
        speed = self._speed(rate)
        done = self._before + self.done
        if not self.total:
            return "%s  %s  %s" % (self._shown(done), speed, self.label)
        part = min(1.0, done / self.total)
        bar = ("#" * int(part * _BAR)).ljust(_BAR, ".")
        left = time_text((self.total - done) / rate) if rate else "--:--"
        amounts = "%s of %s" % (self._shown(done), self._shown(self.total))
        return "[%s] %3d%%  %s  %s  %s left  %s" % (bar, int(part * 100), amounts, speed, left, self.label)

    def clear(self) -> None:
        """Take the bar away, so that something else can be written; the next update draws it again."""
        if self._width:
            self._draw("")
            sys.stderr.write("\r")
            sys.stderr.flush()
            self._width = 0

    def _draw(self, line: str) -> None:
        room = shutil.get_terminal_size().columns - 1
        while width_of(line) > room:
            line = line[:-1]
        width = width_of(line)
        sys.stderr.write("\r" + line + " " * (self._width - width))
        sys.stderr.flush()
        self._width = width

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.clear()


def _size_speed(rate: float) -> str:
    return "%s/s" % size_text(int(rate))


def _count_speed(rate: float) -> str:
    return "%.1f/s" % rate if rate >= 1 or not rate else "%.1f/min" % (rate * 60)


def time_text(seconds: float) -> str:
    """A duration as 0:07, 12:34 or 1:02:03."""
    minutes, rest = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return "%d:%02d:%02d" % (hours, minutes, rest) if hours else "%d:%02d" % (minutes, rest)
