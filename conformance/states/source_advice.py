"""Names the profile's key of the state source in error messages, and advises where the source refuses."""

from conformance import contracts
from conformance.profile import Profile
from conformance.states.resource import Wanted


def source_of(profile: Profile, wanted: Wanted | None = None) -> str:
    """Returns the key of the profile that names the state source."""
    if profile.states.source == "ids":
        return "states.ids" if wanted is None else f"{ids_table(wanted.whose)}.{wanted.status}"
    return f"states.{profile.states.source}"


def ids_table(whose: str) -> str:
    """Returns the table of a profile that lists the ids of the resources that belong to these credentials."""
    return "states.ids" if whose == "primary" else f"states.ids.{whose}"


def advice(status: int, api: str = "") -> str:
    """Returns what to look at where an endpoint answers a setup by that status. `api` may be empty."""
    if status in (401, 403):
        return "It refuses its caller: what it wants to see belongs into states.headers or states.url, as ${NAME}."
    if status == 404:
        return (
            "If it answers everything like this, states.url isn't its address. Otherwise teach its setup this state, "
            "or leave what needs it untested."
        )
    if status == 422:
        by_profile = bool(api) and contracts.contract(api).states.named_by_profile
        names = "as states.terminal does" if by_profile else "as the document does"
        return (
            f"Does it know this state by another name? params.status calls it {names}. "
            "Teach its setup this state, or leave what needs it untested."
        )
    if status in (502, 503, 504):
        return "It, or what stands in front of it, wasn't available: its own log says why."
    if status == 429:
        return "It has a quota: set states.requests_per_second to what it allows."
    if status >= 500:
        return "It failed: its own log says why."
    return 'It has to be 200 with JSON that holds at least {"id": "..."}.'
