"""core/attempts.py: what can be seen of every attempt, by `on_attempt=` and in the log; nothing where nobody looks."""

import logging
import sys
from typing import Any, Iterator, List

import pytest

from aidial_min.core.attempts import LOGGER, Attempt, set_up_log, watch_of
from aidial_min.errors import ConfigurationError, ConnectError, ServerError

from .test_call import KEY, answer, config, drive, failure, get, post


@pytest.fixture(autouse=True)
def quiet_logger() -> Iterator[None]:
    logger = logging.getLogger(LOGGER)
    before = (logger.level, logger.propagate, list(logger.handlers))
    yield
    logger.setLevel(before[0])
    logger.propagate, logger.handlers = before[1], before[2]
    logger.__dict__.pop("without_headers", None)


def attempts_of(request: Any, *outcomes: Any, **settings: Any) -> List[Attempt]:
    seen: List[Attempt] = []
    drive(request, *outcomes, settings=config(on_attempt=seen.append, **settings))
    return seen


def made(**changes: Any) -> Attempt:
    values: Any = dict(
        method="GET", url="http://dial.example/v1/bucket", number=1, status=200, error=None, headers={}, seconds=0.25,
        sent=0, received=85, retry_in=None,
    )  # fmt: skip
    return Attempt(**{**values, **changes})


class TestEveryAttempt:
    def test_a_good_answer(self) -> None:
        (attempt,) = attempts_of(get(), answer(200, X_Team="blue"))
        assert (attempt.method, attempt.url) == ("GET", "http://dial.example:8080/pre/v1/bucket")
        assert (attempt.number, attempt.status, attempt.error, attempt.retry_in) == (1, 200, None, None)
        assert attempt.headers["x-team"] == "blue" and attempt.seconds == 0.0

    def test_retries_are_counted_and_say_when_the_next_one_comes(self) -> None:
        first, second, third = attempts_of(get(), answer(503), failure(ConnectError, "no"), answer())
        assert [attempt.number for attempt in (first, second, third)] == [1, 2, 3]
        assert [attempt.status for attempt in (first, second, third)] == [503, None, 200]
        assert isinstance(first.error, ServerError) and isinstance(second.error, ConnectError) and third.error is None
        assert first.retry_in and second.retry_in and third.retry_in is None

    def test_the_last_failure_has_no_next_attempt(self) -> None:
        (attempt,) = attempts_of(get(), answer(404))
        assert attempt.status == 404 and attempt.error is not None and attempt.retry_in is None

    def test_a_stale_connection_is_replaced_at_once(self) -> None:
        first, second = attempts_of(get(), failure(sent="maybe", stale=True), answer())
        assert (first.number, first.retry_in, second.number) == (1, 0.0, 2)

    def test_an_error_is_raised_after_it_was_shown(self) -> None:
        seen: List[Attempt] = []
        course = drive(post(), answer(500), settings=config(on_attempt=seen.append))
        assert course.error is seen[0].error

    def test_what_the_function_raises_is_not_swallowed(self) -> None:
        def fail(attempt: Attempt) -> None:
            raise RuntimeError("of the user's")

        with pytest.raises(RuntimeError, match="of the user's"):
            drive(get(), settings=config(on_attempt=fail))

    def test_secrets_are_masked(self) -> None:
        for status in (200, 401):
            (attempt,) = attempts_of(
                get("/v1/bucket?key=" + KEY), answer(status, b'"%s"' % KEY.encode(), X_Echo=KEY, Set_Cookie="a=b")
            )
            assert KEY not in str(attempt) + repr(attempt) + str(dict(attempt.headers)) + repr(attempt.error)
            assert (attempt.headers["x-echo"], attempt.headers["set-cookie"]) == ("***", "***")


class TestWords:
    def test_a_line_for_each(self) -> None:
        tail = " after 0.250 s, 0 bytes sent, 85 received"
        assert str(made()) == "GET http://dial.example/v1/bucket: 200" + tail
        failed = made(number=2, status=None, error=ConnectError("can't\nconnect"), retry_in=0.5)
        assert str(failed) == "attempt 2: GET http://dial.example/v1/bucket: can't connect" + tail + "; again in 0.50 s"
        assert str(made(status=503, error=ServerError("x" * 999))).startswith(
            "GET http://dial.example/v1/bucket: 503: xxx"
        )
        assert len(str(made(status=503, error=ServerError("x" * 999)))) < 500

    def test_what_a_server_says_commands_no_terminal(self) -> None:
        shown = str(made(status=500, error=ServerError("\x1b[2J gone\x9b\x07\n\x85and more")))
        assert ": 500: ?[2J gone?? and more after" in shown and shown.isprintable()

    def test_trace_ids(self) -> None:
        assert made().trace_id is None
        assert made(headers={"x-dial-trace-id": "abc"}).trace_id == "abc"
        assert made(headers={"traceparent": "00-abc-def-01"}).trace_id == "abc"
        assert made(headers={"traceparent": "nonsense"}).trace_id is None


class TestLog:
    def test_nothing_is_watched_where_nobody_looks(self, monkeypatch: Any) -> None:
        assert watch_of(None) is None
        assert watch_of(print) is print
        monkeypatch.delitem(sys.modules, "logging")
        assert watch_of(None) is None

    def test_the_logger_at_debug(self, caplog: Any) -> None:
        caplog.set_level(logging.DEBUG, logger=LOGGER)
        seen: List[Attempt] = []
        drive(get(), answer(503), answer(200, X_Echo=KEY), settings=config(on_attempt=seen.append))
        assert len(seen) == len(caplog.messages) == 2
        assert caplog.messages[0].startswith(str(seen[0])) and "x-echo" in caplog.messages[1]
        assert KEY not in caplog.text

    @pytest.mark.parametrize("wanted, headers", [("info", False), ("debug", True), ("DEBUG", True)])
    def test_dial_log(self, wanted: str, headers: bool, capsys: Any) -> None:
        set_up_log(wanted)
        set_up_log(wanted)
        drive(get(), answer(200, X_Team="blue"))
        printed = capsys.readouterr().err
        assert printed.count("GET http://dial.example:8080/pre/v1/bucket: 200") == 1
        assert ("x-team" in printed) is headers

    def test_dial_log_may_be_empty_but_nothing_else(self) -> None:
        set_up_log(None)
        set_up_log("")
        assert logging.getLogger(LOGGER).handlers == []
        with pytest.raises(ConfigurationError, match="DIAL_LOG must be info or debug, not 'loud'"):
            set_up_log("loud")
