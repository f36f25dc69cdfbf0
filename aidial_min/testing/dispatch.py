"""From a request to its answer: what is scripted, method, size, probes, credentials, the endpoint, in this order."""

import itertools
import logging
from typing import Optional

from . import (  # noqa: F401  # their handlers declare the endpoints
    code_interpreter,
    completions,
    custom_applications,
    events,
    external_services,
    listings,
    publications,
    resources,
    responses,
    sharing,
    skills,
    toolsets,
)
from .cassette import Cassette
from .http import Disconnected, HttpError, Request, Response, refuse_if
from .routing import Call, table_of
from .script import Cut, Failure
from .state import Core

METHODS = {"GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"}
MAX_MULTIPART = 512 << 20
VERSIONS = {"2024": "0.18.0-rc\n", "2026": "0.49.0"}

_log = logging.getLogger(__name__)


class Dispatcher:
    def __init__(self, core: Core, cassette: Optional[Cassette] = None) -> None:
        self._core = core
        self._cassette = cassette
        self._traces = itertools.count(1)
        self._table = table_of(core.generation)

    def handle(self, request: Request) -> Response:
        """The answer to `request`."""
        response = self._handle(request)
        if self._core.newer and self._cassette is None:
            trace = f"{next(self._traces):032x}"
            response.headers.append(("traceparent", f"00-{trace}-{trace[16:]}-01"))
            response.headers += [("X-DIAL-TRACE-ID", trace), ("X-DIAL-SPAN-ID", trace[16:])]
        return response

    def _handle(self, request: Request) -> Response:
        script = self._core.script
        request.on_body = script.record(request.method, request.target, request.headers)
        try:
            fault = script.faults.take(lambda where: where is None or where in request.path)
            if fault is not None:
                request.body()  # whoever looks at the record finds the body there
            if isinstance(fault, Failure):
                return fault.response(request.path)
            if isinstance(fault, Cut):
                request.connection.budget = fault.after_bytes
            return self._answer(request) if self._cassette is None else self._cassette.answer(request)
        except HttpError as error:
            return Response(error.status, error.words.encode())
        except Disconnected:
            raise
        except Exception:
            _log.exception("%s %s", request.method, request.path)
            return Response(500)

    def _answer(self, request: Request) -> Response:
        core = self._core
        if request.method == "OPTIONS":
            return Response(200, b"", [("access-control-max-age", "86400")])
        refuse_if(request.method not in METHODS and not (core.newer and request.method == "PATCH"), 405)
        multipart = "multipart/form-data" in request.headers.get("content-type", "").lower()
        if request.content_length > (MAX_MULTIPART if multipart else core.max_body):
            raise HttpError(413, "Request body is too large")
        if request.path == "/health":
            return Response(200)
        if request.path == "/version":
            return Response(200, VERSIONS[core.generation].encode())
        caller = core.keys.identify(request.headers, core.newer)
        for pattern, row in self._table.get(request.method, ()):
            match = pattern.fullmatch(request.path)
            if match is not None:
                return row.answer(Call(core, request, caller), match.groupdict())
        raise HttpError(404, "Route is not found") if core.newer else HttpError(502, "No route")
