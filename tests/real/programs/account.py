"""An application that asks who its user is and where it may write, with keys, tokens and functions for both."""

import asyncio
import sys

import aidial_client
from aidial_client import AsyncDial, Dial, DialClientPool, DialException
from aidial_client._client import BaseDialClient

URL, KEY = sys.argv[1:3]


def show(client: BaseDialClient) -> None:
    print(client.base_url == URL + "/", client.api_url == URL + "/v1/", client.api_url_v2 == URL + "/v2/")
    print(client.api_version, client.is_dial_url(URL + "/v1/files/b/a"), client.is_dial_url("https://example.org"))


with Dial(base_url=URL, api_key=lambda: KEY, api_version="2024-10-21") as client:
    show(client)
    print(client.auth_headers(), client.my_appdata(), client.my_appdata_home())
    print(client.my_files_home(), client.my_conversations_home(), client.my_prompts_home(), client.my_bucket())
    raw = client.bucket.get_raw()
    print(raw.bucket == client.bucket.get_bucket(), raw.appdata, client.bucket.get_appdata())
    info = client.user.info()
    print(info.project, info.roles)
    try:
        client.resource_permissions.grant(["files/%s/a.txt" % raw.bucket], "toolset")
    except DialException as error:
        print("grant", error.status_code)
both = Dial(base_url=URL, api_key=KEY, bearer_token="token")
print(both.auth_headers())
try:
    both.my_bucket()
except DialException as error:
    print("both", error.status_code, error.message)
print(Dial(base_url=URL + "/", bearer_token=lambda: "abc").auth_headers())

pool = DialClientPool(connection_limits=aidial_client._constants.DEFAULT_CONNECTION_LIMITS)
first = pool.create_client(base_url=URL, api_key=KEY, max_retries=1)
second = pool.create_client(base_url=URL, bearer_token="unknown")
print(first.my_bucket() == raw.bucket)
try:
    second.my_bucket()
except DialException as error:
    print("second", error.status_code)
with pool:
    print(first.files.get_display_name("files/%s/a.txt" % raw.bucket))


async def main() -> None:
    async def key() -> str:
        return KEY

    async with AsyncDial(base_url=URL, api_key=key) as client:
        show(client)
        print(await client.auth_headers(), await client.my_appdata_home(), await client.my_files_home())
        print((await client.user.info()).project, await client.bucket.get_bucket() == raw.bucket)
        names = await client.deployments.list_names(types=["model"])
        print([name.id for name in names][:2] if names else names)


asyncio.run(main())
