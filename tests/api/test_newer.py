"""What Cores of 2025 and 2026 added: what each operation sends, what comes back, and that older Cores lack it."""

import json
from pathlib import PurePosixPath

import pytest

from aidial_min import EndpointNotSupportedError, InvalidRequestError

TOOLSET = "toolsets/b/my tools"
SCOPE = "applications/b/my app/external_services/crm"
ENCODED = "applications/b/my%20app/external_services/crm"
SERVICE = {"id": "crm", "display_name": "CRM", "auth_settings": {"authentication_type": "OAUTH", "new": 1}}
HEADER = {"header_name": "Authorization", "header_value": "Bearer abcdefgh", "expires_at": 1790003600}
STATS = {
    "deployments": {"m": {"dayTokenStats": {"total": 9, "used": 1}}},
    "dayCostStats": {"total": 2.0**53, "used": 1},
}
OFFLINE = {"available": True, "connected": False, "connect": {"client_id": "c", "scopes": ["a"]}}
TOOLS = {"tools": [{"name": "search", "inputSchema": {}, "annotations": {"readOnlyHint": True}}], "nextCursor": "2"}
CODE = {"sessionId": "s", "deploymentType": "python"}

OPERATIONS = [
    # what is called; method, target and body on the wire; the answer; what is checked of the result
    (lambda c: c.deployments.list(interface_type=["chat", "mcp"]), "GET", "/v1/deployments?interface_type=chat%2Cmcp",
     None, [{"id": "m", "interfaces": ["chat"], "interface_configs": {"chat": {}}}],
     lambda r: r[0].interfaces == ["chat"]),
    (lambda c: c.deployments.list(interface_type="all"), "GET", "/v1/deployments?interface_type=all", None, [],
     lambda r: r == []),
    (lambda c: c.deployments.usage("applications/b/my app"), "GET", "/v1/deployments/applications/b/my%20app/usage",
     None, {"dayTokenStats": {"total": 5, "used": 1}}, lambda r: r.day_token_stats.used == 1),
    (lambda c: c.user.limits(), "GET", "/v1/user/limits", None, STATS,
     lambda r: r.deployments["m"].day_token_stats.used == 1 and r.day_cost_stats.unlimited),
    (lambda c: c.user.usage(deployment_types=["model", "application"]), "GET",
     "/v1/user/usage?deploymentTypes=model%2Capplication", None, STATS, lambda r: r.day_cost_stats.used == 1),
    (lambda c: c.user.offline_credentials(), "GET", "/v1/user/offline-credentials", None, OFFLINE,
     lambda r: r.available and r.connect.scopes == ["a"]),
    (lambda c: c.user.offline_signin("code", "https://x"), "POST", "/v1/user/offline-credentials/signin",
     {"code": "code", "redirectUri": "https://x"}, True, lambda r: r is True),
    (lambda c: c.user.offline_signout(), "POST", "/v1/user/offline-credentials/signout", None, False,
     lambda r: r is False),
    (lambda c: c.toolset.signin("toolsets/b/my%20tools", authentication_type="OAUTH", code="k", redirect_uri="https://x"),
     "POST", "/v1/ops/toolset/signin",
     {"url": TOOLSET, "credentialsLevel": "USER", "authenticationType": "OAUTH", "code": "k", "redirectUri": "https://x"},
     True, lambda r: r is True),
    (lambda c: c.toolset.signin(TOOLSET, authentication_type="API_KEY", api_key="k", credentials_level="GLOBAL"),
     "POST", "/v1/ops/toolset/signin",
     {"url": TOOLSET, "credentialsLevel": "GLOBAL", "authenticationType": "API_KEY", "apiKey": "k"}, True,
     lambda r: r is True),
    (lambda c: c.toolset.signout(TOOLSET, authentication_type="API_KEY"), "POST", "/v1/ops/toolset/signout",
     {"url": TOOLSET, "credentialsLevel": "USER", "authenticationType": "API_KEY"}, False, lambda r: r is False),
    (lambda c: c.toolset.allowed_tools(TOOLSET), "GET", "/v1/toolset/toolsets/b/my%20tools/allowed-tools", None, TOOLS,
     lambda r: r.tools[0].name == "search" and r.tools[0].annotations == {"readOnlyHint": True}),
    (lambda c: c.toolset.tools("static", next_cursor="1"), "GET", "/v1/toolset/static/tools?nextCursor=1", None, TOOLS,
     lambda r: r.next_cursor == "2"),
    (lambda c: c.external_services.signin(SCOPE, authentication_type="OAUTH", code="k", redirect_uri="https://x",
                                          offline_usage_consent=True), "POST", "/v1/ops/external-service/signin",
     {"url": ENCODED, "credentialsLevel": "USER", "authenticationType": "OAUTH", "code": "k", "redirectUri": "https://x",
      "offlineUsageConsent": True}, True, lambda r: r is True),
    (lambda c: c.external_services.signout(ENCODED, authentication_type="OAUTH", credentials_level="APPLICATION"),
     "POST", "/v1/ops/external-service/signout",
     {"url": ENCODED, "credentialsLevel": "APPLICATION", "authenticationType": "OAUTH"}, True, lambda r: r is True),
    (lambda c: c.external_services.credentials(SCOPE), "POST", "/v1/ops/external-service/credentials", {"url": ENCODED},
     HEADER, lambda r: r.header_value == "Bearer abcdefgh" and "abcdefgh" not in repr(r)),
    (lambda c: c.external_services.credentials_on_behalf_of(SCOPE, "u"), "POST",
     "/v1/ops/external-service/obo-credentials", {"url": ENCODED, "owner_user_id": "u"}, HEADER,
     lambda r: r.expires_at == 1790003600),
    (lambda c: c.external_services.list("applications/b/my app"), "GET",
     "/v1/applications/b/my%20app/external-services", None, [SERVICE],
     lambda r: r[0].auth_settings.authentication_type == "OAUTH"),
    (lambda c: c.external_services.get("crm-app", "my crm"), "GET",
     "/v1/applications/crm-app/external-services/my%20crm", None, SERVICE, lambda r: r.to_dict() == SERVICE),
    (lambda c: c.external_services.save("crm-app", "crm", {"display_name": "CRM"}), "PUT",
     "/v1/applications/crm-app/external-services/crm", {"display_name": "CRM"}, SERVICE, lambda r: r.id == "crm"),
    (lambda c: c.external_services.delete("crm-app", "crm"), "DELETE", "/v1/applications/crm-app/external-services/crm",
     None, True, lambda r: r is True),
    (lambda c: c.external_services.approve("a", "s"), "POST", "/v1/applications/a/external-services/s/consent", None,
     True, lambda r: r is True),
    (lambda c: c.external_services.disapprove("a", "s"), "DELETE", "/v1/applications/a/external-services/s/consent",
     None, True, lambda r: r is True),
    (lambda c: c.schemas.list(), "GET", "/v1/application_type_schemas/schemas", None, [{"$id": "https://x/s"}],
     lambda r: r == [{"$id": "https://x/s"}]),
    (lambda c: c.schemas.get("https://x/s?a", "catalog"), "GET",
     "/v1/catalog_schemas/schema?id=https%3A%2F%2Fx%2Fs%3Fa", None, {"$id": "x"}, lambda r: r == {"$id": "x"}),
    (lambda c: c.schemas.get_meta(), "GET", "/v1/application_type_schemas/meta_schema", None, {}, lambda r: r == {}),
    (lambda c: c.consent.get("a/b"), "GET", "/v1/consent/a/b", None, {"accepted": False, "consent": {}},
     lambda r: r["accepted"] is False),
    (lambda c: c.consent.accept("a", {"deployments": {}}), "POST", "/v1/consent/a", {"consent": {"deployments": {}}},
     "", lambda r: r is None),
    (lambda c: c.code_interpreter.open_session(), "POST", "/v1/ops/code_interpreter/open_session", {}, CODE,
     lambda r: r.session_id == "s"),
    (lambda c: c.code_interpreter.get_session("s"), "POST", "/v1/ops/code_interpreter/get_session", {"sessionId": "s"},
     CODE, lambda r: r.deployment_type == "python"),
    (lambda c: c.code_interpreter.close_session("s"), "POST", "/v1/ops/code_interpreter/close_session",
     {"sessionId": "s"}, CODE, lambda r: r.session_id == "s"),
    (lambda c: c.code_interpreter.execute("s", "1+1", input_files={"a": "files/b/x y"},
                                          output_files={"o": "files/b/o"}), "POST",
     "/v1/ops/code_interpreter/execute_code",
     {"sessionId": "s", "code": "1+1", "inputFiles": [{"sourceUrl": "files/b/x%20y", "targetPath": "a"}],
      "outputFiles": [{"sourcePath": "o", "targetUrl": "files/b/o"}]},
     {"status": "SUCCESS", "result": {"text": "2"}}, lambda r: r.result == {"text": "2"}),
    (lambda c: c.code_interpreter.list_files("s"), "POST", "/v1/ops/code_interpreter/list_files", {"sessionId": "s"},
     {"files": [{"path": "a", "size": 1}]}, lambda r: r[0].size == 1),
    (lambda c: c.code_interpreter.transfer_input("s", "files/b/x", "a"), "POST",
     "/v1/ops/code_interpreter/transfer_input_file",
     {"sessionId": "s", "sourceUrl": "files/b/x", "targetPath": "a"}, {"path": "a"}, lambda r: r.path == "a"),
    (lambda c: c.code_interpreter.transfer_output("s", "a", "files/b/x"), "POST",
     "/v1/ops/code_interpreter/transfer_output_file",
     {"sessionId": "s", "sourcePath": "a", "targetUrl": "files/b/x"}, {"url": "files/b/x"},
     lambda r: r.url == "files/b/x"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "method", "target", "body", "answer", "check"), OPERATIONS)
def test_an_operation(older, dial, last, call, method, target, body, answer, check):
    older.fail(200, path=target.split("?")[0].replace("%20", " "), body=answer if answer == "" else json.dumps(answer))
    older.fail(200, path=target.split("?")[0], body=answer if answer == "" else json.dumps(answer))
    result = dial(older)(call)
    assert check(result)
    assert last(older) == (method, target, body)


@pytest.mark.parametrize("call", [row[0] for row in OPERATIONS])
def test_core_of_2024_does_not_have_it(older, dial, call):
    with pytest.raises(EndpointNotSupportedError):
        dial(older)(call)


def test_a_file_goes_into_a_session_and_comes_back(older, dial):
    do = dial(older)
    older.fail(200, path="/v1/ops/code_interpreter/upload_file", body='{"path": "d/a.txt", "size": 3}')
    assert do(lambda c: c.code_interpreter.upload("s", "d/a.txt", b"abc")).size == 3
    request = older.requests[-1]
    assert request.target == "/v1/ops/code_interpreter/upload_file?session_id=s"
    assert b'filename="d/a.txt"' in request.body and b"abc" in request.body
    older.fail(200, path="/v1/ops/code_interpreter/download_file", body="abc")
    found = do(lambda c: c.code_interpreter.download("s", PurePosixPath("d/a.txt")))
    content = found.get_content()
    assert (found.filename, content) == ("a.txt", b"abc")


@pytest.mark.parametrize("call", [
    lambda c: c.external_services.credentials("applications/a"),
    lambda c: c.external_services.credentials("x/external_services/y"),
    lambda c: c.external_services.get("a", ""),
    lambda c: c.toolset.signin("t", authentication_type="OAUTH", code="k"),
    lambda c: c.schemas.list("nothing"),
    lambda c: c.toolset.call("t", ""),
    lambda c: c.deployments.list(interface_type=[]),
    lambda c: c.deployments.route("a", ""),
    lambda c: c.deployments.route("a", "x/route/y"),
    lambda c: c.user.usage(deployment_types="model"),
    lambda c: c.external_services.get("app", "x\ud800"),
    lambda c: c.responses.retrieve("x\ud800"),
    lambda c: c.chat.completions.create(deployment_name="a", messages=[], conversation_id="x\ud800"),
    lambda c: c.metadata.get([], "files/b/"),
    lambda c: c.toolset.call("sums", "add", [1, 2]),
    lambda c: c.toolset.call("sums", "add", "1, 2"),
    lambda c: c.code_interpreter.execute("s", "1+1", input_files=["files/b/x"]),
    lambda c: c.code_interpreter.upload("s", None, b"x"),
    lambda c: c.code_interpreter.download("s", b"a/b"),
    lambda c: c.code_interpreter.execute("s", "1+1", output_files="files/b/x"),
])  # fmt: skip
def test_bad_arguments_are_refused_before_anything_is_sent(older, dial, call):
    with pytest.raises(InvalidRequestError):
        dial(older)(call)
    assert not older.requests
