"""Sequences: drawn from the seed, in JSON and back, kept to by honest targets, and made small where they fail."""

import json
from contextlib import contextmanager

import pytest

from conformance import catalogue
from conformance.fuzz.execute.context import ResultSink
from conformance.fuzz.execute.executor import Executor
from conformance.fuzz.execute.resource_pool import ResourcePool
from conformance.fuzz.execute.sequence_runner import SequenceRunner
from conformance.fuzz.execute.shrink import shrunk
from conformance.fuzz.findings import Findings
from conformance.fuzz.fuzz_contract import chosen
from conformance.fuzz.generate.sequences import Capabilities, capabilities_of, number, sequences
from conformance.fuzz.run import context_of
from conformance.fuzz.stateful.sequence import Sequence, Step, from_json
from conformance.profile import load
from conformance.session import Session
from tests.fuzz.support import apis, fuzz, profile_for
from tests.support import CREDENTIAL_ENV

EVERYTHING = {
    "withdraws": Capabilities(
        ("other_merchant",), settles=True, final=("paid", "failed", "canceled"), moving=("processing",)
    ),
    "payout-intents": Capabilities(
        ("other_merchant", "other_environment"),
        settles=True,
        final=("cancelled", "paid"),
        moving=("processing",),
    ),
}


@contextmanager
def session_for(folder, api, url):
    session = Session(load(profile_for(folder, api, url), CREDENTIAL_ENV), folder / "run")
    try:
        yield session
    finally:
        session.close()


def perform(sequence, session):
    context = context_of(session, ResourcePool(session, 1))
    return Executor(context, ResultSink()).perform_sequence(sequence)


def walk_all(folder, api, url, seed):
    """The checks that a number of sequences find wrong, without any other fuzzing, and the findings."""
    with session_for(folder, api, url) as session:
        profile, many = session.profile, number(api, 60)
        pool = ResourcePool(session, many)
        findings = Findings(
            api, chosen(api, (), profile.capabilities), catalogue.load(api).by_id(), session.redactor
        )
        generated = sequences(api, seed, many, capabilities_of(profile))
        runner = SequenceRunner(context_of(session, pool), findings, generated, many)
        while runner.one():
            pass
        told = {check.id.removeprefix("fuzz::"): check for check, _ in findings.finished()}
        return {name: check for name, check in told.items() if check.outcome != "passed"}, findings


@apis
def test_one_seed_makes_the_same_walks(api):
    first = list(sequences(api, 7, 50, EVERYTHING[api]))
    assert first == list(sequences(api, 7, 50, EVERYTHING[api]))
    assert first != list(sequences(api, 8, 50, EVERYTHING[api]))
    assert len(first) == 50


@apis
def test_a_walk_survives_json(api):
    for seed in range(20):
        for sequence in sequences(api, seed, 40, EVERYTHING[api]):
            assert from_json(json.loads(json.dumps(sequence.to_json()))) == sequence


@apis
def test_steps_follow_each_other_in_every_way(api):
    kinds = {
        (one.verb, one.by, bool(one.odd), two.verb, two.by, bool(two.odd))
        for sequence in sequences(api, 1, number(api, 60), EVERYTHING[api])
        for one, two in zip(sequence.steps, sequence.steps[1:], strict=False)
    }
    assert len(kinds) > (35 if api == "withdraws" else 50)


@apis
def test_only_what_the_profile_has_is_used(api):
    for sequence in sequences(api, 3, 60, Capabilities(final=("paid",), reads=False)):
        assert {step.by for step in sequence.steps} == {"primary"}
        assert "settle" not in {step.verb for step in sequence.steps}
        assert api == "payout-intents" or "read" not in {step.verb for step in sequence.steps}
        assert "processing" not in sequence.start


HONEST = [
    {"key_check": "before_lookup", "replay_refusals": True, "replay_header": True, "instants": "seconds"},
    {"in_flight": "409", "failure_message_absent": "default", "empty_body": "refused", "auth_status": 403},
    {"processing_settles_ms": 20, "unknown_route": "flask", "malformed_id_status": 400, "echo_id": True},
    {"budget": 3, "null_reason": "refused", "foreign_content_type": "accepted", "request_id": True},
]


@pytest.mark.parametrize("variants", HONEST, ids=lambda variants: next(iter(variants)))
def test_honest_targets_hold_to_every_walk(variants, bendable, tmp_path):
    for seed, api in enumerate(("withdraws", "payout-intents"), 11):
        bendable.post("/_control", {"defects": [], "variants": variants, "reset": True})
        try:
            wrong, findings = walk_all(tmp_path / api, api, bendable.url, seed)
        finally:
            bendable.post("/_control", {"defects": [], "variants": {}, "reset": True})
        assert wrong == {}
        assert findings.answers > 20


@pytest.mark.parametrize(
    ("defect", "check", "outcome"),
    [
        ("pi-conflict-undoes-the-cancel", "get_payout_intent.walk.conflict", "failed"),
        ("pi-conflict-frees-the-key", "cancel_payout_intent.walk.replay", "warned"),
        ("pi-refused-cancel-lets-it-settle", "get_payout_intent.walk.settled", "failed"),
        ("pi-stranger-with-the-key-gets-422", "cancel_payout_intent.walk.merchant", "failed"),
        ("pi-list-of-accepted-types-is-406", "cancel_payout_intent.walk.headers", "warned"),
        ("wd-strangers-attempt-reopens-it", "cancel_withdraw.walk.again", "failed"),
        ("wd-failed-signature-moves-the-date", "cancel_withdraw.walk.trace", "failed"),
    ],
)
def test_a_walk_that_fails_is_shown_as_short_as_it_can_be(defect, check, outcome, bendable, tmp_path):
    api = "withdraws" if defect.startswith("wd") else "payout-intents"
    bendable.bend(defect)
    wrong, findings = walk_all(tmp_path / "first", api, bendable.url, 1)
    assert wrong[check].outcome == outcome
    seen = next(seen for one, seen in findings.failing() if one.key == check)
    sequence = seen.example
    assert isinstance(sequence, Sequence)
    assert 1 <= len(sequence.steps) <= 4
    assert len(seen.shown) == sum(step.verb != "settle" for step in sequence.steps)
    assert seen.again is True

    again = from_json(json.loads(json.dumps(sequence.to_json())))
    with session_for(tmp_path / "again", api, bendable.url) as session:
        assert perform(again, session).wrong() != []
        bendable.bend()
        assert perform(again, session).wrong() == []


def test_headers_of_no_meaning_are_left_out_of_what_is_shown(bendable, tmp_path):
    """Generated headers that a failure doesn't need are left out of the reported case."""
    bendable.bend("wd-strangers-attempt-reopens-it")
    headed = (("X-Request-Id", "abc"), ("Accept-Language", "th"))
    steps = [
        Step("cancel", headers=headed),
        Step("read"),
        Step("cancel", by="other_merchant", headers=headed),
    ]
    sequence = Sequence("withdraws", ("pending",), (*steps, Step("read"), Step("cancel")))
    with session_for(tmp_path, "withdraws", bendable.url) as session:
        performed = perform(sequence, session)
        best = shrunk(performed, "cancel_withdraw.walk.again", lambda one: perform(one, session))
    bendable.bend()
    assert best is not None
    assert best.sequence.steps == (Step("cancel"), Step("cancel", by="other_merchant"), Step("cancel"))


def test_what_does_not_show_again_is_not_told(bendable, tmp_path):
    bendable.bend("wd-strangers-attempt-reopens-it")
    steps = (Step("cancel"), Step("cancel", by="other_merchant"), Step("cancel"))
    with session_for(tmp_path, "withdraws", bendable.url) as session:
        performed = perform(Sequence("withdraws", ("pending",), steps), session)
        bendable.bend()
        assert performed.wrong() != []
        best = shrunk(performed, "cancel_withdraw.walk.again", lambda one: perform(one, session))
    assert best is None


def test_a_walk_without_resources_says_so(bendable, tmp_path):
    bendable.bend()
    sequence = Sequence("withdraws", ("no-such-state",), (Step("cancel"),))
    with session_for(tmp_path, "withdraws", bendable.url) as session:
        performed = perform(sequence, session)
    assert performed.taken == ()
    assert "no-such-state" in str(performed.missing)


# What only fuzzing finds: several defects at a time, each known by the checks that tell of it.
RARE = {
    "withdraws": [
        {
            "wd-language-formats-the-amount": "body.amount",
            "wd-browser-gets-a-page": "error.envelope",
            "wd-strangers-attempt-lets-it-be-paid": "walk.settled",
            "wd-failed-signature-moves-the-date": "walk.trace",
            "wd-fourth-refusal-shows-the-account": "account",
        },
        {
            "wd-long-request-id-is-500": "walk.headers",
            "wd-strangers-attempt-reopens-it": "walk.again",
            "wd-refusal-drops-the-metadata": "walk.order_data",
        },
        {"wd-list-of-accepted-types-is-406": "walk.headers"},
    ],
    "payout-intents": [
        {
            "pi-placeholder-in-the-reason-is-500": "reason.free_text",
            "pi-long-reason-turns-the-amount-into-a-number": "body.amounts",
            "pi-markup-in-the-reason-empties-the-recipient": "body.recipient",
            "pi-long-request-id-is-500": "walk.headers",
            "pi-strange-content-type-shows-the-headers": "secrets",
            "pi-strict-limit-shows-the-account": "account",
            "pi-bad-bytes-of-an-id-come-back": "json.strict",
            "pi-refused-cancel-lets-it-settle": "walk.settled",
        },
        {
            "pi-language-formats-the-amount": "body.amounts",
            "pi-conflict-names-nan": "json.strict",
            "pi-refused-cancel-takes-the-key-over": "walk.replay",
            "pi-stranger-with-the-key-gets-422": "walk.merchant",
            "pi-broken-body-after-a-read-cancels": "refused.body",
            "pi-empty-cancel-after-a-read-wipes-the-reason": "walk.read",
        },
        {
            "pi-list-of-accepted-types-is-406": "walk.headers",
            "pi-short-reason-is-read-as-a-code": "reason.plain",
            "pi-replay-after-a-replay-and-a-read-is-fresh": "walk.replay",
        },
        {"pi-stranger-frees-the-key": "walk.replay", "pi-replay-has-a-key-twice": "json.strict"},
        {"pi-key-on-another-intent-frees-the-first": "walk.replay"},
    ],
}
GROUPS = [pytest.param(api, group, id=next(iter(group))) for api, groups in RARE.items() for group in groups]


@pytest.mark.parametrize(("api", "group"), GROUPS)
def test_a_default_run_finds_what_only_fuzzing_finds(api, group, bendable, tmp_path):
    """`python -m tests.proof.rare` looks at each of them by itself, with five seeds."""
    bendable.bend(*group)
    found = fuzz(tmp_path, api, bendable.url, examples=60, seed=1)
    bendable.bend()
    said = {name.partition(".")[2] for name in found.wrong}
    assert set(group.values()) - said == set()


def test_every_rare_defect_is_in_a_group():
    from tests.proof.rare import rare

    grouped = [name for groups in RARE.values() for group in groups for name in group]
    assert sorted(grouped) == sorted(defect.id for defect in rare())
