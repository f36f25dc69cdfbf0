"""Which way a connection goes: direct, forwarded by a proxy (http), or through its tunnel (https).

The environment is read as urllib does it (http_proxy, https_proxy, all_proxy, no_proxy; system settings on macOS
and Windows), and applies to loopback too unless NO_PROXY says otherwise.
"""

from __future__ import annotations

import os
import sys
from typing import Optional, Tuple
from urllib.parse import unquote, urlsplit

from .._typing import NamedTuple
from ..errors import ConfigurationError, ProxyError
from .credentials import Secret
from .http11 import Head, request_head
from .urls import Origin, with_port


class Route(NamedTuple):
    """How to reach an origin: `kind` is direct, forward or tunnel; host and port are what to connect to."""

    kind: str
    host: str
    port: int
    authorization: Optional[Secret] = None
    """The value of Proxy-Authorization, for the proxy alone."""
    reason: str = ""
    """Why this way, for people (no credentials)."""

    @property
    def address(self) -> str:
        """What to connect to, for people."""
        return with_port(self.host, self.port)

    @property
    def secrets(self) -> Tuple[str, ...]:
        """What to mask where the proxy echoes it: the password, plain and encoded."""
        if self.authorization is None:
            return ()
        from base64 import b64decode

        encoded = self.authorization.text.partition(" ")[2]
        return encoded, b64decode(encoded).decode("utf-8", "replace").partition(":")[2]

    def __repr__(self) -> str:
        return "Route(%s via %s)" % (self.kind, self.address)


def find_route(origin: Origin, proxy: Optional[str], trust_env: bool) -> Route:
    """The way to an origin.

    Args:
        proxy: a proxy URL given by the user, which wins; "" means none.
        trust_env: read the environment when there is none.
    Raises:
        ConfigurationError: a proxy URL that can't be used; credentials in it are not echoed.
    """
    if proxy is not None:
        return _through(origin, proxy, "proxy= was given") if proxy else _direct(origin, "proxy='' was given")
    if not trust_env:
        return _direct(origin, "trust_env is off")
    if not _environment_may_name_proxies():
        return _direct(origin, "no proxy is configured")
    from urllib.request import getproxies, proxy_bypass

    proxies = getproxies()
    found = proxies.get(origin.scheme) or proxies.get("all")
    if not found:
        return _direct(origin, "no proxy is configured for %s" % origin.scheme)
    if proxy_bypass("%s:%d" % (origin.host, origin.port)) or _names_address(proxies.get("no", ""), origin.host):
        return _direct(origin, "no_proxy names the host")
    return _through(origin, found, "the environment names a proxy for %s" % origin.scheme)


def _names_address(no_proxy: str, host: str) -> bool:
    """Whether NO_PROXY names an address as urllib does not understand it: in a network (10.0.0.0/8), or of IPv6."""
    import ipaddress

    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    for name in no_proxy.split(","):
        try:
            if address in ipaddress.ip_network(name.strip().strip("[]"), strict=False):
                return True
        except ValueError:
            pass  # a name, or with a port
    return False


def _environment_may_name_proxies() -> bool:
    # Loading urllib.request costs milliseconds; on Linux it could only find variables.
    return sys.platform in ("darwin", "win32") or any(name.lower().endswith("_proxy") for name in os.environ)


def _direct(origin: Origin, reason: str) -> Route:
    return Route("direct", origin.host, origin.port, None, reason)


def _through(origin: Origin, proxy: str, reason: str) -> Route:
    text = proxy if "://" in proxy else "http://" + proxy
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ConfigurationError("the proxy URL can't be read; it should look like http://proxy.example:3128") from None
    if parts.scheme.lower() != "http":
        raise ConfigurationError(
            "proxies of the kind %s:// are not supported; use http://, or trust_env=False to ignore the environment"
            % parts.scheme.lower()[:10]
        )
    if not host:
        raise ConfigurationError("the proxy URL has no host; it should look like http://proxy.example:3128")
    authorization = None
    if parts.username is not None:
        from base64 import b64encode

        user, password = unquote(parts.username), unquote(parts.password or "")
        pair = ("%s:%s" % (user, password)).encode("utf-8", "surrogateescape")
        authorization = Secret("Basic " + b64encode(pair).decode("ascii"))
    kind = "tunnel" if origin.scheme == "https" else "forward"
    return Route(kind, host, 80 if port is None else port, authorization, reason)


def tunnel_request(route: Route, origin: Origin) -> bytes:
    """CONNECT host:port (RFC 9110, 9.3.6), with the proxy's credentials."""
    target = with_port(origin.host, origin.port)
    lines = ["Host: %s\r\n" % target]
    if route.authorization:
        lines.append("Proxy-Authorization: %s\r\n" % route.authorization.text)
    return request_head("CONNECT", target, lines)


def check_tunnel(head: Head, route: Route) -> None:
    """What a proxy's answer to CONNECT means.

    Raises:
        ProxyError: it is not 2xx.
    """
    if not 200 <= head.status < 300:
        raise refusal(head, route)


def refusal(head: Head, route: Route) -> ProxyError:
    """The error for a proxy that does not let a request pass."""
    what = "tunnel" if route.kind == "tunnel" else "request"
    hint = "; put the proxy's user and password into its URL" if head.status == 407 else ""
    error = ProxyError("the proxy %s refused the %s: %d %s%s" % (route.address, what, head.status, head.reason, hint))
    error.refused = head.status in (403, 407)
    return error
