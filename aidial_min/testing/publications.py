"""Publications, the rules of public folders, and notifications.

Knows the way of a publication (pending, approved or rejected), review copies, which rule lets whom in, and the texts.
Must not know how resources are written over HTTP. A review copy lies in a bucket of its own below its author's.
"""

import json
import re
from typing import TYPE_CHECKING, Any, Optional

from . import bodies, publication_checks
from .access import READ, permissions, sorted_rights
from .auth import PUBLIC_LOCATION, Caller
from .errors import Refusal
from .messages import Response, as_json, dumps
from .paths import TYPES, ResourceUrl, at, encode, from_url
from .storage import node

if TYPE_CHECKING:
    from .core import Call, Core

Json = dict[str, Any]
LISTED = ("url", "name", "targetFolder", "status", "createdAt", "resourceTypes")


class Publications:
    """Publications by url, rules by public folder, notifications by bucket location; kept in the storage."""

    def __init__(self, core: "Core") -> None:
        self._core = core
        empty: Json = {"publications": {}, "rules": {}, "notifications": {}}
        self._kept: Json = core.storage.kept("publications", empty)

    @property
    def by_url(self) -> dict[str, Json]:
        found: dict[str, Json] = self._kept["publications"]
        return found

    @property
    def rules(self) -> dict[str, list[Json]]:
        found: dict[str, list[Json]] = self._kept["rules"]
        return found

    def notifications(self, location: str) -> list[Json]:
        found: list[Json] = self._kept["notifications"].setdefault(location, [])
        return found

    def notify(self, location: str, url: str, message: str) -> None:
        described = {"id": self._core.new_id(), "url": url, "type": "PUBLICATION", "message": message}
        self.notifications(location).append({**described, "timestamp": self._core.now()})

    def keep(self) -> None:
        self._core.storage.keep("publications", self._kept)

    def lets_in(self, caller: Caller, resource: ResourceUrl) -> bool:
        """Whether the rules of every public folder around `resource` let `caller` in."""
        folder = resource if resource.folder else resource.parent
        while self.rules and folder is not None and folder.segments:
            rules = self.rules.get(_rule_url(folder))
            if rules and not any(_matches(caller, rule) for rule in rules):
                return False
            folder = folder.parent
        return True


def operate(core: "Core", call: "Call", operation: str) -> Response:
    """POST /v1/ops/publication/(list|get|create|delete|approve|reject|update)"""
    call.request.body()  # a client that is slow to send it must not keep everybody else from the storage
    with core.storage.lock:
        return _OPERATIONS[operation](core, call)


def _create(core: "Core", call: "Call") -> Response:
    body = bodies.operation(bytes(call.request.body()), fields=_fields(core))
    folder = body.get("targetFolder")
    if folder is None:
        raise Refusal(400, 'Publication "targetFolder" is missing')
    if folder == "public/" and body.get("rules"):
        raise Refusal(400, "Rules are not allowed for root targetFolder")
    if not body.get("resources") and body.get("rules") is None:
        raise Refusal(400, "Publication must have at least one resource or rule")
    if not str(folder).startswith("public/") or not str(folder).endswith("/"):
        raise Refusal(400, 'Publication "targetUrl" must start with: public and ends with: /')
    folder = _folder(str(folder))
    id = core.new_id().replace("-", "")
    location = call.caller.location
    publication: Json = {"url": f"publications/{call.caller.bucket}/{id}", "name": body.get("name")}
    publication.update(targetFolder=folder, status="PENDING", createdAt=core.now())
    if core.newer:
        publication["author"] = call.caller.name
    review = at("files", f"{location}publications/{id}/", "")
    publication["resources"] = publication_checks.resources(
        core, call, body.get("resources") or [], folder, review.bucket
    )
    publication["resourceTypes"] = sorted({_kind(resource["targetUrl"]) for resource in publication["resources"]})
    if body.get("rules") is not None:
        publication["rules"] = [publication_checks.rule(rule) for rule in body["rules"]]
    for resource in publication["resources"]:
        if resource["action"] == "ADD":
            _copy(core, from_url(resource["sourceUrl"]), from_url(resource["reviewUrl"]))
    core.publications.by_url[publication["url"]] = publication
    core.publications.keep()
    return as_json(_without_nulls(publication))


def _list(core: "Core", call: "Call") -> Response:
    resource = _publication_url(call, allow_public=True, fields=("url",))
    _check_access(call, resource, not resource.public)
    if resource.segments:
        raise Refusal(400, f"Bad publication url: {resource.url}")
    prefix = "publications/" if resource.public else resource.url
    found = [item for url, item in core.publications.by_url.items() if url.startswith(prefix)]
    if resource.public:
        found = [item for item in found if item["status"] == "PENDING"]
    shown = [{name: item[name] for name in LISTED if item.get(name) is not None} for item in found]
    return as_json({"publications": shown})


def _get(core: "Core", call: "Call") -> Response:
    resource = _publication_url(call, fields=("url",))
    _check_access(call, resource, True)
    return as_json(_without_nulls(_found(core, resource)))


def _delete(core: "Core", call: "Call") -> Response:
    resource = _publication_url(call, fields=("url",))
    _check_access(call, resource, True)
    publication = _found(core, resource)
    del core.publications.by_url[resource.url]
    if publication["status"] == "PENDING":
        _drop_review(core, publication)
    core.publications.keep()
    return Response(200)


def _approve(core: "Core", call: "Call") -> Response:
    resource = _publication_url(call, fields=("url",))
    _check_access(call, resource, False)
    publication = _pending(core, resource)
    for item in publication["resources"]:
        target = from_url(item["targetUrl"])
        there = core.storage.get(target) is not None
        if item["action"] == "ADD" and core.storage.get(from_url(item["reviewUrl"])) is None:
            raise Refusal(400, f"Review resource does not exist: {item['reviewUrl']}")
        if item["action"] == "ADD" and there:
            raise Refusal(400, f"Target resource  exists: {item['targetUrl']}")
        if item["action"] == "DELETE" and not there:
            raise Refusal(400, f"Target resource does not exists: {item['targetUrl']}")
    for item in publication["resources"]:
        target = from_url(item["targetUrl"])
        if item["action"] == "DELETE":
            core.remove(target)
        elif core.storage.get(target) is None:
            _copy(core, from_url(item["reviewUrl"]), target)
    _drop_review(core, publication)
    if publication.get("rules") is not None:
        core.publications.rules[publication["targetFolder"]] = publication["rules"]
    return _finish(core, resource, publication, "APPROVED", "Your request has been approved by admin")


def _reject(core: "Core", call: "Call") -> Response:
    body = bodies.operation(bytes(call.request.body()), fields=("url", "comment"))
    resource = _parsed(body)
    _check_access(call, resource, False)
    publication = _pending(core, resource)
    _drop_review(core, publication)
    words = "Your request has been rejected by admin"
    comment = body.get("comment")
    return _finish(core, resource, publication, "REJECTED", words if comment is None else f"{words}: {comment}")


def _update(core: "Core", call: "Call") -> Response:
    body = bodies.operation(bytes(call.request.body()), fields=(*_fields(core), "url"))
    resource = _parsed(body)
    _check_access(call, resource, False)
    publication = _pending(core, resource)
    for name in ("name", "targetFolder", "rules", "resources"):
        if body.get(name) is not None:
            publication[name] = body[name]
    core.publications.keep()
    return as_json(_without_nulls(publication))


_OPERATIONS = {
    "create": _create, "list": _list, "get": _get, "delete": _delete, "approve": _approve, "reject": _reject,
    "update": _update,
}  # fmt: skip


def list_resources(core: "Core", call: "Call") -> Response:
    """POST /v1/ops/publication/resource/list: what the caller owns and has published, as a bare array"""
    body = bodies.operation(bytes(call.request.body()), fields=("resourceTypes",))
    kinds = {str(kind).upper() for kind in body.get("resourceTypes") or ()}
    prefix = f"publications/{call.caller.bucket}/"
    found: dict[str, Json] = {}
    for url, publication in list(core.publications.by_url.items()):
        if not url.startswith(prefix) or publication["status"] != "APPROVED":
            continue
        for item in publication["resources"]:
            source = item.get("sourceUrl")
            if source is None or _kind(source) not in kinds:
                continue
            resource = from_url(source)
            found[source] = node(resource, _kind(source))
            if call.query.get("permissions", "").lower() == "true":
                found[source]["permissions"] = sorted_rights(permissions(core, call.caller, resource))
    return as_json(list(found.values()))


def list_rules(core: "Core", call: "Call") -> Response:
    """POST /v1/ops/publication/rule/list: the rules of a public folder and of those around it"""
    url = str(bodies.operation(bytes(call.request.body()), fields=("url",)).get("url"))
    try:
        folder: Optional[ResourceUrl] = from_url("files/" + url)
    except Refusal:
        folder = None
    if not url.startswith(PUBLIC_LOCATION) or folder is None or not folder.folder:
        raise Refusal(400, f"Invalid resource: {url}")
    if READ not in permissions(core, call.caller, folder):
        raise Refusal(403, f"Forbidden resource: rules/{url}")
    found: dict[str, list[Json]] = {}
    while folder is not None and folder.segments:
        rules = core.publications.rules.get(_rule_url(folder))
        if rules is not None:
            found[_rule_url(folder)] = rules
        folder = folder.parent
    return as_json({"rules": dict(sorted(found.items()))})


def list_notifications(core: "Core", call: "Call") -> Response:
    """POST /v1/ops/notification/list, oldest first"""
    return as_json({"notifications": core.publications.notifications(call.caller.location)})


def delete_notifications(core: "Core", call: "Call") -> Response:
    """POST /v1/ops/notification/delete"""
    ids = bodies.operation(bytes(call.request.body()), fields=("ids",)).get("ids")
    if not ids:
        raise Refusal(400, "Notification IDs cannot be empty")
    with core.storage.lock:
        own = core.publications.notifications(call.caller.location)
        own[:] = [item for item in own if item["id"] not in ids]
        core.publications.keep()
    return Response(200)


def _fields(core: "Core") -> tuple[str, ...]:
    fields = ("name", "targetFolder", "resources", "rules")
    newer = ("author", "displayAuthor", "publishCredentials", "etag", "status", "createdAt", "resourceTypes")
    return fields + newer if core.newer else fields


def _matches(caller: Caller, rule: Json) -> bool:
    claims = caller.roles if rule["source"] == "roles" else caller.claims.get(rule["source"])
    if claims is None:
        return False
    values = [claims] if isinstance(claims, str) else [value for value in claims if isinstance(value, str)]
    function, targets = rule["function"], rule["targets"] or []
    if function in ("TRUE", "FALSE"):
        return bool(function == "TRUE")
    if function == "REGEX":
        return any(re.fullmatch(target, value) for target in targets for value in values)
    pairs = [(target.lower(), value.lower()) for target in targets for value in values]
    return any(target == value if function == "EQUAL" else target in value for target, value in pairs)


def _publication_url(call: "Call", allow_public: bool = False, fields: tuple[str, ...] = ()) -> ResourceUrl:
    return _parsed(bodies.operation(bytes(call.request.body()), fields=fields), allow_public)


def _parsed(body: Json, allow_public: bool = False) -> ResourceUrl:
    url = str(body.get("url"))
    try:
        resource = from_url(url)
    except Refusal as refusal:
        if refusal.status == 500:
            raise
        raise Refusal(400, f"Invalid resource: {url}") from None
    if resource.type != "publications" or (resource.public and not allow_public):
        raise Refusal(400, f"Invalid resource: {url}")
    return resource


def _folder(url: str) -> str:
    """A public folder as Core spells it, however it came: "public/a%3Ab/" is "public/a:b/"."""
    try:
        return _rule_url(from_url("files/" + url))
    except Refusal:
        raise Refusal(400, f"Bad resource url: {url}") from None


def _check_access(call: "Call", resource: ResourceUrl, owner_may: bool) -> None:
    if not call.caller.admin and not (owner_may and resource.location == call.caller.location):
        raise Refusal(403, f"Forbidden resource: {resource.url}")


def _found(core: "Core", resource: ResourceUrl) -> Json:
    if resource.folder or len(resource.segments) != 1:
        raise Refusal(400, f"Bad publication url: {resource.url}")
    publication = core.publications.by_url.get(resource.url)
    if publication is None:
        raise Refusal(404, f"No publication: {resource.url}")
    return publication


def _pending(core: "Core", resource: ResourceUrl) -> Json:
    publication = _found(core, resource)
    if publication["status"] != "PENDING":
        raise Refusal(404, f"Publication is already finalized: {resource.url}")
    return publication


def _finish(core: "Core", resource: ResourceUrl, publication: Json, status: str, message: str) -> Response:
    publication["status"] = status
    core.publications.notify(resource.location, resource.url, message)
    core.publications.keep()
    return as_json(_without_nulls(publication))


def _copy(core: "Core", source: ResourceUrl, target: ResourceUrl) -> None:
    """A copy knows its own place: an application by its name, a conversation by its ids."""
    item = core.storage.get(source)
    if item is None:
        raise Refusal(400, f"Source resource does not exists: {source.url}")
    content = item.content
    if source.type == "applications":
        content = dumps(dict(json.loads(bytes(content)), name=target.url, reference=core.new_id()))
    elif source.type == "conversations" and content:
        folder = encode("/".join((target.type, target.bucket, *target.segments[:-1])))
        content = dumps(dict(json.loads(bytes(content)), id=target.url, folderId=folder))
    core.storage.put(target, content, item.content_type)


def _drop_review(core: "Core", publication: Json) -> None:
    for item in publication["resources"]:
        if "reviewUrl" in item:
            core.remove(from_url(item["reviewUrl"]))


def _rule_url(folder: ResourceUrl) -> str:
    return folder.url[len(folder.type) + 1 :]


def _kind(url: str) -> str:
    return TYPES[url.split("/", 1)[0]]


def _without_nulls(value: Json) -> Json:
    return {name: item for name, item in value.items() if item is not None}
