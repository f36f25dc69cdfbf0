"""What is measured in processes of their own: starting, memory, and the transfer of large files.

A way is a few lines of code for a new interpreter; `run` gives the CPU time of the whole process as the system counts
it, the time that passed, and what the code printed.
"""

import compileall
import os
import py_compile
import shutil
import subprocess
import sys
import time
from collections import namedtuple

Run = namedtuple("Run", "cpu wall printed")

FORMS = ("installed", "source", "layer")
"""How the package lies there: with its bytecode; without it, where none may be written; as a layer of a function."""


def prepare(package, folder):
    """Copies of the package in all forms below a folder, and whatever else is compared with it."""
    for form in FORMS:
        skipped = ["__pycache__", "*.pyc"] + (["cli", "testing"] if form == "layer" else [])
        target = os.path.join(folder, form, "aidial_min")
        shutil.copytree(package, target, ignore=shutil.ignore_patterns(*skipped))
        if form == "installed":
            assert compileall.compile_dir(target, quiet=1)
        if form == "layer":  # unpacked somewhere else and later: bytecode that does not ask for the time of its source
            mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
            assert compileall.compile_dir(target, quiet=1, invalidation_mode=mode)


def run(code, *arguments, options=()):
    """Run code in a new interpreter, isolated from the environment, and measure the whole process."""
    command = [sys.executable, "-I", "-B", *options, "-c", code, *map(str, arguments)]
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        printed = process.stdout.read().decode()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - began
    if process.returncode:
        raise RuntimeError("%r failed" % code)
    return Run(used.ru_utime + used.ru_stime, wall, printed)


def slowest_imports(code, count):
    """The modules that code imports in a new interpreter, those that take longest by themselves first."""
    command = [sys.executable, "-I", "-B", "-X", "importtime", "-c", code]
    reported = subprocess.run(command, capture_output=True, check=True, text=True).stderr.splitlines()
    own = [
        (int(line[12:].partition("|")[0]), line) for line in reported if line[12:].partition("|")[0].strip().isdigit()
    ]
    return [line for _, line in sorted(own, reverse=True)[:count]]


PATH_FIRST = "import sys; sys.path.insert(0, %r)\n"
"""Put a copy of the package where it is found."""

PEAK = """
with open("/proc/self/status") as status:
    print(int(status.read().partition("VmHWM:")[2].split()[0]) / 1024)
"""
"""Print the most memory that the process held, in MiB."""

IMPORTS = {
    "bare interpreter": "",
    "http.client + json": "import http.client, json",
    "aidial_min": "import aidial_min",
    "Dial(...)": "from aidial_min import Dial; Dial(base_url='http://127.0.0.1:1', api_key='key')",
    "AsyncDial(...)": "from aidial_min import AsyncDial; AsyncDial(base_url='http://127.0.0.1:1', api_key='key')",
    "asyncio": "import asyncio",
}

_PLAIN_FIRST = """
import http.client, json%s
connection = http.client.%s
body = json.dumps({"messages": [{"role": "user", "content": "x"}]}).encode()
headers = {"Api-Key": "key", "Content-Type": "application/json"}
connection.request("POST", "/openai/deployments/echo/chat/completions", body=body, headers=headers)
json.loads(connection.getresponse().read())["choices"][0]["message"]["content"]
"""
_FIRST = """
from aidial_min import Dial
client = Dial(base_url=%r, api_key='key'%s)
client.chat.completions.create(
    deployment_name='echo', messages=[{'role': 'user', 'content': 'x'}]
).choices[0].message.content
"""
_ASYNC_FIRST = """
import asyncio
from aidial_min import AsyncDial
async def main():
    async with AsyncDial(base_url=%r, api_key='key'%s) as client:
        answer = await client.chat.completions.create(
            deployment_name='echo', messages=[{'role': 'user', 'content': 'x'}]
        )
        answer.choices[0].message.content
asyncio.run(main())
"""
_OFFICIAL_FIRST = """
from aidial_client import Dial
client = Dial(base_url=%r, api_key='key', api_version='2024-10-21')
client.chat.completions.create(
    deployment_name='echo', messages=[{'role': 'user', 'content': 'x'}]
).choices[0].message.content
"""
_OPENAI_FIRST = """
from openai import AzureOpenAI
client = AzureOpenAI(azure_endpoint=%r, api_key='key', api_version='2024-10-21')
client.chat.completions.create(model='echo', messages=[{'role': 'user', 'content': 'x'}]).choices[0].message.content
"""


def first_answers(place, official):
    """Code for each way that starts, asks once, and ends."""
    if place.tls:
        context = "HTTPSConnection('127.0.0.1', %d, context=ssl.create_default_context(cafile=%r))"
        plain = _PLAIN_FIRST % (", ssl", context % (place.tls_port, place.certificate))
        url, more = "https://127.0.0.1:%d" % place.tls_port, ", ca_bundle=%r" % place.certificate
    else:
        plain = _PLAIN_FIRST % ("", "HTTPConnection('127.0.0.1', %d)" % place.port)
        url, more = "http://127.0.0.1:%d" % place.port, ""
    codes = {"http.client + json": plain, "Dial": _FIRST % (url, more), "AsyncDial": _ASYNC_FIRST % (url, more)}
    if "aidial-client" in official and not place.tls:
        codes["aidial-client"] = _OFFICIAL_FIRST % url
    if "openai" in official and not place.tls:
        codes["openai"] = _OPENAI_FIRST % url
    return codes


_TRANSFER = """
import sys, time
port, path, size = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])

def peak():
    with open("/proc/self/status") as status:
        return int(status.read().partition("VmHWM:")[2].split()[0]) / 1024

%s
before = peak()
began, began_cpu = time.perf_counter(), time.process_time()
%s
print(time.process_time() - began_cpu, time.perf_counter() - began, peak() - before)
"""
_PLAIN_CLIENT = """
import http.client
connection = http.client.HTTPConnection("127.0.0.1", port)
connection.request("PUT", "/v1/files/b/small", body=b"small")
connection.getresponse().read()
"""
_CLIENT = """
from aidial_min import Dial
client = Dial(base_url="http://127.0.0.1:%d" % port, api_key="key", trust_env=False)
client.files.upload("files/b/small", b"small")
"""
_ASYNC_CLIENT = """
import asyncio
from aidial_min import AsyncDial
loop = asyncio.new_event_loop()
client = AsyncDial(base_url="http://127.0.0.1:%d" % port, api_key="key", trust_env=False)
loop.run_until_complete(client.files.upload("files/b/small", b"small"))
"""

UPLOADS = {
    "http.client + json": _TRANSFER % (_PLAIN_CLIENT, """
with open(path, "rb") as file:
    connection.request("PUT", "/v1/files/b/a", body=file, headers={"Content-Length": str(size)})
    connection.getresponse().read()
"""),
    "Dial": _TRANSFER % (_CLIENT, """
with open(path, "rb") as file:
    client.files.upload("files/b/a", file)
"""),
    "AsyncDial": _TRANSFER % (_ASYNC_CLIENT, """
with open(path, "rb") as file:
    loop.run_until_complete(client.files.upload("files/b/a", file))
"""),
}  # fmt: skip
DOWNLOADS = {
    "http.client + json": _TRANSFER % (_PLAIN_CLIENT, """
connection.request("GET", "/v1/files/b/big-%d" % (size // 2**20))
response = connection.getresponse()
with open(path + ".copy", "wb") as file:
    for piece in iter(lambda: response.read(65536), b""):
        file.write(piece)
"""),
    "Dial": _TRANSFER % (_CLIENT, """
if hasattr(client.files, "stream_download"):
    with client.files.stream_download("files/b/big-%d" % (size // 2**20)) as response:
        response.write_to(path + ".copy")
else:
    client.files.download("files/b/big-%d" % (size // 2**20)).write_to(path + ".copy")
"""),
    "AsyncDial": _TRANSFER % (_ASYNC_CLIENT, """
async def work():
    if hasattr(client.files, "stream_download"):  # the whole content is not kept, as in the ways beside it
        async with client.files.stream_download("files/b/big-%d" % (size // 2**20)) as response:
            await response.awrite_to(path + ".copy")
    else:
        await (await client.files.download("files/b/big-%d" % (size // 2**20))).awrite_to(path + ".copy")
loop.run_until_complete(work())
"""),
}  # fmt: skip
