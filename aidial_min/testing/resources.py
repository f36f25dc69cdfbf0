"""/v1/conversations and /v1/prompts: JSON documents that are kept byte for byte.

Knows the fields that Core demands in each, and the texts. Custom applications (applications.py) and toolsets
(toolsets.py) come through the same routes: `KINDS` says who prepares and shows a body of each type.
Must not know listings (metadata.py).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

from . import applications, bodies, toolsets
from .access import READ, WRITE, permissions, require
from .errors import Refusal
from .files import EXPOSED
from .messages import Response, as_json
from .paths import TYPES, ResourceUrl, from_path
from .storage import Item, item_metadata

if TYPE_CHECKING:
    from .core import Call, Core


class Kind(NamedTuple):
    """`prepare` turns what was sent into what is stored, `show` turns it into what GET answers."""

    prepare: Callable[["Core", ResourceUrl, bytes], bytes]
    show: Callable[["Core", ResourceUrl, Item, bool], bytes]


def put(core: "Core", call: "Call", type: str, bucket: str, path: str) -> Response:
    """PUT /v1/{type}/{bucket}/{path}"""
    resource = _resource(core, call, type, bucket, path, WRITE)
    resource.check_name()
    limit = core.max_resource
    if call.request.content_length > limit:
        raise Refusal(413, f"Resource size: {call.request.content_length} exceeds max limit: {limit}")
    raw = bytes(call.request.body())
    if len(raw) > limit:
        raise Refusal(413, f"Resource size: {len(raw)} exceeds max limit: {limit}")
    precondition = call.precondition()
    content = KINDS[type].prepare(core, resource, raw)
    item = core.storage.put(resource, content, precondition=precondition)
    return as_json(item_metadata(resource, TYPES[type], item), headers=[("etag", item.etag), EXPOSED])


def get(core: "Core", call: "Call", type: str, bucket: str, path: str) -> Response:
    """GET /v1/{type}/{bucket}/{path}, without a Content-Type"""
    resource = _resource(core, call, type, bucket, path, READ)
    item = core.storage.get(resource)
    if item is None:
        raise Refusal(404, f"Not found: {resource.url}")
    if core.newer and call.has_current(item.etag):
        return Response(304, b"", [("etag", item.etag), EXPOSED])
    may_write = WRITE in permissions(core, call.caller, resource)
    body = KINDS[type].show(core, resource, item, may_write)
    return Response(200, body, [("etag", item.etag), EXPOSED])


def delete(core: "Core", call: "Call", type: str, bucket: str, path: str) -> Response:
    """DELETE /v1/{type}/{bucket}/{path}"""
    resource = _resource(core, call, type, bucket, path, WRITE)
    if type == "applications":
        applications.check_stopped(core, resource)
    if not core.remove(resource, call.precondition()):
        raise Refusal(404, f"Not found: {resource.url}")
    return Response(200)


def _resource(core: "Core", call: "Call", type: str, bucket: str, path: str, permission: str) -> ResourceUrl:
    resource = from_path(type, bucket, path)
    require(core, call.caller, resource, permission)
    if resource.folder:
        raise Refusal(400, f"Folder not allowed: {resource.url}")
    return resource


def _as_stored(core: "Core", resource: ResourceUrl, item: Item, may_write: bool) -> bytes:
    return bytes(item.content)


def _prompt(core: "Core", resource: ResourceUrl, raw: bytes) -> bytes:
    if raw:  # an empty body is not looked at
        bodies.check(bodies.stored(raw), _PROMPT, {})
    return raw


def _conversation(core: "Core", resource: ResourceUrl, raw: bytes) -> bytes:
    if raw:
        optional = {"assistantModelId": bodies.scalar, "selectedAddons": bodies.strings}
        required = dict(_CONVERSATION)
        if core.newer:
            required.pop("selectedAddons")
        bodies.check(bodies.stored(raw), required, optional)
    return raw


def _model(value: Any, path: str) -> None:
    bodies.mapping(value, path)
    if value is not None:
        bodies.check(value, {"id": bodies.scalar}, {}, path + ".")


def _messages(value: Any, path: str) -> None:
    bodies.sequence(value, path)
    for message in value or ():
        # The library knows no name for a place in a list, and says "null".
        bodies.mapping(message, path + ".null")
        if message is not None:
            bodies.check(message, {"role": bodies.scalar, "content": bodies.scalar}, {}, path + ".null.")


_PROMPT: Mapping[str, bodies.Check] = dict.fromkeys(("id", "folderId", "name", "content"), bodies.scalar)
_CONVERSATION: Mapping[str, bodies.Check] = {
    "id": bodies.scalar,
    "folderId": bodies.scalar,
    "name": bodies.scalar,
    "prompt": bodies.scalar,
    "temperature": bodies.number,
    "lastActivityDate": bodies.number,
    "model": _model,
    "selectedAddons": bodies.strings,
    "messages": _messages,
}
KINDS = {
    "prompts": Kind(_prompt, _as_stored),
    "conversations": Kind(_conversation, _as_stored),
    "applications": Kind(applications.prepare, applications.show),
    "toolsets": Kind(toolsets.prepare, toolsets.show),
}
