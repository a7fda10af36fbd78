"""Assertions on what becomes of a reason in the answer to a cancel, and in a GET after it."""

from collections.abc import Iterator

from conformance.http.reply import Reply
from conformance.oracles import equality, expect, wording
from conformance.oracles.texts import Returned, returned
from conformance.suites.payout_intents.assertions import accepted
from conformance.suites.payout_intents.observations import WHY
from conformance.suites.payout_intents.reasons import changed, difference, echoes
from conformance.suites.payout_intents.results import Cancelled

ANY_TEXT = "Any text of up to 512 characters is a reason."
# A target that changes characters may make a text a little shorter.
_MOST_OF_IT = 0.8


def says_why(seen: Reply) -> bool:
    """Whether a plain reason comes back at all, in an answer about the cancel for WHY."""
    return equality.same(seen.at("failure_message"), WHY)


def telling(usual: Cancelled, reply: Reply, read: Reply) -> Iterator[tuple[Reply, str]]:
    """The answer to a cancel and GET after it, and where that is, if `usual` shows a plain reason there at all."""
    for seen, plainly, where in (
        (reply, usual.reply, "the answer to a cancel"),
        (read, usual.after, "GET after a cancel"),
    ):
        if says_why(plainly):
            yield seen, where


def _cut_at(came: str, *, stored: bool) -> str:
    """Returns where to look for what cut a reason: by its length, and whether the answer to the cancel had it whole."""
    size = len(came.encode("utf-8", "replace"))
    limit = f"{len(came)} characters" + ("" if size == len(came) else f", or of {size} bytes")
    where = "The answer to the cancel had it whole: it is cut where it is stored. " if stored else ""
    return f"{where}Look for a column or a limit of {limit}."


def is_kept_whole(usual: Cancelled, reason: str, reply: Reply, read: Reply, what: str) -> None:
    """The reason isn't cut off; PI-27 judges any other change of unusual characters."""
    for seen, where in telling(usual, reply, read):
        came = seen.at("failure_message")
        long = isinstance(came, str) and len(came) >= _MOST_OF_IT * len(reason)
        expect.that(
            long and returned(reason, came) is not Returned.CUT,
            expected=f"failure_message in {where} to have all {len(reason)} characters",
            observed=f"{difference(reason, seen)} ({wording.shown(seen, 'failure_message')})",
            reply=seen,
            hint=_cut_at(came, stored=seen is read and reply.at("failure_message") == reason)
            if isinstance(came, str) and came
            else "",
            fault=changed(reason, seen, where, what),
            persisted=wording.read_shows(read, "failure_message", came, equality.is_same_as(reason))
            if seen is reply
            else "",
        )


def comes_back(usual: Cancelled, reason: str, reply: Reply, read: Reply, what: str) -> None:
    """Accepted, echoed and kept, where a plain reason is."""
    accepted(reply, f"a reason {what}", hint=ANY_TEXT)
    for seen, where in telling(usual, reply, read):
        if returned(reason, seen.at("failure_message")) not in (Returned.SAME, Returned.TIDIED):
            kept, first = (read, None) if seen is reply else (None, reply)
            echoes(seen, reason, where, what=what, reply_to=first, read=kept)
