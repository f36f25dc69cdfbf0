"""Per-request permissions: an application lets another one use resources, as long as its own request lasts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from ..core.call import list_of, nothing
from ..core.operation import Async, Bound, Resource, Sync, operation, overloaded
from ..errors import InvalidRequestError
from ..types.permission import ReceiverPermissions, ResourcePermission
from .arguments import resource_links

if TYPE_CHECKING:
    from typing import List, Literal, Optional, Protocol, Sequence, TypeVar, overload

    from ..core.operation import Later
    from .arguments import SharedUrl

    Own = TypeVar("Own", covariant=True)
    Others = TypeVar("Others", covariant=True)

    class ListPermissions(Protocol[Own, Others]):
        @overload
        def __call__(self, with_: Literal["me"] = "me") -> Own: ...
        @overload
        def __call__(self, with_: Literal["others"]) -> Others: ...


PERMISSIONS = "/v1/ops/resource/per-request-permissions/"


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
        if not isinstance(receiver, str) or not receiver.strip():
            raise InvalidRequestError("receiver must be the id of a deployment")
        await self._post(PERMISSIONS + verb, {"resourcePermissions": links, "receiver": receiver}, nothing)

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
        if with_ not in ("me", "others"):
            raise InvalidRequestError("with_ must be 'me' or 'others', not %r" % (with_,))
        own = with_ == "me"
        decode: Any = list_of(ResourcePermission.from_json, "resources") if own else list_of(_granted, "receivers")
        return await self._post(PERMISSIONS + "list", {"with": with_.upper()}, decode)

    list: Bound[
        ListPermissions[List[ResourcePermission], List[ReceiverPermissions]],
        ListPermissions[Later[List[ResourcePermission]], Later[List[ReceiverPermissions]]],
    ] = _list


def _granted(value: Any, path: str) -> ReceiverPermissions:
    # Servers name the list differently: `resources` or `resourcePermissions`.
    if isinstance(value, dict) and "resourcePermissions" in value and "resources" not in value:
        value = {"resources" if key == "resourcePermissions" else key: part for key, part in value.items()}
    return ReceiverPermissions.from_json(value, path)


class ResourcePermissions(_ResourcePermissions, Sync):
    """Permissions that an application passes on, for the time of one request."""


class AsyncResourcePermissions(_ResourcePermissions, Async):
    """Permissions that an application passes on, for the time of one request."""
