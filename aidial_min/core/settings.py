"""What users set a client to: arguments and environment, checked before anything is sent; how clients pickle.

`read_config` makes the settings of calls (core/call.py), `connection_settings` those of connections. Both clients and
pools are Portable: their settings travel to another process, sockets and caches never do.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping  # isinstance() of that of typing is slow
from functools import cached_property
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Tuple, TypeVar, Union

from .._typing import NamedTuple
from ..errors import ConfigurationError, DialException, InvalidRequestError, forget_variables
from .attempts import Watch, set_up_log
from .call import Config, HeaderSource
from .credentials import Secret, credentials_of, read_credentials, refuse_coroutines
from .hints import with_hints
from .http11 import header_line
from .limits import Limits, Timeout, TimeoutValue, check_limits, read_timeout
from .proxy import Route, find_route
from .retry import RetryPolicy
from .urls import Origin, is_url_of, parse_base_url

if TYPE_CHECKING:
    from typing_extensions import TypeAlias

    C = TypeVar("C", bound="BaseClient")


class NotGiven:
    """The default of arguments for which None has a meaning of its own."""

    def __repr__(self) -> str:
        return "NOT_GIVEN"

    def __reduce__(self) -> str:
        return "NOT_GIVEN"


NOT_GIVEN = NotGiven()


DefaultHeaders: TypeAlias = "Union[Mapping[str, str], Callable[[], Any]]"
"""Header fields, or a function that returns a dict of them or None (of the async client also a coroutine function)."""


def read_config(given: Mapping[str, Any], coroutines: bool) -> Config:
    """The settings of a client, from its arguments and the environment.

    Args:
        given: the arguments of a client, by name; others are left alone.
        coroutines: whether credentials and default_headers may be coroutine functions (the async client).
    Raises:
        ConfigurationError: it says what to do; nothing has been sent.
    """
    url = given["base_url"] if given["base_url"] is not None else os.environ.get("DIAL_URL") or None
    if url is None:
        raise ConfigurationError("no DIAL server is named: pass base_url= or set DIAL_URL")
    set_up_log(os.environ.get("DIAL_LOG"))
    headers = read_headers(given["default_headers"], coroutines)
    api_key, bearer_token = given["api_key"], given["bearer_token"]
    if api_key is None and bearer_token is None and not any(map(_brings_credential, headers)):
        found = credentials_of(os.environ)
        api_key, bearer_token = found.get("api_key"), found.get("bearer_token")
        if not found:
            message = "At least one of api_key or bearer_token must be provided: pass it, or set DIAL_API_KEY"
            raise ConfigurationError(message)
    origin = parse_base_url(url)
    last = origin.prefix.rpartition("/")[2].lower()
    if last in ("v1", "v2", "openai"):
        message = "base_url must not end in /%s, which is added to it; it is the address of the DIAL server" % last
        raise ConfigurationError(message)
    return Config(
        origin=origin,
        credentials=read_credentials(api_key, bearer_token, coroutines),
        clock=time.time,
        api_version=given["api_version"],
        timeout=read_timeout(given["timeout"]),
        retry=read_retries(given["max_retries"]),
        headers=headers,
        on_attempt=read_watch(given["on_attempt"], coroutines),
    )


def read_retries(max_retries: Any) -> RetryPolicy:
    """The retry policy for `max_retries`."""
    return RetryPolicy(number_given("max_retries", max_retries, least=0))


def number_given(name: str, value: Any, least: int) -> int:
    """A whole number among the arguments of a client or a call.

    Raises:
        ConfigurationError: it is something else, or less than that.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigurationError("%s must be a number of at least %d, not %r" % (name, least, value))
    return value


def function_given(name: str, value: Any) -> Any:
    """A function among them; None where there is none.

    Raises:
        ConfigurationError: it can't be called.
    """
    if value is not None and not callable(value):
        raise ConfigurationError("%s must be a function, not %s" % (name, type(value).__name__))
    return value


def path_given(name: str, value: Any) -> str:
    """The path of a local file or folder among them.

    Raises:
        ConfigurationError: it is none.
    """
    try:
        return os.fsdecode(value)
    except TypeError:
        raise ConfigurationError("%s must be a path, not %s" % (name, type(value).__name__)) from None


def timeout_of_call(timeout: Union[TimeoutValue, NotGiven]) -> Optional[Timeout]:
    """The `timeout` of one call; None: the client's."""
    return None if isinstance(timeout, NotGiven) else read_timeout(timeout)


def retry_of_call(max_retries: Optional[int]) -> Optional[RetryPolicy]:
    """The retry policy of one call; None: the client's."""
    return None if max_retries is None else read_retries(max_retries)


def dict_of_call(name: str, value: Any) -> Mapping[str, Any]:
    """A dict among the arguments of one call; an empty one where it is None.

    Raises:
        InvalidRequestError: it is something else.
    """
    if value is not None and not isinstance(value, Mapping):
        raise InvalidRequestError("%s must be a dict, not %s" % (name, type(value).__name__))
    return value or {}


def read_headers(headers: Any, coroutines: bool = False) -> Tuple[HeaderSource, ...]:
    """Default header fields, checked now so that the error comes early; a function is asked at every attempt.

    Args:
        coroutines: whether it may be a coroutine function (the async client).
    Raises:
        ConfigurationError: neither a dict nor a function. InvalidRequestError: a field that can't travel.
    """
    if callable(headers):
        if not coroutines:
            refuse_coroutines("default_headers", headers)
        return (headers,)
    if headers is not None and not isinstance(headers, Mapping):
        raise ConfigurationError(
            'default_headers must be a dict like {"X-Team": "a"}, or a function that returns one, not %s'
            % type(headers).__name__
        )
    for name, value in (headers or {}).items():
        header_line(name, value)
    return tuple((name, Secret(value)) for name, value in (headers or {}).items())


def read_watch(on_attempt: Any, coroutines: bool) -> Optional[Watch]:
    """What to call after every attempt.

    Raises:
        ConfigurationError: it can't be called, or is a coroutine function for the sync client.
    """
    function_given("on_attempt", on_attempt)
    if on_attempt is not None and not coroutines:
        refuse_coroutines("on_attempt", on_attempt)
    return on_attempt  # type: ignore[no-any-return]


def _brings_credential(source: HeaderSource) -> bool:
    return callable(source) or source[0].lower() in ("api-key", "authorization")


# ---------------------------------------------------------------- connections


ClientCert: TypeAlias = "Union[str, Tuple[str, str], Tuple[str, str, str]]"
"""A PEM file with certificate and key, a pair (certificate, key), or with a third: the password of an encrypted key."""


class ConnectionSettings(NamedTuple):
    """The connection arguments of a client or a pool, checked."""

    limits: Limits = Limits()
    proxy: Optional[Secret] = None
    """Its URL, which may hold its password."""
    trust_env: bool = True
    ca_bundle: Optional[str] = None
    client_cert: Tuple[str, ...] = ()
    """The file with the certificate, and that of its key where it is another one."""
    key_password: Optional[Secret] = None
    ssl_context: Any = None

    def route(self, origin: Origin) -> Route:
        """The way to a server, from these settings and the environment."""
        try:
            return find_route(origin, self.proxy.text if self.proxy else None, self.trust_env)
        except DialException as error:
            forget_variables(error)  # they hold the proxy's URL
            raise


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
    bundle = None if ca_bundle is None else path_given("ca_bundle", ca_bundle)
    if bundle is not None and not os.path.exists(bundle):
        raise ConfigurationError("ca_bundle: there is no file or folder %s" % bundle)
    paths: List[str] = []
    password = None
    if client_cert is not None:
        given = client_cert if isinstance(client_cert, (tuple, list)) else (client_cert,)
        paths = [path_given("client_cert", path) for path in given[:2]]
        if not 1 <= len(given) <= 3 or not all(os.path.isfile(path) for path in paths):
            raise ConfigurationError(
                "client_cert must be a file, a pair (certificate file, key file), or with (..., password) of the key"
            )
        if len(given) == 3:
            if not isinstance(given[2], str):
                raise ConfigurationError("the password of client_cert must be a str, not %s" % type(given[2]).__name__)
            password = Secret(given[2])
    way = None if proxy is None else Secret(proxy)
    settings = ConnectionSettings(
        check_limits(limits), way, bool(trust_env), bundle, tuple(paths), password, ssl_context
    )
    if proxy:
        settings.route(Origin("http", "localhost", 80, ""))  # a proxy URL that can't be used is refused now
    return settings


# ---------------------------------------------------------------- clients


class Portable:
    """The base of what pickles by its settings.

    The copy opens connections of its own, also where the original shared those of a pool. A pickle holds the credential
    as it is, so treat it like one.
    """

    _transport: Any
    _owns_transport: bool

    _new_transport: Callable[[ConnectionSettings], Any]
    """Makes what carries out requests, without a connection yet."""

    def _kept(self) -> Dict[str, Any]:
        """What a copy takes over: all attributes but the resources bound to this object and what it asked once."""
        cls = type(self)
        return {
            name: value
            for name, value in self.__dict__.items()
            if not name.startswith("_my_") and not isinstance(getattr(cls, name, None), cached_property)
        }

    def __getstate__(self) -> Dict[str, Any]:
        """The settings, and whatever a subclass keeps.

        Raises:
            ConfigurationError: a credential or an ssl_context that can't travel; it says which.
        """
        state = self._kept()
        settings: ConnectionSettings = state.pop("_transport").settings
        if settings.ssl_context is not None:
            raise ConfigurationError(
                "a client with an ssl_context can't be pickled: use ca_bundle= and client_cert= instead, "
                "or make the client where it is used"
            )
        if "_config" in state:
            for credential in state["_config"].credentials:
                _check_function(credential.kind, credential.value)
            for source in state["_config"].headers:
                _check_function("default_headers", source)
            _check_function("on_attempt", state["_config"].on_attempt)
        return {**state, "_owns_transport": True, "_settings": settings}  # nobody else closes the copy's connections

    def __setstate__(self, state: Dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._transport = self._new_transport(self.__dict__.pop("_settings"))


def _check_function(name: str, value: Any) -> None:
    if not callable(value) or _pickles(value):
        return
    raise ConfigurationError(
        "the client can't be pickled, because the function given as %s can't: use one that is defined at the top of an "
        "importable module, or make the client where it is used" % name
    )  # what pickle itself says may hold the credential, e.g. in the repr of a partial


def _pickles(value: Any) -> bool:
    import pickle

    # cloudpickle, with which Dask, Ray and Spark pickle what pickle can't, is asked too where it is in use.
    for module in (pickle, sys.modules.get("cloudpickle")):
        if module is not None:
            try:
                module.dumps(value)
                return True
            except Exception:  # whatever a value's own __reduce__ raises
                pass
    return False


class BaseClient(Portable):
    """What the sync and the async client have in common: their settings, and what follows from them alone.

    Pickles by its settings (see Portable).
    """

    _config: Config
    _coroutines: bool

    @property
    def base_url(self) -> str:
        """The URL of the DIAL server, with a trailing slash."""
        return self._config.origin.url + "/"

    @property
    def api_url(self) -> str:
        """The URL of the v1 API, with a trailing slash."""
        return self.base_url + "v1/"

    @property
    def api_url_v2(self) -> str:
        """The URL of the v2 API (skills), with a trailing slash."""
        return self.base_url + "v2/"

    @property
    def api_version(self) -> Optional[str]:
        """The `api-version` that chat calls send unless they name another one."""
        return self._config.api_version

    def is_dial_url(self, absolute_url: str) -> bool:
        """Whether an absolute URL lies on this DIAL server."""
        return is_url_of(self._config.origin, absolute_url)

    @with_hints
    def with_options(
        self: C,
        *,
        timeout: Union[TimeoutValue, NotGiven] = NOT_GIVEN,
        max_retries: Union[int, NotGiven] = NOT_GIVEN,
        default_headers: Union[DefaultHeaders, NotGiven] = NOT_GIVEN,
        api_key: Any = None,
        bearer_token: Any = None,
    ) -> C:
        """A copy with other settings on the same connections, e.g. for one call.

        Args:
            timeout: seconds, a Timeout, or None for no limit.
            max_retries: how often a call is tried again, at most.
            default_headers: header fields added to every request, besides those the client has, or a function that
                gives them.
            api_key, bearer_token: other credentials.
        """
        config = self._config
        if not isinstance(timeout, NotGiven):
            config = config._replace(timeout=read_timeout(timeout))
        if not isinstance(max_retries, NotGiven):
            config = config._replace(retry=read_retries(max_retries))
        if not isinstance(default_headers, NotGiven):
            config = config._replace(headers=config.headers + read_headers(default_headers, self._coroutines))
        if api_key is not None or bearer_token is not None:
            config = config._replace(credentials=read_credentials(api_key, bearer_token, self._coroutines))
        copy = self._on(config, self._transport, owns_transport=False)
        copy.__dict__ = {**self._kept(), **copy.__dict__}  # with what a subclass keeps
        return copy

    @classmethod
    def _on(cls: "type[C]", config: Config, transport: Any, *, owns_transport: bool) -> C:
        client = cls.__new__(cls)
        client._config = config
        client._transport = transport
        client._owns_transport = owns_transport
        return client

    def __repr__(self) -> str:
        if "_config" not in self.__dict__:
            return object.__repr__(self)  # it could not be made, and stands in the traceback
        kinds = "".join(", %s=..." % credential.kind for credential in self._config.credentials)
        return "%s(base_url=%r%s)" % (type(self).__name__, self.base_url, kinds)
