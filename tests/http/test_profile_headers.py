"""Headers and the proxy of a profile: sent with every request, and never kept."""

import json
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from conformance.errors import ProfileError, TransportError
from conformance.http.client import Request
from conformance.profile import load
from conformance.report.curl import curl
from conformance.session import Session
from conformance.states import Wanted
from tests.authority import Authority
from tests.support import Handler, RawServer, always, handed_on, reply_with, serving

PROFILE = """
[target]
name = "Acme"
api = "payout-intents"
base_url = "{url}"
environment = "test"
{target}
[credentials.primary]
public_key = "${{PK}}"
secret_key = "${{SK}}"
[states]
url = "{url}/_states"
{states}
"""
ENVIRON = {
    "PK": "pk_1234567",
    "SK": "sk_1234567",
    "GATEWAY": "gw-52-secret",
    "SHORT": "x1",
    "STATES": "st-secret",
}
TARGET = 'headers = { "X-Gateway-Key" = "${GATEWAY}", X-Tenant = "acme", X-Pin = "${SHORT}", X-Old = "Key ${GATEWAY}" }'
STATES = 'headers = { Authorization = "Bearer ${STATES}" }'


@contextmanager
def opened(folder: Path, url: str, target: str = TARGET, states: str = STATES) -> Iterator[Session]:
    """A session by a profile with these lines."""
    (folder / "acme.toml").write_text(PROFILE.format(url=url, target=target, states=states))
    session = Session(load(folder / "acme.toml", ENVIRON), folder / "run")
    try:
        yield session
    finally:
        session.close()


def test_headers_go_out_with_every_request_and_are_kept_by_no_record(tmp_path: Path) -> None:
    """A request's own header comes first; the target's stay with the target, the source's with the source."""
    echo = always(reply_with(json.dumps({"id": "one", "error": ENVIRON["GATEWAY"]}).encode()))
    with serving(echo, keep=True) as server, opened(tmp_path, server.url) as session:
        session.client.send(lambda: Request("GET", "/a"))
        session.client.send(lambda: Request("GET", "/a", (("x-tenant", "globex"),)))
        session.leases.unseen(Wanted("payout-intents", "processing"))
        kept = session.recorder.exchanges

    read, own, setup = (request.decode("latin-1").lower() for request in server.requests[:3])
    for line in ("x-gateway-key: gw-52-secret", "x-tenant: acme", "x-pin: x1", "x-old: key gw-52-secret"):
        assert f"\r\n{line}\r\n" in read
        assert line not in setup
    assert own.count("x-tenant") == 1
    assert "x-tenant: globex" in own
    assert "\r\nauthorization: bearer st-secret\r\n" in setup
    assert "st-secret" not in read
    assert "gw-52" not in repr(kept)
    shown = dict(kept[0].request_headers)
    assert (shown["X-Tenant"], shown["X-Pin"]) == ("[redacted:X-Tenant]", "[redacted:X-Pin]")
    assert shown["X-Old"] == "Key [redacted:GATEWAY]"
    assert kept[0].response_body == b'{"id": "one", "error": "[redacted:GATEWAY]"}'


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_a_curl_line_takes_them_from_the_environment(tmp_path: Path) -> None:
    """A curl line takes the profile's headers from the environment, and sends the same request."""
    with serving(always(reply_with()), keep=True) as server, opened(tmp_path, server.url) as session:
        session.client.send(lambda: Request("GET", "/a"))
        line = curl(session.recorder.exchanges[0], session.profile.target)
        variables = {**ENVIRON, "X_Tenant": "acme", "X_Pin": "x1"}
        subprocess.run(
            ["sh", "-c", line], env={"PATH": "/usr/bin:/bin", **variables}, check=True, capture_output=True
        )

    sent, again = (request.decode("latin-1").lower().split("\r\n") for request in server.requests)
    assert [one for one in again if one.startswith("x-")] == [one for one in sent if one.startswith("x-")]


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ('headers = { authorization = "x" }', "authorization: requests bring this header themselves"),
        ('headers = { Idempotency-Key = "x" }', "requests bring this header themselves"),
        ('headers = { host = "x" }', "requests bring this header themselves"),
        ('headers = { "X Y" = "x" }', "not the name of a header"),
        ('headers = { X-A = "a\\nb" }', "a character that no header can hold"),
        ("headers = { X-A = 1 }", "must be a text"),
        ('headers = "X-A: 1"', "this is a table"),
        ('proxy = "http://me:word@proxy:3128"', "credentials don't belong in a URL"),
        ('proxy = "https://proxy"', "not the address of an HTTP proxy"),
        ('proxy = "http://proxy/path"', "not the address of an HTTP proxy"),
    ],
)
def test_what_would_break_requests_is_a_profile_error(tmp_path: Path, target: str, says: str) -> None:
    with pytest.raises(ProfileError) as caught, opened(tmp_path, "http://x", target):
        pass

    assert says in caught.value.message
    assert "word" not in caught.value.message
    assert caught.value.hint


def forwarding(url: str) -> Handler:
    """A proxy for plain HTTP in front of one server; it opens no tunnels."""

    def answer(peer: object, request: bytes) -> None:
        refused = reply_with(b"", status="403 No tunnels here")
        whole = (
            refused
            if request.startswith(b"CONNECT")
            else handed_on(url, request.replace(url.encode(), b"", 1))
        )
        peer.sendall(whole)  # type: ignore[attr-defined]

    return answer


def test_requests_go_through_the_proxy_of_the_profile(tmp_path: Path) -> None:
    """With the whole address in the request line (RFC 9112 section 3.2.2)."""
    with (
        serving(always(reply_with(b'{"id": "one"}'))) as target,
        serving(forwarding(target.url)) as proxy,
        opened(tmp_path, target.url, f'proxy = "{proxy.url}"', "") as session,
    ):
        reply = session.documented.read("one", "primary")

    assert reply.status == 200
    assert proxy.requests[0].startswith(f"GET {target.url}/payout_intents/one HTTP/1.1\r\n".encode())
    assert len(target.requests) == len(proxy.requests) == 1


class Tunnels(RawServer):
    """A proxy that opens tunnels to one port of this machine, whatever the name (RFC 9110 section 9.3.6).

    `through` is what the client sent into them.
    """

    def __init__(self, port: int) -> None:
        self._to, self.through = port, b""
        super().__init__(self._tunnel)

    def _tunnel(self, peer: socket.socket, request: bytes) -> None:
        del request
        with socket.create_connection(("127.0.0.1", self._to)) as target:
            peer.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_pump, args=(target, peer))
            back.start()
            while data := peer.recv(65536):
                self.through += data
                target.sendall(data)
            with suppress(OSError):
                target.shutdown(socket.SHUT_RDWR)
            back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)


def test_a_tls_target_is_reached_by_a_tunnel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy learns host and port, and no more: the session with the target is encrypted, its name checked."""
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    context = authority.context(authority.certificate("payouts.test"))
    answer = always(reply_with(b'{"id": "one"}'))
    with serving(answer, keep=True, tls=context) as target, closing(Tunnels(target.port)) as proxy:
        line = f'proxy = "{proxy.url}"\n{TARGET}'
        with opened(tmp_path, "https://payouts.test", line, "") as session:
            replies = [session.documented.read("one", "primary") for _ in range(2)]
        with (
            opened(tmp_path, "https://elsewhere.test", line, "") as session,
            pytest.raises(TransportError, match="certificate") as caught,
        ):
            session.documented.read("one", "primary")

    assert [reply.status for reply in replies] == [200, 200]
    (first, second) = proxy.requests
    assert first.startswith(b"CONNECT payouts.test:443 HTTP/1.1\r\n")
    assert second.startswith(b"CONNECT elsewhere.test:443 HTTP/1.1\r\n")
    assert len(target.requests) == 2
    assert b"X-Gateway-Key: gw-52-secret" in target.requests[0]
    seen = first + second + proxy.through
    assert not [one for one in (b"gw-52-secret", b"/payout_intents/one", b"Authorization") if one in seen]
    assert caught.value.hint != "Check target.proxy.", "the proxy did what it was asked for"


def test_a_proxy_that_fails_is_named(tmp_path: Path) -> None:
    """A proxy that opens no tunnel or isn't there is named in the error."""
    with serving(forwarding("")) as proxy:
        for url, says in ((proxy.url, "403 No tunnels here"), ("http://127.0.0.1:1", "refused")):
            with (
                opened(tmp_path, "https://target.invalid", f'proxy = "{url}"', "") as session,
                pytest.raises(TransportError, match=says) as caught,
            ):
                session.documented.read("one", "primary")
            assert caught.value.hint == "Check target.proxy."
    assert proxy.requests[0].startswith(b"CONNECT target.invalid:443 HTTP/1.1\r\n")


def test_a_proxy_of_the_environment_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with serving(always(reply_with())) as server, opened(tmp_path, server.url) as session:
        assert session.documented.read("one", "primary").status == 200
