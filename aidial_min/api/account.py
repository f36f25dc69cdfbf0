"""The caller: bucket, user, notifications."""

from __future__ import annotations

from typing import List, Optional, Sequence

from ..core.call import Request, boolean, list_of, model_of, nothing
from ..core.operation import Async, Resource, Sync, operation, settled
from ..types.bucket import AppData, BucketResponse
from ..types.limits import UserLimitStats
from ..types.user import Notification, OfflineCredentials, UserInfo
from .arguments import comma_list, texts_given


class _Bucket(Resource):
    @operation
    async def get_raw(self) -> BucketResponse:
        """The bucket of these credentials (`.bucket`), and `.appdata` inside an application.

        GET /v1/bucket
        """
        return await self._get_at("/v1/bucket", model_of(BucketResponse.from_json))

    @operation
    async def get_bucket(self) -> str:
        """The name of the caller's bucket.

        GET /v1/bucket
        """
        return (await settled(self.get_raw())).bucket  # type: ignore[no-any-return]

    @operation
    async def get_appdata(self) -> Optional[AppData]:
        """Where an application may write in the bucket of its user; None outside an application.

        GET /v1/bucket
        """
        appdata = (await settled(self.get_raw())).appdata
        return AppData.parse(appdata) if appdata else None


class Bucket(_Bucket, Sync):
    """The caller's bucket."""


class AsyncBucket(_Bucket, Async):
    """The caller's bucket."""


class _User(Resource):
    @operation
    async def info(self) -> UserInfo:
        """The roles of the caller, and the project (with an API key) or the user's claims (with a bearer token).

        GET /v1/user/info
        """
        return await self._get_at("/v1/user/info", model_of(UserInfo.from_json))

    @operation
    async def limits(self, *, deployment_types: Optional[Sequence[str]] = None) -> UserLimitStats:
        """What the caller may use of all deployments, and has used; and their overall budget.

        Args:
            deployment_types: "model", "application"; models if None.
        Raises:
            EndpointNotSupportedError: the server is older than 0.48.

        GET /v1/user/limits
        """
        return await self._stats("limits", deployment_types)

    @operation
    async def usage(self, *, deployment_types: Optional[Sequence[str]] = None) -> UserLimitStats:
        """The same, without deployments that were not used in the last 30 days.

        Args:
            deployment_types: "model", "application"; models if None.
        Raises:
            EndpointNotSupportedError: the server is older than 0.48.

        GET /v1/user/usage
        """
        return await self._stats("usage", deployment_types)

    async def _stats(self, what: str, types: Optional[Sequence[str]]) -> UserLimitStats:
        query = {"deploymentTypes": comma_list("deployment_types", types)}
        return await self._get_at("/v1/user/" + what, model_of(UserLimitStats.from_json), query)

    @operation
    async def offline_credentials(self) -> OfflineCredentials:
        """Whether DIAL may act for the user while they are away, and where they can agree to it.

        Raises:
            AuthenticationError: only for a user's own token.
            EndpointNotSupportedError: the server is older than 0.47.

        GET /v1/user/offline-credentials
        """
        return await self._get_at("/v1/user/offline-credentials", model_of(OfflineCredentials.from_json))

    @operation
    async def offline_signin(self, code: str, redirect_uri: str) -> bool:
        """Let DIAL act for the user while they are away.

        Args:
            code, redirect_uri: as the authorization endpoint of `offline_credentials().connect` gave them.
        Raises:
            PermissionDeniedError: the code is another user's.

        POST /v1/user/offline-credentials/signin
        """
        value = {"code": code, "redirectUri": redirect_uri}
        return await self._post("/v1/user/offline-credentials/signin", value, boolean)

    @operation
    async def offline_signout(self) -> bool:
        """End it.

        POST /v1/user/offline-credentials/signout
        """
        return await self._call(Request("POST", "/v1/user/offline-credentials/signout", decode=boolean))


class User(_User, Sync):
    """The caller."""


class AsyncUser(_User, Async):
    """The caller."""


class _Notifications(Resource):
    @operation
    async def list(self) -> List[Notification]:
        """The caller's notifications, oldest first.

        POST /v1/ops/notification/list
        """
        return await self._post("/v1/ops/notification/list", {}, list_of(Notification.from_json, "notifications"))

    @operation
    async def delete(self, ids: Sequence[str]) -> None:
        """Delete notifications; ids that are not there are no error.

        Args:
            ids: `id` of each.

        POST /v1/ops/notification/delete
        """
        given = texts_given("ids", ids, "a list of the ids of notifications")
        await self._post("/v1/ops/notification/delete", {"ids": given}, nothing)


class Notifications(_Notifications, Sync):
    """Notifications that the server keeps for the caller."""


class AsyncNotifications(_Notifications, Async):
    """Notifications that the server keeps for the caller."""
