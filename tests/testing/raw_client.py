"""A raw socket that speaks just enough HTTP to look at every byte of an answer. Shares nothing with the server."""

import base64
import json
import socket
from typing import Any, NamedTuple, Optional

from ..support.patience import PATIENCE


class Answer(NamedTuple):
    version: str
    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes
    chunks: Optional[list[bytes]]

    def header(self, name: str) -> Optional[str]:
        return dict(self.headers).get(name)

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()

    def events(self) -> list[Any]:
        """The data events of a stream; [DONE] as it is."""
        datas = [event[6:] for event in self.text.split("\n\n") if event.startswith("data: ")]
        return [data if data == "[DONE]" else json.loads(data) for data in datas]


class Raw:
    """One connection. Everything read has to be framed well, or an assertion fails."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self) -> "Raw":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def request(self, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> Answer:
        self.send(request_bytes(method, path, headers, body))
        return self.answer(method)

    def more(self) -> bool:
        piece = self.socket.recv(65536)
        self.buffer += piece
        return bool(piece)

    def until(self, mark: bytes) -> bytes:
        while mark not in self.buffer:
            assert self.more(), f"the connection ended within {self.buffer[:200]!r}"
        taken, _, self.buffer = self.buffer.partition(mark)
        return taken

    def take(self, size: int) -> bytes:
        pieces, missing = [self.buffer[:size]], size - len(self.buffer)
        self.buffer = self.buffer[size:]
        while missing > 0:
            piece = self.socket.recv(min(missing, 1 << 20))
            assert piece, "the connection ended within a body"
            pieces.append(piece)
            missing -= len(piece)
        return b"".join(pieces)

    def head(self) -> tuple[str, int, str, list[tuple[str, str]]]:
        line, *fields = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, status, reason = line.split(" ", 2)
        headers = []
        for field in fields:
            name, value = field.split(": ", 1)
            headers.append((name, value))
        return version, int(status), reason, headers

    def chunk(self) -> bytes:
        """One chunk; b"" is the last."""
        size = int(self.until(b"\r\n"), 16)
        data = self.take(size)
        assert self.take(2) == b"\r\n"
        return data

    def answer(self, method: str = "GET") -> Answer:
        version, status, reason, headers = self.head()
        named = {name.lower(): value for name, value in headers}
        assert len(named) == len(headers), headers
        chunks = None
        body = b""
        if named.get("transfer-encoding") == "chunked":
            assert "content-length" not in named
            chunks = []
            while True:
                piece = self.chunk()
                if not piece:
                    break
                chunks.append(piece)
            body = b"".join(chunks)
        elif "content-length" in named:
            body = self.take(int(named["content-length"]))
        else:
            assert method == "HEAD" or status in (204, 304), "a body without an end"
        return Answer(version, status, reason, headers, body, chunks)

    def nothing_comes(self, seconds: float) -> bool:
        """Whether the peer stays silent, with the connection open."""
        self.socket.settimeout(seconds)
        try:
            return self.socket.recv(1) is None
        except socket.timeout:
            return True
        finally:
            self.socket.settimeout(PATIENCE)

    def ended(self) -> bool:
        """Whether the peer closes the connection, with nothing more before."""
        try:
            return self.buffer == b"" and self.socket.recv(1) == b""
        except ConnectionError:
            return True


class User:
    """Somebody with credentials, on one connection of his own."""

    def __init__(self, port: int, key: Optional[str] = None, claims: Optional[dict[str, Any]] = None) -> None:
        self.raw = Raw(port)
        self.credentials = {"Api-Key": key} if key else {"Authorization": "Bearer " + token(**(claims or {}))}

    def __enter__(self) -> "User":
        return self

    def __exit__(self, *_: object) -> None:
        self.raw.close()

    @property
    def bucket(self) -> str:
        return str(self.get("/v1/bucket").json()["bucket"])

    def get(self, path: str, **headers: str) -> Answer:
        return self.raw.request("GET", path, {**self.credentials, **_named(headers)})

    def delete(self, path: str, **headers: str) -> Answer:
        return self.raw.request("DELETE", path, {**self.credentials, **_named(headers)})

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        return self._send("POST", path, body, headers)

    def put(self, path: str, body: Any, **headers: str) -> Answer:
        return self._send("PUT", path, body, headers)

    def upload(self, path: str, content: bytes, content_type: str = "text/plain", **headers: str) -> Answer:
        given = {**self.credentials, **UPLOAD, **_named(headers)}
        return self.raw.request("PUT", path, given, upload_body(content, content_type))

    def chat(self, deployment: str, said: str, **more: Any) -> Answer:
        body = {"messages": [{"role": "user", "content": said}], **more}
        return self.post(f"/openai/deployments/{deployment}/chat/completions", body)

    def _send(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Answer:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {**self.credentials, "Content-Type": "application/json", **_named(headers)}
        return self.raw.request(method, path, given, data)


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def token(sub: str = "someone", **claims: Any) -> str:
    """An unsigned token."""
    parts = [{"alg": "HS256", "typ": "JWT"}, {"sub": sub, **claims}]
    return (
        ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + ".c2ln"
    )


def request_bytes(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1"] + [f"{name}: {value}" for name, value in headers.items()]
    if body and not any(name.lower() in ("content-length", "transfer-encoding") for name in headers):
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def upload_body(content: bytes, content_type: str = "text/plain", filename: str = "x") -> bytes:
    head = f'--B\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n'
    head += f"Content-Type: {content_type}\r\n\r\n"
    return head.encode() + content + b"\r\n--B--\r\n"


UPLOAD = {"Content-Type": "multipart/form-data; boundary=B"}
