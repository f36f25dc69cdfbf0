"""Whole folders up and down: what to do with each file, and the report of what was done.

Plans only: what a step does locally stands in local_files.py, and transport/folders.py carries the steps out.
It knows listings, and that an ETag is the MD5 of the content; it must not know sockets, threads or loops.
"""

import os
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Callable, Coroutine, Dict, List, Optional, Tuple, TypeVar, Union, cast

from ..core.call import Config
from ..core.etag import bare_etag
from ..core.jobs import Job, Save, Steps, Task, Work
from ..core.tables import describe
from ..core.urls import StoragePath, StorageUrl, parse_storage_url
from ..errors import ConfigurationError, DialException, InvalidDialURLError, InvalidRequestError
from ..types.metadata import FileItem, FileMetadata
from . import storage
from .local_files import LocalFile, LocalPath, local_files, local_path, md5_of, same_file_key

if TYPE_CHECKING:
    from typing_extensions import Concatenate, ParamSpec

    P = ParamSpec("P")

R = TypeVar("R")

_DONE, _SKIPPED = "done", "skipped"
@dataclass
class UploadReport:
    """What `upload_folder` did, by paths below the folder ("a/b.txt").

    Attributes:
        uploaded: files sent. skipped: files that were there already, unchanged.
        failed: files that could not be sent, and why.
    """

    uploaded: List[str] = field(default_factory=list)
    skipped: List[str] = field(default_factory=list)
    failed: Dict[str, Exception] = field(default_factory=dict)


@dataclass
class DownloadReport:
    """What `download_folder` did, by paths below the folder ("a/b.txt").

    Attributes:
        downloaded: files written. skipped: files that were there already, unchanged.
        failed: files that could not be read or written, and why.
    """

    downloaded: List[str] = field(default_factory=list)
    skipped: List[str] = field(default_factory=list)
    failed: Dict[str, Exception] = field(default_factory=dict)


# ---------------------------------------------------------------- up


def upload_folder(config: Config, source: LocalPath, url: StorageUrl, *, max_workers: int = 8) -> "Task[UploadReport]":
    """Upload a local folder with everything in it; files that are there already, unchanged, are skipped.

    Nothing is deleted. A file that fails does not stop the others. Symbolic links to folders, and those that lead out
    of the folder, are not followed.

    Args:
        source: the local folder.
        url: the folder in the storage that its content shall be in, e.g. ``client.my_files_home() / "data"``.
        max_workers: how many files are sent at once.
    Returns:
        What was `uploaded`, what was `skipped`, and what `failed` with which error.
    Raises:
        InvalidRequestError: there is no such local folder. DialException: the folder in the storage can't be listed.

    PUT /v1/files/{bucket}/{path}
    """
    folder = parse_storage_url(config.origin, url, "files").as_folder()
    _check_workers(max_workers)
    if not os.path.isdir(source):
        raise InvalidRequestError("there is no folder to upload at %s" % os.fspath(source))

    def plan(items: List[FileItem]) -> List[Job]:
        known: Dict[Tuple[str, ...], FileItem] = {}
        for item in items:
            path = _path_of(config, item.url)
            if path is not None and not path.folder:
                known[path.segments[len(folder.segments) :]] = item
        files, failed = local_files(source)
        jobs = [Job(file.name, _upload(config, folder, file, known)) for file in files]
        return jobs + [Job(name, _fail(error)) for name, error in failed.items()]

    return Task(_listing(config, folder), plan, _upload_report, max_workers)


def _upload(
    config: Config, folder: StoragePath, file: LocalFile, known: Dict[Tuple[str, ...], FileItem]
) -> Steps:
    from . import files

    names = tuple(file.name.split("/"))
    try:
        url = folder._replace(segments=folder.segments + names, folder=False).path
    except UnicodeEncodeError:
        raise InvalidDialURLError("the name %r can't be written as UTF-8" % file.name) from None
    item = known.get(names)
    if item is not None:
        etag = item.etag or (yield from _etag(config, url))
        if etag and bare_etag(etag) == (yield Work(lambda: md5_of(file.path))):
            return _SKIPPED
    yield files.upload(config, url, PurePath(file.path))
    return _DONE


def _etag(config: Config, url: str) -> Steps:
    """The ETag of a stored file, which listings do not tell; "" where it is gone."""
    try:
        found = yield from storage.metadata(config, "files", FileMetadata.from_json, url, {})
    except DialException as error:
        if storage.is_missing(error):
            return ""
        raise
    return found.etag or ""


def _upload_report(outcomes: List[Tuple[str, Union[str, Exception]]]) -> UploadReport:
    return UploadReport(*_sorted_out(outcomes))


# ---------------------------------------------------------------- down


def download_folder(
    config: Config, url: StorageUrl, target: LocalPath, *, max_workers: int = 8
) -> "Task[DownloadReport]":
    """Download a folder with everything below it; local files that are the same already are skipped.

    Nothing is deleted. Each file appears when all of it has come. A file that fails does not stop the others. Nothing
    is written outside of the target, whatever names the storage holds and whatever symbolic links the target has.

    Args:
        url: the folder in the storage.
        target: the local folder; it is made if need be.
        max_workers: how many files are read at once.
    Returns:
        What was `downloaded`, what was `skipped`, and what `failed` with which error.
    Raises:
        InvalidRequestError: the target is a file. DialException: the folder in the storage can't be listed.

    GET /v1/files/{bucket}/{path}
    """
    folder = parse_storage_url(config.origin, url, "files").as_folder()
    _check_workers(max_workers)
    if os.path.exists(target) and not os.path.isdir(target):
        raise InvalidRequestError("the download target %s is a file; name a folder" % os.fspath(target))

    def plan(items: List[FileItem]) -> List[Job]:
        os.makedirs(target, exist_ok=True)
        root = os.path.realpath(target)
        jobs = []
        taken: Dict[str, str] = {}
        for item in items:
            if item.node_type != "FOLDER" and not item.url.endswith("/"):
                path = _path_of(config, item.url)
                names = path.segments[len(folder.segments) :] if path is not None else ()
                name = "/".join(names) or item.url
                first = taken.setdefault(same_file_key(name), name)
                steps = _download(config, folder, root, item, path) if first == name else _fail(_same_file(name, first))
                jobs.append(Job(name, steps))
        return jobs

    return Task(_listing(config, folder), plan, _download_report, max_workers)


def _download(config: Config, folder: StoragePath, root: str, item: FileItem, path: Optional[StoragePath]) -> Steps:
    from . import files

    depth = len(folder.segments)
    if path is None or path.bucket != folder.bucket or path.segments[:depth] != folder.segments:
        raise InvalidDialURLError("the listing names something outside of the folder: %r" % item.url)
    names = path.segments[depth:]
    local: str = yield Work(lambda: local_path(root, names))
    digest = yield Work(lambda: md5_of(local))
    if digest is not None:
        etag = item.etag or (yield from _etag(config, path.path))
        if etag and bare_etag(etag) == digest:
            return _SKIPPED
    prepare = lambda: os.makedirs(os.path.dirname(local), exist_ok=True)  # noqa: E731
    yield Save(files.open_download(config, path.path), local, prepare)
    return _DONE


def _same_file(name: str, first: str) -> InvalidRequestError:
    return InvalidRequestError("%s would be written over %s: here they are one file" % (name, first))


def _download_report(outcomes: List[Tuple[str, Union[str, Exception]]]) -> DownloadReport:
    return DownloadReport(*_sorted_out(outcomes))


# ---------------------------------------------------------------- both


def _path_of(config: Config, url: str) -> Optional[StoragePath]:
    """The address of an entry of a listing, or None where it is none."""
    try:
        return parse_storage_url(config.origin, url, "files")
    except InvalidRequestError:
        return None


def _listing(config: Config, folder: StoragePath) -> Any:
    return storage.listing(config, "files", FileMetadata.from_json, folder.path, True)


def _fail(error: Exception) -> Steps:
    raise error
    yield  # a generator, like every job


def _check_workers(max_workers: Any) -> None:
    if isinstance(max_workers, bool) or not isinstance(max_workers, int) or max_workers < 1:
        raise ConfigurationError("max_workers must be a number of at least 1, not %r" % (max_workers,))


def _sorted_out(outcomes: List[Tuple[str, Union[str, Exception]]]) -> Tuple[List[str], List[str], Dict[str, Exception]]:
    done = [name for name, outcome in outcomes if outcome == _DONE]
    skipped = [name for name, outcome in outcomes if outcome == _SKIPPED]
    return done, skipped, {name: outcome for name, outcome in outcomes if isinstance(outcome, Exception)}


def sync_folder(operation: "Callable[Concatenate[Config, P], Task[R]]") -> "Callable[Concatenate[Any, P], R]":
    """A method of a SyncResource that carries out work on a whole folder."""

    def method(self: Any, /, *args: "P.args", **kwargs: "P.kwargs") -> R:
        client = self._client
        return cast(R, client._carry_out(operation(client._config, *args, **kwargs)))

    return describe(method, operation)


def async_folder(
    operation: "Callable[Concatenate[Config, P], Task[R]]",
) -> "Callable[Concatenate[Any, P], Coroutine[Any, Any, R]]":
    """A coroutine method of an AsyncResource that carries out work on a whole folder."""

    async def method(self: Any, /, *args: "P.args", **kwargs: "P.kwargs") -> R:
        client = self._client
        return cast(R, await client._carry_out(operation(client._config, *args, **kwargs)))

    return describe(method, operation)
