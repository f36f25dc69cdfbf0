"""Stored conversations: open JSON objects that the chat UI keeps its own fields in; messages stay the dicts they are."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, TypedDict

from ._model import Model, dataclass, field, json_name

__all__ = ["ConversationModel", "Conversation", "ConversationModelParam", "ConversationParam"]


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


class ConversationModelParam(TypedDict):
    """The deployment that a conversation talks to."""

    id: str


class ConversationParam(TypedDict, total=False):
    """A conversation as it is stored; more keys are kept.

    PUT /v1/conversations/{bucket}/{path}
    """

    id: str
    name: str
    folderId: str
    model: ConversationModelParam
    prompt: str
    temperature: float
    messages: List[Dict[str, Any]]
    selectedAddons: List[str]
    assistantModelId: str
    lastActivityDate: int
