"""Every endpoint of the server: importing this module imports the handlers that declare them.

`python -m aidial_min.testing` prints the table.
"""

from . import (  # noqa: F401
    code_interpreter,
    completions,
    custom_applications,
    events,
    external_services,
    files,
    listings,
    publications,
    resources,
    responses,
    sharing,
    skills,
    toolsets,
)
from .routing import Endpoint, declared


def of(generation: str) -> list[Endpoint]:
    """The endpoints of one Core ("20": of all), in the order in which they are tried."""
    return [row for row in declared() if generation in row.generations]
