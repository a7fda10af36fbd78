"""The resource that a check asks for, the resource that it gets, and the sources of resources."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from conformance import contracts
from conformance.contract import ResourceStates


@dataclass(frozen=True, slots=True)
class Wanted:
    """A resource in a state. `owner` and `environment` None mean the primary credentials' own.

    `extra` are further params of the provider-state message, by which the contract tells kinds of resources apart.
    """

    contract: str
    status: str
    owner: str | None = None
    environment: str | None = None
    webhook_url: str | None = None
    extra: tuple[tuple[str, Any], ...] = ()

    @classmethod
    def of(cls, contract: str, status: str, whose: str) -> Self:
        """Returns a resource in that state that belongs to these credentials."""
        if whose == "other_environment":
            return cls(contract, status, environment="other")
        return cls(contract, status, owner=None if whose == "primary" else whose)

    @property
    def whose(self) -> str:
        """The credentials of the profile that such a resource belongs to."""
        return self.owner or ("other_environment" if self.environment else "primary")

    def params(self) -> dict[str, Any]:
        """The `params` of a provider-state message: only what was asked for, in a fixed order."""
        everything = {
            "contract": self.contract,
            "status": self.status,
            "owner": self.owner,
            "environment": self.environment,
            **dict(self.extra),
            "webhook_url": self.webhook_url,
        }
        return {name: value for name, value in everything.items() if value is not None}

    @property
    def pool(self) -> str:
        """The list of ids in a profile that such a resource is taken from."""
        kind = self._states.kind(self.extra, self.status)
        return self.status if kind is None else kind.pool

    def state(self) -> str:
        """The provider state's name, as Pact handlers look it up."""
        return f"a {self._noun} with status {self.status}"

    def of_whom(self) -> str:
        """Returns the state, and the owner where that isn't the caller: `STATUS`, `STATUS, of other_merchant`."""
        whose = self.owner or ("the other environment" if self.environment else "")
        return f"{self.status}, of {whose}" if whose else self.status

    def described(self) -> str:
        """Returns the resource in words: its state, noun, owner, environment and kind, and where its webhooks go."""
        whose = f" of {self.owner}" if self.owner else ""
        where = " in the other environment" if self.environment else ""
        what = f"{self.status} {self._noun}"
        kind = self._states.kind(self.extra)
        support = "" if kind is None else kind.words
        heard = " whose webhooks come here" if self.webhook_url else ""
        return f"{contracts.contract(self.contract).a(what)}{whose}{where}{support}{heard}"

    @property
    def _noun(self) -> str:
        return contracts.contract(self.contract).noun

    @property
    def _states(self) -> ResourceStates:
        return contracts.contract(self.contract).states


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource of the target. `facts` are those that its provider told about it."""

    id: str
    wanted: Wanted
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """The state that it was handed over in."""
        return self.wanted.status


class Provisioner(Protocol):
    """A state source. Every method may raise NotTestable, which says what is missing."""

    def setup(self, wanted: Wanted) -> Resource:
        """Returns a resource in the wanted state."""

    def teardown(self, resource: Resource) -> None:
        """Offers a resource back; never raises."""

    def settle(self, resource: Resource) -> None:
        """Asks the target to try to pay the resource now."""
