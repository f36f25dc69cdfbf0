"""Both clients against a real application: aidial-sdk under uvicorn, in a Python of its own.

AIDIAL_SDK_PYTHON names an interpreter that has both packages; without it these tests are skipped.
"""

import asyncio
import json
import os
import signal
import subprocess
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

from aidial_min import (
    AsyncDial,
    Dial,
    DialTimeoutError,
    InvalidRequestError,
    RateLimitError,
    ResourceNotFoundError,
    ServerError,
    StreamInterruptedError,
    Timeout,
)
from tests.support.patience import PATIENCE, at_some_pace

PYTHON = os.environ.get("AIDIAL_SDK_PYTHON")

pytestmark = pytest.mark.skipif(
    not PYTHON, reason="AIDIAL_SDK_PYTHON names no interpreter that has aidial-sdk and uvicorn"
)

TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}]


def get(url):
    """A page of the application, past any proxy."""
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=30) as answer:
        return answer.read()


@contextmanager
def running_application():
    command = [PYTHON, str(Path(__file__).with_name("app.py"))]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        try:
            port = process.stdout.readline().strip()
            assert port.isdigit(), "the application did not start"
            url = "http://127.0.0.1:" + port
            get(url + "/health")  # it accepts connections from the beginning, and answers when it is ready
            yield url
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE)


@pytest.fixture(scope="module")
def url():
    with running_application() as url:
        yield url


class Sync:
    """Calls through Dial."""

    def __init__(self, url):
        self.client = Dial(base_url=url, api_key="key", trust_env=False, max_retries=0)

    def ask(self, deployment, content, **params):
        messages = [{"role": "user", "content": content}]
        return self.client.chat.completions.create(deployment_name=deployment, messages=messages, **params)

    def chunks(self, deployment, content, **params):
        return list(self.ask(deployment, content, stream=True, **params))

    def result(self, deployment, content, **params):
        return self.ask(deployment, content, stream=True, **params).result()

    def close(self):
        self.client.close()


class Async:
    """The same through AsyncDial, on a loop of its own."""

    def __init__(self, url):
        self.loop = asyncio.new_event_loop()
        self.client = AsyncDial(base_url=url, api_key="key", trust_env=False, max_retries=0)

    def ask(self, deployment, content, **params):
        messages = [{"role": "user", "content": content}]
        create = self.client.chat.completions.create
        return self.loop.run_until_complete(create(deployment_name=deployment, messages=messages, **params))

    def chunks(self, deployment, content, **params):
        async def collect(stream):
            return [chunk async for chunk in stream]

        return self.loop.run_until_complete(collect(self.ask(deployment, content, stream=True, **params)))

    def result(self, deployment, content, **params):
        return self.loop.run_until_complete(self.ask(deployment, content, stream=True, **params).result())

    def close(self):
        self.loop.run_until_complete(self.client.aclose())
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()


@pytest.fixture(params=[Sync, Async])
def dial(request, url):
    made = request.param(url)
    yield made
    made.close()


def test_the_example_of_the_guide(dial):
    answer = dial.ask("gpt-35-turbo", "2+3=", api_version="2024-02-15-preview")
    assert answer.choices[0].message.content == "5"
    assert answer.choices[0].finish_reason == "stop"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (11, 1, 12)


def test_the_same_streamed(dial):
    chunks = dial.chunks("gpt-35-turbo", "2+3=")
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "5"
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"


def without_what_differs(answer):
    """An answer as JSON without its time, and without the fields that a stream calls otherwise."""
    found = answer.to_dict()
    return {key: found[key] for key in found if key not in ("created", "object")}


@pytest.mark.parametrize("n", [1, 3])
def test_a_merged_stream_is_what_the_application_itself_merges(dial, n):
    """Stages within stages, attachments, state, tool calls, usage, statistics: aidial-sdk merges the whole answer."""
    whole = dial.ask("everything", "hello \u2603", n=n, tools=TOOLS)
    merged = dial.result("everything", "hello \u2603", n=n, tools=TOOLS)
    assert without_what_differs(merged) == without_what_differs(whole)
    assert (whole.object, merged.object) == ("chat.completion", "chat.completion")


def test_everything_that_an_application_sends_arrives(dial):
    answer = dial.result("everything", "hello", n=2, tools=TOOLS)
    assert (answer.id, answer.model) == ("everything", "real-application")
    assert [choice.index for choice in answer.choices] == [0, 1]
    message = answer.choices[1].message
    assert message.content == "Grüße № \U0001f600 \u20281"
    reading, deeper, trying = message.custom_content.stages
    assert (reading.name, reading.content) == ("Reading the request", "1 messages, the last: hello")
    assert (reading.status, reading.attachments[0].data) == ("completed", "**two** books")
    assert (deeper.name, deeper.parent_stage_index, trying.status) == ("Deeper", 0, "failed")
    assert [attachment.title for attachment in message.custom_content.attachments] == ["Said", None]
    assert message.custom_content.state == {"number": 1, "nested": {"list": [1, 2]}}
    assert [call.function.arguments for call in message.tool_calls] == ['{"city": "Paris"}', "{}"]
    assert answer.choices[1].finish_reason == "tool_calls"
    assert [used.model for used in answer.statistics.usage_per_model] == ["inner-1", "inner-2"]
    assert answer.statistics.discarded_messages == [0]
    assert answer.usage.total_tokens == 18


def test_headers_of_the_answer(dial):
    stream = dial.ask("everything", "hello", stream=True)
    assert stream.headers["X-Application"] == "real"
    assert stream.headers["content-type"].startswith("text/event-stream")
    if isinstance(dial, Sync):
        stream.close()
    else:
        dial.loop.run_until_complete(stream.aclose())


def test_a_message_that_came_is_taken_back(dial):
    message = dial.result("everything", "hello", tools=TOOLS).choices[0].message
    tool = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "sunny"}
    messages = [{"role": "user", "content": "hello"}, message, tool]
    call = dial.client.chat.completions.create(deployment_name="everything", messages=messages)
    answer = call if isinstance(dial, Sync) else dial.loop.run_until_complete(call)
    assert answer.choices[0].message.custom_content.stages[0].content == "3 messages, the last: sunny"


def test_heartbeats_are_not_chunks(dial):
    chunks = dial.chunks("slow", "hello")
    texts = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
    assert texts == ["all in ", "good time"]


def test_heartbeats_feed_read_but_not_progress(dial):
    def scenario(pace):
        answer = dial.result("slow", "%g times" % pace, timeout=Timeout(read=0.45 * pace))
        assert answer.choices[0].message.content == "all in good time"

    at_some_pace(scenario)
    with pytest.raises(DialTimeoutError) as caught:
        dial.chunks("slow", "20 times", timeout=Timeout(read=PATIENCE, progress=0.3))
    assert caught.value.limit == "progress"


STATUSES = [(400, InvalidRequestError), (404, ResourceNotFoundError), (429, RateLimitError), (500, ServerError)]


@pytest.mark.parametrize("status, error_class", STATUSES)
@pytest.mark.parametrize("stream", [False, True])
def test_an_error_before_anything_is_a_status(dial, status, error_class, stream):
    with pytest.raises(error_class) as caught:
        dial.ask("failing", "%d please" % status, stream=stream)
    error = caught.value
    assert (error.status_code, error.type, error.param) == (status, "test_error", "messages")
    assert error.message == "refused: %d please" % status
    assert error.display_message == "Please try another message"
    assert error.retry_after == 2.0 and error.request_sent == "yes"


@pytest.mark.parametrize("status, error_class", STATUSES)
def test_an_error_in_the_middle_of_a_stream_is_of_the_same_class(dial, status, error_class):
    with pytest.raises(error_class) as caught:
        dial.chunks("failing", "%d late" % status)
    error = caught.value
    assert (error.status_code, error.type, error.param) == (status, "test_error", "messages")
    assert error.display_message == "Please try another message"
    assert error.partial.choices[0].message.content == "so far so good"


def test_a_crash_of_the_application_says_nothing_of_its_insides(dial):
    for said in ("crash", "crash late"):
        with pytest.raises(ServerError) as caught:
            dial.chunks("failing", said)
        assert "fault of the application" not in str(caught.value)


def test_wrong_parameters_are_named_by_the_application(dial):
    with pytest.raises(InvalidRequestError) as caught:
        dial.ask("everything", "hello", extra_body={"no_such_parameter": 1})
    assert "no_such_parameter" in caught.value.message


def test_an_unknown_deployment(dial):
    with pytest.raises(ResourceNotFoundError):
        dial.ask("nobody", "hello")


def ports(url):
    """Where completions came from so far, as the application saw it."""
    return set(json.loads(get(url + "/ports")))


def test_two_hundred_calls_use_one_connection(dial, url):
    before = ports(url)
    for number in range(100):
        assert dial.ask("gpt-35-turbo", "%d+1=" % number).choices[0].message.content == str(number + 1)
        assert dial.result("gpt-35-turbo", "%d+2=" % number).choices[0].message.content == str(number + 2)
    assert len(ports(url) - before) == 1


@pytest.mark.parametrize("kind", [Sync, Async])
def test_an_application_that_dies_in_the_middle(kind):
    with running_application() as url:
        dial = kind(url)
        try:
            with pytest.raises(StreamInterruptedError) as caught:
                dial.chunks("failing", "late die")
            assert caught.value.partial.choices[0].message.content == "so far so good"
            assert caught.value.request_sent == "yes"
        finally:
            dial.close()
