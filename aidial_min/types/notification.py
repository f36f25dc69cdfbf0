"""Notifications that the server keeps for the caller; times in epoch milliseconds."""

from __future__ import annotations

from typing import Optional

from ._model import Model, dataclass

__all__ = ["Notification"]


@dataclass
class Notification(Model):
    """A message about the resource `url`; `timestamp` is in epoch milliseconds."""

    id: str
    url: Optional[str] = None
    type: Optional[str] = None
    message: Optional[str] = None
    timestamp: Optional[int] = None
