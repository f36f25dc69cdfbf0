"""/v2/skills and /v2/metadata/skills (2026): folders with a SKILL.md, kept and fetched as a whole or file by file.

A skill is stored as the archive that GET answers, a grouping folder as an empty item whose key ends with a slash.
"""

import io
import mimetypes
import re
import zipfile
from typing import Optional

from . import multipart
from .access import READ, WRITE
from .http import HttpError, Response, present, refuse_if
from .json_shapes import Json
from .paths import ResourceUrl
from .resources import EXPOSED, contents, limit_of, listing
from .routing import Call, endpoint
from .state import Core
from .storage import Item

MARKERS = (".dial-resource", ".dial-folder")
RESERVED = (*MARKERS, "v", "files")
_FRONTMATTER = re.compile(r"\A\ufeff?\s*---[ \t]*\n(.*?)\n[ \t]*---[ \t]*(?:\n|\Z)", re.DOTALL)


@endpoint("PUT /v2/skills/{bucket}/{path}", generations="2026", needs=WRITE, alone=True)
def put(call: Call) -> Response:
    core, skill = call.core, call.resource
    if skill.folder:
        return _put_folder(core, skill)
    refuse_if(skill.name in RESERVED, 400, f"Reserved resource name: {skill.name}")
    files = {_inside(part.filename): bytes(part.content) for part in _parts(call)}
    refuse_if(not files, 400, "At least one file is required")
    _check_manifest(files)
    _make_folders_above(core, skill)
    before = core.storage.get(skill)
    if before is not None and call.precondition().match is None:
        raise HttpError(412, f"if-none-match condition is failed for etag: {before.etag}")
    return _stored(call, files)


def _put_folder(core: Core, folder: ResourceUrl) -> Response:
    """PUT /v2/skills/{bucket}/{path}/: an empty grouping folder"""
    refuse_if(folder.name is None, 400, "Folder name is missing")
    refuse_if(folder.name in RESERVED, 400, f"Reserved folder name: {folder.name}")
    _make_folders_above(core, folder)
    refuse_if(_is_folder(core, folder), 400, f"Folder already exists: {folder.url}")
    there = core.storage.get(folder._replace(folder=False))
    refuse_if(there is not None, 400, f"A resource already exists at this path: {folder.url}")
    return _tagged(core.storage.put(folder, b""))


@endpoint("GET /v2/skills/{bucket}/{path}", generations="2026", needs=READ)
def get(call: Call) -> Response:
    core, skill = call.core, call.resource
    refuse_if(skill.folder or _is_folder(core, skill), 400, f"Path is a folder; use metadata listing: {skill.url}")
    item = present(core.storage.get(skill), 404)
    return contents(call, item.content, item.etag, item.content_type)


@endpoint("DELETE /v2/skills/{bucket}/{path}", generations="2026", needs=WRITE, alone=True)
def delete(call: Call) -> None:
    core, skill = call.core, call.resource
    if skill.folder:
        refuse_if(not _is_folder(core, skill), 404, f"Folder not found: {skill.url}")
        refuse_if(core.storage.list(skill, False, 1, None)[0], 409, f"Folder is not empty: {skill.url}")
        core.storage.delete(skill)
    else:
        refuse_if(not core.remove(skill, call.precondition()), 404, f"Resource not found: {skill.url}")


@endpoint("GET /v2/skills/{bucket}/{path:.+?}/files/{file:.+}", generations="2026", needs=READ)
def get_file(call: Call, file: str) -> Response:
    item = present(call.core.storage.get(call.resource), 404)
    return contents(call, present(_files(item).get(file), 404), item.etag, _type_of(file))


@endpoint("PUT /v2/skills/{bucket}/{path:.+?}/files/{file:.+}", generations="2026", needs=WRITE, alone=True)
def put_file(call: Call, file: str) -> Response:
    parts = _parts(call)
    refuse_if(len(parts) != 1, 400, "Exactly one file part is required")
    files = {**_files(_to_change(call)), _inside(file): bytes(parts[0].content)}
    _check_manifest(files)
    return _stored(call, files)


@endpoint("DELETE /v2/skills/{bucket}/{path:.+?}/files/{file:.+}", generations="2026", needs=WRITE, alone=True)
def delete_file(call: Call, file: str) -> Response:
    refuse_if(_inside(file) == "SKILL.md", 400, "SKILL.md cannot be deleted")
    files = _files(_to_change(call))
    present(files.pop(file, None), 404, f"File not found: {file}")
    return _stored(call, files)


# Listings


@endpoint("GET /v2/metadata/skills/{bucket}/{path}", generations="2026", needs=READ)
def list_skills(call: Call) -> Response:
    storage, folder = call.core.storage, call.resource._replace(folder=True)
    refuse_if(folder.segments and not _is_folder(call.core, folder), 404)
    found = storage.list(folder, call.flag("recursive"), 1_000_000, None)[0]
    return _page(call, folder.node, [(resource.key, _described(resource, item)) for resource, item in found])


@endpoint("GET /v2/metadata/skills/{bucket}/{path:.+?}/files(?:/{file:.*})?", generations="2026", needs=READ)
def list_files(call: Call, file: str) -> Response:
    item = present(call.core.storage.get(call.resource), 404)
    below = file.strip("/")
    prefix = below + "/" if below else ""
    shown = call.resource.below("files/")
    entries: dict[str, Json] = {}
    for name in _files(item):
        if name.startswith(prefix):
            first, slash, _ = name[len(prefix) :].partition("/")
            inner = slash and not call.flag("recursive")
            place = prefix + first + "/" if inner else name
            entries[place] = _described(shown.below(place), None if inner else item)
    return _page(call, shown.node, list(entries.items()))


def _described(resource: ResourceUrl, item: Optional[Item]) -> Json:
    return {**resource.node, **({"createdAt": item.created_at, "updatedAt": item.updated_at} if item else {})}


def _page(call: Call, described: Json, entries: list[tuple[str, Json]]) -> Response:
    limit, token = limit_of("files", call.query.get("limit")), call.query.get("token")
    left = [entry for entry in entries if token is None or entry[0] > token]
    described["items"] = [entry for _, entry in left[:limit]]
    if len(left) > limit > 0:
        described["nextToken"] = left[limit - 1][0]
    return listing(call, described)


# The parts of a skill


def _is_folder(core: Core, place: ResourceUrl) -> bool:
    return core.storage.get(place._replace(folder=True)) is not None


def _to_change(call: Call) -> Item:
    """The skill, which is there and as the request expects it."""
    item = present(call.core.storage.get(call.resource), 404, f"Resource not found: {call.resource.url}")
    call.precondition().check(item)
    return item


def _files(skill: Item) -> dict[str, bytes]:
    """The files of a skill by their path inside it, in order."""
    with zipfile.ZipFile(io.BytesIO(skill.content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _stored(call: Call, files: dict[str, bytes]) -> Response:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in sorted(files):
            # A fixed date: the same skill is the same archive.
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), files[name])
    content = packed.getvalue()
    return _tagged(call.core.storage.put(call.resource, content, "application/zip", call.precondition()))


def _tagged(item: Item) -> Response:
    return Response(200, b"", [("etag", item.etag), EXPOSED])


def _make_folders_above(core: Core, target: ResourceUrl) -> None:
    """The folders above `target`, made where they are missing; a skill can't lie in a skill."""
    for depth in range(1, len(target.segments)):
        above = target._replace(segments=target.segments[:depth], folder=True)
        refuse_if(above.name in RESERVED, 400, f"Reserved folder name: {above.name}")
        there = core.storage.get(above._replace(folder=False))
        refuse_if(there is not None, 400, f"Cannot create inside a DIAL resource: {above.url}")
        if not _is_folder(core, above):
            core.storage.put(above, b"")
    if not target.folder and _is_folder(core, target):
        raise HttpError(400, f"A folder already exists at this path: {target.url}")


def _parts(call: Call) -> list[multipart.FilePart]:
    return list(multipart.files_of(call.request, malformed=(500, "Failed to upload resource")))


def _inside(name: str) -> str:
    """A path inside a skill; nothing may climb out of it or take the name of a marker."""
    names = name.split("/")
    if any(part in ("", ".", "..", *MARKERS) for part in names) or names[0] == "v":
        raise HttpError(400, f"Invalid file path: {name}")
    return name


def _check_manifest(files: dict[str, bytes]) -> None:
    text = present(files.get("SKILL.md"), 400, "Skill must contain a SKILL.md at its root").decode("utf-8", "replace")
    match = _FRONTMATTER.match(text.replace("\r\n", "\n"))
    match = present(match, 400, "SKILL.md must start with YAML frontmatter delimited by '---'")
    for name in ("name", "description"):
        if not re.search(rf"^{name}\s*:\s*\S", match[1], re.MULTILINE):
            raise HttpError(400, f"SKILL.md frontmatter must define a non-empty '{name}'")


def _type_of(name: str) -> str:
    if name.endswith(".md"):
        return "text/markdown"
    return mimetypes.guess_type(name)[0] or "application/octet-stream"
