"""What the client costs, beside plain http.client + json in the same run: a script, not a test.

    python3 tests/bench/bench.py [--quick]

The server is a process of its own, as plain as can be, so that its work is not counted. Times per call and per chunk
are CPU time of the client's process; rounds of the ways to be compared alternate, and medians are shown.
"""

import asyncio
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

MIB = 1024 * 1024
CHUNKS = 2000
PATH = "/openai/deployments/echo/chat/completions"
MESSAGES = [{"role": "user", "content": "Tell me something, and make it short."}]

# ---------------------------------------------------------------- the server

ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1724833500,
    "model": "echo",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Words " * 20}}],
    "usage": {"prompt_tokens": 11, "completion_tokens": 20, "total_tokens": 31},
}
STORED = {"name": "a", "bucket": "b", "url": "files/b/a", "nodeType": "ITEM", "resourceType": "FILE", "etag": "1"}


def answer(content_type, *pieces):
    """An answer with the fields that DIAL Core sends, chunked as Core's are."""
    head = "HTTP/1.1 200 OK\r\naccess-control-allow-origin: *\r\ntransfer-encoding: chunked\r\n"
    head += "date: Mon, 23 Nov 2026 23:30:50 GMT\r\nserver: uvicorn\r\ncontent-type: %s\r\n" % content_type
    head += "X-UPSTREAM-ATTEMPTS: 1\r\n\r\n"
    return head.encode() + b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def events():
    for number in range(CHUNKS):
        choice = {"index": 0, "finish_reason": None, "delta": {"content": "word %d " % number}}
        chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1724833500, "choices": [choice]}
        yield b"data: %s\n\n" % json.dumps(chunk).encode()
    yield b"data: [DONE]\n\n"


def serve():
    """Answer on a free port until the process is ended; the port is printed."""
    whole = answer("application/json", json.dumps(ANSWER).encode())
    stored = answer("application/json", json.dumps(STORED).encode())
    streamed = answer("text/event-stream", *events())
    piece = bytes(MIB)
    listener = socket.create_server(("127.0.0.1", 0), backlog=100)
    print(listener.getsockname()[1], flush=True)

    def talk(connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection, connection.makefile("rb") as file:
            while True:
                method, path, length = b"", b"", 0
                for line in iter(file.readline, b"\r\n"):
                    if not line:
                        return
                    if not method:
                        method, path, _ = line.split(b" ", 2)
                    elif line[:15].lower() == b"content-length:":
                        length = int(line[15:])
                body = b""
                while length > 0:
                    body = file.read(min(length, MIB))
                    length -= len(body)
                if method == b"GET":
                    count = int(path.rpartition(b"-")[2])
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (count * MIB))
                    for _ in range(count):
                        connection.sendall(piece)
                elif method == b"PUT":
                    connection.sendall(stored)
                else:
                    wants_stream = b'"stream":true' in body.replace(b" ", b"")
                    connection.sendall(streamed if wants_stream else whole)

    while True:
        threading.Thread(target=talk, args=(listener.accept()[0],), daemon=True).start()


# ---------------------------------------------------------------- the ways to be compared


def request_body(stream):
    return json.dumps({"messages": MESSAGES, "model": "echo", "stream": stream}).encode()


HEADERS = {"Api-Key": "key", "Content-Type": "application/json"}


class Plain:
    """http.client and json, as one writes it who needs nothing else."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port)

    def call(self, count):
        for _ in range(count):
            self.connection.request("POST", PATH, body=request_body(False), headers=HEADERS)
            response = self.connection.getresponse()
            assert json.loads(response.read())["choices"][0]["message"]["content"]

    def stream(self, count):
        for _ in range(count):
            self.connection.request("POST", PATH, body=request_body(True), headers=HEADERS)
            response = self.connection.getresponse()
            seen = 0
            for line in response:
                if line.startswith(b"data: ") and line != b"data: [DONE]\n":
                    seen += bool(json.loads(line[6:])["choices"][0]["delta"]["content"])
            assert seen == CHUNKS

    def close(self):
        self.connection.close()


class Sync:
    """Dial."""

    def __init__(self, port):
        from aidial_min import Dial

        self.client = Dial(base_url="http://127.0.0.1:%d" % port, api_key="key", trust_env=False)

    def call(self, count):
        create = self.client.chat.completions.create
        for _ in range(count):
            assert create(deployment_name="echo", messages=MESSAGES).choices[0].message.content

    def stream(self, count):
        create = self.client.chat.completions.create
        for _ in range(count):
            seen = 0
            for chunk in create(deployment_name="echo", messages=MESSAGES, stream=True):
                seen += bool(chunk.choices[0].delta.content)
            assert seen == CHUNKS

    def close(self):
        self.client.close()


class Async:
    """AsyncDial."""

    def __init__(self, port):
        from aidial_min import AsyncDial

        self.loop = asyncio.new_event_loop()
        self.client = AsyncDial(base_url="http://127.0.0.1:%d" % port, api_key="key", trust_env=False)

    def call(self, count):
        async def calls():
            create = self.client.chat.completions.create
            for _ in range(count):
                assert (await create(deployment_name="echo", messages=MESSAGES)).choices[0].message.content

        self.loop.run_until_complete(calls())

    def stream(self, count):
        async def calls():
            create = self.client.chat.completions.create
            for _ in range(count):
                seen = 0
                async for chunk in await create(deployment_name="echo", messages=MESSAGES, stream=True):
                    seen += bool(chunk.choices[0].delta.content)
                assert seen == CHUNKS

        self.loop.run_until_complete(calls())

    def close(self):
        self.loop.run_until_complete(self.client.aclose())
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()


WAYS = {"http.client + json": Plain, "Dial": Sync, "AsyncDial": Async}


def cpu(port, action, count, rounds):
    """Median CPU seconds of one call, for every way; their rounds alternate."""
    ways = {name: way(port) for name, way in WAYS.items()}
    taken = {name: [] for name in ways}
    for way in ways.values():
        getattr(way, action)(max(1, count // 10))
    for _ in range(rounds):
        for name, way in ways.items():
            began = time.process_time()
            getattr(way, action)(count)
            taken[name].append((time.process_time() - began) / count)
    for way in ways.values():
        way.close()
    return {name: statistics.median(values) for name, values in taken.items()}


# ---------------------------------------------------------------- what is measured in processes of its own

FRESH = "import sys, time; began = time.perf_counter(); port = int(sys.argv[1]); sys.path.insert(0, %r)\n%s\n"
FRESH += "print(time.perf_counter() - began)"

CLIENT = "Dial(base_url='http://127.0.0.1:%d' % port, api_key='key', trust_env=False)"
ASK = "create(deployment_name='echo', messages=[{'role': 'user', 'content': 'x'}])"
IMPORTS = {
    "http.client, json": "import http.client, json",
    "aidial_min": "import aidial_min",
    "Dial(...)": "from aidial_min import Dial; " + CLIENT,
    "AsyncDial(...)": "from aidial_min import AsyncDial; Async" + CLIENT,
    "asyncio": "import asyncio",
}
PLAIN_FIRST = """
import http.client, json
connection = http.client.HTTPConnection("127.0.0.1", port)
connection.request("POST", %r, body=json.dumps({"messages": []}).encode(), headers={"Api-Key": "key"})
json.loads(connection.getresponse().read())["choices"]
"""
FIRST_ANSWERS = {
    "http.client + json": PLAIN_FIRST % PATH,
    "Dial": "from aidial_min import Dial; %s.chat.completions.%s.choices[0]" % (CLIENT, ASK),
    "AsyncDial": """
import asyncio
from aidial_min import AsyncDial
async def main():
    async with Async%s as client:
        (await client.chat.completions.%s).choices[0]
asyncio.run(main())
"""
    % (CLIENT, ASK),
}


def fresh(port, code, rounds):
    """Median seconds that `code` takes in a new interpreter, without the interpreter's own start."""
    command = [sys.executable, "-c", FRESH % (str(ROOT), code), str(port)]
    with tempfile.TemporaryDirectory() as compiled:  # as after an installation; wherever else bytecode may not be kept
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": compiled}

        def once():
            return float(subprocess.run(command, capture_output=True, check=True, env=environment).stdout)

        once()  # the first run compiles
        return statistics.median(once() for _ in range(rounds))


TRANSFERS = {
    ("up", "http.client"): """
import http.client
connection = http.client.HTTPConnection("127.0.0.1", port)
with open(path, "rb") as file:
    connection.request("PUT", "/v1/files/b/a", body=file, headers={"Content-Length": str(size)})
    connection.getresponse().read()
""",
    ("up", "Dial"): """
with open(path, "rb") as file:
    client.files.upload("files/b/a", file)
""",
    ("up", "AsyncDial"): """
async def main():
    with open(path, "rb") as file:
        await async_client.files.upload("files/b/a", file)
    await async_client.aclose()
asyncio.run(main())
""",
    ("down", "http.client"): """
import http.client
connection = http.client.HTTPConnection("127.0.0.1", port)
connection.request("GET", "/v1/files/b/big-%d" % (size // 2**20))
response = connection.getresponse()
with open(path + ".copy", "wb") as file:
    for piece in iter(lambda: response.read(65536), b""):
        file.write(piece)
""",
    ("down", "Dial"): """
client.files.download("files/b/big-%d" % (size // 2**20)).write_to(path + ".copy")
""",
    ("down", "AsyncDial"): """
async def main():
    await (await async_client.files.download("files/b/big-%d" % (size // 2**20))).awrite_to(path + ".copy")
    await async_client.aclose()
asyncio.run(main())
""",
}
TRANSFER = """
import asyncio, sys, time
sys.path.insert(0, sys.argv[1])

def peak():
    try:  # of this program alone: ru_maxrss also counts what the process was before it became this program
        with open("/proc/self/status") as file:
            return int(file.read().partition("VmHWM:")[2].split()[0]) / 1024
    except OSError:
        import resource
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)

port, path, size = int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
from aidial_min import AsyncDial, Dial
client = Dial(base_url="http://127.0.0.1:%d" % port, api_key="key", trust_env=False)
async_client = AsyncDial(base_url="http://127.0.0.1:%d" % port, api_key="key", trust_env=False)
import aidial_min.api.files, aidial_min.transport.aio, aidial_min.types.metadata, http.client
before = peak()
began, began_cpu = time.perf_counter(), time.process_time()
exec(sys.argv[5])
taken, cpu = time.perf_counter() - began, time.process_time() - began_cpu
print(taken, cpu, peak() - before)
"""


def transfer(port, code, path, size, rounds):
    """Median (seconds, CPU seconds, MiB of memory grown) of one upload or download, each in a new process."""
    command = [sys.executable, "-c", TRANSFER, str(ROOT), str(port), path, str(size), code]

    def once():
        return tuple(map(float, subprocess.run(command, capture_output=True, check=True).stdout.split()))

    return tuple(statistics.median(values) for values in zip(*(once() for _ in range(rounds))))


# ---------------------------------------------------------------- the report


def show(title, unit, values, scale):
    """One table: each value, and its ratio to the first."""
    base = next(iter(values.values()))
    print("\n%s" % title)
    for name, value in values.items():
        print("  %-22s %9.1f %s   %5.2f x" % (name, value * scale, unit, value / base))


def transfers(port, size, rounds):
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "big")
        with open(path, "wb") as file:
            for _ in range(size // MIB):
                file.write(os.urandom(MIB))
        for direction in ("up", "down"):
            print("\n%d MiB %s, to and from a file (medians of %d)" % (size // MIB, direction, rounds))
            for (way, name), code in TRANSFERS.items():
                if way == direction:
                    taken, used, grown = transfer(port, code, path, size, rounds)
                    figures = (name, size / MIB / taken, used * 1000 * MIB / size, grown)
                    print("  %-22s %9.0f MiB/s   %6.2f ms CPU per MiB   +%.1f MiB of memory" % figures)


def main():
    quick = "--quick" in sys.argv
    rounds = 3 if quick else 9
    command = [sys.executable, "-I", __file__, "--serve"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as server:
        try:
            port = int(server.stdout.readline())
            print("CPython %s, %s" % (sys.version.split()[0], sys.platform))
            imports = {name: fresh(port, code, 2 * rounds + 1) for name, code in IMPORTS.items()}
            show("Start: seconds of import and construction in a new interpreter", "ms", imports, 1e3)
            firsts = {name: fresh(port, code, 2 * rounds + 1) for name, code in FIRST_ANSWERS.items()}
            show("Start: until the first answer, imports included", "ms", firsts, 1e3)
            show("CPU per whole call", "us", cpu(port, "call", 200 if quick else 1000, rounds), 1e6)
            streams = cpu(port, "stream", 2 if quick else 10, rounds)
            show("CPU per streamed chunk", "us", {name: value / CHUNKS for name, value in streams.items()}, 1e6)
            transfers(port, (20 if quick else 300) * MIB, 1 if quick else 3)
        finally:
            server.terminate()


if __name__ == "__main__":
    if "--serve" in sys.argv:
        serve()
    else:
        main()
