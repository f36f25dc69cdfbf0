"""Toolsets (2026): stored definitions, their listing shape, and signing in and out of them."""

from typing import Optional
from urllib.parse import unquote

from .access import READ, WRITE
from .custom_applications import definition, definitions, named, snake
from .deployments import CREATED, Deployment
from .http import HttpError, dumps
from .json_shapes import Json, an_object, judge, stored, text
from .paths import from_url
from .routing import endpoint
from .state import Call
from .storage import Item


class SignedIn(set[tuple[str, str]]):
    """Who has signed in: location of the caller, id of the toolset."""


def prepare(call: Call, raw: bytes) -> bytes:
    """What is stored for a toolset that was sent."""
    body = snake(stored(raw))
    judge(body, an_object({"endpoint": text}, "endpoint"))
    return dumps({"transport": "HTTP", "allowed_tools": [], **named(call, body)})


def show(call: Call, item: Item) -> bytes:
    """The full definition to who may write, the shape of the listings to everybody else."""
    if WRITE in call.rights(call.resource):
        return bytes(item.content)
    return dumps(_listed(call, call.resource.url, item.json()))


def shown(call: Call) -> list[Json]:
    """Every toolset that the caller sees, configured or stored."""
    configured = [item for item in call.core.deployments.values() if item.kind == "toolset"]
    found = [(item.id, _described(item)) for item in configured if item.permitted(call.caller.roles)]
    return [_listed(call, id, toolset) for id, toolset in found + definitions(call, "toolsets")]


def find(call: Call, id: str) -> Optional[Json]:
    """Ids of stored toolsets are encoded, those of configured ones are not."""
    return next((toolset for toolset in shown(call) if id in (toolset["id"], unquote(toolset["id"]))), None)


@endpoint("GET /+openai/toolsets", generations="2026")
def list_all(call: Call) -> Json:
    return {"data": shown(call), "object": "list"}


@endpoint("GET /+openai/toolsets/{id}", generations="2026")
def get_one(call: Call, id: str) -> Json:
    toolset = find(call, id)
    if toolset is None:
        raise HttpError(404)
    return toolset


@endpoint("POST /v1/ops/toolset/{operation:signin|signout}", generations="2026", fields="")
def sign(call: Call, operation: str) -> bool:
    url = call.body.get("url")
    if not isinstance(url, str):
        raise HttpError(400, "url must be provided")
    deployment = call.core.deployments.get(url)
    if deployment is None or deployment.kind != "toolset":
        resource = from_url(url)
        level = str(call.body.get("credentialsLevel", "USER")).upper()
        if (WRITE if level == "GLOBAL" else READ) not in call.rights(resource):
            raise HttpError(403, f"You don't have an access to: {resource.url}")
        if definition(call.core, resource) is None:
            raise HttpError(404, f"Toolset is not found: {resource.url}")
        url = resource.url
    signed_in = call.core.part(SignedIn)
    (signed_in.add if operation == "signin" else signed_in.discard)((call.caller.location, url))
    return True


@endpoint("GET /v1/toolset/{id}/tools", generations="2026")
def tools(call: Call, id: str) -> Json:
    toolset = find(call, id)
    if toolset is None:
        raise HttpError(404, f"Toolset is not found: {id}")
    return {"tools": [{"name": name} for name in toolset["allowed_tools"]]}


def _described(deployment: Deployment) -> Json:
    fields = ("display_name", "display_version", "icon_url", "description", "reference")
    described = {name: getattr(deployment, name) for name in fields}
    return {**described, "description_keywords": list(deployment.description_keywords), **deployment.extra}


def _listed(call: Call, id: str, toolset: Json) -> Json:
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
    signed_in = (call.caller.location, id) in call.core.part(SignedIn)
    settings.setdefault("global_auth_status", "SIGNED_OUT")
    settings["user_level_auth_status"] = "SIGNED_IN" if signed_in else "SIGNED_OUT"
    listed["auth_settings"] = settings
    listed["max_retry_attempts"] = toolset.get("max_retry_attempts", 1)
    return {name: value for name, value in listed.items() if value is not None}
