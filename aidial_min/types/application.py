"""Applications: as listings show them, and as their owners define them; times in epoch seconds."""

from __future__ import annotations

from typing import Any, Dict, List, Literal, Optional, Union

from ._model import Model, dataclass, field
from .deployment import DefinitionBase, DeploymentBase, Features

__all__ = [
    "ApplicationFunctionMapping", "ApplicationFunction", "Application", "ApplicationsResponse", "DefinedFeatures",
    "CustomApplication", "ApplicationLog",
]  # fmt: skip


@dataclass
class ApplicationFunctionMapping(Model):
    """Paths inside a function's container; `completion` is what servers of 2024 call `chat_completion`."""

    chat_completion: Optional[str] = None
    completion: Optional[str] = None
    rate: Optional[str] = None
    tokenize: Optional[str] = None
    truncate_prompt: Optional[str] = None
    configuration: Optional[str] = None


@dataclass
class ApplicationFunction(Model):
    """An application that the server itself builds and runs from a folder of files.

    `status`: CREATED, STARTING, STARTED, STOPPING, STOPPED or FAILED on servers of 2024;
    UNDEPLOYED, DEPLOYING, DEPLOYED, UNDEPLOYING or FAILED on newer ones.
    """

    id: Optional[str] = None
    runtime: Optional[str] = None
    author_bucket: Optional[str] = None
    source_folder: Optional[str] = None
    target_folder: Optional[str] = None
    status: Optional[str] = None
    error: Optional[str] = None
    mapping: Optional[ApplicationFunctionMapping] = None
    env: Optional[Dict[str, str]] = None


@dataclass
class Application(DeploymentBase):
    """An application as its callers see it.

    GET /openai/applications, GET /openai/applications/{id}
    """

    _first = (
        *("object", "id", "description", "application", "display_name", "display_version", "icon_url", "reference"),
        *("owner", "status", "created_at", "updated_at", "features", "input_attachment_types", "defaults"),
        *("max_input_attachments", "description_keywords"),
    )

    object: Union[Literal["application"], str] = "application"
    application: str = ""
    application_type_schema_id: Optional[str] = None
    application_properties: Optional[Dict[str, Any]] = None
    invalid: Optional[bool] = None
    function: Optional[ApplicationFunction] = None
    external_services: Optional[Dict[str, Any]] = None
    """Services that users sign in to, by their ids; see ExternalService."""
    allow_user_external_services: Optional[bool] = None
    routes: Optional[Dict[str, Any]] = None
    """Endpoints of its own, see `deployments.route`."""
    catalog_schema_id: Optional[str] = None
    catalog_properties: Optional[Dict[str, Any]] = None


@dataclass
class ApplicationsResponse(Model):
    """All applications that the caller may use.

    GET /openai/applications
    """

    data: List[Application]
    object: Union[Literal["list"], str] = "list"


@dataclass
class DefinedFeatures(Features):
    """The features of a definition: the endpoints behind them, and what is declared as supported."""

    rate_endpoint: Optional[str] = None
    tokenize_endpoint: Optional[str] = None
    truncate_prompt_endpoint: Optional[str] = None
    configuration_endpoint: Optional[str] = None
    system_prompt_supported: Optional[bool] = None
    tools_supported: Optional[bool] = None
    seed_supported: Optional[bool] = None
    url_attachments_supported: Optional[bool] = None
    folder_attachments_supported: Optional[bool] = None
    temperature_supported: Optional[bool] = None
    content_parts_supported: Optional[bool] = None
    cache_supported: Optional[bool] = None
    auto_caching_supported: Optional[bool] = None
    parallel_tool_calls_supported: Optional[bool] = None
    assistant_attachments_in_request_supported: Optional[bool] = None
    consent_required: Optional[bool] = None


@dataclass
class CustomApplication(DefinitionBase):
    """An application that somebody keeps in a bucket: its whole definition, `name` being its URL.

    Callers who may only read it get the fields of a listing instead: `id`, `application`, no `endpoint`.

    GET /v1/applications/{bucket}/{path}
    """

    application: Optional[str] = None
    user_roles: Optional[List[str]] = None
    features: Optional[DefinedFeatures] = None
    input_attachment_types: Optional[List[str]] = None
    max_input_attachments: Optional[int] = None
    interceptors: List[str] = field(default_factory=list)
    function: Optional[ApplicationFunction] = None
    application_type_schema_id: Optional[str] = None
    application_properties: Optional[Dict[str, Any]] = None
    invalid: Optional[bool] = None


@dataclass
class ApplicationLog(Model):
    """What one running instance of an application wrote."""

    instance: Optional[str] = None
    content: str = ""
