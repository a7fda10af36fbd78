"""The context of an execution (session, sender, resource pool, oracle), and the sink of its results."""

from dataclasses import dataclass

from conformance.fuzz.case import Case, Example
from conformance.fuzz.execute.resource_pool import ResourcePool
from conformance.fuzz.execute.sender import Sender
from conformance.fuzz.oracle.oracle import Oracle
from conformance.fuzz.oracle.results import CheckResult, JudgedAnswer
from conformance.model import Exchange
from conformance.session import Session


class ResultSink:
    """Takes what was sent and what it showed. This one keeps nothing."""

    def sent(self, case: Case) -> None:
        """Takes a request that is sent."""

    def answered(self, answer: JudgedAnswer) -> None:
        """Takes an answer, and the results of its judgement."""

    def failed(self, case: Case, kind: str, exchange: Exchange | None) -> None:
        """Takes a request without an answer."""

    def unanswered(
        self, result: CheckResult, exchange: Exchange | None, example: Example, says: str = ""
    ) -> None:
        """Takes the finding that an odd request is never answered (but by 502 to 504), while documented ones are."""

    def skipped(self, case: Case) -> None:
        """Takes a request that wasn't sent: too many of its kind got no answer."""


@dataclass(frozen=True, slots=True)
class ExecutionContext:
    """The parts that an executor works with."""

    api: str
    session: Session
    sender: Sender
    pool: ResourcePool
    oracle: Oracle
