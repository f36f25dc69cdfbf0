"""What holds for all tests: Ctrl-C means what it means at a terminal, and garbage is looked for among what is new.

None is looked for while tests are collected: assertions are rewritten then, and nearly all that is made stays.

asyncio's debug mode notes where each of its callbacks was made, ten calls deep, which takes longer than what is tested:
here it notes one.

A shell script starts what runs in the background with SIGINT ignored, and every child of the tests would inherit that:
those that are to end by Ctrl-C never would.
"""

import asyncio.constants
import gc
import signal

gc.disable()
asyncio.constants.DEBUG_STACK_DEPTH = 1
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish():
    """The tests themselves stay to the end: else every `gc.collect()` of a test would walk over thousands of them."""
    gc.collect()
    gc.freeze()
    gc.enable()
