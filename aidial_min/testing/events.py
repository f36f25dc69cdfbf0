"""Event streams without an end: changes of resources, and the client channel (2026).

Over the channel an application asks its user's client for something, whatever it is, and waits for the answer: JSON-RPC
with composite ids, whose errors travel inside a 200 event stream.
"""

import queue
from collections.abc import Iterator
from typing import Any, Callable, Optional, Union

from .access import READ
from .http import HttpError, Response, event, present, refuse_if
from .json_shapes import Json, loads, without_nulls
from .paths import ResourceUrl, from_url
from .resources import MOVABLE, links_of
from .routing import Call, endpoint
from .sdk import HEARTBEAT

HEADER = "X-DIAL-CLIENT-CHANNEL-ID"
_POLL = 0.05
Events = queue.Queue[bytes]


def event_stream(
    call: Call, events: Events, at_end: Callable[[], object] = lambda: None, headers: tuple[tuple[str, str], ...] = ()
) -> Response:
    """What comes into `events`, as it comes, with heartbeats between; until the client goes away."""

    def pieces() -> Iterator[Union[bytes, float]]:
        waited = 0.0
        try:
            yield b""
            while True:
                try:
                    found = events.get(timeout=_POLL)
                    waited = 0.0
                except queue.Empty:
                    found = b""
                    waited += _POLL
                    yield 0.0  # ends here when the server stops
                if not call.request.connection.is_open():
                    events.put(found)  # for who listens next
                    return
                yield found
                if waited >= call.core.heartbeat:
                    waited = 0.0
                    yield HEARTBEAT
        finally:
            at_end()

    return Response(200, pieces(), [*headers, ("content-type", "text/event-stream")])


@endpoint("POST /v1/ops/resource/subscribe", fields="resources", words="Invalid body provided")
def subscribe(call: Call) -> Response:
    watched: dict[str, ResourceUrl] = {}
    for link in links_of(call, "resources list must be provided"):
        resource = from_url(str(link.get("url")))
        refuse_if(resource.folder, 400, f"resource folder is not supported: {resource.url}")
        refuse_if(resource.type not in MOVABLE, 400, f"resource type is not supported: {resource.url}")
        watched[resource.key] = resource
    for resource in watched.values():
        refuse_if(READ not in call.rights(resource), 403, f"resource is not allowed: {resource.url}")
    # Listening starts before the head goes out: a change right after it is not lost.
    events: Events = queue.Queue()

    def changed(key: str, action: str, timestamp: int, etag: Optional[str]) -> None:
        resource = watched.get(key)
        if resource is not None and READ in call.rights(resource):
            described = {"url": resource.url, "action": action, "timestamp": timestamp, "etag": etag}
            events.put(event(without_nulls(described)))

    return event_stream(call, events, call.core.storage.subscribe(changed))


# The client channel


class Channel:
    """One client's channel: what it is asked, and has not been sent yet, and who waits for answers."""

    def __init__(self) -> None:
        self.requests: Events = queue.Queue()
        self.waiting: list[Waiting] = []


class Channels(dict[tuple[str, str], Channel]):
    """Channels by the location of their client and their id."""


class Waiting:
    """One call of `interact`: answers as soon as every request of it has been answered."""

    def __init__(self, requests: list[Any], batch: bool, prefix: str) -> None:
        self.events: Events = queue.Queue()
        self.requests: list[Json] = []
        self._batch = batch
        self._responses: list[Json] = []
        self._originals: dict[str, Any] = {}
        for request in requests:
            if not isinstance(request, dict) or request.get("jsonrpc") != "2.0" or not request.get("method"):
                self._responses.append(_error(-32600, "Invalid Request"))
            elif request.get("id") is None:
                self.requests.append(request)
            else:
                id = f"{prefix}/{request['id']}"
                self._originals[id] = request["id"]
                self.requests.append(dict(request, id=id))
        if not self._originals:
            self._send()

    def accept(self, response: Json) -> None:
        id = str(response.get("id"))
        if id in self._originals:
            named = {name: response[name] for name in ("result", "error") if response.get(name) is not None}
            self._responses.append({"id": self._originals.pop(id), **named, "jsonrpc": "2.0"})
            if not self._originals:
                self._send()

    def _send(self) -> None:
        if self._batch or self._responses:
            self.events.put(event(self._responses if self._batch else self._responses[0]))


@endpoint("POST /v1/ops/client-channel/subscribe", generations="2026")
def listen(call: Call) -> Response:
    """Events, without an end; a new channel has its id in a header."""
    headers: tuple[tuple[str, str], ...] = ()
    if HEADER.lower() not in call.request.headers:
        id = call.core.new_id().replace("-", "")
        call.core.part(Channels)[call.caller.location, id] = Channel()
        headers = ((HEADER, id),)
    channel = _channel(call, headers[0][1] if headers else _id(call))
    return event_stream(call, channel.requests, headers=headers)


@endpoint("POST /v1/ops/client-channel/report", generations="2026", fields="")
def report(call: Call) -> None:
    for waiting in list(_channel(call, _id(call)).waiting):
        waiting.accept(call.body)


@endpoint("POST /v1/ops/client-channel/unsubscribe", generations="2026")
def unsubscribe(call: Call) -> None:
    present(call.core.part(Channels).pop((call.caller.location, _id(call)), None), 404, "Channel is not found")


@endpoint("POST /v1/ops/client-channel/interact", generations="2026")
def interact(call: Call) -> Response:
    """Always 200, one event, and no end."""
    try:
        id = _id(call)
        asked = loads(call.request.body())
        if not isinstance(asked, (dict, list)):
            raise ValueError
        channel = _channel(call, id)
    except ValueError:
        return _told(call, _error(-32700, "Parse error"))
    except HttpError as error:
        return _told(call, _error(-32000, error.words))
    prefix = call.caller.deployment or call.caller.name
    waiting = Waiting(asked if isinstance(asked, list) else [asked], isinstance(asked, list), prefix)
    channel.waiting.append(waiting)
    for request in waiting.requests:
        channel.requests.put(event(request))
    return event_stream(call, waiting.events, lambda: channel.waiting.remove(waiting))


def _told(call: Call, response: Json) -> Response:
    events: Events = queue.Queue()
    events.put(event(response))
    return event_stream(call, events)


def _error(code: int, message: str) -> Json:
    return {"id": None, "error": {"code": code, "message": message}, "jsonrpc": "2.0"}


def _id(call: Call) -> str:
    return present(call.request.headers.get(HEADER.lower()), 400, "Channel ID is missed")


def _channel(call: Call, id: str) -> Channel:
    channel = call.core.part(Channels).get((call.caller.location, id))
    return present(channel, 400, f"Client channel is not found for the given ID: {id}")
