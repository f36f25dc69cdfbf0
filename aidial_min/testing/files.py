"""/v1/files: upload, download, delete. An upload without a file part gets no answer at all, as from Core."""

from . import multipart
from .access import READ, WRITE
from .http import Content, HttpError, NoAnswer, Response, as_json, present
from .paths import ResourceUrl
from .routing import endpoint
from .state import Call
from .storage import Item, item_metadata

EXPOSED = ("access-control-expose-headers", "etag")


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
        raise NoAnswer
    item = core.storage.put(resource, part.content, part.content_type, precondition)
    return stored(resource, item)


@endpoint("GET /v1/files/{bucket}/{path}", needs=READ, folder="Can't download a folder")
def download(call: Call) -> Response:
    item = present(call.core.storage.get(call.resource), 404)
    return contents(call, item.content, item.etag, item.content_type)


@endpoint("DELETE /v1/files/{bucket}/{path}", needs=WRITE, folder="Can't delete a folder")
def delete(call: Call) -> None:
    """A file that is not there is no error."""
    call.core.remove(call.resource, call.precondition())


def stored(resource: ResourceUrl, item: Item) -> Response:
    """The answer to a PUT."""
    return as_json(item_metadata(resource, item), headers=[("etag", item.etag), EXPOSED])


def contents(call: Call, content: Content, etag: str, content_type: str) -> Response:
    """The answer to a GET: 304 when If-None-Match names what is there (2026)."""
    tags = [("etag", etag), EXPOSED]
    if call.has_current(etag):
        return Response(304, b"", tags)
    return Response(200, content, [("content-type", content_type), ("content-length", str(len(content))), *tags])
