"""The file storage of a model adapter: one pool, display names for messages, errors turned into its own."""

import asyncio
import base64
import hashlib
import mimetypes
import sys
from urllib.parse import unquote, urljoin

from aidial_client import AsyncDial, AsyncDialClientPool, DialException, InvalidDialURLError
from aidial_client._constants import DEFAULT_MAX_RETRIES, DEFAULT_TIMEOUT
from aidial_client.types.metadata import FileMetadata

URL, KEY = sys.argv[1:3]
POOL = AsyncDialClientPool()


class AdapterError(Exception):
    pass


class FileStorage:
    def __init__(self, client: AsyncDial) -> None:
        self.client = client

    @classmethod
    def create(cls) -> "FileStorage":
        return cls(
            POOL.create_client(base_url=URL, api_key=KEY, max_retries=DEFAULT_MAX_RETRIES, timeout=DEFAULT_TIMEOUT)
        )

    async def upload(self, folder: str, data: str, content_type: str) -> FileMetadata:
        name = hashlib.sha256(data.encode()).hexdigest()[:8] + (mimetypes.guess_extension(content_type) or "")
        url = await self.client.my_files_home() / folder / name
        return await self.client.files.upload(url=url, file=(name, base64.b64decode(data), content_type))

    def is_dial_url(self, link: str) -> bool:
        return self.client.is_dial_url(urljoin(self.client.api_url, link))

    async def download(self, link: str) -> bytes:
        url = urljoin(f"{self.client.base_url}v1/", link)
        try:
            if self.is_dial_url(link):
                try:
                    return await (await self.client.files.download(url=url)).aget_content()
                except InvalidDialURLError as error:
                    return ("not in the storage: " + type(error).__name__).encode()
            return b"somewhere else"
        except DialException as error:
            raise AdapterError(f"Failed to download file {link!r} (status code {error.status_code})") from error

    def human_name(self, link: str) -> str:
        url = urljoin(f"{self.client.base_url}v1/", link)
        try:
            name = self.client.files.get_display_name(url) or ""
        except InvalidDialURLError:
            name = url.removeprefix(self.client.api_url)
        decoded = unquote(name)
        return name if name == decoded else repr(decoded)


async def main() -> None:
    storage = FileStorage.create()
    meta = await storage.upload("images", base64.b64encode(b"picture").decode(), "image/png")
    dumped = meta.model_dump()
    print({key: dumped[key] for key in ("name", "parent_path", "bucket", "url", "node_type", "resource_type")})
    print(await storage.download(meta.url), storage.human_name(meta.url))
    print(storage.is_dial_url("https://example.org/a.png"), storage.is_dial_url("files/b/a.png"))
    for link in ("https://example.org/a.png", "files/my-bucket", "other/thing/x"):
        print(link, await storage.download(link))
    print(storage.human_name("files/b/a/my%20file%20(1).png"), storage.human_name("files/b"))
    for link in ("files/%s/none.png" % meta.bucket, "files/strangers/none.png"):
        try:
            await storage.download(link)
        except AdapterError as error:
            print(error, DialException in type(error.__cause__).__mro__)
    await POOL.aclose()


asyncio.run(main())
