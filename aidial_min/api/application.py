"""Applications as DIAL lists them: configured ones and custom ones that the caller may use.

It knows /openai/applications; it must not know sockets, retries or loops.
"""

from typing import List

from ..core.call import Config, Request, list_of, model_of
from ..core.tables import AsyncResource, SyncResource, async_method, sync_method
from ..core.urls import encode_id
from ..types.application import Application as ApplicationInfo


def list_applications(config: Config) -> "Request[List[ApplicationInfo]]":
    """All applications that the caller may use.

    GET /openai/applications
    """
    return Request("GET", "/openai/applications", decode=list_of(ApplicationInfo.from_json, "data"))


def get(config: Config, app_id: str) -> "Request[ApplicationInfo]":
    """One application.

    Args:
        app_id: its id; that of a custom application ("applications/{bucket}/my app") may be encoded or not.
    Raises:
        ResourceNotFoundError: there is none. PermissionDeniedError: it is not for the caller.

    GET /openai/applications/{id}
    """
    return Request("GET", "/openai/applications/" + encode_id(app_id), decode=model_of(ApplicationInfo.from_json))


class Application(SyncResource):
    """Applications that the caller may use."""

    list = sync_method(list_applications)
    get = sync_method(get)


class AsyncApplication(AsyncResource):
    """Applications that the caller may use."""

    list = async_method(list_applications)
    get = async_method(get)
