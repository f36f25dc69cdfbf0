"""What aidial-client 0.18.0 keeps in types.chat.legacy.chat_completion: models of requests that agents work with.

Reached through aidial_min.compat; new programs take the names of aidial_min.types.
"""

from __future__ import annotations

from enum import Enum
from typing import List, Optional, Union

from .._model import Model, dataclass
from .response import Attachment, ChatCompletionMessageToolCall, CustomContent, FunctionCall, Stage

__all__ = [
    "Attachment", "CustomContent", "FinishReason", "FunctionCall", "Message", "Role", "Stage", "Status", "ToolCall",
]  # fmt: skip


class FinishReason(str, Enum):
    """Why an answer ended."""

    STOP = "stop"
    LENGTH = "length"
    FUNCTION_CALL = "function_call"
    TOOL_CALLS = "tool_calls"
    CONTENT_FILTER = "content_filter"


class Role(str, Enum):
    """Whose message it is."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    FUNCTION = "function"
    TOOL = "tool"


class Status(str, Enum):
    """How a stage ended."""

    COMPLETED = "completed"
    FAILED = "failed"


@dataclass
class ToolCall(ChatCompletionMessageToolCall):
    """A tool call of a message."""

    index: Optional[int] = None


@dataclass
class Message(Model):
    """A message of a conversation."""

    role: Union[Role, str]
    content: Optional[str] = None
    custom_content: Optional[CustomContent] = None
    name: Optional[str] = None
    tool_calls: Optional[List[ToolCall]] = None
    tool_call_id: Optional[str] = None
    function_call: Optional[FunctionCall] = None
