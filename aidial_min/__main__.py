"""The door to the command line: ``python -m aidial_min``, and ``aidial-min`` where the package is installed.

Commands are in cli/, which is loaded when `main` is called; a slim copy has none.
"""

import sys
from typing import Optional, Sequence


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run one command.

    Args:
        argv: the words after the program's name; those of the process if None.
    Returns:
        The exit code: 0 when all went well. Wrong words end the process with 2, as argparse does it.
    """
    try:
        from .cli import run

        return run(sys.argv[1:] if argv is None else argv)
    except ModuleNotFoundError as error:
        left_out = (error.name or "").rpartition("%s." % __package__)[2]
        if left_out not in ("cli", "testing"):
            raise
        what = "the command line" if left_out == "cli" else "the test server, which this command needs"
        sys.stderr.write("This copy of %s was made without %s (%s/).\n" % (__package__, what, left_out))
        return 2
    except KeyboardInterrupt:  # Ctrl-C while modules were loaded, or a second one while the first was dealt with
        return 130


if __name__ == "__main__":
    sys.exit(main())
