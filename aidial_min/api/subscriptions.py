"""Streams of events that last: changes of stored resources, and the client channel.

Through the channel an application asks its user's client for something, and the client answers (JSON-RPC).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence, Union

from ..core.body import json_body
from ..core.call import Request, as_it_came, nothing
from ..core.completion_stream import Events
from ..core.operation import Async, Bound, Resource, Sync, operation
from ..core.settings import NOT_GIVEN, NotGiven, timeout_of_call
from ..core.urls import StorageUrl, item_path
from ..errors import DialException, InvalidRequestError
from ..types._plain import plain
from ..types.client_channel import ClientChannelRequest, ClientChannelResponse, SigninResult
from ..types.metadata import ResourceEvent
from .arguments import list_given, text_given, texts_given

if TYPE_CHECKING:
    from typing import Callable, Coroutine, TypeVar

    from typing_extensions import Concatenate, ParamSpec

    from ..core.limits import TimeoutValue
    from ..transport.streams import AsyncStream, Stream

    P = ParamSpec("P")
    E = TypeVar("E")

CHANGES = Events(ResourceEvent.from_json)
"""Changes of resources; the stream has no end of its own."""
CHANNEL = "/v1/ops/client-channel/"
HEADER = "X-DIAL-CLIENT-CHANNEL-ID"
REQUESTS = Events(ClientChannelRequest.from_json, fails=False)
"""What applications ask of the client; the stream has no end of its own."""


def streaming(
    function: Callable[Concatenate[Any, P], Coroutine[Any, Any, Stream[E]]],
) -> Bound[Callable[P, Stream[E]], Callable[P, Coroutine[Any, Any, AsyncStream[E]]]]:
    """A coroutine method that gives a stream of events: an operation, but for the class of the stream."""
    bound: Any = operation(function)
    return bound  # type: ignore[no-any-return]


class _Resources(Resource):
    @streaming
    async def subscribe(self, urls: Sequence[StorageUrl]) -> Stream[ResourceEvent]:
        """Be told when resources are created, updated or deleted.

        The stream goes on until it is closed. Nothing is repeated after a break: subscribe anew, and read the
        resources again.

        Args:
            urls: files, conversations, prompts, ... (no folders); they need not exist yet.
        Returns:
            A Stream of ResourceEvent: iterate over it, and close it or use it in a `with` block.
        Raises:
            PermissionDeniedError: one of them is not for the caller.
            ResponseInterruptedError: the stream broke off.

        POST /v1/ops/resource/subscribe
        """
        links = [{"url": item_path(self._config.origin, url).path} for url in list_given("urls", urls)]
        body = json_body({"resources": links})
        request = Request("POST", "/v1/ops/resource/subscribe", body=body, decode=as_it_came)
        return await self._open(request, CHANGES)  # type: ignore[no-any-return]


class Resources(_Resources, Sync):
    """Changes of resources, as they happen."""


class AsyncResources(_Resources, Async):
    """Changes of resources, as they happen."""


# ---------------------------------------------------------------- the client channel


class _ClientChannel(Resource):
    @operation
    async def signin_toolsets(
        self, *, channel_id: str, toolset_ids: Sequence[str], timeout: Union[TimeoutValue, NotGiven] = NOT_GIVEN
    ) -> Dict[str, SigninResult]:
        """Ask the user, through their client, to sign in to toolsets, and wait for the answers.

        Args:
            channel_id: of the user's client: header X-DIAL-CLIENT-CHANNEL-ID of the request that is being served.
            toolset_ids: e.g. "toolsets/public/my-tools"; an empty list asks for nothing.
            timeout: seconds, a Timeout or None, for this call: it lasts as long as the user takes.
        Returns:
            A SigninResult by toolset id, in the order given; what was not answered is ERROR.
        Raises:
            InvalidRequestError: `toolset_ids` is a str, or names a toolset twice.
            DialException: the channel could not pass the requests on, or closed without an answer.

        POST /v1/ops/client-channel/interact
        """
        ids = _ids("toolset_ids", toolset_ids)
        return await self._signin("toolset/signin", "toolsetId", channel_id, ids, timeout)

    @operation
    async def signin_services(
        self, *, channel_id: str, scope_ids: Sequence[str], timeout: Union[TimeoutValue, NotGiven] = NOT_GIVEN
    ) -> Dict[str, SigninResult]:
        """Ask the user, through their client, to sign in to external services, and wait for the answers.

        Args:
            channel_id, timeout: as of `signin_toolsets`.
            scope_ids: "applications/{app}/external_services/{service}"; an empty list asks for nothing.
        Returns:
            A SigninResult by scope id, in the order given; what was not answered is ERROR.
        Raises:
            InvalidRequestError: `scope_ids` is a str, or names a service twice.
            DialException: the channel could not pass the requests on, or closed without an answer.

        POST /v1/ops/client-channel/interact
        """
        ids = _ids("scope_ids", scope_ids)
        return await self._signin("external-service/signin", "url", channel_id, ids, timeout)

    async def _signin(
        self, method: str, param: str, channel_id: Any, ids: List[str], timeout: Union[TimeoutValue, NotGiven]
    ) -> Dict[str, SigninResult]:
        asked = [
            {"jsonrpc": "2.0", "method": method, "params": {param: name}, "id": str(number)}
            for number, name in enumerate(ids, start=1)
        ]
        if not asked:
            return {}
        path, headers, body = CHANNEL + "interact", _channel(channel_id), json_body(asked)
        limits = timeout_of_call(timeout)
        request = Request("POST", path, headers=headers, body=body, decode=as_it_came, timeout=limits)
        stream = await self._open(request, Events(lambda value: _signin_results(ids, value), fails=False))
        try:
            results: Optional[Dict[str, SigninResult]] = await stream._next()
        finally:
            stream._close()  # the server never ends it
        if results is None:
            raise DialException("the client channel closed without an answer", status_code=504, request_sent="yes")
        return results

    @streaming
    async def subscribe(self, channel_id: Optional[str] = None) -> Stream[ClientChannelRequest]:
        """Open a channel, as a user's client does, and read what applications ask.

        Args:
            channel_id: to come back to a channel after a break; None makes a new one.
        Returns:
            A Stream of ClientChannelRequest, whose `headers["X-DIAL-CLIENT-CHANNEL-ID"]` names a new channel. Send that
            header along with chat requests, so that applications can reach the client, and answer with `report`.
        Raises:
            EndpointNotSupportedError: Core of 2024 has no client channel.

        POST /v1/ops/client-channel/subscribe
        """
        headers = None if channel_id is None else _channel(channel_id)
        request = Request("POST", CHANNEL + "subscribe", headers=headers, decode=as_it_came)
        return await self._open(request, REQUESTS)  # type: ignore[no-any-return]

    @operation
    async def report(self, channel_id: str, response: Union[ClientChannelResponse, Mapping[str, Any]]) -> None:
        """Answer one request of an application.

        Args:
            channel_id: of this client.
            response: `{"id": ..., "result": ...}` or `{"id": ..., "error": {"code": ..., "message": ...}}` with the
                `id` of the request as it came; to `toolset/signin` the result is "success" or "denied".

        POST /v1/ops/client-channel/report
        """
        if not isinstance(response, (ClientChannelResponse, Mapping)):
            raise InvalidRequestError("response must be a dict like {'id': ..., 'result': ...}")
        value = {"jsonrpc": "2.0", **dict(plain(response))}
        if value.get("id") is None or ("result" in value) == ("error" in value):
            raise InvalidRequestError("response needs the id of the request, and either a result or an error")
        headers, body = _channel(channel_id), json_body(value)
        await self._call(Request("POST", CHANNEL + "report", headers=headers, body=body, decode=nothing))

    @operation
    async def unsubscribe(self, channel_id: str) -> None:
        """Close a channel.

        Args:
            channel_id: of this client.
        Raises:
            ResourceNotFoundError: there is none.

        POST /v1/ops/client-channel/unsubscribe
        """
        await self._call(Request("POST", CHANNEL + "unsubscribe", headers=_channel(channel_id), decode=nothing))


class ClientChannel(_ClientChannel, Sync):
    """The channel between an application and its user's client."""


class AsyncClientChannel(_ClientChannel, Async):
    """The channel between an application and its user's client."""


def _channel(channel_id: Any) -> Dict[str, Optional[str]]:
    return {HEADER: text_given("channel_id", channel_id, "the id of a client channel")}


def _ids(name: str, value: Any) -> List[str]:
    ids = texts_given(name, value, "a list of ids", empty=True)
    if len(set(ids)) != len(ids):
        raise InvalidRequestError("%s must not name one twice" % name)
    return ids


def _signin_results(ids: List[str], value: Any) -> Dict[str, SigninResult]:
    """The outcome by id, from one JSON-RPC response or a list of them.

    Raises:
        DialException: the channel answered for the whole batch (`id` null) with an error.
    """
    answers: Dict[str, ClientChannelResponse] = {}
    for index, item in enumerate(value if isinstance(value, list) else [value]):
        response = ClientChannelResponse.from_json(item, "[%d]" % index if isinstance(value, list) else "")
        if response.id is not None:
            answers[str(response.id)] = response
        elif response.error is not None:
            error = response.error
            message = "the client channel failed (%s): %s" % (error.code, error.message)
            raise DialException(message, status_code=502, code=str(error.code), request_sent="yes")
    return {name: _outcome(answers.get(str(number))) for number, name in enumerate(ids, start=1)}


def _outcome(response: Optional[ClientChannelResponse]) -> SigninResult:
    result = response.result if response is not None and response.error is None else None
    return SigninResult(result) if result in ("success", "denied") else SigninResult.ERROR
