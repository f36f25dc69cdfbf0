"""Whole folders up and down: what is sent, what is skipped, what fails, and what is never touched."""

import asyncio
import json
import os
import signal
import sys
import threading
import time

import pytest

from aidial_min import (
    AsyncDial,
    ConfigurationError,
    Dial,
    DialException,
    EtagMismatchError,
    InvalidRequestError,
    ParsingDataError,
    PermissionDeniedError,
    ServerError,
)
from aidial_min.api import files
from aidial_min.api.local_files import _can_be_named, local_files, local_path, same_file_key
from aidial_min.testing import DialServer

from ..support.clients import client_of
from ..support.patience import PATIENCE, until
from ..support.rawserver import HOLD, RawServer

TREE = {"a.txt": b"a", "empty": b"", "sub/b c.txt": b"b" * 100_000, "sub/deep/ü#%.txt": b"c"}

needs_symlinks = pytest.mark.skipif(not hasattr(os, "symlink"), reason="no symbolic links here")


def write(root, tree):
    for name, content in tree.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def read(root):
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def source(tmp_path):
    return write(tmp_path / "source", TREE)


def methods(server, since=0):
    return [request.method for request in server.requests[since:]]


# Up


def test_everything_below_goes_up(core, dial, bucket_of, source):
    do = dial(core)
    home = "files/" + bucket_of(do)
    report = do(lambda c: c.files.upload_folder(source, home + "/data"))
    assert (report.uploaded, report.skipped, report.failed) == (sorted(TREE), [], {})
    stored = do(lambda c: c.files.list(home + "/data/", recursive=True))
    assert sorted(item.name for item in stored) == ["a.txt", "b c.txt", "empty", "ü#%.txt"]
    url = home + "/data/sub/deep/%C3%BC%23%25.txt"
    assert do(lambda c: c.files.get_metadata(url)).content_length == 1


def test_unchanged_files_are_skipped(core, dial, bucket_of, source):
    do = dial(core)
    url = "files/%s/data/" % bucket_of(do)
    do(lambda c: c.files.upload_folder(str(source), url))
    before = len(core.requests)
    (source / "a.txt").write_bytes(b"changed")
    (source / "new").write_bytes(b"new")
    report = do(lambda c: c.files.upload_folder(source, url))
    assert (report.uploaded, report.failed) == (["a.txt", "new"], {})
    assert report.skipped == ["empty", "sub/b c.txt", "sub/deep/ü#%.txt"]
    assert methods(core, before).count("PUT") == 2
    assert methods(core, before).count("GET") == 5  # the listing, and the ETag of each file that is there
    before = len(core.requests)
    assert do(lambda c: c.files.upload_folder(source, url)).uploaded == []
    assert "PUT" not in methods(core, before)


def test_files_that_are_only_there_stay(core, dial, bucket_of, source):
    do = dial(core)
    url = "files/%s/data/" % bucket_of(do)
    do(lambda c: c.files.upload(url + "other", b"other"))
    do(lambda c: c.files.upload_folder(source, url))
    assert do(lambda c: c.files.get_metadata(url + "other")).content_length == 5


def test_a_file_that_fails_does_not_stop_the_others(core, dial, bucket_of, source):
    do = dial(core)
    url = "files/%s/data/" % bucket_of(do)
    core.fail(403, path="/data/a.txt", body="no")
    report = do(lambda c: c.files.upload_folder(source, url))
    assert report.uploaded == sorted(set(TREE) - {"a.txt"})
    assert list(report.failed) == ["a.txt"] and isinstance(report.failed["a.txt"], PermissionDeniedError)


def test_names_that_the_storage_does_not_take(core, dial, bucket_of, tmp_path):
    write(tmp_path, {"good": b"1", "a{b}": b"2", "ends with.": b"3", "control\x01": b"4"})
    do = dial(core)
    url = "files/%s/" % bucket_of(do)
    report = do(lambda c: c.files.upload_folder(tmp_path, url))
    assert report.uploaded == ["good"] and sorted(report.failed) == ["a{b}", "control\x01", "ends with."]
    assert all(isinstance(error, InvalidRequestError) for error in report.failed.values())


@pytest.mark.skipif(sys.platform != "linux", reason="names that are no UTF-8 exist there")
def test_names_that_are_no_text(older, dial, bucket_of, tmp_path):
    write(tmp_path, {"good": b"1"})
    with open(os.path.join(os.fsencode(tmp_path), b"bad\xff"), "wb"):
        pass
    do = dial(older)
    url = "files/%s/" % bucket_of(do)
    report = do(lambda c: c.files.upload_folder(tmp_path, url))
    assert report.uploaded == ["good"] and len(report.failed) == 1


@needs_symlinks
def test_symbolic_links_are_not_followed_out(older, dial, bucket_of, source, tmp_path):
    secret = write(tmp_path / "outside", {"secret": b"secret"})
    os.symlink(secret / "secret", source / "link out")
    os.symlink(secret, source / "folder link")
    os.symlink(source, source / "sub" / "loop")
    os.symlink(source / "none", source / "broken")
    os.symlink(source / "a.txt", source / "link in")
    do = dial(older)
    url = "files/%s/data/" % bucket_of(do)
    report = do(lambda c: c.files.upload_folder(source, url))
    assert report.uploaded == sorted([*TREE, "link in"])
    assert sorted(report.failed) == ["broken", "folder link", "link out", "sub/loop"]
    assert not any(b"secret" in request.body for request in older.requests)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_pipes_are_not_opened(older, dial, bucket_of, source):
    os.mkfifo(source / "pipe")
    do = dial(older)
    url = "files/%s/data/" % bucket_of(do)
    report = do(lambda c: c.files.upload_folder(source, url))
    assert list(report.failed) == ["pipe"] and report.uploaded == sorted(TREE)


def test_the_folder_itself_may_be_a_link(older, dial, bucket_of, source, tmp_path):
    os.symlink(source, tmp_path / "link")
    do = dial(older)
    url = "files/%s/data/" % bucket_of(do)
    assert do(lambda c: c.files.upload_folder(tmp_path / "link", url)).uploaded == sorted(TREE)


def test_an_empty_folder_is_nothing_to_do(older, dial, bucket_of, tmp_path):
    do = dial(older)
    url = "files/" + bucket_of(do)
    report = do(lambda c: c.files.upload_folder(tmp_path, url))
    assert (report.uploaded, report.skipped, report.failed) == ([], [], {})


# Down


@pytest.fixture
def stored(core, dial, bucket_of, source):
    """The same tree in the storage: (do, its URL)."""
    do = dial(core)
    url = "files/%s/my data/" % bucket_of(do)
    assert not do(lambda c: c.files.upload_folder(source, url)).failed
    return do, url


def test_everything_comes_down(stored, tmp_path):
    do, url = stored
    report = do(lambda c: c.files.download_folder(url, tmp_path / "new" / "target"))
    assert (report.downloaded, report.skipped, report.failed) == (sorted(TREE), [], {})
    assert read(tmp_path / "new" / "target") == TREE


def test_a_whole_bucket_comes_down(stored, tmp_path):
    do, url = stored
    report = do(lambda c: c.files.download_folder(url[: url.index("my data")], str(tmp_path / "target")))
    assert report.downloaded == sorted("my data/" + name for name in TREE)


def test_same_files_are_skipped_and_others_stay(core, stored, tmp_path):
    do, url = stored
    target = write(tmp_path / "target", {"a.txt": b"old", "sub/b c.txt": TREE["sub/b c.txt"], "own": b"own"})
    report = do(lambda c: c.files.download_folder(url, target))
    assert report.skipped == ["sub/b c.txt"] and len(report.downloaded) == 3
    assert read(target) == {**TREE, "own": b"own"}
    before = len(core.requests)
    assert do(lambda c: c.files.download_folder(url, target)).downloaded == []
    assert not [request for request in core.requests[before:] if request.path.startswith("/v1/files/")]


def test_a_broken_download_leaves_nothing(core, stored, tmp_path):
    do, url = stored
    target = write(tmp_path / "target", {"sub/b c.txt": b"old"})
    core.drop(after_bytes=5000, path="/v1/files/", times=None)
    report = do(lambda c: c.with_options(max_retries=0).files.download_folder(url, target))
    assert report.downloaded == sorted(set(TREE) - {"sub/b c.txt"})
    assert list(report.failed) == ["sub/b c.txt"] and isinstance(report.failed["sub/b c.txt"], DialException)
    assert read(target) == {**TREE, "sub/b c.txt": b"old"}


def test_a_folder_in_the_way_of_a_file(stored, tmp_path):
    do, url = stored
    target = write(tmp_path / "target", {"a.txt/in the way": b"1", "sub": b"2"})
    report = do(lambda c: c.files.download_folder(url, target))
    assert report.downloaded == ["empty"]
    assert sorted(report.failed) == sorted(set(TREE) - {"empty"})
    assert read(target) == {"a.txt/in the way": b"1", "sub": b"2", "empty": b""}


def test_an_empty_folder_makes_an_empty_one(older, dial, bucket_of, tmp_path):
    do = dial(older)
    url = "files/%s/none/" % bucket_of(do)
    report = do(lambda c: c.files.download_folder(url, tmp_path / "target"))
    assert report.downloaded == [] and (tmp_path / "target").is_dir()


BAD_NAMES = [
    "../outside",
    "a/../../outside",
    "%2e%2e/outside",
    "..%2foutside",
    "..\\outside",
    "..%5Coutside",
    "C:%5Coutside",
    "a%00b",
    "",
    "/",
]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_never_lead_out_of_the_target(older, dial, tmp_path, name):
    entry = {"name": "x", "bucket": "abc", "nodeType": "ITEM", "resourceType": "FILE", "updatedAt": 1}
    listing = {
        **{"name": "folder", "bucket": "abc", "url": "files/abc/folder/", "nodeType": "FOLDER", "resourceType": "FILE"},
        "items": [{**entry, "url": "files/abc/folder/" + name}],
    }
    older.fail(200, path="/v1/metadata/", body=listing)
    older.fail(200, path="/v1/files/", body="outside", times=None)
    target = tmp_path / "inside" / "target"
    report = dial(older)(lambda c: c.files.download_folder("files/abc/folder/", target))
    assert report.downloaded == [] and read(tmp_path) == {}
    assert not [request for request in older.requests if request.path.startswith("/v1/files/")]


@pytest.mark.parametrize(
    "url", ["files/other/folder/x", "files/abc/x", "/etc/passwd", "https://other.example/v1/files/abc/folder/x", "x"]
)
def test_entries_from_elsewhere_are_not_asked_for(older, dial, tmp_path, url):
    entry = {"name": "x", "bucket": "abc", "url": url, "nodeType": "ITEM", "resourceType": "FILE"}
    older.fail(200, path="/v1/metadata/", body={"url": "files/abc/folder/", "nodeType": "FOLDER", "items": [entry]})
    report = dial(older)(lambda c: c.files.download_folder("files/abc/folder/", tmp_path / "target"))
    assert report.downloaded == [] and len(report.failed) == 1
    assert len(older.requests) == 1


@pytest.mark.parametrize("blind", [False, True])
def test_names_that_differ_in_case_only(older, dial, bucket_of, tmp_path, monkeypatch, blind):
    monkeypatch.setattr(files, "same_file_key", lambda name: same_file_key(name, blind))
    do = dial(older)
    url = "files/%s/" % bucket_of(do)
    for name in ("sub/A", "sub/a", "sub/b", "Sub/b"):
        do(lambda c, name=name: c.files.upload(url + name, name.encode()))
    report = do(lambda c: c.files.download_folder(url, tmp_path))
    if not blind:
        assert len(report.downloaded) == 4
        return
    assert (report.downloaded, sorted(report.failed)) == (["Sub/b", "sub/A"], ["sub/a", "sub/b"])
    assert "over sub/A" in str(report.failed["sub/a"])
    assert read(tmp_path) == {"Sub/b": b"Sub/b", "sub/A": b"sub/A"}  # none of them lost unnoticed


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_pipes_in_the_target_are_not_written_to(stored, tmp_path):
    do, url = stored
    os.mkfifo(tmp_path / "a.txt")
    reader = os.open(tmp_path / "a.txt", os.O_RDONLY | os.O_NONBLOCK)  # so that a fault shows and does not hang
    try:
        report = do(lambda c: c.files.download_folder(url, tmp_path))
        assert list(report.failed) == ["a.txt"] and len(report.downloaded) == 3
        assert os.read(reader, 1) == b""
    finally:
        os.close(reader)


@needs_symlinks
def test_links_in_the_target_are_not_followed_out(stored, tmp_path):
    do, url = stored
    outside = write(tmp_path / "outside", {"a.txt": b"mine", "other/x": b"mine"})
    target = tmp_path / "target"
    target.mkdir()
    os.symlink(outside / "a.txt", target / "a.txt")
    os.symlink(outside / "other", target / "sub")
    report = do(lambda c: c.files.download_folder(url, target))
    assert report.downloaded == ["empty"] and len(report.failed) == 3
    assert read(outside) == {"a.txt": b"mine", "other/x": b"mine"}


# Both


def test_arguments_are_checked_first(older, dial, tmp_path):
    do = dial(older)
    (tmp_path / "file").write_bytes(b"")
    for call in (
        lambda c: c.files.upload_folder(tmp_path / "none", "files/b/"),
        lambda c: c.files.upload_folder(tmp_path / "file", "files/b/"),
        lambda c: c.files.upload_folder(tmp_path, "prompts/b/"),
        lambda c: c.files.download_folder("files/b/", tmp_path / "file"),
        lambda c: c.files.download_folder("files", tmp_path),
    ):
        with pytest.raises(InvalidRequestError):
            do(call)
    for workers in (0, -1, 2.5, True, None):
        with pytest.raises(ConfigurationError):
            do(lambda c, workers=workers: c.files.upload_folder(tmp_path, "files/b/", max_workers=workers))
    for name in ("select", "on_file"):
        for transfer in (
            lambda c, name=name: c.files.upload_folder(tmp_path, "files/b/", **{name: "*.txt"}),
            lambda c, name=name: c.files.download_folder("files/b/", tmp_path, **{name: "*.txt"}),
        ):
            with pytest.raises(ConfigurationError, match=name + " must be a function, not str"):
                do(transfer)
    for folder in (None, 5, ["a"]):
        with pytest.raises(ConfigurationError, match="source must be a path"):
            do(lambda c, folder=folder: c.files.upload_folder(folder, "files/b/"))
        with pytest.raises(ConfigurationError, match="target must be a path"):
            do(lambda c, folder=folder: c.files.download_folder("files/b/", folder))
    assert not older.requests


def test_a_listing_that_fails_stops_all(older, dial, source):
    older.fail(500, path="/v1/metadata/", times=None)
    with pytest.raises(ServerError):
        dial(older, max_retries=0)(lambda c: c.files.upload_folder(source, "files/abc/"))
    assert methods(older) == ["GET"]


class Room:
    """Where calls wait, when they ask for their credential, until so many are inside; `most` were there at once."""

    def __init__(self, awaited):
        self.awaited = awaited
        self.inside = self.most = 0
        self.is_open = False
        self.deadline = time.monotonic() + PATIENCE
        self.lock = threading.Lock()

    def is_full(self):
        return self.most >= self.awaited or time.monotonic() > self.deadline

    def move(self, step):
        with self.lock:
            self.inside += step
            self.most = max(self.most, self.inside)

    def key(self, kind):
        def wait():
            if self.is_open:
                self.move(1)
                while not self.is_full():
                    time.sleep(0.001)
                time.sleep(0.002)  # for one too many
                self.move(-1)
            return "dial-key"

        async def wait_async():
            if self.is_open:
                self.move(1)
                while not self.is_full():
                    await asyncio.sleep(0.001)
                await asyncio.sleep(0.002)
                self.move(-1)
            return "dial-key"

        return wait if kind == "sync" else wait_async


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("workers", [1, 3])
def test_so_many_at_once_and_no_more(tmp_path, kind, workers):
    write(tmp_path, {"%02d" % number: b"x" for number in range(20)})
    room = Room(workers)
    with DialServer() as server, client_of(kind, base_url=server.url, api_key=room.key(kind)) as call:
        url = "files/%s/" % call(lambda c: c.my_bucket())

        def open_room(name, outcome):
            """After the first file the listing is done."""
            room.is_open = True

        report = call(lambda c: c.files.upload_folder(tmp_path, url, max_workers=workers, on_file=open_room))
        assert len(report.uploaded) == 20
        assert room.most == workers


@pytest.mark.parametrize("what", ["up", "down"])
def test_each_file_is_told_when_it_is_done(core, stored, tmp_path, what):
    do, url = stored
    write(tmp_path / "target", {"a.txt": b"other", "empty": b""})
    told = {}
    core.fail(403, path="c.txt", body="no", times=None)
    move = (
        (lambda c: c.files.upload_folder(tmp_path / "target", url, on_file=told.__setitem__))
        if what == "up"
        else (lambda c: c.files.download_folder(url, tmp_path / "target", on_file=told.__setitem__))
    )
    report = do(move)
    found = {**dict.fromkeys(report[0], "uploaded" if what == "up" else "downloaded"), **report.failed}
    assert told == {**found, **dict.fromkeys(report.skipped, "skipped")}
    assert told["a.txt"] == ("uploaded" if what == "up" else "downloaded") and told["empty"] == "skipped"


def test_what_is_there_may_be_left(core, stored, tmp_path):
    do, url = stored
    target = write(tmp_path / "target", {"a.txt": b"other", "empty": b"", "new": b"new"})
    report = do(lambda c: c.files.download_folder(url, target, overwrite=False))
    assert list(report.failed) == ["a.txt"] and isinstance(report.failed["a.txt"], FileExistsError)
    assert read(target)["a.txt"] == b"other" and "empty" in report.skipped
    report = do(lambda c: c.files.upload_folder(target, url, overwrite=False))
    assert list(report.failed) == ["a.txt"] and isinstance(report.failed["a.txt"], EtagMismatchError)
    assert report.uploaded == ["new"]
    assert do(lambda c: c.files.get_metadata(url + "a.txt")).content_length == 1


ENTRY = {"name": "x", "bucket": "abc", "nodeType": "ITEM", "resourceType": "FILE"}


@pytest.mark.parametrize("bad", [5, "x", None, [], {}, {"name": "x"}])
def test_an_entry_that_makes_no_sense_does_not_end_a_folder(older, dial, tmp_path, bad):
    items = [{**ENTRY, "url": "files/abc/folder/a"}, bad, {**ENTRY, "url": "files/abc/folder/b"}]
    older.fail(200, path="/v1/metadata/", body={"url": "files/abc/folder/", "nodeType": "FOLDER", "items": items})
    older.fail(200, path="/v1/files/", body="content", times=None)
    do = dial(older)
    report = do(lambda c: c.files.download_folder("files/abc/folder/", tmp_path))
    assert report.downloaded == ["a", "b"] and len(report.failed) == 1
    assert all(isinstance(error, ParsingDataError) for error in report.failed.values())
    older.fail(200, path="/v1/metadata/", body={"url": "files/abc/folder/", "nodeType": "FOLDER", "items": items})
    with pytest.raises(ParsingDataError) as raised:
        do(lambda c: c.files.list("files/abc/folder/"))
    assert raised.value.path.startswith("items[1]") and raised.value.request is not None


def test_a_cancelled_upload_stops(tmp_path):
    write(tmp_path, {"%03d" % number: b"x" for number in range(200)})

    async def main(server):
        async with AsyncDial(base_url=server.url, api_key=server.api_key, trust_env=False) as client:
            url = "files/%s/" % await client.my_bucket()
            task = asyncio.ensure_future(client.files.upload_folder(tmp_path, url, max_workers=2))
            while len(server.requests) < 5:
                await asyncio.sleep(0.001)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            seen = len(server.requests)
            await asyncio.sleep(0.05)
            assert len(server.requests) <= seen + 2 < 200

    with DialServer() as server:
        asyncio.run(main(server))


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_what_on_file_raises_ends_the_work(tmp_path, kind):
    write(tmp_path, {"%03d" % number: b"x" for number in range(200)})

    def refuse(name, outcome):
        raise LookupError(name)

    with DialServer() as server, client_of(kind, base_url=server.url, api_key=server.api_key) as call:
        url = "files/%s/" % call(lambda c: c.my_bucket())
        with pytest.raises(LookupError):
            call(lambda c: c.files.upload_folder(tmp_path, url, max_workers=2, on_file=refuse))
        seen = len(server.requests)
        assert call(lambda c: c.files.upload(url + "still works", b"x")).name == "still works"
        assert len(server.requests) <= seen + 3 < 190


def test_ctrl_c_leaves_the_rest(tmp_path):
    write(tmp_path, {"%03d" % number: b"x" for number in range(200)})
    pressed = threading.Event()

    def wait_for_it(line):
        if len(server.requests) > 50:  # who presses the key may be slow
            pressed.wait(PATIENCE)

    with (
        DialServer(log=wait_for_it) as server,
        Dial(base_url=server.url, api_key=server.api_key, trust_env=False) as client,
    ):
        url = "files/%s/" % client.my_bucket()
        done = []

        def interrupted(name, outcome):
            done.append(name)
            if len(done) == 10:
                pressed.set()
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            client.files.upload_folder(tmp_path, url, max_workers=2, on_file=interrupted)
        assert len(server.requests) < 190
        assert client.files.upload(url + "still works", b"x").name == "still works"


@pytest.mark.skipif(os.name == "nt", reason="nobody presses Ctrl-C there for a test")
@pytest.mark.parametrize("what", ["up", "down"])
def test_ctrl_c_ends_a_folder_at_once(tmp_path, what):
    """Its threads wait for a server that says nothing: they do not wait for the end of their time."""
    items = [{**ENTRY, "url": "files/abc/%d" % number} for number in range(20)]
    body = json.dumps({"url": "files/abc/", "nodeType": "FOLDER", "items": items if what == "down" else []}).encode()
    listing = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    if what == "up":
        write(tmp_path, {"%03d" % number: b"x" for number in range(20)})
    before = threading.active_count()
    with RawServer([listing, [HOLD]]) as server:
        with Dial(base_url=server.url, api_key="key", trust_env=False) as client:

            def press():
                server.wait_for_requests(1 + 3)
                signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

            thread = threading.Thread(target=press)
            thread.start()
            with pytest.raises(KeyboardInterrupt):
                if what == "up":
                    client.files.upload_folder(tmp_path, "files/abc/", max_workers=3)
                else:
                    client.files.download_folder("files/abc/", tmp_path / "target", max_workers=3)
            thread.join()
            statistics = client._transport.statistics
            until(lambda: (statistics().open, statistics().taken) == (0, 0))
        assert len(server.requests) == 4  # nothing was tried again
    until(lambda: threading.active_count() <= before)
    assert not [name for name in os.listdir(tmp_path) if "part" in name]


# Local paths


def test_local_files_come_in_order(source):
    files, failed = local_files(source)
    assert [file.name for file in files] == sorted(TREE) and failed == {}


def test_local_paths_stay_below(tmp_path):
    root = os.path.realpath(tmp_path)
    assert local_path(root, ("a", "b.txt")) == os.path.join(root, "a", "b.txt")
    for names in ((), ("",), (".",), ("..",), ("a", ".."), ("a/b",), ("a\\b",), ("a\0",)):
        with pytest.raises(InvalidRequestError):
            local_path(root, names)


def test_names_that_are_one_file_on_some_systems():
    for one, two in (("a/B", "A/b"), ("\xc9", "e\u0301"), ("\u042f", "\u044f")):
        assert same_file_key(one, blind=True) == same_file_key(two, blind=True)
        assert same_file_key(one, blind=False) == one


@pytest.mark.parametrize("name", ["C:", "a:stream", "con", "NUL.txt", "com1", "a ", "a.", "a?b", "a|b"])
def test_names_that_mean_something_else_on_windows(name):
    assert _can_be_named(name, windows=False) and not _can_be_named(name, windows=True)
    assert _can_be_named("console.txt", windows=True)


def test_some_files_may_be_left_alone_and_a_dry_run_does_nothing(stored, tmp_path):
    do, url = stored
    target = tmp_path / "target"
    everything = do(lambda c: c.files.download_folder(url, target, dry_run=True)).downloaded
    assert "a.txt" in everything and not target.exists()
    report = do(lambda c: c.files.download_folder(url, target, select=lambda name: name == "a.txt"))
    assert report.downloaded == ["a.txt"] and list(read(target)) == ["a.txt"]
    write(target, {"a.txt": b"changed", "new": b"new"})
    assert do(lambda c: c.files.upload_folder(target, url, dry_run=True)).uploaded == ["a.txt", "new"]
    assert do(lambda c: c.files.upload_folder(target, url, select=lambda name: name == "new")).uploaded == ["new"]
