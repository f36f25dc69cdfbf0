"""Files: upload in every form, download, metadata, listings, deletion, moving, copying."""

import hashlib
import io
from pathlib import PurePosixPath

import pytest

from aidial_min import (
    EndpointNotSupportedError,
    EtagMismatchError,
    InvalidDialURLError,
    InvalidRequestError,
    NotDialURLError,
    ParsingDataError,
    PermissionDeniedError,
    ResourceNotFoundError,
)


@pytest.fixture
def do(core, dial):
    return dial(core)


@pytest.fixture
def home(do, bucket_of):
    return "files/" + bucket_of(do)


def content_of(do, url, **arguments):
    async def read(client):
        return await (await client.files.download(url, **arguments)).aget_content()

    return do((lambda c: c.files.download(url, **arguments).get_content()) if do.kind == "sync" else read)


def test_from_upload_to_deletion(core, do, home):
    url = home + "/folder/my file.txt"
    item = do(lambda c: c.files.upload(url, b"abc"))
    assert (item.name, item.parent_path, item.url) == ("my file.txt", "folder", home + "/folder/my%20file.txt")
    assert (item.content_length, item.content_type) == (3, "text/plain")
    assert item.etag == hashlib.md5(b"abc").hexdigest()
    found = do(lambda c: c.files.metadata(url))
    assert found.to_dict() == do(lambda c: c.files.get_metadata(item.url)).to_dict()
    assert (found.etag, found.created_at) == (item.etag, item.created_at)
    assert content_of(do, url) == b"abc"
    assert do(lambda c: c.files.delete(url)) is None
    with pytest.raises(ResourceNotFoundError):
        content_of(do, url)
    do(lambda c: c.files.upload(url, b"abc"))
    assert do(lambda c: c.files.delete(PurePosixPath(url))) is None


FORMS = {
    "bytes": (lambda path: b"abc", "text/plain"),
    "(name, text)": (lambda path: ("x.txt", "abc"), "text/plain"),
    "a file object": (lambda path: io.BytesIO(b"abc"), "text/plain"),
    "a path": (lambda path: path, "text/plain"),
    "an open file": (lambda path: path.open("rb"), "text/plain"),
    "(name, content)": (lambda path: ("x.json", b"abc"), "application/json"),
    "(name, content, type)": (lambda path: ("x", io.BytesIO(b"abc"), "a/b"), "a/b"),
    "(name, content, type, headers)": (lambda path: ("x", b"abc", "a/b", {"X-A": "b"}), "a/b"),
    "(name, type, content), as the guide has it": (lambda path: ("x", "a/b", io.BytesIO(b"abc")), "a/b"),
    "(None, content)": (lambda path: (None, b"abc"), "text/plain"),
}


@pytest.mark.parametrize("form", FORMS)
def test_uploads_in_every_form(do, home, form, tmp_path):
    make, content_type = FORMS[form]
    (tmp_path / "local.txt").write_bytes(b"abc")
    file = make(tmp_path / "local.txt")
    try:
        item = do(lambda c: c.files.upload(home + "/a.txt", file))
    finally:
        if hasattr(file, "close"):
            file.close()
    assert item.content_type == content_type and item.name == "a.txt"
    assert content_of(do, home + "/a.txt") == b"abc"


def test_a_seekable_file_is_sent_from_its_beginning(do, home):
    file = io.BytesIO(b"abcdef")
    file.seek(3)
    assert do(lambda c: c.files.upload(home + "/a", file)).content_length == 6


def test_progress(do, home):
    told = []
    do(lambda c: c.files.upload(home + "/a", b"x" * 1_000_000, progress=lambda done, total: told.append((done, total))))
    assert told[-1] == (1_000_000, 1_000_000) and told == sorted(told)
    with pytest.raises(InvalidRequestError, match="progress must be a function, not bool"):
        do(lambda c: c.files.upload(home + "/b", b"x", progress=True))
    assert [item.name for item in do(lambda c: c.files.list(home))] == ["a"]


def test_preconditions(core, do, home):
    url = home + "/a"
    etag = do(lambda c: c.files.upload(url, b"a", etag_if_none_match="*")).etag
    with pytest.raises(EtagMismatchError):
        do(lambda c: c.files.upload(url, b"b", etag_if_none_match="*"))
    with pytest.raises(EtagMismatchError):
        do(lambda c: c.files.upload(url, b"b", "0" * 32))
    newer = do(lambda c: c.files.upload(url, b"b", etag_if_match=etag)).etag
    with pytest.raises(EtagMismatchError):
        do(lambda c: c.files.delete(url, etag))
    with pytest.raises(EtagMismatchError):
        content_of(do, url, etag_if_match=etag)  # compared here, where Core of 2024 ignores the header
    assert content_of(do, url, etag_if_match=newer) == content_of(do, url, etag_if_match='W/"x", "%s"' % newer) == b"b"
    do(lambda c: c.files.delete(url, etag_if_match=newer))


@pytest.mark.parametrize("etag", [5, b"abc", ["abc"]])
def test_an_etag_is_a_str(older, dial, etag):
    do = dial(older)
    for call in (
        lambda c: c.files.upload("files/b/a", b"", etag_if_match=etag),
        lambda c: c.files.upload("files/b/a", b"", etag_if_none_match=etag),
        lambda c: c.files.download("files/b/a", etag_if_match=etag),
        lambda c: c.files.delete("files/b/a", etag),
    ):
        with pytest.raises(InvalidRequestError, match="must be a str"):
            do(call)
    assert not older.requests


def test_what_a_download_says_of_itself(do, home):
    do(lambda c: c.files.upload(home + "/ü x.txt", b"abc"))
    etag = hashlib.md5(b"abc").hexdigest()

    def sync(client):
        with client.files.stream_download(home + "/%C3%BC x.txt") as found:
            assert dict(found.headers)["content-type"] == found.headers["Content-Type"] == found.content_type
            return found.filename, found.content_type, found.content_length, found.etag, b"".join(found)

    async def asynchronous(client):
        async with client.files.stream_download(home + "/%C3%BC x.txt") as found:
            said = found.filename, found.content_type, found.content_length, found.etag
            return (*said, b"".join([piece async for piece in found]))

    assert do(sync if do.kind == "sync" else asynchronous) == ("ü x.txt", "text/plain", 3, etag, b"abc")


def test_a_download_to_a_file(do, home, tmp_path):
    do(lambda c: c.files.upload(home + "/a", b"abc"))
    target = tmp_path / "target"

    async def asynchronous(client):
        await (await client.files.download(home + "/a")).awrite_to(target)

    do((lambda c: c.files.download(home + "/a").write_to(target)) if do.kind == "sync" else asynchronous)
    assert target.read_bytes() == b"abc" and [path.name for path in tmp_path.iterdir()] == ["target"]


def test_listings_cover_all_pages(core, do, home):
    for number in range(5):
        do(lambda c, number=number: c.files.upload("%s/folder/%d" % (home, number), b""))
    found = do(lambda c: c.files.list(home + "/folder"))
    assert [item.name for item in found] == ["0", "1", "2", "3", "4"]
    assert [item.node_type for item in do(lambda c: c.files.list(home))] == ["FOLDER"]
    page = do(lambda c: c.files.metadata(home + "/folder/", limit=3))
    assert len(page.items) == 3 and page.next_token
    assert len(do(lambda c: c.files.metadata(home + "/folder/", limit=3, token=page.next_token)).items) == 2


def page_of(names, token=None):
    entry = {"bucket": "abc", "nodeType": "ITEM", "resourceType": "FILE"}
    items = [{**entry, "name": name, "url": "files/abc/" + name} for name in names]
    found = {"url": "files/abc/", "nodeType": "FOLDER", "resourceType": "FILE", "items": items}
    return {**found, "nextToken": token} if token else found


def test_short_and_empty_pages_do_not_end_a_listing(older, dial):
    for names, token in ((["a"], "1"), ([], "2"), (None, "3"), (["b", "c"], None)):
        page = page_of(names or [], token)
        older.fail(200, body={**page, "items": None} if names is None else page)
    found = dial(older)(lambda c: c.files.list("files/abc/"))
    assert [item.name for item in found] == ["a", "b", "c"]
    assert [request.query.get("token") for request in older.requests] == [None, "1", "2", "3"]


def test_a_listing_that_goes_in_circles_is_noticed(older, dial):
    older.fail(200, body=page_of(["a"], "1"), times=None)
    with pytest.raises(ParsingDataError, match="same page") as caught:
        dial(older)(lambda c: c.files.list("files/abc/"))
    assert caught.value.request_sent == "yes"


def test_an_empty_folder_is_an_empty_list(do, home):
    assert do(lambda c: c.files.list(home)) == do(lambda c: c.files.list(home + "/none/")) == []
    with pytest.raises(ResourceNotFoundError):
        do(lambda c: c.files.metadata(home + "/none/"))


def test_a_path_may_mean_a_folder(core, do, home):
    do(lambda c: c.files.upload(home + "/folder/a", b""))
    assert do(lambda c: c.files.metadata(PurePosixPath(home, "folder"))).node_type == "FOLDER"
    with pytest.raises(ResourceNotFoundError):
        do(lambda c: c.files.metadata(home + "/folder"))  # a str says what it means
    with pytest.raises(ResourceNotFoundError):
        do(lambda c: c.files.metadata(PurePosixPath(home, "none")))


def test_moving_and_copying(core, do, home, last):
    do(lambda c: c.files.upload(home + "/a b", b"abc"))
    assert do(lambda c: c.files.move_to(home + "/a b", home + "/c")) is None
    body = {"sourceUrl": home + "/a%20b", "destinationUrl": home + "/c", "overwrite": False}
    assert last(core) == ("POST", "/v1/ops/resource/move", body)
    with pytest.raises(InvalidRequestError):
        do(lambda c: c.files.move_to(home + "/a b", home + "/d"))
    if core.generation == "2024":
        with pytest.raises(EndpointNotSupportedError):
            do(lambda c: c.files.copy_to(home + "/c", home + "/d"))
    else:
        assert do(lambda c: c.files.copy_to(source=home + "/c", destination=home + "/d", overwrite=True)) is None
        assert content_of(do, home + "/d") == b"abc"


def test_files_of_others(core, dial, do, home):
    other = dial(core, "two")
    do(lambda c: c.files.upload(home + "/a", b""))
    with pytest.raises(PermissionDeniedError):
        other(lambda c: c.files.metadata(home + "/a"))


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("prompts/b/x", InvalidDialURLError),
        ("files/b/", InvalidDialURLError),
        ("files/b/a//b", InvalidDialURLError),
        ("files/b/%2e%2e/x", InvalidDialURLError),
        ("files/b/{x}", InvalidDialURLError),
        ("/files/b/x", InvalidDialURLError),
        (b"files/b/x", InvalidDialURLError),
        ("https://other.example/v1/files/b/x", NotDialURLError),
    ],
)
def test_bad_urls_are_not_sent(older, dial, url, error):
    do = dial(older)
    for call in (
        lambda c: c.files.upload(url, b""),
        lambda c: c.files.download(url),
        lambda c: c.files.delete(url),
        lambda c: c.files.copy_to("files/b/y", url),
    ):
        with pytest.raises(error):
            do(call)
    assert not older.requests


def test_files_that_can_not_be_sent(older, dial, tmp_path):
    closed = io.BytesIO()
    closed.close()
    do = dial(older)
    with open(tmp_path / "text", "w") as text:
        for file in (closed, io.StringIO("a"), text, 5, None, tmp_path, tmp_path / "none", ("a",), (5, b"")):
            with pytest.raises(InvalidRequestError):
                do(lambda c, file=file: c.files.upload("files/b/x", file))
    assert not older.requests
