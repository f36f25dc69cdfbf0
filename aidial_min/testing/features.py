"""rate, tokenize, truncate_prompt, configuration: what a deployment offers beside answering.

Knows how each hides that it is not supported, and what applications answer. Tokens are words (application.py).
Must not know limits (limits.py) or completions (chat.py).
"""

from typing import TYPE_CHECKING, Any

from . import application
from .application import AppError, count_tokens, text_of
from .chat import read_body, upstream_answer
from .errors import Refusal
from .listings import decoded_id, find
from .messages import Response, dumps
from .validation import check_extra, check_fields, invalid, is_list

if TYPE_CHECKING:
    from .core import Call, Core
    from .deployments import Deployment

Json = dict[str, Any]


def rate(core: "Core", call: "Call", id: str) -> Response:
    """POST /v1/{id}/rate"""
    deployment = find(core, call, decoded_id(id))
    if not deployment.all_features(core.newer)["rate"]:
        return Response(200)
    return upstream_answer(b"", "", attempts=False)


def configuration(core: "Core", call: "Call", id: str) -> Response:
    """GET /v1/deployments/{id}/configuration"""
    deployment = find(core, call, decoded_id(id))
    if deployment.configuration is None:
        return Response(200)
    return upstream_answer(dumps(deployment.configuration), attempts=False)


def tokenize(core: "Core", call: "Call", id: str) -> Response:
    """POST /v1/deployments/{id}/tokenize"""
    deployment = _supporting(core, call, id, "tokenize")
    return _for_each(call, deployment.tokenize or count)


def truncate_prompt(core: "Core", call: "Call", id: str) -> Response:
    """POST /v1/deployments/{id}/truncate_prompt"""
    deployment = _supporting(core, call, id, "truncate_prompt")
    return _for_each(call, deployment.truncate or discard)


def count(given: Json) -> Json:
    """The tokens of one input: text, or a whole request."""
    if given.get("type") == "string":
        return {"token_count": count_tokens(str(given.get("value", "")))}
    if given.get("type") == "request" and isinstance(given.get("value"), dict):
        messages = given["value"].get("messages") or []
        return {"token_count": sum(count_tokens(text_of(message)) for message in messages)}
    raise AppError("Unknown type of input")


def discard(given: Json) -> Json:
    """Which messages go so that the rest fits: the oldest first; system messages and the last one stay."""
    messages, limit = given.get("messages") or [], given.get("max_prompt_tokens")
    tokens = [count_tokens(text_of(message)) for message in messages]
    discarded: list[int] = []
    left = sum(tokens)
    for index, message in enumerate(messages[:-1]):
        if limit is not None and left > limit and message.get("role") != "system":
            discarded.append(index)
            left -= tokens[index]
    if limit is not None and left > limit:
        raise AppError(f"The least prompt has {left} tokens, more than the limit of {limit}")
    return {"discarded_messages": discarded}


def _supporting(core: "Core", call: "Call", id: str, feature: str) -> "Deployment":
    deployment = find(core, call, decoded_id(id))
    if not deployment.all_features(core.newer)[feature]:
        raise Refusal(403, "Forbidden deployment")
    if deployment.behaviour == "dead":
        raise Refusal(502, "connection error to origin")
    return deployment


def _for_each(call: "Call", answer: Any) -> Response:
    body = read_body(call)
    try:
        check_fields(body, {"inputs": is_list}, ("inputs",))
        check_extra(body, {"inputs": None, "model": None})
        if not all(isinstance(given, dict) for given in body["inputs"]):
            raise invalid("inputs.0", "value is not a valid dict")
    except application.AppError as error:
        return upstream_answer(dumps(error.body), status=error.status, attempts=False)
    outputs = []
    for given in body["inputs"]:
        try:
            outputs.append({"status": "success", **answer(given)})
        except application.AppError as error:
            outputs.append({"status": "error", "error": str(error)})
    return upstream_answer(dumps({"outputs": outputs}), attempts=False)
