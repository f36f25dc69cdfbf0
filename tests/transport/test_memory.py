"""Memory stays flat however large a file is: measured in a fresh process, as the kernel counts it."""

import os
import subprocess
import sys

import pytest

import aidial_min
from tests.support.bulk import BulkServer
from tests.support.clients import KINDS
from tests.support.interpreters import long

MIB = 1 << 20

MEASURE = """
import asyncio, sys
from aidial_min import AsyncDial, Dial
kind, url, path, most = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])

def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) // 1024

class Pipe:
    def __init__(self):
        self.file = open(path, "rb")
    def read(self, size=-1):
        return self.file.read(size)
    def close(self):
        self.file.close()

{work}

if kind == "sync":
    with Dial(base_url=url, api_key="key-of-a-test", trust_env=False) as client:
        before = work(client, warm=True)
        work(client)
else:
    async def main():
        async with AsyncDial(base_url=url, api_key="key-of-a-test", trust_env=False) as client:
            global before
            before = await awork(client, warm=True)
            await awork(client)
    asyncio.run(main())
grown = peak() - before
assert grown <= most, "it grew by %d MiB" % grown
ballast = b"x" * ((most + 10) * 1024 * 1024)
assert peak() - before > most, "the measure sees what is held"
"""

UPLOAD = """
def work(client, warm=False):
    client.files.upload("files/b/x", b"small" if warm else open_file())
    return peak()

async def awork(client, warm=False):
    await client.files.upload("files/b/x", b"small" if warm else open_file())
    return peak()
"""
FROM_FILE = UPLOAD + "from pathlib import Path\ndef open_file(): return Path(path)\n"
FROM_PIPE = UPLOAD + "def open_file(): return ('x', Pipe())\n"

ITERATED = """
import os
def work(client, warm=False):
    if warm:
        client.files.upload("files/b/x", b"small")
        return peak()
    assert sum(len(piece) for piece in client.files.download("files/b/x")) == int(sys.argv[5])

async def awork(client, warm=False):
    if warm:
        await client.files.upload("files/b/x", b"small")
        return peak()
    total = 0
    async for piece in await client.files.download("files/b/x"):
        total += len(piece)
    assert total == int(sys.argv[5])
"""

TO_DISK = """
import os
def work(client, warm=False):
    if warm:
        client.files.upload("files/b/x", b"small")
        return peak()
    client.files.download("files/b/x").write_to(path)
    assert os.path.getsize(path) == int(sys.argv[5])

async def awork(client, warm=False):
    if warm:
        await client.files.upload("files/b/x", b"small")
        return peak()
    await (await client.files.download("files/b/x")).awrite_to(path)
    assert os.path.getsize(path) == int(sys.argv[5])
"""

pytestmark = [
    long,
    pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="the kernel does not tell the peak here"),
]


def measure(kind, work, url, path, most, size):
    script = MEASURE.replace("{work}", work)
    command = [sys.executable, "-c", script, kind, url, str(path), str(most), str(size)]
    environment = {**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(aidial_min.__file__))}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("work", [FROM_FILE, FROM_PIPE], ids=["file", "pipe"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_upload_of_300_mib(kind, work, tmp_path):
    path, size = tmp_path / "large.bin", 300 * MIB
    with open(path, "wb") as file:
        file.truncate(size)
    with BulkServer() as server:
        measure(kind, work, server.url, path, 40, size)
        assert len(server.received) == 2 and server.received[1] > size


@pytest.mark.parametrize("work", [ITERATED, TO_DISK], ids=["iterated", "disk"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_download_of_100_mib(kind, work, tmp_path):
    size = 100 * MIB
    with BulkServer(size) as server:
        measure(kind, work, server.url, tmp_path / "target.bin", 24, size)
