"""What one server is: its clock, callers, deployments, stored resources, and what tests have asked of it.

Nothing here knows any endpoint.
"""

import itertools
import uuid
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Callable, Optional, TypeVar

from .access import Access
from .auth import Keys
from .deployments import Deployment, Limits, Upstream
from .json_shapes import Json
from .paths import ResourceUrl
from .script import Script
from .storage import ALWAYS, DiskStorage, Precondition, Storage

#: 14 November 2023, 22:13:20 UTC: where the default clock begins.
FIXED_BASE = 1_700_000_000.0
T = TypeVar("T")


class Clock:
    """Counts a millisecond at every look, from a fixed base: the same run gives the same times."""

    def __init__(self, base: float = FIXED_BASE) -> None:
        self._milliseconds = itertools.count(int(base * 1000))

    def __call__(self) -> float:
        return next(self._milliseconds) / 1000


@dataclass(eq=False)
class Core:
    keys: Keys
    deployments: dict[str, Deployment]
    generation: str
    clock: Callable[[], float]
    stale_listings: bool
    application_controller: bool
    heartbeat: float
    #: The folder that keeps what is stored, if there is one.
    data: Optional[str]
    script: Script
    schemas: dict[str, Json]

    def __post_init__(self) -> None:
        self.newer = self.generation == "2026"
        self.storage = Storage(self.now) if self.data is None else DiskStorage(self.now, self.data)
        self.access = Access(self.storage)
        self.limits = Limits(self.clock)
        self.max_body = (64 << 20) if self.newer else (16 << 20)
        self.max_resource = (64 << 20) if self.newer else (1 << 20)
        self._count = itertools.count(1)
        #: By the id of their deployment.
        self.upstreams: defaultdict[str, Upstream] = defaultdict(Upstream)
        self._parts: dict[Callable[[], Any], Any] = {}

    def now(self) -> int:
        """Epoch milliseconds, as storage and operations count."""
        return int(self.clock() * 1000)

    def new_id(self) -> str:
        """The next id, in the shape of a UUID."""
        if self.data is not None:  # which must not meet the same ids again after a restart
            return str(uuid.uuid4())
        number = next(self._count)
        return f"{number:08x}-d1a1-4000-8000-{number:012x}"

    def part(self, kind: Callable[[], T]) -> T:
        """What one area of the server remembers beside: made when first asked for, forgotten by `reset`."""
        found: T = self._parts.setdefault(kind, kind())
        return found

    def reset(self, resources: bool) -> None:
        """Back to the beginning: nothing scripted, recorded or counted, and when asked nothing stored."""
        self.script.clear()
        self.limits.clear()
        self.upstreams.clear()
        if resources:
            with self.storage.lock:
                self.storage.clear()
                self._parts.clear()
                self.access = Access(self.storage)

    def remove(self, resource: ResourceUrl, precondition: Precondition = ALWAYS) -> bool:
        """Delete a resource with whatever hangs on it."""
        with self.storage.change():
            deleted = self.storage.delete(resource, precondition)
            self.access.sharing.withdraw(resource.url)
        return deleted
