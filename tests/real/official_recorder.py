"""Plays the cases of official_cases.py through one client package and notes what it sent and what it gave back.

    python official_recorder.py aidial_client sync [NAME ...]      prints {case: {"wire": [...], "answer": ...}} as JSON

Runs in the interpreter that has the package; every case gets an embedded server of its own. It knows how requests,
models and errors of either package become JSON; it must not know which differences are allowed.
"""

import dataclasses
import enum
import http.client
import importlib
import inspect
import json
import pathlib
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Awaitable, Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple
from urllib.parse import parse_qsl

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from official_proxy import RecordingProxy, WireRequest  # noqa: E402

from aidial_min.testing import DialServer  # noqa: E402  # found through ROOT

OURS = "aidial_min"
KEYS = {"first-key": "first", "second-key": "second"}
SHOWN_HEADERS = ("content-type", "if-match", "if-none-match", "api-key", "authorization")
SHOWN_ANSWER_HEADERS = ("content-type", "etag")
WORKERS = 8
SLOW = 20.0
ERROR_FIELDS = ("message", "status_code", "type", "param", "code", "display_message")

Json = Dict[str, Any]


class Raw:
    """The caller's own requests to the server, past both clients, to prepare what a case needs."""

    def __init__(self, server: DialServer) -> None:
        self.server = server
        self.bucket: str = self.send("GET", "/v1/bucket")[1]["bucket"]

    def send(
        self, method: str, path: str, body: bytes = b"", headers: Optional[Mapping[str, str]] = None
    ) -> Tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=10)
        try:
            connection.request(method, path, body, {"Api-Key": self.server.api_key, **(headers or {})})
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise RuntimeError("preparing with %s %s: %d %r" % (method, path, answer.status, content))
        return answer.status, json.loads(content) if content else None

    def put_files(self, path: str, files: Mapping[str, bytes], kind: str = "text/plain") -> None:
        body = b""
        for name, content in files.items():
            head = '--XX\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\nContent-Type: %s\r\n\r\n'
            body += (head % (name, kind)).encode() + content + b"\r\n"
        self.send("PUT", path, body + b"--XX--\r\n", {"Content-Type": "multipart/form-data; boundary=XX"})

    def put_json(self, path: str, value: Json) -> None:
        self.send("PUT", path, json.dumps(value).encode(), {"Content-Type": "application/json"})


class Library:
    """The public names of one package: `library.Dial`, `library("types.chat").Attachment`."""

    def __init__(self, package: str) -> None:
        self.package = package

    def __call__(self, module: str) -> Any:
        return importlib.import_module("%s.%s" % (self.package, module))

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self.package), name)


class Play:
    """What a case sees: the package, a client of it, the server's URL, and how to wait for either kind of client."""

    def __init__(self, package: str, asynchronous: bool, url: str, bucket: str) -> None:
        self.library = Library(package)
        self.asynchronous = asynchronous
        self.url = url
        self.bucket = bucket
        self.client: Any = None

    def make_client(self, **arguments: Any) -> Any:
        """A client of the kind under test; the server's URL and key unless other ones are given."""
        if "base_url" not in arguments:
            arguments["base_url"] = self.url
        if "api_key" not in arguments and "bearer_token" not in arguments:
            arguments["api_key"] = "first-key"
        return (self.library.AsyncDial if self.asynchronous else self.library.Dial)(**arguments)

    async def __call__(self, value: Any) -> Any:
        """The value itself, or what it gives when awaited."""
        return await value if inspect.isawaitable(value) else value

    async def each(self, value: Any) -> List[Any]:
        """All that a stream gives; an error on the way stands at the end of the list."""
        found: List[Any] = []
        try:
            stream = await self(value() if callable(value) else value)
            if self.asynchronous:
                async for item in stream:
                    found.append(item)
            else:
                found.extend(item for item in stream)
        except Exception as error:
            found.append(error)
        return found

    async def content(self, response: Any) -> Any:
        """A download with all its bytes."""
        content = await response.aget_content() if self.asynchronous else response.get_content()
        return Downloaded(response, content)

    async def outcomes(self, *calls: Callable[[], Any]) -> List[Any]:
        """What every one of several calls gives, errors included."""
        found: List[Any] = []
        for call in calls:
            try:
                found.append(await self(call()))
            except Exception as error:
                found.append(error)
        return found

    async def close(self) -> None:
        if self.client is not None:
            await self(self.client.aclose() if self.asynchronous else self.client.close())


class Downloaded(NamedTuple):
    response: Any
    content: bytes


class Case(NamedTuple):
    """One case: `play` is what both packages are asked to do, the rest is where it happens."""

    name: str
    play: Callable[[Play], Awaitable[Any]]
    prepare: Optional[Callable[[Raw], None]] = None
    generation: str = "2026"
    client: Optional[Mapping[str, Any]] = None  # None: no client is made beforehand
    server: Mapping[str, Any] = {}
    modes: Tuple[str, ...] = ("sync", "async")


def record(case: Case, package: str, mode: str) -> Json:
    """Play one case; {"wire": the requests, "answer": what came back}."""
    options = {"keys": KEYS, "generation": case.generation, "clock": lambda: 1_700_000_000.0, **case.server}
    with DialServer(**options) as server, RecordingProxy(server.port) as proxy:
        raw = Raw(server)
        if case.prepare is not None:
            case.prepare(raw)
        play = Play(package, mode == "async", proxy.url, raw.bucket)

        async def run() -> Any:
            try:
                if case.client is not None:
                    play.client = play.make_client(**case.client)
                return await case.play(play)
            except Exception as error:
                return error
            finally:
                await play.close()

        answer = as_json(drive(run(), mode), package)
        text = json.dumps({"wire": [request_as_json(request) for request in proxy.requests], "answer": answer})
        return json.loads(text.replace("127.0.0.1:%d" % proxy.port, "SERVER"))  # type: ignore[no-any-return]


def drive(coroutine: Any, mode: str) -> Any:
    """Run a coroutine: on a loop, or without one where nothing in it may wait."""
    if mode == "async":
        import asyncio

        return asyncio.run(coroutine)
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise RuntimeError("a sync client waited for a loop")


# Requests as JSON


def request_as_json(request: WireRequest) -> Json:
    """Method, raw path, parsed query, the headers that mean something, and the body as its type reads it."""
    shown: Dict[str, List[str]] = {}
    for name, value in request.headers:
        if name in SHOWN_HEADERS or name.startswith(("x-dial-", "x-test-")):
            shown.setdefault(name, []).append(value)
    kind = shown.get("content-type", [""])[0]
    if kind.startswith("multipart/"):
        shown["content-type"] = [kind.split(";")[0]]
    path, _, query = request.target.partition("?")
    return {
        "method": request.method,
        "path": path,
        "query": sorted(parse_qsl(query, keep_blank_values=True)),
        "headers": shown,
        "body": body_as_json(kind, request.body),
    }


def body_as_json(kind: str, body: bytes) -> Any:
    if kind.startswith("application/json"):
        return {"json": json.loads(body)}
    if kind.startswith("multipart/"):
        return {"parts": parts_of(kind, body)}
    return {"bytes": body.decode("latin-1")}


def parts_of(kind: str, body: bytes) -> List[Json]:
    """The parts of a multipart body, their headers as they were spelt."""
    boundary = b"--" + kind.partition("boundary=")[2].strip('"').encode()
    sections = body.split(boundary)
    if sections[0] or sections[-1] not in (b"--", b"--\r\n"):
        return [{"malformed": body.decode("latin-1")}]
    parts = []
    for section in sections[1:-1]:
        head, _, content = section[2:-2].partition(b"\r\n\r\n")
        lines = [line.partition(b": ") for line in head.split(b"\r\n")]
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, _, value in lines}
        parts.append({"headers": headers, "content": content.decode("latin-1")})
    return parts


# Answers as JSON


def as_json(value: Any, package: str) -> Any:
    """A value that a client gave: models with their class and all attributes, errors with theirs."""
    if value is None or (isinstance(value, (bool, int, float, str)) and not isinstance(value, enum.Enum)):
        return value
    if isinstance(value, enum.Enum):
        return {"is": type(value).__name__, "fields": {"value": value.value, "text": isinstance(value, str)}}
    if isinstance(value, bytes):
        return {"is": "bytes", "fields": {"content": value.decode("latin-1")}}
    if isinstance(value, pathlib.PurePath):
        return {"is": type(value).__name__, "fields": {"path": str(value)}}
    if isinstance(value, BaseException):
        return error_as_json(value)
    if isinstance(value, Downloaded):
        response = value.response
        headers = {name: response.headers.get(name) for name in SHOWN_ANSWER_HEADERS}
        fields = {"filename": response.filename, "content_type": response.content_type, "headers": headers}
        return {"is": "download", "fields": {**fields, "content": value.content.decode("latin-1")}}
    attributes = attributes_of(value, package)
    if attributes is not None:
        fields = {name: as_json(item, package) for name, item in attributes.items()}
        return {"is": type(value).__name__, "fields": fields}
    if isinstance(value, Mapping):
        return {"map": {str(key): as_json(item, package) for key, item in value.items()}}
    if isinstance(value, (list, tuple)):
        return [as_json(item, package) for item in value]
    raise TypeError("a case gave %r, which can't be compared" % type(value))


def attributes_of(value: Any, package: str) -> Optional[Json]:
    """Every attribute of a model, read as users read it; None if `value` is no model."""
    if package == OURS:
        if not dataclasses.is_dataclass(value):
            return None
        names = [field.name for field in dataclasses.fields(value)]
        names += [name for name in vars(value) if name not in names]
        # 0.18.0 shows undeclared fields in their JSON spelling, which ours has to read as well.
        names += [camel for camel in map(camel_case, names) if camel not in names and hasattr(value, camel)]
    else:
        fields = getattr(type(value), "model_fields", None)
        if fields is None:
            return None
        names = [*fields, *(value.model_extra or {})]
    return {name: getattr(value, name) for name in names}


def camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


def error_as_json(error: BaseException) -> Json:
    """Class, base classes (a base class that users may catch is enough), and the fields that DIAL's errors have."""
    bases = [base.__name__ for base in type(error).__mro__ if base not in (BaseException, object)]
    known = {name: getattr(error, name) for name in ERROR_FIELDS if hasattr(error, name)}
    fields = {name: int(value) if isinstance(value, enum.IntEnum) else value for name, value in known.items()}
    return {"raises": type(error).__name__, "bases": bases, "fields": fields}


def main(arguments: List[str]) -> int:
    from official_cases import CASES

    for area in ("clients", "deployments", "files", "resources", "chat", "errors", "surface"):
        importlib.import_module("official_cases_" + area)

    package, mode, *wanted = arguments
    cases = [case for case in CASES if mode in case.modes and (not wanted or case.name in wanted)]

    def play(case: Case) -> Tuple[str, Json]:
        started = time.monotonic()
        try:
            return case.name, record(case, package, mode)
        except Exception:
            print("%s (%s, %s) can't be played" % (case.name, package, mode), file=sys.stderr)
            raise
        finally:
            seconds = time.monotonic() - started
            if seconds > SLOW:
                print("%s (%s, %s) took %.1f s" % (case.name, package, mode, seconds), file=sys.stderr)

    with ThreadPoolExecutor(WORKERS) as pool:  # most of the time goes into the pauses between attempts
        json.dump(dict(pool.map(play, cases)), sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
