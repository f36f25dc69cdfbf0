"""Who calls: keys, bearer tokens, roles, and the bucket that belongs to each caller.

Knows the texts and the order of Core's credential checks. A bucket id is the caller's storage location, scrambled and
written in base58: stable for the same caller, and read back without any memory of who asked before.
Must not know endpoints. Tokens are unsigned: this is a server for tests, it believes every well-formed token.
"""

import base64
import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Optional

from .errors import Refusal

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
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
    key: Optional[str] = None

    @property
    def bucket(self) -> str:
        return bucket_of(self.location)

    @property
    def name(self) -> str:
        return self.project if self.project is not None else str(self.claims.get("sub", ""))


class Keys:
    """The API keys of the server, and the per-request keys that applications have been given."""

    def __init__(self, keys: Mapping[str, str], admin_keys: Iterable[str] = ()) -> None:
        self._callers: dict[str, Caller] = {}
        for key, project in keys.items():
            self._callers[key] = Caller(f"Keys/{project}/", project=project, key=key)
        for key in admin_keys:
            known = self._callers.get(key)
            project = known.project if known is not None and known.project else "admin"
            self._callers[key] = Caller(f"Keys/{project}/", ("default", "admin"), project=project, admin=True, key=key)

    def add_per_request_key(self, key: str, original: str, deployment: str) -> None:
        """Let `key` speak for `deployment`, which answers a call made with the API key `original`."""
        caller = self._callers[original]
        self._callers[key] = Caller(caller.location, caller.roles, caller.project, deployment=deployment, key=key)

    def identify(self, headers: Mapping[str, str], newer: bool) -> Caller:
        """The caller, by the rules of Core; `newer` chooses those of 2026."""
        key = headers.get("api-key")
        authorization = headers.get("authorization")
        if newer and authorization is not None and authorization.strip().lower() == "bearer":
            authorization = None
        if key is None and authorization is None:
            raise Refusal(401, "At least API-KEY or Authorization header must be provided")
        if authorization is None:
            return self._by_key(key or "")
        if key is None:
            return self._by_authorization(authorization, newer)
        words = authorization.split(" ")
        if len(words) == 2 and words[1] == key:
            return _by_token(key) or self._by_key(key)
        caller = self._by_key(key)
        if newer and caller.deployment is None:
            raise Refusal(400, "Provided API key is not per request key")
        if not newer:
            raise Refusal(400, "Either API-KEY or Authorization header must be provided but not both")
        return caller

    def _by_key(self, key: str) -> Caller:
        caller = self._callers.get(key)
        if caller is None:
            raise Refusal(401, "Unknown api key")
        return caller

    def _by_authorization(self, authorization: str, newer: bool) -> Caller:
        words = authorization.split(" ")
        caller = _by_token(words[1]) if len(words) == 2 else None
        if caller is not None:
            return caller
        if newer and len(words) == 2 and words[0].lower() == "bearer":
            return self._by_key(words[1])
        raise Refusal(401, "Bad Authorization header")


def _by_token(token: str) -> Optional[Caller]:
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return None
    if not isinstance(claims, dict) or not isinstance(claims.get("sub"), str):
        return None
    expires = claims.get("exp")
    if isinstance(expires, (int, float)) and expires < time.time():
        return None
    given = claims.get("roles")
    roles = tuple(role for role in given if isinstance(role, str)) if isinstance(given, list) else ()
    return Caller(f"Users/{claims['sub']}/", roles, claims=claims, admin=any("admin" in role.lower() for role in roles))


def user_info(caller: Caller) -> dict[str, Any]:
    """What GET /v1/user/info tells; claim values become lists of strings, anything else an empty list."""
    if caller.project is not None:
        return {"roles": list(caller.roles), "project": caller.project}
    return {"roles": list(caller.roles), "userClaims": {name: _strings(value) for name, value in caller.claims.items()}}


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def bucket_of(location: str) -> str:
    if location == PUBLIC_LOCATION:
        return PUBLIC
    plain = location.encode()
    check = hashlib.sha256(b"check" + plain).digest()[:6]
    scrambled = bytes(a ^ b for a, b in zip(plain, _stream(check, len(plain))))
    number = int.from_bytes(b"\x01" + check + scrambled, "big")
    letters = ""
    while number:
        number, digit = divmod(number, 58)
        letters = BASE58[digit] + letters
    return letters


def location_of(bucket: str) -> Optional[str]:
    """Where a bucket lies; None when the id is not one that `bucket_of` made."""
    if bucket == PUBLIC:
        return PUBLIC_LOCATION
    number = 0
    for letter in bucket:
        digit = BASE58.find(letter)
        if digit < 0:
            return None
        number = number * 58 + digit
    data = number.to_bytes((number.bit_length() + 7) // 8, "big")
    if len(data) < 8 or data[0] != 1:
        return None
    check, scrambled = data[1:7], data[7:]
    plain = bytes(a ^ b for a, b in zip(scrambled, _stream(check, len(scrambled))))
    if hashlib.sha256(b"check" + plain).digest()[:6] != check:
        return None
    location = plain.decode("utf-8", "replace")
    return location if bucket_of(location) == bucket else None  # leading 1s are zeros: another name of the same number


def _stream(seed: bytes, length: int) -> bytes:
    stream = b""
    while len(stream) < length:
        stream += hashlib.sha256(seed + len(stream).to_bytes(4, "big")).digest()
    return stream
