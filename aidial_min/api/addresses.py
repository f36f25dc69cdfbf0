"""Where something stored is: what an address says, without asking the server; the official client's words for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..core.operation import Resource
from ..core.urls import SCHEME, parse_storage_url
from ..errors import InvalidDialURLError

if TYPE_CHECKING:
    from typing import Optional

    from ..core.urls import StorageUrl


class DialStorageResource(NamedTuple):
    """A parsed address; paths are percent-encoded, and have no slash at their end.

    Attributes:
        resource_type: "files", "prompts", "skills", ...
        bucket: its bucket.
        absolute_url: "https://dial.example.com/v1/files/{bucket}/a%20b/c.txt"; ends in a slash if the address did.
        relative_url: the same from the server's root: "/v1/files/{bucket}/a%20b/c.txt".
        api_path: "files/{bucket}/a%20b/c.txt".
        bucket_path: "a%20b/c.txt"; None for the root of a bucket.
        filename: "c.txt"; None for a folder.
    """

    resource_type: str
    bucket: str
    absolute_url: str
    relative_url: str
    api_path: str
    bucket_path: Optional[str]
    filename: Optional[str]


class Addressed(Resource):
    """Resources that have addresses in the storage."""

    _kind: str

    def get_api_prefix(self) -> str:
        """The part of the API that serves these resources: "v1/", "v2/" for skills. Nothing is sent."""
        return "v2/" if self._kind == "skills" else "v1/"

    def get_storage_resource(self, url: StorageUrl, *, allow_empty_bucket_path: bool = False) -> DialStorageResource:
        """What an address says. Nothing is sent.

        Args:
            url: an address of such a resource, relative or absolute, encoded or not.
            allow_empty_bucket_path: the root of a bucket ("files/{bucket}") is one, too.
        Raises:
            InvalidDialURLError: it is no such address.
            NotDialURLError: an absolute URL of another server.
        """
        origin = self._config.origin
        if isinstance(url, str) and SCHEME.match(url):
            url = url.split("#", 1)[0].split("?", 1)[0]  # of no meaning here, as for the official client
        path = parse_storage_url(origin, url, self._kind)
        if not path.segments and not allow_empty_bucket_path:
            raise InvalidDialURLError("Missing bucket path in URL: %s" % url)
        api_path = path.path.rstrip("/")
        names = api_path.split("/", 2)
        below = self.get_api_prefix() + api_path
        return DialStorageResource(
            resource_type=path.kind,
            bucket=path.bucket,
            absolute_url="%s/%s%s" % (origin.url, below, "/" if str(url).endswith("/") else ""),
            relative_url="%s/%s" % (origin.prefix, below),
            api_path=api_path,
            bucket_path=names[2] if path.segments else None,
            filename=None if path.folder else api_path.rpartition("/")[2],
        )

    def get_api_path(self, url: StorageUrl, *, allow_empty_bucket_path: bool = False) -> str:
        """An address, relative or absolute, as the API takes it: "files/{bucket}/a%20b.txt". Nothing is sent.

        Args and Raises: as `get_storage_resource`.
        """
        return self.get_storage_resource(url, allow_empty_bucket_path=allow_empty_bucket_path).api_path

    def get_display_name(self, url: StorageUrl) -> Optional[str]:
        """The path below the bucket, percent-encoded: "a%20b/c.txt". Nothing is sent.

        Args and Raises: as `get_storage_resource`.
        """
        return self.get_storage_resource(url).bucket_path
