"""`chat`: where the prompt comes from, what is sent, where the answer goes; and a conversation at a terminal."""

import json
import os
import subprocess
import sys
import threading

import pytest

HEARTY = "naïve café ☕ 漢字"


def sent(server, number=-1):
    """The body of a chat request, as the server got it."""
    return [request for request in server.requests if request.path.endswith("/chat/completions")][number].json()


# -- the prompt


def test_the_prompt_is_the_argument(dial, server):
    answer = dial("chat", "-d", "echo", HEARTY)
    assert answer == (0, (HEARTY + "\n").encode(), b"")
    assert sent(server)["messages"] == [{"role": "user", "content": HEARTY}]


def test_the_prompt_is_stdin(dial):
    assert dial("chat", "-d", "echo", input="from a pipe\n").out == "from a pipe\n"


def test_stdin_is_context_and_stands_before_the_argument(dial, server):
    dial("chat", "-d", "echo", "What does it do?", input="def f(): ...\n")
    assert sent(server)["messages"][0]["content"] == "def f(): ...\n\nWhat does it do?"


def test_no_prompt_at_all_is_a_usage_error(dial, server):
    answer = dial("chat", "-d", "echo", input="\n")
    assert (answer.code, answer.out) == (2, "") and "no prompt" in answer.err
    assert server.requests == []


def test_a_prompt_may_begin_with_a_dash_after_two_of_them(dial):
    assert dial("chat", "-d", "calculator", "--", "-5+3=").out == "-2\n"


def test_a_system_message_comes_first(dial, server):
    dial("chat", "-d", "echo", "-s", "Be brief", "Hi")
    assert [message["role"] for message in sent(server)["messages"]] == ["system", "user"]
    assert sent(server)["messages"][0]["content"] == "Be brief"


# -- the deployment


def test_the_deployment_is_named_by_option_or_variable(dial):
    assert dial("chat", "2+3=", DIAL_DEPLOYMENT="calculator").out == "5\n"
    assert dial("chat", "-d", "echo", "2+3=", DIAL_DEPLOYMENT="calculator").out == "2+3=\n"


def test_without_a_deployment_the_ids_are_listed_and_none_is_asked(dial, server):
    answer = dial("chat", "Hi")
    assert answer.code == 2 and "calculator, echo" in answer.err and "embedding" not in answer.err
    assert not [request for request in server.requests if request.method == "POST"]


# -- the answer


def test_the_answer_is_written_as_it_comes(dial, server):
    server.reply(chunks=["first ", 30.0, "second"])
    with dial.start("chat", "-d", "echo", "Hi") as process:
        assert process.stdout.read(6) == b"first "  # while the second piece is half a minute away
        process.kill()


def test_an_answer_ends_in_one_line_end(dial, server):
    server.reply("ends by itself\n")
    assert dial("chat", "-d", "echo", "Hi").out == "ends by itself\n"


def test_no_stream_asks_for_the_whole_answer(dial, server):
    assert dial("chat", "-d", "echo", "--no-stream", "Hi").out == "Hi\n"
    assert sent(server)["stream"] is False


BESIDE = """\
* Searching the library
  Looking for: books
  + Found (text/markdown, 13 bytes)
* Reading the second book
  It is lent out.
  failed
+ Summary (text/markdown, 15 bytes)
+ Picture (image/png) https://example.org/picture.png
tool call: get_weather({"city": "Paris"})
"""


@pytest.mark.parametrize("how", [[], ["--no-stream"]], ids=["streamed", "whole"])
def test_stages_attachments_and_tool_calls_stand_on_stderr(dial, how):
    assert dial("chat", "-d", "showcase", *how, "books") == (0, b"Let me show you.\n", BESIDE.encode())


@pytest.mark.parametrize("how", [[], ["--no-stream"]], ids=["streamed", "whole"])
def test_a_stage_of_several_lines_stands_below_its_name(dial, server, how):
    server.reply("Done", stages=[{"name": "Reading", "content": "one\ntwo", "status": "completed"}])
    assert dial("chat", "-d", "echo", *how, "Hi").err == "* Reading\n  one\n  two\n"


def test_quiet_leaves_them_out(dial):
    assert dial("chat", "-q", "-d", "showcase", "books").err == ""


def test_an_answer_that_was_cut_is_noted(dial, server):
    server.reply("and so", finish_reason="length")
    answer = dial("chat", "-d", "echo", "Hi")
    assert answer.out == "and so\n" and "token limit" in answer.err


def test_json_is_the_whole_answer(dial):
    answer = dial("chat", "--json", "-d", "showcase", HEARTY)
    whole = json.loads(answer.out)
    assert whole["choices"][0]["message"]["content"] == "Let me show you.\n"
    assert whole["choices"][0]["message"]["custom_content"]["stages"][0]["content"] == "Looking for: " + HEARTY
    assert whole["usage"]["total_tokens"] == 20 and answer.err == ""
    assert HEARTY in answer.out  # not escaped where the stream can write it


def test_json_stays_json_where_the_stream_writes_ascii_only(dial):
    answer = dial.process("chat", "--json", "-d", "echo", HEARTY, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert answer.stdout.isascii()
    assert json.loads(answer.out)["choices"][0]["message"]["content"] == HEARTY


@pytest.mark.parametrize(
    "locale",
    [{"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}, {"PYTHONIOENCODING": "ascii"}],
    ids=["LC_ALL=C", "PYTHONIOENCODING=ascii"],
)
@pytest.mark.parametrize("way", ["argument", "stdin"])
def test_no_locale_makes_non_ascii_fail(dial, server, locale, way):
    words, typed = ([HEARTY], "") if way == "argument" else ([], HEARTY)
    answer = dial.process("chat", "-d", "echo", *words, input=typed, **locale)
    assert answer.code == 0, answer.err
    assert sent(server)["messages"][0]["content"] == HEARTY  # what was meant, whatever the locale says
    assert answer.out in (HEARTY + "\n", HEARTY.encode("ascii", "backslashreplace").decode() + "\n")


# -- files


def test_files_go_into_a_new_folder_of_the_bucket_and_are_attached(dial, server):
    (dial.folder / "naïve plan.txt").write_bytes(b"Drink coffee.")
    (dial.folder / "photo.png").write_bytes(b"\x89PNG")
    answer = dial("chat", "-d", "echo", "-f", "naïve plan.txt", "-f", "photo.png", "What is it?")
    plan, photo = sent(server)["messages"][0]["custom_content"]["attachments"]
    assert (plan["type"], plan["title"]) == ("text/plain", "naïve plan.txt")
    assert photo["type"] == "image/png"
    assert plan["url"].startswith("files/") and plan["url"].endswith("/na%C3%AFve%20plan.txt")
    assert plan["url"].rpartition("/")[0] == photo["url"].rpartition("/")[0]
    assert plan["url"] in answer.err and answer.out == "What is it?\n"
    assert dial("files", "cat", plan["url"]).stdout == b"Drink coffee."


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such names")
def test_a_file_with_a_time_in_its_name_is_attached(dial, server):
    """Core writes 12:30 as it is, and answers an empty 400 to an attachment that is called so."""
    (dial.folder / "at 12:30.txt").write_text("noon")
    answer = dial("chat", "-d", "echo", "-f", "at 12:30.txt", "Look")
    assert (answer.code, answer.out) == (0, "Look\n")
    (attached,) = sent(server)["messages"][0]["custom_content"]["attachments"]
    assert attached["title"] == "at 12:30.txt" and attached["url"].endswith("/at%2012%3A30.txt")


@pytest.mark.skipif(os.name != "posix", reason="pipes with names are POSIX's")
def test_a_pipe_is_attached_too(dial, server):
    pipe = dial.folder / "pipe"
    os.mkfifo(pipe)
    threading.Thread(target=pipe.write_bytes, args=(b"from a pipe",), daemon=True).start()
    assert dial("chat", "-d", "echo", "-f", "pipe", "Look").out == "Look\n"
    sent = server.requests[-1].json()["messages"][-1]["custom_content"]["attachments"][0]["url"]
    assert dial("files", "cat", sent).out == "from a pipe"


def test_the_same_name_twice_is_two_files(dial, server):
    (dial.folder / "other").mkdir()
    for path in (dial.folder / "a.txt", dial.folder / "other" / "a.txt"):
        path.write_text(str(path.parent.name))
    for _ in range(2):
        dial("chat", "-d", "echo", "-f", "a.txt", "-f", "other/a.txt", "Compare")
    urls = [file["url"] for n in (0, 1) for file in sent(server, n)["messages"][0]["custom_content"]["attachments"]]
    assert len(set(urls)) == 4


def test_a_missing_file_is_named_before_anything_is_sent(dial, server):
    answer = dial("chat", "-d", "echo", "-f", "nowhere.txt", "Hi")
    assert answer.code == 1 and answer.err == "nowhere.txt: No such file or directory\n"
    assert server.requests == []


# -- a conversation


def test_a_conversation_keeps_what_was_said(terminal, server):
    with terminal("chat", "-d", "calculator", "-s", "Be exact") as person:
        person.expect("> ")
        person.say("2+3=")
        person.expect("\r\n5\r\n> ")
        person.say("4*5=")
        person.expect("\r\n20\r\n> ")
        person.type("\x04")
        assert person.code() == 0
    assert sent(server)["messages"] == [
        {"role": "system", "content": "Be exact"},
        {"role": "user", "content": "2+3="},
        {"role": "assistant", "content": "5"},
        {"role": "user", "content": "4*5="},
    ]


def test_a_conversation_gives_back_the_state_of_the_application(terminal, server):
    server.reply("one", state={"turn": 1, "seen": ["é"]})
    server.reply("two")
    with terminal("chat", "-d", "echo") as person:
        for said, answered in (("Hi", "one"), ("And?", "two")):
            person.expect("> ")
            person.say(said)
            person.expect(answered)
        person.expect("> ")
    assert sent(server)["messages"][1]["custom_content"] == {"state": {"turn": 1, "seen": ["é"]}}


def test_the_arrow_brings_back_the_last_line(terminal, server):
    pytest.importorskip("readline")
    with terminal("chat", "-d", "echo") as person:
        person.expect("> ")
        person.say("once more")
        person.expect("\r\nonce more\r\n> ")
        person.type("\x1b[A")
        person.expect("once more")
        person.say("")
        person.expect("\r\nonce more\r\n> ")
    assert [message["content"] for message in sent(server)["messages"]] == ["once more"] * 3


def test_a_failed_question_is_as_if_it_had_not_been_asked(terminal, server):
    with terminal("chat", "-d", "echo") as person:
        person.expect("> ")
        server.fail(403, message="Not today", path="chat")
        person.say("lost")
        person.expect("PermissionDeniedError: 403 Not today")
        person.expect("> ")
        person.say("kept")
        person.expect("\r\nkept\r\n> ")
    assert [message["content"] for message in sent(server)["messages"]] == ["kept"]


def test_ctrl_c_stops_an_answer_and_not_the_conversation(terminal, server):
    server.reply(chunks=["so far", 60.0, "never"])
    with terminal("chat", "-d", "echo") as person:
        person.expect("> ")
        person.say("Go on")
        person.expect("so far")
        person.type("\x03")
        person.expect("(stopped)")
        person.expect("> ")
        person.say("Next")
        person.expect("\r\nNext\r\n> ")
        person.press("\x03", until="(Ctrl-D ends)")
        person.expect("> ")
        person.say("/quit")
        assert person.code() == 0
    assert [message["content"] for message in sent(server)["messages"]] == ["Go on", "so far", "Next"]


def test_new_forgets_and_file_attaches(terminal, server, dial):
    (dial.folder / "two words.txt").write_text("inside")
    with terminal("chat", "-d", "echo") as person:
        person.expect("> ")
        person.say("first")
        person.expect("\r\nfirst\r\n> ")
        person.say("/new")
        person.expect("> ")
        person.say("/file 'two words.txt'")
        person.expect("goes with the next question")
        person.expect("> ")
        person.say("/file nowhere")
        person.expect("nowhere: No such file")
        person.expect("> ")
        person.say("second")
        person.expect("\r\nsecond\r\n> ")
        person.say("third")
        person.expect("\r\nthird\r\n> ")
    asked, answered, third = sent(server)["messages"]
    assert asked["content"] == "second" and asked["custom_content"]["attachments"][0]["title"] == "two words.txt"
    assert "custom_content" not in third


def test_a_backslash_continues_the_line(terminal, server):
    with terminal("chat", "-d", "echo") as person:
        person.expect("> ")
        person.say("one\\")
        person.expect("... ")
        person.say("two")
        person.expect("\r\n> ")
    assert sent(server)["messages"][0]["content"] == "one\ntwo"


def test_a_person_chooses_the_deployment_by_number(terminal, server):
    with terminal("chat") as person:
        person.expect("  2  calculator")
        person.expect("Talk to which one? ")
        person.say("2")
        person.expect("You talk to calculator")
        person.expect("> ")


def test_stages_never_break_into_a_line_of_the_answer(terminal):
    with terminal("chat", "-d", "showcase", "books", NO_COLOR="1") as person:
        shown = person.rest().replace("\r\n", "\n")
    assert shown.startswith("Let me show you.\n* Searching the library\n  Looking for: books\n")
    assert "  failed\n+ Summary" in shown


def test_nor_do_they_where_both_streams_are_one(dial):
    shown = dial.shell("dial chat -d showcase books 2>&1").out
    assert shown.startswith("Let me show you.\n* Searching the library\n") and "  failed\n+ Summary" in shown


def test_colours_are_for_terminals_that_want_them(terminal):
    def shown(**env):
        with terminal("chat", "-d", "showcase", "books", **env) as person:
            return person.rest()

    assert "\x1b[2m" in shown()
    assert "\x1b" not in shown(NO_COLOR="1")
    assert "\x1b" not in shown(TERM="dumb")


def test_an_answer_can_not_command_the_terminal(terminal, server, dial):
    evil = "\x1b]0;owned\x07\x1b[2Jhi"
    server.reply(evil, times=2)
    with terminal("chat", "-d", "echo", "Hi") as person:
        assert person.rest() == "\\x1b]0;owned\\x07\\x1b[2Jhi\r\n"
    assert dial("chat", "-d", "echo", "Hi").out == evil + "\n"  # a pipe gets it as it is


def test_a_prompt_is_not_waited_for_when_stdin_is_a_terminal(terminal):
    with terminal("chat", "-d", "echo", "Hi", stdout=subprocess.PIPE) as person:
        assert person.process.stdout.read() == b"Hi\n"
        assert person.code() == 0


# -- what every command is measured by


def test_starting_a_chat_loads_no_asyncio_and_no_readline(dial):
    code = "import sys; from aidial_min.cli import run; run(%r); print(*sys.modules, file=sys.stderr)"
    words = [sys.executable, "-c", code % ["chat", "-d", "echo", "Hi"]]
    done = subprocess.run(words, cwd=dial.folder, env=dial.env, input=b"", capture_output=True, timeout=60)
    loaded = set(done.stderr.decode().split())
    assert done.stdout == b"Hi\n"
    assert not {"asyncio", "readline", "urllib.request", "aidial_min.testing", "aidial_min.cli.files"} & loaded
