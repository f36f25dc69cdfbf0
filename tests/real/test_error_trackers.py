"""What an error tracker sends home when a call fails: no credential.

AIDIAL_TRACKER_PYTHON names a Python with sentry-sdk, in an environment of its own:

    python3 -m venv tracker && tracker/bin/pip install sentry-sdk
    AIDIAL_TRACKER_PYTHON=tracker/bin/python python3 -m pytest tests/real/test_error_trackers.py
"""

import json
import os
import subprocess
from pathlib import Path

import pytest

from aidial_min.testing import DialServer

ROOT = Path(__file__).resolve().parents[2]
PYTHON = os.environ.get("AIDIAL_TRACKER_PYTHON")
KEY = "sesame-open"

PROGRAM = """
import asyncio, json, sys
import sentry_sdk

events = []
keep = lambda event, hint: events.append(event)
sentry_sdk.init(dsn="http://public@127.0.0.1:9/1", before_send=keep, event_scrubber=None)
sys.path.insert(0, sys.argv[1])
from aidial_min import AsyncDial, Dial

url, key = sys.argv[2:]
hello = {"deployment_name": "echo", "messages": [], "extra_headers": {"X-Api-Key": key}}

def report(function):
    try:
        function()
    except Exception as error:
        sentry_sdk.capture_exception(error)

async def ask():
    async with AsyncDial(base_url=url, api_key=key, max_retries=0) as client:
        await client.chat.completions.create(**hello)

report(lambda: Dial(base_url=url, api_key=key + "\\n\\0"))
report(lambda: Dial(base_url=url, api_key=key, timeout=-1))
report(lambda: Dial(base_url=url, api_key=key, max_retries=0).bucket.get_raw())
report(lambda: Dial(base_url=url, api_key=key, max_retries=0).chat.completions.create(**hello))
report(lambda: asyncio.run(ask()))
ours = [
    frame
    for event in events
    for error in event["exception"]["values"]
    for frame in error["stacktrace"]["frames"]
    if frame["module"].startswith("aidial_min")
]
print(json.dumps([len(events), ours], default=repr))
"""


@pytest.mark.skipif(
    not PYTHON, reason="AIDIAL_TRACKER_PYTHON names no Python with sentry-sdk (see the top of this file)"
)
def test_sentry_is_sent_no_credential():
    with DialServer(keys={KEY: "first"}) as server:
        server.fail(500, times=9)
        command = [PYTHON, "-c", PROGRAM, str(ROOT), server.url, KEY]
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=60).stdout
    events, frames = json.loads(said)
    assert events == 5 and any(frame["vars"] for frame in frames), "Sentry takes the variables along"
    assert not [frame for frame in frames if KEY in json.dumps(frame["vars"])]
