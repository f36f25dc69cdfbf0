"""The command `deployments`: everything that can be called by id.

It knows the columns; it must not know tables or JSON.
"""

import argparse

from .connection import make_client
from .exit_codes import OK
from .listing import print_listing, set_up_listing, text_of

TEXT = """
List everything that can be called by id (servers of 2024 list models only here; see also `applications`).
"""

EXAMPLES = """
@
--json | jq -r ".[].id"
"""

HEADS = ("ID", "KIND", "NAME", "STATUS")


def set_up(parser: argparse.ArgumentParser) -> None:
    """Name the options."""
    set_up_listing(parser, TEXT, EXAMPLES)


def run(arguments: argparse.Namespace) -> int:
    """Print the list."""
    with make_client(arguments) as client:
        found = client.deployments.list()
    print_listing(
        found, HEADS, lambda item: (item.id, item.object, text_of(item.display_name), item.status),
        as_json=arguments.json,
    )  # fmt: skip
    return OK
