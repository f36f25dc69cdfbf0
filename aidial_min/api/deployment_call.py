"""Calls that a deployment answers: what chat, completions and embeddings have in common.

It knows how such a call is addressed and which arguments all of them take; it must not know what they ask for.
"""

from collections.abc import Mapping  # isinstance() of that of typing is slow
from typing import Any, Callable, Dict, Optional, TypeVar, Union

from ..core.body import json_body
from ..core.call import Answer, Config, Request
from ..core.config import NotGiven, read_retries
from ..core.limits import TimeoutValue, read_timeout
from ..core.urls import encode_id
from ..errors import InvalidRequestError
from ..types._model import plain

T = TypeVar("T")


def deployment_call(
    config: Config,
    deployment_name: str,
    endpoint: str,
    body: Dict[str, Any],
    decode: Callable[[Answer], T],
    *,
    api_version: Optional[str],
    extra_headers: Optional[Mapping[str, str]],
    extra_query: Optional[Mapping[str, Any]],
    extra_body: Optional[Mapping[str, Any]],
    timeout: Union[TimeoutValue, NotGiven],
    max_retries: Optional[int],
) -> Request[T]:
    """The request to a deployment; upstreams may ask for `model` in the body.

    POST /openai/deployments/{deployment}/{endpoint}
    """
    return Request(
        "POST",
        "/openai/deployments/%s/%s" % (encode_id(deployment_name), endpoint),
        decode=decode,
        query={"api-version": api_version or config.api_version, **mapping_given("extra_query", extra_query)},
        headers=mapping_given("extra_headers", extra_headers),
        body=json_body({"model": deployment_name, **body, **mapping_given("extra_body", extra_body)}),
        upstream=True,
        timeout=None if isinstance(timeout, NotGiven) else read_timeout(timeout),
        max_retries=None if max_retries is None else read_retries(max_retries).max_retries,
    )


def named_params(function: str, params: Dict[str, Any], known: "frozenset[str]") -> Dict[str, Any]:
    """The named parameters without None.

    Raises:
        TypeError: a name that is not known; it proposes the nearest one.
    """
    unknown = sorted(set(params) - known)
    if unknown:
        import difflib

        near = difflib.get_close_matches(unknown[0], known, 1)
        hint = " Did you mean %r?" % near[0] if near else ""
        raise TypeError(
            "%s() got an unexpected keyword argument %r.%s Fields of your own go into extra_body="
            % (function, unknown[0], hint)
        )
    return {name: value for name, value in params.items() if value is not None}


def mapping_given(name: str, value: Any) -> Mapping[str, Any]:
    """An argument that holds further fields; empty if None.

    Raises:
        InvalidRequestError: it is no mapping.
    """
    if value is not None and not isinstance(value, Mapping):
        raise InvalidRequestError("%s must be a dict, not %s" % (name, type(value).__name__))
    return value if value is not None else {}


def structure(value: Any) -> Any:
    """Attachments, stages and what they consist of, without nulls, and with addresses that Core can read."""
    value = plain(value)
    if isinstance(value, (list, tuple)):
        return [structure(item) for item in value]
    if not isinstance(value, dict):
        return value
    opaque = ("state", "form_value", "form_schema")
    found = {key: item if key in opaque else structure(item) for key, item in value.items() if item is not None}
    for key in ("url", "reference_url"):
        if isinstance(found.get(key), str) and found[key].startswith(("files/", "metadata/files/")):
            found[key] = found[key].replace(":", "%3A")  # as Core writes it, it can't read it: "12:30.txt" is a 400
    return found
