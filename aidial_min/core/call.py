"""One call, written once: what an operation is (Request), and the policy that carries it out.

    result = await carry_out(request, config, route, carrier)

It asks for credentials, has an attempt sent, and judges what comes of it (retry, raise, decode). The carrier is the
transport: it sends, sleeps and asks, and decides nothing.
"""

from __future__ import annotations

import collections.abc
import json
import re
import sys
from functools import cached_property, partial
from typing import TYPE_CHECKING, TypeVar

from .._typing import Generic, NamedTuple
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
    forget_variables,
    in_band_status,
    is_no_route,
    mask,
    text_of_body,
)
from ..types._model import Model
from .attempts import Attempt, Watch, headers_without_secrets, watch_of
from .body import Body
from .codings import read_json
from .credentials import Credential, Secret
from .hints import not_json
from .http11 import Head, header_line, request_head
from .limits import DEFAULT_TIMEOUT, Timeout
from .proxy import Route, refusal
from .retry import RetryPolicy, is_idempotent, retry_after_of
from .urls import Origin, encode_query

if TYPE_CHECKING:
    from typing import Any, Callable, Iterable, Iterator, Mapping, Optional, Protocol, Union

    from typing_extensions import TypeAlias

T = TypeVar("T")

USER_AGENT = "aidial-min/" + __version__
MOST = 32 * 1024 * 1024
"""Bytes of an answer of DIAL that is read whole: a listing, metadata, a conversation."""
MOST_OF_DEPLOYMENTS = 128 * 1024 * 1024
"""The same where a deployment answers: completions may hold pictures, embeddings very many numbers."""

MOST_OBJECTS = 2_000_000
"""Lists and objects of such an answer; each takes more than 50 bytes, and three on the wire."""

HeaderSource: TypeAlias = "Union[tuple[str, Secret], Callable[[], Any]]"
"""A header field, or a function (of the async client also a coroutine function) that gives a dict of them or None."""


class Config(NamedTuple):
    """What a client is set to: the server, the credentials, and the settings of its calls."""

    origin: Origin
    credentials: tuple[Credential, ...]
    clock: Callable[[], float]
    """The epoch time in seconds; asked only to read a Retry-After date."""
    api_version: Optional[str] = None
    timeout: Timeout = DEFAULT_TIMEOUT
    retry: RetryPolicy = RetryPolicy()
    headers: tuple[HeaderSource, ...] = ()
    """Header fields for every request, and functions that give more; later ones win."""
    on_attempt: Optional[Watch] = None

    @cached_property
    def standing(self) -> Optional[Standing]:
        """What all requests begin with; None where functions give a part of it, which are asked at every attempt."""
        given = [value.text if isinstance(value, Secret) else None for _, value in self.credentials]
        fields = [(source[0], source[1].text) for source in self.headers if not callable(source)]
        if None in given or len(fields) < len(self.headers):
            return None
        return Standing(self.origin, [*zip(self.credentials, given), (None, fields)])

    def __repr__(self) -> str:
        return "Config(%r)" % self.origin.url


class Answer:
    """An HTTP answer read to its end, or, for a stream, its head and the exchange whose body is still open.

    It is no tuple, into which error trackers look: it may echo a key.
    """

    __slots__ = ("head", "content", "exchange")

    def __init__(self, head: Head, content: bytes, exchange: Any = None) -> None:
        self.head = head
        self.content = content
        self.exchange = exchange

    def __repr__(self) -> str:
        return "Answer(%d, %d bytes)" % (self.head.status, len(self.content))


class Request(Generic[T]):
    """One HTTP exchange as a value, and how its answer reads.

    Args:
        method, path: e.g. "GET", "/v1/bucket"; the path is percent-encoded and below the base URL.
        decode: makes the result of the answer.
        query: parameters; None is left out.
        headers: further header fields; None is left out.
        upstream: a deployment answers, so 502 `No route` means "no usable upstream", not "no such endpoint".
        timeout, retry: for this call; None takes the client's.
        most: bytes of an answer that is read whole; a larger one is an error.
    """

    __slots__ = ("method", "path", "decode", "query", "headers", "body", "upstream", "timeout", "retry", "most")

    def __init__(
        self,
        method: str,
        path: str,
        decode: Callable[[Answer], T],
        query: Optional[Mapping[str, Any]] = None,
        headers: Optional[Mapping[str, Optional[str]]] = None,
        body: Optional[Body] = None,
        upstream: bool = False,
        timeout: Optional[Timeout] = None,
        retry: Optional[RetryPolicy] = None,
        most: Optional[int] = None,
    ) -> None:  # by name, arguments cost as much again as the rest of it
        self.method = method
        self.path = path
        self.decode = decode
        self.query = query
        self.headers = headers
        self.body = body
        self.upstream = upstream
        self.timeout = timeout
        self.retry = retry
        self.most = most if most is not None else MOST_OF_DEPLOYMENTS if upstream else MOST

    def target(self, config: Config) -> str:
        """Path and query as they stand in the request line, below the server's path prefix."""
        query = encode_query(self.query) if self.query else ""
        path = config.origin.prefix + self.path
        return path + ("&" if "?" in path else "?") + query if query else path

    def info(self, config: Config) -> RequestInfo:
        """Which request it is, for errors; its URL holds no credentials."""
        place = re.sub(_SECRET_PARAMETER, r"\1***", self.target(config))
        return RequestInfo(self.method, "%s://%s%s" % (config.origin.scheme, config.origin.netloc, place))


# ---------------------------------------------------------------- the policy


class Outgoing:
    """What one attempt sends. Who carries it out tells the bytes of bodies that were sent and received, and `stale`: a
    reused connection broke before any byte of an answer."""

    # fmt: off
    __slots__ = (
        "stream", "fresh", "stale", "sent", "received",
        "origin", "method", "head", "body", "most", "secrets", "_asked", "_config",
    )
    # fmt: on

    def __init__(self, request: Request[Any], config: Config, head: bytes, secrets: Secrets) -> None:
        self.stream = False
        """Leave the body open where the status is below 300."""
        self.fresh = False
        """Not on a connection used before."""
        self.stale = False
        self.sent = self.received = 0
        self.origin = config.origin
        self.method = request.method
        self.head = memoryview(head)  # it holds credentials, and is shown by no repr
        self.body = request.body
        self.most = request.most
        self.secrets = secrets
        self._asked, self._config = request, config

    @property
    def request(self) -> RequestInfo:
        """Which request it is, for errors."""
        return self._asked.info(self._config)

    def __repr__(self) -> str:
        return "Outgoing(%r)" % (self.request,)


if TYPE_CHECKING:

    class Carrier(Protocol):
        """Who carries attempts out, and decides nothing (transport/transport.py)."""

        async def ask(self, function: Callable[[], Any]) -> Any:
            """Call a function of the user's (a coroutine function is awaited)."""
            ...

        async def tell(self, function: Callable[[], Any]) -> None:
            """The same for one that only watches: it is called also when the call is out of time; its own is short."""
            ...

        async def send(self, outgoing: Outgoing) -> Answer:
            """Send a request and read its answer. Raises: DialConnectionError, where no complete answer came."""
            ...

        async def pause(self, seconds: float, error: DialException) -> None:
            """Sleep so long; if the call's time would run out meanwhile, raise `error` at once instead."""
            ...


async def carry_out(request: Request[T], config: Config, route: Route, carrier: Carrier, *, stream: bool = False) -> T:
    """Carry out one request: credentials, attempts, judgement, decoding.

    Raises:
        DialException: of the class that the answer, or the lack of one, asks for.
    """
    watch = watch_of(config.on_attempt)
    number = retries = 0
    fresh = replaced = False
    while True:
        outgoing = await _next_outgoing(request, config, route, carrier)
        outgoing.stream, outgoing.fresh = stream, fresh
        started = config.clock() if watch else 0.0
        outcome: Union[Answer, DialConnectionError]
        try:
            outcome = await carrier.send(outgoing)
            if outcome.head.status == 407 and route.kind == "forward":
                outcome = refusal(outcome.head, route)
        except DialConnectionError as failure:
            outcome = failure
        number += 1
        error, delay = _judged(request, config, outcome, outgoing.secrets, retries)
        stale = outgoing.stale and not replaced and _can_replace(request, outcome)
        if watch is not None:
            shown = _attempt(number, outgoing, outcome, error, 0.0 if stale else delay, config.clock() - started)
            await _tell(carrier, partial(watch, shown), outcome)
        if isinstance(outcome, Answer) and error is None:
            return _decoded(request, config, outcome, outgoing.secrets)
        if stale:
            fresh = replaced = True  # at once on a fresh connection, once, not counted
            continue
        assert error is not None
        if delay is None:
            raise error
        retries += 1
        fresh = False
        await carrier.pause(delay, error)


def _judged(
    request: Request[Any],
    config: Config,
    outcome: Union[Answer, DialConnectionError],
    secrets: Secrets,
    retries: int,
) -> tuple[Optional[DialException], Optional[float]]:
    """The error that an attempt came to, None for a good answer; and the seconds until the next one, None for none."""
    retry = request.retry or config.retry
    if isinstance(outcome, DialConnectionError):
        failed = _explained(outcome, request.info(config), secrets)
        delay = retry.after_error(retries, failed, method=request.method)
        return failed, delay if _can_repeat(request, failed.request_sent) else None
    if 200 <= outcome.head.status < 300:
        return None, None
    error = _error_of(request, config, outcome, secrets)
    delay = retry.after_status(
        retries,
        outcome.head.status,
        method=request.method,
        upstream=request.upstream,
        no_route=is_no_route(outcome.head.status, outcome.content.decode("utf-8", "replace").strip()),
        retry_after=error.retry_after,
    )
    return error, delay if _can_repeat(request, "yes") else None


async def _tell(carrier: Carrier, function: Callable[[], Any], outcome: Union[Answer, DialConnectionError]) -> None:
    try:
        await carrier.tell(function)
    except BaseException:
        if isinstance(outcome, Answer) and outcome.exchange is not None:
            outcome.exchange.close()  # nobody will read it
        raise


def _attempt(
    number: int,
    outgoing: Outgoing,
    outcome: Union[Answer, DialConnectionError],
    error: Optional[DialException],
    retry_in: Optional[float],
    seconds: float,
) -> Attempt:
    """The value that shows an attempt, with secrets masked."""
    head = outcome.head if isinstance(outcome, Answer) else None
    return Attempt(
        method=outgoing.request.method,
        url=mask(outgoing.request.url, outgoing.secrets),
        number=number,
        status=head.status if head else None,
        error=error,
        headers=headers_without_secrets(head.headers if head else {}, outgoing.secrets),
        seconds=max(0.0, seconds),
        sent=outgoing.sent,
        received=outgoing.received,
        retry_in=retry_in,
    )


_SECRET = "(?:api|subscription)[_-]?key|authorization|token|secret|password|cookie"
_SECRET_NAME = "(?i)" + _SECRET
_SECRET_PARAMETER = r"(?i)([?&][^=&]{0,64}(?:%s)[^=&]{0,64}=)[^&]+" % _SECRET
_SHORTEST_PART = 8
"""Characters: shorter parts of such a value (Bearer, session) are words that may stand in any message."""


class Secrets:
    """Texts to mask; what shows the variables of a traceback's frames does not show them."""

    __slots__ = ("_texts",)

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = [*texts]

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __repr__(self) -> str:
        return "Secrets(%d)" % len(self._texts)


async def _next_outgoing(request: Request[Any], config: Config, route: Route, carrier: Carrier) -> Outgoing:
    """What the next attempt sends.

    No variable of an error's frames holds a credential in the clear: the user's functions are all asked before the
    first one is written down.
    """
    try:
        standing = config.standing
        if standing is None:
            sources = (*config.credentials, *config.headers)
            standing = Standing(config.origin, [await _asked(source, carrier) for source in sources])
        secrets, trace, given = standing.secrets, _trace_fields(), request.headers or {}
        if trace or given or route.authorization:
            secrets = Secrets([*secrets, *route.secrets, *_secrets_in([*trace.items(), *given.items()])])
        return Outgoing(request, config, _head(request, config, route, standing, trace), secrets)
    except BaseException as error:
        forget_variables(error)
        if isinstance(error, DialConnectionError):
            _explained(error, request.info(config), route.secrets)
        raise


async def _asked(source: Any, carrier: Carrier) -> tuple[Optional[Credential], Any]:
    """A credential with its value, or fields of the client's, after what is a function has been asked."""
    if isinstance(source, Credential):
        return source, source.value.text if isinstance(source.value, Secret) else await carrier.ask(source.value)
    return None, _given_fields(await carrier.ask(source)) if callable(source) else ((source[0], source[1].text),)


def _given_fields(given: Any) -> tuple[tuple[str, str], ...]:
    """What a function for default_headers returned; None, for all or for one field, leaves it out."""
    if given is not None and not isinstance(given, collections.abc.Mapping):
        raise InvalidRequestError("default_headers must return a dict or None, not %s" % type(given).__name__)
    return tuple((name, value) for name, value in (given or {}).items() if value is not None)


def _trace_fields() -> dict[str, str]:
    """The context of the current OpenTelemetry span, as its own propagator writes it; nothing if it is not in use."""
    trace: Any = sys.modules.get("opentelemetry.trace")
    fields: dict[str, str] = {}
    if trace is not None and trace.get_current_span().get_span_context().is_valid:
        from importlib import import_module  # not loaded where nothing is traced

        import_module("opentelemetry.propagate").inject(fields)  # of the same package, which is loaded
    return fields


class Standing:
    """What all requests of a client begin with: its credentials and header fields.

    What shows the variables of a traceback's frames does not show it.
    """

    __slots__ = ("proofs", "fields", "secrets", "typed", "lines")

    def __init__(self, origin: Origin, given: Iterable[tuple[Optional[Credential], Any]]) -> None:
        self.proofs: dict[str, str] = {}
        self.fields: list[tuple[str, str]] = []
        texts = []
        for credential, value in given:
            if credential is None:
                self.fields += value
            else:
                name, text = credential.header(value)
                self.proofs[name.lower()] = "%s: %s\r\n" % (name, text)
                texts.append(value.strip())
        self.secrets = Secrets(texts + _secrets_in(self.fields))
        self.typed = "content-type" in [str(name).lower() for name, _ in self.fields]
        self.lines = "Host: %s\r\n" % origin.netloc + "".join(_field_lines(self.proofs, self.fields))
        """Those of a request that adds nothing to them but what its body needs."""


def _secrets_in(fields: Iterable[tuple[str, Optional[str]]]) -> list[str]:
    """Credentials that users put into header fields themselves: values, and their parts (`Bearer x`, `a=x; b=y`)."""
    values = [value.strip() for name, value in fields if isinstance(value, str) and re.search(_SECRET_NAME, str(name))]
    last = [value.rpartition(" ")[2] for value in values]
    parts = [part for value in values for part in re.split(r"[\s;,=]+", value) if len(part) >= _SHORTEST_PART]
    return values + last + parts


def _head(request: Request[Any], config: Config, route: Route, standing: Standing, trace: Mapping[str, str]) -> bytes:
    """The bytes of the request's head."""
    body, given = request.body, request.headers or {}
    content_type = body.content_type if body is not None else None
    if trace or given:
        fields = _field_lines(standing.proofs, [*trace.items(), *standing.fields], given.items(), content_type)
        lines = ["Host: %s\r\n" % config.origin.netloc, *fields]
    else:
        lines = [standing.lines]
        if content_type is not None and not standing.typed:
            lines += ("Content-Type: ", content_type, "\r\n")
    if body is not None:
        size = body.length
        lines += ("Transfer-Encoding: chunked\r\n",) if size is None else ("Content-Length: ", str(size), "\r\n")
    elif request.method in ("POST", "PUT", "PATCH"):
        lines.append("Content-Length: 0\r\n")
    target = request.target(config)
    if route.kind == "forward":
        target = "http://%s%s" % (config.origin.netloc, target)
        if route.authorization:
            lines.append("Proxy-Authorization: %s\r\n" % route.authorization.text)
    return request_head(request.method, target, lines)


_OUR_FIELDS = (("User-Agent", USER_AGENT), ("Accept", "*/*"), ("Accept-Encoding", "identity"))
_FRAMING = ("host", "content-length", "transfer-encoding", "connection", "expect")


def _field_lines(
    credentials: dict[str, str],
    defaults: Iterable[tuple[str, str]],
    given: Iterable[tuple[str, Optional[str]]] = (),
    content_type: Optional[str] = None,
) -> list[str]:
    """Our fields, the client's and the call's: later ones win, but none may change how the message is framed."""
    ours = (*_OUR_FIELDS, ("Content-Type", content_type))
    fields: dict[str, tuple[str, Optional[str]]] = {}
    for name, value in (*ours, *defaults, *given):
        fields[str(name).lower()] = (name, value)
    for name in _FRAMING:
        fields.pop(name, None)
    proofs = [line for name, line in credentials.items() if name not in fields]  # else the user sends another one
    return proofs + [header_line(name, value) for name, value in fields.values() if value is not None]


def _can_replace(request: Request[Any], outcome: Any) -> bool:
    """Whether a request may be sent again that a connection used before has not answered."""
    sent = outcome.request_sent
    return _can_repeat(request, sent) and (sent == "no" or is_idempotent(request.method))


def _can_repeat(request: Request[Any], request_sent: str) -> bool:
    body = request.body
    return body is None or body.replayable or (request_sent == "no" and not body.taken)


def _explained(error: DialConnectionError, info: RequestInfo, secrets: Iterable[str]) -> DialConnectionError:
    error.request = info
    conceal(error, secrets)
    return error


def _error_of(request: Request[Any], config: Config, answer: Answer, secrets: Iterable[str]) -> DialException:
    head = answer.head
    return error_from_response(
        head.status,
        head.reason,
        head.headers,
        answer.content,
        request=request.info(config),
        upstream=request.upstream,
        retry_after=retry_after_of(head.headers, config.clock),
        secrets=secrets,
    )


def _decoded(request: Request[T], config: Config, answer: Answer, secrets: Iterable[str]) -> T:
    try:
        result = request.decode(answer)
        if isinstance(result, Model):
            result.came_with(answer.head.headers)
        return result
    except DialException as error:
        error.request = request.info(config)
        error.request_sent = "yes"
        error.headers = answer.head.headers
        error.body = text_of_body(answer.content, secrets)
        conceal(error, secrets)
        raise
    except RecursionError:
        raise ParsingDataError(
            "the answer is nested too deeply", request=request.info(config), request_sent="yes"
        ) from None


# ---------------------------------------------------------------- decoders


def as_it_came(answer: Answer) -> Answer:
    """The answer itself: for downloads, streams and raw requests."""
    return answer


def nothing(answer: Answer) -> None:
    """The result of operations that answer with an empty body."""


def json_value(answer: Answer) -> Any:
    """The answer as JSON, whatever its Content-Type says (Core leaves it out on some). Raises: as json_of."""
    return json_of(answer.content)


def json_of(content: bytes) -> Any:
    """The JSON value that an answer holds.

    Raises:
        ParsingDataError: not JSON, or more lists and objects than memory should hold.
    """
    if len(content) > MOST_OBJECTS and content.count(b"[") + content.count(b"{") > MOST_OBJECTS:
        raise ParsingDataError("the answer holds more than %d lists and objects" % MOST_OBJECTS, request_sent="yes")
    plain = content[:1] in b"{[" and content[1:2] != b"\0"  # for the others one has to look closer
    try:
        return read_json(content.decode("utf-8" if plain else json.detect_encoding(content), "surrogatepass"))
    except (ValueError, RecursionError):
        raise ParsingDataError(not_json(content), request_sent="yes") from None


def boolean(answer: Answer) -> bool:
    """The result of operations that answer with true or false."""
    return bool(json_value(answer))


def model_of(from_json: Callable[[Any], T]) -> Callable[[Answer], T]:
    """A decoder for one JSON object."""
    return lambda answer: from_json(json_value(answer))


def list_of(from_json: Callable[[Any, Any], T], key: Optional[str] = None) -> Callable[[Answer], list[T]]:
    """A decoder for a JSON list, bare or under `key` of an object.

    Raises:
        ParsingDataError: there is no list, or an element is not what it should be; `.path` names the place.
    """

    def decode(answer: Answer) -> list[T]:
        value = json_value(answer)
        items = value.get(key) if key is not None and isinstance(value, dict) else value
        if not isinstance(items, list):
            raise ParsingDataError("expected a list%s" % (" under %r" % key if key else ""), path=key or "")
        return [from_json(item, (key or "", index)) for index, item in enumerate(items)]

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
