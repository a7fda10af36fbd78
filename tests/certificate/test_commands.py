"""`keygen`, `certify` and `verify` as people and CI meet them."""

import json
import re
import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from conformance.certificate import keys
from conformance.cli import main
from conformance.model import Outcome
from tests.certificate import runs
from tests.certificate.runs import MUSTS
from tests.support import SandboxProcess, certify, command, write_profile


def do(*words: str | Path, **env: str) -> Result:
    """The command, in this process."""
    cleared = {"GITHUB_ACTIONS": None, "GITLAB_CI": None, "PAYOUT_CONFORMANCE_PASSPHRASE": None}
    return CliRunner().invoke(main, [str(word) for word in words], env={**cleared, **env})


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a pair of keys, to work in."""
    monkeypatch.chdir(tmp_path)
    assert do("keygen", "--out", "acme").exit_code == 0
    return tmp_path


def _recent(folder: Path, outcomes: dict[str, Outcome] | None = None) -> None:
    """A run that ended a minute ago."""
    ended = datetime.now(UTC) - timedelta(minutes=1)
    times = [f"{at:%Y-%m-%dT%H:%M:%S}.000Z" for at in (ended - timedelta(minutes=1), ended)]
    runs.write(folder, outcomes, started=times[0], ended=times[1])


def test_a_real_run_is_certified_and_checked_by_somebody_else(
    tmp_path: Path, sandbox: SandboxProcess
) -> None:
    """From the keys to the partner who has nothing but three files, the public key and the command."""
    profile = write_profile(tmp_path, "withdraws", sandbox.url)
    ran = certify(profile)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    latest = tmp_path / "reports" / "latest"
    assert do("keygen", "--out", tmp_path / "acme").exit_code == 0
    signed = do("certify", latest, "--key", tmp_path / "acme.key.pem")
    assert signed.exit_code == 0, signed.output
    partner = tmp_path / "partner"
    partner.mkdir()
    for name in ("run.json", "exchanges.har", "certificate.json"):
        (partner / name).write_bytes((latest / name).read_bytes())
    (partner / "acme.pub.pem").write_bytes((tmp_path / "acme.pub.pem").read_bytes())

    checked = command("verify", "certificate.json", "--public-key", "acme.pub.pem", cwd=partner)

    assert checked.returncode == 0, checked.stdout + checked.stderr
    said = " ".join(checked.stdout.split())
    assert "Valid certificate CONFORMANT Acme (withdraws, test)" in said
    number = len(json.loads((latest / "run.json").read_text())["checks"])
    assert f"verdict recomputed from {number} checks" in said
    assert "profile.toml: not in the folder" in said
    assert "self-attested" in said
    assert "the build that is installed here" in said


@pytest.mark.parametrize(
    ("outcome", "word", "verdict", "code"),
    [
        (Outcome.PASSED, "PASSED", "CONFORMANT", 0),
        (Outcome.FAILED, "FAILED", "NON-CONFORMANT", 1),
        (Outcome.NOT_TESTABLE, "FAILED", "INCONCLUSIVE", 3),
    ],
)
def test_the_exit_code_is_that_of_the_run(
    here: Path, outcome: Outcome, word: str, verdict: str, code: int
) -> None:
    """For the signer and for the reader; a certificate of a failing run is valid, and isn't green."""
    _recent(here / "run", {MUSTS[0]: outcome})
    signed = do("certify", "run", "--key", "acme.key.pem")
    checked = do("verify", "run/certificate.json", "--public-key", "acme.pub.pem")

    assert (signed.exit_code, checked.exit_code) == (code, code)
    assert signed.output.startswith(f"Signed as {word}  {verdict}  Acme staging (withdraws, test)\n")
    assert checked.output.startswith(f"Valid certificate  {verdict}  Acme staging (withdraws, test)\n")
    if code:
        label = "failed" if code == 1 else "not settled"
        assert re.search(rf"^  {label} +{MUSTS[0]}$", checked.output, re.MULTILINE)


def test_what_is_refused_exits_with_2_and_a_sentence(here: Path) -> None:
    """On stderr, with a hint; nothing on stdout that a script could take for an answer."""
    _recent(here / "run")
    assert do("certify", "run/run.json", "--key", "acme.key.pem", "--days", "1").exit_code == 0
    path = here / "run" / "certificate.json"
    content = path.read_bytes()
    assert do("keygen", "--out", "other", "--ecdsa").exit_code == 0
    tomorrow = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"

    refusals = [
        do("verify", "run", "--public-key", "other.pub.pem"),
        do("verify", "run", "--public-key", "acme.pub.pem", "--at", tomorrow),
        do("verify", "run", "--public-key", "acme.pub.pem", "--at", "2020-01-01"),
        do("verify", "run", "--public-key", "acme.pub.pem", "--at", "soon"),
        do("verify", "run", "--public-key", "acme.key.pem"),
        do("verify", "run", "--public-key", "acme.pub.pem", "--run", "nowhere"),
        do("verify", "run", "--public-key", "acme.pub.pem", "--run", "."),
        do("verify", "nowhere.json", "--public-key", "acme.pub.pem"),
        do("certify", "nowhere", "--key", "acme.key.pem"),
        do("certify", "run", "--key", "acme.pub.pem"),
        do("certify", "run", "--key", "run/run.json"),
        do("keygen", "--out", "acme"),
    ]
    path.write_bytes(content[:-40])
    refusals.append(do("verify", "run", "--public-key", "acme.pub.pem"))
    path.write_bytes(content)
    (here / "run" / "exchanges.har").unlink()
    refusals.append(do("verify", "run", "--public-key", "acme.pub.pem"))

    for refused in refusals:
        assert (refused.exit_code, refused.stdout) == (2, ""), refused.output
        assert re.fullmatch(r"error: \S[^\n]*\n       \S[^\n]*[.?]\n", refused.stderr), refused.stderr
    assert len({refused.stderr for refused in refusals}) == len(refusals)


def test_a_certificate_alone_can_be_checked(here: Path) -> None:
    """Without the run's folder, and then it says what wasn't done; --at asks for another moment."""
    _recent(here / "run")
    signed = do("certify", "run", "--key", "acme.key.pem", "--out", "sent.json")
    assert "Certificate: sent.json" in signed.output
    assert not (here / "run" / "certificate.json").exists()
    alone = do("verify", "sent.json", "--public-key", "acme.pub.pem")
    with_run = do("verify", "sent.json", "--public-key", "acme.pub.pem", "--run", "run")
    soon = f"{datetime.now(UTC) + timedelta(days=80):%Y-%m-%d}"

    assert (alone.exit_code, with_run.exit_code) == (0, 0)
    assert "the verdict is not recomputed" in " ".join(alone.output.split())
    assert "not checked" not in with_run.output
    assert do("verify", "sent.json", "--public-key", "acme.pub.pem", "--at", soon).exit_code == 0


def test_a_key_that_others_may_read_is_warned_of(here: Path) -> None:
    """A private key that others may read signs with a warning; an encrypted key needs its passphrase."""
    _recent(here / "run")
    (here / "acme.key.pem").chmod(0o644)
    warned = do("certify", "run", "--key", "acme.key.pem")
    assert warned.exit_code == 0
    assert "warning: others may read acme.key.pem" in warned.stderr

    secret = {"PAYOUT_CONFORMANCE_PASSPHRASE": "sword fish"}
    made = do("keygen", "--out", "locked", **secret)
    assert "encrypted with the passphrase" in made.output
    assert do("certify", "run", "--key", "locked.key.pem").exit_code == 2
    signed = do("certify", "run", "--key", "locked.key.pem", **secret)
    assert signed.exit_code == 0
    assert signed.stderr == ""
    assert "sword fish" not in made.output + signed.output


def test_no_private_key_is_ever_printed(here: Path) -> None:
    """By none of the commands, nor in the traceback of a crash."""
    _recent(here / "run")
    body = (here / "acme.key.pem").read_text().splitlines()[1]
    said = [
        do("certify", "run", "--key", "acme.key.pem"),
        do("verify", "run", "--public-key", "acme.key.pem"),
    ]
    written = [path.read_text() for path in (here / "run").iterdir()]
    # Something goes wrong with the key in hand: an empty passphrase, which the commands don't let through.
    with pytest.raises(ValueError, match="1 or more bytes") as crash:
        keys.write(keys.load_private(here / "acme.key.pem"), here / "a", here / "b", b"")
    trace = "".join(traceback.format_exception(crash.value))
    assert "keys.py" in trace

    for text in (*(one.output for one in said), *written, trace):
        assert "PRIVATE" not in text
        assert not any(body[i : i + 12] in text for i in range(24, len(body) - 11))
