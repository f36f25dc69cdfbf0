"""Embeddings: the same text always gives the same vector; and legacy text completions around a chat behaviour.

Knows both bodies and answers as applications of DIAL's SDK and OpenAI write them. Must not know what Core does around
them (chat.py).
"""

import base64
import hashlib
import math
import struct
from collections.abc import Iterator
from typing import Any, Callable, Union

from .application import AppError, ChatRequest, Chunk, Json, count_tokens
from .validation import check_extra, check_fields, invalid, is_dict, is_int, is_list, is_str

DIMENSIONS = 8
Embedder = Callable[["EmbeddingsRequest"], Json]


class EmbeddingsRequest:
    """What is to be embedded; `texts` has one text per vector."""

    def __init__(self, model: str, body: Json) -> None:
        self.model = model
        self.body = body
        given = body["input"]
        inputs: list[Any] = [given] if isinstance(given, str) else list(given)
        if inputs and all(isinstance(item, int) for item in inputs):
            inputs = [inputs]  # one text, given as tokens
        self.texts = [_text(item) for item in inputs + list(body.get("custom_input") or ())]


def check(body: Json) -> None:
    """Judge a body; AppError 400 on the first thing that is wrong."""
    check_fields(body, _FIELDS, ("input",))
    check_extra(body, _FIELDS)


def embed(request: EmbeddingsRequest) -> Json:
    """One vector per input."""
    dimensions = int(request.body.get("dimensions") or DIMENSIONS)
    data = []
    for index, text in enumerate(request.texts):
        values: Union[str, list[float]] = vector(text, dimensions)
        if request.body.get("encoding_format") == "base64":
            values = base64.b64encode(struct.pack(f"<{dimensions}f", *values)).decode()
        data.append({"object": "embedding", "index": index, "embedding": values})
    tokens = sum(count_tokens(text) for text in request.texts)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "model": request.model, "data": data, "usage": usage}


def vector(text: str, dimensions: int) -> list[float]:
    """A vector of length one that depends on nothing but `text`, in numbers that a 32-bit float holds exactly."""
    raw = b""
    while len(raw) < dimensions * 4:
        raw += hashlib.sha256(text.encode() + len(raw).to_bytes(4, "big")).digest()
    values = [number / 2**31 for number in struct.unpack(f">{dimensions}i", raw[: dimensions * 4])]
    length = math.sqrt(sum(value * value for value in values)) or 1.0
    return list(struct.unpack(f"<{dimensions}f", struct.pack(f"<{dimensions}f", *(value / length for value in values))))


def _text(item: Any) -> str:
    if isinstance(item, str):
        return item
    if isinstance(item, dict):
        return str(item.get("data") or item.get("url") or "")
    return " ".join(_text(part) if isinstance(part, (str, dict)) else str(part) for part in item)


def _is_input(value: Any, path: str) -> None:
    if not isinstance(value, (str, list)):
        raise invalid(path, "str type expected")


def _is_format(value: Any, path: str) -> None:
    if value not in ("float", "base64"):
        raise invalid(path, "unexpected value; permitted: 'float', 'base64'")


_FIELDS = {
    "model": is_str, "input": _is_input, "encoding_format": _is_format, "dimensions": is_int, "user": is_str,
    "custom_input": is_list, "custom_fields": is_dict,
}  # fmt: skip


# Legacy completions


def completion_as_chat(request: ChatRequest) -> ChatRequest:
    """A text completion asked of a deployment that chats: the prompt becomes the user's message."""
    prompt = request.body.get("prompt")
    if isinstance(prompt, list):
        prompt = "".join(str(piece) for piece in prompt)
    if not isinstance(prompt, str):
        raise AppError("prompt is required", 400, "invalid_request_error")
    body: Json = {name: request.body[name] for name in ("n", "stream") if name in request.body}
    body["messages"] = [{"role": "user", "content": prompt}]
    return ChatRequest(request.deployment, body, request.headers, request.query)


def as_text_chunks(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """Chat chunks as chunks of a text completion; what is no text is left out."""
    for chunk in chunks:
        if not isinstance(chunk, dict):
            yield chunk
            continue
        choice = chunk["choices"][0]
        text = choice["delta"].get("content") or ""
        if text or choice["finish_reason"]:
            yield dict(chunk, object="text_completion", choices=[_text_choice(choice, text)])


def as_text_completion(answer: Json) -> Json:
    choices = [_text_choice(choice, choice["message"].get("content") or "") for choice in answer["choices"]]
    return dict(answer, object="text_completion", choices=choices)


def _text_choice(choice: Json, text: str) -> Json:
    return {"text": text, "index": choice["index"], "logprobs": None, "finish_reason": choice["finish_reason"]}
