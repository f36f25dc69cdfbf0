"""A server on 127.0.0.1 for very large bodies: swallows uploads, pours out downloads, and holds none of it.

It must not know any client.
"""

import re
import socket
import socketserver
import threading

PIECE = bytes(1 << 18)


class BulkServer:
    """``with BulkServer(size) as server: server.url``; a GET gives `size` bytes, a PUT is counted in `received`."""

    def __init__(self, size=0):
        self.size = size
        self.received = []
        owner = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                while owner.serve(self.request):
                    pass

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            block_on_close = False

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def serve(self, sock):
        """Answer one request; False when the client has left."""
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        data = b""
        while b"\r\n\r\n" not in data:
            piece = sock.recv(65536)
            if not piece:
                return False
            data += piece
        head, _, rest = data.partition(b"\r\n\r\n")
        if head.startswith(b"GET"):
            self.pour(sock)
        else:
            length = re.search(rb"(?i)content-length: (\d+)", head)
            self.received.append(self.swallow(sock, len(rest), int(length[1]) if length else None, rest[-5:]))
            sock.sendall(b'HTTP/1.1 200 OK\r\ncontent-length: 19\r\n\r\n{"url":"files/b/x"}')
        return True

    def swallow(self, sock, count, length, tail):
        """How many bytes of a body came: up to its length, or to the last chunk."""
        room = memoryview(bytearray(1 << 20))
        while count < length if length is not None else tail != b"0\r\n\r\n":
            size = sock.recv_into(room)
            if not size:
                break
            count += size
            tail = (tail + bytes(room[max(0, size - 5) : size]))[-5:]
        return count

    def pour(self, sock):
        sock.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % self.size)
        left = self.size
        while left:
            sock.sendall(PIECE[:left])
            left -= min(left, len(PIECE))
