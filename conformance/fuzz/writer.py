"""From a probe to the bytes on the wire: the id goes into the path, and what is sent is what is signed."""

import threading

from conformance import contracts, openapi
from conformance.fuzz.probes import Probe
from conformance.http.client import Request
from conformance.http.reply import Reply
from conformance.http.segment import segment
from conformance.model import Auth, Exchange, Headers
from conformance.session import Session


class Writer:
    """Writes and sends requests with the primary credentials of a profile."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._credentials = session.profile.credentials["primary"]
        self._authenticates = contracts.contract(session.profile.target.api).authentication
        self._lock = threading.Lock()

    def send(self, probe: Probe, resource: str | None, key: str | None) -> Reply:
        """The answer to a probe about `resource` (None where the probe has an id of its own).

        `key` is the Idempotency-Key, if one is to be made up. Raises TransportError, BudgetError.
        """
        reply = self._session.client.send(lambda: self.request(probe, resource, key))
        self._forget()
        return reply

    def request(self, probe: Probe, resource: str | None, key: str | None) -> Request:
        """One request, with a timestamp of its own."""
        operation = openapi.operation(probe.operation)
        one = probe.segment if resource is None else segment(resource)
        documented, signed = self._authentication(probe.body or b"")
        altered = {name.lower(): value for name, value in probe.altered}
        omitted = {name.lower() for name in probe.omitted}
        proof: Headers = tuple(
            (name, altered.get(name.lower(), value))
            for name, value in documented
            if name.lower() not in omitted
        )
        auth = Auth.DOCUMENTED
        if altered or omitted:
            auth = Auth.ALTERED if proof else Auth.NONE
        headers = (*proof, *probe.headers, *((("Idempotency-Key", key),) if key is not None else ()))
        return Request(
            method=probe.method,
            target=operation.target(one or ""),
            headers=headers,
            body=probe.body,
            auth=auth,
            signed=signed if auth is Auth.DOCUMENTED else None,
        )

    def last_fault(self) -> Exchange | None:
        """What was recorded of a request that got no answer; the latest one, where lanes fail together."""
        with self._lock:
            failed = [each for each in self._session.recorder.drain() if each.error is not None]
        return failed[-1] if failed else None

    def _forget(self) -> None:
        """Whatever is worth keeping was handed on with the reply."""
        if len(self._session.recorder.exchanges) > 200:
            self._session.recorder.drain()

    def _authentication(self, body: bytes) -> tuple[Headers, str | None]:
        headers = self._authenticates.authenticate(self._credentials, body, self._session.gate.timestamp)
        return headers, self._authenticates.signed(headers, body)
