"""The code interpreter (2026): sessions with files in them. No code is run; arithmetic is computed."""

from typing import Any

from . import multipart
from .access import READ, WRITE
from .builtin_deployments import calculate
from .http import Response, present, refuse_if
from .json_shapes import Json
from .paths import ResourceUrl, from_url
from .resources import stored
from .routing import Call, endpoint

_PATH = "POST /v1/ops/code_interpreter/"
_BODY = "Not valid JSON body"


class Sessions(dict[tuple[str, str], dict[str, bytes]]):
    """Files by their paths, by the location of who opened the session and its id."""


def _files(call: Call, id: Any) -> dict[str, bytes]:
    found = call.core.part(Sessions).get((call.caller.location, str(id)))
    return present(found, 404, f"Session is not found: {id}")


def _session(id: str) -> Json:
    return {"sessionId": id, "deploymentType": "PYTHON"}


@endpoint(_PATH + "open_session", generations="2026", fields="sessionId", words=_BODY)
def open_session(call: Call) -> Json:
    id = str(call.body.get("sessionId") or call.core.new_id())
    call.core.part(Sessions).setdefault((call.caller.location, id), {})
    return _session(id)


@endpoint(_PATH + "{what:get|close}_session", generations="2026", fields="sessionId", words=_BODY)
def session(call: Call, what: str) -> Json:
    id = call.body.get("sessionId")
    _files(call, id)
    if what == "close":
        del call.core.part(Sessions)[call.caller.location, str(id)]
    return _session(str(id))


@endpoint(_PATH + "execute_code", generations="2026", fields="sessionId code inputFiles outputFiles", words=_BODY)
def execute(call: Call) -> Json:
    files = _files(call, call.body.get("sessionId"))
    for file in call.body.get("inputFiles") or ():
        _take(call, files, file["sourceUrl"], file["targetPath"])
    for file in call.body.get("outputFiles") or ():
        _give(call, files, file["sourcePath"], file["targetUrl"])
    value = calculate(str(call.body.get("code", "")))
    return {"status": "SUCCESS", "stdout": value + "\n", "stderr": "", "result": {"text/plain": value}, "display": []}


@endpoint(_PATH + "upload_file", generations="2026")
def upload(call: Call) -> Json:
    files = _files(call, call.query.get("session_id"))
    part = present(next(multipart.files_of(call.request), None), 400, "File is missing")
    files[part.filename] = bytes(part.content)
    return _described(files, part.filename)


@endpoint(_PATH + "download_file", generations="2026", fields="sessionId path", words=_BODY)
def download(call: Call) -> Response:
    """Without a Content-Type."""
    path = str(call.body.get("path"))
    return Response(200, present(_files(call, call.body.get("sessionId")).get(path), 404, f"File is not found: {path}"))


@endpoint(_PATH + "list_files", generations="2026", fields="sessionId", words=_BODY)
def list_files(call: Call) -> Json:
    files = _files(call, call.body.get("sessionId"))
    return {"files": [_described(files, path) for path in sorted(files)]}


@endpoint(_PATH + "transfer_input_file", generations="2026", fields="sessionId sourceUrl targetPath", words=_BODY)
def transfer_input(call: Call) -> Json:
    path, files = str(call.body.get("targetPath")), _files(call, call.body.get("sessionId"))
    _take(call, files, call.body.get("sourceUrl"), path)
    return _described(files, path)


@endpoint(_PATH + "transfer_output_file", generations="2026", fields="sessionId sourcePath targetUrl", words=_BODY)
def transfer_output(call: Call) -> Response:
    files = _files(call, call.body.get("sessionId"))
    return _give(call, files, call.body.get("sourcePath"), call.body.get("targetUrl"))


def _described(files: dict[str, bytes], path: str) -> Json:
    return {"path": path, "size": len(files[path])}


def _file(call: Call, url: Any, right: str) -> ResourceUrl:
    resource = from_url(str(url))
    refuse_if(resource.type != "files" or resource.folder, 400, f"Not a file: {url}")
    call.core.access.require(call.caller, resource, right)
    return resource


def _take(call: Call, files: dict[str, bytes], url: Any, path: str) -> None:
    """Copy a file of the storage into the session."""
    item = present(call.core.storage.get(_file(call, url, READ)), 404, f"File is not found: {url}")
    files[path] = bytes(item.content)


def _give(call: Call, files: dict[str, bytes], path: Any, url: Any) -> Response:
    """Copy a file of the session into the storage."""
    content = present(files.get(str(path)), 404, f"File is not found: {path}")
    resource = _file(call, url, WRITE)
    return stored(resource, call.core.storage.put(resource, content, "application/octet-stream"))
