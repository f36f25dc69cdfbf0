"""Who the caller is, as GET /v1/user/info says."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from ._model import Model, dataclass, json_name

__all__ = ["UserInfo"]


@dataclass
class UserInfo(Model):
    """The caller's roles; `project` with an API key, `user_claims` (as the identity provider names them) with a token.

    GET /v1/user/info
    """

    roles: List[str]
    project: Optional[str] = None
    user_claims: Optional[Dict[str, Any]] = json_name("userClaims")

    @property
    def userClaims(self) -> Optional[Dict[str, Any]]:  # noqa: N802
        """`user_claims`, as older clients spell it."""
        return self.user_claims
