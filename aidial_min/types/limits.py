"""What the caller may still use of a deployment: tokens, requests and costs per window of time."""

from __future__ import annotations

from typing import Dict, Optional

from ._model import Model, dataclass, field, json_name

__all__ = ["UNLIMITED", "ItemLimitStats", "LimitStats", "UserLimitStats"]

UNLIMITED = 2**63 - 1
"""The `total` of what has no limit."""
_LARGEST = 2**53
"""As a JSON number it may come rounded; from here on it is no limit."""


@dataclass
class ItemLimitStats(Model):
    """One limit: `total` and `used` in tokens, requests or cost; `resets_at` (ISO 8601) where a calendar bounds it."""

    total: float = UNLIMITED
    used: float = 0
    resets_at: Optional[str] = json_name("resetsAt")

    @property
    def unlimited(self) -> bool:
        """Whether nothing limits this."""
        total = self.total
        return total is None or (isinstance(total, (int, float)) and total >= _LARGEST)


@dataclass
class LimitStats(Model):
    """Limits and use of a deployment per window of time; None where the server does not count it.

    In a deployment's `usage`, and in those of UserLimitStats, costs are its own share; in its `limits` they are the
    caller's overall ones.

    GET /v1/deployments/{id}/limits, GET /v1/deployments/{id}/usage
    """

    minute_token_stats: Optional[ItemLimitStats] = json_name("minuteTokenStats")
    day_token_stats: Optional[ItemLimitStats] = json_name("dayTokenStats")
    week_token_stats: Optional[ItemLimitStats] = json_name("weekTokenStats")
    month_token_stats: Optional[ItemLimitStats] = json_name("monthTokenStats")
    hour_request_stats: Optional[ItemLimitStats] = json_name("hourRequestStats")
    day_request_stats: Optional[ItemLimitStats] = json_name("dayRequestStats")
    minute_cost_stats: Optional[ItemLimitStats] = json_name("minuteCostStats")
    day_cost_stats: Optional[ItemLimitStats] = json_name("dayCostStats")
    week_cost_stats: Optional[ItemLimitStats] = json_name("weekCostStats")
    month_cost_stats: Optional[ItemLimitStats] = json_name("monthCostStats")


@dataclass
class UserLimitStats(LimitStats):
    """Limits and use of all deployments by their ids; costs at the top are the caller's overall budget and spend.

    GET /v1/user/limits, GET /v1/user/usage
    """

    deployments: Dict[str, LimitStats] = field(default_factory=dict)
