"""Everything that a withdraw can be asked, in parts."""

import asyncio
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from conformance.sandbox import CREDENTIALS
from conformance.sandbox.messages import Response
from tests.sandbox.conftest import hmac_by_hand
from tests.sandbox.player import METHODS, Player, hurried, overrides

DAY_MS = 86_400_000
UNKNOWN_UUID = str(uuid.UUID(int=7, version=4))


def signed(now: int, role: str = "primary", body: bytes = b"", timestamp: str = "") -> dict[str, str]:
    """The headers of a signed request."""
    credentials = CREDENTIALS["withdraws"][role]
    timestamp = timestamp or str(now)
    signature = hmac_by_hand(credentials["api_secret"].encode(), f"{timestamp}.".encode() + body)
    return {
        "X-API-Key": credentials["api_key"],
        "X-Timestamp": timestamp,
        "X-Signature": f"sha256={signature}",
    }


def wrongly_signed(now: int) -> list[Mapping[str, str | bytes]]:
    """Headers that authenticate nobody."""
    good, other = signed(now), signed(now, "other_merchant")
    key, signature, secret = (
        good["X-API-Key"],
        good["X-Signature"],
        CREDENTIALS["withdraws"]["primary"]["api_secret"],
    )

    def made_with(secret: str, message: str = f"{now}.") -> str:
        return "sha256=" + hmac_by_hand(secret.encode(), message.encode())

    changes: list[dict[str, str | bytes | None]] = [{name: value} for name in good for value in (None, "")]
    changes += [
        {"X-Signature": signature[:-1]},
        {"X-Signature": signature[:20] + "0" * 51},
        {"X-Signature": signature + "00"},
        {"X-Signature": "sha256=zz"},
        {"X-Signature": "sha256=" + "0" * 64},
        {"X-Signature": "sha256=ü".encode()},
        {"X-Signature": "a" * 10_000},
        {"X-Signature": other["X-Signature"]},
        {"X-Signature": made_with("")},
        {"X-Signature": made_with(secret, "")},
        {"X-Signature": made_with(key)},
        {"X-API-Key": other["X-API-Key"]},
        {"X-API-Key": "nobody"},
        {"X-API-Key": key + "x"},
        {"X-API-Key": "ключ".encode()},
        {"X-API-Key": "k" * 10_000},
        {"X-Timestamp": str(now + 1000)},
        {"X-Signature": signature.removeprefix("sha256=")},
        {"X-Signature": "sha256=" + signature.removeprefix("sha256=").upper()},
        {"X-Signature": made_with(secret, f"{now}.{{}}")},
        {"X-Signature": made_with(secret, f"{now // 1000}."), "X-Timestamp": str(now // 1000)},
    ]
    mutated: list[Mapping[str, str | bytes]] = [
        {name: value for name, value in (good | change).items() if value is not None} for change in changes
    ]
    odd = [signed(now, timestamp=stamp) for stamp in (str(now - DAY_MS), str(now + DAY_MS), "NaN")]
    unstamped = {"X-API-Key": key, "X-Signature": made_with(secret, ".")}
    return [*mutated, *odd, unstamped]


class Withdraws:
    """The verbs of the withdraws API."""

    base = "/api/v1/withdraws/"

    def __init__(self, player: Player, now: Callable[[], int]) -> None:
        self.player = player
        self.now = now

    async def given(self, status: str = "pending", **params: Any) -> str:
        """A withdraw in a state."""
        return await self.player.given("withdraws", status, **params)

    async def cancel(self, identifier: str, role: str = "primary") -> Response:
        """Cancel as documented."""
        return await self.player.call("POST", f"{self.base}{identifier}/cancel", signed(self.now(), role))

    async def read(self, identifier: str, role: str = "primary") -> Response:
        """Read a withdraw."""
        return await self.player.call("GET", self.base + identifier, signed(self.now(), role))


async def _states(api: Withdraws) -> None:
    for status in ("pending", "processing", "paid", "failed", "canceled", "unsupported"):
        params = {"provider_supports_cancel": False} if status == "unsupported" else {}
        identifier = await api.given("processing" if params else status, **params)
        await api.read(identifier)
        await api.cancel(identifier)
        await asyncio.sleep(0.002 if status == "pending" else 0)
        await api.read(identifier)
        await api.cancel(identifier)
        await api.read(identifier)
        await api.player.settle(identifier)
    for status in ("pending", "processing"):
        raced = await api.given(status)
        await asyncio.gather(*(api.cancel(raced) for _ in range(3)))


async def _lookups(api: Withdraws) -> None:
    for status in ("pending", "processing", "paid"):
        foreign = await api.given(status, owner="other_merchant")
        await api.cancel(foreign)
        await api.read(foreign, "other_merchant")
        await api.read(foreign)
    pending = await api.given()
    for odd in (UNKNOWN_UUID, "x", "%00", f"{pending}%00", "x" * 300):
        await api.cancel(odd)
    await api.read(pending)


async def _signatures(api: Withdraws) -> None:
    pending = await api.given()
    for headers in wrongly_signed(api.now()):
        await api.player.call("POST", f"{api.base}{pending}/cancel", headers)
        await api.player.call("POST", f"{api.base}{UNKNOWN_UUID}/cancel", headers)
        await api.read(pending)
    for body in (b"{}", b'{"a":1}', b"x"):
        await api.player.call("POST", f"{api.base}{pending}/cancel", signed(api.now()), body)
    for signed_body, body in ((b'{"a":1}', b'{ "a": 1 }'), (b'{"amount":"7.77"}', b'{"amount":"7.77"}')):
        given = await api.given()
        headers = signed(api.now(), body=signed_body)
        await api.player.call("POST", f"{api.base}{given}/cancel", headers, body)
    first = signed(api.now())
    await api.player.call("GET", api.base + pending, first)
    await api.player.call(
        "GET", api.base + pending, first | {"X-Timestamp": str(int(first["X-Timestamp"]) + 60_007)}
    )
    lower = {name.lower(): value for name, value in signed(api.now()).items()}
    await api.player.call("POST", f"{api.base}{pending}/cancel", lower)


async def _methods(api: Withdraws) -> None:
    for method in METHODS:
        for override in overrides(method):
            identifier = await api.given()
            await api.player.call(method, f"{api.base}{identifier}/cancel", signed(api.now()) | override)
            await api.read(identifier)


async def _rare(api: Withdraws) -> None:
    """What only defects of the kind that fuzzing is for answer otherwise."""
    for odd in ("00000000-0000-0000-0000-000000000000", "1e000001-0000-4000-8000-000000000000"):
        await api.cancel(odd)
    for more in (
        {"Accept-Language": "de"},
        {"Accept": "application/json, */*"},
        {"X-Request-Id": "r" * 80},
        {"User-Agent": "Mozilla/5.0"},
    ):
        identifier = await api.given()
        for _ in range(2):
            await api.player.call("POST", f"{api.base}{identifier}/cancel", signed(api.now()) | more)
    for after in ("stranger", "failed", "refused", "settled"):
        identifier = await api.given()
        await api.cancel(identifier)
        if after in ("stranger", "settled"):
            await api.cancel(identifier, "other_merchant")
        if after == "failed":
            await api.player.call("POST", f"{api.base}{identifier}/cancel", {})
        if after == "settled":
            await api.player.settle(identifier)
        if after == "refused":
            await api.cancel(identifier)
            await api.read(identifier)
        await api.read(identifier)
        for _ in range(4):
            await api.cancel(identifier)


async def _doors(api: Withdraws) -> None:
    """Ways in that are none, each tried on a withdraw of its own."""
    good = signed(api.now())
    digits = good["X-Signature"].removeprefix("sha256=")
    for signature in (f"sha256=00{digits}", f"sha256={digits[:40]}", "none="):
        await api.player.call(
            "POST", f"{api.base}{await api.given()}/cancel", good | {"X-Signature": signature}
        )
    await api.player.call("POST", f"{api.base}{await api.given()}/cancel", {"Authorization": "Bearer x"})
    await api.player.call("POST", f"{api.base}{await api.given()}/c%61ncel", {})
    await api.player.call("POST", f"{api.base}{(await api.given()).upper()}/cancel", {})
    await api.player.call("POST", f"{api.base}{await api.given('processing')}/cancel", {})
    for stamp in (f"{api.now()}ms", "9" * 40):
        path = f"{api.base}{await api.given()}/cancel"
        await api.player.call("POST", path, signed(api.now(), timestamp=stamp))
    for kind, body in (("text/plain", b"\xff"), ("a/form", b"a=1"), ("application/json", b"1" * 20_000)):
        path = f"{api.base}{await api.given()}/cancel"
        await api.player.call("POST", path, signed(api.now()) | {"Content-Type": kind}, body)
    force = b'{"force": true}'
    path = f"{api.base}{await api.given('paid')}/cancel"
    await api.player.call("POST", path, signed(api.now(), body=force), force)
    theirs = await api.given(owner="other_merchant")
    second = ("X-API-Key", CREDENTIALS["withdraws"]["other_merchant"]["api_key"].encode())
    both = [*((name, value.encode()) for name, value in signed(api.now()).items()), second]
    await api.player.call("POST", f"{api.base}{theirs}/cancel", both)
    await api.cancel((await api.given(owner="other_merchant")).upper())
    await api.cancel(await api.given("paid", owner="other_merchant"), "other_merchant")


async def _late(api: Withdraws) -> None:
    """What shows a little later, beside something else, or when it is to be paid."""
    processing, failed, theirs = await asyncio.gather(
        api.given("processing"), api.given("failed"), api.given(owner="other_merchant")
    )
    for one in (processing, failed, theirs):
        await api.cancel(one)
    await asyncio.sleep(0.07)
    await api.read(processing)
    await api.read(failed)
    await api.read(theirs, "other_merchant")
    await api.player.settle(theirs)
    for _ in range(2):
        await api.player.settle(processing)
    await api.cancel(theirs)
    for _ in range(2):
        await api.cancel(UNKNOWN_UUID)
    paid = await api.given()
    await api.read(paid)
    await api.player.settle(paid)
    await api.cancel(paid)
    met = await api.given()
    await asyncio.gather(api.player.settle(met), api.cancel(met))
    await api.read(met)
    one, other = await api.given(), await api.given()
    await asyncio.gather(api.cancel(one), api.cancel(other))
    for each in (one, other):
        await api.read(each)
    own, wanted = await api.given(owner="other_merchant"), await api.given(owner="other_merchant")
    await asyncio.gather(api.cancel(wanted), api.cancel(own, "other_merchant"))


async def _odd(api: Withdraws) -> None:
    """What a provider can't cancel, the tenth of something, and keys, bodies and queries that are odd."""
    await api.cancel(await api.given(provider_supports_cancel=False))
    for _ in range(10):
        await api.cancel(await api.given())
    for key in (b"constructor", b"\xff"):
        headers = signed(api.now()) | {"X-API-Key": key}
        await api.player.call("POST", f"{api.base}{UNKNOWN_UUID}/cancel", headers)
    headers = signed(api.now()) | {"X-Signature": b"sha256=\xff"}
    await api.player.call("POST", f"{api.base}{UNKNOWN_UUID}/cancel", headers)
    await api.cancel("%ff")
    once, twice = b'{"a":1}', b'{"a":2,"a":1}'
    for kind, sign, body in (
        ("application/json", b"{", b"{"),
        ("application/json; charset=nonsense", b"{}", b"{}"),
        ("application/json", once, twice),
    ):
        headers = signed(api.now(), body=sign) | {"Content-Type": kind}
        await api.player.call("POST", f"{api.base}{await api.given()}/cancel", headers, body)
    path = f"{api.base}{await api.given()}/cancel?_method=POST"
    await api.player.call("GET", path, signed(api.now()))


async def _much_later(api: Withdraws) -> None:
    """What shows seconds later."""
    with hurried():
        withdraw = await api.given()
        await api.cancel(withdraw)
        await asyncio.sleep(6)
    await api.read(withdraw)


PARTS = (_states, _lookups, _signatures, _methods, _rare, _doors, _late, _odd, _much_later)
