"""Good cancels that checks of authentication begin with: right after one, a bad request resembles it or follows it.

A withdraw is cancelled once only, so the checks share one good cancel; where it matters that a good request came just
before, its owner asks once more. A check that runs alone begins with a good cancel of its own.
"""

from dataclasses import dataclass

from conformance.http.client import Recorder
from conformance.http.reply import Reply
from conformance.model import Auth, Exchange
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
    exchanges: tuple[Exchange, ...]


class GoodCancels:
    """The good cancels of one worker."""

    def __init__(self, api: Withdraws, given: Given, recorder: Recorder) -> None:
        self._api, self._given, self._recorder = api, given, recorder
        self._shared: Good | None = None

    def shared(self) -> Good:
        """Returns the good cancel that the checks share, on record with the running one.

        Raises a Violation of a control where it isn't accepted.
        """
        if self._shared is None or self._given.is_alone:
            self._shared = self._made()
        self._recorder.cite(self._shared.exchanges)
        return self._shared

    def just_now(self) -> Good:
        """Returns the shared good cancel; its owner has just sent it, or has asked for the same once more."""
        known = self._shared
        good = self.shared()
        if good is known:
            again = self._api.cancel(good.withdraw)
            expect.that(
                succeeded(again) or (400 <= again.status < 500 and again.status not in _TURNED_AWAY),
                expected="a second documented cancel to be let in, so that the check can begin",
                reply=again,
                control=True,
            )
        return good

    def _made(self) -> Good:
        already = len(self._recorder.exchanges)
        withdraw, headers = self._given.used("pending"), self._api.signed()
        signed = f"{headers['X-Timestamp']}."
        reply = self._api.send(withdraw, headers, auth=Auth.DOCUMENTED, signed=signed)
        accepted(reply, _BEGINS, control=True)
        return Good(withdraw, headers, reply, tuple(self._recorder.exchanges[already:]))
