"""What both clients do at the edges: slow readers, answers that come too early, places that nobody gave back, echoes.

Every test runs for the sync and for the async client, the latter in asyncio's debug mode.
"""

import asyncio
import base64
import gc
import gzip
import io
import os
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
from contextlib import contextmanager
from pathlib import PurePosixPath

import pytest

import aidial_min
from aidial_min import (
    AsyncDial,
    AuthenticationError,
    Dial,
    DialClientPool,
    DialConnectionError,
    DialException,
    DialTimeoutError,
    EtagMismatchError,
    InvalidRequestError,
    Limits,
    ParsingDataError,
    ProxyError,
    RemoteProtocolError,
    RequestTooLargeError,
    ResponseInterruptedError,
    ServerError,
    Timeout,
)
from aidial_min.core.http11 import ResponseReader
from tests.support.clients import KINDS, client_of, opened_download
from tests.support.command import at_once
from tests.support.patience import PATIENCE, at_some_pace, until
from tests.support.proxy import Proxy
from tests.support.rawserver import CUT, DEAF, EARLY, GOOD, HOLD, RESET, RawServer
from tests.transport.scripts import BLOB, DONE, SSE, chunks, delta, length, refused

CHAT = {"deployment_name": "m", "messages": [{"role": "user", "content": "x"}], "stream": True}
STORED = length(b'{"url":"files/b/x"}')
OPENED = SSE + b"transfer-encoding: chunked\r\n\r\n" + chunks(delta("hello"), end=b"")


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(autouse=True)
def asyncio_has_nothing_to_complain_of(caplog):
    yield
    gc.collect()
    records = caplog.get_records("call") + caplog.get_records("teardown")
    said = [record.getMessage() for record in records if record.name == "asyncio"]
    complaints = [words for words in said if "never" in words or "exception" in words.lower()]
    assert not [words for words in complaints if not words.startswith("Executing ")]  # it took long: a busy machine


def bucket(client):
    return client.bucket.get_bucket()


def chat(client):
    return client.chat.completions.create(**CHAT)


def download(client):
    return opened_download(client)


def upload(content):
    return lambda client: client.files.upload("files/b/x", content)


def next_of(call, stream):
    """The next chunk's text."""
    chunk = call(lambda client: next(stream) if isinstance(client, Dial) else stream.__anext__())
    return chunk.choices[0].delta.content


def content_of(call, response):
    return call(lambda client: response.get_content() if isinstance(client, Dial) else response.aget_content())


def close(call, thing):
    call(lambda client: thing.close() if isinstance(client, Dial) else thing.aclose())


# ---------------------------------------------------------------- connections that idle


def let_come(call, server, go, pace):
    """Let the server go on, and wait until what it does has arrived at the one connection that idles."""
    assert call(lambda client: client._transport.statistics()).idle == 1
    played = len(server.requests)
    go.set()
    server.wait_until_played(played)
    time.sleep(0.08 * pace)  # on its way through the loopback device


def test_a_connection_that_the_server_closed_meanwhile_is_not_used(kind):
    def scenario(pace):
        completion, closes, resets = length(b'{"choices":[]}'), threading.Event(), threading.Event()
        with RawServer([[GOOD, closes, CUT], [completion, resets, RESET], GOOD]) as server:
            with client_of(kind, base_url=server.url, max_retries=0) as call:
                call(bucket)
                let_come(call, server, closes, pace)
                call(lambda client: client.chat.completions.create(**{**CHAT, "stream": False}))
                let_come(call, server, resets, pace)
                call(bucket)
                assert [request[0] for request in server.requests] == [1, 2, 3]

    at_some_pace(scenario)


def test_bytes_that_nobody_asked_for_end_it(kind):
    surplus = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n"

    def scenario(pace):
        go = threading.Event()
        with RawServer([[GOOD, go, surplus], GOOD]) as server:
            with client_of(kind, base_url=server.url, max_retries=0) as call:
                call(bucket)
                let_come(call, server, go, pace)
                assert call(bucket) == "b" and server.connections == 2

    at_some_pace(scenario)


def test_options_and_pools_share_connections(kind):
    with RawServer([GOOD]) as server, client_of(kind, base_url=server.url) as call:
        call(bucket)
        call(lambda client: client.with_options(timeout=3, api_key="another-key").bucket.get_bucket())
        assert server.connections == 1
        assert ["another-key" in head for _, head, _ in server.requests] == [False, True]


def test_a_client_of_a_pool_that_is_closed_leaves_the_others_alone():
    with RawServer([GOOD]) as server, DialClientPool(trust_env=False) as pool:
        one, two = (pool.create_client(base_url=server.url, api_key=key) for key in ("key-one", "key-two"))
        bucket(one)
        one.close()
        assert bucket(two) == "b" and server.connections == 1
        pool.close()
        with pytest.raises(InvalidRequestError, match="closed"):
            bucket(two)


# ---------------------------------------------------------------- readers that take their time


def test_a_slow_reader_is_no_silent_server(kind):
    """`progress` measures the server: events that came while the reader was busy are read, not timed out."""
    sends = [OPENED, chunks(delta("one"), end=b""), 0.05, chunks(delta("two"), end=b""), chunks(DONE)]

    def scenario(pace):
        with RawServer([sends]) as server:
            timeout = Timeout(progress=0.2 * pace, read=0.2 * pace)
            with client_of(kind, base_url=server.url, timeout=timeout) as call:
                stream = call(chat)
                assert next_of(call, stream) == "hello"
                time.sleep(0.3 * pace)
                assert next_of(call, stream) == "one"
                time.sleep(0.3 * pace)
                assert next_of(call, stream) == "two"
                assert call(lambda client: stream.result()).choices[0].message.content == "helloonetwo"

    at_some_pace(scenario)


def test_but_the_total_limit_is_total(kind):
    def scenario(pace):
        with RawServer([[OPENED, HOLD]]) as server:
            with client_of(kind, base_url=server.url, timeout=Timeout(total=0.3 * pace)) as call:
                stream = call(chat)
                assert next_of(call, stream) == "hello"
                time.sleep(0.35 * pace)
                began = time.monotonic()
                with pytest.raises(DialTimeoutError) as caught:
                    next_of(call, stream)
                assert caught.value.limit == "total" and time.monotonic() - began < 0.2 * pace
                assert caught.value.partial.choices[0].message.content == "hello"

    at_some_pace(scenario)


def test_what_came_before_a_break_is_read_however_late(kind):
    with RawServer([[length(BLOB), CUT], GOOD]) as server, client_of(kind, base_url=server.url) as call:
        response = call(download)
        server.wait_until_played()
        assert content_of(call, response) == BLOB
        assert call(bucket) == "b"


def test_the_total_limit_is_for_all_requests_of_a_call(kind):
    """A path that may name a file or a folder takes two requests."""

    def scenario(pace):
        with RawServer([[0.2 * pace, refused(404)], [HOLD]]) as server:
            with client_of(kind, base_url=server.url, timeout=Timeout(total=0.5 * pace), max_retries=0) as call:
                began = time.monotonic()
                with pytest.raises(DialTimeoutError) as caught:
                    call(lambda client: client.files.metadata(PurePosixPath("files/b/x")))
                assert time.monotonic() - began < 0.65 * pace  # and not 0.2 + 0.5
                assert (caught.value.limit, caught.value.request_sent) == ("total", "maybe")
                server.wait_for_requests(2)

    at_some_pace(scenario)


def test_what_watches_attempts_is_told_when_time_is_over_and_changes_no_outcome(kind):
    seen = []

    def scenario(pace):
        del seen[:]
        with RawServer([[HOLD]]) as server:
            limits = Timeout(total=0.3 * pace)
            with client_of(kind, base_url=server.url, timeout=limits, on_attempt=seen.append) as call:
                with pytest.raises(DialTimeoutError) as caught:
                    call(bucket)
                error = caught.value
                assert (error.limit, error.request_sent, error.request.method) == ("total", "maybe", "GET")
                server.wait_for_requests(1)
        assert [attempt.error for attempt in seen] == [caught.value]

    at_some_pace(scenario)


@pytest.mark.parametrize("problem", [ZeroDivisionError, KeyboardInterrupt])
def test_what_watches_and_fails_leaves_no_stream_open(kind, problem):
    def fail(attempt):
        raise problem

    with RawServer([[OPENED, HOLD]]) as server, client_of(kind, base_url=server.url, on_attempt=fail) as call:
        with pytest.raises(problem) as caught:
            call(chat)
        assert caught.value is not None and places(call) == (0, 0), "though the error, and its frames, are kept"


def test_an_answer_is_not_lost_to_something_slow_that_watches(kind):
    def scenario(pace):
        def blocking(attempt):
            time.sleep(0.6 * pace)

        async def waiting(attempt):
            await asyncio.sleep(PATIENCE)

        with RawServer([GOOD]) as server:
            for watch in (blocking, waiting) if kind == "async" else (blocking,):
                limits = Timeout(total=0.5 * pace)
                with client_of(kind, base_url=server.url, timeout=limits, on_attempt=watch) as call:
                    assert call(bucket) == "b"
            assert len(server.requests) == 1 + (kind == "async")

    at_some_pace(scenario)


def test_a_resolver_that_is_silent(kind, monkeypatch):
    """There is no name server here that could be silent, so the function that asks one is."""
    real, answers = socket.getaddrinfo, threading.Event()

    def silent(host, *rest, **more):
        if host == "dial.invalid" and socket.AI_NUMERICHOST not in rest:
            answers.wait(PATIENCE)
        return real(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    with client_of(kind, base_url="http://dial.invalid", timeout=Timeout(connect=0.05), max_retries=0) as call:
        try:
            began = time.monotonic()
            with pytest.raises(DialTimeoutError) as caught:
                call(bucket)
            assert caught.value.limit == "connect" and caught.value.request_sent == "no"
            assert time.monotonic() - began < PATIENCE / 2
        finally:
            answers.set()


@pytest.mark.parametrize("seconds", [1e7, 1e12, float("inf")])
def test_limits_beyond_what_the_system_can_count(kind, seconds):
    with RawServer([GOOD, STORED]) as server:
        settings = {"timeout": Timeout(*[seconds] * 6), "limits": Limits(max_connections=1)}
        with client_of(kind, base_url=server.url, **settings) as call:
            assert call(bucket) == "b"
            call(upload(b"z" * 3_000_000))
            assert len(server.requests[1][2]) > 3_000_000


# ---------------------------------------------------------------- answers to requests that are still being sent


class InTwoParts:
    """A file of 2 MB that gives its second part when the server has said all it has to say."""

    def __init__(self, server, go):
        self.server, self.go = server, go
        self.parts = [self.first, self.second, bytes]

    def read(self, size=-1):
        return self.parts.pop(0)()

    def first(self):
        return b"z" * 66_000  # enough to be sent at once

    def second(self):
        self.go.set()
        self.server.wait_until_played()
        return b"z" * 2_000_000


@contextmanager
def early(*sends):
    """A server that says something when the first part of an upload has come, and a file that waits for it."""
    go = threading.Event()
    with RawServer([[EARLY, go, *sends], GOOD]) as server:
        yield server, InTwoParts(server, go)


@pytest.mark.parametrize("end", [CUT, RESET], ids=["closed", "reset"])
def test_an_early_answer_is_shown_though_the_server_hangs_up(kind, end):
    with early(refused(413, b"too much"), end) as (server, file):
        with client_of(kind, base_url=server.url, max_retries=0) as call:
            with pytest.raises(RequestTooLargeError, match="too much"):
                call(upload(file))
            assert call(bucket) == "b" and server.connections == 2


def test_an_early_answer_is_shown_though_its_body_is_lost(kind):
    """A server that closes with unread data resets the connection: what it still said may be lost on the way."""
    head = b"HTTP/1.1 401 Who are you\r\ncontent-length: 50\r\n\r\nhalf a"
    with early(head, RESET) as (server, file), client_of(kind, base_url=server.url, max_retries=0) as call:
        with pytest.raises(AuthenticationError) as caught:
            call(upload(file))
        assert caught.value.status_code == 401 and caught.value.request_sent == "yes"
        assert call(bucket) == "b" and server.connections == 2


def check_upload(call, server, content, outcome, sent, connections):
    """What a large upload comes to, and that the client is sound afterwards."""
    if isinstance(outcome, str):
        assert call(upload(content)).url == outcome
    else:
        with pytest.raises(DialException) as caught:
            call(upload(content))
        assert type(caught.value) is outcome and caught.value.request_sent == sent
    assert places(call)[0] == 0
    assert call(bucket) == "b"
    assert server.connections == connections, "only what was sent to its end before its answer came leaves a connection"


@pytest.mark.parametrize(
    ("sends", "outcome", "sent"),
    [
        ([CUT], DialConnectionError, "maybe"),
        ([RESET], DialConnectionError, "maybe"),
        ([EARLY, CUT], DialConnectionError, "maybe"),
        ([EARLY, RESET], DialConnectionError, "maybe"),
        ([EARLY, b"SSH-2.0-OpenSSH", DEAF], RemoteProtocolError, "yes"),
        ([EARLY, refused(507, b"full"), DEAF], ServerError, "yes"),
        ([b"HTTP/1.1 102 Processing\r\n\r\n" + STORED], "files/b/x", None),
        ([EARLY, STORED, DEAF], ResponseInterruptedError, "yes"),
        ([EARLY, STORED, CUT], ResponseInterruptedError, "yes"),
    ],
    ids=str,
)
def test_what_comes_of_a_large_upload(kind, sends, outcome, sent, monkeypatch):
    for module in ("sync", "aio"):
        monkeypatch.setattr("aidial_min.transport.%s.STALL" % module, 0.1)
    with RawServer([sends, GOOD]) as server, client_of(kind, base_url=server.url, max_retries=0) as call:
        check_upload(call, server, b"z" * 12_000_000, outcome, sent, 2 if {CUT, RESET, EARLY} & {*sends} else 1)


@pytest.mark.parametrize(
    ("sends", "outcome", "sent"),
    [
        ([CUT], DialConnectionError, "maybe"),
        ([RESET], DialConnectionError, "maybe"),
        ([b"HTTP/1.1 4", RESET], DialConnectionError, "yes"),
        ([b"SSH-2.0-OpenSSH", DEAF], RemoteProtocolError, "yes"),
        ([b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab", CUT], ResponseInterruptedError, "yes"),
        ([refused(507, b"full"), DEAF], ServerError, "yes"),
        ([length(b'{"url":"files/b/x"}', b"connection: close"), HOLD], "files/b/x", None),
        ([STORED, HOLD], "files/b/x", None),
    ],
    ids=str,
)
def test_what_comes_of_an_upload_when_all_is_said_early(kind, sends, outcome, sent):
    with early(*sends) as (server, file), client_of(kind, base_url=server.url, max_retries=0) as call:
        check_upload(call, server, file, outcome, sent, 2)


def test_an_upload_is_repeated_from_its_beginning(kind, tmp_path, monkeypatch):
    monkeypatch.setattr("aidial_min.core.retry.FIRST_DELAY", 0.001)
    data = os.urandom(500_000)
    (tmp_path / "x").write_bytes(data)
    busy = refused(503, b"", b"retry-after-ms: 1\r\n")
    for form in (data, io.BytesIO(data), tmp_path / "x"):
        answers = [[GOOD[:-1], CUT], busy, STORED]
        with RawServer(answers) as server, client_of(kind, base_url=server.url) as call:
            call(upload(form))
            assert len(server.requests) == 3
            assert all(data in body for _, _, body in server.requests)


class Slow:
    """A pipe whose writer pauses before its last piece, until the server has said all it has to say.

    Args:
        go: what the server waits for until then.
        pause: seconds that what it says may be on its way through the loopback device.
    """

    def __init__(self, server, go, pause, *pieces):
        self.server, self.go, self.pause = server, go, pause
        self.pieces = list(pieces)

    def read(self, size=-1):
        if len(self.pieces) == 1:
            self.go.set()
            self.server.wait_until_played(len(self.server.requests))
            time.sleep(self.pause)
        return self.pieces.pop(0) if self.pieces else b""


def test_a_pipe_is_never_sent_in_part(kind):
    """The kept connection is reset while we wait for the pipe: nothing has left, but its first piece is read."""

    def scenario(pace):
        go = threading.Event()
        with RawServer([[GOOD, go, RESET], STORED]) as server, client_of(kind, base_url=server.url) as call:
            call(bucket)
            with pytest.raises(DialConnectionError) as caught:
                call(upload(("x.bin", Slow(server, go, 0.08 * pace, b"first ", b"second"))))
            assert caught.value.request_sent == "no"
            assert len(server.requests) == 1, "a second request would hold the second piece alone"

    at_some_pace(scenario)


def test_a_pipe_that_a_proxy_refused_is_not_sent_empty(kind):
    refusal = b"HTTP/1.1 407 No\r\ncontent-length: 0\r\n\r\n"
    settings = {"base_url": "http://dial.invalid"}

    def scenario(pace):
        go = threading.Event()
        with RawServer([refusal, STORED]) as proxy, client_of(kind, proxy=proxy.url, **settings) as call:
            with pytest.raises(ProxyError, match="407"):
                call(upload(("x.bin", Slow(proxy, go, 0.08 * pace, b"precious", b""))))
            assert [b"precious" in body for _, _, body in proxy.requests] == [True]

    at_some_pace(scenario)


class Stubborn:
    """A file that fails after its first piece."""

    def __init__(self, error):
        self.error = error
        self.pieces = 1

    def read(self, size=-1):
        if self.pieces:
            self.pieces -= 1
            return b"x" * 200_000
        raise self.error


def test_a_file_that_fails_says_which_request_it_spoiled(kind):
    with RawServer([GOOD]) as server, client_of(kind, base_url=server.url) as call:
        with pytest.raises(InvalidRequestError, match="disk") as caught:
            call(upload(Stubborn(OSError("disk"))))
        assert caught.value.request.method == "PUT" and caught.value.request.path == "/v1/files/b/x"
        assert caught.value.request_sent == "maybe"
        assert call(bucket) == "b"


def test_what_a_file_of_the_users_own_raises_passes_through(kind):
    class Mine(Exception):
        pass

    with RawServer([GOOD]) as server, client_of(kind, base_url=server.url) as call:
        with pytest.raises(Mine):
            call(upload(Stubborn(Mine())))
        assert call(bucket) == "b"


def test_so_does_what_a_progress_callback_raises(kind):
    class Mine(Exception):
        pass

    def stop(done, total):
        raise Mine

    with RawServer([GOOD]) as server, client_of(kind, base_url=server.url) as call:
        with pytest.raises(Mine):
            call(lambda client: client.files.upload("files/b/x", b"z" * 300_000, progress=stop))
        assert call(bucket) == "b"


# ---------------------------------------------------------------- places


def places(call):
    """How many places are taken, and how many connections idle."""

    statistics = call(lambda client: client._transport.statistics())
    return statistics.taken, statistics.idle


def until_someone_waits(call):
    until(lambda: call(lambda client: client._transport.statistics()).waiting == 1)


@pytest.mark.parametrize(
    "sends",
    [
        [length(BLOB)[:-1], HOLD],
        [length(BLOB)[:-1], CUT],
        [OPENED, HOLD],
        [b"garbage", HOLD],
        [HOLD],
        [CUT],
        refused(500, b"x"),
        [refused(500, b"x")[:-1], CUT],
        [length(BLOB, b"content-encoding: br")],
    ],
    ids=["slow", "cut", "stream", "garbage", "silent", "closed", "refused", "refused-cut", "coded"],
)
def test_whatever_happened_no_place_is_lost(kind, sends):
    settings = {"timeout": Timeout(read=0.05), "max_retries": 0, "limits": Limits(max_connections=1)}
    with RawServer([sends, GOOD]) as server, client_of(kind, base_url=server.url, **settings) as call:
        with pytest.raises(DialException):
            content_of(call, call(download))
        busy, idle = places(call)
        assert busy == 0 and idle <= 1
        server.wait_for_requests(1)
        assert call(lambda client: bucket(client.with_options(timeout=PATIENCE))) == "b" and places(call) == (0, 1)


def test_a_body_that_was_closed_can_not_be_read(kind):
    with RawServer([[length(BLOB)[:-1], HOLD], GOOD]) as server, client_of(kind, base_url=server.url) as call:
        response = call(download)
        close(call, response)
        with pytest.raises(DialException, match="closed"):
            content_of(call, response)
        assert call(bucket) == "b" and places(call) == (0, 1)


def test_a_client_that_is_closed_opens_nothing_for_those_who_wait():
    settings = {"limits": Limits(max_connections=1), "timeout": Timeout(pool=PATIENCE)}
    with RawServer([[OPENED, HOLD], GOOD]) as server, client_of("sync", base_url=server.url, **settings) as call:
        stream = call(chat)
        found = []

        def wait_in_line():
            try:
                found.append(call(bucket))
            except DialException as error:
                found.append(error)

        waiting = threading.Thread(target=wait_in_line)
        waiting.start()
        until_someone_waits(call)
        call(lambda client: client.close())
        stream.close()
        waiting.join(PATIENCE)
        assert isinstance(found[0], InvalidRequestError) and "closed" in str(found[0])
        assert server.connections == 1


@pytest.mark.parametrize("target", ["missing/x", "."])
def test_a_target_that_can_not_be_written_ends_the_download(kind, tmp_path, target):
    with RawServer([[length(BLOB)[:-1], HOLD], GOOD]) as server, client_of(kind, base_url=server.url) as call:
        response = call(download)
        with pytest.raises(InvalidRequestError, match="folder"):
            call(
                lambda client: (response.write_to if isinstance(client, Dial) else response.awrite_to)(
                    tmp_path / target
                )
            )
        assert places(call) == (0, 0)


def test_a_download_that_is_cancelled_leaves_no_file(tmp_path):
    """At whatever step: a thread that is at work on the file removes it."""

    async def run():
        async with AsyncDial(base_url=server.url, api_key="key-of-a-test", trust_env=False) as client:
            for turn in range(60):
                response = await opened_download(client)
                writing = asyncio.ensure_future(response.awrite_to(tmp_path / "x"))
                for _ in range(turn):
                    await asyncio.sleep(0)
                writing.cancel()
                try:
                    await writing
                except asyncio.CancelledError:
                    until(lambda: os.listdir(tmp_path) in ([], ["x"]))  # the last step may have been under way
                if os.path.exists(tmp_path / "x"):
                    assert os.path.getsize(tmp_path / "x") == 3_000_000
                    os.unlink(tmp_path / "x")

    with RawServer([length(b"z" * 3_000_000)]) as server:
        asyncio.run(run())
    assert os.listdir(tmp_path) == []


def test_closing_twice_and_after_the_end_is_harmless(kind):
    with RawServer([length(BLOB)]) as server, client_of(kind, base_url=server.url) as call:
        response = call(download)
        content_of(call, response)
        for _ in range(2):
            close(call, response)
        assert places(call) == (0, 1)
        response = call(download)
        for _ in range(2):
            close(call, response)
        assert places(call) == (0, 0) and server.connections == 1


def test_a_thread_that_waits_is_woken_by_a_stream_that_nobody_closed():
    settings = {"limits": Limits(max_connections=1), "timeout": Timeout(pool=PATIENCE)}
    with RawServer([[OPENED, HOLD], GOOD]) as server, client_of("sync", base_url=server.url, **settings) as call:
        held = [call(chat)]
        found = []
        waiting = threading.Thread(target=lambda: found.append(call(bucket)))
        waiting.start()
        until_someone_waits(call)
        assert found == []
        held.clear()
        gc.collect()
        waiting.join(PATIENCE / 2)  # before the limit `pool` wakes it
        assert found == ["b"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.parametrize("way", ["close", "collect", "read"])
def test_a_stream_of_the_parent_is_no_place_of_a_child(way):
    script = (
        "import gc, os, sys\n"
        "from aidial_min import Dial, Limits\n"
        "client = Dial(base_url=sys.argv[1], api_key='key-of-a-test', trust_env=False, limits=Limits(max_connections=1))\n"  # noqa: E501
        "message = {'role': 'user', 'content': 'x'}\n"
        "stream = client.chat.completions.create(deployment_name='m', messages=[message], stream=True)\n"
        "child = os.fork()\n"
        "if child:\n"
        "    status = os.waitpid(child, 0)[1]\n"
        "    assert stream.result().choices[0].message.content == 'hello' or sys.argv[2] == 'read'\n"
        "    sys.exit(status != 0)\n"
        "if sys.argv[2] == 'close':\n"
        "    stream.close()\n"
        "elif sys.argv[2] == 'collect':\n"
        "    del stream\n"
        "    gc.collect()\n"
        "else:\n"
        "    stream.result()\n"
        "assert client._transport.statistics().taken == 0, client._transport.statistics()\n"
        "assert client.bucket.get_bucket() == 'b'\n"
        "assert client._transport.statistics().taken == 0\n"
        "os._exit(0)\n"
    )
    with RawServer([OPENED + chunks(DONE), GOOD]) as server:
        environment = {**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(aidial_min.__file__))}
        command = [sys.executable, "-X", "dev", "-c", script, server.url, way]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, env=environment)
        assert done.returncode == 0, done.stderr


# ---------------------------------------------------------------- echoes and refusals


def test_a_version_that_does_not_fit_is_said_without_the_key(kind):
    key = "sesame-open"
    answer = length(BLOB, b"etag: %s" % key.encode(), b"x-echo: " + key.encode())
    with RawServer([answer]) as server, client_of(kind, base_url=server.url, api_key=key) as call:
        with pytest.raises(EtagMismatchError) as caught:
            call(lambda client: client.files.download("files/b/x", etag_if_match="other"))
        error = caught.value
        assert key not in str(error) + repr(vars(error)) + repr(dict(error.headers))
        assert places(call)[0] == 0


def test_a_proxy_that_wants_a_password_for_plain_requests(kind):
    with Proxy("407") as proxy:
        settings = {"proxy": proxy.url.replace("http://", "http://user:secret-word@"), "max_retries": 0}
        with client_of(kind, base_url="http://dial.invalid", **settings) as call:
            with pytest.raises(ProxyError, match="407") as caught:
                call(bucket)
    assert caught.value.request_sent == "no" and "secret-word" not in str(caught.value) + repr(vars(caught.value))


def test_a_password_that_a_proxy_echoes_is_masked(kind):
    password = b"secret-word"
    pair = base64.b64encode(b"user:" + password)
    echo = refused(400, b"you sent %s, which is user:%s" % (pair, password), b"x-echo: %s %s\r\n" % (password, pair))
    with RawServer([echo]) as proxy:
        settings = {"proxy": proxy.url.replace("http://", "http://user:secret-word@"), "max_retries": 0}
        with client_of(kind, base_url="http://dial.invalid", **settings) as call:
            with pytest.raises(DialException) as caught:
                call(bucket)
        assert "\r\nProxy-Authorization: Basic %s\r\n" % pair.decode() in proxy.requests[0][1] + "\r\n"
    error = caught.value
    shown = str(error) + repr(error) + repr(vars(error)) + repr(dict(error.headers))
    assert "secret-word" not in shown and pair.decode() not in shown and "you sent ***, which is user:***" in str(error)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("function", [bucket, download, chat], ids=["whole", "download", "stream"])
def test_redirects_are_never_followed(kind, status, function):
    answer = refused(status, b"moved", b"location: http://127.0.0.1:1/evil\r\n")
    with RawServer([answer, GOOD]) as server, client_of(kind, base_url=server.url) as call:
        with pytest.raises(DialException) as caught:
            call(function)
        assert type(caught.value) is DialException and caught.value.status_code == status
        assert caught.value.location == "http://127.0.0.1:1/evil"
        assert len(server.requests) == 1 and call(bucket) == "b" and server.connections == 1


def test_an_error_of_very_many_bytes_is_read_in_part(kind, monkeypatch):
    received = []
    receive = ResponseReader.receive
    monkeypatch.setattr(ResponseReader, "receive", lambda reader, data: received.append(data) or receive(reader, data))
    endless = b"HTTP/1.1 500 Oops\r\ncontent-length: 1000000000\r\n\r\n" + b"boom " * 400_000
    with RawServer([[endless, HOLD], GOOD]) as server, client_of(kind, base_url=server.url, max_retries=0) as call:
        with pytest.raises(DialException, match="boom") as caught:
            call(bucket)
        assert caught.value.status_code == 500 and len(caught.value.message) < 600
        assert 700_000 < sum(map(len, received)) < 1024 * 1024
        assert call(bucket) == "b" and server.connections == 2


# ---------------------------------------------------------------- bombs


def test_an_answer_that_unfolds_to_many_times_its_size_is_one_clear_error(kind):
    """103 KB became 2.6 GiB of lists; files may unfold as they like, in bounded pieces."""
    bomb = length(gzip.compress(b"[" + b"[]," * 4_000_000 + b"[]]"), b"content-encoding: gzip")
    with RawServer([bomb, bomb]) as server, client_of(kind, base_url=server.url, max_retries=0) as call:
        tracemalloc.start()
        try:
            with pytest.raises(RemoteProtocolError, match="unfolds to many times its size"):
                call(bucket)
            assert tracemalloc.get_traced_memory()[1] < 20_000_000
        finally:
            tracemalloc.stop()
        assert len(content_of(call, call(download))) == 12_000_004


def test_so_is_one_of_very_many_lists(kind, monkeypatch):
    monkeypatch.setattr("aidial_min.core.call.MOST_OBJECTS", 100)
    with RawServer([length(b"[" + b"[],{}," * 50 + b"[]]"), length(b"[" + b"1," * 200 + b"1]"), GOOD]) as server:
        with client_of(kind, base_url=server.url, max_retries=0) as call:
            for words in ("more than 100 lists and objects", "expected an object"):
                with pytest.raises(ParsingDataError, match=words):
                    call(bucket)
            assert call(bucket) == "b"


def test_what_is_read_whole_is_bounded(kind, monkeypatch):
    monkeypatch.setattr("aidial_min.core.call.MOST", 1000)
    with RawServer([length(b'"%s"' % (b"x" * 2000)), GOOD]) as server:
        with client_of(kind, base_url=server.url, max_retries=0) as call:
            with pytest.raises(RemoteProtocolError, match="larger than 1000 bytes"):
                call(bucket)
            assert call(bucket) == "b"


# ---------------------------------------------------------------- bad moments


STARVE = (
    "import asyncio, os, resource, sys\n"
    "from aidial_min import AsyncDial, ConnectError, Dial\n"
    "before = resource.getrlimit(resource.RLIMIT_NOFILE)\n"
    "def starve():\n"
    "    free = os.dup(0)\n"
    "    os.close(free)\n"
    "    resource.setrlimit(resource.RLIMIT_NOFILE, (free, before[1]))\n"
)


def printed_by(script, *arguments):
    """What a process prints that runs a script; its errors go with it."""
    command = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, env=as_here())
    return done.stdout + done.stderr


def as_here():
    """The environment of a process that finds the package where this one found it."""
    return {**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(aidial_min.__file__))}


LATER = {
    "a stream": "chat.completions.create(deployment_name='d', messages=[], stream=True)",
    "an upload": "files.upload('files/b/x.png', b'x')",
    "a download": "files.download('files/b/x')",
    "a request": "request('GET', '/v1/x')",
    "a misspelt argument": "chat.completions.create(deployment_name='d', messages=[], temprature=1)",
}


AT_A_LATER_CALL = STARVE + (
    "async def main(cls):\n"
    "    client = cls(base_url=sys.argv[1], api_key='key-of-a-test', max_retries=0, trust_env=False)\n"
    "    client.bucket, client.chat.completions, client.files\n"
    "    async def waited(outcome):\n"
    "        return await outcome if cls is AsyncDial else outcome\n"
    "    await waited(client.bucket.get_bucket())\n"
    "    starve()\n"
    "    try:\n"
    "        await waited(client.%s)\n"
    "    except ConnectError as error:\n"
    "        print('Too many open files' in str(error))\n"
    "    resource.setrlimit(resource.RLIMIT_NOFILE, before)\n"
    "asyncio.run(main(%s))\n"
)


@pytest.fixture(scope="module")
def starving():
    """A process for each client and call."""
    clients = {"sync": "Dial", "async": "AsyncDial"}
    with RawServer([GOOD]) as server:
        commands = {
            (kind, name): [sys.executable, "-c", AT_A_LATER_CALL % (call, clients[kind]), server.url]
            for kind in KINDS
            for name, call in LATER.items()
        }
        with at_once(commands, env=as_here()) as running:
            yield running


@pytest.mark.skipif(sys.platform == "win32", reason="limits of descriptors are set as on Unix")
@pytest.mark.parametrize("name", LATER)
def test_so_does_one_that_has_a_connection_and_loads_more_for_its_next_call(kind, name, starving):
    assert starving[kind, name].communicate(timeout=PATIENCE) == (b"True\n", b"")


@pytest.mark.skipif(sys.platform == "win32", reason="limits of descriptors are set as on Unix")
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("moment", ["before the client", "before its resources", "before its call"])
def test_a_process_without_free_descriptors_says_so_and_recovers(moment, host):
    """The first call loads modules; what could not be loaded or made then must not stay that way."""
    script = STARVE + (
        "moment = sys.argv[2]\n"
        "def call(starving):\n"
        "    if starving and moment == 'before the client': starve()\n"
        "    client = Dial(base_url=sys.argv[1], api_key='key-of-a-test', max_retries=0, trust_env=False)\n"
        "    if starving and moment == 'before its resources': starve()\n"
        "    bucket = client.bucket\n"
        "    if starving and moment == 'before its call': starve()\n"
        "    return bucket.get_bucket()\n"
        "for _ in range(2):\n"
        "    try:\n"
        "        print('no error', call(True))\n"
        "    except ConnectError as error:\n"
        "        assert 'Too many open files' in str(error), error\n"
        "    resource.setrlimit(resource.RLIMIT_NOFILE, before)\n"
        "print(call(False))\n"
    )
    with RawServer([GOOD]) as server:
        assert printed_by(script, server.url.replace("127.0.0.1", host), moment) == "b\n"
