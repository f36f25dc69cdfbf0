"""Request params of a chat completion: the optional ones alone (`ChatParams`), and the whole body.

`ChatParams.__annotations__` is the set of names that `chat.completions.create` knows at run time.
"""

from typing import Any, Dict, Literal, Mapping, Optional, Sequence, TypedDict, Union

from .cache import CacheBreakpointParam, PromptCacheOptionsParam
from .function import FunctionCallSpecParam, FunctionParam
from .request_param import Message, ResponseFormat
from .tool import StaticToolParam, ToolCallSpecParam, ToolParam

__all__ = [
    "ReasoningEffort", "StreamOptions", "ChatCompletionRequestCustomFields", "ChatParams",
    "ChatCompletionRequest",
]  # fmt: skip

ReasoningEffort = Literal["none", "minimal", "low", "medium", "high"]
"""How long a reasoning model may think; `features.reasoning_efforts` of a deployment lists what it takes."""


class StreamOptions(TypedDict, total=False):
    """What a stream should bring besides content."""

    include_usage: Optional[bool]
    include_obfuscation: Optional[bool]


class ChatCompletionRequestCustomFields(TypedDict, total=False):
    """DIAL's own fields of a request; `configuration` is valid against the deployment's configuration schema."""

    configuration: Optional[Dict[str, Any]]
    cache_breakpoint: Optional[CacheBreakpointParam]


_Object = Mapping[str, Any]
"""A dict without annotation, to type checkers."""


class ChatParams(TypedDict, total=False):
    """Every optional parameter of a chat completion; what a deployment supports is its own matter.

    POST /openai/deployments/{deployment}/chat/completions
    """

    model: Optional[str]
    functions: Optional[Sequence[Union[FunctionParam, _Object]]]
    function_call: Union[Literal["none", "auto"], FunctionCallSpecParam, _Object, None]
    tools: Optional[Sequence[Union[ToolParam, StaticToolParam, _Object]]]
    tool_choice: Union[Literal["none", "auto", "required"], ToolCallSpecParam, _Object, None]
    parallel_tool_calls: Optional[bool]
    temperature: Optional[float]
    top_p: Optional[float]
    n: Optional[int]
    stop: Union[str, Sequence[str], None]
    max_tokens: Optional[int]
    max_completion_tokens: Optional[int]
    max_prompt_tokens: Union[Literal["infinity"], int, None]
    presence_penalty: Optional[float]
    frequency_penalty: Optional[float]
    logit_bias: Optional[Mapping[Any, Any]]
    logprobs: Optional[bool]
    top_logprobs: Optional[int]
    seed: Optional[int]
    user: Optional[str]
    reasoning_effort: Union[ReasoningEffort, str, None]
    verbosity: Union[Literal["low", "medium", "high"], str, None]
    service_tier: Union[Literal["auto", "default", "flex", "scale", "priority", "fast"], str, None]
    modalities: Optional[Sequence[Union[Literal["text", "audio"], str]]]
    audio: Optional[_Object]
    prediction: Optional[_Object]
    web_search_options: Optional[_Object]
    metadata: Optional[Mapping[str, str]]
    store: Optional[bool]
    safety_identifier: Optional[str]
    moderation: Any
    prompt_cache_key: Optional[str]
    prompt_cache_options: Union[PromptCacheOptionsParam, _Object, None]
    prompt_cache_retention: Union[Literal["in_memory", "24h"], str, None]
    response_format: Union[ResponseFormat, _Object, None]
    stream_options: Union[StreamOptions, _Object, None]
    custom_fields: Union[ChatCompletionRequestCustomFields, _Object, None]
    addons: Optional[Sequence[_Object]]
    """Of an assistant (Core of 2024), each by its `name` or its `url`."""
    data_sources: Optional[Sequence[Any]]


class ChatCompletionRequest(ChatParams, total=False):
    """The whole body of a chat completion request; also an input of `tokenize` and `truncate_prompt`."""

    messages: Sequence[Message]
    stream: Optional[bool]
