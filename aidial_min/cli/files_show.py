"""`files ls`, `cat` and `stat`: what is in the storage, and what is in the files."""

import argparse
import time
from contextlib import contextmanager
from typing import Any, Callable, Iterable, Iterator, List, Optional, Sequence, Tuple

from ..errors import EtagMismatchError, InvalidRequestError, PermissionDeniedError, ResourceNotFoundError
from .exit_codes import OK, CommandError, UsageError, code_of, line_about
from .remote import Remote, below, expand, resolve
from .table import bytes_text, print_pairs, print_table, size_text
from .terminal import note, visible, write, write_bytes, write_json

_AT_ONCE = 8
"""Requests for metadata that `ls -l` has under way."""


def each(things: Iterable[Any], action: Callable[[Any], None]) -> int:
    """Do something with each of several things; what goes wrong with one is said, and does not stop the others.

    Returns:
        The exit code: that of the first fault.
    """
    code = OK
    for thing in things:
        try:
            action(thing)
        except BrokenPipeError:
            raise
        except (
            *(EtagMismatchError, InvalidRequestError, PermissionDeniedError, ResourceNotFoundError),
            *(CommandError, OSError),
        ) as error:
            if getattr(error, "limit", None):  # a time limit is an OSError too, and will be there for the next one
                raise
            note(line_about(error))
            code = code or code_of(error)
    return code


def ls(client: Any, arguments: argparse.Namespace) -> int:
    """List folders; their names end in a slash.

    examples:
        @
        -l reports/
        -r files/public/ | grep pdf
    """
    found: List[Tuple[str, Any]] = []
    places = [place for path in arguments.paths or [""] for place in expand(client, path)]
    if arguments.json or arguments.long:  # known as a whole only
        code = each(places, lambda place: found.extend(entries(client, place, arguments.recursive)))
        if arguments.json:
            write_json([item.to_dict() for _, item in found])
        elif not code:
            _print_long(client, found, arguments.wide)
        return code

    empty = True

    def show(place: Remote) -> None:
        nonlocal empty
        for name, _ in entries(client, place, arguments.recursive):
            empty = False
            write(visible(name, lines=False) + "\n")

    code = each(places, show)
    if empty and not code:
        note("(nothing is there)")
    return code


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


def _print_long(client: Any, found: Sequence[Tuple[str, Any]], wide: bool) -> None:
    def own(entry: Tuple[str, Any]) -> Any:
        item = entry[1]
        if item.node_type == "FOLDER":
            return item
        try:
            return client.files.get_metadata(item.url)  # sizes in listings are often 0 or old
        except (ResourceNotFoundError, PermissionDeniedError):
            return item

    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        items = list(pool.map(own, found))
    rows = []
    for (name, _), item in zip(found, items):
        size = "" if item.content_length is None else size_text(item.content_length)
        told = {"SIZE": size, "MODIFIED": time_text(item.updated_at), "TYPE": item.content_type, "NAME": name}
        rows.append(told)
    print_table(rows, whole=3, wide=wide)


def time_text(milliseconds: Any) -> str:
    """A time of the server, in UTC."""
    if not isinstance(milliseconds, (int, float)):
        return ""
    return time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(milliseconds / 1000))


def cat(client: Any, arguments: argparse.Namespace) -> int:
    """Write files to stdout, byte for byte.

    examples:
        reports/a.txt | head -3
    """

    def show(place: Remote) -> None:
        with expect_file(client, place, "; cat writes files"), client.files.download(place.url) as response:
            write_bytes(response)

    return each([place for path in arguments.paths for place in expand(client, path)], show)


def stat(client: Any, arguments: argparse.Namespace) -> int:
    """Show what is known about files.

    examples:
        reports/a.txt
    """

    def show(path: str) -> None:
        place = resolve(client, path)
        item = client.files.get_metadata(place.url, permissions=True)
        if arguments.json:
            write_json(item.to_dict())
            return
        write("\n" if path != arguments.paths[0] else "")
        print_pairs(_facts(place, item))

    return each(arguments.paths, show)


def _facts(place: Remote, item: Any) -> "dict[str, Any]":
    length = item.content_length
    return {
        "path": place.shown,
        "url": item.url,
        "kind": "folder" if item.node_type == "FOLDER" else "file",
        "size": "" if length is None else bytes_text(length) if length < 1000 else "%d bytes" % length,
        "type": item.content_type,
        "created": time_text(item.created_at),
        "updated": time_text(item.updated_at),
        "etag": item.etag,
        "permissions": item.permissions,
    }


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
