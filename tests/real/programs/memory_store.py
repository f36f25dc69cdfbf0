"""An agent's memory in the application's own folder: what can't be read counts as empty, and is written over."""

import asyncio
import json
import sys

from aidial_client import AsyncDial

URL, KEY = sys.argv[1:3]


class MemoryStore:
    def __init__(self) -> None:
        self.cache: dict[str, list[str]] = {}

    async def path(self, client: AsyncDial) -> str:
        home = await client.my_appdata_home() or (await client.my_files_home()).relative_to("files")
        return f"files/{(home / '__memories' / 'data.json').as_posix()}"

    async def load(self) -> list[str]:
        client = AsyncDial(base_url=URL, api_key=KEY, api_version="2025-01-01-preview")
        path = await self.path(client)
        if path in self.cache:
            return self.cache[path]
        try:
            response = await client.files.download(path)
            memories = json.loads(response.get_content().decode("utf-8"))
        except Exception as error:
            print("no memories:", type(error).__name__)
            memories = []
        self.cache[path] = memories
        return memories

    async def add(self, memory: str) -> None:
        client = AsyncDial(base_url=URL, api_key=KEY)
        memories = [*await self.load(), memory]
        path = await self.path(client)
        await client.files.upload(url=path, file=json.dumps(memories).encode("utf-8"))
        self.cache[path] = memories

    async def forget(self) -> None:
        client = AsyncDial(base_url=URL, api_key=KEY)
        await client.files.delete(await self.path(client))
        self.cache.clear()


async def main() -> None:
    await MemoryStore().add("likes tea")
    await MemoryStore().add("lives in Oslo")
    store = MemoryStore()
    print(await store.load())
    await store.forget()
    print(await store.load())


asyncio.run(main())
