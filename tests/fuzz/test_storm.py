"""A storm: many threads or tasks over few connections, and a server that fails three times in ten.

Every answer belongs to its request, no POST is served twice, and every place in the pool comes back. FUZZ makes it
longer (to about a minute).
"""

import asyncio
import socket
import ssl
import struct
import threading
from collections import Counter
from random import Random

import pytest

from aidial_min import AsyncDial, Dial, DialException, Limits, Timeout
from tests.support.certificates import authority
from tests.support.patience import PATIENCE

from .cases import TIMES

THREADS, TASKS, PLACES = 64, 200 if TIMES == 1 else 2000, 50
EACH = min(2 * TIMES, 40)
"""Calls of every thread."""

REFUSED = ("429", "503")
"""Statuses that say that nothing was done: the only ones after which a POST may be sent again."""
FAULTS = ("reset", "close", "cut head", "cut body", "no chunk", "no head", "502", "504", *REFUSED)


def content_of(name):
    """What the answer to a request holds: a content of its own, of a size of its own."""
    return ("%s " % name) * Random(name).randint(1, 3000)


class StormServer:
    """Answers `METHOD /v1/storm/NAME`, or fails; what it has done is counted in `served` by name."""

    def __init__(self, tls):
        self.served = Counter()
        self.faults = Counter()
        self.meeting = threading.Barrier(PLACES)
        self._lock = threading.Lock()
        self._context = None
        if tls:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(authority() / "good.pem")
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=500)
        self.url = "%s://127.0.0.1:%d" % ("https" if tls else "http", self._listener.getsockname()[1])
        self._threads = []
        self._accepting = threading.Thread(target=self._accept)

    def __enter__(self):
        self._accepting.start()
        return self

    def __exit__(self, *exc):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive(), "a connection was never closed"

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self._threads = [thread for thread in self._threads if thread.is_alive()]
            self._threads.append(threading.Thread(target=self._serve, args=(sock,)))
            self._threads[-1].start()

    def _serve(self, sock):
        try:
            sock.settimeout(PATIENCE)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context is not None:
                sock = self._context.wrap_socket(sock, server_side=True)
            with sock.makefile("rb") as file:
                while self._answer(sock, file):
                    pass
        except OSError:
            pass  # the client has left
        finally:
            sock.close()

    def _answer(self, sock, file):
        """Answer one request; whether the connection can carry another one."""
        words = file.readline().split()
        if not words:
            return False
        length = 0
        for line in iter(file.readline, b"\r\n"):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        file.read(length)
        name = words[1].decode().rpartition("/")[2]
        if name == "meeting":
            self.meeting.wait(PATIENCE)
            sock.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            return True
        with self._lock:
            random = Random("%s %d" % (name, self.faults[name]))
            fault = random.choice(FAULTS) if random.random() < 0.3 else None
            self.faults[name] += 1
            if fault not in REFUSED:
                self.served[name] += 1
        return self._play(sock, fault, content_of(name).encode(), random)

    def _play(self, sock, fault, body, random):
        if fault == "reset":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if fault == "close":
            return False
        if fault == "no head":
            sock.sendall(b"220 mail.example ESMTP\r\n")
            return False
        if fault in ("502", "504", *REFUSED):
            head = "HTTP/1.1 %s Fault\r\nretry-after-ms: 1\r\ncontent-length: 5\r\n\r\nfault" % fault
            sock.sendall(head.encode())
            return True
        if random.random() < 0.5 and fault != "no chunk":
            wire = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body
        else:
            cut = random.randrange(len(body))
            pieces = [piece for piece in (body[:cut], body[cut:]) if piece]
            wire = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
            wire += b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
            wire += b"wrong\r\n" if fault == "no chunk" else b"0\r\n\r\n"
        if fault in ("cut head", "cut body"):
            whole = wire.index(b"\r\n\r\n") + 3 if fault == "cut head" else len(wire)
            wire = wire[: random.randrange(whole // 2, whole)]
        cut = random.randrange(len(wire))
        sock.sendall(wire[:cut])
        sock.sendall(wire[cut:])
        return fault is None and random.random() < 0.9  # else the connection ends without a word


def plan(number):
    """Method and name of a call."""
    return ("POST", "GET", "PUT", "POST")[number % 4], "%d" % number


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    """Whoever tries again does so at once: what is played here is a crowd, not its pauses."""
    monkeypatch.setattr("aidial_min.core.retry.FIRST_DELAY", 0.002)


def settings_of(server):
    return {
        "base_url": server.url,
        "api_key": "key-of-a-test",
        "trust_env": False,
        "max_retries": 12,
        "limits": Limits(max_connections=PLACES, max_keepalive_connections=20),
        "timeout": Timeout(connect=PATIENCE, read=PATIENCE, write=PATIENCE, pool=PATIENCE * TASKS / PLACES),
        **({"ca_bundle": str(authority() / "ca.pem")} if server.url.startswith("https") else {}),
    }


def check(server, outcomes, count):
    """Every call ended, with its own answer or with an error that was to be expected."""
    assert len(outcomes) == count
    for number, outcome in outcomes.items():
        method, name = plan(number)
        if isinstance(outcome, DialException):
            assert method == "POST", "%s %s: %r" % (method, name, outcome)
        else:
            assert outcome == content_of(name)
        if method == "POST":
            assert server.served[name] <= 1, "POST %s was served %d times" % (name, server.served[name])
    failed = sum(isinstance(outcome, DialException) for outcome in outcomes.values())
    assert 0 < failed < count / 2  # it was a storm
    print("%d calls, %d requests, %d errors" % (count, sum(server.faults.values()), failed))


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_a_storm_over_threads(tls):
    outcomes = {}
    with StormServer(tls) as server, Dial(**settings_of(server)) as client:

        def call(number):
            method, name = plan(number)
            try:
                answer = client.request(method, "/v1/storm/" + name, json=None if method == "GET" else {"n": name})
                outcomes[number] = answer.text
            except DialException as error:
                outcomes[number] = error

        def calls(first):
            for number in range(first, THREADS * EACH, THREADS):
                call(number)

        def meet(number):
            outcomes[number] = client.request("GET", "/v1/meeting").status_code

        in_threads(calls, THREADS)
        check(server, outcomes, THREADS * EACH)
        outcomes.clear()
        in_threads(meet, PLACES)  # they answer when all places are taken at once
        assert list(outcomes.values()) == [200] * PLACES


def in_threads(task, count):
    threads = [threading.Thread(target=task, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_a_storm_over_tasks(tls):
    outcomes = {}

    async def storm():
        async with AsyncDial(**settings_of(server)) as client:

            async def call(number):
                method, name = plan(number)
                try:
                    body = None if method == "GET" else {"n": name}
                    outcomes[number] = (await client.request(method, "/v1/storm/" + name, json=body)).text
                except DialException as error:
                    outcomes[number] = error

            await asyncio.gather(*[call(number) for number in range(TASKS)])
            check(server, outcomes, TASKS)
            met = await asyncio.gather(*[client.request("GET", "/v1/meeting") for _ in range(PLACES)])
            assert [answer.status_code for answer in met] == [200] * PLACES

    with StormServer(tls) as server:
        asyncio.run(storm())
