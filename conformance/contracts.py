"""Finds the contract of an API by the name that profiles write.

Contracts come from the packages below `conformance.suites`, from the entry point group `payout_conformance.contracts`,
each entry of which names a `Contract`, and from the folders that `--contract` names. Of such a folder only the package
that it holds can be imported: the folder around it is no place where Python looks for modules.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

from conformance.contract import Contract
from conformance.errors import HarnessError, UsageError

GROUP = "payout_conformance.contracts"
FOLDERS = "PAYOUT_CONFORMANCE_CONTRACTS"
"""The environment variable with the folders that `--contract` named, separated as in PATH: processes inherit it."""
_SUITES = Path(__file__).parent / "suites"


def add_folders(folders: Sequence[Path]) -> None:
    """Has contracts be found in these folders too, by this process and those that it starts.

    Raises UsageError where a folder holds no package with a contract.
    """
    known = list(filter(None, os.environ.get(FOLDERS, "").split(os.pathsep)))
    named = [str(folder.resolve()) for folder in folders]
    os.environ[FOLDERS] = os.pathsep.join(dict.fromkeys((*known, *named)))
    every.cache_clear()
    every()


@cache
def every() -> tuple[Contract, ...]:
    """Returns all contracts, sorted by name.

    Raises HarnessError where an installed contract can't be loaded, UsageError where one in a folder can't, or where
    two have the same name.
    """
    found = [*_own(), *_installed(), *_in_folders()]
    names = [one.name for one in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(
            f"two contracts are named {twice}",
            hint="Leave out --contract for a package that is installed, or rename one.",
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
    raise HarnessError(
        f"no contract is named {name}",
        hint=f"There are {', '.join(names())}. --contract names the folder of another one.",
    )


@cache
def checks_folder(name: str) -> Path:
    """Returns the folder with the checks of that API. Raises HarnessError where its contract names no such package."""
    package = contract(name).package
    try:
        spec = find_spec(package)
    except ModuleNotFoundError:
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise HarnessError(
            f"the contract {name} names the package {package}, which can't be imported",
            hint="It is the package with the checks, `conftest.py` and `test_*.py`.",
        )
    return Path(spec.submodule_search_locations[0])


def _own() -> Iterator[Contract]:
    for path in _SUITES.glob("*/contract.py"):
        yield import_module(f"conformance.suites.{path.parent.name}.contract").CONTRACT


def _installed() -> Iterator[Contract]:
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
        yield made


def _in_folders() -> Iterator[Contract]:
    for folder in filter(None, os.environ.get(FOLDERS, "").split(os.pathsep)):
        yield _in_folder(Path(folder))


def _in_folder(folder: Path) -> Contract:
    """Imports the package that is this folder, and nothing from beside it."""
    name, init = folder.name, folder / "__init__.py"
    if not (init.is_file() and (folder / "contract.py").is_file()):
        raise _unusable(folder, "it holds no __init__.py and contract.py")
    if not name.isidentifier():
        raise _unusable(folder, "its name can't be that of a Python package")
    present = sys.modules.get(name)
    if present is None:
        if find_spec(name) is not None:
            raise _unusable(folder, f"another module named {name} is there already")
        spec = spec_from_file_location(name, init, submodule_search_locations=[str(folder)])
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = present = module_from_spec(spec)
        try:
            spec.loader.exec_module(present)
        except Exception as fault:
            del sys.modules[name]
            raise _unusable(folder, f"{type(fault).__name__}: {fault}") from fault
    elif list(getattr(present, "__path__", ())) != [str(folder)]:
        raise _unusable(folder, f"another module named {name} is there already")
    try:
        made = import_module(f"{name}.contract").CONTRACT
    except Exception as fault:
        raise _unusable(folder, f"{type(fault).__name__}: {fault}") from fault
    if not isinstance(made, Contract):
        raise _unusable(folder, "CONTRACT in its contract.py is no Contract")
    return made


def _unusable(folder: Path, why: str) -> UsageError:
    return UsageError(
        f"{folder} can't be used as a contract: {why}",
        hint="Name the folder of a package with a contract.py; `payout-conformance new-contract` makes one.",
    )
