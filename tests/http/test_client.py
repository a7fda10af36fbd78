"""The client on real sockets: what it sends, what it takes, and how it gives up."""

import gzip
import hashlib
import hmac
import resource
import socket
import struct
import time
import zlib

import httpcore
import pytest

from conformance.errors import TransportError
from conformance.http.client import BODY_CAP, Request
from conformance.http.transport import named
from conformance.profile import Credentials
from tests.conftest import Clients
from tests.support import always, reply_with, serving

GET = Request("GET", "/x")


def head_of(request: bytes) -> list[bytes]:
    """The lines of a request's head."""
    return request.partition(b"\r\n\r\n")[0].split(b"\r\n")


# -- what goes out -------------------------------------------------------------------------------------------


def test_the_bytes_that_are_signed_are_the_bytes_that_are_sent(clients: Clients) -> None:
    """A server that recomputes the HMAC over what it received agrees, byte for byte."""
    from conformance.suites.withdraws.authentication import signed_headers

    pair = Credentials("primary", ("k", "s3cret-ü"))
    bodies = [b"", b'{"a": 1}', b"\x00\xff\r\n", "ünï".encode(), b" " * 5000]
    with serving(always(reply_with()), keep=True) as server:
        client, _ = clients(server.url)
        for body in bodies:
            headers = tuple(signed_headers(pair, "1700000000000", body).items())
            client.send(lambda body=body, headers=headers: Request("POST", "/x", headers, body or None))

        for body, request in zip(bodies, server.requests, strict=True):
            head, _, sent = request.partition(b"\r\n\r\n")
            expected = hmac.new("s3cret-ü".encode(), b"1700000000000." + sent, hashlib.sha256).hexdigest()
            assert sent == body
            assert b"X-Signature: sha256=" + expected.encode() in head.split(b"\r\n")


def test_a_request_without_a_body_has_no_content_type_and_no_body(clients: Clients) -> None:
    """`body` None sends nothing: only the length of a POST is told, which is zero."""
    with serving(always(reply_with()), keep=True) as server:
        client, _ = clients(server.url)
        client.send(lambda: Request("POST", "/x"))
        client.send(lambda: GET)

    post, get = (head_of(request) for request in server.requests)
    names = [line.split(b":")[0].lower() for line in post[1:]]
    assert sorted(names) == sorted([b"host", b"content-length", b"accept", b"accept-encoding", b"user-agent"])
    assert b"Content-Length: 0" in post
    assert not [line for line in get if line.lower().startswith(b"content-")]


def test_headers_go_out_as_given(clients: Clients) -> None:
    """Names keep their case and order, values their bytes; a name sent twice is sent twice."""
    headers = (
        ("x-api-KEY", "k"),
        ("X-Timestamp", "1"),
        ("Idempotency-Key", "a"),
        ("Idempotency-Key", "b"),
        ("X-Empty", ""),
        ("X-Wide", "ü€"),
        ("User-Agent", "mine"),
        ("Accept", "text/html"),
    )
    with serving(always(reply_with())) as server:
        client, recorder = clients(server.url)
        client.send(lambda: Request("POST", "/x", headers))

    lines = head_of(server.requests[0])
    assert [line for line in lines if line.startswith((b"x-api-KEY", b"X-", b"Idem"))] == [
        b"x-api-KEY: k",
        b"X-Timestamp: 1",
        b"Idempotency-Key: a",
        b"Idempotency-Key: b",
        b"X-Empty: ",
        "X-Wide: ü€".encode(),
    ]
    assert lines.count(b"User-Agent: mine") == 1
    assert not [line for line in lines if line.startswith(b"Accept: */*")]
    recorded = dict(recorder.exchanges[0].request_headers)
    assert recorded["X-Wide"].encode("latin-1") == "ü€".encode()


@pytest.mark.parametrize(
    "target",
    ["/a/%zz/b", "/a/%00/b", "/a/..%2fb", "/a/../b", "//a", "/a%E2%82%AC?x=%20;y", "/" + "a" * 10_000],
)
def test_raw_targets_are_not_mended(clients: Clients, target: str) -> None:
    """A request target is sent as given: no dot segment is removed, no character quoted or unquoted."""
    with serving(always(reply_with())) as server:
        client, recorder = clients(f"{server.url}/base/")
        client.send(lambda: Request("GET", target))

    assert server.requests[0].split(b"\r\n")[0] == f"GET /base{target} HTTP/1.1".encode()
    assert recorder.exchanges[0].url == f"{server.url}/base{target}"


def test_a_long_request_line_goes_on_a_connection_of_its_own(clients: Clients) -> None:
    """A long request line uses a connection of its own, so that a reset doesn't cost another request its answer."""
    with serving(always(reply_with()), keep=True) as server:
        client, _ = clients(server.url)
        for path in ("/x", "/" + "a" * 10_000, "/x"):
            client.send(lambda path=path: Request("GET", path))

        assert server.connections == 2


def test_cookies_are_not_sent_back(clients: Clients) -> None:
    """A Set-Cookie changes nothing about the next request."""
    answer = reply_with(headers="Set-Cookie: session=1; Path=/\r\nContent-Type: application/json")
    with serving(always(answer), keep=True) as server:
        client, _ = clients(server.url)
        client.send(lambda: GET)
        client.send(lambda: GET)

    assert b"cookie" not in server.requests[1].lower()


@pytest.mark.parametrize("location", ["/elsewhere", "http://[bad", "http://127.0.0.1:1/"])
def test_redirects_are_answers(clients: Clients, location: str) -> None:
    """A 302 is handed over as it is, wherever it points; nobody follows it."""
    with serving(always(reply_with(status="302 Found", headers=f"Location: {location}"))) as server:
        client, _ = clients(server.url)
        reply = client.send(lambda: GET)

    assert (reply.status, reply.header("location")) == (302, location)
    assert len(server.requests) == 1


# -- no answer -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at_once", "then"),
    [
        (b"", b""),
        (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"x"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["nothing ever", "trickled head", "trickled body", "endless informational"],
)
def test_the_deadline_is_over_the_whole_exchange(clients: Clients, at_once: bytes, then: bytes) -> None:
    """A target that keeps sending a little at a time, and would for ever, is given up on when its time is over."""

    def answer(peer: socket.socket, _: bytes) -> None:
        peer.sendall(at_once)
        while not server.over.wait(0.1):
            peer.sendall(then)

    with serving(answer) as server:
        client, recorder = clients(server.url, timeout_s=0.5)
        began = time.monotonic()
        with pytest.raises(TransportError) as caught:
            client.send(lambda: GET)
        took = time.monotonic() - began

    assert caught.value.kind == "timeout"
    assert took > 0.45
    assert recorder.exchanges[0].error is not None
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"", "reset"),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "protocol"),
        (b"\x00\x01\x02\x03" * 50, "protocol"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "protocol"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\n", "protocol"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "protocol"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000, "protocol"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd", "protocol"),
    ],
    ids=["nothing", "ssh", "garbage", "short body", "bad length", "bad chunk", "huge head", "bad gzip"],
)
def test_what_is_no_http_is_a_transport_fault(clients: Clients, answer: bytes, kind: str) -> None:
    """Named by a stable kind, recorded with the reason, and not tried again."""
    with serving(always(answer)) as server:
        client, recorder = clients(server.url)
        with pytest.raises(TransportError) as caught:
            client.send(lambda: GET)

    assert caught.value.kind == kind
    assert len(server.requests) == len(recorder.exchanges) == 1
    assert (recorder.exchanges[0].error or "").startswith(f"{kind}: ")


def test_a_reset_is_not_tried_again(clients: Clients) -> None:
    """Sending a cancel twice would hide what the first one did."""

    def reset(peer: socket.socket, _: bytes) -> None:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()

    with serving(reset) as server:
        client, _ = clients(server.url)
        with pytest.raises(TransportError) as caught:
            client.send(lambda: Request("POST", "/x"))
        time.sleep(0.1)

    assert caught.value.kind == "reset"
    assert len(server.requests) == 1


def test_an_unknown_host_and_a_closed_port_have_names(clients: Clients) -> None:
    """`dns` and `refused`: whoever reads it knows what to mend."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    for url, kind in ((f"http://127.0.0.1:{port}", "refused"), ("http://no-such-host.invalid", "dns")):
        with pytest.raises(TransportError) as caught:
            clients(url)[0].send(lambda: GET)
        assert caught.value.kind == kind


def test_a_reset_that_comes_before_anybody_looks_is_a_reset() -> None:
    """A reset during the connect, which is a matter of luck, is reported like any other reset."""
    fault = httpcore.ConnectError("[Errno 104] Connection reset by peer")
    fault.__cause__ = ConnectionResetError()

    assert named(fault).kind == "reset"


# -- bodies --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.0 200 OK\r\n\r\n{}", b"{}"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end", b"until the end"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n1\r\n \r\n0\r\nX: y\r\n\r\n",
            b"{} ",
        ),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" + reply_with(b"[]"), b"[]"),
        (reply_with(gzip.compress(b"zipped"), headers="Content-Encoding: gzip"), b"zipped"),
        (reply_with(zlib.compress(b"deflated"), headers="Content-Encoding: deflate"), b"deflated"),
        (reply_with(b"as it came", headers="Content-Encoding: br"), b"as it came"),
    ],
    ids=[
        "http/1.0",
        "until closed",
        "chunked",
        "no content",
        "informational",
        "gzip",
        "deflate",
        "unknown coding",
    ],
)
def test_every_way_of_sending_a_body_is_understood(clients: Clients, answer: bytes, body: bytes) -> None:
    """HTTP/1.0, chunks, trailers, content codings that nobody asked for."""
    with serving(always(answer)) as server:
        client, recorder = clients(server.url)
        reply = client.send(lambda: GET)

    assert (reply.body, reply.truncated) == (body, False)
    assert recorder.exchanges[0].response_body == body


def test_a_body_is_cut_at_the_cap(clients: Clients) -> None:
    """An endless answer ends the reading, not the run; the record says that it was cut."""

    def endless(peer: socket.socket, _: bytes) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            peer.sendall(b"x" * 65536)

    with serving(endless) as server:
        client, recorder = clients(server.url)
        reply = client.send(lambda: GET)

    assert (len(reply.body), reply.truncated) == (BODY_CAP, True)
    assert recorder.exchanges[0].truncated


def test_a_compressed_bomb_is_not_inflated(clients: Clients) -> None:
    """150 megabytes in 150 kilobytes cost one megabyte."""
    squeeze = zlib.compressobj(9, wbits=31)
    bomb = b"".join([squeeze.compress(b"\0" * 10_000_000) for _ in range(15)]) + squeeze.flush()
    with serving(always(reply_with(bomb, headers="Content-Encoding: gzip"))) as server:
        client, _ = clients(server.url)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        reply = client.send(lambda: GET)
        grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before

    assert (len(reply.body), reply.truncated) == (BODY_CAP, True)
    assert grown_kib < 60_000
