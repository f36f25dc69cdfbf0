"""What users set a client to: arguments and environment, checked and kept as a Config; the base of both clients.

It knows argument names, DIAL_URL and DIAL_API_KEY; it must not know sockets, loops or the operations.
"""

import os
import time
from typing import Any, Mapping, Optional, Tuple, TypeVar, Union

from ..errors import ConfigurationError
from .call import Config, Credential
from .http11 import header_line
from .limits import TimeoutValue, read_timeout
from .pickling import Portable
from .retry import RetryPolicy
from .urls import is_url_of, parse_base_url

C = TypeVar("C", bound="BaseClient")


class NotGiven:
    """The default of arguments for which None has a meaning of its own."""

    def __repr__(self) -> str:
        return "NOT_GIVEN"

    def __reduce__(self) -> str:
        return "NOT_GIVEN"


NOT_GIVEN = NotGiven()


def read_config(
    *,
    base_url: Optional[str],
    api_key: Any,
    bearer_token: Any,
    api_version: Optional[str],
    timeout: Any,
    max_retries: int,
    default_headers: Optional[Mapping[str, str]],
    coroutines: bool,
) -> Config:
    """The settings of a client, from its arguments and the environment.

    Args:
        coroutines: whether credentials may be coroutine functions (the async client).
    Raises:
        ConfigurationError: it says what to do; nothing has been sent.
    """
    url = base_url if base_url is not None else os.environ.get("DIAL_URL") or None
    if url is None:
        raise ConfigurationError("no DIAL server is named: pass base_url= or set DIAL_URL")
    if api_key is None and bearer_token is None:
        api_key = os.environ.get("DIAL_API_KEY") or None
    return Config(
        origin=parse_base_url(url),
        credential=read_credential(api_key, bearer_token, coroutines),
        clock=time.time,
        api_version=api_version,
        timeout=read_timeout(timeout),
        retry=read_retries(max_retries),
        headers=read_headers(default_headers),
    )


def read_credential(api_key: Any, bearer_token: Any, coroutines: bool) -> Credential:
    """The one credential of a client.

    Raises:
        ConfigurationError: both, none, of a wrong type, or a coroutine function for the sync client.
        InvalidRequestError: a value that can't travel in a header; it is not echoed.
    """
    if api_key and bearer_token == "":  # a variable that is set to nothing, perhaps
        bearer_token = None
    if bearer_token and api_key == "":
        api_key = None
    if api_key is not None and bearer_token is not None:
        raise ConfigurationError("pass api_key= or bearer_token=, not both: DIAL refuses requests with two credentials")
    if api_key is None and bearer_token is None:
        raise ConfigurationError("no credential: pass api_key= or bearer_token=, or set DIAL_API_KEY")
    kind, value = ("api_key", api_key) if api_key is not None else ("bearer_token", bearer_token)
    credential = Credential(kind, value)
    if isinstance(value, str):
        credential.header(value)  # what can't be sent is refused now
    elif not callable(value):
        raise ConfigurationError("%s must be a str or a callable, not %s" % (kind, type(value).__name__))
    elif not coroutines and _is_coroutine_function(value):
        raise ConfigurationError("%s is a coroutine function; use it with AsyncDial, or pass a plain function" % kind)
    return credential


def _is_coroutine_function(value: Any) -> bool:
    import inspect  # costs milliseconds to load, and most credentials are a str

    return any(map(inspect.iscoroutinefunction, (value, type(value).__call__)))


def read_retries(max_retries: Any) -> RetryPolicy:
    """The retry policy for `max_retries`."""
    if isinstance(max_retries, bool) or not isinstance(max_retries, int) or max_retries < 0:
        raise ConfigurationError("max_retries must be a number of at least 0, not %r" % (max_retries,))
    return RetryPolicy(max_retries)


def read_headers(headers: Optional[Mapping[str, str]]) -> Tuple[Tuple[str, str], ...]:
    """Default header fields, checked now so that the error comes early."""
    if headers is not None and not isinstance(headers, Mapping):
        raise ConfigurationError('default_headers must be a dict like {"X-Team": "a"}, not %s' % type(headers).__name__)
    pairs = tuple((headers or {}).items())
    for name, value in pairs:
        header_line(name, value)
    return pairs


class BaseClient(Portable):
    """What the sync and the async client have in common: their settings, and what follows from them alone.

    Pickles by its settings (see Portable).
    """

    _config: Config
    _owns_transport: bool
    _coroutines: bool = False

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

    def with_options(
        self: C,
        *,
        timeout: Union[TimeoutValue, NotGiven] = NOT_GIVEN,
        max_retries: Union[int, NotGiven] = NOT_GIVEN,
        default_headers: Union[Mapping[str, str], NotGiven] = NOT_GIVEN,
        api_key: Any = None,
        bearer_token: Any = None,
    ) -> C:
        """A copy with other settings on the same connections, e.g. for one call.

        Args:
            timeout: seconds, a Timeout, or None for no limit.
            max_retries: how often a call is tried again, at most.
            default_headers: header fields added to every request, besides those the client has.
            api_key, bearer_token: another credential.
        """
        config = self._config
        if not isinstance(timeout, NotGiven):
            config = config._replace(timeout=read_timeout(timeout))
        if not isinstance(max_retries, NotGiven):
            config = config._replace(retry=read_retries(max_retries))
        if not isinstance(default_headers, NotGiven):
            config = config._replace(headers=config.headers + read_headers(default_headers))
        if api_key is not None or bearer_token is not None:
            config = config._replace(credential=read_credential(api_key, bearer_token, self._coroutines))
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
        return "%s(base_url=%r, %s=...)" % (type(self).__name__, self.base_url, self._config.credential.kind)
