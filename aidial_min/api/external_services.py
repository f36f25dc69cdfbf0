"""Outside services (a CRM, a calendar) that applications declare: signing in, credentials, management.

A service is named by its scope id, "applications/{app}/external_services/{service}"; Core of 2026 has them.
"""

from __future__ import annotations

from typing import Any, List, Mapping, Optional, TypeVar, Union

from ..core.body import json_body
from ..core.call import Request, boolean, list_of, model_of
from ..core.operation import Async, Resource, Sync, operation
from ..core.urls import encode_id, encode_segment
from ..errors import EndpointNotSupportedError, InvalidRequestError, ResourceNotFoundError
from ..types.external_service import ExternalService, ServiceCredentials
from .toolsets import credentials

T = TypeVar("T")

SERVICE = "/v1/ops/external-service/"


class _ExternalServices(Resource):
    @operation
    async def signin(
        self,
        scope_id: str,
        *,
        authentication_type: str,
        code: Optional[str] = None,
        redirect_uri: Optional[str] = None,
        api_key: Optional[str] = None,
        credentials_level: str = "USER",
        offline_usage_consent: Optional[bool] = None,
    ) -> bool:
        """Keep what an application needs to use a service for the caller.

        Args:
            scope_id: "applications/{app}/external_services/{service}", encoded or not.
            authentication_type: "OAUTH" or "API_KEY".
            code, redirect_uri: of OAUTH, as the authorization endpoint gave them.
            api_key: of API_KEY.
            credentials_level: "USER" for the caller, "APPLICATION" for all users of the application.
            offline_usage_consent: also while the caller is away (`credentials_on_behalf_of`).
        Raises:
            InvalidRequestError: the service wants another type.
            PermissionDeniedError: not for the caller.
            ResourceNotFoundError: there is no such application or service.

        POST /v1/ops/external-service/signin
        """
        given = {"code": code, "redirect_uri": redirect_uri, "api_key": api_key}
        value = credentials(_scope(scope_id), authentication_type, credentials_level, **given)
        if offline_usage_consent is not None:
            value["offlineUsageConsent"] = offline_usage_consent
        return await self._post(SERVICE + "signin", value, boolean)

    @operation
    async def signout(self, scope_id: str, *, authentication_type: str, credentials_level: str = "USER") -> bool:
        """Forget what `signin` kept, the consent included.

        Args:
            scope_id, authentication_type, credentials_level: as of `signin`.
        Returns:
            Whether there was something.

        POST /v1/ops/external-service/signout
        """
        return await self._post(
            SERVICE + "signout", credentials(_scope(scope_id), authentication_type, credentials_level), boolean
        )

    @operation
    async def credentials(self, scope_id: str) -> ServiceCredentials:
        """The header with which the running application calls a service for its user; with a per-request key only.

        Args:
            scope_id: as of `signin`; of this very application.
        Raises:
            ResourceNotFoundError: the user must sign in first.
            AuthenticationError: the credential is no per-request key.

        POST /v1/ops/external-service/credentials
        """
        decode = model_of(ServiceCredentials.from_json)
        return await self._post(SERVICE + "credentials", {"url": _scope(scope_id)}, decode)

    @operation
    async def credentials_on_behalf_of(self, scope_id: str, owner_user_id: str) -> ServiceCredentials:
        """The same for a user who is away, and who consented; with the application's own credential.

        Args:
            scope_id: as of `signin`.
            owner_user_id: `user_id` of the user's `user.info()`.
        Raises:
            PermissionDeniedError: the consent is missing, or the caller is not the application.
            ResourceNotFoundError: the user has no credentials there.
            AuthenticationError: a per-request key, or the service refuses for good.

        POST /v1/ops/external-service/obo-credentials
        """
        value = {"url": _scope(scope_id), "owner_user_id": owner_user_id}
        return await self._post(SERVICE + "obo-credentials", value, model_of(ServiceCredentials.from_json))

    @operation
    async def list(self, application_id: str) -> List[ExternalService]:
        """The services of an application, for those who may change it; others find them in `application.get`.

        Args:
            application_id: its id; that of a custom application may be encoded or not.

        GET /v1/applications/{id}/external-services
        """
        return await self._manage(Request("GET", _path(application_id), decode=list_of(ExternalService.from_json)))

    @operation
    async def get(self, application_id: str, service_id: str) -> ExternalService:
        """One of them, with the caller's sign-in status.

        Args:
            application_id, service_id: their ids.
        Raises:
            ResourceNotFoundError: there is none.

        GET /v1/applications/{id}/external-services/{service}
        """
        path = _path(application_id, service_id)
        return await self._manage(Request("GET", path, decode=model_of(ExternalService.from_json)))

    @operation
    async def save(
        self, application_id: str, service_id: str, service: Union[ExternalService, Mapping[str, Any]]
    ) -> ExternalService:
        """Declare a service, or change it; leaving out `client_secret` keeps the stored one.

        Args:
            application_id, service_id: their ids.
            service: `{"display_name": ..., "description": ..., "auth_settings": {...}}`.
        Raises:
            InvalidRequestError: the application is configured by the server's administrators.
            PermissionDeniedError: not for the caller.

        PUT /v1/applications/{id}/external-services/{service}
        """
        body, decode = json_body(service), model_of(ExternalService.from_json)
        return await self._manage(Request("PUT", _path(application_id, service_id), body=body, decode=decode))

    @operation
    async def delete(self, application_id: str, service_id: str) -> bool:
        """Delete a service, with the credentials that were kept for it.

        Args:
            application_id, service_id: their ids.

        DELETE /v1/applications/{id}/external-services/{service}
        """
        return await self._manage(Request("DELETE", _path(application_id, service_id), decode=boolean))

    @operation
    async def approve(self, application_id: str, service_id: str) -> bool:
        """Let an application use a DIAL_NATIVE service for users who are away; for administrators.

        Args:
            application_id, service_id: their ids.

        POST /v1/applications/{id}/external-services/{service}/consent
        """
        return await self._manage(Request("POST", _path(application_id, service_id) + "/consent", decode=boolean))

    @operation
    async def disapprove(self, application_id: str, service_id: str) -> bool:
        """Take that back.

        Args:
            application_id, service_id: their ids.

        DELETE /v1/applications/{id}/external-services/{service}/consent
        """
        return await self._manage(Request("DELETE", _path(application_id, service_id) + "/consent", decode=boolean))

    async def _manage(self, request: Request[T]) -> T:
        """Carry out a request of management; an older Core takes its path for that of a stored application."""
        try:
            return await self._call(request)
        except (InvalidRequestError, ResourceNotFoundError) as error:
            if not error.message.startswith(("Url has invalid bucket", "Not found: applications/")):
                raise
            raise EndpointNotSupportedError(
                "this DIAL server has no external services (it says: %s)" % error.message,
                status_code=error.status_code,
                request=error.request,
                headers=error.headers,
                body=error.body,
                request_sent="yes",
            ) from None


class ExternalServices(_ExternalServices, Sync):
    """Outside services that applications declare and users sign in to."""


class AsyncExternalServices(_ExternalServices, Async):
    """Outside services that applications declare and users sign in to."""


def _scope(scope_id: str) -> str:
    """A scope id as it travels; here the word has an underscore."""
    scope = encode_id(scope_id)
    if not scope.startswith("applications/") or "/external_services/" not in scope:
        raise InvalidRequestError("a scope id is applications/{app}/external_services/{service}, not %r" % scope_id)
    return scope


def _path(application_id: str, service_id: Optional[str] = None) -> str:
    """The path of an application's services; here the word has a hyphen, and the id no type."""
    name = encode_id(application_id)
    name = name[len("applications/") :] if name.startswith("applications/") else name
    path = "/v1/applications/%s/external-services" % name
    if service_id is None:
        return path
    if not isinstance(service_id, str) or not service_id.strip():
        raise InvalidRequestError("service_id must be the id of a service")
    return "%s/%s" % (path, encode_segment(service_id))
