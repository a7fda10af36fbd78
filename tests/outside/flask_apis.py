"""Both APIs as a Flask shop would write them, on SQLite and with the framework's own error pages.

Written from the two documents, with nothing of this project in it. `flask_app.py` serves it.
"""

import hashlib
import hmac
import json
import logging
import secrets
import sqlite3
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from flask import Blueprint, Response, current_app, g, jsonify, request

FRESH_MS = 300_000
REASON_LIMIT = 512
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# Who owns what: the environment is part of the tenant, as every row carries both.
TENANTS = {
    "primary": ("m_1", "test"),
    "other_merchant": ("m_2", "test"),
    "other_environment": ("m_1", "live"),
}
withdraws = Blueprint("withdraws", __name__, url_prefix="/api/v1/withdraws")
intents = Blueprint("intents", __name__, url_prefix="/payout_intents")


def now() -> str:
    """The present instant, to the microsecond, with its offset."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def ulid(prefix: str) -> str:
    """A sortable opaque id."""
    number = (time.time_ns() // 1_000_000 << 80) | secrets.randbits(80)
    return prefix + "".join(CROCKFORD[number >> 5 * place & 31] for place in reversed(range(26)))


def database() -> sqlite3.Connection:
    """The database connection of a request; each statement commits by itself unless a transaction is opened."""
    if "database" not in g:
        g.database = sqlite3.connect(current_app.config["DATABASE"], timeout=10, isolation_level=None)
        g.database.row_factory = sqlite3.Row
        g.database.execute("PRAGMA synchronous = OFF")
    return g.database


def same(left: str, right: str) -> bool:
    """Compares in constant time, whatever characters were sent."""
    return hmac.compare_digest(left.encode("utf-8", "replace"), right.encode("utf-8", "replace"))


# Withdraws


def withdraw_error(status: int, code: str, message: str) -> tuple[Response, int]:
    """The envelope of this API's errors."""
    return jsonify(success=False, error={"code": code, "message": message}), status


def signed(view: Callable[..., Any]) -> Callable[..., Any]:
    """Lets only signed requests pass, and notes whose they are."""

    @wraps(view)
    def guarded(**kwargs: Any) -> Any:
        key, stamp = request.headers.get("X-API-Key", ""), request.headers.get("X-Timestamp", "")
        for name, account in current_app.config["ACCOUNTS"].items():
            if "api_key" in account and same(account["api_key"], key):
                message = stamp.encode("latin-1", "replace") + b"." + request.get_data()
                good = (
                    "sha256=" + hmac.new(account["api_secret"].encode(), message, hashlib.sha256).hexdigest()
                )
                fresh = (
                    stamp.isascii()
                    and stamp.isdigit()
                    and abs(time.time() * 1000 - int(stamp[:20])) < FRESH_MS
                )
                if same(good, request.headers.get("X-Signature", "")) and fresh:
                    g.merchant, _ = TENANTS[name]
                    return view(**kwargs)
        return withdraw_error(401, "UNAUTHORIZED", "API key, timestamp or signature is not valid")

    return guarded


def shown_withdraw(row: sqlite3.Row) -> dict[str, Any]:
    """A withdraw as the API shows it, the account number masked."""
    return {
        "id": row["id"],
        "amount": row["amount"],
        "currency": row["currency"],
        "status": row["status"],
        "referenceId": row["reference"],
        "destinationType": "bank_account",
        "bankAccountNumber": f"{row['account'][:4]}****{row['account'][-4:]}",
        "bankAccountName": row["holder"],
        "bankCode": row["bank"],
        "destinationId": None,
        "description": row["description"],
        "metadata": json.loads(row["metadata"]),
        "paidAt": row["paid_at"],
        "canceledAt": row["canceled_at"],
        "createdAt": row["created_at"],
        "updatedAt": row["updated_at"],
    }


@withdraws.post("/<uuid:withdraw_id>/cancel")
@signed
def cancel_withdraw(withdraw_id: uuid.UUID) -> Any:
    """Cancels in one statement, and looks for the reason only when nothing was changed."""
    at = now()
    row = (
        database()
        .execute(
            "UPDATE withdraws SET status = 'canceled', canceled_at = ?, updated_at = ? WHERE id = ? AND merchant = ? "
            "AND (status = 'pending' OR status = 'processing' AND provider_cancels) RETURNING *",
            (at, at, str(withdraw_id), g.merchant),
        )
        .fetchone()
    )
    if row is not None:
        return jsonify(success=True, data=shown_withdraw(row))
    row = (
        database()
        .execute("SELECT status FROM withdraws WHERE id = ? AND merchant = ?", (str(withdraw_id), g.merchant))
        .fetchone()
    )
    if row is None:
        return withdraw_error(404, "RESOURCE_NOT_FOUND", "No such withdraw")
    why = {"paid": "has been paid", "failed": "has failed", "canceled": "was canceled before"}
    because = why.get(row["status"], "is with a provider that cannot stop it")
    return withdraw_error(400, "VALIDATION_ERROR", f"This withdraw {because} and stays as it is")


# Payout intents


def intent_error(status: int, code: str, message: str) -> tuple[Response, int]:
    """The envelope of this API's errors."""
    return jsonify(error={"code": code, "message": message}), status


def authenticated(view: Callable[..., Any]) -> Callable[..., Any]:
    """Asks for Basic credentials, and notes whose they are."""

    @wraps(view)
    def guarded(**kwargs: Any) -> Any:
        sent = request.authorization
        if sent is not None and sent.type == "basic":
            for name, account in current_app.config["ACCOUNTS"].items():
                right = same(account.get("public_key", ""), sent.username or "")
                if same(account.get("secret_key", ""), sent.password or "") and right and sent.password:
                    g.merchant, g.environment = TENANTS[name]
                    return view(**kwargs)
        response, status = intent_error(401, "unauthorized", "Valid API keys are required")
        response.headers["WWW-Authenticate"] = 'Basic realm="Merchant API", charset="UTF-8"'
        return response, status

    return guarded


def find_intent(intent_id: str) -> sqlite3.Row | None:
    """The tenant's intent."""
    return (
        database()
        .execute(
            "SELECT * FROM intents WHERE id = ? AND merchant = ? AND environment = ?",
            (intent_id, g.merchant, g.environment),
        )
        .fetchone()
    )


def shown_intent(row: sqlite3.Row) -> dict[str, Any]:
    """A payout intent as the API shows it."""
    own = ("id", "amount", "currency", "country", "environment", "status", "failure_code", "failure_message")
    return {name: row[name] for name in (*own, "created_at", "updated_at")} | {
        "object": "payout_intent",
        "merchant_reference": row["reference"],
        "recipient": {
            "type": "bank_account",
            "account_last4": row["account"][-4:],
            "bank_code": row["bank"],
            "holder_name": row["holder"],
        },
    }


@intents.get("/<intent_id>")
@authenticated
def get_intent(intent_id: str) -> Any:
    """Shows one."""
    row = find_intent(intent_id)
    return intent_error(404, "not_found", "No such payout intent") if row is None else shown_intent(row)


@intents.post("/<intent_id>/cancel")
@authenticated
def cancel_intent(intent_id: str) -> Any:
    """Cancels under the key, if there is one: the unique constraint decides who holds it."""
    try:
        body = request.get_json()  # another type is the framework's 415, bad JSON its 400
        reason = body.get("reason") if isinstance(body, dict) else body
        if reason is not None:
            reason.encode()
    except (RecursionError, UnicodeEncodeError, AttributeError):
        return intent_error(400, "invalid_request", "The body has to be an object; its reason, a text")
    if not isinstance(body, dict) or len(reason or "") > REASON_LIMIT:
        return intent_error(
            400, "invalid_request", f"The reason is a text of at most {REASON_LIMIT} characters"
        )
    if find_intent(intent_id) is None:
        return intent_error(404, "not_found", "No such payout intent")
    key = request.headers.get("Idempotency-Key", "")
    if not key:
        return cancel_now(intent_id, reason)
    held = (g.merchant, g.environment, key)
    fingerprint = hashlib.sha256(json.dumps([intent_id, body], sort_keys=True).encode()).hexdigest()
    try:
        database().execute("INSERT INTO idempotency VALUES (?, ?, ?, ?, NULL, NULL)", (*held, fingerprint))
    except sqlite3.IntegrityError:
        return earlier_answer(held, fingerprint)
    response, status = cancel_now(intent_id, reason)
    database().execute(
        "UPDATE idempotency SET status = ?, body = ? WHERE merchant = ? AND environment = ? AND key = ?",
        (status, response.get_data(as_text=True), *held),
    )
    return response, status


def earlier_answer(held: tuple[str, str, str], fingerprint: str) -> Any:
    """The stored answer of a key, if the request is the same."""
    where = "merchant = ? AND environment = ? AND key = ?"
    kept = database().execute(f"SELECT * FROM idempotency WHERE {where}", held).fetchone()
    if kept["fingerprint"] != fingerprint:
        return intent_error(409, "idempotency_conflict", "This key came with another request before")
    if kept["status"] is None:
        return intent_error(
            409, "idempotency_in_progress", "The first request with this key is still being worked on"
        )
    return Response(
        kept["body"], kept["status"], {"Idempotent-Replayed": "true"}, mimetype="application/json"
    )


def cancel_now(intent_id: str, reason: str | None) -> tuple[Response, int]:
    """Cancels in one statement, and tells the webhook."""
    row = (
        database()
        .execute(
            "UPDATE intents SET status = 'cancelled', failure_code = 'cancelled', failure_message = ?, updated_at = ? "
            "WHERE id = ? AND status = 'requires_approval' RETURNING *",
            (reason, now(), intent_id),
        )
        .fetchone()
    )
    if row is None:
        row = find_intent(intent_id)
        message = f"Only an intent that awaits approval can be cancelled, and this one is {row['status']}"
        return intent_error(422, "approval_required", message)
    shown = shown_intent(row)
    if row["webhook_url"]:
        event = {
            "id": ulid("evt_"),
            "type": "payout_intent.cancelled",
            "created": now(),
            "data": {"object": shown},
        }
        threading.Thread(target=deliver, args=(row["webhook_url"], event), daemon=True).start()
    return jsonify(shown), 202


def deliver(url: str, event: dict[str, Any]) -> None:
    """Sends an event twice, as a queue that promises at least one delivery may."""
    for _ in range(2):
        sent = urllib.request.Request(url, json.dumps(event).encode(), {"Content-Type": "application/json"})
        try:
            urllib.request.urlopen(sent, timeout=5).close()
        except OSError as error:
            logging.getLogger(__name__).warning("webhook: %s", error)
        time.sleep(0.05)
