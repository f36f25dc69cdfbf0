"""The command line as a test types it: words in, streams and exit code out; its environment is named in full.

A call runs in this process, with streams of its own. What is about signals, closed streams, locales or the interpreter
takes a process: `process`, `start` and `shell`, or `at_once` for several of them. Terminals are in terminal.py.
"""

import io
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Union

from aidial_min.__main__ import main

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def at_once(commands: Dict[Any, List[str]], **options: Any) -> Iterator[Dict[Any, "subprocess.Popen[bytes]"]]:
    """Processes that run beside each other; a test waits for its own, and none is left in the end."""
    running: Dict[Any, "subprocess.Popen[bytes]"] = {}
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    try:
        for name, words in commands.items():
            running[name] = subprocess.Popen(words, **streams, **options)
        yield running
    finally:
        for process in running.values():
            process.kill()
            process.communicate()


class Result(NamedTuple):
    """How a command ended."""

    code: int
    stdout: bytes
    stderr: bytes

    @property
    def out(self) -> str:
        return self.stdout.decode("utf-8")

    @property
    def err(self) -> str:
        return self.stderr.decode("utf-8")

    @property
    def lines(self) -> List[str]:
        return self.out.splitlines()


class Command:
    """`python -m aidial_min` in a folder, with the variables of `env` and nothing else of this process."""

    def __init__(self, folder: Path, **env: str) -> None:
        self.folder = folder
        self.env = {"PATH": os.environ.get("PATH", ""), "HOME": str(folder), "PYTHONPATH": str(ROOT)}
        self.env.update({name: os.environ[name] for name in ("SYSTEMROOT", "TEMP") if name in os.environ})
        self.env.update({"LC_ALL": "C.UTF-8", "PYTHONUTF8": "1", "TERM": "xterm"}, **env)
        self.env["LANGUAGE"] = "C"  # else argparse looks for a translation of each of its words, each time

    def words(self, *words: str) -> List[str]:
        return [sys.executable, "-m", "aidial_min", *words]

    def environment(self, changes: Dict[str, Any]) -> Dict[str, str]:
        """With changes; None takes a variable away."""
        return {name: value for name, value in {**self.env, **changes}.items() if value is not None}

    def __call__(self, *words: str, input: Union[str, bytes] = b"", **env: Any) -> Result:
        data = input.encode("utf-8") if isinstance(input, str) else input
        with self._in_place(self.environment(env)):
            before = sys.stdin, sys.stdout, sys.stderr
            streams = io.BytesIO(data), io.BytesIO(), io.BytesIO()
            sys.stdin, sys.stdout, sys.stderr = [io.TextIOWrapper(stream, "utf-8") for stream in streams]
            try:
                code = main(words)
            except SystemExit as end:
                code = end.code
            finally:
                for stream in (sys.stdout, sys.stderr):
                    stream.flush()
                written = streams[1].getvalue(), streams[2].getvalue()
                sys.stdin, sys.stdout, sys.stderr = before
        return Result(code, *written)

    @contextmanager
    def _in_place(self, env: Dict[str, str]) -> Iterator[None]:
        folder, before = os.getcwd(), dict(os.environ)
        os.chdir(self.folder)
        os.environ.clear()
        os.environ.update(env)
        try:
            yield
        finally:
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(before)

    def process(self, *words: str, input: Union[str, bytes] = b"", **env: Any) -> Result:
        """The same as a process of its own."""
        data = input.encode("utf-8") if isinstance(input, str) else input
        done = subprocess.run(
            self.words(*words), cwd=self.folder, env=self.environment(env), input=data, capture_output=True, timeout=60
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def start(self, *words: str, stdin: int = subprocess.DEVNULL, **env: Any) -> "subprocess.Popen[bytes]":
        """A process that runs on; whoever starts it ends it. Nothing is read ahead, so `communicate` gives the rest."""
        return subprocess.Popen(
            self.words(*words),
            bufsize=0,
            cwd=self.folder,
            env=self.environment(env),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def shell(self, line: str, **env: Any) -> Result:
        """A line of sh, in which `dial` is the command."""
        define = 'dial() { "%s" -m aidial_min "$@"; }\n' % sys.executable
        done = subprocess.run(
            ["sh", "-c", define + line],
            cwd=self.folder,
            env=self.environment(env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
        )
        return Result(done.returncode, done.stdout, done.stderr)
