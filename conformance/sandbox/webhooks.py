"""Delivers events in the background, over plain HTTP, again until an answer is 2xx."""

import asyncio
from typing import Any
from urllib.parse import urlsplit

from conformance.sandbox.messages import encode

ATTEMPTS = 3
_TIMEOUT_S = 2.0
_FIRST_PAUSE_S = 0.05


class Courier:
    """Sends each event until it is accepted, at most three times, with the same event id each time."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def send(self, url: str, event: dict[str, Any]) -> None:
        """Deliver an event in the background."""
        task = asyncio.get_running_loop().create_task(self._deliver(url, encode(event)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Give up on what isn't delivered yet."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _deliver(self, url: str, body: bytes) -> None:
        for attempt in range(ATTEMPTS):
            try:
                async with asyncio.timeout(_TIMEOUT_S):
                    if 200 <= await post(url, body) < 300:
                        return
            except (OSError, ValueError, TimeoutError):
                pass  # the receiver is down or talks nonsense: that's what the next attempt is for
            await asyncio.sleep(_FIRST_PAUSE_S * 2**attempt)


async def post(url: str, body: bytes) -> int:
    """POST JSON and return the status. By hand, as a client library would honour proxies from outside."""
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
    try:
        writer.write(head.encode() + body)
        await writer.drain()
        return int((await reader.readline()).split()[1])
    except IndexError:
        raise ValueError("no status line") from None
    finally:
        writer.close()
