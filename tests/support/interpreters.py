"""Tests that take seconds, and differ between the oldest and the newest interpreter if anywhere: they run on those."""

import sys

import pytest

long = pytest.mark.skipif((3, 9) < sys.version_info[:2] < (3, 13), reason="it takes seconds: oldest and newest only")
