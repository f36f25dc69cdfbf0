"""Embeddings: the request's params and the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence, TypedDict, Union

from ._model import Model, dataclass

if TYPE_CHECKING:
    from .chat.request_param import AttachmentParam
else:
    AttachmentParam = Dict[str, Any]  # not worth loading the chat params for

__all__ = [
    "EmbeddingsInput", "CustomEmbeddingsInput", "EmbeddingsCustomFields", "Embedding", "EmbeddingsUsage",
    "EmbeddingsResponse",
]  # fmt: skip

EmbeddingsInput = Union[str, Sequence[str], Sequence[int], Sequence[Sequence[int]]]
"""A text, texts, tokens, or lists of tokens."""

CustomEmbeddingsInput = Union[str, AttachmentParam, List[Union[str, AttachmentParam]]]
"""One element of `custom_input`; each gives one embedding, a list too."""


class EmbeddingsCustomFields(TypedDict, total=False):
    """DIAL's own fields: what the texts are (e.g. `document`, `query`), and an instruction to the model."""

    type: str
    instruction: str


@dataclass
class Embedding(Model):
    """The vector of input number `index`."""

    embedding: List[float]
    index: int = 0
    object: str = "embedding"


@dataclass
class EmbeddingsUsage(Model):
    """Tokens of one request."""

    prompt_tokens: int = 0
    total_tokens: int = 0


@dataclass
class EmbeddingsResponse(Model):
    """One vector per input.

    POST /openai/deployments/{deployment}/embeddings
    """

    data: List[Embedding]
    model: Optional[str] = None
    object: str = "list"
    usage: Optional[EmbeddingsUsage] = None
