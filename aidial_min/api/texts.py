"""What deployments are asked about texts: legacy completions go on with one, embeddings turn texts into vectors.

They stand apart from chat (calls.py), so that a first chat call does not load them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Literal, Mapping, Optional, Protocol, Sequence, Union, overload

from ..core.call import completion_of
from ..core.completion_stream import Events
from ..core.hints import by_name
from ..core.operation import Async, Bound, Sync, operation, overloaded
from ..core.settings import NOT_GIVEN, NotGiven
from ..errors import InvalidRequestError, ParsingDataError
from ..types._plain import plain
from ..types.completion import CompletionChunk, CompletionParams, CompletionPrompt, CompletionResponse
from ..types.embeddings import CustomEmbeddingsInput, EmbeddingsCustomFields, EmbeddingsInput, EmbeddingsResponse
from .calls import DeploymentCalls, structure

if TYPE_CHECKING:
    from typing import Coroutine

    from typing_extensions import Unpack

    from ..core.limits import TimeoutValue
    from ..core.operation import Either, Later, Streamed, Whole
    from ..transport.streams import AsyncStream, Stream
    from .calls import CallOptions

    class CompletionOptions(CompletionParams, CallOptions, total=False): ...

    class CreateCompletion(Protocol[Whole, Streamed, Either]):
        # fmt: off
        @overload
        def __call__(self, *, deployment_name: str, prompt: CompletionPrompt, stream: Literal[True],
                     **options: Unpack[CompletionOptions]) -> Streamed: ...
        @overload
        def __call__(self, *, deployment_name: str, prompt: CompletionPrompt, stream: Literal[False] = False,
                     **options: Unpack[CompletionOptions]) -> Whole: ...
        @overload
        def __call__(self, *, deployment_name: str, prompt: CompletionPrompt, stream: bool,
                     **options: Unpack[CompletionOptions]) -> Either: ...
        # fmt: on


# ---------------------------------------------------------------- legacy completions


def _merged(answer: Dict[str, Any]) -> CompletionResponse:
    """The merged chunks as a text completion: they grow by `text` and have no messages."""
    choices = [{name: value for name, value in choice.items() if name != "message"} for choice in answer["choices"]]
    return CompletionResponse.from_json({**answer, "object": "text_completion", "choices": choices})


class _Completions(DeploymentCalls):
    """Legacy text completions."""

    _path = DeploymentCalls._path + "completions"
    _whole = staticmethod(completion_of(CompletionResponse.from_json))

    def _events(self) -> Events:
        return Events(CompletionChunk.from_json, _merged)

    # fmt: off
    @overloaded
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
        raise NotImplementedError

    def _answer(self, given: Dict[str, Any]) -> Coroutine[Any, Any, Any]:
        if not isinstance(given["prompt"], (str, list, tuple)):
            raise InvalidRequestError("prompt must be a str, or a list of texts or tokens")
        return self._answer_to(given.pop("deployment_name"), {}, given)

    # fmt: off
    create: Bound[
        CreateCompletion[CompletionResponse, Stream[CompletionChunk],
                         Union[CompletionResponse, Stream[CompletionChunk]]],
        CreateCompletion[Later[CompletionResponse], Later[AsyncStream[CompletionChunk]],
                         Later[Union[CompletionResponse, AsyncStream[CompletionChunk]]]],
    ] = _create
    # fmt: on


class Completions(_Completions, Sync):
    """Legacy text completions."""


class AsyncCompletions(_Completions, Async):
    """Legacy text completions."""


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
        raise NotImplementedError

    def _answer(self, given: Dict[str, Any]) -> Coroutine[Any, Any, Any]:
        custom_input = given.get("custom_input")
        if not isinstance(given["input"], (str, list, tuple)):
            raise InvalidRequestError("input must be a str, or a list of texts or tokens")
        if custom_input is not None and not isinstance(custom_input, (list, tuple)):
            raise InvalidRequestError("custom_input must be a list of texts and attachments")
        body = {"encoding_format": given.get("encoding_format", "float")}
        body["custom_input"] = None if custom_input is None else structure(plain(custom_input))
        decode = completion_of(_embeddings)
        return self._call(self._request(given.pop("deployment_name"), body, given, decode))


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

    numbers = array("f")
    try:
        numbers.frombytes(b64decode(vector, validate=True))
    except ValueError:
        place = "data[%d].embedding" % index
        raise ParsingDataError("expected floats in base64 at %s" % place, path=place) from None
    if sys.byteorder == "big":
        numbers.byteswap()
    return {**item, "embedding": numbers.tolist()}
