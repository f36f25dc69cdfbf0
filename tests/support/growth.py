"""How the work of a function grows with its input: for parsers and error paths over what a server sent."""

import sys
import time
from typing import Any, Callable

import pytest

Work = Callable[[int], Callable[[], Any]]
"""Prepares an input of a size; what it gives back does the work."""


def steps(work: Callable[[], Any]) -> int:
    """How many functions `work` calls, of Python and of C."""
    count = 0

    def note(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def seconds(work: Callable[[], Any]) -> float:
    """CPU time of this process for `work`."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def assert_linear(prepare: Work, size: int) -> None:
    """Ten times the input takes at most fifteen times the steps, and nowhere near a hundred times the CPU time.

    Steps are exact, so they are counted on a part of the size. Joins, searches and regular expressions are one step
    each, however long they take; their time is measured as a ratio, on sizes at which a quadratic one stands out, and
    again where it seems too long: another process may have been in the way.
    """
    few = min(size, 100)
    small, large = steps(prepare(few)), steps(prepare(10 * few))
    assert large <= 15 * small + 100, "%d steps became %d" % (small, large)
    short = min(seconds(prepare(size)) for _ in range(3))
    for _ in range(3):
        long = seconds(prepare(10 * size))
        if long <= 40 * short + 0.01:
            return
    pytest.fail("%.4f s became %.4f s" % (short, long))
