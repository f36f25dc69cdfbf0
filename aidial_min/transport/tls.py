"""TLS for both clients: an SSLContext from options and environment, and what a failed handshake means.

    context = make_context(settings)         # for the first https connection; kept by the transport

OpenSSL's own variables (SSL_CERT_FILE, SSL_CERT_DIR) name the default trust store; where they are not set, those of
other clients do (REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE).
"""

import errno
import os
import ssl
from typing import Optional, Tuple

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
    # It lets TLS that broke off pass for TLS that was closed; some builds of Python and of OpenSSL 3 set it.
    lenient = getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    if context.options & lenient:
        context.options &= ~lenient
    return context


def _own_context(settings: ConnectionSettings) -> ssl.SSLContext:
    name, trusted = _trust(settings)
    try:
        if trusted is not None and os.path.isdir(trusted):
            context = ssl.create_default_context(capath=trusted)
        else:
            context = ssl.create_default_context(cafile=trusted)
    except (OSError, ssl.SSLError) as error:
        _check_moment(error)
        if error.filename is not None and os.fsdecode(error.filename) == os.environ.get("SSLKEYLOGFILE"):
            name, trusted = "SSLKEYLOGFILE", os.environ["SSLKEYLOGFILE"]
        raise _unusable(name, trusted, error) from None
    if trusted is None:
        _check_defaults(context)
    if settings.client_cert:
        _show_certificate(context, settings)
    context.set_alpn_protocols(["http/1.1"])
    return context


def _trust(settings: ConnectionSettings) -> Tuple[str, Optional[str]]:
    """The file or folder with trusted certificates, and who names it; None: OpenSSL's own, and its variables'."""
    if settings.ca_bundle is not None:
        return "ca_bundle", settings.ca_bundle
    if settings.trust_env and not os.environ.get("SSL_CERT_FILE") and not os.environ.get("SSL_CERT_DIR"):
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            if os.environ.get(name):
                return name, os.environ[name]
    return "", None


def _check_defaults(context: ssl.SSLContext) -> None:
    """What can't be read is left out silently where OpenSSL looks for it itself: ask for it again.

    Raises:
        ConfigurationError: a variable names something of no use.
        ConnectError: there is no free descriptor just now.
    """
    folder = os.environ.get("SSL_CERT_DIR")
    if folder and not any(os.path.isdir(path) for path in folder.split(os.pathsep)):
        raise _unusable("SSL_CERT_DIR", folder, FileNotFoundError(errno.ENOENT, "no such folder"))
    try:
        if context.cert_store_stats()["x509_ca"]:
            return
    except NotImplementedError:  # truststore in place of ssl: its contexts ask the system at each handshake
        return
    named = os.environ.get("SSL_CERT_FILE")
    file = named or ssl.get_default_verify_paths().cafile
    try:
        if file:
            context.load_verify_locations(file)
    except (OSError, ssl.SSLError) as error:
        _check_moment(error)
        raise _unusable("SSL_CERT_FILE" if named else "the default", file, error) from None


def _show_certificate(context: ssl.SSLContext, settings: ConnectionSettings) -> None:
    password = settings.key_password

    def ask() -> str:
        message = "the key of client_cert is encrypted: pass client_cert=(certificate, key, password), or ssl_context="
        raise ConfigurationError(message)

    try:
        certificate, key = settings.client_cert[0], settings.client_cert[-1]
        context.load_cert_chain(certificate, key, ask if password is None else password.text)
    except ConfigurationError:
        raise
    except (OSError, ssl.SSLError) as error:
        _check_moment(error)
        doubt = "" if password is None else "; is its password right?"
        raise ConfigurationError("client_cert can't be read: %s%s" % (error, doubt)) from None
    except ValueError:  # longer than OpenSSL takes, or no UTF-8
        raise ConfigurationError("the password of client_cert can't be that of a key") from None


def _unusable(name: str, path: Optional[str], error: OSError) -> ConfigurationError:
    return ConfigurationError("%s: %s can't be used: %s" % (name, path, error.strerror or error))


def _check_moment(error: OSError) -> None:
    """
    Raises:
        ConnectError: files can't be read just now; the next call may have better luck.
    """
    if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM):
        raise ConnectError("the trusted certificates can't be read just now: %s" % error.strerror) from None


def handshake_error(error: Exception, host: str) -> ConnectError:
    """The error for a TLS handshake that failed; it names the setting that would help."""
    if not isinstance(error, OSError):  # a name that no certificate can hold
        error = ssl.SSLError(str(error))
    if isinstance(error, ssl.SSLCertVerificationError):
        return TLSError(
            "the certificate of %s is not trusted: %s; if it is signed by your own CA, pass its file as ca_bundle= "
            "(or a context as ssl_context=)" % (host, getattr(error, "verify_message", None) or error)
        )
    if isinstance(error, ssl.CertificateError):
        return TLSError("the certificate of %s does not fit: %s; see ca_bundle= and ssl_context=" % (host, error))
    cause = getattr(error, "reason", None) or error  # errors that Python made, not OpenSSL, have no reason
    if isinstance(error, ssl.SSLError) and "WRONG_VERSION_NUMBER" in str(cause):
        return TLSError("%s does not speak TLS on this port; should base_url begin with http://?" % host)
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
        return TLSError("the TLS handshake with %s failed: %s; see client_cert= and ssl_context=" % (host, cause))
    return TLSError("%s closed the connection during the TLS handshake; see client_cert= and ssl_context=" % host)
