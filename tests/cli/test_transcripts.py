"""Every transcript of aidial_min/cli/README.md is produced anew, command by command.

What differs from run to run (address, bucket, versions, milliseconds) is made equal on both sides. The commands run
in a shell, in one folder, against the server that the page itself starts.
"""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

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
        (r"\b[1-9A-HJ-NP-Za-km-z]{27}\b", "BUCKET"),
        (r"\b\w{4}\.\.\. \(27 characters\)", "BUCKET"),
        (r"(ok +program +).*", r"\1PROGRAM"),
        (r"in \d+ ms", "in N ms"),
    ):
        text = re.sub(pattern, word, text)
    return text.rstrip("\n")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the page's server at work: its environment, and what the server said."""
    folder = tmp_path_factory.mktemp("transcripts")
    (folder / "python3").write_text('#!/bin/sh\nexec "%s" "$@"\n' % sys.executable)
    (folder / "python3").chmod(0o755)
    environment = {
        name: value
        for name, value in os.environ.items()
        if "proxy" not in name.lower() and not name.startswith("DIAL_")
    }
    environment.update(PYTHONPATH=str(ROOT), PATH="%s:%s" % (folder, environment["PATH"]), NO_COLOR="1", TERM="dumb")
    command = commands(BLOCKS[0])[0][0] + " --port 0"
    said = folder / "said.txt"
    with said.open("w") as output:
        server = subprocess.Popen(
            command.split(), cwd=str(folder), env=environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        while "Ctrl-C" not in said.read_text():
            assert server.poll() is None, said.read_text()
            time.sleep(0.01)
        environment["DIAL_URL"], environment["DIAL_API_KEY"] = re.findall(
            r"DIAL_URL=(\S+) DIAL_API_KEY=(\S+)", said.read_text()
        )[0]
        yield folder, environment, said
    finally:
        server.send_signal(signal.SIGINT)
        assert server.wait(60) in (0, 130)


def test_the_server_says_how_to_use_it(place):
    assert alike(place[2].read_text()) == alike(commands(BLOCKS[0])[0][1])


@pytest.mark.parametrize("block", [block for block in BLOCKS[1:] if not block.startswith(TALK)], ids=lambda b: b[2:40])
def test_a_transcript(place, block):
    folder, environment, _ = place
    if "plan.txt" in block:
        (folder / "plan.txt").write_text("Drink more coffee.\n")
    for command, expected in commands(block):
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=str(folder),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=60,
        )
        assert alike(done.stdout.decode()) == alike(expected), command


def test_a_conversation_at_a_terminal(place):
    folder, environment, _ = place
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
