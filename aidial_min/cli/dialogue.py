"""A conversation at a terminal: lines with history, commands that begin with a slash, answers as they come."""

import argparse
import json
import os
import re
import shlex
from pathlib import Path
from typing import Callable, Dict, List, Optional

from ..errors import DialException
from .answer import Stopped
from .connection import make_client
from .conversation import Conversation, load, state_folder
from .exit_codes import OK, UsageError, line_about
from .prompt import callable_ids, check_files
from .terminal import ask, dim, note, red, visible, word

HELP = """\
  /attach FILE ...  attach files, URLs or files/... to the next question (/file does it too)
  /system TEXT      set the system message; without TEXT, show it
  /model ID         ask another deployment; without ID, list them
  /retry            ask the last question again
  /save NAME        keep this conversation under a name: chat --conversation NAME goes on with it
  /new              forget what was said, and begin again
  /quit             end (Ctrl-D does it too); Ctrl-C stops an answer
A backslash at the end of a line continues it, and lines between two lines of \"\"\" are one question.
//text asks a question that begins with a slash."""

HISTORY = 1000
"""How many lines the arrow keys bring back."""


def converse(arguments: argparse.Namespace) -> int:
    """Talk until the end of input."""
    files = check_files(arguments.file or [])
    with make_client(arguments) as client:
        talk = Conversation(client, arguments)
        talk.deployment = talk.deployment or choose(callable_ids(client))
        talk.files = files
        remember_line = load_history(not arguments.no_save)
        if not arguments.quiet:
            note(dim("You talk to %s. /help shows what else there is, Ctrl-D ends." % visible(talk.deployment)))
        while True:
            try:
                text = read_question()
            except KeyboardInterrupt:
                note(dim("\n(Ctrl-D ends)"))
                continue
            if text is None:
                return OK
            remember_line(text)
            if not _answer(talk, text):
                return OK


def _answer(talk: Conversation, text: str) -> bool:
    """Do what a line says; False: it ends the conversation."""
    try:
        if re.match(r"/[a-z]*(\s|$)", text):
            return _command(talk, text)
        if text.strip():
            talk.say(text[1:] if text.startswith("//") else text)
    except (KeyboardInterrupt, Stopped):
        note(dim("(stopped)"))
    except (DialException, UsageError, OSError) as error:
        if isinstance(error, BrokenPipeError):
            raise
        note(red(line_about(error)))
    return True


def _command(talk: Conversation, line: str) -> bool:
    name, _, rest = line.partition(" ")
    if name in ("/quit", "/exit"):
        return False
    command = COMMANDS.get(name)
    if command is None:
        note(HELP if name == "/help" else "%s is no command; there are:\n%s" % (visible(name), HELP))
    else:
        command(talk, rest.strip())
    return True


def _new(talk: Conversation, rest: str) -> None:
    talk.forget()
    note(dim("(a new conversation)"))


def _attach(talk: Conversation, rest: str) -> None:
    talk.files += check_files(_names(rest))
    note(dim("(goes with the next question: %s)" % ", ".join(Path(name).name for name in talk.files)))


def _system(talk: Conversation, rest: str) -> None:
    if rest:
        talk.set_system(rest)
    note(dim("(system message: %s)" % visible(talk.system or "none")))


def _model(talk: Conversation, rest: str) -> None:
    if rest:
        talk.deployment = rest
    else:
        note("\n".join(callable_ids(talk.client)))
    note(dim("(you talk to %s)" % visible(talk.deployment)))


def _save(talk: Conversation, rest: str) -> None:
    if load(rest) is not None and rest != talk.name:
        raise UsageError("there is a conversation called %s already" % rest)
    talk.name = rest
    talk.keep()
    note(dim("(kept as %s)" % visible(rest)))


def _retry(talk: Conversation, rest: str) -> None:
    talk.retry()


COMMANDS: Dict[str, Callable[[Conversation, str], None]] = {
    "/attach": _attach,
    "/file": _attach,
    "/model": _model,
    "/new": _new,
    "/retry": _retry,
    "/save": _save,
    "/system": _system,
}


def _names(text: str) -> List[str]:
    """File names as a shell reads them; one that is there as it stands is one name."""
    if not text:
        raise UsageError("/attach FILE ...: which file?")
    if Path(text).exists():
        return [text]
    try:
        return shlex.split(text)
    except ValueError as error:
        raise UsageError("%s: %s" % (text, error)) from None


def choose(ids: List[str]) -> str:
    """Let the person at the terminal choose a deployment, by number or id.

    Raises:
        UsageError: there is none, or none was chosen.
    """
    if not ids:
        raise UsageError("there is no deployment for you on this server")
    if len(ids) == 1:
        return ids[0]
    for number, name in enumerate(ids, 1):
        note("%3d  %s" % (number, name))
    while True:
        answer = ask("Talk to which one? ")
        if answer in ids:
            return answer
        if answer.isascii() and answer.isdigit() and 1 <= int(answer) <= len(ids):
            return ids[int(answer) - 1]
        if not answer:
            raise UsageError("name a deployment with -d, or set DIAL_DEPLOYMENT")


# ---------------------------------------------------------------- lines


def load_history(keep: bool) -> Callable[[str], None]:
    """Give input() editing, and a history that outlives the session.

    Args:
        keep: whether to read and write it; without, it is this session's.
    Returns:
        What to call with each question.
    """
    try:
        import readline
    except ImportError:
        return lambda text: None
    if "libedit" not in (readline.__doc__ or ""):
        readline.parse_and_bind("set enable-bracketed-paste on")  # pasted lines are one question; Python turns it off
    path = os.path.join(state_folder(), "history")
    lines = _read_history(path) if keep else []
    for line in lines:
        readline.add_history(line)

    def remember(text: str) -> None:
        nonlocal keep
        if keep and text.strip():
            try:
                _append_history(path, text)
            except OSError as error:
                keep = False
                note(dim("(the history is not kept: %s)" % line_about(error)))

    return remember


def _read_history(path: str) -> List[str]:
    """The last lines, each a JSON text, since one may have several lines; what is none is left out."""
    if not os.path.exists(path):
        return []
    found: List[str] = []
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file.readlines()[-HISTORY:]:
            try:
                found.append(str(json.loads(line)))
            except ValueError:  # torn by a full disk, say
                continue
    return found


def _append_history(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, json.dumps(text).encode() + b"\n")
    finally:
        os.close(file)


def read_question() -> Optional[str]:
    """What the person says next, of one line or several; None at the end of input."""
    lines: List[str] = []
    block = False
    while True:
        try:
            line = word(input("... " if lines or block else "> "))
        except EOFError:
            note("")
            return "\n".join(lines) if lines else None
        if line.strip() == '"""' and (block or not lines):
            if block:
                return "\n".join(lines)
            block = True
        elif line.endswith("\\") and not block:
            lines.append(line[:-1])
        elif block:
            lines.append(line)
        else:
            return "\n".join([*lines, line])
