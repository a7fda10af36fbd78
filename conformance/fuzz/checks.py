"""The fixed list of what fuzzing checks: stable ids, each with the rows of the catalogue that it speaks of.

A finding is always told under one of these, so that what passed is recorded too. The level of a check is that of its
row, unless it is about a part of the row that has another one: a SHOULD part of a MUST can only warn, and a MUST part
of a SHOULD fails.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from conformance.model import Level, Requirement

SUITE = "fuzz"


@dataclass(frozen=True, slots=True)
class FuzzCheck:
    """One check. `key` is `<operation>.<what>`; `part` is its level where that isn't the row's.

    `capability` names what a profile has to declare, and the value.
    """

    key: str
    requirements: tuple[str, ...]
    title: str
    part: Level | None = None
    capability: tuple[str, bool] | None = None

    @property
    def id(self) -> str:
        """As a run record has it."""
        return f"{SUITE}::{self.key}"

    def level(self, rows: Mapping[str, Requirement]) -> Level:
        """That of its rows, unless it is about a part with a level of its own."""
        if self.part is not None:
            return self.part
        levels = {rows[one].level for one in self.requirements}
        if levels == {Level.SHOULD}:
            return Level.SHOULD
        return Level.MAY if levels == {Level.MAY} else Level.MUST


SHOULD, MUST = Level.SHOULD, Level.MUST
_Row = tuple[str, str, str] | tuple[str, str, str, Level]


def _table(operation: str, *rows: _Row) -> tuple[FuzzCheck, ...]:
    return tuple(
        FuzzCheck(f"{operation}.{row[0]}", tuple(row[1].split()), row[2], row[3] if len(row) > 3 else None)
        for row in rows
    )


_WITHDRAWS = (
    *_table(
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
        ("secrets", "WD-28", "No answer repeats a secret of the caller, whatever was sent"),
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
    *_table(
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
        ("odd_id", "WD-14", "A UUID of an unusual make-up is turned down calmly"),
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

_INTENTS = (
    *_table(
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
    *_table(
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
        ("account", "PI-19", "No answer shows a whole account number, whatever was sent"),
        ("crash.path", "PI-14", "No malformed id causes a server error"),
        ("crash.credentials", "PI-43", "No malformed credential causes a server error"),
        ("crash.method", "PI-48", "No other method causes a server error"),
        ("auth.documented", "PI-39", "No request with good credentials is turned away as if they weren't"),
        ("auth.missing", "PI-40", "No request without credentials is accepted"),
        ("auth.wrong", "PI-40", "No generated credentials are accepted"),
    ),
    *_table(
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
    ),
    *_table(
        "get_payout_intent.walk",
        ("read", "PI-06", "An intent reads as what became of it, whatever came in between"),
        ("proceeds", "PI-05", "A refused cancel leaves no mark, wherever in a sequence it stands"),
        ("unknown", "PI-10", "Reading an id that was never issued answers 404, whatever came before"),
        ("merchant", "PI-11", "Another merchant's requests are of no effect, and find nothing"),
        ("environment", "PI-12", "Requests from the other environment are of no effect, and find nothing"),
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

_ALL: Mapping[str, tuple[FuzzCheck, ...]] = {"withdraws": _WITHDRAWS, "payout-intents": _INTENTS}

# Which check a field of a body belongs to; what isn't named here is `body.keys`.
FIELDS: Mapping[str, Mapping[str, str]] = {
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
    },
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
    },
    "get_payout_intent": {},
}


def checks(api: str) -> tuple[FuzzCheck, ...]:
    """Every check of an API, in a fixed order; none for an API that isn't fuzzed."""
    return _ALL.get(api, ())


def field_check(operation: str, field: str, keyword: str) -> str:
    """The check (without its operation) that a breach of a success body belongs to."""
    if operation == "get_payout_intent":
        return "body.shape"
    if keyword == "required" and field.count(".") <= (operation == "cancel_withdraw"):
        return "body.success" if field == "success" else "body.keys"
    steps = field.split(".")
    table = FIELDS.get(operation, {})
    for end in range(len(steps), 0, -1):
        found = table.get(".".join(steps[:end]))
        if found is not None:
            return found
    return "body.keys"
