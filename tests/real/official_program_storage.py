"""A program on DIAL's storage: sync of a folder, ETags, prompts, listings, skills; URL and KEY as arguments.

Written for aidial_client; test_official_clients.py runs it as it stands, and with the import name changed.
"""

import asyncio
import io
import sys
import zipfile
from pathlib import PurePosixPath
from typing import Iterator, List, Union

from aidial_client import (
    AsyncDial,
    Dial,
    DialException,
    EtagMismatchError,
    InvalidDialURLError,
    InvalidRequestError,
    NotDialURLError,
    ParsingDataError,
    ResourceNotFoundError,
    UserInfo,
)
from aidial_client.types.bucket import AppData, BucketResponse
from aidial_client.types.deployment import Deployment, DeploymentName, Features
from aidial_client.types.file import FileDownloadResponse
from aidial_client.types.metadata import FileItem, FileMetadata, PromptItem, SkillMetadata
from aidial_client.types.model import ModelInfo
from aidial_client.types.prompt import Prompt

URL, KEY = sys.argv[1:3]


class Store:
    """Keeps small texts under a folder of the caller's bucket."""

    def __init__(self, client: Dial, folder: str) -> None:
        self.client = client
        self.home: PurePosixPath = client.my_files_home() / folder

    def put(self, name: str, text: str, etag: Union[str, None] = None) -> FileItem:
        content = (name, text.encode(), "text/plain")
        if etag is None:
            return self.client.files.upload(self.home / name, content, etag_if_none_match="*")
        return self.client.files.upload(self.home / name, content, etag_if_match=etag)

    def get(self, name: str) -> str:
        response: FileDownloadResponse = self.client.files.download(self.home / name)
        assert isinstance(response, FileDownloadResponse)
        print(response.filename, response.content_type, response.headers["etag"] == response.headers.get("ETag"))
        return response.get_content().decode()

    def names(self, size: int) -> Iterator[str]:
        token = None
        while True:
            page: FileMetadata = self.client.metadata.get("files", str(self.home) + "/", limit=size, token=token)
            for item in page.items or []:
                yield item.name or ""
            token = page.next_token
            if token is None:
                return


def files(client: Dial) -> None:
    store = Store(client, "texts")
    first = store.put("a b.txt", "one")
    assert isinstance(first, FileItem)
    print(first.name, first.parent_path, first.content_length, first.content_type, first.etag)
    try:
        store.put("a b.txt", "two")
    except EtagMismatchError as error:
        print(type(error).__name__, int(error.status_code), isinstance(error, DialException))
    second = store.put("a b.txt", "two", first.etag)
    print(store.get("a b.txt"), second.etag != first.etag)
    for number in range(5):
        store.put("%d.txt" % number, str(number))
    print(sorted(store.names(2)))
    client.files.copy_to(store.home / "0.txt", store.home / "copy.txt")
    client.files.move_to(source=store.home / "1.txt", destination=store.home / "moved.txt", overwrite=True)
    print(sorted(store.names(100)))
    for name in store.names(100):
        client.files.delete(store.home / name)
    try:
        store.get("0.txt")
    except ResourceNotFoundError as error:
        print(type(error).__name__, int(error.status_code))


def refusals(client: Dial) -> None:
    for url in ("files/b/../a", "https://other.example.com/v1/files/b/a", "prompts/b/a", "/files/b/a"):
        try:
            client.files.download(url)
        except NotDialURLError as error:
            print("not DIAL", int(error.status_code), error.type)
        except InvalidDialURLError as error:
            assert isinstance(error, InvalidRequestError)
            print("invalid", int(error.status_code), error.type)
    try:
        Dial(base_url=URL)
    except ValueError as error:
        print(type(error).__name__ != "", "api_key" in str(error))


def prompts(client: Dial) -> None:
    url = client.my_prompts_home() / "folder/greeting"
    prompt = Prompt(id="greeting", name="Greeting", folder_id="folder", content="Say hello to {{name}}")
    saved: PromptItem = client.prompts.save(url, prompt)
    print(saved.name, saved.resource_type)
    read: Prompt = client.prompts.get(url)
    print(read.id, read.name, read.folder_id, read.content, read == prompt)
    read.content = "Say goodbye"
    client.prompts.save(url, read, etag_if_match=saved.etag)
    listing = client.metadata.get("prompts", str(url.parent) + "/")
    print([item.name for item in listing.items or []])
    client.prompts.delete(url)


def listings(client: Dial) -> None:
    bucket: BucketResponse = client.bucket.get_raw()
    appdata: Union[AppData, None] = client.my_appdata()
    print(bucket.bucket == client.my_bucket(), bucket.appdata, appdata, client.my_appdata_home())
    info: UserInfo = client.user.info()
    print(info.roles, info.project, info.userClaims)
    names: List[DeploymentName] = client.deployments.list_names(["application"])
    print([(name.id, name.object) for name in names])
    deployment: Deployment = client.deployments.get("gpt-35-turbo")
    assert isinstance(deployment.features, Features)
    print(deployment.id, deployment.features.tools, deployment.features.reasoning_efforts)
    model: ModelInfo = client.model.get("gpt-35-turbo")
    print(model.limits.max_prompt_tokens, model.pricing.unit, model.pricing.prompt, model.capabilities.scale_types)
    print(sorted(client.deployments.get_configuration_schema("showcase")["properties"]))
    try:
        client.user.http_client  # noqa: B018  # only to show that attributes that are no API may differ
    except AttributeError:
        pass


def skills(client: Dial) -> None:
    tone = client.skills / "writing" / "tone"
    listing: SkillMetadata = (client.skills / "writing").list()
    print([(item.name, item.node_type) for item in listing.items or []])
    with zipfile.ZipFile(io.BytesIO(tone.download().get_content())) as archive:
        print(sorted(archive.namelist()))
    print([item.name for item in tone.files.list(recursive=True).items or []])
    print((tone.files / "SKILL.md").read().get_content())


async def async_storage() -> None:
    async with AsyncDial(base_url=URL, bearer_token=KEY) as client:
        home = await client.my_files_home()
        urls = [home / "async" / ("%d.txt" % number) for number in range(8)]
        await asyncio.gather(*[client.files.upload(url, str(url).encode()) for url in urls])
        async with client.files.stream_download(urls[0]) as response:
            print(len(b"".join([piece async for piece in response])) == len(str(urls[0])))
        page = await client.metadata.get("files", "%s/async/" % home)
        print(len(page.items or []))
        await asyncio.gather(*[client.files.delete(url) for url in urls])
        try:
            await client.metadata.get("files", "%s/async/" % home)
        except (DialException, ParsingDataError) as error:
            print(int(error.status_code))
        skill = client.skills / "writing" / "tone"
        async with (skill.files / "SKILL.md").stream() as response:
            print(len(await response.aget_content()) > 10)


with Dial(base_url=URL, api_key=KEY) as dial:
    files(dial)
    refusals(dial)
    prompts(dial)
    listings(dial)
    skills(dial)
asyncio.run(async_storage())
