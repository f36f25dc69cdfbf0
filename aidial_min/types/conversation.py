"""Stored conversations: open JSON objects that the chat UI keeps its own fields in; messages stay dicts."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from ._model import Model, dataclass, field, json_name

__all__ = ["ConversationModel", "Conversation"]


@dataclass
class ConversationModel(Model):
    """The deployment that a conversation talks to."""

    id: Optional[str] = None


@dataclass
class Conversation(Model):
    """A conversation; `last_activity_date` is in epoch milliseconds.

    Change what you mean to change and save the same object: fields unknown here go back as they came.

    GET and PUT /v1/conversations/{bucket}/{path}
    """

    id: str
    name: str
    folder_id: str = json_name("folderId")
    model: Optional[ConversationModel] = None
    prompt: Optional[str] = None
    temperature: Optional[float] = None
    messages: List[Dict[str, Any]] = field(default_factory=list)
    selected_addons: Optional[List[str]] = json_name("selectedAddons")
    assistant_model_id: Optional[str] = json_name("assistantModelId")
    last_activity_date: Optional[int] = json_name("lastActivityDate")
