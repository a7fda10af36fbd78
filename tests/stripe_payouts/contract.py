"""The contract of Stripe's payouts (pages "Payouts: cancel", "Authentication" and "Errors" of the API reference)."""

import base64
import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from conformance.contract import (
    Authentication,
    Contract,
    CurlAuthentication,
    DocumentedAnswer,
    DocumentedAnswers,
    DocumentedRequests,
    Misreading,
    ResourceStates,
    Stamp,
    Variable,
)
from conformance.model import Credentials, Headers

_READ = "/v1/payouts/{id}"
_KEYS = (
    "id",
    "object",
    "amount",
    "arrival_date",
    "automatic",
    "balance_transaction",
    "created",
    "currency",
    "description",
    "destination",
    "failure_balance_transaction",
    "failure_code",
    "failure_message",
    "livemode",
    "metadata",
    "method",
    "original_payout",
    "reversed_by",
    "source_type",
    "statement_descriptor",
    "status",
    "type",
)
# What fuzzing finds speaks of these requirements.
_FUZZ_REQUIREMENTS = {
    "status.pending": ("SP-01",),
    "status.paid": ("SP-02",),
    "status.failed": ("SP-03",),
    "status.canceled": ("SP-04",),
    "status.in_transit": ("SP-25",),
    "status.unknown": ("SP-08",),
    "status.existing": ("SP-05",),
    "body": ("SP-11",),
    "refused.body": ("SP-06",),
    "error": ("SP-13",),
    "json": ("SP-14",),
    "insides": ("SP-14",),
    "secrets": ("SP-14",),
    "crash": ("SP-15",),
    "crash.path": ("SP-10",),
    "crash.credentials": ("SP-20",),
    "auth.documented": ("SP-16",),
    "auth.missing": ("SP-18",),
    "auth.wrong": ("SP-19",),
}
_VALUED = ("id", "object", "amount", "arrival_date", "created", "currency", "livemode", "status")


def authenticate(credentials: Credentials, body: bytes, stamp: Stamp) -> Headers:
    """Returns Basic credentials with the secret key as user name and no password."""
    return (("Authorization", _basic(f"{credentials.secret}:")),)


def curl(names: Mapping[str, str], variable: Variable, body: str) -> CurlAuthentication:
    """Leaves Basic to curl; the colon keeps it from asking for a password."""
    return CurlAuthentication((), (f'-u "{variable("secret_key")}:"',))


def misreadings(credentials: Credentials, path: str, stamp: Stamp, skew_ms: int) -> Iterator[Misreading]:
    """Misreadings of page "Authentication": which half of the pair the key is, and how it is written."""
    key = credentials.secret
    values = {
        "the key as a bearer token alone": f"Bearer {key}",
        "the key as password": _basic(f":{key}"),
        "the key without the colon": _basic(key),
        "a key that isn't encoded": f"Basic {key}:",
        "the key without a scheme": key,
    }
    for name, value in values.items():
        yield Misreading(name, _fixed(value))


def unknown_id(sample: str | None) -> tuple[str, bool]:
    """Returns an id that names nothing, as long as `sample`; ids are random, so it can't be anybody's."""
    length = len(sample) - 3 if sample is not None and len(sample) >= 15 else 24
    return f"po_{secrets.token_hex(length)[:length]}", True


def encode(fields: Mapping[str, Any]) -> tuple[bytes, str]:
    """Returns a form."""
    return urlencode(fields).encode(), "application/x-www-form-urlencoded"


def _basic(pair: str) -> str:
    return "Basic " + base64.b64encode(pair.encode()).decode()


def _fixed(value: str) -> Callable[[], Headers]:
    return lambda: (("Authorization", value),)


CONTRACT = Contract(
    name="stripe-payouts",
    noun="payout",
    package="stripe_payouts.suite",
    specs=Path(__file__).parent / "specs",
    example="/v1/payouts/...",
    authentication=Authentication(
        fields=("secret_key",),
        headers=("Authorization",),
        summary="with the secret key as Basic user name",
        authenticate=authenticate,
        curl=curl,
        misreadings=misreadings,
    ),
    states=ResourceStates(
        cancellable=("pending",),
        transient=("pending", "in_transit"),
        final=("paid", "failed", "canceled"),
        cancelled="canceled",
    ),
    requests=DocumentedRequests(
        cancel="/v1/payouts/{id}/cancel",
        read=_READ,
        probe=("GET", _READ),
        probe_summary="a GET of a random id",
        encode=encode,
        key_header="Idempotency-Key",
    ),
    answers=DocumentedAnswers(
        ok=DocumentedAnswer(200),
        refused=DocumentedAnswer(400),
        not_found=DocumentedAnswer(404),
        unauthorized=DocumentedAnswer(401),
        conflict=DocumentedAnswer(400, "idempotency_error"),
        code="error.type",
        keys=_KEYS,
        valued=frozenset(_VALUED),
    ),
    unknown_id=unknown_id,
    fuzz_requirements=_FUZZ_REQUIREMENTS,
)
