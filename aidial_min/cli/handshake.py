"""One connection, looked at step by step: what the name resolves to, what the TLS handshake shows, for people.

It opens connections as sync.py does, with the same limits and errors; it sends no request and no credential to the
server. It knows sockets and certificates; it must not know DIAL.
"""

import os
import socket
import ssl
import tempfile
import time
from typing import Any, Dict, List, NamedTuple, Optional

from ..core.limits import Budget, Timeout
from ..core.operation import finish
from ..core.proxy import Route
from ..core.settings import ConnectionSettings
from ..core.urls import Origin
from ..errors import DialException
from ..transport.connections import open_wire
from ..transport.sync import Verbs
from ..transport.tls import make_context

TLS_LIBRARY = ssl.OPENSSL_VERSION
"""What does TLS here, and in which version."""


class Certificate(NamedTuple):
    """What a certificate says: whose it is, who signed it, until when it holds ("" where that can't be read)."""

    subject: str
    issuer: str
    expires: str


class Handshake(NamedTuple):
    """A connection that was opened, and closed again."""

    seconds: float
    peer: str
    version: str = ""
    cipher: str = ""
    chain: "tuple[Certificate, ...]" = ()


def addresses(host: str, port: int) -> List[str]:
    """What a name resolves to.

    Raises:
        OSError: it does not.
    """
    try:
        found = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(0, "no valid name: %s" % error) from None
    return list(dict.fromkeys(str(address[0]) for _, _, _, _, address in found))


def handshake(origin: Origin, route: Route, settings: ConnectionSettings, timeout: Timeout) -> Handshake:
    """Connect: TCP, the proxy's tunnel, TLS where the scheme says so.

    Raises:
        ConnectError, ProxyError, TLSError, DialTimeoutError: as calls of the client raise them.
    """
    context = make_context(settings) if origin.scheme == "https" else None
    return _open(origin, route, context, timeout)


def presented(origin: Origin, route: Route, timeout: Timeout) -> Optional[Certificate]:
    """The certificate that a server shows, trusted or not; None where it can't be had. Nothing is sent to it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        chain = _open(origin, route, context, timeout).chain
    except DialException:
        return None
    return chain[0] if chain else None


def _open(origin: Origin, route: Route, context: Optional[ssl.SSLContext], timeout: Timeout) -> Handshake:
    began = time.monotonic()
    connection = finish(open_wire(Verbs(), route, origin, context, Budget(timeout, began)))
    try:
        seconds = time.monotonic() - began
        sock: Any = connection.sock  # type: ignore[attr-defined]
        peer = "%s:%d" % sock.getpeername()[:2]
        if not isinstance(sock, ssl.SSLSocket):
            return Handshake(seconds, peer)
        cipher = sock.cipher()
        return Handshake(seconds, peer, sock.version() or "", cipher[0] if cipher else "", tuple(_chain(sock)))
    finally:
        connection.close()


def _chain(sock: ssl.SSLSocket) -> List[Certificate]:
    """The verified chain where Python gives it (3.10), else the server's own certificate."""
    inner: Any = getattr(sock, "_sslobj", None)
    try:
        found = [_certificate(link.get_info()) for link in inner.get_verified_chain()]
    except (AttributeError, TypeError, ValueError, ssl.SSLError):
        found = []
    if found:
        return found
    own: Any = sock.getpeercert() or _decoded(sock.getpeercert(binary_form=True))
    return [_certificate(own)] if own else []


def _decoded(data: Optional[bytes]) -> Dict[str, Any]:
    """A certificate that was not verified: Python decodes such only from a file, by a function for its own tests."""
    if not data:
        return {}
    handle, path = tempfile.mkstemp(suffix=".pem")
    try:
        with open(handle, "w", encoding="ascii") as file:
            file.write(ssl.DER_cert_to_PEM_cert(data))
        decode: Any = getattr(ssl, "_ssl", None)
        found: Dict[str, Any] = decode._test_decode_cert(path)
        return found
    except (AttributeError, OSError, ValueError):
        return {}
    finally:
        os.unlink(path)


def _certificate(info: Dict[str, Any]) -> Certificate:
    return Certificate(_name(info.get("subject")), _name(info.get("issuer")), str(info.get("notAfter", "")))


def _name(parts: Any) -> str:
    """A distinguished name by its common name, or the organization."""
    fields = {key: value for part in parts or () for key, value in part}
    for wanted in ("commonName", "organizationName", "organizationalUnitName"):
        if fields.get(wanted):
            return str(fields[wanted])
    return ""
