"""Ten programs as users write them: mypy --strict and pyright find nothing in them; they are never executed.

Nothing is annotated for the checkers alone: lists and dicts stand as one writes them, and what came in an answer is
passed where a parameter is wanted.
"""

import json
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Dict, List, Optional

from aidial_min import AsyncDial, Dial, DialException, RateLimitError, StreamInterruptedError
from aidial_min.types import Attachment, ChatCompletionMessage, ChatCompletionResponse, Conversation, Message

MODEL = "gpt-4o"


def chat_in_a_loop(client: Dial) -> None:
    messages: List[Message] = [{"role": "system", "content": "Be brief."}]
    while True:
        messages.append({"role": "user", "content": input("> ")})
        answer = client.chat.completions.create(deployment_name=MODEL, messages=messages, temperature=0)
        messages.append(answer.choices[0].message)
        print(answer.choices[0].message.content or "", answer.response_headers.get("x-request-id"))


def stream_without_annotations(client: Dial) -> str:
    messages = [{"role": "user", "content": "2+3="}]
    stream = client.chat.completions.create(deployment_name=MODEL, messages=messages, stream=True, max_tokens=5)
    text = ""
    try:
        for chunk in stream:
            text += chunk.choices[0].delta.content or ""
    except StreamInterruptedError as error:
        print(error.partial, error.status_code >= 500, error.body[:80])
    return text


def tools(client: Dial) -> Optional[str]:
    tools = [
        {
            "type": "function",
            "function": {
                "name": "weather",
                "description": "The weather in a city.",
                "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
            },
        }
    ]
    messages: List[Message] = [{"role": "user", "content": "Weather in Minsk?"}]
    while True:
        answer = client.chat.completions.create(
            deployment_name=MODEL, messages=messages, tools=tools, tool_choice="auto"
        )
        message = answer.choices[0].message
        if not message.tool_calls:
            return message.content
        messages.append(message)
        for call in message.tool_calls:
            arguments = json.loads(call.function.arguments)
            messages.append({"role": "tool", "tool_call_id": call.id, "content": "%s: sunny" % arguments["city"]})


def files_as_attachments(client: Dial, path: Path) -> None:
    with path.open("rb") as file:
        item = client.files.upload(client.my_files_home() / path.name, file)
    messages = [
        {
            "role": "user",
            "content": "Summarize this.",
            "custom_content": {"attachments": [{"type": item.content_type, "title": item.name, "url": item.url}]},
        }
    ]
    answer = client.chat.completions.create(deployment_name=MODEL, messages=messages)
    content = answer.choices[0].message.custom_content
    if content is not None and content.attachments:
        again: Message = {
            "role": "user",
            "content": "And now these.",
            "custom_content": {"attachments": content.attachments},
        }
        client.chat.completions.create(deployment_name=MODEL, messages=[again])
        for attachment in content.attachments:
            if attachment.url is not None:
                client.files.download(attachment.url).write_to(path.with_name(attachment.title or "file"))


def attachment_given_at_once(client: Dial, item_url: str, kind: Optional[str], answer: ChatCompletionResponse) -> None:
    client.chat.completions.create(
        deployment_name=MODEL,
        messages=[
            {"role": "system", "content": "Be brief."},
            answer.choices[0].message,
            {
                "role": "user",
                "content": [{"type": "text", "text": "See"}, {"type": "image_url", "image_url": {"url": item_url}}],
                "custom_content": {
                    "attachments": [{"type": kind, "url": item_url}, Attachment(title="note", data="text")],
                    "state": {"step": 1},
                },
            },
        ],
        response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}},
        custom_fields={"configuration": {"depth": 3}},
        stream_options={"include_usage": True},
    )


def newer_parameters(client: Dial) -> None:
    client.chat.completions.create(
        deployment_name=MODEL,
        messages=[{"role": "user", "content": "hi"}],
        verbosity="low",
        service_tier="flex",
        modalities=["text", "audio"],
        audio={"voice": "alloy", "format": "mp3"},
        prediction={"type": "content", "content": "hi"},
        web_search_options={"search_context_size": "low"},
        metadata={"team": "a"},
        store=False,
        safety_identifier="user-7",
        prompt_cache_key="key",
        prompt_cache_retention="24h",
        reasoning_effort="high",
        moderation={"model": "omni"},
    )


def conversations(client: Dial) -> None:
    url = "conversations/%s/talk" % client.my_bucket()
    conversation = Conversation(id=url, name="talk", folder_id=url, messages=[])
    conversation.messages.append({"role": "user", "content": "hi"})
    client.conversations.save(url, conversation)
    client.prompts.save("prompts/b/p", {"id": "p", "name": "p", "folderId": "f", "content": "x"})
    for item in client.conversations.list("conversations/%s/" % client.my_bucket(), recursive=True):
        print(item.name, client.conversations.get(item.url).messages)


class Role(str, Enum):
    """Roles of a program of its own."""

    USER = "user"


@dataclass
class Question:
    """A request that somebody keeps as a dataclass."""

    text: str
    role: Role = Role.USER


def objects_of_one_s_own(client: Dial, questions: List[Question]) -> List[Optional[str]]:
    answers = []
    for question in questions:
        message = {"role": question.role, "content": question.text}
        answer = client.chat.completions.create(deployment_name=MODEL, messages=[message], stop=["\n"])
        answers.append(answer.choices[0].message.content)
    return answers


def embeddings_and_errors(client: Dial, texts: List[str]) -> List[List[float]]:
    try:
        answer = client.embeddings.create(deployment_name="ada", input=texts)
    except RateLimitError as error:
        print("again in", error.retry_after, error.error)
        raise
    except DialException as error:
        print(error.status_code, error.message, error.headers.get("x-request-id"), error.request_sent)
        return []
    return [item.embedding for item in answer.data]


async def many_at_once(client: AsyncDial, history: List[Dict[str, Any]]) -> ChatCompletionMessage:
    async with await client.chat.completions.create(deployment_name=MODEL, messages=history, stream=True) as stream:
        async for piece in stream.text():
            print(piece, end="", flush=True)
        answer = await stream.result()
    limits = await client.deployments.limits(MODEL)
    print(limits.day_token_stats and limits.day_token_stats.used, answer.usage and answer.usage.total_tokens)
    return answer.choices[0].message
