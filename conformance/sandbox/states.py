"""The provider-state endpoint, `POST /_states`: resources in named states, made, taken away and settled.

Facts are told from the model, never through an API that may be bent: what a judge compares with must be true.
"""

import asyncio
from typing import Any

from conformance.sandbox.api import Api
from conformance.sandbox.credentials import ROLES
from conformance.sandbox.messages import Refusal
from conformance.sandbox.payout_intents import model as intents
from conformance.sandbox.payout_intents.model import Intent
from conformance.sandbox.store import Store, World
from conformance.sandbox.withdraws import model as withdraws
from conformance.sandbox.withdraws.model import Withdraw

Facts = dict[str, Any]


class States:
    """Sets up resources in the stores of one world."""

    def __init__(self, world: World, withdraw_store: Store[Withdraw], intent_store: Store[Intent]) -> None:
        self._world = world
        self._withdraws = withdraw_store
        self._intents = intent_store

    async def act(self, order: Facts, apis: dict[str, Api[Any]]) -> Facts:
        """One order: setup, teardown or settle. A Refusal: 422 for what can't be done, 404 for no such id."""
        action = order.get("action")
        params = order.get("params", {})
        if not isinstance(params, dict):
            raise _refused("params is an object.")
        if action == "setup":
            return self._setup(params, apis)
        if action not in {"teardown", "settle"}:
            raise _refused("action is setup, teardown or settle.")
        identifier = order.get("id", params.get("id"))
        if not isinstance(identifier, str):
            raise _refused(f"A {action} names the id that setup answered.")
        if action == "teardown":
            # Both are asked: whoever tears down needn't know any more which of them it came from.
            if not any([self._withdraws.remove(identifier), self._intents.remove(identifier)]):
                raise Refusal(404, "unknown_resource", "There is no such resource.")
            return {"id": identifier, "removed": True}
        for api in apis.values():
            status = await api.settle(identifier)
            if status is not None:
                return {"id": identifier, "status": status}
        raise Refusal(404, "unknown_resource", "There is no such resource.")

    def _setup(self, params: Facts, apis: dict[str, Api[Any]]) -> Facts:
        contract, status = params.get("contract"), params.get("status")
        variants = self._world.variants
        known = {
            "withdraws": withdraws.STATUSES,
            "payout-intents": ("requires_approval", "processing", *variants.terminal),
        }
        if contract not in known:
            raise _refused(f"params.contract is one of {', '.join(known)}.")
        if status not in known[contract]:
            raise _refused(f"params.status of {contract} is one of {', '.join(known[contract])}.")
        role = _role(params, contract)
        self._spend(f"{contract} {role} {status}")
        facts = (self._withdraw if contract == "withdraws" else self._intent)(params, ROLES[role], status)
        if variants.processing_settles_ms and status == "processing":
            self._settle_later(apis[contract], facts["id"])
        return facts

    def _withdraw(self, params: Facts, owner: tuple[str, str], status: str) -> Facts:
        variants = self._world.variants
        supports = params.get("provider_supports_cancel", True)
        if not isinstance(supports, bool):
            raise _refused("params.provider_supports_cancel is a boolean.")
        if variants.always_cancellable and not supports:
            raise _refused("Every provider here supports cancelling.")
        withdraw = withdraws.fixture(owner[0], status, self._world.clock, variants, supports_cancel=supports)
        self._withdraws.add(withdraw)
        facts = withdraws.wire(withdraw, variants.instants)
        facts["bankAccountNumberFull"] = withdraw.account_number
        if "provider_supports_cancel" in params and variants.tells_support:
            facts["provider_supports_cancel"] = supports
        return facts

    def _intent(self, params: Facts, owner: tuple[str, str], status: str) -> Facts:
        variants = self._world.variants
        url = params.get("webhook_url")
        if url is not None and not (isinstance(url, str) and url.startswith("http://")):
            raise _refused("params.webhook_url is an http:// address.")
        intent = intents.fixture(
            *owner, status, self._world.clock, zero_decimal=variants.zero_decimal, fresh=variants.fresh
        )
        intent.webhook_url = url
        if status == "cancelled" and not variants.seeded_failure_code:
            intent.failure_code = None
        self._intents.add(intent)
        facts = intents.wire(intent, variants.instants)
        facts["account_number_full"] = intent.account_number
        return facts

    def _spend(self, state: str) -> None:
        limit = self._world.variants.budget
        self._world.budget[state] += 1
        if limit and self._world.budget[state] > limit:
            raise _refused(f"There are only {limit} resources to be had in this state.")

    def _settle_later(self, api: Api[Any], identifier: str) -> None:
        loop = asyncio.get_running_loop()

        def settle() -> None:
            task = loop.create_task(api.settle(identifier))
            self._world.tasks.add(task)
            task.add_done_callback(self._world.tasks.discard)

        loop.call_later(self._world.variants.processing_settles_ms / 1000, settle)


def _role(params: Facts, contract: str) -> str:
    owner, environment = params.get("owner"), params.get("environment")
    if owner not in {None, "primary", "other_merchant"}:
        raise _refused("params.owner is other_merchant, or absent.")
    if environment not in {None, "other"} or (
        environment and (owner == "other_merchant" or contract == "withdraws")
    ):
        raise _refused("params.environment is other, for the primary merchant's payout intents, or absent.")
    if environment:
        return "other_environment"
    return owner or "primary"


def _refused(message: str) -> Refusal:
    return Refusal(422, "unknown_state", message)
