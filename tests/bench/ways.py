"""The ways to be compared inside one process: each makes its client once, and then does one thing again and again.

A way has a method for each action of the table in bench.py that it can carry out; a way whose package is not installed
is left out (`installed`).
"""

import asyncio
import http.client
import importlib
import importlib.util
import json
import os
import ssl
import threading
from collections import namedtuple

from server import CHUNKS, DEPLOYMENTS, PACED

Place = namedtuple("Place", "port tls_port certificate tls")
"""Where the server is, and whether it is to be talked to over TLS."""

PATH = "/openai/deployments/echo/chat/completions"
MESSAGES = [{"role": "user", "content": "Tell me something, and make it short."}]
HEADERS = {"Api-Key": "key", "Content-Type": "application/json"}
IN_FLIGHT = 100
THREADS, CALLS = 64, 300
API_VERSION = "2024-10-21"


def url_of(place):
    return "https://127.0.0.1:%d" % place.tls_port if place.tls else "http://127.0.0.1:%d" % place.port


def trust(place):
    """Other clients find the server's certificate by the environment."""
    if place.tls:
        os.environ["SSL_CERT_FILE"] = place.certificate
    return url_of(place)


def request_body(stream=False, model="echo"):
    return json.dumps({"messages": MESSAGES, "model": model, "stream": stream}).encode()


def in_threads(task):
    """Let many threads do a task at once; an exception in one of them is raised here."""
    failed = []

    def run():
        try:
            task()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


class Plain:
    """http.client and json, as one writes it who needs nothing else."""

    def __init__(self, place):
        self.place = place
        self.context = ssl.create_default_context(cafile=place.certificate) if place.tls else None
        self.connection = self.connect()

    def connect(self):
        if self.context is None:
            return http.client.HTTPConnection("127.0.0.1", self.place.port)
        return http.client.HTTPSConnection("127.0.0.1", self.place.tls_port, context=self.context)

    def call(self, count):
        self.calls(self.connection, count)

    def calls(self, connection, count):
        for _ in range(count):
            connection.request("POST", PATH, body=request_body(), headers=HEADERS)
            assert json.loads(connection.getresponse().read())["choices"][0]["message"]["content"]

    def list(self, count):
        for _ in range(count):
            self.connection.request("GET", "/openai/deployments", headers=HEADERS)
            assert len(json.loads(self.connection.getresponse().read())["data"]) == DEPLOYMENTS

    def stream(self, count):
        for _ in range(count):
            self.read_stream("echo", CHUNKS)

    def paced(self, count):
        for _ in range(count):
            self.read_stream("paced", PACED)

    def read_stream(self, model, chunks):
        self.connection.request("POST", PATH, body=request_body(True, model), headers=HEADERS)
        seen = 0
        for line in self.connection.getresponse():
            if line.startswith(b"data: ") and line != b"data: [DONE]\n":
                seen += bool(json.loads(line[6:])["choices"][0]["delta"]["content"])
        assert seen == chunks

    def threads(self, count):
        def task():
            connection = self.connect()
            self.calls(connection, CALLS)
            connection.close()

        for _ in range(count):
            in_threads(task)

    def close(self):
        self.connection.close()


class PlainAsync:
    """asyncio's streams and json; every task has a connection of its own, which is kept."""

    HEAD = "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nApi-Key: key\r\nContent-Type: application/json\r\n" % PATH

    def __init__(self, place):
        self.place = place
        self.loop = asyncio.new_event_loop()
        self.connections = self.loop.run_until_complete(self.connect())

    async def connect(self):
        opening = [asyncio.open_connection("127.0.0.1", self.place.port) for _ in range(IN_FLIGHT)]
        return await asyncio.gather(*opening)

    async def one(self, reader, writer):
        body = request_body()
        writer.write((self.HEAD + "Content-Length: %d\r\n\r\n" % len(body)).encode() + body)
        await writer.drain()
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        pieces = []
        while True:
            size = int(await reader.readline(), 16)
            piece = await reader.readexactly(size + 2)
            if not size:
                break
            pieces.append(piece[:-2])
        assert json.loads(b"".join(pieces))["choices"][0]["message"]["content"]

    def in_flight(self, count):
        async def calls():
            for _ in range(count):
                await asyncio.gather(*[self.one(*connection) for connection in self.connections])

        self.loop.run_until_complete(calls())

    def close(self):
        for _, writer in self.connections:
            writer.close()
        self.loop.run_until_complete(asyncio.sleep(0.01))
        self.loop.close()


class Sync:
    """Dial, and sync clients that look like it."""

    named = {"deployment_name": "echo"}

    def __init__(self, package, place):
        settings = {"trust_env": False}
        if place.tls:
            settings["ca_bundle"] = place.certificate
        self.client = importlib.import_module(package).Dial(base_url=url_of(place), api_key="key", **settings)

    def call(self, count):
        create = self.client.chat.completions.create
        for _ in range(count):
            assert create(messages=MESSAGES, **self.named).choices[0].message.content

    def list(self, count):
        for _ in range(count):
            assert len(self.client.deployments.list()) == DEPLOYMENTS

    def stream(self, count):
        for _ in range(count):
            self.read_stream({}, CHUNKS)

    def paced(self, count):
        for _ in range(count):
            self.read_stream({"user": "paced"}, PACED)

    def read_stream(self, more, chunks):
        seen = 0
        for chunk in self.client.chat.completions.create(messages=MESSAGES, stream=True, **self.named, **more):
            seen += bool(chunk.choices[0].delta.content)
        assert seen == chunks

    def threads(self, count):
        for _ in range(count):
            in_threads(lambda: self.call(CALLS))

    def close(self):
        self.client.close()


class Async:
    """AsyncDial, and async clients that look like it."""

    named = {"deployment_name": "echo"}

    def __init__(self, package, place, keep=None):
        module = importlib.import_module(package)
        settings = {"trust_env": False}
        if keep is not None:
            settings["limits"] = module.Limits(max_keepalive_connections=keep)
        if place.tls:
            settings["ca_bundle"] = place.certificate
        self.loop = asyncio.new_event_loop()
        self.client = module.AsyncDial(base_url=url_of(place), api_key="key", **settings)

    async def one(self):
        answer = await self.client.chat.completions.create(messages=MESSAGES, **self.named)
        assert answer.choices[0].message.content

    def call(self, count):
        async def calls():
            for _ in range(count):
                await self.one()

        self.loop.run_until_complete(calls())

    def in_flight(self, count):
        async def calls():
            for _ in range(count):
                await asyncio.gather(*[self.one() for _ in range(IN_FLIGHT)])

        self.loop.run_until_complete(calls())

    def stream(self, count):
        for _ in range(count):
            self.loop.run_until_complete(self.read_stream({}, CHUNKS))

    def paced(self, count):
        for _ in range(count):
            self.loop.run_until_complete(self.read_stream({"user": "paced"}, PACED))

    async def read_stream(self, more, chunks):
        seen = 0
        made = await self.client.chat.completions.create(messages=MESSAGES, stream=True, **self.named, **more)
        async for chunk in made:
            seen += bool(chunk.choices[0].delta.content)
        assert seen == chunks

    def close(self):
        self.loop.run_until_complete(self.end())
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()

    async def end(self):
        await self.client.aclose()


class OfficialSync(Sync):
    """Dial of aidial-client."""

    def __init__(self, place):
        from aidial_client import Dial

        self.client = Dial(base_url=trust(place), api_key="key", api_version=API_VERSION)


class OfficialAsync(Async):
    """AsyncDial of aidial-client."""

    def __init__(self, place):
        from aidial_client import AsyncDial

        self.loop = asyncio.new_event_loop()
        self.client = AsyncDial(base_url=trust(place), api_key="key", api_version=API_VERSION)


class OpenAISync(Sync):
    """AzureOpenAI of openai."""

    named = {"model": "echo"}
    list = None  # it has no such call

    def __init__(self, place):
        from openai import AzureOpenAI

        self.client = AzureOpenAI(azure_endpoint=trust(place), api_key="key", api_version=API_VERSION)


class OpenAIAsync(Async):
    """AsyncAzureOpenAI of openai."""

    named = {"model": "echo"}

    def __init__(self, place):
        from openai import AsyncAzureOpenAI

        self.loop = asyncio.new_event_loop()
        self.client = AsyncAzureOpenAI(azure_endpoint=trust(place), api_key="key", api_version=API_VERSION)

    async def end(self):
        await self.client.close()


def ours(package, mark=""):
    """The ways of one copy of this package; `mark` tells them from those of another copy."""
    return {
        "Dial" + mark: lambda place: Sync(package, place),
        "AsyncDial" + mark: lambda place: Async(package, place),
        "AsyncDial, all kept" + mark: lambda place: Async(package, place, keep=IN_FLIGHT),
    }


PLAIN = {"http.client + json": Plain, "asyncio + json": PlainAsync}

OFFICIAL = {
    name: way
    for package, name, way in (
        ("aidial_client", "aidial-client", OfficialSync),
        ("aidial_client", "aidial-client, async", OfficialAsync),
        ("openai", "openai", OpenAISync),
        ("openai", "openai, async", OpenAIAsync),
    )
    if importlib.util.find_spec(package) is not None
}
"""The ways of other clients that are installed here; they are much slower, so that few rounds tell enough."""
