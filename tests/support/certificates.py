"""A certificate authority for tests, made by the `openssl` command; tests that need it skip where that is absent.

It must not know any client.
"""

import functools
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

KEY = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1"  # made at once, which RSA keys are not


@functools.lru_cache(maxsize=None)
def authority():
    """A folder with ca.pem, and keys with certificates: good.pem (127.0.0.1, localhost), other.pem, client.pem."""
    if shutil.which("openssl") is None:
        pytest.skip("the openssl command is not installed: no certificates to test TLS with")
    folder = Path(tempfile.mkdtemp(prefix="test-ca-"))
    (folder / "ca.cnf").write_text(
        "[req]\ndistinguished_name=dn\nx509_extensions=ca\n[dn]\n[ca]\nbasicConstraints=critical,CA:TRUE\n"
        "keyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n"
    )
    _openssl(folder, "req -x509 " + KEY + " -nodes -keyout ca.key -out ca.pem -days 30 -subj /CN=TestCA -config ca.cnf")
    for name, subject, alternatives in (
        ("good", "/CN=good", "IP:127.0.0.1,DNS:localhost"),
        ("other", "/CN=other", "DNS:other.example"),
        ("client", "/CN=client", "DNS:client.example"),
    ):
        _openssl(folder, "req " + KEY + " -nodes -keyout %s.key -out %s.csr -subj %s" % (name, name, subject))
        (folder / (name + ".ext")).write_text(
            "subjectAltName=%s\nkeyUsage=critical,digitalSignature,keyEncipherment\n"
            "authorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n" % alternatives
        )
        _openssl(
            folder,
            "x509 -req -in %s.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out %s.crt -days 30 -extfile %s.ext"
            % (name, name, name),
        )
        key, certificate = (folder / (name + ".key")).read_text(), (folder / (name + ".crt")).read_text()
        (folder / (name + ".pem")).write_text(key + certificate)
    return folder


def _openssl(folder, words):
    subprocess.run(["openssl", *words.split()], cwd=str(folder), check=True, capture_output=True)
