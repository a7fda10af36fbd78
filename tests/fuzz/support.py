"""Helpers that the tests of fuzzing share: a run in this process, and its checks by id."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from conformance.fuzz.run import Order, run
from conformance.profile import load
from tests.support import CREDENTIAL_ENV, READ_PATH, TERMINAL, write_profile


@dataclass(frozen=True)
class Result:
    statistics: dict[str, Any]
    checks: dict[str, dict[str, Any]]
    lines: list[dict[str, Any]]
    folder: Path

    @property
    def wrong(self) -> dict[str, str]:
        return {name: check["outcome"] for name, check in self.checks.items() if check["outcome"] != "passed"}


def profile_for(folder: Path, api: str, url: str, **more: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    states = f"sandbox = true\n{TERMINAL if api == 'payout-intents' else READ_PATH}"
    return write_profile(folder, api, url, **{"states": states, **more})


def fuzz(folder: Path, api: str, url: str, *, examples: int = 12, seed: int = 1, **more: Any) -> Result:
    requirements = more.pop("requirements", ())
    budget_s = more.pop("budget_s", None)
    profile = load(profile_for(folder, api, url, **more), CREDENTIAL_ENV)
    statistics = run(profile, folder / "run", Order(examples, seed, tuple(requirements), budget_s))
    return result(folder / "run", statistics)


def result(folder: Path, statistics: dict[str, Any] | None = None) -> Result:
    kept = statistics if statistics is not None else json.loads((folder / "fuzz.json").read_text())
    lines = [json.loads(line) for line in (folder / "journal" / "fuzz.ndjson").read_text().splitlines()]
    checks = {line["check"]["id"].removeprefix("fuzz::"): line["check"] for line in lines}
    return Result(kept, checks, lines, folder)


apis = pytest.mark.parametrize("api", ["withdraws", "payout-intents"])
