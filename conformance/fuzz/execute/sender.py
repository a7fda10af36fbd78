"""Makes a request of a Case and sends it: puts in the id and the key, and authenticates as the contract says."""

import threading
from collections.abc import Iterable
from dataclasses import replace

from conformance import openapi
from conformance.contracts import contract
from conformance.fuzz.case import Case
from conformance.http.client import Request
from conformance.http.reply import Reply
from conformance.http.segment import segment
from conformance.model import Auth, Credentials, Exchange, Headers
from conformance.session import Session

_NO_SECRET = "no-such-secret-at-all"  # noqa: S105 - of nobody


class Sender:
    """Makes and sends requests with the credentials of a profile."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._contract = contract(session.profile.target.api)
        self._lock = threading.Lock()

    def send(self, case: Case, resource: str | None, key: str | None) -> Reply:
        """Returns the answer to a case about `resource` (None where the case has an id of its own).

        `key` is the idempotency key, if one is to be made up. Raises TransportError, BudgetError.
        """
        reply = self._session.client.send(lambda: self.request(case, resource, key))
        self._forget()
        return reply

    def request(self, case: Case, resource: str | None, key: str | None) -> Request:
        """Returns a request with a timestamp of its own."""
        altered = {name.lower(): value for name, value in case.altered}
        omitted = {name.lower() for name in case.omitted}
        proof, signed = self._proof(self._session.profile.credentials["primary"], case.body or b"")
        proof = tuple(
            (name, altered.get(name.lower(), value)) for name, value in proof if name.lower() not in omitted
        )
        auth = Auth.DOCUMENTED
        if altered or omitted:
            auth = Auth.ALTERED if proof else Auth.NONE
        one = case.segment if resource is None else segment(resource)
        target = openapi.operation(case.operation).target(one or "")
        return self._made(case, target, key, proof, auth, signed)

    def request_of_step(self, case: Case, target: str, key: str | None, owner: str, auth: Auth) -> Request:
        """Returns the request of a step of a sequence by `owner`; ALTERED proves itself with a wrong secret."""
        pair = self._session.profile.credentials[owner]
        if auth is Auth.ALTERED:
            pair = replace(pair, values=(*pair.values[:-1], _NO_SECRET))
        proof, signed = self._proof(pair, case.body or b"")
        return self._made(case, target, key, () if auth is Auth.NONE else proof, auth, signed)

    def last_fault(self) -> Exchange | None:
        """Returns what was recorded of a request that got no answer, the latest where several threads failed."""
        with self._lock:
            failed = [each for each in self._session.recorder.drain() if each.error is not None]
        return failed[-1] if failed else None

    def _made(
        self, case: Case, target: str, key: str | None, proof: Headers, auth: Auth, signed: str | None
    ) -> Request:
        name = self._contract.requests.key_header
        keyed: Iterable[tuple[str, str]] = ((name, key),) if name is not None and key is not None else ()
        return Request(
            method=case.method,
            target=target,
            headers=(*proof, *case.headers, *keyed),
            body=case.body,
            auth=auth,
            signed=signed if auth is Auth.DOCUMENTED else None,
        )

    def _forget(self) -> None:
        """Drops recorded exchanges: what is worth keeping was handed on with the reply."""
        if len(self._session.recorder.exchanges) > 200:
            self._session.recorder.drain()

    def _proof(self, pair: Credentials, body: bytes) -> tuple[Headers, str | None]:
        """Returns the headers that authenticate, and the text that was signed where there is a signature."""
        authentication = self._contract.authentication
        headers = authentication.authenticate(pair, body, self._session.gate.timestamp)
        return headers, authentication.signed(headers, body) if authentication.signed is not None else None
