"""Runs that nobody gets a certificate for: records that don't hold together, runs that aren't whole or recent."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from conformance.certificate import evidence
from conformance.certificate.issue import issue
from conformance.errors import RecordError, UsageError
from conformance.model import Outcome
from tests.certificate import runs
from tests.certificate.forging import refusal, resigned, rewritten
from tests.certificate.runs import CATALOGUE, DECISIVE, EXPIRES, KEY, MUSTS, NOW


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
    """A failing run's record with one edit is not signed, and a verifier refuses it when it is signed all the same."""
    runs.write(tmp_path, {CATALOGUE.requirements[0].id: Outcome.FAILED})
    rewritten(tmp_path, change)
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

    rewritten(failing, forge_run)

    def forge(data: dict[str, Any]) -> None:
        for row in data["subject"]:
            row["digest"]["sha256"] = evidence.read(failing).digests()[row["name"]].removeprefix("sha256:")

    fault = refusal(resigned(good, forge), failing)
    assert "the verdict doesn't follow from the checks: verdict is conformant" in fault.message


def test_deselected_and_undeclared_are_folded_again(tmp_path: Path) -> None:
    """A record stripped of its deselected checks is refused: the verdict folded from it is another one."""
    runs.write(tmp_path, left_out=[DECISIVE[MUSTS[0]]])
    made = issue(tmp_path, KEY, now=NOW, environ={})
    assert made.verified.exit_code == 3

    rewritten(tmp_path, lambda d: d["inputs"].update(deselected={}))
    with pytest.raises(RecordError, match="verdict is inconclusive, folded it is conformant"):
        issue(tmp_path, KEY, now=NOW, environ={})


def test_only_a_whole_and_recent_run_is_signed(tmp_path: Path) -> None:
    """Runs that were killed, are missing, are too old or lie in the future are not signed."""
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
