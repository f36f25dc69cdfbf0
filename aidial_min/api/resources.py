"""Changes of stored resources, as they happen.

`subscribe` has a sync and an async version, since its result is a stream; what it sends is written once.
It knows /v1/ops/resource/subscribe; it must not know sockets, retries or loops.
"""

from typing import TYPE_CHECKING, Any, Sequence, cast

from ..core.body import json_body
from ..core.call import Answer, Config, Request, as_it_came
from ..core.completion_stream import Events
from ..core.tables import AsyncResource, SyncResource, describe
from ..core.urls import StorageUrl
from ..types.resource_event import ResourceEvent
from .arguments import list_given
from .storage import item_path

if TYPE_CHECKING:
    from ..transport.streams import AsyncStream, Stream

EVENTS = Events(ResourceEvent.from_json)
"""A stream of changes; it has no end of its own."""


def subscribe(config: Config, urls: Sequence[StorageUrl]) -> Request[Answer]:
    """Be told when resources are created, updated or deleted.

    The stream goes on until it is closed. Nothing is repeated after a break: subscribe anew, and read the resources
    again.

    Args:
        urls: files, conversations, prompts, ... (no folders); they need not exist yet.
    Returns:
        A Stream of ResourceEvent: iterate over it, and close it or use it in a `with` block.
    Raises:
        PermissionDeniedError: one of them is not for the caller. ResponseInterruptedError: the stream broke off.

    POST /v1/ops/resource/subscribe
    """
    links = [{"url": item_path(config, url).path} for url in list_given("urls", urls)]
    return Request("POST", "/v1/ops/resource/subscribe", body=json_body({"resources": links}), decode=as_it_came)


class Resources(SyncResource):
    """Changes of resources, as they happen."""

    def subscribe(self, urls: Sequence[StorageUrl]) -> "Stream[ResourceEvent]":
        client: Any = self._client
        return cast("Stream[ResourceEvent]", client._stream(subscribe(client._config, urls), EVENTS))


class AsyncResources(AsyncResource):
    """Changes of resources, as they happen."""

    async def subscribe(self, urls: Sequence[StorageUrl]) -> "AsyncStream[ResourceEvent]":
        client: Any = self._client
        return cast("AsyncStream[ResourceEvent]", await client._stream(subscribe(client._config, urls), EVENTS))


describe(Resources.subscribe, subscribe, "Stream[ResourceEvent]")
describe(AsyncResources.subscribe, subscribe, "AsyncStream[ResourceEvent]")
