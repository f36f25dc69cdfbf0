"""Request params of tools and tool calls."""

from typing import Any, Dict, Literal, Optional, TypedDict

from .cache import CacheBreakpointParam
from .function import FunctionCallParam, FunctionCallSpecParam, FunctionParam

__all__ = [
    "ToolCustomFieldsParam", "ToolParam", "StaticFunctionParam", "StaticToolParam", "ToolCallParam",
    "ToolCallSpecParam",
]  # fmt: skip


class ToolCustomFieldsParam(TypedDict, total=False):
    """DIAL's own fields of a tool."""

    cache_breakpoint: Optional[CacheBreakpointParam]


class _ToolOptions(TypedDict, total=False):
    custom_fields: Optional[ToolCustomFieldsParam]


class ToolParam(_ToolOptions):
    """A function offered to the model as a tool."""

    type: Literal["function"]
    function: FunctionParam


class _StaticFunctionOptions(TypedDict, total=False):
    description: Optional[str]
    configuration: Optional[Dict[str, Any]]


class StaticFunctionParam(_StaticFunctionOptions):
    """A function that the deployment itself carries out."""

    name: str


class StaticToolParam(TypedDict):
    """A tool that the deployment brings with it."""

    type: Literal["static_function"]
    static_function: StaticFunctionParam


class ToolCallParam(TypedDict):
    """A tool call of the model, sent back in an assistant message."""

    id: str
    type: Literal["function"]
    function: FunctionCallParam


class _ToolCallSpecType(TypedDict):
    type: Literal["function"]


class ToolCallSpecParam(_ToolCallSpecType, total=False):
    """The one tool that the model has to call (`tool_choice`)."""

    function: FunctionCallSpecParam
