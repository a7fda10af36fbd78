"""How a problem is worded for people: the clause that was broken, where lines break, causes told once."""

import pytest

from conformance.model import Level, Outcome, Problem
from conformance.report import clause, explain, gaps, labelled_rows, summary, terminal
from conformance.report.safe import line
from conformance.report.wrap import wrapped

from . import sample

STATEMENT = (
    "Cancelling once more MUST be refused with 400 and VALIDATION_ERROR, whoever asks. "
    "Its canceledAt MUST remain that of the first cancellation. The message SHOULD say why."
)


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ("400 VALIDATION_ERROR to a second cancel, status 200", 0),
        ("canceledAt to stay; canceledAt is 2026-03-01", 1),
        ("a message that says something", 2),
        ("nothing of the kind", 0),
    ],
)
def test_the_sentence_that_is_broken_is_shown(said: str, place: int) -> None:
    """By the words that it shares with what was expected; the first where it shares none."""
    sentences = [f"{one}." for one in STATEMENT.rstrip(".").split(". ")]
    assert clause.broken(STATEMENT, said) == sentences[place]
    assert clause.broken("One sentence only.", said) == "One sentence only."


@pytest.mark.parametrize("width", [40, 80, 120])
def test_lines_break_between_words_only(width: int) -> None:
    """Never in an id, a path, JSON or a quotation; nothing is lost."""
    word = "660e8400-e29b-41d4-a716-446655440001"
    body = '{"success": true, "data": {"id": "a b c", "metadata": {"x y": 1}}}'
    text = f'a cancel of {word} was answered 200 {body} though the reason was "No longer needed", twice'
    rows = wrapped(text, width)
    assert " ".join(rows) == text
    for kept in (word, body, '"No longer needed"'):
        assert any(kept in row for row in rows)
    assert all(len(row) <= width or " " not in row.partition("{")[0].strip() for row in rows)


def test_blanks_are_as_many_as_they_were() -> None:
    """In a line, on a terminal, in Markdown and in its HTML; a line break becomes one blank."""
    said = r'failure_message is "{\"Reason\":  [1, 2.50]}"'
    assert line(said) == said
    assert line("  a  \n   b\t\tc  ") == "a b c"
    assert line("a\u00a0\u2003b\u00a0") == "a  b"
    assert any(r'"{\"Reason\":  [1, 2.50]}"' in row for row in wrapped(f"expected it, and {said} here", 60))
    assert summary.text("a   b") == summary.inline("a   b") == "a &nbsp;&nbsp;b"


def test_width_is_that_of_a_terminal() -> None:
    """A Chinese character takes two columns."""
    assert wrapped("取消 " * 30, 20) == ["取消 取消 取消 取消"] * 7 + ["取消 取消"]


def test_nothing_is_markup() -> None:
    """Square brackets in a target's text aren't read as markup of rich."""
    run = sample.hostile("[bold red]x[/] [link=https://evil.test]y[/link]")
    said = terminal.text(run)
    assert "[bold red]x[/]" in said
    assert "\x1b" not in said


def test_the_title_is_the_fault_and_the_rule_stands_below() -> None:
    """Where a check says what the target did; what a read shows is told with it, and the other checks by name."""
    problem = Problem(
        "400", "status 200", fault="A paid withdraw was cancelled (200)", persisted="a read shows the same"
    )
    checks = [
        sample.check(name, Outcome.FAILED, "WD-04", problem=problem)
        for name in ("a::one", "a::two", "a::three")
    ]
    run = sample.folded([sample.requirement("WD-04", title="A paid withdraw is refused")], checks)
    said = terminal.text(run)
    assert (
        "\n1. A paid withdraw was cancelled (200)\n   rule      WD-04 MUST: A paid withdraw is refused\n"
        in said
    )
    assert "observed  status 200; a read shows the same\n" in said
    assert "check     a::one; and 2 more checks: a::two, a::three\n" in said
    (finding,) = explain.problems(run)
    assert labelled_rows.checks(finding) == "a::one; and 2 more checks: a::two, a::three"


def test_a_warning_has_the_evidence_of_a_failure() -> None:
    """Request, expectation, observation, hint, check, and how to repeat it."""
    problem = Problem("an envelope", "500 without a body", exchange=0, hint="Look at the log.")
    check = sample.check(
        "errors::empty", Outcome.WARNED, "WD-27", exchanges=(0,), problem=problem, level=Level.SHOULD
    )
    requirements = [sample.requirement("WD-27", Level.SHOULD)]
    said = terminal.text(sample.folded(requirements, [check], [sample.refusal(500)]))
    for part in (
        "expected  an envelope",
        "observed  500 without",
        "hint      Look",
        "check     errors::empty",
    ):
        assert part in said
    assert "replay    payout-conformance replay RUN errors::empty" in said


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (200, " Other reads by that merchant were answered 200: perhaps this follows from problem 1."),
        (404, ""),
    ],
)
def test_a_state_source_is_not_blamed_alone_where_its_merchant_read_others(status: int, says: str) -> None:
    """A problem of the target may be why one of its resources isn't shown to its owner."""
    asks = "Does it make withdraws of this very target, environment and merchant ([credentials.primary])?"
    checks = [
        sample.check(
            "a::1",
            Outcome.FAILED,
            "WD-01",
            problem=Problem("a 401", "200", fault="It was accepted", exchange=0),
        ),
        sample.check("a::2", Outcome.NOT_TESTABLE, "WD-12", message=f"States.x gave 'w'. {asks}"),
    ]
    requirements = [sample.requirement("WD-01"), sample.requirement("WD-12")]
    run = sample.folded(requirements, checks, [sample.exchange(method="GET", status=status)])
    (gap,) = gaps.causes(run, Outcome.NOT_TESTABLE)
    assert gaps.parts(gap)[1] == asks + says


def test_reasons_that_differ_in_a_word_are_one_cause() -> None:
    """States that a source can't make; another sentence stays another cause."""
    states = {"WD-01": "pending", "WD-04": "paid", "WD-05": "failed"}
    checks = [
        sample.check(
            f"a::{name}", Outcome.NOT_TESTABLE, name, message=f"no {state} withdraw can be had. Teach it."
        )
        for name, state in states.items()
    ]
    checks.append(sample.check("a::x", Outcome.NOT_TESTABLE, "WD-12", message="There is one merchant."))
    run = sample.folded([sample.requirement(name) for name in (*states, "WD-12")], checks)
    first, second = gaps.causes(run, Outcome.NOT_TESTABLE)
    assert gaps.parts(first) == ("No pending, paid or failed withdraw can be had.", "Teach it.")
    titles = {name: sample.requirement(name).title for name in states}
    assert gaps.ids(first) == "; ".join(f"{name} ({title})" for name, title in titles.items())
    assert second.ids == ("WD-12",)
    assert terminal.text(run).splitlines()[3] == "  No pending, paid or failed withdraw can be had."
