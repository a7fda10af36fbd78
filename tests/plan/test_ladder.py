"""The number of MUSTs that more ids decide is computed from the resources that each check takes."""

from collections.abc import Mapping

import pytest

from conformance import order
from conformance.model import Outcome, RunRecord
from conformance.plan.ladder import Listed, Step, ladder
from tests.report import sample

TAKES = {
    "cheap": ("pending 1",),
    "dear": ("pending 2", "pending 3", "pending 4"),
    "paid": ("paid 1",),
    "theirs": ("pending, of other_merchant 1",),
}
"""A requirement for each of these checks."""


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch) -> RunRecord:
    """A run with enough of all."""
    known: Mapping[str, frozenset[str]] = {name: frozenset(units) for name, units in TAKES.items()}
    monkeypatch.setattr(order, "takes", lambda _: known)
    requirements = [sample.requirement(f"WD-0{at}") for at in (1, 4, 5, 6)]
    return sample.folded(
        requirements,
        [
            sample.check(name, Outcome.PASSED, requirement.id)
            for name, requirement in zip(TAKES, requirements, strict=True)
        ],
    )


def test_each_length_that_decides_more_is_a_step(record: RunRecord) -> None:
    """With enough of the others: a list that is too short as well has steps of its own."""
    found = ladder(
        record,
        [
            Listed("primary", "pending", needed=6, have=0),
            Listed("primary", "paid", needed=1, have=0),
            Listed("other_merchant", "pending", needed=1, have=1),
        ],
    )
    assert found == (
        Step("primary", "pending", 1, 3),
        Step("primary", "pending", 4, 4),
        Step("primary", "paid", 1, 4),
    )


def test_lists_that_suffice_have_no_steps(record: RunRecord) -> None:
    """Nor does an API of which nobody has learned what its checks take."""
    assert ladder(record, [Listed("primary", "pending", needed=4, have=4)]) == ()


def test_without_knowledge_there_is_no_ladder(record: RunRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is made up."""
    monkeypatch.setattr(order, "takes", lambda _: None)
    assert ladder(record, [Listed("primary", "pending", needed=4, have=0)]) == ()
