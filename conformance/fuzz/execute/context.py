"""What performing takes: who writes, hands out resources and judges, and who is told."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from conformance.fuzz.case import Case, Example
from conformance.fuzz.execute.pool import ResourcePool
from conformance.fuzz.execute.sender import Sender
from conformance.fuzz.oracle.oracle import Oracle
from conformance.fuzz.oracle.results import CheckResult
from conformance.http.reply import Reply
from conformance.model import Exchange


class ResultSink(Protocol):
    """Who is told of what was sent and what it showed; see `Ledger`, which is one."""

    def sent(self, case: Case) -> None:
        """A request is on its way."""

    def answered(
        self,
        case: Case,
        reply: Reply,
        results: Iterable[CheckResult],
        before: tuple[Exchange, ...] = (),
        read: Case | None = None,
        example: Example | None = None,
    ) -> None:
        """An answer came."""

    def failed(self, case: Case, kind: str, exchange: Exchange | None) -> None:
        """No answer came."""

    def unanswered(self, result: CheckResult, exchange: Exchange | None, example: Example) -> None:
        """An odd request never gets an answer, or only 502, 503 or 504, while documented ones do."""

    def skipped(self, case: Case) -> None:
        """A request wasn't sent: too many of its kind were waited for in vain."""


@dataclass(frozen=True, slots=True)
class ExecutionContext:
    """Whom a performer works with."""

    api: str
    sender: Sender
    pool: ResourcePool
    oracle: Oracle
