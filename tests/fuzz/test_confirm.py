"""Confirmation: on a new resource, after the same requests, with a new key; nothing is said where there is none."""

import json
from dataclasses import replace

import pytest

from conformance.fuzz.case import Case, Example, Mutation
from conformance.fuzz.execute.attempt import Trial, attempt, renewed
from conformance.fuzz.execute.resource_pool import LeasedResource, ResourcePool
from conformance.fuzz.execute.shrink import shrink, shrunk
from conformance.fuzz.findings import Failure
from conformance.fuzz.run import context_of
from conformance.fuzz.stateful.sequence import Sequence, Step
from conformance.states.resource import Resource, Wanted
from tests.fuzz.support import fuzz
from tests.fuzz.test_sequences import perform, session_for

FORGED = Case(
    "cancelWithdraw",
    "credentials",
    "POST",
    Mutation.WRONG,
    altered=(("X-Signature", "sha256=" + "0" * 64),),
)
KEYED = Case(
    "cancelPayoutIntent",
    "odd",
    "POST",
    Mutation.KEY,
    headers=(("Content-Type", "application/json"), ("Idempotency-Key", "{abcdefgh1234}")),
    body=b"{}",
    value={},
    key="kept",
)


@pytest.fixture
def context(bendable, tmp_path):
    with session_for(tmp_path, "withdraws", bendable.url) as session:
        yield context_of(session, ResourcePool(session, 4))
    bendable.bend()


def failure(context, example, check):
    """A failure with an example of any kind."""
    trial = Trial(check)
    assert attempt(context, example, trial, new=True)
    found = trial.finding
    if found is None:
        # Where it shows on a used resource only, the second time.
        trial = Trial(check)
        assert attempt(context, replace(example, before=example.history, history=()), trial, new=True)
        found = trial.finding
    assert found is not None
    return Failure(found, trial.shown, example.size(), example=example)


def test_what_came_before_is_sent_again_with_it(bendable, context):
    """A second wrong signature is let in on the same withdraw: alone, a fresh one shows nothing."""
    bendable.bend("wd-second-attempt-is-let-in")
    check = "cancel_withdraw.auth.wrong_signature"
    seen = failure(context, Example(FORGED, "pending", history=(FORGED,)), check)
    assert shrink(context, check, seen, lambda: False) > 0
    assert seen.again is True
    assert seen.example.before == (FORGED,)
    assert [one.exchange.status for one in seen.shown] == [401, 200]
    assert seen.shown[0].says.startswith("a cancel of a pending withdraw with a")
    back = Example.from_json(json.loads(json.dumps(seen.example.to_json())))
    assert [one.altered for one in back.before] == [FORGED.altered]


def test_what_holds_on_a_fresh_resource_is_said_to(bendable, context):
    """A case that fails neither alone nor after its history did not fail again."""
    bendable.bend("wd-second-attempt-is-let-in")
    check = "cancel_withdraw.auth.wrong_signature"
    seen = failure(context, Example(FORGED, "pending", history=(FORGED,)), check)
    bendable.bend()
    shrink(context, check, seen, lambda: False)
    assert seen.again is False


def test_nothing_is_said_where_no_fresh_resource_is_left(bendable, context, monkeypatch):
    """A resource that is used up confirms nothing, and contradicts nothing."""
    bendable.bend("wd-second-attempt-is-let-in")
    check = "cancel_withdraw.auth.wrong_signature"
    seen = failure(context, Example(FORGED, "pending", history=(FORGED,)), check)
    bendable.bend()
    take = context.pool.take

    def used_only(state, **options):
        return None if options.get("new") else take(state, **options)

    monkeypatch.setattr(context.pool, "take", used_only)
    shrink(context, check, seen, lambda: False)
    assert seen.again is None


def test_a_sequence_without_resources_to_try_it_on_is_told_as_it_was(bendable, tmp_path):
    """A sequence that lacks resources to be repeated comes back unchanged, and is reported as not tried again."""
    bendable.bend("wd-paid-is-cancelled")
    with session_for(tmp_path, "withdraws", bendable.url) as session:
        performed = perform(Sequence("withdraws", ("paid",), (Step("read"), Step("cancel"))), session)
        best = shrunk(
            performed,
            "cancel_withdraw.walk.paid",
            lambda one: replace(performed, taken=(), missing="none left"),
        )
    bendable.bend()
    assert best is performed


def test_an_idempotency_key_is_renewed_and_stays_as_odd():
    """The target may remember what it answered to the old one; what is odd about the key is kept."""
    one, other = renewed(Example(KEYED, "requires_approval")), renewed(Example(KEYED, "requires_approval"))
    keys = [dict(each.case.headers)["Idempotency-Key"] for each in (one, other)]
    assert len({*keys, "{abcdefgh1234}"}) == 3
    assert {(len(key), key[0], key[-1], key[1:9].isalpha(), key[9:13].isdigit()) for key in keys} == {
        (14, "{", "}", True, True)
    }
    short = replace(KEYED, headers=(("Idempotency-Key", "a;b"),))
    assert renewed(Example(short, None)).case == short


def test_a_long_history_is_not_sent_again():
    held = LeasedResource(Resource("x", Wanted("withdraws", "paid")), "paid")
    for _ in range(12):
        held.went_through(FORGED)
    assert len(held.past()) == 12
    held.went_through(FORGED)
    assert held.past() == ()


@pytest.mark.parametrize(
    ("api", "defect", "check"),
    [
        ("withdraws", "wd-strangers-attempt-reopens-it", "cancel_withdraw.walk.again"),
        ("payout-intents", "pi-conflict-undoes-the-cancel", "get_payout_intent.walk.conflict"),
        ("payout-intents", "pi-keys-leak-responses", "cancel_payout_intent.walk.other_intent"),
    ],
)
def test_every_request_that_led_there_is_kept_in_order(api, defect, check, bendable, tmp_path):
    """The steps of each cause name their exchanges among those of the check, the deciding one last."""
    bendable.bend(defect)
    found = fuzz(tmp_path, api, bendable.url, examples=24)
    bendable.bend()
    (line,) = [line for line in found.lines if line["check"]["id"] == f"fuzz::{check}"]
    causes = found.statistics["failing"][f"fuzz::{check}"]
    places = [step["exchange"] for one in causes for step in one["steps"]]
    assert places == list(range(len(line["exchanges"])))
    first = causes[0]["steps"]
    assert len(first) > 1
    assert line["check"]["problem"]["exchange"] == first[-1]["exchange"]
    assert line["check"]["problem"]["fault"] == causes[0]["fault"]
    assert all(step["says"].startswith(("a ", "an ")) for step in first)
    assert causes[0]["again"] is True
