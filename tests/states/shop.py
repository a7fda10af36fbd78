"""A small payout API on a real socket: create, read, cancel, approve; slow states come after so many reads."""

import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support import RawServer, reply_with


class Shop:
    """The shop's resources, and every request that it got, as method, path and body."""

    def __init__(self, *, reads: int = 0) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self.asked: list[tuple[str, str, Any]] = []
        self.heads: list[str] = []
        self._reads = reads
        self._lock = threading.Lock()
        self.refuses: dict[str, bytes] = {}

    def __call__(self, peer: socket.socket, request: bytes) -> None:
        head, _, body = request.partition(b"\r\n\r\n")
        method, path = head.decode("latin-1").split(" ")[:2]
        with self._lock:
            fields = json.loads(body) if body[:1] == b"{" else body.decode()
            self.asked.append((method, path, fields))
            self.heads.append(head.decode("latin-1"))
            answer = self._answer(method, path, fields)
        if not answer:
            raise ConnectionAbortedError
        peer.sendall(answer)

    def _answer(self, method: str, path: str, fields: Any) -> bytes:
        refusal = next((answer for part, answer in self.refuses.items() if part in path), None)
        if refusal is not None:
            return refusal
        if path == "/payouts":
            one = f"po/{len(self.rows)}"
            self.rows[one] = {"id": one, "status": "new", "reads": self._reads, "asked": fields}
            return self._shown(one)
        found = re.match(r"/payouts/(po%2F\d+)(/\w+)?$", path)
        one = found[1].replace("%2F", "/") if found else ""
        if one not in self.rows:
            return reply_with(b'{"error": {"code": "not_found"}}', status="404 Not Found")
        row = self.rows[one]
        if method == "POST":
            row["status"] = {"/approve": "processing", "/cancel": "cancelled"}[found[2] if found else ""]
            return (
                self._shown(one) if row["status"] == "cancelled" else reply_with(b"", status="202 Accepted")
            )
        row["reads"] -= 1
        if row["reads"] < 0 and row["asked"].get("amount") == "4001":
            row["status"] = "paid"
        return self._shown(one)

    def _shown(self, one: str) -> bytes:
        row = self.rows[one]
        shown = {"id": one, "status": row["status"], "amount": "1", "currency": "EUR", "secret": "hidden"}
        return reply_with(json.dumps({"data": [shown]}).encode(), status="201 Created")

    def sent(self, method: str, part: str) -> list[Any]:
        """The bodies of the requests by that method whose path holds that part."""
        return [body for one, path, body in self.asked if one == method and part in path]


@contextmanager
def open_shop(*, reads: int = 0) -> Iterator[tuple[Shop, str]]:
    """A shop and its address, for the length of a with block."""
    shop = Shop(reads=reads)
    server = RawServer(shop, keep=True)
    try:
        yield shop, server.url
    finally:
        server.close()
