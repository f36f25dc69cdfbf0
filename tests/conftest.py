"""What holds for all tests: Ctrl-C means what it means at a terminal.

A shell script starts what runs in the background with SIGINT ignored, and every child of the tests would inherit that:
those that are to end by Ctrl-C never would.
"""

import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
