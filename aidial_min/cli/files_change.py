"""`files cp`, `mv`, `rm` and `share`: changes within the storage."""

import argparse
import tempfile
from typing import Any, Callable, List, Tuple
from urllib.parse import urljoin

from ..errors import DialException, EndpointNotSupportedError, EtagMismatchError, InvalidRequestError
from .exit_codes import OK, CommandError, UsageError
from .remote import Remote, below, each, entries, expand, expect_file, folder_of, resolve
from .terminal import Progress, can_ask, confirm, files_text, note, visible, write


def cp(client: Any, arguments: argparse.Namespace) -> int:
    """Copy a file, or with -r a folder, within the storage; a TARGET that ends in a slash is a folder.

    examples:
        reports/a.txt reports/b.txt
        reports/a.txt archive/           # archive/a.txt
        -r reports archive/              # archive/reports/...
        files/public/logo.png ./logo.png
    """
    return _carry(client, arguments, client.files.copy_to, "copied")


def mv(client: Any, arguments: argparse.Namespace) -> int:
    """Move a file, or with -r a folder, within the storage; a TARGET that ends in a slash is a folder.

    examples:
        reports/a.txt reports/b.txt
        -r reports old                   # old/...
    """
    return _carry(client, arguments, client.files.move_to, "moved")


def _carry(client: Any, arguments: argparse.Namespace, action: Callable[..., Any], done: str) -> int:
    """Copy or move what the words name, by a method of the client that does it with one file."""
    source, target = resolve(client, arguments.source), resolve(client, arguments.target)
    into = target.is_folder or not target.name
    folder = folder_of(client, source) if arguments.recursive else None
    if folder is None:
        with expect_file(client, source, "; -r takes it with everything below"):
            carry_file(client, action, source, target.child([source.name]) if into else target, arguments.force)
        return OK
    base = target.child([folder.name]).folder if into and folder.name else target.folder
    if base.url.startswith(folder.url):
        raise UsageError("%s lies within %s" % (visible(base.shown), visible(folder.shown)))
    with Progress(None, counted=True) as bar:

        def carry(entry: Tuple[str, Any]) -> None:
            place = Remote(entry[1].url, entry[0])
            carry_file(client, action, place, base.child(below(place.url, folder.url)), arguments.force)
            bar.update(bar.done + 1, place.shown)

        code = each(list(entries(client, folder, True)), carry)
    note("%s %s" % (files_text(bar.done), done))
    return code


def carry_file(client: Any, action: Callable[..., Any], source: Remote, target: Remote, force: bool) -> None:
    """Copy or move a file, by the server where it can; with `force`, over what is there."""
    try:
        action(source.url, target.url, overwrite=force)
    except EndpointNotSupportedError:  # servers of 2024 can't copy
        if action != client.files.copy_to:
            raise
        copy_through_here(client, source, target, force)
    except InvalidRequestError as error:
        raise _explained(error, client, source, target) from None


def _explained(error: InvalidRequestError, client: Any, source: Remote, target: Remote) -> Exception:
    """What the server's 400 means: it says the same of a source that is not there and a target that is."""
    if error.request_sent != "yes":
        return error
    client.files.get_metadata(source.url)  # raises 404 if that is the reason
    try:
        client.files.get_metadata(target.url)
    except DialException:
        return error
    return _target_exists(target)


def _target_exists(target: Remote) -> CommandError:
    return CommandError("%s is there already; -f replaces it" % visible(target.shown))


def copy_through_here(client: Any, source: Remote, target: Remote, force: bool) -> None:
    """Fetch a file and store it again, for servers that can't copy."""
    with tempfile.TemporaryFile() as copy:
        with client.files.download(source.url) as response, Progress(response.content_length, source.name) as bar:
            copy.writelines(bar.over(response))
        file = (target.name, copy, response.content_type or "application/octet-stream")
        with Progress(bar.done) as bar:
            try:
                client.files.upload(target.url, file, None, None if force else "*", lambda done, _: bar.update(done))
            except EtagMismatchError:
                raise _target_exists(target) from None


def rm(client: Any, arguments: argparse.Namespace) -> int:
    """Remove files.

    On a terminal, -r asks before it removes anything. Where nobody is asked, "" and / are refused: they are what is
    left of "$FOLDER/" when FOLDER is not set. Write ./ to empty the whole bucket.

    examples:
        reports/a.txt reports/b.txt
        -r reports/
    """

    def remove(place: Remote) -> None:
        folder = folder_of(client, place) if arguments.recursive else None
        if folder is not None:
            remove_folder(client, folder, arguments.force)
            return
        with expect_file(client, place, "; -r removes it with everything below"):
            if not arguments.force:
                client.files.get_metadata(place.url)  # servers of 2024 do not say that there was nothing to remove
            client.files.delete(place.url)

    return each([place for path in arguments.paths for place in expand(client, path)], remove)


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
    count = files_text(len(items))
    if items and not force and can_ask() and not confirm("Remove %s below %s?" % (count, visible(place.shown))):
        raise CommandError("nothing was removed")
    with Progress(len(items), counted=True) as bar:
        for number, item in enumerate(items, 1):
            client.files.delete(item.url)
            bar.update(number, item.name or "")
    note("%s removed" % count)


def share(client: Any, arguments: argparse.Namespace) -> None:
    """Invite others to files and folders of yours: writes the link that accepts the invitation.

    examples:
        reports/a.txt
        reports/ --permissions read,write
    """
    urls = []
    for place in (place for path in arguments.paths for place in expand(client, path)):
        folder = folder_of(client, place)
        if folder is None:
            client.files.get_metadata(place.url)  # an invitation to what is not there would be made as well
        urls.append((folder or place).url)
    permissions = [name.strip().upper() for name in arguments.permissions.split(",")]
    link = client.sharing.create(urls, permissions).link
    # The link is a path of the server's own, which does not know the path of a gateway before it.
    write(urljoin(client.base_url.rstrip("/") + "/", link.lstrip("/")) + "\n")
