"""POST /openai/deployments/{id}/chat/completions, completions, embeddings: what Core does around an application.

Knows the order of checks, upstream attempts and Core's back-off, and how an application's answer or error travels.
Must not know which attachments a caller may send (attachments.py), what applications say (behaviours.py) or their JSON
(application.py).
"""

import itertools
import logging
import time
from collections.abc import Iterator
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Optional, Union

from . import attachments, bodies, embeddings
from .application import (
    DONE,
    AppError,
    Behaviour,
    ChatRequest,
    Chunk,
    EndOfStream,
    Json,
    chunks,
    crashed,
    event,
    whole,
)
from .behaviours import BEHAVIOURS
from .deployments import Deployment
from .errors import Refusal
from .listings import decoded_id, find
from .messages import Response, as_json, dumps
from .validation import check_chat

if TYPE_CHECKING:
    from .core import Call, Core

EVENT_STREAM = "text/event-stream; charset=utf-8"
RETRIED = (429, 502, 503, 504)
_NOT_FORWARDED = {
    "host", "content-length", "accept-encoding", "api-key", "authorization", "connection", "transfer-encoding",
    "keep-alive", "te", "trailer", "upgrade", "proxy-authorization", "expect",
}  # fmt: skip

_log = logging.getLogger(__name__)


class Upstream:
    """How Core gets on with one deployment: after a 429, or three 5xx in a row, it leaves it alone for a while."""

    def __init__(self) -> None:
        self.until = 0.0
        self.failures = 0

    def usable(self) -> bool:
        return time.monotonic() >= self.until

    def failed(self, status: int, retry_after: Optional[str]) -> None:
        self.failures += 1
        if status == 429:
            seconds = int(retry_after) if retry_after and retry_after.isdigit() else 30
            self.until = time.monotonic() + seconds
        elif self.failures >= 3:
            self.until = time.monotonic() + 8 * 2 ** min(self.failures - 3, 10)

    def succeeded(self) -> None:
        self.until, self.failures = 0.0, 0


def post(core: "Core", call: "Call", id: str, api: str) -> Response:
    """POST /openai/deployments/{id}/(chat/completions|completions|embeddings)"""
    if "application/json" not in call.request.headers.get("content-type", "").lower():
        raise Refusal(415, "Only application/json is supported")
    return _post(core, call, decoded_id(id), api)


def post_by_model(core: "Core", call: "Call") -> Response:
    """POST /openai/v1/chat/completions (2026): the body's `model` names the deployment"""
    if "application/json" not in call.request.headers.get("content-type", "").lower():
        raise Refusal(415, "Only application/json is supported")
    model = read_body(call).get("model")
    if not isinstance(model, str):
        raise Refusal(400, "model is required")
    return _post(core, call, model, "chat/completions")


def _post(core: "Core", call: "Call", id: str, api: str) -> Response:
    deployment = find(core, call, id)
    if deployment.behaviour == "none":
        raise Refusal(503)
    refusal = core.limits.refusal(call.caller.location, deployment)
    if refusal is not None:
        return _rate_limited(core, *refusal)
    upstream = core.upstream(deployment.id)
    if not upstream.usable():
        raise Refusal(502, "No route")
    body = read_body(call)
    attachments.check(core, call, body)
    if deployment.behaviour == "dead":
        return _unreachable(core)
    for name, value in deployment.defaults.items():
        body.setdefault(name, value)
    try:
        response = _answer(core, call, deployment, body, api)
    except AppError as error:
        if error.status in RETRIED:
            upstream.failed(error.status, dict(error.headers).get("Retry-After"))
            status = 503 if core.newer and error.status == 429 else 502
            raise Refusal(status, "No route") from None
        return upstream_answer(dumps(error.body), "application/json", error.status, error.headers)
    upstream.succeeded()
    return response


def _answer(core: "Core", call: "Call", deployment: Deployment, body: Json, api: str) -> Response:
    if deployment.embeddings:
        return _embed(core, call, deployment, body)
    id = core.new_id()
    request = ChatRequest(deployment, body, _forwarded(call, body, id), _endpoint(call, deployment))
    legacy = api == "completions" and deployment.completions
    if legacy:
        request = embeddings.completion_as_chat(request)
    check_chat(request.body)
    behaviour = core.script.reply_of(deployment.id) or _behaviour(deployment)
    parts = _guarded(deployment, chunks(request, behaviour, id, int(core.clock())))
    pause = call.request.connection.pause
    if not request.stream:
        answer = whole(parts, pause)
        _count(core, call, deployment, answer)
        if core.newer and deployment.kind == "model":
            answer["statistics"] = _statistics(deployment, answer)
        return upstream_answer(dumps(embeddings.as_text_completion(answer) if legacy else answer))
    # Until the first chunk or heartbeat nothing has been sent, and an error still has a status of its own.
    try:
        first = next(parts)
        while isinstance(first, float):
            pause(first)
            first = next(parts)
    except EndOfStream:
        return upstream_answer(iter(()), EVENT_STREAM)
    following = itertools.chain([first], parts)
    pieces = _stream(core, call, deployment, embeddings.as_text_chunks(following) if legacy else following)
    return upstream_answer(pieces, EVENT_STREAM)


def _behaviour(deployment: Deployment) -> Behaviour:
    return BEHAVIOURS[deployment.behaviour] if isinstance(deployment.behaviour, str) else deployment.behaviour


def _guarded(deployment: Deployment, parts: Iterator[Chunk]) -> Iterator[Chunk]:
    """Whatever else escapes from a behaviour is what the SDK makes of a crash; the log has the traceback."""
    try:
        yield from parts
    except (AppError, EndOfStream):
        raise
    except Exception:
        _log.exception("The behaviour of %s failed", deployment.id)
        raise crashed() from None


def _stream(
    core: "Core", call: "Call", deployment: Deployment, parts: Iterator[Chunk]
) -> Iterator[Union[bytes, float]]:
    last: Json = {}
    try:
        for chunk in parts:
            if isinstance(chunk, dict):
                last = chunk
                _count(core, call, deployment, chunk)
                yield event(chunk)
            else:
                yield chunk
    except EndOfStream:
        return
    except AppError as error:
        yield event(error.body)
    else:
        if core.newer and deployment.kind == "model" and last.get("usage"):
            # Core adds what it counted, in a chunk without id, created and model.
            statistics = _statistics(deployment, last)
            yield event({"object": "chat.completion.chunk", "choices": [], "statistics": statistics})
    yield DONE


def _statistics(deployment: Deployment, answer: Json) -> Json:
    counted = answer.get("usage") or {}
    usage = {name: counted.get(name) or 0 for name in ("prompt_tokens", "completion_tokens", "total_tokens")}
    kept = {name: value for name, value in (answer.get("statistics") or {}).items() if name != "usage_per_model"}
    return {**kept, "usage_per_model": [{"index": 0, "model": deployment.id, **usage}]}


def _embed(core: "Core", call: "Call", deployment: Deployment, body: Json) -> Response:
    embeddings.check(body)
    request = embeddings.EmbeddingsRequest(deployment.model_name or deployment.id, body)
    custom = deployment.behaviour
    answer = embeddings.embed(request) if isinstance(custom, str) else dict(custom(request))
    _count(core, call, deployment, answer)
    return upstream_answer(dumps(answer))


def _count(core: "Core", call: "Call", deployment: Deployment, answer: Json) -> None:
    usage = answer.get("usage")
    if usage and (deployment.kind == "model" or deployment.limits is not None):
        core.limits.count(call.caller.location, deployment, "tokens", usage.get("total_tokens") or 0)
        core.limits.count(call.caller.location, deployment, "requests", 1)


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


def _rate_limited(core: "Core", status: int, error: dict[str, Any]) -> Response:
    if not core.newer:
        return as_json(error, status)
    return Response(status, dumps(error), [("Retry-After", "60")] if status == 429 else [])


def _unreachable(core: "Core") -> Response:
    if not core.newer:
        raise Refusal(502, "Failed to connect to origin")
    words = "Failed to connect to upstream server"
    return as_json({"error": {"message": words, "code": "BAD_GATEWAY", "display_message": words}}, 502)


def read_body(call: "Call") -> Json:
    raw = bytes(call.request.body())
    if not raw:
        raise Refusal(500)
    try:
        body = bodies.loads(raw)
    except ValueError:
        raise Refusal(400) from None
    if not isinstance(body, dict):
        raise Refusal(500)
    return body


def _forwarded(call: "Call", body: Json, id: str) -> dict[str, str]:
    headers = {name: value for name, value in call.request.headers.items() if name not in _NOT_FORWARDED}
    headers["content-length"] = str(len(dumps(body)))
    headers["host"] = "127.0.0.1:7001"
    trace = id.replace("-", "")
    headers.setdefault("traceparent", f"00-{trace}-{trace[16:]}-01")
    return headers


def _endpoint(call: "Call", deployment: Deployment) -> str:
    query = "?" + call.request.query if call.request.query else ""
    return f"http://127.0.0.1:7001/openai/deployments/{deployment.id}/chat/completions{query}"
