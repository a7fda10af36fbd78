"""What a target may do to whoever calls it: each misdeed a small function over a real connection.

A misdeed gets the connection and the number of this request (0 for the first that the target ever got); whatever it
doesn't close is closed behind it.
"""

import base64
import gzip
import itertools
import json
import socket
import ssl
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from tests.support import read_request

Misdeed = Callable[[socket.socket, int], None]

# A refusal in both APIs' envelope: nothing is wrong with it but what a misdeed does to it.
ENVELOPE = b'{"success": false, "error": {"code": "RESOURCE_NOT_FOUND", "message": "no such withdraw"}}'
MB = 1_000_000


class _Last(threading.local):
    """The request that the thread of a connection is about."""

    request = b""


LAST = _Last()


class Target:
    """A server on a real socket that misbehaves. `requests` is what it got, `connections` how often it was called."""

    def __init__(
        self, misdeed: Misdeed, *, tls: Callable[[int], ssl.SSLContext] | None = None, reads: bool = True
    ) -> None:
        self._misdeed, self._tls, self._reads = misdeed, tls, reads
        self.requests: list[bytes] = []
        self.connections = 0
        self._numbers = itertools.count()
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(peer, self.connections), daemon=True).start()

    def _serve(self, peer: socket.socket, connection: int) -> None:
        self._open.append(peer)
        with suppress(OSError), peer:
            if self._tls is not None:
                peer = self._tls(connection).wrap_socket(peer, server_side=True)
                self._open.append(peer)
            with peer:
                while self._reads and (request := read_request(peer)):
                    self.requests.append(request)
                    LAST.request = request
                    self._misdeed(peer, next(self._numbers))
                if not self._reads:
                    self._misdeed(peer, next(self._numbers))
                with suppress(OSError):
                    peer.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Stops listening and hangs up on everybody."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for peer in self._open:
            with suppress(OSError):
                peer.close()


@contextmanager
def misbehaving(
    misdeed: Misdeed, *, tls: Callable[[int], ssl.SSLContext] | None = None, reads: bool = True
) -> Iterator[Target]:
    """A Target for the length of a with block."""
    target = Target(misdeed, tls=tls, reads=reads)
    try:
        yield target
    finally:
        target.close()


class Hangup(OSError):
    """Ends the connection: the target's loop takes it for any other fault of a socket."""


# -- building blocks -----------------------------------------------------------------------------------------


def head(status: str = "404 Not Found", *lines: str) -> bytes:
    """The head of an answer, JSON unless `lines` name another type."""
    kind = (
        ()
        if any(line.lower().startswith("content-type") for line in lines)
        else ("Content-Type: application/json",)
    )
    return "\r\n".join([f"HTTP/1.1 {status}", *kind, *lines, "", ""]).encode("latin-1")


def answer(body: bytes = ENVELOPE, status: str = "404 Not Found", *lines: str) -> bytes:
    """A whole answer, rightly framed."""
    return head(status, *lines, f"Content-Length: {len(body)}") + body


def says(*parts: bytes) -> Misdeed:
    """Sends this to every request, and keeps the connection open."""

    def misdeed(peer: socket.socket, _: int) -> None:
        for part in parts:
            peer.sendall(part)

    return misdeed


def says_and_ends(*parts: bytes) -> Misdeed:
    """Sends this, and closes the connection."""

    def misdeed(peer: socket.socket, number: int) -> None:
        says(*parts)(peer, number)
        raise Hangup

    return misdeed


def in_turn(*misdeeds: Misdeed) -> Misdeed:
    """The first to the first request, and so on; the last to all that follow."""
    return lambda peer, number: misdeeds[min(number, len(misdeeds) - 1)](peer, number)


def every_third(misdeed: Misdeed, otherwise: Misdeed) -> Misdeed:
    """Two requests well, one badly, and so on."""
    return lambda peer, number: (misdeed if number % 3 == 2 else otherwise)(peer, number)


def resets(*parts: bytes) -> Misdeed:
    """Sends this, and resets the connection: an RST, not a FIN."""

    def misdeed(peer: socket.socket, _: int) -> None:
        for part in parts:
            peer.sendall(part)
        if parts:
            # What was sent is read before the reset throws it away.
            time.sleep(0.02)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()
        raise Hangup

    return misdeed


def listens_and_resets() -> Misdeed:
    """Resets the connection as soon as anything has come, such as the first message of a handshake."""

    def misdeed(peer: socket.socket, number: int) -> None:
        peer.recv(1)
        resets()(peer, number)

    return misdeed


def trickles(data: bytes, *before: bytes, pause: float = 0.05) -> Misdeed:
    """A byte at a time, much longer than anybody waits."""

    def misdeed(peer: socket.socket, _: int) -> None:
        for part in before:
            peer.sendall(part)
        for byte in data:
            peer.sendall(bytes([byte]))
            time.sleep(pause)
        raise Hangup

    return misdeed


def goes_on(block: bytes, *before: bytes) -> Misdeed:
    """Never stops sending, as fast as the other side takes it."""

    def misdeed(peer: socket.socket, _: int) -> None:
        for part in before:
            peer.sendall(part)
        many = block * max(1, 65536 // len(block))
        while True:
            peer.sendall(many)

    return misdeed


def silence(_: socket.socket, __: int) -> None:
    """Neither answers nor hangs up, for longer than anybody waits."""
    time.sleep(1.5)


def hesitates(seconds: float, then: Misdeed) -> Misdeed:
    """Takes its time, and answers."""

    def misdeed(peer: socket.socket, number: int) -> None:
        time.sleep(seconds)
        then(peer, number)

    return misdeed


# -- bodies --------------------------------------------------------------------------------------------------


def bomb(coding: str) -> bytes:
    """20 MB of nothing (50 in br) in that coding, in an answer of some 20 kB or less."""
    if coding == "br":
        packed = base64.b64decode(_BROTLI)
    else:
        squeeze = zlib.compressobj(9, wbits=31 if coding == "gzip" else 15)
        packed = b"".join(squeeze.compress(bytes(MB)) for _ in range(20)) + squeeze.flush()
    return answer(packed, "200 OK", f"Content-Encoding: {coding}")


_BROTLI = "z///f/gnAOKxQCD3/p/////wTwDEYQGA7v1//sHr458AiMMiAB10fQ=="


def enveloped(message: bytes) -> bytes:
    """The envelope, with these bytes for the string or whatever else its message is."""
    return answer(b'{"success": false, "error": {"code": "RESOURCE_NOT_FOUND", "message": ' + message + b"}}")


def many_keys(number: int) -> bytes:
    """An object with so many different keys."""
    return answer(json.dumps(dict.fromkeys(map(str, range(number)), 0)).encode())


def zipped(data: bytes, cut: int | None = None) -> bytes:
    """An answer in gzip, its last bytes left out."""
    return answer(gzip.compress(data)[:cut], "404 Not Found", "Content-Encoding: gzip")


LOGIN = b"<!doctype html><html><body><form action=/login><input name=user></form></body></html>"
