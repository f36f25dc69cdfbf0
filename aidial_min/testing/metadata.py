"""/v1/metadata: what a resource or a folder is, listings in pages.

Knows the query parameters, the two families of texts (files and the others), and what Core leaves out of listings.
Must not know how resources are written.
"""

from typing import TYPE_CHECKING, Any, Optional

from .access import READ, permissions, require, sorted_rights
from .errors import Refusal
from .messages import Response, as_json, dumps
from .paths import TYPES, ResourceUrl, from_path
from .storage import Item, item_metadata, node

if TYPE_CHECKING:
    from .core import Call, Core

METADATA_TYPE = "application/vnd.dial.metadata+json"


def get(core: "Core", call: "Call", type: str, bucket: str, path: str) -> Response:
    """GET /v1/metadata/{type}/{bucket}/{path}"""
    resource = from_path(type, bucket, path)
    require(core, call.caller, resource, READ)
    with_permissions = call.query.get("permissions", "").lower() == "true"
    limit = limit_of(type, call.query.get("limit"))
    if resource.folder:
        recursive = call.query.get("recursive", "").lower() == "true"
        page = (recursive, limit, call.query.get("token"))
        described = _folder(core, call, resource, page, with_permissions)
    else:
        item = core.storage.get(resource)
        described = item_metadata(resource, TYPES[type], item) if item else None
        if described and with_permissions:
            described = _permitted(core, call, resource, described)
    if described is None:
        raise Refusal(404, "" if type == "files" else f"Not found: {resource.url}")
    if METADATA_TYPE in call.request.headers.get("accept", ""):
        return Response(200, dumps(described), [("content-type", METADATA_TYPE)])
    return as_json(described)


def limit_of(type: str, given: Optional[str]) -> int:
    if given is None:
        return 100
    number = given[1:] if given[:1] in ("-", "+") else given
    if not (number.isascii() and number.isdigit()):
        if type == "files":
            raise Refusal(500)
    elif 0 <= int(given) <= 1000:
        return int(given)
    if type == "files":
        raise Refusal(400, "Limit is out of allowed range: [0, 1000]")
    raise Refusal(400, "Bad query parameters. Limit must be in [0, 1000] range. Recursive must be true/false")


def _folder(
    core: "Core", call: "Call", folder: ResourceUrl, page: tuple[bool, int, Optional[str]], with_permissions: bool
) -> Optional[dict[str, Any]]:
    entries, token = core.storage.list(folder, *page)
    if not entries and folder.segments:
        return None
    kind = TYPES[folder.type]
    described = node(folder, kind)
    if with_permissions:
        described = _permitted(core, call, folder, described)
    items = []
    for resource, item in entries:
        rights = permissions(core, call.caller, resource)
        if READ in rights:
            items.append(_entry(core, resource, item, kind, rights if with_permissions else None))
    described["items"] = items
    if token is not None:
        described["nextToken"] = token
    return described


def _entry(core: "Core", resource: ResourceUrl, item: Optional[Item], kind: str, rights: Any) -> dict[str, Any]:
    entry = node(resource, kind)
    if rights is not None:
        entry["permissions"] = sorted_rights(rights)
    if item is None:
        entry["items"] = None
        return entry
    entry["updatedAt"] = item.updated_at
    if kind == "FILE":
        entry["contentLength"] = 0 if core.stale_listings else len(item.content)
        entry["contentType"] = item.content_type
    return entry


def _permitted(core: "Core", call: "Call", resource: ResourceUrl, described: dict[str, Any]) -> dict[str, Any]:
    """`permissions` stands behind `resourceType`, as Core writes it."""
    rights = permissions(core, call.caller, resource)
    result: dict[str, Any] = {}
    for name, value in described.items():
        result[name] = value
        if name == "resourceType":
            result["permissions"] = sorted_rights(rights)
    return result
