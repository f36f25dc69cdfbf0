"""A real HTTP proxy on 127.0.0.1: plain requests in absolute form, and tunnels by CONNECT; it may ask for a password.

It records what it was asked. It must not know any client.
"""

import socket
import socketserver
import threading

from tests.support.patience import PATIENCE


class Proxy:
    """``with Proxy() as proxy: proxy.url``; `mode` is "good", "407", "403", "close", "reset-mid-head" or "hang"."""

    def __init__(self, mode="good", authorization=None):
        self.mode = mode
        self.authorization = authorization
        self.heads = []
        owner = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                owner.serve(self.request)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            block_on_close = False
            allow_reuse_address = True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = "http://127.0.0.1:%d" % self.port
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.stopping.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def serve(self, client):
        data = b""
        while b"\r\n\r\n" not in data:
            piece = client.recv(65536)
            if not piece:
                return
            data += piece
        head, _, rest = data.partition(b"\r\n\r\n")
        self.heads.append(head.decode("latin-1"))
        method, target = self.heads[-1].split(" ")[:2]
        if self.mode == "hang":
            self.stopping.wait(PATIENCE)
        elif self.mode == "close":
            return
        elif self.mode == "reset-mid-head":
            client.sendall(b"HTTP/1.1 200 Conn")
        elif self.mode in ("407", "403") or (
            self.authorization is not None and "Proxy-Authorization: %s" % self.authorization not in self.heads[-1]
        ):
            status = self.mode if self.mode in ("407", "403") else "407"
            client.sendall(b"HTTP/1.1 %s No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % status.encode())
        elif method == "CONNECT":
            self.tunnel(client, target)
        else:
            self.forward(client, target, data)

    def tunnel(self, client, target):
        host, _, port = target.rpartition(":")
        with socket.create_connection((host.strip("[]"), int(port))) as server:
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            self.pump(client, server)

    def forward(self, client, target, data):
        host, _, port = target.split("/")[2].partition(":")
        with socket.create_connection((host, int(port or 80))) as server:
            server.sendall(data)
            self.pump(client, server)

    def pump(self, client, server):
        def one_way(source, sink):
            try:
                while True:
                    piece = source.recv(65536)
                    if not piece:
                        break
                    sink.sendall(piece)
            except OSError:
                pass
            for end in (source, sink):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

        back = threading.Thread(target=one_way, args=(server, client), daemon=True)
        back.start()
        one_way(client, server)
        back.join()
