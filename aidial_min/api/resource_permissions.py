"""Per-request permissions: an application lets another one use resources, as long as its own request lasts.

It knows /v1/ops/resource/per-request-permissions; it must not know sockets, retries or loops, nor where keys come from.
"""

from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence, Union, overload

from ..core.body import json_body
from ..core.call import Config, Request, list_of, nothing
from ..core.tables import AsyncResource, SyncResource, async_method, describe, sync_method
from ..errors import InvalidRequestError
from ..types.permission import ReceiverPermissions, ResourcePermission
from .arguments import SharedUrl, resource_links

if TYPE_CHECKING:
    from typing import Literal


def grant(
    config: Config, resources: Sequence[SharedUrl], receiver: str, permissions: Optional[Sequence[str]] = None
) -> Request[None]:
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
    links = resource_links(config, "resources", resources, ["READ"] if permissions is None else permissions)
    return _operate("grant", {"resourcePermissions": links, "receiver": _receiver(receiver)}, nothing)


def revoke(
    config: Config, resources: Sequence[SharedUrl], receiver: str, permissions: Optional[Sequence[str]] = None
) -> Request[None]:
    """Take back what was granted to another deployment.

    Args:
        resources: addresses, or dicts `{"url": ..., "permissions": [...]}`.
        receiver: the id of the deployment.
        permissions: READ, WRITE; READ if None.
    Raises:
        AuthenticationError: the credential is no per-request key (PermissionDeniedError on some servers).

    POST /v1/ops/resource/per-request-permissions/revoke
    """
    links = resource_links(config, "resources", resources, ["READ"] if permissions is None else permissions)
    return _operate("revoke", {"resourcePermissions": links, "receiver": _receiver(receiver)}, nothing)


def list_permissions(
    config: Config, with_: str = "me"
) -> "Request[Union[List[ResourcePermission], List[ReceiverPermissions]]]":
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
    return _operate("list", {"with": with_.upper()}, decode)


def _granted(value: Any, path: str) -> ReceiverPermissions:
    # Servers name the list differently: `resources` or `resourcePermissions`.
    if isinstance(value, dict) and "resourcePermissions" in value and "resources" not in value:
        value = {"resources" if key == "resourcePermissions" else key: part for key, part in value.items()}
    return ReceiverPermissions.from_json(value, path)


def _receiver(receiver: Any) -> str:
    if not isinstance(receiver, str) or not receiver.strip():
        raise InvalidRequestError("receiver must be the id of a deployment")
    return receiver


def _operate(operation: str, value: Dict[str, Any], decode: Any) -> Request[Any]:
    path = "/v1/ops/resource/per-request-permissions/" + operation
    return Request("POST", path, body=json_body(value), decode=decode)


_list = sync_method(list_permissions)
_async_list = async_method(list_permissions)


class ResourcePermissions(SyncResource):
    """Permissions that an application passes on, for the time of one request."""

    grant = sync_method(grant)
    revoke = sync_method(revoke)

    @overload
    def list(self, with_: "Literal['me']" = "me") -> List[ResourcePermission]: ...

    @overload
    def list(self, with_: "Literal['others']") -> List[ReceiverPermissions]: ...

    def list(self, with_: str = "me") -> Any:
        return _list(self, with_)


class AsyncResourcePermissions(AsyncResource):
    """Permissions that an application passes on, for the time of one request."""

    grant = async_method(grant)
    revoke = async_method(revoke)

    @overload
    async def list(self, with_: "Literal['me']" = "me") -> List[ResourcePermission]: ...

    @overload
    async def list(self, with_: "Literal['others']") -> List[ReceiverPermissions]: ...

    async def list(self, with_: str = "me") -> Any:
        return await _async_list(self, with_)


describe(ResourcePermissions.list, list_permissions)
describe(AsyncResourcePermissions.list, list_permissions)
