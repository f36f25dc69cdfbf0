"""The command `files`: what can be done with files in DIAL's storage, and the options of each.

It knows the words of the command line. It must not know how anything is done: files_show.py reads, files_transfer.py
stores and fetches, files_change.py copies, moves and removes.
"""

import argparse
from typing import Any

from .connection import add_options, make_client
from .help import teach
from .remote import RULE

TEXT = """
List, store, fetch and remove files in DIAL's storage.
""" + RULE

EXAMPLES = """
ls                                   # what is in your bucket
put *.txt reports/                   # the shell expands *.txt; the files go into the folder reports
put -r photos trip/                  # the folder photos becomes trip/photos/
get reports/a.txt                    # fetched into the current folder
get -r reports/ backup               # everything below it, into the folder backup
cat reports/a.txt | wc -l
cp reports/a.txt reports/b.txt
rm -r reports/
stat --json reports/a.txt | jq -r .etag
"""


def set_up(parser: argparse.ArgumentParser) -> None:
    """Name the actions and their options."""
    teach(parser, TEXT, EXAMPLES)
    add_options(parser)
    actions = parser.add_subparsers(dest="action", metavar="action", required=True, title="actions")
    _set_up_showing(actions)
    _set_up_transfers(actions)
    _set_up_changes(actions)


def _set_up_showing(actions: Any) -> None:
    listing = _action(actions, "ls", "list folders", "Names of folders end in a slash." + RULE, LS)
    listing.add_argument("paths", nargs="*", metavar="PATH", help="folders or files; your bucket if none is given")
    listing.add_argument("-l", "--long", action="store_true", help="with size, time and type, asked for file by file")
    listing.add_argument("-r", "-R", "--recursive", action="store_true", help="all files below, without folders")
    listing.add_argument("--json", action="store_true", help="everything the server tells, as a JSON array")
    reading = _action(actions, "cat", "write files to stdout", "Write files to stdout, byte for byte." + RULE, CAT)
    reading.add_argument("paths", nargs="+", metavar="PATH")
    telling = _action(actions, "stat", "show what is known about files", "Show what is known about files." + RULE, STAT)
    telling.add_argument("paths", nargs="+", metavar="PATH")
    telling.add_argument("--json", action="store_true", help="a JSON object for each")


def _set_up_transfers(actions: Any) -> None:
    fetching = _action(actions, "get", "fetch files", GET_TEXT + RULE, GET)
    fetching.add_argument("paths", nargs="+", metavar="PATH", help="what to fetch; the last of several: LOCAL")
    fetching.add_argument("-r", "-R", "--recursive", action="store_true", help="folders, with everything below")
    storing = _action(actions, "put", "store files", PUT_TEXT + RULE, PUT)
    storing.add_argument("paths", nargs="+", metavar="LOCAL", help="what to store; the last of several: PATH")
    storing.add_argument("-r", "-R", "--recursive", action="store_true", help="folders, with everything below")
    for parser in (fetching, storing):
        parser.add_argument("-n", "--no-clobber", action="store_true", help="replace nothing")


def _set_up_changes(actions: Any) -> None:
    for name, verb in (("cp", "copy"), ("mv", "move")):
        text = "%s a file within the storage; a TARGET that ends in a slash is a folder." % verb.capitalize()
        parser = _action(actions, name, "%s a file within the storage" % verb, text + RULE, CP)
        parser.add_argument("source", metavar="PATH")
        parser.add_argument("target", metavar="TARGET")
        parser.add_argument("-f", "--force", action="store_true", help="replace what is there")
    removing = _action(actions, "rm", "remove files", RM_TEXT + RULE, RM)
    removing.add_argument("paths", nargs="+", metavar="PATH")
    removing.add_argument("-r", "-R", "--recursive", action="store_true", help="folders, with everything below")
    removing.add_argument("-f", "--force", action="store_true", help="ask nothing; what is not there is no error")


def _action(actions: Any, name: str, line: str, text: str, examples: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=line, allow_abbrev=False)
    teach(parser, text, examples)
    add_options(parser)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Do what the action says."""
    from importlib import import_module

    action: Any = getattr(import_module("." + _MODULES[arguments.action], __package__), arguments.action)
    with make_client(arguments) as client:
        code: int = action(client, arguments)
    return code


_MODULES = {
    **dict.fromkeys(("ls", "cat", "stat"), "files_show"),
    **dict.fromkeys(("get", "put"), "files_transfer"),
    **dict.fromkeys(("cp", "mv", "rm"), "files_change"),
}

LS = """
@
-l reports/
-r files/public/ | grep pdf
"""
CAT = """
reports/a.txt | head -3
"""
STAT = """
reports/a.txt
"""
GET_TEXT = """
Fetch files into the current folder, or into LOCAL: a folder if it is one, or ends in a slash, or several files are
fetched; else the name of the copy. Existing files are replaced when all of the new one has come.
"""
GET = """
reports/a.txt                    # ./a.txt
reports/a.txt copy.txt
reports/a.txt reports/b.txt in/
-r reports/                      # ./reports/...
-r reports/ backup               # backup/reports/... if there is a folder backup, else backup/...
"""
PUT_TEXT = """
Store local files in your bucket, or at PATH: a folder if it ends in a slash, else the name of the copy. For each file
its DIAL URL is written to stdout.
"""
PUT = """
notes.txt
notes.txt todo.txt
*.txt reports/
-r photos trip/                  # trip/photos/...
-r photos trip                   # trip/...
-r photos/. trip/                # the same
"""
CP = """
reports/a.txt reports/b.txt
reports/a.txt archive/           # archive/a.txt
files/public/logo.png ./logo.png
"""
RM_TEXT = """
Remove files. On a terminal, -r asks before it removes anything. Where nobody is asked, "" and / are refused: they are
what is left of "$FOLDER/" when FOLDER is not set. Write ./ to empty the whole bucket.
"""
RM = """
reports/a.txt reports/b.txt
-r reports/
"""
