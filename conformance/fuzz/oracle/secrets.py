"""Finds in an answer what none may show: secrets of the profile, and the account number of a resource."""

import re
from functools import lru_cache

from conformance.http.redact import SHORTEST, spelled
from conformance.http.reply import Reply
from conformance.profile import Profile
from conformance.states.accounts import account_numbers
from conformance.states.accounts import spelled as account_spelled
from conformance.states.resource import Resource


class Secrets:
    """The secrets of a profile that a target could repeat. The names of callers, which prove nothing, are none."""

    def __init__(self, profile: Profile | None) -> None:
        pairs = profile.credentials.values() if profile is not None else ()
        self._patterns = {
            pair.name: spelled(pair.secret) for pair in pairs if len(pair.secret) > 2 * SHORTEST
        }

    def shown(self, reply: Reply) -> str | None:
        """The name of a secret that stands in the answer in whatever form, None where none does."""
        whole = reply.body + b"\n".join(f"{n}: {v}".encode("latin-1", "replace") for n, v in reply.headers)
        return next((name for name, pattern in self._patterns.items() if pattern.search(whole)), None)


def account_shown(reply: Reply, resource: Resource) -> bool:
    """Whether an answer has the whole account number that the state provider told of a resource."""
    patterns = _patterns(tuple(account_numbers(resource.facts))) if resource.facts else ()
    return any(pattern.search(text) for pattern in patterns for text in reply.strings())


@lru_cache(maxsize=1024)
def _patterns(numbers: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    return tuple(map(account_spelled, numbers))
