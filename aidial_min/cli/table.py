"""Lists as tables: columns in line, cut to the width of a terminal, whole in a pipe."""

import shutil
import sys
from typing import Any, List, Mapping, Sequence

from .terminal import bold, is_terminal, note, visible, width_of, write

GAP = "  "


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
    least = sum(widths[: whole + 1]) + whole * len(GAP)
    room = max(shutil.get_terminal_size().columns, least) if is_terminal(sys.stdout) and not wide else 0
    write(bold(_line(lines[0], widths, room)) + "\n", own=True)
    for line in lines[1:]:
        write(_line(line, widths, room) + "\n")


def print_pairs(pairs: Mapping[str, Any]) -> None:
    """Print names and values, one pair a line, in the order given; pairs without a value are left out."""
    shown = {name: _cell(value) for name, value in pairs.items() if value not in (None, "", [], {})}
    width = max(map(len, shown), default=0)
    for name, value in shown.items():
        write("%s%s%s\n" % (name.ljust(width), GAP, value))


def _cell(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        value = ", ".join(map(str, value))
    return visible(str(value), lines=False) if value not in (None, "") else "-"


def _line(cells: List[str], widths: List[int], room: int) -> str:
    padded = [cell + " " * (width - width_of(cell)) for cell, width in zip(cells, widths)]
    return _cut(GAP.join(padded).rstrip(), room)


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
