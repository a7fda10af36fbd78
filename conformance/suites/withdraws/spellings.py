"""Documented cancels that are put otherwise: one request tries several ways at once, and each alone where it fails."""

from collections.abc import Callable

from conformance.http.reply import Reply
from conformance.model import Auth
from conformance.plugin import Given
from conformance.suites.withdraws.assertions import succeeded
from conformance.suites.withdraws.bad_requests import hex_of
from conformance.suites.withdraws.client import Withdraws

Spelling = Callable[[str], str]
_CASES: dict[str, Spelling] = {"lower": str.lower, "upper": str.upper, "swapcase": str.swapcase}
# The first digits of a signature, and the letter case of the header names that it is tried with.
_TOGETHER = {"lower": "0", "upper": "00", "swapcase": ""}


class Spellings:
    """Cancels with header names in another letter case, and with signatures that begin with zeros."""

    def __init__(self, api: Withdraws, given: Given) -> None:
        self._api, self._given = api, given

    def beginning(self, start: str) -> Reply:
        """Returns the answer to a cancel whose signature begins with `start`."""
        name = next(name for name, digits in _TOGETHER.items() if digits == start)
        together = self._together(name)
        return together if succeeded(together) else self._sent(str, start)

    def spelt(self, name: str) -> Reply:
        """Returns the answer to a cancel with header names in another letter case: a method of `str`."""
        together = self._together(name)
        return together if succeeded(together) else self._sent(_CASES[name], "")

    def _together(self, name: str) -> Reply:
        return self._given.once(("spelt", name), lambda: self._sent(_CASES[name], _TOGETHER[name]))

    def _sent(self, spelling: Spelling, start: str) -> Reply:
        headers = self._api.signed()
        # Each try takes the next millisecond, for itself alone: sixteen of them for a zero, 256 for two, as a rule.
        for _ in range(2000):
            if hex_of(headers).startswith(start):
                break
            headers = self._api.signed()
        named = {spelling(name): value for name, value in headers.items()}
        withdraw, signed = self._given.used("pending"), f"{headers['X-Timestamp']}."
        return self._api.send(withdraw, named, auth=Auth.DOCUMENTED, signed=signed)
