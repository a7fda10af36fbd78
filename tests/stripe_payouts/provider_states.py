"""A provider-state endpoint for localstripe: makes payouts with what its own API offers, and nothing else."""

import base64
import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlencode

MADE_AS = {"pending": "pending", "paid": "paid", "failed": "failed", "canceled": "pending"}
"""The status that a payout is created with. localstripe has none for a payout in transit."""


@contextmanager
def provider_states(url: str, key: str) -> Iterator[str]:
    """Serves the endpoint for the localstripe at `url`; yields its own address."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def post(path: str, fields: dict[str, Any]) -> dict[str, Any]:
        credentials = base64.b64encode(f"{key}:".encode()).decode()
        request = urllib.request.Request(
            url + path, urlencode(fields).encode(), {"Authorization": f"Basic {credentials}"}
        )
        with opener.open(request) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    class Endpoint(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status = message["params"].get("status")
            if message["action"] != "setup":
                self.reply(200, {})
            elif status not in MADE_AS or "owner" in message["params"]:
                self.reply(422, {"error": f"localstripe makes no payout like {message['params']}"})
            else:
                payout = post("/v1/payouts", {"amount": 1100, "currency": "eur", "status": MADE_AS[status]})
                self.reply(
                    200, post(f"/v1/payouts/{payout['id']}/cancel", {}) if status == "canceled" else payout
                )

        def reply(self, status: int, body: dict[str, Any]) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Endpoint) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
