"""What holds for every command: how it is found, and how it ends when something goes wrong."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from aidial_min.__main__ import main
from aidial_min.cli import COMMANDS
from tests.support.command import Command

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def bare(tmp_path):
    """The command line without any variable of DIAL."""
    return Command(tmp_path)


def test_help_names_every_command(bare):
    answer = bare.process("--help")  # the one call of this file that goes through `python -m`
    assert answer.code == 0
    for name in COMMANDS:
        assert name in answer.out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_of_its_own(name, capsys):
    with pytest.raises(SystemExit) as stop:
        main([name, "--help"])
    assert stop.value.code == 0
    assert "aidial_min " + name in capsys.readouterr().out


def test_without_a_command_the_help_is_shown_and_the_exit_code_is_2(bare):
    answer = bare()
    assert answer.code == 2
    assert answer.out == "" and "usage:" in answer.err


def test_an_unknown_command_is_named_and_the_exit_code_is_2(bare):
    answer = bare("brew")
    assert answer.code == 2
    assert "brew" in answer.err and "Traceback" not in answer.err


@pytest.mark.parametrize(
    "words, meant",
    [
        (["modles"], "models"),
        (["files", "lss"], "ls"),
        (["chat", "--max-token", "3", "Hi"], "--max-tokens"),
        (["files", "put", "--recursiv", "x"], "--recursive"),
        (["serve", "--generation", "2025"], "2026"),
        (["completion", "bsh"], "bash"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else None,
)
def test_a_slip_is_answered_with_what_was_meant_and_the_usage_of_its_command(capsys, words, meant):
    with pytest.raises(SystemExit) as stop:
        main(words)
    told = capsys.readouterr().err
    assert stop.value.code == 2 and told.endswith("did you mean %s?\n" % meant)
    command = [word for word in words[:-1] if word in COMMANDS or word == "put"]
    assert told.startswith("usage: python -m aidial_min %s" % " ".join(command))


@pytest.mark.parametrize("words", [["brew"], ["chat", "--brew"], ["files", "brew"]], ids=" ".join)
def test_what_nothing_is_near_to_is_said_as_it_is(capsys, words):
    with pytest.raises(SystemExit):
        main(words)
    told = capsys.readouterr().err
    assert "brew" in told and "did you mean" not in told


def test_the_version_is_that_of_the_package(bare):
    from aidial_min import __version__

    answer = bare("--version")
    assert answer.code == 0
    assert answer.out.split() == ["aidial_min", __version__]


@pytest.mark.parametrize("command", [["whoami"], ["files", "ls"], ["chat", "-d", "echo", "Hi"]])
def test_the_connection_is_named_before_a_command_or_after_it(dial, server, command):
    nowhere = "http://127.0.0.1:9"
    for place in range(2 if command[0] == "files" else 1):
        words = [*command[:place], "--url", server.url, *command[place:]]
        assert dial(*words, DIAL_URL=nowhere).code == 0
    assert dial("--url", nowhere, *command, "--url", server.url).code == 0
    assert dial("--url", nowhere, *command).code == 8


def test_a_command_that_is_not_named_is_not_loaded():
    code = "import sys; from aidial_min.cli import make_parser; make_parser(['--help']); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    assert not {"aidial_min.cli." + name for name in COMMANDS} & set(loaded.split())


def failing(monkeypatch, error):
    from aidial_min.cli import demo

    def run(arguments):
        raise error

    monkeypatch.setattr(demo, "run", run)
    return main(["demo"])


def test_an_error_of_the_client_is_one_line_and_the_exit_code_is_1(monkeypatch, capsys):
    from aidial_min import DialException

    assert failing(monkeypatch, DialException("it went wrong")) == 1
    assert capsys.readouterr().err == "DialException: it went wrong\n"


def test_an_interrupt_is_no_traceback(monkeypatch, capsys):
    assert failing(monkeypatch, KeyboardInterrupt()) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_an_interrupt_while_modules_are_loaded_is_no_traceback():
    code = (
        "import sys\n"
        "class Interrupted:\n"
        "    def find_spec(self, name, *more):\n"
        "        if name == 'argparse': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupted())\n"
        "from aidial_min.__main__ import main\n"
        "sys.exit(main(['--help']))"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, timeout=60)
    assert (answer.returncode, answer.stdout, answer.stderr) == (130, b"", b"")


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of Windows break in another way")
def test_a_reader_that_has_seen_enough_is_no_traceback():
    command = [sys.executable, "-m", "aidial_min", "demo"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 1


def test_json_commands_no_terminal_and_is_json(capsys):
    from aidial_min.cli.terminal import write_json

    value = {"a": "".join(map(chr, range(256))) + "\u2028\U0001f600"}
    write_json(value)
    written = capsys.readouterr().out
    assert json.loads(written) == value
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in written.replace("\n", ""))
