"""Walks within a run: beside the single requests, within a budget of resources of their own."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace

from conformance.fuzz.judge import Judge
from conformance.fuzz.ledger import Ledger
from conformance.fuzz.resources import Supply
from conformance.fuzz.rulings import Finding, Ruling
from conformance.fuzz.walks import Taken, Walked, perform, shrunk
from conformance.fuzz.walks_blame import family
from conformance.fuzz.walks_plan import Walk
from conformance.fuzz.walks_sent import wanted
from conformance.http.polling import Polling
from conformance.session import Session
from conformance.states.resource import Resource

# How many walks in a row end for want of a resource before no more are tried.
_GIVE_UP = 8
# A check that failed in so many walks is known well enough.
_ENOUGH = 3


class Walker:
    """Performs walks, shrinks those that fail, and tells the ledger; safe to call from several threads.

    `many` is how many `walks` there are. `stopped` is asked before a walk that failed is made smaller.
    """

    def __init__(
        self,
        session: Session,
        judge: Judge,
        supply: Supply,
        ledger: Ledger,
        walks: Iterable[Walk],
        many: int,
    ) -> None:
        self._session, self._judge, self._supply, self._ledger = session, judge, supply, ledger
        # Drawn as they are taken: a run that is ended early doesn't wait for those that it never takes.
        self._walks = iter(walks)
        self._left = many
        self.stopped: Callable[[], bool] = lambda: False
        self._patience = Polling()
        self._lock = threading.Lock()
        self._missing = 0
        self._known: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()

    def one(self) -> bool:
        """Takes the next walk; False where there is none left. Raises BudgetError."""
        with self._lock:
            walk = next(self._walks, None) if self._left and self._missing < _GIVE_UP else None
            if walk is None:
                self.counts["untried"] += self._left
                self._left = 0
                return False
            self._left -= 1
        walked = self._walked(walk)
        with self._lock:
            self.counts["without resources" if walked.missing is not None else "walked"] += 1
            self._missing = self._missing + 1 if walked.missing is not None else 0
        pursued: set[str] = set()
        for check in dict.fromkeys(ruling.check for _, ruling in walked.wrong()):
            if check in pursued:
                continue
            pursued |= family(check)
            with self._lock:
                self._known[check] += 1
                enough = self._known[check] > _ENOUGH
            if not enough:
                self._pursue(walked, check)
        return True

    def _walked(self, walk: Walk) -> Walked:
        walked = perform(walk, self._session, judge=self._judge, lease=self._lease, patience=self._patience)
        for one in walked.taken:
            if one.probe is None or one.reply is None:
                continue
            self._ledger.sent(one.probe)
            tell = self._ledger.aside if _undocumented(one, walk) else self._ledger.ruled
            tell(one.probe, one.reply, [ruling for ruling in one.rulings if ruling.finding is None])
        if walked.fault is not None and walked.unanswered is not None:
            self._ledger.failed(walked.unanswered, walked.fault.kind, None)
        return walked

    def _lease(self, entry: str) -> Resource | None:
        return self._supply.for_walk(wanted(self._judge.api, entry))

    def _pursue(self, walked: Walked, check: str) -> None:
        """Tells of a finding by the smallest walk that shows it, if it shows again."""
        best = shrunk(walked, check, self._walked) if not self.stopped() else walked
        found = best.wrong_about(check) if best is not None else None
        if best is None or found is None:
            return
        number, ruling, finding = found
        end = number + 1
        reply = best.taken[number].reply
        if reply is None:
            return
        walk = replace(best.walk, steps=best.walk.steps[:end])
        if any(self._supply.fault(wanted(walk.api, entry)) for entry in walk.start):
            return  # its source hands out something else
        shown = tuple(one.reply.exchange for one in best.taken[:end] if one.reply is not None)
        self._ledger.also(reply, Ruling(_blamed(walk, ruling.check), _told(walk, finding)), shown, walk)


def _undocumented(one: Taken, walk: Walk) -> bool:
    """A read of a withdraw, which is no documented operation."""
    return one.step.verb == "read" and walk.api == "withdraws"


def _blamed(walk: Walk, check: str) -> str:
    """A walk that holds without its further headers is about these."""
    if ".walk." in check and any(step.headers for step in walk.steps):
        return f"{check.partition('.')[0]}.walk.headers"
    return check


def _told(walk: Walk, finding: Finding) -> Finding:
    steps = len(walk.steps)
    where = f" (step {steps} of {steps}, with {walk})" if steps > 1 or walk.steps[0].headers else ""
    return replace(finding, expected=finding.expected + where)
