"""The terminal states that a run tried, as its reader and its certificate are told."""

from collections.abc import Sequence

import pytest

from conformance import catalogue
from conformance.model import Check, Level, Outcome
from conformance.report.tried_states import sentence, terminal_states

MATRIX = catalogue.load("payout-intents").matrix


def checks(*found: tuple[str, Outcome]) -> list[Check]:
    """Checks of PI-03, one per state and outcome, among others."""
    names = [f"cancellation::matrix_terminal_state_is_refused[{state}-with_a_key]" for state, _ in found]
    outcomes = [outcome for _, outcome in found]
    return [
        Check(
            id=name,
            suite="cancellation",
            title="",
            requirements=("PI-03",),
            level=Level.MUST,
            outcome=outcome,
            message="",
            started_at="2026-01-01T00:00:00.000000Z",
            duration_s=0.0,
            exchanges=(),
            problem=None,
        )
        for name, outcome in zip(
            [*names, "cancellation::matrix_processing_is_refused[with_a_key]"],
            [*outcomes, Outcome.PASSED],
            strict=True,
        )
    ]


@pytest.mark.parametrize(
    ("found", "tried", "says"),
    [
        (
            [("cancelled", Outcome.PASSED), ("paid-out", Outcome.FAILED)],
            ("cancelled", "paid-out"),
            "tried: cancelled, paid-out.",
        ),
        (
            [("cancelled", Outcome.PASSED), ("paid", Outcome.NOT_TESTABLE)],
            ("cancelled",),
            "tried: cancelled. Named, and not to be had: paid.",
        ),
        ([("unnamed", Outcome.NOT_TESTABLE)], (), "No terminal state was tried."),
        ([("paid", Outcome.ERROR)], (), "No terminal state was tried. Named, and not to be had: paid."),
    ],
)
def test_what_was_tried_is_named(
    found: Sequence[tuple[str, Outcome]], tried: tuple[str, ...], says: str
) -> None:
    """Only what was really cancelled counts; what is named and wasn't to be had is said, too."""
    assert terminal_states(MATRIX, checks(*found)) == tried
    assert says in sentence(MATRIX, checks(*found))
    assert sentence(MATRIX, checks(*found)).endswith("The verdict says nothing of any other.")


def test_a_run_without_terminal_states_has_no_such_note() -> None:
    """Withdraws have none, and a run of a few checks may not be about them."""
    assert sentence(MATRIX, checks()) == ""
