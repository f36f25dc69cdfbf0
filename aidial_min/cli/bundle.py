"""Make a layer, a zipapp, a wheel or a folder of this package, for places without pip.

The same sources and the same Python give the same bytes; dates are those of SOURCE_DATE_EPOCH, or 1980. Every bundle
carries SHA256SUMS, with which `verify` compares it.

examples:
    @ layer layer.zip --slim --bytecode
    @ zipapp dial.pyz
    @ wheel
    @ folder yourproject/_vendor/dial --slim
"""

import argparse
import base64
import hashlib
import io
import keyword
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Tuple

from .._version import __version__
from ..transport.atomic_file import TargetFile
from .exit_codes import CommandError, UsageError
from .terminal import note, write
from .verify import NAME, differences, find, manifest, read, running_copy, sha256

PACKAGE = "aidial_min"
DIST_INFO = "%s-%s.dist-info/" % (PACKAGE, __version__)

KINDS = {
    "layer": ("a zip with python/aidial_min, for AWS Lambda", "%s-%s-layer.zip" % (PACKAGE, __version__)),
    "zipapp": ("one file that runs the command line", PACKAGE + ".pyz"),
    "wheel": (
        "for `pip install --no-index FILE`, which needs no setuptools",
        "%s-%s-py3-none-any.whl" % (PACKAGE, __version__),
    ),
    "folder": ("a copy to vendor, under any name", ""),
}
"""What each is, and its name where none is given."""

METADATA = """\
Metadata-Version: 2.4
Name: aidial-min
Version: %s
Summary: A client for the AI DIAL API that needs nothing but Python's standard library
License-Expression: Apache-2.0
License-File: LICENSE
Requires-Python: >=3.9
Description-Content-Type: text/markdown

%s"""
WHEEL = "Wheel-Version: 1.0\nGenerator: aidial_min %s\nRoot-Is-Purelib: true\nTag: py3-none-any\n" % __version__
ENTRY_POINTS = "[console_scripts]\naidial-min = aidial_min.__main__:main\n"

SHEBANG = b"#!/usr/bin/env python3\n"
MAIN_OF_ZIPAPP = """\
import sys

if sys.version_info < (3, 9):
    sys.exit("aidial_min needs Python 3.9 or newer, this is %%d.%%d" %% sys.version_info[:2])
from %s.__main__ import main

sys.exit(main())
"""

COMPILE = "-S -s -m compileall -q -o 0 --invalidation-mode unchecked-hash".split()
"""What makes the bytecode of all sources in a folder."""


def set_up(parser: argparse.ArgumentParser, name: str) -> None:
    """Name the kinds and the options, which may stand before a kind and after it."""
    add_bundle_options(parser, False, "")
    kinds = parser.add_subparsers(dest="kind", metavar="kind", required=True, title="kinds")
    for kind, (line, _) in KINDS.items():
        command = kinds.add_parser(kind, help=line, description=line[0].upper() + line[1:] + ".")
        command.add_argument("target", nargs="?", default="", metavar="TARGET", help="the file or folder to write")
        add_bundle_options(command, argparse.SUPPRESS, argparse.SUPPRESS)


def add_bundle_options(parser: argparse.ArgumentParser, switch: Any, text: Any) -> None:
    """Name the options, with what they are where they are not given."""
    slim, bytecode = "the library alone, without command line and test server", "what this very Python compiles to, too"
    parser.add_argument("--slim", action="store_true", default=switch, help=slim)
    parser.add_argument("--bytecode", action="store_true", default=switch, help=bytecode)
    parser.add_argument("--into", default=text, metavar="PACKAGE", help="below this package, such as yours._vendor")


def run(arguments: argparse.Namespace) -> None:
    """Make the bundle, and say how large it is."""
    kind, target = arguments.kind, Path(arguments.target)
    parents = arguments.into.split(".") if arguments.into else []
    check(arguments, parents)
    files = running_copy()
    if arguments.slim:
        files = {path: files[path] for path in files if not path.startswith(("cli/", "testing/"))}
    if kind == "folder":
        place = target.joinpath(*parents, PACKAGE) if parents else target
        files = complete(files, place.name, arguments.bytecode, in_zip=False)
        write_folder(place, files)
        for depth in range(len(parents)):
            target.joinpath(*parents[: depth + 1], "__init__.py").touch()
        size, digest = sum(map(len, files.values())), "%s (of its %s)" % (sha256(files[NAME]), NAME)
    else:
        place = target / KINDS[kind][1] if target.is_dir() else target
        content = zipped(dict(layout(kind, files, parents, arguments.bytecode)), SHEBANG if kind == "zipapp" else b"")
        write_file(place, content, executable=kind == "zipapp")
        size, digest = len(content), sha256(content)
    write("%s\n%d files, %d bytes\nsha256 %s\n" % (place, len(files), size, digest))
    if arguments.bytecode:
        tag = sys.implementation.cache_tag
        note("The bytecode is for Python %d.%d (%s); any other compiles the sources." % (*sys.version_info[:2], tag))


def check(arguments: argparse.Namespace, parents: List[str]) -> None:
    """Refuse words that make no sense together.

    Raises:
        UsageError: the message says what to write instead.
    """
    kind, target = arguments.kind, arguments.target
    if kind == "folder" and not target:
        raise UsageError("name the folder: bundle folder yourproject/_vendor/dial")
    if kind == "folder" and not parents and not is_name(Path(target).name):
        raise UsageError("%s can't be imported: the folder's name must be a Python name" % target)
    if not all(map(is_name, parents)):
        raise UsageError("--into is the name of a package, such as yours._vendor, not %s" % arguments.into)
    if kind == "zipapp" and arguments.slim:
        raise UsageError("a zipapp runs the command line, which --slim leaves out")
    if kind == "wheel" and (parents or arguments.bytecode):
        raise UsageError("a wheel has neither --into nor --bytecode: pip compiles what it installs")
    if kind == "wheel" and target and not os.path.isdir(target) and Path(target).name != KINDS[kind][1]:
        raise UsageError("pip reads name and version from a wheel's name: name its folder, or %s" % KINDS[kind][1])


def is_name(word: str) -> bool:
    """Whether it can stand in an import."""
    return word.isidentifier() and not keyword.iskeyword(word)


def layout(kind: str, files: Mapping[str, bytes], parents: List[str], bytecode: bool) -> Iterator[Tuple[str, bytes]]:
    """Every file of a zip, with its path there."""
    root = "python/" if kind == "layer" else ""
    for depth in range(len(parents)):
        yield root + "/".join([*parents[: depth + 1], "__init__.py"]), b""
    place = root + "/".join([*parents, PACKAGE, ""])
    copy = {place + path: content for path, content in complete(files, place, bytecode, kind == "zipapp").items()}
    yield from copy.items()
    if kind == "zipapp":
        yield "__main__.py", (MAIN_OF_ZIPAPP % ".".join([*parents, PACKAGE])).encode()
    if kind == "wheel":
        said = dict(dist_info(files))
        yield from said.items()
        yield DIST_INFO + "RECORD", record({**copy, **said})


def complete(files: Mapping[str, bytes], place: str, bytecode: bool, in_zip: bool) -> Dict[str, bytes]:
    """The files of a copy with its bytecode, where wanted, and its manifest.

    Args:
        place: where the copy will lie, as tracebacks from a zip show it.
        in_zip: whether Python will import it from a zip, where bytecode lies beside its source.
    """
    whole = {**files, **(compiled(files, place, in_zip) if bytecode else {})}
    return {**whole, NAME: manifest(whole)}


def compiled(files: Mapping[str, bytes], place: str, in_zip: bool) -> Dict[str, bytes]:
    """The bytecode of all sources, made by a fresh process without random hashes, so that it is always the same.

    Raises:
        CommandError: this Python can't be started again.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, place)
        for path in files:
            put(copy / path, files[path])
        done = subprocess.run(
            [sys.executable or "python3", *COMPILE, *(["-b"] if in_zip else []), place],
            cwd=folder,
            env={**environment, "PYTHONHASHSEED": "0"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        if done.returncode:
            raise CommandError("%s can't compile: %s" % (sys.executable, done.stdout.decode("utf-8", "replace")[-300:]))
        return {path: content for path, content in read(str(copy)).items() if path not in files}


def dist_info(files: Mapping[str, bytes]) -> Iterator[Tuple[str, bytes]]:
    """What a wheel says of itself."""
    yield DIST_INFO + "METADATA", (METADATA % (__version__, files["README.md"].decode())).encode()
    yield DIST_INFO + "WHEEL", WHEEL.encode()
    yield DIST_INFO + "licenses/LICENSE", files["LICENSE"]
    if "cli/__init__.py" in files:
        yield DIST_INFO + "entry_points.txt", ENTRY_POINTS.encode()


def record(entries: Mapping[str, bytes]) -> bytes:
    """The RECORD of a wheel: path, digest and size of every file in it but itself. No path has a comma."""
    lines = []
    for path, content in sorted(entries.items()):
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        lines.append("%s,sha256=%s,%d\n" % (path, digest, len(content)))
    return "".join([*lines, DIST_INFO + "RECORD,,\n"]).encode()


def zipped(entries: Mapping[str, bytes], start: bytes) -> bytes:
    """A zip that depends on nothing but what is in it: sorted, one date, one mode."""
    text = os.environ.get("SOURCE_DATE_EPOCH") or "0"
    if not text.isdigit():
        raise UsageError("SOURCE_DATE_EPOCH is a number of seconds since 1970, not %s" % text)
    date: Any = time.gmtime(min(max(int(text), 315532800), 4354819198))[:6]  # from 1980 to 2107, as a zip can hold it
    out = io.BytesIO()
    out.write(start)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(entries):
            entry = zipfile.ZipInfo(path, date)
            entry.create_system = 3  # Unix, also where this is Windows: it says how to read the mode
            entry.external_attr = 0o100644 << 16  # a file that all may read
            entry.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(entry, entries[path], compresslevel=9)
    return out.getvalue()


def write_file(target: Path, content: bytes, executable: bool) -> None:
    """Write a file of which nobody ever finds half.

    Raises:
        CommandError: the target is a file of another kind.
    """
    if target.exists() and not zipfile.is_zipfile(target):
        raise CommandError("%s is there and is no zip: name another file, or remove it" % target)
    target.parent.mkdir(parents=True, exist_ok=True)
    with TargetFile(target) as file:
        file.write(content)
    if executable:
        target.chmod(0o755)


def write_folder(target: Path, files: Mapping[str, bytes]) -> None:
    """Write a copy; one that is there already is replaced if it is as it was made.

    A link stays; the folder that it names is written.

    Raises:
        CommandError: something else is there, or a copy that was changed.
    """
    target = Path(os.path.realpath(target))
    if target.exists() and os.listdir(target):
        if not (target / NAME).exists() or list(differences(find(str(target))[1])):
            raise CommandError("%s is there, and not as `bundle` made it: name another folder, or remove it" % target)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(".part", target.name, target.parent) as folder:
        whole = Path(folder, target.name)
        for path, content in files.items():
            put(whole / path, content)
        if target.exists():
            shutil.rmtree(target)
        whole.replace(target)


def put(path: Path, content: bytes) -> None:
    """Write a file, and the folders it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
