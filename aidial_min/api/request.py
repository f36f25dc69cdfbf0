"""``client.request(method, path, ...)``: any request to the server, for what has no method of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Optional, Protocol, TypedDict, Union, overload
from urllib.parse import quote

from ..core.body import BytesBody, json_body
from ..core.call import Config, Request, json_of
from ..core.settings import NOT_GIVEN, NotGiven, dict_of_call, retry_of_call, timeout_of_call
from ..core.urls import SCHEME, is_url_of
from ..errors import InvalidRequestError, NotDialURLError, ParsingDataError

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ..core.http11 import Headers
    from ..core.limits import TimeoutValue
    from ..core.operation import Streamed, Whole

    class RequestOptions(TypedDict, total=False):
        """What a request may have besides method and path."""

        json: Any
        content: Union[bytes, str, None]
        headers: Optional[Mapping[str, str]]
        query: Optional[Mapping[str, Any]]
        timeout: Union[TimeoutValue, NotGiven]
        max_retries: Optional[int]

    class SendRequest(Protocol[Whole, Streamed]):
        # fmt: off
        @overload
        def __call__(self, method: str, path: str, *, stream: Literal[True],
                     **options: Unpack[RequestOptions]) -> Streamed: ...
        @overload
        def __call__(self, method: str, path: str, *, stream: Literal[False] = False,
                     **options: Unpack[RequestOptions]) -> Whole: ...
        # fmt: on

    class CallRoute(Protocol[Whole, Streamed]):
        # fmt: off
        @overload
        def __call__(self, deployment_id: str, path: str, *, method: str = "GET", stream: Literal[True],
                     **options: Unpack[RequestOptions]) -> Streamed: ...
        @overload
        def __call__(self, deployment_id: str, path: str, *, method: str = "GET", stream: Literal[False] = False,
                     **options: Unpack[RequestOptions]) -> Whole: ...
        # fmt: on


_METHOD = re.compile(r"[A-Za-z]+")
_AUTHORITY = re.compile(r"\A[^/?#]*")
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_UPSTREAM = re.compile(r"/+openai/deployments/[^?]+/(chat/completions|completions|embeddings)(\?.*)?")


_NO_CHARSETS = ("idna", "punycode", "raw_unicode_escape", "undefined", "unicode_escape")
"""Codecs of Python that decode bytes to text, but that no server means."""


class Response:
    """An answer as it came.

    Attributes:
        status_code: the HTTP status.
        headers: header fields; names are case-insensitive.
        content: the body, as bytes.
    """

    def __init__(self, status_code: int, headers: Headers, content: bytes) -> None:
        self.status_code = status_code
        self.headers = headers
        self.content = content

    @property
    def text(self) -> str:
        """The body as text: in the charset that the answer names, else in UTF-8."""
        match = re.search(r"charset=\"?([\w.\-]+)", self.headers.get("content-type", ""))
        charset = match[1].lower().replace("-", "_") if match else "utf_8"
        try:
            return self.content.decode("utf_8" if charset in _NO_CHARSETS else charset, "replace")
        except (LookupError, ValueError):  # Python has no such codec, or one that does not make text
            return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON, whatever its Content-Type says.

        Raises:
            ParsingDataError: it is not JSON, or holds more lists and objects than memory should.
        """
        try:
            return json_of(self.content)
        except ParsingDataError as error:
            raise ParsingDataError(error.message, body=self.text, request_sent="yes") from None

    def __repr__(self) -> str:
        return "Response(%d, %d bytes)" % (self.status_code, len(self.content))


def request_of(config: Config, method: str, path: str, options: Mapping[str, Any]) -> Request[Response]:
    """The request that `client.request` sends; the arguments are its own."""
    json, content = options.get("json"), options.get("content")
    headers, query = (dict_of_call(name, options.get(name)) for name in ("headers", "query"))
    if not isinstance(method, str) or _METHOD.fullmatch(method) is None:
        raise InvalidRequestError("method must be a word like GET or POST")
    if json is not None and content is not None:
        raise InvalidRequestError("pass json= or content=, not both")
    if content is not None and not isinstance(content, (bytes, bytearray, memoryview, str)):
        raise InvalidRequestError("content must be bytes or a str, not %s" % type(content).__name__)
    body: Optional[BytesBody] = None
    if json is not None:
        body = json_body(json)
    elif content is not None:
        body = BytesBody(_as_utf8(content) if isinstance(content, str) else bytes(content), None)
    target = _target(config, path)
    upstream = _UPSTREAM.fullmatch(target) is not None
    return Request(
        method.upper(),
        target,
        query=query,
        headers=headers,
        body=body,
        upstream=upstream,
        decode=lambda answer: Response(answer.head.status, answer.head.headers, answer.content),
        timeout=timeout_of_call(options.get("timeout", NOT_GIVEN)),
        retry=retry_of_call(options.get("max_retries")),
    )


def _target(config: Config, path: str) -> str:
    """Path and query below the server's base URL, percent-encoded where they are not yet.

    Raises:
        NotDialURLError: an absolute URL of another server.
        InvalidRequestError: no path at all.
    """
    if not isinstance(path, str) or not path.strip("/ "):
        raise InvalidRequestError("path must be a str like /v1/bucket")
    absolute = re.match(SCHEME, path)
    if absolute is not None:
        if not is_url_of(config.origin, path):
            raise NotDialURLError("the URL does not belong to this DIAL server (%s)" % config.origin.url)
        path = _AUTHORITY.sub("", path[absolute.end() :])
    elif path.startswith("//"):
        raise InvalidRequestError("path must begin with one slash: %r" % path)
    path = quote(_as_utf8(_BROKEN_ESCAPE.sub("%25", path)), safe="/?%:@!$&'()*+,;=~-._")
    if absolute is not None:
        path = path[len(config.origin.prefix) :]
    return path if path.startswith("/") else "/" + path


def _as_utf8(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidRequestError("the text %r can't be written as UTF-8" % text[:100]) from None
