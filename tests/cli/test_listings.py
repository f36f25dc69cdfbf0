"""`deployments`, `applications`, `models`, `whoami`: tables for people, JSON for programs, nothing else on stdout."""

import json

import pytest

from aidial_min.cli.terminal import visible, width_of
from aidial_min.testing import Deployment, DialServer
from tests.support.command import Command
from tests.support.growth import assert_linear


def columns(line):
    return [cell for cell in line.split("  ") if cell]


def test_deployments_are_a_table_in_the_order_of_their_ids(dial):
    answer = dial("deployments")
    head, *rows = answer.lines
    assert head.split() == ["ID", "KIND", "NAME", "STATUS"]
    assert [row.split()[0] for row in rows] == ["embedding", "gemini-pro-vision", "gpt-35-turbo", "stable-diffusion-xl"]
    assert answer.err == ""


def test_applications_show_name_version_and_description(dial):
    rows = dial("applications").lines
    assert "echo        Echo                  1.0      Answers with the last message of the user." in rows
    assert len({row.index(cell) for row, cell in ((rows[0], "NAME"), (rows[1], "app with"))}) == 1


def test_models_show_limits_prices_and_features(dial):
    (row,) = [line for line in dial("models").lines if line.startswith("gpt-35-turbo")]
    assert [cell.strip() for cell in columns(row)] == [
        *("gpt-35-turbo", "GPT-3.5 Turbo", "chat", "4096 + 1024", "10 / 30"),
        "tools, tokenize, truncate prompt, rate",
    ]


@pytest.mark.parametrize("command", ["deployments", "applications", "models"])
def test_json_is_everything_the_server_tells(dial, server, command):
    found = json.loads(dial(command, "--json").out)
    assert {"id", "features", "object", "created_at"} <= set(found[0])


def test_an_empty_list_is_an_empty_table(tmp_path):
    with DialServer(deployments=[]) as server:
        dial = Command(tmp_path, DIAL_URL=server.url, DIAL_API_KEY=server.api_key)
        assert dial("models") == (0, b"", b"(nothing is there)\n")
        assert dial("models", "--json").out == "[]\n"


def test_odd_values_do_not_break_the_table(tmp_path):
    odd = [
        Deployment("a", "model", display_name={"en": "漢字", "de": "Zeichen"}, pricing={"unit": "token", "prompt": {}}),
        Deployment("b", "model", display_name="two\nlines \x1b[2J", token_limits={"max_total_tokens": 5}),
    ]
    with DialServer(deployments=odd, generation="2026") as server:
        dial = Command(tmp_path, DIAL_URL=server.url, DIAL_API_KEY=server.api_key)
        head, a, b = dial("models").lines
        assert "漢字" in a and "two lines \\x1b[2J" in b
        assert a.index("chat") == head.index("KIND") - 2  # two characters are twice as wide
        assert columns(b)[3].strip() == "5"


@pytest.mark.parametrize(
    "text, columns",
    [("\u6f22\u5b57", 4), ("e\u0301", 1), ("\u0e17\u0e35\u0e48", 1), ("\u0939\u0902", 1), ("a\u200bb", 2)],
)
def test_a_text_is_as_wide_as_a_terminal_shows_it(text, columns):
    assert width_of(text) == columns


def test_a_table_is_cut_to_the_terminal_and_whole_in_a_pipe(dial, terminal):
    with terminal("applications", columns=50, NO_COLOR="1") as person:
        shown = person.rest().splitlines()
    assert all(len(line) <= 50 for line in shown) and any(line.endswith("...") for line in shown)
    assert max(len(line) for line in dial("applications").lines) > 50


def test_heads_are_bold_at_a_terminal_only(dial, terminal):
    with terminal("models") as person:
        assert person.rest().startswith("\x1b[1mID")
    assert "\x1b" not in dial("models").out


def test_whoami_shows_everything_but_the_credential(tmp_path):
    with DialServer(keys={"a-secret-key": "my project"}) as server:
        dial = Command(tmp_path, DIAL_URL=server.url, DIAL_API_KEY="a-secret-key")
        shown = dict(line.split("  ", 1) for line in dial("whoami").lines)
        assert shown["project"].strip() == "my project" and shown["server"].strip() == server.url
        assert shown["credential"].strip() == "api key (DIAL_API_KEY)" and shown["bucket"].strip()
        found = json.loads(dial("whoami", "--json").out)
        assert found["bucket"] == shown["bucket"].strip() and found["roles"] == ["default"]
        assert "a-secret-key" not in dial("whoami").out + dial("whoami", "--json").out


def test_ten_times_the_blanks_of_a_name_are_ten_times_the_work():
    assert visible("a  \n \t b  c\n", lines=False) == "a b  c"
    assert_linear(lambda size: lambda: visible("a" + " " * size + "b", lines=False), 3000)
