"""Skills: folders with a SKILL.md, kept as a whole or file by file; Core of 2024 has none.

A reference says where something is: ``client.skills / "writing" / "tone"`` is a skill, ``.files / "SKILL.md"`` one of
its files. It is immutable and asks the server nothing; the caller's own bucket is found when an operation needs it.
"""

from __future__ import annotations

import os
from pathlib import PurePath, PurePosixPath
from typing import TYPE_CHECKING, Any, Dict, Mapping, NamedTuple, Optional, Tuple, TypeVar, Union

from ..core.call import Answer, Request, as_it_came, model_of, nothing
from ..core.etag import bare_etag
from ..core.multipart import FilePart, MultipartBody, file_part
from ..core.operation import Async, Sync, opened, operation, settled
from ..core.urls import as_text, decode_segment, encode_segment, parse_storage_url
from ..errors import InvalidDialURLError, InvalidRequestError
from ..types.metadata import SkillFileMetadata, SkillMetadata
from .local_files import local_files
from .stored import Addressed, preconditions

if TYPE_CHECKING:
    from ..transport.downloads import FileDownloadResponse
    from ..types.file import FileTypes

    SkillPath = Union[str, PurePosixPath]
    SkillContent = Union[Mapping[str, FileTypes], str, os.PathLike[str]]

Ref = TypeVar("Ref", bound="_Reference")

FILES = "files"
"""The segment between a skill and its files."""


class Place(NamedTuple):
    """Where something is: the bucket (None: the caller's own), the skill's decoded segments, and those of a file in it.

    Without segments it is the bucket's root; `file` is None for the skill itself and () for all its files.
    """

    bucket: Optional[str] = None
    skill: Tuple[str, ...] = ()
    file: Optional[Tuple[str, ...]] = None

    @property
    def path(self) -> str:
        """The percent-encoded address, without a slash at its end: "skills/{bucket}/a/files/b"."""
        names = self.skill if self.file is None else self.skill + (FILES,) + self.file
        return "/".join(["skills", self.bucket or "<my-bucket>"] + [encode_segment(name) for name in names])

    def below(self, path: SkillPath) -> Place:
        """The place further down.

        Raises:
            InvalidDialURLError: the path is not relative, ends in a slash, or has empty, "." or ".." segments.
        """
        if not isinstance(path, (str, PurePosixPath)):
            raise InvalidDialURLError("a path must be a str or PurePosixPath, not %s" % type(path).__name__)
        names = tuple(decode_segment(part, as_text(path)) for part in as_text(path).split("/"))
        if self.file is None:
            return self._replace(skill=self.skill + names)
        return self._replace(file=self.file + names)


ROOT = Place()


class _Reference(Addressed):
    """A place in the storage of skills, bound to a client."""

    _kind = "skills"

    def __init__(self, client: Any, place: Place = ROOT) -> None:
        super().__init__(client)
        self._place = place

    @property
    def bucket(self) -> Optional[str]:
        """The bucket, or None: the caller's own."""
        return self._place.bucket

    def _at(self: Ref, place: Place) -> Ref:
        return type(self)(self._client, place)

    def __repr__(self) -> str:
        return "%s(%r)" % (type(self).__name__, self._place.path)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Reference):
            return NotImplemented
        return (type(self), self._client, self._place) == (type(other), other._client, other._place)

    def __hash__(self) -> int:
        return hash((type(self), self._place))

    async def _path(self) -> str:
        """The address, with the caller's own bucket where none is named."""
        place = self._place
        if place.bucket is None:
            place = place._replace(bucket=await settled(self._client.my_bucket()))
        return place.path

    async def _skill(self) -> str:
        """The same, of one skill.

        Raises:
            InvalidDialURLError: the reference names none.
        """
        if not self._place.skill:
            raise InvalidDialURLError('no skill is named; narrow the reference first: client.skills / "my-skill"')
        return await self._path()

    async def _file(self) -> str:
        """The same, of one file of a skill."""
        if self._place.skill and not self._place.file:
            raise InvalidDialURLError('no file is named; narrow the reference first: skill.files / "SKILL.md"')
        return await self._skill()

    async def _download(self, path: str, name: str, whole: bool = False) -> FileDownloadResponse:
        request = Request("GET", "/v2/" + path, decode=as_it_came)
        return await self._client._download(request, name, whole)  # type: ignore[no-any-return]

    async def _put(
        self, path: str, body: MultipartBody, etag_if_match: Optional[str], overwrite: bool = False
    ) -> Optional[str]:
        if overwrite and etag_if_match is not None:
            raise InvalidRequestError("pass overwrite= or etag_if_match=, not both")
        headers = preconditions("*" if overwrite else etag_if_match)
        return await self._call(Request("PUT", "/v2/" + path, headers=headers, body=body, decode=_etag))

    async def _delete(self, path: str, etag_if_match: Optional[str] = None) -> None:
        headers = preconditions(etag_if_match)
        await self._call(Request("DELETE", "/v2/" + path, headers=headers, decode=nothing))


class _Skills(_Reference):
    @property
    def path(self) -> Tuple[str, ...]:
        """The segments below the bucket, decoded."""
        return self._place.skill

    def __truediv__(self: Ref, path: SkillPath) -> Ref:
        """The place further down; at the root also one in any bucket: "skills/{bucket}/a/b", or an absolute URL."""
        text = as_text(path) if isinstance(path, (str, PurePosixPath)) else ""
        if self._place == ROOT and ("://" in text or text.startswith("skills/")):
            return self(url=text)  # type: ignore[operator,no-any-return]
        return self._at(self._place.below(path))

    def __call__(
        self: Ref, *, path: Optional[SkillPath] = None, bucket: Optional[str] = None, url: Optional[SkillPath] = None
    ) -> Ref:
        """The place further down (`path`), in another bucket (`bucket`), or anywhere (`url`, alone)."""
        if (path is None and bucket is None) == (url is None):
            raise TypeError("pass url=, or path= and bucket= or one of them")
        if url is not None:
            found = parse_storage_url(self._config.origin, url, "skills")
            return self._at(Place(found.bucket, found.segments))
        place = self._place
        if bucket is not None:
            root = parse_storage_url(self._config.origin, "skills/%s" % bucket, "skills")
            if root.segments:
                raise InvalidDialURLError("a bucket is a single name, not %r" % bucket)
            place = place._replace(bucket=root.bucket)
        return self._at(place if path is None else place.below(path))

    @operation
    async def list(
        self, *, limit: Optional[int] = None, token: Optional[str] = None, recursive: Optional[bool] = None
    ) -> SkillMetadata:
        """The skills (ITEM) and folders of skills (FOLDER) at this place, one page of them.

        Args:
            limit: entries per page, 1 to 1000 (server's default: 100).
            token: `next_token` of the page before.
            recursive: all skills below.
        Raises:
            ResourceNotFoundError: there is no such folder.
            EndpointNotSupportedError: Core of 2024 has no skills.

        GET /v2/metadata/skills/{bucket}/{path}/
        """
        query = {"limit": limit, "token": token, "recursive": recursive}
        path = "/v2/metadata/%s/" % await self._path()
        return await self._get_at(path, model_of(SkillMetadata.from_json), query)

    @operation
    async def download(self) -> FileDownloadResponse:
        """Read a whole skill as a ZIP archive, as it comes.

        Returns:
            A response to iterate over, or `get_content()`, or `write_to(path)`; closed at its end or by a `with` block.
        Raises:
            ResourceNotFoundError: there is no such skill.

        GET /v2/skills/{bucket}/{path}
        """
        return await self._download(await self._skill(), self._place.skill[-1] + ".zip", whole=True)

    @opened
    async def stream_download(self) -> FileDownloadResponse:
        """Read a whole skill as a ZIP archive, as it comes, within a `with` block (or `async with`), which closes it.

        GET /v2/skills/{bucket}/{path}
        """
        return await self._download(await self._skill(), self._place.skill[-1] + ".zip")

    @operation
    async def put(
        self, files: SkillContent, overwrite: bool = False, *, etag_if_match: Optional[str] = None
    ) -> Optional[str]:
        """Create a skill, or replace one with all its files.

        Args:
            files: contents by path in the skill, `{"SKILL.md": "...", "scripts/run.py": b"..."}` (as `files.upload`
                takes them), or a local folder. SKILL.md is needed, and begins with its `name` and `description`.
            overwrite: replace a skill that is there already.
            etag_if_match: replace only this version.
        Returns:
            The ETag of the new version.
        Raises:
            EtagMismatchError: there is such a skill already, or it is another version.
            InvalidRequestError: the server does not take the files for a skill.

        PUT /v2/skills/{bucket}/{path}
        """
        path = await self._skill()
        parts = [_part(name, content) for name, content in _contents(files).items()]
        if not parts:
            raise InvalidRequestError("a skill needs files, SKILL.md at least")
        return await self._put(path, MultipartBody(parts), etag_if_match, overwrite)

    @operation
    async def delete(self, etag_if_match: Optional[str] = None) -> None:
        """Delete a skill with all its files.

        Args:
            etag_if_match: delete only this version.
        Raises:
            ResourceNotFoundError: there is none.
            EtagMismatchError: it is another version.

        DELETE /v2/skills/{bucket}/{path}
        """
        await self._delete(await self._skill(), etag_if_match)

    @operation
    async def create_folder(self) -> None:
        """Make a folder that groups skills (`put` makes those it needs by itself).

        Raises:
            InvalidRequestError: there is such a folder or skill already.

        PUT /v2/skills/{bucket}/{path}/
        """
        await self._call(Request("PUT", "/v2/%s/" % await self._skill(), decode=nothing))

    @operation
    async def delete_folder(self) -> None:
        """Delete an empty folder of skills.

        Raises:
            ResourceNotFoundError: there is none.
            ConflictError: it is not empty.

        DELETE /v2/skills/{bucket}/{path}/
        """
        await self._delete(await self._skill() + "/")


class _SkillFiles(_Reference):
    @property
    def skill_path(self) -> Tuple[str, ...]:
        """The segments of the skill below the bucket, decoded."""
        return self._place.skill

    @property
    def path(self) -> Tuple[str, ...]:
        """The segments below the skill, decoded."""
        return self._place.file or ()

    def __truediv__(self: Ref, path: SkillPath) -> Ref:
        """The place further down in the skill."""
        return self._at(self._place.below(path))

    def __call__(self: Ref, *, path: Optional[SkillPath] = None, url: Optional[SkillPath] = None) -> Ref:
        """The place further down (`path`), or in any skill (`url`: "skills/{bucket}/{skill}/files/{path}")."""
        if path is not None and url is None:
            return self._at(self._place.below(path))
        if url is None or path is not None:
            raise TypeError("pass either path= or url=")
        found = parse_storage_url(self._config.origin, url, "skills")
        if FILES not in found.segments[1:]:
            raise InvalidDialURLError("a URL like skills/{bucket}/{skill}/files/{path} is wanted, not %r" % str(url))
        index = found.segments.index(FILES, 1)
        return self._at(Place(found.bucket, found.segments[:index], found.segments[index + 1 :]))

    @operation
    async def list(
        self, *, limit: Optional[int] = None, token: Optional[str] = None, recursive: Optional[bool] = None
    ) -> SkillFileMetadata:
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
        path = "/v2/metadata/" + await self._skill()
        return await self._get_at(path, model_of(SkillFileMetadata.from_json), query)

    @operation
    async def read(self) -> FileDownloadResponse:
        """Read one file of a skill, as it comes.

        Returns:
            A response to iterate over, or `get_content()`, or `write_to(path)`; its `etag` is that of the whole skill.
        Raises:
            ResourceNotFoundError: there is no such skill or file.

        GET /v2/skills/{bucket}/{path}/files/{file}
        """
        return await self._download(await self._file(), self.path[-1], whole=True)

    @opened
    async def stream(self) -> FileDownloadResponse:
        """Read one file of a skill, as it comes, within a `with` block (or `async with`), which closes it.

        GET /v2/skills/{bucket}/{path}/files/{file}
        """
        return await self._download(await self._file(), self.path[-1])

    @operation
    async def put(self, file: FileTypes, *, etag_if_match: Optional[str] = None) -> Optional[str]:
        """Add a file to a skill, or replace it.

        Args:
            file: as `files.upload` takes it.
            etag_if_match: change only this version of the skill.
        Returns:
            The ETag of the skill's new version.
        Raises:
            ResourceNotFoundError: there is no such skill.
            EtagMismatchError: it is another version.

        PUT /v2/skills/{bucket}/{path}/files/{file}
        """
        path = await self._file()
        return await self._put(path, MultipartBody([_part("/".join(self.path), file)]), etag_if_match)

    @operation
    async def delete(self, etag_if_match: Optional[str] = None) -> None:
        """Delete one file of a skill; SKILL.md stays as long as the skill.

        Args:
            etag_if_match: change only this version of the skill.
        Raises:
            ResourceNotFoundError: there is no such file.
            EtagMismatchError: it is another version.

        DELETE /v2/skills/{bucket}/{path}/files/{file}
        """
        await self._delete(await self._file(), etag_if_match)


class SkillFilesRef(_SkillFiles, Sync):
    """The files of a skill, a folder of them, or one of them; narrow it with `/`."""


class AsyncSkillFilesRef(_SkillFiles, Async):
    """The files of a skill, a folder of them, or one of them; narrow it with `/`."""


class SkillsRef(_Skills, Sync):
    """A skill, a folder that groups skills, or the root of a bucket; narrow it with `/`.

    ``client.skills / "writing" / "tone"`` is one of the caller's own.
    """

    @property
    def files(self) -> SkillFilesRef:
        """The files of this skill: ``skill.files / "SKILL.md"`` is one of them."""
        return SkillFilesRef(self._client, self._place._replace(file=()))


class AsyncSkillsRef(_Skills, Async):
    """A skill, a folder that groups skills, or the root of a bucket; narrow it with `/`.

    ``client.skills / "writing" / "tone"`` is one of the caller's own.
    """

    @property
    def files(self) -> AsyncSkillFilesRef:
        """The files of this skill: ``skill.files / "SKILL.md"`` is one of them."""
        return AsyncSkillFilesRef(self._client, self._place._replace(file=()))


def _etag(answer: Answer) -> Optional[str]:
    etag = answer.head.headers.get("etag")
    return bare_etag(etag) if etag else None


def _contents(files: SkillContent) -> Dict[str, FileTypes]:
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
    named = (path, content) if isinstance(content, str) else content  # a text, beside its name
    return file_part(named, path)._replace(filename=path)
