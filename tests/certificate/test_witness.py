"""Witnessed runs: a second signature of the same statement, in the same envelope."""

import base64
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from conformance.certificate import envelope, evidence, keys
from conformance.certificate.verify import SIGNED, WITNESSED, verify
from conformance.cli import main
from conformance.errors import CertificateError
from tests.certificate import runs
from tests.certificate.runs import KEY, LATER
from tests.certificate.test_commands import _recent

WITNESS = keys.generate(ecdsa=True)


def do(*words: str | Path) -> Result:
    """The command, in this process."""
    return CliRunner().invoke(main, [str(word) for word in words])


def test_one_key_the_other_or_both_are_asked_for(tmp_path: Path) -> None:
    """Each signature verifies by itself; with `--witness-key` both are required."""
    content = runs.certified(tmp_path).content
    both = envelope.countersign(content, WITNESS).to_bytes()
    files = evidence.read(tmp_path)

    signer = verify(both, KEY.public, at=LATER, files=files)
    other = verify(both, WITNESS.public, at=LATER, files=files)
    witnessed = verify(both, KEY.public, at=LATER, files=files, witness=WITNESS.public)

    assert (signer.others, other.others, witnessed.others) == (1, 1, 0)
    assert (signer.vouches, witnessed.vouches) == (SIGNED, WITNESSED)
    assert witnessed.witness == WITNESS.public
    assert "signatures of signer and witness" in witnessed.checked
    assert envelope.signed_by(both, WITNESS.public)
    assert not envelope.signed_by(content, WITNESS.public)
    assert envelope.read(both).payload == envelope.read(content).payload


def test_a_witness_that_did_not_sign_is_missed(tmp_path: Path) -> None:
    """Absent, of another key, altered, or the signer's own key under another name."""
    content = runs.certified(tmp_path).content
    both = envelope.countersign(content, WITNESS).to_bytes()
    data = json.loads(both)
    data["signatures"][1]["sig"] = base64.b64encode(WITNESS.sign(b"something else")).decode()
    altered = (json.dumps(data) + "\n").encode()
    data["signatures"] = data["signatures"][:1] * 2
    doubled = (json.dumps(data) + "\n").encode()

    for found in (content, altered):
        with pytest.raises(CertificateError, match="was not countersigned with the witness's key"):
            verify(found, KEY.public, at=LATER, witness=WITNESS.public)
    with pytest.raises(CertificateError, match="was not countersigned"):
        verify(both, KEY.public, at=LATER, witness=keys.generate().public)
    with pytest.raises(CertificateError, match="nobody is a witness of their own"):
        verify(both, KEY.public, at=LATER, witness=KEY.public)
    with pytest.raises(CertificateError, match="one key signed it twice"):
        verify(doubled, KEY.public, at=LATER)
    with pytest.raises(CertificateError, match="signed the certificate already"):
        envelope.countersign(both, KEY)


def test_an_envelope_takes_few_signatures(tmp_path: Path) -> None:
    """An envelope holds up to `MAX_SIGNATURES`; writer and reader refuse one more."""
    content = runs.certified(tmp_path).content
    for _ in range(envelope.MAX_SIGNATURES - 1):
        content = envelope.countersign(content, keys.generate()).to_bytes()
    assert verify(content, KEY.public, at=LATER).others == envelope.MAX_SIGNATURES - 1

    with pytest.raises(CertificateError, match="takes no more"):
        envelope.countersign(content, WITNESS)
    data = json.loads(content)
    data["signatures"].append(data["signatures"][0])
    with pytest.raises(CertificateError, match="altered"):
        envelope.read((json.dumps(data) + "\n").encode())


def test_a_partner_countersigns_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the provider's certificate to one with both signatures, which `verify` asks for."""
    monkeypatch.chdir(tmp_path)
    assert do("keygen", "--out", "acme").exit_code == 0
    assert do("keygen", "--out", "partner", "--ecdsa").exit_code == 0
    _recent(tmp_path / "run")
    assert do("certify", "run", "--key", "acme.key.pem").exit_code == 0
    words = ("verify", "run", "--public-key", "acme.pub.pem")
    alone = do(*words, "--witness-key", "partner.pub.pem")

    signed = do("countersign", "run", "--public-key", "acme.pub.pem", "--key", "partner.key.pem")
    both = do(*words, "--witness-key", "partner.pub.pem")
    one = do(*words)
    again = do("countersign", "run", "--public-key", "acme.pub.pem", "--key", "partner.key.pem")

    assert alone.exit_code == again.exit_code == 2
    assert "was not countersigned" in alone.stderr
    assert (signed.exit_code, both.exit_code, one.exit_code) == (0, 0, 0), signed.output + both.output
    assert signed.output.startswith("Countersigned  CONFORMANT")
    assert "countersigned  by the holder of ECDSA P-256" in both.output
    assert "Signed by the holders of both keys" in " ".join(both.output.split())
    assert "which proves nothing" in one.output
    assert "the signer's word" in " ".join(one.output.split())


def test_a_witness_signs_nothing_unseen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the run's files, or with changed ones, nothing is signed, and the certificate stays as it was."""
    monkeypatch.chdir(tmp_path)
    for name in ("acme", "partner"):
        assert do("keygen", "--out", name).exit_code == 0
    _recent(tmp_path / "run")
    assert do("certify", "run", "--key", "acme.key.pem", "--out", "sent.json").exit_code == 0
    content = Path("sent.json").read_bytes()
    words = ("countersign", "sent.json", "--public-key", "acme.pub.pem", "--key", "partner.key.pem")

    unseen = do(*words)
    with Path("run/run.json").open("a") as file:
        file.write(" ")
    changed = do(*words, "--run", "run")

    assert (unseen.exit_code, changed.exit_code) == (2, 2)
    assert "a witness signs nothing unseen" in unseen.stderr
    assert "is not what was signed" in changed.stderr
    assert Path("sent.json").read_bytes() == content
