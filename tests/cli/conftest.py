"""What the tests of commands share: a server of their own, and the command line pointed at it."""

import os

import pytest

from aidial_min.testing import DialServer
from tests.support.command import Command


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    """Commands in this process that try again do so at once, where no server says when."""
    monkeypatch.setattr("aidial_min.core.retry.FIRST_DELAY", 0.001)


@pytest.fixture
def server():
    with DialServer() as running:
        yield running


@pytest.fixture
def dial(server, tmp_path):
    """`python -m aidial_min`, with the server and its key in the environment."""
    return Command(tmp_path, DIAL_URL=server.url, DIAL_API_KEY=server.api_key)


@pytest.fixture
def terminal(dial):
    """The same at a pseudo-terminal: `with terminal("chat") as person: ...`."""
    if os.name != "posix":
        pytest.skip("pseudo-terminals are POSIX's")
    from tests.support.terminal import Terminal

    def start(*words, columns=100, stdin=None, stdout=None, stderr=None, **env):
        return Terminal(
            dial.words(*words),
            cwd=dial.folder,
            env=dial.environment(env),
            columns=columns,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
        )

    return start
