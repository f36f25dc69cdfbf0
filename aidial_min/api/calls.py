"""What deployments are asked: chat completions, whole or as streams.

What they have in common with legacy completions and embeddings (texts.py) and with the Responses API (responses.py) is
written once in `DeploymentCalls`. What `create` gives depends on `stream`: overloads declare its type.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping  # isinstance() of those of typing is slow
from functools import cached_property
from typing import TYPE_CHECKING, Any, Callable, Dict, Literal, Optional, Protocol, TypedDict, TypeVar, Union, overload

from ..core.body import json_body
from ..core.call import Answer, Request, as_it_came, completion_of
from ..core.hints import by_name
from ..core.operation import Async, Bound, Resource, Sync, overloaded
from ..core.settings import NOT_GIVEN, NotGiven, dict_of_call, retry_of_call, timeout_of_call
from ..core.urls import encode_id, encode_segment
from ..errors import InvalidRequestError, loading
from ..types._model import Model
from ..types._plain import plain
from ..types.chat.response import ChatCompletionChunk, ChatCompletionMessage, ChatCompletionResponse

if TYPE_CHECKING:
    from typing import Coroutine

    from typing_extensions import Unpack

    from ..core.completion_stream import Events
    from ..core.limits import TimeoutValue
    from ..core.operation import Either, Later, Streamed, Whole
    from ..transport.streams import AsyncStream, Stream
    from ..types.chat.request import ChatParams
    from ..types.chat.request_param import Message

    class CallOptions(TypedDict, total=False):
        """How a deployment is called; these are no parameters of the deployment itself."""

        api_version: Optional[str]
        extra_headers: Optional[Mapping[str, str]]
        extra_query: Optional[Mapping[str, Any]]
        extra_params: Optional[Mapping[str, Any]]
        extra_body: Optional[Mapping[str, Any]]
        timeout: Union[TimeoutValue, NotGiven]
        max_retries: Optional[int]
        conversation_id: Optional[str]
        cache_policy: Optional[Union[Literal["availability-priority", "cache-priority"], str]]

    class ChatOptions(ChatParams, CallOptions, total=False): ...

    class CreateChat(Protocol[Whole, Streamed, Either]):
        # fmt: off
        @overload
        def __call__(self, *, deployment_name: str, messages: Iterable[Message], stream: Literal[True],
                     **options: Unpack[ChatOptions]) -> Streamed: ...
        @overload
        def __call__(self, *, deployment_name: str, messages: Iterable[Message], stream: Literal[False] = False,
                     **options: Unpack[ChatOptions]) -> Whole: ...
        @overload
        def __call__(self, *, deployment_name: str, messages: Iterable[Message], stream: bool,
                     **options: Unpack[ChatOptions]) -> Either: ...
        # fmt: on


T = TypeVar("T")

EXTRAS = ("extra_params", "extra_query", "extra_headers", "extra_body")


class DeploymentCalls(Resource):
    """What chat, completions, embeddings and responses have in common."""

    _path = "/openai/deployments/%s/"
    _events: Callable[[], Events]  # asked for streams alone, and loaded for them alone
    _whole: Callable[[Answer], Any]

    def _answer_to(self, name: str, body: Dict[str, Any], given: Dict[str, Any]) -> Coroutine[Any, Any, Any]:
        """The answer to a request, whole or as a stream."""
        if given.get("stream"):
            return self._open(self._request(name, {**body, "stream": True}, given, as_it_came), self._events())
        return self._call(self._request(name, {**body, "stream": False}, given, self._whole))

    def _request(
        self, name: str, body: Dict[str, Any], given: Dict[str, Any], decode: Callable[[Answer], T]
    ) -> Request[T]:
        """The request to a deployment.

        Args:
            body: what is sent in any case; nulls are left out.
            given: the other arguments of `create`. CallOptions are taken out of it; the rest is sent, too.
        """
        params, query, headers, members = [dict_of_call(key, given.pop(key)) if key in given else {} for key in EXTRAS]
        fields = _headers(given.pop("conversation_id", None), given.pop("cache_policy", None))
        version = given.pop("api_version", None) or self._config.api_version
        timeout, max_retries = given.pop("timeout", NOT_GIVEN), given.pop("max_retries", None)
        sent = {key: value for key, value in {**given, **body}.items() if value is not None}
        per_deployment = "%s" in self._path
        path = self._path % encode_id(name) if per_deployment else self._path
        if version is not None:
            params = {"api-version": version, **params}
        written = json_body({"model": name, **sent, **members})  # upstreams may ask for `model`
        limit, retry = timeout_of_call(timeout), retry_of_call(max_retries)
        query, headers = {**params, **query}, {**fields, **headers}
        return Request("POST", path, decode, query, headers, written, per_deployment, limit, retry)


def _headers(conversation: Any, policy: Any) -> Dict[str, Any]:
    """The header fields that call options stand for."""
    fields = {}
    if conversation is not None:
        if not isinstance(conversation, str) or not conversation.strip():
            raise InvalidRequestError("conversation_id must be a str")
        signs = (sign if " " <= sign <= "~" else encode_segment(sign) for sign in conversation.strip())
        fields["X-CONVERSATION-ID"] = "".join(signs)
    if policy is not None:
        if policy not in ("availability-priority", "cache-priority"):
            raise InvalidRequestError(
                "cache_policy must be availability-priority or cache-priority, not %r" % (policy,)
            )
        fields["X-DIAL-CACHE-POLICY"] = policy
    return fields


# ---------------------------------------------------------------- chat


class _ChatCompletions(DeploymentCalls):
    """Chat completions."""

    _path = DeploymentCalls._path + "chat/completions"
    _whole = staticmethod(completion_of(ChatCompletionResponse.from_json))

    def _events(self) -> Events:
        with loading():
            from ..core.completion_stream import Events

        return Events(ChatCompletionChunk.from_json, ChatCompletionResponse.from_json)

    # fmt: off
    @overloaded
    @by_name
    async def _create(
        self, /, *, deployment_name: str, messages: Iterable[Message], stream: bool = False,
        # ChatParams
        model: Any = None, functions: Any = None, function_call: Any = None, tools: Any = None, tool_choice: Any = None,
        parallel_tool_calls: Any = None, temperature: Any = None, top_p: Any = None, n: Any = None, stop: Any = None,
        max_tokens: Any = None, max_completion_tokens: Any = None, max_prompt_tokens: Any = None,
        presence_penalty: Any = None, frequency_penalty: Any = None, logit_bias: Any = None, seed: Any = None,
        user: Any = None, reasoning_effort: Any = None, verbosity: Any = None, service_tier: Any = None,
        modalities: Any = None, audio: Any = None, prediction: Any = None, web_search_options: Any = None,
        metadata: Any = None, store: Any = None, safety_identifier: Any = None, moderation: Any = None,
        prompt_cache_key: Any = None, prompt_cache_options: Any = None, prompt_cache_retention: Any = None,
        response_format: Any = None, stream_options: Any = None, custom_fields: Any = None, logprobs: Any = None,
        top_logprobs: Any = None, addons: Any = None, data_sources: Any = None,
        # CallOptions
        api_version: Any = None, extra_headers: Any = None, extra_query: Any = None, extra_params: Any = None,
        extra_body: Any = None, timeout: Any = NOT_GIVEN, max_retries: Any = None, conversation_id: Any = None,
        cache_policy: Any = None,
    ) -> Union[ChatCompletionResponse, Stream[ChatCompletionChunk]]:
        # fmt: on
        """Answer a conversation.

        Args:
            deployment_name: id of a model or application; custom ones ("applications/{bucket}/my app") encoded or not.
            messages: dicts as on the wire, or models that came in earlier answers; nulls but `content` are left out.
            stream: give the answer in pieces, as it is written.
            model, ..., data_sources: parameters of the deployment, see ChatParams; None is left out.
            api_version: for the upstream model; the client's `api_version` if None.
            extra_headers, extra_query, extra_body: further header fields, query parameters, members of the body
                (they win over the named ones; `extra_params` is a synonym of `extra_query`).
            timeout: seconds, a Timeout or None, for this call.
            max_retries: for this call.
            conversation_id: of the user's conversation, for logs and analytics.
            cache_policy: "cache-priority" prefers the upstream whose prompt cache is warm.
        Returns:
            ChatCompletionResponse, or with `stream=True` a Stream of ChatCompletionChunk.
        Raises:
            TypeError: a parameter that is not known (use `extra_body` for it).
            ServerError: no usable upstream, or the deployment failed.
            RateLimitError: too many requests or tokens.

        POST /openai/deployments/{deployment}/chat/completions
        """
        raise NotImplementedError

    def _answer(self, given: Dict[str, Any]) -> Coroutine[Any, Any, Any]:
        messages = given["messages"]
        if not isinstance(messages, list):  # which is quickly found
            if not isinstance(messages, Iterable) or isinstance(messages, (str, bytes, dict, Mapping, Model)):
                raise InvalidRequestError("messages must be a list of messages like {'role': 'user', 'content': '...'}")
        body = {"messages": [_message(message, index) for index, message in enumerate(messages)]}
        return self._answer_to(given.pop("deployment_name"), body, given)

    # fmt: off
    create: Bound[
        CreateChat[ChatCompletionResponse, Stream[ChatCompletionChunk],
                   Union[ChatCompletionResponse, Stream[ChatCompletionChunk]]],
        CreateChat[Later[ChatCompletionResponse], Later[AsyncStream[ChatCompletionChunk]],
                   Later[Union[ChatCompletionResponse, AsyncStream[ChatCompletionChunk]]]],
    ] = _create
    # fmt: on


class ChatCompletions(_ChatCompletions, Sync):
    """Chat completions."""


class AsyncChatCompletions(_ChatCompletions, Async):
    """Chat completions."""


class Chat(Resource, Sync):
    """Chat completions: ``client.chat.completions.create(...)``."""

    @cached_property
    def completions(self) -> ChatCompletions:
        """Chat completions."""
        return ChatCompletions(self._client)


class AsyncChat(Resource, Async):
    """Chat completions: ``client.chat.completions.create(...)``."""

    @cached_property
    def completions(self) -> AsyncChatCompletions:
        """Chat completions."""
        return AsyncChatCompletions(self._client)


def _message(message: Any, index: int) -> Any:
    """A message as JSON, without nulls: Core of 2024 answers an empty 400 to those in the structures of attachments.

    Others are refused by some upstreams, and `model_dump()` writes one for every field that did not come. An empty list
    of tool calls, which some gateways send with every answer, is refused by others.
    """
    value = plain(message, ("messages", index))
    if not isinstance(value, dict):
        return value
    value = {key: item for key, item in value.items() if item is not None or key == "content"}
    if value.get("tool_calls") == []:
        del value["tool_calls"]
    if isinstance(message, ChatCompletionMessage):
        value["role"] = message.role  # some gateways leave it out
    if isinstance(value.get("custom_content"), dict):
        value["custom_content"] = structure(value["custom_content"])
    return value


def structure(value: Any) -> Any:
    """Attachments, stages and what they consist of, as JSON: without nulls, and with addresses that Core can read."""
    if isinstance(value, list):
        return [structure(item) for item in value]
    if not isinstance(value, dict):
        return value
    opaque = ("state", "form_value", "form_schema")
    found = {key: item if key in opaque else structure(item) for key, item in value.items() if item is not None}
    for key in ("url", "reference_url"):
        if isinstance(found.get(key), str) and found[key].startswith(("files/", "metadata/files/")):
            found[key] = found[key].replace(":", "%3A")  # as Core writes it, it can't read it: "12:30.txt" is a 400
    return found
