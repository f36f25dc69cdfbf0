"""Headers that change, two credentials, and what can be seen of every attempt: both clients against a server."""

import asyncio
import contextvars
import inspect
import logging
import sys
import types

import pytest

from aidial_min import AsyncDial, AsyncDialClientPool, Attempt, Dial, DialClientPool, ServerError
from aidial_min.testing import DialServer

TENANT = contextvars.ContextVar("tenant", default=None)
HELLO = [{"role": "user", "content": "Hello"}]


@pytest.fixture(params=["sync", "async"])
def kind(request):
    return request.param


@pytest.fixture
def server():
    with DialServer() as server:
        yield server


def carry_out(kind, server, *calls, **settings):
    """What several calls of one client give, one after the other; errors included."""
    settings.setdefault("api_key", server.api_key)

    async def main():
        client = (AsyncDial if kind == "async" else Dial)(base_url=server.url, **settings)
        found = []
        try:
            for call in calls:
                try:
                    value = call(client)
                    found.append(await value if inspect.isawaitable(value) else value)
                except Exception as error:
                    found.append(error)
        finally:
            await client.aclose() if kind == "async" else client.close()
        return found

    return asyncio.run(main())


def bucket(client):
    return client.bucket.get_raw()


def sent(server, name):
    return [request.headers.get(name) for request in server.requests]


class TestHeaders:
    def test_a_function_is_asked_before_every_attempt(self, kind, server):
        numbers = iter(range(9))
        server.fail(503, times=1)
        carry_out(kind, server, bucket, bucket, default_headers=lambda: {"X-Number": "%d" % next(numbers)})
        assert sent(server, "x-number") == ["0", "1", "2"]

    def test_a_coroutine_function_is_for_the_async_client(self, server):
        async def headers():
            await asyncio.sleep(0)
            return {"X-Later": "yes"}

        carry_out("async", server, bucket, default_headers=headers)
        assert sent(server, "x-later") == ["yes"]

    def test_a_context_variable_travels_with_its_task(self, server):
        async def ask(client, tenant):
            TENANT.set(tenant)
            await client.bucket.get_raw()

        async def main():
            headers = lambda: {"X-Tenant": TENANT.get()}  # noqa: E731
            async with AsyncDial(base_url=server.url, api_key=server.api_key, default_headers=headers) as client:
                await asyncio.gather(*(ask(client, name) for name in ("a", "b", "c")), client.bucket.get_raw())

        asyncio.run(main())
        assert sorted(map(str, sent(server, "x-tenant"))) == ["None", "a", "b", "c"]

    def test_the_key_of_the_request_at_hand(self, kind, server):
        server.add_per_request_key("key-of-one-request", "echo")
        token = TENANT.set("key-of-one-request")
        try:
            (raw,) = carry_out(kind, server, bucket, api_key=None, default_headers=lambda: {"api-key": TENANT.get()})
        finally:
            TENANT.reset(token)
        assert raw.appdata.endswith("/appdata/echo") and sent(server, "api-key") == ["key-of-one-request"]

    def test_options_and_pools_take_functions_too(self, kind, server):
        pool = (AsyncDialClientPool if kind == "async" else DialClientPool)()

        async def main():
            client = pool.create_client(base_url=server.url, api_key=server.api_key, default_headers=lambda: {"A": "1"})
            for one in (client, client.with_options(default_headers=lambda: {"B": "2"})):
                raw = one.bucket.get_raw()
                await raw if kind == "async" else raw
            await pool.aclose() if kind == "async" else pool.close()

        asyncio.run(main())
        assert sent(server, "a") == ["1", "1"] and sent(server, "b") == [None, "2"]

    def test_a_header_of_the_call_wins(self, kind, server):
        def create(client):
            return client.chat.completions.create(deployment_name="echo", messages=HELLO, extra_headers={"x-a": "call"})

        carry_out(kind, server, create, default_headers=lambda: {"X-A": "client", "X-B": "client"})
        assert sent(server, "x-a") == ["call"] and sent(server, "x-b") == ["client"]


class TestCredentials:
    def test_both_are_sent(self, kind, server):
        carry_out(kind, server, bucket, bearer_token=lambda: "token")
        assert sent(server, "api-key") == [server.api_key] and sent(server, "authorization") == ["Bearer token"]

    def test_a_header_replaces_that_of_its_name(self, kind, server):
        carry_out(kind, server, bucket, bearer_token="token", default_headers={"authorization": "Basic x"})
        assert sent(server, "api-key") == [server.api_key] and sent(server, "authorization") == ["Basic x"]

    def test_a_file_is_read_again_when_its_secret_is_replaced(self, kind, server, tmp_path, monkeypatch):
        file = tmp_path / "key"
        file.write_text("old-key\n")
        monkeypatch.delenv("DIAL_API_KEY", raising=False)
        monkeypatch.setenv("DIAL_API_KEY_FILE", str(file))

        def renew(client):
            file.write_text(server.api_key)

        first, _, second = carry_out(kind, server, bucket, renew, bucket, api_key=None)
        assert first.status_code == 401 and second.bucket
        assert sent(server, "api-key") == ["old-key", server.api_key]


class Span:
    """What OpenTelemetry's API shows of a span."""

    is_valid = True

    def get_span_context(self):
        return self


@pytest.fixture
def telemetry(monkeypatch):
    """Modules with the two functions of OpenTelemetry's API that are asked."""
    span = Span()
    trace, propagate = types.ModuleType("opentelemetry.trace"), types.ModuleType("opentelemetry.propagate")
    trace.get_current_span = lambda: span
    propagate.inject = lambda carrier: carrier.update(traceparent="00-abc-def-01", tracestate="a=1")
    for module in (types.ModuleType("opentelemetry"), trace, propagate):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return span


class TestTraces:
    def test_the_current_span_travels(self, kind, server, telemetry):
        carry_out(kind, server, bucket)
        assert sent(server, "traceparent") == ["00-abc-def-01"] and sent(server, "tracestate") == ["a=1"]

    def test_a_header_of_the_user_wins(self, kind, server, telemetry):
        carry_out(kind, server, bucket, default_headers={"Traceparent": "mine"})
        assert sent(server, "traceparent") == ["mine"] and sent(server, "tracestate") == ["a=1"]

    def test_without_a_span_nothing_is_sent(self, kind, server, telemetry):
        telemetry.is_valid = False
        carry_out(kind, server, bucket)
        assert sent(server, "traceparent") == [None]

    def test_telemetry_is_not_loaded_for_it(self, kind, server):
        carry_out(kind, server, bucket)
        assert sent(server, "traceparent") == [None] and "opentelemetry.propagate" not in sys.modules


class TestAttempts:
    def test_every_attempt_is_shown(self, kind, server):
        seen = []
        (raw,) = carry_out(kind, server, bucket)
        url = "files/%s/a.txt" % raw.bucket
        carry_out(
            kind, server, bucket, lambda client: client.files.upload(url, b"x" * 1000), on_attempt=seen.append
        )  # fmt: skip
        assert [(one.number, one.method, one.status) for one in seen] == [(1, "GET", 200), (1, "PUT", 200)]
        assert all(isinstance(one, Attempt) and one.error is None and one.retry_in is None for one in seen)
        assert seen[0].url == server.url + "/v1/bucket" and seen[0].received > 0 and seen[1].sent > 1000
        assert all(0 <= one.seconds < 60 for one in seen)

    def test_retries_and_errors(self, kind, server):
        seen = []
        server.fail(503, times=1, headers={"X-Dial-Trace-Id": "trace-1"})
        carry_out(kind, server, bucket, on_attempt=seen.append)
        assert [(one.number, one.status) for one in seen] == [(1, 503), (2, 200)]
        assert isinstance(seen[0].error, ServerError) and seen[0].retry_in > 0 and seen[0].trace_id == "trace-1"

    def test_a_server_that_is_not_there(self, kind, server):
        seen = []
        server.stop()
        (error,) = carry_out(kind, server, bucket, on_attempt=seen.append, max_retries=1)
        assert [(one.number, one.status, type(one.error)) for one in seen] == [
            (1, None, type(error)),
            (2, None, type(error)),
        ]
        assert seen[0].retry_in is not None and seen[1].retry_in is None and seen[1].error is error

    def test_a_stream_is_shown_when_it_begins(self, kind, server):
        seen = []
        ask = {"deployment_name": "echo", "messages": HELLO, "stream": True}
        calls = [lambda client: client.chat.completions.create(**ask), lambda client: len(seen)]
        assert carry_out(kind, server, *calls, on_attempt=seen.append)[1] == 1 and seen[0].status == 200
        assert seen[0].headers["content-type"].startswith("text/event-stream")

    def test_a_coroutine_function_is_awaited(self, server):
        seen = []

        async def note(attempt):
            await asyncio.sleep(0)
            seen.append(attempt.status)

        carry_out("async", server, bucket, on_attempt=note)
        assert seen == [200]

    def test_the_log_shows_the_same_without_secrets(self, kind, server, caplog):
        caplog.set_level(logging.DEBUG, logger="aidial_min")
        carry_out(kind, server, bucket, api_key="a-wrong-secret-key")
        (line,) = caplog.messages
        assert line.startswith("GET %s/v1/bucket: 401: " % server.url) and "a-wrong-secret-key" not in caplog.text

    def test_what_the_function_raises_reaches_the_caller(self, kind, server):
        def fail(attempt):
            raise RuntimeError("of the user's")

        (error,) = carry_out(kind, server, bucket, on_attempt=fail)
        assert type(error) is RuntimeError
