"""Deployments: what can be called, how it is described in listings, and which ones a server has by default.

Knows the fields of Core's configuration that listings show, in both generations. Must not know how a deployment
answers: `behaviour` is a name from behaviours.py, or a function of one's own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Callable, Optional, Union

CREATED = 1672534800
DEFAULT_FEATURES = {
    "rate": False, "tokenize": False, "truncate_prompt": False, "configuration": False, "system_prompt": True,
    "tools": False, "seed": False, "url_attachments": False, "folder_attachments": False, "allow_resume": True,
    "accessible_by_per_request_key": True,
}  # fmt: skip
NEWER_FEATURES: dict[str, Any] = {
    "temperature": False, "parallel_tool_calls": False, "content_parts": False, "cache": False, "auto_caching": False,
    "assistant_attachments_in_request": False, "mcp": False, "chat_completion": True, "responses_api": False,
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
    DIAL's SDK do, and refuses the older completions.

    `user_roles` are the roles that may call it (None: everybody). `limits` are tokens per "minute" and "day" and
    requests per "request_hour" and "request_day". `delay` is waited before each piece, `heartbeat` is the interval of
    heartbeats in longer waits, both in seconds. `model_name` stands as `model` in its answers. `configuration` is the
    JSON schema of its configuration; `tokenize` and `truncate` answer one input of these calls. `extra` fields stand
    in the listing as they are. All other fields are those of DIAL's configuration and listings.
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
    tokenizer_model: Optional[str] = None
    token_limits: Optional[Mapping[str, int]] = None
    pricing: Optional[Mapping[str, str]] = None
    model_name: Optional[str] = None
    heartbeat: Optional[float] = None
    delay: float = 0.0
    tokenize: Optional[Callable[[dict[str, Any]], dict[str, Any]]] = None
    truncate: Optional[Callable[[dict[str, Any]], dict[str, Any]]] = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def permitted(self, roles: Sequence[str]) -> bool:
        return self.user_roles is None or any(role in self.user_roles for role in roles)

    def all_features(self, newer: bool) -> dict[str, Any]:
        features: dict[str, Any] = dict(DEFAULT_FEATURES)
        if newer:
            features.update(NEWER_FEATURES)
        features.update(self.features)
        if self.configuration is not None:
            features["configuration"] = True
        return features


def listed(deployment: Deployment, kind: str, newer: bool) -> dict[str, Any]:
    """How GET /openai/{kind}s shows `deployment`. Absent values are left out."""
    described: dict[str, Any] = {"id": deployment.id, kind: deployment.id}
    for name in ("display_name", "display_version", "icon_url", "description"):
        described[name] = getattr(deployment, name)
    described["reference"] = deployment.reference or deployment.id
    described.update(owner="organization-owner", object=kind, status="succeeded")
    described.update(created_at=CREATED, updated_at=CREATED, features=deployment.all_features(newer))
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


def default_deployments() -> list[Deployment]:
    """What a server has unless it is given deployments of its own."""
    served = {"rate": True, "tokenize": True, "truncate_prompt": True}
    token_limits = {"max_prompt_tokens": 4096, "max_completion_tokens": 1024}
    pricing = {"unit": "token", "prompt": "0.00001", "completion": "0.00003"}
    return [
        Deployment(
            "gpt-35-turbo", "model", "calculator", display_name="GPT-3.5 Turbo", model_name="gpt-35-turbo-16k",
            description="A calculator in disguise: answers arithmetic.", features={**served, "tools": True},
            tokenizer_model="gpt-3.5-turbo-0301", token_limits=token_limits, pricing=pricing,
        ),
        Deployment(
            "stable-diffusion-xl", "model", "echo", display_name="Stable Diffusion XL",
            description="Answers with the last message.", model_name="stable-diffusion-xl",
        ),
        Deployment(
            "gemini-pro-vision", "model", "echo", display_name="Gemini Pro Vision",
            description="Answers with the last message.", model_name="gemini-pro-vision",
            features={"url_attachments": True, "folder_attachments": True},
            input_attachment_types=["image/*"], max_input_attachments=16,
        ),
        Deployment(
            "embedding", "model", "embedding", display_name="Embedding", embeddings=True, model_name="embedding",
            description="The same text always gives the same vector.",
        ),
        Deployment(
            "echo", "application", "echo", display_name="Echo", display_version="1.0",
            description="Answers with the last message of the user.", features=served,
        ),
        Deployment(
            "calculator", "application", "calculator", display_name="Calculator", display_version="1.0",
            description="Answers arithmetic, such as 2+3=.", features=served,
        ),
        Deployment(
            "showcase", "application", "showcase", display_name="Showcase", display_version="1.0",
            description="Answers with everything that DIAL can carry.", features={**served, "tools": True},
            configuration={
                "type": "object",
                "properties": {
                    "heartbeats": {"type": "integer", "description": "Heartbeats before the first piece"},
                    "delay": {"type": "number", "description": "Seconds before each piece"},
                    "error": {"type": "string", "description": "Fail with this message after the first pieces"},
                },
            },
        ),
        Deployment(
            "app_id", "application", "echo", display_name="app with attachments", display_version="0.0.0",
            description="", icon_url="app.svg", input_attachment_types=["image/png", "text/txt", "image/jpeg"],
            max_input_attachments=0,
        ),
    ]  # fmt: skip
