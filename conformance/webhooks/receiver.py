"""A web server that accepts the target's webhooks at once, unless it is to turn one away, and keeps them."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from conformance.errors import NotTestable
from conformance.states import Resource
from conformance.webhooks import wrappings

# Deliveries may be queued on the target's side: they are waited for so long, and more briefly after a timeout.
_TIMEOUT_S = 15.0
_LOOK_S = 0.05
_BRIEF_S = 1.0
# A parallel worker may hold the address for a while.
_BUSY_S = 60.0
_BODY_CAP = 1_000_000
# What names the event comes first: an id may be that of the delivery, which is another one each time.
_IDENTITIES = ("event_id", "eventId", "id", "uuid", "webhook_id")
_HEADERS = ("webhook-id", "event-id")


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message that the target delivered. `text` holds the headers and the message, with its wrappings and without."""

    text: str
    identity: str

    def is_about(self, resource: Resource, event: str) -> bool:
        """Returns whether the message names this event and this resource, wherever in it."""
        return event in self.text and resource.id in self.text


class Receiver:
    """The deliveries so far. `url` is where the target is to deliver to, `event` the name of the awaited event.

    Waits up to 15 s for a delivery; after the first timeout only 1 s.
    """

    def __init__(self, url: str, event: str = "") -> None:
        self.url = url
        self._event = event
        self._timeout_s = _TIMEOUT_S
        self._came: list[Delivery] = []
        self._turned_away: set[str] = set()
        self._news = threading.Condition()

    def accept(self, headers: list[tuple[str, str]], body: bytes) -> None:
        """Keeps a delivery, which holds one message or several."""
        heads = "\n".join(f"{name}: {value}" for name, value in headers)
        came = [
            Delivery(f"{heads}\n{text}\n{spelt_out}", _identity(headers, parsed))
            for text, parsed, spelt_out in wrappings.messages(body)
        ]
        with self._news:
            self._came += came
            self._news.notify_all()

    def turns_away(self, resource: Resource) -> None:
        """Has the next delivery about a resource answered by 500; it is kept all the same, and later ones are taken."""
        with self._news:
            self._turned_away.add(resource.id)

    def status_for(self, body: bytes) -> int:
        """Returns the status to answer a delivery with."""
        text = "\n".join([body.decode("utf-8", "replace"), *(one for *_, one in wrappings.messages(body))])
        with self._news:
            named = {one for one in self._turned_away if one in text}
            self._turned_away -= named
        return 500 if named else 200

    def about(self, resource: Resource) -> list[Delivery]:
        """Returns the deliveries of the event for this resource, each event once."""
        with self._news:
            found = {one.identity: one for one in self._came if one.is_about(resource, self._event)}
        return list(found.values())

    def waits_for(self, resource: Resource, *, more_than: int = 0) -> list[Delivery]:
        """Returns the deliveries of the event for this resource as soon as there are more than so many.

        Returns none after the timeout, which is the brief one for any but the first.
        """
        deadline = time.monotonic() + (_BRIEF_S if more_than else self._timeout_s)
        while len(found := self.about(resource)) <= more_than:
            with self._news:
                left = deadline - time.monotonic()
                if left <= 0:
                    if not more_than:
                        self._timeout_s = _BRIEF_S
                    return []
                self._news.wait(min(left, _LOOK_S))
        return found

    def said(self) -> str:
        """Returns the number of deliveries and the end of the last one, for messages."""
        with self._news:
            return f"{len(self._came)} deliveries" + (
                f", the last one {self._came[-1].text[-200:]}" if self._came else ""
            )


@contextmanager
def opened(
    listen: str | None, public_url: str | None, event: str = "", *, busy_s: float = _BUSY_S
) -> Iterator[Receiver]:
    """Opens a receiver of `event` (of any, where that is empty) on the address `listen`.

    Raises NotTestable where the profile names none, or it stays in use for `busy_s` seconds.
    """
    if listen is None:
        raise NotTestable(
            "the profile doesn't say where webhooks may be delivered", hint="Set webhooks.listen."
        )
    host, _, port = listen.rpartition(":")
    receiver = Receiver(public_url or "", event)
    server = _bound(host.strip("[]"), int(port), receiver, busy_s)
    # The port 0 takes a free one, which only the bound socket knows.
    receiver.url = receiver.url or f"http://{host}:{server.server_address[1]}/"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _bound(host: str, port: int, receiver: Receiver, busy_s: float) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10.0

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            body = self.rfile.read(min(int(length), _BODY_CAP)) if length.isdigit() else self._chunks()
            receiver.accept(list(self.headers.items()), body)
            self.send_response(receiver.status_for(body))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _chunks(self) -> bytes:
            """A chunked body (RFC 9112 section 7.1), empty where there is none."""
            body = b""
            if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
                while (size := int(self.rfile.readline().split(b";")[0] or b"0", 16)) and len(
                    body
                ) < _BODY_CAP:
                    body += self.rfile.read(size)
                    self.rfile.readline()
            return body

        def log_message(self, *args: Any) -> None:
            """Quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *args: Any) -> None:
            """Ignores callers that hang up."""

    # One worker at a time: the address is the lock.
    deadline = time.monotonic() + busy_s
    while True:
        try:
            return Server((host, port), Handler)
        except OSError as fault:
            if time.monotonic() > deadline:
                raise NotTestable(
                    f"nothing can listen on webhooks.listen: {fault.strerror}",
                    hint="Name a free address of this machine.",
                ) from fault
        time.sleep(0.1)


def _identity(headers: list[tuple[str, str]], parsed: Any) -> str:
    """Returns the id of the event; deliveries without one can't be told apart."""
    if isinstance(parsed, dict):
        found = next((parsed[name] for name in _IDENTITIES if isinstance(parsed.get(name), str | int)), None)
        if found is not None:
            return str(found)
    return next(
        (value for name, value in headers if name.lower().removeprefix("x-") in _HEADERS), "unidentified"
    )
