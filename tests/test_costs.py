"""What things cost, counted instead of timed: modules, classes, system calls, copies, memory, and how work grows.

tests/bench measures times; what is here must hold on any machine, however busy.
"""

import json
import os
import socket
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from aidial_min import Dial
from aidial_min.core.codings import AnswerReader
from aidial_min.core.http11 import Headers, ResponseReader
from aidial_min.core.urls import parse_base_url, parse_storage_url
from aidial_min.transport.connections import Place, Places
from aidial_min.transport.sync import Verbs
from tests.support.clients import KINDS, client_of, opened_download
from tests.support.growth import assert_linear
from tests.support.patience import PATIENCE
from tests.support.rawserver import RawServer

ROOT = Path(__file__).resolve().parents[1]
MIB = 1024 * 1024

MESSAGE = {"role": "assistant", "content": "words"}
COMPLETION = json.dumps({"id": "1", "choices": [{"index": 0, "finish_reason": "stop", "message": MESSAGE}]}).encode()
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(COMPLETION), COMPLETION)
SAID = [{"role": "user", "content": "x"}]


def ask(client):
    return client.chat.completions.create(deployment_name="echo", messages=SAID)


def in_new_process(code, *arguments):
    """Run code in a new interpreter and read the JSON that it prints last."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


# ---------------------------------------------------------------- starting

FIRST_ANSWER = """
import builtins, json, re, sys

classes, patterns, texts = [], [], []
build_class, compile_pattern, compile_text = builtins.__build_class__, re.compile, builtins.compile

def note_class(function, name, *bases, **options):
    if function.__module__.startswith("aidial_min"):
        classes.append("%s.%s" % (function.__module__, name))
    return build_class(function, name, *bases, **options)

def note_pattern(*arguments, **options):
    if sys._getframe(1).f_globals["__name__"].startswith("aidial_min"):
        patterns.append(arguments[0])
    return compile_pattern(*arguments, **options)

def note_text(source, *arguments, **options):
    if isinstance(source, str):  # imports of sources give bytes
        texts.append(source)
    return compile_text(source, *arguments, **options)

builtins.__build_class__, re.compile, builtins.compile = note_class, note_pattern, note_text
import aidial_min
imported = sorted(sys.modules)
if len(sys.argv) > 1:
    client = aidial_min.Dial(base_url=sys.argv[1], api_key="key-of-a-test", trust_env=False)
    client.chat.completions.create(deployment_name="echo", messages=[{"role": "user", "content": "x"}])
print(json.dumps({"imported": imported, "loaded": sorted(sys.modules), "classes": classes, "patterns": len(patterns),
                  "texts": texts}))
"""


@pytest.fixture(scope="module")
def first_answer():
    """What a process has loaded and made when its first answer has come."""
    with RawServer([ANSWER]) as server:
        return in_new_process(FIRST_ANSWER, server.url)


def ours(modules):
    return [name for name in modules if name.startswith("aidial_min")]


def test_importing_the_package_makes_no_class():
    found = in_new_process(FIRST_ANSWER)
    assert found["classes"] == [] and found["patterns"] == 0
    assert len(ours(found["imported"])) <= 4


ABSENT = """
asyncio dataclasses encodings.idna importlib inspect logging pathlib queue random ssl threading weakref zlib
aidial_min.api.texts aidial_min.core.completion_stream aidial_min.core.merge aidial_min.core.sse
aidial_min.transport.aio
""".split()


@pytest.mark.parametrize("module", ABSENT)
def test_a_first_answer_does_without(module, first_answer):
    if module in ("importlib", "random", "ssl", "weakref"):  # loaded with the interpreter, or with http.client, by some
        theirs = in_new_process("import http.client, json, sys; print(json.dumps(list(sys.modules)))")
        if module in theirs:
            pytest.skip("http.client loads it here")
    assert module not in first_answer["loaded"]


def test_a_first_answer_loads_a_part_of_the_package(first_answer):
    loaded = ours(first_answer["loaded"])
    assert len(loaded) <= 36, loaded
    assert not [name for name in loaded if name.split(".")[1:2] in (["cli"], ["testing"], ["compat"])]
    assert "aidial_min.transport.aio" not in loaded


def test_a_first_answer_makes_few_classes(first_answer):
    """Each costs 20 to 100 microseconds."""
    assert len(first_answer["classes"]) <= 120, first_answer["classes"]
    assert first_answer["patterns"] <= 3


def test_a_first_answer_compiles_no_text(first_answer):
    """`typing` compiles what stands as a text where it is evaluated: the first one costs as much as 50 classes."""
    assert first_answer["texts"] == []


# ---------------------------------------------------------------- system calls


class Counting(socket.socket):
    """Counts what is asked of the sockets that connect to a server, and keeps what they gave."""

    __slots__ = ("outgoing",)
    counts: "Counter[str]" = Counter()
    came: "list[bytes]" = []
    asked: "list[int]" = []

    def connect(self, address):
        self.outgoing = True
        self.counts["connect"] += 1
        super().connect(address)

    def _note(self, name):
        if getattr(self, "outgoing", False):
            self.counts[name] += 1

    def send(self, *arguments):
        self._note("send")
        return super().send(*arguments)

    def sendall(self, *arguments):
        self._note("send")
        return super().sendall(*arguments)

    def recv(self, size, *arguments):
        data = super().recv(size, *arguments)
        if getattr(self, "outgoing", False):
            self.counts["recv"] += 1
            self.came.append(data)
            self.asked.append(size)
        return data

    def recv_into(self, *arguments):
        size = super().recv_into(*arguments)
        self._note("recv")
        return size


@pytest.fixture
def counted(monkeypatch):
    """The counts of a test's client, whose sockets are counted ones."""
    Counting.counts, Counting.came, Counting.asked = Counter(), [], []
    monkeypatch.setattr(socket, "socket", Counting)
    return Counting


@pytest.mark.parametrize("kind", KINDS)
def test_ten_calls_are_one_connection_ten_sends_and_ten_receives(kind, counted):
    with RawServer([ANSWER]) as server, client_of(kind, base_url=server.url) as call:
        for _ in range(10):
            assert call(ask).choices[0].message.content == "words"
    assert counted.counts == {"connect": 1, "send": 10, "recv": 10}


@pytest.mark.parametrize("kind", KINDS)
def test_small_answers_are_received_into_little_memory(kind, counted):
    """What is larger than 128 KiB, the system maps for each of them, and takes back."""
    with RawServer([ANSWER]) as server, client_of(kind, base_url=server.url) as call:
        for _ in range(10):
            call(ask)
    assert max(counted.asked[1:]) <= 65536


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_takes_one_receive_for_each_packet(kind, counted):
    chunk = b'data: {"id": "1", "choices": [{"index": 0, "delta": {"content": "w"}}]}\n\n'
    packet = b"%x\r\n%s\r\n" % (len(chunk), chunk)
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    turns = [threading.Event() for _ in range(20)]
    script = [head + packet]
    for turn in turns:
        script += [turn, packet]
    script += [b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"]
    read = []

    def note(chunk):
        read.append(chunk.choices[0].delta.content)
        if len(read) <= len(turns):
            turns[len(read) - 1].set()

    def stream(client):
        if kind == "sync":
            for chunk in ask_for_stream(client):
                note(chunk)
            return None
        return astream(client)

    async def astream(client):
        async for chunk in await ask_for_stream(client):
            note(chunk)

    with RawServer([script]) as server, client_of(kind, base_url=server.url) as call:
        call(stream)
    assert read == ["w"] * 21
    assert counted.counts["send"] == 1
    assert 21 <= counted.counts["recv"] <= 22  # the last packet and the end may come together or apart


def ask_for_stream(client):
    return client.chat.completions.create(deployment_name="echo", messages=SAID, stream=True)


# ---------------------------------------------------------------- copies and memory


def test_a_download_hands_on_what_the_socket_gave(counted):
    """All but the piece that came with the head: no byte of the others is copied."""
    size = 8 * MIB
    with RawServer([[b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size, *[bytes(MIB)] * 8]]) as server:
        with Dial(base_url=server.url, api_key="key-of-a-test", trust_env=False) as client:
            with client.files.stream_download("files/b/x") as response:
                given = {id(piece): len(piece) for piece in keep(response)}
    came = {id(data) for data in counted.came}
    copied = sum(length for identity, length in given.items() if identity not in came)
    assert sum(given.values()) == size and copied <= 65536


def keep(pieces):
    """All of them at once, so that none is made where another one was."""
    return list(pieces)


LIMITED = """
import resource, sys
from aidial_min import Dial

def used():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()

with Dial(base_url=sys.argv[1], api_key="key-of-a-test", trust_env=False) as client:
    create = client.chat.completions.create
    asked = {"deployment_name": "echo", "messages": [{"role": "user", "content": "x"}]}
    for chunk in create(**asked, stream=True):
        pass
    client.files.download("files/b/x").get_content()
    most = used() + int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    try:
        bytearray(int(sys.argv[2]))
        print("the limit does not hold")
    except MemoryError:
        pass
    count = 0
    for chunk in create(**asked, stream=True):
        count += len(chunk.choices)
    with client.files.stream_download("files/b/x") as response:
        size = sum(map(len, response))
print([count, size])
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="the system does not tell here what is used")
def test_long_streams_and_large_files_pass_through_little_memory():
    """A stream of 20 MiB and a file of 100 MiB under a limit of 16 MiB more than is used before."""
    event = b'data: {"id": "1", "choices": [{"index": 0, "delta": {"custom_content": {"state": "%s"}}}]}\n\n' % (
        b"w" * 4000
    )
    small = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
    done = b"data: [DONE]\n\n"
    scripts = [
        [small + event + done],
        [b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx"],
        [small, *[event * 250] * 20, done],
        [b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (100 * MIB), *[bytes(MIB)] * 100],
    ]
    with RawServer(scripts) as server:
        assert in_new_process(LIMITED, server.url, 16 * MIB) == [5000, 100 * MIB]


# ---------------------------------------------------------------- growth


def of_chunks(size):
    wire = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"2\r\nab\r\n" * size + b"0\r\n\r\n"
    return lambda: read(ResponseReader("GET"), [wire[at : at + 4096] for at in range(0, len(wire), 4096)])


def of_chunks_byte_by_byte(size):
    wire = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"2;ext\r\nab\r\n" * size + b"0\r\n\r\n"
    return lambda: read(ResponseReader("GET"), [wire[at : at + 1] for at in range(len(wire))])


def of_one_chunk_in_pieces(size):
    pieces = [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n" % (64 * size), *[b"x" * 64] * size]
    return lambda: read(ResponseReader("GET"), [*pieces, b"\r\n0\r\n\r\n"])


def of_a_body_in_pieces(size):
    pieces = [b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (64 * size), *[b"x" * 64] * size]
    return lambda: read(ResponseReader("GET"), pieces)


def of_a_coded_body(size):
    import gzip

    data = gzip.compress(os.urandom(100 * size))
    pieces = [data[at : at + 100] for at in range(0, len(data), 100)]
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(data)
    return lambda: read(AnswerReader("GET"), [head, *pieces])


def of_a_head_byte_by_byte(size):
    wire = b"HTTP/1.1 200 OK\r\nx: " + b"y" * (10 * size) + b"\r\ncontent-length: 0\r\n\r\n"
    return lambda: read(ResponseReader("GET"), [wire[at : at + 1] for at in range(len(wire))])


def of_header_fields(size):
    pairs = [("name-%d" % (number % 50), "value") for number in range(size)]
    return lambda: Headers(pairs)


def of_path_segments(size):
    url, origin = "files/b/" + "/".join(["a%20b"] * size), parse_base_url("https://dial.example.com")
    return lambda: parse_storage_url(origin, url).path


def of_calls_that_wait(size):
    places = Places(10, Verbs())
    line = [Place(places) for _ in range(size)]

    def come_and_go():
        for place in line:
            places.enter(place)
        for place in line:
            places.give_back(place)

    return come_and_go


class Narrow(Counting):
    """Gives as little at a time as there surely is."""

    def recv(self, size, *arguments):
        return super().recv(min(size, 4096), *arguments)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("coded", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("use", ["pieces", "content", "disk"])
def test_ten_times_the_bytes_of_a_download_cost_about_ten_times_as_much(kind, coded, use, tmp_path, monkeypatch):
    import gzip

    monkeypatch.setattr(socket, "socket", Narrow)

    def download(client):
        response = opened_download(client)
        if kind == "async":
            return arrived(response)
        if use == "disk":
            return response.write_to(tmp_path / "x")
        return response.get_content() if use == "content" else list(response)

    async def arrived(coming):
        response = await coming
        if use == "disk":
            return await response.awrite_to(tmp_path / "x")
        return await response.aget_content() if use == "content" else [piece async for piece in response]

    with RawServer([b""]) as server, client_of(kind, debug=False, base_url=server.url) as call:

        def prepare(size):
            body = os.urandom(1000 * size)
            body = gzip.compress(body) if coded else body
            head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n" % len(body)
            server.scripts[:] = [[head + (b"content-encoding: gzip\r\n\r\n" if coded else b"\r\n") + body]]
            return lambda: call(download)

        prepare(1)()  # what the first call loads is no part of it
        assert_linear(prepare, 100)


def read(reader, pieces):
    for piece in pieces:
        reader.receive(piece)
        if reader.read_head() is not None:
            while reader.read_body():
                pass
    assert reader.done


@pytest.mark.parametrize(
    ("work", "size"),
    [
        (of_chunks, 3000),
        (of_chunks_byte_by_byte, 150),
        (of_one_chunk_in_pieces, 1500),
        (of_a_body_in_pieces, 3000),
        (of_a_coded_body, 300),
        (of_a_head_byte_by_byte, 300),
        (of_header_fields, 2000),
        (of_path_segments, 500),
        (of_calls_that_wait, 8000),
    ],
)
def test_ten_times_as_much_costs_about_ten_times_as_much(work, size):
    assert_linear(work, size)
