"""The checks that fuzzing makes of the payout intents API, and the facts that its oracle needs."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

from conformance.fuzz.case import Case, Example, Mutation
from conformance.fuzz.fuzz_contract import MEMORY_S, Fuzzing, RequestStep
from conformance.fuzz.oracle.checks import FuzzCheck, table
from conformance.fuzz.oracle.results import (
    CheckResult,
    ExpectedResponse,
    Finding,
    Target,
    differs,
    expected_response,
    recorded,
)
from conformance.fuzz.stateful.model import changed, showed
from conformance.fuzz.stateful.state_machine import StateMachine
from conformance.fuzz.text_field import TextField
from conformance.fuzz.words import became, value
from conformance.http import summary
from conformance.http.reply import Reply
from conformance.model import Level
from conformance.oracles.texts import Returned, returned
from conformance.suites.payout_intents.contract import CONTRACT
from conformance.suites.payout_intents.intent_state import FAMILY
from conformance.suites.payout_intents.state_machine import IntentModel

SHOULD, MUST = Level.SHOULD, Level.MUST
REASON = TextField("reason", 512, "failure_message")
_JSON = (("Content-Type", "application/json"),)
_KEPT = (Returned.SAME, Returned.TIDIED)

CHECKS = (
    *table(
        "cancel_payout_intent",
        (
            "status.requires_approval",
            "PI-01",
            "A documented cancel of an intent in requires_approval answers 202",
        ),
        (
            "status.processing",
            "PI-02",
            "A processing intent is refused with 422 approval_required, time and again",
        ),
        ("status.terminal", "PI-03", "An intent in a terminal state is refused with 422, time and again"),
        (
            "status.cancelled",
            "PI-04",
            "A cancelled intent is refused with 422 approval_required, time and again",
        ),
        ("status.unknown", "PI-10", "An id that was never issued answers 404 not_found"),
        ("body.status", "PI-01", "Every 202 says that the intent is cancelled"),
        ("body.keys", "PI-15", "Every 202 has each documented key that has a value, of the documented kind"),
        ("body.nulls", "PI-15", "Every 202 has the documented keys without a value, too, as null", SHOULD),
        ("body.id", "PI-15", "Every 202 is about the intent that was asked for"),
        ("body.failure_code", "PI-16", "failure_code is cancelled in every 202"),
        ("body.amounts", "PI-17", "amount, currency and country have their shapes in every 202"),
        ("body.environment", "PI-18", "environment is named in every 202"),
        ("body.recipient", "PI-19", "recipient is complete in every 202"),
        ("body.instants", "PI-20", "created_at and updated_at are instants in every 202"),
        ("reason.plain", "PI-22", "A plain reason is accepted and comes back unchanged"),
        ("reason.absent", "PI-23", "A cancel without a reason is accepted"),
        ("reason.longest", "PI-24", "A reason of 512 characters is accepted and comes back whole"),
        ("reason.free_text", "PI-27", "Free text is accepted and comes back unchanged"),
        (
            "reason.tidied",
            "PI-27",
            "Outer white space and canonical forms of a reason come back, too",
            SHOULD,
        ),
        ("reason.too_long", "PI-25", "A generated reason beyond the limit is not accepted"),
        ("reason.too_long_effect", "PI-25", "What is refused as too long is not cancelled", MUST),
        ("reason.whole", "PI-26", "What is accepted of a long reason is kept whole", MUST),
        ("reason.other_type", "PI-28", "A generated reason of another type is not accepted"),
        ("reason.other_type_effect", "PI-28", "What is refused for its type is not cancelled", MUST),
        ("key.absent", "PI-30", "A cancel without a key is accepted"),
        (
            "key.conflict",
            "PI-31",
            "A key that comes again with another reason answers 409 idempotency_conflict",
        ),
        ("key.replay", "PI-33", "A key that comes again with the same body brings the first answer"),
        (
            "key.other_intent",
            "PI-35",
            "A generated key that was used before doesn't bring another intent's answer",
        ),
        ("error.envelope", "PI-44", "Every documented refusal has the documented envelope"),
        ("json.strict", "PI-45", "What calls itself JSON is JSON, whatever was sent"),
        ("json.content_type", "PI-45", "The answers to documented requests are labelled as JSON"),
        ("insides", "PI-45", "No answer shows a stack trace, SQL or a file path, whatever was sent"),
        ("error.other", "PI-45", "A refusal of credentials or of a reason has the envelope, too"),
        ("secrets", "PI-45", "No answer repeats a secret of the caller, whatever was sent"),
        ("secrets_told", "PI-40", "No answer tells a secret to somebody who hasn't sent it"),
        ("account", "PI-19", "No answer shows a whole account number, whatever was sent"),
        ("crash.path", "PI-14", "No malformed id causes a server error"),
        ("crash.reason", "PI-28", "No odd reason causes a server error"),
        ("crash.body", "PI-29", "No odd body causes a server error"),
        ("crash.key", "PI-38", "No odd key causes a server error"),
        ("crash.credentials", "PI-43", "No malformed credential causes a server error"),
        ("crash.content_type", "PI-46", "No foreign content type causes a server error", SHOULD),
        ("crash.method", "PI-48", "No other method causes a server error"),
        ("accepts.json", "PI-46", "No body labelled application/json is refused for its label"),
        ("refused.body", "PI-29", "A body that is refused has no effect"),
        ("auth.documented", "PI-39", "No request with good credentials is turned away as if they weren't"),
        ("auth.missing", "PI-40", "No request without credentials is accepted, or has an effect"),
        ("auth.wrong", "PI-40", "No generated credentials are accepted, or have an effect"),
    ),
    *table(
        "get_payout_intent",
        ("read_back", "PI-06", "After every 202 the intent reads as cancelled, with its code and reason"),
        ("status.existing", "PI-06", "Reading an intent answers 200 in every state"),
        ("status.unknown", "PI-10", "Reading an id that was never issued answers 404 not_found"),
        ("body.id", "PI-15", "Every 200 is about the intent that was asked for"),
        ("body.shape", "PI-15", "An intent reads as the cancellation shows it", SHOULD),
        ("error.envelope", "PI-44", "Every documented refusal has the documented envelope"),
        ("json.strict", "PI-45", "What calls itself JSON is JSON, whatever was sent"),
        ("json.content_type", "PI-45", "The answers to documented requests are labelled as JSON"),
        ("insides", "PI-45", "No answer shows a stack trace, SQL or a file path, whatever was sent"),
        ("error.other", "PI-45", "A refusal of credentials has the envelope, too"),
        ("secrets", "PI-45", "No answer repeats a secret of the caller, whatever was sent"),
        ("secrets_told", "PI-40", "No answer tells a secret to somebody who hasn't sent it"),
        ("account", "PI-19", "No answer shows a whole account number, whatever was sent"),
        ("crash.path", "PI-14", "No malformed id causes a server error"),
        ("crash.credentials", "PI-43", "No malformed credential causes a server error"),
        ("crash.method", "PI-48", "No other method causes a server error"),
        ("auth.documented", "PI-39", "No request with good credentials is turned away as if they weren't"),
        ("auth.missing", "PI-40", "No request without credentials is accepted"),
        ("auth.wrong", "PI-40", "No generated credentials are accepted"),
    ),
    *table(
        "cancel_payout_intent.walk",
        ("cancel", "PI-01", "An intent that awaits approval is cancelled, whatever came before"),
        ("processing", "PI-02", "A processing intent is refused, whatever came before"),
        ("terminal", "PI-03", "A terminal intent is refused, whatever came before"),
        ("again", "PI-04", "A cancelled intent is refused, whatever came before"),
        ("unknown", "PI-10", "An id that was never issued answers 404, whatever came before"),
        ("merchant", "PI-11", "Another merchant's intent answers 404, whatever came before"),
        ("environment", "PI-12", "An intent of the other environment answers 404, whatever came before"),
        ("order_data", "PI-21", "The data of the order are the same in every answer of a sequence"),
        ("conflict", "PI-31", "A key with another reason is a conflict, whatever came in between"),
        ("replay", "PI-33", "A retry gets the first answer, whatever came in between"),
        ("keys_of_others", "PI-34", "What others do under a key is of no matter"),
        ("other_intent", "PI-35", "A key on another intent tells no lie, whatever came in between"),
        ("after_401", "PI-37", "A key that came with wrong credentials is free"),
        ("headers", "PI-01", "Headers that mean nothing to the API change no answer", SHOULD),
        ("label", "PI-46", "Another spelling of application/json changes no answer", SHOULD),
    ),
    *table(
        "get_payout_intent.walk",
        ("read", "PI-06", "An intent reads as what became of it, whatever came in between"),
        ("proceeds", "PI-05", "A refused cancel leaves no mark, wherever in a sequence it stands"),
        ("unknown", "PI-10", "Reading an id that was never issued answers 404, whatever came before"),
        ("merchant", "PI-11", "Another merchant's requests are of no effect, and find nothing"),
        ("environment", "PI-12", "Requests from the other environment are of no effect, and find nothing"),
        ("untouched", "PI-03", "A refused cancel doesn't move updated_at", SHOULD),
        ("dates", "PI-20", "Dates stay where nothing was changed", SHOULD),
        ("order_data", "PI-21", "The data of the order are the same in every answer of a sequence"),
        ("refused", "PI-29", "A body that is refused has no effect, wherever in a sequence it stands"),
        ("refused_long", "PI-25", "A reason refused as too long has no effect, wherever it stands", MUST),
        ("refused_type", "PI-28", "A reason refused for its type has no effect, wherever it stands", MUST),
        ("conflict", "PI-32", "A conflict changes nothing, wherever in a sequence it stands"),
        ("credentials", "PI-40", "Wrong credentials have no effect, wherever in a sequence they come"),
        ("headers", "PI-06", "Headers that mean nothing to the API change no answer", SHOULD),
    ),
    FuzzCheck(
        "get_payout_intent.walk.settled",
        ("PI-09",),
        "A cancelled intent is not executed, whatever came before the attempt",
        capability=("settlement", True),
    ),
)


FIELDS = {
    "cancel_payout_intent": {
        "status": "body.status",
        "failure_code": "body.failure_code",
        "amount": "body.amounts",
        "currency": "body.amounts",
        "country": "body.amounts",
        "environment": "body.environment",
        "recipient": "body.recipient",
        "created_at": "body.instants",
        "updated_at": "body.instants",
    }
}

_CANCEL = "cancel_payout_intent."
_AFTER_ALL = ("auth.documented", "status.existing")
_SPOILED = ("credentials", "refused", "refused_long", "refused_type")
# What a plain cancel of an intent that awaits approval is judged by.
_OF_A_CANCEL = (
    "auth.documented",
    "status.requires_approval",
    *(f"reason.{what}" for what in ("plain", "absent", "free_text", "longest")),
    "key.absent",
    "accepts.json",
)
# What any cancel is judged by that has a body, has no text in it, or no key.
_OF_ANY_CANCEL = ("auth.documented", "accepts.json", "key.absent", "reason.absent")
_REFUSALS = tuple(f"status.{state}" for state in ("processing", "terminal", "cancelled"))
CONSEQUENCES = {
    **{f"walk.{what}": _AFTER_ALL for what in _SPOILED},
    "walk.order_data": (*_AFTER_ALL, "get_payout_intent.account"),
    "walk.cancel": _OF_A_CANCEL,
    "walk.after_401": _OF_A_CANCEL,
    "walk.keys_of_others": _OF_A_CANCEL,
    "walk.processing": (*_OF_ANY_CANCEL, "status.processing"),
    "walk.terminal": (*_OF_ANY_CANCEL, *_REFUSALS),
    "walk.again": (*_OF_ANY_CANCEL, "status.cancelled"),
    "walk.unknown": ("auth.documented", "status.unknown"),
    **{
        f"walk.{who}": (
            *_AFTER_ALL,
            "cancel_payout_intent.status.unknown",
            "get_payout_intent.status.unknown",
        )
        for who in ("merchant", "environment")
    },
    "walk.conflict": (*_OF_ANY_CANCEL, "key.conflict"),
    "walk.replay": ("auth.documented", "key.replay"),
    "walk.other_intent": (*_AFTER_ALL, "key.conflict"),
    "walk.read": (
        *_AFTER_ALL,
        "read_back",
        *(_CANCEL + what for what in ("reason.free_text", "body.status", "body.failure_code", "body.keys")),
    ),
    "walk.dates": (_CANCEL + "key.replay", _CANCEL + "walk.replay"),
    "walk.proceeds": (*_AFTER_ALL, *(_CANCEL + one for one in _REFUSALS)),
    "walk.settled": tuple(_CANCEL + one for one in _REFUSALS),
    "crash.path": ("status.unknown",),
    "status.cancelled": ("get_payout_intent.read_back", "get_payout_intent.walk.conflict"),
    "body.id": ("walk.keys_of_others", "walk.other_intent", "key.other_intent"),
    "reason.whole": ("reason.longest",),
    "reason.plain": ("status.requires_approval",),
    "reason.absent": ("status.requires_approval",),
    "reason.longest": ("status.requires_approval", "reason.plain"),
    "reason.free_text": ("status.requires_approval", "reason.plain"),
    "key.absent": ("status.requires_approval",),
    "crash.reason": ("status.requires_approval", "reason.plain", "reason.absent"),
    "crash.body": ("status.requires_approval", "reason.plain", "reason.absent"),
    "crash.key": ("status.requires_approval", "reason.plain", "reason.absent", "key.absent", "key.conflict"),
    "crash.content_type": ("status.requires_approval", "reason.plain"),
    "error.other": ("error.envelope",),
    "body.shape": (
        *(_CANCEL + f"body.{what}" for what in ("amounts", "environment", "recipient", "instants", "keys")),
        _CANCEL + "reason.other_type",
    ),
}


def follow_ups(example: Example, target: Target, key: str | None, first: Reply) -> Iterator[RequestStep]:
    """Yields a read, and by `turn` a replay, a conflict and another cancel.

    Is the success real, is it final, and does its key remember it?
    """
    case, turn = example.case, example.turn % 3
    after = Target(target.id, "cancelled", target.certain)
    read = Case("getPayoutIntent", "follow-up", "GET", Mutation.DOCUMENTED)
    yield RequestStep(
        case=read,
        target=after,
        more=lambda reply: _read_back(case, first, reply),
        shows=lambda reply: not any(one.finding for one in _read_back(case, first, reply)),
    )
    if case.mutation is Mutation.DOCUMENTED and key is not None and turn:
        yield RequestStep(
            case=case,
            target=after,
            key=key,
            more=lambda reply: _of_key("key.replay", first, reply, _replay(first, reply)),
            by_history=True,
        )
    if case.mutation is Mutation.DOCUMENTED and key is not None and turn == 2:
        conflict = expected_response(CONTRACT.answers, CONTRACT.answers.conflict)
        to = "the same key with another reason"
        yield RequestStep(
            case=_with_other_reason(case),
            target=after,
            key=key,
            more=lambda reply: _of_key("key.conflict", first, reply, differs(conflict, reply, to)),
            by_history=True,
        )
    once_more = replace(
        case,
        mutation=Mutation.DOCUMENTED,
        headers=_JSON,
        body=b'{"reason": "once_more"}',
        value={"reason": "once_more"},
        key="fresh" if turn else "absent",
    )
    yield RequestStep(case=once_more, target=after, key=str(uuid4()) if turn else None)


def _of_key(check: str, first: Reply, reply: Reply, finding: Finding | None) -> list[CheckResult]:
    """Returns the result of a check of a key; none where the target may have forgotten the key."""
    if reply.finished - first.finished > MEMORY_S:
        return []
    return [CheckResult(f"cancel_payout_intent.{check}", finding)]


def _replay(first: Reply, reply: Reply) -> Finding | None:
    to = "a retry under the same key with the same body"
    if reply.status == first.status and reply.json != first.json:
        wrong = changed(first.json, reply.json, CONTRACT.answers.keys) if isinstance(first.json, dict) else []
        observed = f"{'; '.join(wrong)} (the answer was {summary.of(reply)})" if wrong else summary.of(reply)
        fault = f"{to} was answered with {showed(wrong) if wrong else 'another body'}"
        return Finding(f"the first answer's body to {to}", observed, "another body", fault=fault)
    return differs(ExpectedResponse(first.status), reply, to)


def _read_back(case: Case, first: Reply, reply: Reply) -> list[CheckResult]:
    if reply.status in (401, 403):
        return []  # told elsewhere
    facts = {"status": "cancelled", "failure_code": "cancelled"}
    # What the first answer had wrong already is told of there.
    wrong = [name for name, value in facts.items() if first.at(name) == value != reply.at(name)]
    if case.mutation is Mutation.DOCUMENTED and REASON.of(case.value) is not None:
        reason = case.value["reason"]
        echoed, kept = (returned(reason, one.at("failure_message")) for one in (first, reply))
        wrong += ["failure_message"] if echoed in _KEPT and kept not in _KEPT else []
    check = "get_payout_intent.read_back"
    if reply.status == 200 and not wrong:
        return [CheckResult(check)]
    expected = "200 with what the cancel was answered with to reading the intent afterwards"
    cause = f"{reply.status} {','.join(wrong)}"
    if reply.status != 200:
        fault = f"a read of an intent that was just cancelled {became(CONTRACT, reply, '200')}"
        return [CheckResult(check, Finding(expected, summary.of(reply), cause, fault=fault))]
    lines = [f"{name} is {value(recorded(reply, name))}" for name in wrong]
    fault = f"a read of an intent that was just cancelled showed {lines[0].replace(' is ', ' ', 1)}"
    observed = f"{'; '.join(lines)} (the answer was {summary.of(reply)})"
    return [CheckResult(check, Finding(expected, observed, cause, fault=fault))]


def _with_other_reason(case: Case) -> Case:
    before = case.value.get("reason") if isinstance(case.value, dict) else None
    other = "another_reason" if before != "another_reason" else "a_third_reason"
    return replace(case, headers=_JSON, body=f'{{"reason": "{other}"}}'.encode(), value={"reason": other})


FUZZING = Fuzzing(
    checks=CHECKS,
    fields=FIELDS,
    whole=frozenset({"get_payout_intent"}),
    consequences=CONSEQUENCES,
    text=REASON,
    stateless=(".other_intent", ".reason.whole"),
    follow_ups=follow_ups,
    machine=StateMachine(
        model=lambda subjects, capabilities: IntentModel(subjects),
        families=(FAMILY,),
        independent=frozenset(
            {
                "get_payout_intent.walk.dates",
                "get_payout_intent.walk.untouched",
                "get_payout_intent.walk.order_data",
                "cancel_payout_intent.walk.order_data",
                "cancel_payout_intent.body.keys",
            }
        ),
    ),
)
