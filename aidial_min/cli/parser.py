"""The words of the command line: which commands there are, how help looks, and what is said of wrong words.

A command is a module of this folder with `set_up(parser, name)` and `run(arguments)`, which returns an exit code where
it is not 0; it is loaded only when the command line names it. Its docstring is its help: paragraphs, and a last one of
examples, where `@` is the command.
"""

import argparse
import difflib
import os
import re
import shutil
import sys
import textwrap
from importlib import import_module
from typing import Any, Collection, Dict, List, NoReturn, Sequence

from .._version import __version__
from .connection import VARIABLES, add_options
from .exit_codes import MEANINGS

COMMANDS = {
    "chat": "ask a deployment, in one line or in a conversation",
    "batch": "ask a file of prompts, many at a time; goes on where it was stopped or killed",
    "deployments": "list everything that can be called",
    "applications": "list the applications that you may use",
    "models": "list the models, with their limits and prices",
    "whoami": "show who the credential speaks for",
    "files": "list, store, fetch and remove files: ls get put sync cat cp mv rm stat share",
    "doctor": "find out why a connection does not work",
    "serve": "run a DIAL server of your own on this machine, for development",
    "completion": "write a script that completes the words of this program in bash, zsh or fish",
    "demo": "start a DIAL server in this process, use it, and show every call with its result",
    "bundle": "make a layer, a zipapp, a wheel or a folder of this package",
    "verify": "compare a copy of this package with the manifest that it carries",
}
"""Name and one line about each."""

_MODULES: Dict[str, str] = dict.fromkeys(["deployments", "applications", "models", "whoami"], "listings")
"""Where a command's module has another name."""

DESCRIPTION = """\
AI DIAL from the command line, with Python's standard library alone.

Answers go to stdout, everything else to stderr. `COMMAND --help` shows examples.
"""

EPILOG = """\
start without a server of your own:
  @ serve                    # in one terminal; it prints what to set in the other one
  @ chat -d echo "Hello"     # the answer comes as it is written
  @ files put notes.txt      # keep a file; `files ls` shows it

environment:
%s

exit codes:
%s
"""


def make_parser(words: Collection[str]) -> "Parser":
    """The parser of the whole command line; only commands that stand in `words` are loaded and set up."""
    package = __name__.partition(".cli.")[0]
    epilog = EPILOG % (VARIABLES, "\n".join("  %3d  %s" % pair for pair in MEANINGS.items()))
    parser = Parser(prog=program(package), description=DESCRIPTION, epilog=epilog)
    parser.add_argument("--version", action="version", version="%s %s" % (package, __version__))
    add_options(parser, default=None)
    commands = parser.add_subparsers(title="commands", dest="command", metavar="command")
    for name, line in COMMANDS.items():
        command = commands.add_parser(name, help=line)
        if name in words:
            module: Any = import_module("." + _MODULES.get(name, name), __package__)
            command.description = module.__doc__
            module.set_up(command, name)
            command.set_defaults(run=module.run)
    return parser


def program(package: str) -> str:
    """How the user started this: an installed script, a zipapp and a frozen program say their own names."""
    script = os.path.basename(sys.argv[0]) if sys.argv else ""
    main = getattr(sys.modules["__main__"], "__spec__", None)
    alone = getattr(sys, "frozen", False) or getattr(main, "name", "") == "__main__"  # that of a zipapp has no parent
    if script.startswith("aidial-min"):
        return "aidial-min"
    return script if alone else "python -m " + package


def parse(words: Sequence[str]) -> argparse.Namespace:
    """What the words say.

    Raises:
        SystemExit: they are wrong, or ask for help; all has been said.
    """
    parser = make_parser(words)
    arguments, unknown = parser.parse_known_args(words)
    if unknown:
        named: Parser = arguments.parser  # that of the command, whose usage is worth showing
        named.error("unrecognized arguments: %s" % " ".join(unknown))
    return arguments


class Parser(argparse.ArgumentParser):
    """A parser that knows what was probably meant, and lays its texts out for the terminal at hand."""

    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=_Help, allow_abbrev=False, **options)
        self.set_defaults(parser=self)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and end with 2."""
        wrong = re.search(r"(?:invalid choice: '|unrecognized arguments: )([^' =]+)", message)
        close = difflib.get_close_matches(wrong.group(1), self.words(), 1) if wrong else []
        super().error("%s; did you mean %s?" % (message.partition(" (choose")[0], close[0]) if close else message)

    @property
    def parsers(self) -> Dict[str, "Parser"]:
        """The parsers of its commands or actions."""
        return {name: parser for action in self._actions if isinstance(action.choices, dict)
                for name, parser in action.choices.items()}  # fmt: skip

    def words(self) -> List[str]:
        """Every option, and every word that one of the arguments may be."""
        shown = [action for action in self._actions if action.help != argparse.SUPPRESS]
        return [word for action in shown for word in (*action.option_strings, *map(str, action.choices or ()))]


class _Help(argparse.HelpFormatter):
    """Paragraphs as wide as the terminal, at most 100 columns; indented lines stand as they are, examples in full."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=26, width=min(shutil.get_terminal_size().columns, 102) - 2)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        first, _, rest = text.strip().partition("\n")
        paragraphs = (first + "\n" + textwrap.dedent(rest)).split("\n\n")
        return "\n\n".join(self._paragraph(paragraph.strip("\n"), width) for paragraph in paragraphs)

    def _paragraph(self, text: str, width: int) -> str:
        head, *lines = text.split("\n")
        if lines and head in ("examples:", "start without a server of your own:"):
            return "\n".join([head, *(self._example(line.strip(), width) for line in lines)])
        if lines and lines[0].startswith(" "):
            return text
        return textwrap.fill(text, width)

    def _example(self, line: str, width: int) -> str:
        """The whole command for an example's words, its comment above it where both do not fit into a line."""
        said = re.split("  +# ", line)
        words = re.match(r"(.*\| )?@ ?(.*)", said[0])
        before, after = words.groups("") if words else ("", said[0])
        command = ("  %s%s %s" % (before, self._prog, after)).rstrip()
        if len(said) == 1:
            return command
        whole = "%s   # %s" % (command, said[1])
        return whole if len(whole) <= width else "  # %s\n%s" % (said[1], command)
