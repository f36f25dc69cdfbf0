"""Sharing of resources: permissions, and the invitations that go with it; times in epoch milliseconds."""

from __future__ import annotations

from typing import List, Optional

from ._model import Model, dataclass, field, json_name

__all__ = ["ResourcePermission", "ReceiverPermissions", "ShareLink", "Invitation"]


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


@dataclass
class ShareLink(Model):
    """An invitation just made: `link` is a path from the server's root, `id` what `invitations.accept` takes.

    POST /v1/ops/resource/share/create
    """

    _texts = ("link",)

    link: str = json_name("invitationLink", required=True)

    @property
    def id(self) -> str:
        """The last segment of `link`."""
        return self.link.rstrip("/").rsplit("/", 1)[-1]


@dataclass
class Invitation(Model):
    """An invitation to use resources; times in epoch milliseconds.

    GET /v1/invitations/{id}
    """

    id: str
    resources: List[ResourcePermission] = field(default_factory=list)
    created_at: Optional[int] = json_name("createdAt")
    expire_at: Optional[int] = json_name("expireAt")
