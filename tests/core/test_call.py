"""core/call.py: the policy around one request, with a carrier that carries nothing out: what it is told counts."""

import base64
import json
import traceback
from typing import Any, List, NamedTuple, Optional

import pytest

from aidial_min.core.body import BytesBody, json_body
from aidial_min.core.call import (
    Answer,
    Config,
    Outgoing,
    Request,
    as_it_came,
    carry_out,
    completion_of,
    json_value,
    list_of,
    model_of,
    nothing,
)
from aidial_min.core.credentials import Credential, Secret
from aidial_min.core.http11 import Head, Headers
from aidial_min.core.multipart import MultipartBody, file_part
from aidial_min.core.operation import finish
from aidial_min.core.proxy import Route, find_route
from aidial_min.core.retry import RetryPolicy
from aidial_min.core.urls import parse_base_url
from aidial_min.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectError,
    DialConnectionError,
    DialException,
    DialTimeoutError,
    EndpointNotSupportedError,
    InvalidRequestError,
    ParsingDataError,
    ProxyError,
    RateLimitError,
    RequestInfo,
    ResourceNotFoundError,
    ResponseInterruptedError,
    ServerError,
)
from aidial_min.types._model import unexpected
from aidial_min.types.chat.response import ChatCompletionResponse

ORIGIN = parse_base_url("http://dial.example:8080/pre")
KEY = "key-of-a-test"
DIRECT = Route("direct", "dial.example", 8080)
FORWARD = find_route(ORIGIN, "http://user:p%40ss@proxy:3128", False)
NOW = 1_700_000_000.0


def config(**changes: Any) -> Config:
    return Config(ORIGIN, (Credential("api_key", Secret(KEY)),), clock=lambda: NOW)._replace(**changes)


def get(path: str = "/v1/bucket", **more: Any) -> Request[Any]:
    return Request("GET", path, **{"decode": as_it_came, **more})


def post(**more: Any) -> Request[Any]:
    return Request("POST", "/v1/x", **{"decode": as_it_came, "body": json_body({"a": 1}), **more})


def answer(status: int = 200, content: Any = b"{}", **headers: str) -> Answer:
    fields = [(name.replace("_", "-"), value) for name, value in headers.items()]
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Answer(Head(status, "Reason", Headers(fields), 1), data)


class Failure(NamedTuple):
    """No complete answer."""

    error: DialConnectionError
    stale: bool = False


def failure(error: Any = ResponseInterruptedError, sent: str = "yes", stale: bool = False) -> Failure:
    return Failure(error("broke", request_sent=sent), stale)


class Ask(NamedTuple):
    """A function of the user's was to be asked."""

    function: Any


class Wait(NamedTuple):
    """So many seconds were to be waited."""

    seconds: float
    error: DialException


class Carrier:
    """Notes what it is told; `outcomes` are what attempts come to, one after the other."""

    def __init__(self, outcomes: List[Any]) -> None:
        self.outcomes = outcomes
        self.steps: List[Any] = []

    async def ask(self, function: Any) -> Any:
        self.steps.append(Ask(function))
        return function()

    async def tell(self, function: Any) -> None:
        function()

    async def send(self, attempt: Outgoing) -> Answer:
        self.steps.append(attempt)
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Failure):
            attempt.stale = outcome.stale
            raise outcome.error
        return outcome  # type: ignore[no-any-return]

    async def pause(self, seconds: float, error: DialException) -> None:
        assert isinstance(error, DialException)
        self.steps.append(Wait(seconds, error))


class Course(NamedTuple):
    """What an exchange did, and what came of it."""

    steps: List[Any]
    result: Any
    error: Optional[DialException]

    @property
    def sends(self) -> List[Outgoing]:
        return [step for step in self.steps if isinstance(step, Outgoing)]

    @property
    def waits(self) -> List[float]:
        return [step.seconds for step in self.steps if isinstance(step, Wait)]

    @property
    def text(self) -> str:
        return bytes(self.sends[0].head).decode()

    @property
    def lines(self) -> List[str]:
        return self.text.split("\r\n")


def drive(
    request: Request[Any],
    *outcomes: Any,
    settings: Optional[Config] = None,
    route: Route = DIRECT,
    stream: bool = False,
) -> Course:
    """Run an exchange to its end; `outcomes` are what its requests come to, one after the other."""
    carrier = Carrier(list(outcomes) or [answer()])
    try:
        result = finish(carry_out(request, settings or config(), route, carrier, stream=stream))
    except DialException as error:
        assert not carrier.outcomes
        return Course(carrier.steps, None, error)
    assert not carrier.outcomes, "nothing more is sent than needs be, and nothing less"
    return Course(carrier.steps, result, None)


def failed(course: Course) -> DialException:
    assert course.error is not None, "it should have failed"
    return course.error


# ---------------------------------------------------------------- what is sent


class TestTheRequest:
    def test_a_get(self) -> None:
        course = drive(get())
        assert course.lines[0] == "GET /pre/v1/bucket HTTP/1.1"
        assert sorted(course.lines[1:-2]) == sorted(
            [
                "Host: dial.example:8080",
                "Api-Key: " + KEY,
                "User-Agent: " + course.text.split("User-Agent: ")[1].split("\r\n")[0],
                "Accept: */*",
                "Accept-Encoding: identity",
            ]
        )
        assert "aidial-min/" in course.text and course.text.endswith("\r\n\r\n")
        (send,) = course.sends
        assert (send.method, send.body, send.stream, send.fresh, send.origin) == ("GET", None, False, False, ORIGIN)
        assert send.request == RequestInfo("GET", "http://dial.example:8080/pre/v1/bucket")

    def test_a_post(self) -> None:
        request = post()
        course = drive(request)
        assert course.lines[0] == "POST /pre/v1/x HTTP/1.1"
        assert "Content-Type: application/json" in course.lines and "Content-Length: 7" in course.lines
        assert course.sends[0].body is request.body

    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
    def test_without_a_body_its_length_is_said_all_the_same(self, method: str) -> None:
        assert "Content-Length: 0" in drive(Request(method, "/x", decode=nothing)).lines

    def test_a_body_of_unknown_length_travels_in_chunks(self) -> None:
        class Pipe:
            def read(self, size: int = -1) -> bytes:
                return b""

        body = MultipartBody([file_part(Pipe(), "x")])
        course = drive(Request("PUT", "/x", decode=nothing, body=body))
        assert "Transfer-Encoding: chunked" in course.lines and "Content-Length" not in course.text
        assert "Content-Type: " + str(body.content_type) in course.lines

    def test_the_query(self) -> None:
        assert (
            drive(get(query={"a": "b c", "d": None, "e": True})).lines[0]
            == "GET /pre/v1/bucket?a=b%20c&e=true HTTP/1.1"
        )
        assert drive(get("/x?y=1", query={"a": 2})).lines[0] == "GET /pre/x?y=1&a=2 HTTP/1.1"
        assert drive(get(query={"a": None})).lines[0] == "GET /pre/v1/bucket HTTP/1.1"

    def test_a_stream_is_asked_for(self) -> None:
        assert drive(get(), stream=True).sends[0].stream

    @pytest.mark.parametrize("target", ["/a b", "/a\r\nX: y", "/\u0444"])
    def test_a_path_that_could_split_it_is_refused(self, target: str) -> None:
        course = drive_nothing(get(target))
        assert type(course) is InvalidRequestError and course.request_sent == "no"


def drive_nothing(request: Request[Any], **more: Any) -> DialException:
    """The error of an exchange that must not send anything."""
    carrier = Carrier([])  # an attempt would find no outcome
    with pytest.raises(DialException) as caught:
        finish(carry_out(request, more.pop("settings", config()), DIRECT, carrier))
    return caught.value


class TestHeaderFields:
    def test_those_of_the_client_and_of_the_call_are_added(self) -> None:
        course = drive(get(headers={"X-B": "2", "X-C": None}), settings=config(headers=(("X-A", Secret("1")),)))
        assert "X-A: 1" in course.lines and "X-B: 2" in course.lines and "X-C" not in course.text

    def test_the_call_wins_over_the_client_and_both_over_us(self) -> None:
        course = drive(
            post(headers={"x-a": "call", "content-type": "text/plain", "ACCEPT": "text/event-stream"}),
            settings=config(
                headers=(("X-A", Secret("client")), ("User-Agent", Secret("mine")), ("Accept", Secret("x/y")))
            ),
        )
        fields = [line.lower() for line in course.lines[1:-2]]
        assert len(fields) == len({field.split(":")[0] for field in fields}), "none stands twice"
        assert {"x-a: call", "content-type: text/plain", "accept: text/event-stream", "user-agent: mine"} <= set(fields)

    def test_none_may_frame_the_message_in_our_stead(self) -> None:
        course = drive(
            post(
                headers={
                    "Content-Length": "99",
                    "Transfer-Encoding": "chunked",
                    "Host": "evil",
                    "connection": "close",
                    "Expect": "100-continue",
                }
            )
        )
        lower = course.text.lower()
        assert (
            "evil" not in lower
            and "99" not in lower
            and "chunked" not in lower
            and "connection" not in lower
            and "expect" not in lower
        )
        assert lower.count("content-length") == lower.count("host:") == 1

    @pytest.mark.parametrize("headers", [{"X": "a\r\nY: sesame"}, {"X\nY": "sesame"}, {"X": "sesame\u0444"}, {"X": 5}])
    def test_none_may_inject_another(self, headers: Any) -> None:
        error = drive_nothing(get(headers=headers))
        assert type(error) is InvalidRequestError and "sesame" not in str(error) + repr(error.__dict__)

    @pytest.mark.parametrize("name", ["Api-Key", "api-key", "API-KEY"])
    def test_one_of_the_users_own_replaces_ours_of_that_name(self, name: str) -> None:
        for course in (
            drive(get(headers={name: "other-x"})),
            drive(get(), settings=config(headers=((name, Secret("other-x")),))),
        ):
            assert KEY not in course.text and "%s: other-x" % name in course.lines

    def test_and_no_other(self) -> None:
        for course in (
            drive(get(headers={"Authorization": "Basic x"})),
            drive(get(), settings=config(headers=(("authorization", Secret("Basic x")),))),
        ):
            assert "Api-Key: " + KEY in course.lines and "authorization: basic x" in course.text.lower()

    def test_functions_for_them_are_asked_at_every_attempt_and_later_ones_win(self) -> None:
        numbers = iter(range(9))
        settings = config(
            headers=(
                ("A", Secret("0")),
                ("B", Secret("0")),
                lambda: {"A": "%d" % next(numbers), "C": None},
                ("B", Secret("2")),
            )
        )
        course = drive(get(), answer(503), answer(), settings=settings)
        heads = [bytes(send.head).decode() for send in course.sends]
        assert ["A: %d" % number in head and "B: 2" in head for number, head in enumerate(heads)] == [True, True]
        assert not any("A: 0" in head for head in heads[1:]) and not any(
            "B: 0" in head or "C:" in head for head in heads
        )
        assert "A: mine" in drive(get(headers={"a": "mine"}), settings=settings).text.replace("a: mine", "A: mine")

    def test_such_a_function_may_return_none_and_nothing_else_but_a_dict(self) -> None:
        assert "Api-Key: " + KEY in drive(get(), settings=config(headers=(lambda: None,))).lines
        for wrong in ([("A", "b")], "A: b", 5):
            error = drive_nothing(get(), settings=config(headers=(lambda: wrong,)))  # noqa: B023
            assert type(error) is InvalidRequestError and "default_headers must return a dict" in str(error)
        error = drive_nothing(get(), settings=config(headers=(lambda: {"A": "b\r\nC: sesame"},)))
        assert type(error) is InvalidRequestError and "sesame" not in str(error)

    def test_secrets_in_what_it_returns_are_masked(self) -> None:
        settings = config(headers=(lambda: {"X-Auth-Token": "sesame-open"},))
        assert "sesame-open" in drive(get(), settings=settings).sends[0].secrets


class TestCredentials:
    def test_both(self) -> None:
        both = (Credential("api_key", Secret(KEY)), Credential("bearer_token", lambda: "token-of-both"))
        course = drive(get(), settings=config(credentials=both))
        assert {"Api-Key: " + KEY, "Authorization: Bearer token-of-both"} < set(course.lines)
        assert set(course.sends[0].secrets) == {KEY, "token-of-both"}
        course = drive(get(headers={"authorization": "Basic x"}), settings=config(credentials=both))
        assert "Api-Key: " + KEY in course.lines and "token-of-both" not in course.text

    def test_a_key(self) -> None:
        course = drive(get())
        assert "Api-Key: " + KEY in course.lines and "Authorization" not in course.text
        assert [*course.sends[0].secrets] == [KEY]

    def test_a_token(self) -> None:
        course = drive(get(), settings=config(credentials=(Credential("bearer_token", Secret(" token ")),)))
        assert "Authorization: Bearer token" in course.lines and "Api-Key" not in course.text
        assert [*course.sends[0].secrets] == ["token"]

    def test_none(self) -> None:
        course = drive(get(), settings=config(credentials=()))
        assert "Api-Key" not in course.text and "Authorization" not in course.text and [*course.sends[0].secrets] == []

    def test_a_callable_is_asked_at_every_attempt(self) -> None:
        numbers = iter(range(1, 9))
        settings = config(credentials=(Credential("api_key", lambda: "key-%d" % next(numbers)),))
        course = drive(get(), failure(), failure(), answer(), settings=settings)
        assert [type(step) for step in course.steps] == [Ask, Outgoing, Wait, Ask, Outgoing, Wait, Ask, Outgoing]
        assert [
            "Api-Key: key-%d\r\n" % (at + 1) in bytes(send.head).decode() for at, send in enumerate(course.sends)
        ] == [True] * 3
        assert [[*send.secrets] for send in course.sends] == [["key-1"], ["key-2"], ["key-3"]]

    @pytest.mark.parametrize(
        ("value", "cls"),
        [
            ("open\nsesame", InvalidRequestError),
            (5, InvalidRequestError),
            ("", ConfigurationError),
            (None, InvalidRequestError),
        ],
    )
    def test_what_it_returns_is_checked_before_anything_is_sent(self, value: Any, cls: Any) -> None:
        error = drive_nothing(get(), settings=config(credentials=(Credential("api_key", lambda: value),)))
        assert type(error) is cls and "sesame" not in str(error) + repr(error.__dict__)

    def test_what_it_raises_passes_through(self) -> None:
        def fail() -> str:
            raise KeyError("vault")

        with pytest.raises(KeyError, match="vault"):
            drive(get(), settings=config(credentials=(Credential("api_key", fail),)))

    def test_no_step_shows_one_in_its_repr(self) -> None:
        course = drive(
            get(),
            failure(),
            answer(),
            settings=config(credentials=(Credential("api_key", lambda: KEY),)),
            route=FORWARD,
        )
        assert KEY not in repr(course.steps) and "cEBzcw" not in repr(course.steps)
        assert KEY not in repr(config()) + repr(Credential("api_key", Secret(KEY)))


class TestThroughAProxy:
    def test_plain_requests_travel_in_absolute_form_with_its_credentials(self) -> None:
        course = drive(get(query={"a": 1}), route=FORWARD)
        assert course.lines[0] == "GET http://dial.example:8080/pre/v1/bucket?a=1 HTTP/1.1"
        assert (
            "Host: dial.example:8080" in course.lines
            and "Proxy-Authorization: " + FORWARD.authorization.text in course.lines
        )
        assert course.sends[0].request.url == "http://dial.example:8080/pre/v1/bucket?a=1"

    def test_what_goes_through_a_tunnel_does_not_know_it(self) -> None:
        tunnel = FORWARD._replace(kind="tunnel")
        course = drive(get(), route=tunnel)
        assert course.lines[0] == "GET /pre/v1/bucket HTTP/1.1" and "Proxy" not in course.text

    def test_its_credentials_are_masked_where_they_are_echoed(self) -> None:
        pair = FORWARD.authorization.text.split()[1]
        for secret in (
            pair,
            base64.b64decode(pair).decode().partition(":")[2],
        ):  # as it was sent, and the plain password
            error = failed(drive(get(), answer(500, b"you sent " + secret.encode()), route=FORWARD))
            assert secret not in str(error) + repr(error.__dict__) and "***" in str(error)

    def test_a_407_is_the_proxys_own(self) -> None:
        error = failed(drive(get(), answer(407, b"who are you"), settings=config(retry=RetryPolicy(0)), route=FORWARD))
        assert type(error) is ProxyError and "407" in str(error) and "user and password" in str(error)
        assert error.request_sent == "no" and error.status_code == 500
        assert error.request == RequestInfo("GET", "http://dial.example:8080/pre/v1/bucket")

    def test_without_a_proxy_it_is_a_status_like_any_other(self) -> None:
        error = failed(drive(get(), answer(407)))
        assert type(error) is InvalidRequestError and error.status_code == 407


# ---------------------------------------------------------------- retries


def soon(status: int) -> Answer:
    return answer(status, retry_after_ms="10")


class TestRetries:
    @pytest.mark.parametrize("status", [408, 429, 503])
    def test_statuses_that_pass(self, status: int) -> None:
        for request in (get(), post()):
            course = drive(request, soon(status), soon(status), answer())
            assert course.result.head.status == 200 and course.waits == [0.01, 0.01]
            assert failed(drive(request, soon(status), soon(status), soon(status))).status_code == status

    def test_the_number_of_the_call_wins_over_the_clients(self) -> None:
        assert len(drive(get(retry=RetryPolicy(0)), soon(503)).sends) == 1
        assert len(drive(get(retry=RetryPolicy(4)), *[soon(503)] * 5).sends) == 5
        assert len(drive(get(), soon(503), settings=config(retry=RetryPolicy(0))).sends) == 1

    @pytest.mark.parametrize("status", [502, 504])
    def test_gateways_only_where_it_does_no_harm(self, status: int) -> None:
        assert len(drive(get(), answer(status), answer(status), answer()).sends) == 3
        assert failed(drive(post(), answer(status))).status_code == status

    def test_no_route(self) -> None:
        assert type(failed(drive(get(), answer(502, b"No route")))) is EndpointNotSupportedError
        assert len(drive(post(upstream=True), answer(502, b"No route"), answer()).sends) == 2
        assert type(failed(drive(post(upstream=True), *[answer(502, b"No route")] * 3))) is ServerError
        assert type(failed(drive(get(), answer(404, b"Route is not found")))) is EndpointNotSupportedError

    @pytest.mark.parametrize("status", [304, 400, 401, 403, 404, 409, 412, 413, 500])
    def test_others_are_raised_at_once(self, status: int) -> None:
        assert failed(drive(get(), answer(status))).status_code == status

    def test_a_server_that_asks_for_more_than_a_minute(self) -> None:
        error = failed(drive(get(), answer(429, retry_after="61")))
        assert type(error) is RateLimitError and error.retry_after == 61

    def test_a_date(self) -> None:
        course = drive(get(), answer(503, retry_after="Tue, 14 Nov 2023 22:13:25 GMT"), answer())
        assert course.waits == [5.0]

    @pytest.mark.parametrize("sent", ["maybe", "yes"])
    def test_no_answer_only_where_it_does_no_harm(self, sent: str) -> None:
        assert len(drive(get(), failure(sent=sent), failure(DialTimeoutError, sent), answer()).sends) == 3
        assert failed(drive(post(), failure(sent=sent))).request_sent == sent

    def test_nothing_was_sent(self) -> None:
        for request in (get(), post()):
            course = drive(request, failure(ConnectError, "no"), failure(ConnectError, "no"), answer())
            assert len(course.waits) == 2 and all(0 <= seconds <= 1 for seconds in course.waits)
            assert type(failed(drive(request, *[failure(ConnectError, "no")] * 3))) is ConnectError

    def test_what_is_waited_for_is_said_to_whoever_waits(self) -> None:
        course = drive(get(), soon(503), answer())
        (wait,) = [step for step in course.steps if isinstance(step, Wait)]
        assert type(wait.error) is ServerError and wait.error.status_code == 503


class TestStaleConnections:
    """A reused connection that broke before any byte of an answer."""

    def test_at_once_on_a_fresh_one_and_not_counted(self) -> None:
        course = drive(
            get(), failure(DialConnectionError, "maybe", stale=True), answer(), settings=config(retry=RetryPolicy(0))
        )
        assert [send.fresh for send in course.sends] == [False, True] and not course.waits

    def test_once(self) -> None:
        broken = failure(DialConnectionError, "maybe", stale=True)
        course = drive(get(), broken, broken, broken, settings=config(retry=RetryPolicy(1)))
        assert [send.fresh for send in course.sends[:2]] == [False, True] and len(course.waits) == 1
        assert failed(course).request_sent == "maybe"

    def test_a_post_may_have_arrived(self) -> None:
        error = failed(drive(post(), failure(DialConnectionError, "maybe", stale=True)))
        assert type(error) is DialConnectionError and error.request_sent == "maybe"

    def test_unless_nothing_of_it_left(self) -> None:
        course = drive(
            post(), failure(DialConnectionError, "no", stale=True), answer(), settings=config(retry=RetryPolicy(0))
        )
        assert [send.fresh for send in course.sends] == [False, True] and not course.waits

    def test_a_body_that_can_not_be_repeated_is_not(self) -> None:
        error = failed(drive(unrepeatable(), failure(DialConnectionError, "maybe", stale=True)))
        assert error.request_sent == "maybe"


def unrepeatable(method: str = "PUT") -> Request[Any]:
    body = BytesBody(b"x", None)
    body.replayable = False
    return Request(method, "/x", decode=as_it_came, body=body)


class TestBodiesThatCanNotBeRepeated:
    @pytest.mark.parametrize("outcome", [soon(503), soon(429), answer(502), failure(), failure(sent="maybe")])
    def test_are_not_once_bytes_of_them_may_have_left(self, outcome: Any) -> None:
        assert len(drive(unrepeatable(), outcome).sends) == 1

    def test_but_are_as_long_as_nothing_was_sent(self) -> None:
        assert len(drive(unrepeatable(), failure(ConnectError, "no"), answer()).sends) == 2

    def test_nor_once_they_have_been_read_though_nothing_of_them_left(self) -> None:
        """What was read of a pipe is gone: sent again, the request would be complete and the file short."""
        for stale in (False, True):
            request = unrepeatable()
            assert request.body is not None
            request.body.taken = True
            error = failed(drive(request, failure(DialConnectionError, "no", stale=stale)))
            assert error.request_sent == "no"

    def test_nor_when_a_proxy_refuses_what_has_been_sent_to_it(self) -> None:
        request = unrepeatable()
        assert request.body is not None
        request.body.taken = True
        assert type(failed(drive(request, answer(407), route=FORWARD))) is ProxyError


# ---------------------------------------------------------------- what comes of it


class TestErrors:
    def test_name_the_request(self) -> None:
        for outcome in (answer(404, b"gone"), failure()):
            error = failed(drive(get(query={"a": 1}, retry=RetryPolicy(0)), outcome))
            assert error.request == RequestInfo("GET", "http://dial.example:8080/pre/v1/bucket?a=1")
            assert str(error).endswith("(GET /pre/v1/bucket)")

    def test_have_what_the_answer_said(self) -> None:
        error = failed(drive(get(), answer(401, {"error": {"message": "who?", "code": "x"}}, x_id="7")))
        assert type(error) is AuthenticationError and (error.message, error.code, error.headers["X-Id"]) == (
            "who?",
            "x",
            "7",
        )

    def test_redirects_are_not_followed(self) -> None:
        error = failed(drive(get(), answer(302, location="http://other/")))
        assert type(error) is DialException and error.location == "http://other/"

    def test_mask_the_credential_wherever_it_is_echoed(self) -> None:
        echo = "your key is %s!" % KEY
        for outcome in (
            answer(401, echo.encode(), x_echo=echo),
            Failure(DialConnectionError(echo, request_sent="yes")),
        ):
            error = failed(drive(get(retry=RetryPolicy(0)), outcome))
            assert KEY not in str(error) + repr(error) + repr(error.__dict__) + repr(error.args) + repr(
                dict(error.headers)
            )
            assert "***" in str(error)

    @pytest.mark.parametrize("name", ["Api-Key", "authorization", "X-Api-Key", "Cookie"])
    def test_and_one_that_the_user_put_into_the_header(self, name: str) -> None:
        for course in (
            drive(get(headers={name: "Bearer sesame-open"}), answer(401, b"bad sesame-open")),
            drive(
                get(), answer(401, b"bad sesame-open"), settings=config(headers=((name, Secret("Bearer sesame-open")),))
            ),
        ):
            assert "sesame" not in str(failed(course)) + repr(failed(course).__dict__)

    def test_and_one_of_several_in_a_cookie(self) -> None:
        cookie = {"Cookie": "session=sesame-open; theme=dark"}
        error = failed(drive(get(headers=cookie), answer(401, b"no session sesame-open")))
        assert "sesame" not in str(error) + repr(error.__dict__) and "session ***" in str(error)


class TestDecoding:
    def test_the_value(self) -> None:
        assert drive(get(decode=json_value), answer(200, {"a": 1})).result == {"a": 1}
        assert drive(get(decode=nothing), answer(200, b"anything")).result is None
        assert drive(get(), answer(204, b"")).result.content == b""

    @pytest.mark.parametrize("blanks", ["", " \r\n\t"])
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32-le"])
    def test_json_of_every_encoding_with_or_without_blanks_around_it(self, encoding: str, blanks: str) -> None:
        content = (blanks + '{"a": "\u00e4"}' + blanks).encode(encoding)
        assert drive(get(decode=json_value), answer(200, content)).result == {"a": "\u00e4"}

    @pytest.mark.parametrize("content", [b"", b" ", b"{", b"<html>", b"\xff", b"[" * 100_000, b"9" * 5000 + b"x"])
    def test_no_json(self, content: bytes) -> None:
        error = failed(drive(get(decode=json_value), answer(200, content, x_id="7")))
        assert isinstance(error, ParsingDataError) and error.body == content.decode("utf-8", "replace")[:65536].strip()
        assert ("is empty" in error.message) == (not content.strip())
        assert error.request is not None and error.request_sent == "yes" and error.headers["x-id"] == "7"

    def test_json_of_another_shape_says_where(self) -> None:
        def element(value: Any, path: Any) -> Any:
            if not isinstance(value, int):
                raise unexpected(value, path, "a number")
            return value

        decode = list_of(element, "data")
        assert drive(get(decode=decode), answer(200, {"data": [1, 2]})).result == [1, 2]
        error = failed(drive(get(decode=decode), answer(200, {"data": [1, "x"]})))
        assert isinstance(error, ParsingDataError) and error.path == "data[1]" and error.body == '{"data": [1, "x"]}'
        for value in ({"data": None}, {"data": {}}, {}, 5, None, "x"):
            error = failed(drive(get(decode=decode), answer(200, value)))
            assert isinstance(error, ParsingDataError) and "list" in error.message
        assert drive(get(decode=list_of(element)), answer(200, [3])).result == [3]

    def test_a_model(self) -> None:
        decode = model_of(ChatCompletionResponse.from_json)
        assert isinstance(drive(get(decode=decode), answer(200, {"choices": []})).result, ChatCompletionResponse)
        assert isinstance(failed(drive(get(decode=decode), answer(200, []))), ParsingDataError)

    @pytest.mark.parametrize(
        ("error", "cls"),
        [
            ({"message": "m", "code": "429"}, RateLimitError),
            ({"message": "m", "code": "x"}, DialException),
            ("m", DialException),
            ({"message": "m", "code": 404}, ResourceNotFoundError),
        ],
    )
    def test_an_error_object_with_status_200_is_an_error(self, error: Any, cls: Any) -> None:
        course = drive(post(decode=completion_of(ChatCompletionResponse.from_json)), answer(200, {"error": error}))
        assert type(failed(course)) is cls and failed(course).message == "m" and failed(course).request_sent == "yes"

    def test_one_without_an_error_is_none(self) -> None:
        decode = completion_of(ChatCompletionResponse.from_json)
        for value in ({"choices": []}, {"choices": [], "error": None}):
            assert isinstance(drive(post(decode=decode), answer(200, value)).result, ChatCompletionResponse)

    def test_faults_in_it_are_not_tried_again_and_mask_the_credential(self) -> None:
        for before in (0, 480, 490, 495, 600):
            error = failed(drive(get(decode=json_value), answer(200, b"x" * before + KEY.encode(), x_echo=KEY)))
            assert isinstance(error, ParsingDataError)
            assert not any(KEY[:size] in error.body for size in range(3, len(KEY) + 1))
            assert KEY not in repr(error.__dict__) + repr(dict(error.headers))

    def test_json_that_is_nested_too_deeply_for_its_decoder(self) -> None:
        def deep(value: Any) -> Any:
            return deep(value)

        error = failed(drive(get(decode=model_of(deep)), answer(200, {})))
        assert isinstance(error, ParsingDataError) and "deep" in error.message and error.request is not None

    def test_what_is_not_ours_passes_through(self) -> None:
        def fail(given: Answer) -> Any:
            raise KeyError("bug")

        with pytest.raises(KeyError):
            drive(get(decode=fail))


@pytest.mark.parametrize("refused", ["header", "key", "time"])
def test_no_frame_of_an_error_shows_a_credential(refused: str) -> None:
    """What error trackers keep of a traceback: the variables of every frame."""

    class Late(Carrier):
        async def ask(self, function: Any) -> Any:
            raise DialTimeoutError("it is late", limit="total")

    secret = "sesame" + "-open"

    def headers() -> Any:
        return {"X-Bad": "a\nb"}

    key = (lambda: secret + "\n\x00") if refused == "key" else Secret(secret)
    settings = config(credentials=(Credential("api_key", key),), headers=(headers,))
    carrier = Late([]) if refused == "time" else Carrier([])
    with pytest.raises(DialException) as caught:
        finish(carry_out(get(), settings, DIRECT, carrier))
    frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__) if frame.f_globals is not globals()]
    assert frames and caught.value.__context__ is None
    assert not [name for frame in frames for name, value in frame.f_locals.items() if secret in repr(value)]
