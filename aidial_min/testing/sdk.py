"""What an application behind Core does, built with DIAL's SDK: judge the body, answer whole or in chunks.

A behaviour takes a `ChatRequest` and yields parts; `chunks` makes the chunks of a stream of them, with pauses and
heartbeats between, and `whole` merges those into one answer. Errors are `AppError`s, in the SDK's words.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Callable, NamedTuple, Optional, Union

from . import json_shapes as shape
from .deployments import Deployment
from .json_shapes import Json

HEARTBEAT = b": heartbeat\n\n"
DONE = b"data: [DONE]\n\n"


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
        self.body = {"error": shape.without_nulls(error)}
        self.status = status
        self.headers = headers


def crashed() -> AppError:
    return AppError("Error during processing the request")


@dataclass
class ChatRequest:
    """One call as the application sees it: Core has added `defaults` and taken credentials away.

    `asked` is the body of a call of the Responses API, whose input became `messages`.
    """

    deployment: Deployment
    body: Json
    headers: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    asked: Optional[Json] = None

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


def count_tokens(text: str) -> int:
    """One token per word: anybody can check it by eye."""
    return len(text.split())


class Finish(NamedTuple):
    """How a choice ends; `usage` and `statistics` stand on the last chunk of the last choice."""

    reason: str = "stop"
    usage: Optional[Json] = None
    statistics: Optional[Json] = None


#: What a behaviour yields: text, a delta as it is, a pause in seconds, HEARTBEAT, and at most one Finish at the end.
Part = Union[str, Json, float, bytes, Finish]
Behaviour = Callable[[ChatRequest], Iterator[Part]]
Chunk = Union[Json, float, bytes]
#: A part, and a chunk, at which the stream ends without [DONE].
END: Json = {}


def check_part(part: Any) -> None:
    if not isinstance(part, (str, dict, float, int, bytes, Finish)):
        raise TypeError(f"text, a dict, a pause, bytes or Finish is wanted in an answer, not {part!r}")


# Deltas


def stage(index: int, **fields: Any) -> Json:
    """A delta for one stage: `name` and `content` are appended, `status` closes it."""
    return {"custom_content": {"stages": [{"index": index, **fields, "status": fields.get("status")}]}}


def attachment(index: int, **fields: Any) -> Json:
    return {"custom_content": {"attachments": [{"index": index, **fields}]}}


def tool_call(index: int, id: str, name: str, *arguments: str) -> list[Json]:
    """The deltas of one tool call: the first names it, each further piece of the arguments has one of its own."""
    first, *others = arguments or ("",)
    deltas: list[Json] = [
        {"index": index, "id": id, "type": "function", "function": {"name": name, "arguments": first}}
    ]
    deltas += [{"index": index, "function": {"arguments": piece}} for piece in others]
    return [{"content": None, "tool_calls": [delta]} for delta in deltas]


# Answers


def chunks(request: ChatRequest, behaviour: Behaviour, id: str, created: int) -> Iterator[Chunk]:
    """The chunks of an answer, with pauses and heartbeats between them. Raises AppError where the application does."""
    choices = int(request.body.get("n") or 1)
    words = 0
    for index in range(choices):
        opened, finish = False, Finish()
        for part in behaviour(request):
            check_part(part)
            if part is END:
                yield END
                return
            if isinstance(part, (float, int)):
                yield from _wait(float(part), request.deployment.heartbeat)
                continue
            if isinstance(part, bytes):
                yield part
                continue
            if not opened:
                opened = True
                yield _chunk(request, id, created, index, {"role": "assistant"})
            if isinstance(part, Finish):
                finish = part
                break
            if isinstance(part, str):
                words += count_tokens(part)
                part = {"content": part}
            yield from _wait(request.deployment.delay, request.deployment.heartbeat)
            yield _chunk(request, id, created, index, part)
        if not opened:
            yield _chunk(request, id, created, index, {"role": "assistant"})
        is_last = index == choices - 1
        usage = (finish.usage or _usage(request, words), finish.statistics) if is_last else (None, None)
        yield _chunk(request, id, created, index, {}, Finish(finish.reason, *usage))


def _wait(seconds: float, heartbeat: Optional[float]) -> Iterator[Chunk]:
    while heartbeat and seconds > heartbeat:
        yield heartbeat
        yield HEARTBEAT
        seconds -= heartbeat
    if seconds > 0.0:
        yield seconds


def _chunk(request: ChatRequest, id: str, created: int, index: int, delta: Json, end: Optional[Finish] = None) -> Json:
    reason, usage, statistics = end or (None, None, None)
    choices = [{"index": index, "finish_reason": reason, "delta": delta}]
    counted: Json = {"usage": usage, "statistics": statistics} if statistics else {"usage": usage}
    chunk: Json = {"choices": choices, **counted, "id": id, "created": created, "object": "chat.completion.chunk"}
    if request.deployment.model_name is not None:
        chunk["model"] = request.deployment.model_name
    return chunk


def _usage(request: ChatRequest, completion_tokens: int) -> Json:
    prompt_tokens = sum(count_tokens(text_of(message)) for message in request.messages)
    total = prompt_tokens + completion_tokens
    return {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens, "total_tokens": total}


def whole(parts: Iterator[Chunk], pause: Callable[[float], None]) -> Json:
    """The chunks merged into one answer, as the SDK does when no stream was asked for."""
    answer: Json = {"choices": []}
    messages: list[Json] = []
    for chunk in parts:
        if isinstance(chunk, float):
            pause(chunk)
        elif isinstance(chunk, dict) and chunk is not END:
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
        choice["message"] = _settled(choice["message"])
    return answer


class _Pieces(list[str]):
    """Text that is still growing; it is joined once."""


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
        elif isinstance(value, str) and name not in ("role", "status", "type", "id"):
            if not isinstance(known, _Pieces):
                known = target[name] = _Pieces()
            known.append(value)
        elif value is not None or name not in target:
            target[name] = value


def _settled(value: Any) -> Any:
    """`value` with its texts joined, and without the `index` of list elements."""
    if isinstance(value, _Pieces):
        return "".join(value)
    if isinstance(value, dict):
        return {name: _settled(item) for name, item in value.items() if name != "index"}
    if isinstance(value, list):
        return [_settled(item) for item in value]
    return value


# Judging bodies


def judge(body: Any, check: shape.Check) -> None:
    """AppError 400 on the first thing that is wrong with `body`, in the SDK's words."""
    try:
        check(body, "")
    except shape.Mismatch as mismatch:
        message = f"Your request contained invalid structure on path {mismatch.path}. {mismatch.words}"
        raise AppError(message, 400, "invalid_request_error") from None


def chat_body(strict: bool) -> shape.Check:
    """The check of a chat body. Models behind an adapter take more than the SDK does: `strict` is the SDK."""
    return _strict_chat if strict else _ANY_CHAT


def _strict_chat(body: Any, path: str) -> None:
    _CHAT(body, path)
    if "stream" in body and body["stream"] is None:
        raise shape.Mismatch("stream", "none is not an allowed value")


def _content(value: Any, path: str) -> None:
    if not isinstance(value, list):
        shape.text(value, path)
        return
    for part in value:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind not in _PARTS or not isinstance(part.get(kind), (str, dict)):
            raise shape.Mismatch(path, "str type expected")


def _attachment(value: Any, path: str) -> None:
    shape.mapping(value, path)
    given = [name for name in ("data", "url") if value.get(name) is not None]
    if len(given) != 1:
        both = " has both" if given else "'s missing both"
        raise shape.Mismatch(f"{path}.__root__", f"Attachment must have either 'data' or 'url', but it{both}")


def _tool(value: Any, path: str) -> None:
    shape.an_object({"type": shape.text})(value, path)
    kind = value.get("type") or "function"
    shape.an_object({kind: shape.mapping}, kind)(value, path)


_PARTS = ("text", "image_url", "file", "input_audio", "refusal")
_ROLES = ("system", "developer", "user", "assistant", "function", "tool")
_role = shape.one_of(
    *_ROLES,
    words="value is not a valid enumeration member; permitted: " + ", ".join(f"'{role}'" for role in _ROLES),
)
_CUSTOM_CONTENT = {"attachments": shape.each(_attachment), "stages": shape.a_list, "state": shape.mapping}
_UNSEEN = (
    "custom_fields", "tool_calls", "tool_call_id", "function_call", "refusal", "reasoning_content",
)  # fmt: skip
_MESSAGE = {
    "role": _role,
    "content": _content,
    "custom_content": shape.an_object(_CUSTOM_CONTENT),
    "name": shape.text,
    **dict.fromkeys(_UNSEEN, shape.anything),
}
_FIELDS: dict[str, shape.Check] = {
    "messages": shape.each(shape.an_object(_MESSAGE, "role", closed=True)),
    "tools": shape.each(_tool),
    "stop": shape.text_or_list,
    "functions": shape.a_list,
    **dict.fromkeys(("model", "user", "reasoning_effort", "prompt_cache_key"), shape.text),
    **dict.fromkeys(("n", "max_tokens", "max_completion_tokens", "max_prompt_tokens"), shape.positive),
    **dict.fromkeys(("temperature", "top_p", "presence_penalty", "frequency_penalty"), shape.number),
    **dict.fromkeys(("seed", "top_logprobs"), shape.integer),
    **dict.fromkeys(("stream", "logprobs", "parallel_tool_calls"), shape.boolean),
    **dict.fromkeys(("stream_options", "logit_bias", "response_format", "custom_fields"), shape.mapping),
    "prompt_cache_options": shape.mapping,
    **dict.fromkeys(("function_call", "tool_choice", "addons"), shape.anything),
}
_CHAT = shape.an_object(_FIELDS, "messages", closed=True)
#: Models behind an adapter.
_ANY_CHAT = shape.an_object(
    {"messages": shape.each(shape.an_object({"role": shape.text}, "role")), "stream": shape.boolean}, "messages"
)
