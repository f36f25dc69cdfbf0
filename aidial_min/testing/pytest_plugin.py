"""A pytest fixture: `dial_server`, a server of its own for every test that names it.

Switched on with `pytest_plugins = ["aidial_min.testing.pytest_plugin"]` in a conftest.py, or with `-p` on the command
line. Nothing else in the package imports this module, or pytest.

Options of the server come from a fixture `dial_server_options` of one's own, a dict, and from the marker
`@pytest.mark.dial_server(generation="2026", ...)`, which wins. Besides those of `DialServer` there is
`all_replies_used=True`: the test fails when something that was scripted did not come up. With `only_scripted=True` it
fails when a deployment was asked that nothing was scripted for.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from .server import DialServer


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "dial_server(**options): options of the fixture dial_server, as of DialServer")


@pytest.fixture
def dial_server_options() -> dict[str, Any]:
    """Options of the server; override it to set some."""
    return {}


@pytest.fixture
def dial_server(dial_server_options: dict[str, Any], request: pytest.FixtureRequest) -> Iterator[DialServer]:
    """A running DialServer."""
    options = dict(dial_server_options)
    for marker in reversed(list(request.node.iter_markers("dial_server"))):
        options.update(marker.kwargs)
    all_used = options.pop("all_replies_used", False)
    with DialServer(**options) as server:
        yield server
        if options.get("only_scripted"):
            server.assert_nothing_unexpected()
        if all_used:
            server.assert_all_replies_used()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: "pytest.CallInfo[Any]") -> None:
    """A test that failed says which deployments were missing, and how to declare them."""
    server = getattr(item, "funcargs", {}).get("dial_server")
    if call.when == "call" and call.excinfo is not None and isinstance(server, DialServer):
        try:
            server.assert_nothing_unexpected()
        except AssertionError as error:
            item.add_report_section("call", "dial_server", str(error))
