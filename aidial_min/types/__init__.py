"""Types of all areas: models of answers, params of requests.

    from aidial_min.types import ChatCompletionResponse, Conversation, FileMetadata

Models read what came and lose nothing of it; params are dicts with names for their keys. They know no request, no
client and no other room but errors. A module is loaded when one of its names, or one of a later module, is asked for.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .application import *
    from .bucket import *
    from .chat import *
    from .client_channel import *
    from .code_interpreter import *
    from .completion import *
    from .conversation import *
    from .deployment import *
    from .embeddings import *
    from .file import *
    from .limits import *
    from .metadata import *
    from .model import *
    from .prompt import *
    from .publication import *
    from .responses import *
    from .sharing import *
    from .toolset import *
    from .user import *
else:
    from .._names import lazy_names

    __getattr__, __dir__ = lazy_names(
        __name__,
        "chat.response",  # first what is asked for most, then what loads fastest
        *"bucket user prompt conversation limits client_channel file".split(),
        *"deployment model toolset application metadata sharing publication embeddings responses".split(),
        *"code_interpreter completion chat.cache chat.function chat.tool chat.request_param chat.request".split(),
    )
