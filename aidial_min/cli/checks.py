"""What `doctor` looks at: one function for each step, which says what it found and, if it failed, what to do.

It knows settings, names, routes, handshakes and the first calls that every user of DIAL makes. It must not print, nor
let anything secret into what it says.
"""

import argparse
import platform
import sys
import time
from types import TracebackType
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Type

from .._version import __version__
from ..client import Dial
from ..core.connection import ConnectionSettings, connection_settings
from ..core.limits import DEFAULT_TIMEOUT, read_timeout
from ..core.route import Route
from ..core.urls import Origin, parse_base_url
from ..errors import (
    AuthenticationError,
    ConfigurationError,
    DialConnectionError,
    DialException,
    DialTimeoutError,
    EndpointNotSupportedError,
    ParsingDataError,
    ProxyError,
    TLSError,
    mask,
)
from ..transport import probe
from .connection import credential, source_of
from .credentials import describe
from .exit_codes import NO_CONNECTION, USAGE, code_of


class Step(NamedTuple):
    """What a step found; `status` is ok, failed or skipped, `code` what a command would end with."""

    name: str
    status: str
    lines: List[str]
    advice: Sequence[str] = ()
    code: int = 0


class Check(NamedTuple):
    """A step: its name, what it looks at, and the steps without which there is nothing to look at."""

    name: str
    look: "Callable[[Patient], Step]"
    needs: Sequence[str] = ()


class Patient:
    """What is known so far: each step leaves here what the later ones need."""

    def __init__(self, arguments: argparse.Namespace, environment: Mapping[str, str]) -> None:
        self.arguments = arguments
        self.environment = environment
        self.credential: Dict[str, Any] = {}
        self.secrets: List[str] = []
        self.settings = ConnectionSettings()
        self.origin = Origin("http", "", 80, "")
        self.route = Route("direct", "", 80)
        timeout = arguments.timeout
        self.timeout = DEFAULT_TIMEOUT._replace(read=30.0) if timeout is None else read_timeout(timeout)
        self._client: Optional[Dial] = None

    @property
    def client(self) -> Dial:
        """A client that tries once."""
        if self._client is None:
            options = self.arguments
            self._client = Dial(
                base_url=self.origin.url, proxy=options.proxy, ca_bundle=options.ca_bundle, timeout=self.timeout,
                max_retries=0, **self.credential,
            )  # fmt: skip
        return self._client

    def redact(self, text: str) -> str:
        """Text without the credential."""
        return mask(text, self.secrets)

    def __enter__(self) -> "Patient":
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        if self._client is not None:
            self._client.close()


def steps() -> List[Check]:
    """All steps, in their order."""
    return [
        Check("program", program),
        Check("server", server),
        Check("credential", shape),
        Check("way", way, ["server"]),
        Check("name", name, ["way"]),
        Check("connection", connection, ["name"]),
        Check("bucket", bucket, ["connection", "credential"]),
        Check("deployments", deployments, ["bucket"]),
    ]


def ok(*lines: str) -> Step:
    return Step("", "ok", list(lines))


def failed(error: BaseException, *advice: str, lines: Sequence[str] = ()) -> Step:
    """A step that failed with an error, which says why."""
    text = error.message if isinstance(error, DialException) else getattr(error, "strerror", None) or str(error)
    status = getattr(error, "status_code", None)
    answered = getattr(error, "request_sent", "no") == "yes" and not isinstance(error, ParsingDataError)
    said = "%d %s" % (status, text) if status and answered else text
    return Step("", "failed", [*lines, " ".join(said.split())], advice, code_of(error))


def program(patient: Patient) -> Step:
    """What runs here."""
    package = __name__.rpartition(".cli.")[0]
    machine = "%s %s" % (platform.system(), platform.machine())
    return ok("%s %s, Python %s, %s, %s" % (package, __version__, sys.version.split()[0], probe.TLS_LIBRARY, machine))


def server(patient: Patient) -> Step:
    """Which server is named, and where."""
    given = patient.arguments.url
    text = given or patient.environment.get("DIAL_URL")
    if not text:
        return Step("", "failed", ["no server is named"], ["set DIAL_URL, or write --url https://..."], USAGE)
    try:
        patient.origin = parse_base_url(text)
    except DialException as error:
        return failed(error, "correct %s" % ("--url" if given else "DIAL_URL"))
    prefix = patient.origin.prefix.strip("/")
    lines = ["%s (from %s)" % (patient.origin.url, "--url" if given else "DIAL_URL")]
    if prefix.split("/")[0] in ("v1", "openai", "api"):
        lines.append("its path /%s is unusual: the URL of the server alone is wanted" % prefix)
    return ok(*lines)


def shape(patient: Patient) -> Step:
    """Whether the credential looks like one."""
    try:
        found = credential(patient.environment)
        values: Dict[str, Any] = {kind: value() if callable(value) else value for kind, value in found.items()}
    except DialException as error:
        return failed(error, "correct the variable, or the file")
    patient.secrets = [text for value in values.values() for text in (value, value.strip(), value.strip("\"' "))]
    if len(values) != 1:
        if values:
            return Step("", "failed", ["a key and a token"], ["unset one: DIAL refuses both together"], USAGE)
        return Step("", "failed", ["no credential"], ["set DIAL_API_KEY, or DIAL_API_KEY_FILE"], USAGE)
    kind, value = next(iter(values.items()))
    patient.credential = found
    line, faults = describe(kind, value, time.time())
    line = "%s, from %s" % (line, source_of(patient.environment, kind))
    if faults:
        return Step("", "failed", [line], faults, USAGE)
    return ok(line)


def way(patient: Patient) -> Step:
    """Which way connections go, and why."""
    options = patient.arguments
    try:
        patient.settings = connection_settings(proxy=options.proxy, ca_bundle=options.ca_bundle)
        patient.route = route = patient.settings.route(patient.origin)
    except DialException as error:
        return failed(error, "correct --proxy, --ca-bundle, or the variables HTTP_PROXY and HTTPS_PROXY")
    reason = route.reason.replace("proxy= was", "--proxy was").replace("proxy='' was", '--proxy "" was')
    if route.kind == "direct":
        return ok("direct: %s" % reason)
    known = ", with a user and password" if route.authorization else ""
    how = "a tunnel through" if route.kind == "tunnel" else "forwarded by"
    return ok("%s the proxy %s:%d%s: %s" % (how, route.host, route.port, known, reason))


def name(patient: Patient) -> Step:
    """What the server's, or the proxy's, name resolves to."""
    route = patient.route
    whose = "" if route.kind == "direct" else " (the proxy; it looks up the server itself)"
    try:
        found = probe.addresses(route.host, route.port)
    except OSError as error:
        advice = "is the name right? can this machine see it (VPN, DNS)? `nslookup %s` asks the same" % route.host
        said = "%s can't be resolved: %s%s" % (route.host, error.strerror or error, whose)
        return Step("", "failed", [said], [advice], NO_CONNECTION)
    if found == [route.host]:
        return ok("%s is an address%s" % (route.host, whose))
    return ok("%s is %s%s" % (route.host, ", ".join(found[:4]), whose))


def connection(patient: Patient) -> Step:
    """Whether the server can be reached, and shown a certificate that is trusted."""
    try:
        found = probe.handshake(patient.origin, patient.route, patient.settings, patient.timeout)
    except DialException as error:
        shown = _presented(error, patient)
        return failed(error, *_connection_advice(error, patient, shown), lines=shown)
    lines = ["%s in %d ms" % (found.peer, found.seconds * 1000)]
    if found.version:
        lines[0] += ", %s %s" % (found.version, found.cipher)
    for link in found.chain:
        lines.append("%s, signed by %s, until %s" % (link.subject, link.issuer, link.expires))
    if not found.version and patient.origin.host not in ("localhost", "127.0.0.1", "::1"):
        lines.append("without TLS: the credential can be read on the way")
    return ok(*lines)


def _presented(error: DialException, patient: Patient) -> List[str]:
    if not isinstance(error, TLSError):
        return []
    link = probe.presented(patient.origin, patient.route, patient.timeout)
    return ["it shows: %s, signed by %s, until %s" % link] if link is not None else []


def _connection_advice(error: DialException, patient: Patient, shown: List[str]) -> List[str]:
    if isinstance(error, ConfigurationError):
        return ["correct --ca-bundle"]
    if isinstance(error, TLSError):
        if not shown:
            return ["is the port right? does its URL begin with http://, or does a firewall stand between?"]
        return ["if your company signs certificates itself, pass its file: --ca-bundle company.pem (or SSL_CERT_FILE)"]
    if isinstance(error, ProxyError):
        direct = '--proxy "" or NO_PROXY=%s goes without' % patient.origin.host
        return ["check the proxy's URL, user and password; %s" % direct]
    advice = ["is the port right? does a firewall or VPN stand between?"]
    if isinstance(error, DialTimeoutError) and patient.origin.scheme == "https":
        advice.append("if the server speaks no TLS there, its URL begins with http://")
    if patient.route.kind == "direct":
        advice.append("if this network has a proxy, set HTTPS_PROXY or pass --proxy http://...")
    return advice


def bucket(patient: Patient) -> Step:
    """Whether the server takes the credential."""
    try:
        began = time.monotonic()
        found = patient.client.my_bucket()
        seconds = time.monotonic() - began
    except EndpointNotSupportedError as error:
        return failed(error, "is this a DIAL server? its URL should not have a path such as /v1 or /openai")
    except AuthenticationError as error:
        return failed(error, "the server does not know this credential: is it of this server, and not expired?")
    except DialException as error:
        if error.location:
            return failed(error, "it redirects to %s: use the URL of that server" % error.location)
        return failed(error, _call_advice(error, patient))
    return ok("%s... (%d characters), in %d ms" % (found[:4], len(found), seconds * 1000))


def _call_advice(error: DialException, patient: Patient) -> str:
    if isinstance(error, ParsingDataError):
        return "is this a DIAL server? the login page of a network, or a proxy, may have answered in its place"
    if not isinstance(error, DialConnectionError):
        return "ask who runs the server; the message is its own"
    if isinstance(error, DialTimeoutError):
        return "is this a DIAL server? it took the connection, but is slow to answer: --timeout waits longer"
    scheme = "https" if patient.origin.scheme == "http" else "http"
    return "is this a DIAL server, and the port right? does its URL begin with %s://?" % scheme


def deployments(patient: Patient) -> Step:
    """What can be called."""
    try:
        found = patient.client.deployments.list()
        applications = patient.client.application.list()
    except DialException as error:
        return failed(error, _call_advice(error, patient))
    both = "%d deployments, %d applications" % (len(found), len(applications))
    if not found and not applications:
        return Step("", "failed", [both], ["the credential's role may call none: ask who runs the server"], 1)
    return ok(both)
