"""What deployments are asked: chat completions, legacy completions and embeddings; whole, or as streams.

What they and the Responses API (responses.py) have in common is written once in `DeploymentCalls`; `create` is declared
for both clients, since what it gives depends on `stream`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping  # isinstance() of those of typing is slow
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar, overload
from urllib.parse import quote

from ..core.body import json_body
from ..core.call import Request, as_it_came, completion_of
from ..core.completion_stream import Events
from ..core.hints import by_name
from ..core.operation import Async, Resource, Sync, operation
from ..core.settings import NOT_GIVEN, NotGiven, retry_of_call, timeout_of_call
from ..core.urls import encode_id
from ..errors import InvalidRequestError
from ..types._model import Model
from ..types._plain import plain
from ..types.chat.response import ChatCompletionChunk, ChatCompletionMessage, ChatCompletionResponse
from ..types.completion import CompletionChunk, CompletionResponse
from ..types.embeddings import EmbeddingsResponse

if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Literal, Optional, Sequence, TypedDict, Union

    from typing_extensions import Unpack

    from ..core.call import Answer
    from ..core.limits import TimeoutValue
    from ..transport.streams import AsyncStream, Stream
    from ..types.chat.request import ChatParams
    from ..types.chat.request_param import Message
    from ..types.completion import CompletionParams, CompletionPrompt
    from ..types.embeddings import CustomEmbeddingsInput, EmbeddingsCustomFields, EmbeddingsInput

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

    class CompletionOptions(CompletionParams, CallOptions, total=False): ...


T = TypeVar("T")

OPTIONS = frozenset(
    """
    api_version extra_headers extra_query extra_params extra_body timeout max_retries conversation_id cache_policy
    """.split()
)
"""The names of CallOptions."""
EXTRAS = ("extra_params", "extra_query", "extra_headers", "extra_body")
APART = OPTIONS | {"self", "deployment_name", "messages", "prompt", "stream"}
"""What `create` takes that is no optional parameter of a deployment."""


class DeploymentCalls(Resource):
    """What chat, completions, embeddings and responses have in common."""

    _path = "/openai/deployments/%s/"
    _events: Events
    _whole: Callable[[Answer], Any]

    async def _answer_to(self, name: str, body: Dict[str, Any], given: Dict[str, Any], stream: bool) -> Any:
        """The answer to a request, whole or as a stream."""
        if stream:
            return await self._open(self._request(name, {**body, "stream": True}, given, as_it_came), self._events)
        return await self._call(self._request(name, {**body, "stream": False}, given, self._whole))

    def _request(
        self, name: str, body: Dict[str, Any], given: Dict[str, Any], decode: Callable[[Answer], T]
    ) -> Request[T]:
        """The request to a deployment.

        Args:
            body: what is sent in any case; nulls are left out.
            given: the arguments of `create`: parameters of the deployment, and CallOptions.
        """
        extra = {key: _mapping(key, given.get(key)) for key in EXTRAS}
        query = {"api-version": given.get("api_version") or self._config.api_version}
        sent = {key: value for key, value in given.items() if value is not None and key not in APART}
        sent.update((key, value) for key, value in body.items() if value is not None)
        per_deployment = "%s" in self._path
        return Request(
            "POST",
            self._path % encode_id(name) if per_deployment else self._path,
            decode=decode,
            query={**query, **extra["extra_params"], **extra["extra_query"]},
            headers={**_headers(given), **extra["extra_headers"]},
            body=json_body({"model": name, **sent, **extra["extra_body"]}),  # upstreams may ask for `model`
            upstream=per_deployment,
            timeout=timeout_of_call(given.get("timeout", NOT_GIVEN)),
            retry=retry_of_call(given.get("max_retries")),
        )


def _headers(options: Dict[str, Any]) -> Dict[str, Any]:
    """The header fields that call options stand for."""
    conversation, policy = options.get("conversation_id"), options.get("cache_policy")
    if conversation is not None:
        if not isinstance(conversation, str) or not conversation.strip():
            raise InvalidRequestError("conversation_id must be a str")
        conversation = "".join(sign if " " <= sign <= "~" else quote(sign) for sign in conversation.strip())
    if policy not in (None, "availability-priority", "cache-priority"):
        raise InvalidRequestError("cache_policy must be availability-priority or cache-priority, not %r" % (policy,))
    fields = {"X-CONVERSATION-ID": conversation, "X-DIAL-CACHE-POLICY": policy}
    return {name: value for name, value in fields.items() if value is not None}


def _mapping(name: str, value: Any) -> Mapping[str, Any]:
    if value is not None and not isinstance(value, Mapping):
        raise InvalidRequestError("%s must be a dict, not %s" % (name, type(value).__name__))
    return value if value is not None else {}


# ---------------------------------------------------------------- chat


class _ChatCompletions(DeploymentCalls):
    """Chat completions."""

    _path = DeploymentCalls._path + "chat/completions"
    _events = Events(ChatCompletionChunk.from_json, ChatCompletionResponse.from_json)
    _whole = staticmethod(completion_of(ChatCompletionResponse.from_json))

    # fmt: off
    @operation
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
        given = {**locals()}
        if isinstance(messages, (str, bytes, Mapping, Model)) or not isinstance(messages, Iterable):
            raise InvalidRequestError("messages must be a list of messages like {'role': 'user', 'content': '...'}")
        body = {"messages": [_message(message, index) for index, message in enumerate(messages)]}
        return await self._answer_to(deployment_name, body, given, stream)  # type: ignore[no-any-return]

    if not TYPE_CHECKING:  # the clients' classes declare it, for both results
        create = _create


class ChatCompletions(_ChatCompletions, Sync):
    """Chat completions."""

    if TYPE_CHECKING:
        # fmt: off
        @overload
        def create(self, *, deployment_name: str, messages: Iterable[Message], stream: Literal[True],
                   **options: Unpack[ChatOptions]) -> Stream[ChatCompletionChunk]: ...
        @overload
        def create(self, *, deployment_name: str, messages: Iterable[Message], stream: Literal[False] = False,
                   **options: Unpack[ChatOptions]) -> ChatCompletionResponse: ...
        @overload
        def create(self, *, deployment_name: str, messages: Iterable[Message], stream: bool,
                   **options: Unpack[ChatOptions]) -> Union[ChatCompletionResponse, Stream[ChatCompletionChunk]]: ...
        # fmt: on
        def create(self, *, deployment_name: str, messages: Any, stream: bool = False, **options: Any) -> Any: ...


class AsyncChatCompletions(_ChatCompletions, Async):
    """Chat completions."""

    if TYPE_CHECKING:
        # fmt: off
        @overload
        async def create(self, *, deployment_name: str, messages: Iterable[Message], stream: Literal[True],
                         **options: Unpack[ChatOptions]) -> AsyncStream[ChatCompletionChunk]: ...
        @overload
        async def create(self, *, deployment_name: str, messages: Iterable[Message], stream: Literal[False] = False,
                         **options: Unpack[ChatOptions]) -> ChatCompletionResponse: ...
        @overload
        async def create(self, *, deployment_name: str, messages: Iterable[Message], stream: bool,
                         **options: Unpack[ChatOptions]
                         ) -> Union[ChatCompletionResponse, AsyncStream[ChatCompletionChunk]]: ...
        # fmt: on
        async def create(self, *, deployment_name: str, messages: Any, stream: bool = False, **options: Any) -> Any: ...


class Chat(Resource, Sync):
    """`chat.completions`."""

    @cached_property
    def completions(self) -> ChatCompletions:
        """Chat completions."""
        return ChatCompletions(self._client)


class AsyncChat(Resource, Async):
    """`chat.completions`."""

    @cached_property
    def completions(self) -> AsyncChatCompletions:
        """Chat completions."""
        return AsyncChatCompletions(self._client)


def _message(message: Any, index: int) -> Any:
    """A message as JSON, without nulls: Core of 2024 answers an empty 400 to those in the structures of attachments.

    Others are refused by some upstreams, and `model_dump()` writes one for every field that did not come.
    """
    value = plain(message, "messages[%d]" % index)
    if not isinstance(value, dict):
        return value
    value = {key: item for key, item in value.items() if item is not None or key == "content"}
    if isinstance(message, ChatCompletionMessage):
        value["role"] = message.role  # some gateways leave it out
    if isinstance(value.get("custom_content"), dict):
        value["custom_content"] = _structure(value["custom_content"])
    return value


def structure(value: Any) -> Any:
    """Attachments, stages and what they consist of, without nulls, and with addresses that Core can read."""
    return _structure(plain(value))


def _structure(value: Any) -> Any:
    if isinstance(value, list):
        return [_structure(item) for item in value]
    if not isinstance(value, dict):
        return value
    opaque = ("state", "form_value", "form_schema")
    found = {key: item if key in opaque else _structure(item) for key, item in value.items() if item is not None}
    for key in ("url", "reference_url"):
        if isinstance(found.get(key), str) and found[key].startswith(("files/", "metadata/files/")):
            found[key] = found[key].replace(":", "%3A")  # as Core writes it, it can't read it: "12:30.txt" is a 400
    return found


# ---------------------------------------------------------------- legacy completions


def _merged(answer: Dict[str, Any]) -> CompletionResponse:
    """The merged chunks as a text completion: they grow by `text` and have no messages."""
    choices = [{name: value for name, value in choice.items() if name != "message"} for choice in answer["choices"]]
    return CompletionResponse.from_json({**answer, "object": "text_completion", "choices": choices})


class _Completions(DeploymentCalls):
    """Legacy text completions."""

    _path = DeploymentCalls._path + "completions"
    _events = Events(CompletionChunk.from_json, _merged)
    _whole = staticmethod(completion_of(CompletionResponse.from_json))

    # fmt: off
    @operation
    @by_name
    async def _create(
        self, /, *, deployment_name: str, prompt: CompletionPrompt, stream: bool = False,
        # CompletionParams
        model: Any = None, suffix: Any = None, max_tokens: Any = None, temperature: Any = None, top_p: Any = None,
        n: Any = None, best_of: Any = None, stop: Any = None, presence_penalty: Any = None,
        frequency_penalty: Any = None, logit_bias: Any = None, logprobs: Any = None, echo: Any = None, seed: Any = None,
        user: Any = None, stream_options: Any = None, custom_fields: Any = None,
        # CallOptions
        api_version: Any = None, extra_headers: Any = None, extra_query: Any = None, extra_params: Any = None,
        extra_body: Any = None, timeout: Any = NOT_GIVEN, max_retries: Any = None, conversation_id: Any = None,
        cache_policy: Any = None,
    ) -> Union[CompletionResponse, Stream[CompletionChunk]]:
        # fmt: on
        """Continue a text (OpenAI's older API; most deployments offer chat completions only).

        Args:
            deployment_name, stream: as of chat completions.
            prompt: a text, texts, tokens, or lists of tokens.
            model, ..., custom_fields: parameters of the deployment, see CompletionParams; None is left out.
            api_version, ..., max_retries: as of chat completions.
        Returns:
            CompletionResponse, or with `stream=True` a Stream of CompletionChunk.
        Raises:
            TypeError: a parameter that is not known (use `extra_body` for it).

        POST /openai/deployments/{deployment}/completions
        """
        given = {**locals()}
        if not isinstance(prompt, (str, list, tuple)):
            raise InvalidRequestError("prompt must be a str, or a list of texts or tokens")
        return await self._answer_to(deployment_name, {"prompt": prompt}, given, stream)  # type: ignore[no-any-return]

    if not TYPE_CHECKING:  # the clients' classes declare it, for both results
        create = _create


class Completions(_Completions, Sync):
    """Legacy text completions."""

    if TYPE_CHECKING:
        # fmt: off
        @overload
        def create(self, *, deployment_name: str, prompt: CompletionPrompt, stream: Literal[True],
                   **options: Unpack[CompletionOptions]) -> Stream[CompletionChunk]: ...
        @overload
        def create(self, *, deployment_name: str, prompt: CompletionPrompt, stream: Literal[False] = False,
                   **options: Unpack[CompletionOptions]) -> CompletionResponse: ...
        @overload
        def create(self, *, deployment_name: str, prompt: CompletionPrompt, stream: bool,
                   **options: Unpack[CompletionOptions]) -> Union[CompletionResponse, Stream[CompletionChunk]]: ...
        # fmt: on
        def create(self, *, deployment_name: str, prompt: Any, stream: bool = False, **options: Any) -> Any: ...


class AsyncCompletions(_Completions, Async):
    """Legacy text completions."""

    if TYPE_CHECKING:
        # fmt: off
        @overload
        async def create(self, *, deployment_name: str, prompt: CompletionPrompt, stream: Literal[True],
                         **options: Unpack[CompletionOptions]) -> AsyncStream[CompletionChunk]: ...
        @overload
        async def create(self, *, deployment_name: str, prompt: CompletionPrompt, stream: Literal[False] = False,
                         **options: Unpack[CompletionOptions]) -> CompletionResponse: ...
        @overload
        async def create(self, *, deployment_name: str, prompt: CompletionPrompt, stream: bool,
                         **options: Unpack[CompletionOptions]
                         ) -> Union[CompletionResponse, AsyncStream[CompletionChunk]]: ...
        # fmt: on
        async def create(self, *, deployment_name: str, prompt: Any, stream: bool = False, **options: Any) -> Any: ...


# ---------------------------------------------------------------- embeddings


class _Embeddings(DeploymentCalls):
    _path = DeploymentCalls._path + "embeddings"

    @operation
    @by_name
    async def create(
        self,
        *,
        deployment_name: str,
        input: EmbeddingsInput,
        custom_input: Optional[Sequence[CustomEmbeddingsInput]] = None,
        encoding_format: Literal["float", "base64"] = "float",
        dimensions: Optional[int] = None,
        user: Optional[str] = None,
        custom_fields: Optional[EmbeddingsCustomFields] = None,
        api_version: Optional[str] = None,
        extra_headers: Optional[Mapping[str, str]] = None,
        extra_query: Optional[Mapping[str, Any]] = None,
        extra_params: Optional[Mapping[str, Any]] = None,
        extra_body: Optional[Mapping[str, Any]] = None,
        timeout: Union[TimeoutValue, NotGiven] = NOT_GIVEN,
        max_retries: Optional[int] = None,
    ) -> EmbeddingsResponse:
        """Turn texts into vectors.

        Args:
            deployment_name: id of a model or application.
            input: a text, texts, tokens, or lists of tokens; `[]` where `custom_input` says it all.
            custom_input: texts, attachments, or lists of both; each gives one vector.
            encoding_format: how vectors travel; "base64" is shorter. They come back as lists of floats in any case.
            dimensions: length of the vectors, where the model lets one choose.
            user: who asks, for the upstream model.
            custom_fields: what the texts are (`type`), and an `instruction` to the model.
            api_version, ..., max_retries: as of chat completions.
        Returns:
            One vector per input, in `data[i].embedding`.

        POST /openai/deployments/{deployment}/embeddings
        """
        given = {**locals()}
        if not isinstance(input, (str, list, tuple)):
            raise InvalidRequestError("input must be a str, or a list of texts or tokens")
        if custom_input is not None and not isinstance(custom_input, (list, tuple)):
            raise InvalidRequestError("custom_input must be a list of texts and attachments")
        body = {"custom_input": None if custom_input is None else structure(custom_input)}
        decode = completion_of(_embeddings)
        return await self._call(self._request(deployment_name, body, given, decode))


class Embeddings(_Embeddings, Sync):
    """Embeddings."""


class AsyncEmbeddings(_Embeddings, Async):
    """Embeddings."""


def _embeddings(value: Any) -> EmbeddingsResponse:
    """How an answer reads: vectors in base64 are unpacked before the model sees them."""
    if isinstance(value, dict) and isinstance(value.get("data"), list):
        value = {**value, "data": [_unpacked(item, index) for index, item in enumerate(value["data"])]}
    return EmbeddingsResponse.from_json(value)


def _unpacked(item: Any, index: int) -> Any:
    """An embedding whose vector is a list, and no longer little-endian 32-bit floats in base64."""
    vector = item.get("embedding") if isinstance(item, dict) else None
    if not isinstance(vector, str):
        return item
    import sys
    from array import array
    from base64 import b64decode

    from ..errors import ParsingDataError

    numbers = array("f")
    try:
        numbers.frombytes(b64decode(vector, validate=True))
    except ValueError:
        place = "data[%d].embedding" % index
        raise ParsingDataError("expected floats in base64 at %s" % place, path=place) from None
    if sys.byteorder == "big":
        numbers.byteswap()
    return {**item, "embedding": numbers.tolist()}
