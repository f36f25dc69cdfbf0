"""Skills: folders with a SKILL.md, kept as a whole or file by file; Core of 2024 has none.

Operations take a Place; the references at the end bind them: ``client.skills / "writing" / "tone"`` is a skill,
``.files / "SKILL.md"`` one of its files.
It knows /v2/skills and /v2/metadata/skills; it must not know sockets, retries or loops.
"""

import os
from pathlib import PurePath
from typing import Dict, Mapping, Optional, Union

from ..core.body import FilePart, MultipartBody, file_part
from ..core.call import Answer, Config, Download, Request, as_it_came, model_of, nothing
from ..core.etag import bare_etag
from ..errors import InvalidRequestError
from ..types.file import FileTypes
from ..types.metadata import SkillFileMetadata, SkillMetadata
from .local_files import local_files
from .skill_references import (
    Place,
    SkillFilesReference,
    SkillReference,
    a_file,
    a_skill,
    anything,
    async_at,
    async_open,
    async_stream,
    sync_at,
    sync_open,
    sync_stream,
)
from .storage import preconditions


def list_skills(
    config: Config,
    place: Place,
    *,
    limit: Optional[int] = None,
    token: Optional[str] = None,
    recursive: Optional[bool] = None,
) -> Request[SkillMetadata]:
    """The skills (ITEM) and folders of skills (FOLDER) at this place, one page of them.

    Args:
        limit: entries per page, 1 to 1000 (server's default: 100).
        token: `next_token` of the page before.
        recursive: all skills below.
    Raises:
        ResourceNotFoundError: there is no such folder. EndpointNotSupportedError: Core of 2024 has no skills.

    GET /v2/metadata/skills/{bucket}/{path}/
    """
    query = {"limit": limit, "token": token, "recursive": recursive}
    return Request(
        "GET", "/v2/metadata/%s/" % place.path, query=query, decode=model_of(SkillMetadata.from_json)
    )


def open_skill(config: Config, place: Place) -> Download:
    """Read a whole skill as a ZIP archive, as it comes.

    Returns:
        A response to iterate over, or `get_content()`, or `write_to(path)`; closed at its end or by a `with` block.
    Raises:
        ResourceNotFoundError: there is no such skill.

    GET /v2/skills/{bucket}/{path}
    """
    return Download(Request("GET", "/v2/" + place.path, decode=as_it_came), place.skill[-1] + ".zip")


def put(
    config: Config,
    place: Place,
    files: Union[Mapping[str, FileTypes], str, "os.PathLike[str]"],
    overwrite: bool = False,
    *,
    etag_if_match: Optional[str] = None,
) -> Request[Optional[str]]:
    """Create a skill, or replace one with all its files.

    Args:
        files: contents by path in the skill, `{"SKILL.md": "...", "scripts/run.py": b"..."}` (as `files.upload` takes
            them), or a local folder. SKILL.md is needed, and begins with its `name` and `description`.
        overwrite: replace a skill that is there already.
        etag_if_match: replace only this version.
    Returns:
        The ETag of the new version.
    Raises:
        EtagMismatchError: there is such a skill already, or it is another version.
        InvalidRequestError: the server does not take the files for a skill.

    PUT /v2/skills/{bucket}/{path}
    """
    parts = [_part(path, content) for path, content in _contents(files).items()]
    if not parts:
        raise InvalidRequestError("a skill needs files, SKILL.md at least")
    return _put("/v2/" + place.path, MultipartBody(parts), overwrite, etag_if_match)


def delete(config: Config, place: Place, etag_if_match: Optional[str] = None) -> Request[None]:
    """Delete a skill with all its files.

    Args:
        etag_if_match: delete only this version.
    Raises:
        ResourceNotFoundError: there is none. EtagMismatchError: it is another version.

    DELETE /v2/skills/{bucket}/{path}
    """
    return Request("DELETE", "/v2/" + place.path, headers=preconditions(etag_if_match), decode=nothing)


def create_folder(config: Config, place: Place) -> Request[None]:
    """Make a folder that groups skills (`put` makes those it needs by itself).

    Raises:
        InvalidRequestError: there is such a folder or skill already.

    PUT /v2/skills/{bucket}/{path}/
    """
    return Request("PUT", "/v2/%s/" % place.path, decode=nothing)


def delete_folder(config: Config, place: Place) -> Request[None]:
    """Delete an empty folder of skills.

    Raises:
        ResourceNotFoundError: there is none. ConflictError: it is not empty.

    DELETE /v2/skills/{bucket}/{path}/
    """
    return Request("DELETE", "/v2/%s/" % place.path, decode=nothing)


def list_files(
    config: Config,
    place: Place,
    *,
    limit: Optional[int] = None,
    token: Optional[str] = None,
    recursive: Optional[bool] = None,
) -> Request[SkillFileMetadata]:
    """The files (ITEM) and folders (FOLDER) of a skill, or of a folder in it, one page of them.

    Args:
        limit: entries per page, 1 to 1000 (server's default: 100); a page may be shorter.
        token: `next_token` of the page before.
        recursive: all files below, without folders.
    Raises:
        ResourceNotFoundError: there is no such skill.

    GET /v2/metadata/skills/{bucket}/{path}/files/{file}
    """
    query = {"limit": limit, "token": token, "recursive": recursive}
    return Request("GET", "/v2/metadata/" + place.path, query=query, decode=model_of(SkillFileMetadata.from_json))


def open_file(config: Config, place: Place) -> Download:
    """Read one file of a skill, as it comes.

    Returns:
        A response to iterate over, or `get_content()`, or `write_to(path)`; its `etag` is that of the whole skill.
    Raises:
        ResourceNotFoundError: there is no such skill or file.

    GET /v2/skills/{bucket}/{path}/files/{file}
    """
    name = (place.file or ("",))[-1]
    return Download(Request("GET", "/v2/" + place.path, decode=as_it_came), name)


def put_file(
    config: Config, place: Place, file: FileTypes, *, etag_if_match: Optional[str] = None
) -> Request[Optional[str]]:
    """Add a file to a skill, or replace it.

    Args:
        file: as `files.upload` takes it.
        etag_if_match: change only this version of the skill.
    Returns:
        The ETag of the skill's new version.
    Raises:
        ResourceNotFoundError: there is no such skill. EtagMismatchError: it is another version.

    PUT /v2/skills/{bucket}/{path}/files/{file}
    """
    part = _part("/".join(place.file or ()), file)
    return _put("/v2/" + place.path, MultipartBody([part]), False, etag_if_match)


def delete_file(config: Config, place: Place, etag_if_match: Optional[str] = None) -> Request[None]:
    """Delete one file of a skill; SKILL.md stays as long as the skill.

    Args:
        etag_if_match: change only this version of the skill.
    Raises:
        ResourceNotFoundError: there is no such file. EtagMismatchError: it is another version.

    DELETE /v2/skills/{bucket}/{path}/files/{file}
    """
    return Request("DELETE", "/v2/" + place.path, headers=preconditions(etag_if_match), decode=nothing)


def _put(path: str, body: MultipartBody, overwrite: bool, etag_if_match: Optional[str]) -> Request[Optional[str]]:
    if overwrite and etag_if_match is not None:
        raise InvalidRequestError("pass overwrite= or etag_if_match=, not both")
    headers = preconditions("*" if overwrite else etag_if_match)
    return Request("PUT", path, headers=headers, body=body, decode=_etag)


def _etag(answer: Answer) -> Optional[str]:
    etag = answer.head.headers.get("etag")
    return bare_etag(etag) if etag else None


def _contents(files: Union[Mapping[str, FileTypes], str, "os.PathLike[str]"]) -> Dict[str, FileTypes]:
    if isinstance(files, Mapping):
        return dict(files)
    if not isinstance(files, (str, os.PathLike)) or not os.path.isdir(files):
        raise InvalidRequestError("files must be a dict {path: content} or a local folder, not %r" % (files,))
    found, failed = local_files(files)
    for error in failed.values():
        raise error
    return {file.name: PurePath(file.path) for file in found}


def _part(path: str, content: FileTypes) -> FilePart:
    """One file as a part whose filename is its path in the skill.

    Raises:
        InvalidRequestError: the path is not relative, or has empty, "." or ".." segments or backslashes.
    """
    names = path.split("/") if isinstance(path, str) else [""]
    if any(name in ("", ".", "..") or "\\" in name for name in names):
        raise InvalidRequestError("this can't be the path of a file in a skill: %r" % (path,))
    return file_part(content, path)._replace(filename=path)


class SkillsRef(SkillReference):
    """A skill, a folder that groups skills, or the root of a bucket; narrow it with `/`."""

    list = sync_at(anything, list_skills)
    download = sync_open(a_skill, open_skill)
    stream_download = sync_stream(a_skill, open_skill)
    put = sync_at(a_skill, put)
    delete = sync_at(a_skill, delete)
    create_folder = sync_at(a_skill, create_folder)
    delete_folder = sync_at(a_skill, delete_folder)

    @property
    def files(self) -> "SkillFilesRef":
        """The files of this skill: ``skill.files / "SKILL.md"`` is one of them."""
        return SkillFilesRef(self._client, self._place._replace(file=()))


class SkillFilesRef(SkillFilesReference):
    """The files of a skill, a folder of them, or one of them; narrow it with `/`."""

    list = sync_at(a_skill, list_files)
    read = sync_open(a_file, open_file)
    stream = sync_stream(a_file, open_file)
    put = sync_at(a_file, put_file)
    delete = sync_at(a_file, delete_file)


class AsyncSkillsRef(SkillReference):
    """A skill, a folder that groups skills, or the root of a bucket; narrow it with `/`."""

    list = async_at(anything, list_skills)
    download = async_open(a_skill, open_skill)
    stream_download = async_stream(a_skill, open_skill)
    put = async_at(a_skill, put)
    delete = async_at(a_skill, delete)
    create_folder = async_at(a_skill, create_folder)
    delete_folder = async_at(a_skill, delete_folder)

    @property
    def files(self) -> "AsyncSkillFilesRef":
        """The files of this skill: ``skill.files / "SKILL.md"`` is one of them."""
        return AsyncSkillFilesRef(self._client, self._place._replace(file=()))


class AsyncSkillFilesRef(SkillFilesReference):
    """The files of a skill, a folder of them, or one of them; narrow it with `/`."""

    list = async_at(a_skill, list_files)
    read = async_open(a_file, open_file)
    stream = async_stream(a_file, open_file)
    put = async_at(a_file, put_file)
    delete = async_at(a_file, delete_file)
