"""Legacy text completions: the request's params, the answer and its chunks, which have the same shape."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, TypedDict, Union

from ._model import Model, WholeAnswer, dataclass, field
from .chat.response import CompletionBase

__all__ = ["CompletionPrompt", "CompletionParams", "CompletionChoice", "CompletionResponse", "CompletionChunk"]

CompletionPrompt = Union[str, List[str], List[int], List[List[int]]]
"""A text, texts, tokens, or lists of tokens."""


class CompletionParams(TypedDict, total=False):
    """Every optional parameter of a text completion; what a deployment supports is its own matter.

    POST /openai/deployments/{deployment}/completions
    """

    model: Optional[str]
    suffix: Optional[str]
    max_tokens: Optional[int]
    temperature: Optional[float]
    top_p: Optional[float]
    n: Optional[int]
    best_of: Optional[int]
    stop: Union[str, List[str], None]
    presence_penalty: Optional[float]
    frequency_penalty: Optional[float]
    logit_bias: Optional[Dict[Any, Any]]
    logprobs: Optional[int]
    echo: Optional[bool]
    seed: Optional[int]
    user: Optional[str]
    stream_options: Optional[Dict[str, Any]]
    custom_fields: Optional[Dict[str, Any]]


@dataclass
class CompletionChoice(Model):
    """One of the `n` continuations, or a piece of it; `finish_reason` is stop, length, content_filter or None."""

    text: str = ""
    index: int = 0
    logprobs: Optional[Dict[str, Any]] = None
    finish_reason: Optional[str] = None


@dataclass
class CompletionResponse(CompletionBase, WholeAnswer):
    """A whole text completion; `created` is in epoch seconds.

    POST /openai/deployments/{deployment}/completions
    """

    choices: List[CompletionChoice]
    object: str = "text_completion"


@dataclass
class CompletionChunk(CompletionBase):
    """One event of a streamed text completion; `created` is in epoch seconds.

    POST /openai/deployments/{deployment}/completions with `stream`
    """

    choices: List[CompletionChoice] = field(default_factory=list)
    object: str = "text_completion"
