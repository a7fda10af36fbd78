"""The credentials of a payout intents request: Basic (RFC 7617), as section Required headers asks for it."""

import base64
from collections.abc import Callable, Iterator, Mapping

from conformance.contract import SWAPPED, Authentication, CurlAuthentication, Misreading, Stamp, Variable
from conformance.http.auth import basic
from conformance.model import Credentials, Headers


def authenticate(credentials: Credentials, body: bytes, stamp: Stamp) -> Headers:
    """Returns the header that carries the pair."""
    return (("Authorization", basic(credentials.key, credentials.secret)),)


def curl(names: Mapping[str, str], variable: Variable, body: str) -> CurlAuthentication:
    """Leaves Basic to curl."""
    return CurlAuthentication((), (f'-u "{variable("public_key")}:{variable("secret_key")}"',))


def problem(credentials: Credentials) -> tuple[str, str] | None:
    """Returns why a pair can't be sent, with what to do; None where it can."""
    if ":" in credentials.key:
        return "a colon would end it (RFC 7617)", "Check the variable."
    return None


def misreadings(pair: Credentials, path: str, stamp: Stamp, skew_ms: int) -> Iterator[Misreading]:
    """Misreadings of section Required headers: what goes where, and how it is written."""
    both = base64.b64encode(f"{pair.key}:{pair.secret}".encode()).decode()
    values = {
        SWAPPED: basic(pair.secret, pair.key),
        "a bearer token of both halves": f"Bearer {both}",
        "a bearer token": f"Bearer {pair.secret}",
        "the secret key as user name": basic(pair.secret, ""),
        "the secret key as password": basic("", pair.secret),
        "the public key alone": basic(pair.key, ""),
        "a pair that isn't encoded": f"Basic {pair.key}:{pair.secret}",
        "the pair without a scheme": both,
        "the scheme in small letters": f"basic {both}",
        "a pair that is encoded twice": f"Basic {base64.b64encode(both.encode()).decode()}",
    }
    for name, value in values.items():
        yield Misreading(name, _fixed("Authorization", value), ours=SWAPPED if name == SWAPPED else "")
    yield Misreading("header names in small letters", _fixed("authorization", f"Basic {both}"))


def _fixed(name: str, value: str) -> Callable[[], Headers]:
    return lambda: ((name, value),)


AUTHENTICATION = Authentication(
    fields=("public_key", "secret_key"),
    headers=("Authorization",),
    summary="with Basic credentials",
    authenticate=authenticate,
    curl=curl,
    misreadings=misreadings,
    joined=True,
    problem=problem,
)
