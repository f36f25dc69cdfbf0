"""What deployments offer besides answers: counting tokens, truncating prompts.

There is one result per input, in the same order; the answer is 200 even where some of them failed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Literal, Optional, TypedDict, Union

from ._model import Model, dataclass

if TYPE_CHECKING:
    from .chat.request import ChatCompletionRequest
else:
    ChatCompletionRequest = Dict[str, Any]  # not worth loading the chat params for

__all__ = [
    "TokenizeStringParam", "TokenizeRequestParam", "TokenizeInputParam", "TruncatePromptInputParam", "TokenizeResult",
    "TruncatePromptResult",
]  # fmt: skip


class TokenizeStringParam(TypedDict):
    """A text whose tokens to count."""

    type: Literal["string"]
    value: str


class TokenizeRequestParam(TypedDict):
    """A chat request whose tokens to count."""

    type: Literal["request"]
    value: ChatCompletionRequest


TokenizeInputParam = Union[TokenizeStringParam, TokenizeRequestParam]
"""One input of `tokenize`."""

TruncatePromptInputParam = ChatCompletionRequest
"""One input of `truncate_prompt`: a chat request with `max_prompt_tokens`."""


@dataclass
class TokenizeResult(Model):
    """The tokens of one input: `token_count` where `status` is `success`, `error` where it is `error`."""

    status: Union[Literal["success", "error"], str]
    token_count: Optional[int] = None
    error: Optional[str] = None


@dataclass
class TruncatePromptResult(Model):
    """What to drop of one input: indices into its messages where `status` is `success`, else `error`."""

    status: Union[Literal["success", "error"], str]
    discarded_messages: Optional[List[int]] = None
    error: Optional[str] = None
