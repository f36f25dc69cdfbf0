"""Publications, the rules of public folders, and notifications.

A publication is pending until it is approved or rejected. A review copy lies in a bucket of its own below its author's.
All this is kept in `Access` (access.py), because rules decide who may read.
"""

from .access import READ
from .auth import PUBLIC_LOCATION
from .http import HttpError, dumps, present, refuse_if
from .json_shapes import WRONG_TYPE, Json, each, judge, mapping, without_nulls
from .paths import TYPES, ResourceUrl, at, encode, from_url
from .resources import MOVABLE, node_for
from .routing import Call, endpoint

LISTED = ("url", "name", "targetFolder", "status", "createdAt", "resourceTypes")
FUNCTIONS = ("EQUAL", "CONTAIN", "REGEX", "TRUE", "FALSE")
_NEW = "name targetFolder resources rules"
_NEWER = "author displayAuthor publishCredentials etag status createdAt resourceTypes"


@endpoint("POST /v1/ops/publication/create", fields=_NEW, newer_fields=_NEWER, alone=True)
def create(call: Call) -> Json:
    core, body = call.core, call.body
    folder = present(body.get("targetFolder"), 400, 'Publication "targetFolder" is missing')
    refuse_if(folder == "public/" and body.get("rules"), 400, "Rules are not allowed for root targetFolder")
    if not body.get("resources") and body.get("rules") is None:
        raise HttpError(400, "Publication must have at least one resource or rule")
    if not str(folder).startswith("public/") or not str(folder).endswith("/"):
        raise HttpError(400, 'Publication "targetUrl" must start with: public and ends with: /')
    folder = _folder(str(folder))
    id = core.new_id().replace("-", "")
    publication: Json = {"url": f"publications/{call.caller.bucket}/{id}", "name": body.get("name")}
    publication.update(targetFolder=folder, status="PENDING", createdAt=core.now())
    if core.newer:
        publication["author"] = call.caller.name
    review = at("files", f"{call.caller.location}publications/{id}/", "")
    publication["resources"] = _resources(call, body.get("resources") or [], folder, review.bucket)
    publication["resourceTypes"] = sorted({_kind(resource["targetUrl"]) for resource in publication["resources"]})
    if body.get("rules") is not None:
        publication["rules"] = [_rule(rule) for rule in body["rules"]]
    for resource in publication["resources"]:
        if resource["action"] == "ADD":
            _copy(call, from_url(resource["sourceUrl"]), from_url(resource["reviewUrl"]))
    core.access.publications[publication["url"]] = publication
    return without_nulls(publication)


@endpoint("POST /v1/ops/publication/list", fields="url", alone=True)
def list_publications(call: Call) -> Json:
    resource = _url(call, allow_public=True)
    _check_access(call, resource, not resource.public)
    refuse_if(resource.segments, 400, f"Bad publication url: {resource.url}")
    prefix = "publications/" if resource.public else resource.url
    found = [item for url, item in call.core.access.publications.items() if url.startswith(prefix)]
    if resource.public:
        found = [item for item in found if item["status"] == "PENDING"]
    shown = [{name: item[name] for name in LISTED if item.get(name) is not None} for item in found]
    return {"publications": shown}


@endpoint("POST /v1/ops/publication/get", fields="url", alone=True)
def get(call: Call) -> Json:
    return without_nulls(_found(call, owner_may=True))


@endpoint("POST /v1/ops/publication/delete", fields="url", alone=True)
def delete(call: Call) -> None:
    publication = _found(call, owner_may=True)
    del call.core.access.publications[publication["url"]]
    if publication["status"] == "PENDING":
        _drop_review(call, publication)


@endpoint("POST /v1/ops/publication/approve", fields="url", alone=True)
def approve(call: Call) -> Json:
    publication, storage = _pending(call), call.core.storage
    for item in publication["resources"]:
        there = storage.get(from_url(item["targetUrl"])) is not None
        if item["action"] == "ADD" and storage.get(from_url(item["reviewUrl"])) is None:
            raise HttpError(400, f"Review resource does not exist: {item['reviewUrl']}")
        refuse_if(item["action"] == "ADD" and there, 400, f"Target resource  exists: {item['targetUrl']}")
        if item["action"] == "DELETE" and not there:
            raise HttpError(400, f"Target resource does not exists: {item['targetUrl']}")
    for item in publication["resources"]:
        target = from_url(item["targetUrl"])
        if item["action"] == "DELETE":
            call.core.remove(target)
        elif storage.get(target) is None:
            _copy(call, from_url(item["reviewUrl"]), target)
    _drop_review(call, publication)
    if publication.get("rules") is not None:
        call.core.access.rules[publication["targetFolder"]] = publication["rules"]
    return _finish(call, publication, "APPROVED", "Your request has been approved by admin")


@endpoint("POST /v1/ops/publication/reject", fields="url comment", alone=True)
def reject(call: Call) -> Json:
    publication = _pending(call)
    _drop_review(call, publication)
    words = "Your request has been rejected by admin"
    comment = call.body.get("comment")
    return _finish(call, publication, "REJECTED", words if comment is None else f"{words}: {comment}")


@endpoint("POST /v1/ops/publication/update", fields=f"{_NEW} {_NEWER} url", generations="2026", alone=True)
def update(call: Call) -> Json:
    publication = _pending(call)
    for name in ("name", "targetFolder", "rules", "resources"):
        if call.body.get(name) is not None:
            publication[name] = call.body[name]
    return without_nulls(publication)


@endpoint("POST /v1/ops/publication/resource/list", fields="resourceTypes")
def list_resources(call: Call) -> list[Json]:
    """What the caller owns and has published."""
    kinds = {str(kind).upper() for kind in call.body.get("resourceTypes") or ()}
    prefix = f"publications/{call.caller.bucket}/"
    published = [item for url, item in list(call.core.access.publications.items()) if url.startswith(prefix)]
    approved = [resource for item in published if item["status"] == "APPROVED" for resource in item["resources"]]
    sources = dict.fromkeys(resource["sourceUrl"] for resource in approved if resource.get("sourceUrl"))
    return [node_for(call, from_url(source)) for source in sources if _kind(source) in kinds]


@endpoint("POST /v1/ops/publication/rule/list", fields="url")
def list_rules(call: Call) -> Json:
    """The rules of a public folder and of those around it."""
    url = str(call.body.get("url"))
    folder = from_url("files/" + url, f"Invalid resource: {url}")
    refuse_if(not url.startswith(PUBLIC_LOCATION) or not folder.folder, 400, f"Invalid resource: {url}")
    refuse_if(READ not in call.rights(folder), 403, f"Forbidden resource: rules/{url}")
    return {"rules": dict(sorted(call.core.access.rules_around(folder).items()))}


@endpoint("POST /v1/ops/notification/list")
def list_notifications(call: Call) -> Json:
    """Oldest first."""
    return {"notifications": call.core.access.notifications.get(call.caller.location, [])}


@endpoint("POST /v1/ops/notification/delete", fields="ids", alone=True)
def delete_notifications(call: Call) -> None:
    ids = call.body.get("ids") or []
    refuse_if(not ids, 400, "Notification IDs cannot be empty")
    own = call.core.access.notifications.get(call.caller.location, [])
    own[:] = [item for item in own if item["id"] not in ids]


# One publication


def _url(call: Call, allow_public: bool = False) -> ResourceUrl:
    words = f"Invalid resource: {call.body.get('url')}"
    resource = from_url(str(call.body.get("url")), words)
    refuse_if(resource.type != "publications" or (resource.public and not allow_public), 400, words)
    return resource


def _check_access(call: Call, resource: ResourceUrl, owner_may: bool) -> None:
    if not call.caller.admin and not (owner_may and resource.location == call.caller.location):
        raise HttpError(403, f"Forbidden resource: {resource.url}")


def _found(call: Call, owner_may: bool) -> Json:
    resource = _url(call)
    _check_access(call, resource, owner_may)
    refuse_if(resource.folder or len(resource.segments) != 1, 400, f"Bad publication url: {resource.url}")
    return present(call.core.access.publications.get(resource.url), 404, f"No publication: {resource.url}")


def _pending(call: Call) -> Json:
    publication = _found(call, owner_may=False)
    refuse_if(publication["status"] != "PENDING", 404, f"Publication is already finalized: {publication['url']}")
    return publication


def _finish(call: Call, publication: Json, status: str, message: str) -> Json:
    url = publication["url"]
    publication["status"] = status
    told: Json = {"id": call.core.new_id(), "url": url, "type": "PUBLICATION", "message": message}
    told["timestamp"] = call.core.now()
    call.core.access.notifications.setdefault(from_url(url).location, []).append(told)
    return without_nulls(publication)


def _copy(call: Call, source: ResourceUrl, target: ResourceUrl) -> None:
    """A copy knows its own place: an application by its name, a conversation by its ids."""
    item = present(call.core.storage.get(source), 400, f"Source resource does not exists: {source.url}")
    content = item.content
    if source.type == "applications":
        content = dumps(dict(item.json(), name=target.url, reference=call.core.new_id()))
    elif source.type == "conversations" and content:
        folder = encode("/".join((target.type, target.bucket, *target.segments[:-1])))
        content = dumps(dict(item.json(), id=target.url, folderId=folder))
    call.core.storage.put(target, content, item.content_type)


def _drop_review(call: Call, publication: Json) -> None:
    for item in publication["resources"]:
        if "reviewUrl" in item:
            call.core.remove(from_url(item["reviewUrl"]))


def _folder(url: str) -> str:
    """A public folder as Core spells it, however it came: "public/a%3Ab/" is "public/a:b/"."""
    return from_url("files/" + url, f"Bad resource url: {url}").path


def _kind(url: str) -> str:
    return TYPES[url.split("/", 1)[0]]


# What a new publication has to be


def _resources(call: Call, wanted: list[Json], folder: str, review: str) -> list[Json]:
    """The resources of a new publication, checked as Core checks them, with their review urls."""
    judge(wanted, each(mapping), words=WRONG_TYPE)
    storage = call.core.storage
    judged: list[Json] = []
    urls: set[str] = set()
    for given in wanted:
        action = str(given.get("action") or "").upper()
        refuse_if(not action, 400, 'Resource "action" is missing')
        if action not in ("ADD", "DELETE") and not (call.core.newer and action == "ADD_IF_ABSENT"):
            raise HttpError(400, "Failed to parse json: no such action")
        target = _target(given, folder)
        resource: Json = {"action": "ADD" if action == "ADD_IF_ABSENT" else action, "targetUrl": target.url}
        if action == "DELETE":
            if storage.get(target) is None:
                raise HttpError(400, f"Target resource does not exists: {target.url}")
        else:
            source = _source(call, given, target)
            suffix = target.url[len(f"{target.type}/") + len(folder) :]
            if action == "ADD" and storage.get(target) is not None:
                raise HttpError(400, f"Target resource already exists: {target.url}")
            resource = {"action": resource["action"], "sourceUrl": source.url, "targetUrl": target.url}
            resource["reviewUrl"] = f"{source.type}/{review}/{suffix}"
        for what, name in (("Source", "sourceUrl"), ("Target", "targetUrl"), ("Review", "reviewUrl")):
            refuse_if(resource.get(name) in urls, 400, f"{what} resources have duplicate urls: {resource.get(name)}")
        urls.update(resource[name] for name in ("sourceUrl", "targetUrl", "reviewUrl") if name in resource)
        refuse_if(READ not in call.rights(target), 403, "User don't have permissions to the provided target resources")
        judged.append(resource)
    return judged


def _target(given: Json, folder: str) -> ResourceUrl:
    url = str(given.get("targetUrl"))
    target = from_url(url)
    refuse_if(not target.public, 400, f"Url bucket does not match: {url}")
    refuse_if(target.type not in MOVABLE, 500)
    refuse_if(target.folder, 400, f"Target resource is folder: {target.url}")
    if not target.path.startswith(folder):
        raise HttpError(400, f"Target resource folder does not match with target folder: {target.url}")
    return target


def _source(call: Call, given: Json, target: ResourceUrl) -> ResourceUrl:
    url = str(given.get("sourceUrl"))
    source = from_url(url)
    refuse_if(source.public, 400, f"Not private url: {url}")
    refuse_if(READ not in call.rights(source), 403, f"You don't have permission to access resource {source.url}")
    refuse_if(source.folder, 400, f"Source resource is folder: {source.url}")
    refuse_if(source.type != target.type, 400, f"Source and target resource types do not match: {target.url}")
    refuse_if(call.core.storage.get(source) is None, 400, f"Source resource does not exists: {source.url}")
    return source


def _rule(given: Json) -> Json:
    function = str(given.get("function") or "").upper()
    refuse_if(not function, 400, "Rule does not have function")
    refuse_if(function not in FUNCTIONS, 400, "Failed to parse json: no such function")
    refuse_if(given.get("source") is None, 400, "Rule does not have source")
    if function not in ("TRUE", "FALSE") and not given.get("targets"):
        raise HttpError(400, f"Rule {function} does not have targets")
    return {"function": function, "source": given["source"], "targets": given.get("targets")}
