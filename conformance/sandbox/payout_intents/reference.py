"""The payout intents API as its document describes it, in steps that a defect can replace."""

import asyncio
import base64
import binascii
import hmac
import re
import unicodedata
import uuid
from typing import Any

from conformance.sandbox.api import Api, Payload, decoded
from conformance.sandbox.body import canonical, parse_object
from conformance.sandbox.credentials import Account
from conformance.sandbox.messages import Headers, Refusal, Request, Response, encode
from conformance.sandbox.payout_intents import API
from conformance.sandbox.payout_intents.beside import Beside
from conformance.sandbox.payout_intents.model import Intent, wire
from conformance.sandbox.payout_intents.once import Once
from conformance.sandbox.payout_intents.variants import IntentVariants
from conformance.sandbox.store import Scope
from conformance.sandbox.windows import hangs_up

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_CHALLENGE = (("www-authenticate", 'Basic realm="payout intents", charset="UTF-8"'),)

_FRAMEWORKS = "framework"
"""Stands for a code where a framework answers by itself."""

REASON_LIMIT = 512
"""Characters (Payout intents, "Request")."""
KEY_LIMIT = 255
"""Bytes of an Idempotency-Key. The document names no limit."""


class PayoutIntents(Beside, Api[Intent], Once):
    """`POST /payout_intents/{id}/cancel` and `GET /payout_intents/{id}`."""

    name = API.name
    own: IntentVariants
    defect_prefix = "pi-"
    prefix = "/payout_intents/"
    cancellable: frozenset[str] = frozenset({"requires_approval"})
    """Payout intents, "Cancel a payout intent"."""

    success_status = 202
    """Payout intents, "Success"."""

    def place(self, path: str) -> tuple[str, str] | None:
        given, slash, rest = path.removeprefix(self.prefix).partition("/")
        if not given or (slash and rest != "cancel"):
            return None
        return ("cancel" if slash else "read"), decoded(given)

    async def cancel(self, request: Request, given: str) -> Response:
        account = self.authenticate(request)
        if self.own.key_check == "before_lookup":
            self.refuse_reused(account, request, given)
        intent = self.find(account, given)
        body = self.body_of(request)
        reason = self.reason_of(body)
        key = self.key_of(request)
        if key is None:
            return await self.execute(intent, reason)
        scope, fingerprint = self.scope(account, key, intent.id), self.fingerprint(intent.id, body)
        return await self.once(scope, fingerprint, lambda: self.carried_out(request, intent, reason))

    async def carried_out(self, request: Request, row: Intent, reason: str | None) -> Response:
        """Executes a cancel, also after its client has disconnected; the variant `hang_up` stops it then."""
        if self.own.hang_up == "stops" and await hangs_up(request):
            await asyncio.sleep(1)  # so long it takes until the key is let go of
            raise Refusal(408, "request_timeout", "Nobody is there any more.")
        return await self.execute(row, reason)

    async def execute(self, row: Intent, reason: str | None) -> Response:
        """Decide, write and answer as one step; the event leaves afterwards."""
        async with self.exclusive(row):
            self.check_cancellable(row)
            await self.deliberate(row)
            self.store.keep(row)
            self.write(row, reason)
            response = self.success(row)
        self.announce(row, reason)
        return response

    # Authentication: "Required headers", RFC 7617

    def authenticate(self, request: Request) -> Account:
        """The account of the credentials, and with it the environment. Nothing is looked up before."""
        user, password = self.credentials(request)
        account = self.account_for(user)
        if not self.decided(user, password) and not self.secret_matches(account, password):
            raise self.unauthorized(request, "bad_credentials")
        assert account is not None  # without an account no secret matches
        self.decide(user, password)
        self.refuse_named(request, account)
        self.world.auth_log.accepted(self.name)
        return account

    def credentials(self, request: Request) -> tuple[bytes, bytes]:
        """User and password of the one Authorization header."""
        values = request.values(b"authorization")
        if len(values) != 1 or not values[0]:
            raise self.unauthorized(request, "repeated_header" if values[1:] else "missing_header")
        scheme, _, encoded = values[0].partition(b" ")
        if not self.is_basic(scheme) and self.own.basic != "under any scheme":
            raise self.unauthorized(request, "other_scheme")
        try:
            decoded_pair = base64.b64decode(encoded.strip(), validate=True)
        except binascii.Error:
            raise self.unauthorized(request, "undecodable") from None
        user, colon, password = decoded_pair.partition(b":")
        if not colon:
            raise self.unauthorized(request, "no_colon")
        if self.own.basic == "up to a colon":
            password = password.partition(b":")[0]
        return user, password.partition(b"\0")[0] if self.own.c_strings else password

    def is_basic(self, scheme: bytes) -> bool:
        """Scheme names are case-insensitive (RFC 9110, 11.1)."""
        return scheme.lower() == b"basic"

    def secret_matches(self, account: Account | None, password: bytes) -> bool:
        """Compare in constant time, for an unknown user too."""
        expected = account.secret if account else b"-" * 40
        return hmac.compare_digest(expected, password) and account is not None

    def auth_refusal(self, reason: str) -> Refusal:
        message = "These credentials are not a public key with its secret key."
        headers = _CHALLENGE if self.variants.challenge else ()
        return Refusal(self.variants.auth_status, "unauthorized", message, headers)

    # Looking up

    def owns(self, account: Account, row: Intent) -> bool:
        """Merchant and environment, both (Payout intents, "Other outcomes")."""
        return row.merchant == account.merchant and self.same_environment(account, row)

    def same_environment(self, account: Account, row: Intent) -> bool:
        """Test credentials see test intents, live ones see live ones."""
        return row.environment == account.environment

    def parse_id(self, given: str) -> str:
        """Ids are opaque, but short and plain."""
        if not _ID.fullmatch(given):
            raise self.malformed_id(given)
        return given

    def not_found(self, given: str) -> Refusal:
        """404 (Payout intents, "Other outcomes")."""
        name = f" {given[:64]}" if self.variants.echo_id else ""
        return Refusal(404, "not_found", f"There is no such payout intent{name}.")

    def malformed_id(self, given: str) -> Refusal:
        """Returns the refusal of a malformed id: not found, unless a variant says that it is no valid request."""
        if self.variants.malformed_id_status == 404:
            return self.not_found(given)
        return Refusal(
            self.variants.malformed_id_status, "invalid_request", "This is not the id of a payout intent."
        )

    # The body: "Request"

    def body_of(self, request: Request) -> dict[str, Any]:
        """The JSON object in the body. No body at all is an empty one, as there is no required field."""
        if not request.body.strip():
            if self.own.empty_body == "refused":
                raise self.bad_request("A JSON object is expected.")
            return {}
        self.check_content_type(request)
        try:
            body = self.parse(request.body)
        except (ValueError, RecursionError) as error:
            raise self.bad_request("The body is not a JSON object that can be read one way only.") from error
        if self.own.unknown_fields == "refused" and body.keys() - {"reason"}:
            raise self.bad_request("The body has one field: reason.")
        return body

    def check_content_type(self, request: Request) -> None:
        """415 for a body that says it is something else; parameters and a missing type are no matter."""
        sent = b",".join(request.values(b"content-type")).partition(b";")[0].strip().lower()
        if sent and sent != b"application/json" and self.own.foreign_content_type == "refused":
            raise Refusal(415, "unsupported_media_type", "The body has to be application/json.")

    def parse(self, body: bytes) -> dict[str, Any]:
        """Bytes to an object; ValueError or RecursionError for anything else."""
        return parse_object(body)

    def reason_of(self, body: dict[str, Any]) -> str | None:
        """The reason, if there is one: a string of at most 512 characters that UTF-8 can write down."""
        reason = body.get("reason")
        if reason is None and ("reason" not in body or self.own.null_reason == "absent"):
            return None
        if not isinstance(reason, str):
            raise self.bad_reason("The reason is a string.")
        if any("\ud800" <= letter <= "\udfff" for letter in reason):
            raise self.bad_reason("The reason holds half a surrogate pair.")
        if self.length(reason) > REASON_LIMIT:
            raise self.bad_reason(f"The reason has at most {REASON_LIMIT} characters.")
        return self.stored(reason)

    def length(self, reason: str) -> int:
        """In characters: code points, not bytes; with a variant in the units of many languages' strings."""
        return len(reason.encode("utf-16-le")) // 2 if self.own.reason_units == "UTF-16" else len(reason)

    def stored(self, reason: str) -> str:
        """Free text is kept as it came, or tidied up as a library does by default."""
        if self.own.reason_form == "composed":
            return unicodedata.normalize("NFC", reason)
        return reason.strip() if self.own.reason_form == "trimmed" else reason

    def bad_request(self, message: str) -> Refusal:
        """400 for a body that can't be read."""
        return Refusal(400, "invalid_request", message)

    def bad_reason(self, message: str) -> Refusal:
        """A body that can be read, with a reason that can't be kept."""
        return Refusal(self.own.bad_reason_status, "invalid_request", message)

    # Idempotency: "Optional but recommended"; the rest of it is in `once`

    def key_of(self, request: Request) -> str | None:
        """The Idempotency-Key; an empty one is none, two different ones are refused, and too long ones."""
        sent = set(request.values(b"idempotency-key")) - {b""}
        if not sent:
            return None
        if len(max(sent, key=len)) > KEY_LIMIT and self.own.long_key == "framework":
            raise Refusal(422, _FRAMEWORKS, f"String should have at most {KEY_LIMIT} characters")
        if len(sent) > 1 or len(min(sent)) > KEY_LIMIT:
            raise self.bad_request(f"An Idempotency-Key is sent once and has at most {KEY_LIMIT} bytes.")
        return sent.pop().decode("latin-1")

    def scope(self, account: Account, key: str, identifier: str) -> Scope:
        """Where a key is unique: within one merchant's environment, or for one intent of it."""
        whose = account.merchant, account.environment, key
        return (*whose, identifier) if self.own.keys_hold_for == "intent" else whose

    def fingerprint(self, identifier: str, body: dict[str, Any]) -> str:
        """Returns the fingerprint that a request with a used key has to repeat: the intent, and what the body means."""
        return f"{identifier} {canonical(body)}"

    def refuse_reused(self, account: Account, request: Request, given: str) -> None:
        """The variant `key_check=before_lookup`: a conflict is told before the intent is looked for."""
        key = self.key_of(request)
        entry = self.world.keys.get(self.scope(account, key, given)) if key else None
        if entry is not None and entry.fingerprint != self.fingerprint(given, self.body_of(request)):
            raise self.conflict()

    # Deciding and writing

    def not_cancellable(self, row: Intent) -> Refusal:
        """422, with the status that is in the way."""
        return Refusal(422, "approval_required", self.why_not(row))

    def why_not(self, row: Intent) -> str:
        """The reason in words."""
        return f'The status is "{row.status}", and only an intent that requires_approval can be called off.'

    def write(self, row: Intent, reason: str | None = None) -> None:
        """Cancel it."""
        row.status = "cancelled"
        row.failure_code = "cancelled"
        row.failure_message = self.message_for(reason)
        row.updated_at = self.clock.after(row.created_at, row.updated_at)

    def message_for(self, reason: str | None) -> str | None:
        """The reason itself; the document doesn't say what stands in for none."""
        absent = {"null": None, "empty": "", "default": "Cancelled by the merchant."}
        return absent[self.own.failure_message_absent] if reason is None else reason

    def payable(self, row: Intent) -> bool:
        """Whether settlement, approving it first if need be, may still pay it."""
        return row.status in {"requires_approval", "processing"}

    def pay(self, row: Intent) -> None:
        row.status = self.own.terminal[1]
        self.touch(row)

    def announce(self, row: Intent, reason: str | None) -> None:
        """The `payout_intent.cancelled` event, once per cancellation."""
        event = self.event(row, reason) if row.webhook_url else {}
        for _ in range(self.own.webhook_deliveries):
            if row.webhook_url:
                self.courier.send(row.webhook_url, self.packed(event))

    def packed(self, event: Payload) -> Payload:
        """The event as it is delivered: as it is, or as a message queue hands it on."""
        if self.own.webhook_form == "base64":
            return {
                "message": {"messageId": event["id"], "data": base64.b64encode(encode(event)).decode("ascii")}
            }
        if self.own.webhook_form == "text":
            return {"Type": "Notification", "MessageId": event["id"], "Message": encode(event).decode()}
        if self.own.webhook_form == "delivery":
            # The envelope shows the intent as it was when the event was put into the queue.
            return {
                "id": f"dlv_{uuid.uuid4().hex}",
                "event_id": event["id"],
                "object": {"id": event["payout_intent_id"], "status": "requires_approval"},
                "event": {name: value for name, value in event.items() if name != "data"},
            }
        if self.own.webhook_form == "change":
            before = {"status": "requires_approval", "failure_code": None, "failure_message": None}
            return {**event, "data": {"before": event["data"] | before, "after": event["data"]}}
        return event

    def event(self, row: Intent, reason: str | None) -> Payload:
        """The event. Its envelope is our own: the document only names it, and the reason in it."""
        occurred_at = wire(row, self.variants.instants)["updated_at"]
        return {
            "id": f"evt_{uuid.uuid4().hex}",
            "type": "payout_intent.cancelled",
            "occurred_at": occurred_at,
            "payout_intent_id": row.id,
            "reason": reason,
            "data": wire(row, self.variants.instants),
        }

    # Rendering

    def replay(self, stored: Response) -> Response:
        """The first answer again, byte for byte."""
        extra: Headers = (("idempotent-replayed", "true"),) if self.own.replay_header else ()
        return Response(stored.status, stored.body, (*stored.headers, *extra), stored.content_type)

    async def wait_as_told(self) -> None:
        """The variant `in_flight=409` needs a time in which something is in flight."""
        if self.own.in_flight == "409":
            await asyncio.sleep(0.01)

    def shown(self, row: Intent) -> dict[str, Any]:
        """The intent as it is shown."""
        fields = wire(row, self.variants.instants)
        if self.variants.extra_fields:
            fields |= {"livemode": False, "fees": [], "risk": {"score": None}}
        if self.variants.nulls == "left out":
            fields = {name: value for name, value in fields.items() if value is not None}
        return dict(sorted(fields.items())) if self.variants.key_order == "sorted" else fields

    def envelope(self, refusal: Refusal) -> Payload:
        if refusal.code == _FRAMEWORKS:
            return {"detail": [{"loc": ["header", "idempotency-key"], "msg": refusal.message}]}
        error: Payload = {"code": refusal.code, "message": refusal.message}
        if self.variants.request_id:
            error["request_id"] = str(uuid.uuid4())
        return {"error": error}

    def code(self, name: str) -> str:
        return name
