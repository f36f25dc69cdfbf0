"""Tests on a machine that is busy: any process may stand still for seconds, at any moment.

`until` waits for what shall happen; `at_some_pace` plays what needs limits that are short. It must not know what is
tested.
"""

import time
from typing import Any, Callable, Sequence

import pytest

PATIENCE = 60.0
"""Seconds after which what a test waits for will never come: far beyond any standstill."""


def until(condition: Callable[[], Any], otherwise: Callable[[], str] = lambda: "it did not happen") -> None:
    """Wait until a condition holds; `otherwise` says in words what is there instead."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, otherwise()
        time.sleep(0.002)


def at_some_pace(scenario: Callable[[float], None], paces: Sequence[float] = (0.1, 0.5, 4.0, 20.0)) -> None:
    """Play a scenario whose limits and pauses are multiples of a pace; where it fails, again and more slowly.

    A standstill that spoils short limits is small beside the longer ones; a fault spoils them all. So a scenario may
    assert that something took less time than a multiple of its pace, too.
    """
    for pace in paces:
        try:
            return scenario(pace)
        except (Exception, pytest.fail.Exception):
            if pace == paces[-1]:
                raise
