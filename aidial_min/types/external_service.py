"""Outside services (a CRM, a calendar) that an application declares and its users sign in to."""

from __future__ import annotations

from typing import Optional

from ._model import Model, dataclass
from .toolset import ToolsetAuthSettings

__all__ = ["ExternalServiceAuthSettings", "ExternalService", "ServiceCredentials"]


@dataclass
class ExternalServiceAuthSettings(ToolsetAuthSettings):
    """How one signs in to a service: OAUTH, API_KEY, NONE or DIAL_NATIVE; secrets never come back."""

    client_secret_hint: Optional[str] = None


@dataclass
class ExternalService(Model):
    """A service as an application declares it.

    GET /v1/applications/{id}/external-services
    """

    id: Optional[str] = None
    display_name: Optional[str] = None
    description: Optional[str] = None
    auth_settings: Optional[ExternalServiceAuthSettings] = None


@dataclass
class ServiceCredentials(Model):
    """The header with which a service is called; `expires_at` in epoch seconds, where it is known.

    POST /v1/ops/external-service/credentials
    """

    header_name: str
    header_value: str
    expires_at: Optional[int] = None

    def __repr__(self) -> str:
        return "ServiceCredentials(header_name=%r, expires_at=%r)" % (self.header_name, self.expires_at)
