"""Text that looks like a template, in the spelling of every engine: a reason is data, and comes back as it was sent."""

from difflib import SequenceMatcher

import pytest

from conformance.http import summary
from conformance.http.reply import Reply
from conformance.oracles import equality, expect, wording
from conformance.oracles.expect import requirement
from conformance.suites.payout_intents.assertions import succeeded
from conformance.suites.payout_intents.observations import WHY, Evidence
from conformance.suites.payout_intents.reasons import TEMPLATES
from conformance.suites.payout_intents.together import Together

_AS_DATA = (
    "The reason is data: pass it as a value, and never as the format, pattern, template or query itself."
)


@requirement("PI-27")
@pytest.mark.parametrize("which", TEMPLATES)
def test_signs_of_templates_come_back(evidence: Evidence, together: Together, which: str) -> None:
    """Signs that mean something to a template engine, a format or a shell come back unchanged, in 202 and GET."""
    usual, reason = evidence.cancelled(reason=WHY), TEMPLATES[which]
    if together.worked(which):
        return
    reply, read = evidence.cancel_for(reason=reason)
    what = f"a reason with {which.replace('_', ' ')} of templates"

    expect.that(
        succeeded(reply),
        expected=f"{what} to be accepted",
        observed=f"{summary.of(reply)}; the reason was {wording.value(reason, 200)}",
        reply=reply,
        hint=f"Is something in the reason looked up, or taken for an attack? {_AS_DATA}",
        fault=f"{wording.capital(what)} was answered {summary.short(reply)}",
    )
    for seen, plainly, where in ((reply, usual.reply, "the 202"), (read, usual.after, "GET")):
        if equality.same(plainly.at("failure_message"), WHY):
            _comes_back(seen, reason, where, read)


def _comes_back(seen: Reply, reason: str, where: str, read: Reply) -> None:
    came = seen.at("failure_message")
    if equality.same(came, reason):
        return
    changed = _changed(reason, came) if isinstance(came, str) else f"it is {wording.value(came)}"
    raise expect.Violation(
        expected=f"failure_message in {where} to be the reason as it was sent",
        observed=f"{changed} (sent: {wording.value(reason, 200)}, came: {wording.value(came, 200)})",
        reply=seen,
        hint=_AS_DATA,
        fault=f"The reason was taken for a template: {changed}",
        persisted="a read shows the same" if equality.same(read.at("failure_message"), came) else "",
    )


def _changed(sent: str, came: str) -> str:
    """The first sign that was changed, and what became of it."""
    went, back = sent.split(" "), came.split(" ")
    steps = SequenceMatcher(a=went, b=back, autojunk=False).get_opcodes()
    _, start, end, begin, stop = next(step for step in steps if step[0] != "equal")
    if stop - begin == end - start:
        end, stop = start + 1, begin + 1  # Each sign became another one.
    became = " ".join(back[begin:stop])
    return f"`{' '.join(went[start:end])}` came back as {f'`{became}`' if became.strip() else 'nothing'}"
