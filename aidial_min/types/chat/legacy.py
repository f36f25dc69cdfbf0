"""What aidial-client 0.18.0 keeps in types.chat.legacy.chat_completion: models of requests that agents work with.

Reached through aidial_min.compat; new programs take the names of aidial_min.types.
"""

from __future__ import annotations

import json
from enum import Enum
from typing import Any, List, Optional

from .._model import Model, dataclass

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
class _Legacy(Model):
    """A model of pydantic 1, whose JSON text has spaces and ASCII alone."""

    def json(self, **options: Any) -> str:
        return json.dumps(self.dict(**options))


@dataclass
class Attachment(_Legacy):
    """An attachment of a message or of a stage."""

    type: Optional[str] = "text/markdown"
    title: Optional[str] = None
    data: Optional[str] = None
    url: Optional[str] = None
    reference_type: Optional[str] = None
    reference_url: Optional[str] = None


@dataclass
class Stage(_Legacy):
    """A step that an application shows of its work."""

    name: str
    status: Status
    content: Optional[str] = None
    attachments: Optional[List[Attachment]] = None


@dataclass
class CustomContent(_Legacy):
    """DIAL's own content of a message."""

    stages: Optional[List[Stage]] = None
    attachments: Optional[List[Attachment]] = None
    state: Any = None


@dataclass
class FunctionCall(_Legacy):
    """The function of a tool call; `arguments` is JSON text."""

    name: str
    arguments: str


@dataclass
class ToolCall(_Legacy):
    """A tool call of a message."""

    _first = ("index",)

    id: str
    type: str
    function: FunctionCall
    index: Optional[int] = None


@dataclass
class Message(_Legacy):
    """A message of a conversation."""

    role: Role
    content: Optional[str] = None
    custom_content: Optional[CustomContent] = None
    name: Optional[str] = None
    tool_calls: Optional[List[ToolCall]] = None
    tool_call_id: Optional[str] = None
    function_call: Optional[FunctionCall] = None
