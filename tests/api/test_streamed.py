"""`client.request(..., stream=True)` and routes of applications: whole answers, bytes and events as they come."""

import pytest

from aidial_min import DialTimeoutError, InvalidRequestError, ResourceNotFoundError, ResponseInterruptedError
from aidial_min.testing import DialServer
from aidial_min.testing.deployments import Deployment

from ..support.clients import KINDS, client_of
from ..support.rawserver import CUT, HOLD, RawServer

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\ntransfer-encoding: chunked\r\nx-one: 1\r\n\r\n"


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def read(do, call, how):
    """What iterating over a streamed answer gives: its pieces, or its events."""
    if do.kind == "sync":
        with do(call) as answer:
            return answer.status_code, list(answer if how == "bytes" else answer.events())

    async def read_all(client):
        async with await call(client) as answer:
            return answer.status_code, [item async for item in (answer if how == "bytes" else answer.aevents())]

    return do(read_all)


def test_bytes_as_they_come(dial):
    with RawServer([[HEAD % b"text/plain", chunk(b"one "), chunk(b"two"), b"0\r\n\r\n"]]) as server:
        status, pieces = read(dial(server), lambda c: c.request("POST", "/v1/x", stream=True, json={"a": 1}), "bytes")
        assert status == 200 and b"".join(pieces) == b"one two"
        assert server.requests[0][2] == b'{"a":1}'


def test_events_as_they_come(dial):
    body = b": beat\n\nevent: a\nid: 7\ndata: 1\ndata: 2\n\ndata: 3\n\n"
    with RawServer([[HEAD % b"text/event-stream", chunk(body[:9]), chunk(body[9:]), b"0\r\n\r\n"]]) as server:
        _, events = read(dial(server), lambda c: c.request("GET", "/v1/x", stream=True), "events")
    assert [(event.event, event.data, event.id) for event in events] == [("a", "1\n2", "7"), ("message", "3", "7")]


def test_an_error_is_raised_as_always(newer, dial):
    with pytest.raises(ResourceNotFoundError):
        dial(newer)(lambda c: c.request("GET", "/openai/models/none", stream=True))


def test_an_error_tells_the_trace_that_the_server_recorded(dial):
    refused = b"HTTP/1.1 400 x\r\nX-DIAL-TRACE-ID: %s\r\ncontent-length: 0\r\n\r\n" % (b"0123456789abcdef" * 2)
    with RawServer([refused, b"HTTP/1.1 400 x\r\ncontent-length: 0\r\n\r\n"]) as server:
        found = []
        for _ in range(2):
            with pytest.raises(InvalidRequestError) as raised:
                dial(server)(lambda c: c.request("GET", "/v1/x"))
            found.append(raised.value.trace_id)
    assert found == ["0123456789abcdef" * 2, None]


def test_a_break_is_an_interruption(dial):
    with RawServer([[HEAD % b"text/plain", chunk(b"one"), CUT]]) as server, pytest.raises(ResponseInterruptedError):
        read(dial(server), lambda c: c.request("GET", "/v1/x", stream=True), "bytes")


def test_limits_and_retries_of_one_call(dial):
    with RawServer([[HOLD]]) as server, pytest.raises(DialTimeoutError):
        dial(server)(lambda c: c.request("GET", "/v1/x", timeout=0.05, max_retries=0))
    refused = b"HTTP/1.1 503 x\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n"
    good = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
    with RawServer([refused, good]) as server:
        assert dial(server, max_retries=0)(lambda c: c.request("GET", "/v1/x", max_retries=1)).text == "ok"


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_that_is_left_gives_its_place_back(kind):
    with RawServer([[HEAD % b"text/plain", chunk(b"one"), HOLD]]) as server:
        with client_of(kind, base_url=server.url) as call:
            if kind == "sync":
                with call(lambda c: c.request("GET", "/v1/x", stream=True)) as answer:
                    assert next(iter(answer)) == b"one"
            else:

                async def leave(client):
                    async with await client.request("GET", "/v1/x", stream=True) as answer:
                        assert [piece async for piece in first(answer)] == [b"one"]

                call(leave)


async def first(answer):
    async for piece in answer:
        yield piece
        return


ROUTES = {
    "/reports/\\d+": lambda method, body: {"method": method, "body": body.decode()},
    "/log": lambda method, body: iter([b"data: 1\n\n", b"data: 2\n\n"]),
}


def test_a_route_of_an_application(dial):
    with DialServer(keys={"one": "a"}, generation="2026", deployments=[Deployment("app", routes=ROUTES)]) as server:
        do = dial(server)
        answer = do(lambda c: c.deployments.route("app", "reports/7", method="POST", content="hi", query={"q": 1}))
        assert answer.json() == {"method": "POST", "body": "hi"}
        assert server.requests[-1].target == "/v1/deployments/app/route/reports/7?q=1"
        status, events = read(do, lambda c: c.deployments.route("app", "/log", stream=True), "events")
        assert [event.data for event in events] == ["1", "2"]
        with pytest.raises(ResourceNotFoundError):
            do(lambda c: c.deployments.route("app", "none"))
        with pytest.raises(InvalidRequestError):
            do(lambda c: c.deployments.route("app", "x", json=1, content="x"))
