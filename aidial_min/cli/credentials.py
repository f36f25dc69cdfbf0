"""The shape of a credential, described without showing it: length, kind, and what is plainly wrong with it.

It knows how keys and tokens look; it must not know where they come from or go to.
"""

import base64
import json
from typing import Any, Dict, List, Optional, Tuple


def describe(kind: str, value: str, now: float) -> Tuple[str, List[str]]:
    """A credential in words, and what is wrong with it.

    Args:
        kind: "api_key" or "bearer_token".
        now: epoch seconds.
    """
    bare = value.strip()
    what = "an API key" if kind == "api_key" else "a bearer token"
    line = "%s of %d characters" % (what, len(bare))
    claims = token_claims(bare)
    faults = faults_of(bare)
    if claims is not None:
        line += ", which is a token (JWT)"
        expires = claims.get("exp")
        if isinstance(expires, (int, float)) and not isinstance(expires, bool):
            left = expires - now
            line += ", expired" if left <= 0 else ", good for %s" % _duration(left)
            if left <= 0:
                faults.append("the token expired %s ago: get a new one" % _duration(-left))
        if kind == "api_key":
            faults.append("tokens go into DIAL_BEARER_TOKEN, not into DIAL_API_KEY")
    elif kind == "bearer_token" and not faults:
        line += " (no JWT)"
    return line, faults


def faults_of(value: str) -> List[str]:
    """What is plainly wrong with a credential."""
    faults = []
    if not value:
        faults.append("it is empty")
    elif value[0] in "\"'" or value[-1] in "\"'":
        faults.append("it has quotes around it; they belong to the shell, not into the value")
    if any(character.isspace() for character in value):
        faults.append("it has blanks or line ends within")
    elif not value.isascii() or not value.isprintable():
        faults.append("it has characters that no credential has; was it copied from a formatted text?")
    if value.lower().startswith(("bearer", "api-key", "basic ")):
        faults.append("it begins with the header's words; only the key or token itself is wanted")
    if "://" in value:
        faults.append("it looks like a URL")
    if value.startswith(("$", "<", "{")) or value.lower() in ("none", "null", "changeme", "..."):
        faults.append("it looks like a placeholder that was never filled in")
    return faults


def token_claims(value: str) -> Optional[Dict[str, Any]]:
    """What a JWT says (unverified), or None if the text is none."""
    parts = value.split(".")
    if len(parts) != 3:
        return None
    try:
        found = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _duration(seconds: float) -> str:
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return "%d %s%s" % (count, unit, "" if count == 1 else "s")
    return "%d seconds" % seconds
