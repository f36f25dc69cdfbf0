"""/v1/bucket and /v1/user/info: who the caller is.

Knows the two shapes of each answer. Must not know how a caller is recognised (auth.py).
"""

from typing import TYPE_CHECKING

from . import auth
from .auth import bucket_of
from .messages import Response, as_json, dumps
from .paths import encode

if TYPE_CHECKING:
    from .core import Call, Core


def get(core: "Core", call: "Call") -> Response:
    """GET /v1/bucket"""
    caller = call.caller
    if caller.deployment is None:
        return as_json({"bucket": caller.bucket})
    described: dict[str, str] = {"bucket": bucket_of(f"Keys/{caller.deployment}/")}
    described["appdata"] = f"{caller.bucket}/appdata/{encode(caller.deployment)}"
    return as_json(described)


def user_info(core: "Core", call: "Call") -> Response:
    """GET /v1/user/info, without a Content-Type"""
    return Response(200, dumps(auth.user_info(call.caller)))
