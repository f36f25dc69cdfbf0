"""errors.py: the tree as it is drawn, and the one place where an answer becomes an error."""

import copy
import json
import pickle
from typing import Any, Dict, List, Optional, Type

import pytest

from aidial_min import errors
from aidial_min.core.http11 import Headers
from aidial_min.errors import (
    DialException,
    DialTimeoutError,
    ParsingDataError,
    RequestInfo,
    ResponseInterruptedError,
    class_for_status,
    error_from_response,
    is_no_route,
    mask,
)
from aidial_min.types.chat.response import ChatCompletionResponse

from ..support.growth import assert_linear

REQUEST = RequestInfo("GET", "http://dial.example/v1/bucket?x=1")
SECRET = "sesame-open"


def answer(status: int, body: Any = b"", reason: str = "Reason", **more: Any) -> DialException:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    more = {"headers": Headers(), "request": REQUEST, "secrets": (SECRET,), **more}
    return error_from_response(status, reason, body=data, **more)


# ---------------------------------------------------------------- the tree

TREE = """
    DialException
    +-- InvalidRequestError
    |   +-- ConfigurationError
    |   +-- InvalidDialURLError
    |   +-- NotDialURLError
    +-- AuthenticationError
    +-- PermissionDeniedError
    +-- ResourceNotFoundError
    |   +-- EndpointNotSupportedError
    +-- ConflictError
    +-- EtagMismatchError
    +-- RequestTooLargeError
    +-- RateLimitError
    +-- ServerError
    +-- ParsingDataError
    +-- DialConnectionError
        +-- ConnectError
        |   +-- ProxyError
        |   +-- TLSError
        +-- DialTimeoutError
        +-- RemoteProtocolError
        +-- ResponseInterruptedError
        +-- StreamInterruptedError
"""


def read_tree(drawing: str) -> Dict[str, Optional[str]]:
    """Parent of every class in a drawing."""
    parents: Dict[str, Optional[str]] = {}
    path: List[str] = []
    for line in drawing.splitlines():
        words = line.replace("|", " ").replace("+--", "   ").split()
        if words and words[0][:1].isupper() and (line.startswith("    DialException") or "+--" in line):
            depth = (len(line) - len(line.lstrip(" |+-"))) // 4 - 1
            del path[depth:]
            parents[words[0]] = path[-1] if path else None
            path.append(words[0])
    return parents


CLASSES: List[Type[DialException]] = [getattr(errors, name) for name in read_tree(TREE)]


class TestTheTree:
    def test_is_as_drawn(self) -> None:
        for name, parent in read_tree(TREE).items():
            bases = [base.__name__ for base in getattr(errors, name).__bases__ if issubclass(base, DialException)]
            assert bases == ([parent] if parent else []), name

    def test_the_drawing_in_the_module_is_the_same(self) -> None:
        assert errors.__doc__ is not None and read_tree(errors.__doc__) == read_tree(TREE)

    def test_there_are_no_others(self) -> None:
        found = {cls.__name__ for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, Exception)}
        assert found == set(read_tree(TREE)) and len(found) == 23

    def test_what_they_are_besides(self) -> None:
        assert issubclass(errors.ConfigurationError, ValueError) and issubclass(DialTimeoutError, TimeoutError)
        assert errors.InvalidDialURLException is errors.InvalidDialURLError

    @pytest.mark.parametrize("cls", CLASSES)
    def test_every_class_says_what_it_is(self, cls: Type[DialException]) -> None:
        assert cls.__doc__

    @pytest.mark.parametrize("cls", CLASSES)
    def test_without_an_answer_the_status_is_that_of_the_official_client(self, cls: Type[DialException]) -> None:
        error = cls("x")
        assert error.status_code >= 400 and error.request_sent == "no" and str(error) == "x"
        if issubclass(cls, errors.DialConnectionError):
            assert error.status_code == 500 and str(cls("x", request_sent="yes")) == "x"

    @pytest.mark.parametrize("cls", CLASSES)
    def test_every_class_takes_what_it_takes_in_the_official_client(self, cls: Type[DialException]) -> None:
        error = cls("m", status_code=418, type="t", param="p", code="c", display_message="d")
        found = (error.message, error.status_code, error.type, error.param, error.code, error.display_message)
        assert found == ("m", 418, "t", "p", "c", "d")


# ---------------------------------------------------------------- statuses


@pytest.mark.parametrize(
    ("status", "cls"),
    [
        (301, DialException),
        (304, DialException),
        (400, errors.InvalidRequestError),
        (401, errors.AuthenticationError),
        (402, errors.InvalidRequestError),
        (403, errors.PermissionDeniedError),
        (404, errors.ResourceNotFoundError),
        (405, errors.InvalidRequestError),
        (408, errors.InvalidRequestError),
        (409, errors.ConflictError),
        (412, errors.EtagMismatchError),
        (413, errors.RequestTooLargeError),
        (415, errors.InvalidRequestError),
        (422, errors.InvalidRequestError),
        (424, errors.InvalidRequestError),
        (429, errors.RateLimitError),
        (499, errors.InvalidRequestError),
        (500, errors.ServerError),
        (502, errors.ServerError),
        (503, errors.ServerError),
        (505, errors.ServerError),
        (599, errors.ServerError),
        (999, errors.ServerError),
    ],
)
def test_every_status_has_its_class(status: int, cls: Type[DialException]) -> None:
    error = answer(status, b"boom")
    assert type(error) is class_for_status(status) is cls
    assert (error.status_code, error.message, error.request_sent, error.request) == (status, "boom", "yes", REQUEST)


class TestNoRoute:
    @pytest.mark.parametrize(
        ("status", "text"), [(502, b"No route"), (502, b"No route\n"), (404, b"Route is not found")]
    )
    def test_the_server_lacks_the_endpoint(self, status: int, text: bytes) -> None:
        error = answer(status, text)
        assert type(error) is errors.EndpointNotSupportedError and error.status_code == status
        assert "does not have the endpoint" in error.message and text.decode().strip() in error.message

    def test_a_deployment_has_no_upstream_just_now(self) -> None:
        error = answer(502, b"No route", upstream=True)
        assert type(error) is errors.ServerError and error.message == "No route"
        assert type(answer(404, b"Route is not found", upstream=True)) is errors.EndpointNotSupportedError

    @pytest.mark.parametrize(
        ("status", "text"),
        [
            (502, b"no route"),
            (502, b""),
            (503, b"No route"),
            (404, b"No route"),
            (404, b""),
            (502, b"Route is not found"),
        ],
    )
    def test_other_answers_do_not_say_so(self, status: int, text: bytes) -> None:
        assert not is_no_route(status, text.decode())
        assert type(answer(status, text)) is class_for_status(status)


# ---------------------------------------------------------------- bodies

HTML = b"""<!DOCTYPE html>
<html><head><title>502 Bad Gateway</title><style>h1 {color: red}</style><script>alert("x")</script></head>
<body><h1>Bad &amp; Gateway</h1><hr>nginx</body></html>"""


class TestBodies:
    @pytest.mark.parametrize(
        ("body", "message"),
        [
            (b"Unknown api key", "Unknown api key"),
            (b"  two\n lines  ", "two\n lines"),
            (b'"Failed to connect to origin"', "Failed to connect to origin"),
            (b'{"error":{"message":"boom"}}', "boom"),
            (b'{"error":"boom"}', "boom"),
            (b'{"error":"boom","message":"other"}', "boom"),
            (b'{"detail":"Not Found"}', "Not Found"),
            (b'{"detail":{"message":"boom"}}', "boom"),
            (b'{"message":"boom"}', "boom"),
            (b'{"errors":["a"]}', '{"errors":["a"]}'),
            (b'{"error":{"message":null,"code":"x"}}', '{"error":{"message":null,"code":"x"}}'),
            (b'{"error":{"message":5}}', '{"error":{"message":5}}'),
            (b"[1, 2]", "[1, 2]"),
            (b"null", "null"),
            (b"{", "{"),
            ("\u0444".encode(), "\u0444"),
            (b"\xff\xfe", "\ufffd\ufffd"),
            (b"\xef\xbb\xbfboom", "\ufeffboom"),
            (b"[" * 100_000, "[" * 500 + "..."),
            (b"x" * 501, "x" * 500 + "..."),
            (b"x" * 500, "x" * 500),
        ],
    )
    def test_every_kind_gives_a_message(self, body: bytes, message: str) -> None:
        assert answer(400, body).message == message

    @pytest.mark.parametrize("body", [b"", b"   ", b"\r\n"])
    def test_an_empty_one_says_what_the_status_line_says(self, body: bytes) -> None:
        assert answer(404, body, reason="Nothing here").message == "Nothing here"
        assert answer(404, body, reason="").message == "Not Found"
        assert answer(599, body, reason="").message == "HTTP status 599"

    def test_html_loses_its_tags(self) -> None:
        assert answer(502, HTML).message == "502 Bad Gateway Bad &amp; Gateway nginx"

    @pytest.mark.parametrize(
        ("page", "message"),
        [
            (b"<html><SCRIPT src=x>a<b</SCRIPT >Down</html>", "Down"),
            (b"<html><style>a{}</style><style>b{}</style>Down<br/>for work</html>", "Down for work"),
            (b"<html>Down<script>never closed", "Down"),
            (b"<html>Down<p", "Down"),
            (b"<html>" + b"<" * 100_000 + b"late", "Bad Gateway"),
            (b"<html>" + b" " * 70_000 + b"beyond what is searched", "Bad Gateway"),
        ],
    )
    def test_html_of_all_kinds(self, page: bytes, message: str) -> None:
        assert answer(502, page, reason="Bad Gateway").message == message

    @pytest.mark.parametrize("unit", [b"<script>", b"<", b"<p", b"</", b"<style >", b"<!--", b" ", b"x ", b"[", b"{"])
    def test_ten_times_the_page_is_ten_times_the_work(self, unit: bytes) -> None:
        for first in (b"<html>", b"", b'"'):
            assert_linear(lambda size, first=first: lambda: str(answer(500, first + unit * size)), 2000)  # type: ignore[misc]

    def test_text_that_only_mentions_tags_does_not(self) -> None:
        assert answer(400, b"<b> is no name").message == "<b> is no name"

    def test_all_fields_of_an_error_object(self) -> None:
        fields = {"message": "m", "type": "t", "param": "p", "code": "c", "display_message": "d"}
        error = answer(400, {"error": {**fields, "innererror": {"x": 1}}})
        assert {name: getattr(error, name) for name in fields} == fields

    def test_fields_beside_a_text(self) -> None:
        error = answer(400, {"error": "m", "code": "c", "type": "t"})
        assert (error.message, error.code, error.type) == ("m", "c", "t")

    @pytest.mark.parametrize(
        ("code", "found"), [(None, None), ("429", "429"), (429, "429"), (4.5, "4.5"), (["x"], '["x"]'), ("", "")]
    )
    def test_codes_are_text(self, code: Any, found: Any) -> None:
        assert answer(400, {"error": {"message": "m", "code": code}}).code == found

    def test_redirects_say_where_to(self) -> None:
        error = answer(302, headers=Headers([("Location", "http://other/login?state=secret")]))
        assert type(error) is DialException and error.location == "http://other/login?state=secret"
        assert error.message == "Reason to http://other/login, which is not followed: is it what base_url should be?"
        assert answer(302).location is None

    def test_when_to_come_again(self) -> None:
        assert answer(429, retry_after=5.0).retry_after == 5.0 and answer(503).retry_after is None


# ---------------------------------------------------------------- texts


class TestTexts:
    def test_str_is_one_line_of_status_message_method_and_path(self) -> None:
        assert str(answer(404, b"no\r\n such\tfile ")) == "404 no such file (GET /v1/bucket)"

    def test_str_has_at_most_1000_characters_and_message_is_whole(self) -> None:
        long = "word " * 60_000 + "end"
        error = answer(400, {"error": {"message": long}}, request=RequestInfo("GET", "http://h/" + "p" * 5000))
        assert error.message == long
        assert len(str(error)) == 1000 and str(error).startswith("400 word word")
        assert str(error).endswith("ppp...)") and "... (GET /ppp" in str(error)

    def test_nothing_that_a_terminal_obeys_is_printed(self) -> None:
        controls = "".join(map(chr, [*range(32), *range(127, 160)]))
        for error in (
            answer(400, {"message": "a%sb" % controls}),
            answer(400, ("a%sb" % controls).encode()),
            answer(400, reason="a%sb" % controls),
            errors.ConnectError("a%sb" % controls),
            answer(400, b"a", request=RequestInfo("GET", "http://h/" + controls)),
        ):
            assert not set(controls) & set(str(error) + repr(error))

    def test_without_an_answer_there_is_no_status(self) -> None:
        assert str(errors.ConnectError("refused", request=REQUEST)) == "refused (GET /v1/bucket)"
        assert str(errors.InvalidRequestError("bad")) == "bad"
        assert str(DialException("")) == "no message"

    def test_users_raise_them_with_anything(self) -> None:
        assert str(DialException(ValueError("odd"))) == "odd"  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("url", "path"),
        [
            ("http://h", "/"),
            ("http://h/", "/"),
            ("http://h/a/b?c=/d", "/a/b"),
            ("http://h:1/a%20b", "/a%20b"),
            ("/a?b", "/a"),
        ],
    )
    def test_the_path_is_the_url_without_host_and_query(self, url: str, path: str) -> None:
        assert RequestInfo("GET", url).path == path

    def test_repr_shows_what_came(self) -> None:
        assert repr(answer(404, b"x")) == (
            "ResourceNotFoundError(message='x', status_code=404, type='runtime_error', param=None, code=None, display_message=None)"  # noqa: E501
        )

    def test_positional_arguments_as_in_the_official_client(self) -> None:
        error = DialException("m", 418, "t", "p", "c", "d")
        assert (error.message, error.status_code, error.type, error.param, error.code, error.display_message) == (
            "m",
            418,
            "t",
            "p",
            "c",
            "d",
        )
        assert DialException("m").status_code == 500

    def test_from_error_data(self) -> None:
        error = DialException.from_error_data(429, {"message": "m", "code": "429"})
        assert type(error) is errors.RateLimitError and (error.message, error.status_code) == ("m", 429)


# ---------------------------------------------------------------- travelling


def examples() -> List[DialException]:
    found: List[DialException] = [
        cls("message", request=REQUEST, request_sent="maybe", headers=Headers([("A", "b")])) for cls in CLASSES
    ]
    found += [
        answer(
            429,
            {"error": {"message": "m", "type": "t", "param": "p", "code": "c", "display_message": "d"}},
            retry_after=7.5,
        ),
        answer(302, headers=Headers([("Location", "http://other/")])),
        DialTimeoutError("m", limit="progress"),
        ParsingDataError("m", body="x" * 600, path="data[3].id"),
        ResponseInterruptedError("m", received=5, expected=9),
    ]
    broken = errors.StreamInterruptedError("m")
    broken.partial = ChatCompletionResponse.from_json({"choices": [{"index": 0, "message": {"content": "half"}}]})
    return [*found, broken]


@pytest.mark.parametrize("error", examples(), ids=lambda error: type(error).__name__)
class TestTravelling:
    def check(self, error: DialException, again: Any) -> None:
        assert type(again) is type(error)
        assert again.__dict__ == error.__dict__ and again.args == error.args
        assert (str(again), repr(again)) == (str(error), repr(error))
        assert set(error.__dict__) >= {
            "message",
            "status_code",
            "request",
            "request_sent",
            "headers",
            "partial",
            "location",
        }

    def test_pickle(self, error: DialException) -> None:
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
            self.check(error, pickle.loads(pickle.dumps(error, protocol)))

    def test_copy(self, error: DialException) -> None:
        self.check(error, copy.copy(error))
        self.check(error, copy.deepcopy(error))

    def test_raised_and_caught(self, error: DialException) -> None:
        with pytest.raises(type(error)) as caught:
            raise copy.copy(error)
        self.check(error, pickle.loads(pickle.dumps(caught.value)))


def test_what_only_some_of_them_have() -> None:
    assert DialTimeoutError("m", limit="pool").limit == "pool"
    error = ParsingDataError("m", body="x" * 600, path="a.b")
    assert (error.body, error.path, error.status_code) == ("x" * 600, "a.b", 422)
    cut = ResponseInterruptedError("m", received=5, expected=None)
    assert (cut.received, cut.expected) == (5, None)


class TestTheBody:
    def test_every_error_of_an_answer_has_its_text(self) -> None:
        assert answer(502, HTML).body == HTML.decode().strip()
        assert answer(500, b"x" * 100_000).body == "x" * 65536
        assert answer(404).body == "" and DialException("x").body == "" and DialException("x").error is None

    @pytest.mark.parametrize(
        ("body", "error"),
        [
            ({"error": {"message": "m", "innererror": {"content_filter_result": {"hate": {"filtered": True}}}}}, None),
            ({"message": "m", "code": "c"}, {"message": "m", "code": "c"}),
            ({"error": "m", "more": 1}, {"error": "m", "more": 1}),
            ({"detail": {"message": "m"}}, {"message": "m"}),
            ({"detail": [{"loc": ["body"]}]}, {"detail": [{"loc": ["body"]}]}),
        ],
    )
    def test_the_error_object_is_kept_as_it_came(self, body: Any, error: Any) -> None:
        assert answer(400, body).error == (error or body["error"])

    def test_no_object_no_error(self) -> None:
        assert [answer(400, body).error for body in (b"x", b'"x"', b"[1]", b"null")] == [None] * 4

    def test_secrets_are_masked_in_both(self) -> None:
        found = answer(400, {"error": {"message": "m", SECRET: [{"a": "key " + SECRET}]}})
        assert found.error == {"message": "m", "***": [{"a": "key ***"}]} and SECRET not in found.body
        torn = answer(400, b"x" * (65536 - 6) + SECRET.encode())
        assert torn.body.endswith("x***") and SECRET[:4] not in torn.body

    @pytest.mark.parametrize("name", ["message", "code", "type", "x"])
    def test_deep_nesting_never_hides_the_status(self, name: str) -> None:
        for depth in (10, 90, 200, 450, 900, 5_000, 30_000):
            deep = b'{"error": {"%s": ' % name.encode() + b"[" * depth + b"]" * depth + b"}}"
            error = answer(429, deep)
            assert type(error) is errors.RateLimitError and str(error).startswith("429 ")
            assert str(pickle.loads(pickle.dumps(error))) == str(error)
            try:
                value = json.loads(deep)["error"]
            except RecursionError:
                continue
            assert str(errors.error_from_object(429, value))

    def test_an_object_that_is_nested_too_deeply_is_cut(self) -> None:
        deep = b'{"error": {"message": "m", "x": ' + b"[" * 300 + b"]" * 300 + b"}}"
        error = answer(400, deep)
        assert "..." in json.dumps(error.error)
        assert pickle.loads(pickle.dumps(error)).error == error.error


# ---------------------------------------------------------------- secrets


def everything(error: BaseException) -> str:
    headers = dict(getattr(error, "headers", {}))
    return " ".join([str(error), repr(error), repr(error.args), repr(error.__dict__), repr(headers)])


class TestSecrets:
    @pytest.mark.parametrize(
        "body",
        [
            b"Unknown api key sesame-open",
            b'"sesame-open"',
            b'{"error":{"message":"sesame-open","type":"sesame-open","param":"sesame-open","code":"sesame-open","display_message":"a sesame-open b"}}',  # noqa: E501
            b'{"error":{"message":"\\u0073esame-open"}}',
            b"<html><body>sesame-open</body></html>",
        ],
    )
    def test_what_the_server_echoes_is_masked_everywhere(self, body: bytes) -> None:
        headers = Headers([("X-Echo", "key sesame-open"), ("Location", "http://other/?k=sesame-open")])
        error = answer(302, body, reason="sesame-open", headers=headers)
        assert SECRET not in everything(error) and "***" in error.message
        assert error.headers["x-echo"] == "key ***" and error.location == "http://other/?k=***"
        assert SECRET not in everything(pickle.loads(pickle.dumps(error)))

    @pytest.mark.parametrize("before", [485, 489, 490, 495, 499, 500, 510])
    def test_wherever_the_text_is_cut(self, before: int) -> None:
        message = answer(400, b"x" * before + SECRET.encode() + b" end").message
        assert "ses" not in message and len(message) <= 503

    def test_in_the_reason_alone(self) -> None:
        assert answer(401, reason="bad " + SECRET).message == "bad ***"

    def test_in_the_url_of_the_request(self) -> None:
        error = answer(401, request=RequestInfo("GET", "http://h/x?key=sesame-open"))
        assert (
            SECRET not in everything(error) and error.request is not None and error.request.url == "http://h/x?key=***"
        )

    def test_very_short_ones_would_garble_the_text(self) -> None:
        assert answer(400, b"a bad boy", secrets=("a", "", "b")).message == "a bad boy"

    def test_several(self) -> None:
        assert mask("one two one three", ["one", "three"]) == "one two one three".replace("three", "***")
        assert mask("open-sesame sesame", ["sesame", "open"]) == "***-*** ***"

    def test_one_that_holds_another(self) -> None:
        assert "more" not in mask("key sesame-and-more", ["sesame", "sesame-and-more"])
