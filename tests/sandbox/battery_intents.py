"""Everything that a payout intent can be asked, in parts."""

import asyncio
import base64
from typing import Any
from unittest.mock import patch
from urllib.parse import quote

from conformance.sandbox import CREDENTIALS, effects
from conformance.sandbox.messages import Response, encode
from tests.sandbox.player import METHODS, Player, overrides


def basic(role: str = "primary") -> bytes:
    """A key with its secret, not encoded."""
    credentials = CREDENTIALS["payout-intents"][role]
    return f"{credentials['public_key']}:{credentials['secret_key']}".encode()


def encoded(pair: bytes, scheme: str = "Basic") -> str:
    """An Authorization header."""
    return f"{scheme} {base64.b64encode(pair).decode()}"


def wrong_credentials() -> list[str | None]:
    """Values of Authorization that authenticate nobody."""
    (key, secret), other = basic().split(b":"), basic("other_merchant").split(b":")[1]
    pairs = [
        *(
            key,
            key + b":",
            b"nobody:" + secret,
            secret + b":" + key,
            key + b":" + other,
            b"\xff:\xff",
            key + b":\xff",
        ),
        *(
            key + b":" + secret[:-1],
            key + b":" + secret + b"x",
            key + b":" + secret[:-1] + b"!",
            key + b":" + secret.upper(),
        ),
        *(key + b":x", b":" + secret),
    ]
    plain = f"Basic {basic().decode()}"
    return [
        None,
        "",
        *map(encoded, pairs),
        encoded(basic(), "Bearer"),
        "Basic !!!",
        "Basic " + "A" * 10_000,
        plain,
    ]


REASONS = (
    ' A "b"\n<b>&amp;</b> O\'H é ไทย 😀 ﬁ ',
    *("x" * length for length in (255, 256, 511, 512, 513, 600)),
    "\n" * 300,
    "é" * 512,
    "",
    "0",
)
BODIES = (
    *(
        b"",
        b"{}",
        b"[]",
        b"{",
        b'{"reason":"\xff"}',
        b"[" * 3000,
        b'{"reason":null}',
        b'{"reason":7}',
        b'{"reason":{}}',
    ),
    b'{"reason":"a","reason":"b"}',
    b'{"reason":"a","amount":"1"}',
)
TYPES = ("application/json; charset=utf-8", "text/plain", "application/vnd.payouts+json", None)


class Intents:
    """The verbs of the payout intents API."""

    def __init__(self, player: Player) -> None:
        self.player = player

    async def given(self, status: str = "requires_approval", **params: Any) -> str:
        """An intent in a state."""
        return await self.player.given("payout-intents", status, webhook_url="http://hook.invalid", **params)

    async def cancel(
        self, identifier: str, body: object = None, key: str | None = None, role: str = "primary"
    ) -> Response:
        """Cancel as a careful client does."""
        headers = {"Authorization": encoded(basic(role)), "Content-Type": "application/json"}
        if key is not None:
            headers["Idempotency-Key"] = key
        content = body if isinstance(body, bytes) else encode({} if body is None else body)
        return await self.player.call("POST", f"/payout_intents/{identifier}/cancel", headers, content)

    async def read(self, identifier: str, role: str = "primary") -> Response:
        """Read an intent."""
        return await self.player.call(
            "GET", f"/payout_intents/{identifier}", {"Authorization": encoded(basic(role))}
        )


async def _states(api: Intents) -> None:
    for status in ("requires_approval", "processing", "cancelled", "paid", "failed"):
        identifier = await api.given(status)
        await api.read(identifier)
        await api.cancel(identifier, {"reason": "first"}, "k-" + status)
        await asyncio.sleep(0.002 if status == "requires_approval" else 0)
        await api.read(identifier)
        await api.cancel(identifier, {"reason": "second"})
        await api.read(identifier)
        await api.player.settle(identifier)
    raced = await api.given()
    await asyncio.gather(*(api.cancel(raced, {"reason": str(n)}, f"race-{n}") for n in range(3)))
    keyless = await api.given()
    await asyncio.gather(*(api.cancel(keyless, {"reason": str(n)}) for n in range(3)))
    settled = await api.given()
    await asyncio.gather(api.cancel(settled), api.player.settle(settled))
    for status in ("requires_approval", "processing", "cancelled"):
        for role, params in (
            ("other_merchant", {"owner": "other_merchant"}),
            ("other_environment", {"environment": "other"}),
        ):
            identifier = await api.given(status, **params)
            await api.cancel(identifier)
            await api.read(identifier)
            await api.read(identifier, role)
    mine = await api.given()
    for odd in ("word_01UNKNOWN", "%00", "x" * 300, quote("😀"), f"a%2f{mine}"):
        await api.cancel(odd)
        await api.read(odd)
    await api.read(mine)


async def _bodies(api: Intents) -> None:
    for reason in (*REASONS, "Last"):
        identifier = await api.given()
        await api.cancel(identifier, {"reason": reason})
        await api.read(identifier)
    for body in BODIES:
        identifier = await api.given()
        await api.cancel(identifier, body)
        await api.read(identifier)
    for content_type in TYPES:
        identifier = await api.given()
        headers = {"Authorization": encoded(basic())} | (
            {"Content-Type": content_type} if content_type else {}
        )
        await api.player.call("POST", f"/payout_intents/{identifier}/cancel", headers, b'{"reason":"a"}')


async def _keys(api: Intents) -> None:
    first, second = await api.given(), await api.given()
    key = "Key-0123456789abcdef-" + "7" * 15
    bodies: tuple[dict[str, str], ...] = (
        {"reason": "same"},
        {"reason": "same"},
        {"reason": "SAME"},
        {"reason": "same"},
        {},
        {"reason": "emas"},
    )
    for body in bodies:
        await api.cancel(first, body, key)
        await api.read(first)
    await api.cancel(second, {"reason": "same"}, key)
    await api.cancel(second, {"reason": "other"}, key)
    await api.read(second)
    await api.player.call(
        "POST", f"/payout_intents/{first}/cancel", {"Idempotency-Key": key}, b'{"reason":"same"}'
    )
    for role, params in (
        ("other_merchant", {"owner": "other_merchant"}),
        ("other_environment", {"environment": "other"}),
    ):
        await api.cancel(await api.given(**params), {"reason": "same"}, key, role)
    for odd in (key.lower(), key[:-1] + "8", "", "k" * 300):
        await api.cancel(await api.given(), {"reason": "odd"}, odd)
    raced = await api.given()
    await asyncio.gather(*(api.cancel(raced, {"reason": "r"}, "in-flight") for _ in range(3)))
    await api.cancel(raced, {"reason": "r"}, "in-flight")
    raced = await api.given()
    await asyncio.gather(*(api.cancel(raced, {"reason": str(n)}, "one-for-all") for n in range(3)))
    refused = await api.given()
    path, headers = (
        f"/payout_intents/{refused}/cancel",
        [("Idempotency-Key", b"two"), ("Idempotency-Key", b"three")],
    )
    await api.player.call("POST", path, {"Idempotency-Key": "after-401"})
    await api.cancel(refused, {}, "after-401")
    await api.player.call("POST", path, [("Authorization", encoded(basic()).encode()), *headers])


async def _authentication(api: Intents) -> None:
    identifier = await api.given()
    for value in wrong_credentials():
        headers = {} if value is None else {"Authorization": value}
        for each in (identifier, "word_01UNKNOWN"):
            await api.player.call("GET", f"/payout_intents/{each}", headers)
            await api.player.call("POST", f"/payout_intents/{each}/cancel", headers)
        await api.read(identifier)
    for name, scheme in (("authorization", "Basic"), ("Authorization", "basic")):
        await api.player.call("GET", f"/payout_intents/{identifier}", {name: encoded(basic(), scheme)})


async def _methods(api: Intents) -> None:
    for method in METHODS:
        for suffix in ("", "/cancel"):
            for override in overrides(method):
                identifier = await api.given()
                headers = {"Authorization": encoded(basic())} | override
                await api.player.call(method, f"/payout_intents/{identifier}{suffix}", headers)
                await api.read(identifier)


async def _rare(api: Intents) -> None:
    """What only defects of the kind that fuzzing is for answer otherwise."""
    account = {"Authorization": encoded(basic()), "Content-Type": "application/json"}
    for reason in ("pay ${name}", "x" * 300, "<b>bold</b>", "7"):
        identifier = await api.given()
        await api.cancel(identifier, {"reason": reason}, "rare-" + reason[:5])
        await api.read(identifier)
    for more in (
        {"X-Request-Id": "r" * 80},
        {"Accept": "application/json, */*"},
        {"Accept-Language": "de"},
        {"Content-Type": "json"},
    ):
        identifier = await api.given()
        await api.player.call("POST", f"/payout_intents/{identifier}/cancel", account | more, b"{}")
    long = b'{"reason":"' + rb"\u00e9" * 600 + b'"}'
    await api.cancel(await api.given(), long)
    await api.cancel("%C3%28")
    await _sequences(api)


async def _sequences(api: Intents) -> None:
    first, second, key = await api.given(), await api.given(), "rare-key"
    same = {"reason": "same"}
    await api.read(second)
    await api.cancel(second, b"[]", "rare-odd")
    await api.read(second)
    second = await api.given()
    await api.cancel(first, same, key)
    for step in ("replay", "read", "replay", "second", "replay"):
        await (
            api.read(first)
            if step == "read"
            else api.cancel(second if step == "second" else first, same, key)
        )
    for after in ("stranger", "fresh", "empty", "failed", "settled"):
        first, key = await api.given(), f"rare-{after}"
        await api.cancel(first, same, key)
        await api.read(first)
        if after == "stranger":
            await api.cancel(first, {"reason": "other"}, key, "other_merchant")
        elif after == "fresh":
            await api.cancel(first, same, "rare-another")
        elif after == "empty":
            await api.cancel(first, {}, "rare-empty-2")
        elif after == "failed":
            await api.cancel(first, {}, key)
            await api.player.call("POST", f"/payout_intents/{first}/cancel", {}, b"{}")
        else:
            await api.cancel(first, same)
            await api.player.settle(first)
        await api.read(first)
        await api.cancel(first, same, key)


async def _late(api: Intents) -> None:
    """What shows a moment later only, or on the second look."""
    with patch.object(effects, "LATER_S", 0.001):
        await _done_after_all(api)
    await _second_looks(api)


async def _done_after_all(api: Intents) -> None:
    first, key = await api.given(), "late-key"
    stolen, foreign, broken, conflicting, processing = (
        *(await api.given(), await api.given(owner="other_merchant"), await api.given(), await api.given()),
        await api.given("processing"),
    )
    await api.cancel(first, {"reason": "first"}, key)
    await api.player.call("POST", f"/payout_intents/{stolen}/cancel", {}, b"{}")
    await api.cancel(foreign)
    await api.cancel(broken, b"[]")
    await api.cancel(conflicting, {"reason": "other"}, key)
    await api.cancel(processing)
    await api.player.settle(first)
    await asyncio.sleep(0.004)
    for identifier in (first, stolen, broken, conflicting, processing):
        await api.read(identifier)
    await api.read(foreign, "other_merchant")
    await api.cancel(first, {"reason": "other"}, key)


async def _second_looks(api: Intents) -> None:
    account = {"Authorization": encoded(basic()), "Content-Type": "application/json"}
    first, second = await api.given(), await api.given("processing")
    path = f"/payout_intents/{first}/cancel"
    await api.player.call("POST", f"{path}/", {}, b"{}")
    await api.player.call("POST", path, {"X-Forwarded-For": "127.0.0.1"}, b"{}")
    await api.player.call("POST", path, {"Authorization": encoded(basic().split(b":")[0] + b":%")}, b"{}")
    for body, key in (("a, b", "look-key"), ("a b", "look-key"), ("c", "lookkey")):
        await api.cancel(first, {"reason": body}, key)
    keyed = account | {"Idempotency-Key": "look-key"}
    await api.player.call("POST", path, keyed, b'{"reason":"a, b"}', connection=1)
    await api.player.call("GET", f"/payout_intents/{first}", keyed | {"X-Look": "again"})
    await api.player.call("GET", f"/payout_intents/{second}", keyed)
    for identifier in (second, second, "word_01UNKNOWN", "word_01UNKNOWN"):
        await api.cancel(identifier, {"reason": "again"}, f"look-{identifier}")
    chunked = await api.given()
    await api.player.call(
        "POST",
        f"/payout_intents/{chunked}/cancel",
        account | {"Transfer-Encoding": "chunked"},
        b'{"reason":"a"}',
    )
    await api.cancel(await api.given(), {"reason": '{"a":  1}'})


PARTS = (_states, _bodies, _keys, _authentication, _methods, _rare, _late)
