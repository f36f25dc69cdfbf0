"""Find out why a connection does not work: every step between this machine and a DIAL server, ok or failed.

The steps are the settings, the credential's shape, the route (proxy or direct), the name, the connection with its TLS
certificates, the bucket, and the deployments. Each one that failed says what to do.

The credential is described, never shown, and the bucket is cut short: the output is fit to be pasted into a ticket. The
exit code is that of the first failed step, as every other command would end with it.

examples:
    @
    --url https://dial.example.com
    --ca-bundle company.pem
    --timeout 5 --json | jq -r ".[].advice[]"
"""

import argparse
import base64
import json
import platform
import sys
import time
from contextlib import ExitStack
from functools import cached_property
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from .. import errors
from .._version import __version__
from ..client import Dial
from ..core.credentials import credentials_of
from ..core.limits import DEFAULT_TIMEOUT, read_timeout
from ..core.proxy import Route
from ..core.settings import ConnectionSettings, connection_settings
from ..core.urls import Origin, parse_base_url
from ..errors import DialConnectionError, DialException
from . import handshake
from .connection import Variables, add_options, environment, source_of, watch
from .exit_codes import FAILED, NO_CONNECTION, OK, USAGE, code_of
from .terminal import red, visible, write, write_json


class Step(NamedTuple):
    """What a step found; `status` is ok, failed or skipped, `code` what a command would end with."""

    status: str
    lines: List[str]
    advice: Sequence[str] = ()
    code: int = 0


class Diagnosis(ExitStack):
    """What is known so far: each step leaves here what the later ones need."""

    def __init__(self, arguments: argparse.Namespace, environment: Variables) -> None:
        super().__init__()
        self.arguments = arguments
        self.environment = environment
        self.credential: Dict[str, Any] = {}
        self.secrets: List[str] = []
        self.settings = ConnectionSettings()
        self.origin = Origin("http", "", 80, "")
        self.route = Route("direct", "", 80)
        timeout = arguments.timeout
        self.timeout = DEFAULT_TIMEOUT._replace(read=30.0) if timeout is None else read_timeout(timeout)

    @cached_property
    def client(self) -> Dial:
        """A client that tries once; it is closed with the diagnosis."""
        options = self.arguments
        client = Dial(
            base_url=self.origin.url, proxy=options.proxy, ca_bundle=options.ca_bundle, timeout=self.timeout,
            max_retries=0, on_attempt=watch(options), **self.credential,
        )  # fmt: skip
        return self.enter_context(client)


def set_up(parser: argparse.ArgumentParser, name: str) -> None:
    """Name the options."""
    parser.add_argument("--json", action="store_true", help="an array of steps")
    add_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Examine, and say what was found."""
    found: Dict[str, Step] = {}
    with Diagnosis(arguments, environment(arguments)) as diagnosis:
        for name, (look, needs) in CHECKS.items():
            missing = [other for other in needs if found[other].status != "ok"]
            step = Step("skipped", ["needs: " + missing[0]]) if missing else look(diagnosis)
            step = found[name] = step._replace(lines=[errors.mask(line, diagnosis.secrets) for line in step.lines])
            if not arguments.json:
                _print(name, step)
    failed = [name for name, step in found.items() if step.status == "failed"]
    if arguments.json:
        write_json([{"name": name, **step._asdict()} for name, step in found.items()])
    else:
        write("\n%s\n" % ("Failed: %s." % ", ".join(failed) if failed else "Everything is well."))
    return (found[failed[0]].code or FAILED) if failed else OK


def _print(name: str, step: Step) -> None:
    mark = {"ok": "ok     ", "failed": red("failed ", sys.stdout), "skipped": "skipped"}[step.status]
    lines = [visible(line, lines=False) for line in step.lines] or [""]
    write("%s  %-11s  %s\n" % (mark, name, lines[0]), own=True)
    for line in lines[1:]:
        write(" " * 22 + line + "\n")
    for line in step.advice:
        write(" " * 22 + "-> " + visible(line, lines=False) + "\n")


# ---------------------------------------------------------------- the steps


def ok(*lines: str) -> Step:
    """A step that found nothing wrong."""
    return Step("ok", list(lines))


def failed(error: DialException, *advice: str, lines: Sequence[str] = ()) -> Step:
    """A step that failed with an error, which says why."""
    text = error.message
    unanswered = isinstance(error, (DialConnectionError, errors.ParsingDataError))
    if error.status_code and error.request_sent == "yes" and not unanswered:
        text = "%d %s" % (error.status_code, text)
    return Step("failed", [*lines, " ".join(text.split())], advice, code_of(error))


def check_program(diagnosis: Diagnosis) -> Step:
    """What runs here."""
    package = __name__.rpartition(".cli.")[0]
    machine = "%s %s" % (platform.system(), platform.machine())
    return ok(
        "%s %s, Python %s, %s, %s" % (package, __version__, sys.version.split()[0], handshake.TLS_LIBRARY, machine)
    )


def check_server(diagnosis: Diagnosis) -> Step:
    """Which server is named, and where."""
    given = diagnosis.arguments.url
    text = given or diagnosis.environment.get("DIAL_URL")
    source = "--url" if given else diagnosis.environment.source("DIAL_URL")
    if not text:
        return Step("failed", ["no server is named"], ["set DIAL_URL, or write --url https://..."], USAGE)
    try:
        diagnosis.origin = parse_base_url(text)
    except DialException as error:
        return failed(error, "correct %s" % source)
    prefix = diagnosis.origin.prefix.strip("/")
    lines = ["%s (from %s)" % (diagnosis.origin.url, source)]
    if prefix.split("/")[0] in ("v1", "openai", "api"):
        lines.append("its path /%s is unusual: the URL of the server alone is wanted" % prefix)
    return ok(*lines)


def check_credential(diagnosis: Diagnosis) -> Step:
    """Whether the credential looks like one."""
    try:
        found = credentials_of(diagnosis.environment)
        values: Dict[str, Any] = {kind: value() if callable(value) else value for kind, value in found.items()}
    except DialException as error:
        return failed(error, "correct the variable, or the file")
    diagnosis.secrets = [text for value in values.values() for text in (value, value.strip(), value.strip("\"' "))]
    if not values:
        return Step("failed", ["no credential"], ["set DIAL_API_KEY, or DIAL_API_KEY_FILE"], USAGE)
    diagnosis.credential = found
    lines, faults = [], []
    for kind, value in values.items():
        line, wrong = describe_credential(kind, value, time.time())
        lines.append("%s, from %s" % (line, source_of(diagnosis.environment, kind)))
        faults += wrong
    if len(values) > 1:
        lines.append("both are sent: Core before 0.38 refuses that, newer ones take it with per-request keys")
    if faults:
        return Step("failed", lines, faults, USAGE)
    return ok(*lines)


def check_route(diagnosis: Diagnosis) -> Step:
    """Which way connections go, and why."""
    options = diagnosis.arguments
    try:
        diagnosis.settings = connection_settings(proxy=options.proxy, ca_bundle=options.ca_bundle)
        diagnosis.route = route = diagnosis.settings.route(diagnosis.origin)
    except DialException as error:
        return failed(error, "correct --proxy, --ca-bundle, or the variables HTTP_PROXY and HTTPS_PROXY")
    reason = route.reason.replace("proxy= was", "--proxy was").replace("proxy='' was", '--proxy "" was')
    if route.kind == "direct":
        return ok("direct: %s" % reason)
    known = ", with a user and password" if route.authorization else ""
    how = "a tunnel through" if route.kind == "tunnel" else "forwarded by"
    return ok("%s the proxy %s%s: %s" % (how, route.address, known, reason))


def check_dns(diagnosis: Diagnosis) -> Step:
    """What the server's, or the proxy's, name resolves to."""
    route = diagnosis.route
    whose = "" if route.kind == "direct" else " (the proxy; it looks up the server itself)"
    try:
        found = handshake.addresses(route.host, route.port)
    except OSError as error:
        advice = "is the name right? can this machine see it (VPN, DNS)? `nslookup %s` asks the same" % route.host
        said = "%s can't be resolved: %s%s" % (route.host, error.strerror or error, whose)
        return Step("failed", [said], [advice], NO_CONNECTION)
    if found == [route.host]:
        return ok("%s is an address%s" % (route.host, whose))
    return ok("%s is %s%s" % (route.host, ", ".join(found[:4]), whose))


def check_connection(diagnosis: Diagnosis) -> Step:
    """Whether the server can be reached, and shown a certificate that is trusted."""
    try:
        lines = handshake.handshake(diagnosis.origin, diagnosis.route, diagnosis.settings, diagnosis.timeout)
    except DialException as error:
        place = diagnosis.origin, diagnosis.route, diagnosis.timeout
        found = handshake.presented(*place) if isinstance(error, errors.TLSError) else []
        shown = ["it shows: " + certificate for certificate in found]
        return failed(error, *_connection_advice(error, diagnosis, shown), lines=shown)
    if diagnosis.origin.scheme == "http" and diagnosis.origin.host not in ("localhost", "127.0.0.1", "::1"):
        lines.append("without TLS: the credential can be read on the way")
    return ok(*lines)


def _connection_advice(error: DialException, diagnosis: Diagnosis, shown: List[str]) -> List[str]:
    if isinstance(error, errors.ConfigurationError):
        return ["correct --ca-bundle"]
    if isinstance(error, errors.TLSError):
        if not shown:
            return ["is the port right? does its URL begin with http://, or does a firewall stand between?"]
        return ["if your company signs certificates itself, pass its file: --ca-bundle company.pem (or SSL_CERT_FILE)"]
    if isinstance(error, errors.ProxyError):
        direct = '--proxy "" or NO_PROXY=%s goes without' % diagnosis.origin.host
        return ["check the proxy's URL, user and password; %s" % direct]
    advice = ["is the port right? does a firewall or VPN stand between?"]
    if isinstance(error, errors.DialTimeoutError) and diagnosis.origin.scheme == "https":
        advice.append("if the server speaks no TLS there, its URL begins with http://")
    if diagnosis.route.kind == "direct":
        advice.append("if this network has a proxy, set HTTPS_PROXY or pass --proxy http://...")
    return advice


def check_bucket(diagnosis: Diagnosis) -> Step:
    """Whether the server takes the credential."""
    try:
        began = time.monotonic()
        found = diagnosis.client.my_bucket()
        seconds = time.monotonic() - began
    except errors.EndpointNotSupportedError as error:
        return failed(error, "is this a DIAL server? its URL should not have a path such as /v1 or /openai")
    except errors.AuthenticationError as error:
        return failed(error, "the server does not know this credential: is it of this server, and not expired?")
    except DialException as error:
        if error.location:
            return failed(error, "it redirects to %s: use the URL of that server" % error.location)
        return failed(error, _call_advice(error, diagnosis))
    return ok("%s... (%d characters), in %d ms" % (found[:4], len(found), seconds * 1000))


def _call_advice(error: DialException, diagnosis: Diagnosis) -> str:
    if isinstance(error, errors.ParsingDataError):
        return "is this a DIAL server? the login page of a network, or a proxy, may have answered in its place"
    if not isinstance(error, DialConnectionError):
        return "ask who runs the server; the message is its own"
    if isinstance(error, errors.DialTimeoutError):
        return "is this a DIAL server? it took the connection, but is slow to answer: --timeout waits longer"
    scheme = "https" if diagnosis.origin.scheme == "http" else "http"
    return "is this a DIAL server, and the port right? does its URL begin with %s://?" % scheme


def check_deployments(diagnosis: Diagnosis) -> Step:
    """What can be called."""
    try:
        found = diagnosis.client.deployments.list()
        applications = diagnosis.client.application.list()
    except DialException as error:
        return failed(error, _call_advice(error, diagnosis))
    both = "%d deployments, %d applications" % (len(found), len(applications))
    if not found and not applications:
        return Step("failed", [both], ["the credential's role may call none: ask who runs the server"], 1)
    return ok(both)


CHECKS: Dict[str, Tuple[Callable[[Diagnosis], Step], Sequence[str]]] = {
    "program": (check_program, ()),
    "server": (check_server, ()),
    "credential": (check_credential, ()),
    "way": (check_route, ["server"]),
    "name": (check_dns, ["way"]),
    "connection": (check_connection, ["name"]),
    "bucket": (check_bucket, ["connection", "credential"]),
    "deployments": (check_deployments, ["bucket"]),
}
"""All steps in their order: what looks at them, and the steps without which there is nothing to look at."""


# ---------------------------------------------------------------- what a credential looks like, without showing it


def describe_credential(kind: str, value: str, now: float) -> Tuple[str, List[str]]:
    """A credential in words, and what is wrong with it.

    Args:
        kind: "api_key" or "bearer_token".
        now: epoch seconds.
    """
    bare = value.strip()
    what = "an API key" if kind == "api_key" else "a bearer token"
    line = "%s of %d characters" % (what, len(bare))
    claims = token_claims(bare)
    faults = faults_of(bare)
    if claims is not None:
        line += ", which is a token (JWT)"
        expires = claims.get("exp")
        if isinstance(expires, (int, float)) and not isinstance(expires, bool) and abs(expires) < 1e12:
            left = expires - now
            line += ", expired" if left <= 0 else ", good for %s" % _duration(left)
            if left <= 0:
                faults.append("the token expired %s ago: get a new one" % _duration(-left))
        if kind == "api_key":
            faults.append("tokens go into DIAL_BEARER_TOKEN, not into DIAL_API_KEY")
    elif kind == "bearer_token" and not faults:
        line += " (no JWT)"
    return line, faults


def faults_of(value: str) -> List[str]:
    """What is plainly wrong with a credential."""
    faults = []
    if not value:
        faults.append("it is empty")
    elif value[0] in "\"'" or value[-1] in "\"'":
        faults.append("it has quotes around it; they belong to the shell, not into the value")
    if any(character.isspace() for character in value):
        faults.append("it has blanks or line ends within")
    elif not value.isascii() or not value.isprintable():
        faults.append("it has characters that no credential has; was it copied from a formatted text?")
    if value.lower().startswith(("bearer", "api-key", "basic ")):
        faults.append("it begins with the header's words; only the key or token itself is wanted")
    if "://" in value:
        faults.append("it looks like a URL")
    if value.startswith(("$", "<", "{")) or value.lower() in ("none", "null", "changeme", "..."):
        faults.append("it looks like a placeholder that was never filled in")
    return faults


def token_claims(value: str) -> Optional[Dict[str, Any]]:
    """What a JWT says (unverified), or None if the text is none."""
    parts = value.split(".")
    if len(parts) != 3:
        return None
    try:
        found = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _duration(seconds: float) -> str:
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return "%d %s%s" % (count, unit, "" if count == 1 else "s")
    return "%d seconds" % seconds
