"""Sharing and invitations, between two users."""

from pathlib import PurePosixPath

import pytest

from aidial_min import InvalidRequestError, NotDialURLError, PermissionDeniedError, ResourceNotFoundError
from aidial_min.types import ResourceMetadata, ResourcePermission

PROMPT = {"id": "p", "name": "p", "folderId": "f", "content": "Hi"}


@pytest.fixture
def owner(core, dial):
    return dial(core, "one")


@pytest.fixture
def other(core, dial):
    return dial(core, "two")


@pytest.fixture
def url(owner, bucket_of):
    """A prompt of the owner, as the server writes its URL."""
    url = "prompts/%s/my prompt" % bucket_of(owner)
    return owner(lambda c: c.prompts.save(url, PROMPT)).url


def test_a_resource_is_shared_read_and_given_up(core, owner, other, url):
    with pytest.raises(PermissionDeniedError):
        other(lambda c: c.prompts.get(url))
    link = owner(lambda c: c.sharing.create([url]))
    assert link.link == "/v1/invitations/" + link.id
    offered = other(lambda c: c.invitations.get(link.id))
    assert (offered.id, [found.to_dict() for found in offered.resources]) == (
        link.id,
        [{"url": url, "permissions": ["READ"]}],
    )
    assert offered.expire_at > offered.created_at
    assert other(lambda c: c.invitations.accept(link.id)) is None
    assert other(lambda c: c.prompts.get(url)).content == "Hi"
    (found,) = other(lambda c: c.sharing.list())
    assert isinstance(found, ResourceMetadata) and (found.url, found.permissions) == (url, ["READ"])
    assert owner(lambda c: c.sharing.list()) == []
    assert [item.url for item in owner(lambda c: c.sharing.list(with_="others"))] == [url]
    other(lambda c: c.sharing.discard([found]))
    assert other(lambda c: c.sharing.list()) == []


def test_what_is_sent(core, owner, url, last):
    decoded = url.replace("%20", " ")
    owner(lambda c: c.sharing.create([decoded]))
    path, body = last(core)[1:]
    assert path == "/v1/ops/resource/share/create"
    assert body == {"invitationType": "link", "resources": [{"url": url}]}
    absolute = "%s/v1/%s" % (core.url, url)
    for resource in (decoded, PurePosixPath(decoded), absolute, {"url": decoded}):
        owner(lambda c, resource=resource: c.sharing.create([resource], ["read", "WRITE"], invitation_type="email"))
        assert last(core)[2] == {
            "invitationType": "email",
            "resources": [{"url": url, "permissions": ["READ", "WRITE"]}],
        }
    own = [{"url": url, "permissions": ["WRITE"]}]
    owner(lambda c: c.sharing.create(own, permissions=["READ"]))
    assert last(core)[2]["resources"] == own
    owner(lambda c: c.sharing.create([ResourcePermission(url=decoded, permissions=["WRITE"])]))
    assert last(core)[2]["resources"] == own


def test_an_entry_of_a_listing_gives_away_no_more_than_was_asked_for(core, owner, url, bucket_of, last):
    home = "prompts/%s/" % bucket_of(owner)
    (entry,) = owner(lambda c: c.prompts.get_metadata(home, permissions=True)).items
    assert entry.permissions == ["READ", "WRITE"]
    owner(lambda c: c.sharing.create([entry]))
    assert last(core)[2]["resources"] == [{"url": url}]


def test_folders_keep_their_slash(core, owner, other, bucket_of, last):
    bucket = bucket_of(owner)
    owner(lambda c: c.files.upload("files/%s/my folder/a.txt" % bucket, b"abc"))
    link = owner(lambda c: c.sharing.create(["files/%s/my folder/" % bucket]))
    assert last(core)[2]["resources"] == [{"url": "files/%s/my%%20folder/" % bucket}]
    other(lambda c: c.invitations.accept(link))
    assert [item.name for item in other(lambda c: c.files.list("files/%s/my folder/" % bucket))] == ["a.txt"]


def test_fields_of_newer_servers_are_sent_only_when_set(newer, dial, bucket_of, last):
    do = dial(newer)
    url = "files/%s/a" % bucket_of(do)
    do(lambda c: c.sharing.create([url], max_accepted_users=3, share_credentials=True))
    assert last(newer)[2] == {
        "invitationType": "link",
        "resources": [{"url": url}],
        "maxAcceptedUsers": 3,
        "shareCredentials": True,
    }
    do(lambda c: c.sharing.list(["FILE"], include_user_info=True))
    assert last(newer)[2] == {"resourceTypes": ["FILE"], "with": "me", "includeUserInfo": True}


def test_kinds_are_named_either_way(core, owner, last):
    owner(lambda c: c.sharing.list(["files", "Prompt", "TOOL_SET", "toolsets"], "others"))
    assert last(core) == (
        "POST",
        "/v1/ops/resource/share/list",
        {"resourceTypes": ["FILE", "PROMPT", "TOOL_SET", "TOOL_SET"], "with": "others"},
    )


def test_rights_are_taken_back(core, owner, other, url, last):
    link = owner(lambda c: c.sharing.create([url], ["READ", "WRITE"]))
    other(lambda c: c.invitations.accept(link.id))
    owner(lambda c: c.sharing.revoke([url], ["WRITE"]))
    assert last(core)[2] == {"resources": [{"url": url, "permissions": ["WRITE"]}]}
    assert other(lambda c: c.sharing.list())[0].permissions == ["READ"]
    with pytest.raises(PermissionDeniedError):
        other(lambda c: c.prompts.save(url, PROMPT))
    owner(lambda c: c.sharing.revoke([url]))
    assert last(core)[2] == {"resources": [{"url": url}]}
    assert other(lambda c: c.sharing.list()) == []


def test_access_is_copied(core, owner, other, url, bucket_of, last):
    link = owner(lambda c: c.sharing.create([url]))
    other(lambda c: c.invitations.accept(link.id))
    second = owner(lambda c: c.prompts.save("prompts/%s/second" % url.split("/")[1], PROMPT)).url
    assert owner(lambda c: c.sharing.copy(url.replace("%20", " "), second)) is None
    assert last(core)[1:] == ("/v1/ops/resource/share/copy", {"sourceUrl": url, "destinationUrl": second})
    assert other(lambda c: c.prompts.get(second)).content == "Hi"


def test_only_what_is_ones_own_is_shared(core, owner, other, url):
    with pytest.raises(InvalidRequestError):
        other(lambda c: c.sharing.create([url]))
    with pytest.raises(InvalidRequestError):
        other(lambda c: c.sharing.revoke([url]))
    with pytest.raises(InvalidRequestError, match="Duplicated"):
        owner(lambda c: c.sharing.create([url, url.replace("%20", " ")]))


def test_invitations_by_id_link_or_url(core, owner, other, url, last):
    link = owner(lambda c: c.sharing.create([url]))
    (made,) = owner(lambda c: c.invitations.list())
    assert made.id == link.id
    for name in (link, link.id, link.link, core.url + link.link):
        assert other(lambda c, name=name: c.invitations.get(name)).id == link.id
        assert last(core)[:2] == ("GET", link.link)
    other(lambda c: c.invitations.accept(link.link))
    assert last(core)[:2] == ("GET", link.link + "?accept=true")
    other(lambda c: c.invitations.accept(link.link))  # twice is no error
    with pytest.raises(InvalidRequestError):
        owner(lambda c: c.invitations.accept(link))
    with pytest.raises(PermissionDeniedError):
        other(lambda c: c.invitations.delete(link))
    assert owner(lambda c: c.invitations.delete(link)) is None
    with pytest.raises(ResourceNotFoundError):
        other(lambda c: c.invitations.get(link))
    assert owner(lambda c: c.invitations.list()) == []


@pytest.mark.parametrize("id", ["", "a/b", "a?accept=true", "/v1/invitations/", "/v1/bucket", 5, None])
def test_what_is_no_invitation_is_not_asked_for(older, dial, id):
    do = dial(older)
    for name in ("get", "accept", "delete"):
        with pytest.raises(InvalidRequestError):
            do(lambda c, name=name: getattr(c.invitations, name)(id))
    with pytest.raises(NotDialURLError):
        do(lambda c: c.invitations.accept("https://other.example/v1/invitations/abc"))
    assert not older.requests


@pytest.mark.parametrize("resources", [[], (), "files/b/x", {"url": "files/b/x"}, None, [{}], [None], ["x"], ["files"]])
def test_bad_resources_are_not_sent(older, dial, resources):
    do = dial(older)
    for name in ("create", "revoke", "discard"):
        with pytest.raises(InvalidRequestError):
            do(lambda c, name=name: getattr(c.sharing, name)(resources))
    assert not older.requests


def test_other_bad_arguments_are_not_sent(older, dial):
    do = dial(older)
    for call in (
        lambda c: c.sharing.list("FILE"),
        lambda c: c.sharing.list([]),
        lambda c: c.sharing.list([None]),
        lambda c: c.sharing.list(with_="them"),
        lambda c: c.sharing.create(["files/b/x"], permissions="READ"),
        lambda c: c.sharing.create(["files/b/x"], permissions=[]),
        lambda c: c.sharing.copy("files/b/x", "nothing"),
    ):
        with pytest.raises(InvalidRequestError):
            do(call)
    assert not older.requests
