"""The pictures of the page are figures: the matrix, the marks, the timeline, latency, what the fuzzing reached."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from conformance import catalogue, coverage
from conformance.model import Auth, Exchange, MatrixRow, Outcome, Problem, RunRecord
from conformance.report import html
from conformance.report import record as records
from conformance.report.html import charts, marks, matrix
from conformance.report.html.evidence import Evidence
from conformance.report.html.fuzzing import fuzzing

from . import sample
from .strategies import quick

ROWS = (
    MatrixRow("pending", "m::pending", 200, "data.status", "canceled", "WD-01"),
    MatrixRow("final: {state}", "m::final[{state}-*]", 400, "error.code", "VALIDATION_ERROR", "WD-04"),
    MatrixRow("canceled a moment ago", "m::again", 400, "error.code", "VALIDATION_ERROR", "WD-04", True),
)
OTHER = "https://sandbox.acme.test/api/v1/withdraws/2/cancel"


def with_matrix(checks: list[tuple[str, Outcome, list[Exchange]]]) -> RunRecord:
    """A run of these checks, each with its exchanges, under ROWS."""
    sent: list[Exchange] = []
    made = []
    for name, outcome, exchanges in checks:
        indices = tuple(range(len(sent), len(sent) + len(exchanges)))
        sent += exchanges
        made.append(
            sample.check(name, outcome, "WD-01" if name == "m::pending" else "WD-04", exchanges=indices)
        )
    requirements = [sample.requirement("WD-01"), sample.requirement("WD-04")]
    return replace(sample.folded(requirements, made, sent), matrix=ROWS)


def cells(record: RunRecord) -> dict[str, dict[tuple[str, str], tuple[str, int]]]:
    """State -> answer -> (kind, count), without empty cells."""
    grid = matrix.grid(record)
    assert grid is not None
    return {
        row.state: {
            answer: (cell.kind, cell.count)
            for answer, cell in zip(grid.columns, row.cells, strict=True)
            if cell.kind != "empty"
        }
        for row in grid.rows
    }


def test_the_matrix_counts_what_came_in_each_state() -> None:
    """A cancel after a success belongs to the row of what was just cancelled, and to no other."""
    good, bad = ("200", "canceled"), ("400", "VALIDATION_ERROR")
    found = cells(
        with_matrix(
            [
                ("m::pending", Outcome.PASSED, [sample.exchange(), sample.refusal()]),
                ("m::final[paid-a]", Outcome.FAILED, [sample.exchange(url=OTHER)]),
                ("m::final[paid-b]", Outcome.PASSED, [sample.refusal(), sample.refusal()]),
                ("m::final[failed-a]", Outcome.FAILED, [sample.refusal(409), sample.exchange(method="GET")]),
                (
                    "m::again",
                    Outcome.PASSED,
                    [sample.exchange(url=OTHER + "2"), sample.refusal(url=OTHER + "2")],
                ),
            ]
        )
    )

    assert found == {
        "pending": {good: ("met", 1)},
        "final: paid": {good: ("wrong", 1), bad: ("met", 2)},
        "final: failed": {bad: ("open", 0), ("409", "VALIDATION_ERROR"): ("wrong", 1)},
        "canceled a moment ago": {bad: ("met", 1)},
    }


@pytest.mark.parametrize(
    ("body", "word"),
    [(b"", "empty"), (b"<html>", "not JSON"), (b"[" * 9000, "not JSON"), (b'{"error": 3}', "no error.code")],
)
def test_an_answer_that_is_no_documented_one_has_a_column(body: bytes, word: str) -> None:
    """An undocumented answer has a column of its own."""
    found = cells(with_matrix([("m::final[paid-a]", Outcome.FAILED, [sample.refusal(400, body)])]))

    assert found["final: paid"]["400", word] == ("wrong", 1)


def test_silence_has_a_column() -> None:
    """A cancel that got no answer isn't left out of the count, and isn't held against the target."""
    silent = sample.exchange(status=None, response_body=b"", error="timeout")

    assert cells(with_matrix([("m::pending", Outcome.ERROR, [silent])]))["pending"][matrix.NO_ANSWER] == (
        "let",
        1,
    )


def test_an_answer_that_was_asked_for_again_is_none() -> None:
    """A 503, a 429, a lost connection, and then an answer: the answer counts."""
    sent = [sample.refusal(status) for status in (503, 429, 502, 504)]
    sent += [sample.exchange(status=None, response_body=b"", error="reset"), sample.exchange()]

    assert cells(with_matrix([("m::pending", Outcome.PASSED, sent)]))["pending"] == {
        ("200", "canceled"): ("met", 1)
    }


def test_what_only_prepares_a_check_counts_nowhere() -> None:
    """A control's 200 among the cancels of what was never handed over; a request made by hand; another's withdraw."""
    unknown, prepared, foreign = (f"https://sandbox.acme.test/api/v1/withdraws/{one}/cancel" for one in "upf")
    not_found = sample.refusal(404, b'{"error": {"code": "RESOURCE_NOT_FOUND"}}', url=unknown)
    sent = [
        sample.exchange(url=prepared),
        not_found,
        sample.exchange(url=unknown, auth=Auth.ALTERED),
        sample.exchange(url=foreign),
        sample.exchange(url=unknown + "?x=1"),
    ]
    run = with_matrix([("m::unknown", Outcome.PASSED, sent)])
    row = MatrixRow("no such", "m::unknown", 404, "error.code", "RESOURCE_NOT_FOUND", "WD-04", given="")
    resources = (("p", "pending"), ("f", "pending, of other_merchant"))
    told = replace(
        run, matrix=(row,), checks=tuple(replace(check, resources=resources) for check in run.checks)
    )

    assert cells(told) == {"no such": {("404", "RESOURCE_NOT_FOUND"): ("met", 1)}}


@pytest.mark.parametrize(
    ("outcome", "kind"), [(Outcome.FAILED, "wrong"), (Outcome.PASSED, "let"), (Outcome.WARNED, "let")]
)
def test_only_what_fails_a_check_is_red(outcome: Outcome, kind: str) -> None:
    """An answer that the checks let pass (a cancel of processing, where nothing is declared) is no red mark."""
    run = with_matrix([("m::final[paid-a]", outcome, [sample.exchange()])])

    assert cells(run)["final: paid"]["200", "canceled"] == (kind, 1)
    page = html.html(run)
    assert ('<li class="wrong">' in page) is (kind == "wrong")
    assert ('class="over strange"' in page) is False  # a 200 is documented, for another state


def test_many_odd_answers_share_a_column() -> None:
    """A target that answers something new each time can't make the table endless, and nothing is lost."""
    sent = [sample.refusal(400, json.dumps({"error": {"code": f"E{n:03}"}}).encode()) for n in range(50)]
    grid = matrix.grid(with_matrix([("m::final[paid-a]", Outcome.FAILED, sent)]))

    assert grid is not None
    assert len(grid.columns) <= 12
    assert grid.columns[-1] == matrix.OTHERS
    assert sum(cell.count for row in grid.rows for cell in row.cells) == 50


@pytest.mark.parametrize("api", catalogue.apis())
def test_the_catalogue_s_matrix_fits_the_suites(api: str) -> None:
    """Each row finds its checks, under a requirement that it shares with them."""
    known = coverage.checks(api)
    checks = {name: [sample.check(name, Outcome.PASSED, row) for row in known if name in dict(known[row])]
              for pairs in known.values() for name, _ in pairs}  # fmt: skip
    for row in catalogue.load(api).matrix:
        found = matrix._expanded(row, [named[0] for named in checks.values()])
        named = [check for _, members in found for check in members]
        assert named, row
        for check in named:
            assert row.requirement in {one.requirements[0] for one in checks[check.id]}, check.id


def test_a_record_without_a_matrix_has_a_page() -> None:
    """A record without a matrix, as older ones are, is rendered."""
    assert 'id="matrix"' not in html.html(sample.showcase())


def marked(problem: Problem, exchange: Exchange) -> list[str]:
    """The marked pieces of the answer's head and body."""
    answer = Evidence(sample.folded([], [], [exchange])).of(0, problem).answer
    assert answer is not None
    return [piece.partition("</mark>")[0] for piece in (answer.head + answer.body).split("<mark>")[1:]]


def test_what_differs_is_marked() -> None:
    """The status, the header or the field that the problem names, and nothing else."""
    paid = sample.refusal(409)
    assert marked(Problem("400 with error.code 'X'", "status 409 (the answer was 409 {…})"), paid) == [
        "HTTP/1.1 409"
    ]
    assert marked(Problem("400", "error.code is 'VALIDATION_ERROR'"), sample.refusal(400)) == [
        "&#34;code&#34;: &#34;VALIDATION_ERROR&#34;"
    ]
    assert marked(Problem("JSON", "Content-Type is 'application/json'"), sample.refusal(400)) == [
        "Content-Type: application/json"
    ]
    paid_at = sample.exchange(response_body=b'{"data": {"paidAt": "x", "id": 1}}')
    assert marked(Problem("the documented body", "data.paidAt: should be null"), paid_at) == [
        "&#34;paidAt&#34;: &#34;x&#34;"
    ]
    assert marked(Problem("a 4xx, never a 5xx", "500 {}"), sample.refusal(500)) == ["HTTP/1.1 500"]
    assert marked(Problem("one 2xx", "3 of 8: 200, 200, 200"), sample.exchange()) == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)


@quick
@given(
    st.one_of(json_values.map(lambda value: json.dumps([value])), st.text(max_size=40)), st.integers(0, 60)
)
def test_indenting_loses_nothing(text: str, limit: int) -> None:
    """Only white space outside of strings is added: the same tokens, whatever was cut off at the end."""
    pieces = marks._indented(text, ("a",))
    if pieces is not None:
        assert json.loads("".join(piece for piece, _ in pieces)) == json.loads(text)
    shown, cut = marks.body(text, (), limit)
    assert cut or limit > 0 or not text
    assert len(marks.body("x" * 100, (), limit)[0]) <= max(limit, 1)
    assert "<" not in shown.replace("<mark>", "").replace("</mark>", "")


def test_the_timeline_has_a_bar_per_check() -> None:
    """In the lane of its suite, next to others that ran at the same time and not over them."""
    times = ["2026-03-01T12:00:00Z", "2026-03-01T12:00:00.1Z", "2026-03-01T12:00:02Z"]
    checks = [
        sample.check(f"auth::{n}", Outcome.PASSED, "WD-01", started_at=at, duration_s=1.0)
        for n, at in enumerate(times)
    ]
    line = charts.timeline(sample.folded([sample.requirement("WD-01")], checks))

    assert line is not None
    (lane,) = line.lanes
    assert [(bar.y, bar.x) for bar in lane.bars] == [(0, 0.0), (1, 33.3), (0, 666.7)]
    assert line.ticks == ("0 s", "750 ms", "1.5 s", "2.2 s", "3 s")


def test_latency_is_a_distribution_per_operation() -> None:
    """Ids are taken out of the paths; quantiles are values that occurred; silence is counted apart."""
    sent = [
        sample.exchange(
            url=f"https://sandbox.acme.test/api/v1/withdraws/{n:036x}/cancel", duration_s=n / 1000
        )
        for n in range(1, 101)
    ]
    sent.append(replace(sent[0], status=None, error="timeout"))
    (found,), ticks = charts.latency(sample.folded([], [], sent))

    assert found.operation == "POST /api/v1/withdraws/…/cancel"
    assert (found.answers, found.unanswered) == (100, 1)
    assert dict(found.figures) == {"median": "50 ms", "90 %": "90 ms", "99 %": "99 ms", "longest": "100 ms"}
    assert sum(bar.count for bar in found.bars) == 100
    assert ticks == ("1 ms", "10 ms", "100 ms")


def test_a_documented_status_that_never_came_is_seen() -> None:
    """A documented status without an answer is an empty row of the histogram, and named in a sentence."""
    told = {
        "operations": {
            "cancel": {"statuses": {"200": 9, "401": 3}, "documented": [200, 404], "never_reached": [404]}
        },
        "shallow": ["cancel 404"],
        "walks": [{"name": "pending, cancel, cancel", "steps": [1, 2]}],
        "phases": {"coverage": 12},
        "seed": 1,
    }
    found = fuzzing(told)

    assert found is not None
    assert [(row.status, row.count, row.documented) for row in found.operations[0].statuses] == [
        ("200", 9, True),
        ("401", 3, False),
        ("404", 0, True),
    ]
    assert found.unreached == ("cancel 404",)
    assert found.tables == (("phases", (("coverage", "12"),)),)
    assert found.lists[0][1][0][0] == "pending, cancel, cancel"
    page = html.html(sample.folded([sample.requirement("WD-01")], [], fuzz=told))
    assert "documented, never reached" in page


loose = st.dictionaries(
    st.sampled_from(["operations", "statuses", "shallow", "cases", "failures", "<b>"]),
    json_values,
    max_size=5,
)


@quick
@given(loose)
def test_whatever_the_fuzzing_tells_is_shown_or_left_alone(told: dict[str, object]) -> None:
    """Its shape is its own; the page stands."""
    assert "Fuzzing" in html.html(sample.folded([sample.requirement("WD-01")], [], fuzz=told))


def test_failing_cases_are_told_by_check() -> None:
    """With the cause, how often, and the command; another shape is shown as it is."""
    case = {
        "cause": "500",
        "seen": 2,
        "again": False,
        "expected": "400",
        "observed": "500",
        "curl": "curl -sS",
    }
    found = fuzzing({"failing": {"fuzz::cancel": [case, "odd"]}})
    other = fuzzing({"failing": [{"check": "fuzz::x"}]})

    assert found is not None
    assert other is not None
    assert [(one.check, one.cause, one.seen) for one in found.failing] == [
        ("fuzz::cancel", "500", "2 times, and not when sent by itself")
    ]
    assert other.failing == ()
    assert other.lists[0][1][0][0] == "fuzz::x"


def test_the_matrix_is_part_of_the_record() -> None:
    """And a record that was written without one is read as before."""
    run = with_matrix([("m::pending", Outcome.PASSED, [sample.exchange()])])
    written = records.to_json(run)
    schema = json.loads((catalogue.specs_dir() / "formats" / "run.schema.json").read_text())

    Draft202012Validator(schema).validate(written)
    assert records.from_json(written, run.exchanges).matrix == ROWS
    older = {key: value for key, value in written.items() if key != "matrix"}
    assert records.from_json(older, run.exchanges) == replace(run, matrix=())
    assert "matrix" not in records.to_json(replace(run, matrix=()))
