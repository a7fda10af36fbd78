"""Proxies the sandbox's provider-state endpoint: counts messages, and refuses those beyond a profile's source."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import httpx

Params = dict[str, Any]
Refuses = Callable[[str, Params], str]
"""Returns why a source can't do what a message (action, params) asks for; empty where it can."""


class CountingProxy:
    """Counts messages that were answered with 200: setups by (owner, status), all of them by action."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.setups: Counter[tuple[str, str]] = Counter()
        self.actions: Counter[str] = Counter()
        self._lock = threading.Lock()

    def count(self, action: str, params: Params) -> None:
        """Counts one message."""
        with self._lock:
            self.actions[action] += 1
            if action == "setup":
                self.setups[owner(params), str(params.get("status"))] += 1


def owner(params: Params) -> str:
    """Returns the credentials table that the resource of a message belongs to."""
    return str(params.get("owner") or ("other_environment" if params.get("environment") else "primary"))


def sent(endpoint: str, body: bytes) -> httpx.Response:
    """Returns the answer of a provider-state endpoint on this machine to a message."""
    return _client().post(endpoint, content=body, headers={"Content-Type": "application/json"})


@cache
def _client() -> httpx.Client:
    # The server may close a connection that is kept, as the next message goes out.
    limits = httpx.Limits(max_keepalive_connections=0)
    return httpx.Client(verify=False, trust_env=False, timeout=30, limits=limits)  # noqa: S501 - HTTP, on loopback


@contextmanager
def opened(endpoint: str, refuses: Refuses) -> Iterator[CountingProxy]:
    """Yields a proxy on loopback of the endpoint at that URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body in one packet: two would wait for each other (Nagle, delayed ACK).
        wbufsize = -1

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            message = json.loads(body)
            action, params = str(message["action"]), message["params"]
            why = refuses(action, params)
            status, answer = (422, json.dumps({"error": why}).encode()) if why else self._forwarded(body)
            if status == 200:
                proxy.count(action, params)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def _forwarded(self, body: bytes) -> tuple[int, bytes]:
            answer = sent(endpoint, body)
            return answer.status_code, answer.content

        def log_message(self, *args: Any) -> None:
            """Writes no log."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

        def handle_error(self, *args: Any) -> None:
            """Ignores a client that hung up: its run reports that."""

    server = Server(("127.0.0.1", 0), Handler)
    proxy = CountingProxy(f"http://127.0.0.1:{server.server_address[1]}{urlsplit(endpoint).path}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
