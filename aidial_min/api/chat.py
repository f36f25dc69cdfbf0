"""Chat completions, whole and streamed.

`create` has a sync and an async version, since its result depends on `stream` (three overloads each); what it sends is
written once.
It knows the chat endpoint and its parameters; it must not know sockets, retries or loops.
"""

from collections.abc import Iterable, Mapping  # isinstance() of those of typing is slow
from functools import cached_property
from typing import TYPE_CHECKING, Any, Optional, Union, overload

from ..core.call import Config, Request, as_it_came, completion_of
from ..core.config import NOT_GIVEN, NotGiven
from ..core.events import Events
from ..core.limits import TimeoutValue
from ..core.tables import AsyncResource, SyncResource, describe
from ..errors import InvalidRequestError
from ..types._model import Model, plain
from ..types.chat.request import ChatParams
from ..types.chat.response import ChatCompletionChunk, ChatCompletionResponse
from .deployment_call import deployment_call, mapping_given, named_params, structure

if TYPE_CHECKING:
    from typing import Literal

    from typing_extensions import Unpack

    from ..transport.streams import AsyncStream, Stream
    from ..types.chat.request_param import Message

CHUNKS = Events(ChatCompletionChunk.from_json, ChatCompletionResponse.from_json)
"""A chat stream: chunks, merged into one response."""

_KNOWN = frozenset(ChatParams.__annotations__)


def create(
    config: Config,
    *,
    deployment_name: str,
    messages: "Iterable[Message]",
    stream: bool = False,
    api_version: Optional[str] = None,
    extra_headers: Optional[Mapping[str, str]] = None,
    extra_query: Optional[Mapping[str, Any]] = None,
    extra_params: Optional[Mapping[str, Any]] = None,
    extra_body: Optional[Mapping[str, Any]] = None,
    timeout: Union[TimeoutValue, NotGiven] = NOT_GIVEN,
    max_retries: Optional[int] = None,
    **params: Any,
) -> Request[Any]:
    """Answer a conversation.

    Args:
        deployment_name: id of a model or application; custom ones ("applications/{bucket}/my app") encoded or not.
        messages: dicts as on the wire, or models that came in earlier answers; nulls but `content` are left out.
        stream: give the answer in pieces, as it is written.
        api_version: for the upstream model; the client's `api_version` if None.
        extra_headers, extra_query, extra_body: further header fields, query parameters, members of the body
            (they win over the named ones; `extra_params` is a synonym of `extra_query`).
        timeout: seconds, a Timeout or None, for this call. max_retries: for this call.
        **params: see ChatParams (temperature, max_tokens, tools, custom_fields, ...); None is left out.
    Returns:
        ChatCompletionResponse, or with `stream=True` a Stream of ChatCompletionChunk.
    Raises:
        TypeError: a parameter that is not in ChatParams (use `extra_body` for it).
        ServerError: no usable upstream, or the deployment failed. RateLimitError: too many requests or tokens.

    POST /openai/deployments/{deployment}/chat/completions
    """
    if isinstance(messages, (str, bytes, Mapping, Model)) or not isinstance(messages, Iterable):
        raise InvalidRequestError("messages must be a list of messages like {'role': 'user', 'content': '...'}")
    body = named_params("create", params, _KNOWN)
    body["messages"] = [_message(message) for message in messages]
    body["stream"] = bool(stream)
    return deployment_call(
        config,
        deployment_name,
        "chat/completions",
        body,
        as_it_came if stream else completion_of(ChatCompletionResponse.from_json),
        api_version=api_version,
        extra_headers=extra_headers,
        extra_query={**mapping_given("extra_params", extra_params), **mapping_given("extra_query", extra_query)},
        extra_body=extra_body,
        timeout=timeout,
        max_retries=max_retries,
    )


def _message(message: Any) -> Any:
    """A message as JSON, without nulls: Core of 2024 answers an empty 400 to those in the structures of attachments.

    Others are refused by some upstreams, and `model_dump()` writes one for every field that did not come.
    """
    value = plain(dict(message) if isinstance(message, Mapping) else message)
    if not isinstance(value, dict):
        return value
    value = {key: item for key, item in value.items() if item is not None or key == "content"}
    if isinstance(value.get("custom_content"), dict):
        value["custom_content"] = structure(value["custom_content"])
    return value


class ChatCompletions(SyncResource):
    """Chat completions."""

    @overload
    def create(
        self,
        *,
        deployment_name: str,
        messages: "Iterable[Message]",
        stream: "Literal[True]",
        api_version: Optional[str] = None,
        extra_headers: Optional[Mapping[str, str]] = None,
        extra_query: Optional[Mapping[str, Any]] = None,
        extra_params: Optional[Mapping[str, Any]] = None,
        extra_body: Optional[Mapping[str, Any]] = None,
        timeout: Union[TimeoutValue, NotGiven] = NOT_GIVEN,
        max_retries: Optional[int] = None,
        **params: "Unpack[ChatParams]",
    ) -> "Stream[ChatCompletionChunk]": ...

    @overload
    def create(
        self,
        *,
        deployment_name: str,
        messages: "Iterable[Message]",
        stream: "Literal[False]" = False,
        api_version: Optional[str] = None,
        extra_headers: Optional[Mapping[str, str]] = None,
        extra_query: Optional[Mapping[str, Any]] = None,
        extra_params: Optional[Mapping[str, Any]] = None,
        extra_body: Optional[Mapping[str, Any]] = None,
        timeout: Union[TimeoutValue, NotGiven] = NOT_GIVEN,
        max_retries: Optional[int] = None,
        **params: "Unpack[ChatParams]",
    ) -> ChatCompletionResponse: ...

    @overload
    def create(
        self,
        *,
        deployment_name: str,
        messages: "Iterable[Message]",
        stream: bool,
        api_version: Optional[str] = None,
        extra_headers: Optional[Mapping[str, str]] = None,
        extra_query: Optional[Mapping[str, Any]] = None,
        extra_params: Optional[Mapping[str, Any]] = None,
        extra_body: Optional[Mapping[str, Any]] = None,
        timeout: Union[TimeoutValue, NotGiven] = NOT_GIVEN,
        max_retries: Optional[int] = None,
        **params: "Unpack[ChatParams]",
    ) -> "Union[ChatCompletionResponse, Stream[ChatCompletionChunk]]": ...

    def create(self, *, stream: bool = False, **arguments: Any) -> Any:
        client = self._client
        request = create(client._config, stream=stream, **arguments)
        return client._stream(request, CHUNKS) if stream else client._run(request)


class AsyncChatCompletions(AsyncResource):
    """Chat completions."""

    @overload
    async def create(
        self,
        *,
        deployment_name: str,
        messages: "Iterable[Message]",
        stream: "Literal[True]",
        api_version: Optional[str] = None,
        extra_headers: Optional[Mapping[str, str]] = None,
        extra_query: Optional[Mapping[str, Any]] = None,
        extra_params: Optional[Mapping[str, Any]] = None,
        extra_body: Optional[Mapping[str, Any]] = None,
        timeout: Union[TimeoutValue, NotGiven] = NOT_GIVEN,
        max_retries: Optional[int] = None,
        **params: "Unpack[ChatParams]",
    ) -> "AsyncStream[ChatCompletionChunk]": ...

    @overload
    async def create(
        self,
        *,
        deployment_name: str,
        messages: "Iterable[Message]",
        stream: "Literal[False]" = False,
        api_version: Optional[str] = None,
        extra_headers: Optional[Mapping[str, str]] = None,
        extra_query: Optional[Mapping[str, Any]] = None,
        extra_params: Optional[Mapping[str, Any]] = None,
        extra_body: Optional[Mapping[str, Any]] = None,
        timeout: Union[TimeoutValue, NotGiven] = NOT_GIVEN,
        max_retries: Optional[int] = None,
        **params: "Unpack[ChatParams]",
    ) -> ChatCompletionResponse: ...

    @overload
    async def create(
        self,
        *,
        deployment_name: str,
        messages: "Iterable[Message]",
        stream: bool,
        api_version: Optional[str] = None,
        extra_headers: Optional[Mapping[str, str]] = None,
        extra_query: Optional[Mapping[str, Any]] = None,
        extra_params: Optional[Mapping[str, Any]] = None,
        extra_body: Optional[Mapping[str, Any]] = None,
        timeout: Union[TimeoutValue, NotGiven] = NOT_GIVEN,
        max_retries: Optional[int] = None,
        **params: "Unpack[ChatParams]",
    ) -> "Union[ChatCompletionResponse, AsyncStream[ChatCompletionChunk]]": ...

    async def create(self, *, stream: bool = False, **arguments: Any) -> Any:
        client = self._client
        request = create(client._config, stream=stream, **arguments)
        return await (client._stream(request, CHUNKS) if stream else client._run(request))


describe(ChatCompletions.create, create, "Union[ChatCompletionResponse, Stream[ChatCompletionChunk]]")
describe(AsyncChatCompletions.create, create, "Union[ChatCompletionResponse, AsyncStream[ChatCompletionChunk]]")


class Chat(SyncResource):
    """`chat.completions`."""

    @cached_property
    def completions(self) -> ChatCompletions:
        """Chat completions."""
        return ChatCompletions(self._client)


class AsyncChat(AsyncResource):
    """`chat.completions`."""

    @cached_property
    def completions(self) -> AsyncChatCompletions:
        """Chat completions."""
        return AsyncChatCompletions(self._client)
