"""Types of chat completions: models of answers, params of requests; loaded when they are asked for."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .cache import *
    from .function import *
    from .request import *
    from .request_param import *
    from .response import *
    from .tool import *
else:
    from ..._names import lazy_names

    __getattr__, __dir__ = lazy_names(__name__, *"response cache function tool request_param request".split())
