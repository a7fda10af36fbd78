"""Both APIs on Flask, Flask-HTTPAuth and waitress, held in memory.

Flask-HTTPAuth takes a token from a header of any name, and Basic credentials whatever the scheme is called.
`OUTSIDE_ACCOUNTS` holds the credentials as JSON; the address is printed on standard output.
"""

import hashlib
import hmac
import json
import os
import secrets
import sys
import threading
import time
import uuid
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Flask, abort, jsonify, make_response, request
from flask_httpauth import HTTPBasicAuth, HTTPTokenAuth
from waitress import create_server
from werkzeug.exceptions import HTTPException
from werkzeug.security import check_password_hash, generate_password_hash

ACCOUNTS = json.loads(os.environ["OUTSIDE_ACCOUNTS"])
TENANTS = {"primary": ("a", "test"), "other_merchant": ("b", "test"), "other_environment": ("a", "live")}
QUARTER_OF_AN_HOUR = 900
KEPT_FOR = 24 * 3600
Tenant = tuple[str, str]
lock = threading.RLock()


def utcnow() -> str:
    """The present instant, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# Withdraws


@dataclass(frozen=True, slots=True)
class Withdraw:
    """A withdraw, named as the API shows it."""

    tenant: Tenant
    number: str
    cancellable: bool
    status: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    amount: str = "75.00"
    currency: str = "PHP"
    referenceId: str = "salary-07"
    bankAccountName: str = "Ana Reyes"
    bankCode: str = "0001"
    description: str = "Salary, July"
    metadata: dict[str, Any] = field(default_factory=lambda: {"employee": "0042", "net": True})
    paidAt: str | None = None
    canceledAt: str | None = None
    createdAt: str = field(default_factory=utcnow)
    updatedAt: str = field(default_factory=utcnow)

    def shown(self) -> dict[str, Any]:
        """The withdraw as the API shows it, with the account number masked."""
        public = {k: v for k, v in asdict(self).items() if k not in {"tenant", "number", "cancellable"}}
        masked = f"XXXX-XXXX-{self.number[-4:]}"
        return public | {
            "destinationType": "bank_account",
            "destinationId": None,
            "bankAccountNumber": masked,
        }


integration = HTTPTokenAuth(scheme="HMAC", realm="Integration", header="X-API-Key")
withdraws = Blueprint("withdraws", __name__, url_prefix="/api/v1/withdraws")
all_withdraws: dict[str, Withdraw] = {}


def withdraw_error(status: int, code: str, message: str) -> Any:
    """A refusal in the envelope of withdraws."""
    return make_response({"success": False, "error": {"code": code, "message": message}}, status)


@integration.verify_token
def verify_signature(key: str) -> Tenant | None:
    """The caller whose signature it is."""
    stamp = request.headers.get("X-Timestamp", type=int)
    owner = next((name for name, one in ACCOUNTS.items() if key and one.get("api_key") == key), None)
    if owner is None or stamp is None or abs(time.time() - stamp / 1000) > QUARTER_OF_AN_HOUR:
        return None
    signed = request.headers["X-Timestamp"].encode() + b"." + request.get_data()
    good = "sha256=" + hmac.new(ACCOUNTS[owner]["api_secret"].encode(), signed, hashlib.sha256).hexdigest()
    right = hmac.compare_digest(good.encode(), request.headers.get("X-Signature", "").encode())
    return TENANTS[owner] if right else None


@integration.error_handler
def unsigned(status: int) -> Any:
    """The API's own form; the library adds the challenge."""
    return withdraw_error(status, "UNAUTHORIZED", "The request is not signed by a known integration")


@withdraws.get("/<withdraw_id>")
@integration.login_required
def get_withdraw(withdraw_id: str) -> Any:
    """Shows one."""
    found = all_withdraws.get(withdraw_id)
    if found is None or found.tenant != integration.current_user():
        return withdraw_error(404, "RESOURCE_NOT_FOUND", "Withdraw not found")
    return jsonify(success=True, data=found.shown())


@withdraws.post("/<withdraw_id>/cancel")
@integration.login_required
def cancel_withdraw(withdraw_id: str) -> Any:
    """Cancels one."""
    with lock:
        found = all_withdraws.get(withdraw_id)
        if found is None or found.tenant != integration.current_user():
            return withdraw_error(404, "RESOURCE_NOT_FOUND", "Withdraw not found")
        if found.status not in {"pending", "processing"}:
            past = {"paid": "been completed", "failed": "failed", "canceled": "been cancelled"}[found.status]
            message = f"Withdraw cannot be cancelled because it has already {past}"
            return withdraw_error(400, "VALIDATION_ERROR", message)
        if found.status == "processing" and not found.cancellable:
            return withdraw_error(400, "VALIDATION_ERROR", "The provider does not support cancelling")
        at = utcnow()
        all_withdraws[found.id] = replace(found, status="canceled", canceledAt=at, updatedAt=at)
        return jsonify(success=True, data=all_withdraws[found.id].shown())


# Payout intents

merchants = HTTPBasicAuth(realm="Merchant API")
intents = Blueprint("intents", __name__, url_prefix="/payout_intents")
all_intents: dict[str, tuple[Tenant, dict[str, Any]]] = {}
used: dict[tuple[Tenant, str], tuple[float, str, dict[str, Any]]] = {}
hashes = {
    one["public_key"]: (TENANTS[name], generate_password_hash(one["secret_key"], "pbkdf2:sha256:1000"))
    for name, one in ACCOUNTS.items()
}


def intent_error(status: int, code: str, message: str) -> Any:
    """A refusal in the envelope of payout intents."""
    return make_response({"error": {"code": code, "message": message}}, status)


@merchants.verify_password
def verify_pair(public_key: str, secret_key: str) -> Tenant | None:
    """The merchant whose key pair it is."""
    tenant, hashed = hashes.get(public_key, (None, ""))
    return tenant if tenant and check_password_hash(hashed, secret_key) else None


@merchants.error_handler
def unknown_pair(status: int) -> Any:
    """The API's own form; the library adds the challenge."""
    return intent_error(status, "unauthorized", "Unknown keys")


def own_intent(intent_id: str) -> dict[str, Any]:
    """The caller's intent."""
    tenant, shown = all_intents.get(intent_id, (None, {}))
    if tenant != merchants.current_user():
        abort(intent_error(404, "not_found", "No such payout intent"))
    return shown


@intents.get("/<intent_id>")
@merchants.login_required
def get_intent(intent_id: str) -> Any:
    """Shows one."""
    return own_intent(intent_id)


@intents.post("/<intent_id>/cancel")
@merchants.login_required
def cancel_intent(intent_id: str) -> Any:
    """Cancels one; a key is good for a day, and only what succeeded is kept under it."""
    body = request.get_json(force=True, silent=True) if request.get_data() else {}
    if not isinstance(body, dict):
        return intent_error(400, "bad_request", "The body has to be a JSON object")
    reason = body.get("reason")
    if reason is not None and (not isinstance(reason, str) or len(reason) > 512):
        return intent_error(400, "bad_request", "reason has to be a text of up to 512 characters")
    digest = hashlib.sha256(request.path.encode() + json.dumps(reason).encode()).hexdigest()
    place = (merchants.current_user(), request.headers.get("Idempotency-Key", ""))
    with lock:
        intent = own_intent(intent_id)
        if place[1] and place in used and used[place][0] > time.monotonic():
            _, first, answer = used[place]
            if first != digest:
                return intent_error(409, "idempotency_conflict", "The key belongs to another request")
            return answer, 202
        if intent["status"] != "requires_approval":
            message = f"Payout intent is in status {intent['status']}; it can no longer be cancelled"
            return intent_error(422, "approval_required", message)
        intent |= {"status": "cancelled", "failure_code": "cancelled", "updated_at": utcnow()}
        intent["failure_message"] = reason or "cancelled_by_merchant"
        if place[1]:
            used[place] = (time.monotonic() + KEPT_FOR, digest, dict(intent))
        return dict(intent), 202


# Provider states

states = Blueprint("states", __name__)


@states.post("/_states")
def state() -> Any:
    """Makes a resource, or tries to pay one."""
    asked = request.get_json()
    params = asked.get("params") or {}
    if asked["action"] == "settle":
        with lock:
            settle(asked.get("id") or params["id"])
    if asked["action"] != "setup":
        return {}
    elsewhere = params.get("environment") == "other"
    tenant = TENANTS["other_environment" if elsewhere else params.get("owner", "primary")]
    status, at, number = params["status"], utcnow(), str(secrets.randbelow(9 * 10**11) + 10**11)
    if params["contract"] == "withdraws":
        if status not in {"pending", "processing", "paid", "failed", "canceled"}:
            return {"error": "no such state"}, 422
        made = Withdraw(tenant, number, params.get("provider_supports_cancel", True), status)
        field_of = {"paid": "paidAt", "canceled": "canceledAt"}
        made = replace(made, **({field_of[status]: at} if status in field_of else {}))
        all_withdraws[made.id] = made
        return made.shown() | {"bankAccountNumber": number}
    if status not in {"requires_approval", "processing", "cancelled", "paid_out"}:
        return {"error": "no such state"}, 422
    intent = {
        "object": "payout_intent",
        "id": f"pay_{secrets.token_hex(10)}",
        "amount": "15000",
        "currency": "VND",
        "country": "VN",
        "environment": tenant[1],
        "status": status,
        "merchant_reference": f"ref_{number[:5]}",
        "created_at": at,
        "updated_at": at,
        "recipient": {
            "type": "bank_account",
            "account_last4": number[-4:],
            "bank_code": "BFTVVNVX",
            "holder_name": "Nguyễn Văn An",
        },
        "failure_code": "cancelled" if status == "cancelled" else None,
        "failure_message": "cancelled_by_merchant" if status == "cancelled" else None,
    }
    all_intents[intent["id"]] = (tenant, intent)
    return intent


def settle(wanted: str) -> None:
    """Pays what may still be paid."""
    if wanted in all_withdraws and all_withdraws[wanted].status in {"pending", "processing"}:
        at = utcnow()
        all_withdraws[wanted] = replace(all_withdraws[wanted], status="paid", paidAt=at, updatedAt=at)
    if wanted in all_intents and all_intents[wanted][1]["status"] in {"requires_approval", "processing"}:
        all_intents[wanted][1].update(status="paid_out", updated_at=utcnow())


def create_app() -> Flask:
    """The application."""
    app = Flask(__name__)
    for blueprint in (withdraws, intents, states):
        app.register_blueprint(blueprint)

    @app.errorhandler(HTTPException)
    def failed(error: HTTPException) -> Any:
        if error.response is not None:
            return error.response
        return jsonify(error={"code": error.name, "message": error.description}), error.code

    return app


if __name__ == "__main__":
    server = create_server(create_app(), host="127.0.0.1", port=0, threads=8)
    sys.stdout.write(f"http://127.0.0.1:{server.effective_port}\n")
    sys.stdout.flush()
    server.run()
