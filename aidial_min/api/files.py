"""Files in DIAL's storage: what all stored resources can do, upload and download, and whole folders at once.

What a folder's files are called here and there, and which of them may be touched, is decided in local_files.py.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Dict, List, NamedTuple, Optional, Protocol, Tuple, Union

from ..core.call import Request, as_it_came, model_of
from ..core.etag import bare_etag
from ..core.multipart import MultipartBody, Progress, file_part
from ..core.operation import Async, Bound, Sync, opened, operation, settled
from ..core.settings import function_given, number_given, path_given
from ..core.urls import StoragePath, StorageUrl, parse_storage_url
from ..errors import DialException, InvalidDialURLError, InvalidRequestError
from ..types.metadata import FileItem, FileMetadata
from .local_files import LocalFile, LocalPath, local_files, local_path, md5_of, same_file_key
from .stored import Stored, describe, is_missing, preconditions

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ..core.operation import Later, Whole
    from ..transport.downloads import FileDownloadResponse
    from ..types.file import FileTypes
    from .stored import Page

    class DescribeFile(Protocol[Whole]):
        def __call__(self, url: StorageUrl, **page: Unpack[Page]) -> Whole: ...

    Outcome = Union[str, Exception]
    """What became of one file: "uploaded", "downloaded", "skipped", or the error that ended it."""

    OnFile = Callable[[str, Outcome], object]

UPLOADED, DOWNLOADED, SKIPPED = "uploaded", "downloaded", "skipped"


class UploadReport(NamedTuple):
    """What `upload_folder` did, by paths below the folder ("a/b.txt").

    Attributes:
        uploaded: files sent.
        skipped: files that were there already, unchanged.
        failed: files that could not be sent, and why.
    """

    uploaded: List[str]
    skipped: List[str]
    failed: Dict[str, Exception]


class DownloadReport(NamedTuple):
    """What `download_folder` did, by paths below the folder ("a/b.txt").

    Attributes:
        downloaded: files written.
        skipped: files that were there already, unchanged.
        failed: files that could not be read or written, and why.
    """

    downloaded: List[str]
    skipped: List[str]
    failed: Dict[str, Exception]


class Job(NamedTuple):
    """One file of a folder: how the report names it, and what is to be done, which gives UPLOADED, SKIPPED, ..."""

    name: str
    work: Callable[[], Awaitable[str]]


class _Files(Stored[FileItem, FileMetadata]):
    _kind, _item, _node = "files", FileItem, FileMetadata

    @operation
    async def upload(
        self,
        url: StorageUrl,
        file: FileTypes,
        etag_if_match: Optional[str] = None,
        etag_if_none_match: Optional[str] = None,
        progress: Optional[Progress] = None,
    ) -> FileItem:
        """Create or replace a file.

        Args:
            url: where to store it, e.g. ``client.my_files_home() / "folder/a.txt"``.
            file: bytes, str (sent as UTF-8), a path, a binary file object (a seekable one is sent from its beginning),
                or a tuple: (name, content[, type[, headers]]) or (name, type, content).
            etag_if_match: replace only this version; on a file that does not exist Core does not look at it.
            etag_if_none_match: "*" creates only.
            progress: called with (bytes done, bytes in all or None) while the file is sent.
        Returns:
            The metadata of the stored file.
        Raises:
            EtagMismatchError: a precondition does not hold.
            RequestTooLargeError: beyond the server's limit.
            InvalidRequestError: a file that is closed, in text mode or not readable; nothing is sent.

        PUT /v1/files/{bucket}/{path}
        """
        path = self._path(url)
        body = MultipartBody([file_part(file, path.name)], function_given("progress", progress))
        headers = preconditions(etag_if_match, etag_if_none_match)
        decode = model_of(FileItem.from_json)
        return await self._call(Request("PUT", "/v1/" + path.path, headers=headers, body=body, decode=decode))

    @operation
    async def download(self, url: StorageUrl, etag_if_match: Optional[str] = None) -> FileDownloadResponse:
        """Read a file, as it comes.

        Args:
            url: its address, as `upload` takes it.
            etag_if_match: this version only; the answer's own ETag is compared too, because Core of 2024 does not.
        Returns:
            A response to iterate over, or `get_content()`, or `write_to(path)`; closed at its end or by a `with` block.
        Raises:
            ResourceNotFoundError: there is no such file.
            EtagMismatchError: it is another version.

        GET /v1/files/{bucket}/{path}
        """
        return await self._download(url, etag_if_match, whole=True)

    @opened
    async def stream_download(self, url: StorageUrl, etag_if_match: Optional[str] = None) -> FileDownloadResponse:
        """Read a file, as it comes, within a `with` block (or `async with`), which closes it.

        Args and Raises: as `download`.

        GET /v1/files/{bucket}/{path}
        """
        return await self._download(url, etag_if_match)

    async def _download(
        self, url: StorageUrl, etag_if_match: Optional[str] = None, whole: bool = False
    ) -> FileDownloadResponse:
        path = self._path(url)
        request = Request("GET", "/v1/" + path.path, headers=preconditions(etag_if_match), decode=as_it_came)
        return await self._client._download(request, path.name, whole, etag_if_match)  # type: ignore[no-any-return]

    metadata: Bound[DescribeFile[FileMetadata], DescribeFile[Later[FileMetadata]]] = Stored.__dict__["get_metadata"]

    # -- folders

    @operation
    async def upload_folder(
        self,
        source: LocalPath,
        url: StorageUrl,
        *,
        max_workers: int = 8,
        overwrite: bool = True,
        select: Optional[Callable[[str], bool]] = None,
        dry_run: bool = False,
        on_file: Optional[OnFile] = None,
    ) -> UploadReport:
        """Upload a local folder with everything in it; files that are there already, unchanged, are skipped.

        Nothing is deleted. A file that fails does not stop the others. Symbolic links to folders, and those that lead
        out of the folder, are not followed.

        Args:
            source: the local folder.
            url: the folder in the storage that its content shall be in, e.g. ``client.my_files_home() / "data"``.
            max_workers: how many files are sent at once.
            overwrite: replace files that are there and differ; if not, they are `failed`.
            select: called with each path below the folder; a file that it says False to is left alone.
            dry_run: compare only; the report says what would be done.
            on_file: called with (path below the folder, outcome) for each file when it is done: "uploaded", "skipped",
                or the error.
        Returns:
            What was `uploaded`, what was `skipped`, and what `failed` with which error.
        Raises:
            InvalidRequestError: there is no such local folder.
            DialException: the folder in the storage can't be listed.

        PUT /v1/files/{bucket}/{path}
        """
        folder, source = self._folder(url), path_given("source", source)
        _check_options(max_workers, select, on_file)
        if not os.path.isdir(source):
            raise InvalidRequestError("there is no folder to upload at %s" % source)
        known: Dict[Tuple[str, ...], FileItem] = {}
        async for item in self._entries(folder, True, lambda entry, error: None):
            path = self._path_of(item.url)
            if path is not None and not path.folder:
                known[path.segments[len(folder.segments) :]] = item
        files, failed = await self._in_thread(local_files, source)

        async def upload(file: LocalFile) -> str:
            names = tuple(file.name.split("/"))
            target = folder._replace(segments=folder.segments + names, folder=False).path
            item = known.get(names)
            if item is not None and await self._is_same(item, target, file.path):
                return SKIPPED
            if not dry_run:
                await settled(self.upload(target, PurePath(file.path), None, None if overwrite else "*"))
            return UPLOADED

        jobs = [Job(file.name, partial(upload, file)) for file in files]
        jobs += [Job(name, partial(_fail, error)) for name, error in failed.items()]
        return UploadReport(*await self._carry_out(_selected(jobs, select), max_workers, on_file))

    @operation
    async def download_folder(
        self,
        url: StorageUrl,
        target: LocalPath,
        *,
        max_workers: int = 8,
        overwrite: bool = True,
        select: Optional[Callable[[str], bool]] = None,
        dry_run: bool = False,
        on_file: Optional[OnFile] = None,
    ) -> DownloadReport:
        """Download a folder with everything below it; local files that are the same already are skipped.

        Nothing is deleted. Each file appears when all of it has come. A file that fails does not stop the others, nor
        does an entry of the listing that makes no sense. Nothing is written outside of the target, whatever names the
        storage holds and whatever symbolic links the target has.

        Args:
            url: the folder in the storage.
            target: the local folder; it is made if need be.
            max_workers: how many files are read at once.
            overwrite: replace files that are there and differ; if not, they are `failed`.
            select: called with each path below the folder; a file that it says False to is left alone.
            dry_run: compare only; the report says what would be done.
            on_file: called with (path below the folder, outcome) for each file when it is done: "downloaded",
                "skipped", or the error.
        Returns:
            What was `downloaded`, what was `skipped`, and what `failed` with which error.
        Raises:
            InvalidRequestError: the target is a file.
            DialException: the folder in the storage can't be listed.

        GET /v1/files/{bucket}/{path}
        """
        folder, target = self._folder(url), path_given("target", target)
        _check_options(max_workers, select, on_file)
        if os.path.exists(target) and not os.path.isdir(target):
            raise InvalidRequestError("the download target %s is a file; name a folder" % target)
        jobs: List[Job] = []

        def refuse(name: str, error: Exception) -> None:
            jobs.append(Job(name, partial(_fail, error)))

        items = [item async for item in self._entries(folder, True, lambda entry, error: refuse(_named(entry), error))]
        root = os.path.realpath(target) if dry_run else await self._in_thread(_made_folder, target)
        taken: Dict[str, str] = {}
        for item in items:
            if item.node_type == "FOLDER" or item.url.endswith("/"):
                continue
            path = self._path_of(item.url)
            names = path.segments[len(folder.segments) :] if path is not None else ()
            name = "/".join(names) or item.url
            first = taken.setdefault(same_file_key(name), name)
            if first != name:
                refuse(name, InvalidRequestError("%s would be written over %s: here they are one file" % (name, first)))
            elif path is None or path.bucket != folder.bucket or path.segments != folder.segments + names:
                message = "the listing names something outside of the folder: %r" % item.url
                refuse(name, InvalidDialURLError(message))
            else:
                jobs.append(Job(name, partial(self._fetch, item, path, root, names, overwrite, dry_run)))
        return DownloadReport(*await self._carry_out(_selected(jobs, select), max_workers, on_file))

    async def _fetch(
        self, item: FileItem, path: StoragePath, root: str, names: Tuple[str, ...], overwrite: bool, dry_run: bool
    ) -> str:
        """Bring one file to its place below a local folder."""
        local = await self._in_thread(local_path, root, names)
        if await self._is_same(item, path.path, local):
            return SKIPPED
        if not overwrite and os.path.lexists(local):
            raise FileExistsError(None, "it is there already", local)
        if not dry_run:
            response = await self._download(path.path)
            try:
                await self._in_thread(lambda: os.makedirs(os.path.dirname(local), exist_ok=True))
                await response._write(local)
            finally:
                response._close()
        return DOWNLOADED

    async def _carry_out(
        self, jobs: List[Job], max_workers: int, on_file: Optional[OnFile]
    ) -> Tuple[List[str], List[str], Dict[str, Exception]]:
        """Work on so many files at once: what was done, skipped and failed, in the order of the jobs."""

        async def outcome_of(job: Job) -> Outcome:
            try:
                return await job.work()
            except (DialException, OSError) as error:
                return error

        outcomes: Dict[int, Outcome] = {}
        results = self._client._transport.at_once(outcome_of, jobs, max_workers)
        try:
            async for index, outcome in results:
                outcomes[index] = outcome
                if on_file is not None:
                    on_file(jobs[index].name, outcome)
        finally:
            await results.aclose()
        found = [(job.name, outcomes[index]) for index, job in enumerate(jobs)]
        done = [name for name, outcome in found if outcome in (UPLOADED, DOWNLOADED)]
        skipped = [name for name, outcome in found if outcome == SKIPPED]
        return done, skipped, {name: outcome for name, outcome in found if isinstance(outcome, Exception)}

    async def _is_same(self, item: FileItem, url: str, local: str) -> bool:
        """Whether a stored file and a local one have the same content: ETags of files are their MD5."""
        digest = await self._in_thread(md5_of, local)
        if digest is None:
            return False
        etag = item.etag
        if not etag:  # listings do not tell it
            try:
                etag = (await describe(self, self._kind, self._node, url, {})).etag
            except DialException as error:
                if not is_missing(error):
                    raise
        return etag is not None and bare_etag(etag) == digest

    def _path_of(self, url: str) -> Optional[StoragePath]:
        """The address of an entry of a listing, or None where it is none."""
        try:
            return parse_storage_url(self._config.origin, url, self._kind)
        except InvalidRequestError:
            return None

    async def _in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return await self._client._transport.verbs.in_thread(function, *arguments)


class Files(_Files, Sync):
    """Files in DIAL's storage."""


class AsyncFiles(_Files, Async):
    """Files in DIAL's storage."""


async def _fail(error: Exception) -> str:
    raise error


def _selected(jobs: List[Job], select: Optional[Callable[[str], bool]]) -> List[Job]:
    return jobs if select is None else [job for job in jobs if select(job.name)]


def _named(entry: Any) -> str:
    """How the report names an entry of a listing that is not what it should be."""
    return str(entry.get("url") or entry.get("name") or entry)[:200] if isinstance(entry, dict) else str(entry)[:200]


def _made_folder(target: LocalPath) -> str:
    """The folder to write below, with symbolic links resolved."""
    os.makedirs(target, exist_ok=True)
    return os.path.realpath(target)


def _check_options(max_workers: Any, select: Any, on_file: Any) -> None:
    number_given("max_workers", max_workers, least=1)
    function_given("select", select)
    function_given("on_file", on_file)
