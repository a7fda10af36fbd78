"""A way to a target that writes down which requests went by, and can be told to be a long one."""

import re
import socket
import threading
import time
from contextlib import suppress
from urllib.parse import urlsplit

_LINE = re.compile(rb"(?:^|\n)(GET|POST|PUT|PATCH|DELETE) (/[^ ]*) HTTP/1\.1\r\n")
_ID = re.compile(r"/(?:withdraws|payout_intents)/([^/?]+)")


class Tap:
    """Forwards to `url` from an address of its own. `requests` is what went by: when (monotonic), method, path.

    While it is `down`, it hangs up on whoever asks for anything.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self._to = (parts.hostname, parts.port)
        self.requests: list[tuple[float, str, str]] = []
        self.down = False
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def ids(self, since: float = 0.0, until: float = float("inf"), *, reads: bool = True) -> set[str]:
        """The ids that the API's own requests named in that time, with or without those that were only read."""
        return {
            found[1]
            for at, method, path in list(self.requests)
            if since <= at < until and (reads or method != "GET") and (found := _ID.search(path))
        }

    def count(self) -> int:
        """How many requests went by so far."""
        return len(self.requests)

    def close(self) -> None:
        """Hangs up on everybody."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for one in [self._listener, *self._open]:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._to, timeout=10)
            except OSError:
                return
            self._open += [client, server]
            for source, sink in ((client, server), (server, client)):
                source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(
                    target=self._pump, args=(source, sink, source is client), daemon=True
                ).start()

    def _pump(self, source: socket.socket, sink: socket.socket, asks: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if asks and self.down:
                    break
                if asks:
                    self.requests += [
                        (time.monotonic(), method.decode(), path.decode("latin-1"))
                        for method, path in _LINE.findall(data)
                    ]
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
