"""A storage of attachments: items of its own class, listings by page, folders by their absolute address, reports."""

import asyncio
import json
import sys
from typing import Any, Optional

from aidial_client import AsyncDial
from aidial_client.types.chat.response import Attachment, CompletionUsage
from aidial_client.types.metadata import FileItem, FileMetadata
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, alias_generators

URL, KEY = sys.argv[1:3]


class StoredAttachment(FileItem):
    name: str = ""
    content_length: int = 0
    content_type: str = ""
    updated_at: Optional[int] = None
    labels: list[str] = []
    notes: dict[str, Any] = Field(default_factory=dict)

    model_config = ConfigDict(alias_generator=alias_generators.to_camel, populate_by_name=True, extra="ignore")

    @classmethod
    def of(cls, item: Any) -> "StoredAttachment":
        return cls.model_validate(item.model_dump(by_alias=True, exclude_none=True))


class Report(BaseModel):
    newest: Optional[FileMetadata] = None
    attachments: list[Attachment] = Field(default_factory=list)
    usage: Optional[CompletionUsage] = None


async def find(client: AsyncDial, bucket: str, name: str) -> Optional[str]:
    folders = ["files/" + bucket]
    for folder in folders:
        metadata = await client.metadata.get("files", f"{client.api_url}metadata/{folder}/")
        for item in metadata.items or []:
            if item.node_type == "FOLDER":
                folders.append(f"{folder}/{item.name}")
            if item.name == name:
                return item.url
    return None


async def main() -> None:
    async with AsyncDial(base_url=URL, api_key=KEY) as client:
        raw = await client.bucket.get_raw()
        bucket = raw.appdata or raw.bucket
        for name in ("a.csv", "b.csv", "deep/er/c.json"):
            put = await client.files.upload(f"files/{bucket}/reports/{name}", file=(name.split("/")[-1], b"1,2", None))
            stored = StoredAttachment.of(put)
            stored.labels.append(stored.name)
            print(stored.name, stored.content_length, stored.content_type, stored.labels, stored.notes)
            assert isinstance(stored, FileItem) and stored.updated_at == put.updated_at
        found: list[StoredAttachment] = []
        token = None
        while True:
            page = await client.metadata.get("files", f"files/{bucket}/reports/", limit=1, token=token)
            found += [StoredAttachment.of(item) for item in page.items or []]
            token = page.next_token
            if not token:
                break
        print([(item.name, item.content_type, item.node_type, item.labels) for item in found])
        print(((await find(client, bucket, "c.json")) or "").replace(bucket, "BUCKET"), await find(client, bucket, "d"))
        client._my_bucket = None
        print(await client.my_bucket() == raw.bucket)

        report = Report.model_validate(
            {
                "newest": json.loads(put.model_dump_json(by_alias=True)),
                "attachments": [{"url": put.url, "title": put.name, "preview": [1]}],
                "usage": {"prompt_tokens": "1", "completion_tokens": 2, "total_tokens": 3, "later": None},
            }
        )
        again = Report.model_validate_json(report.model_dump_json())
        print(again.newest.content_length, again.newest.parent_path, again.attachments[0].preview)
        dumped = report.model_dump(
            exclude_none=True, exclude={"newest": {"url", "bucket"}, "attachments": {"__all__": {"url"}}}
        )
        print(
            [dumped["newest"].get(name) for name in ("name", "node_type", "content_type", "url")],
            dumped["attachments"],
            dumped["usage"]["total_tokens"],
        )
        print(sorted(TypeAdapter(list[Attachment]).dump_python(report.attachments, exclude_none=True)[0]))
        print([name for name in ("url", "preview") if name in Attachment.model_fields])


asyncio.run(main())
