"""Legacy text completions, whole and streamed.

`create` has a sync and an async version, since its result depends on `stream` (three overloads each); what it sends is
written once.
It knows the completions endpoint and its parameters; it must not know sockets, retries or loops.
"""

from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional, Union, overload

from ..core.call import Config, Request, as_it_came, completion_of
from ..core.config import NOT_GIVEN, NotGiven
from ..core.events import Events
from ..core.limits import TimeoutValue
from ..core.tables import AsyncResource, SyncResource, describe
from ..errors import InvalidRequestError
from ..types.completion import CompletionChunk, CompletionParams, CompletionResponse
from .deployment_call import deployment_call, named_params

if TYPE_CHECKING:
    from typing import Literal

    from typing_extensions import Unpack

    from ..transport.streams import AsyncStream, Stream
    from ..types.completion import CompletionPrompt


def _merged(answer: Dict[str, Any]) -> CompletionResponse:
    """The merged chunks as a text completion: they grow by `text` and have no messages."""
    choices = [{name: value for name, value in choice.items() if name != "message"} for choice in answer["choices"]]
    return CompletionResponse.from_json({**answer, "object": "text_completion", "choices": choices})


CHUNKS = Events(CompletionChunk.from_json, _merged)
"""A stream of text: chunks, merged into one response."""

_KNOWN = frozenset(CompletionParams.__annotations__)


def create(
    config: Config,
    *,
    deployment_name: str,
    prompt: "CompletionPrompt",
    stream: bool = False,
    api_version: Optional[str] = None,
    extra_headers: Optional[Mapping[str, str]] = None,
    extra_query: Optional[Mapping[str, Any]] = None,
    extra_body: Optional[Mapping[str, Any]] = None,
    timeout: Union[TimeoutValue, NotGiven] = NOT_GIVEN,
    max_retries: Optional[int] = None,
    **params: Any,
) -> Request[Any]:
    """Continue a text (OpenAI's older API; most deployments offer chat completions only).

    Args:
        deployment_name: id of a model or application; custom ones ("applications/{bucket}/my app") encoded or not.
        prompt: a text, texts, tokens, or lists of tokens.
        stream: give the answer in pieces, as it is written.
        api_version: for the upstream model; the client's `api_version` if None.
        extra_headers, extra_query, extra_body: further header fields, query parameters, members of the body
            (they win over the named ones).
        timeout: seconds, a Timeout or None, for this call. max_retries: for this call.
        **params: see CompletionParams (temperature, max_tokens, stop, ...); None is left out.
    Returns:
        CompletionResponse, or with `stream=True` a Stream of CompletionChunk.
    Raises:
        TypeError: a parameter that is not in CompletionParams (use `extra_body` for it).
        ServerError: no usable upstream, or the deployment failed. RateLimitError: too many requests or tokens.

    POST /openai/deployments/{deployment}/completions
    """
    if not isinstance(prompt, (str, list, tuple)):
        raise InvalidRequestError("prompt must be a str, or a list of texts or tokens")
    body = named_params("create", params, _KNOWN)
    body["prompt"] = prompt
    body["stream"] = bool(stream)
    return deployment_call(
        config,
        deployment_name,
        "completions",
        body,
        as_it_came if stream else completion_of(CompletionResponse.from_json),
        api_version=api_version,
        extra_headers=extra_headers,
        extra_query=extra_query,
        extra_body=extra_body,
        timeout=timeout,
        max_retries=max_retries,
    )


class Completions(SyncResource):
    """Legacy text completions."""

    @overload
    def create(
        self,
        *,
        deployment_name: str,
        prompt: "CompletionPrompt",
        stream: "Literal[True]",
        api_version: Optional[str] = None,
        extra_headers: Optional[Mapping[str, str]] = None,
        extra_query: Optional[Mapping[str, Any]] = None,
        extra_body: Optional[Mapping[str, Any]] = None,
        timeout: Union[TimeoutValue, NotGiven] = NOT_GIVEN,
        max_retries: Optional[int] = None,
        **params: "Unpack[CompletionParams]",
    ) -> "Stream[CompletionChunk]": ...

    @overload
    def create(
        self,
        *,
        deployment_name: str,
        prompt: "CompletionPrompt",
        stream: "Literal[False]" = False,
        api_version: Optional[str] = None,
        extra_headers: Optional[Mapping[str, str]] = None,
        extra_query: Optional[Mapping[str, Any]] = None,
        extra_body: Optional[Mapping[str, Any]] = None,
        timeout: Union[TimeoutValue, NotGiven] = NOT_GIVEN,
        max_retries: Optional[int] = None,
        **params: "Unpack[CompletionParams]",
    ) -> CompletionResponse: ...

    @overload
    def create(
        self,
        *,
        deployment_name: str,
        prompt: "CompletionPrompt",
        stream: bool,
        api_version: Optional[str] = None,
        extra_headers: Optional[Mapping[str, str]] = None,
        extra_query: Optional[Mapping[str, Any]] = None,
        extra_body: Optional[Mapping[str, Any]] = None,
        timeout: Union[TimeoutValue, NotGiven] = NOT_GIVEN,
        max_retries: Optional[int] = None,
        **params: "Unpack[CompletionParams]",
    ) -> "Union[CompletionResponse, Stream[CompletionChunk]]": ...

    def create(self, *, stream: bool = False, **arguments: Any) -> Any:
        client = self._client
        request = create(client._config, stream=stream, **arguments)
        return client._stream(request, CHUNKS) if stream else client._run(request)


class AsyncCompletions(AsyncResource):
    """Legacy text completions."""

    @overload
    async def create(
        self,
        *,
        deployment_name: str,
        prompt: "CompletionPrompt",
        stream: "Literal[True]",
        api_version: Optional[str] = None,
        extra_headers: Optional[Mapping[str, str]] = None,
        extra_query: Optional[Mapping[str, Any]] = None,
        extra_body: Optional[Mapping[str, Any]] = None,
        timeout: Union[TimeoutValue, NotGiven] = NOT_GIVEN,
        max_retries: Optional[int] = None,
        **params: "Unpack[CompletionParams]",
    ) -> "AsyncStream[CompletionChunk]": ...

    @overload
    async def create(
        self,
        *,
        deployment_name: str,
        prompt: "CompletionPrompt",
        stream: "Literal[False]" = False,
        api_version: Optional[str] = None,
        extra_headers: Optional[Mapping[str, str]] = None,
        extra_query: Optional[Mapping[str, Any]] = None,
        extra_body: Optional[Mapping[str, Any]] = None,
        timeout: Union[TimeoutValue, NotGiven] = NOT_GIVEN,
        max_retries: Optional[int] = None,
        **params: "Unpack[CompletionParams]",
    ) -> CompletionResponse: ...

    @overload
    async def create(
        self,
        *,
        deployment_name: str,
        prompt: "CompletionPrompt",
        stream: bool,
        api_version: Optional[str] = None,
        extra_headers: Optional[Mapping[str, str]] = None,
        extra_query: Optional[Mapping[str, Any]] = None,
        extra_body: Optional[Mapping[str, Any]] = None,
        timeout: Union[TimeoutValue, NotGiven] = NOT_GIVEN,
        max_retries: Optional[int] = None,
        **params: "Unpack[CompletionParams]",
    ) -> "Union[CompletionResponse, AsyncStream[CompletionChunk]]": ...

    async def create(self, *, stream: bool = False, **arguments: Any) -> Any:
        client = self._client
        request = create(client._config, stream=stream, **arguments)
        return await (client._stream(request, CHUNKS) if stream else client._run(request))


describe(Completions.create, create, "Union[CompletionResponse, Stream[CompletionChunk]]")
describe(AsyncCompletions.create, create, "Union[CompletionResponse, AsyncStream[CompletionChunk]]")
