"""Ask a deployment and write its answer to stdout as it comes.

The prompt is PROMPT, or what comes on stdin, or both: stdin is then put before PROMPT as its context. Without both,
on a terminal, a conversation begins; it keeps what was said, and the state of applications that have one.

Stages, attachments and tool calls of the answer are shown on stderr (--quiet leaves them out). -f attaches a local
file, stdin ("-"), a URL, or a file of DIAL (files/...). Local files are stored in your bucket, below attachments/,
each time in a new folder, and stay there.

Conversations are kept in a folder of your own (below XDG_STATE_HOME, or ~/.local/state) for -c and --conversation.

examples:
    -d gpt-4o "Why is the sky blue?"
    -c "And at night?"                     # goes on with the last conversation
    git diff | @ -d gpt-4o "Write a commit message"
    -d gpt-4o -f a.png -f https://example.org/b.png "?"
    -d gpt-4o -s "In French" < question.txt > answer.txt
    -d gpt-4o -o temperature 0.2 "Tell me a story"
    -d gpt-4o -o tools @tools.json "What's the weather?"
    -d gpt-4o --schema one.json "Invent one" | jq .name
    -d gpt-4o                              # a conversation, on a terminal
    -d gpt-4o -- "-5 + 3 ="                # -- before a prompt that begins with a dash
"""

import argparse
import sys

from .connection import add_options, make_client, number
from .conversation import Conversation, Talk, choose
from .prompt import check_files, prompt_of, refuse_to_choose
from .terminal import is_terminal


def set_up(parser: argparse.ArgumentParser, name: str) -> None:
    """Name the options."""
    parser.add_argument("prompt", nargs="?", metavar="PROMPT", help='what to ask; "-" is stdin')
    parser.add_argument("-d", "--deployment", metavar="ID", help="whom to ask: a model or application; DIAL_DEPLOYMENT")
    parser.add_argument("-s", "--system", metavar="TEXT", help="the system message: how to answer")
    parser.add_argument("-f", "--file", metavar="FILE", action="append", help="attach a file or URL (may be repeated)")
    parser.add_argument("--no-stream", action="store_true", help="ask for the whole answer at once")
    parser.add_argument("--json", action="store_true", help="write the whole answer as JSON, with usage and stages")
    parser.add_argument("--usage", action="store_true", help="a last line on stderr: tokens and seconds")
    parser.add_argument("-q", "--quiet", action="store_true", help="nothing on stderr but errors")
    group = parser.add_argument_group("parameters of the deployment")
    group.add_argument(
        *("-o", "--parameter"), nargs=2, action="append", metavar=("NAME", "VALUE"),
        help="any parameter; VALUE is JSON, @FILE, or text (may be repeated)",
    )  # fmt: skip
    group.add_argument("--max-tokens", metavar="N", type=number(1, 10**9), help="the longest answer")
    group.add_argument("--schema", metavar="FILE", help="a JSON Schema that the answer shall follow")
    group = parser.add_argument_group("memory").add_mutually_exclusive_group()
    group.add_argument("-c", "--continue", dest="go_on", action="store_true", help="go on with the last conversation")
    group.add_argument("--conversation", metavar="NAME", help="go on with this conversation, or begin it")
    parser.add_argument("--no-save", action="store_true", help="keep neither the conversation nor the history")
    add_options(parser)


def run(arguments: argparse.Namespace) -> None:
    """Ask once, or begin a conversation."""
    both = is_terminal(sys.stdin) and is_terminal(sys.stdout)
    talking = arguments.prompt is None and both and not arguments.json
    prompt = "" if talking else prompt_of(arguments)
    files = check_files(arguments.file or [])
    with make_client(arguments) as client:
        conversation = (Talk if talking else Conversation)(client, arguments)
        conversation.deployment = conversation.deployment or (choose if talking else refuse_to_choose)(client)
        conversation.files = files
        if isinstance(conversation, Talk):
            conversation.go_on()
        else:
            conversation.say(prompt)
