"""A valid signature is accepted, whatever hex digits it happens to have."""

from conformance.errors import NotTestable, TransportError
from conformance.http import summary
from conformance.http.reply import Reply
from conformance.model import Auth
from conformance.oracles.expect import Violation, requirement
from conformance.suites.withdraws.bad_requests import hex_of
from conformance.suites.withdraws.client import Withdraws

_DIGITS = "0123456789abcdef"
# So many with each first digit: whether it is the digit, or chance.
_EACH = 2
_REFUSED = (401, 403)
# What may be otherwise for the next request.
_PASSING = ("reset", "unavailable")


@requirement("WD-30")
def test_right_signature_is_accepted_whatever_its_digits(api: Withdraws) -> None:
    """A right signature authenticates a cancel, whichever digit it begins with; the withdraw needn't exist."""
    replies = _answered(api)

    refused = {digits for digits, reply in replies if reply.status in _REFUSED}
    accepted = {digits for digits, _ in replies} - refused
    if not accepted:
        raise NotTestable(
            "none of the correctly signed cancels of an unknown id got past authentication",
            hint="What refuses each of them is told under WD-30 and WD-11.",
        )
    if refused:
        which = _which(refused, accepted)
        shown = next(reply for digits, reply in replies if digits in refused)
        number = f"{len(refused)} of {len(replies)} correctly signed cancels"
        raise Violation(
            expected="each correctly signed cancel of an unknown id to get past authentication (404)",
            observed=f"{number} got {summary.short(shown)}{which}",
            reply=shown,
            hint=_hint(which),
            fault=f"{number} were refused ({summary.short(shown)}){which}",
        )


def _answered(api: Withdraws) -> list[tuple[str, Reply]]:
    """Returns the answers by the digits of the signature. Raises TransportError where few requests have got one.

    A target that is unavailable for one request in some answers the others with that digit.
    """
    found, lost = [], None
    sent = _of_each_kind(api)
    for digits, headers in sent:
        try:
            reply = api.send(
                api.unknown_id(), headers, auth=Auth.DOCUMENTED, signed=f"{headers['X-Timestamp']}."
            )
        except TransportError as fault:
            if fault.kind not in _PASSING:
                raise
            lost = fault
        else:
            found.append((digits, reply))
    if lost is not None and 2 * len(found) < len(sent):
        raise lost
    return found


def _of_each_kind(api: Withdraws) -> list[tuple[str, dict[str, str | None]]]:
    """Returns the headers of requests whose signatures begin with each digit, as often as any other."""
    left = dict.fromkeys(_DIGITS, _EACH)
    found = []
    # Each try takes the next millisecond, for itself alone: about ninety of them, as a rule.
    for _ in range(2000):
        headers = api.signed()
        digits = hex_of(headers)
        if left[digits[0]]:
            left[digits[0]] -= 1
            found.append((digits, headers))
        if not any(left.values()):
            break
    return found


def _which(refused: set[str], accepted: set[str]) -> str:
    """Returns what the refused signatures, and no others, have in common; empty for nothing."""
    for place, word in ((0, "begins"), (-1, "ends")):
        mine = {digits[place] for digits in refused}
        if not mine & {digits[place] for digits in accepted}:
            return f": those whose signature {word} with {_or(sorted(mine))}"
    return ""


def _or(words: list[str]) -> str:
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _hint(which: str) -> str:
    if which:
        return (
            "Take the prefix sha256= off as a whole, not as a set of characters, and compare all 64 digits as text: "
            "no number, no digits dropped. Each request has another signature: send it some times."
        )
    return "Do all processes and machines of the target have the same secret and clock?"
