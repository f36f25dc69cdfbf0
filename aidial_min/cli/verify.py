"""Compare a copy of this package with the manifest that `bundle` put into it, and name what was changed.

PATH is a bundle (a zip, a zipapp, a wheel) or the folder of a copy; without it, the copy that runs is compared.
Bytecode that is not in the manifest is compared with what its source compiles to.

A changed copy can't be trusted to find itself changed: use another copy, or `sha256sum -c SHA256SUMS` in its folder.

examples:
    @ layer.zip
    @ yourproject/_vendor/aidial_min
"""

import argparse
import hashlib
import marshal
import re
import sys
import zipfile
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from typing import Dict, Iterator, Mapping, Optional, Tuple

from .exit_codes import FAILED, OK, CommandError, UsageError
from .terminal import note, write

NAME = "SHA256SUMS"
"""The manifest of a copy, which `sha256sum -c` reads too; its paths are relative to the copy."""
OURS = re.compile(r"(.*/)?[\w-]+(\.py|\.md|\.typed)|LICENSE")


def set_up(parser: argparse.ArgumentParser, name: str) -> None:
    """Name the arguments."""
    parser.add_argument("path", nargs="?", metavar="PATH", help="a bundle, or the folder of a copy")


def run(arguments: argparse.Namespace) -> int:
    """Compare; the exit code is 1 where anything differs."""
    package = sys.modules[__name__.partition(".cli.")[0]]
    place = arguments.path or next(iter(package.__path__))
    _, files = find(place)
    found = list(differences(files))
    for line in found:
        write(line + "\n")
    if found:
        note("%s: %d of its files are not as in %s" % (place, len(found), NAME))
        return FAILED
    write("%s is as it was made; sha256 of its %s: %s\n" % (place, NAME, sha256(files[NAME])))
    return OK


# ---------------------------------------------------------------- copies: a folder, or a folder in a zip


def running_copy() -> Dict[str, bytes]:
    """The files of the copy that runs, without bytecode and whatever else lies around.

    Raises:
        CommandError: the sources are not there, as in a frozen program.
    """
    package = sys.modules[__name__.partition(".cli.")[0]]
    try:
        files = read(next(iter(package.__path__)))
    except OSError:
        files = {}
    if "__init__.py" not in files:
        raise CommandError("the sources of %s are not at hand here; take a folder, a zip or a wheel" % package.__name__)
    return {path: content for path, content in files.items() if OURS.fullmatch(path)}


def read(place: str) -> Dict[str, bytes]:
    """Every file below a folder, which may lie in a zip, by its path with slashes.

    Raises:
        OSError: there is neither.
    """
    path = Path(place)
    if path.is_dir():
        return {file.relative_to(path).as_posix(): file.read_bytes() for file in path.rglob("*") if file.is_file()}
    archive = next(filter(Path.is_file, (path, *path.parents)), None)
    if archive is None or not zipfile.is_zipfile(archive):
        raise FileNotFoundError(2, "is neither a folder nor a zip", place)
    prefix = path.relative_to(archive).as_posix() + "/" if path != archive else ""
    with zipfile.ZipFile(archive) as file:
        names = [name for name in file.namelist() if name.startswith(prefix) and not name.endswith("/")]
        return {name[len(prefix) :]: file.read(name) for name in names}


def manifest(files: Mapping[str, bytes]) -> bytes:
    """The text of SHA256SUMS for these files."""
    return "".join("%s  %s\n" % (sha256(files[path]), path) for path in sorted(files)).encode()


def sha256(content: bytes) -> str:
    """The digest as it is usually written."""
    return hashlib.sha256(content).hexdigest()


def find(place: str) -> Tuple[str, Dict[str, bytes]]:
    """The one copy with a manifest in a folder or zip: its path below it, and all files there, relative to the copy.

    Raises:
        UsageError: there is none, or there are several.
    """
    files = read(place)
    found = sorted(path[: -len(NAME)] for path in files if path == NAME or path.endswith("/" + NAME))
    if len(found) != 1:
        several = "several copies, name one of them: %s" % ", ".join(found)
        raise UsageError("%s has %s" % (place, several if found else "no %s: no bundle made it" % NAME))
    return found[0], {path[len(found[0]) :]: files[path] for path in files if path.startswith(found[0])}


def differences(files: Mapping[str, bytes]) -> Iterator[str]:
    """What differs between a copy and its manifest, a line for each file; bytecode of its sources is no difference."""
    listed = {line[66:]: line[:64] for line in files[NAME].decode("utf-8", "replace").splitlines()}
    for path in sorted({*listed, *files} - {NAME}):
        if path not in files:
            yield "missing  " + path
        elif path in listed:
            if sha256(files[path]) != listed[path]:
                yield "changed  " + path
        elif path.endswith(".pyc"):
            problem = _problem_of_bytecode(path, files)
            if problem:
                yield problem
        else:
            yield "added    " + path


def _problem_of_bytecode(path: str, files: Mapping[str, bytes]) -> Optional[str]:
    """Bytecode runs instead of its source, so it must be what the source compiles to."""
    cached = re.fullmatch(r"((?:.*/)?)__pycache__/([^./]+)\.[\w-]+?(?:\.opt-([12]))?\.pyc", path)
    source = files.get("%s%s.py" % cached.group(1, 2)) if cached else None
    if cached is None or source is None:
        return "added    " + path
    if files[path][:4] != MAGIC_NUMBER:
        return "unknown  %s (of another Python: verify with that one, or remove it)" % path
    try:
        wanted = compile(source, path, "exec", dont_inherit=True, optimize=int(cached.group(3) or 0))
        return None if marshal.loads(files[path][16:]) == wanted else "changed  " + path
    except (EOFError, SyntaxError, TypeError, ValueError):
        return "changed  " + path
