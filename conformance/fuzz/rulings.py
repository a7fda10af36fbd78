"""What a judge says, and what it says it of: findings, rulings, documented answers, and answers in words."""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import unquote

from conformance import openapi
from conformance.fuzz.probes import Probe
from conformance.http.reply import MISSING, Reply, strings
from conformance.model import Exchange
from conformance.openapi import Operation


@dataclass(frozen=True, slots=True)
class Finding:
    """What was wrong with one answer. `cause` groups findings that are the same defect seen twice."""

    expected: str
    observed: str
    cause: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Ruling:
    """One check put to the test by one answer; `finding` is None where it held."""

    check: str
    finding: Finding | None = None


@dataclass(frozen=True, slots=True)
class Steered:
    """Where a request went: the id that it named, and the state that this was in.

    `state` is None for an id that was generated. `certain` is False for an unknown id that may look malformed.
    """

    id: str | None
    state: str | None
    certain: bool = True


@dataclass(frozen=True, slots=True)
class Wanted:
    """A documented answer: its status, and the error code that goes with it."""

    status: int
    code: str | None = None

    def __str__(self) -> str:
        return f"{self.status} with error.code {self.code!r}" if self.code else str(self.status)

    def lacks_code(self, reply: Reply) -> bool:
        """Whether the status is right and there is no code at all, which is for the envelope's check to tell."""
        return (
            reply.status == self.status
            and self.code is not None
            and not isinstance(reply.at("error.code"), str)
        )

    def met_by(self, reply: Reply) -> bool:
        """Whether this is the answer that came."""
        return reply.status == self.status and (self.code is None or reply.at("error.code") == self.code)


def differs(wanted: Wanted, reply: Reply, to: str) -> Finding | None:
    """What is wrong with the answer to a follow-up, if anything is."""
    if wanted.met_by(reply) or wanted.lacks_code(reply):
        return None
    return Finding(f"{wanted} to {to}", told(reply), f"{reply.status}")


@cache
def answers(operation: Operation) -> tuple[Wanted, Wanted, Wanted]:
    """The documented success, refusal and not-found of an operation, as its specification has them."""
    responses = openapi.document(operation.api)["paths"][operation.path][operation.method.lower()][
        "responses"
    ]
    ok = next(status for status in operation.statuses if status < 300)
    refusal = 400 if operation.api == "withdraws" else 422

    def wanted(status: int) -> Wanted:
        found = responses.get(str(status), {})
        if "$ref" in found:
            found = openapi.document(operation.api)["components"]["responses"][
                found["$ref"].rsplit("/", 1)[-1]
            ]
        codes = found.get("x-documented-codes", [])
        return Wanted(status, codes[0] if codes else None)

    return Wanted(ok), wanted(refusal), wanted(404)


def told(reply: Reply) -> str:
    """An answer in one line, without secrets."""
    return told_exchange(reply.exchange)


def told_exchange(exchange: Exchange) -> str:
    """As `told`, of what was recorded."""
    text = " ".join(exchange.response_body[:400].decode("utf-8", "backslashreplace").split())
    return f"{exchange.status} {text[:200]}{'...' if len(text) > 200 else ''}".strip()


def recorded(reply: Reply, path: str) -> Any:
    """The value under a dotted path as the recorded answer has it, which holds no secrets."""
    try:
        value = json.loads(reply.exchange.response_body)
    except (ValueError, RecursionError):
        return MISSING
    for step in path.split("."):
        value = value.get(step, MISSING) if isinstance(value, dict) else MISSING
    return value


def brought_along(probe: Probe) -> str:
    """All that a request brought along, as it was sent and as it is read, to tell an echo from a leak."""
    texts = [probe.segment or "", *(value for _, value in (*probe.headers, *probe.altered))]
    body = (probe.body or b"").decode("utf-8", "backslashreplace")
    return "\n".join([*texts, unquote(texts[0]), body, *strings(probe.value)])


def ruling(
    check: str, holds: bool, expected: str, reply: Reply, *, cause: str, hint: str = "", observed: str = ""
) -> Ruling:
    """A ruling on `check`, with a finding unless it `holds`; `observed` is put in front of the answer itself."""
    if holds:
        return Ruling(check)
    said = f"{observed} (the answer was {told(reply)})" if observed else told(reply)
    return Ruling(check, Finding(expected, said, cause.strip(), hint))


def text(value: object) -> str:
    """A JSON value for people, cut where it gets long."""
    try:
        whole = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        whole = repr(value)
    return whole if len(whole) <= 120 else f"{whole[:117]}... ({len(whole)} characters)"
