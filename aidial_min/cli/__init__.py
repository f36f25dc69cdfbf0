"""The command line: finds the command, loads its module, and turns what goes wrong into one line and an exit code.

Every command is a module of this folder with `set_up(parser)` and `run(arguments) -> int`, and a line in COMMANDS.
It knows argparse, the streams and exit codes; it must not know what any command does.
"""

import argparse
import os
import sys
from importlib import import_module
from typing import Any, List, Sequence

from .._version import __version__
from ..errors import DialException
from .connection import VARIABLES, add_options
from .exit_codes import CTRL_C, FAILED, OK, USAGE, CommandError, code_of, line_about
from .exit_codes import table as exit_code_table
from .terminal import note

COMMANDS = {
    "chat": "ask a deployment, in one line or in a conversation",
    "batch": "ask a file of prompts, many at a time; goes on where it was stopped or killed",
    "deployments": "list everything that can be called",
    "applications": "list the applications that you may use",
    "models": "list the models, with their limits and prices",
    "whoami": "show who the credential speaks for",
    "files": "list, store, fetch and remove files: ls get put cat cp mv rm stat",
    "doctor": "find out why a connection does not work",
    "serve": "run a DIAL server of your own on this machine, for development",
    "demo": "start a DIAL server in this process, use it, and show every call with its result",
}
"""Name and one line about each; the module of the same name is loaded only when the command line names it."""

EPILOG = """\
start without a server of your own:
  %(prog)s serve                   in one terminal; it prints what to set in the other one
  %(prog)s chat -d echo "Hello"    the answer comes as it is written
  %(prog)s files put notes.txt     keep a file; `files ls` shows it

{variables}
exit codes:
{codes}

Answers go to stdout, everything else to stderr. `COMMAND --help` shows examples."""


def run(words: Sequence[str]) -> int:
    """Run the command that `words` name and return its exit code."""
    streams: List[Any] = [sys.stdout, sys.stderr]
    for stream in streams:
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal without UTF-8 still gets its answer
    typed: Any = sys.stdin
    if hasattr(typed, "reconfigure"):
        typed.reconfigure(errors="surrogateescape")  # and may still be typed at
    try:
        return _flushed(_command(words))
    except (DialException, CommandError, KeyboardInterrupt) as error:
        return _flushed(_explain(error))
    except BrokenPipeError:  # the reader of our output has seen enough: | head
        _silence()
        return FAILED
    except OSError as error:  # a file that can't be read, a full disk
        _silence()
        return _flushed(_explain(error))
    except SystemExit as end:  # argparse has said all: --help, wrong words
        raise SystemExit(_flushed(end.code if isinstance(end.code, int) else OK)) from None


def _command(words: Sequence[str]) -> int:
    parser = make_parser(words)
    arguments = parser.parse_args(words)
    if arguments.command is None:
        parser.print_help(sys.stderr)
        return USAGE
    code: int = arguments.run(arguments)
    return code


def _explain(error: BaseException) -> int:
    """Say what went wrong in one line (an interrupt says enough by itself), and give its exit code."""
    code = code_of(error)
    if code != CTRL_C:
        try:
            note(line_about(error))
        except OSError:
            _silence()
    return code


def _flushed(code: int) -> int:
    """The exit code, once everything has been written."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except OSError as error:
        _silence()
        return (code or FAILED) if isinstance(error, BrokenPipeError) else _explain(error)


def _silence() -> None:
    """Whatever is still to be written goes nowhere, so that the interpreter does not complain at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError):
            if stream is not None:
                os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def make_parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """The parser of the whole command line; only commands that stand in `words` are loaded and set up."""
    package = __name__.rpartition(".")[0]
    script = os.path.basename(sys.argv[0]) if sys.argv else ""
    parser = argparse.ArgumentParser(
        prog="aidial-min" if script.startswith("aidial-min") else "python -m " + package,
        description="AI DIAL from the command line, with Python's standard library alone.",
        epilog=EPILOG.format(variables=VARIABLES, codes=exit_code_table()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version="%s %s" % (package, __version__))
    add_options(parser, default=None)
    commands = parser.add_subparsers(title="commands", dest="command", metavar="command")
    for name, line in COMMANDS.items():
        command = commands.add_parser(name, help=line, description=line[0].upper() + line[1:] + ".", allow_abbrev=False)
        if name in words:
            module: Any = import_module("." + name, __name__)
            module.set_up(command)
            command.set_defaults(run=module.run)
    return parser
