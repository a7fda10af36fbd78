"""The whole examination on real sockets: what was tried, what came, what to do. Nothing that exists is cancelled."""

import json
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from conformance import catalogue
from conformance.cli import main
from conformance.doctor import quick as module
from conformance.doctor.examine import examine
from conformance.doctor.line import Line, State, exit_code
from conformance.doctor.network import proxy
from conformance.profile import load
from conformance.sandbox import Sandbox
from tests.support import (
    CREDENTIAL_ENV,
    READ_PATH,
    TERMINAL,
    SandboxProcess,
    always,
    reply_with,
    serving,
    write_profile,
)

APIS = catalogue.apis()
STATES = {"withdraws": f"sandbox = true\n{READ_PATH}", "payout-intents": f"sandbox = true\n{TERMINAL}"}
ENVELOPE = b'{"success": false, "error": {"code": "RESOURCE_NOT_FOUND", "message": "no"}}'


@pytest.fixture(autouse=True)
def _settled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Credentials in the environment, no waiting for connections to close, used ids of nobody else's."""
    monkeypatch.setattr(module, "_MOMENT_S", 0.0)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name, value in CREDENTIAL_ENV.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def target() -> Iterator[Sandbox]:
    """A sandbox in this process."""
    with Sandbox() as sandbox:
        yield sandbox


class Asked(SandboxProcess):
    """A sandbox that runs elsewhere, asked as one in another process is."""

    def __init__(self, url: str) -> None:
        self.url = url


def examined(path: Path, **environ: str) -> dict[str, Line]:
    """The lines by their ids."""
    return {line.id: line for line in examine(load(path, {**CREDENTIAL_ENV, **environ}))}


def code(lines: dict[str, Line]) -> int:
    return exit_code(list(lines.values()))


@pytest.mark.parametrize("api", APIS)
def test_a_target_that_is_ready(target: Sandbox, tmp_path: Path, api: str) -> None:
    """All lines are fine, every state was had and seen, and nothing is left behind."""
    more = '\nwebhooks = true\n\n[webhooks]\nlisten = "127.0.0.1:0"' if api == "payout-intents" else ""
    path = write_profile(
        tmp_path, api, target.url, states=STATES[api], capabilities=f"cancel_processing = true{more}"
        if api == "withdraws" else f"settlement = true{more}"
    )  # fmt: skip
    lines = examined(path)

    assert {line.state for line in lines.values()} == {State.OK}
    assert code(lines) == 0
    owners = ("", "other_merchant.") if api == "withdraws" else ("", "other_merchant.", "other_environment.")
    for owner in owners:
        for status in ("paid", "failed", "processing"):
            assert f"reading it says {status}" in lines[f"states.{owner}{status}"].came
    assert "404" in lines["api"].came
    assert "401" in lines["credentials.wrong"].came
    if api == "payout-intents":
        assert lines["webhooks.public_url"].came == "it arrived"


def test_nothing_that_exists_is_cancelled(target: Sandbox, tmp_path: Path) -> None:
    """A list of ids is looked at, and stays as it was, to be used by a run."""
    ask = Asked(target.url)
    pending, paid = ask.make("withdraws", "pending"), ask.make("withdraws", "paid")
    path = write_profile(
        tmp_path, "withdraws", target.url, owners=("primary",),
        states=f'{READ_PATH}\n[states.ids]\npending = ["{pending}"]\npaid = ["{paid}"]',
    )  # fmt: skip
    first, second = examined(path), examined(path)

    assert first.keys() == second.keys()
    assert "reading it says pending" in second["states.pending"].came
    assert "reading it says paid" in second["states.paid"].came
    assert second["states.failed"].state is State.MISSING
    assert 'Add failed = ["..."]' in second["states.failed"].todo
    assert second["credentials.other_merchant"].state is State.MISSING
    assert code(second) == 3


def test_a_source_that_makes_something_else(target: Sandbox, tmp_path: Path) -> None:
    """It says paid and means pending: found out, where the state can be seen."""
    ask = Asked(target.url)
    pending = iter([ask.make("withdraws", "pending") for _ in range(10)])

    def answer(peer: socket.socket, request: bytes) -> None:
        one = next(pending) if b'"setup"' in request else "-"
        peer.sendall(reply_with(json.dumps({"id": one}).encode()))

    with serving(answer) as source:
        states = f'url = "{source.url}/states"\n{READ_PATH}'
        lines = examined(write_profile(tmp_path, "withdraws", target.url, owners=("primary",), states=states))

    assert lines["states.pending"].state is State.OK
    assert lines["states.paid"].state is State.WRONG
    assert "reading it says pending" in lines["states.paid"].came
    assert lines["states.paid"].todo
    assert code(lines) == 2


def test_states_that_cannot_be_had(target: Sandbox, tmp_path: Path) -> None:
    """An endpoint that isn't there, and no source at all: exit 3, with what to add."""
    path = write_profile(tmp_path, "withdraws", target.url, states=f'url = "{target.url}/nope"')
    lines = examined(path)
    assert lines["states.pending"].state is State.MISSING
    assert "404" in lines["states.pending"].came
    assert code(lines) == 3

    lines = examined(write_profile(tmp_path, "withdraws", target.url, states=""))
    assert "Add url, command, ids or sandbox" in lines["states"].todo
    assert code(lines) == 3


def test_credentials_that_are_refused(target: Sandbox, tmp_path: Path) -> None:
    """Each pair by itself, and by the names of its variables."""
    path = write_profile(tmp_path, "payout-intents", target.url, states=STATES["payout-intents"])
    lines = examined(path, SANDBOX_OTHER_MERCHANT_SECRET_KEY="not-it")

    assert lines["credentials.primary"].state is State.OK
    assert lines["credentials.other_merchant"].state is State.WRONG
    assert "SANDBOX_OTHER_MERCHANT_SECRET_KEY" in lines["credentials.other_merchant"].tried
    assert code(lines) == 2

    lines = examined(path, SANDBOX_SECRET_KEY="not-it")
    assert lines["api"].state is State.OK
    assert lines["credentials.primary"].state is State.WRONG
    assert "[credentials.other_merchant] are accepted" in lines["credentials.primary"].came
    assert code(lines) == 2


def test_a_target_that_reads_the_document_otherwise(target: Sandbox, tmp_path: Path) -> None:
    """It takes the credentials in another form: that is for a run to judge, and nothing of ours to mend."""
    target.configure(defects=["wd-seconds-are-expected"])
    lines = examined(write_profile(tmp_path, "withdraws", target.url, owners=("primary",)))
    assert lines["credentials.primary"].state is State.WARNING
    assert "a run will hold that against it" in lines["credentials.primary"].todo


def test_a_target_that_lets_everybody_in_is_suspected(tmp_path: Path) -> None:
    """A mock answers alike whatever the secret: a warning, as judging it is for a run."""
    with serving(always(reply_with(ENVELOPE, "404 Not Found")), keep=True) as server:
        lines = examined(write_profile(tmp_path, "withdraws", server.url, states=""))
    assert lines["credentials.wrong"].state is State.WARNING
    assert "mock" in lines["credentials.wrong"].todo


def test_what_the_headers_tell(tmp_path: Path) -> None:
    """A rate limit below what the profile asks for, a clock that is off, a connection that isn't kept."""
    headers = (
        "Content-Type: application/json\r\nDate: Mon, 01 Jan 2035 00:00:00 GMT\r\n"
        "RateLimit-Policy: 120;w=60\r\nX-RateLimit-Remaining: 7"
    )
    with serving(always(reply_with(ENVELOPE, "404 Not Found", headers))) as server:
        lines = examined(
            write_profile(tmp_path, "withdraws", server.url, states="", limits="requests_per_second = 20")
        )

    assert lines["rate"].state is State.WARNING
    assert "requests_per_second = 2 or less" in lines["rate"].todo
    assert "x-ratelimit-remaining: 7" in lines["rate"].came
    assert lines["clock"].state is State.WARNING
    assert "timestamp" in lines["clock"].todo
    assert lines["keep-alive"].state is State.NOTE


def test_a_name_and_a_port_that_are_not_there(tmp_path: Path) -> None:
    """The examination ends where the way does, with exit 4."""
    lines = examined(write_profile(tmp_path, "withdraws", "http://no-such-host.invalid"))
    assert list(lines) == ["dns"]
    assert lines["dns"].state is State.UNREACHABLE
    assert code(lines) == 4

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    lines = examined(write_profile(tmp_path, "withdraws", f"http://127.0.0.1:{port}"))
    assert list(lines) == ["dns", "tcp"]
    assert "running" in lines["tcp"].todo
    assert code(lines) == 4


def test_what_speaks_no_http(tmp_path: Path) -> None:
    """Exit 4, named."""
    with serving(always(b"220 smtp ready\r\n\r\n")) as server:
        lines = examined(write_profile(tmp_path, "withdraws", server.url))
    assert lines["http"].state is State.UNREACHABLE
    assert code(lines) == 4


def test_a_proxy_is_named_as_ignored() -> None:
    """By either spelling; and no word without one."""
    [line] = proxy({"https_proxy": "http://proxy:3128"})
    assert line.state is State.NOTE
    assert "HTTPS_PROXY" in line.came
    assert "ignores it" in line.came
    assert proxy({"NO_PROXY": "x"}) == []


# -- TLS -------------------------------------------------------------------------------------------------------


class Authority:
    """A private CA that signs whatever a test needs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test CA")])
        self.file = folder / "ca.pem"
        own = self._signed(self._name, self._key, 3650, ca=True)
        self.file.write_bytes(own.public_bytes(serialization.Encoding.PEM))

    def certificate(self, address: str = "127.0.0.1", days: int = 365) -> Path:
        """A PEM file with key and certificate, good for so many days from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, address)])
        made = self._signed(subject, key, days, address)
        path = self._folder / f"{address}-{days}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + made.public_bytes(serialization.Encoding.PEM)
        )
        return path

    def _signed(self, subject: x509.Name, key: Any, days: int, address: str = "", *, ca: bool = False) -> Any:
        now = datetime.now(UTC)
        built = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=30))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
        )
        if address:
            names = [x509.IPAddress(ip_address(address))]
            built = built.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return built.sign(self._key, hashes.SHA256())

    def context(self, certificate: Path, *, asks: bool = False) -> ssl.SSLContext:
        """A server's side; `asks` for a client certificate of this CA."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        if asks:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.file)
        return context


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """One CA for all tests of TLS."""
    return Authority(tmp_path_factory.mktemp("ca"))


def over_tls(context: ssl.SSLContext, tmp_path: Path) -> dict[str, Line]:
    """What the doctor says of a TLS server."""
    with serving(always(reply_with(ENVELOPE, "404 Not Found")), keep=True, tls=context) as server:
        return examined(write_profile(tmp_path, "withdraws", server.url, states=""))


def test_a_private_ca_that_is_named(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chain, host and expiry are fine; without the variable it is said who issued what, and which variable helps."""
    context = authority.context(authority.certificate())
    lines = over_tls(context, tmp_path)
    assert lines["tls"].state is State.UNREACHABLE
    assert "issued by CN=Test CA" in lines["tls"].came
    assert "SSL_CERT_FILE" in lines["tls"].todo

    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    lines = over_tls(context, tmp_path)
    assert lines["tls"].state is State.OK
    assert lines["tls.expiry"].state is State.OK
    assert str(authority.file) in lines["tls.ca"].came
    assert lines["api"].state is State.OK


@pytest.mark.parametrize(
    ("days", "address", "line", "state", "says"),
    [
        (-2, "127.0.0.1", "tls", State.UNREACHABLE, "expired"),
        (365, "127.0.0.2", "tls", State.UNREACHABLE, "another host"),
        (3, "127.0.0.1", "tls.expiry", State.WARNING, "renewed"),
    ],
    ids=["expired", "other host", "soon"],
)
def test_certificates_that_are_wrong(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    days: int, address: str, line: str, state: State, says: str,
) -> None:  # fmt: skip
    """Each named for what it is."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    lines = over_tls(authority.context(authority.certificate(address, days)), tmp_path)
    assert lines[line].state is state
    assert says in lines[line].todo


def test_a_client_certificate(authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for and not shown: said so. Named by a variable: shown by the doctor and by the client of a run."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    context = authority.context(authority.certificate(), asks=True)
    lines = over_tls(context, tmp_path)
    assert code(lines) == 4
    assert "SSL_CLIENT_CERT" in [*lines.values()][-1].todo

    monkeypatch.setenv("SSL_CLIENT_CERT", str(authority.certificate(days=100)))
    lines = over_tls(context, tmp_path)
    assert lines["api"].state is State.OK


def test_a_client_certificate_that_is_none(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A usage error with the name of the variable."""
    monkeypatch.setenv("SSL_CLIENT_CERT", str(tmp_path / "nope.pem"))
    context = authority.context(authority.certificate())
    with serving(always(b""), tls=context) as server:
        path = write_profile(tmp_path, "withdraws", server.url)
        done = CliRunner().invoke(main, ["doctor", str(path)])
    assert done.exit_code == 2
    assert "SSL_CLIENT_CERT" in done.stderr
    assert "PEM file" in done.stderr


# -- webhooks --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("listen", "public", "state", "says"),
    [
        ("127.0.0.1:0", "http://127.0.0.1:1/", State.NOTE, "can't be told from here"),
        ("0.0.0.0:0", "", State.WRONG, "webhooks.public_url"),
    ],
)
def test_webhook_addresses(
    target: Sandbox, tmp_path: Path, listen: str, public: str, state: State, says: str
) -> None:
    """What can't be delivered to, and what can't be told from here."""
    webhooks = f'[webhooks]\nlisten = "{listen}"' + (f'\npublic_url = "{public}"' if public else "")
    path = write_profile(
        tmp_path, "payout-intents", target.url, states=STATES["payout-intents"],
        capabilities=f"webhooks = true\n\n{webhooks}",
    )  # fmt: skip
    line = examined(path)["webhooks.public_url"]
    assert line.state is state
    assert says in line.todo


def test_a_webhook_address_in_use(target: Sandbox, tmp_path: Path) -> None:
    """Found out before a run waits for it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        path = write_profile(
            tmp_path, "payout-intents", target.url, states=STATES["payout-intents"],
            capabilities=f'webhooks = true\n\n[webhooks]\nlisten = "{listen}"',
        )  # fmt: skip
        lines = examined(path)
    assert lines["webhooks.listen"].state is State.WRONG
    assert "free address" in lines["webhooks.listen"].todo


# -- the command -----------------------------------------------------------------------------------------------


def test_the_command_in_words_and_in_json(target: Sandbox, tmp_path: Path) -> None:
    """The same lines, the same exit code, what comes next; and no secret in either."""
    path = write_profile(tmp_path, "withdraws", target.url, states=STATES["withdraws"])
    words = CliRunner().invoke(main, ["doctor", str(path)])
    data = CliRunner().invoke(main, ["doctor", str(path), "--json"])
    told = json.loads(data.stdout)

    assert (words.exit_code, data.exit_code, told["exit_code"]) == (0, 0, 0)
    assert words.stdout.count("\nok ") == len(told["lines"])
    assert f"payout-conformance run {path}" in words.stdout
    assert told["target"]["api"] == "withdraws"
    assert {line["state"] for line in told["lines"]} == {"ok"}
    assert not [secret for secret in CREDENTIAL_ENV.values() if secret in words.stdout + data.stdout]
