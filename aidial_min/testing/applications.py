"""Custom applications: how they are stored, shown, listed and called, and the life of those that have a function.

Knows the fields of an application in both spellings, the states of a function and the texts. The server never opens
a connection: an endpoint that names one of its own deployments is answered by it, any other one by `echo`.
Must not know the routes of stored resources (resources.py) or how a deployment answers.
"""

import json
import re
from typing import TYPE_CHECKING, Any, Optional

from . import bodies
from .access import READ, WRITE, permissions
from .deployments import Deployment, listed
from .errors import Refusal
from .messages import Response, as_json, dumps
from .paths import ResourceUrl, at, encode, from_url
from .storage import Item

if TYPE_CHECKING:
    from .auth import Caller
    from .core import Call, Core

Json = dict[str, Any]
ACTIVE = ("STARTING", "STOPPING", "STARTED", "DEPLOYING", "UNDEPLOYING", "DEPLOYED")
_ENDPOINT = re.compile(r"/openai/deployments/([^/?]+)/")
_ENDPOINTS = {
    "rate": "rate_endpoint",
    "tokenize": "tokenize_endpoint",
    "truncate_prompt": "truncate_prompt_endpoint",
    "configuration": "configuration_endpoint",
}
_SUPPORTED = ("system_prompt", "tools", "seed", "url_attachments", "folder_attachments", "allow_resume")
_FIELDS: dict[str, bodies.Check] = {
    "name": bodies.scalar,
    "endpoint": bodies.scalar,
    "display_name": bodies.scalar,
    "display_version": bodies.scalar,
    "icon_url": bodies.scalar,
    "description": bodies.scalar,
    "reference": bodies.scalar,
    "user_roles": bodies.strings,
    "forward_auth_token": bodies.boolean,
    "features": bodies.mapping,
    "input_attachment_types": bodies.strings,
    "max_input_attachments": bodies.number,
    "defaults": bodies.mapping,
    "interceptors": bodies.strings,
    "description_keywords": bodies.strings,
    "max_retry_attempts": bodies.number,
    "function": bodies.mapping,
}
_NEWER_FIELDS: dict[str, bodies.Check] = {
    "application_type_schema_id": bodies.scalar,
    "application_properties": bodies.mapping,
    "author": bodies.scalar,
}
_FEATURES = {*_ENDPOINTS.values(), *(name + "_supported" for name in _SUPPORTED), "accessible_by_per_request_key"}
_FUNCTION = {
    "id", "runtime", "author_bucket", "source_folder", "target_folder", "status", "error", "mapping", "env",
}  # fmt: skip
_MAPPING = {"completion", "rate", "tokenize", "truncate_prompt", "configuration", "chat_completion"}


def prepare(core: "Core", resource: ResourceUrl, raw: bytes) -> bytes:
    """What is stored for an application that was sent."""
    if not raw:
        raise Refusal(500)
    body = _snake(bodies.stored(raw))
    fields = {**_FIELDS, **_NEWER_FIELDS} if core.newer else _FIELDS
    for name in body:
        if name not in fields:
            raise bodies.missing(name)
    bodies.check(body, {}, fields)
    features = _known(body.get("features"), _FEATURES, "features", core.newer)
    function = body.get("function")
    if body.get("endpoint") is None and function is None and body.get("application_type_schema_id") is None:
        raise Refusal(400, "Application endpoint or function must be provided")
    before = _stored(core.storage.get(resource)) or {}
    body.update(name=resource.url, user_roles=None, forward_auth_token=False, features=features)
    body["reference"] = body.get("reference") or before.get("reference") or core.new_id()
    for name, empty in (("defaults", {}), ("interceptors", []), ("description_keywords", [])):
        body[name] = body.get(name) or empty
    if function is not None:
        body["endpoint"] = None
        body["function"] = _function(core, resource, _snake(function), before.get("function"))
    ordered = {name: body[name] for name in fields if body.get(name) is not None}
    return dumps(ordered)


def show(core: "Core", resource: ResourceUrl, item: Item, may_write: bool) -> bytes:
    """The full definition to who may write, the shape of the listings to everybody else."""
    if may_write:
        return bytes(item.content)
    return dumps(listed(_deployment(core, resource.url, _stored(item) or {}), "application", core.newer))


def check_stopped(core: "Core", resource: ResourceUrl) -> None:
    body = _stored(core.storage.get(resource))
    if body and _status(body) in ACTIVE:
        raise Refusal(409, f"Application must be stopped: {resource.url}")


def find(core: "Core", caller: "Caller", id: str) -> Optional[Deployment]:
    """The custom application with this id, as a deployment; None when `id` is not the url of one."""
    try:
        resource = from_url(encode(id))
    except Refusal:
        return None
    if resource.type != "applications" or resource.folder:
        return None
    if READ not in permissions(core, caller, resource):
        raise Refusal(403, f"Forbidden deployment: {id}")
    body = _stored(core.storage.get(resource))
    if body is None:
        raise Refusal(404, f"Application is not found: {resource.url}")
    return _deployment(core, resource.url, body)


def all_of(core: "Core", caller: "Caller") -> list[Deployment]:
    """The custom applications that `caller` sees: own ones, shared ones, public ones."""
    places = [at("applications", caller.location, "")]
    places += [url for url in map(from_url, core.sharing.shared_with(caller.location)) if url.type == "applications"]
    places.append(at("applications", "public/", ""))
    found: dict[str, Deployment] = {}
    for place in places:
        entries = core.storage.list(place, True, 1000, None)[0] if place.folder else [(place, core.storage.get(place))]
        for resource, item in entries:
            body = _stored(item)
            if body is not None and READ in permissions(core, caller, resource):
                found[resource.url] = _deployment(core, resource.url, body)
    return list(found.values())


def operate(core: "Core", call: "Call", operation: str) -> Response:
    """POST /v1/ops/application/(start|stop|deploy|undeploy|redeploy|logs)"""
    body = bodies.operation(bytes(call.request.body()), fields=("url",))
    resource = from_url(str(body.get("url", "")))
    if resource.type != "applications" or resource.folder:
        raise Refusal(400, f"Invalid application url: {resource.url}")
    if WRITE not in permissions(core, call.caller, resource):
        raise Refusal(403, f"Forbidden operation for application: {resource.url}")
    if not core.application_controller:
        raise Refusal(503, "The application controller is not available")
    with core.storage.lock:
        application = _stored(core.storage.get(resource))
        if application is None:
            raise Refusal(404, f"Application is not found: {resource.url}")
        if operation == "logs":
            if _status(application) not in ("STARTED", "DEPLOYED"):
                raise Refusal(409, f"Application is not started: {resource.url}")
            return as_json({"logs": [{"instance": "pod-1", "content": f"{resource.name} is running\n"}]})
        if application.get("function") is None:
            raise Refusal(409, f"Application does not have function: {resource.url}")
        return as_json(_change(core, resource, application, operation))


def _change(core: "Core", resource: ResourceUrl, application: Json, operation: str) -> Json:
    """Store the state that the operation ends in, and answer with the state on the way there."""
    starts = operation in ("start", "deploy")
    newer = operation in ("deploy", "undeploy", "redeploy")
    if starts and _status(application) in ACTIVE:
        raise Refusal(409, f"Application must be stopped: {resource.url}")
    if not starts and _status(application) not in ("STARTED", "DEPLOYED"):
        raise Refusal(409, f"Application is not started: {resource.url}")
    on_the_way, end = {
        (True, False): ("STARTING", "STARTED"),
        (False, False): ("STOPPING", "STOPPED"),
        (True, True): ("DEPLOYING", "DEPLOYED"),
        (False, True): ("UNDEPLOYING", "UNDEPLOYED"),
    }[starts or operation == "redeploy", newer]
    function = dict(application["function"], status=end)
    function.pop("error", None)
    running = dict(application, function=function)
    mapping = function.get("mapping") or {}
    base = f"http://{function['id']}.apps"
    features = {name: value for name, value in application["features"].items() if name not in _ENDPOINTS.values()}
    if end in ("STARTED", "DEPLOYED"):
        running["endpoint"] = base + (mapping.get("completion") or mapping.get("chat_completion") or "/")
        features.update({field: base + mapping[name] for name, field in _ENDPOINTS.items() if mapping.get(name)})
    else:
        running.pop("endpoint", None)
    running["features"] = features
    core.storage.put(resource, dumps(running))
    return dict(application, function=dict(function, status=on_the_way))


def _function(core: "Core", resource: ResourceUrl, function: Json, before: Optional[Json]) -> Json:
    _known(function, _FUNCTION, "function", False)
    if function.get("runtime") is None:
        raise Refusal(400, "Application function runtime must be provided")
    mapping = function.get("mapping")
    if not isinstance(mapping, dict):
        raise Refusal(400, "Application function mapping must be provided")
    function["mapping"] = _known(_snake(mapping), _MAPPING, "function.mapping", False)
    for name in ("completion", *_ENDPOINTS):
        path = mapping.get(name) or (mapping.get("chat_completion") if name == "completion" else None)
        if path is None and name == "completion":
            raise Refusal(400, "Application completion mapping is missing/invalid")
        if path is not None and not str(path).startswith("/"):
            words = "missing/invalid" if name == "completion" else "invalid"
            raise Refusal(400, f"Application {name} mapping is {words}")
    if function.get("source_folder") is None:
        raise Refusal(400, "Application function source folder must be provided")
    try:
        folder = from_url(str(function["source_folder"]))
    except Refusal:
        folder = resource
    if not folder.folder or folder.type != "files" or folder.bucket != resource.bucket:
        words = f"Application function sources must be a valid file folder: {function['source_folder']}"
        raise Refusal(400, words)
    kept = before or {}
    function["id"] = kept.get("id") or core.new_id()
    function["author_bucket"] = resource.bucket
    function["source_folder"] = folder.url
    target = at("files", f"{resource.location}deployments/{function['id']}/", "")
    function["target_folder"] = kept.get("target_folder") or target.url
    function["status"] = kept.get("status") or ("UNDEPLOYED" if core.newer else "CREATED")
    function["env"] = function.get("env") or {}
    function.pop("error", None)
    return function


def _known(value: Optional[Json], names: set[str], path: str, newer: bool) -> Json:
    """`value` in snake_case; unknown names are refused but by the newer Core, whose features grow all the time."""
    known = _snake(value or {})
    for name in known:
        if name not in names and not newer:
            raise bodies.missing(f"{path}.{name}")
    return {name: item for name, item in known.items() if item is not None}


def _snake(body: Json) -> Json:
    return {re.sub("(?<=[a-z0-9])([A-Z])", r"_\1", name).lower(): value for name, value in body.items()}


def _stored(item: Optional[Item]) -> Optional[Json]:
    return json.loads(bytes(item.content)) if item is not None else None


def _status(application: Json) -> str:
    return str((application.get("function") or {}).get("status", ""))


def _deployment(core: "Core", id: str, application: Json) -> Deployment:
    features = application.get("features") or {}
    shown = {name: field in features for name, field in _ENDPOINTS.items()}
    for name in _SUPPORTED:
        if features.get(name + "_supported") is not None:
            shown[name] = bool(features[name + "_supported"])
    extra = {"function": application.get("function")}
    for name in _NEWER_FIELDS:
        extra[name] = application.get(name)
    deployment = Deployment(id, features=shown, defaults=application.get("defaults") or {}, extra=extra)
    for name in ("display_name", "display_version", "icon_url", "description", "reference", "input_attachment_types"):
        setattr(deployment, name, application.get(name))
    deployment.max_input_attachments = application.get("max_input_attachments")
    deployment.description_keywords = application.get("description_keywords") or ()
    endpoint = application.get("endpoint")
    match = _ENDPOINT.search(endpoint or "")
    behind = core.deployments.get(match[1]) if match else None
    if behind is not None:
        deployment.behaviour, deployment.model_name = behind.behaviour, behind.model_name
        deployment.tokenize, deployment.truncate = behind.tokenize, behind.truncate
        deployment.completions = behind.completions
        if shown["configuration"]:
            deployment.configuration = behind.configuration or {"type": "object"}
    elif endpoint is None and application.get("application_type_schema_id") is None:
        deployment.behaviour = "none"
    return deployment
