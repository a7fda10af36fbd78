"""The policy: what makes a requirement fail, warn or stay unproven, and what a run says of its target."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.errors import HarnessError
from conformance.model import Check, Level, Outcome, Problem, Verdict
from conformance.report.verdict import exit_code

from . import sample
from .strategies import quick

P, F, W, N, A, D, E = (
    Outcome.PASSED,
    Outcome.FAILED,
    Outcome.WARNED,
    Outcome.NOT_TESTABLE,
    Outcome.NOT_APPLICABLE,
    Outcome.DESELECTED,
    Outcome.ERROR,
)
MUST, SHOULD, MAY = Level.MUST, Level.SHOULD, Level.MAY
DECLARED = {"settlement": True}


def outcome_of(level: Level, *parts: tuple[Outcome, Level], left_out: bool = False) -> Outcome:
    """The outcome of a requirement of `level` whose checks have these outcomes and levels."""
    checks = [sample.check(f"a::{n}", o, "WD-01", level=own) for n, (o, own) in enumerate(parts)]
    run = sample.folded(
        [sample.requirement("WD-01", level)],
        checks,
        declared=DECLARED,
        deselected={"WD-01": "by -k"} if left_out else {},
    )
    return run.requirements[0].outcome


@pytest.mark.parametrize(
    ("level", "parts", "expected"),
    [
        (MUST, [(P, MUST)], P),
        (MUST, [(P, MUST), (F, MUST)], F),
        (MUST, [(E, MUST), (F, MUST)], F),
        (MUST, [(E, MUST), (N, MUST), (P, MUST)], E),
        (MUST, [(N, MUST), (P, MUST)], N),
        (MUST, [(P, MUST), (F, SHOULD)], W),
        (MUST, [(P, MUST), (W, SHOULD)], W),
        (MUST, [(P, MUST), (E, SHOULD)], P),
        (MUST, [(P, MUST), (N, SHOULD)], P),
        (MUST, [(N, MUST), (F, SHOULD)], N),
        (MUST, [(P, SHOULD)], N),
        (MUST, [(A, MUST)], A),
        (MUST, [(A, MUST), (P, MUST)], P),
        (MUST, [(D, MUST), (P, MUST)], D),
        (MUST, [], N),
        (MUST, [(F, MAY)], F),
        (MAY, [(F, MAY)], F),
        (MAY, [(F, SHOULD), (P, MAY)], W),
        (MAY, [(N, MAY)], N),
        (SHOULD, [(F, SHOULD)], W),
        (SHOULD, [(F, MUST)], F),
        (SHOULD, [(F, MUST), (W, SHOULD)], F),
        (SHOULD, [(P, MUST), (F, SHOULD)], W),
        (SHOULD, [(F, MAY)], W),
        (SHOULD, [(F, SHOULD), (E, SHOULD)], W),
        (SHOULD, [(E, SHOULD), (P, SHOULD)], E),
        (SHOULD, [(N, SHOULD), (P, SHOULD)], N),
    ],
)
def test_a_requirement_is_as_good_as_its_worst_check(
    level: Level, parts: list[tuple[Outcome, Level]], expected: Outcome
) -> None:
    """A level decides, a softer check can only add a warning, and a MUST-level check of a SHOULD makes it fail."""
    assert outcome_of(level, *parts) is expected


@pytest.mark.parametrize(
    ("parts", "expected"),
    [([], D), ([(P, MUST)], D), ([(F, MUST)], F), ([(E, MUST)], E), ([(N, MUST)], N), ([(P, SHOULD)], D)],
)
def test_what_is_left_out_is_never_passed(parts: list[tuple[Outcome, Level]], expected: Outcome) -> None:
    """Selecting only the easy half of a requirement doesn't prove it."""
    assert outcome_of(MUST, *parts, left_out=True) is expected


@pytest.mark.parametrize(("declared", "expected"), [(None, A), (False, A), (True, F)])
def test_a_may_counts_once_declared(declared: bool | None, expected: Outcome) -> None:
    """Undeclared it doesn't apply, whatever happened; declared it counts in full."""
    run = sample.folded(
        [sample.requirement("WD-42", MAY), sample.requirement("WD-01")],
        [sample.check("a::1", F, "WD-42", level=MAY), sample.check("a::2", P, "WD-01")],
        declared={"settlement": declared},
    )
    assert run.requirements[0].outcome is expected
    assert (run.verdict is Verdict.NON_CONFORMANT) is (expected is F)


def test_a_requirement_that_says_why_it_is_not_tested_is_believed() -> None:
    """Its reason becomes the result's; checks that do exist count all the same."""
    requirement = sample.requirement("WD-01", not_tested_reason="Nobody can see it.")
    assert sample.folded([requirement], []).requirements[0].reason == "Nobody can see it."
    assert sample.folded([requirement], [sample.check("a::1", F, "WD-01")]).requirements[0].outcome is F


def test_a_check_that_can_only_warn_is_recorded_as_a_warning() -> None:
    """No report shows as failed what fails nothing."""
    for level in (SHOULD, MAY):
        check = sample.check("a::1", F, "WD-27", level=level)
        assert sample.folded([sample.requirement("WD-27", SHOULD)], [check]).checks[0].outcome is W


def test_a_must_in_a_should_fails_it_alone() -> None:
    """A MUST-level check makes a SHOULD fail if it is about nothing else; of two requirements only the MUST fails."""
    requirements = [sample.requirement("WD-01"), sample.requirement("WD-27", SHOULD)]
    alone = sample.folded(requirements, [sample.check("a::1", F, "WD-27")])
    assert (alone.checks[0].outcome, alone.requirements[1].outcome) == (F, F)
    assert alone.verdict is Verdict.NON_CONFORMANT
    both = sample.folded(requirements, [sample.check("a::1", F, "WD-01", "WD-27")])
    assert [result.outcome for result in both.requirements] == [F, W]


@pytest.mark.parametrize("requirements", [(), ("WD-99",)])
def test_a_check_of_nothing_is_a_fault(requirements: tuple[str, ...]) -> None:
    """A check that counts for no requirement would fail unseen."""
    with pytest.raises(HarnessError):
        sample.folded([sample.requirement("WD-01")], [sample.check("a::1", F, *requirements)])


@pytest.mark.parametrize(
    ("outcomes", "complete", "verdict", "code"),
    [
        ([P, P], True, Verdict.CONFORMANT, 0),
        ([P, A], True, Verdict.CONFORMANT, 0),
        ([P, W], True, Verdict.CONFORMANT, 0),
        ([P, F], True, Verdict.NON_CONFORMANT, 1),
        ([F, N], False, Verdict.NON_CONFORMANT, 1),
        ([P, N], True, Verdict.INCONCLUSIVE, 3),
        ([P, D], True, Verdict.INCONCLUSIVE, 3),
        ([P, E], True, Verdict.INCONCLUSIVE, 3),
        ([P, P], False, Verdict.INCONCLUSIVE, 3),
        ([A, A], True, Verdict.INCONCLUSIVE, 3),
        ([N, N], True, Verdict.INCONCLUSIVE, 3),
        ([E, E], True, Verdict.INCONCLUSIVE, 4),
        ([E, N], True, Verdict.INCONCLUSIVE, 4),
        ([], True, Verdict.INCONCLUSIVE, 3),
    ],
)
def test_the_verdict_and_the_exit_code(
    outcomes: list[Outcome], complete: bool, verdict: Verdict, code: int
) -> None:
    """A failure wins; then whatever is unproven; nothing skipped is green; no answer at all is 4."""
    requirements = [sample.requirement("WD-01"), sample.requirement("WD-02")]
    checks = [
        sample.check(f"a::{requirement.id}", outcome, requirement.id)
        for requirement, outcome in zip(requirements, outcomes, strict=False)
    ]
    run = sample.folded(requirements, checks, complete=complete)
    assert (run.verdict, exit_code(run)) == (verdict, code)


def test_warnings_can_be_made_to_fail() -> None:
    """`--fail-on warning` turns a warning into 1, and nothing else."""
    requirements = [sample.requirement("WD-01"), sample.requirement("WD-27", SHOULD)]
    passed = sample.check("a::1", P, "WD-01")
    warned = sample.folded(requirements, [passed, sample.check("a::2", F, "WD-27", level=SHOULD)])
    clean = sample.folded(requirements, [passed, sample.check("a::2", P, "WD-27")])
    assert (exit_code(warned), exit_code(warned, fail_on_warning=True)) == (0, 1)
    assert exit_code(clean, fail_on_warning=True) == 0


def test_a_should_never_decides() -> None:
    """A SHOULD that holds no MUST never changes the verdict."""
    requirements = [sample.requirement("WD-01"), sample.requirement("WD-27", SHOULD)]
    for outcome in (P, F, W, N, D, E):
        checks = [sample.check("a::1", P, "WD-01"), sample.check("a::2", outcome, "WD-27", level=SHOULD)]
        assert sample.folded(requirements, checks).verdict is Verdict.CONFORMANT


def test_a_run_of_shoulds_proves_nothing() -> None:
    """Conformance takes a MUST that was executed."""
    run = sample.folded([sample.requirement("WD-27", SHOULD)], [sample.check("a::1", P, "WD-27")])
    assert run.verdict is Verdict.INCONCLUSIVE


@quick
@given(
    st.lists(st.tuples(st.sampled_from(Outcome), st.sampled_from(Level)), max_size=5), st.sampled_from(Level)
)
def test_the_order_of_checks_does_not_matter(parts: list[tuple[Outcome, Level]], level: Level) -> None:
    """The order of checks doesn't matter, and another failing check never improves a requirement."""
    seen = {outcome_of(level, *some) for some in itertools.islice(itertools.permutations(parts), 24)}
    assert len(seen) == 1
    assert outcome_of(level, *parts, (F, MUST)) is F


def test_violations_give_the_reason_before_controls() -> None:
    """The sentence on a requirement is that of the check that says most."""
    blocked: Check = sample.check(
        "a::1", F, "WD-01", message="blocked", problem=Problem("200", "500", control=True)
    )
    broken = sample.check("a::2", F, "WD-01", message="broken", problem=Problem("400", "200"))
    run = sample.folded([sample.requirement("WD-01")], [blocked, broken])
    assert run.requirements[0].reason == "broken (and 1 more check)"
