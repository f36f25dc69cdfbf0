"""One call, written once: what an operation is (Request), and the policy that carries it out (exchange).

`exchange` is a generator: it yields steps (Ask, Send, Wait), is sent what came of them, and returns the decoded value
or raises. The shells in transport/ carry the steps out and decide nothing.
It knows credentials, headers, statuses and retries; it must not know sockets, loops or clocks.
"""

import collections.abc
import json
import re
import sys
from functools import partial
from importlib import import_module
from typing import Any, Callable, Dict, Generator, Generic, List, Mapping, NamedTuple, Optional, Tuple, TypeVar, Union

from .._version import __version__
from ..errors import (
    DialConnectionError,
    DialException,
    InvalidRequestError,
    ParsingDataError,
    RequestInfo,
    conceal,
    error_from_object,
    error_from_response,
    in_band_status,
    is_no_route,
    mask,
    text_of_body,
)
from ..types._model import Model
from .attempts import Attempt, Watch, headers_without_secrets, watch_of
from .body import Body
from .credentials import Credential
from .hints import not_json
from .http11 import Head, header_line, request_head
from .limits import DEFAULT_TIMEOUT, Timeout
from .proxy import Route, refusal
from .retry import RetryPolicy, is_idempotent, retry_after_of
from .urls import Origin, encode_query

T = TypeVar("T")
Item = TypeVar("Item")

USER_AGENT = "aidial-min/" + __version__

HeaderSource = Union[Tuple[str, str], Callable[[], Any]]
"""A header field, or a function (of the async client also a coroutine function) that gives a dict of them or None."""


class Config(NamedTuple):
    """What a client is set to: the server, the credentials, and the settings of its calls."""

    origin: Origin
    credentials: Tuple[Credential, ...]
    clock: Callable[[], float]
    """The epoch time in seconds; asked only to read a Retry-After date."""
    api_version: Optional[str] = None
    timeout: Timeout = DEFAULT_TIMEOUT
    retry: RetryPolicy = RetryPolicy()
    headers: Tuple[HeaderSource, ...] = ()
    """Header fields for every request, and functions that give more; later ones win."""
    on_attempt: Optional[Watch] = None

    def __repr__(self) -> str:
        return "Config(%r)" % self.origin.url


class Answer(NamedTuple):
    """An HTTP answer read to its end, or, for a stream, its head and the exchange whose body is still open."""

    head: Head
    content: bytes
    exchange: Any = None

    def __repr__(self) -> str:
        return "Answer(%d, %d bytes)" % (self.head.status, len(self.content))  # tracebacks show it: it may echo a key


class Request(Generic[T]):
    """One HTTP exchange as a value, and how its answer reads.

    Args:
        method, path: e.g. "GET", "/v1/bucket"; the path is percent-encoded and below the base URL.
        decode: makes the result of the answer.
        query: parameters; None is left out.
        headers: further header fields; None is left out.
        upstream: a deployment answers, so 502 `No route` means "no usable upstream", not "no such endpoint".
        timeout, max_retries: for this call; None takes the client's.
    """

    __slots__ = ("method", "path", "decode", "query", "headers", "body", "upstream", "timeout", "max_retries")

    def __init__(
        self,
        method: str,
        path: str,
        *,
        decode: Callable[[Answer], T],
        query: Optional[Mapping[str, Any]] = None,
        headers: Optional[Mapping[str, Optional[str]]] = None,
        body: Optional[Body] = None,
        upstream: bool = False,
        timeout: Optional[Timeout] = None,
        max_retries: Optional[int] = None,
    ) -> None:
        self.method = method
        self.path = path
        self.decode = decode
        self.query = query
        self.headers = headers
        self.body = body
        self.upstream = upstream
        self.timeout = timeout
        self.max_retries = max_retries

    def target(self, config: Config) -> str:
        """Path and query as they stand in the request line, below the server's path prefix."""
        query = encode_query(self.query) if self.query else ""
        path = config.origin.prefix + self.path
        return path + ("&" if "?" in path else "?") + query if query else path


class Pages(Generic[Item]):
    """A listing that comes in pages.

    Args:
        first: the request for the first page.
        items: the elements of a page.
        follow: the request for the page after this one, or None.
        is_empty: whether an error of the first page means an empty listing.
    """

    __slots__ = ("first", "items", "follow", "is_empty")

    def __init__(
        self,
        first: Request[Any],
        items: Callable[[Any], List[Item]],
        follow: Callable[[Any], Optional[Request[Any]]],
        is_empty: Callable[[DialException], bool],
    ) -> None:
        self.first = first
        self.items = items
        self.follow = follow
        self.is_empty = is_empty


class Download(NamedTuple):
    """A file to be read as it comes: the request, the name it is stored under, and the ETag it must have."""

    request: Request[Answer]
    filename: str
    etag_if_match: Optional[str] = None


Flow = Generator[Request[Any], Any, T]
"""An operation of several requests: it yields them, is sent their results, and returns the value."""


# ---------------------------------------------------------------- steps


class Ask(NamedTuple):
    """Call a function of the user's (a coroutine function is awaited); send back what it returned, or a Failure where
    the call's time ended before."""

    callable: Callable[[], Any]


class Send(NamedTuple):
    """Send a request and read its answer; send back an Answer or a Failure.

    `stream`: leave the body open where the status is below 300. `fresh`: not on a connection used before.
    """

    origin: Origin
    method: str
    head: bytes
    body: Optional[Body]
    stream: bool
    fresh: bool
    request: RequestInfo
    secrets: Tuple[str, ...]

    def __repr__(self) -> str:
        return "Send(%r)" % (self.request,)


class Failure(NamedTuple):
    """No complete answer. `stale`: a reused connection broke before any byte of an answer."""

    error: DialConnectionError
    stale: bool = False
    exchange: Any = None


class Wait(NamedTuple):
    """Sleep so many seconds; if the call's time would run out meanwhile, raise `error` at once instead."""

    seconds: float
    error: DialException


Step = Union[Ask, Send, Wait]
Steps = Generator[Step, Any, T]


def exchange(request: Request[T], config: Config, route: Route, *, stream: bool = False) -> "Steps[T]":
    """Carry out one request: credentials, attempts, judgement, decoding.

    Raises:
        DialException: of the class that the answer, or the lack of one, asks for.
    """
    target = request.target(config)
    info = RequestInfo(request.method, "%s://%s%s" % (config.origin.scheme, config.origin.netloc, target))
    watch = watch_of(config.on_attempt)
    number = retries = 0
    fresh = replaced = False
    while True:
        send = yield from _next_send(request, config, route, target, info)
        secrets = send.secrets
        started = config.clock() if watch else 0.0
        outcome = yield send._replace(stream=stream, fresh=fresh)
        number += 1
        if isinstance(outcome, Answer) and outcome.head.status == 407 and route.kind == "forward":
            outcome = Failure(refusal(outcome.head, route))
        error, delay = _judged(request, config, outcome, info, secrets, retries)
        stale = isinstance(outcome, Failure) and outcome.stale and not replaced and _can_replace(request, outcome)
        if watch is not None:
            attempt = _attempt(number, send, outcome, error, 0.0 if stale else delay, config.clock() - started)
            yield Ask(partial(watch, attempt))
        if isinstance(outcome, Answer) and error is None:
            return _decoded(request, outcome, info, secrets)
        if stale:
            fresh = replaced = True  # at once on a fresh connection, once, not counted
            continue
        assert error is not None
        if delay is None:
            raise error
        retries += 1
        fresh = False
        yield Wait(delay, error)


def _judged(
    request: Request[Any],
    config: Config,
    outcome: Union[Answer, Failure],
    info: RequestInfo,
    secrets: Tuple[str, ...],
    retries: int,
) -> Tuple[Optional[DialException], Optional[float]]:
    """The error that an attempt came to, None for a good answer; and the seconds until the next one, None for none."""
    retry = config.retry if request.max_retries is None else RetryPolicy(request.max_retries)
    if isinstance(outcome, Failure):
        failed = _explained(outcome.error, info, secrets)
        delay = retry.after_error(retries, failed, method=request.method)
        return failed, delay if _can_repeat(request, failed.request_sent) else None
    if 200 <= outcome.head.status < 300:
        return None, None
    error = _error_of(request, config, outcome, info, secrets)
    delay = retry.after_status(
        retries,
        outcome.head.status,
        method=request.method,
        upstream=request.upstream,
        no_route=is_no_route(outcome.head.status, outcome.content.decode("utf-8", "replace").strip()),
        retry_after=error.retry_after,
    )
    return error, delay if _can_repeat(request, "yes") else None


def _attempt(
    number: int,
    send: Send,
    outcome: Union[Answer, Failure],
    error: Optional[DialException],
    retry_in: Optional[float],
    seconds: float,
) -> Attempt:
    """The value that shows an attempt, with secrets masked."""
    head = outcome.head if isinstance(outcome, Answer) else None
    exchange = outcome.exchange
    return Attempt(
        method=send.request.method,
        url=mask(send.request.url, send.secrets),
        number=number,
        status=head.status if head else None,
        error=error,
        headers=headers_without_secrets(head.headers if head else {}, send.secrets),
        seconds=max(0.0, seconds),
        sent=exchange.sent if exchange is not None else 0,
        received=exchange.received if exchange is not None else 0,
        retry_in=retry_in,
    )


_SECRET_NAME = re.compile(r"(?i)api-?key|authorization|token|secret|password|cookie")
_SHORTEST_PART = 8
"""Characters: shorter parts of such a value (Bearer, session) are words that may stand in any message."""


class Secrets(Tuple[str, ...]):
    """Texts to mask; what shows the variables of a traceback's frames does not show them."""

    def __repr__(self) -> str:
        return "Secrets(%d)" % len(self)


def _next_send(
    request: Request[Any], config: Config, route: Route, target: str, info: RequestInfo
) -> Generator[Step, Any, Send]:
    """The attempt to make: apart from `exchange`, so that no frame of an error holds the credential in the clear."""
    secrets = [route.authorization.partition(" ")[2]] if route.authorization else []
    lines: Dict[str, str] = {}
    for credential in config.credentials:
        value = credential.value
        if callable(value):
            value = yield from _asked(value, info)
        name, text = credential.header(value)
        lines[name.lower()] = "%s: %s\r\n" % (name, text)
        secrets.append(value.strip())
    fields = tuple(_trace_fields().items())
    for source in config.headers:
        if callable(source):
            source = yield from _asked(source, info)
            fields += _given_fields(source)
        else:
            fields += (source,)
    head = _head(request, config, route, lines, fields, target)
    masked = Secrets(secrets) + _secrets_in(fields, request.headers)
    return Send(config.origin, request.method, head, request.body, False, False, info, Secrets(masked))


def _asked(function: Callable[[], Any], info: RequestInfo) -> Generator[Step, Any, Any]:
    value = yield Ask(function)
    if isinstance(value, Failure):
        raise _explained(value.error, info, ())
    return value


def _given_fields(given: Any) -> Tuple[Tuple[str, str], ...]:
    """What a function for default_headers returned; None, for all or for one field, leaves it out."""
    if given is not None and not isinstance(given, collections.abc.Mapping):
        raise InvalidRequestError("default_headers must return a dict or None, not %s" % type(given).__name__)
    return tuple((name, value) for name, value in (given or {}).items() if value is not None)


def _trace_fields() -> Dict[str, str]:
    """The context of the current OpenTelemetry span, as its own propagator writes it; nothing where it is not in use."""
    trace: Any = sys.modules.get("opentelemetry.trace")
    fields: Dict[str, str] = {}
    if trace is not None and trace.get_current_span().get_span_context().is_valid:
        import_module("opentelemetry.propagate").inject(fields)  # of the same package, which is loaded
    return fields


def _secrets_in(defaults: Tuple[Tuple[str, str], ...], given: Optional[Mapping[str, Optional[str]]]) -> Secrets:
    """Credentials that users put into header fields themselves: values, and their parts (`Bearer x`, `a=x; b=y`)."""
    if not defaults and not given:
        return Secrets()
    fields = [*defaults, *(given or {}).items()]
    values = [value.strip() for name, value in fields if isinstance(value, str) and _SECRET_NAME.search(str(name))]
    last = [value.rpartition(" ")[2] for value in values]
    parts = [part for value in values for part in re.split(r"[\s;,=]+", value) if len(part) >= _SHORTEST_PART]
    return Secrets(values + last + parts)


def _head(
    request: Request[Any],
    config: Config,
    route: Route,
    credentials: Dict[str, str],
    defaults: Tuple[Tuple[str, str], ...],
    target: str,
) -> bytes:
    """The bytes of the request's head.

    Args:
        credentials: their header lines, by name in lower case. defaults: the client's own fields.
    """
    body = request.body
    lines = ["Host: %s\r\n" % config.origin.netloc]
    if defaults or request.headers:
        lines += _field_lines(request, credentials, defaults)
    else:
        lines += [*credentials.values(), _OUR_LINES]
        if body is not None and body.content_type is not None:
            lines.append("Content-Type: %s\r\n" % body.content_type)
    if body is not None:
        size = body.length
        lines.append("Transfer-Encoding: chunked\r\n" if size is None else "Content-Length: %d\r\n" % size)
    elif request.method in ("POST", "PUT", "PATCH"):
        lines.append("Content-Length: 0\r\n")
    if route.kind == "forward":
        target = "http://%s%s" % (config.origin.netloc, target)
        if route.authorization:
            lines.append("Proxy-Authorization: %s\r\n" % route.authorization)
    return request_head(request.method, target, lines)


_OUR_FIELDS = (("User-Agent", USER_AGENT), ("Accept", "*/*"), ("Accept-Encoding", "identity"))
_OUR_LINES = "".join("%s: %s\r\n" % pair for pair in _OUR_FIELDS)
_FRAMING = ("host", "content-length", "transfer-encoding", "connection", "expect")


def _field_lines(
    request: Request[Any], credentials: Dict[str, str], defaults: Tuple[Tuple[str, str], ...]
) -> List[str]:
    """Our fields, the client's and the call's: later ones win, but none may change how the message is framed."""
    fields: Dict[str, Tuple[str, Optional[str]]] = {name.lower(): (name, value) for name, value in _OUR_FIELDS}
    if request.body is not None and request.body.content_type is not None:
        fields["content-type"] = ("Content-Type", request.body.content_type)
    for name, value in defaults:
        fields[str(name).lower()] = (name, value)
    for name, given in (request.headers or {}).items():
        fields[str(name).lower()] = (name, given)
    for name in _FRAMING:
        fields.pop(name, None)
    proofs = [line for name, line in credentials.items() if name not in fields]  # else the user sends another one
    return proofs + [header_line(name, value) for name, value in fields.values() if value is not None]


def _can_replace(request: Request[Any], failure: Failure) -> bool:
    """Whether a request may be sent again that a connection used before has not answered."""
    unsent = failure.error.request_sent == "no"
    return _can_repeat(request, failure.error.request_sent) and (unsent or is_idempotent(request.method))


def _can_repeat(request: Request[Any], request_sent: str) -> bool:
    body = request.body
    return body is None or body.replayable or (request_sent == "no" and not body.taken)


def _explained(error: DialConnectionError, info: RequestInfo, secrets: Tuple[str, ...]) -> DialConnectionError:
    error.request = info
    conceal(error, secrets)
    return error


def _error_of(
    request: Request[Any], config: Config, answer: Answer, info: RequestInfo, secrets: Tuple[str, ...]
) -> DialException:
    head = answer.head
    return error_from_response(
        head.status,
        head.reason,
        head.headers,
        answer.content,
        request=info,
        upstream=request.upstream,
        retry_after=retry_after_of(head.headers, config.clock),
        secrets=secrets,
    )


def _decoded(request: Request[T], answer: Answer, info: RequestInfo, secrets: Tuple[str, ...]) -> T:
    try:
        result = request.decode(answer)
        if isinstance(result, Model):
            result.came_with(answer.head.headers)
        return result
    except DialException as error:
        error.request = info
        error.request_sent = "yes"
        error.headers = answer.head.headers
        error.body = text_of_body(answer.content, secrets)
        conceal(error, secrets)
        raise
    except RecursionError:
        raise ParsingDataError("the answer is nested too deeply", request=info, request_sent="yes") from None


# ---------------------------------------------------------------- decoders


def as_it_came(answer: Answer) -> Answer:
    """The answer itself: for downloads, streams and raw requests."""
    return answer


def nothing(answer: Answer) -> None:
    """The result of operations that answer with an empty body."""


def json_value(answer: Answer) -> Any:
    """The answer as JSON, whatever its Content-Type says (Core leaves it out on some).

    Raises:
        ParsingDataError: not JSON.
    """
    try:
        return json.loads(answer.content)
    except (ValueError, RecursionError):
        raise ParsingDataError(not_json(answer.content)) from None


def model_of(from_json: Callable[[Any], T]) -> Callable[[Answer], T]:
    """A decoder for one JSON object."""
    return lambda answer: from_json(json_value(answer))


def list_of(from_json: Callable[[Any, str], T], key: Optional[str] = None) -> Callable[[Answer], List[T]]:
    """A decoder for a JSON list, bare or under `key` of an object.

    Raises:
        ParsingDataError: there is no list, or an element is not what it should be; `.path` names the place.
    """

    def decode(answer: Answer) -> List[T]:
        value = json_value(answer)
        items = value.get(key) if key is not None and isinstance(value, dict) else value
        if not isinstance(items, list):
            raise ParsingDataError("expected a list%s" % (" under %r" % key if key else ""), path=key or "")
        return [from_json(item, "%s[%d]" % (key or "", index)) for index, item in enumerate(items)]

    return decode


def completion_of(from_json: Callable[[Any], T]) -> Callable[[Answer], T]:
    """A decoder for answers of deployments: an error object with status 200 is raised as what it says."""

    def decode(answer: Answer) -> T:
        value = json_value(answer)
        error = value.get("error") if isinstance(value, dict) else None
        if error:
            raise error_from_object(in_band_status(error), error)
        return from_json(value)

    return decode
