"""Deployments: what can be called, how it is described in listings, and how much of it each caller may use.

`listed` shows a deployment as Core's listings do, in both generations; `Limits` count tokens and requests; `Upstream`
is how Core gets on with what is behind it.
"""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Callable, Optional, Union

CREATED = 1672534800
UNLIMITED = 9223372036854775807
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
DEFAULT_FEATURES = {
    "rate": False, "tokenize": False, "truncate_prompt": False, "configuration": False, "system_prompt": True,
    "tools": False, "seed": False, "url_attachments": False, "folder_attachments": False, "allow_resume": True,
    "accessible_by_per_request_key": True,
}  # fmt: skip
NEWER_FEATURES: dict[str, Any] = {
    "temperature": False, "parallel_tool_calls": False, "content_parts": False, "cache": False, "auto_caching": False,
    "assistant_attachments_in_request": False, "chat_completion": True,
    "max_tokens_supported": True, "max_completion_tokens_supported": False, "custom_temperature_supported": True,
    "skills_supported": False, "reasoning_efforts": [],
}  # fmt: skip


@dataclass
class Deployment:
    """One deployment of the server.

    `kind` is "application", "model", "addon", "assistant" or "toolset". `behaviour` says how it answers: "echo",
    "calculator", "showcase", "embedding" (with `embeddings=True`), "dead" (nothing listens there), "none" (it has no
    endpoint), or a function that takes a `ChatRequest` and yields text, deltas as dicts, pauses in seconds as floats,
    and at most one `Finish`; it may raise an `AppError`. `completions=False`: it knows chat alone, as applications of
    DIAL's SDK do, and refuses the older completions. `strict=True`: it refuses fields that DIAL's SDK does not know, as
    applications do; models take every parameter of today's OpenAI-like adapters, unless they are strict.

    `user_roles` are the roles that may call it (None: everybody). `limits` are tokens per "minute" and "day" and
    requests per "request_hour" and "request_day". `delay` is waited before each piece, `heartbeat` is the interval of
    heartbeats in longer waits, both in seconds. `model_name` stands as `model` in its answers. `configuration` is the
    JSON schema of its configuration; `tokenize` and `truncate` answer one input of these calls. `tools` are functions
    that MCP calls: a generator's values are notifications before its result. `routes` are the endpoints of an
    application's own, {pattern of a path: function of the method and the body that returns JSON, or bytes in pieces}.
    `consent_for` names what it calls, which its user has to agree to first. `extra` fields stand in the listing as they
    are. All other fields are those of DIAL's configuration and listings.
    """

    id: str
    kind: str = "application"
    behaviour: Union[str, Callable[..., Any]] = "echo"
    display_name: Optional[str] = None
    display_version: Optional[str] = None
    icon_url: Optional[str] = None
    description: Optional[str] = None
    reference: Optional[str] = None
    features: Mapping[str, Any] = field(default_factory=dict)
    input_attachment_types: Optional[Sequence[str]] = None
    max_input_attachments: Optional[int] = None
    defaults: Mapping[str, Any] = field(default_factory=dict)
    description_keywords: Sequence[str] = ()
    user_roles: Optional[Sequence[str]] = None
    limits: Optional[Mapping[str, int]] = None
    configuration: Optional[Mapping[str, Any]] = None
    embeddings: bool = False
    completions: bool = True
    strict: Optional[bool] = None
    tokenizer_model: Optional[str] = None
    token_limits: Optional[Mapping[str, int]] = None
    pricing: Optional[Mapping[str, str]] = None
    model_name: Optional[str] = None
    heartbeat: Optional[float] = None
    delay: float = 0.0
    tokenize: Optional[Callable[[dict[str, Any]], dict[str, Any]]] = None
    truncate: Optional[Callable[[dict[str, Any]], dict[str, Any]]] = None
    tools: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    routes: Mapping[str, Callable[[str, bytes], Any]] = field(default_factory=dict)
    consent_for: Sequence[str] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    def permitted(self, roles: Sequence[str]) -> bool:
        return self.user_roles is None or any(role in self.user_roles for role in roles)

    @property
    def is_strict(self) -> bool:
        """Whether it refuses what DIAL's SDK does not know."""
        return self.kind != "model" if self.strict is None else self.strict

    def all_features(self, newer: bool) -> dict[str, Any]:
        features: dict[str, Any] = dict(DEFAULT_FEATURES)
        if newer:
            features.update(NEWER_FEATURES)
            features["mcp"] = bool(self.tools)
            features["responses_api"] = not self.embeddings and self.kind in ("model", "application")
        features.update(self.features)
        if self.configuration is not None:
            features["configuration"] = True
        return features


def head(id: str, kind: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """What every listing begins with."""
    named = {name: fields.get(name) for name in ("display_name", "display_version", "icon_url", "description")}
    described: dict[str, Any] = {"id": id, kind: id, **named, "reference": fields.get("reference") or id}
    described.update(owner="organization-owner", object=kind, status="succeeded")
    described.update(created_at=CREATED, updated_at=CREATED)
    return described


def listed(deployment: Deployment, kind: str, newer: bool) -> dict[str, Any]:
    """How GET /openai/{kind}s shows `deployment`. Absent values are left out."""
    described = head(deployment.id, kind, vars(deployment))
    described["features"] = deployment.all_features(newer)
    described["input_attachment_types"] = deployment.input_attachment_types
    described["max_input_attachments"] = deployment.max_input_attachments
    described["defaults"] = dict(deployment.defaults)
    described["description_keywords"] = list(deployment.description_keywords)
    if kind == "model":
        described["lifecycle_status"] = "generally-available"
        described["capabilities"] = {
            "scale_types": ["standard"], "completion": False, "chat_completion": not deployment.embeddings,
            "embeddings": deployment.embeddings, "fine_tune": False, "inference": False,
        }  # fmt: skip
        described["tokenizer_model"] = deployment.tokenizer_model
        described["limits"] = deployment.token_limits
        described["pricing"] = deployment.pricing
    described.update(deployment.extra)
    return {name: value for name, value in described.items() if value is not None}


def listed_as_deployment(deployment: Deployment) -> dict[str, Any]:
    """GET /openai/deployments of 2024: models only, and always with the default features."""
    return {
        "id": deployment.id, "model": deployment.id, "owner": "organization-owner", "object": "deployment",
        "status": "succeeded", "created_at": CREATED, "updated_at": CREATED,
        "scale_settings": {"scale_type": "standard"}, "features": dict(DEFAULT_FEATURES),
    }  # fmt: skip


class Limits:
    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._used: dict[tuple[str, str, str], list[tuple[float, int]]] = {}

    def stats(self, caller: str, deployment: Deployment, newer: bool = False) -> dict[str, dict[str, Any]]:
        limits: Mapping[str, int] = deployment.limits or {}
        windows = [("minute", "Token", MINUTE, "minute"), ("day", "Token", DAY, "day")]
        windows += [("hour", "Request", HOUR, "request_hour"), ("day", "Request", DAY, "request_day")]
        if newer:
            windows += [("week", "Token", 7 * DAY, "week"), ("month", "Token", 30 * DAY, "month")]
        found = {}
        for name, what, window, limit in windows:
            with self._lock:
                counted = list(self._used.get((caller, deployment.id, what.lower() + "s"), ()))
            since = self._clock() - window if counted else 0.0
            used = sum(amount for moment, amount in counted if moment > since)
            stat: dict[str, Any] = {"total": limits.get(limit, UNLIMITED), "used": used}
            if newer and window >= DAY and used:
                ends = time.gmtime((self._clock() // DAY + 1) * DAY)  # the end of the day, also for longer windows
                stat["resetsAt"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", ends)
            found[f"{name}{what}Stats"] = stat
        return {**found, **self.costs()} if newer else found

    def costs(self) -> dict[str, dict[str, Any]]:
        """Money is not counted here."""
        return {f"{window}CostStats": {"total": UNLIMITED, "used": 0} for window in ("minute", "day", "week", "month")}

    def refusal(self, caller: str, deployment: Deployment) -> Optional[tuple[int, dict[str, Any]]]:
        """The status and JSON error that forbid one more call; None when it is within the limits."""
        if deployment.limits is None:
            return None
        if any(value <= 0 for value in deployment.limits.values()):
            return 403, {"error": {"message": "Access denied", "code": "403"}}
        stats = self.stats(caller, deployment)
        for what, window in (("token", "minute"), ("request", "hour")):
            one, two = stats[f"{window}{what.title()}Stats"], stats[f"day{what.title()}Stats"]
            if one["used"] >= one["total"] or two["used"] >= two["total"]:
                message = (
                    f"Hit {what} rate limit. {window.title()} limit: {one['used']} / {one['total']} {what}s. "
                    f"Day limit: {two['used']} / {two['total']} {what}s."
                )
                return 429, {"error": {"message": message, "code": "429"}}
        return None

    def count(self, caller: str, deployment: Deployment, what: str, amount: int) -> None:
        now = self._clock()
        with self._lock:
            used = self._used.setdefault((caller, deployment.id, what), [])
            if used and int(used[-1][0]) == int(now):
                amount += used.pop()[1]  # one entry per second keeps long runs small
            used.append((now, amount))

    def clear(self) -> None:
        with self._lock:
            self._used.clear()


class Upstream:
    """How Core gets on with one deployment: after a 429, or three 5xx in a row, it leaves it alone for a while."""

    def __init__(self) -> None:
        self.until = 0.0
        self.failures = 0

    def usable(self) -> bool:
        return time.monotonic() >= self.until

    def failed(self, status: int, retry_after: Optional[str]) -> None:
        self.failures += 1
        if status == 429:
            seconds = int(retry_after) if retry_after and retry_after.isdigit() else 30
            self.until = time.monotonic() + seconds
        elif self.failures >= 3:
            self.until = time.monotonic() + 8 * 2 ** min(self.failures - 3, 10)

    def succeeded(self) -> None:
        self.until, self.failures = 0.0, 0
