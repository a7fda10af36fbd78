"""The defects: each is a real one, differs from every other, and can be switched on."""

import asyncio
import re
from typing import Any

import pytest

from conformance.sandbox import list_defects
from conformance.sandbox.defects import defect
from conformance.sandbox.withdraws.reference import Withdraws
from tests.sandbox import battery_beside, battery_intents, battery_withdraws
from tests.sandbox.player import Player, fixed_time_and_chance

APIS = ("withdraws", "payout-intents")
INTENTS = (*battery_intents.PARTS, *battery_beside.PARTS)
PARTS = {"withdraws": len(battery_withdraws.PARTS), "payout-intents": len(INTENTS)}


def transcript(api: str, part: int, *defects: str) -> str:
    """What an API with these defects answers to one part of its battery."""

    async def play() -> str:
        with fixed_time_and_chance() as now:
            player = Player(*defects)
            if api == "withdraws":
                await battery_withdraws.PARTS[part](battery_withdraws.Withdraws(player, now))
            else:
                await INTENTS[part](battery_intents.Intents(player))
            return repr(player.transcript)

    return asyncio.run(play())


@pytest.mark.parametrize("api", APIS)
def test_the_clean_battery_repeats_itself(api: str) -> None:
    """Otherwise the next test would prove nothing. No answer is a 5xx."""
    for part in range(PARTS[api]):
        clean = transcript(api, part)
        assert clean == transcript(api, part)
        assert "'POST', 500" not in clean


@pytest.mark.parametrize("api", APIS)
def test_every_defect_shows_and_no_two_are_one(api: str) -> None:
    """Each answers the battery in its own way."""
    clean = [transcript(api, part) for part in range(PARTS[api])]
    first_seen: dict[str, str] = {}
    idle, doubles = [], []
    for each in list_defects(api):
        # The first part that shows it is enough, unless another defect shows there alike.
        shown = (transcript(api, part, each.id) for part in range(PARTS[api]))
        bent = next((text for text, sound in zip(shown, clean, strict=True) if text != sound), None)
        if bent is None:
            idle.append(each.id)
        elif (like := first_seen.setdefault(bent, each.id)) != each.id and whole(api, like) == whole(
            api, each.id
        ):
            doubles.append((like, each.id))
    assert (idle, doubles) == ([], [])


def whole(api: str, identifier: str) -> list[str]:
    """All that a defect answers."""
    return [transcript(api, part, identifier) for part in range(PARTS[api])]


def test_every_defect_can_be_switched_on(bent: Any) -> None:
    """And the control endpoint goes on answering."""
    client = bent().client
    for each in list_defects():
        reply = client.http.post("/_control", json={"defects": [each.id]})
        assert reply.json()["defects"] == [each.id]


def test_every_defect_says_what_it_breaks() -> None:
    """One sentence or two, and requirements of its own API."""
    for each in list_defects():
        prefix = {"withdraws": "WD", "payout-intents": "PI"}[each.api]
        assert all(re.fullmatch(rf"{prefix}-\d\d", row) for row in each.breaks)
        assert each.says.endswith(".")
        assert 10 < len(each.says) < 130
    for api in APIS:
        assert len(list_defects(api)) > 100


@pytest.mark.parametrize(
    ("identifier", "breaks"),
    [("pi-wrong-api", "WD-01"), ("wd-paid-is-cancelled", "WD-04"), ("wd-x", "PI-01")],
)
def test_a_wrong_declaration_is_refused(identifier: str, breaks: str) -> None:
    """Another API's id or requirement, and an id that is taken."""
    list_defects()
    with pytest.raises(ValueError, match="defect"):
        defect(identifier, breaks)(Withdraws)
