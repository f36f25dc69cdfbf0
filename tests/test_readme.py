"""Every Python example of the README runs, prints what it says, and the page's commands and paths are the real ones.

The rules, as the README tells them: examples run in order, and those of one chapter (##) share their names. DIAL_URL
and DIAL_API_KEY (and DIAL_TOKEN) are those of an embedded server, and https://dial.example.com stands for its URL.
A comment that begins with `#>` is a line that the example prints.
"""

import ast
import asyncio
import base64
import builtins
import contextlib
import inspect
import io
import json
import os
import re
import subprocess
import textwrap
import unittest
from functools import cached_property
from pathlib import Path
from typing import List, NamedTuple

import pytest

from aidial_min import AsyncDial, Dial
from aidial_min.testing import DialServer

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PLACEHOLDER = "https://dial.example.com"


class Example(NamedTuple):
    """A fenced block of Python."""

    line: int
    source: str

    @property
    def expected(self) -> List[str]:
        return re.findall(r"^ *#> ?(.*)$", self.source, re.MULTILINE)

    @property
    def is_async(self) -> bool:
        tree = ast.parse(self.source)
        return any(isinstance(node, (ast.Await, ast.AsyncFor, ast.AsyncWith)) for node in ast.walk(tree))


def blocks(language):
    """(line, text) of the fenced blocks in one language."""
    found = re.finditer(r"^```%s\n(.*?)^```$" % language, README, re.MULTILINE | re.DOTALL)
    return [(README.count("\n", 0, match.start(1)) + 1, match.group(1)) for match in found]


def chapters():
    """The examples by chapter."""
    found = {}
    for line, source in blocks("python"):
        heading = re.findall(r"^## (.*)$", "\n".join(README.split("\n")[:line]), re.MULTILINE)[-1]
        found.setdefault(heading, []).append(Example(line, source))
    return found


CHAPTERS = chapters()


def some_token():
    """A bearer token as the embedded server reads it: it believes every well-formed one."""
    part = base64.urlsafe_b64encode(json.dumps({"sub": "somebody", "exp": 4102444800}).encode()).rstrip(b"=").decode()
    return "%s.%s.c2ln" % (base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode(), part)


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A server for one chapter, named in the environment; the working folder is a fresh one."""
    with DialServer(api_key="your-api-key") as server:
        monkeypatch.setenv("DIAL_URL", server.url)
        monkeypatch.setenv("DIAL_API_KEY", server.api_key)
        monkeypatch.setenv("DIAL_TOKEN", some_token())
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        for name in ("company-ca.pem", "client.pem", "client-key.pem"):
            (tmp_path / name).touch()
        monkeypatch.chdir(tmp_path)
        yield server


def run(example, names, loop):
    """Run one example and return the lines it prints; `await` may stand outside functions, as in python -m asyncio."""
    server_url = os.environ["DIAL_URL"]
    source = "\n" * (example.line - 1) + example.source.replace(PLACEHOLDER, server_url)
    code = compile(source, str(ROOT / "README.md"), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        outcome = eval(code, names)
        if code.co_flags & inspect.CO_COROUTINE:
            loop.run_until_complete(outcome)
    return printed.getvalue().replace(server_url, PLACEHOLDER).splitlines()


def run_test_cases(names):
    """A TestCase on the page is run, too."""
    for value in names.values():
        if isinstance(value, type) and issubclass(value, unittest.TestCase):
            tests = unittest.defaultTestLoader.loadTestsFromTestCase(value)
            assert tests.countTestCases()
            outcome = unittest.TextTestRunner(stream=io.StringIO()).run(tests)
            assert outcome.wasSuccessful(), outcome.errors + outcome.failures


def close(clients, loop):
    """Close the clients that a chapter made: its examples are about other things."""
    for client in clients:
        if hasattr(client, "aclose"):
            loop.run_until_complete(client.aclose())
        else:
            client.close()


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_examples_of_a_chapter_run_and_print_what_they_say(chapter, server):
    loop = asyncio.new_event_loop()
    names = {"__name__": "__main__"}
    clients = []
    try:
        for example in CHAPTERS[chapter]:
            assert run(example, names, loop) == example.expected, "README.md:%d" % example.line
            clients += [value for value in names.values() if isinstance(value, (Dial, AsyncDial))]
        run_test_cases(names)
    finally:
        close(clients, loop)
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


GUIDE = ("Authentication", "Deployments", "Chat", "Files", "Applications", "Client pool")


def test_the_page_has_the_chapters_of_the_guide():
    assert set(GUIDE) <= set(CHAPTERS)


@pytest.mark.parametrize("chapter", [*GUIDE, "First use with your own DIAL", "Errors and retries"])
def test_async_stands_beside_sync(chapter):
    kinds = [example.is_async for example in CHAPTERS[chapter]]
    assert True in kinds and False in kinds


def test_the_two_commands_come_first():
    (_, first), *_ = blocks("sh")
    assert README.index(first) < README.index("```python")
    demo, tests = first.splitlines()
    assert demo == "python3 -m aidial_min demo"
    install, suite = r"\1/bin/python -m pip install .*pytest", r"\1/bin/python -m pytest"
    assert re.fullmatch(r"python3 -m venv (\S+) && %s && %s" % (install, suite), tests)


@pytest.mark.skipif(os.name != "posix", reason=".ci/run is a script for bash")
def test_ci_runs_the_very_command_of_the_page():
    (_, first), *_ = blocks("sh")
    command = first.splitlines()[1]
    shown = subprocess.run([str(ROOT / ".ci" / "run"), "--list"], capture_output=True, timeout=120)
    assert shown.returncode == 0, shown.stderr.decode()
    lines = [line for line in shown.stdout.decode().splitlines() if line.startswith("  CPython ")]
    assert lines
    for line in lines:
        interpreter, rest = re.fullmatch(r"  CPython \S+: (.+?)( -m venv .*)", line).groups()
        assert command == "python3" + rest
        assert Path(interpreter).name.startswith("python3")


def test_one_example_alone_is_run_elsewhere():
    """This suite can't ask for Dask: tests/real/test_dask.py runs the example marked `py` where it is installed.

    Blocks marked `console` are transcripts, produced by tests/cli/test_transcripts.py.
    """
    fences = re.findall(r"^```(\w+)$", README, re.MULTILINE)
    assert set(fences) == {"python", "sh", "py", "console"} and fences.count("py") == 1
    ((_, source),) = blocks("py")
    assert "dask" in source and compile(source, "README.md", "exec")


def test_every_path_on_the_page_exists():
    mentioned = set(re.findall(r"`((?:aidial_min|tests|\.ci)?/?[\w./]*?[\w]+(?:\.py|\.toml|/|/LICENSE|/run))`", README))
    assert len(mentioned) > 20
    mentioned.discard("files/")  # the beginning of a DIAL URL
    missing = [path for path in mentioned if not ((ROOT / path).exists() or (ROOT / "aidial_min" / path).exists())]
    assert not missing


def test_the_drawing_of_the_architecture_names_every_module_of_core_and_transport():
    chapter = README[README.index("## Architecture") : README.index("## Developing")]
    drawn = set(re.findall(r"\b(\w+)\.py", chapter))
    for room in ("core", "transport"):
        for path in (ROOT / "aidial_min" / room).glob("[a-z]*.py"):
            assert path.stem in drawn, "%s/%s" % (room, path.name)


def test_every_area_of_the_client_is_on_the_page():
    areas = [name for name, value in vars(Dial).items() if isinstance(value, cached_property) and name[0] != "_"]
    examples = " ".join(source for _, source in blocks("python"))
    named = set(re.findall(r"\w+", examples + " ".join(re.findall(r"`([^`\n]*)`", README))))
    assert len(areas) > 5 and set(areas) <= named


def test_the_chapter_on_the_command_line_names_every_command():
    from aidial_min.cli import COMMANDS

    chapter = README[README.index("## Command line") : README.index("## Beyond one machine")]
    assert set(COMMANDS) <= set(re.findall(r"`(\w+)`", chapter))


def test_names_of_errors_and_settings_on_the_page_exist():
    import aidial_min

    named = set(re.findall(r"`(\w+(?:Error|Exception|Pool|Dial))`", README))
    assert len(named) > 10
    assert not [name for name in named if not hasattr(aidial_min, name) and not hasattr(builtins, name)]
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", README, re.MULTILINE)
    assert {name: ast.literal_eval(text) for name, text in rows} == aidial_min.Timeout()._asdict()
    assert repr(aidial_min.Limits()) in " ".join(README.split())


def test_python_of_the_page_is_python_of_3_9():
    """Examples are compiled for the oldest version by the suite on 3.9; elsewhere its grammar is asked for."""
    for examples in CHAPTERS.values():
        for example in examples:
            ast.parse("async def example():\n" + textwrap.indent(example.source, "    "), feature_version=(3, 9))
