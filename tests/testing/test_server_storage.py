"""Stored resources beyond the recordings: preconditions, conversations, moving, copying, events, data in a folder."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aidial_min.testing import DialServer

from ..support.patience import until
from .raw_client import Raw, User, request_bytes

PROMPT = {"id": "p", "name": "p1", "folderId": "f", "content": "Hi {{name}}"}
CONVERSATION = {
    "id": "c", "folderId": "f", "name": "n", "prompt": "", "temperature": 0.5, "model": {"id": "gpt-4"},
    "lastActivityDate": 4848683153, "selectedAddons": [], "messages": [{"role": "user", "content": "Hi"}],
}  # fmt: skip


@pytest.fixture
def server() -> Iterator[DialServer]:
    with DialServer(keys={"one": "first", "two": "second"}) as running:
        yield running


@pytest.fixture
def user(server: DialServer) -> Iterator[User]:
    with User(server.port, "one") as user:
        yield user


@pytest.fixture
def newer() -> Iterator[User]:
    with DialServer(generation="2026", heartbeat=0.1) as running, User(running.port, running.api_key) as user:
        yield user


def test_if_match(user: User) -> None:
    path = f"/v1/files/{user.bucket}/a"
    first = user.upload(path, b"one")
    etag = first.header("etag")
    assert etag is not None
    assert user.upload(path, b"two", If_Match=f'"{etag}"').status == 200
    refused = user.upload(path, b"three", If_Match=etag)
    assert (refused.status, refused.text) == (412, f"ETag {etag} is rejected")
    assert user.upload(path, b"three", If_Match="*").status == 200
    assert user.upload(path, b"three", If_Match="").status == 200  # as if it were not there
    current = user.get(path).header("etag")
    assert user.upload(path, b"x", If_Match=f"other,{current}").status == 200
    assert user.upload(path, b"x", If_Match=f"other, {current}").status == 412  # blanks are not trimmed
    assert user.upload(path, b"x", If_Match=f'W/"{current}"').status == 412
    assert user.delete(path, If_Match="other").status == 412
    assert user.upload(f"{path}-new", b"x", If_Match="whatever").status == 200  # nothing there, nothing to compare
    assert user.get(path, If_None_Match=str(user.get(path).header("etag"))).status == 200


def test_a_bucket_has_one_name(user: User) -> None:
    for alias in ("1" + user.bucket, user.bucket + "1", user.bucket[:-1]):
        refused = user.get(f"/v1/metadata/files/{alias}/")
        assert (refused.status, refused.text) == (400, f"Url has invalid bucket: files/{alias}/")


def test_if_none_match(user: User) -> None:
    path = f"/v1/prompts/{user.bucket}/p"
    assert user.put(path, PROMPT, If_None_Match="*").status == 200
    assert user.put(path, PROMPT, If_None_Match="*").text == "Resource already exists"
    refused = user.put(path, PROMPT, If_None_Match="abc")
    assert (refused.status, refused.text) == (400, "only header if-none-match=* is supported")


def test_preconditions_of_2026(newer: User) -> None:
    path = f"/v1/files/{newer.bucket}/a"
    etag = str(newer.upload(path, b"one").header("etag"))
    assert newer.upload(path, b"x", If_Match="no").text == f"If-match condition is failed for etag: {etag}"
    refused = newer.upload(path, b"x", If_None_Match=f"a, {etag}")
    assert (refused.status, refused.text) == (412, f"if-none-match condition is failed for etag: {etag}")
    same = newer.get(path, If_None_Match=f'"{etag}"')
    assert (same.status, same.body, same.header("etag")) == (304, b"", etag)
    assert same.header("content-length") is None
    assert newer.upload(path, b"x", If_Match=f"other, {etag}").status == 200
    assert newer.raw.request("PUT", path, newer.credentials, b"abc").text == (
        "Request must have a content-type header to decode a multipart request"
    )


@pytest.mark.parametrize(
    "body, words",
    [
        ({**CONVERSATION, "messages": [{"role": "user"}]}, "Missing required property 'messages.null.content'"),
        ({**CONVERSATION, "model": {}}, "Missing required property 'model.id'"),
        ({**CONVERSATION, "temperature": "hot"}, "Missing required property 'temperature'"),
        ({**CONVERSATION, "name": {}}, "Missing required property 'name'"),
        ({name: CONVERSATION[name] for name in CONVERSATION if name != "model"}, "Missing required property 'model'"),
        ("text", "Provided payload do not match required schema"),
    ],
)
def test_conversations_are_checked(user: User, body: Any, words: str) -> None:
    answer = user.put(f"/v1/conversations/{user.bucket}/c", body)
    assert (answer.status, answer.text) == (400, words)


def test_conversations_are_kept_byte_for_byte(user: User, newer: User) -> None:
    body = json.dumps({**CONVERSATION, "made_up": [1.0, None]}, indent=3).encode()
    path = f"/v1/conversations/{user.bucket}/a/b%20c"
    saved = user.put(path, body).json()
    assert (saved["name"], saved["parentPath"], saved["url"]) == ("b c", "a", path[4:])
    answer = user.get(path)
    assert answer.body == body
    assert answer.header("content-type") is None
    without = {name: value for name, value in CONVERSATION.items() if name != "selectedAddons"}
    assert user.put(path, without).status == 400
    assert newer.put(f"/v1/conversations/{newer.bucket}/c", without).status == 200


@pytest.mark.parametrize("kind", ["conversations", "prompts", "applications"])
def test_folders_are_no_resources(user: User, kind: str) -> None:
    url = f"{kind}/{user.bucket}/folder/"
    for answer in (user.get("/v1/" + url), user.delete("/v1/" + url), user.put("/v1/" + url, {})):
        assert (answer.status, answer.text) == (400, f"Folder not allowed: {url}")


def test_metadata_of_others_than_files(user: User) -> None:
    url = f"prompts/{user.bucket}/none/"
    assert user.get("/v1/metadata/" + url).text == f"Not found: {url}"
    words = "Bad query parameters. Limit must be in [0, 1000] range. Recursive must be true/false"
    for limit in ("x", "-1", "1001"):
        assert user.get(f"/v1/metadata/{url}?limit={limit}").text == words
    answer = user.get(f"/v1/metadata/prompts/{user.bucket}/", Accept="application/vnd.dial.metadata+json, text/html")
    assert answer.header("content-type") == "application/vnd.dial.metadata+json"


def test_listed_sizes(user: User) -> None:
    user.upload(f"/v1/files/{user.bucket}/a", b"12345")
    assert user.get(f"/v1/metadata/files/{user.bucket}/").json()["items"][0]["contentLength"] == 0
    with DialServer(stale_listings=False) as server, User(server.port, server.api_key) as other:
        other.upload(f"/v1/files/{other.bucket}/a", b"12345")
        assert other.get(f"/v1/metadata/files/{other.bucket}/").json()["items"][0]["contentLength"] == 5


@pytest.mark.parametrize(
    "body, status, words",
    [
        ({"sourceUrl": "files/B/a"}, 400, "destinationUrl must be provided"),
        ({"destinationUrl": "files/B/a"}, 400, "sourceUrl must be provided"),
        (
            {"sourceUrl": "files/B/a", "destinationUrl": "files/B/a"}, 400,
            "source and destination resources cannot be the same",
        ),
        (
            {"sourceUrl": "files/OTHER/a", "destinationUrl": "files/B/b"}, 403,
            "no read and write access to source resource",
        ),
        ({"sourceUrl": "files/B/a", "destinationUrl": "files/OTHER/b"}, 403, "no write access to destination resource"),
        ({"sourceUrl": "/files/B/a", "destinationUrl": "files/B/b"}, 400, "Url must not start with /, but: /files/B/a"),
        (
            {"sourceUrl": "files/B", "destinationUrl": "files/B/b"}, 400,
            "Url must start with resource/bucket/, but: files/B",
        ),
        ({"sourceUrl": "files", "destinationUrl": "files/B/b"}, 400, "Url has less than two segments: files"),
        ({"sourceUrl": "nofiles/B/b", "destinationUrl": "files/B/b"}, 400, "Unsupported resource type: nofiles"),
        ({"sourceUrl": "files/nobody/b", "destinationUrl": "files/B/b"}, 400, "Url has invalid bucket: files/nobody/b"),
        ({"sourceUrl": "files/B/a#b", "destinationUrl": "files/B/b"}, 400, "Wrong path provided a#b"),
        ({"sourceUrl": "files/B/a b", "destinationUrl": "files/B/b"}, 500, ""),
    ],
)  # fmt: skip
def test_move_refuses(server: DialServer, user: User, body: Any, status: int, words: str) -> None:
    with User(server.port, "two") as other:
        names = {"/B": "/" + user.bucket, "/OTHER": "/" + other.bucket}
    text = json.dumps(body)
    for name, value in names.items():
        text, words = text.replace(name, value), words.replace(name, value)
    answer = user.post("/v1/ops/resource/move", text.encode())
    assert (answer.status, answer.text) == (status, words)


def test_moving_within_a_bucket_keeps_shares(server: DialServer, user: User) -> None:
    with User(server.port, "two") as other:
        url = f"files/{user.bucket}/a"
        user.upload("/v1/" + url, b"x")
        link = user.post("/v1/ops/resource/share/create", {"invitationType": "link", "resources": [{"url": url}]})
        other.get(link.json()["invitationLink"] + "?accept=true")
        assert other.get("/v1/" + url).status == 200
        assert user.post("/v1/ops/resource/move", {"sourceUrl": url, "destinationUrl": url + "2"}).status == 200
        assert user.get("/v1/invitations").json()["invitations"][0]["resources"][0]["url"] == url + "2"
        assert other.get("/v1/" + url).status == 403
        assert other.get("/v1/" + url + "2").body == b"x"


def test_copy(user: User, newer: User) -> None:
    bucket = newer.bucket
    newer.upload(f"/v1/files/{bucket}/a", b"x", "a/b")
    body = {"sourceUrl": f"files/{bucket}/a", "destinationUrl": f"files/{bucket}/b"}
    assert newer.post("/v1/ops/resource/copy", body).status == 200
    assert newer.get(f"/v1/files/{bucket}/b").header("content-type") == "a/b"
    assert newer.get(f"/v1/files/{bucket}/a").status == 200
    assert newer.post("/v1/ops/resource/copy", body).status == 400
    assert newer.post("/v1/ops/resource/copy", {**body, "overwrite": True}).status == 200
    assert user.post("/v1/ops/resource/copy", body).text == "No route"
    folders = {"sourceUrl": f"files/{bucket}/a/", "destinationUrl": f"files/{bucket}/b"}
    assert newer.post("/v1/ops/resource/copy", folders).text == "Copying folders is not supported"


@pytest.mark.parametrize("type, words", [("files", "no read access"), ("applications", "no read and write access")])
def test_copy_needs_access(type: str, words: str) -> None:
    with DialServer(generation="2026", keys={"one": "first", "two": "second"}) as server:
        with User(server.port, "one") as user, User(server.port, "two") as other:
            body = {"sourceUrl": f"{type}/{other.bucket}/a", "destinationUrl": f"{type}/{user.bucket}/b"}
            assert user.post("/v1/ops/resource/copy", body).text == f"{words} to source resource"
            back = {"sourceUrl": body["destinationUrl"], "destinationUrl": body["sourceUrl"]}
            assert user.post("/v1/ops/resource/copy", back).text == "no write access to destination resource"


def test_events(server: DialServer, user: User) -> None:
    url = f"prompts/{user.bucket}/folder/p1"
    headers = {**user.credentials, "Content-Type": "application/json"}
    with Raw(server.port) as stream:
        body = json.dumps({"resources": [{"url": url}]}).encode()
        stream.send(request_bytes("POST", "/v1/ops/resource/subscribe", headers, body))
        _, status, _, names = stream.head()
        assert status == 200
        assert names == [
            ("access-control-allow-origin", "*"),
            ("transfer-encoding", "chunked"),
            ("content-type", "text/event-stream"),
        ]
        saved = user.put("/v1/" + url, PROMPT).json()
        user.put(f"/v1/prompts/{user.bucket}/other", PROMPT)
        user.put("/v1/" + url, {**PROMPT, "content": "x"})
        user.delete("/v1/" + url)
        events = [stream.chunk() for _ in range(3)]
        first = json.loads(events[0][6:])
        assert first == {"url": url, "action": "CREATE", "timestamp": saved["updatedAt"], "etag": saved["etag"]}
        assert [json.loads(event[6:])["action"] for event in events] == ["CREATE", "UPDATE", "DELETE"]
        assert "etag" not in json.loads(events[2][6:])


def test_heartbeats_of_events(newer: User) -> None:
    headers = {**newer.credentials, "Content-Type": "application/json"}
    body = json.dumps({"resources": [{"url": f"files/{newer.bucket}/x"}]}).encode()
    newer.raw.send(request_bytes("POST", "/v1/ops/resource/subscribe", headers, body))
    newer.raw.head()
    assert [newer.raw.chunk() for _ in range(2)] == [b": heartbeat\n\n"] * 2


@pytest.mark.parametrize(
    "links, status, words",
    [
        ([], 400, "resources list must be provided"),
        ([{"url": "files/B/folder/"}], 400, "resource folder is not supported: files/B/folder/"),
        ([{"url": "publications/B/x"}], 400, "resource type is not supported: publications/B/x"),
        ([{"url": "files/OTHER/x"}], 403, "resource is not allowed: files/OTHER/x"),
    ],
)
def test_subscribe_refuses(server: DialServer, user: User, links: Any, status: int, words: str) -> None:
    with User(server.port, "two") as other:
        theirs = other.bucket
    text = json.dumps({"resources": links}).replace("/B/", f"/{user.bucket}/").replace("/OTHER/", f"/{theirs}/")
    words = words.replace("/B/", f"/{user.bucket}/").replace("/OTHER/", f"/{theirs}/")
    answer = user.post("/v1/ops/resource/subscribe", text.encode())
    assert (answer.status, answer.text) == (status, words)


def test_a_listener_that_goes_away_is_forgotten(server: DialServer, user: User) -> None:
    storage = server._core.storage
    body = json.dumps({"resources": [{"url": f"files/{user.bucket}/x"}]}).encode()
    with Raw(server.port) as stream:
        headers = {**user.credentials, "Content-Type": "application/json"}
        stream.send(request_bytes("POST", "/v1/ops/resource/subscribe", headers, body))
        stream.head()
        assert len(storage._listeners) == 1
    until(lambda: not storage._listeners)


# In a folder


def test_data_stays_across_restarts(tmp_path: Path) -> None:
    options: dict[str, Any] = {"keys": {"one": "first", "two": "second"}, "data": tmp_path / "dial"}
    content = bytes(range(256)) * 1000 + b"\n"
    with DialServer(**options) as server, User(server.port, "one") as user, User(server.port, "two") as other:
        bucket = user.bucket
        saved = user.upload(f"/v1/files/{bucket}/f%2Fx".replace("%2F", "/"), content, "a/b").json()
        user.upload(f"/v1/files/{bucket}/gone", b"x")
        user.delete(f"/v1/files/{bucket}/gone")
        user.upload(f"/v1/files/{bucket}/{'long' * 200}", b"x")
        user.upload(f"/v1/files/{bucket}/Case", b"upper")
        user.upload(f"/v1/files/{bucket}/case", b"lower")
        links = {"invitationType": "link", "resources": [{"url": saved["url"]}]}
        other.get(user.post("/v1/ops/resource/share/create", links).json()["invitationLink"] + "?accept=true")
        assert abs(saved["createdAt"] / 1000 - time.time()) < 60
        published = {"targetFolder": "public/f/", "resources": [
            {"action": "ADD", "sourceUrl": saved["url"], "targetUrl": "files/public/f/x"},
        ]}  # fmt: skip
        publication = user.post("/v1/ops/publication/create", published).json()
        taken = {"invitationType": "link", "resources": [{"url": f"files/{bucket}/Case"}]}
        other.get(user.post("/v1/ops/resource/share/create", taken).json()["invitationLink"] + "?accept=true")
        user.delete(f"/v1/files/{bucket}/Case")
        user.upload(f"/v1/files/{bucket}/Case", b"upper")
    with DialServer(**options) as server, User(server.port, "one") as user, User(server.port, "two") as other:
        answer = user.get("/v1/" + saved["url"])
        assert answer.body == content
        assert answer.header("content-type") == "a/b"
        assert user.get("/v1/metadata/" + saved["url"]).json() == saved
        assert user.get(f"/v1/files/{bucket}/gone").status == 404
        assert user.get(f"/v1/files/{bucket}/{'long' * 200}").body == b"x"
        assert [user.get(f"/v1/files/{bucket}/{name}").body for name in ("Case", "case")] == [b"upper", b"lower"]
        assert other.get("/v1/" + saved["url"]).body == content
        assert other.get(f"/v1/files/{bucket}/Case").status == 403  # its share went with the first one
        assert user.post("/v1/ops/publication/get", {"url": publication["url"]}).json() == publication
        server.reset()
        assert user.get("/v1/" + saved["url"]).status == 200
        server.reset(resources=True)
        assert user.get("/v1/" + saved["url"]).status == 404
        assert other.get("/v1/" + saved["url"]).status == 403
    assert not list((tmp_path / "dial" / "resources").iterdir())


def test_a_broken_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with DialServer(data=tmp_path) as server, User(server.port, server.api_key) as user:
        path = f"/v1/files/{user.bucket}/a"
        user.upload(path, b"old")

        def broken(*_: Any) -> None:
            raise RuntimeError("power cut")

        monkeypatch.setattr("os.replace", broken)
        assert user.upload(path, b"new").status == 500
        monkeypatch.undo()
        assert user.get(path).body == b"old"
        assert [name.suffix for name in (tmp_path / "resources").iterdir()] == [".res"]


def test_what_a_crash_left_behind(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with DialServer(data=tmp_path) as server, User(server.port, server.api_key) as user:
        path = f"/v1/files/{user.bucket}/a"
        user.upload(path, b"whole")
    resources, state = tmp_path / "resources", tmp_path / "state"
    (resources / "tmpabc.part").write_bytes(b"half a fi")
    for number, content in enumerate([b"", b"\xff\xfe", b"{}\n", b"7\n"]):
        (resources / f"{number}.res").write_bytes(content)
    (state / "sharing.json").write_bytes(b'{"shares":')
    with DialServer(data=tmp_path) as server, User(server.port, server.api_key) as user:
        assert user.get(path).body == b"whole"
        assert user.get("/v1/invitations").json() == {"invitations": []}
    assert not list(resources.glob("*.part"))
    left_out = [Path(record.getMessage().partition(" can't")[0]).name for record in caplog.records]
    assert left_out == ["0.res", "1.res", "2.res", "3.res", "sharing.json"]
