"""The pace of a batch: a rate limit that one line meets makes all of them wait, and they begin again one by one.

It knows time and how many are asking; it must not know what they ask, or what a server said.
"""

import math
import random
import threading
import time
from typing import Optional

FIRST_PAUSE = 0.5
LONGEST_GUESS = 8.0
"""Seconds: where the server does not say how long, pauses double up to this."""


class Stopped(Exception):
    """The run is ending: nothing more is to be asked."""


class Pace:
    """Lets at most `workers` ask at a time, and none of them during a pause.

    After a pause one goes ahead, and each answer lets one more follow, so that a limit is approached and not stormed;
    lines that were refused before go first, so that none is refused for ever.
    """

    def __init__(self, workers: int) -> None:
        self.asking = 0
        """Lines that are being asked just now."""
        self.last_answer = -math.inf
        self._trouble_since: Optional[float] = None
        self._pauses = 0  # since an answer last came
        self._eager = 0  # refused lines that wait
        self._workers = workers
        self._allowed = workers
        self._until = 0.0
        self._stopped = False
        self._changed = threading.Condition()

    def enter(self, refused: bool) -> float:
        """Wait until the next prompt may be asked; give what comes back to `pause` or `answered`.

        Args:
            refused: whether the line was refused before.
        Raises:
            Stopped: the run is ending.
        """
        with self._changed:
            self._eager += refused
            try:
                while True:
                    if self._stopped:
                        raise Stopped
                    now = time.monotonic()
                    if now >= self._until and self.asking < self._allowed and (refused or not self._eager):
                        self.asking += 1
                        return now
                    self._changed.wait(max(0.0, self._until - now) or None)
            finally:
                self._eager -= refused
                self._changed.notify_all()

    def leave(self) -> None:
        """The line is no longer being asked."""
        with self._changed:
            self.asking -= 1
            self._changed.notify_all()

    def answered(self, since: float) -> None:
        """An answer came to a line asked `since` then."""
        with self._changed:
            self.last_answer = time.monotonic()
            self._trouble_since = None
            if since >= self._until:
                self._pauses = 0
                self._allowed = min(self._workers, self._allowed + 1)
                self._changed.notify_all()

    def refused(self) -> float:
        """A line was refused: returns for how many seconds none has been answered since the first refusal."""
        with self._changed:
            now = time.monotonic()
            if self._trouble_since is None:
                self._trouble_since = now
            return now - self._trouble_since

    def pause(self, since: float, seconds: Optional[float]) -> None:
        """A line asked `since` then has met a rate limit: everyone waits, `seconds` if the server said so."""
        with self._changed:
            now = time.monotonic()
            known = since < self._until  # this refusal belongs to a pause that has begun already
            if not known:
                self._pauses += 1
                self._allowed = 1
            if seconds is None:
                guess = min(LONGEST_GUESS, FIRST_PAUSE * 2.0 ** min(self._pauses - 1, 16))
                seconds = 0.0 if known else random.uniform(guess / 2, guess)
            self._until = max(self._until, now + seconds)

    def sleep(self, seconds: float) -> None:
        """Wait alone.

        Raises:
            Stopped: the run is ending.
        """
        until = time.monotonic() + seconds
        with self._changed:
            self._changed.wait_for(lambda: self._stopped, seconds)
            if self._stopped and time.monotonic() < until:
                raise Stopped

    def pause_left(self) -> float:
        """Seconds until the pause ends; 0 if there is none."""
        return max(0.0, self._until - time.monotonic())

    def stop(self) -> None:
        """Whoever waits gets Stopped."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
