"""The server that the benchmark talks to: a process of its own, as plain as can be, so that its work is not counted.

    python3 server.py [CERTIFICATE]

It prints its ports, for http and (with a PEM file of certificate and key) for https, and answers until it is ended.
`server_process()` starts it and gives the ports.
"""

import contextlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

MIB = 1024 * 1024
CHUNKS = 20000
"""Chunks of the stream that is sent at once."""
PACED = 2000
"""Chunks of the stream that is sent one by one."""
PAUSE = 0.0002
"""Seconds between two of them: the client has read one before the next comes."""
DEPLOYMENTS = 100

ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1724833500,
    "model": "echo",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Words " * 20}}],
    "usage": {"prompt_tokens": 11, "completion_tokens": 20, "total_tokens": 31},
}
STORED = {"name": "a", "bucket": "b", "url": "files/b/a", "nodeType": "ITEM", "resourceType": "FILE", "etag": "1"}
DEPLOYMENT = {
    "id": "model-%d",
    "model": "model-%d",
    "display_name": "Model %d",
    "icon_url": "https://host.example/icon.svg",
    "description": "A model that answers.",
    "reference": "model-%d",
    "owner": "organization-owner",
    "object": "model",
    "status": "succeeded",
    "created_at": 1672534800,
    "updated_at": 1672534800,
    "features": {
        "rate": True, "tokenize": False, "truncate_prompt": False, "configuration": False, "system_prompt": True,
        "tools": True, "seed": False, "url_attachments": False, "folder_attachments": False, "allow_resume": True,
        "accessible_by_per_request_key": True, "content_parts": False, "temperature": True,
    },
    "input_attachment_types": ["image/png", "image/jpeg"],
    "defaults": {},
    "max_retry_attempts": 1,
    "description_keywords": ["general", "text"],
    "lifecycle_status": "generally-available",
    "capabilities": {"scale_types": ["standard"], "completion": False, "chat_completion": True, "embeddings": False,
                     "fine_tune": False, "inference": False},
    "limits": {"max_total_tokens": 128000, "max_completion_tokens": 4096},
    "pricing": {"unit": "token", "prompt": "0.00001", "completion": "0.00003"},
}  # fmt: skip


def answer(content_type, *pieces):
    """An answer with the fields that DIAL Core sends, chunked as Core's are."""
    head = "HTTP/1.1 200 OK\r\naccess-control-allow-origin: *\r\ntransfer-encoding: chunked\r\n"
    head += "date: Mon, 23 Nov 2026 23:30:50 GMT\r\nserver: uvicorn\r\ncontent-type: %s\r\n" % content_type
    head += "X-UPSTREAM-ATTEMPTS: 1\r\n\r\n"
    return head.encode() + b"".join(chunked(piece) for piece in pieces) + b"0\r\n\r\n"


def chunked(piece):
    return b"%x\r\n%s\r\n" % (len(piece), piece)


def events(count):
    for number in range(count):
        choice = {"index": 0, "finish_reason": None, "delta": {"content": "word %d " % number}}
        chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1724833500, "choices": [choice]}
        yield b"data: %s\n\n" % json.dumps(chunk).encode()
    yield b"data: [DONE]\n\n"


def deployments():
    text = json.dumps(DEPLOYMENT)
    return {"object": "list", "data": [json.loads(text.replace("%d", str(number))) for number in range(DEPLOYMENTS)]}


class Answers:
    """All answers, made before the first is asked for."""

    def __init__(self):
        self.whole = answer("application/json", json.dumps(ANSWER).encode())
        self.stored = answer("application/json", json.dumps(STORED).encode())
        self.listing = answer("application/json", json.dumps(deployments()).encode())
        self.streamed = answer("text/event-stream", *events(CHUNKS))
        self.paced_head = answer("text/event-stream")[: -len(b"0\r\n\r\n")]
        self.paced = [chunked(event) for event in events(PACED)] + [b"0\r\n\r\n"]
        self.mib = bytes(MIB)

    def send(self, connection, method, path, body):
        if method == b"PUT":
            connection.sendall(self.stored)
        elif method == b"POST" and not body.partition(b'"stream":')[2].lstrip().startswith(b"true"):
            connection.sendall(self.whole)
        elif method == b"POST" and b'"paced"' not in body:
            connection.sendall(self.streamed)
        elif method == b"POST":
            connection.sendall(self.paced_head)
            for piece in self.paced:
                time.sleep(PAUSE)
                connection.sendall(piece)
        elif path.endswith(b"/deployments"):
            connection.sendall(self.listing)
        else:
            count = int(path.rpartition(b"-")[2])
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (count * MIB))
            for _ in range(count):
                connection.sendall(self.mib)


def talk(connection, context, answers):
    """Answer all requests of one connection."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with contextlib.suppress(OSError):  # the client may leave as it likes
        if context is not None:
            connection = context.wrap_socket(connection, server_side=True)
        with connection, connection.makefile("rb") as file:
            while True:
                method, path, length = b"", b"", 0
                for line in iter(file.readline, b"\r\n"):
                    if not line:
                        return
                    if not method:
                        method, path, _ = line.split(b" ", 2)
                    elif line[:15].lower() == b"content-length:":
                        length = int(line[15:])
                body = b""
                while length > 0:
                    body = file.read(min(length, MIB))
                    length -= len(body)
                answers.send(connection, method, path, body)


def serve(certificate=None):
    """Answer on free ports until the process is ended; the ports are printed."""
    contexts = [None]
    if certificate:
        contexts.append(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
        contexts[1].load_cert_chain(certificate)
    answers = Answers()
    listeners = [socket.create_server(("127.0.0.1", 0), backlog=1000) for _ in contexts]
    print(*[listener.getsockname()[1] for listener in listeners], flush=True)

    def accept(listener, context):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=talk, args=(connection, context, answers), daemon=True).start()

    for pair in zip(listeners, contexts):
        threading.Thread(target=accept, args=pair, daemon=True).start()
    threading.Event().wait()


@contextlib.contextmanager
def server_process():
    """Run the server in a process of its own; gives (port, port for https or None, its certificate or None)."""
    with tempfile.TemporaryDirectory() as folder:
        certificate = _certificate(folder)
        command = [sys.executable, "-I", __file__, *filter(None, [certificate])]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
            try:
                ports = [int(port) for port in process.stdout.readline().split()]
                yield ports[0], ports[1] if certificate else None, certificate
            finally:
                process.terminate()


def _certificate(folder):
    """A certificate for 127.0.0.1 that signs itself, with its key; None where there is no openssl command."""
    if shutil.which("openssl") is None:
        return None
    words = "req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=bench"
    words += " -addext subjectAltName=IP:127.0.0.1"
    subprocess.run(["openssl", *words.split()], cwd=folder, check=True, capture_output=True)
    path = os.path.join(folder, "both.pem")
    with open(path, "wb") as both:
        for name in ("key.pem", "cert.pem"):
            with open(os.path.join(folder, name), "rb") as file:
                both.write(file.read())
    return path


if __name__ == "__main__":
    serve(*sys.argv[1:])
