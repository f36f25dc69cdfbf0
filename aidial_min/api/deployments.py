"""Deployments: everything that can be called by id, and what it tells of itself.

It knows /openai/deployments and /v1/deployments; it must not know sockets, retries or loops.
"""

from typing import List

from ..core.call import Config, Request, list_of, model_of
from ..core.tables import AsyncResource, SyncResource, async_method, sync_method
from ..core.urls import encode_id
from ..types.deployment import Deployment


def list_deployments(config: Config) -> "Request[List[Deployment]]":
    """All deployments that the caller may use (Core of 2024 lists models only, with default features).

    GET /openai/deployments
    """
    return Request("GET", "/openai/deployments", decode=list_of(Deployment.from_json, "data"))


def get(config: Config, deployment_id: str) -> Request[Deployment]:
    """One deployment.

    Raises:
        ResourceNotFoundError: there is none.

    GET /openai/deployments/{id}
    """
    return Request("GET", "/openai/deployments/" + encode_id(deployment_id), decode=model_of(Deployment.from_json))


class Deployments(SyncResource):
    """Everything that can be called by id."""

    list = sync_method(list_deployments)
    get = sync_method(get)


class AsyncDeployments(AsyncResource):
    """Everything that can be called by id."""

    list = async_method(list_deployments)
    get = async_method(get)
