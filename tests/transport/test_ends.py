"""Ends that are no ends: an answer that lasts until its connection closes is whole only where the server said so.

A reset, TLS without its close_notify, and a connection that our own side closed are interruptions: a part of a file
must never look like the file. Every way of reading, over http and https, in both clients.
"""

import asyncio
import socket
import ssl
import struct
import threading
from contextlib import contextmanager

import pytest

from aidial_min import (
    AsyncDial,
    Dial,
    DialConnectionError,
    ParsingDataError,
    ResponseInterruptedError,
    StreamInterruptedError,
)
from tests.support.certificates import authority
from tests.support.clients import KINDS, client_of
from tests.support.patience import PATIENCE
from tests.support.rawserver import GOOD, RawServer
from tests.transport.scripts import DONE, JSON, OK, SSE, delta, length

CHAT = {"deployment_name": "m", "messages": [{"role": "user", "content": "x"}], "stream": True}
EVENT = b'data: {"url":"files/b/x","action":"UPDATE","timestamp":1}\n\n'
ANSWERS = {
    "JSON": OK + b"\r\n" + JSON,
    "content": OK + b"\r\n" + b"z" * 300_000,
    "disk": OK + b"\r\n" + b"z" * 300_000,
    "events": SSE + b"\r\n" + EVENT,
    "chat": SSE + b"\r\n" + delta("hello"),
}


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def read(what, target):
    """A function that reads an answer to its end, whichever client it is given."""
    return lambda client: (read_blocking if isinstance(client, Dial) else read_waiting)(client, what, target)


def read_blocking(client, what, target):
    if what == "JSON":
        return client.bucket.get_bucket()
    if what == "content":
        return client.files.download("files/b/x").get_content()
    if what == "disk":
        return client.files.download("files/b/x").write_to(target)
    if what == "events":
        return list(client.resources.subscribe(["files/b/x"]))
    return client.chat.completions.create(**CHAT).result()


async def read_waiting(client, what, target):
    if what == "JSON":
        return await client.bucket.get_bucket()
    if what == "content":
        return await (await client.files.download("files/b/x")).aget_content()
    if what == "disk":
        return await (await client.files.download("files/b/x")).awrite_to(target)
    if what == "events":
        return [event async for event in await client.resources.subscribe(["files/b/x"])]
    return await (await client.chat.completions.create(**CHAT)).result()


@contextmanager
def ending(answer, end, secure):
    """A server that answers and then ends the connection: "clean", "reset" or, with TLS, "ragged"; gives its URL."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if secure:
        context.load_cert_chain(str(authority() / "good.pem"))
    listener = socket.create_server(("127.0.0.1", 0))

    def one(raw):
        sock = context.wrap_socket(raw, server_side=True, suppress_ragged_eofs=False) if secure else raw
        with sock:
            sock.recv(65536)
            sock.sendall(answer)
            if end == "clean" and secure:
                sock = sock.unwrap()
            if end == "reset":
                threading.Event().wait(0.05)  # else it may overtake what was sent before
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def serve():
        while True:
            try:
                raw, _ = listener.accept()
            except OSError:
                return
            try:
                one(raw)
            except OSError:
                pass  # the client left first

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield "%s://localhost:%d" % ("https" if secure else "http", listener.getsockname()[1])
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def settings(secure):
    return {"max_retries": 0, "ca_bundle": str(authority() / "ca.pem") if secure else None}


@pytest.mark.parametrize("what", ANSWERS)
@pytest.mark.parametrize(("end", "secure"), [("reset", False), ("reset", True), ("ragged", True)])
def test_an_end_that_nobody_announced_is_an_interruption(kind, what, end, secure, tmp_path):
    with ending(ANSWERS[what], end, secure) as url, client_of(kind, base_url=url, **settings(secure)) as call:
        with pytest.raises(DialConnectionError) as caught:
            call(read(what, tmp_path / "x"))
    assert type(caught.value) is (StreamInterruptedError if what == "chat" else ResponseInterruptedError)
    assert caught.value.request_sent == "yes" and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("what", ANSWERS)
@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
def test_an_announced_end_is_the_end(kind, what, secure, tmp_path):
    answer = ANSWERS[what] + (DONE if what == "chat" else b"")
    with ending(answer, "clean", secure) as url, client_of(kind, base_url=url, **settings(secure)) as call:
        call(read(what, tmp_path / "x"))
    assert what != "disk" or (tmp_path / "x").read_bytes() == b"z" * 300_000


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
def test_nor_is_an_answer_whole_because_another_thread_closed_it(secure, tmp_path):
    with holding(ANSWERS["content"], secure) as url, Dial(base_url=url, api_key="k", **settings(secure)) as client:
        response = client.files.download("files/b/x")
        failed = []

        def write():
            try:
                response.write_to(tmp_path / "x")
            except ResponseInterruptedError as error:
                failed.append(error)

        thread = threading.Thread(target=write)
        thread.start()
        thread.join(0.05)
        response.close()
        thread.join(PATIENCE)
        assert len(failed) == 1 and "closed" in str(failed[0]) and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
def test_nor_because_another_task_closed_it(secure, tmp_path):
    async def main(url):
        async with AsyncDial(base_url=url, api_key="k", **settings(secure)) as client:
            async with client.files.stream_download("files/b/x") as response:
                writing = asyncio.ensure_future(response.awrite_to(tmp_path / "x"))
                await asyncio.sleep(0.05)
                await response.aclose()
                with pytest.raises(ResponseInterruptedError, match="closed"):
                    await asyncio.wait_for(writing, PATIENCE)

    with holding(ANSWERS["content"], secure) as url:
        asyncio.run(main(url))
    assert list(tmp_path.iterdir()) == []


@contextmanager
def holding(answer, secure):
    """A server that answers and then keeps the connection open in silence."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if secure:
        context.load_cert_chain(str(authority() / "good.pem"))
    listener = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def serve():
        raw, _ = listener.accept()
        with context.wrap_socket(raw, server_side=True) if secure else raw as sock:
            sock.recv(65536)
            sock.sendall(answer)
            done.wait(PATIENCE)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield "%s://localhost:%d" % ("https" if secure else "http", listener.getsockname()[1])
    finally:
        done.set()
        thread.join()
        listener.close()


@pytest.mark.parametrize("status", [201, 202, 204, 205, 206])
def test_a_download_that_is_not_answered_by_200_has_no_content(kind, status, tmp_path):
    body = b"" if status == 204 else b"part"
    answer = length(body).replace(b"200 OK", b"%d Some" % status)
    with RawServer([answer, answer, GOOD]) as server, client_of(kind, base_url=server.url) as call:
        for what in ("content", "disk"):
            with pytest.raises(ParsingDataError, match=str(status)) as caught:
                call(read(what, tmp_path / "x"))
            assert caught.value.request_sent == "yes" and caught.value.status_code == status
        assert call(lambda client: client.bucket.get_bucket()) == "b"
    assert list(tmp_path.iterdir()) == []
