"""What holds for all tests: Ctrl-C means what it means at a terminal, and garbage is looked for among what is new.

A shell script starts what runs in the background with SIGINT ignored, and every child of the tests would inherit that:
those that are to end by Ctrl-C never would.
"""

import gc
import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish():
    """The tests themselves stay to the end: else every `gc.collect()` of a test would walk over thousands of them."""
    gc.collect()
    gc.freeze()
