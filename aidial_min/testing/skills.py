"""/v2/skills and /v2/metadata/skills (2026): folders with a SKILL.md, kept and fetched as a whole or file by file.

A skill lies in the storage as a marker beside its files; a grouping folder is a marker alone.
"""

import hashlib
import io
import mimetypes
import re
import zipfile
from typing import Optional

from . import multipart
from .access import READ, WRITE
from .http import HttpError, Response, dumps, present, refuse_if
from .json_shapes import Json
from .paths import ResourceUrl
from .resources import EXPOSED, contents, limit_of, listing
from .routing import endpoint
from .state import Call, Core
from .storage import Item, Precondition, node

MARKER, FOLDER_MARKER, VERSION = ".dial-resource", ".dial-folder", "v"
RESERVED = {MARKER, FOLDER_MARKER, VERSION, "files"}
_FRONTMATTER = re.compile(r"\A\ufeff?\s*---[ \t]*\n(.*?)\n[ \t]*---[ \t]*(?:\n|\Z)", re.DOTALL)


@endpoint("PUT /v2/skills/{bucket}/{path}", generations="2026", needs=WRITE, alone=True)
def put(call: Call) -> Response:
    core, skill = call.core, call.resource
    if skill.folder:
        return _put_folder(core, skill)
    refuse_if(skill.name in RESERVED, 400, f"Reserved resource name: {skill.name}")
    files = {}
    for part in _parts(call):
        files[_inside(part.filename)] = bytes(part.content)
    refuse_if(not files, 400, "At least one file is required")
    _check_manifest(files.get("SKILL.md"))
    _make_folders_above(core, skill)
    before = _marker(core, skill)
    precondition = call.precondition()
    if before is not None and precondition.match is None:
        raise HttpError(412, f"if-none-match condition is failed for etag: {_etag(core, skill)}")
    _check(core, skill, precondition)
    for name in list(_files(core, skill)):
        core.storage.delete(skill.below(VERSION, *name.split("/")))
    for name, content in files.items():
        core.storage.put(skill.below(VERSION, *name.split("/")), content, _type_of(name))
    return _committed(core, skill)


def _put_folder(core: Core, folder: ResourceUrl) -> Response:
    """PUT /v2/skills/{bucket}/{path}/: an empty grouping folder"""
    if folder.name is None:
        raise HttpError(400, "Folder name is missing")
    refuse_if(folder.name in RESERVED, 400, f"Reserved folder name: {folder.name}")
    _make_folders_above(core, folder)
    refuse_if(_is_folder(core, folder), 400, f"Folder already exists: {folder.url}")
    refuse_if(_marker(core, folder) is not None, 400, f"A resource already exists at this path: {folder.url}")
    item = core.storage.put(folder.below(FOLDER_MARKER), dumps({"type": "folder"}))
    return Response(200, b"", [("etag", item.etag), EXPOSED])


@endpoint("GET /v2/skills/{bucket}/{path}", generations="2026", needs=READ)
def get(call: Call) -> Response:
    core, skill = call.core, call.resource
    if skill.folder or (_marker(core, skill) is None and _is_folder(core, skill)):
        raise HttpError(400, f"Path is a folder; use metadata listing: {skill.url}")
    refuse_if(_marker(core, skill) is None, 404)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, item in _files(core, skill).items():
            # A fixed date: the same skill is the same archive.
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), bytes(item.content))
    return contents(call, packed.getvalue(), _etag(core, skill), "application/zip")


@endpoint("DELETE /v2/skills/{bucket}/{path}", generations="2026", needs=WRITE, alone=True)
def delete(call: Call) -> Response:
    core, skill = call.core, call.resource
    if skill.folder:
        refuse_if(not _is_folder(core, skill), 404, f"Folder not found: {skill.url}")
        refuse_if(_nodes(core, skill, False), 409, f"Folder is not empty: {skill.url}")
        core.storage.delete(skill.below(FOLDER_MARKER))
        return Response(200)
    refuse_if(_marker(core, skill) is None, 404, f"Resource not found: {skill.url}")
    _check(core, skill, call.precondition())
    for name in list(_files(core, skill)):
        core.storage.delete(skill.below(VERSION, *name.split("/")))
    core.storage.delete(skill.below(MARKER))
    core.access.sharing.take(skill.url)
    return Response(200)


@endpoint("GET /v2/skills/{bucket}/{path:.+?}/files/{file:.+}", generations="2026", needs=READ)
def get_file(call: Call, file: str) -> Response:
    core, skill = call.core, call.resource
    item = present(_files(core, skill).get(file) if _marker(core, skill) else None, 404)
    return contents(call, item.content, _etag(core, skill), item.content_type)


@endpoint("PUT /v2/skills/{bucket}/{path:.+?}/files/{file:.+}", generations="2026", needs=WRITE, alone=True)
def put_file(call: Call, file: str) -> Response:
    core, skill = call.core, call.resource
    parts = _parts(call)
    refuse_if(len(parts) != 1, 400, "Exactly one file part is required")
    name = _inside(file)
    refuse_if(_marker(core, skill) is None, 404, f"Resource not found: {skill.url}")
    _check(core, skill, call.precondition())
    if name == "SKILL.md":
        _check_manifest(bytes(parts[0].content))
    core.storage.put(skill.below(VERSION, *name.split("/")), bytes(parts[0].content), _type_of(name))
    return _committed(core, skill)


@endpoint("DELETE /v2/skills/{bucket}/{path:.+?}/files/{file:.+}", generations="2026", needs=WRITE, alone=True)
def delete_file(call: Call, file: str) -> Response:
    core, skill = call.core, call.resource
    name = _inside(file)
    refuse_if(name == "SKILL.md", 400, "SKILL.md cannot be deleted")
    refuse_if(_marker(core, skill) is None, 404, f"Resource not found: {skill.url}")
    _check(core, skill, call.precondition())
    refuse_if(not core.storage.delete(skill.below(VERSION, *name.split("/"))), 404, f"File not found: {name}")
    return _committed(core, skill)


# Listings


@endpoint("GET /v2/metadata/skills/{bucket}/{path}", generations="2026", needs=READ)
def list_skills(call: Call) -> Response:
    core, folder = call.core, call.resource._replace(folder=True)
    refuse_if(folder.segments and not _is_folder(core, folder), 404)
    entries = []
    for resource, item in _nodes(core, folder, call.flag("recursive")):
        described = node(resource)
        if item is not None:
            described.update(createdAt=item.created_at, updatedAt=item.updated_at)
        entries.append((resource.key, described))
    return _page(call, node(folder), entries)


@endpoint("GET /v2/metadata/skills/{bucket}/{path:.+?}/files(?:/{file:.*})?", generations="2026", needs=READ)
def list_files(call: Call, file: Optional[str]) -> Response:
    core, skill = call.core, call.resource
    refuse_if(_marker(core, skill) is None, 404)
    below = (file or "").strip("/")
    prefix = below + "/" if below else ""
    recursive = call.flag("recursive")
    shown = skill.below("files", folder=True)
    entries: dict[str, Json] = {}
    for name, item in _files(core, skill).items():
        if not name.startswith(prefix):
            continue
        rest = name[len(prefix) :]
        first, slash, _ = rest.partition("/")
        if slash and not recursive:
            entries[prefix + first + "/"] = node(shown.below(*(prefix + first).split("/"), folder=True))
        else:
            times = {"createdAt": item.created_at, "updatedAt": item.updated_at}
            entries[name] = {**node(shown.below(*name.split("/"))), **times}
    return _page(call, node(shown), list(entries.items()))


def _page(call: Call, described: Json, entries: list[tuple[str, Json]]) -> Response:
    limit, token = limit_of("files", call.query.get("limit")), call.query.get("token")
    left = [entry for entry in entries if token is None or entry[0] > token]
    described["items"] = [entry for _, entry in left[:limit]]
    if len(left) > limit > 0:
        described["nextToken"] = left[limit - 1][0]
    return listing(call, described)


def _nodes(core: Core, folder: ResourceUrl, recursive: bool) -> list[tuple[ResourceUrl, Optional[Item]]]:
    """What lies under a grouping folder: skills with their markers, folders without."""
    found: dict[str, tuple[ResourceUrl, Optional[Item]]] = {}
    depth = len(folder.segments)
    for resource, item in core.storage.list(folder, True, 1_000_000, None)[0]:
        names = resource.segments
        if names[-1] not in (MARKER, FOLDER_MARKER) or len(names) == depth + 1:
            continue
        if not recursive and len(names) > depth + 2:
            continue
        is_skill = names[-1] == MARKER
        place = resource._replace(segments=names[:-1], folder=not is_skill)
        found[place.key] = (place, item if is_skill else None)
    return [found[key] for key in sorted(found)]


# The parts of a skill


def _marker(core: Core, place: ResourceUrl) -> Optional[Item]:
    return core.storage.get(place.below(MARKER))


def _is_folder(core: Core, place: ResourceUrl) -> bool:
    return core.storage.get(place.below(FOLDER_MARKER)) is not None


def _files(core: Core, skill: ResourceUrl) -> dict[str, Item]:
    """The files of a skill by their path inside it, in order."""
    place = skill.below(VERSION, folder=True)
    found = {}
    for resource, item in core.storage.list(place, True, 1_000_000, None)[0]:
        if item is not None:
            found["/".join(resource.segments[len(place.segments) :])] = item
    return found


def _etag(core: Core, skill: ResourceUrl) -> str:
    """One etag for all files together."""
    digest = hashlib.md5(usedforsecurity=False)
    for name, item in _files(core, skill).items():
        digest.update(name.encode() + item.etag.encode())
    return digest.hexdigest()


def _check(core: Core, skill: ResourceUrl, precondition: Precondition) -> None:
    marker = _marker(core, skill)
    if marker is not None:
        precondition.check(Item(marker.content, marker.content_type, _etag(core, skill), 0, 0))


def _committed(core: Core, skill: ResourceUrl) -> Response:
    etag = _etag(core, skill)
    core.storage.put(skill.below(MARKER), dumps({"type": "skills", "etag": etag}))
    return Response(200, b"", [("etag", etag), EXPOSED])


def _make_folders_above(core: Core, target: ResourceUrl) -> None:
    """The folders above `target`, made where they are missing; a skill can't lie in a skill."""
    for depth in range(1, len(target.segments)):
        above = target._replace(segments=target.segments[:depth], folder=True)
        refuse_if(above.name in RESERVED, 400, f"Reserved folder name: {above.name}")
        refuse_if(_marker(core, above) is not None, 400, f"Cannot create inside a DIAL resource: {above.url}")
        if not _is_folder(core, above):
            core.storage.put(above.below(FOLDER_MARKER), dumps({"type": "folder"}))
    if not target.folder and _is_folder(core, target):
        raise HttpError(400, f"A folder already exists at this path: {target.url}")


def _parts(call: Call) -> list[multipart.FilePart]:
    return list(multipart.files_of(call.request, malformed=(500, "Failed to upload resource")))


def _inside(name: str) -> str:
    """A path inside a skill; nothing may climb out of it or take the name of a marker."""
    names = name.split("/")
    if any(part in ("", ".", "..", MARKER, FOLDER_MARKER) for part in names) or names[0] == VERSION:
        raise HttpError(400, f"Invalid file path: {name}")
    return name


def _check_manifest(content: Optional[bytes]) -> None:
    text = present(content, 400, "Skill must contain a SKILL.md at its root").decode("utf-8", "replace")
    match = _FRONTMATTER.match(text.replace("\r\n", "\n"))
    match = present(match, 400, "SKILL.md must start with YAML frontmatter delimited by '---'")
    for name in ("name", "description"):
        if not re.search(rf"^{name}\s*:\s*\S", match[1], re.MULTILINE):
            raise HttpError(400, f"SKILL.md frontmatter must define a non-empty '{name}'")


def _type_of(name: str) -> str:
    if name.endswith(".md"):
        return "text/markdown"
    return mimetypes.guess_type(name)[0] or "application/octet-stream"
