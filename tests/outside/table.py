"""Honest servers whose HTTP layer is not ours: server x API x outcome, with a sentence for each warning.

Every server is conformant with what its framework and libraries do by default. The sentence of a warning says what
the server does; what it should do instead is the requirement's own statement (`payout-conformance catalogue ID`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from conformance import catalogue


@dataclass(frozen=True, slots=True)
class Honest:
    """What one server says of itself for one API, and what it doesn't do although it should.

    `not_applicable` are requirements that its declarations leave nothing to test of, and why. `tells_account` says
    whether its provider-state endpoint tells the account number that no answer may show.
    """

    server: str
    api: str
    states: str
    capabilities: str
    warned: Mapping[str, str]
    not_applicable: Mapping[str, str] = field(default_factory=dict)
    tells_account: bool = False

    def __str__(self) -> str:
        return f"{self.server}-{self.api}"


STACKS = {
    "flask": "Flask on Werkzeug, SQLite",
    "node": "node:http",
    "fastapi": "PyPI: FastAPI, Pydantic, uvicorn",
    "drf": "PyPI: Django REST Framework, gunicorn, SQLite",
    "flask-httpauth": "PyPI: Flask, Flask-HTTPAuth, waitress",
    "hapi": "npm: hapi, Joi, @hapi/basic",
    "express": "npm: Express, Passport, passport-http",
    "fastify": "npm: Fastify, Ajv, @fastify/basic-auth",
    "sinatra": "Debian: Sinatra, Rack::Auth::Basic, Puma",
    "slim": "Debian: PHP's own server, Slim 3, SQLite",
    "mojolicious-haproxy": "Debian: Mojolicious behind HAProxy, whose queue is full",
}
NO_SETTLEMENT = "it declares that nothing can be asked to settle"
NO_WEBHOOKS = "it declares no webhooks"
ALL_CANCEL = "every processing withdraw can be cancelled"
NONE_CANCEL = "no processing withdraw can be cancelled"

FLASK = (
    Honest(
        server="flask",
        api="withdraws",
        states="",
        capabilities="cancel_processing = true\nsettlement = true",
        warned={
            "WD-27": "An id that the router's uuid converter refuses gets the framework's page, which is not JSON.",
            "WD-28": "And that page is HTML.",
            "WD-36": "Its 401 carries no challenge.",
        },
        not_applicable={"WD-03": ALL_CANCEL},
    ),
    Honest(
        server="flask",
        api="payout-intents",
        states='terminal = ["cancelled", "succeeded", "failed"]',
        capabilities='settlement = true\nwebhooks = true\n\n[webhooks]\nlisten = "127.0.0.1:0"',
        warned={
            "PI-43": "Werkzeug 3.1 raises where the credentials are not ASCII: a 500.",
            "PI-45": "Bad JSON and other content types get the framework's own pages.",
        },
    ),
)
NODE = (
    Honest(
        server="node",
        api="withdraws",
        states='read_path = "/api/v1/withdraws/{id}"',
        capabilities="cancel_processing = false\nsettlement = false",
        warned={"WD-36": "403, and no challenge."},
        not_applicable={"WD-02": NONE_CANCEL, "WD-42": NO_SETTLEMENT},
    ),
    Honest(
        server="node",
        api="payout-intents",
        states='terminal = ["cancelled", "settled", "returned"]',
        capabilities="settlement = false\nwebhooks = false",
        warned={"PI-41": "403, and no challenge."},
        not_applicable={"PI-09": NO_SETTLEMENT, "PI-49": NO_WEBHOOKS, "PI-50": NO_WEBHOOKS},
    ),
)
FASTAPI = (
    Honest(
        server="fastapi",
        api="withdraws",
        states='read_path = "/api/v1/withdraws/{id}"',
        capabilities="cancel_processing = true\nsettlement = true",
        warned={},
        tells_account=True,
    ),
    Honest(
        server="fastapi",
        api="payout-intents",
        states='terminal = ["cancelled", "completed", "failed"]',
        capabilities="settlement = true\nwebhooks = false",
        warned={},
        not_applicable={"PI-49": NO_WEBHOOKS, "PI-50": NO_WEBHOOKS},
    ),
)
DRF = (
    Honest(
        server="drf",
        api="withdraws",
        states='read_path = "/api/v1/withdraws/{id}"',
        capabilities="cancel_processing = false\nsettlement = false",
        warned={},
        not_applicable={"WD-02": NONE_CANCEL, "WD-42": NO_SETTLEMENT},
    ),
    Honest(
        server="drf",
        api="payout-intents",
        states='terminal = ["cancelled", "paid", "failed"]',
        capabilities="settlement = false\nwebhooks = false",
        warned={},
        not_applicable={"PI-09": NO_SETTLEMENT, "PI-49": NO_WEBHOOKS, "PI-50": NO_WEBHOOKS},
    ),
)
HTTPAUTH = (
    Honest(
        server="flask-httpauth",
        api="withdraws",
        states='read_path = "/api/v1/withdraws/{id}"',
        capabilities="cancel_processing = true\nsettlement = true",
        warned={},
        tells_account=True,
    ),
    Honest(
        server="flask-httpauth",
        api="payout-intents",
        states='terminal = ["cancelled", "paid_out"]',
        capabilities="settlement = true\nwebhooks = false",
        warned={},
        not_applicable={"PI-49": NO_WEBHOOKS, "PI-50": NO_WEBHOOKS},
    ),
)
HAPI = (
    Honest(
        server="hapi",
        api="withdraws",
        states="",
        capabilities="cancel_processing = true\nsettlement = false",
        warned={},
        not_applicable={"WD-42": NO_SETTLEMENT},
        tells_account=True,
    ),
    Honest(
        server="hapi",
        api="payout-intents",
        states='terminal = ["cancelled", "executed"]',
        capabilities="settlement = false\nwebhooks = false",
        warned={},
        not_applicable={"PI-09": NO_SETTLEMENT, "PI-49": NO_WEBHOOKS, "PI-50": NO_WEBHOOKS},
    ),
)
EXPRESS = (
    Honest(
        server="express",
        api="withdraws",
        states='read_path = "/api/v1/withdraws/{id}"',
        capabilities="cancel_processing = false\nsettlement = false",
        warned={},
        not_applicable={"WD-02": NONE_CANCEL, "WD-42": NO_SETTLEMENT},
        tells_account=True,
    ),
    Honest(
        server="express",
        api="payout-intents",
        states='terminal = ["cancelled", "completed"]',
        capabilities='settlement = false\nwebhooks = true\n\n[webhooks]\nlisten = "127.0.0.1:0"',
        warned={},
        not_applicable={"PI-09": NO_SETTLEMENT},
    ),
)
FASTIFY = (
    Honest(
        server="fastify",
        api="withdraws",
        states='read_path = "/api/v1/withdraws/{id}"',
        capabilities="cancel_processing = true\nsettlement = true",
        warned={},
        tells_account=True,
    ),
    Honest(
        server="fastify",
        api="payout-intents",
        states='terminal = ["cancelled", "succeeded"]',
        capabilities="settlement = true\nwebhooks = false",
        warned={},
        not_applicable={"PI-49": NO_WEBHOOKS, "PI-50": NO_WEBHOOKS},
    ),
)
SINATRA = (
    Honest(
        server="sinatra",
        api="withdraws",
        states='read_path = "/api/v1/withdraws/{id}"',
        capabilities="cancel_processing = true\nsettlement = true",
        warned={},
        tells_account=True,
    ),
    Honest(
        server="sinatra",
        api="payout-intents",
        states='terminal = ["cancelled", "completed"]',
        capabilities="settlement = true\nwebhooks = false",
        warned={},
        not_applicable={"PI-49": NO_WEBHOOKS, "PI-50": NO_WEBHOOKS},
    ),
)
SLIM = (
    Honest(
        server="slim",
        api="withdraws",
        states='read_path = "/api/v1/withdraws/{id}"',
        capabilities="cancel_processing = true\nsettlement = false",
        warned={},
        not_applicable={"WD-42": NO_SETTLEMENT},
        tells_account=True,
    ),
    Honest(
        server="slim",
        api="payout-intents",
        states='terminal = ["cancelled", "settled"]',
        capabilities="settlement = false\nwebhooks = false",
        warned={},
        not_applicable={"PI-09": NO_SETTLEMENT, "PI-49": NO_WEBHOOKS, "PI-50": NO_WEBHOOKS},
    ),
)
MOJOLICIOUS = (
    Honest(
        server="mojolicious-haproxy",
        api="withdraws",
        states='read_path = "/api/v1/withdraws/{id}"',
        capabilities="cancel_processing = false\nsettlement = false",
        warned={},
        not_applicable={"WD-02": NONE_CANCEL, "WD-42": NO_SETTLEMENT},
        tells_account=True,
    ),
    Honest(
        server="mojolicious-haproxy",
        api="payout-intents",
        states='terminal = ["cancelled", "finished"]',
        capabilities="settlement = false\nwebhooks = false",
        warned={},
        not_applicable={"PI-09": NO_SETTLEMENT, "PI-49": NO_WEBHOOKS, "PI-50": NO_WEBHOOKS},
    ),
)
TABLE = (
    *(*FLASK, *NODE),
    *(*FASTAPI, *DRF, *HTTPAUTH),
    *(*HAPI, *EXPRESS, *FASTIFY),
    *(*SINATRA, *SLIM, *MOJOLICIOUS),
)


def page() -> str:
    """The table as a page to read."""
    rows = {api: catalogue.load(api).by_id() for api in catalogue.apis()}
    lines = [
        "# Honest servers whose HTTP layer is not ours",
        "",
        "Each was written from the documents alone, with popular libraries and their defaults. The tests certify each,",
        "fuzzing included. What one is warned of is in italics; what it does instead, the sentence behind.",
        "`python -m tests.outside.table` writes this page anew.",
        "",
        "| server | API | outcome | warnings |",
        "|---|---|---|---|",
    ]
    for one in TABLE:
        warnings = [f"{row}, *{rows[one.api][row].title}*: {why}" for row, why in sorted(one.warned.items())]
        lines.append(
            f"| {one.server} ({STACKS[one.server]}) | {one.api} | conformant | {'<br>'.join(warnings) or 'none'} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    (Path(__file__).parent / "README.md").write_text(page())
