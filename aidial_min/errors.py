"""Every error the client raises, and the one place where an HTTP answer becomes an error.

    DialException
    +-- InvalidRequestError               400, 422, and arguments that can't be sent
    |   +-- ConfigurationError            arguments of a client; also a ValueError
    |   +-- InvalidDialURLError           also named InvalidDialURLException
    |   +-- NotDialURLError               an absolute URL of another host
    +-- AuthenticationError               401
    +-- PermissionDeniedError             403
    +-- ResourceNotFoundError             404
    |   +-- EndpointNotSupportedError     this server does not have the endpoint
    +-- ConflictError                     409
    +-- EtagMismatchError                 412
    +-- RequestTooLargeError              413
    +-- RateLimitError                    429
    +-- ServerError                       5xx
    +-- ParsingDataError                  the answer is not what the API promises
    +-- DialConnectionError               no complete answer came
        +-- ConnectError                  DNS, refused, unreachable: nothing was sent
        |   +-- ProxyError                the proxy refused or failed
        |   +-- TLSError                  certificate or handshake
        +-- DialTimeoutError              also a TimeoutError
        +-- RemoteProtocolError           what came is not HTTP/1.1, or is malformed
        +-- ResponseInterruptedError      the answer began and broke off
        +-- StreamInterruptedError        a stream ended without [DONE]

`error_from_response` chooses the class by the status, whatever the body says and in whatever form.
"""

from __future__ import annotations

import json
from copyreg import __newobj__  # type: ignore[attr-defined]  # makes an object of a class, without its __init__
from typing import Any, Dict, Iterable, Mapping, Optional, Tuple, Type, Union

from ._typing import NamedTuple

__all__ = [
    "AuthenticationError", "ConfigurationError", "ConflictError", "ConnectError", "DialConnectionError",
    "DialException", "DialTimeoutError", "EndpointNotSupportedError", "EtagMismatchError", "InvalidDialURLError",
    "InvalidDialURLException", "InvalidRequestError", "NotDialURLError", "ParsingDataError", "PermissionDeniedError",
    "ProxyError", "RateLimitError", "RemoteProtocolError", "RequestTooLargeError", "ResourceNotFoundError",
    "ResponseInterruptedError", "ServerError", "StreamInterruptedError", "TLSError",
]  # fmt: skip

_LONGEST_MESSAGE = 500
"""Characters of an answer's text that may stand in a message."""

LONGEST_BODY = 65536
"""Characters of an answer's text that an error keeps in `body`, and that are searched for a message."""

_DEEPEST = 64
"""Levels of an error object that an error keeps in `error`."""

_LONGEST_LINE = 1000
"""Characters of `str(error)`."""

_CONTROLS = dict.fromkeys([*range(32), *range(127, 160)], "?")
"""Characters that a terminal obeys (ESC among them), none of which may reach it out of an answer."""


def one_line(text: str, longest: int) -> str:
    """`text` as one line without control characters, of at most `longest` characters."""
    line = " ".join(text.split()).translate(_CONTROLS)
    return line if len(line) <= longest else line[: longest - 3] + "..."


class RequestInfo(NamedTuple):
    """Which request an error belongs to; the URL carries no credentials."""

    method: str
    url: str

    @property
    def path(self) -> str:
        """The URL without scheme, host and query."""
        rest = self.url.split("://", 1)[-1]
        return "/" + rest.partition("/")[2].split("?", 1)[0]


class DialException(Exception):
    """The base of all errors of this package.

    Attributes:
        message: what went wrong, as the server or the client put it.
        status_code: the HTTP status; 500 where no answer came, as in the official client.
        type, param, code, display_message: of DIAL's error object, where one came (`display_message` is for end users).
        headers: of the answer, with credentials masked; empty where no answer came.
        body: the text of the answer, with credentials masked, at most 64 KiB; "" where none came.
        error: the error object as it came, with credentials masked, or None (Azure puts its `innererror` there).
        request: `.method` and `.url` of the request, None where there was none.
        request_sent: "no", "maybe" or "yes": did the request reach the server?
        location: the Location header of a redirect (never followed).
        retry_after: seconds the server asked to wait, or None.
        partial: what a completion stream had given before the error (ChatCompletionResponse), or None.
    """

    _status = 500
    _type: Optional[str] = "runtime_error"

    def __init__(
        self,
        message: str,
        status_code: Optional[int] = None,
        type: Optional[str] = None,
        param: Optional[str] = None,
        code: Optional[str] = None,
        display_message: Optional[str] = None,
        *,
        headers: Optional[Mapping[str, str]] = None,
        body: str = "",
        error: Any = None,
        request: Optional[RequestInfo] = None,
        request_sent: str = "no",
        retry_after: Optional[float] = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status_code: int = status_code if status_code is not None else self._status
        self.type = type if type is not None else self._type
        self.param = param
        self.code = code
        self.display_message = display_message
        self.headers: Mapping[str, str] = headers if headers is not None else {}
        self.body = body[:LONGEST_BODY]
        self.error = error
        self.request = request
        self.request_sent = request_sent
        self.retry_after = retry_after
        self.location: Optional[str] = self.headers.get("location")
        self.partial: Any = None

    @property
    def trace_id(self) -> Optional[str]:
        """The trace under which the server recorded the request, where it tells one (X-DIAL-TRACE-ID)."""
        return self.headers.get("x-dial-trace-id")

    def __str__(self) -> str:
        answered = self.request_sent == "yes" and not isinstance(self, DialConnectionError)
        status = "%s " % self.status_code if answered else ""
        place = " (%s %s)" % (self.request.method, one_line(self.request.path, 300)) if self.request else ""
        text = one_line(str(self.message), _LONGEST_LINE - len(status + place))  # users may raise it with anything
        return status + (text or "no message") + place

    def __repr__(self) -> str:
        names = ("message", "status_code", "type", "param", "code", "display_message")
        given = ((name, getattr(self, name)) for name in names)
        return "%s(%s)" % (type(self).__name__, ", ".join("%s=%r" % pair for pair in given))

    def __reduce__(self) -> Tuple[Any, ...]:
        return __newobj__, (type(self),), {**self.__dict__, "args": self.args}

    @classmethod
    def from_error_data(cls, status_code: int, error_data: Mapping[str, Any]) -> "DialException":
        """An error of the class that `status_code` asks for, from DIAL's error object `{"message": ...}`."""
        return error_from_object(status_code, error_data)


class InvalidRequestError(DialException):
    """400, 422 and other 4xx; and arguments that can't be sent, raised before anything is sent."""

    _status = 400
    _type = "invalid_request_error"


class ConfigurationError(InvalidRequestError, ValueError):
    """The arguments of a client do not make sense; the message says what to do."""


class InvalidDialURLError(InvalidRequestError):
    """A URL or path that names nothing in DIAL's storage."""


InvalidDialURLException = InvalidDialURLError
"""The name that the client guide uses."""


class NotDialURLError(InvalidRequestError):
    """An absolute URL that belongs to another server."""


class AuthenticationError(DialException):
    """401: the credentials are missing, wrong or expired."""

    _status = 401


class PermissionDeniedError(DialException):
    """403: these credentials may not do this."""

    _status = 403


class ResourceNotFoundError(DialException):
    """404: no such deployment, file or other resource."""

    _status = 404


class EndpointNotSupportedError(ResourceNotFoundError):
    """This server does not have the endpoint: 502 with the text `No route` (Core of 2024), 404 on an unknown route."""


class ConflictError(DialException):
    """409: the resource is in a state that does not allow this."""

    _status = 409


class EtagMismatchError(DialException):
    """412: the resource is not (or no longer) what the precondition asked for."""

    _status = 412


class RequestTooLargeError(DialException):
    """413: the body is larger than the server takes."""

    _status = 413


class RateLimitError(DialException):
    """429: too many requests or tokens; `retry_after` is in seconds, or None."""

    _status = 429


class ServerError(DialException):
    """5xx: the server or the application behind it failed; `retry_after` is in seconds, or None."""

    _status = 500


class ParsingDataError(DialException):
    """The answer is not what the API promises; `path` says where in its JSON ("data[3].id"; "" for the whole)."""

    _status = 422

    def __init__(self, message: str, *args: Any, path: str = "", **kwargs: Any) -> None:
        super().__init__(message, *args, **kwargs)
        self.path = path


class DialConnectionError(DialException):
    """No complete answer came: the class and `request_sent` say what happened, the `status_code` of 500 does not."""

    _type = "connection_error"


class ConnectError(DialConnectionError):
    """No connection: name not found, refused, unreachable. Nothing was sent."""


class ProxyError(ConnectError):
    """The proxy failed, or refused us (`refused`: it did so for good, with 403 or 407, and is not asked again)."""

    refused = False


class TLSError(ConnectError):
    """Certificate or handshake; the message names the setting that would help."""


class DialTimeoutError(DialConnectionError, TimeoutError):
    """A limit of Timeout was reached; `limit` names it: connect, read, write, pool, progress or total."""

    def __init__(self, message: str, *args: Any, limit: str = "total", **kwargs: Any) -> None:
        super().__init__(message, *args, **kwargs)
        self.limit = limit


class RemoteProtocolError(DialConnectionError):
    """What came is not HTTP/1.1, or is malformed (RFC 9112)."""


class ResponseInterruptedError(DialConnectionError):
    """The answer began and broke off; `received` and `expected` are bytes of the body (`expected` may be None)."""

    def __init__(
        self, message: str, *args: Any, received: int = 0, expected: Optional[int] = None, **kwargs: Any
    ) -> None:
        super().__init__(message, *args, **kwargs)
        self.received = received
        self.expected = expected


class StreamInterruptedError(DialConnectionError):
    """A completion stream ended without `[DONE]`; `partial` is the answer merged so far."""


_OF_ONE_STATUS = (
    AuthenticationError, PermissionDeniedError, ResourceNotFoundError, ConflictError, EtagMismatchError,
    RequestTooLargeError, RateLimitError,
)  # fmt: skip
_BY_STATUS: Dict[int, Type[DialException]] = {error._status: error for error in _OF_ONE_STATUS}


def class_for_status(status: int) -> Type[DialException]:
    """The error class of an HTTP status; the nearest one for statuses without a class of their own."""
    if status >= 500:
        return ServerError
    if status >= 400:
        return _BY_STATUS.get(status, InvalidRequestError)
    return DialException


def is_no_route(status: int, text: str) -> bool:
    """Whether an answer says that no route matched: Core of 2024 with 502, newer ones with 404."""
    return (status == 502 and text == "No route") or (status == 404 and text == "Route is not found")


def error_from_response(
    status: int,
    reason: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    request: Optional[RequestInfo] = None,
    upstream: bool = False,
    retry_after: Optional[float] = None,
    secrets: Iterable[str] = (),
) -> DialException:
    """The error that an HTTP answer means.

    DIAL's error bodies have no single format (JSON error object, JSON string, plain text without a content type,
    empty, HTML of a proxy): the body is parsed whatever its Content-Type says, and never hides the status.

    Args:
        body: the first bytes of the answer's body, decompressed.
        upstream: the endpoint is answered by a deployment, so that 502 `No route` means "no usable upstream".
        retry_after: seconds, from the answer's headers.
        secrets: texts to mask wherever the server echoed them.
    """
    text = mask(body.decode("utf-8", "replace").strip(), secrets)  # before it is cut: half a secret is one, too
    cls = class_for_status(status)
    if is_no_route(status, text) and not (upstream and status == 502):
        cls = EndpointNotSupportedError
    fields = {"body": text_of_body(body, secrets), **_error_fields(text, secrets)}
    message = fields.pop("message") or message_from_text(text) or reason or _phrase(status)
    if 300 <= status < 400 and headers.get("location"):
        message = "%s to %s, which is not followed: is it what base_url should be?" % (
            message,
            headers["location"].split("?")[0][:_LONGEST_MESSAGE],  # a query may hold what a login page is handed
        )
    if cls is EndpointNotSupportedError:
        message = "this DIAL server does not have the endpoint (it says: %s)" % message
    fields.update(headers=headers, request=request, retry_after=retry_after)
    error = cls(message, status_code=status, request_sent="yes", **fields)
    conceal(error, secrets)
    return error


def error_from_object(status: int, error: Union[Mapping[str, Any], str], **kwargs: Any) -> DialException:
    """An error from DIAL's error object, as it stands in a body or inside a 200 stream."""
    fields = {**_fields_of(error if isinstance(error, Mapping) else {"message": error}), "error": _masked(error, ())}
    message = fields.pop("message")
    if not message:
        word = fields["code"] or fields["type"] or message_from_text(json.dumps(fields["error"]))
        message = _phrase(status) if status else word
    cls = class_for_status(status) if status else DialException
    return cls(message, status_code=status or 500, **fields, **kwargs)


def in_band_status(error: Any) -> int:
    """The status that an error object inside a 200 stream stands for: its numeric `code`, else 0."""
    code = error.get("code") if isinstance(error, Mapping) else None
    if isinstance(code, bool) or not isinstance(code, (int, str)):
        return 0
    digits = str(code)
    in_range = len(digits) == 3 and digits.isascii() and digits.isdigit() and "400" <= digits <= "599"
    return int(digits) if in_range else 0


def _error_fields(text: str, secrets: Iterable[str]) -> Dict[str, Any]:
    """What a JSON error body says: `message` (None if it says nothing), `type`, ..., `error`, and a `body` to show."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return {"message": None}
    found = _fields_of_json(data)
    if "\\" in text and secrets:  # escapes may hide what had to be masked
        data = _masked(data, secrets)
        found["body"] = json.dumps(data, ensure_ascii=False)
    return found


def _fields_of_json(data: Any) -> Dict[str, Any]:
    if isinstance(data, str):
        return {"message": data}
    if not isinstance(data, dict):
        return {"message": None}
    for key in ("error", "detail"):
        if isinstance(data.get(key), dict):
            return {**_fields_of(data[key]), "error": _masked(data[key], ())}
        if isinstance(data.get(key), str) and data[key]:
            return {**_fields_of({**data, "message": data[key]}), "error": _masked(data, ())}
    return {**_fields_of(data), "error": _masked(data, ())}


def _fields_of(error: Mapping[str, Any]) -> Dict[str, Any]:
    fields = {name: _text_or_none(error.get(name)) for name in ("type", "param", "code", "display_message")}
    message = error.get("message")
    fields["message"] = message if isinstance(message, str) and message.strip() else None
    return fields


def _text_or_none(value: Any) -> Optional[str]:
    # OpenAI-like upstreams send `code` as a number, DIAL as a string.
    return value if value is None or isinstance(value, str) else json.dumps(_masked(value, ()))


def message_from_text(text: str) -> str:
    """The readable part of a body that is no JSON error: HTML loses its tags, long texts are cut."""
    beginning = text[:1000].lower()
    if "<" in text[:200] and ("<html" in beginning or "<!doctype" in beginning):
        text = _text_of_page(text[:LONGEST_BODY])
    return text if len(text) <= _LONGEST_MESSAGE else text[:_LONGEST_MESSAGE] + "..."


def _text_of_page(page: str) -> str:
    """What HTML shows; a scan from tag to tag, since a regular expression would go over some pages again and again."""
    first, *others = page.split("<")
    shown, hidden = [first], ""
    for piece in others:
        tag, _, after = piece.partition(">")
        name = (tag.lower().split(None, 1) or [""])[0]
        if not hidden and name in ("script", "style"):
            hidden = "/" + name
        elif not hidden or name == hidden:
            shown.append(after)
            hidden = ""
    return " ".join(" ".join(shown).split())


def _phrase(status: int) -> str:
    from http import HTTPStatus

    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "HTTP status %d" % status


def mask(text: str, secrets: Iterable[str]) -> str:
    """`text` with every one of `secrets` replaced by `***`."""
    for secret in sorted(secrets, key=len, reverse=True):  # one may hold another
        if len(secret) >= 4:  # shorter ones are no secrets, and masking them would garble the text
            text = text.replace(secret, "***")
    return text


def text_of_body(body: bytes, secrets: Iterable[str]) -> str:
    """The text of an answer's body with `secrets` masked, as far as an error keeps it."""
    text = mask(body[:LONGEST_BODY].decode("utf-8", "replace").strip(), secrets)
    if len(body) >= LONGEST_BODY:  # it was cut somewhere, and the beginning of a secret at its end is one, too
        for secret in secrets:
            for size in range(len(secret) - 1, 3, -1):
                if text.endswith(secret[:size]):
                    return text[:-size] + "***"
    return text


def _masked(value: Any, secrets: Iterable[str], depth: int = 0) -> Any:
    """A copy of a JSON value with `secrets` masked, and "..." for what lies too deep to be copied or pickled."""
    if isinstance(value, str):
        return mask(value, secrets)
    if not isinstance(value, (dict, list)):
        return value
    if depth > _DEEPEST:
        return "..."
    if isinstance(value, list):
        return [_masked(item, secrets, depth + 1) for item in value]
    return {mask(key, secrets): _masked(item, secrets, depth + 1) for key, item in value.items()}


def conceal(error: DialException, secrets: Iterable[str]) -> None:
    """Mask `secrets` in everything an error carries, and in the frames it came through: the server may have echoed
    them."""
    forget_variables(error)
    secrets = [secret for secret in secrets if len(secret) >= 4]
    if not secrets:
        return
    error.args = tuple(mask(value, secrets) if isinstance(value, str) else value for value in error.args)
    for name, value in error.__dict__.items():
        if isinstance(value, str) or name == "error":
            error.__dict__[name] = _masked(value, secrets)
    if error.request is not None:
        error.request = error.request._replace(url=mask(error.request.url, secrets))
    if error.headers:
        masked = [(name, mask(value, secrets)) for name, value in error.headers.items()]
        error.headers = type(error.headers)(masked)  # type: ignore[call-arg]  # dict and Headers both take pairs


def forget_variables(error: BaseException) -> None:
    """Empty the frames of ours that an error came through, and those behind it: error trackers send their variables,
    and some hold credentials. The frames that still run are left."""
    behind: Optional[BaseException] = error
    seen: set[int] = set()
    while behind is not None and id(behind) not in seen:  # users may tie them into a ring
        seen.add(id(behind))
        trace, behind = behind.__traceback__, behind.__context__
        while trace is not None:
            if str(trace.tb_frame.f_globals.get("__name__")).startswith(str(__package__)):
                try:
                    trace.tb_frame.clear()
                except RuntimeError:
                    pass  # it still runs
            trace = trace.tb_next


def is_bad_moment(error: BaseException) -> bool:
    """Whether a file could not be opened for want of descriptors or memory: a module that is loaded only now, say."""
    if isinstance(error, DialException) or not isinstance(error, (OSError, ImportError)):
        return False
    import errno

    lacking = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
    return getattr(error, "errno", None) in lacking or "Too many open files" in str(error)


def check_moment(error: BaseException) -> None:
    """Make what a bad moment did one clear error.

    Raises:
        ConnectError: it was a bad moment.
    """
    if is_bad_moment(error):
        reason = getattr(error, "strerror", None) or error
        raise ConnectError("it can't be done just now, for want of descriptors or memory: %s" % reason) from error


class loading:
    """A `with` block in which modules may be loaded for the first time: a bad moment is one clear error, and passes."""

    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Optional[BaseException], trace: Any) -> None:
        if error is not None:
            check_moment(error)
