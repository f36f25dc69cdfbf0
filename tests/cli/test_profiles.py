"""Profiles: a config file that names servers, and whose key is only there where nobody else can read it."""

import os
import stat

import pytest

from tests.support.command import Command


@pytest.fixture
def bare(tmp_path):
    """The command line without any variable of DIAL."""
    return Command(tmp_path)


@pytest.fixture
def write(tmp_path):
    """Write the config file."""

    def write(text, mode=0o600):
        path = tmp_path / ".config" / "aidial-min" / "config"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path

    return write


@pytest.fixture
def both(server, write, tmp_path):
    """Two profiles: [default] with a file for the key, and [work], which leads nowhere."""
    path = write(
        "[default]\nurl = %s\napi_key_file = key\ndeployment = echo\n\n"
        "[work]\nurl = http://127.0.0.1:9\napi_key_file = ~/other-key\n" % server.url,
        mode=0o644,
    )
    (path.parent / "key").write_text(server.api_key)
    (tmp_path / "other-key").write_text("x")


def test_the_default_profile_fills_in_what_is_not_set(bare, both, server):
    assert bare("chat", "Hi") == (0, b"Hi\n", b"")
    shown = bare("whoami").out
    assert "api_key_file of profile default" in shown and "credential" in shown
    assert bare("chat", "Hi", DIAL_URL="http://127.0.0.1:9").code == 8
    assert bare("whoami", DIAL_API_KEY="wrong").code == 3  # a credential of the environment wins as a whole
    assert bare("batch", "nowhere.jsonl").code == 1
    assert "(from url of profile default)" in bare("doctor").out
    assert "(from DIAL_URL)" in bare("doctor", DIAL_URL=server.url).out  # that of the profile is not used


def test_a_named_profile_wins_over_the_environment(bare, both, server):
    env = {"DIAL_URL": server.url, "DIAL_API_KEY": server.api_key}
    assert bare("whoami", "--profile", "work", **env).code == 8
    assert bare("--profile", "work", "whoami", **env).code == 8
    assert bare("whoami", "--profile", "work", "--url", server.url, **env).code == 3
    assert bare("whoami", DIAL_PROFILE="work").code == 8
    assert bare("whoami", DIAL_PROFILE="work", **env).code == 0


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_a_key_inside_needs_a_mode_of_its_owner_alone(bare, server, write):
    text = "[default]\nurl = %s\napi_key = %s\n" % (server.url, server.api_key)
    write(text)
    assert bare("whoami").code == 0
    for mode in (0o644, 0o640, 0o604):
        path = write(text, mode)
        answer = bare("whoami")
        assert answer.code == 2 and "chmod 600" in answer.err and str(path) in answer.err
        assert server.api_key not in answer.err
        assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.parametrize(
    "text, said",
    [
        ("sk-secret\n", "is no config file"),
        ("[default]\nsk-secret\n", "is no config file"),
        ("[default]\nurl = a\nurl = sk-secret\n", "is no config file"),
        ("[default]\nkey = sk-secret\n", "a profile has no key, only url, api_key,"),
        ("[other]\nurl = x\n", "no DIAL server is named"),
    ],
)
def test_a_config_file_that_makes_no_sense_is_one_error_without_its_contents(bare, write, text, said):
    write(text)
    answer = bare("whoami")
    assert answer.code == 2 and said in answer.err and answer.err.count("\n") == 1 and "sk-secret" not in answer.err


def test_an_unknown_profile_names_those_that_there_are(bare, both):
    assert "there are: default, work" in bare("whoami", "--profile", "wrok").err
    missing = bare("whoami", "--profile", "x", XDG_CONFIG_HOME="/nowhere")
    assert missing.code == 2 and "there is no profile x: /nowhere/aidial-min/config does not exist" in missing.err
