"""core/settings.py: what users set a client to, checked before anything is sent."""

import inspect
import os
import pickle
from pathlib import Path, PurePosixPath
from typing import Any, Iterator

import pytest

from aidial_min import (
    AsyncDial,
    AsyncDialClientPool,
    ConfigurationError,
    Dial,
    DialClientPool,
    InvalidRequestError,
    Limits,
    Timeout,
)
from aidial_min.core.settings import NOT_GIVEN, connection_settings, read_headers, read_retries

from .test_credentials import key_coroutine, key_function

URL = "https://dial.example/prefix"
CLIENTS = [Dial, AsyncDial]


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: Any) -> Iterator[None]:
    for name in list(os.environ):
        if name.startswith("DIAL_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    yield


@pytest.mark.parametrize("cls", CLIENTS)
class TestArguments:
    def make(self, cls: Any, **arguments: Any) -> Any:
        return cls(**{"base_url": URL, "api_key": "key-of-a-test", **arguments})

    def test_the_urls(self, cls: Any) -> None:
        for url in (URL, URL + "/"):
            client = self.make(cls, base_url=url)
            assert client.base_url == "https://dial.example/prefix/"
            assert (client.api_url, client.api_url_v2) == (client.base_url + "v1/", client.base_url + "v2/")
            assert client.is_dial_url("https://dial.example/prefix/v1/files/b/x") and not client.is_dial_url(
                "https://other/"
            )
            assert not client.is_dial_url(PurePosixPath("files/b/x"))  # type: ignore[arg-type]
            with pytest.raises(InvalidRequestError, match="a NoneType can't be written into a URL"):
                client.is_dial_url(None)  # type: ignore[arg-type]

    def test_the_environment_stands_in(self, cls: Any, monkeypatch: Any) -> None:
        monkeypatch.setenv("DIAL_URL", "http://from.env")
        monkeypatch.setenv("DIAL_API_KEY", "key-from-env")
        client = cls()
        assert client.base_url == "http://from.env/" and client._config.credentials == (("api_key", "key-from-env"),)

    def test_arguments_win_over_it(self, cls: Any, monkeypatch: Any) -> None:
        monkeypatch.setenv("DIAL_URL", "http://from.env")
        monkeypatch.setenv("DIAL_API_KEY", "key-from-env")
        assert self.make(cls).base_url == "https://dial.example/prefix/"
        assert self.make(cls)._config.credentials == (("api_key", "key-of-a-test"),)
        assert cls(bearer_token="token")._config.credentials == (("bearer_token", "token"),)

    def test_files_are_named_by_it_too(self, cls: Any, monkeypatch: Any, tmp_path: Path) -> None:
        file = tmp_path / "token"
        file.write_text("first")
        monkeypatch.setenv("DIAL_BEARER_TOKEN_FILE", str(file))
        ((kind, value),) = cls(base_url=URL)._config.credentials
        file.write_text("second")
        assert (kind, value()) == ("bearer_token", "second")
        monkeypatch.setenv("DIAL_API_KEY", "key-from-env")
        assert [credential.kind for credential in cls(base_url=URL)._config.credentials] == ["api_key", "bearer_token"]
        assert self.make(cls)._config.credentials == (("api_key", "key-of-a-test"),)

    def test_headers_may_bring_the_credential(self, cls: Any) -> None:
        for headers in (lambda: {"Api-Key": "k"}, {"api-key": "k"}, {"Authorization": "Basic x"}):
            assert cls(base_url=URL, default_headers=headers)._config.credentials == ()
        with pytest.raises(ConfigurationError, match="At least one of"):
            cls(base_url=URL, default_headers={"X-Team": "a"})

    def test_empty_variables_are_none(self, cls: Any, monkeypatch: Any) -> None:
        monkeypatch.setenv("DIAL_URL", "")
        monkeypatch.setenv("DIAL_API_KEY", "")
        with pytest.raises(ConfigurationError, match="DIAL_URL"):
            cls(api_key="key-of-a-test")
        with pytest.raises(ConfigurationError, match="DIAL_API_KEY"):
            cls(base_url=URL)

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ({"base_url": None}, "base_url=.*DIAL_URL"),
            ({"base_url": ""}, "base_url"),
            ({"base_url": 5}, "base_url"),
            ({"base_url": "dial.example"}, "http://"),
            ({"api_key": None}, "At least one of api_key or bearer_token must be provided.*DIAL_API_KEY"),
            ({"bearer_token": "Bearer other"}, "leave the word Bearer out"),
            ({"api_key": 5}, "api_key must be a str or a callable"),
            ({"api_key": b"key"}, "api_key must be a str or a callable"),
            ({"api_key": None, "bearer_token": ["x"]}, "bearer_token must be"),
            ({"api_key": ""}, "api_key is empty"),
            ({"api_key": "  \n"}, "api_key is empty"),
            ({"timeout": 0}, "timeout"),
            ({"timeout": "5"}, "timeout"),
            ({"max_retries": -1}, "max_retries"),
            ({"max_retries": True}, "max_retries"),
            ({"max_retries": 1.5}, "max_retries"),
            ({"max_retries": None}, "max_retries"),
            ({"limits": 5}, "limits"),
            ({"limits": Limits(max_connections=0)}, "max_connections"),
            ({"proxy": 5}, "proxy"),
            ({"proxy": "socks5://p"}, "prox"),
            ({"ca_bundle": "/nowhere/ca.pem"}, "ca_bundle.*/nowhere/ca.pem"),
            ({"client_cert": "/nowhere/c.pem"}, "client_cert"),
            ({"client_cert": (__file__, "/nowhere/k.pem")}, "client_cert"),
            ({"client_cert": (__file__, __file__, 5)}, "password of client_cert"),
            ({"client_cert": (__file__, __file__, "word", "word")}, "client_cert"),
            ({"client_cert": ()}, "client_cert"),
            ({"ssl_context": "server.pem"}, "ssl_context must be an ssl.SSLContext, not str"),
            ({"ssl_context": object(), "ca_bundle": __file__}, "ssl_context"),
            ({"ssl_context": object(), "client_cert": __file__}, "ssl_context"),
        ],
    )
    def test_what_makes_no_sense_is_refused_with_a_word_on_what_to_do(
        self, cls: Any, arguments: Any, words: str
    ) -> None:
        with pytest.raises(ConfigurationError, match=words) as caught:
            self.make(cls, **arguments)
        assert isinstance(caught.value, ValueError) and caught.value.request_sent == "no"

    @pytest.mark.parametrize("name", ["api_key", "bearer_token"])
    @pytest.mark.parametrize("inside", ["\n", "\r\nX: y", "\x00", "\x7f", "\u0444", "\u2028", "\xa0"])
    def test_a_credential_that_can_not_travel_is_refused_and_not_repeated(
        self, cls: Any, name: str, inside: str
    ) -> None:
        arguments: Any = {"api_key": None, name: "open" + inside + "sesame"}
        with pytest.raises(InvalidRequestError, match=name) as caught:
            self.make(cls, **arguments)
        assert "sesame" not in str(caught.value) + repr(caught.value) + repr(caught.value.__cause__)

    def test_default_headers_may_be_a_function(self, cls: Any) -> None:
        assert self.make(cls, default_headers=key_function)._config.headers == (key_function,)
        client = self.make(cls, default_headers={"A": "b"}).with_options(default_headers=key_function)
        assert client._config.headers == (("A", "b"), key_function)
        if cls is AsyncDial:
            assert self.make(cls, default_headers=key_coroutine)._config.headers == (key_coroutine,)
        else:
            with pytest.raises(ConfigurationError, match="default_headers is a coroutine function; use it with Async"):
                self.make(cls, default_headers=key_coroutine)

    @pytest.mark.parametrize("headers", [[("A", "b")], "A: b", 5])
    def test_default_headers_are_a_mapping(self, cls: Any, headers: Any) -> None:
        with pytest.raises(ConfigurationError, match="default_headers must be a dict"):
            self.make(cls, default_headers=headers)

    @pytest.mark.parametrize("headers", [{"A": "b\r\nC: d"}, {"A b": "c"}, {"A": 5}, {"": "x"}, {5: "x"}])
    def test_default_headers_are_checked_at_once(self, cls: Any, headers: Any) -> None:
        with pytest.raises(InvalidRequestError, match="header"):
            self.make(cls, default_headers=headers)

    def test_settings_are_kept(self, cls: Any) -> None:
        config = self.make(cls, timeout=7, max_retries=5, api_version="v", default_headers={"A": "b"})._config
        assert (config.timeout, config.retry.max_retries, config.api_version, config.headers) == (
            Timeout(5, 7, 7, 7),
            5,
            "v",
            (("A", "b"),),
        )

    def test_no_secret_stands_in_a_repr(self, cls: Any) -> None:
        client = self.make(
            cls, api_key="sesame", default_headers={"Authorization": "Basic sesame"}, proxy="http://u:sesame@p:1"
        )
        shown = repr(
            [
                client,
                client._config,
                client._config.credentials,
                client._transport.settings,
                client.chat,
                client.files,
                vars(client),
            ]
        )
        assert "sesame" not in shown and "https://dial.example/prefix/" in shown

    def test_with_options_changes_a_copy_on_the_same_connections(self, cls: Any) -> None:
        client = self.make(cls, default_headers={"A": "1"})
        other = client.with_options(timeout=3, max_retries=0, default_headers={"B": "2"}, bearer_token="token")
        assert type(other) is cls and other._transport is client._transport
        assert (other._config.timeout.read, other._config.retry.max_retries) == (3, 0)
        assert other._config.headers == (("A", "1"), ("B", "2")) and other._config.credentials == (
            ("bearer_token", "token"),
        )
        assert client._config == self.make(cls, default_headers={"A": "1"})._config
        assert client.with_options()._config == client._config
        assert client.with_options(timeout=None)._config.timeout.read is None

    def test_with_options_copies_what_a_subclass_keeps(self, cls: Any) -> None:
        class Ours(cls):  # type: ignore[misc]
            def __init__(self, team: str, **settings: Any) -> None:
                super().__init__(**settings)
                self.team = team

        client = Ours("blue", base_url="https://dial.example", api_key="key")
        files = client.files
        other = client.with_options(timeout=3)
        assert type(other) is Ours and other.team == "blue"
        assert other.files is not files and other.files._client is other
        assert (client._owns_transport, other._owns_transport) == (True, False)

    @pytest.mark.parametrize(
        "options",
        [
            {"timeout": -1},
            {"max_retries": "x"},
            {"default_headers": {"A": "\n1"[::-1] + "\r\nB: c"}},
            {"bearer_token": "Bearer b"},
            {"api_key": ""},
        ],
    )
    def test_with_options_checks_them_too(self, cls: Any, options: Any) -> None:
        with pytest.raises(InvalidRequestError):
            self.make(cls).with_options(**options)

    def test_everything_is_given_by_name(self, cls: Any) -> None:
        kinds = {parameter.kind for parameter in inspect.signature(cls).parameters.values()}
        assert kinds == {inspect.Parameter.KEYWORD_ONLY}


class TestPools:
    @pytest.mark.parametrize("cls", [DialClientPool, AsyncDialClientPool])
    def test_limits_has_an_older_name(self, cls: Any) -> None:
        assert cls(limits=Limits(5))._transport.settings.limits == Limits(5)
        assert cls(connection_limits=Limits(6))._transport.settings.limits == Limits(6)
        assert cls(limits=Limits(5), connection_limits=Limits(6))._transport.settings.limits == Limits(5)

    @pytest.mark.parametrize("cls", [DialClientPool, AsyncDialClientPool])
    def test_clients_share_its_connections_and_do_not_own_them(self, cls: Any) -> None:
        pool = cls()
        one, two = (pool.create_client(base_url=URL, api_key=key) for key in ("key-one", "key-two"))
        assert one._transport is two._transport is pool._transport
        assert not one._owns_transport and not two._owns_transport

    @pytest.mark.parametrize("cls", [DialClientPool, AsyncDialClientPool])
    @pytest.mark.parametrize(
        "arguments", [{}, {"base_url": URL}, {"base_url": URL, "api_key": "a", "bearer_token": "Bearer b"}]
    )
    def test_create_client_checks_what_a_client_checks(self, cls: Any, arguments: Any) -> None:
        with pytest.raises(ConfigurationError):
            cls().create_client(**arguments)

    @pytest.mark.parametrize("cls", [DialClientPool, AsyncDialClientPool])
    def test_so_does_the_pool(self, cls: Any) -> None:
        with pytest.raises(ConfigurationError):
            cls(proxy="socks5://p")


class TestConnectionSettings:
    def test_files_may_be_given_as_paths(self, tmp_path: Path) -> None:
        pem = tmp_path / "x.pem"
        pem.write_text("x")
        settings = connection_settings(ca_bundle=pem, client_cert=pem)
        assert (settings.ca_bundle, settings.client_cert) == (str(pem), (str(pem),))
        assert connection_settings(ca_bundle=tmp_path).ca_bundle == str(tmp_path)
        assert connection_settings(client_cert=[pem, str(pem)]).client_cert == (str(pem), str(pem))

    @pytest.mark.parametrize(
        "arguments", [{"ca_bundle": 5.5}, {"ca_bundle": ["x"]}, {"client_cert": 5.5}, {"client_cert": (5.5, 5.5)}]
    )
    def test_what_is_no_path_is_refused(self, arguments: Any) -> None:
        with pytest.raises(ConfigurationError):
            connection_settings(**arguments)

    def test_they_pickle_and_compare(self) -> None:
        settings = connection_settings(limits=Limits(5), proxy="http://p:1", trust_env=False)
        assert pickle.loads(pickle.dumps(settings)) == settings

    def test_an_empty_proxy_means_none(self) -> None:
        assert connection_settings(proxy="").proxy == ""


def test_the_smaller_readers() -> None:
    assert read_retries(0).max_retries == 0 and read_headers(None) == ()
    assert repr(NOT_GIVEN) == "NOT_GIVEN" and pickle.loads(pickle.dumps(NOT_GIVEN)) is NOT_GIVEN
