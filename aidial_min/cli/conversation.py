"""A conversation: what was said, with whom, how it is kept for the next time, and how it is held at a terminal.

Each one is a JSON file in a folder below XDG_STATE_HOME that its owner alone can read. What was said is in it, and the
addresses of attachments; never a key. At a terminal there are lines with history, commands that begin with a slash, and
answers as they come.
"""

import argparse
import json
import os
import re
import shlex
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Callable, Dict, List, Optional, Tuple

from ..errors import DialException
from ..transport.atomic_file import TargetFile
from .answer import Screen, Stopped, ask
from .connection import deployment_of, own_folder
from .exit_codes import UsageError, line_about
from .prompt import attach, callable_ids, check_files, new_name, parameters_of
from .terminal import ask_person, dim, note, red, visible, word

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


# ---------------------------------------------------------------- what is kept


def state_path(*names: str) -> str:
    """Where conversations and the history of the terminal are kept; it need not be there yet."""
    return os.path.join(own_folder("XDG_STATE_HOME", "LOCALAPPDATA", ".local", "state"), *names)


def open_private(path: str) -> IO[bytes]:
    """Open a file to append to; where it is not there yet, it becomes one that its owner alone can read."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    return open(path, "ab", opener=lambda name, flags: os.open(name, flags, 0o600))


def _path_of(name: str) -> str:
    if not re.fullmatch(r"\w[\w.-]{0,99}", name):
        raise UsageError("a conversation's name has letters, digits, dots and dashes only, not %r" % name)
    return state_path("conversations", name + ".json")


def load(name: str) -> Optional[Tuple[str, List[Dict[str, Any]]]]:
    """The deployment and the messages of the conversation of a name, or None.

    Raises:
        UsageError: its file is damaged, or the name can't be one.
    """
    path = _path_of(name)
    try:
        found = json.loads(Path(path).read_bytes())
        return str(found["deployment"]), [dict(message) for message in found["messages"]]
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError, RecursionError):
        raise UsageError("%s is no conversation (any more); remove it" % path) from None


def last_name() -> str:
    """The name of the conversation that was kept last.

    Raises:
        UsageError: there is none.
    """
    files = list(Path(state_path("conversations")).glob("*.json"))
    if not files:
        raise UsageError("there is no conversation to go on with")
    return max(files, key=lambda file: file.stat().st_mtime_ns).stem


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
        options: those of `chat`.
    Raises:
        UsageError: there is nothing to go on with.
    """

    def __init__(self, client: Any, options: argparse.Namespace) -> None:
        name = last_name() if options.go_on else options.conversation
        kept = load(name) if name else None
        self.client = client
        self.name = name or new_name(2)
        self.deployment = deployment_of(options) or ""
        self.messages: List[Dict[str, Any]] = []
        if kept is not None:
            self.deployment, self.messages = kept
            self.deployment = word(options.deployment) if options.deployment else self.deployment
        self.files: List[str] = []
        self._failed: Optional[Dict[str, Any]] = None  # the last question, if it got no answer
        self.options = options
        self._parameters = parameters_of(options)
        if options.system:
            self.set_system(word(options.system))

    @property
    def system(self) -> str:
        """The system message."""
        first = self.messages[0] if self.messages else {}
        return str(first.get("content")) if first.get("role") == "system" else ""

    def set_system(self, text: str) -> None:
        """Begin with this system message, whatever stood there before."""
        rest = self.messages[1:] if self.system else self.messages
        self.messages = [{"role": "system", "content": text}, *rest] if text else rest

    def say(self, prompt: str) -> None:
        """Ask, show the answer, and remember both; a question that failed is as if it had not been asked.

        Raises:
            Stopped: Ctrl-C; what came of the answer is remembered.
        """
        attachments = attach(self.client, self.files, quiet=self.options.quiet)
        asked: Dict[str, Any] = {"role": "user", "content": prompt}
        if attachments:
            asked["custom_content"] = {"attachments": attachments}
        self._send(self.messages, asked)

    def _send(self, before: List[Dict[str, Any]], question: Dict[str, Any]) -> None:
        options = self.options
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
        if not self.options.no_save:
            self.keep()

    def keep(self) -> None:
        """Keep it for the next time, as it was or as it is, whatever happens; where that can't be, say so."""
        path = _path_of(self.name)
        said = {"name": self.name, "deployment": self.deployment, "messages": self.messages}
        try:
            if not os.path.exists(path):
                open_private(path).close()  # its mode is that of the file to come
            with TargetFile(path) as file:
                file.write(json.dumps(said, ensure_ascii=False, indent=1).encode("utf-8", "replace"))
        except OSError as error:
            note(dim("(this conversation is not kept: %s; --no-save says nothing)" % line_about(error)))


# ---------------------------------------------------------------- at a terminal


class Talk(Conversation):
    """A conversation that a person types; each `do_` method is a command, which gets what stands behind its name."""

    def go_on(self) -> None:
        """Talk until the end of input."""
        remember_line = load_history(not self.options.no_save)
        if not self.options.quiet:
            note(dim("You talk to %s. /help shows what else there is, Ctrl-D ends." % visible(self.deployment)))
        with suppress(EOFError):
            while True:
                try:
                    text = read_question()
                except KeyboardInterrupt:
                    note(dim("\n(Ctrl-D ends)"))
                    continue
                remember_line(text)
                self.answer(text)

    def answer(self, text: str) -> None:
        """Do what was typed; what goes wrong is said.

        Raises:
            EOFError: it ends the conversation.
        """
        try:
            if re.match(r"/[a-z]*(\s|$)", text):
                name, *rest = text.split(None, 1)
                command = getattr(self, "do_" + name[1:], None)
                if command is None:
                    note("%s is no command; there are:\n%s" % (visible(name), HELP))
                else:
                    command("".join(rest).strip())
            elif text.strip():
                self.say(text[1:] if text.startswith("//") else text)
        except KeyboardInterrupt:
            note(dim("(stopped)"))
        except BrokenPipeError:
            raise
        except (DialException, UsageError, OSError) as error:
            note(red(line_about(error)))

    def do_quit(self, rest: str) -> None:
        """End, as Ctrl-D does."""
        raise EOFError

    do_exit = do_quit

    def do_help(self, rest: str) -> None:
        """Say which commands there are."""
        note(HELP)

    def do_new(self, rest: str) -> None:
        """Begin again, with the same system message."""
        self.messages = self.messages[:1] if self.system else []
        self.name = new_name(2)
        self.files, self._failed = [], None
        note(dim("(a new conversation)"))

    def do_attach(self, rest: str) -> None:
        """Have files go with the next question."""
        self.files += check_files(_names(rest))
        note(dim("(goes with the next question: %s)" % ", ".join(Path(name).name for name in self.files)))

    do_file = do_attach

    def do_system(self, rest: str) -> None:
        """Set the system message, or show it."""
        if rest:
            self.set_system(rest)
        note(dim("(system message: %s)" % visible(self.system or "none")))

    def do_model(self, rest: str) -> None:
        """Ask another deployment, or list them."""
        if rest:
            self.deployment = rest
        else:
            note("\n".join(callable_ids(self.client)))
        note(dim("(you talk to %s)" % visible(self.deployment)))

    def do_save(self, rest: str) -> None:
        """Keep it under a name that is free."""
        if load(rest) is not None and rest != self.name:
            raise UsageError("there is a conversation called %s already" % rest)
        self.name = rest
        self.keep()
        note(dim("(kept as %s)" % visible(rest)))

    def do_retry(self, rest: str) -> None:
        """Ask the last question again; its new answer takes the place of the old one, if there was one."""
        asked = [index for index, message in enumerate(self.messages) if message.get("role") == "user"]
        if self._failed is not None:
            self._send(self.messages, self._failed)
        elif asked:
            self._send(self.messages[: asked[-1]], self.messages[asked[-1]])
        else:
            raise UsageError("nothing was asked yet")


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


def choose(client: Any) -> str:
    """Let the person at the terminal choose a deployment, by number or id.

    Raises:
        UsageError: there is none, or none was chosen.
    """
    ids = callable_ids(client)
    if not ids:
        raise UsageError("there is no deployment for you on this server")
    if len(ids) == 1:
        return ids[0]
    for number, name in enumerate(ids, 1):
        note("%3d  %s" % (number, name))
    while True:
        answer = ask_person("Talk to which one? ")
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
    path = state_path("history")
    if keep:
        with suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:  # none yet, or another user's
            for line in file.readlines()[-HISTORY:]:  # each a JSON text, since a question may have several lines
                with suppress(ValueError):  # torn by a full disk, say
                    readline.add_history(str(json.loads(line)))

    def remember(text: str) -> None:
        nonlocal keep
        if keep and text.strip():
            try:
                with open_private(path) as kept:
                    kept.write(json.dumps(text).encode() + b"\n")
            except OSError as error:
                keep = False
                note(dim("(the history is not kept: %s)" % line_about(error)))

    return remember


def read_question() -> str:
    """What the person says next, of one line or several.

    Raises:
        EOFError: nothing more comes.
    """
    lines: List[str] = []
    block = False
    while True:
        try:
            line = word(input("... " if lines or block else "> "))
        except EOFError:
            note("")
            if not lines:
                raise
            return "\n".join(lines)
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
