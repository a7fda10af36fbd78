"""Requests that change nothing: they name ids that were just drawn at random."""

import time
from collections.abc import Callable, Iterator
from uuid import uuid4

from conformance.doctor import misreadings
from conformance.errors import TransportError
from conformance.http.auth import Credentials
from conformance.http.client import Request
from conformance.http.reply import Reply
from conformance.model import Auth, Headers
from conformance.session import Session

# Between one attempt and the next.
_PAUSES_S = (0.1, 0.4)

SAID = {
    "withdraws": "a signed cancel of a random UUID",
    "payout-intents": "a GET of a random id",
}


class Probes:
    """Harmless requests to the target of a session. Each raises TransportError where no answer comes."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._withdraws = session.profile.target.api == "withdraws"

    def harmless(self, by: str = "primary", *, wrong: bool = False) -> Reply:
        """The documented call with a random id, which a target that knows the caller answers by 404.

        `wrong` alters the secret.
        """
        pair = self._session.profile.credentials[by]
        if wrong:
            pair = Credentials(pair.name, (pair.key, _altered(pair.secret)))

        return self._patiently(lambda: self._request(self._headers(pair)))

    def anonymous(self) -> Reply:
        """The same call without credentials."""
        return self._session.client.send(lambda: self._request((), auth=Auth.NONE))

    def nowhere(self) -> Reply:
        """A path that no API has, asked for in the same way and with the right credentials."""
        pair = self._session.profile.credentials["primary"]
        return self._session.client.send(
            lambda: self._request(self._headers(pair), path=f"/no-such-path-{uuid4()}")
        )

    def read(self, resource_id: str, by: str) -> Reply:
        """Reads a resource. Raises NotTestable where the profile names no way to."""
        return self._session.documented.read(resource_id, by)

    def cancel_again(self, withdraw_id: str) -> Reply:
        """The documented cancel of a withdraw that is canceled already, which changes nothing."""
        return self._session.documented.cancel(withdraw_id, "primary")

    def misread(self, skew_ms: int) -> Iterator[tuple[str, Callable[[], Reply]]]:
        """The harmless call as targets that got the document wrong expect it, one reading after the other.

        Whoever accepts one of these knows the credentials: then it's the target that is mistaken, as a rule.
        """
        pair = self._session.profile.credentials["primary"]
        path = f"/api/v1/withdraws/{uuid4()}/cancel" if self._withdraws else f"/payout_intents/{uuid4()}"
        stamp = self._session.gate.timestamp
        found = (
            misreadings.of_signature(pair, path, stamp, skew_ms)
            if self._withdraws
            else misreadings.of_basic(pair)
        )
        for name, headers in found:

            def call(headers: Callable[[], Headers] = headers) -> Reply:
                return self._session.client.send(
                    lambda: self._request(headers(), path=path, auth=Auth.ALTERED)
                )

            yield name, call

    def _patiently(self, make: Callable[[], Request]) -> Reply:
        """A request that names nothing may be sent again, whatever became of it: a gateway has bad moments."""
        for pause in _PAUSES_S:
            try:
                return self._session.client.send(make)
            except TransportError as fault:
                if fault.kind not in ("reset", "unavailable"):
                    raise
                time.sleep(pause)
        return self._session.client.send(make)

    # -- inside --------------------------------------------------------------------------------------------

    def _request(self, headers: Headers, *, path: str = "", auth: Auth = Auth.DOCUMENTED) -> Request:
        if self._withdraws:
            return Request("POST", path or f"/api/v1/withdraws/{uuid4()}/cancel", headers, auth=auth)
        return Request("GET", path or f"/payout_intents/{uuid4()}", headers, auth=auth)

    def _headers(self, pair: Credentials) -> Headers:
        return self._session.documented.headers(pair)


def _altered(secret: str) -> str:
    """Another secret of the same make."""
    return secret[:-1] + ("A" if secret[-1:] != "A" else "B")
