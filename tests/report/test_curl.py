"""The commands, run by a real shell against a real server: what arrives is what was sent."""

import base64
import hashlib
import hmac
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from conformance.model import Auth, Exchange, Target
from conformance.report import codec, har
from conformance.report.curl import curl
from tests.support import PATIENCE_S

from . import sample

SECRETS = {
    "ACME_API_KEY": "key one",
    "ACME_API_SECRET": "s3cr$t'\"`x`",
    "ACME_OTHER_KEY": "key-two",
    "ACME_OTHER_SECRET": "other",
    "ACME_PUBLIC": "pk",
    "ACME_SECRET": "sk:with:colons" + "x" * 90,
}
INTENTS = Target(
    "Acme",
    "payout-intents",
    "https://a.test",
    "test",
    {"primary.public_key": "ACME_PUBLIC", "primary.secret_key": "ACME_SECRET"},
)


@dataclass
class Arrived:
    """The last request that the server saw."""

    method: str = ""
    path: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def all(self, name: str) -> list[str]:
        """Every value of the header, in order."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def one(self, name: str) -> str:
        """The only value of the header."""
        (value,) = self.all(name)
        return value


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, Arrived]]:
    """A server on the loopback that answers 200 to everything, and its memory."""
    arrived = Arrived()

    class Handler(BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            arrived.method, arrived.path = self.command, self.path
            arrived.headers = list(self.headers.items())
            arrived.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        thread = Thread(target=listener.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.server_port}", arrived
        listener.shutdown()


def run(command: str, folder: Path | None = None, shell: str = "bash") -> None:
    """Runs a command as somebody who pasted it would, secrets in the environment."""
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **SECRETS}
    subprocess.run(
        [shell, "-euc", command],
        env=environment,
        check=True,
        capture_output=True,
        cwd=folder,
        timeout=PATIENCE_S,
    )


def at(base: str, sent: Exchange) -> Exchange:
    """The same exchange, with the local server as its target."""
    return Exchange(
        **{name: getattr(sent, name) for name in sent.__slots__}
        | {"url": base + sent.url.partition(".test")[2]}
    )


BODIES = [
    b"",
    b'{"reason": "it\'s \\"quoted\\" $HOME `id` !! 100%"}',
    b'{"reason": "two\nlines\r\n\ttab"}\n\n',
    '{"reason": "\u202eRTL é 🎉 \u200b"}'.encode(),
    b"\x00\x01\xff\xfe'\\x41 %s%n 7\x007",
    b"@/etc/passwd",
    b"-n --help",
    b"\n",
    b"-\x00",
]


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("shell", ["bash", "dash"])
def test_a_body_arrives_byte_for_byte(server: tuple[str, Arrived], body: bytes, shell: str) -> None:
    """Quotes, newlines, NUL, invalid UTF-8, and what looks like an option or a file; signed afresh."""
    base, arrived = server
    headers = (
        *sample.exchange().request_headers[:3],
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
    )
    command = curl(at(base, sample.exchange(request_body=body, request_headers=headers)), sample.TARGET)
    run(command, shell=shell)
    assert arrived.body == body
    assert arrived.one("Content-Type") == "application/json"
    assert arrived.one("Content-Length") == str(len(body))
    signed = arrived.one("X-Timestamp").encode() + b"." + body
    expected = hmac.new(SECRETS["ACME_API_SECRET"].encode(), signed, hashlib.sha256).hexdigest()
    assert arrived.one("X-Signature") == f"sha256={expected}"
    assert arrived.one("X-API-Key") == SECRETS["ACME_API_KEY"]
    assert len(arrived.one("X-Timestamp")) == 13


def test_a_cancel_without_a_body_has_no_content_type(server: tuple[str, Arrived]) -> None:
    """The documented request: three headers, no body, no type."""
    base, arrived = server
    run(curl(at(base, sample.exchange()), sample.TARGET))
    assert arrived.method == "POST"
    assert arrived.path == f"/api/v1/withdraws/{sample.WITHDRAW}/cancel"
    assert arrived.all("Content-Type") == []
    assert arrived.all("Content-Length") == ["0"]


def test_a_body_without_a_type_gets_none(server: tuple[str, Arrived]) -> None:
    """Curl's own form type would change the request."""
    base, arrived = server
    run(curl(at(base, sample.exchange(request_body=b"{}", request_headers=())), sample.TARGET))
    assert arrived.all("Content-Type") == []
    assert arrived.body == b"{}"


def test_other_credentials_are_told_apart(server: tuple[str, Arrived]) -> None:
    """The marker in the recorded header says whose they were."""
    base, arrived = server
    headers = (
        ("x-api-key", "[redacted:other_merchant.api_key]"),
        ("x-timestamp", "1"),
        ("x-signature", "sha256=ab"),
    )
    run(curl(at(base, sample.exchange(request_headers=headers)), sample.TARGET))
    expected = hmac.new(b"other", arrived.one("X-Timestamp").encode() + b".", hashlib.sha256).hexdigest()
    assert arrived.one("X-API-Key") == "key-two"
    assert arrived.one("X-Signature") == f"sha256={expected}"


@pytest.mark.parametrize("value", ["Basic [redacted:primary.public_key:primary.secret_key]=", "[redacted]"])
def test_basic_credentials_come_from_the_environment(server: tuple[str, Arrived], value: str) -> None:
    """As the document's own example passes them; a literal idempotency key stays."""
    base, arrived = server
    headers = (("Authorization", value), ("Idempotency-Key", "a-b-c"), ("Content-Type", "application/json"))
    sent = sample.exchange(request_headers=headers, request_body=b"{}", signed=None)
    run(curl(at(base, sent), INTENTS))
    pair = f"{SECRETS['ACME_PUBLIC']}:{SECRETS['ACME_SECRET']}".encode()
    assert arrived.one("Authorization") == "Basic " + base64.b64encode(pair).decode()
    assert arrived.one("Idempotency-Key") == "a-b-c"


@pytest.mark.parametrize(
    ("name", "recorded", "expected"),
    [
        ("X-API-Key", "[redacted:other_merchant.api_key]", "key-two"),
        ("X-Signature", "sha256=00$HOME'`id`", "sha256=00$HOME'`id`"),
        ("X-Signature", "", ""),
        ("Authorization", "Bearer [redacted:primary.api_key]", "Bearer key one"),
        ("Authorization", "Basic [redacted:primary.api_key]Zz", "Basic [redacted:primary.api_key]Zz"),
        ("Authorization", "basic [redacted:primary.api_key:primary.api_secret]Q==", None),
        ("X-Signature", "sha256=\xe9\xff", "sha256=\xe9\xff"),
    ],
)
def test_altered_authentication_is_sent_as_it_was(
    server: tuple[str, Arrived], name: str, recorded: str, expected: str | None
) -> None:
    """With the variable in place of a whole secret, and nothing made valid that wasn't."""
    base, arrived = server
    sent = sample.exchange(request_headers=((name, recorded),), auth=Auth.ALTERED)
    run(curl(at(base, sent), sample.TARGET))
    if expected is None:
        pair = f"{SECRETS['ACME_API_KEY']}:{SECRETS['ACME_API_SECRET']}".encode()
        expected = "basic " + base64.b64encode(pair).decode()
    assert arrived.one(name) == expected


@pytest.mark.parametrize(
    "path", ["/a/%00/b", "/a/%zz/../b", "/a/..%2f/b?x=[1-3]&y={a,b}", "/a/'\"$HOME`id`!!/%F0%9F%98%80"]
)
def test_an_odd_path_arrives_unchanged(server: tuple[str, Arrived], path: str) -> None:
    """No globbing, no normalising, no expansion."""
    base, arrived = server
    run(curl(at(base, sample.exchange(url=f"https://x.test{path}")), sample.TARGET))
    assert arrived.path == path


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "X-ODD"])
def test_the_method_is_kept(server: tuple[str, Arrived], method: str) -> None:
    """HEAD doesn't hang either."""
    base, arrived = server
    run(curl(at(base, sample.exchange(method=method)), sample.TARGET))
    assert arrived.method == method


def test_odd_headers_arrive(server: tuple[str, Arrived]) -> None:
    """Repeated, empty, quoted and non-ASCII ones."""
    base, arrived = server
    headers = (
        ("Idempotency-Key", "a"),
        ("Idempotency-Key", "b"),
        ("X-Empty", ""),
        ("X-Odd", 'it\'s \xfc "$HOME" \t!'),
    )
    run(curl(at(base, sample.exchange(request_headers=headers, auth=Auth.NONE)), sample.TARGET))
    assert arrived.all("Idempotency-Key") == ["a", "b"]
    assert arrived.all("X-Empty") == [""]
    assert arrived.one("X-Odd") == 'it\'s \xfc "$HOME" \t!'


def test_a_credential_in_any_header_comes_from_its_variable(server: tuple[str, Arrived]) -> None:
    """A name of the caller in a header that no document has is read from the profile's variable, too."""
    base, arrived = server
    odd = sample.exchange(
        request_headers=(("X-Authenticated-User", "user [redacted:primary.public_key]"),), auth=Auth.NONE
    )
    command = curl(at(base, odd), INTENTS)
    assert "redacted" not in command
    run(command)
    assert arrived.one("X-Authenticated-User") == "user pk"


@pytest.mark.skipif(shutil.which("jq") is None, reason="the command for long bodies needs jq")
@pytest.mark.parametrize(
    "body", [b'{"reason": "' + b"x" * 200_000 + b'"}', b"\xff\x00" * 10_000], ids=["text", "binary"]
)
def test_a_long_body_comes_from_the_har(server: tuple[str, Arrived], tmp_path: Path, body: bytes) -> None:
    """A long body is read from the HAR, so that the command stays readable and no argument is too long."""
    base, arrived = server
    sent = at(base, sample.exchange(request_body=body, request_headers=sample.exchange().request_headers[:3]))
    record = sample.folded([sample.requirement("WD-01")], [], [sample.exchange(), sent])
    (tmp_path / "exchanges.har").write_text(codec.dumps(har.har(record)))
    command = curl(sent, sample.TARGET, index=1)
    assert len(command) < 1500
    run(command, tmp_path)
    assert hashlib.sha256(arrived.body).digest() == hashlib.sha256(body).digest()


def test_no_variable_is_ever_empty() -> None:
    """A profile that doesn't tell its variables still gives a command that says what to put where."""
    bare = Target("Acme", "withdraws", "https://a.test", "test", {"primary.api_key": "not a name; rm -rf /"})
    command = curl(sample.exchange(), bare)
    assert '"X-API-Key: $PRIMARY_API_KEY"' in command
    assert '"$PRIMARY_API_SECRET"' in command
    assert "rm -rf" not in command
