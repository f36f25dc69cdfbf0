"""Calls of deployments: chat completions, the older completions, embeddings; rate, tokenize, truncate, configuration.

This is what Core does around an application (sdk.py): the order of checks, attachments, upstream attempts and Core's
back-off, and how an application's answer or error travels.
"""

import itertools
import logging
import re
from collections.abc import Iterator
from email.utils import formatdate
from typing import Any, Callable, Optional, Union

from . import sdk
from .access import READ
from .builtin_deployments import BEHAVIOURS, EmbeddingsRequest, embed, embeddings_body
from .deployments import Deployment
from .http import HttpError, Response, as_json, dumps, event, refuse_if
from .json_shapes import Json, an_object, anything, each, integer, mapping, parsed
from .listings import check_consent, find
from .paths import from_url
from .resources import METADATA_TYPE
from .routing import Call, endpoint
from .script import RecordedAnswer

EVENT_STREAM = "text/event-stream; charset=utf-8"
RETRIED = (429, 502, 503, 504)
_NOT_FORWARDED = {
    "host", "content-length", "accept-encoding", "api-key", "authorization", "connection", "transfer-encoding",
    "keep-alive", "te", "trailer", "upgrade", "proxy-authorization", "expect",
}  # fmt: skip

_PROMPT = an_object({"messages": each(mapping), "max_prompt_tokens": integer})


def _input(value: Any, path: str) -> None:
    _PROMPT(value, path)
    if isinstance(value.get("value"), dict):
        _PROMPT(value["value"], path + ".value")


_INPUTS = an_object({"inputs": each(_input), "model": anything}, required="inputs", closed=True)

_log = logging.getLogger(__name__)


@endpoint("POST /+openai/deployments/{id}/{what:chat/completions|completions|embeddings}")
def answer_by_id(call: Call, id: str, what: str) -> Response:
    return ask(call, id, _completion if what == "completions" else _chat)


@endpoint("POST /+openai/v1/chat/completions", generations="2026")
def answer_by_model(call: Call) -> Response:
    """The body's `model` names the deployment."""
    model: Any = read_body(call).get("model")
    refuse_if(not isinstance(model, str), 400, "model is required")
    return ask(call, model, _chat)


def ask(call: Call, id: str, answer: Callable[[Call, Deployment, Json], Response], defaults: bool = True) -> Response:
    """What Core does before and after a deployment answers."""
    if "application/json" not in call.request.headers.get("content-type", "").lower():
        raise HttpError(415, "Only application/json is supported")
    core = call.core
    deployment = _deployment(call, id)
    refuse_if(deployment.behaviour == "none", 503)
    check_consent(call, deployment)
    refusal = core.limits.refusal(call.caller.location, deployment)
    if refusal is not None:
        return _rate_limited(call, *refusal)
    upstream = core.upstreams[deployment.id]
    refuse_if(not upstream.usable(), 502, "No route")
    body = read_body(call)
    for url in _attached(body):
        check_url(call, url)
    if deployment.behaviour == "dead":
        return _unreachable(call)
    for name, value in deployment.defaults.items() if defaults else ():
        body.setdefault(name, value)
    try:
        response = answer(call, deployment, body)
    except sdk.AppError as error:
        if error.status in RETRIED:
            upstream.failed(error.status, dict(error.headers).get("Retry-After"))
            status = 503 if core.newer and error.status == 429 else 502
            raise HttpError(status, "No route") from None
        return upstream_answer(dumps(error.body), "application/json", error.status, error.headers)
    upstream.succeeded()
    return response


def _deployment(call: Call, id: str) -> Deployment:
    """The deployment that is asked; a scripted reply stands in for one that this server does not have."""
    try:
        return find(call, id)
    except HttpError as error:
        if error.status == 404 and call.core.script.has_reply_for(id):
            return Deployment(id, "model")
        declared = f"DialServer(deployments=[{id!r}]) or server.reply(..., deployment={id!r}) declares it"
        call.core.script.unexpected.append(f"There is no deployment {id!r} for this caller: {declared}")
        raise


def _chat(call: Call, deployment: Deployment, body: Json) -> Response:
    if deployment.embeddings:
        return _embed(call, deployment, body)
    return _said(call, sdk.ChatRequest(deployment, body))


def _said(call: Call, request: sdk.ChatRequest, as_text: bool = False) -> Response:
    """The answer of a chat behaviour, whole or streamed, or as that of the older completions."""
    deployment = request.deployment
    parts = answer_of(call, request)
    if isinstance(parts, Response):
        return parts
    if request.stream:
        parts = begun(call, _as_text_chunks(parts) if as_text else parts)
        return upstream_answer(_events(call, deployment, parts), EVENT_STREAM)
    answer = sdk.whole(parts, call.request.connection.pause)
    count(call, deployment, answer.get("usage"))
    if as_text:
        choices = [_text_choice(choice, choice["message"].get("content") or "") for choice in answer["choices"]]
        answer = dict(answer, object="text_completion", choices=choices)
    elif call.core.newer and deployment.kind == "model":
        answer["statistics"] = _statistics(deployment, answer)
    return upstream_answer(dumps(answer))


def answer_of(call: Call, request: sdk.ChatRequest) -> Union[Response, Iterator[sdk.Chunk]]:
    """The answer to a request, which is judged first: its chunks, or what was recorded as it is."""
    deployment = request.deployment
    id = call.core.new_id()
    request.headers = _forwarded(call, request.body, id)
    query = "?" + call.request.query if call.request.query else ""
    request.query = f"http://127.0.0.1:7001/openai/deployments/{deployment.id}/chat/completions{query}"
    sdk.judge(request.body, sdk.chat_body(deployment.is_strict))
    reply = call.core.script.reply_of(deployment.id)
    recorded = reply.response(request.stream) if isinstance(reply, RecordedAnswer) else None
    if recorded is not None:
        return recorded
    own = deployment.behaviour
    behaviour = reply or (BEHAVIOURS[own] if isinstance(own, str) else own)
    return _guarded(deployment, sdk.chunks(request, behaviour, id, int(call.core.clock())))


def _guarded(deployment: Deployment, parts: Iterator[sdk.Chunk]) -> Iterator[sdk.Chunk]:
    """Whatever else escapes from a behaviour is what the SDK makes of a crash; the log has the traceback."""
    try:
        yield from parts
    except sdk.AppError:
        raise
    except Exception:
        _log.exception("The behaviour of %s failed", deployment.id)
        raise sdk.crashed() from None


def begun(call: Call, parts: Iterator[sdk.Chunk]) -> Iterator[sdk.Chunk]:
    """The parts, once the first has come: until then nothing has been sent, and an error has a status of its own."""
    for first in parts:
        if not isinstance(first, float):
            return itertools.chain([first], parts)
        call.request.connection.pause(first)
    return parts


def _events(call: Call, deployment: Deployment, parts: Iterator[sdk.Chunk]) -> Iterator[Union[bytes, float]]:
    last: Json = {}
    try:
        for chunk in parts:
            if chunk is sdk.END:
                return
            if isinstance(chunk, dict):
                last = chunk
                count(call, deployment, chunk.get("usage"))
                yield event(chunk)
            else:
                yield chunk
    except sdk.AppError as error:
        yield event(error.body)
    else:
        if call.core.newer and deployment.kind == "model" and last.get("usage"):
            # Core adds what it counted, in a chunk without id, created and model.
            statistics = _statistics(deployment, last)
            yield event({"object": "chat.completion.chunk", "choices": [], "statistics": statistics})
    yield sdk.DONE


def _statistics(deployment: Deployment, answer: Json) -> Json:
    counted = answer.get("usage") or {}
    usage = {name: counted.get(name) or 0 for name in ("prompt_tokens", "completion_tokens", "total_tokens")}
    kept = {name: value for name, value in (answer.get("statistics") or {}).items() if name != "usage_per_model"}
    return {**kept, "usage_per_model": [{"index": 0, "model": deployment.id, **usage}]}


def _embed(call: Call, deployment: Deployment, body: Json) -> Response:
    sdk.judge(body, embeddings_body)
    request = EmbeddingsRequest(deployment.model_name or deployment.id, body)
    custom = deployment.behaviour
    answer = embed(request) if isinstance(custom, str) else dict(custom(request))
    count(call, deployment, answer.get("usage"))
    return upstream_answer(dumps(answer))


def count(call: Call, deployment: Deployment, usage: Optional[Json]) -> None:
    if usage and (deployment.kind == "model" or deployment.limits is not None):
        call.core.limits.count(call.caller.location, deployment, "tokens", usage.get("total_tokens") or 0)
        call.core.limits.count(call.caller.location, deployment, "requests", 1)


def upstream_answer(
    body: Union[bytes, Iterator[Union[bytes, float]]],
    content_type: str = "application/json",
    status: int = 200,
    headers: tuple[tuple[str, str], ...] = (),
    attempts: bool = True,
) -> Response:
    """An answer that came from behind Core: chunked, with the headers of the application's own server."""
    fields = [("date", formatdate(usegmt=True)), ("server", "uvicorn"), *headers]
    if content_type:
        fields.append(("content-type", content_type))
    if attempts:
        fields.append(("X-UPSTREAM-ATTEMPTS", "1"))
    return Response(status, iter([body]) if isinstance(body, bytes) else body, fields)


def _rate_limited(call: Call, status: int, error: Json) -> Response:
    if not call.core.newer:
        return as_json(error, status)
    return Response(status, dumps(error), [("Retry-After", "60")] if status == 429 else [])


def _unreachable(call: Call) -> Response:
    refuse_if(not call.core.newer, 502, "Failed to connect to origin")
    words = "Failed to connect to upstream server"
    return as_json({"error": {"message": words, "code": "BAD_GATEWAY", "display_message": words}}, 502)


def read_body(call: Call) -> Json:
    raw = call.request.body()
    refuse_if(not raw, 500)
    return parsed(raw, (400, ""), (500, ""))


def _forwarded(call: Call, body: Json, id: str) -> dict[str, str]:
    headers = {name: value for name, value in call.request.headers.items() if name not in _NOT_FORWARDED}
    headers["content-length"] = str(len(dumps(body)))
    headers["host"] = "127.0.0.1:7001"
    trace = id.replace("-", "")
    headers.setdefault("traceparent", f"00-{trace}-{trace[16:]}-01")
    return headers


# The older completions, around a chat behaviour


def _completion(call: Call, deployment: Deployment, body: Json) -> Response:
    if deployment.embeddings or not deployment.completions:
        return _chat(call, deployment, body)
    prompt = body.get("prompt")
    if isinstance(prompt, list):
        prompt = "".join(str(piece) for piece in prompt)
    if not isinstance(prompt, str):
        raise sdk.AppError("prompt is required", 400, "invalid_request_error")
    asked: Json = {name: body[name] for name in ("n", "stream") if name in body}
    asked["messages"] = [{"role": "user", "content": prompt}]
    return _said(call, sdk.ChatRequest(deployment, asked), as_text=True)


def _as_text_chunks(chunks: Iterator[sdk.Chunk]) -> Iterator[sdk.Chunk]:
    """Chat chunks as chunks of a text completion; what is no text is left out."""
    for chunk in chunks:
        if not isinstance(chunk, dict) or chunk is sdk.END:
            yield chunk
            continue
        choice = chunk["choices"][0]
        text = choice["delta"].get("content") or ""
        if text or choice["finish_reason"]:
            yield dict(chunk, object="text_completion", choices=[_text_choice(choice, text)])


def _text_choice(choice: Json, text: str) -> Json:
    return {"text": text, "index": choice["index"], "logprobs": None, "finish_reason": choice["finish_reason"]}


# Attachments: Core looks for their urls and checks that the caller may read them


def _attached(body: Json) -> Iterator[str]:
    """The urls of what is attached; HttpError where nulls make Core stumble."""
    for message in _elements(body, "messages"):
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            is_image = isinstance(part, dict) and part.get("type") == "image_url"
            image = part.get("image_url") if is_image else None
            if isinstance(image, dict) and isinstance(image.get("url"), str):
                yield image["url"]
        custom = message.get("custom_content")
        if isinstance(custom, dict):
            for holder in [custom, *_elements(custom, "stages")]:
                yield from _held_by(holder)
    pending = list(body["custom_input"]) if isinstance(body.get("custom_input"), list) else []
    while pending:
        item = pending.pop()
        if isinstance(item, list):
            pending += item
        elif isinstance(item, dict):
            yield from _held_by({"attachments": [item]})


def _elements(parent: Json, name: str) -> list[Json]:
    value = parent.get(name, [])
    refuse_if(not isinstance(value, list), 400)
    return [item for item in value if isinstance(item, dict)]


def _held_by(holder: Json) -> Iterator[str]:
    for attachment in _elements(holder, "attachments"):
        url = attachment.get("url")
        if not isinstance(url, str):
            continue
        refuse_if("type" in attachment and attachment["type"] is None, 400)
        if attachment.get("type") == METADATA_TYPE and "://" not in url:
            refuse_if(not url.startswith("metadata/"), 400)
            url = url[len("metadata/") :]
        yield url


def check_url(call: Call, url: str) -> None:
    """HttpError when the caller may not read what a relative url of DIAL names."""
    scheme, found, _ = url.partition("://")
    if url.startswith("data:") or (found and scheme.replace("+", "").replace("-", "").replace(".", "").isalnum()):
        return
    resource = from_url(url, "")
    refuse_if(READ not in call.rights(resource), 403, f"Access denied to the file {url}")


# What a deployment offers beside answering


@endpoint("POST /+v1/{id}/rate")
def rate(call: Call, id: str) -> Optional[Response]:
    if not find(call, id).all_features(call.core.newer)["rate"]:
        return None
    return upstream_answer(b"", "", attempts=False)


@endpoint("GET /+v1/deployments/{id}/configuration")
def configuration(call: Call, id: str) -> Optional[Response]:
    schema = find(call, id).configuration
    return None if schema is None else upstream_answer(dumps(schema), attempts=False)


@endpoint("POST /+v1/deployments/{id}/{what:tokenize|truncate_prompt}")
def for_each_input(call: Call, id: str, what: str) -> Response:
    deployment = find(call, id)
    refuse_if(not deployment.all_features(call.core.newer)[what], 403, "Forbidden deployment")
    refuse_if(deployment.behaviour == "dead", 502, "connection error to origin")
    answer = deployment.tokenize or _count_one if what == "tokenize" else deployment.truncate or _discard
    body = read_body(call)
    try:
        sdk.judge(body, _INPUTS)
    except sdk.AppError as error:
        return upstream_answer(dumps(error.body), status=error.status, attempts=False)
    outputs: list[Any] = []
    for given in body["inputs"]:
        try:
            outputs.append({"status": "success", **answer(given)})
        except sdk.AppError as error:
            outputs.append({"status": "error", "error": str(error)})
    return upstream_answer(dumps({"outputs": outputs}), attempts=False)


def _count_one(given: Json) -> Json:
    """The tokens of one input: text, or a whole request."""
    if given.get("type") == "string":
        return {"token_count": sdk.count_tokens(str(given.get("value", "")))}
    if given.get("type") == "request" and isinstance(given.get("value"), dict):
        messages = given["value"].get("messages") or []
        return {"token_count": sum(sdk.count_tokens(sdk.text_of(message)) for message in messages)}
    raise sdk.AppError("Unknown type of input")


def _discard(given: Json) -> Json:
    """Which messages go so that the rest fits: the oldest first; system messages and the last one stay."""
    messages, limit = given.get("messages") or [], given.get("max_prompt_tokens")
    tokens = [sdk.count_tokens(sdk.text_of(message)) for message in messages]
    discarded: list[int] = []
    left = sum(tokens)
    for index, message in enumerate(messages[:-1]):
        if limit is not None and left > limit and message.get("role") != "system":
            discarded.append(index)
            left -= tokens[index]
    if limit is not None and left > limit:
        raise sdk.AppError(f"The least prompt has {left} tokens, more than the limit of {limit}")
    return {"discarded_messages": discarded}


@endpoint("GET|POST|PUT|DELETE|HEAD|PATCH /v1/deployments/{id:.+}/route/{route}", generations="2026")
def route(call: Call, id: str, route: str) -> Response:
    """An endpoint of the application's own."""
    for pattern, function in find(call, id).routes.items():
        if re.fullmatch(pattern, "/" + route):
            answer = function(call.request.method, bytes(call.request.body()))
            if isinstance(answer, (dict, list)):
                return as_json(answer)
            return Response(200, answer if isinstance(answer, bytes) else iter(answer))
    raise HttpError(404, "Route is not found")
