"""/openai/deployments, models, applications, ...: what the caller may use, and the limits of each.

Knows which kinds are shown where, and the texts for what is unknown or forbidden. Must not know how anything answers.
"""

from typing import TYPE_CHECKING, Any

from . import applications, toolsets
from .deployments import Deployment, listed, listed_as_deployment
from .errors import Refusal
from .messages import Response, as_json
from .paths import decode

if TYPE_CHECKING:
    from .core import Call, Core


def decoded_id(id: str) -> str:
    """An id as it stands in a path, decoded once; its slashes may be encoded or not."""
    return "/".join(decode(segment) for segment in id.split("/"))


def find(core: "Core", call: "Call", id: str) -> Deployment:
    """The deployment that the caller may use."""
    deployment = core.deployments.get(id) or applications.find(core, call.caller, id)
    if deployment is None or deployment.kind == "toolset":
        raise Refusal(404, f"Unknown application: {id}")
    if not deployment.permitted(call.caller.roles):
        raise Refusal(403, f"Forbidden deployment: {id}")
    return deployment


def list_all(core: "Core", call: "Call", kind: str) -> Response:
    """GET /openai/{kind}"""
    data = [_shown(core, deployment, kind) for deployment in _permitted(core, call, _kind(kind))]
    return as_json({"data": data, "object": "list"})


def get_one(core: "Core", call: "Call", kind: str, id: str) -> Response:
    """GET /openai/{kind}/{id}"""
    id = decoded_id(id)
    if kind == "applications":
        deployment = find(core, call, id)
        if deployment.kind != "application":
            raise Refusal(404, f"Application is not found: {id}")
    else:
        known = core.deployments.get(id)
        if known is None or known.kind != _kind(kind):
            raise Refusal(404)
        if not known.permitted(call.caller.roles):
            raise Refusal(403)
        deployment = known
    return as_json(_shown(core, deployment, kind))


def limits(core: "Core", call: "Call", id: str) -> Response:
    """GET /v1/deployments/{id}/limits"""
    deployment = find(core, call, decoded_id(id))
    return as_json(core.limits.stats(call.caller.location, deployment, core.newer))


def interfaces(core: "Core", call: "Call") -> Response:
    """GET /v1/deployments (2026): everything that has one of the interfaces asked for, as a bare array"""
    asked = set(",".join(call.queries("interface_type")).lower().split(",")) - {""}
    shown = [_with_interfaces(core, item) for kind in ("model", "application") for item in _permitted(core, call, kind)]
    shown += [{**toolset, "interfaces": ["mcp"]} for toolset in toolsets.shown(core, call.caller)]
    if asked and "all" not in asked:
        shown = [item for item in shown if asked & set(item["interfaces"])]
    return as_json(shown)


def one_with_interfaces(core: "Core", call: "Call", id: str) -> Response:
    """GET /v1/deployments/{id} (2026)"""
    return as_json(_with_interfaces(core, find(core, call, decoded_id(id))))


def names(core: "Core", call: "Call") -> Response:
    """GET /v1/deployment-names (2026): ids and kinds, as a bare array"""
    kinds = [kind for kind in call.query.get("type", "").lower().split(",") if kind] or ["model", "application"]
    found = [{"id": item.id, "object": kind} for kind in kinds for item in _permitted(core, call, kind)]
    if "toolset" in kinds:
        found += [{"id": item["id"], "object": "toolset"} for item in toolsets.shown(core, call.caller)]
    return as_json(found)


def usage(core: "Core", call: "Call") -> Response:
    """GET /v1/user/limits and /v1/user/usage (2026): of every model"""
    models = _permitted(core, call, "model")
    stats = {model.id: core.limits.stats(call.caller.location, model, newer=True) for model in models}
    return as_json({"deployments": stats, **core.limits.costs()})


def _permitted(core: "Core", call: "Call", kind: str) -> list[Deployment]:
    if kind == "toolset":
        return []
    found = [item for item in core.deployments.values() if item.kind == kind and item.permitted(call.caller.roles)]
    return found + (applications.all_of(core, call.caller) if kind == "application" else [])


def _with_interfaces(core: "Core", deployment: Deployment) -> dict[str, Any]:
    interface = "embedding" if deployment.embeddings else "chat"
    return {**listed(deployment, deployment.kind, core.newer), "interfaces": [interface]}


def _kind(plural: str) -> str:
    return "model" if plural == "deployments" else plural[:-1]


def _shown(core: "Core", deployment: Deployment, plural: str) -> dict[str, Any]:
    if plural == "deployments" and not core.newer:
        return listed_as_deployment(deployment)
    return listed(deployment, _kind(plural), core.newer)
