"""Stored resources: files, and JSON, kept byte for byte; and what all of them have: metadata, move, copy.

Custom applications (custom_applications.py) and toolsets (toolsets.py) come through the same endpoints: `KINDS` says
how a body of each type is judged on its way in, and what is shown of it.
"""

from typing import Any, Callable, NamedTuple, Optional

from . import custom_applications, multipart, toolsets
from .access import READ, WRITE, in_order
from .http import Content, HttpError, Response, as_json, dumps, present, refuse_if
from .json_shapes import Check, Json, an_object, each, json_body, number, scalar, strings
from .paths import ResourceUrl, from_url
from .routing import Call, endpoint
from .storage import Item, about

METADATA_TYPE = "application/vnd.dial.metadata+json"
#: What can be moved, watched and published.
MOVABLE = ("files", "conversations", "prompts", "applications", "toolsets")
#: What is called by its url, which stands in it as its name.
CALLED_BY_URL = ("applications", "toolsets")
NO_FOLDER = "Folder not allowed: {url}"
EXPOSED = ("access-control-expose-headers", "etag")


# Files: an upload without a file part gets no answer at all, as from Core


@endpoint("PUT /v1/files/{bucket}/{path}", needs=WRITE, folder="File name is missing")
def upload(call: Call) -> Response:
    core, resource = call.core, call.resource
    resource.check_name()
    precondition = call.precondition()
    precondition.check(core.storage.get(resource))
    content_type = call.request.headers.get("content-type", "")
    if core.newer and "multipart/" not in content_type:
        valid = "a valid" if content_type else "a"
        raise HttpError(400, f"Request must have {valid} content-type header to decode a multipart request")
    failed = (500, f"Failed to upload file: {resource.url}")
    part = next(multipart.files_of(call.request, failed, failed), None)
    if part is None:
        call.request.connection.leave_waiting()
    item = core.storage.put(resource, part.content, part.content_type, precondition)
    return stored(resource, item)


@endpoint("GET /v1/files/{bucket}/{path}", needs=READ, folder="Can't download a folder")
def download(call: Call) -> Response:
    item = present(call.core.storage.get(call.resource), 404)
    return contents(call, item.content, item.etag, item.content_type)


@endpoint("DELETE /v1/files/{bucket}/{path}", needs=WRITE, folder="Can't delete a folder")
def delete_file(call: Call) -> None:
    """A file that is not there is no error."""
    call.core.remove(call.resource, call.precondition())


def stored(resource: ResourceUrl, item: Item) -> Response:
    """The answer to a PUT."""
    return as_json({**resource.node, **about(resource, item)}, headers=[("etag", item.etag), EXPOSED])


def contents(call: Call, content: Content, etag: str, content_type: Optional[str] = None) -> Response:
    """The answer to a GET: 304 when If-None-Match names what is there (2026)."""
    tags = [("etag", etag), EXPOSED]
    if call.has_current(etag):
        return Response(304, b"", tags)
    described = [("content-type", content_type), ("content-length", str(len(content)))] if content_type else []
    return Response(200, content, [*described, *tags])


# Stored JSON


class Kind(NamedTuple):
    """`prepare` turns what was sent into what is stored, `show` turns it into what GET answers."""

    prepare: Callable[[Call, bytes], bytes]
    show: Callable[[Call, Item], bytes]


@endpoint("PUT /v1/{type}/{bucket}/{path}", needs=WRITE, folder=NO_FOLDER)
def put(call: Call) -> Response:
    core, resource = call.core, call.resource
    resource.check_name()
    size = call.request.content_length
    if size <= core.max_resource:
        size = len(call.request.body())
    refuse_if(size > core.max_resource, 413, f"Resource size: {size} exceeds max limit: {core.max_resource}")
    precondition = call.precondition()
    content = KINDS[resource.type].prepare(call, bytes(call.request.body()))
    return stored(resource, core.storage.put(resource, content, precondition=precondition))


@endpoint("GET /v1/{type}/{bucket}/{path}", needs=READ, folder=NO_FOLDER)
def get(call: Call) -> Response:
    """Without a Content-Type."""
    item = present(call.core.storage.get(call.resource), 404, f"Not found: {call.resource.url}")
    return contents(call, KINDS[call.resource.type].show(call, item), item.etag)


@endpoint("DELETE /v1/{type}/{bucket}/{path}", needs=WRITE, folder=NO_FOLDER)
def delete(call: Call) -> None:
    if call.resource.type == "applications":
        custom_applications.check_stopped(call.core, call.resource)
    refuse_if(not call.core.remove(call.resource, call.precondition()), 404, f"Not found: {call.resource.url}")


# Bodies


def _as_stored(call: Call, item: Item) -> bytes:
    return bytes(item.content)


def _as_sent(call: Call, raw: bytes) -> bytes:
    fields = _FIELDS[call.resource.type]
    optional = {"assistantModelId", *(["selectedAddons"] if call.core.newer else [])}
    if raw:  # an empty body is not looked at
        json_body(raw, an_object(fields, " ".join(set(fields) - optional)))
    return raw


_CONVERSATION: dict[str, Check] = {
    **dict.fromkeys(("id", "folderId", "name", "prompt"), scalar),
    "temperature": number,
    "lastActivityDate": number,
    "model": an_object({"id": scalar}, "id", null=True),
    "selectedAddons": strings,
    "messages": each(an_object({"role": scalar, "content": scalar}, "role content", null=True), "null"),
    "assistantModelId": scalar,
}
_FIELDS: dict[str, dict[str, Check]] = {
    "prompts": dict.fromkeys(("id", "folderId", "name", "content"), scalar),
    "conversations": _CONVERSATION,
}
KINDS = {
    **dict.fromkeys(_FIELDS, Kind(_as_sent, _as_stored)),
    "applications": Kind(custom_applications.prepare, custom_applications.show),
    "toolsets": Kind(toolsets.prepare, toolsets.show),
}


# Metadata


@endpoint("GET /v1/metadata/{type}/{bucket}/{path}", needs=READ)
def metadata(call: Call) -> Response:
    resource = call.resource
    limit = limit_of(resource.type, call.query.get("limit"))
    described: Optional[Json]
    if resource.folder:
        described = _folder(call, limit)
    else:
        item = call.core.storage.get(resource)
        described = {**node_for(call, resource), **about(resource, item)} if item else None
    if described is None:
        raise HttpError(404, "" if resource.type == "files" else f"Not found: {resource.url}")
    return listing(call, described)


def node_for(call: Call, resource: ResourceUrl) -> Json:
    """The node, with the caller's rights when they are asked for."""
    rights = {"permissions": in_order(call.rights(resource))} if call.flag("permissions") else {}
    return {**resource.node, **rights}


def links_of(call: Call, refusal: str = "No resources provided") -> list[Json]:
    """What the body lists as `resources`: objects with a url, or urls alone."""
    links: Any = call.body.get("resources")
    refuse_if(not isinstance(links, list) or not links, 400, refusal)
    return [link if isinstance(link, dict) else {"url": link} for link in links]


def listing(call: Call, described: Json) -> Response:
    """Metadata in the type that was asked for."""
    if METADATA_TYPE in call.request.headers.get("accept", ""):
        return Response(200, dumps(described), [("content-type", METADATA_TYPE)])
    return as_json(described)


def limit_of(type: str, given: Optional[str]) -> int:
    if given is None:
        return 100
    number = given[1:] if given[:1] in ("-", "+") else given
    if not (number.isascii() and number.isdigit()):
        if type == "files":
            raise HttpError(500)
    elif 0 <= int(given) <= 1000:
        return int(given)
    refuse_if(type == "files", 400, "Limit is out of allowed range: [0, 1000]")
    raise HttpError(400, "Bad query parameters. Limit must be in [0, 1000] range. Recursive must be true/false")


def _folder(call: Call, limit: int) -> Optional[Json]:
    folder = call.resource
    entries, token = call.core.storage.list(folder, call.flag("recursive"), limit, call.query.get("token"))
    if not entries and folder.segments:
        return None
    described = node_for(call, folder)
    described["items"] = [_entry(call, *entry) for entry in entries if READ in call.rights(entry[0])]
    if token is not None:
        described["nextToken"] = token
    return described


def _entry(call: Call, resource: ResourceUrl, item: Optional[Item]) -> Json:
    entry = node_for(call, resource)
    if item is None:
        entry["items"] = None
        return entry
    entry["updatedAt"] = item.updated_at
    if resource.type == "files":
        entry["contentLength"] = 0 if call.core.stale_listings else len(item.content)
        entry["contentType"] = item.content_type
    return entry


# Moving and copying

_WORDS = "Can't initiate %s resource request. Incorrect body provided"
_NAMES = "sourceUrl destinationUrl overwrite"


@endpoint("POST /v1/ops/resource/{verb:move}", fields=_NAMES, words=_WORDS % "move", alone=True)
@endpoint("POST /v1/ops/resource/{verb:copy}", generations="2026", fields=_NAMES, words=_WORDS % "copy", alone=True)
def relocate(call: Call, verb: str) -> None:
    source, destination = source_and_destination(call)
    refuse_if(source.type != destination.type, 400, "source and destination resources must be the same type")
    refuse_if(source.url == destination.url, 400, "source and destination resources cannot be the same")
    changes = verb == "move" or source.type in CALLED_BY_URL
    needed, words = ({READ, WRITE}, "read and write") if changes else ({READ}, "read")
    refuse_if(not call.rights(source) >= needed, 403, f"no {words} access to source resource")
    refuse_if(WRITE not in call.rights(destination), 403, "no write access to destination resource")
    doing = "Moving" if verb == "move" else "Copying"
    refuse_if(source.folder or destination.folder, 400, f"{doing} folders is not supported")
    destination.check_name()
    item = present(call.core.storage.get(source), 400, f"Source resource {source.url} does not exist")
    refuse_if(source.type not in MOVABLE, 500, f"Unsupported type: {source.type}")
    exists = call.core.storage.get(destination) is not None and call.body.get("overwrite") is not True
    content = item.content
    if source.type in CALLED_BY_URL:
        custom_applications.check_stopped(call.core, source)
        refuse_if(exists, 412, "Resource already exists")
        content = dumps(dict(item.json(), name=destination.url))
    words = f"Can't {verb} resource {source.url} to {destination.url}"
    refuse_if(exists, 400, words + ", because destination resource already exists")
    call.core.storage.put(destination, content, item.content_type)
    if verb == "move":
        call.core.access.sharing.moved(source, destination)
        call.core.remove(source)


def source_and_destination(call: Call) -> list[ResourceUrl]:
    """The resources between which something is moved or copied."""
    names = ("sourceUrl", "destinationUrl")
    for name in names:
        refuse_if(call.body.get(name) is None, 400, f"{name} must be provided")
    return [from_url(str(call.body[name])) for name in names]
