"""Ctrl-C and other signal handlers that raise, at any moment: no place of the pool is lost, and the client stays sound.

A second one may come while the first one's connection is being closed. Only the main thread runs signal handlers.
"""

import gc
import random
import signal
import sys

import pytest

from aidial_min import Dial, Limits, Timeout
from tests.fuzz.cases import TIMES
from tests.support.patience import PATIENCE
from tests.support.rawserver import GOOD, RawServer
from tests.transport.scripts import BLOB, CHUNKED, SSE, chunks, delta, length

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no timers of signals here")

ROUNDS = min(125 * TIMES, 500)
OPENED = SSE + CHUNKED + chunks(delta("hello"), end=b"")
CHAT = {"deployment_name": "m", "messages": [{"role": "user", "content": "x"}], "stream": True}


class Interrupt(BaseException):
    """What the signal handler raises."""


def whole(client):
    client.bucket.get_bucket()


def download(client):
    client.files.download("files/b/x").get_content()


def stream(client):
    with client.chat.completions.create(**CHAT) as events:
        next(events)


@pytest.mark.parametrize(
    ("work", "answer"), [(whole, GOOD), (download, length(BLOB)), (stream, OPENED)], ids=["whole", "download", "stream"]
)
@pytest.mark.parametrize("twice", [False, True], ids=["once", "twice"])
def test_no_place_is_lost_whatever_is_interrupted(work, answer, twice, monkeypatch):
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: None)  # pytest's keeps what a finalizer's frames hold
    dice = random.Random(7)
    shots = []

    def interrupt(number, frame):
        if shots:
            shots.pop()
            raise Interrupt

    def play(client):
        """Work until it has been interrupted; the second interrupt may come while the first one is under way."""
        shots[:] = [True] * (2 if twice else 1)
        signal.setitimer(signal.ITIMER_REAL, 0.00001 + dice.random() * 0.002, 0.0003 + dice.random() * 0.0003)
        while shots:
            try:
                work(client)
            except Interrupt:
                pass

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with RawServer([answer]) as server:
            settings = {"limits": Limits(max_connections=1), "timeout": Timeout(pool=PATIENCE), "max_retries": 0}
            client = Dial(base_url=server.url, api_key="key-of-a-test", trust_env=False, **settings)
            work(client)
            for done in range(ROUNDS):
                try:
                    play(client)
                except Interrupt:
                    pass
                signal.setitimer(signal.ITIMER_REAL, 0)
                if client._transport.statistics().taken:
                    gc.collect()  # a traceback that holds itself may hold a frame, and that a place
                assert client._transport.statistics().taken == 0, "after %d interrupts" % done
            work(client)
            client.close()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
