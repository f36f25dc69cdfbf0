"""A chat program as people write it, with typed messages, tools, stages, state and errors: URL and KEY as arguments.

Written for aidial_client; test_official_clients.py runs it as it stands, and with the import name changed.
"""

import asyncio
import json
import sys
from typing import Dict, List, Optional

from aidial_client import AsyncAuthValue, AsyncDial, Dial, DialException, SyncAuthValue
from aidial_client.types.chat import (
    AssistantMessageParam,
    Attachment,
    ChatCompletionChunk,
    ChatCompletionResponse,
    CustomContent,
    Message,
    Stage,
    SystemMessageParam,
    ToolMessageParam,
    ToolParam,
    UserMessageParam,
)
from aidial_client.types.chat.response import ChatCompletionMessageToolCall, Choice, FunctionCall, ToolCallDelta

URL, KEY = sys.argv[1:3]

WEATHER: ToolParam = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}


class Conversation:
    """Keeps the messages, calls tools, and gives an application its state back."""

    def __init__(self, client: Dial, deployment: str) -> None:
        self.client = client
        self.deployment = deployment
        self.messages: List[Message] = [SystemMessageParam(role="system", content="Be brief")]

    def ask(self, text: str) -> Optional[str]:
        self.messages.append(UserMessageParam(role="user", content=text))
        while True:
            response: ChatCompletionResponse = self.client.chat.completions.create(
                deployment_name=self.deployment, messages=self.messages, tools=[WEATHER], temperature=0
            )
            choice: Choice = response.choices[0]
            self.remember(choice)
            if choice.finish_reason != "tool_calls":
                return choice.message.content
            for call in choice.message.tool_calls or []:
                self.messages.append(self.answer(call))

    def remember(self, choice: Choice) -> None:
        message: AssistantMessageParam = {"role": "assistant", "content": choice.message.content}
        if choice.message.tool_calls:
            message["tool_calls"] = [
                {
                    "id": call.id,
                    "type": call.type,
                    "function": {"name": call.function.name, "arguments": call.function.arguments},
                }
                for call in choice.message.tool_calls
            ]
        custom = choice.message.custom_content
        if custom is not None and custom.state is not None:
            message["custom_content"] = {"state": custom.state}
            print("state", json.dumps(custom.state, sort_keys=True))
        self.messages.append(message)

    def answer(self, call: ChatCompletionMessageToolCall) -> ToolMessageParam:
        assert isinstance(call.function, FunctionCall)
        arguments = json.loads(call.function.arguments)
        print("tool", call.function.name, arguments)
        return {"role": "tool", "tool_call_id": call.id, "content": "sunny in " + arguments["city"]}


class Collector:
    """Puts the pieces of a stream together."""

    def __init__(self) -> None:
        self.text = ""
        self.stages: Dict[Optional[int], str] = {}
        self.attachments: List[str] = []
        self.arguments: Dict[int, str] = {}

    def take(self, chunk: ChatCompletionChunk) -> None:
        assert isinstance(chunk, ChatCompletionChunk)
        for choice in chunk.choices:
            self.text += choice.delta.content or ""
            custom: Optional[CustomContent] = choice.delta.custom_content
            for stage in (custom.stages or []) if custom else []:
                self.stages[stage.index] = self.stages.get(stage.index, "") + (stage.name or stage.content or "")
                assert isinstance(stage, Stage)
            for attachment in (custom.attachments or []) if custom else []:
                assert isinstance(attachment, Attachment)
                self.attachments.append(attachment.url or attachment.data or "")
            for call in choice.delta.tool_calls or []:
                assert isinstance(call, ToolCallDelta)
                self.arguments[call.index] = self.arguments.get(call.index, "") + (call.function.arguments or "")
        if chunk.usage:
            print("usage", chunk.usage.prompt_tokens, chunk.usage.completion_tokens, chunk.usage.total_tokens)
        if chunk.statistics and chunk.statistics.usage_per_model:
            print("models", [item.model for item in chunk.statistics.usage_per_model])

    def show(self) -> None:
        print(repr(self.text), self.stages, self.attachments, self.arguments)


def make_client(key: SyncAuthValue) -> Dial:
    return Dial(base_url=URL, api_key=key, max_retries=1, timeout=30)


def failures(client: Dial) -> None:
    for name, settings in (("missing", {}), ("showcase", {"error": "Sorry"})):
        try:
            fields = {"configuration": settings}
            client.chat.completions.create(
                deployment_name=name,
                messages=[{"role": "user", "content": "Hi"}],
                custom_fields=fields if settings else None,
                stream=False,
            )
        except DialException as error:
            print(type(error.status_code).__name__, error.status_code, error.display_message)
    with_wrong_key = make_client("wrong")
    try:
        list(with_wrong_key.chat.completions.create(deployment_name="echo", messages=[], stream=True))
    except DialException as error:
        print(error.status_code)


async def several(key: AsyncAuthValue) -> None:
    async with AsyncDial(base_url=URL, api_key=key, api_version="2024-10-21") as client:

        async def one(number: int) -> str:
            response = await client.chat.completions.create(
                deployment_name="calculator",
                messages=[{"role": "user", "content": "%d+1=" % number}],
                extra_headers={"x-conversation": str(number)},
                extra_body={"user": "me"},
            )
            return response.choices[0].message.content or ""

        print(await asyncio.gather(*[one(number) for number in range(10)]))
        collector = Collector()
        stream = await client.chat.completions.create(
            deployment_name="showcase", messages=[{"role": "user", "content": "a book"}], stream=True
        )
        async for chunk in stream:
            collector.take(chunk)
        collector.show()


dial = make_client(lambda: KEY)
print(Conversation(dial, "showcase").ask("Where is the book?"))
sync_collector = Collector()
for piece in dial.chat.completions.create(
    deployment_name="showcase", messages=[{"role": "user", "content": "a book"}], stream=True
):
    sync_collector.take(piece)
sync_collector.show()
failures(dial)
asyncio.run(several(KEY))
