"""The examples of the official client's guide, as they stand there: code written for it runs with the import renamed.

Replaced are the guide's placeholders alone: server and bucket become real ones, `...` becomes a file to upload,
and a loop's `...` collects what it is given. The chat examples also run against a real application (tests/real).
"""

import ast
import asyncio
import inspect
import textwrap
from contextlib import contextmanager
from pathlib import Path

import pytest

import aidial_min
from aidial_min.testing import DialServer

from .real.test_real_app import PYTHON, running_application

CLIENTS = """
client = sync_client = Dial(api_key="your-api-key", base_url="https://your-dial-instance.com")
async_client = AsyncDial(
    api_key="your-api-key", base_url="https://your-dial-instance.com"
)
"""

STORED = """
for url in "some-relative-path/my-file.txt", "relative_folder/my-file.txt":
    client.files.upload(url=client.my_files_home() / url, file=b"some content")
"""

AUTHENTICATION = {
    "keys": """
        from aidial_client import Dial, AsyncDial

        dial_client = Dial(api_key="your_api_key", base_url="https://your-dial-instance.com")
        async_dial_client = AsyncDial(
            api_key="your_api_key", base_url="https://your-dial-instance.com"
        )
        """,
    "functions that return a key": """
        def my_key_function():
            # Any custom logic to get an API key
            return "your-api-key"

        dial_client = Dial(api_key=my_key_function, base_url="https://your-dial-instance.com")
        async_dial_client = AsyncDial(
            api_key=my_key_function, base_url="https://your-dial-instance.com"
        )
        """,
    "a coroutine function that returns a key": """
        async def my_key_function():
            # Any custom logic to get an API key
            return "your-api-key"

        async_dial_client = AsyncDial(
            api_key=my_key_function, base_url="https://your-dial-instance.com"
        )
        """,
    "tokens": """
        from aidial_client import Dial, AsyncDial

        # Create an instance of the synchronous client
        sync_client = Dial(
            bearer_token="your_bearer_token_here", base_url="https://your-dial-instance.com"
        )

        # Create an instance of the asynchronous client
        async_client = AsyncDial(
            bearer_token="your_bearer_token_here", base_url="https://your-dial-instance.com"
        )
        """,
    "functions that return a token": """
        def my_token_function():
            # Any custom logic to get an API key
            return "your-bearer-token"

        dial_client = Dial(
            bearer_token=my_token_function, base_url="https://your-dial-instance.com"
        )
        async_dial_client = AsyncDial(
            bearer_token=my_token_function, base_url="https://your-dial-instance.com"
        )
        """,
    "a pool": """
        from aidial_client import DialClientPool

        client_pool = DialClientPool()

        first_client = client_pool.create_client(
            base_url="https://your-dial-instance.com", api_key="your-api-key"
        )
        second_client = client_pool.create_client(
            base_url="https://your-dial-instance.com", bearer_token="your-bearer-token"
        )
        """,
    "an async pool": """
        from dial_client import (
            AsyncDialClientPool,
        )

        client_pool = AsyncDialClientPool()

        first_client = client_pool.create_client(
            base_url="https://your-dial-instance.com", api_key="your-api-key"
        )
        second_client = client_pool.create_client(
            base_url="https://your-dial-instance.com", bearer_token="your-bearer-token"
        )
        """,
}

CHAT = {
    "whole": """
        client = Dial(api_key="your-api-key", base_url="https://your-dial-instance.com")
        completion = client.chat.completions.create(
            deployment_name="gpt-35-turbo",
            stream=False,
            messages=[
                {
                    "role": "system",
                    "content": "2+3=",
                }
            ],
            api_version="2024-02-15-preview",
        )
        """,
    "whole, async": """
        async_client = AsyncDial(
            api_key="your-api-key", base_url="https://your-dial-instance.com"
        )
        completion = await async_client.chat.completions.create(
            deployment_name="gpt-35-turbo",
            stream=False,
            messages=[
                {
                    "role": "system",
                    "content": "2+3=",
                }
            ],
            api_version="2024-02-15-preview",
        )
        """,
    "streamed": """
        client = Dial(api_key="your-api-key", base_url="https://your-dial-instance.com")
        completion = client.chat.completions.create(
            deployment_name="gpt-35-turbo",
            # Specify a stream parameter
            stream=True,
            messages=[
                {
                    "role": "system",
                    "content": "2+3=",
                }
            ],
            api_version="2024-02-15-preview",
        )
        for chunk in completion:
            chunks.append(chunk)
        """,
    "streamed, async": """
        async_client = AsyncDial(
            api_key="your-api-key", base_url="https://your-dial-instance.com"
        )
        completion = await async_client.chat.completions.create(
            deployment_name="gpt-35-turbo",
            # Specify a stream parameter
            stream=True,
            messages=[
                {
                    "role": "system",
                    "content": "2+3=",
                }
            ],
            api_version="2024-02-15-preview",
        )
        async for chunk in completion:
            chunks.append(chunk)
        """,
}

FILES = {
    "upload below one's home": """
        sync_client.files.upload(
            url=sync_client.my_files_home() / "some-relative-path/my-file.txt", ...
        )
        """,
    "upload below one's home, async": """
        await async_client.files.upload(
            url=await async_client.my_files_home() / "some-relative-path/my-file.txt", ...
        )
        """,
    "upload to a relative url": """
        relative_url = "files/test-bucket/some-relative-path/my-file.txt"
        sync_client.files.upload(url=relative_url, ...)
        """,
    "upload to an absolute url": """
        absolute_url = "http://dial.core/v1/files/test-bucket/some-relative-path/my-file.txt"
        sync_client.files.upload(url=absolute_url, ...)
        """,
    "upload of an open file": """
        with open("./some-local-file.txt", "rb") as file:
            # Sync client
            sync_client.files.upload(
                url=sync_client.my_files_home() / "some-relative-path/my-file.txt", file=file
            )
            # Async client
            await async_client.files.upload(
                url=await async_client.my_files_home() / "some-relative-path/my-file.txt",
                file=file,
            )
        """,
    "upload with name and type": """
        with open("./some-local-file.txt", "rb") as file:
            sync_client.files.upload(
                url=sync_client.my_files_home() / "some-relative-path/my-file.txt",
                file=("filename.txt", "text/plain", file),
            )
        """,
    "download, iterated": """
        result = client.files.download(
            url=client.my_files_home() / "relative_folder/my-file.txt"
        )
        for bytes_chunk in result:
            found.append(bytes_chunk)
        """,
    "download, iterated, async": """
        result = await async_client.files.download(
            url=await async_client.my_files_home() / "relative_folder/my-file.txt"
        )
        async for bytes_chunk in result:
            found.append(bytes_chunk)
        """,
    "download as bytes": """
        result = client.files.download(
            url=client.my_files_home() / "relative_folder/my-file.txt"
        )
        # Sync
        all_content = result.get_content()
        found.append(all_content)
        """,
    "download as bytes, async": """
        result = await async_client.files.download(
            url=await async_client.my_files_home() / "relative_folder/my-file.txt"
        )
        # Async
        all_content = await result.aget_content()
        found.append(all_content)
        """,
    "download to a file": """
        result = client.files.download(
            url=client.my_files_home() / "relative_folder/my-file.txt"
        )
        # Sync
        result.write_to("./some-local-file.txt")
        found.append(Path("./some-local-file.txt").read_bytes())
        """,
    "download to a file, async": """
        result = await async_client.files.download(
            url=await async_client.my_files_home() / "relative_folder/my-file.txt"
        )
        # Async
        await result.awrite_to("./some-local-file.txt")
        found.append(Path("./some-local-file.txt").read_bytes())
        """,
    "delete": """
        sync_client.files.delete(
            url=sync_client.my_files_home() / "relative_folder/my-file.txt"
        )
        """,
    "delete, async": """
        await async_client.files.delete(
            url=await async_client.my_files_home() / "relative_folder/my-file.txt"
        )
        """,
    "metadata": """
        metadata = await async_client.files.metadata(
            url=await async_client.my_files_home() / "relative_folder/my-file.txt"
        )
        """,
}
"""In two examples the guide has a slip: a plain method is awaited (`delete`), a coroutine is not (`upload`)."""


@pytest.fixture
def names():
    """Names as a user has them who imported everything."""
    return {"Path": Path, **{name: getattr(aidial_min, name) for name in aidial_min.__all__}}


@pytest.fixture
def loop():
    loop = asyncio.new_event_loop()
    yield loop
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    (tmp_path / "some-local-file.txt").write_bytes(b"some content")
    tokens = dict.fromkeys(("your_bearer_token_here", "your-bearer-token"), "somebody")
    with DialServer(keys={"your-api-key": "project", "your_api_key": "project"}, tokens=tokens) as server:
        yield server


@pytest.fixture
def play(names, loop):
    """A function that runs an example; the clients it made are closed at the end."""
    made = []

    def play(example, url, bucket="test-bucket"):
        source = textwrap.dedent(example).replace("from aidial_client", "from aidial_min")
        source = source.replace("from dial_client", "from aidial_min")
        for server in ("https://your-dial-instance.com", "http://dial.core"):
            source = source.replace(server, url)
        source = source.replace("test-bucket", bucket).replace("...", 'file=b"some content"')
        code = compile(source, "guide", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        outcome = eval(code, names)
        if code.co_flags & inspect.CO_COROUTINE:
            loop.run_until_complete(outcome)
        made.extend(value for value in names.values() if hasattr(value, "close") and hasattr(value, "_transport"))
        return names

    yield play
    for client in made:
        if hasattr(client, "aclose"):
            loop.run_until_complete(client.aclose())
        else:
            client.close()


@pytest.mark.parametrize("name", AUTHENTICATION)
def test_authentication_and_pools(name, play, server, loop):
    before = set(play(CLIENTS, server.url))
    names = play(AUTHENTICATION[name], server.url)
    made = [names[key] for key in set(names) - before | {"sync_client", "async_client"}]
    for client in made:
        if isinstance(client, aidial_min.AsyncDial):
            assert loop.run_until_complete(client.deployments.list())
        elif isinstance(client, aidial_min.Dial):
            assert client.deployments.list()


@contextmanager
def chat_server(kind):
    if kind == "application":
        if not PYTHON:
            pytest.skip("AIDIAL_SDK_PYTHON names no interpreter that has aidial-sdk and uvicorn")
        with running_application() as url:
            yield url
    else:
        with DialServer(keys={"your-api-key": "project"}) as server:
            yield server.url


@pytest.fixture(scope="module", params=["embedded", "application"])
def chat_url(request):
    """The embedded server, then a real application."""
    with chat_server(request.param) as url:
        yield url


@pytest.mark.parametrize("name", CHAT)
def test_chat(name, play, names, chat_url, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    names["chunks"] = []
    play(CHAT[name], chat_url)
    if "streamed" in name:
        pieces = [choice.delta.content or "" for chunk in names["chunks"] for choice in chunk.choices]
        reasons = [choice.finish_reason for chunk in names["chunks"] for choice in chunk.choices]
        assert ("".join(pieces), reasons[-1]) == ("5", "stop")
        assert {chunk.object for chunk in names["chunks"]} == {"chat.completion.chunk"}
    else:
        choice = names["completion"].choices[0]
        assert (choice.message.content, choice.finish_reason) == ("5", "stop")


def test_deployments_and_applications(play, server):
    names = play(
        CLIENTS
        + """
deployments = client.deployments.list()
# Sync
applications = client.application.list()
application = client.application.get("app_id")
# Async
applications_too = await async_client.application.list()
application_too = await async_client.application.get("app_id")
""",
        server.url,
    )
    shown = repr(names["deployments"][0])
    assert shown.startswith("Deployment(id='gpt-35-turbo', model='gpt-35-turbo', owner='organization-owner', object=")
    assert "scale_settings=ScaleSettings(scale_type='standard'), features=Features(" in shown
    assert names["applications"] == names["applications_too"]
    assert names["application"] == names["application_too"]
    assert names["application"].features.allow_resume is True


@pytest.mark.parametrize("name", FILES)
def test_files(name, play, names, server):
    names["found"] = []
    play(CLIENTS + STORED, server.url)
    client = names["client"]
    play(FILES[name], server.url, client.my_bucket())
    if name.startswith("upload"):
        stored = client.files.download(client.my_files_home() / "some-relative-path/my-file.txt")
        assert stored.get_content() == b"some content"
        assert [request.method for request in server.requests].count("PUT") > 2  # two for STORED
    elif name.startswith("download"):
        assert b"".join(names["found"]) == b"some content"
    elif name.startswith("delete"):
        with pytest.raises(aidial_min.ResourceNotFoundError):
            client.files.metadata(client.my_files_home() / "relative_folder/my-file.txt")
    else:
        metadata = names["metadata"]
        assert (metadata.name, metadata.parent_path) == ("my-file.txt", "relative_folder")
        assert (metadata.node_type, metadata.resource_type, metadata.content_length) == ("ITEM", "FILE", 12)
        assert metadata.updatedAt == metadata.updated_at and metadata.createdAt == metadata.created_at


def test_an_invalid_url_is_the_exception_that_the_guide_names(play, server):
    client = play(CLIENTS, server.url)["client"]
    with pytest.raises(aidial_min.InvalidDialURLException):
        client.files.upload(url="no/such/place", file=b"")
