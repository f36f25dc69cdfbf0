"""The command `chat`: one question and its answer, or a conversation on a terminal.

It knows where a prompt comes from and what is sent with it. It must not know how an answer is shown (answer.py), nor
how a conversation goes on (conversation.py).
"""

import argparse
import os
import sys
from typing import Any, Dict, List, Optional

from .connection import add_options, make_client
from .exit_codes import OK, UsageError
from .help import teach
from .terminal import is_terminal, note, read_all, word

TEXT = """
Ask a deployment and write its answer to stdout as it comes.

The prompt is PROMPT, or what comes on stdin, or both: stdin is then put before PROMPT as its context. Without both,
on a terminal, a conversation begins; it keeps what was said, and the state of applications that have one.
Stages and attachments of the answer are shown on stderr (--quiet leaves them out).

Files given with -f are stored in your bucket, below attachments/, each time in a new folder, and stay there.
"""

EXAMPLES = """
-d gpt-4o "Why is the sky blue?"
git diff | @-d gpt-4o "Write a commit message"
-d gpt-4o -f photo.png -f plan.pdf "What changed since the plan?"
-d gpt-4o -s "Answer in French" < question.txt > answer.txt
-d gpt-4o --json "Hi" | jq .usage
-d gpt-4o                                    # a conversation, on a terminal
-d gpt-4o -- "-5 + 3 ="                      # -- before a prompt that begins with a dash
"""


def set_up(parser: argparse.ArgumentParser) -> None:
    """Name the options."""
    teach(parser, TEXT, EXAMPLES)
    parser.add_argument("prompt", nargs="?", metavar="PROMPT", help="what to ask")
    parser.add_argument("-d", "--deployment", metavar="ID", help="whom to ask: a model or application; DIAL_DEPLOYMENT")
    parser.add_argument("-s", "--system", metavar="TEXT", help="the system message: how to answer")
    parser.add_argument("-f", "--file", metavar="FILE", action="append", help="attach a local file (may be repeated)")
    parser.add_argument("--no-stream", action="store_true", help="ask for the whole answer at once")
    parser.add_argument("--json", action="store_true", help="write the whole answer as JSON, with usage and stages")
    parser.add_argument("-q", "--quiet", action="store_true", help="nothing on stderr but errors")
    add_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Ask once, or begin a conversation."""
    both = is_terminal(sys.stdin) and is_terminal(sys.stdout)
    if arguments.prompt is None and both and not arguments.json:
        from .conversation import converse

        return converse(arguments)
    return ask_once(arguments)


def ask_once(arguments: argparse.Namespace) -> int:
    """One question, one answer."""
    from .answer import Screen, ask
    from .attach import check_files, upload_files

    prompt = prompt_of(arguments)
    files = check_files(arguments.file or [])
    with make_client(arguments) as client:
        deployment = deployment_of(arguments) or refuse_to_choose(client)
        message = user_message(prompt, upload_files(client, files, quiet=arguments.quiet))
        screen = Screen(quiet=arguments.quiet, json=arguments.json)
        ask(client, deployment, opening(arguments) + [message], screen, stream=not arguments.no_stream)
    return OK


def prompt_of(arguments: argparse.Namespace) -> str:
    """The prompt from the command line, stdin, or both.

    Raises:
        UsageError: there is none.
    """
    asked = word(arguments.prompt) if arguments.prompt is not None else ""
    if sys.stdin is None or (is_terminal(sys.stdin) and arguments.prompt is not None):
        context = ""
    else:
        if is_terminal(sys.stdin):
            note("Type the prompt; Ctrl-D at the beginning of a line ends it.")
        context = read_all().strip("\n")
    prompt = "\n\n".join(part for part in (context, asked) if part.strip())
    if not prompt:
        raise UsageError("no prompt: write it after the command, or send it on stdin")
    return prompt


def deployment_of(arguments: argparse.Namespace) -> Optional[str]:
    """The deployment that was named, if any."""
    named = arguments.deployment or os.environ.get("DIAL_DEPLOYMENT")
    return word(named) if named else None


def opening(arguments: argparse.Namespace) -> List[Dict[str, Any]]:
    """What stands before the first question."""
    return [{"role": "system", "content": word(arguments.system)}] if arguments.system else []


def user_message(prompt: str, attachments: List[Dict[str, Any]]) -> Dict[str, Any]:
    """A message of the user."""
    message: Dict[str, Any] = {"role": "user", "content": prompt}
    if attachments:
        message["custom_content"] = {"attachments": attachments}
    return message


def callable_ids(client: Any) -> List[str]:
    """Ids of the models and applications that answer chats."""
    from ..errors import ResourceNotFoundError

    found = []
    try:
        for model in client.model.list():
            if model.capabilities is None or model.capabilities.chat_completion is not False:
                found.append(model.id)
    except ResourceNotFoundError:  # a server without this listing
        pass
    return sorted({*found, *(application.id for application in client.application.list())})


def refuse_to_choose(client: Any) -> str:
    """The only deployment there is.

    Raises:
        UsageError: there are several, or none: whoever pays for the answer chooses.
    """
    ids = callable_ids(client)
    if len(ids) == 1:
        return ids[0]
    shown = ", ".join(ids[:20]) + (", ..." if len(ids) > 20 else "")
    raise UsageError("name a deployment with -d, or set DIAL_DEPLOYMENT; there are: %s" % (shown or "none for you"))
