"""Honest servers whose HTTP layer is not ours: server x API x outcome, with a sentence for each warning.

Every server is conformant with what its framework and libraries do by default. The sentence of a warning says what
the server does; what it should do instead is the requirement's own statement (`payout-conformance catalogue ID`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from conformance import catalogue


@dataclass(frozen=True, slots=True)
class Honest:
    """One server's settings for one API, and the requirements that it doesn't meet.

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
        },
    ),
    Honest(
        server="flask",
        api="payout-intents",
        states='terminal = ["cancelled", "succeeded", "failed"]',
        capabilities='settlement = true\nwebhooks = true\n\n[webhooks]\nlisten = "127.0.0.1:0"',
        warned={
            "PI-43": "Werkzeug raises where the credentials are not ASCII: a 500.",
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
        warned={},
        not_applicable={"WD-02": NONE_CANCEL, "WD-42": NO_SETTLEMENT},
    ),
    Honest(
        server="node",
        api="payout-intents",
        states='terminal = ["cancelled", "settled", "returned"]',
        capabilities="settlement = false\nwebhooks = false",
        warned={
            "PI-41": "403, and no challenge.",
        },
        not_applicable={"PI-09": NO_SETTLEMENT, "PI-49": NO_WEBHOOKS, "PI-50": NO_WEBHOOKS},
    ),
)
FASTAPI = (
    Honest(
        server="fastapi",
        api="withdraws",
        states='read_path = "/api/v1/withdraws/{id}"',
        capabilities="cancel_processing = true\nsettlement = true",
        warned={
            "WD-16": "`response_model_exclude_none` leaves out what has no value.",
            "WD-27": "An id that is no UUID gets a 422 in FastAPI's own form.",
        },
        tells_account=True,
    ),
    Honest(
        server="fastapi",
        api="payout-intents",
        states='terminal = ["cancelled", "completed", "failed"]',
        capabilities="settlement = true\nwebhooks = false",
        warned={
            "PI-15": "`response_model_exclude_none` leaves out failure_message where no reason was given.",
            "PI-25": "A reason that is too long gets a 422 in FastAPI's own form.",
            "PI-28": "So does a reason that is no text.",
            "PI-29": "FastAPI repeats the input in its 422, and can't write NaN as JSON: a 500.",
            "PI-45": "Broken JSON and a key beyond 255 characters get that 422, unknown paths its 404.",
        },
        not_applicable={"PI-49": NO_WEBHOOKS, "PI-50": NO_WEBHOOKS},
    ),
)
DRF = (
    Honest(
        server="drf",
        api="withdraws",
        states='read_path = "/api/v1/withdraws/{id}"',
        capabilities="cancel_processing = false\nsettlement = false",
        warned={
            "WD-17": "Django shows instants in its TIME_ZONE, here at +08:00.",
            "WD-27": "An id that the router's uuid converter refuses gets Django's page, which is not JSON.",
            "WD-28": "And that page is HTML.",
        },
        not_applicable={"WD-02": NONE_CANCEL, "WD-42": NO_SETTLEMENT},
    ),
    Honest(
        server="drf",
        api="payout-intents",
        states='terminal = ["cancelled", "paid", "failed"]',
        capabilities="settlement = false\nwebhooks = false",
        warned={
            "PI-27": "A CharField trims what it reads.",
            "PI-28": "A CharField takes a number for a text.",
            "PI-29": "Python's JSON parser gives up on deep nesting, and nothing catches that: a 500.",
            "PI-45": "Paths without a route get Django's page, which is HTML.",
        },
        not_applicable={"PI-09": NO_SETTLEMENT, "PI-49": NO_WEBHOOKS, "PI-50": NO_WEBHOOKS},
    ),
)
HTTPAUTH = (
    Honest(
        server="flask-httpauth",
        api="withdraws",
        states='read_path = "/api/v1/withdraws/{id}"',
        capabilities="cancel_processing = true\nsettlement = true",
        warned={
            "WD-39": "400 digits are more than a float holds: a 500.",
            "WD-41": "Its error handler writes a 405 of its own and forgets Allow.",
        },
        tells_account=True,
    ),
    Honest(
        server="flask-httpauth",
        api="payout-intents",
        states='terminal = ["cancelled", "paid_out"]',
        capabilities="settlement = true\nwebhooks = false",
        warned={
            "PI-29": "Python's JSON parser gives up on deep nesting, and nothing catches that: a 500.",
            "PI-41": "Flask-HTTPAuth reads the pair whatever the scheme is called.",
            "PI-48": "Its error handler writes a 405 of its own and forgets Allow.",
        },
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
        warned={
            "PI-25": "What Joi refuses gets Boom's form, whose error is a text.",
            "PI-27": "`Joi.string().trim()` trims what it reads.",
            "PI-28": "A reason that is no text gets Boom's form.",
            "PI-45": "So do broken JSON, other content types and unknown paths.",
        },
        not_applicable={"PI-09": NO_SETTLEMENT, "PI-49": NO_WEBHOOKS, "PI-50": NO_WEBHOOKS},
    ),
)
EXPRESS = (
    Honest(
        server="express",
        api="withdraws",
        states='read_path = "/api/v1/withdraws/{id}"',
        capabilities="cancel_processing = false\nsettlement = false",
        warned={
            "WD-28": "An id that can't be decoded gets Express's page, which shows the stack.",
            "WD-34": "`parseInt` takes digits with words behind them for a number.",
            "WD-35": "`express.json()` keeps the raw body of JSON only, so other types are outside the signature.",
        },
        not_applicable={"WD-02": NONE_CANCEL, "WD-42": NO_SETTLEMENT},
        tells_account=True,
    ),
    Honest(
        server="express",
        api="payout-intents",
        states='terminal = ["cancelled", "completed"]',
        capabilities='settlement = false\nwebhooks = true\n\n[webhooks]\nlisten = "127.0.0.1:0"',
        warned={
            "PI-29": "`JSON.stringify` gives up on deep nesting: a 500.",
            "PI-41": "passport-http takes each scheme that contains basic, and drops what is behind a second colon.",
            "PI-45": "Broken JSON and unknown paths get Express's pages, and passport-http's 401 is plain text.",
        },
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
        warned={
            "PI-28": "Ajv makes a text of a number or a boolean.",
        },
        not_applicable={"PI-49": NO_WEBHOOKS, "PI-50": NO_WEBHOOKS},
    ),
)
SINATRA = (
    Honest(
        server="sinatra",
        api="withdraws",
        states='read_path = "/api/v1/withdraws/{id}"',
        capabilities="cancel_processing = true\nsettlement = true",
        warned={
            "WD-14": "Rack::Protection resolves `%2f..` in the path before it is routed.",
        },
        tells_account=True,
    ),
    Honest(
        server="sinatra",
        api="payout-intents",
        states='terminal = ["cancelled", "completed"]',
        capabilities="settlement = true\nwebhooks = false",
        warned={
            "PI-14": "Rack::Protection resolves `%2f..` in the path before it is routed.",
            "PI-29": "Ruby parses bytes that are not UTF-8 and can't write them: a 500.",
            "PI-41": "Rack::Auth::Basic answers 400 to another scheme.",
            "PI-45": "Rack's refusals have no body, Sinatra's are HTML.",
        },
        not_applicable={"PI-49": NO_WEBHOOKS, "PI-50": NO_WEBHOOKS},
    ),
)
SLIM = (
    Honest(
        server="slim",
        api="withdraws",
        states='read_path = "/api/v1/withdraws/{id}"',
        capabilities="cancel_processing = true\nsettlement = false",
        warned={
            "WD-40": "Slim 3 honours X-Http-Method-Override, on a GET too.",
        },
        not_applicable={"WD-42": NO_SETTLEMENT},
        tells_account=True,
    ),
    Honest(
        server="slim",
        api="payout-intents",
        states='terminal = ["cancelled", "settled"]',
        capabilities="settlement = false\nwebhooks = false",
        warned={
            "PI-41": "PHP cuts the secret off at a NUL.",
            "PI-45": "Paths without a route get Slim's page, which is HTML.",
            "PI-47": "Slim 3 honours X-Http-Method-Override, on a GET too.",
        },
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
        warned={
            "PI-28": "A number is a text to Perl, and comes back as a number.",
            "PI-41": "Mojolicious takes each scheme that ends like Basic.",
            "PI-42": "But basic it doesn't take.",
            "PI-45": "Paths without a route get Mojolicious's page, which is HTML.",
        },
        not_applicable={"PI-09": NO_SETTLEMENT, "PI-49": NO_WEBHOOKS, "PI-50": NO_WEBHOOKS},
    ),
)
TABLE = (
    *(*FLASK, *NODE),
    *(*FASTAPI, *DRF, *HTTPAUTH),
    *(*HAPI, *EXPRESS, *FASTIFY),
    *(*SINATRA, *SLIM, *MOJOLICIOUS),
)


def rests_on(api: str, row: str) -> str:
    """The sentences of a requirement that a warning can rest on: its SHOULDs, all of them where it is one."""
    requirement = catalogue.load(api).by_id()[row]
    sentences = re.split(r"(?<=[.:]) (?=[A-Z])", requirement.statement)
    return " ".join(one for one in sentences if requirement.level == "SHOULD" or "SHOULD" in one)


def page() -> str:
    """The table as a page to read."""
    lines = [
        "# Honest servers whose HTTP layer is not ours",
        "",
        "Each server was written from the documents alone, with popular libraries and their defaults. Tests certify",
        "each, fuzzing included. A warning quotes the sentence of the requirement in italics, then says how the server",
        "deviates. `python -m tests.outside.table` writes this page.",
        "",
        "| server | API | outcome | warnings |",
        "|---|---|---|---|",
    ]
    for one in TABLE:
        warnings = [f"{row} *{rests_on(one.api, row)}* {why}" for row, why in sorted(one.warned.items())]
        lines.append(
            f"| {one.server} ({STACKS[one.server]}) | {one.api} | conformant | {'<br>'.join(warnings) or 'none'} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    (Path(__file__).parent / "README.md").write_text(page())
