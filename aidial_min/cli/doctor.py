"""The command `doctor`: every step between this machine and a DIAL server, each ok or failed, with what to do.

It knows the order of the steps and how they are printed; what a step looks at is in checks.py. It must not show a
credential, a whole bucket, or anything else that does not belong in a ticket.
"""

import argparse
import os
from typing import List

from .checks import Check, Patient, Step, steps
from .connection import add_options
from .exit_codes import FAILED, OK
from .help import teach
from .terminal import red, visible, write, write_json

TEXT = """
Find out why a connection does not work: settings, the credential's shape, the way (proxy or direct), the name, the
connection with its TLS certificates, the bucket, and the deployments. Each step is ok or failed, with what to do.

The credential is described, never shown, and the bucket is cut short: the output is fit to be pasted into a ticket.
The exit code is that of the first failed step, as every other command would end with it.
"""

EXAMPLES = """
@
--url https://dial.example.com
--ca-bundle company.pem
--timeout 5 --json | jq -r ".[] | select(.status == \\"failed\\") | .advice"
"""


def set_up(parser: argparse.ArgumentParser) -> None:
    """Name the options."""
    teach(parser, TEXT, EXAMPLES)
    parser.add_argument("--json", action="store_true", help="an array of steps")
    add_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Examine, and say what was found."""
    found: List[Step] = []
    with Patient(arguments, os.environ) as patient:
        for check in steps():
            step = examine(check, patient, found)
            found.append(step)
            if not arguments.json:
                _print(step)
    failed = [step for step in found if step.status == "failed"]
    if arguments.json:
        write_json([step._asdict() for step in found])
    else:
        write("\n%s\n" % ("Failed: %s." % ", ".join(step.name for step in failed) if failed else "Everything is well."))
    return (failed[0].code or FAILED) if failed else OK


def examine(check: Check, patient: Patient, before: List[Step]) -> Step:
    """Carry out a step, unless one that it needs has failed."""
    missing = [step.name for step in before if step.name in check.needs and step.status != "ok"]
    if missing:
        return Step(check.name, "skipped", ["needs: " + missing[0]])
    step = check.look(patient)
    return step._replace(name=check.name, lines=[patient.redact(line) for line in step.lines])


def _print(step: Step) -> None:
    mark = {"ok": "ok     ", "failed": red("failed "), "skipped": "skipped"}[step.status]
    lines = [visible(line, lines=False) for line in step.lines] or [""]
    write("%s  %-11s  %s\n" % (mark, step.name, lines[0]))
    for line in lines[1:]:
        write(" " * 22 + line + "\n")
    for line in step.advice:
        write(" " * 22 + "-> " + visible(line, lines=False) + "\n")
