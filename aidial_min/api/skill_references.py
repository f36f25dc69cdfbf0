"""References to skills and to files in them: where they are, how they are narrowed, how operations are bound to them.

A reference is immutable and asks the server nothing; the caller's own bucket is found when an operation needs it.
It knows how skills are addressed; it must not know what operations do there, sockets or loops.
"""

from contextlib import asynccontextmanager, contextmanager
from pathlib import PurePosixPath
from typing import (
    TYPE_CHECKING,
    Any,
    AsyncContextManager,
    AsyncIterator,
    Callable,
    ContextManager,
    Coroutine,
    Iterator,
    NamedTuple,
    Optional,
    Tuple,
    TypeVar,
    Union,
    cast,
)

from ..core.call import Config, Download, Request
from ..core.tables import SyncResource, describe
from ..core.urls import decode_segment, encode_segment, parse_storage_url
from ..errors import InvalidDialURLError

if TYPE_CHECKING:
    from typing_extensions import Concatenate, ParamSpec

    from ..types.file import AsyncFileDownloadResponse, FileDownloadResponse

    P = ParamSpec("P")

T = TypeVar("T")
Ref = TypeVar("Ref", bound="Reference")
M = TypeVar("M", bound=Callable[..., Any])

SkillPath = Union[str, PurePosixPath]

_FILES = "files"


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
        names = self.skill if self.file is None else self.skill + (_FILES,) + self.file
        return "/".join(["skills", self.bucket or "<my-bucket>"] + [encode_segment(name) for name in names])

    def below(self, path: SkillPath) -> "Place":
        """The place further down.

        Raises:
            InvalidDialURLError: the path is not relative, ends in a slash, or has empty, "." or ".." segments.
        """
        if not isinstance(path, (str, PurePosixPath)):
            raise InvalidDialURLError("a path must be a str or PurePosixPath, not %s" % type(path).__name__)
        names = tuple(decode_segment(part, str(path)) for part in str(path).split("/"))
        if self.file is None:
            return self._replace(skill=self.skill + names)
        return self._replace(file=self.file + names)


_ROOT = Place()


def anything(place: Place) -> Place:
    """For operations that work at any place."""
    return place


def a_skill(place: Place) -> Place:
    """For operations on one skill.

    Raises:
        InvalidDialURLError: the reference names none.
    """
    if not place.skill:
        raise InvalidDialURLError('no skill is named; narrow the reference first: client.skills / "my-skill"')
    return place


def a_file(place: Place) -> Place:
    """For operations on one file of a skill.

    Raises:
        InvalidDialURLError: the reference names none.
    """
    if not a_skill(place).file:
        raise InvalidDialURLError('no file is named; narrow the reference first: skill.files / "SKILL.md"')
    return place


class Reference(SyncResource):
    """A place in the storage of skills, bound to a client."""

    def __init__(self, client: Any, place: Place = _ROOT) -> None:
        super().__init__(client)
        self._place = place

    @property
    def bucket(self) -> Optional[str]:
        """The bucket, or None: the caller's own."""
        return self._place.bucket

    def _at(self: Ref, place: Place) -> Ref:
        return type(self)(self._client, place)

    def _own_place(self, needs: Callable[[Place], Place]) -> Place:
        place = needs(self._place)
        return place if place.bucket is not None else place._replace(bucket=self._client.my_bucket())

    async def _own_place_async(self, needs: Callable[[Place], Place]) -> Place:
        place = needs(self._place)
        return place if place.bucket is not None else place._replace(bucket=await self._client.my_bucket())

    def __repr__(self) -> str:
        return "%s(%r)" % (type(self).__name__, self._place.path)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Reference):
            return NotImplemented
        return (type(self), self._client, self._place) == (type(other), other._client, other._place)

    def __hash__(self) -> int:
        return hash((type(self), self._place))


class SkillReference(Reference):
    """A skill, a folder that groups skills, or the root of a bucket."""

    @property
    def path(self) -> Tuple[str, ...]:
        """The segments below the bucket, decoded."""
        return self._place.skill

    def __truediv__(self: Ref, path: SkillPath) -> Ref:
        """The place further down; at the root also one in any bucket: "skills/{bucket}/a/b", or an absolute URL."""
        text = str(path)
        if self._place == _ROOT and ("://" in text or text.startswith("skills/")):
            return self(url=text)  # type: ignore[operator,no-any-return]
        return self._at(self._place.below(path))

    def __call__(
        self: Ref, *, path: Optional[SkillPath] = None, bucket: Optional[str] = None, url: Optional[SkillPath] = None
    ) -> Ref:
        """The place further down (`path`), in another bucket (`bucket`), or anywhere (`url`, alone)."""
        if (path is None and bucket is None) == (url is None):
            raise TypeError("pass url=, or path= and bucket= or one of them")
        if url is not None:
            found = parse_storage_url(self._client._config.origin, url, "skills")
            return self._at(Place(found.bucket, found.segments))
        place = self._place
        if bucket is not None:
            root = parse_storage_url(self._client._config.origin, "skills/%s" % bucket, "skills")
            if root.segments:
                raise InvalidDialURLError("a bucket is a single name, not %r" % bucket)
            place = place._replace(bucket=root.bucket)
        return self._at(place if path is None else place.below(path))


class SkillFilesReference(Reference):
    """The files of a skill, a folder of them, or one of them."""

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
        if (path is None) == (url is None):
            raise TypeError("pass either path= or url=")
        if path is not None:
            return self._at(self._place.below(path))
        found = parse_storage_url(self._client._config.origin, cast(SkillPath, url), "skills")
        if _FILES not in found.segments[1:]:
            raise InvalidDialURLError("a URL like skills/{bucket}/{skill}/files/{path} is wanted, not %r" % str(url))
        index = found.segments.index(_FILES, 1)
        return self._at(Place(found.bucket, found.segments[:index], found.segments[index + 1 :]))


# ---------------------------------------------------------------- binding operations to references


def sync_at(
    needs: Callable[[Place], Place], operation: "Callable[Concatenate[Config, Place, P], Request[T]]"
) -> "Callable[Concatenate[Any, P], T]":
    """A method of a reference that carries out an operation at its place, if that is what it `needs`."""

    def method(self: Any, /, *args: "P.args", **kwargs: "P.kwargs") -> T:
        client = self._client
        return cast(T, client._run(operation(client._config, self._own_place(needs), *args, **kwargs)))

    return _describe(method, operation)


def async_at(
    needs: Callable[[Place], Place], operation: "Callable[Concatenate[Config, Place, P], Request[T]]"
) -> "Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]":
    """A coroutine method of a reference that carries out an operation at its place."""

    async def method(self: Any, /, *args: "P.args", **kwargs: "P.kwargs") -> T:
        client = self._client
        place = await self._own_place_async(needs)
        return cast(T, await client._run(operation(client._config, place, *args, **kwargs)))

    return _describe(method, operation)


def sync_open(
    needs: Callable[[Place], Place], operation: Callable[[Config, Place], Download]
) -> "Callable[[Any], FileDownloadResponse]":
    """A method of a reference that opens a download."""

    def method(self: Any, /) -> "FileDownloadResponse":
        client = self._client
        return cast("FileDownloadResponse", client._download(operation(client._config, self._own_place(needs))))

    return _describe(method, operation, "FileDownloadResponse")


def async_open(
    needs: Callable[[Place], Place], operation: Callable[[Config, Place], Download]
) -> "Callable[[Any], Coroutine[Any, Any, AsyncFileDownloadResponse]]":
    """A coroutine method of a reference that opens a download."""

    async def method(self: Any, /) -> "AsyncFileDownloadResponse":
        client = self._client
        download = operation(client._config, await self._own_place_async(needs))
        return cast("AsyncFileDownloadResponse", await client._download(download))

    return _describe(method, operation, "AsyncFileDownloadResponse")


def sync_stream(
    needs: Callable[[Place], Place], operation: Callable[[Config, Place], Download]
) -> "Callable[[Any], ContextManager[FileDownloadResponse]]":
    """The same as a context manager."""
    opened = sync_open(needs, operation)

    @contextmanager
    def method(self: Any, /) -> "Iterator[FileDownloadResponse]":
        with opened(self) as response:
            yield response

    return _describe(method, operation, "ContextManager[FileDownloadResponse]")


def async_stream(
    needs: Callable[[Place], Place], operation: Callable[[Config, Place], Download]
) -> "Callable[[Any], AsyncContextManager[AsyncFileDownloadResponse]]":
    """The same as a context manager for `async with`."""
    opened = async_open(needs, operation)

    @asynccontextmanager
    async def method(self: Any, /) -> "AsyncIterator[AsyncFileDownloadResponse]":
        async with await opened(self) as response:
            yield response

    return _describe(method, operation, "AsyncContextManager[AsyncFileDownloadResponse]")


def _describe(method: M, operation: Callable[..., Any], returns: Optional[str] = None) -> M:
    method = describe(method, operation, returns)
    signature = method.__signature__  # type: ignore[attr-defined]
    shown = [parameter for name, parameter in signature.parameters.items() if name != "place"]
    method.__signature__ = signature.replace(parameters=shown)  # type: ignore[attr-defined]
    return method
