"""`files cat`, `get`, `put` and `sync`: between here and the storage; whole folders as the library carries them."""

import argparse
import os
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Callable, List, Sequence, Tuple

from ..api.local_files import local_files, same_file_key
from ..errors import EtagMismatchError, InvalidRequestError
from ..transport.atomic_file import TargetFile
from .exit_codes import FAILED, CommandError, UsageError, code_of, line_about
from .remote import Remote, each, entries, expand, expect_file, folder_of, local_path, resolve, store, stored_name
from .terminal import Progress, can_ask, confirm, files_text, note, visible, word, write, write_bytes


def cat(client: Any, arguments: argparse.Namespace) -> int:
    """Write files to stdout, byte for byte.

    examples:
        reports/a.txt | head -3
    """

    def show(place: Remote) -> None:
        with expect_file(client, place, "; cat writes files"), client.files.download(place.url) as response:
            write_bytes(response)

    return each([place for path in arguments.paths for place in expand(client, path)], show)


def get(client: Any, arguments: argparse.Namespace) -> int:
    """Fetch files into the current folder, or into LOCAL.

    LOCAL is a folder if there is one, or it ends in a slash, or several files are fetched; else the name of the copy,
    or "-" for stdout. Files are replaced when all of the new one has come; with -r, unchanged ones are skipped.

    examples:
        reports/a.txt                    # ./a.txt
        reports/a.txt copy.txt
        reports/a.txt -                  # to stdout
        "reports/*.txt" in/              # * and ? match names in the storage
        -r reports/                      # ./reports/...
        -r reports/ backup               # backup/reports/... if there is a folder backup, else backup/...
    """
    *words, target = arguments.paths if len(arguments.paths) > 1 else [*arguments.paths, "." + os.sep]
    if target == "-":
        arguments.paths = words
        return cat(client, arguments)
    sources = [place for text in words for place in expand(client, text)]
    into = os.path.isdir(target) or target.endswith(("/", os.sep))
    if len(sources) > 1 and not into:
        raise UsageError("several files go into a folder, and %s is none; end it with a slash" % word(target))

    def fetch(place: Remote) -> None:
        folder = folder_of(client, place) if arguments.recursive else None
        if folder is not None:
            base = local_path(target, [folder.name]) if into and folder.name else target
            failure, overwrite = "not everything below %s was fetched" % visible(folder.shown), not arguments.no_clobber
            carry_folder(client, False, folder.url, base, "fetched", failure, lambda name: None, overwrite=overwrite)
            return
        with expect_file(client, place, "; -r fetches it with everything below"):
            if into:
                os.makedirs(target, exist_ok=True)
            fetch_file(client, place.url, local_path(target, [place.name]) if into else target, arguments.no_clobber)

    return each(sources, fetch)


def fetch_file(client: Any, url: str, path: str, no_clobber: bool) -> None:
    """Fetch one file, which appears when all of it has come.

    Raises:
        FileExistsError: with `no_clobber`, and it is there.
    """
    if no_clobber and os.path.lexists(path):
        raise FileExistsError(None, "it is there already", path)
    with client.files.download(url) as response, Progress(response.content_length, response.filename) as bar:
        with TargetFile(path) as file:
            for piece in bar.over(response):
                file.write(piece)


def put(client: Any, arguments: argparse.Namespace) -> int:
    """Store local files, or stdin ("-"), in your bucket, or at PATH.

    PATH is a folder if it ends in a slash, else the name of the copy. For each file that was stored its DIAL URL is
    written to stdout; with -r, files that are there already, unchanged, are skipped.

    examples:
        notes.txt
        *.txt reports/                   # the shell expands *.txt
        - log.txt                        # from stdin
        -r photos trip/                  # trip/photos/...
        -r photos trip                   # trip/...
        -r photos/. trip/                # the same
    """
    *sources, last = arguments.paths if len(arguments.paths) > 1 else [*arguments.paths, ""]
    target = resolve(client, last)
    into = target.is_folder or not target.name
    if into and "-" in sources:
        raise UsageError("what comes on stdin needs a name: put - notes.txt")
    if len(sources) > 1 and not into:
        raise UsageError("several files go into a folder: end %s with a slash" % word(last))

    def put_one(source: str) -> None:
        path = Path(source)
        if source != "-" and path.is_dir():
            store_folder(client, source, target, into, arguments)
            return
        name = stored_name(word(os.path.basename(os.path.abspath(source))))
        store_file(client, source, target.folder.child([name]) if into else target, arguments.no_clobber)

    return each(sources, put_one)


def store_folder(client: Any, source: str, target: Remote, into: bool, arguments: argparse.Namespace) -> None:
    """Store a folder with everything below it.

    Raises:
        UsageError: -r was not given.
        CommandError: not all of it could be stored; what was not has been said.
    """
    shown = visible(word(source))
    if not arguments.recursive:
        raise UsageError("%s is a folder; -r stores it with everything below" % shown)
    name = os.path.basename(source.rstrip("/" + os.sep))
    name = stored_name(word(name)) if name not in ("", ".", "..") else ""
    base = target.folder.child([name]) if into and name else target.folder
    failure = "not everything below %s was stored" % shown

    def tell(name: str) -> None:
        write(base.child(name.split("/")).url + "\n")

    carry_folder(client, True, source, base.url, "stored", failure, tell, overwrite=not arguments.no_clobber)


def store_file(client: Any, source: str, target: Remote, no_clobber: bool) -> None:
    """Store one file, or stdin.

    Raises:
        FileExistsError: with `no_clobber`, and it is there.
    """
    try:
        item = store(client, target.url, source, target.name, "*" if no_clobber else None)
    except EtagMismatchError:
        raise FileExistsError(None, "it is there already", target.shown) from None
    write(visible(item.url) + "\n")


def carry_folder(
    client: Any, up: bool, source: str, target: str, done: str, failure: str, tell: Callable[[str], Any], **options: Any
) -> List[str]:
    """Carry a folder, up or down, and tell what becomes of its files; at the end, how many they were.

    Args:
        done: what is done to a file, e.g. "stored".
        failure: what is said if some of them failed.
        tell: called with the path of each file that was done, as soon as it is.
        options: those of the client's method.
    Returns:
        The paths of all files, done or not.
    Raises:
        CommandError: some of them failed; local links, which are left out, are no fault.
    """
    with Progress(None, counted=True) as bar:

        def on_file(name: str, outcome: Any) -> None:
            bar.update(bar.done + 1, name)
            if isinstance(outcome, Exception):
                note(visible(_reason(name, outcome), lines=False))
            elif outcome != "skipped":
                tell(name)

        transfer = client.files.upload_folder if up else client.files.download_folder
        changed, skipped, failed = transfer(source, target, on_file=on_file, **options)
    note("%s %s%s" % (files_text(len(changed)), done, ", %d unchanged" % len(skipped) if skipped else ""))
    faults = [error for name, error in failed.items() if not (up and os.path.islink(os.path.join(source, name)))]
    if faults:
        code = FAILED if isinstance(faults[0], InvalidRequestError) else code_of(faults[0])
        raise CommandError(failure, code)
    return [*changed, *skipped, *failed]


def _reason(name: str, error: Exception) -> str:
    if isinstance(error, (EtagMismatchError, FileExistsError)):
        error = FileExistsError(None, "it is there already", name)
    return error.message if isinstance(error, InvalidRequestError) else line_about(error)


def sync(client: Any, arguments: argparse.Namespace) -> None:
    """Make a folder the same as another: `up` from LOCAL to PATH, `down` from PATH to LOCAL.

    Unchanged files are skipped. Nothing is removed, unless --delete says so: it asks first, or needs --force where
    nobody can be asked, and removes nothing if a file has failed.

    examples:
        up photos trip/photos
        up . backup --exclude "*.tmp" --dry-run
        down trip/photos photos --delete
    """
    up = arguments.direction == "up"
    local, place = arguments.paths if up else reversed(arguments.paths)
    folder = resolve(client, place).folder

    def select(name: str) -> bool:
        parts = (name, *name.split("/"))  # a pattern is for the path, or for one of the names in it
        return not any(fnmatchcase(part, p.rstrip("/")) for p in arguments.exclude or () for part in parts)

    done = "would be " if arguments.dry_run else ""
    done += "uploaded" if up else "downloaded"
    failure = "not all of it is the same now; nothing was removed"

    def tell(name: str) -> None:
        write("%s %s\n" % (done, visible(name)))

    source, target = (local, folder.url) if up else (folder.url, local)
    names = carry_folder(client, up, source, target, done, failure, tell, select=select, dry_run=arguments.dry_run)
    if arguments.delete:
        if not up and not names:  # it may as well be a name that was mistyped
            raise CommandError("%s holds no files; nothing was removed" % visible(folder.shown))
        kept = {same_file_key(name) for name in names}
        there = _stored(client, folder) if up else local_files(local)[0] if os.path.isdir(local) else []
        left = [pair for pair in there if same_file_key(pair[0]) not in kept and select(pair[0])]
        remove_rest(left, client.files.delete if up else os.unlink, arguments)


def _stored(client: Any, folder: Remote) -> Sequence[Tuple[str, str]]:
    """The files below a folder, each with its URL."""
    return [(name, item.url) for name, item in entries(client, folder, True) if item.node_type != "FOLDER"]


def remove_rest(left: Sequence[Tuple[str, str]], remove: Callable[[str], Any], arguments: argparse.Namespace) -> None:
    """Remove what only the target has, after a question.

    Raises:
        UsageError: nobody can be asked. CommandError: the person said no.
    """
    if not left:
        return
    count = files_text(len(left))
    if not arguments.dry_run and not arguments.force:
        if not can_ask():
            raise UsageError("--delete would remove %s, and nobody can be asked; --force removes them" % count)
        if not confirm("Remove %s that only the target has?" % count):
            raise CommandError("nothing was removed")
    for name, place in left:
        if not arguments.dry_run:
            remove(place)
        write("%s %s\n" % ("would be removed" if arguments.dry_run else "removed", visible(name)))
    note("%s %s" % (count, "would be removed" if arguments.dry_run else "removed"))
