"""TLS for both clients: an SSLContext from options and environment, and what a failed handshake means.

OpenSSL's own variables (SSL_CERT_FILE, SSL_CERT_DIR) name the default trust store.
It knows ssl; it must not know HTTP.
"""

import os
import ssl

from ..core.connection import ConnectionSettings
from ..errors import ConfigurationError, ConnectError, TLSError


def make_context(settings: ConnectionSettings) -> ssl.SSLContext:
    """The context for a client's https connections: host name and chain are checked, HTTP/1.1 is offered by ALPN.

    Raises:
        ConfigurationError: a CA bundle or client certificate that can't be read.
    """
    if settings.ssl_context is not None:
        context: ssl.SSLContext = settings.ssl_context
        return context
    bundle = settings.ca_bundle
    try:
        if bundle is not None and os.path.isdir(bundle):
            context = ssl.create_default_context(capath=bundle)
        else:
            context = ssl.create_default_context(cafile=bundle)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError("ca_bundle %s can't be read: %s" % (bundle, error)) from None
    if settings.client_cert is not None:
        cert = settings.client_cert
        certificate, key = (cert, None) if isinstance(cert, str) else cert
        try:
            context.load_cert_chain(certificate, key)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError("client_cert can't be read: %s" % error) from None
    context.set_alpn_protocols(["http/1.1"])
    return context


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
