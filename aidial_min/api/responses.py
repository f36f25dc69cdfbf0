"""The Responses API: OpenAI's newer way to ask a deployment; Core has it since 2026."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterable, List, Literal, Mapping, Optional, Protocol, Union, overload
from urllib.parse import unquote

from ..core.call import Answer, Request, as_it_came, completion_of, json_value, model_of
from ..core.completion_stream import Events
from ..core.hints import by_name
from ..core.operation import Async, Bound, Sync, operation, overloaded
from ..core.response_merge import ResponseMerge
from ..core.settings import NOT_GIVEN
from ..core.urls import encode_id, encode_segment
from ..errors import DialTimeoutError, InvalidRequestError
from ..types.responses import ResponseDeleted, ResponseEvent, ResponseObject, ResponseParams
from .arguments import text_given
from .calls import DeploymentCalls

if TYPE_CHECKING:
    from typing import Coroutine

    from typing_extensions import Unpack

    from ..core.operation import Either, Later, Streamed, Whole
    from ..transport.streams import AsyncStream, Stream
    from ..types._model import Model
    from .calls import CallOptions

    ResponseInput = Union[str, Iterable[Union[Mapping[str, Any], Model]]]

    class ResponseOptions(ResponseParams, CallOptions, total=False): ...

    class CreateResponse(Protocol[Whole, Streamed, Either]):
        # fmt: off
        @overload
        def __call__(self, *, model: str, input: ResponseInput, stream: Literal[True],
                     **options: Unpack[ResponseOptions]) -> Streamed: ...
        @overload
        def __call__(self, *, model: str, input: ResponseInput, stream: Literal[False] = False,
                     **options: Unpack[ResponseOptions]) -> Whole: ...
        @overload
        def __call__(self, *, model: str, input: ResponseInput, stream: bool,
                     **options: Unpack[ResponseOptions]) -> Either: ...
        # fmt: on

    class RetrieveResponse(Protocol[Whole, Streamed]):
        # fmt: off
        @overload
        def __call__(self, response_id: str, *, stream: Literal[True], starting_after: Optional[int] = None,
                     include: Optional[List[str]] = None) -> Streamed: ...
        @overload
        def __call__(self, response_id: str, *, stream: Literal[False] = False,
                     include: Optional[List[str]] = None) -> Whole: ...
        # fmt: on


REFUSED = ("previous_response_id", "conversation")
"""Core keeps no conversations."""
EVENTS = Events(ResponseEvent.from_json, ResponseObject.from_json, merge=ResponseMerge)
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
"""Seconds between two looks at a response that is in the making; each pause is half as long again."""


def _whole(answer: Answer) -> ResponseObject:
    """A whole answer; one that failed has an `error` like any other field."""
    value = json_value(answer)
    if isinstance(value, dict) and value.get("object") == "response":
        return ResponseObject.from_json(value)
    return completion_of(ResponseObject.from_json)(answer)


class _Responses(DeploymentCalls):
    _path = "/openai/v1/responses"
    _whole = staticmethod(_whole)

    def _events(self) -> Events:
        return EVENTS

    # fmt: off
    @overloaded
    @by_name
    async def _create(
        self, /, *, model: str, input: ResponseInput, stream: bool = False,
        # ResponseParams
        instructions: Any = None, background: Any = None, store: Any = None, include: Any = None,
        max_output_tokens: Any = None, max_tool_calls: Any = None, metadata: Any = None, moderation: Any = None,
        context_management: Any = None, parallel_tool_calls: Any = None, prompt: Any = None,
        prompt_cache_key: Any = None, prompt_cache_options: Any = None, prompt_cache_retention: Any = None,
        reasoning: Any = None, safety_identifier: Any = None, service_tier: Any = None, stream_options: Any = None,
        temperature: Any = None, text: Any = None, tool_choice: Any = None, tools: Any = None, top_logprobs: Any = None,
        top_p: Any = None, truncation: Any = None, user: Any = None, custom_fields: Any = None,
        previous_response_id: None = None, conversation: None = None,
        # CallOptions
        api_version: Any = None, extra_headers: Any = None, extra_query: Any = None, extra_params: Any = None,
        extra_body: Any = None, timeout: Any = NOT_GIVEN, max_retries: Any = None, conversation_id: Any = None,
        cache_policy: Any = None,
    ) -> Union[ResponseObject, Stream[ResponseEvent]]:
        # fmt: on
        """Answer an input.

        Args:
            model: id of the deployment; that of a custom application may be encoded or not.
            input: a text, or a list of items: messages, items of earlier answers, outputs of tools.
            stream: give the answer as events, as it is written.
            instructions, ..., custom_fields: parameters of the deployment, see ResponseParams; None is left out.
            previous_response_id, conversation: Core keeps no conversations; send the whole history as input.
            api_version, ..., cache_policy: as of chat completions.
        Returns:
            ResponseObject (`output_text` is its text), or with `stream=True` a Stream of ResponseEvent, whose
            `result()` is the response. With `background=True` the response is `queued`: see `wait`.
        Raises:
            TypeError: a parameter that is not known (use `extra_body` for it).
            InvalidRequestError: `previous_response_id` or `conversation` is given.
            EndpointNotSupportedError: Core before 0.42 has no Responses API.
            StreamInterruptedError: a stream ended before the response did; `.partial` has what came.

        POST /openai/v1/responses
        """
        raise NotImplementedError

    def _answer(self, given: dict[str, Any]) -> Coroutine[Any, Any, Any]:
        for name in REFUSED:
            if given.get(name) is not None:
                message = "Core does not support %s: send the whole history as input (or force it by extra_body)"
                raise InvalidRequestError(message % name)
        items = given["input"]
        if not isinstance(items, str):
            if isinstance(items, (bytes, dict)) or not hasattr(items, "__iter__"):
                message = "input must be a str, or a list of items like {'role': 'user', 'content': '...'}"
                raise InvalidRequestError(message)
            items = list(items)
        body = {"model": unquote(encode_id(given["model"])), "input": items}
        return self._answer_to(given["model"], body, given)

    @overloaded
    async def _retrieve(
        self,
        response_id: str,
        *,
        stream: bool = False,
        starting_after: Optional[int] = None,
        include: Optional[List[str]] = None,
    ) -> Union[ResponseObject, Stream[ResponseEvent]]:
        """A response that was made with `store` (the default), by this caller.

        Args:
            response_id: its `id`.
            stream: follow it as it is written, from its first event; so a background stream that broke off goes on.
            starting_after: `sequence_number` of the last event that came, to follow from there.
            include: further parts of the answer, e.g. "reasoning.encrypted_content".
        Returns:
            ResponseObject, or with `stream=True` a Stream of ResponseEvent.
        Raises:
            ResourceNotFoundError: there is none, or it was not stored.
            PermissionDeniedError: somebody else made it.

        GET /openai/v1/responses/{id}
        """
        query = {"stream": stream or None, "starting_after": starting_after, "include": include}
        if not stream:
            return await self._get_at(_path(response_id), _whole, query)
        request = Request("GET", _path(response_id), query=query, decode=as_it_came)
        return await self._open(request, EVENTS)  # type: ignore[no-any-return]

    # fmt: off
    create: Bound[
        CreateResponse[ResponseObject, Stream[ResponseEvent], Union[ResponseObject, Stream[ResponseEvent]]],
        CreateResponse[Later[ResponseObject], Later[AsyncStream[ResponseEvent]],
                       Later[Union[ResponseObject, AsyncStream[ResponseEvent]]]],
    ] = _create
    retrieve: Bound[
        RetrieveResponse[ResponseObject, Stream[ResponseEvent]],
        RetrieveResponse[Later[ResponseObject], Later[AsyncStream[ResponseEvent]]],
    ] = _retrieve
    # fmt: on

    @operation
    async def wait(self, response_id: str, *, timeout: Optional[float] = None) -> ResponseObject:
        """Wait for a background response to end, looking at it with growing pauses.

        Args:
            response_id: its `id`.
            timeout: seconds; None waits as long as it takes.
        Returns:
            The response, whose `status` is completed, incomplete, failed or cancelled.
        Raises:
            DialTimeoutError: it is still in the making; the job goes on.
            ResourceNotFoundError: there is none, or it was not stored.

        GET /openai/v1/responses/{id}
        """
        if not isinstance(timeout, (int, float, type(None))):
            raise InvalidRequestError("timeout must be a number of seconds or None, not %r" % (timeout,))
        clock = self._config.clock
        until, pause = None if timeout is None else clock() + timeout, FIRST_PAUSE
        request = Request("GET", _path(response_id), decode=_whole)
        while True:
            response = await self._call(request)
            if response.status not in ("queued", "in_progress"):
                return response
            if until is not None and clock() + pause > until:
                message = "the response is still %s after %g seconds" % (response.status, timeout or 0)
                raise DialTimeoutError(message, limit="total", request_sent="yes")
            await self._client._transport.verbs.sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE)

    @operation
    async def cancel(self, response_id: str) -> ResponseObject:
        """Cancel a background response.

        Args:
            response_id: its `id`.
        Returns:
            The response, whose `status` is normally cancelled.
        Raises:
            ResourceNotFoundError: there is none.

        POST /openai/v1/responses/{id}/cancel
        """
        path = _path(response_id) + "/cancel"
        return await self._call(Request("POST", path, decode=_whole))

    @operation
    async def delete(self, response_id: str) -> ResponseDeleted:
        """Delete a stored response.

        Args:
            response_id: its `id`.
        Raises:
            ResourceNotFoundError: there is none.
            ConflictError: it is still in the making.

        DELETE /openai/v1/responses/{id}
        """
        return await self._call(Request("DELETE", _path(response_id), decode=model_of(ResponseDeleted.from_json)))


class Responses(_Responses, Sync):
    """The Responses API: ``client.responses.create(...)``."""


class AsyncResponses(_Responses, Async):
    """The Responses API: ``client.responses.create(...)``."""


def _path(response_id: str) -> str:
    name = text_given("response_id", response_id, "the id of a response")
    return "/openai/v1/responses/" + encode_segment(name)  # one segment, though it may hold slashes
