"""Values of a recorded resource in a command are told: a fresh resource has others."""

import json
from dataclasses import replace
from typing import Any

from conformance.model import Exchange, MatrixRow, Outcome
from conformance.report import explain, labelled_rows, script, steps, terminal
from conformance.report.borrowed import borrowed_values

from . import sample
from .test_causes import ACCEPTED, run
from .test_script import failing

ID = "660e8400-e29b-41d4-a716-446655440001"


def test_a_value_of_a_resource_that_is_sent_is_told_to_be_its_own() -> None:
    """A reference in a body is that of the recorded resource; a word that many have is nobody's."""
    url = f"https://a.test/api/v1/withdraws/{ID}"
    shown = {"id": ID, "status": "pending", "reference": "ref-0001-ab", "country": "Somewhere", "code": "7"}
    read = sample.exchange(method="GET", url=url, response_body=json.dumps({"data": shown}).encode())
    body = json.dumps({"by": "ref-0001-ab", "country": "Somewhere", "code": "7", "id": ID}).encode()
    made, check = failing(
        [read, sample.exchange(url=f"{url}/cancel", request_body=body)], resources=((ID, "pending"),)
    )
    found = steps.steps(made, check, (0, 1))
    told = [(one.field, one.value, one.name) for one in borrowed_values(made, found)]
    assert told == [("reference", "ref-0001-ab", "ID")]
    assert labelled_rows.usage(made, found) == (
        "paste it, then: again ID REF (fresh: ID a pending withdraw; REF the reference of the fresh ID)"
    )
    text = script.script(made, check, (0, 1))
    assert "REF=${2:?REF is needed, the reference of ID}" in text
    assert "ref-0001-ab" not in text
    assert "REF=ref-0001-ab" in script.script(made, check, (1,))


def test_of_many_steps_the_terminal_shows_those_that_matter() -> None:
    """The first, what changed something, a read that differs from the one before, and what shows it."""
    url = f"https://a.test/api/v1/withdraws/{ID}"

    def shows(status: str, **more: Any) -> Exchange:
        body = json.dumps({"data": {"id": ID, "status": status}}).encode()
        return sample.exchange(**{"url": url, "response_body": body} | more)

    refused = sample.exchange(url=f"{url}/cancel", status=400, response_body=b"{}")
    sent = [
        shows("pending", method="GET"),
        *[replace(refused, request_body=b"%d" % number) for number in range(7)],
        shows("canceled", url=f"{url}/cancel"),
        shows("canceled", method="GET"),
        replace(refused, request_body=b"x"),
        shows("pending", method="GET"),
    ]
    made, _ = failing(sent, resources=((ID, "pending"),))
    (finding,) = explain.problems(made)
    about = labelled_rows.told(made, finding)
    assert len(about.steps) == len(finding.steps) > 6
    note, *short = about.short
    assert note == f"({len(about.steps) - 6} other steps in the report)"
    assert [one for one in short if "200, status" in one] == [
        one for one in about.steps if "200, status" in one
    ]
    assert short[0] == about.steps[0]
    assert short[-1].endswith("<- shows it")
    said = terminal.text(made)
    assert note in said
    assert about.steps[2] not in said


def test_a_resource_that_no_answer_showed_lends_nothing() -> None:
    """Refusals, pages and answers about others have no values of it."""
    url = f"https://a.test/api/v1/withdraws/{ID}"
    sent = [
        sample.exchange(method="GET", url=url, status=404, response_body=b'{"data": {"id": "x"}}'),
        sample.exchange(method="GET", url=url, response_body=f'"{ID}" ref-0001-ab'.encode()),
        sample.exchange(url=f"{url}/cancel", request_body=b'{"by": "ref-0001-ab"}'),
    ]
    made, check = failing(sent, resources=((ID, "pending"),))
    assert borrowed_values(made, steps.steps(made, check, (0, 1, 2))) == ()


def test_what_follows_under_the_same_title_is_told_by_its_request() -> None:
    """A title that is said once more tells nobody what is different."""
    made = run(
        ("a::state[paid]", "WD-04", ACCEPTED, ("status 200",)),
        ("a::state[failed]", "WD-05", replace(ACCEPTED, url=ACCEPTED.url + "?x=1"), ("status 200",)),
    )
    checks = tuple(
        replace(one, problem=replace(one.problem, fault="It was accepted (200)")) if one.problem else one
        for one in made.checks
    )
    made = replace(made, checks=checks)
    (finding,) = explain.problems(made)
    (said,) = labelled_rows.folded(made, finding)
    assert "It was accepted" not in said
    assert ": the same after POST " in said
    assert "?x=1: 200" in said


def test_a_state_with_the_same_wrong_value_is_named_beside_what_worked() -> None:
    """A check that lets a value be that another one fails for would else read as a state that is right."""

    def says(status: str) -> Exchange:
        return sample.exchange(response_body=json.dumps({"data": {"status": status}}).encode())

    made = run(
        ("a::pending", "WD-01", says("cancelled"), ()), ("a::state[paid]", "WD-04", sample.refusal(409), ())
    )
    more = [
        sample.check("a::open", Outcome.PASSED, "WD-01", exchanges=(0,)),
        sample.check("a::right", Outcome.PASSED, "WD-01", exchanges=(3,)),
    ]
    rows = tuple(
        MatrixRow(state, f"a::{state}", 200, "data.status", "canceled", "WD-01")
        for state in ("pending", "open", "right")
    )
    made = replace(
        made,
        matrix=rows,
        checks=(*made.checks, *more),
        exchanges=(says("cancelled"), *made.exchanges[1:], says("canceled")),
    )
    finding = next(one for one in explain.problems(made) if one.check.id == "a::pending")
    assert finding.worked == 'answered as documented: canceled for right; but likewise "cancelled" for open'
