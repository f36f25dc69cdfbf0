"""Dial and AsyncDial expose the same resources, with the same methods, parameters and docstrings."""

import inspect
from functools import cached_property

import pytest

from aidial_min import (
    AsyncDial,
    AsyncDialClientPool,
    AsyncFileDownloadResponse,
    AsyncStream,
    Dial,
    DialClientPool,
    FileDownloadResponse,
    Stream,
)

SETTINGS = {"base_url": "http://127.0.0.1:9", "api_key": "key-of-nobody"}


def resource_names(client_class):
    return sorted(
        name for name in dir(client_class) if isinstance(inspect.getattr_static(client_class, name), cached_property)
    )


def public_methods(thing):
    found = {}
    for name in dir(type(thing)):
        if not name.startswith("_") and callable(getattr(type(thing), name)):
            found[name] = getattr(thing, name)
    return found


def parameters(function):
    return [(p.name, p.kind, p.default) for p in inspect.signature(function).parameters.values()]


def pairs():
    sync, asynchronous = Dial(**SETTINGS), AsyncDial(**SETTINGS)
    for name in resource_names(Dial):
        yield name, getattr(sync, name), getattr(asynchronous, name)
    yield "chat.completions", sync.chat.completions, asynchronous.chat.completions
    yield "pool", DialClientPool(), AsyncDialClientPool()


def test_the_same_resources():
    assert resource_names(Dial) == resource_names(AsyncDial)
    assert {"chat", "files", "deployments", "application", "bucket"} <= set(resource_names(Dial))


@pytest.mark.parametrize(("name", "sync", "asynchronous"), list(pairs()), ids=lambda value: str(value)[:40])
def test_the_same_methods_with_the_same_parameters(name, sync, asynchronous):
    ours, theirs = public_methods(sync), public_methods(asynchronous)
    assert sorted(ours) == sorted({"aclose": "close"}.get(method, method) for method in theirs)
    for method, function in ours.items():
        twin = theirs[method if method != "close" else "aclose"]
        assert parameters(function) == parameters(twin), method
        if name != "pool":
            assert function.__doc__ and function.__doc__ == twin.__doc__, method


def test_the_same_arguments_of_clients_and_pools():
    assert parameters(Dial.__init__) == parameters(AsyncDial.__init__)
    assert parameters(DialClientPool.__init__) == parameters(AsyncDialClientPool.__init__)


@pytest.mark.parametrize("name", sorted(name for name in dir(Dial) if not name.startswith("_") and name != "close"))
def test_the_same_members_of_both_clients(name):
    ours, theirs = getattr(Dial, name), getattr(AsyncDial, name)
    if callable(ours):
        assert parameters(ours) == parameters(theirs)


def test_streams_and_downloads_differ_in_their_waiting_only():
    def public(cls):
        return {name for name in dir(cls) if not name.startswith("_")}

    assert public(AsyncStream) - public(Stream) == {"aclose"}
    assert public(Stream) - public(AsyncStream) == set()
    assert AsyncFileDownloadResponse is FileDownloadResponse
