"""The answer to a successful cancel beside what reads show before and after it, of the withdraws of test_body."""

from datetime import timedelta

import pytest

from conformance.errors import NotApplicable
from conformance.http.reply import MISSING
from conformance.oracles import equality, expect, wording
from conformance.oracles.expect import requirement
from conformance.oracles.missing_keys import has_value
from conformance.suites.withdraws.fields import FACTS, KEPT, changed, is_not_in_the_future
from conformance.suites.withdraws.observations import Cancelled, each_cancelled

pytestmark = [pytest.mark.together, pytest.mark.cancels]

# Clocks of target and harness may differ.
_SLACK = timedelta(seconds=150)


@requirement("WD-23")
@pytest.mark.parametrize("key", FACTS)
@each_cancelled
def test_answer_shows_what_is_read(cancelled: Cancelled, key: str) -> None:
    """A fact that reads show alike before and after the cancel is the same in the answer to it, to the last detail."""
    _is_as_it_is_read(cancelled, key)


@requirement("WD-23", level="SHOULD")
@pytest.mark.parametrize("key", [*KEPT, "bankAccountNumber"])
@each_cancelled
def test_answer_writes_it_as_a_read_does(cancelled: Cancelled, key: str) -> None:
    """Names, codes and masks that reads show alike before and after the cancel are the same in the answer to it."""
    _is_as_it_is_read(cancelled, key)


def _is_as_it_is_read(cancelled: Cancelled, key: str) -> None:
    if cancelled.before is None or cancelled.read is None or not cancelled.read.ok:
        raise NotApplicable(f"no read endpoint shows {key} before the cancel and after it")
    was, kept = cancelled.before.get(key), cancelled.read.at(f"data.{key}")
    shown = cancelled.reply.at(f"data.{key}")
    same = equality.same_but_nulls(was, shown)
    if not same and (shown is MISSING or type(shown) is not type(was) or not has_value(shown)):
        raise NotApplicable(
            f"data.{key} is left out, lost or of another type, which other requirements judge"
        )
    expect.that(
        same or not equality.same_but_nulls(was, kept),
        expected=f"data.{key} to be {wording.whole(was)}, as a read shows it before the cancel and after it",
        observed=expect.observed(cancelled.reply, f"data.{key}"),
        reply=cancelled.reply,
        fault=changed(cancelled.reply, key, was, cancelled.where),
    )


@requirement("WD-24")
@each_cancelled
def test_updated_at_is_not_in_the_future(cancelled: Cancelled) -> None:
    """UpdatedAt isn't in the future, give or take the clocks."""
    is_not_in_the_future(cancelled.reply, cancelled.where)
