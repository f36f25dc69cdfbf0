"""Sharing and invitations: who gave whom access to what.

Knows links, permissions, their merging and revoking, and the texts. Access itself is asked in access.py, which asks
`Sharing.permissions` here. Must not know what the shared resources hold.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Optional

from . import bodies
from .auth import bucket_of, location_of
from .errors import Refusal
from .messages import Response, as_json
from .paths import TYPES, ResourceUrl, from_url
from .storage import node

if TYPE_CHECKING:
    from .core import Call, Core

Json = dict[str, Any]
LIFE = 259_200_000
RIGHTS = ("READ", "WRITE", "SHARE")


class Sharing:
    """Shares ({url: {receiver's location: rights}}) and invitations ({id: invitation}), kept in the storage."""

    def __init__(self, core: "Core") -> None:
        self._core = core
        kept = core.storage.kept("sharing", {"shares": {}, "invitations": {}, "count": 0})
        self._shares: dict[str, dict[str, list[str]]] = kept["shares"]
        self._invitations: dict[str, Json] = kept["invitations"]
        self._count: int = kept["count"]

    def permissions(self, location: str, resource: ResourceUrl) -> set[str]:
        """The rights given to `location` on `resource` or a folder around it."""
        rights: set[str] = set()
        place: Optional[ResourceUrl] = resource
        while self._shares and place is not None and place.segments:
            rights.update(self._shares.get(place.url, {}).get(location, ()))
            place = place.parent
        return rights

    def shared_with(self, location: str) -> list[str]:
        return [url for url, receivers in list(self._shares.items()) if location in receivers]

    def shared_by(self, location: str) -> list[str]:
        bucket = bucket_of(location)
        return [url for url in list(self._shares) if url.split("/")[1] == bucket]

    def rights_of(self, url: str, location: Optional[str] = None) -> list[str]:
        """The rights on exactly this url: of one receiver, or of all of them together."""
        receivers = self._shares.get(url, {})
        given = (
            receivers.get(location, [])
            if location
            else [right for rights in list(receivers.values()) for right in rights]
        )
        return [right for right in RIGHTS if right in given]

    def invite(self, owner: str, resources: list[Json], now: int, extra: Json) -> str:
        with self._core.storage.lock:
            self._count += 1
            id = bucket_of(f"{owner}invitations/invitations.json/{self._count}")
            invitation = {"id": id, "resources": resources, "createdAt": now, "expireAt": now + LIFE, **extra}
            self._invitations[id] = dict(invitation, owner=owner)
            self._keep()
        return id

    def invitation(self, id: str, now: int) -> Json:
        invitation = self._invitations.get(id)
        if invitation is None or invitation["expireAt"] < now:
            raise Refusal(404, f"No invitation found for ID {id}")
        return invitation

    def invitations_of(self, owner: str, now: int) -> list[Json]:
        own = [item for item in list(self._invitations.values()) if item["owner"] == owner]
        return [item for item in own if item["expireAt"] >= now]

    def withdraw(self, id: str) -> None:
        with self._core.storage.lock:
            self._invitations.pop(id, None)
            self._keep()

    def give(self, url: str, location: str, rights: Iterable[str]) -> None:
        with self._core.storage.lock:
            known = self._shares.setdefault(url, {}).setdefault(location, [])
            known += [right for right in rights if right not in known]
            self._keep()

    def take(self, url: str, rights: Iterable[str], location: Optional[str] = None) -> None:
        """Take `rights` from one receiver, or from all of them and from the invitations that are open."""
        gone = set(rights)
        if url not in self._shares and not self._invitations:
            return
        with self._core.storage.lock:
            receivers = self._shares.get(url, {})
            for receiver in [location] if location else list(receivers):
                receivers[receiver] = [right for right in receivers.get(receiver, ()) if right not in gone]
                if not receivers[receiver]:
                    del receivers[receiver]
            if not receivers:
                self._shares.pop(url, None)
            if location is None:
                self._clean_invitations(url, gone)
            self._keep()

    def receivers(self, url: str) -> dict[str, list[str]]:
        return dict(self._shares.get(url, {}))

    def removed(self, resource: ResourceUrl) -> None:
        """A resource is gone, and with it whatever was shared of it."""
        self.take(resource.url, RIGHTS)

    def moved(self, source: ResourceUrl, destination: ResourceUrl) -> None:
        """Within a bucket shares go along; out of it they are revoked."""
        with self._core.storage.lock:
            if source.bucket == destination.bucket:
                for location, rights in self.receivers(source.url).items():
                    self.give(destination.url, location, rights)
                for invitation in self._invitations.values():
                    for link in invitation["resources"]:
                        if link["url"] == source.url:
                            link["url"] = destination.url
            self.take(source.url, RIGHTS)

    def _clean_invitations(self, url: str, gone: set[str]) -> None:
        for id, invitation in list(self._invitations.items()):
            left = []
            for link in invitation["resources"]:
                if link["url"] == url:
                    link["permissions"] = [right for right in link["permissions"] if right not in gone]
                if link["permissions"]:
                    left.append(link)
            invitation["resources"] = left
            if not left:
                del self._invitations[id]

    def _keep(self) -> None:
        state = {"shares": self._shares, "invitations": self._invitations, "count": self._count}
        self._core.storage.keep("sharing", state)


def operate(core: "Core", call: "Call", operation: str) -> Response:
    """POST /v1/ops/resource/share/(create|list|discard|revoke|copy)"""
    return _OPERATIONS[operation](core, call)


def _create(core: "Core", call: "Call") -> Response:
    fields = ("invitationType", "resources") + (("maxAcceptedUsers", "shareCredentials") if core.newer else ())
    body = _body(call, "Can't initiate share request. Incorrect body", fields)
    links = _links(body)
    resources, seen = [], set()
    for link in links:
        resource = _resource(link)
        if resource.location != call.caller.location:
            if not (core.newer and "SHARE" in core.sharing.permissions(call.caller.location, resource)):
                words = "is not allowed to be shared by the user" if core.newer else "does not belong to the user"
                raise Refusal(400, f"Resource {resource.url} {words}")
        if resource.url in seen:
            raise Refusal(400, f"Duplicated resource: {resource.url}")
        seen.add(resource.url)
        resources.append({"url": resource.url, "permissions": _rights(link, ["READ"], core.newer)})
    id = core.sharing.invite(call.caller.location, resources, core.now(), {})
    return as_json({"invitationLink": f"/v1/invitations/{id}"})


def _list(core: "Core", call: "Call") -> Response:
    fields = ("resourceTypes", "with", "order") + (("includeUserInfo",) if core.newer else ())
    body = _body(call, "Can't list shared resources. Incorrect body", fields)
    kinds = {str(kind).upper() for kind in body.get("resourceTypes") or ()}
    location = call.caller.location
    mine = body.get("with") == "others"
    found = []
    for url in core.sharing.shared_by(location) if mine else core.sharing.shared_with(location):
        resource = from_url(url)
        kind = TYPES[resource.type]
        if kind not in kinds:
            continue
        described = node(resource, kind)
        if core.newer and body.get("includeUserInfo"):
            described["sharedBy"] = call.caller.name if mine else _owner(resource)
        described["permissions"] = core.sharing.rights_of(url, None if mine else location)
        if resource.folder:
            described["items"] = None
        found.append(described)
    return as_json({"resources": found})


def _discard(core: "Core", call: "Call") -> Response:
    body = _body(call, "Can't DISCARD shared resources. Incorrect body", ("resources",))
    for resource in [_resource(link) for link in _links(body)]:
        core.sharing.take(resource.url, RIGHTS, call.caller.location)
    return Response(200)


def _revoke(core: "Core", call: "Call") -> Response:
    body = _body(call, "Can't REVOKE shared resources. Incorrect body", ("resources",))
    revoked = [(_resource(link), _rights(link, list(RIGHTS), True)) for link in _links(body)]
    if any(resource.location != call.caller.location for resource, _ in revoked):
        raise Refusal(400, "You are only allowed to revoke access from own resources")
    for resource, rights in revoked:
        core.sharing.take(resource.url, rights)
    return Response(200)


def _copy(core: "Core", call: "Call") -> Response:
    words = "Can't initiate copy shared access request. Incorrect body provided"
    body = _body(call, words, ("sourceUrl", "destinationUrl"))
    urls = []
    for name in ("sourceUrl", "destinationUrl"):
        if body.get(name) is None:
            raise Refusal(400, f"{name} must be provided")
        urls.append(from_url(str(body[name])))
        if urls[-1].location != call.caller.location:
            raise Refusal(400, f"{name} does not belong to the user")
    source, destination = urls
    if source.url == destination.url:
        raise Refusal(400, "source and destination cannot be the same")
    if core.storage.get(source) is None:
        raise Refusal(400, f"source resource {source.url} does not exists")
    if core.storage.get(destination) is None:
        raise Refusal(400, f"destination resource {destination.url} dos not exists")
    for location, rights in core.sharing.receivers(source.url).items():
        core.sharing.give(destination.url, location, rights)
    return Response(200)


_OPERATIONS = {"create": _create, "list": _list, "discard": _discard, "revoke": _revoke, "copy": _copy}


# Invitations


def invitations(core: "Core", call: "Call") -> Response:
    """GET /v1/invitations"""
    own = core.sharing.invitations_of(call.caller.location, core.now())
    return as_json({"invitations": [_shown(invitation) for invitation in own]})


def invitation(core: "Core", call: "Call", id: str) -> Response:
    """GET /v1/invitations/{id}, which accepts when asked with ?accept=true"""
    found = core.sharing.invitation(id, core.now())
    if call.query.get("accept", "").lower() != "true":
        return as_json(_shown(found))
    for link in found["resources"]:
        if from_url(link["url"]).location == call.caller.location:
            raise Refusal(400, f"Resource {link['url']} already belong to you")
    for link in found["resources"]:
        core.sharing.give(link["url"], call.caller.location, link["permissions"])
    return Response(200)


def delete_invitation(core: "Core", call: "Call", id: str) -> Response:
    """DELETE /v1/invitations/{id}"""
    location = location_of(id)
    if location is None or "/invitations/" not in location:
        raise Refusal(404, f"No invitation found for ID{id}")
    if not location.startswith(call.caller.location + "invitations/"):
        raise Refusal(403, "You are not invitation owner")
    core.sharing.withdraw(id)
    return Response(200)


def _shown(invitation: Json) -> Json:
    return {name: value for name, value in invitation.items() if name != "owner"}


def _body(call: "Call", words: str, fields: tuple[str, ...]) -> Json:
    return bodies.operation(bytes(call.request.body()), words, fields)


def _links(body: Json) -> list[Json]:
    links = body.get("resources")
    if not isinstance(links, list) or not links:
        raise Refusal(400, "No resources provided")
    return [link if isinstance(link, dict) else {"url": link} for link in links]


def _resource(link: Json) -> ResourceUrl:
    url = str(link.get("url"))
    url = url[len("metadata/") :] if url.startswith("metadata/") else url
    try:
        resource = from_url(url)
        if resource.public:
            raise Refusal(400)
    except Refusal:
        raise Refusal(400, f"Incorrect resource link provided {url}") from None
    return resource


def _rights(link: Json, default: list[str], newer: bool) -> list[str]:
    given = link.get("permissions")
    if given is None:
        return default
    rights = [str(right).upper() for right in given] if isinstance(given, list) else [""]
    if any(right not in (RIGHTS if newer else RIGHTS[:2]) for right in rights):
        raise Refusal(400, "Can't initiate share request. Incorrect body")
    return [right for right in RIGHTS if right in rights]


def _owner(resource: ResourceUrl) -> str:
    return resource.location.rstrip("/").rpartition("/")[2]
