"""The journal of a batch: which lines are being asked just now, so that a killed run knows what it may have asked.

    {"batch": 1, "input": {...}, ...}     the first line: what the output belongs to
    > 17                                  line 17 is about to be asked: on the disk (fsync) before the request leaves
    < 17                                  it was refused before any work was done for it (429, no connection, ...)
    = {"line": 17, ...}                   its answer, complete, but not yet its turn in the output

A line that was begun (>) and stands neither after = nor in the output may have been asked.
"""

import json
import os
import re
import threading
from typing import IO, Any, Callable, Dict, Iterable, NamedTuple, Set

from ..transport.atomic_file import TargetFile

START = re.compile(rb'\{"line": ([0-9]{1,15}), "ok": (true|false), ')
"""How a line of the output begins."""
_RECORD = re.compile(rb"[<>] ([0-9]{1,15})\n|= " + START.pattern)
COMPACT_AT = 4 << 20
"""Bytes from which a journal is written anew, when most of it is useless by then."""


class Place(NamedTuple):
    """Where in the journal an answer is kept."""

    offset: int
    length: int


class Journal:
    """The records of a batch, appended by many threads.

    A record is handed to the operating system before the method that writes it returns, so it survives the death of
    this process; `begin` also waits for the disk, so that a power cut does not lose it. Threads that begin at the same
    time share one fsync.

    Args:
        path: what a run has left that ended somehow (a new one is a header alone); a torn record at its end is cut off.
        finished: whether a line stands in the output.
    Raises:
        ValueError: this is no journal, or one of its records is damaged.
    """

    def __init__(self, path: str, finished: Callable[[int], bool] = lambda number: False) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._disk = threading.RLock()
        self._written = self._synced = 0  # records so far, and how many of them are on the disk
        self._open(finished)

    def _open(self, finished: Callable[[int], bool] = lambda number: False) -> None:
        self.header: Dict[str, Any] = {}
        self.begun: Set[int] = set()
        self.kept: Dict[int, Place] = {}
        self._size = 0
        with open(self._path, "rb") as file:
            for record in file:
                if not record.endswith(b"\n"):
                    break
                self._size += len(record)
                if not self.header:
                    self.header = _header(record)
                    continue
                number = _record_number(record)
                self.begun.discard(number)
                if record.startswith(b"= ") and not finished(number):
                    self.kept[number] = Place(self._size - len(record) + 2, len(record) - 2)
                elif record.startswith(b"> ") and not finished(number):
                    self.begun.add(number)
        if not self.header:
            raise ValueError("this is no journal of a batch")
        os.truncate(self._path, self._size)
        self._kept_bytes = sum(place.length for place in self.kept.values())
        self._file = open(self._path, "ab", buffering=0)
        self._reader = open(self._path, "rb")

    # -- records

    def begin(self, number: int) -> None:
        """A line is about to be asked; when this returns, even a power cut leaves word of it."""
        with self._lock:
            self._append(b"> %d\n" % number)
            self.begun.add(number)
            mine = self._written
        with self._disk:
            if self._synced < mine:  # else another thread's fsync has covered this record too
                target = self._written
                os.fsync(self._file.fileno())
                self._synced = target

    def give_back(self, number: int) -> None:
        """The line was refused, and can be asked again."""
        with self._lock:
            self._append(b"< %d\n" % number)
            self.begun.discard(number)

    def keep(self, number: int, line: bytes) -> None:
        """Keep a finished line until its turn in the output comes."""
        with self._lock:
            self._append(b"= " + line)
            self.kept[number] = Place(self._size - len(line), len(line))
            self._kept_bytes += len(line)
            self.begun.discard(number)

    def read(self, number: int) -> bytes:
        """A line that was kept."""
        with self._lock:
            place = self.kept[number]
            self._reader.seek(place.offset)
            data = self._reader.read(place.length)
        if len(data) < place.length:
            raise OSError("the journal %s was cut while it was in use" % self._path)
        return data

    def finished(self, number: int) -> None:
        """The line stands in the output: there is nothing more to know of it."""
        with self._lock:
            self.begun.discard(number)
            place = self.kept.pop(number, None)
            self._kept_bytes -= place.length if place is not None else 0

    def _append(self, record: bytes) -> None:
        append(self._file, record, self._size)
        self._size += len(record)
        self._written += 1

    # -- the file

    @property
    def is_long(self) -> bool:
        """Whether it is worth writing anew."""
        return self._size > COMPACT_AT and self._size > 4 * self._kept_bytes

    def compact(self, **header: Any) -> None:
        """Write it anew, in one step, with what is still of use.

        The lines that are left out must be on the disk in the output (fsync) before.
        """
        with self._disk, self._lock:
            self.header = {**self.header, **header}
            replace(self._path, self._live_records(), self.close)
            self._open()
            self._synced = self._written

    def _live_records(self) -> Iterable[bytes]:
        yield json_line(self.header)
        for number in self.begun:
            yield b"> %d\n" % number
        for number in self.kept:
            yield b"= " + self.read(number)

    def close(self) -> None:
        """Close the file; what it says stays."""
        with self._disk, self._lock:
            self._file.close()
            self._reader.close()


def _record_number(record: bytes) -> int:
    """The line that a record is about.

    Raises:
        ValueError: the record is damaged.
    """
    found = _RECORD.match(record)
    if found is None or (record.startswith(b"= ") and not is_json(record[2:])):
        raise ValueError("%.40r is no record of it" % record.decode("utf-8", "replace"))
    return int(found[1] or found[2])


def is_json(line: bytes) -> bool:
    """Whether a line is all there."""
    try:
        json.loads(line)
        return True
    except (ValueError, RecursionError):
        return False


def append(file: IO[bytes], data: bytes, end: int) -> None:
    """Hand a piece to the operating system whole, or not at all (an unbuffered file may take less, a disk is full).

    Args:
        end: how long the file is.
    """
    view = memoryview(data)
    try:
        while view:
            view = view[file.write(view) or 0 :]
    except OSError:
        file.truncate(end)
        raise


def replace(path: str, pieces: Iterable[bytes], before: Callable[[], None] = lambda: None) -> None:
    """Write a file anew: it is the old one or the new one, whatever happens meanwhile.

    Args:
        before: called just before the exchange, e.g. to close the old file (Windows wants that).
    """
    with TargetFile(path, durable=True) as file:
        for piece in pieces:
            file.write(piece)
        before()


def json_line(value: Dict[str, Any]) -> bytes:
    """A JSON object as a line of its own."""
    try:
        return json.dumps(value, ensure_ascii=False).encode("utf-8") + b"\n"
    except UnicodeEncodeError:  # half of a surrogate pair, which only an escape can write
        return json.dumps(value).encode("ascii") + b"\n"


def read_header(path: str) -> Dict[str, Any]:
    """The first line of a journal, and whether it is all: `empty`.

    Raises:
        ValueError: this is no journal.
    """
    with open(path, "rb") as file:
        return {**_header(file.readline()), "empty": not file.readline()}


def _header(record: bytes) -> Dict[str, Any]:
    header = json.loads(record)
    if not isinstance(header, dict) or header.get("batch") != 1:
        raise ValueError("this is no journal of a batch")
    return header
