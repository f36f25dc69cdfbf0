"""core/limits.py: Timeout, Limits, and the time budget of one call."""

import pickle
import types
from typing import Any

import pytest

from aidial_min.core.limits import Budget, Limits, Timeout, check_limits, read_timeout
from aidial_min.errors import ConfigurationError, DialTimeoutError


class TestTimeout:
    def test_its_defaults(self) -> None:
        assert Timeout() == (5.0, 600.0, 600.0, 600.0, None, None)
        assert Timeout._fields == ("connect", "read", "write", "pool", "progress", "total")

    @pytest.mark.parametrize(
        ("given", "found"),
        [
            (30, Timeout(5.0, 30, 30, 30)),
            (2.5, Timeout(2.5, 2.5, 2.5, 2.5)),
            (5, Timeout(5.0, 5, 5, 5)),
            (1e-3, Timeout(1e-3, 1e-3, 1e-3, 1e-3)),
            (None, Timeout(None, None, None, None)),
            (Timeout(total=3), Timeout(5.0, 600.0, 600.0, 600.0, None, 3)),
            (types.SimpleNamespace(connect=1, read=2.0, write=None, pool=4), Timeout(1, 2.0, None, 4)),
        ],
    )
    def test_every_form(self, given: Any, found: Timeout) -> None:
        assert read_timeout(given) == found

    @pytest.mark.parametrize(
        "given",
        [
            0,
            -1,
            float("nan"),
            True,
            False,
            "5",
            b"5",
            [],
            {},
            object(),
            Timeout(read=0),
            Timeout(total=-1),
            Timeout(progress="5"),
            Timeout(connect=float("nan")),
            Timeout(pool=True),
        ],
    )  # type: ignore[arg-type]
    def test_refused(self, given: Any) -> None:
        with pytest.raises(ConfigurationError, match="timeout"):
            read_timeout(given)

    def test_the_one_that_is_wrong_is_named(self) -> None:
        with pytest.raises(ConfigurationError, match=r"timeout\.write"):
            read_timeout(Timeout(write=-1))

    def test_it_pickles(self) -> None:
        assert pickle.loads(pickle.dumps(Timeout(total=3))) == Timeout(total=3)


class TestLimits:
    def test_its_defaults(self) -> None:
        assert check_limits(None) == Limits(100, None, 30.0)

    @pytest.mark.parametrize("given", [Limits(1, 0, 0), Limits(None, None, None), Limits(5, 10, 0.5)])
    def test_as_given(self, given: Limits) -> None:
        assert check_limits(given) == given

    def test_of_httpx(self) -> None:
        other = types.SimpleNamespace(max_connections=5, max_keepalive_connections=None, keepalive_expiry=1.5)
        assert check_limits(other) == Limits(5, None, 1.5)

    @pytest.mark.parametrize(
        "given",
        [
            Limits(0),
            Limits(-1),
            Limits(max_keepalive_connections=-1),
            Limits(keepalive_expiry=-1),
            Limits(max_connections=True),
            Limits(max_connections="5"),
            5,
            {},
            "x",
        ],
    )  # type: ignore[arg-type]
    def test_refused(self, given: Any) -> None:
        with pytest.raises(ConfigurationError, match="limits"):
            check_limits(given)


def budget(**limits: Any) -> Budget:
    none = dict.fromkeys(Timeout._fields)
    return Budget(Timeout(**{**none, **limits}), now=100.0)


class TestBudget:
    @pytest.mark.parametrize("limit", ["connect", "read", "write", "pool"])
    def test_a_wait_ends_by_its_own_limit(self, limit: str) -> None:
        assert budget(**{limit: 5}).ends(limit, 110.0) == (115.0, limit)

    @pytest.mark.parametrize("limit", ["connect", "read", "write", "pool"])
    def test_or_never(self, limit: str) -> None:
        assert budget().ends(limit, 110.0)[0] is None

    @pytest.mark.parametrize("limit", ["connect", "read", "write", "pool"])
    def test_or_by_the_total_if_that_comes_first(self, limit: str) -> None:
        for own in (5, None):
            assert budget(**{limit: own, "total": 12}).ends(limit, 110.0) == (112.0, "total")
        assert budget(**{limit: 5, "total": 20}).ends(limit, 110.0) == (115.0, limit)

    def test_the_total_counts_from_the_start_of_the_call(self) -> None:
        one = budget(total=10)
        assert [one.ends("read", began) for began in (100.0, 105.0, 109.0)] == [(110.0, "total")] * 3

    def test_progress_counts_from_the_last_data_event(self) -> None:
        one = budget(read=5, progress=8)
        assert one.ends("read", 101.0) == (106.0, "read"), "not before there is a stream"
        one.progressed(101.0)
        assert one.ends("read", 102.0) == (107.0, "read")
        assert one.ends("read", 105.0) == (109.0, "progress"), "heartbeats do not put it off"
        one.progressed(108.0)
        assert one.ends("read", 108.0) == (113.0, "read")
        assert one.ends("write", 108.0)[0] is None

    def test_the_first_of_all_wins(self) -> None:
        one = budget(read=5, progress=3, total=10)
        one.progressed(100.0)
        assert one.ends("read", 101.0) == (103.0, "progress")
        one.progressed(108.0)
        assert one.ends("read", 108.0) == (110.0, "total")

    def test_without_progress_nothing_changes(self) -> None:
        one = budget(read=5)
        one.progressed(101.0)
        assert one.ends("read", 102.0) == (107.0, "read")

    @pytest.mark.parametrize("seconds", [float("inf"), 1e12, 1e300, 10**400])
    @pytest.mark.parametrize("limit", ["connect", "read", "write", "pool"])
    def test_limits_beyond_all_clocks_are_none(self, limit: str, seconds: Any) -> None:
        assert budget(**{limit: seconds}).ends(limit, 110.0)[0] is None
        assert budget(total=seconds).ends(limit, 110.0)[0] is None
        one = budget(progress=seconds)
        one.progressed(100.0)
        assert one.ends("read", 110.0)[0] is None

    @pytest.mark.parametrize("limit", Timeout._fields)
    def test_the_error_names_the_limit_and_its_seconds(self, limit: str) -> None:
        error = budget(**{limit: 2.5}).error(limit, "maybe")
        assert isinstance(error, DialTimeoutError) and isinstance(error, TimeoutError)
        assert (error.limit, error.request_sent, error.status_code) == (limit, "maybe", 500)
        assert "2.5 s" in str(error) and limit in str(error)
