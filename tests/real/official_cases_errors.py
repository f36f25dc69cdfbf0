"""Cases of the differential run: errors of all statuses and bodies, answers that make no sense, and retries.

It knows the official client's public names only; it must not know what travels or which differences are allowed.
"""

from typing import Any, Callable, Mapping

from official_cases import HELLO, case
from official_recorder import Play, Raw

STOP = {"x-should-retry": "false"}  # asks the openai package, which 0.18.0 uses for chats, for a single attempt

# Errors: the same bodies everywhere

ERROR_BODIES: Mapping[str, Any] = {
    "an object": {"error": {"message": "m", "type": "t", "param": "p", "code": "c", "display_message": "d"}},
    "only a message": {"error": {"message": "only this"}},
    "nulls": {"error": {"message": "m", "type": None, "param": None, "code": None}},
    "a numeric code": {"error": {"message": "m", "code": 17}},
    "more fields": {"error": {"message": "m", "code": "x", "innererror": {"a": 1}}, "request_id": "r"},
    "text": "plain text",
    "nothing": "",
    "a JSON string": '"quoted text"',
    "detail": {"detail": "Not Found"},
    "no message": {"error": {"code": "c"}},
    "html": "<html><head><title>Bad</title></head><body><h1>Bad gateway</h1></body></html>",
    "a list": "[1, 2]",
}
ERROR_STATUSES = (400, 401, 403, 404, 409, 412, 413, 415, 422, 429, 500, 502, 503, 504)


def error_case(status: int, name: str, body: Any) -> None:
    def prepare(raw: Raw) -> None:
        for path in ("/v1/files", "/v1/prompts", "/openai/", "/v1/user", "/v1/ops"):
            raw.server.fail(status, path=path, body=body, headers=STOP, times=None)

    @case("errors: %d with %s" % (status, name), prepare)
    async def error(play: Play) -> Any:
        client, url = play.client, "files/%s/a.txt" % play.bucket
        return await play.outcomes(
            lambda: client.files.download(url),
            lambda: client.files.move_to(url, url + "2"),
            lambda: client.prompts.get("prompts/%s/a" % play.bucket),
            client.user.info,
            lambda: client.deployments.get("echo"),
        )

    @case("errors: %d with %s on chat" % (status, name), prepare)
    async def chat_error(play: Play) -> Any:
        create = play.client.chat.completions.create
        return await play.outcomes(
            lambda: create(deployment_name="echo", messages=HELLO),
            lambda: create(deployment_name="echo", messages=HELLO, stream=True),
        )


for _status in ERROR_STATUSES:
    error_case(_status, "an object", ERROR_BODIES["an object"])
    error_case(_status, "text", ERROR_BODIES["text"])
for _name, _body in ERROR_BODIES.items():
    if _name not in ("an object", "text"):
        error_case(400, _name, _body)
error_case(404, "nothing", "")
error_case(502, "No route", "No route")
error_case(404, "Route is not found", "Route is not found")


@case("errors: answers that are no JSON", lambda raw: raw.server.fail(200, body="nonsense", times=None))
async def no_json(play: Play) -> Any:
    client = play.client
    return await play.outcomes(
        client.user.info, client.deployments.list, client.bucket.get_raw, lambda: client.deployments.list_names(),
        lambda: client.prompts.get("prompts/b/a"), lambda: client.files.get_metadata("files/b/a"),
    )  # fmt: skip


@case("errors: answers that lack fields", lambda raw: raw.server.fail(200, body={}, times=None))
async def empty_json(play: Play) -> Any:
    client = play.client
    return await play.outcomes(
        client.user.info, client.deployments.list, client.bucket.get_raw, lambda: client.model.get("m"),
        lambda: client.prompts.get("prompts/b/a"), lambda: client.files.get_metadata("files/b/a"),
        lambda: client.application.get("a"), lambda: client.toolset.get("t"),
    )  # fmt: skip


@case("errors: nobody listens", client={"base_url": "http://127.0.0.1:9", "max_retries": 0})
async def refused(play: Play) -> Any:
    client = play.client
    return await play.outcomes(
        client.bucket.get_raw,
        lambda: client.chat.completions.create(deployment_name="echo", messages=HELLO),
    )


# Retries

RETRY_ONCE = {"max_retries": 1}


def fails_once(status: int) -> Callable[[Raw], None]:
    return lambda raw: raw.server.fail(status, path="/v1/user/info", message="try later")


def retry_case(status: int) -> None:
    @case("retries: %d" % status, fails_once(status), client=RETRY_ONCE)
    async def retry(play: Play) -> Any:
        return await play(play.client.user.info())


for _status in (400, 408, 409, 429, 500, 502, 503, 504):
    retry_case(_status)


@case(
    "retries: a chat", lambda raw: raw.server.fail(429, path="/completions", retry_after=0), client={"max_retries": 2}
)
async def retry_chat(play: Play) -> Any:
    return await play(play.client.chat.completions.create(deployment_name="echo", messages=HELLO))


@case("retries: a cut connection", lambda raw: raw.server.drop(path="/v1/user/info"), client=RETRY_ONCE)
async def retry_cut(play: Play) -> Any:
    return await play(play.client.user.info())
