"""What only newer Cores have: MCP, external services, offline credentials, routes of applications, trace headers."""

import json
from collections.abc import Iterator
from typing import Any, Optional

import pytest

from aidial_min.testing import Deployment, DialServer

from .raw_client import UPLOAD, Answer, Raw, User, upload_body

OAUTH = {"authentication_type": "OAUTH", "client_secret": "very-secret"}
API_KEY = {"authentication_type": "API_KEY", "api_key_header": "X-CRM"}


def add(a: float, b: float) -> str:
    """The sum of two numbers."""
    return str(a + b)


def count(to: int) -> Iterator[Any]:
    for number in range(to):
        yield {"method": "notifications/progress", "params": {"progressToken": 1, "progress": number}}
    return "counted"


def items(method: str, body: bytes) -> Any:
    return {"method": method, "body": body.decode()}


def live(method: str, body: bytes) -> Any:
    return iter([b"data: 1\n\n", 0.001, b"data: 2\n\n"])


@pytest.fixture
def server() -> Iterator[DialServer]:
    crm = {"crm": {"display_name": "CRM", "auth_settings": API_KEY}, "calendar": {"auth_settings": OAUTH}}
    allowed = {"allowed_tools": ["add", "count"]}
    deployments = [
        Deployment("echo", behaviour="echo"),
        Deployment("math", "toolset", tools={"add": add, "count": count, "hidden": add}, extra=allowed),
        Deployment("locked", "toolset", tools={"add": add}, extra={"auth_settings": API_KEY}),
        Deployment("app", tools={"add": add}, extra={"external_services": crm}),
        Deployment("shop", routes={"/items/.*": items, "/live": live}),
    ]  # fmt: skip
    keys = {"one": "first", "two": "second"}
    running = DialServer(
        generation="2026", keys=keys, admin_keys=["boss"], deployments=deployments, tokens={"t": "ann"}
    )
    running.add_per_request_key("key-app", "app", "one")
    running.add_per_request_key("key-echo", "echo", "one")
    with running as server:
        yield server


@pytest.fixture
def user(server: DialServer) -> Iterator[User]:
    with User(server.port, "one") as user:
        yield user


def rpc(user: User, method: str, id: Optional[int] = 1, at: str = "toolset/math", **params: Any) -> Answer:
    body = {"jsonrpc": "2.0", "method": method, "params": params, **({} if id is None else {"id": id})}
    return user.post(f"/v1/{at}/mcp", body)


# MCP


def test_mcp_begins_with_a_session(server: DialServer, user: User) -> None:
    begun = rpc(user, "initialize", protocolVersion="2025-06-18")
    assert begun.json()["result"]["protocolVersion"] == "2025-06-18"
    session = begun.header("Mcp-Session-Id")
    assert session
    assert rpc(user, "notifications/initialized", id=None).status == 202
    with Raw(server.port) as raw:
        headers = {"Api-Key": "one", "Mcp-Session-Id": session}
        assert raw.request("GET", "/v1/toolset/math/mcp", headers).header("content-type") == "text/event-stream"
        assert raw.request("DELETE", "/v1/toolset/math/mcp", headers).status == 200
        assert raw.request("GET", "/v1/toolset/math/mcp", headers).text == "Session not found"


def test_mcp_calls_tools(user: User) -> None:
    tools = rpc(user, "tools/list").json()["result"]["tools"]
    assert [tool["name"] for tool in tools] == ["add", "count"]
    assert tools[0]["description"] == "The sum of two numbers."
    assert list(tools[0]["inputSchema"]["properties"]) == ["a", "b"]
    called = rpc(user, "tools/call", name="add", arguments={"a": 1, "b": 2}).json()
    assert called == {
        "jsonrpc": "2.0",
        "id": 1,
        "result": {"content": [{"type": "text", "text": "3"}], "isError": False},
    }
    assert rpc(user, "tools/call", name="add", arguments={"a": 1}).json()["result"]["isError"] is True
    assert rpc(user, "ping").json()["result"] == {}


def test_mcp_tells_of_progress_in_events(user: User) -> None:
    answer = rpc(user, "tools/call", name="count", arguments={"to": 2})
    assert answer.header("content-type") == "text/event-stream"
    told = [json.loads(frame.split("data: ")[1]) for frame in answer.text.split("\n\n")[:-1]]
    assert [event.get("method") for event in told] == ["notifications/progress", "notifications/progress", None]
    assert told[-1]["result"]["content"][0]["text"] == "counted"


def test_mcp_refuses(user: User) -> None:
    hidden = rpc(user, "tools/call", name="hidden")
    assert (hidden.status, hidden.text) == (403, "Tool is not allowed")
    assert rpc(user, "tools/call", name="nothing").json()["error"]["code"] == -32602
    assert rpc(user, "nonsense").json()["error"]["code"] == -32601
    assert user.post("/v1/toolset/math/mcp", ["x"]).text == "Invalid JSON request body"
    assert rpc(user, "tools/list", at="deployments/echo").text == "Application doesn't support MCP protocol: echo"
    assert rpc(user, "tools/list", at="toolset/nobody").text == "Toolset is not found: nobody"
    everything = user.post("/v1/toolset/math/mcp?useAllowedTools=false", {"method": "tools/list", "id": 1})
    assert everything.text == "Only admin is allowed to view all tools"


def test_mcp_of_applications(user: User) -> None:
    called = rpc(user, "tools/call", at="deployments/app", name="add", arguments={"a": 1, "b": 2})
    assert called.json()["result"]["content"][0]["text"] == "3"
    assert "app" in {item["id"] for item in user.get("/v1/deployments?interface_type=mcp").json()}


def test_tools_need_a_sign_in(server: DialServer, user: User) -> None:
    words = "Authorization required to fetch tools from toolset 'locked'. Please sign in to the toolset."
    for refused in (user.get("/v1/toolset/locked/allowed-tools"), rpc(user, "tools/list", at="toolset/locked")):
        assert (refused.status, refused.text) == (401, words)
    body = {"url": "locked", "authenticationType": "API_KEY", "apiKey": "k"}
    assert user.post("/v1/ops/toolset/signin", body).json() is True
    assert user.get("/v1/toolset/locked/allowed-tools").json()["tools"][0]["name"] == "add"
    assert user.get("/v1/toolset/locked/tools").text == "Only admin is allowed to view all tools for static toolsets"
    for_all = {**body, "credentialsLevel": "GLOBAL"}
    assert user.post("/v1/ops/toolset/signin", for_all).text == "No read and write access to Resource"
    with User(server.port, "boss") as boss:
        boss.post("/v1/ops/toolset/signin", body)
        assert boss.get("/v1/toolset/locked/tools").status == 200
    with User(server.port, "two") as other, User(server.port, "boss") as boss:
        assert other.get("/v1/toolset/locked/allowed-tools").status == 401
        assert boss.post("/v1/ops/toolset/signin", for_all).json() is True
        assert other.get("/v1/toolset/locked/allowed-tools").status == 200


def test_tools_of_applications_are_listed_as_those_of_toolsets(user: User) -> None:
    assert [tool["name"] for tool in user.get("/v1/toolset/app/allowed-tools").json()["tools"]] == ["add"]
    assert user.get("/v1/toolset/echo/allowed-tools").text == "Toolset is not found: echo"


# External services

CRM = "applications/app/external_services/crm"
CALENDAR = "applications/app/external_services/calendar"


def sign(user: User, scope: str = CRM, verb: str = "signin", **more: Any) -> Answer:
    body = {"url": scope, "credentialsLevel": "USER", "authenticationType": "API_KEY", "apiKey": "k", **more}
    return user.post(f"/v1/ops/external-service/{verb}", body)


def test_an_application_gets_what_its_user_signed_in_with(server: DialServer, user: User) -> None:
    with User(server.port, "key-app") as app:
        missing = app.post("/v1/ops/external-service/credentials", {"url": CRM})
        assert (missing.status, missing.text) == (404, f"Credentials for {CRM} not found")
        assert sign(user).json() is True
        found = app.post("/v1/ops/external-service/credentials", {"url": CRM})
        assert found.json() == {"header_name": "X-CRM", "header_value": "k"}
        assert sign(user, verb="signout").json() is True
        assert sign(user, verb="signout").json() is False
        oauth = {"authenticationType": "OAUTH", "code": "c", "redirectUri": "https://x"}
        assert sign(user, CALENDAR, **oauth).json() is True
        token = app.post("/v1/ops/external-service/credentials", {"url": CALENDAR}).json()
        assert (token["header_name"], token["header_value"]) == ("Authorization", "Bearer c")
        assert isinstance(token["expires_at"], int)


def test_external_services_refuse(server: DialServer, user: User) -> None:
    with User(server.port, "key-app") as app, User(server.port, "key-echo") as echo:
        assert sign(app).text == "Sign-in cannot be invoked with a per-request key"
        fetched = echo.post("/v1/ops/external-service/credentials", {"url": CRM})
        assert fetched.text == "Per-request key is not bound to application: app"
    assert user.post("/v1/ops/external-service/credentials", {"url": CRM}).text == "Per-request key is required"
    assert sign(user, "app").text == "Invalid external service scope id: app"
    assert sign(user, "applications/nobody/external_services/crm").status == 404
    words = "External service 'x' is not defined for application 'app'"
    assert sign(user, "applications/app/external_services/x").text == words
    assert (
        sign(user, authenticationType="OAUTH").text
        == "Wrong authentication_type. Expected type: API_KEY, provided: OAUTH"
    )
    assert sign(user, credentialsLevel="PLANET").text == "Unsupported credentials_level: PLANET"
    assert sign(user, credentialsLevel="APPLICATION").status == 403


def test_on_behalf_of_an_absent_user(server: DialServer, user: User) -> None:
    body = {"url": CALENDAR, "owner_user_id": "ann"}
    oauth = {"authenticationType": "OAUTH", "code": "c"}
    with User(server.port, claims={"sub": "ann"}) as ann:
        sign(ann, CALENDAR, **oauth)
        refused = user.post("/v1/ops/external-service/obo-credentials", body)
        assert refused.text == "Offline usage consent required for on-behalf-of retrieval"
        sign(ann, CALENDAR, **oauth, offlineUsageConsent=True)
        assert user.post("/v1/ops/external-service/obo-credentials", body).json()["header_value"] == "Bearer c"


def test_services_of_custom_applications_are_managed(user: User) -> None:
    at = f"/v1/applications/{user.bucket}/mine"
    user.put(at, {"endpoint": "http://app/openai/deployments/echo/chat/completions"})
    made = user.put(at + "/external-services/crm", {"display_name": "CRM", "auth_settings": OAUTH}).json()
    assert made["auth_settings"]["client_secret_hint"] == "cret"
    assert "client_secret" not in made["auth_settings"]
    user.put(at + "/external-services/crm", {"auth_settings": {"authentication_type": "OAUTH", "client_id": "i"}})
    (listed,) = user.get(at + "/external-services").json()
    assert listed["auth_settings"]["client_secret_hint"] == "cret"
    assert user.get(at + "/external-services/crm").json() == listed
    assert user.get(at + "/external-services/none").text == "External service 'none' not found"
    assert user.delete(at + "/external-services/crm").json() is True
    assert user.get(at + "/external-services").json() == []


def test_services_of_configured_applications_are_read_only(server: DialServer, user: User) -> None:
    assert user.get("/v1/applications/app/external-services").status == 403
    with User(server.port, "boss") as boss:
        assert {one["id"] for one in boss.get("/v1/applications/app/external-services").json()} == {"crm", "calendar"}
        assert boss.put("/v1/applications/app/external-services/crm", {"auth_settings": OAUTH}).status == 400
        consent = boss.post("/v1/applications/app/external-services/crm/consent", {})
        assert consent.text == "Consent applies only to DIAL_NATIVE services"


def test_offline_credentials(server: DialServer, user: User) -> None:
    assert user.get("/v1/user/offline-credentials").status == 401
    with User(server.port, claims={"sub": "ann"}) as ann:
        assert ann.get("/v1/user/offline-credentials").json()["connect"]["scopes"] == ["offline_access"]
        assert ann.post("/v1/user/offline-credentials/signin", {"code": "c", "redirectUri": "https://x"}).json() is True
        assert ann.get("/v1/user/offline-credentials").json() == {"available": True, "connected": True}
        assert ann.post("/v1/user/offline-credentials/signout", {}).json() is True


# Routes and headers


def test_routes_of_applications(user: User) -> None:
    assert user.put("/v1/deployments/shop/route/items/1", {"a": 1}).json() == {"method": "PUT", "body": '{"a": 1}'}
    assert user.get("/v1/deployments/shop/route/live").text == "data: 1\n\ndata: 2\n\n"
    assert user.get("/v1/deployments/shop/route/nothing").status == 404
    assert user.get("/v1/deployments/nobody/route/items/1").status == 404


def test_every_answer_names_its_trace(server: DialServer, user: User) -> None:
    answers = [user.get("/openai/models"), user.get("/v1/nothing")]
    traces = [answer.header("X-DIAL-TRACE-ID") for answer in answers]
    assert len(set(traces)) == 2
    for answer, trace in zip(answers, traces):
        assert trace and len(trace) == 32
        assert answer.header("traceparent") == f"00-{trace}-{answer.header('X-DIAL-SPAN-ID')}-01"
    with DialServer() as older, User(older.port, older.api_key) as other:
        assert other.get("/openai/models").header("X-DIAL-TRACE-ID") is None


def test_applications_see_what_the_caller_says_of_itself() -> None:
    seen: list[Any] = []

    def behaviour(request: Any) -> Iterator[Any]:
        seen.append(
            {name: request.headers.get(name) for name in ("x-conversation-id", "x-dial-cache-policy", "api-key")}
        )
        yield "ok"

    with DialServer(generation="2026", deployments=[Deployment("app", behaviour=behaviour)]) as server:
        body = json.dumps({"messages": [{"role": "user", "content": "x"}]}).encode()
        headers = {"Api-Key": server.api_key, "Content-Type": "application/json", "X-CONVERSATION-ID": "c%2F1"}
        headers["X-DIAL-CACHE-POLICY"] = "cache-priority"
        with Raw(server.port) as raw:
            raw.request("POST", "/openai/deployments/app/chat/completions", headers, body)
    assert seen == [{"x-conversation-id": "c%2F1", "x-dial-cache-policy": "cache-priority", "api-key": None}]


def test_keys_of_native_clients(server: DialServer) -> None:
    with Raw(server.port) as raw:
        assert raw.request("GET", "/v1/bucket", {"x-api-key": "one"}).status == 200
    with DialServer() as older, Raw(older.port) as raw:
        assert raw.request("GET", "/v1/bucket", {"x-api-key": older.api_key}).status == 401


# Consent, schemas, the code interpreter


def test_consent_comes_before_the_call() -> None:
    with DialServer(generation="2026", deployments=[Deployment("app", consent_for=["gpt-4o"])]) as server:
        with User(server.port, server.api_key) as user:
            assert user.chat("app", "hi").status == 403
            asked = user.get("/v1/consent/app").json()
            assert asked == {"accepted": False, "consent": {"deployments": {"gpt-4o": {"consentRequired": True}}}}
            assert user.post("/v1/consent/app", {"consent": {}}).text == "User consent is missed"
            assert user.post("/v1/consent/app", {"consent": asked["consent"]}).status == 200
            assert user.get("/v1/consent/app").json()["accepted"] is True
            assert user.chat("app", "hi").status == 200


def test_schemas() -> None:
    shown = {
        "$id": "https://x/1",
        "dial:applicationTypeDisplayName": "One",
        "dial:applicationTypeEditorUrl": "https://e",
    }
    schema = {**shown, "dial:applicationTypeCompletionEndpoint": "http://hidden", "type": "object"}
    with DialServer(generation="2026", schemas=[schema, {"$id": "https://x/2"}]) as server:
        with User(server.port, server.api_key) as user:
            path = "/v1/application_type_schemas/"
            assert user.get(path + "schemas").json() == [shown]
            assert user.get(path + "schema?id=https%3A%2F%2Fx%2F1").json() == {**shown, "type": "object"}
            refused = [user.get(path + "schema" + query).text for query in ("", "?id=x", "?id=https%3A%2F%2Fx%2F3")]
            assert refused == ["Schema ID is required", "Bad Schema ID", "Schema not found"]
            assert user.get(path + "meta_schema").json()["type"] == "object"


def interpreter(user: User, what: str, **body: Any) -> Answer:
    return user.post("/v1/ops/code_interpreter/" + what, body)


def test_the_code_interpreter(server: DialServer, user: User) -> None:
    session = interpreter(user, "open_session").json()["sessionId"]
    assert interpreter(user, "get_session", sessionId=session).json()["sessionId"] == session
    ran = interpreter(user, "execute_code", sessionId=session, code="6*7").json()
    assert (ran["status"], ran["stdout"]) == ("SUCCESS", "42\n")
    with Raw(server.port) as raw:
        path = f"/v1/ops/code_interpreter/upload_file?session_id={session}"
        sent = raw.request("POST", path, {"Api-Key": "one", **UPLOAD}, upload_body(b"abc", filename="in.txt"))
        assert sent.json() == {"path": "in.txt", "size": 3}
    assert interpreter(user, "list_files", sessionId=session).json() == {"files": [{"path": "in.txt", "size": 3}]}
    assert interpreter(user, "download_file", sessionId=session, path="in.txt").body == b"abc"
    url = f"files/{user.bucket}/out.txt"
    done = interpreter(user, "transfer_output_file", sessionId=session, sourcePath="in.txt", targetUrl=url)
    assert done.json()["url"] == url
    taken = interpreter(user, "transfer_input_file", sessionId=session, sourceUrl=url, targetPath="again.txt")
    assert taken.json() == {"path": "again.txt", "size": 3}
    with User(server.port, "two") as other:
        assert interpreter(other, "list_files", sessionId=session).status == 404
    assert interpreter(user, "close_session", sessionId=session).status == 200
    assert interpreter(user, "execute_code", sessionId=session, code="1").status == 404
