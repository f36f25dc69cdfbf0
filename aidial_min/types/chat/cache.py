"""Request params of prompt caching.

They mark where in a prompt a cached prefix may end, and how long it may live.
"""

from typing import Literal, Optional, TypedDict, Union

__all__ = ["CacheBreakpointParam", "PromptCacheBreakpointParam", "PromptCacheOptionsParam"]


class CacheBreakpointParam(TypedDict, total=False):
    """A place up to which the prompt may be cached (`custom_fields.cache_breakpoint`); `{}` is a breakpoint too."""

    expire_at: Optional[str]  # ISO 8601 time


class PromptCacheBreakpointParam(TypedDict):
    """A breakpoint on one content part (`prompt_cache_breakpoint`)."""

    mode: Literal["explicit"]


class PromptCacheOptionsParam(TypedDict, total=False):
    """How the upstream may cache the prompt (`prompt_cache_options`)."""

    mode: Optional[Literal["implicit", "explicit"]]
    ttl: Union[Literal["30m"], str, None]
