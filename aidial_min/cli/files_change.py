"""`files cp`, `mv` and `rm`: changes within the storage."""

import argparse
import tempfile
from typing import Any, List

from ..errors import DialException, EndpointNotSupportedError, EtagMismatchError, InvalidRequestError
from .exit_codes import OK, CommandError, UsageError
from .files_show import each, entries, folder_of, refuse_folder
from .progress import Progress
from .remote import Remote, resolve
from .terminal import can_ask, confirm, note, visible


def cp(client: Any, arguments: argparse.Namespace) -> int:
    """Copy a file within the storage; a TARGET that ends in a slash is a folder.

    examples:
        reports/a.txt reports/b.txt
        reports/a.txt archive/           # archive/a.txt
        files/public/logo.png ./logo.png
    """
    source, target = _places(client, arguments)
    try:
        client.files.copy_to(source.url, target.url, overwrite=arguments.force)
    except EndpointNotSupportedError:  # servers of 2024
        copy_through_here(client, source, target, arguments.force)
    except InvalidRequestError as error:
        raise _explained(error, client, source, target) from None
    return OK


def mv(client: Any, arguments: argparse.Namespace) -> int:
    """Move a file within the storage; a TARGET that ends in a slash is a folder.

    examples:
        reports/a.txt reports/b.txt
        reports/a.txt archive/           # archive/a.txt
        files/public/logo.png ./logo.png
    """
    source, target = _places(client, arguments)
    try:
        client.files.move_to(source.url, target.url, overwrite=arguments.force)
    except InvalidRequestError as error:
        raise _explained(error, client, source, target) from None
    return OK


def _places(client: Any, arguments: argparse.Namespace) -> "tuple[Remote, Remote]":
    source, target = resolve(client, arguments.source), resolve(client, arguments.target)
    refuse_folder(source, "; only files can be copied and moved")
    if target.is_folder or not target.name:
        target = target.child([source.name])
    return source, target


def _explained(error: InvalidRequestError, client: Any, source: Remote, target: Remote) -> Exception:
    """What the server's 400 means: it says the same of a source that is not there and a target that is."""
    if error.request_sent != "yes":
        return error
    client.files.get_metadata(source.url)  # raises 404 if that is the reason
    try:
        client.files.get_metadata(target.url)
    except DialException:
        return error
    return TargetExists("%s is there already; -f replaces it" % visible(target.shown))


class TargetExists(OSError):
    """What shall be written is there already."""


def copy_through_here(client: Any, source: Remote, target: Remote, force: bool) -> None:
    """Fetch a file and store it again, for servers that can't copy."""
    with tempfile.TemporaryFile() as copy:
        with client.files.download(source.url) as response, Progress(response.content_length) as bar:
            done = 0
            for piece in response:
                copy.write(piece)
                done += len(piece)
                bar.update(done, source.name)
        kind = response.content_type or "application/octet-stream"
        with Progress(done) as bar:
            try:
                client.files.upload(
                    target.url,
                    (target.name, copy, kind),
                    etag_if_none_match=None if force else "*",
                    progress=bar.sent,
                )
            except EtagMismatchError:
                raise TargetExists("%s is there already; -f replaces it" % visible(target.shown)) from None


def rm(client: Any, arguments: argparse.Namespace) -> int:
    """Remove files.

    On a terminal, -r asks before it removes anything. Where nobody is asked, "" and / are refused: they are what is
    left of "$FOLDER/" when FOLDER is not set. Write ./ to empty the whole bucket.

    examples:
        reports/a.txt reports/b.txt
        -r reports/
    """

    def remove(path: str) -> None:
        place = resolve(client, path)
        folder = folder_of(client, place) if arguments.recursive else None
        if folder is not None:
            remove_folder(client, folder, arguments.force)
            return
        refuse_folder(place, "; -r removes it with everything below")
        if not arguments.force:
            client.files.get_metadata(place.url)  # servers of 2024 do not say that there was nothing to remove
        client.files.delete(place.url)

    return each(arguments.paths, remove)


def remove_folder(client: Any, place: Remote, force: bool) -> None:
    """Remove everything below a folder; on a terminal, after a question.

    Raises:
        ResourceNotFoundError: there is nothing below it.
        UsageError: it is the whole bucket, as an empty word or a bare slash names it, and nobody can be asked.
        CommandError: the person said no.
    """
    if not place.shown.strip("/") and (force or not can_ask()):  # a variable that is not set: rm -r "$FOLDER/"
        raise UsageError("this removes the whole bucket; write ./ if that is meant")
    if force:
        items: List[Any] = [item for item in client.files.list(place.url, recursive=True)]
    else:
        items = [item for _, item in entries(client, place, True)]
    count = "%d file%s" % (len(items), "" if len(items) == 1 else "s")
    if items and not force and can_ask() and not confirm("Remove %s below %s?" % (count, visible(place.shown))):
        raise CommandError("nothing was removed")
    with Progress(len(items), counted=True) as bar:
        for number, item in enumerate(items, 1):
            client.files.delete(item.url)
            bar.update(number, item.name or "")
    note("%s removed" % count)
