"""Opens everything that one worker of a run needs, from a profile and a run folder."""

import time
from collections import deque
from collections.abc import Callable, Hashable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import urljoin, urlsplit

from conformance import contracts
from conformance.common_results import CommonResults
from conformance.errors import ConformanceError, NotApplicable, NotTestable, RecordError, SourceSilent
from conformance.http import guard
from conformance.http.client import Client, Recorder, Request
from conformance.http.gate import Gate
from conformance.http.guard import only_reads
from conformance.http.redact import for_profile
from conformance.model import Exchange, Headers
from conformance.profile import Profile
from conformance.report import journal, verdict
from conformance.states import id_lists
from conformance.states.command import StateCommand
from conformance.states.documented import Documented
from conformance.states.endpoint import StateEndpoint
from conformance.states.id_lists import IdPools
from conformance.states.leases import Claims, Leases
from conformance.states.prepared_resources import FOLDER as PREPARED
from conformance.states.prepared_resources import PreparedResources
from conformance.states.requests import Did, StateRequests
from conformance.states.reserve import FOLDER, RETURNS, Reserve
from conformance.states.resource import Provisioner, Resource, Wanted
from conformance.states.sharing import Sharing
from conformance.states.untouched import Untouched, is_all_that_shows
from conformance.states.verify import Verifier
from conformance.watch import Watch

# The embedded sandbox's provider-state endpoint, at the root of the server that a profile names.
SANDBOX_STATES = "/_states"
SOURCE_GATE = "gate.source"
# More than any run asks of a state source: `limits.max_requests` counts requests to the target.
_UNLIMITED = 10**9
_TOLD = 100
_LOOKS, _BETWEEN_LOOKS_S = 10, 0.005

Made = TypeVar("Made")


class Session:
    """The client, the recorder and the leases of one worker; the workers of a run share `folder`, and `results`.

    Without `results` the worker makes for itself what several checks look at.
    """

    def __init__(self, profile: Profile, folder: Path, results: CommonResults | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.profile = profile
        self.folder = folder
        self.recorder = Recorder()
        self.results = results
        if results is not None:
            results.bind("recorder", self.recorder)
        self.redactor = for_profile(profile)
        limits = profile.limits
        self.gate = Gate(
            folder / "gate",
            requests_per_second=limits.requests_per_second,
            max_requests=limits.max_requests,
            concurrency=limits.concurrency,
        )
        self._guard = guard.of(profile)
        # The state source has limits and patience of its own: what it asks for holds up no request to the target.
        self.source_gate = Gate(
            folder / SOURCE_GATE,
            requests_per_second=profile.states.requests_per_second,
            max_requests=_UNLIMITED,
            concurrency=limits.concurrency,
        )
        self.watch = Watch(folder, limits.watch_s)
        self._clients: list[Client] = []
        # What the source has sent to the target of late, where that is how it makes resources.
        self.told: deque[Did] = deque(maxlen=_TOLD)
        witness = Untouched(profile, folder).note if is_all_that_shows(profile) else lambda request: None
        self.client = self._client(
            profile.target.base_url, self.gate, self.recorder, profile.headers, witness=witness
        )
        if (folder / "no-reuse").exists():
            self.client.stop_reuse()
        self.documented = Documented(profile, self.client.unrecorded(), self.gate.timestamp)
        self.verifier = Verifier(profile, self.documented, folder, self.recorder.cite)
        self.leases = Leases(
            self._provisioner(),
            Claims(folder / "leases"),
            self.verifier,
            Reserve(folder),
            Reserve(folder, RETURNS),
            Reserve(folder, PREPARED),
        )

        self.sharing = Sharing(self.leases, folder, _seed(folder), id_lists.left(profile))

    def close(self, *, later: bool = False) -> None:
        """Offers the resources back, or leaves that to `give_back`, and closes every connection."""
        if later:
            self.leases.return_later()
        self.leases.return_all(self.profile.limits.concurrency)
        for client in self._clients:
            client.close()
        self.gate.close()
        self.source_gate.close()

    def _client(
        self,
        base_url: str,
        gate: Gate,
        recorder: Recorder | None,
        headers: Headers,
        *,
        witness: Callable[[Request], object] = lambda request: None,
    ) -> Client:
        proxy, target = self.profile.proxy, urlsplit(self.profile.target.base_url).hostname
        client = Client(
            base_url,
            timeout_s=self.profile.limits.timeout_s,
            connections=max(self.profile.limits.concurrency, 2),
            gate=gate,
            redactor=self.redactor,
            recorder=recorder,
            guard=self._guard,
            headers=headers,
            proxy=proxy if urlsplit(base_url).hostname == target else None,
            witness=witness,
        )
        self._clients.append(client)
        return client

    def _provisioner(self) -> Provisioner:
        states = self.profile.states
        # The folder of a run has one; what a doctor or a replay takes is made as it is needed.
        prepared = PreparedResources(self.folder) if (self.folder / PREPARED).is_dir() else None
        if states.command is not None:
            pace = self.source_gate.pass_one
            return StateCommand(states.command, self.profile.path.parent, self.redactor.text, pace, prepared)
        if states.ids is not None:
            return IdPools(states.ids, Claims(self.folder / id_lists.FOLDER, str(self.folder)))
        if states.requests is not None:
            return StateRequests(
                states.requests,
                self.documented,
                self.client.unrecorded(),
                self.profile.credentials,
                prepared=prepared,
                cite=self.recorder.cite,
                pace=self.source_gate.pass_one if states.requests_per_second is not None else lambda: None,
                tell=self.told.append,
            )
        if states.sandbox or states.url is not None:
            url = urlsplit(states.url or urljoin(self.profile.target.base_url, SANDBOX_STATES))
            target = (url.path or "/") + (f"?{url.query}" if url.query else "")
            origin = f"{url.scheme}://{url.netloc}"
            return StateEndpoint(self._client(origin, self.source_gate, None, states.headers), target)
        return NoSource()


def give_back(profile: Profile, folder: Path) -> None:
    """Offers back the resources that no check asked for, and those that the workers left for the end of the run."""
    if any(any((folder / name).glob("*.json")) for name in (FOLDER, RETURNS, PREPARED)):
        session = Session(profile, folder)
        session.leases.return_reserve()
        session.close()


def _seed(folder: Path) -> int:
    """Returns the seed of the run in a folder; 0 where there is no run with a header."""
    try:
        return int(journal.read_header(folder / journal.FOLDER).get("seed") or 0)
    except RecordError:
        return 0


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
        of them makes later proves that none had an effect (`states.sharing`). Paid and failed resources are hard to come
        by, and a refused cancel changes nothing: checks that look at the refusal alone share one. Whether it really
        changes nothing is for checks with a resource of their own.
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
        return self._session.twins.spare(self._asked(status, more))

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


class NoSource:
    """The source of a profile that names none."""

    def setup(self, wanted: Wanted) -> Resource:
        """Raises NotTestable, which says what is missing."""
        raise NotTestable(
            f"no {wanted.described().split(' ', 1)[1]}: the profile's [states] names no source",
            hint="Add url, command, ids, requests or sandbox to [states].",
        )

    def teardown(self, resource: Resource) -> None:
        """Does nothing: no resource was handed out."""

    def settle(self, resource: Resource) -> None:
        """Does nothing: no resource was handed out."""
