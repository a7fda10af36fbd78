"""Cancels whose caller hangs up before the answer, and the same request once more: performed once per run."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from conformance.errors import TransportError
from conformance.http import summary
from conformance.http.reply import Reply
from conformance.oracles.expect import Violation
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.payout_intents.assertions import is_cancelled, succeeded
from conformance.suites.payout_intents.client import PayoutIntents
from conformance.suites.payout_intents.observations import Evidence

AT_ONCE, AT_WORK, HALFWAY, WITHOUT_A_KEY = "at_once", "while_it_works", "half_of_the_body", "without_a_key"
"""When a caller hangs up: after the last byte, half of the time later that a cancel takes, or within the body.

Without a key it is after the last byte.
"""

# A lock that is let go of within so many seconds is honest.
SECONDS_S = 5.0
_PAUSE_S = 0.25
# A slow target isn't waited for any longer before hanging up.
_LONGEST_S = 1.0


@dataclass(frozen=True, slots=True)
class HungUp:
    """A cancel for `reason` whose caller hung up, a GET right after it, the same request again, and a GET after that.

    `retry` is the first success, or what came `SECONDS_S` later; None where no answer came, and `why` says so.
    `usual` is the status that this target gives to the retry of a cancel whose caller got the answer.
    """

    intent: Resource
    reason: str
    between: Reply
    retry: Reply | None
    after: Reply
    usual: int
    why: str = ""

    @property
    def gone_well(self) -> bool:
        """Whether the retry was answered as that of any other cancel is."""
        return self.retry is not None and (succeeded(self.retry) or self.retry.status == self.usual)


def hung_up(api: PayoutIntents, given: Given, evidence: Evidence, when: str) -> HungUp:
    """The result of hanging up at that time; `when` is one of the constants of this module."""
    again = evidence.conflict(first="the first reason", second="the other reason").first_again
    usual = evidence.cancelled().reply

    def perform() -> HungUp:
        # Without a key no retry tells whether the cancel was done: that proves nothing to checks that wait for it.
        lease = given if when == WITHOUT_A_KEY else given.used
        intent, reason = lease("requires_approval"), api.new_reason()
        key = None if when == WITHOUT_A_KEY else api.new_key()
        linger_s = min(usual.duration_s / 2, _LONGEST_S) if when == AT_WORK else 0.0
        api.hangs_up(intent, reason=reason, key=key, linger_s=linger_s, half=when == HALFWAY)
        between = api.seen(intent)

        def enough(reply: Reply) -> bool:
            if key is None and is_cancelled(api.read(intent)):
                return True
            return reply.status == again.status != 409

        retry, why = _retried(api, lambda: api.cancel(intent, reason=reason, key=key), enough)
        after = (api.confirmed if retry is None or succeeded(retry) else api.seen)(intent)
        return HungUp(intent, reason, between, retry, after, again.status, why)

    return evidence.once(("hung_up", when), perform, alone=True)


def _retried(
    api: PayoutIntents, ask: Callable[[], Reply], enough: Callable[[Reply], bool]
) -> tuple[Reply | None, str]:
    """The first success within `SECONDS_S`, or the last answer; None, and why, where no answer comes."""
    deadline = time.monotonic() + SECONDS_S
    try:
        while not succeeded(reply := api.odd(ask, to="a retry")) and time.monotonic() < deadline:
            if enough(reply):
                break
            time.sleep(_PAUSE_S)
    except Violation as fault:
        if not isinstance(fault.__cause__, TransportError):
            raise
        return None, fault.observed
    return reply, ""


_LET_GO = "A handler that is stopped when its caller is gone has to let go of what it has locked, or to end its work."
_TOGETHER = (
    "Keep the answer in the transaction that cancels: a retry after a commit finds both, or else neither."
)


def leaves_no_lock(one: HungUp, how: str) -> None:
    """The retry gets the documented answer within seconds; `how` ends "a caller that hung up ..."."""
    if one.gone_well:
        return
    reply, seconds = one.retry, f"{SECONDS_S:g} s"
    if reply is None:
        fault, observed, hint = "got no answer", one.why, "Does it wait for a request that has ended?"
    elif is_cancelled(one.after) and reply.status not in (409, 423):
        fault, observed = f"got {reply.status}, though the intent is cancelled", summary.of(reply)
        hint = _TOGETHER
    else:
        fault, observed = f"still got {reply.status} after {seconds}", f"{summary.of(reply)}, {seconds} later"
        hint = _TOGETHER if reply.status >= 500 else _LET_GO
    raise Violation(
        expected="a request whose first sender hung up to get its documented answer when it is sent again",
        observed=f"{observed}; GET shows status {_word(one.after.at('status'))}",
        reply=reply,
        hint=hint,
        fault=f"The retry of a cancel whose caller hung up{how} {fault}",
    )


def _word(status: object) -> str:
    return status if isinstance(status, str) else "absent"
