"""What may block in asyncio runs in threads of our own, inside the limits; where no thread is to be had, in place.

asyncio's own threads may all be busy with the user's work: nothing of ours waits for one.
"""

import asyncio
import gc
import os
import socket
import threading
import time
from contextlib import asynccontextmanager

import pytest

from aidial_min import AsyncDial, Dial, DialTimeoutError, InvalidRequestError, Limits, Timeout
from aidial_min.transport.verbs import begin
from tests.support.certificates import authority
from tests.support.clients import KINDS, client_of, opened_download
from tests.support.patience import PATIENCE, at_some_pace, until
from tests.support.rawserver import GOOD, HOLD, RawServer
from tests.transport.scripts import BLOB, length
from tests.transport.test_tls import tls_server

STORED = length(b'{"url":"files/b/x"}')


@asynccontextmanager
async def busy_executor():
    """asyncio's threads have other work to do, all of them."""
    free, loop = threading.Event(), asyncio.get_running_loop()
    jobs = [loop.run_in_executor(None, free.wait, PATIENCE) for _ in range(40)]
    try:
        yield
    finally:
        free.set()
        await asyncio.gather(*jobs)


class Pipe:
    """A file that blocks while it is read, and is not in memory."""

    def __init__(self):
        self.left = 3

    def read(self, size=-1):
        time.sleep(0.01)
        self.left -= 1
        return b"x" * 100_000 if self.left >= 0 else b""


def test_nothing_waits_for_the_threads_of_asyncio(tmp_path):
    async def main(url, secure):
        settings = {"api_key": "key-of-a-test", "trust_env": False, "max_retries": 0, "timeout": PATIENCE / 2}
        async with busy_executor(), AsyncDial(base_url=url.replace("127.0.0.1", "localhost"), **settings) as client:
            await client.files.upload("files/b/x", ("x", Pipe()))
            await (await client.files.download("files/b/x")).awrite_to(tmp_path / "x")
        async with AsyncDial(base_url=secure, ca_bundle=str(authority() / "ca.pem"), **settings) as client:
            assert await client.bucket.get_bucket() == "b"

    with RawServer([STORED, length(BLOB)]) as server, tls_server() as (secure, _, _):
        asyncio.run(main(server.url, secure))
    assert (tmp_path / "x").read_bytes() == BLOB


@pytest.mark.parametrize("limit", ["connect", "total"])
def test_a_resolver_that_is_silent_is_told_by_the_limit_it_passed(limit, monkeypatch):
    real, answers = socket.getaddrinfo, threading.Event()

    def silent(host, *rest, **more):
        if host == "dial.invalid" and socket.AI_NUMERICHOST not in rest:
            answers.wait(PATIENCE)
        return real(host, *rest, **more)

    async def main():
        timeout = Timeout(**{"connect": None, "total": None, limit: 0.05})
        async with busy_executor():
            async with AsyncDial(
                base_url="http://dial.invalid", api_key="k", timeout=timeout, trust_env=False
            ) as client:
                with pytest.raises(DialTimeoutError) as caught:
                    await client.with_options(max_retries=0).bucket.get_bucket()
                assert caught.value.limit == limit and "resolved" not in str(caught.value)

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    try:
        asyncio.run(main())
    finally:
        answers.set()


def test_the_total_limit_ends_an_upload_whose_file_never_gives_anything():
    class Silent:
        def read(self, size=-1):
            gone.wait(PATIENCE)
            return b""

    async def main(url):
        timeout = Timeout(total=0.05)
        async with AsyncDial(base_url=url, api_key="k", trust_env=False, timeout=timeout, max_retries=0) as client:
            with pytest.raises(DialTimeoutError) as caught:
                await client.files.upload("files/b/x", ("x", Silent()))
            assert caught.value.limit == "total"

    gone = threading.Event()
    with RawServer([STORED]) as server:
        asyncio.run(main(server.url))
    gone.set()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_writing_that_is_given_up_returns_though_the_disk_does_not(tmp_path):
    """Opening a pipe waits until somebody reads it."""
    os.mkfifo(tmp_path / "pipe")

    async def main(url):
        async with AsyncDial(base_url=url, api_key="k", trust_env=False) as client:
            response = await client.files.download("files/b/x")
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(response.awrite_to(tmp_path / "pipe"), 0.05)
            await response.awrite_to(tmp_path / "file")

    with RawServer([length(BLOB)]) as server:
        asyncio.run(main(server.url))
    assert (tmp_path / "file").read_bytes() == BLOB
    with open(os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK), "rb"):
        pass  # the thread that waited for a reader goes on, and ends


@pytest.mark.parametrize("kind", KINDS)
def test_without_threads_things_are_done_in_place(kind, monkeypatch, tmp_path):
    """At the end of a process, in an isolated subinterpreter, or beyond RLIMIT_NPROC."""

    def none(self):
        raise RuntimeError("can't start new thread")

    with RawServer([GOOD, STORED, length(BLOB)]) as server:
        with client_of(kind, base_url=server.url.replace("127.0.0.1", "localhost")) as call:
            call(lambda client: client.bucket.get_bucket())  # the server has its thread for this connection now
            monkeypatch.setattr(threading.Thread, "start", none)
            call(lambda client: client.files.upload("files/b/x", ("x", Pipe())))
            response = call(opened_download)
            call(lambda client: (response.write_to if kind == "sync" else response.awrite_to)(tmp_path / "x"))
            assert (tmp_path / "x").read_bytes() == BLOB
            with pytest.raises(Exception, match="connect"):  # a name is looked up, a connection refused
                call(lambda client: type(client)(base_url="http://localhost:1", api_key="k", max_retries=0).my_bucket())
            monkeypatch.undo()


# ---------------------------------------------------------------- files that are read by coroutines


class Uploaded:
    """As web frameworks give it: `read` is a coroutine."""

    filename = "x.bin"

    def __init__(self, content):
        self.content = content

    async def read(self, size=-1):
        await asyncio.sleep(0)
        piece, self.content = self.content[:size], self.content[size:]
        return piece

    async def seek(self, place):
        raise AssertionError("it is read as it comes")


def test_a_file_whose_read_is_a_coroutine_is_awaited():
    async def main(url):
        async with AsyncDial(base_url=url, api_key="k", trust_env=False) as client:
            await client.files.upload("files/b/x", ("x", Uploaded(BLOB)))

    with RawServer([STORED]) as server:
        asyncio.run(main(server.url))
        assert server.requests[0][2].count(BLOB[:1000]) >= 1 and b"chunked" in server.requests[0][1].encode()


@pytest.mark.parametrize("how", ["cancelled", "out of time"])
def test_its_read_ends_with_the_upload(how):
    at_some_pace(lambda pace: its_read_ends(how, pace))


def its_read_ends(how, pace):
    class Silent(Uploaded):
        ended = None

        async def read(self, size=-1):
            self.ended = asyncio.Event()
            try:
                await asyncio.Event().wait()
            finally:
                self.ended.set()

    async def main(url):
        file = Silent(b"")
        timeout = Timeout(total=pace if how == "out of time" else None)
        async with AsyncDial(base_url=url, api_key="k", trust_env=False, timeout=timeout) as client:
            task = asyncio.ensure_future(client.files.upload("files/b/x", ("x", file)))
            while file.ended is None and not task.done():
                await asyncio.sleep(0.01)
            if how == "cancelled":
                task.cancel()
            with pytest.raises((DialTimeoutError, asyncio.CancelledError)):
                await task
            await asyncio.wait_for(file.ended.wait(), PATIENCE)

    with RawServer([STORED]) as server:
        asyncio.run(main(server.url))


@pytest.mark.parametrize("how", ["cancelled", "out of time"])
@pytest.mark.parametrize("what", ["credential", "file"])
def test_what_fails_when_it_is_given_up_is_no_error_that_nobody_heard_of(what, how, caplog):
    begun = []

    async def fails(*_):
        begun.append(1)
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("it can not be ended like this")

    async def main(url):
        timeout = Timeout(total=0.2 if how == "out of time" else None)
        file = Uploaded(b"")
        file.read = fails
        key = fails if what == "credential" else "k"
        async with AsyncDial(base_url=url, api_key=key, trust_env=False, timeout=timeout) as client:
            task = asyncio.ensure_future(client.files.upload("files/b/x", ("x", file)))
            while not begun:
                await asyncio.sleep(0.01)
            if how == "cancelled":
                task.cancel()
            with pytest.raises((DialTimeoutError, asyncio.CancelledError)):
                await task
            while len(asyncio.all_tasks()) > 1:
                await asyncio.sleep(0.01)
        del task
        gc.collect()

    with RawServer([STORED]) as server:
        asyncio.run(main(server.url))
    assert [record.getMessage() for record in caplog.records] == []


def test_the_sync_client_says_that_it_can_not_await_it():
    with RawServer([STORED]) as server, Dial(base_url=server.url, api_key="k", trust_env=False) as client:
        with pytest.raises(InvalidRequestError, match="AsyncDial"):
            client.files.upload("files/b/x", ("x", Uploaded(BLOB)))
        assert server.requests == []


# ---------------------------------------------------------------- those who wait for a place


@pytest.mark.parametrize("kind", KINDS)
def test_calls_that_wait_for_a_place_end_when_the_client_is_closed(kind):
    settings = {"limits": Limits(max_connections=1), "timeout": Timeout(pool=None), "max_retries": 0}
    with RawServer([[HOLD], GOOD]) as server:
        if kind == "sync":
            failed = close_while_threads_wait(server.url, settings)
        else:
            failed = asyncio.run(close_while_tasks_wait(server.url, settings))
        assert len(failed) == 3 and all("closed" in str(error) for error in failed)
        assert server.connections == 1


def close_while_threads_wait(url, settings):
    client = Dial(base_url=url, api_key="k", trust_env=False, **settings)
    failed = []

    def ask():
        try:
            client.bucket.get_bucket()
        except InvalidRequestError as error:
            failed.append(error)
        except Exception:
            pass  # the one that has the connection: its server never answers

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    until(lambda: client._transport.statistics().waiting == 3)
    client.close()
    until(lambda: len(failed) == 3)
    return failed


async def close_while_tasks_wait(url, settings):
    client = AsyncDial(base_url=url, api_key="k", trust_env=False, **settings)
    tasks = [asyncio.ensure_future(client.bucket.get_bucket()) for _ in range(4)]
    while not tasks or client._transport.statistics().waiting < 3:
        await asyncio.sleep(0.01)
    await client.aclose()
    deadline = time.monotonic() + PATIENCE
    while sum(task.done() for task in tasks) < 3 and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
    failed = [task.exception() for task in tasks if task.done()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return failed


def test_ctrl_c_while_a_thread_starts_is_not_taken_for_no_thread():
    """Python's lock then says that it is not held; a thread that is not to be had is said otherwise."""

    class Interrupted(threading.Thread):
        def start(self):
            try:
                raise KeyboardInterrupt
            finally:
                threading.Lock().release()

    class NotToBeHad(threading.Thread):
        def start(self):
            raise RuntimeError("can't start new thread")

    with pytest.raises(KeyboardInterrupt):
        begin(Interrupted)
    assert not begin(NotToBeHad)
