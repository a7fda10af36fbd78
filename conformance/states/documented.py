"""Sends the documented requests of an API, as its contract describes them: read, cancel, and the harmless probe.

For what has to be known of a target and of its resources before anything is judged; the suites have clients of
their own.
"""

from collections.abc import Callable
from uuid import uuid4

from conformance import contracts
from conformance.contract import DocumentedAnswers
from conformance.errors import NotTestable
from conformance.http.client import Client, Request
from conformance.http.reply import Reply
from conformance.http.segment import segment
from conformance.model import Auth, Credentials, Headers
from conformance.profile import Profile


class Documented:
    """Requests to the target of one profile. Each raises TransportError where no answer comes.

    `stamp` makes timestamps in milliseconds, each for one request alone.
    """

    def __init__(self, profile: Profile, client: Client, stamp: Callable[[], str]) -> None:
        self._profile, self._client, self._stamp = profile, client, stamp
        self._contract = contracts.contract(profile.target.api)

    @property
    def answers(self) -> DocumentedAnswers:
        """The documented answers of the API."""
        return self._contract.answers

    @property
    def can_read(self) -> bool:
        """Whether a read is documented, or declared by the profile."""
        return self._read_template is not None

    @property
    def _read_template(self) -> str | None:
        return self._contract.requests.read or self._profile.states.read_path

    def read(self, resource_id: str, by: str) -> Reply:
        """Reads a resource. Raises NotTestable where the profile names no way to."""
        path = self.read_path(resource_id)
        pair = self._profile.credentials[by]
        return self._client.send(lambda: Request("GET", path, self.headers(pair), auth=Auth.DOCUMENTED))

    def read_path(self, resource_id: str) -> str:
        """Returns the path that a resource is read under. Raises NotTestable where there is none."""
        template = self._read_template
        if template is None:
            raise NotTestable("the profile declares no read endpoint", hint="Set states.read_path.")
        return template.replace("{id}", segment(resource_id))

    def cancel(self, resource_id: str, by: str) -> Reply:
        """Sends the documented cancel without options; with a new idempotency key where there are keys."""
        pair = self._profile.credentials[by]
        path = self._contract.requests.cancel.replace("{id}", segment(resource_id))
        return self._client.send(
            lambda: self.request("POST", path, lambda body: self.headers(pair, body), Auth.DOCUMENTED)
        )

    def probe_path(self) -> str:
        """Returns the path of the harmless request, with an id that names nothing."""
        name, _ = self._contract.unknown_id(None)
        return self._contract.requests.probe[1].replace("{id}", segment(name))

    def request(
        self, method: str, path: str, authenticated: Callable[[bytes], Headers], auth: Auth
    ) -> Request:
        """Makes a request: a POST as the documented cancel has it. `authenticated` returns headers for a body."""
        requests = self._contract.requests
        body, kind = requests.cancel_body() if method == "POST" else (b"", None)
        headers = authenticated(body)
        if kind is not None:
            headers = (*headers, ("Content-Type", kind))
        if method == "POST" and requests.key_header is not None:
            headers = (*headers, (requests.key_header, str(uuid4())))
        return Request(method, path, headers, body, auth)

    def headers(self, pair: Credentials, body: bytes = b"") -> Headers:
        """Returns the headers that authenticate a request with this body, sent now."""
        return self._contract.authentication.authenticate(pair, body, self._stamp)

    def status(self, reply: Reply) -> object:
        """Returns the status that a read shows, MISSING where it shows none."""
        return reply.at(self._contract.answers.status)
