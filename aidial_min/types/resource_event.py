"""Events about changed resources, as `resources.subscribe` gives them."""

from __future__ import annotations

from typing import Literal, Optional, Union

from ._model import Model, dataclass

__all__ = ["ResourceEvent"]


@dataclass
class ResourceEvent(Model):
    """A resource was created, updated or deleted; `timestamp` in epoch milliseconds, no `etag` after DELETE.

    POST /v1/ops/resource/subscribe
    """

    url: str
    action: Union[Literal["CREATE", "UPDATE", "DELETE"], str] = ""
    timestamp: Optional[int] = None
    etag: Optional[str] = None
