"""Programs written for aidial-client 0.18.0 and for openai, against the embedded server, and with our import name.

It knows how programs are started and what they print; it must not know what travels.
"""

import os
import pathlib
import subprocess
import sys
from typing import Dict

import pytest

from aidial_min.testing import DialServer

from .test_differential import HERE, VARIABLE, why_not

ROOT = HERE.parents[1]
PATIENCE = 120.0
KEY = "program-key"
MANIFEST = b"---\nname: tone\ndescription: How we write\n---\n# Tone\n"
PROGRAMS = {"guide": "2024", "chat": "2026", "storage": "2026"}
"""Programs, and which Core they meet: 0.18.0 breaks at the usage that a Core of 2026 adds to the streams of models."""


def run(python: str, program: pathlib.Path, server: DialServer, **environment: str) -> str:
    """What a program prints; it must end well and say nothing on stderr."""
    inherited: Dict[str, str] = {
        name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy") and "DIAL_" not in name
    }
    ran = subprocess.run(
        [python, str(program), server.url, KEY],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**inherited, "PYTHONIOENCODING": "utf-8", **environment},
        timeout=PATIENCE,
        encoding="utf-8",
    )
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout[-2000:] + ran.stderr[-4000:]
    return ran.stdout


def serving(generation: str) -> DialServer:
    return DialServer(api_key=KEY, generation=generation, clock=lambda: 1_700_000_000.0)


def put_skill(server: DialServer) -> None:
    import http.client
    import json

    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("GET", "/v1/bucket", headers={"Api-Key": KEY})
    bucket = json.loads(connection.getresponse().read())["bucket"]
    body = b""
    for name, content in (("SKILL.md", MANIFEST), ("scripts/run.py", b"print()")):
        body += b'--XX\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\n' % name.encode() + content
        body += b"\r\n"
    headers = {"Api-Key": KEY, "Content-Type": "multipart/form-data; boundary=XX"}
    connection.request("PUT", "/v2/skills/%s/writing/tone" % bucket, body + b"--XX--\r\n", headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    assert answer.status == 200


def with_our_name(program: str, folder: pathlib.Path) -> pathlib.Path:
    """A copy of a program in which only the name of the package is another one."""
    source = (HERE / ("official_program_%s.py" % program)).read_text(encoding="utf-8")
    assert "aidial_client" in source
    changed = folder / (program + ".py")
    changed.write_text(source.replace("aidial_client", "aidial_min"), encoding="utf-8")
    return changed


def play(python: str, program: pathlib.Path, generation: str, **environment: str) -> str:
    with serving(generation) as server:
        if generation == "2026":
            put_skill(server)
        return run(python, program, server, **environment)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_for_the_official_client_runs_with_our_name(program: str, tmp_path: pathlib.Path) -> None:
    printed = play(sys.executable, with_our_name(program, tmp_path), PROGRAMS[program], PYTHONPATH=str(ROOT))
    assert printed.count("\n") > 10


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_official_client_works_and_prints_the_same(program: str, tmp_path: pathlib.Path) -> None:
    reason = why_not("aidial-client")
    if reason:
        pytest.skip(reason)
    official = play(os.environ[VARIABLE], HERE / ("official_program_%s.py" % program), PROGRAMS[program])
    ours = play(sys.executable, with_our_name(program, tmp_path), PROGRAMS[program], PYTHONPATH=str(ROOT))
    assert ours == official


def test_openai_works() -> None:
    reason = why_not("openai")
    if reason:
        pytest.skip(reason)
    with serving("2026") as server:
        server.fail(429, path="/deployments/echo/", retry_after=7)
        printed = run(os.environ[VARIABLE], HERE / "official_program_openai.py", server)
        agents = {request.headers.get("user-agent", "").split("/")[0] for request in server.requests}
    chat = [
        "chat.completion gpt-35-turbo-16k 5 stop", "True", "5 ['stop']", 'tool_calls get_weather {"city": "Paris"}',
        "['attachments', 'stages', 'state']", '{"city": "Paris"}', "[True]",
    ]  # fmt: skip
    assert printed.splitlines() == [
        *chat,
        *chat,
        "[0, 1] 8",
        "True",
        "True",
        "not found 404",
        "refused 400",
        "rate limit 429 7",
        "['embedding', 'gemini-pro-vision', 'gpt-35-turbo', 'stable-diffusion-xl'] model",
        "gpt-35-turbo",
        "5",
        "['5', '5', '5', '5', '5']",
        "5",
    ]
    assert agents == {"AzureOpenAI", "AsyncAzureOpenAI", "OpenAI"}


def test_openai_speaks_the_responses_api_and_its_types_fit_ours() -> None:
    reason = why_not("openai")
    if reason:
        pytest.skip(reason)
    with serving("2026") as server:
        printed = run(os.environ[VARIABLE], HERE / "official_program_responses.py", server, PYTHONPATH=str(ROOT))
    assert printed.splitlines() == [
        "5 completed True",
        "response.created response.completed 9",
        "5",
        "5",
        "not found 404",
        "not found 404",
        "refused 400",
        "5",
        "5",
        "True",
        "5",
    ]


def test_langchain_works_through_the_responses_api() -> None:
    python = os.environ.get("AIDIAL_LANGCHAIN_PYTHON")
    if not python:
        pytest.skip("AIDIAL_LANGCHAIN_PYTHON does not name a Python that has langchain-openai")
    with serving("2026") as server:
        printed = run(python, HERE / "langchain_program_responses.py", server)
    assert printed.splitlines() == ["5", "True", "5", "23"]
