"""Publications from request to decision, rules, and the notifications that tell of it."""

import pytest

from aidial_min import (
    InvalidDialURLError,
    InvalidRequestError,
    PermissionDeniedError,
    ResourceNotFoundError,
)
from aidial_min.types import Rule

PROMPT = {"id": "p", "name": "p", "folderId": "f", "content": "Hi"}
RULE = {"function": "EQUAL", "source": "roles", "targets": ["default"]}


@pytest.fixture
def author(core, dial):
    return dial(core, "one")


@pytest.fixture
def admin(core, dial):
    return dial(core, "boss")


@pytest.fixture
def source(author, bucket_of):
    url = "prompts/%s/my prompt" % bucket_of(author)
    return author(lambda c: c.prompts.save(url, PROMPT)).url


def publish(do, source, **arguments):
    resources = [{"action": "ADD", "sourceUrl": source, "targetUrl": "prompts/public/my team/p 1"}]
    given = {"target_folder": "public/my team/", "resources": resources, "rules": [RULE], "name": "Mine", **arguments}
    return do(lambda c: c.publications.create(**given))


def test_from_request_to_public(core, author, admin, source, bucket_of, last):
    made = publish(author, source.replace("%20", " "))
    assert last(core) == (
        "POST",
        "/v1/ops/publication/create",
        {
            "name": "Mine",
            "targetFolder": "public/my%20team/",
            "resources": [{"action": "ADD", "sourceUrl": source, "targetUrl": "prompts/public/my%20team/p%201"}],
            "rules": [RULE],
        },
    )
    assert (made.status, made.target_folder, made.resource_types) == ("PENDING", "public/my%20team/", ["PROMPT"])
    assert admin(lambda c: c.prompts.get(made.resources[0].review_url)).content == "Hi"

    (listed,) = author(lambda c: c.publications.list("publications/%s/" % made.url.split("/")[1]))
    assert (listed.url, listed.resources, listed.rules) == (made.url, None, None)
    assert [item.url for item in admin(lambda c: c.publications.list("publications/public"))] == [made.url]
    assert author(lambda c: c.publications.get(made.url)).rules == [Rule.from_json(RULE)]

    with pytest.raises(PermissionDeniedError):
        author(lambda c: c.publications.approve(made.url))
    assert admin(lambda c: c.publications.approve(made.url)).status == "APPROVED"
    assert last(core) == ("POST", "/v1/ops/publication/approve", {"url": made.url})
    with pytest.raises(ResourceNotFoundError, match="finalized"):
        admin(lambda c: c.publications.reject(made.url))

    assert author(lambda c: c.prompts.get("prompts/public/my team/p 1")).content == "Hi"
    (published,) = author(lambda c: c.publications.list_resources(["prompts"], permissions=True))
    assert (published.url, published.permissions) == (source, ["READ", "WRITE"])
    assert last(core)[1:] == (
        "/v1/ops/publication/resource/list?permissions=true",
        {"resourceTypes": ["PROMPT"]},
    )
    rules = author(lambda c: c.publications.list_rules("public/my team"))
    assert rules == {"public/my%20team/": [Rule.from_json(RULE)]}

    assert author(lambda c: c.publications.delete(made.url)) is None
    with pytest.raises(ResourceNotFoundError):
        author(lambda c: c.publications.get(made.url))


def test_a_rejected_one_and_its_notification(core, author, admin, source, last):
    made = publish(author, source)
    assert admin(lambda c: c.publications.reject(made.url, "not now")).status == "REJECTED"
    assert last(core) == ("POST", "/v1/ops/publication/reject", {"url": made.url, "comment": "not now"})
    (told,) = author(lambda c: c.notifications.list())
    assert last(core) == ("POST", "/v1/ops/notification/list", {})
    assert (told.url, told.type) == (made.url, "PUBLICATION") and "not now" in told.message
    assert author(lambda c: c.notifications.delete([told.id])) is None
    assert last(core) == ("POST", "/v1/ops/notification/delete", {"ids": [told.id]})
    assert author(lambda c: c.notifications.list()) == []


def test_published_resources_are_taken_back(core, author, admin, source, last):
    made = publish(author, source)
    admin(lambda c: c.publications.approve(made.url))
    back = [{"action": "DELETE", "targetUrl": "prompts/public/my team/p 1"}]
    gone = author(lambda c: c.publications.create("public/my team", back))
    assert last(core)[2] == {
        "targetFolder": "public/my%20team/",
        "resources": [{"action": "DELETE", "targetUrl": "prompts/public/my%20team/p%201"}],
    }
    admin(lambda c: c.publications.approve(gone.url))
    with pytest.raises(ResourceNotFoundError):
        author(lambda c: c.prompts.get("prompts/public/my team/p 1"))


def test_a_folder_is_spelt_as_core_spells_it(core, author, admin, source, last):
    """Core compares a target to be taken back, as it came, with its own spelling of the folder."""
    folder, target = "public/team (a+b)/", "prompts/public/team (a+b)/p:1"
    made = publish(
        author,
        source,
        target_folder=folder,
        resources=[{"action": "ADD", "sourceUrl": source, "targetUrl": target}],
    )
    admin(lambda c: c.publications.approve(made.url))
    author(lambda c: c.publications.create(folder, [{"action": "DELETE", "targetUrl": target}]))
    body = last(core)[2]
    assert body["targetFolder"] == made.target_folder == "public/team%20(a+b)/"
    assert body["resources"][0]["targetUrl"] == "prompts/public/team%20(a+b)/p%3A1"
    assert list(author(lambda c: c.publications.list_rules(folder))) == ["public/team%20(a+b)/"]


def test_models_of_an_earlier_answer_may_be_sent_again(core, author, source, last):
    made = publish(author, source)
    author(lambda c: c.publications.delete(made.url))
    author(lambda c: c.publications.create(made.target_folder, made.resources, made.rules))
    assert last(core)[2] == {
        "targetFolder": "public/my%20team/",
        "resources": [{"action": "ADD", "sourceUrl": source, "targetUrl": "prompts/public/my%20team/p%201"}],
        "rules": [RULE],
    }


def test_rules_alone(core, admin, last):
    made = admin(lambda c: c.publications.create("public/team/", rules=[RULE]))
    assert last(core)[2] == {"targetFolder": "public/team/", "resources": [], "rules": [RULE]}
    admin(lambda c: c.publications.approve(made.url))
    assert list(admin(lambda c: c.publications.list_rules("public/team/below/"))) == ["public/team/"]


def test_fields_of_newer_servers(newer, dial, last):
    do = dial(newer)
    do(lambda c: c.publications.create("public/t/", rules=[RULE], display_author="Me", publish_credentials=False))
    assert last(newer)[2] == {
        "targetFolder": "public/t/",
        "resources": [],
        "rules": [RULE],
        "displayAuthor": "Me",
        "publishCredentials": False,
    }


def test_bad_arguments_are_not_sent(older, dial):
    do = dial(older)
    good = {"action": "ADD", "sourceUrl": "files/b/x", "targetUrl": "files/public/x"}
    for call in (
        lambda c: c.publications.create("public/team/"),
        lambda c: c.publications.create("team/", [good]),
        lambda c: c.publications.create("public/../x/", [good]),
        lambda c: c.publications.create(None, [good]),
        lambda c: c.publications.create("public/team/", good),
        lambda c: c.publications.create("public/team/", ["files/b/x"]),
        lambda c: c.publications.create("public/team/", [{**good, "sourceUrl": "nowhere"}]),
        lambda c: c.publications.create("public/team/", [good], rules="all"),
        lambda c: c.publications.get("files/b/x"),
        lambda c: c.publications.get("publications/b/"),
        lambda c: c.publications.delete("publications/b"),
        lambda c: c.publications.list("publications/b/x"),
        lambda c: c.publications.list_resources("FILE"),
        lambda c: c.publications.list_resources([]),
        lambda c: c.publications.list_rules("files/public/x/"),
        lambda c: c.notifications.delete([]),
        lambda c: c.notifications.delete("id"),
        lambda c: c.notifications.delete([None]),
    ):
        with pytest.raises(InvalidRequestError):
            do(call)
    with pytest.raises(InvalidDialURLError):
        do(lambda c: c.publications.list_rules("team/"))
    assert not older.requests
