"""Every Python example of the READMEs runs, prints what it says, and the pages' commands and paths are the real ones.

The rules, as the pages tell them: examples run in order, and those of one chapter (##) share their names; `client` is
a Dial and `async_client` an AsyncDial. DIAL_URL and DIAL_API_KEY (and DIAL_TOKEN) are those of an embedded server, and
https://dial.example.com stands for its URL. A comment that begins with `#>` is a line that the example prints. A line
`<!-- reply: {...} -->` above an example holds arguments of DialServer.reply.
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
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, Dict, List, NamedTuple

import pytest

from aidial_min import AsyncDial, Dial
from aidial_min.testing import DialServer

ROOT = Path(__file__).resolve().parents[1]
PAGES = {
    name: (ROOT / name).read_text(encoding="utf-8")
    for name in ("README.md", "aidial_min/README.md", "aidial_min/testing/README.md")
}
README, INSIDE, _ = PAGES.values()
COMMAND_LINE = (ROOT / "aidial_min" / "cli" / "README.md").read_text(encoding="utf-8")
DEVELOPING = (ROOT / "tests" / "README.md").read_text(encoding="utf-8")
KINDS = (Dial, AsyncDial, asyncio.AbstractEventLoop)
"""What the examples leave open."""

PLACEHOLDER = "https://dial.example.com"


class Example(NamedTuple):
    """A fenced block of Python."""

    page: str
    line: int
    source: str
    replies: List[Dict[str, Any]]
    """What the embedded server is told to say in it."""

    @property
    def expected(self) -> List[str]:
        return re.findall(r"^ *#> ?(.*)$", self.source, re.MULTILINE)


FENCE = r"((?:^<!-- reply: [^\n]* -->\n)*)^```%s\n(.*?)^```$"


def blocks(language, text=README):
    """The fenced blocks in one language: (line, text, the comments above)."""
    found = re.finditer(FENCE % language, text, re.MULTILINE | re.DOTALL)
    return [(text.count("\n", 0, match.start(2)) + 1, match.group(2), match.group(1)) for match in found]


def chapters():
    """The examples by page and chapter."""
    found = {}
    for page, text in PAGES.items():
        for line, source, comments in blocks("python", text):
            heading = re.findall(r"^## (.*)$", "\n".join(text.split("\n")[:line]), re.MULTILINE)[-1]
            replies = [json.loads(reply) for reply in re.findall(r"<!-- reply: (.*) -->", comments)]
            found.setdefault((page, heading), []).append(Example(page, line, source, replies))
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


def run(example, names, loop, server):
    """Run one example and return the lines it prints; `await` may stand outside functions, as in python -m asyncio."""
    for reply in example.replies:
        server.reply(**reply)
    source = "\n" * (example.line - 1) + example.source.replace(PLACEHOLDER, server.url)
    code = compile(source, str(ROOT / example.page), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        outcome = eval(code, names)
        if code.co_flags & inspect.CO_COROUTINE:
            loop.run_until_complete(outcome)
    return printed.getvalue().replace(server.url, PLACEHOLDER).splitlines()


def close(clients, loop):
    """Close the clients and loops that a chapter made: its examples are about other things."""
    for client in clients:
        if isinstance(client, asyncio.AbstractEventLoop):
            client.close()
        elif hasattr(client, "aclose"):
            loop.run_until_complete(client.aclose())
        else:
            client.close()


@pytest.mark.parametrize("chapter", CHAPTERS, ids=" ".join)
def test_the_examples_of_a_chapter_run_and_print_what_they_say(chapter, server):
    loop = asyncio.new_event_loop()
    names = {"__name__": "__main__", "client": Dial(), "async_client": AsyncDial()}
    clients = []
    try:
        for example in CHAPTERS[chapter]:
            clients += [value for value in names.values() if isinstance(value, KINDS)]
            assert run(example, names, loop, server) == example.expected, "%s:%d" % (example.page, example.line)
        clients += [value for value in names.values() if isinstance(value, KINDS)]
    finally:
        close(clients, loop)
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


@pytest.mark.parametrize(
    "chapter",
    ["First use with your own DIAL", "Chat", "Files", "Deployments and applications", "Authentication"],
)
def test_async_stands_beside_sync(chapter):
    source = "".join(example.source for example in CHAPTERS["README.md", chapter])
    assert re.search(r"\bawait\b", source) and re.search(r"(?<!await )(?<!async_)\bclient\.", source)


def test_the_page_is_short_enough_to_be_read():
    assert README.count("\n") <= 600


def test_every_link_leads_somewhere():
    for path, text in {**PAGES, "aidial_min/cli/README.md": COMMAND_LINE, "tests/README.md": DEVELOPING}.items():
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if target.startswith("https://"):
                continue
            file, _, anchor = target.partition("#")
            page = (ROOT / path).parent / file if file else ROOT / path
            assert page.exists(), "%s: %s" % (path, target)
            if anchor:
                assert anchor in anchors(page.read_text(encoding="utf-8")), "%s: %s" % (path, target)


def anchors(text):
    """The anchors of a page's headings, made as the usual viewers make them."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings} | {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings
    }


def test_the_two_commands_come_first():
    (_, first, _), *_ = blocks("sh")
    assert README.index(first) < README.index("```python")
    demo, tests = first.splitlines()
    assert demo == "python3 -m aidial_min demo"
    install, suite = r"\1/bin/python -m pip install .*pytest", r"\1/bin/python -m pytest"
    assert re.fullmatch(r"python3 -m venv (\S+) && %s && %s" % (install, suite), tests)


@pytest.mark.skipif(os.name != "posix", reason=".ci/run is a script for bash")
def test_ci_runs_the_very_command_of_the_page():
    (_, first, _), *_ = blocks("sh")
    command = first.splitlines()[1]
    alone = {
        "PATH": os.pathsep.join([os.path.dirname(sys.executable), "/usr/bin", "/bin"])
    }  # the others take their time
    shown = subprocess.run([str(ROOT / ".ci" / "run"), "--list"], env=alone, capture_output=True, timeout=120)
    assert shown.returncode == 0, shown.stderr.decode()
    lines = [line for line in shown.stdout.decode().splitlines() if line.startswith("  CPython ")]
    assert lines
    for line in lines:
        interpreter, rest = re.fullmatch(r"  CPython \S+: (.+?)( -m venv .*)", line).groups()
        assert command == "python3" + rest
        assert Path(interpreter).name.startswith("python3")


def test_what_no_test_of_this_file_runs():
    """`py` is the Dask program, which tests/real/test_dask.py runs; `console` is for tests/cli/test_transcripts.py."""
    fences = {name: re.findall(r"^```(\w+)$", text, re.MULTILINE) for name, text in PAGES.items()}
    assert set(fences["README.md"]) == {"python", "sh"}
    assert set(fences["aidial_min/README.md"]) == {"python", "py"} and fences["aidial_min/README.md"].count("py") == 1
    assert set(fences["aidial_min/testing/README.md"]) <= {"python", "text"}
    ((_, source, _),) = blocks("py", INSIDE)
    assert "dask" in source and compile(source, "README.md", "exec")


PATH = r"`((?:aidial_min|tests|\.ci)?/?[\w./]*?[\w]+(?:\.py|\.toml|/|/LICENSE|/run|README\.md))`"


@pytest.mark.parametrize("page", ["README.md", "aidial_min/README.md", "tests/README.md"])
def test_every_path_on_a_page_exists(page):
    mentioned = set(re.findall(PATH, (ROOT / page).read_text(encoding="utf-8")))
    assert len(mentioned) >= 3
    mentioned.discard("files/")  # the beginning of a DIAL URL
    missing = [path for path in mentioned if not ((ROOT / path).exists() or (ROOT / "aidial_min" / path).exists())]
    assert not missing


def test_the_drawing_of_the_architecture_names_every_module_of_core_and_transport_and_no_other():
    drawing = INSIDE[INSIDE.index("## Architecture") : INSIDE.index("## Where do I change")]
    drawn = set(re.findall(r"\b(\w+)\.py", "".join(re.findall(r"^    .*$", drawing, re.MULTILINE))))
    existing = {path.stem for path in (ROOT / "aidial_min").rglob("*.py")}
    assert drawn <= existing
    for room in ("core", "transport"):
        for path in (ROOT / "aidial_min" / room).glob("[a-z]*.py"):
            assert path.stem in drawn, "%s/%s" % (room, path.name)


def areas():
    """Names of a client's resources."""
    with Dial(base_url="http://127.0.0.1:9", api_key="nobody") as client:
        return {name for name in dir(client) if name[0] != "_" and ".api." in type(getattr(client, name)).__module__}


def test_every_area_of_the_client_is_on_both_pages():
    examples = " ".join(source for _, source, _ in blocks("python"))
    named = set(re.findall(r"\w+", examples + " ".join(re.findall(r"`([^`\n]*)`", README))))
    assert len(areas()) > 20 and areas() <= named
    table = INSIDE[INSIDE.index("## The other areas") : INSIDE.index("```python")]
    told_at_length = {"chat", "files", "deployments", "application"}  # in README.md
    assert areas() - told_at_length <= set(re.findall(r"\w+", " ".join(re.findall(r"`([^`\n]*)`", table))))


def test_the_chapter_on_the_command_line_names_every_command():
    from aidial_min.cli import COMMANDS

    chapter = README[README.index("## Command line") : README.index("## Testing your own code")]
    assert set(COMMANDS) <= set(re.findall(r"`(\w+)`", chapter))


def test_the_commands_on_the_page_are_commands():
    """They are parsed as the program parses them; what they print is in the command line's own README."""
    from aidial_min.cli import make_parser

    lines = [line for _, text, _ in blocks("sh") for line in text.splitlines()]
    commands = re.findall(r"python3 -m aidial_min (.*?)(?:  +#.*)?$", "\n".join(lines), re.MULTILINE)
    assert len(commands) > 5
    for command in commands:
        words = shlex.split(command)
        assert make_parser(words).parse_args(words).command == words[0]


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


@pytest.mark.parametrize("chapter", ["Chat", "Files"])
def test_a_chapter_is_clean_to_a_strict_type_checker(chapter, tmp_path):
    api = pytest.importorskip("mypy.api")
    program = tmp_path / "chapter.py"
    body = "\n".join(example.source for example in CHAPTERS["README.md", chapter])
    head = (
        "from aidial_min import AsyncDial, Dial\n\n\nasync def main(client: Dial, async_client: AsyncDial) -> None:\n"
    )
    program.write_text(head + textwrap.indent(body, "    "), encoding="utf-8")
    found = api.run(
        ["--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(tmp_path / "cache"), str(program)]
    )
    assert found[2] == 0, found[0] + found[1]
