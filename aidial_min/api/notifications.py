"""Notifications that the server keeps for the caller.

It knows /v1/ops/notification; it must not know sockets, retries or loops.
"""

from typing import List, Sequence

from ..core.body import json_body
from ..core.call import Config, Request, list_of, nothing
from ..core.tables import AsyncResource, SyncResource, async_method, sync_method
from ..errors import InvalidRequestError
from ..types.notification import Notification
from .arguments import list_given


def list_notifications(config: Config) -> "Request[List[Notification]]":
    """The caller's notifications, oldest first.

    POST /v1/ops/notification/list
    """
    decode = list_of(Notification.from_json, "notifications")
    return Request("POST", "/v1/ops/notification/list", body=json_body({}), decode=decode)


def delete(config: Config, ids: Sequence[str]) -> Request[None]:
    """Delete notifications; ids that are not there are no error.

    Args:
        ids: `id` of each.

    POST /v1/ops/notification/delete
    """
    given = list_given("ids", ids)
    if not all(isinstance(name, str) for name in given):
        raise InvalidRequestError("ids must be a list of the ids of notifications")
    return Request("POST", "/v1/ops/notification/delete", body=json_body({"ids": given}), decode=nothing)


class Notifications(SyncResource):
    """Notifications that the server keeps for the caller."""

    list = sync_method(list_notifications)
    delete = sync_method(delete)


class AsyncNotifications(AsyncResource):
    """Notifications that the server keeps for the caller."""

    list = async_method(list_notifications)
    delete = async_method(delete)
