"""Resources from a provider-state endpoint, in Pact's convention."""

import json
import re
import time
from typing import Any

from conformance.errors import (
    BudgetError,
    NotTestable,
    SourceFault,
    SourceSilent,
    StateRefused,
    TransportError,
)
from conformance.http import summary
from conformance.http.client import Client, Request
from conformance.http.reply import Reply
from conformance.states.resource import Resource, Wanted
from conformance.states.source_advice import advice

# How much of an answer is quoted.
_SHOWN = 160
# So often a message is sent at most whose answer is lost: an endpoint may fail in one of six at random. Each pause is
# longer by so much.
_TRIES, _PAUSE_S = 5, 0.05

# How a check's message begins that got no resource because the endpoint couldn't be asked.
# Older records say "provider".
NO_ANSWER = re.compile(r"the state (?:source|provider) (?:answers 50[234] each time|gave no answer)")


class StateEndpoint:
    """Posts setup, teardown and settle messages to one target: a path and query below the client's base URL."""

    def __init__(self, client: Client, target: str) -> None:
        self._client = client
        self._target = target
        # An endpoint that can't be reached costs its timeout once, not once per check.
        self._down: TransportError | None = None

    def setup(self, wanted: Wanted) -> Resource:
        """Returns a new resource; NotTestable quotes any other answer of the endpoint."""
        reply = self._post("setup", wanted, {})
        said = summary.brief(reply, _SHOWN, code=False)
        if reply.status in (404, 422):
            raise StateRefused(
                f"the state source can't make {wanted.described()} ({said})",
                cause=f"the state source answers {said}",
                hint=advice(reply.status, wanted.contract),
            )
        facts = reply.json
        one = facts.get("id") if isinstance(facts, dict) else None
        given = isinstance(one, str | int) and not isinstance(one, bool) and str(one) != ""
        if reply.status not in (200, 201) or not given:
            sense = f"the state source's answer to setup makes no sense ({said})"
            cause = sense if reply.status < 400 else f"the state source answers {said}"
            raise SourceFault(cause, hint=advice(reply.status))
        return Resource(str(one), wanted, facts)

    def teardown(self, resource: Resource) -> None:
        """Offers a resource back; the answer of the endpoint doesn't matter."""
        try:
            self._post("teardown", resource.wanted, {"id": resource.id})
        except (NotTestable, BudgetError):
            return

    def settle(self, resource: Resource) -> None:
        """Asks for payment now; NotTestable where the endpoint doesn't know how."""
        reply = self._post("settle", resource.wanted, {"id": resource.id})
        if not reply.ok:
            raise NotTestable(
                f"the state source doesn't settle ({summary.brief(reply, _SHOWN, code=False)})",
                hint="Set capabilities.settlement to false, or answer 200 to the action settle.",
            )

    def _post(self, action: str, wanted: Wanted, more: dict[str, Any]) -> Reply:
        if self._down is not None:
            raise self._unreachable(self._down)
        params = {**wanted.params(), **more}
        message = {"action": action, "state": wanted.state(), "params": params, **more}
        headers = (("Content-Type", "application/json"), ("Accept", "application/json"))
        request = Request("POST", self._target, headers, json.dumps(message).encode())
        lost: TransportError | None = None
        for left in reversed(range(_TRIES)):
            try:
                reply = self._client.send(lambda: request)
            except TransportError as fault:
                # An endpoint may hang up without notice; a resource too many does no harm, nor does a second payment.
                if left and (fault.kind == "reset" or fault.status in (502, 504)):
                    lost = fault
                    time.sleep(_PAUSE_S * (_TRIES - left))
                    continue
                if fault.kind in ("dns", "refused", "tls", "timeout", "connect"):
                    self._down = fault
                raise self._unreachable(fault) from fault
            if lost is not None and action == "settle" and not reply.ok:
                # It may be refused for having been done the first time.
                raise self._unreachable(lost)
            return reply
        raise AssertionError

    @staticmethod
    def _unreachable(fault: TransportError) -> SourceSilent:
        if fault.status is not None or fault.kind == "rate_limited":
            status = fault.status or 429
            return SourceSilent(f"the state source answers {status} each time", hint=advice(status))
        why = f"{fault.kind}: {fault.message}"
        return SourceSilent(f"the state source gave no answer ({why})", hint="Check states.url.")
