"""Sharing of resources: with other users, who accept invitations, and with other deployments, for one request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, List, Literal, Optional, Protocol, Sequence, TypeVar, Union, overload

from ..core.call import Request, list_of, model_of, nothing
from ..core.operation import Async, Bound, Resource, Sync, operation, overloaded
from ..core.urls import StorageUrl, is_url_of
from ..errors import InvalidRequestError, NotDialURLError
from ..types.metadata import ResourceMetadata
from ..types.sharing import Invitation, ReceiverPermissions, ResourcePermission, ShareLink
from .arguments import SharedUrl, resource_links, resource_url, text_given, type_names

if TYPE_CHECKING:
    from ..core.operation import Later

    InvitationId = Union[str, ShareLink]
    """The id of an invitation, its link (from the server's root, or absolute), or what `sharing.create` gave."""

    Own = TypeVar("Own", covariant=True)
    Others = TypeVar("Others", covariant=True)

    class ListPermissions(Protocol[Own, Others]):
        @overload
        def __call__(self, with_: Literal["me"] = "me") -> Own: ...
        @overload
        def __call__(self, with_: Literal["others"]) -> Others: ...


SHARE = "/v1/ops/resource/share/"
PERMISSIONS = "/v1/ops/resource/per-request-permissions/"


class _Sharing(Resource):
    @operation
    async def create(
        self,
        resources: Sequence[SharedUrl],
        permissions: Optional[Sequence[str]] = None,
        *,
        invitation_type: str = "link",
        max_accepted_users: Optional[int] = None,
        share_credentials: Optional[bool] = None,
    ) -> ShareLink:
        """Invite others to use resources of one's own.

        Args:
            resources: addresses (of folders with a slash at the end), or dicts `{"url": ..., "permissions": [...]}`.
            permissions: for those without their own: READ, WRITE (which does not include READ), SHARE; READ if None.
            invitation_type: "link" or "email".
            max_accepted_users: how many may accept it; Core of 2024 does not know it.
            share_credentials: let them use credentials kept with a toolset; Core of 2024 does not know it.
        Returns:
            The invitation: `link`, a path from the server's root, and `id`, for `invitations.accept`.
        Raises:
            InvalidRequestError: a resource is not the caller's own, or named twice.

        POST /v1/ops/resource/share/create
        """
        links = resource_links(self._config, "resources", resources, permissions)
        newer = {"maxAcceptedUsers": max_accepted_users, "shareCredentials": share_credentials}
        value = {"invitationType": invitation_type, "resources": links, **newer}
        return await self._post(SHARE + "create", value, model_of(ShareLink.from_json))

    @operation
    async def list(
        self,
        resource_types: Sequence[str] = ("FILE", "CONVERSATION", "PROMPT", "APPLICATION"),
        with_: str = "me",
        *,
        include_user_info: Optional[bool] = None,
    ) -> List[ResourceMetadata]:
        """What others share with the caller, or the caller with others.

        Args:
            resource_types: FILE, CONVERSATION, PROMPT, APPLICATION; newer servers also have TOOL_SET and SKILL.
            with_: "me", or "others" for what the caller shares.
            include_user_info: tell who shares (`shared_by`, `shared_with`); Core of 2024 does not know it.
        Returns:
            The resources with their `permissions`, without times and ETags.

        POST /v1/ops/resource/share/list
        """
        kinds = type_names(resource_types)
        value = {"resourceTypes": kinds, "with": _whose(with_), "includeUserInfo": include_user_info}
        return await self._post(SHARE + "list", value, list_of(ResourceMetadata.from_json, "resources"))

    @operation
    async def discard(self, urls: Sequence[SharedUrl]) -> None:
        """Give up one's access to what others share.

        Args:
            urls: what others share, e.g. entries of `list()`.

        POST /v1/ops/resource/share/discard
        """
        links = [{"url": link["url"]} for link in resource_links(self._config, "urls", urls)]
        await self._post(SHARE + "discard", {"resources": links}, nothing)

    @operation
    async def revoke(self, urls: Sequence[SharedUrl], permissions: Optional[Sequence[str]] = None) -> None:
        """Take back others' access to resources of one's own.

        Args:
            urls: addresses, or dicts `{"url": ..., "permissions": [...]}`.
            permissions: take back only these, of those without their own; all if None.
        Raises:
            InvalidRequestError: a resource is not the caller's own.

        POST /v1/ops/resource/share/revoke
        """
        links = resource_links(self._config, "urls", urls, permissions)
        await self._post(SHARE + "revoke", {"resources": links}, nothing)

    @operation
    async def copy(self, source: StorageUrl, destination: StorageUrl) -> None:
        """Give those who may use one resource access to another; both are the caller's own.

        Args:
            source: what they may use already.
            destination: what they are to be given.
        Raises:
            InvalidRequestError: one of them does not exist, or is not the caller's own.

        POST /v1/ops/resource/share/copy
        """
        urls = {
            "sourceUrl": resource_url(self._config, source),
            "destinationUrl": resource_url(self._config, destination),
        }
        await self._post(SHARE + "copy", urls, nothing)


class Sharing(_Sharing, Sync):
    """Sharing of resources with other users."""


class AsyncSharing(_Sharing, Async):
    """Sharing of resources with other users."""


class _Invitations(Resource):
    @operation
    async def list(self) -> List[Invitation]:
        """The invitations that the caller made and that have not expired.

        GET /v1/invitations
        """
        return await self._get_at("/v1/invitations", list_of(Invitation.from_json, "invitations"))

    @operation
    async def get(self, invitation_id: InvitationId) -> Invitation:
        """What an invitation offers, to anybody who knows it.

        Args:
            invitation_id: the last part of the link that `sharing.create` gave.
        Raises:
            ResourceNotFoundError: there is none, or it has expired.

        GET /v1/invitations/{id}
        """
        return await self._get_at(self._path(invitation_id), model_of(Invitation.from_json))

    @operation
    async def accept(self, invitation_id: InvitationId) -> None:
        """Accept an invitation; the resources are in `sharing.list()` then. Accepting twice is no error.

        Args:
            invitation_id: the last part of the link that `sharing.create` gave.
        Raises:
            ResourceNotFoundError: there is none, or it has expired.
            InvalidRequestError: it is the caller's own.

        GET /v1/invitations/{id}?accept=true
        """
        await self._get_at(self._path(invitation_id), nothing, {"accept": True})

    @operation
    async def delete(self, invitation_id: InvitationId) -> None:
        """Withdraw an invitation; what was accepted stays shared (see `sharing.revoke`).

        Args:
            invitation_id: the last part of the link that `sharing.create` gave.
        Raises:
            ResourceNotFoundError: there is none.
            PermissionDeniedError: somebody else made it.

        DELETE /v1/invitations/{id}
        """
        await self._call(Request("DELETE", self._path(invitation_id), decode=nothing))

    def _path(self, invitation_id: InvitationId) -> str:
        text = invitation_id.id if isinstance(invitation_id, ShareLink) else invitation_id
        if not isinstance(text, str):
            raise InvalidRequestError("an invitation is named by its id or its link, not by %s" % type(text).__name__)
        origin = self._config.origin
        if "://" in text and not is_url_of(origin, text):
            raise NotDialURLError("the invitation does not belong to this DIAL server (%s)" % origin.url)
        found = re.fullmatch(r"(?:.*/v1/invitations/)?([A-Za-z0-9]+)", text)
        if found is None:
            raise InvalidRequestError("this can't be the id of an invitation: %r" % text)
        return "/v1/invitations/" + found[1]


class Invitations(_Invitations, Sync):
    """Invitations to use what others share."""


class AsyncInvitations(_Invitations, Async):
    """Invitations to use what others share."""


class _ResourcePermissions(Resource):
    @operation
    async def grant(
        self, resources: Sequence[SharedUrl], receiver: str, permissions: Optional[Sequence[str]] = None
    ) -> None:
        """Let another deployment use resources that the caller may use; with a per-request key only.

        Args:
            resources: addresses (of folders with a slash at the end), or dicts `{"url": ..., "permissions": [...]}`.
            receiver: the id of the deployment.
            permissions: READ, WRITE; READ if None.
        Raises:
            AuthenticationError: the credential is no per-request key (PermissionDeniedError on some servers).
            PermissionDeniedError: the caller may not use the resources like this itself.
            EndpointNotSupportedError: Core of 2024 does not have this endpoint.

        POST /v1/ops/resource/per-request-permissions/grant
        """
        await self._change("grant", resources, receiver, permissions)

    @operation
    async def revoke(
        self, resources: Sequence[SharedUrl], receiver: str, permissions: Optional[Sequence[str]] = None
    ) -> None:
        """Take back what was granted to another deployment.

        Args:
            resources: addresses, or dicts `{"url": ..., "permissions": [...]}`.
            receiver: the id of the deployment.
            permissions: READ, WRITE; READ if None.
        Raises:
            AuthenticationError: the credential is no per-request key (PermissionDeniedError on some servers).

        POST /v1/ops/resource/per-request-permissions/revoke
        """
        await self._change("revoke", resources, receiver, permissions)

    async def _change(self, verb: str, resources: Any, receiver: str, permissions: Optional[Sequence[str]]) -> None:
        links = resource_links(self._config, "resources", resources, ["READ"] if permissions is None else permissions)
        name = text_given("receiver", receiver, "the id of a deployment")
        await self._post(PERMISSIONS + verb, {"resourcePermissions": links, "receiver": name}, nothing)

    @overloaded
    async def _list(self, with_: str = "me") -> Any:
        """What others granted to the caller, or the caller to others.

        Args:
            with_: "me", or "others" for what the caller granted.
        Returns:
            The resources with their permissions; with "others" one entry per `receiver`, with `resources`.
        Raises:
            AuthenticationError: the credential is no per-request key (PermissionDeniedError on some servers).

        POST /v1/ops/resource/per-request-permissions/list
        """
        own = _whose(with_) == "me"
        decode: Any = list_of(ResourcePermission.from_json, "resources") if own else list_of(_granted, "receivers")
        return await self._post(PERMISSIONS + "list", {"with": with_.upper()}, decode)

    list: Bound[
        ListPermissions[List[ResourcePermission], List[ReceiverPermissions]],
        ListPermissions[Later[List[ResourcePermission]], Later[List[ReceiverPermissions]]],
    ] = _list


def _whose(with_: str) -> str:
    if with_ not in ("me", "others"):
        raise InvalidRequestError("with_ must be 'me' or 'others', not %r" % (with_,))
    return with_


def _granted(value: Any, path: Any) -> ReceiverPermissions:
    # Servers name the list differently: `resources` or `resourcePermissions`.
    if isinstance(value, dict) and "resourcePermissions" in value and "resources" not in value:
        value = {"resources" if key == "resourcePermissions" else key: part for key, part in value.items()}
    return ReceiverPermissions.from_json(value, path)


class ResourcePermissions(_ResourcePermissions, Sync):
    """Permissions that an application passes on, for the time of one request."""


class AsyncResourcePermissions(_ResourcePermissions, Async):
    """Permissions that an application passes on, for the time of one request."""
