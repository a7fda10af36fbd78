"""What an answer says in a few words, and what to do about a source of resources that answers like that."""

from conformance.http.reply import Reply
from conformance.profile import Profile
from conformance.report.safe import line
from conformance.states.resource import Wanted

WORDS = 300


def told(reply: Reply, limit: int = 80, *, code: bool = True) -> str:
    """An answer without secrets, in one visible line: its status, and its error `code`, or how its body begins."""
    named = reply.at("error.code")
    if code and isinstance(named, str) and named and limit < WORDS:
        return line(f"{reply.status} {named}", limit)
    text = reply.exchange.response_body.decode("utf-8", "backslashreplace")
    return f"{reply.status}: '{line(text, limit)}'" if text.strip() else f"{reply.status} without a body"


def source_of(profile: Profile, wanted: Wanted | None = None) -> str:
    """The key of the profile that names where resources come from."""
    states = profile.states
    if states.ids is not None:
        whose = "" if wanted is None or wanted.whose == "primary" else f".{wanted.whose}"
        return f"states.ids{whose}" + ("" if wanted is None else f".{wanted.status}")
    return "states.url" if states.url else "states.command" if states.command else "states.sandbox"


def advice(status: int, api: str = "") -> str:
    """What to look at where an endpoint answers a setup by that status."""
    if status in (401, 403):
        return "It refuses its caller: what it wants to see belongs into states.url, as ${NAME}."
    if status == 404:
        return (
            "If it answers everything like this, states.url isn't its address. Otherwise teach its setup this state, "
            "or leave what needs it untested."
        )
    if status == 422:
        names = "as states.terminal does" if api == "payout-intents" else "as the document does"
        return (
            f"Does it know this state by another name? params.status calls it {names}. "
            "Teach its setup this state, or leave what needs it untested."
        )
    if status == 429:
        return "It has a quota: set states.requests_per_second to what it allows."
    if status >= 500:
        return "It failed: its own log says why."
    return 'It has to be 200 with JSON that holds at least {"id": "..."}.'
