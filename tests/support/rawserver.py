"""A raw-socket server on 127.0.0.1 that answers with exactly the bytes, pauses, cuts and resets a script says.

Every request, on whatever connection, gets the next script; the last one is repeated. It records what it received.
A threading.Event in a script is waited for, so that a test says when the server goes on, whatever the machine is at.
It must not know any client.
"""

import re
import socket
import struct
import threading
import time

from tests.support.patience import PATIENCE, until

CUT = object()
"""Close the connection (FIN)."""
RESET = object()
"""Close it with a reset (RST)."""
HOLD = object()
"""Keep it open in silence until the peer closes it or the server stops."""
DEAF = object()
"""Keep it open without reading anything more, until the server stops."""
EARLY = object()
"""As a script's first step: answer when the head has come, without reading the body."""

GOOD = b'HTTP/1.1 200 OK\r\ncontent-length: 14\r\n\r\n{"bucket":"b"}'


class RawServer:
    """``with RawServer([script, ...]) as server: server.url``; a script: bytes, or a list of bytes, pauses and cuts."""

    def __init__(self, scripts):
        self.scripts = [script if isinstance(script, list) else [script] for script in scripts]
        self.requests = []  # (number of the connection, head, body)
        self._played = set()  # numbers of the requests whose scripts have said all they have to say
        self.connections = 0
        self.left = []  # numbers of the connections that the client has ended
        self._stopping = threading.Event()
        self._sockets = []
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.port = self._listener.getsockname()[1]
        self.url = "http://127.0.0.1:%d" % self.port
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exc):
        self._stopping.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for sock in self._sockets:
            sock.close()

    def wait_for_requests(self, count):
        """Wait until the heads of so many requests have been read: one that was given up may lag behind the next."""
        until(lambda: len(self.requests) >= count, lambda: "only %d requests came" % len(self.requests))

    def wait_until_played(self, count=1):
        """Wait until so many scripts have said all they have to say, and have closed what they close."""
        until(lambda: len(self._played) >= count, lambda: "only %d scripts were played" % len(self._played))

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets.append(sock)
            self.connections += 1
            threading.Thread(target=self._serve, args=(sock, self.connections), daemon=True).start()

    def _serve(self, sock, number):
        held, playing = b"", None
        try:
            while True:
                while b"\r\n\r\n" not in held:
                    piece = sock.recv(65536)
                    if not piece:
                        self.left.append(number)
                        return
                    held += piece
                head, _, held = held.partition(b"\r\n\r\n")
                with self._lock:
                    playing = len(self.requests)
                    script = self.scripts[min(playing, len(self.scripts) - 1)]
                    self.requests.append([number, head.decode("latin-1"), b""])
                    mine = self.requests[-1]
                if script and script[0] is EARLY:
                    script = script[1:]
                else:
                    held = self._read_body(sock, head, held, mine)
                if not self._play(sock, script, playing):
                    return
                self._played.add(playing)
        except OSError:
            pass
        finally:
            sock.close()
            if playing is not None:
                self._played.add(playing)

    def _read_body(self, sock, head, held, record):
        if re.search(rb"(?i)\r\ntransfer-encoding: chunked", head):
            while b"0\r\n\r\n" not in held:
                piece = sock.recv(65536)
                if not piece:
                    break
                held += piece
            record[2], _, rest = held.partition(b"0\r\n\r\n")
            return rest
        found = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        length = int(found[1]) if found else 0
        body = bytearray(held)
        while len(body) < length:
            piece = sock.recv(1 << 20)
            if not piece:
                break
            body += piece
        record[2] = bytes(body[:length])
        return bytes(body[length:])

    def _play(self, sock, script, playing):
        for step in script:
            if step is CUT:
                sock.shutdown(socket.SHUT_RDWR)
                return False
            if step is RESET:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return False
            if step is DEAF:
                self._played.add(playing)
                self._stopping.wait()
                return False
            if step is HOLD:
                self._played.add(playing)
                while not self._stopping.is_set():
                    try:
                        sock.settimeout(0.05)
                        if not sock.recv(65536):
                            return False
                    except socket.timeout:
                        pass
                return False
            if isinstance(step, (int, float)):
                time.sleep(step)
            elif isinstance(step, threading.Event):
                step.wait(PATIENCE)
            else:
                sock.sendall(step)
        return True
