"""The examination judges TLS: a chain, a host, an expiry and a client's certificate, on real sockets."""

import ssl
from pathlib import Path

import pytest
from click.testing import CliRunner

from conformance.cli import main
from conformance.doctor.finding import Finding, State
from tests.authority import Authority
from tests.doctor.support import ENVELOPE, code, examined
from tests.support import always, reply_with, serving, write_profile

pytestmark = pytest.mark.usefixtures("settled")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate authority for all tests of TLS."""
    return Authority(tmp_path_factory.mktemp("ca"))


def over_tls(context: ssl.SSLContext, tmp_path: Path) -> dict[str, Finding]:
    """The doctor's findings about a TLS server."""
    with serving(always(reply_with(ENVELOPE, "404 Not Found")), keep=True, tls=context) as server:
        return examined(write_profile(tmp_path, "withdraws", server.url, states=""))


def test_a_private_ca_that_is_named(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chain, host and expiry are fine; without the variable it is said who issued what, and which variable helps."""
    context = authority.context()
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
    """Each fault of a certificate is named."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    lines = over_tls(authority.context(authority.certificate(address, (-30, days))), tmp_path)
    assert lines[line].state is state
    assert says in lines[line].todo


def test_a_client_certificate(authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for and not shown: said so. Named by a variable: shown by the doctor and by the client of a run."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    context = authority.context(asks=True)
    lines = over_tls(context, tmp_path)
    assert code(lines) == 4
    assert "SSL_CLIENT_CERT" in [*lines.values()][-1].todo

    monkeypatch.setenv("SSL_CLIENT_CERT", str(authority.certificate(days=(-30, 100))))
    lines = over_tls(context, tmp_path)
    assert lines["api"].state is State.OK


def test_a_client_certificate_that_is_none(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A usage error with the name of the variable."""
    monkeypatch.setenv("SSL_CLIENT_CERT", str(tmp_path / "nope.pem"))
    context = authority.context()
    with serving(always(b""), tls=context) as server:
        path = write_profile(tmp_path, "withdraws", server.url)
        done = CliRunner().invoke(main, ["doctor", str(path)])
    assert done.exit_code == 2
    assert "SSL_CLIENT_CERT" in done.stderr
    assert "PEM file" in done.stderr
