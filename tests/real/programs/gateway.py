"""A coordinator that passes another agent's stages and attachments on, and gives the agent its state back."""

import asyncio
import sys
from copy import deepcopy
from typing import Any

from aidial_client import AsyncDial
from aidial_client.resources.chat.completions import AsyncIterable
from aidial_client.types.chat import Message
from aidial_client.types.chat.response import Attachment, ChatCompletionChunk, CustomContent

URL, KEY = sys.argv[1:3]


async def ask(messages: list[Message]) -> dict[str, Any]:
    client = AsyncDial(api_key=KEY, base_url=URL, api_version="2025-01-01-preview")
    stream: AsyncIterable[ChatCompletionChunk] = await client.chat.completions.create(
        deployment_name="showcase", messages=messages, stream=True, extra_headers={"x-conversation-id": "c-1"}
    )
    content, attachments = "", []
    stages: dict[int, dict[str, Any]] = {}
    custom = CustomContent()
    async for chunk in stream:
        if not (chunk.choices and chunk.choices[0]):
            continue
        delta = chunk.choices[0].delta
        content += delta.content or ""
        if found := delta.custom_content:
            attachments.extend(found.attachments or [])
            if found.state:
                custom.state = found.state
            for stage in found.dict(exclude_none=True).get("stages") or []:
                known = stages.setdefault(stage["index"], {"name": "", "content": ""})
                known["name"] += stage.get("name") or ""
                known["content"] += stage.get("content") or ""
                known["status"] = stage.get("status", known.get("status"))
    assert all(isinstance(attachment, Attachment) for attachment in attachments)
    custom.attachments = attachments
    return {"content": content, "custom_content": custom, "stages": stages}


async def main() -> None:
    messages: list[Message] = [{"role": "user", "content": "First"}]
    answer = await ask(messages)
    print(answer["content"], answer["stages"])
    for attachment in answer["custom_content"].attachments:
        print(attachment.dict(exclude_none=True), attachment.model_copy(update={"title": "x"}).title)
    copy = deepcopy(answer["custom_content"])
    copy.state = {**(copy.state or {}), "seen": True}
    messages += [
        {"role": "assistant", "content": answer["content"], "custom_content": {"state": copy.state}},
        {"role": "user", "content": "Second"},
    ]
    again = await ask(messages)
    print(again["custom_content"].state, answer["custom_content"].state)


asyncio.run(main())
