"""/v1/ops/client-channel (2026): an application asks its user's client for something, and waits for the answer.

Knows channels, JSON-RPC requests with composite ids, and that errors travel inside a 200 event stream.
Must not know what is asked for.
"""

import queue
import threading
from typing import TYPE_CHECKING, Any, Optional

from . import bodies
from .application import event
from .errors import Refusal
from .messages import Response
from .operations import event_stream

if TYPE_CHECKING:
    from .core import Call, Core

Json = dict[str, Any]
HEADER = "X-DIAL-CLIENT-CHANNEL-ID"
STREAM = ("content-type", "text/event-stream")


class Channel:
    """One client's channel: who listens, which requests it has not been sent yet, and who waits for answers."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.listeners: list[queue.Queue[bytes]] = []
        self.unsent: dict[str, Json] = {}
        self.waiting: list[Waiting] = []

    def ask(self, request: Json) -> None:
        with self.lock:
            if not self.listeners:
                self.unsent[str(request.get("id"))] = request
            for listener in self.listeners:
                listener.put(event(request))

    def listen(self) -> "queue.Queue[bytes]":
        events: queue.Queue[bytes] = queue.Queue()
        with self.lock:
            for request in self.unsent.values():
                events.put(event(request))
            self.unsent.clear()
            self.listeners.append(events)
        return events

    def answered(self, response: Json) -> None:
        with self.lock:
            self.unsent.pop(str(response.get("id")), None)
            waiting = list(self.waiting)
        for one in waiting:
            one.accept(response)


class Waiting:
    """One call of `interact`: answers as soon as every request of it has been answered."""

    def __init__(self, requests: list[Any], batch: bool, prefix: str) -> None:
        self.events: queue.Queue[bytes] = queue.Queue()
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


def subscribe(core: "Core", call: "Call") -> Response:
    """POST /v1/ops/client-channel/subscribe: events, without an end; a new channel has its id in a header"""
    id = call.request.headers.get(HEADER.lower())
    headers: list[tuple[str, str]] = [STREAM]
    if id is None:
        id = core.new_id().replace("-", "")
        core.channels[call.caller.location, id] = Channel()
        headers.insert(0, (HEADER, id))
    channel = _channel(core, call, id)
    events = channel.listen()

    def gone() -> None:
        with channel.lock:
            channel.listeners.remove(events)

    return Response(200, event_stream(core, call, events, gone), headers)


def report(core: "Core", call: "Call") -> Response:
    """POST /v1/ops/client-channel/report"""
    id = _id(call)
    body = bodies.operation(bytes(call.request.body()))
    _channel(core, call, id).answered(body)
    return Response(200)


def unsubscribe(core: "Core", call: "Call") -> Response:
    """POST /v1/ops/client-channel/unsubscribe"""
    if core.channels.pop((call.caller.location, _id(call)), None) is None:
        raise Refusal(404, "Channel is not found")
    return Response(200)


def interact(core: "Core", call: "Call") -> Response:
    """POST /v1/ops/client-channel/interact: always 200, one event, and no end"""
    id = call.request.headers.get(HEADER.lower())
    if id is None:
        return _told(core, call, _error(-32000, "Channel ID is missed"))
    try:
        asked = bodies.loads(call.request.body())
    except ValueError:
        return _told(core, call, _error(-32700, "Parse error"))
    if not isinstance(asked, (dict, list)):
        return _told(core, call, _error(-32700, "Parse error"))
    prefix = call.caller.deployment or call.caller.name
    waiting = Waiting(asked if isinstance(asked, list) else [asked], isinstance(asked, list), prefix)
    try:
        channel = _channel(core, call, id)
    except Refusal as refusal:
        return _told(core, call, _error(-32000, refusal.words))
    with channel.lock:
        channel.waiting.append(waiting)
    for request in waiting.requests:
        channel.ask(request)

    def gone() -> None:
        with channel.lock:
            channel.waiting.remove(waiting)

    return Response(200, event_stream(core, call, waiting.events, gone), [STREAM])


def _told(core: "Core", call: "Call", response: Json) -> Response:
    events: queue.Queue[bytes] = queue.Queue()
    events.put(event(response))
    return Response(200, event_stream(core, call, events), [STREAM])


def _error(code: int, message: str) -> Json:
    return {"id": None, "error": {"code": code, "message": message}, "jsonrpc": "2.0"}


def _id(call: "Call") -> str:
    id = call.request.headers.get(HEADER.lower())
    if id is None:
        raise Refusal(400, "Channel ID is missed")
    return id


def _channel(core: "Core", call: "Call", id: str) -> Channel:
    channel: Optional[Channel] = core.channels.get((call.caller.location, id))
    if channel is None:
        raise Refusal(400, f"Client channel is not found for the given ID: {id}")
    return channel
