"""Whose fault a change is that shows late: the step's that broke a rule, by the row that is about such steps.

A model blames one of the kinds of steps since the last read. When a walk is made smaller, steps that have nothing to do
with it go, and the blame moves to one that is left: all checks of a family are about the same change.
"""

from collections.abc import Iterable

_WITHDRAW, _CANCEL, _READ = "cancel_withdraw.walk.", "cancel_payout_intent.walk.", "get_payout_intent.walk."

# What happened, in the order in which it takes the blame, and the check that is about it.
OF_WITHDRAW = {
    "merchant": "merchant",
    "credentials": "credentials",
    "no_credentials": "no_credentials",
}
OF_INTENT = {
    "settle": "settled",
    "conflict": "conflict",
    "other_merchant": "merchant",
    "other_environment": "environment",
    "credentials": "credentials",
    "odd_long": "refused_long",
    "odd_type": "refused_type",
    "odd": "refused",
}
# Which kind a step with an odd body is of; `odd` for any other.
ODD = {"600_characters": "odd_long", "a_number": "odd_type"}
_FAMILIES = (
    frozenset({_WITHDRAW + what for what in (*OF_WITHDRAW.values(), "trace", "pending")}),
    frozenset(
        {_CANCEL + "cancel", _READ + "read", _READ + "proceeds"}
        | {_READ + what for what in OF_INTENT.values()}
    ),
)


def family(check: str) -> frozenset[str]:
    """All checks that the change may be blamed on that this one is about."""
    return next((each for each in _FAMILIES if check in each), frozenset({check}))


def blamed(since: Iterable[str], of: dict[str, str]) -> str | None:
    """The check to blame for what happened `since` the last read, None where all of that may have an effect."""
    happened = set(since)
    return next((check for what, check in of.items() if what in happened), None)
