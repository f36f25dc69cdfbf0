"""Text out of attached files: downloads by URL, looks at names and types, reads more than once."""

import csv
import io
import sys
import tempfile
from pathlib import Path

from aidial_client import Dial, DialException, ResourceNotFoundError
from aidial_client.types.file import FileDownloadResponse

URL, KEY = sys.argv[1:3]


class Extractor:
    def __init__(self) -> None:
        self.client = Dial(base_url=URL, api_key=KEY)
        self.cache: dict[str, str] = {}

    def extract(self, url: str) -> str:
        if url in self.cache:
            return self.cache[url]
        file: FileDownloadResponse = self.client.files.download(url)
        name, content = file.filename, file.get_content()
        extension = Path(name).suffix.lower()
        if extension == ".txt":
            text = content.decode("utf-8", errors="ignore")
        elif extension == ".csv":
            text = " | ".join(",".join(row) for row in csv.reader(io.StringIO(content.decode("utf-8"))))
        else:
            text = "unsupported %s (%s)" % (extension, file.content_type)
        assert b"".join(file) == file.get_content() == content
        with tempfile.TemporaryDirectory() as folder:
            file.write_to(Path(folder) / name)
            assert (Path(folder) / name).read_bytes() == content
        self.cache[url] = text
        return text


extractor = Extractor()
home = extractor.client.my_files_home()
files = {
    "notes.TXT": b"first line\nsecond \xff line",
    "my table (1).csv": "a,b\n1,å\n".encode(),
    "picture.png": b"\x89PNG",
}
for name, content in files.items():
    kind = "image/png" if name.endswith("png") else "text/plain"
    item = extractor.client.files.upload(home / "in" / name, (name, content, kind))
    print(item.name, item.content_type, item.content_length, item.url.rsplit("/", 1)[1])
    print(repr(extractor.extract(item.url)), repr(extractor.extract(URL + "/v1/" + item.url))[:12])
for bad in ("files/none/x.txt", "files/%s/gone.txt" % extractor.client.my_bucket()):
    try:
        extractor.extract(bad)
    except ResourceNotFoundError as error:
        print("not found", error.status_code)
    except DialException as error:
        print("refused", error.status_code)
