"""Large files without keeping them in memory, and the same download read in several ways."""

import asyncio
import hashlib
import sys
import tempfile
from pathlib import Path

from aidial_client import AsyncDial

URL, KEY = sys.argv[1:3]
CONTENT = bytes(range(256)) * 8192


async def main() -> None:
    async with AsyncDial(base_url=URL, api_key=KEY) as client:
        url = await client.my_files_home() / "big.bin"
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder) / "source.bin", Path(folder) / "target.bin"
            source.write_bytes(CONTENT)
            with open(source, "rb") as file:
                item = await client.files.upload(url, ("big.bin", file, "application/octet-stream"))
            print(item.name, item.content_length)
            digest = hashlib.sha256()
            async with client.files.stream_download(url) as response:
                print(response.filename, response.content_type, int(response.headers["Content-Length"]) > 0)
                async for piece in response:
                    digest.update(piece)
            print(digest.hexdigest() == hashlib.sha256(CONTENT).hexdigest())
            async with client.files.stream_download(url) as response:
                await response.awrite_to(target)
            print(target.read_bytes() == CONTENT)
            download = await client.files.download(url)
            print(download.get_content() == await download.aget_content() == CONTENT, b"".join(download) == CONTENT)
            await download.awrite_to(str(target))
            download.write_to(str(target))
            print(target.read_bytes() == CONTENT, sum([len(piece) async for piece in download]) == len(CONTENT))
            print(download.headers.get("ETAG") is not None, download.headers.get("no-such-header"))
        pieces = await asyncio.gather(*(client.files.download(url) for _ in range(5)))
        print({len(piece.get_content()) for piece in pieces})


asyncio.run(main())
