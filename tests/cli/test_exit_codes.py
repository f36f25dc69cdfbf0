"""How commands end: exit codes, one line on stderr, and what was written until then."""

import os
import re
import signal
import threading

import pytest

from aidial_min.cli import COMMANDS
from tests.support.command import Command
from tests.support.patience import PATIENCE, at_some_pace, until

posix = pytest.mark.skipif(os.name != "posix", reason="signals and pipes of POSIX")


@pytest.fixture
def ask(dial):
    """A short question, with further options."""
    return lambda *words, **env: dial("chat", "-d", "echo", "Hi", *words, **env)


def test_every_code_is_listed_in_help(dial):
    listed = re.findall(r"^ +(\d+)  ", dial("--help").out.partition("exit codes:")[2], re.MULTILINE)
    assert listed == ["0", "1", "2", "3", "4", "5", "6", "7", "8", "130", "143"]


@pytest.mark.parametrize(
    "status, code",
    [(400, 1), (401, 3), (403, 3), (404, 4), (409, 1), (413, 1), (429, 5), (500, 1), (501, 1)],
)
def test_a_refusal_has_the_code_of_its_kind(ask, server, status, code):
    server.fail(status, times=None, retry_after=0, message="No, because")
    answer = ask()
    assert (answer.code, answer.stdout) == (code, b"")
    assert answer.err.count("\n") == 1 and "%d No, because" % status in answer.err


def test_a_redirect_says_where_to(ask, server):
    server.fail(308, times=None, headers={"Location": "https://dial.example.com/openai"})
    answer = ask()
    assert answer.code == 1 and "redirects to https://dial.example.com/openai" in answer.err


@pytest.mark.parametrize(
    "words",
    [
        ["brew"],
        ["chat", "--brew"],
        ["chat", "Hi", "--timeout", "soon"],
        ["chat", "Hi", "--timeout", "-1"],
        ["chat", "Hi", "-d", ".."],
        ["chat", "Hi", "--url", "dial.example.com"],
        ["chat", "Hi", "--ca-bundle", "nowhere.pem"],
        ["chat", "Hi", "--proxy", "socks5://127.0.0.1:1"],
        ["files", "cp", "one"],
        ["files"],
    ],
    ids=" ".join,
)
def test_wrong_words_are_2_and_nothing_is_sent(dial, server, words):
    answer = dial(*words, DIAL_DEPLOYMENT="echo")
    assert (answer.code, answer.out) == (2, "") and "Traceback" not in answer.err
    assert server.requests == []


def test_no_server_and_no_credential_say_what_to_set(dial):
    assert "DIAL_URL" in dial("models", DIAL_URL=None).err
    assert "DIAL_API_KEY" in dial("models", DIAL_API_KEY=None).err
    assert dial("models", DIAL_URL=None).code == dial("models", DIAL_API_KEY=None).code == 2


def test_a_time_limit_is_6(ask, server):
    def scenario(pace):
        server.reply(chunks=["so far", 60.0, "never"])
        answer = ask("--timeout", str(0.2 * pace))
        assert (answer.code, answer.out) == (6, "so far\n") and "DialTimeoutError" in answer.err

    at_some_pace(scenario)


@pytest.mark.parametrize("how", ["no [DONE]", "cut"])
def test_a_broken_stream_is_7_and_what_came_is_written(ask, server, how):
    if how == "cut":
        server.reply(chunks=["so far", "!" * 5000])
        server.drop(after_bytes=2000, path="chat")
    else:
        server.reply("so far", done=False)
    answer = ask()
    assert (answer.code, answer.out) == (7, "so far\n") and "StreamInterruptedError" in answer.err


def test_an_error_within_a_stream_has_the_code_of_its_kind(ask, server):
    from aidial_min.testing import AppError

    server.reply("so far", error=AppError("slow down", 429))
    answer = ask()
    assert (answer.code, answer.out) == (5, "so far\n") and "slow down" in answer.err


def test_json_of_a_broken_stream_is_what_came(ask, server):
    import json

    server.reply("so far", done=False)
    answer = ask("--json")
    assert answer.code == 7 and json.loads(answer.out)["choices"][0]["message"]["content"] == "so far"


def test_no_connection_is_8(ask):
    answer = ask("--url", "http://127.0.0.1:1")
    assert answer.code == 8 and "ConnectError" in answer.err and "doctor" in answer.err


# -- Ctrl-C


@posix
def test_ctrl_c_is_130_and_what_came_is_written(dial, server):
    server.reply(chunks=["so far", 60.0, "never"])
    with dial.start("chat", "-d", "echo", "Hi") as process:
        assert process.stdout.read(6) == b"so far"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (130, b"\n", b"")


@posix
def test_ctrl_c_at_a_terminal_is_130(terminal, server):
    server.reply(chunks=["so far", 60.0, "never"])
    with terminal("chat", "-d", "echo", "Hi") as person:
        person.expect("so far")
        person.type("\x03")
        assert person.code() == 130
        assert "Traceback" not in person.shown


@posix
def test_ctrl_c_with_json_writes_what_came(dial, server):
    import json
    import time

    def scenario(pace):
        before = len(server.requests)
        server.reply(chunks=["so far", 60.0, "never"])
        with dial.start("chat", "--json", "-d", "echo", "Hi") as process:
            until(lambda: len(server.requests) > before)
            time.sleep(0.2 * pace)  # nothing is written that could be waited for
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=PATIENCE)
        assert (process.returncode, err) == (130, b"")
        assert json.loads(out)["choices"][0]["message"]["content"] == "so far"

    at_some_pace(scenario)


# -- readers and disks that take no more


@posix
@pytest.mark.parametrize("words", ["chat -d echo Hi", "files cat big", "files ls -r", "models", "--help"])
def test_a_reader_that_left_is_no_complaint(dial, server, words):
    (dial.folder / "big").write_bytes(b"x" * 1_000_000)
    dial("files", "put", "big")
    server.reply(chunks=["much " * 100_000] * 5)
    answer = dial.shell("{ dial %s; echo $? >&2; } | true" % words)
    assert re.fullmatch(rb"[01]\n", answer.stderr)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a disk that is always full is Linux's")
def test_a_full_disk_is_one_line(dial):
    answer = dial.shell("dial chat -d echo Hi > /dev/full")
    assert answer.code == 1 and answer.err == "No space left on device\n"


@posix
@pytest.mark.parametrize("closed", ["<&-", "<&- >&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_fault(dial, closed):
    assert dial.shell("dial chat -d echo Hi " + closed).code == 0


# -- credentials


def test_the_key_may_come_from_a_file(dial, tmp_path):
    (tmp_path / "key").write_text(dial.env["DIAL_API_KEY"] + "\n")
    assert dial("models", DIAL_API_KEY=None, DIAL_API_KEY_FILE="key").code == 0
    assert dial("models", DIAL_API_KEY_FILE="nowhere").code == 0  # a value wins over a file
    missing = dial("models", DIAL_API_KEY=None, DIAL_API_KEY_FILE="nowhere")
    assert missing.code == 2 and "DIAL_API_KEY_FILE names nowhere: No such file" in missing.err
    (tmp_path / "key").write_text("\n")
    assert "is empty" in dial("models", DIAL_API_KEY=None, DIAL_API_KEY_FILE="key").err


def test_a_token_may_come_from_a_file_too(dial, server, tmp_path):
    (tmp_path / "token").write_text("a-token\n")
    dial("models", DIAL_API_KEY=None, DIAL_BEARER_TOKEN_FILE="token")
    assert server.requests[-1].headers["authorization"] == "Bearer a-token"
    both = dial("models", DIAL_BEARER_TOKEN="a-token")  # both are sent: it is the server that refuses them
    assert both.code == 1 and "but not both" in both.err


@posix
@pytest.mark.parametrize("words", [["models"], ["whoami"], ["doctor"], ["chat", "-d", "echo", "Hi"]], ids=" ".join)
def test_or_from_a_pipe_which_can_be_read_only_once(dial, server, words):
    def ask(variable, header):
        pipe = dial.folder / variable
        os.mkfifo(pipe)
        threading.Thread(target=pipe.write_bytes, args=(server.api_key.encode(),), daemon=True).start()
        answer = dial(*words, **{"DIAL_API_KEY": None, variable: variable})
        assert server.requests and server.requests[-1].headers[header].endswith(server.api_key)
        return answer.code

    assert ask("DIAL_API_KEY_FILE", "api-key") == 0
    assert ask("DIAL_BEARER_TOKEN_FILE", "authorization") == 3  # it is no token, but it was sent


def test_a_key_is_no_option_and_never_shown(dial):
    assert "key" not in re.findall(r"--([a-z-]+)", dial("chat", "--help").out)
    wrong = Command(dial.folder, DIAL_URL=dial.env["DIAL_URL"], DIAL_API_KEY="sk-wrong-and-secret")
    for words in (["models"], ["whoami"], ["doctor"], ["chat", "-d", "echo", "Hi"]):
        answer = wrong(*words)
        assert answer.code == 3 and b"sk-wrong" not in answer.stdout + answer.stderr


@pytest.mark.parametrize(
    "option", ["--api-key sk-secret", "--api-key=sk-secret", "--key sk-secret", "--token=sk-secret"]
)
@pytest.mark.parametrize("line", ["%s models", "models %s", "chat -d echo %s Hi", "files ls %s", "files %s ls"])
def test_a_key_on_the_command_line_is_refused_and_not_repeated(dial, server, line, option):
    answer = dial(*(line % option).split())
    assert (answer.code, answer.out, server.requests) == (2, "", [])
    variable = "DIAL_BEARER_TOKEN" if "token" in option else "DIAL_API_KEY"
    assert "set %s, or %s_FILE" % (variable, variable) in answer.err and "secret" not in answer.err


# -- options


def test_proxies_of_the_environment_are_used_and_can_be_left_out(ask):
    assert ask(http_proxy="http://127.0.0.1:1").code == 8
    assert ask("--proxy", "", http_proxy="http://127.0.0.1:1").code == 0
    assert ask("--proxy", "http://127.0.0.1:1").code == 8


def test_help_teaches_by_example(dial):
    actions = ("ls", "get", "put", "sync", "cat", "cp", "mv", "rm", "stat", "share")
    for words in [[name] for name in COMMANDS] + [["files", action] for action in actions]:
        shown = dial(*words, "--help", COLUMNS="80").out
        assert [line for line in shown.splitlines() if len(line) > 80] == []
        assert "examples:\n" in shown and "python -m aidial_min %s" % " ".join(words) in shown.partition("examples:")[2]
        assert "%" not in shown.replace("photo%201.jpg", "")


@posix
def test_a_command_can_be_interrupted_before_anything_came(dial):
    import fcntl
    import termios

    stdin, typed = os.pipe()
    with os.fdopen(stdin, "rb"), os.fdopen(typed, "wb", buffering=0) as prompt:
        with dial.start("chat", "-d", "echo", stdin=stdin) as process:
            prompt.write(b"the prompt is not at its end")
            until(lambda: fcntl.ioctl(stdin, termios.FIONREAD, b"\0" * 4) == b"\0" * 4)  # it has been read
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE) == 130
            assert process.stderr.read() == b""
