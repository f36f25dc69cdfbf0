"""The client channel: an application asks, the user's client answers."""

import json
import threading

import pytest

from aidial_min import (
    Dial,
    DialException,
    DialTimeoutError,
    EndpointNotSupportedError,
    InvalidRequestError,
    ParsingDataError,
    ResourceNotFoundError,
    SigninResult,
)
from aidial_min.types import ClientChannelRequest, ClientChannelResponse

from ..support.patience import PATIENCE, at_some_pace
from ..support.rawserver import RawServer

HEADER = "X-DIAL-CLIENT-CHANNEL-ID"
IDS = ["toolsets/public/a", "toolsets/public/b", "toolsets/public/c"]


class UsersClient:
    """A user's client that answers every request with what it is told to, in a thread of its own."""

    def __init__(self, server, answers):
        self.client = Dial(base_url=server.url, api_key="one", trust_env=False)
        self.stream = self.client.client_channel.subscribe()
        self.channel_id = self.stream.headers[HEADER]
        self.asked = []
        self._answers = dict(answers)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self):
        for _ in range(len(self._answers)):
            request = next(self.stream)
            self.asked.append(request)
            answer = self._answers[request.params["toolsetId"]]
            self.client.client_channel.report(self.channel_id, {"id": request.id, **answer})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._thread.join(PATIENCE)
        self.stream.close()
        self.client.client_channel.unsubscribe(self.channel_id)
        self.client.close()


def signin(do, channel_id="abc", toolset_ids=IDS, **arguments):
    return do(lambda c: c.client_channel.signin_toolsets(channel_id=channel_id, toolset_ids=toolset_ids, **arguments))


def test_every_toolset_has_its_outcome(newer, dial):
    do = dial(newer)
    error = {"error": {"code": -32000, "message": "no"}}
    answers = dict(zip(IDS, [{"result": "success"}, {"result": "denied"}, error]))
    with UsersClient(newer, answers) as user:
        results = signin(do, user.channel_id)
    assert list(results.items()) == list(zip(IDS, [SigninResult.SUCCESS, SigninResult.DENIED, SigninResult.ERROR]))
    assert all(isinstance(request, ClientChannelRequest) for request in user.asked)
    assert [request.method for request in user.asked] == ["toolset/signin"] * 3


def test_what_is_asked(older, dial, last):
    body = 'data: [{"id":"1","result":"success","jsonrpc":"2.0"}]\n\n'
    older.fail(200, body=body, headers={"content-type": "text/event-stream"})
    assert signin(dial(older), "abc", ["a"]) == {"a": "success"}
    assert last(older) == (
        "POST",
        "/v1/ops/client-channel/interact",
        [{"jsonrpc": "2.0", "method": "toolset/signin", "params": {"toolsetId": "a"}, "id": "1"}],
    )
    assert older.requests[-1].headers[HEADER] == "abc"


@pytest.mark.parametrize(
    ("answer", "outcomes"),
    [
        ([], ["error", "error"]),
        ([{"id": "2", "result": "success"}], ["error", "success"]),
        ([{"id": 1, "result": "denied"}, {"id": "2", "result": True}], ["denied", "error"]),
        ([{"id": "2", "result": "other"}, {"id": "1", "result": {"a": 1}}], ["error", "error"]),
        ({"id": "1", "error": {"code": 400, "message": "no"}}, ["error", "error"]),
        ({"id": "1", "result": "success", "own": 1}, ["success", "error"]),
        ([{"id": None, "result": "success"}], ["error", "error"]),
    ],
)
def test_what_is_missing_or_odd_is_an_error_of_that_toolset(older, dial, answer, outcomes):
    body = ": heartbeat\n\ndata: %s\n\n" % json.dumps(answer)
    older.fail(200, body=body, headers={"content-type": "text/event-stream"})
    assert list(signin(dial(older), toolset_ids=["a", "b"]).values()) == outcomes


def test_an_error_of_the_whole_channel_is_raised(newer, dial):
    with pytest.raises(DialException, match="-32000.*Client channel is not found") as caught:
        signin(dial(newer), "nobody")
    assert (caught.value.status_code, caught.value.code) == (502, "-32000")
    assert caught.value.request.path == "/v1/ops/client-channel/interact"


@pytest.mark.parametrize("single", [True, False])
def test_a_batch_that_could_not_be_read_is_raised(older, dial, single):
    answer = {"id": None, "error": {"code": -32700, "message": "Parse error"}, "jsonrpc": "2.0"}
    body = "data: %s\n\n" % json.dumps(answer if single else [answer])
    older.fail(200, body=body, headers={"content-type": "text/event-stream"})
    with pytest.raises(DialException, match="Parse error"):
        signin(dial(older))


def test_a_channel_that_closes_without_an_answer(older, dial):
    older.fail(200, body=": heartbeat\n\n", headers={"content-type": "text/event-stream"})
    with pytest.raises(DialException, match="without an answer") as caught:
        signin(dial(older))
    assert caught.value.status_code == 504


@pytest.mark.parametrize("body", ["data: {\n\n", 'data: ["a"]\n\n', "data: 5\n\n"])
def test_malformed_answers(older, dial, body):
    older.fail(200, body=body, headers={"content-type": "text/event-stream"})
    with pytest.raises(ParsingDataError):
        signin(dial(older))


def test_no_toolsets_ask_for_nothing(older, dial):
    assert signin(dial(older), toolset_ids=[]) == {}
    assert not older.requests


def test_toolsets_may_come_from_anything_iterable(newer, dial):
    do = dial(newer)
    with UsersClient(newer, {"a": {"result": "success"}, "b": {"result": "success"}}) as user:
        assert signin(do, user.channel_id, iter(["a", "b"])) == {"a": "success", "b": "success"}


@pytest.mark.parametrize("ids", ["toolset", ["a", "a"], [None], None])
def test_bad_toolsets_are_not_asked_for(older, dial, ids):
    with pytest.raises(InvalidRequestError):
        signin(dial(older), toolset_ids=ids)
    assert not older.requests


def test_the_wait_has_the_limit_that_is_given(newer, dial):
    do = dial(newer)
    with Dial(base_url=newer.url, api_key="one", trust_env=False) as user:
        with user.client_channel.subscribe() as stream:

            def scenario(pace):
                with pytest.raises(DialTimeoutError) as caught:
                    signin(do, stream.headers[HEADER], timeout=0.2 * pace)
                assert caught.value.limit == "read"

            at_some_pace(scenario)


def test_a_client_comes_back_to_its_channel(newer, dial):
    def channel_of(stream):
        return stream.headers.get(HEADER)

    def sync(client):
        with client.client_channel.subscribe() as stream:
            id = channel_of(stream)
        with client.client_channel.subscribe(id) as stream:
            assert channel_of(stream) is None
        assert client.client_channel.unsubscribe(id) is None
        return id

    async def asynchronous(client):
        async with await client.client_channel.subscribe() as stream:
            id = channel_of(stream)
        async with await client.client_channel.subscribe(channel_id=id) as stream:
            assert channel_of(stream) is None
        assert await client.client_channel.unsubscribe(id) is None
        return id

    do = dial(newer)
    id = do(sync if do.kind == "sync" else asynchronous)
    with pytest.raises(ResourceNotFoundError, match="Channel is not found"):
        do(lambda c: c.client_channel.unsubscribe(id))


def test_reports(newer, dial, last):
    do = dial(newer)
    with Dial(base_url=newer.url, api_key="one", trust_env=False) as user:
        with user.client_channel.subscribe() as stream:
            id = stream.headers[HEADER]
            for response in (
                {"id": "p/1", "result": "success"},
                ClientChannelResponse(id="p/1", result="success"),
                {"jsonrpc": "2.0", "id": "p/1", "result": "success"},
            ):
                assert do(lambda c, response=response: c.client_channel.report(id, response)) is None
                assert last(newer) == (
                    "POST",
                    "/v1/ops/client-channel/report",
                    {"jsonrpc": "2.0", "id": "p/1", "result": "success"},
                )
                assert newer.requests[-1].headers[HEADER] == id


def test_bad_reports_are_not_sent(older, dial):
    do = dial(older)
    for id, response in (
        ("", {"id": 1, "result": "success"}),
        (None, {"id": 1, "result": "success"}),
        ("c", {"result": "success"}),
        ("c", {"id": 1}),
        ("c", {"id": 1, "result": "a", "error": {}}),
        ("c", "success"),
        ("c", None),
    ):
        with pytest.raises(InvalidRequestError):
            do(lambda c, id=id, response=response: c.client_channel.report(id, response))
    assert not older.requests


def test_core_of_2024_has_no_channel(older, dial):
    do = dial(older)
    for call in (
        lambda c: c.client_channel.subscribe(),
        lambda c: c.client_channel.report("c", {"id": 1, "result": "success"}),
        lambda c: c.client_channel.unsubscribe("c"),
        lambda c: c.client_channel.signin_toolsets(channel_id="c", toolset_ids=["a"]),
    ):
        with pytest.raises(EndpointNotSupportedError):
            do(call)


def test_a_user_is_asked_to_sign_in_to_services(dial):
    answers = [{"jsonrpc": "2.0", "id": "2", "result": "denied"}, {"jsonrpc": "2.0", "id": "1", "result": "success"}]
    body = b"data: " + json.dumps(answers).encode() + b"\n\n"
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: %d\r\n\r\n" % len(body)
    scopes = ["applications/a/external_services/x", "applications/a/external_services/y"]
    with RawServer([head + body]) as server:
        found = dial(server)(lambda c: c.client_channel.signin_services(channel_id="ch", scope_ids=scopes))
        asked = json.loads(server.requests[0][2])
    assert found == {scopes[0]: SigninResult.SUCCESS, scopes[1]: SigninResult.DENIED}
    assert [(item["method"], item["params"]) for item in asked] == [
        ("external-service/signin", {"url": scope}) for scope in scopes
    ]
    assert dial(server)(lambda c: c.client_channel.signin_services(channel_id="ch", scope_ids=[])) == {}
