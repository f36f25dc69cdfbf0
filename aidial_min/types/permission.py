"""Permissions on resources: in invitations, and for the time of one request.

It knows the fields of /v1/ops/resource/per-request-permissions (camelCase).
It must not know who holds which key.
"""

from __future__ import annotations

from typing import List, Literal, Optional, TypedDict, Union

from ._model import Model, dataclass, field


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
class ResourcePermissionsResponse(Model):
    """What the caller was granted (`resources`), or whom it granted what (`receivers`).

    POST /v1/ops/resource/per-request-permissions/list
    """

    resources: List[ResourcePermission] = field(default_factory=list)
    receivers: List[ReceiverPermissions] = field(default_factory=list)


class _Url(TypedDict):
    url: str


class ResourcePermissionParam(_Url, total=False):
    """A resource and what to allow, or to take back."""

    permissions: List[Union[Literal["READ", "WRITE", "SHARE"], str]]


class GrantParams(TypedDict):
    """What to grant, or to revoke, and whom: the id of a deployment.

    POST /v1/ops/resource/per-request-permissions/grant and .../revoke
    """

    resourcePermissions: List[ResourcePermissionParam]
    receiver: str
