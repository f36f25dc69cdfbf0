"""The sync client: Dial, and DialClientPool for several clients on the same connections.

It knows which resources there are, and hands requests to transport/sync.py, which it loads with the first client.
It must not know how a request travels or what an operation sends.
"""

from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Callable, Iterator, Mapping, Optional, Type, TypeVar, Union

from .core.call import Answer, Download, Flow, Pages, Request
from .core.finish import each, finish
from .core.limits import DEFAULT_TIMEOUT, Limits, TimeoutValue
from .core.settings import BaseClient, ClientCert, ConnectionSettings, Portable, connection_settings, read_config

if TYPE_CHECKING:
    import ssl
    from pathlib import PurePosixPath

    from .api.application import Application
    from .api.bucket import Bucket
    from .api.calls import Chat
    from .api.client_channel import ClientChannel
    from .api.calls import Completions
    from .api.stored import Conversations
    from .api.stored import CustomApplications
    from .api.stored import CustomToolsets
    from .api.deployments import Deployments
    from .api.calls import Embeddings
    from .api.files import Files
    from .api.invitations import Invitations
    from .api.stored import Metadata
    from .api.model import Model
    from .api.notifications import Notifications
    from .api.stored import Prompts
    from .api.publications import Publications
    from .api.raw import Response
    from .api.resource_permissions import ResourcePermissions
    from .api.resources import Resources
    from .api.sharing import Sharing
    from .api.skills import SkillsRef
    from .api.toolset import Toolset
    from .api.user import User
    from .core.completion_stream import Events
    from .core.jobs import Task
    from .transport.downloads import FileDownloadResponse
    from .transport.streams import Stream
    from .transport.sync import Transport
    from .types.bucket import AppData

T = TypeVar("T")

SyncAuthValue = Union[str, Callable[[], str]]
"""A credential, or a function that gives it at every attempt."""


class Dial(BaseClient):
    """A client of a DIAL server.

    Args:
        base_url: e.g. "https://dial.example.com"; DIAL_URL if None.
        api_key, bearer_token: the one or the other, as a str or a function that returns one (asked at every attempt);
            DIAL_API_KEY if both are None.
        api_version: what chat calls send as `api-version` unless they name another one.
        timeout: seconds, a Timeout, or None for no limit.
        max_retries: how often a call is tried again, at most.
        default_headers: header fields for every request.
        limits: how many connections may be open and kept.
        proxy: a URL like "http://user:password@proxy.example:3128"; "" for none. trust_env: else ask the environment.
        ca_bundle: file or folder with trusted certificates. client_cert: a PEM file, or a pair (certificate, key).
        ssl_context: an ssl.SSLContext of your own instead of both.
    Raises:
        ConfigurationError: arguments that do not make sense; it says what to do.

    It may be used by several threads at once. Close it, or use it in a `with` block.
    """

    _transport: "Transport"

    def __init__(
        self,
        *,
        base_url: Optional[str] = None,
        api_key: Optional[SyncAuthValue] = None,
        bearer_token: Optional[SyncAuthValue] = None,
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
            coroutines=False,
        )
        self._transport = self._new_transport(
            connection_settings(limits, proxy, trust_env, ca_bundle, client_cert, ssl_context)
        )
        self._owns_transport = True

    @staticmethod
    def _new_transport(settings: ConnectionSettings) -> Any:
        from .transport.sync import Transport

        return Transport(settings)

    # -- resources

    @cached_property
    def chat(self) -> "Chat":
        """Chat completions: ``client.chat.completions.create(...)``."""
        from .api.calls import Chat

        return Chat(self)

    @cached_property
    def completions(self) -> "Completions":
        """Legacy text completions."""
        from .api.calls import Completions

        return Completions(self)

    @cached_property
    def embeddings(self) -> "Embeddings":
        """Embeddings."""
        from .api.calls import Embeddings

        return Embeddings(self)

    @cached_property
    def deployments(self) -> "Deployments":
        """Everything that can be called by id."""
        from .api.deployments import Deployments

        return Deployments(self)

    @cached_property
    def model(self) -> "Model":
        """Models that the caller may use."""
        from .api.model import Model

        return Model(self)

    @cached_property
    def application(self) -> "Application":
        """Applications that the caller may use."""
        from .api.application import Application

        return Application(self)

    @cached_property
    def toolset(self) -> "Toolset":
        """Toolsets that the caller may use."""
        from .api.toolset import Toolset

        return Toolset(self)

    @cached_property
    def user(self) -> "User":
        """The caller."""
        from .api.user import User

        return User(self)

    @cached_property
    def bucket(self) -> "Bucket":
        """The caller's bucket."""
        from .api.bucket import Bucket

        return Bucket(self)

    @cached_property
    def files(self) -> "Files":
        """Files in DIAL's storage."""
        from .api.files import Files

        return Files(self)

    @cached_property
    def prompts(self) -> "Prompts":
        """Stored prompts."""
        from .api.stored import Prompts

        return Prompts(self)

    @cached_property
    def conversations(self) -> "Conversations":
        """Stored conversations."""
        from .api.stored import Conversations

        return Conversations(self)

    @cached_property
    def custom_applications(self) -> "CustomApplications":
        """Applications that users keep in buckets: their definitions, and their life cycle."""
        from .api.stored import CustomApplications

        return CustomApplications(self)

    @cached_property
    def custom_toolsets(self) -> "CustomToolsets":
        """Toolsets that users keep in buckets: their definitions."""
        from .api.stored import CustomToolsets

        return CustomToolsets(self)

    @cached_property
    def metadata(self) -> "Metadata":
        """Metadata of anything stored."""
        from .api.stored import Metadata

        return Metadata(self)

    @cached_property
    def skills(self) -> "SkillsRef":
        """Skills: ``client.skills / "writing" / "tone"`` refers to one of the caller's own."""
        from .api.skills import SkillsRef

        return SkillsRef(self)

    @cached_property
    def sharing(self) -> "Sharing":
        """Sharing of resources with other users."""
        from .api.sharing import Sharing

        return Sharing(self)

    @cached_property
    def invitations(self) -> "Invitations":
        """Invitations to use what others share."""
        from .api.invitations import Invitations

        return Invitations(self)

    @cached_property
    def publications(self) -> "Publications":
        """Publications: resources on their way to the public bucket."""
        from .api.publications import Publications

        return Publications(self)

    @cached_property
    def notifications(self) -> "Notifications":
        """Notifications that the server keeps for the caller."""
        from .api.notifications import Notifications

        return Notifications(self)

    @cached_property
    def resource_permissions(self) -> "ResourcePermissions":
        """Permissions that an application passes on, for the time of one request."""
        from .api.resource_permissions import ResourcePermissions

        return ResourcePermissions(self)

    @cached_property
    def resources(self) -> "Resources":
        """Changes of resources, as they happen."""
        from .api.resources import Resources

        return Resources(self)

    @cached_property
    def client_channel(self) -> "ClientChannel":
        """The channel between an application and its user's client."""
        from .api.client_channel import ClientChannel

        return ClientChannel(self)

    def request(
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

        return self._run(
            request(self._config, method, path, json=json, content=content, headers=headers, query=query)
        )

    # -- the caller's own places

    def my_bucket(self) -> str:
        """The name of the caller's bucket (asked once)."""
        found: Optional[str] = self.__dict__.get("_my_bucket")
        if found is None:
            found = self.__dict__["_my_bucket"] = self.bucket.get_bucket()
        return found

    def my_files_home(self) -> "PurePosixPath":
        """The root of the caller's files: ``client.my_files_home() / "folder/a.txt"``."""
        from pathlib import PurePosixPath

        return PurePosixPath("files", self.my_bucket())

    def my_conversations_home(self) -> "PurePosixPath":
        """The root of the caller's conversations."""
        from pathlib import PurePosixPath

        return PurePosixPath("conversations", self.my_bucket())

    def my_prompts_home(self) -> "PurePosixPath":
        """The root of the caller's prompts."""
        from pathlib import PurePosixPath

        return PurePosixPath("prompts", self.my_bucket())

    def my_appdata(self) -> "Optional[AppData]":
        """Where an application may write in its user's bucket (asked once); None outside an application."""
        if "_my_appdata" not in self.__dict__:
            self.__dict__["_my_appdata"] = self.bucket.get_appdata()
        return self.__dict__["_my_appdata"]  # type: ignore[no-any-return]

    def my_appdata_home(self) -> "Optional[PurePosixPath]":
        """The same as a path, "{bucket}/appdata/{application}"; None outside an application."""
        from pathlib import PurePosixPath

        appdata = self.my_appdata()
        from pathlib import PurePosixPath

        return PurePosixPath(appdata.raw) if appdata is not None else None

    def auth_headers(self) -> "dict[str, str]":
        """The headers that carry the credentials: {"api-key": ...}, {"Authorization": ...}, or both."""
        headers: "dict[str, str]" = {}
        for credential in self._config.credentials:
            headers.update(credential.as_dict(credential.value() if callable(credential.value) else credential.value))
        return headers

    # -- carrying out

    def _run(self, request: Request[T]) -> T:
        return finish(self._transport.run(request, self._config))

    def _follow(self, flow: Flow[T]) -> T:
        return finish(self._transport.follow(flow, self._config))

    def _iterate(self, pages: Pages[T]) -> Iterator[T]:
        return each(self._transport.iterate(pages, self._config))

    def _stream(self, request: Request[Answer], events: "Events") -> "Stream[Any]":
        from .transport.streams import Stream

        head, exchange = finish(self._transport.open(request, self._config))
        return Stream(head, exchange, events)

    def _download(self, download: Download) -> "FileDownloadResponse":
        from .transport.downloads import FileDownloadResponse

        head, exchange, filename = finish(self._transport.download(download, self._config))
        return FileDownloadResponse(head, exchange, filename)

    def _carry_out(self, task: "Task[T]") -> T:
        from .transport.folders import carry_out

        return carry_out(self, task)

    def close(self) -> None:
        """Close the client's connections; those of a pool, or shared by `with_options`, stay."""
        if self._owns_transport:
            self._transport.close()

    def __enter__(self) -> "Dial":
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()


class DialClientPool(Portable):
    """Connections that several clients share.

    Args:
        limits: how many connections may be open and kept, for all its clients together (`connection_limits` is the
            same argument under its older name).
        proxy, trust_env, ca_bundle, client_cert, ssl_context: as for Dial.
    """

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

    _new_transport = staticmethod(Dial._new_transport)

    def create_client(
        self,
        *,
        base_url: Optional[str] = None,
        api_key: Optional[SyncAuthValue] = None,
        bearer_token: Optional[SyncAuthValue] = None,
        max_retries: int = 2,
        timeout: TimeoutValue = DEFAULT_TIMEOUT,
        api_version: Optional[str] = None,
        default_headers: Optional[Mapping[str, str]] = None,
    ) -> Dial:
        """A client on the pool's connections; closing it leaves the pool and its other clients alone."""
        config = read_config(
            base_url=base_url,
            api_key=api_key,
            bearer_token=bearer_token,
            api_version=api_version,
            timeout=timeout,
            max_retries=max_retries,
            default_headers=default_headers,
            coroutines=False,
        )
        return Dial._on(config, self._transport, owns_transport=False)

    def close(self) -> None:
        """Close all connections of the pool."""
        self._transport.close()

    def __enter__(self) -> "DialClientPool":
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()
