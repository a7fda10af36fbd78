"""Effects that came some time after the requests that had been refused, as far as a record shows them. Pure."""

from itertools import pairwise

from conformance.model import Check, RunRecord
from conformance.report.steps import gap_s

_READS = ("GET", "HEAD", "OPTIONS")
# An effect is put off that came so much later; a check that looks for such ones may wait for less.
_PUT_OFF_S, _AWHILE_S = 0.9, 0.2


def alike(record: RunRecord, check: Check, by: Check) -> bool:
    """Returns whether an effect came some time after requests that were refused by the same status, in both."""
    mine = refused_before(record, check)
    return bool(mine) and bool(mine & refused_before(record, by, _AWHILE_S))


def refused_before(record: RunRecord, check: Check, least_s: float = _PUT_OFF_S) -> frozenset[int]:
    """Returns the statuses by which all requests to a resource but reads were refused before it was looked at.

    Empty where one succeeded, or where no look came so much as `least_s` seconds later.
    """
    index = check.shown_by
    if index is None or check.suite == "fuzz":
        return frozenset()
    named = [one for one, _ in check.resources if one and one in record.exchanges[index].url]
    about = [
        exchange
        for exchange in map(record.exchanges.__getitem__, dict.fromkeys(check.exchanges))
        if named and named[0] in exchange.url
    ]
    looks = [
        place
        for place, (before, after) in enumerate(pairwise(about), 1)
        if (gap_s(before, after) or 0) >= least_s
    ]
    asked = [one for one in about[: looks[-1]] if one.method not in _READS] if looks else []
    if not all((one.status or 0) // 100 == 4 for one in asked):
        return frozenset()
    return frozenset(one.status or 0 for one in asked)
