"""What `files.upload` takes and what downloads give.

It knows the forms that a file to upload can have; it must not open or read any.
`FileDownloadResponse` lives with the sockets it reads from and is loaded when it is asked for.
"""

import os
from typing import IO, TYPE_CHECKING, Any, Mapping, Optional, Tuple, Union

if TYPE_CHECKING:
    from ..transport.downloads import AsyncFileDownloadResponse as AsyncFileDownloadResponse
    from ..transport.downloads import FileDownloadResponse as FileDownloadResponse

FileContent = Union[IO[bytes], bytes, str, "os.PathLike[str]"]
"""The content of a file: an open binary file, bytes, text (sent as UTF-8), or the path of a local file."""

FileTypes = Union[
    FileContent,
    Tuple[Optional[str], FileContent],
    Tuple[Optional[str], FileContent, Optional[str]],
    Tuple[Optional[str], FileContent, Optional[str], Mapping[str, str]],
    Tuple[Optional[str], Optional[str], Union[IO[bytes], bytes, "os.PathLike[str]"]],
]
"""A file to upload: its content; (name, content[, content type[, headers]]);
or, as in the client guide, (name, content type, content) with bytes, an open file or a path last."""

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name == "FileDownloadResponse":
            from ..transport.downloads import FileDownloadResponse

            return FileDownloadResponse
        if name == "AsyncFileDownloadResponse":
            from ..transport.downloads import AsyncFileDownloadResponse

            return AsyncFileDownloadResponse
        raise AttributeError("module %r has no attribute %r" % (__name__, name))

    def __dir__() -> list:
        return sorted([*globals(), "FileDownloadResponse", "AsyncFileDownloadResponse"])
