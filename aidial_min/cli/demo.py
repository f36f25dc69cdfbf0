"""Start a DIAL server in this process, use it from Python, and show every call with its result.

It needs no server, key or network, and takes a second. What it shows is what it runs: each statement of a session is
printed, executed, and answers as in Python's own shell.

examples:
    @
    > session.txt     # to read it at leisure
"""

import argparse
import os
import re
from typing import Any, Dict
from urllib.parse import urlsplit

SESSION = """
from {package} import Dial
client = Dial(base_url="{url}", api_key="{api_key}")

# What can be called?
[deployment.id for deployment in client.deployments.list()]

# Ask for a whole answer.
completion = client.chat.completions.create(
    deployment_name="gpt-35-turbo",
    messages=[{{"role": "user", "content": "2+3="}}],
)
completion.choices[0].message.content

# Ask for it in pieces, as they are written.
stream = client.chat.completions.create(
    deployment_name="echo",
    messages=[{{"role": "user", "content": "Words arrive one by one: café, naïve, ☕"}}],
    stream=True,
)
for text in stream.text():
    print(text, end="|", flush=True)
stream.result().choices[0].finish_reason

# Keep a file in your bucket, look at it, read it back, delete it.
url = client.my_files_home() / "notes/café.txt"
client.files.upload(url, "Two cups, s'il vous plaît\\n".encode())
client.files.metadata(url)
client.files.download(url).get_content().decode()
client.files.delete(url)
list(client.files.list(client.my_files_home()))

client.close()
"""


def set_up(parser: argparse.ArgumentParser, name: str) -> None:
    """There is nothing to choose."""


def run(arguments: argparse.Namespace) -> None:
    """Run the session."""
    from ..testing import DialServer

    package, environment = __name__.rpartition(".cli.")[0], dict(os.environ)
    with DialServer() as server:
        print("A DIAL server runs in this process at %s; nothing leaves your machine." % server.url)
        # No proxy of the environment stands between this process and its own server.
        os.environ.update(dict.fromkeys(("no_proxy", "NO_PROXY"), urlsplit(server.url).netloc))
        try:
            play(SESSION.format(package=package, url=server.url, api_key=server.api_key))
        finally:
            os.environ.clear()
            os.environ.update(environment)
    print("\nWith a DIAL of your own: set DIAL_URL and DIAL_API_KEY, and write client = Dial().")


def play(session: str) -> None:
    """Show and execute statements one by one; an expression is answered with its value, as in Python's shell."""
    names: Dict[str, Any] = {}
    for statement in re.split(r"\n(?![ )])", session.rstrip()):  # a blank or a bracket begins a line that continues one
        first, *others = statement.split("\n")
        if first == "" or first.startswith("#"):
            print(first)
            continue
        print(">>> " + "\n... ".join([first, *others]), flush=True)
        exec(compile(statement + "\n", "<demo>", "single"), names)
        if first.startswith("for "):
            print()
