"""Prompts, conversations, custom applications and toolsets: kept as JSON objects, and nothing of them is lost."""

from pathlib import PurePosixPath

import pytest

from aidial_min import (
    ConflictError,
    EndpointNotSupportedError,
    EtagMismatchError,
    InvalidDialURLError,
    InvalidRequestError,
    NotDialURLError,
    ParsingDataError,
    ResourceNotFoundError,
    ServerError,
)
from aidial_min.types import Conversation, CustomApplication, Prompt

PROMPT = {"id": "p", "name": "p1", "folderId": "f", "content": "Hi {{name}}"}
CONVERSATION = {
    "id": "c",
    "name": "c1",
    "folderId": "f",
    "model": {"id": "echo", "own": 1},
    "prompt": "",
    "temperature": 0.5,
    "messages": [{"role": "user", "content": "Hi", "settings": {"x": None}}],
    "selectedAddons": [],
    "lastActivityDate": 4848683153,
    "customViewState": {"a": [1, {"b": None}]},
    "replay": None,
}
APPLICATION = {"endpoint": "http://app/chat/completions", "display_name": "Mine", "defaults": {"temperature": 1}}
TOOLSET = {"endpoint": "http://tools/mcp", "transport": "HTTP", "allowed_tools": ["a"]}

AREAS = {
    "prompts": ("prompts", PROMPT),
    "conversations": ("conversations", CONVERSATION),
    "custom_applications": ("applications", APPLICATION),
    "custom_toolsets": ("toolsets", TOOLSET),
}


@pytest.fixture(params=list(AREAS))
def area(request, core):
    """Each area in turn, on every server that has it: (name of the resource, kind in URLs, a body)."""
    if request.param == "custom_toolsets" and core.generation == "2024":
        pytest.skip("Core of 2024 has no toolsets")
    return (request.param, *AREAS[request.param])


def test_from_creation_to_deletion(core, dial, bucket_of, area, last):
    name, kind, body = area
    do = dial(core)
    url = "%s/%s/folder/my item" % (kind, bucket_of(do))
    path = "%s/%s/folder/my%%20item" % (kind, bucket_of(do))

    saved = do(lambda c: getattr(c, name).save(url, body))
    assert last(core) == ("PUT", "/v1/" + path, body)
    assert (saved.name, saved.parent_path, saved.url, saved.node_type) == ("my item", "folder", path, "ITEM")

    found = do(lambda c: getattr(c, name).get(url)).to_dict()
    assert last(core)[:2] == ("GET", "/v1/" + path)
    assert {key: found[key] for key in body} == body

    described = do(lambda c: getattr(c, name).get_metadata(url))
    assert last(core)[:2] == ("GET", "/v1/metadata/" + path)
    assert described.etag == saved.etag and described.items is None

    assert do(lambda c: getattr(c, name).delete(url)) is None
    assert last(core)[:2] == ("DELETE", "/v1/" + path)
    with pytest.raises(ResourceNotFoundError):
        do(lambda c: getattr(c, name).get(url))
    with pytest.raises(ResourceNotFoundError):
        do(lambda c: getattr(c, name).delete(url))


def test_reading_changing_and_writing_loses_nothing(core, dial, bucket_of, area):
    name, kind, body = area
    do = dial(core)
    url = "%s/%s/item" % (kind, bucket_of(do))
    do(lambda c: getattr(c, name).save(url, body))
    model = do(lambda c: getattr(c, name).get(url))
    before = model.to_dict()
    do(lambda c: getattr(c, name).save(url, model))
    assert do(lambda c: getattr(c, name).get(url)).to_dict() == before
    model.name = model.display_name = "other"
    if name in ("prompts", "conversations"):
        do(lambda c: getattr(c, name).save(url, model))
        assert do(lambda c: getattr(c, name).get(url)).to_dict() == {**before, "name": "other", "display_name": "other"}


def test_models_may_be_built_by_hand(core, dial, bucket_of, last):
    do = dial(core)
    bucket = bucket_of(do)
    do(lambda c: c.prompts.save("prompts/%s/p" % bucket, Prompt(id="p", name="n", folder_id="f", content="x")))
    assert last(core)[2] == {"id": "p", "name": "n", "folderId": "f", "content": "x"}
    application = CustomApplication(endpoint="http://app", display_name="Mine")
    do(lambda c: c.custom_applications.save("applications/%s/a" % bucket, application))
    assert last(core)[2] == {"endpoint": "http://app", "display_name": "Mine"}


def test_a_conversation_is_open(core, dial, bucket_of):
    do = dial(core)
    url = "conversations/%s/c" % bucket_of(do)
    do(lambda c: c.conversations.save(url, CONVERSATION))
    found = do(lambda c: c.conversations.get(url))
    assert isinstance(found, Conversation)
    assert found.model.id == "echo" and found.last_activity_date == 4848683153
    assert found["customViewState"] == {"a": [1, {"b": None}]} and "replay" in found
    found.messages.append({"role": "assistant", "content": "Hello"})
    do(lambda c: c.conversations.save(url, found))
    assert do(lambda c: c.conversations.get(url)).to_dict() == {**CONVERSATION, "messages": found.messages}


def test_preconditions(core, dial, bucket_of, area):
    name, kind, body = area
    do = dial(core)
    url = "%s/%s/item" % (kind, bucket_of(do))
    saved = do(lambda c: getattr(c, name).save(url, body, etag_if_none_match="*"))
    assert core.requests[-1].headers["if-none-match"] == "*"
    with pytest.raises(EtagMismatchError):
        do(lambda c: getattr(c, name).save(url, body, etag_if_none_match="*"))
    with pytest.raises(EtagMismatchError):
        do(lambda c: getattr(c, name).save(url, body, "0" * 32))
    with pytest.raises(EtagMismatchError):
        do(lambda c: getattr(c, name).delete(url, etag_if_match="0" * 32))
    do(lambda c: getattr(c, name).save(url, body, etag_if_match=saved.etag + " , other"))
    assert core.requests[-1].headers["if-match"] == saved.etag + ",other"  # Core of 2024 trims nothing
    etag = do(lambda c: getattr(c, name).get_metadata(url)).etag
    do(lambda c: getattr(c, name).delete(url, etag))


def test_folders(core, dial, bucket_of, area, last):
    name, kind, body = area
    do = dial(core)
    home = "%s/%s" % (kind, bucket_of(do))
    assert do(lambda c: getattr(c, name).list(home)) == []
    assert do(lambda c: getattr(c, name).list(home + "/none/")) == []
    for path in ("a", "x/b", "x/c", "x/y/d"):
        do(lambda c, path=path: getattr(c, name).save("%s/%s" % (home, path), body))

    def names(path, **how):
        return sorted(item.name for item in do(lambda c: getattr(c, name).list(path, **how)))

    assert names(home) == names(home + "/") == names(PurePosixPath(home)) == ["a", "x"]
    assert names(home + "/x") == ["b", "c", "y"]
    assert names(home, recursive=True) == ["a", "b", "c", "d"]
    assert last(core)[1].endswith("/?limit=1000&recursive=true")

    page = do(lambda c: getattr(c, name).get_metadata(home + "/x/", limit=1, permissions=True))
    assert len(page.items) == 1 and page.next_token and page.permissions == ["READ", "WRITE"]
    rest = do(lambda c: getattr(c, name).get_metadata(home + "/x/", token=page.next_token, recursive=False))
    assert {item.name for item in page.items + rest.items} == {"b", "c", "y"}
    assert do(lambda c: getattr(c, name).get_metadata(PurePosixPath(home, "x"))).node_type == "FOLDER"


def test_moving_and_copying(core, dial, bucket_of, area, last):
    name, kind, body = area
    do = dial(core)
    a, b, c_ = ("%s/%s/%s x" % (kind, bucket_of(do), letter) for letter in "abc")
    do(lambda c: getattr(c, name).save(a, body))
    assert do(lambda c: getattr(c, name).move_to(a, PurePosixPath(b))) is None
    expected = {"sourceUrl": a.replace(" ", "%20"), "destinationUrl": b.replace(" ", "%20"), "overwrite": False}
    assert last(core) == ("POST", "/v1/ops/resource/move", expected)
    with pytest.raises(ResourceNotFoundError):
        do(lambda c: getattr(c, name).get(a))
    if core.generation == "2024":
        with pytest.raises(EndpointNotSupportedError):
            do(lambda c: getattr(c, name).copy_to(b, c_))
        return
    do(lambda c: getattr(c, name).copy_to(b, c_))
    with pytest.raises((InvalidRequestError, EtagMismatchError)):
        do(lambda c: getattr(c, name).copy_to(b, c_))
    do(lambda c: getattr(c, name).copy_to(b, c_, overwrite=True))
    assert last(core) == ("POST", "/v1/ops/resource/copy", {**last(core)[2], "overwrite": True})


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("files/b/x", InvalidDialURLError),
        ("{kind}/b/", InvalidDialURLError),
        ("{kind}/b", InvalidDialURLError),
        ("{kind}/b/../x", InvalidDialURLError),
        ("{kind}/b/a%2Fb", InvalidDialURLError),
        ("/v1/{kind}/b/x", InvalidDialURLError),
        ("v1/{kind}/b/x", InvalidDialURLError),
        ("https://other.example/v1/{kind}/b/x", NotDialURLError),
    ],
)
def test_bad_urls_are_not_sent(older, dial, url, error):
    do = dial(older)
    calls = (
        lambda resource, body, bad, good: resource.save(bad, body),
        lambda resource, body, bad, good: resource.get(bad),
        lambda resource, body, bad, good: resource.delete(bad),
        lambda resource, body, bad, good: resource.move_to(bad, good),
        lambda resource, body, bad, good: resource.copy_to(good, bad),
    )
    for name, (kind, body) in AREAS.items():
        for call in calls:
            given = (body, url.format(kind=kind), kind + "/b/y")
            with pytest.raises(error):
                do(lambda c, name=name, call=call, given=given: call(getattr(c, name), *given))
    assert not older.requests


def test_absolute_urls(core, dial, bucket_of, area):
    name, kind, body = area
    do = dial(core)
    url = "%s/v1/%s/%s/my%%20item" % (core.url, kind, bucket_of(do))
    assert do(lambda c: getattr(c, name).save(url, body)).name == "my item"
    assert do(lambda c: getattr(c, name).get_metadata(url)).name == "my item"


@pytest.mark.parametrize("body", ["text", None, [1], b"{}", {"a": object()}, {"a": float("nan")}])
def test_what_is_no_object_is_not_sent(older, dial, body):
    do = dial(older)
    for name, (kind, _) in AREAS.items():
        with pytest.raises(InvalidRequestError):
            do(lambda c, name=name, kind=kind: getattr(c, name).save(kind + "/b/x", body))
    assert not older.requests


def test_what_the_server_does_not_take(core, dial, bucket_of):
    do = dial(core)
    url = "prompts/%s/p" % bucket_of(do)
    with pytest.raises(InvalidRequestError, match="id"):
        do(lambda c: c.prompts.save(url, {"name": "x"}))


def test_an_answer_that_is_no_prompt_says_so(older, dial):
    older.fail(200, body="")
    with pytest.raises(ParsingDataError, match="empty"):
        dial(older)(lambda c: c.prompts.get("prompts/b/p"))


# Custom applications: their life

FUNCTION = {"runtime": "python3.11", "mapping": {"completion": "/chat"}, "env": {}}


def application_with_function(do, bucket):
    do(lambda c: c.files.upload("files/%s/src/app.py" % bucket, b"pass"))
    url = "applications/%s/my app" % bucket
    body = {"display_name": "Mine", "function": {**FUNCTION, "source_folder": "files/%s/src/" % bucket}}
    do(lambda c: c.custom_applications.save(url, body))
    return url


def test_the_life_of_an_application(core, dial, bucket_of, last):
    do = dial(core)
    url = application_with_function(do, bucket_of(do))
    start, stop = ("start", "stop") if core.generation == "2024" else ("deploy", "undeploy")
    started = do(lambda c: getattr(c.custom_applications, start)(url))
    assert last(core) == ("POST", "/v1/ops/application/" + start, {"url": url.replace(" ", "%20")})
    assert isinstance(started, CustomApplication) and started.function.status
    logs = do(lambda c: c.custom_applications.logs(url))
    assert [bool(entry.instance) for entry in logs] == [True] * len(logs) and logs
    with pytest.raises(ConflictError):
        do(lambda c: c.custom_applications.delete(url))
    if start == "deploy":
        assert do(lambda c: c.custom_applications.redeploy(url)).function.status
    do(lambda c: getattr(c.custom_applications, stop)(url))
    do(lambda c: c.custom_applications.delete(url))


def test_the_other_generation_says_it_otherwise(core, dial, bucket_of):
    do = dial(core)
    url = "applications/%s/a" % bucket_of(do)
    for name in ("deploy", "undeploy", "redeploy") if core.generation == "2024" else ("start", "stop"):
        with pytest.raises(EndpointNotSupportedError):
            do(lambda c, name=name: getattr(c.custom_applications, name)(url))


def test_no_controller_is_a_server_error(older, dial, bucket_of):
    older.fail(503, body="The application controller is not available", times=None)
    with pytest.raises(ServerError, match="controller"):
        dial(older, max_retries=0)(lambda c: c.custom_applications.start("applications/b/a"))


def test_an_application_is_called_by_its_url(core, dial, bucket_of):
    do = dial(core)
    url = "applications/%s/my app" % bucket_of(do)
    body = {**APPLICATION, "endpoint": "http://app/openai/deployments/calculator/chat/completions"}
    saved = do(lambda c: c.custom_applications.save(url, body))
    for name in (url, saved.url):
        answer = do(
            lambda c, name=name: c.chat.completions.create(
                deployment_name=name, messages=[{"role": "user", "content": "6*7="}]
            )
        )
        assert answer.choices[0].message.content == "42"


def test_core_of_2024_has_no_toolsets(older, dial):
    do = dial(older)
    for call in (
        lambda c: c.custom_toolsets.save("toolsets/b/x", TOOLSET),
        lambda c: c.custom_toolsets.get("toolsets/b/x"),
        lambda c: c.custom_toolsets.get_metadata("toolsets/b/x"),
        lambda c: c.custom_toolsets.list("toolsets/b/"),
    ):
        with pytest.raises(EndpointNotSupportedError):
            do(call)
