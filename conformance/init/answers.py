"""The answers that a profile is written from."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from conformance import contracts
from conformance.contract import Contract


class Source(StrEnum):
    """Where resources come from: the ways of `[states]`."""

    URL = "url"
    COMMAND = "command"
    IDS = "ids"
    REQUESTS = "requests"
    SANDBOX = "sandbox"


@dataclass(frozen=True, slots=True)
class Create:
    """The target's own call that creates a resource: its path below the base URL, its body, and where the id stands.

    `magic` maps states to what they change of the body, `steps` states to requests (method, path) that follow. An
    empty `id` stands for the place of the id in a documented answer. `unsure` says of texts in the body that were made
    up what the document asks for instead.
    """

    path: str
    body: Mapping[str, Any] = field(default_factory=dict)
    id: str = ""
    magic: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    steps: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    unsure: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answers:
    """All answers. Those that mean nothing to the API are left out of the profile.

    `states_url` and `command` count for the source that they belong to; `prefix` begins the names of the variables.
    `capabilities` are those of the API alone; None leaves one undeclared. An empty `terminal` stands for the names
    that the contract suggests. `create` is for the source that belongs to it. `headers` are sent with every request;
    secrets stand in them as `${NAME}`. `scope` holds what isn't certified, and why.
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
    terminal: tuple[str, ...] = ()
    capabilities: Mapping[str, bool | None] = field(default_factory=dict)
    settlement: bool = False
    listen: str | None = None
    public_url: str | None = None
    requests_per_second: float | None = None
    prefix: str = ""
    create: Create | None = None
    headers: tuple[tuple[str, str], ...] = ()
    scope: Mapping[str, str] = field(default_factory=dict)

    @property
    def contract(self) -> Contract:
        """The contract of the API."""
        return contracts.contract(self.api)

    @property
    def final(self) -> tuple[str, ...]:
        """The final states that the profile names; empty where the document names them."""
        states = self.contract.states
        return (self.terminal or states.suggested) if states.named_by_profile else ()

    @property
    def owners(self) -> tuple[str, ...]:
        """The owners whose credentials the profile will name, in the order of its tables."""
        return ("primary", *(owner for owner in self.contract.others if getattr(self, owner)))

    def variables(self, owner: str) -> dict[str, str]:
        """Returns, for each credential field, the environment variable that holds it: `ACME_SECRET`."""
        start = self.prefix or variable_prefix(self.name, self.source)
        middle = "" if owner == "primary" else f"_{owner}"
        return {item: f"{start}{middle}_{item}".upper() for item in self.contract.authentication.fields}


def slug(name: str) -> str:
    """Returns a file name for a target: `Acme staging` -> `acme-staging`."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60] or "target"


def variable_prefix(name: str, source: Source) -> str:
    """Returns the beginning of the names of a target's variables; the sandbox prints its own as SANDBOX_..."""
    if source is Source.SANDBOX:
        return "SANDBOX"
    word = slug(name).replace("-", "_").upper()
    return word if word[0].isalpha() else f"T_{word}"
