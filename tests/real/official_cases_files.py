"""Cases of the differential run: files: every form of upload, downloads, moving, metadata; every form of URL.

It knows the official client's public names only; it must not know what travels or which differences are allowed.
"""

import io
import pathlib
import tempfile
from pathlib import PurePosixPath
from typing import Any, Callable, List, Mapping

from official_cases import case, five_files
from official_recorder import Play, Raw

# Files


def one_file(raw: Raw) -> None:
    raw.put_files("/v1/files/%s/folder/a.txt" % raw.bucket, {"a.txt": b"Hello file"}, "text/custom")


def folder_listing(raw: Raw) -> None:
    item = {
        "name": "a.txt", "parentPath": None, "bucket": "b", "url": "files/b/a.txt", "nodeType": "ITEM",
        "resourceType": "FILE", "updatedAt": 2, "createdAt": 1, "etag": "e", "author": "me", "contentLength": 3,
        "contentType": "text/plain", "permissions": ["READ"], "sharedBy": "x",
    }  # fmt: skip
    folder = {
        "name": None, "parentPath": None, "bucket": "b", "url": "files/b/", "nodeType": "FOLDER",
        "resourceType": "FILE",
        "items": [item], "nextToken": "t", "permissions": ["READ", "WRITE"],
    }  # fmt: skip
    raw.server.fail(200, path="/v1/metadata/files/", body=folder)


UPLOADS: Mapping[str, Callable[[], Any]] = {
    "bytes": lambda: b"some bytes \x00\xff\r\n",
    "no bytes": lambda: b"",
    "str": lambda: "text \u2603",
    "BytesIO": lambda: io.BytesIO(b"in memory"),
    "(name, bytes)": lambda: ("named.txt", b"content"),
    "(name, str)": lambda: ("named.txt", "content \u2603"),
    "(name, file)": lambda: ("named.txt", io.BytesIO(b"content")),
    "(name, bytes, type)": lambda: ("named.bin", b"content", "image/png"),
    "(name, file, type)": lambda: ("named.bin", io.BytesIO(b"content"), "text/csv"),
    "(name, bytes, None)": lambda: ("named.json", b"{}", None),
    "(name, bytes, type, headers)": lambda: ("n.txt", b"content", "text/plain", {"X-Part": "yes", "Expires": "0"}),
    "(name, bytes, None, headers with a type)": lambda: ("n.txt", b"content", None, {"Content-Type": "text/x-own"}),
    "a name with a quote": lambda: ('a"b.txt', b"content"),
    "a name with an umlaut": lambda: ("\u00e4.txt", b"content"),
    "a name with a backslash": lambda: ("a\\b.txt", b"content"),
    "a name of many sorts": lambda: ("a b;c=d%20'e'.tar.gz", b"content"),
    "html": lambda: ("page.html", b"<p>"),
    "a name without a type": lambda: ("Makefile", b"all:"),
}
"""What can be uploaded; a function each, because a file is used up."""


def upload_case(name: str, make: Callable[[], Any]) -> None:
    @case("files: upload %s" % name)
    async def upload(play: Play) -> Any:
        return await play(play.client.files.upload("files/%s/up.txt" % play.bucket, make()))


for _name, _make in UPLOADS.items():
    upload_case(_name, _make)


# Core does not answer this one: the limit is short, but long enough for a busy machine to send the request.
@case("files: upload (None, bytes, type)", client={"max_retries": 0, "timeout": 5.0})
async def upload_nameless(play: Play) -> Any:
    return await play(play.client.files.upload("files/%s/up.png" % play.bucket, (None, b"content", "image/png")))


@case("files: upload an open file")
async def upload_open_file(play: Play) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder, "local.csv")
        place.write_bytes(b"a,b\n" * 1000)
        found = []
        with place.open("rb") as file:
            found.append(await play(play.client.files.upload("files/%s/1.txt" % play.bucket, file=file)))
        with place.open("rb") as file:
            named = ("other.txt", file, "text/plain")
            found.append(await play(play.client.files.upload(url="files/%s/2.txt" % play.bucket, file=named)))
        return found


@case("files: upload a file that was read")
async def upload_read_file(play: Play) -> Any:
    file = io.BytesIO(b"0123456789")
    file.read(5)
    return await play(play.client.files.upload("files/%s/up.txt" % play.bucket, file))


@case("files: upload a large file")
async def upload_large(play: Play) -> Any:
    return await play(play.client.files.upload("files/%s/up.bin" % play.bucket, b"0123456789abcdef" * 50_000))


@case("files: upload with preconditions", one_file)
async def upload_conditions(play: Play) -> Any:
    url, upload = "files/%s/folder/a.txt" % play.bucket, play.client.files.upload
    etag = (await play(play.client.files.get_metadata(url))).etag
    return await play.outcomes(
        lambda: upload(url, b"new", etag_if_match="wrong"),
        lambda: upload(url, b"new", etag_if_none_match="*"),
        lambda: upload(url, b"new", etag),
        lambda: upload(url, b"newer", etag_if_match="*"),
        lambda: upload("files/%s/fresh.txt" % play.bucket, b"new", None, "*"),
    )


@case("files: download", one_file)
async def download(play: Play) -> Any:
    return await play.content(await play(play.client.files.download("files/%s/folder/a.txt" % play.bucket)))


@case("files: download with a precondition", one_file)
async def download_condition(play: Play) -> Any:
    url, download = "files/%s/folder/a.txt" % play.bucket, play.client.files.download
    etag = (await play(play.client.files.get_metadata(url))).etag
    return [await play.content(await play(download(url, etag))), await play.content(await play(download(url=url)))]


@case("files: download in pieces", one_file)
async def download_pieces(play: Play) -> Any:
    response = await play(play.client.files.download("files/%s/folder/a.txt" % play.bucket))
    return b"".join([piece async for piece in response] if play.asynchronous else list(response))


@case("files: download to a file", one_file)
async def download_to_file(play: Play) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        found = []
        for place in (pathlib.Path(folder, "one"), str(pathlib.Path(folder, "two"))):
            response = await play(play.client.files.download("files/%s/folder/a.txt" % play.bucket))
            found.append(await play(response.awrite_to(place) if play.asynchronous else response.write_to(place)))
            found.append(pathlib.Path(place).read_bytes())
        return found


@case("files: download twice from one answer", one_file)
async def download_twice(play: Play) -> Any:
    response = await play(play.client.files.download("files/%s/folder/a.txt" % play.bucket))
    read = response.aget_content if play.asynchronous else response.get_content
    return [await play(read()), await play(read())]


@case("files: stream_download", one_file, modes=("async",))
async def stream_download(play: Play) -> Any:
    url = "files/%s/folder/a.txt" % play.bucket
    found: List[Any] = []
    async with play.client.files.stream_download(url) as response:
        found.append(await play.content(response))
    async with play.client.files.stream_download(url, etag_if_match="*") as response:
        found.append(b"".join([piece async for piece in response]))
    return found


@case("files: stream_download of what is not there", modes=("async",))
async def stream_missing(play: Play) -> Any:
    async with play.client.files.stream_download("files/%s/missing.txt" % play.bucket) as response:
        return await play.content(response)


@case("files: what is not there", generation="2024")
async def files_missing(play: Play) -> Any:
    url, files = "files/%s/missing.txt" % play.bucket, play.client.files
    return await play.outcomes(
        lambda: files.download(url),
        lambda: files.delete(url),
        lambda: files.get_metadata(url),
        lambda: files.move_to(url, url + "2"),
    )


@case("files: what is not there in 2026")
async def files_missing_2026(play: Play) -> Any:
    url, files = "files/%s/missing.txt" % play.bucket, play.client.files
    return await play.outcomes(
        lambda: files.download(url),
        lambda: files.delete(url),
        lambda: files.get_metadata(url),
        lambda: files.move_to(url, url + "2"),
        lambda: files.copy_to(url, url + "2"),
    )


@case("files: another one's bucket", lambda raw: raw.server.add_per_request_key("x", "echo"))
async def files_forbidden(play: Play) -> Any:
    other = play.make_client(api_key="second-key", max_retries=0)
    url = "files/%s/a.txt" % await play(other.my_bucket())
    await play(other.aclose() if play.asynchronous else other.close())
    files = play.client.files
    return await play.outcomes(
        lambda: files.download(url), lambda: files.upload(url, b"x"), lambda: files.get_metadata(url)
    )


@case("files: delete", five_files)
async def delete(play: Play) -> Any:
    delete = play.client.files.delete
    return await play.outcomes(
        lambda: delete("files/%s/root.txt" % play.bucket),
        lambda: delete(url="files/%s/folder/a.txt" % play.bucket, etag_if_match="wrong"),
        lambda: delete("files/%s/folder/a.txt" % play.bucket, "*"),
    )


@case("files: move_to and copy_to", five_files)
async def move(play: Play) -> Any:
    files, here = play.client.files, "files/%s/" % play.bucket
    return await play.outcomes(
        lambda: files.move_to(here + "root.txt", here + "moved/root.txt"),
        lambda: files.copy_to(here + "z z.txt", here + "y%20y.txt"),
        lambda: files.copy_to(source=here + "folder/a.txt", destination=here + "folder/b.txt"),
        lambda: files.copy_to(here + "folder/a.txt", here + "folder/b.txt", True),
        lambda: files.move_to(PurePosixPath(here + "folder/a.txt"), here + "folder/b.txt", overwrite=True),
        lambda: files.move_to(play.url + "/v1/" + here + "folder/b.txt", here + "c.txt"),
        lambda: files.move_to("prompts/b/a", here + "c.txt"),
    )


@case("files: move_to of a folder", five_files)
async def move_folder(play: Play) -> Any:
    here = "files/%s/" % play.bucket
    return await play(play.client.files.move_to(here + "folder/", here + "other/"))


@case("files: copy_to on a Core that has none", five_files, generation="2024")
async def copy_2024(play: Play) -> Any:
    return await play(play.client.files.copy_to("files/%s/root.txt" % play.bucket, "files/%s/x" % play.bucket))


@case("files: get_metadata", one_file)
async def file_metadata(play: Play) -> Any:
    client = play.client
    url = await play(client.my_files_home()) / "folder/a.txt"
    return [
        await play(client.files.get_metadata(url)),
        await play(client.files.get_metadata(str(url), limit=5, token="t")),
    ]


@case("files: get_metadata of a folder", five_files)
async def folder_metadata(play: Play) -> Any:
    return await play(play.client.files.get_metadata("files/%s/folder/" % play.bucket, limit=1))


@case("files: get_metadata of a bucket's root", five_files)
async def root_metadata(play: Play) -> Any:
    return await play(play.client.files.get_metadata("files/%s/" % play.bucket))


@case("files: metadata with unknown fields", folder_listing)
async def metadata_enriched(play: Play) -> Any:
    return await play(play.client.metadata.get("files", "files/b/"))


GOOD_NAMES = (
    "plain.txt", "with space.txt", "with%20space.txt", "ni\u00f1o.txt", "%E2%98%83", "a#b", "a?b", "a%3Fb", "a[1]",
    "a:b", "12:30", "a+b", "a&b=c", "a@b", "a|b", 'a"b', "a'b", "a,b;c", "~tilde", "-dash_", "(1)", "a%2Bb", "a%25b",
    "a^b", "a\\b", "a<b>", "50%", "deep/er/x", "UPPER", "a.b.c", "!$*=", "\U0001f600", "e\u0301", "a%zz",
    "files", "v1", "a;b",
)  # fmt: skip
"""Names below a bucket, as people write them."""


@case("urls: names")
async def good_names(play: Play) -> Any:
    upload = play.client.files.upload
    return await play.outcomes(
        *[lambda name=name: upload("files/%s/%s" % (play.bucket, name), b"x") for name in GOOD_NAMES]
    )


@case("urls: paths")
async def good_paths(play: Play) -> Any:
    delete, home = play.client.files.delete, await play(play.client.my_files_home())
    return await play.outcomes(*[lambda name=name: delete(home / name) for name in GOOD_NAMES])


@case("urls: absolute")
async def absolute_urls(play: Play) -> Any:
    delete = play.client.files.delete
    encoded = ("plain.txt", "with%20space.txt", "%E2%98%83", "a%23b", "a@b", "a:b", "a+b", "a'b", "(1)", "a%2Bb", "d/e")
    here = play.url + "/v1/files/%s/" % play.bucket
    return await play.outcomes(*[lambda name=name: delete(here + name) for name in encoded])


@case("urls: absolute and not encoded")
async def absolute_raw_urls(play: Play) -> Any:
    delete, here = play.client.files.delete, play.url + "/v1/files/%s/" % play.bucket
    return await play.outcomes(*[lambda name=name: delete(here + name) for name in ("a b", "\u2603", "a[1]", 'a"b')])


@case("urls: absolute with a query or fragment")
async def absolute_query_urls(play: Play) -> Any:
    delete, here = play.client.files.delete, play.url + "/v1/files/%s/" % play.bucket
    return await play.outcomes(lambda: delete(here + "a?b=c"), lambda: delete(here + "a#b"))


@case("urls: of elsewhere")
async def foreign_urls(play: Play) -> Any:
    delete = play.client.files.delete
    urls = (
        "https://other.example.com/v1/files/b/a.txt",
        "http://127.0.0.1:1/v1/files/b/a.txt",
        "//other.example.com/v1/files/b/a.txt",
    )
    return await play.outcomes(*[lambda url=url: delete(url) for url in urls])


@case("urls: of another scheme")
async def https_url(play: Play) -> Any:
    return await play(play.client.files.delete(play.url.replace("http:", "https:") + "/v1/files/b/a.txt"))


BAD_URLS = (
    "", " ", "/", "files", "files/", "files/b", "a.txt", "/files/b/a.txt", "v1/files/b/a.txt", "/v1/files/b/a.txt",
    "prompts/b/a", "skills/b/a", "unknown/b/a", "files/b//a", "files//a", "files/b/../a", "files/b/./a", "files/b/..",
    "files/b/%2e%2e/a", "files/b/a%2Fb", "files/b/a%2fb", "../files/b/a", "files/../x/y", "files/b/a//",
)  # fmt: skip


@case("urls: refused")
async def bad_urls(play: Play) -> Any:
    download = play.client.files.download
    return await play.outcomes(*[lambda url=url: download(url) for url in BAD_URLS])


@case("urls: refused, absolute")
async def bad_absolute_urls(play: Play) -> Any:
    download, here = play.client.files.download, play.url
    paths = ("/", "/v1", "/v1/files/b", "/openai/files/b/a", "/files/b/a", "/v1/prompts/b/a", "/v1/files/b/a%2Fb")
    return await play.outcomes(*[lambda path=path: download(here + path) for path in paths])


@case("urls: of another version of the API")
async def other_version(play: Play) -> Any:
    return await play(play.client.files.download(play.url + "/v2/files/b/a"))


@case("urls: a folder where a file is wanted")
async def folder_urls(play: Play) -> Any:
    files, url = play.client.files, "files/%s/folder/" % play.bucket
    return await play.outcomes(lambda: files.download(url), lambda: files.upload(url, b"x"), lambda: files.delete(url))
