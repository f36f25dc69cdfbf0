"""DialServer: an in-process DIAL Core for tests, demos and development.

It is started in a moment, stopped in a moment, and leaves nothing behind.
"""

import os
import selectors
import socket
import threading
import time
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Callable, Optional, Union

from .auth import Keys, token_for
from .builtin_deployments import default_deployments
from .cassette import Cassette, Player, Recorder
from .deployments import Deployment
from .dispatch import Dispatcher
from .http import Connection
from .script import Cut, Failure, RecordedAnswer, RecordedRequests, Script, behaviour, stage_of, tool_call_of
from .sdk import END, HEARTBEAT, AppError, Finish, Part, attachment
from .state import Clock, Core

if TYPE_CHECKING:
    from .. import AsyncDial, Dial

BACKLOG = 512
PATIENCE = 2.0
DEFAULT_KEY = "dial-key"


class DialServer:
    """A DIAL server on this machine, with deployments that answer by themselves.

    Arguments, all by keyword:

    - `port`: 0 takes a free one. `host`: the address to listen on; by default this machine alone can reach it.
    - `api_key`: an API key, "dial-key" by default; `keys`: several of them, {key: project name}, of which the first is
      `server.api_key` if no other is named. Every project has a bucket of its own, the same in every run.
    - `admin_keys`: keys that may approve publications and write to the public bucket.
    - `per_request_keys`: {key: (API key, deployment)}: keys as Core gives them to an application for one call.
    - `tokens`: {bearer token: user}; `server.bearer_token` is the first of them, or one that is believed anyway.
    - `deployments`: `Deployment`s, or names of models that echo, instead of the default ones.
    - `generation`: "2024" or "2026": which Core it plays.
    - `strict`: all deployments refuse what DIAL's SDK does not know (True), or take it (False); by default applications
      refuse it, and models take every parameter of today's OpenAI-like adapters.
    - `only_scripted`: deployments answer what `reply` has scripted, and nothing else; `assert_nothing_unexpected`.
    - `clock`: a function that gives epoch seconds; by default time counts by itself from a fixed moment, so that two
      runs give the same times.
    - `schemas`: JSON schemas of types of applications, each with its `$id` (2026).
    - `application_controller`: whether applications with a function can be started and stopped.
    - `data`: a folder that keeps resources, shares and publications across restarts. Time is then the real one.
    - `log`: a function that gets a line about every request.
    - `heartbeat`: seconds between the heartbeats of event streams.
    - `record`, `upstream`: forward everything to the DIAL at this URL, with the credentials that come, and keep the
      exchanges in a file, without credentials. `replay`: answer with what is kept in such a file, once each and only
      the same request (`matching="strict"`), or whatever is asked of the same path (`matching="loose"`).
    - `stale_listings`: listings show `contentLength` 0, as Core's do for a while after an upload.

    Example:

        with DialServer() as server:
            client = Dial(base_url=server.url, api_key=server.api_key)
    """

    def __init__(
        self,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        api_key: Optional[str] = None,
        keys: Optional[Mapping[str, str]] = None,
        admin_keys: Iterable[str] = (),
        per_request_keys: Optional[Mapping[str, tuple[str, str]]] = None,
        tokens: Optional[Mapping[str, str]] = None,
        deployments: Optional[Iterable[Union[Deployment, str]]] = None,
        generation: str = "2024",
        strict: Optional[bool] = None,
        only_scripted: bool = False,
        schemas: Iterable[dict[str, Any]] = (),
        clock: Optional[Callable[[], float]] = None,
        stale_listings: bool = True,
        application_controller: bool = True,
        heartbeat: float = 60.0,
        data: Union[str, "os.PathLike[str]", None] = None,
        log: Optional[Callable[[str], None]] = None,
        record: Union[str, "os.PathLike[str]", None] = None,
        upstream: Optional[str] = None,
        replay: Union[str, "os.PathLike[str]", None] = None,
        matching: str = "strict",
    ) -> None:
        if matching not in ("strict", "loose"):
            raise ValueError(f'matching is "strict" or "loose", not {matching!r}')
        if (record is None) != (upstream is None) or (record is not None and replay is not None):
            raise ValueError("record and upstream belong together, and replay stands alone")
        if generation not in ("2024", "2026"):
            raise ValueError(f'generation is "2024" or "2026", not {generation!r}')
        all_keys = dict(keys or {})
        if api_key is not None or not all_keys:
            all_keys.setdefault(api_key or DEFAULT_KEY, "project")
        self.api_key = api_key or next(iter(all_keys))
        self.bearer_token = next(iter(tokens)) if tokens else token_for("user")
        self.host = host
        self.port = port
        self._wanted_port = port
        self._stopping = threading.Event()
        self._acceptor: Optional[threading.Thread] = None
        self._connections: weakref.WeakSet[Connection] = weakref.WeakSet()
        self._log = log
        self._strict = strict
        known = default_deployments() if deployments is None else deployments
        self._core = Core(
            keys=Keys(all_keys, admin_keys, tokens),
            deployments={item.id: item for item in map(self._declared, known)},
            generation=generation,
            clock=clock or (Clock() if data is None else time.time),
            stale_listings=stale_listings,
            application_controller=application_controller,
            heartbeat=heartbeat,
            data=None if data is None else os.fspath(data),
            script=Script(only_scripted),
            schemas={schema["$id"]: schema for schema in schemas},
        )
        cassette: Optional[Cassette] = None
        if record is not None:
            cassette = Recorder(record, str(upstream))
        elif replay is not None:
            cassette = Player(replay, matching == "strict")
        self._handle = Dispatcher(self._core, cassette).handle
        for key, (original, deployment) in (per_request_keys or {}).items():
            self.add_per_request_key(key, deployment, original)

    @property
    def url(self) -> str:
        """http://{host}:{port}, without a slash at the end."""
        return f"http://[{self.host}]:{self.port}" if ":" in self.host else f"http://{self.host}:{self.port}"

    def start(self) -> "DialServer":
        """Listen; the port is known when this returns."""
        if self._acceptor is not None:
            raise RuntimeError("the server is running already")
        self._stopping.clear()
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        listener = socket.create_server((self.host, self._wanted_port), family=family, backlog=BACKLOG)
        self.port = listener.getsockname()[1]
        self._waker, waker = socket.socketpair()
        arguments = (listener, waker)
        self._acceptor = threading.Thread(target=self._accept, args=arguments, name="dial-accept", daemon=True)
        self._acceptor.start()
        return self

    def stop(self) -> None:
        """Close every socket and end every thread, whatever they are doing. Stopping twice is no error."""
        if self._acceptor is None:
            return
        self._stopping.set()
        self._waker.close()
        self._acceptor.join()
        self._acceptor = None
        running = list(self._connections)
        for connection in running:
            connection.abort()
        deadline = time.monotonic() + PATIENCE
        for connection in running:
            # Only a behaviour that sleeps by itself, instead of yielding its pause, can keep a thread alive.
            connection.join(max(0.0, deadline - time.monotonic()))

    async def __aenter__(self) -> "DialServer":
        return self.start()

    async def __aexit__(self, *_: Any) -> None:
        import asyncio

        await asyncio.get_running_loop().run_in_executor(None, self.stop)

    # For programs under test

    def client(self, **options: Any) -> "Dial":
        """A `Dial` for this server, with its API key unless the options name a credential."""
        from .. import Dial

        return Dial(**self._options(options))

    def async_client(self, **options: Any) -> "AsyncDial":
        """An `AsyncDial` for this server, with its API key unless the options name a credential."""
        from .. import AsyncDial

        return AsyncDial(**self._options(options))

    @contextmanager
    def environment(self, **variables: str) -> Iterator[None]:
        """Set DIAL_URL and DIAL_API_KEY, and whatever else is named, in the environment of this process for a while.

        Other credentials of DIAL are taken out meanwhile. Everything is put back at the end.
        """
        wanted = {"DIAL_URL": self.url, "DIAL_API_KEY": self.api_key, **variables}
        names = {*wanted, "DIAL_BEARER_TOKEN", "DIAL_API_KEY_FILE", "DIAL_BEARER_TOKEN_FILE"}
        before = {name: os.environ.pop(name) for name in names if name in os.environ}
        try:
            os.environ.update(wanted)
            yield
        finally:
            for name in wanted:
                os.environ.pop(name, None)
            os.environ.update(before)

    def _options(self, options: dict[str, Any]) -> dict[str, Any]:
        named = "api_key" in options or "bearer_token" in options
        credential = {} if named else {"api_key": self.api_key}
        return {"base_url": self.url, "trust_env": False, **credential, **options}

    def _declared(self, deployment: Union[Deployment, str]) -> Deployment:
        if isinstance(deployment, str):
            deployment = Deployment(deployment, "model")
        if self._strict is not None and deployment.strict is None:
            deployment = replace(deployment, strict=self._strict)
        return deployment

    # For tests: what comes next, and what came

    @property
    def requests(self) -> RecordedRequests:
        """Every request so far, the oldest first (the last 10,000). `requests.where(...)` picks some."""
        return RecordedRequests(self._core.script.requests)

    def assert_all_replies_used(self) -> None:
        """AssertionError when a reply, a failure or a cut that was scripted has not come up (`times=None` may)."""
        left = self._core.script.unused()
        if left:
            raise AssertionError("scripted and not used: " + "; ".join(left))

    def assert_nothing_unexpected(self) -> None:
        """AssertionError when a deployment was asked that is not there, or, with `only_scripted`, without a reply."""
        if self._core.script.unexpected:
            raise AssertionError("\n".join(self._core.script.unexpected))

    def reply(
        self,
        text: Union[str, Mapping[str, Any], None] = None,
        *,
        deployment: Optional[str] = None,
        stream: Union[Iterable[Any], str, "os.PathLike[str]", None] = None,
        chunks: Optional[Sequence[Part]] = None,
        delay: float = 0.0,
        heartbeats: int = 0,
        stages: Sequence[Mapping[str, Any]] = (),
        attachments: Sequence[Mapping[str, Any]] = (),
        tool_calls: Sequence[Mapping[str, Any]] = (),
        state: Optional[Mapping[str, Any]] = None,
        usage: Optional[Mapping[str, int]] = None,
        statistics: Optional[Mapping[str, Any]] = None,
        finish_reason: Optional[str] = None,
        error: Union[str, AppError, None] = None,
        done: bool = True,
        times: Optional[int] = 1,
    ) -> None:
        """Script the next answer to a completion or a response, whole or streamed.

        - `text`: what is said, in one piece; or `chunks`: pieces of text, deltas as dicts, pauses in seconds as
          floats, and bytes that go into the stream as they are.
        - A dict instead of the text is a whole answer that was recorded somewhere, `stream` are the events of one: a
          list of dicts, or a file with the body of the answer. Nothing of what follows is added to them.
        - `deployment`: only for this one, which is declared as a model if it is not there; otherwise for whichever is
          asked next, also for one that is not there.
        - `delay`: seconds before each piece. `heartbeats`: how many come first.
        - `stages`: dicts with `name`, `content`, `attachments`, `status`; `attachments`: dicts as in an answer;
          `tool_calls`: dicts with `name`, `arguments` (text or a dict), and if need be `id`; `state`: a dict.
        - `error`: after all this the application fails, with a message or an `AppError`. Where nothing has been
          sent yet that is an HTTP status; Core makes 502 `No route` of 429, 502, 503 and 504, and after a 429, or
          three of the others, gives that answer for a while without asking. `fail` sends any status as it is.
        - `done=False`: the stream ends without [DONE].
        - `times`: how often this is the answer; None for always. Scripted answers are used in their order.
        """
        if deployment is not None and "/" not in deployment:
            self._core.deployments.setdefault(deployment, self._declared(deployment))
        recorded = stream if stream is not None else text if isinstance(text, Mapping) else None
        if recorded is not None:
            self._core.script.replies.add(deployment, RecordedAnswer(recorded), times)
            return
        if text is not None and not isinstance(text, str):
            raise TypeError(f"text is a str, not {text!r}; deltas and pauses go into chunks")
        if text is not None and chunks is not None:
            raise TypeError("text or chunks, not both: text may be one of the chunks")
        parts: list[Part] = [HEARTBEAT] * heartbeats
        for index, described in enumerate(stages):
            parts += stage_of(index, described)
        parts += chunks if chunks is not None else [text] if text else []
        for index, call in enumerate(tool_calls):
            parts += tool_call_of(index, call)
        parts += [attachment(index, **described) for index, described in enumerate(attachments)]
        if state is not None:
            parts.append({"custom_content": {"state": dict(state)}})
        finish = Finish(
            finish_reason or ("tool_calls" if tool_calls else "stop"),
            dict(usage) if usage is not None else None,
            dict(statistics) if statistics is not None else None,
        )
        failure = AppError(error) if isinstance(error, str) else error
        self._core.script.replies.add(deployment, behaviour(parts, delay, failure, finish if done else END), times)

    def fail(
        self,
        status: int,
        times: Optional[int] = 1,
        retry_after: Union[int, float, str, None] = None,
        path: Optional[str] = None,
        message: Optional[str] = None,
        body: Union[bytes, str, Mapping[str, Any], None] = None,
        headers: Optional[Mapping[str, str]] = None,
    ) -> None:
        """Answer the next requests with `status` instead of the proper answer.

        `retry_after` becomes the header Retry-After. `path`: only requests whose path holds this. `message` stands in
        a JSON error object where completions are asked for, and as plain text elsewhere; `body` is sent as it is, a
        mapping as JSON. `times`: how often; None for always.
        """
        if not isinstance(status, int) or not 100 <= status <= 999:
            raise ValueError(f"status is a number of three digits, not {status!r}")
        failure = Failure(status, message, retry_after, body, dict(headers or {}))
        self._core.script.faults.add(path, failure, times)

    def drop(self, after_bytes: int = 0, times: Optional[int] = 1, path: Optional[str] = None) -> None:
        """Cut the connection of the next requests after `after_bytes` bytes of the answer, head included."""
        if after_bytes < 0:
            raise ValueError(f"after_bytes is a number of bytes, 0 or more, not {after_bytes}")
        self._core.script.faults.add(path, Cut(after_bytes), times)

    def add_per_request_key(self, key: str, deployment: str, api_key: Optional[str] = None) -> None:
        """Let `key` speak for `deployment` in a call made with `api_key` (the server's first), as Core does."""
        self._core.keys.add_per_request_key(key, api_key or self.api_key, deployment)

    def reset(self, resources: Optional[bool] = None) -> None:
        """Forget everything that was scripted, recorded and counted, and the stored resources.

        `resources`: whether these go too; by default they do, unless the server keeps them in a folder.
        """
        self._core.reset(self._core.data is None if resources is None else resources)

    def __enter__(self) -> "DialServer":
        return self.start()

    def __exit__(self, *_: Any) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = f"at {self.url}" if self._acceptor is not None else "stopped"
        return f"<DialServer {state}>"

    def _accept(self, listener: socket.socket, waker: socket.socket) -> None:
        with listener, waker, selectors.DefaultSelector() as selector:
            listener.setblocking(False)
            selector.register(listener, selectors.EVENT_READ)
            selector.register(waker, selectors.EVENT_READ)
            while not self._stopping.is_set():
                selector.select()
                try:
                    sock, _ = listener.accept()
                except OSError:  # stop(), the client has gone again, or this process may open no more files for now
                    self._stopping.wait(0.01)
                    continue
                connection = Connection(sock, self._handle, self._stopping, self._log)
                self._connections.add(connection)
                connection.start()
