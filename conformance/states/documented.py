"""The documented requests about one resource: what it is read with, and what cancels it.

For whoever has to know what a resource is before anything is judged by it; the suites have verbs of their own.
"""

import json
from collections.abc import Callable
from uuid import uuid4

from conformance.errors import NotTestable
from conformance.http.auth import Credentials, basic, signed_headers
from conformance.http.client import Client, Request
from conformance.http.reply import Reply
from conformance.http.segment import segment
from conformance.model import Auth, Headers
from conformance.profile import Profile


class Documented:
    """Requests to the target of one profile. Each raises TransportError where no answer comes.

    `stamp` makes timestamps in milliseconds, each for one request alone.
    """

    def __init__(self, profile: Profile, client: Client, stamp: Callable[[], str]) -> None:
        self._profile, self._client, self._stamp = profile, client, stamp
        self._withdraws = profile.target.api == "withdraws"

    @property
    def can_read(self) -> bool:
        """Whether there is a way to read: withdraws have one only where the profile declares it."""
        return not self._withdraws or self._profile.states.read_path is not None

    def read(self, resource_id: str, by: str) -> Reply:
        """Reads a resource. Raises NotTestable where the profile names no way to."""
        path = self.read_path(resource_id)
        pair = self._profile.credentials[by]
        return self._client.send(lambda: Request("GET", path, self.headers(pair), auth=Auth.DOCUMENTED))

    def read_path(self, resource_id: str) -> str:
        """The path that a resource is read under. Raises NotTestable where the profile names none."""
        if not self._withdraws:
            return f"/payout_intents/{segment(resource_id)}"
        template = self._profile.states.read_path
        if template is None:
            raise NotTestable("the profile declares no read endpoint", hint="Set states.read_path.")
        return template.replace("{id}", segment(resource_id))

    def cancel(self, resource_id: str, by: str) -> Reply:
        """The documented cancel: of a payout intent with a key of its own, and without a reason."""
        pair = self._profile.credentials[by]
        if self._withdraws:
            path = f"/api/v1/withdraws/{segment(resource_id)}/cancel"
            return self._client.send(lambda: Request("POST", path, self.headers(pair), auth=Auth.DOCUMENTED))
        more = (("Content-Type", "application/json"), ("Idempotency-Key", str(uuid4())))
        headers, body = (*self.headers(pair), *more), json.dumps({}).encode()
        path = f"/payout_intents/{segment(resource_id)}/cancel"
        return self._client.send(lambda: Request("POST", path, headers, body, Auth.DOCUMENTED))

    def headers(self, pair: Credentials) -> Headers:
        """What proves who calls, for a request without a body."""
        if self._withdraws:
            return tuple(signed_headers(pair, self._stamp(), b"").items())
        return (("Authorization", basic(pair.key, pair.secret)),)

    def status(self, reply: Reply) -> object:
        """The status that a read shows, MISSING where it shows none."""
        return reply.at("data.status" if self._withdraws else "status")
