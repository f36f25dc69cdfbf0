"""A conversation on a terminal: lines with history, answers as they come, and what was said, with its state."""

import argparse
import shlex
from pathlib import Path
from typing import Any, Dict, List, Optional

from ..errors import DialException
from .answer import Screen, Stopped, ask
from .connection import make_client
from .exit_codes import OK, UsageError, line_about
from .prompt import callable_ids, check_files, deployment_of, opening, upload_files, user_message
from .terminal import ask as ask_line
from .terminal import dim, note, red, word

HELP = """\
  /file PATH ...   attach files to the next question
  /new             forget what was said, and begin again
  /quit            end (Ctrl-D does it too); Ctrl-C stops an answer
A backslash at the end of a line continues it on the next one."""


class Conversation:
    """What was said so far, and with whom.

    Args:
        opening: messages that stand before the first question.
    """

    def __init__(self, client: Any, deployment: str, opening: List[Dict[str, Any]], stream: bool, quiet: bool) -> None:
        self.messages: List[Dict[str, Any]] = list(opening)
        self.files: List[Path] = []
        self._client = client
        self._deployment = deployment
        self._opening = opening
        self._stream = stream
        self._quiet = quiet

    def forget(self) -> None:
        """Begin again."""
        self.messages = list(self._opening)
        self.files = []

    def say(self, prompt: str) -> None:
        """Ask, show the answer, and remember both; a question that failed is as if it had not been asked."""
        attachments = upload_files(self._client, self.files, quiet=self._quiet)
        messages = [*self.messages, user_message(prompt, attachments)]
        try:
            answer = ask(self._client, self._deployment, messages, Screen(self._quiet), stream=self._stream)
        except Stopped as stopped:
            note(dim("(stopped)"))
            answer = stopped.partial
        said = answer.choices[0].message if answer is not None and answer.choices else None
        if said is not None:
            self.messages = [*messages, remembered(said)]
            self.files = []


def remembered(message: Any) -> Dict[str, Any]:
    """What of an answer goes back with the next question: its text, attachments and the application's state."""
    kept: Dict[str, Any] = {"role": "assistant", "content": message.content or ""}
    custom = message.custom_content.to_dict() if message.custom_content is not None else {}
    custom = {name: custom[name] for name in ("attachments", "state", "form_schema") if custom.get(name)}
    if custom:
        kept["custom_content"] = custom
    return kept


def converse(arguments: argparse.Namespace) -> int:
    """Talk until the end of input."""
    files = check_files(arguments.file or [])
    with make_client(arguments) as client:
        deployment = deployment_of(arguments) or choose(callable_ids(client))
        talk = Conversation(client, deployment, opening(arguments), not arguments.no_stream, arguments.quiet)
        talk.files = files
        _load_history()
        if not arguments.quiet:
            note(dim("You talk to %s. /help shows what else there is, Ctrl-D ends." % deployment))
        while True:
            try:
                line = read_line()
            except KeyboardInterrupt:
                note(dim("\n(Ctrl-D ends)"))
                continue
            if line is None or not _answer(talk, line):
                return OK


def _answer(talk: Conversation, line: str) -> bool:
    """Do what a line says; False: it ends the conversation."""
    try:
        if line.startswith("/"):
            return _command(talk, line)
        if line.strip():
            talk.say(line)
    except KeyboardInterrupt:
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
    if name == "/new":
        talk.forget()
        note(dim("(a new conversation)"))
    elif name == "/file" and rest.strip():
        talk.files += check_files(_names(rest))
        note(dim("(goes with the next question: %s)" % ", ".join(path.name for path in talk.files)))
    else:
        note(HELP)
    return True


def _names(text: str) -> List[str]:
    """File names as a shell reads them; one that is there as it stands is one name."""
    if Path(text.strip()).exists():
        return [text.strip()]
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
        answer = ask_line("Talk to which one? ")
        if answer in ids:
            return answer
        if answer.isascii() and answer.isdigit() and 1 <= int(answer) <= len(ids):
            return ids[int(answer) - 1]
        if not answer:
            raise UsageError("name a deployment with -d, or set DIAL_DEPLOYMENT")


def _load_history() -> None:
    try:
        import readline  # noqa: F401  # from now on input() has editing and history
    except ImportError:
        pass


def read_line() -> Optional[str]:
    """What the person says next; None at the end of input."""
    lines: List[str] = []
    while True:
        try:
            line = word(input("... " if lines else "> "))
        except EOFError:
            note("")
            return None
        if not line.endswith("\\"):
            return "\n".join([*lines, line])
        lines.append(line[:-1])
