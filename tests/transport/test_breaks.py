"""Breaks at awkward moments: answers before the request is out, TLS that fails half-way, finalizers, cancellations.

They run for both clients where both are concerned.
"""

import _thread
import asyncio
import gc
import os
import socket
import ssl
import sys
import threading
import time
from contextlib import contextmanager

import pytest

from aidial_min import (
    AsyncDial,
    Dial,
    DialException,
    DialTimeoutError,
    InvalidRequestError,
    ProxyError,
    RequestTooLargeError,
    StreamInterruptedError,
    Timeout,
    TLSError,
)
from aidial_min.transport import atomic_file, sync
from tests.support.certificates import authority
from tests.support.clients import KINDS, client_of, opened_download
from tests.support.patience import PATIENCE, at_some_pace, until
from tests.support.proxy import Proxy
from tests.support.rawserver import CUT, EARLY, HOLD, RESET, RawServer
from tests.transport.scripts import BLOB, CHUNKED, DONE, SSE, chunks, delta, length, refused

STORED = length(b'{"url":"files/b/x"}')
OPENED = SSE + CHUNKED + chunks(delta("hello"), end=b"")


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def until_it_receives(thread):
    """Wait until a thread of the sync client waits for what its server says.

    No garbage is collected meanwhile: before 3.12, what it clears may wait for a lock that `_current_frames` holds.
    """

    def receives():
        gc.disable()
        try:
            frame = sys._current_frames().get(thread.ident)
        finally:
            gc.enable()
        while frame is not None and frame.f_code.co_filename != sync.__file__:
            frame = frame.f_back
        return frame is not None

    until(receives)


def bucket(client):
    return client.bucket.get_bucket()


def upload(content):
    return lambda client: client.files.upload("files/b/x", content)


def chat(content="x", **more):
    messages = [{"role": "user", "content": content}]
    return lambda client: client.chat.completions.create(deployment_name="m", messages=messages, **more)


def read_stream(client):
    stream = chat(stream=True)(client)
    if isinstance(client, Dial):
        return stream.result()

    async def read():
        return await (await stream).result()

    return read()


@contextmanager
def tls_server(behave):
    """A TLS server whose connections `behave(sock, stop)`; gives its port and the list of connections."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(str(authority() / "good.pem"))
    listener = socket.create_server(("127.0.0.1", 0))
    stop, seen = threading.Event(), []

    def one(raw):
        seen.append(raw)
        try:
            with context.wrap_socket(raw, server_side=True) as secured:
                behave(secured, stop)
        except OSError:
            pass

    def accept():
        while True:
            try:
                raw, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=one, args=(raw,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1], seen
    finally:
        stop.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def ca():
    return str(authority() / "ca.pem")


# ---------------------------------------------------------------- early answers


@pytest.mark.parametrize("size", [200_000, 12_000_000])
def test_an_early_answer_is_shown_though_the_server_hangs_up_at_once(kind, size):
    """design 5, Uploads. In asyncio a write that fails throws away what the kernel holds for us to read."""
    with RawServer([[EARLY, refused(413, b"too much"), CUT]]) as server:
        with client_of(kind, base_url=server.url, max_retries=0) as call:
            shown = 0
            for _ in range(8):
                try:
                    call(upload(b"z" * size))
                except RequestTooLargeError:
                    shown += 1
                except Exception:
                    pass
            assert shown >= 6  # a reset may overtake what was said before


def test_a_tls_connection_that_broke_while_sending_is_no_attribute_error(kind):
    """Before Python 3.11 asyncio's TLS transport has no write buffer any more once its connection is lost."""

    def early(sock, stop):
        sock.recv(65536)
        sock.sendall(refused(413, b"too much"))

    with tls_server(early) as (port, _):
        with client_of(kind, base_url="https://localhost:%d" % port, ca_bundle=ca(), max_retries=0) as call:
            for _ in range(10):
                with pytest.raises((RequestTooLargeError, ConnectionError, Exception)) as caught:
                    call(upload(b"z" * 8_000_000))
                assert not isinstance(caught.value, AttributeError)


# ---------------------------------------------------------------- limits


class Slow:
    """A file that takes its time: two minutes in all."""

    def __init__(self):
        self.pieces = 4000

    def read(self, size=-1):
        time.sleep(0.03)
        self.pieces -= 1
        return b"x" * 200_000 if self.pieces >= 0 else b""


def test_the_total_limit_ends_an_upload_whose_file_is_slow(kind):
    """design 4: a deadline bounds it all. Here the request went out whole, and then the limit was seen."""
    with RawServer([STORED]) as server:
        with client_of(kind, base_url=server.url, max_retries=0, timeout=Timeout(total=0.1)) as call:
            began = time.monotonic()
            with pytest.raises(DialTimeoutError) as caught:
                call(upload(("x", Slow())))
            assert caught.value.limit == "total" and time.monotonic() - began < PATIENCE


def test_a_post_that_tls_has_begun_to_send_is_not_sent_again(kind):
    """OpenSSL may have sent records of a piece for which it still says "want write": request_sent is "maybe"."""

    def scenario(pace):
        with tls_server(lambda sock, stop: stop.wait(PATIENCE)) as (port, seen):
            settings = {"ca_bundle": ca(), "max_retries": 1, "timeout": Timeout(write=0.4 * pace)}
            with client_of(kind, base_url="https://localhost:%d" % port, **settings) as call:
                with pytest.raises(DialTimeoutError) as caught:
                    call(chat("x" * 12_000_000))
                assert (caught.value.limit, caught.value.request_sent, len(seen)) == ("write", "maybe", 1)

    at_some_pace(scenario)


# ---------------------------------------------------------------- breaks


@contextmanager
def garbling(port, after):
    """A relay that spoils what the server sends after so many bytes."""
    listener = socket.create_server(("127.0.0.1", 0))
    sockets = [listener]

    def copy(source, sink, spoil):
        count = 0
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    return
                count += len(data)
                sink.sendall(bytes(byte ^ 255 for byte in data) if spoil and count > after else data)
        except OSError:
            pass

    def accept():
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", port))
            sockets.extend((client, server))
            threading.Thread(target=copy, args=(client, server, False), daemon=True).start()
            threading.Thread(target=copy, args=(server, client, True), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        for sock in sockets:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for sock in sockets:
            sock.close()


def test_tls_that_breaks_inside_an_answer_is_a_broken_answer(kind):
    """design 5: inside a body it is an interruption; it was TLSError with "should base_url begin with http://?"."""

    def scenario(pace):
        def answer(sock, stop):
            sock.recv(65536)
            sock.sendall(OPENED)
            time.sleep(0.2 * pace)  # so that the relay does not get both at once
            sock.sendall(chunks(delta("x" * 30_000), DONE))
            stop.wait(PATIENCE)

        with tls_server(answer) as (port, _), garbling(port, 6000) as relay:
            with client_of(kind, base_url="https://localhost:%d" % relay, ca_bundle=ca(), max_retries=0) as call:
                with pytest.raises(StreamInterruptedError) as caught:
                    call(read_stream)
                assert caught.value.partial.choices[0].message.content == "hello"

    at_some_pace(scenario)


@pytest.mark.parametrize("host", ["a" * 70 + ".test", ".leading.test"])
def test_a_name_that_tls_can_not_check_leaves_no_socket(host, recwarn):
    gc.collect()
    recwarn.clear()

    class Open(Proxy):
        def tunnel(self, client, target):
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            self.stopping.wait(PATIENCE)

    with Open() as proxy, client_of("async", base_url="https://" + host, proxy=proxy.url, max_retries=0) as call:
        with pytest.raises(TLSError):
            call(bucket)
        gc.collect()
    assert not [warning for warning in recwarn if "unclosed" in str(warning.message)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_tunnel_that_is_reset_before_the_handshake_leaves_no_socket(kind, recwarn):
    opened = b"HTTP/1.1 200 Connection established\r\n\r\n"
    settings = {"base_url": "https://localhost", "max_retries": 0}
    with RawServer([[opened, RESET]]) as proxy, client_of(kind, proxy=proxy.url, **settings) as call:
        for _ in range(5):
            with pytest.raises((TLSError, ProxyError)) as caught:
                call(bucket)
            assert caught.value.request_sent == "no"
            del caught
            gc.collect()
    assert not [warning for warning in recwarn if "unclosed" in str(warning.message)]


# ---------------------------------------------------------------- places, threads, cancellation


def test_a_stream_that_another_thread_closes_ends_at_once():
    """Closing a descriptor wakes nobody who waits for it: the reader sat there until `read`, the connection stayed."""
    left = threading.Event()
    settings = {"timeout": Timeout(read=2 * PATIENCE)}
    with RawServer([[OPENED, HOLD]]) as server, client_of("sync", base_url=server.url, **settings) as call:
        stream = call(chat(stream=True))
        next(stream)
        found = []

        def read():
            try:
                next(stream)
            except StreamInterruptedError as error:
                found.append(error.partial.choices[0].message.content)
            except Exception as error:
                found.append(error)
            left.set()

        thread = threading.Thread(target=read)
        thread.start()
        until_it_receives(thread)
        stream.close()
        at_once = left.wait(PATIENCE)
        thread.join()
        assert at_once and found == ["hello"]


def test_a_cancelled_download_to_disk_leaves_nothing_however_slow_the_disk(tmp_path, monkeypatch):
    """The thread that creates the file goes on after the cancellation."""
    opened, opening, go, made = atomic_file.TargetFile.open, threading.Event(), threading.Event(), threading.Event()

    def slow(self):
        opening.set()
        go.wait(PATIENCE)
        try:
            return opened(self)
        finally:
            made.set()

    monkeypatch.setattr(atomic_file.TargetFile, "open", slow)

    async def main(url):
        async with AsyncDial(base_url=url, api_key="key-of-a-test", trust_env=False) as client:
            response = await opened_download(client)
            task = asyncio.ensure_future(response.awrite_to(tmp_path / "target"))
            await asyncio.get_running_loop().run_in_executor(None, opening.wait, PATIENCE)
            task.cancel()
            asyncio.get_running_loop().call_later(0.05, go.set)
            with pytest.raises(asyncio.CancelledError):
                await task

    with RawServer([length(BLOB)]) as server:
        asyncio.run(main(server.url))
    assert made.wait(PATIENCE)
    until(lambda: os.listdir(tmp_path) == [])


def test_a_cancellation_while_the_file_is_put_in_its_place_is_not_lost(tmp_path, monkeypatch):
    """`discard` and `commit` ran at once in two threads: FileNotFoundError in place of CancelledError."""
    replace, replaced, go = os.replace, threading.Event(), threading.Event()

    def slow(source, target):
        replace(source, target)
        replaced.set()
        go.wait(PATIENCE)

    monkeypatch.setattr(atomic_file.os, "replace", slow)

    async def main(url):
        async with AsyncDial(base_url=url, api_key="key-of-a-test", trust_env=False) as client:
            response = await opened_download(client)
            task = asyncio.ensure_future(response.awrite_to(tmp_path / "target"))
            await asyncio.get_running_loop().run_in_executor(None, replaced.wait, PATIENCE)
            task.cancel()
            asyncio.get_running_loop().call_later(0.05, go.set)
            with pytest.raises(asyncio.CancelledError):
                await task

    with RawServer([length(BLOB)]) as server:
        asyncio.run(main(server.url))


def test_a_cancelled_connect_does_no_harm_to_the_next_socket_of_the_loop():
    """Its descriptor was closed before the loop had let go of it; the next socket with that number never woke."""

    async def main():
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        crowd = [socket.socket() for _ in range(3)]  # fills the backlog: who comes next waits
        for one in crowd:
            one.setblocking(False)
            one.connect_ex(address)
        await asyncio.sleep(0.1)
        client = AsyncDial(base_url="http://127.0.0.1:%d" % address[1], api_key="key-of-a-test", trust_env=False)
        task = asyncio.ensure_future(client.bucket.get_bucket())
        await asyncio.sleep(0.2)
        task.cancel()
        other = asyncio.ensure_future(asyncio.open_connection(*address))
        with pytest.raises(asyncio.CancelledError):
            await task

        def accept():
            time.sleep(0.2)
            try:
                while True:
                    crowd.append(listener.accept()[0])
            except OSError:
                pass

        thread = threading.Thread(target=accept)
        thread.start()
        done, _ = await asyncio.wait({other}, timeout=PATIENCE)
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
        for one in crowd:
            one.close()
        await client.aclose()
        assert done, "it waits for ever"
        other.result()[1].transport.abort()
        await asyncio.sleep(0)

    asyncio.run(main())


# ---------------------------------------------------------------- the stop button


def subscribed(client):
    return client.resources.subscribe(["files/b/x"])


EVENT = SSE + CHUNKED + chunks(b'data: {"url":"files/b/x","action":"UPDATE","timestamp":1}\n\n', end=b"")


def test_a_subscription_that_another_thread_closes_just_ends():
    with RawServer([[EVENT, HOLD]]) as server, client_of("sync", base_url=server.url) as call:
        events = call(subscribed)
        found = [next(events)]
        thread = threading.Thread(target=lambda: found.extend([*events, "its end"]))
        thread.start()
        until_it_receives(thread)
        events.close()
        thread.join(PATIENCE)
        assert found[1:] == ["its end"]


def test_so_does_one_that_another_task_closes():
    async def main(url):
        async with AsyncDial(base_url=url, api_key="key-of-a-test", trust_env=False) as client:
            events = await subscribed(client)
            await events.__anext__()
            reading = asyncio.ensure_future(read(events))
            await asyncio.sleep(0.02)
            await events.close()
            assert await asyncio.wait_for(reading, PATIENCE) == []
            stream = await chat(stream=True)(client)
            await stream.__anext__()
            reading = asyncio.ensure_future(read(stream))
            await asyncio.sleep(0.02)
            await stream.close()
            with pytest.raises(StreamInterruptedError, match="the stream was closed") as caught:
                await asyncio.wait_for(reading, PATIENCE)
            assert caught.value.partial.choices[0].message.content == "hello"

    async def read(events):
        return [event async for event in events]

    with RawServer([[EVENT, HOLD], [OPENED, HOLD]]) as server:
        asyncio.run(main(server.url))


def test_one_reader_at_a_time_can_read_a_stream():
    with RawServer([[OPENED, HOLD]]) as server, client_of("sync", base_url=server.url) as call:
        stream = call(chat(stream=True))
        next(stream)
        failed = []

        def read():
            try:
                next(stream)
            except DialException as error:
                failed.append(error)

        thread = threading.Thread(target=read)
        thread.start()
        until_it_receives(thread)
        with pytest.raises(InvalidRequestError, match="another thread or task"):
            next(stream)
        stream.close()
        thread.join(PATIENCE)
        assert len(failed) == 1 and "closed" in str(failed[0])


def test_ctrl_c_that_another_thread_took_ends_a_wait_that_has_begun(monkeypatch):
    monkeypatch.setattr("aidial_min.transport.verbs.LOOK_AGAIN", 0.1)
    ended, late = threading.Event(), []
    with RawServer([[OPENED, HOLD]]) as server, client_of("sync", base_url=server.url) as call:
        stream = call(chat(stream=True))
        next(stream)

        def interrupt():
            until_it_receives(threading.main_thread())
            _thread.interrupt_main()
            if not ended.wait(PATIENCE):
                late.append(True)
                stream.close()

        thread = threading.Thread(target=interrupt)
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            next(stream)
        ended.set()
        thread.join(PATIENCE)
        assert not late


def test_one_task_at_a_time_too():
    async def main(url):
        async with AsyncDial(base_url=url, api_key="key-of-a-test", trust_env=False) as client:
            stream = await chat(stream=True)(client)
            await stream.__anext__()
            first = asyncio.ensure_future(stream.__anext__())
            await asyncio.sleep(0.02)
            with pytest.raises(InvalidRequestError, match="another thread or task"):
                await stream.__anext__()
            first.cancel()
            await asyncio.wait({first})

    with RawServer([[OPENED, HOLD]]) as server:
        asyncio.run(main(server.url))
