"""`python -m aidial_min demo`: the main job, shown as a session, wherever Python runs."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.support.command import Command, at_once
from tests.support.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[2]


def demo_of(*interpreter):
    return [sys.executable, *interpreter, "-m", "aidial_min", "demo"]


def demo(environment=None):
    env = {**os.environ, "PYTHONIOENCODING": "utf-8"} if environment is None else environment
    return subprocess.run(demo_of(), cwd=ROOT, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """What the demo prints."""
    answer = Command(tmp_path_factory.mktemp("demo"))("demo")
    assert answer.code == 0, answer.err
    return answer.out


def answer_to(session, statement):
    """The line after a statement of the session."""
    lines = session.splitlines()
    return lines[lines.index(statement) + 1]


def test_it_shows_each_call_with_its_result(session):
    assert "'gpt-35-turbo'" in answer_to(session, ">>> [deployment.id for deployment in client.deployments.list()]")
    assert answer_to(session, ">>> completion.choices[0].message.content") == "'5'"
    assert answer_to(session, '...     print(text, end="|", flush=True)').startswith("Words |arrive |one |by |one")
    upload = answer_to(session, """>>> client.files.upload(url, "Two cups, s'il vous plaît\\n".encode())""")
    assert upload.startswith("FileItem(name='café.txt'")
    assert answer_to(session, ">>> client.files.metadata(url)").startswith("FileMetadata(name='café.txt'")
    content = answer_to(session, ">>> client.files.download(url).get_content().decode()")
    assert content == '"Two cups, s\'il vous plaît\\n"'
    assert answer_to(session, ">>> list(client.files.list(client.my_files_home()))") == "[]"


def test_what_it_shows_can_be_typed(session):
    """The lines behind the prompts are a program, and while the server lives they do what they did."""
    from aidial_min.testing import DialServer

    typed = "\n".join(line[4:] for line in session.splitlines() if line.startswith((">>> ", "... ")))
    with DialServer() as server:
        (shown,) = [word.strip('",') for word in typed.split() if word.startswith('Dial(base_url="')]
        exec(compile(typed.replace(shown[len('Dial(base_url="') :], server.url), "typed", "exec"), {})
        assert {"GET", "POST", "PUT", "DELETE"} == {request.method for request in server.requests}


def test_it_takes_less_than_two_seconds_where_nothing_else_runs(tmp_path, monkeypatch):
    """What it computes, and what it waits for; a busy machine makes neither longer."""
    waits, wait = [], threading.Event.wait

    def noted(event, seconds=None):
        waits.append(seconds or 0.0)
        return wait(event, seconds)

    with monkeypatch.context() as changed:
        changed.setattr(threading.Event, "wait", noted)
        changed.setattr(time, "sleep", waits.append)
        assert Command(tmp_path)("demo").code == 0
    assert any(computed() + sum(waits) < 2.0 for _ in range(3))


def computed():
    """CPU time of a demo in a process of its own."""
    before = os.times()
    assert demo().returncode == 0
    after = os.times()
    return after.children_user - before.children_user + after.children_system - before.children_system


OPTIONS = ["-O", "-OO", "-X dev -W error"]
CLOSED = ["<&-", "<&- >&-", "<&- >&- 2>&-"]


@pytest.fixture(scope="module")
def demos():
    """Demos of all options, and without standard streams where there is a shell that closes them."""
    commands = {options: demo_of(*options.split()) for options in OPTIONS}
    if os.name == "posix":
        shell = {closed: ["sh", "-c", '"$0" -m aidial_min demo ' + closed, sys.executable] for closed in CLOSED}
        commands.update(shell)
    with at_once(commands, cwd=ROOT, env={**os.environ, "PYTHONIOENCODING": "utf-8"}) as running:
        yield running


@pytest.mark.parametrize("options", OPTIONS)
def test_it_runs_under_every_option_of_the_interpreter(options, demos):
    _, err = demos[options].communicate(timeout=PATIENCE)
    assert (demos[options].returncode, err) == (0, b"")


@pytest.mark.skipif(os.name != "posix", reason="file descriptors are closed by the shell's own means")
@pytest.mark.parametrize("closed", CLOSED)
def test_it_runs_without_standard_streams(closed, demos):
    demos[closed].communicate(timeout=PATIENCE)
    assert demos[closed].returncode == 0


@pytest.mark.skipif(os.name != "posix", reason="the C locale is POSIX's")
def test_without_a_locale_it_writes_escapes():
    bare = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    answer = demo(environment=bare)
    assert answer.returncode == 0, answer.stderr.decode()
    assert b"caf\\xe9" in answer.stdout and answer.stdout.isascii()


def test_proxies_of_the_environment_stay_out_of_it(tmp_path):
    nowhere = dict.fromkeys(["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"], "http://127.0.0.1:9")
    answer = Command(tmp_path, **nowhere)("demo")
    assert answer.code == 0, answer.err


def test_it_leaves_the_environment_as_it_was(capsys):
    from aidial_min.__main__ import main

    before = dict(os.environ)
    assert main(["demo"]) == 0
    assert dict(os.environ) == before
