"""Token and request limits of models, counted per caller in windows of a minute, an hour and a day.

Knows Core's 403 and 429 JSON and the shape of GET /v1/deployments/{id}/limits. Must not know who answers the calls.
"""

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Callable, Optional

if TYPE_CHECKING:
    from .deployments import Deployment

UNLIMITED = 9223372036854775807
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


class Limits:
    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._used: dict[tuple[str, str, str], list[tuple[float, int]]] = {}

    def stats(self, caller: str, deployment: "Deployment", newer: bool = False) -> dict[str, dict[str, int]]:
        limits: Mapping[str, int] = deployment.limits or {}
        stats = {
            "minuteTokenStats": self._stat(caller, deployment, "tokens", MINUTE, limits.get("minute")),
            "dayTokenStats": self._stat(caller, deployment, "tokens", DAY, limits.get("day")),
            "hourRequestStats": self._stat(caller, deployment, "requests", HOUR, limits.get("request_hour")),
            "dayRequestStats": self._stat(caller, deployment, "requests", DAY, limits.get("request_day")),
        }
        if newer:
            stats["weekTokenStats"] = self._stat(caller, deployment, "tokens", 7 * DAY, limits.get("week"))
            stats["monthTokenStats"] = self._stat(caller, deployment, "tokens", 30 * DAY, limits.get("month"))
            stats.update(self.costs())
        return stats

    def costs(self) -> dict[str, dict[str, int]]:
        """Money is not counted here."""
        windows = ("minute", "day", "week", "month")
        return {window + "CostStats": {"total": UNLIMITED, "used": 0} for window in windows}

    def refusal(self, caller: str, deployment: "Deployment") -> Optional[tuple[int, dict[str, Any]]]:
        """The status and JSON error that forbid one more call; None when it is within the limits."""
        if deployment.limits is None:
            return None
        if any(value <= 0 for value in deployment.limits.values()):
            return 403, {"error": {"message": "Access denied", "code": "403"}}
        stats = self.stats(caller, deployment)
        for what, first, second in (("token", "minuteToken", "dayToken"), ("request", "hourRequest", "dayRequest")):
            one, two = stats[first + "Stats"], stats[second + "Stats"]
            if one["used"] >= one["total"] or two["used"] >= two["total"]:
                words = "Minute" if what == "token" else "Hour"
                message = (
                    f"Hit {what} rate limit. {words} limit: {one['used']} / {one['total']} {what}s. "
                    f"Day limit: {two['used']} / {two['total']} {what}s."
                )
                return 429, {"error": {"message": message, "code": "429"}}
        return None

    def count(self, caller: str, deployment: "Deployment", what: str, amount: int) -> None:
        now = self._clock()
        with self._lock:
            used = self._used.setdefault((caller, deployment.id, what), [])
            if used and int(used[-1][0]) == int(now):
                amount += used.pop()[1]  # one entry per second keeps long runs small
            used.append((now, amount))

    def clear(self) -> None:
        with self._lock:
            self._used.clear()

    def _stat(
        self, caller: str, deployment: "Deployment", what: str, window: float, total: Optional[int]
    ) -> dict[str, int]:
        with self._lock:
            used = self._used.get((caller, deployment.id, what), ())
            since = self._clock() - window if used else 0.0
            counted = sum(amount for moment, amount in used if moment > since)
        return {"total": UNLIMITED if total is None else total, "used": counted}
