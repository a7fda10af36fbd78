"""A way to a target that writes down which requests went by, and can be closed."""

import re
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlsplit

from tests.support import PATIENCE_S, eventually

_LINE = re.compile(rb"(?:^|\n)(GET|POST|PUT|PATCH|DELETE) (/[^ ]*) HTTP/1\.1\r\n")
_ID = re.compile(r"/(?:withdraws|payout_intents)/([^/?]+)")


class Tap:
    """Forwards to `url` from an address of its own. `requests` is what went by: method and path.

    `manner` says of the nth request (from 0) what to do: "pass" it on, "hang up", or "hold" it, and all that come
    after it on its connection, until the tap is closed. `holds` is set once something is held.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self._to = (parts.hostname, parts.port)
        self.requests: list[tuple[str, str]] = []
        self.manner: Callable[[int], str] = lambda _: "pass"
        self.holds = threading.Event()
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._asking: list[threading.Thread] = []
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def ids(self, since: int = 0, until: int | None = None, *, reads: bool = True) -> set[str]:
        """The ids that the API's own requests named, from the nth on, before another; with those that only read."""
        return {
            found[1]
            for method, path in self.requests[since:until]
            if (reads or method != "GET") and (found := _ID.search(path))
        }

    def count(self) -> int:
        """How many requests went by so far."""
        return len(self.requests)

    def deserted(self) -> int:
        """Waits until nobody is connected any more, now that nobody asks; how many requests went by until then."""
        self._over.set()
        # Connections are accepted in their order: with this one all others are.
        with socket.create_connection(self._listener.getsockname()) as last:
            name = str(last.getsockname())
            eventually(lambda: any(one.name == name for one in self._asking))
        eventually(lambda: not any(one.is_alive() for one in self._asking))
        self._over.clear()
        self.manner = lambda _: "pass"
        return self.count()

    def close(self) -> None:
        """Hangs up on everybody."""
        self._over.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for one in [self._listener, *self._open]:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                client, peer = self._listener.accept()
                server = socket.create_connection(self._to, timeout=PATIENCE_S)
            except OSError:
                return
            self._open += [client, server]
            for source, sink in ((client, server), (server, client)):
                source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                asks = source is client
                thread = threading.Thread(
                    target=self._pump, args=(source, sink, asks), name=str(peer), daemon=True
                )
                if asks:
                    self._asking.append(thread)
                thread.start()

    def _pump(self, source: socket.socket, sink: socket.socket, asks: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if asks and not self._goes_by(data):
                    break
                sink.sendall(data if asks else self._changed(data))
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def _changed(self, data: bytes) -> bytes:
        """An answer, or a part of one, as it is passed on."""
        return data

    def _goes_by(self, data: bytes) -> bool:
        """Writes down what is asked for; whether it is passed on."""
        found = [(method.decode(), path.decode("latin-1")) for method, path in _LINE.findall(data)]
        with self._lock:
            manner = self.manner(self.count()) if found else "pass"
            self.requests += found
        if manner == "hold":
            self.holds.set()
            self._over.wait(PATIENCE_S)
        return manner == "pass"
