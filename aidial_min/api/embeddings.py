"""Embeddings: texts, tokens or attachments as vectors.

It knows the embeddings endpoint, and how vectors travel as base64; it must not know sockets, retries or loops.
"""

import sys
from array import array
from base64 import b64decode
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence, Union

from ..core.call import Config, Request, completion_of
from ..core.config import NOT_GIVEN, NotGiven
from ..core.limits import TimeoutValue
from ..core.tables import AsyncResource, SyncResource, async_method, sync_method
from ..errors import InvalidRequestError, ParsingDataError
from ..types.embeddings import EmbeddingsResponse
from .deployment_call import deployment_call, structure

if TYPE_CHECKING:
    from typing import Literal

    from ..types.embeddings import CustomEmbeddingsInput, EmbeddingsCustomFields, EmbeddingsInput


def create(
    config: Config,
    *,
    deployment_name: str,
    input: "EmbeddingsInput",
    custom_input: "Optional[Sequence[CustomEmbeddingsInput]]" = None,
    encoding_format: "Literal['float', 'base64']" = "float",
    dimensions: Optional[int] = None,
    user: Optional[str] = None,
    custom_fields: "Optional[EmbeddingsCustomFields]" = None,
    api_version: Optional[str] = None,
    extra_headers: Optional[Mapping[str, str]] = None,
    extra_query: Optional[Mapping[str, Any]] = None,
    extra_body: Optional[Mapping[str, Any]] = None,
    timeout: Union[TimeoutValue, NotGiven] = NOT_GIVEN,
    max_retries: Optional[int] = None,
) -> Request[EmbeddingsResponse]:
    """Turn texts into vectors.

    Args:
        deployment_name: id of a model or application.
        input: a text, texts, tokens, or lists of tokens; `[]` where `custom_input` says it all.
        custom_input: texts, attachments, or lists of both; each gives one vector.
        encoding_format: how vectors travel; "base64" is shorter. They come back as lists of floats in any case.
        dimensions: length of the vectors, where the model lets one choose.
        user: who asks, for the upstream model.
        custom_fields: what the texts are (`type`), and an `instruction` to the model.
        api_version: for the upstream model; the client's `api_version` if None.
        extra_headers, extra_query, extra_body: further header fields, query parameters, members of the body
            (they win over the named ones).
        timeout: seconds, a Timeout or None, for this call. max_retries: for this call.
    Returns:
        One vector per input, in `data[i].embedding`.
    Raises:
        ServerError: no usable upstream, or the deployment failed. RateLimitError: too many requests or tokens.

    POST /openai/deployments/{deployment}/embeddings
    """
    if not isinstance(input, (str, list, tuple)):
        raise InvalidRequestError("input must be a str, or a list of texts or tokens")
    if custom_input is not None and not isinstance(custom_input, (list, tuple)):
        raise InvalidRequestError("custom_input must be a list of texts and attachments")
    body: Dict[str, Any] = {
        "input": input,
        "custom_input": None if custom_input is None else structure(custom_input),
        "encoding_format": encoding_format,
        "dimensions": dimensions,
        "user": user,
        "custom_fields": custom_fields,
    }
    return deployment_call(
        config,
        deployment_name,
        "embeddings",
        {name: value for name, value in body.items() if value is not None},
        completion_of(_embeddings),
        api_version=api_version,
        extra_headers=extra_headers,
        extra_query=extra_query,
        extra_body=extra_body,
        timeout=timeout,
        max_retries=max_retries,
    )


def _embeddings(value: Any) -> EmbeddingsResponse:
    """How an answer reads: vectors in base64 are unpacked before the model sees them."""
    if isinstance(value, dict) and isinstance(value.get("data"), list):
        value = {**value, "data": [_unpacked(item, index) for index, item in enumerate(value["data"])]}
    return EmbeddingsResponse.from_json(value)


def _unpacked(item: Any, index: int) -> Any:
    vector = item.get("embedding") if isinstance(item, dict) else None
    if not isinstance(vector, str):
        return item
    return {**item, "embedding": _floats(vector, "data[%d].embedding" % index)}


def _floats(text: str, path: str) -> List[float]:
    """Little-endian 32-bit floats in base64.

    Raises:
        ParsingDataError: it is something else.
    """
    numbers = array("f")
    try:
        numbers.frombytes(b64decode(text, validate=True))
    except ValueError:
        raise ParsingDataError("expected floats in base64 at %s" % path, path=path) from None
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tolist()


class Embeddings(SyncResource):
    """Embeddings."""

    create = sync_method(create)


class AsyncEmbeddings(AsyncResource):
    """Embeddings."""

    create = async_method(create)
