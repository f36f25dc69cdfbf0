"""The command `whoami`: who the credential speaks for, and which bucket is theirs.

It knows what the server tells of a caller; it must not know how the credential travels.
"""

import argparse
import os

from ..errors import EndpointNotSupportedError
from .connection import add_options, client_arguments, source_of
from .exit_codes import OK
from .help import teach
from .table import print_pairs
from .terminal import write_json

TEXT = """
Show who the credential speaks for: its project or claims, roles, and bucket. The credential itself is never shown.
"""

EXAMPLES = """
@
--json | jq -r .bucket
"""


def set_up(parser: argparse.ArgumentParser) -> None:
    """Name the options."""
    teach(parser, TEXT, EXAMPLES)
    parser.add_argument("--json", action="store_true", help="as a JSON object")
    add_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Ask the server who we are."""
    from ..client import Dial

    options = client_arguments(arguments)
    kind = "api_key" if "api_key" in options else "bearer_token"
    with Dial(**options) as client:
        found = {
            "server": client.base_url.rstrip("/"),
            "credential": "%s (%s)" % (kind.replace("_", " "), source_of(os.environ, kind)),
        }
        bucket = client.my_bucket()
        try:
            info = client.user.info()
        except EndpointNotSupportedError:
            info = None
    if arguments.json:
        write_json({**found, "bucket": bucket, **(info.to_dict() if info is not None else {})})
        return OK
    claims = {}
    if info is not None:
        claims = {"project": info.project, "roles": info.roles, **(info.user_claims or {})}
    print_pairs({**found, "bucket": bucket, **claims})
    return OK
