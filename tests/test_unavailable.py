"""Runs against targets that are unavailable now and then: no requirement is judged by that."""

import base64
import hashlib
import hmac
import re
import socket
import threading
from pathlib import Path

import pytest

from conformance.sandbox import CREDENTIALS
from tests.support import (
    READ_PATH,
    TERMINAL,
    SandboxProcess,
    certify,
    handed_on,
    outcomes,
    record,
    reply_with,
    serving,
    write_profile,
)

_EACH, _MOST = 9, 8
_PAGE = b"<html><head><title>Bad Gateway</title></head><body>nginx</body></html>"


class Front:
    """Passes requests on, but for every ninth documented cancel, which gets no answer of the target, eight times.

    `kind` is what happens to it: a page of a front server, with a status, a connection that is closed (`lost`), or
    one that is closed after the target has carried it out (`too_late`). No such request may be sent again, as nobody
    knows whether it had an effect. Every check that was about one begins again; the next time nothing is lost.
    """

    def __init__(self, url: str, api: str, kind: str) -> None:
        self._url, self._api, self._kind = url, api, kind
        self._counting = threading.Lock()
        self._seen = self.lost = 0

    def pass_on(self, peer: socket.socket, request: bytes) -> None:
        """Passes one request on, or loses it."""
        if not self._is_due(request):
            peer.sendall(re.sub(rb"(?im)^connection: close\r\n", b"", handed_on(self._url, _bare(request))))
            return
        if self._kind == "too_late":
            handed_on(self._url, _bare(request))
        if self._kind.isdigit():
            peer.sendall(reply_with(_PAGE, f"{self._kind} Bad Gateway", "Content-Type: text/html"))
        else:
            peer.shutdown(socket.SHUT_RDWR)

    def _is_due(self, request: bytes) -> bool:
        if not _is_documented_cancel(self._api, request):
            return False
        with self._counting:
            self._seen += 1
            due = self._seen % _EACH == 0 and self.lost < _MOST
            self.lost += due
            return due


def _bare(request: bytes) -> bytes:
    return re.sub(rb"(?im)^connection:.*\r\n", b"", request, count=1)


def _is_documented_cancel(api: str, request: bytes) -> bool:
    """Whether a request is a cancel as the first caller sends it, with nothing odd about it."""
    head, _, body = request.partition(b"\r\n\r\n")
    pair = CREDENTIALS[api]["primary"]
    path = {"withdraws": rb"/api/v1/withdraws/[0-9a-f-]{36}", "payout-intents": rb"/payout_intents/\w+"}[api]
    if re.match(rb"POST " + path + rb"/cancel HTTP", head) is None:
        return False
    told = {
        name.lower(): value.strip() for name, _, value in (one.partition(b":") for one in head.split(b"\r\n"))
    }
    if api == "payout-intents":
        right = base64.b64encode(f"{pair['public_key']}:{pair['secret_key']}".encode())
        plain = re.fullmatch(rb'\{("reason": ?"[\w ]+")?\}', body) is not None
        return plain and told.get(b"authorization") == b"Basic " + right
    signed = told.get(b"x-timestamp", b"") + b"." + body
    digest = hmac.new(pair["api_secret"].encode(), signed, hashlib.sha256).hexdigest()
    return told.get(b"x-signature") == f"sha256={digest}".encode() and not body


@pytest.mark.parametrize(
    ("api", "kind"),
    [
        *(("withdraws", kind) for kind in ("502", "lost", "too_late")),
        *(("payout-intents", kind) for kind in ("504", "lost")),
    ],
)
def test_what_gets_no_answer_is_begun_again(
    sandbox: SandboxProcess, tmp_path: Path, api: str, kind: str
) -> None:
    """Documented cancels are lost, some once they were carried out: their checks begin again, nothing is accused."""
    sandbox.bend()
    front = Front(sandbox.url, api, kind)
    more = READ_PATH if api == "withdraws" else TERMINAL
    with serving(front.pass_on, keep=True) as server:
        states = f'url = "{sandbox.url}/_states"\n{more}'
        done = certify(write_profile(tmp_path, api, server.url, states=states))

    found = outcomes(tmp_path)
    assert {one: told for one, told in found.items() if told not in ("passed", "not_applicable")} == {}, (
        done.stdout
    )
    assert done.returncode == 0
    assert front.lost == _MOST
    notes = " ".join(record(tmp_path)["notes"])
    # One whose answer is the proof of other checks alone isn't on record where none came.
    found_out = re.search(r"was unavailable (?:once|(\d+) times)", notes)
    assert found_out, notes
    assert _MOST / 2 < int(found_out[1] or 1) <= _MOST
    assert re.search(r"\d+ checks? got no answer that could be judged, and began again", notes)
