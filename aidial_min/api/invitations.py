"""Invitations to use what others share.

It knows /v1/invitations; it must not know sockets, retries or loops.
"""

import re
from typing import List, Union

from ..core.call import Config, Request, list_of, model_of, nothing
from ..core.tables import AsyncResource, SyncResource, async_method, sync_method
from ..core.urls import is_url_of
from ..errors import InvalidRequestError, NotDialURLError
from ..types.sharing import Invitation, ShareLink

_ID = re.compile(r"[A-Za-z0-9]+")

InvitationId = Union[str, ShareLink]
"""The id of an invitation, its link (from the server's root, or absolute), or what `sharing.create` gave."""


def list_invitations(config: Config) -> "Request[List[Invitation]]":
    """The invitations that the caller made and that have not expired.

    GET /v1/invitations
    """
    return Request("GET", "/v1/invitations", decode=list_of(Invitation.from_json, "invitations"))


def get(config: Config, invitation_id: InvitationId) -> Request[Invitation]:
    """What an invitation offers, to anybody who knows it.

    Args:
        invitation_id: the last part of the link that `sharing.create` gave.
    Raises:
        ResourceNotFoundError: there is none, or it has expired.

    GET /v1/invitations/{id}
    """
    return Request("GET", _path(config, invitation_id), decode=model_of(Invitation.from_json))


def accept(config: Config, invitation_id: InvitationId) -> Request[None]:
    """Accept an invitation; the resources are in `sharing.list()` then. Accepting twice is no error.

    Args:
        invitation_id: the last part of the link that `sharing.create` gave.
    Raises:
        ResourceNotFoundError: there is none, or it has expired.
        InvalidRequestError: it is the caller's own.

    GET /v1/invitations/{id}?accept=true
    """
    return Request("GET", _path(config, invitation_id), query={"accept": True}, decode=nothing)


def delete(config: Config, invitation_id: InvitationId) -> Request[None]:
    """Withdraw an invitation; what was accepted stays shared (see `sharing.revoke`).

    Args:
        invitation_id: the last part of the link that `sharing.create` gave.
    Raises:
        ResourceNotFoundError: there is none. PermissionDeniedError: somebody else made it.

    DELETE /v1/invitations/{id}
    """
    return Request("DELETE", _path(config, invitation_id), decode=nothing)


def _path(config: Config, invitation_id: InvitationId) -> str:
    text = invitation_id.id if isinstance(invitation_id, ShareLink) else invitation_id
    if not isinstance(text, str):
        raise InvalidRequestError("an invitation is named by its id or its link, not by %s" % type(text).__name__)
    if "://" in text and not is_url_of(config.origin, text):
        raise NotDialURLError("the invitation does not belong to this DIAL server (%s)" % config.origin.url)
    head, _, found = text.rpartition("/v1/invitations/")
    if not head and not text.startswith("/v1/invitations/"):
        found = text
    if _ID.fullmatch(found) is None:
        raise InvalidRequestError("this can't be the id of an invitation: %r" % text)
    return "/v1/invitations/" + found


class Invitations(SyncResource):
    """Invitations to use what others share."""

    list = sync_method(list_invitations)
    get = sync_method(get)
    accept = sync_method(accept)
    delete = sync_method(delete)


class AsyncInvitations(AsyncResource):
    """Invitations to use what others share."""

    list = async_method(list_invitations)
    get = async_method(get)
    accept = async_method(accept)
    delete = async_method(delete)
