"""Who calls: API keys, bearer tokens, roles, and the bucket that belongs to each caller.

`Keys.identify(headers, newer)` gives the `Caller`, or Core's refusal. Tokens are unsigned: this is a server for tests,
it believes every well-formed token. A bucket id is the caller's storage location in base 32: the same in every run, and
read back without any memory of who asked before.
"""

import base64
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Optional

from .http import HttpError, present, refuse_if

PUBLIC = "public"
PUBLIC_LOCATION = "public/"


@dataclass
class Caller:
    """The initiator of one request. `deployment` is set for a per-request key: the application that calls back."""

    location: str
    roles: tuple[str, ...] = ("default",)
    project: Optional[str] = None
    claims: Mapping[str, Any] = field(default_factory=dict)
    admin: bool = False
    deployment: Optional[str] = None

    @property
    def bucket(self) -> str:
        return bucket_of(self.location)

    @property
    def name(self) -> str:
        return self.project if self.project is not None else str(self.claims.get("sub", ""))


class Keys:
    """The API keys and tokens of the server, and the per-request keys that applications have been given."""

    def __init__(
        self, keys: Mapping[str, str], admin_keys: Iterable[str] = (), tokens: Optional[Mapping[str, str]] = None
    ) -> None:
        self._callers = {key: Caller(f"Keys/{project}/", project=project) for key, project in keys.items()}
        self._tokens = {token: _user({"sub": user, "roles": ["default"]}) for token, user in (tokens or {}).items()}
        for key in admin_keys:
            project = keys.get(key) or "admin"
            self._callers[key] = Caller(f"Keys/{project}/", ("default", "admin"), project=project, admin=True)

    def add_per_request_key(self, key: str, original: str, deployment: str) -> None:
        """Let `key` speak for `deployment`, which answers a call made with the API key `original`."""
        caller = self._callers[original]
        self._callers[key] = Caller(caller.location, caller.roles, caller.project, deployment=deployment)

    def identify(self, headers: Mapping[str, str], newer: bool) -> Caller:
        """The caller, by the rules of Core; `newer` chooses those of 2026."""
        key = headers.get("api-key")
        authorization = headers.get("authorization")
        if newer and authorization is not None and authorization.strip().lower() == "bearer":
            authorization = None
        if newer and key is None and authorization is None:
            key = headers.get("x-api-key")
        if key is None and authorization is None:
            raise HttpError(401, "At least API-KEY or Authorization header must be provided")
        if authorization is None:
            return self._by_key(key or "")
        words = authorization.split(" ")
        token = words[1] if len(words) == 2 else None
        if key is None:
            caller = self._by_token(token)
            if caller is None and newer and token is not None and words[0].lower() == "bearer":
                return self._by_key(token)
            return present(caller, 401, "Bad Authorization header")
        if token == key:
            return self._by_token(key) or self._by_key(key)
        caller = self._by_key(key)
        refuse_if(newer and caller.deployment is None, 400, "Provided API key is not per request key")
        refuse_if(not newer, 400, "Either API-KEY or Authorization header must be provided but not both")
        return caller

    def _by_key(self, key: str) -> Caller:
        return present(self._callers.get(key), 401, "Unknown api key")

    def _by_token(self, token: Optional[str]) -> Optional[Caller]:
        parts = (token or "").split(".")
        if token in self._tokens:
            return self._tokens[str(token)]
        if len(parts) != 3:
            return None
        try:
            claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        except ValueError:
            return None
        if not isinstance(claims, dict) or not isinstance(claims.get("sub"), str):
            return None
        expires = claims.get("exp")
        return None if isinstance(expires, (int, float)) and expires < time.time() else _user(claims)


def _user(claims: Mapping[str, Any]) -> Caller:
    given = claims.get("roles")
    roles = tuple(role for role in given if isinstance(role, str)) if isinstance(given, list) else ()
    return Caller(f"Users/{claims['sub']}/", roles, claims=claims, admin=any("admin" in role.lower() for role in roles))


def strings(claim: Any) -> list[str]:
    """The value of a claim as a list of strings; what is none is left out."""
    if isinstance(claim, str):
        return [claim]
    return [item for item in claim if isinstance(item, str)] if isinstance(claim, list) else []


def token_for(user: str) -> str:
    """An unsigned token that the server believes."""
    parts: tuple[Any, Any] = {"alg": "none", "typ": "JWT"}, {"sub": user, "roles": ["default"]}
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, "unsigned"])


def bucket_of(location: str) -> str:
    if location == PUBLIC_LOCATION:
        return PUBLIC
    return base64.b32encode(location.encode()).rstrip(b"=").decode()


@lru_cache(maxsize=1024)
def location_of(bucket: str) -> Optional[str]:
    """Where a bucket lies; None when the id is not one that `bucket_of` made."""
    if bucket == PUBLIC:
        return PUBLIC_LOCATION
    try:
        location = base64.b32decode(bucket + "=" * (-len(bucket) % 8)).decode()
    except ValueError:
        return None
    known = location.startswith(("Keys/", "Users/")) and bucket_of(location) == bucket
    return location if known else None  # unused bits at the end would make another name of the same bytes
