"""Walks every module and public name of aidial-client 0.18.0: what aidial_min.compat does not cover stands here."""

import fnmatch
import json
import os
import subprocess
from typing import Dict, List

import pytest

from aidial_min import compat

from ..support.names import official_names
from .test_differential import HERE, VARIABLE, why_not

INSIDE = "plumbing of the official client on httpx, pydantic and openai"
CREDENTIALS = "client.auth_headers() gives the same"
ADDRESSES = "client.files.get_storage_resource() and the like read addresses"
CONSTANTS = "words of its own URLs and pauses, which do not set anything here"
LEGACY = "pydantic models of requests that nothing in 0.18.0 takes; create() takes dicts and the models of types"

NOT_COVERED: Dict[str, str] = {
    "*:AsyncResource *:Resource *:*HTTPClient *:FinalRequestOptions *:Extra*Model *:remove_none": INSIDE,
    "*:StrictStr *:to_camel": INSIDE,
    "*:PYDANTIC_V2 *:AuthValueT *:*data_events *:convert_openai_* *:JsonRpc* *:NotGiven *:NOT_GIVEN": INSIDE,
    "_auth:*get_* *:validate_auth": CREDENTIALS,
    "helpers.storage_resource:* *:DialStorageResourceMixin": ADDRESSES,
    "*:split_relative_segments *:StorageResourceTypeV2": ADDRESSES,
    "*_PREFIX *_PREFIX_V? *_RETRY_DELAY _client*:DEFAULT_* _client:enforce_trailing_slash": CONSTANTS,
    "types.chat.legacy.*:*": LEGACY,
    "resources.application:ApplicationType": "types.application.Application, there under another name",
}
"""Patterns of `module:name`, and why there is nothing of the kind."""


def names_there() -> Dict[str, List[str]]:
    reason = why_not("aidial-client")
    if reason:
        pytest.skip(reason)
    command = [os.environ[VARIABLE], "-W", "ignore", str(HERE / "official_names.py")]
    ran = subprocess.run(command, stdout=subprocess.PIPE, timeout=120, check=True)
    return json.loads(ran.stdout)  # type: ignore[no-any-return]


def covered_by(place: str, table: Dict[str, str]) -> bool:
    return any(place == other or place.startswith(other + ".") for other in table)


def test_every_module_is_covered_or_has_a_reason() -> None:
    official = names_there()
    assert len(official) > 55  # a walk that finds nothing would pass as well
    assert [place for place in official if place not in compat.PATHS and not covered_by(place, compat.UNCOVERED)] == []
    assert [place for place in (*compat.PATHS, *compat.UNCOVERED) if place not in official] == []


def test_every_name_is_covered_or_has_a_reason() -> None:
    missing = [
        "%s:%s" % (place, name)
        for place, names in names_there().items()
        for name in names
        if place in compat.PATHS and compat._meaning(place, name) is None
    ]
    patterns = [pattern for patterns in NOT_COVERED for pattern in patterns.split()]
    matched = {pattern: fnmatch.filter(missing, pattern) for pattern in patterns}
    explained = {name for names in matched.values() for name in names}
    assert [name for name in missing if name not in explained] == []
    assert [pattern for pattern, names in matched.items() if not names] == []  # these are covered now


def test_no_listed_name_is_invented() -> None:
    official, listed = names_there(), official_names()
    invented = {place: set(names) - set(official[place]) for place, names in listed.items()}
    assert [(place, names) for place, names in invented.items() if names] == []
