"""Paths in DIAL's storage as people write them, the URLs they mean, and what lies there.

A path is relative to the caller's own bucket and written as one sees it; one that begins with files/ is a DIAL URL,
as answers show them (percent-encoded). A slash at its end makes it a folder.
"""

import os
import re
import stat
from contextlib import ExitStack, contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple
from urllib.parse import quote, unquote

from .. import errors
from ..api import local_files
from ..errors import EtagMismatchError, InvalidRequestError, PermissionDeniedError, ResourceNotFoundError
from .exit_codes import OK, CommandError, UsageError, code_of, line_about
from .terminal import Progress, local, note, read_bytes, visible, word

RULE = """\
PATH is a path in your own bucket, as you see it: "notes.txt", "trip/photo 1.jpg"; "" or / is the bucket itself.
If it begins with files/ it is a DIAL URL as answers show it, of any bucket: files/3xU.../trip/photo%201.jpg
(a folder of your own called "files" is ./files/). A folder ends in a slash.
"""


FAULTS = (EtagMismatchError, InvalidRequestError, PermissionDeniedError, ResourceNotFoundError, CommandError, OSError)
"""What may go wrong with one file, and not with the next."""


class Remote(NamedTuple):
    """A place in the storage: its URL ("files/{bucket}/a%20b.txt") and the path as it was written."""

    url: str
    shown: str

    @property
    def is_folder(self) -> bool:
        return self.url.endswith("/")

    @property
    def name(self) -> str:
        """The last segment, decoded; "" for a bucket."""
        segments = self.url.rstrip("/").split("/")
        return unquote(segments[-1]) if len(segments) > 2 else ""

    @property
    def folder(self) -> "Remote":
        """The same with its slash."""
        return self if self.is_folder else Remote(self.url + "/", self.shown + "/")

    def child(self, segments: Iterable[str]) -> "Remote":
        """A place below this folder, from decoded segments."""
        parts = list(segments)
        url = self.folder.url + "/".join(quote(part, safe="") for part in parts)
        base = self.shown.rstrip("/")
        return Remote(url, "/".join([base, *parts] if base not in ("", ".") else parts))


def resolve(client: Any, text: str) -> Remote:
    """The place that a word of the command line means.

    Raises:
        UsageError: a path with .. in it.
    """
    text = word(text)
    if text.startswith("files/") and len(text) > len("files/"):
        if text.count("/") == 1:
            text += "/"  # a whole bucket
        return Remote(text, text)
    if re.match(r"https?://", text, re.IGNORECASE):
        if not client.is_dial_url(text):
            raise UsageError("%s does not belong to this DIAL server" % text)
        if "/v1/files/" not in text:
            raise UsageError("%s is no URL of a file; it should continue with /v1/files/" % text)
        return Remote(text[text.index("/v1/files/") + len("/v1/") :], text)
    segments = [segment for segment in text.split("/") if segment not in ("", ".")]
    if ".." in segments:
        raise UsageError("a path in a bucket has no ..: %s" % text)
    slash = "/" if text.endswith("/") and segments else ""
    return Remote(encode(client.my_bucket(), segments) + slash, text or "/")


def expand(client: Any, text: str) -> List[Remote]:
    """The places that a word means: those that match its * and ?, or itself where there are none.

    A DIAL URL has no such characters.
    """
    place = resolve(client, text)
    segments = [unquote(part) for part in place.url.rstrip("/").split("/")[2:]]
    first = next((index for index, name in enumerate(segments) if re.search(r"[*?\[]", name)), None)
    if first is None or place.shown.startswith("files/"):
        return [place]
    base = Remote(encode(place.url.split("/")[1], segments[:first]), "/".join(segments[:first])).folder
    patterns = segments[first:]
    found = set()
    for item in client.files.list(base.url, recursive=len(patterns) > 1):
        names = below(item.url, base.url)
        if [name.rstrip("/") for name in names] == patterns and not re.search("[*?]", "".join(patterns)):
            return [place]  # it is there as it is written, brackets and all
        if len(names) >= len(patterns) and all(map(_matches, names, patterns)):
            folder = len(names) > len(patterns) or item.url.endswith("/")
            if folder or not place.is_folder:
                found.add((*(name.rstrip("/") for name in names[: len(patterns)]), "" if folder else None))
    return [base.child(name for name in names if name is not None) for names in sorted(found, key=str)] or [place]


def _matches(name: str, pattern: str) -> bool:
    """Whether a name matches, as in a shell: a dot at the beginning must be written."""
    name = name.rstrip("/")
    return fnmatchcase(name, pattern) and (pattern.startswith(".") or not name.startswith("."))


def encode(bucket: str, segments: Sequence[str]) -> str:
    """The URL of decoded segments in a bucket; that of the bucket itself ends in a slash."""
    return "/".join(["files", bucket, *(quote(segment, safe="") for segment in segments)]) + ("" if segments else "/")


def below(url: str, folder: str) -> List[str]:
    """The decoded segments of an item's URL below a folder's URL; a folder's last one ends in a slash."""
    bare = [unquote(part) for part in url.strip("/").split("/")]
    base = [unquote(part) for part in folder.strip("/").split("/")]
    if bare[: len(base)] != base or len(bare) == len(base):
        raise CommandError("the server lists %s below %s" % (url, folder))
    found = bare[len(base) :]
    return found[:-1] + [found[-1] + "/"] if url.endswith("/") else found


def entries(client: Any, place: Remote, recursive: bool) -> Iterable[Tuple[str, Any]]:
    """What a folder holds, by its name below the folder; or the one file that the path names.

    Raises:
        ResourceNotFoundError: neither a folder with something in it nor a file.
    """
    empty = True
    for item in client.files.list(place.folder.url, recursive=recursive):
        empty = False
        yield "/".join(below(item.url, place.url)), item
    if empty and place.name:
        item = client.files.get_metadata(place.url)
        if not place.is_folder:
            yield place.shown, item


def folder_of(client: Any, place: Remote) -> Optional[Remote]:
    """The folder that a path names, with its slash or because there is something below it; None for a file."""
    if place.is_folder or not place.name:
        return place.folder
    something = next(iter(client.files.list(place.folder.url)), None)
    return None if something is None else place.folder


@contextmanager
def expect_file(client: Any, place: Remote, hint: str) -> Iterator[None]:
    """For actions on files: a folder is told to be one, also where its slash is missing.

    Raises:
        UsageError: the path names a folder.
    """
    error = UsageError("%s is a folder%s" % (visible(place.shown), hint))
    if place.is_folder:
        raise error
    try:
        yield
    except ResourceNotFoundError:
        if place.name and folder_of(client, place) is not None:
            raise error from None
        raise


def each(things: Iterable[Any], action: Callable[[Any], None]) -> int:
    """Do something with each of several things; what goes wrong with one is said, and does not stop the others.

    Returns:
        The exit code: that of the first fault.
    """
    code = OK
    for thing in things:
        try:
            action(thing)
        except (BrokenPipeError, errors.DialTimeoutError):  # a time limit will be there for the next one
            raise
        except FAULTS as error:
            note(line_about(error))
            code = code or code_of(error)
    return code


def stored_name(name: str) -> str:
    """A name that DIAL stores, for one of a local file: it refuses braces and control characters."""
    return re.sub(r"[\x00-\x1f/{}]", "_", name) or "file"


def local_path(folder: str, segments: Sequence[str]) -> str:
    """Where decoded segments lie below a local folder, by the rules of `files.download_folder`.

    Raises:
        CommandError: the place would lie outside of the folder, or a name can't be one on this system.
    """
    try:
        return local_files.local_path(os.path.realpath(folder), tuple(map(local, segments)))
    except InvalidRequestError as error:
        raise CommandError(error.message) from None


def size_of(path: Path) -> Optional[int]:
    """Bytes of a file; None for pipes and devices."""
    found = path.stat()
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def is_text(data: bytes) -> bool:
    """Whether it can be shown as text."""
    try:
        return "\0" not in data.decode("utf-8")
    except UnicodeDecodeError:
        return False


def store(client: Any, url: str, source: str, name: str, etag_if_none_match: Optional[str] = None) -> Any:
    """Store a local file, a pipe, or stdin ("-") at a URL, with a bar for the person who waits.

    Args:
        name: by which the type of what has no name of its own is guessed.
    """
    path = Path(source)
    size = None if source == "-" else size_of(path)
    with Progress(size, name) as bar, ExitStack() as stack:
        if source == "-":
            data = read_bytes()
            file: Any = (name, data, "text/plain") if "." not in name and is_text(data) else (name, data)
        else:
            file = path if size is not None else (name, stack.enter_context(open(path, "rb")))
        return client.files.upload(url, file, None, etag_if_none_match, lambda done, _: bar.update(done))
