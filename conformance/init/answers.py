"""What has to be known to write a profile."""

import re
from dataclasses import dataclass
from enum import StrEnum

from conformance.profile import FIELDS


class Source(StrEnum):
    """Where resources come from: the four ways of `[states]`."""

    URL = "url"
    COMMAND = "command"
    IDS = "ids"
    SANDBOX = "sandbox"


@dataclass(frozen=True, slots=True)
class Answers:
    """Everything that somebody was asked. What a profile's API doesn't know is left out of it.

    `states_url` and `command` count for the source that they belong to; `prefix` begins the names of the variables.
    """

    name: str
    api: str
    base_url: str
    source: Source
    environment: str = "test"
    states_url: str = ""
    command: tuple[str, ...] = ()
    other_merchant: bool = True
    other_environment: bool = True
    read_path: str | None = None
    terminal: tuple[str, ...] = ("cancelled", "paid", "failed")
    cancel_processing: bool | None = None
    settlement: bool = False
    listen: str | None = None
    public_url: str | None = None
    requests_per_second: float | None = None
    prefix: str = ""

    @property
    def owners(self) -> tuple[str, ...]:
        """Whose credentials the profile will name, in the order of its tables."""
        others = ["other_merchant"] if self.other_merchant else []
        others += ["other_environment"] if self.other_environment and self.api == "payout-intents" else []
        return ("primary", *others)

    def variables(self, owner: str) -> dict[str, str]:
        """Key of a credential -> the environment variable that holds it: `ACME_API_KEY`."""
        start = self.prefix or variable_prefix(self.name, self.source)
        middle = "" if owner == "primary" else f"_{owner}"
        return {item: f"{start}{middle}_{item}".upper() for item in FIELDS[self.api]}


def slug(name: str) -> str:
    """A name as a file's: `Acme staging` -> `acme-staging`."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60] or "target"


def variable_prefix(name: str, source: Source) -> str:
    """What the names of a target's variables begin with; the sandbox prints its own as SANDBOX_..."""
    if source is Source.SANDBOX:
        return "SANDBOX"
    word = slug(name).replace("-", "_").upper()
    return word if word[0].isalpha() else f"T_{word}"
