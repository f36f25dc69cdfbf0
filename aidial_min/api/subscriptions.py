"""Changes of stored resources, as they happen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Sequence

from ..core.body import json_body
from ..core.call import Request, as_it_came
from ..core.completion_stream import Events
from ..core.operation import Async, Resource, Sync
from ..core.urls import StorageUrl, item_path
from ..types.metadata import ResourceEvent
from .arguments import list_given
from .opening import streaming

if TYPE_CHECKING:
    from ..transport.streams import Stream

EVENTS = Events(ResourceEvent.from_json)
"""A stream of changes; it has no end of its own."""


class _Resources(Resource):
    @streaming
    async def subscribe(self, urls: Sequence[StorageUrl]) -> Stream[ResourceEvent]:
        """Be told when resources are created, updated or deleted.

        The stream goes on until it is closed. Nothing is repeated after a break: subscribe anew, and read the
        resources again.

        Args:
            urls: files, conversations, prompts, ... (no folders); they need not exist yet.
        Returns:
            A Stream of ResourceEvent: iterate over it, and close it or use it in a `with` block.
        Raises:
            PermissionDeniedError: one of them is not for the caller.
            ResponseInterruptedError: the stream broke off.

        POST /v1/ops/resource/subscribe
        """
        links = [{"url": item_path(self._config.origin, url).path} for url in list_given("urls", urls)]
        body = json_body({"resources": links})
        request = Request("POST", "/v1/ops/resource/subscribe", body=body, decode=as_it_came)
        return await self._open(request, EVENTS)  # type: ignore[no-any-return]


class Resources(_Resources, Sync):
    """Changes of resources, as they happen."""


class AsyncResources(_Resources, Async):
    """Changes of resources, as they happen."""
