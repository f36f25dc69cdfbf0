"""What `files.upload` takes: the forms that a file to upload can have."""

import os
from typing import IO, TYPE_CHECKING, Mapping, Optional, Tuple, Union

__all__ = ["FileContent", "FileTypes"]

FileContent = Union[IO[bytes], bytes, str, "os.PathLike[str]"]
"""The content of a file beside its name: an open binary file, bytes, text (sent as UTF-8), or the path of a file."""

FileTypes = Union[
    IO[bytes],
    bytes,
    "os.PathLike[str]",
    Tuple[Optional[str], FileContent],
    Tuple[Optional[str], FileContent, Optional[str]],
    Tuple[Optional[str], FileContent, Optional[str], Mapping[str, str]],
    Tuple[Optional[str], Optional[str], Union[IO[bytes], bytes, "os.PathLike[str]"]],
]
"""A file to upload: an open binary file, bytes or a path (no str); (name, content[, content type[, headers]]);
or, as in the client guide, (name, content type, content) with bytes, an open file or a path last."""

# Code written for older clients imports `FileDownloadResponse` from here; type checkers find it in the package itself.
if not TYPE_CHECKING:
    from .._names import lazy_names

    __getattr__, __dir__ = lazy_names(__name__, "..transport.downloads FileDownloadResponse AsyncFileDownloadResponse")
