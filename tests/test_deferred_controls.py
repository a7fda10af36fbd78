"""Resources that negative checks share: what a later cancel proves, who is named where it fails, what a kill leaves."""

import json
import shutil
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from conformance.deferred import Deferred
from conformance.model import Outcome
from conformance.report import record as records
from conformance.states import Resource, Wanted
from conformance.states.shared_resources import FOLDER, WAITING, SharedResource
from tests.report.sample import check as sample_check
from tests.support import (
    PATIENCE_S,
    READ_PATH,
    SandboxProcess,
    certify,
    command,
    record,
    write_profile,
)
from tests.tap import Tap
from tests.test_crash import ended, halfway

PACE = "requests_per_second = 250"
# Negative checks, and some that cancel what these leave.
WORDS = "auth or other_method or trusted_input or concurrency"
LOCKS = "wd-failed-signature-locks-the-withdraw"


@pytest.fixture
def bent_tap(bendable: SandboxProcess) -> Iterator[Tap]:
    """The sandbox whose defects are chosen, by a way that is watched."""
    tap = Tap(bendable.url)
    yield tap
    tap.close()


def endpoint(sandbox: SandboxProcess) -> str:
    """A source that isn't watched."""
    return f'{READ_PATH}\nurl = "{sandbox.url}/_states"'


def killed_while_controls_wait(profile: Path, tap: Tap) -> tuple[Path, int, int]:
    """The folder of a killed run, how many records waited for a proof by then, and the number of its requests."""
    tap.manner = lambda request: "hold" if request >= 150 else "pass"
    with halfway(profile, "--no-fuzz", "-n", "1", checks=1) as (process, folder):
        assert tap.holds.wait(PATIENCE_S)
        ended(process)
    waiting = len(list((folder / WAITING).glob("*.json")))
    return folder, waiting, tap.deserted()


def checks_of(folder: Path) -> dict[str, dict[str, Any]]:
    """The checks of the latest run by their ids, each of which is there once."""
    found = {check["id"]: check for check in record(folder)["checks"]}
    assert len(found) == len(record(folder)["checks"])
    return found


def sent(folder: Path, check: dict[str, Any]) -> list[dict[str, Any]]:
    """The entries of an archive that a check of the latest run rests on."""
    har = json.loads((folder / "reports" / "latest" / "exchanges.har").read_text())["log"]["entries"]
    return [har[number] for number in check["exchanges"]]


def test_check_without_its_proof_begins_again_after_a_kill(
    sandbox: SandboxProcess, tap: Tap, tmp_path: Path
) -> None:
    """A record that waits for a proof is in no journal, so a resumed run makes it anew, and is as good as any other."""
    profile = write_profile(tmp_path, "withdraws", tap.url, states=endpoint(sandbox), limits=PACE)
    folder, waiting, killed = killed_while_controls_wait(profile, tap)
    assert waiting > 3
    before = {check.id for check in records.load(folder).checks}

    done = command("run", "--resume", folder, cwd=tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    found = checks_of(tmp_path)
    assert record(tmp_path)["complete"]
    assert before < set(found)
    assert {check["outcome"] for check in found.values()} <= {"passed", "not_applicable"}
    assert not tap.ids(until=killed, reads=False) & tap.ids(since=killed, reads=False)
    assert not (folder / FOLDER).exists()
    assert not (folder / WAITING).exists()

    assert command("keygen", "--out", "acme", cwd=tmp_path).returncode == 0
    signed = command("certify", folder, "--key", "acme.key.pem", cwd=tmp_path)
    assert signed.returncode == 0, signed.stdout + signed.stderr
    checked = command("verify", folder, "--public-key", "acme.pub.pem", cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_target_with_a_fault_is_told_the_same_after_a_kill(
    bendable: SandboxProcess, bent_tap: Tap, tmp_path: Path
) -> None:
    """The guilty checks of a run that was killed and resumed are those of a run that wasn't."""
    profile = write_profile(tmp_path, "withdraws", bent_tap.url, states=endpoint(bendable), limits=PACE)
    bendable.bend(LOCKS)
    certify(profile, "-n", "1", "-k", WORDS)
    whole = {name: (one["outcome"], title(one)) for name, one in checks_of(tmp_path).items()}

    shutil.rmtree(tmp_path / "reports")
    seen = bent_tap.count()
    bent_tap.manner = lambda request: "hold" if request >= seen + 150 else "pass"
    with halfway(profile, "--no-fuzz", "-n", "1", "-k", WORDS, checks=1) as (process, folder):
        assert bent_tap.holds.wait(PATIENCE_S)
        ended(process)
    bent_tap.deserted()
    done = command("run", "--resume", folder, cwd=tmp_path)

    assert done.returncode == 1, done.stdout + done.stderr
    after = {one.id: one for one in records.load(folder).checks}
    assert {name: str(one.outcome) for name, one in after.items()} == {
        name: outcome for name, (outcome, _) in whole.items()
    }
    guilty = [name for name, (outcome, _) in whole.items() if outcome == "failed"]
    assert len(guilty) > 10


def title(check: dict[str, Any]) -> str:
    """The title of a problem, as reports show it."""
    return (check["problem"] or {}).get("fault") or ""


@pytest.mark.parametrize("workers", ["1", "2"])
def test_request_that_spoils_a_shared_withdraw_is_named(
    bendable: SandboxProcess, tmp_path: Path, workers: str
) -> None:
    """Checks that share a withdraw with a guilty one pass; the guilty one has the title that it has alone."""
    bendable.bend(LOCKS)
    profile = write_profile(tmp_path, "withdraws", bendable.url)

    done = certify(profile, "-n", workers, "-k", "forged or other_method or override")

    assert done.returncode == 1, done.stdout + done.stderr
    found = checks_of(tmp_path)
    wrong = {name for name, one in found.items() if one["outcome"] != "passed"}
    assert wrong
    assert all("forged" in name for name in wrong), wrong
    assert wrong == {name for name in found if "forged" in name}
    told = {title(found[name]) for name in wrong}
    assert all(
        one.startswith("The owner's cancel of a pending withdraw was answered 423 LOCKED") for one in told
    )


def test_evidence_of_a_shared_withdraw_ends_with_the_cancel_that_proves_it(
    sandbox: SandboxProcess, tmp_path: Path
) -> None:
    """A check that passed shows its own requests, and last the documented cancel that another check made."""
    certify(
        write_profile(tmp_path, "withdraws", sandbox.url), "-n", "1", "-k", "forged or method_cancels_nothing"
    )

    for name, check in checks_of(tmp_path).items():
        last = sent(tmp_path, check)[-1]
        assert (last["request"]["method"], last["response"]["status"]) == ("POST", 200), name
        asked = {one["request"]["url"].split("/")[6] for one in sent(tmp_path, check)}
        assert last["request"]["url"].split("/")[6] in asked


@pytest.mark.parametrize(
    ("defect", "is_read", "outcome", "says"),
    [
        (
            "wd-two-refusals-cancel-together",
            True,
            "failed",
            "was cancelled by requests that were refused, none of which does that alone: ",
        ),
        (
            "wd-two-refusals-cancel-together",
            False,
            "warned",
            "that were refused, none of which has this effect alone: ",
        ),
        (
            "wd-two-refusals-lock-together",
            True,
            "warned",
            "that were refused, none of which has this effect alone: ",
        ),
    ],
)
def test_requests_that_have_an_effect_together_are_told_once(
    bendable: SandboxProcess, tmp_path: Path, defect: str, outcome: str, says: str, *, is_read: bool
) -> None:
    """An effect that no check has alone is told in one record, which names them all; each of the others passes."""
    bendable.bend(defect)
    source = endpoint(bendable).removeprefix("" if is_read else READ_PATH)
    profile = write_profile(tmp_path, "withdraws", bendable.url, states=source)

    # With this seed they meet on one withdraw.
    certify(profile, "-n", "1", "--seed", "2", "-k", "(other_method and PUT) or trusted_headers")

    wrong = [check for check in checks_of(tmp_path).values() if check["outcome"] != "passed"]
    assert [check["outcome"] for check in wrong] == [outcome], wrong
    assert says in title(wrong[0])


def test_effect_that_comes_late_is_told_of_the_request_that_has_it(
    bendable: SandboxProcess, tmp_path: Path
) -> None:
    """Each check whose requests are carried out a second after their refusal is told by itself, and not by a read."""
    bendable.bend("wd-unsigned-cancel-is-queued")
    # So slowly that the effect is there before the owner's cancel in the end.
    profile = write_profile(tmp_path, "withdraws", bendable.url, limits="requests_per_second = 12")

    done = certify(profile, "-n", "1", "-k", "missing_header or other_method")

    assert done.returncode == 1, done.stdout + done.stderr
    wrong = {name: one for name, one in checks_of(tmp_path).items() if one["outcome"] == "failed"}
    assert wrong
    assert all("missing_header" in name for name in wrong), wrong
    assert all("some time after the refusal of a POST of …/cancel" in title(one) for one in wrong.values())


def test_target_that_counts_refusals_is_not_accused(bendable: SandboxProcess, tmp_path: Path) -> None:
    """A withdraw that is closed after 13 failed signatures went through more of them than any check sends alone."""
    bendable.bend(refusals=13)
    profile = write_profile(tmp_path, "withdraws", bendable.url)

    done = certify(profile, "-n", "1", "-k", "auth or trusted_input")

    assert done.returncode == 3, done.stdout + done.stderr
    assert {check["outcome"] for check in checks_of(tmp_path).values()} == {"passed"}


@pytest.mark.parametrize(("outcome", "is_tried_together"), [(Outcome.WARNED, False), (Outcome.PASSED, True)])
def test_what_another_worker_judged_is_not_told_as_several_together(
    outcome: Outcome, is_tried_together: bool
) -> None:
    """A check of which this worker knows nothing is tried alone before several are tried together."""
    shared = SharedResource(Resource("r1", Wanted("withdraws", "pending")), ("ours", "another worker's"))
    refusal = SimpleNamespace(ok=False)
    tried: list[str] = []
    written: list[str] = []
    sharing = SimpleNamespace(
        resources=SimpleNamespace(rest=lambda keep: [shared]),
        waiting=SimpleNamespace(has=lambda name: name == "ours", drop=lambda name: None),
        cancels=lambda resource: refusal,
        isolated=nullcontext,
        begin=lambda: None,
        held=[],
        is_ambiguous=False,
        are_ambiguous=lambda held: False,
    )

    def lease(wanted: Wanted) -> Resource:
        tried.append("together")
        raise LookupError

    session: Any = SimpleNamespace(
        sharing=sharing,
        recorder=SimpleNamespace(drain=tuple),
        watch=SimpleNamespace(begins=lambda name: None),
        leases=SimpleNamespace(lease=lease),
        profile=SimpleNamespace(target=SimpleNamespace(api="withdraws")),
    )
    deferred = Deferred(session, lambda record, exchanges: written.append(record.id))

    def perform(name: str) -> None:
        tried.append(name)
        record = sample_check(name, Outcome.PASSED if name == "ours" else outcome, "WD-31")
        if deferred.ended(record, [], judged=False, looks_back=False):
            written.append(name)

    with suppress(LookupError):
        deferred.prove_waiting(perform)

    assert tried == ["ours", "another worker's", *(["together"] if is_tried_together else [])]
    assert written == ["ours"]
