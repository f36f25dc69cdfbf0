"""TLS and proxies, sync and async: chain and host name checks, client certificates, tunnels, proxy credentials."""

import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest

from aidial_min import (
    AsyncDial,
    ConfigurationError,
    ConnectError,
    Dial,
    DialConnectionError,
    DialTimeoutError,
    ProxyError,
    ResponseInterruptedError,
    Timeout,
    TLSError,
)
from aidial_min.testing import DialServer
from aidial_min.transport.tls import handshake_error
from tests.support.certificates import authority
from tests.support.clients import KINDS, client_of
from tests.support.patience import PATIENCE, at_some_pace
from tests.support.proxy import Proxy

BUCKET = b'HTTP/1.1 200 OK\r\ncontent-length: 14\r\n\r\n{"bucket":"b"}'


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def server():
    with DialServer() as running:
        yield running


@contextmanager
def tls_server(certificate="good", client_ca=None, behave=None):
    """A server that answers every request with a bucket, over TLS; gives its URL and the names it was asked for."""
    folder = authority()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(str(folder / (certificate + ".pem")))
    if client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(str(folder / client_ca))
    names, seen = [], []
    context.sni_callback = lambda sock, name, ctx: names.append(name)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(PATIENCE)
    stop = threading.Event()

    def one(raw):
        with raw:
            raw.settimeout(PATIENCE)
            if behave is not None:
                return behave(raw, stop)
            try:
                with context.wrap_socket(raw, server_side=True) as secured:
                    seen.append(secured)
                    while secured.recv(65536):
                        secured.sendall(BUCKET)
            except OSError:
                pass  # the client did not trust us, or left
        return None

    def serve():
        while not stop.is_set():
            try:
                raw, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=one, args=(raw,), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield "https://localhost:%d" % listener.getsockname()[1], names, seen
    finally:
        stop.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def bucket(client):
    return client.bucket.get_bucket()


def ca():
    return str(authority() / "ca.pem")


def test_a_trusted_server_is_reached_and_its_connection_reused(kind):
    with tls_server() as (url, names, seen), client_of(kind, base_url=url, ca_bundle=ca()) as call:
        assert [call(bucket) for _ in range(20)] == ["b"] * 20
        assert len(seen) == 1
        assert names == ["localhost"]  # SNI


def test_an_answer_is_waited_for_before_it_is_read(monkeypatch):
    """To read what has not come costs a system call and an exception."""
    too_early = []
    receive, answer = ssl.SSLSocket.recv, ssl.SSLSocket.sendall

    def counted(self, *arguments):
        try:
            return receive(self, *arguments)
        except ssl.SSLWantReadError as error:
            too_early.append(error)
            raise

    def late(self, data):
        time.sleep(0.01)
        answer(self, data)

    with tls_server() as (url, _, _), Dial(base_url=url, api_key="key-of-a-test", ca_bundle=ca()) as client:
        bucket(client)  # after the handshake, TLS itself has more to say
        monkeypatch.setattr(ssl.SSLSocket, "recv", counted)
        monkeypatch.setattr(ssl.SSLSocket, "sendall", late)
        for _ in range(20):
            bucket(client)
    assert len(too_early) <= 2


def test_an_address_is_checked_against_the_certificate_too(kind):
    with tls_server() as (url, _, _):
        with client_of(kind, base_url=url.replace("localhost", "127.0.0.1"), ca_bundle=ca()) as call:
            assert call(bucket) == "b"


@pytest.mark.parametrize(
    ("certificate", "settings", "words"),
    [
        ("good", {}, "ca_bundle="),
        ("other", {"trusted": True}, "localhost"),
    ],
    ids=["untrusted", "another name"],
)
def test_a_certificate_that_does_not_fit_is_refused(kind, certificate, settings, words):
    trusted = {"ca_bundle": ca()} if settings else {}
    with tls_server(certificate) as (url, _, _), client_of(kind, base_url=url, max_retries=0, **trusted) as call:
        with pytest.raises(TLSError, match=words) as caught:
            call(bucket)
        assert caught.value.request_sent == "no"
        assert "ca_bundle" in str(caught.value) and "ssl_context" in str(caught.value)


@pytest.mark.parametrize("fault", [b"no TLS record" * 10, b""], ids=["garbage", "end"])
@pytest.mark.parametrize("received", [0, 5])
def test_tls_that_breaks_after_the_handshake_is_a_broken_answer(kind, fault, received):
    """Not a failed handshake: the request was sent."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(str(authority() / "good.pem"))

    def scenario(pace):
        def break_off(raw, stop):
            try:
                with context.wrap_socket(raw, server_side=True) as secured:
                    secured.recv(65536)
                    if received:
                        secured.sendall(BUCKET[:-14] + BUCKET[-14:][:received])
                        stop.wait(0.1 * pace)  # asyncio's TLS drops what it decrypted together with what is no record
                    with socket.socket(fileno=os.dup(secured.fileno())) as below:
                        below.sendall(fault)
                        below.shutdown(socket.SHUT_WR)
                        stop.wait(PATIENCE)
            except OSError:
                pass  # the client has gone already

        with tls_server(behave=break_off) as (url, _, _):
            with client_of(kind, base_url=url, ca_bundle=ca(), max_retries=0) as call:
                with pytest.raises(DialConnectionError) as caught:
                    call(bucket)
        if received:
            assert type(caught.value) is ResponseInterruptedError and caught.value.received == received
        assert caught.value.request_sent == ("yes" if received else "maybe")

    at_some_pace(scenario)


def test_a_client_certificate_is_shown(kind):
    pem = str(authority() / "client.pem")
    with tls_server(client_ca="ca.pem") as (url, _, _):
        with client_of(kind, base_url=url, ca_bundle=ca(), client_cert=pem) as call:
            assert call(bucket) == "b"
        pair = (str(authority() / "client.crt"), str(authority() / "client.key"))
        with client_of(kind, base_url=url, ca_bundle=ca(), client_cert=pair) as call:
            assert call(bucket) == "b"
        with client_of(kind, base_url=url, ca_bundle=ca(), max_retries=0) as call:
            with pytest.raises(DialConnectionError) as caught:
                call(bucket)
            # The refusal comes after the handshake; asyncio loses it where sending the request fails meanwhile.
            assert type(caught.value) in ([TLSError] if kind == "sync" else [TLSError, DialConnectionError])
            assert caught.value.request_sent != "yes"


def test_an_own_context_is_used(kind):
    context = ssl.create_default_context(cafile=ca())
    with tls_server() as (url, _, _), client_of(kind, base_url=url, ssl_context=context) as call:
        assert call(bucket) == "b"


def test_a_plain_server_behind_https_is_named(kind):
    def plain(raw, stop):
        raw.recv(65536)
        raw.sendall(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")

    with tls_server(behave=plain) as (url, _, _), client_of(kind, base_url=url, max_retries=0) as call:
        with pytest.raises(TLSError, match="http://"):
            call(bucket)


def test_an_error_that_python_made_and_not_openssl_is_explained_too():
    """A name that no certificate can hold (behind a tunnel nobody resolves it before): it has no `reason`."""
    error = handshake_error(ssl.SSLError("label too long"), "h")
    assert type(error) is TLSError and "label too long" in str(error)


def test_a_hang_in_the_handshake_is_the_limit_connect(kind):
    with tls_server(behave=lambda raw, stop: stop.wait(PATIENCE)) as (url, _, _):
        with client_of(kind, base_url=url, max_retries=0, timeout=Timeout(connect=0.1)) as call:
            with pytest.raises(DialTimeoutError) as caught:
                call(bucket)
            assert (caught.value.limit, caught.value.request_sent) == ("connect", "no")


@pytest.mark.parametrize("client_class", [Dial, AsyncDial])
@pytest.mark.parametrize(
    "settings",
    [
        {"ca_bundle": "/nowhere/ca.pem"},
        {"client_cert": "/nowhere/c.pem"},
        {"proxy": "socks5://127.0.0.1:1"},
        {"proxy": "http://"},
        {"proxy": 3128},
        {"ssl_context": ssl.create_default_context(), "ca_bundle": "x"},
    ],
)
def test_settings_that_can_not_work_are_refused_at_once(client_class, settings):
    with pytest.raises(ConfigurationError):
        client_class(base_url="https://localhost:1", api_key="key-of-a-test", **settings)


# ---------------------------------------------------------------- proxies


def test_plain_requests_go_to_the_proxy_in_absolute_form(kind, server):
    with Proxy() as proxy, client_of(kind, base_url=server.url, api_key=server.api_key, proxy=proxy.url) as call:
        assert call(bucket) == call(bucket)
        assert proxy.heads[0].startswith("GET %s/v1/bucket HTTP/1.1\r\n" % server.url)
        assert "Api-Key: " in proxy.heads[0]


def test_https_goes_through_a_tunnel_that_sees_no_credential(kind):
    with tls_server() as (url, names, _), Proxy() as proxy:
        with client_of(kind, base_url=url, ca_bundle=ca(), proxy=proxy.url) as call:
            assert [call(bucket) for _ in range(3)] == ["b"] * 3
        assert len(proxy.heads) == 1 and proxy.heads[0].startswith("CONNECT localhost:")
        assert "api-key" not in proxy.heads[0].lower()
        assert names == ["localhost"]


@pytest.mark.parametrize("secure", [False, True], ids=["forward", "tunnel"])
def test_proxy_credentials_go_to_the_proxy_alone(kind, server, secure):
    basic = "Basic dXNlcjpwQHNz"  # user:p@ss
    with tls_server() as (https, _, seen), Proxy(authorization=basic) as proxy:
        url = https if secure else server.url
        proxy_url = proxy.url.replace("http://", "http://user:p%40ss@")
        settings = {"ca_bundle": ca()} if secure else {"api_key": server.api_key}
        with client_of(kind, base_url=url, proxy=proxy_url, **settings) as call:
            assert call(bucket)
        assert "Proxy-Authorization: " + basic in proxy.heads[0]


@pytest.mark.parametrize("mode", ["407", "403", "close", "reset-mid-head"])
def test_a_proxy_that_refuses_the_tunnel(kind, mode):
    with tls_server() as (url, _, _), Proxy(mode) as proxy:
        settings = {"proxy": proxy.url.replace("http://", "http://user:secret-word@"), "max_retries": 0}
        with client_of(kind, base_url=url, ca_bundle=ca(), **settings) as call:
            with pytest.raises(ProxyError) as caught:
                call(bucket)
        assert caught.value.request_sent == "no"
        assert "secret-word" not in str(caught.value) + repr(caught.value)
        if mode == "407":
            assert "password" in str(caught.value)


def test_a_proxy_that_hangs_is_the_limit_connect(kind):
    with tls_server() as (url, _, _), Proxy("hang") as proxy:
        timeout = Timeout(connect=0.1)
        with client_of(kind, base_url=url, ca_bundle=ca(), proxy=proxy.url, max_retries=0, timeout=timeout) as call:
            with pytest.raises(DialTimeoutError) as caught:
                call(bucket)
            assert caught.value.limit == "connect"


def test_the_environment_names_a_proxy_unless_no_proxy_does_not(kind, server, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY", "REQUEST_METHOD"):
        monkeypatch.delenv(name, raising=False)
    settings = {"base_url": server.url, "api_key": server.api_key, "trust_env": True}
    with Proxy() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        with client_of(kind, **settings) as call:
            call(bucket)
        assert len(proxy.heads) == 1
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        with client_of(kind, **settings) as call:
            call(bucket)
        assert len(proxy.heads) == 1


def test_an_unreachable_proxy_is_a_proxy_error(kind, server):
    with socket.socket() as deaf:  # nobody else gets its port, and it does not listen
        deaf.bind(("127.0.0.1", 0))
        port = deaf.getsockname()[1]
        with client_of(kind, base_url=server.url, proxy="http://127.0.0.1:%d" % port, max_retries=0) as call:
            with pytest.raises(ProxyError) as caught:
                call(bucket)
            assert "127.0.0.1:%d: Connection refused" % port in str(caught.value)


# ---------------------------------------------------------------- bad moments


@pytest.mark.skipif(sys.platform == "win32", reason="limits of descriptors are set as on Unix")
def test_trust_that_could_not_be_read_just_now_is_read_again(kind, monkeypatch):
    """Without a free descriptor Python makes a context that trusts nobody, and says nothing."""
    import resource

    monkeypatch.setenv("SSL_CERT_FILE", ca())
    with tls_server() as (url, _, _), client_of(kind, base_url=url, max_retries=0) as call:
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        free = os.dup(0)
        os.close(free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, before[1]))
        try:
            with pytest.raises(ConnectError, match="open files"):
                call(bucket)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
        assert call(bucket) == "b"


def test_a_file_that_a_variable_names_and_that_holds_no_certificate(kind, monkeypatch, tmp_path):
    (tmp_path / "ca.pem").write_text("nothing of use")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with client_of(kind, base_url="https://localhost:1", max_retries=0) as call:
        with pytest.raises(ConfigurationError, match="SSL_CERT_FILE"):
            call(bucket)


VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSLKEYLOGFILE")


@pytest.fixture
def environment(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "*")
    return monkeypatch


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_environment_names_whom_to_trust(kind, name, environment):
    environment.setenv(name, ca())
    with tls_server() as (url, _, _), client_of(kind, base_url=url, trust_env=True) as call:
        assert call(bucket) == "b"


def test_the_variables_of_openssl_come_first_and_trust_env_off_leaves_the_others_out(kind, environment):
    environment.setenv("REQUESTS_CA_BUNDLE", ca())
    with tls_server() as (url, _, _):
        with client_of(kind, base_url=url, trust_env=False, max_retries=0) as call, pytest.raises(TLSError):
            call(bucket)
        environment.setenv("SSL_CERT_FILE", str(authority() / "other.crt"))
        with client_of(kind, base_url=url, trust_env=True, max_retries=0) as call, pytest.raises(TLSError):
            call(bucket)


@pytest.mark.parametrize("name", VARIABLES)
def test_a_file_that_is_not_there_is_blamed_on_the_variable_that_names_it(kind, name, environment, tmp_path):
    environment.setenv(name, str(tmp_path / "missing" / "file"))
    with client_of(kind, base_url="https://localhost:1", trust_env=True, max_retries=0) as call:
        with pytest.raises(ConfigurationError, match="%s: .*missing" % name):
            call(bucket)


def test_an_encrypted_key_needs_its_password(kind, tmp_path):
    """OpenSSL would ask for it at the terminal, and wait for ever."""
    key, certificate = tmp_path / "encrypted.key", str(authority() / "client.crt")
    encrypt = ["openssl", "pkey", "-aes128", "-passout", "pass:word", "-in", str(authority() / "client.key")]
    subprocess.run([*encrypt, "-out", str(key)], check=True, capture_output=True)
    with tls_server(client_ca="ca.pem") as (url, _, _):
        with client_of(kind, base_url=url, ca_bundle=ca(), client_cert=(certificate, str(key), "word")) as call:
            assert call(bucket) == "b"
        with client_of(kind, base_url=url, ca_bundle=ca(), client_cert=(certificate, str(key))) as call:
            with pytest.raises(ConfigurationError, match="ssl_context="):
                call(bucket)
        for password in ("wrong", "", "long" * 500, "\ud800"):
            with client_of(kind, base_url=url, ca_bundle=ca(), client_cert=(certificate, str(key), password)) as call:
                with pytest.raises(ConfigurationError, match="client_cert.*password|password of client_cert") as caught:
                    call(bucket)
                assert "wrong" not in str(caught.value)


def test_a_python_without_ssl_speaks_http_and_says_why_it_speaks_no_https(server):
    script = (
        "import sys\n"
        "sys.modules['ssl'] = sys.modules['_ssl'] = None\n"
        "import asyncio\n"
        "from aidial_min import AsyncDial, ConfigurationError, Dial\n"
        "settings = dict(api_key=sys.argv[2], trust_env=False)\n"
        "print(Dial(base_url=sys.argv[1], **settings).my_bucket() != '')\n"
        "try:\n"
        "    Dial(base_url='https://localhost:1', **settings).my_bucket()\n"
        "except ConfigurationError as error:\n"
        "    print(error)\n"
        "async def main():\n"
        "    async with AsyncDial(base_url=sys.argv[1], **settings) as client:\n"
        "        print(await client.my_bucket() != '')\n"
        "    try:\n"
        "        await AsyncDial(base_url='https://localhost:1', **settings).my_bucket()\n"
        "    except ConfigurationError as error:\n"
        "        print(error)\n"
        "asyncio.run(main())\n"
    )
    command = [sys.executable, "-c", script, server.url, server.api_key]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert done.stderr == "" and done.stdout.count("True\n") == 2
    assert done.stdout.count("built without ssl: it can reach http:// servers only") == 2


def test_a_proxy_that_refuses_is_asked_once(kind, server):
    """Three tries lock accounts."""
    for url, settings in (("https://localhost:1", {"ca_bundle": ca()}), (server.url, {})):
        with Proxy("407") as proxy, client_of(kind, base_url=url, proxy=proxy.url, **settings) as call:
            with pytest.raises(ProxyError, match="407"):
                call(bucket)
            assert len(proxy.heads) == 1
