"""What a check asks for, and what it gets."""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

# The list of ids of further kind: a list can't say so of each of its ids.
UNSUPPORTED = "processing_not_cancellable"
NOUNS = {"withdraws": "withdraw", "payout-intents": "payout intent"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A resource in a state. `owner` and `environment` None mean the primary credentials' own."""

    contract: str
    status: str
    owner: str | None = None
    environment: str | None = None
    provider_supports_cancel: bool | None = None
    webhook_url: str | None = None

    @property
    def whose(self) -> str:
        """The pair of the profile that such a resource belongs to."""
        return self.owner or ("other_environment" if self.environment else "primary")

    def params(self) -> dict[str, Any]:
        """The `params` of a provider-state message: only what was asked for."""
        everything = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in everything.items() if value is not None}

    @property
    def pool(self) -> str:
        """The list of ids in a profile that such a resource is taken from."""
        unsupported = self.provider_supports_cancel is False and self.status == "processing"
        return UNSUPPORTED if unsupported else self.status

    def state(self) -> str:
        """The provider state's name, as Pact handlers look it up."""
        return f"a {NOUNS[self.contract]} with status {self.status}"

    def of_whom(self) -> str:
        """The state, and whose it is where that isn't the caller: `pending`, `pending, of other_merchant`."""
        whose = self.owner or ("the other environment" if self.environment else "")
        return f"{self.status}, of {whose}" if whose else self.status

    def described(self) -> str:
        """For people: `a pending withdraw of other_merchant`, or one announced to a webhook address."""
        whose = f" of {self.owner}" if self.owner else ""
        where = " in the other environment" if self.environment else ""
        what = f"{self.status} {NOUNS[self.contract]}"
        support = (
            "" if self.provider_supports_cancel is None else " whose provider doesn't support cancelling"
        )
        heard = " whose webhooks come here" if self.webhook_url else ""
        return f"{'an' if what[0] in 'aeiou' else 'a'} {what}{whose}{where}{support}{heard}"


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of the target, handed over to be used. `facts` is what its provider told about it."""

    id: str
    wanted: Wanted
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """The state that it was handed over in."""
        return self.wanted.status


def alike(sample: str) -> str | None:
    """An id of the same make-up: its last characters replaced by others of their kind.

    None where there are too few of them: the result might name somebody's real resource.
    """
    found = re.search(r"[0-9A-Za-z]{8,}$", sample)
    if found is None or (found.group().isdigit() and len(found.group()) < 16):
        return None
    dice = random.SystemRandom()

    def other(letter: str) -> str:
        return dice.choice("0123456789" if letter.isdigit() else "abcdef" if letter.islower() else "ABCDEF")

    kept = max(found.start(), len(sample) - 12)
    return sample[:kept] + "".join(map(other, sample[kept:]))


class Provisioner(Protocol):
    """One way of obtaining resources. Every method may raise NotTestable, saying what is missing."""

    def setup(self, wanted: Wanted) -> Resource:
        """A resource in the wanted state."""

    def teardown(self, resource: Resource) -> None:
        """Offers a resource back; never raises."""

    def settle(self, resource: Resource) -> None:
        """Asks the target to try to pay the resource now."""
