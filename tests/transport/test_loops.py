"""The async client and event loops: several of them, their ends, cancellation, and many calls at once.

It runs against the embedded server, in asyncio's debug mode, with every warning an error.
"""

import asyncio
import gc
import io
import os
import random
import subprocess
import sys
import threading
import time

import pytest

from aidial_min import AsyncDial, AsyncDialClientPool, DialException, DialTimeoutError, Limits, Timeout
from aidial_min.testing import DialServer
from tests.fuzz.cases import TIMES
from tests.support.patience import PATIENCE

HELLO = [{"role": "user", "content": "hello"}]
CANCELLED, ASKED = min(100 * TIMES, 400), min(250 * TIMES, 1000)


@pytest.fixture(scope="module")
def server():
    with DialServer() as running:
        yield running


def run(coroutine):
    return asyncio.run(coroutine, debug=True)


def connected_to(server):
    """How many sockets of this process are connected to the server's port, as the kernel lists them."""
    port = "%04X" % server.port
    with open("/proc/net/tcp") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    mine = {os.readlink("/proc/self/fd/" + fd) for fd in os.listdir("/proc/self/fd") if is_socket(fd)}
    return sum(1 for row in rows if row[2].endswith(":" + port) and "socket:[%s]" % row[9] in mine)


def is_socket(fd):
    try:
        return os.readlink("/proc/self/fd/" + fd).startswith("socket:")
    except OSError:
        return False


linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts sockets in /proc")


@linux_only
def test_one_client_serves_five_loops_and_leaves_nothing_open(server):
    client = AsyncDial(base_url=server.url, api_key=server.api_key)

    async def work():
        answer = await client.chat.completions.create(deployment_name="echo", messages=HELLO)
        async for _ in await client.chat.completions.create(deployment_name="echo", messages=HELLO, stream=True):
            pass
        await asyncio.gather(*[client.bucket.get_raw() for _ in range(10)])
        return answer.choices[0].message.content

    for _ in range(5):
        assert run(work()) == "hello"
        gc.collect()
        assert connected_to(server) == 0


def test_of_a_loop_that_has_ended_nothing_is_counted(server):
    client = AsyncDial(base_url=server.url, api_key=server.api_key)

    async def main():
        await asyncio.gather(*(client.bucket.get_bucket() for _ in range(3)))
        assert client._transport.statistics().idle >= 1

    for _ in range(2):
        asyncio.run(main())
        assert client._transport.statistics() == (0, 0, 0, 0)
    asyncio.run(client.aclose())


def test_five_loops_warn_of_nothing_in_a_fresh_process(server):
    script = (
        "import asyncio, sys, gc\n"
        "from aidial_min import AsyncDial\n"
        "client = AsyncDial(base_url=sys.argv[1], api_key=sys.argv[2])\n"
        "async def work():\n"
        "    asyncio.get_running_loop().slow_callback_duration = 60\n"  # a busy machine is no warning of ours
        "    stream = await client.chat.completions.create(\n"
        "        deployment_name='echo', messages=[{'role': 'user', 'content': 'a b c'}], stream=True)\n"
        "    async for chunk in stream:\n"
        "        break\n"  # and not closed
        "    await asyncio.gather(*[client.bucket.get_raw() for _ in range(5)])\n"
        "for _ in range(5):\n"
        "    asyncio.run(work())\n"
        "    gc.collect()\n"
        "print('done')\n"
    )
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", script, server.url, server.api_key],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


@linux_only
def test_a_loop_that_is_closed_without_its_end_loses_its_sockets_at_the_next_call(server):
    # In a process of its own: asyncio may warn of such a loop's transports, whose sockets are closed already.
    script = (
        "import asyncio, os, sys\n"
        "from aidial_min import AsyncDial\n"
        "client = AsyncDial(base_url=sys.argv[1], api_key=sys.argv[2])\n"
        "def sockets():\n"
        "    return sum(1 for fd in os.listdir('/proc/self/fd')\n"
        "               if os.path.islink('/proc/self/fd/' + fd) and 'socket:' in os.readlink('/proc/self/fd/' + fd))\n"
        "loop = asyncio.new_event_loop()\n"
        "loop.run_until_complete(client.bucket.get_raw())\n"
        "loop.close()\n"
        "left = sockets()\n"
        "asyncio.run(client.bucket.get_raw())\n"
        "print(left, sockets())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, server.url, server.api_key], capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "1 0\n", done.stderr


@linux_only
def test_a_storm_of_cancellations_leaves_the_cache_whole(server):
    async def storm():
        dice = random.Random(1)
        client = AsyncDial(base_url=server.url, api_key=server.api_key, limits=Limits(10, 10, 30))

        async def one():
            kind = dice.randrange(4)
            if kind == 0:
                await client.bucket.get_raw()
            elif kind == 1:
                stream = await client.chat.completions.create(deployment_name="echo", messages=HELLO, stream=True)
                async for _ in stream:
                    await asyncio.sleep(0)
            elif kind == 2:
                await client.files.upload(await client.my_files_home() / "storm.bin", b"x" * 300000)
            else:
                response = await client.files.download(await client.my_files_home() / "storm.bin")
                await response.aget_content()

        await client.files.upload(await client.my_files_home() / "storm.bin", b"x" * 300000)
        cancelled = 0
        for _ in range(CANCELLED):
            tasks = [asyncio.ensure_future(one()) for _ in range(20)]
            await asyncio.sleep(dice.random() * 0.02)
            for task in dice.sample(tasks, 14):
                cancelled += task.cancel()
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                assert outcome is None or isinstance(outcome, asyncio.CancelledError), outcome
            if cancelled >= CANCELLED:
                break
        assert cancelled >= CANCELLED
        del tasks, task, outcome  # their tracebacks hold streams that were cancelled between two chunks
        gc.collect()
        await asyncio.gather(*[client.bucket.get_raw() for _ in range(100)])
        now = client._transport.statistics()
        assert (now.taken, now.waiting) == (0, 0)
        assert connected_to(server) == now.open == now.idle <= 10
        await client.aclose()
        assert connected_to(server) == 0

    run(storm())


def test_many_completions_at_once_share_a_tenth_of_the_connections(server):
    async def many():
        async with AsyncDial(
            base_url=server.url, api_key=server.api_key, limits=Limits(ASKED // 10, ASKED // 10, 30)
        ) as client:

            async def ask(number):
                words = "prompt %d" % number
                answer = await client.chat.completions.create(
                    deployment_name="echo", messages=[{"role": "user", "content": words}]
                )
                return answer.choices[0].message.content == words

            return await asyncio.gather(*[ask(number) for number in range(ASKED)])

    answers = asyncio.run(many())
    assert len(answers) == ASKED and all(answers)


def test_waiting_for_a_connection_is_bounded_and_in_turn(server):
    async def crowd():
        limits = Limits(max_connections=1)
        async with AsyncDial(base_url=server.url, api_key=server.api_key, limits=limits) as client:
            stream = await client.chat.completions.create(deployment_name="echo", messages=HELLO, stream=True)
            with pytest.raises(DialTimeoutError) as caught:
                await client.with_options(timeout=Timeout(pool=0.05), max_retries=0).bucket.get_raw()
            assert caught.value.limit == "pool" and caught.value.request_sent == "no"
            order = []

            async def call(number):
                await client.bucket.get_raw()
                order.append(number)

            waiting = [asyncio.ensure_future(call(number)) for number in range(5)]
            await asyncio.sleep(0)
            await stream.close()
            await asyncio.gather(*waiting)
            return order

    assert run(crowd()) == [0, 1, 2, 3, 4]


def test_the_total_limit_is_for_a_slow_credential_too(server):
    async def never():
        await asyncio.sleep(60)
        return "key-of-a-test"

    async def main():
        async with AsyncDial(base_url=server.url, api_key=never, timeout=Timeout(total=0.1)) as client:
            with pytest.raises(DialTimeoutError) as caught:
                await client.bucket.get_bucket()
            assert caught.value.limit == "total" and caught.value.request_sent == "no"
            assert "GET /v1/bucket" in str(caught.value)

    run(main())


def test_credentials_may_be_coroutine_functions_asked_at_every_attempt(server):
    asked = []

    async def key():
        await asyncio.sleep(0)
        asked.append(1)
        return server.api_key

    async def work():
        async with AsyncDial(base_url=server.url, api_key=key) as client:
            await client.bucket.get_raw()
            await client.bucket.get_raw()
            return await client.auth_headers()

    assert run(work()) == {"api-key": server.api_key}
    assert len(asked) == 3


def test_closing_a_client_of_a_pool_leaves_the_pool_alone(server):
    async def work():
        async with AsyncDialClientPool() as pool:
            first = pool.create_client(base_url=server.url, api_key=server.api_key)
            second = pool.create_client(base_url=server.url, api_key=server.api_key)
            await first.bucket.get_raw()
            await first.aclose()
            await second.bucket.get_raw()
            assert pool._transport.statistics().open == 1
        with pytest.raises(DialException, match="closed"):
            await second.bucket.get_raw()

    run(work())


class Heart:
    """Beats as long as its loop goes round, so that a disk can take its time until it has."""

    def __init__(self):
        self.beats = 0
        self.stopped = False

    async def beat(self):
        while True:
            self.beats += 1
            await asyncio.sleep(0.001)

    def wait(self):
        wanted, deadline = self.beats + 3, time.monotonic() + PATIENCE
        while self.beats < wanted and not self.stopped:
            self.stopped = time.monotonic() > deadline
            time.sleep(0.001)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_slow_disk_does_not_stop_the_loop(server, tmp_path):
    content, heart = io.BytesIO(os.urandom(1_000_000)), Heart()
    target = tmp_path / "pipe"
    os.mkfifo(target)
    back = []

    class Source:
        def read(self, size=-1):
            heart.wait()
            return content.read(min(size, 100_000))

    def take():
        with target.open("rb") as pipe:
            piece = b"not its end"
            while piece:
                heart.wait()
                piece = pipe.read(100_000)
                back.append(piece)

    async def work():
        beating = asyncio.ensure_future(heart.beat())
        async with AsyncDial(base_url=server.url, api_key=server.api_key) as client:
            url = await client.my_files_home() / "big.bin"
            await client.files.upload(url, ("big.bin", Source()))
            await (await client.files.download(url)).awrite_to(target)
        await asyncio.get_running_loop().run_in_executor(None, taker.join, PATIENCE)
        beating.cancel()

    taker = threading.Thread(target=take, daemon=True)
    taker.start()
    run(work())
    assert not heart.stopped
    assert b"".join(back) == content.getvalue()
