"""Streams, whole answers, downloads and pools in the hands of users: what they say of themselves, what they refuse."""

import asyncio
import inspect

import pytest

from aidial_min import AsyncDial, AsyncDialClientPool, Dial, DialClientPool, InvalidRequestError, Limits
from aidial_min.testing import DialServer

HELLO = {"deployment_name": "echo", "messages": [{"role": "user", "content": "Hello there"}]}


@pytest.fixture(params=["sync", "async"])
def dial(request):
    """Carries out a coroutine function of (client, get, each): what a call gives, and all that an iterator gives."""

    async def get(value):
        return await value if inspect.isawaitable(value) else value

    async def each(stream):
        return [item async for item in stream] if request.param == "async" else list(stream)

    def carry_out(work):
        async def main():
            client = (AsyncDial if request.param == "async" else Dial)(base_url=server.url, api_key=server.api_key)
            try:
                return await work(client, get, each)
            finally:
                await get(client.aclose() if request.param == "async" else client.close())

        return asyncio.run(main())

    with DialServer() as server:
        yield carry_out


def test_a_stream_is_read_once(dial):
    async def work(client, get, each):
        stream = await get(client.chat.completions.create(**HELLO, stream=True))
        assert "chat/completions, open)" in repr(stream)
        assert len(await each(stream)) > 2
        assert repr(stream).endswith("Stream(POST /openai/deployments/echo/chat/completions, read)")
        with pytest.raises(InvalidRequestError, match="read to its end: it gives its events once; result"):
            await each(stream)
        assert (await get(stream.result())).choices[0].message.content == "Hello there"
        assert (await get(stream.result())).choices[0].message.content == "Hello there"
        with pytest.raises(InvalidRequestError, match="read to its end"):
            await each(stream.text())

    dial(work)


def test_a_stream_that_is_closed_says_so(dial):
    async def work(client, get, each):
        stream = await get(client.chat.completions.create(**HELLO, stream=True))
        await get(stream.close())
        assert repr(stream).endswith(", closed)")
        with pytest.raises(InvalidRequestError, match="the stream is closed"):
            await each(stream)

    dial(work)


def test_a_stream_may_be_read_by_several_loops(dial):
    async def work(client, get, each):
        stream = await get(client.chat.completions.create(**HELLO, stream=True))
        await get(stream.__anext__() if isinstance(client, AsyncDial) else next(stream))
        assert len(await each(stream)) > 1

    dial(work)


def test_a_whole_answer_is_no_stream(dial):
    async def work(client, get, each):
        answer = await get(client.chat.completions.create(**HELLO))
        with pytest.raises(TypeError, match="this is a whole answer, not a stream: pass stream=True"):
            await each(answer)
        assert dict(answer)["id"] == answer.id and {**answer}["object"] == "chat.completion" and "choices" in answer

    dial(work)


def test_downloads_say_what_they_are(dial):
    async def work(client, get, each):
        url = await get(client.my_files_home()) / "a.txt"
        await get(client.files.upload(url, b"abc"))
        download = await get(client.files.download(url))
        assert repr(download).startswith("FileDownloadResponse('a.txt', content_type='text/plain', etag=")
        await each(download)

    dial(work)


@pytest.mark.parametrize("cls", [DialClientPool, AsyncDialClientPool])
def test_pools_say_how_many_connections_they_may_hold(cls):
    assert repr(cls(limits=Limits(5))).startswith(cls.__name__ + "(limits=Limits(max_connections=5, ")
    assert "secret" not in repr(cls(proxy="http://u:secret@p:1"))
