"""Honest servers that differ from the sandbox in one thing: the fuzzing fails none of them, and warns as suites do."""

import pytest

from conformance import catalogue
from tests.fuzz.rewriting import (
    Change,
    at_eight_hours,
    compatible,
    composed,
    rewriting,
    with_reason,
    without_nulls,
)
from tests.fuzz.support import fuzz
from tests.support import READ_PATH, TERMINAL

PAGE = b"<html><body><h1>503 Service Unavailable</h1></body></html>"
HTML = {"Content-Type": "text/html"}


def every(nth, status, headers=None):
    """Answers every so many-th request like a proxy in front of the API."""

    def answer(number, method, target, given):
        states = target.startswith("/_")
        return (status, {**HTML, **(headers or {})}, PAGE) if number % nth == 0 and not states else None

    return answer


def long_key_is_422(number, method, target, headers):
    """A framework's own limit of a header, told in its own form."""
    if len(headers.get("Idempotency-Key") or "") > 255:
        return 422, {"Content-Type": "application/json"}, b'{"detail": [{"msg": "too long"}]}'
    return None


def no_odd_ids(number, method, target, headers):
    """A firewall that closes the connection on what looks odd in an address."""
    return (0, {}, b"") if "%" in target else None


# What differs; the requirements that warn for it, by API; each API that it can be seen with.
HONEST = {
    "nulls left out": (Change(body=without_nulls), {"withdraws": {"WD-16"}, "payout-intents": {"PI-15"}}),
    "another offset": (Change(body=at_eight_hours), {"withdraws": {"WD-17"}, "payout-intents": set()}),
    "trimmed reasons": (Change(sent=with_reason(str.strip)), {"payout-intents": {"PI-27"}}),
    "composed reasons": (Change(sent=with_reason(composed)), {"payout-intents": set()}),
    "a limit of a header": (Change(answer=long_key_is_422), {"payout-intents": set()}),
    "503 now and then": (
        Change(answer=every(41, 503, {"Retry-After": "0"})),
        {"withdraws": set(), "payout-intents": set()},
    ),
    "502 now and then": (Change(answer=every(23, 502)), {"withdraws": set(), "payout-intents": set()}),
    "connections closed now and then": (
        Change(answer=lambda number, method, target, _: (0, {}, b"") if number % 29 == 0 else None),
        {"withdraws": set(), "payout-intents": set()},
    ),
    "connections closed on odd ids": (
        Change(answer=no_odd_ids),
        {"withdraws": {"WD-14"}, "payout-intents": {"PI-14"}},
    ),
}
# Both seeds are seen with both APIs.
CASES = [
    (name, api, 1 + number % 2)
    for number, (name, api) in enumerate(
        (name, api) for name, (_, warned) in HONEST.items() for api in warned
    )
]


def requirements_of(found):
    """The requirements that warn, and those that fail."""
    told = {"warned": set(), "failed": set(), "error": set(), "not_testable": set()}
    for check in found.checks.values():
        if check["outcome"] in told:
            told[check["outcome"]] |= set(check["requirements"])
    return told


@pytest.mark.parametrize(("name", "api", "seed"), CASES, ids=lambda value: str(value).replace(" ", "_"))
def test_an_honest_server_fails_nothing(name, api, seed, bendable, tmp_path):
    change, warned = HONEST[name]
    bendable.bend()
    with rewriting(bendable.url, change) as front:
        states = {"states": states_of(bendable.url, api)}
        found = fuzz(tmp_path, api, front.url, examples=16, seed=seed, **states)
    told = requirements_of(found)
    assert told == {"warned": warned[api], "failed": set(), "error": set(), "not_testable": set()}
    assert found.statistics["cases"] > 100


def states_of(url, api):
    """States from the sandbox itself, so that only the API's own requests meet the difference."""
    return f'url = "{url}/_states"\n{READ_PATH if api == "withdraws" else TERMINAL}'


DISHONEST = {
    "a reference with a value is left out": (
        "payout-intents",
        Change(body=lambda body: drop(body, "merchant_reference")),
        "PI-15",
    ),
    "a reference of a withdraw is left out": (
        "withdraws",
        Change(
            body=lambda body: {**body, "data": drop(body["data"], "referenceId")} if "data" in body else body
        ),
        "WD-16",
    ),
    "compatibility forms are replaced": ("payout-intents", Change(sent=with_reason(compatible)), "PI-27"),
    "capitals are made small": ("payout-intents", Change(sent=with_reason(str.lower)), "PI-22"),
}


def drop(body, key):
    """An answer to a cancel without the key; others as they are."""
    cancelled = isinstance(body, dict) and body.get("status") in ("cancelled", "canceled")
    return {name: value for name, value in body.items() if name != key} if cancelled else body


@pytest.mark.parametrize("name", DISHONEST, ids=lambda value: value.replace(" ", "_"))
def test_what_only_looks_like_it_fails_its_requirement(name, bendable, tmp_path):
    api, change, requirement_id = DISHONEST[name]
    bendable.bend()
    with rewriting(bendable.url, change) as front:
        found = fuzz(tmp_path, api, front.url, examples=16, states=states_of(bendable.url, api))
    assert requirement_id in requirements_of(found)["failed"]
    assert requirement_id in catalogue.load(api).by_id()
