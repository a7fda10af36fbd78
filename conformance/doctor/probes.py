"""Sends requests that change nothing: they name ids that were just drawn at random."""

import time
from collections.abc import Callable, Iterator

from conformance import contracts
from conformance.contract import CLOCK, Misreading
from conformance.errors import TransportError
from conformance.http.client import Request
from conformance.http.reply import Reply
from conformance.model import Auth, Credentials, Headers
from conformance.session import Session

# Between one attempt and the next.
_PAUSES_S = (0.1, 0.4)


class Probes:
    """Harmless requests to the target of a session. Each raises TransportError where no answer comes."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._documented = session.documented
        self._contract = contracts.contract(session.profile.target.api)

    def harmless(self, by: str = "primary", *, wrong: bool = False) -> Reply:
        """Sends the probe of the contract, which a target that knows the caller answers by 404.

        `wrong` alters the secret.
        """
        pair = self._session.profile.credentials[by]
        if wrong:
            pair = Credentials(pair.name, (*pair.values[:-1], _altered(pair.secret)))
        return self._patiently(
            lambda: self._request(self._documented.probe_path(), _by(self._documented.headers, pair))
        )

    def anonymous(self) -> Reply:
        """Sends the probe without credentials."""
        path = self._documented.probe_path()
        return self._session.client.send(lambda: self._request(path, lambda body: (), auth=Auth.NONE))

    def nowhere(self) -> Reply:
        """Sends the probe to a path that no API has, with the right credentials."""
        pair = self._session.profile.credentials["primary"]
        name, _ = self._contract.unknown_id(None)
        return self._session.client.send(
            lambda: self._request(f"/no-such-path-{name}", _by(self._documented.headers, pair))
        )

    def read(self, resource_id: str, by: str) -> Reply:
        """Reads a resource. Raises NotTestable where the profile names no way to."""
        return self._documented.read(resource_id, by)

    def cancel_again(self, resource_id: str) -> Reply:
        """Cancels a resource that is cancelled already, which changes nothing."""
        return self._documented.cancel(resource_id, "primary")

    def misread(self, skew_ms: int, *, few: bool = False) -> Iterator[tuple[Misreading, Callable[[], Reply]]]:
        """Yields each misreading of the document, and a call that sends the probe as such a target expects it.

        With `few`, only those that the profile or a clock is to blame for.

        A target that accepts one of these knows the credentials: as a rule the target is mistaken, not the profile.
        """
        pair = self._session.profile.credentials["primary"]
        path = self._documented.probe_path()
        stamp = self._session.gate.timestamp
        for one in self._contract.authentication.misreadings(pair, path, stamp, skew_ms):
            if few and not (one.ours or one.name == CLOCK):
                continue

            def call(one: Misreading = one) -> Reply:
                return self._session.client.send(
                    lambda: self._request(path, lambda body: one.headers(), auth=Auth.ALTERED)
                )

            yield one, call

    def _patiently(self, make: Callable[[], Request]) -> Reply:
        """Sends a request up to three times: it names nothing, and a gateway may fail for a moment."""
        for pause in _PAUSES_S:
            try:
                return self._session.client.send(make)
            except TransportError as fault:
                if fault.kind not in ("reset", "unavailable"):
                    raise
                time.sleep(pause)
        return self._session.client.send(make)

    def _request(
        self, path: str, authenticated: Callable[[bytes], Headers], auth: Auth = Auth.DOCUMENTED
    ) -> Request:
        return self._documented.request(self._contract.requests.probe[0], path, authenticated, auth)


def _by(headers: Callable[[Credentials, bytes], Headers], pair: Credentials) -> Callable[[bytes], Headers]:
    return lambda body: headers(pair, body)


def _altered(secret: str) -> str:
    """Returns another secret of the same length."""
    return secret[:-1] + ("A" if secret[-1:] != "A" else "B")
