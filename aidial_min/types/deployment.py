"""Deployments as /openai listings show them, and what all their kinds have in common; times in epoch seconds.

And what they offer besides answers: counting tokens, truncating prompts. There is one result per input, in the same
order; the answer is 200 even where some of them failed.
"""

from __future__ import annotations

from typing import Any, Dict, List, Literal, Optional, Union

from ._model import Model, dataclass, field

__all__ = [
    "DeploymentKind", "ScaleSettings", "Features", "DeploymentBase", "Deployment", "DeploymentsResponse",
    "DeploymentName", "DefinitionBase", "TokenizeResult", "TruncatePromptResult",
]  # fmt: skip

DeploymentKind = Literal["model", "application", "toolset"]
"""What `deployments.list_names` can be limited to."""


@dataclass
class ScaleSettings(Model):
    """How a deployment scales; always `standard`."""

    scale_type: Union[Literal["standard"], str] = "standard"


@dataclass
class Features(Model):
    """What a deployment can do; None where the server did not say."""

    rate: Optional[bool] = None
    tokenize: Optional[bool] = None
    temperature: Optional[bool] = None
    truncate_prompt: Optional[bool] = None
    configuration: Optional[bool] = None
    system_prompt: Optional[bool] = None
    tools: Optional[bool] = None
    seed: Optional[bool] = None
    url_attachments: Optional[bool] = None
    folder_attachments: Optional[bool] = None
    allow_resume: Optional[bool] = None
    parallel_tool_calls: Optional[bool] = None
    accessible_by_per_request_key: Optional[bool] = None
    content_parts: Optional[bool] = None
    cache: Optional[bool] = None
    auto_caching: Optional[bool] = None
    assistant_attachments_in_request: Optional[bool] = None
    mcp: Optional[bool] = None
    chat_completion: Optional[bool] = None
    responses_api: Optional[bool] = None
    max_tokens_supported: Optional[bool] = None
    max_completion_tokens_supported: Optional[bool] = None
    custom_temperature_supported: Optional[bool] = None
    skills_supported: Optional[bool] = None
    reasoning_efforts: List[str] = field(default_factory=list)


@dataclass
class DeploymentBase(Model):
    """What deployments of every kind have; times in epoch seconds, 0 where none came.

    `display_name` and `description` are text, or text by locale. `reference` stays when an application is renamed.
    """

    id: str
    object: str = ""
    owner: Optional[str] = None
    reference: Optional[str] = None
    icon_url: Optional[str] = None
    description: Optional[Union[str, Dict[str, str]]] = None
    display_name: Optional[Union[str, Dict[str, str]]] = None
    display_version: Optional[str] = None
    status: Optional[str] = None
    created_at: int = 0
    """Epoch seconds."""
    updated_at: Optional[int] = None
    scale_settings: Optional[ScaleSettings] = None
    features: Optional[Features] = None
    input_attachment_types: Optional[List[str]] = None
    defaults: Dict[str, Any] = field(default_factory=dict)
    """Parameters that are sent where a request leaves them out."""
    responses_defaults: Optional[Dict[str, Any]] = None
    """The same for the Responses API."""
    interfaces: Optional[List[str]] = None
    """How it can be called: chat, embedding, mcp, custom_ui, or openaiResponses and its like."""
    interface_configs: Optional[Dict[str, Any]] = None
    """By interface: defaults, features and default_headers that differ there."""
    max_input_attachments: Optional[int] = None
    description_keywords: List[str] = field(default_factory=list)
    max_retry_attempts: Optional[int] = None


@dataclass
class Deployment(DeploymentBase):
    """A deployment; Core of 2024 lists models only, with default features.

    GET /openai/deployments, GET /openai/deployments/{id}
    """

    _first = ("id", "model", "owner", "object", "status", "created_at", "updated_at", "scale_settings", "features")

    object: Union[Literal["deployment", "model"], str] = "deployment"
    model: str = ""


@dataclass
class DeploymentsResponse(Model):
    """All deployments that the caller may use.

    GET /openai/deployments
    """

    data: List[Deployment]
    object: Union[Literal["list"], str] = "list"


@dataclass
class DeploymentName(Model):
    """The id of a deployment and its kind in `object`: model, application or toolset.

    GET /v1/deployment-names
    """

    id: str
    object: str = ""


@dataclass
class DefinitionBase(Model):
    """What users keep of an application or a toolset of their own; times in epoch seconds."""

    name: Optional[str] = None
    endpoint: Optional[str] = None
    display_name: Optional[Union[str, Dict[str, str]]] = None
    display_version: Optional[str] = None
    icon_url: Optional[str] = None
    description: Optional[Union[str, Dict[str, str]]] = None
    reference: Optional[str] = None
    forward_auth_token: Optional[bool] = None
    defaults: Dict[str, Any] = field(default_factory=dict)
    description_keywords: List[str] = field(default_factory=list)
    id: Optional[str] = None
    object: Optional[str] = None
    owner: Optional[str] = None
    status: Optional[str] = None
    created_at: Optional[int] = None
    updated_at: Optional[int] = None


@dataclass
class TokenizeResult(Model):
    """The tokens of one input: `token_count` where `status` is `success`, `error` where it is `error`."""

    status: Union[Literal["success", "error"], str]
    token_count: Optional[int] = None
    error: Optional[str] = None


@dataclass
class TruncatePromptResult(Model):
    """What to drop of one input: indices into its messages where `status` is `success`, else `error`."""

    status: Union[Literal["success", "error"], str]
    discarded_messages: Optional[List[int]] = None
    error: Optional[str] = None
