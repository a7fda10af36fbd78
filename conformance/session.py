"""Everything that one worker of a run needs, opened from a profile and a run folder."""

from pathlib import Path
from urllib.parse import urljoin, urlsplit

from conformance.errors import NotTestable
from conformance.http import guard
from conformance.http.client import Client, Recorder
from conformance.http.gate import Gate
from conformance.http.redact import for_profile
from conformance.profile import Profile
from conformance.states import pools
from conformance.states.command import StateCommand
from conformance.states.documented import Documented
from conformance.states.endpoint import StateEndpoint
from conformance.states.leases import Claims, Leases
from conformance.states.pools import IdPools
from conformance.states.reserve import Reserve
from conformance.states.resource import Provisioner, Resource, Wanted
from conformance.states.verify import Verifier

# The embedded sandbox's provider-state endpoint, at the root of the server that a profile names.
SANDBOX_STATES = "/_states"
SOURCE_GATE = "gate.source"
# More than any run asks of a state source: `limits.max_requests` counts requests to the target.
_UNLIMITED = 10**9


class Session:
    """The client, the recorder and the leases of one worker; workers of a run share `folder`."""

    def __init__(self, profile: Profile, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.profile = profile
        self.folder = folder
        self.recorder = Recorder()
        self.redactor = for_profile(profile)
        limits = profile.limits
        self.gate = Gate(
            folder / "gate",
            requests_per_second=limits.requests_per_second,
            max_requests=limits.max_requests,
            concurrency=limits.concurrency,
        )
        self._guard = guard.of(profile)
        self._clients: list[Client] = []
        self.client = self._client(profile.target.base_url, self.gate, self.recorder)
        if (folder / "no-reuse").exists():
            self.client.stop_reuse()
        self.documented = Documented(profile, self.client.unrecorded(), self.gate.timestamp)
        self.verifier = Verifier(profile, self.documented, folder, self.recorder.cite)
        self.leases = Leases(self._provisioner(), Claims(folder / "leases"), self.verifier, Reserve(folder))

    def close(self) -> None:
        """Offers the resources back and closes every connection."""
        self.leases.return_all(self.profile.limits.concurrency)
        for client in self._clients:
            client.close()
        self.gate.close()
        self.source_gate.close()

    def _client(self, base_url: str, gate: Gate, recorder: Recorder | None) -> Client:
        client = Client(
            base_url,
            timeout_s=self.profile.limits.timeout_s,
            connections=max(self.profile.limits.concurrency, 2),
            gate=gate,
            redactor=self.redactor,
            recorder=recorder,
            guard=self._guard,
        )
        self._clients.append(client)
        return client

    def _provisioner(self) -> Provisioner:
        states = self.profile.states
        if states.command is not None:
            return StateCommand(states.command, self.profile.path.parent, self.redactor.text)
        if states.ids is not None:
            return IdPools(states.ids, Claims(self.folder / pools.FOLDER, str(self.folder)))
        if states.sandbox or states.url is not None:
            url = urlsplit(states.url or urljoin(self.profile.target.base_url, SANDBOX_STATES))
            target = (url.path or "/") + (f"?{url.query}" if url.query else "")
            return StateEndpoint(self._client(f"{url.scheme}://{url.netloc}", self.source_gate, None), target)
        return NoSource()


class NoSource:
    """A profile that names no way of obtaining resources."""

    def setup(self, wanted: Wanted) -> Resource:
        """Says what is missing."""
        raise NotTestable(
            f"no {wanted.described().split(' ', 1)[1]}: the profile's [states] names no source",
            hint="Add url, command, ids or sandbox to [states].",
        )

    def teardown(self, resource: Resource) -> None:
        """Nothing was given out."""

    def settle(self, resource: Resource) -> None:
        """Nothing was given out."""
