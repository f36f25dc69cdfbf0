"""Schemas of application types and of the catalog, and the consent that some applications ask of their users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Literal, Mapping, Union

from ..core.call import json_value, list_of, nothing
from ..core.operation import Async, Resource, Sync, operation
from ..core.urls import encode_id
from ..errors import InvalidRequestError, ParsingDataError

if TYPE_CHECKING:
    from ..core.call import Answer

    SchemaKind = Union[Literal["application_type", "catalog"], str]


def _object(value: Any, path: str = "") -> Dict[str, Any]:
    if not isinstance(value, dict):
        raise ParsingDataError("expected an object", path=path)
    return value


def _an_object(answer: Answer) -> Dict[str, Any]:
    return _object(json_value(answer))


class _Schemas(Resource):
    @operation
    async def list(self, kind: SchemaKind = "application_type") -> List[Dict[str, Any]]:
        """All schemas, each with its `$id` and names.

        Args:
            kind: "application_type" or "catalog".

        GET /v1/{kind}_schemas/schemas
        """
        return await self._get_at(_path(kind, "schemas"), list_of(_object))

    @operation
    async def get(self, schema_id: str, kind: SchemaKind = "application_type") -> Dict[str, Any]:
        """One JSON schema.

        Args:
            schema_id: its `$id`, a URI: `application_type_schema_id` of an application.
            kind: "application_type" or "catalog".
        Raises:
            ResourceNotFoundError: there is none.

        GET /v1/{kind}_schemas/schema
        """
        return await self._get_at(_path(kind, "schema"), _an_object, {"id": schema_id})

    @operation
    async def get_meta(self, kind: SchemaKind = "application_type") -> Dict[str, Any]:
        """The JSON schema of such schemas.

        Args:
            kind: "application_type" or "catalog".

        GET /v1/{kind}_schemas/meta_schema
        """
        return await self._get_at(_path(kind, "meta_schema"), _an_object)


class Schemas(_Schemas, Sync):
    """Schemas of application types and of the catalog."""


class AsyncSchemas(_Schemas, Async):
    """Schemas of application types and of the catalog."""


def _path(kind: str, what: str) -> str:
    if kind not in ("application_type", "catalog"):
        raise InvalidRequestError("kind must be application_type or catalog, not %r" % (kind,))
    return "/v1/%s_schemas/%s" % (kind, what)


class _Consent(Resource):
    @operation
    async def get(self, deployment_id: str) -> Dict[str, Any]:
        """What a user must agree to before they call an application that calls others: `accepted` and `consent`.

        Args:
            deployment_id: of the application.

        GET /v1/consent/{id}
        """
        return await self._get_at("/v1/consent/" + encode_id(deployment_id), _an_object)

    @operation
    async def accept(self, deployment_id: str, consent: Mapping[str, Any]) -> None:
        """Agree to it.

        Args:
            deployment_id: of the application.
            consent: `consent` of what `get` gave.

        POST /v1/consent/{id}
        """
        await self._post("/v1/consent/" + encode_id(deployment_id), {"consent": consent}, nothing)


class Consent(_Consent, Sync):
    """What users must agree to before they call some applications."""


class AsyncConsent(_Consent, Async):
    """What users must agree to before they call some applications."""
