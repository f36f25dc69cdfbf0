"""What proves who the client is: an API key, a bearer token, or both; given to the client, or named by the environment.

credentials = read_credentials(api_key, bearer_token, coroutines=False)
[credential.header(text) for credential in credentials]         # `text`: of its Secret, or what its function gives
"""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, Mapping, Tuple, Union

from .._typing import NamedTuple
from ..errors import ConfigurationError, InvalidRequestError

VARIABLES = {"api_key": "DIAL_API_KEY", "bearer_token": "DIAL_BEARER_TOKEN"}
"""Where a credential is looked for; with _FILE behind it, the variable names a file that holds it."""
LONGEST = 65536
"""Bytes read of a file with a credential."""


class Secret:
    """A text that nobody is shown: no repr holds it, nor do error trackers, which look into tuples and dicts.

    It equals its text.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return self.text == (other.text if isinstance(other, Secret) else other)

    def __repr__(self) -> str:
        return "Secret(...)"


class Credential(NamedTuple):
    """One proof: its header, and the value or a callable that gives it at every attempt."""

    kind: str
    """"api_key" or "bearer_token"."""
    value: Union[Secret, Callable[[], Any]]

    def __repr__(self) -> str:
        return "Credential(%r)" % self.kind

    def as_dict(self, value: Any) -> Dict[str, str]:
        """The header as a dict, with the key in the spelling that users of the official client know ("api-key")."""
        name, text = self.header(value)
        return {"api-key" if name == "Api-Key" else name: text}

    def header(self, value: Any) -> Tuple[str, str]:
        """Header name and checked value for what the user gave, or what their callable returned.

        Raises:
            InvalidRequestError: not a str, empty, or with characters that can't travel; the value is not echoed.
        """
        if not isinstance(value, str):
            raise InvalidRequestError("%s must be a str, or a callable that returns one" % self.kind)
        value = value.strip()
        if not value:
            raise ConfigurationError("%s is empty" % self.kind)
        if not value.isascii() or not value.isprintable():
            message = "%s holds line breaks, control or non-ASCII characters; check how it was copied" % self.kind
            raise InvalidRequestError(message)
        if self.kind == "api_key":
            return "Api-Key", value
        if value[:7].lower() == "bearer ":
            raise ConfigurationError("bearer_token is the token alone: leave the word Bearer out")
        return "Authorization", "Bearer " + value


def read_credentials(api_key: Any, bearer_token: Any, coroutines: bool) -> Tuple[Credential, ...]:
    """The credentials that were given; none where both are None.

    Args:
        coroutines: whether they may be coroutine functions (the async client).
    Raises:
        ConfigurationError: of a wrong type, or a coroutine function for the sync client.
        InvalidRequestError: a value that can't travel in a header; it is not echoed.
    """
    given = {kind: value for kind, value in (("api_key", api_key), ("bearer_token", bearer_token)) if value is not None}
    if any(given.values()):
        given = {kind: value for kind, value in given.items() if value != ""}  # a variable set to nothing, perhaps
    return tuple(_checked(kind, value, coroutines) for kind, value in given.items())


def _checked(kind: str, value: Any, coroutines: bool) -> Credential:
    credential = Credential(kind, Secret(value) if isinstance(value, str) else value)
    if isinstance(value, str):
        credential.header(value)  # what can't be sent is refused now
    elif not callable(value):
        raise ConfigurationError("%s must be a str or a callable, not %s" % (kind, type(value).__name__))
    elif not coroutines:
        refuse_coroutines(kind, value)
    return credential


def refuse_coroutines(name: str, function: Any) -> None:
    """Check a function that the sync client is to call.

    Raises:
        ConfigurationError: it is a coroutine function.
    """
    import inspect  # costs milliseconds to load, and most clients have no functions

    if any(map(inspect.iscoroutinefunction, (function, type(function).__call__))):
        raise ConfigurationError("%s is a coroutine function; use it with AsyncDial, or pass a plain function" % name)


def credentials_of(environment: Mapping[str, str]) -> Dict[str, Any]:
    """`api_key` and `bearer_token` as the environment names them (a value wins over a file); absent ones are missing.

    Raises:
        ConfigurationError: a file that is not there, or holds nothing.
    """
    found: Dict[str, Any] = {}
    for kind, variable in VARIABLES.items():
        path = environment.get(variable + "_FILE")
        if environment.get(variable):
            found[kind] = environment[variable]
        elif path:
            file = SecretFile(path, variable + "_FILE")
            secret = file()
            found[kind] = file if os.path.isfile(path) else secret  # a pipe has said all
    return found


class SecretFile(NamedTuple):
    """A credential that is read from its file at every attempt, so that one that is replaced there takes effect."""

    path: str
    variable: str

    def __call__(self) -> str:
        """The secret, without blanks and line ends around it.

        Raises:
            ConfigurationError: no such file, nothing in it, or no text.
        """
        try:
            with open(self.path, encoding="utf-8-sig") as file:
                text = file.read(LONGEST).strip()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "this is no text"
            raise ConfigurationError("%s names %s: %s" % (self.variable, self.path, reason)) from None
        if not text:
            raise ConfigurationError("%s names %s, which is empty" % (self.variable, self.path))
        return text
