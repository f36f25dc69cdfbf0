"""`doctor`: every step ok or failed, with what to do; nothing secret in it."""

import base64
import json
import math
import socket
import subprocess
import threading
import time
from contextlib import suppress

import pytest

from aidial_min.cli.doctor import describe_credential as describe
from tests.support.certificates import authority
from tests.support.front import Front
from tests.support.patience import at_some_pace

STEPS = ["program", "server", "credential", "way", "name", "connection", "bucket", "deployments"]


@pytest.fixture
def doctor(dial):
    """The steps by name, and the exit code."""

    def examine(*words, **env):
        answer = dial("doctor", "--json", *words, **env)
        return {step["name"]: step for step in json.loads(answer.out)}, answer.code

    return examine


def test_all_is_well(dial, server):
    answer = dial("doctor")
    assert answer.code == 0 and answer.err == ""
    assert [line.split()[:2] for line in answer.lines[: len(STEPS)]] == [["ok", name] for name in STEPS]
    assert answer.lines[-1] == "Everything is well."
    assert "4 deployments, 4 applications" in answer.out


def test_nothing_secret_is_told(tmp_path, server, dial):
    bucket = dial("whoami", "--json").out
    answer = dial("doctor", "--proxy", "http://user:pass-word@127.0.0.1:1")
    assert "pass-word" not in answer.out and "with a user and password" in answer.out
    shown = dial("doctor").out
    assert server.api_key not in shown and json.loads(bucket)["bucket"] not in shown


def test_no_server(doctor):
    steps, code = doctor(DIAL_URL=None)
    assert (steps["server"]["status"], code) == ("failed", 2)
    assert "DIAL_URL" in steps["server"]["advice"][0]
    assert steps["connection"]["status"] == "skipped" and steps["credential"]["status"] == "ok"


def test_no_credential_and_two_of_them(doctor):
    steps, code = doctor(DIAL_API_KEY=None)
    assert (steps["credential"]["status"], steps["connection"]["status"], code) == ("failed", "ok", 2)
    steps, code = doctor(DIAL_BEARER_TOKEN="t0ken-of-a-test")
    assert steps["credential"]["status"] == "ok" and "both are sent" in " ".join(steps["credential"]["lines"])
    assert steps["bucket"]["status"] == "failed" and code == 1  # this server is of before 0.38


def test_a_name_that_does_not_exist(doctor):
    steps, code = doctor("--url", "http://nowhere.invalid")
    assert (steps["name"]["status"], steps["connection"]["status"], code) == ("failed", "skipped", 8)
    assert "nowhere.invalid can't be resolved" in steps["name"]["lines"][0]


def test_a_port_where_nobody_listens(doctor):
    steps, code = doctor("--url", "http://127.0.0.1:1")
    assert (steps["connection"]["status"], code) == ("failed", 8)
    assert any("proxy" in advice for advice in steps["connection"]["advice"])


def test_which_proxy_and_why(doctor):
    steps, code = doctor(http_proxy="http://127.0.0.1:1")
    assert steps["way"]["lines"] == ["forwarded by the proxy 127.0.0.1:1: the environment names a proxy for http"]
    assert steps["connection"]["status"] == "failed" and code == 8
    steps, code = doctor(http_proxy="http://127.0.0.1:1", no_proxy="127.0.0.1")
    assert steps["way"]["lines"] == ["direct: no_proxy names the host"] and code == 0
    steps, _ = doctor("--proxy", "")
    assert steps["way"]["lines"] == ['direct: --proxy "" was given']


def test_a_credential_that_the_server_does_not_know(doctor):
    steps, code = doctor(DIAL_API_KEY="not-a-key-of-this-server")
    assert (steps["bucket"]["status"], steps["deployments"]["status"], code) == ("failed", "skipped", 3)
    assert steps["bucket"]["lines"][0].startswith("401 ")


def test_a_server_that_is_no_dial(doctor, server):
    server.fail(404, times=None, body="Route is not found")
    steps, code = doctor()
    assert "is this a DIAL server?" in steps["bucket"]["advice"][0] and code == 4


def test_a_login_page_in_place_of_the_server(doctor, server):
    server.fail(200, times=None, body="<html><title>Welcome to our WiFi</title></html>")
    steps, code = doctor()
    assert "login page" in steps["bucket"]["advice"][0] and code == 1
    assert "422" not in steps["bucket"]["lines"][0]  # nobody answered that


def test_a_server_that_is_silent(doctor):
    def scenario(pace):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            url = "http://127.0.0.1:%d" % listener.getsockname()[1]
            steps, code = doctor("--timeout", str(0.3 * pace), "--url", url)
        assert "--timeout waits longer" in steps["bucket"]["advice"][0] and code == 6

    at_some_pace(scenario)


def test_a_server_that_speaks_something_else(doctor):
    def greet():
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            with sock, suppress(OSError):  # the step that looks at the connection closes it at once
                sock.sendall(b"SSH-2.0-Other\r\n")
                sock.recv(65536)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=greet, daemon=True).start()
        place = "://127.0.0.1:%d" % listener.getsockname()[1]
        steps, code = doctor("--url", "http" + place)
        assert "does its URL begin with https://?" in steps["bucket"]["advice"][0] and code == 1
        steps, code = doctor("--url", "https" + place)
        assert "does its URL begin with http://" in steps["connection"]["advice"][0] and code == 8
        listener.shutdown(socket.SHUT_RDWR)


def test_a_ca_bundle_that_is_none(doctor, dial):
    (dial.folder / "ca.pem").write_text("my notes")
    steps, code = doctor("--url", "https://127.0.0.1:1", "--ca-bundle", "ca.pem")
    assert steps["connection"]["advice"] == ["correct --ca-bundle"] and code == 2


def test_a_redirect_names_the_right_server(doctor, server):
    server.fail(301, times=None, headers={"Location": "https://new.example/v1/bucket"})
    steps, code = doctor()
    assert "https://new.example/v1/bucket" in steps["bucket"]["advice"][0] and code == 1


# -- TLS


def test_a_trusted_certificate_is_shown(doctor, server):
    with Front(server.port, "good.pem") as front:
        steps, code = doctor("--url", "https://127.0.0.1:%d" % front.port, "--ca-bundle", str(authority() / "ca.pem"))
    assert (steps["connection"]["status"], code) == ("ok", 0)
    first, own, *_ = steps["connection"]["lines"]
    assert "TLSv1." in first and own.startswith("good, signed by TestCA, until ")


def test_an_untrusted_certificate_is_shown_with_what_to_do(doctor, server):
    with Front(server.port, "good.pem") as front:
        steps, code = doctor("--url", "https://127.0.0.1:%d" % front.port)
    assert (steps["connection"]["status"], code) == ("failed", 8)
    assert "it shows: good, signed by TestCA" in steps["connection"]["lines"][0]
    assert "--ca-bundle" in steps["connection"]["advice"][0]
    assert server.requests == []


def test_a_certificate_of_another_name(doctor, server):
    with Front(server.port, "other.pem") as front:
        steps, code = doctor("--url", "https://127.0.0.1:%d" % front.port, "--ca-bundle", str(authority() / "ca.pem"))
    assert code == 8 and "it shows: other, " in steps["connection"]["lines"][0]


def test_http_where_tls_is_asked_for(doctor, server):
    def scenario(pace):
        steps, code = doctor("--url", server.url.replace("http:", "https:"), "--timeout", str(0.3 * pace))
        assert (steps["connection"]["status"], code) == ("failed", 6)
        assert any("begins with http://" in advice for advice in steps["connection"]["advice"])

    at_some_pace(scenario)


# -- how it looks


def test_colours_are_for_terminals_only_also_when_something_fails(dial, terminal):
    words = ("doctor", "--url", "http://127.0.0.1:1")
    assert "\x1b" not in dial(*words).out
    with terminal(*words) as person:
        shown = person.rest()
    assert "\x1b[31mfailed \x1b[0m  connection" in shown and "\\x1b" not in shown
    with terminal(*words, stdout=subprocess.PIPE) as person:  # stderr is a terminal, but the steps go elsewhere
        assert b"\x1b" not in person.process.stdout.read()


# -- the shape of credentials


def token(**claims):
    parts = ({"alg": "none"}, claims, {})
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)


def test_a_sound_credential_is_described_by_kind_and_length():
    assert describe("api_key", "abcdefgh\n", 0.0) == ("an API key of 8 characters", [])
    line, faults = describe("bearer_token", token(exp=time.time() + 7300), time.time())
    assert "which is a token (JWT), good for 2 hours" in line and faults == []


@pytest.mark.parametrize(
    "value, said",
    [
        ('"abcdefgh"', "quotes"),
        ("abcd efgh", "blanks"),
        ("abcdéfgh", "characters"),
        ("Bearer abcdefgh", "header's words"),
        ("https://dial.example.com", "URL"),
        ("${DIAL_KEY}", "placeholder"),
        ("  ", "empty"),
    ],
)
def test_what_is_plainly_wrong_is_said(value, said):
    _, faults = describe("api_key", value, 0.0)
    assert any(said in fault for fault in faults)


def test_an_expired_token_is_said_to_be_so():
    line, faults = describe("bearer_token", token(exp=1000), 1000 + 3 * 86400)
    assert "expired" in line and faults == ["the token expired 3 days ago: get a new one"]


@pytest.mark.parametrize("exp", [math.inf, -math.inf, math.nan])
def test_a_token_without_a_moment_that_it_ends_at_is_described_all_the_same(exp):
    assert describe("bearer_token", token(exp=exp), 0.0)[0].endswith("which is a token (JWT)")


def test_what_is_nested_too_deeply_is_no_token():
    nested = base64.urlsafe_b64encode(b"[" * 100_002).decode()
    assert "no JWT" in describe("bearer_token", "a.%s.c" % nested, 0.0)[0]


def test_a_token_given_as_a_key_is_noticed():
    assert "DIAL_BEARER_TOKEN" in describe("api_key", token(exp=2000), 1000)[1][0]
