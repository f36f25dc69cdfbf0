"""Bundles are always the same, work where nothing else is, and `verify` finds what was changed in them."""

import errno
import hashlib
import marshal
import os
import re
import stat
import subprocess
import sys
import zipfile
from email import message_from_bytes
from importlib.util import find_spec
from pathlib import Path

import pytest

from aidial_min import __version__
from aidial_min.__main__ import main
from aidial_min.testing import DialServer

from ..support.interpreters import long

pytestmark = long

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "aidial_min"
TARGETS = {"layer": "layer.zip", "zipapp": "dial.pyz", "wheel": "", "folder": "vendored"}
KINDS = [
    ["layer"], ["layer", "--slim"], ["layer", "--slim", "--bytecode"], ["layer", "--into", "yours._vendor"], ["zipapp"],
    ["zipapp", "--bytecode"], ["wheel"], ["wheel", "--slim"], ["folder"], ["folder", "--slim", "--bytecode"],
]  # fmt: skip


def python(*arguments, cwd, path=None, **environment):
    """Run this Python where the package is not at hand, unless `path` names it."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "DIAL"))}
    environment = {**inherited, "PYTHONDONTWRITEBYTECODE": "1", "NO_PROXY": "127.0.0.1", **environment}
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, env=environment, timeout=120)


def bundle(folder, *words, path=ROOT, package="aidial_min", **environment):
    """Make a bundle in a folder; returns its path and what was said."""
    done = python("-m", package, "bundle", *words, cwd=folder, path=path, **environment)
    assert done.returncode == 0, done.stderr.decode()
    said = done.stdout.decode()
    return folder / said.splitlines()[0], said + done.stderr.decode()


def target(words):
    return [*words[:1], *filter(None, [TARGETS[words[0]]]), *words[1:]]


def contents(path):
    """Every file of a bundle."""
    if path.is_dir():
        return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def sources():
    """The files of this package as git has them, as far as that can be told from here."""
    found = {str(path.relative_to(PACKAGE)).replace(os.sep, "/") for path in PACKAGE.rglob("*") if path.is_file()}
    return {path for path in found if "__pycache__" not in path and not path.startswith(".")}


@pytest.mark.parametrize(
    "words",
    [["layer", "--slim", "--bytecode"], ["zipapp", "--bytecode"], ["wheel"], ["folder", "--slim", "--bytecode"]],
    ids=" ".join,
)
def test_the_same_sources_give_the_same_bytes(words, tmp_path):
    first, second = tmp_path / "one", tmp_path / "two"
    first.mkdir()
    second.mkdir()
    made, said = bundle(first, *target(words))
    again, said_again = bundle(second, *target(words), PYTHONHASHSEED="7", LC_ALL="C", TZ="Asia/Tokyo")
    assert contents(made) == contents(again) and said == said_again
    if made.is_file():
        assert made.read_bytes() == again.read_bytes()


@pytest.mark.parametrize("words", [["layer", "--bytecode"], ["wheel"], ["zipapp"]], ids=" ".join)
def test_a_copy_makes_what_its_original_makes(words, tmp_path):
    """Also when it runs from a zip, or as a folder of another name below another package."""
    made, _ = bundle(tmp_path, *target(words))
    (tmp_path / "zipped").mkdir()
    zipapp, _ = bundle(tmp_path / "zipped", "zipapp")
    (tmp_path / "vendored" / "yours").mkdir(parents=True)
    bundle(tmp_path / "vendored" / "yours", "folder", "dial")
    for path, package in ((zipapp, "aidial_min"), (tmp_path / "vendored", "yours.dial")):
        (tmp_path / package).mkdir()
        assert (
            bundle(tmp_path / package, *target(words), path=path, package=package)[0].read_bytes() == made.read_bytes()
        )


@pytest.mark.parametrize("words", KINDS, ids=" ".join)
def test_a_bundle_holds_every_file_of_its_rooms(words, dial):
    made = dial.folder / dial("bundle", *target(words)).lines[0]
    found = {re.sub(r"^(python/)?(yours/_vendor/)?aidial_min/", "", path) for path in contents(made)}
    wanted = {path for path in sources() if "--slim" not in words or not path.startswith(("cli/", "testing/"))}
    extra = {path for path in found - wanted if not path.endswith(".pyc") and ".dist-info/" not in path}
    parents = {"python/yours/__init__.py", "python/yours/_vendor/__init__.py"} if "--into" in words else set()
    assert wanted <= found
    assert extra == {"SHA256SUMS"} | parents | ({"__main__.py"} if words == ["zipapp"] else set()) - wanted
    compiled = {path for path in found if path.endswith(".pyc")}
    assert len(compiled) == (len([path for path in wanted if path.endswith(".py")]) if "--bytecode" in words else 0)


def test_dates_are_those_that_reproducible_builds_agree_on(tmp_path):
    for moment, date in (("", (1980, 1, 1, 0, 0, 0)), ("1700000000", (2023, 11, 14, 22, 13, 20))):
        made, _ = bundle(tmp_path, "layer", SOURCE_DATE_EPOCH=moment)
        with zipfile.ZipFile(made) as file:
            assert {entry.date_time for entry in file.infolist()} == {date}
            assert {entry.external_attr >> 16 for entry in file.infolist()} == {stat.S_IFREG | 0o644}
    done = python("-m", "aidial_min", "bundle", "layer", cwd=tmp_path, path=ROOT, SOURCE_DATE_EPOCH="yesterday")
    assert done.returncode == 2 and b"SOURCE_DATE_EPOCH is a number of seconds" in done.stderr


def test_size_and_digest_are_said(tmp_path):
    made, said = bundle(tmp_path, "layer", "layer.zip", "--slim", "--bytecode")
    assert "%d bytes" % made.stat().st_size in said
    assert "sha256 " + hashlib.sha256(made.read_bytes()).hexdigest() in said
    assert "for Python %d.%d (%s)" % (*sys.version_info[:2], sys.implementation.cache_tag) in said


# What they are for

JOB = """
import sys
from {package} import Dial
with Dial(base_url=sys.argv[1], api_key=sys.argv[2]) as client:
    ask = dict(deployment_name="calculator", messages=[{{"role": "user", "content": "2+3="}}])
    print(client.chat.completions.create(**ask).choices[0].message.content)
"""


def ask(path, package, cwd, *options):
    """Let the package in `path` (and nothing else) do a call; returns what was printed."""
    job = "import sys; sys.path.insert(0, sys.argv.pop(1))" + JOB.format(package=package)
    with DialServer() as server:
        done = python("-I", "-S", *options, "-c", job, path, server.url, server.api_key, cwd=cwd)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


@pytest.mark.parametrize("words", [["--slim"], ["--bytecode"], ["--slim", "--into", "yours._vendor"]], ids=" ".join)
def test_a_layer_works_unpacked_and_read_only(words, tmp_path):
    made, _ = bundle(tmp_path, "layer", *words)
    with zipfile.ZipFile(made) as file:
        file.extractall(tmp_path / "opt")
    for path in (tmp_path / "opt").rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    package = "yours._vendor.aidial_min" if "--into" in words else "aidial_min"
    assert ask(tmp_path / "opt" / "python", package, tmp_path) == "5"
    for path in (tmp_path / "opt").rglob("*"):
        path.chmod(0o755)


def test_bytecode_is_used_as_it_is(tmp_path):
    """A source that can't be compiled would be noticed otherwise."""
    made, _ = bundle(tmp_path, "folder", "dial", "--slim", "--bytecode")
    (made / "client.py").write_text("this is no Python")
    assert ask(tmp_path, "dial", tmp_path) == "5"


@pytest.mark.parametrize("words", [[], ["--bytecode"], ["--into", "yours._vendor"]], ids=" ".join)
def test_a_zipapp_runs_the_command_line_under_its_own_name(words, tmp_path):
    made, _ = bundle(tmp_path, "zipapp", "ask.pyz", *words)
    assert os.name != "posix" or made.stat().st_mode & 0o111 == 0o111
    said = python("-I", made, "chat", "--help", cwd=tmp_path).stdout.decode()
    assert "usage: ask.pyz chat" in said and "\n  ask.pyz chat" in said
    with DialServer() as server:
        done = python(
            made, "chat", "-d", "calculator", "2+3=", cwd=tmp_path, DIAL_URL=server.url, DIAL_API_KEY=server.api_key
        )
    assert (done.returncode, done.stdout.decode().strip()) == (0, "5")
    assert python(made, "demo", cwd=tmp_path).returncode == 0


def test_a_zipapp_says_which_python_it_needs(tmp_path):
    made, _ = bundle(tmp_path, "zipapp", "ask.pyz")
    old = [
        path
        for path in Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv").glob(
            "versions/[23].[678].*/bin/python"
        )
    ]
    if not old:
        pytest.skip("no Python before 3.9 is kept here by pyenv")
    for interpreter in old:
        done = subprocess.run([interpreter, made], capture_output=True, timeout=60)
        assert done.returncode == 1
        (line,) = done.stderr.decode().splitlines()
        assert re.fullmatch(r"aidial_min needs Python 3\.9 or newer, this is [23]\.[678]", line)


def test_a_wheel_installs_without_an_index(tmp_path):
    if find_spec("pip") is None:
        pytest.skip("this environment has no pip")
    made, _ = bundle(tmp_path, "wheel")
    place = tmp_path / "installed"
    install = ["-I", "-m", "pip", "install", "--no-index", "--disable-pip-version-check", "--target", place, made]
    done = python(*install, cwd=tmp_path)
    assert done.returncode == 0, done.stderr.decode()
    for command, said in ((["--version"], "aidial_min " + __version__), (["verify"], "is as it was made")):
        script = next((place / "bin").glob("aidial-min*"))
        ran = python(script, *command, cwd=tmp_path, path=place)  # pip has compiled it: `verify` looks at that, too
        assert ran.returncode == 0 and said in ran.stdout.decode(), ran.stderr.decode()


def test_a_wheel_says_of_itself_what_the_project_says(tmp_path):
    """pyproject.toml is read as text: 3.9 has no reader for it."""
    made, _ = bundle(tmp_path, "wheel")
    files = contents(made)
    info = "aidial_min-%s.dist-info/" % __version__
    metadata = message_from_bytes(files[info + "METADATA"])
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for field, key in (("Name", "name"), ("Summary", "description"), ("Requires-Python", "requires-python")):
        assert '%s = "%s"' % (key, metadata[field]) in project
    assert 'license = "%s"' % metadata["License-Expression"] in project
    assert metadata["Version"] == __version__
    assert b"aidial-min = aidial_min.__main__:main" in files[info + "entry_points.txt"]
    recorded = [line.rsplit(",", 2) for line in files[info + "RECORD"].decode().splitlines()]
    assert {path for path, _, _ in recorded} == set(files)
    assert all(int(size) == len(files[path]) for path, _, size in recorded if size)
    slim, _ = bundle(tmp_path, "wheel", "--slim")
    assert not [path for path in contents(slim) if path.endswith("entry_points.txt")]


# Words that make no sense, and targets that are taken


@pytest.mark.parametrize(
    "words, said",
    [
        (["zipapp", "--slim"], "a zipapp runs the command line, which --slim leaves out"),
        (["wheel", "--into", "yours"], "pip compiles what it installs"),
        (["wheel", "dial.whl"], "pip reads name and version from a wheel's name"),
        (["folder"], "name the folder"),
        (["folder", "not-a-name"], "can't be imported"),
        (["layer", "--into", "yours/vendor"], "--into is the name of a package"),
        (["cake"], "invalid choice"),
    ],
)
def test_words_that_make_no_sense(words, said, dial):
    answer = dial("bundle", *words)
    assert answer.code == 2 and said in answer.err
    assert os.listdir(dial.folder) == []


def test_what_is_no_bundle_is_not_replaced(dial):
    (dial.folder / "notes.zip").write_text("my notes")
    (dial.folder / "mine").mkdir()
    (dial.folder / "mine" / "__init__.py").touch()
    for words in (["layer", "notes.zip"], ["folder", "mine"]):
        answer = dial("bundle", *words)
        assert answer.code == 1 and "remove it" in answer.err
    assert (dial.folder / "notes.zip").read_text() == "my notes"
    assert os.listdir(dial.folder / "mine") == ["__init__.py"]


def test_a_folder_is_replaced_as_long_as_nobody_changed_it(dial):
    made = dial.folder / "vendored"
    assert dial("bundle", "folder", "vendored").code == 0
    assert dial("bundle", "folder", "vendored", "--slim").code == 0
    assert not (made / "cli").exists()
    (made / "errors.py").write_text("# mine")
    answer = dial("bundle", "folder", "vendored")
    assert answer.code == 1 and (made / "errors.py").read_text() == "# mine"


@pytest.mark.skipif(os.name != "posix", reason="links are POSIX's")
@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_followed_and_stays(dial, there):
    if there:
        assert dial("bundle", "folder", "real/vendored").code == 0
    (dial.folder / "link").symlink_to("real/vendored")
    (dial.folder / "link.zip").symlink_to("real.zip")
    assert dial("bundle", "folder", "link", "--slim").code == 0 and dial("bundle", "layer", "link.zip").code == 0
    assert (dial.folder / "link").is_symlink() and (dial.folder / "link.zip").is_symlink()
    assert dial("verify", "real/vendored").code == 0 and dial("verify", "real.zip").code == 0
    assert not (dial.folder / "real" / "vendored" / "cli").exists()
    assert os.listdir(dial.folder / "real") == ["vendored"]
    assert sorted(os.listdir(dial.folder)) == ["link", "link.zip", "real", "real.zip"]


@pytest.mark.parametrize("words", [["folder", "vendored"], ["layer", "layer.zip"]])
def test_what_fails_leaves_nothing_behind(dial, words, monkeypatch):
    def full(self, *content):
        raise OSError(errno.ENOSPC, "No space left on device", "layer")

    monkeypatch.chdir(dial.folder)
    with monkeypatch.context() as patched:
        patched.setattr("pathlib.Path.write_bytes", full)
        patched.setattr("aidial_min.transport.atomic_file.TargetFile.write", full)
        assert main(["bundle", *words]) == 1
    assert os.listdir(dial.folder) == []


# verify


@pytest.fixture
def vendored(dial):
    assert dial("bundle", "folder", "yours/dial").code == 0
    return dial.folder / "yours" / "dial"


def test_a_fresh_bundle_is_as_it_was_made(dial):
    for words in (["layer", "--slim"], ["zipapp", "--bytecode"], ["wheel"], ["folder"]):
        made = dial("bundle", *target(words))
        path = made.lines[0]
        answer = dial("verify", path)
        assert answer.code == 0 and "is as it was made" in answer.out


def test_what_was_changed_is_named(dial, vendored):
    (vendored / "errors.py").write_text("# mine")
    (vendored / "core" / "retry.py").unlink()
    (vendored / "core" / "extra.py").touch()
    answer = dial("verify", "yours/dial")
    assert answer.code == 1
    assert answer.lines == ["added    core/extra.py", "missing  core/retry.py", "changed  errors.py"]


def test_bytecode_that_python_made_is_no_change_and_any_other_is(dial, vendored):
    made = python("-c", "import dial.errors, sys", cwd=vendored.parent, PYTHONDONTWRITEBYTECODE="")
    assert made.returncode == 0, made.stderr.decode()
    (compiled,) = vendored.glob("__pycache__/errors.*.pyc")
    assert dial("verify", "yours/dial").code == 0
    good = compiled.read_bytes()
    path = compiled.relative_to(vendored).as_posix()
    bad = good[:16] + marshal.dumps(compile("print('mine')", "errors.py", "exec"))
    for content, word in ((bad, "changed  "), (good[:40], "changed  "), (b"\0\0\0\0" + good[4:], "unknown  ")):
        compiled.write_bytes(content)
        answer = dial("verify", "yours/dial")
        assert answer.code == 1 and answer.lines[0].startswith(word + path)


def test_bytecode_without_a_source_is_named(dial, vendored):
    (vendored / "extra.pyc").write_bytes(b"anything")
    assert dial("verify", "yours/dial").lines == ["added    extra.pyc"]


def test_a_copy_compares_itself(vendored):
    done = python("-m", "dial", "verify", cwd=vendored.parent)
    assert done.returncode == 0 and b"is as it was made" in done.stdout


@pytest.mark.skipif(os.name != "posix", reason="coreutils are POSIX's")
def test_the_manifest_is_one_that_coreutils_read(vendored):
    done = subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=vendored, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize(
    "path, code, said",
    [("nowhere", 1, "neither a folder nor a zip"), (str(PACKAGE / "cli"), 2, "no SHA256SUMS: no bundle made it")],
)
def test_what_is_no_copy_is_one_clear_error(path, code, said, dial):
    answer = dial("verify", path)
    assert answer.code == code and said in answer.err and len(answer.err.splitlines()) == 1


# Programs that pack modules, such as PyInstaller (tests/real/test_pyinstaller.py)


def test_every_module_of_a_command_is_named_where_packers_look():
    from aidial_min.cli import parser

    source = (PACKAGE / "cli" / "__init__.py").read_text()
    (names,) = re.findall(r"^    from \. import ([\w, ]+\w)", source, re.MULTILINE)
    assert set(names.split(", ")) == {parser._MODULES.get(command, command) for command in parser.COMMANDS}
