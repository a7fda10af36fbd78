"""Notes which listed resources were cancelled by their owner before anything else was sent about them.

What becomes of such a cancel is due to the state that the resource had: no request before can have changed that.
"""

from pathlib import Path

from conformance import contracts
from conformance.http.client import Request
from conformance.http.segment import segment
from conformance.model import Auth
from conformance.profile import Profile
from conformance.states.leases import Claims

FOLDER = "untouched"
_CANCEL, _OTHER = "cancel", "other"


class Untouched:
    """The first request about each id in a profile's lists, over all workers of the run in `folder`."""

    def __init__(self, profile: Profile, folder: Path) -> None:
        self._requests = contracts.contract(profile.target.api).requests
        self._keys = {name: pair.key for name, pair in profile.credentials.items()}
        self._left = _whose(profile)
        self._cancelled = Claims(folder / FOLDER, _CANCEL)
        self._other = Claims(folder / FOLDER, _OTHER)

    def note(self, request: Request) -> None:
        """Notes the ids that a request names, wherever, before it is sent. A documented read is no first request."""
        texts = [request.target, *(value for _, value in request.headers)]
        said = "\n".join([*texts, (request.body or b"").decode("utf-8", "replace")]).lower()
        for one in [one for one in list(self._left) if segment(one).lower() in said or one.lower() in said]:
            key = self._keys.get(self._left.pop(one, ""))
            by_owner = key is not None and any(key in value for _, value in request.headers)
            path = self._requests.cancel.replace("{id}", segment(one))
            plain = (request.method, request.target, request.auth) == ("POST", path, Auth.DOCUMENTED)
            (self._cancelled if plain and by_owner else self._other).claim(one)

    def has(self, identifier: str) -> bool:
        """Returns whether the first request about an id was its owner's documented cancel."""
        return self._cancelled.is_mine(identifier)


def is_all_that_shows(profile: Profile) -> bool:
    """Returns whether the answer to a cancel is all that shows the state of a listed resource: nothing can be read."""
    requests = contracts.contract(profile.target.api).requests
    return profile.states.ids is not None and not (requests.read or profile.states.read_path)


def _whose(profile: Profile) -> dict[str, str]:
    """Returns the owner of each listed id."""
    return {
        one: whose
        for whose, by_status in (profile.states.ids or {}).items()
        for ids in by_status.values()
        for one in ids
    }
