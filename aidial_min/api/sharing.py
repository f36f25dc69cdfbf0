"""Sharing: giving other users access to resources, by invitation.

It knows /v1/ops/resource/share; it must not know sockets, retries or loops, nor what is shared.
"""

from typing import Any, Dict, List, Optional, Sequence

from ..core.body import json_body
from ..core.call import Config, Request, list_of, model_of, nothing
from ..core.tables import AsyncResource, SyncResource, async_method, sync_method
from ..core.urls import StorageUrl
from ..errors import InvalidRequestError
from ..types.sharing import SharedResource, ShareLink
from .arguments import SharedUrl, resource_links, resource_url, type_names


def create(
    config: Config,
    resources: Sequence[SharedUrl],
    permissions: Optional[Sequence[str]] = None,
    *,
    invitation_type: str = "link",
    max_accepted_users: Optional[int] = None,
    share_credentials: Optional[bool] = None,
) -> Request[ShareLink]:
    """Invite others to use resources of one's own.

    Args:
        resources: addresses (of folders with a slash at the end), or dicts `{"url": ..., "permissions": [...]}`.
        permissions: for those without their own: READ, WRITE (which does not include READ), SHARE; READ if None.
        invitation_type: "link" or "email".
        max_accepted_users: how many may accept it. share_credentials: let them use credentials kept with a toolset.
            Core of 2024 knows neither.
    Returns:
        The invitation: `link`, a path from the server's root, and `id`, for `invitations.accept`.
    Raises:
        InvalidRequestError: a resource is not the caller's own, or named twice.

    POST /v1/ops/resource/share/create
    """
    links = resource_links(config, "resources", resources, permissions)
    value: Dict[str, Any] = {"invitationType": invitation_type, "resources": links}
    if max_accepted_users is not None:
        value["maxAcceptedUsers"] = max_accepted_users
    if share_credentials is not None:
        value["shareCredentials"] = share_credentials
    return _operate("create", value, model_of(ShareLink.from_json))


def list_shared(
    config: Config,
    resource_types: Sequence[str] = ("FILE", "CONVERSATION", "PROMPT", "APPLICATION"),
    with_: str = "me",
    *,
    include_user_info: Optional[bool] = None,
) -> "Request[List[SharedResource]]":
    """What others share with the caller, or the caller with others.

    Args:
        resource_types: FILE, CONVERSATION, PROMPT, APPLICATION; newer servers also have TOOL_SET and SKILL.
        with_: "me", or "others" for what the caller shares.
        include_user_info: tell who shares (`shared_by`, `shared_with`); Core of 2024 does not know it.
    Returns:
        The resources with their `permissions`, without times and ETags.

    POST /v1/ops/resource/share/list
    """
    if with_ not in ("me", "others"):
        raise InvalidRequestError("with_ must be 'me' or 'others', not %r" % (with_,))
    value: Dict[str, Any] = {"resourceTypes": type_names(resource_types), "with": with_}
    if include_user_info is not None:
        value["includeUserInfo"] = include_user_info
    return _operate("list", value, list_of(SharedResource.from_json, "resources"))


def discard(config: Config, urls: Sequence[SharedUrl]) -> Request[None]:
    """Give up one's access to what others share.

    Args:
        urls: what others share, e.g. entries of `list()`.

    POST /v1/ops/resource/share/discard
    """
    links = [{"url": link["url"]} for link in resource_links(config, "urls", urls)]
    return _operate("discard", {"resources": links}, nothing)


def revoke(config: Config, urls: Sequence[SharedUrl], permissions: Optional[Sequence[str]] = None) -> Request[None]:
    """Take back others' access to resources of one's own.

    Args:
        urls: addresses, or dicts `{"url": ..., "permissions": [...]}`.
        permissions: take back only these, of those without their own; all if None.
    Raises:
        InvalidRequestError: a resource is not the caller's own.

    POST /v1/ops/resource/share/revoke
    """
    return _operate("revoke", {"resources": resource_links(config, "urls", urls, permissions)}, nothing)


def copy(config: Config, source: StorageUrl, destination: StorageUrl) -> Request[None]:
    """Give those who may use one resource access to another; both are the caller's own.

    Args:
        source: what they may use already. destination: what they are to be given.
    Raises:
        InvalidRequestError: one of them does not exist, or is not the caller's own.

    POST /v1/ops/resource/share/copy
    """
    value = {"sourceUrl": resource_url(config, source), "destinationUrl": resource_url(config, destination)}
    return _operate("copy", value, nothing)


def _operate(operation: str, value: Dict[str, Any], decode: Any) -> Request[Any]:
    return Request("POST", "/v1/ops/resource/share/" + operation, body=json_body(value), decode=decode)


class Sharing(SyncResource):
    """Sharing of resources with other users."""

    create = sync_method(create)
    list = sync_method(list_shared)
    discard = sync_method(discard)
    revoke = sync_method(revoke)
    copy = sync_method(copy)


class AsyncSharing(AsyncResource):
    """Sharing of resources with other users."""

    create = async_method(create)
    list = async_method(list_shared)
    discard = async_method(discard)
    revoke = async_method(revoke)
    copy = async_method(copy)
