"""An application of aidial-sdk that hands the client's models to the SDK's, and the SDK's messages to the client."""

import asyncio
import json
import sys

from aidial_client import AsyncDial
from aidial_client.types.chat.legacy.chat_completion import CustomContent as LegacyContent
from aidial_client.types.chat.legacy.chat_completion import FunctionCall, ToolCall
from aidial_client.types.chat.legacy.chat_completion import Role as LegacyRole
from aidial_sdk.chat_completion import Attachment, CustomContent, Message, Role, Stage

URL, KEY = sys.argv[1:3]


def plain(message: Message) -> dict:
    dump = getattr(message, "model_dump", message.dict)
    return json.loads(json.dumps(dump(exclude_none=True)))


async def main() -> None:
    client = AsyncDial(base_url=URL, api_key=KEY, api_version="2025-01-01-preview")
    stream = await client.chat.completions.create(
        deployment_name="showcase",
        messages=[plain(Message(role=Role.USER, content="Hi", custom_content=CustomContent(state={"a": 1})))],
        stream=True,
    )
    content, gathered = "", CustomContent(attachments=[])
    async for chunk in stream:
        if not chunk.choices:
            continue
        delta = chunk.choices[0].delta
        content += delta.content or ""
        if delta.custom_content:
            for attachment in delta.custom_content.attachments or []:
                kept = attachment.dict(exclude_none=True, exclude={"index"})
                gathered.attachments.append(Attachment(**kept))
            gathered.state = delta.custom_content.state or gathered.state
    print(plain(Message(role=LegacyRole.ASSISTANT.value, content=content, custom_content=gathered)))

    call = ToolCall.validate({"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}})
    other = ToolCall(index=None, id="2", type="function", function=FunctionCall(name="g", arguments="{}"))
    message = Message(role=Role.ASSISTANT, content=None, tool_calls=[dict(call) | {"function": dict(call.function)}])
    print(plain(message)["tool_calls"][0]["function"], other.function.name)
    answer = Message(role=LegacyRole.TOOL, name=call.function.name, tool_call_id=call.id, content="done")
    print(plain(answer), answer.role == Role.TOOL, answer.role == LegacyRole.TOOL)
    print(LegacyContent(state={"x": 1}).dict(exclude_none=True), Stage is not None)


asyncio.run(main())
