"""The backend of a retrieval application: many documents at once, folders by pages, a client for every request."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aidial_client import AsyncAuthValue, AsyncDial, AsyncDialClientPool, DialException

URL, KEY = sys.argv[1:3]
os.environ["RAG_KEY"] = KEY


class Backend:
    def __init__(self) -> None:
        self.pool = AsyncDialClientPool()

    @asynccontextmanager
    async def client(self, key: AsyncAuthValue) -> AsyncIterator[AsyncDial]:
        yield self.pool.create_client(base_url=URL, api_key=key, timeout=30)

    async def index(self, documents: dict[str, str]) -> list[str]:
        async with self.client(lambda: os.environ["RAG_KEY"]) as client:
            home = await client.my_files_home()
            limit = asyncio.Semaphore(4)

            async def store(name: str, text: str) -> str:
                async with limit:
                    item = await client.files.upload(home / "index" / name, text.encode())
                    return item.url

            return await asyncio.gather(*(store(name, text) for name, text in documents.items()))

    async def names(self) -> list[str]:
        async def key() -> str:
            await asyncio.sleep(0)
            return os.environ["RAG_KEY"]

        async with self.client(key) as client:
            folder = str(await client.my_files_home() / "index") + "/"
            names, token = [], None
            while True:
                page = await client.metadata.get("files", folder, limit=7, token=token)
                names += [item.name for item in page.items or []]
                token = page.next_token
                if not token:
                    return names

    async def answer(self, question: str) -> str:
        async with self.client(KEY) as client:
            context = [
                (await (await client.files.download(await client.my_files_home() / "index" / name)).aget_content())
                for name in (await self.names())[:3]
            ]
            content = "%s\n%s" % (question, b" ".join(context).decode())
            completion = await client.chat.completions.create(
                deployment_name="echo", messages=[{"role": "user", "content": content}]
            )
            return completion.choices[0].message.content or ""


async def main() -> None:
    backend = Backend()
    urls = await backend.index({"doc %02d.txt" % number: "text %d" % number for number in range(20)})
    print(len(urls), urls[0].rsplit("/", 1)[1], sorted(await backend.names())[:3], len(await backend.names()))
    print(await backend.answer("What is there?"))
    async with backend.client("wrong") as client:
        for what, call in {"bucket": client.my_bucket, "list": client.deployments.list}.items():
            try:
                await call()
            except DialException as error:
                print(what, error.status_code)
    await backend.pool.aclose()


asyncio.run(main())
