"""Payout intents that answer a rare request wrongly, or a sequence of requests each of which works alone."""

import json
import re
from dataclasses import replace
from typing import Any

from conformance.sandbox import changes, steps
from conformance.sandbox.credentials import Account
from conformance.sandbox.defects import defect, rare
from conformance.sandbox.messages import Refusal, Request, Response
from conformance.sandbox.payout_intents.changes import gives_message, pi, replays, stores
from conformance.sandbox.payout_intents.model import Intent
from conformance.sandbox.payout_intents.reference import PayoutIntents

# Laid out as a table, a defect per line.
# fmt: off

# Reasons

pi.rare("pi-placeholder-in-the-reason-is-500", "PI-27",
        "A placeholder ${name} in the reason ends in a 500: the audit log's formatter doesn't know it.",
        stores(lambda reason: steps.crash("no such placeholder") if re.search(r"\$\{\w+", reason) else reason))
pi.rare("pi-long-reason-turns-the-amount-into-a-number", "PI-17",
        "Answers with a long reason are rendered by another code path, which shows amounts as numbers.",
        changes.shows(lambda it: {"amount": int(it.amount)}, lambda it: len(it.failure_message or "") > 256))
pi.rare("pi-markup-in-the-reason-empties-the-recipient", "PI-19",
        "A reason with markup sends the answer through a sanitiser, which empties nested objects.",
        changes.shows(lambda it: {"recipient": None}, lambda it: bool(re.search(r"<\w+>", it.failure_message or ""))))
pi.rare("pi-short-reason-is-read-as-a-code", "PI-22",
        "A reason of a single character is read as a code, and its meaning is shown instead.",
        gives_message(lambda reason: f"reason code {reason}" if reason is not None and len(reason) == 1 else reason))

# Headers

pi.rare("pi-long-request-id-is-500", "PI-01",
        "X-Request-Id goes into a column of 64 characters; a longer one ends in a 500.",
        changes.looks(lambda request: any(len(value) > 64 for value in request.values(b"x-request-id"))
            and steps.crash("value too long for type character varying(64)")))
pi.rare("pi-list-of-accepted-types-is-406", "PI-01",
        "A list in Accept is refused with 406: only application/json and */* are known.",
        changes.looks(lambda request: any(b"," in value for value in request.values(b"accept"))
            and steps.refuse(406, "not_acceptable", "Only application/json is offered.")))
pi.rare("pi-language-formats-the-amount", "PI-17",
        "The locale of Accept-Language decides how amounts are written: German readers get a comma.",
        steps.for_requests(lambda request:
            any(value.startswith(b"de") for value in request.values(b"accept-language")), PayoutIntents.shown,
            lambda api, shown, it: shown | {"amount": f"{it.amount},00"}))


# What gives something away


@rare("pi-strange-content-type-shows-the-headers", "PI-45")
class StrangeContentTypeShowsTheHeaders(PayoutIntents):
    """The refusal of a malformed content type shows the request's headers, credentials included."""

    def check_content_type(self, request: Request) -> None:
        label = b",".join(request.values(b"content-type")).partition(b";")[0].strip()
        if label and label.count(b"/") != 1:
            sent = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers}
            raise Refusal(415, "unsupported_media_type", f"What is this? {json.dumps(sent)}")
        super().check_content_type(request)


@rare("pi-strict-limit-shows-the-account", "PI-19")
class StrictLimitShowsTheAccount(PayoutIntents):
    """The refusal of a reason outside ASCII that is too long shows the account number."""

    async def cancel(self, request: Request, given: str) -> Response:
        try:
            return await super().cancel(request, given)
        except Refusal as refusal:
            intent = self.store.get(given)
            if intent is not None and refusal.code == "invalid_request" and b"\\u" in request.body:
                refusal.message += f" Order: {intent.account_number} at {intent.bank_code}."
            raise


# What isn't JSON

pi.rare("pi-bad-bytes-of-an-id-come-back", "PI-45",
        "The 404 for an id that isn't UTF-8 repeats its bytes: the answer isn't UTF-8 either.",
        changes.responds(lambda request, reply:
            replace(reply, body=b'{"error":{"code":"not_found","message":"There is no \xc3\x28."}}')
            if reply.status == 404 and "%C3%28" in request.path else reply))
pi.rare("pi-replay-has-a-key-twice", "PI-45",
        "A replay appends text to the stored answer: the name object stands there twice.",
        replays(lambda api, kept: replace(kept, body=kept.body.rstrip()[:-1] + b',"object":"payout_intent"}')))
pi.rare("pi-conflict-names-nan", "PI-45",
        "A conflict without a reason contains NaN, which isn't JSON.",
        changes.responds(lambda request, reply: replace(reply, body=reply.body.rstrip()[:-1] + b',"likeness":NaN}')
            if reply.status == 409 and b"reason" not in request.body else reply))


# Sequences


class _Remembering(PayoutIntents):
    """Knows what happened to an intent before."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.past: dict[str, list[str]] = {}

    def happened(self, identifier: str) -> list[str]:
        """Returns the outcomes of the requests about an intent, oldest first."""
        return self.past.setdefault(identifier, [])

    async def cancel(self, request: Request, given: str) -> Response:
        """Do it, and note how it went."""
        try:
            reply = await super().cancel(request, given)
        except Refusal as refusal:
            self.happened(given).append(refusal.code)
            self.after_refusal(refusal, request, given)
            raise
        again = "cancelled" in self.happened(given)
        self.happened(given).append("replayed" if again else "cancelled")
        return reply

    async def read(self, request: Request, given: str) -> Response:
        """Do it, and note it."""
        reply = await super().read(request, given)
        self.happened(given).append("read")
        return reply

    def after_refusal(self, refusal: Refusal, request: Request, given: str) -> None:
        """Is called after a refusal, whose trace a subclass leaves."""

    def forget(self, account: Account, request: Request, given: str) -> None:
        """Free a key."""
        key = self.key_of(request)
        if key is not None:
            self.world.keys.pop(self.scope(account, key, given), None)


@rare("pi-refused-cancel-takes-the-key-over", "PI-33")
class RefusedCancelTakesTheKeyOver(_Remembering):
    """A refused cancel overwrites the intent's key: the first key is forgotten."""

    def after_refusal(self, refusal: Refusal, request: Request, given: str) -> None:
        super().after_refusal(refusal, request, given)
        if refusal.code == "approval_required" and self.key_of(request):
            for scope in [s for s, entry in self.world.keys.items() if entry.fingerprint.startswith(given)]:
                del self.world.keys[scope]


@rare("pi-replay-after-a-replay-and-a-read-is-fresh", "PI-33")
class ReplayAfterAReplayAndAReadIsFresh(_Remembering):
    """A read refreshes the answer that a replay has cached: the next replay shows the present intent."""

    async def cancel(self, request: Request, given: str) -> Response:
        reply = await super().cancel(request, given)
        past = self.happened(given)
        if past[-1] == "replayed" and "read" in past[past.index("replayed") : -1]:
            intent = self.store.get(given)
            assert intent is not None  # it has been cancelled
            intent.updated_at = self.clock.after(intent.updated_at)
            return self.success(intent)
        return reply


@rare("pi-key-on-another-intent-frees-the-first", "PI-33")
class KeyOnAnotherIntentFreesTheFirst(_Remembering):
    """A key used for another intent is a conflict, and is deleted: the first intent's replay fails."""

    def after_refusal(self, refusal: Refusal, request: Request, given: str) -> None:
        super().after_refusal(refusal, request, given)
        intent = self.store.get(given)
        if refusal.code == "idempotency_conflict" and intent and intent.status in self.cancellable:
            self.forget(self.authenticate(request), request, given)


@rare("pi-stranger-frees-the-key", "PI-33", "PI-34")
class StrangerFreesTheKey(_Remembering):
    """A 404 deletes the request's key: another merchant's request deletes the owner's key."""

    def after_refusal(self, refusal: Refusal, request: Request, given: str) -> None:
        super().after_refusal(refusal, request, given)
        key = self.key_of(request) if refusal.code == "not_found" else None
        for scope in [scope for scope in self.world.keys if key is not None and scope[-1] == key]:
            del self.world.keys[scope]


@rare("pi-stranger-with-the-key-gets-422", "PI-11")
class StrangerWithTheKeyGets422(_Remembering):
    """Another merchant with the key of a cancelled intent gets 422, and so learns its state."""

    def not_owned(self, account: Account, row: Intent, given: str) -> Refusal:
        return self.not_cancellable(row) if self.told else super().not_owned(account, row, given)

    told = False

    async def cancel(self, request: Request, given: str) -> Response:
        key = self.key_of(request)
        self.told = (
            key is not None
            and "read" in self.happened(given)
            and any(
                scope[-1] == key and entry.fingerprint.startswith(given)
                for scope, entry in self.world.keys.items()
            )
        )
        return await super().cancel(request, given)


@rare("pi-refused-cancel-lets-it-settle", "PI-09")
class RefusedCancelLetsItSettle(_Remembering):
    """A second, refused cancel lifts the block on the payout."""

    def payable(self, row: Intent) -> bool:
        unblocked = row.status == "cancelled" and "approval_required" in self.happened(row.id)
        return unblocked or super().payable(row)


@rare("pi-empty-cancel-after-a-read-wipes-the-reason", "PI-06", "PI-22")
class EmptyCancelAfterAReadWipesTheReason(_Remembering):
    """A refused cancel without a reason, after a read, deletes the intent's reason."""

    def after_refusal(self, refusal: Refusal, request: Request, given: str) -> None:
        super().after_refusal(refusal, request, given)
        intent, past = self.store.get(given), self.happened(given)
        late = "cancelled" in past and "read" in past[past.index("cancelled") :]
        if intent and late and refusal.code == "approval_required" and b"reason" not in request.body:
            intent.failure_message = None


@defect("pi-failed-login-after-a-conflict-undoes-it", "PI-40")
class FailedLoginAfterAConflictUndoesIt(_Remembering):
    """A request that fails authentication, after a conflict, rolls back reason and updated_at of the cancel."""

    def after_refusal(self, refusal: Refusal, request: Request, given: str) -> None:
        super().after_refusal(refusal, request, given)
        intent = self.store.get(given)
        if intent and self.happened(given)[-2:] == ["idempotency_conflict", "unauthorized"]:
            intent.updated_at = intent.created_at
            intent.failure_message = None


@rare("pi-broken-body-after-a-read-cancels", "PI-29")
class BrokenBodyAfterAReadCancels(_Remembering):
    """A body of another JSON type, after a read, is refused after the intent has been cancelled."""

    def after_refusal(self, refusal: Refusal, request: Request, given: str) -> None:
        super().after_refusal(refusal, request, given)
        intent = self.store.get(given)
        if (
            intent
            and self.happened(given)[-2:] == ["read", "invalid_request"]
            and request.body.startswith(b"[")
        ):
            self.write(intent, None)
