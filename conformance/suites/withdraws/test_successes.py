"""Each success of the run, looked at in the end: of any merchant, beside others, of any kind.

A run in several processes looks at those of the process that comes to this last; only amounts are looked at for all.
"""

from collections.abc import Callable

import pytest

from conformance.oracles import expect
from conformance.oracles.expect import requirement
from conformance.oracles.keys import lacking
from conformance.plugin import Given
from conformance.session import Session
from conformance.suites.withdraws.assertions import CANCELED, data
from conformance.suites.withdraws.client import Asked, Withdraws
from conformance.suites.withdraws.fields import (
    has_instant,
    has_its_id,
    has_text_types,
    is_code,
    is_decimal_text,
    is_masked,
    is_unpaid,
    lacks_decimals,
)

pytestmark = pytest.mark.last


def _is_put_as_documented(one: Asked) -> None:
    expect.answered(one.reply, CANCELED, to=one.what())


def _has_its_instants(one: Asked) -> None:
    has_instant(one.reply, "createdAt")
    has_instant(one.reply, "updatedAt")


# Successes of any merchant, beside others, of any kind and late in the run are judged as those that a check looks at.
_EACH: dict[str, Callable[[Asked], object]] = {
    "WD-01": _is_put_as_documented,
    "WD-15": lambda one: has_its_id(one.reply, one.withdraw),
    "WD-17": lambda one: has_instant(one.reply, "canceledAt"),
    "WD-18": lambda one: is_unpaid(one.reply),
    "WD-19": lambda one: is_decimal_text(one.reply),
    "WD-20": lambda one: is_code(one.reply),
    "WD-21": lambda one: is_masked(one.reply, known=False),
    "WD-22": lambda one: has_text_types(one.reply),
    "WD-25": _has_its_instants,
}


@pytest.mark.parametrize("row", [pytest.param(row, marks=requirement(row), id=row) for row in _EACH])
def test_every_success_is_one(all_successes: Callable[..., None], row: str) -> None:
    """Each success of the run is one as documented, whoever's withdraw it is about and whenever it came."""
    all_successes(_EACH[row])


@requirement("WD-16", level="SHOULD")
def test_keys_without_a_value_are_null(all_successes: Callable[..., None]) -> None:
    """A documented key without a value is null, and isn't left out."""

    def whole(one: Asked) -> None:
        shown = data(one.reply)
        missing = lacking("withdraws", shown, one.withdraw.facts).empty
        expect.that(
            not shown or not missing,
            expected=f"null for each documented key without a value in the answer to {one.what()}",
            observed=f"{', '.join(missing)} left out",
            reply=one.reply,
            hint="Serialisers that leave out nulls can be told not to.",
        )

    all_successes(whole)


@requirement("WD-19", level="SHOULD")
@pytest.mark.watch
def test_amounts_have_the_currencys_decimals(
    api: Withdraws, given: Given, conformance_session: Session
) -> None:
    """Amounts have two decimals where their currency has two: no amount of the whole run is written without them."""
    if not (found := conformance_session.watch.so_far()):
        api.cancels(given("pending"))
        found = conformance_session.watch.so_far()
    short = [one for one in found if lacks_decimals(one.told["amount"], one.told["currency"])]
    reply = api.read(short[0].id, by=short[0].by) if short and api.can_read else None

    expect.that(
        not short,
        expected='every amount to be written with the two decimals of its currency, like "1000.00"',
        observed=", ".join(
            f"{one.told['amount']!r} {one.told['currency']} for {one.id}" for one in short[:3]
        ),
        reply=reply,
        hint="A number that is printed loses its last zero.",
    )
