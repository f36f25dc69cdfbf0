"""Local files: walking a folder, where a download may be written, and the digest to compare with an ETag.

Nothing outside of a folder is read or written on its behalf, whatever symbolic links and names there are.
"""

import os
import sys
from typing import Dict, List, NamedTuple, Optional, Tuple, Union

from ..errors import InvalidRequestError

LocalPath = Union[str, "os.PathLike[str]"]

_PIECE = 1024 * 1024
_RESERVED = frozenset(
    ["con", "prn", "aux", "nul"] + ["%s%d" % (name, number) for name in ("com", "lpt") for number in range(1, 10)]
)
"""Names that mean devices on Windows, with any extension."""


class LocalFile(NamedTuple):
    """A file below a local folder: its path below it, with slashes, and the path to open."""

    name: str
    path: str


def local_files(source: LocalPath) -> Tuple[List[LocalFile], Dict[str, Exception]]:
    """All files below a local folder, in order, and what can't be taken, with the reason.

    Raises:
        OSError: the folder itself can't be read.
    """
    root = os.path.realpath(source)
    found: List[LocalFile] = []
    failed: Dict[str, Exception] = {}
    folders = [""]
    while folders:
        prefix = folders.pop()
        try:
            with os.scandir(os.path.join(root, *prefix.split("/"))) as entries:
                inside = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            if not prefix:
                raise
            failed[prefix] = error
            continue
        below = []
        for entry in inside:
            name = prefix + entry.name
            problem = _problem_of(root, entry)
            if problem:
                failed[name] = InvalidRequestError("%s is not uploaded: it %s" % (name, problem))
            elif entry.is_dir(follow_symlinks=False):
                below.append(name + "/")
            else:
                found.append(LocalFile(name, entry.path))
        folders += reversed(below)
    return sorted(found), failed


def _problem_of(root: str, entry: "os.DirEntry[str]") -> str:
    if entry.is_symlink():
        if entry.is_dir():
            return "is a symbolic link to a folder"
        if not _is_below(root, os.path.realpath(entry.path)):
            return "is a symbolic link that leads out of the folder"
    if not entry.is_dir() and not entry.is_file():
        return "is no regular file"
    return ""


def local_path(root: str, names: Tuple[str, ...]) -> str:
    """Where a stored file shall lie below a local folder.

    Args:
        root: the folder, with symbolic links resolved.
        names: decoded segments.
    Raises:
        InvalidRequestError: it would lie elsewhere, or the name can't be one here.
    """
    for name in names:
        if name in ("", ".", "..") or set("/\\\0") & set(name) or not _can_be_named(name):
            raise InvalidRequestError("a file can't have the name %r here" % name)
    path = os.path.join(root, *names)
    if not names or not _is_below(root, os.path.realpath(path)):
        raise InvalidRequestError("%s would be written outside of the target folder" % "/".join(names))
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
        # To open a pipe can take for ever.
        raise InvalidRequestError("%s is there and no regular file" % "/".join(names))
    return path


def same_file_key(name: str, blind: bool = os.name == "nt" or sys.platform == "darwin") -> str:
    """Equal for names that usually are one file here: systems can be blind for case and for how accents are coded."""
    if not blind:
        return name
    import unicodedata

    return unicodedata.normalize("NFC", name.casefold())


def _can_be_named(name: str, windows: bool = os.name == "nt") -> bool:
    """Whether this system takes a name for what it is: on Windows some mean drives, streams or devices."""
    try:
        os.fsencode(name)
    except UnicodeEncodeError:  # a locale without such letters
        return False
    if not windows:
        return True
    stem = name.split(".")[0].strip().lower()
    return not (set(name) & set('<>:"|?*') or name[-1] in ". " or stem in _RESERVED)


def md5_of(path: str) -> Optional[str]:
    """The MD5 of a regular file, in hex, as ETags have it; None where there is no such file."""
    if not os.path.isfile(path):
        return None
    import hashlib

    digest = hashlib.md5(usedforsecurity=False)
    with open(path, "rb") as file:
        for piece in iter(lambda: file.read(_PIECE), b""):
            digest.update(piece)
    return digest.hexdigest()


def _is_below(root: str, path: str) -> bool:
    try:
        return path != root and os.path.commonpath([root, path]) == root
    except ValueError:  # another drive
        return False
