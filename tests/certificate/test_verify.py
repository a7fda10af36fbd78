"""What is refused, each for its own reason and in its own words; and what a valid certificate can't hide."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from conformance.certificate import evidence, keys, statement
from conformance.certificate.envelope import read, seal
from conformance.certificate.issue import issue
from conformance.certificate.verify import verify
from conformance.errors import ConformanceError, RecordError, UsageError
from conformance.model import Outcome
from tests.certificate import runs
from tests.certificate.runs import CATALOGUE, KEY, LATER, MUSTS, NOW, SHOULDS

EXPIRES = datetime.fromisoformat(statement.expiry(runs.ENDED, 90))


def _refused(
    content: bytes, folder: Path | None = None, key: keys.PrivateKey = KEY, at: datetime = LATER
) -> Any:
    """The fault, once it is certain that it is exit 2, with a sentence and a hint."""
    with pytest.raises(ConformanceError) as refused:
        verify(content, key.public, at=at, files=None if folder is None else evidence.read(folder))
    assert refused.value.exit_code == 2
    assert refused.value.hint
    return refused.value


def _resigned(content: bytes, change: Callable[[dict[str, Any]], Any]) -> bytes:
    """The certificate of a signer who wrote something else into it, with their own key."""
    data = json.loads(read(content).payload)
    change(data)
    return seal(statement.to_bytes(data), KEY).to_bytes()


def _rewritten(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """A record that somebody has edited, well-formed as ever."""
    path = folder / "run.json"
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data, indent=1) + "\n")


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

    early = _refused(content, at=NOW - moment)
    late = _refused(content, at=EXPIRES)
    assert (early.kind, late.kind) == ("not_yet_valid", "expired")
    assert "begins on 2026-03-02T09:30:00.000Z, it is 2026-03-02T09:29:59.999Z" in early.message
    assert "expired on 2026-05-30T12:01:05.500Z" in late.message


def test_every_way_to_be_wrong_has_its_own_sentence(tmp_path: Path) -> None:
    """Truncated, altered, of another key, expired, early, of another run, half a run, changed files."""
    folder, other = tmp_path / "run", tmp_path / "other"
    content = runs.certified(folder).content
    runs.write(other, started="2026-03-01T15:00:00.000Z", ended="2026-03-01T15:01:00.000Z")
    faults = {
        "empty": _refused(b""),
        "truncated": _refused(content[:300]),
        "altered": _refused(content.replace(b'": "ey', b'": "ez')),
        "other key": _refused(content, key=keys.generate()),
        "early": _refused(content, at=NOW - timedelta(days=1)),
        "expired": _refused(content, at=EXPIRES),
        "other run": _refused(content, other),
        "no run": _refused(content, tmp_path),
    }
    for name in ("run.json", "exchanges.har"):
        text = (folder / name).read_text()
        (folder / name).write_text(text.replace("sandbox.acme.test", "sandbox.acme.tset"))
        faults[f"altered {name}"] = _refused(content, folder)
        (folder / name).unlink()
        faults[f"no {name}"] = _refused(content, folder)
        (folder / name).write_text(text)
    (folder / "profile.toml").write_text(runs.PROFILE + "\n")
    faults["other profile"] = _refused(content, folder)

    messages = [fault.message for name, fault in faults.items() if name != "no run"]
    assert len(set(messages)) == len(messages), messages
    assert "another run: it names the one of 2026-03-01T12:00:00.000Z" in faults["other run"].message
    assert faults["altered run.json"].message.startswith("run.json is not what was signed")
    assert faults["no exchanges.har"].message == "the run is incomplete: exchanges.har is missing"
    assert faults["no run"].message == "the run is incomplete: run.json is missing"
    assert "profile.toml is not the profile" in faults["other profile"].message
    assert faults["other profile"].kind == "evidence"


def _predicate(data: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = data["predicate"]
    return found


def _ours(data: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = data["predicate"]["payoutConformance"]
    return found


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
            lambda d: _ours(d).update(format="payout-conformance/certificate/2"),
            "foreign",
            "this version reads",
            id="newer",
        ),
        pytest.param(lambda d: d["subject"].pop(), "incomplete", "subject", id="no exchanges"),
        pytest.param(
            lambda d: _predicate(d)["configuration"].pop(), "incomplete", "configuration", id="no harness"
        ),
        pytest.param(lambda d: _predicate(d).pop("failedTests"), "incomplete", "failedTests", id="no list"),
        pytest.param(lambda d: _ours(d).pop("expiresAt"), "incomplete", "expiresAt", id="no expiry"),
        pytest.param(
            lambda d: _ours(d)["requirements"].pop(0),
            "incomplete",
            f"says nothing of {CATALOGUE.requirements[0].id}",
            id="a requirement less",
        ),
        pytest.param(
            lambda d: _ours(d)["notObservable"].clear(),
            "incomplete",
            "says nothing of WD-N1",
            id="nothing unseen",
        ),
        pytest.param(
            lambda d: _ours(d)["requirements"].append(_ours(d)["requirements"][0]),
            "contradiction",
            "not those of the catalogue",
            id="one twice",
        ),
        pytest.param(
            lambda d: _ours(d)["requirements"][0].update(level="SHOULD"),
            "contradiction",
            "is a MUST, not a SHOULD",
            id="softer level",
        ),
        pytest.param(
            lambda d: _ours(d).update(verdict="inconclusive"),
            "contradiction",
            "its requirements say conformant",
            id="verdict",
        ),
        pytest.param(
            lambda d: _predicate(d).update(result="WARNED"), "contradiction", "says WARNED", id="result"
        ),
        pytest.param(
            lambda d: _predicate(d)["passedTests"].pop(), "contradiction", "passedTests are not", id="list"
        ),
        pytest.param(
            lambda d: _ours(d).update(expiresAt="2026-03-02T09:30:00.000Z"),
            "contradiction",
            "after its own expiry",
            id="no time",
        ),
        pytest.param(
            lambda d: _ours(d).update(certifiedAt="2026-03-01T12:01:00Z"),
            "contradiction",
            "before the run ended",
            id="signed in advance",
        ),
        pytest.param(
            lambda d: _ours(d).update(expiresAt="2026-02-30T12:00:00Z"),
            "contradiction",
            "doesn't exist",
            id="no such day",
        ),
        pytest.param(lambda d: _ours(d).update(extra=1), "contradiction", "malformed", id="unknown field"),
        pytest.param(
            lambda d: _ours(d)["target"].update(api="payout-intents"),
            "contradiction",
            "its target is of payout-intents",
            id="other API",
        ),
        pytest.param(
            lambda d: _predicate(d)["configuration"][0]["digest"].update(sha256="0" * 64),
            "catalogue",
            "another catalogue",
            id="other catalogue",
        ),
        pytest.param(
            lambda d: _predicate(d)["configuration"][0]["annotations"].update(api="refunds"),
            "catalogue",
            "without a catalogue here: refunds",
            id="no such API",
        ),
    ],
)
def test_a_signature_makes_no_nonsense_true(
    tmp_path: Path, change: Callable[[dict[str, Any]], Any], kind: str, says: str
) -> None:
    """Whoever has a key can sign anything: what contradicts itself or leaves something out is refused."""
    content = runs.certified(tmp_path).content
    fault = _refused(_resigned(content, change))

    assert fault.kind == kind
    assert says in fault.message


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda d: _ours(d)["run"].update(seed=8), "run.seed"),
        (lambda d: _ours(d)["run"].update(checks=9999), "run.checks"),
        (lambda d: _ours(d)["target"].update(name="Somebody else"), "target.name"),
        (lambda d: _ours(d)["target"].update(baseUrl="https://live.acme.test"), "target.baseUrl"),
        (lambda d: _predicate(d)["configuration"][1]["digest"].update(sha256="0" * 64), "configuration[1]"),
        (lambda d: _predicate(d)["configuration"][3]["annotations"].update(version="9"), "configuration[3]"),
    ],
)
def test_a_signer_can_t_say_what_the_run_doesn_t(
    tmp_path: Path, change: Callable[[dict[str, Any]], Any], where: str
) -> None:
    """What agrees with itself, but not with the files, is found once the files are there."""
    changed = _resigned(runs.certified(tmp_path).content, change)
    verify(changed, KEY.public, at=LATER)
    fault = _refused(changed, tmp_path)

    assert fault.kind == "contradiction"
    assert where in fault.message


def test_other_operations_than_those_installed_are_said(tmp_path: Path) -> None:
    """The verdict doesn't depend on them, so the certificate stands; what couldn't be compared is named."""
    content = runs.certified(tmp_path).content
    other = _resigned(content, lambda d: _predicate(d)["configuration"][1]["digest"].update(sha256="0" * 64))

    assert {"requirements.toml", "openapi.yaml"} < set(verify(content, KEY.public, at=LATER).checked)
    found = verify(other, KEY.public, at=LATER)
    assert "openapi.yaml: the run was made with another than is installed here" in found.not_checked
    assert not any("openapi.yaml" in one for one in found.checked)


def test_a_failing_run_can_t_be_signed_as_passed(tmp_path: Path) -> None:
    """Lists, verdict and outcomes all forged with care, digests and signature right: recomputing finds it."""

    def forge(data: dict[str, Any]) -> None:
        _ours(data)["verdict"] = "conformant"
        for row in _ours(data)["requirements"]:
            if row["outcome"] == "failed":
                row.update(outcome="passed", reason="")
        rows = _ours(data)["requirements"]
        _predicate(data).update(
            result="PASSED",
            failedTests=[],
            passedTests=[row["id"] for row in rows if row["outcome"] == "passed"],
        )

    forged = _resigned(runs.certified(tmp_path, {MUSTS[0]: Outcome.FAILED}).content, forge)

    assert verify(forged, KEY.public, at=LATER).not_checked
    assert "contradicts itself: its predicate.result" in _refused(forged, tmp_path).message


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(
            lambda d: d.update(verdict="conformant"),
            "verdict is conformant, folded it is non_conformant",
            id="verdict",
        ),
        pytest.param(lambda d: d["counts"].update(failed=0), "counts is another", id="counts"),
        pytest.param(lambda d: d["requirements"].pop(), "says nothing of", id="a requirement less"),
        pytest.param(lambda d: d["requirements"][1].update(title="Nice"), "has title 'Nice'", id="title"),
        pytest.param(
            lambda d: d["checks"][0].update(outcome="passed", problem=None),
            "verdict is non_conformant, folded it is conformant",
            id="a check's outcome",
        ),
        pytest.param(lambda d: d["checks"].pop(0), "refers to a check that isn't there", id="a check less"),
        pytest.param(
            lambda d: d["checks"][1].update(requirements=["WD-99"]),
            "which the withdraws catalogue doesn't have",
            id="unknown requirement",
        ),
        pytest.param(
            lambda d: d["checks"][0].update(exchanges=[1]),
            "is not the one that was written with this",
            id="exchanges",
        ),
        pytest.param(lambda d: d.update(complete=False), "incomplete", id="incomplete"),
        pytest.param(
            lambda d: d["inputs"]["declared"].update(cancel_processing=False),
            "claims other capabilities",
            id="capabilities",
        ),
        pytest.param(lambda d: d["target"].update(name="Else"), "is not the one that was written", id="name"),
        pytest.param(
            lambda d: d["target"].update(base_url="https://live.acme.test"), "names another target", id="url"
        ),
        pytest.param(
            lambda d: d["harness"].update(catalogue_digest="sha256:" + "0" * 64),
            "judged by revision",
            id="other catalogue",
        ),
        pytest.param(lambda d: d.pop("inputs"), "doesn't say what the run was made with", id="older record"),
        pytest.param(
            lambda d: d.update(format="payout-conformance/run/2"),
            "is not a run record: format",
            id="other format",
        ),
        pytest.param(lambda d: d.update(surprise=1), "is not a run record", id="unknown key"),
    ],
)
def test_a_record_that_doesn_t_hold_together_is_not_signed(
    tmp_path: Path, change: Callable[[dict[str, Any]], Any], says: str
) -> None:
    """One edit to the record of a failing run; and a verifier who is given a signature over it refuses as well."""
    runs.write(tmp_path, {CATALOGUE.requirements[0].id: Outcome.FAILED})
    _rewritten(tmp_path, change)
    with pytest.raises(RecordError) as refused:
        issue(tmp_path, KEY, now=NOW, environ={})

    assert says in refused.value.message
    assert refused.value.hint


def test_signed_over_an_edited_record_it_is_refused_too(tmp_path: Path) -> None:
    """A signer without scruples edits the outcome, folds by hand, and digests what came out: the checks tell."""
    failing, passing = tmp_path / "failing", tmp_path / "passing"
    good = runs.certified(passing).content
    runs.write(failing, {MUSTS[0]: Outcome.FAILED})

    def forge_run(data: dict[str, Any]) -> None:
        honest = json.loads((passing / "run.json").read_text())
        data.update({key: honest[key] for key in ("verdict", "counts", "requirements")})

    _rewritten(failing, forge_run)

    def forge(data: dict[str, Any]) -> None:
        for row in data["subject"]:
            row["digest"]["sha256"] = evidence.read(failing).digests()[row["name"]].removeprefix("sha256:")

    fault = _refused(_resigned(good, forge), failing)
    assert "the verdict doesn't follow from the checks: verdict is conformant" in fault.message


def test_deselected_and_undeclared_are_folded_again(tmp_path: Path) -> None:
    """What the fold needs besides the checks is in the record: leaving something out isn't undone by signing."""
    runs.write(tmp_path, deselected={MUSTS[0]: "2 checks of it were not selected."})
    made = issue(tmp_path, KEY, now=NOW, environ={})
    assert made.verified.exit_code == 3

    _rewritten(tmp_path, lambda d: d["inputs"].update(deselected={}))
    with pytest.raises(RecordError, match="verdict is inconclusive, folded it is conformant"):
        issue(tmp_path, KEY, now=NOW, environ={})


def test_only_a_whole_and_recent_run_is_signed(tmp_path: Path) -> None:
    """Not a killed one, not none, not an old one, not one from the future."""
    with pytest.raises(UsageError, match="holds no run"):
        issue(tmp_path, KEY, now=NOW, environ={})
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal" / "header.json").write_text("{}")
    with pytest.raises(UsageError, match="never ended"):
        issue(tmp_path, KEY, now=NOW, environ={})
    runs.write(tmp_path, complete=False)
    with pytest.raises(RecordError, match="ended before its last check"):
        issue(tmp_path, KEY, now=NOW, environ={})
    runs.write(tmp_path)
    with pytest.raises(UsageError, match="90 days later its certificate would have expired"):
        issue(tmp_path, KEY, now=EXPIRES, environ={})
    with pytest.raises(UsageError, match="ended in the future"):
        issue(tmp_path, KEY, now=NOW - timedelta(days=1), environ={})
    (tmp_path / "exchanges.har").write_text('{"log": {"entries": [{}]}}')
    with pytest.raises(RecordError, match="is damaged: KeyError"):
        issue(tmp_path, KEY, now=NOW, environ={})


def test_warnings_are_seen(tmp_path: Path) -> None:
    """A conformant run with warnings is WARNED, in the record's order."""
    made = runs.certified(tmp_path, dict.fromkeys(SHOULDS[:2], Outcome.WARNED))
    data = json.loads(read(made.content).payload)

    assert _predicate(data)["result"] == "WARNED"
    assert _predicate(data)["warnedTests"] == SHOULDS[:2]
