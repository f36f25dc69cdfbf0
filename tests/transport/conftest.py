"""What the tests of the transport share: many collect garbage, and look at what it says."""

import gc

import pytest


@pytest.fixture(scope="package", autouse=True)
def collecting_is_quick():
    """A test collects what it has left behind; what was there before need not be looked at each time."""
    gc.collect()
    gc.freeze()
