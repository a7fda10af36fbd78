"""What performing takes: who writes, hands out resources and judges, and who is told."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from conformance.fuzz.judge import Judge
from conformance.fuzz.probes import Case, Probe
from conformance.fuzz.resources import Supply
from conformance.fuzz.rulings import Ruling
from conformance.fuzz.writer import Writer
from conformance.http.reply import Reply
from conformance.model import Exchange


class Book(Protocol):
    """Who is told of what was sent and what it showed; see `Ledger`, which is one."""

    def sent(self, probe: Probe) -> None:
        """A request is on its way."""

    def ruled(
        self,
        probe: Probe,
        reply: Reply,
        rulings: Iterable[Ruling],
        before: tuple[Exchange, ...] = (),
        read: Probe | None = None,
        case: Case | None = None,
    ) -> None:
        """An answer came."""

    def failed(self, probe: Probe, kind: str, exchange: Exchange | None) -> None:
        """No answer came."""

    def unanswered(self, ruling: Ruling, exchange: Exchange | None, case: Case) -> None:
        """An odd request never gets an answer, or only 502, 503 or 504, while documented ones do."""

    def skipped(self, probe: Probe) -> None:
        """A request wasn't sent: too many of its kind were waited for in vain."""


@dataclass(frozen=True, slots=True)
class Crew:
    """Whom a performer works with."""

    api: str
    writer: Writer
    supply: Supply
    judge: Judge
