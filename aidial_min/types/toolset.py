"""What users sign in to: toolsets (MCP servers), as listings show them and as their owners define them, with their
tools; and outside services (a CRM, a calendar) that applications declare. Times are in epoch seconds.
"""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional

from ._model import Model, dataclass, field, json_name
from .deployment import DefinitionBase, DeploymentBase, Features

__all__ = [
    "ToolsetAuthSettings", "ToolsetInfo", "CustomToolset", "Tool", "ToolsPage", "ToolResult", "McpEndpoint",
    "ExternalServiceAuthSettings", "ExternalService", "ServiceCredentials",
]  # fmt: skip


@dataclass
class ToolsetAuthSettings(Model):
    """How one signs in to a toolset: OAUTH, API_KEY or NONE; statuses are SIGNED_IN, SIGNED_OUT or FAILED."""

    authentication_type: Optional[str] = None
    client_id: Optional[str] = None
    authorization_endpoint: Optional[str] = None
    token_endpoint: Optional[str] = None
    redirect_uri: Optional[str] = None
    code_challenge: Optional[str] = None
    code_challenge_method: Optional[str] = None
    api_key_header: Optional[str] = None
    scopes_supported: Optional[List[str]] = None
    dynamically_registered: Optional[bool] = None
    global_auth_status: Optional[str] = None
    user_level_auth_status: Optional[str] = None
    app_level_auth_status: Optional[str] = None


@dataclass
class ToolsetInfo(DeploymentBase):
    """A toolset as its callers see it.

    GET /openai/toolsets, GET /openai/toolsets/{id}
    """

    _first = ("id", "toolset", "display_name", "display_version", "description", "icon_url", "owner", "object")

    object: str = "toolset"
    toolset: str = ""
    created_at: Optional[int] = None  # type: ignore[assignment]  # seconds; 0.18.0 shows None where none came
    transport: Optional[str] = None
    allowed_tools: List[str] = field(default_factory=list)
    auth_settings: Optional[ToolsetAuthSettings] = None


@dataclass
class CustomToolset(DefinitionBase):
    """A toolset that somebody keeps in a bucket: its whole definition, `name` being its URL.

    Callers who may only read it may get the fields of a listing instead: `id`, `toolset`, no `endpoint`.

    GET /v1/toolsets/{bucket}/{path}
    """

    toolset: Optional[str] = None
    transport: Optional[str] = None
    allowed_tools: List[str] = field(default_factory=list)
    auth_settings: Optional[ToolsetAuthSettings] = None
    features: Optional[Features] = None
    max_retry_attempts: Optional[int] = None


@dataclass
class Tool(Model):
    """A tool of an MCP server; `input_schema` and `output_schema` are JSON schemas."""

    name: str
    title: Optional[str] = None
    description: Optional[str] = None
    input_schema: Optional[Dict[str, Any]] = json_name("inputSchema")
    output_schema: Optional[Dict[str, Any]] = json_name("outputSchema")
    annotations: Optional[Dict[str, Any]] = None


@dataclass
class ToolsPage(Model):
    """One page of the tools of a toolset; `next_cursor` asks for the next one.

    GET /v1/toolset/{id}/tools, GET /v1/toolset/{id}/allowed-tools
    """

    tools: List[Tool] = field(default_factory=list)
    next_cursor: Optional[str] = json_name("nextCursor")


@dataclass
class ToolResult(Model):
    """What a tool answered: `content` is a list of MCP's content blocks, `is_error` says that it failed.

    POST /v1/toolset/{id}/mcp
    """

    content: List[Dict[str, Any]] = field(default_factory=list)
    structured_content: Any = json_name("structuredContent")
    is_error: Optional[bool] = json_name("isError")

    @property
    def text(self) -> str:
        """The text of all blocks of text, joined."""
        blocks = [block for block in self.content if isinstance(block, dict) and block.get("type") == "text"]
        return "".join(str(block.get("text") or "") for block in blocks)

    @property
    def auth_challenge(self) -> List[Dict[str, Any]]:
        """Where the user must sign in before the tool can be called again: {"method": ..., "scope": ...}."""
        meta = self.to_dict().get("_meta")
        found = meta.get("dial.epam.com/auth-challenge") if isinstance(meta, dict) else None
        return found if isinstance(found, list) else []


class McpEndpoint(NamedTuple):
    """Where a toolset speaks MCP (streamable HTTP), and the headers that an MCP client must send there."""

    url: str
    headers: Dict[str, str]

    def __repr__(self) -> str:
        return "McpEndpoint(%r)" % self.url  # the headers hold a credential


@dataclass
class ExternalServiceAuthSettings(ToolsetAuthSettings):
    """How one signs in to a service: OAUTH, API_KEY, NONE or DIAL_NATIVE; secrets never come back."""

    client_secret_hint: Optional[str] = None


@dataclass
class ExternalService(Model):
    """A service as an application declares it.

    GET /v1/applications/{id}/external-services
    """

    id: Optional[str] = None
    display_name: Optional[str] = None
    description: Optional[str] = None
    auth_settings: Optional[ExternalServiceAuthSettings] = None


@dataclass
class ServiceCredentials(Model):
    """The header with which a service is called; `expires_at` in epoch seconds, where it is known.

    POST /v1/ops/external-service/credentials
    """

    header_name: str
    header_value: str
    expires_at: Optional[int] = None

    def __repr__(self) -> str:
        return "ServiceCredentials(header_name=%r, expires_at=%r)" % (self.header_name, self.expires_at)
