"""The cancellation matrix: each state, the documented answer, and the answers that really came, as a grid.

Rows are the catalogue's (`RunRecord.matrix`); what came is counted from the exchanges of the checks that each row
names. Columns are answers: a status and the word in the body that goes with it. Pure; no errors.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from conformance.model import Auth, Check, Exchange, MatrixRow, Outcome, RunRecord
from conformance.report.safe import line

_COLUMNS = 9
_WORD = 40
Answer = tuple[str, str]
NO_ANSWER: Answer = ("none", "no answer")
OTHERS: Answer = ("other", "other answers")
# They say nothing of what was asked (RFC 9110 section 15.6, RFC 6585 section 4): a run asks again.
_UNAVAILABLE = (None, 429, 502, 503, 504)
# Red wins: one check of a row that fails is what the row is about.
_WORST = (
    Outcome.FAILED,
    Outcome.WARNED,
    Outcome.ERROR,
    Outcome.NOT_TESTABLE,
    Outcome.PASSED,
    Outcome.NOT_APPLICABLE,
    Outcome.DESELECTED,
)


@dataclass(frozen=True, slots=True)
class Cell:
    """The number of times that an answer came, documented or not; `failed` where a check that saw it failed."""

    documented: bool
    count: int
    failed: bool

    @property
    def kind(self) -> str:
        """`met`, `open` (documented, and never came), `wrong`, `let` (not documented, nor held against it) or empty."""
        if self.documented:
            return "met" if self.count else "open"
        if not self.count:
            return "empty"
        return "wrong" if self.failed else "let"


@dataclass(frozen=True, slots=True)
class Row:
    """A state with its cells, in the order of the grid's columns; `outcome` is the worst of its checks.

    `reason` is why they failed, where the cells don't show it.
    """

    state: str
    requirement: str
    outcome: Outcome | None
    reason: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """The matrix: its columns, of which the first `documented` are some state's documented answer."""

    columns: tuple[Answer, ...]
    documented: int
    rows: tuple[Row, ...]

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of cells that there are: only these need a key."""
        return frozenset(cell.kind for row in self.rows for cell in row.cells)


def grid(record: RunRecord) -> Grid | None:
    """The matrix of `record`; None where its catalogue had none."""
    if not record.matrix:
        return None
    found = [one for row in record.matrix for one in _expanded(row, record.checks)]
    failing = [[check for check in checks if check.outcome is Outcome.FAILED] for _, checks in found]
    counted = [(row, checks, _answers(record, row, checks)) for row, checks in found]
    blamed = [_answers(record, row, checks) for (row, _), checks in zip(found, failing, strict=True)]
    documented = list(dict.fromkeys(_documented(row) for row in record.matrix))
    seen = Counter(answer for _, _, answers in counted for answer in answers.elements())
    others = [answer for answer, _ in seen.most_common() if answer not in documented]
    shown, rest = others[:_COLUMNS], others[_COLUMNS:]
    columns = (*documented, *sorted(shown), *([OTHERS] if rest else []))
    outcomes = {result.requirement.id: result for result in record.requirements}
    rows = []
    for (row, checks, answers), failed in zip(counted, blamed, strict=True):
        for one in (answers, failed):
            one[OTHERS] = sum(one[answer] for answer in rest)
        result = outcomes.get(row.requirement)
        worst = min((check.outcome for check in checks), key=_WORST.index, default=None)
        if worst is None and result is not None:
            worst = result.outcome
        cells = tuple(
            Cell(column == _documented(row), answers[column], failed[column] > 0) for column in columns
        )
        # Where only documented answers came, something else about them is wrong.
        wrong = worst in (Outcome.FAILED, Outcome.WARNED) and not any(cell.kind == "wrong" for cell in cells)
        reason = next((check.message for check in checks if check.outcome is worst), "") if wrong else ""
        rows.append(Row(row.state, row.requirement, worst, reason, cells))
    return Grid(columns, len(documented), tuple(rows))


def _expanded(row: MatrixRow, checks: Iterable[Check]) -> list[tuple[MatrixRow, list[Check]]]:
    """The row with its checks; once per word that `{state}` stands for."""
    pattern = re.escape(row.checks).replace(r"\*", ".*").replace(r"\{state\}", "(?P<state>[^],-]+)")
    by_state: dict[str, list[Check]] = {}
    for check in checks:
        match = re.fullmatch(pattern, check.id)
        if match:
            by_state.setdefault(match.groupdict().get("state", ""), []).append(check)
    if not by_state:
        return [(_named(row, "…"), [])]
    return [(_named(row, state), named) for state, named in by_state.items()]


def _named(row: MatrixRow, state: str) -> MatrixRow:
    given = row.given and row.given.replace("{state}", state)
    return replace(row, state=row.state.replace("{state}", line(state, _WORD)), given=given)


def _documented(row: MatrixRow) -> Answer:
    return str(row.status), row.value


def _answers(record: RunRecord, row: MatrixRow, checks: Sequence[Check]) -> Counter[Answer]:
    """The answers to the cancels that the row is about, each exchange counted once.

    A request that prepares or controls a check is about something else. So is one that was made by hand: only what
    was authenticated as documented counts. An answer that nothing was judged by (503, or none at all) is one only
    where the check ended with it.
    """
    answers: Counter[Answer] = Counter()
    succeeded: set[str] = set()
    open_ = {index for check in checks if check.outcome is Outcome.ERROR for index in check.exchanges}
    handed = {one: state for check in checks for one, state in check.resources}
    # Older records don't tell what was handed over: there everything counts.
    told = any(check.resources for check in record.checks)
    for index in dict.fromkeys(index for check in checks for index in check.exchanges):
        exchange = record.exchanges[index]
        if exchange.method != "POST" or exchange.auth is not Auth.DOCUMENTED:
            continue
        if exchange.status in _UNAVAILABLE and index not in open_:
            continue
        one = _resource(exchange)
        about = row.given is None or not told or (one is not None and handed.get(one, "") == row.given)
        if about and (exchange.url in succeeded) == row.after_success:
            answers[_answer(record, exchange)] += 1
        if exchange.status is not None and 200 <= exchange.status < 300:
            succeeded.add(exchange.url)
    return answers


def _resource(exchange: Exchange) -> str | None:
    """Returns the segment of the resource in the path of a cancel; None for another path."""
    before, _, verb = exchange.url.rpartition("/")
    return before.rpartition("/")[2] if verb == "cancel" else None


def _answer(record: RunRecord, exchange: Exchange) -> Answer:
    """The status, and the word in the body that documented answers of its kind have."""
    if exchange.status is None:
        return NO_ANSWER
    good = 200 <= exchange.status < 300
    fields = dict.fromkeys(row.field for row in record.matrix if (200 <= row.status < 300) == good)
    try:
        found = json.loads(exchange.response_body)
    except (ValueError, RecursionError):
        return str(exchange.status), "not JSON" if exchange.response_body else "empty"
    for field in fields:
        value = _at(found, field)
        if isinstance(value, str):
            return str(exchange.status), line(value, _WORD)
    return str(exchange.status), f"no {next(iter(fields), 'word')}"


def _at(value: object, path: str) -> object:
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value
