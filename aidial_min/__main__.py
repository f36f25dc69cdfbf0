"""The door to the command line: ``python -m aidial_min``, and ``aidial-min`` where the package is installed.

Commands are in cli/, which is loaded when `main` is called. This module must not know any of them.
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
    except KeyboardInterrupt:  # Ctrl-C while modules were loaded, or a second one while the first was dealt with
        return 130


if __name__ == "__main__":
    sys.exit(main())
