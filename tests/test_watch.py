"""The last look at what was cancelled: how long it waits, what it looks at, and where its length is told."""

import base64
import json
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from conformance.certificate import statement
from conformance.profile import Limits, load
from conformance.states import Resource, Wanted
from conformance.suites.payout_intents.watched import watched
from conformance.watch import FILE, Watch, Watched, of_each_kind
from tests.certificate import runs
from tests.http.test_reply import reply
from tests.support import CREDENTIAL_ENV, READ_PATH, SandboxProcess, certify, outcomes, record, write_profile

LATE = "wd-batch-writes-older-rows-back"
WATCHED = "afterwards::cancelled_withdraws_stay_canceled"


@pytest.mark.parametrize(("told", "noted"), [("word_1", ["word_1"]), ("word_2", [])])
def test_a_cancel_answered_about_another_intent_is_not_watched(
    tmp_path: Path, told: str, noted: list[str]
) -> None:
    """A stored answer about another intent says nothing of the one that was asked about: it may be open still."""
    watch = Watch(tmp_path, 0.0)
    intent = Resource("word_1", Wanted("payout_intents", "requires_approval"), {})
    answer = reply(json.dumps({"id": told, "status": "cancelled"}).encode(), 202)

    watched(watch, intent, "primary", "a-key", b"{}", answer)

    assert [one.id for one in watch.so_far()] == noted


def test_the_wait_counts_from_the_last_cancel_of_any_worker(tmp_path: Path) -> None:
    """While another worker goes on cancelling, the wait goes on; every resource is older then than the watch."""
    mine, other = Watch(tmp_path, 0.5), Watch(tmp_path, 0.5)
    mine.cancelled("a", by="primary", status="pending", told={})

    def later() -> None:
        time.sleep(0.3)
        other.cancelled("b", by="primary", status="pending", told={"paid": False})

    thread = threading.Thread(target=later)
    thread.start()
    found = mine.due()
    now = time.monotonic()
    thread.join()

    assert [one.id for one in found] == ["a", "b"]
    assert found[1].told == {"paid": False}
    assert all(now - one.at >= 0.5 for one in found)


def test_nothing_is_waited_for_where_nothing_was_cancelled(tmp_path: Path) -> None:
    """Nor with a watch of 0."""
    assert Watch(tmp_path, 600).due() == []
    quick = Watch(tmp_path, 0)
    quick.cancelled("a", by="primary", status="pending", told={})

    assert [one.id for one in quick.due()] == ["a"]


def test_what_was_asked_to_be_paid_is_left_out(tmp_path: Path) -> None:
    """Each resource is looked at once, whoever cancelled it how often."""
    watch = Watch(tmp_path, 0)
    for name in ("a", "b", "a", "c"):
        watch.cancelled(name, by="primary", status="pending", told={})
    watch.leave_out("b")

    assert [one.id for one in watch.due()] == ["a", "c"]


def test_a_clock_that_began_anew_makes_nobody_wait_for_ever(tmp_path: Path) -> None:
    """A run may be gone on with after the machine has started again; half a line is none."""
    watch = Watch(tmp_path, 0.2)
    watch.cancelled("a", by="primary", status="pending", told={})
    line = json.loads((tmp_path / FILE).read_text())
    ahead = json.dumps(line | {"at": line["at"] + 10**6})
    (tmp_path / FILE).write_text(f"{ahead}\n" + '{"id": "b", "by')

    began = time.monotonic()
    assert [one.id for one in watch.due()] == ["a"]
    assert time.monotonic() - began >= 0.2


def test_each_kind_has_its_turn() -> None:
    """By state and merchant, the oldest first."""
    made = [("a", "pending"), ("b", "pending"), ("c", "processing"), ("d", "pending")]
    found = [Watched(name, "primary", status, at) for at, (name, status) in enumerate(made)]
    found.append(Watched("e", "other_merchant", "pending", 9))

    assert [one.id for one in of_each_kind(found, 4)] == ["a", "c", "e", "b"]


def test_what_came_after_a_cancel_makes_a_kind_of_its_own(tmp_path: Path) -> None:
    """Another way of cancelling makes a kind of its own; a worker tells of its cancels, and the wait begins anew."""
    mine, other = Watch(tmp_path, 0.3), Watch(tmp_path, 0)
    for name in ("a", "b", "c"):
        mine.cancelled(name, by="primary", status="pending", told={}, how="with a key")
    mine.cancelled("d", by="primary", status="pending", told={}, how="without a key")
    assert mine.asked_again("b", "409")
    assert mine.asked_again("b", "422")
    assert not other.asked_again("c", "409")
    began = time.monotonic()

    found = mine.due()

    assert [(one.id, one.again) for one in found] == [("a", ()), ("b", ("409", "422")), ("c", ()), ("d", ())]
    assert [one.id for one in of_each_kind(found, 3)] == ["a", "b", "d"]
    assert time.monotonic() - began >= 0.25


def test_the_profile_says_how_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten seconds where it says nothing; none at all is an answer, too."""
    for name, value in CREDENTIAL_ENV.items():
        monkeypatch.setenv(name, value)
    path = write_profile(tmp_path, "withdraws", "http://127.0.0.1:1")

    assert Limits().watch_s == 10
    assert load(path).limits.watch_s == 0
    assert load(path).watching(3).limits.watch_s == 3
    assert load(path).watching(None).limits.watch_s == 0


def test_one_worker_waits_and_looks_at_what_all_have_cancelled(
    bendable: SandboxProcess, tmp_path: Path
) -> None:
    """A cancel that comes undone after seconds is found by a run that watches as long, and the record says how long."""
    bendable.bend(LATE)
    profile = write_profile(tmp_path, "withdraws", bendable.url, states=f"sandbox = true\n{READ_PATH}")
    words = ("-n", "2", "--requirement", "WD-09", "--requirement", "WD-15")

    quick = certify(profile, *words)
    assert outcomes(tmp_path)["WD-09"] == "passed", quick.stdout
    assert record(tmp_path)["options"]["watch_s"] == 0
    certify(profile, *words, "--watch", "5.5")

    assert outcomes(tmp_path)["WD-09"] == "failed"
    checks = record(tmp_path)["checks"]
    watching = next(check for check in checks if check["id"] == WATCHED)
    ends = {check["id"]: _ended(check) for check in checks}
    assert ends[WATCHED] == max(ends.values())
    assert watching["duration_s"] > 5
    assert "s after its cancel was answered" in watching["message"]
    assert record(tmp_path)["options"]["watch_s"] == 5.5
    assert not (tmp_path / "reports" / "latest" / FILE).exists()


def _ended(check: dict[str, Any]) -> datetime:
    began = datetime.fromisoformat(check["started_at"])
    return began + timedelta(seconds=check["duration_s"])


def _said(content: bytes) -> dict[str, Any]:
    """The statement in a certificate, which its schema allows."""
    return statement.from_bytes(base64.b64decode(json.loads(content)["payload"]))


def test_a_certificate_says_how_long(tmp_path: Path) -> None:
    """A run that only had a quick look is told from one that watched; older records say nothing."""
    older = _said(runs.certified(tmp_path / "older").content)
    watched = runs.certified(tmp_path / "watched", options={"watch_s": 10.0})

    assert "watchSeconds" not in older["predicate"][statement.EXTENSION]["run"]
    told = _said(watched.content)
    assert told["predicate"][statement.EXTENSION]["run"]["watchSeconds"] == 10


def test_a_cancel_that_another_worker_begins_is_known_before_its_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read that shows it cancelled doesn't name the caller; it isn't watched before it was cancelled."""
    watch = Watch(tmp_path, 0.0)
    watch.begins("mine")
    monkeypatch.setattr("os.getpid", lambda: 0)
    watch.begins("theirs")
    monkeypatch.undo()

    assert [watch.began_elsewhere(one) for one in ("mine", "theirs", "nobody's")] == [False, True, False]
    assert watch.so_far() == []
