"""The command line: finds the command, loads its module, and turns what goes wrong into one line and an exit code.

Every command is a module of this folder with `set_up(parser)` and `run(arguments) -> int`, and a line in COMMANDS.
It knows argparse, the streams and exit codes; it must not know what any command does.
"""

import argparse
import os
import sys
from importlib import import_module
from typing import Any, Sequence

from .._version import __version__
from ..errors import DialException

COMMANDS = {
    "demo": "start a DIAL server in this process, use it, and show every call with its result",
}
"""Name and one line about each; the module of the same name is loaded only when the command line names it."""


def run(words: Sequence[str]) -> int:
    """Run the command that `words` name and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal without UTF-8 still gets its answer
    parser = make_parser(words)
    arguments = parser.parse_args(words)
    if arguments.command is None:
        parser.print_help(sys.stderr)
        return 2
    try:
        code: int = arguments.run(arguments)
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except DialException as error:
        print("%s: %s" % (type(error).__name__, error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output has seen enough: | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def make_parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """The parser of the whole command line; only commands that stand in `words` are loaded and set up."""
    package = __name__.rpartition(".")[0]
    script = os.path.basename(sys.argv[0]) if sys.argv else ""
    parser = argparse.ArgumentParser(
        prog="aidial-min" if script.startswith("aidial-min") else "python -m " + package,
        description="AI DIAL from the command line, with Python's standard library alone.",
    )
    parser.add_argument("--version", action="version", version="%s %s" % (package, __version__))
    commands = parser.add_subparsers(title="commands", dest="command", metavar="command")
    for name, line in COMMANDS.items():
        command = commands.add_parser(name, help=line, description=line[0].upper() + line[1:] + ".")
        if name in words:
            module: Any = import_module("." + name, __name__)
            module.set_up(command)
            command.set_defaults(run=module.run)
    return parser
