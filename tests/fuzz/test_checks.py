"""The fixed list of checks, the classes of input, and the specification as a oracle."""

import subprocess
import sys
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import pytest

from conformance import catalogue, contracts, fuzz, openapi
from conformance.contracts import contract
from conformance.errors import HarnessError
from conformance.fuzz import run
from conformance.fuzz.case import Mutation
from conformance.fuzz.fuzz_contract import Fuzzing, checks, fuzzing
from conformance.fuzz.text_field import body_mutation
from conformance.model import Level
from conformance.suites.payout_intents.fuzz_checks import REASON
from tests.fuzz.support import apis
from tests.support import ROOT


@apis
def test_every_check_speaks_of_requirements_that_exist(api):
    requirements = catalogue.load(api).by_id()
    listed = fuzz.check_ids(api)
    assert len(listed) == len(checks(api))
    for check in checks(api):
        assert listed[check.id] == check.requirements
        assert set(check.requirements) <= requirements.keys()
        assert (
            requirements[check.requirements[0]].level is check.level(requirements) or check.part is not None
        )


def test_the_list_needs_no_schemathesis():
    code = "import sys, conformance.fuzz as f; f.check_ids('withdraws'); print('schemathesis' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@apis
def test_consequences_name_checks(api):
    names = {check.key.partition(".")[2] for check in checks(api)}
    keys = {check.key for check in checks(api)}
    for what, causes in fuzzing(api).consequences.items():
        assert what in names
        assert all(cause in names or cause in keys for cause in causes)


def test_checks_are_derived_where_a_contract_brings_none(monkeypatch):
    """A contract without fuzz checks gets one for each documented state, credential and answer of its requirements."""
    requirements = {
        "status": ("PI-01",),
        "status.unknown": ("PI-10",),
        "crash.body": ("PI-29",),
        "auth": ("PI-40",),
    }
    bare = replace(contract("payout-intents"), fuzzing=None, fuzz_requirements=requirements)
    monkeypatch.setattr(contracts, "every", lambda: (bare,))
    derived = fuzzing.__wrapped__("payout-intents")
    assert derived.machine is None
    assert {check.key: check.requirements for check in derived.checks} == {
        "cancel_payout_intent.status.requires_approval": ("PI-01",),
        "cancel_payout_intent.status.processing": ("PI-01",),
        "cancel_payout_intent.status.cancelled": ("PI-01",),
        "cancel_payout_intent.status.terminal": ("PI-01",),
        "cancel_payout_intent.status.unknown": ("PI-10",),
        "cancel_payout_intent.crash.body": ("PI-29",),
        "get_payout_intent.status.unknown": ("PI-10",),
        "get_payout_intent.status.existing": ("PI-01",),
        **{
            f"{operation}.auth.{what}": ("PI-40",)
            for operation in ("cancel_payout_intent", "get_payout_intent")
            for what in ("documented", "missing", "wrong")
        },
    }
    nothing = replace(bare, fuzz_requirements={})
    monkeypatch.setattr(contracts, "every", lambda: (nothing,))
    assert fuzzing.__wrapped__("payout-intents").checks == ()


def test_sequences_that_are_not_tried_are_noted(monkeypatch):
    """The notes of a run say so where a contract brings no state machine, and say nothing where it does."""
    pool = SimpleNamespace(api="withdraws", unavailable={})
    findings, runner = SimpleNamespace(unsent={}, unconfirmed=[]), SimpleNamespace(counts=Counter())
    assert run._notes(pool, findings, runner) == []
    monkeypatch.setattr(run, "fuzzing", lambda api: Fuzzing(checks=checks(api)))
    (note,) = run._notes(pool, findings, runner)
    assert "Sequences of requests were not tried" in note
    assert "withdraws" in note


def test_soft_checks_only_warn():
    requirements = catalogue.load("payout-intents").by_id()
    (check,) = [
        check for check in checks("payout-intents") if check.key == "cancel_payout_intent.crash.content_type"
    ]
    assert requirements["PI-46"].level is Level.MUST
    assert check.level(requirements) is Level.SHOULD


@pytest.mark.parametrize(
    ("operation", "field", "keyword", "check"),
    [
        ("cancel_withdraw", "data.amount", "type", "body.amount"),
        ("cancel_withdraw", "data.amount", "required", "body.keys"),
        ("cancel_withdraw", "data.metadata.order", "type", "body.types"),
        ("cancel_withdraw", "data", "required", "body.keys"),
        ("cancel_withdraw", "success", "required", "body.success"),
        ("cancel_withdraw", "", "json", "body.keys"),
        ("cancel_payout_intent", "recipient.bank_code", "required", "body.recipient"),
        ("cancel_payout_intent", "recipient", "required", "body.keys"),
        ("cancel_payout_intent", "country", "pattern", "body.amounts"),
        ("get_payout_intent", "country", "pattern", "body.shape"),
    ],
)
def test_a_breach_finds_its_check(operation, field, keyword, check):
    api = "withdraws" if operation == "cancel_withdraw" else "payout-intents"
    assert fuzzing(api).field_check(operation, field, keyword) == check


@pytest.mark.parametrize(
    ("body", "value", "mutation"),
    [
        (b"{}", {}, Mutation.DOCUMENTED),
        (b"...", {"reason": "duplicate_request"}, Mutation.DOCUMENTED),
        (b"...", {"reason": "x" * 512}, Mutation.DOCUMENTED),
        (b"...", {"reason": "x" * 513}, Mutation.FIELD_LENGTH),
        (b"...", {"reason": "é" * 513}, Mutation.OPEN),
        (b"...", {"reason": "é" * 300}, Mutation.OPEN),
        (b"...", {"reason": "a\x00b"}, Mutation.OPEN),
        (b"...", {"reason": "a\rb"}, Mutation.OPEN),
        (b"...", {"reason": ""}, Mutation.OPEN),
        (b"...", {"reason": None}, Mutation.OPEN),
        (b"...", {"reason": "x", "more": 1}, Mutation.OPEN),
        (b"...", {"more": 1}, Mutation.OPEN),
        (b"...", {"reason": 1}, Mutation.FIELD_TYPE),
        (b"...", {"reason": []}, Mutation.FIELD_TYPE),
        (b"...", [], Mutation.BODY),
        (b"...", None, Mutation.BODY),
        (None, None, Mutation.OPEN),
    ],
)
def test_only_what_is_beyond_doubt_counts_as_documented(body, value, mutation):
    assert body_mutation(REASON, body, value) is mutation


@pytest.mark.parametrize("reason", ["<b>&amp;", "a\nb", "יום", "😀 ok", " outer spaces ", "'; DROP--"])
def test_free_text_is_free(reason):
    assert REASON.is_free_text(reason)


@pytest.mark.parametrize("reason", ["e\u0301", "\u202egnp", "\ue000", "\ufdd0", "\u200b", "   "])
def test_what_software_tidies_up_is_not_demanded(reason):
    assert not REASON.is_free_text(reason)


@pytest.mark.parametrize(
    ("value", "check"),
    [
        ({}, "reason.absent"),
        ({"reason": "customer_changed_mind"}, "reason.plain"),
        ({"reason": "x" * 256}, "reason.longest"),
        ({"reason": "<b>"}, "reason.free_text"),
        ({"reason": " a"}, "reason.free_text"),
    ],
)
def test_a_reason_has_its_check(value, check):
    assert REASON.check(value) == check


def test_the_specification_names_the_field():
    wrong = openapi.breaches("cancelWithdraw", 404, {"success": 0, "error": {"code": "x", "message": ""}})
    assert list(map(str, wrong)) == [
        'error.code: should be "RESOURCE_NOT_FOUND", and is "x"',
        'error.message: should have at least 1 characters, and is ""',
        "success: should be false, and is 0",
    ]
    wrong = openapi.breaches("cancelWithdraw", 200, {"success": True, "data": {}})
    assert "data.currency: is missing" in map(str, wrong)
    # Python's own `$` would let the newline pass.
    wrong = openapi.breaches("getPayoutIntent", 200, {"amount": "1\n"})
    assert [each.keyword for each in wrong if each.field == "amount"] == ["pattern"]


def test_any_other_refusal_may_look_as_it_likes():
    assert openapi.breaches("cancelWithdraw", 429, "slow down") == []
    assert list(map(str, openapi.breaches("cancelWithdraw", 201, {}))) == [
        "the body: status 201 is not documented (documented: 200, 400, 404)"
    ]
    with pytest.raises(HarnessError):
        openapi.operation("noSuchOperation")
