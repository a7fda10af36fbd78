"""The sandbox as a function from requests to responses: the APIs, provider states and control."""

import asyncio
import random
import sys
import traceback
from collections.abc import Iterable, Mapping
from typing import Any

from conformance.sandbox import gateways, outages
from conformance.sandbox.api import Api
from conformance.sandbox.apis import apis
from conformance.sandbox.body import parse_object
from conformance.sandbox.defects import bend
from conformance.sandbox.messages import HANG_UP, Refusal, Request, Response, encode
from conformance.sandbox.outages import Outages
from conformance.sandbox.states import States
from conformance.sandbox.store import Store, World
from conformance.sandbox.variants import parse_variants
from conformance.sandbox.webhooks import Courier
from conformance.sandbox.wire import Dialect


class App:
    """All APIs over one world, which a reset replaces. Everything runs on one event loop."""

    def __init__(self, defects: Iterable[str] = (), variants: Mapping[str, Any] | None = None) -> None:
        self.defects: tuple[str, ...] = ()
        self.variants: dict[str, Any] = {}
        self.courier = Courier()
        self.dialect = Dialect()
        self.requests = 0
        self._outages = Outages()
        self.configure(defects, variants or {}, reset=True)

    def configure(
        self,
        defects: Iterable[str] | None = None,
        variants: Mapping[str, Any] | None = None,
        *,
        reset: bool = False,
    ) -> None:
        """Switch defects and variants; None leaves them as they are. An unknown name is a ValueError.

        Resources and keys stay, unless `reset` begins with a fresh world.
        """
        chosen = self.defects if defects is None else tuple(dict.fromkeys(defects))
        given = self.variants if variants is None else dict(variants)
        parsed = parse_variants(given)
        known = apis()
        bent = {name: bend(api.parts().reference, chosen) for name, api in known.items()}
        if reset:
            self.world = World(*parsed)
            self._stores: dict[str, Store[Any]] = {name: Store() for name in known}
        else:
            self.world.use(*parsed)
        self.defects, self.variants = chosen, given
        self.apis: dict[str, Api[Any]] = {
            name: kind(self.world, self._stores[name], self.courier) for name, kind in bent.items()
        }
        self.states = States(self.world, known)
        self.dialect = Dialect(
            charset=self.world.variants.charset,
            header_case=self.world.variants.header_case,
            keep_alive=self.world.variants.keep_alive,
            chunked=self.world.variants.chunked,
            clock_skew_s=self.world.variants.clock_skew_s,
        )

    async def __call__(self, request: Request) -> Response:
        """Answers one request. Never raises: a fault of the sandbox is a 500 in JSON."""
        try:
            if request.path in _INTERNAL:
                if request.path == _STATES and self._outages.is_due_at_the_source(self.world.variants):
                    unavailable = outages.before(self.world.variants)
                    if unavailable is None:
                        await self._internal(request)
                    return unavailable or HANG_UP
                return await self._internal(request)
            self.requests += 1
            await self._delay()
            if not self._outages.is_due(self.world.variants):
                return await self._answered(request)
            unavailable = outages.before(self.world.variants)
            if unavailable is None:
                await self._answered(request)
            return unavailable or HANG_UP
        except Exception:
            if not self.defects:  # a defect's 500 is meant
                traceback.print_exc(file=sys.stderr)
            return Response(
                500, encode({"error": {"code": "internal", "message": "Something went wrong here."}})
            )

    async def _answered(self, request: Request) -> Response:
        dismissed = gateways.answered(self.world.variants.gateway, request)
        if dismissed is not None:
            return dismissed
        for api in self.apis.values():
            response = await api.respond(request)
            if response is not None:
                return response
        return list(self.apis.values())[-1].unknown_route(request)

    async def close(self) -> None:
        """Stops the background tasks."""
        await self.courier.close()

    async def _delay(self) -> None:
        variants = self.world.variants
        if variants.latency_ms or variants.jitter_ms:
            await asyncio.sleep((variants.latency_ms + random.uniform(0, variants.jitter_ms)) / 1000)  # noqa: S311

    # /_states and /_control: no authentication, as the sandbox only listens on loopback

    async def _internal(self, request: Request) -> Response:
        try:
            allowed = _INTERNAL[request.path]
            if request.method not in allowed:
                headers = (("allow", ", ".join(allowed)),)
                raise Refusal(405, "method_not_allowed", f"Only {', '.join(allowed)} here.", headers)
            return Response(200, encode(await self._order(request)))
        except Refusal as refusal:
            body = encode({"error": {"code": refusal.code, "message": refusal.message}})
            return Response(refusal.status, body, refusal.headers)

    async def _order(self, request: Request) -> dict[str, Any]:
        if request.path == "/_control/auth-log":
            return self.auth_log()
        if request.method == "GET":
            return self.status()
        try:
            order = parse_object(request.body)
        except (ValueError, RecursionError) as error:
            raise Refusal(422, "invalid_request", "The body is a JSON object.") from error
        if request.path == _STATES:
            return await self.states.handle(order, self.apis)
        return self._switch(order)

    def _switch(self, order: dict[str, Any]) -> dict[str, Any]:
        defects, variants, reset = order.get("defects"), order.get("variants"), order.get("reset", False)
        well_formed = (
            (
                defects is None
                or (isinstance(defects, list) and all(isinstance(name, str) for name in defects))
            )
            and (variants is None or isinstance(variants, dict))
            and isinstance(reset, bool)
            and not order.keys() - {"defects", "variants", "reset"}
        )
        if not well_formed:
            message = (
                "An order has defects (a list of ids), variants (an object), reset (a boolean), and no more."
            )
            raise Refusal(422, "invalid_request", message)
        try:
            self.configure(defects, variants, reset=reset)
        except ValueError as error:
            raise Refusal(422, "unknown_name", str(error)) from error
        return self.status()

    def status(self) -> dict[str, Any]:
        """Returns the defects and variants that are switched on, and the counts of authentication."""
        return {
            "defects": list(self.defects),
            "variants": self.variants,
            "auth": self.world.auth_log.summary(),
        }

    def auth_log(self) -> dict[str, Any]:
        """Per API, the counts and the latest failures."""
        log = self.world.auth_log
        return {api: {**summary, "entries": log.entries(api)} for api, summary in log.summary().items()}


_STATES = "/_states"
_INTERNAL = {_STATES: ("POST",), "/_control": ("GET", "POST"), "/_control/auth-log": ("GET",)}
