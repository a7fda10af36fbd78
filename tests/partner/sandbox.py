"""A partner's sandbox: both APIs of one merchant behind a gateway, with a create, magic amounts and delays.

It has no provider-state endpoint: states come about as such sandboxes let them. Amount 4001 is paid and 4002 fails, a
moment after the create; `/sandbox/.../approve` begins the processing. What it is made of are the Flask APIs of
`tests/outside`. `OUTSIDE_ACCOUNTS` holds the credentials as JSON, `GATEWAY_KEY` the value of the header that the
gateway asks for, where it asks for one; the address is printed on standard output.
"""

import logging
import os
import secrets
import sqlite3
import sys
import tempfile
import threading
import uuid
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "outside"))

from flask import Flask, g, jsonify, request
from flask_apis import (
    authenticated,
    database,
    intent_error,
    now,
    shown_intent,
    shown_withdraw,
    signed,
    ulid,
    withdraw_error,
)
from flask_app import create_app
from werkzeug.serving import make_server

DELAY_S = float(os.environ.get("DELAY_S", "0.4"))
INTENT = "SELECT * FROM intents WHERE id = ? AND merchant = ? AND environment = ?"
MAGIC = {"4001": ("paid", None), "4002": ("failed", "bank_rejected"), "4003": ("processing", None)}


def later(app: Flask, change: str, *values: Any) -> None:
    """Changes a row after the delay, as the bank's answer would."""

    def change_it() -> None:
        connection = sqlite3.connect(app.config["DATABASE"], timeout=10, isolation_level=None)
        connection.execute(change, values)
        connection.close()

    timer = threading.Timer(DELAY_S, change_it)
    timer.daemon = True
    timer.start()


def text(body: Any, *names: str) -> bool:
    """Returns whether a body is an object that holds these texts."""
    return isinstance(body, dict) and all(isinstance(body.get(name), str) and body[name] for name in names)


def add_intents(app: Flask) -> None:
    """Adds what a merchant creates payouts with, and what only a sandbox has."""

    @app.post("/payout_intents")
    @authenticated
    def create_intent() -> Any:
        body = request.get_json()
        if not text(body, "amount", "currency", "country", "merchant_reference"):
            return intent_error(
                400, "invalid_request", "amount, currency, country, merchant_reference are texts"
            )
        made, number, at = ulid("pout_"), str(10**11 + secrets.randbelow(10**11)), now()
        row = (made, g.merchant, g.environment, "requires_approval", body["amount"], body["currency"])
        rest = (
            body["country"],
            body["merchant_reference"],
            number,
            "CIBBMYKL",
            "Siti Aminah",
            None,
            None,
            None,
            at,
            at,
        )
        used = "SELECT 1 FROM intents WHERE reference = ?"
        if database().execute(used, (body["merchant_reference"],)).fetchone():
            return intent_error(409, "conflict", "This merchant_reference is taken")
        database().execute(f"INSERT INTO intents VALUES ({', '.join('?' * 16)})", row + rest)
        if body["amount"] in MAGIC:
            status, why = MAGIC[body["amount"]]
            change = "UPDATE intents SET status = ?, failure_code = ?, updated_at = ? WHERE id = ?"
            later(app, change, status, why, now(), made)
        return jsonify(
            shown_intent(database().execute(INTENT, (made, g.merchant, g.environment)).fetchone())
        ), 201

    @app.post("/sandbox/payout_intents/<intent_id>/approve")
    @authenticated
    def approve_intent(intent_id: str) -> Any:
        change = "UPDATE intents SET status = 'processing', updated_at = ? WHERE id = ? AND merchant = ?"
        database().execute(change, (now(), intent_id, g.merchant))
        return "", 204


def add_withdraws(app: Flask) -> None:
    """Adds the same for withdraws, and a read."""

    @app.post("/api/v1/withdraws")
    @signed
    def create_withdraw() -> Any:
        body = request.get_json()
        if not text(body, "amount", "referenceId"):
            return withdraw_error(400, "VALIDATION_ERROR", "amount and referenceId are texts")
        made, number, at = str(uuid.uuid4()), str(10**11 + secrets.randbelow(10**11)), now()
        row = (made, g.merchant, "pending", True, body["amount"], "THB", body["referenceId"], number)
        rest = ("Somchai Dee", "014", None, "{}", None, None, at, at)
        database().execute(f"INSERT INTO withdraws VALUES ({', '.join('?' * 16)})", row + rest)
        if body["amount"] in MAGIC:
            status, paid = MAGIC[body["amount"]][0], at if body["amount"] == "4001" else None
            change = "UPDATE withdraws SET status = ?, paid_at = ?, updated_at = ? WHERE id = ?"
            later(app, change, status, paid, now(), made)
        return jsonify(success=True, data=shown_withdraw(own_withdraw(made))), 201

    @app.get("/api/v1/withdraws/<uuid:withdraw_id>")
    @signed
    def read_withdraw(withdraw_id: uuid.UUID) -> Any:
        row = own_withdraw(str(withdraw_id))
        if row is None:
            return withdraw_error(404, "RESOURCE_NOT_FOUND", "No such withdraw")
        return jsonify(success=True, data=shown_withdraw(row))


def own_withdraw(made: str) -> Any:
    """Returns the merchant's withdraw."""
    wanted = "SELECT * FROM withdraws WHERE id = ? AND merchant = ?"
    return database().execute(wanted, (made, g.merchant)).fetchone()


def main() -> None:
    """Serves until it is ended."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(f"{folder}/partner.db")
        add_intents(app)
        add_withdraws(app)
        key = os.environ.get("GATEWAY_KEY")

        @app.before_request
        def gateway() -> Any:
            if request.path.startswith("/_states"):
                return jsonify(error="no such page"), 404
            known = key is None or request.headers.get("X-Gateway-Key") == key
            return None if known else (jsonify(message="no gateway key"), 403)

        server = make_server("127.0.0.1", 0, app, threaded=True)
        sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    main()
