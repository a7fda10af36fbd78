"""A profile as a run uses it: plain values, no file and no secret store behind them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

from conformance.model import Credentials, Target
from conformance.profile.recipes import Recipes

OWNERS = ("primary", "other_merchant", "other_environment")
"""The tables below `[credentials]`."""
SOURCES = ("url", "command", "ids", "requests", "sandbox")
"""The keys of `[states]` that say where resources come from, of which a profile has one."""
_LIVE = ("live", "production", "prod", "prd")
_NOT = ("pre", "non", "not")


def is_live(environment: str) -> bool:
    """Returns whether an environment is by its name the one where payouts are real: `live`, `production`, `prod-eu`.

    A word before it takes that back: `pre-production`, `non-live`.
    """
    words = ["", *re.split(r"[^a-z]+", environment.casefold())]
    return any(word in _LIVE and before not in _NOT for before, word in pairwise(words))


@dataclass(frozen=True, slots=True)
class Limits:
    """The load that a run may put on its target: seconds, requests per second, requests in flight, requests in all.

    `watch_s` is how long after the last cancel of the suites cancelled resources are looked at once more, in seconds.
    """

    timeout_s: float = 10.0
    requests_per_second: float | None = None
    concurrency: int = 8
    max_requests: int = 5000
    watch_s: float = 10.0


@dataclass(frozen=True, slots=True)
class States:
    """How resources are obtained: at most one of `url`, `command`, `ids`, `requests`, `sandbox`.

    `ids` maps an owner (`primary`, `other_merchant`, `other_environment`) to statuses to ids. `requests_per_second`
    is what a run may ask of the source alone; None means no limit. `terminal` is empty where the profile names none.
    """

    url: str | None = None
    command: tuple[str, ...] | None = None
    ids: Mapping[str, Mapping[str, tuple[str, ...]]] | None = None
    requests: Recipes | None = None
    sandbox: bool = False
    terminal: tuple[str, ...] = ()
    read_path: str | None = None
    requests_per_second: float | None = None
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def source(self) -> str | None:
        """The key of `[states]` that says where resources come from; None where the profile names no source."""
        return next((key for key in SOURCES if getattr(self, key) not in (None, False)), None)


@dataclass(frozen=True, slots=True)
class Profile:
    """One target and one API, ready to run against. `capabilities` holds None for what isn't declared.

    `headers` are sent with every request to the target, `proxy` is the address of the proxy in front of it, if any.
    """

    path: Path
    target: Target
    credentials: Mapping[str, Credentials]
    states: States
    capabilities: Mapping[str, bool | None]
    limits: Limits
    listen: str | None = None
    public_url: str | None = None
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    allow_live: bool = False
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    proxy: str | None = None

    @property
    def is_live(self) -> bool:
        """Whether payouts of the target are real, by the name of its environment."""
        return is_live(self.target.environment)

    def reads_only(self, name: str) -> bool:
        """Returns whether only reads may be sent with these credentials: live ones, without --allow-live."""
        pair = self.credentials.get(name)
        return pair is not None and is_live(pair.environment) and not self.allow_live

    def watching(self, watch_s: float | None) -> "Profile":
        """Returns this profile with another `limits.watch_s`; None leaves it."""
        return self if watch_s is None else replace(self, limits=replace(self.limits, watch_s=watch_s))
