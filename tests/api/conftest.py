"""Clients of both kinds and servers of both generations, for tests that read like the operations' specification."""

import inspect
import sys
from contextlib import ExitStack

import pytest

from aidial_min.testing import DialServer

from ..support.clients import KINDS, client_of
from ..support.patience import until

KEYS = {"one": "first", "two": "second", "boss": "bosses"}


@pytest.fixture(autouse=True, scope="package")
def soon():
    """What is tried again is tried at once, where no server says when."""
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr("aidial_min.core.retry.FIRST_DELAY", 0.001)
        yield


def running(generation):
    return DialServer(keys=KEYS, admin_keys=["boss"], generation=generation)


@pytest.fixture(params=["2024", "2026"])
def core(request):
    """A server of each generation in turn."""
    with running(request.param) as server:
        server.generation = request.param
        yield server


@pytest.fixture
def older():
    """Core of 2024."""
    with running("2024") as server:
        yield server


@pytest.fixture
def newer():
    """Core of 2026."""
    with running("2026") as server:
        yield server


@pytest.fixture(params=KINDS)
def dial(request):
    """Opens clients of each kind in turn: `do = dial(server, "two")`, and `do(lambda client: ...)` gives the outcome.

    What is awaited is awaited, and what is iterated over becomes a list.
    """
    with ExitStack() as stack:

        def opened(server, api_key="one", **settings):
            settings = {"base_url": server.url, "api_key": api_key, **settings}
            call = stack.enter_context(client_of(request.param, debug=sys.flags.dev_mode, **settings))

            def do(function):
                outcome = call(function)
                return list(outcome) if inspect.isgenerator(outcome) else outcome

            do.kind = request.param
            return do

        yield opened


@pytest.fixture
def bucket_of(dial):
    """The bucket of a client."""
    return lambda do: do(lambda client: client.my_bucket())


@pytest.fixture
def last():
    """The last request that a server got, as (method, target, JSON body or None)."""

    def seen(server):
        request = server.requests[-1]
        size = int(request.headers.get("content-length", 0))
        until(lambda: request.body_size >= size)  # an answer may come before the server has read the body
        is_json = request.headers.get("content-type") == "application/json"
        return request.method, request.target, request.json() if is_json else None

    return seen
