"""Conversations that are kept: `chat -c`, `--conversation`, and what can be said at a terminal beside questions."""

import json
import os
import stat

import pytest


def asked(server, number=-1):
    """The messages of a chat request, each as (role, content)."""
    sent = [request for request in server.requests if request.path.endswith("/chat/completions")][number].json()
    return [(message["role"], message["content"]) for message in sent["messages"]]


def kept(dial):
    folder = dial.folder / ".local" / "state" / "aidial-min" / "conversations"
    return {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}


# -- one question at a time


def test_continue_goes_on_with_the_last_conversation(dial, server):
    assert dial("chat", "-d", "echo", "-s", "Be brief", "one").code == 0
    dial("chat", "-d", "echo", "--conversation", "other", "else")
    os.utime(dial.folder / ".local/state/aidial-min/conversations/other.json", (1, 1))
    assert dial("chat", "-c", "two") == (0, b"two\n", b"")  # of the same deployment
    assert asked(server) == [("system", "Be brief"), ("user", "one"), ("assistant", "one"), ("user", "two")]
    assert dial("chat", "-c", "-d", "calculator", "1+1=").out == "2\n"
    assert len(asked(server)) == 6


def test_a_named_conversation_is_begun_and_gone_on_with(dial, server):
    for text in ("one", "two"):
        assert dial("chat", "-d", "echo", "--conversation", "my.talk-1", text).code == 0
    assert [content for _, content in asked(server)] == ["one", "one", "two"]
    assert list(kept(dial)) == ["my.talk-1"] and kept(dial)["my.talk-1"]["deployment"] == "echo"


def test_state_and_attachments_are_kept_and_no_key(dial, server):
    server.reply("one", state={"turn": 1})
    (dial.folder / "a.txt").write_text("A")
    dial("chat", "-d", "echo", "-f", "a.txt", "--conversation", "x", "Look")
    messages = kept(dial)["x"]["messages"]
    assert messages[0]["custom_content"]["attachments"][0]["title"] == "a.txt"
    assert messages[1]["custom_content"] == {"state": {"turn": 1}}
    assert server.api_key not in json.dumps(kept(dial))


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_what_is_kept_is_its_owners_alone(dial):
    dial("chat", "-d", "echo", "--conversation", "x", "Hi")
    path = dial.folder / ".local/state/aidial-min/conversations/x.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_no_save_keeps_nothing_and_xdg_state_home_says_where(dial, tmp_path):
    dial("chat", "-d", "echo", "--no-save", "Hi")
    assert kept(dial) == {}
    dial("chat", "-d", "echo", "--conversation", "x", "Hi", XDG_STATE_HOME=str(tmp_path / "state"))
    assert (tmp_path / "state/aidial-min/conversations/x.json").exists() and kept(dial) == {}


def test_a_question_that_failed_is_not_kept(dial, server):
    dial("chat", "-d", "echo", "--conversation", "x", "one")
    server.fail(403, path="chat")
    assert dial("chat", "--conversation", "x", "lost").code == 3
    assert len(kept(dial)["x"]["messages"]) == 2


def test_what_can_not_be_gone_on_with_is_one_clear_error(dial, server):
    none = dial("chat", "-c", "Hi")
    assert none.code == 2 and none.err == "there is no conversation to go on with\n"
    for name in ("../x", "", ".x", "a/b", "a" * 101):
        refused = dial("chat", "-d", "echo", "--conversation", name, "Hi")
        assert refused.code == 2 or name == ""
    dial("chat", "-d", "echo", "--conversation", "x", "Hi")
    path = dial.folder / ".local/state/aidial-min/conversations/x.json"
    for text in ('{"messages": 7}', "torn", '{"deployment": "echo", "messages": [1]}'):
        path.write_text(text)
        damaged = dial("chat", "--conversation", "x", "Hi")
        assert damaged.code == 2 and "x.json is no conversation (any more); remove it\n" in damaged.err
        assert path.read_text() == text


def test_where_nothing_can_be_kept_the_answer_is_there_all_the_same(dial):
    (dial.folder / "file").write_text("")
    answer = dial("chat", "-d", "echo", "Hi", XDG_STATE_HOME=str(dial.folder / "file"))
    assert (answer.code, answer.out) == (0, "Hi\n") and "this conversation is not kept: " in answer.err


# -- at a terminal


@pytest.fixture
def talk(terminal):
    """A conversation with `echo`: a function that says a line and waits for what shall appear."""
    with terminal("chat", "-d", "echo", NO_COLOR="1") as person:

        def say(line, answer=None):
            person.say(line)
            person.expect("\r\n%s" % (line if answer is None else answer))
            person.expect("> ")

        say.person = person
        person.expect("> ")
        yield say


def test_pasted_lines_are_one_question(talk, server):
    pytest.importorskip("readline")
    talk.person.paste("first line\nsecond line\n\nfourth")
    talk.person.type("\r")
    talk.person.expect("> ")
    assert asked(server) == [("user", "first line\nsecond line\n\nfourth")]


def test_lines_between_quotes_are_one_question(talk, server):
    for line in ('"""', "one", "", "/two"):
        talk.person.say(line)
        talk.person.expect("... ")
    talk('"""', "/two\r\n")
    assert asked(server) == [("user", "one\n\n/two")]


def test_a_question_may_begin_with_a_slash(talk, server):
    talk("/etc/hosts is what?")
    talk("//help me", "/help me")
    assert [content for _, content in asked(server)][::2] == ["/etc/hosts is what?", "/help me"]
    talk("/hepl", "/hepl is no command; there are:")
    assert len(server.requests) == 2


def test_system_model_and_retry(talk, server):
    talk("one")
    talk("/system\u00a0Be brief", "(system message: Be brief)")
    server.reply("better")
    talk("/retry", "better")
    assert asked(server) == [("system", "Be brief"), ("user", "one")]
    talk("/model calculator", "(you talk to calculator)")
    talk("/model", "app_id")
    talk("2+3=", "5")
    assert asked(server)[1:] == [("user", "one"), ("assistant", "better"), ("user", "2+3=")]


def test_a_history_that_can_not_be_read_ends_nothing(terminal, dial):
    (dial.folder / ".local/state/aidial-min/history").mkdir(parents=True)
    with terminal("chat", "-d", "echo") as person:
        person.expect("> ")
        person.say("one")
        person.expect("the history is not kept: ")
        person.expect("\r\none")


def test_a_question_that_failed_can_be_retried(talk, server):
    talk("/retry", "nothing was asked yet")
    server.fail(403, message="Not now", path="chat")
    talk("once", "PermissionDeniedError")
    talk("/retry", "once")
    assert asked(server) == [("user", "once")]


def test_save_keeps_it_under_a_name(talk, server, dial):
    talk("one")
    talk("/save mine", "(kept as mine)")
    talk("two")
    assert len(kept(dial)["mine"]["messages"]) == 4
    dial("chat", "-d", "echo", "--conversation", "taken", "Hi")
    talk("/save taken", "there is a conversation called taken already")
    talk("/save a/b", "a conversation's name has letters")
    assert kept(dial)["taken"]["messages"][0]["content"] == "Hi"


def test_attach_takes_what_f_takes(talk, server, dial):
    (dial.folder / "a.txt").write_text("A")
    talk("/attach a.txt https://example.org/b.png", "(goes with the next question: a.txt, b.png)")
    talk("/attach", "/attach FILE ...: which file?")
    talk("Look")
    sent = server.requests[-1].json()["messages"][0]["custom_content"]["attachments"]
    assert [file["title"] for file in sent] == ["a.txt", "b.png"]


def test_history_outlives_the_session(terminal, dial):
    pytest.importorskip("readline")
    with terminal("chat", "-d", "echo") as person:
        person.expect("> ")
        person.paste("two\nlines")
        person.type("\r")
        person.expect("> ")
        person.type("\x04")
        assert person.code() == 0
    history = dial.folder / ".local/state/aidial-min/history"
    with history.open("a") as file:
        file.write("torn\n")
    with terminal("chat", "-d", "echo", "-c") as person:
        person.expect("> ")
        person.type("\x1b[A\r")
        person.expect("two\r\nlines\r\n")
        person.expect("> ")
        person.type("\x04")
        assert person.code() == 0
    with terminal("chat", "-d", "echo", "--no-save") as person:
        person.expect("> ")
        person.say("secret")
        person.expect("> ")
    assert "secret" not in history.read_text() and len(kept(dial)) == 1
