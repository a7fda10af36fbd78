"""Causes fold the findings that follow from them, order them by what is at stake, and never hide a defect."""

from dataclasses import replace

import pytest

from conformance.model import (
    Auth,
    Exchange,
    Harm,
    Level,
    MatrixRow,
    Outcome,
    Presumption,
    Problem,
    Requirement,
    RunRecord,
)
from conformance.report import explain, record
from conformance.report.findings import findings
from tests.report import sample

F, W, P = Outcome.FAILED, Outcome.WARNED, Outcome.PASSED
MATRIX = (
    MatrixRow("pending", "a::pending", 200, "data.status", "canceled", "WD-01"),
    MatrixRow("paid", "a::state[paid]", 400, "error.code", "VALIDATION_ERROR", "WD-04"),
    MatrixRow("failed", "a::state[failed]", 400, "error.code", "VALIDATION_ERROR", "WD-05"),
)
REQUIREMENTS = (
    sample.requirement("WD-01", harm=Harm.MONEY),
    sample.requirement("WD-04", harm=Harm.MONEY, builds_on=("WD-07",)),
    sample.requirement("WD-05", harm=Harm.MONEY, builds_on=("WD-04",)),
    sample.requirement("WD-07", harm=Harm.ANSWERS),
    sample.requirement("WD-19", harm=Harm.FORM, builds_on=("WD-01",)),
    sample.requirement("WD-29", Level.SHOULD, harm=Harm.FORM, builds_on=("WD-01",)),
    sample.requirement("WD-30", harm=Harm.ANSWERS, premise=True),
    sample.requirement("WD-42", harm=Harm.TENANTS, presumes=(Presumption("b::*", ("a::pend*",)),)),
)


def at(second: int, made: Exchange) -> Exchange:
    """The exchange, begun so many seconds after the first, with a timestamp of its own."""
    headers = tuple(
        (name, str(1772366400000 + second) if name == "X-Timestamp" else value)
        for name, value in made.request_headers
    )
    return replace(made, started_at=f"2026-03-01T12:00:{second:02}.000000Z", request_headers=headers)


def run(
    *failing: tuple[str, str, Exchange, tuple[str, ...]],
    requirements: tuple[Requirement, ...] = REQUIREMENTS,
    more: object = (),
) -> RunRecord:
    """A run with these failing checks: the id, the requirement, the answer that decides, the places that differ."""
    exchanges = [sample.exchange(), *(at(number, one[2]) for number, one in enumerate(failing, start=1))]
    soft = {requirement.id for requirement in requirements if requirement.level is Level.SHOULD}
    checks = [
        sample.check(
            name,
            W if requirement_id in soft else F,
            requirement_id,
            level=Level.SHOULD if requirement_id in soft else Level.MUST,
            exchanges=(number,),
            problem=Problem("x", f"observed by {name}", exchange=number, differs=differs),
        )
        for number, (name, requirement_id, _, differs) in enumerate(failing, start=1)
    ]
    catalogue = replace(sample.catalogue(*requirements), matrix=MATRIX)
    return record.fold(
        catalogue,
        sample.TARGET,
        [*checks, *(more if isinstance(more, list) else [])],
        exchanges,
        deselected={},
        declared={},
        seed=1,
        started_at=sample.STARTED,
        finished_at=sample.STARTED,
        complete=True,
    )


def told(made: RunRecord) -> list[tuple[str, list[str]]]:
    """The requirement of each headline, with those folded under it; problems first."""
    found = (*explain.problems(made), *explain.warnings(made))
    return [(one.requirement.id, [below.requirement.id for below in one.folded]) for one in found]


CONFLICT, ACCEPTED, NUMBER = sample.refusal(409), sample.exchange(), sample.exchange(status=202)


def test_the_same_deviation_of_what_a_requirement_builds_on_is_one_headline() -> None:
    """The rest is folded under it, with its outcome as it was, and says what it follows from."""
    made = run(
        ("a::state[paid]", "WD-04", CONFLICT, ("status 409",)),
        ("a::state[failed]", "WD-05", CONFLICT, ("status 409",)),
        ("a::status", "WD-07", CONFLICT, ("status 409",)),
    )
    assert told(made) == [("WD-07", ["WD-04", "WD-05"])]
    outcomes = {one.requirement.id: one.outcome for one in made.requirements}
    assert (outcomes["WD-04"], outcomes["WD-05"], outcomes["WD-07"]) == (F, F, F)
    folded = explain.by_check(made)["a::state[paid]"]
    assert folded.requirement.id == "WD-04"
    assert "follows from WD-07" in " ".join(folded.remarks)


def test_another_deviation_keeps_its_headline() -> None:
    """Another status, another place: a second defect, though the requirement builds on one that fails."""
    made = run(
        ("a::pending", "WD-01", NUMBER, ("status 202",)),
        ("a::amount", "WD-19", NUMBER, ("data.amount a number",)),
    )
    assert told(made) == [("WD-01", []), ("WD-19", [])]


def test_what_is_not_declared_is_not_folded() -> None:
    """A requirement that no cause declares isn't folded, even if it looks alike."""
    made = run(
        ("a::pending", "WD-01", CONFLICT, ("status 409",)),
        ("a::status", "WD-07", CONFLICT, ("status 409",)),
    )
    assert [name for name, _ in told(made)] == ["WD-01", "WD-07"]


def test_what_was_taken_in_two_states_is_two_defects() -> None:
    """A paid and a failed one that were both cancelled: neither is a form of the other."""
    places = ("status 200", "error.code absent")
    made = run(("a::state[paid]", "WD-04", ACCEPTED, places), ("a::state[failed]", "WD-05", ACCEPTED, places))
    made = replace(
        made,
        checks=tuple(
            replace(check, resources=((f"id-{check.id}", check.id.partition("[")[2]),))
            for check in made.checks
        ),
    )
    assert told(made) == [("WD-04", []), ("WD-05", [])]


def test_an_object_that_is_missing_takes_its_fields_along() -> None:
    """A missing object explains its missing fields."""
    made = run(
        ("a::pending", "WD-01", ACCEPTED, ("data.status absent",)),
        ("a::amount", "WD-19", ACCEPTED, ("data.amount absent",)),
    )
    assert told(made) == [("WD-01", ["WD-19"])]


def test_what_cannot_be_judged_is_folded_whatever_it_shows() -> None:
    """Declared by check: others of the same requirement keep their headline."""
    cause = ("a::pending", "WD-01", CONFLICT, ("status 409",))
    assert told(run(cause, ("b::paying", "WD-42", ACCEPTED, ()))) == [("WD-01", ["WD-42"])]
    assert told(run(cause, ("c::paying", "WD-42", ACCEPTED, ()))) == [("WD-01", []), ("WD-42", [])]


def test_a_requirement_is_folded_only_if_all_its_checks_are_explained() -> None:
    """One that isn't shows the second defect, and is the one that represents the requirement."""
    made = run(
        ("a::pending", "WD-01", CONFLICT, ("status 409",)),
        ("b::paying", "WD-42", ACCEPTED, ()),
        ("c::paying", "WD-42", ACCEPTED, ()),
    )
    assert told(made) == [("WD-01", []), ("WD-42", [])]
    assert explain.problems(made)[1].check.id == "c::paying"


def test_a_warning_is_folded_under_a_failure() -> None:
    """The run has one headline then."""
    made = run(
        ("a::pending", "WD-01", CONFLICT, ("status 409",)),
        ("a::soft", "WD-29", CONFLICT, ("status 409",)),
    )
    assert told(made) == [("WD-01", ["WD-29"])]


def test_a_failure_that_follows_from_a_warning_makes_that_a_problem() -> None:
    """A run that fails never shows no problem."""
    requirements = (
        sample.requirement("WD-01", harm=Harm.MONEY, builds_on=("WD-29",)),
        sample.requirement("WD-29", Level.SHOULD, harm=Harm.FORM),
    )
    made = run(
        ("a::pending", "WD-01", CONFLICT, ("status 409",)),
        ("a::soft", "WD-29", CONFLICT, ("status 409",)),
        requirements=requirements,
    )
    (found,) = explain.problems(made)
    assert (found.requirement.id, explain.warnings(made)) == ("WD-29", ())


def test_a_refusal_of_credentials_explains_all_others_like_it() -> None:
    """The premise is the cause; what was accepted in spite of it isn't its doing."""
    refused = sample.refusal(401, b'{"error": {"code": "UNAUTHORIZED"}}')
    made = run(
        ("a::pending", "WD-01", refused, ("status 401",)),
        ("a::state[paid]", "WD-04", refused, ("status 401",)),
        ("auth::plain", "WD-30", refused, ()),
        ("c::forged", "WD-42", ACCEPTED, ()),
    )
    assert told(made) == [("WD-30", ["WD-01", "WD-04"]), ("WD-42", [])]


def test_a_refusal_by_state_is_no_matter_of_credentials() -> None:
    """The premise fails by a documented refusal: the requirement about that state is the cause."""
    refused = sample.refusal()
    made = run(
        ("auth::plain", "WD-30", refused, ()),
        ("a::pending", "WD-01", refused, ("status 400",)),
    )
    assert told(made) == [("WD-01", ["WD-30"])]


def test_a_waived_cause_takes_nothing_along_that_is_not_waived() -> None:
    """A waived cause folds no unwaived requirement, which still makes the exit code."""
    from conformance.model import Effect, Waiver

    made = run(
        ("a::state[paid]", "WD-04", CONFLICT, ("status 409",)),
        ("a::status", "WD-07", CONFLICT, ("status 409",)),
    )
    held = Waiver("WD-07", "known", "2027-01-01", effect=Effect.WAIVES)
    assert [name for name, _ in told(replace(made, waivers=(held,)))] == ["WD-07", "WD-04"]


def test_the_order_is_that_of_harm_and_causes_come_first() -> None:
    """Money, then tenants, then answers, then form; a cause is told before what builds on it, whatever its harm."""
    made = run(
        ("a::amount", "WD-19", NUMBER, ("data.amount a number",)),
        ("c::foreign", "WD-42", ACCEPTED, ()),
        ("a::status", "WD-07", CONFLICT, ("status 409",)),
        ("a::state[paid]", "WD-04", ACCEPTED, ("status 200", "error.code absent")),
        ("a::pending", "WD-01", sample.refusal(500), ("status 500",)),
    )
    assert [name for name, _ in told(made)] == ["WD-01", "WD-42", "WD-07", "WD-04", "WD-19"]


def test_harm_of_a_check_goes_before_that_of_its_requirement() -> None:
    """A refusal that took effect is about money, whatever the requirement about the form says."""
    requirements = (
        sample.requirement("WD-01", harm=Harm.ANSWERS),
        sample.requirement("WD-19", harm=Harm.FORM, harms=(("*effect*", "money"),)),
    )
    made = run(
        ("a::pending", "WD-01", CONFLICT, ("status 409",)),
        ("a::amount", "WD-19", NUMBER, ("data.amount a number",)),
        ("a::no_effect", "WD-19", ACCEPTED, ("status 200",)),
        requirements=requirements,
    )
    assert told(made) == [("WD-19", []), ("WD-01", [])]
    assert explain.problems(made)[0].check.id == "a::no_effect"


def test_the_plainest_check_represents_its_requirement() -> None:
    """A single request before a sequence, one after the other before side by side, hand-written before fuzzed."""
    made = run(("a::one", "WD-01", CONFLICT, ("status 409",)))
    (one,) = made.checks
    several = (
        sample.exchange(),
        at(2, sample.exchange()),
        at(2, sample.exchange()),
        at(4, CONFLICT),
        at(5, CONFLICT),
    )
    made = replace(made, exchanges=(*made.exchanges[:2], *several))

    def like(name: str, *exchanges: int, suite: str = "a") -> object:
        problem = Problem("x", f"observed by {name}", exchange=exchanges[-1])
        return replace(one, id=name, suite=suite, exchanges=exchanges, problem=problem)

    checks = (
        like("a::parallel", 3, 4),
        like("fuzz::one", 6, suite="fuzz"),
        like("a::sequence", 2, 5),
        one,
    )
    made = replace(made, checks=checks)  # type: ignore[arg-type]
    (found,) = explain.problems(made)
    assert [check.id for check in found.checks] == ["a::one", "a::sequence", "fuzz::one", "a::parallel"]


def test_what_was_accepted_is_told_before_a_refusal_with_a_wrong_status() -> None:
    """Where a withdraw has to be refused: what was cancelled first, then what was shown, then what was only refused."""
    shown = replace(ACCEPTED, method="GET")
    made = run(
        ("a::state[paid]", "WD-04", CONFLICT, ("status 409",)),
        ("a::read[paid]", "WD-04", shown, ("status 200",)),
        ("a::other[paid]", "WD-04", ACCEPTED, ("status 200",)),
    )

    found = explain.problems(made)[0]

    assert [one.id for one in found.checks] == ["a::other[paid]", "a::read[paid]", "a::state[paid]"]


def test_a_retry_is_told_as_such() -> None:
    """The request had been sent as it is, and been answered with a 2xx."""
    made = run(("a::again", "WD-01", ACCEPTED, ("data.amount a number",)))
    assert "retry" not in " ".join(explain.problems(made)[0].remarks)
    first = replace(made.exchanges[1], started_at=sample.STARTED)
    again = replace(made, exchanges=(first, made.exchanges[1]))
    assert "retry" in " ".join(explain.problems(again)[0].remarks)


def test_what_worked_stands_beside_it() -> None:
    """The states whose documented answer came; or the other cases; or the other checks of the requirement."""
    passed = [sample.check("a::state[failed]", P, "WD-05"), sample.check("a::pending", P, "WD-01")]
    made = run(("a::state[paid]", "WD-04", ACCEPTED, ("status 200",)), more=passed)
    assert explain.problems(made)[0].worked == (
        "answered as documented: canceled for pending; 400 VALIDATION_ERROR for failed"
    )
    cases = [sample.check("b::odd[seven]", P, "WD-19"), sample.check("b::even", P, "WD-19")]
    made = run(("b::odd[first]", "WD-19", NUMBER, ()), more=cases)
    assert explain.problems(made)[0].worked == "this case: seven"
    made = run(("b::other", "WD-19", NUMBER, ()), more=cases[1:])
    assert explain.problems(made)[0].worked == "Promise of b::even"
    assert explain.problems(run(("b::other", "WD-19", NUMBER, ())))[0].worked == ""
    far = [sample.check("c::far", P, "WD-19")]
    assert explain.problems(run(("b::other", "WD-19", NUMBER, ()), more=far))[0].worked == ""


def test_forgeries_that_nearly_all_get_through_are_told_as_one_fault() -> None:
    """The few that were refused stand beside it, and no title of another check does."""
    forged = replace(ACCEPTED, auth=Auth.ALTERED)
    failing = [(f"b::forged[{number}]", "WD-04", forged, ("status 200",)) for number in range(5)]
    more = [sample.check("b::forged[zeros]", P, "WD-04"), sample.check("b::even", P, "WD-04")]
    made = run(*failing, more=more, requirements=tuple(replace(one, harms=()) for one in REQUIREMENTS))
    made = replace(
        made,
        matrix=(),
        checks=tuple(
            replace(
                one, problem=replace(one.problem, expected="a cancel not to be accepted", hint="Ask for it.")
            )
            if one.problem
            else one
            for one in made.checks
        ),
    )
    (finding,) = explain.problems(made)
    assert finding.worked == "only this case: zeros"
    assert any("is this verified at all" in one for one in finding.remarks)
    assert finding.hint == ""
    few = replace(made, checks=made.checks[3:])
    assert explain.problems(few)[0].remarks == ()


def test_a_record_keeps_what_its_findings_are_folded_by() -> None:
    """A record holds its causes, so that reports are rendered from it alone."""
    made = run(
        ("a::state[paid]", "WD-04", CONFLICT, ("status 409",)),
        ("a::status", "WD-07", CONFLICT, ("status 409",)),
        ("b::paying", "WD-42", ACCEPTED, ()),
    )
    again = record.from_json(record.to_json(made), made.exchanges)
    assert told(again) == told(made) == [("WD-42", []), ("WD-07", ["WD-04"])]
    requirement = next(one.requirement for one in again.requirements if one.requirement.id == "WD-42")
    assert requirement.presumes == (Presumption("b::*", ("a::pend*",)),)


@pytest.mark.parametrize("circle", [("WD-01",), ("WD-04",)])
def test_a_damaged_record_that_builds_on_itself_is_still_told(circle: tuple[str, ...]) -> None:
    """A record with circular causes is rendered: no finding is hidden, and the rendering ends."""
    requirements = (
        sample.requirement("WD-01", harm=Harm.MONEY, builds_on=("WD-04",)),
        sample.requirement("WD-04", harm=Harm.MONEY, builds_on=circle),
    )
    made = run(
        ("a::pending", "WD-01", CONFLICT, ("status 409",)),
        ("a::state[paid]", "WD-04", CONFLICT, ("status 409",)),
        requirements=requirements,
    )
    found = findings(made)
    assert (len(found.problems), len(found.folded)) == (1, 1)


def test_what_could_not_begin_for_it_is_told_in_one_line() -> None:
    """The request that had to work first is the one that failed: nothing is missing in the profile."""
    waiting = sample.check(
        "a::amount",
        Outcome.NOT_TESTABLE,
        "WD-19",
        exchanges=(1,),
        problem=Problem("a cancel to succeed", "409", control=True, exchange=1),
    )
    made = run(("a::pending", "WD-01", CONFLICT, ("status 409",)), more=[waiting])
    gaps = {gap.ids: gap.reason for gap in explain.gaps(made, Outcome.NOT_TESTABLE)}
    assert gaps["WD-19",] == "They begin with what failed: Title of WD-01 (WD-01)."


def test_a_case_of_fuzzing_goes_with_its_neighbour() -> None:
    """A fuzzed check tells no places apart: it follows what explains a check of its requirement that ended alike."""
    both = (
        ("a::status", "WD-07", CONFLICT, ("status 409",)),
        ("a::state[paid]", "WD-04", CONFLICT, ("status 409",)),
    )
    assert told(
        run(*both, ("fuzz::paid", "WD-04", sample.refusal(409, b'{"error": {"code": "x"}}'), ()))
    ) == [("WD-07", ["WD-04"])]
    other = run(*both, ("fuzz::paid", "WD-04", sample.refusal(500, b'{"error": {"code": "x"}}'), ()))
    assert [name for name, _ in told(other)] == ["WD-07", "WD-04"]
