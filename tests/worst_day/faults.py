"""Faults of a target against its callers: each one is a small function over a real connection.

A fault gets the connection and the number of this request (0 for the first that the target ever got); whatever it
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
from dataclasses import dataclass
from functools import partial

from tests.support import PATIENCE_S, Listener, read_request

Fault = Callable[[socket.socket, int], None]

# A refusal in both APIs' envelope: nothing is wrong with it but what a fault does to it.
ENVELOPE = b'{"success": false, "error": {"code": "RESOURCE_NOT_FOUND", "message": "no such withdraw"}}'
MB = 1_000_000


class _Last(threading.local):
    """The request that the thread of a connection is about, and the event that ends the target."""

    request = b""
    over = threading.Event()


LAST = _Last()


@dataclass(frozen=True, slots=True)
class Manner:
    """How a connection is treated: `tls` makes its server's side; where nothing is read, the fault comes at once."""

    fault: Fault
    tls: Callable[[], ssl.SSLContext] | None = None
    reads: bool = True


class Target(Listener):
    """A server on a real socket; `manner` says how its nth connection (from 1) is treated."""

    def __init__(self, manner: Callable[[int], Manner], *, scheme: str = "http") -> None:
        self._manner = manner
        self._numbers = itertools.count()
        self._ended = 0
        self._changed = threading.Condition()
        super().__init__(scheme)

    def treat(self, connection: int) -> Callable[[socket.socket], None]:
        return partial(self._serve, self._manner(connection))

    def has_done(self, number: int) -> None:
        """Waits until so many faults are over, and what was to be closed behind them is closed."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._ended >= number, PATIENCE_S)

    def _serve(self, manner: Manner, peer: socket.socket) -> None:
        LAST.over = self.over
        begun = 0
        try:
            with suppress(OSError), peer:
                if manner.tls is not None:
                    begun = 1  # whoever doesn't get through the handshake is one, too
                    peer = manner.tls().wrap_socket(peer, server_side=True)
                    begun = 0
                    self._open.append(peer)
                with peer:
                    while manner.reads and (request := read_request(peer)):
                        self.requests.append(request)
                        LAST.request = request
                        begun = 1
                        manner.fault(peer, next(self._numbers))
                        begun = 0
                        self._has_ended()
                    if not manner.reads:
                        begun = 1
                        manner.fault(peer, next(self._numbers))
                    with suppress(OSError):
                        peer.shutdown(socket.SHUT_WR)
        finally:
            if begun:
                self._has_ended()

    def _has_ended(self) -> None:
        with self._changed:
            self._ended += 1
            self._changed.notify_all()


@contextmanager
def misbehaving(
    fault: Fault, *, tls: Callable[[int], ssl.SSLContext] | None = None, reads: bool = True
) -> Iterator[Target]:
    """A Target that treats everybody alike, for the length of a with block."""

    def manner(connection: int) -> Manner:
        return Manner(fault, None if tls is None else partial(tls, connection), reads)

    with serving(Target(manner, scheme="https" if tls else "http")) as target:
        yield target


@contextmanager
def serving(target: Target) -> Iterator[Target]:
    """The target, until the end of a with block."""
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


def says(*parts: bytes) -> Fault:
    """Sends this to every request, and keeps the connection open."""

    def fault(peer: socket.socket, _: int) -> None:
        for part in parts:
            peer.sendall(part)

    return fault


def says_and_ends(*parts: bytes) -> Fault:
    """Sends this, and closes the connection."""

    def fault(peer: socket.socket, number: int) -> None:
        says(*parts)(peer, number)
        raise Hangup

    return fault


def in_turn(*faults: Fault) -> Fault:
    """The first to the first request, and so on; the last to all that follow."""
    return lambda peer, number: faults[min(number, len(faults) - 1)](peer, number)


def every_third(fault: Fault, otherwise: Fault) -> Fault:
    """Two requests well, one badly, and so on."""
    return lambda peer, number: (fault if number % 3 == 2 else otherwise)(peer, number)


def resets(*parts: bytes) -> Fault:
    """Sends this, and resets the connection: an RST, not a FIN."""

    def fault(peer: socket.socket, _: int) -> None:
        for part in parts:
            peer.sendall(part)
        if parts:
            # Most of the time what was sent is read before the reset throws it away: it is a reset either way.
            time.sleep(0.02)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()
        raise Hangup

    return fault


def listens_and_resets() -> Fault:
    """Resets the connection as soon as anything has come, such as the first message of a handshake."""

    def fault(peer: socket.socket, number: int) -> None:
        peer.recv(1)
        resets()(peer, number)

    return fault


def trickles(data: bytes, *before: bytes, pause: float = 0.05) -> Fault:
    """A byte at a time, and in the end nothing, longer than anybody waits."""

    def fault(peer: socket.socket, number: int) -> None:
        for part in before:
            peer.sendall(part)
        for byte in data:
            peer.sendall(bytes([byte]))
            time.sleep(pause)
        silence(peer, number)

    return fault


def goes_on(block: bytes, *before: bytes) -> Fault:
    """Never stops sending, as fast as the other side takes it."""

    def fault(peer: socket.socket, _: int) -> None:
        for part in before:
            peer.sendall(part)
        many = block * max(1, 65536 // len(block))
        while True:
            peer.sendall(many)

    return fault


def silence(_: socket.socket, __: int) -> None:
    """Neither answers nor hangs up, for longer than anybody waits."""
    LAST.over.wait(PATIENCE_S)


def hesitates(seconds: float, then: Fault) -> Fault:
    """Takes its time, and answers."""

    def fault(peer: socket.socket, number: int) -> None:
        time.sleep(seconds)
        then(peer, number)

    return fault


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
