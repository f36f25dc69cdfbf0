"""Run a DIAL server on this machine, for development and tests: its key is known to everybody.

It has a bucket, files, prompts, applications, and deployments that answer by themselves (echo, calculator, showcase,
...). Its URL is written to stdout, the rest to stderr: what to set in another terminal, then a line for each request.

Ctrl-C ends it. What is stored is forgotten then, unless --data names a folder for it.

examples:
    @
    --port 9000 --data ./dial        # what is stored is there again the next time
    --port 0 > url.txt               # any free port
"""

import argparse
import os
import time
from contextlib import suppress

from .connection import number
from .exit_codes import CommandError, sigterm_as_ctrl_c
from .terminal import dim, note, red, visible, write

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def set_up(parser: argparse.ArgumentParser, name: str) -> None:
    """Name the options."""
    parser.add_argument("--port", type=number(0, 65535), default=8080, metavar="N", help="0 takes a free one (8080)")
    parser.add_argument("--data", metavar="DIR", help="keep what is stored in this folder")
    parser.add_argument(
        "--host", default="127.0.0.1", metavar="ADDRESS", help="listen there; by default this machine alone reaches it"
    )
    parser.add_argument("--generation", choices=("2024", "2026"), default="2024", help="the DIAL Core it plays (2024)")
    parser.add_argument("-q", "--quiet", action="store_true", help="no line for each request")


def run(arguments: argparse.Namespace) -> None:
    """Serve until Ctrl-C or SIGTERM."""
    from ..testing import DialServer

    server = DialServer(
        port=arguments.port,
        host=arguments.host,
        data=arguments.data or None,
        generation=arguments.generation,
        clock=time.time,
        log=None if arguments.quiet else log,
    )
    with sigterm_as_ctrl_c():  # the first process of a container would not be ended by it at all
        try:
            server.start()
        except OSError as error:
            where = "%s:%d" % (arguments.host, arguments.port)
            raise CommandError("can't listen on %s: %s; --port takes another one" % (where, error.strerror)) from None
        try:
            introduce(server.url, server.api_key, arguments)
            while True:
                time.sleep(1.0)  # a signal that the system gave to another thread wakes nobody
        finally:
            server.stop()


def introduce(url: str, key: str, arguments: argparse.Namespace) -> None:
    """Say where the server is, and how to use it from another terminal."""
    write(url + "\n")
    typed = "set DIAL_URL=%s\n    set DIAL_API_KEY=%s" if os.name == "nt" else "export DIAL_URL=%s DIAL_API_KEY=%s"
    note("In another terminal:\n\n    %s\n" % (typed % (url, key)))
    if arguments.host not in LOOPBACK:
        note(red("Everybody who reaches %s can use this server: its key is no secret." % arguments.host))
    kept = "kept in %s" % arguments.data if arguments.data else "forgotten when the server ends"
    note("What is stored is %s. Ctrl-C ends it." % kept)


def log(line: str) -> None:
    """One line about a request."""
    with suppress(OSError, ValueError):  # nobody reads it any more: the server goes on
        note(dim("%s %s" % (time.strftime("%H:%M:%S"), visible(line, lines=False))))
