"""Makes a request of a step and sends it: puts in the id and the key, and authenticates as the contract says."""

import threading
from dataclasses import replace

from conformance import openapi
from conformance.contracts import contract
from conformance.fuzz.fuzz_contract import RequestStep
from conformance.http.client import Request
from conformance.http.reply import Reply
from conformance.http.segment import segment
from conformance.model import Auth, Exchange
from conformance.session import Session

_NO_SECRET = "no-such-secret-at-all"  # noqa: S105 - of nobody


class Sender:
    """Makes and sends requests with the credentials of a profile."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._contract = contract(session.profile.target.api)
        self._lock = threading.Lock()

    def send(self, step: RequestStep) -> Reply:
        """Returns the answer to a step. Raises TransportError, BudgetError."""
        reply = self._session.client.send(lambda: self.request(step))
        # What is worth keeping of a recorded exchange was handed on with the reply.
        if len(self._session.recorder.exchanges) > 200:
            self._session.recorder.drain()
        return reply

    def request(self, step: RequestStep) -> Request:
        """Returns a request with a timestamp of its own."""
        case, pair = step.case, self._session.profile.credentials[step.by]
        altered = {name.lower(): value for name, value in case.altered}
        omitted = {name.lower() for name in case.omitted}
        auth = Auth.DOCUMENTED
        if altered or omitted:
            auth = Auth.ALTERED
        if step.wrong_secret:
            pair, altered = replace(pair, values=(*pair.values[:-1], _NO_SECRET)), {}
        authentication = self._contract.authentication
        proof = authentication.authenticate(pair, case.body or b"", self._session.gate.timestamp)
        signed = authentication.signed(proof, case.body or b"") if auth is Auth.DOCUMENTED else None
        headers = tuple(
            (name, altered.get(name.lower(), value)) for name, value in proof if name.lower() not in omitted
        )
        name = self._contract.requests.key_header
        keyed = ((name, step.key),) if name is not None and step.key is not None else ()
        one = case.segment if step.target.id is None else segment(step.target.id)
        return Request(
            method=case.method,
            target=step.path or openapi.operation(case.operation).target(one or ""),
            headers=(*headers, *case.headers, *keyed),
            body=case.body,
            auth=auth if headers else Auth.NONE,
            signed=signed,
        )

    def last_fault(self) -> Exchange | None:
        """Returns what was recorded of a request that got no answer, the latest where several threads failed."""
        with self._lock:
            failed = [each for each in self._session.recorder.drain() if each.error is not None]
        return failed[-1] if failed else None
