"""core/retry.py: whether to try again, and after how long."""

import random
import string
from typing import Any, Optional

import pytest

from aidial_min.core.http11 import Headers
from aidial_min.core.retry import RetryPolicy, is_idempotent, retry_after_of
from aidial_min.errors import (
    ConnectError,
    DialConnectionError,
    DialTimeoutError,
    ProxyError,
    RemoteProtocolError,
    ResponseInterruptedError,
    TLSError,
)

IDEMPOTENT = ["GET", "PUT", "DELETE", "HEAD", "OPTIONS"]
OTHERS = ["POST", "PATCH"]


def after_status(status: int, method: str, **more: Any) -> Optional[float]:
    arguments = {"upstream": False, "no_route": False, "retry_after": None, **more}
    return RetryPolicy(2).after_status(0, status, method=method, **arguments)


class TestAfterAnAnswer:
    """The table of statuses: again (a delay) or raise (None)."""

    @pytest.mark.parametrize("method", IDEMPOTENT + OTHERS)
    @pytest.mark.parametrize("status", [408, 429, 503])
    def test_again_whatever_the_method(self, status: int, method: str) -> None:
        assert after_status(status, method) is not None

    @pytest.mark.parametrize("status", [502, 504])
    def test_gateways_again_unless_it_was_a_post(self, status: int) -> None:
        assert all(after_status(status, method) is not None for method in IDEMPOTENT)
        assert all(after_status(status, method) is None for method in OTHERS)
        assert after_status(status, "POST", upstream=True) is None

    @pytest.mark.parametrize("method", IDEMPOTENT + OTHERS)
    def test_no_route_means_that_the_server_lacks_the_endpoint(self, method: str) -> None:
        assert after_status(502, method, no_route=True) is None
        assert after_status(404, method, no_route=True) is None

    def test_but_on_a_deployment_that_there_is_no_upstream_just_now(self) -> None:
        assert after_status(502, "POST", no_route=True, upstream=True) is not None
        assert after_status(404, "POST", no_route=True, upstream=True) is None

    @pytest.mark.parametrize("method", IDEMPOTENT + OTHERS)
    def test_every_other_status_is_raised(self, method: str) -> None:
        others = set(range(300, 600)) - {408, 429, 502, 503, 504}
        assert not [status for status in others if after_status(status, method, retry_after=1.0) is not None]


class TestAfterNoAnswer:
    @pytest.mark.parametrize("method", IDEMPOTENT + OTHERS)
    @pytest.mark.parametrize(
        "error",
        [
            ConnectError("x"),
            ProxyError("x"),
            TLSError("x"),
            DialTimeoutError("x", limit="connect"),
            DialTimeoutError("x", limit="pool"),
        ],
        ids=["refused", "proxy", "tls", "connect", "pool"],
    )
    def test_nothing_was_sent(self, error: DialConnectionError, method: str) -> None:
        assert RetryPolicy(2).after_error(0, error, method=method) is not None

    @pytest.mark.parametrize("sent", ["maybe", "yes"])
    @pytest.mark.parametrize(
        "cls", [DialConnectionError, DialTimeoutError, RemoteProtocolError, ResponseInterruptedError]
    )
    def test_something_may_have_been_sent(self, cls: Any, sent: str) -> None:
        error = cls("x", request_sent=sent)
        assert all(RetryPolicy(2).after_error(0, error, method=method) is not None for method in IDEMPOTENT)
        assert all(RetryPolicy(2).after_error(0, error, method=method) is None for method in OTHERS)


class TestHowOften:
    @pytest.mark.parametrize("most", [0, 1, 2, 5])
    def test_so_many_times_and_no_more(self, most: int) -> None:
        policy = RetryPolicy(most)
        for retries in range(8):
            again = retries < most
            assert (policy.after_error(retries, ConnectError("x"), method="GET") is not None) is again
            found = policy.after_status(retries, 503, method="GET", upstream=False, no_route=False, retry_after=None)
            assert (found is not None) is again

    def test_twice_unless_told_otherwise(self) -> None:
        assert RetryPolicy().max_retries == 2


class TestHowLong:
    @pytest.mark.parametrize(
        ("retries", "most"), [(0, 0.5), (1, 1.0), (2, 2.0), (3, 4.0), (4, 8.0), (5, 8.0), (2000, 8.0)]
    )
    def test_a_random_time_that_doubles_up_to_eight_seconds(self, retries: int, most: float) -> None:
        policy = RetryPolicy(5000)
        delays = [policy.after_error(retries, ConnectError("x"), method="GET") for _ in range(300)]
        found = [delay for delay in delays if delay is not None]
        assert len(found) == 300 and 0 <= min(found) and max(found) <= most
        assert max(found) > most * 0.8 and min(found) < most * 0.2, "spread over the whole range"

    @pytest.mark.parametrize("seconds", [0.0, 0.02, 7.0, 60.0])
    def test_as_long_as_the_server_asked(self, seconds: float) -> None:
        assert after_status(429, "POST", retry_after=seconds) == seconds

    @pytest.mark.parametrize("seconds", [60.001, 61.0, 3600.0])
    def test_not_at_all_if_it_asked_for_more_than_a_minute(self, seconds: float) -> None:
        assert after_status(429, "GET", retry_after=seconds) is None
        assert after_status(503, "GET", retry_after=seconds) is None


def test_which_methods_may_be_sent_twice() -> None:
    assert all(is_idempotent(method) for method in IDEMPOTENT)
    assert not any(is_idempotent(method) for method in OTHERS + ["get"])


NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("fields", "seconds"),
        [
            ({}, None),
            ({"Retry-After": "5"}, 5.0),
            ({"Retry-After": " 0 "}, 0.0),
            ({"Retry-After": "1.5"}, 1.5),
            ({"Retry-After": "3600"}, 3600.0),
            ({"Retry-After": "Tue, 14 Nov 2023 22:13:50 GMT"}, 30.0),
            ({"Retry-After": "Tuesday, 14-Nov-23 22:13:50 GMT"}, 30.0),
            ({"Retry-After": "Tue, 14 Nov 2023 23:13:50 +0100"}, 30.0),
            ({"Retry-After": "Tue, 14 Nov 2023 22:13:00 GMT"}, 0.0),
            ({"retry-after-ms": "1500"}, 1.5),
            ({"retry-after-ms": "20.5"}, 0.0205),
            ({"retry-after-ms": "1500", "Retry-After": "9"}, 1.5),
            ({"retry-after-ms": "soon", "Retry-After": "9"}, 9.0),
            ({"retry-after-ms": "-1", "Retry-After": "9"}, 9.0),
            ({"retry-after-ms": ""}, None),
        ],
    )
    def test_forms(self, fields: Any, seconds: Optional[float]) -> None:
        assert retry_after_of(Headers(fields.items()), lambda: NOW) == seconds

    @pytest.mark.parametrize(
        "text",
        [
            "",
            " ",
            "-5",
            "+5",
            "1e3",
            "inf",
            "nan",
            "0x5",
            "1_0",
            "5s",
            "soon",
            "\u0665",
            "5, 6",
            "9" * 5000,
            "Tue, 99 Nov 2023 22:13:50 GMT",
            "Tue, 14 Nov 99999999999 22:13:50 GMT",
        ],
    )
    def test_what_is_no_time_is_ignored(self, text: str) -> None:
        found = retry_after_of(Headers([("Retry-After", text)]), lambda: NOW)
        assert found is None or found > 60

    def test_the_clock_is_asked_for_dates_only(self) -> None:
        def clock() -> float:
            raise AssertionError("asked")

        assert retry_after_of(Headers([("Retry-After", "5"), ("retry-after-ms", "x")]), clock) == 5

    def test_no_text_breaks_it(self) -> None:
        chance = random.Random(7)
        words = [
            "Tue,",
            "14",
            "Nov",
            "2023",
            "22:13:50",
            "GMT",
            "+0100",
            "-",
            ":",
            ",",
            ".",
            "0",
            "99999",
            "\xe9",
            "am",
            "PM",
        ]
        for _ in range(20_000):
            parts = [
                chance.choice(words) if chance.random() < 0.8 else chance.choice(string.printable)
                for _ in range(chance.randrange(8))
            ]
            text = chance.choice(["", " "]).join(parts)
            found = retry_after_of(Headers([("Retry-After", text)]), lambda: NOW)
            assert found is None or found >= 0
