"""The clients: Dial and AsyncDial, and pools of connections that several of them share.

    client = Dial(base_url="https://dial.example.com", api_key="...")
    client.chat.completions.create(...)          # resources are made when they are first asked for

What both have is written once in _Client and _Pool; Blocking and Waiting say what is different in them.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Dict, Mapping, Optional, Type, TypeVar, Union

from ._names import load
from ._typing import Generic
from .core.call import as_it_came
from .core.credentials import Secret
from .core.hints import with_hints
from .core.limits import DEFAULT_TIMEOUT, Limits, TimeoutValue
from .core.operation import Async, Bound, Sync, operation, overloaded, settled
from .core.settings import (
    NOT_GIVEN,
    BaseClient,
    ClientCert,
    DefaultHeaders,
    NotGiven,
    Portable,
    connection_settings,
    read_config,
)
from .errors import forget_variables, loading

if TYPE_CHECKING:
    import ssl
    from pathlib import PurePosixPath

    from .api import account, calls, catalog, stored, subscriptions, texts, toolsets
    from .api import sharing as shared
    from .api.code_interpreter import AsyncCodeInterpreter, CodeInterpreter
    from .api.files import AsyncFiles, Files
    from .api.publications import AsyncPublications, Publications
    from .api.request import Response, SendRequest
    from .api.responses import AsyncResponses, Responses
    from .api.skills import AsyncSkillsRef, SkillsRef
    from .core.attempts import Watch
    from .core.call import Answer, Request
    from .core.operation import Later
    from .transport import aio, streams, sync  # noqa: F401  # what packs a program into one file reads such lines
    from .transport.downloads import StreamedResponse
    from .types.bucket import AppData

__all__ = ["AsyncAuthValue", "AsyncDial", "AsyncDialClientPool", "Dial", "DialClientPool", "SyncAuthValue"]

SyncAuthValue = Union[str, Callable[[], str]]
"""A credential, or a function that gives it at every attempt."""

AsyncAuthValue = Union[str, Callable[[], Union[str, Awaitable[str]]]]
"""A credential, or a function or coroutine function that gives it at every attempt."""

Auth = TypeVar("Auth")
S = TypeVar("S")
T = TypeVar("T")


def _load(module: str, name: str) -> Any:
    """What a module of another room has under a name, loaded when it is needed."""
    with loading():
        return getattr(load(module, str(__package__)), name)


class _Loading(Portable):
    """What clients and pools load with their first call.

    Attributes:
        _verbs: the module of transport/ that waits for them.
        _prefix: how the names of what they hand out begin.
    """

    _verbs: str
    _prefix: str

    def _new_transport(self, settings: Any) -> Any:
        return _load("transport." + self._verbs, "Transport")(settings)

    def _stream_of(self, *arguments: Any) -> Any:
        return _load("transport.streams", self._prefix + "Stream")(*arguments)


class _Blocking(_Loading, Sync):
    """What is different in the sync client and its pool: how they wait, and what they hand out."""

    _coroutines, _verbs, _prefix = False, "sync", ""

    def close(self) -> None:
        """Close the connections, unless they belong to a pool or to the client that this one was made of."""
        if self._owns_transport:
            self._transport.close()

    def __enter__(self: S) -> S:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Waiting(_Loading, Async):
    """What is different in the async client and its pool."""

    _coroutines, _verbs, _prefix = True, "aio", "Async"

    async def aclose(self) -> None:
        """Close the connections, unless they belong to a pool or to the client that this one was made of."""
        if self._owns_transport:
            await self._transport.aclose()

    async def __aenter__(self: S) -> S:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class _Group(cached_property):  # type: ignore[type-arg]  # as such it is no part of what a copy takes over
    """A group of operations, made when it is first asked for; its docstring is that of its class.

    Args:
        place: its module in api/ and its class; that of the async client is called Async....
    """

    def __init__(self, place: str) -> None:
        self._place = place

    def __set_name__(self, owner: Any, name: str) -> None:
        self._name = name

    def __get__(self, client: Any, owner: Any = None) -> Any:
        if client is None:
            return self
        made = client.__dict__[self._name] = self._class(client._prefix)(client)
        return made

    def _class(self, prefix: str) -> Any:
        module, _, name = self._place.partition(".")
        return _load("api." + module, prefix + name)

    if not TYPE_CHECKING:
        __doc__ = property(lambda self: self._class("").__doc__)


_made: Any = _Group  # to type checkers an attribute is what it is declared as


class _Client(BaseClient, Generic[Auth]):
    """What both clients are: settings, a transport, resources."""

    _my_bucket: Any = None

    chat: Bound[calls.Chat, calls.AsyncChat] = _made("calls.Chat")
    completions: Bound[texts.Completions, texts.AsyncCompletions] = _made("texts.Completions")
    embeddings: Bound[texts.Embeddings, texts.AsyncEmbeddings] = _made("texts.Embeddings")
    responses: Bound[Responses, AsyncResponses] = _made("responses.Responses")
    deployments: Bound[catalog.Deployments, catalog.AsyncDeployments] = _made("catalog.Deployments")
    model: Bound[catalog.Model, catalog.AsyncModel] = _made("catalog.Model")
    application: Bound[catalog.Application, catalog.AsyncApplication] = _made("catalog.Application")
    toolset: Bound[toolsets.Toolset, toolsets.AsyncToolset] = _made("toolsets.Toolset")
    user: Bound[account.User, account.AsyncUser] = _made("account.User")
    bucket: Bound[account.Bucket, account.AsyncBucket] = _made("account.Bucket")
    notifications: Bound[account.Notifications, account.AsyncNotifications] = _made("account.Notifications")
    files: Bound[Files, AsyncFiles] = _made("files.Files")
    prompts: Bound[stored.Prompts, stored.AsyncPrompts] = _made("stored.Prompts")
    conversations: Bound[stored.Conversations, stored.AsyncConversations] = _made("stored.Conversations")
    custom_applications: Bound[stored.CustomApplications, stored.AsyncCustomApplications] = _made(
        "stored.CustomApplications"
    )
    custom_toolsets: Bound[stored.CustomToolsets, stored.AsyncCustomToolsets] = _made("stored.CustomToolsets")
    metadata: Bound[stored.Metadata, stored.AsyncMetadata] = _made("stored.Metadata")
    skills: Bound[SkillsRef, AsyncSkillsRef] = _made("skills.SkillsRef")
    sharing: Bound[shared.Sharing, shared.AsyncSharing] = _made("sharing.Sharing")
    invitations: Bound[shared.Invitations, shared.AsyncInvitations] = _made("sharing.Invitations")
    publications: Bound[Publications, AsyncPublications] = _made("publications.Publications")
    resource_permissions: Bound[shared.ResourcePermissions, shared.AsyncResourcePermissions] = _made(
        "sharing.ResourcePermissions"
    )
    resources: Bound[subscriptions.Resources, subscriptions.AsyncResources] = _made("subscriptions.Resources")
    external_services: Bound[toolsets.ExternalServices, toolsets.AsyncExternalServices] = _made(
        "toolsets.ExternalServices"
    )
    code_interpreter: Bound[CodeInterpreter, AsyncCodeInterpreter] = _made("code_interpreter.CodeInterpreter")
    schemas: Bound[catalog.Schemas, catalog.AsyncSchemas] = _made("catalog.Schemas")
    consent: Bound[catalog.Consent, catalog.AsyncConsent] = _made("catalog.Consent")
    client_channel: Bound[subscriptions.ClientChannel, subscriptions.AsyncClientChannel] = _made(
        "subscriptions.ClientChannel"
    )

    @with_hints
    def __init__(
        self,
        *,
        base_url: Optional[str] = None,
        api_key: Optional[Auth] = None,
        bearer_token: Optional[Auth] = None,
        api_version: Optional[str] = None,
        timeout: TimeoutValue = DEFAULT_TIMEOUT,
        max_retries: int = 2,
        default_headers: Optional[DefaultHeaders] = None,
        limits: Optional[Limits] = None,
        proxy: Optional[str] = None,
        trust_env: bool = True,
        ca_bundle: Optional[str] = None,
        client_cert: Optional[ClientCert] = None,
        ssl_context: Optional[ssl.SSLContext] = None,
        on_attempt: Optional[Watch] = None,
    ) -> None:
        self._config = read_config({**locals()}, self._coroutines)
        settings = connection_settings(limits, proxy, trust_env, ca_bundle, client_cert, ssl_context)
        self._transport = self._new_transport(settings)
        self._owns_transport = True

    @overloaded
    async def _request(
        self,
        method: str,
        path: str,
        *,
        stream: bool = False,
        json: Any = None,
        content: Union[bytes, str, None] = None,
        headers: Optional[Mapping[str, str]] = None,
        query: Optional[Mapping[str, Any]] = None,
        timeout: Union[TimeoutValue, NotGiven] = NOT_GIVEN,
        max_retries: Optional[int] = None,
    ) -> Union[Response, StreamedResponse]:
        """Send any request to the server, with the client's credential, retries and errors.

        Args:
            method: "GET", "POST", ...
            path: "/v1/...", "v1/...", or an absolute URL of this server; what is not percent-encoded yet is encoded.
            stream: give the answer as it comes: its bytes, or its server-sent events.
            json: a value to send as JSON.
            content: bytes or a str (as UTF-8) to send as they are.
            headers, query: further header fields and query parameters; None is left out.
            timeout: seconds, a Timeout or None, for this call.
            max_retries: for this call.
        Returns:
            The answer: `status_code`, `headers`, `content`, `text`, `json()`; with `stream=True` a StreamedResponse.
        Raises:
            NotDialURLError: an absolute URL of another server.
            DialException: of the class that the status asks for.

        {method} {path}
        """
        given = {**locals()}
        del headers, query
        return await self._send(method, path, stream, given)  # type: ignore[no-any-return]

    request: Bound[SendRequest[Response, StreamedResponse], SendRequest[Later[Response], Later[StreamedResponse]]] = (
        _request
    )

    async def _send(self, method: str, path: str, stream: bool, options: Dict[str, Any]) -> Any:
        """What `request` does; `options` may hold credentials, and is empty after an error."""
        try:
            request = _load("api.request", "request_of")(self._config, method, path, options)
            if not stream:
                return await self._transport.run(request, self._config)
            streamed, request.decode = _load("transport.downloads", "StreamedResponse"), as_it_came
            head, exchange = await self._transport.open(request, self._config)
            return streamed(head, exchange, "")._once()
        except BaseException as error:
            options.clear()
            forget_variables(error)
            raise

    # -- the caller's own places

    @operation
    async def my_bucket(self) -> str:
        """The name of the caller's bucket (asked once)."""
        if self._my_bucket is None:  # programs set it to None, to ask again
            self._my_bucket = await settled(self._get_my_bucket())
        return self._my_bucket  # type: ignore[no-any-return]

    @operation
    async def _get_my_bucket(self) -> str:
        """Ask for it. Tests of programs for the official client replace this one, and the next of its kind."""
        return await settled(self.bucket.get_bucket())  # type: ignore[no-any-return]

    @operation
    async def my_files_home(self) -> PurePosixPath:
        """The root of the caller's files: ``client.my_files_home() / "folder/a.txt"``."""
        return await self._home("files")

    @operation
    async def my_conversations_home(self) -> PurePosixPath:
        """The root of the caller's conversations."""
        return await self._home("conversations")

    @operation
    async def my_prompts_home(self) -> PurePosixPath:
        """The root of the caller's prompts."""
        return await self._home("prompts")

    @operation
    async def my_appdata(self) -> Optional[AppData]:
        """Where an application may write in its user's bucket (asked once); None outside an application."""
        if "_my_appdata" not in self.__dict__:
            self.__dict__["_my_appdata"] = await settled(self._get_my_appdata())
        return self.__dict__["_my_appdata"]  # type: ignore[no-any-return]

    @operation
    async def _get_my_appdata(self) -> Optional[AppData]:
        """Ask for it."""
        return await settled(self.bucket.get_appdata())  # type: ignore[no-any-return]

    @operation
    async def my_appdata_home(self) -> Optional[PurePosixPath]:
        """The same as a path, "{bucket}/appdata/{application}"; None outside an application."""
        from pathlib import PurePosixPath

        appdata = await settled(self.my_appdata())
        return PurePosixPath(appdata.raw) if appdata is not None else None

    async def _home(self, kind: str) -> PurePosixPath:
        from pathlib import PurePosixPath

        return PurePosixPath(kind, await settled(self.my_bucket()))

    @operation
    async def auth_headers(self) -> Dict[str, str]:
        """The headers that carry the credentials: {"api-key": ...}, {"Authorization": ...}, or both."""
        try:
            return await self._auth_headers()
        except BaseException as error:
            forget_variables(error)
            raise

    async def _auth_headers(self) -> Dict[str, str]:
        headers: Dict[str, str] = {}
        for credential in self._config.credentials:
            value = credential.value.text if isinstance(credential.value, Secret) else credential.value()
            headers.update(credential.as_dict(await settled(value)))
        return headers

    # -- carrying out

    async def _download(self, request: Request[Answer], name: str, whole: bool, etag: Optional[str] = None) -> Any:
        """Open a download.

        Args:
            name: of the file in the storage.
            whole: that of the async client has been read when it is given out.
            etag: that it must have.
        """
        opened = _load("transport.downloads", "FileDownloadResponse")
        head, exchange = await self._transport.download(request, self._config, etag)
        response = opened(head, exchange, name)
        return await response._read_all() if whole and self._coroutines else response


class Dial(_Client[SyncAuthValue], _Blocking):
    """A client of a DIAL server.

    Args:
        base_url: e.g. "https://dial.example.com"; DIAL_URL if None.
        api_key, bearer_token: a str, or a function that returns one, asked at every attempt; both may be given, and are
            both sent. If both are None: DIAL_API_KEY and DIAL_BEARER_TOKEN, or what lies in the files that
            DIAL_API_KEY_FILE and DIAL_BEARER_TOKEN_FILE name (read at every attempt).
        api_version: what chat calls send as `api-version` unless they name another one.
        timeout: seconds, a Timeout, or None for no limit.
        max_retries: how often a call is tried again, at most.
        default_headers: header fields for every request, or a function that returns them, asked at every attempt: for
            what changes with the task at hand, e.g. a contextvars.ContextVar. One of a name replaces ours of that name.
        limits: how many connections may be open and kept.
        proxy: a URL like "http://user:password@proxy.example:3128"; "" for none.
        trust_env: ask the environment for what is not given here: proxies, certificates.
        ca_bundle: file or folder with trusted certificates.
        client_cert: a PEM file, or a pair (certificate, key).
        ssl_context: an ssl.SSLContext of your own instead of both.
        on_attempt: called with an Attempt after every attempt of a call. (DIAL_LOG=info or debug prints them.)
    Raises:
        ConfigurationError: arguments that do not make sense; it says what to do.

    It may be used by several threads at once. Close it, or use it in a `with` block.
    """


class AsyncDial(_Client[AsyncAuthValue], _Waiting):
    """A client of a DIAL server for asyncio.

    The arguments are those of Dial; `api_key`, `bearer_token`, `default_headers` and `on_attempt` may also be coroutine
    functions. One client may be used from several event loops, one after another or at once: each has connections of
    its own.

    Close it with `aclose()`, or use it in an `async with` block; a loop that ends closes its connections in any case.
    """


C = TypeVar("C", bound=_Client[Any])


class _Pool(Portable, Generic[C, Auth]):
    """What both pools are: a transport that their clients share."""

    _client_class: Type[C]

    def __repr__(self) -> str:
        transport = self.__dict__.get("_transport")  # none if it could not be made
        return "%s(limits=%r)" % (type(self).__name__, transport and transport.settings.limits)

    @with_hints
    def __init__(
        self,
        *,
        limits: Optional[Limits] = None,
        connection_limits: Any = None,
        proxy: Optional[str] = None,
        trust_env: bool = True,
        ca_bundle: Optional[str] = None,
        client_cert: Optional[ClientCert] = None,
        ssl_context: Optional[ssl.SSLContext] = None,
    ) -> None:
        chosen = limits if limits is not None else connection_limits
        settings = connection_settings(chosen, proxy, trust_env, ca_bundle, client_cert, ssl_context)
        self._transport = self._new_transport(settings)
        self._owns_transport = True

    @with_hints
    def create_client(
        self,
        *,
        base_url: Optional[str] = None,
        api_key: Optional[Auth] = None,
        bearer_token: Optional[Auth] = None,
        max_retries: int = 2,
        timeout: TimeoutValue = DEFAULT_TIMEOUT,
        api_version: Optional[str] = None,
        default_headers: Optional[DefaultHeaders] = None,
        on_attempt: Optional[Watch] = None,
    ) -> C:
        """A client on the pool's connections; closing it leaves the pool and its other clients alone."""
        config = read_config({**locals()}, self._client_class._coroutines)
        return self._client_class._on(config, self._transport, owns_transport=False)


class DialClientPool(_Pool[Dial, SyncAuthValue], _Blocking):
    """Connections that several clients share.

    Args:
        limits: how many connections may be open and kept, for all its clients together (`connection_limits` is the
            same argument under its older name).
        proxy, trust_env, ca_bundle, client_cert, ssl_context: as for Dial.
    """

    _client_class = Dial


class AsyncDialClientPool(_Pool[AsyncDial, AsyncAuthValue], _Waiting):
    """Connections that several async clients share; the arguments are those of DialClientPool."""

    _client_class = AsyncDial
