"""Cases of the differential run: clients and their credentials, the bucket, the user.

It knows the official client's public names only; it must not know what travels or which differences are allowed.
"""

from typing import Any, List

from official_cases import HELLO, OF_APPLICATION, case
from official_recorder import Play, Raw

# Clients and credentials


@case("client: api_key", client={"api_key": "first-key"})
async def api_key(play: Play) -> Any:
    return await play(play.client.bucket.get_bucket())


@case("client: api_key as a function", client={"api_key": lambda: "second-key"})
async def api_key_function(play: Play) -> Any:
    return await play(play.client.bucket.get_bucket())


@case("client: api_key as a coroutine", client=None, modes=("async",))
async def api_key_coroutine(play: Play) -> Any:
    async def key() -> str:
        return "second-key"

    play.client = play.make_client(api_key=key)
    found = [await play(play.client.auth_headers()), await play(play.client.bucket.get_bucket())]
    return found + [await play(play.client.chat.completions.create(deployment_name="echo", messages=HELLO))]


@case("client: bearer_token", client={"bearer_token": "first-key"})
async def bearer(play: Play) -> Any:
    return await play(play.client.bucket.get_bucket())


@case("client: bearer_token as a function", client={"bearer_token": lambda: "first-key"})
async def bearer_function(play: Play) -> Any:
    return [await play(play.client.auth_headers()), await play(play.client.bucket.get_bucket())]


@case("client: bearer_token as a coroutine", client=None, modes=("async",))
async def bearer_coroutine(play: Play) -> Any:
    async def token() -> str:
        return "first-key"

    play.client = play.make_client(bearer_token=token)
    return [await play(play.client.auth_headers()), await play(play.client.bucket.get_bucket())]


@case("client: auth_headers", client={"api_key": "first-key"})
async def auth_headers(play: Play) -> Any:
    return await play(play.client.auth_headers())


@case("client: no credential", client=None)
async def no_credential(play: Play) -> Any:
    return play.make_client(api_key=None)


@case("client: both credentials", client=None)
async def both_credentials(play: Play) -> Any:
    play.client = play.make_client(api_key="first-key", bearer_token="first-key")
    return await play(play.client.bucket.get_bucket())


@case("client: a function that fails", client={"api_key": lambda: {}["key"]})
async def failing_function(play: Play) -> Any:
    return await play(play.client.bucket.get_bucket())


@case("client: an unknown key", client={"api_key": "unknown-key", "max_retries": 0})
async def unknown_key(play: Play) -> Any:
    client = play.client
    return await play.outcomes(
        client.bucket.get_raw,
        lambda: client.files.download("files/b/a.txt"),
        lambda: client.chat.completions.create(deployment_name="echo", messages=HELLO),
    )


@case("client: properties", client=None)
async def properties(play: Play) -> Any:
    found: List[Any] = []
    for base_url in ("https://dial.example.com", "https://dial.example.com/", "https://example.com/dial/"):
        client = play.make_client(base_url=base_url, api_version="2024-10-21")
        found += [client.base_url, client.api_url, client.api_url_v2, client.api_version]
        for url in (base_url, "https://dial.example.com/v1/files/b/a", "https://other.example.com/", "files/b/a"):
            found.append(client.is_dial_url(url))
    found.append(play.make_client().api_version)
    return found


@case("client: a base URL with a slash", client=None)
async def slash(play: Play) -> Any:
    play.client = play.make_client(base_url=play.url + "/")
    chat = play.client.chat.completions.create(deployment_name="echo", messages=HELLO)
    return [await play(play.client.bucket.get_bucket()), await play(chat)]


@case("client: a base URL with a path", client=None)
async def prefix(play: Play) -> Any:
    play.client = client = play.make_client(base_url=play.url + "/gateway", max_retries=0)
    absolute = play.url + "/gateway/v1/files/b/a.txt"
    outside = play.url + "/v1/files/b/a.txt"
    return await play.outcomes(
        client.bucket.get_raw,
        lambda: client.files.delete(absolute),
        lambda: client.files.delete(outside),
        client.deployments.list,
        lambda: client.deployments.get("a"),
    )


@case("client: pool", client=None)
async def pool(play: Play) -> Any:
    library = play.library
    shared = (library.AsyncDialClientPool if play.asynchronous else library.DialClientPool)()
    first = shared.create_client(base_url=play.url, api_key="first-key")
    second = shared.create_client(base_url=play.url, bearer_token="second-key", max_retries=0, timeout=30.0)
    buckets = [await play(client.bucket.get_bucket()) for client in (first, second, first)]
    await play(shared.aclose() if play.asynchronous else shared.close())
    return buckets


@case("client: with block", client=None)
async def with_block(play: Play) -> Any:
    client = play.make_client()
    if play.asynchronous:
        async with client as entered:
            return [entered is client, await entered.bucket.get_bucket()]
    with client as entered:
        return [entered is client, entered.bucket.get_bucket()]


# Bucket and user

OF_ODD_APPLICATION = {"per_request_keys": {"per-request": ("first-key", "applications/b/my app")}}


@case("bucket: get_raw and get_bucket")
async def bucket(play: Play) -> Any:
    client = play.client
    return [await play(client.bucket.get_raw()), await play(client.bucket.get_bucket())]


@case("bucket: appdata outside an application")
async def no_appdata(play: Play) -> Any:
    client = play.client
    return [await play(client.bucket.get_appdata()), await play(client.my_appdata_home())]


@case("bucket: appdata", client={"api_key": "per-request"}, server=OF_APPLICATION)
async def appdata(play: Play) -> Any:
    client = play.client
    calls = (client.bucket.get_raw, client.bucket.get_appdata, client.my_appdata, client.my_appdata_home)
    return [await play(call()) for call in calls]


@case("bucket: appdata of a custom application", client={"api_key": "per-request"}, server=OF_ODD_APPLICATION)
async def odd_appdata(play: Play) -> Any:
    return [await play(play.client.my_appdata()), await play(play.client.my_appdata_home())]


@case("bucket: homes, asked once")
async def homes(play: Play) -> Any:
    client = play.client
    calls = (client.my_bucket, client.my_files_home, client.my_conversations_home, client.my_prompts_home)
    return [await play(call()) for call in calls + calls]


@case("bucket: AppData.parse", client=None)
async def parse_appdata(play: Play) -> Any:
    parse = play.library("types.bucket").AppData.parse
    return await play.outcomes(lambda: parse("bucket/appdata/some/app"), lambda: parse("nonsense"))


def enriched_bucket(raw: Raw) -> None:
    raw.server.fail(200, path="/v1/bucket", body={"bucket": "b", "region": {"id": 1}}, times=None)


@case("bucket: with unknown fields", enriched_bucket)
async def bucket_enriched(play: Play) -> Any:
    return await play(play.client.bucket.get_raw())


@case("user: info")
async def user_info(play: Play) -> Any:
    return await play(play.client.user.info())


def user_of_a_token(raw: Raw) -> None:
    claims = {"title": ["Manager"], "email": ["a@b.c"], "n": 1}
    raw.server.fail(200, path="/v1/user/info", body={"roles": ["user", "x"], "userClaims": claims})


@case("user: info with claims", user_of_a_token)
async def user_claims(play: Play) -> Any:
    return await play(play.client.user.info())
