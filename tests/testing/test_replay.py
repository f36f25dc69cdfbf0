"""Every exchange that was recorded from a running DIAL Core, replayed in order against the embedded server.

Compared are status, header names in their order and spelling, the header values that mean something, framing, and the
body: text exactly, JSON with the same keys, types and values, but for ids and times.
"""

import base64
import gzip
import json
import re
from collections.abc import Iterator
from typing import Any, Optional

import pytest

from . import recorded_core as recorded
from .raw_client import Answer, Raw, request_bytes

#: Differences that are meant: (area, title) -> (what differs, why).
KEPT: dict[tuple[str, str], tuple[str, str]] = {
    ("applications", title): ("etag", "the stored text holds a reference, which is new for every application")
    for title in ("save", "get", "metadata")
}
TIMES = {"createdAt", "updatedAt", "timestamp", "expireAt", "created"}
IDS = {"id", "reference", "reviewUrl"}
SAME_VALUE = {
    "access-control-allow-origin", "access-control-expose-headers", "access-control-max-age", "content-type", "etag",
    "content-encoding", "X-UPSTREAM-ATTEMPTS", "server", "connection", "transfer-encoding", "content-length",
}  # fmt: skip
DATE = re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT")
EXCHANGES = recorded.exchanges()


class Replay:
    """One run through all exchanges: what differed, by number."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.raw: Optional[Raw] = None
        self.names: dict[str, str] = {}
        self.differences: list[list[str]] = []

    def run(self) -> None:
        try:
            for exchange in EXCHANGES:
                self.found: list[str] = []
                self.one(exchange)
                self.differences.append(self.found)
        finally:
            self.drop()

    def drop(self) -> None:
        if self.raw is not None:
            self.raw.close()
            self.raw = None

    def one(self, exchange: dict[str, Any]) -> None:
        request, expected = exchange["request"], exchange["response"]
        self.raw = self.raw or Raw(self.port)
        self.raw.send(self.bytes_of(request))
        if not exchange["answered"]:
            if not self.raw.nothing_comes(0.1):
                self.found.append("there is an answer")
            self.drop()
        elif expected is not None:
            try:
                answer = self.raw.answer(request["method"])
            except (AssertionError, OSError, ValueError) as error:
                self.found.append(f"no proper answer: {error!r}")
                self.drop()
                return
            self.compare(expected, answer)
            if answer.version == "HTTP/1.0" or answer.status == 413:
                self.drop()
        else:
            self.drop()  # a stream that was recorded by hand; test_server_storage.py looks at it

    def bytes_of(self, request: dict[str, Any]) -> bytes:
        body = request["body"]
        if isinstance(body, dict):
            head = b'--B\r\nContent-Disposition: form-data; name="file"; filename="big.bin"\r\n'
            head += b"Content-Type: application/octet-stream\r\n\r\n"
            data = head + b"8" * (body["bytes"] - len(head) - 9) + b"\r\n--B--\r\n"
        else:
            data = self.current(body).encode()
        headers = dict(request["headers"])
        if len(data) > 100 or "content-length" not in {name.lower() for name in headers} or data[:1] == b"{":
            headers.pop("Content-Length", None)
        return request_bytes(request["method"], self.current(request["path"]), headers, data)

    def current(self, text: str) -> str:
        for name, value in self.names.items():
            text = text.replace(name, value)
        return text

    # What was recorded and what came

    def compare(self, expected: dict[str, Any], answer: Answer) -> None:
        if answer.status != expected["status"]:
            self.found.append(f"status {answer.status} instead of {expected['status']}: {answer.body[:200]!r}")
            return
        same_length = self.compare_body(expected, answer)
        names = [name for name, _ in answer.headers]
        if names != list(expected["headers"]):
            self.found.append(f"headers {names} instead of {list(expected['headers'])}")
        for name, value in answer.headers:
            recorded_value = expected["headers"].get(name)
            if name == "date" and not DATE.fullmatch(value):
                self.found.append(f"date {value}")
            if name in SAME_VALUE and value != recorded_value and not (name == "content-length" and not same_length):
                self.found.append(f"{name}: {value} instead of {recorded_value}")

    def compare_body(self, expected: dict[str, Any], answer: Answer) -> bool:
        """Compare the bodies; say whether the length has to be the recorded one."""
        wanted, body = expected["body"], answer.body
        if isinstance(wanted, dict):
            wanted = gzip.decompress(base64.b64decode(wanted["base64"])).decode()
            body = gzip.decompress(body)
        text = body.decode()
        if wanted.startswith("data: "):
            self.compare_events(wanted, text, answer)
        elif wanted[:1] in ("{", "["):
            self.compare_json(json.loads(wanted), json.loads(text), "")
            # What depends on ids, times or the zlib at hand has a length of its own.
            return not re.search('"bucket"|BUCKET|invitation|created', wanted) and body is answer.body
        elif text != self.current(wanted):
            self.found.append(f"body {text!r} instead of {self.current(wanted)!r}")
        return "BUCKET" not in wanted

    def compare_events(self, wanted: str, text: str, answer: Answer) -> None:
        there, here = wanted.split("\n\n"), text.split("\n\n")
        if len(there) != len(here):
            self.found.append(f"{len(here)} events instead of {len(there)}")
        if answer.header("content-encoding") is None and answer.chunks is not None:
            if [chunk.decode() for chunk in answer.chunks] != [event + "\n\n" for event in here[:-1]]:
                self.found.append("chunks and events do not fall together")
        for number, (one, two) in enumerate(zip(there, here)):
            if one.startswith("data: {") and two.startswith("data: {"):
                self.compare_json(json.loads(one[6:]), json.loads(two[6:]), f"event {number}")
                if list(json.loads(one[6:])) != list(json.loads(two[6:])):
                    self.found.append(f"event {number}: fields in another order")
            elif one != two:
                self.found.append(f"event {number}: {two!r} instead of {one!r}")

    def compare_json(self, there: Any, here: Any, path: str, key: str = "") -> None:
        if type(there) is not type(here):
            self.found.append(f"{path}: {here!r} instead of {there!r}")
        elif isinstance(there, dict):
            if set(there) != set(here):
                self.found.append(f"{path}: fields {sorted(here)} instead of {sorted(there)}")
            for name in there:
                if name in here:
                    self.compare_json(there[name], here[name], f"{path}.{name}", name)
        elif isinstance(there, list):
            if len(there) != len(here):
                self.found.append(f"{path}: {len(here)} elements instead of {len(there)}")
            for number, (one, two) in enumerate(zip(there, here)):
                self.compare_json(one, two, f"{path}.{number}", key)
        elif isinstance(there, str) and there[:12] == '{"headers": ':
            self.compare_json(_application_saw(there), _application_saw(here), path)
        elif there != here and key not in TIMES:
            self.compare_value(there, here, path, key)

    def compare_value(self, there: Any, here: Any, path: str, key: str) -> None:
        if isinstance(there, str) and self.current(there) == here:
            return
        if key in ("bucket", "url", "invitationLink") or key in IDS:
            # Ids are learned where they first come up, and have to stay the same from there on.
            parts = list(zip(there.split("/"), here.split("/")))
            unknown = [(one, two) for one, two in parts if self.names.get(one, one) != two]
            if len(there.split("/")) == len(here.split("/")) and all(
                re.fullmatch("BUCKET.|USERBUCKET|[0-9a-zA-Z-]{20,}", one) and one not in self.names
                for one, _ in unknown
            ):
                self.names.update(unknown)
                return
        self.found.append(f"{path}: {here!r} instead of {there!r}")


def _application_saw(text: str) -> Any:
    """What the application was sent; a trace id is new every time."""
    seen = json.loads(text)
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-01", seen["headers"].pop("traceparent"))
    return seen


@pytest.fixture(scope="module")
def replay() -> Iterator[Replay]:
    with recorded.server() as server:
        run = Replay(server.port)
        run.run()
        yield run


@pytest.mark.parametrize(
    "number", range(len(EXCHANGES)), ids=lambda n: f"{EXCHANGES[n]['area']}-{EXCHANGES[n]['title']}"
)
def test_exchange(replay: Replay, number: int) -> None:
    exchange = EXCHANGES[number]
    found = replay.differences[number]
    kept = KEPT.get((exchange["area"], exchange["title"]))
    if kept is not None:
        assert found, "this difference is gone: take it out of the table"
        found = [difference for difference in found if kept[0] not in difference]
    assert not found, "\n".join(found)


def test_all_of_it_was_recorded() -> None:
    assert len(EXCHANGES) == 281
    assert {area for area, _ in KEPT} <= {exchange["area"] for exchange in EXCHANGES}
