"""The command line: runs one command, and turns what goes wrong into one line and an exit code.

Commands know what they do; where it goes (terminal.py), how a client is made (connection.py) and how errors
end (exit_codes.py) stands once for all of them. Nothing else of the package imports this room.
"""

import os
import sys
from typing import TYPE_CHECKING, Any, Optional, Sequence

from ..errors import DialException
from .exit_codes import FAILED, OK, USAGE, CommandError, code_of, line_about
from .parser import COMMANDS as COMMANDS
from .parser import make_parser, parse
from .terminal import make_room, note

if TYPE_CHECKING:  # what packs a program into one file finds modules by reading such lines
    from . import batch, bundle, chat, completion, demo, doctor, files, listings, serve, verify  # noqa: F401


def run(words: Sequence[str]) -> int:
    """Run the command that `words` name and return its exit code."""
    _prepare("stdin", "r", "surrogateescape")  # a terminal without UTF-8 may be typed at,
    _prepare("stdout", "w", "backslashreplace")  # and still gets its answer
    _prepare("stderr", "w", "backslashreplace")
    try:
        return _flushed(_command(words))
    except (DialException, CommandError, KeyboardInterrupt) as error:
        return _flushed(_explain(error))
    except OSError as error:  # a file that can't be read, a full disk, a reader that has seen enough: | head
        _silence()
        return _flushed(_explain(error))
    except SystemExit as end:  # argparse has said all: --help, wrong words
        raise SystemExit(_flushed(end.code if isinstance(end.code, int) else OK)) from None


def _prepare(name: str, mode: str, errors: str) -> None:
    """Make a standard stream fit for every character; where whoever started this has closed it, nothing is there."""
    if getattr(sys, name) is None:
        setattr(sys, name, open(os.open(os.devnull, os.O_RDWR), mode, closefd=False))
    stream: Any = getattr(sys, name)
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors=errors)


def _command(words: Sequence[str]) -> int:
    arguments = parse(words)
    if arguments.command is None:
        make_parser(()).print_help(sys.stderr)
        return USAGE
    code: Optional[int] = arguments.run(arguments)
    return code or OK


def _explain(error: BaseException) -> int:
    """Say what went wrong in one line (an interrupt and a closed pipe say enough), and give its exit code."""
    if not isinstance(error, (KeyboardInterrupt, BrokenPipeError)):
        try:
            note(line_about(error))
        except OSError:
            _silence()
    return code_of(error)


def _flushed(code: int) -> int:
    """The exit code, once everything has been written."""
    try:
        make_room()
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
        except OSError:
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
