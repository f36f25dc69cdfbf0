"""What is stored: contents with their etags and times, listings in pages, change events.

Keys are "Keys/one/files/folder/a.txt"; one lock guards it all. Whoever asks has been let in before. `Storage` forgets
with the server, `DiskStorage` does not.
"""

import bisect
import hashlib
import json
import logging
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Optional, Union

from .http import Content, HttpError, refuse_if
from .paths import ResourceUrl

_log = logging.getLogger(__name__)


@dataclass
class Item:
    """One stored resource. Its content is never changed in place."""

    content: Content
    content_type: str
    etag: str
    created_at: int
    updated_at: int

    def json(self) -> Any:
        return json.loads(bytes(self.content))


@dataclass
class Precondition:
    """The If-Match and If-None-Match of one request, as raw header values."""

    match: Optional[str] = None
    none_match: Optional[str] = None
    newer: bool = False

    def __post_init__(self) -> None:
        if self.none_match is not None and self.none_match != "*" and not self.newer:
            raise HttpError(400, "only header if-none-match=* is supported")

    def check(self, item: Optional[Item]) -> None:
        """Nothing is checked on a resource that does not exist."""
        if item is None:
            return
        if self.none_match is not None and (self.none_match == "*" or item.etag in self._tags(self.none_match)):
            refuse_if(self.newer, 412, f"if-none-match condition is failed for etag: {item.etag}")
            raise HttpError(412, "Resource already exists")
        if self.match and self.match != "*" and item.etag not in self._tags(self.match):
            refuse_if(self.newer, 412, f"If-match condition is failed for etag: {item.etag}")
            raise HttpError(412, f"ETag {self.match} is rejected")

    def _tags(self, value: str) -> list[str]:
        # Core of 2024 does not trim blanks in a list.
        tags = [tag.strip() if self.newer else tag for tag in value.split(",")]
        return [tag[1:-1] if len(tag) > 1 and tag[0] == tag[-1] == '"' else tag for tag in tags]


ALWAYS = Precondition()
Page = tuple[list[tuple[ResourceUrl, Optional[Item]]], Optional[str]]
Listener = Callable[[str, str, int, Optional[str]], None]


class Storage:
    def __init__(self, now: Callable[[], int]) -> None:
        self.lock = threading.RLock()
        self._now = now
        self._items: dict[str, Item] = {}
        self._keys: list[str] = []
        self._listeners: list[Listener] = []
        self._kept: dict[str, Any] = {}

    def get(self, resource: ResourceUrl) -> Optional[Item]:
        return self._items.get(resource.key)

    def put(
        self,
        resource: ResourceUrl,
        content: Content,
        content_type: str = "application/json",
        precondition: Precondition = ALWAYS,
    ) -> Item:
        etag = hashlib.md5(content, usedforsecurity=False).hexdigest()
        with self.lock:
            before = self._items.get(resource.key)
            precondition.check(before)
            now = self._now()
            item = Item(content, content_type, etag, before.created_at if before else now, now)
            self._store(resource.key, item)
        self._tell(resource, "UPDATE" if before else "CREATE", item)
        return item

    def delete(self, resource: ResourceUrl, precondition: Precondition = ALWAYS) -> bool:
        with self.lock:
            item = self._items.get(resource.key)
            precondition.check(item)
            if item is None:
                return False
            self._remove(resource.key)
        self._tell(resource, "DELETE", None)
        return True

    def list(self, folder: ResourceUrl, recursive: bool, limit: int, token: Optional[str]) -> Page:
        """One page: (resource, item or None for a folder) in the order of their keys, and the next token."""
        prefix = folder.key
        found: list[tuple[ResourceUrl, Optional[Item]]] = []
        last = ""
        with self.lock:
            place = bisect.bisect_right(self._keys, max(prefix, token or ""))
            while place < len(self._keys) and self._keys[place].startswith(prefix):
                key = self._keys[place]
                name, slash, _ = key[len(prefix) :].partition("/")
                if recursive or not slash:
                    entry = folder.below(key[len(prefix) :])
                    item = None if entry.folder else self._items[key]
                    place += 1
                else:
                    key = prefix + name + "/"
                    entry, item = folder.below(name + "/"), None
                    place = bisect.bisect_left(self._keys, prefix + name + "0")  # "0" follows "/"
                    if token is not None and key <= token:
                        continue
                if len(found) == limit:
                    return found, last or None
                found.append((entry, item))
                last = key
        return found, None

    @contextmanager
    def change(self) -> Iterator[None]:
        """Have the storage alone. What areas keep in it is changed within this only, and is kept at its end."""
        with self.lock:
            yield
            self._keep()

    def kept(self, name: str, empty: Any) -> Any:
        """What an area of the server keeps beside the resources, under a name of its own; `empty` at first."""
        return self._kept.setdefault(name, empty)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener(key, action, timestamp, etag)` on every change until the returned function is called."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def clear(self) -> None:
        with self.lock:
            for key in list(self._keys):
                self._remove(key)
            self._kept.clear()

    def _keep(self) -> None:
        """Nothing outlives this storage."""

    def _store(self, key: str, item: Item) -> None:
        if key not in self._items:
            bisect.insort(self._keys, key)
        self._items[key] = item

    def _remove(self, key: str) -> None:
        del self._items[key]
        del self._keys[bisect.bisect_left(self._keys, key)]

    def _tell(self, resource: ResourceUrl, action: str, item: Optional[Item]) -> None:
        if self._listeners:
            timestamp = item.updated_at if item else self._now()
            for listener in list(self._listeners):
                listener(resource.key, action, timestamp, item.etag if item else None)


class DiskStorage(Storage):
    """The storage in a folder: what was stored is there again after a restart.

    There is one file per resource, a line of JSON about it and then its bytes, named by a hash because keys may be
    longer than a file name and differ in case only. Writes are atomic: a new file takes the place of the old one when
    it is whole. What a killed server or a power cut left half done is no reason not to start: pieces of unfinished
    writes are removed, files that can't be read are left out, with a warning.
    """

    def __init__(self, now: Callable[[], int], folder: Union[str, Path]) -> None:
        super().__init__(now)
        self._resources = Path(folder, "resources")
        self._state = Path(folder, "state")
        self._written: dict[str, bytes] = {}
        for place in (self._resources, self._state):
            place.mkdir(parents=True, exist_ok=True)
            for unfinished in place.glob("*.part"):
                unfinished.unlink()
        self._load()

    def _load(self) -> None:
        for path in sorted([*self._resources.glob("*.res"), *self._state.glob("*.json")]):
            try:
                if path.suffix == ".res":
                    super()._store(*_read(path))
                else:
                    self._kept[path.stem] = json.loads(path.read_text(encoding="utf-8"))
            except (ValueError, KeyError, TypeError) as error:
                _log.warning("%s can't be read, and is left out: %s", path, error)

    def clear(self) -> None:
        super().clear()
        self._written.clear()
        for path in self._state.glob("*.json"):
            path.unlink()

    def _keep(self) -> None:
        for name, value in self._kept.items():
            written = json.dumps(value).encode()
            if written != self._written.get(name):
                self._write(self._state / f"{name}.json", written)
                self._written[name] = written

    def _store(self, key: str, item: Item) -> None:
        about = {"key": key, "type": item.content_type, "created": item.created_at, "updated": item.updated_at}
        self._write(self._place(key), json.dumps({**about, "etag": item.etag}).encode() + b"\n", item.content)
        super()._store(key, item)

    def _remove(self, key: str) -> None:
        super()._remove(key)
        self._place(key).unlink()

    def _place(self, key: str) -> Path:
        return self._resources / (hashlib.sha256(key.encode("utf-8", "replace")).hexdigest() + ".res")

    def _write(self, path: Path, *pieces: Content) -> None:
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".part")
        try:
            with open(handle, "wb") as file:
                for piece in pieces:
                    file.write(piece)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise


def _read(path: Path) -> "tuple[str, Item]":
    with path.open("rb") as file:
        about = json.loads(file.readline())
        content = file.read()
    item = Item(content, about["type"], about["etag"], about["created"], about["updated"])
    return about["key"], item


def about(resource: ResourceUrl, item: Item) -> dict[str, Any]:
    """What PUT and metadata say of an item, after its node."""
    described: dict[str, Any] = {"createdAt": item.created_at, "updatedAt": item.updated_at, "etag": item.etag}
    if resource.type == "files":
        described.update(contentLength=len(item.content), contentType=item.content_type)
    return described
