"""Every transcript of aidial_min/cli/README.md is produced anew, command by command.

What differs from run to run (address, bucket, versions, milliseconds) is made equal on both sides. Each block has a
folder and a server of its own; what is more than a command and its words runs in a shell, the others in this process.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from aidial_min.testing import DialServer
from tests.support.command import Command
from tests.support.terminal import CTRL_D, Terminal

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "aidial_min" / "cli" / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```console\n(.*?)```", README, re.DOTALL)
TALK = "$ python3 -m aidial_min chat -d calculator\n"


def commands(block):
    """The commands of a block, each with what it prints."""
    return [tuple(part.split("\n", 1)) for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]


def alike(text):
    for pattern, word in (
        (r"127\.0\.0\.1:\d+", "ADDRESS"),
        (r"in \d+ ms", "in N ms"),
        (r"(ok +program +).*", r"\1PROGRAM"),
    ):
        text = re.sub(pattern, word, text)
    return text.rstrip("\n")


@pytest.fixture
def place(tmp_path):
    """A folder, and the environment of a shell in which `python3` is this interpreter."""
    (tmp_path / "python3").write_text('#!/bin/sh\nexec "%s" "$@"\n' % sys.executable)
    (tmp_path / "python3").chmod(0o755)
    kept = {n: value for n, value in os.environ.items() if "proxy" not in n.lower() and not n.startswith("DIAL_")}
    path = "%s:%s" % (tmp_path, kept["PATH"])
    shell = {"PYTHONPATH": str(ROOT), "PATH": path, "HOME": str(tmp_path), "NO_COLOR": "1", "TERM": "dumb"}
    return tmp_path, {**kept, **shell}


@pytest.fixture
def at_work(place):
    """The same with a server such as the page's, for this test alone."""
    folder, environment = place
    with DialServer() as server:
        yield folder, {**environment, "DIAL_URL": server.url, "DIAL_API_KEY": server.api_key}


def test_the_server_says_how_to_use_it(place):
    folder, environment = place
    command, expected = commands(BLOCKS[0])[0]
    words = [*command.split(), "--port", "0"]
    pipe, both = subprocess.PIPE, subprocess.STDOUT
    with subprocess.Popen(words, cwd=folder, env=environment, stdout=pipe, stderr=both) as server:
        try:
            said = b"".join(iter(server.stdout.readline, b"What is stored is kept in dial. Ctrl-C ends it.\n"))
            assert alike(said.decode() + expected.splitlines()[-1]) == alike(expected)
        finally:
            server.send_signal(signal.SIGINT)
            assert server.wait(60) in (0, 130)


@pytest.mark.parametrize("block", [block for block in BLOCKS[1:] if not block.startswith(TALK)], ids=lambda b: b[2:40])
def test_a_transcript(at_work, block):
    folder, environment = at_work
    if "plan.txt" in block:
        (folder / "plan.txt").write_text("Drink more coffee.\n")
    for command, expected in commands(block):
        _, module, package, *words = shlex.split(command) + [""] * 3
        if (module, package) == ("-m", "aidial_min") and not set("|<>;&") & set(command):
            done = Command(folder, **environment)(*words[:-3])
            said = done.out + done.err
        else:
            said = in_a_shell(command, folder, environment)
        assert alike(said) == alike(expected), command


def in_a_shell(command, folder, environment):
    """What a line of sh prints."""
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=str(folder),
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
    )
    return done.stdout.decode()


def test_a_conversation_at_a_terminal(at_work):
    folder, environment = at_work
    (block,) = [block for block in BLOCKS if block.startswith(TALK)]
    lines = commands(block)[0][1].splitlines()
    words = [sys.executable, "-m", "aidial_min", "chat", "-d", "calculator"]
    with Terminal(words, cwd=str(folder), env=environment) as person:
        for line in lines:
            if line.startswith("> "):
                person.expect("> ")
                person.say(line[2:])
            else:
                person.expect(line)
        person.expect("> ")
        person.type(CTRL_D)
        person.rest()
        assert person.code() == 0
