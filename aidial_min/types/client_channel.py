"""The client channel: how an application asks the user's client for something, in JSON-RPC."""

from __future__ import annotations

from enum import Enum
from typing import Any, Dict, Optional, Union

from ._model import Model, dataclass

__all__ = ["SigninResult", "ClientChannelRequest", "ClientChannelError", "ClientChannelResponse"]


class SigninResult(str, Enum):
    """How a user answered the request to sign in to one toolset.

    POST /v1/ops/client-channel/interact
    """

    SUCCESS = "success"
    DENIED = "denied"
    ERROR = "error"


@dataclass
class ClientChannelRequest(Model):
    """What an application asks of the client, e.g. method `toolset/signin`; the report repeats its `id` unchanged.

    POST /v1/ops/client-channel/subscribe
    """

    method: str
    id: Optional[Union[str, int]] = None
    params: Optional[Dict[str, Any]] = None
    jsonrpc: str = "2.0"


@dataclass
class ClientChannelError(Model):
    """Why a request through the channel failed; -32700 for what could not be parsed."""

    code: int = 0
    message: str = ""
    data: Any = None


@dataclass
class ClientChannelResponse(Model):
    """What the client answered: `result` (`success`, `denied` or something else) or `error`.

    POST /v1/ops/client-channel/interact
    """

    id: Optional[Union[str, int]] = None
    result: Any = None
    error: Optional[ClientChannelError] = None
    jsonrpc: str = "2.0"
