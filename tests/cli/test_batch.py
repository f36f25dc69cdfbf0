"""`python -m aidial_min batch`: a file of prompts in, a file of answers out, through every kind of end.

The commands are real processes, the server is embedded, and what the model was asked is counted where it answers: a
question counted twice would have been billed twice. AIDIAL_BATCH_LINES sets the size of the largest test.
"""

import _thread
import collections
import functools
import json
import math
import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from aidial_min.__main__ import main
from aidial_min.cli import batch as batch_command
from aidial_min.cli import batch_journal, batch_output, batch_run
from aidial_min.testing import AppError, Deployment, DialServer

from ..support.interpreters import long
from ..support.patience import PATIENCE, until

ROOT = Path(__file__).resolve().parents[2]
LINES = int(os.environ.get("AIDIAL_BATCH_LINES", "400"))
posix = pytest.mark.skipif(os.name != "posix", reason="signals and terminals of POSIX")


class Model:
    """A deployment that repeats the prompt, and notes what it was asked and when.

    Attributes:
        delay: seconds each answer takes. slow_from: the question from which on it takes longer. held: answers to what
        is "slow" wait for it. happens: what to call when so many questions have been asked.
    """

    def __init__(self):
        self.asked = []
        self.times = []
        self.delay = 0.0
        self.slow_from = math.inf
        self.happens = {}
        self.held = threading.Event()
        self.held.set()
        self.systems = []

    def __call__(self, request):
        self.asked.append(request.last_text)
        self.times.append(time.monotonic())
        self.systems.append([m["content"] for m in request.messages if m["role"] == "system"])
        if len(self.asked) in self.happens:
            self.happens.pop(len(self.asked))()
        if "slow" in request.last_text:
            while not self.held.is_set():
                yield 0.02
        if "fails" in request.last_text:
            raise AppError("this can't be answered", 500)
        if "not for you" in request.last_text:
            raise AppError("not for you", 401)
        if self.delay:
            yield self.delay if len(self.asked) < self.slow_from else 0.3
        yield "you said " + request.last_text


@pytest.fixture
def model():
    return Model()


@pytest.fixture
def server(model, monkeypatch):
    with DialServer(deployments=[Deployment("model", behaviour=model), Deployment("other")]) as running:
        for name, value in environment(running).items():
            monkeypatch.setenv(name, value)
        yield running
        model.held.set()


def environment(server):
    return {"DIAL_URL": server.url, "DIAL_API_KEY": server.api_key, "NO_PROXY": "*", "DIAL_DEPLOYMENT": "model"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_input(lines, path="in.jsonl"):
    Path(path).write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def prompts(count, text="question %d"):
    return [text % number for number in range(1, count + 1)]


def batch(*options, output="out.jsonl"):
    return main(["batch", "in.jsonl", "-o", output, *options])


def begin(*options, **arguments):
    command = [sys.executable, "-m", "aidial_min", "batch", "in.jsonl", "-o", "out.jsonl", *options]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, env=env, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, **arguments)


def end(process):
    """Let it come to its end, and give its exit code."""
    process.communicate(timeout=PATIENCE)
    return process.returncode


def kill(process):
    """SIGKILL, at whatever it is doing."""
    process.kill()
    process.communicate()


def output(path="out.jsonl"):
    """The lines of the output; a torn one can't pass."""
    text = Path(path).read_bytes()
    assert not text or text.endswith(b"\n")
    return [json.loads(line) for line in text.splitlines()]


def numbers(lines):
    return [line["line"] for line in lines]


@contextmanager
def let_go(model, condition):
    """Hold what is "slow" until a condition is met; gives how many questions had been asked a little later."""
    asked = []

    def watch():
        try:
            until(condition)
            time.sleep(0.1)
            asked.append(len(model.asked))
        finally:
            model.held.set()

    model.held.clear()
    watching = threading.Thread(target=watch)
    watching.start()
    yield asked
    watching.join()
    assert asked, "it did not happen"


def size(path="out.jsonl"):
    return os.path.getsize(path) if os.path.exists(path) else 0


def finished(path="out.jsonl"):
    return Path(path).read_bytes().count(b"\n") if os.path.exists(path) else 0


# ---------------------------------------------------------------- the whole story


class Trouble:
    """Five requests of a hundred meet a rate limit, a 503 or a cut connection, the cut ones before or in an answer."""

    def __init__(self):
        self.server = None
        self.count = 0
        self.lock = threading.Lock()

    def __call__(self, line):
        with self.lock:
            self.count += 1
            if self.count % 20 == 0:
                kind = self.count // 20 % 4
                if kind == 0:
                    self.server.fail(429, retry_after=0.05)
                elif kind == 1:
                    self.server.fail(503)
                else:
                    self.server.drop(after_bytes=0 if kind == 2 else 120)


@posix
@long
@pytest.mark.parametrize("options", [[], ["--unordered"]], ids=["ordered", "unordered"])
def test_every_line_stands_once_through_failures_and_two_kills(folder, model, options):
    trouble = Trouble()
    model.delay = 0.01
    write_input([{"id": "id-%d" % number, "prompt": "question %d" % number} for number in range(1, LINES + 1)])
    with DialServer(deployments=[Deployment("model", behaviour=model)], log=trouble) as trouble.server:
        os.environ.update(environment(trouble.server))
        for share in (0.3, 0.6):
            model.slow_from = len(model.asked) + LINES * 0.3  # so that it has not ended when it is killed
            process = begin("-j", "8", *options)
            until(lambda share=share: finished() >= LINES * share)
            process.kill()
            process.communicate()
            assert process.returncode == -signal.SIGKILL
            assert finished() < LINES
        model.slow_from = math.inf
        process = begin("-j", "8", *options)
        _, told = process.communicate(timeout=120)

        lines = output()
        assert sorted(numbers(lines)) == list(range(1, LINES + 1))
        assert options or numbers(lines) == sorted(numbers(lines))
        failed = [line for line in lines if not line["ok"]]
        uncertain = [line for line in failed if "--ask-again" in line["error"]["message"]]
        assert process.returncode == 1 and b"%d failed, 0 left" % len(failed) in told
        assert LINES / 100 < len(failed) <= LINES / 40 + 16 + 4 and len(uncertain) <= 16
        assert {line["error"]["request_sent"] for line in failed} <= {"maybe", "yes"}
        assert {line["error"]["class"] for line in failed} <= {"DialConnectionError", "ResponseInterruptedError"}
        assert all(line["answer"] == "you said question %d" % line["line"] for line in lines if line["ok"])
        assert all(line["id"] == "id-%d" % line["line"] for line in lines)

        asked = collections.Counter(model.asked)
        assert max(asked.values()) == 1, "nothing was billed twice"
        assert sum(asked.values()) >= len(lines) - len(uncertain)

        for _ in range(5):  # some of those asked again are cut again
            if end(begin("-j", "8", "--ask-again", *options)) == 0:
                break
        lines = output()
        assert sorted(numbers(lines)) == list(range(1, LINES + 1))
        assert options or numbers(lines) == sorted(numbers(lines))
        assert all(line["ok"] for line in lines)
        again = {"question %d" % line["line"] for line in failed}
        assert {prompt for prompt, times in collections.Counter(model.asked).items() if times > 1} <= again


@posix
@long
@pytest.mark.parametrize("seed", [1, 2])
def test_killed_again_and_again_it_comes_to_its_end(folder, model, server, seed):
    moments = random.Random(seed)
    write_input(prompts(150))
    model.delay = 0.002
    for _ in range(8):
        written = size("out.jsonl.journal") + size() + moments.randrange(1, 4000)
        process = begin("-j", "4")
        until(lambda w=written, p=process: size("out.jsonl.journal") + size() >= w or p.poll() is not None)
        kill(process)
    assert end(begin("-j", "4")) in (0, 1)
    lines = output()
    assert numbers(lines) == list(range(1, 151))
    assert sum(not line["ok"] for line in lines) <= 8 * 4
    assert max(collections.Counter(model.asked).values()) == 1


# ---------------------------------------------------------------- lines


def test_a_line_is_text_a_prompt_or_messages_with_parameters_of_its_own(folder, server, model):
    write_input([
        "plain text",
        {"prompt": "a prompt", "temperature": 0.5, "id": 7},
        {"messages": [{"role": "user", "content": "messages"}], "id": {"any": "thing"}},
        {"prompt": "hello", "deployment": "other"},
        {"prompt": "more", "extra_body": {"seed": 3}},
    ])  # fmt: skip
    assert batch("-s", "Be brief") == 0
    lines = output()
    assert [line["answer"] for line in lines[:3]] == ["you said plain text", "you said a prompt", "you said messages"]
    assert [line.get("id") for line in lines] == [None, 7, {"any": "thing"}, None, None]
    assert [line["deployment"] for line in lines] == ["model"] * 3 + ["other", "model"]
    assert lines[3]["answer"] == "hello"
    assert lines[0]["response"]["choices"][0]["message"]["content"] == "you said plain text"
    bodies = {request.json()["messages"][-1]["content"]: request.json() for request in server.requests}
    assert bodies["a prompt"]["temperature"] == 0.5 and "id" not in bodies["a prompt"]
    assert bodies["more"]["seed"] == 3
    assert sorted(model.systems) == [[], ["Be brief"], ["Be brief"], ["Be brief"]]  # messages are complete


def test_lines_that_ask_nothing_fail_by_themselves_and_are_not_sent(folder, server, model):
    bad = [b"{torn", b"17", b"{}", b'{"prompt": "a", "messages": []}', b'{"prompt": "a", "temprature": 1}',
           b'"\xff"', b'{"id": "x", "prompt": "a", "stream": true}', b'{"prompt": "", "deployment": 3}',
           b"[" * 99_999]  # fmt: skip
    Path("in.jsonl").write_bytes(b"\n".join([*bad, b"", b'"good"', b" "]))
    assert batch() == 1
    lines = output()
    assert numbers(lines) == [*range(1, 10), 11], "empty lines count, and are left out"
    assert [line["ok"] for line in lines] == [False] * 9 + [True]
    assert {line["error"]["class"] for line in lines[:-1]} == {"InvalidRequestError"}
    assert {(line["error"]["status"], line["error"]["request_sent"]) for line in lines[:-1]} == {(None, "no")}
    assert "temperature" in lines[4]["error"]["message"] and lines[6]["id"] == "x"
    assert model.asked == ["good"]


def test_text_of_every_kind_arrives_and_comes_back(folder, server):
    texts = ["café ☕ \u2028 \x85 \U0001f600", 'quotes " and \\', "line\nend"]
    write_input([*texts, {"prompt": "with an id", "id": "half a pair: \ud800"}])
    assert batch() == 0
    assert [line["answer"] for line in output()[:3]] == ["you said " + text for text in texts]
    assert output()[3]["id"] == "half a pair: \ud800"
    assert "café ☕" in Path("out.jsonl").read_text("utf-8"), "readable where it can be"


def test_without_a_deployment_each_line_says_so(folder, server, monkeypatch):
    monkeypatch.delenv("DIAL_DEPLOYMENT")
    write_input(["a", {"prompt": "b", "deployment": "other"}])
    assert batch() == 1
    assert [line["ok"] for line in output()] == [False, True]
    assert "-d" in output()[0]["error"]["message"]


def test_a_failure_is_a_line_with_its_error(folder, server, capsys):
    write_input(["good", "this fails", "good too"])
    assert batch() == 1
    lines = output()
    assert [line["ok"] for line in lines] == [True, False, True]
    assert lines[1]["error"] == {
        "class": "ServerError",
        "message": "this can't be answered",
        "status": 500,
        "request_sent": "yes",
        "code": "500",
    }
    told = capsys.readouterr()
    assert told.out == ""
    assert "2 answered, 1 failed, 0 left" in told.err and "--ask-again" in told.err


def test_the_output_is_named_after_the_input(folder, server):
    write_input(["a"])
    assert main(["batch", "in.jsonl"]) == 0
    assert numbers(output("in.answers.jsonl")) == [1]


def test_an_empty_input_is_a_finished_one(folder, server):
    Path("in.jsonl").write_bytes(b"\n\n")
    assert batch() == 0
    assert output() == []


# ---------------------------------------------------------------- order and pace


def test_answers_stand_in_the_inputs_order_though_the_first_comes_last(folder, server, model):
    write_input(["slow one", *prompts(30)])
    with let_go(model, lambda: len(model.asked) == 31 and output() == []):
        assert batch("-j", "4") == 0
    assert numbers(output()) == list(range(1, 32))


def test_unordered_answers_stand_as_they_came(folder, server, model):
    write_input(["slow one", *prompts(30)])
    with let_go(model, lambda: finished() == 30):
        assert batch("-j", "4", "--unordered") == 0
    assert numbers(output())[-1] == 1 and sorted(numbers(output())) == list(range(1, 32))


def test_no_more_are_asked_at_a_time_than_j(folder, server, model):
    write_input(prompts(20, "slow %d"))
    with let_go(model, lambda: len(model.asked) >= 3) as asked:
        assert batch("-j", "3") == 0
    assert asked == [3]


@pytest.mark.parametrize("most", [2, 0])
def test_more_workers_than_the_system_lets_begin_are_done_without(folder, server, model, monkeypatch, capsys, most):
    begin, begun = threading.Thread.start, []

    def start(thread):
        if thread.name == "batch":
            if len(begun) == most:
                raise RuntimeError("can't start new thread")
            begun.append(thread)
        begin(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    write_input(prompts(20))
    assert batch("-j", "9") == (0 if most else 2)
    assert len(begun) == most
    assert numbers(output()) == (list(range(1, 21)) if most else [])
    assert most or "no thread" in capsys.readouterr().err


def test_lines_far_beyond_a_slow_one_are_not_asked_before_it_is_answered(folder, server, model, monkeypatch):
    monkeypatch.setattr(batch_output, "WINDOW", 10)
    write_input(["slow one", *prompts(30)])
    with let_go(model, lambda: len(model.asked) >= 10) as asked:
        assert batch("-j", "4") == 0
    assert asked == [10]
    assert numbers(output()) == list(range(1, 32))


def test_a_run_that_ends_early_does_not_wait_for_lines_far_beyond(folder, server, model, monkeypatch):
    """The line that holds the others up is refused for good: nothing makes room for them any more."""
    monkeypatch.setattr(batch_output, "WINDOW", 10)
    write_input(["slow, and not for you", *prompts(30)])
    with let_go(model, lambda: len(model.asked) >= 10):
        assert batch("-j", "4") == 3
    assert output() == []


def test_a_rate_limit_makes_everyone_wait(folder, server, model):
    write_input(prompts(60))
    model.delay = 0.02
    model.happens[20] = lambda: server.fail(429, retry_after=0.4)
    assert batch("-j", "6") == 0
    assert numbers(output()) == list(range(1, 61)) and all(line["ok"] for line in output())
    early = [seconds for seconds in model.times[20:] if seconds - model.times[19] < 0.38]
    assert len(early) < 20, "those that were on their way"
    assert len(model.asked) == 60


def test_a_limit_without_a_time_is_approached_again_carefully(folder, server, model, monkeypatch):
    monkeypatch.setattr(batch_run, "FIRST_PAUSE", 0.2)
    server.fail(429, times=3)
    write_input(prompts(12))
    began = time.monotonic()
    assert batch("-j", "3") == 0
    assert time.monotonic() - began >= 0.1
    assert all(line["ok"] for line in output())


def test_a_longer_wait_than_allowed_ends_the_run_and_the_next_goes_on(folder, server, model, capsys):
    write_input(prompts(5))
    server.fail(429, retry_after=3600)
    assert batch("-j", "1", "--max-wait", "60") == 5
    assert "3600 s" in capsys.readouterr().err
    assert output() == []
    assert batch() == 0
    assert numbers(output()) == [1, 2, 3, 4, 5] and len(model.asked) == 5


@pytest.mark.parametrize("text", ["nan", "-1", "soon"])
def test_a_wait_is_a_number_of_seconds(folder, text):
    write_input(["a"])
    with pytest.raises(SystemExit) as stop:
        batch("--max-wait", text)
    assert stop.value.code == 2


def test_refusals_are_outlasted_as_long_as_max_wait_allows(folder, server, model, monkeypatch):
    """However many there are: nothing was done for them, so they are no reason to fail a line."""
    monkeypatch.setattr(batch_run, "FIRST_PAUSE", 0.01)
    server.fail(429, times=40, retry_after=0)
    server.fail(503, times=12)
    write_input(prompts(10))
    assert batch("-j", "8", "--retries", "2") == 0
    assert len(model.asked) == 10


def test_a_server_that_only_refuses_ends_the_run(folder, server, model):
    server.fail(429, times=None, retry_after=0.02)
    write_input(prompts(10))
    assert batch("--max-wait", "0.1") == 5
    assert output() == [] and model.asked == []


def test_a_line_that_alone_is_refused_for_ever_fails(folder, server, model):
    server.fail(429, times=None, retry_after=0, path="other")
    write_input([*prompts(3), {"prompt": "x", "deployment": "other"}, *prompts(20)])
    model.delay = 0.01
    assert batch("-j", "2", "--retries", "3") == 1
    assert [line["line"] for line in output() if not line["ok"]] == [4]
    assert output()[3]["error"]["class"] == "RateLimitError"


# ---------------------------------------------------------------- what ends a run


def test_a_wrong_key_ends_the_run_at_once(folder, server, model, monkeypatch, capsys):
    write_input(prompts(5))
    monkeypatch.setenv("DIAL_API_KEY", "wrong-secret")
    assert batch() == 3
    assert output() == [] and "wrong-secret" not in capsys.readouterr().err
    monkeypatch.setenv("DIAL_API_KEY", server.api_key)
    assert batch() == 0
    assert len(model.asked) == 5


def test_no_server_ends_the_run_and_nothing_is_lost(folder, server, model):
    write_input(prompts(5))
    assert batch("--retries", "1", "--url", "http://127.0.0.1:9") == 8
    assert output() == []
    assert batch() == 0
    assert numbers(output()) == [1, 2, 3, 4, 5]


def test_twenty_failures_in_a_row_end_the_run(folder, server, model):
    write_input([*prompts(3), *prompts(60, "fails %d")])
    assert batch("-j", "1") == 1
    lines = output()
    assert len(lines) == 3 + batch_run.IN_VAIN and len(model.asked) == len(lines)
    assert batch("-j", "1") == 1
    assert len(output()) == 3 + 2 * batch_run.IN_VAIN


def test_a_server_that_is_not_named_is_said_before_anything_begins(folder, monkeypatch, capsys):
    write_input(["a"])
    for name in ("DIAL_URL", "DIAL_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    assert batch("-d", "model") == 2
    assert "DIAL_URL" in capsys.readouterr().err


@posix
def test_ctrl_c_waits_for_what_is_on_its_way_and_is_130(folder, server, model):
    write_input([*prompts(10), *prompts(50, "slow %d")])
    model.held.clear()
    process = begin("-j", "4")
    until(lambda: len(model.asked) == 14)
    process.send_signal(signal.SIGINT)
    assert b"waiting for 4 answers" in process.stderr.readline()
    model.held.set()
    _, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert b"14 answered, 0 failed, 46 left" in told and b"Traceback" not in told
    assert numbers(output()) == list(range(1, 15))
    assert batch() == 0
    assert len(model.asked) == 60


@posix
@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_second_signal_leaves_behind_what_is_on_its_way(folder, server, model, number, code):
    write_input([*prompts(10), *prompts(50, "slow %d")])
    model.held.clear()
    process = begin("-j", "4")
    until(lambda: len(model.asked) == 14)
    process.send_signal(number)
    process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == code and b"Traceback" not in told
    assert numbers(output()) == list(range(1, 11))
    model.held.set()
    assert batch() == 1
    lines = output()
    assert numbers(lines) == list(range(1, 61))
    assert [line["line"] for line in lines if not line["ok"]] == [11, 12, 13, 14]
    assert len(model.asked) == 60


def test_ctrl_c_that_another_thread_took_ends_the_wait_for_answers(monkeypatch):
    waits, answered, left, late = [], threading.Event(), threading.Event(), []

    class Work:
        pace = SimpleNamespace(asking=1)

        def stop(self):
            pass

        def wait(self, seconds):
            waits.append(seconds)
            return answered.wait(seconds)

    def interrupt():
        until(lambda: len(waits) > 1)
        time.sleep(0.05)  # so that the wait has begun
        _thread.interrupt_main()
        if not left.wait(PATIENCE):
            late.append(True)
            answered.set()

    monkeypatch.setattr(batch_command, "GRACE", 2 * PATIENCE)
    thread = threading.Thread(target=interrupt)
    thread.start()
    batch_command.leave(Work())
    left.set()
    thread.join(PATIENCE)
    assert not late


# ---------------------------------------------------------------- going on


def killed_run(model, *options, lines=20, slow_from=11):
    """Kill a run of four workers that has answered ten lines and is asking four more; gives what makes it so again."""
    write_input([("slow %d" if number >= slow_from else "quick %d") % number for number in range(1, lines + 1)])
    model.held.clear()
    process = begin("-j", "4", *options)
    until(lambda: len(model.asked) == slow_from + 3)
    until(lambda: finished() == slow_from - 1)
    kill(process)
    model.held.set()
    left, asked = {path: path.read_bytes() for path in map(Path, ("out.jsonl", "out.jsonl.journal"))}, len(model.asked)

    def again():
        for path, data in left.items():
            path.write_bytes(data)
        del model.asked[asked:]

    return again


@posix
def test_what_was_being_asked_when_it_died_is_not_asked_again(folder, server, model):
    killed_run(model)
    assert batch() == 1
    lines = output()
    assert numbers(lines) == list(range(1, 21))
    failed = [line for line in lines if not line["ok"]]
    assert numbers(failed) == [11, 12, 13, 14]
    assert {line["error"]["request_sent"] for line in failed} == {"maybe"}
    assert {line["error"]["status"] for line in failed} == {None}
    assert max(collections.Counter(model.asked).values()) == 1


@posix
def test_with_ask_again_it_is_asked_again_at_once(folder, server, model):
    killed_run(model)
    assert batch("--ask-again") == 0
    assert numbers(output()) == list(range(1, 21)) and all(line["ok"] for line in output())
    assert len(model.asked) == 24


@posix
def test_with_ask_again_later_lines_come_to_their_places(folder, server, model):
    killed_run(model)
    assert batch() == 1
    assert batch("--ask-again") == 0
    assert numbers(output()) == list(range(1, 21)) and all(line["ok"] for line in output())
    assert len(model.asked) == 24


@posix
def test_answers_that_waited_for_their_turn_survive(folder, server, model):
    write_input(["slow one", *prompts(30)])
    model.held.clear()
    process = begin("-j", "4")
    until(lambda: Path("out.jsonl.journal").read_bytes().count(b"\n= ") == 30 if size("out.jsonl.journal") else False)
    kill(process)
    assert output() == []
    model.held.set()
    assert batch() == 1
    lines = output()
    assert numbers(lines) == list(range(1, 32))
    assert [line["ok"] for line in lines] == [False] + [True] * 30
    assert len(model.asked) == 31


def test_a_refused_line_is_not_uncertain(folder, server, model):
    """It waits for its second try when the run dies: nothing was done for it, so it is asked."""
    write_input(["only one"])
    server.fail(429, retry_after=30)
    process = begin()
    until(lambda: len(server.requests) == 1 and b"<" in Path("out.jsonl.journal").read_bytes())
    kill(process)
    assert batch() == 0
    assert model.asked == ["only one"]


def test_a_finished_batch_asks_nothing_and_needs_no_server(folder, server, model, monkeypatch):
    write_input(prompts(5))
    assert batch() == 0
    before = Path("out.jsonl").read_bytes()
    monkeypatch.delenv("DIAL_URL")
    assert batch() == 0 and batch("--ask-again") == 0
    assert Path("out.jsonl").read_bytes() == before and len(model.asked) == 5


@posix
def test_a_torn_last_line_is_repaired(folder, server, model):
    again = killed_run(model, "--unordered")
    whole = Path("out.jsonl").read_bytes()
    torn = numbers(output())[-1]
    assert len(whole.splitlines()[-1]) > 200
    for cut in (1, 2, 10, 200):
        again()
        os.truncate("out.jsonl", len(whole) - cut)
        assert batch("--unordered") == 1
        lines = output()
        assert sorted(numbers(lines)) == list(range(1, 21))
        lost = {torn} if cut > 1 else set()  # where only its line end is missing, the answer is all there
        assert {line["line"] for line in lines if not line["ok"]} == lost | {11, 12, 13, 14}
        assert max(collections.Counter(model.asked).values()) == 1


@posix
def test_a_torn_record_of_the_journal_is_as_if_never_written(folder, server, model):
    again = killed_run(model)
    for tail in (b"> ", b"> 1", b"< 1", b'= {"line": 15, "ok": true, "ans'):
        again()
        with open("out.jsonl.journal", "ab") as file:
            file.write(tail)
        assert batch("--retries", "0", "--url", "http://127.0.0.1:9") == 8, tail  # writes behind it
        assert batch() == 1, tail
        assert [line["line"] for line in output() if not line["ok"]] == [11, 12, 13, 14]
        assert numbers(output()) == list(range(1, 21))


@posix
def test_a_long_journal_is_written_anew_and_knows_the_same(folder, server, model, monkeypatch):
    monkeypatch.setattr(batch_journal, "COMPACT_AT", 500)
    write_input(["slow one", *prompts(100)])
    with let_go(model, lambda: len(model.asked) == 101):
        assert batch("-j", "4") == 0
    assert numbers(output()) == list(range(1, 102)) and all(line["ok"] for line in output())
    assert [line["answer"] for line in output()[1:]] == ["you said " + prompt for prompt in prompts(100)]
    assert size("out.jsonl.journal") < 500
    assert batch() == 0 and len(model.asked) == 101


def test_a_journal_written_anew_keeps_what_is_of_use(folder):
    batch_journal.replace("j", [batch_journal.json_line({"batch": 1})])
    journal = batch_journal.Journal("j")
    kept = {number: b'{"line": %d, "ok": true, "x": "%s"}\n' % (number, b"y" * number) for number in (3, 5, 8)}
    for number in range(1, 10):
        journal.begin(number)
        if number in kept:
            journal.keep(number, kept[number])
    for number in (1, 2, 5):
        journal.finished(number)
    journal.give_back(4)
    journal.compact(finished=3)
    journal.begin(11)
    assert {number: journal.read(number) for number in (3, 8)} == {3: kept[3], 8: kept[8]}
    journal.close()
    loaded = batch_journal.Journal("j", lambda number: number == 7)
    assert loaded.begun == {6, 9, 11} and {n: loaded.read(n) for n in loaded.kept} == {3: kept[3], 8: kept[8]}
    assert loaded.header == {"batch": 1, "finished": 3}
    loaded.close()


@posix
@pytest.mark.parametrize("options", [[], ["--unordered"]], ids=["ordered", "unordered"])
def test_a_full_disk_ends_the_run_and_spoils_nothing(folder, server, model, options):
    import resource

    write_input(["slow one", *prompts(200)] if not options else prompts(200))
    full = functools.partial(resource.setrlimit, resource.RLIMIT_FSIZE, (20_000, 20_000))
    # In order, the answers fill the journal; else the output.
    with let_go(model, lambda: max(size("out.jsonl.journal"), size()) > 19_000):
        process = begin("-j", "4", *options, preexec_fn=full)
        _, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1 and b"File too large" in told and b"Traceback" not in told
    assert 0 < len(model.asked) < 200
    assert batch("-j", "4", *options) in (0, 1)
    assert sorted(numbers(output())) == list(range(1, 201 + (not options)))
    assert max(collections.Counter(model.asked).values()) == 1
    assert sum(not line["ok"] for line in output()) <= 4


@posix
def test_what_does_not_fit_on_the_disk_leaves_no_part_of_itself(folder):
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with open("file", "ab", buffering=0) as file:
        batch_journal.append(file, b"whole\n", 0)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20, before[1]))
        try:
            with pytest.raises(OSError):
                batch_journal.append(file, b"does not fit" * 3, 6)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert Path("file").read_bytes() == b"whole\n"


# ---------------------------------------------------------------- files that do not belong together


def test_a_changed_input_is_refused(folder, server, model, capsys):
    write_input(prompts(3))
    assert batch() == 0
    before = Path("out.jsonl").read_bytes()
    write_input(prompts(4))
    assert batch() == 2
    told = capsys.readouterr().err
    assert "in.jsonl has changed" in told and "3 lines" in told and "4 lines" in told
    assert Path("out.jsonl").read_bytes() == before and len(model.asked) == 3


def test_a_file_of_somebody_else_is_not_written_to(folder, server, capsys):
    write_input(["a"])
    Path("out.jsonl").write_text("my notes\n")
    assert batch() == 2
    assert "out.jsonl exists" in capsys.readouterr().err
    assert batch(output="in.jsonl") == 2
    assert Path("out.jsonl").read_text() == "my notes\n" and Path("in.jsonl").read_text() == '"a"\n'


@posix
def test_what_a_run_leaves_that_dies_while_it_writes_anew_is_removed(folder, server, model, monkeypatch):
    def die(self):
        raise KeyboardInterrupt

    write_input(["a", "fails"])
    assert batch() == 1
    with monkeypatch.context() as patched:
        patched.setattr("aidial_min.transport.atomic_file.TargetFile.commit", die)
        patched.setattr("aidial_min.transport.atomic_file.TargetFile.discard", lambda self: self._file.close())
        assert batch("--ask-again") == 130
    assert [name for name in os.listdir() if name.endswith(".part")]
    assert batch() == 1
    assert sorted(os.listdir()) == ["in.jsonl", "out.jsonl", "out.jsonl.journal"]


@pytest.mark.parametrize("name", ["out.jsonl.lock", "out.jsonl.new", "out.jsonl.journal.new", ".out.jsonl.part"])
def test_an_input_is_never_written_over_whatever_it_is_called(folder, server, name):
    write_input(["a"], name)
    main(["batch", name, "-o", "out.jsonl"])
    assert Path(name).read_text() == '"a"\n'


def test_files_of_somebody_else_beside_the_output_stay(folder, server, capsys):
    write_input(["a"])
    Path("out.jsonl.new").write_text("mine")
    assert batch() == 0 and batch("--ask-again") == 0
    assert Path("out.jsonl.new").read_text() == "mine"
    Path("out.jsonl.lock").write_text("mine\n")
    assert batch() == 2
    assert "out.jsonl.lock is in the way" in capsys.readouterr().err
    assert Path("out.jsonl.lock").read_text() == "mine\n"


@posix
def test_an_output_is_an_ordinary_file(folder, server, capsys):
    write_input(["a"])
    os.mkfifo("pipe")
    for name in ("pipe", "/dev/null", "."):
        assert batch(output=name) == 2
        assert "%s is no ordinary file" % name in capsys.readouterr().err
    assert sorted(os.listdir()) == ["in.jsonl", "pipe"]


@posix
def test_a_link_to_an_output_is_that_output(folder, server, model):
    write_input(["a", "fails", "c"])
    os.symlink("real.jsonl", "out.jsonl")
    assert batch() == batch("--ask-again") == 1
    assert os.path.islink("out.jsonl") and numbers(output("real.jsonl")) == [1, 2, 3]
    assert sorted(os.listdir()) == ["in.jsonl", "out.jsonl", "real.jsonl", "real.jsonl.journal"]


@pytest.mark.parametrize("text", ["my notes\n", '{"line": 1, "ok": true, "a": 1}\n{"line": 1, "ok": true, "a": 1}\n'])
def test_an_output_that_is_damaged_is_refused(folder, server, capsys, text):
    write_input(["a", "b"])
    assert batch() == 0
    Path("out.jsonl").write_text(text)
    assert batch() == 2
    assert "out.jsonl, line" in capsys.readouterr().err
    assert Path("out.jsonl").read_text() == text


def test_an_output_that_is_gone_is_not_asked_for_anew(folder, server, model, capsys):
    write_input(["a"])
    assert batch() == 0
    os.unlink("out.jsonl")
    assert batch() == 2
    assert "out.jsonl is gone" in capsys.readouterr().err and len(model.asked) == 1
    os.unlink("out.jsonl.journal")
    assert batch() == 0 and len(model.asked) == 2


@posix
def test_a_journal_that_is_damaged_is_one_error_and_nothing_is_asked(folder, server, model, capsys):
    killed_run(model)
    lines = Path("out.jsonl.journal").read_bytes().splitlines(keepends=True)
    before, asked = Path("out.jsonl").read_bytes(), len(model.asked)
    no_answers = (b'{"line": 9, "ok": tr', b'{"line": 9}', b'{"line": 1e400, "ok": true, "a": 1}', b"[" * 100_000)
    for record in (b"nonsense", b"> six", b"> 700", b"= {", b"= []", b"", *(b"= " + line for line in no_answers)):
        damaged = b"".join([*lines[:5], record + b"\n", *lines[5:]])
        Path("out.jsonl.journal").write_bytes(damaged)
        for options in ([], ["--ask-again"]):
            assert batch(*options) == 2, record
            told = capsys.readouterr().err
            assert told.startswith("out.jsonl.journal is damaged: ") and told.count("\n") == 1
        assert Path("out.jsonl").read_bytes() == before and Path("out.jsonl.journal").read_bytes() == damaged
        assert len(model.asked) == asked


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"{}",
        b"[1]",
        b"[" * 100_000,
        b'{"batch": 1, "input": 7}',
        b'{"batch": 1, "input": {"size": 1, "lines": 1, "prompts": 1, "sha256": ""}, "ordered": 1, "finished": 1e400}',
        b"\xff\n",
    ],
    ids=lambda header: repr(header[-20:]),
)
def test_a_journal_that_is_none_is_one_error(folder, server, capsys, header):
    write_input(["a"])
    assert batch() == 0
    Path("out.jsonl.journal").write_bytes(header)
    capsys.readouterr()
    assert batch() == 2
    assert "out.jsonl.journal is no journal of a batch" in capsys.readouterr().err


@pytest.mark.parametrize("cut", [3, 300, 10_000_000], ids=["torn", "a line or two", "everything"])
def test_a_finished_output_that_lost_its_tail_is_not_asked_for_again(folder, server, model, capsys, cut):
    write_input([*prompts(5), "fails"])
    assert batch() == 1
    whole = Path("out.jsonl").read_bytes()
    cut_off = whole[: max(0, len(whole) - cut)]
    Path("out.jsonl").write_bytes(cut_off)
    for options in ([], ["--ask-again"]):
        assert batch(*options) == 2
        assert "out.jsonl has lost lines: 6 were written, %d are there" % finished() in capsys.readouterr().err
    assert Path("out.jsonl").read_bytes() == cut_off and len(model.asked) == 6
    Path("out.jsonl").write_bytes(whole)
    assert batch("--ask-again") == 1 and len(model.asked) == 7


@posix
def test_a_pipe_is_no_input(folder, server, capsys):
    read, write = os.pipe()
    try:
        assert main(["batch", "/dev/fd/%d" % read, "-o", "out.jsonl"]) == 2
    finally:
        os.close(read)
        os.close(write)
    assert "ordinary file" in capsys.readouterr().err


def test_an_input_that_is_not_there_is_named(folder, server, capsys):
    assert batch() == 1
    assert "in.jsonl" in capsys.readouterr().err


def test_two_runs_do_not_write_to_one_output_and_a_dead_one_holds_nothing(folder, server, model, capsys):
    write_input(prompts(4, "slow %d"))
    model.held.clear()
    process = begin("-j", "2")
    until(lambda: len(model.asked) == 2)
    assert batch() == 2
    assert "another run (process %d) writes to out.jsonl" % process.pid in capsys.readouterr().err
    kill(process)
    model.held.set()
    assert batch() == 1
    assert not os.path.exists("out.jsonl.lock")


# ---------------------------------------------------------------- how it looks, and what it costs


@posix
def test_the_bar_is_for_a_terminal_only(folder, server, model, capsys):
    import pty

    write_input(prompts(40))
    model.delay = 0.02
    assert batch("-j", "4") == 0 and "\r" not in capsys.readouterr().err
    os.unlink("out.jsonl"), os.unlink("out.jsonl.journal")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "aidial_min", "batch", "in.jsonl", "-o", "out.jsonl", "-j", "4"]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"}, stderr=theirs)
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the terminal's other side is closed
            break
        if not piece:
            break
        shown += piece
    os.close(ours)
    assert process.wait(PATIENCE) == 0
    assert b"of 40  " in shown and b"/s  0:0" in shown and b" left" in shown


MEASURE = """
import json, resource, sys
from aidial_min.__main__ import main
with open("big.jsonl", "w") as file:
    for number in range(int(sys.argv[1])):
        file.write("%d\\n" % number)
code = main(["batch", "big.jsonl", "-o", sys.argv[1] + ".out", "-d", "x", "--url", "http://127.0.0.1:9"])
again = main(["batch", "big.jsonl", "-o", sys.argv[1] + ".out", "-d", "x"])
print(code, again, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 if sys.platform == "darwin" else 1))
"""


@posix
@long
def test_memory_does_not_grow_with_the_input(folder, server):
    """Lines that ask nothing fail without a server, so that many of them are quick."""
    peaks = []
    for lines in (1_000, 60_000):
        command = [sys.executable, "-c", MEASURE, str(lines)]
        done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, timeout=120)
        code, again, peak = map(int, done.stdout.split())
        assert (code, again) == (1, 1) and finished("%d.out" % lines) == lines
        peaks.append(peak)
    assert peaks[1] - peaks[0] < 4096, "KiB"
