"""What a test has asked the server to do next: scripted answers, failures, cut connections; and what was requested.

`Script` holds what is scripted, in its order, and the record of requests. `behaviour` makes a scripted reply of its
parts, `RecordedAnswer` of an answer that somebody has got before.
"""

import json
import os
import re
import threading
from collections import UserDict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Callable, NamedTuple, Optional, Union
from urllib.parse import parse_qsl, unquote

from . import sdk
from .http import Content, Response, as_json, event
from .json_shapes import Json
from .sdk import AppError, Behaviour, ChatRequest, Finish, Part

KEPT_REQUESTS = 10_000
KEPT_BYTES = 64 << 20
KEPT_BODY = 1 << 20
#: How long the rest of a body may take to arrive when somebody asks for it, in seconds.
ARRIVES = 2.0
_DEPLOYMENT = re.compile(r"/deployments/(.+?)/(?:chat/completions|completions|embeddings)$")


class Headers(UserDict[str, str]):
    """Request headers; names in any case."""

    def __init__(self, headers: dict[str, str]) -> None:
        self.data = headers

    def __getitem__(self, name: str) -> str:
        return self.data[name.lower()]

    def __contains__(self, name: object) -> bool:
        return str(name).lower() in self.data


class RecordedRequest:
    """One request as the server got it.

    `path` is the raw path, `query` its parameters (the last of each name), `body` the bytes of the body: the first
    mebibyte of a longer one. `body_size` is how much of it has come; who asks for `body` waits a moment for its end,
    because what is refused is answered before it is read.
    """

    def __init__(self, method: str, target: str, headers: dict[str, str]) -> None:
        self.method = method
        self.target = target
        self.path, _, query = target.partition("?")
        self.query = dict(parse_qsl(query, keep_blank_values=True))
        self.headers = Headers(headers)
        self.body_size = 0
        self._body = bytearray()
        self._is_whole = threading.Event()

    @property
    def body(self) -> bytes:
        self._is_whole.wait(ARRIVES)
        return bytes(self._body)

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def deployment(self) -> Optional[str]:
        """The deployment that was asked, by the path or by the body's `model`."""
        named = _DEPLOYMENT.search(self.path)
        if named is not None:
            return unquote(named[1])
        try:
            return str(self.json()["model"])
        except (ValueError, TypeError, KeyError):
            return None

    def take(self, piece: Content) -> int:
        """Note a piece of the body as it comes, an empty one at its end; say how much of it is kept."""
        if not piece:
            self._is_whole.set()
        self.body_size += len(piece)
        kept = piece[: max(0, KEPT_BODY - len(self._body))]
        self._body += kept
        return len(kept)

    def __repr__(self) -> str:
        return f"<{self.method} {self.target}>"


class RecordedRequests(list[RecordedRequest]):
    """Requests, the oldest first."""

    def where(
        self, method: Optional[str] = None, path: Optional[str] = None, deployment: Optional[str] = None
    ) -> "RecordedRequests":
        """Those with this method, whose path holds `path`, and which ask `deployment`; each only if it is given."""
        return RecordedRequests(
            request
            for request in self
            if method in (None, request.method)
            and (path is None or path in request.path)
            and (deployment is None or deployment == request.deployment)
        )


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


class Queue:
    """What is scripted, in its order: [times left or None for always, what it is for, what]."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.left: list[Any] = []

    def add(self, where: Optional[str], what: Any, times: Optional[int]) -> None:
        if times is not None and times < 0:
            raise ValueError(f"times is a number of answers or None for always, not {times}")
        if times != 0:
            self.left.append([times, where, what])

    def take(self, fits: Callable[[Optional[str]], bool]) -> Any:
        """The first that fits, once; None when there is none."""
        with self.lock:
            for place, (left, where, what) in enumerate(self.left):
                if fits(where):
                    if left == 1:
                        del self.left[place]
                    elif left is not None:
                        self.left[place][0] = left - 1
                    return what
        return None


class Script:
    """`only`: deployments answer what is scripted, and nothing else."""

    def __init__(self, only: bool = False) -> None:
        self.only = only
        #: Calls of deployments that nothing was scripted for, or that this server does not have.
        self.unexpected: list[str] = []
        self._lock = threading.Lock()
        #: Behaviours for a deployment, or any; faults for paths that hold something, or any.
        self.replies, self.faults = Queue(), Queue()
        self.requests: deque[RecordedRequest] = deque()
        self._kept_bytes = 0

    def reply_of(self, deployment: str) -> Optional[Behaviour]:
        """The behaviour that is next for this deployment, once."""
        found: Optional[Behaviour] = self.replies.take(lambda where: where in (None, deployment))
        if found is None and self.only:
            words = f"Nothing was scripted for this call of {deployment!r}: server.reply(...) does"
            self.unexpected.append(words)
            raise AppError(words)
        return found

    def has_reply_for(self, deployment: str) -> bool:
        return any(where in (None, deployment) for _, where, _ in list(self.replies.left))

    def unused(self) -> list[str]:
        """What was scripted for a number of times, and has not come up so often."""
        replies = [(left, f"for {where or 'any deployment'}") for left, where, _ in list(self.replies.left)]
        faults = [(left, f"for {where or 'any path'}: {what}") for left, where, what in list(self.faults.left)]
        return [f"{left} x {what}" for left, what in replies + faults if left is not None]

    def record(self, method: str, target: str, headers: dict[str, str]) -> Callable[[Content], None]:
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
        self._kept_bytes -= min(KEPT_BODY, self.requests.popleft().body_size)

    def clear(self) -> None:
        with self._lock:
            self._kept_bytes = 0
            self.replies, self.faults = Queue(), Queue()
            self.requests.clear()
            self.unexpected.clear()


class RecordedAnswer:
    """An answer that somebody has got before: whole, or the events of a stream.

    Asked in the way it was recorded, the server gives it as it is. Asked in the other way, it is a behaviour that says
    the same.
    """

    def __init__(self, answer: Union[Mapping[str, Any], Iterable[Any], "os.PathLike[str]", str]) -> None:
        self._whole: Optional[Json] = dict(answer) if isinstance(answer, Mapping) else None
        if self._whole is not None and not {"choices", "object"} & set(self._whole):
            raise TypeError(f"a dict is a whole answer, with choices or an object; deltas go into chunks: {answer!r}")
        self._pieces: list[bytes] = []
        if isinstance(answer, (str, os.PathLike)):
            with open(answer, "rb") as file:
                recorded = file.read().replace(b"\r\n", b"\n")
            self._pieces = [one + b"\n\n" for one in recorded.split(b"\n\n") if one.strip()]
        elif self._whole is None:
            events: list[Json] = [dict(one) for one in answer if not isinstance(one, str)]
            self._pieces = [event(one, one.get("type")) for one in events]
            self._pieces += [sdk.DONE] if events and "choices" in events[-1] else []
        datas = [line[5:] for line in b"".join(self._pieces).split(b"\n") if line.startswith(b"data:")]
        self._values: list[Json] = [json.loads(data) for data in datas if data.strip() != b"[DONE]"]

    def response(self, stream: bool) -> Optional[Response]:
        """The answer as it is; None when it has to be said in the other way."""
        last = self._values[-1] if self._values else {}
        if not stream:
            whole = last.get("response") if self._whole is None else self._whole
            return None if whole is None else as_json(whole)
        pieces = self._pieces
        if self._whole is not None and self._whole.get("object") == "response":
            begun = {"type": "response.created", "response": dict(self._whole, status="in_progress", output=[])}
            ended = {"type": f"response.{self._whole.get('status')}", "response": self._whole}
            pieces = [event(dict(one, sequence_number=at), str(one["type"])) for at, one in enumerate((begun, ended))]
        return Response(200, iter(pieces), [("content-type", "text/event-stream")]) if pieces else None

    def __call__(self, request: ChatRequest) -> Iterator[Part]:
        last = self._values[-1] if self._whole is None else self._whole
        reason = "stop"
        for value in self._values if self._whole is None else [self._whole]:
            for choice in value["choices"][:1]:
                yield choice["delta"] if "delta" in choice else _numbered(choice["message"])
                reason = choice.get("finish_reason") or reason
        yield Finish(reason, last.get("usage"), last.get("statistics"))


def _numbered(value: Any) -> Any:
    """A message as a delta: the elements of its lists have their places."""
    if isinstance(value, dict):
        return {name: _numbered(item) for name, item in value.items() if name != "role"}
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return [{"index": index, **_numbered(item)} for index, item in enumerate(value)]
    return value


def behaviour(parts: Sequence[Part], delay: float, failure: Optional[AppError], last: Part) -> Behaviour:
    """A behaviour that says what a test has written down, whatever it is asked."""
    for part in parts:
        sdk.check_part(part)

    def scripted(request: ChatRequest) -> Iterator[Part]:
        for part in parts:
            if delay and not isinstance(part, (float, int)):
                yield delay
            yield part
        if failure is not None:
            raise failure
        yield last

    return scripted


def stage_of(index: int, described: Mapping[str, Any]) -> list[Part]:
    """The deltas of one stage."""
    attachments = [{"index": number, **item} for number, item in enumerate(described.get("attachments") or ())]
    parts: list[Part] = [sdk.stage(index, name=described.get("name", ""))]
    if described.get("content"):
        parts.append(sdk.stage(index, content=described["content"]))
    if attachments:
        parts.append(sdk.stage(index, attachments=attachments))
    parts.append(sdk.stage(index, status=described.get("status", "completed")))
    return parts


def tool_call_of(index: int, call: Mapping[str, Any]) -> list[Json]:
    """The deltas of one call: flat ({name, arguments}) or as in an answer ({function: {name, arguments}})."""
    function = call.get("function") or call
    arguments = function.get("arguments", "{}")
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments)
    middle = len(arguments) // 2
    return sdk.tool_call(
        index, call.get("id", f"call_{index + 1}"), function["name"], arguments[:middle], arguments[middle:]
    )
