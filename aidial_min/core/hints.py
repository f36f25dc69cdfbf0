"""What people write who come from other libraries, and what does it here: one sentence for each."""

from __future__ import annotations

from functools import wraps
from typing import Any, Callable, Collection, Sequence, TypeVar

from ..errors import forget_variables, loading

F = TypeVar("F", bound=Callable[..., Any])

_HTTPX = "requests do not travel through httpx; see proxy=, ca_bundle=, client_cert=, ssl_context=, limits=, timeout="
ELSEWHERE = {
    "http_client": _HTTPX,
    "transport": _HTTPX,
    "mounts": _HTTPX,
    "verify": "name the certificates to trust with ca_bundle=, or pass an ssl_context=",
    "cert": "use client_cert=",
    "headers": "use default_headers=",
    "proxies": "use proxy=",
    "follow_redirects": "redirects are not followed; pass the URL that they lead to as base_url=",
    "url": "use base_url=",
    "endpoint": "use base_url=",
    "azure_endpoint": "use base_url=",
    "token": "use bearer_token=",
    "model": "use deployment_name=",
    "deployment": "use deployment_name=",
}
"""Arguments of clients and calls elsewhere (openai, httpx, requests)."""


def with_hints(function: F) -> F:
    """A function with keyword arguments that says more than Python about those it does not have, and names the class
    that users know."""

    @wraps(function)
    def call(self: Any, /, *others: Any, **given: Any) -> Any:
        known = function.__kwdefaults__ or {}
        name = type(self).__name__ if function.__name__ == "__init__" else function.__name__
        try:
            if others:
                raise TypeError("%s() takes arguments by name only, such as base_url=" % name)
            for argument in given:
                if argument not in known:
                    raise TypeError("%s() has no argument %s=: %s" % (name, argument, _instead(argument, list(known))))
            return function(self, **given)
        except BaseException as error:
            given.clear()
            forget_variables(error)
            raise

    return call  # type: ignore[return-value]


def by_name(function: F) -> F:
    """The coroutine method `create`, declared by a function with keyword arguments, some of them required; it says more
    than Python where one is missing or unknown. `_answer` of its class gives the coroutine that does it, for a dict of
    what was given."""
    code = function.__code__
    names = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    known, required = frozenset(names), frozenset(names) - (function.__kwdefaults__ or {}).keys()

    @wraps(function)
    async def call(self: Any, /, *others: Any, **given: Any) -> Any:
        try:
            if others:
                raise TypeError("create() takes arguments by name only, such as deployment_name=")
            if not required <= given.keys() <= known:
                raise TypeError(_fault(names, required, list(given)))
            return await self._answer(given)
        except BaseException as error:
            given.clear()
            forget_variables(error)
            raise

    return call  # type: ignore[return-value]


def _fault(names: Sequence[str], required: Collection[str], given: Sequence[str]) -> str:
    """What is wrong with the names of arguments that are given to `create`."""
    missing = [name for name in names if name in required and name not in given]
    if "deployment_name" in missing:
        near = [name for name in ("model", "deployment") if name in given]
        said = ", not %s=" % near[0] if near else ""
        return "create() needs deployment_name=, the id of a model or application%s" % said
    if missing:
        return "create() needs %s=" % missing[0]
    unknown = next(name for name in given if name not in names)
    said = _instead(unknown, names, "Fields of your own go into extra_body=")
    return "create() has no argument %s=: %s" % (unknown, said)


def _instead(name: str, known: Sequence[str], otherwise: str = "") -> str:
    """What to write instead of an argument that is not known."""
    with loading():
        import difflib

    near = difflib.get_close_matches(name, known, 1)
    said = ELSEWHERE.get(name) or ("Did you mean %r?" % near[0] if near else "")
    return " ".join(filter(None, (said, otherwise))) or "it has " + ", ".join(known)


def not_json(content: bytes) -> str:
    """What an answer is that should have been JSON."""
    start = content[:512].lstrip().lower()
    if not start:
        return "the answer is empty, though JSON was expected"
    if start.startswith((b"<!doctype", b"<html")):
        return "the answer is a web page, not JSON: does base_url lead to DIAL's API, and to no login or chat page?"
    return "the answer is not JSON, though JSON was expected"
