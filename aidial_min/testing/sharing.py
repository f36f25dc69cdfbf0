"""Sharing and invitations, and what applications let each other see for one call (2026)."""

from typing import Optional

from .access import RIGHTS, SHARE, Shares, in_order
from .auth import location_of
from .http import HttpError, refuse_if
from .json_shapes import Json
from .json_shapes import operation as parsed
from .paths import ResourceUrl, from_url
from .resources import links_of, source_and_destination
from .routing import Call, endpoint

_BODY = "Can't initiate share request. Incorrect body"
_RESOURCES = "Can't %s shared resources. Incorrect body"


@endpoint(
    "POST /v1/ops/resource/share/create",
    fields="invitationType resources",
    newer_fields="maxAcceptedUsers shareCredentials",
    words=_BODY,
    alone=True,
)
def create(call: Call) -> Json:
    core = call.core
    resources: dict[str, Json] = {}
    for link in links_of(call):
        resource = _resource(link)
        if resource.location != call.caller.location:
            if not (core.newer and SHARE in core.access.sharing.permissions(call.caller.location, resource)):
                words = "is not allowed to be shared by the user" if core.newer else "does not belong to the user"
                raise HttpError(400, f"Resource {resource.url} {words}")
        refuse_if(resource.url in resources, 400, f"Duplicated resource: {resource.url}")
        resources[resource.url] = {"url": resource.url, "permissions": _rights(link, ["READ"], core.newer)}
    id = core.access.sharing.invite(call.caller.location, list(resources.values()), core.now())
    return {"invitationLink": f"/v1/invitations/{id}"}


@endpoint(
    "POST /v1/ops/resource/share/list",
    fields="resourceTypes with order",
    newer_fields="includeUserInfo",
    words="Can't list shared resources. Incorrect body",
)
def list_shared(call: Call) -> Json:
    sharing, location = call.core.access.sharing, call.caller.location
    kinds = {str(kind).upper() for kind in call.body.get("resourceTypes") or ()}
    mine = call.body.get("with") == "others"
    found = []
    own = [url for url in sharing.urls() if url.split("/")[1] == call.caller.bucket]
    for resource in map(from_url, own if mine else sharing.of(location)):
        if resource.kind not in kinds:
            continue
        described = resource.node
        if call.core.newer and call.body.get("includeUserInfo"):
            described["sharedBy"] = call.caller.name if mine else resource.location.rstrip("/").rpartition("/")[2]
        given = [rights for receiver, rights in sharing.receivers(resource.url).items() if mine or receiver == location]
        described["permissions"] = in_order({right for rights in given for right in rights})
        if resource.folder:
            described["items"] = None
        found.append(described)
    return {"resources": found}


@endpoint("POST /v1/ops/resource/share/discard", fields="resources", words=_RESOURCES % "DISCARD", alone=True)
def discard(call: Call) -> None:
    for resource in [_resource(link) for link in links_of(call)]:
        call.core.access.sharing.take(resource.url, RIGHTS, call.caller.location)


@endpoint("POST /v1/ops/resource/share/revoke", fields="resources", words=_RESOURCES % "REVOKE", alone=True)
def revoke(call: Call) -> None:
    revoked = [(_resource(link), _rights(link, list(RIGHTS), True)) for link in links_of(call)]
    if any(resource.location != call.caller.location for resource, _ in revoked):
        raise HttpError(400, "You are only allowed to revoke access from own resources")
    for resource, rights in revoked:
        call.core.access.sharing.withdraw(resource.url, rights)


@endpoint(
    "POST /v1/ops/resource/share/copy",
    fields="sourceUrl destinationUrl",
    words="Can't initiate copy shared access request. Incorrect body provided",
    alone=True,
)
def copy(call: Call) -> None:
    source, destination = source_and_destination(call)
    for name, resource in (("sourceUrl", source), ("destinationUrl", destination)):
        refuse_if(resource.location != call.caller.location, 400, f"{name} does not belong to the user")
    refuse_if(source.url == destination.url, 400, "source and destination cannot be the same")
    refuse_if(call.core.storage.get(source) is None, 400, f"source resource {source.url} does not exists")
    refuse_if(call.core.storage.get(destination) is None, 400, f"destination resource {destination.url} dos not exists")
    for location, rights in call.core.access.sharing.receivers(source.url).items():
        call.core.access.sharing.give(destination.url, location, rights)


def _resource(link: Json) -> ResourceUrl:
    url = str(link.get("url"))
    url = url[len("metadata/") :] if url.startswith("metadata/") else url
    words = f"Incorrect resource link provided {url}"
    resource = from_url(url, words)
    refuse_if(resource.public, 400, words)
    return resource


def _rights(link: Json, default: list[str], newer: bool) -> list[str]:
    given = link.get("permissions")
    if given is None:
        return default
    rights = [str(right).upper() for right in given] if isinstance(given, list) else [""]
    refuse_if(any(right not in (RIGHTS if newer else RIGHTS[:2]) for right in rights), 400, _BODY)
    return in_order(rights)


# Invitations


@endpoint("GET /v1/invitations")
def invitations(call: Call) -> Json:
    now, all_there_are = call.core.now(), list(call.core.access.sharing.invitations.values())
    own = [item for item in all_there_are if item["owner"] == call.caller.location and item["expireAt"] >= now]
    return {"invitations": [_shown(invitation) for invitation in own]}


@endpoint("GET /v1/invitations/{invitation}", alone=True)
def invitation(call: Call, invitation: str) -> Optional[Json]:
    """It is accepted when asked with ?accept=true."""
    sharing = call.core.access.sharing
    found = sharing.invitation(invitation, call.core.now())
    if not call.flag("accept"):
        return _shown(found)
    for link in found["resources"]:
        if from_url(link["url"]).location == call.caller.location:
            raise HttpError(400, f"Resource {link['url']} already belong to you")
    for link in found["resources"]:
        sharing.give(link["url"], call.caller.location, link["permissions"])
    return None


@endpoint("DELETE /v1/invitations/{invitation}", alone=True)
def delete_invitation(call: Call, invitation: str) -> None:
    location = location_of(invitation) or ""
    refuse_if("/invitations/" not in location, 404, f"No invitation found for ID{invitation}")
    refuse_if(not location.startswith(call.caller.location + "invitations/"), 403, "You are not invitation owner")
    call.core.access.sharing.invitations.pop(invitation, None)


def _shown(invitation: Json) -> Json:
    return {name: value for name, value in invitation.items() if name != "owner"}


# Per-request permissions


@endpoint("POST /v1/ops/resource/per-request-permissions/{operation:grant|revoke|list}", generations="2026")
def grants(call: Call, operation: str) -> Optional[Json]:
    refuse_if(call.caller.deployment is None, 401, "Operation is only permitted by per request API key")
    body = parsed(call.request.body(), "Not valid JSON body")
    given = call.core.access.grants.by(call.caller)
    if operation == "list":
        if str(body.get("with")).upper() == "ME":
            return {"resources": _granted(call.core.access.grants.to(call.caller), call.caller.deployment)}
        names = dict.fromkeys(name for url in given.urls() for name in given.receivers(url))
        return {"receivers": [{"receiver": name, "resourcePermissions": _granted([given], name)} for name in names]}
    receiver, links = body.get("receiver"), body.get("resourcePermissions")
    if not isinstance(receiver, str) or not isinstance(links, list):
        raise HttpError(400, "Not valid JSON body")
    for link in links:
        resource = from_url(str(link.get("url")))
        rights = {str(right).upper() for right in link.get("permissions") or ["READ"]}
        if operation == "revoke":
            given.take(resource.url, rights, receiver)
        elif call.rights(resource) >= rights:
            given.give(resource.url, receiver, rights)
        else:
            raise HttpError(403, f"Access to resource is forbidden: {link.get('url')}")
    return None


def _granted(shares: list[Shares], receiver: Optional[str]) -> list[Json]:
    granted: dict[str, list[str]] = {}
    for url, rights in [one for given in shares for one in given.of(str(receiver)).items()]:
        granted.setdefault(url, []).extend(rights)
    return [{"url": url, "permissions": in_order(rights)} for url, rights in granted.items()]
