"""Resources that fuzzing takes of each state, its notes where there are fewer, and the requests that it names."""

import json

import pytest

from conformance.fuzz.case import Case, Mutation
from conformance.fuzz.execute.resource_pool import CAP, Availability, LeasedResource, ResourcePool
from conformance.fuzz.generate.long_sequences import long_sequences
from conformance.profile import load
from conformance.session import Session
from conformance.states.resource import Wanted
from tests.fuzz.support import apis, fuzz, profile_for
from tests.fuzz.test_sequences import EVERYTHING
from tests.support import CREDENTIAL_ENV, READ_PATH, TERMINAL

# The ids that a default run's fuzzing gets along with, by owner and state.
ENOUGH = {
    "withdraws": {
        "primary": {"pending": 6, "processing": 2, "paid": 1, "failed": 1, "canceled": 1},
        "other_merchant": {"pending": 1},
    },
    "payout-intents": {
        "primary": {"requires_approval": 16, "processing": 1, "paid": 1, "failed": 1, "cancelled": 1},
        "other_merchant": {"requires_approval": 1},
        "other_environment": {"requires_approval": 1},
    },
}


def listed(bendable, api, table):
    """The [states] of a profile with so many ids of each state, freshly made."""
    lines = [TERMINAL if api == "payout-intents" else READ_PATH]
    for owner, states in table.items():
        lines.append("[states.ids]" if owner == "primary" else f"[states.ids.{owner}]")
        params = {"primary": {}, "other_environment": {"environment": "other"}}.get(owner, {"owner": owner})
        for state, many in states.items():
            ids = [bendable.make(api, state, **params) for _ in range(many)]
            lines.append(f"{state} = {json.dumps(ids)}")
    return "\n".join(lines)


@apis
@pytest.mark.parametrize("seed", [1, 2])
def test_a_default_run_gets_along_with_few_resources(api, seed, bendable, tmp_path):
    """Lists with just these ids are enough for every check, and nothing is left out."""
    bendable.bend()
    states = listed(bendable, api, ENOUGH[api])
    found = fuzz(tmp_path, api, bendable.url, states=states, examples=60, seed=seed)
    assert found.wrong == {}
    assert found.statistics["notes"] == []
    assert found.statistics["missing_states"] == {}
    assert found.statistics["shallow"] == []
    assert set(found.statistics["idle_checks"]) <= {"fuzz::cancel_payout_intent.key.other_intent"}
    assert set(found.statistics["walks"]) <= {"walked", "untried"}


def test_too_few_resources_are_noted(bendable, tmp_path):
    """The notes say how many requests went elsewhere, how many sequences were left out, and why."""
    bendable.bend()
    states = listed(bendable, "withdraws", {"primary": {"pending": 2, "paid": 1}})
    found = fuzz(tmp_path, "withdraws", bendable.url, states=states)
    assert found.wrong == {}
    assert "states.ids.failed is empty" in found.statistics["missing_states"]["failed"]
    assert found.statistics["shallow"] == []
    notes = found.statistics["notes"]
    (failed,) = [note for note in notes if "a failed withdraw" in note]
    assert failed[0].isdigit()
    assert "states.ids.failed is empty" in failed
    (sequences,) = [note for note in notes if "sequences were left out" in note]
    assert "is empty" in sequences


def test_fuzzing_takes_what_is_left(bendable, tmp_path):
    """An id that another process has used is not named, and a single one goes to where it is of use."""
    bendable.bend()
    states = listed(bendable, "withdraws", {"primary": {"pending": 3}})
    profile = load(profile_for(tmp_path, "withdraws", bendable.url, states=states), CREDENTIAL_ENV)
    before = Session(profile, tmp_path / "run")
    used = [before.leases.lease(Wanted("withdraws", "pending")).id for _ in range(2)]
    before.close()
    found = fuzz(tmp_path, "withdraws", bendable.url, states=states, examples=4)
    assert found.statistics["leased"]["pending"] == 1
    assert found.statistics["operations"]["cancel_withdraw"]["statuses"]["200"] == 1
    sent = json.dumps(found.lines)
    assert not [one for one in used if one in sent]


def test_more_examples_take_more(bendable, tmp_path):
    """Above the default the budget grows with the number of examples; below it, it stays."""
    bendable.bend()
    leased = {
        examples: fuzz(tmp_path / str(examples), "payout-intents", bendable.url, examples=examples)
        for examples in (60, 180)
    }
    few, many = (leased[one].statistics["leased"]["requires_approval"] for one in (60, 180))
    assert few <= ENOUGH["payout-intents"]["primary"]["requires_approval"]
    assert many > 2 * few


@apis
def test_long_sequences_share_what_short_ones_would_use_up(api):
    """Each start comes once by default, twice with twice as many examples; one seed makes the same ones."""
    taken = {}
    for examples in (30, 60, 120):
        found = list(long_sequences(api, 1, examples, EVERYTHING[api]))
        assert found == list(long_sequences(api, 1, examples, EVERYTHING[api]))
        taken[examples] = sum(one in ("pending", "requires_approval") for each in found for one in each.start)
    assert taken[30] == taken[60] == (3 if api == "withdraws" else 6)
    assert taken[120] == 2 * taken[60]


def test_a_resource_goes_through_so_many_requests_before_another_is_taken(bendable, tmp_path):
    """A refused request gets the one that has gone through least; a cancel the one that has gone through most."""
    profile = load(profile_for(tmp_path, "withdraws", bendable.url), CREDENTIAL_ENV)
    session = Session(profile, tmp_path / "run")
    try:
        pool = ResourcePool(session, 60)
        first = pool.take("pending")
        assert isinstance(first, LeasedResource)
        with pool.changed:
            assert pool.availability("pending", uses_up=True, patient=True) is Availability.LATER
        pool.give_back(first, "pending")
        for _ in range(CAP - 1):
            again = pool.take("pending")
            assert again is first
            pool.give_back(again, "pending")
        second = pool.take("pending")
        assert isinstance(second, LeasedResource)
        assert second is not first
        pool.give_back(second, "pending")
        with pool.changed:
            assert pool.availability("pending", uses_up=True, patient=True) is first
        pool.give_back(first, "canceled")
        # What was cancelled serves as such from then on.
        cancelled = pool.take("canceled")
        assert isinstance(cancelled, LeasedResource)
        assert cancelled.id == first.id
    finally:
        session.close()


def test_what_is_reserved_for_a_sequence_is_taken_by_it_first(bendable, tmp_path):
    profile = load(profile_for(tmp_path, "withdraws", bendable.url), CREDENTIAL_ENV)
    session = Session(profile, tmp_path / "run")
    try:
        pool = ResourcePool(session, 60)
        pool.reserved.add("paid")
        assert pool.take("paid") is None
        held = pool.borrow("paid", lambda: False)
        assert isinstance(held, LeasedResource)
        pool.give_back(held, "paid")
        assert pool.take("paid") is held
    finally:
        session.close()


NAMED = {
    "cancel_withdraw.auth.missing": "without",
    "cancel_withdraw.auth.wrong_key": "with the X-API-Key",
    "cancel_withdraw.auth.wrong_signature": "with the X-Signature",
}


def test_a_refused_request_that_had_an_effect_is_named(bendable, tmp_path):
    """The documented cancel of a shared withdraw fails: what went before is sent again, each to a new one."""
    bendable.bend("wd-cancels-before-authenticating")
    found = fuzz(tmp_path, "withdraws", bendable.url, examples=60)
    bendable.bend()
    for check, said in NAMED.items():
        assert found.wrong[check] == "failed"
        fault = found.checks[check]["problem"]["fault"]
        assert said in fault
        assert "was refused (401), and the documented cancel that followed was refused, too (400" in fault
        causes = found.statistics["failing"][f"fuzz::{check}"]
        assert [one["again"] for one in causes if one["cause"] == "effect"] == [True]
        (line,) = [line for line in found.lines if line["check"]["id"] == f"fuzz::{check}"]
        assert [one["status"] for one in line["exchanges"]][:2] == [401, 400]
    # No honest request of the same resources is accused.
    assert "cancel_withdraw.status.pending" not in found.wrong


def test_nobody_is_named_where_a_resource_moved_on_by_itself(bendable, tmp_path):
    """Withdraws that are paid by themselves refuse the documented cancel, and no request did that."""
    bendable.bend(processing_settles_ms=1)
    found = fuzz(tmp_path, "withdraws", bendable.url, examples=30)
    bendable.bend()
    assert found.wrong == {}


def test_a_request_is_remembered_by_what_it_has_gone_through():
    case = Case("cancelWithdraw", "credentials", "POST", Mutation.WRONG)
    held = LeasedResource(None, "pending")
    for _ in range(100):
        held.went_through(case)
    assert 12 < len(held.history) < 100
    assert held.past() == ()
