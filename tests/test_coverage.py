"""Every requirement of the catalogue is covered, by checks that exist and by defects that prove them."""

import pytest

from conformance import catalogue, coverage
from conformance.sandbox import list_defects

from .coverage_table import table

APIS = catalogue.apis()


@pytest.mark.parametrize("api", APIS)
def test_every_requirement_has_a_hand_written_check(api: str) -> None:
    """Every requirement has a hand-written check, or a reason why it can't be observed."""
    checks = coverage.checks(api)
    bare = [
        requirement.id
        for requirement in catalogue.load(api).requirements
        if not requirement.not_tested_reason
        and not any(not one.startswith("fuzz::") for one, _ in checks.get(requirement.id, ()))
    ]
    assert bare == []


@pytest.mark.parametrize("api", APIS)
def test_no_check_names_an_unknown_requirement(api: str) -> None:
    """Ids are permanent: a marker can't have an old one, only a wrong one."""
    assert set(coverage.checks(api)) <= set(catalogue.load(api).by_id())


@pytest.mark.parametrize("api", APIS)
def test_every_requirement_has_a_defect_that_proves_its_checks(api: str) -> None:
    """A check that nothing can fail proves nothing."""
    proven = {defect.breaks[0] for defect in list_defects(api) if not defect.needs}
    assert set(catalogue.load(api).by_id()) - proven == set()


@pytest.mark.parametrize("api", APIS)
def test_the_table_is_up_to_date(api: str) -> None:
    """`make coverage` writes it anew."""
    assert (catalogue.api_folder(api) / "coverage.md").read_text() == table(api)
