"""List, store, fetch and remove files in DIAL's storage.

examples:
    ls                                   # what is in your bucket
    put *.txt reports/                   # the shell expands *.txt; the files go into the folder reports
    put -r photos trip/                  # the folder photos becomes trip/photos/
    get reports/a.txt                    # fetched into the current folder
    get -r reports/ backup               # everything below it, into the folder backup
    cat reports/a.txt | wc -l
    cp reports/a.txt reports/b.txt
    sync up photos trip/photos --dry-run
    share reports/a.txt                  # a link for somebody else
    rm -r reports/
    stat --json reports/a.txt | jq -r .etag
"""

import argparse
import time
from contextlib import suppress
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from ..errors import InvalidRequestError, PermissionDeniedError, ResourceNotFoundError
from .connection import add_options, make_client
from .files_change import cp, mv, rm, share
from .files_transfer import cat, get, put, sync
from .remote import RULE, Remote, each, entries, expand, resolve
from .terminal import bytes_text, note, print_pairs, print_table, size_text, visible, write, write_json

_AT_ONCE = 8
"""Requests for metadata that `ls -l` has under way."""


def set_up(parser: argparse.ArgumentParser, name: str) -> None:
    """Name the actions and their options."""
    parser.epilog = RULE
    add_options(parser)
    actions = parser.add_subparsers(dest="action", metavar="action", required=True, title="actions")

    action = _action(actions, ls)
    action.add_argument("paths", nargs="*", metavar="PATH", help="folders or files; your bucket if none is given")
    action.add_argument("-l", "--long", action="store_true", help="with size, time and type, asked for file by file")
    _recursive(action, "all files below, without folders")
    action.add_argument("--wide", action="store_true", help="cut nothing to the width of the terminal")
    action.add_argument("--json", action="store_true", help="everything the server tells, as a JSON array")

    for function in (cat, stat):
        action = _action(actions, function)
        action.add_argument("paths", nargs="+", metavar="PATH")
    action.add_argument("--json", action="store_true", help="a JSON object for each")

    for action, one, other in ((_action(actions, get), "PATH", "LOCAL"), (_action(actions, put), "LOCAL", "PATH")):
        action.add_argument("paths", nargs="+", metavar=one, help="the last of several: %s, where they go" % other)
        _recursive(action)
        action.add_argument("-n", "--no-clobber", action="store_true", help="replace nothing")

    for action in (_action(actions, cp), _action(actions, mv)):
        action.add_argument("source", metavar="PATH")
        action.add_argument("target", metavar="TARGET")
        _recursive(action)
        action.add_argument("-f", "--force", action="store_true", help="replace what is there")

    action = _action(actions, sync)
    action.add_argument("direction", choices=("up", "down"), help="up: LOCAL PATH; down: PATH LOCAL")
    action.add_argument("paths", nargs=2, metavar="FOLDER", help="the folder that has it, and the one to be the same")
    action.add_argument("--exclude", metavar="PATTERN", action="append", help="leave these alone (may be repeated)")
    action.add_argument("--delete", action="store_true", help="remove what only the second folder has; asks first")
    action.add_argument("-n", "--dry-run", action="store_true", help="say what would be done, and do nothing")
    action.add_argument("-f", "--force", action="store_true", help="--delete asks nothing")

    action = _action(actions, share)
    action.add_argument("paths", nargs="+", metavar="PATH")
    action.add_argument("--permissions", default="read", metavar="LIST", help="read, write, share (read)")

    action = _action(actions, rm)
    action.add_argument("paths", nargs="+", metavar="PATH")
    _recursive(action)
    action.add_argument("-f", "--force", action="store_true", help="ask nothing; what is not there is no error")


def _action(actions: Any, function: Callable[[Any, argparse.Namespace], Optional[int]]) -> argparse.ArgumentParser:
    """The parser of an action; the function's docstring is its help."""
    text = function.__doc__ or ""
    line = text.partition("\n")[0].rstrip(".")
    parser: argparse.ArgumentParser = actions.add_parser(
        function.__name__, help=line[:1].lower() + line[1:], description=text, epilog=RULE
    )
    parser.set_defaults(act=function)
    add_options(parser)
    return parser


def _recursive(parser: argparse.ArgumentParser, text: str = "folders, with everything below") -> None:
    parser.add_argument("-r", "-R", "--recursive", action="store_true", help=text)


def run(arguments: argparse.Namespace) -> Optional[int]:
    """Do what the action says."""
    with make_client(arguments) as client:
        code: Optional[int] = arguments.act(client, arguments)
    return code


def ls(client: Any, arguments: argparse.Namespace) -> int:
    """List folders; their names end in a slash.

    examples:
        @
        -l reports/
        -r files/public/ | grep pdf
    """
    found: List[Tuple[str, Any]] = []
    whole = arguments.json or arguments.long  # else each is shown at once, and none is kept but the first

    def show(place: Remote) -> None:
        for name, item in entries(client, place, arguments.recursive):
            if whole or not found:
                found.append((name, item))
            if not whole:
                write(visible(name, lines=False) + "\n")

    code = each([place for path in arguments.paths or [""] for place in expand(client, path)], show)
    if arguments.json:
        write_json([item.to_dict() for _, item in found])
    elif arguments.long and not code:
        _print_long(client, found, arguments.wide)
    elif not found and not code:
        note("(nothing is there)")
    return code


def _print_long(client: Any, found: Sequence[Tuple[str, Any]], wide: bool) -> None:
    def row(entry: Tuple[str, Any]) -> Dict[str, Any]:
        name, item = entry
        if item.node_type != "FOLDER":
            with suppress(ResourceNotFoundError, PermissionDeniedError, InvalidRequestError):
                item = client.files.get_metadata(item.url)  # sizes in listings are often 0 or old
        size = "" if item.content_length is None else size_text(item.content_length)
        return {"SIZE": size, "MODIFIED": time_text(item.updated_at), "TYPE": item.content_type, "NAME": name}

    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        print_table(list(pool.map(row, found)), whole=3, wide=wide)


def time_text(milliseconds: Any) -> str:
    """A time of the server, in UTC."""
    if not isinstance(milliseconds, (int, float)):
        return ""
    return time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(milliseconds / 1000))


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
        length = item.content_length
        print_pairs({
            "path": place.shown,
            "url": item.url,
            "kind": "folder" if item.node_type == "FOLDER" else "file",
            "size": "" if length is None else bytes_text(length) if length < 1000 else "%d bytes" % length,
            "type": item.content_type,
            "created": time_text(item.created_at),
            "updated": time_text(item.updated_at),
            "etag": item.etag,
            "permissions": item.permissions,
        })  # fmt: skip

    return each(arguments.paths, show)
