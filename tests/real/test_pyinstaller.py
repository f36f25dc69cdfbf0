"""PyInstaller packs the library into a folder and the command line into one file, and both work.

PYINSTALLER_PYTHON names a Python that has PyInstaller; without it these tests are skipped.
"""

import os
import subprocess
from pathlib import Path

import pytest

from aidial_min.testing import DialServer

PYTHON = os.environ.get("PYINSTALLER_PYTHON")
ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(not PYTHON, reason="PYINSTALLER_PYTHON names no Python with PyInstaller")

LIBRARY = """
import asyncio
import sys

import aidial_min
import aidial_min.types
from aidial_min import AsyncDial, Dial

settings = dict(base_url=sys.argv[1], api_key=sys.argv[2])
ask = dict(deployment_name="calculator", messages=[{"role": "user", "content": "2+3="}])


async def main():
    async with AsyncDial(**settings) as client:
        return await client.chat.completions.create(**ask)


with Dial(**settings) as client:
    print(client.chat.completions.create(**ask).choices[0].message.content)
    print(client.files.upload(client.my_files_home() / "a.txt", b"abc").name)
print(asyncio.run(main()).choices[0].message.content)
for package in (aidial_min, aidial_min.types):
    for name in package.__all__:  # each is loaded when it is asked for
        getattr(package, name)
for made in (client, AsyncDial(**settings)):
    print(len([getattr(made, name) for name in dir(made) if name[0] != "_"]) > 20)
"""

COMMAND_LINE = "from aidial_min.__main__ import main; raise SystemExit(main())\n"  # as in README.md


def pack(folder, name, source, *options):
    """Pack a program; returns the file that runs it."""
    (folder / (name + ".py")).write_text(source)
    words = [PYTHON, "-m", "PyInstaller", "--log-level", "ERROR", "--paths", ROOT, *options, name + ".py"]
    done = subprocess.run(words, cwd=folder, capture_output=True, timeout=580)
    assert done.returncode == 0, done.stderr.decode()
    found = [path for path in (folder / "dist").rglob(name + "*") if path.is_file() and path.suffix in ("", ".exe")]
    return found[0]


def run(*words, **environment):
    done = subprocess.run(
        list(map(str, words)),
        env={**os.environ, **environment},
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
    )
    return done.returncode, done.stdout.decode().replace("\r\n", "\n"), done.stderr.decode()


def test_the_library_in_a_folder(tmp_path):
    program = pack(tmp_path, "program", LIBRARY, "--onedir")
    with DialServer() as server:
        code, out, err = run(program, server.url, server.api_key, NO_PROXY="127.0.0.1")
    assert (code, out) == (0, "5\na.txt\n5\nTrue\nTrue\n"), err


def test_the_command_line_in_one_file(tmp_path):
    from aidial_min.cli import COMMANDS

    dial = pack(tmp_path, "dial", COMMAND_LINE, "--onefile")
    assert run(dial, "demo")[0] == 0
    with DialServer() as server:
        environment = dict(DIAL_URL=server.url, DIAL_API_KEY=server.api_key, NO_PROXY="127.0.0.1")
        assert run(dial, "chat", "-d", "calculator", "2+3=", **environment)[:2] == (0, "5\n")
    for name in COMMANDS:
        code, out, err = run(dial, name, "--help")
        assert code == 0 and out.startswith("usage: dial %s " % name), err
