"""The resources that a check asks for, as `given(status)` or `given.shared(status)`, and results that checks share."""

from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast

from conformance import contracts
from conformance.errors import NotApplicable, NotTestable, SourceSilent
from conformance.http.guard import only_reads
from conformance.model import Exchange
from conformance.report import verdict
from conformance.session import Session
from conformance.states.resource import Resource, Wanted

Made = TypeVar("Made")


class Given:
    """Hands over resources: `given(status)`, `given(status, owner="other_merchant")`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._seen: dict[Wanted, Resource] = {}
        self._made: dict[Hashable, tuple[Any, tuple[Exchange, ...], bool]] = {}
        self._carried: dict[Hashable, Any] = {}

    def __call__(self, status: str, **more: Any) -> Resource:
        """Returns an unused resource in that state. Raises NotTestable where there is none."""
        return self._session.sharing.new(self._asked(status, more))

    def kept(self, status: str, **more: Any) -> Resource:
        """Returns an unused resource on which checks look again later, so that nobody else may get it.

        Raises NotTestable where the source has no more, although earlier checks may have left some.
        """
        return self._session.leases.lease(self._asked(status, more))

    def used(self, status: str, **more: Any) -> Resource:
        """Returns a resource that the check is going to cancel as documented; one that earlier checks left, if any.

        Their requests must have had no effect on it, which this cancel proves. A check that fails on such a resource
        runs again with an unused one. Raises NotTestable where there is none.
        """
        return self._session.sharing.used(self._asked(status, more))

    def once(self, key: Hashable, make: Callable[[], Made], *, is_asked_more: bool = False) -> Made:
        """Returns what `make` returned for this key in this run, with its exchanges on record.

        It is made anew for a check that runs alone, as one does that fails by evidence which rests on what other checks
        left, or to which checks send more requests (`is_asked_more`). `make` may raise: then the next check tries
        again.
        """
        recorder, sharing = self._session.recorder, self._session.sharing

        def perform() -> tuple[Made, tuple[Exchange, ...], bool]:
            already, held = len(recorder.exchanges), len(sharing.held)
            made = make()
            return made, tuple(recorder.exchanges[already:]), sharing.are_ambiguous(sharing.held[held:])

        if key not in self._made or self.is_isolated:
            self._made[key] = self.in_common(key, perform)
        else:
            sharing.is_ambiguous |= is_asked_more
        found, exchanges, is_ambiguous = self._made[key]
        sharing.is_ambiguous |= is_ambiguous
        recorder.cite(exchanges)
        return cast(Made, found)

    def in_common(
        self, key: Hashable, make: Callable[[], Made], keep: Callable[[Made], bool] = lambda _: True
    ) -> Made:
        """Returns what `make` returned for this key in the worker of the run that asked first. Raises what it raises.

        A check that runs alone makes its own, and so does each worker what `keep` refuses.
        """
        results, handed = self._session.results, self._session.leases.handed
        if results is None or self.is_isolated:
            return make()
        # The resources of its evidence are known then here, too.
        made, known = results.once(key, lambda: (make(), dict(handed)), lambda pair: keep(pair[0]))
        for name, wanted in known.items():
            handed.setdefault(name, wanted)
        return made

    def carry(self, key: Hashable, value: object) -> None:
        """Keeps a value for all workers of the run; the first of a key stays."""
        self._carried.setdefault(key, value)
        if self._session.results is not None:
            self._session.results.put(("carried", key), value)

    def carried(self, key: Hashable) -> Any:
        """Returns the value that a worker of the run kept under that key; None where none did."""
        if key not in self._carried and self._session.results is not None:
            return self._session.results.get(("carried", key))
        return self._carried.get(key)

    @property
    def is_isolated(self) -> bool:
        """Whether the running check shares nothing: it runs again, to be judged without the requests of others."""
        return self._session.sharing.is_isolated

    def again(self, resource: Resource) -> bool:
        """Takes a shared resource again that evidence of the check is about, so that both wait for the same proof.

        Returns False where a cancel has proved it by now, or another check has the resource.
        """
        return self._session.sharing.again(resource)

    def discard(self, resource: Resource) -> None:
        """Notes that a shared resource may be in any state now: no other check gets it."""
        self._session.sharing.discard(resource)

    def left(self, status: str, **more: Any) -> Resource | None:
        """Returns such a resource as `used` does; None where earlier checks have left none."""
        return self._session.sharing.left(self._asked(status, more))

    def unread(self, status: str, **more: Any) -> Resource:
        """Returns a resource that was never read: only the check itself puts anything about it into a cache."""
        wanted = self._asked(status, more)
        return self._session.leases.unread(wanted)

    def shared(self, status: str, **more: Any) -> Resource:
        """Returns a resource for requests that must have no effect; within a check the same one each time.

        In a state that can be cancelled, other checks have sent such requests to it before, and will: a cancel that one
        of them makes later proves that none had an effect (`states.sharing`). Paid and failed resources are hard to
        come by, and a refused cancel changes nothing: checks that look at the refusal alone share one. Whether it
        really changes nothing is for checks with a resource of their own.
        """
        wanted = self._asked(status, more)
        if status in contracts.contract(wanted.contract).states.cancellable:
            return self._session.sharing.shared(wanted)
        if wanted not in self._seen:
            self._seen[wanted] = self.in_common(("shared", wanted), lambda: self._final(wanted))
        return self._seen[wanted]

    def spare(self, status: str, **more: Any) -> Resource:
        """Returns a resource as `shared` does, for a check that can do without it.

        Raises NotTestable where lists of ids hold no more than other checks need.
        """
        return self._session.sharing.spare(self._asked(status, more))

    def _final(self, wanted: Wanted) -> Resource:
        """Returns a resource whose cancel is refused: where there is no more, one that checks have asked to cancel."""
        leases = self._session.leases
        try:
            return leases.lease(wanted)
        except NotTestable:
            found = leases.handed_before(wanted)
            if found is None:
                raise
            return found

    def _asked(self, status: str, more: dict[str, Any]) -> Wanted:
        """Returns the resource to ask for: `more` are fields of Wanted, and params of a kind of the contract.

        Raises NotTestable where the profile doesn't know its owner.
        """
        plain = {name: more.pop(name) for name in ("owner", "environment", "webhook_url") if name in more}
        wanted = Wanted(self._session.profile.target.api, status, extra=tuple(more.items()), **plain)
        if wanted.whose != "primary":
            self.credentials(wanted.whose)
        return wanted

    def credentials(self, name: str) -> Any:
        """Returns credentials of the profile.

        Raises NotTestable where they aren't there, NotApplicable where the profile's scope leaves them out.
        """
        found = self._session.profile.credentials.get(name)
        reason = dict(self._session.profile.target.scope).get(name)
        if reason is not None:
            raise NotApplicable(verdict.out_of_scope(name, reason))
        if found is None:
            raise NotTestable(
                f"the profile has no [credentials.{name}]",
                hint=f"Add [credentials.{name}] to make this testable.",
            )
        return found

    def reads_only(self, name: str) -> bool:
        """Returns whether a pair is live, so that nothing but reads may be sent with it."""
        return self._session.profile.reads_only(name)

    def may_write(self, name: str) -> None:
        """Raises NotTestable where a pair is live, so that nothing but reads may be sent with it."""
        if self.reads_only(name):
            raise only_reads(name)

    def settle(self, resource: Resource, *, may_refuse: bool = False) -> bool:
        """Asks the target to try to pay the resource now (capability `settlement`); returns whether it did.

        Raises NotTestable where it can't be asked. With `may_refuse`, refusing to is as good as trying in vain; that
        no answer comes is not: a payment that nobody tried tells nothing of the target.
        """
        self._session.sharing.consume(resource)
        try:
            self._session.leases.settle(resource)
        except SourceSilent:
            raise
        except NotTestable:
            if not may_refuse:
                raise
            return False
        return True
