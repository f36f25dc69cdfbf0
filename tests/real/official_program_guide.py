"""The examples of the client guide as one program, sync and async: python official_program_guide.py URL KEY.

Written for aidial_client; test_official_clients.py runs it as it stands, and with the import name changed.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from aidial_client import AsyncDial, AsyncDialClientPool, Dial, DialClientPool, InvalidDialURLError

URL, KEY = sys.argv[1:3]
QUESTION = [{"role": "system", "content": "2+3="}]


def my_key_function():
    return KEY


async def my_async_key_function():
    return KEY


def sync_examples(folder):
    client = Dial(api_key=my_key_function, base_url=URL)
    for deployment in client.deployments.list():
        print(deployment.id, deployment.model, deployment.object, deployment.status, deployment.created_at)
        print(deployment.owner, deployment.features.system_prompt, deployment.features.allow_resume)

    completion = client.chat.completions.create(
        deployment_name="gpt-35-turbo", stream=False, messages=QUESTION, api_version="2024-02-15-preview"
    )
    print(completion.object, completion.model, completion.usage.prompt_tokens, completion.system_fingerprint)
    choice = completion.choices[0]
    print(choice.index, choice.message.role, choice.message.content, choice.finish_reason, choice.logprobs)
    print(choice.message.custom_content, choice.message.function_call, choice.message.tool_calls)

    stream = client.chat.completions.create(
        deployment_name="gpt-35-turbo", stream=True, messages=QUESTION, api_version="2024-02-15-preview"
    )
    for chunk in stream:
        print([(part.index, part.delta.content, part.delta.role, part.finish_reason) for part in chunk.choices])

    local = Path(folder, "some-local-file.txt")
    local.write_bytes(b"some content")
    place = client.my_files_home() / "some-relative-path/my-file.txt"
    with open(local, "rb") as file:
        print(client.files.upload(url=place, file=file).url == str(place))
    with open(local, "rb") as file:
        client.files.upload(url=str(place), file=("filename.txt", file, "text/plain"))
    absolute = f"{URL}/v1/{place}"
    client.files.upload(url=absolute, file=b"raw bytes")

    result = client.files.download(url=place)
    print(b"".join(result))
    print(client.files.download(url=place).get_content())
    client.files.download(url=place).write_to(str(Path(folder, "copy.txt")))
    print(Path(folder, "copy.txt").read_bytes())
    try:
        client.files.download(url="no/dial/url")
    except InvalidDialURLError as error:
        print(type(error).__name__, error.status_code)
    metadata = client.files.get_metadata(url=place)
    print(metadata.name, metadata.parent_path, metadata.node_type, metadata.resource_type, metadata.content_length)
    client.files.delete(url=place)

    applications = client.application.list()
    print([(item.id, item.application, item.display_name, item.features.rate) for item in applications])
    application = client.application.get("app_id")
    print(application.object, application.display_version, application.input_attachment_types, application.defaults)
    client.close()


async def async_examples(folder):
    client = AsyncDial(api_key=my_async_key_function, base_url=URL)
    print(len(await client.deployments.list()), (await client.application.get("app_id")).id)
    completion = await client.chat.completions.create(
        deployment_name="gpt-35-turbo", stream=False, messages=QUESTION, api_version="2024-02-15-preview"
    )
    print(completion.choices[0].message.content)
    stream = await client.chat.completions.create(deployment_name="gpt-35-turbo", stream=True, messages=QUESTION)
    async for chunk in stream:
        print([(part.index, part.delta.content, part.finish_reason) for part in chunk.choices])

    place = await client.my_files_home() / "some-relative-path/my-file.txt"
    local = Path(folder, "some-local-file.txt")
    with open(local, "rb") as file:
        await client.files.upload(url=place, file=file)
    print(b"".join([piece async for piece in await client.files.download(url=place)]))
    print(await (await client.files.download(url=place)).aget_content())
    await (await client.files.download(url=place)).awrite_to(Path(folder, "copy.txt"))
    print(Path(folder, "copy.txt").read_bytes())
    print((await client.files.get_metadata(url=place)).content_length)
    await client.files.delete(url=place)
    await client.aclose()


def pools():
    with DialClientPool() as pool:
        first = pool.create_client(base_url=URL, api_key=KEY)
        second = pool.create_client(base_url=URL, bearer_token="no-such-token")
        print(first.my_bucket() == first.bucket.get_bucket(), first.is_dial_url(URL + "/v1/bucket"))
        try:
            second.my_bucket()
        except Exception as error:
            print(error.status_code)


async def async_pools():
    async with AsyncDialClientPool() as pool:
        clients = [pool.create_client(base_url=URL, api_key=KEY) for _ in range(3)]
        print(len(set(await asyncio.gather(*[client.my_bucket() for client in clients]))))


with tempfile.TemporaryDirectory() as place_for_files:
    sync_examples(place_for_files)
    asyncio.run(async_examples(place_for_files))
pools()
asyncio.run(async_pools())
