"""Tools of an agent that keep files: create only, edit with ETags, list folders, copy, move, delete."""

import asyncio
import sys
from collections import deque
from typing import NoReturn, Optional

from aidial_client import AsyncDial
from aidial_client._exception import DialException, EtagMismatchError, ResourceNotFoundError
from aidial_client.types.metadata import FileItem, FileMetadata

URL, KEY = sys.argv[1:3]


class FileService:
    def __init__(self, client: AsyncDial) -> None:
        self.client = client

    @staticmethod
    def normalized(error: DialException) -> NoReturn:
        if error.status_code == 404 and not isinstance(error, ResourceNotFoundError):
            raise ResourceNotFoundError(message=error.message) from error
        raise error

    async def metadata(self, url: str) -> FileMetadata:
        try:
            return await self.client.metadata.get("files", url)
        except DialException as error:
            self.normalized(error)

    async def write(self, url: str, text: str, overwrite: bool = False, if_match: Optional[str] = None) -> str:
        item = await self.client.files.upload(
            url=url,
            file=(url.split("/")[-1], text.encode(), "text/plain"),
            etag_if_none_match=None if overwrite or if_match else "*",
            etag_if_match=if_match,
        )
        return item.url

    async def read(self, url: str, limit: int = 100) -> str:
        found = await self.metadata(url)
        if (found.content_length or 0) > limit:
            raise ValueError("too large")
        return (await (await self.client.files.download(url)).aget_content()).decode()

    async def listing(self, folder: str, depth: int) -> list[tuple[str, bool]]:
        results, queue = [], deque([(folder, 1)])
        while queue:
            url, level = queue.popleft()
            found = await self.metadata(url)
            if found.node_type != "FOLDER":
                raise ValueError("not a folder")
            items: list[FileItem] = found.items or []
            for item in items:
                is_folder = item.node_type == "FOLDER"
                results.append((item.url.split("/", 2)[2], is_folder))
                if is_folder and level < depth:
                    queue.append((item.url if item.url.endswith("/") else item.url + "/", level + 1))
        return sorted(results)


async def attempt(what: str, call) -> None:
    try:
        print(what, await call)
    except EtagMismatchError as error:
        print(what, "etag", error.status_code)
    except ResourceNotFoundError as error:
        print(what, "not found", error.status_code)
    except (DialException, ValueError) as error:
        print(what, type(error).__name__)


async def main() -> None:
    client = AsyncDial(base_url=URL, api_key=KEY)
    service, bucket = FileService(client), await client.my_bucket()
    root = f"files/{bucket}/work/"
    url = await service.write(root + "a.txt", "one")
    await attempt("create again", service.write(root + "a.txt", "two"))
    await attempt("edit with an old etag", service.write(root + "a.txt", "two", if_match="nonsense"))
    await attempt("overwrite", service.write(root + "a.txt", "three", overwrite=True))
    etag = (await service.metadata(url)).etag
    print(bool(etag), (await client.files.get_metadata(url)).name)
    await attempt("edit", service.write(root + "a.txt", "four", if_match=etag))
    await attempt("read", service.read(url))
    await client.files.copy_to(url, root + "deep/b.txt")
    await client.files.move_to(source=url, destination=root + "deep/er/c.txt", overwrite=True)
    await attempt("list", service.listing(root, 1))
    await attempt("list deep", service.listing(root, 9))
    await attempt("read what is gone", service.read(url))
    await attempt("delete what is gone", client.files.delete(url))
    await attempt("not a folder", service.listing(root + "deep/b.txt", 1))


asyncio.run(main())
