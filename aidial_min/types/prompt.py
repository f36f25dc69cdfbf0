"""Stored prompts; fields that are unknown here are kept as they came."""

from __future__ import annotations

from typing import Optional

from ._model import Model, dataclass, json_name

__all__ = ["Prompt"]


@dataclass
class Prompt(Model):
    """A prompt; servers of 2024 want all four fields.

    GET and PUT /v1/prompts/{bucket}/{path}
    """

    id: str
    name: str
    folder_id: str = json_name("folderId")
    content: Optional[str] = None
