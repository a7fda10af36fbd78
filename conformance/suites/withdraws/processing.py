"""Processing withdraws whose provider can't cancel them: where they come from, and what is known of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from conformance.errors import NotApplicable, NotTestable, StateRefused
from conformance.http import summary
from conformance.http.reply import Reply
from conformance.oracles.expect import Violation
from conformance.plugin import Given
from conformance.states import Resource

ASK_FIRST = (
    "Ask the provider, and await its answer: where it can't cancel, refuse, and leave the withdraw as it is."
)
DECLARE = f"{ASK_FIRST} If processing withdraws can be cancelled here, declare cancel_processing = true."
# Such a withdraw in words, where nothing shows that it is one.
_SET_UP = "a processing withdraw, set up as one that its provider can't call back,"
_DONE = "A 200 says that it is canceled. Where its provider can't do that, it is 400 VALIDATION_ERROR."


@contextmanager
def or_refused() -> Iterator[str]:
    """Says of a cancel that succeeded and had no effect that a refusal would have been right, too.

    Gives the withdraw in words.
    """
    try:
        yield _SET_UP
    except Violation as fault:
        fault.expected = f"400 VALIDATION_ERROR to a cancel of {_SET_UP} or a 200 after which it is canceled"
        fault.hint = _DONE
        raise


def unconfirmed(reply: Reply) -> NotTestable:
    """Returns what is told of a 200 to the cancel of a withdraw that was asked for as one that can't be called back."""
    return NotTestable(
        f"a processing withdraw was cancelled ({reply.status}) that had been set up with "
        "provider_supports_cancel: false, as one that its provider can't call back: "
        f"{reply.exchange.method} {urlsplit(reply.exchange.url).path} was answered {summary.of(reply)}",
        hint="If its provider can't call it back, this is a defect: 400 VALIDATION_ERROR is asked for, and what the "
        "provider supports wasn't looked at. If it can, this is right. Which of the two isn't known: the answer of the "
        "state source ([states] of the profile) to the setup didn't repeat provider_supports_cancel: false. Have the "
        "state source do so, or answer the setup with 422 where every provider can.",
    )


def processing(given: Given, declared: bool | None) -> tuple[Resource, bool]:
    """Returns a processing withdraw whose provider can't cancel, and whether that is known of it.

    The profile says so of all, or the state source of this one; one that doesn't know the parameter may have made a
    withdraw that can be cancelled after all.
    """
    if declared is False:
        return given("processing"), True
    try:
        withdraw = given("processing", provider_supports_cancel=False)
    except NotTestable as fault:
        if declared is None:
            return given("processing"), False
        if isinstance(fault, StateRefused):
            raise NotApplicable(
                f"every processing withdraw can be cancelled here: {fault.message}"
            ) from fault
        raise
    return withdraw, withdraw.facts.get("provider_supports_cancel") is False
