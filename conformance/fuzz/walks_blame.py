"""Whose fault a change is that shows late: the step's that broke a rule, by the row that is about such steps.

A model blames the last step since the last read that may have had no effect. When a walk is made smaller, steps that
have nothing to do with it go, and the blame moves to one that is left: the checks of a family are about one change.
"""

from collections.abc import Mapping, Sequence

_WITHDRAW, _CANCEL, _READ = "cancel_withdraw.walk.", "cancel_payout_intent.walk.", "get_payout_intent.walk."

# What may have no effect, and the check that is about it.
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


def blamed(since: Sequence[str], of: Mapping[str, str]) -> str | None:
    """The check to blame for what happened `since` the last read, in that order; None for what may have an effect.

    The last suspect it is: of a walk that was made as short as it can be, the change isn't there without it.
    """
    return next((of[what] for what in reversed(since) if what in of), None)
