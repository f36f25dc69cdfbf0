"""`chat`: parameters of the deployment, attachments from anywhere, and what stdin may hold."""

import json

import pytest


def sent(server):
    """The body of the last chat request."""
    return [request for request in server.requests if request.path.endswith("/chat/completions")][-1].json()


def attached(server):
    return sent(server)["messages"][-1]["custom_content"]["attachments"]


@pytest.fixture
def ask(dial):
    return lambda *words, **more: dial("chat", "-d", "echo", *words, **more)


# -- parameters


def test_any_parameter_is_sent_as_json_or_as_text(ask, server):
    words = ("-o", "temperature", "0.2", "-o", "stop", '["a", "b"]', "-o", "user", "me and you", "-o", "seed", "-1")
    assert ask("--max-tokens", "50", *words, "-o", "custom_fields", '{"configuration": {"a": null}}', "Hi").code == 0
    body = sent(server)
    assert (body["temperature"], body["stop"], body["user"], body["seed"]) == (0.2, ["a", "b"], "me and you", -1)
    assert (body["max_tokens"], body["custom_fields"]) == (50, {"configuration": {"a": None}})
    assert ask("-o", "user", "[" * 100_000, "Hi").code == 0
    assert sent(server)["user"] == "[" * 100_000


def test_a_parameter_may_be_the_json_of_a_file(ask, server, dial):
    tools = [{"type": "function", "function": {"name": "weather", "parameters": {}}}]
    (dial.folder / "tools.json").write_text(json.dumps(tools))
    assert ask("-o", "tools", "@tools.json", "Hi").code == 0
    assert sent(server)["tools"] == tools


def test_a_slip_in_a_parameters_name_is_noted_and_sent(ask, server):
    answer = ask("-o", "temprature", "1", "Hi")  # a deployment may know parameters that nobody here does
    assert "did you mean temperature?" in answer.err and sent(server)["temprature"] == 1


@pytest.mark.parametrize(
    "words",
    [
        ["-o", "messages", "[]"],
        ["-o", "stream", "false"],
        ["-o", "temperature"],
        ["-o", "tools", "@torn.json"],
        ["--max-tokens", "0"],
        ["--max-tokens", "many"],
        ["--schema", "torn.json"],
        ["--schema", "list.json"],
        ["-c", "--conversation", "x"],
    ],
    ids=" ".join,
)
def test_what_makes_no_sense_is_a_usage_error_and_nothing_is_sent(ask, server, dial, words):
    (dial.folder / "torn.json").write_text('{"type": ')
    (dial.folder / "list.json").write_text("[]")
    answer = ask("Hi", *words)
    assert (answer.code, answer.out, server.requests) == (2, "", []) and "Traceback" not in answer.err


def test_a_schema_becomes_the_response_format(ask, server, dial):
    schema = {"title": "A person!", "type": "object", "properties": {"name": {"type": "string"}}}
    (dial.folder / "person.json").write_text(json.dumps(schema))
    expected = {"type": "json_schema", "json_schema": {"name": "A_person_", "schema": schema}}
    for given in ("person.json", json.dumps(schema), json.dumps(expected), json.dumps(expected["json_schema"])):
        assert ask("--schema", given, "Hi").code == 0
        assert sent(server)["response_format"] == expected


def test_usage_is_a_last_line(ask):
    answer = ask("--usage", "Hi")
    assert answer.out == "Hi\n" and "tokens in, " in answer.err and answer.err.endswith(" s)\n")


# -- attachments


def test_a_url_is_attached_as_it_stands(ask, server):
    assert ask("-f", "https://example.org/a//b/plan%201.pdf?x=1", "-f", "http://example.org/", "Look").code == 0
    assert attached(server) == [
        {"type": "application/pdf", "title": "plan 1.pdf", "url": "https://example.org/a//b/plan%201.pdf?x=1"},
        {"type": "application/octet-stream", "title": "http://example.org/", "url": "http://example.org/"},
    ]


def test_a_file_of_dial_is_attached_where_it_is(ask, server, dial):
    (dial.folder / "a b.txt").write_text("A")
    (url,) = dial("files", "put", "a b.txt", "in/").lines
    for name in (url, server.url + "/v1/" + url):
        assert ask("-f", name, "Look").err == ""
        assert attached(server) == [{"type": "text/plain", "title": "a b.txt", "url": url}]
    folder = url.rpartition("/")[0] + "/"
    ask("-f", folder, "Look")
    assert attached(server)[0]["type"] == "application/vnd.dial.metadata+json" and attached(server)[0]["url"] == folder
    assert ask("-f", url + "x", "Look").code == 4


def test_a_folder_of_ones_own_that_is_called_files_in_other_letters_is_local(ask, server, dial):
    (dial.folder / "Files").mkdir()
    (dial.folder / "Files" / "a.txt").write_text("A")
    assert ask("-f", "Files/a.txt", "Look").code == 0
    (attachment,) = attached(server)
    assert dial("files", "cat", attachment["url"]).out == "A"
    assert ask("-f", "HTTPS://example.org/b.png", "Look").code == 0
    assert attached(server)[0]["url"] == "HTTPS://example.org/b.png"


@pytest.mark.parametrize("data, kind", [(b"plain", "text/plain"), (b"\xff\xd8\x00", "application/octet-stream")])
def test_stdin_is_attached_as_bytes(ask, server, dial, data, kind):
    assert ask("-f", "-", "Look", input=data).out == "Look\n"
    (file,) = attached(server)
    assert (file["title"], file["type"]) == ("stdin", kind)
    assert dial("files", "cat", file["url"]).stdout == data


# -- stdin


def test_a_dash_is_stdin(ask, server):
    assert ask("-", input="from a pipe\n").out == "from a pipe\n"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_text_with_a_mark_is_read_as_it_says(ask, encoding):
    assert ask(input="naïve ☕".encode(encoding)).out == "naïve ☕\n"


@pytest.mark.parametrize("data", ["café".encode("latin-1"), "abc".encode("utf-16-le"), b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_text_is_not_sent_garbled(ask, server, data):
    answer = ask("What is it?", input=data)
    assert (answer.code, server.requests) == (2, []) and "stdin is no text in UTF-8" in answer.err
