"""Cassettes: what a real DIAL answered, kept in a file, and played again without it.

A line of the file is one exchange, as JSON. Credentials never get into it: their headers are left out, and their values
are masked wherever else they stand.
"""

import base64
import http.client
import json
import os
import re
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Union
from urllib.parse import urlsplit

from .http import HttpError, Request, Response
from .json_shapes import Json

CREDENTIALS = {"api-key", "authorization", "x-api-key", "cookie"}
_SECRET = re.compile(r"([?&](?:[\w-]*(?:key|secret|password)|access_token)=)[^&]+", re.IGNORECASE)
_NOT_FORWARDED = {"host", "connection", "accept-encoding", "transfer-encoding", "content-length", "expect"}
_NOT_KEPT = {
    "connection", "transfer-encoding", "content-length", "set-cookie", "access-control-allow-origin",
}  # fmt: skip
PATIENCE = 600.0
Path = Union[str, "os.PathLike[str]"]


class Recorder:
    """Forwards requests to `upstream` and notes what came."""

    def __init__(self, path: Path, upstream: str) -> None:
        parts = urlsplit(upstream)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"upstream is the url of a DIAL, not {upstream!r}")
        self._upstream = parts
        self._path = path
        self._lock = threading.Lock()

    def answer(self, request: Request) -> Response:
        secure = self._upstream.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = kind(str(self._upstream.hostname), self._upstream.port, timeout=PATIENCE)
        headers = {name: value for name, value in request.headers.items() if name not in _NOT_FORWARDED}
        try:
            body = bytes(request.body()) or None
            connection.request(request.method, self._upstream.path.rstrip("/") + request.target, body, headers)
            came = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise HttpError(502, f"{self._upstream.hostname} can't be reached: {error!r}") from None
        if came.status < 200:  # http.client passes over 100 alone
            connection.close()
            raise HttpError(502, f"{self._upstream.hostname} sent an interim answer ({came.status})")
        kept = [(name, value) for name, value in came.getheaders() if name.lower() not in _NOT_KEPT]
        return Response(came.status, self._pieces(connection, came, request, kept), kept)

    def _pieces(
        self, connection: http.client.HTTPConnection, came: http.client.HTTPResponse, request: Request, kept: Any
    ) -> Iterator[bytes]:
        pieces: list[bytes] = []
        with closing(connection), came:
            try:
                for piece in iter(lambda: came.read1(1 << 16), b""):
                    pieces.append(piece)
                    yield piece
            except http.client.HTTPException as error:
                raise ConnectionError(f"the answer broke off: {error!r}") from None
            if came.length:  # bytes still to come, whose lack read1 does not tell
                raise ConnectionError("the answer broke off")
            self._note(request, came.status, kept, pieces)

    def _note(self, request: Request, status: int, headers: Any, pieces: list[bytes]) -> None:
        sent, whole = _body(request), b"".join(pieces)
        secrets = [request.headers[name].split(" ")[-1] for name in CREDENTIALS & set(request.headers)]
        for secret in filter(None, secrets):
            hidden = secret.encode("utf-8", "surrogateescape")
            sent = sent.replace(hidden, b"***")
            if hidden in whole:  # in one piece or across several
                whole = whole.replace(hidden, b"***")
                pieces = [whole]
        asked = {"method": request.method, "target": _shown(request.target), "body": _text(sent)}
        response = {"status": status, "headers": headers, "pieces": [_text(piece) for piece in pieces]}
        line = json.dumps({"request": asked, "response": response}, ensure_ascii=False)
        for secret in filter(None, secrets):
            line = line.replace(json.dumps(secret, ensure_ascii=False)[1:-1], "***")
        with self._lock, open(self._path, "a", encoding="utf-8") as file:
            file.write(line + "\n")


class Player:
    """Answers with what was recorded.

    Strict: to the same method, target and body, each answer once, those of equal requests in their order. Loose: to the
    same method and path, streamed or not as it is asked for; the last answer is given again and again.
    """

    def __init__(self, path: Path, strict: bool) -> None:
        self._strict = strict
        self._lock = threading.Lock()
        self._kept: dict[Any, list[Json]] = {}
        with open(path, encoding="utf-8") as file:
            for line in file:
                exchange = json.loads(line)
                asked = exchange["request"]
                key = self._key(asked["method"], asked["target"], _bytes(asked["body"]))
                self._kept.setdefault(key, []).append(exchange["response"])

    def answer(self, request: Request) -> Response:
        with self._lock:
            kept = self._kept.get(self._key(request.method, request.target, _body(request)))
            if not kept:
                how = "was recorded for this request" if self._strict else "was recorded for this path"
                raise HttpError(501, f"No answer {how}, or it was given already: {request.method} {request.target}")
            response = kept.pop(0) if self._strict or len(kept) > 1 else kept[0]
        pieces = [_bytes(piece) for piece in response["pieces"]]
        fields = [(name, value) for name, value in response["headers"]]
        streamed = any("event-stream" in value for name, value in fields if name.lower() == "content-type")
        return Response(response["status"], iter(pieces) if streamed else b"".join(pieces), fields)

    def _key(self, method: str, target: str, body: bytes) -> Any:
        try:
            asked = json.loads(body)
        except ValueError:
            asked = None
        if not self._strict:
            return method, target.partition("?")[0], isinstance(asked, dict) and bool(asked.get("stream"))
        return method, _shown(target), body if asked is None else json.dumps(asked, sort_keys=True)


Cassette = Union[Recorder, Player]


def _shown(target: str) -> str:
    """The target without credentials in its query."""
    return _SECRET.sub(r"\1***", target)


def _body(request: Request) -> bytes:
    """The body, with the same boundary whenever it is a multipart body."""
    boundary = re.search(r'boundary="?([^";,\s]+)', request.headers.get("content-type", ""))
    body = bytes(request.body())
    return body.replace(boundary[1].encode(), b"boundary") if boundary else body


def _text(data: bytes) -> Union[str, Json]:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def _bytes(text: Union[str, Json]) -> bytes:
    return text.encode() if isinstance(text, str) else base64.b64decode(text["base64"])
