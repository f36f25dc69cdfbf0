"""The target of a download on disk: a temporary file beside it, renamed when all of it has come.

    with TargetFile(path) as target:
        target.write(piece)

A download that breaks leaves the old target as it was, and nothing else. Calls block: the async client makes them in
a thread.
"""

import errno
import os
import re
import stat
from types import TracebackType
from typing import IO, Optional, Type, Union

from ..errors import InvalidRequestError

Path = Union[str, "os.PathLike[str]"]

COPIED = 1024 * 1024
"""Bytes copied at a time."""


class TargetFile:
    """A file that appears at `path` when the `with` block ends without an error.

    Args:
        durable: it, and its name, are on the disk (fsync) when the block ends, so that a power cut loses neither.
    Raises:
        InvalidRequestError: `path` is a folder, or its parent folder does not exist.
    """

    def __init__(self, path: Path, *, durable: bool = False) -> None:
        try:
            given = os.fsdecode(path)
            direct = _descriptor(given) is not None or _is_special(given)
            target = os.path.join(os.getcwd(), given) if direct else os.path.realpath(given)
        except TypeError:
            raise InvalidRequestError("a download target must be a path, not %s" % type(path).__name__) from None
        except ValueError:  # a NUL
            raise InvalidRequestError("the download target %r can't be the name of a file" % (path,)) from None
        if os.path.isdir(target) or not os.path.basename(given):
            raise InvalidRequestError("the download target %s is a folder; name a file" % given)
        if not os.path.isdir(os.path.dirname(target)):
            raise InvalidRequestError("the folder of the download target %s does not exist" % given)
        self._target = target
        self._durable = durable
        self._temporary: Optional[str] = None
        self._file: Optional[IO[bytes]] = None

    def open(self) -> "TargetFile":
        """Create the temporary file (devices, pipes and files that are open here are written to directly)."""
        descriptor = _descriptor(self._target)
        if descriptor is not None:
            self._file = os.fdopen(os.dup(descriptor), "wb")
            return self
        if _is_special(self._target):
            self._file = open(self._target, "wb")
            return self
        mode = _mode_of(self._target)
        # Of the target's name only so much that the temporary one is never too long (255 bytes) where that one is not.
        name = ".%s.%s.part" % (os.path.basename(self._target)[:40], os.urandom(6).hex())
        temporary = os.path.join(os.path.dirname(self._target), name)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        self._temporary = temporary
        self._file = os.fdopen(descriptor, "wb")
        try:
            if mode is not None:
                os.chmod(temporary, stat.S_IMODE(mode))
        except BaseException:
            self.discard()
            raise
        return self

    def write(self, *pieces: bytes) -> None:
        """Append pieces."""
        assert self._file is not None
        try:
            self._file.writelines(pieces)
        except OSError as error:  # a full disk: say where
            raise OSError(error.errno, error.strerror, self._target) from None

    def commit(self) -> None:
        """All of it has come: put it in its place."""
        assert self._file is not None
        if self._durable:
            self._file.flush()
            os.fsync(self._file.fileno())
        self._file.close()
        if self._temporary is not None:
            self._replace(self._temporary)
            self._temporary = None
        if self._durable:
            sync_folder(self._target)

    def _replace(self, temporary: str) -> None:
        try:
            os.replace(temporary, self._target)
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            # Something is mounted on this very file (Docker does that): it can't be replaced, but written to.
            with open(temporary, "rb") as source, open(self._target, "r+b") as target:
                _reserve(target, os.fstat(source.fileno()).st_size)
                for piece in iter(lambda: source.read(COPIED), b""):
                    target.write(piece)
                target.truncate()
            os.unlink(temporary)

    def discard(self) -> None:
        """Leave no trace of what has been written (nothing happens after `commit`)."""
        try:
            if self._file is not None:
                self._file.close()  # may fail too: a full disk
        finally:
            if self._temporary is not None:
                os.unlink(self._temporary)
                self._temporary = None

    def __enter__(self) -> "TargetFile":
        return self.open()

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        try:
            if kind is None:
                self.commit()
        finally:
            self.discard()


def _reserve(file: IO[bytes], size: int) -> None:
    """Have room for `size` bytes before the old content is touched, where the system can tell.

    Raises:
        OSError: the disk is too full; the file is as it was.
    """
    before = os.fstat(file.fileno()).st_size
    if size > before and hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(file.fileno(), before, size - before)
        except OSError as error:
            file.truncate(before)
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise OSError(error.errno, error.strerror, file.name) from None


def discard_leftovers(path: str) -> None:
    """Remove what processes left that died while they wrote a TargetFile at `path`; there must be none at work."""
    folder, name = os.path.split(os.path.realpath(path))
    leftover = re.compile(r"\.%s\.[0-9a-f]{12}\.part" % re.escape(name[:40]))
    for found in filter(leftover.fullmatch, os.listdir(folder)):
        os.unlink(os.path.join(folder, found))


def sync_folder(path: str) -> None:
    """Make the name of a file as durable as its content, where the system can (POSIX)."""
    if os.name == "posix":
        folder = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
        try:
            os.fsync(folder)
        except OSError:
            pass  # some file systems can't, and none of them needs it
        finally:
            os.close(folder)


def _descriptor(path: str) -> Optional[int]:
    """The descriptor of this process that a path names: what it leads to may have no name any more, or be written to by
    others, who go on behind us."""
    folder, _, name = path.rpartition("/")
    if folder in ("/dev/fd", "/proc/self/fd") and name.isascii() and name.isdigit() and len(name) < 10:
        return int(name)
    return {"/dev/stdout": 1, "/dev/stderr": 2}.get(path)


def _is_special(path: str) -> bool:
    """Whether it is there and neither a file nor a folder: a device, a pipe, also one behind /dev/fd/3."""
    mode = _mode_of(path)
    return mode is not None and not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def _mode_of(path: str) -> Optional[int]:
    try:
        return os.stat(path).st_mode
    except OSError:
        return None
