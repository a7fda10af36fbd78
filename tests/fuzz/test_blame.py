"""Blame within a sequence: only the first rule that it broke is reported."""

import re
from types import SimpleNamespace

import pytest

from conformance import openapi
from conformance.fuzz import words
from conformance.fuzz.case import Case, Mutation
from conformance.fuzz.stateful import telling
from conformance.fuzz.stateful.sequence import Sequence, Step
from conformance.fuzz.words import became, breach, described, kind, value
from conformance.http.reply import MISSING
from conformance.suites.payout_intents.contract import CONTRACT as INTENTS
from tests.fuzz.support import fuzz
from tests.fuzz.test_oracle import BOTH, judges, refusal, reply  # noqa: F401 - a fixture
from tests.fuzz.test_sequences import perform, session_for

WITHDRAWS, INTENT = "withdraws", "payout-intents"
CANCEL, READ = Step("cancel"), Step("read")
FIRST, OTHER = Step("cancel", key="a", reason="first"), Step("cancel", key="a", reason="second")
WRONG = Step("cancel", odd="wrong_credentials")
PEEK = Step("read", odd="wrong_credentials")
STRANGER = Step("cancel", by="other_merchant")
WALK_I, READS_I, WALK_W = "cancel_payout_intent.walk.", "get_payout_intent.walk.", "cancel_withdraw.walk."

# A defect, a sequence that goes on after the rule is broken, the checks that fail, and the step that broke it.
BLAMED = {
    "a paid intent is cancelled, then read with wrong credentials": (
        "pi-paid-is-cancelled",
        (INTENT, ("paid",), (CANCEL, PEEK, READ, CANCEL)),
        [WALK_I + "terminal"],
        1,
    ),
    "a processing intent is cancelled, then asked for by others": (
        "pi-processing-is-cancelled",
        (INTENT, ("processing",), (CANCEL, STRANGER, READ)),
        [WALK_I + "processing"],
        1,
    ),
    "a paid withdraw is cancelled, then tried with a wrong secret": (
        "wd-paid-is-cancelled",
        (WITHDRAWS, ("paid",), (READ, CANCEL, WRONG, READ)),
        [WALK_W + "paid"],
        2,
    ),
    "a failed withdraw is cancelled, then tried by another merchant": (
        "wd-failed-is-cancelled",
        (WITHDRAWS, ("failed",), (CANCEL, STRANGER, READ)),
        [WALK_W + "failed"],
        1,
    ),
    "wrong credentials are let in, and the documented cancel comes too late": (
        "pi-secret-is-not-checked",
        (INTENT, ("requires_approval",), (WRONG, Step("cancel", key="b", reason="x"), READ)),
        ["cancel_payout_intent.auth.wrong"],
        1,
    ),
    "a request is refused for its credentials, and cancels": (
        "pi-cancels-before-authenticating",
        (INTENT, ("requires_approval",), (Step("cancel", key="a", odd="wrong_credentials"), FIRST, READ)),
        [READS_I + "credentials"],
        2,
    ),
    "a key is used up by a 401": (
        "pi-401-uses-up-the-key",
        (INTENT, ("requires_approval",), (Step("cancel", key="a", odd="wrong_credentials"), FIRST, READ)),
        [WALK_I + "after_401"],
        2,
    ),
    "a conflict cancels the other intent": (
        "pi-conflict-cancels-the-other",
        (INTENT, ("requires_approval",) * 2, (FIRST, Step("cancel", on=1, key="a", reason="first"), *(
            Step("cancel", on=1, key="b", reason="x"), Step("read", on=1)))),
        [READS_I + "conflict"],
        3,
    ),
    "a key of another intent claims a cancel": (
        "pi-another-intent-is-claimed",
        (INTENT, ("requires_approval",) * 2, (FIRST, Step("cancel", on=1, key="a", reason="first"), *(
            Step("cancel", on=1, key="b", reason="x"), Step("read", on=1)))),
        [WALK_I + "other_intent"],
        3,
    ),
    "a 403 says whose withdraw it is, and not that credentials are wrong": (
        "wd-not-owned-is-403",
        (WITHDRAWS, ("pending",), (STRANGER,)),
        [WALK_W + "alike"],
        1,
    ),
    "a refused cancel drops a text": (
        "wd-refusal-drops-the-description",
        (WITHDRAWS, ("paid",), (READ, CANCEL, READ, PEEK, READ)),
        [WALK_W + "trace"],
        3,
    ),
    "a refused cancel takes the reason over": (
        "pi-refusal-replaces-the-reason",
        (INTENT, ("cancelled",), (READ, Step("cancel", key="b", reason="more"), READ, PEEK, READ)),
        [WALK_I + "again"],
        3,
    ),
    "a refused cancel moves a date, which is a warning": (
        "pi-refusal-touches-updated-at",
        (INTENT, ("paid",), (READ, Step("cancel", key="b"), READ)),
        [READS_I + "untouched"],
        3,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BLAMED)
def test_the_first_broken_rule_is_blamed_and_ends_the_sequence(name, bendable, tmp_path):
    """Each finding of a sequence is about the first broken rule, and no later step is judged."""
    defect, (api, start, steps), checks, taken = BLAMED[name]
    bendable.bend(defect)
    with session_for(tmp_path, api, bendable.url) as session:
        performed = perform(Sequence(api, start, steps), session)
    bendable.bend()
    assert [one.check for _, one in performed.wrong()] == checks
    assert len(performed.taken) == taken
    assert performed.wrong()[0][0] == taken - 1


def test_what_says_nothing_of_the_state_ends_no_sequence(bendable, tmp_path):
    """A wrong body leaves the model right: the steps after it are judged."""
    bendable.bend("wd-amount-is-a-number")
    with session_for(tmp_path, WITHDRAWS, bendable.url) as session:
        performed = perform(Sequence(WITHDRAWS, ("pending",), (CANCEL, CANCEL, READ)), session)
    bendable.bend()
    assert len(performed.taken) == 3
    assert {one.check for _, one in performed.wrong()} >= {"cancel_withdraw.body.amount"}


@pytest.mark.parametrize(
    ("defect", "check"),
    [
        ("pi-paid-is-cancelled", "cancel_payout_intent.status.terminal"),
        ("pi-json-is-415", "cancel_payout_intent.accepts.json"),
        ("pi-key-is-required", "cancel_payout_intent.key.absent"),
        ("wd-own-cancel-again", "cancel_withdraw.status.canceled"),
        ("wd-unknown-is-400", "cancel_withdraw.status.unknown"),
        ("wd-secret-stands-in-a-header", "cancel_withdraw.secrets"),
    ],
)
def test_one_defect_is_told_by_one_check(defect, check, bendable, tmp_path):
    """One defect is reported by one check, without its consequences, and the title says what was done."""
    bendable.bend(defect)
    api = WITHDRAWS if defect.startswith("wd") else INTENT
    found = fuzz(tmp_path, api, bendable.url, examples=16)
    bendable.bend()
    assert set(found.wrong) == {check}
    assert found.checks[check]["problem"]["fault"]
    # A documented answer that a failure kept away is no matter of resources.
    assert found.statistics["shallow"] == []


PYTHON = re.compile(r"\b(None|True|False|<missing>)\b|\\u(?!0000)[0-9a-f]{4}|\\x[0-9a-f]{2}|'[a-z_]+'")
PRIVATE = re.compile(r"\b(walk|key a|odd|stranger|facts?|shallow|probe|twin|calmly)\b", re.IGNORECASE)


@pytest.mark.parametrize("name", BOTH)
def test_every_finding_has_a_title_in_words_of_the_field(name, judges):  # noqa: F811 - the fixture
    """Every title is a sentence about the target with its status or value, without Python or private words."""
    case, at, _, bad, _ = BOTH[name]
    findings = [one.finding for one in judges[case.operation].judge(case, at, bad) if one.finding]
    assert findings
    for found in findings:
        assert found.fault
        assert found.fault[0].isupper() or re.match(r"[\w.]+ was ", found.fault)
        assert not found.fault.endswith(".")
        said = f"{found.fault}\n{found.expected}"
        assert not PYTHON.search(said), said
        assert not PRIVATE.search(said), said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("short", '"short"'),
        ("", '""'),
        ("a" * 512, '512 times "a"'),
        ("ab" * 256, "512 letters"),
        ("12" * 30, "60 digits"),
        ("a1" * 30, "60 letters and digits"),
        ("a" * 10_000, 'a 10 kB string of "a"'),
        ("äö" * 30, '60 characters ("äöäöäöäöäöäö...)'),
    ],
)
def test_a_long_text_is_told_by_its_description(text, said):
    assert described(text) == said


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (MISSING, "absent"),
        (None, "null"),
        (False, "false"),
        (7, "7"),
        ("x", '"x"'),
        ([1] * 40, "an array of 40"),
        ({"a": "x" * 60}, "an object with a"),
        (int("9" * 60), "60 digits"),
    ],
)
def test_values_are_written_as_json_has_them(one, said):
    assert value(one) == said


def test_types_are_named_with_their_value():
    assert [kind(one) for one in (None, True, 7, [], {})] == [
        "null",
        "a boolean (true)",
        "a number (7)",
        "an array ([])",
        "an object ({})",
    ]


def test_an_answer_is_told_beside_the_one_that_was_due():
    assert became(INTENTS, reply(409, refusal("conflict")), "422 approval_required") == (
        "was answered 409 conflict instead of 422 approval_required"
    )
    assert became(INTENTS, reply(202, {}), "422 approval_required") == "was accepted (202)"
    assert became(INTENTS, reply(200, {}), "202") == "was answered 200 instead of 202"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "amount: should be string, and is 730",
            "amount was 730 in the answer to a cancel (202), not a string",
        ),
        ("data.currency: is missing", "data.currency was missing from the answer to a cancel (202)"),
        (
            'status: should be "cancelled", and is "canceled"',
            'status was "canceled" in the answer to a cancel (202), not "cancelled"',
        ),
        (
            'country: should match ^[A-Z]{2}$, and is "my"',
            'country was "my" in the answer to a cancel (202)',
        ),
    ],
)
def test_a_breach_of_a_schema_is_told_by_its_value(line, said):
    assert breach(line, openapi.operation("cancelPayoutIntent"), reply(202, {})) == said


def cancel_with(mutation, body=b"{}", sent=MISSING, **more):
    return Case("cancelPayoutIntent", "odd", "POST", mutation, body=body, value=sent, **more)


@pytest.mark.parametrize(
    ("case", "said"),
    [
        (
            cancel_with(Mutation.FIELD_LENGTH, sent={"reason": "ab" * 300}),
            "a cancel of a paid intent with a reason of 600 letters",
        ),
        (
            cancel_with(Mutation.FIELD_TYPE, sent={"reason": 7}),
            "a cancel of a paid intent with a reason that is a number (7)",
        ),
        (cancel_with(Mutation.DOCUMENTED, sent={}), "a cancel of a paid intent without a reason or a key"),
        (cancel_with(Mutation.BODY, b"{"), "a cancel of a paid intent with the body {"),
        (cancel_with(Mutation.BODY, b""), "a cancel of a paid intent with an empty body"),
        (cancel_with(Mutation.METHOD), "a POST on a paid intent"),
        (cancel_with(Mutation.TYPE), "a cancel of a paid intent without a content type"),
        (
            cancel_with(Mutation.MISSING, omitted=("Authorization",)),
            "a cancel of a paid intent without credentials",
        ),
        (
            cancel_with(Mutation.KEY, headers=(("Idempotency-Key", "k" * 4000),)),
            'a cancel of a paid intent with an Idempotency-Key of a 4 kB string of "k"',
        ),
        (cancel_with(Mutation.PATH, segment="%zz"), 'a cancel of the id "%zz"'),
        (Case("cancelWithdraw", "steps", "GET", Mutation.DOCUMENTED), "a read of a paid withdraw"),
    ],
)
def test_a_request_is_told_by_what_is_special_about_it(case, said):
    assert words.request(openapi.operation(case.operation), case, "paid") == said


TOLD = {
    "a read with a wrong secret": (
        Sequence(INTENT, ("paid",), (CANCEL, PEEK, READ)),
        "a read",
        ", after a cancel of a paid intent and a read with a wrong secret",
    ),
    "a retry": (
        Sequence(INTENT, ("requires_approval",), (FIRST, OTHER, FIRST)),
        "a retry under the same key of a requires_approval intent",
        ", after a cancel and a cancel under the same key with another reason",
    ),
    "a stranger": (
        Sequence(WITHDRAWS, ("pending",), (CANCEL, STRANGER)),
        "a cancel of another merchant's pending withdraw",
        ", after a cancel by its owner",
    ),
    "alone": (Sequence(WITHDRAWS, ("unknown:nil",), (CANCEL,)), "a cancel of the unusual UUID", ""),
    "many": (
        Sequence(WITHDRAWS, ("paid",), (READ, CANCEL, READ, CANCEL, READ)),
        "a read",
        ", after 4 other requests about a paid withdraw",
    ),
}


@pytest.mark.parametrize("name", TOLD)
def test_a_sequence_is_told_by_its_last_step_and_what_came_before(name):
    sequence, title, after = TOLD[name]
    assert telling.title(sequence).startswith(title)
    assert telling.after(sequence) == after
    assert len(telling.told(sequence)) == len(sequence.steps)
    assert not PRIVATE.search(" ".join(telling.told(sequence)))


def test_resources_that_are_missing_are_named():
    """The report says which states there were no resources in; where a failure explains it, it says nothing."""
    from conformance.report import explain

    record = SimpleNamespace(fuzz={"shallow": ["cancel_withdraw 404"], "missing_states": {"paid": "empty"}})
    assert explain.unreached(record) == (
        "Fuzzing never got these documented answers: cancel_withdraw 404; no resource was available in: paid."
    )
    assert explain.unreached(SimpleNamespace(fuzz={"shallow": []})) == ""
