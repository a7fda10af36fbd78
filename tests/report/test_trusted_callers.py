"""Where nearly all forgeries get through, what others see of it is folded under it: one fault, one headline."""

from dataclasses import replace

import pytest

from conformance.model import Auth, Exchange, Harm, Problem, RunRecord
from conformance.report import explain, labelled_rows
from tests.report import sample
from tests.report.test_causes import ACCEPTED, run, told

FORGED = replace(ACCEPTED, auth=Auth.ALTERED)
REQUIREMENTS = (
    sample.requirement("WD-12", harm=Harm.TENANTS),
    sample.requirement("WD-19", harm=Harm.FORM),
    sample.requirement("WD-32", harm=Harm.TENANTS),
)


def refused(made: RunRecord) -> RunRecord:
    """The run, whose forgeries were to be refused."""
    checks = [
        replace(one, problem=replace(one.problem, expected="a cancel not to be accepted"))
        if one.problem is not None
        else one
        for one in made.checks
    ]
    return replace(made, checks=tuple(checks))


def beside(
    requirement: str, answer: Exchange, forgeries: int = 5, cases: int = 1
) -> list[tuple[str, list[str]]]:
    """Returns the headlines of so many accepted forgeries, and so many failing cases of another requirement."""
    failing = [(f"c::forged[{number}]", "WD-32", FORGED, ()) for number in range(forgeries)]
    others = [(f"a::other[{number}]", requirement, answer, ()) for number in range(cases)]
    return told(refused(run(*failing, *others, requirements=REQUIREMENTS)))


@pytest.mark.parametrize("answer", [FORGED, "other_merchant"], ids=["altered", "another caller"])
def test_what_a_trusted_caller_may_do_follows_from_that(answer: Exchange | str) -> None:
    """A caller who isn't the owner, by altered credentials or by somebody else's, was let in."""
    key = ("X-API-Key", "[redacted:other_merchant.api_key]")
    theirs = replace(ACCEPTED, request_headers=(key, *ACCEPTED.request_headers[1:]))
    assert beside("WD-12", theirs if isinstance(answer, str) else answer) == [("WD-32", ["WD-12"])]


def test_what_is_another_fault_keeps_its_headline() -> None:
    """The owner's own request, a matter of form, a fault that shows each time, and few forgeries."""
    apart = [("WD-12", []), ("WD-32", [])]
    assert beside("WD-12", ACCEPTED) == apart
    assert beside("WD-12", FORGED, cases=5) == apart
    assert beside("WD-12", FORGED, forgeries=3) == apart
    assert beside("WD-19", FORGED) == [("WD-32", []), ("WD-19", [])]
    key = ("X-API-Key", "[redacted:other_merchant.api_key]")
    theirs = replace(ACCEPTED, request_headers=(key, *ACCEPTED.request_headers[1:]))
    assert beside("WD-12", theirs, cases=2) == [("WD-32", ["WD-12"])]
    assert beside("WD-12", theirs, cases=3) == apart


def test_forgeries_that_are_refused_for_ids_that_name_nothing_are_told() -> None:
    """Something is verified then, and access may be kept by the id; few refusals, or others, say nothing."""

    def said(refused: int, status: int = 401) -> str:
        made = refused_(refused, status)
        (finding,) = explain.problems(made)
        return " ".join(finding.remarks)

    def refused_(number: int, status: int) -> RunRecord:
        made = refused(
            run(*[(f"c::forged[{one}]", "WD-32", FORGED, ()) for one in range(5)], requirements=REQUIREMENTS)
        )
        cold = replace(
            sample.refusal(status), auth=Auth.ALTERED, url="https://a.test/api/v1/withdraws/none/cancel"
        )
        known = tuple(replace(one, resources=((sample.WITHDRAW, "pending"),)) for one in made.checks)
        return replace(made, checks=known, exchanges=(*made.exchanges, *[cold] * number))

    assert "6 of 6 such cancels of ids that name nothing were refused (401)" in said(6)
    assert "kept by the id" not in said(3)
    assert "kept by the id" not in said(6, 404)


def test_what_an_earlier_request_opens_is_told_beside_the_like_that_was_refused() -> None:
    """Only where the problem is about what came before, and the like was refused in a check that passed."""
    unsigned = replace(FORGED, auth=Auth.NONE, method="GET")
    cold = replace(sample.refusal(401), auth=Auth.NONE, method="GET")

    def said(fault: str, *others: Exchange) -> str:
        made = run(("a::kept", "WD-12", unsigned, ()), requirements=REQUIREMENTS)
        problem = replace(made.checks[0].problem or Problem("", ""), fault=fault)
        made = replace(
            made,
            checks=(replace(made.checks[0], problem=problem),),
            exchanges=(*made.exchanges, *others),
        )
        return " ".join(explain.problems(made)[0].remarks)

    after = "A read without credentials, right after a refused cancel, showed it (200)"
    assert "2 of 2 requests with such credentials" in said(after, cold, cold)
    assert "such credentials" not in said(after)
    assert "such credentials" not in said(after, cold, unsigned)
    assert "such credentials" not in said("A read without credentials showed it (200)", cold, cold)


def test_a_resource_is_named_as_scripts_name_it() -> None:
    """Behind its id, where steps have several; in the body of an answer it stays as it came."""
    other = "660e8400-e29b-41d4-a716-446655440009"
    text = f'data.id is "{other}" (the answer was 200 {{"id":"{other}"}})'
    named = labelled_rows.with_names(text, {other: "ID2"})
    assert named == f'data.id is "{other}" (ID2) (the answer was 200 {{"id":"{other}"}})'
