"""The output of `batch`: a line for every line of the input, exactly once, whatever happened on the way.

It is repaired and read when a batch goes on, written in the input's order (an answer that is early waits in the
journal), and locked while a run writes to it.
"""

import heapq
import os
import re
import threading
from collections import deque
from contextlib import suppress
from typing import IO, Any, Deque, Iterator, List, Optional

from .batch_journal import START, Journal, append, is_json, replace
from .exit_codes import UsageError

_LOCK = re.compile(rb"([0-9]{1,19}\r?\n)?")
"""What stands in a lock: the number of its process, or nothing if that died at once."""

WINDOW = 10_000
"""Lines that may be asked beyond the first one that has no answer yet, where the order is kept."""


class Standing:
    """What an output holds: which lines of the input, how many of them answered, and how they are ordered.

    Args:
        lines: how many the input has.
        prompts: how many of them are not empty.
    """

    def __init__(self, lines: int, prompts: int) -> None:
        self.prompts = prompts
        self._finished = bytearray(lines // 8 + 1)  # one bit each: an input may have many millions of lines
        self._lines = lines
        self._last = 0
        self.answered = 0
        self.failed = 0
        self.size = 0
        self.falls: List[int] = []
        """Byte offsets of lines with a smaller number than the line before."""

    @property
    def finished(self) -> int:
        """Lines that stand there."""
        return self.answered + self.failed

    @property
    def left(self) -> int:
        """Lines that have to be asked."""
        return self.prompts - self.finished

    def has(self, number: int) -> bool:
        """Whether this line of the input stands there.

        Raises:
            ValueError: the input has no such line.
        """
        if not 0 < number <= self._lines:
            raise ValueError("line %d is none of the input's" % number)
        return bool(self._finished[number >> 3] & 1 << (number & 7))

    def add(self, number: int, ok: bool, length: int) -> None:
        """Note a line.

        Raises:
            ValueError: the input has no such line, or it stands there already.
        """
        if self.has(number):
            raise ValueError("line %d stands there twice" % number)
        self._finished[number >> 3] |= 1 << (number & 7)
        if number < self._last:
            self.falls.append(self.size)
        self._last = number
        self.size += length
        self.answered += ok
        self.failed += not ok


def inspect(path: str, lines: int, prompts: int, at_least: int = 0) -> Standing:
    """Repair an output (a torn last line is cut off, a missing line end added) and say what it holds.

    Args:
        lines, prompts: of the input, as Standing has them.
        at_least: how many the journal knows to have been written.
    Raises:
        UsageError: something else is in the file, or lines are gone from it.
    """
    standing = Standing(lines, prompts)
    with open(path, "r+b") as file:
        for line in file:
            start = START.match(line)
            if not line.endswith(b"\n"):  # the last one
                if start is None or not is_json(line):
                    break
                file.seek(0, os.SEEK_END)
                file.write(b"\n")
                line += b"\n"
            try:
                if start is None:
                    raise ValueError("it is no line of a batch's output")
                standing.add(int(start.group(1)), start.group(2) == b"true", len(line))
            except ValueError as error:
                place = "%s, line %d" % (path, standing.finished + 1)
                raise UsageError("%s: %s; name another file with -o" % (place, error)) from None
        if standing.finished < at_least:
            raise UsageError(
                "%s has lost lines: %d were written, %d are there. To ask for them again would be billed again: "
                "put a whole copy of it in place, or name another output with -o" % (path, at_least, standing.finished)
            )
        file.truncate(standing.size)
        file.flush()
        os.fsync(file.fileno())
    return standing


def drop_failures(path: str) -> None:
    """Leave only the answered lines, in one step."""
    with open(path, "rb") as file:
        replace(path, (line for line in file if b', "ok": true, ' in line[:40]), file.close)


def restore_order(path: str, falls: List[int]) -> None:
    """Merge the sorted stretches of an output into one, in one step.

    Args:
        falls: byte offsets where all but the first begin.
    """
    begins = [0, *falls]
    ends: List[Optional[int]] = [*falls, None]
    replace(path, heapq.merge(*map(_stretch, [path] * len(begins), begins, ends), key=_number))


def _number(line: bytes) -> int:
    return int(line[len(b'{"line": ') : line.index(b",")])


def _stretch(path: str, begin: int, end: Optional[int]) -> Iterator[bytes]:
    with open(path, "rb") as file:
        file.seek(begin)
        for line in file:
            yield line
            begin += len(line)
            if begin == end:
                break


class Output:
    """The file as it grows, written by many threads: `expect` a line before it is asked, `put` it when it is finished.

    Every line is handed to the operating system at once, so it survives the death of this process.
    """

    def __init__(self, path: str, standing: Standing, journal: Journal, ordered: bool) -> None:
        self.standing = standing
        self._journal = journal
        self._ordered = ordered
        self._expected: Deque[int] = deque()
        self._room = threading.Condition()
        self._file: IO[bytes] = open(path, "ab", buffering=0)
        self._dirty = False
        self._ending = False
        self._closed = False

    @property
    def finished(self) -> int:
        """Lines that are finished, here or in the journal."""
        return self.standing.finished + len(self._journal.kept)

    def expect(self, number: int) -> bool:
        """A line comes next in order; False: it is finished already, from the journal.

        Waits while too many lines are finished before their turn, unless nothing more is to be asked.
        """
        with self._room:
            while len(self._expected) >= WINDOW and not self._ending:
                self._room.wait()
            self._expected.append(number)
            if number not in self._journal.kept:
                return True
            self._write_what_is_due()
            return False

    def stop_waiting(self) -> None:
        """Nothing more is to be asked: nobody has to wait for the turn of his line."""
        with self._room:
            self._ending = True
            self._room.notify_all()

    def put(self, number: int, line: bytes) -> None:
        """Write a finished line, or keep it until its turn; after `close` it is dropped."""
        with self._room:
            if self._closed:
                return
            if not self._ordered:
                self._expected.remove(number)
                self._write(number, line)
            elif self._expected[0] == number:
                self._expected.popleft()
                self._write(number, line)
                self._write_what_is_due()
            else:
                self._journal.keep(number, line)
            if self._journal.is_long:
                self.sync()
                self._journal.compact(finished=self.standing.finished)
            self._room.notify_all()

    def _write_what_is_due(self) -> None:
        while self._expected and self._expected[0] in self._journal.kept:
            number = self._expected.popleft()
            self._write(number, self._journal.read(number))

    def _write(self, number: int, line: bytes) -> None:
        append(self._file, line, self.standing.size)
        self._dirty = True
        self.standing.add(number, line.startswith(b'{"line": %d, "ok": true, ' % number), len(line))
        self._journal.finished(number)

    def sync(self) -> None:
        """Wait until what was written is on the disk."""
        with self._room:
            if self._dirty and not self._closed:
                os.fsync(self._file.fileno())
                self._dirty = False

    def close(self) -> None:
        """No more lines; what comes late is dropped."""
        with self._room:
            self.sync()
            self._closed = True
            self._file.close()


class Lock:
    """A file that one process at a time holds, and that a dead one does not: the lock belongs to the process.

    Raises:
        UsageError: another process holds it, or it is somebody else's file.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        while True:
            self._file = open(path, "a+b")
            if not _try_lock(self._file):
                number = self._content().strip()
                self._file.close()
                holder = " (process %d)" % int(number) if number.isdigit() else ""
                raise UsageError("another run%s writes to %s" % (holder, path.removesuffix(".lock")))
            if _is_at(self._file, path):  # else its last holder has removed it meanwhile
                break
            self._file.close()
        if not _LOCK.fullmatch(self._content()):
            self._file.close()
            raise UsageError("%s is in the way: it is no lock of a batch" % path)
        self._file.truncate(0)
        self._file.write(b"%d\n" % os.getpid())
        self._file.flush()

    def _content(self) -> bytes:
        self._file.seek(0)
        return self._file.read(100)

    def close(self) -> None:
        """Give it free and remove the file."""
        if os.name == "posix":
            os.unlink(self._path)  # while it is held, so that nobody else's is removed
        self._file.close()
        if os.name != "posix":
            with suppress(OSError):  # the next run holds it already
                os.unlink(self._path)


def _try_lock(file: IO[bytes]) -> bool:
    try:
        if os.name == "posix":
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            msvcrt: Any = __import__("msvcrt")
            file.seek(1 << 30)  # far behind the number that others may read
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    except (BlockingIOError, PermissionError):  # what the two say of a file that another process holds
        return False
    return True


def _is_at(file: IO[bytes], path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except OSError:
        return False
