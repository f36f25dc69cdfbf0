"""What users hand over and what a server's JSON becomes: addresses, multipart bodies, merged streams, models."""

import copy
import io
import json
import pickle
from email import policy
from email.parser import BytesParser
from pathlib import PurePosixPath
from urllib.parse import parse_qsl, unquote, urlsplit

from aidial_min import types
from aidial_min.core.body import blocks
from aidial_min.core.merge import CompletionMerge
from aidial_min.core.multipart import MultipartBody, file_part
from aidial_min.core.urls import encode_id, encode_query, is_url_of, parse_base_url, parse_storage_url
from aidial_min.errors import DialException, InvalidDialURLError, InvalidRequestError, NotDialURLError

from .cases import fuzzed, text, value

ORIGIN = parse_base_url("https://dial.example.com/base")

# ---------------------------------------------------------------- addresses


def is_a_name(segment):
    """Whether DIAL stores something under this name."""
    if segment in ("", ".", "..") or any(sign in "/{}" or ord(sign) < 32 for sign in segment):
        return False
    return segment.isascii() or segment.encode("utf-8", "replace").decode("utf-8") == segment


@fuzzed(500)
def test_a_name_arrives_as_it_was_given_or_is_refused(random):
    names = [text(random) for _ in range(random.randint(1, 4))]
    raw = "files/bucket/" + "/".join(name.replace("%", "%25") for name in names)
    form = random.choice([str, str, PurePosixPath, ORIGIN.url.__add__])
    if form is PurePosixPath and ("\x00" in raw or str(PurePosixPath(raw)) != raw):
        form = str  # it would leave segments out, or refuse them
    absolute = form not in (str, PurePosixPath)
    url = form("/v1/" + raw if absolute else raw)
    if absolute and any(sign in raw for sign in "?#\\\t\r\n"):
        return  # those mean something else there
    try:
        found = parse_storage_url(ORIGIN, url, "files")
    except (InvalidDialURLError, NotDialURLError):
        folder = names[-1:] == [""]
        assert not all(map(is_a_name, names[:-1] if folder else names)) or absolute
        return
    joined = "/".join(names)
    assert "/".join(found.segments) == (joined[:-1] if joined.endswith("/") else joined)
    assert found.path.isascii() and not set(" ?#\\{}") & set(found.path)
    assert [unquote(part) for part in found.path.rstrip("/").split("/")[2:]] == list(found.segments)
    assert parse_storage_url(ORIGIN, found.path) == found
    assert parse_storage_url(ORIGIN, "%s/v1/%s" % (ORIGIN.url, found.path)) == found


@fuzzed(500)
def test_no_url_of_another_server_passes_for_ours(random):
    parts = [
        "https://",
        "HTTPS://",
        "http://",
        "dial.example.com",
        "Dial.Example.com",
        "evil.example",
        "@",
        ":443",
        ":80",
        "/base",
        "/bas%65",
        "/base/",
        "/",
        "//",
        "\\",
        "?",
        "#",
        "%2F",
        "%40",
        ".",
        "..",
        "/v1/files/b/x",
        "\t",
        " ",
    ]
    url = random.choice(parts[:3]) + "".join(random.choice(parts[3:]) for _ in range(random.randint(1, 6)))
    try:
        ours = is_url_of(ORIGIN, url)
    except DialException:
        return
    if ours:
        cleaned = url.strip()
        assert urlsplit(cleaned).hostname.rstrip(".") == "dial.example.com", url
        assert urlsplit(cleaned).username is None and urlsplit(cleaned).port in (None, 443), url


@fuzzed(300)
def test_queries_and_ids_are_read_as_they_were_meant(random):
    query = {text(random) or "a": text(random) for _ in range(random.randrange(4))}
    try:
        written = encode_query(query)
    except InvalidRequestError:
        assert any("\ud83d" in word for pair in query.items() for word in pair)
    else:
        assert parse_qsl(written, keep_blank_values=True, strict_parsing=bool(query)) == list(query.items())
        assert written.isascii() and "/" not in written and " " not in written
    name = "/".join(text(random).replace("%", "%25") for _ in range(random.randint(1, 3)))
    try:
        encoded = encode_id(name)
    except InvalidRequestError:
        return
    assert unquote(encoded) == unquote(name) and encoded.count("/") == name.count("/")


# ---------------------------------------------------------------- multipart


def quoted_name(name):
    """What RFC 7578 makes of a name that is ASCII."""
    return name.replace("\\", "_").replace('"', "%22")


@fuzzed(200)
def test_multipart_bodies_are_read_by_another_parser(random):
    files = []
    for _ in range(random.randint(1, 3)):
        some = bytes(random.randrange(256) for _ in range(50))
        content = random.choice([b"", b"--", b"\r\n--", some, b"x" * random.choice([300, 3000, 30000, 300000])])
        kept = io.BytesIO(content) if random.random() < 0.5 else content
        name = text(random).encode("utf-8", "replace").decode() or "plain.txt"
        kind = random.choice([None, "text/plain", "application/x-thing; a=b"])
        headers = random.choice([{}, {"X-Mine": "1"}, {"content-type": "ignored/as-given"}])
        files.append((file_part((name, kept, kind, headers), "default"), name, kind, content, headers))
    body = MultipartBody([part for part, *_ in files])
    wire = b"".join(block for block, _ in blocks(b"", body))
    assert len(wire) == body.length
    head = "MIME-Version: 1.0\r\nContent-Type: %s\r\n\r\n" % body.content_type
    parsed = BytesParser(policy=policy.HTTP).parsebytes(head.encode() + wire)
    parts = list(parsed.iter_parts())
    assert len(parts) == len(files)
    for part, (_, name, kind, content, headers) in zip(parts, files):
        assert part.get_content_disposition() == "form-data"
        assert part.get_payload(decode=True) == content
        plain = quoted_name(name)
        extended = dict(item for item in part["content-disposition"].params.items())
        if all(" " <= sign <= "~" for sign in plain) and plain == name and plain.strip() == plain:
            assert extended["filename"] == name
        if kind is not None:
            assert part["content-type"].split(";")[0] == kind.split(";")[0]
        assert ("X-Mine" in part) == ("X-Mine" in headers)


# ---------------------------------------------------------------- merging


def pieces_of(random, whole):
    cuts = sorted(random.randrange(len(whole) + 1) for _ in range(random.randrange(5)))
    return [whole[one:other] for one, other in zip([0, *cuts], [*cuts, len(whole)])]


def a_message(random):
    """A finished message, and deltas that stand for it."""
    deltas = [{"role": "assistant"}]
    message = {"role": "assistant"}
    texts = ["Words that come in pieces. " * random.randint(1, 5), "x", "Ünï 日本 😀"]
    if random.random() < 0.8:
        message["content"] = random.choice(texts)
        deltas += [{"content": piece} for piece in pieces_of(random, message["content"]) if piece]
    calls = []
    for index in range(random.choice([0, 0, 1, 3])):
        arguments = json.dumps({"a": random.choice(texts)})
        call = {
            "id": "call_%d" % index,
            "type": "function",
            "function": {"name": "f%d" % index, "arguments": arguments},
        }
        calls.append(call)
        first = {**call, "index": index, "function": {"name": "f%d" % index, "arguments": ""}}
        deltas.append({"tool_calls": [first]})
        deltas += [
            {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
            for piece in pieces_of(random, arguments)
            if piece
        ]
    if calls:
        message["tool_calls"] = calls
    return message, deltas


@fuzzed(300)
def test_what_was_taken_apart_comes_together(random):
    messages = [a_message(random) for _ in range(random.randint(1, 3))]
    waiting = [
        [{"index": index, "finish_reason": None, "delta": delta} for delta in deltas]
        for index, (_, deltas) in enumerate(messages)
    ]
    for index, choices in enumerate(waiting):
        choices.append({"index": index, "finish_reason": "stop", "delta": {}})
    merge = CompletionMerge()
    while any(waiting):  # choices may come mixed, each in its order
        choices = [random.choice([one for one in waiting if one]).pop(0)]
        chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "choices": choices}
        before = copy.deepcopy(chunk)
        merge.add(chunk)
        assert chunk == before
        if random.random() < 0.1:
            merge.result()  # asking changes nothing
    answer = merge.result()
    assert [choice["index"] for choice in answer["choices"]] == list(range(len(messages)))
    for choice, (message, _) in zip(answer["choices"], messages):
        assert choice["finish_reason"] == "stop"
        found = {key: content for key, content in choice["message"].items() if content not in (None, [])}
        for call in found.get("tool_calls", ()):
            call.pop("index", None)
        assert found == message


@fuzzed(400)
def test_any_chunks_merge_into_json(random):
    merge = CompletionMerge()
    keys = ["content", "role", "tool_calls", "custom_content", "refusal", "function_call"]
    for _ in range(random.randint(1, 5)):
        delta = {random.choice(keys): value(random) for _ in range(random.randrange(3))}
        choice = {"index": random.choice([0, 0, 1, None, "0", -1, True, 10**12]), "delta": delta}
        merge.add({"choices": random.choice([[choice], [choice], value(random)]), text(random): value(random)})
    result = merge.result()
    json.dumps(result)
    assert merge.result() == result


# ---------------------------------------------------------------- models

KEYS = [
    "id",
    "choices",
    "message",
    "delta",
    "content",
    "usage",
    "name",
    "url",
    "items",
    "etag",
    "get",
    "to_dict",
    "keys",
    "__class__",
    "__reduce_ex__",
    "_made",
    "from_json",
    "model_dump",
    "copy",
    "",
    "ünï",
]
MODELS = [
    types.ChatCompletionResponse,
    types.ChatCompletionChunk,
    types.Deployment,
    types.Conversation,
    types.FileMetadata,
]


def with_keys(random, depth=3):
    if depth == 0 or random.random() < 0.3:
        return value(random, 1)
    if random.random() < 0.3:
        return [with_keys(random, depth - 1) for _ in range(random.randrange(3))]
    return {random.choice(KEYS): with_keys(random, depth - 1) for _ in range(random.randrange(5))}


def as_text(came):
    """JSON without its nulls: one in place of a list or an object means the same as nothing."""

    def cleaned(found):
        if isinstance(found, dict):
            return {key: cleaned(one) for key, one in found.items() if one is not None}
        return [cleaned(one) for one in found] if isinstance(found, list) else found

    return json.dumps(cleaned(came), sort_keys=True)


@fuzzed(500)
def test_models_keep_what_came_or_say_where_it_is_wrong(random):
    kind = random.choice(MODELS)
    came = {random.choice(KEYS): with_keys(random) for _ in range(random.randrange(6))}
    kept = copy.deepcopy(came)
    try:
        model = kind.from_json(came)
    except DialException as error:
        assert len(str(error)) < 1000
        return
    expected = as_text(kept)
    assert as_text(kind.to_dict(model)) == expected
    for other in (copy.copy(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert other == model and type(other) is kind
        assert as_text(kind.to_dict(other)) == expected
    repr(model)
