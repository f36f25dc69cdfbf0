"""What a test has asked the server to do next: scripted answers, failures, cut connections; and what was requested.

`Script` holds what is scripted, in its order, and the record of requests; `behaviour` makes a scripted reply.
"""

import json
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Callable, NamedTuple, Optional, Union
from urllib.parse import parse_qsl

from .http import Content, Response, as_json
from .json_shapes import Json
from .sdk import (
    HEARTBEAT,
    AppError,
    Behaviour,
    ChatRequest,
    EndOfStream,
    Finish,
    Part,
    attachment,
    check_part,
    stage,
    tool_call,
)

KEPT_REQUESTS = 10_000
KEPT_BYTES = 64 << 20
KEPT_BODY = 1 << 20


class Headers(Mapping[str, str]):
    """Request headers; names in any case."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers

    def __getitem__(self, name: str) -> str:
        return self._headers[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._headers)

    def __len__(self) -> int:
        return len(self._headers)

    def __repr__(self) -> str:
        return repr(dict(self._headers))


class RecordedRequest:
    """One request as the server got it.

    `path` is the raw path, `query` its parameters (the last of each name), `body` the bytes of the body: the first
    mebibyte of a longer one, whose length is `body_size`.
    """

    def __init__(self, method: str, target: str, headers: Mapping[str, str]) -> None:
        self.method = method
        self.target = target
        self.path, _, query = target.partition("?")
        self.query = dict(parse_qsl(query, keep_blank_values=True))
        self.headers = Headers(headers)
        self.body_size = 0
        self._body = bytearray()

    @property
    def body(self) -> bytes:
        return bytes(self._body)

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self._body)

    def take(self, piece: Content) -> int:
        """Note a piece of the body as it comes; say how much of it is kept."""
        self.body_size += len(piece)
        kept = piece[: max(0, KEPT_BODY - len(self._body))]
        self._body += kept
        return len(kept)

    def __repr__(self) -> str:
        return f"<{self.method} {self.target}>"


class Cut(NamedTuple):
    """Close the connection after this many bytes of an answer."""

    after_bytes: int


class Failure(NamedTuple):
    """An answer that is given instead of the proper one."""

    status: int
    message: Optional[str] = None
    retry_after: Union[int, float, str, None] = None
    body: Union[bytes, str, Mapping[str, Any], None] = None
    headers: Mapping[str, str] = {}

    def response(self, path: str) -> Response:
        """As DIAL fails: JSON where completions are asked for, plain text elsewhere."""
        if isinstance(self.body, Mapping):
            response = as_json(dict(self.body), self.status)
        elif self.body is not None:
            response = Response(self.status, self.body.encode() if isinstance(self.body, str) else self.body)
        elif path.endswith(("/completions", "/embeddings")):
            error = {"message": self.message or "Scripted failure", "code": str(self.status)}
            response = as_json({"error": error}, self.status)
        else:
            words = "Scripted failure" if self.message is None else self.message
            response = Response(self.status, words.encode())
        if self.retry_after is not None:
            response.headers.append(("Retry-After", str(self.retry_after)))
        given = {name.lower() for name in self.headers}
        response.headers = [field for field in response.headers if field[0].lower() not in given]
        response.headers += list(self.headers.items())
        return response


ScriptedFault = Union[Failure, Cut]


class _Queue(list[Any]):
    """What is scripted, in its order: [times left or None for always, what it is for, what]."""

    def add(self, where: Optional[str], what: Any, times: Optional[int]) -> None:
        if times is not None and times < 0:
            raise ValueError(f"times is a number of answers or None for always, not {times}")
        if times != 0:
            self.append([times, where, what])

    def take(self, fits: Callable[[Optional[str]], bool]) -> Any:
        """The first that fits, once."""
        for place, (left, where, what) in enumerate(self):
            if fits(where):
                if left == 1:
                    del self[place]
                elif left is not None:
                    self[place][0] = left - 1
                return what
        return None


class Script:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._replies = _Queue()
        self._faults = _Queue()
        self.requests: deque[RecordedRequest] = deque()
        self._kept_bytes = 0

    def add_reply(self, deployment: Optional[str], behaviour: Behaviour, times: Optional[int]) -> None:
        with self._lock:
            self._replies.add(deployment, behaviour, times)

    def add_fault(self, path: Optional[str], fault: ScriptedFault, times: Optional[int]) -> None:
        with self._lock:
            self._faults.add(path, fault, times)

    def reply_of(self, deployment: str) -> Optional[Behaviour]:
        """The behaviour that is next for this deployment, once."""
        with self._lock:
            found: Optional[Behaviour] = self._replies.take(lambda where: where in (None, deployment))
        return found

    def fault_for(self, path: str) -> Optional[ScriptedFault]:
        """What is to happen to a request for this path, once."""
        with self._lock:
            found: Optional[ScriptedFault] = self._faults.take(lambda where: where is None or where in path)
        return found

    def record(self, method: str, target: str, headers: Mapping[str, str]) -> Callable[[Content], None]:
        """Note a request; returns a function that takes its body. The oldest go when there are too many."""
        record = RecordedRequest(method, target, headers)
        with self._lock:
            if len(self.requests) == KEPT_REQUESTS:
                self._forget_oldest()
            self.requests.append(record)

        def take(piece: Content) -> None:
            with self._lock:
                self._kept_bytes += record.take(piece)
                while self._kept_bytes > KEPT_BYTES and self.requests[0] is not record:
                    self._forget_oldest()

        return take

    def _forget_oldest(self) -> None:
        self._kept_bytes -= len(self.requests.popleft().body)

    def clear(self) -> None:
        with self._lock:
            self._kept_bytes = 0
            self._replies.clear()
            self._faults.clear()
            self.requests.clear()


def behaviour(
    pieces: Sequence[Part],
    delay: float,
    heartbeats: int,
    stages: Sequence[Mapping[str, Any]],
    attachments: Sequence[Mapping[str, Any]],
    tool_calls: Sequence[Mapping[str, Any]],
    state: Optional[Mapping[str, Any]],
    finish: Finish,
    error: Union[str, AppError, None],
    done: bool,
) -> Behaviour:
    """A behaviour that says what a test has written down, whatever it is asked."""
    for piece in pieces:
        check_part(piece)
    parts: list[Part] = [HEARTBEAT] * heartbeats
    for index, described in enumerate(stages):
        parts += _stage(index, dict(described))
    parts += pieces
    for index, call in enumerate(tool_calls):
        parts += _tool_call(index, call)
    parts += [attachment(index, **described) for index, described in enumerate(attachments)]
    if state is not None:
        parts.append({"custom_content": {"state": dict(state)}})
    failure = AppError(error) if isinstance(error, str) else error

    def scripted(request: ChatRequest) -> Iterator[Part]:
        for part in parts:
            if delay and not isinstance(part, (float, int)):
                yield delay
            yield part
        if failure is not None:
            raise failure
        if not done:
            raise EndOfStream
        yield finish

    return scripted


def _stage(index: int, described: Json) -> list[Part]:
    attachments = [{"index": number, **item} for number, item in enumerate(described.get("attachments") or ())]
    parts: list[Part] = [stage(index, name=described.get("name", ""))]
    if described.get("content"):
        parts.append(stage(index, content=described["content"]))
    if attachments:
        parts.append(stage(index, attachments=attachments))
    parts.append(stage(index, status=described.get("status", "completed")))
    return parts


def _tool_call(index: int, call: Mapping[str, Any]) -> list[Json]:
    """`call` may be flat ({name, arguments}) or as in an answer ({function: {name, arguments}})."""
    function = call.get("function") or call
    arguments = function.get("arguments", "{}")
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments)
    middle = len(arguments) // 2
    return tool_call(
        index, call.get("id", f"call_{index + 1}"), function["name"], arguments[:middle], arguments[middle:]
    )
