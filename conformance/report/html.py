"""`report.html`: one file that needs no network and no script, for a browser, a mail attachment or a phone.

The template escapes everything; on top of that the target's text is made visible (`safe`), and a content
security policy allows nothing but the one style sheet. Long bodies are cut, and the cut is said. Pure; no
errors.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from conformance.model import Check, Exchange, Headers, Outcome, RequirementResult, RunRecord
from conformance.report import explain
from conformance.report.safe import counted, line, visible

_TEMPLATES = Path(__file__).parent / "templates"
BODY = 4000
_HEADER = 400
_HEADERS = 40
_COMMAND = 6000
# How many exchanges of one check are shown; the HAR has them all.
_SHOWN = {Outcome.FAILED: 8, Outcome.WARNED: 8, Outcome.ERROR: 8}
_SHOWN_OTHERWISE = 4
_BAR_ORDER = (
    Outcome.PASSED,
    Outcome.WARNED,
    Outcome.FAILED,
    Outcome.ERROR,
    Outcome.NOT_TESTABLE,
    Outcome.DESELECTED,
    Outcome.NOT_APPLICABLE,
)


@dataclass(frozen=True, slots=True)
class _Message:
    """A request or an answer: its first line and headers, its body as far as shown, and what was cut."""

    head: str
    body: str
    cut: str


@dataclass(frozen=True, slots=True)
class _Sent:
    """An exchange as the template shows it."""

    index: int
    exchange: Exchange
    request: _Message
    answer: _Message
    curl: str
    path: str


@dataclass(frozen=True, slots=True)
class _Checked:
    """A check under a requirement; `elsewhere` is the requirement that shows its exchanges instead."""

    check: Check
    anchor: str
    sent: tuple[_Sent, ...]
    left_out: int
    elsewhere: str | None


@dataclass(frozen=True, slots=True)
class _Row:
    """A requirement with its checks."""

    result: RequirementResult
    checks: tuple[_Checked, ...]


@dataclass(frozen=True, slots=True)
class _Bar:
    """A part of a bar: from `x` on, `width` wide, in percent."""

    kind: str
    label: str
    count: int
    x: float
    width: float


def html(record: RunRecord) -> str:
    """The content of `report.html`."""
    css = (_TEMPLATES / "report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    counts = record.counts()
    problems, warnings = explain.problems(record), explain.warnings(record)
    shown = {item.exchange for item in (*problems, *warnings) if item.exchange is not None}
    return (
        _environment()
        .get_template("report.html")
        .render(
            record=record,
            css=Markup(css),  # noqa: S704 - our own file, hashed for the policy
            style_hash=f"sha256-{digest}",
            title=explain.title(record.target),
            verdict=explain.VERDICTS[record.verdict],
            headline=explain.headline(record),
            outcomes=explain.OUTCOMES,
            levels=explain.LEVELS,
            bases=explain.BASES,
            bar=_bar(
                [(outcome.value, explain.OUTCOMES[outcome], counts[outcome.value]) for outcome in _BAR_ORDER]
            ),
            problems=problems,
            warnings=warnings,
            gaps=explain.gaps(record, Outcome.ERROR, Outcome.NOT_TESTABLE, Outcome.DESELECTED),
            evidence={index: _sent(record, index) for index in shown},
            groups=_groups(record),
            fuzz=_fuzz(record.fuzz),
            duration=_duration(explain.duration(record)),
            begun=explain.begun,
            status_line=explain.status_line,
            counted=counted,
        )
    )


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["line"] = line
    environment.filters["visible"] = lambda text: visible(text, newlines=True)
    environment.filters["command"] = _command
    environment.filters["instant"] = lambda text: line(text)[:19].replace("T", " ") + " UTC"
    return environment


def _groups(record: RunRecord) -> list[tuple[str, list[_Row]]]:
    """The requirements by group, in the catalogue's order; each check's exchanges are shown once."""
    checks = {check.id: (number, check) for number, check in enumerate(record.checks)}
    home: dict[str, str] = {}
    groups: dict[str, list[_Row]] = {}
    for result in record.requirements:
        shown = []
        for name in result.checks:
            number, check = checks[name]
            owner = home.setdefault(name, result.requirement.id)
            elsewhere = None if owner == result.requirement.id else owner
            shown.append(_checked(record, number, check, elsewhere))
        groups.setdefault(result.requirement.group, []).append(_Row(result, tuple(shown)))
    return list(groups.items())


def _checked(record: RunRecord, number: int, check: Check, elsewhere: str | None) -> _Checked:
    if elsewhere is not None:
        return _Checked(check, f"check-{number}", (), 0, elsewhere)
    indices = list(check.exchanges[: _SHOWN.get(check.outcome, _SHOWN_OTHERWISE)])
    named = check.problem.exchange if check.problem else None
    if named is not None and named not in indices:
        indices.append(named)
    sent = tuple(_sent(record, index) for index in indices)
    return _Checked(check, f"check-{number}", sent, len(set(check.exchanges) - set(indices)), None)


def _sent(record: RunRecord, index: int) -> _Sent:
    exchange = record.exchanges[index]
    base = record.target.base_url
    url = exchange.url
    path = url.removeprefix(base) if base and url.startswith(base) else url
    first = f"{exchange.method} {url}"
    answered = f"{exchange.http_version} {exchange.status}".strip()
    answer = (
        _Message(exchange.error or "No answer came.", "", "")
        if exchange.status is None
        else _message(
            answered, exchange.response_headers, exchange.response_body, truncated=exchange.truncated
        )
    )
    return _Sent(
        index,
        exchange,
        _message(first, exchange.request_headers, exchange.request_body),
        answer,
        explain.command(record, index),
        path or "/",
    )


def _message(first: str, headers: Headers, body: bytes, *, truncated: bool = False) -> _Message:
    lines = [line(first, 2000), *(line(f"{name}: {value}", _HEADER) for name, value in headers[:_HEADERS])]
    if len(headers) > _HEADERS:
        lines.append(f"… and {counted(len(headers) - _HEADERS, 'more header')}")
    text = body[: BODY * 4].decode("utf-8", "backslashreplace")
    notes = []
    if len(text) > BODY:
        text = text[:BODY]
        notes.append(f"cut here: the body has {len(body)} bytes, exchanges.har has them all")
    if truncated:
        notes.append("the harness stopped reading at its size limit")
    return _Message("\n".join(lines), text, "; ".join(notes))


def _command(text: str) -> str:
    """A command to show, unless its body makes it too long to be of use."""
    if len(text) > _COMMAND:
        return f"# {len(text)} characters long: see the request in exchanges.har\n" + text[:500] + " …"
    return text


def _bar(parts: Sequence[tuple[str, str, int]]) -> list[_Bar]:
    total = sum(count for _, _, count in parts) or 1
    bars, x = [], 0.0
    for kind, label, count in parts:
        if count:
            width = 100 * count / total
            bars.append(_Bar(kind, label, count, round(x, 3), round(width, 3)))
            x += width
    return bars


def _fuzz(fuzz: Mapping[str, object] | None) -> dict[str, Any] | None:
    """Facts (scalars) and a histogram per operation, from whatever of both the fuzzing told.

    Statuses are looked for under `statuses` or `operations`: operation -> status -> how often, where the
    latter may also be one level deeper, under `statuses`.
    """
    if fuzz is None:
        return None
    facts = {
        key.replace("_", " "): str(value)
        for key, value in fuzz.items()
        if isinstance(value, str | int | float)
    }
    histograms = {}
    for key in ("statuses", "operations"):
        table = fuzz.get(key)
        for operation, statuses in table.items() if isinstance(table, Mapping) else ():
            found = statuses.get("statuses", statuses) if isinstance(statuses, Mapping) else {}
            parts = [
                (_status_kind(str(status)), str(status), count)
                for status, count in sorted(found.items(), key=lambda pair: str(pair[0]))
                if isinstance(count, int)
            ]
            if parts:
                histograms[str(operation)] = _bar(parts)
    return {"facts": facts, "histograms": histograms}


def _status_kind(status: str) -> str:
    return {"2": "passed", "4": "client", "5": "failed"}.get(status[:1], "other")


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "unknown"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"
