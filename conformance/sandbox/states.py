"""The provider-state endpoint, `POST /_states`: resources in named states are set up, torn down and settled.

Facts come from the model, never through an API that a defect may have changed: what a judge compares with must be
true.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from conformance.sandbox.api import Api
from conformance.sandbox.apis import SandboxApi
from conformance.sandbox.credentials import ROLES
from conformance.sandbox.messages import Refusal
from conformance.sandbox.store import Resource, World

Facts = dict[str, Any]
Fixture = Callable[[World, Facts, tuple[str, str], str], tuple[Any, Facts]]
"""Makes a resource and tells its facts: from the params of a setup, merchant and environment, and a status."""


class States:
    """Sets up resources in the stores of one world."""

    def __init__(self, world: World, known: Mapping[str, SandboxApi]) -> None:
        self._world = world
        self._known = known

    async def handle(self, message: Facts, apis: dict[str, Api[Any]]) -> Facts:
        """Carries out a setup, teardown or settle; a Refusal: 422 for an impossible one, 404 for an unknown id."""
        action = message.get("action")
        params = message.get("params", {})
        if not isinstance(params, dict):
            raise refused("params is an object.")
        if action == "setup":
            return self._setup(params, apis)
        if action not in {"teardown", "settle"}:
            raise refused("action is setup, teardown or settle.")
        identifier = message.get("id", params.get("id"))
        if not isinstance(identifier, str):
            raise refused(f"A {action} names the id that setup answered.")
        # Each is asked: whoever asks needn't know any more which of them it came from.
        if action == "teardown":
            if any(api.store.remove(identifier) for api in apis.values()):
                return {"id": identifier, "removed": True}
        else:
            for api in apis.values():
                status = await api.settle(identifier)
                if status is not None:
                    return {"id": identifier, "status": status}
        raise Refusal(404, "unknown_resource", "There is no such resource.")

    def _setup(self, params: Facts, apis: dict[str, Api[Any]]) -> Facts:
        contract, status = params.get("contract"), params.get("status")
        api = self._known.get(contract) if isinstance(contract, str) else None
        if contract is None or api is None:
            raise refused(f"params.contract is one of {', '.join(self._known)}.")
        statuses = api.statuses(self._world.own[api.name])
        if status not in statuses:
            raise refused(f"params.status of {contract} is one of {', '.join(statuses)}.")
        role = _role(params, api)
        self._spend(f"{contract} {role} {status}")
        row: Resource
        row, facts = api.parts().fixture(self._world, params, ROLES[role], status)
        apis[contract].store.add(row)
        if self._world.variants.processing_settles_ms and status == api.unsettled:
            self._settle_later(apis[contract], row.id)
        return facts

    def _spend(self, state: str) -> None:
        limit = self._world.variants.budget
        self._world.budget[state] += 1
        if limit and self._world.budget[state] > limit:
            raise refused(f"There are only {limit} resources to be had in this state.")

    def _settle_later(self, api: Api[Any], identifier: str) -> None:
        loop = asyncio.get_running_loop()

        def settle() -> None:
            task = loop.create_task(api.settle(identifier))
            self._world.tasks.add(task)
            task.add_done_callback(self._world.tasks.discard)

        loop.call_later(self._world.variants.processing_settles_ms / 1000, settle)


def _role(params: Facts, api: SandboxApi) -> str:
    owner, environment = params.get("owner"), params.get("environment")
    if owner not in {None, "primary", "other_merchant"}:
        raise refused("params.owner is other_merchant, or absent.")
    elsewhere = "other_environment" in api.credentials and owner != "other_merchant"
    if environment not in {None, "other"} or (environment and not elsewhere):
        raise refused(
            "params.environment is other, for the primary merchant of an API that has two, or absent."
        )
    return "other_environment" if environment else owner or "primary"


def refused(message: str) -> Refusal:
    """422: a state that can't be made."""
    return Refusal(422, "unknown_state", message)
