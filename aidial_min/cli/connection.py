"""What every command that talks to a server shares: its options, the credential from the environment, the client.

A key is never taken from the command line, where other people of the machine can read it.
"""

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any, Callable, Dict, Mapping, Optional

from ..core.credentials import credentials_of
from ..errors import ConfigurationError
from .terminal import Countdown, dim, is_terminal, make_room, note, visible, word

if TYPE_CHECKING:
    from ..client import Dial

VARIABLES = """\
  DIAL_URL            the server, e.g. https://dial.example.com
  DIAL_API_KEY        an API key; DIAL_API_KEY_FILE names a file that holds it
  DIAL_BEARER_TOKEN   a token instead of a key; DIAL_BEARER_TOKEN_FILE names a
                      file, which is read again at every request
  DIAL_DEPLOYMENT     the deployment that `chat` asks without -d
  DIAL_PROFILE        the section of ~/.config/aidial-min/config that fills in
                      what is not set (url, api_key_file, deployment, ...)
  HTTPS_PROXY, HTTP_PROXY, NO_PROXY, SSL_CERT_FILE, NO_COLOR: as everywhere"""

KEY_OPTIONS = {
    **dict.fromkeys(("--api-key", "--api_key", "--apikey", "--key"), "DIAL_API_KEY"),
    **dict.fromkeys(("--bearer-token", "--bearer_token", "--token"), "DIAL_BEARER_TOKEN"),
}
"""How people try to name a key, and the variable that is for it."""


def add_options(parser: argparse.ArgumentParser, default: Any = argparse.SUPPRESS) -> None:
    """Add --profile, --url, --timeout, --proxy, --ca-bundle and -v.

    They stand before a command or after it: where they are not given after it, what was said before it holds, or the
    `default` of the whole command line's parser.
    """
    group = parser.add_argument_group("connection", argument_default=default)
    group.add_argument("--profile", metavar="NAME", help="take server, credential and deployment from the config file")
    group.add_argument("--url", metavar="URL", help="the server; DIAL_URL if not given")
    group.add_argument("--timeout", metavar="SECONDS", type=seconds, help="longest silence of the server (600)")
    group.add_argument("--proxy", metavar="URL", help='e.g. http://proxy.example:3128; "" for none')
    group.add_argument("--ca-bundle", metavar="FILE", help="trusted certificates (PEM), a file or a folder")
    group.add_argument("-v", "--verbose", action="store_true", help="a line on stderr for each request and attempt")
    # A key is answered with where it belongs; argparse alone would repeat it in its complaint.
    for option, variable in KEY_OPTIONS.items():
        parser.add_argument(option, nargs="?", action=_Refused, const=variable, help=argparse.SUPPRESS)


class _Refused(argparse.Action):
    """Ends the command, without a word of the value."""

    def __call__(self, parser: argparse.ArgumentParser, *given: Any) -> None:
        parser.error(
            "a key is never taken from the command line, where others can read it: set %s, or %s_FILE to the name of "
            "a file that holds it" % (self.const, self.const)
        )


def number(least: int, most: int) -> Callable[[str], int]:
    """What reads a whole number between two others."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 12 and least <= int(text) <= most):
            raise argparse.ArgumentTypeError("a number from %d to %d is wanted, not %r" % (least, most, text))
        return int(text)

    return read


def seconds(text: str) -> float:
    """A number of seconds."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e9:  # nan neither
        raise argparse.ArgumentTypeError("a number of seconds is wanted, not %r" % text)
    return value


def make_client(arguments: argparse.Namespace, **others: Any) -> "Dial":
    """The client that options and environment describe, and `others` of its arguments; use it in a `with` block.

    Raises:
        ConfigurationError: no server, no credential, or a file of it that can't be used; it says what to do.
    """
    from ..client import Dial

    variables = environment(arguments)
    found: Dict[str, Any] = {**others, **credentials_of(variables)}
    found["base_url"] = arguments.url or variables.get("DIAL_URL")
    if not found["base_url"]:
        raise ConfigurationError("no DIAL server is named: set DIAL_URL, or write --url https://dial.example.com")
    if not found.get("api_key") and not found.get("bearer_token"):
        raise ConfigurationError("no credential: set DIAL_API_KEY, or DIAL_API_KEY_FILE to the name of a file with it")
    if arguments.timeout is not None:
        found["timeout"] = arguments.timeout
    return Dial(proxy=arguments.proxy, ca_bundle=arguments.ca_bundle, on_attempt=watch(arguments), **found)


def watch(arguments: argparse.Namespace) -> Callable[[Any], None]:
    """What looks at each attempt of a call: a line about it with -v, and the seconds until the next one count down."""
    patient = is_terminal(sys.stderr) and not getattr(arguments, "quiet", False)

    def look(attempt: Any) -> None:
        make_room()
        if arguments.verbose:
            note(dim(visible(str(attempt), lines=False)))
        if patient and (attempt.retry_in or 0.0) >= 1.0:
            Countdown(visible(attempt.error.message if attempt.error else "", lines=False)[:60], attempt.retry_in)

    return look


def deployment_of(arguments: argparse.Namespace) -> Optional[str]:
    """The deployment that was named, if any."""
    named = arguments.deployment or environment(arguments).get("DIAL_DEPLOYMENT")
    return word(named) if named else None


def source_of(variables: "Variables", argument: str) -> str:
    """Where a credential comes from: a variable, or a line of the config file."""
    variable = "DIAL_API_KEY" if argument == "api_key" else "DIAL_BEARER_TOKEN"
    return variables.source(variable if variables.get(variable) else variable + "_FILE")


# ---------------------------------------------------------------- profiles

_LINES = ("url", "api_key", "api_key_file", "bearer_token", "bearer_token_file", "deployment")
_PROFILE = {line: "DIAL_" + line.upper() for line in _LINES}
"""The lines of a profile, and the variables that they stand for."""

_CREDENTIALS = [variable for line, variable in _PROFILE.items() if line not in ("url", "deployment")]


class Variables(Dict[str, str]):
    """The environment, with what the profile adds to it."""

    profiled: Mapping[str, str] = {}
    """What the profile gave, by its variable: in words, such as "url of profile work"."""

    def source(self, variable: str) -> str:
        """Where a value comes from, for people."""
        return self.profiled.get(variable, variable)


def environment(arguments: argparse.Namespace) -> Variables:
    """The variables of the process and of the profile.

    A profile that --profile names wins over the environment; that of DIAL_PROFILE, or [default], fills in what the
    environment leaves open. A credential comes whole from one side.

    Raises:
        ConfigurationError: the config file is damaged, has no such profile, or holds a key that others can read.
    """
    named = arguments.profile or os.environ.get("DIAL_PROFILE")
    profile = read_profile(os.path.join(own_folder("XDG_CONFIG_HOME", "APPDATA", ".config"), "config"), named)
    process = {name: value for name, value in os.environ.items() if value}
    first, second = (profile, process) if arguments.profile else (process, profile)
    if any(variable in first for variable in _CREDENTIALS):
        second = {name: value for name, value in second.items() if name not in _CREDENTIALS}
    found = Variables({**second, **first})
    given = first.keys() if arguments.profile else second.keys() - first.keys()
    source = " of profile " + (named or "default")
    found.profiled = {variable: line + source for line, variable in _PROFILE.items() if variable in given}
    return found


def own_folder(variable: str, of_windows: str, *default: str) -> str:
    """The folder of this program below one that a variable names, or that is below the home folder by default."""
    home = os.environ.get(of_windows) if os.name == "nt" else None
    base = os.environ.get(variable) or home or os.path.join(os.path.expanduser("~"), *default)
    return os.path.join(base, "aidial-min")


def read_profile(path: str, name: Optional[str]) -> Dict[str, str]:
    """The variables that a profile sets; those of [default] if none is named, which need not be there.

    Raises:
        ConfigurationError: as `environment` says.
    """
    if not os.path.exists(path):
        if name:
            raise ConfigurationError("there is no profile %s: %s does not exist" % (name, path))
        return {}
    import configparser

    parser = configparser.RawConfigParser(delimiters=("=",), default_section="")
    try:
        with open(path, encoding="utf-8-sig") as file:
            parser.read_file(file)
    except (configparser.Error, ValueError):  # its message could show a key
        raise ConfigurationError("%s is no config file: [sections] of lines such as url = https://..." % path) from None
    except OSError as error:
        raise ConfigurationError("%s can't be read: %s" % (path, error.strerror)) from None
    if not parser.has_section(name or "default"):
        if name:
            known = ", ".join(parser.sections()) or "none"
            raise ConfigurationError("%s has no profile %s; there are: %s" % (path, name, known))
        return {}
    lines = dict(parser.items(name or "default"))
    unknown = sorted(set(lines) - set(_PROFILE))
    if unknown:
        raise ConfigurationError("%s: a profile has no %s, only %s" % (path, unknown[0], ", ".join(_PROFILE)))
    if (lines.get("api_key") or lines.get("bearer_token")) and os.name != "nt" and os.stat(path).st_mode & 0o077:
        raise ConfigurationError(
            "%s holds a key, and others can read it: chmod 600 it, or name a file with api_key_file" % path
        )
    for line in filter(lines.get, ("api_key_file", "bearer_token_file")):
        lines[line] = os.path.join(os.path.dirname(path), os.path.expanduser(lines[line]))
    return {_PROFILE[line]: value for line, value in lines.items() if value}
