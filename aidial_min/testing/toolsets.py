"""Toolsets (2026): stored definitions, their listing shape, sign-in, tools, and MCP through Core.

The tools of a configured toolset are the functions of `Deployment.tools`. The server never opens a connection: a stored
toolset has the tools that its definition allows, and each answers with its arguments.
"""

import inspect
from collections.abc import Container, Iterator
from typing import Any, Callable, Optional
from urllib.parse import unquote

from .access import READ, WRITE
from .custom_applications import definition, definitions, named, snake
from .deployments import Deployment, head
from .http import HttpError, Response, as_json, dumps, event, present, refuse_if
from .json_shapes import Json, an_object, json_body, judge, mapping, parsed, strings, text, without_nulls
from .paths import encode, from_url
from .routing import Call, endpoint
from .storage import Item

SESSION = "Mcp-Session-Id"
PROTOCOL = "2025-06-18"
_FIELDS = {
    "endpoint": text, "allowed_tools": strings, "description_keywords": strings, "auth_settings": mapping,
}  # fmt: skip
_ASKED = an_object({"method": text, "params": an_object({"arguments": mapping})}, "method")
_NO_TYPE = "Wrong authentication_type. Expected type: {}, provided: {}"


class SignedIn(set[tuple[str, str]]):
    """Who has signed in: location of the caller ("" for everybody), id of the toolset."""


class Sessions(set[str]):
    """The sessions of MCP that have begun and not ended."""


def prepare(call: Call, raw: bytes) -> bytes:
    """What is stored for a toolset that was sent."""
    body = snake(json_body(raw))
    judge(body, an_object(_FIELDS, "endpoint"))
    return dumps({"transport": "HTTP", "allowed_tools": [], **named(call, body)})


def show(call: Call, item: Item) -> bytes:
    """The definition to who may write, the shape of the listings to everybody else; no secrets to anybody."""
    body = item.json()
    toolset = _deployment(call.resource.url, body)
    if WRITE not in call.rights(call.resource):
        return dumps(listed(call, toolset))
    return dumps({**body, "auth_settings": _settings(call, toolset)})


def all_of(call: Call) -> list[Deployment]:
    """Every toolset that the caller sees, configured or stored."""
    return call.configured("toolset") + [_deployment(url, body) for url, body in definitions(call, "toolsets")]


def find(call: Call, id: str) -> Deployment:
    """Ids of stored toolsets are encoded, those of configured ones are not."""
    for toolset in all_of(call):
        if id in (toolset.id, unquote(toolset.id)):
            return toolset
    raise HttpError(404, f"Toolset is not found: {id}")


def listed(call: Call, toolset: Deployment) -> Json:
    """How GET /openai/toolsets shows it."""
    fields = {**vars(toolset), **toolset.extra}
    listed = head(toolset.id, "toolset", fields)
    listed["description_keywords"] = list(fields["description_keywords"] or ())
    listed["transport"] = fields.get("transport", "HTTP")
    listed["allowed_tools"] = fields.get("allowed_tools") or []
    listed["auth_settings"] = _settings(call, toolset)
    listed["max_retry_attempts"] = fields.get("max_retry_attempts", 1)
    return without_nulls(listed)


def _deployment(url: str, body: Json) -> Deployment:
    """A stored toolset: it has the tools that it allows."""
    tools = {name: lambda **arguments: dumps(arguments).decode() for name in body.get("allowed_tools") or ()}
    return Deployment(url, "toolset", tools=tools, extra=body)


# Sign-in


def _settings(call: Call, toolset: Deployment) -> Json:
    given = toolset.extra.get("auth_settings") or {"authentication_type": "NONE"}
    return auth_settings(call, given, toolset.id, call.core.part(SignedIn), "global")


def auth_settings(call: Call, given: Json, id: str, signed_in: Container[tuple[str, str]], for_all: str) -> Json:
    """Settings without their secrets, and whether this user, and everybody (`for_all`), has signed in to `id`."""
    settings = {name: value for name, value in given.items() if name not in ("client_secret", "code_verifier")}
    for level, owner in (("user_level", call.caller.location), (for_all, "")):
        settings[level + "_auth_status"] = "SIGNED_IN" if (owner, id) in signed_in else "SIGNED_OUT"
    return settings


@endpoint("POST /v1/ops/toolset/{operation:signin|signout}", generations="2026", fields="")
def sign(call: Call, operation: str) -> bool:
    url: Any = call.body.get("url")
    refuse_if(not isinstance(url, str), 400, "url must be provided")
    for_all = str(call.body.get("credentialsLevel", "USER")).upper() == "GLOBAL"
    toolset = _to_sign(call, url, for_all)
    expected = _settings(call, toolset).get("authentication_type", "NONE")
    provided = call.body.get("authenticationType")
    refuse_if(provided not in (None, expected), 400, _NO_TYPE.format(expected, provided))
    signed_in, one = call.core.part(SignedIn), ("" if for_all else call.caller.location, toolset.id)
    before = one in signed_in
    (signed_in.add if operation == "signin" else signed_in.discard)(one)
    return before or operation == "signin"


def _to_sign(call: Call, url: str, for_all: bool) -> Deployment:
    """The toolset whose id in decoded form is `url`."""
    needed, words = ({READ, WRITE}, "read and write") if for_all else ({READ}, "read")
    refusal = f"No {words} access to Resource"
    deployment = call.core.deployments.get(url)
    if deployment is not None and deployment.kind == "toolset":
        refuse_if(for_all and not call.caller.admin, 403, refusal)
        return deployment
    resource = from_url(encode(url))
    refuse_if(not call.rights(resource) >= needed, 403, refusal)
    body = present(definition(call.core, resource), 404, f"Resource is not found: {resource.url}")
    return _deployment(resource.url, body)


# Tools


@endpoint("GET /v1/toolset/{id}/allowed-tools", generations="2026")
def allowed_tools(call: Call, id: str) -> Json:
    return {"tools": _tools(_signed_in(call, id), allowed=True)}


@endpoint("GET /v1/toolset/{id}/tools", generations="2026")
def tools(call: Call, id: str) -> Json:
    toolset = _signed_in(call, id)
    if id in call.core.deployments:
        refuse_if(not call.caller.admin, 403, "Only admin is allowed to view all tools for static toolsets")
    elif WRITE not in call.rights(from_url(toolset.id)):
        raise HttpError(403, "Admin or write access required to view all tools")
    return {"tools": _tools(toolset, allowed=False)}


def _signed_in(call: Call, id: str) -> Deployment:
    """The toolset, if its credentials are there; or the application that has tools of its own."""
    application = call.core.deployments.get(id)
    if application is not None and application.kind != "toolset" and application.tools:
        return application
    toolset = find(call, id)
    settings = _settings(call, toolset)
    statuses = (settings["user_level_auth_status"], settings["global_auth_status"])
    if settings.get("authentication_type", "NONE") != "NONE" and "SIGNED_IN" not in statuses:
        words = f"Authorization required to fetch tools from toolset '{id}'. Please sign in to the toolset."
        raise HttpError(401, words)
    return toolset


def _tools(toolset: Deployment, allowed: bool) -> list[Json]:
    """The tools, as MCP describes them: those that are allowed, or all."""
    names = toolset.extra.get("allowed_tools")
    found = []
    for name, function in toolset.tools.items():
        if not (allowed and names) or name in names:
            parameters = inspect.signature(function).parameters.values()
            properties: Json = {one.name: {} for one in parameters if one.kind != one.VAR_KEYWORD}
            described = {"description": inspect.getdoc(function)} if inspect.getdoc(function) else {}
            found.append({"name": name, **described, "inputSchema": {"type": "object", "properties": properties}})
    return found


# MCP


@endpoint("GET|POST|DELETE /v1/toolset/{id}/mcp", generations="2026")
@endpoint("GET|POST|DELETE /v1/deployments/{id}/mcp", generations="2026")
def mcp(call: Call, id: str) -> Optional[Response]:
    """MCP's streamable HTTP transport: JSON-RPC, answered whole, or as events where a tool tells of its progress."""
    deployment = call.core.deployments.get(id)
    if "/deployments/" in call.request.path and (deployment is None or not deployment.tools):
        raise HttpError(400 if deployment else 404, f"Application doesn't support MCP protocol: {id}")
    toolset = _signed_in(call, id)
    session = call.request.headers.get(SESSION.lower())
    sessions = call.core.part(Sessions)
    if call.request.method != "POST":
        refuse_if(session not in sessions, 404, "Session not found")
        if call.request.method == "DELETE":
            sessions.discard(str(session))
            return None
        return Response(200, iter([b": nothing is told here\n\n"]), [("content-type", "text/event-stream")])
    words = "Invalid JSON request body"
    asked = parsed(call.request.body(), (400, words), (400, words))
    judge(asked, _ASKED, words=words)
    method, params = asked["method"], asked.get("params") or {}
    refuse_if(session is not None and session not in sessions, 404, "Session not found")
    if "id" not in asked:
        return Response(202)
    everything = call.query.get("useAllowedTools", "true").lower() == "false"
    refuse_if(everything and not call.caller.admin, 403, "Only admin is allowed to view all tools")
    found = {tool["name"]: tool for tool in _tools(toolset, allowed=not everything)}
    if method == "initialize":
        session = call.core.new_id()
        sessions.add(session)
        info = {"protocolVersion": params.get("protocolVersion", PROTOCOL), "capabilities": {"tools": {}}}
        return _told(asked, {**info, "serverInfo": {"name": id, "version": "1"}}, [(SESSION, session)])
    if method == "tools/list":
        return _told(asked, {"tools": list(found.values())})
    if method == "tools/call":
        function = toolset.tools.get(str(params.get("name")))
        refuse_if(function is not None and params["name"] not in found, 403, "Tool is not allowed")
        if function is not None:
            return _called(asked, function, params.get("arguments") or {})
    if method == "ping":
        return _told(asked, {})
    code, message = (-32602, "Unknown tool") if method == "tools/call" else (-32601, "Method not found")
    return as_json({"jsonrpc": "2.0", "id": asked["id"], "error": {"code": code, "message": message}})


def _told(asked: Json, result: Json, headers: Any = ()) -> Response:
    return as_json({"jsonrpc": "2.0", "id": asked["id"], "result": result}, headers=headers)


def _called(asked: Json, function: Callable[..., Any], arguments: Json) -> Response:
    """What a tool returns: text, or a result of MCP; what a generator yields before it returns are notifications."""
    value: Any
    try:
        value = function(**arguments)
    except Exception as error:
        return _told(asked, {"content": [{"type": "text", "text": str(error)}], "isError": True})
    is_stream = inspect.isgenerator(value)
    if not is_stream:
        return _told(asked, _result(value))

    def events() -> Iterator[bytes]:
        try:
            while True:
                yield event({"jsonrpc": "2.0", **next(value)}, "message")
        except StopIteration as stop:
            yield event({"jsonrpc": "2.0", "id": asked["id"], "result": _result(stop.value)}, "message")

    return Response(200, events(), [("content-type", "text/event-stream")])


def _result(value: Any) -> Json:
    return value if isinstance(value, dict) else {"content": [{"type": "text", "text": str(value)}], "isError": False}
