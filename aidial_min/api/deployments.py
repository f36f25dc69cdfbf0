"""Deployments: everything that can be called by id, and what it offers besides answers.

It knows /openai/deployments, /v1/deployments, /v1/deployment-names and /v1/{id}/rate.
It must not know sockets, retries or loops, nor chat and embeddings themselves.
"""

from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Sequence, TypeVar, Union

from ..core.body import json_body
from ..core.call import Answer, Config, Request, json_value, list_of, model_of, nothing
from ..core.tables import AsyncResource, SyncResource, async_method, sync_method
from ..core.urls import encode_id
from ..errors import InvalidRequestError, ParsingDataError
from ..types.deployment import Deployment, DeploymentKind, DeploymentName
from ..types.limits import LimitStats
from ..types.tokenize import TokenizeResult, TruncatePromptResult
from .arguments import list_given

if TYPE_CHECKING:
    from ..types.chat.request_param import Message
    from ..types.tokenize import TokenizeInputParam, TruncatePromptInputParam

T = TypeVar("T")

TokenizeInput = Union[str, "TokenizeInputParam", Mapping[str, Any], Sequence["Message"]]
"""One input of `tokenize`: a text, an input or a chat request as on the wire, or the messages of a chat."""

TruncateInput = Union["TruncatePromptInputParam", Mapping[str, Any], Sequence["Message"]]
"""One input of `truncate_prompt`: a chat request as on the wire, or its messages alone."""


def list_deployments(config: Config) -> "Request[List[Deployment]]":
    """All deployments that the caller may use (Core of 2024 lists models only, with default features).

    GET /openai/deployments
    """
    return Request("GET", "/openai/deployments", decode=list_of(Deployment.from_json, "data"))


def list_names(config: Config, types: Optional[Sequence[DeploymentKind]] = None) -> "Request[List[DeploymentName]]":
    """The ids of all deployments that the caller may use, and their kinds; Core of 2024 does not have this endpoint.

    Args:
        types: only these kinds: "model", "application", "toolset"; the server decides if None.
    Raises:
        EndpointNotSupportedError: the server is older than 0.49.

    GET /v1/deployment-names
    """
    kinds = None if types is None else ",".join(str(kind) for kind in list_given("types", types, empty=True))
    return Request(
        "GET", "/v1/deployment-names", query={"type": kinds or None}, decode=list_of(DeploymentName.from_json)
    )


def get(config: Config, deployment_id: str) -> Request[Deployment]:
    """One deployment.

    Args:
        deployment_id: as `list()` gives it; that of a custom application may be encoded or not.
    Raises:
        ResourceNotFoundError: there is none.

    GET /openai/deployments/{id}
    """
    return Request("GET", "/openai/deployments/" + encode_id(deployment_id), decode=model_of(Deployment.from_json))


def get_configuration_schema(config: Config, deployment_id: str) -> "Request[Optional[Dict[str, Any]]]":
    """The JSON schema of what a deployment takes as `custom_fields.configuration`; None where it has none.

    Args:
        deployment_id: as `list()` gives it; that of a custom application may be encoded or not.
    Raises:
        ResourceNotFoundError: there is no such deployment.

    GET /v1/deployments/{id}/configuration
    """
    return Request("GET", "/v1/deployments/%s/configuration" % encode_id(deployment_id), decode=_schema)


def limits(config: Config, deployment_id: str) -> Request[LimitStats]:
    """What the caller may use of a deployment, and has used: tokens, requests, costs per window of time.

    Args:
        deployment_id: as `list()` gives it; that of a custom application may be encoded or not.
    Raises:
        ResourceNotFoundError: there is no such deployment.

    GET /v1/deployments/{id}/limits
    """
    path = "/v1/deployments/%s/limits" % encode_id(deployment_id)
    return Request("GET", path, decode=model_of(LimitStats.from_json))


def tokenize(config: Config, deployment_id: str, inputs: "Sequence[TokenizeInput]") -> "Request[List[TokenizeResult]]":
    """Count the tokens of texts or of chat requests, as the deployment counts them.

    Args:
        deployment_id: as `list()` gives it; that of a custom application may be encoded or not.
        inputs: each a text, the messages of a chat, a chat request (`{"messages": [...]}`), or an input as on the wire
            (`{"type": "string", "value": "..."}`).
    Returns:
        One result per input, in the same order: `token_count` where `status` is "success", else `error`.
    Raises:
        PermissionDeniedError: the deployment does not count tokens.

    POST /v1/deployments/{id}/tokenize
    """
    values = [_tokenize_input(value) for value in list_given("inputs", inputs, empty=True)]
    return _for_each("tokenize", deployment_id, values, TokenizeResult.from_json)


def truncate_prompt(
    config: Config, deployment_id: str, inputs: "Sequence[TruncateInput]"
) -> "Request[List[TruncatePromptResult]]":
    """Tell which messages have to go so that the rest fits into `max_prompt_tokens`.

    Args:
        deployment_id: as `list()` gives it; that of a custom application may be encoded or not.
        inputs: each a chat request with its limit, `{"messages": [...], "max_prompt_tokens": 100}`, or messages alone.
    Returns:
        One result per input, in the same order: `discarded_messages` (indices into its messages) where `status` is
        "success", else `error`.
    Raises:
        PermissionDeniedError: the deployment does not truncate prompts.

    POST /v1/deployments/{id}/truncate_prompt
    """
    values = [_chat_request(value) for value in list_given("inputs", inputs, empty=True)]
    return _for_each("truncate_prompt", deployment_id, values, TruncatePromptResult.from_json)


def rate(
    config: Config, deployment_id: str, response_id: str, rate: bool, comment: Optional[str] = None
) -> Request[None]:
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
    if not isinstance(response_id, str) or not response_id:
        raise InvalidRequestError("response_id must be the id of an answer")
    value: Dict[str, Any] = {"responseId": response_id, "rate": rate}
    if comment is not None:
        value["comment"] = comment
    return Request("POST", "/v1/%s/rate" % encode_id(deployment_id), body=json_body(value), decode=nothing)


def _schema(answer: Answer) -> Optional[Dict[str, Any]]:
    value = json_value(answer) if answer.content.strip() else None
    if value is not None and not isinstance(value, dict):
        raise ParsingDataError("expected a JSON schema, an object")
    return value


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


def _for_each(
    endpoint: str, deployment_id: str, inputs: List[Any], from_json: Callable[[Any, str], T]
) -> "Request[List[T]]":
    """Ask for one result per input."""
    read = list_of(from_json, "outputs")

    def decode(answer: Answer) -> List[T]:
        outputs = read(answer)
        if len(outputs) != len(inputs):
            raise ParsingDataError("%d inputs have %d results" % (len(inputs), len(outputs)), path="outputs")
        return outputs

    path = "/v1/deployments/%s/%s" % (encode_id(deployment_id), endpoint)
    return Request("POST", path, body=json_body({"inputs": inputs}), decode=decode)


class Deployments(SyncResource):
    """Everything that can be called by id."""

    list = sync_method(list_deployments)
    list_names = sync_method(list_names)
    get = sync_method(get)
    get_configuration_schema = sync_method(get_configuration_schema)
    limits = sync_method(limits)
    tokenize = sync_method(tokenize)
    truncate_prompt = sync_method(truncate_prompt)
    rate = sync_method(rate)


class AsyncDeployments(AsyncResource):
    """Everything that can be called by id."""

    list = async_method(list_deployments)
    list_names = async_method(list_names)
    get = async_method(get)
    get_configuration_schema = async_method(get_configuration_schema)
    limits = async_method(limits)
    tokenize = async_method(tokenize)
    truncate_prompt = async_method(truncate_prompt)
    rate = async_method(rate)
