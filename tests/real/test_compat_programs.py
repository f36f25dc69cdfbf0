"""Programs after public ones that use aidial-client (adapters, quick apps, trainings, retrieval backends, extractors):
each is run by the Python that has the official client, once with it and once with aidial_min.compat in front.
"""

import os
import subprocess
from typing import Callable, Dict, List

import pytest

from aidial_min.testing import DialServer

from .test_differential import HERE, VARIABLE, why_not
from .test_official_clients import KEY, PATIENCE, ROOT, put_skill

PROGRAMS = sorted(path.stem for path in (HERE / "programs").glob("*.py"))
WEATHER = {"name": "get_weather", "arguments": {"city": "Paris"}, "id": "call_1"}
USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}


def answers_of_an_agent(server: DialServer) -> None:
    server.reply(
        "Done.",
        deployment="showcase",
        stages=[{"name": "Search", "content": "found it", "status": "completed"}],
        attachments=[{"type": "text/markdown", "title": "Notes", "data": "*n*"},
                     {"type": "image/png", "title": "Plot", "url": "files/b/plot.png", "reference_url": "https://example.org/p"}],
        state={"turn": 1},
        usage=USAGE,
        statistics={"usage_per_model": [{"index": 0, "model": "inner", **USAGE}]},
        times=None,
    )  # fmt: skip


def call_of_a_tool(server: DialServer) -> None:
    server.reply(deployment="gemini-pro-vision", tool_calls=[WEATHER])
    server.reply("Sunny.", deployment="gemini-pro-vision")


SCRIPTS: Dict[str, Callable[[DialServer], None]] = {
    "agent_loop": call_of_a_tool,
    "chat_window": call_of_a_tool,
    "completion_service": answers_of_an_agent,
    "gateway": answers_of_an_agent,
    "model_cache": answers_of_an_agent,
    "sdk_agent": answers_of_an_agent,
}
GENERATIONS = {"skills_reader": "2026", "account": "2026", "file_service": "2026", "guide_files": "2026"}


def run(program: str, server: DialServer, *before: str) -> List[str]:
    """What a program prints; it must end well."""
    inherited = {name: text for name, text in os.environ.items() if "DIAL" not in name and "proxy" not in name.lower()}
    command = [os.environ[VARIABLE], *before, str(HERE / "programs" / (program + ".py")), server.url, KEY]
    environment = {**inherited, "PYTHONIOENCODING": "utf-8", "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, timeout=PATIENCE, encoding="utf-8"
    )
    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr[-4000:]
    return ran.stdout.replace(server.url, "SERVER").splitlines()


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_prints_the_same(program: str) -> None:
    reason = why_not("aidial-client", *(["aidial-sdk"] if program.startswith("sdk_") else []))
    if reason:
        pytest.skip(reason)
    printed = []
    for before in ((), (str(HERE / "run_compat.py"),)):
        generation = GENERATIONS.get(program, "2024")
        with DialServer(api_key=KEY, generation=generation, clock=lambda: 1_700_000_000.0) as server:
            if program == "skills_reader":
                put_skill(server)
            SCRIPTS.get(program, lambda _: None)(server)
            printed.append(run(program, server, *before))
    official, ours = printed
    assert official
    assert ours == official
