"""`files get` and `put`: between local files and the storage, with a progress bar for a person at a terminal."""

import argparse
import os
from pathlib import Path
from typing import Any, Iterator, List, NamedTuple, Optional, Tuple

from ..errors import EtagMismatchError
from ..transport.atomic_file import TargetFile
from .exit_codes import CommandError, UsageError
from .files_show import each, entries, folder_of, refuse_folder
from .progress import Progress
from .remote import Remote, below, local_path, resolve, send, size_of, stored_name
from .table import bytes_text
from .terminal import note, visible, word, write


class Total:
    """How many files and bytes went over."""

    def __init__(self) -> None:
        self.files = 0
        self.bytes = 0

    def __str__(self) -> str:
        return "%d file%s, %s" % (self.files, "" if self.files == 1 else "s", bytes_text(self.bytes))


# -- get


def get(client: Any, arguments: argparse.Namespace) -> int:
    """Fetch files into the current folder, or into LOCAL.

    LOCAL is a folder if there is one, or it ends in a slash, or several files are fetched; else the name of the copy.
    Existing files are replaced when all of the new one has come.

    examples:
        reports/a.txt                    # ./a.txt
        reports/a.txt copy.txt
        reports/a.txt reports/b.txt in/
        -r reports/                      # ./reports/...
        -r reports/ backup               # backup/reports/... if there is a folder backup, else backup/...
    """
    *sources, target = arguments.paths if len(arguments.paths) > 1 else [*arguments.paths, "." + os.sep]
    into = os.path.isdir(target) or target.endswith(("/", os.sep))
    if len(sources) > 1 and not into:
        raise UsageError("several files go into a folder, and %s is none; end it with a slash" % word(target))
    total = Total()

    def fetch(path: str) -> None:
        place = resolve(client, path)
        folder = folder_of(client, place) if arguments.recursive else None
        if folder is not None:
            fetch_folder(client, folder, target, into, arguments.no_clobber, total)
            return
        refuse_folder(place, "; -r fetches it with everything below")
        if into:
            os.makedirs(target, exist_ok=True)
        local = local_path(target, [place.name]) if into else target
        fetch_file(client, place.url, local, arguments.no_clobber, total)

    code = each(sources, fetch)
    if arguments.recursive:
        note("%s fetched" % total)
    return code


def fetch_folder(client: Any, place: Remote, target: str, into: bool, no_clobber: bool, total: Total) -> None:
    """Fetch everything below a folder.

    Raises:
        CommandError: some of it could not be fetched, and why has been said.
    """
    base = local_path(target, [place.name]) if into and place.name else target

    def fetch(entry: Tuple[str, Any]) -> None:
        path = local_path(base, below(entry[1].url, place.url))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        fetch_file(client, entry[1].url, path, no_clobber, total)

    code = each(entries(client, place, True), fetch)
    if code:
        raise CommandError("not everything below %s was fetched" % visible(place.shown), code)


def fetch_file(client: Any, url: str, path: str, no_clobber: bool, total: Total) -> None:
    """Fetch one file, which appears when all of it has come.

    Raises:
        FileExistsError: with `no_clobber`, and it is there.
    """
    if no_clobber and os.path.lexists(path):
        raise FileExistsError(None, "it is there already", path)
    with client.files.download(url) as response, Progress(response.content_length) as bar:
        done = 0
        with TargetFile(path) as file:
            for piece in response:
                file.write(piece)
                done += len(piece)
                bar.update(done, response.filename)
    total.files += 1
    total.bytes += done


# -- put


class Upload(NamedTuple):
    """A local file and where it goes."""

    path: Path
    target: Remote
    size: Optional[int]


def put(client: Any, arguments: argparse.Namespace) -> int:
    """Store local files in your bucket, or at PATH.

    PATH is a folder if it ends in a slash, else the name of the copy. For each file its DIAL URL is written to stdout.

    examples:
        notes.txt
        notes.txt todo.txt
        *.txt reports/
        -r photos trip/                  # trip/photos/...
        -r photos trip                   # trip/...
        -r photos/. trip/                # the same
    """
    *sources, last = arguments.paths if len(arguments.paths) > 1 else [*arguments.paths, ""]
    target = resolve(client, last)
    if len(sources) > 1 and not (target.is_folder or not target.name):
        raise UsageError("several files go into a folder: end %s with a slash" % word(last))
    uploads: List[Upload] = []

    def gather(source: str) -> None:
        uploads.extend(plan(source, target, arguments.recursive))

    code = each(sources, gather)
    total = Total()
    sizes = [upload.size for upload in uploads]
    with Progress(None if None in sizes else sum(size or 0 for size in sizes)) as bar:
        stored = each(uploads, lambda upload: store_file(client, upload, arguments.no_clobber, total, bar))
    if arguments.recursive:
        note("%s stored" % total)
    return code or stored


def plan(source: str, target: Remote, recursive: bool) -> List[Upload]:
    """What is to be stored for one word of the command line, and where.

    Raises:
        UsageError: a folder without -r. OSError: it is not there.
    """
    path = Path(source)
    into = target.is_folder or not target.name
    if not path.is_dir():
        place = target.child([stored_name(word(path.name))]) if into else target
        return [Upload(path, place, size_of(path))]
    if not recursive:
        raise UsageError("%s is a folder; -r stores it with everything below" % word(source))
    contents = os.path.basename(source.rstrip("/" + os.sep)) in ("", ".", "..")
    base = target.child([stored_name(word(path.name))]) if into and not contents else target
    return [Upload(file, base.child(segments), size_of(file)) for file, segments in walk(path)]


def walk(folder: Path) -> Iterator[Tuple[Path, List[str]]]:
    """Files below a local folder, in order, with the names they get; links to folders and odd things are left out.

    Raises:
        OSError: a folder that can't be read.
    """
    for place, folders, names in os.walk(folder, onerror=_refuse):
        folders.sort()
        for name in folders:
            if os.path.islink(os.path.join(place, name)):
                note("%s is a link to a folder, and is left out" % visible(word(os.path.join(place, name))))
        inner = Path(place).relative_to(folder).parts
        for name in sorted(names):
            path = Path(place, name)
            if path.is_file():
                yield path, [stored_name(word(part)) for part in (*inner, name)]
            else:
                note("%s is no file, and is left out" % visible(word(str(path))))


def _refuse(error: OSError) -> None:
    raise error


def store_file(client: Any, upload: Upload, no_clobber: bool, total: Total, bar: Progress) -> None:
    """Store one file and write its URL to stdout.

    Raises:
        FileExistsError: with `no_clobber`, and it is there.
    """
    before = total.bytes

    def progress(done: int, whole: Optional[int]) -> None:
        total.bytes = before + done
        bar.update(total.bytes, upload.target.name)

    only_new = "*" if no_clobber else None
    url, name, size = upload.target.url, upload.target.name, upload.size
    try:
        item = send(client, url, upload.path, name, size, etag_if_none_match=only_new, progress=progress)
    except EtagMismatchError:
        raise FileExistsError(None, "it is there already", upload.target.shown) from None
    total.files += 1
    total.bytes = before + (size if size is not None else item.content_length or 0)
    bar.clear()
    write(visible(item.url, lines=False) + "\n")
