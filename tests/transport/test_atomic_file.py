"""The target of a download: it appears whole or not at all, whatever its name, and leaves nothing behind."""

import errno
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from aidial_min import InvalidRequestError
from aidial_min.transport import atomic_file
from aidial_min.transport.atomic_file import TargetFile

ROOT = Path(__file__).resolve().parents[2]

on_linux = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="no /dev/fd here")


def write(path, content=b"new"):
    with TargetFile(path) as target:
        target.write(content)


def test_a_target_appears_at_the_end(tmp_path):
    path = tmp_path / "target"
    path.write_bytes(b"old")
    with TargetFile(path) as target:
        target.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new" and os.listdir(tmp_path) == ["target"]


def test_an_error_leaves_the_old_one_and_nothing_else(tmp_path):
    path = tmp_path / "target"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), TargetFile(path) as target:
        target.write(b"new" * 100_000)
        raise ZeroDivisionError
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["target"]


@pytest.mark.parametrize("name", ["a" * 255, "\u6f22" * 85, "\U0001f600" * 63], ids=["1", "3", "4"])  # bytes of each
def test_a_long_name_will_do_where_it_is_one(tmp_path, name):
    try:
        (tmp_path / name).write_bytes(b"old")
    except OSError:
        pytest.skip("such names are too long here")
    write(tmp_path / name)
    assert (tmp_path / name).read_bytes() == b"new"


def test_a_path_may_be_bytes(tmp_path):
    write(os.fsencode(tmp_path / "target"))
    assert os.listdir(tmp_path) == ["target"]


def test_what_is_no_path_says_so():
    for path in (None, 5, object(), "a\0b", b"a\0b", "", "none/x"):
        with pytest.raises(InvalidRequestError, match="download target"):
            TargetFile(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
@pytest.mark.parametrize("relative", [False, True])
def test_pipes_are_written_to(tmp_path, monkeypatch, relative):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    assert through(tmp_path / "pipe", "pipe" if relative else tmp_path / "pipe") == b"new"


@on_linux
def test_pipes_behind_dev_fd_are_written_to():
    # What a shell puts there for >(command), and what /dev/stdout is before a |; its real path does not exist.
    reading, writing = os.pipe()
    try:
        assert through(reading, "/dev/fd/%d" % writing, lambda: os.close(writing)) == b"new"
    finally:
        os.close(reading)


@on_linux
@pytest.mark.parametrize("folder", ["/dev/fd", "/proc/self/fd"])
@pytest.mark.parametrize("gone", [False, True])
def test_an_open_file_is_written_to_where_it_is(tmp_path, folder, gone):
    """A shell's > opens one for several commands; a temporary file has no name any more."""
    with open(tmp_path / "out", "w+b", buffering=0) as file:
        if gone:
            os.unlink(tmp_path / "out")
        file.write(b"before ")
        write("%s/%d" % (folder, file.fileno()))
        file.write(b" after")
        file.seek(0)
        assert file.read() == b"before new after"
        assert os.listdir(tmp_path) == ([] if gone else ["out"])


@pytest.mark.skipif(os.name != "posix", reason="no /dev/stdout here")
@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_so_is_the_output_of_a_process(tmp_path, name):
    script = (
        "import sys\n"
        "from aidial_min.transport.atomic_file import TargetFile\n"
        "for text in (b'one ', b'two'):\n"
        "    with TargetFile('/dev/%s') as target: target.write(text)\n" % name
    )
    with open(tmp_path / "out", "wb") as file:
        subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT, **{name: file})
    assert (tmp_path / "out").read_bytes() == b"one two"


def through(source, target, done=lambda: None):
    """What arrives at `source` when `target` is written to."""
    arrived = []

    def read():
        with open(source, "rb", closefd=False) if isinstance(source, int) else open(source, "rb") as file:
            arrived.append(file.read())

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    write(target)
    done()
    reader.join(60)
    return arrived[0]


def test_a_file_keeps_its_permissions(tmp_path):
    path = tmp_path / "target"
    path.write_bytes(b"old")
    os.chmod(path, 0o640)
    mode = atomic_file._mode_of(str(path))
    write(path)
    assert atomic_file._mode_of(str(path)) == mode


def test_a_file_that_something_is_mounted_on_is_written_to(tmp_path, monkeypatch):
    """Docker mounts single files; renaming onto one is EBUSY."""

    def busy(source, target):
        raise OSError(errno.EBUSY, "Device or resource busy", source, None, target)

    path = tmp_path / "target"
    path.write_bytes(b"the old content, which is longer")
    monkeypatch.setattr(os, "replace", busy)
    write(path)
    assert path.read_bytes() == b"new" and os.listdir(tmp_path) == ["target"]


def mounts(folder, script):
    """Run a shell script in a place of its own, where it may mount; skip where that is not allowed."""
    if not shutil.which("unshare") or subprocess.run(["unshare", "-Urm", "true"], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("tests may not mount anything here")
    command = ["unshare", "-Urm", "sh", "-ec", script, "sh", sys.executable, str(ROOT)]
    return subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60).stdout


WRITE = """
PYTHONPATH=$2 $1 -c '
from aidial_min.transport.atomic_file import TargetFile
try:
    with TargetFile("target") as target:
        target.write(b"new" * %d)
except OSError as error:
    print(error)
'
head -c 20 target; wc -c < target; ls -A
"""


def test_a_file_that_is_a_mount_of_its_own_gets_the_new_content(tmp_path):
    said = mounts(tmp_path, "echo old > elsewhere; touch target; mount --bind elsewhere target;" + WRITE % 1)
    assert said.split() == [b"new3", b"elsewhere", b"target"]


def test_and_keeps_the_old_one_where_its_disk_has_no_room_for_the_new(tmp_path):
    small = "mkdir small; mount -t tmpfs -o size=64k small small; echo old > small/file; touch target;"
    said = mounts(tmp_path, small + "mount --bind small/file target;" + WRITE % 100_000)
    assert said.split(b"\n") == [
        b"[Errno 28] No space left on device: '%s'" % str(tmp_path / "target").encode(),
        b"old",
        b"4",
        b"small",
        b"target",
        b"",
    ]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no disk that is always full here")
def test_a_full_disk_is_said_with_the_name_of_the_file():
    with pytest.raises(OSError) as caught, TargetFile("/dev/full") as target:
        target.write(b"x" * 1_000_000)
    assert caught.value.errno == errno.ENOSPC and caught.value.filename == "/dev/full"
