"""Every endpoint of the server: importing this module imports the handlers that declare them.

`python -m aidial_min.testing` prints the table.
"""

from . import (
    completions,
    custom_applications,
    events,
    files,
    listings,
    publications,
    resources,
    sharing,
    skills,
    toolsets,
)
from .routing import Endpoint, declared

HANDLERS = (
    completions, custom_applications, events, files, listings, publications, resources, sharing, skills, toolsets,
)  # fmt: skip


def of(generation: str) -> list[Endpoint]:
    """The endpoints of one Core, in the order in which they are tried."""
    return [row for row in declared() if generation in row.generations]
