"""Request params of a chat completion: the optional ones alone (`ChatParams`), and the whole body.

`ChatParams.__annotations__` is the set of names that `chat.completions.create` knows at run time.
"""

from typing import Any, Dict, List, Literal, Optional, TypedDict, Union

from .cache import CacheBreakpointParam, PromptCacheOptionsParam
from .function import FunctionCallSpecParam, FunctionParam
from .request_param import Message, ResponseFormat
from .tool import StaticToolParam, ToolCallSpecParam, ToolParam

__all__ = [
    "ReasoningEffort", "StreamOptions", "ChatCompletionRequestCustomFields", "AddonParam", "ChatParams",
    "ChatCompletionRequest",
]  # fmt: skip

ReasoningEffort = Literal["none", "minimal", "low", "medium", "high"]
"""How long a reasoning model may think; `features.reasoning_efforts` of a deployment lists what it takes."""


class StreamOptions(TypedDict, total=False):
    """What a stream should bring besides content."""

    include_usage: Optional[bool]


class ChatCompletionRequestCustomFields(TypedDict, total=False):
    """DIAL's own fields of a request; `configuration` is valid against the deployment's configuration schema."""

    configuration: Optional[Dict[str, Any]]
    cache_breakpoint: Optional[CacheBreakpointParam]


class AddonParam(TypedDict, total=False):
    """An addon of an assistant (Core of 2024): its `name` or its `url`."""

    name: str
    url: str


class ChatParams(TypedDict, total=False):
    """Every optional parameter of a chat completion; what a deployment supports is its own matter.

    POST /openai/deployments/{deployment}/chat/completions
    """

    model: Optional[str]
    functions: Optional[List[FunctionParam]]
    function_call: Union[Literal["none", "auto"], FunctionCallSpecParam, None]
    tools: Optional[List[Union[ToolParam, StaticToolParam]]]
    tool_choice: Union[Literal["none", "auto", "required"], ToolCallSpecParam, None]
    parallel_tool_calls: Optional[bool]
    temperature: Optional[float]
    top_p: Optional[float]
    n: Optional[int]
    stop: Union[str, List[str], None]
    max_tokens: Optional[int]
    max_completion_tokens: Optional[int]
    max_prompt_tokens: Union[Literal["infinity"], int, None]
    presence_penalty: Optional[float]
    frequency_penalty: Optional[float]
    logit_bias: Optional[Dict[Any, Any]]
    seed: Optional[int]
    user: Optional[str]
    reasoning_effort: Optional[ReasoningEffort]
    prompt_cache_key: Optional[str]
    prompt_cache_options: Optional[PromptCacheOptionsParam]
    response_format: Optional[ResponseFormat]
    stream_options: Optional[StreamOptions]
    custom_fields: Optional[ChatCompletionRequestCustomFields]
    logprobs: Optional[bool]
    top_logprobs: Optional[int]
    addons: Optional[List[AddonParam]]
    data_sources: Optional[List[Any]]


class ChatCompletionRequest(ChatParams, total=False):
    """The whole body of a chat completion request; also an input of `tokenize` and `truncate_prompt`."""

    messages: List[Message]
    stream: Optional[bool]
