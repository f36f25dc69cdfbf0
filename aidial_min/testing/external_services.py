"""External services (2026): what an application declares, its users sign in to, and it fetches credentials for.

Services of a configured application are `Deployment.extra["external_services"]`, and read-only; those of custom ones
are managed here. A credential is made of what was signed in with: `Bearer <code>`, or the API key as it is.
"""

from typing import Any, NamedTuple, Optional

from .access import WRITE
from .custom_applications import find
from .deployments import Deployment
from .http import HttpError, present, refuse_if
from .json_shapes import Json, operation
from .paths import decode_path, encode, from_url
from .routing import Call, endpoint
from .toolsets import auth_settings

SCOPE = "/external_services/"


class Credential(NamedTuple):
    header: str
    value: str
    offline: bool


class Credentials(dict[tuple[str, str], Credential]):
    """Credentials by owner (a location, "" for all users of the application) and scope id."""


class Managed(dict[str, dict[str, Json]]):
    """Services by the id of a custom application and their own id."""


class Offline(set[str]):
    """Locations of the users that have left offline credentials."""


def _application(call: Call, id: str) -> Deployment:
    application = call.core.deployments.get(id) or find(call, id)
    if application is None or application.kind != "application":
        raise HttpError(404, f"Application not found: {id}")
    return application


def _services(call: Call, application: Deployment) -> dict[str, Json]:
    configured = application.extra.get("external_services") or {}
    return {**configured, **call.core.part(Managed).get(application.id, {})}


def _scope(call: Call, url: Any) -> tuple[str, Deployment, Json]:
    """The scope id, decoded, with its application and service."""
    refuse_if(not url, 400, "resource url should be specified")
    scope = decode_path(str(url))
    app, found, service = scope.rpartition(SCOPE)
    refuse_if(not found or not app.startswith("applications/"), 400, f"Invalid external service scope id: {url}")
    name = app[len("applications/") :]
    application = _application(call, name if name in call.core.deployments else app)
    services = _services(call, application)
    words = f"External service '{service}' is not defined for application '{name}'"
    return scope, application, present(services.get(service), 404, words)


@endpoint("POST /v1/ops/external-service/{what:signin|signout}", generations="2026", fields="")
def sign(call: Call, what: str) -> bool:
    verb = "Sign-in" if what == "signin" else "Sign-out"
    refuse_if(call.caller.deployment is not None, 401, f"{verb} cannot be invoked with a per-request key")
    scope, application, service = _scope(call, call.body.get("url"))
    level = call.body.get("credentialsLevel", "USER")
    refuse_if(level not in ("USER", "APPLICATION"), 400, f"Unsupported credentials_level: {level}")
    refuse_if(level == "APPLICATION" and not _may_manage(call, application), 403, "No access to application")
    expected, provided = service["auth_settings"]["authentication_type"], call.body.get("authenticationType")
    words = f"Wrong authentication_type. Expected type: {expected}, provided: {provided}"
    refuse_if(provided != expected, 400, words)
    key = ("" if level == "APPLICATION" else call.caller.location, scope)
    credentials = call.core.part(Credentials)
    if what == "signout":
        return credentials.pop(key, None) is not None
    header = service["auth_settings"].get("api_key_header", "Authorization")
    name, value = ("apiKey", "{}") if expected == "API_KEY" else ("code", "Bearer {}")
    refuse_if(not call.body.get(name), 400, f"{name} should be specified")
    credentials[key] = Credential(header, value.format(call.body[name]), call.body.get("offlineUsageConsent") is True)
    return True


@endpoint("POST /v1/ops/external-service/credentials", generations="2026", fields="")
def fetch(call: Call) -> Json:
    refuse_if(call.caller.deployment is None, 401, "Per-request key is required")
    scope, application, service = _scope(call, call.body.get("url"))
    words = f"Per-request key is not bound to application: {application.id}"
    refuse_if(call.caller.deployment != application.id, 403, words)
    credentials = call.core.part(Credentials)
    found = credentials.get((call.caller.location, scope)) or credentials.get(("", scope))
    return _header(call, found, service, scope)


@endpoint("POST /v1/ops/external-service/obo-credentials", generations="2026", fields="")
def fetch_for_owner(call: Call) -> Json:
    words = "On-behalf-of retrieval cannot be invoked with a per-request key"
    refuse_if(call.caller.deployment is not None, 401, words)
    scope, _, service = _scope(call, call.body.get("url"))
    owner = call.body.get("owner_user_id") or call.body.get("ownerUserId")
    refuse_if(not owner, 400, "owner_user_id should be specified")
    found = call.core.part(Credentials).get((f"Users/{owner}/", scope))
    refuse_if(found and not found.offline, 403, "Offline usage consent required for on-behalf-of retrieval")
    return _header(call, found, service, scope)


def _header(call: Call, found: Optional[Credential], service: Json, scope: str) -> Json:
    found = present(found, 404, f"Credentials for {encode(scope)} not found")
    described: Json = {"header_name": found.header, "header_value": found.value}
    if service["auth_settings"]["authentication_type"] == "OAUTH":
        described["expires_at"] = int(call.core.clock()) + 3600
    return described


# Management


def _may_manage(call: Call, application: Deployment) -> bool:
    if application.id in call.core.deployments:
        return call.caller.admin
    return WRITE in call.rights(from_url(application.id))


def _managed(call: Call, app: str) -> Deployment:
    """The application of a path, where it comes without `applications/`."""
    application = _application(call, app if app in call.core.deployments else f"applications/{app}")
    refuse_if(not _may_manage(call, application), 403, f"No access to application: {app}")
    return application


def _described(call: Call, application: Deployment, service: str, given: Json) -> Json:
    name = application.id if application.id.startswith("applications/") else f"applications/{application.id}"
    scope = decode_path(name) + SCOPE + service
    settings = auth_settings(call, given["auth_settings"], scope, call.core.part(Credentials), "app_level")
    if given["auth_settings"].get("client_secret"):
        settings["client_secret_hint"] = given["auth_settings"]["client_secret"][-4:]
    return {"id": service, **given, "auth_settings": {**settings, "global_auth_status": "SIGNED_OUT"}}


@endpoint("GET /v1/applications/{id}/external-services", generations="2026")
def list_services(call: Call, id: str) -> list[Json]:
    application = _managed(call, id)
    return [_described(call, application, name, given) for name, given in _services(call, application).items()]


@endpoint("GET|PUT|DELETE /v1/applications/{id}/external-services/{service:[^/]+}", generations="2026")
def manage(call: Call, id: str, service: str) -> Any:
    application = _managed(call, id)
    managed = call.core.part(Managed).setdefault(application.id, {})
    known = _services(call, application).get(service)
    if call.request.method == "PUT":
        refuse_if(application.id in call.core.deployments, 400, "Services of a configured application are read-only")
        body = operation(call.request.body())
        settings = {**((known or {}).get("auth_settings") or {}), **(body.get("auth_settings") or {})}
        refuse_if("authentication_type" not in settings, 400, "authentication_type should be specified")
        known = managed[service] = {**body, "auth_settings": settings}
    known = present(known, 404, f"External service '{service}' not found")
    if call.request.method == "DELETE":
        return managed.pop(service, None) is not None
    return _described(call, application, service, known)


@endpoint("POST|DELETE /v1/applications/{id}/external-services/{service:[^/]+}/consent", generations="2026")
def consent(call: Call, id: str, service: str) -> bool:
    known = _services(call, _managed(call, id)).get(service)
    refuse_if(not call.caller.admin, 403, "Admin access required")
    native = known is not None and known["auth_settings"]["authentication_type"] == "DIAL_NATIVE"
    refuse_if(not native, 400, "Consent applies only to DIAL_NATIVE services")
    return True


# The user's offline credentials


def _user(call: Call) -> str:
    refuse_if(call.caller.deployment, 401, "Offline credentials cannot be managed with a per-request key")
    refuse_if(call.caller.project, 401, "Offline credentials can only be managed by a signed-in user")
    return call.caller.location


@endpoint("GET /v1/user/offline-credentials", generations="2026")
def offline(call: Call) -> Json:
    connected = _user(call) in call.core.part(Offline)
    connect: Json = {"client_id": "dial", "authorization_endpoint": "https://idp.example/authorize"}
    connect.update(redirect_uri="https://chat.example/offline", scopes=["offline_access"])
    return {"available": True, "connected": connected, **({} if connected else {"connect": connect})}


@endpoint("POST /v1/user/offline-credentials/signin", generations="2026", fields="code redirectUri")
def connect(call: Call) -> bool:
    user = _user(call)
    refuse_if(not call.body.get("code"), 400, "code should be specified")
    call.core.part(Offline).add(user)
    return True


@endpoint("POST /v1/user/offline-credentials/signout", generations="2026")
def disconnect(call: Call) -> bool:
    user, known = _user(call), call.core.part(Offline)
    connected = user in known
    known.discard(user)
    return connected
