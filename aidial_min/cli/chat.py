"""Ask a deployment and write its answer to stdout as it comes.

The prompt is PROMPT, or what comes on stdin, or both: stdin is then put before PROMPT as its context. Without both,
on a terminal, a conversation begins; it keeps what was said, and the state of applications that have one.

Stages and attachments of the answer are shown on stderr (--quiet leaves them out). Files given with -f are stored in
your bucket, below attachments/, each time in a new folder, and stay there.

examples:
    -d gpt-4o "Why is the sky blue?"
    git diff | @ -d gpt-4o "Write a commit message"
    -d gpt-4o -f photo.png -f plan.pdf "What changed since the plan?"
    -d gpt-4o -s "Answer in French" < question.txt > answer.txt
    -d gpt-4o --json "Hi" | jq .usage
    -d gpt-4o                            # a conversation, on a terminal
    -d gpt-4o -- "-5 + 3 ="              # -- before a prompt that begins with a dash
"""

import argparse
import sys

from .answer import Screen, ask
from .connection import add_options, make_client
from .exit_codes import OK, UsageError
from .prompt import check_files, deployment_of, opening, refuse_to_choose, upload_files, user_message
from .terminal import is_terminal, note, read_all, word


def set_up(parser: argparse.ArgumentParser, name: str) -> None:
    """Name the options."""
    parser.description = __doc__
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
