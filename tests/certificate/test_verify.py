"""Verification refuses each fault in its own words, and shows what a valid certificate can't hide."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from conformance.certificate import evidence, keys
from conformance.certificate.envelope import read
from conformance.certificate.verify import verify
from conformance.model import Outcome
from tests.certificate import runs
from tests.certificate.forging import ours, predicate, refusal, resigned
from tests.certificate.runs import CATALOGUE, EXPIRES, KEY, LATER, MUSTS, NOW, SHOULDS


def test_a_valid_certificate_says_what_was_checked(tmp_path: Path) -> None:
    """With the run's files all; without them less, and that is said."""
    made = runs.certified(tmp_path)
    whole = verify(made.content, KEY.public, at=LATER, files=evidence.read(tmp_path))
    alone = verify(made.content, KEY.public, at=LATER)
    (tmp_path / "profile.toml").unlink()
    without_profile = verify(made.content, KEY.public, at=LATER, files=evidence.read(tmp_path))

    assert (whole.exit_code, whole.not_checked) == (0, ())
    assert {"signature", "time", "run.json", "exchanges.har", "profile.toml"} < set(whole.checked)
    assert any("verdict recomputed from" in one for one in whole.checked)
    assert "run.json" not in alone.checked
    assert "the verdict is not recomputed" in alone.not_checked[0]
    assert without_profile.not_checked == ("profile.toml: not in the folder",)


def test_it_is_valid_from_its_making_to_its_end(tmp_path: Path) -> None:
    """To the millisecond, on both sides."""
    content = runs.certified(tmp_path).content
    moment = timedelta(milliseconds=1)
    for inside in (NOW, EXPIRES - moment):
        verify(content, KEY.public, at=inside)

    early = refusal(content, at=NOW - moment)
    late = refusal(content, at=EXPIRES)
    assert (early.kind, late.kind) == ("not_yet_valid", "expired")
    assert "begins on 2026-03-02T09:30:00.000Z, it is 2026-03-02T09:29:59.999Z" in early.message
    assert "expired on 2026-05-30T12:01:05.500Z" in late.message


def test_every_way_to_be_wrong_has_its_own_sentence(tmp_path: Path) -> None:
    """Truncated, altered, of another key, expired, early, of another run, half a run, changed files."""
    folder, other = tmp_path / "run", tmp_path / "other"
    content = runs.certified(folder).content
    runs.write(other, started="2026-03-01T15:00:00.000Z", ended="2026-03-01T15:01:00.000Z")
    faults = {
        "empty": refusal(b""),
        "truncated": refusal(content[:300]),
        "altered": refusal(content.replace(b'": "ey', b'": "ez')),
        "other key": refusal(content, key=keys.generate()),
        "early": refusal(content, at=NOW - timedelta(days=1)),
        "expired": refusal(content, at=EXPIRES),
        "other run": refusal(content, other),
        "no run": refusal(content, tmp_path),
    }
    for name in ("run.json", "exchanges.har"):
        text = (folder / name).read_text()
        (folder / name).write_text(text.replace("sandbox.acme.test", "sandbox.acme.tset"))
        faults[f"altered {name}"] = refusal(content, folder)
        (folder / name).unlink()
        faults[f"no {name}"] = refusal(content, folder)
        (folder / name).write_text(text)
    (folder / "profile.toml").write_text(runs.PROFILE + "\n")
    faults["other profile"] = refusal(content, folder)

    messages = [fault.message for name, fault in faults.items() if name != "no run"]
    assert len(set(messages)) == len(messages), messages
    assert "another run: it names the one of 2026-03-01T12:00:00.000Z" in faults["other run"].message
    assert faults["altered run.json"].message.startswith("run.json is not what was signed")
    assert faults["no exchanges.har"].message == "the run is incomplete: exchanges.har is missing"
    assert faults["no run"].message == "the run is incomplete: run.json is missing"
    assert "profile.toml is not the profile" in faults["other profile"].message
    assert faults["other profile"].kind == "evidence"


@pytest.mark.parametrize(
    ("change", "kind", "says"),
    [
        pytest.param(
            lambda d: d.update(predicateType="https://slsa.dev/provenance/v1"),
            "foreign",
            "something else",
            id="other type",
        ),
        pytest.param(
            lambda d: ours(d).update(format="payout-conformance/certificate/2"),
            "foreign",
            "this version reads",
            id="newer",
        ),
        pytest.param(lambda d: d["subject"].pop(), "incomplete", "subject", id="no exchanges"),
        pytest.param(
            lambda d: predicate(d)["configuration"].pop(), "incomplete", "configuration", id="no harness"
        ),
        pytest.param(lambda d: predicate(d).pop("failedTests"), "incomplete", "failedTests", id="no list"),
        pytest.param(lambda d: ours(d).pop("expiresAt"), "incomplete", "expiresAt", id="no expiry"),
        pytest.param(
            lambda d: ours(d)["requirements"].pop(0),
            "incomplete",
            f"says nothing of {CATALOGUE.requirements[0].id}",
            id="a requirement less",
        ),
        pytest.param(
            lambda d: ours(d)["notObservable"].clear(),
            "incomplete",
            "says nothing of WD-N1",
            id="nothing unseen",
        ),
        pytest.param(
            lambda d: ours(d)["requirements"].append(ours(d)["requirements"][0]),
            "contradiction",
            "not those of the catalogue",
            id="one twice",
        ),
        pytest.param(
            lambda d: ours(d)["requirements"][0].update(level="SHOULD"),
            "contradiction",
            "is a MUST, not a SHOULD",
            id="softer level",
        ),
        pytest.param(
            lambda d: ours(d).update(verdict="inconclusive"),
            "contradiction",
            "its requirements say conformant",
            id="verdict",
        ),
        pytest.param(
            lambda d: predicate(d).update(result="WARNED"), "contradiction", "says WARNED", id="result"
        ),
        pytest.param(
            lambda d: predicate(d)["passedTests"].pop(), "contradiction", "passedTests are not", id="list"
        ),
        pytest.param(
            lambda d: ours(d).update(expiresAt="2026-03-02T09:30:00.000Z"),
            "contradiction",
            "after its own expiry",
            id="no time",
        ),
        pytest.param(
            lambda d: ours(d).update(certifiedAt="2026-03-01T12:01:00Z"),
            "contradiction",
            "before the run ended",
            id="signed in advance",
        ),
        pytest.param(
            lambda d: ours(d).update(expiresAt="2026-02-30T12:00:00Z"),
            "contradiction",
            "doesn't exist",
            id="no such day",
        ),
        pytest.param(lambda d: ours(d).update(extra=1), "contradiction", "malformed", id="unknown field"),
        pytest.param(
            lambda d: ours(d)["target"].update(api="payout-intents"),
            "contradiction",
            "its target is of payout-intents",
            id="other API",
        ),
        pytest.param(
            lambda d: predicate(d)["configuration"][0]["digest"].update(sha256="0" * 64),
            "catalogue",
            "another catalogue",
            id="other catalogue",
        ),
        pytest.param(
            lambda d: predicate(d)["configuration"][0]["annotations"].update(api="refunds"),
            "catalogue",
            "without a catalogue here: refunds",
            id="no such API",
        ),
    ],
)
def test_a_signature_makes_no_nonsense_true(
    tmp_path: Path, change: Callable[[dict[str, Any]], Any], kind: str, says: str
) -> None:
    """A signed statement that contradicts itself or leaves something out is refused."""
    content = runs.certified(tmp_path).content
    fault = refusal(resigned(content, change))

    assert fault.kind == kind
    assert says in fault.message


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda d: ours(d)["run"].update(seed=8), "run.seed"),
        (lambda d: ours(d)["run"].update(checks=9999), "run.checks"),
        (lambda d: ours(d)["target"].update(name="Somebody else"), "target.name"),
        (lambda d: ours(d)["target"].update(baseUrl="https://live.acme.test"), "target.baseUrl"),
        (lambda d: predicate(d)["configuration"][1]["digest"].update(sha256="0" * 64), "configuration[1]"),
        (
            lambda d: predicate(d)["configuration"][3].update(
                annotations={"version": "9"}, digest={"dirHash": "0" * 64}
            ),
            "configuration[3]",
        ),
    ],
)
def test_a_signer_can_t_say_what_the_run_doesn_t(
    tmp_path: Path, change: Callable[[dict[str, Any]], Any], where: str
) -> None:
    """A consistent statement that contradicts the files is refused once the files are there."""
    changed = resigned(runs.certified(tmp_path).content, change)
    verify(changed, KEY.public, at=LATER)
    fault = refusal(changed, tmp_path)

    assert fault.kind == "contradiction"
    assert where in fault.message


def test_other_operations_than_those_installed_are_said(tmp_path: Path) -> None:
    """The verdict doesn't depend on them, so the certificate stands; what couldn't be compared is named."""
    content = runs.certified(tmp_path).content
    other = resigned(content, lambda d: predicate(d)["configuration"][1]["digest"].update(sha256="0" * 64))

    assert {"requirements.toml", "openapi.yaml"} < set(verify(content, KEY.public, at=LATER).checked)
    found = verify(other, KEY.public, at=LATER)
    assert "openapi.yaml: the run was made with another than is installed here" in found.not_checked
    assert not any("openapi.yaml" in one for one in found.checked)


def test_a_failing_run_can_t_be_signed_as_passed(tmp_path: Path) -> None:
    """Lists, verdict and outcomes all forged with care, digests and signature right: recomputing finds it."""

    def forge(data: dict[str, Any]) -> None:
        ours(data)["verdict"] = "conformant"
        for requirement in ours(data)["requirements"]:
            if requirement["outcome"] == "failed":
                requirement.update(outcome="passed", reason="")
        requirements = ours(data)["requirements"]
        predicate(data).update(
            result="PASSED",
            failedTests=[],
            passedTests=[
                requirement["id"] for requirement in requirements if requirement["outcome"] == "passed"
            ],
        )

    forged = resigned(runs.certified(tmp_path, {MUSTS[0]: Outcome.FAILED}).content, forge)

    assert verify(forged, KEY.public, at=LATER).not_checked
    assert "contradicts itself: its predicate.result" in refusal(forged, tmp_path).message


def test_warnings_are_seen(tmp_path: Path) -> None:
    """A conformant run with warnings is WARNED, in the record's order."""
    made = runs.certified(tmp_path, dict.fromkeys(SHOULDS[:2], Outcome.WARNED))
    data = json.loads(read(made.content).payload)

    assert predicate(data)["result"] == "WARNED"
    assert predicate(data)["warnedTests"] == SHOULDS[:2]
