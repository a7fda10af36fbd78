"""The nouns of a run as JSON values and back, without loss. Standard library only.

Every `*_from_json` raises KeyError, TypeError or ValueError for what it can't read; `record.load` and
`journal.read` turn these into a RecordError with a hint.
"""

import base64
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from conformance.model import Auth, Check, Effect, Exchange, Headers, Level, Outcome, Problem, Waiver

Json = dict[str, Any]


def dumps(value: object, *, indent: int | None = None) -> str:
    """JSON in ASCII (so that lone surrogates survive); the same value always gives the same text."""
    separators = None if indent else (",", ":")
    return json.dumps(value, ensure_ascii=True, allow_nan=False, indent=indent, separators=separators)


def lined(value: object, margin: str = "") -> str:
    """As `dumps`, with a line of its own for each key, and for each item of a list.

    Python indents a hundred times slower than it writes, and a run's record has a hundred thousand values.
    """
    inner = margin + " "
    if isinstance(value, dict) and value:
        rows = [f"{dumps(key)}: {lined(item, inner)}" for key, item in value.items()]
        return "{\n" + ",\n".join(inner + row for row in rows) + f"\n{margin}}}"
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(inner + dumps(item) for item in value) + f"\n{margin}]"
    return dumps(value)


def replace_file(path: Path, text: str | Iterable[str]) -> Path:
    """Writes `text` (UTF-8) under `path` in one step: readers see the old file or the new, never a half.

    Pieces of a text are written one after the other, so that it needn't be in memory as a whole.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.writelines((text,) if isinstance(text, str) else text)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def body_to_json(body: bytes) -> Json:
    """`{"text": ...}` for UTF-8, `{"base64": ...}` for anything else, `{}` for nothing."""
    if not body:
        return {}
    try:
        return {"text": body.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode()}


def body_from_json(data: Mapping[str, Any]) -> bytes:
    """The bytes that `body_to_json` was given."""
    if "base64" in data:
        return base64.b64decode(data["base64"], validate=True)
    return str(data.get("text", "")).encode()


def exchange_to_json(exchange: Exchange) -> Json:
    """One line's worth of an exchange, for the journal (`har` is what a finished run keeps)."""
    return {
        "started_at": exchange.started_at,
        "duration_s": exchange.duration_s,
        "method": exchange.method,
        "url": exchange.url,
        "request_headers": [list(pair) for pair in exchange.request_headers],
        "request_body": body_to_json(exchange.request_body),
        "auth": exchange.auth.value,
        "status": exchange.status,
        "http_version": exchange.http_version,
        "response_headers": [list(pair) for pair in exchange.response_headers],
        "response_body": body_to_json(exchange.response_body),
        "signed": exchange.signed,
        "error": exchange.error,
        "truncated": exchange.truncated,
    }


def exchange_from_json(data: Mapping[str, Any]) -> Exchange:
    """The exchange that `exchange_to_json` was given."""
    return Exchange(
        started_at=data["started_at"],
        duration_s=float(data["duration_s"]),
        method=data["method"],
        url=data["url"],
        request_headers=_headers(data["request_headers"]),
        request_body=body_from_json(data["request_body"]),
        auth=Auth(data["auth"]),
        status=data["status"],
        http_version=data["http_version"],
        response_headers=_headers(data["response_headers"]),
        response_body=body_from_json(data["response_body"]),
        signed=data["signed"],
        error=data["error"],
        truncated=bool(data["truncated"]),
    )


def check_to_json(check: Check) -> Json:
    """A check as `run.json` and the journal hold it; `exchanges` are indices."""
    return {
        "id": check.id,
        "suite": check.suite,
        "title": check.title,
        "requirements": list(check.requirements),
        "level": check.level.value,
        "outcome": check.outcome.value,
        "message": check.message,
        "started_at": check.started_at,
        "duration_s": check.duration_s,
        "exchanges": list(check.exchanges),
        "problem": None if check.problem is None else problem_to_json(check.problem),
        **({"resources": dict(check.resources)} if check.resources else {}),
    }


def check_from_json(data: Mapping[str, Any]) -> Check:
    """The check that `check_to_json` was given."""
    problem = data.get("problem")
    return Check(
        id=data["id"],
        suite=data["suite"],
        title=data["title"],
        requirements=tuple(data["requirements"]),
        level=Level(data["level"]),
        outcome=Outcome(data["outcome"]),
        message=data["message"],
        started_at=data["started_at"],
        duration_s=float(data["duration_s"]),
        exchanges=tuple(_index(index) for index in data["exchanges"]),
        problem=None if problem is None else problem_from_json(problem),
        resources=tuple((str(one), str(state)) for one, state in data.get("resources", {}).items()),
    )


def problem_to_json(problem: Problem) -> Json:
    """A problem; `exchange` is an index or null."""
    return {
        "expected": problem.expected,
        "observed": problem.observed,
        "control": problem.control,
        "exchange": problem.exchange,
        "hint": problem.hint,
    }


def problem_from_json(data: Mapping[str, Any]) -> Problem:
    """The problem that `problem_to_json` was given."""
    index = data["exchange"]
    return Problem(
        expected=data["expected"],
        observed=data["observed"],
        control=bool(data["control"]),
        exchange=None if index is None else _index(index),
        hint=data["hint"],
    )


def waiver_to_json(waiver: Waiver) -> Json:
    """A waiver; `effect` is null until a run has shown it."""
    return {
        "requirement": waiver.requirement,
        "reason": waiver.reason,
        "expires": waiver.expires,
        "by": waiver.by,
        "effect": None if waiver.effect is None else waiver.effect.value,
    }


def waiver_from_json(data: Mapping[str, Any]) -> Waiver:
    """The waiver that `waiver_to_json` was given."""
    effect = data["effect"]
    return Waiver(
        data["requirement"],
        data["reason"],
        data["expires"],
        data["by"],
        None if effect is None else Effect(effect),
    )


def _headers(pairs: Sequence[Sequence[str]]) -> Headers:
    # The same few, thousands of times.
    return tuple((sys.intern(str(name)), sys.intern(str(value))) for name, value in pairs)


def _index(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{value!r} is not an index")
    return value
