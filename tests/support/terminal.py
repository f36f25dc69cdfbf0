"""A person at a terminal: a program on a real pseudo-terminal, typed at and read from.

`expect` waits for what shall appear, so no test sleeps. It knows ptys; it must not know which program it drives.
"""

import fcntl
import os
import select
import struct
import subprocess
import sys
import termios
import time
from types import TracebackType
from typing import Any, Mapping, Optional, Sequence, Type

from .patience import PATIENCE

PASTE_ON, PASTE_OFF = "\x1b[?2004h", "\x1b[?2004l\r"
CTRL_C, CTRL_D, UP = "\x03", "\x04", "\x1b[A"

_ATTACH = """
import fcntl, os, sys, termios
slave, program = int(sys.argv[1]), sys.argv[2:]
fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
os.close(slave)
os.execv(program[0], program)
"""
"""Makes the pty the controlling terminal, so that Ctrl-C is a signal, and becomes the program."""


class Terminal:
    """A program at a terminal, in a `with` block.

    Args:
        stdin, stdout, stderr: something else than the terminal, as subprocess takes them.
    """

    def __init__(
        self,
        words: Sequence[str],
        *,
        cwd: Any = None,
        env: Optional[Mapping[str, str]] = None,
        columns: int = 100,
        stdin: Any = None,
        stdout: Any = None,
        stderr: Any = None,
    ) -> None:
        self.shown = ""
        self.takes_pastes = False
        self._read = 0
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        streams = [slave if stream is None else stream for stream in (stdin, stdout, stderr)]
        self.process = subprocess.Popen(
            [sys.executable, "-S", "-c", _ATTACH, str(slave), *words],
            cwd=cwd,
            env=env,
            stdin=streams[0],
            stdout=streams[1],
            stderr=streams[2],
            start_new_session=True,
            pass_fds=[slave],
        )
        os.close(slave)

    def type(self, text: str) -> None:
        """Keys, as they are pressed."""
        os.write(self._master, text.encode("utf-8"))

    def say(self, line: str) -> None:
        """A line and Enter."""
        self.type(line + "\r")

    def paste(self, text: str) -> None:
        """Text as a terminal pastes it: in brackets where the program has asked for them."""
        text = text.replace("\n", "\r")
        self.type("\x1b[200~%s\x1b[201~" % text if self.takes_pastes else text)

    def expect(self, text: str) -> str:
        """Wait until `text` appears, and return what was shown before it, since the last time."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.shown[self._read :]:
            assert self._receive(deadline), "%r did not appear:\n%s" % (text, self.shown)
        end = self.shown.index(text, self._read)
        before, self._read = self.shown[self._read : end], end + len(text)
        return before

    def press(self, key: str, until: str) -> None:
        """A key, again and again until the text appears: one that comes as a prompt is just being drawn may be lost."""
        deadline = time.monotonic() + PATIENCE
        while until not in self.shown[self._read :]:
            assert time.monotonic() < deadline, "%r did not appear:\n%s" % (until, self.shown)
            self.type(key)
            again = time.monotonic() + 0.5
            while until not in self.shown[self._read :]:
                ready, _, _ = select.select([self._master], [], [], max(0.0, again - time.monotonic()))
                if not ready:
                    break
                self._receive(deadline)
        self.expect(until)

    def rest(self) -> str:
        """What is shown until the program closes the terminal."""
        deadline = time.monotonic() + PATIENCE
        while self._receive(deadline):
            pass
        begin, self._read = self._read, len(self.shown)
        return self.shown[begin:]

    def code(self) -> int:
        """The exit code, once all has been read."""
        self.rest()
        return self.process.wait(PATIENCE)

    def _receive(self, deadline: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, "nothing more came:\n" + self.shown
        try:
            data = os.read(self._master, 65536)
        except OSError:  # Linux says EIO when nobody has the terminal any more
            data = b""
        shown = self.shown + data.decode("utf-8", "replace")
        self.shown = shown.replace(PASTE_ON, "").replace(PASTE_OFF, "")  # not seen: pasted text comes in brackets
        self.takes_pastes = shown.rfind(PASTE_ON) > shown.rfind(PASTE_OFF) or (
            self.takes_pastes and PASTE_OFF not in shown
        )
        return bool(data)

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()
        os.close(self._master)
