"""TLS before a server of this machine: what comes in is handed on, and back.

It must not know any client.
"""

import select
import socket
import socketserver
import ssl
import threading

from tests.support.certificates import authority


class Front:
    """``with Front(server.port, "good.pem") as front: front.url``, which is https."""

    def __init__(self, port, certificate="good.pem"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(str(authority() / certificate))

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                try:
                    with context.wrap_socket(self.request, server_side=True) as outer:
                        with socket.create_connection(("127.0.0.1", port)) as inner:
                            hand_on(outer, inner)
                except OSError:
                    pass  # one of them has left

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            block_on_close = False

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = "https://127.0.0.1:%d" % self.port
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def hand_on(outer, inner):
    """Carry bytes both ways, in one thread, until one of them leaves."""
    while True:
        for source in [outer] if outer.pending() else select.select([outer, inner], [], [])[0]:
            data = source.recv(65536)
            if not data:
                return
            (inner if source is outer else outer).sendall(data)
