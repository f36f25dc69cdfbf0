"""`client.request`: what has no method of its own, with the same credential, retries and errors."""

import pytest

from aidial_min import (
    EndpointNotSupportedError,
    InvalidRequestError,
    NotDialURLError,
    ParsingDataError,
    ResourceNotFoundError,
    ServerError,
)


@pytest.mark.parametrize("path", ["/v1/bucket", "v1/bucket", "{url}/v1/bucket"])
def test_a_path_or_a_url_of_this_server(core, dial, bucket_of, path):
    do = dial(core)
    answer = do(lambda c: c.request("get", path.format(url=core.url)))
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.json() == {"bucket": bucket_of(do)} and answer.content == answer.text.encode()
    assert core.requests[0].headers["api-key"] == "one"


def test_bodies_headers_and_queries(older, dial, last):
    do = dial(older, default_headers={"X-Default": "d"})
    older.fail(200, body="", times=None)
    do(lambda c: c.request("POST", "/v1/a?b=1", json={"c": [1]}, query={"d": "e f", "g": None}, headers={"X-H": "h"}))
    assert last(older) == ("POST", "/v1/a?b=1&d=e%20f", {"c": [1]})
    sent = older.requests[-1].headers
    assert (sent["x-h"], sent["x-default"]) == ("h", "d")
    do(lambda c: c.request("PUT", "/v1/a", content="bär", headers={"Content-Type": "text/plain"}))
    assert (older.requests[-1].body.decode(), older.requests[-1].headers["content-type"]) == ("bär", "text/plain")
    do(lambda c: c.request("PUT", "/v1/a", content=b"\0\xff"))
    assert older.requests[-1].body == b"\0\xff" and "content-type" not in older.requests[-1].headers


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/v1/files/b/my file.txt", "/v1/files/b/my%20file.txt"),
        ("/v1/files/b/my%20file.txt", "/v1/files/b/my%20file.txt"),
        ("/v1/files/b/100%.txt", "/v1/files/b/100%25.txt"),
        ("/v1/files/b/bär", "/v1/files/b/b%C3%A4r"),
        ("/v1/files/b/a\r\nX: y", "/v1/files/b/a%0D%0AX:%20y"),
        ("{url}/v1/x?y=z", "/v1/x?y=z"),
        ("{url}?y=z", "/?y=z"),
        ("health", "/health"),
    ],
)
def test_what_is_not_encoded_is_encoded(older, dial, path, sent):
    older.fail(200, times=None)
    dial(older)(lambda c: c.request("GET", path.format(url=older.url)))
    assert older.requests[-1].target == sent


def test_a_path_prefix_stands_once(older, dial):
    older.fail(200, times=None)

    class Prefixed:
        url = older.url + "/dial"

    do = dial(Prefixed)
    for path in ("/v1/x", "v1/x", Prefixed.url + "/v1/x"):
        do(lambda c, path=path: c.request("GET", path))
        assert older.requests[-1].target == "/dial/v1/x"
    with pytest.raises(NotDialURLError):
        do(lambda c: c.request("GET", older.url + "/v1/x"))


def test_errors_and_retries_are_those_of_all_calls(core, dial):
    do = dial(core)
    with pytest.raises(EndpointNotSupportedError):
        do(lambda c: c.request("GET", "/v1/nope"))
    with pytest.raises(ResourceNotFoundError):
        do(lambda c: c.request("GET", "/openai/models/none"))
    core.fail(503, path="/v1/bucket", retry_after=0)
    assert do(lambda c: c.request("GET", "/v1/bucket")).status_code == 200


def test_no_route_means_no_upstream_where_deployments_answer(older, dial):
    older.fail(502, body="No route", times=None)
    do = dial(older, max_retries=0)
    for name in ("a/chat/completions?api-version=1", "applications/b/x/embeddings"):
        path = "/openai/deployments/" + name
        with pytest.raises(ServerError):
            do(lambda c, path=path: c.request("POST", path, json={}))


def test_text_and_json_of_odd_answers(older, dial):
    do = dial(older)
    older.fail(200, body="b\xe4r".encode("latin-1"), headers={"content-type": "text/plain; charset=ISO-8859-1"})
    assert do(lambda c: c.request("GET", "/x")).text == "bär"
    for charset in ("base64", "rot13", "idna", "punycode", "unicode_escape", "Unicode-Escape", "undefined"):
        older.fail(200, body="b\\är".encode(), headers={"content-type": "text/plain; charset=%s" % charset})
        assert do(lambda c: c.request("GET", "/x")).text == "b\\är", charset
    older.fail(200, body="bär", headers={"content-type": "text/plain; charset=none"})
    answer = do(lambda c: c.request("GET", "/x"))
    assert answer.text == "bär" and repr(answer) == "Response(200, 4 bytes)"
    with pytest.raises(ParsingDataError) as caught:
        answer.json()
    assert caught.value.body == "bär" and caught.value.request_sent == "yes"


def test_json_that_would_fill_the_memory_is_refused(older, dial, monkeypatch):
    monkeypatch.setattr("aidial_min.core.call.MOST_OBJECTS", 1000)
    older.fail(200, body="[%s[]]" % ("[]," * 1000))
    answer = dial(older)(lambda c: c.request("GET", "/x"))
    with pytest.raises(ParsingDataError, match="more than 1000 lists and objects") as caught:
        answer.json()
    assert caught.value.body.startswith("[[],") and caught.value.request_sent == "yes"


def test_what_can_not_be_sent(older, dial):
    do = dial(older)
    for arguments, more in (
        (("GET POST", "/x"), {}),
        (("", "/x"), {}),
        ((None, "/x"), {}),
        (("GET", ""), {}),
        (("GET", None), {}),
        (("GET", "//other.example/x"), {}),
        (("POST", "/x"), {"json": {}, "content": b""}),
        (("POST", "/x"), {"content": 5}),
        (("POST", "/x"), {"json": object()}),
        (("GET", "/x"), {"headers": {"X": "a\r\nb"}}),
        (("GET", "/x"), {"headers": [("X", "a")]}),
        (("GET", "/x"), {"query": "a=b"}),
        (("GET", "/x"), {"query": {"a": "\ud800"}}),
        (("GET", "/\ud800"), {}),
        (("POST", "/x"), {"content": "\ud800"}),
    ):
        with pytest.raises(InvalidRequestError):
            do(lambda c, arguments=arguments, more=more: c.request(*arguments, **more))
    for url in ("https://other.example/v1/x", older.url + "1/v1/x", "ftp://x/y"):
        with pytest.raises(NotDialURLError):
            do(lambda c, url=url: c.request("GET", url))
    assert not older.requests
