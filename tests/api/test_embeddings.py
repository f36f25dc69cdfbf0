"""Embeddings: what is sent, and vectors as floats however they travelled."""

import base64
import struct

import pytest

from aidial_min import InvalidRequestError, ParsingDataError, ServerError
from aidial_min.types import Attachment


def create(do, **arguments):
    return do(lambda c: c.embeddings.create(deployment_name="embedding", **{"input": "text", **arguments}))


def test_one_vector_per_input(core, dial, last):
    do = dial(core)
    answer = create(do, input=["a", "b"])
    assert [item.index for item in answer.data] == [0, 1]
    assert all(isinstance(number, float) for item in answer.data for number in item.embedding)
    assert last(core) == (
        "POST",
        "/openai/deployments/embedding/embeddings",
        {"input": ["a", "b"], "encoding_format": "float", "model": "embedding"},
    )


@pytest.mark.parametrize("input", ["text", ["a", "b"], [1, 2, 3], [[1, 2], [3]]])
def test_inputs_of_every_kind(core, dial, last, input):
    answer = create(dial(core), input=input)
    assert len(answer.data) in (1, 2)
    assert last(core)[2]["input"] == input


def test_base64_gives_the_same_floats(core, dial):
    do = dial(core)
    whole = create(do, input=["a", "b"])
    packed = create(do, input=["a", "b"], encoding_format="base64")
    assert core.requests[-1].json()["encoding_format"] == "base64"
    assert [item.embedding for item in packed.data] == [item.embedding for item in whole.data]
    assert packed.to_dict()["data"][0]["embedding"] == whole.data[0].embedding


def test_floats_are_little_endian(older, dial):
    vector = base64.b64encode(struct.pack("<3f", 1.5, -2.25, 0.0)).decode()
    older.fail(200, body={"data": [{"embedding": vector, "index": 0, "more": 1}], "model": "m"})
    (item,) = create(dial(older), encoding_format="base64").data
    assert item.embedding == [1.5, -2.25, 0.0] and item["more"] == 1


@pytest.mark.parametrize("text", ["?", "AAA=", "AAAAAAA="])
def test_what_is_no_vector_says_where(older, dial, text):
    older.fail(200, body={"data": [{"embedding": [1.0]}, {"embedding": text}]})
    with pytest.raises(ParsingDataError) as caught:
        create(dial(older))
    assert caught.value.path == "data[1].embedding"


def test_custom_input_and_further_parameters(core, dial, last):
    image = Attachment(type="image/png", data="AAAA", title="i")
    given = {
        "custom_input": ["text", image, ["more", {"type": "text/plain", "data": "x", "url": None}]],
        "dimensions": 4,
        "user": "me",
        "custom_fields": {"type": "document", "instruction": "shortly"},
    }
    answer = create(dial(core), input=[], **given)
    assert [len(item.embedding) for item in answer.data] == [4, 4, 4]
    body = last(core)[2]
    assert body["input"] == []
    assert body["custom_input"] == [
        "text",
        {"type": "image/png", "data": "AAAA", "title": "i"},
        ["more", {"type": "text/plain", "data": "x"}],
    ]
    assert (body["dimensions"], body["user"], body["custom_fields"]) == (4, "me", given["custom_fields"])


def test_bad_arguments_are_not_sent(older, dial):
    do = dial(older)
    endless = []
    endless.append(endless)
    for bad in ({"input": None}, {"input": 5}, {"custom_input": "text"}, {"custom_input": [endless]}):
        with pytest.raises(InvalidRequestError):
            create(do, **bad)
    assert not older.requests


def test_a_chat_deployment_says_so(core, dial):
    with pytest.raises(InvalidRequestError, match="messages"):
        dial(core)(lambda c: c.embeddings.create(deployment_name="echo", input="a"))


def test_what_is_sent_besides(older, dial, last):
    do = dial(older)
    create(do, api_version="v", extra_query={"q": 1}, extra_headers={"X-A": "b"}, extra_body={"user": "you"})
    assert last(older)[1] == "/openai/deployments/embedding/embeddings?api-version=v&q=1"
    assert last(older)[2]["user"] == "you" and older.requests[-1].headers["x-a"] == "b"


def test_no_route_means_no_upstream_and_is_tried_again(older, dial):
    older.fail(502, body="No route", times=None)
    do = dial(older)
    with pytest.raises(ServerError):
        create(do, max_retries=1, timeout=5)
    assert len(older.requests) == 2
