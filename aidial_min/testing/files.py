"""/v1/files: upload, download, delete.

Knows Core's texts and the order of its checks, and that an upload without a file part gets no answer at all.
Must not know listings (metadata.py) or how a body is cut apart (multipart.py).
"""

from typing import TYPE_CHECKING, Optional

from . import multipart
from .access import READ, WRITE, require
from .errors import Refusal
from .messages import Response, as_json
from .paths import from_path
from .storage import item_metadata

if TYPE_CHECKING:
    from .core import Call, Core

EXPOSED = ("access-control-expose-headers", "etag")


def upload(core: "Core", call: "Call", bucket: str, path: str) -> Optional[Response]:
    """PUT /v1/files/{bucket}/{path}"""
    resource = from_path("files", bucket, path)
    require(core, call.caller, resource, WRITE)
    if resource.folder:
        raise Refusal(400, "File name is missing")
    resource.check_name()
    precondition = call.precondition()
    precondition.check(core.storage.get(resource))
    content_type = call.request.headers.get("content-type", "")
    if core.newer and "multipart/" not in content_type:
        valid = "a valid" if content_type else "a"
        raise Refusal(400, f"Request must have {valid} content-type header to decode a multipart request")
    try:
        delimiter = multipart.boundary_of(content_type)
        part = multipart.take_file(call.request.body(), delimiter)
    except multipart.Malformed:
        raise Refusal(500, f"Failed to upload file: {resource.url}") from None
    if part is None:
        call.request.body()
        return None
    item = core.storage.put(resource, part.content, part.content_type, precondition)
    return as_json(item_metadata(resource, "FILE", item), headers=[("etag", item.etag), EXPOSED])


def download(core: "Core", call: "Call", bucket: str, path: str) -> Response:
    """GET /v1/files/{bucket}/{path}"""
    resource = from_path("files", bucket, path)
    require(core, call.caller, resource, READ)
    if resource.folder:
        raise Refusal(400, "Can't download a folder")
    item = core.storage.get(resource)
    if item is None:
        raise Refusal(404)
    if core.newer and call.has_current(item.etag):
        return Response(304, b"", [("etag", item.etag), EXPOSED])
    headers = [("content-type", item.content_type), ("content-length", str(len(item.content))), ("etag", item.etag)]
    return Response(200, item.content, [*headers, EXPOSED])


def delete(core: "Core", call: "Call", bucket: str, path: str) -> Response:
    """DELETE /v1/files/{bucket}/{path}: a file that is not there is no error."""
    resource = from_path("files", bucket, path)
    require(core, call.caller, resource, WRITE)
    if resource.folder:
        raise Refusal(400, "Can't delete a folder")
    core.remove(resource, call.precondition())
    return Response(200)
