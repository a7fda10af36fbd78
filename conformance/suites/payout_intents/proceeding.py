"""Expectations of a processing intent whose cancel was refused."""

import re

from conformance.http import summary
from conformance.http.reply import Reply
from conformance.oracles import equality, expect, wording
from conformance.suites.payout_intents.assertions import ORDER


def proceeds(
    read: Reply, when: str, *, before: Reply, reason: str, left_alone: tuple[Reply, Reply] | None
) -> None:
    """A processing intent proceeds: GET doesn't show it cancelled, nor anything of cancels for `reason`.

    `left_alone` is what GET showed, before and now, of a processing intent that nobody asked to cancel: what becomes
    of that, too, isn't the doing of a cancel.
    """
    status, was = read.at("status"), before.at("status")
    code, message = read.at("failure_code"), read.at("failure_message")

    def anyway(key: str) -> bool:
        """Whether the intent that was left alone has come to the same value, or has lost its own as well."""
        if left_alone is None:
            return False
        its_first, its_last = (one.at(key) for one in left_alone)
        return equality.same_but_nulls(read.at(key), its_last) or not equality.same_but_nulls(
            its_first, its_last
        )

    wrong = []
    # One that never read as processing isn't excused by another that doesn't either.
    called_off = re.search("cancel", str(status), re.IGNORECASE) or status == "requires_approval"
    if called_off and not (was == "processing" and anyway("status")):
        wrong.append(f"status {wording.of(read, 'status')}")
    # It may have settled meanwhile, and then a failure code of its own is no wonder.
    ours = re.search("cancel|approval_required", str(code), re.IGNORECASE) is not None
    strange = not equality.same_but_nulls(code, before.at("failure_code")) and not anyway("failure_code")
    if strange and (ours or (status == was and code)):
        wrong.append(f"failure_code {wording.of(read, 'failure_code')}")
    if reason in str(message):
        wrong.append("the reason of the refused request in failure_message")
    wrong += [
        f"{key} {wording.of(read, key)} in place of {wording.of(before, key)}"
        for key in ORDER
        if not equality.same_but_nulls(read.at(key), before.at(key)) and not anyway(key)
    ]
    already = bool(called_off) and was == status
    expect.that(
        not wrong,
        expected=f"a processing intent to proceed {when}",
        observed=f"GET shows {', '.join(wrong)} (the answer was {summary.of(read)})",
        reply=read,
        hint="A read before the cancel showed that status, too: does a read show the status that a cancel looks at?"
        if already
        else "Check the status before anything is written, in the same transaction, and leave nothing to a job."
        if called_off
        else "Check the status before anything is written of a request.",
        fault=f"A processing intent had {' and '.join(wrong[:2])} {'before and ' if already else ''}after its cancel "
        "was refused",
    )
