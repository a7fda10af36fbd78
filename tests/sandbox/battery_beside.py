"""What a payout intent can be asked beside the path: other ids, other people, bodies and keys that hardly work."""

import asyncio
from typing import Any

from tests.sandbox.battery_intents import Intents, basic, encoded
from tests.sandbox.player import hurried

_ACCOUNT = {"Authorization": encoded(basic()), "Content-Type": "application/json"}


async def ids_beside_the_path(api: Intents) -> None:
    """Each name with the id of another intent, in the body or the query."""
    asked: tuple[tuple[str, Any], ...] = (
        ("id", None),
        ("ids", None),
        ("payoutIntentId", None),
        ("status", "paid"),
        ("?payout_intent_id", None),
    )
    for name, value in asked:
        first, other = await api.given(), await api.given(owner=_OWNERS.get(name))
        named = value or ([other] if name == "ids" else other)
        if name.startswith("?"):
            path = f"/payout_intents/{first}/cancel{name}={other}"
            await api.player.call("POST", path, _ACCOUNT, b"{}")
        else:
            await api.cancel(first, {"reason": "a", name: named})
        await api.read(first)
        await api.read(other, _OWNERS.get(name) or "primary")
    first, other = await api.given(), await api.given(owner="other_merchant")
    await api.player.call("GET", f"/payout_intents/{first}?id={other}", _ACCOUNT)


_OWNERS = {"payoutIntentId": "other_merchant"}


async def later(api: Intents) -> None:
    """What ends by itself, refused or not, and what was cancelled some seconds ago."""
    with hurried():
        refused, spared, cancelled = (
            await api.given("processing"),
            await api.given("processing"),
            await api.given(),
        )
        for one in (refused, spared):
            await api.read(one)
        await api.cancel(refused)
        await api.cancel(cancelled, {"reason": "a"})
        await asyncio.sleep(6)
    for one in (refused, spared, cancelled):
        await api.read(one)


async def keys_and_bodies(api: Intents) -> None:
    """A key whose first body was wrong, a huge one, a pair with more behind it, letters in two parts."""
    first = await api.given()
    await api.cancel(first, b"[]", "wrong-body")
    await api.cancel(first, {"reason": "a"}, "wrong-body")
    await api.cancel(await api.given(), {"reason": "a"}, "k" * 2000)
    await api.cancel(await api.given(), {"reason": "Cafe\u0301"})
    await api.cancel(await api.given(), {"reason": 7})
    headers = _ACCOUNT | {"Authorization": encoded(basic() + b":more")}
    await api.player.call("POST", f"/payout_intents/{await api.given()}/cancel", headers, b"{}")


PARTS = (ids_beside_the_path, later, keys_and_bodies)
