"""Running the sandbox: in a thread for tests and demos, or in the foreground for people."""

import asyncio
import signal
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from conformance.sandbox.app import App
from conformance.sandbox.credentials import CREDENTIALS
from conformance.sandbox.wire import Connection

LOOPBACK = "127.0.0.1"
_CLOSING_TURNS = 5
"""Turns of the event loop until the last connection accepted has been made, and closed again."""


class Sandbox:
    """The reference implementation of every API on a real socket, with the defects that you ask for.

    Use it as a context manager, or call `start` and `close`:

        with Sandbox(defects=["xy-paid-is-cancelled"]) as sandbox:
            httpx.get(sandbox.url + "/_control")

    `port` 0 takes a free one. Raises ValueError for an unknown defect or variant, OSError for a port in use.
    """

    credentials = CREDENTIALS

    def __init__(
        self,
        port: int = 0,
        *,
        defects: Iterable[str] = (),
        variants: Mapping[str, Any] | None = None,
    ) -> None:
        self._app = App(defects, variants)
        self._port = port
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where the APIs are, without a slash at the end."""
        return f"http://{LOOPBACK}:{self._port}"

    @property
    def states_url(self) -> str:
        """The provider-state endpoint."""
        return f"{self.url}/_states"

    @property
    def requests(self) -> int:
        """How many requests the APIs have got so far; those about provider states and control don't count."""
        return self._app.requests

    def start(self) -> Self:
        """Listen, and return once requests are answered."""
        if self._thread is not None:
            raise RuntimeError("This sandbox has been started.")
        listener = _listen(self._port)
        self._port = listener.getsockname()[1]
        ready = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(listener, ready)), name="sandbox", daemon=True
        )
        self._thread.start()
        ready.wait()
        return self

    def close(self) -> None:
        """Hang up and stop listening. Nothing happens to a sandbox that isn't running."""
        if self._thread is None or self._loop is None or self._stop is None:
            return
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._thread = self._loop = self._stop = None

    def configure(
        self,
        *,
        defects: Iterable[str] | None = None,
        variants: Mapping[str, Any] | None = None,
        reset: bool = True,
    ) -> None:
        """Switch defects and variants, as a POST to `/_control` does; None leaves them as they are."""
        self._call(lambda: self._app.configure(defects, variants, reset=reset))

    def auth_log(self) -> dict[str, Any]:
        """Failed authentications per API, as `GET /_control/auth-log` tells them."""
        found: dict[str, Any] = {}
        self._call(lambda: found.update(self._app.auth_log()))
        return found

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _call(self, act: Callable[[], None]) -> None:
        """Run something between two requests."""
        if self._loop is None:
            act()
            return

        async def run() -> None:
            act()

        asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    async def _serve(self, listener: socket.socket, ready: threading.Event) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        await serve(self._app, listener, self._stop, ready.set)


async def serve(app: App, listener: socket.socket, stop: asyncio.Event, ready: Callable[[], None]) -> None:
    """Answer on a listening socket until told to stop; then hang up on everybody."""
    connections: set[Connection] = set()
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(app, lambda: app.dialect, connections), sock=listener
    )
    ready()
    await stop.wait()
    # First stop accepting: asyncio leaks a connection that is being accepted while its server closes.
    with suppress(NotImplementedError):  # on Windows
        asyncio.get_running_loop().remove_reader(listener)
    await app.close()
    for _ in range(_CLOSING_TURNS):
        await asyncio.sleep(0)
        for connection in list(connections):
            connection.close()
    server.close()


def serve_forever(
    port: int = 0,
    defects: Iterable[str] = (),
    variants: Mapping[str, Any] | None = None,
    *,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serve in the foreground until SIGINT or SIGTERM; `on_ready` is told the URL. Raises as Sandbox does."""
    app = App(defects, variants)
    listener = _listen(port)
    url = f"http://{LOOPBACK}:{listener.getsockname()[1]}"

    async def run() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            # Not on Windows, and not off the main thread: a KeyboardInterrupt ends it there.
            with suppress(NotImplementedError, ValueError):
                loop.add_signal_handler(number, stop.set)
        await serve(app, listener, stop, lambda: on_ready(url) if on_ready else None)

    asyncio.run(run())


def _listen(port: int) -> socket.socket:
    """Listen on loopback, in the caller's thread, so that a port in use is the caller's exception."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, port))
        listener.listen(256)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener
