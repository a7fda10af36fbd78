"""Taking a walk's steps: resources and keys are made new, requests written, answers ruled on by judge and model."""

import contextlib
import json
import time
from collections.abc import Callable
from typing import Any, Protocol
from uuid import uuid4

from conformance import contracts, openapi
from conformance.errors import NotTestable
from conformance.fuzz.judge import Judge
from conformance.fuzz.probes import Aim, Probe, body_aim
from conformance.fuzz.resources import UNKNOWN
from conformance.fuzz.rulings import Ruling, Steered
from conformance.fuzz.walks_intents import IntentModel
from conformance.fuzz.walks_model import Party
from conformance.fuzz.walks_plan import Step, Walk
from conformance.fuzz.walks_withdraws import WithdrawModel
from conformance.http.client import Request
from conformance.http.polling import Polling
from conformance.http.reply import MISSING, Reply
from conformance.http.segment import segment
from conformance.model import Auth, Headers
from conformance.profile import Credentials
from conformance.session import Session
from conformance.states.resource import Resource, Wanted
from conformance.unknown_ids import sure_like as alike

Lease = Callable[[str], Resource | None]

# Requests with something wrong about them: a body, or the credentials.
ODD_BODIES = {
    "broken_json": (b'{"reason": ', MISSING),
    "a_number": (b'{"reason": 7}', {"reason": 7}),
    "a_list": (b'["reason"]', ["reason"]),
    "600_characters": (b'{"reason": "' + b"x" * 600 + b'"}', {"reason": "x" * 600}),
}
NO_CREDENTIALS, WRONG_CREDENTIALS = "no_credentials", "wrong_credentials"
ODD = (*ODD_BODIES, NO_CREDENTIALS, WRONG_CREDENTIALS)
# UUIDs that no generator of random ones makes.
SHAPES = {
    "nil": "00000000-0000-0000-0000-000000000000",
    "max": "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "digits": "12345678-1234-4234-8234-{:012d}",
    "exponent": "1e{:06d}-0000-4000-8000-000000000000",
}
_WRONG = Credentials("wrong", ("", "no-such-secret-at-all"))


class Model(Protocol):
    """What has to come back, and what it makes of the resources."""

    def state(self, step: Step) -> str:
        """The state that the judge may take the resource to be in."""

    def lags(self, step: Step) -> bool:
        """Whether a copy that is read from may not show yet what this step is to show."""

    def shows(self, reply: Reply) -> bool:
        """Whether it shows it."""

    def rule(self, step: Step, reply: Reply) -> list[Ruling]:
        """What the answer shows; the model goes on from there."""

    def settled(self, step: Step) -> None:
        """A settlement was attempted."""


def leased(walk: Walk, session: Session, lease: Lease | None) -> list[Party]:
    """A resource for each entry of `Walk.start`. Raises NotTestable where one isn't to be had."""
    parties: list[Party] = []
    for entry in walk.start:
        owner, _, state = entry.rpartition(":")
        if entry.partition(":")[0] == UNKNOWN:
            parties.append(_nobody(walk.api, entry, parties))
            continue
        owner = owner or "primary"
        resource = lease(entry) if lease is not None else session.leases.lease(wanted(walk.api, entry))
        if resource is None:
            raise NotTestable(f"there is no {state} resource left for a walk")
        parties.append(Party(resource.id, owner, state, resource))
    return parties


def wanted(api: str, entry: str) -> Wanted:
    """What to ask a state provider for, for one entry of `Walk.start`."""
    owner, _, state = entry.rpartition(":")
    if owner == "other_environment":
        return Wanted(api, state, environment="other")
    return Wanted(api, state, owner=owner or None)


def _nobody(api: str, entry: str, others: list[Party]) -> Party:
    shape = entry.partition(":")[2]
    if api == "withdraws":
        name = str(uuid4()) if not shape else SHAPES[shape].format(int(time.time_ns() % 1_000_000))
        return Party(name, None, UNKNOWN, None, certain=not shape)
    found = alike(others[0].id) if others else None
    return Party(
        found or f"word_01{uuid4().hex[:24].upper()}", None, UNKNOWN, None, certain=found is not None
    )


class Sender:
    """Takes the steps of one walk in their order."""

    def __init__(
        self, walk: Walk, session: Session, judge: Judge, parties: list[Party], patience: Polling
    ) -> None:
        self._walk, self._session, self._judge, self._parties = walk, session, judge, parties
        self._patience = patience
        self._keys: dict[str, str] = {}
        for party in parties:
            if party.resource is not None:
                judge.leased[party.id] = party.resource
        capabilities = session.profile.capabilities
        self._model: Model = (
            WithdrawModel(parties, capabilities.get("cancel_processing"))
            if walk.api == "withdraws"
            else IntentModel(parties)
        )

    def take(self, step: Step) -> tuple[Probe | None, Reply | None, tuple[Ruling, ...]]:
        """What was asked, what was answered, and what that shows. Raises TransportError, BudgetError."""
        party = self._parties[step.on]
        if step.verb == "settle":
            if party.resource is not None:
                # Refusing to settle this one is as good as trying in vain.
                with contextlib.suppress(NotTestable):
                    self._session.leases.settle(party.resource)
            self._model.settled(step)
            return None, None, ()
        probe = self.probe(step)
        reply = self._send(step, probe)
        if self._model.lags(step):
            reply = self._patience.until(lambda: self._send(step, probe), self._model.shows, reply)
        state = self._model.state(step)
        own = self._model.rule(step, reply)
        if step.headers and not any(ruling.finding for ruling in own):
            own.append(Ruling(f"{openapi.operation(probe.operation).name}.walk.headers"))
        return (
            probe,
            reply,
            (*own, *self._judged(step, probe, Steered(party.id, state, party.certain), reply)),
        )

    def probe(self, step: Step) -> Probe:
        """The request as the judge and the statistics know it."""
        operation = next(
            (
                one
                for one in openapi.operations(self._walk.api)
                if (one.method == "GET") == (step.verb == "read")
            ),
            openapi.operations(self._walk.api)[0],
        )
        body: bytes | None = None
        value: Any = MISSING
        aim = Aim.DOCUMENTED
        if operation.has_body and step.verb == "cancel":
            body, value = ODD_BODIES.get(step.odd) or _body(step.reason)
            aim = body_aim(body, value) if value is not MISSING else Aim.BODY
        headers = step.headers
        if body is not None and not any(name == "Content-Type" for name, _ in headers):
            headers = (("Content-Type", "application/json"), *headers)
        omitted: tuple[str, ...] = ()
        altered: Headers = ()
        if step.odd == NO_CREDENTIALS:
            aim, omitted = Aim.MISSING, tuple(operation.credentials)
        elif step.odd == WRONG_CREDENTIALS:
            aim, altered = Aim.WRONG, ((operation.credentials[-1], "made with a wrong secret"),)
        return Probe(
            operation=operation.id,
            phase="walks",
            method="GET" if step.verb == "read" else operation.method,
            aim=aim,
            headers=headers,
            body=body,
            value=value,
            key="absent" if step.key is None else "kept",
            omitted=omitted,
            altered=altered,
        )

    # -- sending ---------------------------------------------------------------------------------------------

    def _send(self, step: Step, probe: Probe) -> Reply:
        return self._session.client.send(lambda: self._request(step, probe))

    def _request(self, step: Step, probe: Probe) -> Request:
        body = probe.body or b""
        auth = {NO_CREDENTIALS: Auth.NONE, WRONG_CREDENTIALS: Auth.ALTERED}.get(step.odd, Auth.DOCUMENTED)
        proof, signed = self._proof(step, body)
        key = () if step.key is None else (("Idempotency-Key", self._key(step.key)),)
        return Request(
            method=probe.method,
            target=self._target(step, probe),
            headers=(*(() if auth is Auth.NONE else proof), *probe.headers, *key),
            body=probe.body,
            auth=auth,
            signed=signed if auth is Auth.DOCUMENTED else None,
        )

    def _proof(self, step: Step, body: bytes) -> tuple[Headers, str | None]:
        pair = self._session.profile.credentials[step.by]
        secret = pair.secret if step.odd != WRONG_CREDENTIALS else _WRONG.secret
        made = contracts.contract(self._walk.api).authentication
        signing = Credentials(pair.name, (*pair.values[:-1], secret))
        headers = made.authenticate(signing, body, self._session.gate.timestamp)
        return headers, made.signed(headers, body)

    def _target(self, step: Step, probe: Probe) -> str:
        one = segment(self._parties[step.on].id)
        read_path = self._session.profile.states.read_path
        if step.verb == "read" and self._walk.api == "withdraws" and read_path is not None:
            return read_path.replace("{id}", one)
        return openapi.operation(probe.operation).target(one)

    def _key(self, label: str) -> str:
        return self._keys.setdefault(label, str(uuid4()))

    # -- ruling ----------------------------------------------------------------------------------------------

    def _judged(self, step: Step, probe: Probe, at: Steered, reply: Reply) -> list[Ruling]:
        """The judge's rulings on everything but what the model alone can know."""
        undocumented = step.verb == "read" and self._walk.api == "withdraws"
        if undocumented or (at.state == UNKNOWN and not at.certain):
            return self._judge.form(probe, at, reply)
        first = reply.ok and at.state == "requires_approval"
        dropped = (".status.", ".key.", *(() if first else (".reason.",)))
        return [
            ruling
            for ruling in self._judge.rule(probe, at, reply)
            if not any(part in ruling.check for part in dropped)
        ]


def _body(reason: str | None) -> tuple[bytes, dict[str, str]]:
    value = {} if reason is None else {"reason": reason}
    return json.dumps(value, ensure_ascii=False).encode(), value
