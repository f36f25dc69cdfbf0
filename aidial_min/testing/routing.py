"""How an endpoint is declared, a line above its handler, and the `Call` that the handler gets.

    @endpoint("DELETE /v1/files/{bucket}/{path}", needs=WRITE, folder="Can't delete a folder")
    def delete(call: Call) -> None:
        call.core.remove(call.resource, call.precondition())

The path is a regular expression in which {names} stand for what varies; they become the handler's arguments. Of two
patterns that fit, the one that spells out more is taken. A handler returns a `Response`, something to answer as JSON,
or None for an empty 200.
"""

import re
from contextlib import nullcontext
from functools import lru_cache
from re import Pattern
from typing import Any, Callable, NamedTuple, Optional, TypeVar
from urllib.parse import parse_qsl

from .auth import Caller
from .deployments import Deployment
from .http import Request, Response, as_json, refuse_if
from .json_shapes import Json, operation
from .paths import ResourceUrl, decode_path, from_path
from .state import Core
from .storage import Precondition

Handler = TypeVar("Handler", bound=Callable[..., Any])
_PLACE = re.compile(r"\{(\w+)(?::([^{}]*))?\}")
_PLACES = {"bucket": "[a-zA-Z0-9]+", "path": ".*", "invitation": "[a-zA-Z0-9]+"}
#: What may be percent-encoded, and is decoded once.
_ENCODED = {"id", "file", "service", "response"}
_TYPES = "files|conversations|prompts|applications"


class Call:
    """One request with its caller, as handlers see it."""

    #: What the path names, where its pattern has a bucket and a path.
    resource: ResourceUrl
    #: The JSON of an operation, where its endpoint says which fields it has.
    body: Json

    def __init__(self, core: Core, request: Request, caller: Caller) -> None:
        self.core = core
        self.request = request
        self.caller = caller
        self._pairs = parse_qsl(request.query, keep_blank_values=True)
        self.query: dict[str, str] = dict(reversed(self._pairs))

    def queries(self, name: str) -> list[str]:
        """Every value of a query parameter that may be repeated or hold several, in lower case."""
        values = ",".join(value for key, value in self._pairs if key == name)
        return [value for value in values.lower().split(",") if value]

    def flag(self, name: str) -> bool:
        """Whether a query parameter is "true"."""
        return self.query.get(name, "").lower() == "true"

    def rights(self, resource: ResourceUrl) -> set[str]:
        """What the caller may do with `resource`."""
        return self.core.access.permissions(self.caller, resource)

    def configured(self, kind: str) -> list[Deployment]:
        """The deployments of the server's own that the caller may use."""
        found = self.core.deployments.values()
        return [item for item in found if item.kind == kind and item.permitted(self.caller.roles)]

    def precondition(self) -> Precondition:
        headers = self.request.headers
        return Precondition(headers.get("if-match"), headers.get("if-none-match"), self.core.newer)

    def has_current(self, etag: str) -> bool:
        """Whether If-None-Match names `etag`, so that 304 is the answer (2026 only)."""
        given = self.request.headers.get("if-none-match", "") if self.core.newer else ""
        return etag in [tag.strip().strip('"') for tag in given.split(",")]


class Endpoint(NamedTuple):
    """One line of the table of endpoints.

    - `generations`: the Cores that have it.
    - `needs`: the right on {type}/{bucket}/{path}, which becomes `call.resource`; `folder`: the refusal of folders.
    - `fields`: the body is a JSON object with no other fields ("" for any), and becomes `call.body`; `newer_fields`:
      those that Core of 2026 knows too; `words`: the refusal of other bodies, the parser's if there is none.
    - `alone`: the handler runs within `Storage.change`.
    """

    method: str
    path: str
    handler: Callable[..., Any]
    generations: str = "2024 2026"
    needs: Optional[str] = None
    folder: Optional[str] = None
    fields: Optional[str] = None
    newer_fields: str = ""
    words: str = ""
    alone: bool = False

    def pattern(self, generation: str) -> Pattern[str]:
        places = {**_PLACES, "type": _TYPES + "|toolsets" if generation == "2026" else _TYPES}
        return re.compile(_PLACE.sub(lambda at: f"(?P<{at[1]}>{at[2] or places.get(at[1], '.+?')})", self.path))

    def answer(self, call: Call, found: dict[str, Any]) -> Response:
        """The answer to a request whose path had `found` at the places of the pattern."""
        if self.needs is not None:
            type = found.pop("type", None) or self.path.split("/{bucket}")[0].rpartition("/")[2]
            call.resource = from_path(type, found.pop("bucket"), found.pop("path"))
            call.core.access.require(call.caller, call.resource, self.needs)
            if self.folder is not None:
                refuse_if(call.resource.folder, 400, self.folder.format(url=call.resource.url))
        if self.fields is not None:
            fields = self.fields + " " + self.newer_fields if call.core.newer else self.fields
            call.body = operation(call.request.body(), self.words, fields)
        for name in found.keys() & _ENCODED:
            found[name] = decode_path(found[name] or "")
        if self.alone:
            call.request.body()  # whoever sends it slowly keeps nobody waiting
        with call.core.storage.change() if self.alone else nullcontext():
            answer = self.handler(call, **found)
        if isinstance(answer, Response):
            return answer
        return Response(200) if answer is None else as_json(answer)


_DECLARED: list[Endpoint] = []


def endpoint(declared: str, **options: Any) -> Callable[[Handler], Handler]:
    """Declare the handler below as an endpoint, written as a method and a path; `options` are fields of `Endpoint`."""
    method, _, path = declared.partition(" ")

    def declare(handler: Handler) -> Handler:
        _DECLARED.append(Endpoint(method, path, handler, **options))
        return handler

    return declare


def endpoints_of(generation: str) -> list[Endpoint]:
    """What the handlers imported so far have declared for one Core, in the order in which it is tried."""
    found = [row for row in _DECLARED if generation in row.generations]
    return sorted(found, key=lambda row: -len(_PLACE.sub("", row.path)))


@lru_cache(maxsize=None)
def table_of(generation: str) -> dict[str, list[tuple[Pattern[str], Endpoint]]]:
    """The endpoints of one Core by method, with their patterns. Every server of a process has the same."""
    table: dict[str, list[tuple[Pattern[str], Endpoint]]] = {}
    for row in endpoints_of(generation):
        for method in row.method.split("|"):
            table.setdefault(method, []).append((row.pattern(generation), row))
    return table
