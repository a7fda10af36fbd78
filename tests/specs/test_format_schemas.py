"""The schemas of the profile, the run record and the certificate: valid, and neither too wide nor too narrow."""

from __future__ import annotations

import copy
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from conformance import contracts, profile_schema

FORMATS = Path(__file__).resolve().parents[2] / "specs" / "formats"
NAMES = [
    "profile.schema.json",
    "run.schema.json",
    "certificate.schema.json",
    "comparison.schema.json",
    "registry.schema.json",
]

WITHDRAWS = """
[target]
name = "Acme staging"
api = "withdraws"
base_url = "https://sandbox.acme.test"
environment = "test"

[credentials.primary]
api_key = "${ACME_API_KEY}"
api_secret = "${ACME_API_SECRET}"
[credentials.other_merchant]
api_key = "${ACME_OTHER_KEY}"
api_secret = "${ACME_OTHER_SECRET}"

[states]
url = "https://sandbox.acme.test/_states"
read_path = "/api/v1/withdraws/{id}"

[capabilities]
cancel_processing = true
settlement = false
webhooks = false

[limits]
timeout_s = 10
requests_per_second = 20
concurrency = 8
max_requests = 5000
"""

PAYOUT_INTENTS = """
[target]
name = "Acme staging"
api = "payout-intents"
base_url = "http://127.0.0.1:8080/merchant"
environment = "test"

[credentials.primary]
public_key = "${ACME_PUBLIC_KEY}"
secret_key = "${ACME_SECRET_KEY}"
[credentials.other_environment]
public_key = "${ACME_LIVE_PUBLIC_KEY}"
secret_key = "${ACME_LIVE_SECRET_KEY}"

[states]
terminal = ["cancelled", "completed"]
[states.ids]
requires_approval = ["word_1", "word_2"]
completed = ["word_3"]
[states.ids.other_merchant]
requires_approval = ["word_4"]

[capabilities]
webhooks = true

[webhooks]
listen = "127.0.0.1:8099"
public_url = "https://hooks.acme.test/in"
"""

RUN: dict[str, Any] = {
    "format": "payout-conformance/run/1",
    "complete": True,
    "verdict": "non_conformant",
    "target": {
        "name": "Acme staging",
        "api": "withdraws",
        "base_url": "https://sandbox.acme.test",
        "environment": "test",
        "env": {"credentials.primary.api_secret": "ACME_API_SECRET"},
    },
    "harness": {"version": "0.1.0", "catalogue_revision": 1, "catalogue_digest": "sha256:" + "0" * 64},
    "started_at": "2026-11-20T10:00:00Z",
    "finished_at": "2026-11-20T10:00:07.250Z",
    "seed": 1,
    "options": {"fuzz": False, "workers": 4, "k": None, "requirement": ["WD-01"]},
    "counts": {
        "passed": 0, "failed": 1, "warned": 0, "not_testable": 0,
        "not_applicable": 1, "deselected": 40, "error": 0,
    },
    "requirements": [
        {
            "id": "WD-01",
            "level": "MUST",
            "basis": "doc",
            "group": "Cancellation matrix",
            "title": "A pending withdraw is cancelled",
            "statement": "It MUST be.",
            "section": "Success Response (200 OK)",
            "capability": None,
            "outcome": "failed",
            "reason": "Expected 200, got 202",
            "checks": ["withdraws/test_cancellation.py::test_pending"],
        },
    ],
    "not_observable": [
        {"id": "WD-N1", "title": "Title", "statement": "Text.", "section": "Endpoint", "reason": "Cause."},
    ],
    "checks": [
        {
            "id": "withdraws/test_cancellation.py::test_pending",
            "requirements": ["WD-01"],
            "level": "MUST",
            "suite": "cancellation",
            "title": "A pending withdraw is cancelled.",
            "outcome": "failed",
            "message": "Expected 200, got 202",
            "started_at": "2026-11-20T10:00:01Z",
            "duration_s": 0.012,
            "exchanges": [0],
            "problem": {"expected": "200", "observed": "202", "control": False, "exchange": 0, "hint": None},
        },
    ],
    "exchanges": 1,
    "fuzz": None,
    "notes": [],
}  # fmt: skip


def validator(name: str) -> Draft202012Validator:
    """The validator of one format."""
    return Draft202012Validator(json.loads((FORMATS / name).read_text("utf-8")))


PROFILE = validator("profile.schema.json")
RECORD = validator("run.schema.json")


def nodes(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every part of a JSON value, with its JSON pointer."""
    yield path, value
    if isinstance(value, dict):
        for key, part in value.items():
            yield from nodes(part, f"{path}/{key}")
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from nodes(part, f"{path}/{index}")


def at(value: Any, pointer: str) -> Any:
    """The part of a JSON value that a pointer names."""
    for step in pointer.split("/")[1:]:
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value


@pytest.mark.parametrize("name", NAMES)
def test_the_schema_is_a_schema(name: str) -> None:
    """Valid under the metaschema of the draft it declares, with every reference inside it resolving."""
    schema = json.loads((FORMATS / name).read_text("utf-8"))

    Draft202012Validator.check_schema(schema)
    for pointer, value in nodes(schema):
        if pointer.endswith("/$ref"):
            assert at(schema, value.removeprefix("#")), pointer


@pytest.mark.parametrize("name", NAMES)
def test_every_definition_is_used(name: str) -> None:
    """A definition that nothing refers to is a leftover."""
    schema = json.loads((FORMATS / name).read_text("utf-8"))
    used = {value for pointer, value in nodes(schema) if pointer.endswith("/$ref")}

    assert {f"#/$defs/{key}" for key in schema["$defs"]} == used


def test_the_schema_of_a_profile_is_up_to_date() -> None:
    """It holds what the contracts of the product say; `make coverage` writes it anew."""
    own = [one for one in contracts.every() if one.specs is None]

    assert (FORMATS / "profile.schema.json").read_text("utf-8") == profile_schema.text(own)


@pytest.mark.parametrize("text", [WITHDRAWS, PAYOUT_INTENTS], ids=["withdraws", "payout-intents"])
def test_a_full_profile_is_valid(text: str) -> None:
    """A profile with every key of its API satisfies the schema."""
    PROFILE.validate(tomllib.loads(text))


@pytest.mark.parametrize("text", [WITHDRAWS, PAYOUT_INTENTS], ids=["withdraws", "payout-intents"])
def test_an_unknown_key_is_an_error_anywhere_in_a_profile(text: str) -> None:
    """A typing error must not pass as an option that has no effect."""
    profile = tomllib.loads(text)
    for pointer, value in nodes(profile):
        if isinstance(value, dict):
            changed = copy.deepcopy(profile)
            at(changed, pointer)["capabilites"] = True
            assert not PROFILE.is_valid(changed), pointer


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param('"${ACME_API_SECRET}"', '"s3cret"', id="secret in the file"),
        pytest.param('"${ACME_API_SECRET}"', '"prefix-${ACME_API_SECRET}"', id="secret in part"),
        pytest.param('api_secret = "${ACME_API_SECRET}"', "", id="half of the credentials"),
        pytest.param('api_key = "${ACME_API_KEY}"', 'public_key = "${ACME_API_KEY}"', id="other API"),
        pytest.param('api = "withdraws"', 'api = "withdrawals"', id="unknown API"),
        pytest.param('environment = "test"', "", id="no environment"),
        pytest.param('https://sandbox.acme.test"', 'sandbox.acme.test"', id="no scheme"),
        pytest.param('https://sandbox.acme.test"', 'https://user:pw@acme.test"', id="password in it"),
        pytest.param('url = "https://sandbox.acme.test/_states"', "", id="no way to a state"),
        pytest.param("[states]", '[states]\ncommand = ["./make"]', id="two ways to a state"),
        pytest.param("/withdraws/{id}", "/withdraws/", id="read path without id"),
        pytest.param("read_path =", 'terminal = ["paid"]\nread_path =', id="documented states named again"),
        pytest.param("timeout_s = 10", "timeout_s = 0", id="no time"),
        pytest.param("concurrency = 8", "concurrency = 1.5", id="half a worker"),
        pytest.param("cancel_processing = true", 'cancel_processing = "yes"', id="text for a boolean"),
    ],
)  # fmt: skip
def test_a_wrong_profile_is_invalid(old: str, new: str) -> None:
    """A profile with one typical mistake violates the schema."""
    assert WITHDRAWS.count(old)

    assert not PROFILE.is_valid(tomllib.loads(WITHDRAWS.replace(old, new, 1)))


@pytest.mark.parametrize("pool", [["w1", "w1"], [""], "w1", [1]])
def test_a_pool_is_a_list_of_distinct_ids(pool: Any) -> None:
    """An id that is listed twice would be used twice."""
    profile = tomllib.loads(PAYOUT_INTENTS)
    profile["states"]["ids"]["requires_approval"] = pool

    assert not PROFILE.is_valid(profile)


def test_terminal_below_the_pools_is_an_error() -> None:
    """In TOML a key after [states.ids] belongs to the pools: terminal would become a state of that name."""
    moved = PAYOUT_INTENTS.replace(
        'terminal = ["cancelled", "completed"]\n[states.ids]', '[states.ids]\nterminal = ["x"]'
    )
    assert moved != PAYOUT_INTENTS

    assert not PROFILE.is_valid(tomllib.loads(moved))


def test_a_full_record_is_valid() -> None:
    """A record with one requirement and one failed check satisfies the schema."""
    RECORD.validate(RUN)


# Parts of a record that are free on purpose.
FREE = ("/options", "/target/env")


def test_nothing_can_be_left_out_of_a_record_or_added() -> None:
    """A record without one of its keys, or with another one, violates the schema."""
    for pointer, value in nodes(RUN):
        if not isinstance(value, dict) or pointer in FREE:
            continue
        for key in value:
            changed = copy.deepcopy(RUN)
            del at(changed, pointer)[key]
            assert not RECORD.is_valid(changed), f"{pointer}/{key}"
        changed = copy.deepcopy(RUN)
        at(changed, pointer)["extra"] = 1
        assert not RECORD.is_valid(changed), pointer


@pytest.mark.parametrize(
    ("pointer", "key", "value"),
    [
        ("", "format", "payout-conformance/run/2"),
        ("", "verdict", "passed"),
        ("", "verdict", "non-conformant"),
        ("", "started_at", "2026-11-20 10:00:00"),
        ("", "started_at", "2026-11-20T10:00:00+00:00"),
        ("", "seed", -1),
        ("", "requirements", []),
        ("/harness", "catalogue_digest", "0" * 64),
        ("/target/env", "credentials.primary.api_secret", "not a name"),
        ("/options", "nested", {"a": 1}),
        ("/requirements/0", "outcome", "skipped"),
        ("/requirements/0", "level", "MAY"),
        ("/requirements/0", "basis", "rfc"),
        ("/requirements/0", "capability", "settlement"),
        ("/requirements/0", "id", "wd-1"),
        ("/checks/0", "outcome", "ok"),
        ("/checks/0", "requirements", []),
        ("/checks/0", "exchanges", [-1]),
        ("/checks/0", "duration_s", "0.1"),
        ("/checks/0/problem", "control", None),
    ],
)
def test_a_wrong_value_in_a_record_is_invalid(pointer: str, key: str, value: Any) -> None:
    """Enumerations, patterns, and the policy: a convention never obliges, what is not applicable has its reason."""
    changed = copy.deepcopy(RUN)
    at(changed, pointer)[key] = value

    assert not RECORD.is_valid(changed)


@pytest.mark.parametrize(
    ("pointer", "key", "value"),
    [
        ("", "fuzz", {"cases": 100, "statuses": {"202": 30}}),
        ("/requirements/0", "reason", None),
        ("/requirements/0", "outcome", "warned"),
        ("/requirements/0", "level", "SHOULD"),
        ("/checks/0", "problem", None),
        ("/checks/0", "started_at", None),
        ("/checks/0/problem", "exchange", None),
        ("/checks/0", "outcome", "not_testable"),
    ],
)
def test_what_may_be_null_or_free_in_a_record(pointer: str, key: str, value: Any) -> None:
    """The other side of the strictness."""
    changed = copy.deepcopy(RUN)
    at(changed, pointer)[key] = value

    RECORD.validate(changed)


def test_what_is_not_applicable_says_why() -> None:
    """A requirement whose condition can't arise is not applicable at any level, with a reason and never without."""
    changed = copy.deepcopy(RUN)
    changed["requirements"][0].update(outcome="not_applicable", reason="It can't arise here.")
    assert RECORD.is_valid(changed)

    changed["requirements"][0]["reason"] = ""
    assert not RECORD.is_valid(changed)
