"""Processing withdraws whose provider can't cancel them: where they come from, and what is known of them."""

from urllib.parse import urlsplit

from conformance.errors import NotApplicable, NotTestable, StateRefused
from conformance.http import summary
from conformance.http.reply import Reply
from conformance.plugin import Given
from conformance.states import Resource

ASK_FIRST = (
    "Ask the provider, and await its answer: where it can't cancel, refuse, and leave the withdraw as it is."
)
DECLARE = f"{ASK_FIRST} If processing withdraws can be cancelled here, declare cancel_processing = true."


def unconfirmed(reply: Reply) -> NotTestable:
    """Returns what is told of a 200 to the cancel of a withdraw that was asked for as one that can't be called back."""
    return NotTestable(
        f"a processing withdraw was cancelled ({reply.status}) that had been set up with "
        "provider_supports_cancel: false, as one that its provider can't call back: "
        f"{reply.exchange.method} {urlsplit(reply.exchange.url).path} was answered {summary.of(reply)}",
        hint="If its provider can't call it back, this is a defect: 400 VALIDATION_ERROR is asked for, and what the "
        "provider supports wasn't looked at. If it can, this is right. Which of the two isn't known: the answer of the "
        "state source to the setup didn't repeat provider_supports_cancel: false. Have it do so, or answer 422 where "
        "every provider can.",
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
