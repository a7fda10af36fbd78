"""Where nearly all forgeries get through, what others see of it is folded under it: one fault, one headline."""

from dataclasses import replace

import pytest

from conformance.model import Auth, Exchange, Harm, RunRecord
from conformance.report import explain
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


def beside(row: str, answer: Exchange, forgeries: int = 5, cases: int = 1) -> list[tuple[str, list[str]]]:
    """What is told of so many accepted forgeries, and of so many failing cases of another requirement."""
    failing = [(f"c::forged[{number}]", "WD-32", FORGED, ()) for number in range(forgeries)]
    others = [(f"a::other[{number}]", row, answer, ()) for number in range(cases)]
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
