"""The storage in a folder: what was stored is there again after a restart.

There is one file per resource, a line of JSON about it and then its bytes, named by a hash because keys may be longer
than a file name and differ in case only. Writes are atomic: a new file takes the place of the old one when it is whole.
What a killed server or a power cut left half done is no reason not to start: pieces of writes that were not finished
are removed, files that can't be read are left out, with a warning.
"""

import hashlib
import json
import logging
import os
import tempfile
from pathlib import Path
from typing import Any, Callable, Union

from .http import Content
from .storage import Item, Storage

_log = logging.getLogger(__name__)


class DiskStorage(Storage):
    def __init__(self, now: Callable[[], int], folder: Union[str, Path]) -> None:
        super().__init__(now)
        self._resources = Path(folder, "resources")
        self._state = Path(folder, "state")
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
                    super().keep(path.stem, json.loads(path.read_text(encoding="utf-8")))
            except (ValueError, KeyError, TypeError) as error:
                _log.warning("%s can't be read, and is left out: %s", path, error)

    def keep(self, name: str, value: Any) -> None:
        super().keep(name, value)
        self._write(self._state / f"{name}.json", json.dumps(value).encode())

    def clear(self) -> None:
        super().clear()
        for path in self._state.glob("*.json"):
            path.unlink()

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
