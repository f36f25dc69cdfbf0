"""The README's way with files, all at once: uploads of every kind, metadata, copies, and what comes back."""

import io
import os
import sys
import tempfile

from aidial_client import Dial

URL, KEY = sys.argv[1:3]
with Dial(base_url=URL, api_key=KEY) as client:
    home = client.my_files_home()
    uploads = {
        "bytes.bin": b"bytes",
        "buffered.bin": io.BufferedReader(io.BytesIO(b"buffered")),
        "pair.txt": ("pair.txt", b"pair"),
        "triple.md": ("triple.md", io.BufferedReader(io.BytesIO(b"# triple")), "text/markdown"),
        "four.json": ("four.json", b"{}", "application/json", {"X-Part": "1"}),
        "empty.bin": b"",
    }
    for name, file in uploads.items():
        item = client.files.upload(url=home / "kinds" / name, file=file)
        print(item.name, item.content_length, item.content_type, item.node_type, item.resource_type, item.parent_path)
    with tempfile.NamedTemporaryFile(suffix=".txt", delete=False) as target:
        target.write(b"from disk")
    with open(target.name, "rb") as opened:
        print(client.files.upload(home / "disk.txt", opened).content_length)
    os.unlink(target.name)
    metadata = client.files.get_metadata(home / "kinds" / "pair.txt")
    print(
        metadata.name,
        metadata.bucket == client.my_bucket(),
        metadata.url.startswith("files/"),
        metadata.etag is not None,
    )
    print(metadata.items, metadata.next_token, metadata.updatedAt is not None)
    client.files.copy_to(home / "disk.txt", home / "copies" / "disk.txt")
    client.files.move_to(str(home / "disk.txt"), str(home / "moved.txt"))
    page = client.metadata.get("files", str(home) + "/", limit=2)
    print([(item.name, item.node_type) for item in page.items], page.next_token is not None)
    print(client.files.download(home / "moved.txt").get_content())
    client.files.delete(home / "moved.txt")
