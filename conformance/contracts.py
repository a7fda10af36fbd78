"""Finds the contract of an API by the name that profiles write.

Contracts come from the packages below `conformance.suites` and from the entry point group
`payout_conformance.contracts`, each entry of which names a `Contract`.
"""

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

from conformance.contract import Contract
from conformance.errors import HarnessError

GROUP = "payout_conformance.contracts"
_SUITES = Path(__file__).parent / "suites"


@cache
def every() -> tuple[Contract, ...]:
    """Returns all contracts, sorted by name.

    Raises HarnessError where an installed contract can't be loaded, or two have the same name.
    """
    packages = [path.parent.name for path in _SUITES.glob("*/contract.py")]
    found: list[Contract] = [import_module(f"conformance.suites.{one}.contract").CONTRACT for one in packages]
    for entry in entry_points(group=GROUP):
        try:
            made = entry.load()
        except Exception as fault:
            raise HarnessError(
                f"the contract {entry.name} ({entry.value}) can't be loaded: {fault}",
                hint="Mend or uninstall the package that brings it.",
            ) from fault
        if not isinstance(made, Contract):
            raise HarnessError(
                f"{entry.value} is no Contract", hint="Mend or uninstall the package that brings it."
            )
        found.append(made)
    names = [one.name for one in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise HarnessError(
            f"two contracts are named {twice}", hint="Uninstall one of the packages that bring it."
        )
    return tuple(sorted(found, key=lambda one: one.name))


def names() -> tuple[str, ...]:
    """Returns the names of all APIs, as profiles write them."""
    return tuple(one.name for one in every())


def contract(name: str) -> Contract:
    """Returns the contract of that name. Raises HarnessError where there is none."""
    for one in every():
        if one.name == name:
            return one
    raise HarnessError(f"no contract is named {name}", hint=f"There are {', '.join(names())}.")
