"""The checks that fuzzing makes of the withdraws API, and the facts that its oracle needs."""

import random
from collections.abc import Iterator

from conformance.fuzz.case import Case, Example, Mutation
from conformance.fuzz.fuzz_contract import Fuzzing, RequestStep
from conformance.fuzz.generate.shuffle_bag import ShuffleBag
from conformance.fuzz.generate.values import HEX, NAMES, PLAIN, garbage, long, multibyte
from conformance.fuzz.oracle.checks import FuzzCheck, table
from conformance.fuzz.oracle.results import CheckResult, Finding, Target, recorded, text
from conformance.fuzz.stateful.state_machine import StateMachine
from conformance.http import summary
from conformance.http.reply import MISSING, Reply, instant
from conformance.model import Headers, Level
from conformance.oracles.missing_keys import has_value
from conformance.states.accounts import unmasked
from conformance.suites.withdraws.state_machine import FAMILY, UNUSUAL_IDS, WithdrawModel

SHOULD = Level.SHOULD

CHECKS = (
    *table(
        "cancel_withdraw",
        ("status.pending", "WD-01", "A documented cancel of a pending withdraw answers 200"),
        ("status.paid", "WD-04", "A paid withdraw is refused with 400 VALIDATION_ERROR, time and again"),
        ("status.failed", "WD-05", "A failed withdraw is refused with 400 VALIDATION_ERROR, time and again"),
        (
            "status.canceled",
            "WD-06",
            "A canceled withdraw is refused with 400 VALIDATION_ERROR, time and again",
        ),
        ("status.refusal", "WD-07", "No refusal has another status than 400"),
        ("status.again", "WD-09", "What was cancelled just now is not cancelled once more"),
        ("status.unknown", "WD-11", "A generated UUID answers 404 RESOURCE_NOT_FOUND"),
        ("body.success", "WD-01", "Every 200 says that the withdraw is canceled"),
        ("body.id", "WD-15", "Every 200 is about the withdraw that was asked for"),
        ("body.keys", "WD-16", "Every 200 has each documented key that has a value, of the documented kind"),
        ("body.nulls", "WD-16", "Every 200 has the documented keys without a value, too, as null", SHOULD),
        ("body.canceled_at", "WD-17", "canceledAt is an instant in every 200"),
        ("body.canceled_at_utc", "WD-17", "canceledAt is told in UTC in every 200", SHOULD),
        ("body.paid_at", "WD-18", "paidAt is null in every 200"),
        ("body.amount", "WD-19", "amount is a decimal string in every 200"),
        ("body.currency", "WD-20", "currency is three capital letters in every 200"),
        ("body.account_number", "WD-21", "bankAccountNumber is masked in every 200"),
        ("body.types", "WD-22", "bankCode and metadata have their types in every 200"),
        ("body.instants", "WD-25", "createdAt and updatedAt are instants in every 200"),
        ("error.envelope", "WD-26", "Every documented refusal has the documented envelope"),
        ("json.strict", "WD-27", "What calls itself JSON is JSON, whatever was sent"),
        ("json.content_type", "WD-27", "The answers to documented requests are labelled as JSON"),
        ("insides", "WD-28", "No answer shows a stack trace, SQL or a file path, whatever was sent"),
        ("error.other", "WD-27", "A failed authentication has the envelope of the documented refusals"),
        ("secrets", "WD-32", "No answer shows a secret, whatever was sent"),
        ("account", "WD-21", "No answer shows a whole account number, whatever was sent"),
        ("accepts.malformed_id", "WD-14", "No malformed id is cancelled"),
        ("crash.path", "WD-14", "No malformed id causes a server error"),
        ("crash.credentials", "WD-39", "No malformed credential causes a server error"),
        ("crash.method", "WD-41", "No other method causes a server error"),
        ("auth.documented", "WD-30", "No correctly signed request is turned away as if it weren't"),
        ("auth.missing", "WD-31", "No request without its three headers is accepted"),
        ("auth.wrong_signature", "WD-32", "No generated signature is accepted"),
        ("auth.wrong_key", "WD-33", "No generated API key is accepted"),
    ),
    *table(
        "cancel_withdraw.walk",
        ("pending", "WD-01", "A pending withdraw is cancelled, whatever came before"),
        ("paid", "WD-04", "A paid withdraw is refused, whatever came before"),
        ("failed", "WD-05", "A failed withdraw is refused, whatever came before"),
        ("again", "WD-06", "A canceled withdraw is refused and keeps its date, whatever came before"),
        ("closed", "WD-07", "What can't be cancelled any more is refused with 400, whatever came before"),
        ("real", "WD-09", "A canceled withdraw stays canceled, whatever comes after"),
        ("trace", "WD-10", "A refused cancel leaves no trace, wherever in a sequence it stands"),
        ("no_credentials", "WD-31", "A request without credentials has no effect, wherever it stands"),
        ("credentials", "WD-32", "A wrong signature has no effect, wherever in a sequence it stands"),
        ("reads", "WD-10", "What could be read can still be read, whatever came before"),
        ("unknown", "WD-11", "An id that names nothing answers 404, whatever came before"),
        ("merchant", "WD-12", "Another merchant's withdraw is not cancelled, whatever came before"),
        ("alike", "WD-13", "Another merchant's withdraw answers as an unknown id, whatever came before"),
        ("odd_id", "WD-14", "A UUID of an unusual form is answered by a 4xx"),
        ("order_data", "WD-23", "The data of the order are the same in every answer of a sequence"),
        ("headers", "WD-01", "Headers that mean nothing to the API change no answer", SHOULD),
    ),
    FuzzCheck(
        "cancel_withdraw.walk.settled",
        ("WD-42",),
        "A canceled withdraw is not paid, whatever came before the attempt",
        capability=("settlement", True),
    ),
    FuzzCheck(
        "cancel_withdraw.walk.processing_cancelled",
        ("WD-02",),
        "A processing withdraw is cancelled, whatever came before",
        capability=("cancel_processing", True),
    ),
    FuzzCheck(
        "cancel_withdraw.walk.processing_refused",
        ("WD-03",),
        "A processing withdraw is refused, whatever came before",
        capability=("cancel_processing", False),
    ),
    FuzzCheck(
        "cancel_withdraw.status.processing_cancelled",
        ("WD-02",),
        "A documented cancel of a processing withdraw answers 200",
        capability=("cancel_processing", True),
    ),
    FuzzCheck(
        "cancel_withdraw.status.processing_refused",
        ("WD-03",),
        "A processing withdraw is refused with 400 VALIDATION_ERROR",
        capability=("cancel_processing", False),
    ),
)


FIELDS = {
    "cancel_withdraw": {
        "success": "body.success",
        "data.status": "body.success",
        "data.id": "body.id",
        "data.canceledAt": "body.canceled_at",
        "data.paidAt": "body.paid_at",
        "data.amount": "body.amount",
        "data.currency": "body.currency",
        "data.bankAccountNumber": "body.account_number",
        "data.bankCode": "body.types",
        "data.metadata": "body.types",
        "data.createdAt": "body.instants",
        "data.updatedAt": "body.instants",
    }
}

_REFUSALS = ("status.paid", "status.failed", "status.canceled")
CONSEQUENCES = {
    **{f"walk.{what}": ("auth.documented",) for what in ("merchant", "order_data", "reads")},
    "status.again": ("status.canceled", "status.refusal"),
    "body.paid_at": ("status.paid",),
    "walk.real": ("auth.documented", "body.success", "body.paid_at"),
    "walk.trace": ("auth.documented", *_REFUSALS, "body.success"),
    "walk.settled": (*_REFUSALS, "walk.real", "body.success", "body.paid_at"),
    "walk.alike": ("auth.documented", "status.unknown", "walk.unknown", "walk.merchant"),
    "walk.odd_id": ("status.unknown",),
    "walk.pending": ("auth.documented", "status.pending"),
    "walk.processing_cancelled": ("auth.documented", "status.processing_cancelled"),
    "walk.processing_refused": ("auth.documented", "status.processing_refused"),
    "walk.closed": ("status.refusal", *_REFUSALS, "walk.again"),
    "walk.paid": ("auth.documented", "status.paid"),
    "walk.failed": ("auth.documented", "status.failed"),
    "walk.again": ("auth.documented", "status.canceled", "status.again"),
    "walk.unknown": ("auth.documented", "status.unknown"),
    "status.processing_cancelled": ("status.pending",),
    "error.other": ("error.envelope",),
    "crash.path": ("status.unknown",),
    "accepts.malformed_id": ("status.unknown",),
}
_ACCOUNT = "data.bankAccountNumber"


def body(reply: Reply) -> dict[str, list[str]]:
    """Returns the violations that a schema can't express: masks, and offsets other than zero."""
    found: dict[str, list[str]] = {}
    account, moment = reply.at(_ACCOUNT), instant(reply.at("data.canceledAt"))
    masked = isinstance(account, str) and bool(account.strip()) and not unmasked(account)
    if account is not MISSING and has_value(account) and not masked:
        shown = text(recorded(reply, _ACCOUNT))
        found["body.account_number"] = [f"{_ACCOUNT}: should be masked, and is {shown}"]
    if moment is not None and moment.utcoffset():
        shown = text(reply.at("data.canceledAt"))
        found["body.canceled_at_utc"] = [f"data.canceledAt: should have an offset of zero, and is {shown}"]
    return found


def follow_ups(example: Example, target: Target, key: str | None, first: Reply) -> Iterator[RequestStep]:
    """Yields a second cancel, which has to be refused."""
    case = Case(example.case.operation, "follow-up", "POST", Mutation.DOCUMENTED)
    yield RequestStep(case=case, target=Target(target.id, "canceled", target.certain), more=_again)


def _again(reply: Reply) -> list[CheckResult]:
    check = "cancel_withdraw.status.again"
    if not reply.ok:
        return [CheckResult(check)]
    expected = "a second cancel of a withdraw that was just cancelled to be refused"
    fault = f"a second cancel of a withdraw that was just cancelled was accepted ({reply.status})"
    return [CheckResult(check, Finding(expected, summary.of(reply), str(reply.status), fault=fault))]


def wrong_credentials(rng: random.Random, bag: ShuffleBag) -> Headers:
    """Draws one of the three headers of a signed request, as it can't be right."""
    key, signature = "X-API-Key", "X-Signature"
    return (
        bag.draw(
            "hmac",
            (
                (key, ""),
                ("X-Timestamp", ""),
                (signature, ""),
                (key, garbage(rng)),
                (key, garbage(rng, PLAIN)),
                (key, multibyte(rng)),
                (key, long(rng)),
                (key, "".join(rng.choices(PLAIN, k=10_000))),
                (key, rng.choice(("null", "0", "'--"))),
                (key, rng.choice(NAMES)),
                (signature, "sha256=" + rng.choice(NAMES)),
                (signature, "sha256=" + "".join(rng.choices(HEX, k=64))),
                (
                    signature,
                    "sha256=" + "".join(rng.choices(HEX, k=rng.choice((1, 2, 31, 32, 63, 65, 66, 128)))),
                ),
                (signature, "sha256=" + garbage(rng)),
                (signature, "sha256=" + "0" * 64),
                (signature, "sha256="),
                (signature, "sha256=" + multibyte(rng)),
                (signature, "sha256=" + long(rng)),
                (signature, "sha512=" + "".join(rng.choices(HEX, k=128))),
                (signature, "sha256"),
                (signature, garbage(rng)),
                (signature, rng.choice(("null", "="))),
            ),
        ),
    )


FUZZING = Fuzzing(
    checks=CHECKS,
    fields=FIELDS,
    judged_apart=frozenset({_ACCOUNT}),
    body=body,
    consequences=CONSEQUENCES,
    auth_checks={
        "X-API-Key": "auth.wrong_key",
        "X-Signature": "auth.wrong_signature",
        "X-Timestamp": "auth.wrong_signature",
    },
    wrong_credentials=wrong_credentials,
    follow_ups=follow_ups,
    machine=StateMachine(
        model=lambda subjects, capabilities: WithdrawModel(subjects, capabilities.get("cancel_processing")),
        families=(FAMILY,),
        ids=UNUSUAL_IDS,
        independent=frozenset(f"cancel_withdraw.walk.{what}" for what in ("alike", "odd_id", "order_data")),
    ),
)
