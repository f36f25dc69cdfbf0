"""Toolsets (MCP servers) as DIAL lists them; Core of 2024 has none.

It knows /openai/toolsets; it must not know sockets, retries or loops.
"""

from typing import List

from ..core.call import Config, Request, list_of, model_of
from ..core.tables import AsyncResource, SyncResource, async_method, sync_method
from ..core.urls import encode_id
from ..types.toolset import ToolsetInfo


def list_toolsets(config: Config) -> "Request[List[ToolsetInfo]]":
    """All toolsets that the caller may use.

    Raises:
        EndpointNotSupportedError: Core of 2024 has no toolsets.

    GET /openai/toolsets
    """
    return Request("GET", "/openai/toolsets", decode=list_of(ToolsetInfo.from_json, "data"))


def get(config: Config, toolset_id: str) -> Request[ToolsetInfo]:
    """One toolset.

    Args:
        toolset_id: its id; that of a custom toolset ("toolsets/{bucket}/my tools") may be encoded or not.
    Raises:
        ResourceNotFoundError: there is none. EndpointNotSupportedError: Core of 2024 has no toolsets.

    GET /openai/toolsets/{id}
    """
    return Request("GET", "/openai/toolsets/" + encode_id(toolset_id), decode=model_of(ToolsetInfo.from_json))


class Toolset(SyncResource):
    """Toolsets that the caller may use."""

    list = sync_method(list_toolsets)
    get = sync_method(get)


class AsyncToolset(AsyncResource):
    """Toolsets that the caller may use."""

    list = async_method(list_toolsets)
    get = async_method(get)
