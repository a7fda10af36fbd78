"""Maps each requirement to the checks that prove it, by the markers of the suites."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from conformance import catalogue, contracts, fuzz, items
from conformance.fuzz.oracle.checks import FuzzCheck
from conformance.items import check_id, first_line
from conformance.model import Level

_SUITES = Path(__file__).parent / "suites"
_OPTIONS = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS")


@dataclass(frozen=True, slots=True)
class Known:
    """A check that this build runs: what a record of it has to say of itself.

    `fuzz` tells that it belongs to the fuzzing, `sends` that it can't pass without an exchange of its own: it neither
    looks back on others nor belongs to the fuzzing, `watches` that it reads again what the run cancelled.
    """

    requirements: tuple[str, ...]
    level: Level
    fuzz: bool = False
    sends: bool = False
    watches: bool = False


@cache
def known(api: str, terminal: tuple[str, ...]) -> Mapping[str, Known]:
    """Returns every check of `api` by its id, for a profile that names these terminal states.

    Those of the fuzzing are all that it may leave in a record; a run leaves out those that nothing put to the test.
    """
    requirements = catalogue.load(api).by_id()
    found: dict[str, Known] = {}

    class Collector:
        def pytest_configure(self, config: pytest.Config) -> None:
            config.stash[items.TERMINAL] = terminal

        def pytest_collection_finish(self, session: pytest.Session) -> None:
            for item in session.items:
                watches = items.watches(item)
                sends = not (items.runs_last(item) or watches)
                found[check_id(item)] = Known(
                    items.requirements(item), items.level(item, requirements), sends=sends, watches=watches
                )

    quietly(["--collect-only", str(contracts.checks_folder(api))], [Collector()])
    fuzzed = {one.id: Known(one.requirements, one.level(requirements), fuzz=True) for one in fuzz.checks(api)}
    return {**found, **fuzzed}


def fuzzed(api: str, declared: Mapping[str, bool | None]) -> tuple[FuzzCheck, ...]:
    """Returns the checks of the fuzzing that a run does for a profile with these capabilities."""
    return fuzz.selected(api, (), declared)


@cache
def checks(api: str) -> Mapping[str, tuple[tuple[str, str], ...]]:
    """Returns, for each requirement id, its checks as (id, promise), by collecting the suites of `api`."""
    found: dict[str, list[tuple[str, str]]] = {}

    class Collector:
        def pytest_collection_finish(self, session: pytest.Session) -> None:
            for item in session.items:
                for mark in item.iter_markers("requirement"):
                    for one in mark.args:
                        found.setdefault(one, []).append((check_id(item), first_line(item)))

    quietly(["--collect-only", str(contracts.checks_folder(api))], [Collector()])
    for one, ids in fuzz.check_ids(api).items():
        for requirement in ids:
            found.setdefault(requirement, []).append((one, "Fuzzing finds no breach of it."))
    return {one: tuple(pairs) for one, pairs in found.items()}


def quietly(arguments: Sequence[str], plugins: Sequence[object]) -> int:
    """Runs pytest in this process, and returns its exit code.

    Isolated: it uses no configuration, conftest, plugins or cache of the current folder, and no pytest options of the
    environment.
    """
    kept = {name: os.environ.pop(name) for name in _OPTIONS if name in os.environ}
    try:
        return int(pytest.main([*quiet_pytest(), *arguments], plugins=list(plugins)))
    finally:
        os.environ.update(kept)


def quiet_pytest() -> list[str]:
    """Returns the arguments that isolate pytest; `quietly` also drops the options of the environment."""
    return [
        "--disable-plugin-autoload",
        "-p",
        "conformance.plugin",
        "-p",
        "no:terminal",
        "-p",
        "no:cacheprovider",
        # Nobody reads what these collect, which is work around each check, and a search for garbage in the end.
        *("-p", "no:logging", "-p", "no:unraisableexception", "-p", "no:threadexception"),
        "--capture=no",
        # Puts no folder where modules are looked for: beside a package of checks anything may lie.
        "--import-mode=importlib",
        "-c",
        str(_SUITES / "pytest.ini"),
        "--rootdir",
        str(_SUITES),
    ]
