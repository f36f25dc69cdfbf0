"""The async client: AsyncDial, and AsyncDialClientPool for several clients on the same connections.

The same resources as client.py, bound to transport/aio.py, which is loaded with the first client.
It must not know how a request travels or what an operation sends.
"""

from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, AsyncIterator, Awaitable, Callable, Mapping, Optional, Type, TypeVar, Union

from .core.call import Answer, Download, Flow, Pages, Request
from .core.limits import DEFAULT_TIMEOUT, Limits, TimeoutValue
from .core.settings import BaseClient, ClientCert, ConnectionSettings, Portable, connection_settings, read_config

if TYPE_CHECKING:
    import ssl
    from pathlib import PurePosixPath

    from .api.application import AsyncApplication
    from .api.bucket import AsyncBucket
    from .api.calls import AsyncChat
    from .api.client_channel import AsyncClientChannel
    from .api.calls import AsyncCompletions
    from .api.stored import AsyncConversations
    from .api.stored import AsyncCustomApplications
    from .api.stored import AsyncCustomToolsets
    from .api.deployments import AsyncDeployments
    from .api.calls import AsyncEmbeddings
    from .api.files import AsyncFiles
    from .api.invitations import AsyncInvitations
    from .api.stored import AsyncMetadata
    from .api.model import AsyncModel
    from .api.notifications import AsyncNotifications
    from .api.stored import AsyncPrompts
    from .api.publications import AsyncPublications
    from .api.raw import Response
    from .api.resource_permissions import AsyncResourcePermissions
    from .api.resources import AsyncResources
    from .api.sharing import AsyncSharing
    from .api.skills import AsyncSkillsRef
    from .api.toolset import AsyncToolset
    from .api.user import AsyncUser
    from .core.completion_stream import Events
    from .core.jobs import Task
    from .transport.downloads import AsyncFileDownloadResponse
    from .transport.streams import AsyncStream
    from .types.bucket import AppData

T = TypeVar("T")

AsyncAuthValue = Union[str, Callable[[], str], Callable[[], Awaitable[str]]]
"""A credential, or a function or coroutine function that gives it at every attempt."""


class AsyncDial(BaseClient):
    """A client of a DIAL server for asyncio.

    The arguments are those of Dial; `api_key` and `bearer_token` may also be coroutine functions. One client may be
    used from several event loops, one after another or at once: each has connections of its own.

    Close it with `aclose()`, or use it in an `async with` block; a loop that ends closes its connections in any case.
    """

    _coroutines = True

    def __init__(
        self,
        *,
        base_url: Optional[str] = None,
        api_key: Optional[AsyncAuthValue] = None,
        bearer_token: Optional[AsyncAuthValue] = None,
        api_version: Optional[str] = None,
        timeout: TimeoutValue = DEFAULT_TIMEOUT,
        max_retries: int = 2,
        default_headers: Optional[Mapping[str, str]] = None,
        limits: Optional[Limits] = None,
        proxy: Optional[str] = None,
        trust_env: bool = True,
        ca_bundle: Optional[str] = None,
        client_cert: Optional[ClientCert] = None,
        ssl_context: "Optional[ssl.SSLContext]" = None,
    ) -> None:
        self._config = read_config(
            base_url=base_url,
            api_key=api_key,
            bearer_token=bearer_token,
            api_version=api_version,
            timeout=timeout,
            max_retries=max_retries,
            default_headers=default_headers,
            coroutines=True,
        )
        self._transport = self._new_transport(
            connection_settings(limits, proxy, trust_env, ca_bundle, client_cert, ssl_context)
        )
        self._owns_transport = True

    @staticmethod
    def _new_transport(settings: ConnectionSettings) -> Any:
        from .transport.aio import AsyncTransport

        return AsyncTransport(settings)

    # -- resources

    @cached_property
    def chat(self) -> "AsyncChat":
        """Chat completions: ``await client.chat.completions.create(...)``."""
        from .api.calls import AsyncChat

        return AsyncChat(self)

    @cached_property
    def completions(self) -> "AsyncCompletions":
        """Legacy text completions."""
        from .api.calls import AsyncCompletions

        return AsyncCompletions(self)

    @cached_property
    def embeddings(self) -> "AsyncEmbeddings":
        """Embeddings."""
        from .api.calls import AsyncEmbeddings

        return AsyncEmbeddings(self)

    @cached_property
    def deployments(self) -> "AsyncDeployments":
        """Everything that can be called by id."""
        from .api.deployments import AsyncDeployments

        return AsyncDeployments(self)

    @cached_property
    def model(self) -> "AsyncModel":
        """Models that the caller may use."""
        from .api.model import AsyncModel

        return AsyncModel(self)

    @cached_property
    def application(self) -> "AsyncApplication":
        """Applications that the caller may use."""
        from .api.application import AsyncApplication

        return AsyncApplication(self)

    @cached_property
    def toolset(self) -> "AsyncToolset":
        """Toolsets that the caller may use."""
        from .api.toolset import AsyncToolset

        return AsyncToolset(self)

    @cached_property
    def user(self) -> "AsyncUser":
        """The caller."""
        from .api.user import AsyncUser

        return AsyncUser(self)

    @cached_property
    def bucket(self) -> "AsyncBucket":
        """The caller's bucket."""
        from .api.bucket import AsyncBucket

        return AsyncBucket(self)

    @cached_property
    def files(self) -> "AsyncFiles":
        """Files in DIAL's storage."""
        from .api.files import AsyncFiles

        return AsyncFiles(self)

    @cached_property
    def prompts(self) -> "AsyncPrompts":
        """Stored prompts."""
        from .api.stored import AsyncPrompts

        return AsyncPrompts(self)

    @cached_property
    def conversations(self) -> "AsyncConversations":
        """Stored conversations."""
        from .api.stored import AsyncConversations

        return AsyncConversations(self)

    @cached_property
    def custom_applications(self) -> "AsyncCustomApplications":
        """Applications that users keep in buckets: their definitions, and their life cycle."""
        from .api.stored import AsyncCustomApplications

        return AsyncCustomApplications(self)

    @cached_property
    def custom_toolsets(self) -> "AsyncCustomToolsets":
        """Toolsets that users keep in buckets: their definitions."""
        from .api.stored import AsyncCustomToolsets

        return AsyncCustomToolsets(self)

    @cached_property
    def metadata(self) -> "AsyncMetadata":
        """Metadata of anything stored."""
        from .api.stored import AsyncMetadata

        return AsyncMetadata(self)

    @cached_property
    def skills(self) -> "AsyncSkillsRef":
        """Skills: ``client.skills / "writing" / "tone"`` refers to one of the caller's own."""
        from .api.skills import AsyncSkillsRef

        return AsyncSkillsRef(self)

    @cached_property
    def sharing(self) -> "AsyncSharing":
        """Sharing of resources with other users."""
        from .api.sharing import AsyncSharing

        return AsyncSharing(self)

    @cached_property
    def invitations(self) -> "AsyncInvitations":
        """Invitations to use what others share."""
        from .api.invitations import AsyncInvitations

        return AsyncInvitations(self)

    @cached_property
    def publications(self) -> "AsyncPublications":
        """Publications: resources on their way to the public bucket."""
        from .api.publications import AsyncPublications

        return AsyncPublications(self)

    @cached_property
    def notifications(self) -> "AsyncNotifications":
        """Notifications that the server keeps for the caller."""
        from .api.notifications import AsyncNotifications

        return AsyncNotifications(self)

    @cached_property
    def resource_permissions(self) -> "AsyncResourcePermissions":
        """Permissions that an application passes on, for the time of one request."""
        from .api.resource_permissions import AsyncResourcePermissions

        return AsyncResourcePermissions(self)

    @cached_property
    def resources(self) -> "AsyncResources":
        """Changes of resources, as they happen."""
        from .api.resources import AsyncResources

        return AsyncResources(self)

    @cached_property
    def client_channel(self) -> "AsyncClientChannel":
        """The channel between an application and its user's client."""
        from .api.client_channel import AsyncClientChannel

        return AsyncClientChannel(self)

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        content: Union[bytes, str, None] = None,
        headers: Optional[Mapping[str, str]] = None,
        query: Optional[Mapping[str, Any]] = None,
    ) -> "Response":
        """Send any request to the server, with the client's credential, retries and errors.

        Args:
            method: "GET", "POST", ...
            path: "/v1/...", "v1/...", or an absolute URL of this server; what is not percent-encoded yet is encoded.
            json: a value to send as JSON. content: bytes or a str (as UTF-8) to send as they are.
            headers, query: further header fields and query parameters; None is left out.
        Returns:
            The answer: `status_code`, `headers`, `content`, `text`, `json()`.
        Raises:
            NotDialURLError: an absolute URL of another server. DialException: of the class that the status asks for.
        """
        from .api.raw import request

        return await self._run(
            request(self._config, method, path, json=json, content=content, headers=headers, query=query)
        )

    # -- the caller's own places

    async def my_bucket(self) -> str:
        """The name of the caller's bucket (asked once)."""
        found: Optional[str] = self.__dict__.get("_my_bucket")
        if found is None:
            found = self.__dict__["_my_bucket"] = await self.bucket.get_bucket()
        return found

    async def my_files_home(self) -> "PurePosixPath":
        """The root of the caller's files: ``await client.my_files_home() / "folder/a.txt"``."""
        from pathlib import PurePosixPath

        return PurePosixPath("files", await self.my_bucket())

    async def my_conversations_home(self) -> "PurePosixPath":
        """The root of the caller's conversations."""
        from pathlib import PurePosixPath

        return PurePosixPath("conversations", await self.my_bucket())

    async def my_prompts_home(self) -> "PurePosixPath":
        """The root of the caller's prompts."""
        from pathlib import PurePosixPath

        return PurePosixPath("prompts", await self.my_bucket())

    async def my_appdata(self) -> "Optional[AppData]":
        """Where an application may write in its user's bucket (asked once); None outside an application."""
        if "_my_appdata" not in self.__dict__:
            self.__dict__["_my_appdata"] = await self.bucket.get_appdata()
        return self.__dict__["_my_appdata"]  # type: ignore[no-any-return]

    async def my_appdata_home(self) -> "Optional[PurePosixPath]":
        """The same as a path, "{bucket}/appdata/{application}"; None outside an application."""
        from pathlib import PurePosixPath

        appdata = await self.my_appdata()
        from pathlib import PurePosixPath

        return PurePosixPath(appdata.raw) if appdata is not None else None

    async def auth_headers(self) -> "dict[str, str]":
        """The headers that carry the credentials: {"api-key": ...}, {"Authorization": ...}, or both."""
        import inspect

        headers: "dict[str, str]" = {}
        for credential in self._config.credentials:
            value = credential.value() if callable(credential.value) else credential.value
            headers.update(credential.as_dict(await value if inspect.isawaitable(value) else value))
        return headers

    # -- carrying out

    async def _run(self, request: Request[T]) -> T:
        return await self._transport.run(request, self._config)  # type: ignore[no-any-return]

    async def _follow(self, flow: Flow[T]) -> T:
        return await self._transport.follow(flow, self._config)  # type: ignore[no-any-return]

    def _iterate(self, pages: Pages[T]) -> AsyncIterator[T]:
        return self._transport.iterate(pages, self._config)  # type: ignore[no-any-return]

    async def _stream(self, request: Request[Answer], events: "Events") -> "AsyncStream[Any]":
        from .transport.streams import AsyncStream

        head, exchange = await self._transport.open(request, self._config)
        return AsyncStream(head, exchange, events)

    async def _download(self, download: Download) -> "AsyncFileDownloadResponse":
        from .transport.downloads import AsyncFileDownloadResponse

        head, exchange, filename = await self._transport.download(download, self._config)
        return AsyncFileDownloadResponse(head, exchange, filename)

    async def _carry_out(self, task: "Task[T]") -> T:
        from .transport.folders import carry_out_async

        return await carry_out_async(self, task)

    async def aclose(self) -> None:
        """Close the client's connections; those of a pool, or shared by `with_options`, stay."""
        if self._owns_transport:
            await self._transport.aclose()

    async def __aenter__(self) -> "AsyncDial":
        return self

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        await self.aclose()


class AsyncDialClientPool(Portable):
    """Connections that several async clients share; the arguments are those of DialClientPool."""

    def __init__(
        self,
        *,
        limits: Optional[Limits] = None,
        connection_limits: Any = None,
        proxy: Optional[str] = None,
        trust_env: bool = True,
        ca_bundle: Optional[str] = None,
        client_cert: Optional[ClientCert] = None,
        ssl_context: "Optional[ssl.SSLContext]" = None,
    ) -> None:
        chosen = limits if limits is not None else connection_limits
        self._transport = self._new_transport(
            connection_settings(chosen, proxy, trust_env, ca_bundle, client_cert, ssl_context)
        )

    _new_transport = staticmethod(AsyncDial._new_transport)

    def create_client(
        self,
        *,
        base_url: Optional[str] = None,
        api_key: Optional[AsyncAuthValue] = None,
        bearer_token: Optional[AsyncAuthValue] = None,
        max_retries: int = 2,
        timeout: TimeoutValue = DEFAULT_TIMEOUT,
        api_version: Optional[str] = None,
        default_headers: Optional[Mapping[str, str]] = None,
    ) -> AsyncDial:
        """A client on the pool's connections; closing it leaves the pool and its other clients alone."""
        config = read_config(
            base_url=base_url,
            api_key=api_key,
            bearer_token=bearer_token,
            api_version=api_version,
            timeout=timeout,
            max_retries=max_retries,
            default_headers=default_headers,
            coroutines=True,
        )
        return AsyncDial._on(config, self._transport, owns_transport=False)

    async def aclose(self) -> None:
        """Close all connections of the pool."""
        await self._transport.aclose()

    async def __aenter__(self) -> "AsyncDialClientPool":
        return self

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        await self.aclose()
