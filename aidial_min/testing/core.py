"""What DIAL Core is, apart from its sockets: the state of one server and the order of checks for a request.

Knows: method, size, probes, credentials, route, work, in this order; and how a refusal becomes an answer.
Must not know any endpoint (routes.py lists them) nor how bytes travel (connection.py).
"""

import itertools
import logging
import threading
import uuid
from collections.abc import Iterable
from typing import Callable, Optional
from urllib.parse import parse_qsl

from . import routes
from .auth import Caller, Keys
from .channel import Channel
from .chat import Upstream
from .deployments import Deployment
from .disk import DiskStorage
from .errors import Refusal
from .grants import Grants
from .limits import Limits
from .messages import Disconnected, Request, Response, text
from .paths import ResourceUrl
from .publications import Publications
from .script import Cut, Failure, Script
from .sharing import Sharing
from .storage import ALWAYS, Precondition, Storage

METHODS = {"GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"}
MAX_MULTIPART = 512 << 20
VERSIONS = {"2024": "0.18.0-rc", "2026": "0.49.0"}
#: 14 November 2023, 22:13:20 UTC: where the default clock begins.
FIXED_BASE = 1_700_000_000.0

_log = logging.getLogger(__name__)


class Clock:
    """Counts a millisecond at every look, from a fixed base: the same run gives the same times."""

    def __init__(self, base: float = FIXED_BASE) -> None:
        self._milliseconds = itertools.count(int(base * 1000))

    def __call__(self) -> float:
        return next(self._milliseconds) / 1000


def _random_id() -> str:
    return str(uuid.uuid4())


class Call:
    """One request with its caller, as handlers see it."""

    def __init__(self, core: "Core", request: Request, caller: Caller) -> None:
        self.core = core
        self.request = request
        self.caller = caller
        self._query: Optional[dict[str, str]] = None

    @property
    def query(self) -> dict[str, str]:
        if self._query is None:
            pairs = parse_qsl(self.request.query, keep_blank_values=True)
            self._query = dict(reversed(pairs))
        return self._query

    def queries(self, name: str) -> list[str]:
        """Every value of a query parameter that may be repeated."""
        return [value for key, value in parse_qsl(self.request.query) if key == name]

    def precondition(self) -> Precondition:
        headers = self.request.headers
        return Precondition(headers.get("if-match"), headers.get("if-none-match"), self.core.newer)

    def has_current(self, etag: str) -> bool:
        """Whether If-None-Match names `etag`, so that 304 is the answer (2026 only)."""
        given = self.request.headers.get("if-none-match", "")
        return etag in [tag.strip().strip('"') for tag in given.split(",")]


class Core:
    def __init__(
        self,
        keys: Keys,
        deployments: Iterable[Deployment],
        generation: str,
        clock: Callable[[], float],
        stale_listings: bool,
        application_controller: bool,
        heartbeat: float,
        data: Optional[str] = None,
    ) -> None:
        self.keys = keys
        self.newer = generation == "2026"
        self.version = VERSIONS[generation]
        self.clock = clock
        self.stale_listings = stale_listings
        self.application_controller = application_controller
        self.heartbeat = heartbeat
        self.lock = threading.RLock()
        self.deployments: dict[str, Deployment] = {item.id: item for item in deployments}
        self.storage = Storage(self.now) if data is None else DiskStorage(self.now, data)
        # What is kept on disk must not meet the same ids again after a restart.
        self._ids = None if data is None else _random_id
        self.limits = Limits(clock)
        self.routes = routes.table(self.newer)
        self.max_body = (64 << 20) if self.newer else (16 << 20)
        self.max_resource = (64 << 20) if self.newer else (1 << 20)
        self._count = itertools.count(1)
        self._upstreams: dict[str, Upstream] = {}
        self._signed_in: set[tuple[str, str]] = set()
        self.script = Script()
        self.channels: dict[tuple[str, str], Channel] = {}
        self.grants = Grants()
        self.sharing = Sharing(self)
        self.publications = Publications(self)

    def now(self) -> int:
        """Epoch milliseconds, as storage and operations count."""
        return int(self.clock() * 1000)

    def new_id(self) -> str:
        """The next id, in the shape of a UUID."""
        if self._ids is not None:
            return self._ids()
        number = next(self._count)
        return f"{number:08x}-d1a1-4000-8000-{number:012x}"

    def reset(self, resources: bool) -> None:
        """Back to the beginning: nothing scripted, recorded or counted, and when asked nothing stored."""
        self.script.clear()
        self.limits.clear()
        with self.lock:
            self._upstreams.clear()
        if resources:
            with self.storage.lock:
                self.storage.clear()
                self._signed_in.clear()
                self.channels.clear()
                self.grants.clear()
                self.sharing = Sharing(self)
                self.publications = Publications(self)

    def upstream(self, id: str) -> Upstream:
        with self.lock:
            return self._upstreams.setdefault(id, Upstream())

    def remove(self, resource: ResourceUrl, precondition: Precondition = ALWAYS) -> bool:
        """Delete a resource with whatever hangs on it."""
        deleted = self.storage.delete(resource, precondition)
        self.sharing.removed(resource)
        return deleted

    def granted(self, caller: Caller, resource: ResourceUrl) -> set[str]:
        return self.grants.permissions(caller, resource)

    def sign_in(self, location: str, toolset: str, signed_in: bool) -> None:
        if signed_in:
            self._signed_in.add((location, toolset))
        else:
            self._signed_in.discard((location, toolset))

    def is_signed_in(self, location: str, toolset: str) -> bool:
        return (location, toolset) in self._signed_in

    def handle(self, request: Request) -> Optional[Response]:
        """The answer to `request`; None when Core would leave the client without one."""
        request.on_body = self.script.record(request.method, request.target, request.headers)
        try:
            wish = self.script.wish_for(request.path)
            if wish is not None:
                request.body()  # whoever looks at the record finds the body there
            if isinstance(wish, Failure):
                return wish.response(request.path)
            if isinstance(wish, Cut):
                request.connection.budget = wish.after_bytes
            return self._handle(request)
        except Refusal as refusal:
            return text(refusal.status, refusal.words)
        except Disconnected:
            raise
        except Exception:
            _log.exception("%s %s", request.method, request.path)
            return Response(500)

    def _handle(self, request: Request) -> Optional[Response]:
        if request.method == "OPTIONS":
            return Response(200, b"", [("access-control-max-age", "86400")])
        if request.method not in METHODS and not (self.newer and request.method == "PATCH"):
            raise Refusal(405)
        multipart = "multipart/form-data" in request.headers.get("content-type", "").lower()
        if request.content_length > (MAX_MULTIPART if multipart else self.max_body):
            raise Refusal(413, "Request body is too large")
        if request.path == "/health":
            return Response(200)
        if request.path == "/version":
            return text(200, self.version + ("" if self.newer else "\n"))
        caller = self.keys.identify(request.headers, self.newer)
        for route in self.routes.get(request.method, ()):
            match = route.pattern.fullmatch(request.path)
            if match is not None:
                return route.handler(self, Call(self, request, caller), **match.groupdict())
        if self.newer:
            raise Refusal(404, "Route is not found")
        raise Refusal(502, "No route")
