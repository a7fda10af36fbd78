"""The results of checks, the targets of requests, the documented answers, and answers in words."""

import json
import re
from dataclasses import dataclass, replace
from functools import cache
from typing import Any
from urllib.parse import unquote

from conformance.contract import DocumentedAnswer, DocumentedAnswers
from conformance.contracts import contract
from conformance.fuzz.case import Case, Example
from conformance.http import summary
from conformance.http.reply import MISSING, Reply, strings
from conformance.model import Exchange
from conformance.openapi import Operation
from conformance.oracles import wording

# A title that begins with the name of a field, which is written as it is.
_OF_A_FIELD = re.compile(r"[\w.]+ was (?:missing from|.+ in) the answer to ")
ACCEPTED = "accepted"
"""How the cause of a finding begins that says that a request was let through: no other finding explains it away."""
EFFECT = "effect"
"""The cause of a finding that a request was refused, and took effect all the same."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A failed check of one answer. `cause` groups findings that are the same defect seen twice.

    `fault` is what the target did, in one sentence without a full stop, the title in every report. `did` is what
    became of the request (`was accepted (200)`), where the title is to begin with the request in words: who knows what
    was sent before makes one of it (`titled`).
    """

    expected: str
    observed: str
    cause: str
    hint: str = ""
    fault: str = ""
    did: str = ""

    def titled(self, request: str, after: str = "") -> "Finding":
        """Returns the finding with its title: the request in words, what became of it, and what came `after` what."""
        said = f"{request} {self.did}" if self.did else self.fault
        said = said if _OF_A_FIELD.match(said) else wording.capital(said)
        return replace(self, fault=f"{said}{after}" if said else "")


@dataclass(frozen=True, slots=True)
class SentRequest:
    """One request that a finding shows: in words (`a cancel of a paid order`), and its exchange."""

    says: str
    exchange: Exchange


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check of one answer; `finding` is None where it passed."""

    check: str
    finding: Finding | None = None


@dataclass(frozen=True, slots=True)
class JudgedAnswer:
    """The answer to `case`, which `says` in words, and the results of its judgement.

    `before` are the requests that led up to it; `example` is what has to be performed to see it again, `case` by itself
    where that is None.
    """

    case: Case
    reply: Reply
    results: tuple[CheckResult, ...]
    before: tuple[SentRequest, ...] = ()
    example: Example | None = None
    says: str = ""

    @property
    def shown(self) -> tuple[SentRequest, ...]:
        """The requests that led up to it, and the answered one."""
        return (*self.before, SentRequest(self.says, self.reply.exchange))


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request went: the id that it named, and the state that this was in.

    `state` is None for an id that was generated. `certain` is False for an unknown id that may look malformed.
    """

    id: str | None
    state: str | None
    certain: bool = True


@dataclass(frozen=True, slots=True)
class ExpectedResponse:
    """A documented answer: its status, and the error code that goes with it, at the dotted path `at`."""

    status: int
    code: str | None = None
    at: str = ""

    def __str__(self) -> str:
        return f"{self.status} {self.code}" if self.code else str(self.status)

    def lacks_code(self, reply: Reply) -> bool:
        """Returns whether the status is right and there is no code at all, which the check of the envelope reports."""
        return (
            reply.status == self.status and self.code is not None and not isinstance(reply.at(self.at), str)
        )

    def met_by(self, reply: Reply) -> bool:
        """Returns whether this is the answer that came."""
        return reply.status == self.status and (self.code is None or reply.at(self.at) == self.code)

    def is_met_but_for_the_code(self, reply: Reply) -> bool:
        """Returns whether this is the answer that came, or would be if it had a code."""
        return self.met_by(reply) or self.lacks_code(reply)


def expected_response(documented: DocumentedAnswers, answer: DocumentedAnswer | None) -> ExpectedResponse:
    """Returns one of the documented answers as something that an answer can meet. Raises ValueError for None."""
    if answer is None:
        raise ValueError("the contract documents no such answer")
    return ExpectedResponse(answer.status, answer.code, documented.code)


def differs(wanted: ExpectedResponse, reply: Reply, to: str) -> Finding | None:
    """Returns what is wrong with the answer to a follow-up, None where nothing is."""
    if wanted.is_met_but_for_the_code(reply):
        return None
    code = reply.at(wanted.at) if wanted.at else None
    said = f"{reply.status} {code}" if isinstance(code, str) and not reply.ok else f"{reply.status}"
    return Finding(
        f"{wanted} to {to}", summary.of(reply), f"{reply.status}", fault=f"{to} was answered {said}"
    )


@cache
def answers(operation: Operation) -> tuple[ExpectedResponse, ExpectedResponse, ExpectedResponse]:
    """Returns the documented success, refusal and not-found of an operation."""
    documented = contract(operation.api).answers
    ok = next(status for status in operation.statuses if status < 300)
    return (
        ExpectedResponse(ok),
        expected_response(documented, documented.refused),
        expected_response(documented, documented.not_found),
    )


def recorded(reply: Reply, path: str) -> Any:
    """Returns the value under a dotted path of the recorded answer, which holds no secrets."""
    try:
        value = json.loads(reply.exchange.response_body)
    except (ValueError, RecursionError):
        return MISSING
    for step in path.split("."):
        value = value.get(step, MISSING) if isinstance(value, dict) else MISSING
    return value


def brought_along(case: Case) -> str:
    """Returns all texts of a request, as sent and as parsed: repeating them discloses nothing."""
    texts = [case.segment or "", *(value for _, value in (*case.headers, *case.altered))]
    body = (case.body or b"").decode("utf-8", "backslashreplace")
    return "\n".join([*texts, unquote(texts[0]), body, *strings(case.value)])


def result(
    check: str,
    holds: bool,
    expected: str,
    reply: Reply,
    *,
    cause: str = "",
    hint: str = "",
    observed: str = "",
    fault: str = "",
    did: str = "",
) -> CheckResult:
    """Returns the result of `check`, with a finding unless it `holds`.

    `observed` is put in front of the answer itself; `cause` is the status where none is given; `fault` and `did` as in
    `Finding`.
    """
    if holds:
        return CheckResult(check)
    said = f"{observed} (the answer was {summary.of(reply)})" if observed else summary.of(reply)
    return CheckResult(check, Finding(expected, said, cause.strip() or str(reply.status), hint, fault, did))


def text(value: object) -> str:
    """Returns a JSON value for a message, cut after 120 characters; `absent` for one that isn't there."""
    if value is MISSING:
        return "absent"
    try:
        whole = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        whole = str(value)
    return whole if len(whole) <= 120 else f"{whole[:117]}... ({len(whole)} characters)"
