"""A clean sandbox for the whole run, and the two clients that the tests speak to it with."""

import hashlib
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from conformance.sandbox import CREDENTIALS, Sandbox
from tests.support import PATIENCE_S


def hmac_by_hand(secret: bytes, message: bytes) -> str:
    """HMAC-SHA256 written out from RFC 2104, 2: not what the sandbox calls. For secrets of a block."""
    block = secret.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + message).digest()
    return hashlib.sha256(bytes(byte ^ 0x5C for byte in block) + inner).hexdigest()


class Client:
    """A merchant's client for both APIs of a sandbox."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, trust_env=False, timeout=PATIENCE_S)
        self._stamp = 0

    def given(self, contract: str, status: str, **params: Any) -> dict[str, Any]:
        """Set a resource up, and return what is known about it."""
        order = {"action": "setup", "params": {"contract": contract, "status": status, **params}}
        reply = self.http.post("/_states", json=order)
        assert reply.status_code == 200, reply.text
        facts: dict[str, Any] = reply.json()
        return facts

    def settle(self, identifier: str) -> str:
        """Try to pay; the status afterwards."""
        status: str = self.http.post("/_states", json={"action": "settle", "id": identifier}).json()["status"]
        return status

    def signed(self, role: str = "primary", body: bytes = b"", timestamp: str = "") -> dict[str, str]:
        """The three headers of a signed request."""
        credentials = CREDENTIALS["withdraws"][role]
        # Two requests in one millisecond would share a signature, and one that refuses replays the second.
        self._stamp = max(time.time_ns() // 1_000_000, self._stamp + 1)
        timestamp = timestamp or str(self._stamp)
        signature = hmac_by_hand(credentials["api_secret"].encode(), f"{timestamp}.".encode() + body)
        return {
            "X-API-Key": credentials["api_key"],
            "X-Timestamp": timestamp,
            "X-Signature": f"sha256={signature}",
        }

    def withdraw(self, identifier: str, role: str = "primary", **options: Any) -> httpx.Response:
        """Cancel a withdraw, signed unless `headers` are given."""
        options.setdefault("headers", self.signed(role))
        return self.http.post(f"/api/v1/withdraws/{identifier}/cancel", **options)

    def read_withdraw(self, identifier: str, role: str = "primary") -> httpx.Response:
        """Read a withdraw."""
        return self.http.get(f"/api/v1/withdraws/{identifier}", headers=self.signed(role))

    def basic(self, role: str = "primary") -> tuple[str, str]:
        """A key with its secret."""
        credentials = CREDENTIALS["payout-intents"][role]
        return credentials["public_key"], credentials["secret_key"]

    def intent(
        self,
        identifier: str,
        body: Any = None,
        *,
        key: str | None = None,
        role: str = "primary",
        **options: Any,
    ) -> httpx.Response:
        """Cancel a payout intent."""
        headers = {"Idempotency-Key": key} if key is not None else {}
        headers |= options.pop("headers", {})
        if "content" not in options:
            options["json"] = {} if body is None else body
        options.setdefault("auth", self.basic(role))
        return self.http.post(f"/payout_intents/{identifier}/cancel", headers=headers, **options)

    def read_intent(self, identifier: str, role: str = "primary") -> dict[str, Any]:
        """Read a payout intent."""
        reply = self.http.get(f"/payout_intents/{identifier}", auth=self.basic(role))
        assert reply.status_code == 200, reply.text
        shown: dict[str, Any] = reply.json()
        return shown


@pytest.fixture(scope="session")
def shared_sandbox() -> Iterator[Sandbox]:
    """A sandbox shared by all tests; each uses resources of its own."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def client(shared_sandbox: Sandbox) -> Iterator[Client]:
    """A client of the clean sandbox."""
    client = Client(shared_sandbox.url)
    yield client
    client.http.close()


@pytest.fixture
def bent() -> Iterator[Any]:
    """Start a sandbox with defects or variants, and return its client with the sandbox beside it."""
    opened: list[tuple[Sandbox, Client]] = []

    def open_one(*defects: str, **variants: Any) -> Any:
        sandbox = Sandbox(defects=defects, variants=variants).start()
        opened.append((sandbox, Client(sandbox.url)))
        return SimpleNamespace(sandbox=sandbox, client=opened[-1][1])

    yield open_one
    for sandbox, client in opened:
        client.http.close()
        sandbox.close()
