"""Who the caller is, what DIAL may do while they are away, and what it has to tell them."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from ._model import Model, dataclass, json_name

__all__ = ["UserInfo", "OfflineConnect", "OfflineCredentials", "Notification"]


@dataclass
class UserInfo(Model):
    """The caller's roles; `project` with an API key, `user_claims` (as the identity provider names them) with a token.

    GET /v1/user/info
    """

    _dumped_as_json = True

    roles: List[str]
    project: Optional[str] = None
    user_id: Optional[str] = json_name("userId")
    """As DIAL derives it: what `external_services.credentials_on_behalf_of` takes."""
    user_display_name: Optional[str] = json_name("userDisplayName")
    user_claims: Optional[Dict[str, Any]] = json_name("userClaims")

    @property
    def userClaims(self) -> Optional[Dict[str, Any]]:  # noqa: N802
        """`user_claims`, as older clients spell it."""
        return self.user_claims


@dataclass
class OfflineConnect(Model):
    """Where a user gives their consent: open `authorization_endpoint` with the rest, then sign in with the code."""

    client_id: Optional[str] = None
    authorization_endpoint: Optional[str] = None
    redirect_uri: Optional[str] = None
    scopes: Optional[List[str]] = None


@dataclass
class OfflineCredentials(Model):
    """Whether DIAL may act for the user while they are away; `connect` comes where it could but may not yet.

    GET /v1/user/offline-credentials
    """

    available: Optional[bool] = None
    connected: Optional[bool] = None
    connect: Optional[OfflineConnect] = None


@dataclass
class Notification(Model):
    """A message about the resource `url`; `timestamp` is in epoch milliseconds."""

    id: str
    url: Optional[str] = None
    type: Optional[str] = None
    message: Optional[str] = None
    timestamp: Optional[int] = None
