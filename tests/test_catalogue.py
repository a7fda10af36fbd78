"""The catalogue as it is loaded, told, and covered by checks."""

import hashlib
from fnmatch import fnmatchcase
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from conformance import catalogue, coverage
from conformance.catalogue_text import listing, one_in_full
from conformance.errors import HarnessError, UsageError
from conformance.model import Basis, Level
from tests.support import ROOT


def plain(text: str, kind: str) -> str:
    """No colours."""
    return text


def test_the_apis_are_those_with_a_contract() -> None:
    """Without a folder of its own, a contract has the product's."""
    assert catalogue.apis() == ("payout-intents", "withdraws")
    assert catalogue.api_folder("payout-intents").name == "payout_intents"


@pytest.mark.parametrize(("api", "prefix", "number"), [("withdraws", "WD", 42), ("payout-intents", "PI", 50)])
def test_every_requirement_is_there(api: str, prefix: str, number: int) -> None:
    """Permanent ids without gaps; the digest is that of the file."""
    loaded = catalogue.load(api)

    assert [requirement.id for requirement in loaded.requirements] == [
        f"{prefix}-{n:02}" for n in range(1, number + 1)
    ]
    raw = (ROOT / "specs" / api.replace("-", "_") / "requirements.toml").read_bytes()
    assert loaded.digest == "sha256:" + hashlib.sha256(raw).hexdigest()
    assert all(
        requirement.capability for requirement in loaded.requirements if requirement.level is Level.MAY
    )
    soft = (Basis.RFC, Basis.CUSTOM)
    assert all(
        requirement.level is Level.SHOULD for requirement in loaded.requirements if requirement.basis in soft
    )


def test_a_damaged_catalogue_is_our_fault(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """A damaged catalogue is a fault of the harness, not of the profile or the target."""
    monkeypatch.setattr(catalogue, "specs_dir", lambda: tmp_path)
    with pytest.raises(HarnessError, match="can't be read") as caught:
        catalogue.load.__wrapped__("withdraws")
    assert "Reinstall" in caught.value.hint


def test_the_listing_has_every_requirement() -> None:
    """Grouped, with level and basis; what nobody can see from outside too."""
    text = listing([catalogue.load(api) for api in catalogue.apis()], plain)

    for api in catalogue.apis():
        for requirement in catalogue.load(api).requirements:
            assert (
                f"{requirement.id}  {requirement.level:<6}  {requirement.basis:<6}  {requirement.title}"
                in text
            )
    assert "Not observable from outside" in text


@pytest.mark.parametrize("one", ["WD-04", "PI-31", "WD-02"])
def test_one_requirement_in_full(one: str) -> None:
    """Statement, level, section, the checks that prove it, the defects that prove the checks."""
    text = one_in_full(one, plain)

    assert text.startswith(one)
    assert "::" in text.partition("Checks")[2]
    assert "Defects of the sandbox that prove them" in text
    assert f"payout-conformance run PROFILE --requirement {one}" in text


def test_a_requirement_that_nobody_can_see_says_why() -> None:
    """It has an id of its own."""
    hidden = catalogue.load("withdraws").not_observable[0]
    assert "not tested:" in one_in_full(hidden.id, plain)


def test_an_unknown_requirement_is_a_usage_error() -> None:
    """With the way to find the known ones."""
    with pytest.raises(UsageError, match="no catalogue has WD-99"):
        one_in_full("WD-99", plain)


def fits(check: str, pattern: str) -> bool:
    """Whether a pattern of causes.toml means a check; its cases may depend on the profile."""
    name, bracket, _ = pattern.partition("[")
    whole = fnmatchcase(check, pattern.replace("[", "[[]"))
    return whole or (bool(bracket) and fnmatchcase(check.partition("[")[0], name))


@pytest.mark.parametrize("api", ["withdraws", "payout-intents"])
def test_every_requirement_says_what_is_at_stake_and_builds_on_no_circle(api: str) -> None:
    """Reports order and fold findings by it; every requirement and check that is named exists."""
    requirements = catalogue.load(api).requirements
    checks = {requirement: [name for name, _ in found] for requirement, found in coverage.checks(api).items()}
    anything = [name for names in checks.values() for name in names]

    assert [requirement.id for requirement in requirements if requirement.harm is None] == []
    above = {requirement.id: requirement.builds_on for requirement in requirements}
    assert {name for names in above.values() for name in names} <= above.keys()
    assert set(TopologicalSorter(above).static_order()) == above.keys()
    for requirement in requirements:
        own = [*(one.checks for one in requirement.presumes), *(pattern for pattern, _ in requirement.harms)]
        lost = [one for one in own if not any(fits(name, one) for name in checks[requirement.id])]
        causes = [one for found in requirement.presumes for one in found.without]
        lost += [one for one in causes if not any(fits(name, one) for name in anything)]
        assert lost == [], requirement.id


def test_an_api_that_declares_no_causes_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its findings stand in the order of its catalogue, none under another."""
    for name in ("requirements.toml", "openapi.yaml"):
        (tmp_path / name).write_bytes((ROOT / "specs" / "withdraws" / name).read_bytes())
    monkeypatch.setattr(catalogue, "api_folder", lambda api: tmp_path)
    catalogue.load.cache_clear()
    try:
        requirements = catalogue.load("withdraws").requirements
    finally:
        catalogue.load.cache_clear()
    assert {
        (requirement.harm, requirement.builds_on, requirement.presumes, requirement.harms)
        for requirement in requirements
    } == {(None, (), (), ())}
