"""The work of `batch`: threads that take lines of the input, ask them, and hand in what came of it.

A line is asked again only where that can't bill twice: core/retry.py decides, and this module decides what a refusal
means for the others.
"""

import argparse
import json
import math
import random
import sys
import threading
import time
from typing import Any, Dict, Iterator, List, Optional, Tuple

from .. import errors
from ..client import Dial
from ..core.retry import RetryPolicy
from ..errors import ConfigurationError, DialConnectionError, DialException, InvalidRequestError
from ..transport.verbs import begin
from .batch_journal import Journal, json_line
from .batch_output import Output

IN_VAIN = 20
"""Lines in a row that fail, without one answer between them, after which a run ends: it is not their fault."""

UNCERTAIN = (
    "the run was killed while it asked this line, which may have been answered, and billed, all the same; "
    "--ask-again asks it again"
)

NEVER = (errors.AuthenticationError, errors.ConfigurationError, errors.EndpointNotSupportedError)
"""Refusals that no line of this run will escape."""

OWN_FAULT = (InvalidRequestError, errors.RequestTooLargeError)
"""Refusals that say nothing of the other lines."""

PATIENT = RetryPolicy(sys.maxsize)
"""Which failures allow to ask again, and when; how often is decided here."""

FIRST_PAUSE = 0.5
LONGEST_GUESS = 8.0
"""Seconds: where the server does not say how long, pauses double up to this."""


class Stopped(Exception):
    """The run is ending: nothing more is to be asked."""


class Pace:
    """Lets at most `workers` ask at a time, and none of them during a pause.

    After a pause one goes ahead, and each answer lets one more follow, so that a limit is approached and not stormed;
    lines that were refused before go first, so that none is refused for ever.
    """

    def __init__(self, workers: int) -> None:
        self.asking = 0
        """Lines that are being asked just now."""
        self.last_answer = -math.inf
        self._trouble_since: Optional[float] = None
        self._pauses = 0  # since an answer last came
        self._eager = 0  # refused lines that wait
        self._workers = workers
        self._allowed = workers
        self._until = 0.0
        self.stopped = False
        self._changed = threading.Condition()

    def enter(self, refused: bool) -> float:
        """Wait until the next prompt may be asked; give what comes back to `pause` or `answered`.

        Args:
            refused: whether the line was refused before.
        Raises:
            Stopped: the run is ending.
        """
        with self._changed:
            self._eager += refused
            try:
                while True:
                    if self.stopped:
                        raise Stopped
                    now = time.monotonic()
                    if now >= self._until and self.asking < self._allowed and (refused or not self._eager):
                        self.asking += 1
                        return now
                    self._changed.wait(max(0.0, self._until - now) or None)
            finally:
                self._eager -= refused
                self._changed.notify_all()

    def leave(self) -> None:
        """The line is no longer being asked."""
        with self._changed:
            self.asking -= 1
            self._changed.notify_all()

    def answered(self, since: float) -> None:
        """An answer came to a line asked `since` then."""
        with self._changed:
            self.last_answer = time.monotonic()
            self._trouble_since = None
            if since >= self._until:
                self._pauses = 0
                self._allowed = min(self._workers, self._allowed + 1)
                self._changed.notify_all()

    def refused(self) -> float:
        """A line was refused: returns for how many seconds none has been answered since the first refusal."""
        with self._changed:
            now = time.monotonic()
            if self._trouble_since is None:
                self._trouble_since = now
            return now - self._trouble_since

    def pause(self, since: float, seconds: Optional[float]) -> None:
        """A line asked `since` then has met a rate limit: everyone waits, `seconds` if the server said so."""
        with self._changed:
            now = time.monotonic()
            known = since < self._until  # this refusal belongs to a pause that has begun already
            if not known:
                self._pauses += 1
                self._allowed = 1
            if seconds is None:
                guess = min(LONGEST_GUESS, FIRST_PAUSE * 2.0 ** min(self._pauses - 1, 16))
                seconds = 0.0 if known else random.uniform(guess / 2, guess)
            self._until = max(self._until, now + seconds)

    def sleep(self, seconds: float) -> None:
        """Wait alone, until the time is over or the run is ending."""
        with self._changed:
            self._changed.wait_for(lambda: self.stopped, seconds)

    def pause_left(self) -> float:
        """Seconds until the pause ends; 0 if there is none."""
        return max(0.0, self._until - time.monotonic())

    def stop(self) -> None:
        """Whoever waits gets Stopped."""
        with self._changed:
            self.stopped = True
            self._changed.notify_all()


class Run:
    """One run of a batch: `start`, then `wait`; `stop` from any thread.

    Args:
        arguments: the options of `batch`.
    """

    def __init__(self, client: Dial, arguments: argparse.Namespace, output: Output, journal: Journal) -> None:
        self.pace = Pace(arguments.jobs)
        self.halted: Optional[BaseException] = None
        """Why it ended early."""
        self._client = client
        self._arguments = arguments
        self._retries: int = arguments.retries  # of a line, where others are answered
        self._longest_wait: float = arguments.max_wait  # without an answer, after which refusals end the run
        self._output = output
        self._journal = journal
        self._uncertain = frozenset() if arguments.ask_again else frozenset(journal.begun)
        self._lines = lines_of(arguments.input)
        self._taking = threading.Lock()
        self._counting = threading.RLock()
        self._in_vain = 0
        self._alive = arguments.jobs
        self._ended = threading.Event()  # not Thread.join: up to 3.12, Ctrl-C meanwhile has it take a thread for ended

    def start(self) -> None:
        """Begin to ask, with as many workers as the system lets begin.

        Raises:
            ConfigurationError: it lets none begin.
        """

        def worker() -> threading.Thread:
            return threading.Thread(target=self._work, name="batch", daemon=True)

        begun = [begin(worker) for _ in range(self._arguments.jobs)]
        if not any(begun):
            raise ConfigurationError("the system lets this process begin no thread")
        for _ in range(begun.count(False)):
            self._leave()

    def wait(self, seconds: float) -> bool:
        """Whether all workers have ended, waiting so long for it."""
        return self._ended.wait(seconds)

    def stop(self) -> None:
        """Ask nothing more; what is being asked may still be answered."""
        self.pace.stop()
        self._output.stop_waiting()

    # -- workers

    def _work(self) -> None:
        try:
            for number, line in iter(self._next, None):
                self._output.put(number, self._result(number, line))
        except Stopped:
            pass
        except BaseException as error:  # handed on to the thread that waits
            self._halt(error)
        finally:
            self._leave()

    def _leave(self) -> None:
        """A worker has ended, or never began."""
        with self._counting:
            self._alive -= 1
            if not self._alive:
                self._ended.set()

    def _next(self) -> Optional[Tuple[int, bytes]]:
        """The next line that does not stand in the output."""
        with self._taking:
            for number, line in self._lines:
                if self.pace.stopped:
                    break
                if not self._output.standing.has(number) and self._output.expect(number):
                    return number, line
        return None

    def _result(self, number: int, line: bytes) -> bytes:
        """The line that stands for this one in the output."""
        given: Dict[str, Any] = {}
        try:
            arguments = read_question(line, given, self._arguments.deployment, self._arguments.system)
            if number in self._uncertain:
                raise DialConnectionError(UNCERTAIN, request_sent="maybe")
            response = self._ask(number, arguments).to_dict()
        except DialException as error:
            if number not in self._uncertain and not isinstance(error, OWN_FAULT):
                self._count_in_vain(error)
            return failed_line(number, given, error)
        self._in_vain = 0
        return answered_line(number, given, arguments["deployment_name"], response)

    def _ask(self, number: int, arguments: Dict[str, Any]) -> Any:
        """Ask until there is an answer.

        Raises:
            DialException: the line has failed.
            Stopped: the run is ending; the line can be asked by the next one.
        """
        refusals, first = 0, math.inf
        while True:
            since = self.pace.enter(refusals > 0)
            try:
                self._journal.begin(number)
                response = self._client.chat.completions.create(**arguments)
                self.pace.answered(since)
                return response
            except DialException as error:
                delay = self._delay(error, refusals)
                if delay is None:
                    raise  # asking again could bill twice, or would end alike
                first = min(first, time.monotonic())
                if refusals >= self._retries and self.pace.last_answer > first:
                    raise  # others are answered, this one is not
                self._journal.give_back(number)
                if self._is_hopeless(error, delay, refusals):
                    self._halt(error)
                    raise Stopped from None
                if _is_for_all(error):
                    self.pace.pause(since, error.retry_after)
                    delay = 0.0
            except (TypeError, ValueError, RecursionError) as error:  # a parameter that create does not know
                raise InvalidRequestError(str(error)) from None
            finally:
                self.pace.leave()
            refusals += 1
            self.pace.sleep(delay)

    # -- judgement

    def _delay(self, error: DialException, refusals: int) -> Optional[float]:
        """Seconds after which the line may be asked again; None: never; inf: not in this run."""
        if isinstance(error, NEVER):
            return math.inf
        refusals = min(refusals, 8)
        if isinstance(error, DialConnectionError):
            return PATIENT.after_error(refusals, error, method="POST")
        if error.request_sent == "no":
            return None
        if _is_for_all(error):
            return error.retry_after or 0.0
        status, no_route = error.status_code, errors.is_no_route(error.status_code, error.message.strip())
        return PATIENT.after_status(
            refusals, status, method="POST", upstream=True, no_route=no_route, retry_after=error.retry_after
        )

    def _is_hopeless(self, error: DialException, delay: float, refusals: int) -> bool:
        """Whether a refused line is a reason to end the run."""
        quiet = self.pace.refused()
        if isinstance(error, DialConnectionError) and self.pace.last_answer < 0:
            return refusals >= self._retries  # there was never a connection: is the URL right?
        return max(delay, quiet) > self._longest_wait

    def _count_in_vain(self, error: DialException) -> None:
        with self._counting:
            self._in_vain += 1
            if self._in_vain >= IN_VAIN:
                self._halt(error)

    def _halt(self, error: BaseException) -> None:
        """No line can be asked now: the run ends with this error, unless it is ending already."""
        with self._counting:
            if self.halted is None and not self.pace.stopped:
                self.halted = error
        self.stop()


def _is_for_all(error: DialException) -> bool:
    """Whether the others would be refused too: a rate limit, or a server that names a time."""
    return error.status_code == 429 or (error.status_code == 503 and error.retry_after is not None)


# ---------------------------------------------------------------- lines of the input


def lines_of(path: str) -> Iterator[Tuple[int, bytes]]:
    """The lines that are not empty, with their numbers, from 1."""
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            if not line.isspace():
                yield number, line


def read_question(
    line: bytes, given: Dict[str, Any], deployment: Optional[str], system: Optional[str]
) -> Dict[str, Any]:
    """What a line asks, as arguments of `create`.

    Args:
        given: gets the line's "id", if it has one, also where the line is refused.
        deployment: asked where the line names none.
        system: instructions that go before a prompt (not before `messages`, which are complete).
    Raises:
        InvalidRequestError: not JSON, or not what a line may be.
    """
    try:
        value = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError("the line is not JSON: %s" % error) from None
    if isinstance(value, str):
        value = {"prompt": value}
    if not isinstance(value, dict):
        raise InvalidRequestError('a line is "text", {"prompt": ...} or {"messages": [...]}')
    if "id" in value:
        given["id"] = value.pop("id")
    arguments = {"deployment_name": value.pop("deployment", None) or deployment, **value}
    arguments["messages"] = _messages(arguments, system)
    _check(arguments)
    return arguments


def _messages(arguments: Dict[str, Any], system: Optional[str]) -> List[Any]:
    if ("prompt" in arguments) == ("messages" in arguments):
        raise InvalidRequestError('a line needs "prompt" or "messages", the one or the other')
    if "messages" in arguments:
        messages: List[Any] = arguments["messages"]
        return messages
    before = [{"role": "system", "content": system}] if system else []
    return [*before, {"role": "user", "content": arguments.pop("prompt")}]


def _check(arguments: Dict[str, Any]) -> None:
    name = arguments["deployment_name"]
    if name is None:
        raise InvalidRequestError('the line names no "deployment", and -d was not given')
    if not isinstance(name, str):
        raise InvalidRequestError('"deployment" must be text')
    if arguments.pop("stream", False):
        raise InvalidRequestError('"stream" has no meaning in a batch: every answer is a whole line')
    for reserved in ("timeout", "max_retries", "extra_headers"):
        if reserved in arguments:
            raise InvalidRequestError('"%s" can\'t be set by a line; see the options of batch' % reserved)


# ---------------------------------------------------------------- lines of the output


def answered_line(number: int, given: Dict[str, Any], deployment: str, response: Dict[str, Any]) -> bytes:
    """An answer: its text, and all of it as it came."""
    choices = response.get("choices") or [{}]
    text = (choices[0].get("message") or {}).get("content")
    return json_line(
        {"line": number, "ok": True, **given, "deployment": deployment, "answer": text, "response": response}
    )


def failed_line(number: int, given: Dict[str, Any], error: DialException) -> bytes:
    """A failure: which error, what it says, its HTTP status, and whether the request reached the server."""
    told: Dict[str, Any] = {
        "class": type(error).__name__,
        "message": error.message,
        "status": None if error.request_sent == "no" or isinstance(error, DialConnectionError) else error.status_code,
        "request_sent": error.request_sent,
    }
    for name in ("code", "display_message"):
        if getattr(error, name) is not None:
            told[name] = getattr(error, name)
    return json_line({"line": number, "ok": False, **given, "error": told})
