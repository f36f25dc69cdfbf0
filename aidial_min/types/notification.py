"""Notifications that the server keeps for the caller.

It knows the fields of /v1/ops/notification (times in epoch milliseconds).
It must not know the publications that notifications speak of.
"""

from __future__ import annotations

from typing import List, Optional

from ._model import Model, dataclass


@dataclass
class Notification(Model):
    """A message about the resource `url`; `timestamp` is in epoch milliseconds."""

    id: str
    url: Optional[str] = None
    type: Optional[str] = None
    message: Optional[str] = None
    timestamp: Optional[int] = None


@dataclass
class NotificationsResponse(Model):
    """The caller's notifications, oldest first.

    POST /v1/ops/notification/list
    """

    notifications: List[Notification]
