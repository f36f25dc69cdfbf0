"""Tests that take seconds, and differ between the oldest and the newest interpreter if anywhere.

They run on those where `LONG` is set, as CI sets it: bundles, copies of the package, and what holds memory flat.
"""

import os
import sys

import pytest

MIDDLE = (3, 9) < sys.version_info[:2] < (3, 13)
long = pytest.mark.skipif(MIDDLE or not os.environ.get("LONG"), reason="it takes seconds: with LONG=1, on 3.9 and 3.13")
