"""Custom applications: how they are stored, shown, listed and called, and the life of those that have a function.

The server never opens a connection: an endpoint that names one of its own deployments is answered by it, any other one
by `echo`. What custom applications have in common with toolsets (toolsets.py) stands first.
"""

import re
from typing import Any, Optional

from . import json_shapes as shape
from .access import READ, WRITE
from .deployments import Deployment, listed
from .http import HttpError, dumps, present, refuse_if
from .json_shapes import Json, json_body, without_nulls
from .paths import ResourceUrl, at, encode, from_url
from .routing import Call, endpoint
from .state import Core
from .storage import Item

# Definitions: what is called by the url it is stored under


def snake(body: Json) -> Json:
    """`body` with the names of its fields in snake_case."""
    return {re.sub("(?<=[a-z0-9])([A-Z])", r"_\1", name).lower(): value for name, value in body.items()}


def definition(core: Core, resource: ResourceUrl) -> Optional[Json]:
    """What is stored there."""
    item = core.storage.get(resource)
    return item.json() if item is not None else None


def named(call: Call, body: Json) -> Json:
    """`body` with its name and reference, which stays the same as long as the definition is there."""
    before = definition(call.core, call.resource) or {}
    reference = body.get("reference") or before.get("reference") or call.core.new_id()
    return {**body, "name": call.resource.url, "reference": reference}


def definitions(call: Call, type: str) -> list[tuple[str, Json]]:
    """The definitions of a type that the caller sees, by their urls: own ones, shared ones, public ones."""
    core, location = call.core, call.caller.location
    shared = [url for url in map(from_url, core.access.sharing.of(location)) if url.type == type]
    found: dict[str, Json] = {}
    for place in [at(type, location, ""), *shared, at(type, "public/", "")]:
        entries = core.storage.list(place, True, 1000, None)[0] if place.folder else [(place, core.storage.get(place))]
        for resource, item in entries:
            if item is not None and READ in call.rights(resource):
                found[resource.url] = item.json()
    return list(found.items())


# Custom applications

ACTIVE = ("STARTING", "STOPPING", "STARTED", "DEPLOYING", "UNDEPLOYING", "DEPLOYED")
_ENDPOINT = re.compile(r"/openai/deployments/([^/?]+)/")
_ENDPOINTS = {name: name + "_endpoint" for name in ("rate", "tokenize", "truncate_prompt", "configuration")}
_SUPPORTED = ("system_prompt", "tools", "seed", "url_attachments", "folder_attachments", "allow_resume")
_FEATURES = shape.only(
    *_ENDPOINTS.values(), *(name + "_supported" for name in _SUPPORTED), "accessible_by_per_request_key"
)
_FIELDS: dict[str, shape.Check] = {
    **dict.fromkeys(("name", "endpoint", "display_name", "display_version", "icon_url", "description"), shape.scalar),
    "reference": shape.scalar,
    "user_roles": shape.strings,
    "forward_auth_token": shape.boolean,
    "features": shape.mapping,
    "input_attachment_types": shape.strings,
    "max_input_attachments": shape.number,
    "defaults": shape.mapping,
    "interceptors": shape.strings,
    "description_keywords": shape.strings,
    "max_retry_attempts": shape.number,
    "function": shape.mapping,
}
_NEWER_FIELDS: dict[str, shape.Check] = {
    "application_type_schema_id": shape.scalar,
    "application_properties": shape.mapping,
    "author": shape.scalar,
}
_FUNCTION = shape.only(
    "id", "runtime", "author_bucket", "source_folder", "target_folder", "status", "error", "mapping", "env"
)
_MAPPING = shape.only("completion", "chat_completion", *_ENDPOINTS)


def prepare(call: Call, raw: bytes) -> bytes:
    """What is stored for an application that was sent."""
    refuse_if(not raw, 500)
    fields = {**_FIELDS, **_NEWER_FIELDS} if call.core.newer else _FIELDS
    body = snake(json_body(raw))
    shape.judge(body, shape.an_object(fields, closed=True))
    features = snake(body.get("features") or {})
    if not call.core.newer:  # whose features grow all the time
        shape.judge(features, _FEATURES, "features")
    function = body.get("function")
    if body.get("endpoint") is None and function is None and body.get("application_type_schema_id") is None:
        raise HttpError(400, "Application endpoint or function must be provided")
    before = definition(call.core, call.resource) or {}
    body = named(call, body)
    body.update(user_roles=None, forward_auth_token=False, features=without_nulls(features))
    body["defaults"] = body.get("defaults") or {}
    for name in ("interceptors", "description_keywords"):
        body[name] = body.get(name) or []
    if function is not None:
        body["endpoint"] = None
        body["function"] = _function(call, snake(function), before.get("function") or {})
    return dumps({name: body[name] for name in fields if body.get(name) is not None})


def show(call: Call, item: Item) -> bytes:
    """The full definition to who may write, the shape of the listings to everybody else."""
    if WRITE in call.rights(call.resource):
        return bytes(item.content)
    return dumps(listed(_deployment(call.core, call.resource.url, item.json()), "application", call.core.newer))


def check_stopped(core: Core, resource: ResourceUrl) -> None:
    refuse_if(_status(definition(core, resource) or {}) in ACTIVE, 409, f"Application must be stopped: {resource.url}")


def find(call: Call, id: str) -> Optional[Deployment]:
    """The custom application with this id, as a deployment; None when `id` is not the url of one."""
    try:
        resource = from_url(encode(id))
    except HttpError:
        return None
    if resource.type != "applications" or resource.folder:
        return None
    refuse_if(READ not in call.rights(resource), 403, f"Forbidden deployment: {id}")
    body = present(definition(call.core, resource), 404, f"Application is not found: {resource.url}")
    return _deployment(call.core, resource.url, body)


def all_of(call: Call) -> list[Deployment]:
    """The custom applications that the caller sees."""
    return [_deployment(call.core, url, body) for url, body in definitions(call, "applications")]


@endpoint("POST /v1/ops/application/{operation:start|stop|logs}", generations="2024", fields="url", alone=True)
@endpoint(
    "POST /v1/ops/application/{operation:deploy|undeploy|redeploy|logs}", generations="2026", fields="url", alone=True
)
def operate(call: Call, operation: str) -> Json:
    core = call.core
    resource = from_url(str(call.body.get("url", "")))
    refuse_if(resource.type != "applications" or resource.folder, 400, f"Invalid application url: {resource.url}")
    refuse_if(WRITE not in call.rights(resource), 403, f"Forbidden operation for application: {resource.url}")
    refuse_if(not core.application_controller, 503, "The application controller is not available")
    application = present(definition(core, resource), 404, f"Application is not found: {resource.url}")
    if operation == "logs":
        if _status(application) not in ("STARTED", "DEPLOYED"):
            raise HttpError(409, f"Application is not started: {resource.url}")
        return {"logs": [{"instance": "pod-1", "content": f"{resource.name} is running\n"}]}
    refuse_if(application.get("function") is None, 409, f"Application does not have function: {resource.url}")
    return _change(core, resource, application, operation)


def _change(core: Core, resource: ResourceUrl, application: Json, operation: str) -> Json:
    """Store the state that the operation ends in, and answer with the state on the way there."""
    if operation in ("start", "deploy"):
        check_stopped(core, resource)
    elif _status(application) not in ("STARTED", "DEPLOYED"):
        raise HttpError(409, f"Application is not started: {resource.url}")
    on_the_way, end = {
        "start": ("STARTING", "STARTED"),
        "stop": ("STOPPING", "STOPPED"),
        "deploy": ("DEPLOYING", "DEPLOYED"),
        "redeploy": ("DEPLOYING", "DEPLOYED"),
        "undeploy": ("UNDEPLOYING", "UNDEPLOYED"),
    }[operation]
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


def _function(call: Call, function: Json, before: Json) -> Json:
    resource = call.resource
    shape.judge(function, _FUNCTION, "function")
    function = without_nulls(function)
    refuse_if(function.get("runtime") is None, 400, "Application function runtime must be provided")
    mapping: Any = function.get("mapping")
    refuse_if(not isinstance(mapping, dict), 400, "Application function mapping must be provided")
    mapping = snake(mapping)
    shape.judge(mapping, _MAPPING, "function.mapping")
    function["mapping"] = without_nulls(mapping)
    for name in ("completion", *_ENDPOINTS):
        path = mapping.get(name) or (mapping.get("chat_completion") if name == "completion" else None)
        refuse_if(path is None and name == "completion", 400, "Application completion mapping is missing/invalid")
        if path is not None and not str(path).startswith("/"):
            words = "missing/invalid" if name == "completion" else "invalid"
            raise HttpError(400, f"Application {name} mapping is {words}")
    refuse_if(function.get("source_folder") is None, 400, "Application function source folder must be provided")
    try:
        folder = from_url(str(function["source_folder"]))
    except HttpError:
        folder = resource
    if not folder.folder or folder.type != "files" or folder.bucket != resource.bucket:
        words = f"Application function sources must be a valid file folder: {function['source_folder']}"
        raise HttpError(400, words)
    function["id"] = before.get("id") or call.core.new_id()
    function["author_bucket"] = resource.bucket
    function["source_folder"] = folder.url
    target = at("files", f"{resource.location}deployments/{function['id']}/", "")
    function["target_folder"] = before.get("target_folder") or target.url
    function["status"] = before.get("status") or ("UNDEPLOYED" if call.core.newer else "CREATED")
    function["env"] = function.get("env") or {}
    function.pop("error", None)
    return function


def _status(application: Json) -> str:
    return str((application.get("function") or {}).get("status", ""))


def _deployment(core: Core, id: str, application: Json) -> Deployment:
    features = application.get("features") or {}
    shown = {name: field in features for name, field in _ENDPOINTS.items()}
    for name in _SUPPORTED:
        if features.get(name + "_supported") is not None:
            shown[name] = bool(features[name + "_supported"])
    extra = {name: application.get(name) for name in ("function", *_NEWER_FIELDS)}
    deployment = Deployment(id, features=shown, defaults=application.get("defaults") or {}, extra=extra)
    for name in ("display_name", "display_version", "icon_url", "description", "reference", "input_attachment_types"):
        setattr(deployment, name, application.get(name))
    deployment.max_input_attachments = application.get("max_input_attachments")
    deployment.description_keywords = application.get("description_keywords") or ()
    endpoint = application.get("endpoint")
    match = _ENDPOINT.search(endpoint or "")
    behind = core.deployments.get(match[1]) if match else None
    if behind is not None:
        for name in ("behaviour", "model_name", "tokenize", "truncate", "completions", "strict"):
            setattr(deployment, name, getattr(behind, name))
        if shown["configuration"]:
            deployment.configuration = behind.configuration or {"type": "object"}
    elif endpoint is None and application.get("application_type_schema_id") is None:
        deployment.behaviour = "none"
    return deployment
