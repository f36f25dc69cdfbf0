"""TLS for both clients: an SSLContext from options and environment, and what a failed handshake means.

OpenSSL's own variables (SSL_CERT_FILE, SSL_CERT_DIR) name the default trust store.
It knows ssl; it must not know HTTP.
"""

import errno
import os
import ssl
import sys
from typing import Optional

from ..core.settings import ConnectionSettings
from ..errors import ConfigurationError, ConnectError, TLSError


def make_context(settings: ConnectionSettings) -> ssl.SSLContext:
    """The context for a client's https connections: host name and chain are checked, HTTP/1.1 is offered by ALPN.

    Raises:
        ConfigurationError: a CA bundle or client certificate that can't be read.
    """
    if settings.ssl_context is not None:
        context: ssl.SSLContext = settings.ssl_context
    else:
        context = _own_context(settings)
    if sys.version_info < (3, 10):  # it lets TLS that broke off pass for TLS that was closed; newer versions never do
        context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    return context


def _own_context(settings: ConnectionSettings) -> ssl.SSLContext:
    bundle = settings.ca_bundle
    try:
        if bundle is not None and os.path.isdir(bundle):
            context = ssl.create_default_context(capath=bundle)
        else:
            context = ssl.create_default_context(cafile=bundle)
            _check_trust(context)
    except (OSError, ssl.SSLError) as error:
        _check_moment(error)
        raise ConfigurationError("%s can't be read: %s" % (_named(bundle), error)) from None
    if settings.client_cert is not None:
        cert = settings.client_cert
        certificate, key = (cert, None) if isinstance(cert, str) else cert
        try:
            context.load_cert_chain(certificate, key)
        except (OSError, ssl.SSLError) as error:
            _check_moment(error)
            raise ConfigurationError("client_cert can't be read: %s" % error) from None
    context.set_alpn_protocols(["http/1.1"])
    return context


def _check_trust(context: ssl.SSLContext) -> None:
    """Certificates that can't be read are left out silently where Python looks for them itself: ask for them again.

    Raises:
        OSError: the file can't be read, now (no descriptor is free) or ever.
    """
    cafile = ssl.get_default_verify_paths().cafile
    if cafile is not None and not context.cert_store_stats()["x509_ca"]:
        context.load_verify_locations(cafile)


def _check_moment(error: OSError) -> None:
    """
    Raises:
        ConnectError: files can't be read just now; the next call may have better luck.
    """
    if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM):
        raise ConnectError("the trusted certificates can't be read just now: %s" % error.strerror) from None


def _named(bundle: Optional[str]) -> str:
    if bundle is not None:
        return "ca_bundle %s" % bundle
    paths = ssl.get_default_verify_paths()
    return "%s (named by %s)" % (paths.cafile, paths.openssl_cafile_env)


def handshake_error(error: OSError, host: str) -> ConnectError:
    """The error for a TLS handshake that failed; it names the setting that would help."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return TLSError(
            "the certificate of %s is not trusted: %s; if it is signed by your own CA, pass its file as ca_bundle= "
            "(or a context as ssl_context=)" % (host, error.verify_message)
        )
    if isinstance(error, ssl.CertificateError):
        return TLSError("the certificate of %s does not fit: %s; see ca_bundle= and ssl_context=" % (host, error))
    cause = getattr(error, "reason", None) or error  # errors that Python made, not OpenSSL, have no reason
    if isinstance(error, ssl.SSLError) and "WRONG_VERSION_NUMBER" in str(cause):
        return TLSError("%s does not speak TLS on this port; should base_url begin with http://?" % host)
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
        return TLSError(
            "the TLS handshake with %s failed: %s; see client_cert= and ssl_context=" % (host, cause)
        )
    return TLSError("%s closed the connection during the TLS handshake; see client_cert= and ssl_context=" % host)
