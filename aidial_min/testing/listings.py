"""Who the caller is, which deployments it may use, and how much of each is left."""

from . import custom_applications, toolsets
from .auth import bucket_of, strings
from .deployments import Deployment, listed, listed_as_deployment
from .http import HttpError, Response, dumps, present, refuse_if
from .json_shapes import Json
from .paths import encode
from .routing import Call, endpoint


@endpoint("GET /v1/bucket")
def bucket(call: Call) -> Json:
    caller = call.caller
    if caller.deployment is None:
        return {"bucket": caller.bucket}
    appdata = f"{caller.bucket}/appdata/{encode(caller.deployment)}"
    return {"bucket": bucket_of(f"Keys/{caller.deployment}/"), "appdata": appdata}


@endpoint("GET /v1/user/info")
def user_info(call: Call) -> Response:
    """Without a Content-Type; claim values become lists of strings, anything else an empty list."""
    caller = call.caller
    info: Json = {"roles": list(caller.roles)}
    if caller.project is not None:
        info["project"] = caller.project
    else:
        info["userClaims"] = {name: strings(value) for name, value in caller.claims.items()}
    if call.core.newer:
        info["userDisplayName"] = caller.name
        if caller.project is None:
            info["userId"] = caller.name
    return Response(200, dumps(info))


# Deployments


def find(call: Call, id: str) -> Deployment:
    """The deployment that the caller may use."""
    deployment = call.core.deployments.get(id) or custom_applications.find(call, id)
    if deployment is None or deployment.kind == "toolset":
        raise HttpError(404, f"Unknown application: {id}")
    refuse_if(not deployment.permitted(call.caller.roles), 403, f"Forbidden deployment: {id}")
    return deployment


@endpoint("GET /+openai/{kind:deployments|models|applications}")
@endpoint("GET /+openai/{kind:addons|assistants}", generations="2024")
@endpoint("GET /+openai/{kind:toolsets}", generations="2026")
def list_all(call: Call, kind: str) -> Json:
    data = [_shown(call, deployment, kind) for deployment in _permitted(call, _singular(kind))]
    return {"data": data, "object": "list"}


@endpoint("GET /+openai/{kind:deployments|models|applications}/{id}")
@endpoint("GET /+openai/{kind:addons|assistants}/{id}", generations="2024")
@endpoint("GET /+openai/{kind:toolsets}/{id}", generations="2026")
def get_one(call: Call, kind: str, id: str) -> Json:
    if kind == "applications":
        deployment = find(call, id)
        if deployment.kind != "application":
            raise HttpError(404, f"Application is not found: {id}")
    elif kind == "toolsets":
        deployment = toolsets.find(call, id)
    else:
        deployment = present(call.core.deployments.get(id), 404)
        refuse_if(deployment.kind != _singular(kind), 404)
        refuse_if(not deployment.permitted(call.caller.roles), 403)
    return _shown(call, deployment, kind)


@endpoint("GET /v1/deployments", generations="2026")
def interfaces(call: Call) -> list[Json]:
    """Everything that has one of the interfaces asked for."""
    asked = set(call.queries("interface_type"))
    kinds = ("model", "application", "toolset")
    shown = [_with_interfaces(call, item) for kind in kinds for item in _permitted(call, kind)]
    return [item for item in shown if not asked or "all" in asked or asked & set(item["interfaces"])]


@endpoint("GET /v1/deployments/{id}", generations="2026")
def one_with_interfaces(call: Call, id: str) -> Json:
    return _with_interfaces(call, find(call, id))


@endpoint("GET /v1/deployment-names", generations="2026")
def names(call: Call) -> list[Json]:
    kinds = call.queries("type") or ["model", "application"]
    return [{"id": item.id, "object": kind} for kind in kinds for item in _permitted(call, kind)]


def _permitted(call: Call, kind: str) -> list[Deployment]:
    if kind == "toolset":
        return toolsets.all_of(call)
    return call.configured(kind) + (custom_applications.all_of(call) if kind == "application" else [])


def _with_interfaces(call: Call, deployment: Deployment) -> Json:
    has = {
        "embedding": deployment.embeddings,
        "chat": not deployment.embeddings and deployment.kind != "toolset",
        "openaiResponses": deployment.all_features(True)["responses_api"],
        "mcp": deployment.tools or deployment.kind == "toolset",
    }
    return {**_shown(call, deployment, deployment.kind), "interfaces": [name for name in has if has[name]]}


def _singular(plural: str) -> str:
    return "model" if plural == "deployments" else plural[:-1]


def _shown(call: Call, deployment: Deployment, plural: str) -> Json:
    if plural == "deployments" and not call.core.newer:
        return listed_as_deployment(deployment)
    if deployment.kind == "toolset":
        return toolsets.listed(call, deployment)
    return listed(deployment, deployment.kind, call.core.newer)


# Limits and usage


@endpoint("GET /v1/deployments/{id}/limits")
@endpoint("GET /v1/deployments/{id}/usage", generations="2026")
def limits(call: Call, id: str) -> Json:
    return dict(call.core.limits.stats(call.caller.location, find(call, id), call.core.newer))


@endpoint("GET /v1/user/{what:limits|usage}", generations="2026")
def usage(call: Call, what: str) -> Json:
    """Of every model, or of what `deploymentTypes` names; the usage is of those alone that have been used."""
    kinds = call.queries("deploymentTypes") or ["model"]
    stats = {}
    for deployment in [item for kind in kinds for item in _permitted(call, kind)]:
        found = call.core.limits.stats(call.caller.location, deployment, newer=True)
        if what == "limits" or any(stat["used"] for stat in found.values()):
            stats[deployment.id] = found
    return {"deployments": stats, **call.core.limits.costs()}


# Consent, and the schemas of applications


class Consented(set[tuple[str, str]]):
    """Who has agreed: location of the user, id of the application."""


@endpoint("GET /v1/consent/{id}", generations="2026")
def consent(call: Call, id: str) -> Json:
    """What the user must agree to before calling an application that calls others."""
    called = {name: {"consentRequired": True} for name in find(call, id).consent_for}
    accepted = not called or (call.caller.location, id) in call.core.part(Consented)
    return {"accepted": accepted, "consent": {"deployments": called}}


@endpoint("POST /v1/consent/{id}", generations="2026", fields="consent", words="Invalid request body provided")
def agree(call: Call, id: str) -> None:
    given = call.body.get("consent")
    refuse_if(given != consent(call, id)["consent"], 400, "User consent is missed")
    call.core.part(Consented).add((call.caller.location, id))


def check_consent(call: Call, deployment: Deployment) -> None:
    missing = deployment.consent_for and (call.caller.location, deployment.id) not in call.core.part(Consented)
    refuse_if(missing, 403, f"User consent is required for {deployment.id}")


_NAME, _EDITOR = "dial:applicationTypeDisplayName", "dial:applicationTypeEditorUrl"
_SHOWN = ("$id", _NAME, _EDITOR, "dial:applicationTypeViewerUrl")


@endpoint("GET /v1/application_type_schemas/schemas", generations="2026")
def schemas(call: Call) -> list[Json]:
    """Those with a name and an editor."""
    found = [schema for schema in call.core.schemas.values() if _NAME in schema and _EDITOR in schema]
    return [{name: schema[name] for name in _SHOWN if name in schema} for schema in found]


@endpoint("GET /v1/application_type_schemas/schema", generations="2026")
def schema(call: Call) -> Json:
    id = present(call.query.get("id"), 400, "Schema ID is required")
    refuse_if(":" not in id, 400, "Bad Schema ID")
    found = present(call.core.schemas.get(id), 404, "Schema not found")
    return {name: value for name, value in found.items() if not name.endswith("Endpoint")}


@endpoint("GET /v1/application_type_schemas/meta_schema", generations="2026")
def meta_schema(call: Call) -> Json:
    return {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "required": ["$id", _NAME]}
