"""What the Responses API answers: a response, its items and their parts, and the events of a stream.

There are more types of items, parts and events than are declared here; what is not declared is kept as it came.
"""

from __future__ import annotations

from typing import Any, Dict, List, Literal, Mapping, Optional, TypedDict, Union

from ._model import Model, Place, dataclass, field

__all__ = [
    "ResponseObject", "ResponseItem", "ResponsePart", "ResponseUsage", "ResponseTokensDetails", "ResponseError",
    "ResponseIncompleteDetails", "ResponseEvent", "ResponseDeleted", "ResponseParams",
]  # fmt: skip


@dataclass
class ResponseTokensDetails(Model):
    """Which of the tokens were read from or written to a cache, or went into reasoning."""

    cached_tokens: Optional[int] = None
    cache_write_tokens: Optional[int] = None
    reasoning_tokens: Optional[int] = None


@dataclass
class ResponseUsage(Model):
    """Tokens of one response."""

    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0
    input_tokens_details: Optional[ResponseTokensDetails] = None
    output_tokens_details: Optional[ResponseTokensDetails] = None


@dataclass
class ResponseError(Model):
    """Why a response failed."""

    code: Optional[str] = None
    message: Optional[str] = None


@dataclass
class ResponseIncompleteDetails(Model):
    """Why a response is incomplete: max_output_tokens, content_filter."""

    reason: Optional[str] = None


@dataclass
class ResponsePart(Model):
    """A part of an item: output_text, refusal, reasoning_text, summary_text, ..."""

    type: str = ""
    text: Optional[str] = None
    refusal: Optional[str] = None
    annotations: Optional[List[Dict[str, Any]]] = None


@dataclass
class ResponseItem(Model):
    """One item of `output`: message, reasoning, function_call, ...; fields that its type does not have are None.

    A tool call is answered by `{"type": "function_call_output", "call_id": ..., "output": ...}` in the next `input`,
    after the item itself.
    """

    type: str = ""
    id: Optional[str] = None
    status: Optional[str] = None
    role: Optional[str] = None
    content: Optional[List[ResponsePart]] = None
    summary: Optional[List[ResponsePart]] = None
    call_id: Optional[str] = None
    name: Optional[str] = None
    arguments: Optional[str] = None
    encrypted_content: Optional[str] = None

    @classmethod
    def from_json(cls, data: Any, path: Place = "") -> ResponseItem:
        """Read an item; parts of a kind that is not known here stay as they came."""
        odd = {}
        if isinstance(data, dict):
            odd = {key: data[key] for key in ("content", "summary") if not _are_parts(data.get(key))}
        item = super().from_json({key: value for key, value in data.items() if key not in odd} if odd else data, path)
        item.__dict__.update(odd)
        return item


def _are_parts(value: Any) -> bool:
    return value is None or (isinstance(value, list) and all(isinstance(part, dict) for part in value))


@dataclass
class ResponseObject(Model):
    """A response, whole or as far as it has come; `id` is Core's own, the times are epoch seconds.

    POST /openai/v1/responses
    """

    id: str
    object: str = "response"
    status: Optional[Union[Literal["completed", "failed", "in_progress", "cancelled", "queued", "incomplete"], str]] = (
        None
    )
    model: Optional[str] = None
    output: List[ResponseItem] = field(default_factory=list)
    usage: Optional[ResponseUsage] = None
    error: Optional[ResponseError] = None
    incomplete_details: Optional[ResponseIncompleteDetails] = None
    created_at: Optional[float] = None
    completed_at: Optional[float] = None
    background: Optional[bool] = None
    instructions: Any = None
    metadata: Optional[Dict[str, Any]] = None
    parallel_tool_calls: Optional[bool] = None
    tool_choice: Any = None
    tools: Optional[List[Dict[str, Any]]] = None

    @property
    def output_text(self) -> str:
        """The text of all messages, joined."""
        parts = [part for item in self.output if item.type == "message" for part in item.content or ()]
        return "".join(part.text or "" for part in parts if part.type == "output_text")


@dataclass
class ResponseEvent(Model):
    """One event of a stream, told by its `type` ("response.output_text.delta"); it has the fields of its type.

    `output_index` says which item is meant, `content_index` or `summary_index` which part of it.
    """

    type: str
    sequence_number: Optional[int] = None
    response: Optional[ResponseObject] = None
    output_index: Optional[int] = None
    item_id: Optional[str] = None
    item: Optional[ResponseItem] = None
    content_index: Optional[int] = None
    summary_index: Optional[int] = None
    part: Optional[ResponsePart] = None
    delta: Optional[str] = None
    text: Optional[str] = None
    arguments: Optional[str] = None
    name: Optional[str] = None
    annotation: Optional[Dict[str, Any]] = None


@dataclass
class ResponseDeleted(Model):
    """What `delete` answers."""

    id: Optional[str] = None
    object: Optional[str] = None
    deleted: Optional[bool] = None


class ResponseParams(TypedDict, total=False):
    """Named parameters of `responses.create`; the rest goes into `extra_body`."""

    instructions: Optional[str]
    background: Optional[bool]
    store: Optional[bool]
    include: Optional[List[str]]
    max_output_tokens: Optional[int]
    max_tool_calls: Optional[int]
    metadata: Optional[Mapping[str, Any]]
    moderation: Optional[Mapping[str, Any]]
    context_management: Optional[Any]
    parallel_tool_calls: Optional[bool]
    prompt: Optional[Mapping[str, Any]]
    prompt_cache_key: Optional[str]
    prompt_cache_options: Optional[Mapping[str, Any]]
    prompt_cache_retention: Optional[str]
    reasoning: Optional[Mapping[str, Any]]
    safety_identifier: Optional[str]
    service_tier: Optional[str]
    stream_options: Optional[Mapping[str, Any]]
    temperature: Optional[float]
    text: Optional[Mapping[str, Any]]
    tool_choice: Any
    tools: Optional[List[Any]]
    top_logprobs: Optional[int]
    top_p: Optional[float]
    truncation: Optional[str]
    user: Optional[str]
    custom_fields: Optional[Mapping[str, Any]]
