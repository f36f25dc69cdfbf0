"""The command `applications`: those that the caller may use.

It knows the columns; it must not know tables or JSON.
"""

import argparse

from .connection import make_client
from .exit_codes import OK
from .listing import print_listing, set_up_listing, text_of

TEXT = """
List the applications that you may use.
"""

EXAMPLES = """
@
--json | jq -r ".[] | select(.features.configuration) | .id"
"""

HEADS = ("ID", "NAME", "VERSION", "DESCRIPTION")


def set_up(parser: argparse.ArgumentParser) -> None:
    """Name the options."""
    set_up_listing(parser, TEXT, EXAMPLES)


def run(arguments: argparse.Namespace) -> int:
    """Print the list."""
    with make_client(arguments) as client:
        found = client.application.list()
    print_listing(
        found,
        HEADS,
        lambda item: (item.id, text_of(item.display_name), item.display_version, text_of(item.description)),
        as_json=arguments.json,
    )
    return OK
