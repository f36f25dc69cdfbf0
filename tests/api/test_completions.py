"""Legacy text completions, whole and streamed."""

import pytest

from aidial_min import InvalidRequestError, ServerError, StreamInterruptedError


def create(do, **arguments):
    return do(lambda c: c.completions.create(deployment_name="calculator", **{"prompt": "2+3=", **arguments}))


def events_of(do, stream):
    if do.kind == "sync":
        return list(stream)

    async def read(client):
        return [event async for event in stream]

    return do(read)


def test_a_whole_completion(core, dial, last):
    do = dial(core)
    answer = create(do, temperature=0, suffix=None)
    assert answer.choices[0].text == "5" and answer.object == "text_completion" and answer.usage.total_tokens > 0
    assert last(core) == (
        "POST",
        "/openai/deployments/calculator/completions",
        {"prompt": "2+3=", "temperature": 0, "model": "calculator", "stream": False},
    )


def test_a_streamed_completion(core, dial):
    core.reply(chunks=["one ", "two ", "three"])
    do = dial(core)
    chunks = events_of(do, create(do, stream=True))
    assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices) == "one two three"


def test_chunks_merge_into_the_same_answer(core, dial):
    core.reply(chunks=["one ", "two ", "three"], times=2)
    do = dial(core)
    whole = create(do)
    stream = create(do, stream=True)
    merged = do(lambda c: stream.result())
    assert merged.choices[0].to_dict() == whole.choices[0].to_dict()
    assert (merged.object, type(merged)) == ("text_completion", type(whole))


def test_pieces_of_text(core, dial):
    core.reply(chunks=["one ", "two"])
    do = dial(core)
    stream = create(do, stream=True)
    assert do(lambda c: stream.text()) == ["one ", "two"]


def test_several_choices_merge_by_index(older, dial):
    events = (
        b'data: {"id":"c","choices":[{"index":1,"text":"b"}]}\n\n'
        b'data: {"id":"c","choices":[{"index":0,"text":"a","logprobs":{"tokens":["a"]}}]}\n\n'
        b'data: {"id":"c","choices":[{"index":1,"text":"B","finish_reason":"stop"},'
        b'{"index":0,"text":"A","logprobs":{"tokens":["A"]}}]}\n\ndata: [DONE]\n\n'
    )
    older.fail(200, body=events, headers={"content-type": "text/event-stream"})
    do = dial(older)
    stream = create(do, stream=True)
    merged = do(lambda c: stream.result())
    assert [(choice.text, choice.finish_reason) for choice in merged.choices] == [("aA", None), ("bB", "stop")]
    assert merged.choices[0].logprobs == {"tokens": ["a", "A"]}


def test_a_cut_stream_keeps_what_came(older, dial):
    older.reply(chunks=["one "], done=False)
    do = dial(older)
    stream = create(do, stream=True)
    with pytest.raises(StreamInterruptedError) as caught:
        do(lambda c: stream.result())
    assert caught.value.partial.choices[0].text == "one "


def test_no_route_means_no_upstream(older, dial):
    older.fail(502, message="No route", body="No route", times=None)
    with pytest.raises(ServerError):
        create(dial(older, max_retries=0))


def test_what_is_sent_besides(older, dial, last):
    do = dial(older, api_version="2023")
    extra = {
        "extra_query": {"trace": "1"},
        "extra_headers": {"X-Job-Title": "tester"},
        "extra_body": {"n": 2, "own": True},
    }
    create(do, n=1, **extra)
    method, target, body = last(older)
    assert target == "/openai/deployments/calculator/completions?api-version=2023&trace=1"
    assert body["n"] == 2 and body["own"] is True
    assert older.requests[-1].headers["x-job-title"] == "tester"
    create(do, api_version="2024")
    assert last(older)[1].endswith("?api-version=2024")


def test_misspelt_parameters_and_bad_prompts_are_not_sent(older, dial):
    do = dial(older)
    with pytest.raises(TypeError, match="Did you mean 'temperature'"):
        create(do, temprature=1)
    for prompt in (None, 5, {"a": 1}):
        with pytest.raises(InvalidRequestError):
            create(do, prompt=prompt)
    assert not older.requests
