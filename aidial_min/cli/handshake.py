"""One connection, looked at step by step: what the name resolves to, what the TLS handshake shows, for people.

It opens connections as transport/sync.py does, with the same limits and errors; it sends no request and no credential
to the server.
"""

import socket
import ssl
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, List, Optional

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


def handshake(origin: Origin, route: Route, settings: ConnectionSettings, timeout: Timeout) -> List[str]:
    """Connect (TCP, the proxy's tunnel, TLS where the scheme says so), and close again.

    Returns:
        What was reached, in which time and with which TLS; then its certificates, one each.
    Raises:
        ConnectError, ProxyError, TLSError, DialTimeoutError: as calls of the client raise them.
    """
    return _look(origin, route, make_context(settings) if origin.scheme == "https" else None, timeout)


def presented(origin: Origin, route: Route, timeout: Timeout) -> List[str]:
    """The certificate that a server shows, trusted or not; none where it can't be had. Nothing is sent to it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        return _look(origin, route, context, timeout)[1:2]
    except DialException:
        return []


def _look(origin: Origin, route: Route, context: Optional[ssl.SSLContext], timeout: Timeout) -> List[str]:
    began = time.monotonic()
    connection = finish(open_wire(Verbs(), route, origin, context, Budget(timeout, began)))
    try:
        took = (time.monotonic() - began) * 1000
        sock: Any = connection.sock  # type: ignore[attr-defined]
        reached = "%s:%d in %d ms" % (*sock.getpeername()[:2], took)
        if not isinstance(sock, ssl.SSLSocket):
            return [reached]
        cipher = sock.cipher()
        return ["%s, %s %s" % (reached, sock.version() or "", cipher[0] if cipher else ""), *_chain(sock)]
    finally:
        connection.close()


def _chain(sock: ssl.SSLSocket) -> List[str]:
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
    ssl_inside: Any = ssl
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "shown.pem")
            path.write_text(ssl.DER_cert_to_PEM_cert(data))
            return dict(ssl_inside._ssl._test_decode_cert(str(path)))
    except (AttributeError, OSError, ValueError):
        return {}


def _certificate(info: Dict[str, Any]) -> str:
    """Whose a certificate is, who signed it, and until when it holds ("" where that can't be read)."""
    names = _name(info.get("subject")), _name(info.get("issuer"))
    return "%s, signed by %s, until %s" % (*names, info.get("notAfter", ""))


def _name(parts: Any) -> str:
    """A distinguished name by its common name, or the organization."""
    fields = {key: value for part in parts or () for key, value in part}
    for wanted in ("commonName", "organizationName", "organizationalUnitName"):
        if fields.get(wanted):
            return str(fields[wanted])
    return ""
