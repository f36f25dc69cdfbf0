"""A conversation: what was said, with whom, and how it is kept for the next time.

Each one is a JSON file in a folder below XDG_STATE_HOME that its owner alone can read. What was said is in it, and the
addresses of attachments; never a key.
"""

import argparse
import json
import os
import re
import time
from typing import Any, Dict, List, NamedTuple, Optional

from ..transport.atomic_file import TargetFile
from .answer import Screen, Stopped, ask
from .connection import deployment_of
from .exit_codes import UsageError, line_about
from .prompt import attach, parameters_of, user_message
from .terminal import dim, note, word


class Saved(NamedTuple):
    """A conversation as it was kept."""

    name: str
    deployment: str
    messages: List[Dict[str, Any]]


def state_folder() -> str:
    """Where conversations and the history of the terminal are kept; it need not be there yet."""
    home = os.environ.get("LOCALAPPDATA") if os.name == "nt" else None
    base = os.environ.get("XDG_STATE_HOME") or home or os.path.join(os.path.expanduser("~"), ".local", "state")
    return os.path.join(base, "aidial-min")


def _path_of(name: str) -> str:
    if not re.fullmatch(r"\w[\w.-]{0,99}", name):
        raise UsageError("a conversation's name has letters, digits, dots and dashes only, not %r" % name)
    return os.path.join(state_folder(), "conversations", name + ".json")


def load(name: str) -> Optional[Saved]:
    """The conversation of a name, or None.

    Raises:
        UsageError: its file is damaged, or the name can't be one.
    """
    path = _path_of(name)
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
        return Saved(name, str(found["deployment"]), [dict(message) for message in found["messages"]])
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError, RecursionError):
        raise UsageError("%s is no conversation (any more); remove it" % path) from None


def load_last() -> Saved:
    """The conversation that was kept last.

    Raises:
        UsageError: there is none.
    """
    try:
        with os.scandir(os.path.join(state_folder(), "conversations")) as entries:
            files = [entry for entry in entries if entry.name.endswith(".json")]
        name = max(files, key=lambda entry: entry.stat().st_mtime_ns).name[: -len(".json")]
    except (FileNotFoundError, ValueError):
        raise UsageError("there is no conversation to go on with") from None
    found = load(name)
    assert found is not None
    return found


def save(saved: Saved) -> None:
    """Keep a conversation; a file that is replaced is the old one or the new one, whatever happens."""
    path = _path_of(saved.name)
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    if not os.path.exists(path):
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))  # its mode is that of the file to come
    with TargetFile(path) as file:
        file.write(json.dumps(saved._asdict(), ensure_ascii=False, indent=1).encode("utf-8", "replace"))


def remembered(message: Any) -> Dict[str, Any]:
    """What of an answer goes back with the next question: its text, attachments and the application's state."""
    kept: Dict[str, Any] = {"role": "assistant", "content": message.content or ""}
    custom = message.custom_content.to_dict() if message.custom_content is not None else {}
    custom = {name: custom[name] for name in ("attachments", "state", "form_schema") if custom.get(name)}
    if custom:
        kept["custom_content"] = custom
    return kept


class Conversation:
    """What was said so far, and with whom.

    Args:
        arguments: the options of `chat`.
    Raises:
        UsageError: there is nothing to go on with.
    """

    def __init__(self, client: Any, arguments: argparse.Namespace) -> None:
        saved = load_last() if arguments.go_on else load(arguments.conversation) if arguments.conversation else None
        self.client = client
        self.deployment = deployment_of(arguments) or ""
        self.name = arguments.conversation or time.strftime("%Y%m%d-%H%M%S-") + os.urandom(2).hex()
        self.messages: List[Dict[str, Any]] = []
        if saved is not None:
            self.deployment = word(arguments.deployment) if arguments.deployment else saved.deployment
            self.name, self.messages = saved.name, saved.messages
        self.files: List[str] = []
        self._failed: Optional[Dict[str, Any]] = None  # the last question, if it got no answer
        self._arguments = arguments
        self._parameters = parameters_of(arguments)
        if arguments.system:
            self.set_system(word(arguments.system))

    @property
    def system(self) -> str:
        """The system message."""
        first = self.messages[0] if self.messages else {}
        return str(first.get("content")) if first.get("role") == "system" else ""

    def set_system(self, text: str) -> None:
        """Begin with this system message, whatever stood there before."""
        rest = self.messages[1:] if self.system else self.messages
        self.messages = [{"role": "system", "content": text}, *rest] if text else rest

    def forget(self) -> None:
        """Begin again, with the same system message."""
        self.messages = self.messages[:1] if self.system else []
        self.name = time.strftime("%Y%m%d-%H%M%S-") + os.urandom(2).hex()
        self.files, self._failed = [], None

    def say(self, prompt: str) -> None:
        """Ask, show the answer, and remember both; a question that failed is as if it had not been asked.

        Raises:
            Stopped: Ctrl-C; what came of the answer is remembered.
        """
        attachments = attach(self.client, self.files, quiet=self._arguments.quiet)
        self._send(self.messages, user_message(prompt, attachments))

    def retry(self) -> None:
        """Ask the last question again; its new answer takes the place of the old one, if there was one."""
        asked = [index for index, message in enumerate(self.messages) if message.get("role") == "user"]
        if self._failed is not None:
            self._send(self.messages, self._failed)
        elif asked:
            self._send(self.messages[: asked[-1]], self.messages[asked[-1]])
        else:
            raise UsageError("nothing was asked yet")

    def _send(self, before: List[Dict[str, Any]], question: Dict[str, Any]) -> None:
        options = self._arguments
        screen = Screen(quiet=options.quiet, json=options.json, usage=options.usage)
        asked = [*before, question]
        self._failed = question
        try:
            answer = ask(self.client, self.deployment, asked, self._parameters, screen, stream=not options.no_stream)
        except Stopped as stopped:
            self._remember(asked, stopped.partial)
            raise
        self._remember(asked, answer)

    def _remember(self, asked: List[Dict[str, Any]], answer: Any) -> None:
        if answer is None or not answer.choices or answer.choices[0].message is None:
            return
        self.messages = [*asked, remembered(answer.choices[0].message)]
        self.files, self._failed = [], None
        if not self._arguments.no_save:
            self.keep()

    def keep(self) -> None:
        """Keep it for the next time; where that can't be, say so."""
        try:
            save(Saved(self.name, self.deployment, self.messages))
        except OSError as error:
            note(dim("(this conversation is not kept: %s; --no-save says nothing)" % line_about(error)))
