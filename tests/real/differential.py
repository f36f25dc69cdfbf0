"""The differential run: the same calls through aidial-client 0.18.0 and through aidial_min, compared on the wire and
in what came back.

    python differential.py [--official PYTHON] [--show] [CASE ...]

PYTHON is the interpreter that has aidial-client (AIDIAL_OFFICIAL_PYTHON, else this one); aidial_min runs in this one.
Every difference must stand in official_differences.py with its reason, and every one that stands there must occur.
It knows records as JSON; it must not know how they were made.
"""

import argparse
import fnmatch
import json
import os
import pathlib
import subprocess
import sys
from typing import Any, Dict, Iterator, List, NamedTuple, Sequence, Tuple

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from official_differences import LISTED, Listed  # noqa: E402  # found through HERE

MODES = ("sync", "async")
MISSING = "(missing)"
LONGEST = 300

Json = Dict[str, Any]


class Difference(NamedTuple):
    """One difference: in which case and mode, where in the record, and both values."""

    case: str
    mode: str
    place: str
    official: Any
    ours: Any

    def __str__(self) -> str:
        values = [json.dumps(value, ensure_ascii=False)[:LONGEST] for value in (self.official, self.ours)]
        return "%s (%s) %s\n    official: %s\n    ours:     %s" % (self.case, self.mode, self.place, *values)


# Comparing


def compare(official: Json, ours: Json) -> Iterator[Tuple[str, Any, Any]]:
    """(place, official value, our value) of every difference between two records of a case."""
    requests, our_requests = official["wire"], ours["wire"]
    lines, our_lines = _lines(requests), _lines(our_requests)
    if len(lines) != len(our_lines):
        yield "wire", lines, our_lines
    else:
        for number, pair in enumerate(zip(requests, our_requests)):
            yield from _compare_requests("wire[%d]" % number, *pair)
    yield from _compare_answers("answer", official["answer"], ours["answer"])


def _lines(requests: List[Json]) -> List[str]:
    return ["%s %s" % (request["method"], request["path"]) for request in requests]


def _compare_requests(place: str, official: Json, ours: Json) -> Iterator[Tuple[str, Any, Any]]:
    for name in ("method", "path", "query"):
        if official[name] != ours[name]:
            yield "%s.%s" % (place, name), official[name], ours[name]
    for name in sorted({*official["headers"], *ours["headers"]}):
        values = [request["headers"].get(name, MISSING) for request in (official, ours)]
        if values[0] != values[1]:
            yield "%s.headers.%s" % (place, name), values[0], values[1]
    yield from _compare_plain(place + ".body", official["body"], ours["body"])


def _compare_plain(place: str, official: Any, ours: Any) -> Iterator[Tuple[str, Any, Any]]:
    """Two JSON values that have to be equal; numbers of either kind are numbers, booleans are not."""
    if isinstance(official, dict) and isinstance(ours, dict):
        for name in sorted({*official, *ours}):
            yield from _compare_plain("%s.%s" % (place, name), official.get(name, MISSING), ours.get(name, MISSING))
    elif isinstance(official, list) and isinstance(ours, list) and len(official) == len(ours):
        for number, pair in enumerate(zip(official, ours)):
            yield from _compare_plain("%s[%d]" % (place, number), *pair)
    elif official != ours or isinstance(official, bool) is not isinstance(ours, bool):
        yield place, official, ours


def _compare_answers(place: str, official: Any, ours: Any) -> Iterator[Tuple[str, Any, Any]]:
    """What came back: every attribute that the official model has; a class of errors or one derived from it."""
    if isinstance(official, list) and isinstance(ours, list) and len(official) == len(ours):
        for number, pair in enumerate(zip(official, ours)):
            yield from _compare_answers("%s[%d]" % (place, number), *pair)
        return
    kinds = [_kind(value) for value in (official, ours)]
    if kinds == ["map", "is"]:  # our models can be read like the dicts that 0.18.0 gives for undeclared fields
        yield from _compare_fields(place, official["map"], ours["fields"])
    elif kinds[0] != kinds[1]:
        yield place, official, ours
    elif kinds[0] == "raises":
        if official["raises"] not in ours["bases"]:
            yield place + ".raises", official["raises"], ours["raises"]
        else:
            yield from _compare_fields(place, official["fields"], ours["fields"])
    elif kinds[0] == "is":
        if official["is"] != ours["is"]:
            yield place + ".is", official["is"], ours["is"]
        yield from _compare_fields(place, official["fields"], ours["fields"])
    elif kinds[0] == "map":
        for name in sorted({*official["map"], *ours["map"]}):
            values = [value["map"].get(name, MISSING) for value in (official, ours)]
            yield from _compare_answers("%s.%s" % (place, name), *values)
    else:
        yield from _compare_plain(place, official, ours)


def _kind(value: Any) -> str:
    found = [name for name in ("raises", "is", "map") if isinstance(value, dict) and name in value]
    return found[0] if found else "list" if isinstance(value, list) else "value"


def _compare_fields(place: str, official: Json, ours: Json) -> Iterator[Tuple[str, Any, Any]]:
    for name, value in official.items():
        if name not in ours:
            yield "%s.%s" % (place, name), value, MISSING
        else:
            yield from _compare_answers("%s.%s" % (place, name), value, ours[name])


# Playing and judging


def play(python: str, package: str, mode: str, cases: Sequence[str]) -> "subprocess.Popen[str]":
    """Start the recorder in the interpreter that has the package; proxies and keys of the caller stay outside."""
    environment = {
        name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy") and "DIAL_" not in name
    }
    environment["PYTHONIOENCODING"] = "utf-8"
    command = [python, str(HERE / "official_recorder.py"), package, mode, *cases]
    return subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, encoding="utf-8")


def differences(official: str, cases: Sequence[str] = ()) -> Tuple[int, List[Difference]]:
    """Play everything; how many cases were compared, and how they differ.

    Raises:
        RuntimeError: one of the recorders failed; it has said why on stderr.
    """
    sides = ((official, "aidial_client"), (sys.executable, "aidial_min"))
    running = {(mode, package): play(python, package, mode, cases) for mode in MODES for python, package in sides}
    records: Dict[Tuple[str, str], Json] = {}
    for key, process in running.items():
        output = process.communicate()[0]
        if process.returncode:
            raise RuntimeError("the recorder of %s (%s) failed" % (key[1], key[0]))
        records[key] = json.loads(output)
    found, compared = [], 0
    for mode in MODES:
        theirs, ours = records[mode, "aidial_client"], records[mode, "aidial_min"]
        compared += len(theirs)
        for name, record in theirs.items():
            found += [Difference(name, mode, *difference) for difference in compare(record, ours[name])]
    return compared, found


def explains(listed: Listed, difference: Difference) -> bool:
    """Whether an entry of the table covers a difference."""
    values = ((listed.official, difference.official), (listed.ours, difference.ours))
    return (
        any(_matches(difference.case, pattern) for pattern in listed.cases)
        and any(_matches(difference.place, pattern) for pattern in listed.places)
        and listed.mode in (None, difference.mode)
        and all(wanted is ... or wanted == value for wanted, value in values)
    )


def _matches(text: str, pattern: str) -> bool:
    # Brackets are part of the places (wire[0]), not of fnmatch's language.
    return fnmatch.fnmatchcase(text, pattern.replace("[", "[[]"))


def judge(found: Sequence[Difference], table: Sequence[Listed]) -> Tuple[List[Difference], List[Listed]]:
    """(differences that no entry covers, entries that cover nothing)."""
    unlisted = [difference for difference in found if not any(explains(listed, difference) for listed in table)]
    idle = [listed for listed in table if not any(explains(listed, difference) for difference in found)]
    return unlisted, idle


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare aidial_min with aidial-client 0.18.0.")
    parser.add_argument("--official", default=os.environ.get("AIDIAL_OFFICIAL_PYTHON") or sys.executable)
    parser.add_argument("--show", action="store_true", help="print the listed differences too")
    parser.add_argument("cases", nargs="*", help="names of cases; all of them by default")
    arguments = parser.parse_args()
    compared, found = differences(arguments.official, arguments.cases)
    unlisted, idle = judge(found, LISTED)
    if arguments.cases:
        idle = []  # entries of cases that were not played
    if arguments.show:
        for listed in LISTED:
            covered = [difference for difference in found if explains(listed, difference)]
            print("%d x %s\n%s\n" % (len(covered), listed.reason, "\n".join(map(str, covered[:3]))))
    for difference in unlisted:
        print("NOT LISTED:", difference)
    for listed in idle:
        print("NO LONGER OCCURS: %s %s: %s" % (listed.cases, listed.places, listed.reason))
    print("%d cases compared, %d differences, %d not listed" % (compared, len(found), len(unlisted)))
    return 1 if unlisted or idle else 0


if __name__ == "__main__":
    sys.exit(main())
