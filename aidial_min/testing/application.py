"""What an application behind Core does, built with DIAL's SDK: judge the body, answer whole or in chunks.

Knows the sequence of chunks, heartbeats, merging, and errors before and after the first byte. Must not know how bodies
are judged (validation.py), what Core does around it (chat.py), nor what a deployment says (behaviours.py).
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Callable, NamedTuple, Optional, Union

from .deployments import Deployment

HEARTBEAT = b": heartbeat\n\n"
DONE = b"data: [DONE]\n\n"
Json = dict[str, Any]


class AppError(Exception):
    """An application's own error: the status before the first byte, an event in the stream after it."""

    def __init__(
        self,
        message: str,
        status: int = 500,
        type: str = "runtime_error",
        code: Optional[str] = None,
        display_message: Optional[str] = None,
        param: Optional[str] = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(message)
        error = {"message": message, "type": type, "param": param, "code": code or str(status)}
        error["display_message"] = display_message
        self.body = {"error": {name: value for name, value in error.items() if value is not None}}
        self.status = status
        self.headers = headers


class EndOfStream(Exception):
    """The stream ends here, without [DONE]."""


def crashed() -> AppError:
    return AppError("Error during processing the request")


@dataclass
class ChatRequest:
    """One call as the application sees it: Core has added `defaults` and taken credentials away."""

    deployment: Deployment
    body: Json
    headers: Mapping[str, str] = field(default_factory=dict)
    query: str = ""

    @property
    def messages(self) -> list[Json]:
        return list(self.body["messages"])

    @property
    def stream(self) -> bool:
        return bool(self.body.get("stream"))

    @property
    def configuration(self) -> Json:
        return (self.body.get("custom_fields") or {}).get("configuration") or {}

    @property
    def last_text(self) -> str:
        """The text of the last message."""
        return text_of(self.messages[-1]) if self.messages else ""

    @property
    def last_user_text(self) -> str:
        """The text of the user's last message, or of the last one when the user said nothing."""
        said = [message for message in self.messages if message.get("role") == "user"]
        return text_of(said[-1]) if said else self.last_text


def text_of(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, list):
        return "".join(
            part.get("text", "") for part in content if isinstance(part, dict) and part.get("type") == "text"
        )
    return content if isinstance(content, str) else ""


class Finish(NamedTuple):
    """How a choice ends; `usage` and `statistics` stand on the last chunk of the last choice."""

    reason: str = "stop"
    usage: Optional[Json] = None
    statistics: Optional[Json] = None


#: What a behaviour yields: text, a delta as it is, a pause in seconds, HEARTBEAT, and at most one Finish at the end.
Part = Union[str, Json, float, bytes, Finish]
Behaviour = Callable[[ChatRequest], Iterator[Part]]
Chunk = Union[Json, float, bytes]


def chunks(request: ChatRequest, behaviour: Behaviour, id: str, created: int) -> Iterator[Chunk]:
    """The chunks of an answer, with pauses and heartbeats between them. Raises AppError where the application does."""
    choices = int(request.body.get("n") or 1)
    words = 0
    for index in range(choices):
        opened, finish = False, Finish()
        for part in behaviour(request):
            if isinstance(part, (float, int)):
                yield from _wait(float(part), request.deployment.heartbeat)
                continue
            if isinstance(part, bytes):
                yield part
                continue
            if not isinstance(part, (str, dict, Finish)):
                raise TypeError(f"text, a dict, a pause, bytes or Finish is wanted in an answer, not {part!r}")
            if not opened:
                opened = True
                yield _chunk(request, id, created, index, {"role": "assistant"})
            if isinstance(part, Finish):
                finish = part
                break
            if isinstance(part, str):
                words += len(part.split())
                part = {"content": part}
            yield from _wait(request.deployment.delay, request.deployment.heartbeat)
            yield _chunk(request, id, created, index, part)
        if not opened:
            yield _chunk(request, id, created, index, {"role": "assistant"})
        last = _chunk(request, id, created, index, {}, finish.reason)
        if index == choices - 1:
            last["usage"] = finish.usage or _usage(request, words)
            if finish.statistics:
                head = {"choices": last.pop("choices"), "usage": last.pop("usage"), "statistics": finish.statistics}
                last = {**head, **last}
        yield last


def _wait(seconds: float, heartbeat: Optional[float]) -> Iterator[Chunk]:
    while heartbeat and seconds > heartbeat:
        yield heartbeat
        yield HEARTBEAT
        seconds -= heartbeat
    if seconds > 0.0:
        yield seconds


def _chunk(request: ChatRequest, id: str, created: int, index: int, delta: Json, reason: Optional[str] = None) -> Json:
    chunk: Json = {
        "choices": [{"index": index, "finish_reason": reason, "delta": delta}],
        "usage": None,
        "id": id,
        "created": created,
        "object": "chat.completion.chunk",
    }
    if request.deployment.model_name is not None:
        chunk["model"] = request.deployment.model_name
    return chunk


def _usage(request: ChatRequest, completion_tokens: int) -> Json:
    prompt_tokens = sum(count_tokens(text_of(message)) for message in request.messages)
    total = prompt_tokens + completion_tokens
    return {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens, "total_tokens": total}


def count_tokens(text: str) -> int:
    """One token per word: anybody can check it by eye."""
    return len(text.split())


def event(value: Any) -> bytes:
    return b"data: " + json.dumps(value, separators=(",", ":")).encode() + b"\n\n"


def whole(parts: Iterator[Chunk], pause: Callable[[float], None]) -> Json:
    """The chunks merged into one answer, as the SDK does when no stream was asked for."""
    answer: Json = {"choices": []}
    messages: list[Json] = []
    for chunk in _until_end(parts):
        if isinstance(chunk, float):
            pause(chunk)
        elif isinstance(chunk, dict):
            choice = chunk["choices"][0]
            if choice["index"] == len(messages):
                messages.append({})
                answer["choices"].append({"index": choice["index"], "finish_reason": None, "message": messages[-1]})
            merge(messages[choice["index"]], choice["delta"])
            if choice["finish_reason"]:
                answer["choices"][choice["index"]]["finish_reason"] = choice["finish_reason"]
            for name in ("usage", "id", "created", "model", "statistics"):
                if chunk.get(name) is not None:
                    answer[name] = chunk[name]
    answer["object"] = "chat.completion"
    for choice in answer["choices"]:
        choice["message"] = _without_index(choice["message"])
    return answer


def _until_end(parts: Iterator[Chunk]) -> Iterator[Chunk]:
    try:
        yield from parts
    except EndOfStream:
        pass


def merge(target: Json, source: Json) -> None:
    """Strings are appended, objects merged, lists merged by the `index` of their elements, the rest replaced."""
    for name, value in source.items():
        known = target.get(name)
        if isinstance(value, list) and value and all(isinstance(item, dict) and "index" in item for item in value):
            known = target.setdefault(name, [])
            for item in value:
                while len(known) <= item["index"]:
                    known.append({"index": len(known)})
                merge(known[item["index"]], item)
        elif isinstance(value, dict):
            if not isinstance(known, dict):
                target[name] = {}
            merge(target[name], value)
        elif isinstance(value, str) and isinstance(known, str) and name not in ("role", "status", "type", "id"):
            target[name] = known + value
        elif value is not None or name not in target:
            target[name] = value


def _without_index(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_index(item) for name, item in value.items() if name != "index"}
    if isinstance(value, list):
        return [_without_index(item) for item in value]
    return value
