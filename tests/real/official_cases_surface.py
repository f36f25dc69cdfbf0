"""Cases of the differential run: what programs hold and ask without sending anything, or of what has come already.

Downloads in every order, addresses, errors as programs make them, models as programs build, dump and copy them.
"""

import json
import tempfile
from pathlib import Path, PurePosixPath
from typing import Any

from official_cases import HELLO, case, five_files
from official_recorder import Play

ADDRESSES = (
    "files/b/a.txt", "files/b/a b/c#d.txt", "files/b/a%20b/%C3%A5.txt", "files/b/folder/", "files/b", "files/b/",
    "prompts/b/a", "skills/b/a", "/files/b/a", "v1/files/b/a", "files/b/../a", "files/b//a", "files/b/%2e%2e/a",
    "other/b/a", "files/a.txt", "", "files/b/a%2fb",
)  # fmt: skip


def everything_of(resource: Any) -> Any:
    names = ("resource_type", "bucket", "absolute_url", "relative_url", "api_path", "bucket_path", "filename")
    return {name: getattr(resource, name) for name in names}


async def asked(play: Play, call: Any, *arguments: Any, **named: Any) -> Any:
    """What a call gives, or the class of its error."""
    try:
        return await play(call(*arguments, **named))
    except Exception as error:
        return [
            base.__name__ for base in type(error).__mro__ if base.__name__ in ("InvalidDialURLError", "NotDialURLError")
        ]


@case("surface: addresses of files")
async def file_addresses(play: Play) -> Any:
    files, found = play.client.files, {}
    for address in ADDRESSES + (
        play.url + "/v1/files/b/a%20b.txt",
        play.url + "/v1/files/b/a?x=1",
        "https://x.org/v1/files/b/a",
    ):
        for name in ("get_storage_resource", "get_api_path", "get_display_name"):
            value = await asked(play, getattr(files, name), address)
            found["%s %s" % (name, address)] = (
                everything_of(value) if name == "get_storage_resource" and value else value
            )
    found["root"] = everything_of(files.get_storage_resource("files/b", allow_empty_bucket_path=True))
    return [found, files.get_api_prefix(), files.get_api_path(PurePosixPath("files/b/x y"))]


@case("surface: addresses of prompts and skills")
async def other_addresses(play: Play) -> Any:
    prompts, skills = play.client.prompts, play.client.skills
    files = (skills / "a").files
    return [
        prompts.get_api_path("prompts/b/a b"), prompts.get_display_name("prompts/b/a/b"), prompts.get_api_prefix(),
        skills.get_api_path("skills/b/a/b"), skills.get_display_name("skills/b/a"), skills.get_api_prefix(),
        files.get_api_path("skills/b/a"), files.get_api_prefix(),
        everything_of(skills.get_storage_resource("skills/b", allow_empty_bucket_path=True)),
        await asked(play, prompts.get_api_path, "files/b/a"), await asked(play, skills.get_api_path, "skills/b"),
    ]  # fmt: skip


@case("surface: a download is read in every order", five_files)
async def every_order(play: Play) -> Any:
    response = await play(play.client.files.download("files/%s/folder/a.txt" % play.bucket))
    found = [response.get_content(), b"".join(response), response.get_content()]
    with tempfile.TemporaryDirectory() as folder:
        response.write_to(Path(folder) / "x")
        found.append((Path(folder) / "x").read_bytes())
    return found


@case("surface: a download of the async client is read by both sets of methods", five_files, modes=("async",))
async def both_sets(play: Play) -> Any:
    response = await play.client.files.download("files/%s/folder/a.txt" % play.bucket)
    with tempfile.TemporaryDirectory() as folder:
        await response.awrite_to(Path(folder) / "x")
        response.write_to(str(Path(folder) / "y"))
        written = [(Path(folder) / name).read_bytes() for name in "xy"]
    pieces = b"".join([piece async for piece in response])
    return [response.get_content(), await response.aget_content(), b"".join(response), pieces, *written]


@case("surface: errors as programs make them")
async def made_errors(play: Play) -> Any:
    library = play.library
    names = ("InvalidRequestError", "InvalidDialURLError", "NotDialURLError", "ParsingDataError", "EtagMismatchError")
    keywords = {"param": "p", "code": "c", "display_message": "d"}
    made = [getattr(library, name)(message="m", **keywords) for name in names]
    made += [getattr(library, name)("m") for name in (*names, "ResourceNotFoundError")]
    made += [library.DialException("m"), library.DialException("m", 418, "t", "p", "c", "d")]
    made.append(library.DialException(message="m", status_code=403, type=None))
    made.append(library.DialException.from_error_data(409, {"message": "m", "code": "c", "type": "t"}))
    return made


@case("surface: no answer came")
async def no_answer(play: Play) -> Any:
    client = play.make_client(base_url="http://127.0.0.1:9", max_retries=0, timeout=5.0)
    outcomes = await play.outcomes(client.bucket.get_raw, lambda: client.files.download("files/b/a"))
    return [[outcome.status_code, isinstance(outcome, play.library.DialException)] for outcome in outcomes]


@case("surface: words that programs look for")
async def words(play: Play) -> Any:
    files = play.client.files
    calls = {
        "Invalid resource type": lambda: files.download("prompts/b/a"),
        "URL points to a directory, not a file": lambda: files.download("files/b/a/"),
        "Missing bucket": lambda: files.download("files/a"),
        "Root-relative URL is forbidden": lambda: files.delete("/files/b/a"),
        "API prefix as relative part is not allowed": lambda: files.delete("v1/files/b/a"),
        "Provided URL is not DIAL URL": lambda: files.delete("https://example.org/v1/files/b/a"),
    }
    outcomes = await play.outcomes(*calls.values())
    return [word in outcome.message for word, outcome in zip(calls, outcomes)]


@case("surface: the error without a credential", client=None)
async def no_credential(play: Play) -> Any:
    try:
        (play.library.AsyncDial if play.asynchronous else play.library.Dial)(base_url=play.url)
    except ValueError as error:
        return "At least one of api_key or bearer_token must be provided" in str(error)
    return None


@case("surface: both credentials", client={"api_key": "first-key", "bearer_token": "token", "max_retries": 0})
async def both_credentials(play: Play) -> Any:
    return [await play(play.client.auth_headers()), (await play.outcomes(play.client.bucket.get_raw))[0].status_code]


@case("surface: models of requests")
async def request_models(play: Play) -> Any:
    official = play.library.package == "aidial_client"
    legacy = play.library("types.chat.legacy.chat_completion" if official else "types.chat.legacy")
    call = legacy.ToolCall.validate(
        {"index": None, "id": "1", "type": "function", "function": {"name": "n", "arguments": "{}"}}
    )
    function = legacy.FunctionCall(name="n", arguments="{}")
    other = legacy.ToolCall(index=2, id="2", type="function", function=function)
    content = legacy.CustomContent(
        attachments=[legacy.Attachment(type="a/b", title="t", url="files/b/t")], state={"a": [1]}
    )
    return [
        call.dict(exclude_none=True), other.dict(), call.function.name, call.index, content.dict(exclude_none=True),
        [role.value for role in legacy.Role], legacy.Role.TOOL == "tool", legacy.Role("user") is legacy.Role.USER,
        [status.value for status in legacy.Status], [reason.value for reason in legacy.FinishReason],
        function.copy(update={"name": "m"}).dict(), json.loads(call.json(exclude_none=True)),
    ]  # fmt: skip


@case("surface: models of answers")
async def answer_models(play: Play) -> Any:
    chat = play.library("types.chat")
    answer = await play(play.client.chat.completions.create(deployment_name="echo", messages=HELLO))
    again = chat.ChatCompletionResponse.model_validate(answer.model_dump())
    message = answer.choices[0].message
    attachment = chat.Attachment(title="t", url="files/b/t")
    content = chat.CustomContent(attachments=[attachment], state={"a": None})
    return [
        again == answer, sorted(answer.model_dump(exclude_none=True)), message.model_dump(exclude_none=True),
        message.model_copy(update={"content": "x"}).content, attachment.model_dump(), sorted(content.model_dump()),
        content.model_dump(exclude_none=True), attachment.model_dump_json(exclude_none=True),
        attachment.model_fields_set == {"title", "url"},
        chat.Attachment.model_construct(title="t").title, isinstance(answer.choices[0], chat.Choice),
    ]  # fmt: skip
