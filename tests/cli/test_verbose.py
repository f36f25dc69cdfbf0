"""What can be seen of a call: `-v`, and a wait that counts down for a person at a terminal."""

import re
import subprocess

import pytest


def test_verbose_shows_each_attempt_with_its_wait_and_nothing_secret(dial, server):
    server.fail(503, times=1, retry_after=0.05, message="busy", path="/models")
    answer = dial("models", "-v")
    first, second = [line for line in answer.err.splitlines() if "/openai/models" in line]
    assert first.startswith("GET %s/openai/models: 503: busy after 0." % server.url) and "; again in 0.0" in first
    assert second.startswith("attempt 2: GET %s/openai/models: 200 after 0." % server.url)
    assert server.api_key not in answer.err and answer.out.startswith("ID")
    assert dial("-v", "models").err and dial("models").err == ""


def test_what_a_server_says_in_it_can_not_command_the_terminal(terminal, server):
    server.fail(400, message="\x1b]0;owned\x07", path="/models")
    with terminal("models", "-v", NO_COLOR="1") as person:
        assert "\x1b]0" not in person.rest()


def test_a_wait_counts_down_at_a_terminal_and_leaves_no_trace(terminal, server):
    server.fail(503, times=1, retry_after=1.2, message="busy", path="/models")
    with terminal("models", NO_COLOR="1") as person:
        counted = person.expect("ID")
        assert re.findall("busy: again in (0:0.)", counted) == ["0:01", "0:00"] and counted.endswith("\r")
        assert "busy" not in person.rest() and person.code() == 0


def test_ctrl_c_ends_a_wait_and_clears_its_line(terminal, server):
    server.fail(503, times=1, retry_after=60, message="busy", path="/models")
    with terminal("models", NO_COLOR="1") as person:
        person.expect("busy: again in ")
        person.press("\x03", until="  \r")
        assert person.code() == 130


def test_nothing_counts_down_where_nobody_watches(terminal, server):
    server.fail(503, times=1, retry_after=0.3, path="/models")
    with terminal("models", stderr=subprocess.PIPE) as person:
        assert person.process.stderr.read() == b""
        assert person.code() == 0


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_knows_every_command_action_and_option(dial, shell):
    script = dial("completion", shell).out
    for word in ("chat", "files", "sync", "--conversation", "--dry-run", "--ask-again", "--generation"):
        assert word in script
    assert "--api-key" not in script  # it is only there to be refused


@pytest.mark.parametrize("line, found", [("ch", "chat"), ("files pu", "put"), ("files put --no", "--no-clobber")])
def test_tab_completes_in_bash_and_fish(dial, line, found):
    import shutil

    shells = [name for name in ("bash", "fish") if shutil.which(name)]
    if not shells:
        pytest.skip("neither bash nor fish is here")
    for shell in shells:
        (dial.folder / "script").write_text(dial("completion", shell).out)
        words = ["aidial-min", *line.split()]
        if shell == "bash":
            code = 'source ./script; COMP_WORDS=(%s); COMP_CWORD=%d; _aidial_min; echo "${COMPREPLY[@]}"'
            command = ["bash", "--norc", "-c", code % (" ".join(words), len(words) - 1)]
        else:
            command = ["fish", "--no-config", "-c", "source ./script; complete -C '%s'" % " ".join(words)]
        done = subprocess.run(
            command, cwd=dial.folder, env=dial.env, stdin=subprocess.DEVNULL, capture_output=True, timeout=60
        )
        assert done.stdout.decode().split() == [found], shell
