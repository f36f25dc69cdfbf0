"""Runs the differential run against aidial-client 0.18.0, and checks that it can fail.

It knows the environment variable that names the interpreter with the official package; it must not know any operation.
"""

import importlib.util
import os
import pathlib
import subprocess
import sys
from typing import Any, Dict, List

import pytest

HERE = pathlib.Path(__file__).resolve().parent
VARIABLE = "AIDIAL_OFFICIAL_PYTHON"
PATIENCE = 600.0


def why_not(*packages: str) -> str:
    """Why the official packages can't be used; "" if they can."""
    python = os.environ.get(VARIABLE)
    if not python:
        return "%s does not name a Python that has aidial-client 0.18.0" % VARIABLE
    code = "import importlib.metadata as m; print(*[m.version(name) for name in %r])" % (packages,)
    try:
        found = subprocess.run([python, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    except OSError as error:
        return "%s: %s can't be started (%s)" % (VARIABLE, python, error)
    if found.returncode:
        return "%s: %s does not have %s" % (VARIABLE, python, " and ".join(packages))
    if packages[0] == "aidial-client" and found.stdout.split()[0] != b"0.18.0":
        return "%s: %s has another version of aidial-client" % (VARIABLE, python)
    return ""


def load() -> Any:
    """differential.py as a module; it is a script beside this file."""
    sys.path.insert(0, str(HERE))
    try:
        spec = importlib.util.spec_from_file_location("differential", HERE / "differential.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.remove(str(HERE))


def test_both_clients_send_and_give_the_same() -> None:
    reason = why_not("aidial-client")
    if reason:
        pytest.skip(reason)
    command = [sys.executable, str(HERE / "differential.py"), "--official", os.environ[VARIABLE]]
    ran = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE, encoding="utf-8", errors="replace"
    )
    assert ran.returncode == 0, ran.stdout
    compared = int(ran.stdout.splitlines()[-1].split()[0])
    assert compared > 600, ran.stdout  # a run that compares nothing would pass as well


# The comparison itself, without the official package


def recorded(**answer: Any) -> Dict[str, Any]:
    """A record of one request and one answer."""
    request = {
        "method": "GET", "path": "/v1/bucket", "query": [["a", "b"]], "headers": {"api-key": ["k"]},
        "body": {"bytes": ""},
    }  # fmt: skip
    return {"wire": [request], "answer": answer or {"is": "Bucket", "fields": {"bucket": "b", "extra": None}}}


def places(official: Dict[str, Any], ours: Dict[str, Any]) -> List[str]:
    return [place for place, _, _ in load().compare(official, ours)]


def test_equal_records_have_no_differences() -> None:
    assert places(recorded(), recorded()) == []


@pytest.mark.parametrize(
    "name, value, place",
    [
        ("method", "PUT", "wire[0].method"),
        ("path", "/v1/bucket/", "wire[0].path"),
        ("query", [], "wire[0].query"),
        ("headers", {}, "wire[0].headers.api-key"),
        ("headers", {"api-key": ["k", "k"]}, "wire[0].headers.api-key"),
        ("headers", {"api-key": ["k"], "if-match": ["*"]}, "wire[0].headers.if-match"),
        ("body", {"bytes": "x"}, "wire[0].body.bytes"),
        ("body", {"json": {}}, "wire[0].body.bytes"),
    ],
)
def test_every_part_of_a_request_counts(name: str, value: Any, place: str) -> None:
    ours = recorded()
    ours["wire"][0][name] = value
    assert place in places(recorded(), ours)


def test_requests_that_are_missing_or_too_many() -> None:
    ours = recorded()
    ours["wire"] = ours["wire"] * 2
    assert places(recorded(), ours) == ["wire"]
    assert places(ours, recorded()) == ["wire"]


@pytest.mark.parametrize(
    "official, ours, place",
    [
        ({"is": "M", "fields": {"a": 1}}, {"is": "N", "fields": {"a": 1}}, "answer.is"),
        ({"is": "M", "fields": {"a": 1}}, {"is": "M", "fields": {}}, "answer.a"),
        ({"is": "M", "fields": {"a": 1}}, {"is": "M", "fields": {"a": True}}, "answer.a"),
        ({"is": "M", "fields": {"a": [1]}}, {"is": "M", "fields": {"a": [1, 2]}}, "answer.a"),
        ({"map": {"a": 1}}, {"map": {"a": 1, "b": 2}}, "answer.b"),
        ({"raises": "E", "bases": ["E"], "fields": {}}, {"raises": "F", "bases": ["F"], "fields": {}}, "answer.raises"),
        ({"raises": "E", "bases": ["E"], "fields": {}}, {"is": "M", "fields": {}}, "answer"),
    ],
)
def test_every_part_of_an_answer_counts(official: Any, ours: Any, place: str) -> None:
    assert places(recorded(**official), recorded(**ours)) == [place]


def test_more_fields_and_more_exact_errors_are_no_difference() -> None:
    model = {"is": "M", "fields": {"a": 1}}
    assert places(recorded(**model), recorded(**{"is": "M", "fields": {"a": 1, "b": 2}})) == []
    error = {"raises": "E", "bases": ["E"], "fields": {"code": "1"}}
    assert places(recorded(**error), recorded(**{**error, "raises": "F", "bases": ["F", "E"]})) == []


def test_unlisted_differences_and_idle_entries_are_found() -> None:
    module = load()
    listed = module.Listed("because", ("some *",), ("wire[?].path",), "/a", ...)
    covered = module.Difference("some case", "sync", "wire[3].path", "/a", "/b")
    assert module.judge([covered], [listed]) == ([], [])
    assert module.judge([], [listed]) == ([], [listed])
    for other in (
        covered._replace(case="another"), covered._replace(place="wire[3].query"), covered._replace(official="/c")
    ):  # fmt: skip
        assert module.judge([other], [listed]) == ([other], [listed])
    assert module.judge([covered], [listed._replace(mode="async")])[0] == [covered]
