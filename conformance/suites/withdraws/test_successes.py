"""Each success of the run, looked at in the end: of any merchant, beside others, of any kind.

A run in several processes looks at those of the process that comes to this last; only amounts are looked at for all.
"""

from collections.abc import Callable, Sequence

import pytest

from conformance.oracles import expect
from conformance.oracles.expect import requirement
from conformance.oracles.keys import lacking
from conformance.plugin import Given
from conformance.session import Session
from conformance.suites.withdraws.assertions import cancelled, data
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

# The assertion of each row on a success: test_body makes the same ones on a few cancels.
_EACH: dict[str, Callable[[Asked], object]] = {
    "WD-01": lambda one: cancelled(one.reply, one.what()),
    "WD-15": lambda one: has_its_id(one.reply, one.withdraw),
    "WD-17": lambda one: has_instant(one.reply, "canceledAt"),
    "WD-18": lambda one: is_unpaid(one.reply),
    "WD-19": lambda one: is_decimal_text(one.reply),
    "WD-20": lambda one: is_code(one.reply),
    "WD-21": lambda one: is_masked(one.reply, known=False),
    "WD-22": lambda one: has_text_types(one.reply),
    "WD-25": lambda one: [has_instant(one.reply, key) for key in ("createdAt", "updatedAt")],
}


@pytest.mark.parametrize("row", [pytest.param(row, marks=requirement(row), id=row) for row in _EACH])
def test_every_success_is_one(every_success: Sequence[Asked], row: str) -> None:
    """Each success of the run is one as documented, of any merchant and at any time."""
    for one in every_success:
        _EACH[row](one)


@requirement("WD-16", level="SHOULD")
def test_keys_without_a_value_are_null(every_success: Sequence[Asked]) -> None:
    """A documented key without a value is null, and isn't left out."""
    for one in every_success:
        shown = data(one.reply)
        missing = lacking("withdraws", shown, one.withdraw.facts).empty
        expect.that(
            not shown or not missing,
            expected=f"null for each documented key without a value in the answer to {one.what()}",
            observed=f"{', '.join(missing)} left out",
            reply=one.reply,
            hint="Serialisers that leave out nulls can be told not to.",
        )


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
