"""requirements.toml and sources.toml: complete, consistent, and levelled by their basis."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest

SPECS = Path(__file__).resolve().parents[2] / "specs"

# folder -> (name of the API, prefix of its ids, number of requirements)
APIS = {"withdraws": ("withdraws", "WD", 42), "payout_intents": ("payout-intents", "PI", 50)}

GROUPS = {
    "withdraws": ["Cancellation matrix", "Not found", "Success body", "Errors", "Authentication", "HTTP"],
    "payout_intents": [
        "Cancellation matrix", "Not found", "Success body", "Reason", "Idempotency", "Authentication",
        "HTTP and errors", "Webhook",
    ],
}  # fmt: skip

# SHOULDs that hold a MUST, which fails them: what is refused has no effect, and what is accepted is kept whole.
HOLD_A_MUST = {"PI-25", "PI-26", "PI-28"}

# What a requirement may need: states, and the conditions that a profile has to fulfil.
CONDITIONS = {"other_merchant"}
NEEDS = {
    "withdraws": CONDITIONS | {"pending", "processing", "paid", "failed", "canceled", "no_cancel_processing"},
    "payout_intents": CONDITIONS
    | {"requires_approval", "processing", "terminal", "cancelled", "other_environment", "receiver"},
}
CAPABILITIES = {
    "withdraws": {"cancel_processing", "settlement"},
    "payout_intents": {"settlement", "webhooks"},
}

REQUIRED = {"id", "level", "basis", "group", "title", "statement", "section", "needs"}
OPTIONAL = {"capability", "fairness", "not_tested_reason", "premise"}
RFC = re.compile(r"RFC [0-9]{4} section [0-9]+(?:[.][0-9]+)*")

both = pytest.mark.parametrize("folder", APIS)


@cache
def read(folder: str, name: str) -> dict[str, Any]:
    """The TOML file of an API."""
    return tomllib.loads((SPECS / folder / name).read_text("utf-8"))


def requirements(folder: str) -> list[dict[str, Any]]:
    """The requirements of one API, in the order of the file."""
    found: list[dict[str, Any]] = read(folder, "requirements.toml")["requirement"]
    return found


@both
def test_ids_are_complete_and_in_order(folder: str) -> None:
    """Ids are complete and in order: a lost requirement would be a check that nobody misses."""
    _, prefix, count = APIS[folder]

    assert [requirement["id"] for requirement in requirements(folder)] == [
        f"{prefix}-{n:02}" for n in range(1, count + 1)
    ]


@both
def test_the_file_has_a_name_and_a_revision(folder: str) -> None:
    """The API as profiles call it, and a revision that certificates can name."""
    document = read(folder, "requirements.toml")

    assert set(document) == {"api", "revision", "requirement", "matrix", "not_observable"}
    assert document["api"] == read(folder, "sources.toml")["api"] == APIS[folder][0]
    assert document["revision"] >= 1


@both
def test_requirements_have_the_documented_fields(folder: str) -> None:
    """No field is missing, misspelt or empty."""
    for requirement in requirements(folder):
        assert set(requirement) >= REQUIRED, requirement["id"]
        assert set(requirement) <= REQUIRED | OPTIONAL, requirement["id"]
        assert all(requirement[key] for key in requirement if key != "needs"), requirement["id"]


@both
def test_one_requirement_is_the_premise_of_all_others(folder: str) -> None:
    """Good credentials are accepted: a MUST, or else its failure would weigh less than what follows from it."""
    (requirement,) = (requirement for requirement in requirements(folder) if "premise" in requirement)
    assert (requirement["premise"], requirement["level"], requirement["group"]) == (
        True,
        "MUST",
        "Authentication",
    )


@both
def test_the_basis_limits_the_level(folder: str) -> None:
    """Convention never obliges; what is at stake in money or tenancy always does, wherever it applies."""
    allowed = {
        "doc": {"MUST", "SHOULD", "MAY"},
        "safety": {"MUST", "MAY"},
        "rfc": {"SHOULD"},
        "custom": {"SHOULD"},
    }
    for requirement in requirements(folder):
        assert requirement["level"] in allowed[requirement["basis"]], requirement["id"]


@both
def test_a_may_and_nothing_else_has_a_capability(folder: str) -> None:
    """A capability is what makes a MAY count."""
    for requirement in requirements(folder):
        assert ("capability" in requirement) == (requirement["level"] == "MAY"), requirement["id"]
        assert requirement.get("capability") in CAPABILITIES[folder] | {None}, requirement["id"]


@both
def test_the_statement_uses_the_verbs_of_its_level(folder: str) -> None:
    """A MUST says MUST, a SHOULD says SHOULD, and MUST only if it holds one, a MAY says MAY."""
    for requirement in requirements(folder):
        verbs = set(re.findall(r"\b(?:MUST|SHOULD|MAY)\b", requirement["statement"]))
        assert requirement["level"] in verbs, requirement["id"]
        assert (requirement["level"] == "SHOULD" and "MUST" in verbs) == (requirement["id"] in HOLD_A_MUST), (
            requirement["id"]
        )


@both
def test_every_section_exists(folder: str) -> None:
    """Requirements based on an RFC name a section of one, all others a heading of the document."""
    document = read(folder, "requirements.toml")
    headings = set(read(folder, "sources.toml")["sections"])
    for requirement in requirements(folder) + document["not_observable"]:
        is_rfc = RFC.fullmatch(requirement["section"]) is not None
        assert is_rfc or requirement["section"] in headings, requirement["id"]
        assert is_rfc == (requirement.get("basis") == "rfc"), requirement["id"]


@both
def test_titles_are_short_unique_plain_text(folder: str) -> None:
    """A title identifies its requirement in a report, without markup and on one line."""
    document = read(folder, "requirements.toml")
    titles = [requirement["title"] for requirement in requirements(folder) + document["not_observable"]]

    assert len(set(titles)) == len(titles)
    for title in titles:
        assert len(title) <= 70, title
        assert not set(title) & set("`*|<>\n"), title
        assert not title.endswith("."), title


@both
def test_statements_are_a_few_sentences(folder: str) -> None:
    """Unique, one to three sentences, each text ending as sentences do."""
    statements = [requirement["statement"] for requirement in requirements(folder)]

    assert len(set(statements)) == len(statements)
    for requirement in requirements(folder):
        assert len(requirement["statement"]) <= 400, requirement["id"]
        for key in ("statement", "fairness"):
            assert requirement.get(key, ".").endswith("."), (requirement["id"], key)
            assert "\n" not in requirement.get(key, ""), (requirement["id"], key)


@both
def test_groups_are_contiguous(folder: str) -> None:
    """Requirements of a group stand together, in the order in which reports show the groups."""
    assert list(dict.fromkeys(requirement["group"] for requirement in requirements(folder))) == GROUPS[folder]
    changes = sum(
        a["group"] != b["group"] for a, b in zip(requirements(folder), requirements(folder)[1:], strict=False)
    )
    assert changes == len(GROUPS[folder]) - 1


@both
def test_needs_are_known(folder: str) -> None:
    """Needs are states and conditions that a profile can provide, and each of them is used."""
    needed = [need for requirement in requirements(folder) for need in requirement["needs"]]

    assert set(needed) == NEEDS[folder]
    assert all(
        len(set(requirement["needs"])) == len(requirement["needs"]) for requirement in requirements(folder)
    )


@both
def test_what_cannot_be_observed_says_why(folder: str) -> None:
    """Numbered from N1, with a reason, and without the verbs that would make it a requirement."""
    entries = read(folder, "requirements.toml")["not_observable"]

    assert [e["id"] for e in entries] == [f"{APIS[folder][1]}-N{n}" for n in range(1, len(entries) + 1)]
    for entry in entries:
        assert set(entry) == {"id", "title", "statement", "section", "reason"}
        assert all(entry.values())
        assert not re.search(r"\b(?:MUST|SHOULD|MAY)\b", entry["statement"])


@both
def test_the_source_is_identified(folder: str) -> None:
    """Name, title, date and digest of the document, and its headings without repetition."""
    source = read(folder, "sources.toml")

    assert set(source) == {"api", "document", "title", "read_on", "sha256", "sections"}
    assert source["title"] in source["sections"]
    assert source["read_on"] == date(2026, 11, 20)
    assert re.fullmatch(r"[0-9a-f]{64}", source["sha256"])
    assert len(set(source["sections"])) == len(source["sections"])
