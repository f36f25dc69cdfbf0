"""/v1/ops/resource: move, copy (2026), and subscribing to changes.

Knows the checks and texts of each, and the event stream. Must not know how resources are written otherwise.
"""

import json
import queue
from collections.abc import Iterator
from typing import TYPE_CHECKING, Optional, Union

from . import applications, bodies
from .access import READ, WRITE, permissions
from .application import HEARTBEAT, event
from .errors import Refusal
from .messages import Response, dumps
from .paths import ResourceUrl, from_url

if TYPE_CHECKING:
    from .core import Call, Core

MOVABLE = ("files", "conversations", "prompts", "applications", "toolsets")
_POLL = 0.05


def move(core: "Core", call: "Call") -> Response:
    """POST /v1/ops/resource/move"""
    source, destination, overwrite = _request(core, call, "move")
    rights = permissions(core, call.caller, source)
    if not rights >= {READ, WRITE}:
        raise Refusal(403, "no read and write access to source resource")
    if WRITE not in permissions(core, call.caller, destination):
        raise Refusal(403, "no write access to destination resource")
    if source.folder or destination.folder:
        raise Refusal(400, "Moving folders is not supported")
    _copy(core, source, destination, overwrite, "move")
    core.sharing.moved(source, destination)
    core.remove(source)
    return Response(200)


def copy(core: "Core", call: "Call") -> Response:
    """POST /v1/ops/resource/copy"""
    source, destination, overwrite = _request(core, call, "copy")
    needed = {READ, WRITE} if source.type in ("applications", "toolsets") else {READ}
    if not permissions(core, call.caller, source) >= needed:
        words = (
            "no read and write access to source resource" if len(needed) == 2 else "no read access to source resource"
        )
        raise Refusal(403, words)
    if WRITE not in permissions(core, call.caller, destination):
        raise Refusal(403, "no write access to destination resource")
    if source.folder or destination.folder:
        raise Refusal(400, "Copying folders is not supported")
    _copy(core, source, destination, overwrite, "copy")
    return Response(200)


def _request(core: "Core", call: "Call", verb: str) -> "tuple[ResourceUrl, ResourceUrl, bool]":
    words = f"Can't initiate {verb} resource request. Incorrect body provided"
    body = bodies.operation(bytes(call.request.body()), words, ("sourceUrl", "destinationUrl", "overwrite"))
    for name in ("sourceUrl", "destinationUrl"):
        if body.get(name) is None:
            raise Refusal(400, f"{name} must be provided")
    source, destination = from_url(str(body["sourceUrl"])), from_url(str(body["destinationUrl"]))
    if source.type != destination.type:
        raise Refusal(400, "source and destination resources must be the same type")
    if source.url == destination.url:
        raise Refusal(400, "source and destination resources cannot be the same")
    return source, destination, body.get("overwrite") is True


def _copy(core: "Core", source: ResourceUrl, destination: ResourceUrl, overwrite: bool, verb: str) -> None:
    destination.check_name()
    with core.storage.lock:
        item = core.storage.get(source)
        if item is None:
            raise Refusal(400, f"Source resource {source.url} does not exist")
        if source.type not in MOVABLE:
            raise Refusal(500, f"Unsupported type: {source.type}")
        there = core.storage.get(destination)
        content = item.content
        if source.type in ("applications", "toolsets"):
            applications.check_stopped(core, source)
            if there is not None and not overwrite:
                raise Refusal(412, "Resource already exists")
            content = dumps(dict(json.loads(bytes(content)), name=destination.url))
        elif there is not None and not overwrite:
            words = (
                f"Can't {verb} resource {source.url} to {destination.url}, because destination resource already exists"
            )
            raise Refusal(400, words)
        core.storage.put(destination, content, item.content_type)


def subscribe(core: "Core", call: "Call") -> Response:
    """POST /v1/ops/resource/subscribe: server-sent events, without an end"""
    body = bodies.operation(bytes(call.request.body()), "Invalid body provided", ("resources",))
    links = body.get("resources")
    if not isinstance(links, list) or not links:
        raise Refusal(400, "resources list must be provided")
    watched: dict[str, ResourceUrl] = {}
    for link in links:
        resource = from_url(str(link.get("url") if isinstance(link, dict) else link))
        if resource.folder:
            raise Refusal(400, f"resource folder is not supported: {resource.url}")
        if resource.type not in MOVABLE:
            raise Refusal(400, f"resource type is not supported: {resource.url}")
        watched[resource.key] = resource
    for resource in watched.values():
        if READ not in permissions(core, call.caller, resource):
            raise Refusal(403, f"resource is not allowed: {resource.url}")
    # Listening starts before the head goes out: a change right after it is not lost.
    events: queue.Queue[bytes] = queue.Queue()

    def changed(key: str, action: str, timestamp: int, etag: Optional[str]) -> None:
        resource = watched.get(key)
        if resource is not None and READ in permissions(core, call.caller, resource):
            described = {"url": resource.url, "action": action, "timestamp": timestamp, "etag": etag}
            events.put(event({name: value for name, value in described.items() if value is not None}))

    unsubscribe = core.storage.subscribe(changed)
    return Response(200, event_stream(core, call, events, unsubscribe), [("content-type", "text/event-stream")])


def event_stream(
    core: "Core", call: "Call", events: "queue.Queue[bytes]", at_end: "object" = None
) -> Iterator[Union[bytes, float]]:
    """What comes into `events`, as it comes, with heartbeats between; until the client goes away."""
    waited = 0.0
    try:
        yield b""
        while True:
            try:
                yield events.get(timeout=_POLL)
                waited = 0.0
                continue
            except queue.Empty:
                waited += _POLL
            yield 0.0  # ends here when the server stops
            if not call.request.connection.is_open():
                return
            if waited >= core.heartbeat:
                waited = 0.0
                yield HEARTBEAT
    finally:
        if callable(at_end):
            at_end()
