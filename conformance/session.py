"""Opens everything that one worker of a run needs, from a profile and a run folder."""

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from conformance.common_results import CommonResults
from conformance.errors import ConformanceError, NotTestable, RecordError
from conformance.http import guard
from conformance.http.client import Client, Recorder, Request
from conformance.http.gate import Gate
from conformance.http.redact import for_profile
from conformance.model import Headers
from conformance.profile import Profile
from conformance.report import journal
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

    def await_effect(self, resource: Resource) -> None:
        """Where the running check is alone, waits until a read shows that a request before had an effect.

        An effect may be put off for some milliseconds. A resource that checks share has shown it already by its cancel;
        one that a single check asks about hasn't yet, and without the wait no check would be guilty by itself. Ends
        after some looks where none comes: as many requests on a machine that is slow, or a target that is far. Where
        the target shows no state, nothing but the time of these is waited.
        """
        if not self.sharing.is_isolated:
            return
        with suppress(ConformanceError):
            for _ in range(_LOOKS):
                time.sleep(_BETWEEN_LOOKS_S)
                if not self.documented.can_read:
                    continue
                shown = self.documented.status(self.documented.read(resource.id, resource.wanted.whose))
                if shown != resource.status:
                    return

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
