"""Judges the exchanges of a record anew, as far as that needs nothing but themselves: addresses, times, answers.

A target that keeps to its document is never refused here for what a check has judged: an answer that breaks the
schema is a fault of the record only where no check of the run failed or warned over such an answer.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from conformance import openapi
from conformance.certificate.evidence import Run
from conformance.certificate.statement import moment
from conformance.errors import RecordError
from conformance.model import Auth, Check, Exchange, MatrixRow, Outcome, RunRecord
from conformance.openapi import Operation
from conformance.report import tried_states
from conformance.report.safe import line

# Clocks are set while a run goes on.
SLACK = timedelta(seconds=5)
_HINT = "The record isn't what payout-conformance wrote. Ask the signer for the run, and how this was made."
_REDACTED = b"[redacted"
# What a mark in the place of a secret can break.
_BY_A_MARK = frozenset({"pattern", "format", "enum", "const", "maxLength", "minLength"})


def examine(run: Run) -> None:
    """Raises RecordError for a record whose exchanges can't have been seen, or can't have been judged so."""
    record = run.record
    _in_the_run(record)
    _below_base_url(record)
    if not run.inputs.deselected:
        # Otherwise the check that would have judged an answer may not have been asked for.
        _documented(record)
    _matrix(record, run.catalogue.matrix)
    if not run.inputs.deselected:
        _authenticated(record)


def _in_the_run(record: RunRecord) -> None:
    try:
        began, ended = moment(record.started_at), moment(record.finished_at)
        if ended < began:
            raise RecordError(
                f"the run finished at {record.finished_at}, before it began at {record.started_at}",
                hint=_HINT,
            )
        for what, at, lasted in _instants(record):
            found = moment(at)
            last = found + timedelta(seconds=lasted)
            if not (lasted >= 0 and began - SLACK <= found and last <= ended + SLACK):
                raise RecordError(
                    f"{line(what, 140)} began at {line(at, 40)} and took {lasted:.3f} s, outside of the run "
                    f"({record.started_at} to {record.finished_at})",
                    hint=_HINT,
                )
    except (ValueError, OverflowError) as fault:
        raise RecordError(f"the record names an instant that doesn't exist: {fault}", hint=_HINT) from None


def _instants(record: RunRecord) -> Iterator[tuple[str, str, float]]:
    for number, one in enumerate(record.exchanges):
        yield f"exchange {number}", one.started_at, one.duration_s
    for check in record.checks:
        yield f"check {check.id}", check.started_at, check.duration_s


def _below_base_url(record: RunRecord) -> None:
    base = record.target.base_url.rstrip("/")
    for number, one in enumerate(record.exchanges):
        rest = one.url.removeprefix(base)
        if rest == one.url or rest[:1] not in ("", "/", "?"):
            raise RecordError(
                f"exchange {number} went to {line(one.url, 100)}, which is not below the target's base_url "
                f"{line(base)}",
                hint=_HINT,
            )


# -- answers ---------------------------------------------------------------------------------------------------


def _documented(record: RunRecord) -> None:
    """A success that breaks the schema, or a status whose every answer does, has made a check fail or warn."""
    finder = _Operations(record)
    counted: dict[tuple[str, int], list[int]] = defaultdict(list)
    broken: dict[tuple[str, int], dict[int, str]] = defaultdict(dict)
    for number, one in enumerate(record.exchanges):
        operation = finder.operation(one)
        if operation is None or one.status not in operation.statuses or one.truncated or one.error:
            continue
        counted[operation.id, one.status].append(number)
        breach = _breach(operation.id, one.status, one.response_body)
        if breach:
            broken[operation.id, one.status][number] = breach
    judged = {
        number
        for check in record.checks
        if check.outcome not in (Outcome.PASSED, Outcome.NOT_APPLICABLE)
        for number in check.named
    }
    for (operation_id, status), found in broken.items():
        every = len(found) == len(counted[operation_id, status])
        if judged.isdisjoint(found) and (status < 300 or every):
            number, breach = next(iter(found.items()))
            raise RecordError(
                f"exchange {number}, an answer {status} to {operation_id}, breaks the documented schema "
                f"({line(breach, 120)}), and no check of the run failed or warned over such an answer",
                hint=_HINT,
            )


def _authenticated(record: RunRecord) -> None:
    """A request without credentials that was answered by a documented success has made a check fail or warn."""
    finder = _Operations(record)
    judged = {
        number for check in record.checks if check.outcome is not Outcome.PASSED for number in check.named
    }
    for number, one in enumerate(record.exchanges):
        if one.auth is not Auth.NONE or number in judged or one.status is None or one.status >= 300:
            continue
        operation = finder.operation(one)
        if operation is None or one.status not in operation.statuses:
            continue
        if not _breach(operation.id, one.status, one.response_body):
            raise RecordError(
                f"exchange {number}, a {one.method} without credentials, was accepted ({one.status}), and no check "
                "of the run failed or warned over it",
                hint=_HINT,
            )


class _Operations:
    """Finds the documented operation of an exchange, by its method and its path below the base URL."""

    def __init__(self, record: RunRecord) -> None:
        self._base = urlsplit(record.target.base_url).path.rstrip("/")
        self._known = [
            (one, re.compile(re.escape(one.path).replace(re.escape(f"{{{one.parameter}}}"), "[^/]+")))
            for one in openapi.operations(record.target.api)
        ]

    def operation(self, exchange: Exchange) -> Operation | None:
        path = exchange.url.partition("?")[0].partition("://")[2].partition("/")[2]
        path = f"/{path}".removeprefix(self._base)
        return next(
            (
                one
                for one, pattern in self._known
                if one.method.upper() == exchange.method and pattern.fullmatch(path)
            ),
            None,
        )


@lru_cache(maxsize=1 << 15)
def _breach(operation: str, status: int, body: bytes) -> str:
    """Returns the first breach of the schema by a body; empty where there is none."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        # A mark in the place of numbers, say, leaves no JSON.
        return (
            "the body is no JSON"
            if _REDACTED not in body and openapi.breaches(operation, status, None)
            else ""
        )
    found = openapi.breaches(operation, status, value)
    if _REDACTED in body:
        found = [one for one in found if one.keyword not in _BY_A_MARK]
    return str(found[0]) if found else ""


def _matrix(record: RunRecord, matrix: tuple[MatrixRow, ...]) -> None:
    """A check of the matrix that passed has an answer that the documents give."""
    rows = [(tried_states.pattern(row.checks), row) for row in matrix]
    for check in record.checks:
        if check.outcome is not Outcome.PASSED:
            continue
        wanted = [row for pattern, row in rows if pattern.fullmatch(check.id)]
        if wanted and not any(_answers(record, check, row) for row in wanted):
            row = wanted[0]
            raise RecordError(
                f"check {line(check.id, 120)} passed, and none of its answers has the status {row.status} "
                f"and {row.field} {row.value}",
                hint=_HINT,
            )


def _answers(record: RunRecord, check: Check, row: MatrixRow) -> bool:
    found = [record.exchanges[number] for number in check.exchanges]
    return any(one.status == row.status and _may_say(one, row) for one in found)


def _may_say(exchange: Exchange, row: MatrixRow) -> bool:
    """Returns whether an answer says what the matrix has; of one that was cut, or redacted, it may have."""
    body = exchange.response_body
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return exchange.truncated or _REDACTED in body
    return bool(_at(body, row.field) == row.value)


def _at(body: bytes, field: str) -> Any:
    try:
        found = json.loads(body)
        for step in field.split("."):
            found = found[step]
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        return None
    return found
