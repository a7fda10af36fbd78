"""Settles deferred control requests: which record waits for a proof, and what happens where the proof fails.

It is group testing: one control request, the documented cancel, tests the requests of several checks at once.

A record waits until each shared resource that the check sent requests to was cancelled by its owner. Where that cancel
is refused, each check runs again alone, on a resource of its own and with its control request at once: so the guilty
one gets the outcome, the title and the evidence that it would have without any sharing.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace

from conformance import contracts, deferred_records
from conformance.errors import ConformanceError
from conformance.http.reply import Reply
from conformance.http.segment import segment
from conformance.model import Check, Exchange, Outcome
from conformance.oracles.expect import Violation
from conformance.refused_requests import in_words, is_refused, naming
from conformance.session import Session
from conformance.states.resource import Resource
from conformance.states.shared_resources import SharedResource
from conformance.states.sharing import Held

KEPT = 3
"""The resources of each kind that are left to the checks that look back on the run: an effect may come late."""
# After so long an effect that was put off is looked for, of each check by itself; so often at most in a run.
_LATE_S, _LOOKS = 2.0, 3

Write = Callable[[Check, Sequence[Exchange]], None]
# The first runs the check of that id once more; the second takes a resource whose cancel no request before explains.
Perform = Callable[[str], None]
Tell = Callable[[Resource], None]


class Deferred:
    """The deferred control requests of one worker.

    `write` puts a record into the journal, `tell` leaves a refusal to a suite.
    """

    def __init__(self, session: Session, write: Write, tell: Tell = lambda _: None) -> None:
        self._session, self._sharing, self._write, self._tell = session, session.sharing, write, tell
        self._contract = contracts.contract(session.profile.target.api)
        # The records of the checks that ran last, and what a trial of several checks sent; None outside of a trial.
        self._ended: dict[str, Check] = {}
        self._trial: list[Exchange] | None = None
        # Whether trials have returned resources that checks wait for.
        self._has_returned = False
        self.again = False
        # The resources whose cancel was refused to a check: it runs once more, and is judged by that.
        self._doubtful: dict[str, Resource] = {}
        # One combination is looked into: many resources that go through as much would tell the same.
        self._has_looked = False
        # The checks whose requests had an effect some time later, and how often that was looked for.
        self._late: set[str] = set()
        self._looks = 0

    @property
    def is_trial(self) -> bool:
        """Whether checks run for the sake of what they send, and are no part of the run's result."""
        return self._trial is not None

    def isolated(self) -> AbstractContextManager[None]:
        """Has the checks in the block share nothing."""
        return self._sharing.isolated()

    def ended(self, check: Check, exchanges: Sequence[Exchange], *, judged: bool, looks_back: bool) -> bool:
        """Takes back what a check held, and returns whether its record goes into the journal now.

        `judged` tells that the check ended in a judgement. Where its resource had gone through requests of others by
        then, `again` is set: the check has to run alone before the judgement stands. So it has to, once, where
        the owner's cancel was refused: that may be due to the resource, or happen now and then.
        """
        held, self._sharing.held = self._sharing.held, []
        self._ended[check.id], self.again = check, False
        if self._trial is not None:
            self._trial += exchanges
            self._give_back(held)
            return False
        for one in held:
            if one.proof is not None:
                self._clear(one.shared, one.proof)
        left = [one for one in held if one.proof is None]
        is_ambiguous = not looks_back and (self._sharing.is_ambiguous or self._sharing.are_ambiguous(left))
        self.again = (judged and is_ambiguous) or self._is_doubtful(check, judged)
        is_wrong = judged or check.outcome is Outcome.ERROR
        back: list[SharedResource] = []
        for one in left:
            touched = naming(one.resource, exchanges)
            then = one.shared if not touched else one.shared.with_unproven(check.id)
            if not (is_wrong or one.is_discarded):
                back.append(replace(then, requests=then.requests + touched))
            elif one.shared.unproven:
                # This check may be judged by what it does alone, and still have done this together with the others.
                self._sharing.resources.put(then, closed=True)
        waits = [one.resource.id for one in back if check.id in one.unproven]
        is_late = check.outcome is Outcome.PASSED and bool(waits)
        if is_late:
            # Kept first: another worker may prove it at once.
            self._sharing.waiting.keep(check, exchanges, waits)
        for shared in back:
            self._sharing.resources.put(shared)
        return not (is_late or self.again)

    def _give_back(self, held: Sequence[Held]) -> None:
        """Returns what a trial has used to the checks that wait for it."""
        for one in held:
            if one.proof is not None:
                self._clear(one.shared, one.proof)
            elif one.shared.unproven:
                self._sharing.resources.put(one.shared, closed=True)
                self._has_returned = True

    def _is_doubtful(self, check: Check, judged: bool) -> bool:
        """Returns whether a cancel was refused to a check for the first time; tells of that where it isn't again."""
        doubtful = self._sharing.doubtful if judged else None
        if doubtful is not None and check.id not in self._doubtful:
            self._doubtful[check.id] = doubtful
            return True
        if doubtful is None and check.id in self._doubtful:
            self._tell(self._doubtful.pop(check.id))
        return False

    def prove_waiting(self, perform: Perform, *, keep: int = 0) -> None:
        """Cancels the resources that wait, but for the `keep` oldest of each kind, and judges where that is refused.

        A cancel that gets no answer is no refusal: then, too, each check looks for itself.
        """
        self._has_returned = False
        self._prove(perform, keep)
        if self._has_returned:
            self._prove(perform, keep)

    def _prove(self, perform: Perform, keep: int) -> None:
        unproven: dict[str, None] = {}
        refused: list[tuple[SharedResource, Reply]] = []
        for one in self._sharing.resources.rest(keep=keep):
            waiting = [check for check in one.unproven if self._sharing.waiting.has(check)]
            if not waiting:
                continue
            reply = self._cancelled(one.resource)
            if reply is not None and self._succeeded(reply):
                self._clear(one, reply.exchange)
                continue
            unproven |= dict.fromkeys(waiting)
            if reply is not None:
                refused.append((one, reply))
        for check in unproven:
            self._sharing.waiting.drop(check)
            with self._sharing.isolated():
                perform(check)
                if self.again:
                    perform(check)
        self._judge(refused, perform)

    def _judge(self, refused: Sequence[tuple[SharedResource, Reply]], perform: Perform) -> None:
        """Tells of the resources whose cancel was refused and no single check is guilty at once."""
        for one, reply in refused:
            if self._has_looked and self._looks == _LOOKS:
                break
            # One that is judged alone has told by itself what it does, to whichever worker.
            alone = [self._isolated(check, perform) for check in one.unproven]
            last = alone[-1]
            if last is None or not all(each and each.outcome is Outcome.PASSED for each in alone):
                continue
            if not self._are_late(one, perform) and not self._has_looked:
                self._try_together(one, reply, last, perform)

    def _cancelled(self, resource: Resource) -> Reply | None:
        """Returns as `_cancel` does, asking twice: after a refusal and a success no request before is to blame."""
        reply = self._cancel(resource)
        again = self._cancel(resource) if reply is not None and not self._succeeded(reply) else None
        return again if again is not None and self._succeeded(again) else reply

    def _isolated(self, check: str, perform: Perform) -> Check | None:
        """Returns the record of a check that ran last, or that of a trial alone; None where it can't be tried here."""
        if check not in self._ended:
            self._trial = []
            try:
                with self._sharing.isolated():
                    perform(check)
            finally:
                self._trial = None
        return self._ended.get(check)

    def _clear(self, one: SharedResource, by: Exchange) -> None:
        """Writes the records of the checks that were waiting for this proof alone."""
        for check in one.unproven:
            found = self._sharing.waiting.proved(check, one.resource.id, by)
            if found is not None:
                self._write(*found)

    def _cancel(self, resource: Resource) -> Reply | None:
        """Returns the answer to the documented cancel by the owner; None where none came."""
        recorder = self._session.recorder
        recorder.drain()
        self._sharing.begin()
        cancels = self._sharing.cancels or (
            lambda one: self._session.documented.cancel(one.id, one.wanted.whose)
        )
        self._session.watch.begins(resource.id)
        try:
            return cancels(resource)
        except (ConformanceError, Violation):
            return None
        finally:
            recorder.drain()

    def _succeeded(self, reply: Reply) -> bool:
        return reply.ok and self._contract.answers.succeeded(reply.json)

    # -- some time later -------------------------------------------------------------------------------------------

    def _are_late(self, one: SharedResource, perform: Perform) -> bool:
        """Returns whether requests of single checks, refused and without an effect at once, have one later.

        Each sends them to a resource of its own; after a while the owner cancels these, and before and after them one
        that nobody has sent anything to. Whoever's cancel is refused is told by itself. Nothing is told where the
        source has too few.
        """
        if self._late.intersection(one.unproven):
            return True
        if self._looks == _LOOKS:
            return False
        self._looks += 1
        try:
            first, *own, last = [
                self._session.leases.lease(one.resource.wanted) for _ in (None, *one.unproven, None)
            ]
        except ConformanceError:
            return False
        sent = [
            self._sent(resource, [check], perform) for resource, check in zip(own, one.unproven, strict=True)
        ]
        time.sleep(_LATE_S)
        before = self._cancel(first)
        found = [
            (check, resource, exchanges, asked, reply)
            for resource, check, exchanges in zip(own, one.unproven, sent, strict=True)
            if (reply := self._cancel(resource)) is not None
            and (asked := [each for each in exchanges if naming(resource, [each])])
            and all(map(is_refused, asked))
            and not self._succeeded(reply)
        ]
        if not all(each is not None and self._succeeded(each) for each in (before, self._cancel(last))):
            # One that was left alone is refused as well.
            return False
        for check, resource, exchanges, asked, reply in found:
            shown = self._shown(resource)
            status = None if shown is None else self._session.documented.status(shown)
            if isinstance(status, str) and status not in (resource.status, self._contract.states.cancelled):
                # It went on by itself.
                continue
            if not self._is_cancelled(shown) and self._closes_at_once(one, check, perform):
                continue
            self._late.add(check)
            seen = [reply.exchange, *([shown.exchange] if shown is not None else [])]
            evidence = tuple(dict.fromkeys((*exchanges, *seen)))
            told = deferred_records.late(
                self._contract,
                self._ended[check],
                resource,
                asked,
                reply,
                shown,
                evidence,
                after_s=_LATE_S,
                is_cancelled=self._is_cancelled(shown),
            )
            self._write(told, evidence)
        return bool(self._late.intersection(one.unproven))

    def _closes_at_once(self, one: SharedResource, check: str, perform: Perform) -> bool:
        """Returns whether the owner is refused right after the requests of a check, as far as can be known.

        Then nothing is late about it: the check has judged that, or the target counts refused requests.
        """
        try:
            resource = self._session.leases.lease(one.resource.wanted)
        except ConformanceError:
            return True
        self._sent(resource, [check], perform)
        reply = self._cancel(resource)
        return reply is None or not self._succeeded(reply)

    # -- several together ------------------------------------------------------------------------------------------

    def _try_together(self, one: SharedResource, reply: Reply, last: Check, perform: Perform) -> None:
        """Has all checks of a resource send their requests to another one, and tells where its cancel fails, too.

        No single check is guilty, and the resource may have changed by itself: what happens only once is told of none.
        """
        try:
            resource = self._session.leases.lease(one.resource.wanted)
        except ConformanceError as lacking:
            # Seen once, and not to be tried again: no proof against the target, and none for the check either.
            self._write(deferred_records.untried(self._contract, one, reply, last, lacking), [reply.exchange])
            return
        sent = self._sent(resource, one.unproven, perform)
        if not all(is_refused(each) for each in sent if naming(resource, [each])):
            # What became of a request that nobody refused is told where its answer is.
            return
        again = self._cancel(resource)
        if again is None or self._succeeded(again):
            if again is not None:
                self._tell(one.resource)
            return
        with suppress(ConformanceError):
            # A target that cancels nothing of that kind any more is told by the checks that are about that.
            control = self._cancel(self._session.leases.lease(one.resource.wanted))
            if control is not None and not self._succeeded(control):
                return
        self._has_looked = True
        shown = self._shown(resource)
        if not self._is_cancelled(shown) and self._counts(one, naming(resource, sent), perform):
            return
        exchanges = tuple(
            dict.fromkeys((*sent, again.exchange, *([shown.exchange] if shown is not None else [])))
        )
        asked = in_words([each for each in sent if naming(resource, [each])], resource)
        named = ((segment(resource.id), resource.wanted.of_whom()),)
        told = deferred_records.together(
            self._contract, one, last, again, shown, asked, exchanges, is_cancelled=self._is_cancelled(shown)
        )
        self._write(replace(told, resources=named), exchanges)

    def _sent(self, resource: Resource, checks: Sequence[str], perform: Perform) -> list[Exchange]:
        """Has checks send their requests to one resource, and returns these."""
        self._trial = []
        try:
            with self._sharing.on(resource):
                for check in checks:
                    perform(check)
            return self._trial
        finally:
            self._trial = None

    def _counts(self, one: SharedResource, number: int, perform: Perform) -> bool:
        """Returns whether `number` requests of a single check have the same effect, as far as can be known.

        Then the target counts requests to a resource, whatever these are, which no document forbids.
        """
        for check in one.unproven:
            try:
                resource = self._session.leases.lease(one.resource.wanted)
            except ConformanceError:
                return True  # It can't be told apart.
            done = 0
            while done < number:
                added = naming(resource, self._sent(resource, [check], perform))
                if not added:
                    break
                done += added
            reply = self._cancel(resource)
            if reply is None or not self._succeeded(reply):
                return True
        return False

    def _is_cancelled(self, shown: Reply | None) -> bool:
        status = None if shown is None else self._session.documented.status(shown)
        return status == self._contract.states.cancelled

    def _shown(self, resource: Resource) -> Reply | None:
        documented = self._session.documented
        if not documented.can_read:
            return None
        with suppress(ConformanceError):
            return documented.read(resource.id, resource.wanted.whose)
        return None
