"""Toolsets (2026): stored definitions, their listing shape, and signing in and out of them.

Knows the fields that listings show and the states of a sign-in. Must not know the routes of stored resources
(resources.py), nor MCP: a toolset here has tools by name only.
"""

import json
from typing import TYPE_CHECKING, Any, Optional
from urllib.parse import unquote

from . import bodies
from .access import READ, WRITE, permissions
from .deployments import CREATED, Deployment
from .errors import Refusal
from .messages import Response, as_json, dumps
from .paths import ResourceUrl, at, decode, from_url
from .storage import Item

if TYPE_CHECKING:
    from .auth import Caller
    from .core import Call, Core

Json = dict[str, Any]
_ALIASES = {
    "displayName": "display_name", "displayVersion": "display_version", "iconUrl": "icon_url",
    "allowedTools": "allowed_tools", "authSettings": "auth_settings", "descriptionKeywords": "description_keywords",
    "maxRetryAttempts": "max_retry_attempts",
}  # fmt: skip


def prepare(core: "Core", resource: ResourceUrl, raw: bytes) -> bytes:
    body = {_ALIASES.get(name, name): value for name, value in bodies.stored(raw).items()}
    if not isinstance(body.get("endpoint"), str):
        raise bodies.missing("endpoint")
    item = core.storage.get(resource)
    before = json.loads(bytes(item.content)) if item else {}
    body["name"] = resource.url
    body["reference"] = body.get("reference") or before.get("reference") or core.new_id()
    body.setdefault("transport", "HTTP")
    body.setdefault("allowed_tools", [])
    return dumps(body)


def show(core: "Core", resource: ResourceUrl, item: Item, may_write: bool) -> bytes:
    return (
        bytes(item.content) if may_write else dumps(_listed(core, None, resource.url, json.loads(bytes(item.content))))
    )


def list_all(core: "Core", call: "Call") -> Response:
    """GET /openai/toolsets"""
    return as_json({"data": shown(core, call.caller), "object": "list"})


def get_one(core: "Core", call: "Call", id: str) -> Response:
    """GET /openai/toolsets/{id}"""
    for toolset in shown(core, call.caller):
        if _same(id, toolset["id"]):
            return as_json(toolset)
    raise Refusal(404)


def shown(core: "Core", caller: "Caller") -> list[Json]:
    """Every toolset that `caller` sees, configured or stored."""
    found = []
    for deployment in core.deployments.values():
        if deployment.kind == "toolset" and deployment.permitted(caller.roles):
            found.append(_listed(core, caller, deployment.id, _described(deployment)))
    places = [at("toolsets", caller.location, ""), at("toolsets", "public/", "")]
    places += [url for url in map(from_url, core.sharing.shared_with(caller.location)) if url.type == "toolsets"]
    for place in places:
        entries = core.storage.list(place, True, 1000, None)[0] if place.folder else [(place, core.storage.get(place))]
        for resource, item in entries:
            if item is not None and READ in permissions(core, caller, resource):
                found.append(_listed(core, caller, resource.url, json.loads(bytes(item.content))))
    return found


def sign(core: "Core", call: "Call", operation: str) -> Response:
    """POST /v1/ops/toolset/(signin|signout)"""
    body = bodies.operation(bytes(call.request.body()))
    url = body.get("url")
    if not isinstance(url, str):
        raise Refusal(400, "url must be provided")
    deployment = core.deployments.get(url)
    if deployment is None or deployment.kind != "toolset":
        resource = from_url(url)
        level = str(body.get("credentialsLevel", "USER")).upper()
        if (WRITE if level == "GLOBAL" else READ) not in permissions(core, call.caller, resource):
            raise Refusal(403, f"You don't have an access to: {resource.url}")
        if core.storage.get(resource) is None:
            raise Refusal(404, f"Toolset is not found: {resource.url}")
        url = resource.url
    core.sign_in(call.caller.location, url, operation == "signin")
    return as_json(True)


def tools(core: "Core", call: "Call", id: str) -> Response:
    """GET /v1/toolset/{id}/tools"""
    for toolset in shown(core, call.caller):
        if _same(id, toolset["id"]):
            return as_json({"tools": [{"name": name} for name in toolset["allowed_tools"]]})
    raise Refusal(404, f"Toolset is not found: {id}")


def _same(asked: str, id: str) -> bool:
    """Ids of stored toolsets are encoded, those of configured ones are not."""
    return "/".join(map(decode, asked.split("/"))) in (id, unquote(id))


def _described(deployment: Deployment) -> Json:
    fields = ("display_name", "display_version", "icon_url", "description", "reference")
    described = {name: getattr(deployment, name) for name in fields}
    return {**described, "description_keywords": list(deployment.description_keywords), **deployment.extra}


def _listed(core: "Core", caller: "Optional[Caller]", id: str, toolset: Json) -> Json:
    listed: Json = {"id": id, "toolset": id}
    for name in ("display_name", "display_version", "icon_url", "description"):
        listed[name] = toolset.get(name)
    listed["reference"] = toolset.get("reference") or id
    listed.update(owner="organization-owner", object="toolset", status="succeeded")
    listed.update(created_at=CREATED, updated_at=CREATED)
    listed["description_keywords"] = toolset.get("description_keywords") or []
    listed["transport"] = toolset.get("transport", "HTTP")
    listed["allowed_tools"] = toolset.get("allowed_tools") or []
    settings = dict(toolset.get("auth_settings") or {"authentication_type": "NONE"})
    signed_in = caller is not None and core.is_signed_in(caller.location, id)
    settings.setdefault("global_auth_status", "SIGNED_OUT")
    settings["user_level_auth_status"] = "SIGNED_IN" if signed_in else "SIGNED_OUT"
    listed["auth_settings"] = settings
    listed["max_retry_attempts"] = toolset.get("max_retry_attempts", 1)
    return {name: value for name, value in listed.items() if value is not None}
