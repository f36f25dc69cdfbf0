"""Skills: references that are narrowed step by step, and what is done at them."""

import io
import re
import zipfile
from pathlib import PurePosixPath
from urllib.parse import quote

import pytest

from aidial_min import (
    ConflictError,
    Dial,
    EndpointNotSupportedError,
    EtagMismatchError,
    InvalidDialURLError,
    InvalidRequestError,
    NotDialURLError,
    ResourceNotFoundError,
)

MANIFEST = "---\nname: tone\ndescription: how to write\n---\nShortly.\n"
FILES = {"SKILL.md": MANIFEST, "scripts/run.py": b"print(1)\n"}


def content_of(do, opened):
    """The bytes of a download."""

    async def read(client):
        return await (await opened(client)).aget_content()

    return do((lambda client: opened(client).get_content()) if do.kind == "sync" else read)


def streamed(do, opened):
    """The bytes and the filename of what is opened by a `with` block."""

    def sync(client):
        with opened(client) as response:
            return b"".join(response), response.filename

    async def asynchronous(client):
        async with opened(client) as response:
            return b"".join([piece async for piece in response]), response.filename

    return do(sync if do.kind == "sync" else asynchronous)


# References


@pytest.fixture
def skills():
    with Dial(base_url="https://dial.example/prefix", api_key="key") as client:
        yield client.skills


def test_a_reference_is_narrowed_and_never_changed(skills):
    writing = skills / "writing"
    tone = writing / "tone"
    assert (skills.path, writing.path, tone.path) == ((), ("writing",), ("writing", "tone"))
    assert tone == skills / "writing/tone" == skills / PurePosixPath("writing", "tone")
    assert tone == skills(path="writing")(path="tone") and hash(tone) == hash(skills / "writing/tone")
    assert tone != writing and tone != tone.files
    with pytest.raises(AttributeError):
        tone.path = ()
    assert (skills / "my%20skill").path == (skills / "my skill").path == ("my skill",)


def test_files_are_narrowed_too(skills):
    files = (skills / "tone").files
    assert (files.path, files.skill_path, files.bucket) == ((), ("tone",), None)
    assert (files / "scripts" / "run.py").path == files(path="scripts/run.py").path == ("scripts", "run.py")
    other = files(url="skills/b1/a/files/files/x y")
    assert (other.bucket, other.skill_path, other.path) == ("b1", ("a",), ("files", "x y"))
    assert files(url="skills/b1/files/files/x").skill_path == ("files",)  # a skill may be called files


def test_other_buckets(skills):
    for found in (
        skills(bucket="b1") / "a b",
        skills(bucket="b1", path="a b"),
        skills(url="skills/b1/a%20b"),
        skills(url="skills/b1/a%20b/"),
        skills / "skills/b1/a b",
        skills / PurePosixPath("skills/b1/a b"),
        skills / "https://dial.example/prefix/v2/skills/b1/a%20b",
    ):
        assert (found.bucket, found.path) == ("b1", ("a b",))
    assert (skills / "a" / "skills/b1/x").path == ("a", "skills", "b1", "x")  # further down it is a name like any other
    assert skills(path="skills/x").path == ("skills", "x")


def test_a_reference_says_where_it_leads(skills):
    assert repr(skills / "a b") == "SkillsRef('skills/<my-bucket>/a%20b')"
    assert repr(skills(bucket="b1").files / "x") == "SkillFilesRef('skills/b1/files/x')"


@pytest.mark.parametrize("path", ["", "/a", "a/", "a//b", ".", "..", "a/../b", "a/%2e%2e/b", "a%2Fb", "a{b", 5, None])
def test_paths_that_lead_nowhere(skills, path):
    with pytest.raises(InvalidDialURLError):
        skills / path
    with pytest.raises(InvalidDialURLError):
        (skills / "a").files / path


def test_urls_that_lead_elsewhere(skills):
    with pytest.raises(NotDialURLError):
        skills(url="https://other.example/v2/skills/b1/a")
    for url in ("files/b1/a", "/skills/b1/a", "v2/skills/b1/a", "skills"):
        with pytest.raises(InvalidDialURLError):
            skills(url=url)
    for bucket in ("", "a/b", "a b", ".."):
        with pytest.raises(InvalidDialURLError):
            skills(bucket=bucket)
    with pytest.raises(InvalidDialURLError):
        (skills / "a").files(url="skills/b1/a/x")
    for wrong in ({}, {"url": "skills/b1/a", "path": "a"}, {"url": "skills/b1/a", "bucket": "b1"}):
        with pytest.raises(TypeError):
            skills(**wrong)


# Operations


def test_from_creation_to_deletion(newer, dial, bucket_of):
    do = dial(newer)
    etag = do(lambda c: (c.skills / "writing" / "my tone").put(FILES))
    assert re.fullmatch("[0-9a-f]{32}", etag)
    sent = newer.requests[-1]
    assert (sent.method, sent.target) == ("PUT", "/v2/skills/%s/writing/my%%20tone" % bucket_of(do))
    assert "if-match" not in sent.headers and sent.headers["content-type"].startswith("multipart/form-data")
    assert b'filename="SKILL.md"' in sent.body and b'filename="scripts/run.py"' in sent.body

    packed = content_of(do, lambda c: (c.skills / "writing" / "my tone").download())
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {
            "SKILL.md": MANIFEST.encode(),
            "scripts/run.py": b"print(1)\n",
        }
    assert streamed(do, lambda c: (c.skills / "writing/my tone").stream_download()) == (packed, "my tone.zip")

    assert do(lambda c: (c.skills / "writing/my tone").delete(etag_if_match=etag)) is None
    with pytest.raises(ResourceNotFoundError):
        do(lambda c: (c.skills / "writing/my tone").download())


def test_overwriting_has_to_be_asked_for(newer, dial):
    do = dial(newer)
    first = do(lambda c: (c.skills / "tone").put(FILES))
    with pytest.raises(EtagMismatchError):
        do(lambda c: (c.skills / "tone").put(FILES))
    second = do(lambda c: (c.skills / "tone").put({"SKILL.md": MANIFEST + "More."}, overwrite=True))
    assert newer.requests[-1].headers["if-match"] == "*" and second != first
    with pytest.raises(EtagMismatchError):
        do(lambda c: (c.skills / "tone").put(FILES, etag_if_match=first))
    assert do(lambda c: (c.skills / "tone").put(FILES, etag_if_match=second)) == first
    with pytest.raises(EtagMismatchError):
        do(lambda c: (c.skills / "tone").delete(second))


def test_a_local_folder_becomes_a_skill(newer, dial, tmp_path):
    (tmp_path / "scripts").mkdir()
    (tmp_path / "SKILL.md").write_text(MANIFEST)
    (tmp_path / "scripts" / "bär.py").write_bytes(b"print(2)")
    do = dial(newer)
    do(lambda c: (c.skills / "tone").put(tmp_path))
    do(lambda c: (c.skills / "tone2").put(str(tmp_path)))
    assert b"filename*=UTF-8''scripts%2Fb%C3%A4r.py\r\n" in newer.requests[-1].body
    packed = content_of(do, lambda c: (c.skills / "tone").download())
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.read("SKILL.md") == MANIFEST.encode() and len(archive.namelist()) == 2


def test_every_form_of_a_file_will_do(newer, dial, tmp_path):
    (tmp_path / "local.txt").write_bytes(b"local")
    files = {
        "SKILL.md": ("other-name.md", MANIFEST.encode(), "text/markdown"),
        "a": io.BytesIO(b"file object"),
        "b/c": tmp_path / "local.txt",
        "d": "text",
    }
    do = dial(newer)
    do(lambda c: (c.skills / "tone").put(files))
    contents = {"SKILL.md": MANIFEST.encode(), "a": b"file object", "b/c": b"local", "d": b"text"}
    for name, content in contents.items():
        assert content_of(do, lambda c, name=name: ((c.skills / "tone").files / name).read()) == content


@pytest.mark.parametrize("name", ['with "quotes"', "b\u00e4r", "a+b"])
def test_the_name_of_a_file_travels_whole(newer, dial, name):
    do = dial(newer)
    do(lambda c: (c.skills / "tone").put({"SKILL.md": MANIFEST, name: b""}))
    sent = newer.requests[-1].body.decode()
    whole = 'filename="%s"' % name in sent
    assert whole or "filename*=UTF-8''%s\r\n" % quote(name, safe="") in sent


def test_single_files(newer, dial, bucket_of):
    do = dial(newer)
    first = do(lambda c: (c.skills / "tone").put(FILES))
    place = "/v2/skills/%s/tone/files/" % bucket_of(do)
    assert content_of(do, lambda c: ((c.skills / "tone").files / "SKILL.md").read()) == MANIFEST.encode()
    assert newer.requests[-1].target == place + "SKILL.md"
    name = "scripts/run.py"
    assert streamed(do, lambda c: ((c.skills / "tone").files / name).stream()) == (b"print(1)\n", "run.py")

    second = do(lambda c: ((c.skills / "tone").files / "data/my file").put(b"abc", etag_if_match=first))
    assert newer.requests[-1].target == place + "data/my%20file" and second != first
    assert content_of(do, lambda c: ((c.skills / "tone").files / "data" / "my file").read()) == b"abc"
    with pytest.raises(EtagMismatchError):
        do(lambda c: ((c.skills / "tone").files / "data/my file").put(b"abcd", etag_if_match=first))
    with pytest.raises(EtagMismatchError):
        do(lambda c: ((c.skills / "tone").files / "data/my file").delete(first))
    assert do(lambda c: ((c.skills / "tone").files / "data/my file").delete()) is None
    with pytest.raises(ResourceNotFoundError):
        do(lambda c: ((c.skills / "tone").files / "data/my file").read())


def test_listings(newer, dial, bucket_of):
    do = dial(newer)
    bucket = bucket_of(do)
    for path in ("a", "group/b", "group/c"):
        do(lambda c, path=path: (c.skills / path).put(FILES))

    def listed(**how):
        return {item.name: item.node_type for item in do(lambda c: c.skills.list(**how)).items}

    assert listed() == {"a": "ITEM", "group": "FOLDER"}
    assert newer.requests[-1].target == "/v2/metadata/skills/%s/" % bucket
    assert set(listed(recursive=True)) >= {"a", "b", "c"}
    page = do(lambda c: (c.skills / "group").list(limit=1))
    assert newer.requests[-1].target == "/v2/metadata/skills/%s/group/?limit=1" % bucket
    rest = do(lambda c: (c.skills / "group").list(token=page.next_token))
    assert [item.name for item in page.items + rest.items] == ["b", "c"]
    (item,) = page.items
    assert do(lambda c: c.skills(url=item.url).files.list()).items

    files = do(lambda c: (c.skills / "a").files.list())
    assert newer.requests[-1].target == "/v2/metadata/skills/%s/a/files" % bucket
    assert {item.name: item.node_type for item in files.items} == {"SKILL.md": "ITEM", "scripts": "FOLDER"}
    below = do(lambda c: ((c.skills / "a").files / "scripts").list(recursive=True))
    assert newer.requests[-1].target == "/v2/metadata/skills/%s/a/files/scripts?recursive=true" % bucket
    assert [item.name for item in below.items] == ["run.py"]


def test_folders_of_skills(newer, dial):
    do = dial(newer)
    assert do(lambda c: (c.skills / "group").create_folder()) is None
    do(lambda c: (c.skills / "group" / "tone").put(FILES))
    with pytest.raises(ConflictError):
        do(lambda c: (c.skills / "group").delete_folder())
    do(lambda c: (c.skills / "group" / "tone").delete())
    assert do(lambda c: (c.skills / "group").delete_folder()) is None
    assert do(lambda c: c.skills.list()).items == []


def test_the_own_bucket_is_asked_once_and_only_when_needed(newer, dial):
    do = dial(newer)
    do(lambda c: c.skills / "a" / "b")
    assert not newer.requests
    for _ in range(2):
        do(lambda c: c.skills.list())
    do(lambda c: (c.skills / "tone").put(FILES))
    assert [request.path for request in newer.requests].count("/v1/bucket") == 1
    before = len(newer.requests)
    dial(newer)(lambda c: c.skills(bucket="public").list())
    assert [request.path for request in newer.requests[before:]] == ["/v2/metadata/skills/public/"]


def test_an_operation_wants_the_place_it_is_for(newer, dial):
    do = dial(newer)
    for call in (
        lambda c: c.skills.download(),
        lambda c: c.skills.put(FILES),
        lambda c: c.skills.delete(),
        lambda c: c.skills.create_folder(),
        lambda c: c.skills.files.list(),
        lambda c: (c.skills / "a").files.read(),
        lambda c: (c.skills / "a").files.put(b""),
        lambda c: (c.skills / "a").files.delete(),
    ):
        with pytest.raises(InvalidDialURLError):
            do(call)
    assert not newer.requests


def test_files_that_can_not_be_a_skill(newer, dial, tmp_path, bucket_of):
    do = dial(newer)
    bucket_of(do)
    before = len(newer.requests)
    for files in ({}, [], None, 5, str(tmp_path / "none"), tmp_path):
        with pytest.raises(InvalidRequestError):
            do(lambda c, files=files: (c.skills / "a").put(files))
    for path in ("", "/a", "a/", "a//b", "../a", "a\\b", 5):
        with pytest.raises(InvalidRequestError):
            do(lambda c, path=path: (c.skills / "a").put({"SKILL.md": MANIFEST, path: b""}))
    with pytest.raises(InvalidRequestError):
        do(lambda c: (c.skills / "a").put(FILES, overwrite=True, etag_if_match="x"))
    assert len(newer.requests) == before
    with pytest.raises(InvalidRequestError, match="SKILL.md"):
        do(lambda c: (c.skills / "a").put({"README.md": b""}))


def test_core_of_2024_has_no_skills(older, dial):
    do = dial(older)
    for call in (
        lambda c: c.skills.list(),
        lambda c: (c.skills / "a").download(),
        lambda c: (c.skills / "a").put(FILES),
    ):
        with pytest.raises(EndpointNotSupportedError):
            do(call)
