"""Ask every line of INPUT.jsonl, many at a time, and write a line for each to OUTPUT.jsonl as the answers come.

A line of the input is "text", {"prompt": ...} or {"messages": [...]}, with parameters like "temperature", and "id" and
"deployment" if wanted. A line of the output is {"line": 7, "ok": true, "id": ..., "answer": ..., "response": {...}} or
{"line": 7, "ok": false, "id": ..., "error": {...}}.

The same command goes on where it was stopped, by Ctrl-C, a crash or a power cut, and never asks a finished line
again. What was being asked when a run was killed may have been billed: such lines fail, and --ask-again asks them
(and all others that failed) again. OUTPUT.jsonl.journal tells the next run what happened; keep it with the output.

A rate limit (429) makes all wait as long as the server says. The run ends early where nothing can be asked: a wrong
key, no connection, refusals for longer than --max-wait, 20 failures in a row without an answer. Its exit code is then
that of the error; it is 1 where lines have failed, 0 where all were answered.

examples:
    -d gpt-4o prompts.jsonl              # answers: prompts.answers.jsonl
    -d gpt-4o -j 32 prompts.jsonl -o out.jsonl
    -d gpt-4o prompts.jsonl -o out.jsonl --ask-again
"""

import argparse
import hashlib
import os
import time
from contextlib import closing
from typing import Any, NamedTuple, Tuple

from ..transport.atomic_file import discard_leftovers, sync_folder
from .batch_journal import Journal, json_line, read_header, replace
from .batch_output import Lock, Output, Standing, drop_failures, inspect, restore_order
from .connection import add_options, deployment_of, make_client, number, seconds
from .exit_codes import FAILED, OK, UsageError, code_of, line_about, sigterm_as_ctrl_c
from .terminal import Progress, note, time_text, word

GRACE = 10.0
"""Seconds that answers on their way are waited for after Ctrl-C."""


def set_up(parser: argparse.ArgumentParser, name: str) -> None:
    """Name the options."""
    parser.add_argument("input", metavar="INPUT.jsonl", help="the prompts")
    parser.add_argument("-o", "--output", metavar="OUTPUT.jsonl", help="the answers; INPUT.answers.jsonl if not given")
    jobs, retries = number(1, 512), number(0, 999999)
    parser.add_argument("-j", "--jobs", metavar="N", type=jobs, default=8, help="how many to ask at a time (8)")
    parser.add_argument("-d", "--deployment", metavar="ID", help="for lines that name none; DIAL_DEPLOYMENT")
    parser.add_argument("-s", "--system", metavar="TEXT", help="the system message, for lines that are prompts")
    parser.add_argument("--unordered", action="store_true", help="write answers as they come, not in the input's order")
    parser.add_argument("--ask-again", action="store_true", help="ask failed lines again; some may be billed twice")
    parser.add_argument("--retries", metavar="N", type=retries, default=10, help="per line, if nothing was billed (10)")
    parser.add_argument(
        "--max-wait", metavar="SECONDS", type=seconds, default=600.0, help="how long refusals last (600)"
    )
    add_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Begin a batch, or go on with it."""
    path = arguments.output or arguments.input.removesuffix(".jsonl") + ".answers.jsonl"
    if os.path.islink(path):
        path = os.path.realpath(path)  # one lock and one file, whatever it is called
    identity = identify(arguments.input)
    check_names(path, arguments.input)
    with closing(Lock(path + ".lock")):
        standing, journal = open_files(arguments, path, identity)
        ordered = bool(journal.header["ordered"])
        if ordered == arguments.unordered:
            note("%s was begun %s --unordered, and goes on so" % (path, "without" if ordered else "with"))
        with closing(journal), closing(Output(path, standing, journal, ordered)) as output:
            code = ask_all(arguments, output, journal) if standing.left else OK
        return finish(path, standing, journal, code)


def check_names(path: str, given: str) -> None:
    """See to it that nothing is written over that is not this batch's.

    Raises:
        UsageError: the output is a device, a pipe or a folder; or the input is one of the files that are written.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        raise UsageError("%s is no ordinary file; name one with -o" % path)
    for name in (path, path + ".lock", path + ".journal"):
        if os.path.exists(name) and os.path.samefile(name, given):
            raise UsageError("%s would be written to; name another output with -o" % given)


# ---------------------------------------------------------------- the files of a batch


class Identity(NamedTuple):
    """What an input is known by."""

    size: int
    """Bytes."""
    lines: int
    """Empty ones included."""
    prompts: int
    """Lines that are not empty."""
    sha256: str

    def __str__(self) -> str:
        return "%d lines, %d bytes, SHA-256 %s..." % (self.lines, self.size, self.sha256[:12])


def identify(path: str) -> Identity:
    """Read the file once.

    Raises:
        UsageError: a pipe or a device, which can't be read again when the batch goes on.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        raise UsageError("%s is no ordinary file: a batch that is to go on after a stop needs one" % path)
    digest, size, lines, prompts = hashlib.sha256(), 0, 0, 0
    with open(path, "rb") as file:
        for line in file:
            digest.update(line)
            size += len(line)
            lines += 1
            prompts += not line.isspace()
    return Identity(size, lines, prompts, digest.hexdigest())


def open_files(arguments: argparse.Namespace, path: str, identity: Identity) -> Tuple[Standing, Journal]:
    """What is known of the batch; its files are made where there are none, and repaired where a run has died.

    Raises:
        UsageError: the files do not belong together.
    """
    known, lines = path + ".journal", (identity.lines, identity.prompts)
    if not os.path.exists(known):
        if os.path.exists(path) and os.path.getsize(path):
            raise UsageError("%s exists and has no journal, so it is no batch to go on with; name another file" % path)
        replace(known, [json_line({"batch": 1, "input": identity._asdict(), "ordered": not arguments.unordered})])
    for name in (path, known):
        discard_leftovers(name)
    header = _checked_header(known, path, arguments.input, identity)
    if not os.path.exists(path):
        if header["finished"] or header["empty"] is False:
            raise UsageError("%s is gone, but %s says that it was begun; remove both to begin anew" % (path, known))
        open(path, "ab").close()
        sync_folder(path)
    standing = inspect(path, *lines, at_least=header["finished"])
    try:
        journal = Journal(known, standing.has)
    except ValueError as error:
        raise UsageError(
            "%s is damaged: %s; put an older copy of it and of %s in place, or name another output with -o"
            % (known, error, path)
        ) from None
    if arguments.ask_again and standing.failed:
        journal.compact(finished=standing.answered)  # first, else the output would seem to have lost lines
        drop_failures(path)
        standing = inspect(path, *lines)
    return standing, journal


def _checked_header(known: str, path: str, given: str, identity: Identity) -> Any:
    try:
        header = read_header(known)
        before, header["ordered"] = Identity(**header["input"]), bool(header["ordered"])
        header["finished"] = int(header.get("finished") or 0)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise UsageError("%s is no journal of a batch; name another output with -o" % known) from None
    if before != identity:
        raise UsageError(
            "%s has changed since %s was begun (then %s; now %s): give the old input, or name another output with -o"
            % (given, path, before, identity)
        )
    return header


# ---------------------------------------------------------------- a run


def ask_all(arguments: argparse.Namespace, output: Output, journal: Journal) -> int:
    """Ask what is left, and say with which exit code the run ended: OK if it came to the input's end."""
    from ..core.limits import Limits
    from .batch_run import Run

    arguments.deployment = deployment_of(arguments)
    arguments.system = word(arguments.system) if arguments.system else None
    bar = Progress(output.standing.prompts, before=output.finished, counted=True)
    limits = Limits(arguments.jobs, arguments.jobs)
    with sigterm_as_ctrl_c(), make_client(arguments, limits=limits, max_retries=0) as client, bar:
        work = Run(client, arguments, output, journal)
        try:
            work.start()
            watch(work, output, bar)
        except KeyboardInterrupt as stop:
            leave(work)
            return code_of(stop)
        finally:
            work.stop()
    if work.halted is None:
        return OK
    if not isinstance(work.halted, Exception):
        raise work.halted
    note(line_about(work.halted))
    return code_of(work.halted)


def watch(work: Any, output: Output, bar: Progress) -> None:
    """Draw the bar and have the disk catch up once a second, until the run has ended."""
    synced = time.monotonic()
    while not work.wait(0.1):
        pause, failed = work.pace.pause_left(), output.standing.failed
        waiting = "rate limit: waiting %s" % time_text(pause) if pause >= 1 else ""
        bar.update(output.finished, "  ".join(filter(None, ["%d failed" % failed if failed else "", waiting])))
        if time.monotonic() - synced >= 1.0:
            output.sync()
            synced = time.monotonic()


def leave(work: Any) -> None:
    """After Ctrl-C: ask nothing more, and wait a little for what is on its way."""
    work.stop()
    try:
        if not work.wait(0.2):
            note("waiting for %d answers on their way; Ctrl-C again leaves them behind" % work.pace.asking)
            over = time.monotonic() + GRACE
            while not work.wait(0.1) and time.monotonic() < over:
                pass  # looks again: a signal that came just before, or that another thread took, wakes nobody
    except KeyboardInterrupt:
        pass


def finish(path: str, standing: Standing, journal: Journal, code: int) -> int:
    """Tidy up after a run, say what stands in the output, and give the exit code."""
    if not standing.left:
        if journal.header["ordered"] and standing.falls:
            restore_order(path, standing.falls)  # lines that were asked again go to their places
        journal.compact(finished=standing.finished)
        journal.close()
    note("%s: %d answered, %d failed, %d left" % (path, standing.answered, standing.failed, standing.left))
    if standing.left:
        note("the same command goes on with what is left")
        if journal.kept:
            note("%d of it are answered, and wait in the journal for the lines before them" % len(journal.kept))
    elif standing.failed:
        note("the same command with --ask-again asks the failed lines again")
    return code or (FAILED if standing.failed else OK)
