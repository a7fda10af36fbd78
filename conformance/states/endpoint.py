"""Resources from a provider-state endpoint, in Pact's convention."""

import json
from typing import Any

from conformance.errors import BudgetError, NotTestable, TransportError
from conformance.http.client import Client, Request
from conformance.http.reply import Reply
from conformance.states.resource import Resource, Wanted


class StateEndpoint:
    """Posts setup, teardown and settle messages to one target: a path and query below the client's base URL."""

    def __init__(self, client: Client, target: str) -> None:
        self._client = client
        self._target = target
        # An endpoint that can't be reached costs its timeout once, not once per check.
        self._down: TransportError | None = None

    def setup(self, wanted: Wanted) -> Resource:
        """A new resource; NotTestable quotes whatever else the endpoint answered."""
        reply = self._post("setup", wanted, {})
        if reply.status in (404, 422):
            raise NotTestable(
                f"the state provider can't make {wanted.described()} ({reply.status}: {_short(reply)})",
                hint="Teach its setup this state, or leave the checks that need it untested.",
            )
        facts = reply.json
        one = facts.get("id") if isinstance(facts, dict) else None
        if (
            reply.status not in (200, 201)
            or not isinstance(one, str | int)
            or isinstance(one, bool)
            or not str(one)
        ):
            raise NotTestable(
                f"the state provider's answer to setup makes no sense ({reply.status}: {_short(reply)})",
                hint='It has to be 200 with JSON that holds at least {"id": "..."}.',
            )
        return Resource(str(one), wanted, facts)

    def teardown(self, resource: Resource) -> None:
        """Offers a resource back; what the endpoint makes of it is its own affair."""
        try:
            self._post("teardown", resource.wanted, {"id": resource.id})
        except (NotTestable, BudgetError):
            return

    def settle(self, resource: Resource) -> None:
        """Asks for payment now; NotTestable where the endpoint doesn't know how."""
        reply = self._post("settle", resource.wanted, {"id": resource.id})
        if not reply.ok:
            raise NotTestable(
                f"the state provider doesn't settle ({reply.status}: {_short(reply)})",
                hint="Set capabilities.settlement to false, or answer 200 to the action settle.",
            )

    def _post(self, action: str, wanted: Wanted, more: dict[str, Any]) -> Reply:
        if self._down is not None:
            raise self._unreachable(self._down)
        params = {**wanted.params(), **more}
        message = {"action": action, "state": wanted.state(), "params": params, **more}
        request = Request(
            "POST",
            self._target,
            (("Content-Type", "application/json"), ("Accept", "application/json")),
            json.dumps(message).encode(),
        )
        try:
            return self._client.send(lambda: request)
        except TransportError as fault:
            if fault.kind in ("dns", "refused", "tls", "timeout", "connect"):
                self._down = fault
            raise self._unreachable(fault) from fault

    @staticmethod
    def _unreachable(fault: TransportError) -> NotTestable:
        return NotTestable(
            f"the state provider gave no answer ({fault.kind}: {fault.message})", hint="Check states.url."
        )


def _short(reply: Reply) -> str:
    text = " ".join(reply.exchange.response_body.decode("utf-8", "backslashreplace").split())
    return repr(text[:160] + ("..." if len(text) > 160 else ""))
