"""`files`: paths as people write them, and what ls, get, put, cat, cp, mv, rm and stat do with them."""

import json
import os
import subprocess
from types import SimpleNamespace

import pytest

from aidial_min import Dial
from aidial_min.cli.files_change import share
from aidial_min.testing import DialServer
from tests.support.command import Command
from tests.support.rawserver import GOOD, RawServer


@pytest.fixture
def files(dial):
    """`files ACTION ...` as a function."""
    return lambda *words, **more: dial("files", *words, **more)


@pytest.fixture
def stored(dial, files):
    """A bucket with something in it."""
    write(dial.folder / "in", {"a.txt": b"A", "b c/d é.bin": bytes(range(256)), "b c/100%25.txt": b"percent"})
    assert files("put", "-r", "in/.").code == 0
    return files


def write(folder, contents):
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def read(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


# -- ls


def test_ls_shows_names_and_folders_with_a_slash(stored):
    assert stored("ls").lines == ["a.txt", "b c/"]
    assert stored("ls", "b c/").lines == stored("ls", "b c").lines == ["100%25.txt", "d é.bin"]


def test_ls_recursive_shows_files_only(stored):
    assert stored("ls", "-r").lines == ["a.txt", "b c/100%25.txt", "b c/d é.bin"]


def test_a_name_that_dial_does_not_store_spoils_no_listing(tmp_path):
    names = ["a%1Bb", "fine"]
    items = [{"name": name, "nodeType": "ITEM", "url": "files/b/" + name, "bucket": "b"} for name in names]
    folder = json.dumps({"name": "", "nodeType": "FOLDER", "url": "files/b/", "bucket": "b", "items": items}).encode()
    with RawServer([GOOD, b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(folder), folder)]) as server:
        dial = Command(tmp_path, DIAL_URL=server.url, DIAL_API_KEY="key-of-a-test")
        assert [line.split()[-1] for line in dial("files", "ls", "-l").lines] == ["NAME", "a\\x1bb", "fine"]


@pytest.mark.parametrize(
    "name", ["a  b", " first", "last ", "at 1.00\u202fPM.png", "\u5168\u3000\u89d2", "no\u00a0break"]
)
def test_a_name_that_ls_shows_is_the_name(dial, files, name):
    (dial.folder / name).write_text("found")
    assert files("put", "./" + name, "odd/").code == 0
    assert files("ls", "odd").out == files("ls", "-r", "odd").out == name + "\n"
    assert files("cat", "odd/" + files("ls", "odd").out[:-1]).out == "found"
    assert files("ls", "-l", "odd").lines[1].endswith("  " + name.rstrip())


def test_ls_of_a_file_is_the_file(stored):
    assert stored("ls", "b c/d é.bin").lines == ["b c/d é.bin"]


def test_an_empty_bucket_is_no_error_and_a_folder_that_is_not_there_is(files):
    assert files("ls") == files("ls", "-l") == (0, b"", b"(nothing is there)\n")
    missing = files("ls", "nowhere/")
    assert (missing.code, missing.out) == (4, "") and "ResourceNotFoundError" in missing.err


def test_ls_long_asks_each_file_for_its_size(stored):
    head, a, folder = stored("ls", "-l").lines
    assert head.split() == ["SIZE", "MODIFIED", "TYPE", "NAME"]
    assert a.split()[0] == "1" and a.endswith("Z  text/plain  a.txt")  # listings of this server say 0
    assert folder.split() == ["-", "-", "-", "b", "c/"]


def test_ls_json_is_what_the_server_tells(stored):
    assert [item["name"] for item in json.loads(stored("ls", "--json").out)] == ["a.txt", "b c"]


def test_a_listing_of_many_pages_is_complete(dial, server, files):
    write(dial.folder / "many", {"%04d" % number: b"" for number in range(30)})
    files("put", "-r", "many")
    assert len(files("ls", "many/").lines) == 30


# -- paths


def test_a_path_that_begins_with_files_is_a_url_of_any_bucket(tmp_path):
    with DialServer(keys={"one": "first", "two": "second"}) as server:
        from tests.support.command import Command

        one = Command(tmp_path, DIAL_URL=server.url, DIAL_API_KEY="one")
        two = Command(tmp_path, DIAL_URL=server.url, DIAL_API_KEY="two")
        write(tmp_path, {"a b.txt": b"A"})
        (url,) = one("files", "put", "a b.txt").lines
        assert url.startswith("files/") and url.endswith("/a%20b.txt")
        assert one("files", "cat", url).out == one("files", "cat", "a b.txt").out == "A"
        assert one("files", "cat", server.url + "/v1/" + url).out == "A"
        assert two("files", "cat", url).code == 3


def test_a_folder_called_files_is_reached_with_a_dot(dial, files):
    write(dial.folder, {"x": b"X"})
    files("put", "x", "./files/x")
    assert files("ls", "./files/").lines == ["x"] and files("cat", "/files/x").out == "X"


def test_paths_of_elsewhere_are_refused_before_anything_is_sent(files, server):
    assert files("cat", "https://other.example/v1/files/b/x").code == 2
    assert server.requests == []
    assert files("cat", "../x").code == 2


def test_the_rule_about_paths_stands_in_every_help(files):
    for action in ("ls", "get", "put", "cat", "cp", "mv", "rm", "stat"):
        shown = files(action, "--help").out
        assert "begins with files/" in shown and "examples:" in shown


# -- cat


def test_cat_writes_bytes_untouched(dial, stored):
    assert stored("cat", "b c/d é.bin").stdout == bytes(range(256))
    ascii_only = dial.process("files", "cat", "b c/d é.bin", PYTHONIOENCODING="ascii")
    assert ascii_only.stdout == bytes(range(256))


def test_cat_goes_on_after_a_file_that_is_missing(stored):
    answer = stored("cat", "a.txt", "nowhere", "a.txt")
    assert (answer.code, answer.stdout) == (4, b"AA") and answer.err.count("\n") == 1


# -- put and get


def test_put_without_a_path_stores_at_the_top(dial, files):
    write(dial.folder, {"é.txt": b"E"})
    (url,) = files("put", "é.txt").lines
    assert url.endswith("/%C3%A9.txt") and files("ls").lines == ["é.txt"]


def test_put_into_a_folder_and_under_another_name(dial, files):
    write(dial.folder, {"a": b"A", "b": b"B"})
    files("put", "a", "b", "in/")
    files("put", "a", "in/c")
    assert files("ls", "-r").lines == ["in/a", "in/b", "in/c"]


def test_several_files_into_what_is_no_folder_is_refused(dial, files):
    write(dial.folder, {"a": b"A", "b": b"B", "c": b"C"})
    answer = files("put", "a", "b", "c")
    assert answer.code == 2 and "end c with a slash" in answer.err
    assert files("ls").out == ""


def test_put_recursive_keeps_the_tree(dial, files):
    write(dial.folder / "tree", {"x": b"1", "deep/er/y": b"2"})
    assert files("put", "-r", "tree", "to/").err == "2 files stored\n"
    assert files("put", "-r", "tree", "as").code == files("put", "-r", "tree/.", "dot/").code == 0
    expected = ["%s/%s" % (top, name) for top in ("as", "dot", "to/tree") for name in ("deep/er/y", "x")]
    assert files("ls", "-r").lines == expected


@pytest.mark.skipif(os.name != "posix", reason="everybody may make links on POSIX")
def test_put_recursive_says_what_it_leaves_out(dial, files):
    write(dial.folder, {"tree/a.txt": b"A", "elsewhere/b.txt": b"B"})
    os.symlink(dial.folder / "elsewhere", dial.folder / "tree" / "link")
    answer = files("put", "-r", "tree")
    assert answer.code == 0 and "link is not uploaded: it is a symbolic link to a folder\n" in answer.err
    assert files("ls", "-r").lines == ["tree/a.txt"]


def test_put_recursive_of_a_folder_that_can_not_be_read_is_no_success(dial, files, monkeypatch):
    def refused(path):
        if str(path).rstrip(os.sep).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    scandir = os.scandir
    write(dial.folder, {"open/a.txt": b"A", "open/locked/b.txt": b"B"})
    monkeypatch.setattr(os, "scandir", refused)
    answer = files("put", "-r", "open")
    assert answer.code == 1 and ": Permission denied\n" in answer.err
    assert "not everything below open was stored" in answer.err
    assert files("ls", "-r").lines == ["open/a.txt"]


def test_a_folder_needs_recursive(dial, files):
    write(dial.folder / "tree", {"x": b"1"})
    files("put", "-r", "tree")
    for words in (["put", "tree"], ["get", "tree/"], ["rm", "tree/"], ["cp", "tree/", "b/"]):
        answer = files(*words)
        assert answer.code == 2 and "tree" in answer.err and "folder" in answer.err


def test_put_of_a_pipe(dial):
    assert dial.shell("echo piped | dial files put /dev/stdin p.txt >&2; dial files cat p.txt").out == "piped\n"


def test_get_into_the_current_folder_a_folder_and_a_name(dial, stored):
    (dial.folder / "is").mkdir()
    for words in (["a.txt"], ["a.txt", "is"], ["a.txt", "new/"], ["a.txt", "copy"]):
        assert stored("get", *words) == (0, b"", b"")
    found = read(dial.folder)
    assert [name for name in ("a.txt", "is/a.txt", "new/a.txt", "copy") if found.get(name) == b"A"] == [
        *("a.txt", "is/a.txt", "new/a.txt", "copy")
    ]


def test_get_recursive_gives_back_what_was_put(dial, stored):
    assert stored("get", "-r", "/", "back").err == "3 files fetched\n"
    assert read(dial.folder / "back") == read(dial.folder / "in")
    stored("get", "-r", "b c", "part/")
    assert read(dial.folder / "part" / "b c") == read(dial.folder / "in" / "b c")


def test_a_name_is_what_it_was_under_a_locale_of_ascii(dial, stored):
    bare = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    assert dial.process("files", "get", "b c/d é.bin", **bare).code == 0
    assert (dial.folder / "d é.bin").read_bytes() == bytes(range(256))
    assert dial.process("files", "put", "d é.bin", "again/", **bare).code == 0
    assert stored("ls", "again/").lines == ["d é.bin"]


def test_no_clobber_replaces_nothing(dial, stored):
    write(dial.folder, {"a.txt": b"mine"})
    for action in ("get", "put"):
        answer = stored(action, "-n", "a.txt")
        assert answer.code == 1 and "a.txt: it is there already" in answer.err
    assert (dial.folder / "a.txt").read_bytes() == b"mine" and stored("cat", "a.txt").out == "A"


def test_a_broken_download_leaves_no_trace_and_has_its_own_exit_code(dial, server, files):
    write(dial.folder, {"big": b"x" * 100_000})
    files("put", "big")
    os.unlink(dial.folder / "big")
    server.drop(after_bytes=50_000, times=None, path="/big")
    assert files("get", "big").code == 7
    assert read(dial.folder) == {}
    cut = files("cat", "big")
    assert cut.code == 7 and 0 < len(cut.stdout) < 100_000  # what came was written


def test_a_listing_can_not_lead_a_download_elsewhere(server, dial, files):
    bucket = files("stat", "--json", "/").out
    base = "files/%s/x/" % json.loads(bucket)["bucket"]
    item = {"name": "..", "bucket": "b", "url": base + "..%2F..%2Fevil", "nodeType": "ITEM", "resourceType": "FILE"}
    folder = {"url": base, "nodeType": "FOLDER", "resourceType": "FILE", "bucket": "b", "items": [item]}
    server.fail(200, times=None, path="/metadata/", body=folder)
    answer = files("get", "-r", "x/", "out")
    assert answer.code == 1 and "outside of the folder" in answer.err
    assert not list(dial.folder.parent.rglob("evil"))


# -- cp, mv, rm, stat


def test_nor_can_a_link_in_the_target(stored, dial):
    (dial.folder / "elsewhere").mkdir()
    (dial.folder / "out").mkdir()
    (dial.folder / "out" / "b c").symlink_to(dial.folder / "elsewhere")
    answer = stored("get", "-r", "/", "out")
    assert answer.code == 1 and "outside of the target folder" in answer.err
    assert read(dial.folder / "elsewhere") == {} and (dial.folder / "out" / "a.txt").read_bytes() == b"A"


@pytest.mark.parametrize("generation", ["2024", "2026"])
def test_cp_copies_whether_the_server_can_or_not(tmp_path, generation):
    from tests.support.command import Command

    with DialServer(generation=generation) as server:
        dial = Command(tmp_path, DIAL_URL=server.url, DIAL_API_KEY=server.api_key)
        write(tmp_path, {"a.txt": b"A", "b.txt": b"B"})
        dial("files", "put", "a.txt", "b.txt", "/")
        assert dial("files", "cp", "a.txt", "to/") == (0, b"", b"")
        assert dial("files", "cat", "to/a.txt").out == "A"
        assert json.loads(dial("files", "stat", "--json", "to/a.txt").out)["contentType"] == "text/plain"
        refused = dial("files", "cp", "a.txt", "b.txt")
        assert (refused.code, refused.err) == (1, "b.txt is there already; -f replaces it\n")
        assert dial("files", "cat", "b.txt").out == "B"
        assert dial("files", "cp", "-f", "a.txt", "b.txt").code == 0
        assert dial("files", "cat", "b.txt").out == "A"
        assert dial("files", "cp", "nowhere", "c").code == 4


def test_mv_moves(stored):
    assert stored("mv", "a.txt", "b c/") == (0, b"", b"")
    assert stored("ls", "-r").lines == ["b c/100%25.txt", "b c/a.txt", "b c/d é.bin"]
    assert stored("mv", "b c/a.txt", "b c/100%25.txt").err == "b c/100%25.txt is there already; -f replaces it\n"
    assert stored("mv", "nowhere", "x").code == 4


def test_rm_removes_and_says_what_was_not_there(stored):
    answer = stored("rm", "nowhere", "a.txt")
    assert answer.code == 4 and stored("ls").lines == ["b c/"]
    assert stored("rm", "-f", "nowhere") == (0, b"", b"")


def test_rm_recursive_removes_everything_below(stored):
    assert stored("rm", "-r", "b c").err == "2 files removed\n"
    assert stored("ls", "-r").lines == ["a.txt"]
    assert stored("rm", "-r", "b c/").code == 4


@pytest.mark.parametrize("words", [["-r", ""], ["-r", "/"], ["-rf", "/"], ["-r", "//"]], ids=" ".join)
def test_rm_of_the_whole_bucket_by_a_word_that_is_missing_is_refused(stored, words):
    answer = stored("rm", *words)
    assert answer.code == 2 and "whole bucket; write ./" in answer.err
    assert len(stored("ls", "-r").lines) == 3
    assert stored("rm", "-r", "./").err == "3 files removed\n"


def test_rm_recursive_asks_a_person_first(terminal, stored):
    with terminal("files", "rm", "-r", "b c/") as person:
        person.expect("Remove 2 files below b c/? [y/N] ")
        person.say("n")
        person.expect("nothing was removed")
        assert person.code() == 1
    assert len(stored("ls", "-r").lines) == 3
    with terminal("files", "rm", "-r", "b c/") as person:
        person.expect("[y/N] ")
        person.say("y")
        person.expect("2 files removed")
        assert person.code() == 0
    assert stored("ls", "-r").lines == ["a.txt"]


def test_stat_tells_what_is_known(stored):
    known = dict(line.split(None, 1) for line in stored("stat", "a.txt").lines)
    assert (known["size"], known["type"], known["kind"]) == ("1 byte", "text/plain", "file")
    assert known["etag"] and known["permissions"] == "READ, WRITE" and known["updated"].endswith("Z")
    assert json.loads(stored("stat", "--json", "a.txt").out)["contentLength"] == 1


# -- progress


def test_a_person_sees_how_far_a_transfer_is(dial, server, terminal):
    size = 40_000_000
    write(dial.folder, {"big": b"\0" * size})
    with terminal("files", "put", "big") as person:
        before = person.expect("/big\r\n")
        assert "%  " in before and "of 38M" in before and "left" in before
        assert before.endswith(" \r" + before.rpartition("\r")[2])  # the bar is gone before the URL is written
        assert person.code() == 0
    with terminal("files", "get", "big", "back", stdout=subprocess.DEVNULL) as person:
        assert "of 38M" in person.rest()


def test_a_bar_is_for_terminals_only(dial, terminal):
    write(dial.folder, {"big": b"\0" * 40_000_000})
    with terminal("files", "put", "big", stderr=subprocess.PIPE) as person:
        assert person.process.stderr.read() == b""
        person.expect("/big")
    assert dial("files", "get", "big", "back") == (0, b"", b"")


# -- folders that are not written as such, stdin and stdout, wildcards


@pytest.mark.parametrize("action", ["rm", "get", "cat", "cp", "mv"])
def test_a_folder_without_its_slash_is_told_to_be_one(stored, action):
    answer = stored(action, "b c", *(["x"] if action in ("cp", "mv") else []))
    assert (answer.code, answer.out) == (2, "") and answer.err.startswith("b c is a folder; ")
    assert len(stored("ls", "-r").lines) == 3


def test_a_dash_is_stdin_and_stdout(files):
    assert files("put", "-", "in/x.txt", input="from a pipe\n").code == 0
    assert files("get", "in/x.txt", "-") == (0, b"from a pipe\n", b"")
    assert files("cat", "in/x.txt").out == "from a pipe\n"
    unnamed = files("put", "-", input="x")
    assert unnamed.code == 2 and "needs a name" in unnamed.err


def test_wildcards_match_names_in_the_storage(dial, files):
    tree = {"a.txt": b"A", "b.txt": b"B", "c.md": b"C", ".d.txt": b"D", "x1/e.txt": b"E", "x2/f.txt": b"F"}
    tree["x2/g/h"] = b"H"
    write(dial.folder / "in", tree)
    files("put", "-r", "in/.")
    assert files("ls", "*.txt").lines == ["a.txt", "b.txt"]
    assert files("ls", ".*").lines == [".d.txt"]
    assert files("ls", "[bc].*").lines == ["b.txt", "c.md"]
    assert files("ls", "x?/*.txt").lines == ["x1/e.txt", "x2/f.txt"]
    assert files("ls", "-r", "x*").lines == ["e.txt", "f.txt", "g/h"]
    assert files("get", "*.txt", "x?/*.txt", "got/").code == 0
    assert read(dial.folder / "got") == {"a.txt": b"A", "b.txt": b"B", "e.txt": b"E", "f.txt": b"F"}
    assert files("rm", "*.txt", "c.*").code == 0
    assert files("ls").lines == [".d.txt", "x1/", "x2/"]
    assert files("rm", "*.txt").code == 4 and files("rm", "-f", "*.txt").code == 0
    assert files("rm", "-r", "x*").code == 0 and files("ls").lines == [".d.txt"]


def test_a_name_with_a_star_is_itself_where_nothing_else_matches(dial, files):
    write(dial.folder, {"a[1].txt": b"X"})
    assert files("put", "a[1].txt").code == 0
    assert files("cat", "a[1].txt").out == "X"


def test_a_name_with_brackets_that_is_there_is_itself(dial, files):
    """Browsers name a second download so; `rm` of it must not remove the first."""
    write(dial.folder / "in", {"a[1].txt": b"X", "a1.txt": b"1", "b[1]/x": b"B", "b1/x": b"1"})
    files("put", "-r", "in/.")
    assert files("cat", "a[1].txt").out == "X" and files("cat", "a[12].txt").out == "1"
    assert files("rm", "-r", "a[1].txt", "b[1]/").code == 0
    assert files("ls", "-r").lines == ["a1.txt", "b1/x"]


# -- cp and mv of folders, sync, share


@pytest.mark.parametrize("generation", ["2024", "2026"])
def test_folders_are_copied_and_moved(tmp_path, generation):
    from tests.support.command import Command

    with DialServer(generation=generation) as server:
        dial = Command(tmp_path, DIAL_URL=server.url, DIAL_API_KEY=server.api_key)
        write(tmp_path / "t", {"a b.txt": b"A", "deep/c.txt": b"C"})
        dial("files", "put", "-r", "t")
        assert dial("files", "cp", "-r", "t", "copy") == (0, b"", b"2 files copied\n")
        assert dial("files", "cp", "-r", "t", "into/").code == 0
        again = dial("files", "cp", "-r", "t", "copy")
        assert again.code == 1 and again.err.count("is there already; -f replaces it\n") == 2
        assert dial("files", "cp", "-rf", "t", "copy").code == 0
        assert dial("files", "mv", "-r", "t/", "moved/x").err == "2 files moved\n"
        tops, names = ("copy", "into/t", "moved/x"), ("a b.txt", "deep/c.txt")
        assert dial("files", "ls", "-r").lines == ["%s/%s" % (top, name) for top in tops for name in names]
        within = dial("files", "mv", "-r", "copy", "copy/in")
        assert within.code == 2 and "lies within" in within.err


def test_put_and_get_of_folders_skip_what_is_unchanged(dial, server, stored):
    assert stored("put", "-r", "in/.").err == "0 files stored, 3 unchanged\n"
    write(dial.folder / "in", {"a.txt": b"changed"})
    again = stored("put", "-r", "in/.")
    assert again.err == "1 file stored, 2 unchanged\n" and again.lines[0].endswith("/a.txt") and len(again.lines) == 1
    stored("get", "-r", "/", "back")
    assert stored("get", "-r", "/", "back").err == "0 files fetched, 3 unchanged\n"


def test_sync_up_makes_the_storage_the_same(dial, files):
    write(dial.folder / "t", {"a.txt": b"A", "b/c.txt": b"C", "b/d.tmp": b"", ".git/x": b""})
    words = ("sync", "up", "t", "to", "--exclude", "*.tmp", "--exclude", ".git/")
    dry = files(*words, "--dry-run")
    assert sorted(dry.lines) == ["would be uploaded a.txt", "would be uploaded b/c.txt"] and files("ls").out == ""
    assert sorted(files(*words).lines) == ["uploaded a.txt", "uploaded b/c.txt"]  # in the order in which they end
    assert files("ls", "-r").lines == ["to/a.txt", "to/b/c.txt"]
    os.unlink(dial.folder / "t" / "a.txt")
    assert files(*words).err == "0 files uploaded, 1 unchanged\n"
    refused = files(*words, "--delete")
    assert refused.code == 2 and "nobody can be asked; --force" in refused.err
    assert files(*words, "--delete", "-n").lines == ["would be removed a.txt"]
    assert len(files("ls", "-r").lines) == 2
    assert files(*words, "--delete", "--force").lines == ["removed a.txt"]
    assert files("ls", "-r").lines == ["to/b/c.txt"]


def test_sync_down_makes_the_local_folder_the_same(dial, stored):
    write(dial.folder / "back", {"mine.txt": b"M", "a.txt": b"other", "keep.tmp": b""})
    dry = stored("sync", "down", "/", "back", "--delete", "-n", "--exclude", "*.tmp")
    assert dry.lines[-1] == "would be removed mine.txt" and "would be downloaded a.txt" in dry.lines
    assert (dial.folder / "back" / "a.txt").read_bytes() == b"other"
    assert stored("sync", "down", "/", "back", "--delete", "--force", "--exclude", "*.tmp").code == 0
    assert read(dial.folder / "back") == {**read(dial.folder / "in"), "keep.tmp": b""}
    assert stored("sync", "down", "nowhere", "new", "-n").code == 0 and not (dial.folder / "new").exists()
    mistyped = stored("sync", "down", "nowhere", "back", "--delete", "--force")
    assert mistyped.code == 1 and "nowhere/ holds no files; nothing was removed" in mistyped.err


def test_sync_removes_nothing_where_something_failed(dial, server, stored):
    write(dial.folder / "back", {"mine.txt": b"M"})
    server.fail(403, path="/a.txt", times=None, message="no")
    answer = stored("sync", "down", "/", "back", "--delete", "--force")
    assert answer.code == 3 and "nothing was removed" in answer.err
    assert (dial.folder / "back" / "mine.txt").exists()


def test_sync_asks_a_person_before_it_removes(terminal, dial, stored):
    (dial.folder / "empty").mkdir()
    for said, code, left in (("n", 1, 3), ("y", 0, 0)):
        with terminal("files", "sync", "up", "empty", "/", "--delete") as person:
            person.expect("Remove 3 files that only the target has? [y/N] ")
            person.say(said)
            person.rest()
            assert person.code() == code
        assert len(stored("ls", "-r").lines) == left


def test_share_prints_a_link_that_accepts_the_invitation(tmp_path):
    from tests.support.command import Command

    with DialServer(keys={"one": "first", "two": "second"}) as server:
        one = Command(tmp_path, DIAL_URL=server.url, DIAL_API_KEY="one")
        write(tmp_path, {"a.txt": b"A"})
        (url,) = one("files", "put", "a.txt", "in/").lines
        for words in (["in/a.txt"], ["in"], ["in/", "--permissions", "read, write"]):
            answer = one("files", "share", *words)
            (link,) = answer.lines
            assert link.startswith(server.url + "/v1/invitations/") and answer.code == 0
            with Dial(base_url=server.url, api_key="two") as other:
                other.invitations.accept(link)
                assert other.files.download(url).get_content() == b"A"
        assert one("files", "share", "nowhere").code == 4


def test_an_error_with_a_servers_words_commands_no_terminal(dial, server):
    item = {"name": "x", "url": "files/b/\x1b[2Jx", "bucket": "b", "nodeType": "ITEM", "resourceType": "FILE"}
    listing = {"url": "files/c/", "bucket": "c", "nodeType": "FOLDER", "resourceType": "FILE", "items": [item]}
    server.fail(200, path="/v1/metadata/", body=listing)
    answer = dial("files", "ls", "files/c/")
    assert answer.code == 1 and "the server lists files/b/\\x1b[2Jx below files/c/" in answer.err
    assert "\x1b" not in answer.err


def test_a_link_begins_with_the_whole_base_url(capsys):
    """A server behind a path, of a gateway say, does not know that it has one."""
    made = SimpleNamespace(link="/v1/invitations/abc")
    client = SimpleNamespace(sharing=SimpleNamespace(create=lambda urls, permissions: made))
    arguments = SimpleNamespace(paths=["files/b/x/"], permissions="read")
    for client.base_url in ("https://dial.example/gateway", "https://dial.example/gateway/"):
        share(client, arguments)
        assert capsys.readouterr().out == "https://dial.example/gateway/v1/invitations/abc\n"


def test_an_id_stays_whole_however_narrow_the_terminal_is(terminal, dial):
    name = "a-very-long-name-of-a-file-%s.txt" % ("x" * 60)
    write(dial.folder, {name: b"X"})
    dial("files", "put", name)
    for words in (["files", "ls", "-l"], ["files", "ls", "-l", "--wide"], ["files", "ls"]):
        with terminal(*words, columns=40) as person:
            assert name in person.rest().replace("\r\n", "")
