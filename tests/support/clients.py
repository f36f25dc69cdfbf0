"""Both clients behind one blocking interface, so that one test speaks for both.

``with client_of("async", base_url=...) as call: call(lambda c: c.bucket.get_raw())``: the async client runs on a loop
of its own, in asyncio's debug mode unless `debug` is False: that mode looks at how what waits uses the loop, which is
the same for every operation, and takes a third of a test's time. It must not know any operation.
"""

import asyncio
import inspect
from contextlib import contextmanager

from aidial_min import AsyncDial, Dial

KINDS = ("sync", "async")


@contextmanager
def client_of(kind, debug=True, **settings):
    """A client of that kind; what the block is given calls a function with it and waits for what comes back."""
    settings.setdefault("api_key", "key-of-a-test")
    settings.setdefault("trust_env", False)
    if kind == "sync":
        with Dial(**settings) as client:
            yield lambda function: function(client)
        return
    loop = asyncio.new_event_loop()
    loop.set_debug(debug)
    client = AsyncDial(**settings)

    async def wait(function):
        outcome = function(client)
        if inspect.isasyncgen(outcome):
            return [item async for item in outcome]
        return await outcome if inspect.isawaitable(outcome) else outcome

    try:
        yield lambda function: loop.run_until_complete(wait(function))
    finally:
        loop.run_until_complete(client.aclose())
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


def opened_download(client, url="files/b/x"):
    """A download that is still coming, of either client; whoever holds it closes it."""
    opened = client.files.stream_download(url)

    def kept(response):
        response.opened = opened  # else its `with` block ends when nobody holds it
        return response

    async def enter():
        return kept(await opened.__aenter__())

    return kept(opened.__enter__()) if isinstance(client, Dial) else enter()
