"""Applications, sharing, publications, skills, permissions, channels: what the recordings do not reach."""

import io
import json
import runpy
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from aidial_min.testing import Deployment, DialServer

from ..support.patience import PATIENCE, until
from .raw_client import UPLOAD, Answer, Raw, User, request_bytes

APPLICATION = {"endpoint": "http://app/openai/deployments/calculator/chat/completions", "display_name": "Mine"}
PROMPT = {"id": "p", "name": "p1", "folderId": "f", "content": "Hi"}
KEYS = {"one": "first", "two": "second", "boss": "bosses"}


def running(generation: str) -> DialServer:
    return DialServer(keys=KEYS, admin_keys=["boss"], generation=generation)


@pytest.fixture(params=["2024", "2026"])
def server(request: pytest.FixtureRequest) -> Iterator[DialServer]:
    with running(request.param) as server:
        yield server


@pytest.fixture
def newer() -> Iterator[DialServer]:
    with running("2026") as server:
        yield server


@pytest.fixture
def user(server: DialServer) -> Iterator[User]:
    with User(server.port, "one") as user:
        yield user


@pytest.fixture
def other(server: DialServer) -> Iterator[User]:
    with User(server.port, "two") as user:
        yield user


@pytest.fixture
def admin(server: DialServer) -> Iterator[User]:
    with User(server.port, "boss") as user:
        yield user


def test_the_table_of_endpoints_can_be_printed(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_module("aidial_min.testing", run_name="__main__")
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["2024", "2026", "DELETE", "/v1/files/{bucket}/{path}", "resources.delete_file"] in rows
    assert ["2026", "POST", "/v1/ops/resource/{verb:copy}", "resources.relocate"] in rows


def said(answer: Answer) -> str:
    return str(answer.json()["choices"][0]["message"]["content"])


# Callers


def test_tokens_have_buckets_of_their_own(server: DialServer) -> None:
    with User(server.port, claims={"sub": "ann", "roles": ["r"], "title": "Boss"}) as ann:
        with User(server.port, claims={"sub": "bob"}) as bob:
            assert ann.bucket != bob.bucket
            info = ann.get("/v1/user/info").json()
            newer = {key: info.pop(key) for key in ("userId", "userDisplayName") if key in info}
            assert info == {"roles": ["r"], "userClaims": {"sub": ["ann"], "roles": ["r"], "title": ["Boss"]}}
            assert newer in ({}, {"userId": "ann", "userDisplayName": "ann"})
            assert bob.get("/v1/user/info").json()["roles"] == []


@pytest.mark.parametrize("bad", ["Bearer a.b.c", "Bearer", "Bearer  x", "a.b.c", "Bearer e30.e30.x"])
def test_bad_tokens(server: DialServer, bad: str) -> None:
    with Raw(server.port) as raw:
        answer = raw.request("GET", "/v1/bucket", {"Authorization": bad})
        assert answer.status == 401
        expected = {
            "Bad Authorization header",
            "Unknown api key",
            "At least API-KEY or Authorization header must be provided",
        }
        assert answer.text in expected


def test_expired_tokens(server: DialServer) -> None:
    with User(server.port, claims={"exp": 1}) as user:
        assert user.get("/v1/bucket").status == 401


def test_keys_as_bearer_tokens(newer: DialServer) -> None:
    with Raw(newer.port) as raw:
        assert raw.request("GET", "/v1/bucket", {"Authorization": "Bearer one"}).status == 200
        assert raw.request("GET", "/v1/bucket", {"Authorization": "Bearer none"}).text == "Unknown api key"
        both = {"Api-Key": "one", "Authorization": "Bearer x"}
        assert raw.request("GET", "/v1/bucket", both).text == "Provided API key is not per request key"
        same = {"Api-Key": "one", "Authorization": "Bearer one"}
        assert raw.request("GET", "/v1/bucket", same).status == 200
        empty = {"Api-Key": "one", "Authorization": "Bearer"}
        assert raw.request("GET", "/v1/bucket", empty).status == 200


def test_unknown_routes(server: DialServer, user: User) -> None:
    answer = user.get("/v1/nope")
    newer = user.get("/version").text != "0.18.0-rc\n"
    assert (answer.status, answer.text) == ((404, "Route is not found") if newer else (502, "No route"))
    assert user.raw.request("PATCH", "/v1/nope", user.credentials).status == (404 if newer else 405)


def test_per_request_keys(server: DialServer, user: User) -> None:
    server.add_per_request_key("key-of-app", "some app", "one")
    with User(server.port, "key-of-app") as application:
        described = application.get("/v1/bucket").json()
        assert described["appdata"] == f"{user.bucket}/appdata/some%20app"
        assert described["bucket"] != user.bucket
        own = f"/v1/files/{described['appdata']}/x"
        assert application.upload(own, b"data").status == 200
        assert user.get(own).body == b"data"
        assert application.upload(f"/v1/files/{described['bucket']}/x", b"data").status == 200
        assert application.upload(f"/v1/files/{user.bucket}/x", b"data").status == 403


# Applications


def test_applications_are_called_by_their_url(server: DialServer, user: User, other: User) -> None:
    url = f"applications/{user.bucket}/my%20app"
    saved = user.put("/v1/" + url, {**APPLICATION, "iconUrl": "http://icon", "features": {"toolsSupported": True}})
    assert saved.json()["url"] == url
    assert said(user.chat(url, "6*7=")) == "42"
    assert said(user.chat(url.replace("/", "%2F"), "6*7=")) == "42"
    shown = user.get("/v1/" + url)
    assert shown.header("content-type") is None
    assert shown.json()["icon_url"] == "http://icon"
    assert shown.json()["features"] == {"tools_supported": True}
    assert shown.json()["name"] == url
    listed = [item["id"] for item in user.get("/openai/applications").json()["data"]]
    assert url in listed
    one = user.get("/openai/applications/" + url).json()
    assert one["features"]["tools"] is True
    assert other.chat(url, "x").status == 403
    assert url not in [item["id"] for item in other.get("/openai/applications").json()["data"]]
    assert user.chat(url + "-none", "x").text == f"Application is not found: {url}-none"
    assert user.chat("applications/nobody/x", "x").text == "Unknown application: applications/nobody/x"


def test_a_shared_application_shows_its_listing_shape(server: DialServer, user: User, other: User) -> None:
    url = f"applications/{user.bucket}/app"
    user.put("/v1/" + url, APPLICATION)
    share(user, other, url)
    assert other.get("/v1/" + url).json()["object"] == "application"
    assert "endpoint" not in other.get("/v1/" + url).json()
    assert said(other.chat(url, "1+1=")) == "2"
    assert url in [item["id"] for item in other.get("/openai/applications").json()["data"]]
    assert other.delete("/v1/" + url).status == 403


@pytest.mark.parametrize(
    "body, words",
    [
        ({"display_name": "x"}, "Application endpoint or function must be provided"),
        ({**APPLICATION, "max_input_attachments": "many"}, "Missing required property 'max_input_attachments'"),
        ({"function": {}}, "Application function runtime must be provided"),
        ({"function": {"runtime": "python"}}, "Application function mapping must be provided"),
        (
            {"function": {"runtime": "python", "mapping": {"completion": "x"}}},
            "Application completion mapping is missing/invalid",
        ),
        (
            {"function": {"runtime": "python", "mapping": {"completion": "/x"}}},
            "Application function source folder must be provided",
        ),
        (
            {"function": {"runtime": "python", "mapping": {"completion": "/x"}, "source_folder": "files/x"}},
            "Application function sources must be a valid file folder: files/x",
        ),
    ],
)
def test_applications_are_checked(user: User, body: Any, words: str) -> None:
    answer = user.put(f"/v1/applications/{user.bucket}/x", body)
    assert (answer.status, answer.text) == (400, words)


def test_the_life_of_a_function(server: DialServer, user: User, other: User) -> None:
    newer = user.get("/version").text != "0.18.0-rc\n"
    start, stop = ("deploy", "undeploy") if newer else ("start", "stop")
    url = f"applications/{user.bucket}/app"
    function = {
        "runtime": "python3.11",
        "sourceFolder": f"files/{user.bucket}/src/",
        "mapping": {"completion": "/chat"},
    }
    assert user.put("/v1/" + url, {"function": function}).status == 200

    def operate(operation: str, who: User = user) -> Answer:
        return who.post(f"/v1/ops/application/{operation}", {"url": url})

    def status() -> str:
        return str(user.get("/v1/" + url).json()["function"]["status"])

    assert status() == ("UNDEPLOYED" if newer else "CREATED")
    assert user.chat(url, "hi").status == 503
    assert operate("logs").text == f"Application is not started: {url}"
    assert operate(stop).status == 409
    assert operate(start, other).text == f"Forbidden operation for application: {url}"
    assert operate(start).json()["function"]["status"] == ("DEPLOYING" if newer else "STARTING")
    assert status() == ("DEPLOYED" if newer else "STARTED")
    assert said(user.chat(url, "hi there")) == "hi there"
    assert operate("logs").json()["logs"][0]["content"]
    assert operate(start).text == f"Application must be stopped: {url}"
    assert user.delete("/v1/" + url).text == f"Application must be stopped: {url}"
    moved = user.post("/v1/ops/resource/move", {"sourceUrl": url, "destinationUrl": url + "2"})
    assert (moved.status, moved.text) == (409, f"Application must be stopped: {url}")
    if newer:
        assert operate("redeploy").json()["function"]["status"] == "DEPLOYING"
    assert operate(stop).json()["function"]["status"] == ("UNDEPLOYING" if newer else "STOPPING")
    assert status() == ("UNDEPLOYED" if newer else "STOPPED")
    assert user.delete("/v1/" + url).status == 200
    assert operate(start).text == f"Application is not found: {url}"
    user.put("/v1/" + url, APPLICATION)
    assert operate(start).text == f"Application does not have function: {url}"


# Sharing


def share(owner: User, receiver: User, url: str, *rights: str) -> str:
    link: dict[str, Any] = {"url": url}
    if rights:
        link["permissions"] = list(rights)
    created = owner.post("/v1/ops/resource/share/create", {"invitationType": "link", "resources": [link]})
    path = str(created.json()["invitationLink"])
    assert receiver.get(path + "?accept=true").status == 200
    return path


def test_shared_folders(server: DialServer, user: User, other: User) -> None:
    folder = f"files/{user.bucket}/f/"
    user.upload(f"/v1/{folder}deep/x", b"x")
    assert other.get("/v1/metadata/" + folder).status == 403
    share(user, other, folder)
    assert other.get(f"/v1/{folder}deep/x").body == b"x"
    assert other.upload(f"/v1/{folder}y", b"y").status == 403
    listed = other.get(f"/v1/metadata/{folder}?permissions=true").json()
    assert listed["permissions"] == ["READ"]
    mine = other.post("/v1/ops/resource/share/list", {"resourceTypes": ["FILE"], "with": "me"}).json()["resources"]
    assert mine == [
        {
            "name": "f", "parentPath": None, "bucket": user.bucket, "url": folder, "nodeType": "FOLDER",
            "resourceType": "FILE", "permissions": ["READ"], "items": None,
        }
    ]  # fmt: skip
    assert other.post("/v1/ops/resource/share/list", {"resourceTypes": ["PROMPT"], "with": "me"}).json() == {
        "resources": []
    }


def test_write_alone_does_not_read(server: DialServer, user: User, other: User) -> None:
    url = f"files/{user.bucket}/x"
    user.upload("/v1/" + url, b"x")
    share(user, other, url, "WRITE")
    assert other.upload("/v1/" + url, b"y").status == 200
    assert other.get("/v1/" + url).status == 403
    share(user, other, url, "read")
    assert other.get("/v1/" + url).body == b"y"
    assert (
        user.post("/v1/ops/resource/share/revoke", {"resources": [{"url": url, "permissions": ["WRITE"]}]}).status
        == 200
    )
    assert other.upload("/v1/" + url, b"z").status == 403
    assert other.get("/v1/" + url).status == 200
    assert other.post("/v1/ops/resource/share/discard", {"resources": [{"url": url}]}).status == 200
    assert other.get("/v1/" + url).status == 403


def test_deleting_ends_shares_and_invitations(server: DialServer, user: User, other: User) -> None:
    url = f"prompts/{user.bucket}/x"
    user.put("/v1/" + url, PROMPT)
    path = share(user, other, url)
    assert other.get(path).json()["resources"] == [{"url": url, "permissions": ["READ"]}]
    user.delete("/v1/" + url)
    assert other.get(path).text == "No invitation found for ID " + path.rsplit("/", 1)[1]
    user.put("/v1/" + url, PROMPT)
    assert other.get("/v1/" + url).status == 403


def test_copying_shared_access(server: DialServer, user: User, other: User) -> None:
    urls = [f"prompts/{user.bucket}/{name}" for name in "ab"]
    for url in urls:
        user.put("/v1/" + url, PROMPT)
    share(user, other, urls[0])
    body = {"sourceUrl": urls[0], "destinationUrl": urls[1]}
    assert user.post("/v1/ops/resource/share/copy", body).status == 200
    assert other.get("/v1/" + urls[1]).status == 200
    same = user.post("/v1/ops/resource/share/copy", {**body, "destinationUrl": urls[0]})
    assert same.text == "source and destination cannot be the same"
    assert other.post("/v1/ops/resource/share/copy", body).text == "sourceUrl does not belong to the user"


def test_a_share_that_core_cannot_read_back_spoils_no_other_list(server: DialServer, user: User, other: User) -> None:
    """Core writes ':' as it is and refuses to read some of that: its owner's list fails, and nobody else's."""
    urls = [f"files/{user.bucket}/a", f"files/{user.bucket}/12%3A30"]
    for url in urls:
        user.upload("/v1/" + url, b"x")
    share(user, other, urls[0])
    names = {"sourceUrl": urls[0], "destinationUrl": urls[1]}
    assert user.post("/v1/ops/resource/share/copy", names).status == 200
    assert user.post("/v1/ops/resource/share/list", {"resourceTypes": ["FILE"], "with": "others"}).status == 500
    listed = other.post("/v1/ops/resource/share/list", {"resourceTypes": ["FILE"], "with": "others"})
    assert (listed.status, listed.json()) == (200, {"resources": []})


def test_sharing_on(newer: DialServer) -> None:
    """Whoever has SHARE may share what is not his own (2026)."""
    with User(newer.port, "one") as user, User(newer.port, "two") as other, User(newer.port, "boss") as third:
        url = f"files/{user.bucket}/x"
        user.upload("/v1/" + url, b"x")
        share(user, other, url, "READ")
        body = {"invitationType": "link", "resources": [{"url": url}]}
        refused = other.post("/v1/ops/resource/share/create", body)
        assert (refused.status, refused.text) == (400, f"Resource {url} is not allowed to be shared by the user")
        share(user, other, url, "SHARE")
        share(other, third, url)
        listed = user.post("/v1/ops/resource/share/list", {"resourceTypes": ["FILE"], "with": "others"}).json()
        assert listed["resources"][0]["permissions"] == ["READ", "SHARE"]
        told = {"resourceTypes": ["FILE"], "with": "me", "includeUserInfo": True}
        assert other.post("/v1/ops/resource/share/list", told).json()["resources"][0]["sharedBy"] == "first"


def test_nobody_shares_what_belongs_to_others(server: DialServer, user: User, other: User) -> None:
    url = f"files/{other.bucket}/x"
    answer = user.post("/v1/ops/resource/share/create", {"invitationType": "link", "resources": [{"url": url}]})
    assert answer.status == 400
    assert answer.text.startswith(f"Resource {url} ")


def test_sharing_and_listing_at_once(server: DialServer) -> None:
    """Lists are made from what is there at one moment, while others give and take."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    problems: list[str] = []

    def share(key: str) -> None:
        with User(server.port, key) as owner, User(server.port) as reader:
            bucket = owner.bucket
            for number in range(10):
                url = f"files/{bucket}/{number}"
                body = {"invitationType": "link", "resources": [{"url": url}]}
                link = owner.post("/v1/ops/resource/share/create", body).json()
                answers = [reader.get(link["invitationLink"] + "?accept=true"), owner.get("/v1/invitations")]
                for person, whose in ((reader, "me"), (owner, "others")):
                    asked = {"resourceTypes": ["FILE"], "with": whose}
                    answers.append(person.post("/v1/ops/resource/share/list", asked))
                problems.extend(answer.text for answer in answers if answer.status != 200)

    try:
        threads = [threading.Thread(target=share, args=(key,)) for key in ("one", "two") for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
    finally:
        sys.setswitchinterval(before)
    assert not problems


def test_a_slow_client_keeps_nobody_from_the_storage(server: DialServer, user: User) -> None:
    bucket = user.bucket
    with Raw(server.port) as slow:
        headers = {**user.credentials, "Content-Length": "99"}
        slow.send(request_bytes("POST", "/v1/ops/publication/list", headers))
        until(lambda: server.requests[-1].path == "/v1/ops/publication/list")
        time.sleep(0.05)
        assert user.upload(f"/v1/files/{bucket}/x", b"x").status == 200


def test_invitations(server: DialServer, user: User, other: User) -> None:
    url = f"files/{user.bucket}/x"
    link = user.post("/v1/ops/resource/share/create", {"invitationType": "link", "resources": [{"url": url}]}).json()
    path = link["invitationLink"]
    mine = user.get("/v1/invitations").json()["invitations"]
    assert [item["id"] for item in mine] == [path.rsplit("/", 1)[1]]
    assert mine[0]["expireAt"] - mine[0]["createdAt"] == 259_200_000
    assert other.get("/v1/invitations").json() == {"invitations": []}
    assert user.get(path + "?accept=true").text == f"Resource {url} already belong to you"
    assert other.delete(path).text == "You are not invitation owner"
    assert user.delete(path).status == 200
    assert user.get(path).status == 404
    assert user.delete("/v1/invitations/nonsense").status == 404


def test_invitations_expire() -> None:
    now = [1_000_000.0]
    with DialServer(keys=KEYS, clock=lambda: now[0]) as server, User(server.port, "one") as user:
        links = {"invitationType": "link", "resources": [{"url": f"files/{user.bucket}/x"}]}
        path = user.post("/v1/ops/resource/share/create", links).json()["invitationLink"]
        now[0] += 259_201
        assert user.get(path).status == 404
        assert user.get("/v1/invitations").json() == {"invitations": []}


@pytest.mark.parametrize(
    "operation, body, words",
    [
        ("create", {"invitationType": "link", "resources": []}, "No resources provided"),
        ("create", {"made_up": 1}, "Can't initiate share request. Incorrect body"),
        ("create", {"resources": [{"url": "nonsense"}]}, "Incorrect resource link provided nonsense"),
        ("create", {"resources": [{"url": "files/B/x"}, {"url": "files/B/x"}]}, "Duplicated resource: files/B/x"),
        ("discard", {"resources": []}, "No resources provided"),
        ("revoke", {"resources": [{"url": "files/O/x"}]}, "You are only allowed to revoke access from own resources"),
    ],
)
def test_sharing_refuses(user: User, other: User, operation: str, body: Any, words: str) -> None:
    buckets = {"/B/": f"/{user.bucket}/", "/O/": f"/{other.bucket}/"}
    text = json.dumps(body)
    for name, value in buckets.items():
        text, words = text.replace(name, value), words.replace(name, value)
    answer = user.post(f"/v1/ops/resource/share/{operation}", text.encode())
    assert (answer.status, answer.text) == (400, words)


# Publications


def publish(user: User, url: str, target: str, **more: Any) -> Answer:
    kind = url.split("/")[0]
    resource = {"action": "ADD", "sourceUrl": url, "targetUrl": f"{kind}/{target}"}
    folder = target.rsplit("/", 1)[0] + "/"
    return user.post(
        "/v1/ops/publication/create", {"name": "n", "targetFolder": folder, "resources": [resource], **more}
    )


def test_a_target_folder_is_spelt_as_core_spells_it(user: User) -> None:
    url = f"files/{user.bucket}/x"
    user.upload("/v1/" + url, b"x", "a/b")
    created = publish(user, url, "public/a%3Ab%26c/x")
    assert (created.status, created.json()["targetFolder"]) == (200, "public/a:b&c/")
    refused = publish(user, url, "public/a%2Fb/x")
    assert (refused.status, refused.text) == (400, "Bad resource url: public/a%2Fb/")


def test_publishing_and_unpublishing(server: DialServer, user: User, other: User, admin: User) -> None:
    url = f"files/{user.bucket}/x"
    user.upload("/v1/" + url, b"x", "a/b")
    created = publish(user, url, "public/folder/x").json()
    assert (created["status"], created["resourceTypes"]) == ("PENDING", ["FILE"])
    review = created["resources"][0]["reviewUrl"]
    assert user.get("/v1/" + review).body == b"x"
    assert admin.get("/v1/" + review).body == b"x"
    assert other.get("/v1/" + review).status == 403
    assert user.upload("/v1/" + review, b"y").status == 403
    assert other.get("/v1/files/public/folder/x").status == 404
    assert admin.post("/v1/ops/publication/approve", {"url": created["url"]}).json()["status"] == "APPROVED"
    got = other.get("/v1/files/public/folder/x")
    assert (got.body, got.header("content-type")) == (b"x", "a/b")
    assert other.upload("/v1/files/public/folder/x", b"y").status == 403
    assert user.get("/v1/" + review).status == 404
    again = admin.post("/v1/ops/publication/approve", {"url": created["url"]})
    assert (again.status, again.text) == (404, f"Publication is already finalized: {created['url']}")
    assert publish(user, url, "public/folder/x").text == "Target resource already exists: files/public/folder/x"
    gone = {"targetFolder": "public/folder/", "resources": [{"action": "DELETE", "targetUrl": "files/public/folder/x"}]}
    removal = user.post("/v1/ops/publication/create", gone).json()
    assert admin.post("/v1/ops/publication/approve", {"url": removal["url"]}).status == 200
    assert other.get("/v1/files/public/folder/x").status == 404


def test_rejecting(server: DialServer, user: User, admin: User) -> None:
    url = f"prompts/{user.bucket}/x"
    user.put("/v1/" + url, PROMPT)
    created = publish(user, url, "public/x").json()
    body = {"url": created["url"], "comment": "too long"}
    assert admin.post("/v1/ops/publication/reject", body).json()["status"] == "REJECTED"
    notes = user.post("/v1/ops/notification/list", {}).json()["notifications"]
    assert [note["message"] for note in notes] == ["Your request has been rejected by admin: too long"]
    assert user.post("/v1/ops/notification/delete", {"ids": []}).text == "Notification IDs cannot be empty"
    assert user.post("/v1/ops/notification/delete", {"ids": [notes[0]["id"]]}).status == 200
    assert user.post("/v1/ops/notification/list", b"").json() == {"notifications": []}


def test_rules_let_in_whom_they_name(server: DialServer, user: User, admin: User) -> None:
    url = f"files/{user.bucket}/x"
    user.upload("/v1/" + url, b"x")
    rules = [
        {"source": "title", "function": "CONTAIN", "targets": ["boss"]},
        {"source": "roles", "function": "EQUAL", "targets": ["READER"]},
        {"source": "email", "function": "REGEX", "targets": [".*@example.org"]},
    ]
    created = publish(user, url, "public/closed/x", rules=rules).json()
    admin.post("/v1/ops/publication/approve", {"url": created["url"]})
    for claims, status in (
        ({"title": "The Boss"}, 200),
        ({"roles": ["reader"]}, 200),
        ({"email": "a@example.org"}, 200),
        ({"email": "a@example.com"}, 403),
        ({"title": 5, "email": True}, 403),
        ({}, 403),
    ):
        with User(server.port, claims=claims) as reader:
            assert reader.get("/v1/files/public/closed/x").status == status
            listed = reader.get("/v1/metadata/files/public/").json()["items"]
            assert len(listed) == (1 if status == 200 else 0)
            rules_seen = reader.post("/v1/ops/publication/rule/list", {"url": "public/closed/"})
            assert rules_seen.status == status
    assert admin.get("/v1/files/public/closed/x").status == 200


@pytest.mark.parametrize(
    "body, status, words",
    [
        ({"resources": []}, 400, 'Publication "targetFolder" is missing'),
        ({"targetFolder": "public/f/"}, 400, "Publication must have at least one resource or rule"),
        ({"targetFolder": "public/", "rules": [{}]}, 400, "Rules are not allowed for root targetFolder"),
        ({"targetFolder": "public/f/", "resources": [{}]}, 400, 'Resource "action" is missing'),
        ({"targetFolder": "public/f/", "rules": [{"source": "x"}]}, 400, "Rule does not have function"),
        (
            {"targetFolder": "public/f/", "rules": [{"function": "EQUAL", "source": "x"}]}, 400,
            "Rule EQUAL does not have targets",
        ),
        (
            {"targetFolder": "public/f/", "resources": [{"action": "ADD", "targetUrl": "files/public/f/"}]},
            400, "Target resource is folder: files/public/f/",
        ),
        (
            {"targetFolder": "public/f/", "resources": [{"action": "ADD", "targetUrl": "files/public/g/x"}]},
            400, "Target resource folder does not match with target folder: files/public/g/x",
        ),
        (
            {"targetFolder": "private/f/", "resources": [{"action": "ADD"}]},
            400, 'Publication "targetUrl" must start with: public and ends with: /',
        ),
        (
            {"targetFolder": "public/f/", "resources": [{"action": "DELETE", "targetUrl": "files/public/f/none"}]},
            400, "Target resource does not exists: files/public/f/none",
        ),
        (
            {
                "targetFolder": "public/f/",
                "resources": [{"action": "ADD", "sourceUrl": "files/OTHER/x", "targetUrl": "files/public/f/x"}],
            },
            403, "You don't have permission to access resource files/OTHER/x",
        ),
    ],
)  # fmt: skip
def test_publications_are_checked(user: User, other: User, body: Any, status: int, words: str) -> None:
    text = json.dumps(body).replace("OTHER", other.bucket)
    answer = user.post("/v1/ops/publication/create", text.encode())
    assert (answer.status, answer.text) == (status, words.replace("OTHER", other.bucket))


def test_an_administrator_updates(newer: DialServer) -> None:
    with User(newer.port, "one") as user, User(newer.port, "boss") as admin:
        url = f"files/{user.bucket}/x"
        user.upload("/v1/" + url, b"x")
        created = publish(user, url, "public/x").json()
        assert created["author"] == "first"
        body = {"url": created["url"], "name": "better"}
        assert admin.post("/v1/ops/publication/update", body).json()["name"] == "better"
        assert user.post("/v1/ops/publication/get", {"url": created["url"]}).json()["name"] == "better"


# Listings, toolsets, permissions and channels of 2026


def test_listings_of_2026(newer: DialServer) -> None:
    with User(newer.port, "one") as user:
        kinds = {item["object"] for item in user.get("/openai/deployments").json()["data"]}
        assert kinds == {"model"}
        url = f"applications/{user.bucket}/my%20app"
        user.put("/v1/" + url, APPLICATION)
        user.put(f"/v1/toolsets/{user.bucket}/t", {"endpoint": "http://x", "displayName": "T", "allowed_tools": ["a"]})
        names = user.get("/v1/deployment-names").json()
        assert {"id": "gpt-35-turbo", "object": "model"} in names
        assert {"id": url, "object": "application"} in names
        assert user.get("/v1/deployment-names?type=toolset").json() == [
            {"id": f"toolsets/{user.bucket}/t", "object": "toolset"}
        ]
        by_interface = {
            name: {item["id"] for item in user.get(f"/v1/deployments?interface_type={name}").json()}
            for name in ("chat", "embedding", "mcp", "all")
        }
        assert by_interface["embedding"] == {"embedding"}
        assert by_interface["mcp"] == {f"toolsets/{user.bucket}/t"}
        assert "echo" in by_interface["chat"]
        assert by_interface["all"] >= by_interface["chat"] | by_interface["embedding"]
        assert user.get("/v1/deployments/echo").json()["interfaces"] == ["chat", "openaiResponses"]
        assert isinstance(user.get("/openai/models/gpt-35-turbo").json()["features"]["reasoning_efforts"], list)
        assert "weekTokenStats" in user.get("/v1/deployments/gpt-35-turbo/limits").json()
        assert "gpt-35-turbo" in user.get("/v1/user/limits").json()["deployments"]
        assert "echo" in user.get("/v1/user/limits?deploymentTypes=model,application").json()["deployments"]
        assert user.get("/v1/user/usage").json()["deployments"] == {}
        user.chat("gpt-35-turbo", "2+3=")
        used = user.get("/v1/user/usage").json()["deployments"]
        assert list(used) == ["gpt-35-turbo"] and "resetsAt" in used["gpt-35-turbo"]["dayTokenStats"]
        assert user.get("/v1/deployments/gpt-35-turbo/usage").json() == used["gpt-35-turbo"]
        assert user.get("/openai/addons").status == 404
        by_model = {"model": "echo", "messages": [{"role": "user", "content": "hi"}]}
        assert said(user.post("/openai/v1/chat/completions", by_model)) == "hi"
        assert user.post("/openai/v1/chat/completions", {"messages": []}).text == "model is required"


def test_toolsets(newer: DialServer) -> None:
    with User(newer.port, "one") as user:
        url = f"toolsets/{user.bucket}/my%20tools"
        assert user.put("/v1/" + url, {"transport": "HTTP"}).status == 400
        assert (
            user.put("/v1/" + url, {"endpoint": "http://x", "allowedTools": ["search"]}).json()["resourceType"]
            == "TOOL_SET"
        )
        one = user.get("/openai/toolsets/" + url).json()
        assert (one["toolset"], one["allowed_tools"]) == (url, ["search"])
        assert one["auth_settings"]["user_level_auth_status"] == "SIGNED_OUT"
        settings = {"authentication_type": "API_KEY", "api_key_header": "X-Key", "client_secret": "hidden"}
        toolset = {"endpoint": "http://x", "allowed_tools": ["search"], "auth_settings": settings}
        user.put("/v1/" + url, toolset)
        assert user.get(f"/v1/toolset/{url}/tools").status == 401
        id = f"toolsets/{user.bucket}/my tools"
        body = {"url": id, "credentialsLevel": "USER", "authenticationType": "API_KEY", "apiKey": "x"}
        wrong = user.post("/v1/ops/toolset/signin", {**body, "authenticationType": "OAUTH"})
        assert wrong.text == "Wrong authentication_type. Expected type: API_KEY, provided: OAUTH"
        assert user.post("/v1/ops/toolset/signin", body).json() is True
        assert user.get("/openai/toolsets").json()["data"][0]["auth_settings"]["user_level_auth_status"] == "SIGNED_IN"
        (tool,) = user.get(f"/v1/toolset/{url}/tools").json()["tools"]
        assert tool == {"name": "search", "inputSchema": {"type": "object", "properties": {}}}
        assert user.get(f"/v1/toolset/{url}/allowed-tools").json() == {"tools": [tool]}
        assert "hidden" not in user.get("/v1/" + url).text
        assert user.post("/v1/ops/toolset/signout", body).json() is True
        assert user.post("/v1/ops/toolset/signout", body).json() is False
        assert user.get("/openai/toolsets/none").status == 404
        unknown = {**body, "url": id + "-none"}
        assert user.post("/v1/ops/toolset/signin", unknown).text == f"Resource is not found: {url}-none"
        assert user.get(f"/v1/metadata/{url}").json()["name"] == "my tools"


def test_usage_of_models_in_2026(newer: DialServer) -> None:
    with User(newer.port, "one") as user:
        events = user.chat("gpt-35-turbo", "2+3=", stream=True).events()
        assert events[-2] == {
            "object": "chat.completion.chunk",
            "choices": [],
            "statistics": {
                "usage_per_model": [
                    {"index": 0, "model": "gpt-35-turbo", "prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
                ]
            },
        }
        assert events[-1] == "[DONE]"
        assert "statistics" in user.chat("gpt-35-turbo", "2+3=").json()


def test_permissions_between_applications(newer: DialServer) -> None:
    newer.add_per_request_key("key-a", "app-a", "one")
    newer.add_per_request_key("key-b", "app-b", "one")
    path = "/v1/ops/resource/per-request-permissions/"
    with User(newer.port, "one") as user, User(newer.port, "key-a") as a, User(newer.port, "key-b") as b:
        appdata = a.get("/v1/bucket").json()["appdata"]
        a.upload(f"/v1/files/{appdata}/x", b"x")
        assert b.get(f"/v1/files/{appdata}/x").status == 403
        body = {"resourcePermissions": [{"url": f"files/{appdata}/x", "permissions": ["READ"]}], "receiver": "app-b"}
        refused = user.post(path + "grant", body)
        assert (refused.status, refused.text) == (401, "Operation is only permitted by per request API key")
        assert a.post(path + "grant", body).body == b""
        assert b.get(f"/v1/files/{appdata}/x").body == b"x"
        links = [{"url": f"files/{appdata}/x", "permissions": ["READ"]}]
        assert b.post(path + "list", {"with": "ME"}).json() == {"resources": links}
        others = a.post(path + "list", {"with": "OTHERS"}).json()
        assert others == {"receivers": [{"receiver": "app-b", "resourcePermissions": links}]}
        assert a.post(path + "grant", {"receiver": "app-b"}).text == "Not valid JSON body"
        assert a.post(path + "grant", {"resourcePermissions": []}).text == "Not valid JSON body"
        foreign = {**body, "resourcePermissions": [{"url": f"files/{user.bucket}/y", "permissions": ["READ"]}]}
        assert a.post(path + "grant", foreign).text == f"Access to resource is forbidden: files/{user.bucket}/y"
        assert a.post(path + "revoke", body).status == 200
        assert b.get(f"/v1/files/{appdata}/x").status == 403


def test_a_client_channel(newer: DialServer) -> None:
    path = "/v1/ops/client-channel/"
    headers = {"Api-Key": "one", "Content-Type": "application/json"}
    with Raw(newer.port) as client, Raw(newer.port) as application, User(newer.port, "one") as user:
        client.send(request_bytes("POST", path + "subscribe", headers))
        names = dict(client.head()[3])
        channel = names["X-DIAL-CLIENT-CHANNEL-ID"]
        named = {**headers, "X-DIAL-CLIENT-CHANNEL-ID": channel}
        asked = [
            {"jsonrpc": "2.0", "method": "toolset/signin", "params": {"toolsetId": name}, "id": str(number)}
            for number, name in enumerate("ab", start=1)
        ]
        application.send(request_bytes("POST", path + "interact", named, json.dumps(asked).encode()))
        application.head()
        seen = [json.loads(client.chunk()[6:]) for _ in range(2)]
        assert [request["id"] for request in seen] == ["first/1", "first/2"]
        for request, result in zip(seen, ("success", "denied")):
            answer = {"jsonrpc": "2.0", "id": request["id"], "result": result}
            assert user.post(path + "report", answer, X_DIAL_CLIENT_CHANNEL_ID=channel).status == 200
        assert json.loads(application.chunk()[6:]) == [
            {"id": "1", "result": "success", "jsonrpc": "2.0"},
            {"id": "2", "result": "denied", "jsonrpc": "2.0"},
        ]
        assert user.post(path + "unsubscribe", b"", X_DIAL_CLIENT_CHANNEL_ID=channel).status == 200
        gone = user.post(path + "unsubscribe", b"", X_DIAL_CLIENT_CHANNEL_ID=channel)
        assert (gone.status, gone.text) == (404, "Channel is not found")
        assert user.post(path + "report", {}).text == "Channel ID is missed"


def test_what_a_channel_is_asked_meanwhile_waits_for_its_client(newer: DialServer) -> None:
    path = "/v1/ops/client-channel/"
    with Raw(newer.port) as client:
        client.send(request_bytes("POST", path + "subscribe", {"Api-Key": "one"}))
        channel = dict(client.head()[3])["X-DIAL-CLIENT-CHANNEL-ID"]
    headers = {"Api-Key": "one", "X-DIAL-CLIENT-CHANNEL-ID": channel, "Content-Type": "application/json"}
    with Raw(newer.port) as application, Raw(newer.port) as client:
        request = {"jsonrpc": "2.0", "method": "toolset/signin", "params": {"toolsetId": "a"}, "id": "1"}
        application.send(request_bytes("POST", path + "interact", headers, json.dumps(request).encode()))
        application.head()
        client.send(request_bytes("POST", path + "subscribe", headers))
        assert "X-DIAL-CLIENT-CHANNEL-ID" not in dict(client.head()[3])
        assert json.loads(client.chunk()[6:])["id"] == "first/1"


@pytest.mark.parametrize(
    "named, body, code, message",
    [
        ({}, b"[]", -32000, "Channel ID is missed"),
        ({"X-DIAL-CLIENT-CHANNEL-ID": "x"}, b"{", -32700, "Parse error"),
        (
            {"X-DIAL-CLIENT-CHANNEL-ID": "x"},
            b'{"jsonrpc":"2.0","method":"m","id":1}',
            -32000,
            "Client channel is not found for the given ID: x",
        ),
    ],
)
def test_channel_errors_are_events(newer: DialServer, named: Any, body: bytes, code: int, message: str) -> None:
    headers = {"Api-Key": "one", "Content-Type": "application/json", **named}
    with Raw(newer.port) as raw:
        raw.send(request_bytes("POST", "/v1/ops/client-channel/interact", headers, body))
        assert raw.head()[1] == 200
        told = json.loads(raw.chunk()[6:])
        assert told == {"id": None, "error": {"code": code, "message": message}, "jsonrpc": "2.0"}
        assert raw.nothing_comes(0.1)  # and no end of the stream


# Skills


MANIFEST = b"---\nname: tone\ndescription: How we write\n---\n# Tone\n"


def skill_body(files: dict[str, bytes]) -> bytes:
    body = b""
    for name, content in files.items():
        body += b'--B\r\nContent-Disposition: form-data; name="file"; filename="' + name.encode() + b'"\r\n\r\n'
        body += content + b"\r\n"
    return body + b"--B--\r\n"


def put_skill(user: User, path: str, files: dict[str, bytes], **headers: str) -> Answer:
    given = {**user.credentials, **UPLOAD, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return user.raw.request("PUT", path, given, skill_body(files))


def test_skills(newer: DialServer) -> None:
    with User(newer.port, "one") as user, User(newer.port, "two") as other:
        path = f"/v2/skills/{user.bucket}/writing/tone"
        files = {"SKILL.md": MANIFEST, "scripts/run.py": b"print()", "scripts/deep/x.bin": b"\x00\r\n--C"}
        put = put_skill(user, path, files)
        etag = str(put.header("etag"))
        assert (put.status, put.body) == (200, b"")
        got = user.get(path)
        assert got.header("content-type") == "application/zip"
        assert got.header("etag") == etag
        with zipfile.ZipFile(io.BytesIO(got.body)) as archive:
            assert {name: archive.read(name) for name in archive.namelist()} == files
        assert user.get(path, If_None_Match=etag).status == 304
        assert put_skill(user, path, files).status == 412
        assert put_skill(user, path, files, If_Match="other").status == 412
        changed = put_skill(user, path, {"SKILL.md": MANIFEST, "a.txt": b"x"}, If_Match="*")
        assert changed.header("etag") != etag
        with zipfile.ZipFile(io.BytesIO(user.get(path).body)) as archive:
            assert archive.namelist() == ["SKILL.md", "a.txt"]
        one = user.get(path + "/files/a.txt")
        assert (one.body, one.header("content-type")) == (b"x", "text/plain")
        assert (
            user.raw.request(
                "PUT", path + "/files/b/c.md", {**user.credentials, **UPLOAD}, skill_body({"x": b"y"})
            ).status
            == 200
        )
        assert user.get(path + "/files/b/c.md").body == b"y"
        assert user.get(path + "/files/none").status == 404
        assert user.delete(path + "/files/SKILL.md").text == "SKILL.md cannot be deleted"
        assert user.delete(path + "/files/a.txt").status == 200
        assert user.delete(path + "/files/a.txt").text == "File not found: a.txt"
        assert other.get(path).status == 403
        assert user.delete(path, If_Match="other").status == 412
        assert user.delete(path).status == 200
        assert user.get(path).status == 404


def test_a_skill_that_comes_slowly_keeps_nobody_waiting(newer: DialServer) -> None:
    with User(newer.port, "one") as slow, User(newer.port, "two") as other:
        path = f"/v2/skills/{slow.bucket}/slow"
        sent = request_bytes("PUT", path, {**slow.credentials, **UPLOAD}, skill_body({"SKILL.md": MANIFEST}))
        slow.raw.send(sent[:-9])
        until(lambda: [request for request in newer.requests.where(path=path) if request.body_size])
        assert put_skill(other, f"/v2/skills/{other.bucket}/quick", {"SKILL.md": MANIFEST}).status == 200
        slow.raw.send(sent[-9:])
        assert slow.raw.answer("PUT").status == 200


def test_listing_skills(newer: DialServer) -> None:
    with User(newer.port, "one") as user:
        bucket = user.bucket
        for name in ("tone", "writing/a", "writing/b", "writing/deep/c"):
            put_skill(user, f"/v2/skills/{bucket}/{name}", {"SKILL.md": MANIFEST, "scripts/x": b"x"})
        root = user.get(f"/v2/metadata/skills/{bucket}/").json()
        assert [(item["name"], item["nodeType"]) for item in root["items"]] == [("tone", "ITEM"), ("writing", "FOLDER")]
        assert "updatedAt" in root["items"][0]
        assert "contentLength" not in root["items"][0]
        assert root["items"][1] == {
            "name": "writing", "parentPath": None, "bucket": bucket, "url": f"skills/{bucket}/writing/",
            "nodeType": "FOLDER", "resourceType": "SKILL",
        }  # fmt: skip
        found: list[str] = []
        token = ""
        for _ in range(5):
            page = user.get(f"/v2/metadata/skills/{bucket}/?recursive=true&limit=2{token}").json()
            found += [item["url"] for item in page["items"]]
            if "nextToken" not in page:
                break
            token = "&token=" + page["nextToken"].replace("/", "%2F")
        assert len(found) == 6
        inside = user.get(f"/v2/metadata/skills/{bucket}/tone/files").json()
        assert [(item["name"], item["nodeType"]) for item in inside["items"]] == [
            ("SKILL.md", "ITEM"),
            ("scripts", "FOLDER"),
        ]
        assert inside["items"][0]["url"] == f"skills/{bucket}/tone/files/SKILL.md"
        deeper = user.get(f"/v2/metadata/skills/{bucket}/tone/files/scripts/").json()
        assert [item["name"] for item in deeper["items"]] == ["x"]
        flat = user.get(f"/v2/metadata/skills/{bucket}/tone/files?recursive=true").json()
        assert [item["nodeType"] for item in flat["items"]] == ["ITEM", "ITEM"]
        assert user.get(f"/v2/metadata/skills/{bucket}/none/").status == 404
        assert user.get(f"/v2/metadata/skills/{bucket}/none/files").status == 404
        assert user.get(f"/v2/skills/{bucket}/writing/").status == 400
        assert user.delete(f"/v2/skills/{bucket}/writing/").status == 409
        assert user.put(f"/v2/skills/{bucket}/new/", b"").status == 200
        assert user.delete(f"/v2/skills/{bucket}/new/").status == 200


@pytest.mark.parametrize(
    "path, files, words",
    [
        ("x", {"a": b"x"}, "Skill must contain a SKILL.md at its root"),
        ("x", {"SKILL.md": b"# no head"}, "SKILL.md must start with YAML frontmatter delimited by '---'"),
        ("x", {"SKILL.md": b"---\nname: x\n---\n"}, "SKILL.md frontmatter must define a non-empty 'description'"),
        ("files", {"SKILL.md": MANIFEST}, "Reserved resource name: files"),
        ("x", {"SKILL.md": MANIFEST, "../up": b"x"}, "Invalid file path: ../up"),
        ("x", {}, "At least one file is required"),
        ("there/below", {"SKILL.md": MANIFEST}, "Cannot create inside a DIAL resource: skills/B/there/"),
    ],
)
def test_skills_are_checked(newer: DialServer, path: str, files: dict[str, bytes], words: str) -> None:
    with User(newer.port, "one") as user:
        put_skill(user, f"/v2/skills/{user.bucket}/there", {"SKILL.md": MANIFEST})
        answer = put_skill(user, f"/v2/skills/{user.bucket}/{path}", files)
        assert (answer.status, answer.text) == (400, words.replace("/B/", f"/{user.bucket}/"))


# Completions, embeddings, features, limits


METADATA = "application/vnd.dial.metadata+json"


@pytest.mark.parametrize("value", [b"NaN", b"-Infinity", b"[" * 100_000], ids=["NaN", "Infinity", "nested"])
def test_what_is_no_json(user: User, value: bytes) -> None:
    """Python's own reader takes the first two, and gives up on the third with an error of another kind."""
    paths = ["/openai/deployments/echo/chat/completions", "/v1/ops/resource/move", f"/v1/prompts/{user.bucket}/x"]
    for path in paths:
        send = user.put if path.startswith("/v1/prompts") else user.post
        assert send(path, b'{"messages": [], "temperature": ' + value + b"}").status == 400


@pytest.mark.parametrize(
    "message, status",
    [
        ({"content": [{"type": "image_url", "image_url": {"url": "files/OTHER/x.png"}}]}, 403),
        ({"content": [{"type": "image_url", "image_url": {"url": "files/OWN/x.png"}}]}, 200),
        ({"content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,xyz"}}]}, 200),
        ({"content": [{"type": "text", "text": "files/OTHER/x.png"}]}, 200),
        ({"content": "", "custom_content": {"attachments": [{"type": METADATA, "url": "metadata/files/OWN/f/"}]}}, 200),
        (
            {"content": "", "custom_content": {"attachments": [{"type": METADATA, "url": "metadata/files/OTHER/f/"}]}},
            403,
        ),
        ({"content": "", "custom_content": {"attachments": [{"type": METADATA, "url": "files/OWN/f/"}]}}, 400),
        ({"content": "", "custom_content": {"attachments": [{"type": METADATA, "url": "http://x/f/"}]}}, 200),
        ({"content": "", "custom_content": {"attachments": [{"type": "a/b", "url": "files/OTHER/x"}]}}, 403),
        ({"content": "", "custom_content": {"attachments": [{"type": "a/b", "data": "files/OTHER/x"}]}}, 200),
        ({"content": "", "custom_content": {"stages": [{"attachments": [{"url": "files/OTHER/x"}]}]}}, 403),
        ({"content": "", "custom_content": {"stages": None}}, 400),
        ({"content": "", "custom_content": {"stages": [{"attachments": None}]}}, 400),
    ],
)
def test_attachments(user: User, other: User, message: Any, status: int) -> None:
    text = json.dumps({"messages": [{"role": "user", **message}]})
    text = text.replace("OTHER", other.bucket).replace("OWN", user.bucket)
    answer = user.post("/openai/deployments/echo/chat/completions", text.encode())
    assert answer.status == status
    if status == 403:
        assert answer.text.startswith(f"Access denied to the file files/{other.bucket}/")
    if status == 400:
        assert answer.body == b""


def test_embeddings(server: DialServer, user: User) -> None:
    path = "/openai/deployments/embedding/embeddings"
    answer = user.post(path, {"input": ["a b", "c"], "dimensions": 3}).json()
    vectors = [item["embedding"] for item in answer["data"]]
    assert [len(vector) for vector in vectors] == [3, 3]
    assert vectors[0] != vectors[1]
    assert all(abs(sum(value * value for value in vector) - 1) < 1e-6 for vector in vectors)
    assert answer["usage"] == {"prompt_tokens": 3, "total_tokens": 3}
    assert user.post(path, {"input": "c", "dimensions": 3}).json()["data"][0]["embedding"] == vectors[1]
    packed = user.post(path, {"input": "c", "dimensions": 3, "encoding_format": "base64"}).json()
    import base64
    import struct

    assert list(struct.unpack("<3f", base64.b64decode(packed["data"][0]["embedding"]))) == vectors[1]
    assert len(user.post(path, {"input": [1, 2, 3]}).json()["data"]) == 1
    assert len(user.post(path, {"input": [[1], [2]]}).json()["data"]) == 2
    custom = ["x", {"type": "text/plain", "data": "y"}, ["z", {"type": "image/png", "url": "http://x/y.png"}]]
    assert len(user.post(path, {"input": [], "custom_input": custom}).json()["data"]) == 3
    assert user.post(path, {"inputs": "x"}).json()["error"]["message"].endswith("path input. field required")
    foreign = {"input": [], "custom_input": [[{"type": "a/b", "url": "files/nobody/x"}]]}
    assert user.post(path, foreign).status == 400


def test_legacy_completions(server: DialServer, user: User) -> None:
    path = "/openai/deployments/gpt-35-turbo/completions"
    answer = user.post(path, {"prompt": "2+3="}).json()
    assert answer["object"] == "text_completion"
    assert answer["choices"] == [{"text": "5", "index": 0, "logprobs": None, "finish_reason": "stop"}]
    events = user.post("/openai/deployments/echo/completions", {"prompt": "a b c", "stream": True}).events()
    assert "".join(event["choices"][0]["text"] for event in events if event != "[DONE]" and event["choices"]) == "a b c"
    assert events[-1] == "[DONE]"
    assert user.post(path, {}).status == 400


def test_tokens(server: DialServer, user: User) -> None:
    messages = [{"role": "system", "content": "be kind"}] + [{"role": "user", "content": "one two three"}] * 3
    inputs = [{"type": "string", "value": "a b"}, {"type": "request", "value": {"messages": messages}}, {"type": "x"}]
    assert user.post("/v1/deployments/echo/tokenize", {"inputs": inputs}).json()["outputs"] == [
        {"status": "success", "token_count": 2},
        {"status": "success", "token_count": 11},
        {"status": "error", "error": "Unknown type of input"},
    ]
    cut = [{"messages": messages, "max_prompt_tokens": limit} for limit in (100, 8, 5, 4)]
    outputs = user.post("/v1/deployments/echo/truncate_prompt", {"inputs": cut}).json()["outputs"]
    assert [output.get("discarded_messages") for output in outputs] == [[], [1], [1, 2], None]
    wrong = user.post("/v1/deployments/echo/tokenize", {"inputs": ["text"]})
    assert (wrong.status, wrong.json()["error"]["code"]) == (400, "400")
    assert user.get("/v1/deployments/showcase/configuration").json()["type"] == "object"
    assert user.get("/v1/deployments/echo/configuration").body == b""
    assert user.post("/v1/echo/rate", {"responseId": "x", "rate": True}).status == 200


def test_limits() -> None:
    now = [1_000_000.0]
    deployments = [
        Deployment("one", "model", limits={"minute": 5}),
        Deployment("two", "model", limits={"request_hour": 1}),
        Deployment("three", "model", limits={"minute": 0}),
    ]
    with DialServer(keys=KEYS, deployments=deployments, clock=lambda: now[0]) as server:
        with User(server.port, "one") as user, User(server.port, "two") as other:
            assert user.chat("one", "one two three").status == 200
            refused = user.chat("one", "x")
            words = "Hit token rate limit. Minute limit: 6 / 5 tokens. Day limit: 6 / 9223372036854775807 tokens."
            assert (refused.status, refused.json()["error"]) == (429, {"message": words, "code": "429"})
            assert other.chat("one", "x").status == 200
            now[0] += 61
            assert user.chat("one", "x").status == 200
            user.chat("two", "x")
            words = "Hit request rate limit. Hour limit: 1 / 1 requests. Day limit: 1 / 9223372036854775807 requests."
            assert user.chat("two", "x").json()["error"]["message"] == words
            denied = user.chat("three", "x")
            assert (denied.status, denied.json()["error"]) == (403, {"message": "Access denied", "code": "403"})


@pytest.mark.parametrize("generation", ["2024", "2026"])
def test_nothing_listens(generation: str) -> None:
    deployments = [Deployment("dead", behaviour="dead", features={"tokenize": True})]
    with DialServer(generation=generation, deployments=deployments) as server:
        with User(server.port, server.api_key) as user:
            answer = user.chat("dead", "x")
            assert answer.status == 502
            if generation == "2024":
                assert answer.text == "Failed to connect to origin"
            else:
                assert answer.json()["error"]["message"] == "Failed to connect to upstream server"
            tokens = user.post("/v1/deployments/dead/tokenize", {"inputs": []})
            assert (tokens.status, tokens.text) == (502, "connection error to origin")


def test_back_off() -> None:
    """After one 429, or three 5xx in a row, Core does not ask the application for a while."""

    def answers(status: int) -> Any:
        from aidial_min.testing import AppError

        def behaviour(request: Any) -> Any:
            if request.last_text == "fail":
                raise AppError("no", status)
            yield "fine"

        return behaviour

    deployments = [Deployment("busy", behaviour=answers(429)), Deployment("shaky", behaviour=answers(503))]
    with DialServer(keys=KEYS, deployments=deployments) as server, User(server.port, "one") as user:
        assert user.chat("busy", "fail").text == "No route"
        assert user.chat("busy", "hi").text == "No route"
        for _ in range(2):
            assert user.chat("shaky", "fail").text == "No route"
            assert said(user.chat("shaky", "hi")) == "fine"
        for _ in range(3):
            assert user.chat("shaky", "fail").status == 502
        assert user.chat("shaky", "hi").text == "No route"


# Bodies of a wrong type

WRONG_TYPE = "Failed to parse json: Cannot deserialize value from this token"
PUBLISHED = {"targetFolder": "public/x/", "resources": [{"action": "ADD"}]}


@pytest.mark.parametrize(
    "operation, body, words",
    [
        ("publication/create", {**PUBLISHED, "resources": 5}, WRONG_TYPE),
        ("publication/create", {**PUBLISHED, "resources": ["x"]}, WRONG_TYPE),
        ("publication/create", {**PUBLISHED, "rules": [None, 5]}, WRONG_TYPE),
        ("publication/create", {**PUBLISHED, "rules": [{"function": "EQUAL", "targets": "x"}]}, WRONG_TYPE),
        ("publication/get", {"url": {"a": 5}}, WRONG_TYPE),
        ("publication/resource/list", {"resourceTypes": True}, WRONG_TYPE),
        ("notification/delete", {"ids": [["x"]]}, WRONG_TYPE),
        ("resource/share/list", {"resourceTypes": 5}, "Can't list shared resources. Incorrect body"),
        ("resource/move", {"sourceUrl": []}, "Can't initiate move resource request. Incorrect body provided"),
    ],
)
def test_an_operation_refuses_fields_of_a_wrong_type(server: DialServer, operation: str, body: Any, words: str) -> None:
    with User(server.port, "boss") as admin:
        refused = admin.post(f"/v1/ops/{operation}", body)
    assert (refused.status, refused.text) == (400, words)


@pytest.mark.parametrize(
    "path, body, words",
    [
        ("code_interpreter/execute_code", {"inputFiles": 5}, "Not valid JSON body"),
        ("code_interpreter/execute_code", {"inputFiles": [{"sourceUrl": "files/x"}]}, "Not valid JSON body"),
        ("code_interpreter/execute_code", {"outputFiles": [{"sourcePath": {}}]}, "Not valid JSON body"),
        ("resource/per-request-permissions/grant", {"resourcePermissions": [None]}, "Not valid JSON body"),
        (
            "resource/per-request-permissions/revoke",
            {"resourcePermissions": [{"url": "x", "permissions": 5}]},
            "Not valid JSON body",
        ),
    ],
)
def test_a_newer_operation_refuses_fields_of_a_wrong_type(path: str, body: Any, words: str) -> None:
    with DialServer(generation="2026", per_request_keys={"key": ("dial-key", "echo")}) as server:
        with User(server.port, "key") as user:
            refused = user.post(f"/v1/ops/{path}", body)
    assert (refused.status, refused.text) == (400, words)


@pytest.mark.parametrize(
    "path, body, place",
    [
        ("openai/deployments/echo/chat/completions", {"messages": [], "tools": [{"type": 5}]}, "tools.0.type"),
        ("openai/deployments/embedding/embeddings", {"input": [None]}, "input.0"),
        ("openai/deployments/embedding/embeddings", {"input": "x", "custom_input": [5]}, "custom_input.0"),
        ("v1/deployments/echo/tokenize", {"inputs": [{"type": "request", "value": {"messages": 5}}]}, "inputs.0.value"),
        ("v1/deployments/echo/truncate_prompt", {"inputs": [{"messages": ["x"]}]}, "inputs.0.messages.0"),
        ("v1/deployments/echo/truncate_prompt", {"inputs": [{"max_prompt_tokens": "x"}]}, "inputs.0.max_prompt_tokens"),
        ("openai/v1/responses", {"model": "echo", "tools": 5}, "tools"),
        ("openai/v1/responses", {"model": "echo", "input": [{"content": 5}]}, "input.0.content"),
    ],
)
def test_a_deployment_refuses_fields_of_a_wrong_type(newer: DialServer, path: str, body: Any, place: str) -> None:
    with User(newer.port, "one") as user:
        refused = user.post("/" + path, body)
    assert refused.status == 400
    assert f"invalid structure on path {place}" in refused.json()["error"]["message"]


@pytest.mark.parametrize("body", [[], {"id": 1}, {"method": 5}, {"method": "tools/call", "params": [5]}])
def test_mcp_refuses_what_is_no_request(body: Any) -> None:
    with DialServer(generation="2026", deployments=[Deployment("kit", "toolset", tools={"say": str})]) as server:
        with User(server.port, server.api_key) as user:
            refused = user.post("/v1/toolset/kit/mcp", body)
    assert (refused.status, refused.text) == (400, "Invalid JSON request body")


def test_settings_of_an_external_service_of_a_wrong_type(newer: DialServer) -> None:
    with User(newer.port, "one") as user:
        at = f"/v1/applications/{user.bucket}/app"
        user.put(at, APPLICATION)
        refused = user.put(at + "/external-services/crm", {"auth_settings": {"client_secret": 5}})
    assert (refused.status, refused.text) == (400, WRONG_TYPE)


@pytest.mark.parametrize("field", ["endpoint", "allowed_tools", "description_keywords", "auth_settings"])
def test_a_toolset_of_a_wrong_type_is_not_stored(newer: DialServer, field: str) -> None:
    with User(newer.port, "one") as user:
        refused = user.put(f"/v1/toolsets/{user.bucket}/kit", {"endpoint": "http://tools", field: 5})
        listed = user.get("/openai/toolsets")
    assert (refused.status, refused.text) == (400, f"Missing required property '{field}'")
    assert listed.json()["data"] == []
