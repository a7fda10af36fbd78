"""Records to render: a catalogue of a few requirements, and a run with one of everything that can happen."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from conformance.model import (
    Auth,
    Basis,
    Catalogue,
    Check,
    Exchange,
    Headers,
    Level,
    NotObservable,
    Outcome,
    Problem,
    Requirement,
    RunRecord,
    Target,
)
from conformance.report import record

STARTED = "2026-03-01T12:00:00.000000Z"
WITHDRAW = "660e8400-e29b-41d4-a716-446655440001"
TARGET = Target(
    name="Acme staging",
    api="withdraws",
    base_url="https://sandbox.acme.test",
    environment="test",
    env={
        "primary.api_key": "ACME_API_KEY",
        "primary.api_secret": "ACME_API_SECRET",
        "other_merchant.api_key": "ACME_OTHER_KEY",
        "other_merchant.api_secret": "ACME_OTHER_SECRET",
    },
)


def requirement(name: str, level: Level = Level.MUST, **more: Any) -> Requirement:
    """A requirement; MAY requirements get the capability `settlement` unless told otherwise."""
    if level is Level.MAY:
        more.setdefault("capability", "settlement")
    default = {
        "api": "withdraws",
        "basis": Basis.CUSTOM if level is Level.SHOULD else Basis.DOC,
        "group": "Cancellation matrix",
        "title": f"Title of {name}",
        "statement": f"Statement of {name}.",
        "section": "Cancellation Rules",
    }
    return Requirement(**{"id": name, "level": level, **default, **more})


def catalogue(*requirements: Requirement) -> Catalogue:
    """A catalogue of these requirements, and one thing that nobody can see."""
    hidden = NotObservable(
        id="WD-N1",
        title="Reserved money is released",
        statement="Cancelling gives the reserved amount back to the merchant's balance.",
        section="Cancellation Rules",
        reason="No balance is part of the documented interface.",
    )
    return Catalogue("withdraws", 1, "sha256:" + "0" * 64, requirements, (hidden,))


def check(
    name: str,
    outcome: Outcome = Outcome.PASSED,
    *requirements: str,
    level: Level = Level.MUST,
    **more: Any,
) -> Check:
    """A finished check."""
    default = {
        "suite": name.partition("::")[0],
        "title": f"Promise of {name}",
        "message": "" if outcome is Outcome.PASSED else f"Message of {name}",
        "started_at": STARTED,
        "duration_s": 0.25,
    }
    return Check(
        **{"id": name, "requirements": requirements, "level": level, "outcome": outcome, **default, **more}
    )


def exchange(**more: Any) -> Exchange:
    """A cancel that succeeded, signed as documented."""
    headers: Headers = (
        ("X-API-Key", "[redacted:primary.api_key]"),
        ("X-Timestamp", "1772366400000"),
        ("X-Signature", "sha256=" + "ab" * 32),
        ("Host", "sandbox.acme.test"),
        ("Content-Length", "0"),
    )
    default = {
        "started_at": STARTED,
        "duration_s": 0.0123,
        "method": "POST",
        "url": f"https://sandbox.acme.test/api/v1/withdraws/{WITHDRAW}/cancel",
        "request_headers": headers,
        "request_body": b"",
        "auth": Auth.DOCUMENTED,
        "status": 200,
        "http_version": "HTTP/1.1",
        "response_headers": (("Content-Type", "application/json"),),
        "response_body": b'{"success": true, "data": {"id": "%s", "status": "canceled"}}' % WITHDRAW.encode(),
        "signed": "1772366400000.",
    }
    return Exchange(**{**default, **more})


def refusal(status: int = 400, body: bytes | None = None, **more: Any) -> Exchange:
    """A cancel that was refused."""
    text = b'{"success": false, "error": {"code": "VALIDATION_ERROR", "message": "It has been paid."}}'
    return exchange(status=status, response_body=text if body is None else body, **more)


def folded(
    requirements: Sequence[Requirement],
    checks: Sequence[Check],
    exchanges: Sequence[Exchange] = (),
    **more: Any,
) -> RunRecord:
    """The record of a complete run over these requirements."""
    default: dict[str, Any] = {
        "deselected": {},
        "declared": {},
        "seed": 7,
        "started_at": STARTED,
        "finished_at": "2026-03-01T12:01:05.500000Z",
        "complete": True,
        "digests": {
            name: "sha256:" + digit * 64
            for name, digit in (("build", "1"), ("openapi", "2"), ("profile", "3"))
        },
    }
    return record.fold(catalogue(*requirements), TARGET, checks, exchanges, **{**default, **more})


def hostile(text: str) -> RunRecord:
    """A failing run in which everything that a target can choose is `text`."""
    raw = text.encode("utf-8", "surrogatepass")
    answer = refusal(200, raw, response_headers=(("X-Evil", text),), request_body=raw)
    return folded(
        [requirement("WD-04"), requirement("WD-27", Level.SHOULD), requirement("WD-12")],
        [
            check(
                "cancellation::refused[paid]",
                Outcome.FAILED,
                "WD-04",
                message=text,
                exchanges=(0,),
                problem=Problem("400", text, exchange=0, hint=text),
            ),
            check(
                "errors::envelope",
                Outcome.FAILED,
                "WD-27",
                level=Level.SHOULD,
                message=text,
                problem=Problem("an envelope", text),
            ),
            check("tenancy::other", Outcome.NOT_TESTABLE, "WD-12", message=text),
        ],
        [answer],
        notes=(text or "-",),
    )


def showcase() -> RunRecord:
    """A run with one of everything: violations, a shared control failure, gaps, warnings, fuzzing."""
    requirements = [
        requirement("WD-01", title="A pending withdraw is cancelled"),
        requirement(
            "WD-02", Level.MAY, capability="cancel_processing", title="A processing withdraw is cancelled"
        ),
        requirement("WD-04", title="A paid withdraw is refused"),
        requirement("WD-08", basis=Basis.SAFETY, title="Of parallel cancels exactly one wins"),
        requirement("WD-11", group="Not found", title="An unknown id is not found"),
        requirement("WD-12", group="Not found", basis=Basis.SAFETY, title="Merchants are kept apart"),
        requirement("WD-13", Level.SHOULD, group="Not found", title="Foreign and unknown look alike"),
        requirement("WD-27", Level.SHOULD, group="Errors", title="Every refusal has the envelope"),
        requirement("WD-30", group="Authentication", title="A documented signature is accepted"),
        requirement("WD-32", group="Authentication", title="A wrong signature is rejected"),
        requirement("WD-40", group="HTTP", basis=Basis.SAFETY, title="No other method cancels"),
        requirement("WD-42", Level.MAY, group="HTTP", title="A canceled withdraw is never paid"),
    ]
    sent = [
        exchange(),
        refusal(200, b'{"success": true, "data": {"status": "canceled"}}'),
        refusal(
            500, b"<html>oops \x1b[31m \xe2\x80\xae</html>", response_headers=(("Content-Type", "text/html"),)
        ),
        refusal(),
        exchange(
            status=None, response_headers=(), response_body=b"", http_version="", error="timeout: 10 s passed"
        ),
        refusal(400, b"\x00\xff" * 40),
        exchange(request_body=b'{"a": 1}' * 2000, auth=Auth.ALTERED, status=401, truncated=True),
    ]
    controls = [
        check(
            f"auth::wrong_signature[{kind}]",
            Outcome.FAILED,
            "WD-32",
            exchanges=(2,),
            problem=Problem(
                "200 for the unaltered request", "500", control=True, exchange=2, hint="Look at the log."
            ),
        )
        for kind in ("truncated", "extended", "not hex", "upper case")
    ]
    checks = [
        check("cancellation::pending", Outcome.PASSED, "WD-01", "WD-30", exchanges=(0, 3)),
        check(
            "cancellation::refused[paid]",
            Outcome.FAILED,
            "WD-04",
            exchanges=(0, 1),
            problem=Problem(
                "400 with code VALIDATION_ERROR",
                "200 with data.status canceled",
                exchange=1,
                hint="The status is checked after the update, or not at all.",
            ),
        ),
        check(
            "concurrency::one_winner",
            Outcome.FAILED,
            "WD-08",
            "WD-01",
            exchanges=(0, 1, 3),
            problem=Problem(
                "one 2xx of 8", "3 answers of 2xx", exchange=1, hint="Lock the row before you read it."
            ),
        ),
        check("not_found::unknown", Outcome.PASSED, "WD-11", exchanges=(3,)),
        check("tenancy::other", Outcome.NOT_TESTABLE, "WD-12", message="The profile has no other merchant."),
        check(
            "tenancy::alike",
            Outcome.NOT_TESTABLE,
            "WD-13",
            level=Level.SHOULD,
            message="The profile has no other merchant.",
        ),
        check(
            "errors::envelope",
            Outcome.WARNED,
            "WD-27",
            level=Level.SHOULD,
            exchanges=(5, 6),
            problem=Problem("error.code in JSON", "80 bytes that aren't JSON", exchange=5),
        ),
        check("http::methods", Outcome.ERROR, "WD-40", message="timeout: no answer in 10 s", exchanges=(4,)),
        *controls,
    ]
    return folded(
        requirements,
        checks,
        sent,
        deselected={},
        declared={"cancel_processing": None, "settlement": False},
        options={"no_fuzz": False, "fuzz_examples": 50, "requirement": ["WD-01", "WD-04"]},
        notes=("A resource was not given back: the teardown answered 500.",),
        fuzz={
            "cases": 412,
            "seed": 7,
            "statuses": {
                "POST /api/v1/withdraws/{withdraw_id}/cancel": {"200": 31, "400": 240, "404": 120, "500": 21}
            },
        },
    )


def conformant() -> RunRecord:
    """A run in which everything passed."""
    whole = [replace(result, title=result.title) for result in (requirement("WD-01"), requirement("WD-04"))]
    return folded(
        whole,
        [
            check("cancellation::pending", Outcome.PASSED, "WD-01"),
            check("cancellation::paid", Outcome.PASSED, "WD-04"),
        ],
    )
