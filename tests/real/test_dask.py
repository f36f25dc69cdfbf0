"""Beyond one machine: the same batch on Dask, with a client that travels by pickle.

AIDIAL_DASK_PYTHON names a Python with dask and distributed, in an environment of its own:

    python3 -m venv dask && dask/bin/pip install dask distributed
    AIDIAL_DASK_PYTHON=dask/bin/python python3 -m pytest tests/real/test_dask.py
"""

import collections
import json
import os
import subprocess
from pathlib import Path

import pytest

from aidial_min.testing import Deployment, DialServer
from aidial_min.testing.builtin_deployments import calculator

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(__file__).with_name("dask_batch.py")
PYTHON = os.environ.get("AIDIAL_DASK_PYTHON")
PROMPTS = ["%d+1=" % number for number in range(1_000)]

with_dask = pytest.mark.skipif(
    not PYTHON, reason="AIDIAL_DASK_PYTHON names no Python with dask and distributed (see the top of this file)"
)


class Model:
    """The calculator, and how often it was asked what."""

    def __init__(self):
        self.asked = collections.Counter()

    def __call__(self, request):
        self.asked[request.last_text] += 1
        return calculator(request)


@pytest.fixture
def model():
    return Model()


@pytest.fixture
def server(model):
    with DialServer(deployments=[Deployment("calculator", behaviour=model)]) as running:
        yield running


def answers_of(server, folder):
    """Run the program; the client comes from this tree, and nothing of the user's own Dask configuration is read."""
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "DASK_CONFIG": str(folder / "none"),
        "NO_PROXY": "127.0.0.1",
        "DIAL_URL": server.url,
        "DIAL_API_KEY": server.api_key,
    }
    done = subprocess.run([PYTHON, str(PROGRAM)], cwd=folder, env=env, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr.decode()
    return [json.loads(line) for line in (folder / "answers.jsonl").read_text().splitlines()]


@with_dask
def test_a_thousand_prompts_are_answered_once_each_by_two_processes(server, model, tmp_path):
    server.fail(503, times=2, retry_after=0)  # retries are the client's own, over there as here
    answers = answers_of(server, tmp_path)
    assert [answer["prompt"] for answer in answers] == PROMPTS
    assert [answer["answer"] for answer in answers] == [str(number + 1) for number in range(1_000)]
    assert len({answer["process"] for answer in answers}) == 2
    assert len(model.asked) == 1_000 and set(model.asked.values()) == {1}


@with_dask
def test_a_failure_comes_back_as_a_value_and_the_others_go_on(server, model, tmp_path):
    server.fail(500, message="out of order")
    answers = answers_of(server, tmp_path)
    failed = [answer for answer in answers if "error" in answer]
    assert [answer["request_sent"] for answer in failed] == ["yes"] and "out of order" in failed[0]["error"]
    assert [answer["prompt"] for answer in answers] == PROMPTS
    assert sum(model.asked.values()) == 999


def test_the_readme_shows_the_program_that_runs_here():
    readme = (ROOT / "aidial_min" / "README.md").read_text(encoding="utf-8")
    program = PROGRAM.read_text(encoding="utf-8").split('"""\n\n', 1)[1]
    assert program in readme
