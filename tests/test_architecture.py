"""The rooms of the package, and which way imports run between them: read from the sources, nothing is executed."""

import ast
import sys
from pathlib import Path
from typing import Iterator, NamedTuple

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "aidial_min"

CLIENT = {"errors", "types", "core", "api", "transport"}
MAY_IMPORT = {
    "_version": set(),
    "_names": set(),
    "_typing": set(),
    "errors": {"_typing"},
    "types": {"_names", "errors"},
    "core": {"_typing", "_version", "errors", "types"},
    "api": {"errors", "types", "core"},
    "transport": {"_typing", "errors", "types", "core"},
    "client": CLIENT | {"_names", "_typing"},
    "resources": {"api"},
    "compat": CLIENT | {"__init__", "_version", "client"},
    "__init__": CLIENT | {"_names", "_version", "client"},
    "testing": set(),  # a counterpart of the client: it shares no code with what it tests
    "cli": CLIENT | {"__init__", "_version", "client", "testing"},
    "__main__": {"cli"},
}
"""Which rooms each room may import besides itself."""

EXCEPTIONS: "dict[tuple[str, str], str]" = {
    ("testing/server.py", "Dial"): "DialServer.client() hands out the package's own client, when asked",
    ("testing/server.py", "AsyncDial"): "and async_client() the other one",
}

KNOWS_ONLY = {
    "core/http11.py": {"_typing", "errors"},
    "core/sse.py": {"errors"},
    "core/merge.py": {"errors"},
    "core/limits.py": {"_typing", "errors"},
    "core/retry.py": {"_typing", "errors"},
    "core/urls.py": {"_typing", "errors"},
    "core/operation.py": {"_typing", "core.body", "core.call"},
    "transport/verbs.py": {"errors", "core.limits", "core.operation"},
    "transport/atomic_file.py": {"errors"},
    "transport/tls.py": {"errors", "core.settings"},
}
"""The modules that stand for themselves, and what each of them may import from the package at run time."""

MUST_NOT_KNOW = {
    "transport/sync.py": {"transport.aio"},
    "transport/aio.py": {"transport.sync"},
    "transport/transport.py": {"transport.sync", "transport.aio"},
    "transport/exchange.py": {"transport.sync", "transport.aio", "transport.transport", "transport.streams"},
    "transport/connections.py": {"transport.sync", "transport.aio", "transport.transport", "core.http11", "core.call"},
    "transport/streams.py": {"transport.sync", "transport.aio", "core.http11"},
    "transport/downloads.py": {"transport.sync", "transport.aio", "core.http11"},
}
"""What a module of the transport must not import at run time: what is built on it, or stands beside it."""

NETWORK = {"asyncio", "ftplib", "http.client", "http.server", "select", "selectors", "socket", "socketserver", "ssl"}
"""What opens connections, or waits for them."""

IO = NETWORK | {"concurrent.futures", "multiprocessing", "queue", "signal", "subprocess", "threading", "time"}
"""What the pure rooms must not import."""

CLOCKS = {"core/settings.py"}
"""The client's clock is `time.time`, handed on there and called elsewhere."""

TOUCHES_NOTHING = {
    "os.PathLike", "os.fspath", "os.fsencode", "os.fsdecode", "os.sep", "os.altsep", "os.name",
    "os.path", "os.path.basename", "os.path.commonpath", "os.path.dirname", "os.path.join",
    "os.environ", "os.environ.get", "os.urandom",
}  # fmt: skip
"""What the pure rooms may use of `os`: names of files, the environment, randomness; no file."""

FILE_SYSTEM = {
    "core/multipart.py": {"open", "os.path.getsize", "os.path.isfile"},  # uploads are read while they are sent
    "core/settings.py": {"os.path.exists", "os.path.isfile"},  # certificates are missed when a client is made
    "core/credentials.py": {"open", "os.path.isfile"},  # DIAL_API_KEY_FILE is read at every attempt
    "api/files.py": {"os.makedirs", "os.path.exists", "os.path.isdir", "os.path.lexists", "os.path.realpath"},
    "api/local_files.py": {
        "open",
        "os.path.exists",
        "os.path.isdir",
        "os.path.isfile",
        "os.path.realpath",
        "os.scandir",
    },  # fmt: skip
    "api/skills.py": {"os.path.isdir"},
}
"""The modules of the pure rooms that ask the file system, and for what."""

OUTSIDE = {("testing/pytest_plugin.py", "pytest"): "it is loaded by pytest, and by nothing else"}
"""The one module that knows a package from outside the standard library."""

LOOKS_CLOSER = {"cli/handshake.py": "doctor shows what a name resolves to and what a certificate says"}
"""Outside the transport: has connections opened by it, and looks at them."""


class Import(NamedTuple):
    """One import."""

    file: str
    line: int
    room: str
    relative: bool
    name: str
    """From the package's root ("core.call.exchange") if relative, else in full ("time", "http.HTTPStatus")."""
    for_checkers: bool
    """Whether it stands in `if TYPE_CHECKING:`, where it does not run."""

    @property
    def top(self) -> str:
        return self.name.split(".")[0]

    def is_of(self, modules: "set[str]") -> bool:
        """Whether it imports one of these modules, or something from one of them."""
        return any((self.name + ".").startswith(module + ".") for module in modules)

    def __str__(self) -> str:
        return "%s:%d imports %s" % (self.file, self.line, self.name)


def statements(node: ast.AST, for_checkers: bool = False) -> Iterator["tuple[ast.AST, bool]"]:
    """All statements below, each with whether it stands in `if TYPE_CHECKING:`."""
    is_switch = isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.expr):  # no statement stands in an expression
            inside = for_checkers or (is_switch and child not in node.orelse)
            yield child, inside
            yield from statements(child, inside)


def names_of(node: ast.AST, place: "tuple[str, ...]") -> Iterator["tuple[bool, str]"]:
    """What an import statement in the package `place` names: (relative, name)."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield False, alias.name
    elif isinstance(node, ast.ImportFrom) and not node.level:
        for alias in node.names:
            yield False, "%s.%s" % (node.module, alias.name)
    elif isinstance(node, ast.ImportFrom):
        assert node.level <= len(place) + 1, "an import that leaves the package"
        base = [*place[: len(place) - node.level + 1], *([node.module] if node.module else [])]
        for alias in node.names:
            yield True, ".".join([*base, alias.name])


def imports_of(parts: "tuple[str, ...]", code: str) -> Iterator[Import]:
    """The imports of a module, type checkers' imports included."""
    for node, for_checkers in statements(ast.parse(code)):
        for relative, name in names_of(node, parts[:-1]):
            line = getattr(node, "lineno", 0)
            yield Import("/".join(parts) + ".py", line, parts[0], relative, name, for_checkers)


SOURCES = {
    path.relative_to(PACKAGE).with_suffix("").parts: path.read_text(encoding="utf-8")
    for path in sorted(PACKAGE.rglob("*.py"))
}
ALL = {parts: list(imports_of(parts, code)) for parts, code in SOURCES.items()}
AT_RUN_TIME = [found for imports in ALL.values() for found in imports if not found.for_checkers]
RELATIVE = [found for found in AT_RUN_TIME if found.relative]
ABSOLUTE = [found for found in AT_RUN_TIME if not found.relative]


def room_of(found: Import) -> str:
    """The room that a relative import leads to; a name of the package itself belongs to `__init__`."""
    return found.top if found.top in MAY_IMPORT else "__init__"


def listing(found) -> str:
    return "\n".join(map(str, found))


SAMPLE = """
import os, http.client
from ..core.call import Request
from . import verbs
from .. import errors
if TYPE_CHECKING:
    import ssl
    from .seen import Name
def load():
    from .late import thing
"""


def test_the_reader_of_imports_reads_them():
    """Otherwise everything below would pass for want of imports."""
    assert len(SOURCES) > 40 and len(RELATIVE) > 150 and len(ABSOLUTE) > 100
    found = [one[3:] for one in imports_of(("transport", "sample"), SAMPLE)]
    assert found == [
        (False, "os", False), (False, "http.client", False), (True, "core.call.Request", False),
        (True, "transport.verbs", False), (True, "errors", False), (False, "ssl", True),
        (True, "transport.seen.Name", True), (True, "transport.late.thing", False),
    ]  # fmt: skip


def test_every_module_belongs_to_a_room():
    assert {parts[0] for parts in SOURCES} == set(MAY_IMPORT)


def test_imports_run_one_way():
    wrong = [
        found
        for found in RELATIVE
        if room_of(found) not in MAY_IMPORT[found.room] | {found.room} and (found.file, found.top) not in EXCEPTIONS
    ]
    assert not wrong, listing(wrong)


def test_modules_that_stand_for_themselves_do():
    """A parser, a table or a limit can be read, tested and reused without the rest."""
    wrong = [found for found in RELATIVE if not found.is_of(KNOWS_ONLY.get(found.file, {found.name}))]
    assert not wrong, listing(wrong)


def test_what_must_not_be_known_is_not_known():
    wrong = [found for found in RELATIVE if found.is_of(MUST_NOT_KNOW.get(found.file, set()))]
    assert not wrong, listing(wrong)


def module_of(found: Import) -> str:
    """The module that a relative import reaches: what it names may be a name inside it."""
    name = found.name
    while name and tuple(name.split(".")) not in SOURCES and (*name.split("."), "__init__") not in SOURCES:
        name = name.rpartition(".")[0]
    return name


def circles(graph: "dict[str, set[str]]") -> "list[set[str]]":
    """The sets of modules that reach each other."""

    def reached_from(start: str) -> "set[str]":
        seen: "set[str]" = set()
        waiting = [start]
        while waiting:
            fresh = graph.get(waiting.pop(), set()) - seen
            seen |= fresh
            waiting.extend(fresh)
        return seen

    reached = {name: reached_from(name) for name in graph}
    found = [
        {other for other in reached[name] if name in reached.get(other, ())} for name in graph if name in reached[name]
    ]
    return [one for position, one in enumerate(found) if one not in found[:position]]


def test_the_finder_of_circles_finds_them():
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set(), "e": {"e"}}
    assert circles(graph) == [{"b", "c"}, {"e"}]


def test_no_imports_run_in_a_circle():
    """Neither at run time nor inside functions nor for type checkers: a module can be read before those that use it."""
    graph: "dict[str, set[str]]" = {}
    for parts, imports in ALL.items():
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        reached = {module_of(found) for found in imports if found.relative}
        graph.setdefault(name, set()).update(reached - {name})
    assert not circles(graph), listing(map(sorted, circles(graph)))


def test_core_and_api_do_no_io():
    wrong = [
        found
        for found in ABSOLUTE
        if found.room in ("core", "api", "types", "errors")
        and found.is_of(IO)
        and not (found.file in CLOCKS and found.name == "time")
    ]
    assert not wrong, listing(wrong)


def dotted(node: ast.AST) -> str:
    """`os.path.join` of the expression that says so; "" for what is no such name."""
    if isinstance(node, ast.Name):
        return node.id
    base = dotted(node.value) if isinstance(node, ast.Attribute) else ""
    return "%s.%s" % (base, node.attr) if base else ""


def file_system_of(tree: ast.AST) -> "set[str]":
    """What a module names, to call it or to hand it on, of what opens or asks the file system."""
    names = {dotted(node) for node in ast.walk(tree) if isinstance(node, (ast.Attribute, ast.Name))}
    of_os = {name for name in names if name.startswith("os.")} - TOUCHES_NOTHING
    return (names & {"open", "io.open"}) | of_os


def test_the_reader_of_names_finds_files():
    """Otherwise what follows would pass for want of names."""
    code = "open(x); f = os.walk; os.path.join(a); os.path.getsize(a); io.open(b); x.open(); io.BytesIO(); os.remove(y)"
    assert file_system_of(ast.parse(code)) == {"open", "os.walk", "os.path.getsize", "io.open", "os.remove"}


def test_core_and_api_ask_the_file_system_where_it_is_said():
    found = {}
    for parts, code in SOURCES.items():
        if parts[0] in ("core", "api", "types", "errors"):
            found["/".join(parts) + ".py"] = file_system_of(ast.parse(code))
    assert {file: names for file, names in found.items() if names} == FILE_SYSTEM
    wrong = [one for one in ABSOLUTE if one.room in ("core", "api", "types", "errors") and hides_files(one)]
    assert not wrong, listing(wrong)


def hides_files(found: Import) -> bool:
    """Whether an import gives names of the file system that the reader of names does not know."""
    return found.is_of({"glob", "pathlib.Path", "shutil", "tempfile"}) or found.name.startswith(("os.", "io.open"))


def test_the_clock_is_handed_on_and_not_read():
    """`time` in a module of CLOCKS stands for `time.time` as a value: it is never called there."""
    for parts, code in SOURCES.items():
        if "/".join(parts) + ".py" in CLOCKS:
            tree = ast.parse(code)
            clocks = [
                node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and dotted(node.value) == "time"
            ]
            called = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
            assert [clock.attr for clock in clocks] == ["time"] and clocks[0] not in called


def test_only_transport_opens_connections():
    wrong = [found for found in ABSOLUTE if found.room not in ("transport", "testing") and found.is_of(NETWORK)]
    wrong = [found for found in wrong if found.file not in LOOKS_CLOSER]
    assert not wrong, listing(wrong)


def test_the_package_does_not_know_its_own_name():
    """It must work when its folder is copied to another place and renamed."""
    wrong = [found for found in ABSOLUTE if found.top == "aidial_min"]
    assert not wrong, listing(wrong)


@pytest.mark.skipif(sys.version_info < (3, 10), reason="sys.stdlib_module_names is of Python 3.10")
def test_nothing_outside_the_standard_library_is_imported():
    wrong = [
        found
        for found in ABSOLUTE
        if found.top not in sys.stdlib_module_names and (found.file, found.name) not in OUTSIDE
    ]
    assert not wrong, listing(wrong)


def test_the_exceptions_are_still_needed():
    assert set(EXCEPTIONS) <= {(found.file, found.top) for found in RELATIVE}
    assert set(OUTSIDE) <= {(found.file, found.name) for found in ABSOLUTE}
    named = {*KNOWS_ONLY, *MUST_NOT_KNOW, *CLOCKS, *FILE_SYSTEM}
    assert named <= {"/".join(parts) + ".py" for parts in SOURCES}


def test_every_module_says_what_it_is_for():
    silent = [parts for parts, code in SOURCES.items() if not code.startswith('"""')]
    assert silent in ([], [("_version",)])
