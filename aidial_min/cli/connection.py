"""What every command that talks to a server shares: its options, the credential from the environment, the client.

A key is never taken from the command line, where other people of the machine can read it.
"""

import argparse
import os
from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional

from ..errors import ConfigurationError

if TYPE_CHECKING:
    from ..client import Dial

VARIABLES = """\
  DIAL_URL            the server, e.g. https://dial.example.com
  DIAL_API_KEY        an API key; DIAL_API_KEY_FILE names a file that holds it
  DIAL_BEARER_TOKEN   a token instead of a key; DIAL_BEARER_TOKEN_FILE names a
                      file, which is read again at every request
  DIAL_DEPLOYMENT     the deployment that `chat` asks without -d
  HTTPS_PROXY, HTTP_PROXY, NO_PROXY, SSL_CERT_FILE, NO_COLOR: as everywhere"""

KEY_OPTIONS = {
    **dict.fromkeys(("--api-key", "--api_key", "--apikey", "--key"), "DIAL_API_KEY"),
    **dict.fromkeys(("--bearer-token", "--bearer_token", "--token"), "DIAL_BEARER_TOKEN"),
}
"""How people try to name a key, and the variable that is for it."""


def add_options(parser: argparse.ArgumentParser, default: Any = argparse.SUPPRESS) -> None:
    """Add --url, --timeout, --proxy and --ca-bundle.

    They stand before a command or after it: where they are not given after it, what was said before it holds, or the
    `default` of the whole command line's parser.
    """
    group = parser.add_argument_group("connection", argument_default=default)
    group.add_argument("--url", metavar="URL", help="the server; DIAL_URL if not given")
    group.add_argument("--timeout", metavar="SECONDS", type=_seconds, help="longest silence of the server (600)")
    group.add_argument("--proxy", metavar="URL", help='e.g. http://proxy.example:3128; "" for none')
    group.add_argument("--ca-bundle", metavar="FILE", help="trusted certificates (PEM), a file or a folder")
    refuse_keys(parser)


def refuse_keys(parser: argparse.ArgumentParser) -> None:
    """Answer a key on the command line with where it belongs (argparse alone would repeat it in its complaint)."""
    for option, variable in KEY_OPTIONS.items():
        parser.add_argument(option, nargs="?", action=_Refused, const=variable, help=argparse.SUPPRESS)


class _Refused(argparse.Action):
    """Ends the command, without a word of the value."""

    def __call__(self, parser: argparse.ArgumentParser, *given: Any) -> None:
        parser.error(
            "a key is never taken from the command line, where others can read it: set %s, or %s_FILE to the name of "
            "a file that holds it" % (self.const, self.const)
        )


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e9:
        raise argparse.ArgumentTypeError("a positive number of seconds is wanted, not %r" % text)
    return seconds


def client_arguments(arguments: argparse.Namespace) -> Dict[str, Any]:
    """The arguments of a Dial, or of an AsyncDial, as options and environment name them.

    Raises:
        ConfigurationError: no server, no credential, or a file of it that can't be used; it says what to do.
    """
    found: Dict[str, Any] = {**credential(os.environ), "proxy": arguments.proxy, "ca_bundle": arguments.ca_bundle}
    found["base_url"] = arguments.url or os.environ.get("DIAL_URL")
    if not found["base_url"]:
        raise ConfigurationError("no DIAL server is named: set DIAL_URL, or write --url https://dial.example.com")
    if not found.get("api_key") and not found.get("bearer_token"):
        raise ConfigurationError("no credential: set DIAL_API_KEY, or DIAL_API_KEY_FILE to the name of a file with it")
    if arguments.timeout is not None:
        found["timeout"] = arguments.timeout
    return found


def make_client(arguments: argparse.Namespace) -> "Dial":
    """The client that options and environment describe; use it in a `with` block."""
    from ..client import Dial

    return Dial(**client_arguments(arguments))


def credential(environment: Mapping[str, str]) -> Dict[str, Any]:
    """`api_key` and `bearer_token` as the environment names them (a value wins over a file); absent ones are missing.

    Raises:
        ConfigurationError: a file that is not there, or holds nothing.
    """
    found: Dict[str, Any] = {}
    for argument, variable in (("api_key", "DIAL_API_KEY"), ("bearer_token", "DIAL_BEARER_TOKEN")):
        value: Any = environment.get(variable)
        path = environment.get(variable + "_FILE")
        if not value and path:
            value = read_secret(path, variable + "_FILE")
            if argument == "bearer_token" and os.path.isfile(path):  # a pipe has said all; a file is written anew
                value = _Reader(path, variable + "_FILE")  # when its token, which is short-lived, is renewed
        if value:
            found[argument] = value
    return found


def source_of(environment: Mapping[str, str], argument: str) -> str:
    """Which variable a credential comes from."""
    variable = "DIAL_API_KEY" if argument == "api_key" else "DIAL_BEARER_TOKEN"
    return variable if environment.get(variable) else variable + "_FILE"


def read_secret(path: str, variable: str) -> str:
    """The secret in a file, without blanks and line ends around it.

    Raises:
        ConfigurationError: no such file, nothing in it, or no text.
    """
    try:
        with open(path, encoding="utf-8-sig") as file:
            text = file.read(65536).strip()
    except (OSError, ValueError) as error:
        reason: Optional[str] = getattr(error, "strerror", None)
        raise ConfigurationError("%s names %s: %s" % (variable, path, reason or "this is no text")) from None
    if not text:
        raise ConfigurationError("%s names %s, which is empty" % (variable, path))
    return text


class _Reader:
    """A credential that is read from its file at every request (a class, so that clients with it can be pickled)."""

    def __init__(self, path: str, variable: str) -> None:
        self.path = path
        self.variable = variable

    def __call__(self) -> str:
        return read_secret(self.path, self.variable)
