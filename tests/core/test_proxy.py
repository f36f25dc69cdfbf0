"""core/proxy.py: which way a connection goes, and whose credentials go where."""

import base64
from typing import Any, Dict, Iterator

import pytest

from aidial_min.core.http11 import Head, Headers
from aidial_min.core.proxy import Route, check_tunnel, find_route, tunnel_request
from aidial_min.core.settings import ConnectionKey, connection_settings
from aidial_min.core.urls import Origin, parse_base_url
from aidial_min.errors import ConfigurationError, ProxyError

HTTP = parse_base_url("http://dial.example:8080")
HTTPS = parse_base_url("https://dial.example")
LOCAL = parse_base_url("http://127.0.0.1:8080")
SIX = parse_base_url("http://[::1]:8080")


@pytest.fixture(autouse=True)
def no_proxy_variables(monkeypatch: Any) -> Iterator[None]:
    for scheme in ("http", "https", "all", "no", "ftp", "socks"):
        for name in (scheme + "_proxy", scheme.upper() + "_PROXY"):
            monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("REQUEST_METHOD", raising=False)
    yield


def way(route: Route) -> Any:
    return route.kind, route.host, route.port


PROXY = "http://proxy.example:3128"
VIA = ("proxy.example", 3128)


class TestGivenByTheUser:
    def test_plain_http_is_forwarded_and_https_tunnelled(self) -> None:
        assert way(find_route(HTTP, PROXY, True)) == ("forward", *VIA)
        assert way(find_route(HTTPS, PROXY, True)) == ("tunnel", *VIA)

    @pytest.mark.parametrize(
        ("proxy", "host", "port"),
        [
            ("http://p", "p", 80),
            ("http://p/", "p", 80),
            ("http://p:3128/x", "p", 3128),
            ("p:3128", "p", 3128),
            ("p", "p", 80),
            ("HTTP://P:3128", "p", 3128),
            ("http://[::1]:3128", "::1", 3128),
            ("http://u:p@h:1", "h", 1),
        ],
    )
    def test_forms(self, proxy: str, host: str, port: int) -> None:
        assert way(find_route(HTTP, proxy, False)) == ("forward", host, port)

    def test_it_wins_over_the_environment(self, monkeypatch: Any) -> None:
        monkeypatch.setenv("http_proxy", "http://other:1")
        monkeypatch.setenv("no_proxy", "*")
        assert way(find_route(HTTP, PROXY, True)) == ("forward", *VIA)

    def test_empty_means_none(self, monkeypatch: Any) -> None:
        monkeypatch.setenv("http_proxy", PROXY)
        assert way(find_route(HTTP, "", True)) == ("direct", "dial.example", 8080)

    @pytest.mark.parametrize(
        "proxy",
        [
            "http://",
            "http://:3128",
            "http://p:port",
            "http://p:99999",
            "http://[::1",
            "socks5://p:1080",
            "https://p:443",
            "ftp://p",
            "://p",
            "//p",
            "http:///x",
        ],
    )
    def test_refused(self, proxy: str) -> None:
        for origin in (HTTP, HTTPS):
            with pytest.raises(ConfigurationError, match="prox"):
                find_route(origin, proxy, True)


class TestFromTheEnvironment:
    @pytest.mark.parametrize(
        ("host", "no_proxy", "proxied"),
        [
            ("10.1.2.3", "10.0.0.0/8", False),
            ("10.1.2.3", "localhost, 10.1.0.0/16 ,x", False),
            ("11.1.2.3", "10.0.0.0/8", True),
            ("10.1.2.3", "10.1.2.3", False),
            ("::1", "::1", False),
            ("::1", "[::1]", False),
            ("0:0:0:0:0:0:0:1", "::1", False),
            ("fd00::5", "fd00::/8", False),
            ("fe00::5", "fd00::/8", True),
            ("dial.example", "10.0.0.0/8", True),
            ("10.1.2.3", "10.0.0.0/99", True),
        ],
    )
    def test_no_proxy_knows_networks_and_ipv6(self, monkeypatch: Any, host: str, no_proxy: str, proxied: bool) -> None:
        monkeypatch.setenv("http_proxy", PROXY)
        monkeypatch.setenv("no_proxy", no_proxy)
        assert (find_route(Origin("http", host, 8080, ""), None, True).kind == "forward") is proxied

    def test_a_password_that_is_no_text_is_sent_as_it_is_and_shown_nowhere(self, monkeypatch: Any) -> None:
        monkeypatch.setenv("http_proxy", "http://user:p\udcffss@proxy.example:3128")
        route = find_route(HTTP, None, True)
        assert route.authorization == "Basic " + base64.b64encode(b"user:p\xffss").decode()
        assert "ss@" not in repr(route)

    @pytest.mark.parametrize(
        ("variables", "http", "https"),
        [
            ({}, False, False),
            ({"http_proxy": PROXY}, True, False),
            ({"HTTP_PROXY": PROXY}, True, False),
            ({"https_proxy": PROXY}, False, True),
            ({"HTTPS_PROXY": PROXY}, False, True),
            ({"all_proxy": PROXY}, True, True),
            ({"ALL_PROXY": PROXY}, True, True),
            ({"http_proxy": ""}, False, False),
            ({"HTTPS_PROXY": ""}, False, False),
            ({"http_proxy": "", "HTTP_PROXY": PROXY}, False, False),
            ({"ftp_proxy": PROXY, "no_proxy": "x"}, False, False),
            ({"http_proxy": PROXY, "no_proxy": "*"}, False, False),
            ({"http_proxy": PROXY, "no_proxy": "dial.example"}, False, False),
            ({"http_proxy": PROXY, "NO_PROXY": "dial.example"}, False, False),
            ({"http_proxy": PROXY, "no_proxy": ".example"}, False, False),
            ({"http_proxy": PROXY, "no_proxy": "example"}, False, False),
            ({"http_proxy": PROXY, "no_proxy": "other.example, dial.example:8080"}, False, False),
            ({"http_proxy": PROXY, "no_proxy": "dial.example:9090"}, True, False),
            ({"http_proxy": PROXY, "no_proxy": "ial.example"}, True, False),
            ({"http_proxy": PROXY, "no_proxy": ""}, True, False),
            ({"all_proxy": PROXY, "no_proxy": "dial.example"}, False, False),
            ({"HTTP_PROXY": PROXY, "REQUEST_METHOD": "GET"}, False, False),
            ({"http_proxy": PROXY, "REQUEST_METHOD": "GET"}, True, False),
        ],
    )
    def test_variables(self, monkeypatch: Any, variables: Dict[str, str], http: bool, https: bool) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert way(find_route(HTTP, None, True)) == (("forward", *VIA) if http else ("direct", "dial.example", 8080))
        assert way(find_route(HTTPS, None, True)) == (("tunnel", *VIA) if https else ("direct", "dial.example", 443))

    def test_not_asked_when_not_trusted(self, monkeypatch: Any) -> None:
        monkeypatch.setenv("all_proxy", "socks5://unusable")
        assert find_route(HTTP, None, False).kind == "direct"

    def test_loopback_is_no_exception(self, monkeypatch: Any) -> None:
        monkeypatch.setenv("http_proxy", PROXY)
        assert find_route(LOCAL, None, True).kind == find_route(SIX, None, True).kind == "forward"

    @pytest.mark.parametrize("excepted", ["127.0.0.1,::1", "127.0.0.1:8080,::1"])
    def test_unless_no_proxy_says_so(self, monkeypatch: Any, excepted: str) -> None:
        monkeypatch.setenv("http_proxy", PROXY)
        monkeypatch.setenv("no_proxy", excepted)
        assert find_route(LOCAL, None, True).kind == find_route(SIX, None, True).kind == "direct"

    def test_what_can_not_be_used_is_said_and_how_to_ignore_it(self, monkeypatch: Any) -> None:
        monkeypatch.setenv("all_proxy", "socks5://user:sesame@p")
        with pytest.raises(ConfigurationError, match="trust_env=False") as caught:
            find_route(HTTP, None, True)
        assert "sesame" not in str(caught.value)

    def test_why_is_kept_for_people(self, monkeypatch: Any) -> None:
        assert find_route(HTTP, None, True).reason and find_route(HTTP, PROXY, True).reason


class TestCredentials:
    def test_are_percent_decoded(self) -> None:
        for proxy, pair in [
            ("http://user:p%40ss%3A%2F@p", "user:p@ss:/"),
            ("http://user@p", "user:"),
            ("http://user:@p", "user:"),
            ("http://:pass@p", ":pass"),
            ("http://%D1%84:x@p", "\u0444:x"),
            ("user:pass@p:1", "user:pass"),
        ]:
            route = find_route(HTTP, proxy, True)
            assert route.authorization == "Basic " + base64.b64encode(pair.encode()).decode()

    def test_there_may_be_none(self) -> None:
        assert find_route(HTTP, PROXY, True).authorization is None

    @pytest.mark.parametrize("proxy", ["http://user:sesame@p", "http://sesame@p:1"])
    def test_never_stand_in_a_repr(self, proxy: str) -> None:
        settings = connection_settings(proxy=proxy)
        route = settings.route(HTTPS)
        assert route.authorization is not None
        shown = (
            repr([route, settings, ConnectionKey("https", "h", 443, route, 0)])
            + str(route)
            + str(settings)
            + route.reason
        )
        assert "sesame" not in shown and route.authorization.text.split()[1] not in shown

    @pytest.mark.parametrize(
        "proxy",
        [
            "socks5://user:sesame@p",
            "http://user:sesame@",
            "http://user:sesame@p:port",
            "http://user:sesame@[::1",
            "user:sesame@p:99999",
        ],
    )
    def test_nor_in_a_message(self, proxy: str) -> None:
        with pytest.raises(ConfigurationError) as caught:
            find_route(HTTP, proxy, True)
        assert "sesame" not in str(caught.value) + repr(caught.value) + repr(caught.value.__cause__)
        assert caught.value.__suppress_context__ or caught.value.__context__ is None

    def test_routes_with_other_credentials_are_other_routes(self) -> None:
        assert find_route(HTTP, "http://a:b@p", True) != find_route(HTTP, "http://a:c@p", True)


class TestTunnel:
    def test_the_request(self) -> None:
        assert tunnel_request(find_route(HTTPS, PROXY, True), HTTPS) == (
            b"CONNECT dial.example:443 HTTP/1.1\r\nHost: dial.example:443\r\n\r\n"
        )
        six = parse_base_url("https://[::1]:8443")
        assert tunnel_request(find_route(six, "http://a:b@p", True), six) == (
            b"CONNECT [::1]:8443 HTTP/1.1\r\nHost: [::1]:8443\r\nProxy-Authorization: Basic YTpi\r\n\r\n"
        )

    @pytest.mark.parametrize("status", [200, 201, 204, 299])
    def test_any_2xx_opens_it(self, status: int) -> None:
        check_tunnel(Head(status, "", Headers(), 1), find_route(HTTPS, PROXY, True))

    @pytest.mark.parametrize("status", [301, 400, 403, 404, 407, 502, 504])
    def test_anything_else_is_a_proxy_error(self, status: int) -> None:
        with pytest.raises(ProxyError, match="proxy.example:3128.*%d No" % status) as caught:
            check_tunnel(Head(status, "No", Headers(), 1), find_route(HTTPS, PROXY, True))
        assert caught.value.request_sent == "no" and caught.value.status_code == 500
        assert ("user and password" in str(caught.value)) == (status == 407)
