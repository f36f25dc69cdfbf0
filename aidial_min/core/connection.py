"""What a client's connections are set to, and and the key under which the cache keeps them.

It knows the connection arguments of clients and pools; it must not know sockets or ssl.
"""

import os
from typing import Any, NamedTuple, Optional, Tuple, Union

from ..errors import ConfigurationError
from .limits import Limits, check_limits
from .route import Route, find_route
from .urls import Origin

ClientCert = Union[str, Tuple[str, str]]
"""A path to a PEM file with certificate and key, or a pair (certificate, key)."""


class ConnectionSettings(NamedTuple):
    """The connection arguments of a client or a pool, checked."""

    limits: Limits = Limits()
    proxy: Optional[str] = None
    trust_env: bool = True
    ca_bundle: Optional[str] = None
    client_cert: Optional[ClientCert] = None
    ssl_context: Any = None

    def __repr__(self) -> str:
        return "ConnectionSettings(%r, ...)" % (self.limits,)  # the proxy's URL may hold its password

    def route(self, origin: Origin) -> Route:
        """The way to a server, from these settings and the environment."""
        return find_route(origin, self.proxy, self.trust_env)


class ConnectionKey(NamedTuple):
    """Connections with equal keys are interchangeable; credentials are no part of it."""

    scheme: str
    host: str
    port: int
    route: Route
    context: int


def connection_settings(
    limits: Optional[Limits] = None,
    proxy: Optional[str] = None,
    trust_env: bool = True,
    ca_bundle: Any = None,
    client_cert: Any = None,
    ssl_context: Any = None,
) -> ConnectionSettings:
    """Check the connection arguments of a client.

    Raises:
        ConfigurationError: files that are not there, or arguments that contradict each other.
    """
    if ssl_context is not None and (ca_bundle is not None or client_cert is not None):
        raise ConfigurationError("pass ssl_context=, or ca_bundle= and client_cert=, not both")
    if ssl_context is not None and not hasattr(ssl_context, "wrap_socket"):  # core must not import ssl
        raise ConfigurationError("ssl_context must be an ssl.SSLContext, not %s" % type(ssl_context).__name__)
    if proxy is not None and not isinstance(proxy, str):
        raise ConfigurationError("proxy must be a URL like http://proxy.example:3128")
    bundle = None if ca_bundle is None else _path("ca_bundle", ca_bundle)
    if bundle is not None and not os.path.exists(bundle):
        raise ConfigurationError("ca_bundle: there is no file or folder %s" % bundle)
    cert: Optional[ClientCert] = None
    if client_cert is not None:
        pair = client_cert if isinstance(client_cert, (tuple, list)) else (client_cert,)
        paths = [_path("client_cert", path) for path in pair]
        if len(paths) not in (1, 2) or not all(os.path.isfile(path) for path in paths):
            raise ConfigurationError("client_cert must be a file, or a pair (certificate file, key file)")
        cert = paths[0] if len(paths) == 1 else (paths[0], paths[1])
    settings = ConnectionSettings(check_limits(limits), proxy, bool(trust_env), bundle, cert, ssl_context)
    if proxy:
        settings.route(Origin("http", "localhost", 80, ""))  # a proxy URL that can't be used is refused now
    return settings


def _path(name: str, value: Any) -> str:
    try:
        return os.fsdecode(value)
    except TypeError:
        raise ConfigurationError("%s must be a path, not %s" % (name, type(value).__name__)) from None
