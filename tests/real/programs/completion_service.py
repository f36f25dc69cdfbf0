"""A service of a quick app: pydantic models around the client's, attachments by their metadata, usage per model."""

import asyncio
import sys
from collections.abc import AsyncIterable
from typing import Any, Optional

from aidial_client import AsyncDial
from aidial_client.resources import AsyncMetadata
from aidial_client.types.chat import response as models
from aidial_client.types.chat.request_param import AttachmentParam, CustomContentParam, UserMessageParam
from pydantic import BaseModel, Field

URL, KEY = sys.argv[1:3]


class Shown(BaseModel):
    type: Optional[str] = None
    title: Optional[str] = None
    data: Optional[str] = None
    url: Optional[str] = None
    reference_type: Optional[str] = None
    reference_url: Optional[str] = None


class Result(BaseModel):
    content: str = ""
    attachments: list[Shown] = Field(default_factory=list)
    usage: Optional[models.CompletionUsage] = None
    state: Optional[dict[str, Any]] = None


class Service:
    def __init__(self, client: AsyncDial) -> None:
        self.client = client

    async def attachment(self, url: str) -> AttachmentParam:
        metadata: AsyncMetadata = self.client.metadata
        info = await metadata.get("files", url)
        return AttachmentParam(type=info.content_type or "", title=info.name, url=info.url or "")

    async def complete(self, text: str, urls: list[str]) -> Result:
        message = UserMessageParam(role="user", content=text)
        if urls:
            message["custom_content"] = CustomContentParam(attachments=[await self.attachment(url) for url in urls])
        print(message)
        chunks = await self.client.chat.completions.create(
            deployment_name="showcase",
            stream=True,
            messages=[message],
            extra_body={"custom_fields": {"configuration": {"depth": 2}}},
            extra_headers={"x-team": "quick"},
        )
        return await self.consume(chunks)

    async def consume(self, chunks: AsyncIterable[models.ChatCompletionChunk]) -> Result:
        result = Result()
        async for chunk in chunks:
            if chunk.usage:
                result.usage = chunk.usage
            if chunk.statistics and chunk.statistics.usage_per_model:
                print([(item.model, item.total_tokens) for item in chunk.statistics.usage_per_model])
            if not chunk.choices:
                continue
            delta = chunk.choices[0].delta
            result.content += delta.content or ""
            if delta.custom_content and delta.custom_content.attachments:
                for item in delta.custom_content.attachments:
                    item.url = item.url or item.reference_url
                    result.attachments.append(Shown(**item.model_dump()))
            if delta.custom_content and delta.custom_content.state:
                result.state = delta.custom_content.state
        return result


async def main() -> None:
    async with AsyncDial(base_url=URL, api_key=KEY) as client:
        url = await client.my_files_home() / "report.txt"
        item = await client.files.upload(url, ("report.txt", b"text", "text/plain"))
        result = await Service(client).complete("Summarise", [item.url])
        print(result.content, result.state, [shown.model_dump(exclude_none=True) for shown in result.attachments])
        print(result.usage.total_tokens if result.usage else None, isinstance(result.usage, models.CompletionUsage))
        print(Result(usage=result.usage, content="copied").usage == result.usage)


asyncio.run(main())
