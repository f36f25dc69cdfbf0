"""core/urls.py: how DIAL addresses things, and which addresses are refused."""

import enum
import sys
from pathlib import PurePosixPath
from typing import Any, List, Tuple, Type
from urllib.parse import unquote

import pytest

from aidial_min.core.urls import (
    Origin,
    StoragePath,
    encode_id,
    encode_query,
    is_url_of,
    parse_base_url,
    parse_storage_url,
)
from aidial_min.errors import ConfigurationError, InvalidDialURLError, InvalidRequestError, NotDialURLError

HERE = parse_base_url("http://dial.core")
BELOW = parse_base_url("https://gate.example/my/dial/")


# ---------------------------------------------------------------- base URLs

BASE_URLS: List[Tuple[str, Origin, str]] = [
    ("https://dial.example.com", Origin("https", "dial.example.com", 443, ""), "https://dial.example.com"),
    ("https://dial.example.com/", Origin("https", "dial.example.com", 443, ""), "https://dial.example.com"),
    ("https://dial.example.com//", Origin("https", "dial.example.com", 443, ""), "https://dial.example.com"),
    ("  http://dial.example.com\n", Origin("http", "dial.example.com", 80, ""), "http://dial.example.com"),
    ("http://localhost:8080", Origin("http", "localhost", 8080, ""), "http://localhost:8080"),
    ("http://h:80", Origin("http", "h", 80, ""), "http://h"),
    ("https://h:443", Origin("https", "h", 443, ""), "https://h"),
    ("https://h:80", Origin("https", "h", 80, ""), "https://h:80"),
    ("http://h:/", Origin("http", "h", 80, ""), "http://h"),
    ("HTTP://DIAL.Example.COM", Origin("http", "dial.example.com", 80, ""), "http://dial.example.com"),
    ("http://dial.example.com.", Origin("http", "dial.example.com", 80, ""), "http://dial.example.com"),
    ("http://127.0.0.1:1", Origin("http", "127.0.0.1", 1, ""), "http://127.0.0.1:1"),
    ("http://[::1]", Origin("http", "::1", 80, ""), "http://[::1]"),
    ("http://[2001:DB8::1]:8080/x", Origin("http", "2001:db8::1", 8080, "/x"), "http://[2001:db8::1]:8080/x"),
    ("https://h/dial", Origin("https", "h", 443, "/dial"), "https://h/dial"),
    ("https://h/my/Dial/", Origin("https", "h", 443, "/my/Dial"), "https://h/my/Dial"),
    ("https://h/my%20dial", Origin("https", "h", 443, "/my%20dial"), "https://h/my%20dial"),
    ("https://h/my dial/\u0444", Origin("https", "h", 443, "/my%20dial/%D1%84"), "https://h/my%20dial/%D1%84"),
    ("https://b\xfccher.example", Origin("https", "xn--bcher-kva.example", 443, ""), "https://xn--bcher-kva.example"),
    ("http://under_score-1:8", Origin("http", "under_score-1", 8, ""), "http://under_score-1:8"),
]

BAD_BASE_URLS = [
    "",
    " ",
    "dial.example.com",
    "localhost:8080",
    "//dial.example.com",
    "/v1",
    "ftp://dial.example.com",
    "file:///etc",
    "http://",
    "http:///v1",
    "http://:8080",
    "http://h:port",
    "http://h:99999",
    "http://h:-1",
    "http://[::1",
    "http://h h",
    "http://h\x00",
    "http://h%41",
    "http://h\\evil",
    "http://" + "\xfc" * 100,
    "http://\ud800",
    "http://h/\ud800",
    "https://h?x=1",
    "https://h/#x",
]


class TestBaseUrl:
    @pytest.mark.parametrize(("text", "origin", "url"), BASE_URLS)
    def test_is_read(self, text: str, origin: Origin, url: str) -> None:
        assert parse_base_url(text) == origin
        assert origin.url == url
        assert parse_base_url(url) == origin, "what it reads as reads the same"

    @pytest.mark.parametrize(
        ("text", "host"),
        [
            ("http://h", "h"),
            ("http://h:80", "h"),
            ("http://h:81", "h:81"),
            ("http://[::1]:81", "[::1]:81"),
            ("https://h:443/x", "h"),
            ("https://h:80", "h:80"),
        ],
    )
    def test_host_header(self, text: str, host: str) -> None:
        assert parse_base_url(text).netloc == host

    @pytest.mark.parametrize("text", BAD_BASE_URLS)
    def test_is_refused_with_a_word_on_what_it_should_be(self, text: str) -> None:
        with pytest.raises(ConfigurationError, match="base_url") as caught:
            parse_base_url(text)
        assert caught.value.__cause__ is None and caught.value.request_sent == "no"

    @pytest.mark.parametrize("value", [None, 5, b"http://h", PurePosixPath("http://h")])
    def test_must_be_a_str(self, value: Any) -> None:
        with pytest.raises(ConfigurationError, match="must be a str"):
            parse_base_url(value)

    @pytest.mark.parametrize(
        "text",
        [
            "http://user:sesame@h",
            "http://sesame@h/x",
            "http://user:sesame@h:port",
            "http://user:sesame@[::1",
            "http://user:sesame@",
            "ftp://user:sesame@h",
            "http://user:sesame@\xfc" + "\xfc" * 100,
            "user:sesame@h",
            "http://user:sesame@h?x",
        ],
    )
    def test_credentials_in_it_are_refused_and_never_repeated(self, text: str) -> None:
        with pytest.raises(ConfigurationError) as caught:
            parse_base_url(text)
        everything = [str(caught.value), repr(caught.value), repr(caught.value.__dict__), repr(caught.value.__cause__)]
        if not caught.value.__suppress_context__:
            everything.append(repr(caught.value.__context__))
        assert "sesame" not in "".join(everything)


class TestIsUrlOf:
    @pytest.mark.parametrize(
        "text",
        [
            "http://dial.core",
            "http://dial.core/",
            "http://dial.core/v1/x",
            "HTTP://DIAL.core:80/v1",
            "http://dial.core/x?y#z",
            "http://dial.core?x",
        ],
    )
    def test_this_server(self, text: str) -> None:
        assert is_url_of(HERE, text)

    @pytest.mark.parametrize(
        "text",
        [
            "https://dial.core",
            "http://dial.core:8080/",
            "http://dial.core.evil/",
            "http://evil/dial.core",
            "http://u:p@dial.core/",
            "dial.core",
            "/v1/x",
            "",
            "http://dial.core@evil/",
            "http://dial.core\\@evil",
        ],
    )
    def test_not_this_server(self, text: str) -> None:
        assert not is_url_of(HERE, text)

    def test_below_the_prefix_only(self) -> None:
        assert is_url_of(BELOW, "https://gate.example/my/dial/v1/x") and is_url_of(
            BELOW, "https://gate.example/my/dial"
        )
        assert not is_url_of(BELOW, "https://gate.example/my/dialogue/v1") and not is_url_of(
            BELOW, "https://gate.example/v1/x"
        )


# ---------------------------------------------------------------- storage

FORMS: List[Tuple[Any, str]] = [
    # as the guide writes them
    ("files/test-bucket/some-relative-path/my-file.txt", "files/test-bucket/some-relative-path/my-file.txt"),
    (
        "http://dial.core/v1/files/test-bucket/some-relative-path/my-file.txt",
        "files/test-bucket/some-relative-path/my-file.txt",
    ),
    (PurePosixPath("files/b") / "some-relative-path/my-file.txt", "files/b/some-relative-path/my-file.txt"),
    # folders and roots
    ("files/b/folder/", "files/b/folder/"),
    ("files/b/", "files/b/"),
    ("files/b", "files/b/"),
    (PurePosixPath("files/b"), "files/b/"),
    (PurePosixPath("files/b/folder/"), "files/b/folder"),
    ("http://dial.core/v1/files/b/folder/", "files/b/folder/"),
    # encoded or not means the same
    ("files/b/my file.txt", "files/b/my%20file.txt"),
    ("files/b/my%20file.txt", "files/b/my%20file.txt"),
    (PurePosixPath("files/b/my file.txt"), "files/b/my%20file.txt"),
    ("http://dial.core/v1/files/b/my file.txt", "files/b/my%20file.txt"),
    ("http://dial.core/v1/files/b/my%20file.txt", "files/b/my%20file.txt"),
    ("files/b/\u0444.txt", "files/b/%D1%84.txt"),
    ("files/b/%D1%84.txt", "files/b/%D1%84.txt"),
    ("files/b/%d1%84.txt", "files/b/%D1%84.txt"),
    ("files/b/a+b@c:d.txt", "files/b/a%2Bb%40c%3Ad.txt"),
    ("files/b/12:30.txt", "files/b/12%3A30.txt"),
    ("files/b/a?b#c.txt", "files/b/a%3Fb%23c.txt"),
    ("files/b/100%", "files/b/100%25"),
    ("files/b/100%25", "files/b/100%25"),
    ("files/b/50%zz", "files/b/50%25zz"),
    ('files/b/[x]|^`"<>\\.txt', "files/b/%5Bx%5D%7C%5E%60%22%3C%3E%5C.txt"),
    ("files/b/-._~", "files/b/-._~"),
    ("files/b/...", "files/b/..."),
    ("files/b/ / ", "files/b/%20/%20"),
    ("files/b/a\x7f", "files/b/a%7F"),
    # the other kinds and servers
    ("prompts/b/p", "prompts/b/p"),
    ("conversations/b/f/c", "conversations/b/f/c"),
    ("applications/public/a", "applications/public/a"),
    ("http://dial.core/v2/skills/b/s", "skills/b/s"),
    ("HTTP://Dial.Core:80/v1/files/b/x", "files/b/x"),
    ("http://dial.core/v1/files/b/a%3Fb%23c", "files/b/a%3Fb%23c"),
]

REFUSED: List[Tuple[Any, Type[Exception]]] = [
    ("", InvalidDialURLError),
    ("/", InvalidDialURLError),
    ("/files/b/x", InvalidDialURLError),
    ("v1/files/b/x", InvalidDialURLError),
    ("v2/skills/b/x", InvalidDialURLError),
    ("files", InvalidDialURLError),
    ("files/", InvalidDialURLError),
    ("files//x", InvalidDialURLError),
    ("file/b/x", InvalidDialURLError),
    ("b/x", InvalidDialURLError),
    ("files/my bucket/x", InvalidDialURLError),
    ("files/x.txt", InvalidDialURLError),
    ("files/b%20c/x", InvalidDialURLError),
    ("files/../x", InvalidDialURLError),
    ("files/b//x", InvalidDialURLError),
    ("files/b/x//", InvalidDialURLError),
    ("files/b/./x", InvalidDialURLError),
    ("files/b/..", InvalidDialURLError),
    ("files/b/../../v1/x", InvalidDialURLError),
    ("files/b/%2e%2e/x", InvalidDialURLError),
    ("files/b/%2E", InvalidDialURLError),
    ("files/b/a%2Fb", InvalidDialURLError),
    ("files/b/a%2fb", InvalidDialURLError),
    ("files/b/a{b", InvalidDialURLError),
    ("files/b/a%7Db", InvalidDialURLError),
    ("files/b/a\nb", InvalidDialURLError),
    ("files/b/a%00b", InvalidDialURLError),
    ("files/b/a%0D%0Ab", InvalidDialURLError),
    ("files/b/a\ud800", InvalidDialURLError),
    ("http://dial.core/files/b/x", InvalidDialURLError),
    ("http://dial.core/v1/", InvalidDialURLError),
    ("http://dial.core", InvalidDialURLError),
    ("http://dial.core/v1/files/b/x?y=1", InvalidDialURLError),
    ("http://dial.core/v1/files/b/x#y", InvalidDialURLError),
    ("http://dial.core/v1//files/b/x", InvalidDialURLError),
    ("https://dial.core/v1/files/b/x", NotDialURLError),
    ("http://dial.core:8080/v1/files/b/x", NotDialURLError),
    ("http://other.example/v1/files/b/x", NotDialURLError),
    ("http://dial.core@other.example/v1/files/b/x", NotDialURLError),
    ("files://b/x", NotDialURLError),
    (None, InvalidDialURLError),
    (b"files/b/x", InvalidDialURLError),
    (5, InvalidDialURLError),
]


class TestStorageUrl:
    @pytest.mark.parametrize(("url", "path"), FORMS)
    def test_every_form(self, url: Any, path: str) -> None:
        found = parse_storage_url(HERE, url)
        assert found.path == path
        assert parse_storage_url(HERE, found.path) == found, "what it is written as reads the same"

    @pytest.mark.parametrize(("url", "error"), REFUSED)
    def test_refused(self, url: Any, error: Any) -> None:
        with pytest.raises(error) as caught:
            parse_storage_url(HERE, url)
        assert type(caught.value) is error and caught.value.request_sent == "no"

    def test_its_parts(self) -> None:
        found = parse_storage_url(HERE, "files/b/my%20folder/\u0444 %25.txt")
        assert found == StoragePath("files", "b", ("my folder", "\u0444 %.txt"), False)
        assert found.name == "\u0444 %.txt" and found.as_folder().path.endswith("%25.txt/")
        assert parse_storage_url(HERE, "files/b/").name == ""

    def test_the_kind_that_is_wanted(self) -> None:
        assert parse_storage_url(HERE, "prompts/b/x", "prompts").kind == "prompts"
        with pytest.raises(InvalidDialURLError, match="prompts/{bucket}/"):
            parse_storage_url(HERE, "files/b/x", "prompts")

    @pytest.mark.parametrize(
        "text",
        ["https://gate.example/my/dial/v1/files/b/x y", "https://gate.example/my/dial/v1/files/b/x%20y", "files/b/x y"],
    )
    def test_below_a_prefix(self, text: str) -> None:
        assert parse_storage_url(BELOW, text).path == "files/b/x%20y"

    @pytest.mark.parametrize("text", ["https://gate.example/v1/files/b/x", "https://gate.example/my/dialv1/files/b/x"])
    def test_not_below_the_prefix(self, text: str) -> None:
        with pytest.raises(NotDialURLError):
            parse_storage_url(BELOW, text)

    @pytest.mark.parametrize("prefix", ["my%20dial", "my dial"])
    def test_a_prefix_may_be_written_otherwise_too(self, prefix: str) -> None:
        origin = parse_base_url("http://h/my dial")
        assert parse_storage_url(origin, "http://h/%s/v1/files/b/x" % prefix).path == "files/b/x"


# As a running DIAL Core stored them: the path that was sent, and the url that it answered with.
STORED = [
    ("sp%20ace.txt", "sp%20ace.txt"),
    ("pl+us.txt", "pl+us.txt"),
    ("p%2Bq.txt", "p+q.txt"),
    ("%D1%84.txt", "%D1%84.txt"),
    ("a:b.txt", "a:b.txt"),
    ("a%3Ab.txt", "a:b.txt"),
    ("h%23q%3F.txt", "h%23q%3F.txt"),
    ("a%25b.txt", "a%25b.txt"),
    ("quote%22.txt", "quote%22.txt"),
    ("%5C.txt", "%5C.txt"),
    ("tilde~!$&'()*,;=@.txt", "tilde~!$&'()*,;=@.txt"),
    ("trail%20/x", "trail%20/x"),
    ("x:y:z", "x:y:z"),
    ("12%3A30.txt", "12:30.txt"),
    ("a%3A", "a:"),
    ("%EF%BF%BD", "%EF%BF%BD"),
]


class TestNamesThatCoreStores:
    @pytest.mark.parametrize(("sent", "answered"), STORED)
    def test_the_url_that_core_answers_with_names_the_same_file(self, sent: str, answered: str) -> None:
        asked, given = (parse_storage_url(HERE, "files/BUCKET1/n/" + name) for name in (sent, answered))
        assert asked == given
        assert unquote(asked.path) == unquote("files/BUCKET1/n/" + answered)

    @pytest.mark.parametrize(("sent", "answered"), STORED)
    def test_the_decoded_name_names_it_too(self, sent: str, answered: str) -> None:
        name = unquote(answered)
        if "%" not in name:  # a name with a percent sign can't be told from an encoded one
            assert parse_storage_url(HERE, PurePosixPath("files/BUCKET1/n") / name).segments[1:] == tuple(
                name.split("/")
            )

    def test_only_unreserved_characters_travel_as_they_are(self) -> None:
        every = "".join(chr(code) for code in range(0x20, 0x250) if chr(code) not in "/{}%")
        path = parse_storage_url(HERE, "files/b/" + every).path
        literal = set(path[len("files/b/") :].replace("%", ""))
        assert literal <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
        assert parse_storage_url(HERE, path).segments == (every,)


# ---------------------------------------------------------------- deployments and queries


class TestDeploymentId:
    @pytest.mark.parametrize(
        ("given", "path"),
        [
            ("gpt-4", "gpt-4"),
            ("my dep", "my%20dep"),
            ("my%20dep", "my%20dep"),
            ("a.b_c~d", "a.b_c~d"),
            ("gpt-4:free", "gpt-4%3Afree"),
            ("applications/b/my app", "applications/b/my%20app"),
            ("applications/b/my%20app", "applications/b/my%20app"),
            ("applications/b/folder/\u0444?#", "applications/b/folder/%D1%84%3F%23"),
        ],
    )
    def test_encoded_or_decoded_means_the_same(self, given: str, path: str) -> None:
        assert encode_id(given) == path == encode_id(path)

    @pytest.mark.parametrize(
        "given",
        [
            "",
            " ",
            "/",
            "a//b",
            "/a",
            "a/",
            ".",
            "..",
            "a/../b",
            "a/%2e%2e/b",
            "a\r\nb",
            "a%0Ab",
            "a{b}",
            None,
            5,
            b"a",
            "\ud800",
        ],
    )
    def test_refused(self, given: Any) -> None:
        with pytest.raises(InvalidRequestError):
            encode_id(given)


class TestQuery:
    @pytest.mark.parametrize(
        ("query", "text"),
        [
            ({}, ""),
            ({"a": None}, ""),
            ({"a": "b", "c": None, "d": 5}, "a=b&d=5"),
            ({"a": True, "b": False}, "a=true&b=false"),
            ({"a": ""}, "a="),
            ({"a": [1, None, "x"], "b": ()}, "a=1&a=x"),
            ({"a b": "c&d=e/f+g \u0444"}, "a%20b=c%26d%3De%2Ff%2Bg%20%D1%84"),
            ({"api-version": "2024-02-15-preview"}, "api-version=2024-02-15-preview"),
            ({"x": "\r\n"}, "x=%0D%0A"),
            ({"x": 1.5}, "x=1.5"),
        ],
    )
    def test_as_it_travels(self, query: Any, text: str) -> None:
        assert encode_query(query) == text

    @pytest.mark.parametrize("query", [{"a": "\ud800"}, {"\ud800": "a"}, {"a": ["x", "\udfff"]}])
    def test_what_utf8_can_not_hold_is_refused(self, query: Any) -> None:
        with pytest.raises(InvalidRequestError, match="UTF-8"):
            encode_query(query)


class _Kind(str, enum.Enum):
    MODEL = "a model"


def test_an_enum_stands_for_its_value_in_paths_and_queries() -> None:
    assert encode_query({_Kind.MODEL: [_Kind.MODEL, 1]}) == "a%20model=a%20model&a%20model=1"
    assert encode_id(_Kind.MODEL) == "a%20model"


@pytest.mark.parametrize("value", [{"a": 1}, b"x", object(), _Kind, {1}, [[1]]])
def test_a_value_without_a_text_of_its_own_is_no_part_of_a_query(value: Any) -> None:
    with pytest.raises(InvalidRequestError, match="can't be written into a URL"):
        encode_query({"a": value})


@pytest.mark.skipif(not hasattr(sys, "set_int_max_str_digits"), reason="this Python writes any number")
def test_nor_is_a_number_of_too_many_digits() -> None:
    with pytest.raises(InvalidRequestError, match="a int can't be written into a URL"):
        encode_query({"a": 10**5000})


def test_the_words_of_the_official_client() -> None:
    with pytest.raises(InvalidDialURLError, match="Invalid resource type"):
        parse_storage_url(HERE, "prompts/b/a", "files")
