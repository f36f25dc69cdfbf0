"""Toolsets of a Core of 2026: signing in, tools, and calling one through Core; what an MCP server may answer."""

import json

import pytest

from aidial_min import AuthenticationError, DialException, ParsingDataError, PermissionDeniedError
from aidial_min.testing import DialServer
from aidial_min.testing.deployments import Deployment

from ..support.rawserver import RawServer


def add(a: int, b: int):
    return a + b


def slow(word: str):
    yield {"method": "notifications/progress", "params": {"progress": 1}}
    return "done " + word


def broken():
    raise ValueError("out of order")


def locked():
    challenge = [{"method": "external-service/signin", "scope": "applications/a/external_services/crm"}]
    return {"content": [], "isError": True, "_meta": {"dial.epam.com/auth-challenge": challenge}}


TOOLS = {"add": add, "slow": slow, "broken": broken, "locked": locked}


@pytest.fixture
def server():
    deployments = [Deployment("sums", kind="toolset", tools=TOOLS), Deployment("app", tools={"add": add})]
    with DialServer(keys={"one": "first"}, generation="2026", deployments=deployments) as running:
        yield running


def test_tools_are_listed_and_called(server, dial):
    do = dial(server)
    tools = do(lambda c: c.toolset.allowed_tools("sums")).tools
    assert sorted(tool.name for tool in tools) == sorted(TOOLS) and tools[0].input_schema
    result = do(lambda c: c.toolset.call("sums", "add", {"a": 1, "b": 2}))
    assert (result.text, bool(result.is_error), result.auth_challenge) == ("3", False, [])
    assert do(lambda c: c.toolset.call("app", "add", {"a": 2, "b": 2}, application=True)).text == "4"


def test_a_session_is_begun_told_and_ended(server, dial):
    dial(server)(lambda c: c.toolset.call("sums", "add", {"a": 1, "b": 2}))
    asked = [(request.method, request.json().get("method") if request.body else None) for request in server.requests]
    assert asked == [
        ("POST", "initialize"),
        ("POST", "notifications/initialized"),
        ("POST", "tools/call"),
        ("DELETE", None),
    ]
    assert len({request.headers.get("mcp-session-id") for request in server.requests[1:]}) == 1
    assert server.requests[-1].headers["mcp-protocol-version"]


def test_an_answer_may_be_streamed(server, dial):
    assert dial(server)(lambda c: c.toolset.call("sums", "slow", {"word": "it"})).text == "done it"


def test_a_tool_that_fails_is_a_result(server, dial):
    result = dial(server)(lambda c: c.toolset.call("sums", "broken"))
    assert result.is_error and "out of order" in result.text


def test_a_tool_that_needs_a_sign_in_says_where(server, dial):
    result = dial(server)(lambda c: c.toolset.call("sums", "locked"))
    assert result.auth_challenge[0]["scope"] == "applications/a/external_services/crm"


def test_an_unknown_tool_is_an_error_of_the_mcp_server(server, dial):
    with pytest.raises(DialException, match="refused: Unknown tool") as raised:
        dial(server)(lambda c: c.toolset.call("sums", "none"))
    assert raised.value.code == "-32602"
    assert server.requests[-1].method == "DELETE"


def test_signing_in_and_out(server, dial, bucket_of):
    do = dial(server)
    url = "toolsets/%s/my tools" % bucket_of(do)
    settings = {"authentication_type": "API_KEY", "api_key_header": "X-Key"}
    body = {"endpoint": "https://tools.example/mcp", "allowed_tools": ["search"], "auth_settings": settings}
    do(lambda c: c.custom_toolsets.save(url, body))
    with pytest.raises(AuthenticationError, match="sign in"):
        do(lambda c: c.toolset.allowed_tools(url))
    with pytest.raises(AuthenticationError):
        do(lambda c: c.toolset.call(url, "search"))
    assert do(lambda c: c.toolset.signin(url, authentication_type="API_KEY", api_key="k"))
    assert do(lambda c: c.toolset.get(url)).auth_settings.user_level_auth_status == "SIGNED_IN"
    assert [tool.name for tool in do(lambda c: c.toolset.allowed_tools(url)).tools] == ["search"]
    assert do(lambda c: c.toolset.signout(url, authentication_type="API_KEY"))
    with pytest.raises(AuthenticationError):
        do(lambda c: c.toolset.tools(url))


def test_any_mcp_client_gets_what_it_needs(server, dial):
    found = dial(server)(lambda c: c.toolset.mcp("toolsets/b/my tools"))
    assert found.url == server.url + "/v1/toolset/toolsets/b/my%20tools/mcp" and found.headers == {"api-key": "one"}
    assert "one" not in repr(found)
    assert dial(server)(lambda c: c.toolset.mcp("a", application=True)).url == server.url + "/v1/deployments/a/mcp"


def whole(body, *headers):
    lines = b"".join(header + b"\r\n" for header in headers)
    return b"HTTP/1.1 200 OK\r\n%scontent-length: %d\r\n\r\n%s" % (lines, len(body), body)


STREAM = b"content-type: text/event-stream"


@pytest.mark.parametrize(("answer", "error"), [
    (whole(b"nonsense"), ParsingDataError),
    (whole(b"data: nonsense\n\n", STREAM), ParsingDataError),
    (whole(b"", STREAM), ParsingDataError),
    (whole(b'{"jsonrpc": "2.0", "id": 7, "result": {}}'), ParsingDataError),
    (whole(b'{"jsonrpc": "2.0", "id": 1, "result": []}'), ParsingDataError),
    (whole(b'{"jsonrpc": "2.0", "id": 1, "error": {"code": -1, "message": "no"}}'), DialException),
    (b"HTTP/1.1 403 x\r\ncontent-length: 19\r\n\r\nTool is not allowed", PermissionDeniedError),
])  # fmt: skip
def test_what_an_mcp_server_may_answer(dial, answer, error):
    with RawServer([answer]) as server:
        with pytest.raises(error) as raised:
            dial(server, max_retries=0)(lambda c: c.toolset.call("t", "x"))
    assert type(raised.value) is error


def test_an_answer_of_an_mcp_server_is_not_read_without_end(dial, monkeypatch):
    monkeypatch.setattr("aidial_min.api.toolsets.MOST", 1000)
    result = b'{"jsonrpc": "2.0", "id": 1, "result": {"a": "%s"}}' % (b"x" * 2000)
    with RawServer([whole(result)]) as server:
        with pytest.raises(ParsingDataError, match="larger than 1000 bytes") as raised:
            dial(server, max_retries=0)(lambda c: c.toolset.call("t", "x"))
    assert raised.value.request_sent == "yes"


@pytest.mark.parametrize("kind", [b"content-type: application/json", STREAM])
def test_an_answer_of_an_mcp_server_may_not_fill_the_memory(dial, monkeypatch, kind):
    monkeypatch.setattr("aidial_min.core.call.MOST_OBJECTS", 1000)
    result = b'{"jsonrpc": "2.0", "id": 1, "result": {"a": [%s[]]}}' % (b"[]," * 1000)
    with RawServer([whole(result if kind != STREAM else b"data: %s\n\n" % result, kind)]) as server:
        with pytest.raises(ParsingDataError, match="more than 1000 lists and objects") as raised:
            dial(server, max_retries=0)(lambda c: c.toolset.call("t", "x"))
    assert raised.value.request_sent == "yes"


def test_a_server_without_sessions(dial):
    result = {"jsonrpc": "2.0", "id": 1, "result": {"protocolVersion": "2025-03-26"}}
    last = {
        "jsonrpc": "2.0",
        "id": 2,
        "result": {"content": [{"type": "text", "text": "hi"}], "structuredContent": {"a": 1}},
    }
    scripts = [whole(json.dumps(result).encode()), whole(b""), whole(json.dumps(last).encode())]
    with RawServer(scripts) as server:
        found = dial(server)(lambda c: c.toolset.call("t", "x"))
        assert found.text == "hi" and found.structured_content == {"a": 1}
        assert len(server.requests) == 3 and "mcp-protocol-version: 2025-03-26" in server.requests[2][1].lower()
