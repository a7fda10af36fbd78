"""Credentials that come back: in an error for debugging, in a header, in the answer to TRACE."""

from collections.abc import Collection

from conformance.http import summary
from conformance.http.reply import Reply
from conformance.oracles import expect, wording
from conformance.suites.payout_intents.client import PayoutIntents

# A shorter value may stand in an answer by chance.
_TELLING = 16


def repeats_no_credentials(api: PayoutIntents, reply: Reply, what: str, sent: Collection[str] = ()) -> None:
    """The answer holds neither a secret of the profile, nor the encoded pair, nor a wrong secret that was `sent`."""
    pair = api.authorization().removeprefix("Basic ")
    held = {
        "the credentials that it was sent with": [pair, *api.secrets()],
        "the wrong secret that it was sent with": [*sent],
    }
    texts = list(reply.strings())
    for name, values in held.items():
        shown = any(len(one) >= _TELLING and one in text for text in texts for one in values)
        expect.that(
            not shown,
            expected=f"an answer to {what} without the credentials that it was asked with",
            observed=f"{name} stands in {_place(reply, values)} ({summary.of(reply)})",
            reply=reply,
            hint="A page for debugging shows the request: turn it off. A message needs no more than the key.",
            fault=f"{wording.capital(what)} was answered with {name} ({reply.status})",
        )


def _place(reply: Reply, values: Collection[str]) -> str:
    """Where it stands: a header by its name, or the body."""
    for name, text in reply.headers:
        if any(len(one) >= _TELLING and one in text for one in values):
            return f"the header {name}"
    return "the body"
