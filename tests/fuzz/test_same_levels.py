"""Suites and fuzzing look at the same bodies: what a field may be, and how much it weighs, is the same for both."""

import copy
import json
from types import SimpleNamespace

import pytest

from conformance import catalogue
from conformance.contracts import contract
from conformance.fuzz.case import Case, Mutation
from conformance.fuzz.fuzz_contract import checks
from conformance.fuzz.oracle.oracle import Oracle
from conformance.fuzz.oracle.results import Target
from conformance.http.reply import MISSING
from conformance.model import Level
from conformance.oracles.expect import Violation
from conformance.oracles.missing_keys import missing_keys
from conformance.states.resource import Resource, Wanted
from conformance.suites.payout_intents import test_body as intents
from conformance.suites.withdraws import fields
from tests.fuzz.test_oracle import reply
from tests.specs.test_openapi_documents import DATA, SAMPLES

INTENTS = contract("payout-intents").answers.keys
REASON = "duplicate_request"
GONE = object()


def judged(api, case, at, answer, facts):
    """The requirements that fail and those that warn by the oracle's word on a body."""
    leased = {at.id: Resource(at.id, Wanted(api, at.state), facts)}
    requirements = catalogue.load(api).by_id()
    known = {check.key: check for check in checks(api)}
    told = {"failed": set(), "warned": set()}
    for one in Oracle(api, capabilities={"cancel_processing": True}, leased=leased).judge(case, at, answer):
        if one.finding is not None:
            check = known[one.check]
            outcome = "warned" if check.level(requirements) is Level.SHOULD else "failed"
            told[outcome] |= set(check.requirements)
    return told


def values(pointer, value):
    """Replacements for a value: every JSON type, those of the specification's tests, and absence."""
    wrong = DATA["wrong_texts"].get(pointer, [])
    return [
        GONE,
        *SAMPLES.values(),
        *wrong,
        value,
        "GB29 NWBK 6016 1331 9268 19",
        "2024-01-01T08:10:00+08:00",
    ]


def changed(body, path, value):
    made = copy.deepcopy(body)
    parent = made
    for step in path[:-1]:
        parent = parent[step]
    if value is GONE:
        del parent[path[-1]]
    else:
        parent[path[-1]] = value
    return made


def cases(body, paths):
    for path in paths:
        before = body
        for step in path:
            before = before[step]
        for value in values("/" + "/".join(path), before):
            yield path, value


WITHDRAW = DATA["bodies"]["withdraw"]
INTENT = DATA["bodies"]["intent"]
# Whose values other requirements compare with what they were: of these only the presence is looked at here.
_FREE = ("status", "referenceId", "description", "destinationType", "destinationId", "bankAccountName")


def violated(*asked):
    """The requirements of those checks that raise."""
    found = set()
    for requirement_id, ask in asked:
        try:
            ask()
        except Violation:
            found.add(requirement_id)
    return found


def suite_of_withdraws(answer, withdraw, facts):
    data = answer.at("data")
    lacks = missing_keys("withdraws", data, facts)
    failed = violated(
        ("WD-15", lambda: fields.has_its_id(answer, withdraw)),
        ("WD-17", lambda: fields.has_instant(answer, "canceledAt")),
        ("WD-18", lambda: fields.is_unpaid(answer)),
        ("WD-19", lambda: fields.is_decimal_text(answer)),
        ("WD-20", lambda: fields.is_code(answer)),
        ("WD-21", lambda: fields.is_masked(answer, known=False)),
        ("WD-22", lambda: fields.has_text_code(answer)),
        ("WD-22", lambda: fields.has_object(answer)),
        ("WD-25", lambda: fields.has_instant(answer, "createdAt")),
        ("WD-25", lambda: fields.has_instant(answer, "updatedAt")),
    )
    return failed | ({"WD-16"} if lacks.valued else set()), {"WD-16"} if lacks.empty else set()


@pytest.mark.parametrize(
    "facts", [{}, {"referenceId": "payout-12345", "metadata": {"a": 1}}], ids=["none", "some"]
)
@pytest.mark.parametrize(
    "key", [key for key in contract("withdraws").answers.keys if key not in _FREE or key == "referenceId"]
)
def test_withdraws_weigh_the_same(key, facts):
    """Suites and fuzzing fail and warn for the same requirements of withdraws, for each wrong value of each field."""
    name = WITHDRAW["data"]["id"]
    case, at = Case("cancelWithdraw", "fuzzing", "POST", Mutation.DOCUMENTED), Target(name, "pending")
    withdraw = Resource(name, Wanted("withdraws", "pending"), facts)
    for path, value in cases(WITHDRAW, [("data", key)]):
        if key in _FREE and value not in (GONE, None):
            continue
        if key == "id" and value in ("", None) and value is not GONE:
            continue
        answer = reply(200, changed(WITHDRAW, path, value))
        failed, warned = suite_of_withdraws(answer, withdraw, facts)
        told = judged("withdraws", case, at, answer, facts)
        # The offset of canceledAt is a SHOULD that the suite has a check of its own for.
        assert (told["failed"], told["warned"] - {"WD-17"}) == (failed, warned), (key, value)


def suite_of_intents(answer, facts):
    intent = Resource(INTENT["id"], Wanted("payout-intents", "requires_approval"), facts)
    before = reply(200, {})
    cancelled = SimpleNamespace(reply=answer, before=before, after=answer, intent=intent)
    one = SimpleNamespace(cancelled=lambda: cancelled)
    lacks = missing_keys("payout-intents", answer.json, facts, {"failure_message": REASON})
    asked = [
        ("PI-15", lambda: intents.test_object_is_payout_intent(one)),
        ("PI-15", lambda: intents.test_id_is_the_requested_one(one)),
        ("PI-16", lambda: intents.test_failure_code_is_cancelled(one)),
        ("PI-17", lambda: intents.test_amount_is_a_string_of_digits(one)),
        ("PI-17", lambda: intents.test_code_is_in_capitals(one, "currency", 3)),
        ("PI-17", lambda: intents.test_code_is_in_capitals(one, "country", 2)),
        *(("PI-19", lambda key=key: intents.test_recipient_has(one, key)) for key in intents.RECIPIENT),
    ]
    asked += [
        ("PI-20", lambda key=key: intents.test_time_is_an_instant(one, key, "reply"))
        for key in ("created_at", "updated_at")
        if answer.at(key) is not MISSING
    ]
    return violated(*asked) | ({"PI-15"} if lacks.valued else set()), {"PI-15"} if lacks.empty else set()


@pytest.mark.parametrize("facts", [{}, {"merchant_reference": "payout_98765"}], ids=["none", "some"])
@pytest.mark.parametrize(
    "path",
    [(key,) for key in INTENTS if key not in ("status", "environment", "failure_message")]
    + [("recipient", key) for key in intents.RECIPIENT if key != "type"],
    ids=".".join,
)
def test_payout_intents_weigh_the_same(path, facts):
    """Suites and fuzzing fail and warn for the same requirements of payout intents, for each value of each field."""
    body = {"reason": REASON}
    case = Case(
        "cancelPayoutIntent", "fuzzing", "POST", Mutation.DOCUMENTED,
        body=json.dumps(body).encode(), value=body, key="fresh"
    )  # fmt: skip
    at = Target(INTENT["id"], "requires_approval")
    for where, value in cases(INTENT, [path]):
        if path == ("merchant_reference",) and value not in (GONE, None):
            continue
        answer = reply(202, changed(INTENT, where, value))
        failed, warned = suite_of_intents(answer, facts)
        told = judged("payout-intents", case, at, answer, facts)
        assert (told["failed"], told["warned"]) == (failed, warned), (path, value)
