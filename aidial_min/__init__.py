"""A client for the AI DIAL API that needs nothing but Python's standard library.

    from aidial_min import Dial
    client = Dial(base_url="https://dial.example.com", api_key="...")

Public names are loaded when they are first used (PEP 562), so that importing the package costs next to nothing.
"""

from typing import TYPE_CHECKING

from ._version import __version__

if TYPE_CHECKING:
    from .async_client import AsyncAuthValue as AsyncAuthValue
    from .async_client import AsyncDial as AsyncDial
    from .async_client import AsyncDialClientPool as AsyncDialClientPool
    from .client import Dial as Dial
    from .client import DialClientPool as DialClientPool
    from .client import SyncAuthValue as SyncAuthValue
    from .core.http11 import Headers as Headers
    from .core.limits import Limits as Limits
    from .core.limits import Timeout as Timeout
    from .errors import AuthenticationError as AuthenticationError
    from .errors import ConfigurationError as ConfigurationError
    from .errors import ConflictError as ConflictError
    from .errors import ConnectError as ConnectError
    from .errors import DialConnectionError as DialConnectionError
    from .errors import DialException as DialException
    from .errors import DialTimeoutError as DialTimeoutError
    from .errors import EndpointNotSupportedError as EndpointNotSupportedError
    from .errors import EtagMismatchError as EtagMismatchError
    from .errors import InvalidDialURLError as InvalidDialURLError
    from .errors import InvalidDialURLException as InvalidDialURLException
    from .errors import InvalidRequestError as InvalidRequestError
    from .errors import NotDialURLError as NotDialURLError
    from .errors import ParsingDataError as ParsingDataError
    from .errors import PermissionDeniedError as PermissionDeniedError
    from .errors import ProxyError as ProxyError
    from .errors import RateLimitError as RateLimitError
    from .errors import RemoteProtocolError as RemoteProtocolError
    from .errors import RequestTooLargeError as RequestTooLargeError
    from .errors import ResourceNotFoundError as ResourceNotFoundError
    from .errors import ResponseInterruptedError as ResponseInterruptedError
    from .errors import ServerError as ServerError
    from .errors import StreamInterruptedError as StreamInterruptedError
    from .errors import TLSError as TLSError
    from .transport.downloads import AsyncFileDownloadResponse as AsyncFileDownloadResponse
    from .transport.downloads import FileDownloadResponse as FileDownloadResponse
    from .transport.streams import AsyncStream as AsyncStream
    from .transport.streams import Stream as Stream
    from .types.client_channel import SigninResult as SigninResult
    from .types.model import ModelInfo as ModelInfo
    from .types.model import ModelLimits as ModelLimits
    from .types.model import ModelPricing as ModelPricing
    from .types.toolset import ToolsetInfo as ToolsetInfo
    from .types.user import UserInfo as UserInfo

_PLACES = {
    "async_client": "AsyncAuthValue AsyncDial AsyncDialClientPool",
    "client": "Dial DialClientPool SyncAuthValue",
    "core.http11": "Headers",
    "core.limits": "Limits Timeout",
    "errors": "AuthenticationError ConfigurationError ConflictError ConnectError DialConnectionError DialException "
    "DialTimeoutError EndpointNotSupportedError EtagMismatchError InvalidDialURLError InvalidDialURLException "
    "InvalidRequestError NotDialURLError ParsingDataError PermissionDeniedError ProxyError RateLimitError "
    "RemoteProtocolError RequestTooLargeError ResourceNotFoundError ResponseInterruptedError ServerError "
    "StreamInterruptedError TLSError",
    "transport.downloads": "AsyncFileDownloadResponse FileDownloadResponse",
    "transport.streams": "AsyncStream Stream",
    "types.client_channel": "SigninResult",
    "types.model": "ModelInfo ModelLimits ModelPricing",
    "types.toolset": "ToolsetInfo",
    "types.user": "UserInfo",
}
_MODULES = {name: module for module, names in _PLACES.items() for name in names.split()}

__all__ = ["__version__", *_MODULES]

if not TYPE_CHECKING:  # hidden from type checkers, which would take any name for granted

    def __getattr__(name):
        if name not in _MODULES:
            raise AttributeError("module %r has no attribute %r" % (__name__, name))
        from importlib import import_module

        value = globals()[name] = getattr(import_module("." + _MODULES[name], __name__), name)
        return value

    def __dir__():
        return sorted({*globals(), *_MODULES})
