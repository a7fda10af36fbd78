"""Serves the Flask shop on werkzeug's threads, with a provider-state endpoint that tells nothing but ids.

`OUTSIDE_ACCOUNTS` holds the credentials as JSON; the address is printed on standard output.
"""

import json
import logging
import os
import secrets
import sqlite3
import sys
import tempfile
import uuid
from typing import Any

from flask import Blueprint, Flask, g, jsonify, request
from flask_apis import TENANTS, database, intents, now, ulid, withdraws
from werkzeug.serving import make_server

SCHEMA = """
PRAGMA journal_mode = WAL;
CREATE TABLE withdraws (
    id TEXT PRIMARY KEY, merchant TEXT NOT NULL, status TEXT NOT NULL, provider_cancels INTEGER NOT NULL,
    amount TEXT NOT NULL, currency TEXT NOT NULL, reference TEXT NOT NULL, account TEXT NOT NULL, holder TEXT NOT NULL,
    bank TEXT NOT NULL, description TEXT, metadata TEXT NOT NULL, paid_at TEXT, canceled_at TEXT,
    created_at TEXT NOT NULL, updated_at TEXT NOT NULL
);
CREATE TABLE intents (
    id TEXT PRIMARY KEY, merchant TEXT NOT NULL, environment TEXT NOT NULL, status TEXT NOT NULL, amount TEXT NOT NULL,
    currency TEXT NOT NULL, country TEXT NOT NULL, reference TEXT NOT NULL, account TEXT NOT NULL, bank TEXT NOT NULL,
    holder TEXT NOT NULL, failure_code TEXT, failure_message TEXT, webhook_url TEXT,
    created_at TEXT NOT NULL, updated_at TEXT NOT NULL
);
CREATE TABLE idempotency (
    merchant TEXT NOT NULL, environment TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL,
    status INTEGER, body TEXT, UNIQUE (merchant, environment, key)
);
"""
states = Blueprint("states", __name__)


@states.post("/_states")
def state() -> Any:
    """Makes what is asked for, or tries to pay it; tells nothing but the id."""
    asked = request.get_json()
    params = asked.get("params") or {}
    contract = params.get("contract", "")
    if asked["action"] == "setup":
        tenant = (
            "other_environment" if params.get("environment") == "other" else params.get("owner", "primary")
        )
        made = {"withdraws": new_withdraw, "payout-intents": new_intent}[contract](TENANTS[tenant], params)
        return jsonify(id=made) if made else (jsonify(error="no such state"), 422)
    wanted = asked.get("id") or params.get("id")
    if asked["action"] == "settle":
        at = now()
        database().execute(
            "UPDATE withdraws SET status = 'paid', paid_at = ?, updated_at = ? "
            "WHERE id = ? AND status IN ('pending', 'processing')",
            (at, at, wanted),
        )
        database().execute(
            "UPDATE intents SET status = 'succeeded', updated_at = ? "
            "WHERE id = ? AND status IN ('requires_approval', 'processing')",
            (at, wanted),
        )
    return jsonify(id=wanted)


def new_withdraw(tenant: tuple[str, str], params: dict[str, Any]) -> str | None:
    """A withdraw in a state."""
    status, at = params["status"], now()
    if status not in {"pending", "processing", "paid", "failed", "canceled"}:
        return None
    made, number = str(uuid.uuid4()), str(10**11 + secrets.randbelow(10**11))
    row = (made, tenant[0], status, params.get("provider_supports_cancel", True), "1250.50", "THB")
    words = (
        f"ref-{number[-6:]}",
        number,
        "Somchai Dee",
        "014",
        None,
        '{"order": "A-77", "items": 3, "gift": true}',
    )
    instants = (at if status == "paid" else None, at if status == "canceled" else None, at, at)
    database().execute(f"INSERT INTO withdraws VALUES ({', '.join('?' * 16)})", row + words + instants)
    return made


def new_intent(tenant: tuple[str, str], params: dict[str, Any]) -> str | None:
    """A payout intent in a state."""
    status, at = params["status"], now()
    if status not in {"requires_approval", "processing", "cancelled", "succeeded", "failed"}:
        return None
    made, number = ulid("pout_"), str(10**11 + secrets.randbelow(10**11))
    why = {"cancelled": ("cancelled", "seeded"), "failed": ("bank_rejected", "The bank refused it")}
    row = (
        made,
        *tenant,
        status,
        "125050",
        "MYR",
        "MY",
        f"ref-{number[-6:]}",
        number,
        "CIBBMYKL",
        "Siti Aminah",
    )
    rest = (*why.get(status, (None, None)), params.get("webhook_url"), at, at)
    database().execute(f"INSERT INTO intents VALUES ({', '.join('?' * 16)})", row + rest)
    return made


def create_app(path: str) -> Flask:
    """The application, its tables made."""
    app = Flask(__name__)
    app.config.update(DATABASE=path, ACCOUNTS=json.loads(os.environ["OUTSIDE_ACCOUNTS"]))
    for blueprint in (withdraws, intents, states):
        app.register_blueprint(blueprint)

    @app.teardown_appcontext
    def close(_: BaseException | None) -> None:
        connection = g.pop("database", None)
        if connection is not None:
            connection.close()

    connection = sqlite3.connect(path)
    connection.executescript(SCHEMA)
    connection.close()
    return app


def main() -> None:
    """Serves until it is ended."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        server = make_server("127.0.0.1", 0, create_app(f"{folder}/shop.db"), threaded=True)
        sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    main()
