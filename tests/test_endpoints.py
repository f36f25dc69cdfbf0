"""The table of endpoints in aidial_min/README.md says what the code does: each method with its docstring's endpoint."""

import inspect
import re
from functools import cached_property, lru_cache
from pathlib import Path

import pytest

from aidial_min import Dial

README = Path(__file__).parent.parent / "aidial_min" / "README.md"
ENDPOINT = re.compile(r"^\s*((?:GET|POST|PUT|DELETE|\{method\}) /\S+)", re.MULTILINE)
OF_CORE = Path(__file__).parent / "data" / "endpoints_of_core.txt"


def methods(thing, path=""):
    """Name and docstring of every public method of a client's resources, `chat.completions.create` and so on.

    What several kinds of resources share says {kind} for the word in the path.
    """
    for name in dir(type(thing)):
        member = inspect.getattr_static(type(thing), name)
        if name.startswith("_"):
            continue
        if isinstance(member, (property, cached_property)):
            if not path or path in ("chat", "skills"):
                inner = getattr(thing, name)
                if ".api." in type(inner).__module__:
                    yield from methods(inner, (path + "." if path else "") + name)
        elif path and callable(getattr(thing, name)):
            doc = inspect.getdoc(getattr(thing, name)) or ""
            if "Nothing is sent." in doc.splitlines()[0]:
                continue
            yield "%s.%s" % (path, name), doc.replace("{kind}", getattr(thing, "_kind", "{kind}"))


@lru_cache(maxsize=None)
def in_the_code():
    found = {}
    with Dial(base_url="http://127.0.0.1:9", api_key="key-of-nobody") as client:
        for name, doc in methods(client):
            endpoints = ENDPOINT.findall(doc)
            assert endpoints, "%s names no endpoint in its docstring" % name
            for endpoint in endpoints:
                found.setdefault(endpoint, set()).add(name)
    return found


@lru_cache(maxsize=None)
def in_the_readme():
    chapter = README.read_text(encoding="utf-8").split("## Every endpoint")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in chapter.splitlines() if line.startswith("| `")]
    return {row[0].strip("`"): row[1:] for row in rows}


def test_the_table_and_the_code_name_the_same_endpoints():
    assert sorted(in_the_readme()) == sorted(in_the_code())


@pytest.mark.parametrize("endpoint", sorted(in_the_readme()))
def test_a_row(endpoint):
    here, core, official = in_the_readme()[endpoint]
    assert set(re.findall(r"`([^`]+)`", here)) == in_the_code()[endpoint]
    assert core in ("both", "2024", "newer")
    assert official == "" or official.startswith("`")


def of_core():
    """Method, path, which Core, and why no method here stands for it ("" if one does)."""
    for line in OF_CORE.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            methods, path, core, *reason = line.split(" ", 3)
            for method in methods.split("|"):
                yield method, path, core, " ".join(reason)


def shape(path):
    """A path with its variable parts alike; a query is no part of it."""
    return re.sub(r"\{\w+\}", "{}", path.split("?")[0])


def test_the_table_is_complete():
    """Every endpoint that Core is known to have stands in the table, with the Cores that have it, or is left out with a
    reason; and nothing else stands there."""
    table = {}
    for endpoint, (_, core, _) in in_the_readme().items():
        method, _, path = endpoint.partition(" ")
        table[method, shape(path)] = core
    for method, path, core, reason in of_core():
        here = table.get((method, shape(path))) or table.get(("{method}", shape(path)))
        assert (here is None) if reason else (here == core), (method, path, core, here)
    known = {(method, shape(path)) for method, path, _, _ in of_core()}
    listings = {(method, path) for method, path in table if path.endswith("{}/") and (method, path[:-1]) in known}
    generic = {("GET", "/v1/metadata/{}/{}/{}"), ("{method}", "/v1/deployments/{}/route/{}")}
    assert set(table) - known - listings - generic == set()
