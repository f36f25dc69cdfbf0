"""What type checkers must say about both clients: read by mypy --strict and pyright, never executed.

An assertion that fails is an error; so is a `type: ignore` that is not needed, which is how misuse is held to be found.
"""

import io
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, AsyncIterator, Dict, Iterator, List, Optional, Union

if TYPE_CHECKING:
    from typing_extensions import assert_type

    from aidial_min import (
        AsyncDial,
        AsyncDialClientPool,
        AsyncFileDownloadResponse,
        AsyncStream,
        ConfigurationError,
        Dial,
        DialClientPool,
        DialException,
        DialTimeoutError,
        FileDownloadResponse,
        Headers,
        Limits,
        ParsingDataError,
        RateLimitError,
        ResponseInterruptedError,
        Stream,
        StreamInterruptedError,
        Timeout,
    )
    from aidial_min.api.request import Response
    from aidial_min.transport.downloads import StreamedResponse
    from aidial_min.types.application import Application
    from aidial_min.types.bucket import AppData, BucketResponse
    from aidial_min.types.chat.response import (
        ChatCompletionChunk,
        ChatCompletionMessage,
        ChatCompletionResponse,
        Choice,
        ChoiceDelta,
        CompletionUsage,
        Stage,
    )
    from aidial_min.types.deployment import Deployment, Features
    from aidial_min.types.embeddings import EmbeddingsResponse
    from aidial_min.types.metadata import FileItem, FileMetadata, PromptItem, PromptMetadata
    from aidial_min.types.prompt import Prompt
    from aidial_min.types.responses import ResponseEvent, ResponseObject, ResponsePart
    from aidial_min.types.sharing import ReceiverPermissions, ResourcePermission, ShareLink


def clients() -> None:
    client = Dial(base_url="https://dial.example.com", api_key=lambda: "key", timeout=Timeout(read=5), limits=Limits(5))
    assert_type(client.with_options(timeout=None, max_retries=0), Dial)
    assert_type(client.base_url, str)
    assert_type(client.my_bucket(), str)
    assert_type(client.my_files_home(), PurePosixPath)
    assert_type(client.my_files_home() / "a.txt", PurePosixPath)
    assert_type(client.my_appdata(), Optional[AppData])
    assert_type(client.my_appdata_home(), Optional[PurePosixPath])
    with client as same:
        assert_type(same, Dial)
    with DialClientPool(limits=Limits(max_connections=5)) as pool:
        assert_type(pool.create_client(api_key="key"), Dial)
    Dial(api_key=1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Dial("https://dial.example.com")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def names_of_pydantic(answer: "ChatCompletionResponse") -> None:
    assert_type(answer.model_dump(exclude_none=True), Dict[str, Any])
    assert_type(answer.model_dump_json(indent=2), str)
    assert_type(answer.model_copy(update={"id": "x"}, deep=True), ChatCompletionResponse)
    assert_type(ChatCompletionResponse.model_validate({}), ChatCompletionResponse)
    assert_type(answer.model_extra, Dict[str, Any])
    assert_type(answer.keys(), List[str])
    assert_type({**answer}, Dict[str, Any])


async def async_clients() -> None:
    async def key() -> str:
        return "key"

    client = AsyncDial(base_url="https://dial.example.com", api_key=key)
    assert_type(client.with_options(timeout=5), AsyncDial)
    assert_type(await client.my_bucket(), str)
    assert_type(await client.my_files_home() / "a.txt", PurePosixPath)
    assert_type(await client.my_appdata(), Optional[AppData])
    async with client as same:
        assert_type(same, AsyncDial)
    async with AsyncDialClientPool() as pool:
        assert_type(pool.create_client(bearer_token=lambda: "token"), AsyncDial)
    Dial(api_key=key)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def chat(client: "Dial", wish: bool) -> None:
    create = client.chat.completions.create
    whole = create(deployment_name="a", messages=[{"role": "user", "content": "b"}], temperature=0.5, max_tokens=None)
    assert_type(whole, ChatCompletionResponse)
    assert_type(create(deployment_name="a", messages=[], stream=False), ChatCompletionResponse)
    assert_type(create(deployment_name="a", messages=[], stream=True), Stream[ChatCompletionChunk])
    either = create(deployment_name="a", messages=[], stream=wish)
    assert_type(either, Union[ChatCompletionResponse, Stream[ChatCompletionChunk]])
    create(deployment_name="a", messages=[], temprature=0.5)  # type: ignore[call-overload]  # pyright: ignore
    create(deployment_name="a", messages=[], temperature="hot")  # type: ignore[call-overload]  # pyright: ignore
    create(deployment_name="a")  # type: ignore[call-overload]  # pyright: ignore


def chat_answer(client: "Dial") -> None:
    answer = client.chat.completions.create(deployment_name="a", messages=[])
    assert_type(answer.choices, List[Choice])
    assert_type(answer.usage, Optional[CompletionUsage])
    message = answer.choices[0].message
    assert_type(message, ChatCompletionMessage)
    assert_type(message.content, Optional[str])
    if message.custom_content is not None:
        assert_type(message.custom_content.stages, Optional[List[Stage]])
    answer.choises  # type: ignore[attr-defined]  # pyright: ignore  # noqa: B018
    # A message that came goes into the next request as it is.
    client.chat.completions.create(deployment_name="a", messages=[message, {"role": "user", "content": "and then?"}])


def chat_stream(client: "Dial") -> None:
    with client.chat.completions.create(deployment_name="a", messages=[], stream=True) as stream:
        assert_type(stream, Stream[ChatCompletionChunk])
        assert_type(stream.headers, Headers)
        assert_type(stream.text(), Iterator[str])
        assert_type(stream.result(), ChatCompletionResponse)
        for chunk in stream:
            assert_type(chunk, ChatCompletionChunk)
            assert_type(chunk.choices, List[ChoiceDelta])
            assert_type(chunk.choices[0].delta.content, Optional[str])


async def async_chat(client: "AsyncDial", wish: bool) -> None:
    create = client.chat.completions.create
    assert_type(await create(deployment_name="a", messages=[]), ChatCompletionResponse)
    assert_type(await create(deployment_name="a", messages=[], stream=True), AsyncStream[ChatCompletionChunk])
    either = await create(deployment_name="a", messages=[], stream=wish)
    assert_type(either, Union[ChatCompletionResponse, AsyncStream[ChatCompletionChunk]])
    async with await create(deployment_name="a", messages=[], stream=True) as stream:
        assert_type(stream.text(), AsyncIterator[str])
        assert_type(await stream.result(), ChatCompletionResponse)
        async for chunk in stream:
            assert_type(chunk, ChatCompletionChunk)


def responses(client: "Dial", wish: bool) -> None:
    answer = client.responses.create(model="a", input="b", instructions="c", timeout=5)
    assert_type(answer, ResponseObject)
    assert_type(answer.output_text, str)
    assert_type(answer.output[0].content, Optional[List[ResponsePart]])
    with client.responses.create(model="a", input=[{"role": "user", "content": "b"}], stream=True) as stream:
        assert_type(stream, Stream[ResponseEvent])
        assert_type(stream.result(), ResponseObject)
        for event in stream:
            assert_type(event.delta, Optional[str])
    assert_type(
        client.responses.create(model="a", input="b", stream=wish), Union[ResponseObject, Stream[ResponseEvent]]
    )
    assert_type(client.responses.retrieve("r"), ResponseObject)
    assert_type(client.responses.retrieve("r", stream=True, starting_after=3), Stream[ResponseEvent])
    assert_type(client.responses.wait("r"), ResponseObject)
    client.responses.create(model="a", input="b", temprature=1)  # type: ignore[call-overload]  # pyright: ignore


async def async_responses(client: "AsyncDial") -> None:
    assert_type(await client.responses.create(model="a", input="b"), ResponseObject)
    stream = await client.responses.create(model="a", input="b", stream=True)
    assert_type(stream, AsyncStream[ResponseEvent])
    assert_type(await stream.result(), ResponseObject)
    assert_type(await client.responses.cancel("r"), ResponseObject)


def listings(client: "Dial") -> None:
    assert_type(client.deployments.list(), List[Deployment])
    assert_type(client.deployments.get("a"), Deployment)
    assert_type(client.deployments.get("a").features, Optional[Features])
    assert_type(client.application.list(), List[Application])
    assert_type(client.application.get("a"), Application)
    assert_type(client.bucket.get_raw(), BucketResponse)
    assert_type(client.bucket.get_bucket(), str)
    client.deployments.get()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def other_areas(client: "Dial", url: PurePosixPath) -> None:
    assert_type(client.embeddings.create(deployment_name="a", input=["one", "two"]), EmbeddingsResponse)
    assert_type(client.embeddings.create(deployment_name="a", input="b").data[0].embedding, List[float])
    assert_type(client.prompts.get(url), Prompt)
    assert_type(client.prompts.list(url), Iterator[PromptItem])
    assert_type(client.sharing.create([url]), ShareLink)
    answer = client.request("POST", "/v1/ops", json={"a": 1})
    assert_type(answer, Response)
    assert_type(client.request("GET", "/v1/ops", stream=True), StreamedResponse)
    assert_type(client.deployments.route("a", "b", stream=True), StreamedResponse)
    assert_type(client.metadata.get("prompts", url, limit=5), PromptMetadata)
    assert_type(client.resource_permissions.list("others"), List[ReceiverPermissions])
    assert_type(answer.status_code, int)


async def other_areas_async(client: "AsyncDial", url: PurePosixPath) -> None:
    assert_type(await client.embeddings.create(deployment_name="a", input="b"), EmbeddingsResponse)
    assert_type(client.prompts.list(url), AsyncIterator[PromptItem])
    assert_type(await client.sharing.create([url]), ShareLink)
    assert_type(await client.request("GET", "/v1/bucket"), Response)
    assert_type(await client.deployments.route("a", "b", stream=True), StreamedResponse)
    assert_type(await client.metadata.get("files", url), FileMetadata)
    assert_type(await client.resource_permissions.list(), List[ResourcePermission])


async def async_listings(client: "AsyncDial") -> None:
    assert_type(await client.deployments.list(), List[Deployment])
    assert_type(await client.application.get("a"), Application)
    assert_type(await client.bucket.get_appdata(), Optional[AppData])


def files(client: "Dial", url: PurePosixPath) -> None:
    assert_type(client.files.upload(url, b"bytes"), FileItem)
    client.files.upload(url=str(url), file=("a.txt", "text"), etag_if_none_match="*", progress=lambda done, total: None)
    client.files.upload(url, Path("a.txt"))
    client.files.upload(url, io.BytesIO(b"bytes"))
    client.files.upload(url, ("a.txt", b"bytes"))
    client.files.upload(url, ("a.txt", b"bytes", "text/plain"))
    client.files.upload(url, ("a.txt", "text/plain", io.BytesIO(b"bytes")))
    client.files.upload(url, 5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert_type(client.files.metadata(url, limit=10, recursive=True), FileMetadata)
    assert_type(client.files.get_metadata(url).items, Optional[List[FileItem]])
    assert_type(client.files.list(url), Iterator[FileItem])
    client.files.delete(url, etag_if_match="1")
    client.files.move_to(url, url, overwrite=True)
    download = client.files.download(url)
    assert_type(download, FileDownloadResponse)
    assert_type(download.get_content(), bytes)
    assert_type(download.content_type, Optional[str])
    download.write_to("a.txt")
    with client.files.stream_download(url) as response:
        assert_type(response, FileDownloadResponse)
        for piece in response:
            assert_type(piece, bytes)


async def async_files(client: "AsyncDial", url: PurePosixPath) -> None:
    assert_type(await client.files.upload(url, ("a.txt", b"bytes", "text/plain")), FileItem)
    assert_type(await client.files.metadata(url), FileMetadata)
    assert_type(client.files.list(url, recursive=True), AsyncIterator[FileItem])
    await client.files.delete(url)
    download = await client.files.download(url)
    assert_type(download, AsyncFileDownloadResponse)
    assert_type(await download.aget_content(), bytes)
    await download.awrite_to(Path("a.txt"))
    async with client.files.stream_download(url) as response:
        assert_type(response, AsyncFileDownloadResponse)
        async for piece in response:
            assert_type(piece, bytes)


def errors(error: "DialException") -> None:
    assert_type(error.message, str)
    assert_type(error.status_code, int)
    assert_type(error.request_sent, str)
    assert_type(error.retry_after, Optional[float])
    assert_type(error.partial, Any)
    if error.request is not None:
        assert_type(error.request.method, str)
    try:
        raise error
    except ConfigurationError as configuration:
        value_error: ValueError = configuration
        print(value_error)
    except DialTimeoutError as timeout:
        timeout_error: TimeoutError = timeout
        assert_type(timeout.limit, str)
        print(timeout_error)
    except ParsingDataError as parsing:
        assert_type(parsing.path, str)
    except ResponseInterruptedError as interrupted:
        assert_type(interrupted.received, int)
        assert_type(interrupted.expected, Optional[int])
    except (RateLimitError, StreamInterruptedError) as other:
        assert_type(other.headers.get("x"), Optional[str])
