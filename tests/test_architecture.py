"""The rooms of the package, and which way imports run between them: read from the sources, nothing is executed."""

import ast
import sys
from pathlib import Path
from typing import Iterator, NamedTuple

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "aidial_min"

MAY_IMPORT = {
    "_version": set(),
    "errors": set(),
    "types": {"errors"},
    "core": {"_version", "errors", "types"},
    "api": {"errors", "types", "core"},
    "transport": {"errors", "types", "core"},
    "client": {"errors", "types", "core", "api", "transport"},
    "async_client": {"errors", "types", "core", "api", "transport"},
    "resources": {"api"},
    "compat": {"__init__"},  # by public names alone
    "__init__": {"_version", "errors", "types", "core", "api", "transport", "client", "async_client"},
    "testing": set(),  # a counterpart of the client: it shares no code with what it tests
    "cli": {"__init__", "_version", "errors", "types", "core", "api", "transport", "client", "async_client", "testing"},
    "__main__": {"cli"},
}
"""Which rooms each room may import besides itself."""

EXCEPTIONS = {
    ("types/file.py", "transport"): "older code imports FileDownloadResponse from there; loaded when asked for",
}

NETWORK = {"asyncio", "ftplib", "http.client", "http.server", "select", "selectors", "socket", "socketserver", "ssl"}
"""What opens connections, or waits for them."""

IO = NETWORK | {"concurrent.futures", "multiprocessing", "queue", "signal", "subprocess", "threading", "time"}
"""What the pure rooms must not import."""

IO_EXCEPTIONS = {("core/config.py", "time"): "the client's clock is `time.time`, handed on and called elsewhere"}

TOUCHES_NOTHING = {
    "os.PathLike", "os.fspath", "os.fsencode", "os.fsdecode", "os.sep", "os.altsep", "os.name",
    "os.path", "os.path.basename", "os.path.commonpath", "os.path.dirname", "os.path.join",
    "os.environ", "os.environ.get", "os.urandom",
}  # fmt: skip
"""What the pure rooms may use of `os`: names of files, the environment, randomness; no file."""

FILE_SYSTEM = {
    "core/body.py": {"open", "os.path.getsize", "os.path.isfile"},  # uploads are read while they are sent
    "core/connection.py": {"os.path.exists", "os.path.isfile"},  # certificates are missed when a client is made
    "api/folders.py": {"os.makedirs", "os.path.exists", "os.path.isdir", "os.path.realpath"},
    "api/local_files.py": {
        "open", "os.path.exists", "os.path.isdir", "os.path.isfile", "os.path.realpath", "os.scandir",
    },  # fmt: skip
    "api/skills.py": {"os.path.isdir"},
}
"""The modules of the pure rooms that ask the file system, and for what."""

OUTSIDE = {("testing/pytest_plugin.py", "pytest"): "it is loaded by pytest, and by nothing else"}
"""The one module that knows a package from outside the standard library."""


class Import(NamedTuple):
    """One import that happens at run time."""

    file: str
    line: int
    room: str
    relative: bool
    name: str
    """From the package's root ("core.call.exchange") if relative, else in full ("time", "http.HTTPStatus")."""

    @property
    def top(self) -> str:
        return self.name.split(".")[0]

    def is_of(self, modules: "set[str]") -> bool:
        """Whether it imports one of these modules, or something from one of them."""
        return any((self.name + ".").startswith(module + ".") for module in modules)

    def __str__(self) -> str:
        return "%s:%d imports %s" % (self.file, self.line, self.name)


def nodes_at_run_time(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes below, without what stands in `if TYPE_CHECKING:`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            for other in child.orelse:
                yield other
                yield from nodes_at_run_time(other)
            continue
        yield child
        yield from nodes_at_run_time(child)


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


def imports_of(path: Path) -> Iterator[Import]:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    for node in nodes_at_run_time(ast.parse(path.read_text(encoding="utf-8"))):
        for relative, name in names_of(node, parts[:-1]):
            yield Import("/".join(parts) + ".py", getattr(node, "lineno", 0), parts[0], relative, name)


FILES = sorted(PACKAGE.rglob("*.py"))
ALL = [found for path in FILES for found in imports_of(path)]
RELATIVE = [found for found in ALL if found.relative]
ABSOLUTE = [found for found in ALL if not found.relative]


def room_of(found: Import) -> str:
    """The room that a relative import leads to; a name of the package itself belongs to `__init__`."""
    return found.top if found.top in MAY_IMPORT else "__init__"


def listing(found) -> str:
    return "\n".join(map(str, found))


def test_the_reader_of_imports_reads_them():
    """Otherwise everything below would pass for want of imports."""
    assert len(FILES) > 40 and len(RELATIVE) > 150 and len(ABSOLUTE) > 150
    places = {(found.file, found.name) for found in ALL}
    assert ("transport/sync.py", "core.call.exchange") in places
    assert ("client.py", "transport.sync.Transport") in places  # inside a function
    assert ("client.py", "ssl") not in places  # under TYPE_CHECKING


def test_every_module_belongs_to_a_room():
    assert {path.relative_to(PACKAGE).with_suffix("").parts[0] for path in FILES} == set(MAY_IMPORT)


def test_imports_run_one_way():
    wrong = [
        found
        for found in RELATIVE
        if room_of(found) not in MAY_IMPORT[found.room] | {found.room} and (found.file, found.top) not in EXCEPTIONS
    ]
    assert not wrong, listing(wrong)


def test_the_two_transports_do_not_know_each_other():
    wrong = [
        found
        for found in RELATIVE
        if (found.file, found.name.split(".")[:2]) in [
            ("transport/sync.py", ["transport", "aio"]),
            ("transport/aio.py", ["transport", "sync"]),
            ("client.py", ["transport", "aio"]),
            ("async_client.py", ["transport", "sync"]),
        ]
    ]
    assert not wrong, listing(wrong)


def test_core_and_api_do_no_io():
    wrong = [
        found
        for found in ABSOLUTE
        if found.room in ("core", "api", "types", "errors")
        and found.is_of(IO)
        and (found.file, found.name) not in IO_EXCEPTIONS
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
    for path in FILES:
        file = path.relative_to(PACKAGE).as_posix()
        if file.split("/")[0] in ("core", "api", "types", "errors.py"):
            found[file] = file_system_of(ast.parse(path.read_text(encoding="utf-8")))
    assert {file: names for file, names in found.items() if names} == FILE_SYSTEM
    wrong = [one for one in ABSOLUTE if one.room in ("core", "api", "types", "errors") and hides_files(one)]
    assert not wrong, listing(wrong)


def hides_files(found: Import) -> bool:
    """Whether an import gives names of the file system that the reader of names does not know."""
    return found.is_of({"glob", "pathlib.Path", "shutil", "tempfile"}) or found.name.startswith(("os.", "io.open"))


def test_the_clock_is_handed_on_and_not_read():
    """`time` in core/config.py stands for `time.time` as a value: it is never called there."""
    tree = ast.parse((PACKAGE / "core" / "config.py").read_text(encoding="utf-8"))
    uses = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "time"]
    clocks = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.value in uses]
    called = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert [node.attr for node in clocks] == ["time"] and len(uses) == 1
    assert clocks[0] not in called


def test_only_transport_opens_connections():
    wrong = [found for found in ABSOLUTE if found.room not in ("transport", "testing") and found.is_of(NETWORK)]
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
    assert set(IO_EXCEPTIONS) | set(OUTSIDE) <= {(found.file, found.name) for found in ABSOLUTE}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_module_says_what_it_is_for(path):
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or path.name == "_version.py"
