"""Playing requests to an implementation, and writing down what it answers.

Time and chance are fixed, so two transcripts differ only where two implementations do.
"""

import asyncio
import itertools
import json
import random
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from conformance.sandbox.app import App
from conformance.sandbox.messages import Request, Response, encode

START_MS = 1_700_000_000_000
METHODS = ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "POST")


class Courier:
    """Notes the events instead of sending them."""

    def __init__(self, transcript: list[Any]) -> None:
        self.transcript = transcript

    def send(self, url: str, event: dict[str, Any]) -> None:
        """Note an event."""
        self.transcript.append((url, event))


class Player:
    """Sends requests to an application and writes down the answers."""

    def __init__(self, *defects: str) -> None:
        self.transcript: list[Any] = []
        self.app = App(defects)
        self.app.courier = Courier(self.transcript)  # type: ignore[assignment]
        self.app.configure()

    async def call(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str | bytes] | list[tuple[str, bytes]],
        body: bytes = b"",
        connection: int = 0,
    ) -> Response:
        """One request; its answer goes to the transcript."""
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        raw = tuple(
            (name.encode(), value.encode() if isinstance(value, str) else value) for name, value in pairs
        )
        place, _, query = path.partition("?")
        reply = await self.app(Request(method, place, query, raw, body, connection))
        stackless = re.sub(rb'\b(line \d+|File \\".*?\\")', b"", reply.body)
        self.transcript.append((method, reply.status, reply.content_type, tuple(reply.headers), stackless))
        return reply

    async def order(self, **order: Any) -> dict[str, Any]:
        """Ask the provider-state endpoint for something."""
        reply = await self.app(Request("POST", "/_states", "", (), encode(order)))
        facts: dict[str, Any] = json.loads(reply.body)
        return facts

    async def given(self, contract: str, status: str, **params: Any) -> str:
        """A resource in a state."""
        facts = await self.order(action="setup", params={"contract": contract, "status": status, **params})
        identifier: str = facts["id"]
        return identifier

    async def settle(self, identifier: str) -> None:
        """Try to pay."""
        self.transcript.append(await self.order(action="settle", id=identifier))


@contextmanager
def hurried(times: int = 100) -> Iterator[None]:
    """What the sandbox does later comes so many times sooner, and so does whoever sleeps until then."""
    loop = asyncio.get_running_loop()
    plain = loop.call_later
    with patch.object(loop, "call_later", lambda delay, *rest, **more: plain(delay / times, *rest, **more)):
        yield


@contextmanager
def fixed_time_and_chance() -> Iterator[Callable[[], int]]:
    """Every reading of the clock is a millisecond later; every choice is the same in every run."""
    ticks, chance = itertools.count(START_MS), random.Random(0)
    modules = ("conformance.sandbox.withdraws.model", "conformance.sandbox.payout_intents.model")
    with (
        patch("conformance.sandbox.store.Clock.ms", lambda _self: next(ticks)),
        patch("conformance.sandbox.windows.TURNS", 1),
        patch("uuid.uuid4", lambda: uuid.UUID(int=chance.getrandbits(128), version=4)),
        patch("secrets.randbelow", chance.randrange),
        patch("secrets.choice", chance.choice),
        patch("secrets.token_hex", lambda size: chance.randbytes(size).hex()),
        patch(f"{modules[0]}._counter", itertools.count(1)),
        patch(f"{modules[1]}._counter", itertools.count(1)),
    ):
        yield lambda: next(ticks)


def overrides(method: str) -> list[dict[str, str]]:
    """Headers that ask for another method, where a server might listen to them."""
    names = ("POST", "DELETE") if method in {"GET", "POST"} else ()
    return [{}, *({"X-HTTP-Method-Override": name} for name in names)]
