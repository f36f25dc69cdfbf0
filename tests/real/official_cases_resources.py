"""Cases of the differential run: metadata of all kinds, prompts, skills, permissions, the client channel.

It knows the official client's public names only; it must not know what travels or which differences are allowed.
"""

from pathlib import PurePosixPath
from typing import Any, Callable, Mapping, Tuple

from official_cases import OF_APPLICATION, case, five_files
from official_recorder import Play, Raw

# Metadata


def three_kinds(raw: Raw) -> None:
    five_files(raw)
    for name in ("one", "folder/two", "folder/three"):
        prompt_at(raw, name)
        conversation = {
            "id": "x", "folderId": "f", "name": "n", "prompt": "", "temperature": 1, "lastActivityDate": 1,
            "model": {"id": "gpt"}, "selectedAddons": [], "messages": [{"role": "user", "content": "Hi"}],
        }  # fmt: skip
        raw.put_json("/v1/conversations/%s/%s" % (raw.bucket, name), conversation)


def prompt_at(raw: Raw, name: str) -> None:
    prompt = {"id": "prompts/b/" + name, "folderId": "prompts/b", "name": name, "content": "Say {{x}}", "extra": [1]}
    raw.put_json("/v1/prompts/%s/%s" % (raw.bucket, name), prompt)


def metadata_case(kind: str, below: str, **arguments: Any) -> None:
    shown = ", ".join("%s=%r" % pair for pair in arguments.items())

    @case("metadata: %s %s %s" % (kind, below or "(root)", shown), three_kinds)
    async def metadata(play: Play) -> Any:
        return await play(play.client.metadata.get(kind, "%s/%s/%s" % (kind, play.bucket, below), **arguments))


for _kind, _item in (("files", "folder/a.txt"), ("conversations", "folder/two"), ("prompts", "folder/two")):
    metadata_case(_kind, "")
    metadata_case(_kind, "folder/")
    metadata_case(_kind, "folder/", limit=1)
    metadata_case(_kind, "", limit=1000, token=None)
    metadata_case(_kind, "missing/")
    metadata_case(_kind, "missing")
    metadata_case(_kind, _item)
metadata_case("files", "z z.txt")
metadata_case("files", "z%20z.txt")


@case("metadata: pages", three_kinds)
async def metadata_pages(play: Play) -> Any:
    found, token = [], None
    for _ in range(4):
        url = "files/%s/" % play.bucket
        page = await play(play.client.metadata.get(resource="files", relative_url=url, limit=1, token=token))
        found.append(page)
        token = page.next_token
        if token is None:
            break
    return found


@case("metadata: odd tokens and limits", three_kinds)
async def metadata_arguments(play: Play) -> Any:
    get, url = play.client.metadata.get, "prompts/%s/" % play.bucket
    return await play.outcomes(
        lambda: get("prompts", url, token="a b&c=d/\u00e4+%"), lambda: get("prompts", url, limit=0, token=""),
        lambda: get("prompts", url, limit=2000),
    )  # fmt: skip


# Prompts


@case("prompts: save")
async def save_prompt(play: Play) -> Any:
    prompts, prompt = play.client.prompts, play.library("types.prompt").Prompt
    here = "prompts/%s/" % play.bucket
    return await play.outcomes(
        lambda: prompts.save(here + "p1", prompt(id="i", name="n", folder_id="f", content="Say {{x}} \u2603")),
        lambda: prompts.save(url=here + "deep/my prompt", prompt=prompt(id="i", name="n", folder_id="f", content="c")),
        lambda: prompts.save(here + "p1", prompt(id="i", name="n", folder_id="f", content="x"), etag_if_none_match="*"),
        lambda: prompts.save(here + "p1", prompt(id="i", name="n", folder_id="f", content="x"), "wrong"),
        lambda: prompts.save(here + "p1", prompt(id="i", name="n", folder_id="f", content="x"), etag_if_match="*"),
        lambda: prompts.save("files/b/p", prompt(id="i", name="n", folder_id="f", content="x")),
    )


@case("prompts: save without content")
async def save_empty_prompt(play: Play) -> Any:
    prompt = play.library("types.prompt").Prompt(id="i", name="n", folder_id="f")
    return await play(play.client.prompts.save("prompts/%s/p" % play.bucket, prompt))


@case("prompts: save with a field in its JSON spelling")
async def save_camel_prompt(play: Play) -> Any:
    prompt = play.library("types.prompt").Prompt(id="i", name="n", folderId="f", content="c")
    return await play(play.client.prompts.save("prompts/%s/p" % play.bucket, prompt))


@case("prompts: save with fields of one's own")
async def save_own_prompt(play: Play) -> Any:
    prompt = play.library("types.prompt").Prompt(id="i", name="n", folder_id="f", content="c", my_own=[1, None])
    return await play(play.client.prompts.save("prompts/%s/p" % play.bucket, prompt))


@case("prompts: get, change, save", lambda raw: prompt_at(raw, "folder/one"))
async def change_prompt(play: Play) -> Any:
    url = "prompts/%s/folder/one" % play.bucket
    prompt = await play(play.client.prompts.get(url))
    prompt.content = "changed"
    return [await play(play.client.prompts.save(url, prompt)), await play(play.client.prompts.get(PurePosixPath(url)))]


@case("prompts: delete and what is not there", lambda raw: prompt_at(raw, "one"))
async def delete_prompt(play: Play) -> Any:
    prompts, here = play.client.prompts, "prompts/%s/" % play.bucket
    return await play.outcomes(
        lambda: prompts.delete(here + "one", etag_if_match="wrong"), lambda: prompts.delete(here + "one"),
        lambda: prompts.delete(here + "one"), lambda: prompts.get(here + "one"),
    )  # fmt: skip


@case("prompts: a folder where a prompt is wanted", lambda raw: prompt_at(raw, "one"))
async def folder_prompt(play: Play) -> Any:
    return await play(play.client.prompts.get("prompts/%s/folder/" % play.bucket))


@case("prompts: get_metadata of one", lambda raw: prompt_at(raw, "folder/one"))
async def prompt_metadata(play: Play) -> Any:
    return await play(play.client.prompts.get_metadata("prompts/%s/folder/one" % play.bucket))


@case("prompts: get_metadata of a folder", lambda raw: prompt_at(raw, "folder/one"))
async def prompt_folder(play: Play) -> Any:
    return await play(play.client.prompts.get_metadata("prompts/%s/folder/" % play.bucket))


# Skills

MANIFEST = b"---\nname: tone\ndescription: How we write\n---\n# Tone\n"


def skills(raw: Raw) -> None:
    files = {"SKILL.md": MANIFEST, "scripts/run.py": b"print()", "scripts/deep/x y.bin": b"\x00\r\n"}
    for name in ("tone", "writing/my%20style", "writing/b"):
        raw.put_files("/v2/skills/%s/%s" % (raw.bucket, name), files)


@case("skills: list", skills)
async def skills_list(play: Play) -> Any:
    client = play.client
    return [
        await play(client.skills.list()),
        await play((client.skills / "writing").list(limit=1)),
        await play(client.skills.list(recursive=True)),
        await play(client.skills.list(recursive=False, limit=2, token="s")),
        await play(client.skills(bucket=play.bucket).list()),
        await play(client.skills(url="skills/%s/writing" % play.bucket).list()),
        await play(client.skills(url="skills/%s/writing/" % play.bucket).list()),
        await play(client.skills(url="skills/%s" % play.bucket).list()),
    ]


@case("skills: download", skills)
async def skills_download(play: Play) -> Any:
    skills = play.client.skills
    references = (
        skills / "tone",
        skills / "writing" / "my style",
        skills / "writing/my%20style",
        skills(path="writing/b"),
        skills(bucket=play.bucket, path="tone"),
        skills(url="%s/v2/skills/%s/writing/my%%20style" % (play.url, play.bucket)),
    )
    return [await play.content(await play(reference.download())) for reference in references]


@case("skills: stream", skills, modes=("async",))
async def skills_stream(play: Play) -> Any:
    skill, found = play.client.skills / "writing" / "my style", []
    async with skill.stream_download() as response:
        found.append(await play.content(response))
    async with skill.files(path="scripts/deep/x y.bin").stream() as response:
        found.append(await play.content(response))
    return found


@case("skills: files", skills)
async def skill_files(play: Play) -> Any:
    skill = play.client.skills / "writing" / "my style"
    files = skill.files
    by_url = files(url="skills/%s/tone/files/scripts/run.py" % play.bucket)
    return [
        await play(files.list()),
        await play(files.list(recursive=True, limit=2)),
        await play((files / "scripts").list(token="s")),
        await play.content(await play((files / "SKILL.md").read())),
        await play.content(await play((files / "scripts" / "deep" / "x y.bin").read())),
        await play.content(await play(files(path="scripts/deep/x%20y.bin").read())),
        await play.content(await play(by_url.read())),
    ]


@case("skills: references", client={"max_retries": 0})
async def skill_references(play: Play) -> Any:
    skills = play.client.skills
    return await play.outcomes(
        lambda: repr(skills), lambda: repr(skills / "a" / "b"), lambda: repr(skills(bucket="b", path="x/y")),
        lambda: repr((skills / "a").files), lambda: repr((skills / "a").files / "c.md"),
        lambda: (skills / "a").path, lambda: skills.path, lambda: skills(bucket="b").bucket, lambda: skills.bucket,
        lambda: ((skills / "a").files / "b").path, lambda: (skills / "a" / "b").files.skill_path,
    )  # fmt: skip


@case("skills: references that are refused", client={"max_retries": 0})
async def skill_refused(play: Play) -> Any:
    skills = play.client.skills
    files = (skills / "a").files
    made = (
        lambda: skills / "", lambda: skills / "/a", lambda: skills / "a/", lambda: skills / "a//b",
        lambda: skills / "..",
        lambda: skills / "%2e%2e", lambda: skills / "a%2Fb", lambda: skills(bucket="a/b"), lambda: skills(bucket=""),
        lambda: skills(url="files/b/a"), lambda: skills(url="https://other.example.com/v2/skills/b/a"),
        lambda: skills(), lambda: skills(url="skills/b/a", path="x"), lambda: skills(url="skills/files/x/y"),
        lambda: files(), lambda: files(url="skills/b/a"), lambda: files(url="skills/b/a/files/c", path="x"),
        lambda: files / "..", lambda: files(url="skills/b/files/files/c"),
    )  # fmt: skip
    found = await play.outcomes(*[lambda make=make: repr(make()) for make in made])
    return found + await play.outcomes(
        lambda: skills.download(),
        lambda: skills.files.list(),
        lambda: files.read(),
        lambda: skills.files(path="x").read(),
    )


@case("skills: what is not there", skills)
async def skill_missing(play: Play) -> Any:
    skills = play.client.skills
    return await play.outcomes(
        lambda: (skills / "missing").download(), lambda: (skills / "writing").download(),
        lambda: (skills / "missing").list(), lambda: (skills / "missing").files.list(),
        lambda: ((skills / "tone").files / "missing").read(),
    )  # fmt: skip


@case("skills: on a Core that has none", generation="2024")
async def skills_2024(play: Play) -> Any:
    return await play.outcomes(play.client.skills.list, lambda: (play.client.skills / "a").download())


# Permissions


@case("permissions: grant", client={"api_key": "per-request", "max_retries": 0}, server=OF_APPLICATION)
async def grant(play: Play) -> Any:
    grant = play.client.resource_permissions.grant
    own = await play(play.client.my_bucket())
    here = "files/%s/" % own
    return await play.outcomes(
        lambda: grant([here + "a.txt"], "showcase"),
        lambda: grant(
            resources=[here + "a b.txt", here + "folder/"], receiver="showcase", permissions=["READ", "WRITE"]
        ),
        lambda: grant([here + "a%20b"], "showcase", []),
        lambda: grant(["files/%s/a" % play.bucket], "showcase"),
    )


@case("permissions: grant nothing", client={"api_key": "per-request", "max_retries": 0}, server=OF_APPLICATION)
async def grant_nothing(play: Play) -> Any:
    return await play(play.client.resource_permissions.grant([], "showcase"))


@case("permissions: grant without a per-request key")
async def grant_refused(play: Play) -> Any:
    return await play(play.client.resource_permissions.grant(["files/%s/a.txt" % play.bucket], "echo"))


# Client channel


def channel_says(*events: bytes) -> Callable[[Raw], None]:
    def prepare(raw: Raw) -> None:
        headers = {"Content-Type": "text/event-stream"}
        raw.server.fail(200, path="/interact", body=b"".join(events), headers=headers, times=None)

    return prepare


CHANNEL_ANSWERS: Mapping[str, Tuple[bytes, ...]] = {
    "success and denied": (
        b': heartbeat\n\ndata: [{"jsonrpc":"2.0","id":"1","result":"success"},'
        b'{"jsonrpc":"2.0","id":"2","result":"denied"}]\n\n',
    ),
    "one object": (b'data: {"jsonrpc":"2.0","id":"1","result":"success"}\n\n',),
    "numbers as ids": (b'data: [{"jsonrpc":"2.0","id":2,"result":"success"}]\n\n',),
    "an error": (b'data: [{"jsonrpc":"2.0","id":"1","error":{"code":-1,"message":"no","data":{"a":1}}}]\n\n',),
    "an unknown result": (
        b'data: [{"jsonrpc":"2.0","id":"1","result":"later"},{"jsonrpc":"2.0","id":"2","result":{}}]\n\n',
    ),
    "a null result": (b'data: [{"jsonrpc":"2.0","id":"1","result":null}]\n\n',),
    "an error of the server": (
        b'data: {"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"Channel ID is missed"}}\n\n',
    ),
    "several lines": (b'event: x\ndata: [{"jsonrpc":"2.0",\ndata: "id":"1","result":"success"}]\n\n',),
    "no data": (b": heartbeat\n\n",),
    "an event that is cut": (b'data: [{"jsonrpc":"2.0","id":"1","result":"success"}]\n',),
    "no JSON": (b"data: nonsense\n\n",),
    "neither result nor error": (b'data: {"jsonrpc":"2.0","id":"1"}\n\n',),
}


def channel_case(name: str, events: Tuple[bytes, ...]) -> None:
    @case("channel: %s" % name, channel_says(*events))
    async def channel(play: Play) -> Any:
        signin = play.client.client_channel.signin_toolsets
        return await play(signin(channel_id="c-1", toolset_ids=["toolsets/public/a", "toolsets/public/b"]))


for _name, _events in CHANNEL_ANSWERS.items():
    channel_case(_name, _events)


@case("channel: arguments", channel_says(b'data: [{"jsonrpc":"2.0","id":"1","result":"success"}]\n\n'))
async def channel_arguments(play: Play) -> Any:
    signin = play.client.client_channel.signin_toolsets
    return await play.outcomes(
        lambda: signin(channel_id="c", toolset_ids=[]),
        lambda: signin(channel_id="c", toolset_ids="toolsets/public/a"),
        lambda: signin(channel_id="c", toolset_ids=["a", "a"]),
        lambda: signin(channel_id="c", toolset_ids=("a",), timeout=5),
        lambda: signin(channel_id="c", toolset_ids=["a"], timeout=None),
    )


@case(
    "channel: a status", lambda raw: raw.server.fail(404, path="/interact", message="Channel is not found", times=None)
)
async def channel_status(play: Play) -> Any:
    return await play(play.client.client_channel.signin_toolsets(channel_id="c", toolset_ids=["a"]))


@case("channel: on a Core that has none", generation="2024")
async def channel_2024(play: Play) -> Any:
    return await play(play.client.client_channel.signin_toolsets(channel_id="c", toolset_ids=["a"]))
