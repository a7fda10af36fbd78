"""Good cancels that checks of authentication begin with: right after one, a bad request resembles it or follows it.

A withdraw is cancelled once only, so the checks share one good cancel; where it matters that a good request came just
before, its owner asks once more. A check that runs alone begins with a good cancel of its own.
"""

from dataclasses import dataclass

from conformance.http.reply import Reply
from conformance.model import Auth
from conformance.oracles import expect
from conformance.plugin import Given
from conformance.states import Resource
from conformance.suites.withdraws.assertions import accepted, succeeded
from conformance.suites.withdraws.client import Withdraws

_BEGINS = "the documented cancel with which the check begins"
# Such an answer says that the request was not let in.
_TURNED_AWAY = (401, 403, 404)


@dataclass(frozen=True, slots=True)
class Good:
    """A good cancel: its withdraw, the headers it was sent with, and the answer."""

    withdraw: Resource
    headers: dict[str, str | None]
    reply: Reply


class GoodCancels:
    """The good cancels of one worker."""

    def __init__(self, api: Withdraws, given: Given) -> None:
        self._api, self._given = api, given
        self._is_new = False

    def shared(self) -> Good:
        """Returns the good cancel that the checks share.

        Raises a Violation of a control where it isn't accepted.
        """
        self._is_new = False
        return self._given.once("a good cancel", self._made, is_asked_more=True)

    def just_now(self) -> Good:
        """Returns the shared good cancel; its owner has just sent it, or has asked for the same once more."""
        good = self.shared()
        if not self._is_new:
            again = self._api.cancel(good.withdraw)
            expect.that(
                succeeded(again) or (400 <= again.status < 500 and again.status not in _TURNED_AWAY),
                expected="a second documented cancel to be let in, so that the check can begin",
                reply=again,
                control=True,
            )
        return good

    def _made(self) -> Good:
        self._is_new = True
        withdraw, headers = self._given.used("pending"), self._api.signed()
        signed = f"{headers['X-Timestamp']}."
        reply = self._api.send(withdraw, headers, auth=Auth.DOCUMENTED, signed=signed)
        accepted(reply, _BEGINS, control=True)
        return Good(withdraw, headers, reply)
