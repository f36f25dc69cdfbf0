"""What users sign in to: toolsets (MCP servers), their tools, calling one through Core; and outside services.

Outside services (a CRM, a calendar) are declared by applications. One is named by its scope id,
"applications/{app}/external_services/{service}"; Core of 2026 has them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, AsyncIterator, Dict, List, Mapping, Optional, TypeVar, Union
from urllib.parse import unquote

from ..core.body import json_body
from ..core.call import MOST, Request, boolean, json_of, list_of, model_of
from ..core.operation import Async, Resource, Sync, operation
from ..core.settings import dict_of_call
from ..core.urls import encode_id, encode_segment
from ..errors import (
    DialException,
    EndpointNotSupportedError,
    InvalidRequestError,
    ParsingDataError,
    ResourceNotFoundError,
)
from ..types.toolset import ExternalService, McpEndpoint, ServiceCredentials, ToolResult, ToolsetInfo, ToolsPage
from .arguments import text_given

if TYPE_CHECKING:
    from ..core.limits import TimeoutValue
    from ..core.settings import NotGiven

T = TypeVar("T")

PROTOCOL = "2025-06-18"
"""The version of MCP that `call` speaks."""


def credentials(
    url: str,
    authentication_type: str,
    credentials_level: str,
    code: Optional[str] = None,
    redirect_uri: Optional[str] = None,
    api_key: Optional[str] = None,
) -> Dict[str, Any]:
    """The body of a sign-in or sign-out.

    Raises:
        InvalidRequestError: what the type needs is missing.
    """
    if authentication_type == "OAUTH" and code is not None and redirect_uri is None:
        raise InvalidRequestError("OAUTH needs redirect_uri=, as it was when the user was asked")
    value = {"url": url, "credentialsLevel": credentials_level, "authenticationType": authentication_type}
    return {**value, "code": code, "redirectUri": redirect_uri, "apiKey": api_key}


class _Toolset(Resource):
    @operation
    async def list(self) -> List[ToolsetInfo]:
        """All toolsets that the caller may use.

        Raises:
            EndpointNotSupportedError: Core of 2024 has no toolsets.

        GET /openai/toolsets
        """
        return await self._get_at("/openai/toolsets", list_of(ToolsetInfo.from_json, "data"))

    @operation
    async def get(self, toolset_id: str) -> ToolsetInfo:
        """One toolset.

        Args:
            toolset_id: its id; that of a custom toolset ("toolsets/{bucket}/my tools") may be encoded or not.
        Raises:
            ResourceNotFoundError: there is none.
            EndpointNotSupportedError: Core of 2024 has no toolsets.

        GET /openai/toolsets/{id}
        """
        return await self._get_at("/openai/toolsets/" + encode_id(toolset_id), model_of(ToolsetInfo.from_json))

    @operation
    async def signin(
        self,
        toolset_id: str,
        *,
        authentication_type: str,
        code: Optional[str] = None,
        redirect_uri: Optional[str] = None,
        api_key: Optional[str] = None,
        credentials_level: str = "USER",
    ) -> bool:
        """Keep what the caller needs to use a toolset; `auth_settings` of `get` say how to obtain it.

        Args:
            toolset_id: its id; that of a custom toolset may be encoded or not.
            authentication_type: "OAUTH" or "API_KEY".
            code, redirect_uri: of OAUTH, as the authorization endpoint gave them.
            api_key: of API_KEY.
            credentials_level: "USER" for the caller, "GLOBAL" for all, "APPLICATION".
        Raises:
            InvalidRequestError: the toolset wants another type.
            PermissionDeniedError: not for the caller.
            ResourceNotFoundError: there is no such toolset.

        POST /v1/ops/toolset/signin
        """
        name = unquote(encode_id(toolset_id))
        value = credentials(name, authentication_type, credentials_level, code, redirect_uri, api_key)
        return await self._post("/v1/ops/toolset/signin", value, boolean)

    @operation
    async def signout(self, toolset_id: str, *, authentication_type: str, credentials_level: str = "USER") -> bool:
        """Forget what `signin` kept.

        Args:
            toolset_id, authentication_type, credentials_level: as of `signin`.
        Returns:
            Whether there was something.

        POST /v1/ops/toolset/signout
        """
        value = credentials(unquote(encode_id(toolset_id)), authentication_type, credentials_level)
        return await self._post("/v1/ops/toolset/signout", value, boolean)

    @operation
    async def allowed_tools(self, toolset_id: str) -> ToolsPage:
        """The tools that may be called, all of them.

        Args:
            toolset_id: of a toolset, or of an application that speaks MCP.
        Raises:
            AuthenticationError: the caller must sign in to the toolset first.
            ServerError: the MCP server does not answer.

        GET /v1/toolset/{id}/allowed-tools
        """
        return await self._get_at("/v1/toolset/%s/allowed-tools" % encode_id(toolset_id), model_of(ToolsPage.from_json))

    @operation
    async def tools(self, toolset_id: str, *, next_cursor: Optional[str] = None) -> ToolsPage:
        """One page of all tools, for those who may change the toolset.

        Args:
            toolset_id: of a toolset, or of an application that speaks MCP.
            next_cursor: of the page before.
        Raises:
            PermissionDeniedError: the caller may only use it: see `allowed_tools`.

        GET /v1/toolset/{id}/tools
        """
        path = "/v1/toolset/%s/tools" % encode_id(toolset_id)
        return await self._get_at(path, model_of(ToolsPage.from_json), {"nextCursor": next_cursor})

    @operation
    async def mcp(self, toolset_id: str, *, application: bool = False) -> McpEndpoint:
        """Where any MCP client reaches a toolset through Core: `url` and `headers`, which hold the client's credential.

        Args:
            toolset_id: its id.
            application: it is an application that speaks MCP.

        GET /v1/toolset/{id}/mcp
        """
        url = self._config.origin.url + _mcp_path(toolset_id, application)
        return McpEndpoint(url, await self._client._auth_headers())

    @operation
    async def call(
        self,
        toolset_id: str,
        tool: str,
        arguments: Optional[Mapping[str, Any]] = None,
        *,
        application: bool = False,
        timeout: Union[TimeoutValue, NotGiven, None] = None,
    ) -> ToolResult:
        """Call one tool through Core, in an MCP session of its own.

        Args:
            toolset_id: its id.
            tool: its name.
            arguments: a dict that fits its `input_schema`.
            application: it is an application that speaks MCP.
            timeout: seconds or a Timeout for each of the session's requests; the client's if None.
        Returns:
            What the tool answered; `is_error` if it failed, `auth_challenge` if the user must sign in somewhere first.
        Raises:
            AuthenticationError: the caller must sign in to the toolset first.
            PermissionDeniedError: the tool is not allowed.
            DialException: the MCP server answers with an error of its own (`code` is JSON-RPC's).

        POST /v1/toolset/{id}/mcp
        """
        name = text_given("tool", tool, "the name of a tool")
        params = {"name": name, "arguments": dict(dict_of_call("arguments", arguments))}
        options: Dict[str, Any] = {} if timeout is None else {"timeout": timeout}
        session = _Session(self._client, _mcp_path(toolset_id, application), options)
        hello = {"protocolVersion": PROTOCOL, "capabilities": {}, "clientInfo": {"name": "aidial_min", "version": "1"}}
        try:
            agreed = await session.ask("initialize", hello)
            session.headers["MCP-Protocol-Version"] = str(agreed.get("protocolVersion") or PROTOCOL)
            await session.tell("notifications/initialized")
            result = await session.ask("tools/call", params)
            return ToolResult.from_json(result)
        finally:
            await session.end()


class Toolset(_Toolset, Sync):
    """Toolsets (MCP servers) that the caller may use; Core of 2024 has none."""


class AsyncToolset(_Toolset, Async):
    """Toolsets (MCP servers) that the caller may use; Core of 2024 has none."""


def _mcp_path(name: str, application: bool) -> str:
    path = encode_id(name)
    return "/v1/%s/%s/mcp" % ("deployments" if application or path.startswith("applications/") else "toolset", path)


class _Session:
    """An MCP session over streamable HTTP: JSON-RPC by POST, answers whole or as an event stream."""

    def __init__(self, client: Any, path: str, options: Dict[str, Any]) -> None:
        self._client = client
        self._path = path
        self._options = options
        self._asked = 0
        self.headers = {"Accept": "application/json, text/event-stream"}

    async def ask(self, method: str, params: Dict[str, Any]) -> Dict[str, Any]:
        """The result of a request."""
        self._asked += 1
        message = {"jsonrpc": "2.0", "id": self._asked, "method": method, "params": params}
        answer = await self._send("POST", message)
        try:
            self.headers.setdefault("Mcp-Session-Id", answer.headers.get("mcp-session-id", ""))
            async for reply in _messages(answer):
                if isinstance(reply, dict) and reply.get("id") == self._asked:
                    return _result(reply)
        finally:
            answer._close()
        raise ParsingDataError("the MCP server ended without an answer to %s" % method, request_sent="yes")

    async def tell(self, method: str) -> None:
        """Send what has no answer."""
        (await self._send("POST", {"jsonrpc": "2.0", "method": method}))._close()

    async def end(self) -> None:
        """Let the server forget the session, if it keeps one."""
        if self.headers.get("Mcp-Session-Id"):
            try:
                (await self._send("DELETE", None))._close()
            except DialException:
                pass  # a server need not let clients end sessions

    async def _send(self, method: str, message: Any) -> Any:
        headers = {name: value for name, value in self.headers.items() if value}
        options = {"json": message, "headers": headers, **self._options}
        return await self._client._send(method, self._path, True, options)


async def _messages(answer: Any) -> AsyncIterator[Any]:
    """The JSON-RPC messages of an answer, whole or streamed."""
    if answer.headers.get("content-type", "").lower().startswith("text/event-stream"):
        async for event in answer._events():
            yield json_of(event.data.encode("utf-8", "surrogatepass"))
    else:
        content = bytearray()
        async for piece in answer._pieces():
            content += piece
            if len(content) > MOST:
                raise ParsingDataError("the MCP server's answer is larger than %d bytes" % MOST, request_sent="yes")
        yield json_of(bytes(content))


def _result(reply: Dict[str, Any]) -> Dict[str, Any]:
    error = reply.get("error")
    if isinstance(error, dict):
        message = "the MCP server refused: %s" % (error.get("message") or "no reason given")
        raise DialException(message, status_code=502, code=str(error.get("code")), request_sent="yes")
    if not isinstance(reply.get("result"), dict):
        raise ParsingDataError("the MCP server's answer has no result", path="result", request_sent="yes")
    return reply["result"]  # type: ignore[no-any-return]


# ---------------------------------------------------------------- outside services


SERVICE = "/v1/ops/external-service/"


class _ExternalServices(Resource):
    @operation
    async def signin(
        self,
        scope_id: str,
        *,
        authentication_type: str,
        code: Optional[str] = None,
        redirect_uri: Optional[str] = None,
        api_key: Optional[str] = None,
        credentials_level: str = "USER",
        offline_usage_consent: Optional[bool] = None,
    ) -> bool:
        """Keep what an application needs to use a service for the caller.

        Args:
            scope_id: "applications/{app}/external_services/{service}", encoded or not.
            authentication_type: "OAUTH" or "API_KEY".
            code, redirect_uri: of OAUTH, as the authorization endpoint gave them.
            api_key: of API_KEY.
            credentials_level: "USER" for the caller, "APPLICATION" for all users of the application.
            offline_usage_consent: also while the caller is away (`credentials_on_behalf_of`).
        Raises:
            InvalidRequestError: the service wants another type.
            PermissionDeniedError: not for the caller.
            ResourceNotFoundError: there is no such application or service.

        POST /v1/ops/external-service/signin
        """
        scope = _scope(scope_id)
        value = credentials(scope, authentication_type, credentials_level, code, redirect_uri, api_key)
        return await self._post(SERVICE + "signin", {**value, "offlineUsageConsent": offline_usage_consent}, boolean)

    @operation
    async def signout(self, scope_id: str, *, authentication_type: str, credentials_level: str = "USER") -> bool:
        """Forget what `signin` kept, the consent included.

        Args:
            scope_id, authentication_type, credentials_level: as of `signin`.
        Returns:
            Whether there was something.

        POST /v1/ops/external-service/signout
        """
        value = credentials(_scope(scope_id), authentication_type, credentials_level)
        return await self._post(SERVICE + "signout", value, boolean)

    @operation
    async def credentials(self, scope_id: str) -> ServiceCredentials:
        """The header with which the running application calls a service for its user; with a per-request key only.

        Args:
            scope_id: as of `signin`; of this very application.
        Raises:
            ResourceNotFoundError: the user must sign in first.
            AuthenticationError: the credential is no per-request key.

        POST /v1/ops/external-service/credentials
        """
        decode = model_of(ServiceCredentials.from_json)
        return await self._post(SERVICE + "credentials", {"url": _scope(scope_id)}, decode)

    @operation
    async def credentials_on_behalf_of(self, scope_id: str, owner_user_id: str) -> ServiceCredentials:
        """The same for a user who is away, and who consented; with the application's own credential.

        Args:
            scope_id: as of `signin`.
            owner_user_id: `user_id` of the user's `user.info()`.
        Raises:
            PermissionDeniedError: the consent is missing, or the caller is not the application.
            ResourceNotFoundError: the user has no credentials there.
            AuthenticationError: a per-request key, or the service refuses for good.

        POST /v1/ops/external-service/obo-credentials
        """
        value = {"url": _scope(scope_id), "owner_user_id": owner_user_id}
        return await self._post(SERVICE + "obo-credentials", value, model_of(ServiceCredentials.from_json))

    @operation
    async def list(self, application_id: str) -> List[ExternalService]:
        """The services of an application, for those who may change it; others find them in `application.get`.

        Args:
            application_id: its id; that of a custom application may be encoded or not.

        GET /v1/applications/{id}/external-services
        """
        return await self._manage(Request("GET", _path(application_id), decode=list_of(ExternalService.from_json)))

    @operation
    async def get(self, application_id: str, service_id: str) -> ExternalService:
        """One of them, with the caller's sign-in status.

        Args:
            application_id, service_id: their ids.
        Raises:
            ResourceNotFoundError: there is none.

        GET /v1/applications/{id}/external-services/{service}
        """
        path = _path(application_id, service_id)
        return await self._manage(Request("GET", path, decode=model_of(ExternalService.from_json)))

    @operation
    async def save(
        self, application_id: str, service_id: str, service: Union[ExternalService, Mapping[str, Any]]
    ) -> ExternalService:
        """Declare a service, or change it; leaving out `client_secret` keeps the stored one.

        Args:
            application_id, service_id: their ids.
            service: `{"display_name": ..., "description": ..., "auth_settings": {...}}`.
        Raises:
            InvalidRequestError: the application is configured by the server's administrators.
            PermissionDeniedError: not for the caller.

        PUT /v1/applications/{id}/external-services/{service}
        """
        body, decode = json_body(service), model_of(ExternalService.from_json)
        return await self._manage(Request("PUT", _path(application_id, service_id), body=body, decode=decode))

    @operation
    async def delete(self, application_id: str, service_id: str) -> bool:
        """Delete a service, with the credentials that were kept for it.

        Args:
            application_id, service_id: their ids.

        DELETE /v1/applications/{id}/external-services/{service}
        """
        return await self._manage(Request("DELETE", _path(application_id, service_id), decode=boolean))

    @operation
    async def approve(self, application_id: str, service_id: str) -> bool:
        """Let an application use a DIAL_NATIVE service for users who are away; for administrators.

        Args:
            application_id, service_id: their ids.

        POST /v1/applications/{id}/external-services/{service}/consent
        """
        return await self._manage(Request("POST", _path(application_id, service_id) + "/consent", decode=boolean))

    @operation
    async def disapprove(self, application_id: str, service_id: str) -> bool:
        """Take that back.

        Args:
            application_id, service_id: their ids.

        DELETE /v1/applications/{id}/external-services/{service}/consent
        """
        return await self._manage(Request("DELETE", _path(application_id, service_id) + "/consent", decode=boolean))

    async def _manage(self, request: Request[T]) -> T:
        """Carry out a request of management; an older Core takes its path for that of a stored application."""
        try:
            return await self._call(request)
        except (InvalidRequestError, ResourceNotFoundError) as error:
            if not error.message.startswith(("Url has invalid bucket", "Not found: applications/")):
                raise
            message = "this DIAL server has no external services (it says: %s)" % error.message
            answer: Dict[str, Any] = {"status_code": error.status_code, "headers": error.headers, "body": error.body}
            raise EndpointNotSupportedError(message, request=error.request, request_sent="yes", **answer) from None


class ExternalServices(_ExternalServices, Sync):
    """Outside services that applications declare and users sign in to."""


class AsyncExternalServices(_ExternalServices, Async):
    """Outside services that applications declare and users sign in to."""


def _scope(scope_id: str) -> str:
    """A scope id as it travels; here the word has an underscore."""
    scope = encode_id(scope_id)
    if not scope.startswith("applications/") or "/external_services/" not in scope:
        raise InvalidRequestError("a scope id is applications/{app}/external_services/{service}, not %r" % scope_id)
    return scope


def _path(application_id: str, service_id: Optional[str] = None) -> str:
    """The path of an application's services; here the word has a hyphen, and the id no type."""
    name = encode_id(application_id)
    name = name[len("applications/") :] if name.startswith("applications/") else name
    path = "/v1/applications/%s/external-services" % name
    if service_id is None:
        return path
    return "%s/%s" % (path, encode_segment(text_given("service_id", service_id, "the id of a service")))
