"""Settles deferred positive twins: which record waits for a proof, and what happens where the proof fails.

A record waits until each shared resource that the check sent requests to was cancelled by its owner. Where that cancel
is refused, each suspect runs again alone, on a resource of its own and with its twin at once: so the guilty one gets
the outcome, the title and the evidence that it would have without any sharing.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace

from conformance import contracts
from conformance.errors import ConformanceError
from conformance.http import summary
from conformance.http.reply import Reply
from conformance.http.segment import segment
from conformance.model import Auth, Check, Exchange, Outcome, Problem
from conformance.oracles.expect import Violation
from conformance.report.safe import counted
from conformance.session import Session
from conformance.states.resource import Resource
from conformance.states.shared_resources import SharedResource

KEPT = 3
"""The resources of each kind that are left to the checks that look back on the run: an effect may come late."""

Write = Callable[[Check, Sequence[Exchange]], None]
Perform = Callable[[str], None]
"""Runs the check of that id once more."""

_HINT = (
    "Each of these requests was refused, and alone none has this effect, however often it is sent. Does one of them "
    "leave behind what another makes use of?"
)


class Deferred:
    """The deferred twins of one worker. `write` puts a record into the journal."""

    def __init__(self, session: Session, write: Write) -> None:
        self._session, self._twins, self._write = session, session.twins, write
        self._contract = contracts.contract(session.profile.target.api)
        # The records of the checks that ran last, and what a trial of several checks sent; None outside of a trial.
        self._ended: dict[str, Check] = {}
        self._trial: list[Exchange] | None = None
        self.again = False
        # One combination is looked into: many resources that go through as much would tell the same.
        self._has_looked = False

    @property
    def is_trial(self) -> bool:
        """Whether checks run for the sake of what they send, and are no part of the run's result."""
        return self._trial is not None

    def alone(self) -> AbstractContextManager[None]:
        """Has the checks in the block share nothing."""
        return self._twins.alone()

    def ended(self, check: Check, exchanges: Sequence[Exchange], *, judged: bool, looks_back: bool) -> bool:
        """Takes back what a check held, and returns whether its record goes into the journal now.

        `judged` tells that the check ended in a judgement. Where its resource had gone through requests of others by
        then, `again` is set: the check has to run alone before the judgement stands.
        """
        held, self._twins.held = self._twins.held, []
        self._ended[check.id], self.again = check, False
        if self._trial is not None:
            self._trial += exchanges
            return False
        for one in held:
            if one.proof is not None:
                self._clear(one.shared, one.proof)
        left = [one for one in held if one.proof is None]
        self.again = judged and not looks_back and (self._twins.is_tainted or self._twins.are_tainted(left))
        is_wrong = judged or check.outcome is Outcome.ERROR
        back: list[SharedResource] = []
        for one in left:
            touched = _naming(one.resource, exchanges)
            then = one.shared if not touched else one.shared.with_suspect(check.id)
            if not (is_wrong or one.is_unsure):
                back.append(replace(then, requests=then.requests + touched))
            elif one.shared.suspects:
                # This check may be judged by what it does alone, and still have done this together with the others.
                self._twins.resources.put(then, closed=True)
        waits = [one.resource.id for one in back if check.id in one.suspects]
        is_late = check.outcome is Outcome.PASSED and bool(waits)
        if is_late:
            # Kept first: another worker may prove it at once.
            self._twins.outstanding.keep(check, exchanges, waits)
        for shared in back:
            self._twins.resources.put(shared)
        return not (is_late or self.again)

    def settle(self, perform: Perform, *, keep: int = 0) -> None:
        """Cancels the resources that wait, but for the `keep` oldest of each kind, and judges where that is refused.

        A cancel that gets no answer is no refusal: then, too, each check looks for itself.
        """
        suspects: dict[str, None] = {}
        refused: list[tuple[SharedResource, Reply]] = []
        for one in self._twins.resources.rest(keep=keep):
            waiting = [check for check in one.suspects if self._twins.outstanding.has(check)]
            if not waiting:
                continue
            reply = self._cancel(one.resource)
            if reply is not None and self._succeeded(reply):
                self._clear(one, reply.exchange)
                continue
            suspects |= dict.fromkeys(waiting)
            if reply is not None:
                refused.append((one, reply))
        for check in suspects:
            self._twins.outstanding.drop(check)
            with self._twins.alone():
                perform(check)
        for one, reply in refused:
            if self._has_looked:
                break
            # One that is judged alone has told by itself what it does, to whichever worker.
            alone = [self._alone(check, perform) for check in one.suspects]
            last = alone[-1]
            if last is not None and all(each and each.outcome is Outcome.PASSED for each in alone):
                self._try_together(one, reply, last, perform)

    def _alone(self, check: str, perform: Perform) -> Check | None:
        """Returns the record of a check that ran last; of one that another worker ran, the record of a trial alone.

        None where it can't be tried here.
        """
        if check not in self._ended:
            self._trial = []
            try:
                with self._twins.alone():
                    perform(check)
            finally:
                self._trial = None
        return self._ended.get(check)

    def _clear(self, one: SharedResource, by: Exchange) -> None:
        """Writes the records of the suspects that were waiting for this proof alone."""
        for check in one.suspects:
            found = self._twins.outstanding.proved(check, one.resource.id, by)
            if found is not None:
                self._write(*found)

    def _cancel(self, resource: Resource) -> Reply | None:
        """Returns the answer to the documented cancel by the owner; None where none came."""
        recorder = self._session.recorder
        recorder.drain()
        self._twins.begin()
        cancels = self._twins.cancels or (
            lambda one: self._session.documented.cancel(one.id, one.wanted.whose)
        )
        try:
            return cancels(resource)
        except (ConformanceError, Violation):
            return None
        finally:
            recorder.drain()

    def _succeeded(self, reply: Reply) -> bool:
        return reply.ok and self._contract.answers.succeeded(reply.json)

    # -- several together ------------------------------------------------------------------------------------------

    def _try_together(self, one: SharedResource, reply: Reply, last: Check, perform: Perform) -> None:
        """Has all suspects of a resource send their requests to another one, and tells where its cancel fails, too.

        No single check is guilty, and the resource may have changed by itself: what happens only once is told of none.
        """
        try:
            resource = self._session.leases.lease(one.resource.wanted)
        except ConformanceError as lacking:
            # Seen once, and not to be tried again: no proof against the target, and none for the check either.
            self._write(self._untried(one, reply, last, lacking), [reply.exchange])
            return
        sent = self._sent(resource, one.suspects, perform)
        if not all(_is_refused(each) for each in sent if _naming(resource, [each])):
            # What became of a request that nobody refused is told where its answer is.
            return
        again = self._cancel(resource)
        if again is None or self._succeeded(again):
            return
        with suppress(ConformanceError):
            # A target that cancels nothing of that kind any more is told by the checks that are about that.
            control = self._cancel(self._session.leases.lease(one.resource.wanted))
            if control is not None and not self._succeeded(control):
                return
        self._has_looked = True
        shown = self._shown(resource)
        if not self._is_cancelled(shown) and self._counts(one, _naming(resource, sent), perform):
            return
        exchanges = tuple(
            dict.fromkeys((*sent, again.exchange, *([shown.exchange] if shown is not None else [])))
        )
        self._write(self._together(one, last, again, shown, exchanges), exchanges)

    def _sent(self, resource: Resource, checks: Sequence[str], perform: Perform) -> list[Exchange]:
        """Has checks send their requests to one resource, and returns these."""
        self._trial = []
        try:
            with self._twins.on(resource):
                for check in checks:
                    perform(check)
            return self._trial
        finally:
            self._trial = None

    def _counts(self, one: SharedResource, number: int, perform: Perform) -> bool:
        """Returns whether `number` requests of a single check have the same effect, as far as can be known.

        Then the target counts requests to a resource, whatever these are, which no document forbids.
        """
        for check in one.suspects:
            try:
                resource = self._session.leases.lease(one.resource.wanted)
            except ConformanceError:
                return True  # It can't be told apart.
            done = 0
            while done < number:
                added = _naming(resource, self._sent(resource, [check], perform))
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

    def _together(
        self,
        one: SharedResource,
        last: Check,
        refusal: Reply,
        shown: Reply | None,
        exchanges: Sequence[Exchange],
    ) -> Check:
        """Returns the record that tells of several checks whose requests have an effect only together.

        A warning where the owner is refused: no document says what may happen after so many refused requests to one
        resource, and alone each request was seen to have no effect, which is what its requirement asks for. A
        failure where a read shows the resource cancelled: nobody who was entitled to asked for that.
        """
        is_cancelled = self._is_cancelled(shown)
        noun, number = f"{one.resource.status} {self._contract.noun}", counted(len(one.suspects), "check")
        of_owner = f"the owner's cancel was answered {summary.of(refusal)}"
        problem = Problem(
            expected=f"the documented cancel of {self._contract.a(noun)} to succeed after the requests of {number}, "
            "which have no effect each by itself",
            observed=(f"a read shows {summary.of(shown)}; " if shown is not None else "")
            + f"{of_owner} after {', '.join(one.suspects)}",
            exchange=exchanges.index(refusal.exchange),
            hint=_HINT,
            fault=f"{self._contract.a(noun).capitalize()} was cancelled by the requests of {number} together, which "
            "were to have no effect"
            if is_cancelled
            else f"The owner's cancel of {self._contract.a(noun)} was answered {summary.short(refusal)} after refused "
            f"requests of {number}, none of which has this effect alone",
        )
        return replace(
            last,
            outcome=Outcome.FAILED if is_cancelled else Outcome.WARNED,
            message=f"expected {problem.expected}; observed {problem.observed}",
            exchanges=tuple(range(len(exchanges))),
            problem=problem,
        )

    def _untried(self, one: SharedResource, reply: Reply, last: Check, lacking: ConformanceError) -> Check:
        noun = self._contract.a(f"{one.resource.status} {self._contract.noun}")
        return replace(
            last,
            outcome=Outcome.NOT_TESTABLE,
            message=f"the owner's cancel of {noun} was answered {summary.of(reply)} after the requests of "
            f"{', '.join(one.suspects)}; alone each of them passes, and all of them together can't be tried on another "
            f"one: {lacking.message}. {lacking.hint}".strip(),
            exchanges=(0,),
            problem=None,
        )


def _is_refused(one: Exchange) -> bool:
    """Returns whether a request that names a resource was refused, or can't have changed it as its method goes."""
    if one.status is None or one.status >= 500:
        return False
    return one.status >= 300 or one.method in ("GET", "HEAD", "OPTIONS")


def _naming(resource: Resource, exchanges: Sequence[Exchange]) -> int:
    """Returns how many of the requests name a resource, and may do more than read it as documented."""
    name = segment(resource.id)
    return sum(
        (name.lower() in one.url.lower() or resource.id.encode() in one.request_body)
        and not (one.method == "GET" and one.auth is Auth.DOCUMENTED and one.url.endswith(name))
        for one in exchanges
    )
