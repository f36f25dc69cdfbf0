"""A local file that goes to the server: one with a size, which is read when it is sent, or a pipe, opened only once.

It knows how local files are opened; it must not know where they go.
"""

import stat
from pathlib import Path
from typing import Any, Optional


def size_of(path: Path) -> Optional[int]:
    """Bytes of a file; None for pipes and devices."""
    found = path.stat()
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def send(client: Any, url: str, path: Path, name: str, size: Optional[int], **options: Any) -> Any:
    """Store it at a URL.

    Args:
        name: by which a pipe's type is guessed, as it has none of its own.
        size: what `size_of` said.
        options: of `files.upload`.
    """
    if size is not None:
        return client.files.upload(url, path, **options)
    with open(path, "rb") as pipe:
        return client.files.upload(url, (name, pipe), **options)
