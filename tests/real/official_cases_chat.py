"""Cases of the differential run, chats: every parameter, kind of message and kind of answer, whole and streamed.

It knows the official client's public names only; it must not know what travels or which differences are allowed.
"""

from typing import Any, Callable, Mapping

from official_cases import HELLO, ODD_IDS, case, custom_application
from official_recorder import Play, Raw

# Chat

CHAT_PARAMETERS: Mapping[str, Any] = {
    "model": "gpt-35-turbo",
    "functions": [{"name": "f", "description": "d", "parameters": {"type": "object", "properties": {}}}],
    "function_call": {"name": "f"},
    "tools": [
        {"type": "function", "function": {"name": "t", "parameters": {"type": "object"}, "strict": True}},
        {"type": "static_function", "static_function": {"name": "s", "configuration": {"a": None}}},
    ],
    "tool_choice": {"type": "function", "function": {"name": "t"}},
    "parallel_tool_calls": False,
    "temperature": 0.0,
    "top_p": 1,
    "n": 1,
    "stop": ["a", "\u2603"],
    "max_tokens": 10,
    "max_completion_tokens": 5,
    "max_prompt_tokens": 100,
    "presence_penalty": -0.5,
    "frequency_penalty": 0.5,
    "logit_bias": {"50256": -100},
    "seed": 42,
    "user": "me",
    "reasoning_effort": "low",
    "prompt_cache_key": "k",
    "prompt_cache_options": {"mode": "explicit", "ttl": "30m"},
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "x", "schema": {"type": "object"}, "strict": True},
    },
    "stream_options": {"include_usage": True},
    "custom_fields": {"configuration": {"a": [1, None]}, "cache_breakpoint": {"expire_at": "x"}},
    "logprobs": True,
    "top_logprobs": 3,
    "extra_body": {"my_own": {"x": 1}, "temperature": 1.5},
    "extra_headers": {"X-Test-Mine": "1", "x-dial-custom": "2"},
    "api_version": "2024-10-21",
}


def chat_case(name: str, value: Any) -> None:
    @case("chat: %s" % name)
    async def chat(play: Play) -> Any:
        create = play.client.chat.completions.create
        whole = await play.outcomes(
            lambda: create(deployment_name="echo", messages=HELLO, **{name: value}),
            lambda: create(deployment_name="echo", messages=HELLO, **{name: None}),
        )
        return [
            *whole,
            await play.each(lambda: create(deployment_name="echo", messages=HELLO, stream=True, **{name: value})),
        ]


for _name, _value in CHAT_PARAMETERS.items():
    chat_case(_name, _value)


@case("chat: extra_params", client={"max_retries": 0})
async def chat_extra_params(play: Play) -> Any:
    create = play.client.chat.completions.create
    return await play(create(deployment_name="echo", messages=HELLO, extra_params={"mine": "1"}))


@case("chat: every parameter")
async def chat_all(play: Play) -> Any:
    parameters = {name: value for name, value in CHAT_PARAMETERS.items() if name != "model"}
    create = play.client.chat.completions.create
    return await play(create(deployment_name="echo", messages=HELLO, **parameters))


@case("chat: an unknown parameter")
async def chat_unknown(play: Play) -> Any:
    return await play(play.client.chat.completions.create(deployment_name="echo", messages=HELLO, max_token=1))


@case("chat: the client's api_version", client={"api_version": "2024-02-01"})
async def chat_api_version(play: Play) -> Any:
    create = play.client.chat.completions.create
    return [
        await play(create(deployment_name="echo", messages=HELLO)),
        await play(create(deployment_name="echo", messages=HELLO, api_version="2024-10-21")),
    ]


@case("chat: a header of the credential overridden")
async def chat_headers(play: Play) -> Any:
    create = play.client.chat.completions.create
    return await play(create(deployment_name="echo", messages=HELLO, extra_headers={"api-key": "second-key"}))


@case("chat: with a bearer token", client={"bearer_token": "first-key"})
async def chat_bearer(play: Play) -> Any:
    create = play.client.chat.completions.create
    return [
        await play(create(deployment_name="echo", messages=HELLO)),
        await play.each(create(deployment_name="echo", messages=HELLO, stream=True)),
    ]


CHAT_MESSAGES = [
    {"role": "system", "content": "Be brief"},
    {"role": "developer", "content": "Be nice", "name": "dev"},
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "What is this? \u2603"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "low"}},
            {"type": "file", "file": {"file_data": "AA==", "filename": "a.pdf"}},
            {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
        ],
        "custom_content": {
            "attachments": [{"type": "image/png", "title": "t", "url": "files/b/a.png"}, {"type": "x", "data": "d"}]
        },
        "custom_fields": {"cache_breakpoint": {}},
    },
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "t", "arguments": "{}"}}],
        "custom_content": {
            "state": {"a": None, "b": [1, {}]},
            "stages": [{"name": "s", "status": "completed", "content": "c", "attachments": []}],
        },
    },
    {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
    {"role": "assistant", "content": "", "function_call": {"name": "f", "arguments": ""}},
    {"role": "function", "name": "f", "content": "result"},
    {"role": "user", "content": "And now?", "name": "me", "own": {"x": 1}},
]


@case("chat: messages of all kinds")
async def chat_messages(play: Play) -> Any:
    return await play(play.client.chat.completions.create(deployment_name="echo", messages=CHAT_MESSAGES))


@case("chat: nulls in attachments")
async def chat_nulls(play: Play) -> Any:
    attachment = {"type": "text/plain", "title": None, "data": "x", "url": None}
    messages = [{"role": "user", "content": "x", "custom_content": {"attachments": [attachment], "state": None}}]
    return await play(play.client.chat.completions.create(deployment_name="echo", messages=messages))


@case("chat: ids", generation="2024")
async def chat_ids(play: Play) -> Any:
    create = play.client.chat.completions.create
    return await play.outcomes(
        *[lambda id=id: create(deployment_name=id, messages=HELLO) for id in (*ODD_IDS, "missing", "a/b c")]
    )


@case("chat: a custom application, encoded or not", custom_application)
async def chat_custom(play: Play) -> Any:
    create, here = play.client.chat.completions.create, "applications/%s/" % play.bucket
    return await play.outcomes(
        lambda: create(deployment_name=here + "my%20app", messages=HELLO),
    )


@case("chat: a custom application, decoded", custom_application)
async def chat_custom_decoded(play: Play) -> Any:
    name = "applications/%s/my app" % play.bucket
    return await play(play.client.chat.completions.create(deployment_name=name, messages=HELLO))


def scripted(**reply: Any) -> Callable[[Raw], None]:
    return lambda raw: raw.server.reply(times=None, **reply)


REPLIES: Mapping[str, Mapping[str, Any]] = {
    "text": {"text": "Hello w\u00f6rld \u2603 \U0001f600\u2028\u0085 end"},
    "pieces": {"chunks": ["a", "b", "", "c\n\n", "data: x"]},
    "heartbeats": {"text": "x", "heartbeats": 3},
    "tools": {
        "tool_calls": [{"name": "get_weather", "arguments": {"city": "Paris"}}, {"name": "get_time", "arguments": "{}"}]
    },
    "stages": {
        "text": "x",
        "stages": [
            {"name": "First", "content": "looking", "attachments": [{"type": "text/plain", "title": "t", "data": "d"}]},
            {"name": "Second", "content": "failing", "status": "failed"},
        ],
    },
    "attachments": {
        "text": "x",
        "attachments": [
            {"type": "image/png", "title": "p", "url": "files/b/p.png", "reference_url": "u", "reference_type": "t"},
            {"title": "d", "data": "data"},
        ],
    },
    "state": {"text": "x", "state": {"counter": 0, "nested": {"a": [1, None]}}},
    "usage": {"text": "x", "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}},
    "usage details": {
        "text": "x",
        "usage": {
            "prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3,
            "prompt_tokens_details": {"cached_tokens": 1},
            "completion_tokens_details": {"reasoning_tokens": 2},
        },
    },
    "statistics": {
        "text": "x",
        "statistics": {
            "usage_per_model": [
                {"index": 0, "model": "inner", "prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
            ],
            "discarded_messages": [0, 2],
        },
    },
    "length": {"text": "cut", "finish_reason": "length"},
    "no text": {"chunks": []},
    "a function call": {
        "chunks": [
            {"function_call": {"name": "old", "arguments": '{"a"'}}, {"function_call": {"arguments": ": 1}"}}
        ],
        "finish_reason": "function_call",
    },
    "refusal and forms": {
        "chunks": [{"refusal": "No."}, {"custom_content": {"form_schema": {"type": "object"}, "form_value": {"x": 1}}}]
    },
    "unknown fields": {"chunks": ["x", {"reasoning_content": "hm", "custom_content": {"future": [1]}}]},
    "an error": {"error": "It failed"},
}  # fmt: skip


def reply_case(name: str, reply: Mapping[str, Any]) -> None:
    @case("chat: answers %s" % name, scripted(**reply))
    async def whole(play: Play) -> Any:
        return await play(play.client.chat.completions.create(deployment_name="echo", messages=HELLO, stream=False))

    @case("chat: streams %s" % name, scripted(**reply))
    async def streamed(play: Play) -> Any:
        create = play.client.chat.completions.create
        return await play.each(lambda: create(deployment_name="echo", messages=HELLO, stream=True))


for _name, _reply in REPLIES.items():
    reply_case(_name, _reply)


@case("chat: the showcase")
async def chat_showcase(play: Play) -> Any:
    create = play.client.chat.completions.create
    return [
        await play(create(deployment_name="showcase", messages=HELLO)),
        await play.each(create(deployment_name="showcase", messages=HELLO, stream=True)),
    ]


@case("chat: two choices")
async def chat_choices(play: Play) -> Any:
    create = play.client.chat.completions.create
    return [
        await play(create(deployment_name="echo", messages=HELLO, n=2)),
        await play.each(create(deployment_name="echo", messages=HELLO, n=2, stream=True)),
    ]


@case("chat: continued with the answer's own message")
async def chat_continued(play: Play) -> Any:
    create = play.client.chat.completions.create
    answer = (await play(create(deployment_name="showcase", messages=HELLO))).choices[0].message
    message = {"role": answer.role, "content": answer.content, "custom_content": {"state": answer.custom_content.state}}
    return await play(create(deployment_name="showcase", messages=[*HELLO, message, *HELLO]))


@case("chat: left after the first chunk")
async def chat_left(play: Play) -> Any:
    stream = await play(play.client.chat.completions.create(deployment_name="echo", messages=HELLO, stream=True))
    if play.asynchronous:
        async for chunk in stream:
            return chunk
    for chunk in stream:
        return chunk
    return None


STREAM_ENDS: Mapping[str, Mapping[str, Any]] = {
    "an error with a numeric code": {
        "chunks": ["a", b'data: {"error":{"message":"m","code":"429"}}\n\ndata: [DONE]\n\n']
    },
    "an error with a word": {
        "chunks": ["a", b'data: {"error":{"message":"m","type":"t","code":"content_filter","display_message":"d"}}\n\n']
    },
    "an error of the application": {"chunks": ["a"], "error": "late failure"},
    "no [DONE]": {"chunks": ["a"], "done": False},
    "a usage chunk of Core": {
        "chunks": [
            "a",
            b'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3},'
            b'"object":"chat.completion.chunk"}\n\n',
        ]
    },
    "a usage chunk of OpenAI": {
        "chunks": [
            "a",
            b'data: {"id":"x","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,'
            b'"total_tokens":3},"object":"chat.completion.chunk"}\n\n',
        ]
    },
    "no JSON": {"chunks": ["a", b"data: nonsense\n\n"]},
}


def stream_end_case(name: str, reply: Mapping[str, Any]) -> None:
    @case("chat: a stream with %s" % name, scripted(**reply))
    async def stream_end(play: Play) -> Any:
        create = play.client.chat.completions.create
        return await play.each(create(deployment_name="echo", messages=HELLO, stream=True))


for _name, _reply in STREAM_ENDS.items():
    stream_end_case(_name, _reply)


ENRICHED_ANSWER = {
    "id": "x", "object": "chat.completion", "created": 1, "model": "m", "system_fingerprint": "fp", "service_tier": "s",
    "choices": [
        {
            "index": 0, "finish_reason": "later", "logprobs": {"content": []}, "future": 1,
            "message": {
                "role": "assistant", "content": "x", "annotations": [], "audio": None,
                "custom_content": {"stages": [{"name": "s", "status": "completed", "level": 1}], "future": {"a": 1}},
            },
        }
    ],
    "usage": {
        "prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "cost": "0.1",
        "prompt_tokens_details": {"cached_tokens": 1, "audio_tokens": 2},
    },
    "future": {"x": [None]},
}  # fmt: skip


@case(
    "chat: an answer with unknown fields", lambda raw: raw.server.fail(200, path="/completions", body=ENRICHED_ANSWER)
)
async def chat_enriched(play: Play) -> Any:
    return await play(play.client.chat.completions.create(deployment_name="echo", messages=HELLO))
