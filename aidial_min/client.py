"""The sync client: Dial, and DialClientPool for several clients on the same connections.

It knows which resources there are, and hands requests to transport/sync.py, which it loads at the first call.
It must not know how a request travels or what an operation sends.
"""

from functools import cached_property
from pathlib import PurePosixPath
from types import TracebackType
from typing import TYPE_CHECKING, Any, Callable, Iterator, Mapping, Optional, Type, TypeVar, Union

from .core.call import Answer, Download, Flow, Pages, Request
from .core.config import BaseClient, read_config
from .core.connection import ClientCert, connection_settings
from .core.limits import DEFAULT_TIMEOUT, Limits, TimeoutValue

if TYPE_CHECKING:
    import ssl

    from .api.application import Application
    from .api.bucket import Bucket
    from .api.chat import Chat
    from .api.deployments import Deployments
    from .api.files import Files
    from .core.events import Events
    from .transport.sync import FileDownloadResponse, Stream
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
        settings = connection_settings(limits, proxy, trust_env, ca_bundle, client_cert, ssl_context)
        from .transport.sync import Transport

        self._transport = Transport(settings)
        self._owns_transport = True

    # -- resources

    @cached_property
    def chat(self) -> "Chat":
        """Chat completions: ``client.chat.completions.create(...)``."""
        from .api.chat import Chat

        return Chat(self)

    @cached_property
    def deployments(self) -> "Deployments":
        """Everything that can be called by id."""
        from .api.deployments import Deployments

        return Deployments(self)

    @cached_property
    def application(self) -> "Application":
        """Applications that the caller may use."""
        from .api.application import Application

        return Application(self)

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

    # -- the caller's own places

    @cached_property
    def _my_bucket(self) -> str:
        return self.bucket.get_bucket()

    def my_bucket(self) -> str:
        """The name of the caller's bucket (asked once)."""
        return self._my_bucket

    def my_files_home(self) -> PurePosixPath:
        """The root of the caller's files: ``client.my_files_home() / "folder/a.txt"``."""
        return PurePosixPath("files", self.my_bucket())

    def my_conversations_home(self) -> PurePosixPath:
        """The root of the caller's conversations."""
        return PurePosixPath("conversations", self.my_bucket())

    def my_prompts_home(self) -> PurePosixPath:
        """The root of the caller's prompts."""
        return PurePosixPath("prompts", self.my_bucket())

    @cached_property
    def _my_appdata(self) -> "Optional[AppData]":
        return self.bucket.get_appdata()

    def my_appdata(self) -> "Optional[AppData]":
        """Where an application may write in its user's bucket (asked once); None outside an application."""
        return self._my_appdata

    def my_appdata_home(self) -> Optional[PurePosixPath]:
        """The same as a path, "{bucket}/appdata/{application}"; None outside an application."""
        appdata = self.my_appdata()
        return PurePosixPath(appdata.raw) if appdata is not None else None

    def auth_headers(self) -> "dict[str, str]":
        """The header that carries the credential: {"Api-Key": ...} or {"Authorization": ...}."""
        credential = self._config.credential
        return dict([credential.header(credential.value() if callable(credential.value) else credential.value)])

    # -- carrying out

    def _run(self, request: Request[T]) -> T:
        return self._transport.run(request, self._config)  # type: ignore[no-any-return]

    def _follow(self, flow: Flow[T]) -> T:
        return self._transport.follow(flow, self._config)  # type: ignore[no-any-return]

    def _iterate(self, pages: Pages[T]) -> Iterator[T]:
        return self._transport.iterate(pages, self._config)  # type: ignore[no-any-return]

    def _stream(self, request: Request[Answer], events: "Events") -> "Stream[Any]":
        return self._transport.stream(request, self._config, events)  # type: ignore[no-any-return]

    def _download(self, download: Download) -> "FileDownloadResponse":
        return self._transport.download(download, self._config)  # type: ignore[no-any-return]

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


class DialClientPool:
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
        from .transport.sync import Transport

        chosen = limits if limits is not None else connection_limits
        self._transport = Transport(
            connection_settings(chosen, proxy, trust_env, ca_bundle, client_cert, ssl_context)
        )

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
