"""What deployments offer besides answers: counting tokens, truncating prompts.

There is one result per input, in the same order; the answer is 200 even where some of them failed.
"""

from __future__ import annotations

from typing import List, Literal, Optional, Union

from ._model import Model, dataclass

__all__ = ["TokenizeResult", "TruncatePromptResult"]


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
