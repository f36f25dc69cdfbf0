"""Clients are safe after fork: the child opens connections of its own, and neither side notices the other.

The children are real ones (os.fork), made while other threads use the client or hold its locks.
"""

import asyncio
import os
import pickle
import signal
import threading
import warnings

import pytest

from aidial_min import AsyncDial, Dial
from aidial_min.testing import DialServer
from tests.support.patience import PATIENCE

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


@pytest.fixture
def server():
    with DialServer() as running:
        yield running


@pytest.fixture
def client(server):
    with Dial(base_url=server.url, api_key=server.api_key, proxy="") as made:
        yield made


def question(number):
    return {"deployment_name": "calculator", "messages": [{"role": "user", "content": "%d+1=" % number}]}


def is_right(client, number):
    return client.chat.completions.create(**question(number)).choices[0].message.content == str(number + 1)


async def is_right_async(client, number):
    answer = await client.chat.completions.create(**question(number))
    return answer.choices[0].message.content == str(number + 1)


def in_child(action):
    """What `action` returns in a forked child, or its error; a child that hangs is killed and fails the test."""
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 warns of forks with threads, which this is about
        pid = os.fork()
    if pid == 0:
        try:
            os.close(read)
            signal.alarm(int(PATIENCE))
            try:
                result = action()
            except BaseException as error:
                result = error
            with os.fdopen(write, "wb") as pipe:
                pipe.write(pickle.dumps(result))
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    assert said, "the child hung, or died"
    result = pickle.loads(said)
    if isinstance(result, BaseException):
        raise result
    return result


def in_threads(count, action):
    """Whether `action(number)` is true in every one of so many threads, begun at the same moment."""
    results = []
    gate = threading.Barrier(count)

    def work(number):
        gate.wait()
        results.append(action(number))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results == [True] * count


def test_a_child_does_not_use_its_parents_connections(client):
    assert in_threads(4, lambda number: is_right(client, number))
    kept = client._transport.statistics().idle
    assert kept >= 1
    assert in_child(lambda: all(is_right(client, number) for number in range(20)))
    assert client._transport.statistics().idle == kept
    assert all(is_right(client, number) for number in range(20))


def test_parent_and_child_ask_at_the_same_time_and_get_their_own_answers(client):
    """On a shared socket, answers would be mixed up."""
    assert is_right(client, 1)
    stop = threading.Event()
    wrong = []

    def keep_asking():
        number = 0
        while not stop.is_set():
            number += 1
            if not is_right(client, number):
                wrong.append(number)

    threads = [threading.Thread(target=keep_asking) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(5):
            assert in_child(lambda: all(is_right(client, 1000 + number) for number in range(30)))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_threads_of_a_child_may_begin_at_once(client):
    """All of them find the parent's connections; one cache of their own must come of it."""
    assert is_right(client, 1)

    def action():
        right = in_threads(8, lambda number: is_right(client, number))
        return right, client._transport.statistics().taken

    for _ in range(10):
        assert in_child(action) == (True, 0)


def test_a_lock_that_another_thread_held_at_the_fork_stops_nobody(client):
    assert is_right(client, 1)
    with client._transport._lock:  # as a thread that is just making the TLS context
        assert in_child(lambda: is_right(client, 2))
        assert in_child(lambda: client.close() is None)
    assert is_right(client, 3)


def test_closing_in_the_child_leaves_the_parents_connections_alone(client):
    assert is_right(client, 1)
    kept = client._transport.statistics().idle
    assert in_child(lambda: client.close() is None)
    assert client._transport.statistics().idle == kept
    assert is_right(client, 2)


def test_a_child_of_a_child_is_safe_too(client):
    assert is_right(client, 1)
    assert in_child(lambda: is_right(client, 2) and in_child(lambda: is_right(client, 3)) and is_right(client, 4))


def test_a_stream_that_the_parent_reads_is_not_disturbed_by_a_child(client):
    words = " ".join("word%d" % number for number in range(200))
    message = {"role": "user", "content": words}
    stream = client.chat.completions.create(deployment_name="echo", messages=[message], stream=True)
    pieces = stream.text()
    read = [next(pieces) for _ in range(3)]
    assert in_child(lambda: is_right(client, 5))
    assert "".join([*read, *pieces]) == words


def test_an_async_client_works_in_a_child_with_a_loop_of_its_own(server):
    client = AsyncDial(base_url=server.url, api_key=server.api_key, proxy="")

    async def parent():
        right = await asyncio.gather(*(is_right_async(client, number) for number in range(4)))
        kept = client._transport.statistics().idle
        child = in_child(run_here)
        assert client._transport.statistics().idle == kept
        after = await asyncio.gather(*(is_right_async(client, number) for number in range(4)))
        await client.aclose()
        return all(right) and child and all(after)

    def run_here():
        async def ask():
            async with client:
                return all(await asyncio.gather(*(is_right_async(client, 100 + number) for number in range(8))))

        loop = asyncio.new_event_loop()  # the parent's is running, also in the child's copy of this thread
        asyncio._set_running_loop(None)
        try:
            return loop.run_until_complete(ask())
        finally:
            loop.close()

    assert asyncio.run(parent())


def test_an_async_client_forked_between_two_loops(server):
    client = AsyncDial(base_url=server.url, api_key=server.api_key, proxy="")
    assert asyncio.run(is_right_async(client, 1))
    with client._transport._lock:
        assert in_child(lambda: asyncio.run(is_right_async(client, 2)))
    assert asyncio.run(is_right_async(client, 3))


def test_many_children_of_a_busy_parent(client):
    """A pool of processes, as multiprocessing forks it."""
    import multiprocessing

    assert is_right(client, 1)
    fork = multiprocessing.get_context("fork")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        queue = fork.Queue()
        children = [fork.Process(target=lambda n=number: queue.put(is_right(client, n))) for number in range(6)]
        for child in children:
            child.start()
    assert [queue.get(timeout=PATIENCE) for _ in children] == [True] * 6
    for child in children:
        child.join(PATIENCE)
    assert [child.exitcode for child in children] == [0] * 6
