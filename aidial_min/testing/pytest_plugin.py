"""A pytest fixture: `dial_server`, a server of its own for every test that names it.

Switched on with `pytest_plugins = ["aidial_min.testing.pytest_plugin"]` in a conftest.py, or with `-p` on the command
line. Nothing else in the package imports this module, or pytest. A fixture `dial_server_options` of one's own, a dict,
sets the server's options.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from .server import DialServer


@pytest.fixture
def dial_server_options() -> dict[str, Any]:
    """Options of the server; override it to set some."""
    return {}


@pytest.fixture
def dial_server(dial_server_options: dict[str, Any]) -> Iterator[DialServer]:
    """A running DialServer."""
    with DialServer(**dial_server_options) as server:
        yield server
