"""Per-request permissions: what an application passes on to another one."""

import pytest

from aidial_min import AuthenticationError, EndpointNotSupportedError, InvalidRequestError, PermissionDeniedError
from aidial_min.types import ReceiverPermissions, ResourcePermission


@pytest.fixture
def apps(newer, dial, bucket_of):
    """Two applications that serve the same user's request, and the URL of a file of the first one."""
    user = dial(newer)
    user(lambda c: c.my_bucket())
    newer.add_per_request_key("key-of-first", "first", "one")
    newer.add_per_request_key("key-of-second", "second", "one")
    first, second = dial(newer, "key-of-first"), dial(newer, "key-of-second")
    url = "files/%s/my file" % bucket_of(first)
    return first, second, first(lambda c: c.files.upload(url, b"abc")).url


def test_granted_used_listed_and_taken_back(newer, apps, last):
    first, second, url = apps
    with pytest.raises(PermissionDeniedError):
        second(lambda c: c.files.get_metadata(url))
    assert first(lambda c: c.resource_permissions.grant([url.replace("%20", " ")], "second")) is None
    body = {"resourcePermissions": [{"url": url, "permissions": ["READ"]}], "receiver": "second"}
    assert last(newer) == ("POST", "/v1/ops/resource/per-request-permissions/grant", body)
    assert second(lambda c: c.files.get_metadata(url)).content_length == 3

    granted = [ResourcePermission(url=url, permissions=["READ"])]
    assert second(lambda c: c.resource_permissions.list()) == granted
    assert last(newer)[2] == {"with": "ME"}
    assert first(lambda c: c.resource_permissions.list(with_="me")) == []
    (given,) = first(lambda c: c.resource_permissions.list("others"))
    assert last(newer)[2] == {"with": "OTHERS"}
    assert isinstance(given, ReceiverPermissions) and (given.receiver, given.resources) == ("second", granted)

    assert first(lambda c: c.resource_permissions.revoke([url], "second")) is None
    assert last(newer) == ("POST", "/v1/ops/resource/per-request-permissions/revoke", body)
    with pytest.raises(PermissionDeniedError):
        second(lambda c: c.files.get_metadata(url))


def test_permissions_may_be_named(newer, apps, last):
    first, _, url = apps
    first(lambda c: c.resource_permissions.grant(resources=[url], receiver="second", permissions=["READ", "WRITE"]))
    assert last(newer)[2]["resourcePermissions"] == [{"url": url, "permissions": ["READ", "WRITE"]}]
    first(lambda c: c.resource_permissions.grant([{"url": url, "permissions": ["WRITE"]}], "second"))
    assert last(newer)[2]["resourcePermissions"] == [{"url": url, "permissions": ["WRITE"]}]


@pytest.mark.parametrize("name", ["resources", "resourcePermissions"])
def test_servers_name_the_grants_of_a_receiver_differently(older, dial, name):
    older.fail(200, body={"receivers": [{"receiver": "r", name: [{"url": "files/b/x", "permissions": ["READ"]}]}]})
    (given,) = dial(older)(lambda c: c.resource_permissions.list("others"))
    assert given.resources == [ResourcePermission(url="files/b/x", permissions=["READ"])]


def test_only_per_request_keys_may(newer, dial):
    with pytest.raises(AuthenticationError, match="per request"):
        dial(newer)(lambda c: c.resource_permissions.grant(["files/b/x"], "second"))


def test_core_of_2024_does_not_have_it(older, dial):
    do = dial(older)
    for call in (
        lambda c: c.resource_permissions.grant(["files/b/x"], "second"),
        lambda c: c.resource_permissions.revoke(["files/b/x"], "second"),
        lambda c: c.resource_permissions.list(),
    ):
        with pytest.raises(EndpointNotSupportedError):
            do(call)


def test_bad_arguments_are_not_sent(older, dial):
    do = dial(older)
    for call in (
        lambda c: c.resource_permissions.grant([], "second"),
        lambda c: c.resource_permissions.grant("files/b/x", "second"),
        lambda c: c.resource_permissions.grant(["files/b/x"], ""),
        lambda c: c.resource_permissions.grant(["x"], "second"),
        lambda c: c.resource_permissions.revoke(["files/b/x"], None),
        lambda c: c.resource_permissions.list("them"),
    ):
        with pytest.raises(InvalidRequestError):
            do(call)
    assert not older.requests
