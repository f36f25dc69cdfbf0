"""Compare a copy of this package with the manifest that `bundle` put into it, and name what was changed.

PATH is a bundle (a zip, a zipapp, a wheel) or the folder of a copy; without it, the copy that runs is compared.
Bytecode that is not in the manifest is compared with what its source compiles to.

A changed copy can't be trusted to find itself changed: use another copy, or `sha256sum -c SHA256SUMS` in its folder.

examples:
    @ layer.zip
    @ yourproject/_vendor/aidial_min
"""

import argparse
import sys

from .exit_codes import FAILED, OK
from .manifest import NAME, differences, find, sha256
from .terminal import note, write


def set_up(parser: argparse.ArgumentParser, name: str) -> None:
    """Name the arguments."""
    parser.description = __doc__
    parser.add_argument("path", nargs="?", metavar="PATH", help="a bundle, or the folder of a copy")


def run(arguments: argparse.Namespace) -> int:
    """Compare; the exit code is 1 where anything differs."""
    package = sys.modules[__name__.partition(".cli.")[0]]
    place = arguments.path or next(iter(package.__path__))
    _, files = find(place)
    found = list(differences(files))
    for line in found:
        write(line + "\n")
    if found:
        note("%s: %d of its files are not as in %s" % (place, len(found), NAME))
        return FAILED
    write("%s is as it was made; sha256 of its %s: %s\n" % (place, NAME, sha256(files[NAME])))
    return OK
