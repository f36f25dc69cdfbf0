"""Permissions on resources: in invitations, and for the time of one request."""

from __future__ import annotations

from typing import List, Optional

from ._model import Model, dataclass, field

__all__ = ["ResourcePermission", "ReceiverPermissions"]


@dataclass
class ResourcePermission(Model):
    """A resource and what may be done with it: READ, WRITE, SHARE."""

    url: str
    permissions: List[str] = field(default_factory=list)


@dataclass
class ReceiverPermissions(Model):
    """What one receiver (the id of a deployment) was granted."""

    receiver: Optional[str] = None
    resources: List[ResourcePermission] = field(default_factory=list)
