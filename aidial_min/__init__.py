"""A client for the AI DIAL API that needs nothing but Python's standard library.

    from aidial_min import Dial
    client = Dial(base_url="https://dial.example.com", api_key="...")

Public names are loaded when they are first used (PEP 562), so that importing the package costs next to nothing.
"""

from ._version import __version__ as __version__

TYPE_CHECKING = bool()  # type checkers take it for true, jedi for either; `typing` is not loaded for it

if TYPE_CHECKING:
    from .client import *
    from .core.attempts import Attempt as Attempt
    from .core.http11 import Headers as Headers
    from .core.limits import Limits as Limits
    from .core.limits import Timeout as Timeout
    from .errors import *
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
else:
    from ._names import lazy_names

    __getattr__, __dir__ = lazy_names(
        __name__,
        "_version __version__",
        "core.attempts Attempt",
        "core.http11 Headers",
        "core.limits Limits Timeout",
        "transport.downloads AsyncFileDownloadResponse FileDownloadResponse",
        "transport.streams AsyncStream Stream",
        "types.client_channel SigninResult",
        "types.model ModelInfo ModelLimits ModelPricing",
        "types.toolset ToolsetInfo",
        "types.user UserInfo",
        "errors",
        "client",
        elsewhere="types",
    )
