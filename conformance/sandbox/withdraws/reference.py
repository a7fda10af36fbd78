"""The withdraws API as its document describes it ("Cancel Withdraw"), in steps that a defect can replace."""

import asyncio
import hashlib
import hmac
import re
import uuid
from collections import Counter
from dataclasses import replace
from typing import Any

from conformance.sandbox.api import Api, Payload, decoded
from conformance.sandbox.credentials import Account
from conformance.sandbox.messages import Refusal, Request, Response
from conformance.sandbox.windows import hangs_up
from conformance.sandbox.withdraws import API
from conformance.sandbox.withdraws.model import Withdraw, printed, wire
from conformance.sandbox.withdraws.timestamps import read_number
from conformance.sandbox.withdraws.variants import WithdrawVariants

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_CHALLENGE = (("www-authenticate", 'HMAC-SHA256 realm="withdraws"'),)

FRESH_MS = 5 * 60 * 1000
"""How far a timestamp may be from now, either way. The document names no window."""


class Withdraws(Api[Withdraw]):
    """`POST /api/v1/withdraws/{withdraw_id}/cancel`, and a read endpoint that no document mentions."""

    name = API.name
    own: WithdrawVariants
    defect_prefix = "wd-"
    prefix = "/api/v1/withdraws/"
    cancellable: frozenset[str] = frozenset({"pending", "processing"})
    """Withdraws, "Cancellation Rules"."""
    success_status = 200
    """Withdraws, "Success Response"."""
    let_in: set[tuple[bytes, ...]]
    """Key, timestamp and signature of each request that was let in, for the variant `refuses_replays`."""
    failures: Counter[str]
    """Requests about each withdraw that failed to prove who sent them, for the variant `refusals`."""
    signed_headers: tuple[bytes, ...] = (b"x-api-key", b"x-timestamp", b"x-signature")

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.let_in = set()
        self.failures = Counter()

    def place(self, path: str) -> tuple[str, str] | None:
        given, slash, rest = path.removeprefix(self.prefix).partition("/")
        if given and not slash and self.own.read_endpoint:
            return "read", decoded(given)
        return ("cancel", decoded(given)) if given and rest == "cancel" else None

    async def cancel(self, request: Request, given: str) -> Response:
        account = self.counted(request, given)
        self.check_extras(request)
        withdraw = self.find(account, given)
        if self.own.while_locked == "409" and self.store.lock(withdraw).locked():
            raise Refusal(409, "CONFLICT", "This withdraw is being cancelled.")
        async with self.exclusive(withdraw):
            self.check_cancellable(withdraw)
            await self.stop_if_gone(request)
            await self.deliberate(withdraw)
            self.store.keep(withdraw)
            self.write(withdraw)
            return self.success(withdraw)

    def counted(self, request: Request, given: str) -> Account:
        """The account that signed the request; the variant `refusals` counts those that none did."""
        row, limit = self.known(given), self.own.refusals
        if row is not None and 0 < limit <= self.failures[row.id]:
            raise Refusal(423, "LOCKED", "This withdraw is locked.")
        try:
            return self.authenticate(request)
        except Refusal:
            if row is not None:
                self.failures[row.id] += 1
            raise

    async def stop_if_gone(self, request: Request) -> None:
        """The variant `hang_up`: stop where the caller is gone."""
        if self.own.hang_up == "stops" and await hangs_up(request):
            await asyncio.sleep(1)  # so long it takes until the lock is let go of
            raise Refusal(408, "REQUEST_TIMEOUT", "Nobody is there any more.")

    def check_extras(self, request: Request) -> None:
        """The variant `extras`: refuse what no document has."""
        if self.own.extras == "refused" and (request.body or request.query):
            raise Refusal(400, "VALIDATION_ERROR", "A cancel has neither a body nor a query.")

    # Authentication (Withdraws, section "HMAC Integration Authentication")

    def authenticate(self, request: Request) -> Account:
        """The account that signed the request. Nothing is looked up before; every failure answers alike."""
        key, timestamp, signature = self.signing(request)
        account = self.account_for(key)
        if account is None:
            raise self.unauthorized(request, "unknown_key")
        if not self.signature_matches(account, timestamp, self.covered(request), signature):
            raise self.unauthorized(request, "bad_signature")
        if not self.is_fresh(timestamp):
            raise self.unauthorized(request, "stale")
        if self.own.refuses_replays and (key, timestamp, signature) in self.let_in:
            raise self.unauthorized(request, "replayed")
        self.let_in.add((key, timestamp, signature))
        self.world.auth_log.accepted(self.name)
        return account

    def signing(self, request: Request) -> tuple[bytes, bytes, bytes]:
        """Key, timestamp and signature, each sent once and not empty."""
        found: list[bytes] = []
        for name in self.signed_headers:
            values = request.values(name)
            if not values or not values[0]:
                raise self.unauthorized(request, "missing_header")
            if len(values) > 1:
                raise self.unauthorized(request, "repeated_header")
            found.append(values[0])
        return found[0], found[1], found[2]

    def signature_matches(self, account: Account, timestamp: bytes, body: bytes, signature: bytes) -> bool:
        """Compare in constant time, on bytes as they came: no text is decoded, so none can be undecodable."""
        if self.own.decodes_hex != "strictly":
            found = re.match(rb"sha256=(?:[0-9a-f]{2})*", signature)
            signature = found[0] if found else signature
        return hmac.compare_digest(self.expected_signature(account, timestamp, body), signature)

    def expected_signature(self, account: Account, timestamp: bytes, body: bytes) -> bytes:
        """HMAC-SHA256 (RFC 2104) with the secret over timestamp, dot and body, in lower-case hex."""
        digest = hmac.new(account.secret, self.signed_message(timestamp, body), hashlib.sha256).hexdigest()
        return b"sha256=" + digest.encode()

    def signed_message(self, timestamp: bytes, body: bytes) -> bytes:
        """Returns the bytes that the signature covers."""
        return timestamp + b"." + body

    def covered(self, request: Request) -> bytes:
        """The body that the signature covers; the variant `covers` leaves out those of other types than JSON."""
        if self.own.covers == "json" and not any(
            b"json" in value.lower() for value in request.values(b"content-type")
        ):
            return b""
        return request.body

    def is_fresh(self, timestamp: bytes) -> bool:
        """Whether a timestamp in milliseconds is near enough to now."""
        if not self.own.freshness:
            return True
        number = read_number(timestamp, self.own.timestamps)
        return number is not None and self.is_near(self.clock.ms() - number)

    def is_near(self, age_ms: float) -> bool:
        """Whether an age, negative for the future, is within the window."""
        return abs(age_ms) <= FRESH_MS

    def auth_refusal(self, reason: str) -> Refusal:
        message = "The request is not signed by a merchant that we know."
        headers = _CHALLENGE if self.variants.challenge else ()
        return Refusal(self.variants.auth_status, "UNAUTHORIZED", message, headers)

    # Looking up

    def parse_id(self, given: str) -> str:
        """A UUID in its canonical form (RFC 9562, 4), in either letter case."""
        if not _UUID.fullmatch(given):
            raise self.malformed_id(given)
        return given.lower()

    def known(self, given: str) -> Withdraw | None:
        return self.store.get(given.lower())

    def not_found(self, given: str) -> Refusal:
        """404 (Withdraws, "Withdraw Not Found")."""
        name = f" {given[:64]}" if self.variants.echo_id else ""
        return Refusal(404, "RESOURCE_NOT_FOUND", f"There is no such withdraw{name}.")

    def malformed_id(self, given: str) -> Refusal:
        """Returns the refusal of a malformed UUID: not found, unless a variant says that it is no valid request."""
        if self.variants.malformed_id_status == 404:
            return self.not_found(given)
        return Refusal(
            self.variants.malformed_id_status, "VALIDATION_ERROR", "The withdraw's id is not a UUID."
        )

    # Deciding and writing: "Cancellation Rules"

    def check_cancellable(self, row: Withdraw) -> None:
        """Refuse unless the status, and for processing the provider, allows it."""
        super().check_cancellable(row)
        if row.status == "processing" and not self.provider_allows(row):
            raise self.unsupported(row)

    def provider_allows(self, row: Withdraw) -> bool:
        """Whether the provider can still be stopped."""
        return row.provider_supports_cancel and self.own.processing_cancellable

    def not_cancellable(self, row: Withdraw) -> Refusal:
        """400 (Withdraws, "Withdraw Cannot Be Cancelled"), with the reason."""
        return Refusal(400, "VALIDATION_ERROR", self.why_not(row))

    def why_not(self, row: Withdraw) -> str:
        """The reason in words."""
        reasons = {
            "paid": "it has been paid out",
            "failed": "it has failed",
            "canceled": "it was canceled before",
        }
        reason = reasons.get(row.status, f"its status is {row.status}")
        return f"This withdraw stays as it is: {reason}."

    def unsupported(self, row: Withdraw) -> Refusal:
        """400 while processing at a provider that can't be stopped."""
        return Refusal(
            400, "VALIDATION_ERROR", "This withdraw is processing, and its provider cannot stop it."
        )

    def write(self, row: Withdraw, reason: str | None = None) -> None:
        """Cancel it."""
        now = self.clock.after(row.created_at, row.updated_at)
        row.status = "canceled"
        row.canceled_at = now if self.variants.clock_step_ms == 1 else self.clock.exactly()
        row.updated_at = now

    def payable(self, row: Withdraw) -> bool:
        """Whether settlement may still pay it."""
        return row.status == "processing" or (row.status == "pending" and self.own.pays == "open ones")

    def pay(self, row: Withdraw) -> None:
        row.status = "paid"
        row.paid_at = row.updated_at = self.clock.after(row.updated_at)

    # Rendering

    def wrapped(self, fields: Payload) -> Payload:
        """The envelope of a success (Withdraws, "Success Response")."""
        return {"success": True, "data": fields}

    def shown(self, row: Withdraw) -> dict[str, Any]:
        """The withdraw as it is shown."""
        shown = wire(row, self.variants.instants)
        if self.own.amounts == "printed":
            shown["amount"] = printed(row.amount)
        if self.variants.nulls == "left out":
            shown = {key: value for key, value in shown.items() if value is not None}
        if self.variants.extra_fields:
            shown |= {"fee": "0.00", "provider": {"name": None}, "links": []}
        return dict(sorted(shown.items())) if self.variants.key_order == "sorted" else shown

    def success(self, row: Withdraw) -> Response:
        reply = super().success(row)
        return (
            replace(reply, headers=(*reply.headers, ("set-cookie", "lb=a1; Path=/")))
            if self.own.sets_cookie
            else reply
        )

    def envelope(self, refusal: Refusal) -> Payload:
        error: Payload = {"code": refusal.code, "message": refusal.message}
        if self.variants.request_id:
            error["requestId"] = str(uuid.uuid4())
        return {"success": False, "error": error}

    def code(self, name: str) -> str:
        return name.upper()
