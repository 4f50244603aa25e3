"""Stands between schemathesis and the gateway, byte for byte, but for streams: they have no end, and a tester waits for one.

A stream is ended in good order once nothing comes for a moment, as if its listener had left.
"""

import contextlib
import select
import socket
import socketserver
import threading

PIECE = 65536
STREAM = b"content-type: text/event-stream"
LAST_CHUNK = b"0\r\n\r\n"
# A stream that says nothing for so long has said what there is.
QUIET_SECONDS = 0.2


class Relay(socketserver.ThreadingTCPServer):
    """Listens on a port of its own and passes on to the gateway's; a context manager."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, to):
        super().__init__(("127.0.0.1", 0), _Connection)
        self.to, self.port = to, self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class _Connection(socketserver.BaseRequestHandler):
    def handle(self):
        with socket.create_connection(("127.0.0.1", self.server.to)) as gateway, contextlib.suppress(OSError):
            for one in (gateway, self.request):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._ask, args=(gateway,), daemon=True).start()
            self._answer(gateway)
        with contextlib.suppress(OSError):
            self.request.shutdown(socket.SHUT_RDWR)

    def _ask(self, gateway):
        with contextlib.suppress(OSError):
            while piece := self.request.recv(PIECE):
                gateway.sendall(piece)
            gateway.shutdown(socket.SHUT_WR)

    def _answer(self, gateway):
        is_stream = False
        while True:
            if is_stream and not select.select([gateway], [], [], QUIET_SECONDS)[0]:
                self.request.sendall(LAST_CHUNK)
                return
            piece = gateway.recv(PIECE)
            if not piece:
                return
            is_stream = is_stream or STREAM in piece.lower()
            self.request.sendall(piece)
