"""`serve`: the embedded server as a program."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from tests.support.command import Command
from tests.support.patience import PATIENCE

pytestmark = pytest.mark.skipif(os.name != "posix", reason="it is ended by POSIX's signals")


@pytest.fixture
def here(tmp_path):
    """The command line without any server."""
    return Command(tmp_path)


@contextmanager
def serving(here, *words):
    """A server in a process of its own: a command line pointed at it, and in the end what stood on stderr."""
    with here.start("serve", "--port", "0", *words) as process:
        try:
            url = process.stdout.readline().decode().strip()
            said = []
            while not said or "Ctrl-C ends it" not in said[-1]:
                said.append(process.stderr.readline().decode().rstrip("\n"))
            dial = Command(here.folder, DIAL_URL=url, DIAL_API_KEY="dial-key")
            dial.log = []
            yield dial
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=PATIENCE)
            assert (out, process.returncode) == (b"", 130)
            dial.log = said + err.decode().splitlines()
        finally:
            process.kill()


def test_it_says_what_to_set_and_how_it_ends(here):
    with serving(here) as dial:
        pass
    url = dial.env["DIAL_URL"]
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url)
    assert "    export DIAL_URL=%s DIAL_API_KEY=dial-key" % url in dial.log
    assert "What is stored is forgotten when the server ends. Ctrl-C ends it." in dial.log


def test_what_it_says_can_be_typed(here):
    with serving(here) as dial:
        assert dial("chat", "-d", "echo", "Hello").out == "Hello\n"


def test_every_request_is_a_line(here):
    with serving(here) as dial:
        dial("whoami")
    lines = [re.sub(r"\d[\d.:]*", "N", line) for line in dial.log if " /v1/" in line]
    assert lines == [
        "N GET /vN/bucket N N bytes N ms",
        "N GET /vN/user/info N N bytes N ms",
    ]
    assert "dial-key" not in "".join(line for line in dial.log if " /v1/" in line)


def test_quiet_leaves_the_lines_out(here):
    with serving(here, "--quiet") as dial:
        dial("whoami")
    assert not [line for line in dial.log if "/v1/" in line]


def test_data_is_there_again_the_next_time(here):
    (here.folder / "a.txt").write_text("kept")
    with serving(here, "--data", "store") as dial:
        dial("files", "put", "a.txt", "in/")
    with serving(here, "--data", "store") as dial:
        assert dial("files", "cat", "in/a.txt").out == "kept"
    with serving(here) as dial:
        assert dial("files", "ls").out == ""


def test_what_is_stored_has_the_time_of_the_clock(here):
    (here.folder / "a.txt").write_text("now")
    with serving(here) as dial:
        dial("files", "put", "a.txt")
        stored = json.loads(dial("files", "stat", "--json", "a.txt").out)["updatedAt"] / 1000
    assert abs(stored - (here.folder / "a.txt").stat().st_mtime) < 3600


def test_only_this_machine_reaches_it_unless_told_otherwise(here):
    with serving(here) as dial:
        port = int(dial.env["DIAL_URL"].rpartition(":")[2])
        other = socket.socket()
        with other, pytest.raises(OSError):
            other.settimeout(2)
            other.connect(("127.0.0.2", port))
    with serving(here, "--host", "127.0.0.2") as dial:
        assert dial.env["DIAL_URL"].startswith("http://127.0.0.2:")
        assert dial("whoami").code == 0
    assert "Everybody who reaches 127.0.0.2 can use this server" in "\n".join(dial.log)


def test_a_port_that_is_taken_is_one_line(here):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answer = here("serve", "--port", str(port))
    assert answer.code == 1 and answer.out == ""
    assert answer.err.startswith("can't listen on 127.0.0.1:%d: " % port) and answer.err.count("\n") == 1


def test_sigterm_ends_it_in_good_order(here):
    with here.start("serve", "--port", "0", "--quiet") as process:
        assert process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (143, b"") and b"Traceback" not in err


def test_a_signal_that_another_thread_took_ends_it_too(here):
    """It wakes nobody then: the main thread finds it when it runs the next time."""
    code = (
        "import _thread, sys, threading\n"
        "from aidial_min.__main__ import main\n"
        "def interrupt():\n"
        "    sys.stdin.readline()\n"
        "    _thread.interrupt_main()\n"
        "threading.Thread(target=interrupt).start()\n"
        "sys.exit(main(['serve', '--port', '0', '--quiet']))\n"
    )
    command, env = [sys.executable, "-c", code], here.environment({})
    with subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        while b"Ctrl-C ends it" not in process.stderr.readline():
            pass
        time.sleep(0.1)  # it may wait already; when it does, can't be seen from outside
        process.communicate(b"\n", timeout=PATIENCE)
    assert process.returncode == 130


def test_no_folder_is_named_by_nothing(here):
    with serving(here, "--data", "") as dial:
        pass
    assert "forgotten when the server ends" in dial.log[-1]
    assert os.listdir(here.folder) == []


@pytest.mark.parametrize("port", ["x", "-1", "70000"])
def test_an_impossible_port_is_a_usage_error(here, port):
    assert here("serve", "--port", port).code == 2
