"""Request params that describe functions and calls of them.

Used by tools (`tools`, `tool_choice`), by the older `functions` and `function_call`, and by assistant messages.
"""

from typing import Any, Dict, Optional, TypedDict

__all__ = ["FunctionParam", "FunctionCallParam", "FunctionCallSpecParam"]


class _FunctionOptions(TypedDict, total=False):
    description: Optional[str]
    parameters: Optional[Dict[str, Any]]  # a JSON schema
    strict: Optional[bool]


class FunctionParam(_FunctionOptions):
    """A function that the model may call."""

    name: str


class FunctionCallParam(TypedDict):
    """A call that the model made, sent back in an assistant message."""

    name: str
    arguments: str  # JSON text


class FunctionCallSpecParam(TypedDict):
    """The one function that the model has to call."""

    name: str
