"""Each success of the run, looked at in the end: of any merchant, beside others, of any kind."""

from collections.abc import Sequence

import pytest

from conformance.http import summary
from conformance.oracles import equality, expect, wording
from conformance.oracles.expect import Violation, requirement
from conformance.oracles.run_answers import RecordedAnswer, RunAnswers
from conformance.plugin import Given
from conformance.session import Session
from conformance.suites.withdraws import first_cancels
from conformance.suites.withdraws.assertions import succeeded
from conformance.suites.withdraws.client import Withdraws, about
from conformance.suites.withdraws.every_answer import SUCCESSES
from conformance.suites.withdraws.fields import lacks_decimals

pytestmark = pytest.mark.last


@pytest.mark.parametrize(
    "requirement_id",
    [
        pytest.param(requirement_id, marks=requirement(requirement_id), id=requirement_id)
        for requirement_id in SUCCESSES
    ],
)
def test_every_success_is_one(
    run_answers: RunAnswers, every_success: Sequence[RecordedAnswer], requirement_id: str
) -> None:
    """Each success of the run is one as documented, of any merchant and at any time."""
    run_answers.each(requirement_id, every_success)


@requirement("WD-01")
def test_no_first_cancel_is_refused(
    api: Withdraws, run_answers: RunAnswers, every_answer: Sequence[RecordedAnswer]
) -> None:
    """The first cancel of a pending withdraw by its owner isn't refused, and gets no 5xx, whichever withdraw it is."""
    for one in first_cancels.refused(run_answers, every_answer):
        read = api.read(about(one), by=one.by) if api.can_read else None
        if one.reply.status < 500 and (read is None or not equality.says(read.at("data.status"), "pending")):
            # It may be no longer the target's to cancel.
            continue
        raise Violation(
            expected=f"the documented cancel of the pending withdraw {about(one).id} to succeed, whichever it is",
            observed=summary.of(one.reply)
            + (f"; a read shows {summary.of(read)}" if read is not None else ""),
            reply=one.reply,
            hint="Others succeeded: compare the withdraws, and whether each process of the target decides alike."
            if any(succeeded(other.reply) for other in every_answer)
            else "",
            fault=f"A documented cancel of a pending withdraw was answered {summary.short(one.reply)}",
        )


@requirement("WD-17", level="SHOULD")
def test_every_canceled_at_is_now(run_answers: RunAnswers, every_success: Sequence[RecordedAnswer]) -> None:
    """Each canceledAt of the run is the time of its request, whichever process of the target answered."""
    run_answers.each("is canceled now", every_success)


@requirement("WD-24")
def test_no_updated_at_is_in_the_future(
    run_answers: RunAnswers, every_success: Sequence[RecordedAnswer]
) -> None:
    """No updatedAt of the run is later than its answer, whichever process of the target answered."""
    run_answers.each("is not in the future", every_success)


@requirement("WD-16", level="SHOULD")
def test_keys_without_a_value_are_null(
    run_answers: RunAnswers, every_success: Sequence[RecordedAnswer]
) -> None:
    """A documented key without a value is null, and isn't left out."""
    run_answers.each("has null keys", every_success)


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
            f"{wording.value(one.told['amount'])} {one.told['currency']} for {one.id}" for one in short[:3]
        ),
        reply=reply,
        hint="A number that is printed loses its last zero.",
        fault=f"An amount was written {wording.value(short[0].told['amount'])} {short[0].told['currency']}, without "
        f"two decimals{_and_others(len(short), len(found))}"
        if short
        else "",
    )


def _and_others(wrong: int, of_all: int) -> str:
    """How many of the amounts that the run saw were written so: `, as all of 12 were`."""
    if wrong == of_all:
        return f", as all of {of_all} were" if of_all > 1 else ""
    return f", as {wrong} of {of_all} were" if wrong > 1 else f" ({of_all - 1} others have them)"
