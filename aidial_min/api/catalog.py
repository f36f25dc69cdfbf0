"""What a server offers by id: deployments with what they do besides answering, models, applications.

And schemas of application types and of the catalog, and the consent that some applications ask of their users.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Callable, Dict, Generic, List, Literal, Optional, Type, TypeVar, Union

from ..core.call import Answer, json_value, list_of, model_of, nothing
from ..core.operation import Async, Bound, Resource, Sync, operation, overloaded
from ..core.settings import NOT_GIVEN, NotGiven
from ..core.urls import encode_id
from ..errors import InvalidRequestError, ParsingDataError
from ..types._model import Model as AnyModel
from ..types._model import Place, spelt
from ..types.application import Application as ApplicationInfo
from ..types.deployment import Deployment, DeploymentKind, DeploymentName, TokenizeResult, TruncatePromptResult
from ..types.limits import LimitStats
from ..types.model import ModelInfo
from .arguments import comma_list, list_given, text_given

if TYPE_CHECKING:
    from ..core.limits import TimeoutValue
    from ..core.operation import Later
    from ..transport.downloads import StreamedResponse
    from ..types.chat.request_param import Message
    from .request import CallRoute, Response

    SchemaKind = Union[Literal["application_type", "catalog"], str]

    TokenizeInput = Union[str, Mapping[str, Any], Sequence[Message]]
    """One input of `tokenize`: a text, an input or a chat request as on the wire, or the messages of a chat."""

    TruncateInput = Union[Mapping[str, Any], Sequence[Message]]
    """One input of `truncate_prompt`: a chat request as on the wire, or its messages alone."""

T = TypeVar("T")
Info = TypeVar("Info", bound=AnyModel)


class _Deployments(Resource):
    @operation
    async def list(self, *, interface_type: Union[str, Sequence[str], None] = None) -> List[Deployment]:
        """All deployments that the caller may use (Core of 2024 lists models only, with default features).

        Args:
            interface_type: those that can be called like this: "chat", "embedding", "mcp", "custom_ui", several of
                them, or "all"; toolsets are among them, and each has its `interfaces`.
        Raises:
            EndpointNotSupportedError: `interface_type` is given and the server is older than 0.42.

        GET /openai/deployments
        GET /v1/deployments
        """
        if interface_type is None:
            return await self._get_at("/openai/deployments", list_of(Deployment.from_json, "data"))
        kinds = [interface_type] if isinstance(interface_type, str) else interface_type
        query = {"interface_type": comma_list("interface_type", kinds)}
        return await self._get_at("/v1/deployments", list_of(Deployment.from_json), query)

    @operation
    async def list_names(self, types: Optional[Sequence[DeploymentKind]] = None) -> List[DeploymentName]:
        """The ids of all deployments that the caller may use, and their kinds; Core of 2024 does not tell them.

        Args:
            types: only these kinds: "model", "application", "toolset"; the server decides if None.
        Raises:
            EndpointNotSupportedError: the server is older than 0.49.

        GET /v1/deployment-names
        """
        query = {"type": comma_list("types", types, empty=True) or None}
        return await self._get_at("/v1/deployment-names", list_of(DeploymentName.from_json), query)

    @operation
    async def get(self, deployment_id: str) -> Deployment:
        """One deployment.

        Args:
            deployment_id: as `list()` gives it; that of a custom application may be encoded or not.
        Raises:
            ResourceNotFoundError: there is none.

        GET /openai/deployments/{id}
        """
        return await self._get_at("/openai/deployments/" + encode_id(deployment_id), model_of(Deployment.from_json))

    @operation
    async def get_configuration_schema(self, deployment_id: str) -> Optional[Dict[str, Any]]:
        """The JSON schema of what a deployment takes as `custom_fields.configuration`; None where it has none.

        Args:
            deployment_id: as `list()` gives it; that of a custom application may be encoded or not.
        Raises:
            ResourceNotFoundError: there is no such deployment.

        GET /v1/deployments/{id}/configuration
        """
        return await self._get_at(_path(deployment_id, "configuration"), _schema)

    @operation
    async def limits(self, deployment_id: str) -> LimitStats:
        """What the caller may use of a deployment, and has used: tokens, requests, costs per window of time.

        Args:
            deployment_id: as `list()` gives it; that of a custom application may be encoded or not.
        Raises:
            ResourceNotFoundError: there is no such deployment.

        GET /v1/deployments/{id}/limits
        """
        return await self._get_at(_path(deployment_id, "limits"), model_of(LimitStats.from_json))

    @operation
    async def usage(self, deployment_id: str) -> LimitStats:
        """What the caller has used of a deployment; costs are the deployment's own share.

        Args:
            deployment_id: as `list()` gives it; that of a custom application may be encoded or not.
        Raises:
            ResourceNotFoundError: there is no such deployment.
            EndpointNotSupportedError: the server is older than 0.49.

        GET /v1/deployments/{id}/usage
        """
        return await self._get_at(_path(deployment_id, "usage"), model_of(LimitStats.from_json))

    @overloaded
    async def _route(
        self,
        /,
        deployment_id: str,
        path: str,
        *,
        method: str = "GET",
        stream: bool = False,
        json: Any = None,
        content: Union[bytes, str, None] = None,
        headers: Optional[Mapping[str, str]] = None,
        query: Optional[Mapping[str, Any]] = None,
        timeout: Union[TimeoutValue, NotGiven] = NOT_GIVEN,
        max_retries: Optional[int] = None,
    ) -> Union[Response, StreamedResponse]:
        """Call a route that an application has of its own.

        Args:
            deployment_id: of the application; that of a custom one may be encoded or not.
            path: below the application's own address: "reports/7".
            method: "GET", "POST", "PUT", "DELETE", "HEAD" or "PATCH".
            stream: give the answer as it comes: its bytes, or its server-sent events.
            json, content, headers, query, timeout, max_retries: as of `client.request`.
        Returns:
            The answer: `status_code`, `headers`, `content`, `text`, `json()`; with `stream=True` a StreamedResponse.
        Raises:
            PermissionDeniedError: not for the caller.
            ResourceNotFoundError: there is no such application or route.

        {method} /v1/deployments/{id}/route/{path}
        """
        given = {**locals()}
        del headers, query
        try:
            target = _route_to(deployment_id, path)
        except InvalidRequestError:
            given.clear()  # it may hold credentials
            raise
        return await self._client._send(method, target, stream, given)  # type: ignore[no-any-return]

    route: Bound[CallRoute[Response, StreamedResponse], CallRoute[Later[Response], Later[StreamedResponse]]] = _route

    @operation
    async def tokenize(self, deployment_id: str, inputs: Sequence[TokenizeInput]) -> List[TokenizeResult]:
        """Count the tokens of texts or of chat requests, as the deployment counts them.

        Args:
            deployment_id: as `list()` gives it; that of a custom application may be encoded or not.
            inputs: each a text, the messages of a chat, a chat request (`{"messages": [...]}`), or an input as on the
                wire (`{"type": "string", "value": "..."}`).
        Returns:
            One result per input, in the same order: `token_count` where `status` is "success", else `error`.
        Raises:
            PermissionDeniedError: the deployment does not count tokens.

        POST /v1/deployments/{id}/tokenize
        """
        values = [_tokenize_input(value) for value in list_given("inputs", inputs, empty=True)]
        return await self._for_each("tokenize", deployment_id, values, TokenizeResult.from_json)

    @operation
    async def truncate_prompt(self, deployment_id: str, inputs: Sequence[TruncateInput]) -> List[TruncatePromptResult]:
        """Tell which messages have to go so that the rest fits into `max_prompt_tokens`.

        Args:
            deployment_id: as `list()` gives it; that of a custom application may be encoded or not.
            inputs: each a chat request with its limit, `{"messages": [...], "max_prompt_tokens": 100}`, or messages
                alone.
        Returns:
            One result per input, in the same order: `discarded_messages` (indices into its messages) where `status`
            is "success", else `error`.
        Raises:
            PermissionDeniedError: the deployment does not truncate prompts.

        POST /v1/deployments/{id}/truncate_prompt
        """
        values = [_chat_request(value) for value in list_given("inputs", inputs, empty=True)]
        return await self._for_each("truncate_prompt", deployment_id, values, TruncatePromptResult.from_json)

    async def _for_each(
        self, endpoint: str, deployment_id: str, inputs: List[Any], from_json: Callable[[Any, Any], T]
    ) -> List[T]:
        """Ask for one result per input."""

        def decode(answer: Answer) -> List[T]:
            outputs = list_of(from_json, "outputs")(answer)
            if len(outputs) != len(inputs):
                raise ParsingDataError("%d inputs have %d results" % (len(inputs), len(outputs)), path="outputs")
            return outputs

        return await self._post(_path(deployment_id, endpoint), {"inputs": inputs}, decode)

    @operation
    async def rate(self, deployment_id: str, response_id: str, rate: bool, comment: Optional[str] = None) -> None:
        """Rate an answer; a deployment that takes no ratings ignores it.

        Args:
            deployment_id: as `list()` gives it; that of a custom application may be encoded or not.
            response_id: `id` of the answer.
            rate: True for a good one.
            comment: why; Core of 2024 does not pass it on.
        Raises:
            ResourceNotFoundError: there is no such deployment.

        POST /v1/{id}/rate
        """
        if not isinstance(rate, bool):
            raise InvalidRequestError("rate must be True or False, not %r" % (rate,))
        answer = text_given("response_id", response_id, "the id of an answer")
        value = {"responseId": answer, "rate": rate, "comment": comment}
        await self._post("/v1/%s/rate" % encode_id(deployment_id), value, nothing)


class Deployments(_Deployments, Sync):
    """Everything that can be called by id."""


class AsyncDeployments(_Deployments, Async):
    """Everything that can be called by id."""


def _route_to(deployment_id: str, path: str) -> str:
    if not isinstance(path, str) or not path.strip("/") or "/route/" in "/%s/" % path:
        raise InvalidRequestError("path must be a route of the application like reports/7, without /route/ in it")
    return _path(deployment_id, "route/" + path.lstrip("/"))


def _path(deployment_id: str, endpoint: str) -> str:
    return "/v1/deployments/%s/%s" % (encode_id(deployment_id), endpoint)


def _schema(answer: Answer) -> Optional[Dict[str, Any]]:
    value = json_value(answer) if answer.content.strip() else None
    return None if value is None else _object(value)


def _tokenize_input(value: Any) -> Any:
    if isinstance(value, str):
        return {"type": "string", "value": value}
    if isinstance(value, Mapping) and "messages" not in value:
        return value  # as on the wire
    return {"type": "request", "value": _chat_request(value)}


def _chat_request(value: Any) -> Any:
    if isinstance(value, (str, bytes)) or not isinstance(value, (Mapping, Sequence)):
        raise InvalidRequestError("an input must be a chat request like {'messages': [...]}, or a list of messages")
    return value if isinstance(value, Mapping) else {"messages": list(value)}


class _Listed(Resource, Generic[Info]):
    """What the server lists under one word."""

    _kind: str
    _info: Type[Info]

    @operation
    async def list(self) -> List[Info]:
        """All that the caller may use.

        GET /openai/{kind}
        """
        return await self._get_at("/openai/" + self._kind, list_of(self._info.from_json, "data"))

    async def _get(self, name: str) -> Info:
        return await self._get_at("/openai/%s/%s" % (self._kind, encode_id(name)), model_of(self._info.from_json))


class _Model(_Listed[ModelInfo]):
    _kind, _info = "models", ModelInfo

    @operation
    async def get(self, model_name: str) -> ModelInfo:
        """One model: capabilities, limits, prices.

        Args:
            model_name: as `list()` gives it.
        Raises:
            ResourceNotFoundError: there is none.
            PermissionDeniedError: it is not for the caller.

        GET /openai/models/{id}
        """
        return await self._get(model_name)


class Model(_Model, Sync):
    """Models that the caller may use."""


class AsyncModel(_Model, Async):
    """Models that the caller may use."""


class _Application(_Listed[ApplicationInfo]):
    _kind, _info = "applications", ApplicationInfo

    @operation
    async def get(self, app_id: str) -> ApplicationInfo:
        """One application.

        Args:
            app_id: its id; that of a custom application ("applications/{bucket}/my app") may be encoded or not.
        Raises:
            ResourceNotFoundError: there is none.
            PermissionDeniedError: it is not for the caller.

        GET /openai/applications/{id}
        """
        return await self._get(app_id)


class Application(_Application, Sync):
    """Applications that the caller may use."""


class AsyncApplication(_Application, Async):
    """Applications that the caller may use."""


# ---------------------------------------------------------------- schemas, consent


def _object(value: Any, path: Place = "") -> Dict[str, Any]:
    if not isinstance(value, dict):
        raise ParsingDataError("expected an object", path=spelt(path))
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
        return await self._get_at(_schemas_path(kind, "schemas"), list_of(_object))

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
        return await self._get_at(_schemas_path(kind, "schema"), _an_object, {"id": schema_id})

    @operation
    async def get_meta(self, kind: SchemaKind = "application_type") -> Dict[str, Any]:
        """The JSON schema of such schemas.

        Args:
            kind: "application_type" or "catalog".

        GET /v1/{kind}_schemas/meta_schema
        """
        return await self._get_at(_schemas_path(kind, "meta_schema"), _an_object)


class Schemas(_Schemas, Sync):
    """Schemas of application types and of the catalog."""


class AsyncSchemas(_Schemas, Async):
    """Schemas of application types and of the catalog."""


def _schemas_path(kind: str, what: str) -> str:
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
