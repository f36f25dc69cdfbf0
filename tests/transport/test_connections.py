"""Which connection a call gets, how many there are, how old they grow, and who waits for a place: for both clients.

Streams hold places here: one that was read to its end gives back its connection, one that is closed early the place
alone.
"""

import asyncio
import sys
import threading
import time
from contextlib import ExitStack, contextmanager

import pytest

from aidial_min import AsyncDialClientPool, DialClientPool, DialTimeoutError, Limits, Timeout
from tests.support.clients import KINDS
from tests.support.patience import PATIENCE, at_some_pace, until
from tests.support.proxy import Proxy
from tests.support.rawserver import CUT, GOOD, HOLD, RawServer
from tests.transport.scripts import CHUNKED, DONE, SSE, chunks, delta

STREAM = SSE + CHUNKED + chunks(delta("hello"), DONE)
OPENED = SSE + CHUNKED + chunks(delta("hello"), end=b"")
CHAT = {"deployment_name": "m", "messages": [{"role": "user", "content": "x"}], "stream": True}


def get(client, path):
    return client.request("GET", path)


class User:
    """What a test does with a client: `call` waits for a call, `begin` starts one that has to wait for its place."""

    def __init__(self, client):
        self.client = client

    def call(self, function):
        return function(self.client)

    def begin(self, path, **options):
        """Ask; gives a function that waits for the outcome, which may be an error."""
        waiting, outcomes = self.now.waiting, []

        def work():
            try:
                outcomes.append(get(self.client.with_options(**options), path))
            except DialTimeoutError as error:
                outcomes.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        until(lambda: outcomes or self.now.waiting > waiting)

        def outcome():
            thread.join(PATIENCE)
            return outcomes[0]

        return outcome

    def ask(self, path="/-"):
        assert self.call(lambda client: get(client, path)).json() == {"bucket": "b"}

    def open(self):
        """A stream that has begun."""
        return self.call(lambda client: client.chat.completions.create(**CHAT))

    def read(self, *streams):
        """Read streams to their ends, one after the other."""
        for stream in streams:
            self.call(lambda client, stream=stream: stream.result())

    def leave(self, stream):
        self.call(lambda client: stream.close())

    @property
    def now(self):
        """How it stands with the connections."""
        return self.client._transport.statistics()


class UserOfLoop(User):
    """The same on an event loop."""

    def __init__(self, client, loop):
        super().__init__(client)
        self.loop = loop

    def call(self, function):
        return self.loop.run_until_complete(function(self.client))

    def begin(self, path, **options):
        waiting = self.now.waiting
        task = self.loop.create_task(get(self.client.with_options(**options), path))
        until(lambda: task.done() or self.now.waiting > waiting)

        def outcome():
            (found,) = self.loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
            return found

        outcome.task = task
        return outcome

    @property
    def now(self):
        self.loop.run_until_complete(asyncio.sleep(0.001))  # those that wait have their turn
        return super().now


@contextmanager
def users(kind, *urls, trust_env=False, **limits):
    """A user of each server; they share a pool with these limits."""
    made = {"limits": Limits(**limits), "trust_env": trust_env}
    settings = {"api_key": "key-of-a-test", "max_retries": 0, "timeout": Timeout(*[PATIENCE] * 4)}
    with ExitStack() as stack:
        if kind == "sync":
            pool = stack.enter_context(DialClientPool(**made))
            yield [User(pool.create_client(base_url=url, **settings)) for url in urls]
        else:
            loop = asyncio.new_event_loop()
            stack.callback(loop.close)
            pool = AsyncDialClientPool(**made)
            stack.callback(lambda: loop.run_until_complete(pool.aclose()))
            yield [UserOfLoop(pool.create_client(base_url=url, **settings), loop) for url in urls]


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@contextmanager
def one(kind, *scripts, **limits):
    """A server that plays scripts, and its user."""
    with RawServer(scripts) as server, users(kind, server.url, **limits) as (user,):
        yield server, user


@contextmanager
def three(kind, script=STREAM, **limits):
    """Three servers, and their users."""
    with RawServer([script]) as x, RawServer([script]) as y, RawServer([script]) as z:
        with users(kind, x.url, y.url, z.url, **limits) as found:
            yield (x, y, z), found


def connections_of(server):
    """The number of the connection on which each request came."""
    return [request[0] for request in server.requests]


def asked(server):
    """The paths of what was asked for by name, in the order in which it came."""
    paths = [head.split()[1][-2:] for _, head, _ in server.requests]
    return [path for path in paths if path in ("/a", "/b", "/c", "/d")]


# ---------------------------------------------------------------- which connection


def test_the_connection_used_last_is_used_next(kind):
    with one(kind, STREAM) as (server, user):
        first, second, third = user.open(), user.open(), user.open()
        user.read(second, third, first)
        user.read(*[user.open() for _ in range(4)])
        assert connections_of(server) == [1, 2, 3, 1, 3, 2, 4]


def test_of_those_that_idle_one_that_the_server_ended_is_passed_over(kind):
    def scenario(pace):
        ends = threading.Event()
        with one(kind, STREAM, [STREAM, ends, CUT], GOOD) as (server, user):
            first, second = user.open(), user.open()
            user.read(first, second)
            ends.set()
            server.wait_until_played(2)
            time.sleep(0.08 * pace)  # on its way through the loopback device
            user.ask()
            assert connections_of(server) == [1, 2, 1]
            assert (user.now.open, user.now.idle) == (1, 1)

    at_some_pace(scenario)


def test_every_server_has_its_own(kind):
    with three(kind, GOOD) as (servers, (x, y, z)):
        for user in (x, y, y, x, z, x):
            user.ask()
        assert [connections_of(server) for server in servers] == [[1, 1, 1], [1, 1], [1]]
        assert x.now == y.now and x.now.idle == 3


def test_so_has_every_way_to_a_server(kind, monkeypatch):
    """The environment names a proxy, and a name by which the server is reached without it."""
    for name in ("HTTP_PROXY", "all_proxy", "ALL_PROXY", "NO_PROXY", "REQUEST_METHOD"):
        monkeypatch.delenv(name, raising=False)
    with RawServer([GOOD]) as server, Proxy() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "localhost")
        direct = server.url.replace("127.0.0.1", "localhost")
        with users(kind, server.url, direct, trust_env=True) as (through, past):
            for user, path in ((past, "/a"), (through, "/b"), (past, "/c"), (through, "/d")):
                user.ask(path)
            assert [head.split()[1][-2:] for head in proxy.heads] == ["/b"]  # and the other one on its connection
            assert asked(server) == ["/a", "/b", "/c", "/d"] and connections_of(server) == [1, 2, 1, 2]
            assert (past.now.open, past.now.idle) == (2, 2)


# ---------------------------------------------------------------- how old they grow


def test_one_that_idles_too_long_is_closed_and_not_used(kind):
    with one(kind, GOOD, keepalive_expiry=0.05) as (server, user):
        user.ask()
        time.sleep(0.06)
        user.ask()
        assert connections_of(server) == [1, 2] and user.now.open == 1
        until(lambda: server.left == [1])


def test_its_age_counts_from_its_last_use(kind):
    def scenario(pace):
        with one(kind, GOOD, keepalive_expiry=0.4 * pace) as (server, user):
            for _ in range(4):
                user.ask()
                time.sleep(0.2 * pace)
            assert connections_of(server) == [1, 1, 1, 1]

    at_some_pace(scenario)


def test_the_next_call_closes_all_that_are_too_old_whichever_server_they_lead_to(kind):
    def scenario(pace):
        with three(kind, GOOD, keepalive_expiry=0.4 * pace) as (servers, (x, y, z)):
            x.ask()
            y.ask()
            time.sleep(0.3 * pace)
            z.ask()
            time.sleep(0.2 * pace)
            z.ask()
            assert (z.now.open, z.now.idle) == (1, 1) and connections_of(servers[2]) == [1, 1]
            until(lambda: [server.left for server in servers] == [[1], [1], []])

    at_some_pace(scenario)


@pytest.mark.parametrize(("expiry", "connections"), [(0, [1, 2, 3]), (None, [1, 1, 1])], ids=["at once", "never"])
def test_they_may_be_too_old_at_once_or_never(kind, expiry, connections):
    with one(kind, GOOD, keepalive_expiry=expiry) as (server, user):
        for _ in range(3):
            user.ask()
        assert connections_of(server) == connections


# ---------------------------------------------------------------- how many


@pytest.mark.parametrize("kept", [2, 1, 0])
def test_no_more_are_kept_than_so_many_and_the_oldest_are_closed(kind, kept):
    with one(kind, STREAM, max_keepalive_connections=kept) as (server, user):
        user.read(*[user.open() for _ in range(3)])
        assert (user.now.open, user.now.idle) == (kept, kept)
        until(lambda: sorted(server.left) == [1, 2, 3][: 3 - kept])
        again = [user.open() for _ in range(3)]
        assert connections_of(server)[3:] == {2: [3, 2, 4], 1: [3, 4, 5], 0: [4, 5, 6]}[kept]
        user.read(*again)


def test_the_oldest_of_them_whichever_server_it_leads_to(kind):
    with three(kind, max_keepalive_connections=2) as (servers, (x, y, _)):
        streams = x.open(), x.open()
        x.read(streams[0])
        y.read(y.open())
        x.read(streams[1])
        assert x.now.idle == 2
        until(lambda: servers[0].left == [1])
        x.read(x.open())
        y.read(y.open())
        assert [connections_of(server) for server in servers[:2]] == [[1, 2, 2], [1, 1]]


def test_no_more_are_open_than_so_many(kind):
    with three(kind, max_connections=2) as (servers, (x, y, z)):
        streams = x.open(), y.open()
        waiting = z.begin("/a"), x.begin("/b")
        assert z.now == (2, 0, 2, 2)
        assert [server.connections for server in servers] == [1, 1, 0]
        x.read(streams[0])
        y.read(streams[1])
        assert [outcome().status_code for outcome in waiting] == [200, 200]
        assert z.now.open <= 2 and z.now.taken == 0


def test_those_that_idle_make_room_the_oldest_first(kind):
    with three(kind, GOOD, max_connections=2) as (servers, (x, y, z)):
        for user in (x, y, z):
            user.ask()
        assert (z.now.open, z.now.idle) == (2, 2)
        until(lambda: [server.left for server in servers] == [[1], [], []])
        y.ask()
        assert servers[1].connections == 1


def test_without_limits_all_are_kept(kind):
    limits = dict.fromkeys(("max_connections", "max_keepalive_connections", "keepalive_expiry"))
    with one(kind, STREAM, **limits) as (server, user):
        user.read(*[user.open() for _ in range(40)])
        assert (user.now.open, user.now.idle) == (40, 40) and server.left == []


# ---------------------------------------------------------------- those who wait


def test_whoever_came_first_is_first(kind):
    with one(kind, STREAM, GOOD, max_connections=1) as (server, user):
        stream = user.open()
        waiting = [user.begin("/%s" % name) for name in "abcd"]
        user.read(stream)
        assert [outcome().status_code for outcome in waiting] == [200] * 4
        assert asked(server) == ["/a", "/b", "/c", "/d"] and set(connections_of(server)) == {1}
        assert user.now == (1, 1, 0, 0)


def test_several_places_serve_those_who_wait_for_several_servers(kind):
    with three(kind, max_connections=2) as (servers, (x, y, _)):
        streams = x.open(), x.open()
        waiting = x.begin("/a"), y.begin("/b"), x.begin("/c"), y.begin("/d")
        x.read(streams[0])
        x.leave(streams[1])
        assert [outcome().status_code for outcome in waiting] == [200] * 4
        assert sorted(asked(servers[0])) == ["/a", "/c"] and sorted(asked(servers[1])) == ["/b", "/d"]
        assert x.now.taken == x.now.waiting == 0 and x.now.open <= 2


def test_a_place_without_its_connection_is_a_place(kind):
    with one(kind, [OPENED, HOLD], GOOD, max_connections=1) as (server, user):
        stream = user.open()
        waiting = user.begin("/a")
        user.leave(stream)
        assert waiting().status_code == 200 and connections_of(server) == [1, 2]


def test_a_connection_to_another_server_makes_room_for_who_waits(kind):
    with three(kind, max_connections=1) as (servers, (x, y, _)):
        stream = x.open()
        waiting = y.begin("/a")
        x.read(stream)
        assert waiting().status_code == 200 and y.now.open == 1
        until(lambda: servers[0].left == [1])


@pytest.mark.parametrize("limits", [{"max_keepalive_connections": 0}, {"keepalive_expiry": 0}], ids=["none", "at once"])
def test_a_place_is_passed_on_where_no_connection_is_kept(kind, limits):
    with one(kind, STREAM, GOOD, max_connections=1, **limits) as (server, user):
        stream = user.open()
        waiting = user.begin("/a")
        user.read(stream)
        assert waiting().status_code == 200 and user.now.taken == 0


def test_threads_change_the_line_and_the_idle_connections_while_others_look_at_them():
    before, outcomes = sys.getswitchinterval(), []
    with one("sync", GOOD, max_connections=6) as (server, user):

        def work():
            try:
                for _ in range(100):
                    user.ask()
                outcomes.append(None)
            except BaseException as error:
                outcomes.append(error)

        threads = [threading.Thread(target=work) for _ in range(8)]
        sys.setswitchinterval(1e-6)
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(PATIENCE)
        finally:
            sys.setswitchinterval(before)
        assert outcomes == [None] * 8 and user.now.taken == 0


def test_who_ran_into_its_limit_takes_no_place_with_it(kind):
    def play(pace):
        with one(kind, STREAM, GOOD, max_connections=1) as (server, user):
            stream = user.open()
            first, second = user.begin("/a", timeout=Timeout(pool=0.4 * pace)), user.begin("/b")
            assert first().limit == "pool" and user.now.waiting == 1
            user.read(stream)
            assert second().status_code == 200 and asked(server) == ["/b"]
            assert user.now == (1, 1, 0, 0)

    at_some_pace(play)


def test_who_was_cancelled_takes_no_place_with_it():
    with one("async", STREAM, GOOD, max_connections=1) as (server, user):
        stream = user.open()
        first, second = user.begin("/a"), user.begin("/b")
        first.task.cancel()
        assert isinstance(first(), asyncio.CancelledError) and user.now.waiting == 1
        user.read(stream)
        assert second().status_code == 200 and asked(server) == ["/b"]
        assert user.now == (1, 1, 0, 0)


@pytest.mark.parametrize("others", [0, 1, 3])
def test_who_was_cancelled_when_its_turn_had_come_passes_the_place_on(others):
    with one("async", STREAM, GOOD, max_connections=1) as (server, user):
        stream = user.open()
        first, *waiting = [user.begin("/%s" % name) for name in "abcd"[: 1 + others]]

        async def end_and_cancel(client):
            await stream.result()  # from here on the place is the first one's, which has not run since
            first.task.cancel()

        user.call(end_and_cancel)
        assert isinstance(first(), asyncio.CancelledError)
        assert [outcome().status_code for outcome in waiting] == [200] * others
        assert asked(server) == ["/b", "/c", "/d"][:others]
        user.ask()
        assert user.now == (1, 1, 0, 0)
