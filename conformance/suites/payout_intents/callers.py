"""The callers whose credentials the profile has, and keys and reasons that no request has used."""

import secrets
from itertools import cycle
from uuid import uuid4

from conformance.errors import NotTestable
from conformance.http.auth import basic
from conformance.model import Credentials
from conformance.session import Session
from conformance.suites.payout_intents.reasons import plain

# So many characters stand behind a reason that is to be unlike others: no target may refuse one of 200 in all.
_MORE = (0, 60, 97, 98, 130, 170)


class Callers:
    """The credentials of a profile, and what a documented request is made of."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._lengths = cycle(_MORE)

    def new_key(self) -> str:
        """An Idempotency-Key that no request has used."""
        return str(uuid4())

    def new_reason(self) -> str:
        """A reason that stands nowhere else, in letters that nothing changes; of several lengths in turn."""
        reason, length = f"No longer needed {secrets.token_hex(6)}", next(self._lengths)
        return f"{reason} {plain(length)}" if length else reason

    def credentials(self, by: str = "primary") -> Credentials:
        """A pair of the profile. Raises NotTestable where it isn't there."""
        found = self._session.profile.credentials.get(by)
        if found is None:
            raise NotTestable(f"the profile has no [credentials.{by}]", hint=f"Add [credentials.{by}].")
        return found

    def authorization(self, *, by: str = "primary", secret: str | None = None) -> str:
        """The documented value of Authorization; `secret` replaces the right one."""
        pair = self.credentials(by)
        return basic(pair.key, pair.secret if secret is None else secret)

    def secrets(self) -> set[str]:
        """The secret keys of the profile that are too long to stand in an answer by chance."""
        return {pair.secret for pair in self._session.profile.credentials.values() if len(pair.secret) >= 8}

    def known_pairs(self) -> set[tuple[str, str]]:
        """Every pair that is right: what a changed one must not turn into by accident."""
        return {(one.key, one.secret) for one in self._session.profile.credentials.values()}

    def reads_only(self, name: str) -> bool:
        """Whether nothing but reads may be sent with a pair of the profile."""
        return self._session.profile.reads_only(name)

    @property
    def environment(self) -> str:
        """The environment that the primary credentials are for, as the profile calls it."""
        return self._session.profile.target.environment

    @property
    def environments(self) -> tuple[str, ...]:
        """The names that the target may give that environment: the profile's, and the API's where that is another."""
        own = self.environment
        api = "live" if self._session.profile.is_live else "test"
        return (own,) if own in ("test", "live") else (own, api)
