"""What both clients do on real sockets: reuse, limits of time and number, retries, uploads, downloads, bad input.

Every test runs for the sync and for the async client, the latter in asyncio's debug mode.
"""

import asyncio
import gc
import io
import os
import subprocess
import sys
import threading
import time

import pytest

from aidial_min import (
    AsyncDial,
    ConfigurationError,
    ConnectError,
    Dial,
    DialConnectionError,
    DialException,
    DialTimeoutError,
    EtagMismatchError,
    InvalidRequestError,
    Limits,
    RateLimitError,
    RequestTooLargeError,
    ResponseInterruptedError,
    ServerError,
    Timeout,
)
from aidial_min.testing import DialServer
from tests.support.clients import KINDS, client_of, opened_download
from tests.support.patience import PATIENCE, at_some_pace
from tests.support.rawserver import CUT, DEAF, EARLY, GOOD, HOLD, RawServer
from tests.transport.scripts import BLOB, DONE, SSE, chunks, delta, length, refused

CHAT = {"deployment_name": "m", "messages": [{"role": "user", "content": "x"}]}
COMPLETION = length(b'{"choices":[{"index":0,"message":{"role":"assistant","content":"hello"}}]}')
STORED = length(b'{"url":"files/b/x"}')
OPENED = SSE + b"transfer-encoding: chunked\r\n\r\n" + chunks(delta("hello"), end=b"")
STREAM = SSE + b"transfer-encoding: chunked\r\n\r\n" + chunks(delta("hello"), DONE)


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def dial():
    with DialServer() as running:
        yield running


def bucket(client):
    return client.bucket.get_bucket()


def chat(client):
    return client.chat.completions.create(**CHAT)


def upload(content, **more):
    return lambda client: client.files.upload("files/b/x", content, **more)


def stream_text(client):
    if isinstance(client, Dial):
        return "".join(client.chat.completions.create(stream=True, **CHAT).text())

    async def read():
        return "".join([piece async for piece in (await client.chat.completions.create(stream=True, **CHAT)).text()])

    return read()


def content(client):
    if isinstance(client, Dial):
        return client.files.download("files/b/x").get_content()

    async def read():
        return await (await client.files.download("files/b/x")).aget_content()

    return read()


def write_to(path):
    def write(client):
        if isinstance(client, Dial):
            return client.files.download("files/b/x").write_to(path)

        async def read():
            await (await client.files.download("files/b/x")).awrite_to(path)

        return read()

    return write


# ---------------------------------------------------------------- connections


@pytest.mark.parametrize(
    ("answer", "function"),
    [
        (GOOD, bucket),
        (COMPLETION, chat),
        (STREAM, stream_text),
        (length(BLOB), content),
        (STORED, upload(b"y" * 300000)),
    ],
    ids=["whole", "chat", "stream", "download", "upload"],
)
def test_fifty_calls_use_one_connection(kind, answer, function):
    with RawServer([answer]) as server, client_of(kind, base_url=server.url) as call:
        for _ in range(50):
            call(function)
        assert server.connections == 1 and len(server.requests) == 50


def test_a_request_is_one_send_with_exact_framing(kind):
    with RawServer([COMPLETION]) as server, client_of(kind, base_url=server.url + "/pre/fix/") as call:
        call(chat)
        ((_, head, body),) = server.requests
    lines = head.split("\r\n")
    assert lines[0] == "POST /pre/fix/openai/deployments/m/chat/completions HTTP/1.1"
    assert "Content-Length: %d" % len(body) in lines and "Content-Type: application/json" in lines
    assert [line for line in lines if line.startswith("Api-Key")] == ["Api-Key: key-of-a-test"]
    assert b"null" not in body


def test_idle_connections_grow_old(kind):
    with RawServer([GOOD]) as server:
        with client_of(kind, base_url=server.url, limits=Limits(keepalive_expiry=0.05)) as call:
            call(bucket)
            time.sleep(0.1)
            call(bucket)
        assert server.connections == 2


def test_a_closed_client_says_so(kind):
    with RawServer([GOOD]) as server, client_of(kind, base_url=server.url) as call:
        call(bucket)
        call(lambda client: client.close() if isinstance(client, Dial) else client.aclose())
        with pytest.raises(InvalidRequestError, match="closed"):
            call(bucket)
        assert len(server.requests) == 1


def test_a_stream_that_nobody_closed_frees_its_place(kind):
    with RawServer([[OPENED, HOLD], GOOD]) as server:
        settings = {"limits": Limits(max_connections=1), "timeout": Timeout(pool=PATIENCE)}
        with client_of(kind, base_url=server.url, **settings) as call:
            stream = call(lambda client: client.chat.completions.create(stream=True, **CHAT))
            assert stream.headers["content-type"] == "text/event-stream"
            del stream
            gc.collect()
            assert call(bucket) == "b"


def test_a_stream_closed_early_closes_its_connection(kind):
    with RawServer([[OPENED, HOLD], GOOD]) as server, client_of(kind, base_url=server.url) as call:
        stream = call(lambda client: client.chat.completions.create(stream=True, **CHAT))
        call(lambda client: stream.close())
        assert call(bucket) == "b" and server.connections == 2
        with pytest.raises(DialConnectionError, match="closed before its end"):
            call(lambda client: stream.result())


def test_threads_share_a_client():
    with DialServer() as server, Dial(base_url=server.url, api_key=server.api_key, limits=Limits(4, 4)) as client:
        wrong = []

        def work(number):
            for turn in range(20):
                words = "%d-%d" % (number, turn)
                messages = [{"role": "user", "content": words}]
                answer = client.chat.completions.create(deployment_name="echo", messages=messages)
                if answer.choices[0].message.content != words:
                    wrong.append(words)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []
        now = client._transport.statistics()
        assert now.taken == 0 and now.idle <= 4


def test_waiting_for_a_connection_is_bounded(kind):
    with RawServer([[OPENED, HOLD], GOOD]) as server:
        settings = {"limits": Limits(max_connections=1), "timeout": Timeout(pool=0.05), "max_retries": 0}
        with client_of(kind, base_url=server.url, **settings) as call:
            stream = call(lambda client: client.chat.completions.create(stream=True, **CHAT))
            with pytest.raises(DialTimeoutError) as caught:
                call(bucket)
            assert (caught.value.limit, caught.value.request_sent) == ("pool", "no")
            call(lambda client: stream.close())
            assert call(bucket) == "b"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_opens_connections_of_its_own():
    script = (
        "import os, sys\n"
        "from aidial_min import Dial\n"
        "client = Dial(base_url=sys.argv[1], api_key='key-of-a-test')\n"
        "client.bucket.get_bucket()\n"
        "child = os.fork()\n"
        "client.bucket.get_bucket()\n"
        "if child == 0:\n"
        "    os._exit(0)\n"
        "os.waitpid(child, 0)\n"
        "client.bucket.get_bucket()\n"
    )
    with RawServer([GOOD]) as server:
        command = [sys.executable, "-c", script, server.url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0, done.stderr
        assert sorted(request[0] for request in server.requests) == [1, 1, 1, 2]


# ---------------------------------------------------------------- limits of time


def drip(data, size=1):
    """Twenty small pieces of an answer, one after the other, and then the end: a limit that is missing must show."""
    steps = []
    for at in range(0, 20 * size, size):
        steps += [data[at : at + size], 0.05]
    return [*steps, CUT]


HEARTBEAT = chunks(b": heartbeat\n\n", end=b"")


def slower(answer, timeout, pace):
    """The same script and the same limits, with every time a multiple of what it was."""
    steps = [step * pace if isinstance(step, float) else step for step in answer]
    return steps, Timeout(*(None if seconds is None else seconds * pace for seconds in timeout))


@pytest.mark.parametrize(
    ("answer", "timeout", "limit", "function"),
    [
        ([HOLD], Timeout(read=0.3), "read", bucket),
        (drip(GOOD), Timeout(total=0.4), "total", bucket),
        (drip(GOOD), Timeout(read=0.3, total=0.4), "total", chat),
        (drip(length(BLOB), 5), Timeout(total=0.4), "total", content),
        ([OPENED, *drip(HEARTBEAT * 20, len(HEARTBEAT))], Timeout(progress=0.4), "progress", stream_text),
        ([OPENED, *drip(HEARTBEAT * 20, len(HEARTBEAT))], Timeout(total=0.4), "total", stream_text),
        ([OPENED, HOLD], Timeout(read=0.3, progress=5), "read", stream_text),
    ],
    ids=["read", "drip", "drip-chat", "drip-download", "heartbeats", "heartbeats-total", "silent-stream"],
)
def test_the_limit_that_fires_is_named_and_fires_on_time(kind, answer, timeout, limit, function):
    def scenario(pace):
        steps, limits = slower(answer, timeout, pace)
        with RawServer([steps, GOOD]) as server:
            with client_of(kind, base_url=server.url, timeout=limits, max_retries=0) as call:
                began = time.monotonic()
                with pytest.raises(DialTimeoutError) as caught:
                    call(function)
                assert caught.value.limit == limit and limit in str(caught.value)
                assert caught.value.request_sent != "no"
                assert time.monotonic() - began < 1 * pace
                assert isinstance(caught.value, TimeoutError)
                server.wait_for_requests(1)
                answered = call(lambda client: bucket(client.with_options(timeout=PATIENCE)))
                assert answered == "b" and server.connections == 2  # a late answer reaches nobody

    at_some_pace(scenario)


def test_a_server_that_takes_nothing_is_the_limit_write(kind):
    def scenario(pace):
        settings = {"timeout": Timeout(write=0.4 * pace), "max_retries": 0}
        with RawServer([[EARLY, DEAF]]) as server, client_of(kind, base_url=server.url, **settings) as call:
            with pytest.raises(DialTimeoutError) as caught:
                call(upload(b"z" * 12_000_000))
            assert (caught.value.limit, caught.value.request_sent) == ("write", "maybe")

    at_some_pace(scenario)


def test_waiting_to_retry_ends_with_the_total_limit(kind):
    with RawServer([refused(503, b"busy", b"retry-after: %d\r\n" % PATIENCE)]) as server:
        with client_of(kind, base_url=server.url, timeout=Timeout(total=PATIENCE - 1), max_retries=5) as call:
            began = time.monotonic()
            with pytest.raises(ServerError):
                call(bucket)
            assert time.monotonic() - began < PATIENCE - 1 and len(server.requests) == 1


# ---------------------------------------------------------------- retries

SOON = b"retry-after-ms: 1\r\n"


@pytest.mark.parametrize(
    ("answers", "function", "requests", "outcome"),
    [
        ([refused(429, b"", SOON), refused(503, b"", SOON), GOOD], bucket, 3, "b"),
        ([refused(429, b"", SOON), refused(408, b"", SOON), COMPLETION], chat, 3, None),
        ([refused(429, b"", SOON)], chat, 3, RateLimitError),
        ([refused(502, b"x", SOON), GOOD], bucket, 2, "b"),
        ([refused(504, b"x", SOON), refused(502, b"x", SOON), STORED], upload(b"x"), 3, None),
        ([refused(502, b"x", SOON), COMPLETION], chat, 1, ServerError),
        ([refused(504, b"x", SOON), COMPLETION], chat, 1, ServerError),
        ([refused(502, b"No route", SOON), COMPLETION], chat, 2, None),
        ([refused(502, b"No route", SOON), GOOD], bucket, 1, DialException),
        ([refused(500, b"", SOON), GOOD], bucket, 1, ServerError),
        ([refused(409, b"", SOON), GOOD], bucket, 1, DialException),
        ([refused(429, b"", b"retry-after: 61\r\n")], bucket, 1, RateLimitError),
        ([[CUT], [GOOD[:-2], CUT], GOOD], bucket, 3, "b"),
        ([[CUT], COMPLETION], chat, 1, DialConnectionError),
        ([[COMPLETION[:-2], CUT], COMPLETION], chat, 1, ResponseInterruptedError),
        ([b"garbage\r\n\r\n", STORED], upload(b"x"), 2, None),
        ([refused(503, b"", SOON), STREAM], stream_text, 2, "hello"),
        ([[STREAM[:-30], CUT], STREAM], stream_text, 1, DialConnectionError),
    ],
)
def test_retries(kind, answers, function, requests, outcome, monkeypatch):
    monkeypatch.setattr("aidial_min.core.retry.FIRST_DELAY", 0.001)
    with RawServer(answers) as server, client_of(kind, base_url=server.url) as call:
        if isinstance(outcome, type):
            with pytest.raises(outcome) as caught:
                call(function)
            if b"61" in b"".join(answers[0:1] if isinstance(answers[0], bytes) else []):
                assert caught.value.retry_after == 61
        else:
            result = call(function)
            assert outcome is None or result == outcome
        assert len(server.requests) == requests


def test_a_pipe_is_sent_once_and_in_chunks(kind):
    def piped():
        read, write = os.pipe()
        os.write(write, b"from a pipe")
        os.close(write)
        return os.fdopen(read, "rb")

    with RawServer([STORED, refused(503, b"", SOON)]) as server, client_of(kind, base_url=server.url) as call:
        with piped() as pipe:
            call(upload(("x.txt", pipe)))
        head, body = server.requests[0][1:]
        assert "Transfer-Encoding: chunked" in head and b"from a pipe" in body
        with piped() as pipe, pytest.raises(ServerError):
            call(upload(("x.txt", pipe)))
        assert len(server.requests) == 2


def test_an_unreachable_server_is_tried_again_and_named(kind):
    with client_of(kind, base_url="http://127.0.0.1:1", max_retries=0) as call:
        with pytest.raises(ConnectError, match="127.0.0.1:1: Connection refused") as caught:
            call(bucket)
        assert caught.value.request_sent == "no" and caught.value.status_code == 500


def test_a_name_that_does_not_exist(kind):
    with client_of(kind, base_url="http://no-such-host.invalid", max_retries=0) as call:
        with pytest.raises(ConnectError, match="no-such-host.invalid"):
            call(bucket)


# ---------------------------------------------------------------- uploads and downloads


@pytest.mark.parametrize("status", [413, 401])
def test_an_answer_that_comes_while_sending_is_the_error_shown(kind, status):
    with RawServer([[EARLY, refused(status, b"too much"), DEAF], GOOD]) as server:
        with client_of(kind, base_url=server.url, max_retries=0) as call:
            with pytest.raises(DialException, match="too much") as caught:
                call(upload(b"z" * 12_000_000))
            assert caught.value.status_code == status
            assert status != 413 or type(caught.value) is RequestTooLargeError
            assert call(bucket) == "b" and server.connections == 2


@pytest.mark.parametrize(
    "bad",
    [
        lambda folder: open_closed(folder),
        lambda folder: io.StringIO("text"),
        lambda folder: folder / "missing.bin",
        lambda folder: folder,
        lambda folder: 42,
        lambda folder: None,
        lambda folder: ("only a name",),
        lambda folder: ("x", b"y", "text/plain\r\nX-Evil: 1"),
        lambda folder: ("x", b"y", "text/plain", {"X-A": "b\r\nX-Evil: 1"}),
    ],
)
def test_files_that_can_not_be_sent_are_refused_before_anything_is(kind, bad, tmp_path):
    with RawServer([STORED]) as server, client_of(kind, base_url=server.url) as call:
        with pytest.raises(InvalidRequestError) as caught:
            call(upload(bad(tmp_path)))
        assert "Evil" not in str(caught.value)
        assert server.requests == []


def open_closed(folder):
    path = folder / "closed.bin"
    path.write_bytes(b"x")
    with path.open("rb") as file:
        pass
    return file


class Failing(io.BytesIO):
    def read(self, size=-1):
        if self.tell() > 200_000:
            raise OSError("the disk is gone")
        return super().read(100_000)


def test_a_file_that_fails_midway_never_leaves_a_complete_request(kind):
    with RawServer([STORED, GOOD]) as server, client_of(kind, base_url=server.url) as call:
        with pytest.raises(InvalidRequestError, match="the disk is gone"):
            call(upload(Failing(b"x" * 1_000_000)))
        server.wait_for_requests(1)
        assert call(bucket) == "b"
        assert all(len(body) < 1_000_000 for _, head, body in server.requests if head.startswith("PUT"))


def test_progress_is_told(kind):
    told = []
    with RawServer([STORED]) as server, client_of(kind, base_url=server.url) as call:
        call(upload(io.BytesIO(b"x" * 1_000_000), progress=lambda done, total: told.append((done, total))))
    assert told[-1] == (1_000_000, 1_000_000) and len(told) > 2 and told == sorted(told)


def test_a_download_appears_when_all_of_it_has_come(kind, tmp_path):
    target = tmp_path / "target.bin"
    with RawServer([length(BLOB)]) as server, client_of(kind, base_url=server.url) as call:
        call(write_to(target))
    assert target.read_bytes() == BLOB and os.listdir(tmp_path) == ["target.bin"]


@pytest.mark.parametrize("before", [None, b"what was there"])
def test_a_broken_download_leaves_everything_as_it_was(kind, tmp_path, before):
    target = tmp_path / "target.bin"
    if before is not None:
        target.write_bytes(before)
    with RawServer([[length(BLOB, count=len(BLOB) + 1), CUT]]) as server, client_of(kind, base_url=server.url) as call:
        with pytest.raises(ResponseInterruptedError) as caught:
            call(write_to(target))
        assert (caught.value.received, caught.value.expected) == (len(BLOB), len(BLOB) + 1)
    assert os.listdir(tmp_path) == (["target.bin"] if before is not None else [])
    assert before is None or target.read_bytes() == before


def test_a_folder_as_target_is_refused(kind, tmp_path):
    with RawServer([length(BLOB)]) as server, client_of(kind, base_url=server.url) as call:
        for target in (tmp_path, str(tmp_path) + "/", tmp_path / "nowhere" / "x"):
            with pytest.raises(InvalidRequestError, match="folder"):
                call(write_to(target))
    assert os.listdir(tmp_path) == []


def test_another_version_is_refused_though_core_of_2024_sends_it(kind):
    with RawServer([length(BLOB, b"etag: abc")]) as server, client_of(kind, base_url=server.url) as call:
        for good in ("abc", '"abc"', 'W/"abc"', "x,abc", "*"):
            with_close(call, good)
        with pytest.raises(EtagMismatchError, match="abc"):
            call(lambda client: client.files.download("files/b/x", etag_if_match="zzz"))


def with_close(call, etag):
    response = call(lambda client: client.files.download("files/b/x", etag_if_match=etag))
    call(lambda client: response.close() if isinstance(client, Dial) else response.aclose())


def test_content_may_be_asked_for_again(dial, tmp_path):
    with Dial(base_url=dial.url, api_key=dial.api_key) as client:
        url = client.my_files_home() / "again.txt"
        client.files.upload(url, b"again")
        for _ in range(2):
            response = client.files.download(url)
            assert b"".join(response) == response.get_content() == response.get_content() == b"again"
            response.write_to(tmp_path / "again.txt")
            assert (tmp_path / "again.txt").read_bytes() == b"again"


def test_but_not_what_is_too_large_to_be_kept_or_was_streamed(dial, monkeypatch):
    monkeypatch.setattr("aidial_min.transport.downloads.KEPT", 4)
    with Dial(base_url=dial.url, api_key=dial.api_key) as client:
        url = client.my_files_home() / "large.txt"
        client.files.upload(url, b"large")
        response = client.files.download(url)
        assert b"".join(response) == b"large"
        with pytest.raises(InvalidRequestError, match="read already"):
            response.get_content()
        client.files.upload(url, b"1")
        with client.files.stream_download(url) as response:
            assert response.get_content() == b"1"
            with pytest.raises(InvalidRequestError, match="read already"):
                response.get_content()


@pytest.mark.parametrize("second", ["write_to", "get_content"])
def test_a_second_reader_does_not_disturb_the_first(kind, tmp_path, second):
    asked = threading.Event()

    async def read(client, waited):
        response = opened_download(client) if kind == "sync" else await opened_download(client)
        pieces = response.__iter__() if kind == "sync" else response.__aiter__()
        found = [await waited(pieces.__next__() if kind == "sync" else pieces.__anext__())]
        with pytest.raises(InvalidRequestError, match="read already"):
            method = getattr(response, second if kind == "sync" else "a" + second)
            await waited(method(tmp_path / "x") if second == "write_to" else method())
        asked.set()
        found += list(pieces) if kind == "sync" else [piece async for piece in pieces]
        return b"".join(found)

    async def main(url):
        async def waited(outcome):
            return await outcome if kind == "async" else outcome

        client = (Dial if kind == "sync" else AsyncDial)(base_url=url, api_key="key-of-a-test", trust_env=False)
        try:
            return await read(client, waited)
        finally:
            await client.aclose() if kind == "async" else client.close()

    with RawServer([[b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nabc", asked, b"def"]]) as server:
        assert asyncio.run(main(server.url)) == b"abcdef"


@pytest.mark.parametrize("kept", [16_000_000, 100_000], ids=["in memory", "on disk"])
def test_a_download_of_the_async_client_has_come(dial, tmp_path, monkeypatch, kept):
    """Every method of both clients, in any order, as often as one likes; the connection is free."""
    monkeypatch.setattr("aidial_min.transport.downloads.KEPT", kept)

    async def work():
        async with AsyncDial(base_url=dial.url, api_key=dial.api_key) as client:
            url = await client.my_files_home() / "come.bin"
            await client.files.upload(url, BLOB)
            response = await client.files.download(url)
            assert client._transport.statistics().taken == 0
            for _ in range(2):
                assert response.get_content() == await response.aget_content() == b"".join(response) == BLOB
                assert b"".join([piece async for piece in response]) == BLOB
                response.write_to(tmp_path / "one")
                await response.awrite_to(tmp_path / "two")
                assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes() == BLOB

    asyncio.run(work())


def test_a_download_of_the_async_client_that_still_comes_says_how_it_is_read(dial):
    async def work():
        async with AsyncDial(base_url=dial.url, api_key=dial.api_key) as client:
            url = await client.my_files_home() / "coming.bin"
            await client.files.upload(url, BLOB)
            async with client.files.stream_download(url) as response:
                for use in (list, lambda r: r.get_content(), lambda r: r.write_to("x")):
                    with pytest.raises(InvalidRequestError, match="async for"):
                        use(response)
                assert await response.aget_content() == BLOB

    asyncio.run(work())


# ---------------------------------------------------------------- secrets and bad input


def test_a_credential_that_the_server_echoes_is_masked_everywhere(kind):
    import copy
    import pickle
    import traceback

    secret = "sk-very-secret-12345"
    echo = refused(
        400,
        b'{"error":{"message":"bad key %s","code":"%s"}}' % (secret.encode(), secret.encode()),
        b"x-echo: %s\r\n" % secret.encode(),
    )
    with RawServer([echo, length(b"oops " + secret.encode())]) as server:
        with client_of(kind, base_url=server.url, api_key=secret) as call:
            for _ in range(2):
                with pytest.raises(DialException) as caught:
                    call(bucket)
                error = caught.value
                everything = [str(error), repr(error), repr(vars(error)), repr(dict(error.headers))]
                everything += traceback.format_exception(type(error), error, error.__traceback__)
                everything.append(repr(vars(pickle.loads(pickle.dumps(copy.copy(error))))))
                assert secret not in "".join(everything)
                assert "***" in "".join(everything)


@pytest.mark.parametrize(
    "answer", [refused(400, b"no"), [CUT], [HOLD], length(b"no JSON")], ids=["refused", "closed", "silent", "no JSON"]
)
def test_what_shows_the_variables_of_a_traceback_shows_no_credential(kind, answer, monkeypatch):
    import traceback

    monkeypatch.setenv("DIAL_API_KEY", "sk-very-secret-12345")
    settings = {"api_key": None, "max_retries": 0, "timeout": Timeout(read=0.05)}
    with RawServer([answer]) as server, client_of(kind, base_url=server.url, **settings) as call:
        with pytest.raises(DialException) as caught:
            call(bucket)
        shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        assert "very-secret" not in "".join(shown.format())


@pytest.mark.parametrize("client_class", [Dial, AsyncDial])
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"api_key": "key-of-a-test"}, "DIAL_URL"),
        ({"base_url": "http://127.0.0.1:1"}, "DIAL_API_KEY"),
        ({"base_url": "http://127.0.0.1:1", "api_key": "a-key", "bearer_token": "Bearer b"}, "the word Bearer"),
        ({"base_url": "127.0.0.1:8080", "api_key": "a-key"}, "http://"),
        ({"base_url": "ftp://x", "api_key": "a-key"}, "http://"),
        ({"base_url": "http://", "api_key": "a-key"}, "host"),
        ({"base_url": "http://user:secret-word@x", "api_key": "a-key"}, "credentials"),
        ({"base_url": "http://x:notaport", "api_key": "a-key"}, "port"),
        ({"base_url": "http://x", "api_key": ""}, "empty"),
        ({"base_url": "http://x", "api_key": 42}, "str"),
        ({"base_url": "http://x", "api_key": "a-key", "timeout": -1}, "positive"),
        ({"base_url": "http://x", "api_key": "a-key", "timeout": "5"}, "seconds"),
        ({"base_url": "http://x", "api_key": "a-key", "max_retries": -1}, "max_retries"),
        ({"base_url": "http://x", "api_key": "a-key", "limits": Limits(max_connections=0)}, "max_connections"),
    ],
)
def test_clients_that_make_no_sense_are_refused_with_what_to_do(client_class, settings, words, monkeypatch):
    monkeypatch.delenv("DIAL_URL", raising=False)
    monkeypatch.delenv("DIAL_API_KEY", raising=False)
    with pytest.raises(ConfigurationError, match=words) as caught:
        client_class(**settings)
    assert isinstance(caught.value, ValueError) and "secret-word" not in str(caught.value)


@pytest.mark.parametrize("key", ["line\nbreak-secret", "nul\x00-secret", "ключ-secret", "cr\r-secret"])
def test_a_key_that_can_not_travel_is_refused_without_being_shown(kind, key):
    with pytest.raises(InvalidRequestError) as caught:
        (Dial if kind == "sync" else AsyncDial)(base_url="http://127.0.0.1:1", api_key=key)
    assert "secret" not in str(caught.value) + repr(caught.value)
    with RawServer([GOOD]) as server, client_of(kind, base_url=server.url, api_key=lambda: key) as call:
        with pytest.raises(InvalidRequestError) as caught:
            call(bucket)
        assert "secret" not in str(caught.value) and server.requests == []


def test_blanks_around_a_key_are_stripped(kind):
    with RawServer([GOOD]) as server, client_of(kind, base_url=server.url, api_key=" the-key\r\n") as call:
        call(bucket)
        assert "\r\nApi-Key: the-key\r\n" in server.requests[0][1] + "\r\n"


def test_a_coroutine_function_is_refused_by_the_sync_client():
    async def key():
        return "a-key"

    with pytest.raises(ConfigurationError, match="AsyncDial"):
        Dial(base_url="http://127.0.0.1:1", api_key=key)


def test_user_headers_can_not_inject_others(kind):
    with RawServer([COMPLETION]) as server, client_of(kind, base_url=server.url) as call:
        for headers in ({"X-A": "b\r\nX-Evil: 1"}, {"X-A: b\r\nX-Evil": "1"}, {"X-A": "ы"}):
            with pytest.raises(InvalidRequestError) as caught:
                call(lambda client, headers=headers: client.chat.completions.create(extra_headers=headers, **CHAT))
            assert "Evil" not in str(caught.value)
        assert server.requests == []
