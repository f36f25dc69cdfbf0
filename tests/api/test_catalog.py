"""Deployments and what they offer besides answers; models, toolsets; who the caller is."""

import pytest

from aidial_min import (
    EndpointNotSupportedError,
    InvalidRequestError,
    ParsingDataError,
    PermissionDeniedError,
    ResourceNotFoundError,
)
from aidial_min.types import Attachment

HELLO = [{"role": "user", "content": "one two three"}]


def test_lists_come_as_models(core, dial):
    do = dial(core)
    assert "gpt-35-turbo" in [found.id for found in do(lambda c: c.deployments.list())]
    models = do(lambda c: c.model.list())
    assert models[0].limits.max_prompt_tokens == 4096 and models[0].pricing.prompt == "0.00001"
    assert "echo" in [found.id for found in do(lambda c: c.application.list())]


def test_one_by_its_id(core, dial):
    do = dial(core)
    assert do(lambda c: c.deployments.get("gpt-35-turbo")).id == "gpt-35-turbo"
    assert do(lambda c: c.model.get("gpt-35-turbo")).features.tools is True
    assert do(lambda c: c.application.get("echo")).display_version == "1.0"
    with pytest.raises(ResourceNotFoundError):
        do(lambda c: c.model.get("none"))


@pytest.mark.parametrize("id", ["applications/b1/my app", "applications/b1/my%20app"])
def test_an_id_means_the_same_encoded_or_decoded(older, dial, last, id):
    do = dial(older)
    calls = {
        "/openai/applications/": lambda c: c.application.get(id),
        "/openai/models/": lambda c: c.model.get(id),
        "/openai/deployments/": lambda c: c.deployments.get(id),
    }
    for path, call in calls.items():
        with pytest.raises((ResourceNotFoundError, PermissionDeniedError)):
            do(call)
        assert last(older)[1] == path + "applications/b1/my%20app"


@pytest.mark.parametrize("id", ["", " ", "a//b", "a/../b", 5, None])
def test_what_can_not_be_an_id_is_not_sent(older, dial, id):
    do = dial(older)
    with pytest.raises(InvalidRequestError):
        do(lambda c: c.deployments.limits(id))
    assert not older.requests


def test_names_of_all_kinds(newer, dial, last):
    do = dial(newer)
    names = do(lambda c: c.deployments.list_names())
    assert ("echo", "application") in [(found.id, found.object) for found in names]
    assert last(newer)[1] == "/v1/deployment-names"
    names = do(lambda c: c.deployments.list_names(["model", "toolset"]))
    assert {found.object for found in names} == {"model"}
    assert last(newer)[1] == "/v1/deployment-names?type=model%2Ctoolset"
    do(lambda c: c.deployments.list_names(types=[]))
    assert last(newer)[1] == "/v1/deployment-names"
    with pytest.raises(InvalidRequestError, match="types must be a list"):
        do(lambda c: c.deployments.list_names("model"))


def test_core_of_2024_has_neither_names_nor_toolsets(older, dial):
    do = dial(older)
    for call in (
        lambda c: c.deployments.list_names(),
        lambda c: c.toolset.list(),
        lambda c: c.toolset.get("tools"),
    ):
        before = len(older.requests)
        with pytest.raises(EndpointNotSupportedError):
            do(call)
        assert len(older.requests) == before + 1  # not tried again


def test_toolsets(newer, dial, bucket_of):
    do = dial(newer)
    url = "toolsets/%s/my tools" % bucket_of(do)
    do(lambda c: c.custom_toolsets.save(url, {"endpoint": "http://tools/mcp", "display_name": "Mine"}))
    (found,) = do(lambda c: c.toolset.list())
    assert found.display_name == "Mine" and found.auth_settings.authentication_type == "NONE"
    assert do(lambda c: c.toolset.get(url)) == do(lambda c: c.toolset.get(found.id)) == found


def test_the_configuration_schema_or_none(core, dial):
    do = dial(core)
    schema = do(lambda c: c.deployments.get_configuration_schema("showcase"))
    assert schema["properties"]["delay"]["type"] == "number"
    assert do(lambda c: c.deployments.get_configuration_schema("echo")) is None
    with pytest.raises(ResourceNotFoundError):
        do(lambda c: c.deployments.get_configuration_schema("none"))


def test_a_schema_is_an_object(older, dial):
    older.fail(200, body="[1]")
    with pytest.raises(ParsingDataError):
        dial(older)(lambda c: c.deployments.get_configuration_schema("echo"))


def test_limits(core, dial):
    do = dial(core)
    found = do(lambda c: c.deployments.limits("gpt-35-turbo"))
    assert found.minute_token_stats.unlimited and found.minute_token_stats.total == 2**63 - 1
    with pytest.raises(ResourceNotFoundError):
        do(lambda c: c.deployments.limits("none"))


def test_tokenize_takes_texts_chats_and_what_travels(core, dial, last):
    do = dial(core)
    inputs = ["one two", HELLO, {"messages": HELLO}, {"type": "string", "value": "one"}]
    results = do(lambda c: c.deployments.tokenize("echo", inputs))
    assert [(found.status, found.token_count) for found in results] == [("success", n) for n in (2, 3, 3, 1)]
    assert last(core) == (
        "POST",
        "/v1/deployments/echo/tokenize",
        {
            "inputs": [
                {"type": "string", "value": "one two"},
                {"type": "request", "value": {"messages": HELLO}},
                {"type": "request", "value": {"messages": HELLO}},
                {"type": "string", "value": "one"},
            ]
        },
    )


def test_a_failed_input_is_a_result_of_its_own(core, dial):
    first, second = dial(core)(lambda c: c.deployments.tokenize("echo", [{"type": "odd", "value": 1}, "a"]))
    assert (first.status, first.token_count) == ("error", None) and first.error
    assert second.token_count == 1


def test_models_may_be_among_the_inputs(core, dial, last):
    attachment = Attachment(title="a", url="files/b/a")
    messages = [{"role": "user", "content": "x", "custom_content": {"attachments": [attachment]}}]
    dial(core)(lambda c: c.deployments.tokenize("echo", [messages]))
    sent = last(core)[2]["inputs"][0]["value"]["messages"][0]["custom_content"]["attachments"]
    assert sent == [{"title": "a", "url": "files/b/a"}]


def test_truncate_prompt(core, dial, last):
    messages = [{"role": "user", "content": "one two"}, {"role": "user", "content": "three"}]
    inputs = [{"messages": messages, "max_prompt_tokens": 1}, {"messages": messages, "max_prompt_tokens": 0}, messages]
    results = dial(core)(lambda c: c.deployments.truncate_prompt("echo", inputs))
    assert [found.status for found in results] == ["success", "error", "success"]
    assert [found.discarded_messages for found in results] == [[0], None, []]
    assert last(core)[2]["inputs"] == [*inputs[:2], {"messages": messages}]


def test_no_inputs_have_no_results(core, dial):
    assert dial(core)(lambda c: c.deployments.tokenize("echo", [])) == []


@pytest.mark.parametrize("inputs", ["text", {"messages": []}, None, [5], [b"x"]])
def test_inputs_are_a_list(older, dial, inputs):
    do = dial(older)
    with pytest.raises(InvalidRequestError):
        do(lambda c: c.deployments.truncate_prompt("echo", inputs))
    assert not older.requests


def test_a_missing_result_is_noticed(older, dial):
    older.fail(200, body={"outputs": []}, path="/tokenize")
    with pytest.raises(ParsingDataError, match="1 inputs have 0 results"):
        dial(older)(lambda c: c.deployments.tokenize("echo", ["a"]))


def test_what_a_deployment_does_not_offer(core, dial):
    do = dial(core)
    with pytest.raises(PermissionDeniedError, match="Forbidden deployment"):
        do(lambda c: c.deployments.tokenize("app_id", ["a"]))
    with pytest.raises(PermissionDeniedError, match="Forbidden deployment"):
        do(lambda c: c.deployments.truncate_prompt("app_id", [HELLO]))
    assert do(lambda c: c.deployments.rate("app_id", "r1", True)) is None  # ignored


def test_rate(core, dial, last):
    do = dial(core)
    assert do(lambda c: c.deployments.rate("echo", "chat-1", True)) is None
    assert last(core) == ("POST", "/v1/echo/rate", {"responseId": "chat-1", "rate": True})
    do(lambda c: c.deployments.rate("echo", response_id="chat-1", rate=False, comment="why"))
    assert last(core)[2] == {"responseId": "chat-1", "rate": False, "comment": "why"}
    for bad in ({"rate": 1}, {"rate": None}, {"response_id": ""}):
        with pytest.raises(InvalidRequestError):
            do(lambda c, bad=bad: c.deployments.rate("echo", **{"response_id": "r", "rate": True, **bad}))


def test_the_caller(core, dial):
    found = dial(core)(lambda c: c.user.info())
    assert (found.roles, found.project, found.user_claims) == (["default"], "first", None)


def test_a_list_that_is_none_says_where(older, dial):
    older.fail(200, body={"data": [{"id": "a"}, {"object": "model"}]})
    with pytest.raises(ParsingDataError) as caught:
        dial(older)(lambda c: c.model.list())
    assert caught.value.path == "data[1].id"
