"""core/cache.py: who may use which connection, who waits for one; checked by hand and by simulation."""

import itertools
import random
from typing import Any, Dict, List, Optional, Set

import pytest

from aidial_min.core.cache import ConnectionCache, Grant, Waiter
from aidial_min.core.limits import Limits


class Cache:
    """A cache with a clock of its own, and connections that are just names."""

    def __init__(self, most: Optional[int] = 100, kept: Optional[int] = 20, expiry: Optional[float] = 30.0) -> None:
        self.inner: ConnectionCache[str] = ConnectionCache(Limits(most, kept, expiry))
        self.now = 0.0
        self.woken: List[str] = []

    def take(self, key: str = "k") -> Optional[Grant[str]]:
        return self.inner.take(key, self.now)

    def give(self, conn: Optional[str], key: str = "k") -> None:
        self.inner.give_back(key, conn, self.now)

    def wait(self, name: str, key: str = "k") -> "Waiter[str]":
        waiter: Waiter[str] = Waiter(key, lambda: self.woken.append(name))
        self.inner.join(waiter)
        return waiter

    def leave(self, waiter: "Waiter[str]") -> None:
        self.inner.leave(waiter, self.now)

    def filled(self, *conns: str, key: str = "k") -> "Cache":
        """With these connections idle, the last one used last."""
        for conn in conns:
            assert conn_of(self.take("the first use of " + conn)) is None
        for conn in conns:
            self.now += 1
            self.give(conn, key)
        return self

    def counts(self) -> Any:
        return self.inner.busy_count, self.inner.idle_count


def conn_of(grant: Optional[Grant[str]]) -> Optional[str]:
    assert grant is not None, "no place was granted"
    return grant.conn


class TestReuse:
    def test_the_first_call_opens_a_connection(self) -> None:
        cache = Cache()
        assert conn_of(cache.take()) is None and cache.counts() == (1, 0)

    def test_the_next_one_gets_it(self) -> None:
        cache = Cache().filled("a")
        assert cache.counts() == (0, 1)
        assert conn_of(cache.take()) == "a" and cache.counts() == (1, 0)

    def test_the_connection_used_last_is_used_next(self) -> None:
        cache = Cache().filled("a", "b", "c")
        assert [conn_of(cache.take()) for _ in range(4)] == ["c", "b", "a", None]

    def test_keys_have_their_own(self) -> None:
        cache = Cache().filled("a", key="x").filled("b", key="y")
        assert [
            conn_of(cache.take("z")),
            conn_of(cache.take("y")),
            conn_of(cache.take("y")),
            conn_of(cache.take("x")),
        ] == [None, "b", None, "a"]

    def test_a_closed_connection_is_not_kept(self) -> None:
        cache = Cache()
        cache.take()
        cache.give(None)
        assert cache.counts() == (0, 0) and conn_of(cache.take()) is None

    def test_another_idle_one_for_a_place_already_held(self) -> None:
        cache = Cache().filled("a", "b")
        assert conn_of(cache.take()) == "b"
        assert cache.inner.take_idle("k", cache.now) == "a" and cache.counts() == (1, 0)
        assert cache.inner.take_idle("k", cache.now) is None
        assert cache.inner.take_idle("other", cache.now) is None

    def test_clear_drops_the_idle_ones_alone(self) -> None:
        cache = Cache().filled("a", "b")
        cache.take()
        cache.inner.clear()
        assert cache.inner.dropped == ["a"] and cache.counts() == (1, 0)


class TestAge:
    def test_a_connection_that_is_idle_too_long_is_dropped(self) -> None:
        cache = Cache(expiry=30).filled("a")
        cache.now += 29.9
        assert conn_of(cache.take()) == "a"
        cache.give("a")
        cache.now += 30
        assert conn_of(cache.take()) is None and cache.inner.dropped == ["a"]

    def test_its_age_counts_from_its_last_use(self) -> None:
        cache = Cache(expiry=30).filled("a")
        for _ in range(5):
            cache.now += 20
            assert conn_of(cache.take()) == "a"
            cache.give("a")

    def test_of_several_only_the_old_ones_go_of_every_key(self) -> None:
        cache = Cache(expiry=30).filled("a").filled("b", key="x")
        cache.now += 28.5
        cache.filled("c", key="y")
        cache.now += 1
        assert conn_of(cache.take("y")) == "c" and set(cache.inner.dropped) == {"a", "b"}

    def test_another_idle_one_must_be_young_too(self) -> None:
        cache = Cache(expiry=30).filled("a", "b")
        cache.now += 29.5
        assert conn_of(cache.take()) == "b"
        assert cache.inner.take_idle("k", cache.now) is None and cache.inner.dropped == ["a"]

    @pytest.mark.parametrize(("expiry", "kept"), [(0, False), (None, True)])
    def test_at_once_or_never(self, expiry: Any, kept: bool) -> None:
        cache = Cache(expiry=expiry).filled("a")
        cache.now += 0 if expiry == 0 else 10**9
        assert (conn_of(cache.take()) == "a") is kept


class TestHowMany:
    def test_no_more_than_so_many_are_kept_and_the_oldest_goes(self) -> None:
        cache = Cache(kept=2).filled("a", "b", "c")
        assert cache.inner.dropped == ["a"] and cache.counts() == (0, 2)

    def test_the_oldest_of_any_key(self) -> None:
        cache = Cache(kept=2).filled("a", key="x").filled("b", key="y").filled("c", key="x")
        assert cache.inner.dropped == ["a"]
        assert [conn_of(cache.take("x")), conn_of(cache.take("y"))] == ["c", "b"]

    def test_none_at_all(self) -> None:
        cache = Cache(kept=0).filled("a")
        assert cache.inner.dropped == ["a"] and cache.counts() == (0, 0)

    def test_no_more_than_so_many_are_open(self) -> None:
        cache = Cache(most=2)
        assert cache.take() is not None and cache.take("other") is not None
        assert cache.take() is None and cache.take("third") is None

    def test_idle_ones_of_other_keys_make_room_the_oldest_first(self) -> None:
        cache = Cache(most=2).filled("a", key="x").filled("b", key="y")
        assert conn_of(cache.take("z")) is None and cache.inner.dropped == ["a"]
        assert conn_of(cache.take("y")) == "b" and cache.take("y") is None

    def test_without_limits(self) -> None:
        cache = Cache(most=None, kept=None).filled(*map(str, range(500)))
        assert cache.counts() == (0, 500) and not cache.inner.dropped


class TestWaiting:
    def test_whoever_waited_longest_is_next(self) -> None:
        cache = Cache(most=1)
        cache.take()
        first, second = cache.wait("first"), cache.wait("second")
        cache.give("a")
        assert cache.woken == ["first"] and conn_of(first.grant) == "a" and second.grant is None
        assert cache.counts() == (1, 0)
        cache.give("a")
        assert cache.woken == ["first", "second"] and conn_of(second.grant) == "a"

    def test_nobody_overtakes_those_who_wait(self) -> None:
        cache = Cache(most=2)
        cache.take()
        cache.take()
        waiting = cache.wait("waiting")
        assert cache.take() is None
        cache.give("a")
        assert conn_of(waiting.grant) == "a"
        assert cache.take() is None, "both places are taken"

    def test_a_place_without_a_connection_is_a_place(self) -> None:
        cache = Cache(most=1)
        cache.take()
        waiter = cache.wait("w")
        cache.give(None)
        assert cache.woken == ["w"] and conn_of(waiter.grant) is None and cache.counts() == (1, 0)

    def test_for_another_key_the_connection_makes_room(self) -> None:
        cache = Cache(most=1)
        cache.take("x")
        waiter = cache.wait("w", "y")
        cache.give("a", "x")
        assert conn_of(waiter.grant) is None and cache.inner.dropped == ["a"]

    def test_the_connection_is_handed_over_even_if_none_are_kept(self) -> None:
        cache = Cache(most=1, kept=0)
        cache.take()
        waiter = cache.wait("w")
        cache.give("a")
        assert conn_of(waiter.grant) == "a" and not cache.inner.dropped

    def test_even_if_they_expire_at_once(self) -> None:
        cache = Cache(most=1, expiry=0)
        cache.take()
        waiter = cache.wait("w")
        cache.give("a")
        assert waiter.grant is not None, "the place is free in any case"

    def test_who_left_is_not_woken(self) -> None:
        cache = Cache(most=1)
        cache.take()
        first, second = cache.wait("first"), cache.wait("second")
        cache.leave(first)
        cache.give("a")
        assert cache.woken == ["second"] and conn_of(second.grant) == "a"

    def test_who_left_after_being_granted_passes_the_place_on(self) -> None:
        cache = Cache(most=1)
        cache.take()
        first, second = cache.wait("first"), cache.wait("second")
        cache.give("a")
        cache.leave(first)
        assert cache.woken == ["first", "second"] and conn_of(second.grant) == "a"
        cache.leave(second)
        assert cache.counts() == (0, 1) and conn_of(cache.take()) == "a"

    def test_several_places_serve_several_waiters(self) -> None:
        cache = Cache(most=2)
        cache.take("x")
        cache.take("x")
        for name in "abcd":
            cache.wait(name, "y" if name in "bd" else "x")
        for conn in ("1", None, "2", None):
            cache.give(conn, "x")
        assert cache.woken == list("abcd")


class Simulation:
    """Calls that come, wait, go and give up at random; what must always hold is checked after every step."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.most = self.chance.choice([1, 2, 5, None])
        self.kept = self.chance.choice([0, 1, 3, None])
        self.cache = Cache(self.most, self.kept, self.chance.choice([0, 3.0, None]))
        self.names = (str(number) for number in itertools.count())
        self.open: Set[str] = set()
        self.busy: List[Any] = []  # (key, connection)
        self.waiting: List["Waiter[str]"] = []
        self.key_of: Dict[str, str] = {}

    def step(self) -> None:
        self.cache.now += self.chance.choice([0, 0.1, 2.0])
        action = self.chance.randrange(10)
        if action < 5:
            key = self.chance.choice("xyz")
            grant = self.cache.take(key)
            if grant is None:
                self.waiting.append(self.cache.wait("", key))
            else:
                self.use(key, grant)
        elif action < 9 and self.busy:
            key, conn = self.busy.pop(self.chance.randrange(len(self.busy)))
            if self.chance.random() < 0.3:
                self.open.discard(conn)
                conn = None
            self.cache.give(conn, key)
        elif self.waiting:
            self.cache.leave(self.waiting.pop(self.chance.randrange(len(self.waiting))))
        self.settle()

    def use(self, key: str, grant: Grant[str]) -> None:
        conn = grant.conn
        if conn is None and self.chance.random() < 0.8:
            conn = next(self.names)
            self.open.add(conn)
            self.key_of[conn] = key
        if conn is not None:
            assert conn in self.open, "a connection that was closed is never given out"
            assert self.key_of[conn] == key, "nor one of another key"
            assert conn not in [other for _, other in self.busy], "nor one that is in use"
        self.busy.append((key, conn))

    def settle(self) -> None:
        inner = self.cache.inner
        for conn in inner.dropped:
            self.open.remove(conn)  # dropped once, and never while in use
            assert conn not in [other for _, other in self.busy]
        inner.dropped.clear()
        for waiter in [waiter for waiter in self.waiting if waiter.grant is not None]:
            if self.chance.random() < 0.7:
                self.waiting.remove(waiter)
                self.use(str(waiter.key), waiter.grant)  # type: ignore[arg-type]
        granted = [waiter for waiter in self.waiting if waiter.grant is not None]
        hoping = [waiter.grant is None for waiter in self.waiting]
        assert hoping == sorted(hoping), "first come, first served"
        assert inner.busy_count == len(self.busy) + len(granted)
        in_hand = {conn for _, conn in self.busy} | {waiter.grant.conn for waiter in granted if waiter.grant}
        assert inner.idle_count == len(self.open - in_hand)
        if self.most is not None:
            assert inner.busy_count + inner.idle_count <= self.most
            assert not any(hoping) or inner.busy_count == self.most, "nobody waits while there is room"
        else:
            assert not self.waiting
        if self.kept is not None:
            assert inner.idle_count <= self.kept


@pytest.mark.parametrize("seed", range(30))
def test_whatever_happens_no_place_and_no_connection_is_lost(seed: int) -> None:
    simulation = Simulation(seed)
    for _ in range(1000):
        simulation.step()
    simulation.chance.random = lambda: 0.0  # type: ignore[method-assign]
    while simulation.waiting or simulation.busy:
        simulation.settle()
        for key, conn in simulation.busy:
            simulation.open.discard(conn)
            simulation.cache.give(None, key)
        simulation.busy = []
    simulation.cache.inner.clear()
    simulation.settle()
    assert simulation.cache.counts() == (0, 0) and not simulation.open
