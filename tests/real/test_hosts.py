"""Libraries that replace what this one stands on: each with a small program, over http and https.

They are looked for in the Python that AIDIAL_HOSTS_PYTHON names, else in this one; what it has not is skipped:

    python3 -m venv hosts && hosts/bin/pip install eventlet gevent truststore uvloop vcrpy
    AIDIAL_HOSTS_PYTHON=hosts/bin/python python3 -m pytest tests/real/test_hosts.py
"""

import functools
import os
import subprocess
import sys
from pathlib import Path

import pytest

from aidial_min.testing import DialServer
from tests.support.certificates import authority
from tests.support.front import Front
from tests.support.patience import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
PYTHON = os.environ.get("AIDIAL_HOSTS_PYTHON") or sys.executable

WORK = """
import asyncio, os, sys

from aidial_min import AsyncDial, Dial

ASKED = {"deployment_name": "calculator", "messages": [{"role": "user", "content": "2+3="}]}
SETTINGS = {"base_url": sys.argv[1], "api_key": "dial-key"}


def work(number, **settings):
    with Dial(**SETTINGS, **settings) as client:
        said = client.chat.completions.create(**ASKED).choices[0].message.content
        streamed = "".join(client.chat.completions.create(stream=True, **ASKED).text())
        file = client.my_files_home() / ("%d.txt" % number)
        client.files.upload(file, b"abc")
        return said + streamed + client.files.download(file).get_content().decode()


async def work_of_tasks(**settings):
    async with AsyncDial(**SETTINGS, **settings) as client:
        said = (await client.chat.completions.create(**ASKED)).choices[0].message.content
        stream = await client.chat.completions.create(stream=True, **ASKED)
        streamed = "".join([piece async for piece in stream.text()])
        file = await client.my_files_home() / "async.txt"
        await client.files.upload(file, b"abc")
        return said + streamed + (await client.files.download(file)).get_content().decode()
"""

EVENTLET = """
import eventlet

eventlet.monkey_patch()
%s
print(*eventlet.GreenPool().imap(work, range(3)))
"""

GEVENT = """
from gevent import monkey

monkey.patch_all()
import gevent
%s
jobs = [gevent.spawn(work, number) for number in range(3)]
gevent.joinall(jobs, raise_error=True)
print(*[job.value for job in jobs])
"""

UVLOOP = """
import uvloop
%s
async def three():
    return await asyncio.gather(work_of_tasks(), work_of_tasks(), work_of_tasks())

loop = uvloop.new_event_loop()
print(*loop.run_until_complete(three()))
loop.close()
"""

TRUSTSTORE = """
import ssl, truststore
%s
settings = {"ssl_context": truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)}
print(work(0, **settings), asyncio.run(work_of_tasks(**settings)), work(1, **settings))
"""

INJECTED = """
import truststore

truststore.inject_into_ssl()
%s
print(work(0), asyncio.run(work_of_tasks()), work(1))
"""

VCRPY = """
import vcr
%s
with vcr.use_cassette(os.devnull):
    work(0)
"""


@functools.lru_cache(maxsize=None)
def there():
    """Which of the libraries the Python has."""
    names = ["eventlet", "gevent", "uvloop", "truststore", "vcr"]
    code = "import importlib.util, sys; print(*[name for name in sys.argv[1:] if importlib.util.find_spec(name)])"
    found = subprocess.run([PYTHON, "-c", code, *names], stdout=subprocess.PIPE, timeout=PATIENCE, check=True)
    return found.stdout.decode().split()


def run(module, program, url):
    """What a program of a host prints, and its last line of stderr."""
    if module not in there():
        pytest.skip("AIDIAL_HOSTS_PYTHON names no Python with %s (see the top of this file)" % module)
    trusted = str(authority() / "ca.pem")
    kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    environment = {**kept, "PYTHONPATH": str(ROOT), "SSL_CERT_FILE": trusted}
    command = [PYTHON, "-W", "ignore::DeprecationWarning", "-c", program % WORK, url]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE)
    return done.stdout.decode(), done.stderr.decode().strip().rpartition("\n")[2]


@pytest.fixture(params=["http", "https"])
def url(request):
    with DialServer() as server:
        if request.param == "http":
            yield server.url
        else:
            with Front(server.port) as front:
                yield front.url


@pytest.mark.parametrize(
    ("module", "program"),
    [
        ("eventlet", EVENTLET),
        ("gevent", GEVENT),
        ("uvloop", UVLOOP),
        ("truststore", TRUSTSTORE),
        ("truststore", INJECTED),
    ],
    ids=["eventlet", "gevent", "uvloop", "truststore", "truststore in place of ssl"],
)
def test_a_program_works(module, program, url):
    answered, complaint = run(module, program, url)
    assert answered == "55abc 55abc 55abc\n", complaint


def test_what_opens_no_sockets_is_named_in_one_sentence(url):
    """vcrpy plays http.client; its cassettes are not ours, `DialServer(record=...)` makes those."""
    answered, complaint = run("vcr", VCRPY, url)
    assert answered == "" and complaint.startswith(
        "aidial_min.errors.ConnectError: http.client is replaced by vcr.patch, which opens no sockets"
    )
