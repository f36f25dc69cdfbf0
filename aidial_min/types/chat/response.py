"""What chat completions answer: the whole answer, and the chunks of a stream.

Fields stand in the order of the client guide. Every one may be missing in a chunk: newer servers send
chunks of usage alone.
"""

from __future__ import annotations

from typing import Any, Dict, List, Literal, Optional, Union

from .._model import Model, WholeAnswer, dataclass, field

__all__ = [
    "Attachment", "Stage", "CustomContent", "PromptTokensDetails", "CompletionTokensDetails", "CompletionUsage",
    "UsagePerModel", "Statistics", "FunctionCall", "FunctionCallDelta", "ChatCompletionMessageToolCall",
    "ToolCallDelta", "ChatCompletionMessage", "ChatCompletionMessageDelta", "ChunkEmptyDelta", "Choice", "ChoiceDelta",
    "CompletionBase", "ChatCompletionResponse", "ChatCompletionChunk",
]  # fmt: skip


@dataclass
class Attachment(Model):
    """An attachment of an answer or of a stage: `data` or `url`; `index` comes in streams only.

    A relative `url` (`files/{bucket}/...`) can be given to `files.download`.
    """

    index: Optional[int] = None
    type: Optional[str] = None
    title: Optional[str] = None
    data: Optional[str] = None
    url: Optional[str] = None
    reference_type: Optional[str] = None
    reference_url: Optional[str] = None


@dataclass
class Stage(Model):
    """A step that an application shows of its work; `index` comes in streams only."""

    index: Optional[int] = None
    name: Optional[str] = None
    status: Optional[Union[Literal["completed", "failed"], str]] = None
    content: Optional[str] = None
    attachments: Optional[List[Attachment]] = None
    parent_stage_index: Optional[int] = None


@dataclass
class CustomContent(Model):
    """DIAL's own content of a message; `state` belongs to the application and goes back to it unchanged."""

    stages: Optional[List[Stage]] = None
    attachments: Optional[List[Attachment]] = None
    state: Optional[Dict[str, Any]] = None
    form_value: Any = None
    form_schema: Any = None


@dataclass
class PromptTokensDetails(Model):
    """Tokens of the prompt that were read from, or written to, a cache."""

    cached_tokens: Optional[int] = None
    cache_write_tokens: Optional[int] = None
    audio_tokens: Optional[int] = None


@dataclass
class CompletionTokensDetails(Model):
    """Tokens of the completion that went into reasoning, sound and predictions."""

    reasoning_tokens: Optional[int] = None
    audio_tokens: Optional[int] = None
    accepted_prediction_tokens: Optional[int] = None
    rejected_prediction_tokens: Optional[int] = None


@dataclass
class CompletionUsage(Model):
    """Tokens of one request."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    prompt_tokens_details: Optional[PromptTokensDetails] = None
    completion_tokens_details: Optional[CompletionTokensDetails] = None


@dataclass
class UsagePerModel(Model):
    """Tokens that one of the models behind an application used."""

    index: Optional[int] = None
    model: Optional[str] = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0


@dataclass
class Statistics(Model):
    """What it took to answer."""

    usage_per_model: Optional[List[UsagePerModel]] = None
    discarded_messages: Optional[List[int]] = None
    """Indices into the request's `messages`: what did not fit."""


@dataclass
class FunctionCall(Model):
    """A function that the model wants called; `arguments` is JSON text, valid or not."""

    arguments: str = ""
    name: str = ""


@dataclass
class FunctionCallDelta(Model):
    """A piece of a function call."""

    arguments: Optional[str] = None
    name: Optional[str] = None


@dataclass
class ChatCompletionMessageToolCall(Model):
    """A tool that the model wants called; answer with a message of role `tool` and this `id`."""

    id: str = ""
    function: FunctionCall = field(default_factory=FunctionCall)
    type: Union[Literal["function"], str] = "function"


@dataclass
class ToolCallDelta(Model):
    """A piece of the tool call number `index`."""

    index: int = 0
    id: Optional[str] = None
    function: Optional[FunctionCallDelta] = None
    type: Optional[Union[Literal["function"], str]] = None


@dataclass
class ChatCompletionMessage(Model):
    """The message of an answer; it may be appended to `messages` of the next request as it is."""

    _shown = ("role", "content", "custom_content", "function_call", "tool_calls")

    role: Union[Literal["assistant"], str] = "assistant"
    content: Optional[str] = None
    custom_content: Optional[CustomContent] = None
    function_call: Optional[FunctionCall] = None
    tool_calls: Optional[List[ChatCompletionMessageToolCall]] = None
    refusal: Optional[str] = None
    reasoning_content: Optional[str] = None
    annotations: Optional[List[Dict[str, Any]]] = None
    audio: Optional[Dict[str, Any]] = None


@dataclass
class ChatCompletionMessageDelta(Model):
    """What a chunk adds to the message of its choice."""

    _shown = ("content", "object", "tool_calls", "role")

    content: Optional[str] = None
    object: Optional[str] = None
    tool_calls: Optional[List[ToolCallDelta]] = None
    role: Optional[Union[Literal["assistant"], str]] = None
    custom_content: Optional[CustomContent] = None
    function_call: Optional[FunctionCallDelta] = None
    refusal: Optional[str] = None
    reasoning_content: Optional[str] = None
    annotations: Optional[List[Dict[str, Any]]] = None
    audio: Optional[Dict[str, Any]] = None


ChunkEmptyDelta = ChatCompletionMessageDelta
"""The name that the client guide uses."""


@dataclass
class Choice(Model):
    """One of the `n` answers; `finish_reason` is stop, length, tool_calls, function_call, content_filter or None."""

    _shown = ("finish_reason", "logprobs")

    _first = ("index", "message")

    message: ChatCompletionMessage
    index: int = 0
    finish_reason: Optional[str] = None
    logprobs: Optional[Dict[str, Any]] = None


@dataclass
class ChoiceDelta(Model):
    """What a chunk adds to the choice number `index`; `finish_reason` comes with the last piece of it."""

    _shown = ("finish_reason", "logprobs")

    index: int = 0
    delta: ChatCompletionMessageDelta = field(default_factory=ChatCompletionMessageDelta)
    finish_reason: Optional[str] = None
    logprobs: Optional[Dict[str, Any]] = None


@dataclass
class CompletionBase(Model):
    """What answers and chunks of chats and of legacy completions have."""

    _first = ("id", "object", "choices")

    choices: List[Any]
    id: str = ""
    object: str = ""
    created: int = 0
    """Epoch seconds."""
    model: Optional[str] = None
    usage: Optional[CompletionUsage] = None
    system_fingerprint: Optional[str] = None


@dataclass
class ChatCompletionResponse(CompletionBase, WholeAnswer):
    """A whole answer.

    POST /openai/deployments/{deployment}/chat/completions
    """

    _shown = ("model", "usage", "system_fingerprint")

    choices: List[Choice]
    object: Union[Literal["chat.completion"], str] = "chat.completion"
    statistics: Optional[Statistics] = None
    service_tier: Optional[str] = None


@dataclass
class ChatCompletionChunk(CompletionBase):
    """One event of a stream; `choices` is empty in a chunk of usage alone.

    POST /openai/deployments/{deployment}/chat/completions with `stream`
    """

    _shown = ("model", "usage", "system_fingerprint")

    choices: List[ChoiceDelta] = field(default_factory=list)
    object: Union[Literal["chat.completion.chunk"], str] = "chat.completion.chunk"
    statistics: Optional[Statistics] = None
    service_tier: Optional[str] = None
