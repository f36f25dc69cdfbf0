"""DialServer as a program among others: its life, its connections, and what it makes of odd bytes."""

import gc
import json
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from aidial_min.testing import ChatRequest, Deployment, DialServer
from aidial_min.testing.builtin_deployments import calculate

from ..support.patience import PATIENCE, until
from . import recorded_core as recorded
from .raw_client import UPLOAD, Raw, request_bytes, upload_body

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def server() -> Iterator[DialServer]:
    with DialServer() as running:
        yield running


@pytest.fixture
def raw(server: DialServer) -> Iterator[Raw]:
    with Raw(server.port) as connection:
        yield connection


def key(server: DialServer) -> dict[str, str]:
    return {"Api-Key": server.api_key}


def chat(said: str, **more: Any) -> bytes:
    return json.dumps({"messages": [{"role": "user", "content": said}], **more}).encode()


def ask(raw: Raw, server: DialServer, deployment: str, said: str, **more: Any) -> Any:
    path = f"/openai/deployments/{deployment}/chat/completions"
    return raw.request("POST", path, {**key(server), **JSON}, chat(said, **more))


def bucket_of(raw: Raw, server: DialServer) -> str:
    return str(json.loads(raw.request("GET", "/v1/bucket", key(server)).body)["bucket"])


# Life


def test_url_and_port() -> None:
    with DialServer(api_key="secret") as server:
        assert server.url == f"http://127.0.0.1:{server.port}"
        assert server.api_key == "secret"
        assert server.port > 0
        assert server.url in repr(server)


def test_a_port_can_be_given() -> None:
    with DialServer() as first:
        with pytest.raises(OSError):
            DialServer(port=first.port).start()
        port = first.port
    with DialServer(port=port) as server:
        assert server.port == port


def test_keys() -> None:
    assert DialServer().api_key == "dial-key"
    assert DialServer(keys={"one": "a", "two": "b"}).api_key == "one"
    assert DialServer(keys={"one": "a", "two": "b"}, api_key="two").api_key == "two"
    with DialServer(keys={"one": "a"}, api_key="more", per_request_keys={"k": ("one", "app")}) as server:
        with Raw(server.port) as raw:
            for name in ("one", "more", "k"):
                assert raw.request("GET", "/v1/bucket", {"Api-Key": name}).status == 200
            assert raw.request("GET", "/v1/bucket", {"Api-Key": "dial-key"}).status == 401


def test_an_unknown_generation_is_refused() -> None:
    with pytest.raises(ValueError, match="1999"):
        DialServer(generation="1999")


def test_start_and_stop_are_cheap() -> None:
    """Nothing in them waits for its next look; the machine may be busy, so once is enough."""
    assert any(seconds_of(lambda: DialServer().start().stop()) < 0.1 for _ in range(20))


def seconds_of(action: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def test_a_server_can_be_started_again() -> None:
    server = DialServer()
    for _ in range(2):
        server.start()
        with pytest.raises(RuntimeError):
            server.start()
        with Raw(server.port) as raw:
            assert raw.request("GET", "/v1/bucket", key(server)).status == 200
        server.stop()
    server.stop()


def test_stop_leaves_nothing() -> None:
    before = set(threading.enumerate())

    def slow(request: ChatRequest) -> Iterator[Any]:
        yield "first"
        yield 10 * PATIENCE
        yield "second"

    server = DialServer(deployments=[Deployment("slow", behaviour=slow)]).start()
    path = "/openai/deployments/slow/chat/completions"
    connections = [Raw(server.port) for _ in range(4)]
    idle, streaming, uploading, silent = connections
    idle.request("GET", "/v1/bucket", key(server))
    streaming.send(request_bytes("POST", path, {**key(server), **JSON}, chat("x", stream=True)))
    streaming.head()
    bucket = bucket_of(uploading, server)
    headers = {**key(server), **UPLOAD}
    uploading.send(request_bytes("PUT", f"/v1/files/{bucket}/a", {**headers, "Content-Length": "100000"}, b"--B\r\n"))
    body = b'--B\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n--B--\r\n'
    silent.send(request_bytes("PUT", f"/v1/files/{bucket}/a", headers, body))
    until(lambda: len(server.requests) == 5)
    server.stop()
    until(lambda: set(threading.enumerate()) <= before)  # it waits for them, but no longer than two seconds
    with pytest.raises(OSError):
        Raw(server.port)
    for connection in connections:
        connection.close()
    gc.collect()  # an unclosed socket would warn here


def test_the_same_key_has_the_same_bucket_in_every_server() -> None:
    buckets = []
    for _ in range(2):
        with DialServer(keys={"a": "one", "b": "two"}) as server, Raw(server.port) as raw:
            for name in ("a", "b"):
                buckets.append(json.loads(raw.request("GET", "/v1/bucket", {"Api-Key": name}).body)["bucket"])
    assert buckets[:2] == buckets[2:]
    assert buckets[0] != buckets[1]
    assert all(bucket.isalnum() for bucket in buckets)


def test_two_runs_give_the_same_bytes() -> None:
    runs: list[list[bytes]] = []
    for _ in range(2):
        with DialServer() as server, Raw(server.port) as raw:
            bucket = bucket_of(raw, server)
            upload = raw.request("PUT", f"/v1/files/{bucket}/a.txt", {**key(server), **UPLOAD}, upload_body(b"x"))
            runs.append([upload.body, ask(raw, server, "showcase", "x", stream=True).body])
    assert runs[0] == runs[1]


def test_a_clock_can_be_given() -> None:
    with DialServer(clock=lambda: 1234.5) as server, Raw(server.port) as raw:
        bucket = bucket_of(raw, server)
        upload = raw.request("PUT", f"/v1/files/{bucket}/a.txt", {**key(server), **UPLOAD}, upload_body(b"x"))
        assert json.loads(upload.body)["createdAt"] == 1234500


# Connections


def test_a_hundred_connections_and_a_thousand_requests(server: DialServer) -> None:
    problems: list[str] = []

    def work(number: int) -> None:
        with Raw(server.port) as raw:
            for turn in range(10):
                said = f"client {number} turn {turn}"
                answer = ask(raw, server, "echo", said, stream=turn % 2 == 1)
                if turn % 2 == 0 and json.loads(answer.body)["choices"][0]["message"]["content"] != said:
                    problems.append(answer.body.decode())
                if turn % 2 == 1 and (b"data: [DONE]" not in answer.body or f'"{number} "'.encode() not in answer.body):
                    problems.append(answer.body.decode())

    threads = [threading.Thread(target=work, args=(number,)) for number in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert not problems
    assert not any(thread.is_alive() for thread in threads)


def test_a_small_request_waits_for_nothing(server: DialServer, raw: Raw) -> None:
    """Not for an acknowledgement, which takes 40 ms; how fast it is, the benchmark tells."""
    assert any(seconds_of(lambda: raw.request("GET", "/v1/bucket", key(server))) < 0.02 for _ in range(100))


ERRORS = [
    ("GET", "/v1/bucket", {}, b"", 401),
    ("GET", "/v1/nope", {"Api-Key": "dial-key"}, b"", 502),
    ("TRACE", "/v1/bucket", {}, b"body that nobody reads", 405),
    ("POST", "/v1/bucket", {"Api-Key": "wrong"}, b"x" * 300_000, 401),
    ("POST", "/openai/deployments/echo/chat/completions", {"Api-Key": "dial-key"}, b"{}" * 1000, 415),
    ("POST", "/openai/deployments/nope/chat/completions", {"Api-Key": "dial-key", **JSON}, b"{}", 404),
    ("POST", "/openai/deployments/echo/chat/completions", {"Api-Key": "dial-key", **JSON}, b"{", 400),
    ("PUT", "/v1/files/nobody/x", {"Api-Key": "dial-key", **UPLOAD}, upload_body(b"x" * 100_000), 400),
    (
        "POST",
        "/v1/bucket",
        {"Transfer-Encoding": "chunked"},
        b"5\r\nhello\r\n3;x=1\r\nyou\r\n0\r\nTrailer: 1\r\n\r\n",
        401,
    ),
]


@pytest.mark.parametrize("method, path, headers, body, status", ERRORS)
def test_the_connection_stays_open_after_an_error(
    server: DialServer, raw: Raw, method: str, path: str, headers: dict[str, str], body: bytes, status: int
) -> None:
    for _ in range(3):
        answer = raw.request(method, path, headers, body)
        assert answer.status == status
        assert answer.header("content-type") in (None, "application/json")
    assert raw.request("GET", "/v1/bucket", key(server)).status == 200


def test_two_requests_in_one_packet(server: DialServer, raw: Raw) -> None:
    one = request_bytes("GET", "/v1/bucket", key(server))
    two = request_bytes("POST", "/openai/deployments/echo/chat/completions", {**key(server), **JSON}, chat("hi"))
    raw.send(one + two + one)
    assert [raw.answer().status for _ in range(3)] == [200, 200, 200]
    assert raw.buffer == b""


def test_a_request_byte_by_byte(server: DialServer, raw: Raw) -> None:
    data = request_bytes("POST", "/openai/deployments/echo/chat/completions", {**key(server), **JSON}, chat("hi"))
    for place in range(len(data)):
        raw.send(data[place : place + 1])
    assert json.loads(raw.answer().body)["choices"][0]["message"]["content"] == "hi"


def test_connection_close(server: DialServer, raw: Raw) -> None:
    answer = raw.request("GET", "/v1/bucket", {"Connection": "close", **key(server)})
    names = [name for name, _ in answer.headers]
    assert names == ["access-control-allow-origin", "content-type", "connection", "content-length"]
    assert raw.ended()


def test_the_target_may_be_absolute(server: DialServer, raw: Raw) -> None:
    assert raw.request("GET", "http://dial.example/v1/bucket", key(server)).status == 200


def test_slashes_at_the_front(server: DialServer, raw: Raw) -> None:
    assert raw.request("GET", "//openai/models/gpt-35-turbo", key(server)).status == 200
    assert raw.request("GET", "//v1/bucket", key(server)).status == 502


def test_a_folded_header_and_no_host(server: DialServer, raw: Raw) -> None:
    raw.send(f"GET /v1/bucket HTTP/1.1\r\nX: a\r\n b\r\nApi-Key: {server.api_key}\r\n\r\n".encode())
    assert raw.answer().status == 200


@pytest.mark.parametrize(
    "data, line",
    [
        (b"hello\r\n\r\n", "HTTP/1.0 400 Bad Request"),
        (b"PUT /v1/files/b/raw space HTTP/1.1\r\n\r\n", "HTTP/1.0 400 Bad Request"),
        (b"GET /v1/bucket HTTP/1.1\r\nno colon\r\n\r\n", "HTTP/1.0 400 Bad Request"),
        (b"GET / HTTP/1.1\r\nContent-Length: " + b"1" * 5000 + b"\r\n\r\n", "HTTP/1.0 400 Bad Request"),
        (b"GET / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\n", "HTTP/1.0 400 Bad Request"),
        (b"GET /v1/bucket?" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", "HTTP/1.0 414 Request-URI Too Long"),
        (b"GET /v1/bucket?" + b"a" * 5000, "HTTP/1.0 414 Request-URI Too Long"),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 20000 + b"\r\n\r\n", "HTTP/1.1 431 Request Header Fields Too Large"),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 20000, "HTTP/1.1 431 Request Header Fields Too Large"),
    ],
)
def test_what_is_no_request(raw: Raw, data: bytes, line: str) -> None:
    raw.send(data)
    version, status, reason, headers = raw.head()
    assert f"{version} {status} {reason}" == line
    assert headers == [("content-length", "0")]
    assert raw.ended()


def test_http_1_0(raw: Raw) -> None:
    raw.send(b"GET /v1/bucket HTTP/1.0\r\nHost: x\r\n\r\n")
    version, status, reason, headers = raw.head()
    assert (version, status, reason) == ("HTTP/1.0", 505, "HTTP Version Not Supported")
    assert headers == [("access-control-allow-origin", "*"), ("content-length", "0")]
    assert raw.ended()


def test_expect_gets_no_continue(server: DialServer, raw: Raw) -> None:
    bucket = bucket_of(raw, server)
    headers = {**key(server), **UPLOAD, "Content-Length": "100", "Expect": "100-continue"}
    raw.send(request_bytes("PUT", f"/v1/files/{bucket}/expect.txt", headers))
    assert raw.nothing_comes(0.1)


def test_413_comes_before_the_body_is_read(server: DialServer, raw: Raw) -> None:
    headers = {**UPLOAD, "Content-Length": str(600 << 20)}
    answer = raw.request("PUT", "/v1/files/x/huge.bin", headers, b"--B\r\n")
    assert (answer.status, answer.body) == (413, b"Request body is too large")
    raw.send(b"x" * (8 << 20))  # Core reads on and throws it away


def test_413_for_other_bodies(server: DialServer, raw: Raw) -> None:
    headers = {**JSON, "Content-Length": str((16 << 20) + 1)}
    assert raw.request("POST", "/openai/deployments/echo/chat/completions", headers).status == 413


def test_cors(raw: Raw) -> None:
    headers = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "api-key"}
    answer = raw.request("OPTIONS", "/v1/anything", headers)
    assert answer.status == 200
    assert answer.header("access-control-allow-methods") == "PUT"
    assert answer.header("access-control-allow-headers") == "api-key"
    assert answer.header("access-control-max-age") == "86400"


@pytest.mark.parametrize(
    "accepted, coding, bits",
    [("gzip", "gzip", 31), ("deflate, gzip", "gzip", 31), ("deflate", "deflate", 15), ("*", "gzip", 31)],
)
def test_compressed_answers(server: DialServer, raw: Raw, accepted: str, coding: str, bits: int) -> None:
    headers = {**key(server), "Accept-Encoding": accepted}
    plain = raw.request("GET", "/openai/models", key(server)).body
    answer = raw.request("GET", "/openai/models", headers)
    assert answer.header("content-encoding") == coding
    assert zlib.decompress(answer.body, bits) == plain
    path = "/openai/deployments/echo/chat/completions"
    streamed = raw.request("POST", path, {**headers, **JSON}, chat("a b", stream=True))
    assert streamed.chunks is not None
    unpacker = zlib.decompressobj(bits)
    events = [unpacker.decompress(chunk) for chunk in streamed.chunks]
    assert events[-2].endswith(b"data: [DONE]\n\n")  # flushed for every event; the last chunk only ends the data
    assert all(event.startswith(b"data: ") for event in events[:-1])


@pytest.mark.parametrize("accepted", ["identity", "br", "gzip;q=0", "gzip;q=x"])
def test_answers_that_stay_plain(server: DialServer, raw: Raw, accepted: str) -> None:
    answer = raw.request("GET", "/openai/models", {**key(server), "Accept-Encoding": accepted})
    assert answer.header("content-encoding") is None


def test_nothing_is_compressed_when_there_is_nothing(server: DialServer, raw: Raw) -> None:
    answer = raw.request("GET", "/health", {"Accept-Encoding": "gzip"})
    assert answer.headers == [("access-control-allow-origin", "*"), ("content-length", "0")]


# Deployments


@pytest.mark.parametrize("deployment", ["echo", "stable-diffusion-xl", "gemini-pro-vision", "app_id"])
def test_echo(server: DialServer, raw: Raw, deployment: str) -> None:
    said = "Bonjour à tous,  deux   blancs\nune ligne "
    answer = json.loads(ask(raw, server, deployment, said).body)
    assert answer["choices"][0]["message"] == {"role": "assistant", "content": said}
    events = ask(raw, server, deployment, said, stream=True).body.decode().split("\n\n")
    deltas = [json.loads(event[6:])["choices"][0]["delta"] for event in events[:-2]]
    pieces = [delta["content"] for delta in deltas if "content" in delta]
    assert "".join(pieces) == said
    assert len(pieces) > 3


@pytest.mark.parametrize("said", [" " * 200_000, "a " * 20_000, "\n\t" * 100_000], ids=["blanks", "words", "lines"])
def test_a_long_echo_takes_no_longer_than_its_length(server: DialServer, raw: Raw, said: str) -> None:
    """What looks at every blank from every blank takes minutes here; PATIENCE ends it."""
    assert ask(raw, server, "echo", said).json()["choices"][0]["message"]["content"] == said


def test_a_body_in_chunks_of_a_byte(server: DialServer, raw: Raw) -> None:
    body = chat("x" * 100_000)
    raw.send(request_bytes("POST", "/openai/deployments/echo/chat/completions", {
        **key(server), **JSON, "Transfer-Encoding": "chunked",
    }))  # fmt: skip
    raw.send(b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n")
    assert raw.answer().json()["choices"][0]["message"]["content"] == "x" * 100_000


def test_parts_of_content(server: DialServer, raw: Raw) -> None:
    parts = [{"type": "text", "text": "a "}, {"type": "image_url", "image_url": {"url": "data:x"}}]
    messages = [
        {"role": "user", "content": [*parts, {"type": "text", "text": "b"}]},
        {"role": "assistant", "content": "?"},
    ]
    path = "/openai/deployments/echo/chat/completions"
    answer = raw.request("POST", path, {**key(server), **JSON}, json.dumps({"messages": messages}).encode())
    assert answer.json()["choices"][0]["message"]["content"] == "a b"


@pytest.mark.parametrize(
    "question, answer",
    [
        ("2+3=", "5"), ("2 + 3 = ?", "5"), ("(1+2)*-4", "-12"), ("7/2", "3.5"), ("8/2", "4"), ("2**10", "1024"),
        ("1/0", "Nobody can divide by zero"), ("hello", "I can only do arithmetic, such as 2+3="),
        ("__import__('os')", "I can only do arithmetic, such as 2+3="), ("", "I can only do arithmetic, such as 2+3="),
        ("9**9**9", "I can only do arithmetic, such as 2+3="), ("(" * 300, "I can only do arithmetic, such as 2+3="),
    ],
)  # fmt: skip
def test_calculator(server: DialServer, raw: Raw, question: str, answer: str) -> None:
    for deployment in ("calculator", "gpt-35-turbo"):
        got = json.loads(ask(raw, server, deployment, question).body)
        assert got["choices"][0]["message"]["content"] == answer


def test_calculators_in_threads_do_not_disturb_each_other() -> None:
    """In CPython 3.11 threads that parse at once do, where a collection of garbage lets another one run."""
    threshold, found = gc.get_threshold(), []

    def let_others_run(phase: str, info: Any) -> None:
        time.sleep(0)

    def work() -> None:
        for _ in range(20):
            found.append(calculate("+".join("1" * 90)))

    threads = [threading.Thread(target=work) for _ in range(4)]
    gc.callbacks.append(let_others_run)
    gc.set_threshold(20)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        gc.callbacks.remove(let_others_run)
        gc.set_threshold(*threshold)
    assert found == ["90"] * 80


def test_showcase(server: DialServer, raw: Raw) -> None:
    whole = json.loads(ask(raw, server, "showcase", "x").body)
    message = whole["choices"][0]["message"]
    assert [stage["status"] for stage in message["custom_content"]["stages"]] == ["completed", "failed"]
    assert message["custom_content"]["stages"][0]["name"] == "Searching the library"
    assert len(message["custom_content"]["attachments"]) == 2
    assert message["custom_content"]["state"] == {"turn": 1, "asked": ["x"]}
    assert message["tool_calls"][0]["function"] == {"name": "get_weather", "arguments": '{"city": "Paris"}'}
    assert whole["choices"][0]["finish_reason"] == "tool_calls"
    assert whole["usage"]["total_tokens"] == 20
    assert whole["statistics"]["usage_per_model"][0]["model"] == "showcase-inner"


def test_showcase_heartbeats_delays_and_errors(server: DialServer, raw: Raw) -> None:
    wishes = {"heartbeats": 2, "delay": 0.001, "error": "boom"}
    answer = ask(raw, server, "showcase", "x", stream=True, custom_fields={"configuration": wishes})
    events = answer.body.split(b"\n\n")
    assert events[:2] == [b": heartbeat"] * 2
    assert json.loads(events[-3][6:])["error"]["message"] == "boom"
    assert events[-2] == b"data: [DONE]"
    whole = ask(raw, server, "showcase", "x", custom_fields={"configuration": {"error": "boom"}})
    assert whole.status == 500
    assert json.loads(whole.body)["error"]["display_message"] == "The showcase was asked to fail"


def test_a_behaviour_of_ones_own() -> None:
    def shout(request: ChatRequest) -> Iterator[Any]:
        yield request.last_text.upper()

    def broken(request: ChatRequest) -> Iterator[Any]:
        yield "begin"
        raise KeyError("a bug")

    deployments = [
        Deployment("shout", behaviour=shout),
        Deployment("broken", behaviour=broken),
        Deployment("slow", behaviour=shout, delay=0.02, heartbeat=0.005),
        Deployment("none", behaviour="none"),
    ]
    with DialServer(deployments=deployments) as server, Raw(server.port) as raw:
        assert json.loads(ask(raw, server, "shout", "hi").body)["choices"][0]["message"]["content"] == "HI"
        assert ask(raw, server, "broken", "hi").status == 500
        late = ask(raw, server, "broken", "hi", stream=True)
        assert late.status == 200
        assert b'{"error":{"message":"Error during processing the request"' in late.body
        assert ask(raw, server, "slow", "hi", stream=True).body.count(b": heartbeat\n\n") == 3
        assert ask(raw, server, "none", "hi").status == 503


@pytest.mark.parametrize(
    "body, words",
    [
        ({}, "messages. field required"),
        ({"messages": [{"content": "x"}]}, "messages.0.role. field required"),
        ({"messages": [1]}, "messages.0. value is not a valid dict"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages.0.content. str type expected"),
        ({"messages": [{"role": "user", "content": "x", "zzz": 1}]}, "messages.0.zzz. extra fields not permitted"),
        ({"messages": [{"role": "user"}], "stream": None}, "stream. none is not an allowed value"),
        ({"messages": [{"role": "user"}], "temperature": "hot"}, "temperature. value is not a valid float"),
        ({"messages": [{"role": "user"}], "stop": 5}, "stop. str type expected"),
        ({"messages": [{"role": "user"}], "seed": 1.5}, "seed. value is not a valid integer"),
        ({"messages": [{"role": "user"}], "stream": "x"}, "stream. value could not be parsed to a boolean"),
        ({"messages": [{"role": "user"}], "max_tokens": 0}, "max_tokens. ensure this value is greater than 0"),
        ({"messages": [{"role": "user"}], "tools": [{"type": "function"}]}, "tools.0.function. field required"),
        (
            {"messages": [{"role": "user", "custom_content": {"attachments": [{"title": "x"}]}}]},
            "messages.0.custom_content.attachments.0.__root__. "
            "Attachment must have either 'data' or 'url', but it's missing both",
        ),
        (
            {"messages": [{"role": "user", "custom_content": {"attachments": [{"data": "x", "url": "http://x"}]}}]},
            "messages.0.custom_content.attachments.0.__root__. "
            "Attachment must have either 'data' or 'url', but it has both",
        ),
    ],
)
def test_validation(server: DialServer, raw: Raw, body: Any, words: str) -> None:
    path = "/openai/deployments/echo/chat/completions"
    answer = raw.request("POST", path, {**key(server), **JSON}, json.dumps(body).encode())
    assert answer.status == 400
    message = "Your request contained invalid structure on path " + words
    assert json.loads(answer.body) == {"error": {"message": message, "type": "invalid_request_error", "code": "400"}}


def test_a_large_upload_comes_back(server: DialServer, raw: Raw) -> None:
    bucket = bucket_of(raw, server)
    content = bytes(range(256)) * 40_000 + b"\r\n--\r\n--C\r\n"
    upload = raw.request("PUT", f"/v1/files/{bucket}/big", {**key(server), **UPLOAD}, upload_body(content, "a/b"))
    assert json.loads(upload.body)["contentLength"] == len(content)
    answer = raw.request("GET", f"/v1/files/{bucket}/big", key(server))
    assert answer.body == content
    assert answer.header("content-type") == "a/b"


def test_a_stored_type_brings_no_header_along(server: DialServer, raw: Raw) -> None:
    path = f"/v1/files/{bucket_of(raw, server)}/evil"
    raw.request("PUT", path, {**key(server), **UPLOAD}, upload_body(b"x", "text/plain\nX-Evil: yes"))
    answer = raw.request("GET", path, key(server))
    assert [name for name, _ in answer.headers].count("X-Evil") == 0
    assert answer.status == 200


def test_names_may_take_900_bytes(server: DialServer, raw: Raw) -> None:
    bucket = bucket_of(raw, server)
    room = 900 - len("Keys/project/files/")
    for length, status in ((room, 200), (room + 1, 400)):
        path = f"/v1/files/{bucket}/{'a' * length}"
        answer = raw.request("PUT", path, {**key(server), **UPLOAD}, upload_body(b"x"))
        assert answer.status == status
    assert answer.body == b"Resource path exceeds max allowed size: 900"


def test_pages(server: DialServer) -> None:
    with recorded.server() as other, Raw(other.port) as raw:
        bucket = bucket_of(raw, other)
        names = [f"d{number}/x" for number in range(3)] + [f"f{number}" for number in range(4)]
        for name in names:
            raw.request("PUT", f"/v1/files/{bucket}/{name}", {**key(other), **UPLOAD}, upload_body(b"x"))
        for recursive, expected in (
            ("false", ["d0", "d1", "d2", "f0", "f1", "f2", "f3"]),
            ("true", ["x"] * 3 + names[3:]),
        ):
            for limit in (1, 2, 3, 7):
                found: list[str] = []
                token = ""
                for _ in range(10):
                    path = f"/v1/metadata/files/{bucket}/?limit={limit}&recursive={recursive}{token}"
                    page = json.loads(raw.request("GET", path, key(other)).body)
                    assert len(page["items"]) <= limit
                    found += [item["name"] for item in page["items"]]
                    if "nextToken" not in page:
                        break
                    token = "&token=" + page["nextToken"].replace("/", "%2F")
                assert found == expected
